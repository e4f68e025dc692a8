//! Nodes that differ: the patches that are for all of them take from none what it has.

use std::collections::BTreeMap;

use assess::Verdict;
use benchmark::Content;
use collect::recording::Recording;
use evidence::Run;
use plan::Plan;
use report::Report;
use serde_json::json;

use crate::{PROFILES, common, hand, planned};

/// A second node, which answers to another name.
fn two() -> [Recording; 2] {
    let one = common::recording("kubeadm-v1.36");
    let mut two = common::recording("kubeadm-v1.36");
    two.write("/etc/hostname", "kb-two\n");
    [one, two]
}

fn set(node: &mut Recording, component: &str, flags: &[&str]) {
    hand::flags(node, component, &json!({ "set": flags, "remove": [] }));
}

fn judged(nodes: &[Recording], content: &Content) -> Report {
    let trails = assess::trails(content);
    let mut run = Run { captures: nodes.iter().map(|node| node.capture(trails.clone())).collect() };
    assert_eq!(run.captures.iter().map(|capture| &capture.name).collect::<std::collections::BTreeSet<_>>().len(), 2);
    run.captures.sort_by(|one, other| one.name.cmp(&other.name));
    common::judge_by(&run, content, &PROFILES, &assess::Selection::default())
}

/// The verdict of every control on every node.
fn by_node(report: &Report) -> BTreeMap<(String, String), Verdict> {
    let mut all = BTreeMap::new();
    for finding in &report.findings {
        for node in finding.subjects.iter().flat_map(|subject| &subject.captures) {
            let key = (finding.control.clone(), node.clone());
            let worst = all.get(&key).is_none_or(|own| *own != Verdict::Fail);
            if worst {
                all.insert(key, finding.verdict);
            }
        }
    }
    all
}

/// Applies the plan to both; what was planned passes on both, and what passed does so still, with what is told beforehand.
fn lead(nodes: &mut [Recording; 2], content: &Content, told: &[(&str, &str)]) -> Plan {
    let before = judged(nodes, content);
    let plan = Plan::of(&before, content);
    for node in nodes.iter_mut() {
        hand::apply(node, &plan, false);
    }
    let after = by_node(&judged(nodes, content));
    let asked = planned(&plan);
    let failing: Vec<_> =
        after.iter().filter(|((control, _), now)| asked.contains(control) && **now != Verdict::Pass).collect();
    assert!(!asked.is_empty() && failing.is_empty(), "planned, and does not pass: {failing:?}");
    let before = by_node(&before);
    let broken: Vec<_> =
        before.iter().filter(|(key, was)| **was == Verdict::Pass && after[*key] != Verdict::Pass).collect();
    let broken: Vec<_> = broken.iter().map(|((control, node), _)| (control.as_str(), node.as_str())).collect();
    assert_eq!(broken, told, "passed, and does not any more");
    plan
}

fn said(plan: &Plan, what: &str) -> bool {
    plan.steps.iter().any(|step| step.beware.iter().any(|own| own.contains(what)))
}

fn flag(node: &Recording, component: &str, name: &str) -> String {
    let named = |process: &&collect::recording::RecordedProcess| {
        process.argv.first().is_some_and(|own| own.to_lossy().rsplit('/').next() == Some(component))
    };
    let all = &node.processes.iter().find(named).unwrap().argv;
    let found = all.iter().map(evidence::OsText::to_lossy).find(|own| own.starts_with(&format!("--{name}=")));
    found.unwrap_or_default()
}

