//! Rights: which ones a full capture needs, roles that grant them, and the question whether one has them.

use evidence::{CONFIG_MAPS, OBJECTS};
use serde_json::{Value, json};

use super::path::ApiPath;

/// One right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Check<'a> {
    /// The verb, e.g. `list`.
    pub verb: &'a str,
    /// The API's group; empty: the core.
    pub group: &'a str,
    /// The resource in the plural, with its part if one is meant: `nodes/configz`.
    pub resource: &'a str,
    /// The object's name; none: all of them.
    pub name: Option<&'a str>,
    /// The namespace; none: the whole cluster.
    pub namespace: Option<&'a str>,
}

impl std::fmt::Display for Check<'_> {
    /// As kubectl tells a right: `list daemonsets.apps in the cluster`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        if let Some(name) = self.name {
            write!(f, "/{name}")?;
        }
        write!(f, " in {}", self.namespace.unwrap_or("the cluster"))
    }
}

impl Check<'_> {
    /// The right in words, as `kubectl auth can-i` takes it.
    pub fn told(&self) -> String {
        let dot = if self.group.is_empty() { "" } else { "." };
        let name = self.name.map(|name| format!("/{name}")).unwrap_or_default();
        // Of a namespace itself the API asks for the right within it.
        let within = match self.namespace {
            Some(_) if self.resource == "namespaces" => String::new(),
            Some(namespace) => format!(" in {namespace}"),
            None => " in the cluster".to_owned(),
        };
        format!("{} {}{dot}{}{name}{within}", self.verb, self.resource, self.group)
    }

    pub(super) fn review(&self) -> Value {
        let (resource, part) = self.resource.split_once('/').unwrap_or((self.resource, ""));
        let attributes = json!({
            "verb": self.verb,
            "group": self.group,
            "resource": resource,
            "subresource": part,
            "name": self.name.unwrap_or_default(),
            "namespace": self.namespace.unwrap_or_default(),
        });
        json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": attributes },
        })
    }
}

/// The rights that a full capture needs, and no other: a list of each kind of objects, a kubelet's configuration, and
/// single `ConfigMaps` by their names.
pub fn rights() -> Vec<Check<'static>> {
    let lists = OBJECTS.iter().filter_map(|kind| {
        let ApiPath { group, resource, .. } = ApiPath::parse(kind.api)?;
        Some(Check { verb: "list", group, resource, name: None, namespace: None })
    });
    let configz = Check { verb: "get", group: "", resource: "nodes/configz", name: None, namespace: None };
    let maps = CONFIG_MAPS.iter().filter_map(|(path, _)| {
        let ApiPath { group, namespace, resource, name, .. } = ApiPath::parse(path)?;
        Some(Check { verb: "get", group, resource, name, namespace })
    });
    lists.chain([configz]).chain(maps).collect()
}

/// What a role of ours is called.
const NAME: &str = "kube-assay";

/// Roles that grant [`rights`] and nothing else, as one `List`: a `ClusterRole`, and a `Role` in each namespace of which
/// single objects are read.
pub fn role() -> Value {
    let all = rights();
    let mut cluster: Vec<Value> = Vec::new();
    let mut groups: Vec<(&str, &str)> = Vec::new();
    for right in all.iter().filter(|right| right.namespace.is_none()) {
        if !groups.contains(&(right.verb, right.group)) {
            groups.push((right.verb, right.group));
        }
    }
    for (verb, group) in groups {
        let of = |right: &&Check<'_>| right.namespace.is_none() && (right.verb, right.group) == (verb, group);
        let resources: Vec<&str> = all.iter().filter(of).map(|right| right.resource).collect();
        cluster.push(json!({ "apiGroups": [group], "resources": resources, "verbs": [verb] }));
    }
    cluster.push(json!({ "nonResourceURLs": [evidence::VERSION], "verbs": ["get"] }));
    let mut items = vec![named("ClusterRole", None, &cluster)];
    let mut namespaces: Vec<&str> = all.iter().filter_map(|right| right.namespace).collect();
    namespaces.dedup();
    for namespace in namespaces {
        let own = all.iter().filter(|right| right.namespace == Some(namespace));
        let rules: Vec<Value> = own
            .map(|right| {
                json!({ "apiGroups": [right.group], "resources": [right.resource], "resourceNames": [right.name],
                "verbs": [right.verb] })
            })
            .collect();
        items.push(named("Role", Some(namespace), &rules));
    }
    json!({ "apiVersion": "v1", "kind": "List", "items": items })
}

fn named(kind: &str, namespace: Option<&str>, rules: &[Value]) -> Value {
    let mut metadata = json!({ "name": NAME });
    if let Some(namespace) = namespace {
        metadata["namespace"] = json!(namespace);
    }
    json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata, "rules": rules })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_reads_and_reaches_no_secret() {
        let role = role();
        let rules: Vec<&Value> = role["items"].as_array().unwrap().iter().map(|one| &one["rules"]).collect();
        let text = serde_json::to_string(&rules).unwrap();
        for word in ["secrets", "\"*\"", "nodes/proxy", "create", "watch", "exec"] {
            assert!(!text.contains(word), "{word}: {text}");
        }
        assert_eq!(rights().len(), OBJECTS.len() + 1 + CONFIG_MAPS.len());
        // A ConfigMap is only ever granted by its name.
        assert!(rights().iter().all(|right| right.resource != "configmaps" || right.name.is_some()));
    }
}
