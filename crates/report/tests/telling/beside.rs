//! A report beside the runs before it: what is new, and how it went.

use std::collections::BTreeMap;

use assess::Verdict;
use report::drift::{self, Drift, Reports};
use report::{
    Beside, Options, PastRun, Report, State, filter, filter_demands, github, html, junit, markdown, sarif, terminal,
};
use serde_json::Value;

use crate::drift::nodes::{SPREAD, pool};
use crate::{every, html as page, samples};

const TOKENS: &str = "apiserver-token-auth-file";

pub(crate) fn between(before: &Report, after: &Report) -> Drift {
    drift::compare(&Reports { before, replayed: None, reprofiled: None, after }, &|_| Vec::new())
}

/// The run before: the first failure passed, the first pass failed, and one more failed that is no longer there.
pub(crate) fn earlier(report: &Report) -> Report {
    let mut before = report.clone();
    for (was, is) in [(Verdict::Pass, Verdict::Fail), (Verdict::Fail, Verdict::Pass)] {
        let index = report.findings.iter().position(|finding| finding.verdict == is);
        if let Some(finding) = index.map(|at| &mut before.findings[at]) {
            finding.verdict = was;
            finding.decision = if was == Verdict::Fail { State::Required } else { State::None }.into();
        }
    }
    if let Some(mut gone) = report.findings.first().cloned() {
        gone.control.push_str("-before");
        gone.verdict = Verdict::Fail;
        before.findings.push(gone);
    }
    before
}

pub(crate) fn past(bad: &str) -> Vec<PastRun> {
    let run = |at: usize| PastRun {
        run: format!("20260201T02140{at}Z-ba7816bf{bad}"),
        time: if bad.is_empty() { format!("2026-02-01T02:14:0{at}Z") } else { bad.to_owned() },
        counts: BTreeMap::from([(Verdict::Fail, at), (Verdict::Pass, 9 - at)]),
    };
    (0..4).map(run).collect()
}

/// One new failure, one that is fixed, one that is gone, and all else as it was.
fn sample() -> (Report, Drift) {
    let mut report = samples::registered();
    let finding = report.findings.iter_mut().find(|finding| finding.control == TOKENS).unwrap();
    finding.verdict = Verdict::Fail;
    "kube-apiserver.token-auth-file is set".clone_into(&mut finding.reason);
    finding.decision = State::Required.into();
    let mut before = samples::registered();
    let mended = before.findings.iter_mut().find(|finding| finding.control == "apiserver-anonymous-access").unwrap();
    mended.verdict = Verdict::Fail;
    let mut gone = mended.clone();
    "gone".clone_into(&mut gone.control);
    before.findings.push(gone);
    let drift = between(&before, &report);
    (report, drift)
}

#[test]
fn how_it_looks() {
    let (report, drift) = sample();
    let told = html(&report, &Beside { past: &past(""), drift: Some(&drift), whole: None });
    let section = |id: &str| {
        let (_, rest) = told.split_once(&format!("<section aria-labelledby=\"{id}\">")).unwrap();
        rest.split_once("</section>").unwrap().0.to_owned()
    };
    insta::assert_snapshot!("since", section("since"));
    insta::assert_snapshot!("summary", section("summary"));
    insta::assert_snapshot!("decisions", section("decisions"));
}

#[test]
fn a_terminal_tells_what_changed_in_short() {
    let (report, drift) = sample();
    let beside = Beside { drift: Some(&drift), ..Beside::default() };
    let told = terminal(&report, &beside, &Options::default());
    let (_, rest) = told.split_once("---- since the baseline -").unwrap();
    insta::assert_snapshot!("terminal", rest.trim_start_matches('-').split_once("Start with").unwrap().0);
    assert!(!terminal(&report, &Beside::default(), &Options::default()).contains("since the baseline"));
}

/// A narrowed report no longer holds what makes a demand's verdict graver; the whole one beside it does.
#[test]
fn a_part_is_told_as_one_where_the_rest_is_not_told() {
    let whole = samples::in_part();
    let told = filter(&whole, &[Verdict::Pass].into());
    let beside = Beside { whole: Some(&whole), ..Beside::default() };
    for told in [markdown(&told, &beside), github(&told, &beside), html(&told, &beside)] {
        assert_eq!(told.matches("PASS in part").count(), 3, "{told}");
        assert!(told.contains("1 of 4 namespaces; UNKNOWN in 3"), "{told}");
    }
    let demands = filter_demands(&whole, &[Verdict::Pass].into());
    assert!(demands.findings.iter().all(|finding| finding.cited_by[0].id.starts_with("1.2.")), "{demands:?}");
}

