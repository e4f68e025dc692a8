//! HTML for a reader who has no tool: one file, which asks for nothing over any network, works without its script, and
//! prints. It is well-formed XML too, so that a test can read it back.

mod charts;
mod decide;
mod finding;
mod scope;
mod since;
mod trend;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use assess::Verdict;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::beside::{Beside, Since};
use crate::demand::Demands;
use crate::fold::roll_up;
use crate::markup::attribute as safe;
use crate::model::{Finding, Report};
use crate::plain;
use crate::words;

const STYLE: &str = include_str!("html/style.css");
const SCRIPT: &str = include_str!("html/script.js");
const VERDICTS: [Verdict; 5] =
    [Verdict::Fail, Verdict::Unknown, Verdict::Manual, Verdict::Pass, Verdict::NotApplicable];

/// Renders the report as one HTML file.
pub fn html(report: &Report, beside: &Beside<'_>) -> String {
    let mut page = Page {
        text: String::new(),
        report,
        beside: *beside,
        since: Since::new(beside),
        demands: beside.demands(report),
        several: report.run.captures.len() > 1,
        ambiguous: words::ambiguous(report),
        items: items(report),
    };
    page.head();
    page.summary();
    page.changes();
    page.decisions();
    page.scope();
    page.unseen();
    page.findings();
    page.not_covered();
    page.foot();
    page.text
}

/// A finding, and the name that links to it have.
struct Item<'r> {
    finding: &'r Finding,
    anchor: String,
}

/// A report on its way into a page.
struct Page<'r> {
    text: String,
    report: &'r Report,
    beside: Beside<'r>,
    since: Since<'r>,
    demands: Demands<'r>,
    several: bool,
    ambiguous: BTreeSet<String>,
    items: Vec<Item<'r>>,
}

fn items(report: &Report) -> Vec<Item<'_>> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut items = Vec::with_capacity(report.findings.len());
    for finding in &report.findings {
        let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
        let name: String = finding.control.chars().map(plain).collect();
        let nth = seen.entry(name.clone()).and_modify(|nth| *nth += 1).or_insert(1);
        items.push(Item { finding, anchor: format!("f-{name}-{nth}") });
    }
    items
}

/// A verdict as a class of the style.
fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Fail => "fail",
        Verdict::Unknown => "unknown",
        Verdict::Manual => "manual",
        Verdict::Pass => "pass",
        Verdict::NotApplicable => "na",
    }
}

/// A verdict with a sign of its own, so that none is told by colour alone.
fn badge(verdict: Verdict) -> String {
    badge_of(verdict, words::verdict(verdict))
}

/// The same, in words of a finding.
fn badge_of(verdict: Verdict, word: &str) -> String {
    let sign = match verdict {
        Verdict::Fail => "✕",
        Verdict::Unknown => "?",
        Verdict::Manual => "✎",
        Verdict::Pass => "✓",
        Verdict::NotApplicable => "–",
    };
    format!("<span class=\"badge {}\"><span aria-hidden=\"true\">{sign}</span> {word}</span>", class(verdict))
}

/// Verdicts by number of demands, of which all findings are here.
fn counts<'f>(findings: impl Iterator<Item = &'f Finding>) -> BTreeMap<Verdict, usize> {
    let findings: Vec<&Finding> = findings.collect();
    let same = |left: &&Finding, right: &&Finding| left.control == right.control && left.parameters == right.parameters;
    let mut counts = BTreeMap::new();
    for verdict in findings.chunk_by(same).filter_map(|demand| roll_up(demand.iter().copied())) {
        *counts.entry(verdict).or_default() += 1;
    }
    counts
}

/// What a browser lets a style or script run by, and nothing else.
fn hash(source: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(source.as_bytes())))
}

