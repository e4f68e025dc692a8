//! What is so in a namespace: its workloads, its policies, and what admission enforces in it.

use serde_json::Value as Json;

use super::super::{Members, files::found};
use super::rights::whole;
use super::{How, Value, list, members, some, told};
use crate::cluster::rbac::account;
use crate::cluster::workloads::Trait;
use crate::cluster::{name_of, texts};
use crate::node::Node;
use crate::value::{Resolved, Seen};

const NAMESPACES: &str = "/api/v1/namespaces";

/// The label by which a namespace is told what admission enforces in it.
const ENFORCE: &str = "pod-security.kubernetes.io/enforce";

pub(super) fn all(node: &Node<'_>) -> Seen<Members> {
    let mut all = Vec::new();
    let seen = node.each_object(NAMESPACES, |object| all.push(name_of(object).1.to_owned()));
    seen.and_then(|unseen| found(members(all, unseen), || "there is no namespace".to_owned()))
}

/// The workloads of a namespace that have a trait. Where some could not be seen, those that were are told, and none is
/// unknown.
fn with(node: &Node<'_>, namespace: &str, of: Trait) -> Resolved {
    let workloads = node.workloads();
    let own = workloads.all.get(namespace).into_iter().flatten();
    let all: Vec<String> = own.filter(|(_, workload)| workload.has(of)).map(|(name, _)| name.clone()).collect();
    whole(all, workloads.unseen.as_ref())
}

