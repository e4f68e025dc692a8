use std::fs;
use std::path::{Path, PathBuf};

use evidence::{
    Ask, Aspect, Break, Cut, Entry, FileKind, Hop, Listing, OsText, Place, ProcessTable, Seen, Start, Stat, Take, Trail,
};
use proptest::prelude::*;

use super::*;

const LIMIT: u64 = 1 << 20;
const DEFAULTS: &str = "kubeadm-v1.36";
const HARDENED: &str = "kubeadm-hardened-v1.36";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/nodes").join(name)
}

fn recorded(name: &str) -> Recording {
    Recording::load(&fixture(name)).unwrap()
}

/// A small node with links of every sort.
fn linked() -> Recording {
    let mut node = Recording::default();
    node.write("/etc/real/file", "content");
    let mut link = |path: &str, target: &str| {
        let link = Listed {
            kind: FileKind::Symlink,
            mode: 0o777,
            uid: 0,
            gid: 0,
            size: 0,
            link_target: Some(target.to_owned()),
        };
        node.stats.insert(path.to_owned(), link);
    };
    link("/etc/relative", "real/file");
    link("/etc/absolute", "/etc/real/file");
    link("/etc/dir", "./real/");
    link("/etc/chain", "dir/../relative");
    link("/etc/up", "../../../etc/real/file");
    link("/etc/loop", "loop");
    link("/etc/away", "/opt/unrecorded");
    link("/etc/root", "/");
    let dir = Listed { kind: FileKind::Dir, mode: 0o755, uid: 0, gid: 0, size: 0, link_target: None };
    node.stats.insert("/srv".to_owned(), dir);
    node.stats.insert(
        "/etc/dangling".to_owned(),
        Listed { link_target: Some("/srv/none".to_owned()), ..node.stats["/etc/loop"].clone() },
    );
    node
}

fn stat(node: &Recording, path: &str) -> Seen {
    node.look(&Ask::Stat { path: path.into() })
}

fn list(node: &Recording, path: &str, limit: usize) -> Seen {
    node.look(&Ask::List { path: path.into(), limit })
}

fn text(node: &Recording, path: &str) -> Seen {
    node.look(&Ask::Text { path: path.into(), cut: Cut::Manifest, limit: LIMIT })
}

fn processes(node: &Recording, names: &[&str], env: &[&str]) -> ProcessTable {
    let set = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    match node.look(&Ask::Processes { names: set(names), env: set(env) }) {
        Seen::Processes(table) => table,
        other => panic!("{other:?}"),
    }
}

/// The answer in a few words.
fn short(seen: &Seen) -> String {
    match seen {
        Seen::Stat(Stat { kind, mode, uid, target, .. }) => {
            let target = target.as_ref().map(|path| format!(" at {path}")).unwrap_or_default();
            format!("{kind:?} {mode:o} {uid}{target}")
        }
        Seen::Absent { proof } => format!("absent: {proof}"),
        Seen::Failed { why } => format!("failed: {why}"),
        Seen::Denied { right } => format!("denied: {right}"),
        other => format!("{other:?}"),
    }
}

#[test]
fn stats_of_the_recorded_nodes() {
    let unlisted = "absent: not in the recording's listing";
    let table = [
        (DEFAULTS, "/etc/kubernetes/manifests/etcd.yaml", "File 600 0"),
        (DEFAULTS, "/etc//kubernetes/./pki/../manifests/etcd.yaml", "File 600 0"),
        (DEFAULTS, "/var/lib/etcd", "Dir 700 0"),
        (HARDENED, "/var/lib/etcd", "Dir 700 999"),
        (DEFAULTS, "/etc/kubernetes/pki/ca.key", "File 600 0"),
        (DEFAULTS, "/var/lib/kubelet/pod-resources/kubelet.sock", "Other 755 0"),
        (
            DEFAULTS,
            "/var/lib/kubelet/pki/kubelet-client-current.pem",
            "File 600 0 at /var/lib/kubelet/pki/kubelet-client-2026-11-20-18-24-08.pem",
        ),
        (DEFAULTS, "/etc/sysctl.d/99-sysctl.conf", "File 644 0 at /etc/sysctl.conf"),
        (DEFAULTS, "/etc/os-release", "failed: a link leads to /usr/lib/os-release, which was not recorded"),
        (DEFAULTS, "/etc", "failed: its mode was not recorded"),
        (DEFAULTS, "/", "failed: its mode was not recorded"),
        (DEFAULTS, "/etc/systemd/system/kubelet.service", unlisted),
        (DEFAULTS, "/etc/kubernetes/kubelet.conf.d", unlisted),
        (DEFAULTS, "/etc/kubernetes/admin.conf/x", "absent: /etc/kubernetes/admin.conf is not a directory"),
        (DEFAULTS, "etc/kubernetes", "failed: not an absolute path"),
        (DEFAULTS, "", "failed: not an absolute path"),
    ];
    for (node, path, expected) in table {
        assert_eq!(short(&stat(&recorded(node), path)), expected, "{node} {path}");
    }
}

