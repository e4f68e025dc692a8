//! CSV: read back by the rules of RFC 4180.

use report::{Finding, csv, expand, inert};

use crate::every::{self, left_out};
use crate::samples;

/// Rows of cells.
fn read(text: &str) -> Vec<Vec<String>> {
    let mut rows = vec![vec![String::new()]];
    let mut letters = text.chars().peekable();
    let mut quoted = false;
    while let Some(letter) = letters.next() {
        let row = rows.last_mut().unwrap();
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => row.last_mut().unwrap().extend(letters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(String::new()),
            '\r' if !quoted && letters.peek() == Some(&'\n') => {
                letters.next();
                rows.push(vec![String::new()]);
            }
            other => row.last_mut().unwrap().push(other),
        }
    }
    assert_eq!(rows.pop(), Some(vec![String::new()]), "the last row is ended too");
    rows
}

/// A cell without the apostrophe that keeps it text.
fn plain(cell: &str) -> &str {
    cell.strip_prefix('\'').unwrap_or(cell)
}

/// What is not told of a finding.
pub(crate) fn missing(told: &str, finding: &Finding) -> Option<String> {
    let rows = read(told);
    let at = |name: &str| rows[0].iter().position(|header| header == name).unwrap();
    let (control, verdict, subject, node) = (at("control"), at("verdict"), at("subject"), at("node"));
    let of = |row: &&Vec<String>| plain(&row[control]) == inert(&finding.control);
    let told: Vec<&Vec<String>> = rows.iter().skip(1).filter(of).collect();
    let has = |name: &str, capture: &str| {
        told.iter().any(|row| plain(&row[subject]) == inert(name) && plain(&row[node]) == inert(capture))
    };
    for of in &finding.subjects {
        if let Some(capture) = of.captures.iter().find(|capture| !has(&of.name, capture)) {
            return Some(format!("no row of {} on {capture}", of.name));
        }
    }
    let cell = |name: &str| plain(&told[0][at(name)]).to_owned();
    let mut cells: Vec<String> = told.iter().map(|row| format!("{} {}", row[verdict], plain(&row[subject]))).collect();
    cells.extend(["owner", "until", "by", "reason", "due", "lapsed"].map(cell));
    left_out(&cells.join("\n"), finding, usize::MAX)
}

#[test]
fn how_it_looks() {
    insta::assert_snapshot!(csv(&samples::two_nodes()));
}

#[test]
fn a_row_for_each_subject_and_no_formula() {
    let reports = [samples::control_plane(), samples::empty(), samples::wide()];
    for report in reports.into_iter().chain(every::HOSTILE.map(every::hostile)) {
        let rows = read(&csv(&report));
        assert_eq!(rows.len(), expand(&report.findings).len() + 1);
        for row in &rows {
            assert_eq!(row.len(), rows[0].len());
            for cell in row {
                assert!(!cell.trim_start().starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell}");
            }
        }
    }
}
