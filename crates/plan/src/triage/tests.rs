//! Findings in each state, and what is missing of them.

use serde_json::json;

use super::*;

fn finding(control: &str, verdict: &str, priority: &str, decision: &serde_json::Value) -> serde_json::Value {
    json!({
        "control": control, "title": format!("title of {control}"), "component": "kubelet", "priority": priority,
        "parameters": {}, "cited_by": [{ "profile": "cis-2.0.1", "id": "4.2.1", "section": "4.2", "level": 1,
        "assessment": "automated" }], "verdict": verdict, "equivalent": null, "basis": null, "reason": "it is so",
        "help": null, "outside": false, "expected": "", "observed": [], "notes": [],
        "subjects": [{ "kind": "component", "name": "kubelet", "captures": ["n1"] }], "why": "", "remediation": "",
        "decision": decision,
    })
}

fn report(register: bool, recorded: bool, findings: &[serde_json::Value]) -> Report {
    let register = register.then(|| {
        json!({ "name": "production", "digest": "d", "as_of": "2026-11-26", "accepted": {}, "overdue": {}, "unused": [] })
    });
    let recorded = recorded.then(|| json!({ "run": "id", "number": 7, "head": "0123456789abcdef" }));
    serde_json::from_value(json!({
        "schema": report::SCHEMA, "tool": { "name": "kube-assay", "version": "test" },
        "run": { "selection": null, "recorded": recorded, "captures": [{ "name": "n1", "source": "node", "taken": null,
            "root": "/", "identity": {}, "rights": [], "sees": [], "components": {}, "remarks": [], "cuts": [],
            "catalogue": "" }] },
        "platform": { "name": "kubeadm", "reason": "" }, "kubernetes": null,
        "profiles": [{ "name": "cis-2.0.1", "title": "", "reason": "", "digest": "", "tailoring": [], "not_covered": [],
            "notes": [] }],
        "warnings": [], "coverage": { "within_reach": 0, "decided": 0, "outside": 0 }, "counts": {}, "decisions": {},
        "register": register, "findings": findings,
    }))
    .unwrap()
}

fn plan() -> Plan {
    serde_json::from_value(json!({
        "schema": crate::SCHEMA, "tool": "test", "platform": "kubeadm", "kubernetes": null, "nodes": [], "owners": [],
        "steps": [], "by_hand": [], "left": [], "patches": [],
    }))
    .unwrap()
}

fn told(report: &Report, past: Option<&Past<'_>>) -> Vec<(String, Option<Stage>, String)> {
    let plan = plan();
    let asked =
        Asked { report, plan: &plan, file: "report.json", past, may_be_accepted: &|control| control != "never" };
    let triage = asked.triage(&[]);
    let stage = |progress: &Progress<'_>| {
        let missing = progress.missing();
        let said = missing.and_then(|told| told.next.clone()).unwrap_or_default();
        (progress.finding.control.clone(), missing.map(|told| told.stage), said)
    };
    triage.all.iter().map(stage).collect()
}

#[test]
fn the_first_step_that_is_missing_is_told_by_state() {
    let owned =
        |state: &str| json!({ "state": state, "owner": "node-team", "until": "2027-01-01", "entry": "r.yaml:3" });
    let findings = [
        finding("nobody", "fail", "medium", &json!({ "state": "required" })),
        finding("open", "fail", "critical", &owned("required")),
        finding("never", "fail", "critical", &owned("required")),
        finding("late", "fail", "high", &owned("overdue")),
        finding(
            "refuted",
            "manual",
            "high",
            &json!({ "state": "required", "owner": "node-team", "by": "ann on 2026-11-01", "entry": "r.yaml:3" }),
        ),
        finding("asked", "manual", "high", &owned("unanswered")),
        finding("unseen", "unknown", "high", &owned("required")),
        finding("accepted", "fail", "high", &owned("accepted")),
        finding("theirs", "unknown", "contextual", &json!({ "state": "provider-owned" })),
        finding("passes", "pass", "critical", &json!({ "state": "none" })),
    ];
    let expected = [
        ("open", Some(Stage::Settle), "kube-assay plan --report report.json, or"),
        (
            "never",
            Some(Stage::Settle),
            "kube-assay plan --report report.json (a failure of never may never be accepted)",
        ),
        (
            "late",
            Some(Stage::Settle),
            "kube-assay plan --report report.json, or decide anew: edit `recheck` of the entry",
        ),
        (
            "refuted",
            Some(Stage::Settle),
            "kube-assay plan --report report.json, then answer anew: edit the answer (r.yaml:3)",
        ),
        ("asked", Some(Stage::Settle), "kube-assay register add asked --report report.json"),
        ("unseen", Some(Stage::Settle), "kube-assay scan --profile cis-2.0.1 --control unseen --register REGISTER"),
        ("accepted", Some(Stage::Store), "kube-assay scan --profile cis-2.0.1 --register REGISTER --history"),
        ("nobody", Some(Stage::Own), "add to its owners"),
        ("theirs", Some(Stage::Store), "kube-assay scan"),
    ];
    let now = report(true, false, &findings);
    let all = told(&now, None);
    assert_eq!(all.len(), expected.len(), "a pass needs no step: {all:?}");
    for ((control, stage, next), (name, missing, begins)) in all.iter().zip(expected) {
        assert_eq!((control.as_str(), *stage), (name, missing));
        assert!(next.starts_with(begins), "{name}: {next}");
    }
    let kept = report(true, true, &findings);
    let done = told(&kept, None);
    assert!(done.iter().any(|(control, stage, _)| control == "accepted" && stage.is_none()), "{done:?}");
    assert_eq!(told(&report(false, true, &findings[..1]), None)[0].1, Some(Stage::Own));
}

