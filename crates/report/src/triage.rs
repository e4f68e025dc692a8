//! Where to begin: open failures that share a cause, those first that are worth most to an attacker.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use assess::Verdict;
use benchmark::Priority;

use crate::model::{Finding, Report};

/// So many groups are told: who has more to begin with begins with nothing.
const MOST: usize = 5;

/// Open failures with one cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct First<'r> {
    /// What they are about.
    pub component: &'r str,
    /// What they have in common, in words; empty: one control.
    pub cause: &'static str,
    /// What the gravest is worth to an attacker.
    pub priority: Priority,
    /// The failures, the gravest first.
    pub findings: Vec<&'r Finding>,
    /// The nodes that they were seen on.
    pub nodes: BTreeSet<&'r str>,
}

/// At most five groups of open failures, in the order in which they should be dealt with: by what the gravest is worth to
/// an attacker, what is reached over the network before the modes of files, then by nodes and by number.
pub fn triage(report: &Report) -> Vec<First<'_>> {
    let mut groups: Vec<First<'_>> = Vec::new();
    let open = |finding: &&Finding| finding.verdict == Verdict::Fail && finding.decision.state.is_open();
    for finding in report.findings.iter().filter(open) {
        let cause = cause(finding);
        let same = |group: &First<'_>| {
            let shared = group.component == finding.component && group.cause == cause;
            shared && (!cause.is_empty() || group.findings.iter().any(|other| other.control == finding.control))
        };
        let at = groups.iter().position(same).unwrap_or_else(|| {
            groups.push(First {
                component: &finding.component,
                cause,
                priority: finding.priority,
                findings: Vec::new(),
                nodes: BTreeSet::new(),
            });
            groups.len() - 1
        });
        let at = &mut groups[at];
        at.priority = at.priority.min(finding.priority);
        at.findings.push(finding);
        at.nodes.extend(finding.subjects.iter().flat_map(|subject| &subject.captures).map(String::as_str));
    }
    for group in &mut groups {
        group.findings.sort_by_key(|finding| finding.priority);
    }
    groups.sort_by_key(|group| {
        let remote = group.cause != FILES && group.component != assess::KERNEL;
        (group.priority, !remote, Reverse(group.nodes.len()), Reverse(group.findings.len()))
    });
    groups.truncate(MOST);
    groups
}

const FILES: &str = "modes and owners of files";

/// What failures of a component share.
fn cause(finding: &Finding) -> &'static str {
    if assess::is_of_cluster(&finding.component) {
        return "";
    }
    if finding.subjects.iter().any(|subject| subject.kind == "file") {
        return FILES;
    }
    if finding.component != assess::KERNEL {
        return "settings";
    }
    let decides = |prefix: &str| finding.observed.iter().any(|seen| seen.decides && seen.fact.starts_with(prefix));
    match (decides("kernel.sysctl."), decides("kernel.cmdline.")) {
        (true, _) => "settings",
        (_, true) => "command line",
        _ => "how it was built",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use register::State;
    use serde_json::json;

    use super::*;

    fn finding(component: &str, control: &str, priority: &str, kind: &str, nodes: &[&str]) -> Finding {
        serde_json::from_value(json!({
            "control": control, "title": control, "component": component, "priority": priority, "parameters": {},
            "cited_by": [], "verdict": "fail", "equivalent": null, "basis": null, "reason": "", "help": null,
            "outside": false, "expected": "", "observed": [], "notes": [], "why": "", "remediation": "",
            "subjects": [{ "kind": kind, "name": "x", "captures": nodes }], "decision": { "state": "required" },
        }))
        .unwrap()
    }

    #[test]
    fn failures_of_one_cause_are_one_thing_to_do_and_the_gravest_comes_first() {
        let mut accepted = finding("etcd", "accepted", "critical", "component", &["a"]);
        accepted.decision.state = State::Accepted;
        let mut report = crate::build::empty();
        report.findings = vec![
            finding("kubelet", "mode", "high", "file", &["a", "b", "c"]),
            finding("kubelet", "limit", "medium", "component", &["a"]),
            finding("kubelet", "anonymous", "high", "component", &["a", "b"]),
            finding("rbac", "one", "medium", "subject", &["cluster"]),
            finding("rbac", "two", "medium", "subject", &["cluster"]),
            finding("rbac", "two", "medium", "subject", &["cluster"]),
            finding("kube-apiserver", "open", "critical", "component", &["a"]),
            accepted,
        ];
        let told: Vec<(&str, &str, usize, usize)> = triage(&report)
            .iter()
            .map(|first| (first.component, first.cause, first.findings.len(), first.nodes.len()))
            .collect();
        assert_eq!(
            told,
            [
                ("kube-apiserver", "settings", 1, 1),
                ("kubelet", "settings", 2, 2),
                ("kubelet", FILES, 1, 3),
                ("rbac", "", 2, 1),
                ("rbac", "", 1, 1),
            ]
        );
        assert_eq!(triage(&report)[1].findings[0].control, "anonymous", "the gravest of a group leads it");
    }
}
