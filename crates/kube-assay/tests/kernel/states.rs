//! What the running kernel tells of itself, on file trees laid out as a node shows them: one thing is changed, and the
//! verdict that follows is the one expected. Together they show every control of ours as pass, fail and unknown.

use std::collections::{BTreeMap, BTreeSet};

use assess::Verdict::{self, Fail, NotApplicable, Pass, Unknown};
use benchmark::Content;
use evidence::Capture;

use crate::common;
use crate::trees::{Tree, good, lay, sysctl, talos};

fn capture(tree: &Tree, content: &Content) -> Capture {
    let directory = tempfile::tempdir().unwrap();
    lay(tree, directory.path());
    probe::capture(directory.path(), Some("tree"), assess::trails(content), probe::Options::default()).unwrap()
}

const PROFILES: [&str; 3] = ["kspp", "node-kernel", "talos-kernel"];

/// Verdicts by id over the kernel's profiles; an id that stands in several is taken from the last.
fn verdicts(capture: &Capture, content: &Content) -> BTreeMap<String, Verdict> {
    PROFILES.iter().flat_map(|name| common::verdicts(&common::judge(capture.clone(), content, name))).collect()
}

/// What is changed of a tree: a path and its new content; none: it is not there.
type Change<'c> = (&'c str, Option<&'c str>);

