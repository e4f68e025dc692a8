//! The mission table's statements that speak of Talos (`field/peers.md`, section 2), each by its number.

use std::collections::{BTreeMap, BTreeSet};

use assess::Verdict;
use report::{Finding, Report};
use serde_json::json;

use crate::made::{Made, Role, VERSIONS};
use crate::{call, captured, common, judged, verdicts, with};

fn stock(minor: u32) -> Made {
    Made::stock(minor, Role::ControlPlane, minor >= 14)
}

fn finding<'r>(report: &'r Report, id: &str) -> &'r Finding {
    report.findings.iter().find(|finding| finding.id() == id).unwrap_or_else(|| panic!("no {id}"))
}

fn shown(report: &Report, id: &str, fact: &str) -> String {
    let observed = &finding(report, id).observed;
    observed
        .iter()
        .find(|own| own.fact == fact)
        .and_then(|own| own.value.clone())
        .unwrap_or_else(|| panic!("{id}: no {fact}"))
}

/// Build options are judged, and the deciding line is shown.
#[test]
fn row_01_build_options_are_judged_and_shown() {
    let report = judged(&stock(13), true, "talos-kernel");
    for (id, fact) in [
        ("talos.module-signatures", "kernel.module-signatures"),
        ("talos.kexec-file", "kernel.config.CONFIG_KEXEC_FILE"),
        ("talos.apparmor-paranoid-load", "kernel.config.CONFIG_SECURITY_APPARMOR_PARANOID_LOAD"),
    ] {
        assert_eq!(finding(&report, id).verdict, Verdict::Pass, "{id}");
        assert!(!shown(&report, id, fact).is_empty());
    }
    for id in ["kconfig.DEVMEM", "kconfig.KEXEC", "talos.no-trusted-keys"] {
        assert_eq!(finding(&report, id).verdict, Verdict::Pass, "{id}");
    }
}

/// What was built in cannot be mended by a boot flag or sysctl, and whoever makes the image owns it.
#[test]
fn row_02_a_build_option_is_owned_by_the_image() {
    let ended = call(&["explain", "kconfig.DEVMEM", "--platform", "talos"]);
    let text = ended.1.split_whitespace().collect::<Vec<_>>().join(" ");
    for said in [
        "no boot parameter, no sysctl and nothing in the machine configuration can mend this",
        "The owner is the Talos release",
    ] {
        assert!(text.contains(said), "{text}");
    }
}

/// The compiled-in default counts where the flag left the command line.
#[test]
fn row_03_boot_parameters_are_judged_with_compiled_in_defaults() {
    for minor in [13, 14] {
        let verdicts = verdicts(&stock(minor), true, "talos-kernel");
        for id in ["cmdline.slab_nomerge", "cmdline.pti", "cmdline.init_on_alloc"] {
            assert_eq!(verdicts[id], Verdict::Pass, "1.{minor} {id}");
        }
    }
    let mut off = stock(14);
    off.files.get_mut("/proc/cmdline").unwrap().content.extend(b" init_on_alloc=0");
    assert_eq!(verdicts(&off, true, "talos-kernel")["cmdline.init_on_alloc"], Verdict::Fail);
}

/// `init_on_free` is a trade-off: no control of Talos' own profile fails over it, and the profile says so.
#[test]
fn row_04_init_on_free_is_a_trade_off() {
    let report = judged(&stock(13), true, "talos-kernel");
    assert!(report.findings.iter().all(|finding| !finding.control.contains("init_on_free")));
    assert!(report.profiles[0].notes.iter().any(|note| note.contains("init_on_free")));
}

/// The command line comes from the API to a reader too, with no job on the node.
#[test]
fn row_05_the_command_line_needs_no_job() {
    let report = judged(&stock(13), false, "talos-kernel");
    assert_eq!(finding(&report, "cmdline.slab_nomerge").verdict, Verdict::Pass);
}

