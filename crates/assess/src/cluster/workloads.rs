//! What runs, or would be started: pods and the templates they are made from, each told by the name of what owns it.

use std::collections::{BTreeMap, BTreeSet};

use evidence::CONTAINERS;
use serde_json::Value as Json;

use super::{name_of, texts};
use crate::node::Node;
use crate::value::{Seen, Unknown};

/// Lists of what has a template, with the kind and where the template's pod lies.
const TEMPLATES: [(&str, &str, &str); 6] = [
    ("/apis/apps/v1/deployments", "Deployment", "/spec/template/spec"),
    ("/apis/apps/v1/daemonsets", "DaemonSet", "/spec/template/spec"),
    ("/apis/apps/v1/statefulsets", "StatefulSet", "/spec/template/spec"),
    ("/apis/batch/v1/jobs", "Job", "/spec/template/spec"),
    ("/apis/batch/v1/cronjobs", "CronJob", "/spec/jobTemplate/spec/template/spec"),
    ("/api/v1/replicationcontrollers", "ReplicationController", "/spec/template/spec"),
];

/// What of a workload a control asks about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trait {
    /// A container is privileged.
    Privileged,
    /// It is in the host's PID namespace.
    HostPid,
    /// It is in the host's IPC namespace.
    HostIpc,
    /// It is in the host's network namespace.
    HostNetwork,
    /// A container may gain more privileges than its parent process: the default.
    Escalation,
    /// A container may run as root.
    Root,
    /// A container keeps `NET_RAW`.
    NetRaw,
    /// A container keeps capabilities, or is given others than `NET_BIND_SERVICE`.
    Capabilities,
    /// A container adds a capability.
    Added,
    /// A container is a process of a Windows host.
    HostProcess,
    /// It mounts a path of the host.
    HostPath,
    /// A container uses a port of the host.
    HostPort,
    /// A container takes a Secret through its environment.
    SecretEnv,
    /// A container has no seccomp profile.
    NoSeccomp,
    /// It does not meet Pod Security's `restricted`.
    NotRestricted,
    /// It mounts a token of its service account.
    Token,
}

/// Traits of which `restricted` allows none, beside its own (Pod Security Standards, `restricted` v1.36).
const UNRESTRICTED: [Trait; 11] = [
    Trait::Privileged,
    Trait::HostPid,
    Trait::HostIpc,
    Trait::HostNetwork,
    Trait::Escalation,
    Trait::Root,
    Trait::Capabilities,
    Trait::HostProcess,
    Trait::HostPath,
    Trait::HostPort,
    Trait::NoSeccomp,
];

/// A workload.
#[derive(Clone, Debug, Default)]
pub(crate) struct Workload {
    traits: u32,
    /// The service accounts that it runs as.
    pub accounts: BTreeSet<String>,
}

impl Workload {
    /// Whether any of its pods has a trait.
    pub(crate) fn has(&self, of: Trait) -> bool {
        self.traits & 1 << of as u32 != 0
    }
}

/// Workloads by namespace and name.
#[derive(Debug, Default)]
pub(crate) struct Workloads {
    pub all: BTreeMap<String, BTreeMap<String, Workload>>,
    /// What could not be seen: there may be more, or others.
    pub unseen: Option<Unknown>,
}

