//! A plan's patches, laid over a machine's configuration as Talos lays them: what was planned then passes, in both forms
//! of the configuration.

use std::collections::BTreeMap;

use assess::Verdict;
use plan::{Plan, Target};
use report::Report;
use serde_json::{Value as Json, json};

use crate::common;
use crate::made::{Made, Role};
use crate::rendered::judged;

/// Talos' strategic merge, as far as these patches go (`config/merge` and `config/configloader` of `pkg/machinery`, 1.12 and
/// 1.13): maps are merged, an entry is taken out if it is there, and no zero takes the place of another value.
fn merge(into: &mut Json, from: &Json) {
    match (into, from) {
        (Json::Object(own), Json::Object(more)) => {
            for (key, value) in more {
                if *value == json!({ "$patch": "delete" }) {
                    assert!(own.remove(key).is_some(), "Talos refuses to take out {key}, which is not there");
                } else {
                    merge(own.entry(key.clone()).or_insert(Json::Null), value);
                }
            }
        }
        (own, value) if !own.is_null() && [json!(0), json!("")].contains(value) => {}
        (own, value) => *own = value.clone(),
    }
}

/// What the patcher of Talos 1.13.0 (`config/configpatcher` of `pkg/machinery`) made of these, the merge above makes too.
#[test]
fn patches_are_laid_as_talos_lays_them() {
    let gone = json!({ "$patch": "delete" });
    let mut config = json!({
        "machine": { "kubelet": { "extraConfig": { "eventRecordQPS": 0, "readOnlyPort": 10255, "serverTLSBootstrap": true,
            "streamingConnectionIdleTimeout": "0s" } } },
        "cluster": {
            "apiServer": { "extraArgs": { "enable-admission-plugins": "AlwaysAdmit", "request-timeout": "0s",
                "token-auth-file": "/etc/kubernetes/tokens.csv" } },
            "controllerManager": { "extraArgs": { "bind-address": "0.0.0.0", "terminated-pod-gc-threshold": "0" } },
        },
    });
    merge(&mut config, &json!({ "machine": { "kubelet": { "extraConfig": { "readOnlyPort": 0 } } } }));
    assert_eq!(config["machine"]["kubelet"]["extraConfig"]["readOnlyPort"], 10255);
    let patch = json!({
        "machine": { "kubelet": { "extraConfig": { "readOnlyPort": gone, "streamingConnectionIdleTimeout": "",
            "eventRecordQPS": 50, "serverTLSBootstrap": false } } },
        "cluster": {
            "apiServer": { "extraArgs": { "token-auth-file": gone, "enable-admission-plugins": "DenyServiceExternalIPs" } },
            "controllerManager": { "extraArgs": { "terminated-pod-gc-threshold": "12500" } },
        },
    });
    merge(&mut config, &patch);
    let made = json!({
        "machine": { "kubelet": { "extraConfig": { "eventRecordQPS": 50, "serverTLSBootstrap": false,
            "streamingConnectionIdleTimeout": "0s" } } },
        "cluster": {
            "apiServer": { "extraArgs": { "enable-admission-plugins": "DenyServiceExternalIPs", "request-timeout": "0s" } },
            "controllerManager": { "extraArgs": { "bind-address": "0.0.0.0", "terminated-pod-gc-threshold": "12500" } },
        },
    });
    assert_eq!(config, made);
}

/// Takes of each step the patch for the form that the configuration has, as the step says.
fn apply(config: &mut [Json], plan: &Plan) -> usize {
    let mut taken = 0;
    for step in plan.steps.iter().filter(|step| step.target != Target::KernelArguments) {
        let patch = |end: &str| {
            let own = step.patches.iter().find(|own| own.patch.ends_with(end))?;
            let text = &plan.patches.iter().find(|patch| patch.name == own.patch).unwrap().content;
            Some(serde_saphyr::from_str::<Json>(text).unwrap())
        };
        let new = patch("talos-documents.yaml");
        let kind = new.as_ref().map(|own| own["kind"].clone());
        match config.iter_mut().find(|own| kind.is_some() && kind.as_ref() == own.get("kind")) {
            Some(own) => merge(own, &new.unwrap()),
            None => merge(&mut config[0], &patch("talos-v1alpha1.yaml").unwrap()),
        }
        taken += 1;
    }
    taken
}

fn by_control(report: &Report) -> BTreeMap<String, Verdict> {
    let named = |all: &[report::Finding]| Some((all.first()?.control.clone(), report::roll_up(all.iter())?));
    report.demands().filter_map(named).collect()
}

