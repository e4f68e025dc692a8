//! Section 5: a recorded cluster, and the same weakened by one object at a time. Each change must be found, and what
//! was not seen must never pass.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../common/mod.rs"]
mod common;
mod live;
#[path = "../../../collect/tests/cluster/server.rs"]
#[allow(dead_code, clippy::print_stderr, reason = "the tests of the client use all of it; what is skipped is said")]
mod server;
mod weak;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use assess::{Case, Selection, Verdict};
use benchmark::Content;
use evidence::{Aspect, Basis, Capture, Item, OBJECTS, Objects, Place, Reach, Run, Seen, Source};
use report::Report;
use serde_json::{Value as Json, json};

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
const PODS: &str = "/api/v1/pods";
const NAMESPACES: &str = "/api/v1/namespaces";
const ACCOUNTS: &str = "/api/v1/serviceaccounts";
const ADMISSION: &str = "/apis/admissionregistration.k8s.io/v1";

/// A cluster's objects by the path of their list.
type Lists = BTreeMap<&'static str, Vec<Json>>;

/// The objects that were recorded of a cluster; lists that were not are empty, as they were there.
fn recorded(name: &str) -> Lists {
    let recording = common::recording(name);
    let of = |api: &str| -> Vec<Json> {
        let list: Option<Json> = recording.api.get(api).map(|body| serde_json::from_slice(body).unwrap());
        list.and_then(|list| list.get("items").and_then(Json::as_array).cloned()).unwrap_or_default()
    };
    OBJECTS.iter().map(|kind| (kind.api, of(kind.api))).collect()
}

fn item(api: &str, seen: Seen) -> Item {
    Item {
        trail: "objects".to_owned(),
        place: Place::Api(api.to_owned()),
        aspect: Aspect::Objects,
        basis: Basis::Running,
        seen,
    }
}

fn cluster(lists: &Lists) -> Capture {
    let taken = |(api, all): (&&str, &Vec<Json>)| {
        let mut objects = Objects::of(evidence::object_kind(api).unwrap());
        for object in all {
            objects.take(object.clone());
        }
        item(api, objects.finish(None))
    };
    Capture {
        name: "the cluster".to_owned(),
        source: Source::Cluster,
        taken: None,
        root: "made".to_owned(),
        identity: BTreeMap::new(),
        reach: Reach { api: true, ..Reach::default() },
        rights: Vec::new(),
        remarks: Vec::new(),
        catalogue: String::new(),
        items: lists.iter().map(taken).collect(),
        breaks: Vec::new(),
    }
}

/// The content, and a recorded node: read once for all tests.
fn content() -> &'static Content {
    static CONTENT: OnceLock<Content> = OnceLock::new();
    CONTENT.get_or_init(common::content)
}

fn node(name: &str) -> Capture {
    static NODES: OnceLock<BTreeMap<&str, Capture>> = OnceLock::new();
    let all =
        || [STOCK, HARDENED].map(|name| (name, common::recording(name).capture(assess::trails(content())))).into();
    NODES.get_or_init(all)[name].clone()
}

/// Judges a cluster together with its node, if there is one.
fn judged(of: Option<&str>, cluster: Capture, profile: &str) -> Report {
    let mut captures: Vec<Capture> = of.map(node).into_iter().collect();
    captures.push(cluster);
    let only = Selection { sections: BTreeSet::from(["5".to_owned()]), ..Selection::default() };
    common::judge_run(&Run { captures }, content(), profile, &only)
}

const STOCK: &str = "kubeadm-v1.36";
const HARDENED: &str = "kubeadm-hardened-v1.36";

#[test]
fn a_stock_cluster_fails_only_what_is_so() {
    let report = judged(Some(STOCK), cluster(&recorded(STOCK)), "cis-2.0.1");
    let of = |wanted: Verdict| -> Vec<String> {
        let all = common::verdicts(&report).into_iter().filter(|(_, verdict)| *verdict == wanted);
        all.map(|(id, _)| id).collect()
    };
    // kubeadm leaves tokens on for default accounts, and the namespace default without any policy.
    assert_eq!(
        of(Verdict::Fail),
        [
            "5.1.5", "5.2.1", "5.2.11", "5.2.12", "5.2.2", "5.2.3", "5.2.4", "5.2.5", "5.2.6", "5.2.7", "5.2.8",
            "5.2.9", "5.3.2"
        ]
    );
    assert_eq!(of(Verdict::Manual), ["5.3.1", "5.4.2", "5.5.1", "5.6.1"]);
    assert_eq!(of(Verdict::Unknown), Vec::<String>::new());
    assert_eq!(of(Verdict::NotApplicable), ["5.2.10"]);
}

