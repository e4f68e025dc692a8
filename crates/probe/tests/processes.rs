//! Processes and sockets: of a recorded tree, and of the machine that the test runs on.

#![allow(clippy::unwrap_used, reason = "what cannot be set up is a failed test")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use evidence::{
    Ask, Aspect, Capture, Limits, Listener, OsText, Place, Process, ProcessTable, Seen, Sockets, Source, Start, Take,
    Trail,
};
use probe::{Options, Root, capture, look};

const POD: &str = "0::/kubepods/burstable/pod7d0b5f4e-32c1-4a67-9a10-0c9d2c5f8a11/c0ffee\n";

/// A recorded process: its files, and its links (`-> target`).
fn process(root: &Path, pid: u32, files: &[(&str, &[u8])]) {
    let dir = root.join(format!("proc/{pid}"));
    for (name, content) in [&[("status", &b"PPid:\t1\nUid:\t5\t6\t7\t8\nGid:\t1\t2\t3\t4\n"[..])], files].concat() {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match content.strip_prefix(b"-> ") {
            Some(target) => symlink(std::str::from_utf8(target).unwrap(), path).unwrap(),
            None => fs::write(path, content).unwrap(),
        }
    }
}

fn table(root: &Path) -> ProcessTable {
    let names = ["kubelet", "hyperkube kubelet", "etcd", "kube-apiserver", "kube-controller-manager"];
    let names = names.map(str::to_owned).into();
    let asked = Ask::Processes { names, env: [String::from("HTTPS_PROXY")].into() };
    match look(&Root::open(root).unwrap(), &asked) {
        Seen::Processes(table) => table,
        other => panic!("{other:?}"),
    }
}

#[test]
fn recorded_processes_are_told_in_full() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    process(
        root,
        167,
        &[
            ("exe", b"-> /usr/bin/kubelet (deleted)"),
            ("cmdline", b"/usr/bin/kubelet\0--config\0/etc/\xff\0"),
            ("comm", b"kubelet\n"),
            ("cwd", b"-> /var/lib"),
            ("stat", b"167 (kubelet) S 1 167 167 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 2350 0 0"),
            ("cgroup", POD.as_bytes()),
            ("environ", b"PATH=/bin\0TOKEN=x\0HTTPS_PROXY=http://proxy\0"),
        ],
    );
    fs::write(root.join("proc/stat"), "cpu 1 2\nbtime 1700000000\n").unwrap();
    let expected = Process {
        pid: 167,
        ppid: 1,
        names: vec!["kubelet".to_owned()],
        comm: "kubelet".into(),
        exe: Some("/usr/bin/kubelet".into()),
        exe_deleted: true,
        argv: vec!["/usr/bin/kubelet".into(), "--config".into(), OsText::from(&b"/etc/\xff"[..])],
        uid: 6,
        gid: 2,
        cwd: Some("/var/lib".into()),
        started: Some(1_700_000_000_000 + 2350 * 10),
        env: Some(BTreeMap::from([("HTTPS_PROXY".to_owned(), Some("http://proxy".into()))])),
        pod: Some("7d0b5f4e-32c1-4a67-9a10-0c9d2c5f8a11".to_owned()),
        cuts: vec![],
    };
    assert_eq!(table(root), ProcessTable { matched: vec![expected], examined: 1, incomplete: None });
}

#[test]
fn only_what_is_asked_for_matches() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    for (pid, exe, cmdline) in [
        (9, "/hyperkube", "/hyperkube\0kubelet\0"),
        (10, "/hyperkube", "/hyperkube\0proxy\0"),
        (11, "/usr/bin/etcd-backup", "etcd-backup\0--all\0"),
        (12, "/usr/bin/kube-controllers", "/usr/bin/kube-controllers\0"),
        (13, "/usr/bin/grep", "grep\0kube-apiserver\0"),
        (14, "/usr/bin/dash", "/bin/sh\0/usr/local/bin/kube-apiserver\0"),
        (100, "/usr/local/bin/etcd", "etcd\0"),
    ] {
        process(root, pid, &[("exe", format!("-> {exe}").as_bytes()), ("cmdline", cmdline.as_bytes())]);
    }
    // Nothing was recorded of this one, this one ended, and these are no processes.
    fs::create_dir_all(root.join("proc/15")).unwrap();
    symlink("gone", root.join("proc/16")).unwrap();
    fs::create_dir_all(root.join("proc/sys")).unwrap();
    fs::write(root.join("proc/17"), "kubelet").unwrap();
    let table = table(root);
    let matched: Vec<_> = table.matched.iter().map(|process| (process.pid, process.names.join("+"))).collect();
    assert_eq!(matched, [(9, "hyperkube kubelet".to_owned()), (100, "etcd".to_owned())]);
    assert_eq!((table.examined, table.incomplete), (8, None));
    let hyperkube = &table.matched[0];
    assert_eq!((&hyperkube.env, hyperkube.started, &hyperkube.pod), (&None, None, &None), "not recorded, so not told");
}

