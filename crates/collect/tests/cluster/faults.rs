//! Answers that a server gives on a bad day.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use collect::cluster::{Access, Cluster, rights};
use evidence::{Aspect, CONFIG_MAPS, CONFIGZ, Capture, MIRROR_PODS, OBJECTS, Place, Seen};
use serde_json::{Value, json};

use super::fake::{Asked, Fake, Reply, failure, page};
use super::{body, connect, list, names, objects, of_node, seen, trails};

const PODS: &str = "/api/v1/pods";
const NODES: &str = "/api/v1/nodes";

/// The capture of the pods of a server, and what it was asked.
fn pods(answer: impl Fn(&Asked) -> Option<Reply> + Send + Sync + 'static) -> (Capture, Vec<String>) {
    let fake = Fake::start(move |asked| asked.line.contains(PODS).then(|| answer(asked)).flatten());
    let cluster = connect(fake.kubeconfig());
    (cluster.capture(vec![objects(PODS)]), fake.asked())
}

/// Two pages of pods.
fn two_pages(asked: &Asked) -> Reply {
    if asked.line.contains("continue=") { page("Pod", &["c"], "") } else { page("Pod", &["a", "b"], "n/1=") }
}

#[test]
fn a_refusal_is_told_by_its_kind_and_not_asked_again() {
    for (code, reason) in [(401, "Unauthorized"), (403, "Forbidden"), (404, "NotFound"), (400, "BadRequest")] {
        let (capture, asked) = pods(move |_| Some(failure(code, reason)));
        match (code, seen(&capture, PODS)) {
            (403, Seen::Denied { right }) => assert_eq!(right, "list pods in the cluster"),
            (404, Seen::Unsupported { by }) => assert_eq!(by, "this API server"),
            (401 | 400, Seen::Failed { why }) => assert!(why.contains(&code.to_string()), "{why}"),
            (_, other) => panic!("{code}: {other:?}"),
        }
        assert_eq!(asked, [format!("GET {PODS}?limit=500")]);
    }
    // A proxy on the way knows nothing of rights.
    let (capture, _) = pods(|_| Some(Reply::Json(403, json!("Forbidden"))));
    assert!(matches!(seen(&capture, PODS), Seen::Failed { why } if why.contains("proxy on the way")));
}

#[test]
fn pages_are_asked_for_by_their_tokens() {
    let (capture, asked) = pods(|asked| Some(two_pages(asked)));
    assert_eq!(names(list(&capture, PODS)), ["a", "b", "c"]);
    assert_eq!(asked, [format!("GET {PODS}?limit=500"), format!("GET {PODS}?limit=500&continue=n%2F1%3D")]);
}

#[test]
fn a_token_that_expired_once_begins_anew_and_twice_leaves_a_part() {
    let expired = |times: usize| {
        pods(move |asked| {
            let late = asked.line.contains("continue=") && asked.before < times;
            Some(if late { failure(410, "Expired") } else { two_pages(asked) })
        })
    };
    let (capture, asked) = expired(2);
    assert_eq!((names(list(&capture, PODS)).len(), &list(&capture, PODS).incomplete), (3, &None));
    assert_eq!(asked.len(), 4);
    let (capture, asked) = expired(usize::MAX);
    assert_eq!((names(list(&capture, PODS)), asked.len()), (vec!["a".to_owned(), "b".to_owned()], 4));
    assert!(list(&capture, PODS).incomplete.as_deref().unwrap().contains("410"));
}

