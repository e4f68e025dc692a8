use std::collections::BTreeSet;

use evidence::{Cut, Hop, Start, Take};

use super::*;

fn trail(path: &str, take: Take) -> Trail {
    Trail { id: "t".to_owned(), start: Start::Path(path.to_owned()), hops: Vec::new(), take: vec![take] }
}

/// What is answered about a value.
fn value(settings: &str, key: &str) -> Option<Seen> {
    let mut saved = Saved::default();
    saved.add("settings", settings.as_bytes().to_vec()).unwrap();
    saved.look(&Ask::Value { path: format!("/proc/sys/{}", key.replace('.', "/")).into() })
}

/// A whole dump, made by root in the node's own network.
fn whole() -> String {
    let keys = "kernel.printk kernel.ostype vm.swappiness fs.file-max net.core.somaxconn net.ipv4.ip_forward \
                kernel.cad_pid net.core.bpf_jit_enable net.core.bpf_jit_harden net.core.netdev_max_backlog";
    let filled = (0..300).map(|at| format!("debug.filler{at} = 0\n"));
    let known = keys.split(' ').filter(|key| !key.is_empty()).map(|key| format!("{key} = 1\n"));
    known.chain(filled).chain(["vm.panic_on_oom = 0\n".to_owned()]).collect()
}

#[test]
fn a_file_is_told_by_its_content() {
    let kind = |text: &str| Kind::of(text.as_bytes()).ok();
    for (text, expected) in [
        ("# Linux/x86 6.1.0 Kernel Configuration\nCONFIG_X=y\n", Some(Kind::Configuration)),
        ("# CONFIG_X is not set\n", Some(Kind::Configuration)),
        ("BOOT_IMAGE=/vmlinuz root=UUID=1 ro quiet\n", Some(Kind::CommandLine)),
        ("quiet ro", Some(Kind::CommandLine)),
        ("kernel.printk = 4\n", Some(Kind::Settings)),
        ("net.ifnames=0 ro quiet", Some(Kind::CommandLine)),
        ("net.ipv4.ip_forward=1\n", Some(Kind::Settings)),
        ("net/ipv4/ip_forward = 1\n", Some(Kind::Settings)),
        ("Linux version 6.1.0-28-amd64 (x@y) (gcc) #1 SMP\n", Some(Kind::Release)),
        ("Linux node 6.18.44 #1 SMP x86_64 GNU/Linux\n", Some(Kind::Release)),
        ("NAME=\"Talos\"\nID=talos\nVERSION_ID=v1.12.0\n", Some(Kind::System)),
        ("", None),
        ("hello", None),
        ("apiVersion: v1\nkind: Pod\n", None),
        ("root:x:0:0:root:/root:/bin/sh\n", None),
    ] {
        assert_eq!(kind(text), expected, "{text}");
    }
    assert_eq!(Kind::of(&[0x1f, 0x8b, 8]).ok(), Some(Kind::Configuration));
    assert!(Kind::of(&[0xff, 0xfe]).is_err());
}

