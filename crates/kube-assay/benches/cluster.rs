//! A large cluster: 5,000 nodes, 100,000 pods of 5,000 workloads, of which the API alone tells, or that were looked at
//! from within. Prints time and memory: `cargo bench --bench cluster`, and `-- api` or `-- probed` for one of them.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench that cannot go on has failed, and prints what it measured"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use assess::{Case, Choice, Selection};
use evidence::{Aspect, Basis, CONFIGZ, Capture, Item, OBJECTS, Objects, Place, Reach, Seen, Source, Spool, Text};
use report::{CaptureInfo, Material};
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

/// Nodes as probes bring them: each is read from a run file of its own, and is no other's twin.
fn probed(at: usize, file: &[u8]) -> Capture {
    let mut own = evidence::read_run(file).unwrap().captures.swap_remove(0);
    own.name = format!("node-{at}");
    own.source = Source::Node;
    let identity =
        [("hostname", own.name.clone()), ("machine-id", format!("{at:032x}")), ("boot-id", format!("{at:x}"))];
    own.identity.extend(identity.map(|(key, value)| (key.to_owned(), value)));
    own.identity.insert("kernel".to_owned(), format!("6.12.{}", at % 3));
    let shift = u32::try_from(at).unwrap();
    for item in &mut own.items {
        if let Place::Process(pid) = &mut item.place {
            *pid += shift;
        }
        match &mut item.seen {
            Seen::Processes(table) => {
                for process in &mut table.matched {
                    process.pid += shift;
                    process.started = process.started.map(|ms| ms + i64::from(shift));
                }
            }
            Seen::Stat(stat) => {
                stat.modified = stat.modified.map(|ms| ms - i64::from(shift));
                // A few nodes are not as the others.
                if at.is_multiple_of(1000) && stat.mode == 0o600 {
                    stat.mode = 0o644;
                }
            }
            // Another signature: certificates are each node's own.
            Seen::Certs(certs) => {
                for cert in certs {
                    let mut bytes = cert.bytes.to_vec();
                    for (byte, mark) in bytes.iter_mut().rev().zip(shift.to_le_bytes()) {
                        *byte ^= mark;
                    }
                    *cert = Text::new(bytes, Vec::new());
                }
            }
            _ => {}
        }
    }
    own
}

/// The most memory that this process ever held, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1024
}

fn main() {
    let start = Instant::now();
    let told = |what: &str, more: String| {
        println!("{what:<20} {:>8.1?}  peak {} MiB  {more}", start.elapsed(), peak());
    };
    let mut spool = Spool::new(tempfile::SpooledTempFile::new(64 << 20));
    let items = OBJECTS.iter().map(|kind| {
        let mut all = Objects::of(kind);
        objects(kind.api).for_each(|object| all.take(object));
        item(Place::Api(kind.api.to_owned()), Aspect::Objects, all.finish(None))
    });
    spool.push(&capture("cluster".to_owned(), Source::Cluster, BTreeMap::new(), items.collect())).unwrap();
    told("objects taken", String::new());
    if std::env::args().any(|argument| argument == "probed") {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/runs/kubeadm-v1.36.run");
        let file = std::fs::read(file).unwrap();
        (0..NODES).for_each(|at| spool.push(&probed(at, &file)).unwrap());
    } else {
        (0..NODES).for_each(|at| spool.push(&node(at)).unwrap());
    }
    told("nodes taken", String::new());
    let (content, _) =
        benchmark::load(&benchmark::builtin_files(), &assess::vocabulary(), &mut diag::Sources::default());
    let case = Case::new(&spool, &content, None, None).unwrap().unwrap();
    told("gone through", String::new());
    let profile = content.profile("cis-2.0.1").unwrap();
    // The cluster's own capture is the first.
    let (mut captures, mut nodes) = (Vec::new(), Instant::now());
    let done = |capture: &Capture, presence| {
        captures.push(CaptureInfo::of(capture, presence));
        if capture.source == Source::Cluster {
            nodes = Instant::now();
        }
    };
    let judged = case.judge(&[profile], &Selection::default(), done).unwrap();
    let each = nodes.elapsed() / u32::try_from(NODES).unwrap();
    told("judged", format!("{each:.1?} for each node"));
    let report = report::build(Material {
        captures,
        content: &content,
        judged: &judged,
        profiles: vec![(profile, Choice::given(&profile.name, "bench"))],
        platform: case.platform().clone(),
        kubernetes: None,
        selection: None,
        register: None,
        version: "bench",
    });
    told("report built", format!("{} findings", report.findings.len()));
    let text = report::terminal(
        &report,
        &report::Beside::default(),
        &report::Options { width: 80, color: false, only: None, verbose: false },
    );
    told("told", format!("{} lines", text.lines().count()));
    let mut size = Sink(0);
    spool.write(&mut size).unwrap();
    told("run file written", format!("{} MiB", size.0 >> 20));
}

/// What is written is counted and dropped.
struct Sink(usize);

impl std::io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
