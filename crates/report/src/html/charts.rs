//! Pictures: verdicts by section and component, and the nodes that answer otherwise than most. Each is a table whose cells hold the
//! picture, so that its words need none.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use assess::Verdict;

use super::{Page, VERDICTS, class, counts, safe};
use crate::model::Finding;
use crate::words::{self, number};

/// The picture shows at most so many demands and kinds of nodes; the rest is counted.
const ROWS: usize = 60;
const COLUMNS: usize = 20;
/// A cell's side.
const CELL: usize = 24;

impl Page<'_> {
    /// Verdicts by section of each profile.
    pub(super) fn sections(&mut self) {
        let mut sections: Vec<(String, Vec<&Finding>)> = Vec::new();
        for finding in &self.report.findings {
            for cited in &finding.cited_by {
                let name = match self.report.profiles.len() {
                    0 | 1 => cited.section.clone(),
                    _ => format!("{} {}", cited.profile, cited.section),
                };
                match sections.iter_mut().find(|(other, _)| *other == name) {
                    Some((_, findings)) => findings.push(finding),
                    None => sections.push((name, vec![finding])),
                }
            }
        }
        self.bars("Verdicts by section", "Section", &sections);
    }

    /// Verdicts by component, where a finding may stand in several sections.
    pub(super) fn components(&mut self) {
        let mut components: Vec<(String, Vec<&Finding>)> = Vec::new();
        for finding in &self.report.findings {
            match components.iter_mut().find(|(name, _)| *name == finding.component) {
                Some((_, findings)) => findings.push(finding),
                None => components.push((finding.component.clone(), vec![finding])),
            }
        }
        components.sort_by(|(left, _), (right, _)| left.cmp(right));
        self.bars("Verdicts by component", "Component", &components);
    }

    /// A table with a bar for each row.
    fn bars(&mut self, title: &str, head: &str, groups: &[(String, Vec<&Finding>)]) {
        let rows: Vec<(&str, BTreeMap<Verdict, usize>)> =
            groups.iter().map(|(name, findings)| (name.as_str(), counts(findings.iter().copied()))).collect();
        let most = rows.iter().map(|(_, counts)| counts.values().sum::<usize>()).max().unwrap_or(0);
        if most == 0 {
            return;
        }
        let _ = write!(
            self.text,
            "<h3>{title}</h3>\n<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"{title}\">\n\
             <table class=\"bars\">\n<thead><tr><th scope=\"col\">{head}</th><th scope=\"col\" class=\"bar\">Share</th>\
             <th scope=\"col\">Demands</th></tr></thead>\n<tbody>\n"
        );
        for (name, counts) in &rows {
            let _ = writeln!(
                self.text,
                "<tr><th scope=\"row\">{}</th><td class=\"bar\">{}</td><td>{}</td></tr>",
                safe(name),
                bar(counts, most),
                words::counts(counts)
            );
        }
        self.text.push_str("</tbody>\n</table>\n</div>\n");
    }

    /// Demands on which nodes differ, and which nodes answer alike.
    pub(super) fn outliers(&mut self) {
        let nodes: Vec<&str> = self
            .report
            .run
            .captures
            .iter()
            .filter(|capture| capture.source != "cluster")
            .map(|capture| capture.name.as_str())
            .collect();
        let demands: Vec<(&Finding, BTreeMap<&str, Verdict>)> = self
            .report
            .demands()
            .filter_map(|demand| Some((demand.first()?, by_node(demand))))
            .filter(|(_, answers)| differ(answers))
            .collect();
        if nodes.len() < 2 || demands.is_empty() {
            return;
        }
        let mut alike: BTreeMap<Vec<Option<Verdict>>, Vec<&str>> = BTreeMap::new();
        for node in nodes {
            let answers = demands.iter().map(|(_, answers)| answers.get(node).copied()).collect();
            alike.entry(answers).or_default().push(node);
        }
        let mut columns: Vec<(Vec<Option<Verdict>>, Vec<&str>)> = alike.into_iter().collect();
        columns.sort_by_key(|(_, nodes)| std::cmp::Reverse(nodes.len()));
        let heads: Vec<String> = (1..=columns.len().min(COLUMNS)).map(|at| at.to_string()).collect();
        let _ = write!(
            self.text,
            "<h3>Where nodes differ</h3>\n<p>{}. Nodes that answer alike share a column: F fail, U unknown, M manual, P \
             pass, – not applicable.</p>\n<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Where nodes \
             differ\">\n<table class=\"grid\">\n<thead><tr><th scope=\"col\">Demand</th><th scope=\"col\">{}</th></tr>\
             </thead>\n<tbody>\n",
            number(demands.len(), "demand is answered otherwise by some", "demands are answered otherwise by some"),
            cells(heads.iter().map(|head| (head.clone(), "head")))
        );
        for (at, (finding, _)) in demands.iter().enumerate().take(ROWS) {
            let row = columns.iter().take(COLUMNS).map(|(answers, _)| match answers[at] {
                Some(verdict) => (words::verdict(verdict)[..1].replace('N', "–"), class(verdict)),
                None => (String::new(), "none"),
            });
            let said = columns.iter().take(COLUMNS).enumerate().map(|(column, (answers, _))| {
                format!("{}: {}", column + 1, answers[at].map_or("not asked", words::verdict))
            });
            let _ = writeln!(
                self.text,
                "<tr><th scope=\"row\">{} {}</th><td><span class=\"hidden\">{}</span>{}</td></tr>",
                safe(&words::ids(finding, &self.ambiguous)),
                safe(&finding.title),
                said.collect::<Vec<_>>().join(", "),
                cells(row)
            );
        }
        self.text.push_str("</tbody>\n</table>\n</div>\n");
        if demands.len() > ROWS {
            let _ = writeln!(self.text, "<p>… and {} more, told below.</p>", demands.len() - ROWS);
        }
        self.text.push_str("<ol class=\"columns\">\n");
        for (_, nodes) in columns.iter().take(COLUMNS) {
            let _ = writeln!(self.text, "<li>{}</li>", self.names(nodes));
        }
        self.text.push_str("</ol>\n");
        if columns.len() > COLUMNS {
            let _ = writeln!(self.text, "<p>… and {} more kinds of nodes.</p>", columns.len() - COLUMNS);
        }
    }
}

