//! What differs between two reports, and how it looks.

mod causes;
pub(crate) mod nodes;
mod promises;

use std::collections::BTreeSet;

use assess::Verdict;
use insta::assert_snapshot;
use report::drift::{Cause, Change, Dated, Drift, Event, Kind, Place, Regressed, Reports, compare, is_whole};
use report::{Decision, Finding, Options, Report, State, Subject, drift};

use crate::samples;

fn nobody(_: &Place<'_>) -> Vec<Dated> {
    Vec::new()
}

fn between(before: &Report, after: &Report) -> Drift {
    compare(&Reports { before, replayed: None, reprofiled: None, after }, &nobody)
}

fn counted(mut report: Report) -> Report {
    report.counts.clear();
    for verdict in report.demands().filter_map(|group| report::roll_up(group.iter())).collect::<Vec<_>>() {
        *report.counts.entry(verdict).or_default() += 1;
    }
    report
}

fn finding<'r>(report: &'r mut Report, control: &str) -> &'r mut Finding {
    report.findings.iter_mut().find(|finding| finding.control == control).unwrap()
}

fn change<'d>(drift: &'d Drift, control: &str) -> &'d Change {
    let mut all = drift.changes.iter().filter(|change| change.control == control && change.kind != Kind::Unchanged);
    let one = all.next().unwrap_or_else(|| panic!("{control} did not change: {:#?}", drift.counts));
    assert!(all.next().is_none(), "{control} changed in more than one way");
    one
}

fn fail(finding: &mut Finding) {
    finding.verdict = Verdict::Fail;
    finding.reason = format!("{} is wrong", finding.component);
    finding.decision = State::Required.into();
}

const TOKENS: &str = "apiserver-token-auth-file";

#[test]
fn what_fails_and_did_not_is_new_and_the_other_way_fixed() {
    let before = samples::control_plane();
    let mut after = before.clone();
    fail(finding(&mut after, TOKENS));
    let drift = between(&before, &counted(after.clone()));
    assert_eq!(
        (change(&drift, TOKENS).kind, change(&drift, TOKENS).causes.as_slice()),
        (Kind::New, &[Cause::Cluster][..])
    );
    assert!(drift.is_worse() && drift.changes[0].control == TOKENS);
    let back = between(&counted(after), &before);
    assert_eq!(change(&back, TOKENS).kind, Kind::Fixed);
    assert!(!back.is_worse());
}

#[test]
fn a_failure_that_was_mended_before_has_regressed_with_dates() {
    let before = samples::control_plane();
    let mut after = before.clone();
    fail(finding(&mut after, TOKENS));
    let dated = |time: &str, verdict| Dated { time: time.to_owned(), verdict };
    let (failed, passed) = ("2025-11-01T00:00:00Z", "2025-12-01T00:00:00Z");
    for (past, expected) in [
        (vec![dated(passed, Verdict::Pass)], None),
        (vec![dated(failed, Verdict::Fail), dated(passed, Verdict::Pass)], Some((failed, passed))),
        // The report that is compared with is the first that shows it mended.
        (vec![dated(passed, Verdict::Fail)], Some((passed, "2026-03-01T02:14:07.250Z"))),
    ] {
        let ask = |place: &Place<'_>| {
            assert_eq!((place.control, place.node), (TOKENS, "cp-1"), "only new failures are asked for");
            past.clone()
        };
        let reports = Reports { before: &before, replayed: None, reprofiled: None, after: &after };
        let drift = compare(&reports, &ask);
        let told = change(&drift, TOKENS);
        let when =
            expected.map(|(failed, mended)| Regressed { failed: failed.to_owned(), mended: Some(mended.to_owned()) });
        assert_eq!(told.kind, if when.is_some() { Kind::Regressed } else { Kind::New });
        assert_eq!(told.regressed, when);
    }
}

#[test]
fn what_is_no_longer_seen_is_not_fixed() {
    let before = samples::control_plane();
    let mut after = before.clone();
    let unseen = finding(&mut after, "etcd-client-certificate-auth");
    unseen.verdict = Verdict::Unknown;
    unseen.basis = None;
    let after = counted(after);
    let drift = between(&before, &after);
    assert_eq!(change(&drift, "etcd-client-certificate-auth").kind, Kind::VisibilityLost);
    assert!(!drift.is_worse() && drift.is_blinder());
    let back = between(&after, &before);
    let told = change(&back, "etcd-client-certificate-auth");
    assert_eq!(told.kind, Kind::VisibilityGained);
    assert!(told.is_new_failure() && back.is_worse(), "nobody knew that it fails");
}

#[test]
fn a_subject_that_is_gone_is_fixed_only_where_the_others_were_seen() {
    let before = samples::control_plane();
    let files = |report: &mut Report| {
        let failed = report.findings.iter_mut().find(|own| own.control == "pki-certificate-modes").unwrap();
        failed.subjects.pop();
    };
    let mut after = before.clone();
    files(&mut after);
    assert_eq!(change(&between(&before, &after), "pki-certificate-modes").kind, Kind::Fixed);
    let mut hidden = finding(&mut after, "pki-certificate-modes").clone();
    hidden.verdict = Verdict::Unknown;
    hidden.subjects =
        vec![Subject { kind: "set".to_owned(), name: "certificates".to_owned(), captures: vec!["cp-1".to_owned()] }];
    after.findings.insert(0, hidden);
    let drift = between(&before, &after);
    let kinds: BTreeSet<Kind> =
        drift.changes.iter().filter(|own| own.control == "pki-certificate-modes").map(|own| own.kind).collect();
    assert_eq!(kinds, [Kind::VisibilityLost, Kind::Unchanged].into());
}

