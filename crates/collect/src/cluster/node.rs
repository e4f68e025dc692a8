//! What the API tells of a node: who it is, its kubelet's configuration in force, and its mirror pods.

use std::collections::BTreeMap;

use evidence::{
    Ask, Aspect, Basis, CONFIGZ, Capture, Cut, Limits, MIRROR_PODS, Place, Reach, Resource, Seen, Source, Spec, Start,
    Text, Trail, Walk,
};
use serde_json::Value;

use super::client::{Client, Request};
use super::now;
use super::path::right;

/// The list of the nodes, and that of the pods.
const NODES: &str = "/api/v1/nodes";
const PODS: &str = "/api/v1/pods";

/// The annotation by which the API marks a pod that a node made by itself.
const MIRROR: &str = "/metadata/annotations/kubernetes.io~1config.mirror";

/// A kubelet's answer has some kilobytes.
const LARGEST_CONFIGZ: usize = 1 << 20;

/// Labels that say that a node is one of the control plane.
const CONTROL_PLANE: [&str; 2] = ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"];

/// Nodes of a cluster's capture, with the mirror pods of each.
pub(super) struct Known {
    pub(super) nodes: Vec<Value>,
    /// The mirror pods by the name of their node; an error: why they are not known.
    pods: Option<Result<BTreeMap<String, Vec<Resource>>, Seen>>,
    /// Pods that could not be read.
    left_out: Vec<String>,
}

impl Known {
    /// Reads a capture line by line: of thousands of pods only the mirror pods are held.
    pub(super) fn of(cluster: &Capture, meant: &dyn Fn(&str) -> bool) -> Self {
        let lines = |text: &Text| -> Vec<Value> {
            text.bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
        };
        let list = |api: &str| cluster.seen(&Place::Api(api.to_owned()), Aspect::Objects);
        let mut nodes = match list(NODES) {
            Some(Seen::Objects(list)) => lines(&list.text),
            _ => Vec::new(),
        };
        nodes.retain(|node| node.pointer("/metadata/name").and_then(Value::as_str).is_some_and(meant));
        let (mut pods, mut left_out) = (None, Vec::new());
        match list(PODS) {
            Some(Seen::Objects(list)) => {
                left_out.clone_from(&list.left_out);
                pods = Some(match &list.incomplete {
                    Some(why) => Err(Seen::Failed { why: format!("the list of pods is not whole: {why}") }),
                    None => Ok(mirror_pods(&list.text)),
                });
            }
            Some(seen) => pods = Some(Err(seen.clone())),
            None => {}
        }
        Self { nodes, pods, left_out }
    }

    /// The mirror pods of a node; none: pods were never asked for.
    fn mirror_pods(&self, node: &str) -> Option<Seen> {
        let pods = match self.pods.as_ref()? {
            Ok(pods) => pods,
            Err(seen) => return Some(seen.clone()),
        };
        // A pod that could not be read may be one of them: the names of mirror pods end with their node's.
        let end = format!("-{node}");
        let own = |told: &&String| match told.split_once(": ") {
            Some((name, _)) if name.contains('/') => name.ends_with(&end),
            _ => true,
        };
        if let Some(told) = self.left_out.iter().find(own) {
            return Some(Seen::Failed { why: format!("a pod could not be read: {told}") });
        }
        Some(Seen::Resources(pods.get(node).cloned().unwrap_or_default()))
    }
}

/// The mirror pods of a list, by their nodes.
fn mirror_pods(text: &Text) -> BTreeMap<String, Vec<Resource>> {
    let mut all: BTreeMap<String, Vec<Resource>> = BTreeMap::new();
    for line in text.bytes.split(|byte| *byte == b'\n') {
        let Ok(pod) = serde_json::from_slice::<Value>(line) else { continue };
        let at = |way: &str| pod.pointer(way).and_then(Value::as_str);
        if let (Some(node), Some(name), Some(_)) = (at("/spec/nodeName"), at("/metadata/name"), at(MIRROR)) {
            let id = name.strip_suffix(&format!("-{node}")).unwrap_or(name).to_owned();
            let spec = Spec::Text(Text::new(line.to_vec(), Vec::new()));
            all.entry(node.to_owned()).or_default().push(Resource { id, owner: String::new(), spec });
        }
    }
    all
}

