//! What several findings ask of one target, put together: each setting once, with its value in the end.

use std::collections::{BTreeMap, BTreeSet};

use assess::{Lever, Observed};
use benchmark::{Content, Default, Kind, Setting, Version};
use report::Finding;
use serde_json::{Value as Json, json};

use crate::derive::{Move, To, list};
use crate::model::{Change, Target};

/// A setting of a component.
#[derive(Clone, Debug)]
pub(crate) struct SettingEdit<'c> {
    /// The setting.
    pub(crate) setting: &'c Setting,
    /// What it is to be; none: it goes.
    pub(crate) value: Option<Json>,
    /// Whether a flag says it now.
    pub(crate) by_flag: bool,
    /// Whether somebody set it: what is to be stands in place of that, and not where nothing stands.
    pub(crate) explicit: bool,
    /// Files other than the one that kubeadm writes, which say it now and have the last word: drop-ins mostly.
    pub(crate) files: BTreeSet<String>,
}

/// The kubelet's file that kubeadm writes on each node.
const KUBELET_CONFIG: &str = "/var/lib/kubelet/config.yaml";

impl SettingEdit<'_> {
    /// What it is to be as an argument; none: it goes. An empty list is what a flag means that is not given, and kubeadm and
    /// Talos then give their own.
    pub(crate) fn argument(&self) -> Option<String> {
        self.value.as_ref().map(as_text).filter(|text| !text.is_empty())
    }
}

/// A file's mode or owner.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileEdit {
    /// Its path.
    pub(crate) path: String,
    /// Permission bits that it may not have.
    pub(crate) forbidden: Option<u32>,
    /// Owner and group.
    pub(crate) owner: Option<String>,
}

/// Everything that one step changes.
#[derive(Debug, std::default::Default)]
pub(crate) struct Edits<'c> {
    /// Settings of its component.
    pub(crate) settings: Vec<SettingEdit<'c>>,
    /// Settings of the kernel.
    pub(crate) sysctls: BTreeMap<String, String>,
    /// Parameters of the kernel; false: it goes.
    pub(crate) arguments: BTreeMap<String, bool>,
    /// Files.
    pub(crate) files: Vec<FileEdit>,
    /// The same for a reader.
    pub(crate) changes: Vec<Change>,
}

/// What moves something belongs to; none: nothing that a patch changes.
pub(crate) fn target(lever: &Lever) -> Option<Target> {
    Some(match lever {
        Lever::Setting { component: "etcd", .. } => Target::Etcd,
        Lever::Setting { component: "kube-apiserver", .. } | Lever::AdmissionPlugins => Target::KubeApiserver,
        Lever::Setting { component: "kube-controller-manager", .. } => Target::KubeControllerManager,
        Lever::Setting { component: "kube-scheduler", .. } => Target::KubeScheduler,
        Lever::Setting { component: "kubelet", .. } => Target::Kubelet,
        Lever::Sysctl(_) => Target::Sysctls,
        Lever::KernelArgument(_) => Target::KernelArguments,
        Lever::Mode | Lever::Owner => Target::Files,
        Lever::Setting { .. } | Lever::Follows | Lever::Person => return None,
    })
}

impl<'c> Edits<'c> {
    /// Files that say a setting of the step and win over what kubeadm writes.
    pub(crate) fn winning_files(&self) -> BTreeSet<&str> {
        self.settings.iter().flat_map(|edit| &edit.files).map(String::as_str).collect()
    }

    /// Lays what a finding asks for over what others asked for. False: it cannot be told from what was seen.
    pub(crate) fn add(
        &mut self,
        content: &'c Content,
        version: Option<Version>,
        one: &Move,
        finding: &Finding,
        others: &[String],
    ) -> bool {
        let seen = one.seen.as_ref();
        let from = seen.and_then(|seen| seen.value.as_ref().map(|value| told(value, &seen.how)));
        let id = finding.id();
        match &one.lever {
            Lever::Setting { component, name } => {
                let Some(setting) = content.component(component).setting(name) else { return false };
                self.setting(setting, &one.to, || one.base.clone(), seen);
                self.change(what(component, setting), from, self.said(setting), id, others);
            }
            Lever::AdmissionPlugins => return self.plugins(content, version, one, id),
            Lever::Sysctl(key) => {
                let To::Value(value) = &one.to else { return false };
                let value = benchmark::plain(value);
                self.sysctls.insert(key.clone(), value.clone());
                self.change(key.clone(), from, Some(value), id, others);
            }
            Lever::KernelArgument(argument) => {
                let stays = one.to != To::Gone;
                self.arguments.insert(argument.clone(), stays);
                let to = stays.then(|| argument.clone());
                let name = argument.split('=').next().unwrap_or(argument).to_owned();
                self.change(name, from, to, id, others);
            }
            Lever::Mode | Lever::Owner => return self.file(one, finding, from.as_deref()),
            Lever::Follows | Lever::Person => return false,
        }
        true
    }