#[test]
fn a_hardened_cluster_passes() {
    let report = judged(Some(HARDENED), cluster(&recorded(HARDENED)), "cis-2.0.1");
    let failed: Vec<String> = report
        .findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Fail)
        .map(|finding| format!("{} {}", finding.id(), finding.reason))
        .collect();
    assert_eq!(failed, Vec::<String>::new());
}

/// Approved requests for certificates are read: who was let into system:masters stays there until it ends.
#[test]
fn a_certificate_of_masters_is_found() {
    // `openssl req -new -subj /O=system:masters/CN=eve` with an Ed25519 key.
    let request = include_str!("masters.csr.b64").trim();
    let of = |approved: bool, signer: &str| {
        let mut lists = recorded(HARDENED);
        let conditions = if approved { json!([{ "type": "Approved" }]) } else { json!([{ "type": "Denied" }]) };
        lists.get_mut("/apis/certificates.k8s.io/v1/certificatesigningrequests").unwrap().push(json!({
            "metadata": { "name": "eve" }, "spec": { "request": request, "signerName": signer },
            "status": { "conditions": conditions },
        }));
        common::verdicts(&judged(None, cluster(&lists), "cis-2.0.1"))["5.1.7"]
    };
    assert_eq!(of(true, "kubernetes.io/kube-apiserver-client"), Verdict::Fail);
    assert_eq!(of(false, "kubernetes.io/kube-apiserver-client"), Verdict::Pass);
    assert_eq!(of(true, "example.com/other"), Verdict::Pass);
}

/// A webhook that fails closed on the pods of every namespace enforces as well as a label; one that leaves some out, or
/// lets everything through when it is down, does not.
#[test]
fn a_policy_engine_enforces_if_nothing_slips_by_it() {
    let hook = || {
        json!({ "metadata": { "name": "engine" }, "webhooks": [{ "name": "pods.engine.example", "failurePolicy": "Fail",
            "rules": [{ "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"] }] }] })
    };
    let verdict = |change: &dyn Fn(&mut Json)| {
        let mut lists = recorded(STOCK);
        let mut own = hook();
        change(&mut own["webhooks"][0]);
        lists.get_mut(&*format!("{ADMISSION}/validatingwebhookconfigurations")).unwrap().push(own);
        common::verdicts(&judged(Some(STOCK), cluster(&lists), "cis-2.0.1"))["5.2.1"]
    };
    assert_eq!(verdict(&|_| ()), Verdict::Pass);
    let slips: [&dyn Fn(&mut Json); 5] = [
        &|hook| hook["failurePolicy"] = json!("Ignore"),
        &|hook| hook["namespaceSelector"] = json!({ "matchLabels": { "a": "b" } }),
        &|hook| hook["objectSelector"] = json!({ "matchLabels": { "a": "b" } }),
        &|hook| hook["rules"][0]["resources"] = json!(["deployments"]),
        &|hook| hook["rules"][0]["operations"] = json!(["DELETE"]),
    ];
    for (at, slip) in slips.into_iter().enumerate() {
        assert_eq!(verdict(slip), Verdict::Fail, "{at}");
    }
    // A policy of the API server's own, bound everywhere.
    let mut lists = recorded(STOCK);
    lists.get_mut(&*format!("{ADMISSION}/validatingadmissionpolicies")).unwrap().push(json!({
        "metadata": { "name": "own" }, "spec": { "matchConstraints": { "resourceRules": hook()["webhooks"][0]["rules"] } } }));
    let bound = |actions: Json| {
        let mut lists = lists.clone();
        lists.get_mut(&*format!("{ADMISSION}/validatingadmissionpolicybindings")).unwrap().push(json!({
            "metadata": { "name": "own" }, "spec": { "policyName": "own", "validationActions": actions } }));
        common::verdicts(&judged(Some(STOCK), cluster(&lists), "cis-2.0.1"))["5.2.1"]
    };
    assert_eq!((bound(json!(["Deny"])), bound(json!(["Warn"]))), (Verdict::Pass, Verdict::Fail));
}

