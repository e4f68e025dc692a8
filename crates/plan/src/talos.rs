//! Patches for Talos: the machine configuration in both of its forms, and the image's kernel arguments.

use benchmark::Default;
use serde_json::{Value as Json, json};

use crate::advice::{APPROVE, asks};
use crate::edits::{Edits, SettingEdit, as_field, flag};
use crate::kubeadm::Draft;
use crate::model::{Change, Target};
use crate::words::Advice;
use crate::yaml::{documents, put};

/// From this minor version of Talos 1 on, configurations may be in documents of their own.
const DOCUMENTS: u32 = 14;

/// From this minor version of Talos 1 on, a patch may take an entry out (`$patch: delete`: `config/configloader` of
/// `pkg/machinery`, in 1.8.0 and not in 1.7.0).
const DELETES: u32 = 8;

/// From here on, a field of the kubelet's configuration too: `pkg/machinery` 1.8.0 and 1.12.0 find none there, 1.13.0 does.
const DELETES_FIELDS: u32 = 13;

fn has_documents(minor: Option<u32>) -> bool {
    minor.is_none_or(|minor| minor >= DOCUMENTS)
}

/// How control planes are patched.
const ONE_BY_ONE: &str = "one control plane; wait until the pod is Ready, verify, then the next.";

/// Where a component is configured: path in v1alpha1, kind of document.
fn part(target: Target) -> Option<(&'static [&'static str], &'static str)> {
    Some(match target {
        Target::KubeApiserver => (&["cluster", "apiServer"], "KubeAPIServerConfig"),
        Target::KubeControllerManager => (&["cluster", "controllerManager"], "KubeControllerManagerConfig"),
        Target::KubeScheduler => (&["cluster", "scheduler"], "KubeSchedulerConfig"),
        _ => return None,
    })
}