/// The stricter settings are expected from 1.12 only.
#[test]
fn row_06_settings_are_expected_by_version() {
    for (minor, expected) in [(11, Verdict::Pass), (12, Verdict::Fail)] {
        let mut made = stock(minor);
        made.sysctls.insert("kernel.kptr_restrict".to_owned(), "1".to_owned());
        made.files.get_mut("/proc/sys/kernel/kptr_restrict").unwrap().content = b"1\n".to_vec();
        assert_eq!(verdicts(&made, true, "talos-kernel")["talos.pointer-exposure"], expected, "1.{minor}");
    }
}

/// What was last written is compared with what is wanted, and told as declared; an unsupported one is no pass.
#[test]
fn row_07_parameter_status_is_compared() {
    let report = judged(&stock(13), false, "talos-kernel");
    let found = finding(&report, "talos.pointer-exposure");
    assert_eq!((found.verdict, found.basis), (Verdict::Pass, Some(evidence::Basis::Declared)));
    let mut made = stock(13);
    made.sysctls.insert("kernel.kptr_restrict".to_owned(), "0".to_owned());
    assert_eq!(verdicts(&made, false, "talos-kernel")["talos.pointer-exposure"], Verdict::Fail);
    // The live value beats it for who may read it.
    assert_eq!(verdicts(&made, true, "talos-kernel")["talos.pointer-exposure"], Verdict::Pass);
}

/// Signatures: configuration, command line and security state stand beside one verdict.
#[test]
fn row_08_signatures_are_one_verdict_from_three_places() {
    let report = judged(&stock(13), true, "talos-kernel");
    let facts: Vec<&str> =
        finding(&report, "talos.module-signatures").observed.iter().map(|own| own.fact.as_str()).collect();
    for fact in [
        "kernel.config.CONFIG_MODULE_SIG_FORCE",
        "kernel.cmdline.module.sig_enforce",
        "talos.module-signature-enforced",
    ] {
        assert!(facts.contains(&fact), "{facts:?}");
    }
}

/// What assumes systemd does not apply, with the property that makes it so.
#[test]
fn row_09_what_assumes_a_general_linux_does_not_apply() {
    let report = judged(&stock(13), true, "cis-1.11");
    for id in ["4.1.1", "4.1.2", "4.2.15"] {
        let found = finding(&report, id);
        assert!(
            found.verdict == Verdict::NotApplicable && found.reason.contains("systemd unit"),
            "{id} {}",
            found.reason
        );
    }
}

/// The guide's fourteen rows, each from evidence: for those that hold by default a broken machine fails.
#[test]
fn row_10_defaults_are_proved_from_evidence() {
    let report = judged(&stock(13), true, "cis-2.0.1");
    for id in [
        "1.2.1", "1.2.2", "1.2.6", "1.2.7", "1.2.8", "1.2.16", "1.2.27", "1.2.28", "2.1", "1.2.4", "1.2.15", "1.2.29",
        "4.2.14", "1.3.7", "1.4.2", "1.3.6",
    ] {
        let found = finding(&report, id);
        assert_eq!(found.verdict, Verdict::Pass, "{id}");
        assert!(found.observed.iter().any(|fact| fact.decides && !fact.source.is_empty()), "{id} shows nothing");
    }
}

/// What moves with an upgrade shows: ciphers and the threshold of finished pods.
#[test]
fn row_11_an_upgrade_moves_defaults() {
    let of = |minor| verdicts(&stock(minor), true, "cis-2.0.1");
    let (old, new) = (of(11), of(12));
    assert_eq!((old["1.2.29"], new["1.2.29"]), (Verdict::Fail, Verdict::Pass));
    let gc = |minor| {
        shown(&judged(&stock(minor), true, "cis-2.0.1"), "1.3.1", "kube-controller-manager.terminated-pod-gc-threshold")
    };
    assert_eq!((gc(13).as_str(), gc(14).as_str()), ("12500", "100"));
}

