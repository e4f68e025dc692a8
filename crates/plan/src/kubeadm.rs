//! Patches for nodes that kubeadm made: `ClusterConfiguration`, static pods, `KubeletConfiguration`, and files of the node.

use std::fmt::Write as _;

use benchmark::Version;
use serde_json::{Value as Json, json};

use crate::derive::is_plain;
use crate::edits::{Edits, SettingEdit, as_field, flag};
use crate::model::Target;
use crate::script::modes;
use crate::words::some;
use crate::yaml::{comments, documents, put};

/// A patch before it has its number: what its name ends in, where it goes, its content.
pub(crate) type Draft = (&'static str, String, String);

/// kubeadm writes the arguments of the control plane as lists from this version on (v1beta4), before as maps (v1beta3).
const LISTS: Version = Version { major: 1, minor: 31 };

/// From here on a kubelet takes --config-dir without being coaxed.
pub(crate) const DROP_INS: Version = Version { major: 1, minor: 30 };

pub(crate) const MANIFESTS: &str = "/etc/kubernetes/manifests";

/// Where a component's part of `ClusterConfiguration` is, and the name of kubeadm's phase that writes its manifest.
pub(crate) fn part(target: Target) -> Option<(&'static [&'static str], &'static str, &'static str)> {
    Some(match target {
        Target::Etcd => (&["etcd", "local"], "etcd", "etcd local"),
        Target::KubeApiserver => (&["apiServer"], "kube-apiserver", "control-plane apiserver"),
        Target::KubeControllerManager => {
            (&["controllerManager"], "kube-controller-manager", "control-plane controller-manager")
        }
        Target::KubeScheduler => (&["scheduler"], "kube-scheduler", "control-plane scheduler"),
        _ => return None,
    })
}

/// Why kubeadm has no place for a change.
pub(crate) fn refuses(edit: &SettingEdit<'_>) -> Option<&'static str> {
    if edit.setting.field.is_some() && edit.value.is_none() && !edit.by_flag {
        return Some("a field has to be taken out of a file, which a patch cannot say");
    }
    let odd = edit.files.iter().any(|file| !is_plain(file));
    odd.then_some("it stands in a file whose name is no plain text")
}

/// The command that writes the parameters where there is grubby.
fn grubby(edits: &Edits<'_>) -> String {
    let of = |stays: bool, option: &str| {
        let all: Vec<&str> =
            edits.arguments.iter().filter(|(_, own)| **own == stays).map(|(name, _)| name.as_str()).collect();
        if all.is_empty() { String::new() } else { format!(" --{option}=\"{}\"", all.join(" ")) }
    };
    format!("`grubby --update-kernel=ALL{}{}`.", of(true, "args"), of(false, "remove-args"))
}

/// The patches of a step.
pub(crate) fn patches(target: Target, edits: &Edits<'_>, version: Option<Version>) -> Vec<Draft> {
    match target {
        Target::Files => vec![(
            "modes.sh",
            "each node, to be run there as root; it takes rights away and sets owners".to_owned(),
            modes(&edits.files),
        )],
        Target::Sysctls => vec![sysctls(edits)],
        Target::KernelArguments => vec![arguments(edits)],
        Target::Kubelet => kubelet(edits, version),
        _ => control_plane(target, edits, version),
    }
}

fn control_plane(target: Target, edits: &Edits<'_>, version: Option<Version>) -> Vec<Draft> {
    let Some((path, component, _)) = part(target) else { return Vec::new() };
    let lists = version.is_none_or(|version| version >= LISTS);
    let set = || edits.settings.iter().filter_map(|edit| Some((flag(edit.setting), edit.argument()?)));
    let gone: Vec<&str> =
        edits.settings.iter().filter(|edit| edit.argument().is_none()).map(|edit| flag(edit.setting)).collect();
    let mut head = vec![
        "ClusterConfiguration in ConfigMap kube-system/kubeadm-config: lay this over what stands there.".to_owned(),
        "An entry takes the place of one with the same name; keep all others.".to_owned(),
    ];
    if !gone.is_empty() {
        head.push(format!("Take out of extraArgs, and the volume of a file that is named there: {}", gone.join(", ")));
    }
    let mut document = json!({
        "apiVersion": if lists { "kubeadm.k8s.io/v1beta4" } else { "kubeadm.k8s.io/v1beta3" },
        "kind": "ClusterConfiguration",
    });
    let arguments: Json = if lists {
        set().map(|(name, value)| json!({ "name": name, "value": value })).collect()
    } else {
        Json::Object(set().map(|(name, value)| (name.to_owned(), Json::from(value))).collect())
    };
    let at: Vec<&str> = path.iter().copied().chain(["extraArgs"]).collect();
    put(&mut document, &at, arguments);
    let cluster = documents(&head, &[document]);

    let flags: Vec<String> = set().map(|(name, value)| format!("--{name}={value}")).collect();
    let gone: Vec<String> = gone.iter().map(|name| format!("--{name}")).collect();
    let manifest = format!("{MANIFESTS}/{component}.yaml");
    let head = [
        format!("The same as arguments in {manifest}, for whoever edits the manifests by hand."),
        "set: takes the place of an argument with the same name, or is added. remove: goes.".to_owned(),
        format!("Keep no copy of a manifest in {MANIFESTS}: the kubelet would run it as well."),
    ];
    let pod = documents(&head, &[json!({ "set": flags, "remove": gone })]);
    vec![
        (
            "cluster-configuration.yaml",
            "ConfigMap kube-system/kubeadm-config: what kubeadm writes manifests from".to_owned(),
            cluster,
        ),
        ("static-pod-flags.yaml", format!("{manifest} on each control-plane node, if you edit it by hand"), pod),
    ]
}

/// The kubelet's fields as one document.
pub(crate) fn kubelet_fields(edits: &Edits<'_>, document: Json) -> Json {
    fields(edits.settings.iter(), document)
}

fn fields<'e>(edits: impl Iterator<Item = &'e SettingEdit<'e>>, mut document: Json) -> Json {
    for edit in edits {
        if let (Some(field), Some(value)) = (&edit.setting.field, &edit.value) {
            put(&mut document, &field.split('.').collect::<Vec<_>>(), as_field(edit.setting, value));
        }
    }
    document
}