#[test]
fn what_a_dump_does_not_show_is_missing_only_where_it_would_be_shown() {
    let text = |seen: Option<Seen>| match seen {
        Some(Seen::Text(text)) => Some(text.to_lossy().into_owned()),
        _ => None,
    };
    let whole = whole();
    let without = |key: &str| whole.replace(&format!("{key} = 1\n"), "");
    assert_eq!(text(value(&whole, "vm.panic_on_oom")).as_deref(), Some("0"));
    let absent = |dump: &str, key: &str| matches!(value(dump, key), Some(Seen::Absent { .. }));
    let denied = |dump: &str, key: &str| matches!(value(dump, key), Some(Seen::Denied { .. }));
    let elsewhere = |dump: &str, key: &str| matches!(value(dump, key), Some(Seen::Namespaced { .. }));
    assert!(absent(&whole, "dev.tty.legacy_tiocsti"));
    // A part of a dump says nothing of the rest, and neither does what somebody wrote.
    assert_eq!(value("kernel.printk = 4\nvm.panic_on_oom = 0\n", "dev.tty.legacy_tiocsti"), None);
    assert_eq!(value(&format!("# mine\n{whole}"), "dev.tty.legacy_tiocsti"), None);
    assert_eq!(value(&without("fs.file-max"), "dev.tty.legacy_tiocsti"), None);
    // Refused, by the complaint in any form and language, or by its nature.
    for complaint in [
        "sysctl: permission denied on key 'kernel.kptr_restrict'",
        "sysctl: permission denied on key \"kernel.kptr_restrict\", ignoring",
        "sysctl: error reading key 'kernel.kptr_restrict': Operation not permitted",
        "sysctl: Zugriff auf Schlüssel „kernel.kptr_restrict“ verweigert: kernel.kptr_restrict",
    ] {
        assert!(denied(&format!("{whole}{complaint}\n"), "kernel.kptr_restrict"), "{complaint}");
    }
    assert!(denied(&without("net.core.bpf_jit_harden"), "net.core.bpf_jit_harden"));
    assert!(denied(&without("kernel.cad_pid"), "vm.mmap_rnd_bits") && absent(&whole, "vm.mmap_rnd_bits"));
    let few = without("net.core.bpf_jit_harden");
    assert!(denied(&few, "kernel.apparmor_restrict_unprivileged_unconfined"));
    assert!(absent(&whole, "kernel.apparmor_restrict_unprivileged_unconfined"));
    // Another network namespace shows itself, and is not told as the node's.
    let pods = without("net.core.netdev_max_backlog");
    assert!(elsewhere(&pods, "net.ipv4.ip_forward") && !elsewhere(&pods, "vm.swappiness"));
    let no_jit = without("net.core.bpf_jit_enable").replace("net.core.bpf_jit_harden = 1\n", "");
    assert!(elsewhere(&no_jit, "net.core.bpf_jit_harden"));
}

#[test]
fn a_dump_is_read_leniently_and_never_guessed() {
    let dump = Dump::read(
        "# a sysctl.conf\n\nkernel.a.b = 1\nkernel/a/b = 2\nkernel.c =\n  and more\nsysctl: reading key x\n",
    )
    .unwrap();
    assert_eq!((dump.plain("kernel.a.b"), dump.plain("kernel.c")), (Some("2"), Some("")));
    let error = Dump::read("kernel.a = 1\nnonsense\n").unwrap_err();
    assert_eq!(error, "line 2 is no `key = value` as `sysctl -a` prints it");
}

#[test]
fn what_was_not_saved_was_never_asked() {
    let mut saved = Saved::default();
    saved.add("cmdline", b"ro pti=on secret=1".to_vec()).unwrap();
    saved.add("version", b"Linux version 6.12.9 (a@b)".to_vec()).unwrap();
    let complete = Hop::Complete { before: "/boot/config-".to_owned(), after: String::new() };
    let release = Trail { hops: vec![complete], ..trail("/proc/sys/kernel/osrelease", Take::Text(Cut::Kconfig)) };
    let capture = saved.capture(
        None,
        vec![
            trail("/proc/cmdline", Take::Parameters(vec!["pti".to_owned()])),
            trail("/proc/sys/kernel/osrelease", Take::Value),
            trail("/proc/sys/kernel/kptr_restrict", Take::Value),
            trail("/etc/os-release", Take::Stat),
            trail("/etc/shadow", Take::Value),
            release,
        ],
    );
    let seen: BTreeSet<String> = capture.items.iter().map(|item| format!("{:?}", item.place)).collect();
    assert_eq!(
        seen,
        ["Path(\"/proc/cmdline\")", "Path(\"/proc/sys/kernel/osrelease\")"].map(str::to_owned).into(),
        "nothing else was asked, and values are asked of the kernel only"
    );
    assert!(capture.breaks.iter().any(|broken| broken.why == "/etc/shadow is no value of the kernel's"));
    assert_eq!(capture.reach, Reach::default());
    assert_eq!(capture.identity["kernel"], "6.12.9");
}

