//! The gate: what closes it, what it says, and what it says to do next.

use assess::Verdict;
use jiff::SignedDuration;
use report::drift::{Dated, Place, Reports, compare};
use report::{FailOn, Gate, Policy, Report, Stand, State, gate};

use crate::samples;

fn policy(fail_on: FailOn) -> Policy {
    Policy { fail_on, max_age: None, min_coverage: None, now: "2026-03-04T02:14:07Z".parse().unwrap() }
}

/// A report in which nothing is open.
fn clean() -> Report {
    let mut report = samples::control_plane();
    for finding in &mut report.findings {
        if !finding.outside {
            finding.verdict = Verdict::Pass;
            finding.decision = State::None.into();
        }
    }
    count(&mut report);
    report
}

fn count(report: &mut Report) {
    report.counts.clear();
    let verdicts: Vec<Verdict> = report.demands().filter_map(|group| report::roll_up(group.iter())).collect();
    for verdict in verdicts {
        *report.counts.entry(verdict).or_default() += 1;
    }
}

fn against(before: &Report, after: &Report, past: &dyn Fn(&Place<'_>) -> Vec<Dated>) -> Gate {
    let drift = compare(&Reports { before, replayed: None, reprofiled: None, after }, past);
    gate(after, Some(&drift), &policy(FailOn::New))
}

fn new(before: &Report, after: &Report) -> Gate {
    against(before, after, &|_| Vec::new())
}

fn told(gate: &Gate) -> String {
    format!("{:?}\n{}\nnext: {}\n", gate.stand, gate.told.join("\n"), gate.next)
}

#[test]
fn without_a_baseline_what_is_open_closes_it() {
    let report = samples::control_plane();
    let stand = |report: &Report, fail_on| gate(report, None, &policy(fail_on)).stand;
    for (fail_on, expected) in [
        // What could not be seen is not silenced.
        (FailOn::None, Stand::Unseen),
        (FailOn::Required, Stand::Closed),
        (FailOn::New, Stand::Closed),
        (FailOn::Any, Stand::Closed),
    ] {
        assert_eq!(stand(&report, fail_on), expected, "{fail_on:?}");
        assert_eq!(stand(&clean(), fail_on), Stand::Open, "{fail_on:?}");
    }
    let mut unseen = clean();
    unseen.findings[5].verdict = Verdict::Unknown;
    unseen.findings[5].decision = State::Required.into();
    assert_eq!(stand(&unseen, FailOn::Required), Stand::Unseen);
    assert_eq!(stand(&unseen, FailOn::Any), Stand::Closed);
    let mut asked = clean();
    asked.findings[5].verdict = Verdict::Manual;
    asked.findings[5].decision = State::Unanswered.into();
    assert_eq!(stand(&asked, FailOn::Required), Stand::Open);
    assert_eq!(stand(&asked, FailOn::Any), Stand::Closed);
    asked.findings[5].decision = State::Required.into();
    assert_eq!(stand(&asked, FailOn::Required), Stand::Closed, "answered: it does not hold");
    insta::assert_snapshot!("gate_required", told(&gate(&report, None, &policy(FailOn::Required))));
}

#[test]
fn what_was_open_before_closes_no_gate_for_new_failures() {
    let report = samples::control_plane();
    let same = new(&report, &report);
    assert_eq!((same.stand, same.told), (Stand::Open, Vec::new()));
    let worse = new(&clean(), &report);
    assert_eq!(worse.stand, Stand::Closed);
    insta::assert_snapshot!("gate_new", told(&worse));
    assert_eq!(new(&report, &clean()).stand, Stand::Open);
}

#[test]
fn what_nobody_can_see_any_more_is_not_good() {
    let mut after = clean();
    after.findings[5].verdict = Verdict::Unknown;
    after.findings[5].decision = State::Required.into();
    count(&mut after);
    let gate = new(&clean(), &after);
    assert_eq!(gate.stand, Stand::Unseen);
    assert!(gate.told[0].starts_with("visibility-lost"), "{:?}", gate.told);
}

#[test]
fn a_profile_or_a_tool_turns_no_gate_red_by_itself() {
    let mut after = samples::control_plane();
    after.profiles[0].digest = "another".to_owned();
    let before = clean();
    // The evidence of the earlier run, judged by today's profile, says the same as today's.
    let drift = compare(
        &Reports { before: &before, replayed: Some(&before), reprofiled: Some(&after), after: &after },
        &|_| Vec::new(),
    );
    let by_profile = gate(&after, Some(&drift), &policy(FailOn::New));
    assert_eq!(by_profile.stand, Stand::Open, "{:?}", by_profile.told);
    assert!(by_profile.told.iter().all(|line| line.starts_with("note: ") && line.contains("new to the profile")));
    // Without the evidence nobody knows, and a gate does not hope.
    assert_eq!(new(&before, &after).stand, Stand::Closed);
}

#[test]
fn what_was_accepted_closes_it_when_that_ends_and_names_its_owner() {
    let mut accepted = samples::control_plane();
    let mut ended = accepted.clone();
    for (report, state) in [(&mut accepted, State::Accepted), (&mut ended, State::Overdue)] {
        for finding in report.findings.iter_mut().filter(|finding| finding.verdict == Verdict::Fail) {
            finding.decision = samples::decision(state);
        }
    }
    assert_eq!(new(&accepted, &accepted).stand, Stand::Open);
    let expired = new(&accepted, &ended);
    assert_eq!(expired.stand, Stand::Closed);
    insta::assert_snapshot!("gate_expired", told(&expired));
    let mut lapsed = ended.clone();
    for finding in lapsed.findings.iter_mut().filter(|finding| finding.verdict == Verdict::Fail) {
        finding.decision = samples::decision(State::Required);
    }
    let gate = new(&accepted, &lapsed);
    assert_eq!(gate.stand, Stand::Closed);
    assert!(gate.told[0].starts_with("no longer accepted") && gate.told[0].contains("etcd-team"), "{:?}", gate.told);
    // Under another cluster's register nothing is accepted any more.
    let mut foreign = lapsed.clone();
    samples::decide(&mut foreign);
    for finding in &mut foreign.findings {
        finding.decision = State::default_for(finding.verdict, finding.outside).into();
    }
    foreign.register.as_mut().unwrap().foreign = Some("it speaks of another".to_owned());
    let gate = new(&accepted, &foreign);
    assert_eq!(gate.stand, Stand::Closed);
    assert!(gate.told[0].contains("the register speaks of another cluster"), "{:?}", gate.told);
}

#[test]
fn a_failure_that_came_back_is_told_with_its_dates() {
    let past = |_: &Place<'_>| {
        let dated = |time: &str, verdict| Dated { time: time.to_owned(), verdict };
        vec![dated("2026-01-01T00:00:00Z", Verdict::Fail), dated("2026-02-01T00:00:00Z", Verdict::Pass)]
    };
    let gate = against(&clean(), &samples::control_plane(), &past);
    assert!(
        gate.told[0].contains("failed before, on 2026-01-01 00:00:00 UTC, mended by 2026-02-01"),
        "{:?}",
        gate.told
    );
}

#[test]
fn coverage_and_age_have_bounds() {
    let report = clean();
    let mut policy = policy(FailOn::Required);
    // 6 of 8.
    for (least, stand) in [(75, Stand::Open), (76, Stand::Unseen), (100, Stand::Unseen)] {
        policy.min_coverage = Some(least);
        assert_eq!(gate(&report, None, &policy).stand, stand, "{least}");
    }
    policy.min_coverage = None;
    for (hours, stand) in [(24 * 365, Stand::Open), (1, Stand::Unseen)] {
        policy.max_age = Some(SignedDuration::from_hours(hours));
        let gate = gate(&report, None, &policy);
        assert_eq!(gate.stand, stand, "{hours}: {:?}", gate.told);
    }
    let mut undated = report;
    undated.run.captures[0].taken = None;
    assert_eq!(gate(&undated, None, &policy).stand, Stand::Unseen);
}
