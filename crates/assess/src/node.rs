//! A node as the judge sees it: its components, their command lines, and where their files lie.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use benchmark::{Content, Platform, Version};
use evidence::{Basis, Capture, Process, Source, Text};

use crate::cluster::Cluster;
use crate::components::{COMPONENTS, Component};
use crate::config::Config;
use crate::facts::{Kernel, Served};
use crate::flags::Flags;
use crate::manifest::{Container, Lies, Manifest};
use crate::sight::Sight;
use crate::talos::Spec;
use crate::value::{Seen, Unknown};

/// A node.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    /// What was seen.
    pub sight: Sight<'a>,
    /// The content: defaults of components.
    pub content: &'a Content,
    /// The platform.
    pub platform: &'a Platform,
    /// The Kubernetes version, if known.
    pub version: Option<Version>,
    /// What was read of the kernel.
    pub kernel: Kernel,
    /// What was read of the cluster's objects.
    pub cluster: Cluster,
    /// What the kubelets of the run serve with.
    pub kubelets: &'a [Served],
    manifests: OnceCell<Manifests>,
    /// What runs, by component.
    pub(crate) instances: BTreeMap<&'static str, Seen<Vec<Instance>>>,
    pub(crate) configs: RefCell<BTreeMap<String, Seen<Option<Rc<Config>>>>>,
    pub(crate) specs: RefCell<BTreeMap<String, Seen<Rc<Spec>>>>,
}

/// The static pods of a node.
#[derive(Debug, Default)]
pub(crate) struct Manifests {
    /// Those that could be read.
    pub read: Vec<Manifest>,
    /// What could not be seen of them.
    pub unseen: Option<Unknown>,
    /// The directories, for a proof of absence.
    pub directories: Vec<String>,
}

/// One running (or, where nothing running is in reach, declared) component.
#[derive(Clone, Debug)]
pub(crate) struct Instance {
    /// Which component.
    pub component: &'static Component,
    /// Its name among the subjects.
    pub name: String,
    /// Its process.
    pub process: Option<Process>,
    /// Its command line.
    pub flags: Flags,
    /// Where the command line was seen, for a reader.
    pub source: String,
    /// How directly.
    pub basis: Basis,
    /// The container of the static pod that declares it, with the manifest's path.
    pub declared: Option<(String, Container)>,
    /// The command line that a restart would use, and where it stands.
    pub next: Option<(Flags, String)>,
    /// Why its command line is not shown, where it is not.
    pub hidden: Option<Rc<Unknown>>,
}

impl<'a> Node<'a> {
    /// A node from a capture.
    pub(crate) fn new(capture: &'a Capture, content: &'a Content, platform: &'a Platform) -> Self {
        let mut node = Self {
            sight: Sight::new(capture),
            content,
            platform,
            version: None,
            kernel: Kernel::default(),
            cluster: Cluster::default(),
            kubelets: &[],
            manifests: OnceCell::new(),
            instances: BTreeMap::new(),
            configs: RefCell::default(),
            specs: RefCell::default(),
        };
        // The kubelet first: it says where the manifests of the others lie.
        for component in &COMPONENTS {
            let found = node.find(component);
            node.instances.insert(component.name, found);
        }
        node
    }

    /// Whether this is a cluster's own objects, and no node.
    pub(crate) fn is_cluster(&self) -> bool {
        self.sight.capture.source == Source::Cluster
    }

    /// The instances of a component.
    pub(crate) fn instances(&self, component: &str) -> Seen<&[Instance]> {
        match self.instances.get(component) {
            Some(seen) => seen.as_ref().map(Vec::as_slice),
            None => Seen::Absent(format!("kube-assay knows no component {component}")),
        }
    }

    /// The only instance of a component, for facts that join two components of one node.
    pub(crate) fn only(&self, component: &str) -> Seen<&Instance> {
        self.instances(component).and_then(|instances| match instances {
            [one] => Seen::Known(one),
            many => Seen::Unknown(Unknown::new(
                format!("{} instances of {component} run on this node", many.len()),
                "look at each of them on the node itself",
            )),
        })
    }