#[test]
fn what_may_pass_is_tried_three_times_and_a_server_is_left_alone_as_long_as_it_wants() {
    let (capture, asked) = pods(|asked| {
        Some(if asked.before < 2 { failure([500, 503][asked.before], "x") } else { page("Pod", &["a"], "") })
    });
    assert_eq!((names(list(&capture, PODS)).len(), asked.len()), (1, 3));
    let (capture, asked) = pods(|_| Some(failure(502, "x")));
    assert!(matches!(seen(&capture, PODS), Seen::Failed { why } if why.contains("502")));
    assert_eq!(asked.len(), 3);
    let begun = Instant::now();
    let (capture, asked) = pods(|asked| {
        let busy = Reply::With(429, "Retry-After: 1", Value::Null);
        Some(if asked.before == 0 { busy } else { page("Pod", &["a"], "") })
    });
    assert_eq!((names(list(&capture, PODS)).len(), asked.len()), (1, 2));
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[test]
fn a_connection_that_breaks_leaves_what_was_read() {
    // In the middle of a page, once.
    let whole = json!({ "kind": "PodList", "metadata": {}, "items": [{ "metadata": { "name": "a" } }] });
    let half = whole.clone();
    let (capture, asked) = pods(move |asked| {
        Some(if asked.before == 0 { Reply::Half(half.clone()) } else { Reply::Json(200, half.clone()) })
    });
    assert_eq!((names(list(&capture, PODS)).len(), asked.len()), (1, 2));
    // Always: then nothing was read.
    let (capture, asked) = pods(move |_| Some(Reply::Half(whole.clone())));
    assert!(matches!(seen(&capture, PODS), Seen::Failed { .. }), "{:?}", seen(&capture, PODS));
    assert_eq!(asked.len(), 3);
    // Between two pages, and in the middle of the second.
    for part in [true, false] {
        let (capture, asked) = pods(move |asked| {
            Some(match asked.line.contains("continue=") {
                true if part => Reply::Half(json!({ "kind": "PodList", "metadata": {}, "items": [] })),
                true => Reply::Nothing,
                false => two_pages(asked),
            })
        });
        let list = list(&capture, PODS);
        assert_eq!((names(list).len(), asked.len()), (2, 4));
        assert!(list.incomplete.as_deref().unwrap().starts_with("after 1 pages: "), "{:?}", list.incomplete);
    }
}

#[test]
fn a_server_that_hangs_ends_and_is_not_asked_for_everything() {
    let fake = Fake::start(|asked| (!asked.line.contains("/version")).then_some(Reply::Silence));
    let cluster = connect(fake.kubeconfig()).with_deadline(Duration::from_millis(200));
    let begun = Instant::now();
    let capture = cluster.capture(trails());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(fake.asked().len(), 3);
    let failed = |api: &str| match seen(&capture, api) {
        Seen::Failed { why } => why.clone(),
        other => panic!("{api}: {other:?}"),
    };
    assert!(failed(OBJECTS[0].api).contains("no answer within 0.2 s"), "{}", failed(OBJECTS[0].api));
    assert!(failed(OBJECTS[9].api).starts_with("not asked"), "{}", failed(OBJECTS[9].api));
    // One list that hangs keeps nobody from the others.
    let fake = Fake::start(|asked| asked.line.contains(PODS).then_some(Reply::Silence));
    let cluster = connect(fake.kubeconfig()).with_deadline(Duration::from_secs(2));
    let capture = cluster.capture(trails());
    let failed = capture.items.iter().filter(|item| matches!(item.seen, Seen::Failed { .. })).count();
    assert_eq!((failed, fake.asked().len()), (1, OBJECTS.len() + CONFIG_MAPS.len()));
}

#[test]
fn one_malformed_object_is_left_out_alone() {
    let deep = "[".repeat(300) + &"]".repeat(300);
    let text = format!(
        r#"{{"kind":"PodList","metadata":{{}},"items":[{{"metadata":{{"name":"a"}}}},"nonsense",
        {{"metadata":{{"name":"b","namespace":"n"}},"spec":{deep}}},{{"metadata":{{"name":"c"}}}}]}}"#
    );
    let (capture, _) = pods(move |_| Some(Reply::Text(text.clone())));
    let list = list(&capture, PODS);
    assert_eq!((names(list), &list.incomplete), (vec!["a".to_owned(), "c".to_owned()], &None));
    assert_eq!(list.left_out.len(), 2, "{:?}", list.left_out);
    assert!(list.left_out[1].starts_with("n/b: "), "{:?}", list.left_out);
}

#[test]
fn a_list_without_end_ends() {
    let (capture, asked) = pods(|_| Some(page("Pod", &["a"], "again")));
    assert!(list(&capture, PODS).incomplete.as_deref().unwrap().contains("circle"));
    assert_eq!(asked.len(), 2);
    let (capture, asked) = pods(|asked| Some(page("Pod", &["a"], if asked.line.contains("=x") { "y" } else { "x" })));
    assert!(list(&capture, PODS).incomplete.as_deref().unwrap().contains("circle"));
    assert_eq!(asked.len(), 3);
}

#[test]
fn an_answer_that_is_too_large_is_asked_for_in_smaller_pages() {
    let fake = Fake::start(|asked| {
        let small = asked.line.contains("limit=5&") || asked.line.ends_with("limit=5");
        asked.line.contains(PODS).then(|| if small { two_pages(asked) } else { page("Pod", &["a"; 200], "") })
    });
    let cluster = connect(fake.kubeconfig()).with_bounds(1000, 1 << 20, 1 << 20);
    let capture = cluster.capture(vec![objects(PODS)]);
    assert_eq!((names(list(&capture, PODS)).len(), &list(&capture, PODS).incomplete), (3, &None));
    let limits: Vec<String> = fake.asked().iter().filter_map(|line| Some(line.split('=').nth(1)?.to_owned())).collect();
    assert_eq!(limits, ["500", "50", "5", "5&continue"]);
    let fake = Fake::start(|asked| asked.line.contains(PODS).then(|| page("Pod", &["a"; 200], "")));
    let capture = connect(fake.kubeconfig()).with_bounds(1000, 1 << 20, 1 << 20).capture(vec![objects(PODS)]);
    assert!(matches!(seen(&capture, PODS), Seen::Failed { .. }) && fake.asked().len() == 4);
}

