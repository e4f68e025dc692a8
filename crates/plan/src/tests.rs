//! What patches say, by setting, version and platform.

use benchmark::{Content, Version};
use serde_json::{Value as Json, json};

use crate::derive::{Move, To};
use crate::edits::Edits;
use crate::model::Target;
use crate::{kubeadm, talos};

fn content() -> Content {
    let (content, found) =
        benchmark::load(&benchmark::builtin_files(), &assess::vocabulary(), &mut diag::Sources::default());
    assert!(!diag::has_errors(&found), "{found:?}");
    content
}

fn finding(observed: &Json) -> report::Finding {
    serde_json::from_value(json!({
        "control": "c", "title": "t", "component": "kubelet", "priority": "high", "parameters": {}, "cited_by": [],
        "verdict": "fail", "equivalent": null, "basis": null, "reason": "", "help": null, "outside": false,
        "expected": "", "observed": [observed], "notes": [], "subjects": [], "why": "", "remediation": "",
        "decision": { "state": "required" },
    }))
    .unwrap()
}

/// Changes of one fact each: its name, the value seen with its source, and what it is to be.
fn edits<'c>(content: &'c Content, changes: &[(&str, Option<&str>, &str, To)]) -> Edits<'c> {
    let mut edits = Edits::default();
    for (fact, value, source, to) in changes {
        let finding =
            finding(&json!({ "fact": fact, "value": value, "how": "explicit", "source": source, "decides": true }));
        let seen = finding.observed.first().cloned();
        let one = Move::new(assess::lever(fact), to.clone(), seen);
        let version = Some(Version { major: 1, minor: 36 });
        assert!(edits.add(content, version, &one, &finding, &[]), "{fact}");
    }
    edits
}

fn read(drafts: &[kubeadm::Draft], end: &str) -> Json {
    let text = &drafts.iter().find(|(name, ..)| *name == end).unwrap_or_else(|| panic!("no {end}")).2;
    serde_saphyr::from_str(text).unwrap()
}

#[test]
fn arguments_are_lists_or_maps_by_the_version_of_kubeadm() {
    let content = content();
    let edits = edits(&content, &[("kube-apiserver.profiling", None, "", To::Value(json!(false)))]);
    let of = |minor: Option<u32>| {
        let version = minor.map(|minor| Version { major: 1, minor });
        read(&kubeadm::patches(Target::KubeApiserver, &edits, version), "cluster-configuration.yaml")
    };
    let list = json!({ "apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "ClusterConfiguration",
        "apiServer": { "extraArgs": [{ "name": "profiling", "value": "false" }] } });
    let map = json!({ "apiVersion": "kubeadm.k8s.io/v1beta3", "kind": "ClusterConfiguration",
        "apiServer": { "extraArgs": { "profiling": "false" } } });
    assert_eq!([of(Some(30)), of(Some(31)), of(None)], [map, list.clone(), list]);
}

#[test]
fn a_drop_in_is_written_where_kubelets_take_one() {
    let content = content();
    let edits = edits(&content, &[("kubelet.podPidsLimit", None, "", To::Value(json!(4096)))]);
    let has = |version: Option<Version>| {
        let drafts = kubeadm::patches(Target::Kubelet, &edits, version);
        drafts.iter().any(|(name, ..)| *name == "drop-in.conf")
    };
    let version = |minor| Some(Version { major: 1, minor });
    assert_eq!([has(version(29)), has(version(30)), has(None)], [false, true, false]);
}

#[test]
fn a_flag_that_stands_in_the_way_of_a_field_goes() {
    let content = content();
    let flag = "--read-only-port in the arguments of pid 7";
    let edits = edits(&content, &[("kubelet.readOnlyPort", Some("10255"), flag, To::Value(json!(0)))]);
    let drafts = kubeadm::patches(Target::Kubelet, &edits, None);
    assert_eq!(read(&drafts, "flags.yaml"), json!({ "set": [], "remove": ["--read-only-port"] }));
    assert_eq!(read(&drafts, "configuration.yaml")["readOnlyPort"], 0);
    let refused = |minor| talos::refuses(Target::Kubelet, edits.settings.first(), Some(minor));
    assert!(refused(7).unwrap().contains("taken out"), "patches of Talos 1.7 take nothing out");
    assert_eq!(refused(8), None);
    let drafts = talos::patches(Target::Kubelet, &edits, Some(13));
    let expected =
        json!({ "extraConfig": { "readOnlyPort": 0 }, "extraArgs": { "read-only-port": { "$patch": "delete" } } });
    assert_eq!(read(&drafts, "talos-v1alpha1.yaml"), json!({ "machine": { "kubelet": expected } }));
}

