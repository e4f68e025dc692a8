//! The report for a person: what was judged, what is wrong and what to do, what could not be seen, the rest in short.

mod block;
mod close;
mod components;
mod decisions;
mod head;
pub(crate) mod page;
mod since;

use std::borrow::Cow;
use std::collections::BTreeSet;

use assess::Verdict;

pub(crate) use self::components::grade;
pub use self::page::wrap;
use self::page::{Page, ROW};
use crate::beside::Beside;
use crate::demand::Demands;
use crate::formats::filter;
use crate::model::{Finding, Report};
use crate::words;

/// How a report is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Width of the terminal; at least 60 and at most 160 are used.
    pub width: usize,
    /// Whether colours are put in. Nothing is told by colour alone.
    pub color: bool,
    /// The verdicts to tell; none: all.
    pub only: Option<BTreeSet<Verdict>>,
    /// Whether everything is told in full, passes too.
    pub verbose: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { width: 80, color: false, only: None, verbose: false }
    }
}

impl Options {
    /// The report with the findings that are to be told.
    pub(crate) fn narrow<'r>(&self, report: &'r Report) -> Cow<'r, Report> {
        self.only.as_ref().map_or(Cow::Borrowed(report), |only| Cow::Owned(filter(report, only)))
    }
}

/// Renders the report for a terminal. Narrowed to some verdicts, an id is still told by what its demand is rolled up to.
pub fn terminal(whole: &Report, beside: &Beside<'_>, options: &Options) -> String {
    let report = options.narrow(whole);
    let mut telling = Telling {
        ambiguous: words::ambiguous(whole),
        demands: Demands::new(whole),
        several_nodes: report.run.captures.len() > 1,
        id_width: report.findings.iter().map(|finding| finding.id().chars().count()).max().unwrap_or(0).min(8),
        verbose: options.verbose,
        page: Page::new(options),
        report: &report,
        whole,
    };
    telling.head();
    if telling.nothing_runs() {
        telling.nothing();
    } else {
        telling.summary();
        telling.components();
        telling.unseen();
        telling.outside();
        telling.not_covered();
        telling.decisions();
        telling.numbers();
        telling.since(beside);
        telling.next();
    }
    telling.page.finish()
}

/// A report on its way onto a page.
struct Telling<'r> {
    /// With the findings that are to be told.
    report: &'r Report,
    /// With all findings.
    whole: &'r Report,
    demands: Demands<'r>,
    page: Page,
    verbose: bool,
    several_nodes: bool,
    /// Ids that need their profile's name.
    ambiguous: BTreeSet<String>,
    /// Width of the column of ids.
    id_width: usize,
}

impl Telling<'_> {
    fn ids(&self, finding: &Finding) -> String {
        words::ids(finding, &self.ambiguous)
    }

    /// Id and title, aligned. Where other subjects make the demand's verdict a graver one, the id stands for a part.
    fn title(&self, finding: &Finding) -> String {
        let part = self.part_word(finding);
        format!("{part}{:<width$}  {}", self.ids(finding), finding.title, width = self.id_width)
    }

    /// Where the title begins.
    fn title_column(&self, finding: &Finding) -> usize {
        ROW + self.part_word(finding).len() + self.id_width + 2
    }

    fn part_word(&self, finding: &Finding) -> &'static str {
        if self.demands.is_part(finding) { "in part " } else { "" }
    }

    /// Whether no component was found, and so nothing was found wrong or right.
    fn nothing_runs(&self) -> bool {
        let captures = &self.report.run.captures;
        let nobody = captures.iter().all(|capture| capture.components.is_empty() && capture.source != "saved");
        let nothing = |finding: &Finding| finding.verdict == Verdict::NotApplicable || finding.outside;
        let judged = [Verdict::Fail, Verdict::Manual, Verdict::Pass]
            .iter()
            .any(|verdict| self.report.counts.contains_key(verdict));
        nobody && !judged && self.report.findings.iter().all(nothing)
    }
}
