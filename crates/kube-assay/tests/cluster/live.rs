//! The command against a real API server: what is there is judged, what may not be read is unknown and says which right
//! is missing.

use std::path::Path;

use assess::Verdict;
use report::{Report, State};
use serde_json::{Value as Json, json};

use crate::common;
use crate::common::call::call;
use crate::server::{ADMIN, Server};

fn kubeconfig(server: &Server, user: &str) -> String {
    server.kubeconfig(user).display().to_string()
}

fn scanned(kubeconfig: &str, more: &[&str]) -> (i32, Report) {
    let ended = call(&[&["scan", "--kubeconfig", kubeconfig, "--profile", "cis-2.0.1", "-o", "json"], more].concat());
    let report = serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("{}", ended.err));
    (ended.code, report)
}

/// A control plane's API server as its mirror pod shows it.
fn mirror(node: &str, arguments: &[&str]) -> Json {
    let command: Vec<&str> = std::iter::once("kube-apiserver").chain(arguments.iter().copied()).collect();
    json!({
        "metadata": { "name": format!("kube-apiserver-{node}"), "annotations": { "kubernetes.io/config.mirror": "h" } },
        "spec": { "nodeName": node, "hostNetwork": true, "containers": [
            { "name": "kube-apiserver", "image": "registry.example/kube-apiserver:v1.36.3", "command": command }] },
    })
}

fn node(name: &str, labels: &Json) -> Json {
    json!({ "metadata": { "name": name, "labels": labels } })
}

const PODS: &str = "/api/v1/namespaces/kube-system/pods";
const NODES: &str = "/api/v1/nodes";
const BINDINGS: &str = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";

