//! Where to look in the Kubernetes API: its lists of objects, single answers, and a node's mirror pods.

use evidence::{CONFIG_MAPS, CONFIGZ, Cut, MIRROR_PODS, OBJECTS, Start, Take, Trail};

pub(super) fn trails() -> Vec<Trail> {
    let trail = |id: String, start: Start, take: Take| Trail { id, start, hops: Vec::new(), take: vec![take] };
    let body = |id: &str, api: &str| trail(id.to_owned(), Start::Api(api.to_owned()), Take::Body);
    let mut all = vec![body("version", evidence::VERSION), body("kubelet.configz", CONFIGZ)];
    for (api, _) in CONFIG_MAPS {
        all.push(body(&format!("config-map.{}", last(api)), api));
    }
    let mirrors = Start::Resources(MIRROR_PODS.to_owned());
    all.push(trail("mirror-pods".to_owned(), mirrors, Take::Resources(Cut::Manifest)));
    let lists = OBJECTS
        .iter()
        .map(|kind| trail(format!("objects.{}", kind.kind), Start::Objects(kind.api.to_owned()), Take::Objects));
    all.extend(lists);
    all
}

fn last(api: &str) -> &str {
    api.rsplit('/').next().unwrap_or(api)
}

const BINDINGS: &[&str] = &["roles", "clusterroles", "rolebindings", "clusterrolebindings"];
const ADMISSION: &[&str] = &[
    "validatingwebhookconfigurations",
    "mutatingwebhookconfigurations",
    "validatingadmissionpolicies",
    "validatingadmissionpolicybindings",
];
const WORKLOADS: &[&str] =
    &["pods", "deployments", "daemonsets", "statefulsets", "jobs", "cronjobs", "replicationcontrollers"];

/// What facts begin with, and the lists that they are seen from; the first that fits counts.
const SEEN_FROM: [(&str, &[&[&str]]); 15] = [
    ("subject.", &[BINDINGS]),
    ("role.", &[BINDINGS]),
    ("account.workloads", &[WORKLOADS, &["serviceaccounts"]]),
    ("account.", &[BINDINGS, &["serviceaccounts"]]),
    ("namespace.name", &[&["namespaces"]]),
    ("namespace.enforced-level", &[&["namespaces"]]),
    ("namespace.policy-engines", &[ADMISSION]),
    ("namespace.network-policies", &[&["networkpolicies"]]),
    ("namespace.isolates-ingress", &[&["networkpolicies"]]),
    ("namespace.idle-tokens", &[WORKLOADS, BINDINGS, &["serviceaccounts"]]),
    ("namespace.", &[WORKLOADS]),
    ("cluster.windows-nodes", &[&["nodes"]]),
    ("cluster.secret-stores", &[&["customresourcedefinitions", "csidrivers"]]),
    ("cluster.image-policies", &[ADMISSION]),
    ("cluster.", &[WORKLOADS]),
];

/// Whether a list is one that a fact of a cluster is seen from.
pub(super) fn leads_to(trail: &Trail, fact: &str) -> bool {
    let Start::Objects(api) = &trail.start else { return false };
    let lists = SEEN_FROM.iter().find(|(begins, _)| fact.starts_with(begins)).map(|(_, lists)| *lists);
    lists.into_iter().flatten().any(|lists| lists.contains(&last(api)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_that_is_named_is_read() {
        for name in SEEN_FROM.iter().flat_map(|(_, lists)| lists.iter().copied().flatten()) {
            assert!(OBJECTS.iter().any(|kind| last(kind.api) == *name), "{name}");
        }
    }
}
