//! Objects of the Kubernetes API: which lists are read, and what is kept of each object. The table is the only list of
//! them: roles for a cluster's auditor are printed from it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::cut::{scrub_argv, shaped_secret};
use crate::resource::PROGRAMS;
use crate::{OsText, digest};

/// A list of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectKind {
    /// The API path of its list.
    pub api: &'static str,
    /// The kind of one of its objects.
    pub kind: &'static str,
    /// What is kept of an object: ways of keys with blanks between them. Lists add nothing to a way; `*` as its end is
    /// everything below.
    keep: &'static [&'static str],
}

/// What every object may show.
const NAMED: [&str; 3] = ["metadata name", "metadata namespace", "metadata creationTimestamp"];

/// What is kept of a pod, below its spec.
const POD: &[&str] = &[
    "serviceAccountName",
    "automountServiceAccountToken",
    "nodeName",
    "hostNetwork",
    "hostPID",
    "hostIPC",
    "hostUsers",
    "runtimeClassName",
    "os name",
    "securityContext *",
    "volumes name",
    "volumes hostPath *",
    "volumes secret secretName",
    "volumes projected sources secret name",
    "volumes projected sources serviceAccountToken expirationSeconds",
    "volumes csi driver",
];

/// The lists of containers of a pod.
pub const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// What is kept of a container.
const CONTAINER: &[&str] = &[
    "name",
    "image",
    "command",
    "args",
    "securityContext *",
    "ports hostPort",
    "ports containerPort",
    "env name",
    "env valueFrom secretKeyRef name",
    "envFrom secretRef name",
    "volumeMounts name",
    "volumeMounts mountPath",
];

const RULES: &[&str] = &["rules *", "aggregationRule *"];
const BINDING: &[&str] = &["roleRef *", "subjects *"];
const WEBHOOKS: &[&str] = &[
    "webhooks name",
    "webhooks failurePolicy",
    "webhooks rules *",
    "webhooks namespaceSelector *",
    "webhooks objectSelector *",
    "webhooks matchConditions name",
    "webhooks clientConfig service name",
    "webhooks clientConfig service namespace",
];

/// Workloads whose template a pod is made from.
const TEMPLATE: &[&str] = &["spec template"];

const fn list(api: &'static str, kind: &'static str, keep: &'static [&'static str]) -> ObjectKind {
    ObjectKind { api, kind, keep }
}

