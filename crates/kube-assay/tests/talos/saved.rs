//! The same machines as a person saves them with talosctl: judged alike, as far as they tell.

use std::fmt::Write as _;
use std::path::Path;

use assess::Verdict;
use serde_json::{Value as Json, json};

use crate::made::{Made, Role};
use crate::server::{DIRECTORY, LINK, Machine};
use crate::{call, captured, common};

/// One resource as `talosctl get` shows it.
fn envelope(node: &str, kind: &str, id: &str, spec: &str) -> Json {
    // A spec that is a text in YAML stays one.
    let spec: Json = serde_saphyr::from_str(spec).unwrap();
    json!({
        "node": node,
        "metadata": { "namespace": "x", "type": kind, "id": id, "version": "1", "owner": "some.Controller",
            "phase": "running", "created": "2026-11-01T00:00:00Z", "updated": "2026-11-01T00:00:00Z" },
        "spec": spec,
    })
}

/// Saves a machine's resources, one file for each type: as YAML documents, or as JSON objects one after the other.
fn save(machine: &Machine, node: &str, json: bool, directory: &Path) {
    std::fs::create_dir_all(directory).unwrap();
    for (kind, all) in &machine.resources {
        let documents = all.iter().map(|(id, spec)| envelope(node, kind, id, spec));
        let text: String = if json {
            documents.map(|one| serde_json::to_string_pretty(&one).unwrap() + "\n").collect()
        } else {
            documents.fold(String::new(), |text, one| text + &format!("---\n{one}\n"))
        };
        if !all.is_empty() {
            std::fs::write(directory.join(kind), text).unwrap();
        }
    }
}

/// Saves the table that `talosctl list -l -r` prints of a directory.
fn save_files(machine: &Machine, node: &str, root: &str, to: &Path) {
    let mut text =
        format!("# {root}\nNODE         MODE         UID     GID     SIZE(B)   LASTMOD           LABEL   NAME\n");
    let mut directories = std::collections::BTreeSet::from([root.to_owned()]);
    for path in machine.files.keys().filter(|path| path.starts_with(&format!("{root}/"))) {
        let mut above = evidence::parent_of(path);
        while above.len() > root.len() {
            directories.insert(above.clone());
            above = evidence::parent_of(&above);
        }
    }
    let listed = machine.files.iter().filter(|(path, _)| path.starts_with(&format!("{root}/")) || *path == root);
    let mut rows: std::collections::BTreeMap<String, (u32, u32)> =
        directories.into_iter().map(|path| (path, (DIRECTORY | 0o755, 0))).collect();
    rows.extend(listed.map(|(path, file)| (path.clone(), (file.mode, file.uid))));
    for (path, (mode, uid)) in rows {
        let kind = if mode & DIRECTORY != 0 {
            "d"
        } else if mode & LINK != 0 {
            "L"
        } else {
            "-"
        };
        let bits: String =
            (0..9).map(|at| if mode >> (8 - at) & 1 == 1 { ["r", "w", "x"][at % 3] } else { "-" }).collect();
        let name = path.strip_prefix(root).unwrap().trim_start_matches('/');
        let name = if name.is_empty() { "." } else { name };
        let link = machine.files.get(&path).map(|file| file.link.as_str()).filter(|link| !link.is_empty());
        let name = link.map_or(name.to_owned(), |link| format!("{name} -> {link}"));
        let _ = writeln!(
            text,
            "{node:<12} {:<12} {uid:<7} {uid:<7} 10        Jul 14 10:00:00   -       {name}",
            format!("{kind}{bits}")
        );
    }
    std::fs::write(to, text).unwrap();
}

fn save_processes(machine: &Machine, node: &str, to: &Path) {
    let mut text = "NODE         PID    STATE   THREADS   CPU-TIME   VIRTMEM   RESMEM   LABEL   COMMAND\n".to_owned();
    for (pid, _, args) in &machine.processes {
        let _ = writeln!(text, "{node:<12} {pid:<6} S       9         1.2        1.0 GB    10 MB    -       {args}");
    }
    std::fs::write(to, text).unwrap();
}

