//! Entries that speak of nothing that was judged.

use assess::{Judged, Verdict};

use super::fit::Fit;
use super::{Asked, Decider};
use crate::model::At;

/// What an exception may be for.
const EXCEPTED: [Verdict; 3] = [Verdict::Fail, Verdict::Unknown, Verdict::Manual];

impl<'r> Decider<'r> {
    /// Entries that speak of nothing that was judged and is open: each with its place, and what it is.
    pub fn unused(&self, judged: &[Judged<'_>]) -> Vec<(&'r At, String)> {
        let open = |demand: &Judged<'_>, verdicts: &[Verdict], test: &dyn Fn(&Asked<'_>) -> bool| {
            let asked = |(capture, outcome)| Asked { demand, capture, outcome };
            let each = demand.outcomes.iter().filter(|(_, outcome)| verdicts.contains(&outcome.verdict));
            each.map(|(capture, outcome)| asked((capture.as_str(), outcome))).any(|asked| test(&asked))
        };
        let of = |control: &str, verdicts: &[Verdict], test: &dyn Fn(&Asked<'_>) -> bool| {
            let mut demands = judged.iter().filter(|demand| demand.control.name == control).peekable();
            // What was not judged in this run says nothing of the entry.
            demands.peek().is_none() || demands.any(|demand| open(demand, verdicts, test))
        };
        let mut unused = Vec::new();
        for exception in &self.register.exceptions {
            if !of(&exception.control, &EXCEPTED, &|asked| self.fits(&exception.scope, asked) != Fit::No) {
                unused.push((&exception.at, format!("the exception for {}", exception.control)));
            }
        }
        for grant in &self.register.grants {
            for subject in &grant.subjects {
                if !of(&grant.control, &[Verdict::Fail], &|asked| asked.outcome.subject.name == *subject) {
                    unused.push((&grant.at, format!("the grant of {} to {subject}", grant.control)));
                }
            }
        }
        for answer in &self.register.answers {
            if !of(&answer.control, &[Verdict::Manual], &|asked| self.fits(&answer.scope, asked) != Fit::No) {
                unused.push((&answer.at, format!("the answer for {}", answer.control)));
            }
        }
        unused
    }
}