impl Workloads {
    pub(super) fn read(node: &Node<'_>) -> Self {
        let mut accounts: BTreeMap<(String, String), bool> = BTreeMap::new();
        let mut unseen = None;
        let mut learn = |seen: Seen<Option<Unknown>>| match seen {
            Seen::Known(more) => unseen = unseen.take().or(more),
            // An API server that has no such list has none of them.
            Seen::Absent(_) => {}
            Seen::Unknown(unknown) => unseen = unseen.take().or(Some(unknown)),
        };
        learn(node.each_object("/api/v1/serviceaccounts", |object| {
            let (namespace, name) = name_of(object);
            let mounts = object.get("automountServiceAccountToken").and_then(Json::as_bool).unwrap_or(true);
            accounts.insert((namespace.unwrap_or_default().to_owned(), name.to_owned()), mounts);
        }));
        let mut all: BTreeMap<String, BTreeMap<String, Workload>> = BTreeMap::new();
        let mut add = |namespace: &str, name: String, pod: &Json, mirror: bool| {
            let namespace_of = namespace.to_owned();
            let workload = all.entry(namespace_of.clone()).or_default().entry(name).or_default();
            let account = pod.get("serviceAccountName").and_then(Json::as_str).filter(|name| !name.is_empty());
            let account = account.unwrap_or("default");
            // The kubelet's own pods are given no account (admission plugin `ServiceAccount`).
            if !mirror {
                workload.accounts.insert(account.to_owned());
                let of_account = accounts.get(&(namespace_of, account.to_owned())).copied().unwrap_or(true);
                let own = pod.get("automountServiceAccountToken").and_then(Json::as_bool);
                workload.set(Trait::Token, own.unwrap_or(of_account));
            }
            workload.look(pod);
        };
        for (api, kind, way) in TEMPLATES {
            learn(node.each_object(api, |object| {
                let (namespace, name) = name_of(object);
                let owned = object.pointer("/metadata/ownerReferences/0").is_some();
                if let Some(pod) = object.pointer(way).filter(|_| !owned) {
                    let namespace = namespace.unwrap_or_default();
                    add(namespace, format!("{kind} {namespace}/{name}"), pod, false);
                }
            }));
        }
        let mut jobs: BTreeMap<(String, String), String> = BTreeMap::new();
        learn(node.each_object("/apis/batch/v1/jobs", |object| {
            let (namespace, name) = name_of(object);
            let owner = object.pointer("/metadata/ownerReferences/0/name").and_then(Json::as_str);
            let key = (namespace.unwrap_or_default().to_owned(), name.to_owned());
            jobs.extend(owner.map(|owner| (key, owner.to_owned())));
        }));
        learn(node.each_object("/api/v1/pods", |object| {
            let phase = object.pointer("/status/phase").and_then(Json::as_str).unwrap_or_default();
            let Some(pod) = object.get("spec").filter(|_| !["Succeeded", "Failed"].contains(&phase)) else { return };
            let (name, mirror) = owner(object, pod, &jobs);
            add(name_of(object).0.unwrap_or_default(), name, pod, mirror);
        }));
        Self { all, unseen }
    }
}

/// The name of what a pod belongs to, and whether the kubelet made it from a file of its own.
fn owner(object: &Json, pod: &Json, jobs: &BTreeMap<(String, String), String>) -> (String, bool) {
    let (namespace, name) = name_of(object);
    let namespace = namespace.unwrap_or_default();
    let told = |kind: &str, name: &str| format!("{kind} {namespace}/{name}");
    let annotations = object.pointer("/metadata/annotations");
    if annotations.is_some_and(|own| own.get("kubernetes.io/config.mirror").is_some()) {
        let node = pod.get("nodeName").and_then(Json::as_str).unwrap_or_default();
        return (told("static pod", name.strip_suffix(&format!("-{node}")).unwrap_or(name)), true);
    }
    let references = object.pointer("/metadata/ownerReferences").and_then(Json::as_array);
    let controls = |one: &&Json| one.get("controller").and_then(Json::as_bool) == Some(true);
    let Some(owner) = references.and_then(|all| all.iter().find(controls)) else { return (told("Pod", name), false) };
    let part = |key: &str| owner.get(key).and_then(Json::as_str).unwrap_or_default();
    let hash = object.pointer("/metadata/labels/pod-template-hash").and_then(Json::as_str);
    match (part("kind"), part("name"), hash) {
        // The Deployment's controller names its ReplicaSets so.
        ("ReplicaSet", set, Some(hash)) => match set.strip_suffix(&format!("-{hash}")) {
            Some(deployment) => (told("Deployment", deployment), false),
            None => (told("ReplicaSet", set), false),
        },
        ("Job", job, _) => match jobs.get(&(namespace.to_owned(), job.to_owned())) {
            Some(cron) => (told("CronJob", cron), false),
            None => (told("Job", job), false),
        },
        (kind, owner, _) => (told(kind, owner), false),
    }
}

impl Workload {
    fn set(&mut self, of: Trait, on: bool) {
        self.traits |= u32::from(on) << of as u32;
    }

