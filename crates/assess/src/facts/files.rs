//! Sets of files whose members are judged one by one, and the facts of a file.

use std::collections::BTreeSet;

use evidence::{FileKind, Stat};

use super::pki::{Pki, pki};
use super::{Fact, Resolve, members};
use crate::node::{Instance, Node};
use crate::talos::{SERVICES, place};
use crate::value::{How, Known, Owner, Resolved, Seen, Type, Unknown, Value};

pub(super) static FACTS: &[Fact] = &[
    Fact {
        name: "file.mode",
        kind: Type::Mode,
        about: "The file's permission bits.",
        from: &[],
        resolve: Resolve::Member(mode),
    },
    Fact {
        name: "file.owner",
        kind: Type::Owner,
        about: "The file's owner and group.",
        from: &[],
        resolve: Resolve::Member(owner),
    },
    Fact {
        name: "file.owner-id",
        kind: Type::Text,
        about: "The file's owner and group by number.",
        from: &[],
        resolve: Resolve::Member(|node, path| {
            recorded(node, path).map(|stat| known(Value::Text(format!("{}:{}", stat.uid, stat.gid)), "its metadata"))
        }),
    },
    Fact {
        name: "file.documented-owner",
        kind: Type::Text,
        about: "The owner and group, by number, that the platform's documentation gives to the file.",
        from: &[],
        resolve: Resolve::Member(|node, path| match node.platform.owner(path) {
            Some(owner) => Seen::Known(known(
                Value::Text(owner.to_owned()),
                &format!("{} gives it to that account", node.platform.title),
            )),
            None => Seen::Absent(format!("{} documents no owner of {path}", node.platform.title)),
        }),
    },
];

/// A set whose members are judged one by one.
#[derive(Debug)]
pub struct Set {
    /// Its name.
    pub name: &'static str,
    /// What its members are: `file`, `subject`, `namespace` …
    pub kind: &'static str,
    /// One sentence for a reader.
    pub about: &'static str,
    pub(crate) members: fn(&Node<'_>) -> Seen<Members>,
}

/// The members of a set that were found, and whether there may be more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Members {
    /// Their names: of files, paths on the node.
    pub paths: BTreeSet<String>,
    /// What could not be seen: the set may have more members.
    pub unseen: Option<Unknown>,
}

macro_rules! sets {
    ($($name:literal, $about:literal => $members:expr;)*) => { &[$(Set { name: $name, kind: super::FILE, about: $about, members: $members },)*] };
}

/// Every set.
pub(crate) static SETS: &[Set] = sets! {
    "kube-apiserver.manifests", "The static pod manifests that start kube-apiserver." => |node| manifests(node, "kube-apiserver");
    "kube-controller-manager.manifests", "The static pod manifests that start kube-controller-manager." => |node| manifests(node, "kube-controller-manager");
    "kube-scheduler.manifests", "The static pod manifests that start kube-scheduler." => |node| manifests(node, "kube-scheduler");
    "etcd.manifests", "The static pod manifests that start etcd." => |node| manifests(node, "etcd");
    "cni.files", "The files in the container runtime's CNI configuration directory." => cni;
    "etcd.data-dir", "The directory that etcd keeps its data in." => etcd_data;
    "control-plane.admin-kubeconfigs", "The administrators' kubeconfigs that the platform leaves on a control plane node." => admin_kubeconfigs;
    "kube-scheduler.kubeconfigs", "The kubeconfigs that kube-scheduler uses." => |node| named(node, "kube-scheduler", &["kubeconfig", "clientConnection.kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"]);
    "kube-controller-manager.kubeconfigs", "The kubeconfigs that kube-controller-manager uses." => |node| named(node, "kube-controller-manager", &["kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"]);
    "control-plane.pki-files", "The control plane's certificate directories and everything in them, and every certificate and key that a component or kubeconfig names." => |node| pki(node, Pki::Everything);
    "control-plane.certificates", "The certificates of the control plane." => |node| pki(node, Pki::Certificates);
    "control-plane.private-keys", "The private keys of the control plane." => |node| pki(node, Pki::Keys);
    "kubelet.unit-files", "The kubelet's systemd unit file and its drop-ins." => unit_files;
    "kube-proxy.kubeconfigs", "The kubeconfig that kube-proxy uses, where it is a file of the host." => proxy_kubeconfigs;
    "kubelet.kubeconfigs", "The kubeconfig that the kubelet uses." => |node| named(node, "kubelet", &["kubeconfig"]);
    "kubelet.client-ca-files", "The authority of client certificates that the kubelet accepts." => |node| named(node, "kubelet", &["authentication.x509.clientCAFile"]);
    "kubelet.config-files", "The kubelet's configuration file and its drop-ins." => config_files;
};