/// Talos keeps what stands there where a patch has a zero or an empty text, and adds its own to a list of plugins.
#[test]
fn what_talos_would_swallow_is_taken_out() {
    let content = content();
    let file = "/etc/kubernetes/kubelet.yaml";
    let edits = edits(&content, &[("kubelet.readOnlyPort", Some("10255"), file, To::Value(json!(0)))]);
    let gone = json!({ "$patch": "delete" });
    let drafts = talos::patches(Target::Kubelet, &edits, Some(13));
    let expected = json!({ "machine": { "kubelet": { "extraConfig": { "readOnlyPort": gone } } } });
    assert_eq!(read(&drafts, "talos-v1alpha1.yaml"), expected);
    assert!(drafts[0].2.contains("takes an entry out"), "{}", drafts[0].2);
    let refused = |minor| talos::refuses(Target::Kubelet, edits.settings.first(), Some(minor));
    assert!(refused(12).unwrap().contains("before Talos 1.13"));
    assert_eq!(refused(13), None);
    // Of a zero that is no default nothing is said.
    let edits = self::edits(&content, &[("kubelet.eventRecordQPS", Some("5"), file, To::Value(json!(0)))]);
    assert!(talos::refuses(Target::Kubelet, edits.settings.first(), Some(13)).unwrap().contains("no zero"));

    let plugins = "kube-apiserver.admission-plugins";
    let source = "--enable-admission-plugins in the arguments of pid 1";
    let without = |name: &str| To::Without(vec![name.to_owned()]);
    let runs = content.component("kube-apiserver").setting("default-admission-plugins").unwrap();
    let benchmark::Default::Row(own) = runs.default_for(Some(Version { major: 1, minor: 36 }), false) else {
        panic!("no plugins of its own")
    };
    let mut runs: Vec<String> = own.value.as_ref().unwrap().as_array().unwrap().iter().map(benchmark::plain).collect();
    runs.extend(["AlwaysAdmit", "NodeRestriction"].map(str::to_owned));
    let edits = self::edits(&content, &[(plugins, Some(&runs.join(", ")), source, without("AlwaysAdmit"))]);
    let drafts = talos::patches(Target::KubeApiserver, &edits, Some(13));
    let expected = json!({ "cluster": { "apiServer": { "extraArgs": { "enable-admission-plugins": gone } } } });
    assert_eq!(read(&drafts, "talos-v1alpha1.yaml"), expected);
}

#[test]
fn lists_keep_what_stands_there_and_several_findings_make_one_value() {
    let content = content();
    let modes = "kube-apiserver.authorization-modes";
    let (seen, source) = (Some("AlwaysAllow, Webhook"), "--authorization-mode in the arguments of pid 1");
    let texts = |all: &[&str]| all.iter().map(|own| (*own).to_owned()).collect::<Vec<_>>();
    let edits = edits(
        &content,
        &[
            (modes, seen, source, To::Without(texts(&["AlwaysAllow"]))),
            (modes, seen, source, To::With(texts(&["Node"]))),
            (modes, seen, source, To::With(texts(&["RBAC", "Node"]))),
        ],
    );
    let drafts = kubeadm::patches(Target::KubeApiserver, &edits, None);
    assert_eq!(read(&drafts, "static-pod-flags.yaml")["set"], json!(["--authorization-mode=Webhook,Node,RBAC"]));
    let [change] = edits.changes.as_slice() else { panic!("{:?}", edits.changes) };
    assert_eq!(change.from.as_deref(), Some("AlwaysAllow, Webhook"));
    assert_eq!(change.to.as_deref(), Some("Webhook, Node, RBAC"));
}