#[test]
fn a_cluster_is_audited_through_its_api() {
    let Some(server) = Server::start() else { return };
    server.create(NODES, &node("cp1", &json!({ "node-role.kubernetes.io/control-plane": "" })));
    server.create(NODES, &node("w1", &json!({ "pool": "gpu" })));
    server.create(PODS, &mirror("cp1", &["--profiling=true", "--authorization-mode=Node,RBAC"]));
    server.create(
        BINDINGS,
        &json!({ "metadata": { "name": "eve" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin" },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "eve" }] }),
    );
    let admin = kubeconfig(&server, ADMIN);
    let (code, report) = scanned(&admin, &[]);
    let verdicts = common::verdicts(&report);
    assert_eq!(code, 1);
    // The flags of the control plane are those of its mirror pod, and a worker has none of it.
    assert_eq!(
        (verdicts["1.2.15"], verdicts["1.2.6"], verdicts["1.2.7"]),
        (Verdict::Fail, Verdict::Pass, Verdict::Pass)
    );
    let flag =
        report.findings.iter().find(|finding| finding.id() == "1.2.15" && finding.verdict == Verdict::Fail).unwrap();
    assert_eq!(flag.basis, Some(evidence::Basis::Declared));
    // What Kubernetes itself binds is expected; what somebody bound is named.
    let named: Vec<&str> = report
        .findings
        .iter()
        .filter(|finding| finding.id() == "5.1.1" && finding.verdict == Verdict::Fail)
        .flat_map(|finding| finding.subjects.iter().map(|subject| subject.name.as_str()))
        .collect();
    assert_eq!(named, ["User eve"]);
    for id in ["5.1.3", "5.1.7", "5.1.9", "5.1.11"] {
        let own = report.findings.iter().filter(|finding| finding.id() == id && finding.verdict == Verdict::Fail);
        let own: Vec<_> = own.flat_map(|finding| finding.subjects.iter().map(|subject| &subject.name)).collect();
        assert!(own.iter().all(|name| *name == "User eve"), "{id} {own:?}");
    }
    // What only a node shows lies outside, and nothing of it passes.
    assert!(
        report
            .findings
            .iter()
            .filter(|finding| finding.id().starts_with("1.1."))
            .all(|finding| finding.outside || finding.verdict == Verdict::NotApplicable)
    );
    // Only the nodes that are meant.
    let (_, one) = scanned(&admin, &["--selector", "pool=gpu"]);
    let told: Vec<&str> = one.run.captures.iter().map(|capture| capture.name.as_str()).collect();
    assert_eq!(told, ["cluster test", "w1"]);
    let ended = call(&["scan", "--kubeconfig", &admin, "--nodes", "w1,w9"]);
    assert!(ended.code == 2 && ended.err.contains("w9"), "{}", ended.err);
    // An owner of nodes that there are none of matches nothing, unless nodes were left out.
    let directory = tempfile::tempdir().unwrap();
    let register = directory.path().join("register.yaml").display().to_string();
    let pool = "register: x\nowners:\n  - owner: storage-team\n    of: { nodes: { role: storage } }\n";
    std::fs::write(&register, pool).unwrap();
    for (arguments, named) in [(&[][..], true), (&["--selector", "pool=gpu"], false)] {
        let (_, decided) = scanned(&admin, &[&["--register", &register], arguments].concat());
        let unused = decided.register.unwrap().unused;
        let matches = unused.iter().any(|entry| entry.ends_with("the owner storage-team matches nothing"));
        assert_eq!(matches, named, "{arguments:?}: {unused:?}");
    }
    // A run file of it is judged alike.
    let file = directory.path().join("cluster.run").display().to_string();
    assert_eq!(call(&["collect", "--kubeconfig", &admin, "-o", &file]).code, 0);
    let again = call(&["scan", "--evidence", &file, "--profile", "cis-2.0.1", "-o", "json"]);
    let again: Report = serde_json::from_str(&again.out).unwrap();
    assert_eq!(common::verdicts(&again), verdicts);
    assert!(Path::new(&file).metadata().unwrap().len() < 200_000);
}

#[test]
fn a_provider_answers_for_what_it_hides() {
    let Some(server) = Server::start() else { return };
    server.create(NODES, &node("w1", &json!({ "eks.amazonaws.com/nodegroup": "a" })));
    let (_, report) = scanned(&kubeconfig(&server, ADMIN), &[]);
    assert_eq!(report.platform.name, "eks");
    let hidden: Vec<_> =
        report.findings.iter().filter(|finding| finding.decision.state == State::ProviderOwned).collect();
    assert!(hidden.len() > 60, "{}", hidden.len());
    for finding in hidden {
        assert!(finding.verdict == Verdict::Unknown && finding.outside, "{}", finding.id());
        assert!(finding.reason.starts_with("hidden by the provider: Amazon"), "{}", finding.reason);
        assert!(finding.remediation.starts_with("ask Amazon"), "{}", finding.remediation);
    }
    let of_node = report.findings.iter().filter(|finding| finding.id().starts_with("4.2."));
    assert!(of_node.into_iter().all(|finding| finding.decision.state != State::ProviderOwned));
}

#[test]
fn a_right_that_is_missing_is_named_and_passes_nothing() {
    let Some(server) = Server::start() else { return };
    let role = collect::cluster::role();
    server.grant(&role, "user-0");
    let (_, whole) = scanned(&kubeconfig(&server, "user-0"), &[]);
    let before = common::verdicts(&whole);
    let told = |report: &Report| -> Vec<String> {
        let unseen = report
            .findings
            .iter()
            .filter(|finding| finding.help.as_ref().is_some_and(|help| help.starts_with("grant")));
        unseen.filter_map(|finding| finding.help.clone()).collect()
    };
    assert_eq!(told(&whole), Vec::<String>::new(), "the shipped roles suffice");
    let ended = call(&["scan", "--kubeconfig", &kubeconfig(&server, "user-0"), "--dry-run"]);
    assert!(ended.code == 0 && !ended.out.contains("missing"), "{}", ended.out);
    // Each list that section 5 rests on, taken away alone.
    let lists = [
        ("rbac.authorization.k8s.io", "clusterroles", "5.1.2"),
        ("rbac.authorization.k8s.io", "rolebindings", "5.1.9"),
        ("", "pods", "5.2.2"),
        ("apps", "deployments", "5.2.5"),
        ("", "namespaces", "5.2.1"),
        ("", "serviceaccounts", "5.1.5"),
        ("networking.k8s.io", "networkpolicies", "5.3.2"),
        ("admissionregistration.k8s.io", "validatingwebhookconfigurations", "5.2.1"),
        ("certificates.k8s.io", "certificatesigningrequests", "5.1.7"),
        ("batch", "cronjobs", "5.4.1"),
    ];
    for (at, (group, resource, id)) in lists.into_iter().enumerate() {
        let user = format!("user-{}", at + 1);
        let mut less = role.clone();
        for rule in less["items"][0]["rules"].as_array_mut().unwrap() {
            if rule["apiGroups"] == json!([group])
                && let Some(resources) = rule["resources"].as_array_mut()
            {
                resources.retain(|own| own != resource);
            }
        }
        let rules = less["items"][0]["rules"].as_array_mut().unwrap();
        rules.retain(|rule| rule["resources"].as_array().is_none_or(|resources| !resources.is_empty()));
        server.grant(&less, &user);
        let (_, report) = scanned(&kubeconfig(&server, &user), &[]);
        let named = if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") };
        let wanted = format!("grant the right to list {named} in the cluster, and audit again");
        assert!(told(&report).contains(&wanted), "{user} {:?}", told(&report));
        let after = common::verdicts(&report);
        assert_eq!(after[id], Verdict::Unknown, "{id} without {named}");
        for (id, verdict) in &after {
            assert!([before[id], Verdict::Unknown].contains(verdict), "{id} without {named}: {verdict:?}");
        }
        let ended = call(&["scan", "--kubeconfig", &kubeconfig(&server, &user), "--dry-run"]);
        assert!(ended.out.contains(&format!("missing    list {named} in the cluster")), "{}", ended.out);
    }
}

#[test]
fn a_cluster_that_is_not_there_is_no_verdict() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("kubeconfig");
    let config = json!({ "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{ "name": "c", "cluster": { "server": "https://127.0.0.1:9" } }],
        "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "u" } }],
        "users": [{ "name": "u", "user": { "token": "S3CRET" } }] });
    std::fs::write(&file, config.to_string()).unwrap();
    let file = file.display().to_string();
    let ended = call(&["scan", "--kubeconfig", &file]);
    assert!(ended.code == 4 && ended.err.contains("127.0.0.1:9") && !ended.err.contains("S3CRET"), "{}", ended.err);
    let ended = call(&["scan", "--kubeconfig", &file, "--context", "other"]);
    assert!(ended.code == 2 && ended.err.contains("no context `other`"), "{}", ended.err);
    let ended = call(&["scan", "--kubeconfig", &file, "--selector", "a b"]);
    assert!(ended.code == 2 && ended.err.contains("selects no label"), "{}", ended.err);
}
