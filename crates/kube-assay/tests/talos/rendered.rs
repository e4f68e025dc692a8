//! Machine configurations before rollout, of both generations and mixed.

use std::path::Path;

use assess::Verdict;
use serde_json::{Value as Json, json};

use crate::made::{Made, Role, VERSIONS};
use crate::{call, captured, common};

/// Writes a configuration as `talosctl` does: documents with `---` between.
fn write(documents: &[Json], to: &Path) -> String {
    let text: Vec<String> = documents.iter().map(|own| serde_saphyr::to_string(own).unwrap()).collect();
    std::fs::write(to, text.join("---\n")).unwrap();
    to.display().to_string()
}

pub(crate) fn judged(documents: &[Json], minor: u32, profile: &str) -> report::Report {
    let directory = tempfile::tempdir().unwrap();
    let file = write(documents, &directory.path().join("machine.yaml"));
    let version = format!("v1.{minor}.0");
    let ended = call(&["scan", "--rendered", &file, "--talos-version", &version, "--profile", profile, "-o", "json"]);
    assert!(ended.0 < 2 || ended.0 == 3, "{}", ended.2);
    assert!(!ended.1.contains("S3CRET"), "a secret came out");
    serde_json::from_str(&ended.1).unwrap()
}

#[test]
fn what_a_configuration_would_give_is_judged_as_the_machine_that_has_it() {
    for minor in VERSIONS {
        for documents in if minor < 14 { &[false][..] } else { &[false, true] } {
            let made = Made::stock(minor, Role::ControlPlane, *documents);
            let live = common::verdicts(&common::judge(captured(&made, true), &common::content(), "cis-2.0.1"));
            let report = judged(&made.config, minor, "cis-2.0.1");
            for finding in report.findings.iter().filter(|finding| finding.basis.is_some()) {
                assert_eq!(finding.basis, Some(evidence::Basis::Rendered), "{}", finding.id());
            }
            let rendered = common::verdicts(&report);
            let mut known = 0;
            for (id, verdict) in &rendered {
                assert!(
                    *verdict == Verdict::Unknown || *verdict == live[id],
                    "1.{minor} {documents} {id}: {verdict:?} and {:?}",
                    live[id]
                );
                known += usize::from(*verdict != Verdict::Unknown);
            }
            assert!(known >= 60, "1.{minor}: {known} are known before rollout");
            let kernel = common::verdicts(&judged(&made.config, minor, "talos-kernel"));
            let settings = ["sysctl.kernel.dmesg_restrict", "sysctl.net.core.bpf_jit_harden", "talos.pointer-exposure"];
            assert!(settings.iter().all(|id| kernel[*id] == Verdict::Pass), "1.{minor}");
        }
    }
}

/// A worker's configuration starts no control plane, provably.
#[test]
fn a_worker_has_no_control_plane() {
    let verdicts = common::verdicts(&judged(&Made::stock(13, Role::Worker, false).config, 13, "cis-2.0.1"));
    for id in ["1.2.1", "1.3.2", "1.4.1", "2.1", "1.1.1", "1.1.11", "1.1.21"] {
        assert_eq!(verdicts[id], Verdict::NotApplicable, "{id}");
    }
    assert_eq!(verdicts["4.2.2"], Verdict::Pass);
}

/// Each weakening of a configuration with the profile and the ids that find it.
fn found(minor: u32, documents: bool, profile: &str, ids: &[&str], weaken: impl Fn(&mut Vec<Json>)) {
    let mut config = Made::stock(minor, Role::ControlPlane, documents).config;
    let before = common::verdicts(&judged(&config, minor, profile));
    weaken(&mut config);
    let after = common::verdicts(&judged(&config, minor, profile));
    for id in ids {
        assert_ne!(before[*id], Verdict::Fail, "1.{minor} {id} failed before");
        assert_eq!(after[*id], Verdict::Fail, "1.{minor} {id} is not found");
    }
}

fn document<'d>(config: &'d mut [Json], kind: &str) -> &'d mut Json {
    config.iter_mut().find(|own| own["kind"] == kind).unwrap()
}

