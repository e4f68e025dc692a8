//! A node as the Kubernetes API alone shows it: its kubelet's configuration in force, and its static pods' mirrors.

use std::rc::Rc;

use evidence::{Basis, CONFIGZ, MIRROR_PODS, Source};

use crate::components::Component;
use crate::facts::Members;
use crate::flags::Flags;
use crate::manifest::Manifest;
use crate::node::{Instance, Manifests, Node};
use crate::talos::parsed;
use crate::value::{Seen, Unknown};

impl Node<'_> {
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