#[test]
fn a_list_keeps_what_any_node_has() {
    let content = common::content();
    let mut nodes = two();
    let plugins = "NodeRestriction,AlwaysPullImages,DenyServiceExternalIPs,EventRateLimit,PodNodeSelector";
    set(&mut nodes[0], "kube-apiserver", &[&format!("--enable-admission-plugins={plugins}")]);
    set(
        &mut nodes[1],
        "kube-apiserver",
        &["--enable-admission-plugins=NodeRestriction", "--authorization-mode=AlwaysAllow"],
    );
    set(&mut nodes[0], "kube-apiserver", &["--authorization-mode=Node,RBAC,Webhook"]);
    // The server itself turns anonymous requests off under AlwaysAllow; the step says so.
    let plan = lead(&mut nodes, &content, &[("apiserver-anonymous-access", "kb-two")]);
    for node in &nodes {
        let now = flag(node, "kube-apiserver", "enable-admission-plugins");
        for name in plugins.split(',') {
            assert!(now.split(['=', ',']).any(|own| own == name), "{name} is gone: {now}");
        }
        assert_eq!(flag(node, "kube-apiserver", "authorization-mode"), "--authorization-mode=Node,RBAC,Webhook");
    }
    assert!(
        said(&plan, "kb-node has AlwaysPullImages, DenyServiceExternalIPs, EventRateLimit, PodNodeSelector."),
        "{:?}",
        plan.steps
    );
}

/// What one node must not have comes to no other by way of the list that they share.
#[test]
fn a_list_takes_over_nothing_that_a_demand_forbids() {
    let content = common::content();
    let mut nodes = two();
    set(&mut nodes[0], "kube-apiserver", &["--enable-admission-plugins=NodeRestriction,AlwaysAdmit"]);
    lead(&mut nodes, &content, &[]);
    for node in &nodes {
        assert!(!flag(node, "kube-apiserver", "enable-admission-plugins").contains("AlwaysAdmit"));
    }
    // Accepted on one node, it may neither go there nor come to the other: no patch can say both.
    let mut nodes = two();
    set(&mut nodes[0], "kube-apiserver", &["--enable-admission-plugins=NodeRestriction,AlwaysAdmit"]);
    let mut report = judged(&nodes, &content);
    let fails = |own: &&mut report::Finding| own.control == "apiserver-no-always-admit" && own.verdict == Verdict::Fail;
    report.findings.iter_mut().find(fails).unwrap().decision.state = report::State::Accepted;
    let plan = Plan::of(&report, &content);
    assert!(!planned(&plan).contains("apiserver-always-pull-images"));
    let because =
        plan.by_hand.iter().find(|hand| hand.controls.iter().any(|own| own == "apiserver-always-pull-images"));
    assert!(because.unwrap().because.contains("nodes differ"), "{because:?}");
}

#[test]
fn a_list_that_one_node_does_not_show_is_left_to_a_person() {
    let content = common::content();
    let mut nodes = two();
    nodes[1].hide_processes = Some("hidden".to_owned());
    nodes[1].denied.insert("/etc/kubernetes/manifests".to_owned());
    let plan = Plan::of(&judged(&nodes, &content), &content);
    assert!(!planned(&plan).contains("apiserver-always-pull-images"));
    let because =
        plan.by_hand.iter().find(|hand| hand.controls.iter().any(|own| own == "apiserver-always-pull-images"));
    assert!(because.unwrap().because.contains("was not seen"), "{because:?}");
}

/// A value with which one node passes is what all get, and not the least that would do.
#[test]
fn a_value_that_passes_on_one_node_stays_there() {
    let content = common::content();
    let mut nodes = two();
    set(&mut nodes[0], "kube-apiserver", &["--request-timeout=30s"]);
    set(&mut nodes[1], "kube-apiserver", &["--request-timeout=0s"]);
    set(&mut nodes[0], "kube-controller-manager", &["--terminated-pod-gc-threshold=8000"]);
    set(&mut nodes[1], "kube-controller-manager", &["--terminated-pod-gc-threshold=0"]);
    let plan = lead(&mut nodes, &content, &[]);
    assert!(said(&plan, "kube-apiserver.request-timeout: kb-node passes with 30s"), "{:?}", plan.steps);
    for node in &nodes {
        let threshold = flag(node, "kube-controller-manager", "terminated-pod-gc-threshold");
        assert_eq!(threshold, "--terminated-pod-gc-threshold=8000");
        assert_eq!(flag(node, "kube-apiserver", "request-timeout"), "--request-timeout=30s");
    }
}