/// What was planned passes, nothing got worse, and these are among it.
fn leads_back(minor: u32, mut config: Vec<Json>, profile: &str, among: &[&str]) {
    let content = common::content();
    let report = judged(&config, minor, profile);
    let plan = Plan::of(&report, &content);
    assert_eq!(plan.platform, "talos");
    let planned: Vec<&String> = plan.steps.iter().flat_map(|step| &step.controls).collect();
    for control in among {
        assert!(planned.iter().any(|own| own == control), "1.{minor}: {control} is not planned");
    }
    assert!(apply(&mut config, &plan) > 0);
    let (before, after) = (by_control(&report), by_control(&judged(&config, minor, profile)));
    for control in planned {
        assert_eq!(after[control], Verdict::Pass, "1.{minor} {profile} {control}");
    }
    for (control, now) in &after {
        assert!(*now != Verdict::Fail || before[control] == Verdict::Fail, "1.{minor} {control} got worse");
    }
}

#[test]
fn a_stock_machine_is_hardened() {
    let among = [
        "apiserver-no-extended-tokens",
        "apiserver-always-pull-images",
        "kubelet-pod-pid-limit",
        "kubelet-serving-certificate",
    ];
    for (minor, documents) in [(9, false), (13, false), (14, false), (14, true), (15, true)] {
        leads_back(minor, Made::stock(minor, Role::ControlPlane, documents).config, "cis-2.0.1", &among);
    }
    leads_back(13, Made::stock(13, Role::Worker, false).config, "cis-2.0.1", &among[2..]);
}

#[test]
fn a_weakened_machine_is_led_back_in_the_old_form() {
    let mut config = Made::stock(13, Role::ControlPlane, false).config;
    config[0]["cluster"]["apiServer"]["extraArgs"] = json!({ "profiling": "true", "audit-log-maxage": ["5"],
        "enable-admission-plugins": "DenyServiceExternalIPs", "disable-admission-plugins": "NamespaceLifecycle",
        "token-auth-file": "/etc/kubernetes/tokens.csv" });
    config[0]["cluster"]["controllerManager"] =
        json!({ "extraArgs": { "profiling": "true", "bind-address": "0.0.0.0" } });
    config[0]["machine"]["kubelet"]["defaultRuntimeSeccompProfileEnabled"] = json!(false);
    config[0]["machine"]["kubelet"]["extraConfig"] = json!({ "readOnlyPort": 10_255 });
    let among = [
        "apiserver-no-static-tokens",
        "apiserver-namespace-lifecycle-admission",
        "apiserver-no-profiling",
        "apiserver-audit-log-max-age",
        "controller-manager-bind-address",
        "controller-manager-no-profiling",
        "kubelet-seccomp-default",
        "kubelet-no-read-only-port",
    ];
    leads_back(13, config.clone(), "cis-2.0.1", &among);
    // Plugins that a person gave before stay.
    let plan = Plan::of(&judged(&config, 13, "cis-2.0.1"), &common::content());
    apply(&mut config, &plan);
    let plugins =
        config[0]["cluster"]["apiServer"]["extraArgs"]["enable-admission-plugins"].as_str().unwrap().to_owned();
    assert_eq!(plugins, "DenyServiceExternalIPs,AlwaysPullImages");
}

#[test]
fn a_weakened_machine_is_led_back_in_the_new_form() {
    let mut config = Made::stock(15, Role::ControlPlane, true).config;
    let scheduler = config.iter_mut().find(|own| own["kind"] == "KubeSchedulerConfig");
    match scheduler {
        Some(own) => own["extraArgs"] = json!({ "profiling": "true" }),
        None => config.push(
            json!({ "apiVersion": "v1alpha1", "kind": "KubeSchedulerConfig", "extraArgs": { "profiling": "true" } }),
        ),
    }
    config[0]["machine"].as_object_mut().unwrap().remove("kubelet");
    config.push(json!({ "apiVersion": "v1alpha1", "kind": "KubeletConfig", "image": "x/kubelet:v1.36.0" }));
    leads_back(
        15,
        config,
        "cis-2.0.1",
        &["scheduler-no-profiling", "kubelet-seccomp-default", "kubelet-pod-pid-limit"],
    );
}

#[test]
fn settings_of_the_kernel_are_led_back_in_both_forms() {
    for (minor, documents) in [(13, false), (15, true)] {
        let mut config = Made::stock(minor, Role::ControlPlane, documents).config;
        let weak = json!({ "kernel.kptr_restrict": "0" });
        if documents {
            config.push(json!({ "apiVersion": "v1alpha1", "kind": "SysctlConfig", "params": weak }));
        } else {
            config[0]["machine"]["sysctls"] = weak;
        }
        leads_back(minor, config, "talos-kernel", &["talos.pointer-exposure"]);
    }
}

/// A machine of 1.15 whose kubelet still stands in the old form, as 1.14 and newer generate it.
#[test]
fn a_plan_of_a_machine_reads_so() {
    let report = judged(&Made::stock(15, Role::ControlPlane, true).config, 15, "cis-2.0.1");
    let plan = Plan::of(&report, &common::content());
    let patches = plan.patches.iter().map(|patch| format!("==== {}\n{}", patch.name, patch.content));
    insta::assert_snapshot!(format!("{}\n{}", plan::terminal(&plan, 100), patches.collect::<Vec<_>>().join("\n")));
}
