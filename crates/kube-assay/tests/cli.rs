//! The command as its user meets it: what it prints where, and how it ends.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::path::{Path, PathBuf};

use common::call::{call, called};

const STOCK: &str = "fixtures/runs/kubeadm-v1.36.run";
const HARDENED: &str = "fixtures/runs/kubeadm-hardened-v1.36.run";

#[test]
fn exit_codes_tell_findings_from_faults() {
    let cases: [(&[&str], i32); 16] = [
        (&["scan", "--evidence", STOCK], 1),
        (&["scan", "--evidence", STOCK, "--fail-on", "none"], 0),
        (&["scan", "--evidence", HARDENED], 0),
        (&["scan", "--evidence", HARDENED, "--fail-on", "any"], 1),
        (&["scan", "--evidence", HARDENED, "--kubernetes-version", "one"], 2),
        (&["scan", "--evidence", STOCK, "--profile", "cis-9.9"], 2),
        (&["scan", "--evidence", STOCK, "--control", "9.9.9"], 2),
        (&["scan", "--evidence", "no-such-file"], 2),
        (&["scan", "--evidence", "README.md"], 2),
        (&["scan", "--rendered", "crates", "--talos-version", "1.14"], 2),
        (&["scan", "--talosconfig", "--talos-nodes", " "], 2),
        (&["scan", "--import", "crates"], 2),
        (&["scan", "--node-root", "no-such-directory"], 4),
        (&["scan", "-o", "pdf"], 2),
        (&["explain", "apiserver-anonymous"], 2),
        (&["lint"], 0),
    ];
    for (arguments, code) in cases {
        let ended = call(arguments);
        assert_eq!(ended.code, code, "{arguments:?}\n{}{}", ended.err, ended.out.lines().take(3).collect::<String>());
    }
}

#[test]
fn something_unseen_within_reach_is_exit_code_3() {
    let mut node = common::recording("kubeadm-hardened-v1.36");
    node.denied.insert("/etc/kubernetes/scheduler/config.yaml".to_owned());
    let capture = node.capture(assess::trails(&common::content()));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("denied.run");
    let file = std::fs::File::create(&path).unwrap();
    evidence::write_run(&evidence::Run { captures: vec![capture] }, file).unwrap();
    let ended = call(&["scan", "--evidence", path.to_str().unwrap()]);
    assert_eq!(ended.code, 3, "{}", ended.out);
    assert!(ended.out.contains("may not be read"), "{}", ended.out);
}

#[test]
fn mistakes_are_told_with_a_hint_on_stderr_alone() {
    for (arguments, hint) in [
        (["scan", "--evidence", STOCK, "--profile", "cis-2.0.2"].as_slice(), "did you mean cis-2.0.1?"),
        (&["explain", "apiserver-anonymous-acces"], "did you mean apiserver-anonymous-access?"),
        (&["scan", "--evidence", STOCK, "-o", "jsn"], "did you mean json?"),
        (&["profiles", "diff", "cis-2.0", "cis-1.12"], "did you mean cis-2.0.1?"),
        (&["scan", "--evidence", STOCK, "--min-coverage", "a lot"], "a whole number from 0 to 100 is wanted"),
        (&["scan", "--evidence", STOCK, "--as-of", "tomorrow"], "YEAR-MONTH-DAY is wanted, as in 2026-03-01"),
        (&["register", "due", "no.yaml", "--as-of", "tomorrow"], "YEAR-MONTH-DAY is wanted, as in 2026-03-01"),
    ] {
        let ended = call(arguments);
        assert!(ended.err.contains(hint), "{}", ended.err);
        assert_eq!((ended.code, ended.out.as_str()), (2, ""));
    }
}

#[test]
fn what_is_wrong_in_a_tailoring_is_shown_where_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ours.yaml");
    std::fs::write(
        &path,
        "tailoring: ours\nextends: cis-2.0.1\ncontrols:\n  - { id: \"1.2.17\", parameters: { dais: 90 } }\n",
    )
    .unwrap();
    let ended = call(&["scan", "--evidence", STOCK, "--tailoring", path.to_str().unwrap()]);
    assert_eq!(ended.code, 2);
    for part in ["ours.yaml:4", "dais", "days"] {
        assert!(ended.err.contains(part), "{part} in\n{}", ended.err);
    }
    std::fs::write(
        &path,
        "tailoring: ours\nextends: cis-2.0.1\ncontrols:\n  - { id: \"1.2.17\", parameters: { days: 90 } }\n",
    )
    .unwrap();
    let ended = call(&["scan", "--evidence", HARDENED, "--tailoring", path.to_str().unwrap(), "-o", "json"]);
    assert_eq!(ended.code, 1);
    assert!(ended.out.contains("days 90 instead of 30"));
}

