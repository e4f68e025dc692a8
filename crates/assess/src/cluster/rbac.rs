//! Who may do what: every binding, resolved to the rules of its role.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::{members, name_of, texts};
use crate::node::Node;
use crate::value::{Seen, Unknown};

const API: &str = "/apis/rbac.authorization.k8s.io/v1";

/// Bindings and roles.
#[derive(Debug, Default)]
pub(crate) struct Rbac {
    /// Roles by the namespace (none: a `ClusterRole`) and name.
    roles: BTreeMap<(Option<String>, String), Vec<Rule>>,
    bindings: Vec<Binding>,
    /// What could not be seen: there may be more.
    pub unseen: Option<Unknown>,
}

/// A rule of a role (`rbac.authorization.k8s.io/v1`, `PolicyRule`).
#[derive(Debug, Default)]
struct Rule {
    verbs: Vec<String>,
    groups: Vec<String>,
    resources: Vec<String>,
    names: bool,
}

#[derive(Debug)]
struct Binding {
    /// `ClusterRoleBinding x` or `RoleBinding ns/x`.
    name: String,
    role: (Option<String>, String),
    subjects: Vec<String>,
}

/// What a right is on: verbs on resources of an API group.
#[derive(Debug)]
pub(crate) struct Right {
    pub group: &'static str,
    pub resources: &'static [&'static str],
    pub verbs: &'static [&'static str],
    /// Whether a rule for objects by their names counts as well.
    pub by_name: bool,
}

/// Subjects, with the ways on which each came to what it has.
pub(crate) type Holders = BTreeMap<String, BTreeSet<String>>;

impl Rbac {
    /// Reads the roles and bindings. Without one of the four lists nothing is known.
    pub(super) fn read(node: &Node<'_>) -> Seen<Self> {
        let mut rbac = Self::default();
        for (list, in_namespace) in [("clusterroles", false), ("roles", true)] {
            let seen = node.each_object(&format!("{API}/{list}"), |object| {
                let (namespace, name) = name_of(object);
                let key = (namespace.filter(|_| in_namespace).map(str::to_owned), name.to_owned());
                rbac.roles.insert(key, members(object, "/rules").map(Rule::of).collect());
            });
            match seen {
                Seen::Known(unseen) => rbac.unseen = rbac.unseen.or(unseen),
                Seen::Absent(proof) => return Seen::Unknown(without(proof)),
                Seen::Unknown(unknown) => return Seen::Unknown(unknown),
            }
        }
        for (list, kind) in [("clusterrolebindings", "ClusterRoleBinding"), ("rolebindings", "RoleBinding")] {
            let seen = node.each_object(&format!("{API}/{list}"), |object| {
                rbac.bindings.push(Binding::of(kind, object));
            });
            match seen {
                Seen::Known(unseen) => rbac.unseen = rbac.unseen.or(unseen),
                Seen::Absent(proof) => return Seen::Unknown(without(proof)),
                Seen::Unknown(unknown) => return Seen::Unknown(unknown),
            }
        }
        Seen::Known(rbac)
    }

    fn rules(&self, binding: &Binding) -> &[Rule] {
        self.roles.get(&binding.role).map_or(&[], Vec::as_slice)
    }

    /// Those who hold any of some rights, by any binding.
    pub(crate) fn holders(&self, rights: &[Right]) -> Holders {
        self.bound(|binding| self.rules(binding).iter().any(|rule| rights.iter().any(|right| rule.grants(right))))
    }

    /// Those who are bound to a `ClusterRole`.
    pub(crate) fn bound_to(&self, role: &str) -> Holders {
        self.bound(|binding| binding.role.0.is_none() && binding.role.1 == role)
    }

    /// The bindings of one subject.
    pub(crate) fn bindings_of(&self, subject: &str) -> BTreeSet<String> {
        let of = |binding: &&Binding| binding.subjects.iter().any(|own| own == subject);
        self.bindings.iter().filter(of).map(Binding::way).collect()
    }

    fn bound(&self, counts: impl Fn(&Binding) -> bool) -> Holders {
        let mut holders = Holders::new();
        for binding in self.bindings.iter().filter(|binding| counts(binding)) {
            for subject in &binding.subjects {
                holders.entry(subject.clone()).or_default().insert(binding.way());
            }
        }
        holders
    }

    /// Roles that are bound to somebody and have a wildcard, with what is wild in them.
    pub(crate) fn wildcards(&self) -> BTreeMap<String, BTreeSet<&'static str>> {
        let bound: BTreeSet<_> = self.bindings.iter().filter(|b| !b.subjects.is_empty()).map(|b| &b.role).collect();
        let wild = |rules: &Vec<Rule>| -> BTreeSet<&'static str> { rules.iter().flat_map(Rule::wildcards).collect() };
        let roles = self.roles.iter().filter(|(key, _)| bound.contains(key));
        roles.map(|(key, rules)| (role_name(key), wild(rules))).filter(|(_, wild)| !wild.is_empty()).collect()
    }
}

/// An API server without RBAC is no cluster in which nobody has rights: something else gives them.
fn without(proof: String) -> Unknown {
    Unknown::new(proof, "look at what authorizes requests there: it is not RBAC")
}

