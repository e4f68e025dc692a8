//! What follows from evidence: the catalogue of facts, resolving them, judging. A pure function.
//!
//! It parses what was taken verbatim, works out what a component really does (flag over file over documented default),
//! and compares that with what a control demands. It deliberately has no way to look: no file, network, clock,
//! environment or process. The same evidence, profile and flags give the same verdicts, today or in ten years.

mod api_node;
mod cluster;
mod components;
mod config;
mod detect;
mod document;
mod facts;
mod flags;
mod judge;
mod lever;
mod manifest;
mod node;
mod operators;
mod setting;
mod sight;
mod talos;
mod trails;
mod unit;
mod value;

use std::collections::{BTreeMap, BTreeSet};

use benchmark::{
    Assessment as How, Content, Control, Entry, Parameters, Platform, Profile, Section, Version, Vocabulary,
};
use evidence::Run;

use crate::api_node::Proxy;
use crate::node::Node;
use crate::value::Seen;

pub use detect::{Choice, misfit, profile};
pub use facts::{Fact, KERNEL, Set, TALOS, catalogue, fact, is_of_cluster, is_of_host};
pub use judge::{Observed, Outcome, SubjectName, Verdict};
pub use lever::{Lever, lever, meets, talos_refuses};
pub use talos::rendered;
pub use trails::{leads_to, trails};
pub use value::{Type, Value};

/// A selection of a profile's ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Controls by name or id; empty: all.
    pub controls: BTreeSet<String>,
    /// Sections by id; empty: all.
    pub sections: BTreeSet<String>,
}

/// Where a demand is cited.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Citation {
    /// The profile.
    pub profile: String,
    /// The id in it.
    pub id: String,
    /// The heading it stands under, e.g. `1.2 API server`.
    pub section: String,
    /// The publisher's level.
    pub level: u8,
    /// How the publisher assesses it.
    pub assessment: How,
}

/// One demand (a control with its effective bounds) and what follows for every subject of every capture.
#[derive(Clone, Debug)]
pub struct Judged<'c> {
    /// The control.
    pub control: &'c Control,
    /// Its effective bounds.
    pub parameters: Parameters,
    /// The ids that cite it.
    pub cited_by: Vec<Citation>,
    /// Outcomes, with the name of the capture each was judged in.
    pub outcomes: Vec<(String, Outcome)>,
}

/// What a node runs, for the head of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// The capture.
    pub capture: String,
    /// Components that run (or are declared), with a word on each that could not be seen.
    pub components: BTreeMap<String, String>,
}

/// The evidence of a run, read as a platform's and a version's.
#[derive(Debug)]
pub struct Case<'c> {
    content: &'c Content,
    nodes: Vec<(&'c str, Node<'c>)>,
    platform: Choice,
    kubernetes: Option<(Version, Choice)>,
}