#[test]
fn weakened_configurations_of_the_old_form_are_found() {
    let ids = [
        "1.2.2", "1.2.6", "1.2.15", "1.2.17", "1.2.28", "1.2.29", "1.3.2", "1.3.7", "1.4.2", "3.2.1", "4.2.2", "4.2.4",
        "4.2.14",
    ];
    found(13, false, "cis-2.0.1", &ids, |config| {
        let main = &mut config[0];
        main["cluster"]["apiServer"]["extraArgs"] = json!({ "token-auth-file": "/t", "profiling": "true",
            "authorization-mode": "AlwaysAllow", "audit-log-maxage": ["5"], "tls-cipher-suites": "TLS_RSA_WITH_3DES_EDE_CBC_SHA" });
        main["cluster"]["apiServer"]["auditPolicy"]["rules"] = json!([{ "level": "None" }]);
        main["cluster"]["secretboxEncryptionSecret"] = json!("");
        main["cluster"]["controllerManager"] =
            json!({ "extraArgs": { "profiling": "true", "bind-address": "0.0.0.0" } });
        main["cluster"]["scheduler"] = json!({ "extraArgs": { "bind-address": "0.0.0.0" } });
        main["machine"]["kubelet"]["skipNodeRegistration"] = json!(true);
        main["machine"]["kubelet"]["defaultRuntimeSeccompProfileEnabled"] = json!(false);
        main["machine"]["kubelet"]["extraConfig"] = json!({ "readOnlyPort": 10_255 });
    });
    found(13, false, "cis-2.0.1", &["1.2.1"], |config| {
        config[0]["cluster"]["apiServer"]["extraArgs"] = json!({ "anonymous-auth": "true" });
    });
    // An empty list takes a default away.
    found(14, false, "cis-2.0.1", &["1.2.16", "1.2.1"], |config| {
        config[0]["cluster"]["apiServer"]["extraArgs"] = json!({ "audit-log-path": [], "anonymous-auth": [] });
    });
    found(13, false, "talos-kernel", &["talos.pointer-exposure"], |config| {
        config[0]["machine"]["sysctls"] = json!({ "kernel.kptr_restrict": "0" });
    });
    found(13, false, "talos", &["3.2", "4.1", "4.3"], |config| {
        config[0]["machine"]["sysctls"] = json!({ "kernel.kptr_restrict": "0" });
        config[0]["machine"]["features"]["kubernetesTalosAPIAccess"] =
            json!({ "enabled": true, "allowedRoles": ["os:admin"] });
        config[0]["machine"]["pods"] = json!([{ "metadata": { "name": "backdoor" } }]);
    });
}

#[test]
fn weakened_configurations_of_the_new_form_are_found() {
    let ids = ["1.2.1", "1.2.2", "1.2.8", "1.2.28", "1.3.2", "3.2.1", "4.2.2", "4.2.14"];
    found(15, true, "cis-2.0.1", &ids, |config| {
        document(config, "KubeAuthenticationConfig")["configuration"]["anonymous"] = json!({ "enabled": true });
        document(config, "KubeAPIServerConfig")["extraArgs"] = json!({ "token-auth-file": "/t" });
        config.retain(|own| own["type"] != "RBAC");
        document(config, "KubeEtcdEncryptionConfig")["config"]["resources"][0]["providers"] =
            json!([{ "identity": {} }]);
        document(config, "KubeControllerManagerConfig")["extraArgs"] = json!({ "profiling": "true" });
        document(config, "KubeAuditPolicyConfig")["configuration"]["rules"] = json!([{ "level": "None" }]);
        config[0]["machine"]["kubelet"] = json!({});
        config.push(json!({ "apiVersion": "v1alpha1", "kind": "KubeletConfig", "image": "x/kubelet:v1.36.0" }));
        config.push(json!({ "apiVersion": "v1alpha1", "kind": "KubeNodeConfig", "skipNodeRegistration": true }));
    });
    // Both forms in one configuration: the document wins for settings of the kernel.
    found(15, true, "talos-kernel", &["talos.pointer-exposure"], |config| {
        config[0]["machine"]["sysctls"] = json!({ "kernel.kptr_restrict": "2" });
        config.push(
            json!({ "apiVersion": "v1alpha1", "kind": "SysctlConfig", "params": { "kernel.kptr_restrict": "0" } }),
        );
    });
}