#[test]
fn controls_of_ones_own_are_judged_by_a_profile_of_ones_own() {
    let folder = tempfile::tempdir().unwrap();
    let control = "controls:\n  - control: our-kubelets-take-no-default-service-account\n    title: Kubelets keep pods below 2048 processes\n    \
        component: kubelet\n    priority: medium\n    parameters: { most: 2048 }\n    \
        require: { fact: kubelet.podPidsLimit, at_most: $most }\n    why: Ours.\n    remediation: { general: Set it. }\n";
    let profile = "profile: ours\ntitle: Our own\nnot_covered: [everything else]\nsections: [{ id: \"1\", title: Kubelet }]\ncontrols:\n  \
        - { id: \"1.1\", control: our-kubelets-take-no-default-service-account, level: 1, assessment: automated }\n";
    std::fs::write(folder.path().join("control.yaml"), control).unwrap();
    std::fs::write(folder.path().join("profile.yaml"), profile).unwrap();
    let ours = folder.path().to_str().unwrap();
    let ended = call(&["scan", "--evidence", HARDENED, "--controls", ours, "--profile", "ours", "-o", "wide"]);
    assert_eq!(ended.code, 1, "{}{}", ended.err, ended.out);
    assert!(ended.out.contains("FAIL") && ended.out.contains("4096"), "{}", ended.out);
}

#[test]
fn outputs_are_written_whole_and_beside_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("report.json");
    let into = format!("json={}", json.display());
    let ended = call(&["scan", "--evidence", STOCK, "-o", "terminal", "-o", &into]);
    assert!(ended.out.contains("1.2.1") && ended.err.starts_with("gate: failed\n"), "{}", ended.err);
    let report: report::Report = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!(report.schema, report::SCHEMA);
    // A place that cannot be written leaves nothing behind, and an older file whole.
    let ended = call(&["scan", "--evidence", STOCK, "-o", "json=no/such/folder/report.json"]);
    assert_eq!(ended.code, 4);
    let told = "no/such/folder/report.json could not be written: there is no directory no/such/folder\n";
    assert!(ended.err.contains(told), "{}", ended.err);
    assert_eq!(call(&["scan", "--evidence", STOCK, "-o", "json", "-o", "yaml"]).code, 2);
    // A place where a directory stands cannot be written either, and what was written beside it is gone again.
    let taken = folder.path().join("taken");
    std::fs::create_dir(&taken).unwrap();
    let ended = call(&["scan", "--evidence", STOCK, "-o", &format!("html={}", taken.display())]);
    assert!(ended.code == 4 && ended.err.contains("taken could not be written"), "{}", ended.err);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

/// A file system of 64 KiB, unmounted again whatever happens.
struct Tiny(PathBuf);

impl Tiny {
    /// None where nobody may mount here.
    fn mount(at: &Path) -> Option<Self> {
        let at = at.to_path_buf();
        ran("mount", &["-t", "tmpfs", "-o", "size=64k", "tmpfs", at.to_str().unwrap()]).then_some(Self(at))
    }
}

impl Drop for Tiny {
    fn drop(&mut self) {
        ran("umount", &[self.0.to_str().unwrap()]);
    }
}

#[expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "the test makes a disk that is full")]
fn ran(program: &str, arguments: &[&str]) -> bool {
    std::process::Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

#[test]
#[expect(clippy::print_stderr, reason = "says what it did not test")]
fn a_full_disk_is_told_and_leaves_an_older_file_whole() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let Some(_mounted) = Tiny::mount(&disk) else {
        eprintln!("skipped: a small disk can be mounted by root alone");
        return;
    };
    for (format, name) in [("html", "report.html"), ("json", "report.json"), ("sarif", "report.sarif")] {
        let file = disk.join(name);
        std::fs::write(&file, "an older report").unwrap();
        let ended = call(&["scan", "--evidence", STOCK, "-o", &format!("{format}={}", file.display())]);
        assert_eq!(ended.code, 4, "{}", ended.err);
        let told = format!("{} could not be written: No space left on device", file.display());
        assert!(ended.err.contains(&told), "{}", ended.err);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "an older report");
    }
    assert_eq!(std::fs::read_dir(&disk).unwrap().count(), 3, "nothing else is left behind");
}