/// Every list that is read. Secrets are none of them.
pub const OBJECTS: [ObjectKind; 26] = [
    list(
        "/api/v1/nodes",
        "Node",
        &[
            "metadata labels *",
            "spec providerID",
            "spec taints *",
            "status nodeInfo *",
            "status conditions type",
            "status conditions status",
        ],
    ),
    list("/api/v1/namespaces", "Namespace", &["metadata uid", "metadata labels *", "status phase"]),
    list("/api/v1/serviceaccounts", "ServiceAccount", &["automountServiceAccountToken"]),
    list(
        "/api/v1/pods",
        "Pod",
        &[
            "metadata ownerReferences kind",
            "metadata ownerReferences name",
            "metadata ownerReferences controller",
            "metadata labels pod-template-hash",
            "metadata labels kube-assay.dev/run",
            "metadata annotations kubernetes.io/config.mirror",
            "metadata annotations kubernetes.io/config.source",
            "status phase",
            "spec",
        ],
    ),
    list("/api/v1/services", "Service", &["spec type"]),
    list("/api/v1/persistentvolumeclaims", "PersistentVolumeClaim", &[]),
    list("/api/v1/replicationcontrollers", "ReplicationController", TEMPLATE),
    list("/apis/apps/v1/deployments", "Deployment", TEMPLATE),
    list("/apis/apps/v1/daemonsets", "DaemonSet", TEMPLATE),
    list("/apis/apps/v1/statefulsets", "StatefulSet", TEMPLATE),
    list(
        "/apis/apps/v1/replicasets",
        "ReplicaSet",
        &["metadata ownerReferences kind", "metadata ownerReferences name"],
    ),
    list(
        "/apis/batch/v1/jobs",
        "Job",
        &["metadata ownerReferences kind", "metadata ownerReferences name", "spec template"],
    ),
    list("/apis/batch/v1/cronjobs", "CronJob", &["spec jobTemplate spec template"]),
    list("/apis/networking.k8s.io/v1/networkpolicies", "NetworkPolicy", &["spec *"]),
    list("/apis/networking.k8s.io/v1/ingresses", "Ingress", &[]),
    list("/apis/rbac.authorization.k8s.io/v1/roles", "Role", RULES),
    list("/apis/rbac.authorization.k8s.io/v1/clusterroles", "ClusterRole", RULES),
    list("/apis/rbac.authorization.k8s.io/v1/rolebindings", "RoleBinding", BINDING),
    list("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", "ClusterRoleBinding", BINDING),
    list(
        "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
        "ValidatingWebhookConfiguration",
        WEBHOOKS,
    ),
    list(
        "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
        "MutatingWebhookConfiguration",
        WEBHOOKS,
    ),
    list(
        "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
        "ValidatingAdmissionPolicy",
        &["spec failurePolicy", "spec matchConstraints *", "spec validations expression"],
    ),
    list(
        "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
        "ValidatingAdmissionPolicyBinding",
        &["spec policyName", "spec validationActions", "spec matchResources *"],
    ),
    list(
        "/apis/certificates.k8s.io/v1/certificatesigningrequests",
        "CertificateSigningRequest",
        &["spec request", "spec signerName", "spec username", "spec usages", "status conditions type"],
    ),
    list("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", "CustomResourceDefinition", &["spec group"]),
    list("/apis/storage.k8s.io/v1/csidrivers", "CSIDriver", &[]),
];

/// The list of an API path.
pub fn object_kind(api: &str) -> Option<&'static ObjectKind> {
    OBJECTS.iter().find(|kind| kind.api == api)
}

/// What is kept below a key.
#[derive(Debug, Default)]
struct Tree {
    whole: bool,
    below: BTreeMap<&'static str, Self>,
}

impl Tree {
    fn add(&mut self, way: impl IntoIterator<Item = &'static str>) -> &mut Self {
        let mut here = self;
        for key in way {
            if key == "*" {
                here.whole = true;
            } else {
                here = here.below.entry(key).or_default();
            }
        }
        here
    }

    /// A pod's spec below this key.
    fn pod(&mut self) {
        for way in POD {
            self.add(way.split(' '));
        }
        for list in CONTAINERS {
            for way in CONTAINER {
                self.add([list].into_iter().chain(way.split(' ')));
            }
        }
    }

    fn kept(&self, value: Value) -> Option<Value> {
        if self.whole || self.below.is_empty() {
            return Some(value);
        }
        match value {
            Value::Object(map) => {
                let kept: Map<String, Value> = map
                    .into_iter()
                    .filter_map(|(key, value)| Some((key.clone(), self.below.get(key.as_str())?.kept(value)?)))
                    .collect();
                Some(Value::Object(kept))
            }
            // A member of a list of which nothing is kept is a member all the same.
            Value::Array(all) => Some(Value::Array(all.into_iter().filter_map(|one| self.kept(one)).collect())),
            // A scalar stands where the API has none.
            _ => None,
        }
    }
}

/// Takes objects of one list, one after the other.
#[derive(Debug)]
pub struct Objects {
    tree: Tree,
    lines: Vec<u8>,
    count: u32,
    left_out: Vec<String>,
}

/// Objects that could not be taken are named up to this many.
const NAMED_AT_MOST: usize = 20;

impl Objects {
    /// None yet, of a list.
    pub fn of(kind: &ObjectKind) -> Self {
        let mut tree = Tree::default();
        for way in NAMED.into_iter().chain(kind.keep.iter().copied()) {
            let end = tree.add(way.split(' '));
            if way.ends_with("template") {
                end.add(["spec"]).pod();
            } else if way == "spec" {
                end.pod();
            }
        }
        Self { tree, lines: Vec::new(), count: 0, left_out: Vec::new() }
    }

