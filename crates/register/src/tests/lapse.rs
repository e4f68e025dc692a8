//! An exception: what it rests on, and what ends it or makes it due.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use assess::{Judged, Verdict};
use jiff::civil::date;

use super::{DAY, content, context, decided, judged, observed, outcome, port, sample};
use crate::{Asked, Context, Decider, Decision, Register, State, Trigger, state};

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
    let foreign = decided(|_, context, _| context.uids = BTreeSet::from(["another".to_owned()]));
    assert_eq!(foreign, State::Required.into());
    // A role may be known where no label is: a scope that asks for more may or may not fit.
    let only_role = |scope: &[(&str, &str)]| {
        let scope = scope.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        decided(|register, context, _| {
            register.owners[1].of.nodes.clear();
            register.exceptions[0].scope.nodes = scope;
            context.labels.insert("w1".to_owned(), [("role".to_owned(), "worker".to_owned())].into());
        })
    };
    lapsed(only_role(&[("pool", "storage")]), "it speaks of labels, and of w1 only the role was seen");
    lapsed(only_role(&[("pool", "storage"), ("role", "worker")]), "of w1 only the role was seen");
    assert_eq!(only_role(&[("role", "worker")]).state, State::Accepted);
    for scope in [&[("role", "control-plane")][..], &[("role", "control-plane"), ("pool", "storage")]] {
        let other = only_role(scope);
        assert_eq!((other.state, other.lapsed.len()), (State::Required, 0), "{scope:?}");
    }
    // The cluster's own objects are on no node.
    let of_cluster = decided(|_, context, _| {
        context.labels.clear();
        context.clusters.insert("w1".to_owned());
    });
    assert_eq!(of_cluster, State::Required.into());
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
    due(decided(|register, _, _| register.exceptions[0].accepted.expected = None), "it does not say what was demanded");
    let provider = |then: Option<&str>, now: Option<&str>| {
        decided(|register, context, _| {
            register.exceptions[0].review = vec![Trigger::ProviderUpgrade];
            register.exceptions[0].accepted.under.provider = then.map(str::to_owned);
            context.now.provider = now.map(str::to_owned);
        })
    };
    let cluster = |then: Option<&str>, now: Option<&str>| {
        decided(|register, context, _| {
            register.exceptions[0].review = vec![Trigger::ClusterRecreated];
            register.exceptions[0].accepted.under.cluster = then.map(str::to_owned);
            context.now.cluster = now.map(str::to_owned);
        })
    };
    due(provider(Some("v1.36.1-eks-3"), Some("v1.36.1-eks-4")), "v1.36.1-eks-3 then, v1.36.1-eks-4 now");
    due(cluster(Some("one"), Some("another")), "this is another cluster: one then, another now");
    // What is not known fires nothing, and what is not asked for neither.
    for quiet in [
        provider(Some("v1"), Some("v1")),
        provider(Some("v1"), None),
        provider(None, Some("v1")),
        cluster(Some("one"), Some("one")),
        cluster(Some("one"), None),
        decided(|register, context, _| {
            register.exceptions[0].review.clear();
            context.now.kubernetes = Some("1.37".to_owned());
        }),
    ] {
        assert_eq!((quiet.state, quiet.due), (State::Accepted, Vec::new()));
    }
    let narrowed = decided(|_, context, all| {
        context.narrowed = true;
        all.truncate(1);
    });
    due(narrowed, "lies outside what was looked at");
}

/// Two profiles that demand one control with two bounds: an exception speaks of the one that it was accepted for.
#[test]
fn an_exception_for_one_bound_does_not_decide_the_other() {
    const CONTROL: &str = "apiserver-audit-log-max-age";
    const FACT: &str = "kube-apiserver.auditLogMaxAge";
    let content = content();
    let fails = || outcome(Verdict::Fail, "component", "kube-apiserver", vec![observed(FACT, Some("5"))]);
    let (month, mut week) = (judged(content, CONTROL, fails()), judged(content, CONTROL, fails()));
    week.parameters.insert("days".to_owned(), 7.into());
    let all = [month, week];
    let [month, week] = all.each_ref().map(|demand| demand.control.expected(&demand.parameters));
    assert_ne!(month, week);
    let mut register = sample(content);
    register.exceptions[0].control = CONTROL.to_owned();
    register.exceptions[0].scope = crate::Scope::default();
    register.exceptions[0].accepted.state = state(Verdict::Fail, &all[0].outcomes[0].1.observed);
    register.exceptions[0].compensating.control = None;
    let states = |register: &Register, all: &[Judged<'_>]| {
        let decider = Decider::new(register, context(DAY), all);
        let each = all.iter().map(|demand| {
            let decision = decider.decide(&Asked { demand, capture: "w1", outcome: &demand.outcomes[0].1 });
            (decision.state, decision.lapsed.len(), decision.due.len())
        });
        each.collect::<Vec<_>>()
    };
    let (holds, open) = ((State::Accepted, 0, 0), (State::Required, 0, 0));
    register.exceptions[0].accepted.expected = Some(month.clone());
    assert_eq!(states(&register, &all), [holds, open]);
    register.exceptions[0].accepted.expected = Some(week);
    assert_eq!(states(&register, &all), [open, holds]);
    // One that was accepted for neither is due for both.
    register.exceptions[0].accepted.expected = Some("x is 1".to_owned());
    assert_eq!(states(&register, &all), [(State::Accepted, 0, 1); 2]);
    // Where the other is not demanded, the bound has changed.
    register.exceptions[0].accepted.expected = Some(month);
    assert_eq!(states(&register, &all[1..]), [(State::Accepted, 0, 1)]);
    // Each demand with an exception of its own.
    let mut both = register.clone();
    both.exceptions.push(register.exceptions[0].clone());
    both.exceptions[1].accepted.expected = Some(all[1].control.expected(&all[1].parameters));
    assert_eq!(states(&both, &all), [holds; 2]);
}