/// Why Talos has no place for a change. `minor`: that of Talos 1, if it is known.
pub(crate) fn refuses(target: Target, edit: Option<&SettingEdit<'_>>, minor: Option<u32>) -> Option<&'static str> {
    let Some(edit) = edit else {
        return (target == Target::Files).then_some("Talos has no shell: files are as it makes them");
    };
    let (name, component) = match target {
        Target::Etcd => return Some("Talos sets etcd's arguments itself"),
        Target::Kubelet => (edit.setting.field.as_deref().unwrap_or(flag(edit.setting)), "kubelet"),
        Target::KubeApiserver => (flag(edit.setting), "kube-apiserver"),
        Target::KubeControllerManager => (flag(edit.setting), "kube-controller-manager"),
        _ => (flag(edit.setting), "kube-scheduler"),
    };
    let minor = minor.unwrap_or(DOCUMENTS);
    if minor < DELETES && takes_out(target, edit) {
        return Some("an entry has to be taken out of the machine configuration, which no patch does before Talos 1.8");
    }
    if minor < DELETES_FIELDS && is_field(target, edit) && takes_out(target, edit) && !edit.by_flag {
        return Some("a field of extraConfig has to be taken out, which no patch does before Talos 1.13");
    }
    if is_field(target, edit) && is_swallowed(edit) && !is_default(edit) {
        return Some("a patch of Talos takes no zero in place of another value");
    }
    // What a person gives there is added to Talos' own.
    if ["tls-cipher-suites", "authorization-mode"].contains(&name) {
        return Some("Talos adds to its own list what is given, so nothing can be taken out of it");
    }
    if name == "seccompDefault" {
        return None;
    }
    let refused = assess::talos_refuses(component, name, minor, minor >= DOCUMENTS);
    refused.then_some("Talos sets it itself and lets nobody change it")
}

/// Whether the patch for a change takes an entry out.
fn takes_out(target: Target, edit: &SettingEdit<'_>) -> bool {
    if is_field(target, edit) {
        return edit.value.is_none() || edit.by_flag || is_swallowed(edit);
    }
    edit.argument().is_none()
}

/// Whether a change is one of a field of the kubelet's configuration.
fn is_field(target: Target, edit: &SettingEdit<'_>) -> bool {
    target == Target::Kubelet && edit.setting.field.is_some()
}

/// Where a patch has a zero, or nothing between quotes, Talos keeps what stands there, false excepted (`config/merge` of
/// `pkg/machinery`, 1.8 to 1.13). So the entry is taken out, where its default is the same.
fn is_swallowed(edit: &SettingEdit<'_>) -> bool {
    let zero = |value: &Json| value.as_i64() == Some(0) || value.as_str() == Some("");
    edit.explicit && !edit.by_flag && edit.setting.field.is_some() && edit.value.as_ref().is_some_and(zero)
}

fn is_default(edit: &SettingEdit<'_>) -> bool {
    matches!(edit.setting.default_for(None, true), Default::Row(row) if row.value == edit.value)
}

/// What takes an entry out.
fn deleted() -> Json {
    json!({ "$patch": "delete" })
}

/// What a patch says of an entry of `extraArgs`.
fn argument(edit: &SettingEdit<'_>) -> Json {
    let text = edit.argument().map(|text| own_plugins(edit, text)).filter(|text| !text.is_empty());
    text.map_or_else(deleted, Json::from)
}

/// The patches of a step.
pub(crate) fn patches(target: Target, edits: &Edits<'_>, minor: Option<u32>) -> Vec<Draft> {
    let (old, new) = match target {
        Target::Sysctls => {
            let params: Json =
                edits.sysctls.iter().map(|(key, value)| (key.clone(), Json::from(value.as_str()))).collect();
            (json!({ "machine": { "sysctls": params } }), document("SysctlConfig", "params", params))
        }
        Target::KernelArguments => return arguments(edits),
        Target::Kubelet => kubelet(edits),
        _ => {
            let Some((path, kind)) = part(target) else { return Vec::new() };
            let (mut old, mut new) = (json!({}), json!({ "apiVersion": "v1alpha1", "kind": kind }));
            for edit in &edits.settings {
                // The scheduler is always given a file, and then does not read the flag.
                let (key, name, value) = match (&edit.setting.field, &edit.value) {
                    (Some(field), Some(value)) if target == Target::KubeScheduler => {
                        ("config", field.as_str(), as_field(edit.setting, value))
                    }
                    _ => ("extraArgs", flag(edit.setting), argument(edit)),
                };
                put(&mut old, &[path, &[key, name]].concat(), value.clone());
                put(&mut new, &[key, name], value);
            }
            (old, new)
        }
    };
    let nodes = if matches!(target, Target::Sysctls | Target::Kubelet) { "each machine" } else { "each control plane" };
    let mut hints = Vec::new();
    if edits.settings.iter().any(|edit| takes_out(target, edit)) {
        hints
            .push("`$patch: delete` takes an entry out; where there is none Talos refuses the whole patch.".to_owned());
        hints.push(
            "What the entry brought along (a file, its volume) goes with `talosctl edit machineconfig`.".to_owned(),
        );
    }
    let with = |first: String| [vec![first], hints.clone()].concat();
    let head = with("A strategic merge patch: `talosctl patch machineconfig --patch @FILE`.".to_owned());
    let both = has_documents(minor);
    let form = if both { " that configures this in the document without a kind" } else { "" };
    let mut drafts = vec![("talos-v1alpha1.yaml", format!("{nodes}{form}"), documents(&head, &[old]))];
    if both {
        let kind = new["kind"].as_str().unwrap_or_default().to_owned();
        let head = if target == Target::Sysctls {
            format!("For a machine that has the document {kind} already: it wins over machine.sysctls.")
        } else {
            format!("Only for a machine that has the document {kind} already: beside the old form Talos refuses it.")
        };
        drafts.push((
            "talos-documents.yaml",
            format!("{nodes} that configures this in a document {kind} (Talos 1.14 and newer)"),
            documents(&with(head), &[new]),
        ));
    }
    drafts
}

/// What is set in a file there is named by its field, and not by the flag.
pub(crate) fn name_changes(target: Target, edits: &mut Edits<'_>) {
    for edit in edits.settings.iter().filter(|_| target == Target::KubeScheduler) {
        let named = |change: &&mut Change| change.what.strip_prefix("--") == Some(flag(edit.setting));
        if let (Some(field), Some(change)) = (&edit.setting.field, edits.changes.iter_mut().find(named)) {
            change.what.clone_from(field);
        }
    }
}

/// Talos enables `NodeRestriction` itself and adds what is given.
fn own_plugins(edit: &SettingEdit<'_>, value: String) -> String {
    if edit.setting.name != "enable-admission-plugins" {
        return value;
    }
    value.split(',').filter(|name| *name != "NodeRestriction").collect::<Vec<_>>().join(",")
}

fn document(kind: &str, key: &str, value: Json) -> Json {
    let mut own = json!({ "apiVersion": "v1alpha1", "kind": kind });
    own[key] = value;
    own
}

/// The kubelet's configuration in both forms. Its seccomp default has a key of its own.
fn kubelet(edits: &Edits<'_>) -> (Json, Json) {
    let (mut old, mut new) = (json!({}), json!({ "apiVersion": "v1alpha1", "kind": "KubeletConfig" }));
    for edit in &edits.settings {
        let at = |field: &str| field.split('.').map(str::to_owned).collect::<Vec<_>>();
        let name = || vec![flag(edit.setting).to_owned()];
        let mut said = Vec::new();
        match (&edit.setting.field, &edit.value) {
            (_, Some(value)) if edit.setting.name == "seccompDefault" => {
                said.push(("defaultRuntimeSeccompProfileEnabled", Vec::new(), value.clone()));
            }
            (Some(field), Some(value)) if !is_swallowed(edit) => {
                said.push(("config", at(field), as_field(edit.setting, value)));
            }
            (Some(field), _) if !edit.by_flag => said.push(("config", at(field), deleted())),
            (Some(_), _) => {}
            (None, _) => said.push(("extraArgs", name(), argument(edit))),
        }
        // A flag wins over the field.
        if edit.by_flag && edit.setting.field.is_some() {
            said.push(("extraArgs", name(), deleted()));
        }
        for (key, path, value) in said {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            let old_key = if key == "config" { "extraConfig" } else { key };
            put(&mut old, &[&["machine", "kubelet", old_key][..], &path].concat(), value.clone());
            put(&mut new, &[&[key][..], &path].concat(), value);
        }
    }
    (old, new)
}

fn arguments(edits: &Edits<'_>) -> Vec<Draft> {
    // A minus before a name takes away what Talos sets by default.
    let all: Vec<String> = edits
        .arguments
        .iter()
        .map(|(argument, stays)| if *stays { argument.clone() } else { format!("-{argument}") })
        .collect();
    let schematic = json!({ "customization": { "extraKernelArgs": all } });
    let install = json!({ "machine": { "install": { "extraKernelArgs": all } } });
    let head = |text: &str| vec![text.to_owned()];
    vec![
        (
            "talos-schematic.yaml",
            "the schematic of the machines' image, at your Image Factory".to_owned(),
            documents(
                &head("Lay it over the schematic that the machines have, and upgrade to its installer."),
                &[schematic],
            ),
        ),
        (
            "talos-v1alpha1.yaml",
            "machines that boot by GRUB, in place of the schematic".to_owned(),
            documents(&head("Without effect on machines that boot a unified kernel image."), &[install]),
        ),
    ]
}

/// What to do, and how to go back.
pub(crate) fn advice(target: Target, edits: &Edits<'_>, minor: Option<u32>) -> Advice {
    if target == Target::KernelArguments {
        return Advice {
            todo: vec!["`talosctl --nodes MACHINE upgrade --image INSTALLER`, that of the new schematic, on one machine of the trial, then on the others, one after another.".to_owned()],
            restart: "Each machine is drained and boots.".to_owned(),
            rollback: "`talosctl --nodes MACHINE rollback` boots what was installed before.".to_owned(),
        };
    }
    let before = format!("MACHINE.before-{}.yaml", target.word());
    let mut todo = vec![format!(
        "`talosctl --nodes MACHINE get machineconfig v1alpha1 -o jsonpath='{{.spec}}' > {before}`, for each machine. It holds secrets."
    )];
    if has_documents(minor) {
        todo.push(format!("Take the patch for the form in which the machine configures this, as {before} shows."));
    }
    let apply = "`talosctl --nodes MACHINE patch machineconfig --patch @PATCH --dry-run`, then without --dry-run, on";
    let (rest, restart) = match target {
        Target::Sysctls => (
            "the trial and then machine by machine. A weaker value of your own goes.",
            "Nothing restarts; a value holds at once.",
        ),
        Target::Kubelet => (
            "the trial and then machine by machine.",
            "The kubelet of each machine restarts by itself. Pods go on running.",
        ),
        Target::KubeControllerManager | Target::KubeScheduler => {
            (ONE_BY_ONE, "The static pod of each control plane restarts by itself, and another one leads meanwhile.")
        }
        _ => (
            ONE_BY_ONE,
            "The static pod of each control plane restarts by itself; with a single one the API may be away for about a minute.",
        ),
    };
    todo.push(format!("{apply} {rest}"));
    if target == Target::Kubelet && asks(edits) {
        todo.push(APPROVE.to_owned());
    }
    Advice {
        todo,
        restart: restart.to_owned(),
        rollback: format!("`talosctl --nodes MACHINE apply-config --file {before}`."),
    }
}