/// The name of a role for a reader.
fn role_name((namespace, name): &(Option<String>, String)) -> String {
    match namespace {
        Some(namespace) => format!("Role {namespace}/{name}"),
        None => format!("ClusterRole {name}"),
    }
}

impl Binding {
    fn of(kind: &str, object: &Json) -> Self {
        let (namespace, name) = name_of(object);
        let text = |pointer: &str| object.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
        let in_namespace = text("/roleRef/kind") == "Role";
        let role = (namespace.filter(|_| in_namespace).map(str::to_owned), text("/roleRef/name").to_owned());
        let name = namespace.map_or_else(|| format!("{kind} {name}"), |namespace| format!("{kind} {namespace}/{name}"));
        let subjects = members(object, "/subjects").map(|subject| {
            let part = |key: &str| subject.get(key).and_then(Json::as_str).unwrap_or_default();
            match part("kind") {
                // Without a namespace it is that of the binding.
                "ServiceAccount" => {
                    let own = Some(part("namespace")).filter(|own| !own.is_empty()).or(namespace).unwrap_or_default();
                    account(own, part("name"))
                }
                kind => of_user(kind, part("name")),
            }
        });
        Self { name, role, subjects: subjects.collect() }
    }

    fn way(&self) -> String {
        format!("{} to {}", self.name, role_name(&self.role))
    }
}

/// A service account among the subjects.
pub(crate) fn account(namespace: &str, name: &str) -> String {
    format!("ServiceAccount {namespace}/{name}")
}

/// A user or group. A service account may be named as the user that it is (`serviceaccount.MakeUsername`).
fn of_user(kind: &str, name: &str) -> String {
    match name.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':')) {
        Some((namespace, own)) if kind == "User" => account(namespace, own),
        _ => format!("{kind} {name}"),
    }
}

impl Rule {
    fn of(rule: &Json) -> Self {
        let list = |key: &str| texts(rule, key).map(str::to_owned).collect();
        Self {
            verbs: list("verbs"),
            groups: list("apiGroups"),
            resources: list("resources"),
            names: texts(rule, "resourceNames").next().is_some(),
        }
    }

    /// As the API server matches it (`rbac.RuleAllows`): `*` is every resource with its subresources, `*/x` the
    /// subresource of all.
    fn grants(&self, right: &Right) -> bool {
        let any = |own: &[String], wanted: &str| own.iter().any(|one| one == "*" || one == wanted);
        let named = |wanted: &str| {
            let of_all = wanted.split_once('/').map(|(_, sub)| format!("*/{sub}"));
            any(&self.resources, wanted) || of_all.is_some_and(|of_all| self.resources.contains(&of_all))
        };
        any(&self.groups, right.group)
            && right.resources.iter().any(|wanted| named(wanted))
            && right.verbs.iter().any(|wanted| any(&self.verbs, wanted))
            && (right.by_name || !self.names)
    }

    fn wildcards(&self) -> impl Iterator<Item = &'static str> {
        [("verbs", &self.verbs), ("resources", &self.resources), ("apiGroups", &self.groups)]
            .into_iter()
            .filter(|(_, own)| own.iter().any(|one| one == "*" || one.starts_with("*/")))
            .map(|(what, _)| what)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rule(groups: &[&str], resources: &[&str], verbs: &[&str], names: &[&str]) -> Rule {
        Rule::of(&json!({ "apiGroups": groups, "resources": resources, "verbs": verbs, "resourceNames": names }))
    }

    #[test]
    fn rules_grant_as_the_api_server_reads_them() {
        let secrets = Right { group: "", resources: &["secrets"], verbs: &["get", "list"], by_name: false };
        let proxy = Right { group: "", resources: &["nodes/proxy"], verbs: &["create"], by_name: true };
        for (rule, right, expected) in [
            (rule(&[""], &["secrets"], &["list"], &[]), &secrets, true),
            (rule(&["*"], &["*"], &["*"], &[]), &secrets, true),
            (rule(&["apps"], &["secrets"], &["list"], &[]), &secrets, false),
            (rule(&[""], &["secrets"], &["create"], &[]), &secrets, false),
            (rule(&[""], &["secrets"], &["get"], &["one"]), &secrets, false),
            (rule(&[""], &["*/proxy"], &["create"], &[]), &proxy, true),
            (rule(&[""], &["nodes"], &["create"], &[]), &proxy, false),
            (rule(&[""], &["nodes/*"], &["create"], &[]), &proxy, false),
            (rule(&[""], &["nodes/proxy"], &["*"], &["n"]), &proxy, true),
        ] {
            assert_eq!(rule.grants(right), expected, "{rule:?} {right:?}");
        }
    }

    #[test]
    fn subjects_have_one_name_each() {
        let binding = json!({
            "metadata": { "name": "b", "namespace": "d" }, "roleRef": { "kind": "Role", "name": "r" },
            "subjects": [
                { "kind": "ServiceAccount", "name": "a" },
                { "kind": "User", "name": "system:serviceaccount:d:a" },
                { "kind": "Group", "name": "g" },
            ],
        });
        let binding = Binding::of("RoleBinding", &binding);
        assert_eq!(binding.subjects, ["ServiceAccount d/a", "ServiceAccount d/a", "Group g"]);
        assert_eq!(binding.way(), "RoleBinding d/b to Role d/r");
    }
}