#[test]
fn links_are_followed_wherever_they_stand() {
    let node = linked();
    let there = "File 600 0 at /etc/real/file";
    let table = [
        ("/etc/real/file", "File 600 0"),
        ("/etc/relative", there),
        ("/etc/absolute", there),
        ("/etc/dir/file", there),
        ("/etc/chain", there),
        ("/etc/up", there),
        ("/etc/root/etc/root/etc/real/file", there),
        ("/etc/loop", "failed: more than 40 symbolic links"),
        ("/etc/away", "failed: a link leads to /opt, which was not recorded"),
        ("/etc/dangling", "absent: not in the recording's listing"),
        ("/etc/relative/x", "absent: /etc/real/file is not a directory"),
    ];
    for (path, expected) in table {
        assert_eq!(short(&stat(&node, path)), expected, "{path}");
    }
    assert_eq!(list(&node, "/etc/dir", 9), list(&node, "/etc/real", 9));
}

#[test]
fn contents_of_the_recorded_nodes() {
    let mut node = recorded(DEFAULTS);
    let manifest = "/etc/kubernetes/manifests/etcd.yaml";
    let Seen::Text(taken) = text(&node, manifest) else { panic!("no text") };
    assert!(taken.to_lossy().contains("kind: Pod"));
    let table = [
        ("/etc/kubernetes/pki/ca.key", "failed: its content was not recorded"),
        ("/etc/kubernetes/pki", "failed: not a regular file"),
        ("/etc", "failed: not a regular file"),
        ("/etc/none", "absent: not in the recording's listing"),
    ];
    for (path, expected) in table {
        assert_eq!(short(&text(&node, path)), expected, "{path}");
    }
    let size = node.texts[manifest].len() as u64;
    let ask = |limit| Ask::Text { path: manifest.into(), cut: Cut::Manifest, limit };
    assert_eq!(node.look(&ask(size - 1)), Seen::TooLarge { size, limit: size - 1 });
    assert!(matches!(node.look(&ask(size)), Seen::Text(_)));

    // A content without a listing can be read and says nothing of its mode.
    node.stats.remove(manifest);
    assert!(matches!(text(&node, manifest), Seen::Text(_)));
    assert_eq!(short(&stat(&node, manifest)), "failed: its mode was not recorded");
}

#[test]
fn certificates_of_the_recorded_nodes() {
    let certs = |path: &str| match recorded(DEFAULTS).look(&Ask::Certs { path: path.into(), limit: LIMIT }) {
        Seen::Certs(certs) => certs.len(),
        other => panic!("{path}: {other:?}"),
    };
    assert_eq!(certs("/etc/kubernetes/pki/ca.crt"), 1);
    assert_eq!(certs("/var/lib/kubelet/pki/kubelet-client-current.pem"), 1);
    assert_eq!(certs("/etc/kubernetes/pki/sa.pub"), 0);
}

