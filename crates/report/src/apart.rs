//! What sets nodes apart that answer otherwise than the others: their kernel, their kubelet, their pool.

use std::collections::{BTreeMap, BTreeSet};

use assess::Verdict;

use crate::model::{CaptureInfo, Finding};

/// What of a node's identity is never the reason: every node has its own.
const OWN: [&str; 8] =
    ["node", "hostname", "machine-id", "boot-id", "provider-id", "client-expires", "client-roles", "context"];

/// At most so many things are named.
const MOST: usize = 4;

/// Notes on each finding of a demand on which nodes differ: what all nodes of it share that no other node has.
pub(crate) fn explain(findings: &mut [Finding], captures: &[CaptureInfo]) {
    // Where a demand does not apply, nothing is answered.
    let answers = |finding: &Finding| finding.verdict != Verdict::NotApplicable;
    let of = |finding: &Finding| if answers(finding) { nodes(finding) } else { BTreeSet::new() };
    let groups: Vec<BTreeSet<String>> = findings.iter().map(of).collect();
    if groups.iter().filter(|group| !group.is_empty()).count() < 2 {
        return;
    }
    for (finding, group) in findings.iter_mut().zip(&groups) {
        finding.notes.extend(notes(group, &groups, captures));
    }
}

/// What is said of one group among several.
fn notes(group: &BTreeSet<String>, groups: &[BTreeSet<String>], captures: &[CaptureInfo]) -> Vec<String> {
    let known: BTreeMap<&str, &CaptureInfo> = captures.iter().map(|capture| (capture.name.as_str(), capture)).collect();
    let all: BTreeSet<&String> = groups.iter().flatten().collect();
    // The largest group is the rule, and two nodes that differ are just two nodes.
    if group.is_empty() || all.len() < 3 || group.len() * 2 > all.len() {
        return Vec::new();
    }
    let others = || all.iter().filter(|name| !group.contains(**name)).filter_map(|name| known.get(name.as_str()));
    let mut shared = shared(group.iter().filter_map(|name| known.get(name.as_str()).copied()));
    shared.retain(|key, value| !others().any(|other| other.identity.get(*key).map(String::as_str) == Some(*value)));
    let said: Vec<String> = shared.into_iter().take(MOST).map(|(key, value)| format!("{key} {value}")).collect();
    let who = if group.len() == 1 { "this node alone has" } else { "these nodes, and no others, have" };
    if said.is_empty() { Vec::new() } else { vec![format!("{who} {}", said.join(", "))] }
}

fn nodes(finding: &Finding) -> BTreeSet<String> {
    finding.subjects.iter().flat_map(|subject| subject.captures.iter().cloned()).collect()
}

/// What of their identities all nodes share.
fn shared<'c>(mut nodes: impl Iterator<Item = &'c CaptureInfo>) -> BTreeMap<&'c str, &'c str> {
    let Some(first) = nodes.next() else { return BTreeMap::new() };
    let own = first.identity.iter().filter(|(key, _)| !OWN.contains(&key.as_str()));
    let mut shared: BTreeMap<&str, &str> = own.map(|(key, value)| (key.as_str(), value.as_str())).collect();
    for node in nodes {
        shared.retain(|key, value| node.identity.get(*key).map(String::as_str) == Some(*value));
    }
    shared
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capture(name: &str, identity: &[(&str, &str)]) -> CaptureInfo {
        CaptureInfo {
            name: name.to_owned(),
            source: "cluster-node".to_owned(),
            taken: None,
            root: String::new(),
            identity: identity.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            rights: Vec::new(),
            sees: Vec::new(),
            components: BTreeMap::new(),
            remarks: Vec::new(),
            cuts: Vec::new(),
            catalogue: String::new(),
        }
    }

    fn sets_apart(nodes: &[(&str, &[(&str, &str)])], few: &[&str]) -> Vec<String> {
        let captures: Vec<CaptureInfo> = nodes.iter().map(|(name, identity)| capture(name, identity)).collect();
        let all: BTreeSet<String> = few.iter().map(|name| (*name).to_owned()).collect();
        let others = captures.iter().map(|capture| capture.name.clone()).filter(|name| !all.contains(name)).collect();
        notes(&all, &[others, all.clone()], &captures)
    }

    #[test]
    fn an_outlier_is_told_with_what_no_other_has() {
        let nodes: [(&str, &[(&str, &str)]); 4] = [
            ("a", &[("kernel", "6.12"), ("label pool", "cpu"), ("machine-id", "1")]),
            ("b", &[("kernel", "6.12"), ("label pool", "cpu"), ("machine-id", "2")]),
            ("c", &[("kernel", "6.12"), ("label pool", "cpu"), ("machine-id", "3")]),
            ("d", &[("kernel", "6.1"), ("label pool", "gpu"), ("machine-id", "4")]),
        ];
        assert_eq!(sets_apart(&nodes, &["d"]), ["this node alone has kernel 6.1, label pool gpu"]);
        // What one of the others has too is no reason, and half of the nodes are no outliers.
        let mixed: [(&str, &[(&str, &str)]); 4] = [nodes[0], nodes[1], ("c", &[("kernel", "6.1")]), nodes[3]];
        assert_eq!(sets_apart(&mixed, &["d"]), ["this node alone has label pool gpu"]);
        assert_eq!(sets_apart(&mixed, &["a", "b", "c"]), Vec::<String>::new());
        assert_eq!(sets_apart(&nodes[..2], &["a"]), Vec::<String>::new());
    }
}