#[test]
fn a_report_is_told_beside_the_runs_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (history, page, log) =
        (at("history.db"), format!("html={}", at("page.html")), format!("sarif={}", at("log.sarif")));
    let scan = |more: &[&str]| {
        let arguments = ["scan", "--evidence", STOCK, "--history", &history, "-o", &page, "-o", &log];
        let ended = call(&[&arguments, more].concat());
        assert_eq!(ended.code, 1, "{}", ended.err);
        (std::fs::read_to_string(at("page.html")).unwrap(), std::fs::read_to_string(at("log.sarif")).unwrap())
    };
    let (page_told, log_told) = scan(&[]);
    for word in ["Over the last runs", "Since the baseline", "baselineState"] {
        assert!(!page_told.contains(word) && !log_told.contains(word), "there is nothing before the first: {word}");
    }
    let (page_told, log_told) = scan(&["--baseline", "last"]);
    assert!(page_told.contains("kube-assay history verify --head HASH"), "where it is recorded");
    assert!(page_told.contains("2 runs from ") && page_told.contains("Nothing got worse."), "{page_told}");
    assert!(log_told.contains("\"baselineState\": \"unchanged\"") && !log_told.contains("\"new\""), "{log_told}");
    // Shown later, it stands beside the runs before it, and not beside itself.
    for (run, expected) in [("1", false), ("2", true)] {
        assert_eq!(call(&["history", "show", run, "--history", &history, "-o", &page]).code, 0);
        let told = std::fs::read_to_string(at("page.html")).unwrap();
        assert_eq!(told.contains("2 runs from "), expected, "run {run}");
    }
}

#[test]
fn every_format_is_written_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let formats = [
        ("terminal", "FAIL"),
        ("wide", "VERDICT"),
        ("json", "{"),
        ("yaml", "schema"),
        ("junit", "<?xml"),
        ("sarif", "{"),
        ("markdown", "# kube-assay"),
        ("github", "::warning"),
        ("csv", "verdict,"),
        ("kube-bench", "[INFO] 1 "),
        ("kube-bench-json", "{\"Controls\":"),
        ("html", "<!doctype html>"),
    ];
    let outputs: Vec<String> =
        formats.iter().map(|(format, _)| format!("{format}={}", folder.path().join(format).display())).collect();
    let mut arguments = vec!["scan", "--evidence", STOCK];
    arguments.extend(outputs.iter().flat_map(|output| ["-o", output]));
    let ended = call(&arguments);
    assert!(ended.code == 1 && ended.out.is_empty(), "{}{}", ended.out, ended.err);
    // Whoever sees the exit code alone learns what it is about, in few lines, and last what to do.
    let lines: Vec<&str> = ended.err.lines().collect();
    assert!(lines[0] == "gate: failed" && lines.len() < 25, "{}", ended.err);
    assert!(lines.last().unwrap().starts_with("next: mend "), "{}", ended.err);
    for (format, beginning) in formats {
        let told = std::fs::read_to_string(folder.path().join(format)).unwrap();
        let found = if format == "terminal" { told.contains(beginning) } else { told.starts_with(beginning) };
        assert!(found, "{format}: {}", told.lines().next().unwrap());
        assert!(told.contains("1.2.1"), "{format}");
    }
}

#[test]
fn only_and_selections_narrow_what_is_told() {
    let ended = call(&["scan", "--evidence", STOCK, "--only", "fail,unknown", "-o", "wide"]);
    assert!(ended.out.contains("FAIL") && !ended.out.contains("PASS"), "{}", ended.out);
    let ended = call(&["scan", "--evidence", STOCK, "--section", "1.3", "-o", "json"]);
    let report: report::Report = serde_json::from_str(&ended.out).unwrap();
    assert!(report.findings.iter().all(|finding| finding.id().starts_with("1.3.")) && report.findings.len() == 7);
    let ended = call(&["scan", "--evidence", STOCK, "--control", "1.3.2,etcd-own-ca", "-o", "json"]);
    let report: report::Report = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(report.findings.iter().map(report::Finding::id).collect::<Vec<_>>(), ["1.3.2", "2.7"]);
}

#[test]
fn shipped_run_files_are_those_of_the_recorded_nodes() {
    let content = common::content();
    for (file, node) in [(STOCK, "kubeadm-v1.36"), (HARDENED, "kubeadm-hardened-v1.36")] {
        let shipped = evidence::read_run(std::fs::File::open(common::root().join(file)).unwrap()).unwrap();
        let recording = common::recording(node);
        let mut now: Vec<_> = recording.cluster(assess::trails(&content)).into_iter().collect();
        now.push(recording.capture(assess::trails(&content)));
        for capture in &mut now {
            capture.root.clone_from(&shipped.captures[0].root);
        }
        assert!(shipped.captures == now, "{file} is stale: collect it again from fixtures/nodes/{node}");
    }
}

