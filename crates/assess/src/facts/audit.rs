//! Auditing by the API server: its backends, and what its policy records.

use serde_json::Value as Json;

use super::{Fact, Resolve, apiserver::document_of, derived, text};
use crate::document;
use crate::node::{Instance, Node};
use crate::value::{Resolved, Seen, Type, Value};

pub(super) static FACTS: &[Fact] = &[
    Fact {
        name: "kube-apiserver.audit-backends",
        kind: Type::List,
        about: "Where audit events go: log-file, log-stdout, webhook.",
        from: &["audit-log-path", "audit-webhook-config-file"],
        resolve: Resolve::Instance(backends),
    },
    Fact {
        name: "kube-apiserver.audit-policy.records",
        kind: Type::Bool,
        about: "Whether the audit policy records anything at all.",
        from: &["audit-policy-file"],
        resolve: Resolve::Instance(records),
    },
    Fact {
        name: "kube-apiserver.audit-policy.gaps",
        kind: Type::List,
        about: "Of the requests that an investigation needs, those that the audit policy does not record.",
        from: &["audit-policy-file"],
        resolve: Resolve::Instance(gaps),
    },
];

fn backends(node: &Node<'_>, apiserver: &Instance) -> Resolved {
    let mut found = Vec::new();
    match node.setting(apiserver, "audit-log-path") {
        Seen::Known(known) => found.push(if text(&known) == "-" { "log-stdout" } else { "log-file" }),
        Seen::Absent(_) => {}
        Seen::Unknown(unknown) => return Seen::Unknown(unknown),
    }
    match node.setting(apiserver, "audit-webhook-config-file") {
        Seen::Known(_) => found.push("webhook"),
        Seen::Absent(_) => {}
        Seen::Unknown(unknown) => return Seen::Unknown(unknown),
    }
    let list = found.into_iter().map(str::to_owned).collect();
    derived(
        Value::List(list),
        format!("--audit-log-path and --audit-webhook-config-file in {}", apiserver.source),
        apiserver,
    )
}

fn records(node: &Node<'_>, apiserver: &Instance) -> Resolved {
    document_of(node, apiserver, "audit-policy-file", false).and_then(|named| {
        let policy = &named.json;
        let rules = document::list_at(policy, "rules");
        // The first rule that matches decides: behind one that drops everything, nothing is reached.
        let everything = |rule: &&Json| {
            let limits = ["verbs", "users", "userGroups", "resources", "namespaces", "nonResourceURLs"];
            level(rule) == Level::None && limits.iter().all(|limit| document::list_at(rule, limit).is_empty())
        };
        let any =
            !silent(policy) && rules.iter().take_while(|rule| !everything(rule)).any(|rule| level(rule) > Level::None);
        named.says(Value::Bool(any), "rules")
    })
}

fn gaps(node: &Node<'_>, apiserver: &Instance) -> Resolved {
    document_of(node, apiserver, "audit-policy-file", false).and_then(|named| {
        let policy = &named.json;
        let rules = document::list_at(policy, "rules");
        let missing = NEEDED.iter().filter(|needed| silent(policy) || !needed.recorded(rules)).map(Needed::to_string);
        named.says(Value::List(missing.collect()), "rules")
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    None,
    Metadata,
    Request,
    RequestResponse,
}

/// Whether every stage is omitted, so that nothing is written.
fn silent(of: &Json) -> bool {
    let omitted = document::texts_at(of, "omitStages");
    ["RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"]
        .iter()
        .all(|stage| omitted.iter().any(|o| o == stage))
}

fn level(rule: &Json) -> Level {
    if silent(rule) {
        return Level::None;
    }
    match document::text_at(rule, "level").as_deref() {
        Some("Metadata") => Level::Metadata,
        Some("Request") => Level::Request,
        Some("RequestResponse") => Level::RequestResponse,
        _ => Level::None,
    }
}

/// A kind of request that an investigation needs a record of.
struct Needed {
    group: &'static str,
    resource: &'static str,
    /// The verbs that matter most.
    verbs: &'static [&'static str],
}

/// Access to secrets, configuration and tokens; entering pods; changes of pods and workloads.
const NEEDED: [Needed; 11] = [
    Needed { group: "", resource: "secrets", verbs: &["get", "list", "create", "update", "patch", "delete"] },
    Needed { group: "", resource: "configmaps", verbs: &["create", "update", "patch", "delete"] },
    Needed { group: "authentication.k8s.io", resource: "tokenreviews", verbs: &["create"] },
    Needed { group: "", resource: "pods", verbs: &["create", "update", "patch", "delete"] },
    Needed { group: "apps", resource: "deployments", verbs: &["create", "update", "patch", "delete"] },
    Needed { group: "", resource: "pods/exec", verbs: &["create", "get"] },
    Needed { group: "", resource: "pods/attach", verbs: &["create", "get"] },
    Needed { group: "", resource: "pods/portforward", verbs: &["create", "get"] },
    Needed { group: "", resource: "pods/proxy", verbs: &["create", "get"] },
    Needed { group: "", resource: "services/proxy", verbs: &["create", "get"] },
    Needed {
        group: "rbac.authorization.k8s.io",
        resource: "clusterrolebindings",
        verbs: &["create", "update", "patch", "delete"],
    },
];

impl std::fmt::Display for Needed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.group.is_empty() { f.write_str(self.resource) } else { write!(f, "{}.{}", self.resource, self.group) }
    }
}

