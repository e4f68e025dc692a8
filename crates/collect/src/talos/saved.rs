//! What people save with `talosctl`, `omnictl` and `kubectl` from one machine: resources, tables of files and processes,
//! the kubelet's configuration as it is in force. The resources go through the parser of the live API.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{
    Ask, CONFIGZ, Cut, Entry, FileKind, Listing, OsText, ProcessTable, Seen, Stat, parent_of, setting_key, take_text,
};
use serde_json::Value;

use super::kinds;
use super::look::{MAX_LINKS, target as link_target};
use super::process;
use super::resource::{Raw, documents};
use super::table;
use super::wire::ProcessInfo;

/// Where Talos keeps what people read from it, by the kind of the document.
const DOCUMENTS: [(&str, &str); 6] = [
    ("KubeletConfiguration", "/etc/kubernetes/kubelet.yaml"),
    ("AdmissionConfiguration", "/system/config/kubernetes/kube-apiserver/admission-control-config.yaml"),
    ("Policy", "/system/config/kubernetes/kube-apiserver/auditpolicy.yaml"),
    ("AuthorizationConfiguration", "/system/config/kubernetes/kube-apiserver/authorization-config.yaml"),
    ("AuthenticationConfiguration", "/system/config/kubernetes/kube-apiserver/authentication-config.yaml"),
    ("KubeSchedulerConfiguration", "/system/config/kubernetes/kube-scheduler/scheduler-config.yaml"),
];

/// The mounts of the machine's first process.
const MOUNTINFO: &str = "/proc/1/mountinfo";

/// Talos' type of its own version, which the live API tells otherwise.
const VERSION: &str = "Versions.runtime.talos.dev";

/// How the names of Omni's types end.
const OMNI: &str = ".omni.sidero.dev";

/// Omni's type of a machine's kernel arguments.
const OMNI_ARGUMENTS: &str = "KernelArgsStatuses.omni.sidero.dev";

/// Omni's type of what a machine is.
const OMNI_MACHINE: &str = "MachineStatuses.omni.sidero.dev";

/// What was saved of one machine.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Machine {
    /// Names by which documents of Talos call the machine.
    nodes: BTreeSet<String>,
    /// The ids under which Omni knows it.
    ids: BTreeSet<String>,
    resources: BTreeMap<String, BTreeMap<String, Raw>>,
    stats: BTreeMap<String, Stat>,
    /// Where links lead.
    links: BTreeMap<String, String>,
    /// Directories whose entries were listed.
    listed: BTreeSet<String>,
    processes: Option<Vec<ProcessInfo>>,
    texts: BTreeMap<&'static str, Vec<u8>>,
    configz: Option<Value>,
}

/// What one file turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Resources,
    Files,
    Processes,
    Configz,
    Configuration,
    Document(&'static str),
    Mounts,
}

impl Kind {
    fn of(text: &str) -> Option<Self> {
        let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with('#'))?;
        let words: Vec<&str> = first.split_whitespace().collect();
        if words.contains(&"MODE") && words.contains(&"NAME") {
            return Some(Self::Files);
        }
        if words.contains(&"PID") && words.contains(&"COMMAND") {
            return Some(Self::Processes);
        }
        if text.trim_start().starts_with('{') && text.contains("\"kubeletconfig\"") {
            return Some(Self::Configz);
        }
        let has = |word: &str| text.contains(word);
        if has("metadata") && has("spec") && (has(".talos.dev") || has(".omni.sidero.dev")) {
            return Some(Self::Resources);
        }
        if is_machine_configuration(text) {
            return Some(Self::Configuration);
        }
        if let Some((_, path)) = DOCUMENTS.iter().find(|(kind, _)| names_kind(text, kind)) {
            return Some(Self::Document(path));
        }
        let mount =
            |line: &str| line.contains(" - ") && line.split(' ').next().is_some_and(|id| id.parse::<u32>().is_ok());
        mount(first).then_some(Self::Mounts)
    }
}