    /// The static pods.
    pub(crate) fn manifests(&self) -> &Manifests {
        self.manifests.get_or_init(|| {
            if self.is_of_api() {
                return self.mirrored();
            }
            let (directories, unseen) = self.manifest_directories();
            let mut manifests = Manifests { unseen, directories, ..Manifests::default() };
            for directory in manifests.directories.clone() {
                let entries = match self.sight.list(&directory) {
                    Seen::Known(listing) => &listing.entries,
                    Seen::Absent(_) => continue,
                    Seen::Unknown(unknown) => {
                        manifests.unseen.get_or_insert(unknown);
                        continue;
                    }
                };
                // The kubelet reads every file of the directory but those whose names begin with a dot.
                for entry in entries.iter().filter(|entry| !entry.dir && !entry.name.as_bytes().starts_with(b".")) {
                    let path = format!("{directory}/{}", entry.name);
                    let manifest = self.sight.text(&path).and_then(|(text, _)| {
                        Manifest::read(&path, &text.bytes).map_or_else(
                            |error| {
                                Seen::Unknown(Unknown::new(
                                    format!("{path} does not parse: {error}"),
                                    "mend the manifest: the kubelet cannot read it either",
                                ))
                            },
                            Seen::Known,
                        )
                    });
                    match manifest {
                        Seen::Known(manifest) => manifests.read.push(manifest),
                        Seen::Absent(_) => {}
                        Seen::Unknown(unknown) => {
                            manifests.unseen.get_or_insert(unknown);
                        }
                    }
                }
            }
            self.served_by_talos(&mut manifests);
            manifests
        })
    }

    /// Where the kubelet looks for static pods, and why that may be elsewhere too. Where no kubelet is on the node, or
    /// its setting cannot be seen, the platform's place is looked at.
    fn manifest_directories(&self) -> (Vec<String>, Option<Unknown>) {
        let usual = || self.platform.places("manifests").to_vec();
        let kubelet = match self.only("kubelet") {
            Seen::Known(kubelet) => kubelet,
            Seen::Absent(_) => return (usual(), None),
            Seen::Unknown(unknown) => return (usual(), Some(unknown)),
        };
        match self.setting(kubelet, "staticPodPath") {
            Seen::Known(known) => (vec![known.value.to_string().trim_end_matches('/').to_owned()], None),
            Seen::Absent(_) => (Vec::new(), None),
            // Talos lets nobody change it: it is its own place, or none (`KubeletSpecController`, 1.9 to 1.15).
            Seen::Unknown(_) if self.asks_talos() => (usual(), None),
            Seen::Unknown(unknown) => (usual(), Some(unknown)),
        }
    }

    fn find(&self, component: &'static Component) -> Seen<Vec<Instance>> {
        if self.is_of_api() {
            return self.shown_by_api(component);
        }
        let (declared, unseen) = self.declarations(component);
        if !self.sight.capture.reach.processes {
            return self.declared_only(component, declared, unseen);
        }
        let table = match self.sight.processes() {
            Seen::Known(table) => table,
            Seen::Absent(proof) => return Seen::Absent(proof),
            Seen::Unknown(unknown) => return Seen::Unknown(unknown),
        };
        let running: Vec<&Process> = table
            .matched
            .iter()
            .filter(|process| process.names.iter().any(|name| component.processes.contains(&name.as_str())))
            .collect();
        if running.is_empty() {
            if let Some((_, source)) = declared.first() {
                return Seen::Unknown(Unknown::new(
                    format!("{} is declared ({source}) but no process of it runs", component.name),
                    "start it, or look at why it does not run",
                ));
            }
            if let Some(unseen) = unseen {
                return Seen::Unknown(unseen);
            }
            if let Some(why) = &table.incomplete {
                return Seen::Unknown(Unknown::new(
                    format!("no {} process is visible, and not all are: {why}", component.name),
                    "scan with the host's process table in sight",
                ));
            }
            return Seen::Absent(format!("none of {} processes is {}", table.examined, component.name));
        }
        if let Some(process) = running.iter().find(|process| process.argv.is_empty()) {
            return Seen::Unknown(Unknown::new(
                format!("the arguments of {} (pid {}) may not be read", component.name, process.pid),
                "run with root, or CAP_SYS_PTRACE",
            ));
        }
        let rules = self.content.component(component.name);
        let several = running.len() > 1;
        let instances = running.into_iter().map(|process| {
            let container = self.container(component, process);
            // A pid only where there are several: it is each node's own, and nodes that are alike are told together.
            let name =
                if several { format!("{} (pid {})", component.name, process.pid) } else { component.name.to_owned() };
            Instance {
                component,
                flags: Flags::read(process.argv.get(1..).unwrap_or_default(), rules),
                source: format!("the arguments of {name}"),
                name,
                basis: Basis::Running,
                next: container
                    .as_ref()
                    .and_then(|(path, container)| {
                        Some((Flags::read(container.arguments(component.processes)?, rules), path.clone()))
                    })
                    .or_else(|| declared.first().map(|(flags, source)| (flags.clone(), source.clone()))),
                declared: container,
                process: Some(process.clone()),
                hidden: None,
            }
        });
        Seen::Known(instances.collect())
    }

