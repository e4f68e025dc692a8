//! One row for every subject of every capture: for `grep`, `sort` and `awk -F '  +'`.

use std::borrow::Cow;
use std::collections::BTreeSet;

use assess::Observed;

use crate::model::{Finding, Report};
use crate::terminal::Options;
use crate::words;

const COLUMNS: usize = 11;
const HEADER: [&str; COLUMNS] =
    ["VERDICT", "ID", "PRIORITY", "COMPONENT", "NODE", "SUBJECT", "BASIS", "DECISION", "OWNER", "TITLE", "VALUE"];

/// The columns in which the rows of one finding differ.
const NODE: usize = 4;
const SUBJECT: usize = 5;

/// The last column, for it may be long. Nothing is padded behind it.
const VALUE: usize = COLUMNS - 1;

/// Cells of a row. Those of its node and subject stand in no finding's.
type Row = [String; COLUMNS];

/// Renders one row for every subject: columns are two or more spaces apart, no cell is empty, nothing is wrapped.
///
/// A large fleet has a hundred rows for each finding, so they are gone through twice instead of being kept: for the widths
/// of the columns, and to be written.
pub fn wide(report: &Report, options: &Options) -> String {
    let report = options.narrow(report);
    let ambiguous = words::ambiguous(&report);
    let rows: Vec<Row> = report.findings.iter().map(|finding| row(finding, &ambiguous)).collect();
    let mut widths = HEADER.map(str::len);
    let widen = |width: &mut usize, cell: &str| *width = cell.chars().count().max(*width);
    for (finding, row) in report.findings.iter().zip(&rows) {
        widths.iter_mut().zip(row).for_each(|(width, cell)| widen(width, cell));
        for (node, subject) in places(finding) {
            widen(&mut widths[NODE], &cell(node));
            widen(&mut widths[SUBJECT], &cell(subject));
        }
    }
    let mut text = padded(&HEADER[..VALUE], &widths) + HEADER[VALUE] + "\n";
    for (finding, row) in report.findings.iter().zip(&rows) {
        let lead = padded(&row[..NODE], &widths);
        let tail = padded(&row[SUBJECT + 1..VALUE], &widths[SUBJECT + 1..]) + &row[VALUE];
        for (node, subject) in places(finding) {
            text.push_str(&lead);
            pad(&mut text, &cell(node), widths[NODE]);
            pad(&mut text, &cell(subject), widths[SUBJECT]);
            text.push_str(&tail);
            text.push('\n');
        }
    }
    text
}

/// Where a finding is told: each node of each subject. Without any it still has a row.
fn places(finding: &Finding) -> impl Iterator<Item = (&str, &str)> {
    let each = finding
        .subjects
        .iter()
        .flat_map(|subject| subject.captures.iter().map(|node| (node.as_str(), subject.name.as_str())));
    let nowhere = finding.subjects.iter().all(|subject| subject.captures.is_empty());
    let name = finding.subjects.first().map_or("", |subject| subject.name.as_str());
    each.chain(nowhere.then_some(("", name)))
}

/// Cells, each as wide as its column and the gap behind it.
fn padded<C: AsRef<str>>(cells: &[C], widths: &[usize]) -> String {
    let mut text = String::new();
    cells.iter().zip(widths).for_each(|(cell, width)| pad(&mut text, cell.as_ref(), *width));
    text
}

/// A cell with the gap behind it. The standard library pads to no more than 65,535 letters, and panics beyond.
fn pad(text: &mut String, cell: &str, width: usize) {
    text.push_str(cell);
    text.extend(std::iter::repeat_n(' ', (width + 2).saturating_sub(cell.chars().count())));
}

fn row(finding: &Finding, ambiguous: &BTreeSet<String>) -> Row {
    let mut row = [
        words::verdict(finding.verdict),
        &words::ids(finding, ambiguous).replace(", ", ","),
        words::priority(finding.priority),
        &finding.component,
        "",
        "",
        finding.basis.map_or("", words::basis),
        finding.decision.state.word(),
        finding.decision.owner.as_deref().unwrap_or_default(),
        &finding.title,
        &values(finding),
    ]
    .map(|text| cell(text).into_owned());
    row[NODE].clear();
    row[SUBJECT].clear();
    row
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
fn cell(text: &str) -> Cow<'_, str> {
    let text = words::inert(text);
    if text.is_empty() {
        return Cow::Borrowed("-");
    }
    if !text.contains(char::is_whitespace) {
        return text;
    }
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    Cow::Owned(if text.is_empty() { "-".to_owned() } else { text })
}