#[test]
fn listings_of_the_recorded_nodes() {
    let node = recorded(HARDENED);
    let table: [(&str, &[&str]); 4] = [
        ("/etc/kubernetes/kubelet.conf.d", &["10-cis.conf", "20-site.conf"]),
        ("/usr/lib/systemd/system", &["containerd.service", "kubelet.service", "kubelet.service.d/"]),
        ("/var/lib", &["cni/", "etcd/", "kubelet/"]),
        (
            "/etc/kubernetes/manifests",
            &["etcd.yaml", "kube-apiserver.yaml", "kube-controller-manager.yaml", "kube-scheduler.yaml"],
        ),
    ];
    for (path, expected) in table {
        let Seen::List(Listing { entries, complete: true }) = list(&node, path, 9) else { panic!("{path}") };
        let names: Vec<String> =
            entries.iter().map(|Entry { name, dir }| format!("{name}{}", if *dir { "/" } else { "" })).collect();
        assert_eq!(names, expected, "{path}");
    }
    let Seen::List(some) = list(&node, "/etc/kubernetes/manifests", 3) else { panic!("no list") };
    assert_eq!((some.entries.len(), some.complete), (3, false));
    assert_eq!(list(&node, "/var/lib/kubelet/checkpoints", 9), Seen::List(Listing { entries: vec![], complete: true }));
    assert_eq!(short(&list(&node, "/etc/hostname", 9)), "failed: not a directory");
    assert_eq!(short(&list(&node, "/etc/none", 9)), "absent: not in the recording's listing");
}

#[test]
fn processes_of_the_recorded_nodes() {
    let mut node = recorded(HARDENED);
    let names = ["kubelet", "kube-apiserver", "kube-proxy", "etcd", "dockerd"];
    let table = processes(&node, &names, &["PATH", "ETCD_CERT_FILE"]);
    let matched: Vec<(u32, &[String])> = table.matched.iter().map(|p| (p.pid, p.names.as_slice())).collect();
    let expected = [(167, "kubelet"), (378, "kube-apiserver"), (463, "etcd"), (692, "kube-proxy")]
        .map(|(pid, name)| (pid, vec![name.to_owned()]));
    assert_eq!(matched, expected.each_ref().map(|(pid, names)| (*pid, names.as_slice())));
    assert_eq!((table.examined, table.incomplete), (26, None));
    let kubelet = &table.matched[0];
    assert_eq!(kubelet.env, Some([("PATH".to_owned(), None)].into()));
    assert_eq!((kubelet.uid, kubelet.gid, kubelet.started, kubelet.exe_deleted), (0, 0, None, false));
    assert_eq!(processes(&node, &["pause"], &[]).matched[0].uid, 65535);

    let etcd = node.processes.iter_mut().find(|p| p.pid == 463).unwrap();
    etcd.exe = Some("/usr/local/bin/etcd (deleted)".into());
    etcd.environ_keys = None;
    let etcd = processes(&node, &["etcd"], &["PATH"]).matched.remove(0);
    assert_eq!((etcd.exe, etcd.exe_deleted, etcd.env), (Some("/usr/local/bin/etcd".into()), true, None));

    node.hide_processes = Some("a PID namespace".to_owned());
    let hidden = processes(&node, &names, &[]);
    assert_eq!(hidden, ProcessTable { incomplete: Some("a PID namespace".to_owned()), ..ProcessTable::default() });
}

#[test]
fn sockets_of_the_recorded_nodes() {
    let mut node = recorded(DEFAULTS);
    let sockets = |node: &Recording, pid| match node.look(&Ask::Sockets { pid }) {
        Seen::Sockets(sockets) => sockets,
        other => panic!("{other:?}"),
    };
    let of_kubelet = sockets(&node, 821);
    let own: Vec<(String, u16)> = of_kubelet
        .listening
        .iter()
        .filter(|listener| listener.own == Some(true))
        .map(|listener| (listener.address.to_string(), listener.port))
        .collect();
    assert_eq!(own, [("127.0.0.1".to_owned(), 10248), ("::".to_owned(), 10250)]);
    assert_eq!((of_kubelet.listening.len(), of_kubelet.owners_known), (12, true));
    assert_eq!(short(&node.look(&Ask::Sockets { pid: 4 })), "failed: process 4 was not recorded");

    node.listeners[0].owners = None;
    assert!(!sockets(&node, 821).owners_known);
    node.sockets = false;
    assert_eq!(short(&node.look(&Ask::Sockets { pid: 821 })), "failed: listening sockets were not recorded");
}