/// What the architecture makes so is told apart from what is genuine, and each is explained.
#[test]
fn row_12_architecture_is_told_from_genuine_findings() {
    let content = common::content();
    let platform = content.platform("talos").unwrap();
    let report = judged(&stock(13), true, "cis-2.0.1");
    let mut told = BTreeSet::new();
    for found in
        report.findings.iter().filter(|found| found.verdict == Verdict::NotApplicable || found.equivalent.is_some())
    {
        told.insert(found.equivalent.is_some());
        let why = found.equivalent.as_ref().unwrap_or(&found.reason);
        assert!(!why.is_empty(), "{}", found.id());
        assert!(platform.explanation(&found.control).is_some(), "{} is not explained", found.control);
    }
    assert_eq!(told, BTreeSet::from([false, true]), "both what does not apply and what is met otherwise");
}

#[test]
fn row_18_manifests_are_no_files() {
    let report = judged(&stock(13), false, "cis-2.0.1");
    for id in ["1.1.1", "1.1.2", "1.1.3", "1.1.4", "1.1.5", "1.1.6"] {
        let found = finding(&report, id);
        assert!(
            found.verdict == Verdict::NotApplicable && found.reason.contains("served from memory (StaticPods/"),
            "{id} {}",
            found.reason
        );
    }
    for id in ["1.1.7", "1.1.8"] {
        assert!(finding(&report, id).reason.contains("a service of the system"), "{id}");
    }
}

#[test]
fn row_19_etcds_directory_is_judged_through_the_api() {
    let report = judged(&stock(13), false, "cis-2.0.1");
    assert_eq!(finding(&report, "1.1.11").verdict, Verdict::Pass);
    let owner = finding(&report, "1.1.12");
    assert!(owner.verdict == Verdict::Pass && owner.equivalent.is_some());
    assert_eq!(owner.subjects[0].name, "/var/lib/etcd");
}

#[test]
fn row_20_files_are_judged_where_talos_keeps_them() {
    let report = judged(&stock(13), false, "cis-2.0.1");
    for (id, path) in [
        ("1.1.15", "/system/secrets/kubernetes/kube-scheduler/kubeconfig"),
        ("1.1.17", "/system/secrets/kubernetes/kube-controller-manager/kubeconfig"),
        ("1.1.21", "/system/secrets/kubernetes/kube-apiserver/apiserver.key"),
    ] {
        let found = finding(&report, id);
        assert!(found.subjects.iter().any(|subject| subject.name == path), "{id} {:?}", found.subjects);
        assert_eq!(found.verdict, Verdict::Pass, "{id}");
    }
    assert_eq!(finding(&report, "1.1.13").verdict, Verdict::NotApplicable);
}

#[test]
fn row_21_kubelets_certificates_are_not_passed_on_a_name() {
    for minor in VERSIONS {
        let report = judged(&stock(minor), true, "cis-2.0.1");
        assert_eq!(finding(&report, "1.2.5").verdict, Verdict::Fail, "1.{minor}");
        assert_eq!(shown(&report, "1.2.5", "kubelet.serving-certificate"), "self-signed");
    }
}

#[test]
fn row_22_authorizers_are_read_from_the_file_or_the_flag() {
    let report = judged(&stock(13), true, "cis-2.0.1");
    assert!(finding(&report, "1.2.6").observed[0].source.contains("authorization-config.yaml"));
    let mut flagged = stock(13);
    let flags = flagged.flags.get_mut("kube-apiserver").unwrap();
    flags.remove("authorization-config");
    flags.insert("authorization-mode".to_owned(), "Node,RBAC,AlwaysAllow".to_owned());
    assert_eq!(verdicts(&flagged, false, "cis-2.0.1")["1.2.6"], Verdict::Fail);
}

#[test]
fn row_23_passes_keep_their_evidence() {
    let report = judged(&stock(13), true, "cis-2.0.1");
    for id in ["1.2.1", "1.2.2", "1.2.4", "1.2.15", "1.2.16", "1.2.17", "1.2.18", "1.2.19", "1.2.27", "1.2.29"] {
        let found = finding(&report, id);
        assert!(found.verdict == Verdict::Pass && found.observed.iter().all(|fact| !fact.source.is_empty()), "{id}");
        assert!(found.basis.is_some(), "{id}");
    }
}