fn kubelet(edits: &Edits<'_>, version: Option<Version>) -> Vec<Draft> {
    let empty = json!({ "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration" });
    let document = kubelet_fields(edits, empty);
    let mut drafts = Vec::new();
    if document.as_object().is_some_and(|fields| fields.len() > 2) {
        let head = ["KubeletConfiguration in ConfigMap kube-system/kubelet-config: lay this over what stands there."];
        drafts.push((
            "configuration.yaml",
            "ConfigMap kube-system/kubelet-config, for all nodes".to_owned(),
            documents(&head.map(str::to_owned), std::slice::from_ref(&document)),
        ));
        if version.is_some_and(|version| version >= DROP_INS) {
            let head = ["For the nodes of the trial: a drop-in in the directory of the kubelet's --config-dir."];
            drafts.push((
                "drop-in.conf",
                "/etc/kubernetes/kubelet.conf.d/90-kube-assay.conf on the nodes of the trial (the name must end in .conf)".to_owned(),
                documents(&head.map(str::to_owned), &[document]),
            ));
        }
    }
    let winning: serde_json::Map<String, Json> = edits
        .winning_files()
        .into_iter()
        .map(|file| {
            (file.to_owned(), fields(edits.settings.iter().filter(|edit| edit.files.contains(file)), json!({})))
        })
        .collect();
    if !winning.is_empty() {
        let head = [
            "By file: fields of a KubeletConfiguration to be changed there, wherever a node has the file.".to_owned(),
            "What it says wins over what kubeadm writes from the ConfigMap.".to_owned(),
        ];
        let goes = format!(
            "{} on each node that has it; it wins over the ConfigMap",
            some(&edits.winning_files().into_iter().collect::<Vec<_>>())
        );
        drafts.push(("winning-files.yaml", goes, documents(&head, &[Json::Object(winning)])));
    }
    let flags = |test: &dyn Fn(&&SettingEdit<'_>) -> bool| edits.settings.iter().filter(test).collect::<Vec<_>>();
    let set: Vec<String> = flags(&|edit| edit.setting.field.is_none() && edit.argument().is_some())
        .iter()
        .map(|edit| format!("--{}={}", flag(edit.setting), edit.argument().unwrap_or_default()))
        .collect();
    let remove: Vec<String> =
        flags(&|edit| edit.by_flag && (edit.setting.field.is_some() || edit.argument().is_none()))
            .iter()
            .map(|edit| format!("--{}", flag(edit.setting)))
            .collect();
    if !set.is_empty() || !remove.is_empty() {
        let head = ["The kubelet's arguments. A flag wins over the file, so one that stands in the way goes."];
        drafts.push((
            "flags.yaml",
            "KUBELET_EXTRA_ARGS in /etc/default/kubelet or /etc/sysconfig/kubelet, or /var/lib/kubelet/kubeadm-flags.env".to_owned(),
            documents(&head.map(str::to_owned), &[json!({ "set": set, "remove": remove })]),
        ));
    }
    drafts
}

fn sysctls(edits: &Edits<'_>) -> Draft {
    let head = ["Of two files that set the same, the one later by name wins.".to_owned()];
    let lines = edits.sysctls.iter().fold(comments(&head), |text, (key, value)| text + &format!("{key} = {value}\n"));
    ("conf", "/etc/sysctl.d/90-kube-assay.conf on each node".to_owned(), lines)
}

fn arguments(edits: &Edits<'_>) -> Draft {
    let head = [
        "Parameters of the kernel's command line. Where they are written depends on the boot loader:".to_owned(),
        "GRUB_CMDLINE_LINUX in /etc/default/grub with update-grub or grub2-mkconfig, or where there is grubby:"
            .to_owned(),
        grubby(edits),
        "add: in place of a parameter with the same name. remove: goes.".to_owned(),
    ];
    let mut lines = comments(&head);
    for (argument, stays) in &edits.arguments {
        let _ = writeln!(lines, "{} {argument}", if *stays { "add" } else { "remove" });
    }
    ("txt", "the boot loader's configuration of each node, or the image".to_owned(), lines)
}
