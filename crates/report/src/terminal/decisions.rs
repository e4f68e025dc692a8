//! What a register decided, for whoever answers for it.

use register::State;

use super::Telling;
use crate::model::Finding;
use crate::plain;

impl Telling<'_> {
    /// Decisions by number, accepted risk by owner, and everything that somebody has to decide anew.
    pub(super) fn decisions(&mut self) {
        let Some(register) = &self.report.register else { return };
        self.page.heading("decisions");
        for (label, said) in plain::register(register) {
            self.page.paragraph(0, 2, &format!("{label}: {said}"));
        }
        let numbers = plain::decisions(self.report);
        if !numbers.is_empty() {
            self.page.paragraph(0, 2, &format!("findings: {numbers}"));
        }
        let overdue = |finding: &Finding| finding.decision.state == State::Overdue;
        let due = |finding: &Finding| !overdue(finding) && !finding.decision.due.is_empty();
        let lapsed = |finding: &Finding| !finding.decision.lapsed.is_empty();
        self.anew("overdue", &overdue, |finding| {
            vec![finding.decision.term().unwrap_or_else(|| "on a day that is not told".to_owned())]
        });
        self.anew("no longer holds", &lapsed, |finding| finding.decision.lapsed.clone());
        self.anew("due to be looked at again", &due, |finding| finding.decision.due.clone());
    }

    fn anew(&mut self, title: &str, test: &dyn Fn(&Finding) -> bool, why: impl Fn(&Finding) -> Vec<String>) {
        let report = self.report;
        let findings: Vec<&Finding> = report.findings.iter().filter(|finding| test(finding)).collect();
        if findings.is_empty() {
            return;
        }
        self.page.paragraph(0, 2, &format!("{title}:"));
        for finding in findings {
            let owner = finding.decision.owner.as_deref().unwrap_or("nobody");
            let (ids, why) = (self.ids(finding), why(finding).join("; "));
            self.page.paragraph(2, 6, &format!("{ids}, {owner}: {why}"));
        }
    }
}