/// What is written empty is empty, and takes nothing from its neighbour.
#[test]
fn an_empty_argument_is_no_value() {
    let mut config = Made::stock(13, Role::ControlPlane, false).config;
    config[0]["cluster"]["apiServer"]["extraArgs"] =
        json!({ "kubelet-certificate-authority": "", "audit-log-path": Json::Null });
    let verdicts = common::verdicts(&judged(&config, 13, "cis-2.0.1"));
    assert_eq!((verdicts["1.2.5"], verdicts["1.2.16"]), (Verdict::Fail, Verdict::Fail));
    // The new document does not reach an API server that is configured in the old form.
    let mut mixed = Made::stock(15, Role::ControlPlane, false).config;
    mixed[0]["cluster"]["apiServer"]["extraArgs"] = json!({ "anonymous-auth": "true" });
    mixed.push(json!({ "apiVersion": "v1alpha1", "kind": "KubeAuthenticationConfig",
        "configuration": { "anonymous": { "enabled": true, "conditions": [{ "path": "/livez" }] } } }));
    assert_eq!(common::verdicts(&judged(&mixed, 15, "cis-2.0.1"))["1.2.1"], Verdict::Fail);
}

#[test]
fn traps_are_told() {
    let told = |config: &[Json], minor: u32| {
        let report = judged(config, minor, "talos");
        let finding = report.findings.iter().find(|finding| finding.id() == "4.2").unwrap();
        (
            finding.verdict,
            finding
                .observed
                .iter()
                .find(|fact| fact.fact == "talos.configuration-traps")
                .and_then(|fact| fact.value.clone())
                .unwrap(),
        )
    };
    assert_eq!(told(&Made::stock(15, Role::ControlPlane, true).config, 15).0, Verdict::Pass);
    let mut config = Made::stock(15, Role::ControlPlane, true).config;
    config.retain(|own| own["kind"] != "KubeAuthenticationConfig" && own["type"] != "RBAC" && own["type"] != "Node");
    document(&mut config, "KubeAPIServerConfig")["extraArgs"] = json!({ "client-ca-file": "/x" });
    config[0]["machine"]["install"]["extraKernelArgs"] = json!(["lockdown=integrity"]);
    config[0]["machine"]["kubelet"]["extraConfig"] = json!({ "authorization": { "mode": "AlwaysAllow" } });
    config[0]["cluster"]["scheduler"] = json!({ "extraArgs": { "profiling": "false" } });
    let (verdict, value) = told(&config, 15);
    assert_eq!(verdict, Verdict::Fail);
    for expected in [
        "KubeAPIServerConfig without KubeAuthenticationConfig",
        "KubeAPIServerConfig without KubeAuthorizerConfig",
        "client-ca-file in the extraArgs of kube-apiserver",
        "lockdown in machine.install.extraKernelArgs",
        "authorization in the kubelet's extraConfig",
        "cluster.scheduler beside KubeSchedulerConfig",
    ] {
        assert!(value.contains(expected), "{expected} is not in {value}");
    }
    let (verdict, value) = told(&Made::stock(15, Role::ControlPlane, true).config, 13);
    assert!(verdict == Verdict::Fail && value.contains("Talos knows it since 1.14 only"), "{value}");
}