    /// Takes one object.
    pub fn take(&mut self, object: Value) {
        let name = |object: &Value| {
            let part =
                |key: &str| object.pointer(&format!("/metadata/{key}")).and_then(Value::as_str).map(str::to_owned);
            match (part("namespace"), part("name")) {
                (Some(namespace), Some(name)) => format!("{namespace}/{name}"),
                (None, Some(name)) => name,
                _ => "an object without a name".to_owned(),
            }
        };
        let name = name(&object);
        if !object.is_object() || object.pointer("/metadata/name").is_none() {
            return self.leave_out(format!("{name}: it is no object"));
        }
        let Some(mut kept) = self.tree.kept(object) else { return self.leave_out(format!("{name}: it is no object")) };
        arguments(&mut kept);
        let line = kept.to_string();
        if shaped_secret(line.as_bytes()) {
            return self.leave_out(format!("{name}: what looks like a secret stands in it"));
        }
        self.lines.extend_from_slice(line.as_bytes());
        self.lines.push(b'\n');
        self.count += 1;
    }

    /// Notes an object that could not be taken.
    pub fn leave_out(&mut self, why: String) {
        if self.left_out.len() < NAMED_AT_MOST {
            self.left_out.push(why);
        } else {
            "and others".clone_into(&mut self.left_out[NAMED_AT_MOST - 1]);
        }
    }

    /// Bytes taken so far.
    pub fn size(&self) -> usize {
        self.lines.len()
    }

    /// The answer. `incomplete` says why there may be more objects than these.
    pub fn finish(self, incomplete: Option<String>) -> crate::Seen {
        let text = crate::Text {
            digest: digest(&self.lines),
            size: self.lines.len() as u64,
            bytes: self.lines.into(),
            cuts: Vec::new(),
        };
        let list = crate::ObjectList { text, count: self.count, incomplete, left_out: self.left_out };
        crate::Seen::Objects(Box::new(list))
    }
}

/// Of containers that run none of the programs that are judged the arguments go: they may be secret, and no name betrays
/// it. Those of the others lose what names betray.
fn arguments(object: &mut Value) {
    for spec in ["/spec", "/spec/template/spec", "/spec/jobTemplate/spec/template/spec"] {
        for list in CONTAINERS {
            let containers = object.pointer_mut(&format!("{spec}/{list}")).and_then(Value::as_array_mut);
            for container in containers.into_iter().flatten() {
                container_arguments(container);
            }
        }
    }
}

