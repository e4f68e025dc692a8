//! The probe over a real file tree: the same node judges the same, whichever way it was looked at.

#![allow(
    clippy::unwrap_used,
    clippy::format_push_string,
    reason = "a test that cannot go on has failed, and is not measured"
)]

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use assess::Verdict;
use common::tree;

fn root_user() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    status.lines().any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0"))
}

fn scan(root: &Path) -> (BTreeMap<String, Verdict>, report::Report) {
    let content = common::content();
    let capture = probe::capture(root, None, assess::trails(&content), probe::Options::default()).unwrap();
    let report = common::judge(capture, &content, "cis-2.0.1");
    (common::verdicts(&report), report)
}

#[test]
#[expect(clippy::print_stderr, reason = "says what was left out, and why")]
fn a_node_tree_judges_as_the_recording_it_was_made_from() {
    let content = common::content();
    let owners = root_user();
    if !owners {
        eprintln!("skipped: owners of files, which only root can set");
    }
    for name in ["kubeadm-v1.36", "kubeadm-hardened-v1.36"] {
        let node = common::recording(name);
        let folder = tempfile::tempdir().unwrap();
        tree::lay(&node, folder.path(), owners);
        let (found, _) = scan(folder.path());
        let expect = common::verdicts(&common::judge(node.capture(assess::trails(&content)), &content, "cis-2.0.1"));
        let owner = |id: &str| {
            content.profile("cis-2.0.1").unwrap().entry(id).is_some_and(|entry| entry.control.ends_with("-owner"))
        };
        let differ: Vec<_> =
            expect.iter().filter(|(id, verdict)| found.get(*id) != Some(verdict) && (owners || !owner(id))).collect();
        assert!(differ.is_empty(), "{name}: the recording says {differ:?}");
    }
}

#[test]
fn without_processes_what_files_declare_is_judged() {
    let mut node = common::recording("kubeadm-hardened-v1.36");
    node.processes.clear();
    let folder = tempfile::tempdir().unwrap();
    tree::lay(&node, folder.path(), root_user());
    std::fs::remove_dir_all(folder.path().join("proc")).ok();
    let (found, report) = scan(folder.path());
    // Static pod manifests tell what the control plane would run with; the kubelet's unit names its file.
    for (id, verdict) in
        [("1.2.6", Verdict::Pass), ("1.2.15", Verdict::Pass), ("2.2", Verdict::Pass), ("4.2.1", Verdict::Pass)]
    {
        assert_eq!(found[id], verdict, "{id}");
    }
    // kube-proxy is started by the cluster: files of a node do not tell.
    assert_eq!(found["4.3.1"], Verdict::Unknown);
    let declared = report.findings.iter().find(|finding| finding.id() == "1.2.15").unwrap();
    assert_eq!(declared.basis, Some(evidence::Basis::Declared));
}

#[test]
fn a_configuration_that_changed_after_its_process_started_is_told_as_such() {
    let node = common::recording("kubeadm-v1.36");
    let folder = tempfile::tempdir().unwrap();
    tree::lay(&node, folder.path(), root_user());
    let kubelet = node.processes.iter().find(|process| process.comm.to_lossy() == "kubelet").unwrap().pid;
    let proc = folder.path().join("proc");
    // Started at the boot time plus nothing, in 2001; the file on disk is of today.
    std::fs::write(proc.join("stat"), "btime 1000000000\n").unwrap();
    let fields = "S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 0 0 0";
    std::fs::write(proc.join(kubelet.to_string()).join("stat"), format!("{kubelet} (kubelet) {fields}\n")).unwrap();
    let (found, report) = scan(folder.path());
    assert_eq!(found["4.2.1"], Verdict::Unknown);
    let told = report.findings.iter().find(|finding| finding.id() == "4.2.1").unwrap();
    assert!(told.reason.contains("was changed after kubelet started"), "{}", told.reason);
    assert!(told.help.as_ref().unwrap().contains("restart kubelet"));
}

