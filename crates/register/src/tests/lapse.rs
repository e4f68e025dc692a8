//! An exception: what it rests on, and what ends it or makes it due.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use assess::{Judged, Verdict};
use jiff::civil::date;

use super::{decided, observed, outcome, port};
use crate::{Context, Decision, Register, State};

#[test]
fn an_exception_holds_as_long_as_everything_stays() {
    let decision = decided(|_, _, _| ());
    assert_eq!(decision.state, State::Accepted);
    assert_eq!(decision.owner.as_deref(), Some("storage-team"));
    assert_eq!(decision.source.as_deref(), Some("the storage pool's image"));
    assert_eq!(decision.until.as_deref(), Some("2027-03-31"));
    assert_eq!(decision.by.as_deref(), Some("security-office"));
    assert_eq!(decision.entry.as_deref(), Some("register.yaml:29"));
    assert!(decision.evidence[0].ends_with("(network-policies-in-every-namespace passes)"), "{:?}", decision.evidence);
    assert_eq!((decision.due, decision.lapsed), (Vec::new(), Vec::new()));
}

#[test]
fn an_exception_ends_for_a_reason_that_is_told() {
    let lapsed = |decision: Decision, why: &str| {
        assert_eq!(decision.state, State::Required, "{decision:?}");
        assert!(decision.lapsed.iter().any(|told| told.contains(why)), "{why}: {:?}", decision.lapsed);
        assert_eq!(decision.owner.as_deref(), Some("storage-team"));
    };
    lapsed(
        decided(|_, _, all| all[0].outcomes[0].1 = Arc::new(port("10250"))),
        "kubelet.readOnlyPort was 10255, is 10250",
    );
    let unseen = |all: &mut Vec<Judged<'_>>| {
        all[0].outcomes[0].1 =
            Arc::new(outcome(Verdict::Unknown, "component", "kubelet", vec![observed("kubelet.readOnlyPort", None)]));
    };
    lapsed(decided(|_, _, all| unseen(all)), "kubelet.readOnlyPort was 10255, is (unknown)");
    lapsed(
        decided(|_, _, all| Arc::make_mut(&mut all[1].outcomes[0].1).verdict = Verdict::Fail),
        "which compensates for it, does not pass: it fails",
    );
    lapsed(
        decided(|_, _, all| Arc::make_mut(&mut all[1].outcomes[0].1).verdict = Verdict::Unknown),
        "does not pass: it could not be seen",
    );
    lapsed(
        decided(|register, _, _| register.exceptions[0].accepted.since = date(2026, 12, 1)),
        "register.yaml:29: it holds from 2026-12-01 on, which is later than this day",
    );
    let no_labels = decided(|register, context, _| {
        context.labels.clear();
        register.owners[1].of.nodes.clear();
    });
    lapsed(no_labels, "those of w1 were not seen");
    lapsed(decided(|_, _, all| all.truncate(1)), "was not judged: no profile demands it");
    let refused = |_: &mut Register, context: &mut Context, _: &mut Vec<Judged<'_>>| {
        context.refused.insert(29, "one person".to_owned());
    };
    let told = decided(refused);
    assert_eq!(told.lapsed, ["register.yaml:29: refused by `register lint`: one person"]);
    assert_eq!(told.state, State::Required);
    let foreign = decided(|_, context, _| context.names = BTreeSet::from(["another".to_owned()]));
    assert_eq!(foreign, State::Required.into());
    // Another pool is simply not meant.
    let elsewhere = decided(|register, context, _| {
        context.labels.get_mut("w1").unwrap().insert("pool".to_owned(), "web".to_owned());
        register.owners.clear();
    });
    assert_eq!((elsewhere.state, elsewhere.lapsed.len(), elsewhere.owner), (State::Required, 0, None));
}

#[test]
fn an_exception_expires_and_then_names_its_owner() {
    for (day, state) in [
        (date(2027, 3, 30), State::Accepted),
        (date(2027, 3, 31), State::Accepted),
        (date(2027, 4, 1), State::Overdue),
        (date(2030, 1, 1), State::Overdue),
    ] {
        let decision = decided(|_, context, _| context.as_of = day);
        let term = if state == State::Overdue { "expired after 2027-03-31" } else { "until 2027-03-31" };
        assert_eq!(decision.term().as_deref(), Some(term));
        assert_eq!((decision.state, decision.owner.as_deref()), (state, Some("storage-team")), "{day}");
    }
}

#[test]
fn what_has_changed_since_makes_an_exception_due() {
    let due = |decision: Decision, why: &str| {
        assert_eq!(decision.state, State::Accepted, "{decision:?}");
        assert!(decision.due.iter().any(|told| told.contains(why)), "{why}: {:?}", decision.due);
    };
    due(decided(|_, context, _| context.now.kubernetes = Some("1.37".to_owned())), "1.36 then, 1.37 now");
    due(
        decided(|_, context, _| context.profiles = BTreeMap::from([("cis-2.0.1".to_owned(), "ffff".to_owned())])),
        "demands something else",
    );
    due(
        decided(|_, context, _| context.profiles = BTreeMap::from([("cis-3".to_owned(), "ffff".to_owned())])),
        "now it is cis-3",
    );
    due(
        decided(|register, _, _| register.exceptions[0].accepted.expected = Some("x is 1".to_owned())),
        "it was \"x is 1\"",
    );
    let narrowed = decided(|_, context, all| {
        context.narrowed = true;
        all.truncate(1);
    });
    due(narrowed, "lies outside what was looked at");
}