#[test]
fn api_answers_of_the_recorded_nodes() {
    let node = recorded(DEFAULTS);
    let ask = |api: &str, limit| node.look(&Ask::Body { api: api.to_owned(), limit });
    let Seen::Text(version) = ask("/version", LIMIT) else { panic!("no text") };
    assert!(version.to_lossy().contains(r#""gitVersion": "v1.36.2""#));
    assert_eq!(ask("/version", 1), Seen::TooLarge { size: version.size, limit: 1 });
    assert_eq!(short(&ask("/apis", LIMIT)), "failed: this API answer was not recorded");
}

#[test]
fn what_is_denied_is_denied_with_all_below() {
    let mut node = linked();
    node.denied.insert("/etc/real".to_owned());
    let denied = "denied: root, or CAP_DAC_READ_SEARCH";
    for path in ["/etc/real", "/etc/real/file", "/etc/relative", "/etc/real/none"] {
        let asks = [stat(&node, path), text(&node, path), list(&node, path, 9)];
        assert_eq!(asks.map(|seen| short(&seen)), [denied; 3], "{path}");
    }
    assert_eq!(short(&stat(&node, "/srv")), "Dir 755 0");
}

#[test]
fn one_thing_can_be_changed() {
    let mut node = recorded(DEFAULTS);
    node.write("/etc/kubernetes/admin.conf", "new");
    assert_eq!(
        (node.stats["/etc/kubernetes/admin.conf"].mode, node.stats["/etc/kubernetes/admin.conf"].size),
        (0o600, 3)
    );
    node.remove("/etc/kubernetes/pki");
    for gone in ["/etc/kubernetes/pki", "/etc/kubernetes/pki/ca.crt", "/etc/kubernetes/pki/etcd/ca.key"] {
        assert_eq!(short(&stat(&node, gone)), "absent: not in the recording's listing", "{gone}");
    }
    node.remove("/etc/kubernetes/ad");
    assert_eq!(short(&stat(&node, "/etc/kubernetes/admin.conf")), "File 600 0");
}

#[test]
fn a_capture_of_a_recorded_node() {
    let trail = |id: &str, start, hops, take| Trail { id: id.to_owned(), start, hops, take };
    let kubelet = || Start::Process(vec!["kubelet".to_owned()]);
    let flag = |name: &str| Hop::Flag(vec![name.to_owned()]);
    let trails = vec![
        trail("kubelet.drop-ins", kubelet(), vec![flag("config-dir")], vec![Take::List]),
        trail("kubelet.none", kubelet(), vec![flag("no-such-flag")], vec![Take::Stat]),
        trail("kubelet.sockets", kubelet(), vec![], vec![Take::Sockets]),
        trail("etcd.data", Start::Path("/var/lib/etcd".to_owned()), vec![], vec![Take::Stat]),
        trail("version", Start::Api("/version".to_owned()), vec![], vec![Take::Body]),
    ];
    let catalogue = evidence::trails_digest(&trails);
    let capture = recorded(HARDENED).capture(trails);
    let all = Reach { processes: true, sockets: true, files: true, api: false, kernel: false };
    assert_eq!((capture.name.as_str(), capture.root.as_str()), ("kb-node", HARDENED));
    assert_eq!((capture.source, capture.taken, capture.reach), (Source::Recording, None, all));
    assert_eq!(capture.catalogue, catalogue);
    let identity = [("hostname", "kb-node"), ("kubernetes", "v1.36.2")];
    assert_eq!(capture.identity, identity.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    assert!(capture.remarks.iter().any(|remark| remark.contains("started")));
    let drop_ins = capture.path("/etc/kubernetes/kubelet.conf.d", Aspect::List);
    assert!(matches!(drop_ins, Some(Seen::List(listing)) if listing.entries.len() == 2), "{drop_ins:?}");
    assert_eq!(capture.path("/var/lib/etcd", Aspect::Stat).map(short).as_deref(), Some("Dir 700 999"));
    assert!(matches!(capture.seen(&Place::Process(167), Aspect::Sockets), Some(Seen::Sockets(_))));
    assert!(matches!(capture.seen(&Place::Api("/version".to_owned()), Aspect::Text), Some(Seen::Text(_))));
    assert!(matches!(&capture.breaks[..], [Break { trail, .. }] if trail == "kubelet.none"), "{:?}", capture.breaks);
}

#[test]
fn what_was_not_recorded_is_out_of_reach() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("tree")).unwrap();
    assert!(!is_recording(dir.path()));
    fs::write(dir.path().join("stat.tsv"), "path\ttype\tmode\tuid\tgid\tsize\tlink_target\n").unwrap();
    fs::write(dir.path().join("processes.json"), "[]").unwrap();
    assert!(is_recording(dir.path()));
    let capture = Recording::load(dir.path()).unwrap().capture(vec![]);
    assert_eq!(capture.reach, Reach { processes: true, sockets: false, files: true, api: false, kernel: false });
    assert_eq!(capture.name, dir.path().file_name().unwrap().to_string_lossy());
    assert!(capture.identity.is_empty());
}

#[test]
fn a_bad_recording_is_an_error_with_file_and_line() {
    let header = "path\ttype\tmode\tuid\tgid\tsize\tlink_target\n";
    let listed = |line: &str| format!("{header}/a\tdir\t0755\t0\t0\t0\t\n{line}\n");
    let process = |from: &str, to: &str| {
        let ids = r#"["0","0","0","0"]"#;
        let good = format!(
            "[{{\n\"pid\":1,\"ppid\":0,\"comm\":\"a\",\"exe\":null,\"argv\":[],\"uid\":{ids},\"gid\":{ids},\"cwd\":null,\"environ_keys\":null}}]"
        );
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1)
    };
    let table = [
        ("stat.tsv", String::new(), "stat.tsv:1: the columns should be"),
        ("stat.tsv", header.replace("gid\t", "gid\tinode\t"), "stat.tsv:1: the columns should be"),
        ("stat.tsv", listed("/b\tfile\t0644\t0\t0\t1"), "stat.tsv:3: 6 columns instead of 7"),
        ("stat.tsv", listed(""), "stat.tsv:3: 1 columns instead of 7"),
        ("stat.tsv", listed("b\tfile\t0644\t0\t0\t1\t"), "stat.tsv:3: `b` is not a plain absolute path"),
        ("stat.tsv", listed("/a/../b\tfile\t0644\t0\t0\t1\t"), "is not a plain absolute path"),
        ("stat.tsv", listed("/a/\tdir\t0644\t0\t0\t1\t"), "is not a plain absolute path"),
        ("stat.tsv", listed("/a\tfile\t0644\t0\t0\t1\t"), "stat.tsv:3: /a is listed twice"),
        ("stat.tsv", listed("/b\tdoor\t0644\t0\t0\t1\t"), "stat.tsv:3: `door` is not a type"),
        ("stat.tsv", listed("/b\tfile\t0698\t0\t0\t1\t"), "stat.tsv:3: the mode is not octal"),
        ("stat.tsv", listed("/b\tfile\t100644\t0\t0\t1\t"), "stat.tsv:3: the mode is not octal"),
        ("stat.tsv", listed("/b\tfile\t0644\troot\t0\t1\t"), "stat.tsv:3: `root` is not a user id"),
        ("stat.tsv", listed("/b\tfile\t0644\t0\t-1\t1\t"), "stat.tsv:3: `-1` is not a group id"),
        ("stat.tsv", listed("/b\tfile\t0644\t0\t0\t\t"), "stat.tsv:3: `` is not a size"),
        ("stat.tsv", listed("/b\tsymlink\t0777\t0\t0\t1\t"), "stat.tsv:3: a link target belongs to a symlink"),
        ("stat.tsv", listed("/b\tfile\t0644\t0\t0\t1\t/a"), "stat.tsv:3: a link target belongs to a symlink"),
        ("processes.json", process("\"pid\":1", "\"pid\":-1"), "processes.json:2: "),
        ("processes.json", process("\"cwd\":null,", ""), "missing field `cwd`"),
        ("processes.json", process("[\"0\",\"0\"", "[\"0\",\"root\""), "processes.json:2: four ids expected"),
        ("processes.json", process("[\"0\",\"0\",", "[\"0\","), "processes.json:2: invalid length 3"),
        ("listen.txt", "LISTEN 0 1 *:1 *:*\nLISTEN 0 1 x *:*\n".to_owned(), "listen.txt:2: `x` has no port"),
    ];
    for (file, content, expected) in table {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("tree")).unwrap();
        fs::write(dir.path().join("stat.tsv"), header).unwrap();
        fs::write(dir.path().join("processes.json"), process("\"pid\":1", "\"pid\":1")).unwrap();
        Recording::load(dir.path()).unwrap();
        fs::write(dir.path().join(file), content).unwrap();
        let error = Recording::load(dir.path()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}\nexpected: {expected}");
    }
}