macro_rules! traits {
    ($($name:ident => $of:ident;)*) => {
        $(pub(super) fn $name(node: &Node<'_>, namespace: &str) -> Resolved { with(node, namespace, Trait::$of) })*
    };
}

traits! {
    privileged => Privileged;
    host_pid => HostPid;
    host_ipc => HostIpc;
    host_network => HostNetwork;
    escalation => Escalation;
    root => Root;
    net_raw => NetRaw;
    capabilities => Capabilities;
    added => Added;
    host_process => HostProcess;
    host_path => HostPath;
    host_ports => HostPort;
    secret_env => SecretEnv;
    no_seccomp => NoSeccomp;
    not_restricted => NotRestricted;
}

pub(super) fn idle_tokens(node: &Node<'_>, namespace: &str) -> Resolved {
    node.rbac().and_then(|rbac| {
        let workloads = node.workloads();
        let idle = |name: &String| rbac.bindings_of(&account(namespace, name)).is_empty();
        let own = workloads.all.get(namespace).into_iter().flatten();
        let tokens = own.filter(|(_, workload)| workload.has(Trait::Token) && workload.accounts.iter().any(idle));
        let all: Vec<String> = tokens.map(|(name, _)| name.clone()).collect();
        // An account whose binding could not be seen may not be idle.
        match rbac.unseen.as_ref().or(workloads.unseen.as_ref()) {
            Some(unknown) => Seen::Unknown(unknown.clone()),
            None => list(all, "workloads, their service accounts and the bindings of these"),
        }
    })
}

/// The level of a namespace: its label, else what the API server enforces by default. A level that is none is taken for
/// restricted (`policy.ParseLevel`).
pub(super) fn level(node: &Node<'_>, namespace: &str) -> Resolved {
    let mut label = None;
    let seen = node.each_object(NAMESPACES, |object| {
        if name_of(object).1 == namespace {
            let labels = object.pointer("/metadata/labels");
            label = labels.and_then(|labels| labels.get(ENFORCE)).and_then(Json::as_str).map(str::to_owned);
        }
    });
    seen.and_then(|_| match label {
        Some(level) if ["privileged", "baseline", "restricted"].contains(&level.as_str()) => {
            told(Value::Text(level), How::Explicit, format!("the namespace's label {ENFORCE}"))
        }
        Some(_) => told(Value::Text("restricted".to_owned()), How::Derived, "a label that names no level"),
        None => node.cluster.joined.pod_security.clone().map(|mut known| {
            known.how = How::Default;
            known
        }),
    })
}

const ADMISSION: &str = "/apis/admissionregistration.k8s.io/v1";

/// Whether rules of admission cover the creation of pods.
fn covers_pods(rules: &Json) -> bool {
    let has = |rule: &Json, key: &str, wanted: &[&str]| texts(rule, key).any(|own| own == "*" || wanted.contains(&own));
    rules.as_array().into_iter().flatten().any(|rule| {
        has(rule, "apiGroups", &[""])
            && has(rule, "resources", &["pods", "*/*"])
            && has(rule, "operations", &["CREATE"])
    })
}

/// Whether a selector takes every object in.
fn selects_all(selector: Option<&Json>) -> bool {
    selector.and_then(Json::as_object).is_none_or(serde_json::Map::is_empty)
}

/// Webhooks that cover the pods of every namespace and refuse them if they do not answer. One that leaves namespaces or
/// objects out by a selector is not taken for covering this one.
pub(crate) fn webhooks(node: &Node<'_>) -> Seen<Vec<String>> {
    let mut all = Vec::new();
    for list in ["validatingwebhookconfigurations", "mutatingwebhookconfigurations"] {
        let seen = node.each_object(&format!("{ADMISSION}/{list}"), |object| {
            for hook in crate::cluster::members(object, "/webhooks") {
                // Fail is the default of admissionregistration.k8s.io/v1.
                let closed = hook.get("failurePolicy").and_then(Json::as_str).is_none_or(|policy| policy == "Fail");
                let everywhere = selects_all(hook.get("namespaceSelector"))
                    && selects_all(hook.get("objectSelector"))
                    && hook.get("matchConditions").is_none();
                if closed && everywhere && hook.get("rules").is_some_and(covers_pods) {
                    all.push(format!("webhook {}", hook.get("name").and_then(Json::as_str).unwrap_or_default()));
                }
            }
        });
        match seen {
            Seen::Known(None) | Seen::Absent(_) => {}
            Seen::Known(Some(unknown)) | Seen::Unknown(unknown) => return Seen::Unknown(unknown),
        }
    }
    Seen::Known(all)
}

/// Admission policies that are bound to every namespace, deny, and fail closed.
fn policies_of_admission(node: &Node<'_>) -> Seen<Vec<String>> {
    let mut closed = std::collections::BTreeSet::new();
    let mut all = Vec::new();
    let policies = node.each_object(&format!("{ADMISSION}/validatingadmissionpolicies"), |object| {
        let fails = object.pointer("/spec/failurePolicy").and_then(Json::as_str).is_none_or(|policy| policy == "Fail");
        let constraints = object.pointer("/spec/matchConstraints");
        let everywhere = constraints.is_some_and(|own| {
            selects_all(own.get("namespaceSelector"))
                && selects_all(own.get("objectSelector"))
                && own.get("excludeResourceRules").is_none()
        });
        if fails && everywhere && constraints.and_then(|own| own.get("resourceRules")).is_some_and(covers_pods) {
            closed.insert(name_of(object).1.to_owned());
        }
    });
    let bindings = node.each_object(&format!("{ADMISSION}/validatingadmissionpolicybindings"), |object| {
        let policy = object.pointer("/spec/policyName").and_then(Json::as_str).unwrap_or_default();
        let spec = object.get("spec").unwrap_or(&Json::Null);
        let denies = texts(spec, "validationActions").any(|action| action == "Deny");
        if denies && closed.contains(policy) && selects_all(spec.get("matchResources")) {
            all.push(format!("admission policy {policy}"));
        }
    });
    match (policies, bindings) {
        (Seen::Unknown(unknown), _) | (_, Seen::Unknown(unknown) | Seen::Known(Some(unknown))) => {
            Seen::Unknown(unknown)
        }
        (Seen::Known(Some(unknown)), _) => Seen::Unknown(unknown),
        _ => Seen::Known(all),
    }
}

pub(super) fn engines(node: &Node<'_>, _: &str) -> Resolved {
    webhooks(node).and_then(|mut all| {
        policies_of_admission(node).and_then(|own| {
            all.extend(own.clone());
            all.sort();
            all.dedup();
            some(
                all.clone(),
                "webhook configurations and admission policies",
                "no webhook or admission policy covers the pods of all namespaces and fails closed",
            )
        })
    })
}

const POLICIES: &str = "/apis/networking.k8s.io/v1/networkpolicies";

fn each_policy(node: &Node<'_>, namespace: &str, mut take: impl FnMut(&Json)) -> Seen<Option<crate::value::Unknown>> {
    node.each_object(POLICIES, |object| {
        if name_of(object).0 == Some(namespace) {
            take(object);
        }
    })
}

pub(super) fn policies(node: &Node<'_>, namespace: &str) -> Resolved {
    let mut all = Vec::new();
    let seen = each_policy(node, namespace, |object| all.push(name_of(object).1.to_owned()));
    seen.and_then(|unseen| match unseen {
        Some(unknown) if all.is_empty() => Seen::Unknown(unknown),
        _ => some(all.clone(), "the namespace's NetworkPolicies", "the namespace has no NetworkPolicy"),
    })
}

/// A pod that a policy of ingress selects is let nothing in but what policies allow. One that allows everything in
/// isolates nothing.
pub(super) fn isolates(node: &Node<'_>, namespace: &str) -> Resolved {
    let mut found = None;
    let seen = each_policy(node, namespace, |object| {
        let spec = object.get("spec").unwrap_or(&Json::Null);
        let of_ingress = spec.get("policyTypes").is_none() || texts(spec, "policyTypes").any(|kind| kind == "Ingress");
        let lets_all_in = spec.get("ingress").and_then(Json::as_array).into_iter().flatten().any(|rule| {
            let from = rule.get("from").and_then(Json::as_array).is_none_or(Vec::is_empty);
            let ports = rule.get("ports").and_then(Json::as_array).is_none_or(Vec::is_empty);
            from && ports
        });
        if of_ingress && selects_all(spec.get("podSelector")) && !lets_all_in {
            found.get_or_insert_with(|| name_of(object).1.to_owned());
        }
    });
    seen.and_then(|unseen| match (found.clone(), unseen) {
        (Some(name), _) => told(Value::Bool(true), How::Observed, format!("NetworkPolicy {name}")),
        (None, Some(unknown)) => Seen::Unknown(unknown),
        (None, None) => told(Value::Bool(false), How::Observed, "the namespace's NetworkPolicies"),
    })
}