fn at(directory: &Path, name: &str) -> String {
    directory.join(name).display().to_string()
}

#[test]
fn what_was_saved_is_judged_as_the_machine_itself() {
    let directory = tempfile::tempdir().unwrap();
    for (minor, documents, json) in [(9, false, true), (13, false, false), (15, true, false)] {
        let made = Made::stock(minor, Role::ControlPlane, documents);
        let machine = made.machine(true);
        let folder = directory.path().join(minor.to_string());
        save(&machine, "10.0.0.2", json, &folder);
        save_processes(&machine, "10.0.0.2", &folder.join("processes.txt"));
        for (at, root) in ["/system", "/etc", "/var/lib", "/usr"].iter().enumerate() {
            save_files(&machine, "10.0.0.2", root, &folder.join(format!("files-{at}.txt")));
        }
        let top = "MODE         UID   GID   NAME\nLrwxrwxrwx   0     0     bin -> usr/bin\nLrwxrwxrwx   0     0     sbin -> usr/bin\n\
            drwxr-xr-x   0     0     usr\ndrwxr-xr-x   0     0     etc\ndrwxr-xr-x   0     0     system\ndrwxr-xr-x   0     0     var\n";
        std::fs::write(folder.join("top"), top).unwrap();
        std::fs::write(folder.join("mounts"), &machine.files["/proc/1/mountinfo"].content).unwrap();
        for profile in ["cis-2.0.1", "talos"] {
            let live = common::verdicts(&common::judge(captured(&made, true), &common::content(), profile));
            let ended = call(&["scan", "--import", &folder.display().to_string(), "--profile", profile, "-o", "json"]);
            assert!(ended.0 == 1, "{}", ended.2);
            assert!(!ended.1.contains("S3CRET"), "a secret came out");
            let report: report::Report = serde_json::from_str(&ended.1).unwrap();
            assert_eq!(report.platform.name, "talos");
            let saved = common::verdicts(&report);
            let mut known = 0;
            for (id, verdict) in &saved {
                assert!(
                    *verdict == Verdict::Unknown || *verdict == live[id],
                    "1.{minor} {profile} {id}: {verdict:?} and {:?}",
                    live[id]
                );
                known += usize::from(*verdict != Verdict::Unknown);
            }
            let live = live.values().filter(|verdict| **verdict != Verdict::Unknown).count();
            assert!(known * 10 >= live * 6, "1.{minor} {profile}: {known} of {live} are known");
        }
    }
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, all: &[Json]| {
        let text: String = all.iter().fold(String::new(), |text, one| text + &format!("---\n{one}\n"));
        std::fs::write(directory.path().join(name), text).unwrap();
        at(directory.path(), name)
    };
    let boot = |node: &str, id: &str| {
        envelope(node, "BootIDs.runtime.talos.dev", "boot-id", &json!({ "bootID": id }).to_string())
    };
    let version = |node: &str| envelope(node, "Versions.runtime.talos.dev", "version", "{version: v1.13.0}");
    let one = file("one", &[boot("10.0.0.2", "a"), version("10.0.0.2")]);
    let other = file("other", &[version("10.0.0.3")]);
    let later = file("later", &[boot("10.0.0.2", "b")]);
    let both = file("both", &[version("10.0.0.2"), version("10.0.0.3")]);
    let broken = at(directory.path(), "broken");
    std::fs::write(&broken, "metadata:\n  type: X.talos.dev\nspec: [\n").unwrap();
    for (files, expected) in [
        (vec![&one, &other], "it mixes machines (10.0.0.2, 10.0.0.3)"),
        (vec![&both], "it mixes machines (10.0.0.2, 10.0.0.3)"),
        (vec![&one, &later], "there are two different BootIDs.runtime.talos.dev boot-id"),
        (vec![&broken], "it is no YAML that is read here (line 3)"),
    ] {
        let arguments: Vec<&str> =
            ["scan", "--import"].into_iter().chain(files.into_iter().map(String::as_str)).collect();
        let ended = call(&arguments);
        assert!(ended.0 == 2 && ended.2.contains(expected), "{} {}", ended.0, ended.2);
    }
}

