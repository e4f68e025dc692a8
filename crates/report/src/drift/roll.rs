//! A report as another tool would tell it: one answer for each demand and node.

use std::collections::{BTreeMap, BTreeSet};

use assess::Observed;

use crate::fold::{refold, roll_up};
use crate::model::{CaptureInfo, Finding, Report, Subject};

const CLUSTER: &str = "cluster";

/// Both reports with one answer for each demand and node. What either of them judges in the cluster's own capture is one
/// answer on both sides: another tool asks the cluster from each of its nodes.
pub(super) fn both(before: &Report, after: &Report) -> [Report; 2] {
    let of_cluster: BTreeSet<&str> = [before, after].iter().flat_map(|report| controls_of_cluster(report)).collect();
    [before, after].map(|report| {
        let findings: Vec<Finding> = report.demands().flat_map(|demand| roll(demand, &of_cluster)).collect();
        let mut rolled = Report { findings: refold(&findings), ..report.clone() };
        rolled.run.captures.retain(|capture| capture.source != CLUSTER);
        rolled.run.captures.push(cluster());
        rolled
    })
}

/// What stands for the cluster on both sides.
fn cluster() -> CaptureInfo {
    CaptureInfo {
        name: CLUSTER.to_owned(),
        source: CLUSTER.to_owned(),
        taken: None,
        root: String::new(),
        identity: BTreeMap::new(),
        rights: Vec::new(),
        sees: Vec::new(),
        components: BTreeMap::new(),
        remarks: Vec::new(),
        cuts: Vec::new(),
        catalogue: String::new(),
    }
}

/// Controls that are judged in a cluster's own capture alone.
fn controls_of_cluster(report: &Report) -> BTreeSet<&str> {
    let captures = report.run.captures.iter().filter(|capture| capture.source == CLUSTER);
    let clusters: BTreeSet<&String> = captures.map(|capture| &capture.name).collect();
    let own = |finding: &&Finding| {
        let mut nodes = finding.subjects.iter().flat_map(|subject| &subject.captures).peekable();
        nodes.peek().is_some() && nodes.all(|node| clusters.contains(node))
    };
    let (inside, outside): (Vec<&Finding>, Vec<&Finding>) = report.findings.iter().partition(own);
    let outside: BTreeSet<&str> = outside.iter().map(|finding| finding.control.as_str()).collect();
    inside.into_iter().map(|finding| finding.control.as_str()).filter(|name| !outside.contains(name)).collect()
}

/// One finding for each node.
fn roll(demand: &[Finding], of_cluster: &BTreeSet<&str>) -> Vec<Finding> {
    let mut nodes: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in demand {
        let names: BTreeSet<&str> = match finding.subjects.iter().flat_map(|subject| &subject.captures) {
            _ if of_cluster.contains(finding.control.as_str()) => [CLUSTER].into(),
            captures => captures.map(String::as_str).collect(),
        };
        for node in names {
            nodes.entry(node).or_default().push(finding);
        }
    }
    nodes.into_iter().filter_map(|(node, findings)| one(node, &findings)).collect()
}

/// The gravest verdict, with the reasons and facts of all that have it.
fn one(node: &str, findings: &[&Finding]) -> Option<Finding> {
    let verdict = roll_up(findings.iter().copied())?;
    let decisive: Vec<&Finding> = findings.iter().filter(|finding| finding.verdict == verdict).copied().collect();
    let first = *decisive.first()?;
    let mut reasons: Vec<&str> = Vec::new();
    let mut observed: Vec<Observed> = Vec::new();
    for finding in &decisive {
        if !finding.reason.is_empty() && !reasons.contains(&finding.reason.as_str()) {
            reasons.push(&finding.reason);
        }
        for seen in &finding.observed {
            if !observed.contains(seen) {
                observed.push(seen.clone());
            }
        }
    }
    let subject =
        Subject { kind: "component".to_owned(), name: first.component.clone(), captures: vec![node.to_owned()] };
    Some(Finding {
        reason: reasons.join("; "),
        observed,
        outside: decisive.iter().all(|finding| finding.outside),
        subjects: vec![subject],
        ..first.clone()
    })
}
