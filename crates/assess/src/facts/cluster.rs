//! Facts of a cluster's own objects: its subjects, roles, accounts and namespaces.

mod namespaces;
mod rights;
mod whole;

use evidence::Basis;

use super::{Fact, Members, Resolve, Set};
use crate::node::Node;
use crate::value::{How, Known, Resolved, Seen, Type, Value};

/// Components of which the API's objects tell, and no node: they are judged once for a cluster.
pub(crate) const COMPONENTS: [&str; 5] = ["rbac", "pods", "network", "secrets", "policies"];

macro_rules! facts {
    ($($name:literal, $kind:ident, $about:literal => $resolve:expr;)*) => {
        &[$(Fact { name: $name, kind: Type::$kind, about: $about, from: &[], resolve: $resolve },)*]
    };
}

pub(super) static FACTS: &[Fact] = facts! {
    "subject.name", Text, "The subject: a user, a group or a service account." => Resolve::Member(own_name);
    "subject.cluster-admins-by", List, "The bindings by which the subject is bound to cluster-admin." => Resolve::Member(|node, subject| rights::granted_by(node, "rbac.cluster-admins", subject));
    "subject.secret-readers-by", List, "The bindings by which the subject may read Secrets." => Resolve::Member(|node, subject| rights::granted_by(node, "rbac.secret-readers", subject));
    "subject.pod-creators-by", List, "The bindings by which the subject may create pods." => Resolve::Member(|node, subject| rights::granted_by(node, "rbac.pod-creators", subject));
    "subject.escalators-by", List, "The bindings by which the subject may bind, escalate or impersonate." => Resolve::Member(|node, subject| rights::granted_by(node, "rbac.escalators", subject));
    "subject.volume-creators-by", List, "The bindings by which the subject may create PersistentVolumes." => Resolve::Member(|node, subject| rights::granted_by(node, "rbac.volume-creators", subject));
    "subject.node-proxies-by", List, "The bindings by which the subject has a right on nodes/proxy." => Resolve::Member(|node, subject| rights::granted_by(node, "rbac.node-proxies", subject));
    "subject.csr-approvers-by", List, "The bindings by which the subject may approve requests for certificates." => Resolve::Member(|node, subject| rights::granted_by(node, "rbac.csr-approvers", subject));
    "subject.webhook-writers-by", List, "The bindings by which the subject may change webhook configurations." => Resolve::Member(|node, subject| rights::granted_by(node, "rbac.webhook-writers", subject));
    "subject.token-creators-by", List, "The bindings by which the subject may create tokens." => Resolve::Member(|node, subject| rights::granted_by(node, "rbac.token-creators", subject));
    "role.name", Text, "The role." => Resolve::Member(own_name);
    "role.wildcards", List, "Where a role that is bound to somebody has a wildcard: verbs, resources, apiGroups." => Resolve::Member(rights::wildcards);
    "account.automount", Bool, "Whether pods are given a token of the service account unless they say otherwise." => Resolve::Member(rights::automount);
    "account.bindings", List, "The bindings that name the service account itself." => Resolve::Member(rights::bindings);
    "account.workloads", List, "The workloads that run as the service account." => Resolve::Member(rights::workloads);
    "namespace.name", Text, "The namespace." => Resolve::Member(own_name);
    "namespace.enforced-level", Text, "The Pod Security level that admission enforces in the namespace: by its label, else by the API server's defaults." => Resolve::Member(namespaces::level);
    "namespace.policy-engines", List, "What else refuses pods in the namespace: admission policies and webhooks that fail closed and cover pods. Absent: nothing does." => Resolve::Member(namespaces::engines);
    "namespace.privileged", List, "Workloads with a privileged container." => Resolve::Member(namespaces::privileged);
    "namespace.host-pid", List, "Workloads in the host's PID namespace." => Resolve::Member(namespaces::host_pid);
    "namespace.host-ipc", List, "Workloads in the host's IPC namespace." => Resolve::Member(namespaces::host_ipc);
    "namespace.host-network", List, "Workloads in the host's network namespace." => Resolve::Member(namespaces::host_network);
    "namespace.privilege-escalation", List, "Workloads with a container that may gain privileges, which is the default." => Resolve::Member(namespaces::escalation);
    "namespace.root", List, "Workloads with a container that may run as root." => Resolve::Member(namespaces::root);
    "namespace.net-raw", List, "Workloads with a container that keeps NET_RAW." => Resolve::Member(namespaces::net_raw);
    "namespace.capabilities", List, "Workloads with a container that does not drop all capabilities, or adds others than NET_BIND_SERVICE." => Resolve::Member(namespaces::capabilities);
    "namespace.added-capabilities", List, "Workloads with a container that adds a capability." => Resolve::Member(namespaces::added);
    "namespace.host-process", List, "Workloads with a container that is a process of a Windows host." => Resolve::Member(namespaces::host_process);
    "namespace.host-path", List, "Workloads that mount a path of the host." => Resolve::Member(namespaces::host_path);
    "namespace.host-ports", List, "Workloads with a container that uses a port of the host." => Resolve::Member(namespaces::host_ports);
    "namespace.secrets-in-environment", List, "Workloads with a container that takes a Secret through its environment." => Resolve::Member(namespaces::secret_env);
    "namespace.without-seccomp", List, "Workloads with a container without a seccomp profile of its own or its pod's." => Resolve::Member(namespaces::no_seccomp);
    "namespace.not-restricted", List, "Workloads that do not meet Pod Security's level restricted." => Resolve::Member(namespaces::not_restricted);
    "namespace.idle-tokens", List, "Workloads that mount a token of a service account which no binding names." => Resolve::Member(namespaces::idle_tokens);
    "namespace.network-policies", List, "The NetworkPolicies of the namespace. Absent: it has none." => Resolve::Member(namespaces::policies);
    "namespace.isolates-ingress", Bool, "Whether a NetworkPolicy of the namespace selects every pod, so that only what policies allow gets in." => Resolve::Member(namespaces::isolates);
    "cluster.windows-nodes", List, "Nodes that run Windows. Absent: there are none." => Resolve::Host(whole::windows);
    "cluster.workload-namespaces", List, "Namespaces with workloads, beside those that Kubernetes itself makes." => Resolve::Host(whole::workload_namespaces);
    "cluster.policy-plugins", List, "Network plugins among the workloads that are known to enforce NetworkPolicies. Absent: none is known." => Resolve::Host(whole::policy_plugins);
    "cluster.secret-stores", List, "What brings secrets from outside of the cluster: the kinds and drivers of secret stores. Absent: nothing does." => Resolve::Host(whole::secret_stores);
    "cluster.image-policies", List, "What verifies where images come from: engines whose webhook covers pods and fails closed, or the plugin ImagePolicyWebhook. Absent: nothing does." => Resolve::Host(whole::image_policies);
    "cluster.default-objects", List, "Objects in the namespace default, beside those that Kubernetes itself makes." => Resolve::Host(whole::default_objects);
    "cluster.seccomp-default", Bool, "Whether every kubelet gives pods a seccomp profile by default." => Resolve::Host(whole::seccomp_default);
};

