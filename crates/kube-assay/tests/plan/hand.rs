//! What a person does with a plan's patches, on a recorded node.

use std::os::unix::fs::PermissionsExt;

use collect::recording::Recording;
use collect::saved::Saved;
use evidence::OsText;
use plan::Plan;
use serde_json::Value as Json;

use crate::common::{self, tree};

const KUBELET: &str = "/var/lib/kubelet/config.yaml";
const DROP_INS: &str = "/etc/kubernetes/kubelet.conf.d";

/// Applies every patch of a plan; the kubelet's as a drop-in, or laid over its file.
pub(crate) fn apply(node: &mut Recording, plan: &Plan, drop_in: bool) {
    for patch in &plan.patches {
        let (step, file) = patch.name.split_once('.').unwrap();
        let component = step.split_once('-').unwrap().1;
        match file {
            "modes.sh" => modes(node, &patch.content),
            "conf" | "txt" => node.kernel = kernel(node, plan),
            "static-pod-flags.yaml" => flags(node, component, &yaml(&patch.content)),
            "cluster-configuration.yaml" => {
                let pod = plan.patches.iter().find(|own| own.name == format!("{step}.static-pod-flags.yaml")).unwrap();
                assert_eq!(arguments_of(&yaml(&patch.content)), yaml(&pod.content)["set"], "{}", patch.name);
            }
            "flags.yaml" => change(node, "kubelet", &yaml(&patch.content)),
            "configuration.yaml" if !drop_in => {
                let mut own = yaml(&String::from_utf8(node.texts[KUBELET].clone()).unwrap());
                merge(&mut own, &yaml(&patch.content));
                node.write(KUBELET, serde_saphyr::to_string(&own).unwrap());
            }
            "winning-files.yaml" => {
                for (path, fields) in yaml(&patch.content).as_object().unwrap() {
                    if let Some(text) = node.texts.get(path) {
                        let mut own = yaml(&String::from_utf8(text.clone()).unwrap());
                        merge(&mut own, fields);
                        node.write(path, serde_saphyr::to_string(&own).unwrap());
                    }
                }
            }
            "drop-in.conf" if drop_in => {
                let path = format!("{DROP_INS}/90-kube-assay.conf");
                node.write(&path, patch.content.as_bytes());
                argv(node, "kubelet").push(OsText::from(format!("--config-dir={DROP_INS}").as_str()));
            }
            "configuration.yaml" | "drop-in.conf" => {}
            other => panic!("nobody knows what to do with {other}"),
        }
    }
}

pub(crate) fn yaml(text: &str) -> Json {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Objects are merged, everything else is replaced: what a kubelet's drop-in does, and Talos for all but lists.
pub(crate) fn merge(into: &mut Json, from: &Json) {
    match (into, from) {
        (Json::Object(own), Json::Object(more)) => {
            for (key, value) in more {
                merge(own.entry(key.clone()).or_insert(Json::Null), value);
            }
        }
        (own, value) => *own = value.clone(),
    }
}

/// The script itself, run over the node's files on disk.
#[expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a person runs the script")]
fn modes(node: &mut Recording, script: &str) {
    let place = tempfile::tempdir().unwrap();
    // The script does nothing below a link.
    let root = &place.path().canonicalize().unwrap();
    tree::lay(node, root, false);
    let moved = script.replace(" '/", &format!(" '{}/", root.display()));
    assert_ne!(moved, script);
    let ended = std::process::Command::new("sh").arg("-c").arg(&moved).status().unwrap();
    assert!(ended.success(), "{script}");
    for (path, listed) in &mut node.stats {
        let now = std::fs::symlink_metadata(root.join(path.trim_start_matches('/'))).unwrap();
        if !now.is_symlink() {
            listed.mode = now.permissions().mode() & 0o7777;
        }
    }
}

/// What is saved of the node's kernel once its settings and its command line are changed.
fn kernel(node: &Recording, plan: &Plan) -> Saved {
    let from = common::root().join("fixtures/nodes").join(&node.name).join("kernel");
    let patch = |end: &str| plan.patches.iter().find(|patch| patch.name.ends_with(end)).map_or("", |own| &own.content);
    let changed = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let mut bytes = std::fs::read(entry.path()).unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        match entry.file_name().to_str().unwrap() {
            "sysctl.txt" => bytes = sysctls(&text, patch("-sysctls.conf")).into_bytes(),
            "cmdline" => bytes = arguments(&text, patch("-kernel-arguments.txt")).into_bytes(),
            _ => {}
        }
        std::fs::write(changed.path().join(entry.file_name()), bytes).unwrap();
    }
    Saved::load_dir(changed.path()).unwrap()
}