#[test]
fn row_25_the_first_provider_settles_encryption() {
    let report = judged(&stock(13), true, "cis-2.0.1");
    let fact = "kube-apiserver.encryption.secrets.first-provider";
    assert_eq!(shown(&report, "1.2.28", fact), "secretbox");
    let mut migrated = stock(14);
    let document = migrated.config.iter_mut().find(|own| own["kind"] == "KubeEtcdEncryptionConfig").unwrap();
    document["config"]["resources"][0]["providers"][0] =
        json!({ "aescbc": { "keys": [{ "name": "key1", "secret": "S3CRET" }] } });
    assert_eq!(shown(&judged(&migrated, true, "cis-2.0.1"), "1.2.28", fact), "aescbc");
}

#[test]
fn row_26_flags_of_running_processes_are_judged() {
    let report = judged(&stock(14), false, "cis-2.0.1");
    let found = finding(&report, "1.3.1");
    assert_eq!(found.basis, Some(evidence::Basis::Running));
    assert_eq!(shown(&report, "1.3.1", "kube-controller-manager.terminated-pod-gc-threshold"), "100");
    for id in ["1.3.2", "1.3.3", "1.3.4", "1.3.5", "1.3.7", "1.4.2"] {
        assert_eq!(finding(&report, id).verdict, Verdict::Pass, "{id}");
    }
}

#[test]
fn row_27_kubelets_files_are_found_from_the_process() {
    let report = judged(&stock(13), false, "cis-2.0.1");
    assert_eq!(finding(&report, "4.1.5").subjects[0].name, "/etc/kubernetes/kubeconfig-kubelet");
    assert_eq!(finding(&report, "4.1.9").subjects[0].name, "/etc/kubernetes/kubelet.yaml");
    let mut elsewhere = stock(13);
    let file = elsewhere.files["/etc/kubernetes/kubeconfig-kubelet"].clone();
    elsewhere.files.insert("/elsewhere".to_owned(), file);
    elsewhere.flags.get_mut("kubelet").unwrap().insert("kubeconfig".to_owned(), "/elsewhere".to_owned());
    assert_eq!(finding(&judged(&elsewhere, false, "cis-2.0.1"), "4.1.5").subjects[0].name, "/elsewhere");
}

#[test]
fn row_28_the_effective_configuration_decides() {
    let verdicts = verdicts(&stock(13), true, "cis-2.0.1");
    assert!(["4.2.1", "4.2.2", "4.2.3"].iter().all(|id| verdicts[*id] == Verdict::Pass));
}

#[test]
fn row_29_values_are_shown_with_their_origin() {
    let report = judged(&stock(13), true, "cis-2.0.1");
    for id in ["4.2.4", "4.2.5", "4.2.6", "4.2.8", "4.2.10", "4.3.1"] {
        let found = finding(&report, id);
        assert_eq!(found.verdict, Verdict::Pass, "{id}");
        let fact = found.observed.iter().find(|fact| fact.decides).unwrap();
        assert!(!fact.how.is_empty() && !fact.source.is_empty(), "{id}");
    }
}

#[test]
fn row_30_the_systems_own_name_is_a_documented_deviation() {
    let found = judged(&stock(13), false, "cis-2.0.1");
    let found = finding(&found, "4.2.7");
    assert!(
        found.verdict == Verdict::Pass
            && found.equivalent.as_deref().unwrap().contains("the system itself names the node")
    );
}

#[test]
fn row_31_a_minimum_of_tls_1_3_serves_as_well() {
    let report = judged(&stock(13), true, "cis-2.0.1");
    let found = finding(&report, "4.2.12");
    assert!(found.verdict == Verdict::Pass && found.equivalent.is_some());
    assert_eq!(shown(&report, "4.2.13", "kubelet.podPidsLimit"), "-1");
    let modern = judged(&stock(14), true, "cis-2.0.1");
    assert!(finding(&modern, "1.2.29").equivalent.is_some());
}

