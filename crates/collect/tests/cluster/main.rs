//! The Kubernetes API: a real server, as its own audit log tells what it was asked, and one that fails on demand.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on has failed, or says that it was skipped"
)]

mod fake;
mod faults;
mod kubelet;
mod probe;
mod real;
mod server;
mod stand_in;

use std::path::PathBuf;

use collect::cluster::{Access, Cluster};
use evidence::{Aspect, CONFIG_MAPS, Capture, OBJECTS, ObjectList, Place, Seen, Start, Take, Trail};
use serde_json::Value;

fn connect(kubeconfig: PathBuf) -> Cluster {
    let cluster = Cluster::connect(&Access { kubeconfig: Some(kubeconfig), context: None }).unwrap();
    cluster.with_pace(1000, 1000)
}

fn trail(start: Start, take: Take) -> Trail {
    Trail { id: "t".to_owned(), start, hops: vec![], take: vec![take] }
}

fn objects(api: &str) -> Trail {
    trail(Start::Objects(api.to_owned()), Take::Objects)
}

fn body(api: &str) -> Trail {
    trail(Start::Api(api.to_owned()), Take::Body)
}

/// Trails to everything that a cluster's capture holds, and some that lead onto nodes.
fn trails() -> Vec<Trail> {
    let mut all: Vec<Trail> = OBJECTS.iter().map(|kind| objects(kind.api)).collect();
    all.push(body("/version"));
    all.extend(CONFIG_MAPS.iter().map(|(api, _)| body(api)));
    all.push(trail(Start::Path("/etc/passwd".to_owned()), Take::Stat));
    all.push(trail(Start::Process(vec!["kubelet".to_owned()]), Take::Process { env: vec![] }));
    all.extend(of_node());
    all
}

/// Trails to what a node's capture holds.
fn of_node() -> Vec<Trail> {
    vec![
        body(evidence::CONFIGZ),
        trail(Start::Resources(evidence::MIRROR_PODS.to_owned()), Take::Resources(evidence::Cut::Manifest)),
    ]
}

fn seen<'c>(capture: &'c Capture, api: &str) -> &'c Seen {
    let place = Place::Api(api.to_owned());
    let aspect = if evidence::object_kind(api).is_some() { Aspect::Objects } else { Aspect::Text };
    capture.seen(&place, aspect).unwrap_or_else(|| panic!("{api} was never asked for"))
}

fn list<'c>(capture: &'c Capture, api: &str) -> &'c ObjectList {
    match seen(capture, api) {
        Seen::Objects(list) => list,
        other => panic!("{api}: {other:?}"),
    }
}

fn values(list: &ObjectList) -> Vec<Value> {
    list.text.to_lossy().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The names of a list's objects.
fn names(list: &ObjectList) -> Vec<String> {
    values(list).iter().map(|object| object["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}