/// At equal reach: a list that is refused, cut short or lacks an object moves a verdict only to itself or to unknown.
#[test]
fn what_was_not_seen_never_passes() {
    for name in [STOCK, HARDENED] {
        let whole = cluster(&recorded(name));
        let before = common::verdicts(&judged(Some(name), whole.clone(), "cis-2.0.1"));
        for at in 0..whole.items.len() {
            let Place::Api(api) = &whole.items[at].place else { continue };
            let Seen::Objects(list) = &whole.items[at].seen else { continue };
            let cut =
                evidence::ObjectList { incomplete: Some("the connection was cut".to_owned()), ..(**list).clone() };
            let lacks = evidence::ObjectList { left_out: vec!["x: it is no object".to_owned()], ..(**list).clone() };
            for seen in [
                Seen::Denied { right: "list".to_owned() },
                Seen::Failed { why: "it hangs".to_owned() },
                Seen::Objects(Box::new(cut)),
                Seen::Objects(Box::new(lacks)),
            ] {
                let mut less = whole.clone();
                less.items[at].seen = seen;
                for (id, verdict) in common::verdicts(&judged(Some(name), less, "cis-2.0.1")) {
                    let was = before[&id];
                    assert!(
                        verdict == was || verdict == Verdict::Unknown,
                        "{name} {api} {id}: {was:?} became {verdict:?}"
                    );
                }
            }
        }
        let mut nothing = whole.clone();
        for own in &mut nothing.items {
            own.seen = Seen::Denied { right: "list".to_owned() };
        }
        for (id, verdict) in common::verdicts(&judged(Some(name), nothing, "cis-2.0.1")) {
            assert!([Verdict::Unknown, Verdict::Manual].contains(&verdict), "{id}: {verdict:?}");
        }
    }
}

/// Where the API alone was asked, what its mirror pods declare is judged, and what only a node shows is not known.
#[test]
fn every_profile_judges_a_cluster_once() {
    for profile in content().profiles.iter().filter(|profile| profile.name.starts_with("cis-")) {
        let report = judged(Some(STOCK), cluster(&recorded(STOCK)), &profile.name);
        for finding in &report.findings {
            let captures: BTreeSet<&String> = finding.subjects.iter().flat_map(|subject| &subject.captures).collect();
            assert_eq!(captures.into_iter().collect::<Vec<_>>(), ["the cluster"], "{} {}", profile.name, finding.id());
        }
    }
    // Without the cluster's objects each is said to lie outside of a node.
    let alone = common::judge(node(STOCK), content(), "cis-2.0.1");
    let of_section = alone.findings.iter().filter(|finding| finding.id().starts_with("5."));
    assert!(of_section.clone().count() > 30 && of_section.into_iter().all(|finding| finding.outside));
}

/// A node as the API alone shows it: its kubelet's configuration in force, and its static pods' mirrors.
fn of_api(name: &str) -> Capture {
    let lists = recorded(name);
    let list = cluster(&lists);
    let place = Place::Api(PODS.to_owned());
    let Some(Seen::Objects(pods)) = list.seen(&place, Aspect::Objects) else { panic!("pods") };
    let pods = pods.text.to_lossy().into_owned();
    let mirrors = pods.lines().filter(|line| line.contains("kubernetes.io/config.mirror")).map(|line| {
        let pod: Json = serde_json::from_str(line).unwrap();
        let text = evidence::Text::new(line.as_bytes().to_vec(), Vec::new());
        let id = pod["metadata"]["name"].as_str().unwrap().to_owned();
        evidence::Resource { id, owner: String::new(), spec: evidence::Spec::Text(text) }
    });
    let path = common::root().join("fixtures/nodes").join(name).join("api/configz.json");
    let configz: Json = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let evidence::Spec::Text(configz) = evidence::take_spec(evidence::Cut::Resource, evidence::CONFIGZ, configz) else {
        panic!("kept")
    };
    let items = [
        (Place::Api(evidence::CONFIGZ.to_owned()), Aspect::Text, Basis::Running, Seen::Text(configz)),
        (
            Place::Resources(evidence::MIRROR_PODS.to_owned()),
            Aspect::Resources,
            Basis::Declared,
            Seen::Resources(mirrors.collect()),
        ),
    ];
    let item = |(place, aspect, basis, seen)| Item { trail: "t".to_owned(), place, aspect, basis, seen };
    Capture {
        name: "kb-node".to_owned(),
        source: Source::ClusterNode,
        identity: BTreeMap::from([("role".to_owned(), "control-plane".to_owned())]),
        reach: Reach::default(),
        items: items.into_iter().map(item).collect(),
        ..list
    }
}

