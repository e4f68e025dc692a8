//! One thing of a real node is changed; exactly the ids that depend on it move, and to the verdict that follows.
//!
//! `fixtures/flips/*.yaml` holds the table. Together with the unchanged nodes it shows every control that evidence
//! decides as pass, as fail and as unknown: the last test counts them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use assess::Verdict;
use benchmark::Judge;
use collect::recording::{RecordedListener, Recording};
use evidence::OsText;
use serde::Deserialize;

const PROFILE: &str = "cis-2.0.1";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Flip {
    name: String,
    node: String,
    #[serde(default = "profile")]
    profile: String,
    change: Vec<Change>,
    /// The ids that move. Empty: none may.
    moves: BTreeMap<String, Verdict>,
}

fn profile() -> String {
    PROFILE.to_owned()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
enum Change {
    /// Arguments of a component's process: those that begin with any of `without` go, `with` are added.
    Argv {
        of: String,
        #[serde(default)]
        without: Vec<String>,
        #[serde(default)]
        with: Vec<String>,
    },
    /// A file's mode (octal) or owner.
    Stat { path: String, mode: Option<String>, uid: Option<u32>, gid: Option<u32> },
    /// A text in a file is replaced; it must be there.
    Text { path: String, replace: String, with: String },
    /// A file is written, with mode 0600 of root's if it is new.
    Write { path: String, content: String },
    /// A path and all below it goes.
    Remove(String),
    /// A path may not be looked at.
    Deny(String),
    /// A component's process is not there.
    Stop(String),
    /// A component's process runs as another user.
    RunAs { of: String, uid: u32, gid: u32 },
    /// No process can be seen.
    HideProcesses(String),
    /// A component listens elsewhere.
    Listen { of: String, port: u16, address: std::net::IpAddr },
    /// A component no longer listens on a port.
    Unlisten { port: u16 },
    /// The recording has no sockets.
    NoSockets,
    /// A component's environment holds a name, whose value was not recorded.
    Env { of: String, name: String },
    /// A second process of a component runs, with other arguments.
    Twin { of: String, without: Vec<String>, with: Vec<String> },
}

fn table() -> Vec<Flip> {
    let folder = common::root().join("fixtures/flips");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let parse = |path| serde_saphyr::from_str::<Vec<Flip>>(&std::fs::read_to_string(path).unwrap()).unwrap();
    files.iter().flat_map(parse).collect()
}

fn pid_of(node: &Recording, component: &str) -> u32 {
    let named = |argument: &OsText| argument.to_lossy().rsplit('/').next() == Some(component);
    let process = node.processes.iter().find(|process| process.argv.first().is_some_and(named));
    process.unwrap_or_else(|| panic!("no process {component}")).pid
}

fn edit(argv: &mut Vec<OsText>, without: &[String], with: &[String]) {
    for prefix in without {
        let before = argv.len();
        argv.retain(|argument| !argument.to_lossy().starts_with(prefix.as_str()));
        assert!(argv.len() < before, "no argument begins with {prefix}");
    }
    argv.extend(with.iter().map(|argument| OsText::from(argument.as_str())));
}

fn apply(node: &mut Recording, change: &Change) {
    match change {
        Change::Argv { of, without, with } => {
            let pid = pid_of(node, of);
            let process = node.processes.iter_mut().find(|process| process.pid == pid).unwrap();
            edit(&mut process.argv, without, with);
        }
        Change::Twin { of, without, with } => {
            let pid = pid_of(node, of);
            let mut twin = node.processes.iter().find(|process| process.pid == pid).unwrap().clone();
            twin.pid = 99_999;
            edit(&mut twin.argv, without, with);
            node.processes.push(twin);
        }
        Change::Stat { path, mode, uid, gid } => {
            let listed = node.stats.get_mut(path).unwrap_or_else(|| panic!("{path} is not listed"));
            listed.mode = mode.as_ref().map_or(listed.mode, |mode| u32::from_str_radix(mode, 8).unwrap());
            listed.uid = uid.unwrap_or(listed.uid);
            listed.gid = gid.unwrap_or(listed.gid);
        }
        Change::Text { path, replace, with } => {
            let text = String::from_utf8(node.texts[path].clone()).unwrap();
            assert!(text.contains(replace), "{path} does not hold {replace}");
            node.texts.insert(path.clone(), text.replace(replace, with).into_bytes());
        }
        Change::Write { path, content } => node.write(path, content.as_bytes()),
        Change::Remove(path) => {
            assert!(node.stats.contains_key(path), "{path} is not listed");
            node.remove(path);
        }
        Change::Deny(path) => {
            node.denied.insert(path.clone());
        }
        Change::Stop(component) => {
            let pid = pid_of(node, component);
            node.processes.retain(|process| process.pid != pid);
        }
        Change::RunAs { of, uid, gid } => {
            let pid = pid_of(node, of);
            let process = node.processes.iter_mut().find(|process| process.pid == pid).unwrap();
            (process.uid, process.gid) = (*uid, *gid);
        }
        Change::HideProcesses(why) => node.hide_processes = Some(why.clone()),
        Change::Listen { of, port, address } => {
            let owners = Some(vec![pid_of(node, of)]);
            node.listeners.push(RecordedListener { address: *address, port: *port, owners });
        }
        Change::Unlisten { port } => {
            let before = node.listeners.len();
            node.listeners.retain(|listener| listener.port != *port);
            assert!(node.listeners.len() < before, "nothing listens on {port}");
        }
        Change::NoSockets => (node.sockets, node.listeners) = (false, Vec::new()),
        Change::Env { of, name } => {
            let pid = pid_of(node, of);
            let process = node.processes.iter_mut().find(|process| process.pid == pid).unwrap();
            process.environ_keys.get_or_insert_default().push(name.clone());
        }
    }
}

#[test]
fn exactly_the_ids_that_depend_on_a_change_move() {
    let content = common::content();
    let trails = assess::trails(&content);
    let mut unchanged: BTreeMap<(String, String), BTreeMap<String, Verdict>> = BTreeMap::new();
    let mut wrong = Vec::new();
    for flip in table() {
        let mut node = common::recording(&flip.node);
        let verdicts =
            |node: &Recording| common::verdicts(&common::judge(node.capture(trails.clone()), &content, &flip.profile));
        let before = unchanged.entry((flip.node.clone(), flip.profile.clone())).or_insert_with(|| verdicts(&node));
        for change in &flip.change {
            apply(&mut node, change);
        }
        let after = verdicts(&node);
        let moved: BTreeMap<String, Verdict> =
            after.into_iter().filter(|(id, verdict)| before.get(id) != Some(verdict)).collect();
        if moved != flip.moves {
            wrong.push(format!("{} ({}): moved {moved:?}\n    expected {:?}", flip.name, flip.node, flip.moves));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_control_that_evidence_decides_is_shown_as_pass_fail_and_unknown() {
    let content = common::content();
    let trails = assess::trails(&content);
    let mut shown: BTreeMap<String, BTreeSet<Verdict>> = BTreeMap::new();
    let mut show = |node: &Recording, profile: &str| {
        for finding in common::judge(node.capture(trails.clone()), &content, profile).findings {
            if !finding.outside {
                shown.entry(finding.control.clone()).or_default().insert(finding.verdict);
            }
        }
    };
    for name in ["kubeadm-v1.36", "kubeadm-hardened-v1.36"] {
        for profile in &content.profiles {
            show(&common::recording(name), &profile.name);
        }
    }
    for flip in table() {
        let mut node = common::recording(&flip.node);
        flip.change.iter().for_each(|change| apply(&mut node, change));
        show(&node, &flip.profile);
    }
    let mut missing = Vec::new();
    // The kernel's controls are shown over made-up kernels, in the test `kernel`.
    let here = |control: &&benchmark::Control| control.reach.is_none() && !assess::is_of_host(&control.component);
    for control in content.controls.iter().filter(here) {
        let seen = shown.get(&control.name).cloned().unwrap_or_default();
        let wanted: &[Verdict] = match &control.judge {
            Judge::Require(_) => &[Verdict::Pass, Verdict::Fail, Verdict::Unknown],
            Judge::Manual { unless: Some(_), .. } => &[Verdict::Pass, Verdict::Manual, Verdict::Unknown],
            Judge::Manual { unless: None, .. } => &[Verdict::Manual],
        };
        let gaps: Vec<&Verdict> = wanted.iter().filter(|verdict| !seen.contains(verdict)).collect();
        if !gaps.is_empty() {
            missing.push(format!("{}: no fixture shows {gaps:?}", control.name));
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn the_table_names_each_flip_once() {
    let mut names = BTreeSet::new();
    for flip in table() {
        assert!(names.insert(flip.name.clone()), "{} stands twice", flip.name);
    }
}
