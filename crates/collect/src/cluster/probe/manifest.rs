//! The objects that a look at nodes needs, as they are sent, and as somebody may apply them by hand.

use std::time::Duration;

use serde_json::{Value, json};

use super::request::RUN;
use super::{Options, RIGHTS, Target};
use crate::cluster::rights::role;

/// What keeps a finished Job from staying, even if nobody is left to remove it.
pub(super) const KEPT: Duration = Duration::from_mins(5);

/// Annotations: how many seconds an object is in use at the longest, and the run that a namespace is there for.
pub(super) const LASTS: &str = "kube-assay.dev/lasts";
pub(super) const TEMPORARY: &str = "kube-assay.dev/temporary";
/// The node that a Job looks at. A label may not be as long as a node's name.
pub(super) const NODE: &str = "kube-assay.dev/node";

/// The only container.
pub(in crate::cluster) const CONTAINER: &str = "probe";

/// Pod Security's levels of a namespace.
pub(super) const ENFORCE: &str = "pod-security.kubernetes.io/enforce";

/// The file of trails in the `ConfigMap`.
const TRAILS: &str = "trails.json";

/// Labels of everything that a run makes.
fn labels(run: Option<&str>) -> Value {
    let mut labels = json!({ "app.kubernetes.io/name": "kube-assay", "app.kubernetes.io/managed-by": "kube-assay" });
    if let Some(run) = run {
        labels[RUN] = json!(run);
    }
    labels
}

/// The namespace. A temporary one goes when its last run ends.
pub(super) fn namespace(options: &Options, temporary: bool) -> Value {
    let mut labels = labels(None);
    // The pods see the node's root and processes: only the level `privileged` admits them.
    for mode in ["enforce", "audit", "warn"] {
        labels[format!("pod-security.kubernetes.io/{mode}")] = json!("privileged");
    }
    let mut metadata = json!({ "name": options.namespace, "labels": labels });
    if temporary {
        metadata["annotations"] =
            json!({ TEMPORARY: options.run, LASTS: (options.deadline + KEPT).as_secs().to_string() });
    }
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata })
}

/// Nothing in the namespace talks to anybody. It does not reach pods in the node's own network, as the probe's are: those
/// have no client to talk with. It is for whatever else may be started there.
pub(super) fn network_policy(options: &Options) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": { "name": "kube-assay-deny-all", "namespace": options.namespace, "labels": labels(None) },
        "spec": { "podSelector": {}, "policyTypes": ["Ingress", "Egress"] },
    })
}

/// What the objects of a run are called.
pub(super) fn config_map_name(options: &Options) -> String {
    format!("kube-assay-{}", options.run)
}

/// A node's name may be longer than that of a Job, whose pods bear it as a label.
fn name_of_node(options: &Options, node: &str) -> String {
    format!("kube-assay-{}-{}", options.run, &evidence::digest(node.as_bytes())[..10])
}

/// A second try on the same node has a Job of its own.
pub(super) fn job_name(options: &Options, target: &Target) -> String {
    let name = name_of_node(options, &target.name);
    if target.shared { name } else { format!("{name}-2") }
}

/// The trails, plain: whoever admits the run may read where it will look.
pub(super) fn config_map(options: &Options, trails: &str, lasts: Duration) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": config_map_name(options),
            "namespace": options.namespace,
            "labels": labels(Some(&options.run)),
            "annotations": { LASTS: lasts.as_secs().to_string() },
        },
        // Nobody changes where to look while it is being looked.
        "immutable": true,
        "data": { TRAILS: trails },
    })
}

/// The look at one node.
pub(super) fn job(options: &Options, target: &Target) -> Value {
    let labels = labels(Some(&options.run));
    let mut annotations = json!({ NODE: target.name, LASTS: (options.deadline + 2 * KEPT).as_secs().to_string() });
    let job_annotations = annotations.clone();
    // What a node tells is for who asked, and not for a store of all logs: the usual shippers are told so.
    annotations["fluentbit.io/exclude"] = json!("true");
    annotations["co.elastic.logs/enabled"] = json!("false");
    let mut pod_labels = labels.clone();
    pod_labels["vector.dev/exclude"] = json!("true");
    if options.old_apparmor {
        annotations[format!("container.apparmor.security.beta.kubernetes.io/{CONTAINER}")] = json!("unconfined");
    }
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": job_name(options, target),
            "namespace": options.namespace,
            "labels": labels,
            "annotations": job_annotations,
        },
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": options.deadline.as_secs().max(1),
            "ttlSecondsAfterFinished": KEPT.as_secs(),
            "template": {
                "metadata": { "labels": pod_labels, "annotations": annotations },
                "spec": pod(options, target),
            },
        },
    })
}

