//! The catalogue of facts. Controls speak only of these.
//!
//! A fact has a name, a type, a subject (an instance of a component, or a member of a set), a resolver and a sentence for
//! `explain`. Where to look for it is in [`crate::trails`].

mod apiserver;
mod audit;
mod certificates;
pub(crate) mod cluster;
mod encryption;
mod etcd;
mod files;
pub(crate) mod kernel;
mod kubelet;
mod pki;
mod serving;
mod settings;
mod sockets;
pub(crate) mod talos;

use evidence::{Basis, Source};

use crate::components::Component;
use crate::node::{Instance, Node};
use crate::value::{How, Known, Resolved, Seen, Type, Unknown, Value};

pub(crate) use files::Members;
pub use files::Set;
pub(crate) use files::{DEPTH, id_of};
pub use kernel::KERNEL;
pub(crate) use kernel::Kernel;
pub(crate) use pki::PKI_SETTINGS;
pub(crate) use serving::{Served, served_on};
pub use talos::TALOS;

/// A fact.
#[derive(Debug)]
pub struct Fact {
    /// Its name. For a component's fact, the component comes before the first dot.
    pub name: &'static str,
    /// The type of its value.
    pub kind: Type,
    /// One sentence for a reader.
    pub about: &'static str,
    /// The settings that it follows from, where it is not one itself.
    pub(crate) from: &'static [&'static str],
    pub(crate) resolve: Resolve,
}

/// How a fact is resolved.
#[derive(Debug)]
pub(crate) enum Resolve {
    /// As the effective value of a setting.
    Setting(&'static str),
    /// From an instance of a component.
    Instance(fn(&Node<'_>, &Instance) -> Resolved),
    /// From a member of a set: a file by its path, a subject, a namespace.
    Member(fn(&Node<'_>, &str) -> Resolved),
    /// From the node itself: its kernel, its operating system. A family's resolver is given the name in it.
    Host(fn(&Node<'_>, &str) -> Resolved),
}

/// What a fact is asked of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject<'s> {
    /// An instance of a component.
    Instance(&'s Instance),
    /// A member of a set.
    Member(&'s str),
    /// The node itself.
    Host,
}

/// What the names of an open family of facts end in.
const ANY: &str = ".*";

impl Fact {
    /// The setting whose effective value it is, if it is one.
    pub fn plain_setting(&self) -> Option<&'static str> {
        match self.resolve {
            Resolve::Setting(name) => Some(name),
            _ => None,
        }
    }

    /// The settings of its component that it follows from.
    pub fn settings(&self) -> Vec<&'static str> {
        self.plain_setting().map_or_else(|| self.from.to_vec(), |name| vec![name])
    }

    /// What the names of the family begin with, if it is a family: its members are as many as the kernel has names.
    pub fn family(&self) -> Option<&'static str> {
        self.name.strip_suffix(ANY)
    }

    /// The component that the fact is about; none: a set's member, or the node itself.
    pub fn component(&self) -> Option<&'static str> {
        match self.resolve {
            Resolve::Member(_) | Resolve::Host(_) => None,
            _ => self.name.split('.').next().and_then(Component::named).map(|component| component.name),
        }
    }

    /// Resolves the fact by its full name for a subject. A fact of another component is asked of the node's only
    /// instance of it.
    pub(crate) fn resolve(&self, node: &Node<'_>, subject: Subject<'_>, name: &str) -> Resolved {
        let resolved = self.resolved(node, subject, name);
        if node.sight.capture.source != Source::Rendered {
            return resolved;
        }
        // Nothing of it runs or is declared on a machine yet.
        resolved.map(|known| Known { basis: Basis::Rendered, ..known })
    }

    fn resolved(&self, node: &Node<'_>, subject: Subject<'_>, name: &str) -> Resolved {
        match (&self.resolve, subject) {
            (Resolve::Host(resolve), _) => {
                let own = self.family().and_then(|family| name.strip_prefix(family)?.strip_prefix('.'));
                resolve(node, own.unwrap_or(name))
            }
            (Resolve::Member(resolve), Subject::Member(path)) => resolve(node, path),
            (Resolve::Member(_), _) => Seen::Unknown(Unknown::new(
                format!("{} is a fact of a set's member, and there is none here", self.name),
                "use it in a control with for_each",
            )),
            (_, subject) => {
                let component = self.component().unwrap_or_default();
                let of = |instance: &Instance| match self.resolve {
                    Resolve::Setting(name) => node.setting(instance, name),
                    Resolve::Instance(resolve) => resolve(node, instance),
                    Resolve::Member(_) | Resolve::Host(_) => unreachable_member(),
                };
                match subject {
                    Subject::Instance(instance) if instance.component.name == component => of(instance),
                    _ => node.only(component).and_then(of),
                }
            }
        }
    }
}

fn unreachable_member() -> Resolved {
    Seen::Unknown(Unknown::new("a member's fact was asked of a component", "use it in a control with for_each"))
}

/// Every fact, in reading order.
pub fn catalogue() -> impl Iterator<Item = &'static Fact> {
    [
        apiserver::FACTS,
        audit::FACTS,
        encryption::FACTS,
        etcd::FACTS,
        kubelet::FACTS,
        serving::FACTS,
        sockets::FACTS,
        files::FACTS,
        certificates::FACTS,
        kernel::FACTS,
        talos::FACTS,
        cluster::FACTS,
    ]
    .into_iter()
    .flatten()
    .chain(settings::FACTS)
}

/// Whether controls of a component are asked once of each node, and not of instances that run.
pub fn is_of_host(component: &str) -> bool {
    [KERNEL, TALOS].contains(&component) || is_of_cluster(component)
}

/// Whether controls of a component are asked once of a cluster's own objects.
pub fn is_of_cluster(component: &str) -> bool {
    cluster::COMPONENTS.contains(&component)
}

/// What the members of sets of files are.
pub(crate) const FILE: &str = "file";

/// Every set whose members are judged one by one.
pub(crate) fn sets() -> impl Iterator<Item = &'static Set> {
    files::SETS.iter().chain(cluster::SETS)
}

/// A set by name.
pub(crate) fn set(name: &str) -> Option<&'static Set> {
    sets().find(|set| set.name == name)
}

/// A fact by name, or the family that a name belongs to.
pub fn fact(name: &str) -> Option<&'static Fact> {
    let member = |fact: &&Fact| {
        let rest = fact.family().and_then(|family| name.strip_prefix(family)?.strip_prefix('.'));
        fact.name == name || rest.is_some_and(|rest| !rest.is_empty())
    };
    catalogue().find(member)
}

/// The known value of something that follows from a source.
fn derived(value: Value, source: impl Into<String>, instance: &Instance) -> Resolved {
    Seen::Known(Known {
        value,
        how: How::Derived,
        source: source.into(),
        basis: instance.basis,
        notes: Vec::new(),
        partial: None,
    })
}

/// The same, with an explicit source.
fn explicit(value: Value, source: impl Into<String>, instance: &Instance) -> Resolved {
    Seen::Known(Known {
        value,
        how: How::Explicit,
        source: source.into(),
        basis: instance.basis,
        notes: Vec::new(),
        partial: None,
    })
}

/// The text of a known value.
fn text(known: &Known) -> String {
    known.value.to_string()
}

/// The members of a known list; a single text is a list of one.
fn members(known: Known) -> Vec<String> {
    match known.value {
        Value::List(members) => members,
        other => vec![other.to_string()],
    }
}