/// A tree made to hurt: everything that a path can be, where files are expected.
#[test]
fn a_hostile_tree_ends_in_verdicts() {
    let node = common::recording("kubeadm-v1.36");
    let folder = tempfile::tempdir().unwrap();
    tree::lay(&node, folder.path(), false);
    let below = |path: &str| folder.path().join(path);
    let replace = |path: &str, content: &[u8]| {
        std::fs::remove_file(below(path)).ok();
        std::fs::write(below(path), content).unwrap();
    };
    // A secret of the machine that walks, outside the root, and one inside it.
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "CANARY-OUTSIDE apiVersion kind").unwrap();
    std::fs::remove_file(below("etc/kubernetes/scheduler.conf")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("secret"), below("etc/kubernetes/scheduler.conf")).unwrap();
    std::fs::write(below("etc/shadow"), "root:$6$CANARY-SHADOW=:19000:0:99999:7:::\n").unwrap();
    let apiserver = node.processes.iter().find(|process| process.comm.to_lossy() == "kube-apiserver").unwrap();
    let mut argv = apiserver.argv.clone();
    for flag in ["audit-policy-file", "authentication-config", "encryption-provider-config", "tls-cert-file"] {
        argv.push(format!("--{flag}=/etc/shadow").as_str().into());
    }
    argv.push(evidence::OsText::from(b"--\xff\xfe=\xc3".to_vec()));
    argv.push("--some-token=CANARY-ARGV".into());
    let cmdline: Vec<u8> = argv.iter().flat_map(|argument| [argument.as_bytes(), &[0]].concat()).collect();
    std::fs::write(below(&format!("proc/{}/cmdline", apiserver.pid)), cmdline).unwrap();
    // Alias bomb, deep nesting, invalid UTF-8, a sparse giant, a cycle, a directory and a private key in odd places.
    let mut bomb = "apiVersion: v1\nkind: Pod\na0: &a0 [x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..30 {
        bomb += &format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 8].join(","));
    }
    replace("etc/kubernetes/manifests/etcd.yaml", bomb.as_bytes());
    replace(
        "etc/kubernetes/manifests/deep.yaml",
        format!("apiVersion: v1\nkind: Pod\nx: {}", "[".repeat(200_000)).as_bytes(),
    );
    replace("etc/kubernetes/manifests/utf8.yaml", b"apiVersion: v1\nkind: Pod\nx: \xff\xfe\n");
    std::fs::File::create(below("etc/kubernetes/manifests/giant.yaml")).unwrap().set_len(1 << 30).unwrap();
    std::os::unix::fs::symlink("loop.yaml", below("etc/kubernetes/manifests/loop.yaml")).unwrap();
    std::fs::remove_file(below("var/lib/kubelet/config.yaml")).unwrap();
    std::fs::create_dir(below("var/lib/kubelet/config.yaml")).unwrap();
    let pem = "-----BEGIN PRIVATE KEY-----\nCANARYKEY\n-----END PRIVATE KEY-----\n";
    replace("etc/kubernetes/pki/ca.crt", pem.as_bytes());
    let (found, report) = scan(folder.path());
    assert_eq!(found["4.2.1"], Verdict::Unknown, "a directory is no configuration");
    assert_eq!(found["1.2.1"], Verdict::Unknown, "/etc/shadow is no AuthenticationConfiguration");
    let json = report::json(&report);
    for secret in ["CANARY-OUTSIDE", "CANARY-SHADOW", "CANARY-ARGV", "CANARYKEY"] {
        assert!(!json.contains(secret), "{secret} is told");
    }
}

#[test]
fn nothing_of_a_hostile_process_reaches_a_run_file() {
    let content = common::content();
    let mut node = common::recording("kubeadm-v1.36");
    for name in ["admin.conf", "kubelet.conf"] {
        let path = format!("/etc/kubernetes/{name}");
        node.write(&path, "apiVersion: v1\nkind: Config\nusers:\n- name: a\n  user: {token: CANARY-TOKEN, client-key-data: CANARY-KEY}\n");
    }
    let kubelet = node.processes.iter_mut().find(|process| process.comm.to_lossy() == "kubelet").unwrap();
    kubelet.argv.push("--bootstrap-token=CANARY-BOOT".into());
    let capture = node.capture(assess::trails(&content));
    let mut file = Vec::new();
    evidence::write_run(&evidence::Run { captures: vec![capture.clone()] }, &mut file).unwrap();
    let read = evidence::read_run(file.as_slice()).unwrap();
    let text = format!(
        "{}{:?}",
        serde_json::to_string(&read).unwrap(),
        read.captures[0].items.iter().map(bytes).collect::<Vec<_>>()
    );
    let report = common::judge(capture, &content, "cis-2.0.1");
    let options = report::Options { verbose: true, ..report::Options::default() };
    let told = [
        report::json(&report),
        report::yaml(&report),
        report::terminal(&report, &report::Beside::default(), &options),
        report::wide(&report, &options),
    ];
    for secret in ["CANARY-TOKEN", "CANARY-KEY", "CANARY-BOOT"] {
        assert!(!text.contains(secret), "{secret} is in the run file");
        assert!(told.iter().all(|told| !told.contains(secret)), "{secret} is told");
    }
    assert!(report.run.captures[0].cuts.iter().any(|cut| cut.contains("bootstrap-token")), "the cut is told");
}

fn bytes(item: &evidence::Item) -> String {
    match &item.seen {
        evidence::Seen::Text(text) => text.to_lossy().into_owned(),
        _ => String::new(),
    }
}
