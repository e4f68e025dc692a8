//! The real kernel below this test, seen with less rights and from other namespaces: what cannot be seen is unknown, with
//! the right reason, and never missing.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use report::{Finding, Report};

use crate::common;

/// The command where everybody can start it.
fn program(directory: &Path) -> PathBuf {
    let place = directory.join("kube-assay");
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::copy(env!("CARGO_BIN_EXE_kube-assay"), &place).unwrap();
    place
}

/// What this machine's kernel looks like to the command, started by other programs. None, and said: they cannot here.
#[expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "the test is the one who makes the view")]
fn seen(view: &[&str]) -> Option<Report> {
    let directory = tempfile::tempdir().unwrap();
    let program = program(directory.path());
    let of = |command: &[&str], arguments: &[&str]| {
        let (first, rest) = command.split_first().unwrap();
        std::process::Command::new(first).args(rest).args(arguments).output()
    };
    if !view.is_empty() && !of(view, &["true"]).is_ok_and(|output| output.status.success()) {
        common::skipped(&format!("the view of `{}`, which cannot be made here", view.join(" ")));
        return None;
    }
    let path = program.to_str().unwrap();
    let command: Vec<&str> = view.iter().copied().chain([path]).collect();
    let output = of(&command, &["scan", "--profile", "kspp", "--fail-on", "none", "-o", "json"]).unwrap();
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

fn of<'r>(report: &'r Report, id: &str) -> &'r Finding {
    report.findings.iter().find(|finding| finding.id() == id).unwrap()
}

fn unknown(report: &Report, id: &str, why: &str, help: &str) {
    let finding = of(report, id);
    let told = format!("{id}: {:?} {} ({:?})", finding.verdict, finding.reason, finding.help);
    assert_eq!(finding.verdict, assess::Verdict::Unknown, "{told}");
    assert!(finding.reason.contains(why), "{told}");
    assert!(finding.help.as_deref().unwrap_or_default().contains(help), "{told}");
}

/// Whether the kernel's JIT is there: without it the setting does not matter.
fn has_jit(report: &Report) -> bool {
    let of = of(report, "sysctl.net.core.bpf_jit_harden");
    of.observed.iter().any(|seen| seen.fact == "kernel.config.CONFIG_BPF_JIT" && seen.value.is_some())
}

const OF_THE_NETWORK: [&str; 3] = [
    "sysctl.net.ipv4.tcp_syncookies",
    "sysctl.net.ipv4.conf.all.accept_redirects",
    "sysctl.net.ipv4.icmp_echo_ignore_broadcasts",
];

#[test]
fn this_machine_is_judged_and_each_unknown_says_what_would_help() {
    let report = seen(&[]).unwrap();
    assert_eq!(report.findings.len(), 421);
    let reasons = ["may not be read", "namespace", "securityfs", "configuration", "the kernel says of", "in sight"];
    for finding in report.findings.iter().filter(|finding| finding.verdict == assess::Verdict::Unknown) {
        assert!(finding.help.is_some(), "{}", finding.id());
        let told = format!("{} {}", finding.reason, finding.help.as_deref().unwrap_or_default());
        assert!(reasons.iter().any(|reason| told.contains(reason)), "{}: {told}", finding.id());
    }
}

#[test]
fn in_another_network_namespace_its_settings_are_unknown() {
    let Some(report) = seen(&["unshare", "--net"]) else { return };
    for id in OF_THE_NETWORK {
        unknown(&report, id, "another network namespace", "hostNetwork");
    }
    if has_jit(&report) {
        unknown(&report, "sysctl.net.core.bpf_jit_harden", "another network namespace", "hostNetwork");
    }
    // The rest of the kernel is shared.
    assert_ne!(of(&report, "sysctl.kernel.dmesg_restrict").verdict, assess::Verdict::Unknown);
}

#[test]
fn in_another_user_namespace_its_settings_are_unknown() {
    let Some(report) = seen(&["unshare", "--user", "--map-root-user"]) else { return };
    unknown(&report, "sysctl.user.max_user_namespaces", "another user namespace", "hostUsers");
    if has_jit(&report) {
        unknown(&report, "sysctl.net.core.bpf_jit_harden", "may not be read", "CAP_SYS_ADMIN");
    }
}

#[test]
fn without_a_capability_what_it_guards_is_unknown() {
    let Some(report) = seen(&["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"]) else { return };
    let capabilities = report.run.captures[0].rights.clone();
    assert!(!capabilities.contains(&"CAP_SYS_ADMIN".to_owned()), "{capabilities:?}");
    if has_jit(&report) {
        unknown(&report, "sysctl.net.core.bpf_jit_harden", "may not be read", "CAP_SYS_ADMIN");
    }
    assert_ne!(of(&report, "sysctl.user.max_user_namespaces").verdict, assess::Verdict::Unknown);
}

#[test]
fn an_ordinary_user_sees_what_is_for_everybody() {
    let Some(report) = seen(&["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]) else { return };
    if has_jit(&report) {
        unknown(&report, "sysctl.net.core.bpf_jit_harden", "may not be read", "CAP_SYS_ADMIN");
    }
    assert_ne!(of(&report, "sysctl.kernel.dmesg_restrict").verdict, assess::Verdict::Unknown);
    assert_ne!(of(&report, "sysctl.user.max_user_namespaces").verdict, assess::Verdict::Unknown);
}

#[test]
fn in_a_container_of_all_namespaces_nothing_of_the_reader_is_told_as_the_nodes() {
    let view = [
        "unshare",
        "--user",
        "--map-root-user",
        "--net",
        "--ipc",
        "--uts",
        "--cgroup",
        "--pid",
        "--fork",
        "--mount-proc",
    ];
    let Some(report) = seen(&view) else { return };
    for id in OF_THE_NETWORK {
        unknown(&report, id, "another network namespace", "hostNetwork");
    }
    unknown(&report, "sysctl.user.max_user_namespaces", "another user namespace", "hostUsers");
}
