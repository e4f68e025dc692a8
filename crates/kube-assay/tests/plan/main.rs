//! A plan's patches, applied by hand as a person would, make the findings pass, and change nothing else for the worse.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod command;
#[path = "../common/mod.rs"]
mod common;
mod differ;
mod hand;
mod hostile;

use std::collections::{BTreeMap, BTreeSet};

use assess::{Selection, Verdict};
use benchmark::Content;
use collect::recording::Recording;
use evidence::Run;
use plan::Plan;
use report::Report;

const PROFILES: [&str; 2] = ["cis-2.0.1", "node-kernel"];

fn judged(node: &Recording, content: &Content) -> Report {
    let trails = assess::trails(content);
    let mut run = Run { captures: vec![node.capture(trails.clone())] };
    run.captures.extend(node.cluster(trails));
    common::judge_by(&run, content, &PROFILES, &Selection::default())
}

/// The verdict of every control with its bounds, rolled up over subjects.
fn by_control(report: &Report) -> BTreeMap<String, Verdict> {
    let named = |findings: &[report::Finding]| {
        let first = findings.first()?;
        Some((first.control.clone(), report::roll_up(findings.iter())?))
    };
    report.demands().filter_map(named).collect()
}

fn planned(plan: &Plan) -> BTreeSet<String> {
    plan.steps.iter().flat_map(|step| step.controls.iter().cloned()).collect()
}

/// What was planned passes, and nothing else moves but what follows from it.
fn compare(before: &Report, after: &Report, plan: &Plan, follows: &[&str]) {
    let (before, after) = (by_control(before), by_control(after));
    let planned = planned(plan);
    assert!(!planned.is_empty() && planned.iter().all(|control| before[control] == Verdict::Fail));
    let failing: Vec<&String> = planned.iter().filter(|control| after[*control] != Verdict::Pass).collect();
    assert!(failing.is_empty(), "planned, and does not pass: {failing:?}");
    let moved = after.iter().filter(|(control, now)| !planned.contains(*control) && before[*control] != **now);
    let moved: Vec<(&str, Verdict)> = moved.map(|(control, now)| (control.as_str(), *now)).collect();
    let expected: Vec<(&str, Verdict)> = follows.iter().map(|control| (*control, Verdict::Pass)).collect();
    assert_eq!(moved, expected, "not planned, and moved");
}

#[test]
fn patches_applied_to_the_stock_node_make_what_was_planned_pass_and_nothing_worse() {
    let content = common::content();
    for drop_in in [false, true] {
        let mut node = common::recording("kubeadm-v1.36");
        let before = judged(&node, &content);
        let plan = Plan::of(&before, &content);
        hand::apply(&mut node, &plan, drop_in);
        let after = judged(&node, &content);
        // Pods without a profile then have the kubelets' default.
        compare(&before, &after, &plan, &["pods-seccomp-profile"]);
        // What is left is told as left, and a second plan has no patch.
        let rest = Plan::of(&after, &content);
        assert!(rest.steps.is_empty() && rest.patches.is_empty(), "{:?}", rest.steps);
    }
}

