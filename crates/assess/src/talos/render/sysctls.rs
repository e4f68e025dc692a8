//! Settings of the kernel that a machine would be given.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::Machine;

/// Talos' hardening until 1.11 and since 1.12 (`kspp.GetKernelParams`), and what it sets besides on every version
/// (`runtime.KernelParamDefaultsController`).
const OLD: [(&str, &str); 7] = [
    ("kernel.kptr_restrict", "1"),
    ("kernel.dmesg_restrict", "1"),
    ("kernel.perf_event_paranoid", "3"),
    ("kernel.yama.ptrace_scope", "1"),
    ("user.max_user_namespaces", "0"),
    ("kernel.unprivileged_bpf_disabled", "1"),
    ("net.core.bpf_jit_harden", "2"),
];
const NEW: [(&str, &str); 16] = [
    ("dev.tty.ldisc_autoload", "0"),
    ("dev.tty.legacy_tiocsti", "0"),
    ("fs.protected_symlinks", "1"),
    ("fs.protected_hardlinks", "1"),
    ("fs.protected_fifos", "2"),
    ("fs.protected_regular", "2"),
    ("fs.suid_dumpable", "0"),
    ("kernel.kptr_restrict", "2"),
    ("kernel.dmesg_restrict", "1"),
    ("kernel.perf_event_paranoid", "3"),
    ("kernel.randomize_va_space", "2"),
    ("kernel.yama.ptrace_scope", "2"),
    ("user.max_user_namespaces", "0"),
    ("kernel.unprivileged_bpf_disabled", "1"),
    ("net.core.bpf_jit_harden", "2"),
    ("vm.unprivileged_userfaultfd", "0"),
];
const BESIDES: [(&str, &str); 9] = [
    ("net.ipv4.ip_forward", "1"),
    ("net.ipv4.icmp_ignore_bogus_error_responses", "1"),
    ("net.ipv4.icmp_echo_ignore_broadcasts", "1"),
    ("net.bridge.bridge-nf-call-iptables", "1"),
    ("net.bridge.bridge-nf-call-ip6tables", "1"),
    ("net.ipv6.conf.default.forwarding", "1"),
    ("net.ipv6.conf.default.accept_ra", "2"),
    ("kernel.panic", "10"),
    ("vm.overcommit_memory", "1"),
];

impl Machine<'_> {
    /// What the configuration sets itself: of 1.14's document what it has, else of the old one.
    fn own_sysctls(&self) -> BTreeMap<String, String> {
        let legacy = self.documents.legacy("machine.sysctls").into_iter();
        let modern = self.documents.of_kind("SysctlConfig").filter_map(|own| own.get("params"));
        let all = legacy.chain(modern).filter_map(Json::as_object).flatten();
        all.map(|(key, value)| (key.clone(), benchmark::plain(value))).collect()
    }

    pub(super) fn own_settings(&self) -> Vec<(String, Json)> {
        let own = self.own_sysctls().into_iter();
        own.map(|(key, value)| (format!("proc.sys.{key}"), json!({ "value": value }))).collect()
    }

    /// Every setting that Talos would write; a person's own wins, if it is written as Talos writes it: by another spelling
    /// (`kernel/kptr_restrict`) Talos knows it for another, and writes its own after it (`KernelParamSpecController`).
    pub(super) fn sysctls(&self) -> BTreeMap<String, String> {
        let hardening = if self.minor < 12 { &OLD[..] } else { &NEW[..] };
        let mut all: BTreeMap<String, String> =
            hardening.iter().chain(&BESIDES).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        for (key, value) in self.own_sysctls() {
            if key.contains('/') {
                all.entry(key.replace('/', ".")).or_insert(value);
            } else {
                all.insert(key, value);
            }
        }
        all
    }
}