fn changed(tree: &Tree, changes: &[Change<'_>]) -> Tree {
    let mut tree = tree.clone();
    for (path, content) in changes {
        let path = if path.starts_with('/') { (*path).to_owned() } else { sysctl(path) };
        match content {
            Some(content) => _ = tree.insert(path, content.as_bytes().to_vec()),
            // A directory goes with all that is below it.
            None => tree.retain(|other, _| *other != path && !other.starts_with(&format!("{path}/"))),
        }
    }
    tree
}

const LOCKDOWN: &str = "/sys/kernel/security/lockdown";
const SIGNATURES: &str = "/sys/module/module/parameters/sig_enforce";
const CONFIG: &str = "/proc/config.gz";
const L1TF: &str = "/sys/devices/system/cpu/vulnerabilities/l1tf";

/// A name, the tree, what is changed of it, and what follows.
type Row = (&'static str, Tree, Vec<Change<'static>>, Vec<(&'static str, Verdict)>);

#[expect(clippy::too_many_lines, reason = "a table")]
fn table() -> Vec<Row> {
    let old = "# Linux/x86 6.12.30 Kernel Configuration\nCONFIG_X86_64=y\n";
    let kexec =
        "# Linux/x86 6.12.30 Kernel Configuration\nCONFIG_X86_64=y\nCONFIG_KEXEC_FILE=y\nCONFIG_KEXEC_SIG_FORCE=y\n";
    let insecure = "none [integrity] confidentiality";
    vec![
        (
            "nothing",
            good(),
            vec![],
            vec![
                ("node.lockdown", Pass),
                ("node.lockdown-strict", Fail),
                ("node.module-signatures", Pass),
                ("node.kexec", Pass),
                ("node.user-namespaces", Pass),
                ("node.io-uring", Pass),
                ("node.cpu-flaws", Pass),
                ("node.taint", Pass),
                ("node.kubelet-tunables", Pass),
                ("node.ip-forwarding", Pass),
                ("node.reverse-path-filter", Pass),
                ("node.send-redirects", Pass),
                ("node.router-advertisements", Pass),
                ("kconfig.LSM.yama", Pass),
                ("talos.kexec-file", NotApplicable),
                ("talos.module-signatures", NotApplicable),
            ],
        ),
        (
            "the kernel is locked down wholly",
            good(),
            vec![(LOCKDOWN, Some("none integrity [confidentiality]"))],
            vec![("node.lockdown-strict", Pass), ("cmdline.lockdown", Pass)],
        ),
        (
            "the kernel is not locked down",
            good(),
            vec![(LOCKDOWN, Some("[none] integrity confidentiality"))],
            vec![
                ("node.lockdown", Fail),
                ("node.kexec", Fail),
                ("node.module-signatures", Pass),
                ("cmdline.lockdown", Fail),
            ],
        ),
        (
            "what the kernel tells beats its parameter",
            good(),
            vec![
                (LOCKDOWN, Some("[none] integrity confidentiality")),
                ("/proc/cmdline", Some("lockdown=confidentiality")),
            ],
            vec![("cmdline.lockdown", Fail)],
        ),
        ("lockdown is built and not active", good(), vec![(LOCKDOWN, None)], vec![("node.lockdown", Fail)]),
        (
            "securityfs is not mounted",
            good(),
            vec![("/sys/kernel/security", None)],
            vec![("node.lockdown", Unknown), ("kconfig.LSM.yama", Unknown)],
        ),
        (
            "lockdown is not built, and securityfs not mounted",
            good(),
            vec![("/sys/kernel/security", None), (CONFIG, Some(old))],
            vec![("node.lockdown", Fail), ("kconfig.LSM.yama", Fail)],
        ),
        (
            "signatures are asked for by lockdown",
            good(),
            vec![(SIGNATURES, Some("N"))],
            vec![("node.module-signatures", Pass)],
        ),
        (
            "signatures are not asked for",
            good(),
            vec![(SIGNATURES, Some("N")), (LOCKDOWN, Some("[none] integrity confidentiality"))],
            vec![("node.module-signatures", Fail), ("cmdline.module.sig_enforce", Fail)],
        ),
        (
            "no module can be loaded any more",
            good(),
            vec![
                (SIGNATURES, Some("N")),
                (LOCKDOWN, Some("[none] integrity confidentiality")),
                ("kernel.modules_disabled", Some("1")),
            ],
            vec![("node.module-signatures", Pass)],
        ),
        (
            "the kernel has no modules",
            good(),
            vec![(SIGNATURES, None), (CONFIG, Some(old))],
            vec![("node.module-signatures", Pass)],
        ),
        (
            "neither /sys nor a configuration is in sight",
            good(),
            vec![(SIGNATURES, None), (CONFIG, None)],
            vec![("node.module-signatures", Unknown)],
        ),
        (
            "kexec is switched off",
            good(),
            vec![(LOCKDOWN, Some("[none] integrity confidentiality")), ("kernel.kexec_load_disabled", Some("1"))],
            vec![("node.kexec", Pass)],
        ),
        (
            "kexec demands signatures by its build",
            good(),
            vec![(LOCKDOWN, Some("[none] integrity confidentiality")), (CONFIG, Some(kexec))],
            vec![("node.kexec", Pass)],
        ),
        (
            "many user namespaces",
            good(),
            vec![("user.max_user_namespaces", Some("96364"))],
            vec![("node.user-namespaces", Fail), ("sysctl.user.max_user_namespaces", Fail)],
        ),
        (
            "some user namespaces",
            good(),
            vec![("user.max_user_namespaces", Some("1024"))],
            vec![("node.user-namespaces", Pass), ("sysctl.user.max_user_namespaces", Fail)],
        ),
        (
            "user namespaces under AppArmor",
            good(),
            vec![
                ("user.max_user_namespaces", Some("96364")),
                ("kernel.apparmor_restrict_unprivileged_userns", Some("1")),
            ],
            vec![("node.user-namespaces", Pass)],
        ),
        (
            "io_uring for everybody",
            good(),
            vec![("kernel.io_uring_disabled", Some("0"))],
            vec![("node.io-uring", Fail)],
        ),
        (
            "io_uring for a group",
            good(),
            vec![("kernel.io_uring_disabled", Some("1"))],
            vec![("node.io-uring", Pass), ("sysctl.kernel.io_uring_disabled", Fail)],
        ),
        (
            "a flaw is open",
            good(),
            vec![(L1TF, Some("Vulnerable"))],
            vec![("node.cpu-flaws", Fail), ("cmdline.l1tf", Fail)],
        ),
        (
            "a flaw is open although its parameter is set",
            good(),
            vec![(L1TF, Some("Vulnerable: no microcode")), ("/proc/cmdline", Some("l1tf=full"))],
            vec![("cmdline.l1tf", Fail)],
        ),
        (
            "a flaw is open while a sibling runs",
            good(),
            vec![(L1TF, Some("Mitigation: PTE Inversion; VMX: SMT vulnerable"))],
            vec![("node.cpu-flaws", Fail), ("cmdline.l1tf", Fail)],
        ),
        (
            "a guest cannot tell",
            good(),
            vec![(L1TF, Some("Unknown: Dependent on hypervisor status"))],
            vec![("node.cpu-flaws", Unknown), ("cmdline.l1tf", Unknown)],
        ),
        (
            "the kernel shows no flaws",
            good(),
            vec![("/sys/devices/system/cpu", None)],
            vec![("node.cpu-flaws", Unknown), ("cmdline.l1tf", Unknown)],
        ),
        ("a module was loaded by force", good(), vec![("kernel.tainted", Some("2"))], vec![("node.taint", Fail)]),
        (
            "a module of others that is signed",
            good(),
            vec![("kernel.tainted", Some("4096"))],
            vec![("node.taint", Pass)],
        ),
        (
            "the kubelet would not start",
            good(),
            vec![("kernel.panic", Some("0"))],
            vec![("node.kubelet-tunables", Fail)],
        ),
        ("pods are cut off", good(), vec![("net.ipv4.ip_forward", Some("0"))], vec![("node.ip-forwarding", Fail)]),
        (
            "any source may be claimed",
            good(),
            vec![("net.ipv4.conf.all.rp_filter", Some("0")), ("net.ipv4.conf.default.rp_filter", Some("0"))],
            vec![("node.reverse-path-filter", Fail)],
        ),
        (
            "redirects are sent",
            good(),
            vec![("net.ipv4.conf.all.send_redirects", Some("1"))],
            vec![("node.send-redirects", Fail)],
        ),
        (
            "advertisements only seem to be accepted",
            good(),
            vec![("net.ipv6.conf.default.accept_ra", Some("1"))],
            vec![("node.router-advertisements", Fail)],
        ),
        (
            "no IPv6 at all",
            good(),
            vec![("/proc/sys/net/ipv6", None), ("/proc/cmdline", Some("ipv6.disable=1"))],
            vec![("node.router-advertisements", Pass)],
        ),
        // Talos.
        (
            "no signed kexec",
            talos(13),
            vec![(LOCKDOWN, Some("[none] integrity confidentiality"))],
            vec![("talos.kexec-signed", Fail), ("talos.lockdown-secure-boot", Fail)],
        ),
        (
            "integrity is less than the image asks for",
            talos(13),
            vec![(LOCKDOWN, Some(insecure))],
            vec![("talos.kexec-signed", Pass), ("talos.lockdown-secure-boot", Fail)],
        ),
        (
            "no Secure Boot, no demand",
            talos(13),
            vec![("/sys/firmware/efi", None), (LOCKDOWN, Some("[none] integrity confidentiality"))],
            vec![("talos.lockdown-secure-boot", NotApplicable), ("talos.kexec-signed", Fail)],
        ),
        (
            "/sys/firmware is masked",
            talos(13),
            vec![("/sys/firmware", None)],
            vec![("talos.lockdown-secure-boot", Unknown)],
        ),
        (
            "1.14.0 came up without lockdown",
            talos(14),
            vec![(LOCKDOWN, Some("[none] integrity confidentiality"))],
            vec![("talos.lockdown-secure-boot", Fail)],
        ),
        (
            "the schematic takes the signatures away",
            talos(12),
            vec![(SIGNATURES, Some("N")), (LOCKDOWN, Some("[none] integrity confidentiality"))],
            vec![("talos.module-signatures", Fail)],
        ),
        (
            "a weaker kernel",
            talos(14),
            vec![(CONFIG, Some("# Linux/x86 6.12.30 Kernel Configuration\nCONFIG_X86_64=y\nCONFIG_TRUSTED_KEYS=y\n"))],
            vec![
                ("talos.kexec-file", Fail),
                ("talos.no-trusted-keys", Fail),
                ("talos.config-visible", Fail),
                ("talos.static-usermode-helper", Fail),
                ("talos.apparmor-paranoid-load", Fail),
            ],
        ),
        (
            "init_on_alloc is switched off",
            talos(14),
            vec![("/proc/cmdline", Some("slab_nomerge pti=on init_on_alloc=0"))],
            vec![("cmdline.init_on_alloc", Fail), ("talos.proc-mem", Fail)],
        ),
        (
            "SELinux is not there",
            talos(12),
            vec![("/proc/cmdline", Some("slab_nomerge pti=on")), ("/sys/kernel/security/lsm", Some("yama"))],
            vec![("talos.selinux", Fail)],
        ),
        (
            "settings of the user's win",
            talos(12),
            vec![
                ("kernel.kptr_restrict", Some("1")),
                ("kernel.yama.ptrace_scope", Some("1")),
                ("dev.tty.ldisc_autoload", Some("1")),
                ("fs.protected_fifos", Some("1")),
                ("fs.suid_dumpable", Some("2")),
                ("vm.unprivileged_userfaultfd", Some("1")),
                ("net.bridge.bridge-nf-call-iptables", Some("0")),
                ("net.bridge.bridge-nf-call-ip6tables", Some("0")),
                ("net.ipv6.conf.default.accept_ra", Some("1")),
                ("kernel.ctrl-alt-del", Some("1")),
            ],
            vec![
                ("talos.pointer-exposure", Fail),
                ("talos.ptrace", Fail),
                ("talos.line-disciplines", Fail),
                ("talos.protected-files", Fail),
                ("talos.process-exposure", Fail),
                ("talos.userfaultfd", Fail),
                ("talos.bridge-netfilter", Fail),
                ("talos.ipv6-routing", Fail),
                ("talos.ctrl-alt-del", Fail),
            ],
        ),
    ]
}

#[test]
fn what_the_kernel_tells_decides() {
    let content = common::content();
    let mut wrong = Vec::new();
    let mut shown: BTreeMap<String, BTreeSet<Verdict>> = BTreeMap::new();
    let mut show = |verdicts: &BTreeMap<String, Verdict>| {
        for (id, verdict) in verdicts {
            shown.entry(id.clone()).or_default().insert(*verdict);
        }
    };
    for (name, tree, changes, expected) in table() {
        let seen = capture(&changed(&tree, &changes), &content);
        let verdicts = verdicts(&seen, &content);
        show(&verdicts);
        for (id, verdict) in expected {
            if verdicts[id] != verdict {
                wrong.push(format!("{name}: {id} is {:?}, and {verdict:?} was expected", verdicts[id]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let mut blind = capture(&talos(14), &content);
    show(&verdicts(&blind, &content));
    // The law: without any observation nothing is known.
    blind.items.clear();
    let verdicts = verdicts(&blind, &content);
    assert!(verdicts.values().all(|verdict| *verdict == Unknown), "{verdicts:?}");
    show(&verdicts);
    let ours = content.controls.iter().filter(|control| control.tags.iter().any(|tag| tag == "node" || tag == "talos"));
    let gaps: Vec<String> = ours
        .filter_map(|control| {
            let verdicts = &shown[&control.name];
            let all = [Pass, Fail, Unknown].iter().all(|verdict| verdicts.contains(verdict));
            (!all).then(|| format!("{} {verdicts:?}", control.name))
        })
        .collect();
    assert!(gaps.is_empty(), "{}", gaps.join("\n"));
}

#[test]
fn removing_any_observation_of_a_kernel_moves_a_verdict_only_to_unknown() {
    let content = common::content();
    let mut wrong = BTreeSet::new();
    let mut trees = vec![good(), talos(11), talos(14)];
    trees.push(changed(&good(), &[(LOCKDOWN, None), ("/sys/firmware/efi", None), (SIGNATURES, None)]));
    for tree in trees {
        let whole = capture(&tree, &content);
        let before = verdicts(&whole, &content);
        for at in 0..whole.items.len() {
            let mut less = whole.clone();
            let item = less.items.remove(at);
            for (id, verdict) in verdicts(&less, &content) {
                if verdict != before[&id] && verdict != Unknown {
                    wrong.insert(format!(
                        "without {:?} {:?}: {id} {:?} became {verdict:?}",
                        item.aspect, item.place, before[&id]
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.into_iter().collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_stock_talos_of_each_version_has_no_unexplained_failure() {
    let content = common::content();
    for minor in 9..=15 {
        let judged = common::verdicts(&common::judge(capture(&talos(minor), &content), &content, "talos-kernel"));
        let failed: Vec<_> = judged.iter().filter(|(_, verdict)| !matches!(verdict, Pass | NotApplicable)).collect();
        let genuine = |id: &str| id == "talos.ctrl-alt-del" && matches!(minor, 12 | 13);
        assert!(failed.iter().all(|(id, _)| genuine(id)), "1.{minor}: {failed:?}");
        let applies = |id: &str| judged[id] == Pass;
        assert_eq!(applies("talos.line-disciplines"), minor >= 12, "1.{minor}");
        assert_eq!(applies("talos.proc-mem"), minor >= 13, "1.{minor}");
        assert_eq!(applies("talos.static-usermode-helper"), minor >= 14, "1.{minor}");
        assert_eq!(applies("talos.selinux"), minor >= 10, "1.{minor}");
    }
}

#[test]
fn every_row_on_talos_is_looked_at_by_its_profile() {
    let content = common::content();
    let profile = content.profile("talos-kernel").unwrap();
    let controls = profile.entries.iter().filter_map(|entry| content.control(&entry.control));
    let facts: BTreeSet<&str> = controls.flat_map(benchmark::Control::facts).collect();
    let through: BTreeMap<&str, &str> = [
        ("CONFIG_MODULE_SIG_FORCE", "kernel.module-signatures"),
        ("module.sig_enforce", "kernel.module-signatures"),
        ("CONFIG_LSM", "kernel.security-modules"),
        ("lockdown", "kernel.lockdown"),
        ("kernel.panic", "kernel.kubelet-differences"),
        ("vm.overcommit_memory", "kernel.kubelet-differences"),
    ]
    .into();
    let rows = crate::reference::rows();
    let talos: Vec<_> = rows.iter().filter(|row| row.origin == "talos").collect();
    assert_eq!(talos.len(), 53);
    for row in talos {
        let family = match row.kind.as_str() {
            "kconfig" => "config",
            other => other,
        };
        let own = format!("kernel.{family}.{}", row.name);
        let fact = through.get(row.name.as_str()).copied().unwrap_or(&own);
        assert!(facts.contains(fact), "{} {}", row.kind, row.name);
    }
}
