//! Paths of a root: nothing leads out of it, and nothing but regular files and directories is opened.

#![allow(clippy::unwrap_used, reason = "what cannot be set up is a failed test")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use evidence::{Ask, Entry, FileKind, Listing, OsText, Seen, Stat};
use probe::{Root, look};
use proptest::prelude::*;
use tempfile::TempDir;

/// A root with files of these contents, links to these targets (`-> target`) and directories (no content).
fn tree(things: &[(&str, &str)]) -> (TempDir, Root) {
    let dir = tempfile::tempdir().unwrap();
    for (path, content) in things {
        let path = dir.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match content.strip_prefix("-> ") {
            Some(target) => symlink(target, path).unwrap(),
            None if content.is_empty() => fs::create_dir_all(path).unwrap(),
            None => fs::write(path, content).unwrap(),
        }
    }
    let root = Root::open(dir.path()).unwrap();
    (dir, root)
}

fn text(root: &Root, path: &str) -> Seen {
    // Certificates are asked for: they are read as any text is, and need no cutter.
    look(root, &Ask::Certs { path: path.into(), limit: 1000 })
}

fn stat(root: &Root, path: &str) -> Seen {
    look(root, &Ask::Stat { path: path.into() })
}

fn list(root: &Root, path: &str, limit: usize) -> Seen {
    look(root, &Ask::List { path: path.into(), limit })
}

fn known(seen: &Seen) -> &Stat {
    let Seen::Stat(stat) = seen else { panic!("{seen:?}") };
    stat
}

fn absent(root: &Root) -> Seen {
    Seen::Absent { proof: format!("no such file below {}", root.name()) }
}

#[test]
fn links_are_followed_inside_the_root() {
    let (_dir, root) = tree(&[
        ("etc/real/config", "1234567"),
        ("etc/plain", "12"),
        ("etc/relative", "-> real/config"),
        ("etc/absolute", "-> /etc/real/config"),
        ("etc/up", "-> ../../../../../../etc/real/config"),
        ("etc/over/the/top", "-> /../../etc/./real//config"),
        ("etc/folder", "-> real"),
        ("etc/chain", "-> folder/../absolute"),
        ("top", "-> /"),
        ("above", "-> ../.."),
    ]);
    for path in ["relative", "absolute", "up", "over/the/top", "folder/config", "chain", "../../etc/folder/config"] {
        let seen = stat(&root, &format!("/etc/{path}"));
        assert_eq!(
            (known(&seen).size, known(&seen).target.as_ref().map(OsText::to_lossy)),
            (7, Some("/etc/real/config".into())),
            "{path}"
        );
    }
    for path in ["/etc/plain", "/../etc/plain", "//etc/./plain", "/etc/real/../plain"] {
        assert_eq!((known(&stat(&root, path)).size, &known(&stat(&root, path)).target), (2, &None), "{path}");
    }
    for path in ["/top", "/above"] {
        assert_eq!(known(&stat(&root, path)).target, Some("/".into()), "{path}");
        assert_eq!(list(&root, path, 9), list(&root, "/", 9), "{path}");
    }
    assert_eq!(known(&stat(&root, "/etc/")).kind, FileKind::Dir);
}

#[test]
fn what_is_not_there_is_absent_from_this_root() {
    let (_dir, root) = tree(&[
        ("file", "x"),
        ("dangling", "-> /nowhere"),
        // There on every machine, and not in this root.
        ("outside", "-> /proc/self/status"),
        ("slash", "-> file/"),
    ]);
    for path in ["/none", "/none/at/all", "/file/", "/file/x", "/file/..", "/file/.", "/dangling", "/outside", "/slash"]
    {
        assert_eq!(stat(&root, path), absent(&root), "{path}");
        assert_eq!(text(&root, path), absent(&root), "{path}");
        assert_eq!(list(&root, path, 1), absent(&root), "{path}");
    }
}

