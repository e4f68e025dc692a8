use evidence::{Aspect, Reach, Run, Source, Start, Take, trails_digest, write_framed, write_run};
use serde_json::json;

use super::log::taken;
use super::*;

fn options() -> Options {
    Options { run: "r1".to_owned(), ..Options::new("registry.example/kube-assay-probe:1") }
}

pub(super) fn target(name: &str) -> Target {
    let taint = |key: &str, value: &str| Taint { key: key.into(), value: value.into(), effect: "NoSchedule".into() };
    let taints = vec![taint("node-role.kubernetes.io/control-plane", ""), taint("team", "db")];
    Target { name: name.to_owned(), taints, unfit: None, boot: Some("b".to_owned()), shared: true }
}

fn trails() -> Vec<Trail> {
    let start = Start::Path("/etc/hostname".to_owned());
    vec![Trail { id: "os.hostname".to_owned(), start, hops: Vec::new(), take: vec![Take::Stat] }]
}

#[test]
fn manifests_are_these() {
    let all = manifests(&options(), &[target("node-1")], &trails());
    let kinds: Vec<&str> = all.iter().map(|one| one["kind"].as_str().unwrap()).collect();
    let roles = kinds.iter().filter(|kind| kind.ends_with("Role")).count();
    assert_eq!(kinds.len(), roles + 4, "{kinds:?}");
    // The roles that read are shown elsewhere.
    let own = |one: &&Value| one["metadata"]["name"] != "kube-assay" || one["kind"] == "Namespace";
    insta::assert_json_snapshot!(all.iter().filter(own).collect::<Vec<_>>());
    let alone = manifests(&options(), &[Target { shared: false, ..target("node-1") }], &trails());
    let mount = &alone.last().unwrap()["spec"]["template"]["spec"]["containers"][0]["volumeMounts"][0];
    assert_eq!(
        *mount,
        json!({ "name": "host", "mountPath": "/host", "readOnly": true, "recursiveReadOnly": "IfPossible" })
    );
    let old = manifests(&Options { old_apparmor: true, ..options() }, &[target("node-1")], &trails());
    let template = &old.last().unwrap()["spec"]["template"];
    assert_eq!(
        template["metadata"]["annotations"]["container.apparmor.security.beta.kubernetes.io/probe"],
        "unconfined"
    );
    assert!(template["spec"]["containers"][0]["securityContext"]["appArmorProfile"].is_null());
}

#[test]
fn the_role_grants_exactly_what_is_used() {
    let told: Vec<String> = probe_rights("n", true).iter().map(Check::told).collect();
    assert_eq!(
        told,
        [
            "get namespaces/n",
            "create jobs.batch in n",
            "delete jobs.batch in n",
            "list jobs.batch in n",
            "create configmaps in n",
            "delete configmaps in n",
            "list configmaps in n",
            "list pods in n",
            "get pods/log in n",
            "list events in n",
            "create namespaces/n",
            "delete namespaces/n",
            "patch namespaces/n",
            "create networkpolicies.networking.k8s.io in n",
        ]
    );
    assert_eq!(probe_rights("n", false).len(), 10);
}

#[test]
fn names_fit_whatever_the_node_is_called() {
    let long = "n".repeat(253);
    let all = manifests(&Options { run: "r".repeat(20), ..options() }, &[target(&long)], &[]);
    let job = all.last().unwrap();
    assert!(job["metadata"]["name"].as_str().unwrap().len() <= 63);
    assert!(job["metadata"]["labels"].as_object().unwrap().values().all(|value| value.as_str().unwrap().len() <= 63));
    for (wrong, word) in [
        (Options { run: "A".to_owned(), ..options() }, "name a run"),
        (Options { run: "r".repeat(21), ..options() }, "name a run"),
        (Options { namespace: "a/b".to_owned(), ..options() }, "name a namespace"),
        (Options { namespace: "..".to_owned(), ..options() }, "name a namespace"),
        (Options { image: " ".to_owned(), ..options() }, "names no image"),
    ] {
        assert!(wrong.mistake().unwrap().contains(word), "{wrong:?}");
    }
    assert_eq!(options().mistake(), None);
    let fresh = Options::new("i");
    assert_eq!(fresh.mistake(), None);
    assert_ne!(fresh.run, Options::new("i").run);
}