#[test]
fn what_the_api_tells_of_a_node_is_so_or_is_not_told() {
    for name in [STOCK, HARDENED] {
        let whole = common::verdicts(&common::judge(node(name), content(), "cis-2.0.1"));
        let told = common::judge(of_api(name), content(), "cis-2.0.1");
        let mut known = 0;
        for (id, verdict) in common::verdicts(&told) {
            let both = format!("{name} {id}: {verdict:?}, and {:?} on the node", whole[&id]);
            assert!([Verdict::Unknown, whole[&id]].contains(&verdict), "{both}");
            known += usize::from(![Verdict::Unknown, Verdict::Manual].contains(&verdict));
        }
        assert!(known > 45, "{name}: {known}");
        let within = told.findings.iter().find(|finding| finding.verdict == Verdict::Unknown && !finding.outside);
        assert!(within.is_none(), "{name} {within:?}");
    }
}

/// kube-proxy is declared by the cluster: its arguments by its `DaemonSet`, its configuration by a `ConfigMap`.
#[test]
fn kube_proxy_is_judged_by_what_the_cluster_declares() {
    let verdict = |address: Option<&str>| {
        let mut whole = cluster(&recorded(STOCK));
        if let Some(address) = address {
            let text = format!(
                "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmetricsBindAddress: '{address}'\n"
            );
            let seen = evidence::take_text(evidence::Cut::Config, text.into_bytes());
            let place = Place::Api("/api/v1/namespaces/kube-system/configmaps/kube-proxy".to_owned());
            whole.items.push(Item { place, aspect: Aspect::Text, ..item("", seen) });
        }
        let run = Run { captures: vec![whole, of_api(STOCK)] };
        let case = Case::new(&run, content(), None, None).unwrap().unwrap();
        let only = Selection { controls: BTreeSet::from(["4.3.1".to_owned()]), ..Selection::default() };
        let judged = case.judge(&[content().profile("cis-2.0.1").unwrap()], &only, |_, _| ()).unwrap();
        let (_, outcome) = &judged[0].outcomes[0];
        (outcome.verdict, outcome.outside)
    };
    assert_eq!(verdict(Some("")), (Verdict::Pass, false));
    assert_eq!(verdict(Some("127.0.0.1:10249")), (Verdict::Pass, false));
    assert_eq!(verdict(Some("0.0.0.0:10249")), (Verdict::Fail, false));
    assert_eq!(verdict(None), (Verdict::Unknown, true));
}

/// Nodes of one cluster: a control plane with `--kubelet-certificate-authority`, and one that is a worker in all but its
/// name, whose kubelet serves with what it signed itself.
fn with_worker(change: impl Fn(&mut Capture)) -> Run {
    let mut worker = node(STOCK);
    "worker".clone_into(&mut worker.name);
    for item in &mut worker.items {
        if let Seen::Processes(table) = &mut item.seen {
            table.matched.retain(|process| process.names.iter().any(|name| name == "kubelet"));
        }
    }
    change(&mut worker);
    Run { captures: vec![node(HARDENED), worker] }
}

/// The outcome of 1.2.5 on the control plane.
fn verifies(run: &Run) -> assess::Outcome {
    verifies_at(run, 36)
}

fn verifies_at(run: &Run, minor: u32) -> assess::Outcome {
    let version = benchmark::Version { major: 1, minor };
    let given = (version, assess::Choice::given(version.to_string(), "the test"));
    let case = Case::new(run, content(), None, Some(given)).unwrap().unwrap();
    let only = Selection { controls: BTreeSet::from(["1.2.5".to_owned()]), ..Selection::default() };
    let judged = case.judge(&[content().profile("cis-2.0.1").unwrap()], &only, |_, _| ()).unwrap();
    let (_, outcome) = judged[0].outcomes.iter().find(|(capture, _)| *capture == node(HARDENED).name).unwrap();
    (**outcome).clone()
}

fn serving(capture: &mut Capture, change: impl Fn(&mut Item) -> bool) {
    capture.items.retain_mut(|item| {
        let at = matches!(&item.place, Place::Path(path) if path.to_lossy().ends_with("/pki/kubelet.crt"));
        !at || change(item)
    });
}