    fn setting(&mut self, setting: &'c Setting, to: &To, base: impl Fn() -> Vec<String>, seen: Option<&Observed>) {
        let by_flag = seen.is_some_and(|seen| seen.source.starts_with("--"));
        let explicit = seen.is_some_and(|seen| seen.how == "explicit");
        // A zero that stands for the default takes the place of what kubeadm writes as well.
        let said = |seen: &&Observed| ["explicit", "zero-means-default"].contains(&seen.how.as_str());
        let file = seen.filter(said).filter(|_| setting.field.is_some()).and_then(file_of);
        let at = self.settings.iter().position(|edit| edit.setting.name == setting.name);
        let before = at.and_then(|at| self.settings[at].value.clone());
        let mut now: Vec<String> = match &before {
            Some(Json::Array(all)) => all.iter().map(benchmark::plain).collect(),
            _ => base(),
        };
        let value = match to {
            To::Value(value) => Some(value.clone()),
            To::Gone => None,
            To::With(more) => {
                now.extend(more.iter().filter(|name| !now.contains(name)).cloned().collect::<Vec<_>>());
                Some(json!(now))
            }
            To::Without(less) => {
                now.retain(|name| !less.contains(name));
                Some(json!(now))
            }
            To::Only(few) => {
                now.retain(|name| few.contains(name));
                Some(json!(now))
            }
        };
        if let Some(at) = at {
            let edit = &mut self.settings[at];
            edit.value = value;
            edit.by_flag |= by_flag;
            edit.explicit |= explicit;
            edit.files.extend(file);
        } else {
            let files = file.into_iter().collect();
            self.settings.push(SettingEdit { setting, value, by_flag, explicit, files });
        }
    }

    fn said(&self, setting: &Setting) -> Option<String> {
        let edit = self.settings.iter().find(|edit| edit.setting.name == setting.name)?;
        edit.value.as_ref().map(benchmark::plain)
    }

    /// What runs is the version's own plugins, those enabled, less those disabled: the two flags follow from it.
    fn plugins(&mut self, content: &'c Content, version: Option<Version>, one: &Move, id: &str) -> bool {
        let component = content.component("kube-apiserver");
        let of = |name: &str| component.setting(name);
        let (Some(enable), Some(disable), Some(own)) =
            (of("enable-admission-plugins"), of("disable-admission-plugins"), of("default-admission-plugins"))
        else {
            return false;
        };
        let (Default::Row(row), Some(seen)) = (own.default_for(version, false), &one.seen) else { return false };
        let own: Vec<String> =
            row.value.as_ref().and_then(Json::as_array).into_iter().flatten().map(benchmark::plain).collect();
        let here = seen.value.as_deref().map(list).unwrap_or_default();
        let enabled = |runs: &[String]| runs.iter().filter(|name| !own.contains(name)).cloned().collect::<Vec<_>>();
        let disabled = |runs: &[String]| own.iter().filter(|name| !runs.contains(name)).cloned().collect::<Vec<_>>();
        let (names, on) = match &one.to {
            To::With(names) => (names, true),
            To::Without(names) => (names, false),
            _ => return false,
        };
        for name in names {
            let just = vec![name.clone()];
            // A plugin of the version's own runs unless it is disabled; others run if they are enabled.
            let is_own = own.contains(name);
            let setting = if is_own { disable } else { enable };
            let to = if is_own == on { To::Without(just) } else { To::With(just) };
            let listed = |runs: &[String]| if is_own { disabled(runs) } else { enabled(runs) };
            let before = listed(&here);
            self.setting(setting, &to, || listed(&one.base), None);
            let from = (!before.is_empty()).then(|| before.join(", "));
            self.change(what("kube-apiserver", setting), from, self.said(setting), id, &[]);
        }
        true
    }