/// Whether a text is an object of a kind: by its own kind, and not that of something within.
fn names_kind(text: &str, kind: &str) -> bool {
    let Ok(all) = documents(text) else { return false };
    let own = |document: &Value| {
        let at = |key: &str| document.get(key).and_then(Value::as_str).unwrap_or_default();
        // Others have policies too.
        at("kind") == kind && (kind != "Policy" || at("apiVersion").starts_with("audit.k8s.io/"))
    };
    all.len() == 1 && own(&all[0])
}

/// Whether a text is a machine's configuration, which is full of keys.
fn is_machine_configuration(text: &str) -> bool {
    let top = |key: &str| text.lines().any(|line| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')));
    top("machine") && (top("cluster") || top("version"))
}

impl Machine {
    /// Takes a file in, if it is one of these. The error says what is wrong with it.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Option<Result<&'static str, String>> {
        let text = std::str::from_utf8(bytes).ok()?;
        let kind = Kind::of(text)?;
        Some(match kind {
            Kind::Resources => self.resources(text).map(|()| "resources of Talos' API"),
            Kind::Files => self.files(text).map(|()| "a table of files"),
            Kind::Processes => self.process_table(text).map(|()| "a table of processes"),
            Kind::Configz => self.configz(text).map(|()| "the kubelet's configuration in force"),
            Kind::Configuration => self.configuration(text).map(|()| "the machine's configuration"),
            Kind::Document(path) => self.text(path, bytes).map(|()| "a component's configuration"),
            Kind::Mounts => self.text(MOUNTINFO, bytes).map(|()| "a table of mounts"),
        })
    }

    /// Whether nothing of a machine was saved.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn text(&mut self, path: &'static str, bytes: &[u8]) -> Result<(), String> {
        match self.texts.insert(path, bytes.to_vec()) {
            Some(other) if other != bytes => {
                Err(format!("it is the second {path}, and differs: import one machine at a time"))
            }
            _ => Ok(()),
        }
    }

    fn node(&mut self, name: &str) -> Result<(), String> {
        one_of(&mut self.nodes, name)
    }

    fn resources(&mut self, text: &str) -> Result<(), String> {
        for document in envelopes(text)? {
            let at = |path: &str| document.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
            let (kind, id) = (at("/metadata/type"), at("/metadata/id"));
            if kind.is_empty() || id.is_empty() {
                return Err("a document in it is no resource: metadata.type and metadata.id are missing".to_owned());
            }
            if at("/metadata/phase") == "tearingDown" || document.get("event").is_some_and(|event| event == "destroyed")
            {
                continue;
            }
            // Omni's documents are of a machine by their id, which Talos does not know.
            if kind.ends_with(OMNI) {
                one_of(&mut self.ids, &id)?;
            } else {
                self.node(&at("/node"))?;
            }
            let raw = Raw {
                id: id.clone(),
                owner: at("/metadata/owner"),
                spec: Ok(document.get("spec").cloned().unwrap_or_default()),
            };
            let all = self.resources.entry(kind.clone()).or_default();
            if let Some(other) = all.insert(id.clone(), raw.clone())
                && other.spec != raw.spec
            {
                return Err(format!("there are two different {kind} {id}: they are not of one machine in one start"));
            }
        }
        Ok(())
    }

    fn files(&mut self, text: &str) -> Result<(), String> {
        let (nodes, root, rows) = table::files(text)?;
        for node in nodes {
            self.node(&node)?;
        }
        // A table that lacks the row of a directory was made shorter by somebody, and proves nothing absent from it. Of a
        // directory that was not entered it has no row but its own.
        let directories: BTreeSet<&str> =
            rows.iter().filter(|(_, stat, _)| stat.kind == FileKind::Dir).map(|(path, ..)| path.as_str()).collect();
        let entered = rows.iter().map(|(path, ..)| parent_of(path)).chain(Some(root.clone()));
        // One without any regular file was asked for other types alone (`--type d`).
        let whole = rows.iter().any(|(_, stat, _)| stat.kind == FileKind::File);
        let entered = entered.filter(|directory| whole && directories.contains(directory.as_str()));
        self.listed.extend(entered);
        for (path, stat, link) in rows {
            if let Some(link) = link {
                self.links.insert(path.clone(), link);
            }
            if let Some(other) = self.stats.insert(path.clone(), stat.clone())
                && (other.kind, other.mode, other.uid, other.gid) != (stat.kind, stat.mode, stat.uid, stat.gid)
            {
                return Err(format!("it tells otherwise of {path} than another table: import one machine at a time"));
            }
        }
        Ok(())
    }

    fn process_table(&mut self, text: &str) -> Result<(), String> {
        let (nodes, rows) = table::processes(text)?;
        for node in nodes {
            self.node(&node)?;
        }
        if self.processes.replace(rows).is_some() {
            return Err("it is the second table of processes: import one machine at a time".to_owned());
        }
        Ok(())
    }

    /// A configuration as a file: what its resource would hold.
    fn configuration(&mut self, text: &str) -> Result<(), String> {
        let raw = Raw { id: "v1alpha1".to_owned(), owner: String::new(), spec: documents(text).map(Value::Array) };
        match self.resources.entry(kinds::CONFIGURATION.name.to_owned()).or_default().insert(raw.id.clone(), raw) {
            Some(_) => Err("it is the second configuration of a machine: import one machine at a time".to_owned()),
            None => Ok(()),
        }
    }

    fn configz(&mut self, text: &str) -> Result<(), String> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| format!("it is no JSON: line {}", error.line()))?;
        if self.configz.replace(value).is_some() {
            return Err("it is the second configuration of a kubelet: import one machine at a time".to_owned());
        }
        Ok(())
    }

    fn first(&self, kind: &str) -> Option<&Raw> {
        self.resources.get(kind)?.values().next()
    }

    /// What identifies the machine, by name. Empty: these are not of a machine that runs Talos.
    pub(crate) fn identity(&self) -> BTreeMap<&'static str, String> {
        let talos = self.resources.keys().any(|kind| kind.ends_with(".talos.dev") || kind.ends_with(OMNI));
        if !talos {
            return BTreeMap::new();
        }
        let version = self.first(VERSION).and_then(|own| own.field("version"));
        let version = version.or_else(|| self.first(OMNI_MACHINE).and_then(|own| own.field("talosversion")));
        let boot = self.first(kinds::BOOT.name).and_then(|own| own.field("bootID"));
        let mut identity = BTreeMap::from([("talos", version.unwrap_or_default())]);
        identity.extend(boot.map(|boot| ("boot-id", boot)));
        identity
    }

    /// The name by which the documents call the machine.
    pub(crate) fn name(&self) -> Option<&str> {
        self.nodes.first().or(self.ids.first()).map(String::as_str)
    }

    /// Whether processes were saved.
    pub(crate) fn shows_processes(&self) -> bool {
        self.processes.is_some()
    }

    /// What a reader must know.
    pub(crate) fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if let Some(arguments) = self.first(OMNI_ARGUMENTS)
            && let Ok(spec) = &arguments.spec
            && spec.get("args").is_some_and(|wanted| Some(wanted) != spec.get("currentargs"))
        {
            remarks.push(
                "Omni wants other kernel arguments than the machine was started with: it waits for a restart"
                    .to_owned(),
            );
        }
        if let (Some(node), Some(id)) = (self.nodes.first(), self.ids.first()) {
            remarks.push(format!("taken at its word: that {node} of Talos is {id} of Omni"));
        }
        if !self.is_empty() {
            remarks.push("of each type all resources are taken to have been saved".to_owned());
        }
        remarks
    }

    /// Whether a value is what Talos wrote, and not what is.
    pub(crate) fn is_declared(&self, path: &OsText) -> bool {
        path.as_str().is_some_and(|path| self.setting(path).is_some())
    }

    fn setting(&self, path: &str) -> Option<&Raw> {
        let key = setting_key(path)?;
        self.resources.get(kinds::SETTINGS.name)?.get(&format!("{}{key}", kinds::SETTING))
    }

    fn command_line(&self) -> Option<String> {
        let own = self.first(kinds::CMDLINE.name).and_then(|own| own.field("cmdline"));
        own.or_else(|| self.first(OMNI_ARGUMENTS).and_then(|own| own.field("currentcmdline")))
    }

    /// The answer to a question; none if nothing that was saved tells.
    pub(crate) fn look(&self, ask: &Ask) -> Option<Seen> {
        match ask {
            Ask::Resources { kind, cut } => {
                kinds::named(kind)?;
                let all = self.resources.get(kind)?;
                Some(Seen::Resources(all.values().map(|raw| raw.taken(kind, *cut)).collect()))
            }
            Ask::Processes { names, .. } => {
                let all = self.processes.as_ref()?;
                let mut matched: Vec<_> = all.iter().filter_map(|one| process::described(one, names)).collect();
                matched.sort_by_key(|process| process.pid);
                let examined = u32::try_from(all.len()).unwrap_or(u32::MAX);
                let whole = all.iter().any(|process| process.pid == 1);
                let incomplete = (!whole).then(|| "the saved table does not begin with the first process".to_owned());
                Some(Seen::Processes(ProcessTable { matched, examined, incomplete }))
            }
            Ask::Body { api, .. } if api == CONFIGZ => {
                let value = self.configz.as_ref()?;
                Some(match evidence::take_spec(Cut::Resource, CONFIGZ, value.clone()) {
                    evidence::Spec::Text(text) => Seen::Text(text),
                    evidence::Spec::Withheld { why } => Seen::Withheld { why },
                })
            }
            Ask::Value { path } => self.setting(path.as_str()?)?.setting(),
            Ask::Parameters { path, names } if path.as_str() == Some("/proc/cmdline") => {
                Some(evidence::take_parameters(names, self.command_line()?.as_bytes()))
            }
            Ask::Text { path, cut, .. } => Some(take_text(*cut, self.texts.get(path.as_str()?)?.clone())),
            Ask::Stat { path } => self.stat(path.as_str()?),
            Ask::List { path, limit } => self.list(path.as_str()?, *limit),
            _ => None,
        }
    }

    /// Where a path leads, as far as links were listed. None: in a circle, or through a link that was not.
    fn resolved(&self, path: &str) -> Option<String> {
        let mut here = path.to_owned();
        for _ in 0..MAX_LINKS {
            match (self.links.get(&here), self.stats.get(&here)) {
                (Some(link), _) => here = link_target(&here, link),
                (None, Some(stat)) if stat.kind == FileKind::Symlink => return None,
                _ => return Some(here),
            }
        }
        None
    }

    /// Metadata of a path, links followed.
    fn stat(&self, path: &str) -> Option<Seen> {
        let place = self.resolved(path)?;
        match self.stat_itself(&place)? {
            Seen::Stat(stat) if place != path => Some(Seen::Stat(Stat { target: Some(place.as_str().into()), ..stat })),
            seen => Some(seen),
        }
    }

    fn stat_itself(&self, path: &str) -> Option<Seen> {
        if let Some(stat) = self.stats.get(path) {
            return Some(Seen::Stat(stat.clone()));
        }
        if let Some(bytes) = self.texts.get(path) {
            return Some(Seen::Stat(Stat::of_content(bytes.len() as u64)));
        }
        // A table that was saved of the directory above knows what is not there.
        let above = parent_of(path);
        let known = self.listed.contains(&above) || self.gone(&above);
        known.then(|| Seen::Absent { proof: format!("the table of {above} that was saved does not list it") })
    }

    /// Whether a directory is provably not there.
    fn gone(&self, path: &str) -> bool {
        path != "/"
            && !self.stats.contains_key(path)
            && (self.listed.contains(&parent_of(path)) || self.gone(&parent_of(path)))
    }

    fn list(&self, path: &str, limit: usize) -> Option<Seen> {
        let place = self.resolved(path)?;
        let path = place.as_str();
        if !self.listed.contains(path) {
            return match self.stat(path)? {
                Seen::Absent { proof } => Some(Seen::Absent { proof }),
                _ => None,
            };
        }
        let beneath = self.stats.iter().filter(|(other, _)| parent_of(other) == path && other.as_str() != path);
        let mut entries: Vec<Entry> = beneath
            .filter_map(|(other, stat)| {
                Some(Entry { name: OsText::from(other.rsplit('/').next()?), dir: stat.kind == FileKind::Dir })
            })
            .collect();
        entries.sort();
        let complete = entries.len() <= limit;
        entries.truncate(limit);
        Some(Seen::List(Listing { entries, complete }))
    }
}