#[test]
fn the_api_server_verifies_kubelets_if_its_authority_issued_what_they_serve_with() {
    let alone = verifies(&Run { captures: vec![node(HARDENED)] });
    assert_eq!(alone.verdict, Verdict::Pass, "{alone:?}");
    let refused = verifies(&with_worker(|_| ()));
    assert_eq!(refused.verdict, Verdict::Fail);
    assert_eq!(refused.reason, "kube-apiserver.refused-kubelets is worker");
    assert!(refused.notes.iter().any(|note| note.contains("by issuer's name and key identifiers")), "{refused:?}");
    // A kubelet's certificate that was not seen, is not read, or is not there, is never taken for one that is in order.
    let unseen: [fn(&mut Item) -> bool; 3] = [
        |_| false,
        |item| {
            item.seen = Seen::Denied { right: "root".to_owned() };
            true
        },
        |item| {
            item.seen = Seen::Absent { proof: "no such file".to_owned() };
            true
        },
    ];
    for change in unseen {
        let unknown = verifies(&with_worker(|worker| serving(worker, change)));
        assert_eq!((unknown.verdict, unknown.outside), (Verdict::Unknown, false), "{unknown:?}");
        assert!(unknown.reason.starts_with("the serving certificate of worker could not be compared"), "{unknown:?}");
    }
    // What is known to be refused is, whatever else was not seen.
    let mut two = with_worker(|_| ());
    let unseen = with_worker(|worker| serving(worker, |_| false)).captures.swap_remove(1);
    two.captures.push(Capture { name: "another".to_owned(), ..unseen });
    assert_eq!(verifies(&two).verdict, Verdict::Fail);
    // The worker serves with what the control plane's kubelet does: the authority issued it.
    let own =
        |item: &Item| item.aspect == Aspect::Certs && format!("{:?}", item.place).contains("kubelet-server-current");
    let signed = node(HARDENED).items.into_iter().find(own).unwrap().seen;
    let issued = verifies(&with_worker(|worker| {
        serving(worker, |item| {
            if item.aspect == Aspect::Certs {
                item.seen = signed.clone();
            }
            true
        });
    }));
    assert_eq!(issued.verdict, Verdict::Pass, "{issued:?}");
}

/// Before 1.36 a kubelet that was given a certificate, and has one signed as well, serves the former to who calls an address.
#[test]
fn a_kubelet_that_serves_two_certificates_is_not_taken_for_one_that_serves_the_signed_one() {
    let signed: Vec<Item> = node(HARDENED)
        .items
        .into_iter()
        .filter(|item| format!("{:?}", item.place).contains("kubelet-server-current"))
        .collect();
    let run = with_worker(|worker| {
        let at = |item: &Item| format!("{:?}", item.place).contains("kubelet-server-current");
        worker.items.retain(|item| !at(item));
        worker.items.extend(signed.clone());
        for item in &mut worker.items {
            if let Seen::Processes(table) = &mut item.seen {
                let pair =
                    ["cert", "private-key"].map(|own| format!("--tls-{own}-file=/var/lib/kubelet/pki/kubelet.crt"));
                let flags = pair.iter().map(String::as_str).chain(["--rotate-server-certificates=true"]);
                table.matched[0].argv.extend(flags.map(evidence::OsText::from));
            }
        }
    });
    assert_eq!(verifies_at(&run, 36).verdict, Verdict::Pass, "{:?}", verifies_at(&run, 36));
    let both = verifies_at(&run, 35);
    assert_eq!(both.verdict, Verdict::Unknown, "{both:?}");
    assert!(both.reason.contains("another to who calls its address"), "{both:?}");
}

#[test]
fn removing_an_observation_of_a_kubelet_moves_1_2_5_only_to_unknown() {
    let (whole, before) = (with_worker(|_| ()), verifies(&with_worker(|_| ())).verdict);
    for capture in 0..whole.captures.len() {
        for at in 0..whole.captures[capture].items.len() {
            let mut less = whole.clone();
            let item = less.captures[capture].items.remove(at);
            let after = verifies(&less).verdict;
            assert!(after == before || after == Verdict::Unknown, "{:?} {:?}: {after:?}", item.place, item.aspect);
        }
    }
}

#[test]
fn where_the_api_alone_tells_of_kubelets_the_flag_alone_is_judged() {
    let run = Run { captures: vec![node(HARDENED), Capture { name: "worker".to_owned(), ..of_api(STOCK) }] };
    let outcome = verifies(&run);
    assert_eq!(outcome.verdict, Verdict::Pass, "{outcome:?}");
    assert!(outcome.notes.iter().any(|note| note.starts_with("of 1 kubelet ")), "{outcome:?}");
}