#[test]
fn endless_and_nonsensical_paths_fail() {
    let (_dir, root) = tree(&[("self", "-> self"), ("a", "-> b"), ("b", "-> /a"), ("d/e", "-> ../d/e/f")]);
    let failed = |path: &str| match stat(&root, path) {
        Seen::Failed { why } => why,
        other => panic!("{path}: {other:?}"),
    };
    for path in ["/self", "/a", "/b/c", "/d/e"] {
        assert_eq!(failed(path), "too many links");
    }
    assert_eq!(failed("etc/passwd"), "not an absolute path");
    assert_eq!(failed(""), "not an absolute path");
    assert!(failed("/a\0b").contains("Invalid argument"));
    assert!(failed(&format!("/{}", "x".repeat(300))).contains("too long"));
    assert_eq!(stat(&root, &"/x".repeat(100_000)), absent(&root));
}

#[test]
fn only_regular_files_are_read() {
    let (dir, root) =
        tree(&[("folder", ""), ("to-pipe", "-> pipe"), ("good", "no certificate"), ("empty-but-there", "-> good")]);
    let at =
        rustix::fs::openat(rustix::fs::CWD, dir.path(), rustix::fs::OFlags::PATH, rustix::fs::Mode::empty()).unwrap();
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    // To open this for reading without care would wait for a writer for ever.
    rustix::fs::mknodat(&at, "pipe", rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket")).unwrap();
    for (path, kind) in [
        ("/folder", "a directory"),
        ("/pipe", "a named pipe"),
        ("/to-pipe", "a named pipe"),
        ("/socket", "a socket"),
        ("/", "a directory"),
    ] {
        assert_eq!(text(&root, path), Seen::Failed { why: format!("not a regular file but {kind}") }, "{path}");
    }
    assert_eq!(known(&stat(&root, "/pipe")).kind, FileKind::Other);
    assert_eq!(list(&root, "/pipe", 1), Seen::Failed { why: "not a directory".to_owned() });
    for path in ["/good", "/empty-but-there"] {
        assert_eq!(text(&root, path), Seen::Certs(vec![]), "{path}");
    }
    assert_eq!(
        text(&Root::open(Path::new("/")).unwrap(), "/dev/null"),
        Seen::Failed { why: "not a regular file but a device".to_owned() }
    );
}

#[test]
fn what_is_too_large_is_not_read() {
    let (dir, root) = tree(&[("exact", &"x".repeat(1000)), ("over", &"x".repeat(1001))]);
    fs::File::create(dir.path().join("sparse")).unwrap().set_len(1 << 30).unwrap();
    assert_eq!(text(&root, "/exact"), Seen::Certs(vec![]));
    assert_eq!(text(&root, "/over"), Seen::TooLarge { size: 1001, limit: 1000 });
    assert_eq!(text(&root, "/sparse"), Seen::TooLarge { size: 1 << 30, limit: 1000 });
    // Here sizes are 0, whatever is in the file.
    let live = Root::open(Path::new("/")).unwrap();
    let asked = Ask::Certs { path: "/proc/self/status".into(), limit: 10 };
    assert_eq!(look(&live, &asked), Seen::TooLarge { size: 11, limit: 10 });
}

#[test]
fn metadata_is_the_files_own() {
    let (dir, root) = tree(&[("secret", "12345"), ("folder", "")]);
    fs::set_permissions(dir.path().join("secret"), fs::Permissions::from_mode(0o4640)).unwrap();
    let file = fs::File::options().write(true).open(dir.path().join("secret")).unwrap();
    file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_millis(1_700_000_000_123)).unwrap();
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let modified = Some(1_700_000_000_123);
    let expected = Stat { kind: FileKind::File, mode: 0o4640, uid, gid, size: 5, modified, target: None };
    assert_eq!(stat(&root, "/secret"), Seen::Stat(expected));
    assert_eq!(known(&stat(&root, "/folder")).kind, FileKind::Dir);
}