/// Takes another name of the machine in. An error: there was one already.
fn one_of(names: &mut BTreeSet<String>, name: &str) -> Result<(), String> {
    if !name.is_empty() {
        names.insert(name.to_owned());
    }
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    if all.len() > 1 {
        return Err(format!(
            "it mixes machines ({}): save each by itself, and give each a directory of its own",
            all.join(", ")
        ));
    }
    Ok(())
}

/// The documents of a saved output: YAML with `---` between, or JSON objects one after the other.
fn envelopes(text: &str) -> Result<Vec<Value>, String> {
    if !text.trim_start().starts_with('{') {
        return documents(text).map(|all| all.into_iter().filter(|one| !one.is_null()).collect());
    }
    let mut all = Vec::new();
    for document in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        all.push(document.map_err(|error| format!("it is no JSON: line {}", error.line()))?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(tables: &[&str]) -> Machine {
        let mut machine = Machine::default();
        for table in tables {
            machine.add(table.as_bytes()).unwrap().unwrap();
        }
        machine
    }

    fn stat(machine: &Machine, path: &str) -> Option<Seen> {
        machine.look(&Ask::Stat { path: path.into() })
    }

    #[test]
    fn a_table_knows_what_it_lists_and_nothing_beside_it() {
        let table = "# /etc\nMODE         UID   GID   NAME\n\
            drwxr-xr-x   0     0     .\n\
            drwx------   0     0     kubernetes\n\
            -rw-------   0     7     hosts\n\
            Lrwxrwxrwx   0     0     link -> hosts\n\
            Lrwxrwxrwx   0     0     away -> /usr/x\n";
        let machine = machine(&[table]);
        let mode = |path: &str| match stat(&machine, path) {
            Some(Seen::Stat(stat)) => Some(stat.mode),
            _ => None,
        };
        assert_eq!(
            (mode("/etc/hosts"), mode("/etc/link"), mode("/etc/kubernetes")),
            (Some(0o600), Some(0o600), Some(0o700))
        );
        assert!(matches!(stat(&machine, "/etc/gone"), Some(Seen::Absent { .. })));
        assert!(matches!(stat(&machine, "/etc/gone/deeper"), Some(Seen::Absent { .. })));
        // What the table does not reach is not told: elsewhere, below a directory that was not entered, behind a link.
        for path in ["/usr", "/usr/bin/bash", "/etc/kubernetes/admin.conf", "/etc/away"] {
            assert_eq!(stat(&machine, path), None, "{path}");
        }
        assert!(
            matches!(machine.look(&Ask::List { path: "/etc".into(), limit: 10 }), Some(Seen::List(list)) if list.entries.len() == 4)
        );
        assert_eq!(machine.look(&Ask::List { path: "/etc/kubernetes".into(), limit: 10 }), None);
    }

    #[test]
    fn a_table_of_directories_alone_proves_no_file_absent() {
        let table = "# /etc\nMODE         UID   GID   NAME\n\
            drwxr-xr-x   0     0     .\n\
            drwx------   0     0     kubernetes\n";
        let machine = machine(&[table]);
        assert!(matches!(stat(&machine, "/etc/kubernetes"), Some(Seen::Stat(_))));
        assert_eq!(stat(&machine, "/etc/kubernetes.conf"), None);
    }

    #[test]
    fn a_table_that_somebody_made_shorter_proves_nothing_absent() {
        let table = "# /etc\nMODE         UID   GID   NAME\n\
            -rw-------   0     7     hosts\n\
            -rw-------   0     0     cni/net.d/x\n";
        let machine = machine(&[table]);
        assert!(matches!(stat(&machine, "/etc/hosts"), Some(Seen::Stat(_))));
        for path in ["/etc/gone", "/etc/cni/net.d/y", "/etc/cni/z"] {
            assert_eq!(stat(&machine, path), None, "{path}");
        }
        assert_eq!(machine.look(&Ask::List { path: "/etc/cni/net.d".into(), limit: 10 }), None);
    }
}