#[test]
fn what_goes_is_named_and_what_talos_keeps_is_refused() {
    let content = content();
    let edits = edits(&content, &[("kube-apiserver.token-auth-file", Some("/t"), "--token-auth-file in x", To::Gone)]);
    let drafts = kubeadm::patches(Target::KubeApiserver, &edits, None);
    assert_eq!(read(&drafts, "static-pod-flags.yaml"), json!({ "set": [], "remove": ["--token-auth-file"] }));
    assert!(
        drafts[0]
            .2
            .contains("# Take out of extraArgs, and the volume of a file that is named there: token-auth-file\n")
    );
    for (fact, target, minor, refused) in [
        ("kubelet.protectKernelDefaults", Target::Kubelet, 13, true),
        ("kubelet.podPidsLimit", Target::Kubelet, 13, false),
        ("kubelet.seccompDefault", Target::Kubelet, 13, false),
        ("kube-apiserver.tls-min-version", Target::KubeApiserver, 13, false),
        ("kube-apiserver.tls-min-version", Target::KubeApiserver, 14, true),
        ("kube-apiserver.tls-cipher-suites", Target::KubeApiserver, 13, true),
        ("etcd.auto-tls", Target::Etcd, 13, true),
        ("kube-apiserver.token-auth-file", Target::KubeApiserver, 13, false),
    ] {
        let edits = self::edits(&content, &[(fact, None, "", To::Value(json!(true)))]);
        let why = talos::refuses(target, edits.settings.first(), Some(minor));
        assert_eq!(why.is_some(), refused, "{fact} 1.{minor}: {why:?}");
    }
    assert!(talos::refuses(Target::Files, None, Some(13)).is_some());
}

/// Settings of a kernel come before the kubelet that would not start without them.
#[test]
fn steps_are_in_the_order_that_is_safe() {
    let mut targets = [
        Target::KernelArguments,
        Target::Kubelet,
        Target::KubeScheduler,
        Target::KubeApiserver,
        Target::Sysctls,
        Target::Etcd,
        Target::Files,
        Target::KubeControllerManager,
    ];
    targets.sort();
    let words = targets.map(Target::word);
    assert_eq!(
        words,
        [
            "files",
            "sysctls",
            "etcd",
            "kube-apiserver",
            "kube-controller-manager",
            "kube-scheduler",
            "kubelet",
            "kernel-arguments",
        ]
    );
    let content = content();
    let edits = edits(&content, &[("kubelet.protectKernelDefaults", None, "", To::Value(json!(true)))]);
    assert!(crate::words::warnings(Target::Kubelet, &edits)[0].contains("first the kernel's settings"));
}

/// What a person found wanting is work like a failure, and no question that waits for an answer.
#[test]
fn an_answer_that_does_not_hold_is_work_for_a_person() {
    let report = |by: &Json| -> report::Report {
        let seen = json!({ "fact": "f", "value": null, "how": "", "source": "", "decides": false });
        let mut own = serde_json::to_value(finding(&seen)).unwrap();
        own["verdict"] = json!("manual");
        own["decision"] = json!({ "state": "required", "by": by, "entry": "register.yaml:3" });
        serde_json::from_value(json!({
            "schema": report::SCHEMA, "tool": { "name": "kube-assay", "version": "test" },
            "run": { "selection": null, "captures": [] }, "platform": { "name": "kubeadm", "reason": "" },
            "kubernetes": null, "profiles": [], "warnings": [],
            "coverage": { "within_reach": 0, "decided": 0, "outside": 0 }, "counts": {}, "findings": [own],
        }))
        .unwrap()
    };
    let plan = |by: &Json| crate::Plan::of(&report(by), &content());
    let answered = plan(&json!("ann on 2026-11-01"));
    assert_eq!((answered.by_hand.len(), answered.left.len()), (1, 0));
    assert!(answered.by_hand[0].because.contains("answered that it does not hold"), "{}", answered.by_hand[0].because);
    assert!(!crate::terminal(&answered, 80).contains("there is nothing to do"));
    // A class that demands an answer is none.
    let asked = plan(&Json::Null);
    assert_eq!(
        (asked.by_hand.len(), asked.left.as_slice()),
        (0, &["1 are questions that a person answers".to_owned()][..])
    );
}

