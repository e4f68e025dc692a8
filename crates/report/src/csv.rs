//! CSV (RFC 4180) for spreadsheets: one row for each finding, subject and node. No cell is taken for a formula.

use std::borrow::Cow;

use assess::Verdict;

use crate::model::{Finding, Report, Subject};
use crate::plain;
use crate::words::{self, inert};

const HEADER: [&str; 28] = [
    "verdict",
    "ids",
    "sections",
    "level",
    "assessment",
    "control",
    "title",
    "component",
    "priority",
    "node",
    "kind",
    "subject",
    "basis",
    "because",
    "expected",
    "seen",
    "notes",
    "help",
    "parameters",
    "decision",
    "owner",
    "until",
    "by",
    "entry",
    "reason",
    "due",
    "lapsed",
    "remediation",
];

/// Renders the report as CSV.
pub fn csv(report: &Report) -> String {
    let mut text = String::new();
    row(&mut text, HEADER.map(Cow::Borrowed));
    for finding in &report.findings {
        let nothing = Subject { kind: String::new(), name: String::new(), captures: Vec::new() };
        let subjects = if finding.subjects.is_empty() { std::slice::from_ref(&nothing) } else { &finding.subjects };
        let told = of_finding(finding);
        for subject in subjects {
            // A subject without a node still has a row.
            for node in subject.captures.iter().map(String::as_str).chain(subject.captures.is_empty().then_some("")) {
                let mut cells = told.each_ref().map(|cell| Cow::Borrowed(cell.as_str()));
                for (at, cell) in [(9, node), (10, &subject.kind), (11, &subject.name)] {
                    cells[at] = inert(cell);
                }
                row(&mut text, cells);
            }
        }
    }
    text
}

/// The cells that all subjects of a finding share.
fn of_finding(finding: &Finding) -> [String; HEADER.len()] {
    let cited = &finding.cited_by;
    let each = |text: fn(&crate::model::CitedBy) -> String| {
        let mut all: Vec<String> = cited.iter().map(text).collect();
        all.dedup();
        inert(&all.join("; ")).into_owned()
    };
    let one = |text: &str| inert(text).into_owned();
    let seen: Vec<String> = finding.observed.iter().map(plain::fact).collect();
    let parameters: Vec<String> = finding.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    // What to do where it is open: it is long, and rows are many.
    let remediation = if finding.verdict < Verdict::Pass { finding.remediation.trim_end() } else { "" };
    [
        words::verdict(finding.verdict).to_owned(),
        each(|cited| format!("{}@{}", cited.id, cited.profile)),
        each(|cited| cited.section.clone()),
        each(|cited| cited.level.to_string()),
        each(|cited| words::assessment(cited.assessment).to_owned()),
        one(&finding.control),
        one(&finding.title),
        one(&finding.component),
        words::priority(finding.priority).to_owned(),
        String::new(),
        String::new(),
        String::new(),
        finding.basis.map_or("", words::basis).to_owned(),
        one(plain::because(finding)),
        one(&finding.expected),
        one(&seen.join("; ")),
        one(&finding.notes.join("; ")),
        one(finding.help.as_deref().unwrap_or_default()),
        one(&parameters.join("; ")),
        finding.decision.state.word().to_owned(),
        one(finding.decision.owner.as_deref().unwrap_or_default()),
        one(finding.decision.until.as_deref().unwrap_or_default()),
        one(finding.decision.by.as_deref().unwrap_or_default()),
        one(finding.decision.entry.as_deref().unwrap_or_default()),
        one(finding.decision.reason.as_deref().unwrap_or_default()),
        one(&finding.decision.due.join("; ")),
        one(&finding.decision.lapsed.join("; ")),
        remediation.lines().map(inert).collect::<Vec<_>>().join("\n"),
    ]
}

fn row(text: &mut String, cells: [Cow<'_, str>; HEADER.len()]) {
    let cells: Vec<Cow<'_, str>> = cells.into_iter().map(cell).collect();
    text.push_str(&cells.join(","));
    text.push_str("\r\n");
}

/// A cell: an apostrophe keeps a spreadsheet from reckoning with it, quotes hold what would end it.
fn cell(text: Cow<'_, str>) -> Cow<'_, str> {
    // The wide forms are read as the plain ones in some countries.
    let formula = text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '\'']);
    let text = if formula { Cow::Owned(format!("'{text}")) } else { text };
    if text.contains(['"', ',', '\n', '\r', ';']) || text.starts_with(' ') || text.ends_with(' ') {
        return Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_text() {
        for (text, expected) in [
            ("plain", "plain"),
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("-1", "'-1"),
            ("@SUM(1,2)", "\"'@SUM(1,2)\""),
            ("a,\"b\"", "\"a,\"\"b\"\"\""),
            ("'quoted", "''quoted"),
            (" x", "\" x\""),
        ] {
            assert_eq!(cell(Cow::Borrowed(text)), expected);
        }
    }
}