macro_rules! sets {
    ($($name:literal, $kind:literal, $about:literal => $members:expr;)*) => {
        &[$(Set { name: $name, kind: $kind, about: $about, members: $members },)*]
    };
}

pub(super) static SETS: &[Set] = sets! {
    "rbac.cluster-admins", "subject", "The subjects that are bound to cluster-admin." => |node| rights::holders(node, "rbac.cluster-admins");
    "rbac.secret-readers", "subject", "The subjects that may get, list or watch Secrets." => |node| rights::holders(node, "rbac.secret-readers");
    "rbac.pod-creators", "subject", "The subjects that may create pods, or what pods are made from." => |node| rights::holders(node, "rbac.pod-creators");
    "rbac.masters", "subject", "Whatever makes somebody a member of system:masters, whom no rule limits: bindings beside cluster-admin's own, and approved requests for certificates." => |node| rights::holders(node, "rbac.masters");
    "rbac.escalators", "subject", "The subjects that may bind, escalate or impersonate." => |node| rights::holders(node, "rbac.escalators");
    "rbac.volume-creators", "subject", "The subjects that may create PersistentVolumes." => |node| rights::holders(node, "rbac.volume-creators");
    "rbac.node-proxies", "subject", "The subjects that have any right on nodes/proxy." => |node| rights::holders(node, "rbac.node-proxies");
    "rbac.csr-approvers", "subject", "The subjects that may approve requests for certificates." => |node| rights::holders(node, "rbac.csr-approvers");
    "rbac.webhook-writers", "subject", "The subjects that may change webhook configurations of admission." => |node| rights::holders(node, "rbac.webhook-writers");
    "rbac.token-creators", "subject", "The subjects that may create tokens of service accounts." => |node| rights::holders(node, "rbac.token-creators");
    "rbac.wildcard-roles", "role", "The roles that are bound to somebody and have a wildcard." => rights::wildcard_roles;
    "rbac.default-accounts", "service account", "The service account named default of every namespace." => rights::default_accounts;
    "cluster.namespaces", "namespace", "The namespaces." => namespaces::all;
};

/// What the API's objects tell is what is: no other place declares it.
fn told(value: Value, how: How, source: impl Into<String>) -> Resolved {
    Seen::Known(Known { value, how, source: source.into(), basis: Basis::Running, notes: Vec::new(), partial: None })
}

fn list(all: impl IntoIterator<Item = String>, source: impl Into<String>) -> Resolved {
    told(Value::List(all.into_iter().collect()), How::Observed, source)
}

/// The list; absent where it is empty.
fn some(all: Vec<String>, source: &str, none: &str) -> Resolved {
    if all.is_empty() { Seen::Absent(none.to_owned()) } else { list(all, source) }
}

fn own_name(_: &Node<'_>, member: &str) -> Resolved {
    told(Value::Text(member.to_owned()), How::Observed, "its name")
}

/// Members of a set that the API tells of.
fn members(all: impl IntoIterator<Item = String>, unseen: Option<crate::value::Unknown>) -> Members {
    Members { paths: all.into_iter().collect(), unseen }
}
