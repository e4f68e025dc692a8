//! A cluster's own objects, read once: who may do what, what runs, and which rules admission follows.

pub(crate) mod rbac;
pub(crate) mod workloads;

use std::cell::OnceCell;

use evidence::ObjectList;
use serde_json::Value as Json;

use crate::node::Node;
use crate::value::{Resolved, Seen, Unknown};
use rbac::Rbac;
use workloads::Workloads;

/// What was read of a cluster's objects, and what its nodes say where a fact needs both.
#[derive(Debug, Default)]
pub(crate) struct Cluster {
    rbac: OnceCell<Seen<Rbac>>,
    workloads: OnceCell<Workloads>,
    /// What the nodes of the run say together.
    pub joined: Joined,
}

/// Facts of nodes that facts of the cluster rest on: the declared joins between captures.
#[derive(Clone, Debug)]
pub(crate) struct Joined {
    /// The level that admission enforces where a namespace says nothing (`kube-apiserver.pod-security-default`).
    pub pod_security: Resolved,
    /// The admission plugins that are on (`kube-apiserver.admission-plugins`).
    pub plugins: Resolved,
    /// Whether every kubelet gives pods a seccomp profile by default (`kubelet.seccompDefault`).
    pub seccomp: Resolved,
}

impl Default for Joined {
    fn default() -> Self {
        let none = || {
            Seen::Unknown(Unknown::outside(
                "this source shows no node on which it could be seen",
                "audit the control plane's nodes together with the cluster",
            ))
        };
        Self { pod_security: none(), plugins: none(), seccomp: none() }
    }
}

impl Node<'_> {
    /// Every object of a list, as it was kept. Known: why there may be more; absent: the API server has no such list.
    pub(crate) fn each_object(&self, api: &str, mut take: impl FnMut(&Json)) -> Seen<Option<Unknown>> {
        self.sight.objects(api).and_then(|list| {
            for line in list.text.bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                match serde_json::from_slice(line) {
                    Ok(object) => take(&object),
                    Err(error) => {
                        return Seen::Unknown(Unknown::new(
                            format!("{api} does not parse: {error}"),
                            "collect the evidence again with this version of kube-assay",
                        ));
                    }
                }
            }
            Seen::Known(unseen(api, list))
        })
    }

    /// Who may do what.
    pub(crate) fn rbac(&self) -> Seen<&Rbac> {
        self.cluster.rbac.get_or_init(|| Rbac::read(self)).as_ref()
    }

    /// What runs.
    pub(crate) fn workloads(&self) -> &Workloads {
        self.cluster.workloads.get_or_init(|| Workloads::read(self))
    }
}

/// Why a list may lack objects.
fn unseen(api: &str, list: &ObjectList) -> Option<Unknown> {
    let name = api.rsplit('/').next().unwrap_or(api);
    if let Some(why) = &list.incomplete {
        return Some(Unknown::new(format!("the list of {name} is not whole: {why}"), "audit the cluster again"));
    }
    let first = list.left_out.first()?;
    Some(Unknown::new(
        format!("{} of the {name} could not be taken, the first: {first}", list.left_out.len()),
        "look at these objects by hand",
    ))
}

/// The name of an object, with its namespace.
pub(crate) fn name_of(object: &Json) -> (Option<&str>, &str) {
    let part = |key: &str| object.get("metadata").and_then(|metadata| metadata.get(key)).and_then(Json::as_str);
    (part("namespace"), part("name").unwrap_or_default())
}

/// Texts of a list below a key.
pub(crate) fn texts<'j>(object: &'j Json, key: &str) -> impl Iterator<Item = &'j str> {
    object.get(key).and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str)
}

/// Members of a list at a JSON pointer.
pub(crate) fn members<'j>(object: &'j Json, pointer: &str) -> impl Iterator<Item = &'j Json> {
    object.pointer(pointer).and_then(Json::as_array).into_iter().flatten()
}