fn known(value: Value, source: &str) -> Known {
    Known {
        value,
        how: How::Observed,
        source: source.to_owned(),
        basis: evidence::Basis::Running,
        notes: Vec::new(),
        partial: None,
    }
}

/// Metadata of a file, if more than its content was recorded.
fn recorded<'n>(node: &Node<'n>, path: &str) -> Seen<&'n Stat> {
    node.sight.stat(path).and_then(|stat| {
        if stat.mode == Stat::UNRECORDED {
            return Seen::Unknown(Unknown::outside(
                format!("only the content of {path} was saved, and neither its mode nor its owner"),
                "save a table of the files too (`talosctl list -l`)",
            ));
        }
        Seen::Known(stat)
    })
}

fn mode(node: &Node<'_>, path: &str) -> Resolved {
    recorded(node, path).map(|stat| known(Value::Mode(stat.mode), "its metadata"))
}

fn owner(node: &Node<'_>, path: &str) -> Resolved {
    recorded(node, path).map(|stat| {
        let owner = Owner {
            uid: stat.uid,
            gid: stat.gid,
            user: name_of(node, "/etc/passwd", stat.uid),
            group: name_of(node, "/etc/group", stat.gid),
        };
        known(Value::Owner(owner), "its metadata")
    })
}

/// The name that the root's own account file gives to an id. Root is 0 everywhere, with or without a file.
pub(crate) fn name_of(node: &Node<'_>, file: &str, id: u32) -> Option<String> {
    let from_file = node.sight.text(file).known().and_then(|(text, _)| {
        text.to_lossy().lines().find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            (fields.nth(1)?.parse() == Ok(id)).then(|| name.to_owned())
        })
    });
    from_file.or_else(|| (id == 0).then(|| "root".to_owned()))
}

/// The id that the root's own account file gives to a name.
pub(crate) fn id_of(node: &Node<'_>, file: &str, name: &str) -> Seen<u32> {
    if name == "root" {
        return Seen::Known(0);
    }
    match node.sight.text(file) {
        Seen::Known((text, _)) => {
            let found = text.to_lossy().lines().find_map(|line| {
                let mut fields = line.split(':');
                (fields.next()? == name).then(|| fields.nth(1)?.parse().ok()).flatten()
            });
            found.map_or_else(|| Seen::Absent(format!("{file} has no {name}")), Seen::Known)
        }
        // A whole machine without accounts has none of this name.
        Seen::Absent(proof) if node.asks_talos() => Seen::Absent(proof),
        Seen::Absent(proof) => Seen::Unknown(Unknown::new(
            format!("{name} cannot be translated to an id: {proof}"),
            "look at a root that has its accounts",
        )),
        Seen::Unknown(unknown) => Seen::Unknown(unknown),
    }
}

/// A set is not there where its members are neither named nor could any be unseen.
pub(super) fn found(members: Members, proof: impl FnOnce() -> String) -> Seen<Members> {
    match (members.paths.is_empty(), members.unseen) {
        (true, None) => Seen::Absent(proof()),
        (true, Some(unknown)) => Seen::Unknown(unknown),
        (false, unseen) => Seen::Known(Members { paths: members.paths, unseen }),
    }
}

/// A file that a component names and that is not there lies somewhere else: the set is not whole.
pub(super) fn there(node: &Node<'_>, members: &mut Members) {
    let (there, gone) =
        members.paths.iter().cloned().partition(|path| !matches!(node.sight.stat(path), Seen::Absent(_)));
    members.paths = there;
    let gone: BTreeSet<String> = gone;
    if let Some(path) = gone.first() {
        let why = format!("{path} is named, but it is not among the node's files");
        members.unseen.get_or_insert(Unknown::new(why, "look at it inside the component's container"));
    }
}

/// Where paths that an instance names lie on the node, with what could not be located.
pub(super) fn placed(node: &Node<'_>, instance: &Instance, paths: Vec<String>) -> (Vec<String>, Option<Unknown>) {
    let (mut places, mut unseen) = (Vec::new(), None);
    for path in paths {
        match node.locate(instance, &path) {
            Seen::Known(place) => places.push(place),
            Seen::Absent(_) => {}
            Seen::Unknown(unknown) => unseen = unseen.or(Some(unknown)),
        }
    }
    (places, unseen)
}

/// Where the files that an instance's settings name lie on the node, with what could not be located.
pub(super) fn located(node: &Node<'_>, instance: &Instance, settings: &[&str]) -> (Vec<String>, Option<Unknown>) {
    let (mut places, mut unseen) = (Vec::new(), None);
    for setting in settings {
        let (found, missed) = match node.setting(instance, setting) {
            Seen::Known(known) => placed(node, instance, members(known)),
            Seen::Absent(_) => continue,
            Seen::Unknown(unknown) => (Vec::new(), Some(unknown)),
        };
        places.extend(found);
        unseen = unseen.or(missed);
    }
    (places, unseen)
}

