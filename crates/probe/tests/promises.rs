//! What a look at a node never does, whatever the node's files say.

#![allow(clippy::unwrap_used, reason = "what cannot be set up is a failed test")]

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;

use evidence::{Aspect, Capture, Cut, Hop, Place, Run, Seen, Start, Take, Trail, read_run, write_run};
use probe::{Options, capture};

const SHADOW: &str = "root:$6$canary$hash:19000:0:99999:7:::\n";
const PEM: &str = "-----BEGIN EC PRIVATE KEY-----\nCANARYCANARYCANARY==\n-----END EC PRIVATE KEY-----\n";

/// A node whose kubelet was told, by flag and by file, that its certificates are in `/etc/shadow`.
fn hostile_node() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let at = |path: &str| dir.path().join(path);
    fs::create_dir_all(at("proc/7")).unwrap();
    fs::create_dir_all(at("etc/pki")).unwrap();
    fs::write(at("proc/7/cmdline"), "kubelet\0--client-ca-file=/etc/shadow\0--config=/etc/kubelet.yaml\0").unwrap();
    fs::write(at("etc/kubelet.yaml"), "apiVersion: v1\nkind: Pod\nclientCAFile: pki/../shadow\n").unwrap();
    fs::write(at("etc/shadow"), SHADOW).unwrap();
    fs::write(at("etc/pki/mixed.pem"), PEM).unwrap();
    symlink("../shadow", at("etc/pki/ca.pem")).unwrap();
    dir
}

fn trails() -> Vec<Trail> {
    let kubelet = || Start::Process(vec!["kubelet".to_owned()]);
    let flag = |name: &str| Hop::Flag(vec![name.to_owned()]);
    let key = Hop::Key { name: "clientCAFile".to_owned(), cut: Cut::Manifest };
    let pki = |name: &str| Start::Path(format!("/etc/pki/{name}.pem"));
    [
        ("by-flag", kubelet(), vec![flag("client-ca-file")], Take::Stat),
        ("by-file", kubelet(), vec![flag("config"), key], Take::Stat),
        ("by-link", pki("ca"), vec![], Take::Certs),
        ("mixed", pki("mixed"), vec![], Take::Certs),
    ]
    .map(|(id, start, hops, take)| Trail { id: id.to_owned(), start, hops, take: vec![take] })
    .into()
}

fn looked(root: &Path) -> Capture {
    capture(root, Some("hostile"), trails(), Options::default()).unwrap()
}

#[test]
fn a_file_that_names_another_gets_no_more_of_it_than_the_trail_takes() {
    let node = hostile_node();
    let seen = looked(node.path());
    for path in ["/etc/shadow", "/etc/pki/../shadow"] {
        assert!(
            matches!(seen.path(path, Aspect::Stat), Some(Seen::Stat(stat)) if stat.size == SHADOW.len() as u64),
            "{path}"
        );
        assert_eq!(seen.path(path, Aspect::Text), None, "{path}");
        assert_eq!(seen.path(path, Aspect::Certs), None, "{path}");
    }
    assert_eq!(seen.path("/etc/pki/ca.pem", Aspect::Certs), Some(&Seen::Certs(vec![])));
    assert!(seen.seen(&Place::Processes, Aspect::Processes).is_some());
}

#[test]
fn neither_keys_nor_hashes_reach_the_run_file() {
    let node = hostile_node();
    let mut file = Vec::new();
    write_run(&Run { captures: vec![looked(node.path())] }, &mut file).unwrap();
    let run = read_run(file.as_slice()).unwrap();
    let mut told = serde_json::to_string(&run).unwrap();
    for item in &run.captures[0].items {
        match &item.seen {
            Seen::Text(text) => told.push_str(&text.to_lossy()),
            Seen::Certs(certs) => told.extend(certs.iter().map(evidence::Text::to_lossy)),
            _ => {}
        }
    }
    assert!(told.contains("clientCAFile"), "the file on the way was taken");
    assert!(!told.to_lowercase().contains("canary"), "{told}");
}

#[test]
fn nothing_is_written() {
    let node = hostile_node();
    let before = states(node.path());
    looked(node.path());
    assert_eq!(states(node.path()), before);
    assert_eq!(before.len(), 10);
}

/// Path, inode and times of change of all that is below a directory.
fn states(dir: &Path) -> Vec<String> {
    let meta = fs::symlink_metadata(dir).unwrap();
    let state = (meta.ino(), meta.mode(), meta.size(), meta.mtime_nsec(), meta.ctime_nsec());
    let mut all = vec![format!("{} {state:?}", dir.display())];
    if meta.is_dir() {
        let mut below: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        below.sort();
        all.extend(below.into_iter().flat_map(|path| states(&path)));
    }
    all
}