#[test]
fn one_host_has_one_of_each() {
    let mut saved = Saved::default();
    saved.add("a", b"CONFIG_X=y\n".to_vec()).unwrap();
    let error = saved.add("b", b"CONFIG_X=n\n".to_vec()).unwrap_err().to_string();
    assert!(error.starts_with("a and b are both a kernel's configuration"), "{error}");
    let error = saved.add("c", b"hello".to_vec()).unwrap_err().to_string();
    assert!(error.starts_with("c: it is none of these"), "{error}");
}

#[test]
fn files_that_do_not_fit_together_are_said_so() {
    let mut saved = Saved::default();
    saved.add("config", b"# Linux/x86 6.1.2 Kernel Configuration\nCONFIG_X=y\n".to_vec()).unwrap();
    saved.add("settings", b"kernel.osrelease = 6.12.9-1\n".to_vec()).unwrap();
    let trails = || vec![trail("/proc/config.gz", Take::Text(Cut::Kconfig))];
    let told = |saved: &Saved| saved.capture(None, trails()).remarks.iter().any(|remark| remark.contains("do not fit"));
    assert!(told(&saved));
    let mut fitting = Saved::default();
    fitting.add("config", b"# Linux/x86 6.12.2 Kernel Configuration\nCONFIG_X=y\n".to_vec()).unwrap();
    fitting.add("settings", b"kernel.osrelease = 6.12.9-1\n".to_vec()).unwrap();
    assert!(!told(&fitting));
}

#[test]
fn a_directory_is_one_host() {
    let directory = tempfile::tempdir().unwrap();
    let error = Saved::load_dir(directory.path()).unwrap_err().to_string();
    assert!(error.contains("it has 0"), "{error}");
    std::fs::write(directory.path().join("cmdline"), "ro pti=on").unwrap();
    std::fs::create_dir(directory.path().join("more")).unwrap();
    assert!(!Saved::load_dir(directory.path()).unwrap().is_empty());
    std::fs::write(directory.path().join("notes"), "hello").unwrap();
    assert!(Saved::load_dir(directory.path()).unwrap_err().to_string().contains("notes: it is none"));
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_taken_or_refused(bytes: Vec<u8>, text in "[a-z=. \n'#-]{0,80}") {
        for bytes in [bytes, text.into_bytes()] {
            let mut saved = Saved::default();
            let _ = saved.add("any", bytes);
            let _ = saved.capture(None, vec![trail("/proc/cmdline", Take::Parameters(vec![]))]);
        }
    }
}

#[test]
fn a_mark_before_utf_8_is_no_part_of_a_file() {
    for (name, text) in [
        ("cmdline", "nokaslr ro quiet"),
        ("config", "# Linux/x86 6.1.0 Kernel Configuration\nCONFIG_X=y\n"),
        ("sysctl", "kernel.printk = 4\n"),
        ("version", "Linux version 6.1.0 (x@y) #1 SMP\n"),
    ] {
        let of = |text: String| {
            let mut saved = Saved::default();
            saved.add(name, text.into_bytes()).unwrap();
            saved
        };
        assert_eq!(of(format!("\u{feff}{text}")), of(text.to_owned()), "{name}");
    }
}

#[test]
fn what_the_kernel_showed_comes_before_what_talos_wrote() {
    let status = "node: n\nmetadata:\n  type: KernelParamStatuses.runtime.talos.dev\n  id: proc.sys.kernel.kptr_restrict\nspec:\n  current: \"1\"\n  default: \"0\"\n  unsupported: false\n";
    let basis = |files: &[&str]| {
        let mut saved = Saved::default();
        for (at, text) in files.iter().enumerate() {
            saved.add(&at.to_string(), text.as_bytes().to_vec()).unwrap();
        }
        let capture = saved.capture(None, vec![trail("/proc/sys/kernel/kptr_restrict", Take::Value)]);
        capture.items.iter().find(|item| item.aspect == Aspect::Value).map(|item| item.basis)
    };
    assert_eq!(basis(&[status]), Some(evidence::Basis::Declared));
    assert_eq!(basis(&[status, "kernel.kptr_restrict = 2\n"]), Some(evidence::Basis::Running));
}