#[test]
fn a_history_tells_since_when_and_whether_a_later_run_says_otherwise() {
    let accepted = json!({ "state": "accepted", "owner": "node-team", "until": "2027-01-01", "entry": "r.yaml:3" });
    let report = report(true, true, &[finding("accepted", "fail", "high", &accepted)]);
    let earlier = |run: u64, verdict, state| Earlier { run, at: format!("2026-11-0{run}"), verdict, state };
    let said = |all: Vec<Earlier>| {
        let plan = plan();
        let past = |_: &Finding| all.clone();
        let asked = Asked { report: &report, plan: &plan, file: "r", past: Some(&past), may_be_accepted: &|_| true };
        let progress = asked.triage(&[]).all.remove(0);
        (progress.stages[3].mark, progress.stages[3].said.clone())
    };
    let fail = |run| earlier(run, Verdict::Fail, State::Required);
    let held = |run| earlier(run, Verdict::Fail, State::Accepted);
    for (past, mark, words) in [
        (vec![fail(1), held(2), held(7)], Mark::Done, "accepted in run 7 of 2026-11-07, since run 2 of 2026-11-02"),
        (vec![held(1), fail(2), held(7)], Mark::Done, "accepted in run 7 of 2026-11-07, for the first time"),
        (
            vec![held(7), fail(8)],
            Mark::Missing,
            "this report says accepted, and the last run, 8 of 2026-11-08, does not",
        ),
        (vec![fail(1)], Mark::Done, "this report says accepted, and no run of the history did"),
        (vec![], Mark::Done, "this report says accepted, and no run of the history did"),
    ] {
        assert_eq!(said(past), (mark, words.to_owned()));
    }
}

/// What is not open asks nobody for anything, whoever may own it.
#[test]
fn what_passes_wants_no_owner() {
    let report = report(true, true, &[finding("passes", "pass", "critical", &json!({ "state": "none" }))]);
    let plan = plan();
    let asked = Asked { report: &report, plan: &plan, file: "r", past: None, may_be_accepted: &|_| true };
    let triage = asked.triage(&["passes".to_owned()]);
    assert_eq!(triage.all[0].missing(), None);
    assert_eq!(triage.all[0].stages[0].said, "nobody has to: nothing is open");
}

#[test]
fn foreign_words_steer_nothing_and_are_no_command() {
    let mut hostile = finding("x; reboot", "fail", "high", &json!({ "state": "required", "owner": "a\u{1b}[2J" }));
    hostile["title"] = json!("t\u{202e}\n");
    let report = report(true, false, &[hostile]);
    let plan = plan();
    let asked = Asked { report: &report, plan: &plan, file: "$(reboot)", past: None, may_be_accepted: &|_| true };
    let text = terminal(&asked.triage(&[]), true, 80);
    assert!(text.lines().all(|line| report::inert(line) == line), "{text}");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(!text.contains("; reboot"), "{text}");
    assert!(text.contains("kube-assay register add CONTROL --report '$(reboot)'"), "{text}");
}
