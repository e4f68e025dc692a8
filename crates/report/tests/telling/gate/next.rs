//! The last line: what to do next, for whom, and where it is kept.

use super::*;

/// What settles it, by what it is; what may never be accepted is not offered to be.
#[test]
fn next_offers_what_settles_it() {
    const MODE: &str =
        "kube-assay explain 1.1.20), or have 1.1.20 accepted: kube-assay register add --report REPORT 1.1.20";
    let entry = Some("register.yaml:29".to_owned());
    let by = |state| report::Decision { by: Some("ann".to_owned()), entry: entry.clone(), ..samples::decision(state) };
    let unnamed = |state| report::Decision { by: None, ..by(state) };
    let cases: [(&str, Verdict, report::Decision, FailOn, &str); 7] = [
        ("2.2", Verdict::Fail, State::Required.into(), FailOn::Required, "mend 2.2 (kube-assay explain 2.2)"),
        ("1.1.20", Verdict::Fail, State::Required.into(), FailOn::Required, MODE),
        (
            "1.1.20",
            Verdict::Fail,
            by(State::Overdue),
            FailOn::Required,
            "etcd-team decides anew about 1.1.20: edit `expires` of the entry (register.yaml:29)",
        ),
        (
            "1.1.20",
            Verdict::Unknown,
            unnamed(State::Overdue),
            FailOn::Required,
            "etcd-team decides anew about 1.1.20: edit `recheck` of the entry (register.yaml:29)",
        ),
        (
            "1.1.20",
            Verdict::Manual,
            by(State::Required),
            FailOn::Required,
            "mend what 1.1.20 asks for, then answer anew: edit the answer (register.yaml:29)",
        ),
        (
            "1.1.20",
            Verdict::Manual,
            unnamed(State::Required),
            FailOn::Required,
            "answer 1.1.20: kube-assay register add --report REPORT 1.1.20",
        ),
        (
            "1.1.20",
            Verdict::Unknown,
            State::Required.into(),
            FailOn::Any,
            "let the audit see 1.1.20 (kube-assay explain 1.1.20)",
        ),
    ];
    for (id, verdict, decision, fail_on, next) in cases {
        let mut report = clean();
        let finding = report.findings.iter_mut().find(|finding| finding.id() == id).unwrap();
        (finding.verdict, finding.decision) = (verdict, decision);
        let gate = gate(&report, None, &policy(fail_on));
        assert_eq!(gate.stand, Stand::Closed, "{next}");
        assert!(gate.next.ends_with(next), "{next}: {}", gate.next);
        assert_eq!(gate.next.contains("accepted"), next.contains("accepted"), "{}", gate.next);
    }
}

#[test]
fn a_report_that_is_kept_is_named() {
    for (kept, named) in
        [(None, "--report REPORT 1.1.20"), (Some("night run.json"), "--report 'night run.json' 1.1.20")]
    {
        let policy = Policy { kept: kept.map(str::to_owned), ..policy(FailOn::Required) };
        let gate = gate(&samples::control_plane(), None, &policy);
        assert!(gate.next.ends_with(named), "{}", gate.next);
    }
}

/// Many lines hide the last one, which says what to do.
#[test]
fn many_findings_are_told_in_few_lines() {
    let mut report = samples::control_plane();
    let failure = report.findings.iter().find(|finding| finding.verdict == Verdict::Fail).unwrap().clone();
    report.findings.extend(std::iter::repeat_n(failure, 22));
    let gate = gate(&report, None, &policy(FailOn::Required));
    let told: Vec<&str> = gate.told.iter().map(String::as_str).filter(|line| !line.starts_with("not seen")).collect();
    assert_eq!((told.len(), told.last()), (11, Some(&"and 14 more")), "{told:?}");
}

/// A baseline that was decided by a register is no match for a run without one.
#[test]
fn a_forgotten_register_is_told() {
    let mut before = samples::registered();
    for finding in before.findings.iter_mut().filter(|finding| finding.verdict == Verdict::Fail) {
        finding.decision = samples::decision(State::Accepted);
    }
    let gate = new(&before, &samples::control_plane());
    assert_eq!(gate.stand, Stand::Closed);
    let why = "no register was given, and the baseline was decided by one (--register FILE)";
    assert!(gate.told.iter().any(|line| line.contains(why)), "{:?}", gate.told);
}