#[test]
fn trails_are_printed_for_the_probe_and_read_by_it() {
    let ended = call(&["collect", "--print-trails"]);
    let trails: Vec<evidence::Trail> = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(trails, assess::trails(&common::content()));
}

#[test]
fn help_completions_and_man_pages_are_there() {
    let help = call(&["--help"]).out;
    for word in ["scan", "collect", "explain", "profiles", "lint", "Exit codes"] {
        assert!(help.contains(word), "{word}");
    }
    assert!(call(&["completions", "bash"]).out.contains("kube-assay"));
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(call(&["man", folder.path().to_str().unwrap()]).code, 0);
    assert!(Path::new(&folder.path().join("kube-assay-scan.1")).exists());
}

#[test]
fn every_control_can_be_explained() {
    let content = common::content();
    // Those of the kernel are of one mould: some of them stand for all.
    let (kernel, others): (Vec<_>, Vec<_>) =
        content.controls.iter().partition(|control| control.component == assess::KERNEL);
    for control in others.into_iter().chain(kernel.into_iter().step_by(29)) {
        let ended = call(&["explain", &control.name]);
        assert_eq!(ended.code, 0, "{}", control.name);
        assert!(ended.out.contains(&control.title) && ended.out.contains("What to do (general)"), "{}", ended.out);
    }
}

#[test]
fn a_report_of_the_stock_node_reads_so() {
    insta::assert_snapshot!(call(&["scan", "--evidence", STOCK]).out);
}

#[test]
fn what_was_named_is_never_taken_for_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().join("empty.run").display().to_string();
    let mut bytes = Vec::new();
    evidence::write_run(&evidence::Run { captures: Vec::new() }, &mut bytes).unwrap();
    std::fs::write(&empty, bytes).unwrap();
    let ended = call(&["scan", "--evidence", &empty]);
    assert!(ended.code == 2 && ended.err.contains("it holds no capture"), "{}", ended.err);
    let out = directory.path().join("out.run").display().to_string();
    let ended = call(&["collect", "--evidence", STOCK, "--name", "cp", "-o", &out]);
    assert!(ended.code == 0 && ended.err.lines().any(|line| line.starts_with("cp: ")), "{}", ended.err);
    let ended = call(&["collect", "--evidence", STOCK, HARDENED, "--name", "cp", "-o", &out]);
    assert!(ended.code == 2 && ended.err.contains("--name is for one node, and there are 2"), "{}", ended.err);
}

#[test]
fn a_talosconfig_is_looked_for_where_it_is_not_named() {
    let directory = tempfile::tempdir().unwrap();
    let gone = directory.path().join("gone");
    let ended = called(&["scan", "--talosconfig"], &[("TALOSCONFIG", gone.to_str().unwrap())]);
    assert!(ended.code == 2 && ended.err.contains("gone"), "{}", ended.err);
}