#[test]
fn a_missing_part_is_an_error_that_names_it() {
    for part in ["stat.tsv", "processes.json", "tree"] {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("tree")).unwrap();
        fs::write(dir.path().join("stat.tsv"), "path\ttype\tmode\tuid\tgid\tsize\tlink_target\n").unwrap();
        fs::write(dir.path().join("processes.json"), "[]").unwrap();
        fs::rename(dir.path().join(part), dir.path().join("elsewhere")).unwrap();
        // One that looks like a recorded node is taken for one, and not for files of another kind.
        assert!(is_recording(dir.path()), "{part}");
        let error = Recording::load(dir.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("{part}: it is missing, and a recorded node has ")), "{part}: {error}");
    }
}

#[cfg(unix)]
#[test]
fn links_never_lead_out_of_a_recording() {
    let outside = tempfile::NamedTempFile::new().unwrap();
    for link in ["tree/etc", "api/version.json", "listen.txt"] {
        let dir = tempfile::tempdir().unwrap();
        for part in ["tree", "api"] {
            fs::create_dir(dir.path().join(part)).unwrap();
        }
        fs::write(dir.path().join("stat.tsv"), "path\ttype\tmode\tuid\tgid\tsize\tlink_target\n").unwrap();
        fs::write(dir.path().join("processes.json"), "[]").unwrap();
        std::os::unix::fs::symlink(outside.path(), dir.path().join(link)).unwrap();
        let error = Recording::load(dir.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("{link}: not a regular file")), "{error}");
    }
}