impl Needed {
    /// Whether every verb is recorded for an ordinary person: the first rule that matches decides (audit.k8s.io/v1).
    fn recorded(&self, rules: &[Json]) -> bool {
        self.verbs.iter().all(|verb| {
            rules.iter().find(|rule| self.matches(rule, verb)).is_some_and(|rule| level(rule) >= Level::Metadata)
        })
    }

    /// Whether a rule decides over this request of a person whom no rule names. A rule that is limited to users,
    /// groups or namespaces decides only over a part: it cannot be counted on to record, and one that drops the
    /// requests of system components hides nothing of a person's.
    fn matches(&self, rule: &Json, verb: &str) -> bool {
        let verbs = document::texts_at(rule, "verbs");
        if !verbs.is_empty() && !verbs.iter().any(|v| v == verb) {
            return false;
        }
        if !document::list_at(rule, "namespaces").is_empty() && level(rule) >= Level::Metadata {
            return false;
        }
        let people = |key: &str| document::texts_at(rule, key);
        let (users, groups) = (people("users"), people("userGroups"));
        if !users.is_empty() || !groups.is_empty() {
            let component = |name: &String| name.starts_with("system:") && !name.starts_with("system:serviceaccount:");
            let nodes = |name: &String| name == "system:nodes" || name == "system:serviceaccounts:kube-system";
            let only_system = users.iter().all(component) && groups.iter().all(nodes);
            let all = groups.iter().any(|group| group == "system:authenticated") && users.is_empty();
            if only_system || (level(rule) >= Level::Metadata && !all) {
                return false;
            }
        }
        let resources = document::list_at(rule, "resources");
        if resources.is_empty() {
            return document::list_at(rule, "nonResourceURLs").is_empty();
        }
        resources.iter().any(|entry| {
            let group = document::text_at(entry, "group").unwrap_or_default();
            let names = document::texts_at(entry, "resources");
            // Named objects are a part: neither counted on to record, nor hiding the rest.
            let limited = !document::list_at(entry, "resourceNames").is_empty();
            !limited && group == self.group && (names.is_empty() || names.iter().any(|name| self.named(name)))
        })
    }

    /// `pods` is not its subresources; `pods/*` is, `*/exec` is, `*` is everything.
    fn named(&self, name: &str) -> bool {
        if name == "*" || name == self.resource {
            return true;
        }
        match (name.split_once('/'), self.resource.split_once('/')) {
            // `pods/*` is pods and all its subresources.
            (Some((resource, "*")), of) => resource == of.map_or(self.resource, |(of, _)| of),
            (Some(("*", sub)), Some((_, of))) => sub == of,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gaps_of(policy: &str) -> Vec<String> {
        let policy = document::parse(policy.as_bytes()).unwrap();
        let rules = document::list_at(&policy, "rules");
        NEEDED.iter().filter(|needed| !needed.recorded(rules)).map(Needed::to_string).collect()
    }

    #[test]
    fn policies_are_judged_by_the_first_rule_that_matches() {
        assert!(gaps_of("rules: [{level: Metadata}]").is_empty());
        assert_eq!(gaps_of("rules: []").len(), NEEDED.len());
        assert_eq!(gaps_of("rules: [{level: None}, {level: Metadata}]").len(), NEEDED.len());
        let hidden = "rules: [{level: None, resources: [{group: '', resources: [secrets]}]}, {level: Metadata}]";
        assert_eq!(gaps_of(hidden), ["secrets"]);
        let reads = "rules: [{level: None, verbs: [get, list, watch]}, {level: Request}]";
        assert_eq!(
            gaps_of(reads),
            ["secrets", "pods/exec", "pods/attach", "pods/portforward", "pods/proxy", "services/proxy"]
        );
        let system = "rules: [{level: None, users: ['system:kube-proxy'], verbs: [watch]}, {level: None, userGroups: ['system:nodes']}, {level: Metadata}]";
        assert!(gaps_of(system).is_empty());
        let person = "rules: [{level: None, users: [bob]}, {level: Metadata}]";
        assert_eq!(gaps_of(person).len(), NEEDED.len());
        let some = "rules: [{level: Metadata, namespaces: [a]}]";
        assert_eq!(gaps_of(some).len(), NEEDED.len());
        let pods = "rules: [{level: Metadata, resources: [{group: '', resources: [pods]}]}]";
        assert!(!gaps_of(pods).contains(&"pods".to_owned()) && gaps_of(pods).contains(&"pods/exec".to_owned()));
        let subs = "rules: [{level: Metadata, resources: [{group: '', resources: ['pods/*', '*/proxy']}]}]";
        assert!(!gaps_of(subs).contains(&"services/proxy".to_owned()));
        let health = "rules: [{level: None, nonResourceURLs: ['/healthz*']}, {level: Metadata}]";
        assert!(gaps_of(health).is_empty());
    }
}
