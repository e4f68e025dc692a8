//! A large cluster, judged in memory: 5,000 nodes, 100,000 pods of 5,000 workloads. Prints time and memory.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench that cannot go on has failed, and prints what it measured"
)]

use std::collections::BTreeMap;
use std::time::Instant;

use assess::{Case, Choice, Selection};
use evidence::{Aspect, Basis, CONFIGZ, Capture, Item, OBJECTS, Objects, Place, Reach, Run, Seen, Source, Text};
use report::Material;
use serde_json::{Value, json};

const NODES: usize = 5_000;
const PODS: usize = 100_000;
const WORKLOADS: usize = 5_000;
const NAMESPACES: usize = 500;

fn pod(at: usize) -> Value {
    let workload = at % WORKLOADS;
    json!({
        "metadata": { "name": format!("app-{workload}-5d9c7b-{at}"), "namespace": format!("team-{}", workload % NAMESPACES),
            "labels": { "pod-template-hash": "5d9c7b", "app": format!("app-{workload}") },
            "ownerReferences": [{ "kind": "ReplicaSet", "name": format!("app-{workload}-5d9c7b"), "controller": true }] },
        "spec": { "nodeName": format!("node-{}", at % NODES), "serviceAccountName": "app",
            "containers": [{ "name": "main", "image": "registry.example/app:v1", "env": [{ "name": "A", "value": "b" }],
                "securityContext": { "allowPrivilegeEscalation": workload.is_multiple_of(7), "capabilities": { "drop": ["ALL"] } } }],
            "volumes": [{ "name": "tmp", "emptyDir": {} }] },
        "status": { "phase": "Running" },
    })
}

fn objects(api: &str) -> Box<dyn Iterator<Item = Value>> {
    match api {
        "/api/v1/pods" => Box::new((0..PODS).map(pod)),
        "/api/v1/nodes" => Box::new((0..NODES).map(|at| json!({ "metadata": { "name": format!("node-{at}") } }))),
        "/api/v1/namespaces" => {
            Box::new((0..NAMESPACES).map(|at| json!({ "metadata": { "name": format!("team-{at}") } })))
        }
        _ => Box::new(std::iter::empty()),
    }
}

fn capture(name: String, source: Source, identity: BTreeMap<String, String>, items: Vec<Item>) -> Capture {
    Capture {
        name,
        source,
        taken: None,
        root: "made".to_owned(),
        identity,
        reach: Reach { api: source == Source::Cluster, ..Reach::default() },
        rights: Vec::new(),
        remarks: Vec::new(),
        catalogue: String::new(),
        items,
        breaks: Vec::new(),
    }
}

fn item(place: Place, aspect: Aspect, seen: Seen) -> Item {
    Item { trail: "bench".to_owned(), place, aspect, basis: Basis::Running, seen }
}

/// A node of which the API alone tells: its kubelet's configuration in force.
fn node(at: usize) -> Capture {
    let configz = json!({ "kubeletconfig": { "authentication": { "anonymous": { "enabled": at.is_multiple_of(1000) } },
        "authorization": { "mode": "Webhook" }, "port": 10250, "syncFrequency": "1m0s", "rotateCertificates": true } });
    let text = Text::new(configz.to_string().into_bytes(), Vec::new());
    let identity = [("role", "worker".to_owned()), ("kubelet", format!("v1.36.{}", at % 2))];
    let identity = identity.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let items = vec![item(Place::Api(CONFIGZ.to_owned()), Aspect::Text, Seen::Text(text))];
    capture(format!("node-{at}"), Source::ClusterNode, identity, items)
}

/// The most memory that this process ever held, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1024
}

fn main() {
    let start = Instant::now();
    let items = OBJECTS.iter().map(|kind| {
        let mut all = Objects::of(kind);
        objects(kind.api).for_each(|object| all.take(object));
        item(Place::Api(kind.api.to_owned()), Aspect::Objects, all.finish(None))
    });
    let mut captures = vec![capture("cluster".to_owned(), Source::Cluster, BTreeMap::new(), items.collect())];
    println!("objects taken        {:>8.1?}  peak {} MiB", start.elapsed(), peak());
    captures.extend((0..NODES).map(node));
    let run = Run { captures };
    println!("nodes taken          {:>8.1?}  peak {} MiB", start.elapsed(), peak());
    let (content, _) =
        benchmark::load(&benchmark::builtin_files(), &assess::vocabulary(), &mut diag::Sources::default());
    let case = Case::new(&run, &content, None, None).unwrap();
    let profile = content.profile("cis-2.0.1").unwrap();
    let judged = case.judge(&[profile], &Selection::default());
    println!("judged               {:>8.1?}  peak {} MiB", start.elapsed(), peak());
    let report = report::build(&Material {
        run: &run,
        content: &content,
        judged: &judged,
        presence: &case.presence(),
        profiles: vec![(profile, Choice::given(&profile.name, "bench"))],
        platform: case.platform().clone(),
        kubernetes: None,
        selection: None,
        register: None,
        version: "bench",
    });
    println!("report built         {:>8.1?}  peak {} MiB  {} findings", start.elapsed(), peak(), report.findings.len());
    let text = report::terminal(&report, &report::Options { width: 80, color: false, only: None, verbose: false });
    println!("told                 {:>8.1?}  peak {} MiB  {} lines", start.elapsed(), peak(), text.lines().count());
}