proptest! {
    #[test]
    fn no_path_makes_it_panic(path in prop_oneof![
        any::<Vec<u8>>(),
        "(/|\\.|\\.\\.|etc|real|relative|dir|up|loop|root|away|file|é){0,24}".prop_map(String::into_bytes),
    ]) {
        let node = linked();
        let path = OsText::from(path);
        node.look(&Ask::Stat { path: path.clone() });
        node.look(&Ask::List { path: path.clone(), limit: 2 });
        node.look(&Ask::Text { path: path.clone(), cut: Cut::Manifest, limit: 4 });
        node.look(&Ask::Certs { path, limit: 4 });
    }

    #[test]
    fn no_line_makes_it_panic(line in "(LISTEN|tcp|users:\\(|\\(|\"|,pid=|[0-9:*.\\[\\]% ]){0,24}") {
        let _ = super::listen::listener(&line);
    }
}

#[test]
fn the_cluster_is_known_by_the_uid_of_kube_system() {
    let start = Start::Objects("/api/v1/namespaces".to_owned());
    let trail = Trail { id: "namespaces".to_owned(), start, hops: Vec::new(), take: vec![Take::Objects] };
    let uid = |node: &Recording| {
        let cluster = node.cluster(vec![trail.clone()]).unwrap();
        cluster.identity.get("cluster-uid").cloned()
    };
    for name in [DEFAULTS, HARDENED] {
        let mut node = recorded(name);
        let namespaces: serde_json::Value = serde_json::from_slice(&node.api["/api/v1/namespaces"]).unwrap();
        let all = namespaces["items"].as_array().unwrap();
        let own = all.iter().find(|own| own["metadata"]["name"] == "kube-system").unwrap();
        assert_eq!(uid(&node).as_deref(), own["metadata"]["uid"].as_str(), "{name}");
        assert!(uid(&node).is_some(), "{name}");
        for other in ["{\"items\":[]}", "no list", "{\"items\":[{\"metadata\":{\"name\":\"kube-system\"}}]}"] {
            node.api.insert("/api/v1/namespaces".to_owned(), other.as_bytes().to_vec());
            assert_eq!(uid(&node), None, "{name}: {other}");
        }
        node.api.remove("/api/v1/namespaces");
        assert_eq!(uid(&node), None, "{name}");
    }
}

#[test]
fn a_machine_is_known_by_its_id() {
    let mut node = Recording::default();
    for (text, expected) in [("", None), ("\n", None), ("4d1e5a2b\n", Some("4d1e5a2b"))] {
        node.write("/etc/machine-id", text);
        assert_eq!(node.capture(Vec::new()).identity.get("machine-id").map(String::as_str), expected, "{text:?}");
    }
}