/// Whoever pastes the command looks at what the report was made of, or is asked to say it.
#[test]
fn a_command_that_looks_again_says_where() {
    let captures = |all: &[(&str, &str)]| -> Vec<Json> {
        all.iter()
            .map(|(name, source)| {
                json!({ "name": name, "source": source, "taken": null, "root": "/", "identity": {}, "rights": [],
                    "sees": [], "components": {}, "remarks": [], "cuts": [], "catalogue": "" })
            })
            .collect()
    };
    let scan_given = |all: &[(&str, &str)], given: &crate::Given, controls: &[&str]| {
        let report: report::Report = serde_json::from_value(json!({
            "schema": report::SCHEMA, "tool": { "name": "kube-assay", "version": "test" },
            "run": { "selection": null, "captures": captures(all) },
            "platform": { "name": "kubeadm", "reason": "" }, "kubernetes": null, "profiles": [], "warnings": [],
            "coverage": { "within_reach": 0, "decided": 0, "outside": 0 }, "counts": {}, "findings": [],
        }))
        .unwrap();
        let controls: Vec<String> = controls.iter().map(|name| (*name).to_owned()).collect();
        crate::rerun::scan(&report, given, &controls)
    };
    let scan = |all: &[(&str, &str)], controls: &[&str]| scan_given(all, &crate::Given::default(), controls);
    for (captures, expected) in [
        (&[("n", "node")][..], "kube-assay scan --control a,b"),
        (&[("n", "tree")], "kube-assay scan --node-root ROOT --control a,b"),
        (&[("cluster", "cluster"), ("n", "cluster-node")], "kube-assay scan --context CONTEXT --control a,b"),
        (
            &[("cluster", "cluster"), ("n", "node")],
            "kube-assay scan --context CONTEXT --probe-image IMAGE --control a,b",
        ),
        (&[("n", "recording"), ("cluster", "cluster")], "kube-assay scan --import DIR --control a,b"),
        (
            &[("m1", "talos"), ("10.0.0.2", "talos")],
            "kube-assay scan --talosconfig --talos-nodes m1,10.0.0.2 --control a,b",
        ),
        (&[("$(x)", "talos")], "kube-assay scan --talosconfig --talos-nodes MACHINES --control a,b"),
        (&[("m1", "rendered")], "kube-assay scan --talosconfig --talos-nodes MACHINES --control a,b"),
    ] {
        assert_eq!(scan(captures, &["a", "b"]), expected);
    }
    assert_eq!(scan(&[("n", "node")], &[]), "kube-assay scan");
    // What a person named is named again.
    let given = crate::Given { import: vec!["nodes/cp-1".to_owned(), "a node".to_owned()], register: None };
    assert_eq!(
        scan_given(&[("n", "recording")], &given, &["a"]),
        "kube-assay scan --import nodes/cp-1 'a node' --control a"
    );
    // Another source is not imported.
    assert_eq!(scan_given(&[("n", "tree")], &given, &[]), "kube-assay scan --node-root ROOT");
    assert_eq!(scan(&[("n", "node")], &["a; b", "*"]), "kube-assay scan");
}

/// A kubelet that asks for its certificate waits until somebody approves it.
#[test]
fn requests_for_serving_certificates_are_approved() {
    let content = content();
    let version = Some(Version { major: 1, minor: 36 });
    for (fact, value, approved) in
        [("kubelet.serverTLSBootstrap", json!(true), true), ("kubelet.podPidsLimit", json!(4096), false)]
    {
        let edits = edits(&content, &[(fact, None, "", To::Value(value))]);
        let said = |advice: crate::words::Advice| advice.todo.iter().any(|own| own.contains("certificate approve"));
        assert_eq!(said(crate::advice::advice(Target::Kubelet, &edits, version)), approved, "{fact}");
        assert_eq!(said(talos::advice(Target::Kubelet, &edits, Some(13))), approved, "{fact}");
    }
}

/// What a file of the node's own says is changed there, and only that; a file that no patch can name is left to a person.
#[test]
fn a_file_that_wins_over_kubeadms_is_named() {
    let content = content();
    let own = "readOnlyPort in /etc/kubernetes/kubelet.conf.d/10-cis.conf";
    let pids = "podPidsLimit in /var/lib/kubelet/config.yaml";
    let edits = edits(
        &content,
        &[
            ("kubelet.readOnlyPort", Some("10255"), own, To::Value(json!(0))),
            ("kubelet.podPidsLimit", Some("-1"), pids, To::Value(json!(4096))),
        ],
    );
    let drafts = kubeadm::patches(Target::Kubelet, &edits, None);
    let expected = json!({ "/etc/kubernetes/kubelet.conf.d/10-cis.conf": { "readOnlyPort": 0 } });
    assert_eq!(read(&drafts, "winning-files.yaml"), expected);
    assert_eq!(read(&drafts, "configuration.yaml")["readOnlyPort"], 0);
    assert_eq!(edits.settings.iter().find_map(kubeadm::refuses), None);
    let odd = "readOnlyPort in /etc/a $(reboot).conf";
    let edits = self::edits(&content, &[("kubelet.readOnlyPort", Some("10255"), odd, To::Value(json!(0)))]);
    assert!(edits.settings.iter().find_map(kubeadm::refuses).unwrap().contains("no plain text"));
}
