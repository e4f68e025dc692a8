//! Markdown for the summary of a job: the numbers, what is open in full, everything else folded.
//!
//! Written for GitHub's dialect; what comes from nodes is shown as text, never as markup, link or mention.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use assess::Verdict;
use register::State;

use crate::beside::{Beside, Since};
use crate::demand::Demands;
use crate::markup::attribute;
use crate::model::{Finding, Report};
use crate::plain;
use crate::words::{self, inert};

/// A finding names at most so many subjects; the rest is counted.
const SUBJECTS: usize = 10;

const VERDICTS: [Verdict; 5] =
    [Verdict::Fail, Verdict::Unknown, Verdict::Manual, Verdict::Pass, Verdict::NotApplicable];

/// Renders the report as Markdown.
pub fn markdown(report: &Report, beside: &Beside<'_>) -> String {
    let mut page = Page {
        text: String::new(),
        report,
        ambiguous: words::ambiguous(report),
        demands: beside.demands(report),
        since: Since::new(beside),
    };
    page.head();
    for verdict in VERDICTS {
        page.verdict(verdict);
    }
    page.outside();
    page.not_covered();
    page.text
}

struct Page<'r> {
    text: String,
    report: &'r Report,
    ambiguous: BTreeSet<String>,
    demands: Demands<'r>,
    since: Since<'r>,
}

impl Page<'_> {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn head(&mut self) {
        self.line("# kube-assay\n");
        let report = self.report;
        let counts: Vec<String> =
            report.counts.iter().map(|(verdict, count)| format!("{count} {}", words::verdict(*verdict))).collect();
        self.line(&format!("**{}**. {}.\n", counts.join(", "), plain::coverage(report)));
        for warning in plain::warnings(report) {
            self.line(&format!("> **WARNING** {}\n", text(&warning)));
        }
        self.line("| | |\n|---|---|");
        for (label, said) in
            plain::scope(report).into_iter().filter(|(label, _)| !["coverage", "warning"].contains(label))
        {
            self.line(&format!("| {label} | {} |", text(&said)));
        }
        for (label, said) in self.since.summary() {
            self.line(&format!("| {label} | {} |", text(&said)));
        }
        let mut remarks: Vec<&String> = report.run.captures.iter().flat_map(|capture| &capture.remarks).collect();
        remarks.sort_unstable();
        remarks.dedup();
        for remark in remarks {
            self.line(&format!("| remark | {} |", text(remark)));
        }
    }

    /// All findings with one verdict: open ones by what they are worth to an attacker, each to be unfolded.
    fn verdict(&mut self, verdict: Verdict) {
        let report = self.report;
        let of = |finding: &&Finding| finding.verdict == verdict && !finding.outside;
        let mut findings: Vec<&Finding> = report.findings.iter().filter(of).collect();
        if findings.is_empty() {
            return;
        }
        let word = words::verdict(verdict);
        if verdict >= Verdict::Pass {
            let count = words::number(findings.len(), "finding", "findings");
            self.line(&format!("\n<details><summary>{word}: {count}</summary>\n"));
            self.table(&findings, if verdict == Verdict::Pass { "met by" } else { "because" });
            return self.line("\n</details>");
        }
        findings.sort_by_key(|finding| finding.priority);
        self.line(&format!("\n## {word}\n"));
        self.table(&findings, "because");
        self.line("");
        for finding in findings {
            self.full(finding);
        }
    }

    fn table(&mut self, findings: &[&Finding], why: &str) {
        self.line(&format!(
            "| verdict | id | priority | component | title | {why} | where | decision |\n|---|---|---|---|---|---|---|---|"
        ));
        for finding in findings {
            let row = [
                self.verdict_of(finding),
                text(&words::ids(finding, &self.ambiguous)),
                words::priority(finding.priority).to_owned(),
                text(&finding.component),
                text(&finding.title),
                text(plain::because(finding)),
                self.subjects(finding),
                decided(finding),
            ];
            self.line(&format!("| {} |", row.join(" | ")));
        }
    }

    /// The verdict, and what changed of it since the baseline.
    fn verdict_of(&self, finding: &Finding) -> String {
        let mut said = vec![self.demands.word(finding)];
        said.extend(self.since.words(finding).into_iter().map(str::to_owned));
        said.join("<br>")
    }

    fn subjects(&self, finding: &Finding) -> String {
        let several = self.report.run.captures.len() > 1;
        let mut names = plain::subjects(finding, several, SUBJECTS);
        names.extend(self.demands.part(finding).map(|part| format!("in part: {part}")));
        names.iter().map(|name| text(name)).collect::<Vec<_>>().join("<br>")
    }

    /// What was seen, and what to do.
    fn full(&mut self, finding: &Finding) {
        let ids = words::ids(finding, &self.ambiguous);
        // Within HTML nothing is Markdown.
        let summary = attribute(&format!("{} {ids} {}", self.demands.word(finding), finding.title));
        self.line(&format!("<details><summary>{summary}</summary>\n"));
        if let Some(part) = self.demands.part(finding) {
            self.line(&format!("- in part: {}", text(&part)));
        }
        for line in self.since.told(finding) {
            self.line(&format!("- since the baseline: {}", text(&line)));
        }
        for (label, said) in plain::said(finding) {
            self.line(&format!("- {label}: {}", text(&said)));
        }
        if !finding.why.is_empty() {
            self.line(&format!("- risk: {}", text(&finding.why)));
        }
        self.line(&format!("- control: {}", text(&finding.control)));
        self.line("- what to do:\n");
        self.line(&fenced(&finding.remediation));
        self.line("</details>\n");
    }

    /// What this source can never show.
    fn outside(&mut self) {
        let report = self.report;
        let findings: Vec<&Finding> = report.findings.iter().filter(|finding| finding.outside).collect();
        if !findings.is_empty() {
            let count = words::number(findings.len(), "finding", "findings");
            self.line(&format!("\n<details><summary>UNKNOWN, outside what this source can see: {count}</summary>\n"));
            self.table(&findings, "because");
            self.line("\n</details>");
        }
    }

    fn not_covered(&mut self) {
        let mut said = BTreeSet::new();
        let all = self.report.profiles.iter().flat_map(|profile| &profile.not_covered);
        let items: Vec<&String> = all.filter(|item| said.insert(*item)).collect();
        if !items.is_empty() {
            self.line("\n<details><summary>Not covered by a profile that was judged</summary>\n");
            for item in items {
                self.line(&format!("- {}", text(item)));
            }
            self.line("\n</details>");
        }
    }
}