#[test]
fn what_is_new_is_marked_in_every_format() {
    let (report, drift) = sample();
    let beside = Beside { drift: Some(&drift), ..Beside::default() };
    let told = markdown(&report, &beside);
    assert!(told.contains("| FAIL<br>new | 1.2.2 |") && told.contains("| PASS<br>fixed | 1.2.1 |"), "{told}");
    assert!(told.contains("- since the baseline: new: was PASS: "), "{told}");
    let told = junit(&report, &beside);
    assert!(told.contains("message=\"FAIL (new): kube-apiserver.token-auth-file is set"), "{told}");
    assert!(told.contains("<property name=\"worse\" value=\"1 new failure\"/>"), "{told}");
    let told = github(&report, &beside);
    let first = told.lines().find(|line| line.starts_with("::error")).unwrap();
    assert!(first.contains("FAIL 1.2.2 (new)"), "what is new stands first: {first}");
    let told = html(&report, &beside);
    let document = page::parsed(&told);
    let changes: Vec<&str> = document
        .descendants()
        .filter_map(|node| node.attribute("data-change"))
        .filter(|change| !change.is_empty())
        .collect();
    assert_eq!(changes, ["new", "fixed"]);
}

#[test]
fn without_a_baseline_nothing_is_said_of_one() {
    let report = samples::registered();
    for format in every::FORMATS {
        let told = (format.render)(&report, &Beside::default());
        for word in ["baseline</h2>", "baselineState", "since the baseline", "compared with", "Over the last runs"] {
            assert!(!told.contains(word), "{}: {word}", format.name);
        }
    }
}

fn states(report: &Report, drift: &Drift) -> Vec<(String, Option<String>)> {
    let told = sarif(report, &Beside { drift: Some(drift), ..Beside::default() });
    let log: Value = serde_json::from_str(&told).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let state = |result: &Value| {
        let word = |key: &str| result[key].as_str().map(str::to_owned);
        // What is not there must be no finding for readers that know no baseline.
        assert!(word("baselineState").as_deref() != Some("absent") || word("kind").as_deref() == Some("notApplicable"));
        (word("ruleId").unwrap(), word("baselineState"))
    };
    results.iter().map(state).collect()
}

#[test]
fn a_result_says_how_it_stands_to_the_baseline() {
    let (report, drift) = sample();
    let all = states(&report, &drift);
    let of = |control: &str| all.iter().find(|(own, _)| own == control).and_then(|(_, state)| state.as_deref());
    for (control, expected) in [
        (TOKENS, "new"),
        ("apiserver-anonymous-access", "updated"),
        ("etcd-client-certificate-auth", "unchanged"),
        ("gone", "absent"),
    ] {
        assert_eq!(of(control), Some(expected), "{control}");
    }
    assert_eq!(all.len(), report.findings.len() + 1);
    // One more subject that fails makes the finding new, which pipelines show.
    let mut before = samples::control_plane();
    before.findings[0].subjects.pop();
    let after = samples::control_plane();
    assert_eq!(states(&after, &between(&before, &after))[0].1.as_deref(), Some("new"));
    // Other values of what failed before do not.
    let mut before = samples::control_plane();
    before.findings[0].observed[0].value = Some("0777".to_owned());
    assert_eq!(states(&after, &between(&before, &after))[0].1.as_deref(), Some("updated"));
    // It stands first where only some are shown, and the summary says that it is worse.
    let drift = between(&before, &after);
    let beside = Beside { drift: Some(&drift), ..Beside::default() };
    let told = github(&after, &beside);
    let first = told.lines().find(|line| line.starts_with("::error")).unwrap();
    assert!(first.contains("FAIL 1.1.20 (evidence-changed)"), "{first}");
    for told in [told, markdown(&after, &beside), junit(&after, &beside), html(&after, &beside)] {
        assert!(told.contains("1 known failure in another state"), "{told}");
    }
    // What another tool said is no baseline of ours.
    before.tool.name = "kube-bench".to_owned();
    assert!(states(&after, &between(&before, &after)).iter().all(|(_, state)| state.is_none()));
}

/// What closes a gate for new failures is marked as new by every format that marks anything.
#[test]
fn what_spreads_over_a_pool_is_marked_as_new() {
    for (before, after, known) in SPREAD {
        let (before, report) = (pool(before), pool(after));
        let drift = between(&before, &report);
        let beside = Beside { drift: Some(&drift), ..Beside::default() };
        let marks = [
            states(&report, &drift)[0].1.as_deref() == Some("new"),
            markdown(&report, &beside).contains("| FAIL<br>new | 4.2.1 |"),
            junit(&report, &beside).contains("message=\"FAIL (new): "),
            github(&report, &beside).contains("FAIL 4.2.1 (new)"),
            html(&report, &beside).contains("data-change=\"new\""),
        ];
        assert_eq!(marks, [!known; 5]);
    }
}

#[test]
fn only_the_last_runs_are_drawn_and_the_others_counted() {
    let run = |at: usize| PastRun {
        run: format!("run-{at}"),
        time: format!("2026-01-01T00:{:02}:00Z", at % 60),
        counts: BTreeMap::from([(Verdict::Fail, 2)]),
    };
    let past: Vec<PastRun> = (0..50).map(run).collect();
    let told = html(&samples::control_plane(), &Beside { past: &past, ..Beside::default() });
    let document = page::parsed(&told);
    let trend = document.descendants().find(|node| node.attribute("class") == Some("trend")).unwrap();
    let bars = |class: &str| trend.descendants().filter(|node| node.attribute("class") == Some(class)).count();
    assert_eq!((bars("fail"), bars("pass")), (30, 1), "where there are none there is no bar");
    assert!(told.contains("30 runs from 2026-01-01 00:21:00 UTC") && told.contains("21 before these are not shown"));
}
