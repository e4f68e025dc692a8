//! Nodes laid out as file trees: what a kernel shows of itself below `/proc` and `/sys`.

use std::collections::BTreeMap;
use std::path::Path;

pub(crate) type Tree = BTreeMap<String, Vec<u8>>;

const RELEASE: &str = "6.12.30";

pub(crate) fn sysctl(key: &str) -> String {
    format!("/proc/sys/{}", key.replace('.', "/"))
}

fn with(tree: &mut Tree, settings: &[(&str, &str)]) {
    for (key, value) in settings {
        tree.insert(sysctl(key), format!("{value}\n").into_bytes());
    }
}

const EFI: &str = "8be4df61-93ca-11d2-aa0d-00e098032b8c";

/// A node that does everything right: `x86_64`, started by UEFI with Secure Boot.
pub(crate) fn good() -> Tree {
    let mut tree = Tree::new();
    let mut put = |path: &str, content: &str| tree.insert(path.to_owned(), content.as_bytes().to_vec());
    put("/etc/os-release", "ID=debian\nVERSION_ID=\"13\"\n");
    put(
        "/proc/config.gz",
        "# Linux/x86 6.12.30 Kernel Configuration\nCONFIG_X86_64=y\nCONFIG_MODULES=y\nCONFIG_MODULE_SIG=y\n\
         CONFIG_SECURITY=y\nCONFIG_SECURITY_LOCKDOWN_LSM=y\nCONFIG_IO_URING=y\nCONFIG_KEXEC_FILE=y\nCONFIG_KEXEC_SIG=y\n\
         CONFIG_KEXEC_BZIMAGE_VERIFY_SIG=y\nCONFIG_SECURITY_APPARMOR_PARANOID_LOAD=y\nCONFIG_IKCONFIG_PROC=y\n\
         CONFIG_STATIC_USERMODEHELPER=y\n# CONFIG_KEXEC is not set\nCONFIG_LSM=\"yama\"\n",
    );
    put("/proc/cmdline", "root=/dev/vda lsm=yama module.sig_enforce=1\n");
    put("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
    put("/sys/kernel/security/lsm", "lockdown,capability,landlock,yama,selinux,bpf\n");
    put("/sys/module/module/parameters/sig_enforce", "Y\n");
    put("/sys/firmware/acpi", "");
    put("/sys/devices/system/cpu/vulnerabilities/l1tf", "Not affected\n");
    put("/sys/devices/system/cpu/vulnerabilities/meltdown", "Mitigation: PTI\n");
    put("/sys/devices/system/cpu/vulnerabilities/spectre_v2", "Mitigation: Retpolines; STIBP: disabled\n");
    for (name, value) in [("SecureBoot", 1), ("SetupMode", 0)] {
        tree.insert(format!("/sys/firmware/efi/efivars/{name}-{EFI}"), vec![6, 0, 0, 0, value]);
    }
    with(
        &mut tree,
        &[
            ("kernel.osrelease", RELEASE),
            ("kernel.arch", "x86_64"),
            ("kernel.tainted", "0"),
            ("kernel.modules_disabled", "0"),
            ("kernel.kexec_load_disabled", "0"),
            ("kernel.io_uring_disabled", "2"),
            ("user.max_user_namespaces", "0"),
            ("kernel.unprivileged_userns_clone", "1"),
            ("kernel.apparmor_restrict_unprivileged_userns", "0"),
            ("vm.overcommit_memory", "1"),
            ("vm.panic_on_oom", "0"),
            ("kernel.panic", "10"),
            ("kernel.panic_on_oops", "1"),
            ("kernel.keys.root_maxkeys", "1000000"),
            ("kernel.keys.root_maxbytes", "25000000"),
            ("net.ipv4.ip_forward", "1"),
            ("net.ipv4.conf.all.rp_filter", "2"),
            ("net.ipv4.conf.default.rp_filter", "2"),
            ("net.ipv4.conf.all.send_redirects", "0"),
            ("net.ipv4.conf.default.send_redirects", "0"),
            ("net.ipv6.conf.all.accept_ra", "0"),
            ("net.ipv6.conf.default.accept_ra", "2"),
            ("net.ipv6.conf.default.forwarding", "1"),
        ],
    );
    tree
}

/// The same under Talos Linux of a version, as it sets itself up under Secure Boot (`field/talos.md`, section 5).
pub(crate) fn talos(minor: u32) -> Tree {
    let mut tree = good();
    let mut put = |path: &str, content: &str| tree.insert(path.to_owned(), content.as_bytes().to_vec());
    put("/etc/os-release", &format!("ID=talos\nVERSION_ID=v1.{minor}.0\n"));
    let force = if minor < 12 { "CONFIG_MODULE_SIG_FORCE=y\n" } else { "# CONFIG_MODULE_SIG_FORCE is not set\n" };
    let helper =
        if minor < 14 { "# CONFIG_STATIC_USERMODEHELPER is not set\n" } else { "CONFIG_STATIC_USERMODEHELPER=y\n" };
    put(
        "/proc/config.gz",
        &format!(
            "# Linux/x86 6.12.30 Kernel Configuration\nCONFIG_X86_64=y\nCONFIG_MODULES=y\n\
             CONFIG_MODULE_SIG=y\nCONFIG_MODULE_SIG_ALL=y\nCONFIG_MODULE_SIG_SHA512=y\n{force}{helper}\
             # CONFIG_DEVMEM is not set\n# CONFIG_KEXEC is not set\nCONFIG_KEXEC_FILE=y\nCONFIG_KEXEC_SIG=y\n\
             CONFIG_KEXEC_BZIMAGE_VERIFY_SIG=y\n# CONFIG_KEXEC_SIG_FORCE is not set\nCONFIG_SECURITY=y\n\
             CONFIG_SECURITY_APPARMOR_PARANOID_LOAD=y\n# CONFIG_TRUSTED_KEYS is not set\n\
             CONFIG_INIT_ON_ALLOC_DEFAULT_ON=y\n# CONFIG_INIT_ON_FREE_DEFAULT_ON is not set\n\
             # CONFIG_SLAB_MERGE_DEFAULT is not set\nCONFIG_SECURITY_LOCKDOWN_LSM=y\nCONFIG_BPF_UNPRIV_DEFAULT_OFF=y\n\
             CONFIG_BPF_SYSCALL=y\nCONFIG_BPF_JIT=y\nCONFIG_USERFAULTFD=y\nCONFIG_IKCONFIG_PROC=y\n\
             CONFIG_LSM=\"yama,selinux,bpf,apparmor,lockdown,landlock\"\n"
        ),
    );
    let mut line = "talos.platform=metal slab_nomerge pti=on consoleblank=0 printk.devkmsg=on".to_owned();
    for (from, to, word) in [
        (0, 13, " init_on_alloc=1"),
        (10, 99, " selinux=1"),
        (12, 99, " module.sig_enforce=1"),
        (13, 99, " proc_mem.force_override=never"),
        (0, 13, " lockdown=confidentiality"),
    ] {
        if (from..=to).contains(&minor) {
            line += word;
        }
    }
    put("/proc/cmdline", &line);
    let level = if minor < 14 { "none integrity [confidentiality]" } else { "none [integrity] confidentiality" };
    put("/sys/kernel/security/lockdown", level);
    put("/sys/kernel/security/lsm", "lockdown,capability,yama,selinux,bpf,landlock");
    put("/sys/module/module/parameters/sig_enforce", "Y\n");
    with(
        &mut tree,
        &[
            ("kernel.dmesg_restrict", "1"),
            ("kernel.perf_event_paranoid", "3"),
            ("kernel.unprivileged_bpf_disabled", "1"),
            ("net.core.bpf_jit_harden", "2"),
            ("net.ipv4.icmp_ignore_bogus_error_responses", "1"),
            ("net.ipv4.icmp_echo_ignore_broadcasts", "1"),
            // No code of 1.12 or 1.13 writes it, so it is the kernel's own; of the others the guide is believed.
            ("kernel.ctrl-alt-del", if matches!(minor, 12 | 13) { "1" } else { "0" }),
            ("net.bridge.bridge-nf-call-iptables", "1"),
            ("net.bridge.bridge-nf-call-ip6tables", "1"),
        ],
    );
    let (old, new): (&[_], &[_]) = (
        &[("kernel.kptr_restrict", "1"), ("kernel.yama.ptrace_scope", "1"), ("fs.suid_dumpable", "2")],
        &[
            ("kernel.kptr_restrict", "2"),
            ("kernel.yama.ptrace_scope", "2"),
            ("dev.tty.ldisc_autoload", "0"),
            ("dev.tty.legacy_tiocsti", "0"),
            ("fs.protected_symlinks", "1"),
            ("fs.protected_hardlinks", "1"),
            ("fs.protected_fifos", "2"),
            ("fs.protected_regular", "2"),
            ("fs.suid_dumpable", "0"),
            ("kernel.randomize_va_space", "2"),
            ("vm.unprivileged_userfaultfd", "0"),
        ],
    );
    with(&mut tree, if minor < 12 { old } else { new });
    tree
}

pub(crate) fn lay(tree: &Tree, root: &Path) {
    for (path, content) in tree {
        let place = root.join(path.trim_start_matches('/'));
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, content).unwrap();
    }
}
