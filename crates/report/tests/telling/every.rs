//! What holds of every format for machines: it leaves no finding out, and nothing from a node acts in it.

use assess::Verdict;
use proptest::prelude::*;
use report::{Beside, Finding, Report, inert};
use serde_json::Value;

use crate::{beside, csv, html, junit, kube_bench, markdown, promises, samples, sarif};

/// A format, and how to read from it again what it tells of a finding.
pub(crate) struct Format {
    pub name: &'static str,
    pub render: fn(&Report, &Beside<'_>) -> String,
    /// Why a finding is not told; none if it is.
    missing: fn(&str, &Finding) -> Option<String>,
}

pub(crate) const FORMATS: [Format; 8] = [
    Format { name: "junit", render: report::junit, missing: junit::missing },
    Format { name: "sarif", render: report::sarif, missing: sarif::missing },
    Format { name: "markdown", render: report::markdown, missing: markdown::missing },
    Format { name: "github", render: report::github, missing: markdown::missing_annotation },
    Format { name: "csv", render: |report, _| report::csv(report), missing: csv::missing },
    Format { name: "kube-bench", render: |report, _| report::kube_bench(report), missing: kube_bench::missing_text },
    Format {
        name: "kube-bench-json",
        render: |report, _| report::kube_bench_json(report),
        missing: kube_bench::missing,
    },
    Format { name: "html", render: report::html, missing: html::missing },
];

/// Every format tells every finding, and nothing in it acts.
fn told_whole(report: &Report, beside: &Beside<'_>, what: &str) -> Result<(), String> {
    for format in FORMATS {
        let told = (format.render)(report, beside);
        for line in told.split('\n') {
            let line = line.strip_suffix('\r').unwrap_or(line).trim_start_matches('\t');
            if inert(line) != line {
                return Err(format!("{} with {what}: {line:?} acts", format.name));
            }
        }
        for finding in &report.findings {
            if let Some(why) = (format.missing)(&told, finding) {
                return Err(format!("{} with {what}: {}: {why}", format.name, finding.control));
            }
        }
    }
    Ok(())
}

/// A verdict as formats for people spell it.
pub(crate) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Fail => "FAIL",
        Verdict::Unknown => "UNKNOWN",
        Verdict::Manual => "MANUAL",
        Verdict::Pass => "PASS",
        Verdict::NotApplicable => "N/A",
    }
}

/// What somebody decided of an open finding, and must read.
fn decided(finding: &Finding) -> Vec<String> {
    if finding.verdict >= Verdict::Pass {
        return Vec::new();
    }
    let decision = &finding.decision;
    let told = decision.owner.iter().chain(&decision.until).chain(&decision.by).chain(&decision.reason);
    told.chain(&decision.due).chain(&decision.lapsed).cloned().collect()
}

/// What of a finding's verdict and subjects a text leaves out: of more subjects than `most` their number suffices.
pub(crate) fn left_out(text: &str, finding: &Finding, most: usize) -> Option<String> {
    if let Some(said) = decided(finding).into_iter().find(|said| !text.contains(inert(said).as_ref())) {
        return Some(format!("{said:?} is not in {text:?}"));
    }
    let verdict = word(finding.verdict);
    if !text.contains(verdict) {
        return Some(format!("{verdict} is not in {text:?}"));
    }
    let untold = |name: &str| !text.contains(inert(name).as_ref());
    if let Some(subject) = finding.subjects.iter().take(most).find(|subject| untold(&subject.name)) {
        return Some(format!("{:?} is not in {text:?}", subject.name));
    }
    let more = finding.subjects.len().saturating_sub(most);
    (more > 0 && !text.contains(&format!("… and {more} more"))).then(|| format!("{more} more are not in {text:?}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_format_tells_every_finding(before in promises::report(), report in promises::report()) {
        prop_assert_eq!(told_whole(&report, &Beside::default(), "nothing beside it"), Ok(()));
        let (drift, past) = (beside::between(&before, &report), beside::past(""));
        prop_assert_eq!(told_whole(&report, &Beside { past: &past, drift: Some(&drift), whole: None }, "a baseline"), Ok(()));
    }
}

#[test]
fn every_format_tells_every_finding_of_the_samples() {
    for report in [
        samples::control_plane(),
        samples::in_part(),
        samples::registered(),
        samples::two_nodes(),
        samples::empty(),
        samples::wide(),
    ] {
        assert_eq!(told_whole(&report, &Beside::default(), "the samples"), Ok(()));
    }
}

/// Everything that would act somewhere.
pub(crate) const HOSTILE: [&str; 14] = [
    "\u{1b}[2J\u{1b}]0;owned\u{7}",
    "line\r\n::error::forged\n[PASS] 1.1.1 forged",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"'><svg onload=alert(1)>",
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd",
    "]]><x/>",
    "a|b|c",
    "``` `code` ```",
    "[click](https://example.org/) ![x](https://example.org/x.png) <https://example.org> www.example.org @someone",
    "turn\u{202e}txt.exe zero\u{200b}width",
    "nul\0none\u{ffff}",
    "100%0A::set-env name=x::y ##[add-mask]y",
];

/// The sample with every text that a node or a person wrote turned into something hostile.
pub(crate) fn hostile(bad: &str) -> Report {
    let mut report = samples::two_nodes();
    samples::decide(&mut report);
    for finding in &mut report.findings[..2] {
        finding.parameters.insert("mode".to_owned(), "644".into());
    }
    let mut value = serde_json::to_value(&report).unwrap();
    poison(&mut value, bad);
    serde_json::from_value(value).unwrap()
}

fn poison(value: &mut Value, bad: &str) {
    // Words of ours that are read back as such.
    const OURS: [&str; 6] = ["schema", "priority", "verdict", "basis", "state", "assessment"];
    match value {
        Value::String(text) => *text = format!("{bad}{text}{bad}"),
        Value::Array(members) => members.iter_mut().for_each(|member| poison(member, bad)),
        Value::Object(members) => {
            let entries = std::mem::take(members);
            for (key, mut member) in entries {
                if !OURS.contains(&key.as_str()) {
                    poison(&mut member, bad);
                }
                members.insert(key, member);
            }
        }
        _ => {}
    }
}

#[test]
fn nothing_from_a_node_acts_in_any_format() {
    for bad in HOSTILE {
        let report = hostile(bad);
        assert_eq!(told_whole(&report, &Beside::default(), bad), Ok(()));
        let (drift, past) = (beside::between(&beside::earlier(&report), &report), beside::past(bad));
        assert_eq!(told_whole(&report, &Beside { past: &past, drift: Some(&drift), whole: None }, bad), Ok(()));
    }
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    for format in FORMATS {
        let report = samples::two_nodes();
        let told = |report: &Report| (format.render)(report, &Beside::default());
        assert_eq!(told(&report), told(&report.clone()), "{}", format.name);
    }
}