/// Of a file whose content alone was saved neither mode nor owner is known.
#[test]
fn a_content_tells_no_mode() {
    let directory = tempfile::tempdir().unwrap();
    let machine = Made::stock(13, Role::Worker, false).machine(true);
    save(&machine, "10.0.0.2", false, directory.path());
    save_processes(&machine, "10.0.0.2", &directory.path().join("processes"));
    std::fs::write(directory.path().join("k"), &machine.files["/etc/kubernetes/kubelet.yaml"].content).unwrap();
    let folder = directory.path().display().to_string();
    let ended = call(&["scan", "--import", &folder, "--profile", "cis-2.0.1", "-o", "json"]);
    let verdicts = common::verdicts(&serde_json::from_str(&ended.1).unwrap());
    assert_eq!(
        (verdicts["4.1.9"], verdicts["4.1.10"], verdicts["4.2.2"]),
        (Verdict::Unknown, Verdict::Unknown, Verdict::Pass)
    );
}

/// A machine's configuration that was read as a file is cut like its resource.
#[test]
fn a_configuration_that_was_read_shows_no_secret() {
    let directory = tempfile::tempdir().unwrap();
    let made = Made::stock(13, Role::ControlPlane, false);
    let machine = made.machine(true);
    save_processes(&machine, "10.0.0.2", &directory.path().join("processes"));
    let version = envelope("10.0.0.2", "Versions.runtime.talos.dev", "version", "{version: v1.13.0}");
    std::fs::write(directory.path().join("version"), version.to_string()).unwrap();
    let mut config = made.config[0].clone();
    config["machine"]["files"] = json!([{ "path": "/x", "content": "S3CRETFILE" }]);
    std::fs::write(directory.path().join("config.yaml"), serde_saphyr::to_string(&config).unwrap()).unwrap();
    let run = at(directory.path(), "x.run");
    let ended = call(&["collect", "--import", &directory.path().display().to_string(), "-o", &run]);
    assert_eq!(ended.0, 0, "{}", ended.2);
    let read = evidence::read_run(std::fs::File::open(&run).unwrap()).unwrap();
    let place = evidence::Place::Resources("MachineConfigs.config.talos.dev".to_owned());
    let Some(evidence::Seen::Resources(all)) = read.captures[0].seen(&place, evidence::Aspect::Resources) else {
        panic!("resources")
    };
    let evidence::Spec::Text(text) = &all[0].spec else { panic!("a spec") };
    assert!(!text.to_lossy().contains("S3CRET") && text.to_lossy().contains("controlplane"), "{}", text.to_lossy());
    let texts = read.captures[0]
        .items
        .iter()
        .filter_map(|item| if let evidence::Seen::Text(text) = &item.seen { Some(text) } else { None });
    assert!(texts.into_iter().all(|text| !text.to_lossy().contains("S3CRET")));
}

/// Row 5 of the mission: Omni's output serves as well, and tells what waits for a restart.
#[test]
fn omni_tells_a_command_line() {
    let directory = tempfile::tempdir().unwrap();
    let document = json!({
        "metadata": { "namespace": "default", "type": "KernelArgsStatuses.omni.sidero.dev", "id": "4c4c4544", "phase": "running" },
        "spec": { "args": ["lockdown=integrity"], "currentargs": [], "unmetconditions": [],
            "currentcmdline": "talos.platform=metal slab_nomerge pti=on init_on_alloc=0 module.sig_enforce=1" },
    });
    let status = json!({
        "metadata": { "namespace": "default", "type": "MachineStatuses.omni.sidero.dev", "id": "4c4c4544", "phase": "running" },
        "spec": { "talosversion": "v1.13.0" },
    });
    let file = at(directory.path(), "omni");
    std::fs::write(&file, format!("{document}\n{status}\n")).unwrap();
    let ended = call(&["scan", "--import", &file, "--profile", "talos-kernel", "-o", "json"]);
    let report: report::Report = serde_json::from_str(&ended.1).unwrap();
    let verdicts = common::verdicts(&report);
    assert_eq!((verdicts["cmdline.slab_nomerge"], verdicts["cmdline.init_on_alloc"]), (Verdict::Pass, Verdict::Fail));
    assert!(ended.1.contains("waits for a restart"), "{}", ended.1);
}

