//! The gate: what closes it, what it says, and what it says to do next.

mod next;

use assess::Verdict;
use jiff::SignedDuration;
use report::drift::{Dated, Place, Reports, compare};
use report::{FailOn, Gate, OtherDay, Policy, Report, Stand, State, gate, other_day};

use crate::drift::nodes::{SPREAD, pool};
use crate::samples;

fn policy(fail_on: FailOn) -> Policy {
    Policy {
        fail_on,
        max_age: None,
        min_coverage: None,
        now: "2026-03-04T02:14:07Z".parse().unwrap(),
        listed: None,
        kept: None,
    }
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
    let noted = by_profile.told.iter().filter(|line| line.contains("new to the profile, not to the cluster")).count();
    assert!(noted > 0 && by_profile.told.iter().all(|line| line.starts_with("note: ")), "{:?}", by_profile.told);
    // Without the evidence nobody knows, and a gate does not hope.
    assert_eq!(new(&before, &after).stand, Stand::Closed);
}

/// What happens to a finding.
type Changes<'c> = &'c dyn Fn(&mut report::Finding);

#[test]
fn a_known_failure_in_another_state_closes_it() {
    const ETCD: &str = "etcd-client-certificate-auth";
    let etcd = |change: &dyn Fn(&mut report::Finding)| {
        let mut report = samples::control_plane();
        change(report.findings.iter_mut().find(|finding| finding.control == ETCD).unwrap());
        report
    };
    let value = |finding: &mut report::Finding, fact: &str, value: &str| {
        finding.observed.push(samples::observed(fact, Some(value), "observed", "somewhere", true));
    };
    let before = etcd(&|finding| value(finding, "kernel.version", "6.12.48"));
    let cases: [(Changes<'_>, Stand, &str); 5] = [
        (&|own| value(own, "etcd.trusted", "all"), Stand::Closed, "now: etcd.trusted = all)"),
        (&|own| own.observed[0].value = None, Stand::Closed, "before: etcd.client-cert-auth = false; now: etcd"),
        // How directly it was seen is no state, and what an update brings is none.
        (&|own| own.basis = Some(evidence::Basis::Declared), Stand::Open, "note: evidence-changed: 2.2 "),
        (
            &|own| own.observed.last_mut().unwrap().value = Some("6.12.49".to_owned()),
            Stand::Open,
            "note: evidence-changed",
        ),
        // Somebody knows it.
        (
            &|own| {
                value(own, "etcd.trusted", "all");
                own.decision = samples::decision(State::Accepted);
            },
            Stand::Open,
            "",
        ),
    ];
    for (change, stand, line) in cases {
        let mut after = before.clone();
        change(after.findings.iter_mut().find(|finding| finding.control == ETCD).unwrap());
        let gate = new(&before, &after);
        assert_eq!(gate.stand, stand, "{:?}", gate.told);
        assert!(gate.told.iter().any(|told| told.contains(line)) || line.is_empty(), "{:?}", gate.told);
        let closed = stand == Stand::Closed;
        let known = |told: &String| told.starts_with("known failure in another state: 2.2 ");
        assert_eq!(gate.told.iter().any(known), closed, "{:?}", gate.told);
        assert_eq!(gate.next.contains("--fail-on none takes all that is open as known"), closed, "{}", gate.next);
    }
    // The tool reads more of the same evidence.
    let after = etcd(&|own| value(own, "etcd.trusted", "all"));
    let mut older = before;
    older.tool.version = "0.0.9".to_owned();
    let reports = Reports { before: &older, replayed: Some(&after), reprofiled: Some(&after), after: &after };
    let by_tool = gate(&after, Some(&compare(&reports, &|_| Vec::new())), &policy(FailOn::New));
    assert_eq!(by_tool.stand, Stand::Open, "{:?}", by_tool.told);
    assert!(by_tool.told.iter().any(|line| line.starts_with("note: evidence-changed")), "{:?}", by_tool.told);
}

#[test]
fn a_failure_that_spreads_over_its_pool_closes_it() {
    for (before, after, known) in SPREAD {
        let gate = new(&pool(before), &pool(after));
        let failures: Vec<&String> = gate.told.iter().filter(|line| line.contains("4.2.1 ")).collect();
        let line = if known { "note: on nodes that are new, as in their pool before: " } else { "new: 4.2.1 " };
        assert_eq!(gate.stand == Stand::Closed, !known, "{before} {after}: {:?}", gate.told);
        assert!(failures.iter().any(|told| told.starts_with(line)), "{before} {after}: {:?}", gate.told);
        assert_eq!(failures.iter().any(|told| told.starts_with("note: ")), known, "{before} {after}: {:?}", gate.told);
    }
}

#[test]
fn a_node_that_was_not_looked_at_is_not_gone_unless_the_cluster_says_so() {
    let before = pool("ab");
    for (listed, narrowed, stand, line) in [
        (None, false, Stand::Unseen, "not looked at, and in the baseline: a"),
        (Some(["a", "b"].as_slice()), false, Stand::Unseen, "not looked at, and in the baseline: a"),
        (Some(&["b"]), false, Stand::Open, "note: no longer there: a"),
        // Whoever narrowed the audit knows.
        (Some(&["a", "b"]), true, Stand::Open, "note: not looked at, and in the baseline: a"),
    ] {
        let mut after = pool("b");
        after.run.selection = narrowed.then(|| "only nodes b".to_owned());
        let drift =
            compare(&Reports { before: &before, replayed: None, reprofiled: None, after: &after }, &|_| Vec::new());
        let listed = listed.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        let gate = gate(&after, Some(&drift), &Policy { listed, ..policy(FailOn::New) });
        assert_eq!(gate.stand, stand, "{:?}", gate.told);
        assert!(gate.told.iter().any(|told| told == line), "{line}: {:?}", gate.told);
        let forgets = gate.next.ends_with("a run with --fail-on none forgets nodes that are gone for good");
        assert_eq!(forgets, stand == Stand::Unseen, "{}", gate.next);
    }
}

/// What closes no gate must not go by in silence.
/// A control plane that is gone from a node passes nothing by that.
#[test]
fn a_component_that_runs_no_more_is_missed() {
    let before = clean();
    let mut after = before.clone();
    for capture in &mut after.run.captures {
        capture.components.retain(|name, _| name == "kubelet" || name == "kube-proxy");
    }
    let gate = new(&before, &after);
    assert_eq!(gate.stand, Stand::Unseen, "{}", told(&gate));
    assert!(
        gate.told[0].contains("and runs there no more: ") && gate.told[0].contains("kube-apiserver"),
        "{}",
        told(&gate)
    );
    // Of what is there now and was not, nobody is missed; nor is what gives way to another.
    assert_eq!(new(&after, &before).stand, Stand::Open);
    let mut other = before.clone();
    other.run.captures.iter_mut().for_each(|capture| drop(capture.components.remove("kube-proxy")));
    assert_eq!(new(&before, &other).stand, Stand::Open);
}

/// What a tailoring changes is told, at most five of it.
#[test]
fn a_tailoring_is_told() {
    let before = clean();
    let mut after = before.clone();
    after.profiles[0].tailoring = (1..=7).map(|at| format!("1.2.{at} is left out: no")).collect();
    let gate = new(&before, &after);
    let notes: Vec<&String> = gate.told.iter().filter(|line| line.contains("is a tailoring")).collect();
    assert_eq!((gate.stand, notes.len()), (Stand::Open, 6), "{}", told(&gate));
    assert!(notes[0].contains("1.2.1 is left out: no") && notes[5].ends_with("2 more changes"), "{}", told(&gate));
}

#[test]
fn an_open_gate_says_what_it_did_not_look_at() {
    const TOKENS: &str = "apiserver-token-auth-file";
    let turned = |verdict: Verdict, state: State, outside: bool| {
        let mut after = samples::control_plane();
        let finding = after.findings.iter_mut().find(|finding| finding.control == TOKENS).unwrap();
        (finding.verdict, finding.decision, finding.outside) = (verdict, state.into(), outside);
        after
    };
    let changed = |change: &dyn Fn(&mut Report)| {
        let mut after = samples::control_plane();
        change(&mut after);
        after
    };
    let cases = [
        (
            turned(Verdict::Unknown, State::None, true),
            "lies outside of what this source shows, and did not before: 1.2.2",
        ),
        (turned(Verdict::NotApplicable, State::None, false), "no longer applies: 1.2.2"),
        (
            turned(Verdict::Manual, State::Unanswered, false),
            "is asked of a person now, and was decided by evidence before: 1.2.2",
        ),
        (
            changed(&|after| after.profiles[0].digest.push('0')),
            "the profile cis-2.0.1 demands something else than in the baseline",
        ),
        (
            changed(&|after| after.platform.name = "eks".to_owned()),
            "not read as the same platform: kubeadm before, eks now",
        ),
        (
            changed(&|after| after.run.selection = Some("only controls x".to_owned())),
            "not the same was judged: everything before, only controls x now. What one side left out is told as not demanded \
             by it",
        ),
    ];
    for (after, line) in cases {
        let gate = new(&samples::control_plane(), &after);
        assert_eq!((gate.stand, gate.told), (Stand::Open, vec![format!("note: {line}")]));
    }
}

#[test]
fn decisions_of_another_day_are_told_as_such() {
    let told = |day: &str| {
        let mut report = samples::registered();
        day.clone_into(&mut report.register.as_mut().unwrap().as_of);
        let gate = gate(&report, None, &policy(FailOn::Required));
        gate.told.iter().any(|line| line.starts_with(&format!("note: decisions were judged as of {day}: ")))
    };
    // Now is 4 March; it may still be the day before somewhere.
    for (day, expected) in
        [("2026-03-02", true), ("2020-01-01", true), ("2026-03-03", false), ("2026-03-05", false), ("2026-03-06", true)]
    {
        assert_eq!(told(day), expected, "{day}");
    }
    let mut report = samples::registered();
    for (day, other) in [("2026-03-02", "past"), ("2026-03-04", "now"), ("2026-03-06", "future"), ("soon", "now")] {
        day.clone_into(&mut report.register.as_mut().unwrap().as_of);
        let told = match other_day(&report, policy(FailOn::New).now) {
            Some(OtherDay::Past(_)) => "past",
            Some(OtherDay::Future(_)) => "future",
            None => "now",
        };
        assert_eq!(told, other, "{day}");
    }
}

/// Another profile must not hide what the cluster did meanwhile.
#[test]
fn what_is_demanded_anew_closes_it_unless_it_failed_before() {
    const ETCD: &str = "etcd-client-certificate-auth";
    let after = samples::control_plane();
    let mut before = after.clone();
    before.findings.retain(|finding| finding.control != ETCD);
    before.profiles[0].digest = "another".to_owned();
    count(&mut before);
    let answer = |verdict: Option<Verdict>| {
        let mut then = after.clone();
        then.findings.retain(|finding| finding.control != ETCD || verdict.is_some());
        for finding in then.findings.iter_mut().filter(|finding| finding.control == ETCD) {
            finding.verdict = verdict.unwrap_or(finding.verdict);
        }
        then
    };
    for (then, stand) in [
        (Some(answer(Some(Verdict::Fail))), Stand::Open),
        (Some(answer(Some(Verdict::Pass))), Stand::Closed),
        (Some(answer(Some(Verdict::Unknown))), Stand::Closed),
        // Its subject was not there.
        (Some(answer(None)), Stand::Closed),
        // The evidence of then was not kept.
        (None, Stand::Closed),
    ] {
        let reports = Reports { before: &before, replayed: None, reprofiled: then.as_ref(), after: &after };
        let gate = gate(&after, Some(&compare(&reports, &|_| Vec::new())), &policy(FailOn::New));
        assert_eq!(gate.stand, stand, "{:?}", gate.told);
        let line = if stand == Stand::Open { "note: demanded: 2.2 " } else { "demanded: 2.2 " };
        assert!(gate.told.iter().any(|told| told.starts_with(line)), "{:?}", gate.told);
    }
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
    // Of nothing nothing was decided.
    let mut blind = report.clone();
    (blind.coverage.within_reach, blind.coverage.decided) = (0, 0);
    for (least, stand) in [(0, Stand::Open), (1, Stand::Unseen), (100, Stand::Unseen)] {
        policy.min_coverage = Some(least);
        assert_eq!(gate(&blind, None, &policy).stand, stand, "{least}");
    }
    policy.min_coverage = None;
    for (hours, stand) in [(24 * 365, Stand::Open), (1, Stand::Unseen)] {
        policy.max_age = Some(SignedDuration::from_hours(hours));
        let gate = gate(&report, None, &policy);
        assert_eq!(gate.stand, stand, "{hours}: {:?}", gate.told);
    }
    // Two clocks may differ, and not by more.
    for (taken, stand) in [("2026-03-04T02:20:00Z", Stand::Open), ("2026-03-04T03:00:00Z", Stand::Unseen)] {
        let mut ahead = report.clone();
        ahead.run.captures[0].taken = Some(taken.to_owned());
        let gate = gate(&ahead, None, &policy);
        assert_eq!(gate.stand, stand, "{taken}: {:?}", gate.told);
        assert_eq!(gate.told.iter().any(|line| line.contains("is dated in the future")), stand == Stand::Unseen);
    }
    let mut undated = report;
    undated.run.captures[0].taken = None;
    assert_eq!(gate(&undated, None, &policy).stand, Stand::Unseen);
}
