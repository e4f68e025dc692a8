//! Findings by component, the gravest first.

use assess::Verdict;
use benchmark::Priority;

use super::Telling;
use super::page::ROW;
use crate::demand::tally;
use crate::model::{Finding, Report};
use crate::words;

/// More failures than this of one component are too many to tell each in full.
const MANY: usize = 40;

impl<'r> Telling<'r> {
    /// A demand that lies outside is told there with all its parts.
    pub(super) fn components(&mut self) {
        let report: &'r Report = self.report;
        let within = |finding: &&Finding| !finding.outside && !self.demands.is_outside(finding);
        for (name, findings) in by_component(report.findings.iter().filter(within)) {
            let numbers = self.numbers_of(&findings);
            self.page.heading(&format!("{name}: {numbers}"));
            self.findings(findings);
        }
        if report.findings.is_empty() {
            self.page.blank();
            self.page.prose("There is no finding to tell.");
        }
    }

    /// `2 FAIL, 5 PASS`, by demand as the report counts.
    fn numbers_of(&self, findings: &[&Finding]) -> String {
        let alike =
            findings.chunk_by(|left, right| left.control == right.control && left.parameters == right.parameters);
        let counts = tally(alike.map(|some| self.demands.of(some[0])));
        words::counts(&counts)
    }

    /// Findings, the gravest first: what is open in full, the rest in short.
    pub(super) fn findings(&mut self, mut findings: Vec<&Finding>) {
        findings.sort_by_key(|finding| grade(finding));
        let short = findings.partition_point(|finding| self.verbose || finding.verdict < Verdict::Pass);
        let not_applicable =
            findings.partition_point(|finding| self.verbose || finding.verdict < Verdict::NotApplicable);
        // Where very much is wrong, the lesser part of it takes two lines each.
        let failed = findings.iter().filter(|finding| finding.verdict == Verdict::Fail).count();
        let many = !self.verbose && failed > MANY;
        let mut briefly = false;
        for finding in &findings[..short] {
            let brief = many && finding.verdict == Verdict::Fail && finding.priority > Priority::High;
            if !brief || !briefly {
                self.page.blank();
            }
            briefly = brief;
            if brief { self.brief(finding) } else { self.block(finding) }
        }
        if many {
            self.page.blank();
            self.page.paragraph(ROW, ROW, "(-v tells each of these in full; kube-assay explain ID tells what to do)");
        }
        if short < findings.len() {
            self.page.blank();
        }
        findings[short..not_applicable].iter().for_each(|finding| self.pass(finding));
        self.not_applicable(&findings[not_applicable..]);
    }

    /// A failure with its reason, and nothing else.
    fn brief(&mut self, finding: &Finding) {
        let hang = self.title_column(finding);
        self.page.row(finding.verdict, hang, &self.title(finding));
        self.page.paragraph(hang, hang + 2, &finding.reason);
    }

    fn pass(&mut self, finding: &Finding) {
        let hang = self.title_column(finding);
        let part = self.demands.part(finding);
        let files = finding.subjects.iter().filter(|subject| subject.kind == "file").count();
        let count = if files > 1 && part.is_none() { format!(" ({files} files)") } else { String::new() };
        self.page.row(finding.verdict, hang, &format!("{}{count}", self.title(finding)));
        if let Some(part) = part {
            self.page.paragraph(hang, hang + 2, &part);
        }
        if let Some(because) = &finding.equivalent {
            self.page.paragraph(hang, hang + 2, &format!("equivalent: {because}"));
        }
        for note in &finding.notes {
            self.page.paragraph(hang, hang + 2, &format!("note: {note}"));
        }
    }

    /// What does not apply for the same reason is told together.
    fn not_applicable(&mut self, findings: &[&Finding]) {
        let mut rest = findings.to_vec();
        while let Some(first) = rest.first().copied() {
            let (same, other): (Vec<&Finding>, Vec<&Finding>) =
                rest.into_iter().partition(|finding| finding.reason == first.reason);
            let proof = if first.reason.is_empty() { "does not apply here" } else { &first.reason };
            self.page.row(Verdict::NotApplicable, ROW, proof);
            for finding in same {
                let hang = self.title_column(finding);
                self.page.paragraph(ROW, hang, &self.title(finding));
                for note in &finding.notes {
                    self.page.paragraph(hang, hang + 2, &format!("note: {note}"));
                }
            }
            rest = other;
        }
    }
}

/// Components with what was found of them, those with the gravest findings first.
fn by_component<'f>(findings: impl Iterator<Item = &'f Finding>) -> Vec<(&'f str, Vec<&'f Finding>)> {
    let mut components: Vec<(&str, Vec<&Finding>)> = Vec::new();
    for finding in findings {
        match components.iter_mut().find(|(name, _)| *name == finding.component) {
            Some((_, findings)) => findings.push(finding),
            None => components.push((&finding.component, vec![finding])),
        }
    }
    components.sort_by_key(|(_, findings)| findings.iter().map(|finding| grade(finding)).min());
    components
}

/// What comes first: failures, then unknowns, then questions; in each, what is worth most to an attacker, and settings
/// before the modes of files, and what the publisher asks of everybody before what it asks of some. The rest keeps its order.
pub(crate) fn grade(finding: &Finding) -> (Verdict, Priority, bool, u8) {
    let open = finding.verdict < Verdict::Pass;
    let file = finding.subjects.iter().any(|subject| subject.kind == "file");
    let level = finding.cited_by.iter().map(|cited| cited.level).min().filter(|_| open).unwrap_or(0);
    (finding.verdict, if open { finding.priority } else { Priority::Contextual }, open && file, level)
}