/// What Talos' own source does with a configuration: adds, inserts, leaves out, refuses.
#[test]
fn a_configuration_is_laid_over_the_defaults_as_talos_does_it() {
    let with = |change: &dyn Fn(&mut Json), minor: u32| {
        let mut config = Made::stock(minor, Role::ControlPlane, false).config;
        change(&mut config[0]);
        judged(&config, minor, "cis-2.0.1")
    };
    let observed = |report: &report::Report, fact: &str| {
        let all = report.findings.iter().flat_map(|finding| &finding.observed);
        all.filter(|seen| seen.fact == fact).find_map(|seen| seen.value.clone()).unwrap_or_default()
    };
    let off = with(&|main| main["machine"]["controlPlane"] = json!({ "scheduler": { "disabled": true } }), 13);
    let scheduler = off.findings.iter().filter(|finding| finding.id() == "1.4.2");
    assert!(scheduler.into_iter().all(|finding| finding.verdict == Verdict::NotApplicable));
    let modes = with(
        &|main| {
            main["cluster"]["apiServer"]["authorizationConfig"] = json!([{ "type": "Node" }, { "type": "Webhook" }]);
        },
        13,
    );
    assert_eq!(observed(&modes, "kube-apiserver.authorization-modes"), "Node, RBAC, Webhook");
    let idle = with(
        &|main| {
            main["machine"]["kubelet"]["extraConfig"] =
                json!({ "streamingConnectionIdleTimeout": "0s", "tlsMinVersion": "" });
        },
        13,
    );
    assert_eq!(common::verdicts(&idle)["4.2.5"], Verdict::Pass);
    let spelt = {
        let mut config = Made::stock(13, Role::ControlPlane, false).config;
        config[0]["machine"]["sysctls"] = json!({ "kernel/dmesg_restrict": "0" });
        common::verdicts(&judged(&config, 13, "talos-kernel"))["sysctl.kernel.dmesg_restrict"]
    };
    assert_eq!(spelt, Verdict::Pass, "Talos writes its own after it");
    let trap = |change: &dyn Fn(&mut Json), wanted: &str| {
        let mut config = Made::stock(12, Role::ControlPlane, false).config;
        change(&mut config[0]);
        let report = judged(&config, 12, "talos");
        assert!(report.findings.iter().any(|finding| finding.reason.contains(wanted)), "{wanted}");
    };
    trap(
        &|main| main["cluster"]["etcd"]["extraArgs"] = json!({ "experimental-initial-corrupt-check": "false" }),
        "experimental-initial-corrupt-check in the extraArgs of etcd",
    );
    trap(
        &|main| {
            main["cluster"]["apiServer"]["authorizationConfig"] = json!([{ "type": "Webhook" }]);
            main["cluster"]["apiServer"]["extraArgs"] = json!({ "authorization-mode": "Webhook" });
        },
        "authorizationConfig beside flags of authorization",
    );
    trap(
        &|main| {
            main["machine"]["install"] =
                json!({ "image": "x:v1.12.0", "grubUseUKICmdline": true, "extraKernelArgs": ["a=b"] });
        },
        "extraKernelArgs beside grubUseUKICmdline",
    );
}

#[test]
fn what_is_no_configuration_is_refused_without_its_content() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    for (text, expected) in [
        ("a: [S3CRET\n", "it is no YAML that is read here"),
        ("kind: Pod\nmetadata: {}\n", "no document in it has the key `machine`"),
        ("machine: {token: S3CRET, install: {image: 'x:v1.13.0'}}\n", "machine.type does not say"),
        ("machine: {type: worker, token: S3CRET}\n", "give --talos-version"),
    ] {
        let ended = call(&["scan", "--rendered", &file("x.yaml", text)]);
        assert!(ended.0 == 2 && ended.2.contains(expected) && !ended.2.contains("S3CRET"), "{} {}", ended.0, ended.2);
    }
    for version in ["garbage", "2.0", "1", "v1.x", "1.13.2.1"] {
        let config = file("z.yaml", "machine: {type: worker}\n");
        let ended = call(&["scan", "--rendered", &config, "--talos-version", version]);
        assert!(ended.0 == 2 && ended.2.contains("is no version of Talos"), "{version}: {} {}", ended.0, ended.2);
    }
    let config = file("z.yaml", "machine: {type: worker}\n");
    let newer = call(&["scan", "--rendered", &config, "--talos-version", "1.16", "--profile", "talos"]);
    assert!(newer.1.contains("known of Talos 1.9 to 1.15"), "{}", newer.1);
    let whole = file(
        "y.yaml",
        "machine: {type: worker, token: S3CRET, install: {image: 'ghcr.io/siderolabs/installer:v1.13.2'}}\n",
    );
    let ended = call(&["scan", "--rendered", &whole, "--profile", "talos"]);
    assert!(ended.1.contains("v1.13.2") && !ended.1.contains("S3CRET"), "{}", ended.1);
}