#[test]
fn what_is_posted_is_tried_once() {
    let posted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&posted);
    let fake = Fake::start(move |asked| {
        let review = asked.line.contains("selfsubject");
        count.fetch_add(usize::from(review), Ordering::Relaxed);
        review.then(|| failure(500, "InternalError"))
    });
    let cluster = connect(fake.kubeconfig());
    let answers = cluster.may(&rights()[..2]);
    assert!(answers.iter().all(|one| one.as_ref().is_err_and(|why| why.contains("500"))), "{answers:?}");
    assert_eq!((cluster.who(), posted.load(Ordering::Relaxed)), (None, 3));
}

#[test]
fn of_a_credential_plugin_nothing_is_told_that_may_be_secret() {
    let fake = Fake::start(|_| None);
    let path = fake.kubeconfig();
    let told = |script: &str| {
        let mut config: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let exec = json!({ "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never", "command": "sh",
            "args": ["-c", script, "S3CRETa"] });
        config["contexts"][0]["context"]["user"] = json!("u");
        config["users"] = json!([{ "name": "u", "user": { "exec": exec } }]);
        std::fs::write(&path, config.to_string()).unwrap();
        let access = Access { kubeconfig: Some(path.clone()), context: None };
        Cluster::connect(&access).err().map(|error| error.to_string())
    };
    let failed = told("echo S3CRETb; echo 'log in first' >&2; exit 7").unwrap();
    assert!(
        failed.contains("log in first") && failed.contains("exit status: 7") && !failed.contains("S3CRET"),
        "{failed}"
    );
    let nonsense = told("echo '{ token: S3CRETb'").unwrap();
    assert!(nonsense.contains("printed no credential") && !nonsense.contains("S3CRET"), "{nonsense}");
    let credential =
        r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t"}}"#;
    assert_eq!(told(&format!("echo '{credential}'")), None);
}

#[test]
fn another_than_the_api_proves_nothing_absent() {
    let api = CONFIG_MAPS[0].0;
    let missing = json!({ "kind": "Status", "code": 404, "reason": "NotFound", "details": { "name": "kube-proxy" } });
    let other = json!({ "kind": "Status", "code": 404, "reason": "NotFound", "details": {} });
    let absent = |answer: Value| {
        let fake =
            Fake::start(move |asked| asked.line.contains("kube-proxy").then(|| Reply::Json(404, answer.clone())));
        matches!(seen(&connect(fake.kubeconfig()).capture(vec![body(api)]), api), Seen::Absent { .. })
    };
    assert!(absent(missing));
    assert!(!absent(other) && !absent(json!("404 page not found")));
    let fake = Fake::start(|asked| asked.line.contains("kube-proxy").then(|| Reply::Text("<html>".to_owned())));
    assert!(matches!(seen(&connect(fake.kubeconfig()).capture(vec![body(api)]), api), Seen::Failed { .. }));
}

#[test]
fn what_is_never_asked_for_is_not_asked_for_by_a_trail_either() {
    let fake = Fake::start(|_| None);
    let never = ["/api/v1/secrets", "/api/v1/namespaces/a/pods/b/exec", "/api/v1/pods?watch=true"];
    let capture = connect(fake.kubeconfig()).capture(never.map(body).into());
    assert!(never.iter().all(|api| matches!(seen(&capture, api), Seen::Failed { .. })));
    assert_eq!(fake.asked(), Vec::<String>::new());
}

/// A cluster of so many nodes, whose kubelets answer so.
fn nodes(count: usize, kubelet: impl Fn(&str) -> Reply + Send + Sync + 'static) -> (Vec<Capture>, Vec<String>) {
    let fake = Fake::start(move |asked| {
        let all: Vec<String> = (0..count).map(|n| format!("n{n}")).collect();
        match asked.line.strip_prefix("GET ").unwrap_or_default() {
            line if line.contains("configz") => Some(kubelet(line)),
            line if line.starts_with(NODES) => {
                Some(page("Node", &all.iter().map(String::as_str).collect::<Vec<_>>(), ""))
            }
            _ => None,
        }
    });
    let cluster = connect(fake.kubeconfig()).with_pace(1000, 1000).with_deadline(Duration::from_secs(5));
    let capture = cluster.capture(vec![objects(NODES), objects(PODS)]);
    let captures = cluster.nodes(&capture, of_node(), &|_| true, &|_| {});
    let asked = fake.asked().into_iter().filter(|line| line.contains("configz")).collect();
    (captures, asked)
}