/// What a careless hand leaves behind: flags that win over files, plugins turned off, keys that all may read.
#[test]
fn a_weakened_node_is_led_back() {
    let content = common::content();
    let mut node = common::recording("kubeadm-v1.36");
    let mut weaken = |component: &str, with: &[&str]| {
        let set: Vec<String> = with.iter().map(|flag| format!("--{flag}")).collect();
        let patch = serde_json::json!({ "set": set, "remove": [] });
        if component == "kubelet" {
            hand::change(&mut node, component, &patch);
        } else {
            hand::flags(&mut node, component, &patch);
        }
    };
    weaken(
        "kubelet",
        &["anonymous-auth=true", "authorization-mode=AlwaysAllow", "event-qps=0", "read-only-port=10255"],
    );
    weaken(
        "kube-apiserver",
        &[
            "authorization-mode=AlwaysAllow",
            "token-auth-file=/etc/kubernetes/pki/tokens.csv",
            "disable-admission-plugins=ServiceAccount,NamespaceLifecycle",
            "enable-admission-plugins=AlwaysAdmit",
            "request-timeout=0s",
        ],
    );
    weaken("kube-controller-manager", &["terminated-pod-gc-threshold=0", "use-service-account-credentials=false"]);
    weaken("etcd", &["client-cert-auth=false", "auto-tls=true"]);
    node.stats.get_mut("/etc/kubernetes/pki/sa.key").unwrap().mode = 0o644;
    node.stats.get_mut("/etc/kubernetes/manifests/etcd.yaml").unwrap().mode = 0o666;
    let before = judged(&node, &content);
    let plan = Plan::of(&before, &content);
    let planned = planned(&plan);
    for control in [
        "kubelet-no-anonymous-access",
        "kubelet-authorization",
        "kubelet-event-rate",
        "kubelet-no-read-only-port",
        "apiserver-authorization-not-always-allow",
        "apiserver-authorization-node",
        "apiserver-no-static-tokens",
        "apiserver-service-account-admission",
        "apiserver-namespace-lifecycle-admission",
        "apiserver-node-restriction-admission",
        "apiserver-no-always-admit",
        "apiserver-request-timeout",
        "controller-manager-pod-garbage-collection",
        "controller-manager-separate-credentials",
        "etcd-client-certificate-auth",
        "etcd-no-auto-tls",
        "pki-key-mode",
        "etcd-manifest-mode",
    ] {
        assert!(planned.contains(control), "{control} is not planned");
    }
    hand::apply(&mut node, &plan, false);
    let after = judged(&node, &content);
    let (before, after) = (by_control(&before), by_control(&after));
    for control in &planned {
        assert_eq!(after[control], Verdict::Pass, "{control}");
    }
    let worse = after.iter().filter(|(control, now)| **now == Verdict::Fail && before[*control] != Verdict::Fail);
    // The server itself turns anonymous requests off under AlwaysAllow; the step says so.
    assert_eq!(worse.map(|(control, _)| control.as_str()).collect::<Vec<_>>(), ["apiserver-anonymous-access"]);
    assert!(plan.steps.iter().any(|step| step.beware.iter().any(|own| own.contains("kept anonymous requests out"))));
}

/// Drop-ins win over what kubeadm writes, one of them over the trial's as well.
#[test]
fn a_drop_in_that_wins_is_changed_where_it_stands() {
    let content = common::content();
    let directory = "/etc/kubernetes/kubelet.conf.d";
    for (recording, file) in [("kubeadm-hardened-v1.36", "20-site.conf"), ("kubeadm-v1.36", "99-site.conf")] {
        for drop_in in [false, true] {
            let mut node = common::recording(recording);
            let path = format!("{directory}/{file}");
            let weak = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nreadOnlyPort: 10255\nauthentication:\n  anonymous:\n    enabled: true\npodPidsLimit: 8192\n";
            node.write(&path, weak);
            let directories = serde_json::json!({ "set": [format!("--config-dir={directory}")], "remove": [] });
            hand::change(&mut node, "kubelet", &directories);
            let before = judged(&node, &content);
            let plan = Plan::of(&before, &content);
            let step = plan.steps.iter().find(|step| step.target == plan::Target::Kubelet).unwrap();
            assert!(step.beware.iter().any(|own| own.contains(&path)), "{:?}", step.beware);
            let at = |what: &str| step.todo.iter().position(|own| own.contains(what)).unwrap();
            assert!(at(&path) < at("edit configmap") && at("kubeadm upgrade node") < at("take its drop-in away"));
            hand::apply(&mut node, &plan, drop_in);
            let follows: &[&str] = if recording == "kubeadm-v1.36" { &["pods-seccomp-profile"] } else { &[] };
            compare(&before, &judged(&node, &content), &plan, follows);
            let now = hand::yaml(&String::from_utf8(node.texts[&path].clone()).unwrap());
            let mut kept = hand::yaml(weak);
            kept["readOnlyPort"] = 0.into();
            kept["authentication"]["anonymous"]["enabled"] = false.into();
            assert_eq!(now, kept, "what did not fail stays");
        }
    }
}
