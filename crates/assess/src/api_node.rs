//! A node as the Kubernetes API alone shows it: its kubelet's configuration in force, and its static pods' mirrors.

use std::rc::Rc;

use evidence::{Basis, CONFIGZ, MIRROR_PODS, Source};

use crate::cluster::name_of;
use crate::components::Component;
use crate::config::Config;
use crate::document;
use crate::facts::Members;
use crate::flags::Flags;
use crate::manifest::{Container, Manifest};
use crate::node::{Instance, Manifests, Node};
use crate::talos::parsed;
use crate::value::{Seen, Unknown};

/// Where kubeadm and its like keep kube-proxy's configuration.
const PROXY_CONFIG: &str = "/api/v1/namespaces/kube-system/configmaps/kube-proxy";

/// kube-proxy as a cluster declares it: its `DaemonSet`, and the `ConfigMap` that this one mounts.
#[derive(Debug)]
pub(crate) struct Proxy {
    place: String,
    container: Container,
    flags: Flags,
    config: Seen<Option<Rc<Config>>>,
}

impl Proxy {
    /// What the cluster's own capture tells of it; none: no `DaemonSet` runs it.
    pub(crate) fn of(cluster: &Node<'_>) -> Option<Self> {
        let component = Component::named("kube-proxy")?;
        let mut found = None;
        let _ = cluster.each_object("/apis/apps/v1/daemonsets", |object| {
            let (namespace, name) = name_of(object);
            let place = format!("DaemonSet {}/{name}", namespace.unwrap_or_default());
            let Some(template) = object.pointer("/spec/template") else { return };
            let manifest = Manifest::of(place, template, true);
            if let Some(container) = manifest.runs(component.processes) {
                found.get_or_insert_with(|| (manifest.path.clone(), container.clone()));
            }
        });
        let (place, container) = found?;
        let rules = cluster.content.component(component.name);
        let flags = Flags::read(container.arguments(component.processes)?, rules);
        let config = match flags.last("config") {
            None => Seen::Known(None),
            Some(_) => cluster.sight.body(PROXY_CONFIG).and_then(|body| {
                let read = document::read("ConfigMap kube-system/kube-proxy", &body.bytes);
                let place = "ConfigMap kube-system/kube-proxy".to_owned();
                read.map(|json| Some(Rc::new(Config::declared(json, place))))
            }),
        };
        // That it is not where kubeadm keeps it does not say that there is none.
        let config = match config {
            Seen::Absent(proof) => Seen::Unknown(Unknown::outside(proof, "let a probe look at the node")),
            other => other,
        };
        Some(Self { place, container, flags, config })
    }
}

impl Node<'_> {
    /// Takes in what the cluster declares of kube-proxy, where nothing of it was seen on the node.
    pub(crate) fn has_proxy(&mut self, proxy: &Proxy) {
        let Some(component) = Component::named("kube-proxy") else { return };
        let instance = Instance {
            component,
            name: component.name.to_owned(),
            process: None,
            flags: proxy.flags.clone(),
            source: proxy.place.clone(),
            basis: Basis::Declared,
            declared: Some((proxy.place.clone(), proxy.container.clone())),
            next: None,
            hidden: None,
        };
        self.configs.borrow_mut().insert(instance.name.clone(), proxy.config.clone());
        self.shown(component.name, instance);
    }

    /// Takes in that another node of the cluster shows a component that this worker shows nothing of.
    pub(crate) fn runs_elsewhere(&mut self, component: &'static str, other: &str) {
        let worker = self.sight.capture.identity.get("role").is_some_and(|role| role == "worker");
        let nothing = matches!(self.instances.get(component), Some(Seen::Unknown(unknown)) if unknown.outside);
        if worker && nothing {
            let proof = format!("this worker has no static pod of {component}: the cluster's runs on {other}");
            self.instances.insert(component, Seen::Absent(proof));
        }
    }

    /// Takes an instance in that other evidence than the node's own shows.
    pub(crate) fn shown(&mut self, component: &'static str, instance: Instance) {
        if matches!(self.instances.get(component), Some(Seen::Unknown(unknown)) if unknown.outside) {
            self.instances.insert(component, Seen::Known(vec![instance]));
        }
    }

    /// Whether nothing was looked at but what the API shows.
    pub(crate) fn is_of_api(&self) -> bool {
        self.sight.capture.source == Source::ClusterNode
    }

    /// The static pods, by their mirrors. They show arguments and mounts, and no file.
    pub(crate) fn mirrored(&self) -> Manifests {
        let mut manifests = Manifests::default();
        match self.sight.resources(MIRROR_PODS) {
            Seen::Known(pods) => {
                for pod in pods {
                    match parsed("mirror pod", pod) {
                        Seen::Known(spec) => manifests.read.push(Manifest::of(spec.place, &spec.json, true)),
                        Seen::Absent(_) => {}
                        Seen::Unknown(unknown) => manifests.unseen = manifests.unseen.take().or(Some(unknown)),
                    }
                }
            }
            Seen::Absent(_) => {}
            Seen::Unknown(unknown) => manifests.unseen = Some(unknown),
        }
        manifests
    }

    /// What the API tells of a component on this node. That a node is registered shows its kubelet.
    pub(crate) fn shown_by_api(&self, component: &'static Component) -> Seen<Vec<Instance>> {
        if component.name == "kubelet" {
            let flags =
                Unknown::outside("the API does not show the flags of a kubelet", "let a probe look at the node");
            return Seen::Known(vec![Instance {
                component,
                name: component.name.to_owned(),
                process: None,
                flags: Flags::default(),
                source: "the Kubernetes API".to_owned(),
                basis: Basis::Running,
                declared: None,
                next: None,
                hidden: Some(Rc::new(flags)),
            }]);
        }
        let manifests = self.manifests();
        let rules = self.content.component(component.name);
        let mut all = Vec::new();
        for manifest in &manifests.read {
            let Some(container) = manifest.runs(component.processes) else { continue };
            let Some(arguments) = container.arguments(component.processes) else { continue };
            all.push(Instance {
                component,
                name: component.name.to_owned(),
                process: None,
                flags: Flags::read(arguments, rules),
                source: manifest.path.clone(),
                basis: Basis::Declared,
                declared: Some((manifest.path.clone(), container.clone())),
                next: None,
                hidden: None,
            });
        }
        match &manifests.unseen {
            _ if !all.is_empty() => Seen::Known(all),
            Some(unknown) => Seen::Unknown(unknown.clone()),
            None => Seen::Unknown(Unknown::outside(
                format!("the API shows no static pod of {} on this node; it may be started otherwise", component.name),
                "let a probe look at the node",
            )),
        }
    }

    /// The files of a component, none of which the API shows: not even which there are.
    pub(crate) fn files_behind_api(&self, component: &str) -> Seen<Members> {
        let hidden = Unknown::outside("the API does not show files of a node", "let a probe look at the node");
        match Component::named(component).map(|component| self.instances(component.name)) {
            Some(Seen::Absent(proof)) => Seen::Absent(proof),
            _ => Seen::Unknown(hidden),
        }
    }

    /// Why a setting of a kubelet is not known, of which only the API tells.
    pub(crate) fn hidden(&self, instance: &Instance, in_configuration: bool) -> Option<Unknown> {
        let flags = instance.hidden.as_ref()?;
        match self.sight.body(CONFIGZ) {
            Seen::Unknown(unknown) if in_configuration => Some(unknown),
            _ => Some((**flags).clone()),
        }
    }
}
