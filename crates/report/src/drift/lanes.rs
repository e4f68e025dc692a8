//! Both sides laid beside each other: a demand's answer about one subject on one node.

use std::collections::{BTreeMap, BTreeSet};

use assess::Verdict;
use serde_json::Value;

use super::kinds::Beside;
use crate::model::{Finding, Report};

/// One demand of several reports. Its control's name and a number, as one control may be demanded by several bounds.
pub(super) type Demand<'r> = (&'r str, usize);

/// Which demands of several reports are the same: those with the same control and bounds, then those that are left over,
/// in their order. Other bounds of the same control are so the same demand, changed by the profile.
#[derive(Debug, Default)]
pub(super) struct Lanes<'r> {
    of: BTreeMap<&'r str, Vec<Vec<&'r BTreeMap<String, Value>>>>,
}

impl<'r> Lanes<'r> {
    /// Lays a report in and numbers the demands of its findings, in their order.
    fn lay(&mut self, report: &'r Report) -> Vec<Demand<'r>> {
        let mut own: BTreeMap<&str, Vec<&BTreeMap<String, Value>>> = BTreeMap::new();
        for finding in &report.findings {
            let bounds = own.entry(&finding.control).or_default();
            if !bounds.contains(&&finding.parameters) {
                bounds.push(&finding.parameters);
            }
        }
        let mut numbers: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (control, bounds) in &own {
            numbers.insert(control, assign(self.of.entry(control).or_default(), bounds));
        }
        let number = |finding: &'r Finding| {
            let control = finding.control.as_str();
            let at = own[control].iter().position(|bounds| **bounds == finding.parameters).unwrap_or_default();
            (control, numbers[control][at])
        };
        report.findings.iter().map(number).collect()
    }
}

/// Gives each of one report's bounds a lane of its own.
fn assign<'r>(lanes: &mut Vec<Vec<&'r BTreeMap<String, Value>>>, own: &[&'r BTreeMap<String, Value>]) -> Vec<usize> {
    let mut taken = BTreeSet::new();
    let mut given: Vec<Option<usize>> = own
        .iter()
        .map(|bounds| {
            let same = (0..lanes.len()).find(|at| !taken.contains(at) && lanes[*at].contains(bounds))?;
            taken.insert(same);
            Some(same)
        })
        .collect();
    for at in given.iter_mut().filter(|at| at.is_none()) {
        let free = (0..=taken.len()).find(|lane| !taken.contains(lane)).unwrap_or_default();
        taken.insert(free);
        *at = Some(free);
    }
    let given: Vec<usize> = given.into_iter().flatten().collect();
    for (lane, bounds) in given.iter().zip(own) {
        if lanes.len() <= *lane {
            lanes.resize(lane + 1, Vec::new());
        }
        lanes[*lane].push(bounds);
    }
    given
}

/// What is judged, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key<'r> {
    pub demand: Demand<'r>,
    pub kind: &'r str,
    pub name: &'r str,
    pub node: &'r str,
    /// Reports tell a subject once; if one does not, its further answers stand beside each other.
    pub again: usize,
}

/// A report by what it judges.
#[derive(Debug)]
pub(super) struct Rows<'r> {
    /// The findings.
    pub report: &'r Report,
    /// Where a subject's finding stands.
    pub all: BTreeMap<Key<'r>, usize>,
    /// Demands that were judged at all.
    demands: BTreeSet<Demand<'r>>,
    /// Nodes on which a demand was judged, and whether something of it could not be seen there.
    on: BTreeMap<(Demand<'r>, &'r str), bool>,
}

impl<'r> Rows<'r> {
    pub(super) fn new(report: &'r Report, lanes: &mut Lanes<'r>) -> Self {
        let mut rows = Self { report, all: BTreeMap::new(), demands: BTreeSet::new(), on: BTreeMap::new() };
        for (at, (finding, demand)) in report.findings.iter().zip(lanes.lay(report)).enumerate() {
            rows.demands.insert(demand);
            for subject in &finding.subjects {
                for node in &subject.captures {
                    rows.add(Key { demand, kind: &subject.kind, name: &subject.name, node, again: 0 }, at);
                }
            }
            // A finding without subjects is about its component.
            if finding.subjects.is_empty() {
                rows.add(Key { demand, kind: "component", name: &finding.component, node: "", again: 0 }, at);
            }
        }
        rows
    }

    fn add(&mut self, mut key: Key<'r>, at: usize) {
        while self.all.contains_key(&key) {
            key.again += 1;
        }
        self.all.insert(key, at);
        let unseen = self.report.findings[at].verdict == Verdict::Unknown;
        *self.on.entry((key.demand, key.node)).or_default() |= unseen;
    }

    pub(super) fn finding(&self, at: usize) -> &'r Finding {
        &self.report.findings[at]
    }

    /// The finding about a subject.
    pub(super) fn get(&self, key: &Key<'_>) -> Option<&'r Finding> {
        // Keys of different reports differ in their lifetime alone.
        self.all.get(key).map(|at| self.finding(*at))
    }

    /// What is said of a demand on these nodes.
    pub(super) fn beside(&self, demand: Demand<'_>, nodes: &[&str]) -> Beside {
        if !self.demands.contains(&demand) {
            return Beside::NotDemanded;
        }
        if nodes.is_empty() {
            return Beside::NoNode;
        }
        match nodes.iter().filter_map(|node| self.on.get(&(demand, *node))).max() {
            None => Beside::NotThere,
            Some(true) => Beside::Hidden,
            Some(false) => Beside::Seen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(mode: u64) -> BTreeMap<String, Value> {
        [("mode".to_owned(), mode.into())].into()
    }

    #[test]
    fn demands_are_matched_by_bounds_then_by_their_order() {
        let known: Vec<_> = [600, 644, 700, 755].map(bounds).into();
        for (first, second, expected) in [
            (vec![0], vec![0], vec![0]),
            (vec![0, 1], vec![1, 0], vec![1, 0]),
            // Another bound of the same control is the same demand.
            (vec![0], vec![1], vec![0]),
            (vec![0, 1], vec![2, 1], vec![0, 1]),
            (vec![0], vec![1, 0], vec![1, 0]),
            (vec![0, 1], vec![2, 3], vec![0, 1]),
            (vec![], vec![2, 3], vec![0, 1]),
        ] {
            let mut lanes = Vec::new();
            let pick = |of: &[usize]| of.iter().map(|at| &known[*at]).collect::<Vec<_>>();
            assign(&mut lanes, &pick(&first));
            assert_eq!(assign(&mut lanes, &pick(&second)), expected, "{first:?} then {second:?}");
        }
    }
}
