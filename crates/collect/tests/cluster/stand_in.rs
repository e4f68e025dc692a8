//! Nodes that are none: one thread does with the pods of a real API server what kubelets would, and serves their logs. What
//! a log holds, the real probe saw in a file tree.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use evidence::{Run, Source, Start, Take, Trail, write_framed, write_run};
use serde_json::{Value, json};

use super::kubelet::Kubelet;
use super::server::Server;

/// What becomes of the pods of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// They look, and end.
    Good,
    /// They look, and their log loses its end.
    Cut,
    /// They end with a word about why.
    Bad,
    /// They run on.
    Hangs,
    /// Nobody takes or ends them.
    Dead,
    /// Their image is nowhere.
    NoImage,
    /// The root is shared with nobody.
    Unshared,
}

/// The trails of these tests.
pub(crate) fn trails() -> Vec<Trail> {
    let start = Start::Path("/etc/hostname".to_owned());
    vec![Trail { id: "os.hostname".to_owned(), start, hops: Vec::new(), take: vec![Take::Stat] }]
}

/// Nodes of a server.
pub(crate) struct Nodes {
    server: &'static Server,
    ways: Arc<Mutex<BTreeMap<String, Way>>>,
    port: u16,
}

impl Nodes {
    /// Begins to stand in for all nodes of a server.
    pub(crate) fn of(server: &'static Server) -> Self {
        let ways: Arc<Mutex<BTreeMap<String, Way>>> = Arc::default();
        let logs: Arc<Mutex<BTreeMap<String, String>>> = Arc::default();
        let of_pods = Arc::clone(&logs);
        // /containerLogs/NAMESPACE/POD/CONTAINER
        let answer = move |line: &str| {
            let pod = line.split('/').nth(3).unwrap_or_default();
            of_pods.lock().unwrap().get(pod).map_or((404, "no such pod".to_owned()), |log| (200, log.clone()))
        };
        let kubelet = Kubelet::start_at(IpAddr::V4(Ipv4Addr::LOCALHOST), answer).unwrap();
        let known = Arc::clone(&ways);
        std::thread::spawn(move || {
            loop {
                beat(server, &known.lock().unwrap().clone(), &logs);
                std::thread::sleep(Duration::from_millis(200));
            }
        });
        Self { server, ways, port: kubelet.port }
    }

    /// A node, as the API shows it.
    pub(crate) fn make(&self, name: &str, way: Way) -> Value {
        self.ways.lock().unwrap().insert(name.to_owned(), way);
        let taint = json!({ "key": "team", "value": "audit", "effect": "NoExecute" });
        let node = json!({
            "apiVersion": "v1", "kind": "Node", "metadata": { "name": name }, "spec": { "taints": [taint] },
            "status": {
                "addresses": [{ "type": "InternalIP", "address": "127.0.0.1" }],
                "daemonEndpoints": { "kubeletEndpoint": { "Port": self.port } },
                "conditions": [{ "type": "Ready", "status": "True" }],
                "nodeInfo": { "operatingSystem": "linux", "architecture": "amd64", "bootID": "", "containerRuntimeVersion": "",
                    "kernelVersion": "", "kubeProxyVersion": "", "kubeletVersion": "", "machineID": "", "osImage": "", "systemUUID": "" },
            },
        });
        self.server.create("/api/v1/nodes", &node);
        node
    }

    /// Has a node go another way.
    pub(crate) fn turn(&self, name: &str, way: Way) {
        self.ways.lock().unwrap().insert(name.to_owned(), way);
    }
}

/// What the probe writes on a node of this name.
fn log(name: &str) -> String {
    let tree = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(tree.path().join("etc")).unwrap();
    std::fs::write(tree.path().join("etc/hostname"), name).unwrap();
    let mut capture = probe::capture(tree.path(), Some(name), trails(), probe::Options::default()).unwrap();
    capture.source = Source::Node;
    let (mut run, mut framed) = (Vec::new(), b"a word of the runtime\n".to_vec());
    write_run(&Run { captures: vec![capture] }, &mut run).unwrap();
    write_framed(&run, &mut framed).unwrap();
    String::from_utf8(framed).unwrap()
}

/// What all kubelets together do in a moment.
fn beat(server: &Server, ways: &BTreeMap<String, Way>, logs: &Mutex<BTreeMap<String, String>>) {
    let Ok((200, all)) = server.asked("GET", "/api/v1/pods?limit=500", &Value::Null) else { return };
    for pod in all["items"].as_array().into_iter().flatten() {
        let at = |way: &str| pod.pointer(way).and_then(Value::as_str).unwrap_or_default();
        let (name, node) = (at("/metadata/name"), at("/spec/nodeName"));
        let Some(way) = ways.get(node).copied().filter(|way| *way != Way::Dead) else { continue };
        let path = format!("/api/v1/namespaces/{}/pods/{name}", at("/metadata/namespace"));
        if !at("/metadata/deletionTimestamp").is_empty() {
            let _ = server.asked("DELETE", &path, &json!({ "gracePeriodSeconds": 0 }));
            continue;
        }
        if matches!(at("/status/phase"), "Succeeded" | "Failed") {
            continue;
        }
        let alone = pod.pointer("/spec/containers/0/volumeMounts/0/mountPropagation").is_none();
        let (phase, state) = match way {
            Way::Good | Way::Cut => ended(0, ""),
            Way::Unshared if alone => ended(0, ""),
            Way::Bad => ended(4, "kube-assay-probe: cannot read the trails: EOF\n"),
            Way::Hangs => ("Running", json!({ "running": { "startedAt": "2026-01-01T00:00:00Z" } })),
            Way::NoImage => waiting("ImagePullBackOff", "Back-off pulling image"),
            Way::Unshared | Way::Dead => {
                waiting("CreateContainerError", "path \"/\" is mounted on \"/\" but it is not a shared or slave mount")
            }
        };
        if phase == "Succeeded" {
            let whole = log(node);
            let kept = if way == Way::Cut { whole[..whole.len() / 2].to_owned() } else { whole };
            logs.lock().unwrap().insert(name.to_owned(), kept);
        }
        let status = json!({ "phase": phase, "containerStatuses": [{ "name": "probe", "image": "", "imageID": "", "ready": false,
            "restartCount": 0, "state": state }] });
        let _ = server.asked("PATCH", &format!("{path}/status"), &json!({ "status": status }));
    }
}

fn ended(code: i32, message: &str) -> (&'static str, Value) {
    let reason = if code == 0 { "Completed" } else { "Error" };
    let state = json!({ "terminated": { "exitCode": code, "reason": reason, "message": message } });
    (if code == 0 { "Succeeded" } else { "Failed" }, state)
}

fn waiting(reason: &str, message: &str) -> (&'static str, Value) {
    ("Pending", json!({ "waiting": { "reason": reason, "message": message } }))
}
