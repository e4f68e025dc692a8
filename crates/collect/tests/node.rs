//! A look at every node of a real cluster, for `scripts/test-node` and for whoever has one at hand:
//!
//! `NODE_KUBECONFIG=… NODE_IMAGE=… NODE_TRAILS=… cargo test -p collect --test node -- --ignored --nocapture`

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use collect::cluster::probe::{Options, ProbeError, Target, Told};
use collect::cluster::{Access, Cluster};
use evidence::{Aspect, Capture, Place, Seen, Start, Take, Trail};

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

/// How many answers there are of each kind, and what stands in the way of those that are none.
fn counted(capture: &Capture) -> BTreeMap<String, u32> {
    let mut all = BTreeMap::new();
    for item in &capture.items {
        let word = match &item.seen {
            Seen::Denied { right } => format!("denied, wants {right}: {:?}", item.place),
            Seen::Failed { why } => format!("failed, {why}: {:?}", item.place),
            Seen::Namespaced { namespace, .. } => format!("of another {namespace} namespace: {:?}", item.place),
            Seen::Absent { .. } => "absent".to_owned(),
            _ => "seen".to_owned(),
        };
        *all.entry(word).or_default() += 1;
    }
    all
}

#[test]
#[ignore = "wants a real cluster whose nodes run the probe's image: scripts/test-node brings one and runs it"]
fn nodes_of_a_real_cluster_are_looked_at_and_left_as_they_were() {
    let access = Access { kubeconfig: Some(variable("NODE_KUBECONFIG").into()), context: None };
    let trails: Vec<Trail> = serde_json::from_slice(&std::fs::read(variable("NODE_TRAILS")).unwrap()).unwrap();
    let cluster = Cluster::connect(&access).unwrap();
    let list = Trail {
        id: "nodes".to_owned(),
        start: Start::Objects("/api/v1/nodes".to_owned()),
        hops: Vec::new(),
        take: vec![Take::Objects],
    };
    let targets = Target::all(&cluster.capture(vec![list]), &|_| true);
    assert!(!targets.is_empty(), "a cluster has nodes");
    let options = Options::new(variable("NODE_IMAGE"));
    let before = cluster.probe_space(&options.namespace).unwrap();
    let mut done: Vec<(String, Result<Capture, ProbeError>)> = Vec::new();
    let mut told = |what: Told<'_>| match what {
        Told::Note(what) => println!("note: {what}"),
        Told::Stage { node, what } => println!("{node}: waits for {what}"),
        Told::Ended { node, result } => done.push((node.to_owned(), result)),
    };
    let left = cluster.probe(&targets, &options, &trails, &mut told, &AtomicBool::new(false));
    for leftover in &left {
        println!("left: {}: {}", leftover.why, leftover.command());
    }
    assert!(left.is_empty());
    assert_eq!(cluster.probe_space(&options.namespace).unwrap().exists, before.exists, "the namespace is as it was");
    assert_eq!(done.len(), targets.len());
    for (name, result) in done {
        let capture = result.unwrap_or_else(|error| panic!("{name}: {error}"));
        println!("{name}: {:?} {:?}", capture.rights, capture.identity);
        println!("{:#?}", counted(&capture));
        assert_eq!(capture.remarks, Vec::<String>::new());
        assert!(capture.reach.processes && capture.reach.sockets && capture.reach.kernel);
        let Some(Seen::Processes(table)) = capture.seen(&Place::Processes, Aspect::Processes) else {
            panic!("processes were asked for")
        };
        println!(
            "{} processes, {} of components, incomplete: {:?}",
            table.examined,
            table.matched.len(),
            table.incomplete
        );
        assert_eq!(table.incomplete, None, "nothing may hide");
        assert!(table.matched.iter().any(|one| one.names.iter().any(|name| name == "kubelet")), "a node has a kubelet");
    }
}