/// One bar: as long as there are demands, in parts by verdict.
fn bar(counts: &BTreeMap<Verdict, usize>, most: usize) -> String {
    let mut svg = format!(
        "<svg aria-hidden=\"true\" viewBox=\"0 0 {most} 1\" width=\"100%\" height=\"14\" preserveAspectRatio=\"none\">"
    );
    let mut x = 0;
    for verdict in VERDICTS {
        let width = counts.get(&verdict).copied().unwrap_or(0);
        if width > 0 {
            let _ =
                write!(svg, "<rect class=\"{}\" x=\"{x}\" y=\"0\" width=\"{width}\" height=\"1\"/>", class(verdict));
        }
        x += width;
    }
    svg + "</svg>"
}

/// A row of squares, each with a letter.
fn cells(cells: impl Iterator<Item = (String, &'static str)>) -> String {
    let mut inner = String::new();
    let mut x = 1;
    for (letter, class) in cells {
        let _ = write!(
            inner,
            "<rect class=\"{class}\" x=\"{x}\" y=\"1\" width=\"{}\" height=\"{}\" rx=\"3\"/>\
             <text class=\"{class}\" x=\"{}\" y=\"17\" text-anchor=\"middle\">{letter}</text>",
            CELL - 2,
            CELL - 2,
            x + CELL / 2 - 1
        );
        x += CELL;
    }
    format!("<svg aria-hidden=\"true\" width=\"{x}\" height=\"{CELL}\">{inner}</svg>")
}

/// Each node's verdict on a demand.
fn by_node(demand: &[Finding]) -> BTreeMap<&str, Verdict> {
    let mut answers: BTreeMap<&str, Verdict> = BTreeMap::new();
    for finding in demand {
        for node in finding.subjects.iter().flat_map(|subject| &subject.captures) {
            let verdict = answers.entry(node).or_insert(finding.verdict);
            *verdict = finding.verdict.min(*verdict);
        }
    }
    answers
}

/// Whether nodes differ: where a demand does not apply, nothing is answered.
fn differ(answers: &BTreeMap<&str, Verdict>) -> bool {
    let mut said = answers.values().filter(|verdict| **verdict != Verdict::NotApplicable);
    said.next().is_some_and(|first| said.any(|other| other != first))
}