#[test]
fn a_root_without_processes_tells_nothing_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let gap = || table(dir.path()).incomplete.unwrap();
    assert!(gap().ends_with("/proc is not there"), "{}", gap());
    fs::create_dir(dir.path().join("proc")).unwrap();
    assert!(gap().starts_with("no process is recorded below"), "{}", gap());
    let capture = capture(dir.path(), Some("n"), vec![], Options::default()).unwrap();
    assert!(!capture.reach.processes && !capture.reach.sockets && capture.reach.files);
}

#[test]
#[cfg(target_endian = "little")]
fn recorded_sockets_are_told_with_their_owner() {
    let dir = tempfile::tempdir().unwrap();
    let heading = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
    let line = |local: &str, state: &str, inode: u32| {
        format!(
            "   0: {local} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0        0 {inode} 1 0 100 0 0 10 0\n"
        )
    };
    let tcp =
        [heading, &line("00000000:280A", "0A", 71), &line("0100007F:094B", "0A", 72), &line("0100007F:C350", "01", 73)]
            .concat();
    process(dir.path(), 5, &[("net/tcp", tcp.as_bytes()), ("fd/3", b"-> socket:[71]"), ("fd/4", b"-> /dev/null")]);
    process(dir.path(), 6, &[("net/tcp", tcp.as_bytes())]);
    process(dir.path(), 7, &[("net/tcp", b"nonsense\n")]);
    process(dir.path(), 8, &[]);
    let root = Root::open(dir.path()).unwrap();
    let sockets = |pid| look(&root, &Ask::Sockets { pid });
    let listener = |address: &str, port, own| Listener { address: address.parse().unwrap(), port, own };
    assert_eq!(
        sockets(5),
        Seen::Sockets(Sockets {
            listening: vec![listener("0.0.0.0", 10250, Some(true)), listener("127.0.0.1", 2379, Some(false))],
            owners_known: true,
        })
    );
    assert_eq!(
        sockets(6),
        Seen::Sockets(Sockets {
            listening: vec![listener("0.0.0.0", 10250, None), listener("127.0.0.1", 2379, None)],
            owners_known: false,
        })
    );
    assert!(matches!(sockets(7), Seen::Failed { why } if why.contains("nonsense")));
    assert!(matches!(sockets(8), Seen::Failed { why } if why.ends_with("/proc/8/net/tcp is not there")));
    assert!(matches!(sockets(9), Seen::Absent { .. }));
}

#[test]
fn the_machine_that_the_test_runs_on_is_seen_with_this_test_on_it() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let here = std::env::current_exe().unwrap();
    let name = here.file_name().unwrap().to_str().unwrap().to_owned();
    let take = vec![Take::Process { env: vec!["PATH".to_owned()] }, Take::Sockets];
    let trails = vec![
        Trail { id: "this-test".to_owned(), start: Start::Process(vec![name]), hops: vec![], take },
        Trail { id: "api".to_owned(), start: Start::Api("/version".to_owned()), hops: vec![], take: vec![Take::Body] },
    ];
    let start = Instant::now();
    let capture = capture(Path::new("/"), None, trails, Options { limits: Limits::default() }).unwrap();
    assert!(start.elapsed() < Duration::from_secs(20), "a look at one process took {:?}", start.elapsed());

    let pid = std::process::id();
    let seen = capture.seen(&Place::Processes, Aspect::Processes);
    let Some(Seen::Processes(table)) = seen else { panic!("{seen:?}") };
    let own = table.matched.iter().find(|process| process.pid == pid).unwrap();
    assert_eq!(own.exe.as_ref().map(OsText::to_lossy).as_deref(), here.to_str());
    assert_eq!(own.uid, rustix::process::geteuid().as_raw());
    assert_eq!(own.cwd.as_ref().map(OsText::to_lossy).as_deref(), std::env::current_dir().unwrap().to_str());
    assert!(own.env.as_ref().unwrap().contains_key("PATH"));
    assert!((0..=3_600_000).contains(&(capture.taken.unwrap() - own.started.unwrap())), "started within the hour");

    let seen = capture.seen(&Place::Process(pid), Aspect::Sockets);
    let Some(Seen::Sockets(sockets)) = seen else { panic!("{seen:?}") };
    let address = listener.local_addr().unwrap();
    let expected = Listener { address: address.ip(), port: address.port(), own: Some(true) };
    assert!(sockets.owners_known && sockets.listening.contains(&expected), "{sockets:?}");

    let Capture { source, reach, rights, identity, items, .. } = capture;
    assert_eq!(source, Source::Node);
    assert!(reach.processes && reach.sockets && reach.files && !reach.api);
    assert_eq!(rights[0], format!("uid {}", rustix::process::geteuid().as_raw()));
    assert!(identity.contains_key("hostname") && identity.contains_key("kernel") && identity.contains_key("arch"));
    assert!(items.iter().all(|item| item.trail != "api"), "out of reach, so never asked");
}