    /// The static pod's container that a process comes from: the one that runs the same program.
    fn container(&self, component: &'static Component, process: &Process) -> Option<(String, Container)> {
        if component.name == "kubelet" {
            return None;
        }
        let candidates: Vec<(String, Container)> = self
            .manifests()
            .read
            .iter()
            .filter_map(|manifest| Some((manifest.path.clone(), manifest.runs(component.processes)?.clone())))
            .collect();
        let of = |(_, container): &&(String, Container)| container.may_have_started(component.processes, &process.argv);
        let same = candidates.iter().find(of).cloned();
        same.or_else(|| candidates.into_iter().next())
    }

    /// Command lines that files declare for a component: static pods, then its unit.
    fn declarations(&self, component: &'static Component) -> (Vec<(Flags, String)>, Option<Unknown>) {
        let rules = self.content.component(component.name);
        let (mut found, mut unseen) = (Vec::new(), None);
        if component.name != "kubelet" {
            unseen.clone_from(&self.manifests().unseen);
            for manifest in &self.manifests().read {
                let Some(container) = manifest.runs(component.processes) else { continue };
                match container.arguments(component.processes) {
                    Some(arguments) => found.push((Flags::read(arguments, rules), manifest.path.clone())),
                    None => {
                        unseen.get_or_insert(Unknown::new(
                            format!("{} starts {} through another program", manifest.path, component.name),
                            "look at the arguments that it ends up with, on the running node",
                        ));
                    }
                }
            }
        }
        match self.declared_by_talos(component.name) {
            Some(Seen::Known((arguments, place))) => found.push((Flags::read(&arguments, rules), place)),
            Some(Seen::Unknown(unknown)) => unseen = unseen.or(Some(unknown)),
            Some(Seen::Absent(_)) | None => {}
        }
        // A unit that is merely installed declares nothing; the kubelet's is what a restart would use.
        let units = component.name == "kubelet" || !self.sight.capture.reach.processes;
        for name in self.platform.places(component.units).iter().filter(|_| units) {
            let (unit, files) = match self.unit(name) {
                Seen::Known(known) => known,
                Seen::Absent(_) => continue,
                Seen::Unknown(unknown) => {
                    unseen = unseen.or(Some(unknown));
                    continue;
                }
            };
            let text = |path: &str| self.sight.text(path).known().map(|(text, _)| text.to_lossy().into_owned());
            if let Some(argv) = unit.command(text) {
                let source = files.last().cloned().unwrap_or_else(|| name.clone());
                found.push((Flags::read(argv.get(1..).unwrap_or_default(), rules), source));
            }
        }
        (found, unseen)
    }

    /// Without processes in reach, what is declared is what there is.
    fn declared_only(
        &self,
        component: &'static Component,
        declared: Vec<(Flags, String)>,
        unseen: Option<Unknown>,
    ) -> Seen<Vec<Instance>> {
        if declared.is_empty() {
            if let Some(unseen) = unseen {
                return Seen::Unknown(unseen);
            }
            if component.in_cluster {
                return Seen::Unknown(Unknown::outside(
                    format!(
                        "files of a node do not tell whether {} runs: it is started from the cluster's API",
                        component.name
                    ),
                    "scan the running node",
                ));
            }
            // Services of Talos are declared in no file.
            if component.name == "etcd" && self.asks_talos() && !self.is_provably_without_etcd() {
                return Seen::Unknown(Unknown::outside(
                    format!("nothing that was saved tells with what arguments {} runs", component.name),
                    "save `talosctl processes` too",
                ));
            }
            return Seen::Absent(format!("no static pod manifest and no unit of this node starts {}", component.name));
        }
        let several = declared.len() > 1;
        // The kubelet's unit says where manifests lie: they are not asked for before it is known.
        let manifests = if component.name == "kubelet" { &[][..] } else { &self.manifests().read };
        let instances = declared.into_iter().map(|(flags, source)| Instance {
            component,
            name: if several { format!("{} ({source})", component.name) } else { component.name.to_owned() },
            process: None,
            flags,
            basis: if self.sight.capture.source == Source::Rendered { Basis::Rendered } else { Basis::Declared },
            declared: manifests
                .iter()
                .find(|manifest| manifest.path == source)
                .and_then(|manifest| Some((manifest.path.clone(), manifest.runs(component.processes)?.clone()))),
            source,
            next: None,
            hidden: None,
        });
        Seen::Known(instances.collect())
    }