/// Omni calls a machine by another name than Talos does: both tell of one, and two of a kind do not.
#[test]
fn omni_and_talos_tell_of_one_machine() {
    let directory = tempfile::tempdir().unwrap();
    let made = Made::stock(13, Role::Worker, false).machine(false);
    save(&made, "10.0.0.2", false, directory.path());
    let omni = |id: &str| {
        json!({
            "metadata": { "namespace": "default", "type": "MachineStatuses.omni.sidero.dev", "id": id, "phase": "running" },
            "spec": { "talosversion": "v1.13.0" },
        })
        .to_string()
    };
    std::fs::write(directory.path().join("omni"), omni("4c4c4544")).unwrap();
    let folder = directory.path().display().to_string();
    let ended = call(&["scan", "--import", &folder, "--profile", "talos", "-o", "json"]);
    assert!(ended.1.contains("10.0.0.2 of Talos is 4c4c4544 of Omni"), "{} {}", ended.1, ended.2);
    std::fs::write(directory.path().join("other"), omni("5d5d5655")).unwrap();
    let ended = call(&["scan", "--import", &folder, "--profile", "talos"]);
    assert!(ended.0 == 2 && ended.2.contains("mixes machines"), "{}", ended.2);
}

/// The kubelet's own answer is the strongest, and leaves out what is zero.
#[test]
fn a_kubelet_answers_for_itself() {
    let directory = tempfile::tempdir().unwrap();
    let made = Made::stock(15, Role::Worker, true);
    let mut machine = made.machine(false);
    machine.resources.retain(|kind, _| !machine.sensitive.contains(kind));
    save(&machine, "10.0.0.2", false, directory.path());
    save_processes(&machine, "10.0.0.2", &directory.path().join("processes"));
    let folder = directory.path().display().to_string();
    let judged = || {
        let ended = call(&[
            "scan",
            "--import",
            &folder,
            "--profile",
            "cis-2.0.1",
            "--kubernetes-version",
            "1.35",
            "-o",
            "json",
        ]);
        common::verdicts(&serde_json::from_str(&ended.1).unwrap())
    };
    assert_eq!(judged()["4.2.1"], Verdict::Unknown);
    // A part of the answer proves nothing of what it leaves out.
    std::fs::write(directory.path().join("configz"), "{\"kubeletconfig\": {}}").unwrap();
    assert_eq!(judged()["4.2.1"], Verdict::Unknown);
    let mut whole = made.kubelet.clone();
    whole["syncFrequency"] = json!("1m0s");
    // It tells the certificate that it made itself as if it had been given.
    whole["tlsCertFile"] = json!("/var/lib/kubelet/pki/kubelet.crt");
    whole["tlsPrivateKeyFile"] = json!("/var/lib/kubelet/pki/kubelet.key");
    std::fs::write(directory.path().join("configz"), json!({ "kubeletconfig": whole }).to_string()).unwrap();
    let after = judged();
    for (id, expected) in [
        ("4.2.1", Verdict::Pass),
        ("4.2.2", Verdict::Pass),
        ("4.2.4", Verdict::Pass),
        ("4.2.14", Verdict::Pass),
        ("4.2.11", Verdict::Fail),
        ("4.2.9", Verdict::Fail),
    ] {
        assert_eq!(after[id], expected, "{id}");
    }
}