fn pod(options: &Options, target: &Target) -> Value {
    let tolerations: Vec<Value> = target
        .taints
        .iter()
        .map(|taint| match taint.value.as_str() {
            "" => json!({ "key": taint.key, "operator": "Exists", "effect": taint.effect }),
            value => json!({ "key": taint.key, "operator": "Equal", "value": value, "effect": taint.effect }),
        })
        .collect();
    json!({
        "nodeName": target.name,
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 1,
        // No `hostPID`: the node's own /proc comes with its root and shows all of its processes, and from a namespace of
        // its own this one can neither signal nor trace them.
        // The kernel answers for settings of the network by the namespace of whoever reads them.
        "hostNetwork": true,
        "dnsPolicy": "Default",
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "tolerations": tolerations,
        "securityContext": { "seccompProfile": { "type": "RuntimeDefault" } },
        "containers": [container(options, target)],
        "volumes": [
            // The root as a whole: with holes in it, absence would be told of what is only not mounted; and of single
            // paths a runtime may make those that are missing.
            { "name": "host", "hostPath": { "path": "/", "type": "" } },
            { "name": "trails", "configMap": { "name": config_map_name(options) } },
        ],
    })
}

fn container(options: &Options, target: &Target) -> Value {
    // What the node unmounts must go from here too: a mount that stayed behind would keep a volume in use that is being
    // moved to another node. That rules out `recursiveReadOnly`, which takes no propagation: what is mounted below the
    // root is not made read-only by this mount, and left alone by the program. Where the root is shared with nobody, a
    // runtime refuses to propagate; there everything is read-only instead.
    let mut host = json!({ "name": "host", "mountPath": "/host", "readOnly": true });
    if target.shared {
        host["mountPropagation"] = json!("HostToContainer");
    } else {
        host["recursiveReadOnly"] = json!("IfPossible");
    }
    let mut security = json!({
        "privileged": false,
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        // Some settings are shown to root alone, and capabilities are given to nobody else.
        "runAsUser": 0,
        "runAsGroup": 0,
        "runAsNonRoot": false,
        // DAC_READ_SEARCH: to look at files in folders of other accounts (etcd's, say). SYS_PTRACE: to see which program
        // a process runs, its environment and its sockets. SYS_ADMIN would show one setting more (net.core.bpf_jit_harden)
        // and could do nearly everything, so it is not asked for.
        "capabilities": { "drop": ["ALL"], "add": ["DAC_READ_SEARCH", "SYS_PTRACE"] },
        // A confined process may neither look at the processes nor at the files of others. Both are without effect
        // where the node has no such module.
        "seLinuxOptions": { "type": "spc_t" },
    });
    if !options.old_apparmor {
        security["appArmorProfile"] = json!({ "type": "Unconfined" });
    }
    json!({
        "name": CONTAINER,
        "image": options.image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/kube-assay-probe"],
        "args": ["--framed", "--root", "/host", "--name", target.name, "--trails", format!("/trails/{TRAILS}")],
        // What it says when it fails stands in the pod's status.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "resources": {
            "requests": { "cpu": "50m", "memory": "32Mi" },
            "limits": { "cpu": "500m", "memory": "256Mi" },
        },
        "securityContext": security,
        "volumeMounts": [
            host,
            { "name": "trails", "mountPath": "/trails", "readOnly": true },
        ],
    })
}

/// Everything that somebody needs to do the same by hand: the namespace, its policy, the rights to read and those to look
/// at nodes, the trails, and a Job for each of these nodes. The roles wait to be bound to who uses them.
pub fn manifests(options: &Options, nodes: &[Target], trails: &[evidence::Trail]) -> Vec<Value> {
    let trails = serde_json::to_string(trails).unwrap_or_default();
    let mut all = vec![namespace(options, false), network_policy(options)];
    all.extend(role()["items"].as_array().into_iter().flatten().cloned());
    all.push(probe_role(&options.namespace));
    all.push(config_map(options, &trails, options.deadline + KEPT));
    all.extend(nodes.iter().map(|node| job(options, node)));
    all
}

/// The rights that looking at nodes needs in a namespace that is there already.
fn probe_role(namespace: &str) -> Value {
    let rules: Vec<Value> = RIGHTS
        .iter()
        .map(|(group, resource, verbs)| {
            let mut rule = json!({ "apiGroups": [group], "resources": [resource], "verbs": verbs });
            // Of a namespace the API asks for the right in itself.
            if *resource == "namespaces" {
                rule["resourceNames"] = json!([namespace]);
            }
            rule
        })
        .collect();
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": { "name": "kube-assay-probe", "namespace": namespace, "labels": labels(None) },
        "rules": rules,
    })
}