    /// Where a path that an instance names lies on the node. Unknown: not among the node's files.
    pub(crate) fn locate(&self, instance: &Instance, path: &str) -> Seen<String> {
        let path = if path.len() > 1 { path.trim_end_matches('/') } else { path };
        let path = match instance.process.as_ref().and_then(|process| process.cwd.as_ref()) {
            Some(cwd) if !path.starts_with('/') => format!("{}/{path}", cwd.to_lossy().trim_end_matches('/')),
            _ => path.to_owned(),
        };
        if let Some((manifest, container)) = &instance.declared {
            // A process that was started from another manifest than the one that lies there may see other mounts.
            let programs = instance.component.processes;
            let own =
                instance.process.as_ref().is_none_or(|process| container.may_have_started(programs, &process.argv));
            return match container.locate(&path) {
                Lies::OnHost(host) => Seen::Known(host),
                Lies::InImage if !own => Seen::Known(path),
                Lies::InVolume => Seen::Unknown(Unknown::new(
                    format!("{path} lies in a volume of the pod, not in a host path of {manifest}"),
                    "look at the volume's source",
                )),
                Lies::InImage => Seen::Unknown(Unknown::new(
                    format!("{path} lies inside the container's image: no host path of {manifest} holds it"),
                    "look at it inside the container",
                )),
            };
        }
        // Only a pod from the cluster's API has a volume that is a ConfigMap (a static pod may not name one).
        if let Some(pod) = instance.process.as_ref().and_then(|process| process.pod.as_ref()) {
            let volumes = format!("{}/{pod}/volumes/kubernetes.io~configmap", evidence::POD_VOLUMES);
            if let (Seen::Known(listing), Some((_, file))) = (self.sight.list(&volumes), path.rsplit_once('/')) {
                let candidates = listing.entries.iter().map(|entry| format!("{volumes}/{}/{file}", entry.name));
                let there: Vec<String> =
                    candidates.filter(|path| matches!(self.sight.stat(path), Seen::Known(_))).collect();
                if let [one] = there.as_slice() {
                    return Seen::Known(one.clone());
                }
            }
        }
        // Its manifest may be among those that could not be read, and may put the path anywhere.
        if instance.component.name != "kubelet"
            && let Some(unseen) = &self.manifests().unseen
        {
            return Seen::Unknown(unseen.clone());
        }
        Seen::Known(path)
    }

    /// Whether an instance was given a configuration file that provably is not among the node's files: it lies in a
    /// volume of the instance's pod.
    pub(crate) fn configuration_is_elsewhere(&self, instance: &Instance) -> bool {
        let path = instance.component.config.and_then(|flag| instance.flags.last(flag));
        path.is_some_and(|path| {
            self.locate(instance, path).known().is_some_and(|place| matches!(self.sight.stat(place), Seen::Absent(_)))
        })
    }

    /// The text of a file that an instance names, with its place. A file that changed after the process started does
    /// not tell what runs, unless the component reads it again by itself.
    pub(crate) fn configuration(&self, instance: &Instance, path: &str, reloads: bool) -> Seen<(&'a Text, String)> {
        self.locate(instance, path).and_then(|place| {
            self.sight.text(&place).and_then(|(text, stat)| {
                let started = instance.process.as_ref().and_then(|process| process.started);
                match (started, stat.modified) {
                    (Some(started), Some(modified)) if modified > started && !reloads => Seen::Unknown(Unknown::new(
                        format!(
                            "{place} was changed after {} started: what runs may differ from what it says",
                            instance.name
                        ),
                        format!("restart {} and scan again", instance.component.name),
                    )),
                    _ => Seen::Known((text, place)),
                }
            })
        })
    }
}
