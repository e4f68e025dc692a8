//! Removing old runs on purpose: what goes, what stays, and the entry that says so.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::num::NonZeroUsize;

use jiff::Timestamp;

use crate::entry::{Event, Prune, linked};
use crate::graph::{Graph, Marked};
use crate::{Entry, HistoryError, Store, database};

/// Which runs go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// All but so many runs of each cluster.
    KeepLast(NonZeroUsize),
    /// Runs that were recorded before this time.
    Before(Timestamp),
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeepLast(number) => write!(f, "all but the last {number} of each cluster"),
            Self::Before(time) => write!(f, "recorded before {time}"),
        }
    }
}

/// What a rule means for a history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Runs that go, in order.
    pub removed: Vec<Entry>,
    /// Runs that would go, but are the last good ones of their clusters: what a gate compares with.
    pub kept: Vec<Entry>,
}

impl Rule {
    /// Applies the rule. The last good run of a cluster stays in any case.
    fn plan(self, entries: &[Entry]) -> Plan {
        let mut plan = Plan::default();
        let mut newer: BTreeMap<&str, (usize, bool)> = BTreeMap::new();
        for entry in entries.iter().rev() {
            let Some(run) = entry.whole() else { continue };
            let (count, good) = newer.entry(&run.cluster).or_default();
            let goes = match self {
                Self::KeepLast(keep) => *count >= keep.get(),
                Self::Before(time) => entry.at < time,
            };
            let last_good = run.good && !*good;
            match (goes, last_good) {
                (true, false) => plan.removed.push(entry.clone()),
                (true, true) => plan.kept.push(entry.clone()),
                (false, _) => {}
            }
            *count += 1;
            *good |= run.good;
        }
        plan.removed.reverse();
        plan.kept.reverse();
        plan
    }
}

impl Store {
    /// What a prune by this rule would remove.
    pub fn would_prune(&self, rule: Rule) -> Result<Plan, HistoryError> {
        Ok(rule.plan(&self.entries()?))
    }

    /// Removes runs, and all that no other run needs, in one transaction; the entry that says so is added to the chain
    /// (none if nothing had to go). What is damaged is not pruned: the damage would be gone with it.
    pub fn prune(&mut self, rule: Rule, at: Timestamp) -> Result<(Plan, Option<Entry>), HistoryError> {
        let mut plan = Plan::default();
        let entry = self.append(at, |connection| {
            let mut first = None;
            let mut wrong = |text: String| first = first.take().or(Some(text));
            let entries = linked(&database::entries(connection)?, &mut wrong);
            let graph = Graph::of(connection, &mut wrong)?;
            plan = rule.plan(&entries);
            let removed: BTreeSet<u64> = plan.removed.iter().map(|entry| entry.number).collect();
            let mut marked = Marked::default();
            for entry in entries.iter().filter(|entry| !removed.contains(&entry.number)) {
                if let Some(run) = entry.whole() {
                    graph.mark(run, &mut marked, &mut wrong);
                }
            }
            if let Some(wrong) = first {
                return Err(HistoryError::Damaged(wrong));
            }
            if removed.is_empty() {
                return Ok(None);
            }
            let mut delete = connection.prepare("delete from part where digest = ?")?;
            for digest in graph.unneeded(&marked) {
                delete.execute([digest.0])?;
            }
            Ok(Some(Event::Prune(Prune { rule: rule.to_string(), removed: removed.into_iter().collect() })))
        })?;
        Ok((plan, entry))
    }
}
