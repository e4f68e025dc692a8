//! Between which of the four reports an answer changed, and so what changed it.

use super::Reports;
use super::kinds::same_evidence;
use super::lanes::{Key, Lanes, Rows};
use super::model::{Cause, Kind};
use crate::model::{Finding, Report};

/// The reports that lie between the two sides, and what each step from one to the next can be due to.
#[derive(Debug)]
pub(super) struct Steps<'r> {
    between: Vec<Rows<'r>>,
    /// Whether the last of them is the earlier evidence, judged by the later profiles.
    reprofiled: bool,
    /// One more than there are reports between.
    causes: Vec<Cause>,
    /// What the step of cause `unclear` can be due to.
    pub unseparated: Vec<Cause>,
}

impl<'r> Steps<'r> {
    pub(super) fn new(reports: &Reports<'r>, another_tool: bool, lanes: &mut Lanes<'r>) -> Self {
        if another_tool {
            let causes = vec![Cause::AnotherTool];
            return Self { between: Vec::new(), reprofiled: false, causes, unseparated: Vec::new() };
        }
        let mut ends = vec![reports.before];
        let mut steps = Vec::new();
        let mut since = vec![Cause::Tool];
        for (report, next) in [(reports.replayed, Cause::Profile), (reports.reprofiled, Cause::Cluster)] {
            if let Some(report) = report {
                ends.push(report);
                steps.push(std::mem::take(&mut since));
            }
            since.push(next);
        }
        ends.push(reports.after);
        steps.push(since);
        let same_tool = reports.before.tool == reports.after.tool;
        let mut unseparated = Vec::new();
        let mut causes = Vec::new();
        for (step, ends) in steps.into_iter().zip(ends.windows(2)) {
            let same = |cause: &&Cause| match cause {
                Cause::Tool => !same_tool,
                Cause::Profile => digests(ends[0]) != digests(ends[1]),
                _ => true,
            };
            let possible: Vec<Cause> = step.iter().filter(same).copied().collect();
            match possible.as_slice() {
                [] => causes.push(step[0]),
                [one] => causes.push(*one),
                several => {
                    causes.push(Cause::Unclear);
                    unseparated = several.to_vec();
                }
            }
        }
        let between = ends[1..ends.len() - 1].iter().map(|report| Rows::new(report, lanes)).collect();
        Self { between, reprofiled: reports.reprofiled.is_some(), causes, unseparated }
    }

    /// The causes of a change, in the order of the steps. `old` is where the earlier evidence has its subject.
    pub(super) fn causes(
        &self,
        old: Option<&Key<'r>>,
        new: Option<&Key<'r>>,
        in_before: bool,
        kind: Kind,
        (before, after): (&Rows<'r>, &Rows<'r>),
    ) -> Vec<Cause> {
        if kind == Kind::Dropped {
            return vec![Cause::Profile];
        }
        let first = old.filter(|_| in_before).and_then(|key| before.get(key));
        let middle = self.between.iter().map(|rows| old.and_then(|key| rows.get(key)));
        let last = new.and_then(|key| after.get(key));
        if kind == Kind::Demanded {
            // That it is asked for is the profile's; what is answered may have been another then.
            let then = self.between.last().filter(|_| self.reprofiled).map(|rows| old.and_then(|key| rows.get(key)));
            let verdict = |answer: Option<&Finding>| answer.map(|answer| answer.verdict);
            let changed = then.is_some_and(|then| verdict(then) != verdict(last));
            return std::iter::once(Cause::Profile).chain(changed.then_some(Cause::Cluster)).collect();
        }
        let answers: Vec<Option<&Finding>> = std::iter::once(first).chain(middle).chain([last]).collect();
        let differ = |pair: &[Option<&Finding>]| match (pair[0], pair[1]) {
            (Some(old), Some(new)) if kind == Kind::EvidenceChanged => {
                !same_evidence(old, new) || old.verdict != new.verdict
            }
            (Some(old), Some(new)) => old.verdict != new.verdict,
            (old, new) => old.is_some() != new.is_some(),
        };
        let mut causes: Vec<Cause> = Vec::new();
        for (pair, cause) in answers.windows(2).zip(&self.causes) {
            if differ(pair) && !causes.contains(cause) {
                causes.push(*cause);
            }
        }
        causes
    }
}

/// What the profiles demand.
fn digests(report: &Report) -> Vec<&str> {
    let mut digests: Vec<&str> = report.profiles.iter().map(|profile| profile.digest.as_str()).collect();
    digests.sort_unstable();
    digests
}
