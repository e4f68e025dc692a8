//! What is so in the cluster as a whole.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::namespaces::webhooks;
use super::rights::whole;
use super::{How, Value, list, some, told};
use crate::cluster::name_of;
use crate::node::Node;
use crate::value::{Known, Resolved, Seen, Unknown};

/// The namespaces that Kubernetes itself makes (`metav1.NamespaceSystem` and its neighbours).
const OWN: [&str; 4] = ["default", "kube-system", "kube-public", "kube-node-lease"];

pub(super) fn windows(node: &Node<'_>, _: &str) -> Resolved {
    let mut all = Vec::new();
    let seen = node.each_object("/api/v1/nodes", |object| {
        if object.pointer("/status/nodeInfo/operatingSystem").and_then(Json::as_str) == Some("windows") {
            all.push(name_of(object).1.to_owned());
        }
    });
    or_none(seen, all, "the nodes", "no node runs Windows")
}

/// A list that is absent where it is empty, unless there may be more.
fn or_none(seen: Seen<Option<Unknown>>, all: Vec<String>, source: &str, none: &str) -> Resolved {
    match seen {
        Seen::Known(Some(unknown)) if all.is_empty() => Seen::Unknown(unknown),
        Seen::Known(_) => some(all, source, none),
        Seen::Absent(proof) => Seen::Absent(proof),
        Seen::Unknown(unknown) => Seen::Unknown(unknown),
    }
}

pub(super) fn workload_namespaces(node: &Node<'_>, _: &str) -> Resolved {
    let workloads = node.workloads();
    let own = workloads.all.keys().filter(|namespace| !OWN.contains(&namespace.as_str()));
    whole(own.cloned().collect(), workloads.unseen.as_ref())
}

/// Agents of network plugins that enforce network policies, by a part of their workload's name. Flannel and the bridge
/// plugin alone do not.
const PLUGINS: [(&str, &str); 12] = [
    ("calico-node", "Calico"),
    ("canal", "Canal"),
    ("cilium", "Cilium"),
    ("antrea-agent", "Antrea"),
    ("weave-net", "Weave Net"),
    ("kube-router", "kube-router"),
    ("ovnkube-node", "OVN-Kubernetes"),
    ("kube-ovn", "Kube-OVN"),
    ("azure-npm", "Azure Network Policy Manager"),
    ("kube-network-policies", "kube-network-policies"),
    ("romana-agent", "Romana"),
    ("terway", "Terway"),
];

pub(super) fn policy_plugins(node: &Node<'_>, _: &str) -> Resolved {
    let workloads = node.workloads();
    let mut found = BTreeSet::new();
    for name in workloads.all.values().flat_map(|own| own.keys()) {
        if !name.starts_with("DaemonSet ") {
            continue;
        }
        let file = name.rsplit('/').next().unwrap_or_default();
        found.extend(PLUGINS.iter().filter(|(part, _)| file.contains(part)).map(|(_, plugin)| (*plugin).to_owned()));
    }
    match &workloads.unseen {
        Some(unknown) if found.is_empty() => Seen::Unknown(unknown.clone()),
        _ => some(found.into_iter().collect(), "the DaemonSets", "no DaemonSet of a plugin that is known to do so"),
    }
}

/// Groups of kinds by which secrets come from outside of the cluster.
const STORES: [&str; 4] = ["external-secrets.io", "secrets-store.csi.x-k8s.io", "secrets.hashicorp.com", "bitnami.com"];

const KINDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

pub(super) fn secret_stores(node: &Node<'_>, _: &str) -> Resolved {
    let mut all = BTreeSet::new();
    let kinds = node.each_object(KINDS, |object| {
        let group = object.pointer("/spec/group").and_then(Json::as_str).unwrap_or_default();
        if STORES.contains(&group) {
            all.insert(group.to_owned());
        }
    });
    let drivers = node.each_object("/apis/storage.k8s.io/v1/csidrivers", |object| {
        let (_, name) = name_of(object);
        if STORES.contains(&name) {
            all.insert(name.to_owned());
        }
    });
    let both = kinds.and_then(|first| drivers.map(|second| first.or(second)));
    or_none(both, all.into_iter().collect(), "kinds and drivers", "no kind or driver of a known store of secrets")
}

/// Parts of names of webhooks whose engine can verify signatures of images.
const VERIFIERS: [&str; 7] =
    ["kyverno", "sigstore", "cosign", "connaisseur", "ratify", "portieris", "binaryauthorization"];

pub(super) fn image_policies(node: &Node<'_>, _: &str) -> Resolved {
    webhooks(node).and_then(|hooks| {
        let verifies = |hook: &&String| VERIFIERS.iter().any(|part| hook.contains(part));
        let mut all: Vec<String> = hooks.iter().filter(verifies).cloned().collect();
        let plugin = "ImagePolicyWebhook";
        match &node.cluster.joined.plugins {
            Seen::Known(known) => match &known.value {
                Value::List(plugins) if plugins.iter().any(|own| own == plugin) => all.push(format!("plugin {plugin}")),
                _ => {}
            },
            Seen::Unknown(unknown) if all.is_empty() => return Seen::Unknown(unknown.clone()),
            Seen::Absent(_) | Seen::Unknown(_) => {}
        }
        some(
            all,
            "webhook configurations and the API server's plugins",
            "no webhook of a known verifier of images, and no plugin ImagePolicyWebhook",
        )
    })
}

/// Lists whose objects are somebody's work.
const LISTS: [&str; 13] = [
    "/api/v1/pods",
    "/api/v1/services",
    "/api/v1/persistentvolumeclaims",
    "/api/v1/replicationcontrollers",
    "/apis/apps/v1/deployments",
    "/apis/apps/v1/daemonsets",
    "/apis/apps/v1/statefulsets",
    "/apis/apps/v1/replicasets",
    "/apis/batch/v1/jobs",
    "/apis/batch/v1/cronjobs",
    "/apis/networking.k8s.io/v1/ingresses",
    "/apis/rbac.authorization.k8s.io/v1/roles",
    "/api/v1/serviceaccounts",
];

pub(super) fn default_objects(node: &Node<'_>, _: &str) -> Resolved {
    let mut all = Vec::new();
    let mut unseen = None;
    for api in LISTS {
        let kind = evidence::object_kind(api).map_or("object", |own| own.kind);
        let seen = node.each_object(api, |object| {
            let (namespace, name) = name_of(object);
            let owned = object.pointer("/metadata/ownerReferences/0").is_some();
            let own = [("Service", "kubernetes"), ("ServiceAccount", "default")].contains(&(kind, name));
            if namespace == Some("default") && !owned && !own {
                all.push(format!("{kind} {name}"));
            }
        });
        match seen {
            Seen::Known(more) => unseen = unseen.or(more),
            Seen::Absent(_) => {}
            Seen::Unknown(unknown) => unseen = unseen.or(Some(unknown)),
        }
    }
    list(all, "the objects of the namespace default").map(|known| Known { partial: unseen.clone(), ..known })
}

pub(super) fn seccomp_default(node: &Node<'_>, _: &str) -> Resolved {
    match &node.cluster.joined.seccomp {
        Seen::Absent(proof) => told(Value::Bool(false), How::Derived, proof.clone()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_of_the_default_namespace_is_read() {
        assert!(LISTS.iter().all(|api| evidence::object_kind(api).is_some()));
    }
}