/// `sysctl --system`: later lines win.
fn sysctls(text: &str, file: &str) -> String {
    let mut own: Vec<&str> = text.lines().collect();
    for line in file.lines().filter(|line| !line.starts_with('#')) {
        let (key, _) = line.split_once(" = ").unwrap();
        own.retain(|given| given.split_once(" = ").is_none_or(|(name, _)| name != key));
        own.push(line);
    }
    own.join("\n") + "\n"
}

fn arguments(text: &str, file: &str) -> String {
    let mut own: Vec<&str> = text.split_whitespace().collect();
    for line in file.lines().filter(|line| !line.starts_with('#')) {
        let (word, argument) = line.split_once(' ').unwrap();
        own.retain(|given| given.split('=').next() != argument.split('=').next());
        own.extend((word == "add").then_some(argument));
    }
    own.join(" ") + "\n"
}

/// The arguments in a manifest, and the process that the kubelet then starts.
pub(crate) fn flags(node: &mut Recording, component: &str, patch: &Json) {
    let manifest = format!("/etc/kubernetes/manifests/{component}.yaml");
    let mut pod = yaml(&String::from_utf8(node.texts[&manifest].clone()).unwrap());
    let command = pod["spec"]["containers"][0]["command"].as_array_mut().unwrap();
    let mut lines: Vec<String> = command.iter().map(|own| own.as_str().unwrap().to_owned()).collect();
    lay(&mut lines, patch);
    *command = lines.into_iter().map(Json::from).collect();
    node.write(&manifest, serde_saphyr::to_string(&pod).unwrap());
    change(node, component, patch);
}

/// The arguments of a process.
pub(crate) fn change(node: &mut Recording, component: &str, patch: &Json) {
    let argv = argv(node, component);
    let mut lines: Vec<String> = argv.iter().map(OsText::to_lossy).collect();
    lay(&mut lines, patch);
    *argv = lines.iter().map(|line| OsText::from(line.as_str())).collect();
}

fn lay(lines: &mut Vec<String>, patch: &Json) {
    let texts = |key: &str| patch[key].as_array().unwrap().iter().map(|own| own.as_str().unwrap().to_owned());
    let name = |line: &str| line.split('=').next().unwrap().to_owned();
    for gone in texts("set").chain(texts("remove")) {
        lines.retain(|line| name(line) != name(&gone));
    }
    lines.extend(texts("set"));
}

fn argv<'n>(node: &'n mut Recording, component: &str) -> &'n mut Vec<OsText> {
    let named = |argument: &OsText| argument.to_lossy().rsplit('/').next() == Some(component);
    let process = node.processes.iter_mut().find(|process| process.argv.first().is_some_and(named));
    &mut process.unwrap().argv
}

/// A `ClusterConfiguration`'s arguments as kubeadm writes them behind a command.
fn arguments_of(cluster: &Json) -> Json {
    let ways = ["/apiServer", "/controllerManager", "/scheduler", "/etcd/local"];
    let all = ways.iter().find_map(|way| cluster.pointer(way)).unwrap()["extraArgs"].as_array().unwrap();
    all.iter()
        .map(|own| Json::from(format!("--{}={}", own["name"].as_str().unwrap(), own["value"].as_str().unwrap())))
        .collect()
}