/// Those of some settings that are documented of a component.
fn own<'s>(node: &Node<'_>, component: &str, settings: &[&'s str]) -> Vec<&'s str> {
    settings.iter().copied().filter(|name| node.content.component(component).setting(name).is_some()).collect()
}

/// The files that settings of a component's instances name.
fn named(node: &Node<'_>, component: &str, settings: &[&str]) -> Seen<Members> {
    node.instances(component).and_then(|instances| {
        let mut members = Members::default();
        for instance in instances {
            let (paths, unseen) = located(node, instance, &own(node, component, settings));
            members.paths.extend(paths);
            members.unseen = members.unseen.or(unseen);
        }
        there(node, &mut members);
        found(members, || format!("{component} names no such file that is on this node ({})", settings.join(", ")))
    })
}

/// Without the setting, etcd keeps its data beside wherever it was started.
fn etcd_data(node: &Node<'_>) -> Seen<Members> {
    match (named(node, "etcd", &["data-dir"]), node.instances("etcd")) {
        (Seen::Absent(_), Seen::Known(_)) => Seen::Unknown(Unknown::new(
            "etcd was given no data directory: it keeps its data below its working directory",
            "give it --data-dir, or look there on the node",
        )),
        (found, _) => found,
    }
}

/// A component that runs without a manifest is no static pod, and then there is nothing to judge.
fn manifests(node: &Node<'_>, component: &'static str) -> Seen<Members> {
    let Some(component) = crate::components::Component::named(component) else { return Seen::Absent(String::new()) };
    let all = node.manifests();
    let (served, read): (Vec<_>, Vec<_>) = all
        .read
        .iter()
        .filter(|manifest| manifest.runs(component.processes).is_some())
        .partition(|manifest| manifest.served);
    let paths = read.into_iter().map(|manifest| manifest.path.clone());
    let members = Members { paths: paths.collect(), unseen: all.unseen.clone() };
    if let Some(manifest) = served.first() {
        let elsewhere = match all.directories.as_slice() {
            [] => "the kubelet reads no directory of static pods".to_owned(),
            directories => format!("{} has none of it", directories.join(", ")),
        };
        let why = format!("its manifest is in no file: it is served from memory ({}), and {elsewhere}", manifest.path);
        return found(members, || why);
    }
    if node.is_service(component.name) == Some(true) {
        let why = format!("it is a service of the system ({}) and no static pod", place(SERVICES, component.name));
        return found(members, || why);
    }
    found(members, || match all.directories.as_slice() {
        [] => "the kubelet was given no directory of static pods".to_owned(),
        directories => format!("no static pod manifest in {} starts {}", directories.join(", "), component.name),
    })
}

/// The runtime's own directory (containerd's `conf_dir`), else the platform's place.
fn cni(node: &Node<'_>) -> Seen<Members> {
    let mut members = Members::default();
    let containerd = node.sight.text("/etc/containerd/config.toml");
    if let Seen::Unknown(unknown) = &containerd {
        members.unseen = Some(unknown.clone());
    }
    let configured = containerd.known().map(|(text, _)| {
        text.to_lossy()
            .lines()
            .filter_map(|line| line.trim().strip_prefix("conf_dir").or_else(|| line.trim().strip_prefix("conf_dirs")))
            .flat_map(|rest| rest.split(['"', '\'']).skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>())
            .filter(|path| path.starts_with('/'))
            .collect::<Vec<String>>()
    });
    let directories =
        configured.filter(|found| !found.is_empty()).unwrap_or_else(|| node.platform.places("cni").to_vec());
    for directory in &directories {
        files_beneath(node, directory.trim_end_matches('/'), DEPTH, &mut members, &|_| true);
    }
    there(node, &mut members);
    found(members, || format!("there is no file in {}", directories.join(", ")))
}

/// Adds the files of a directory that satisfy a test, entering directories to a depth.
pub(super) fn files_beneath(
    node: &Node<'_>,
    directory: &str,
    depth: u8,
    members: &mut Members,
    wanted: &dyn Fn(&str) -> bool,
) {
    match node.sight.list(directory) {
        Seen::Known(listing) => {
            if !listing.complete {
                let why = format!("{directory} has more entries than are taken");
                members.unseen.get_or_insert(Unknown::new(why, "tidy it up, or look at it on the node"));
            }
            for entry in &listing.entries {
                let path = format!("{directory}/{}", entry.name);
                // A link to a directory is an entry of its own kind, and its metadata is the directory's.
                let link = || matches!(node.sight.stat(&path), Seen::Known(stat) if stat.kind == FileKind::Dir);
                if entry.dir && depth > 1 {
                    files_beneath(node, &path, depth - 1, members, wanted);
                } else if entry.dir || link() {
                    let why = format!("{path} is a directory that was not entered");
                    members.unseen.get_or_insert(Unknown::new(why, "look at its files on the node"));
                } else if wanted(&path) {
                    members.paths.insert(path);
                }
            }
        }
        Seen::Absent(_) => {}
        Seen::Unknown(unknown) => {
            members.unseen.get_or_insert(unknown);
        }
    }
}

/// How deep directories are entered.
pub(crate) const DEPTH: u8 = 3;

pub(super) fn has_suffix(path: &str, suffixes: &[&str]) -> bool {
    suffixes.iter().any(|suffix| path.ends_with(suffix))
}

fn admin_kubeconfigs(node: &Node<'_>) -> Seen<Members> {
    let places = node.platform.places("admin-kubeconfigs");
    let there = places.iter().filter(|path| !matches!(node.sight.stat(path), Seen::Absent(_)));
    let members = Members { paths: there.cloned().collect(), unseen: None };
    found(members, || format!("none of {} is on this node", places.join(", ")))
}

fn unit_files(node: &Node<'_>) -> Seen<Members> {
    node.instances("kubelet").and_then(|_| {
        let names = node.platform.places("kubelet-units");
        let mut members = Members::default();
        for name in names {
            let found = node.unit_files(name);
            members.paths.extend(found.files);
            members.unseen = members.unseen.or(found.unseen);
        }
        found(members, || format!("there is no systemd unit {}", names.join(", ")))
    })
}

/// Settings of kube-proxy that name its kubeconfig.
const PROXY_KUBECONFIG: [&str; 2] = ["kubeconfig", "clientConnection.kubeconfig"];

/// A kubeconfig in a pod's volume is the cluster's, not a file of the host.
fn proxy_kubeconfigs(node: &Node<'_>) -> Seen<Members> {
    match node.instances("kube-proxy") {
        Seen::Known(instances) if instances.iter().any(|proxy| node.configuration_is_elsewhere(proxy)) => {
            return Seen::Absent(
                "kube-proxy's configuration lies in its pod's volume, not among the host's files".to_owned(),
            );
        }
        _ => {}
    }
    if let Seen::Known(instances) = node.instances("kube-proxy")
        && node.is_service("kube-proxy") == Some(false)
        && instances.iter().all(|proxy| is_nowhere(node, proxy))
    {
        let why = "kube-proxy is none of the system's services, so it is a pod, and its kubeconfig is not among the host's files";
        return Seen::Absent(why.to_owned());
    }
    named(node, "kube-proxy", &PROXY_KUBECONFIG).and_then(|mut members| {
        members.paths.retain(|path| !path.starts_with(evidence::POD_VOLUMES));
        found(members, || "kube-proxy's kubeconfig lies in its pod's volume, not among the host's files".to_owned())
    })
}

/// Whether the kubeconfig that an instance names is provably none of the host's files.
fn is_nowhere(node: &Node<'_>, proxy: &Instance) -> bool {
    let (paths, unseen) = located(node, proxy, &own(node, "kube-proxy", &PROXY_KUBECONFIG));
    unseen.is_none() && !paths.is_empty() && paths.iter().all(|path| matches!(node.sight.stat(path), Seen::Absent(_)))
}

fn config_files(node: &Node<'_>) -> Seen<Members> {
    node.instances("kubelet").and_then(|instances| {
        let mut members = Members::default();
        for kubelet in instances {
            if let Some(path) = kubelet.flags.last("config").filter(|path| !path.is_empty()) {
                match node.locate(kubelet, path) {
                    Seen::Known(place) => {
                        members.paths.insert(place);
                    }
                    Seen::Absent(_) => {}
                    Seen::Unknown(unknown) => members.unseen = members.unseen.or(Some(unknown)),
                }
            }
            if let Some(directory) = kubelet.flags.last("config-dir").filter(|path| !path.is_empty()) {
                if let Seen::Absent(proof) = node.sight.list(directory) {
                    let why =
                        format!("{} was given --config-dir={directory}, which is not there ({proof})", kubelet.name);
                    members.unseen.get_or_insert(Unknown::new(why, "restart the kubelet and scan again"));
                }
                let wanted = |path: &str| has_suffix(path, &[".conf"]);
                files_beneath(node, directory.trim_end_matches('/'), DEPTH, &mut members, &wanted);
            }
        }
        there(node, &mut members);
        found(members, || "the kubelet was given no configuration file".to_owned())
    })
}
