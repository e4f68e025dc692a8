//! What a report is told beside: the runs before it, and what changed since one of them. Nothing of it is in the record.

use std::collections::BTreeMap;

use assess::Verdict;

use crate::demand::Demands;
use crate::drift::{Answer, Change, Drift, Kind, words as said};
use crate::model::{Finding, Report};

/// What a report may be told beside.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside<'b> {
    /// Earlier runs of the same cluster, the oldest first.
    pub past: &'b [PastRun],
    /// What changed since the baseline, which the report is the later side of.
    pub drift: Option<&'b Drift>,
    /// The report before it was narrowed: what a demand is rolled up to, all its findings tell. None: it was not.
    pub whole: Option<&'b Report>,
}

impl<'b> Beside<'b> {
    /// The demands of a report, each with all its findings.
    pub(crate) fn demands(&self, report: &'b Report) -> Demands<'b> {
        Demands::new(self.whole.unwrap_or(report))
    }
}

/// An earlier run, by its numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastRun {
    /// Its id in the history.
    pub run: String,
    /// When it was recorded (RFC 3339).
    pub time: String,
    /// Numbers of demands by verdict, as it was told then.
    pub counts: BTreeMap<Verdict, usize>,
}

/// What changed of each finding since the baseline.
#[derive(Debug)]
pub(crate) struct Since<'d> {
    pub drift: Option<&'d Drift>,
    /// Changes that have a later side, by control.
    changes: BTreeMap<&'d str, Vec<(&'d Change, &'d Answer)>>,
}

impl<'d> Since<'d> {
    pub(crate) fn new(beside: &Beside<'d>) -> Self {
        let mut changes: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for change in beside.drift.into_iter().flat_map(|drift| &drift.changes) {
            if let Some(after) = &change.after {
                changes.entry(&change.control).or_default().push((change, after));
            }
        }
        Self { drift: beside.drift, changes }
    }

    /// The changes that a finding is the later side of; those of what did not change as well.
    pub(crate) fn of(&self, finding: &Finding) -> impl Iterator<Item = &'d Change> {
        let all = self.changes.get(finding.control.as_str()).map_or(&[][..], Vec::as_slice);
        let own = all.iter().filter(|(change, after)| is_told_of(change, after, finding));
        own.map(|(change, _)| *change)
    }

    /// In which ways a finding changed, each in a word, the gravest first.
    pub(crate) fn words(&self, finding: &Finding) -> Vec<&'static str> {
        let mut kinds: Vec<Kind> = self.of(finding).map(|change| change.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds.retain(|kind| *kind != Kind::Unchanged);
        kinds.into_iter().map(Kind::word).collect()
    }

    /// Whether something of a finding fails that did not.
    pub(crate) fn is_new_failure(&self, finding: &Finding) -> bool {
        self.of(finding).any(Change::is_new_failure)
    }

    /// Whether somebody has to act on something of a finding that nobody knew, at all or in this state.
    pub(crate) fn is_worse(&self, finding: &Finding) -> bool {
        self.of(finding).any(Change::is_worse)
    }

    /// What changed of a finding, a line each.
    pub(crate) fn told(&self, finding: &Finding) -> Vec<String> {
        let Some(drift) = self.drift else { return Vec::new() };
        let all: Vec<&Change> = self.of(finding).collect();
        let changed = all.iter().filter(|change| change.kind != Kind::Unchanged);
        changed.map(|change| line(change, drift, all.len() > 1)).collect()
    }

    /// What differs from the baseline as a whole, label by label; nothing where there is none.
    pub(crate) fn summary(&self) -> Vec<(&'static str, String)> {
        let Some(drift) = self.drift else { return Vec::new() };
        vec![
            ("compared with", said::head(&drift.before)),
            ("worse", said::worse(drift).unwrap_or_else(|| "nothing".to_owned())),
            ("else", said::rest(drift)),
        ]
    }
}

/// What a change was and what made it. Where only some subjects of a finding changed, they are named.
fn line(change: &Change, drift: &Drift, some: bool) -> String {
    let was = match &change.before {
        Some(before) => format!("was {}", said::answer(before)),
        None => "was not there".to_owned(),
    };
    let mut told = vec![format!("{}: {was}", change.kind.word())];
    told.extend(some.then(|| said::subjects(&change.subjects, false)));
    told.extend(said::regressed(change));
    told.extend(said::profile(change));
    told.extend(change.compared_with.as_ref().map(|pool| format!("compared with {pool}")));
    told.push(format!("cause: {}", said::causes(change, drift)));
    told.join("; ")
}

/// Whether this is what the later report says of a finding. All subjects of a change are those of one finding.
fn is_told_of(change: &Change, after: &Answer, finding: &Finding) -> bool {
    let decides = || finding.observed.iter().filter(|seen| seen.decides);
    let subject = change.subjects.first();
    after.verdict == finding.verdict
        && after.parameters == finding.parameters
        && after.reason == finding.reason
        && after.basis == finding.basis
        && after.equivalent == finding.equivalent
        && after.decision == finding.decision
        && after.observed.iter().eq(decides())
        && subject.is_none_or(|subject| {
            finding.subjects.is_empty()
                || finding.subjects.iter().any(|own| {
                    let node = subject.captures.first();
                    own.kind == subject.kind
                        && own.name == subject.name
                        && node.is_none_or(|node| own.captures.contains(node))
                })
        })
}