/// Nothing is hidden: every id of the profile is told, and what is judged away has its reason.
#[test]
fn row_32_nothing_is_hidden() {
    let content = common::content();
    for profile in ["cis-2.0.1", "talos"] {
        let report = judged(&stock(13), true, profile);
        let told = common::verdicts(&report);
        let ids = content.profile(profile).unwrap().entries.iter().map(|entry| entry.id.clone());
        assert_eq!(ids.filter(|id| !told.contains_key(id)).collect::<Vec<_>>(), Vec::<String>::new());
        let reasons: BTreeMap<String, String> = with(&report, Verdict::NotApplicable);
        assert!(reasons.values().all(|reason| !reason.is_empty()));
    }
}

#[test]
fn row_33_judgements_say_on_what_they_were_checked() {
    let ended = call(&["explain", "1.2.6", "--platform", "talos"]);
    let text = ended.1.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in ["On Talos Linux", "kube-bench", "Talos 1.9", "1.14", "Kubernetes 1.31 to 1.36", "CIS 1.9 to 2.0.1"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn row_35_security_state_parameters_services_and_configuration_come_without_a_pod() {
    let capture = captured(&stock(13), true);
    for kind in ["SecurityStates.talos.dev", "Services.v1alpha1.talos.dev", "MachineConfigs.config.talos.dev"] {
        let place = evidence::Place::Resources(kind.to_owned());
        assert!(
            matches!(capture.seen(&place, evidence::Aspect::Resources), Some(evidence::Seen::Resources(all)) if !all.is_empty()),
            "{kind}"
        );
    }
}

#[test]
fn row_36_services_and_extensions_beyond_the_minimum_are_named() {
    let mut made = stock(13);
    made.services.push("ext-qemu-guest-agent");
    made.extensions.push("qemu-guest-agent");
    let report = judged(&made, false, "talos");
    assert!(finding(&report, "1.5").reason.contains("ext-qemu-guest-agent"));
    assert!(finding(&report, "1.6").reason.contains("qemu-guest-agent"));
}

/// The state is told, and a tailoring says which is required.
#[test]
fn row_37_fips_is_told_and_its_level_is_the_policys() {
    let directory = tempfile::tempdir().unwrap();
    let run = directory.path().join("m.run").display().to_string();
    let tailoring = directory.path().join("t.yaml").display().to_string();
    std::fs::write(
        &tailoring,
        "tailoring: ours\nextends: talos\ncontrols:\n  - { id: \"2.5\", parameters: { levels: [strict] } }\n",
    )
    .unwrap();
    for (state, word, expected) in
        [("disabled", "disabled", "fail"), ("enabled", "enabled", "fail"), ("enabled, strict", "strict", "pass")]
    {
        let mut made = stock(13);
        made.security["fipsState"] = json!(state);
        let mut file = Vec::new();
        evidence::write_run(&evidence::Run { captures: vec![captured(&made, false)] }, &mut file).unwrap();
        std::fs::write(&run, file).unwrap();
        let ended = call(&["scan", "--evidence", &run, "--tailoring", &tailoring, "--control", "2.5", "-o", "json"]);
        let report: Report = serde_json::from_str(&ended.1).unwrap();
        assert_eq!(shown(&report, "2.5", "talos.fips"), word);
        assert_eq!(serde_json::to_value(finding(&report, "2.5").verdict).unwrap(), expected, "{state}");
    }
}

/// Nothing of it needs more than the machine: the tests themselves reach loopback only, and what was saved is judged
/// without any connection.
#[test]
fn row_38_no_internet_is_needed() {
    let directory = tempfile::tempdir().unwrap();
    let run = directory.path().join("m.run").display().to_string();
    let mut file = Vec::new();
    evidence::write_run(&evidence::Run { captures: vec![captured(&stock(13), true)] }, &mut file).unwrap();
    std::fs::write(&run, file).unwrap();
    assert_eq!(call(&["scan", "--evidence", &run, "--profile", "cis-2.0.1"]).0, 1);
}