impl Page<'_> {
    fn head(&mut self) {
        let names: Vec<&str> = self.report.run.captures.iter().map(|capture| capture.name.as_str()).collect();
        let title = safe(&format!("kube-assay: {}", words::some(&names, false)));
        let policy = format!(
            "default-src 'none'; style-src {}; script-src {}; base-uri 'none'; form-action 'none'",
            hash(STYLE),
            hash(SCRIPT)
        );
        let _ = write!(
            self.text,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\"/>\n\
             <meta name=\"referrer\" content=\"no-referrer\"/>\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
             <meta name=\"color-scheme\" content=\"light dark\"/>\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
             <a class=\"skip\" href=\"#findings\">Skip to the findings</a>\n\
             <header>\n<h1>{title}</h1>\n<p>{}</p>\n</header>\n\
             <nav aria-label=\"Contents\">\n<ul>\n",
            safe(&self.lead())
        );
        for (anchor, name) in [
            ("summary", "Summary"),
            ("since", "Since the baseline"),
            ("decisions", "To decide"),
            ("scope", "Scope"),
            ("unseen", "Not seen"),
            ("findings", "Findings"),
            ("not-covered", "Not covered"),
        ] {
            if anchor != "since" || self.beside.drift.is_some() {
                let _ = writeln!(self.text, "<li><a href=\"#{anchor}\">{name}</a></li>");
            }
        }
        self.text.push_str("</ul>\n</nav>\n<main>\n");
        for warning in plain::warnings(self.report) {
            let _ = writeln!(
                self.text,
                "<p class=\"warning\" role=\"note\"><strong>Warning:</strong> {}</p>",
                safe(&warning)
            );
        }
    }

    /// By what was judged.
    fn lead(&self) -> String {
        let profiles: Vec<&str> = self.report.profiles.iter().map(|profile| profile.name.as_str()).collect();
        let version = self.report.kubernetes.as_ref().map_or("version not seen", |choice| &choice.name);
        let platform = &self.report.platform.name;
        format!("Judged by {}; Kubernetes {version} on {platform}.", profiles.join(", "))
    }

    fn open(&mut self, anchor: &str, title: &str) {
        let _ = writeln!(
            self.text,
            "<section aria-labelledby=\"{anchor}\">\n<h2 id=\"{anchor}\" tabindex=\"-1\">{title}</h2>"
        );
    }

    fn close(&mut self) {
        self.text.push_str("</section>\n");
    }

    fn summary(&mut self) {
        self.open("summary", "Summary");
        self.text.push_str("<dl class=\"tiles\">\n");
        for (verdict, count) in &self.report.counts {
            let _ = writeln!(
                self.text,
                "<div class=\"tile {}\"><dt>{}</dt><dd>{count}</dd></div>",
                class(*verdict),
                words::verdict(*verdict)
            );
        }
        let _ = write!(self.text, "</dl>\n<p>{}.", plain::coverage(self.report));
        if let Some(selection) = &self.report.run.selection {
            let _ = write!(self.text, " Narrowed: {}.", safe(selection));
        }
        self.text.push_str("</p>\n");
        self.sections();
        self.trend();
        self.components();
        self.outliers();
        self.close();
    }

    /// Where the history keeps the run, with the hash by which it can be proven unchanged later.
    fn recorded(&self) -> Option<String> {
        let recorded = self.report.run.recorded.as_ref()?;
        Some(format!(
            "run <code>{}</code>, entry {}, head <code>{}</code>",
            safe(&recorded.run),
            recorded.number,
            safe(&recorded.head)
        ))
    }

    fn foot(&mut self) {
        let tool = &self.report.tool;
        let _ = write!(
            self.text,
            "</main>\n<footer><p>{} {}. What a word means, and what each control demands: <code>kube-assay explain \
             ID</code>.{} This page asks for nothing over any network.</p></footer>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
            safe(&tool.name),
            safe(&tool.version),
            self.recorded().map_or(String::new(), |said| format!(" Recorded as {said}."))
        );
    }
}