/// As root, a move over /dev/null would take it from everybody. A pipe stands for it here: nothing of the machine is risked.
#[test]
fn a_pipe_or_a_link_is_written_to_and_not_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let (target, link) = (directory.path().join("target.json"), directory.path().join("link.json"));
    std::fs::write(&target, "older").unwrap();
    std::os::unix::fs::symlink(&target, &link).unwrap();
    let pipe = directory.path().join("pipe");
    let at = rustix::fs::CWD;
    rustix::fs::mknodat(at, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o600), 0).unwrap();
    let reader = {
        let pipe = pipe.clone();
        std::thread::spawn(move || std::fs::read_to_string(pipe).unwrap())
    };
    let to = |path: &Path| format!("json={}", path.display());
    let (to_link, to_pipe) = (to(&link), to(&pipe));
    let ended = call(&["scan", "--evidence", HARDENED, "-o", &to_link, "-o", &to_pipe]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(std::fs::read_to_string(&target).unwrap(), reader.join().unwrap());
    let kind = std::fs::metadata(&pipe).unwrap().file_type();
    assert!(std::os::unix::fs::FileTypeExt::is_fifo(&kind));
    let ended = call(&["scan", "--evidence", HARDENED, "-o", &to(directory.path())]);
    assert_eq!(ended.code, 4, "{}", ended.err);
    // A link says where, also before anything is there.
    let (next, ahead, around) =
        (directory.path().join("next.json"), directory.path().join("ahead.json"), directory.path().join("around.json"));
    for (from, to) in [(&next, Path::new("ahead.json")), (&around, &around)] {
        std::os::unix::fs::symlink(to, from).unwrap();
    }
    let ended = call(&["scan", "--evidence", HARDENED, "-o", &to(&next)]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(std::fs::symlink_metadata(&next).unwrap().is_symlink());
    assert_eq!(std::fs::read(&ahead).unwrap(), std::fs::read(&target).unwrap());
    let ended = call(&["scan", "--evidence", HARDENED, "-o", &to(&around)]);
    assert!(ended.code == 4 && std::fs::symlink_metadata(&around).unwrap().is_symlink(), "{}", ended.err);
}

/// Two machines of one host name are told apart by what they are, never by the order of their files.
#[test]
fn the_order_of_files_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let trails = || assess::trails(&common::content());
    let write = |file: &str, node: &str, id: Option<&str>| {
        let mut node = common::recording(node);
        match id {
            Some(id) => node.write("/etc/machine-id", format!("{id}\n")),
            None => node.write("/etc/hostname", format!("{file}\n")),
        }
        let mut captures: Vec<evidence::Capture> = node.cluster(trails()).into_iter().collect();
        if file != "cluster" {
            captures = vec![node.capture(trails())];
        }
        let path = directory.path().join(file);
        evidence::write_run(&evidence::Run { captures }, std::fs::File::create(&path).unwrap()).unwrap();
        path.display().to_string()
    };
    // The first eight letters are the same.
    let one = write("one", "kubeadm-v1.36", Some("4d1e5a2b00112233445566778899aabb"));
    let two = write("two", "kubeadm-v1.36", Some("4d1e5a2bff112233445566778899aabb"));
    let other = write("other", "kubeadm-hardened-v1.36", None);
    let cluster = write("cluster", "kubeadm-v1.36", None);
    let scan =
        |files: &[&str]| call(&[&["scan", "-o", "json", "--profile", "cis-2.0.1", "--evidence"], files].concat());
    let first = scan(&[&one, &two, &other, &cluster]);
    assert!(!first.err.contains("WARNING"), "{}", first.err);
    for name in ["kb-node (4d1e5a2b0)", "kb-node (4d1e5a2bf)", "other", "cluster of cluster"] {
        assert!(first.out.contains(&format!("\"name\": \"{name}\"")), "{name}: {}", first.err);
    }
    for files in [[&two, &one, &cluster, &other], [&cluster, &other, &two, &one], [&other, &two, &one, &cluster]] {
        let again = scan(&files.map(String::as_str));
        assert!(again.out == first.out && again.code == first.code, "{files:?}");
    }
    // Where nothing tells them apart that is said.
    let ended = scan(&[&one, &one]);
    assert!(ended.err.contains("WARNING: 2 captures are of the name kb-node"), "{}", ended.err);
    assert!(ended.out.contains("\"kb-node (1)\"") && ended.out.contains("\"kb-node (2)\""));
}

/// A mistyped mount must not look like a good node.
#[test]
fn a_tree_without_kubernetes_says_so_loudly() {
    let directory = tempfile::tempdir().unwrap();
    let ended = call(&["scan", "--node-root", directory.path().to_str().unwrap()]);
    assert!(ended.out.contains("no Kubernetes component was found"), "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("NOTHING WAS JUDGED"), "{}", ended.out);
}

/// What a register may not accept, a tailoring may not leave out.
#[test]
fn a_tailoring_waives_nothing_that_may_never_be_accepted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.yaml");
    let path = path.to_str().unwrap();
    for (body, refused) in [
        ("drop: [{ id: \"1.2.6\", reason: We have our own. }]", Some("leaves out 1.2.6")),
        ("controls: [{ id: \"1.1.21\", parameters: { mode: \"640\" } }]", Some("loosens 1.1.21")),
        ("controls: [{ id: \"1.1.21\", parameters: { mode: \"400\" } }]", None),
        ("drop: [{ id: \"1.2.15\", reason: We have our own. }]", None),
    ] {
        std::fs::write(path, format!("tailoring: ours\nextends: cis-2.0.1\n{body}\n")).unwrap();
        let lint = call(&["lint", path]);
        let scan = call(&["scan", "--evidence", "fixtures/runs/kubeadm-v1.36.run", "--tailoring", path, "-o", "json"]);
        for ended in [&lint, &scan] {
            assert_eq!(ended.code == 2, refused.is_some(), "{body}: {}", ended.err);
            assert!(refused.is_none_or(|why| ended.err.contains(why)), "{body}: {}", ended.err);
        }
    }
}