    /// Bits are only ever taken away. A path that is no plain text is left to a person.
    fn file(&mut self, one: &Move, finding: &Finding, from: Option<&str>) -> bool {
        let To::Value(bound) = &one.to else { return false };
        let bound = benchmark::plain(bound);
        let octal = |text: &str| u32::from_str_radix(text, 8).ok();
        let mode = from.and_then(octal);
        let forbidden = match (&one.lever, octal(&bound)) {
            // Bits beyond rwx are only spoken of where they are set.
            (Lever::Mode, Some(bound)) => Some(!bound & (0o777 | mode.unwrap_or_default() & 0o7000)),
            (Lever::Mode, None) => return false,
            _ => None,
        };
        let owner = (one.lever == Lever::Owner).then(|| bound.clone());
        let paths: Vec<&str> = finding.subjects.iter().map(|subject| subject.name.as_str()).collect();
        // Absolute, without detours, and text that reads as it is.
        let safe = |path: &&str| {
            let names = path.strip_prefix('/').map(|rest| rest.split('/').all(|name| !["", ".", ".."].contains(&name)));
            names == Some(true) && report::inert(path) == *path && !path.contains('\u{fffd}')
        };
        if !paths.iter().all(safe) || owner.as_deref().is_some_and(|owner| !is_account(owner)) {
            return false;
        }
        let mode = mode.zip(forbidden).map(|(mode, forbidden)| format!("{:o}", mode & !forbidden));
        let to = owner.clone().or(mode).unwrap_or_else(|| format!("nothing outside {bound}"));
        for path in paths {
            self.files.push(FileEdit { path: path.to_owned(), forbidden, owner: owner.clone() });
            self.change(path.to_owned(), from.map(str::to_owned), Some(to.clone()), finding.id(), &[]);
        }
        true
    }

    /// A change for a reader: what was asked for by several is told once.
    fn change(&mut self, what: String, from: Option<String>, to: Option<String>, id: &str, others: &[String]) {
        // A file's mode and its owner are two changes.
        let same = |change: &&mut Change| change.what == what && (self.files.is_empty() || change.to == to);
        if let Some(change) = self.changes.iter_mut().find(same) {
            change.to = to;
            if !change.ids.iter().any(|own| own == id) {
                change.ids.push(id.to_owned());
            }
            if let (Some(more), Some(own)) = (from, &mut change.from)
                && !own.split(" | ").any(|one| one == more)
            {
                *own = format!("{own} | {more}");
            }
            return;
        }
        self.changes.push(Change { what, from, to, ids: vec![id.to_owned()], otherwise: others.to_vec() });
    }
}

/// The file that says a field, as its source reads: `FIELD in FILE`. None: it is the one that kubeadm writes.
fn file_of(seen: &Observed) -> Option<String> {
    let (_, file) = seen.source.split_once(" in ")?;
    (file.starts_with('/') && file != KUBELET_CONFIG).then(|| file.to_owned())
}

/// How a setting is named where it is changed: the kubelet's by its field, all others by their flag.
fn what(component: &str, setting: &Setting) -> String {
    let field = setting.field.clone().filter(|_| component == "kubelet");
    field.unwrap_or_else(|| format!("--{}", flag(setting)))
}

/// The flag of a setting.
pub(crate) fn flag(setting: &Setting) -> &str {
    setting.flag.as_deref().unwrap_or(&setting.name)
}

/// A value as a flag takes it.
pub(crate) fn as_text(value: &Json) -> String {
    match value {
        Json::Array(all) => all.iter().map(benchmark::plain).collect::<Vec<_>>().join(","),
        other => benchmark::plain(other),
    }
}

/// A value as a field of a configuration file takes it.
pub(crate) fn as_field(setting: &Setting, value: &Json) -> Json {
    match (setting.kind, value) {
        (Kind::List | Kind::LastList | Kind::Repeated, Json::Array(_)) => value.clone(),
        (Kind::Bool | Kind::Int, other) => other.clone(),
        (_, other) => Json::from(as_text(other)),
    }
}

/// Whether a text is an owner and a group, as names or numbers.
fn is_account(owner: &str) -> bool {
    let word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_')
            && word.chars().all(|letter| letter.is_ascii_alphanumeric() || "._-".contains(letter))
    };
    owner.split_once(':').is_some_and(|(user, group)| word(user) && word(group))
}

/// A value with how it came about, where nobody set it.
fn told(value: &str, how: &str) -> String {
    match how {
        "default" | "zero-means-default" => format!("{value} (by default)"),
        _ => value.to_owned(),
    }
}