#[test]
fn entries_are_listed_by_name_up_to_a_limit() {
    let (dir, root) = tree(&[("d/b", "x"), ("d/a", ""), ("d/c", "-> a"), ("empty", "")]);
    fs::write(dir.path().join("d").join(OsStr::from_bytes(b"\xff\xfe")), "x").unwrap();
    let entry = |name: &[u8], dir| Entry { name: name.into(), dir };
    let mut entries = vec![entry(b"a", true), entry(b"b", false), entry(b"c", false), entry(b"\xff\xfe", false)];
    assert_eq!(list(&root, "/d", 4), Seen::List(Listing { entries: entries.clone(), complete: true }));
    entries.truncate(2);
    assert_eq!(list(&root, "/d", 2), Seen::List(Listing { entries, complete: false }));
    assert_eq!(list(&root, "/empty", 2), Seen::List(Listing { entries: vec![], complete: true }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Links of any shape, into each other and past the top: what they lead to lies in the root, and is found there
    /// again by the path that was told.
    #[test]
    fn no_link_leads_out(links in proptest::collection::btree_map("[a-d]", "(/|\\.\\./|[a-d]/|\\./){0,6}([a-e]|\\.\\.|secret)", 1..4), path in "(/(\\.\\.|[a-d]|secret)){1,6}") {
        let (outer, _) = tree(&[("secret", "outside"), ("root/e", "inside"), ("root/d/e", "inside")]);
        for (name, target) in links.iter().collect::<BTreeMap<_, _>>() {
            let _ = symlink(target, outer.path().join("root").join(name));
        }
        let root = Root::open(&outer.path().join("root")).unwrap();
        if let Seen::Stat(seen) = stat(&root, &path) {
            prop_assert!(seen.kind == FileKind::Dir || seen.size == 6, "{seen:?}");
            if let Some(target) = &seen.target {
                let again = look(&root, &Ask::Stat { path: target.clone() });
                prop_assert_eq!(again, Seen::Stat(Stat { target: None, ..seen.clone() }));
            }
        }
    }
}

#[test]
fn values_are_the_kernels_own_and_never_behind_a_link() {
    let (_dir, root) = tree(&[
        ("/proc/sys/kernel/kptr_restrict", "2\n"),
        ("/proc/sys/kernel/osrelease", "-> /etc/shadow"),
        ("/proc/cmdline", "root=/dev/sda pti=on\n"),
        ("/etc/shadow", "root:$6$canary$hash:19000:0:99999:7:::\n"),
        ("/proc/sys/kernel/core_pattern", "a\nb\n and many more bytes than a raw value has\n"),
        ("/proc/sys/vm", ""),
    ]);
    let value = |path: &str| look(&root, &Ask::Value { path: path.into() });
    let text = |seen: Seen| match seen {
        Seen::Text(text) => text.to_lossy().into_owned(),
        other => format!("{other:?}"),
    };
    assert_eq!(text(value("/proc/sys/kernel/kptr_restrict")), "2");
    assert!(text(value("/proc/sys/kernel/osrelease")).contains("not a regular file but a link"));
    assert!(matches!(value("/proc/sys/kernel/core_pattern"), Seen::Withheld { .. }));
    // Files that somebody copied may be some of the settings.
    assert!(text(value("/proc/sys/kernel/nothing")).contains("not shown here, or not all of them"));
    assert!(text(value("/proc/sys/vm")).contains("a directory"));
    let asked = Ask::Parameters { path: "/proc/cmdline".into(), names: ["pti".to_owned()].into() };
    assert_eq!(text(look(&root, &asked)), "root=\"<not taken>\" pti=on");
}

#[test]
fn the_running_kernels_values_are_read_from_this_machine() {
    let root = Root::open(Path::new("/")).unwrap();
    let value = |path: &str| look(&root, &Ask::Value { path: path.into() });
    assert!(matches!(value("/proc/sys/kernel/osrelease"), Seen::Text(text) if text.size > 0));
    assert!(matches!(value("/proc/sys/kernel/nothing"), Seen::Absent { .. }));
}