impl<'c> Case<'c> {
    /// Reads a run. A platform or version that is not given is told from the evidence, with its reason. None: the
    /// content has no platform.
    pub fn new(
        run: &'c Run,
        content: &'c Content,
        platform: Option<(&'c Platform, Choice)>,
        kubernetes: Option<(Version, Choice)>,
    ) -> Option<Self> {
        let (platform, why) = platform.or_else(|| detect::platform(run, content))?;
        let mut nodes: Vec<(&str, Node<'_>)> =
            run.captures.iter().map(|capture| (capture.name.as_str(), Node::new(capture, content, platform))).collect();
        let kubernetes = kubernetes.or_else(|| nodes.iter().find_map(|(_, node)| detect::version(node)));
        for (_, node) in &mut nodes {
            node.version = kubernetes.as_ref().map(|(version, _)| *version);
        }
        tell_workers(&mut nodes);
        join(&mut nodes);
        Some(Self { content, nodes, platform: why, kubernetes })
    }

    /// The outcome of a control of what a provider runs, unless a node shows it all the same.
    fn hidden(&self, control: &Control) -> Option<Outcome> {
        let provider = self.nodes.first().and_then(|(_, node)| node.platform.provider.as_deref())?;
        let own = PROVIDERS.contains(&control.component.as_str());
        let shown = self.nodes.iter().any(|(_, node)| node.instances(&control.component).known().is_some());
        (own && !shown).then(|| Outcome::hidden(&control.component, provider))
    }

    fn has_cluster(&self) -> bool {
        self.nodes.iter().any(|(_, node)| node.is_cluster())
    }

    /// The platform, with the reason.
    pub fn platform(&self) -> &Choice {
        &self.platform
    }

    /// The version of Kubernetes, with the reason; none: it was not seen.
    pub fn kubernetes(&self) -> Option<&(Version, Choice)> {
        self.kubernetes.as_ref()
    }

    /// Judges every demand of the profiles over every capture.
    pub fn judge(&self, profiles: &[&Profile], only: &Selection) -> Vec<Judged<'c>> {
        demands(self.content, profiles, only)
            .into_iter()
            .map(|(control, parameters, cited_by)| {
                if let Some(outcome) = self.hidden(control) {
                    let first = self.nodes.iter().find(|(_, node)| node.is_cluster()).or(self.nodes.first());
                    let name = first.map_or_else(String::new, |(name, _)| (*name).to_owned());
                    return Judged { control, outcomes: vec![(name, outcome)], parameters, cited_by };
                }
                let of_cluster = facts::is_of_cluster(&control.component);
                // A cluster's objects are judged once, where they were seen, and a node's files never there.
                let asked = self.nodes.iter().filter(|(_, node)| {
                    if node.is_cluster() { of_cluster } else { !of_cluster || !self.has_cluster() }
                });
                let outcomes = asked.flat_map(|(name, node)| {
                    let outcomes = judge::judge(node, control, &parameters);
                    outcomes.into_iter().map(|outcome| ((*name).to_owned(), outcome))
                });
                Judged { control, outcomes: outcomes.collect(), parameters, cited_by }
            })
            .collect()
    }

    /// What runs where.
    pub fn presence(&self) -> Vec<Presence> {
        self.nodes
            .iter()
            .map(|(name, node)| {
                let word = |name: &str| match node.instances(name) {
                    Seen::Known(instances) if instances.iter().any(|instance| instance.process.is_some()) => {
                        Some("running".to_owned())
                    }
                    Seen::Known(_) => Some("declared".to_owned()),
                    // Of what was saved, nothing tells of components at all.
                    Seen::Unknown(_) if !node.sight.capture.reach.files => None,
                    Seen::Unknown(unknown) => Some(unknown.why),
                    Seen::Absent(_) => None,
                };
                let names = components::COMPONENTS.iter().map(|component| component.name);
                let components = names.filter_map(|name| Some((name.to_owned(), word(name)?))).collect();
                Presence { capture: (*name).to_owned(), components }
            })
            .collect()
    }
}

/// Tells nodes of which the API alone tells what the cluster declares for them: kube-proxy, and for workers that the
/// control plane's static pods are shown on others.
fn tell_workers(nodes: &mut [(&str, Node<'_>)]) {
    let shown: Vec<(&'static str, String)> = components::COMPONENTS
        .iter()
        .filter(|component| component.name != "kubelet" && !component.in_cluster)
        .filter_map(|component| {
            let runs =
                |(_, node): &&(&str, Node<'_>)| node.is_of_api() && node.instances(component.name).known().is_some();
            Some((component.name, nodes.iter().find(runs)?.0.to_owned()))
        })
        .collect();
    let proxy = nodes.iter().find(|(_, node)| node.is_cluster()).and_then(|(_, cluster)| Proxy::of(cluster));
    for (_, node) in nodes.iter_mut().filter(|(_, node)| node.is_of_api()) {
        if let Some(proxy) = &proxy {
            node.has_proxy(proxy);
        }
        for (component, other) in &shown {
            node.runs_elsewhere(component, other);
        }
    }
}

/// Tells the cluster what its nodes say together.
fn join(nodes: &mut [(&str, Node<'_>)]) {
    let of_nodes = || nodes.iter().map(|(_, node)| node).filter(|node| !node.is_cluster());
    let joined = cluster::Joined {
        pod_security: agreed(of_nodes(), "kube-apiserver.pod-security-default"),
        plugins: agreed(of_nodes(), "kube-apiserver.admission-plugins"),
        seccomp: agreed(of_nodes(), "kubelet.seccompDefault"),
    };
    if let Some((_, cluster)) = nodes.iter_mut().find(|(_, node)| node.is_cluster()) {
        cluster.cluster.joined = joined;
    }
}

/// The value of a fact on which every node that has it agrees.
fn agreed<'n>(nodes: impl Iterator<Item = &'n Node<'n>>, name: &str) -> value::Resolved {
    let Some(fact) = facts::fact(name) else { return cluster::Joined::default().pod_security };
    let component = fact.component().unwrap_or_default();
    let mut all = Vec::new();
    for node in nodes {
        // A worker runs no API server, and says nothing of it; nor does a source that could not.
        match node.instances(component) {
            Seen::Absent(_) => continue,
            Seen::Unknown(unknown) if unknown.outside => continue,
            _ => {}
        }
        match node.only(component).map(|instance| fact.resolve(node, facts::Subject::Instance(instance), name)) {
            Seen::Known(Seen::Unknown(unknown)) | Seen::Unknown(unknown) => return Seen::Unknown(unknown),
            Seen::Known(resolved) => all.push(resolved),
            Seen::Absent(_) => {}
        }
    }
    let value = |resolved: &value::Resolved| resolved.known().map(|known| known.value.clone());
    match all.split_first() {
        None => cluster::Joined::default().pod_security,
        Some((first, rest)) if rest.iter().all(|other| value(other) == value(first)) => first.clone(),
        Some(_) => Seen::Unknown(value::Unknown::new(
            format!("{name} is not the same on every node"),
            format!("look at {component} of each node: they must agree"),
        )),
    }
}

/// Components that a provider of managed clusters runs out of sight.
const PROVIDERS: [&str; 5] = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd", "control-plane"];

type Demand<'c> = (&'c Control, Parameters, Vec<Citation>);

/// The demands of the profiles in their order; ids that demand the same are told as one.
fn demands<'c>(content: &'c Content, profiles: &[&Profile], only: &Selection) -> Vec<Demand<'c>> {
    let mut demands: Vec<Demand<'c>> = Vec::new();
    for profile in profiles {
        for entry in &profile.entries {
            let Some(control) = content.control(&entry.control) else { continue };
            let section = profile.section(&entry.id);
            if !only.holds(entry, section) {
                continue;
            }
            let parameters = content.bounds(entry);
            let section = section.map(|section| format!("{} {}", section.id, section.title));
            let citation = Citation {
                profile: profile.name.clone(),
                id: entry.id.clone(),
                section: section.unwrap_or_default(),
                level: entry.level,
                assessment: entry.assessment,
            };
            match demands.iter_mut().find(|(other, bounds, _)| other.name == control.name && *bounds == parameters) {
                Some((_, _, cited_by)) => cited_by.push(citation),
                None => demands.push((control, parameters, vec![citation])),
            }
        }
    }
    demands
}

impl Selection {
    fn holds(&self, entry: &Entry, section: Option<&Section>) -> bool {
        let named = [&entry.id, &entry.control].into_iter().any(|name| self.controls.contains(name));
        let named = named || self.controls.is_empty();
        let under = |id: &str, section: &str| {
            id == section || id.strip_prefix(section).is_some_and(|rest| rest.starts_with('.'))
        };
        let beneath =
            |wanted: &String| under(&entry.id, wanted) || section.is_some_and(|section| under(&section.id, wanted));
        named && (self.sections.is_empty() || self.sections.iter().any(beneath))
    }
}

/// The words that controls may use.
pub fn vocabulary() -> Vocabulary {
    Vocabulary {
        facts: catalogue().filter(|fact| fact.family().is_none()).map(|fact| (fact.name, fact.kind.word())).collect(),
        families: catalogue().filter_map(|fact| Some((fact.family()?, fact.kind.word()))).collect(),
        sets: facts::sets().map(|set| (set.name, set.kind)).collect(),
        components: components::COMPONENTS
            .iter()
            .map(|component| component.name)
            .chain([facts::KERNEL, facts::TALOS])
            .chain(facts::cluster::COMPONENTS)
            .collect(),
        roles: components::ROLES
            .into_iter()
            .chain(components::COMPONENTS.iter().map(|component| component.units))
            .collect(),
    }
}

/// Every set that a control may go through.
pub fn sets() -> impl Iterator<Item = &'static Set> {
    facts::sets()
}
