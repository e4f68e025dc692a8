//! The shapes of kube-bench 0.15, text and JSON, for what already reads them: an id is one check, with four states.
//!
//! What kube-bench cannot say is said in its words as well as may be: what could not be seen and what a person has to
//! answer is WARN, what does not apply is INFO; never PASS, and never FAIL.

mod import;
mod shape;
mod text;

use std::slice;

use assess::Verdict;
use benchmark::Assessment;

pub use self::import::{ImportError, Imported, KUBE_BENCH, KubeBench, imported, read_kube_bench};

use self::shape::{Check, Group, Numbers, Output, Section};
use crate::fold::roll_up;
use crate::model::{CitedBy, Finding, Report};
use crate::plain;
use crate::words::{self, inert};

/// A row names at most so many subjects; the rest is counted.
const SUBJECTS: usize = 20;

/// What kube-bench gives as the reason of what it leaves to a person; its readers know the sentence.
const MANUAL: &str = "Test marked as a manual test";

/// Renders the report as kube-bench prints it.
pub fn kube_bench(report: &Report) -> String {
    text::render(&output(report))
}

/// Renders the report as kube-bench's JSON, one line of it.
#[expect(clippy::missing_panics_doc, reason = "every key is a string, so it always serializes")]
pub fn kube_bench_json(report: &Report) -> String {
    let plain = serde_json::to_string(&output(report)).expect("it has string keys only");
    // As Go writes JSON: harmless within HTML.
    plain.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026") + "\n"
}

/// Every id of every profile, below its heading.
fn output(report: &Report) -> Output {
    let mut sections: Vec<Section> = Vec::new();
    let several = report.run.captures.len() > 1;
    for demand in report.demands() {
        let Some(first) = demand.first() else { continue };
        let uncited = CitedBy {
            profile: report.tool.name.clone(),
            id: first.control.clone(),
            section: first.component.clone(),
            level: 1,
            assessment: Assessment::Automated,
        };
        let cited = if first.cited_by.is_empty() { slice::from_ref(&uncited) } else { &first.cited_by };
        for cited in cited {
            add(&mut sections, report, cited, check(demand, cited, several));
        }
    }
    let mut totals = Numbers::default();
    for section in &mut sections {
        for group in &mut section.tests {
            group.results.iter().for_each(|check| group.numbers.count(check.status));
            section.numbers.add(group.numbers);
        }
        totals.add(section.numbers);
    }
    Output { sections, totals: totals.into() }
}

fn add(sections: &mut Vec<Section>, report: &Report, cited: &CitedBy, check: Check) {
    let (group, desc) = cited.section.split_once(' ').unwrap_or((&cited.section, ""));
    let id = group.split('.').next().unwrap_or_default();
    let version = inert(&cited.profile).into_owned();
    let at = sections.iter().position(|section| section.id == inert(id) && section.version == version);
    let at = at.unwrap_or_else(|| {
        let (text, node_type) = chapter(report, cited, id);
        sections.push(Section {
            id: inert(id).into_owned(),
            version,
            detected_version: report.kubernetes.as_ref().map(|choice| inert(&choice.name).into_owned()),
            text: inert(text).into_owned(),
            node_type,
            tests: Vec::new(),
            numbers: Numbers::default(),
        });
        sections.len() - 1
    });
    let groups = &mut sections[at].tests;
    let at = groups.iter().position(|known| known.section == inert(group)).unwrap_or_else(|| {
        groups.push(Group {
            section: inert(group).into_owned(),
            kind: "",
            numbers: Numbers::default(),
            desc: inert(desc).into_owned(),
            results: Vec::new(),
        });
        groups.len() - 1
    });
    groups[at].results.push(check);
}

/// A chapter's heading and the name of its target, where the profile numbers as CIS does.
fn chapter<'r>(report: &'r Report, cited: &'r CitedBy, id: &str) -> (&'r str, &'static str) {
    if cited.profile.starts_with("cis-") {
        match id {
            "1" => return ("Control plane components", "master"),
            "2" => return ("etcd", "etcd"),
            "3" => return ("Control plane configuration", "controlplane"),
            "4" => return ("Worker nodes", "node"),
            "5" => return ("Policies", "policies"),
            _ => {}
        }
    }
    let profile = report.profiles.iter().find(|profile| profile.name == cited.profile);
    (profile.map_or(&cited.section, |profile| &profile.title), "node")
}

fn check(demand: &[Finding], cited: &CitedBy, several: bool) -> Check {
    let verdict = roll_up(demand.iter()).unwrap_or(Verdict::NotApplicable);
    let decisive = || demand.iter().filter(|finding| finding.verdict == verdict);
    let first = decisive().next();
    let text = |of: fn(&Finding) -> &str| first.map_or(String::new(), |finding| inert(of(finding)).into_owned());
    let remediation: String = first.map_or("", |finding| finding.remediation.trim_end()).lines().map(inert).fold(
        String::new(),
        |lines, line| if lines.is_empty() { line.into_owned() } else { format!("{lines}\n{line}") },
    );
    let reasons: Vec<String> = decisive().map(reason).collect();
    let assessment = if cited.assessment == Assessment::Manual { "Manual" } else { "Automated" };
    Check {
        test_number: inert(&cited.id).into_owned(),
        test_desc: format!("{} ({assessment})", text(|finding| &finding.title)),
        audit: audit(demand),
        audit_env: "",
        audit_config: "",
        kind: match verdict {
            Verdict::Manual => "manual",
            Verdict::NotApplicable => "skip",
            _ => "",
        },
        test_info: vec![remediation.clone()],
        remediation,
        status: state(verdict),
        actual_value: demand.iter().map(|finding| row(finding, several)).collect::<Vec<_>>().join("\n"),
        scored: cited.assessment == Assessment::Automated,
        is_multiple: demand.len() > 1,
        expected_result: text(|finding| &finding.expected),
        reason: match verdict {
            Verdict::Manual => MANUAL.to_owned(),
            _ => words::some(&reasons.iter().map(String::as_str).collect::<Vec<_>>(), false),
        },
    }
}

fn state(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Fail => "FAIL",
        Verdict::Unknown | Verdict::Manual => "WARN",
        Verdict::Pass => "PASS",
        Verdict::NotApplicable => "INFO",
    }
}

/// Which facts were asked for: there is no command that was run.
fn audit(demand: &[Finding]) -> String {
    let mut facts: Vec<&str> =
        demand.iter().flat_map(|finding| &finding.observed).map(|seen| seen.fact.as_str()).collect();
    facts.sort_unstable();
    facts.dedup();
    inert(&facts.join(", ")).into_owned()
}

fn reason(finding: &Finding) -> String {
    let help = finding.help.as_ref().map_or(String::new(), |help| format!(" (to see it: {help})"));
    inert(&format!("{}{help}", finding.reason)).into_owned()
}

/// A finding in one line: our verdict, what decided, and where.
fn row(finding: &Finding, several: bool) -> String {
    let facts: Vec<String> = finding.observed.iter().filter(|seen| seen.decides).map(plain::fact).collect();
    let seen = if facts.is_empty() { plain::because(finding).to_owned() } else { facts.join("; ") };
    let subjects = plain::subjects(finding, several, SUBJECTS).join(", ");
    inert(&format!("{}: {seen} [{subjects}]", words::verdict(finding.verdict))).into_owned()
}