/// The capture of one node.
pub(super) async fn capture(
    client: &Client,
    node: &Value,
    known: &Known,
    trails: Vec<Trail>,
    catalogue: String,
) -> Capture {
    let name = node.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut walk = Walk::new(trails, Limits::default());
    while let Some(ask) = walk.next_ask() {
        let seen = match &ask {
            Ask::Body { api, .. } if api == CONFIGZ => Some(configz(client, &name).await),
            Ask::Resources { kind, .. } if kind == MIRROR_PODS => known.mirror_pods(&name),
            _ => None,
        };
        match seen {
            Some(seen) => walk.answer(seen),
            None => walk.pass(),
        }
    }
    let (mut items, breaks) = walk.finish();
    for item in items.iter_mut().filter(|item| item.place == Place::Api(CONFIGZ.to_owned())) {
        item.basis = Basis::Running;
    }
    Capture {
        identity: identity(node),
        name,
        source: Source::ClusterNode,
        taken: now(),
        root: "the Kubernetes API".to_owned(),
        reach: Reach::default(),
        rights: Vec::new(),
        remarks: Vec::new(),
        catalogue,
        items,
        breaks,
    }
}

/// Whether a trail leads to what a node's capture holds.
pub(super) fn is_of_node(trail: &Trail) -> bool {
    match &trail.start {
        Start::Api(api) => api == CONFIGZ,
        Start::Resources(kind) => kind == MIRROR_PODS,
        _ => false,
    }
}

/// The kubelet's configuration in force. The node's own part of the API is asked first, since a right to it opens nothing
/// else; a server that does not know it has the node's proxy.
async fn configz(client: &Client, node: &str) -> Seen {
    let own = format!("{NODES}/{node}/configz");
    let through = format!("{NODES}/{node}/proxy/configz");
    let mut path = &own;
    let mut answer = client.answer(&Request::Read(path), LARGEST_CONFIGZ).await;
    if answer.as_ref().is_err_and(|refusal| refusal.code() == Some(404)) {
        path = &through;
        answer = client.answer(&Request::Read(path), LARGEST_CONFIGZ).await;
    }
    let bytes = match answer {
        Ok(bytes) => bytes,
        Err(refusal) if refusal.is_denial() => return Seen::Denied { right: right(path) },
        Err(refusal) => return Seen::Failed { why: refusal.to_string() },
    };
    match serde_json::from_slice::<Value>(&bytes) {
        Ok(value) if value.is_object() => match evidence::take_spec(Cut::Resource, CONFIGZ, value) {
            Spec::Text(text) => Seen::Text(text),
            Spec::Withheld { why } => Seen::Withheld { why },
        },
        _ => Seen::Failed { why: "the kubelet's answer is no JSON object".to_owned() },
    }
}

/// Who a node is.
fn identity(node: &Value) -> BTreeMap<String, String> {
    let at = |way: &str| node.pointer(way).and_then(Value::as_str).unwrap_or_default();
    let of = |name: &str| at(&format!("/status/nodeInfo/{name}"));
    let arch = match of("architecture") {
        "amd64" => "x86_64",
        "arm64" => "aarch64",
        other => other,
    };
    let labels = node.pointer("/metadata/labels").and_then(Value::as_object);
    let role = |labels: &serde_json::Map<String, Value>| CONTROL_PLANE.iter().any(|label| labels.contains_key(*label));
    [
        ("node", at("/metadata/name")),
        ("kubelet", of("kubeletVersion")),
        ("os", of("osImage")),
        ("kernel", of("kernelVersion")),
        ("container-runtime", of("containerRuntimeVersion")),
        ("machine-id", of("machineID")),
        ("boot-id", of("bootID")),
        ("arch", arch),
        ("provider-id", at("/spec/providerID")),
        ("role", if labels.is_some_and(role) { "control-plane" } else { "worker" }),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .chain(labels.into_iter().flatten().filter_map(label))
    .chain(at("/metadata/creationTimestamp").split('T').next().filter(|day| !day.is_empty()).map(made))
    .collect()
}

/// The day on which a node joined.
fn made(day: &str) -> (String, String) {
    ("joined".to_owned(), day.to_owned())
}

/// A label, as it sets a node apart from others; those that name the node itself do not.
fn label((key, value): (&String, &Value)) -> Option<(String, String)> {
    let own = key == "kubernetes.io/hostname"
        || key.starts_with("beta.kubernetes.io/")
        || CONTROL_PLANE.contains(&key.as_str());
    let value = value.as_str().filter(|_| !own)?;
    Some((format!("label {key}"), value.to_owned()))
}
