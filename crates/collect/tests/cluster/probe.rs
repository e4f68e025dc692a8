//! Looks at nodes through a real API server with its real controllers: what comes of each node, and that nothing remains.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use collect::cluster::probe::{Leftover, Options, ProbeError, Target, Told, manifests};
use collect::cluster::role;
use evidence::{Aspect, Capture, Seen};
use serde_json::{Value, json};

use super::connect;
use super::server::{ADMIN, Server};
use super::stand_in::{Nodes, Way, trails};

type Done = BTreeMap<String, Result<Capture, ProbeError>>;

struct Place {
    server: &'static Server,
    nodes: Nodes,
}

fn place() -> Option<&'static Place> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    static PLACE: OnceLock<Place> = OnceLock::new();
    let server = SERVER.get_or_init(Server::start_with_controllers).as_ref()?;
    Some(PLACE.get_or_init(|| Place { server, nodes: Nodes::of(server) }))
}

impl Place {
    fn targets(&self, nodes: &[(&str, Way)]) -> Vec<Target> {
        nodes.iter().map(|(name, way)| Target::of(&self.nodes.make(name, *way)).unwrap()).collect()
    }

    fn probe(&self, user: &str, targets: &[Target], options: &Options) -> (Done, Vec<Leftover>) {
        self.watched(user, targets, options, &AtomicBool::new(false), &mut |_, _| {})
    }

    fn watched(
        &self,
        user: &str,
        targets: &[Target],
        options: &Options,
        stop: &AtomicBool,
        seen: &mut dyn FnMut(&str, &str),
    ) -> (Done, Vec<Leftover>) {
        let cluster = connect(self.server.kubeconfig(user));
        let mut done = Done::new();
        let mut told = |what: Told<'_>| match what {
            Told::Note(what) => seen("", what),
            Told::Stage { node, what } => seen(node, what),
            Told::Ended { node, result } => {
                assert!(done.insert(node.to_owned(), result).is_none(), "{node} is told once");
            }
        };
        let left = cluster.probe(targets, options, &trails(), &mut told, stop);
        (done, left)
    }

    /// Whatever there is of ours in a namespace; none: it is not there.
    fn found(&self, namespace: &str) -> Option<Vec<String>> {
        let (status, _) = self.server.asked("GET", &format!("/api/v1/namespaces/{namespace}"), &Value::Null).unwrap();
        (status == 200).then_some(())?;
        let lists = ["/apis/batch/v1", "/api/v1", "/api/v1"].into_iter().zip(["jobs", "configmaps", "pods"]);
        let all = lists.flat_map(|(group, list)| {
            let path =
                format!("{group}/namespaces/{namespace}/{list}?labelSelector=app.kubernetes.io/name%3Dkube-assay");
            let (_, answer) = self.server.asked("GET", &path, &Value::Null).unwrap();
            let items = answer["items"].as_array().cloned().unwrap_or_default();
            items.into_iter().map(move |one| format!("{list}/{}", one["metadata"]["name"].as_str().unwrap_or_default()))
        });
        Some(all.collect())
    }

    fn space(&self, name: &str, level: &str) {
        let labels = json!({ "pod-security.kubernetes.io/enforce": level });
        self.server.create("/api/v1/namespaces", &json!({ "metadata": { "name": name, "labels": labels } }));
    }
}

fn options(namespace: &str) -> Options {
    Options { namespace: namespace.to_owned(), ..Options::new("registry.example/kube-assay-probe:1") }
}

fn told(done: &Done, node: &str) -> String {
    done[node].as_ref().err().map_or_else(|| "looked at".to_owned(), ToString::to_string)
}

#[test]
fn every_node_is_told_and_nothing_remains() {
    let Some(place) = place() else { return };
    let mut targets = place.targets(&[
        ("all-1", Way::Good),
        ("all-2", Way::Good),
        ("all-3", Way::Unshared),
        ("all-bad", Way::Bad),
        ("all-cut", Way::Cut),
        ("all-image", Way::NoImage),
        ("all-off", Way::Good),
    ]);
    targets[6].unfit = Some("it is not ready".to_owned());
    let options = Options { max_parallel: 2, ..options("probe-all") };
    let (done, left) = place.probe(ADMIN, &targets, &options);
    for node in ["all-1", "all-2", "all-3"] {
        let capture = done[node].as_ref().unwrap_or_else(|error| panic!("{node}: {error}"));
        assert!(matches!(capture.path("/etc/hostname", Aspect::Stat), Some(Seen::Stat(_))));
    }
    assert_eq!(told(&done, "all-bad"), "the probe failed with code 4: kube-assay-probe: cannot read the trails: EOF");
    assert!(told(&done, "all-cut").contains("its log cannot be read: it was cut"), "{}", told(&done, "all-cut"));
    assert!(told(&done, "all-image").contains("cannot get the image: ImagePullBackOff"));
    assert_eq!(told(&done, "all-off"), "it is not ready");
    assert_eq!(left, []);
    assert_eq!(place.found("probe-all"), None, "the namespace went with the run");
}