fn configz(capture: &Capture) -> &Seen {
    capture.seen(&Place::Api(CONFIGZ.to_owned()), Aspect::Text).unwrap()
}

#[test]
fn a_kubelet_is_asked_by_its_own_path_and_through_the_proxy_only_where_there_is_none() {
    let answer = || {
        let config = json!({ "port": 10250, "authentication": { "anonymous": { "enabled": false } }, "staticPodURLHeader": { "Authorization": ["S3CRET"] } });
        Reply::Json(200, json!({ "kubeletconfig": config, "else": "S3CRET" }))
    };
    let (captures, asked) = nodes(1, move |_| answer());
    assert_eq!(asked, ["GET /api/v1/nodes/n0/configz"]);
    let Seen::Text(text) = configz(&captures[0]) else { panic!("{:?}", configz(&captures[0])) };
    assert!(text.to_lossy().contains("10250") && !text.to_lossy().contains("S3CRET"), "{}", text.to_lossy());
    let proxy = |line: &str| line.contains("/proxy/");
    let (captures, asked) = nodes(1, move |line| if proxy(line) { answer() } else { failure(404, "NotFound") });
    assert!(matches!(configz(&captures[0]), Seen::Text(_)));
    assert_eq!(asked.len(), 2);
    for (line, right) in [(false, "get nodes/configz in the cluster"), (true, "get nodes/proxy in the cluster")] {
        let (captures, asked) = nodes(1, move |own| {
            failure(if line && !proxy(own) { 404 } else { 403 }, if line { "NotFound" } else { "Forbidden" })
        });
        assert_eq!(configz(&captures[0]), &Seen::Denied { right: right.to_owned() });
        assert_eq!(asked.len(), if line { 2 } else { 1 });
    }
    let (captures, _) = nodes(1, |_| Reply::Text("[1]".to_owned()));
    assert!(matches!(configz(&captures[0]), Seen::Failed { .. }));
}

#[test]
fn many_nodes_keep_their_order_and_a_bad_one_is_bad_alone() {
    let (captures, _) = nodes(300, |line| {
        if line.contains("/n7/") {
            failure(403, "Forbidden")
        } else {
            Reply::Json(200, json!({ "kubeletconfig": { "port": 1 } }))
        }
    });
    let names: Vec<String> = captures.iter().map(|capture| capture.name.clone()).collect();
    assert_eq!(names, (0..300).map(|n| format!("n{n}")).collect::<Vec<_>>());
    let bad: Vec<&str> =
        captures.iter().filter(|one| !matches!(configz(one), Seen::Text(_))).map(|one| one.name.as_str()).collect();
    assert_eq!(bad, ["n7"]);
}

#[test]
fn without_all_pods_nobody_knows_all_mirror_pods() {
    let mirror = |pods: Value, more: &'static str| -> Vec<Seen> {
        let fake = Fake::start(move |asked| match asked.line.strip_prefix("GET ").unwrap_or_default() {
            line if line.contains("continue=") => Some(failure(403, "Forbidden")),
            line if line.starts_with(NODES) && !line.contains("configz") => Some(page("Node", &["a", "b"], "")),
            line if line.starts_with(PODS) => {
                Some(Reply::Json(200, json!({ "kind": "PodList", "metadata": { "continue": more }, "items": pods })))
            }
            _ => None,
        });
        let cluster = connect(fake.kubeconfig());
        let capture = cluster.capture(vec![objects(NODES), objects(PODS)]);
        let nodes = cluster.nodes(&capture, of_node(), &|_| true, &|_| {});
        let place = Place::Resources(MIRROR_PODS.to_owned());
        nodes.iter().map(|node| node.seen(&place, Aspect::Resources).unwrap().clone()).collect()
    };
    let none = Seen::Resources(vec![]);
    assert_eq!(mirror(json!([]), ""), [none.clone(), none.clone()]);
    assert!(
        mirror(json!([]), "more").iter().all(|seen| matches!(seen, Seen::Failed { why } if why.contains("not whole")))
    );
    // A pod that could not be read is a node's own by its name, or may be anybody's.
    let broken = |name: &str| {
        json!([{ "metadata": { "name": name, "namespace": "kube-system" },
        "spec": { "serviceAccountName": "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----" } }])
    };
    let seen = mirror(broken("etcd-a"), "");
    assert!(matches!(&seen[0], Seen::Failed { why } if why.contains("kube-system/etcd-a")), "{seen:?}");
    assert_eq!(seen[1], none);
    assert!(mirror(json!(["nonsense"]), "").iter().all(|seen| matches!(seen, Seen::Failed { .. })));
}