    /// Looks at a pod's spec, with all its lists of containers.
    fn look(&mut self, pod: &Json) {
        let windows = pod.pointer("/os/name").and_then(Json::as_str) == Some("windows");
        let shares = |key: &str| pod.get(key).and_then(Json::as_bool) == Some(true);
        self.set(Trait::HostPid, shares("hostPID"));
        self.set(Trait::HostIpc, shares("hostIPC"));
        self.set(Trait::HostNetwork, shares("hostNetwork"));
        let volumes = pod.get("volumes").and_then(Json::as_array).into_iter().flatten();
        self.set(Trait::HostPath, volumes.into_iter().any(|volume| volume.get("hostPath").is_some()));
        let of_pod = pod.get("securityContext").unwrap_or(&Json::Null);
        for container in CONTAINERS.iter().filter_map(|list| pod.get(*list)?.as_array()).flatten() {
            self.container(container, of_pod, windows);
        }
        self.set(Trait::NotRestricted, UNRESTRICTED.into_iter().any(|of| self.has(of)));
    }

    fn container(&mut self, container: &Json, of_pod: &Json, windows: bool) {
        let own = container.get("securityContext").unwrap_or(&Json::Null);
        let flag = |key: &str| own.get(key).and_then(Json::as_bool);
        // What a container says wins over what its pod says.
        let either = |pointer: &str| {
            let set = |of: &Json| of.pointer(pointer).filter(|value| !value.is_null()).cloned();
            set(own).or_else(|| set(of_pod))
        };
        let host_process = either("/windowsOptions/hostProcess") == Some(Json::Bool(true));
        self.set(Trait::HostProcess, host_process);
        let ports = container.get("ports").and_then(Json::as_array).into_iter().flatten();
        let of_host = |port: &Json| port.get("hostPort").and_then(Json::as_u64).is_some_and(|port| port > 0);
        self.set(Trait::HostPort, ports.into_iter().any(of_host));
        let in_env = |list: &str, pointer: &str| {
            let all = container.get(list).and_then(Json::as_array).into_iter().flatten();
            all.into_iter().any(|one| one.pointer(pointer).is_some())
        };
        self.set(Trait::SecretEnv, in_env("env", "/valueFrom/secretKeyRef") || in_env("envFrom", "/secretRef"));
        // The fields below mean nothing on Windows (Pod Security Standards, `restricted`).
        if windows {
            return;
        }
        let privileged = flag("privileged") == Some(true);
        self.set(Trait::Privileged, privileged);
        self.set(Trait::Escalation, flag("allowPrivilegeEscalation") != Some(false));
        let user = either("/runAsUser").and_then(|user| user.as_i64());
        let non_root = either("/runAsNonRoot") == Some(Json::Bool(true));
        self.set(Trait::Root, !(non_root || user.is_some_and(|user| user > 0)) || user == Some(0));
        let capabilities = own.get("capabilities").unwrap_or(&Json::Null);
        let named = |name: &str| name.strip_prefix("CAP_").unwrap_or(name).to_ascii_uppercase();
        let dropped: BTreeSet<String> = texts(capabilities, "drop").map(named).collect();
        let added: BTreeSet<String> = texts(capabilities, "add").map(named).collect();
        let drops = |name: &str| dropped.contains("ALL") || dropped.contains(name);
        let adds = |name: &str| added.contains("ALL") || added.contains(name);
        self.set(Trait::NetRaw, privileged || !drops("NET_RAW") || adds("NET_RAW"));
        self.set(Trait::Added, !added.is_empty());
        let beyond = added.iter().any(|name| name != "NET_BIND_SERVICE");
        self.set(Trait::Capabilities, privileged || !dropped.contains("ALL") || beyond);
        let profile = either("/seccompProfile/type").and_then(|kind| kind.as_str().map(str::to_owned));
        let confined = profile.is_some_and(|kind| ["RuntimeDefault", "Localhost"].contains(&kind.as_str()));
        self.set(Trait::NoSeccomp, privileged || !confined);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn traits(pod: &Json) -> Vec<Trait> {
        let mut workload = Workload::default();
        workload.look(pod);
        let all = [
            Trait::Privileged,
            Trait::HostPid,
            Trait::HostIpc,
            Trait::HostNetwork,
            Trait::Escalation,
            Trait::Root,
            Trait::NetRaw,
            Trait::Capabilities,
            Trait::HostProcess,
            Trait::HostPath,
            Trait::HostPort,
            Trait::SecretEnv,
            Trait::NoSeccomp,
            Trait::NotRestricted,
        ];
        all.into_iter().filter(|of| workload.has(*of)).collect()
    }

    fn good() -> Json {
        json!({
            "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } },
            "containers": [{ "name": "c", "securityContext": {
                "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"], "add": ["NET_BIND_SERVICE"] } } }],
        })
    }

    #[test]
    fn a_restricted_pod_has_none_of_the_traits() {
        assert_eq!(traits(&good()), []);
        let windows = json!({ "os": { "name": "windows" }, "containers": [{ "name": "c" }] });
        assert_eq!(traits(&windows), []);
    }

    #[test]
    fn each_trait_is_found_in_every_list_of_containers() {
        let cases = [
            ("privileged", json!({ "privileged": true }), Trait::Privileged),
            ("escalation", json!({ "allowPrivilegeEscalation": true }), Trait::Escalation),
            ("root", json!({ "runAsUser": 0 }), Trait::Root),
            ("root", json!({ "runAsNonRoot": false }), Trait::Root),
            ("raw", json!({ "capabilities": { "drop": ["ALL"], "add": ["CAP_NET_RAW"] } }), Trait::NetRaw),
            ("capabilities", json!({ "capabilities": { "drop": ["NET_RAW"] } }), Trait::Capabilities),
            ("seccomp", json!({ "seccompProfile": { "type": "Unconfined" } }), Trait::NoSeccomp),
            ("process", json!({ "windowsOptions": { "hostProcess": true } }), Trait::HostProcess),
        ];
        for list in CONTAINERS {
            for (what, context, expected) in &cases {
                let mut bad = good()["containers"][0].clone();
                for (key, value) in context.as_object().unwrap() {
                    bad["securityContext"][key] = value.clone();
                }
                let mut pod = good();
                match pod.get_mut(list).and_then(Json::as_array_mut) {
                    Some(all) => all.push(bad),
                    None => pod[list] = json!([bad]),
                }
                let found = traits(&pod);
                assert!(found.contains(expected) && found.contains(&Trait::NotRestricted), "{list} {what}: {found:?}");
            }
        }
        for (key, value, expected) in [
            ("hostPID", json!(true), Trait::HostPid),
            ("hostIPC", json!(true), Trait::HostIpc),
            ("hostNetwork", json!(true), Trait::HostNetwork),
            ("volumes", json!([{ "name": "v", "hostPath": { "path": "/" } }]), Trait::HostPath),
        ] {
            let mut pod = good();
            pod[key] = value;
            assert!(traits(&pod).contains(&expected), "{key}");
        }
        for (key, value, expected) in [
            ("ports", json!([{ "hostPort": 80 }]), Trait::HostPort),
            ("env", json!([{ "name": "A", "valueFrom": { "secretKeyRef": { "name": "s" } } }]), Trait::SecretEnv),
            ("envFrom", json!([{ "secretRef": { "name": "s" } }]), Trait::SecretEnv),
        ] {
            let mut pod = good();
            pod["containers"][0][key] = value;
            assert!(traits(&pod).contains(&expected), "{key}");
        }
    }

    #[test]
    fn a_pod_is_told_by_what_owns_it() {
        let pod = |metadata: Json| {
            let mut object = json!({ "metadata": metadata, "spec": { "nodeName": "n1" } });
            object["metadata"]["namespace"] = json!("d");
            let jobs = BTreeMap::from([(("d".to_owned(), "nightly-1".to_owned()), "nightly".to_owned())]);
            owner(&object, &object["spec"], &jobs).0
        };
        let of = |kind: &str, name: &str| json!([{ "kind": kind, "name": name, "controller": true }]);
        assert_eq!(pod(json!({ "name": "p" })), "Pod d/p");
        let hash = json!({ "pod-template-hash": "5d" });
        let replica = json!({ "name": "w-5d-x", "ownerReferences": of("ReplicaSet", "w-5d"), "labels": hash });
        assert_eq!(pod(replica), "Deployment d/w");
        assert_eq!(pod(json!({ "name": "x", "ownerReferences": of("Job", "nightly-1") })), "CronJob d/nightly");
        assert_eq!(pod(json!({ "name": "x", "ownerReferences": of("DaemonSet", "a") })), "DaemonSet d/a");
        let mirror = json!({ "name": "etcd-n1", "annotations": { "kubernetes.io/config.mirror": "h" }, "ownerReferences": of("Node", "n1") });
        assert_eq!(pod(mirror), "static pod d/etcd");
    }
}