/// What was decided: in full where the finding is told nowhere else, else in brief.
fn decided(finding: &Finding) -> String {
    let decision = &finding.decision;
    if finding.outside {
        let lines = plain::decided(decision).into_iter().map(|(label, said)| text(&format!("{label}: {said}")));
        return lines.collect::<Vec<_>>().join("<br>");
    }
    let until = decision.term().unwrap_or_default();
    let brief = [decision.state.word(), decision.owner.as_deref().unwrap_or_default(), &until];
    let known = decision.state != State::None || decision.owner.is_some();
    let brief: Vec<String> = brief.iter().filter(|word| known && !word.is_empty()).map(|word| text(word)).collect();
    brief.join("<br>")
}

/// Text of which nothing is markup.
pub fn text(foreign: &str) -> String {
    let mut safe = String::with_capacity(foreign.len() + 8);
    for letter in inert(foreign).chars() {
        match letter {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' => safe.extend(['\\', letter]),
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            // Mentions, issues, formulas.
            '@' => safe.push_str("&#64;"),
            '#' => safe.push_str("&#35;"),
            '$' => safe.push_str("&#36;"),
            other => safe.push(other),
        }
    }
    // What looks like an address becomes a link of itself.
    safe.replace("://", "&#58;//").replace("www.", "www&#46;")
}

/// One line as it stands, for whoever copies it: nothing in it is markup, and nothing is escaped.
pub fn code(line: &str) -> String {
    let line = inert(line);
    let runs = line.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(runs + 1);
    // One space at both ends is taken away where a line is shown.
    let pad = if line.starts_with(['`', ' ']) || line.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{pad}{line}{pad}{fence}")
}

/// Lines as they stand, in a fence that none of them closes.
pub fn fenced(lines: &str) -> String {
    let runs = lines.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(runs.max(2) + 1);
    let mut block = format!("{fence}text\n");
    for line in lines.trim_end().lines() {
        let _ = writeln!(block, "{}", inert(line));
    }
    block + &fence + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_markup_is_text() {
        for (foreign, expected) in [
            ("a_b *c* `d`", "a\\_b \\*c\\* \\`d\\`"),
            ("[x](https://a.example) @someone #1", "\\[x\\](https&#58;//a.example) &#64;someone &#35;1"),
            ("a|b <img>", "a\\|b &lt;img&gt;"),
            ("www.example.org & \\", "www&#46;example.org &amp; \\\\"),
        ] {
            assert_eq!(text(foreign), expected);
        }
        for (line, expected) in [
            ("a | b > c_d {} \\;", "`a | b > c_d {} \\;`"),
            ("x` <img> ``y", "```x` <img> ``y```"),
            ("`x", "`` `x ``"),
            ("two\nlines", "`two\\nlines`"),
        ] {
            assert_eq!(code(line), expected);
        }
        assert_eq!(fenced("```\nrm\n````"), "`````text\n```\nrm\n````\n`````\n");
    }
}
