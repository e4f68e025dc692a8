//! What must be known of all captures before one of them is judged: the declared joins.

use std::collections::BTreeSet;

use evidence::Source;

use crate::api_node::Proxy;
use crate::cluster::Joined;
use crate::components::COMPONENTS;
use crate::facts::{self, Served};
use crate::node::Node;
use crate::value::{Resolved, Seen, Unknown};

/// What captures tell together.
#[derive(Debug, Default)]
pub(crate) struct Together {
    /// The first capture's name, and the first cluster's.
    first: Option<String>,
    cluster: Option<String>,
    /// Whether there is a capture that was not saved by a person.
    looked: bool,
    /// Components that a node shows.
    shown: BTreeSet<&'static str>,
    /// Components that the API shows on a node, with the first such node.
    of_api: Vec<(&'static str, String)>,
    /// kube-proxy as the cluster declares it.
    proxy: Option<Proxy>,
    pod_security: Agreed,
    plugins: Agreed,
    seccomp: Agreed,
    kubelets: Vec<Served>,
}

impl Together {
    /// Takes in what one capture tells.
    pub(crate) fn take(&mut self, node: &Node<'_>) {
        let name = || node.sight.capture.name.clone();
        self.first.get_or_insert_with(name);
        self.looked |= node.sight.capture.source != Source::Saved;
        let runs = COMPONENTS.iter().filter(|component| node.instances(component.name).known().is_some());
        for component in runs {
            self.shown.insert(component.name);
            let told = self.of_api.iter().any(|(known, _)| *known == component.name);
            if node.is_of_api() && component.name != "kubelet" && !component.in_cluster && !told {
                self.of_api.push((component.name, name()));
            }
        }
        if node.is_cluster() {
            if self.cluster.is_none() {
                self.cluster = Some(name());
                self.proxy = Proxy::of(node);
            }
            return;
        }
        self.kubelets.extend(facts::served_on(node));
        self.pod_security.take(node, POD_SECURITY);
        self.plugins.take(node, PLUGINS);
        self.seccomp.take(node, SECCOMP);
    }

    /// Tells a node what others show of it: where only the API tells of it, kube-proxy, and for workers that the control
    /// plane's static pods are elsewhere; a cluster, what its nodes say together; all, what the kubelets serve with.
    pub(crate) fn tell<'n>(&'n self, node: &mut Node<'n>) {
        node.kubelets = &self.kubelets;
        if node.is_cluster() && self.cluster.as_ref() == Some(&node.sight.capture.name) {
            node.cluster.joined = Joined {
                pod_security: self.pod_security.of(POD_SECURITY),
                plugins: self.plugins.of(PLUGINS),
                seccomp: self.seccomp.of(SECCOMP),
            };
        }
        if node.is_of_api() {
            if let Some(proxy) = &self.proxy {
                node.has_proxy(proxy);
            }
            for (component, other) in &self.of_api {
                node.runs_elsewhere(component, other);
            }
        }
    }

    /// Whether a node shows a component.
    pub(crate) fn shows(&self, component: &str) -> bool {
        self.shown.contains(component)
    }

    pub(crate) fn has_cluster(&self) -> bool {
        self.cluster.is_some()
    }

    /// Whether a person saved everything that there is.
    pub(crate) fn only_saved(&self) -> bool {
        !self.looked
    }

    /// The capture that stands for all of them: the cluster's, else the first.
    pub(crate) fn first(&self) -> &str {
        self.cluster.as_ref().or(self.first.as_ref()).map_or("", String::as_str)
    }
}

const POD_SECURITY: &str = "kube-apiserver.pod-security-default";
const PLUGINS: &str = "kube-apiserver.admission-plugins";
const SECCOMP: &str = "kubelet.seccompDefault";

/// A fact on which every node that has it must agree.
#[derive(Debug, Default)]
struct Agreed {
    first: Option<Resolved>,
    differs: bool,
    unknown: Option<Unknown>,
}

impl Agreed {
    /// Takes in what a node says.
    fn take(&mut self, node: &Node<'_>, name: &str) {
        let Some(fact) = facts::fact(name) else { return };
        let component = fact.component().unwrap_or_default();
        // A worker runs no API server, and says nothing of it; nor does a source that could not.
        match node.instances(component) {
            Seen::Absent(_) => return,
            Seen::Unknown(unknown) if unknown.outside => return,
            _ => {}
        }
        let value = |resolved: &Resolved| resolved.known().map(|known| known.value.clone());
        match node.only(component).map(|instance| fact.resolve(node, facts::Subject::Instance(instance), name)) {
            Seen::Known(Seen::Unknown(unknown)) | Seen::Unknown(unknown) => {
                self.unknown.get_or_insert(unknown);
            }
            Seen::Known(resolved) => match &self.first {
                Some(first) => self.differs |= value(first) != value(&resolved),
                None => self.first = Some(resolved),
            },
            Seen::Absent(_) => {}
        }
    }

    /// What they say together.
    fn of(&self, name: &str) -> Resolved {
        let component = name.split('.').next().unwrap_or(name);
        match (&self.unknown, &self.first) {
            (Some(unknown), _) => Seen::Unknown(unknown.clone()),
            (None, Some(_)) if self.differs => Seen::Unknown(Unknown::new(
                format!("{name} is not the same on every node"),
                format!("look at {component} of each node: they must agree"),
            )),
            (None, Some(first)) => first.clone(),
            (None, None) => Joined::default().pod_security,
        }
    }
}