#[test]
fn a_node_is_read_as_the_api_shows_it() {
    let node = |os: &str, ready: &str| {
        json!({ "metadata": { "name": "a" }, "spec": { "taints": [{ "key": "k", "effect": "NoExecute" }] },
            "status": { "nodeInfo": { "operatingSystem": os, "bootID": "b" },
                "conditions": [{ "type": "DiskPressure", "status": "False" }, { "type": "Ready", "status": ready }] } })
    };
    let good = Target::of(&node("linux", "True")).unwrap();
    assert_eq!((good.unfit, good.boot.as_deref()), (None, Some("b")));
    assert_eq!(good.taints, [Taint { key: "k".into(), value: String::new(), effect: "NoExecute".into() }]);
    assert!(Target::of(&node("windows", "True")).unwrap().unfit.unwrap().contains("windows"));
    assert!(Target::of(&node("linux", "Unknown")).unwrap().unfit.unwrap().contains("not ready"));
    assert_eq!(Target::of(&json!({})), None);
}

#[test]
fn a_namespace_is_not_used_for_nothing() {
    let space = |enforce: Option<&str>, foreign: &[&str]| Space {
        name: "audit".to_owned(),
        exists: true,
        enforce: enforce.map(str::to_owned),
        foreign: foreign.iter().map(|one| (*one).to_owned()).collect(),
        ..Space::default()
    };
    assert_eq!(space(Some("privileged"), &[]).refusal(), None);
    assert!(space(Some("restricted"), &[]).refusal().unwrap().contains("level `restricted`"));
    assert!(space(None, &[]).refusal().unwrap().contains("enforce=privileged"));
    assert!(space(Some("privileged"), &["pods/shop"]).refusal().unwrap().contains("pods/shop"));
    assert_eq!(Space { name: "audit".to_owned(), ..Space::default() }.refusal(), None, "it is made then");
    let default = Space { name: "default".to_owned(), ..space(Some("privileged"), &[]) };
    assert!(default.refusal().unwrap().contains("belongs to the cluster"));
}

/// A capture as the probe makes one.
fn capture(name: &str) -> Capture {
    Capture {
        name: name.to_owned(),
        source: Source::Node,
        taken: Some(1),
        root: "/host".to_owned(),
        identity: [("boot-id".to_owned(), "b".to_owned())].into(),
        reach: Reach { processes: true, sockets: true, files: true, api: false, kernel: true },
        rights: vec!["uid 0".to_owned()],
        remarks: Vec::new(),
        catalogue: trails_digest(&trails()),
        items: Vec::new(),
        breaks: Vec::new(),
    }
}

fn log_of(captures: Vec<Capture>) -> Vec<u8> {
    let (mut run, mut log) = (Vec::new(), b"a word of the runtime\n".to_vec());
    write_run(&Run { captures }, &mut run).unwrap();
    write_framed(&run, &mut log).unwrap();
    log
}

#[test]
fn a_node_tells_of_itself_and_of_nothing_else() {
    let catalogue = trails_digest(&trails());
    let read = |captures: Vec<Capture>| taken(&log_of(captures), &target("a"), &catalogue);
    assert_eq!(read(vec![capture("a")]).unwrap(), capture("a"));
    for (captures, word) in [
        (vec![], "0 captures"),
        (vec![capture("a"), capture("b")], "2 captures"),
        (vec![capture("b")], "no look at the running node a"),
        (vec![Capture { source: Source::Cluster, ..capture("a") }], "no look at the running node a"),
        (vec![Capture { catalogue: String::new(), ..capture("a") }], "another version"),
    ] {
        let error = read(captures).unwrap_err();
        assert!(matches!(&error, ProbeError::Foreign { why } if why.contains(word)), "{error}");
    }
    let other = Capture { identity: [("boot-id".to_owned(), "c".to_owned())].into(), ..capture("a") };
    assert_eq!(read(vec![other]).unwrap().remarks.len(), 1, "another boot is told");
    let log = log_of(vec![capture("a")]);
    let cut = taken(&log[..log.len() / 2], &target("a"), &catalogue).unwrap_err();
    assert!(matches!(&cut, ProbeError::Log { why } if why.contains("cut")), "{cut}");
    assert!(capture("a").seen(&evidence::Place::Processes, Aspect::Processes).is_none());
}

#[test]
fn old_servers_are_told_of_apparmor_in_their_way() {
    for (version, old) in
        [("v1.27.3", true), ("v1.29.0-gke.1", true), ("v1.30.0", false), ("v1.36.3+k3s1", false), ("", false)]
    {
        assert_eq!(is_before_1_30(version), old, "{version}");
    }
}