#[test]
fn an_acceptance_that_no_longer_holds_is_worse() {
    let accepted = |state: State| {
        let mut report = samples::control_plane();
        finding(&mut report, "etcd-client-certificate-auth").decision =
            Decision { owner: Some("platform".to_owned()), until: Some("2026-02-28".to_owned()), ..state.into() };
        report
    };
    let drift = between(&accepted(State::Accepted), &accepted(State::Overdue));
    assert_eq!((drift.decisions[0].event, drift.is_worse()), (Event::Expired, true));
    let told = drift::terminal(&drift, &Options::default());
    assert!(told.starts_with("WORSE: 1 acceptance has expired.") && told.contains("Ask platform about 2.2."), "{told}");
    let settled = between(&samples::control_plane(), &accepted(State::Accepted));
    assert_eq!((settled.decisions[0].event, settled.is_worse()), (Event::Settled, false));
    // What is new and accepted at once is told, and no reason to be red.
    let mut before = accepted(State::Accepted);
    finding(&mut before, "etcd-client-certificate-auth").verdict = Verdict::Pass;
    let known = between(&counted(before), &accepted(State::Accepted));
    assert_eq!((known.count(Kind::New), known.is_worse()), (1, false));
    let told = drift::terminal(&known, &Options::default());
    assert!(told.starts_with("Nothing got worse.\n") && told.contains("1 new and settled"), "{told}");
}

/// The first word is the exit code of `compare`.
#[test]
fn what_lies_outside_of_what_a_source_shows_is_not_worse() {
    let before = samples::control_plane();
    let mut after = before.clone();
    let unseen = finding(&mut after, TOKENS);
    unseen.verdict = Verdict::Unknown;
    for (outside, state, worse) in
        [(false, State::Required, true), (true, State::None, false), (false, State::Accepted, false)]
    {
        let unseen = finding(&mut after, TOKENS);
        (unseen.outside, unseen.decision) = (outside, state.into());
        let drift = between(&before, &counted(after.clone()));
        let told = drift::terminal(&drift, &Options::default());
        assert_eq!((drift.is_worse(), drift.is_blinder(), told.starts_with("WORSE")), (false, worse, worse), "{told}");
        assert_eq!(told.contains("1 no longer seen, which nobody has to act on"), !worse, "{told}");
        assert_eq!(drift::markdown(&drift).contains("**Worse: "), worse);
    }
}

#[test]
fn a_filtered_report_is_not_whole() {
    let report = counted(samples::control_plane());
    assert!(is_whole(&report));
    assert!(!is_whole(&report::filter(&report, &[Verdict::Fail].into())));
}

/// A drift with something of everything.
pub(crate) fn sample() -> Drift {
    let mut before = samples::two_nodes();
    let mut after = before.clone();
    after.run.captures[0].taken = Some("2026-04-01T02:00:00Z".to_owned());
    after.run.captures[0].identity.insert("kernel".to_owned(), "6.12.61".to_owned());
    fail(finding(&mut after, TOKENS));
    fail(finding(&mut after, "apiserver-anonymous-access"));
    let fixed = finding(&mut after, "etcd-client-certificate-auth");
    fixed.verdict = Verdict::Pass;
    fixed.decision = State::None.into();
    fixed.observed[0].value = Some("true".to_owned());
    let seen = finding(&mut after, "kubelet-anonymous");
    fail(seen);
    seen.basis = Some(evidence::Basis::Running);
    let answered = finding(&mut after, "kubelet-pod-pids-limit");
    answered.decision =
        Decision { by: Some("kim".to_owned()), owner: Some("platform".to_owned()), ..State::Answered.into() };
    before.findings.retain(|own| own.control != "kubelet-protect-kernel");
    before.run.captures.push(samples::capture("cp-3", &[("kubelet", "running")]));
    after.run.captures.push(samples::capture("cp-4", &[("kubelet", "running")]));
    let (before, after) = (counted(before), counted(after));
    let dated = |place: &Place<'_>| {
        let failed = Dated { time: "2025-11-01T00:00:00Z".to_owned(), verdict: Verdict::Fail };
        if place.control == TOKENS { vec![failed] } else { Vec::new() }
    };
    compare(&Reports { before: &before, replayed: None, reprofiled: None, after: &after }, &dated)
}

#[test]
fn it_looks_like_this() {
    assert_snapshot!("drift_terminal", drift::terminal(&sample(), &Options::default()));
    assert_snapshot!(
        "drift_verbose",
        drift::terminal(&sample(), &Options { verbose: true, width: 100, ..Options::default() })
    );
    assert_snapshot!("drift_markdown", drift::markdown(&sample()));
    let same = between(&counted(samples::two_nodes()), &counted(samples::two_nodes()));
    assert_snapshot!("drift_of_nothing", drift::terminal(&same, &Options::default()));
}

#[test]
fn the_record_satisfies_its_schema() {
    let validator = jsonschema::validator_for(&drift::schema()).unwrap();
    let told = drift::json(&sample());
    let value = serde_json::from_str(&told).unwrap();
    assert!(
        validator.is_valid(&value),
        "{:?}",
        validator.iter_errors(&value).map(|error| error.to_string()).collect::<Vec<_>>()
    );
    assert_eq!(serde_json::from_str::<Drift>(&told).unwrap(), sample());
}