#[test]
fn a_run_that_is_stopped_cleans_up() {
    let Some(place) = place() else { return };
    let targets = place.targets(&[("stop-1", Way::Hangs), ("stop-2", Way::Hangs), ("stop-3", Way::Good)]);
    place.space("probe-stop", "privileged");
    let options = Options { max_parallel: 2, ..options("probe-stop") };
    let stop = AtomicBool::new(false);
    let (done, left) = place.watched(ADMIN, &targets, &options, &stop, &mut |_, what| {
        if what == "the probe to end" {
            stop.store(true, Ordering::Relaxed);
        }
    });
    assert!(done.values().all(|result| *result == Err(ProbeError::Stopped)), "{done:?}");
    assert_eq!((done.len(), left), (3, vec![]));
    assert_eq!(place.found("probe-stop"), Some(vec![]), "a namespace that was there stays");
}

#[test]
fn a_probe_that_does_not_end_is_given_up_and_a_dead_node_is_told() {
    let Some(place) = place() else { return };
    let targets = place.targets(&[("late-1", Way::Hangs), ("late-dead", Way::Dead)]);
    place.space("probe-late", "privileged");
    let short = Duration::from_secs(3);
    let (done, left) =
        place.probe(ADMIN, &targets, &Options { deadline: short, patience: short, ..options("probe-late") });
    assert!(told(&done, "late-1").starts_with("not done within 3 s"), "{}", told(&done, "late-1"));
    assert!(told(&done, "late-dead").starts_with("not done within 3 s"), "{}", told(&done, "late-dead"));
    // Nobody but its kubelet ends a pod: that is said, with what to do.
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(left[0].node.as_deref(), Some("late-dead"));
    let command = left[0].command();
    assert!(command.starts_with("kubectl --context test -n probe-late delete pod kube-assay-"), "{command}");
    place.nodes.turn("late-dead", Way::Good);
    let until = Instant::now() + Duration::from_secs(20);
    while place.found("probe-late") != Some(vec![]) {
        assert!(Instant::now() < until, "{:?}", place.found("probe-late"));
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn what_the_cluster_does_not_admit_is_told_in_its_words() {
    let Some(place) = place() else { return };
    let targets = place.targets(&[("deny-1", Way::Good)]);
    place.space("probe-deny", "privileged");
    let limits = json!([{ "type": "Container", "max": { "memory": "16Mi" } }]);
    let range = json!({ "metadata": { "name": "small" }, "spec": { "limits": limits } });
    place.server.create("/api/v1/namespaces/probe-deny/limitranges", &range);
    let (done, left) = place.probe(ADMIN, &targets, &options("probe-deny"));
    let word = told(&done, "deny-1");
    assert!(word.starts_with("the cluster does not admit the pod: ") && word.contains("maximum memory"), "{word}");
    assert_eq!((place.found("probe-deny"), left), (Some(vec![]), vec![]));
}

#[test]
fn a_namespace_of_somebody_else_is_left_alone() {
    let Some(place) = place() else { return };
    let targets = place.targets(&[("alone-1", Way::Good)]);
    place.space("probe-strict", "restricted");
    place.space("probe-shop", "privileged");
    let container = json!([{ "name": "shop", "image": "shop" }]);
    let pod = json!({ "metadata": { "name": "shop" }, "spec": { "containers": container } });
    place.server.create("/api/v1/namespaces/probe-shop/pods", &pod);
    for (namespace, word) in [
        ("probe-strict", "the level `restricted`"),
        ("probe-shop", "pods/shop"),
        ("kube-system", "belongs to the cluster"),
        ("default", "belongs to the cluster"),
    ] {
        let (done, left) = place.probe(ADMIN, &targets, &options(namespace));
        assert!(told(&done, "alone-1").contains(word), "{namespace}: {}", told(&done, "alone-1"));
        assert_eq!((place.found(namespace), left), (Some(vec![]), vec![]), "{namespace}");
    }
}

#[test]
fn the_roles_that_are_shipped_suffice_and_a_missing_right_is_named_before_anything_is_made() {
    let Some(place) = place() else { return };
    let targets = place.targets(&[("role-1", Way::Good), ("role-2", Way::Good)]);
    let options = options("probe-role");
    for object in manifests(&options, &[], &[]).iter().filter(|one| one["kind"] == "Namespace") {
        place.server.create("/api/v1/namespaces", object);
    }
    let own =
        manifests(&options, &[], &[]).into_iter().find(|one| one["metadata"]["name"] == "kube-assay-probe").unwrap();
    place.server.grant(&role(), "user-1");
    let mut less = own.clone();
    less["rules"].as_array_mut().unwrap().retain(|rule| rule["resources"] != json!(["jobs"]));
    place.server.grant(&json!({ "items": [less] }), "user-1");
    let (done, left) = place.probe("user-1", &targets, &options);
    assert_eq!(told(&done, "role-2"), "you may not create jobs.batch in probe-role");
    let written = |user: &str| -> BTreeSet<String> {
        let of = |event: &Value, way: &str| event.pointer(way).and_then(Value::as_str).unwrap_or_default().to_owned();
        let all = place.server.audited(user);
        let rights = all.iter().filter(|event| of(event, "/objectRef/namespace") == "probe-role");
        let verb =
            |event: &Value| [of(event, "/verb"), of(event, "/objectRef/resource"), of(event, "/objectRef/subresource")];
        rights.map(|event| verb(event).join(" ").trim_end().to_owned()).collect()
    };
    assert_eq!((done.len(), left), (2, vec![]));
    assert!(
        !written("user-1").iter().any(|one| !one.starts_with("get ") && !one.starts_with("list ")),
        "{:?}",
        written("user-1")
    );
    // With what is shipped, and with nothing more.
    place.server.grant(&role(), "user-2");
    place.server.grant(&json!({ "items": [own] }), "user-2");
    let (done, left) = place.probe("user-2", &targets, &options);
    assert!(done.values().all(Result::is_ok), "{done:?}");
    assert_eq!((place.found("probe-role"), left), (Some(vec![]), vec![]));
    let asked: Vec<String> = written("user-2").into_iter().filter(|one| !one.starts_with("list ")).collect();
    assert_eq!(
        asked,
        ["create configmaps", "create jobs", "delete configmaps", "delete jobs", "get namespaces", "get pods log"]
    );
}

#[test]
fn what_a_killed_run_left_is_found_and_removed_when_its_time_is_over() {
    let Some(place) = place() else { return };
    let targets = place.targets(&[("kill-1", Way::Hangs)]);
    let options = options("probe-kill");
    let killed = catch_unwind(AssertUnwindSafe(|| {
        place.watched(ADMIN, &targets, &options, &AtomicBool::new(false), &mut |_, what| {
            assert!(what != "the probe to end", "killed");
        })
    }));
    assert!(killed.is_err());
    assert_eq!(place.found("probe-kill").unwrap().len(), 3, "a Job, its pod and the trails");
    let cluster = connect(place.server.kubeconfig(ADMIN));
    assert_eq!(cluster.leftovers("probe-kill").unwrap(), [], "it may still be running");
    assert_eq!(cluster.sweep("probe-kill").unwrap(), []);
    assert_eq!(place.found("probe-kill").unwrap().len(), 3, "so nothing is touched");
    let past = json!({ "metadata": { "annotations": { "kube-assay.dev/lasts": "0" } } });
    for name in place.found("probe-kill").unwrap() {
        let group = if name.starts_with("jobs/") { "/apis/batch/v1" } else { "/api/v1" };
        let path = format!("{group}/namespaces/probe-kill/{name}");
        assert_eq!(place.server.asked("PATCH", &path, &past).unwrap().0, 200, "{path}");
    }
    std::thread::sleep(Duration::from_millis(1100));
    let found = cluster.leftovers("probe-kill").unwrap();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().all(|one| one.run == options.run && one.command().contains(&one.name)));
    // The next run does it on its way, and takes the namespace with it.
    place.nodes.make("kill-2", Way::Good);
    let next = [Target { name: "kill-2".to_owned(), ..targets[0].clone() }];
    let (done, left) = place.probe(ADMIN, &next, &self::options("probe-kill"));
    assert!(done["kill-2"].is_ok(), "{done:?}");
    assert_eq!((place.found("probe-kill"), left), (None, vec![]));
}

#[test]
fn runs_at_the_same_time_do_each_other_no_harm() {
    let Some(place) = place() else { return };
    let short = place.targets(&[("both-1", Way::Good)]);
    let long = place.targets(&[("both-2", Way::Hangs)]);
    std::thread::scope(|scope| {
        let started = std::sync::mpsc::channel();
        let longer = scope.spawn(move || {
            place.watched(ADMIN, &long, &options("probe-both"), &AtomicBool::new(false), &mut |_, what| {
                if what == "the probe to end" {
                    started.0.send(()).unwrap();
                }
            })
        });
        started.1.recv().unwrap();
        let (done, left) = place.probe(ADMIN, &short, &options("probe-both"));
        assert!(done["both-1"].is_ok(), "{done:?}");
        assert_eq!(left, []);
        assert_eq!(
            place.found("probe-both").unwrap().len(),
            3,
            "the other's objects are there, and so is the namespace"
        );
        place.nodes.turn("both-2", Way::Good);
        let (done, left) = longer.join().unwrap();
        assert!(done["both-2"].is_ok(), "{done:?}");
        assert_eq!(left, []);
    });
    assert_eq!(place.found("probe-both"), None, "the last one takes it");
}

#[test]
fn runs_that_begin_and_end_together_share_one_namespace() {
    let Some(place) = place() else { return };
    let names: Vec<String> = (0..4).map(|at| format!("race-{at}")).collect();
    let targets: Vec<Vec<Target>> = names.iter().map(|name| place.targets(&[(name, Way::Good)])).collect();
    std::thread::scope(|scope| {
        for targets in &targets {
            scope.spawn(move || {
                for _ in 0..2 {
                    let (done, left) = place.probe(ADMIN, targets, &options("probe-race"));
                    assert!(done.values().all(Result::is_ok), "{done:?}");
                    assert_eq!(left, []);
                }
            });
        }
    });
    assert_eq!(place.found("probe-race"), None);
}
