//! JUnit: one suite for each section, one case for each demand, so that a case keeps its name whatever its verdict is.
//!
//! A failure that has to be dealt with is a `failure`; what could not be seen within reach is an `error`; questions, what
//! lies outside, what is decided otherwise and what does not apply are `skipped`, with the verdict and why.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use assess::Verdict;
use register::State as Decided;

use crate::beside::{Beside, Since};
use crate::fold::roll_up;
use crate::markup::{attribute, text};
use crate::model::{Finding, Report};
use crate::{plain, words};

/// A finding names at most so many subjects; the rest is counted.
const SUBJECTS: usize = 100;

/// What a demand is in the words of JUnit, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Failure,
    Error,
    Skipped,
    Passed,
    /// Skipped as well, but only if nothing else is to be said.
    NotApplicable,
}

/// One demand.
struct Case<'r> {
    state: State,
    findings: &'r [Finding],
}

/// A report on its way into suites.
struct Telling<'r> {
    report: &'r Report,
    ambiguous: BTreeSet<String>,
    since: Since<'r>,
}

/// Renders the report as JUnit XML.
pub fn junit(report: &Report, beside: &Beside<'_>) -> String {
    let telling = Telling { report, ambiguous: words::ambiguous(report), since: Since::new(beside) };
    let mut suites: Vec<(String, Vec<Case<'_>>)> = Vec::new();
    for findings in report.demands() {
        let Some(first) = findings.first() else { continue };
        let state = findings.iter().map(state).min().unwrap_or(State::Passed);
        let (name, case) = (section(first), Case { state, findings });
        match suites.iter_mut().find(|(other, _)| *other == name) {
            Some((_, cases)) => cases.push(case),
            None => suites.push((name, vec![case])),
        }
    }
    let all = || suites.iter().flat_map(|(_, cases)| cases);
    let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    let _ = writeln!(xml, "<testsuites name=\"kube-assay\" {}>", numbers(all()));
    for (name, cases) in &suites {
        let _ = writeln!(xml, "  <testsuite name=\"{}\" {}>", attribute(name), numbers(cases.iter()));
        telling.properties(&mut xml);
        for case in cases {
            telling.case(&mut xml, case);
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

/// The heading that a demand stands under, in the profile that cites it first.
fn section(finding: &Finding) -> String {
    finding
        .cited_by
        .first()
        .map_or_else(|| finding.component.clone(), |cited| format!("{} {}", cited.profile, cited.section))
}

fn state(finding: &Finding) -> State {
    match (finding.verdict, finding.decision.state) {
        (Verdict::Fail, Decided::Required | Decided::Overdue) => State::Failure,
        (Verdict::Unknown, Decided::Required | Decided::Overdue) => State::Error,
        (Verdict::Fail | Verdict::Unknown | Verdict::Manual, _) => State::Skipped,
        (Verdict::Pass, _) => State::Passed,
        (Verdict::NotApplicable, _) => State::NotApplicable,
    }
}

fn numbers<'c>(cases: impl Iterator<Item = &'c Case<'c>>) -> String {
    let (mut tests, mut failures, mut errors, mut skipped) = (0, 0, 0, 0);
    for case in cases {
        tests += 1;
        match case.state {
            State::Failure => failures += 1,
            State::Error => errors += 1,
            State::Skipped | State::NotApplicable => skipped += 1,
            State::Passed => {}
        }
    }
    format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"0\"")
}

impl Telling<'_> {
    /// What a suite's cases were judged from.
    fn properties(&self, xml: &mut String) {
        xml.push_str("    <properties>\n");
        let tool = ("tool", format!("{} {}", self.report.tool.name, self.report.tool.version));
        let all = std::iter::once(tool).chain(plain::scope(self.report)).chain(self.since.summary());
        for (name, value) in all {
            let _ = writeln!(xml, "      <property name=\"{name}\" value=\"{}\"/>", attribute(&value));
        }
        xml.push_str("    </properties>\n");
    }

    fn case(&self, xml: &mut String, case: &Case<'_>) {
        let Some(first) = case.findings.first() else { return };
        let name = format!("{} {}", words::ids(first, &self.ambiguous), first.title);
        let class = format!("{}.{}", first.component, first.control);
        let _ = writeln!(
            xml,
            "    <testcase name=\"{}\" classname=\"{}\" time=\"0\">",
            attribute(&name),
            attribute(&class)
        );
        let message = attribute(&self.message(case));
        match case.state {
            State::Failure => {
                let kind = words::priority(first.priority);
                let _ = writeln!(
                    xml,
                    "      <failure type=\"{kind}\" message=\"{message}\">{}</failure>",
                    text(first.remediation.trim_end())
                );
            }
            State::Error => {
                let _ = writeln!(xml, "      <error type=\"unknown\" message=\"{message}\"/>");
            }
            State::Skipped | State::NotApplicable => {
                let _ = writeln!(xml, "      <skipped message=\"{message}\"/>");
            }
            State::Passed => {}
        }
        let _ = writeln!(xml, "      <system-out>{}</system-out>", self.evidence(case.findings));
        xml.push_str("    </testcase>\n");
    }

    /// The verdict, what changed of it, why, and what was decided.
    fn message(&self, case: &Case<'_>) -> String {
        let verdict = roll_up(case.findings.iter()).map_or("", words::verdict);
        let alike = || case.findings.iter().filter(|finding| state(finding) == case.state);
        let reasons: Vec<&str> = alike().map(plain::because).collect();
        let settled = alike().find(|finding| finding.decision.entry.is_some());
        let decided = settled.and_then(|finding| plain::decided(&finding.decision).into_iter().next());
        let decided = decided.map_or(String::new(), |(_, decided)| format!(" [{decided}]"));
        let changed: BTreeSet<&str> = alike().flat_map(|finding| self.since.words(finding)).collect();
        let changed: Vec<&str> = changed.into_iter().collect();
        let changed = if changed.is_empty() { String::new() } else { format!(" ({})", changed.join(", ")) };
        format!("{verdict}{changed}: {}{decided}", words::some(&reasons, false))
    }

    /// Every finding of a demand with all that was seen.
    fn evidence(&self, findings: &[Finding]) -> String {
        let mut lines = Vec::new();
        for finding in findings {
            let basis = finding.basis.map_or(String::new(), |basis| format!(" ({})", words::basis(basis)));
            lines.push(format!("{}{basis}", words::verdict(finding.verdict)));
            for line in self.since.told(finding) {
                lines.push(format!("  since the baseline: {}", words::inert(&line)));
            }
            for (label, said) in plain::said(finding) {
                lines.push(format!("  {label}: {}", words::inert(&said)));
            }
            for subject in plain::subjects(finding, self.report.run.captures.len() > 1, SUBJECTS) {
                lines.push(format!("  where: {}", words::inert(&subject)));
            }
        }
        text(&lines.join("\n"))
    }
}
