//! One row for every subject of every capture: for `grep`, `sort` and `awk -F '  +'`.

use std::collections::BTreeSet;
use std::slice;

use assess::Observed;

use crate::fold::expand;
use crate::model::{Finding, Report, Subject};
use crate::terminal::Options;
use crate::words;

const COLUMNS: usize = 11;
const HEADER: [&str; COLUMNS] =
    ["VERDICT", "ID", "PRIORITY", "COMPONENT", "NODE", "SUBJECT", "BASIS", "DECISION", "OWNER", "TITLE", "VALUE"];

type Row = [String; COLUMNS];

/// Renders one row for every subject: columns are two or more spaces apart, no cell is empty, nothing is wrapped.
pub fn wide(report: &Report, options: &Options) -> String {
    let report = options.narrow(report);
    let ambiguous = words::ambiguous(&report);
    let mut rows = vec![HEADER.map(str::to_owned)];
    rows.extend(report.findings.iter().flat_map(each_subject).map(|finding| row(&finding, &ambiguous)));
    align(&rows)
}

/// A finding without subjects still has a row.
fn each_subject(finding: &Finding) -> Vec<Finding> {
    let rows = expand(slice::from_ref(finding));
    if rows.is_empty() { vec![finding.clone()] } else { rows }
}

fn row(finding: &Finding, ambiguous: &BTreeSet<String>) -> Row {
    let of_subject = |text: fn(&Subject) -> &str| finding.subjects.first().map_or("", text);
    [
        words::verdict(finding.verdict),
        &words::ids(finding, ambiguous).replace(", ", ","),
        words::priority(finding.priority),
        &finding.component,
        of_subject(|subject| subject.captures.first().map_or("", String::as_str)),
        of_subject(|subject| &subject.name),
        finding.basis.map_or("", words::basis),
        finding.decision.state.word(),
        finding.decision.owner.as_deref().unwrap_or_default(),
        &finding.title,
        // Last, for it may be long.
        &values(finding),
    ]
    .map(cell)
}

/// What decided: the facts; where there is none, the reason.
fn values(finding: &Finding) -> String {
    let value = |seen: &Observed| match &seen.value {
        Some(value) => format!("{}={value}", seen.fact),
        None => format!("{}: {}", seen.fact, seen.how),
    };
    let facts: Vec<String> = finding.observed.iter().filter(|seen| seen.decides).map(value).collect();
    if facts.is_empty() { finding.reason.clone() } else { facts.join("; ") }
}

/// Two spaces part columns, so no cell holds them.
fn cell(text: &str) -> String {
    let text = words::inert(text).split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() { "-".to_owned() } else { text }
}

fn align(rows: &[Row]) -> String {
    let mut widths = [0; COLUMNS];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &Row| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}