fn container_arguments(container: &mut Value) {
    let program = container.pointer("/command/0").or_else(|| container.get("name")).and_then(Value::as_str);
    let own = program.and_then(|path| path.rsplit('/').next()).is_some_and(|name| PROGRAMS.contains(&name));
    for key in ["command", "args"] {
        let Some(all) = container.get_mut(key).and_then(Value::as_array_mut) else { continue };
        if own {
            let argv = all.iter().map(|one| OsText::from(one.as_str().unwrap_or_default())).collect();
            let (argv, _) = scrub_argv(argv);
            *all = argv.iter().map(|one| Value::String(one.to_lossy())).collect();
        } else if let Some(map) = container.as_object_mut() {
            map.remove(key);
        }
    }
    // What somebody writes into a name of a variable is a name; a value was never kept.
    if let Some(Value::Array(variables)) = container.get_mut("env") {
        variables.retain(|variable| variable.get("valueFrom").is_some_and(|from| from.get("secretKeyRef").is_some()));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{ObjectList, Seen};

    fn taken(api: &str, objects: Vec<Value>) -> (Vec<Value>, Box<ObjectList>) {
        let mut all = Objects::of(object_kind(api).unwrap());
        for object in objects {
            all.take(object);
        }
        let Seen::Objects(list) = all.finish(None) else { panic!("objects") };
        let lines = list.text.to_lossy().into_owned();
        (lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), list)
    }

    #[test]
    fn of_a_pod_is_kept_what_decides_and_no_secret() {
        let spec = json!({
            "serviceAccountName": "a", "hostNetwork": true, "nodeName": "n",
            "containers": [
                { "name": "own", "image": "i", "command": ["/own", "S3CRETa"], "args": ["-p", "S3CRETb"],
                  "env": [{ "name": "A", "value": "S3CRETc" }, { "name": "B", "valueFrom": { "secretKeyRef": { "name": "s", "key": "k" } } }],
                  "securityContext": { "privileged": true }, "livenessProbe": { "exec": { "command": ["S3CRETd"] } } },
                { "name": "kube-apiserver", "command": ["kube-apiserver", "--profiling=false", "--my-token=S3CRETe"] },
            ],
            "volumes": [{ "name": "v", "hostPath": { "path": "/", "type": "" } }, { "name": "w", "downwardAPI": { "x": "S3CRETf" } }],
        });
        let metadata = json!({ "name": "p", "namespace": "d", "annotations": { "note": "S3CRETg", "kubernetes.io/config.mirror": "h" },
            "labels": { "x": "S3CRETh", "pod-template-hash": "5d" } });
        let pod = json!({ "metadata": metadata, "spec": spec, "status": { "phase": "Running", "message": "S3CRETi" } });
        let (all, list) = taken("/api/v1/pods", vec![pod.clone()]);
        assert_eq!((list.count, list.left_out.len(), all.len()), (1, 0, 1));
        assert!(!list.text.to_lossy().contains("S3CRET"), "{}", list.text.to_lossy());
        let at = |way: &str| all[0].pointer(way).cloned().unwrap_or_default();
        assert_eq!(at("/spec/containers/0/securityContext/privileged"), true);
        assert_eq!(
            at("/spec/containers/0/env"),
            json!([{ "name": "B", "valueFrom": { "secretKeyRef": { "name": "s" } } }])
        );
        assert_eq!(at("/spec/containers/1/command/1"), "--profiling=false");
        assert_eq!(at("/spec/volumes/0/hostPath/path"), "/");
        assert_eq!(at("/spec/volumes/1"), json!({ "name": "w" }));
        assert_eq!(at("/metadata/annotations/kubernetes.io~1config.mirror"), "h");
        assert_eq!(at("/metadata/labels"), json!({ "pod-template-hash": "5d" }));
        // The same below a template.
        let template =
            json!({ "metadata": { "name": "w", "namespace": "d" }, "spec": { "template": { "spec": spec } } });
        let (all, list) = taken("/apis/apps/v1/deployments", vec![template]);
        assert!(!list.text.to_lossy().contains("S3CRET"), "{}", list.text.to_lossy());
        assert_eq!(all[0].pointer("/spec/template/spec/hostNetwork"), Some(&json!(true)));
    }

    #[test]
    fn an_object_that_cannot_be_taken_is_left_out_alone() {
        let key = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----";
        let role = |name: &str, verb: &str| json!({ "metadata": { "name": name }, "rules": [{ "verbs": [verb] }] });
        let objects = vec![role("a", "get"), role("b", key), json!("nonsense"), json!({}), role("c", "list")];
        let (all, list) = taken("/apis/rbac.authorization.k8s.io/v1/clusterroles", objects);
        assert_eq!((all.len(), list.count), (2, 2));
        assert_eq!(list.left_out.len(), 3, "{:?}", list.left_out);
        assert!(list.left_out[0].starts_with("b: ") && !list.left_out.concat().contains("MHcC"));
    }

    #[test]
    fn secrets_are_none_of_the_lists() {
        assert!(OBJECTS.iter().all(|kind| !kind.api.ends_with("/secrets") && !kind.api.ends_with("/configmaps")));
        let distinct: std::collections::BTreeSet<&str> = OBJECTS.iter().map(|kind| kind.api).collect();
        assert_eq!(distinct.len(), OBJECTS.len());
    }
}
