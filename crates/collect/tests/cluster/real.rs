//! What a real server tells, and what it writes down of having been asked.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use collect::cluster::{Access, Check, Cluster, ClusterError, rights, role};
use evidence::{Aspect, Basis, CONFIG_MAPS, CONFIGZ, Capture, MIRROR_PODS, OBJECTS, Place, Seen, Source, Spec};
use serde_json::{Value, json};

use super::kubelet::Kubelet;
use super::server::{ADMIN, Server};
use super::{connect, list, names, objects, of_node, seen, trails, values};

fn namespace(server: &Server, name: &str) {
    server.create("/api/v1/namespaces", &json!({ "metadata": { "name": name } }));
}

/// Waits until the server knows of a right: it learns of new roles a little later.
fn wait_for(cluster: &Cluster, check: Check<'_>) {
    let until = Instant::now() + Duration::from_secs(20);
    while cluster.may(&[check]) != [Ok(true)] {
        assert!(Instant::now() < until, "{check:?} was never granted");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_fresh_server_shows_itself() {
    let Some(server) = Server::shared() else { return };
    let cluster = connect(server.kubeconfig(ADMIN));
    let capture = cluster.capture(trails());
    assert_eq!((capture.source, capture.name.as_str()), (Source::Cluster, "cluster test"));
    assert!(capture.reach.api && !capture.reach.files && !capture.reach.processes);
    assert!(capture.identity["kubernetes"].starts_with("v1."), "{:?}", capture.identity);
    assert_eq!(capture.identity["cluster-uid"].len(), 36, "{:?}", capture.identity);
    assert_eq!(capture.identity["server"], server.address());
    assert_eq!(capture.identity["context"], "test");
    assert_eq!(capture.rights, ["those of admin"]);
    assert_eq!(capture.remarks, Vec::<String>::new());
    for kind in OBJECTS {
        let list = list(&capture, kind.api);
        assert_eq!((&list.incomplete, list.left_out.len()), (&None, 0), "{}: {:?}", kind.api, list.left_out);
    }
    let namespaces = names(list(&capture, "/api/v1/namespaces"));
    assert!(["default", "kube-system", "kube-public"].iter().all(|name| namespaces.contains(&(*name).to_owned())));
    let roles = values(list(&capture, "/apis/rbac.authorization.k8s.io/v1/clusterroles"));
    let admin = roles.iter().find(|role| role["metadata"]["name"] == "cluster-admin").unwrap();
    assert_eq!(admin["rules"][0]["verbs"], json!(["*"]));
    let bindings = values(list(&capture, "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"));
    let admin = bindings.iter().find(|binding| binding["metadata"]["name"] == "cluster-admin").unwrap();
    assert_eq!(admin["subjects"][0]["name"], "system:masters");
    let Seen::Text(version) = seen(&capture, "/version") else { panic!("{:?}", seen(&capture, "/version")) };
    assert!(version.to_lossy().contains(&capture.identity["kubernetes"]));
    for (path, _) in CONFIG_MAPS {
        assert!(matches!(seen(&capture, path), Seen::Absent { .. }), "{path}: {:?}", seen(&capture, path));
    }
    // What a node holds is no question to this API: it was never asked.
    assert_eq!(capture.items.len(), OBJECTS.len() + 1 + CONFIG_MAPS.len());
}

#[test]
fn the_server_itself_says_that_nothing_is_changed_and_no_secret_is_asked_for() {
    let Some(server) = Server::shared() else { return };
    let cluster = connect(server.kubeconfig("user-1"));
    server.grant(&role(), "user-1");
    wait_for(&cluster, rights()[0]);
    let capture = cluster.capture(trails());
    cluster.nodes(&capture, of_node(), &|_| true, &|_| {});
    cluster.may(&rights());
    let audited = server.audited("user-1");
    assert!(audited.len() > OBJECTS.len(), "{}", audited.len());
    for event in audited {
        let (verb, of) = (event["verb"].as_str().unwrap(), &event["objectRef"]);
        assert_ne!(of["resource"], "secrets", "{event}");
        assert!(event["userAgent"].as_str().unwrap().starts_with("kube-assay/"), "{event}");
        let review =
            ["selfsubjectaccessreviews", "selfsubjectreviews"].contains(&of["resource"].as_str().unwrap_or_default());
        assert!(matches!(verb, "get" | "list") || verb == "create" && review, "{event}");
    }
}

#[test]
fn a_list_of_many_pages_is_whole() {
    let Some(server) = Server::shared() else { return };
    namespace(server, "many");
    let accounts: Vec<Value> = (0..1200).map(|n| json!({ "metadata": { "name": format!("account-{n}") } })).collect();
    server.create_all("/api/v1/namespaces/many/serviceaccounts", &accounts);
    let cluster = connect(server.kubeconfig(ADMIN));
    let capture = cluster.capture(vec![objects("/api/v1/serviceaccounts")]);
    let all = list(&capture, "/api/v1/serviceaccounts");
    assert_eq!(all.incomplete, None);
    let names = names(all);
    assert_eq!(usize::try_from(all.count).unwrap(), names.len());
    let many: BTreeSet<&String> = names.iter().filter(|name| name.starts_with("account-")).collect();
    assert_eq!((many.len(), names.len()), (1200, names.iter().collect::<BTreeSet<_>>().len()));
    // Within a bound it is a part, and says so.
    let capture = cluster.with_bounds(1 << 20, 10_000, 1 << 20).capture(vec![objects("/api/v1/serviceaccounts")]);
    let part = list(&capture, "/api/v1/serviceaccounts");
    assert!(part.count > 50 && part.count < 1200 && part.text.size < 11_000, "{} {}", part.count, part.text.size);
    assert!(part.incomplete.as_deref().unwrap().contains("10000 bytes"), "{:?}", part.incomplete);
}

/// The roles without one of their resources.
fn without(resource: &str) -> Value {
    let mut roles = role();
    for item in roles["items"].as_array_mut().unwrap() {
        for rule in item["rules"].as_array_mut().unwrap() {
            if let Some(all) = rule.get_mut("resources").and_then(Value::as_array_mut) {
                all.retain(|one| one != resource);
                if all.is_empty() {
                    *rule = json!({ "apiGroups": ["none.example"], "resources": ["none"], "verbs": ["get"] });
                }
            }
        }
    }
    roles
}

fn configmap(server: &Server, name: &str, data: &Value) {
    let object = json!({ "metadata": { "name": name }, "data": data });
    server.create("/api/v1/namespaces/kube-system/configmaps", &object);
}

#[test]
fn the_role_suffices_and_without_any_part_of_it_exactly_that_is_denied() {
    // A server of its own: others look for ConfigMaps that are not there.
    let Some(server) = &Server::start() else { return };
    configmap(
        server,
        "kube-proxy",
        &json!({ "kubeconfig.conf": "S3CRET",
        "config.conf": "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: nftables\n" }),
    );
    configmap(
        server,
        "kubeadm-config",
        &json!({ "ClusterStatus": "S3CRET",
        "ClusterConfiguration": "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nclusterName: mine\n" }),
    );
    let cluster = connect(server.kubeconfig("user-0"));
    server.grant(&role(), "user-0");
    let all = rights();
    for right in &all {
        wait_for(&cluster, *right);
    }
    let capture = cluster.capture(trails());
    let text = |path: &str| match seen(&capture, path) {
        Seen::Text(text) => text.to_lossy().into_owned(),
        other => panic!("{path}: {other:?}"),
    };
    assert!(text(CONFIG_MAPS[0].0).contains("mode: nftables") && text(CONFIG_MAPS[1].0).contains("clusterName: mine"));
    assert!(!text(CONFIG_MAPS[0].0).contains("S3CRET") && !text(CONFIG_MAPS[1].0).contains("S3CRET"));
    for kind in OBJECTS {
        assert_eq!(list(&capture, kind.api).incomplete, None, "{}", kind.api);
    }

    for (at, kind) in OBJECTS.iter().enumerate() {
        let user = format!("user-{}", at + 1);
        let cluster = connect(server.kubeconfig(&user));
        let lost = all[at];
        server.grant(&without(lost.resource), &user);
        for right in all.iter().filter(|right| **right != lost) {
            wait_for(&cluster, *right);
        }
        let capture = cluster.capture(trails());
        let dot = if lost.group.is_empty() { "" } else { "." };
        let right = format!("list {}{dot}{} in the cluster", lost.resource, lost.group);
        assert_eq!(seen(&capture, kind.api), &Seen::Denied { right });
        let denied = capture.items.iter().filter(|item| matches!(item.seen, Seen::Denied { .. })).count();
        assert_eq!(denied, 1, "{}", kind.api);
    }
    let cluster = connect(server.kubeconfig("user-40"));
    server.grant(&without("configmaps"), "user-40");
    wait_for(&cluster, all[0]);
    let capture = cluster.capture(trails());
    for name in ["kube-proxy", "kubeadm-config"] {
        let path = format!("/api/v1/namespaces/kube-system/configmaps/{name}");
        assert_eq!(seen(&capture, &path), &Seen::Denied { right: format!("get configmaps/{name} in kube-system") });
    }
}

#[test]
fn who_has_no_right_learns_which_are_missing() {
    let Some(server) = Server::shared() else { return };
    let cluster = connect(server.kubeconfig("user-2"));
    assert_eq!(cluster.who().as_deref(), Some("user-2"));
    assert!(cluster.may(&rights()).iter().all(|answer| *answer == Ok(false)));
    let capture = cluster.capture(trails());
    for kind in OBJECTS {
        assert!(
            matches!(seen(&capture, kind.api), Seen::Denied { right } if right.starts_with("list ")),
            "{}",
            kind.api
        );
    }
    assert!(capture.identity.contains_key("kubernetes") && !capture.identity.contains_key("cluster-uid"));
    assert_eq!(cluster.nodes(&capture, of_node(), &|_| true, &|_| {}), []);
    let admin = connect(server.kubeconfig(ADMIN));
    let secrets = Check { verb: "get", group: "", resource: "secrets", name: None, namespace: Some("kube-system") };
    let part = Check { verb: "create", group: "", resource: "pods/exec", name: Some("a"), namespace: Some("default") };
    assert_eq!(admin.may(&[secrets, part]), [Ok(true), Ok(true)]);
    assert_eq!(cluster.may(&[secrets, part]), [Ok(false), Ok(false)]);
}

fn node(name: &str, labels: &Value) -> Value {
    let info = json!({ "machineID": "m1", "systemUUID": "s1", "bootID": "b1", "kernelVersion": "6.12.1", "osImage": "Debian 13",
        "containerRuntimeVersion": "containerd://2.1.0", "kubeletVersion": "v1.36.3", "kubeProxyVersion": "",
        "operatingSystem": "linux", "architecture": "arm64" });
    json!({ "metadata": { "name": name, "labels": labels }, "spec": { "providerID": "aws:///a/i-1" }, "status": { "nodeInfo": info } })
}

fn pod(name: &str, node: &str, annotations: &Value) -> Value {
    let container = json!({ "name": "kube-apiserver", "image": "registry.example/kube-apiserver:v1.36.3",
        "command": ["kube-apiserver", "--profiling=false"] });
    json!({ "metadata": { "name": name, "annotations": annotations }, "spec": { "nodeName": node, "hostNetwork": true, "containers": [container] } })
}

fn mirror_pods(capture: &Capture) -> &Seen {
    capture.seen(&Place::Resources(MIRROR_PODS.to_owned()), Aspect::Resources).unwrap()
}

#[test]
fn nodes_show_who_they_are_and_their_mirror_pods() {
    let Some(server) = Server::shared() else { return };
    server.create("/api/v1/nodes", &node("one", &json!({ "node-role.kubernetes.io/control-plane": "" })));
    server.create("/api/v1/nodes", &node("two", &json!({})));
    let mirror = json!({ "kubernetes.io/config.mirror": "h", "kubernetes.io/config.source": "file" });
    namespace(server, "static");
    let pods = "/api/v1/namespaces/static/pods";
    server.create(pods, &pod("kube-apiserver-one", "one", &mirror));
    server.create(pods, &pod("odd", "one", &mirror));
    server.create(pods, &pod("own-one", "one", &json!({})));
    let cluster = connect(server.kubeconfig(ADMIN));
    let capture = cluster.capture(trails());
    let done = std::cell::RefCell::new(BTreeSet::new());
    let nodes =
        cluster.nodes(&capture, of_node(), &|_| true, &|node| assert!(done.borrow_mut().insert(node.name.clone())));
    let of = |name: &str| nodes.iter().find(|node| node.name == name).unwrap();
    assert!(done.borrow().contains("one") && done.borrow().contains("two"));
    assert_eq!(of("one").source, Source::ClusterNode);
    let identity = |key: &str| of("one").identity.get(key).map(String::as_str);
    assert_eq!(identity("role"), Some("control-plane"));
    assert_eq!(of("two").identity["role"], "worker");
    assert_eq!(
        (identity("kubelet"), identity("os"), identity("kernel")),
        (Some("v1.36.3"), Some("Debian 13"), Some("6.12.1"))
    );
    assert_eq!(
        (identity("machine-id"), identity("boot-id"), identity("arch")),
        (Some("m1"), Some("b1"), Some("aarch64"))
    );
    assert_eq!(identity("provider-id"), Some("aws:///a/i-1"));

    let Seen::Resources(pods) = mirror_pods(of("one")) else { panic!("{:?}", mirror_pods(of("one"))) };
    assert_eq!(pods.iter().map(|pod| pod.id.as_str()).collect::<Vec<_>>(), ["kube-apiserver", "odd"]);
    let Spec::Text(text) = &pods[0].spec else { panic!("text") };
    let kept: Value = serde_json::from_slice(&text.bytes).unwrap();
    assert_eq!(kept["spec"]["containers"][0]["command"], json!(["kube-apiserver", "--profiling=false"]));
    assert_eq!(mirror_pods(of("two")), &Seen::Resources(vec![]));
    let item = of("one").items.iter().find(|item| item.aspect == Aspect::Resources).unwrap();
    assert_eq!(item.basis, Basis::Declared);

    // Nobody answers as a kubelet here.
    let failed = of("one").seen(&Place::Api(CONFIGZ.to_owned()), Aspect::Text).unwrap();
    assert!(matches!(failed, Seen::Failed { .. }), "{failed:?}");

    // Without the list of pods nobody knows of a mirror pod.
    let capture = cluster.capture(vec![objects("/api/v1/nodes")]);
    let nodes = cluster.nodes(&capture, of_node(), &|_| true, &|_| {});
    assert!(nodes.iter().all(|node| node.items.iter().all(|item| item.aspect != Aspect::Resources)));
    let user = connect(server.kubeconfig("user-3"));
    server.grant(&without("pods"), "user-3");
    wait_for(&user, rights()[0]);
    let capture = user.capture(trails());
    let nodes = user.nodes(&capture, of_node(), &|_| true, &|_| {});
    assert!(!nodes.is_empty());
    for node in nodes {
        assert_eq!(mirror_pods(&node), &Seen::Denied { right: "list pods in the cluster".to_owned() });
        // This version knows a part of the node of its own for it only at the kubelet: through the API it is the proxy.
        let configz = node.seen(&Place::Api(CONFIGZ.to_owned()), Aspect::Text).unwrap();
        assert_eq!(configz, &Seen::Denied { right: "get nodes/proxy in the cluster".to_owned() });
    }
}

#[test]
fn a_kubelet_is_asked_through_the_servers_proxy() {
    let Some(server) = Server::shared() else { return };
    let config = json!({ "kubeletconfig": { "port": 10250, "authorization": { "mode": "Webhook" }, "staticPodURLHeader": { "a": ["S3CRET"] } } });
    let good = Kubelet::start(
        move |line| if line == "GET /configz" { (200, config.to_string()) } else { (404, String::new()) },
    );
    let bad = Kubelet::start(|_| (403, "Forbidden (user=kube-apiserver, verb=get, resource=nodes)".to_owned()));
    let (Some(good), Some(bad)) = (good, bad) else {
        eprintln!("skipped: this machine has no address but its own loopback's");
        return;
    };
    for (name, kubelet) in [("good", &good), ("bad", &bad)] {
        let mut node = node(name, &json!({}));
        node["status"]["addresses"] = json!([{ "type": "InternalIP", "address": kubelet.address }]);
        node["status"]["daemonEndpoints"] = json!({ "kubeletEndpoint": { "Port": kubelet.port } });
        server.create("/api/v1/nodes", &node);
    }
    let cluster = connect(server.kubeconfig(ADMIN));
    let capture = cluster.capture(vec![objects("/api/v1/nodes")]);
    let nodes = cluster.nodes(&capture, of_node(), &|_| true, &|_| {});
    let configz = |name: &str| {
        let node = nodes.iter().find(|node| node.name == name).unwrap();
        node.items.iter().find(|item| item.place == Place::Api(CONFIGZ.to_owned())).unwrap()
    };
    let Seen::Text(text) = &configz("good").seen else { panic!("{:?}", configz("good").seen) };
    assert!(text.to_lossy().contains("Webhook") && !text.to_lossy().contains("S3CRET"), "{}", text.to_lossy());
    assert_eq!(configz("good").basis, Basis::Running);
    assert_eq!(good.asked(), ["GET /configz"]);
    // It is the server that the kubelet refuses, and not the user.
    assert!(
        matches!(&configz("bad").seen, Seen::Failed { why } if why.contains("the kubelet")),
        "{:?}",
        configz("bad").seen
    );
}

#[test]
fn who_is_not_let_in_learns_why() {
    let Some(server) = Server::shared() else { return };
    let folder = tempfile::tempdir().unwrap();
    let own = std::fs::read_to_string(server.kubeconfig("user-4")).unwrap();
    let refused = |text: String| {
        let path = folder.path().join("k");
        std::fs::write(&path, text).unwrap();
        Cluster::connect(&Access { kubeconfig: Some(path), context: None }).err().unwrap()
    };
    let wrong = refused(own.replace("token-of-user-4", "another"));
    assert!(matches!(&wrong, ClusterError::Credentials { .. }), "{wrong}");
    assert!(wrong.to_string().contains("does not accept these credentials"), "{wrong}");
    // Another authority than the server's.
    let key = rcgen::KeyPair::generate().unwrap();
    let other = rcgen::CertificateParams::new(vec!["other".to_owned()]).unwrap().self_signed(&key).unwrap();
    let path = folder.path().join("other.pem");
    std::fs::write(&path, other.pem()).unwrap();
    let mut config: Value = serde_json::from_str(&own).unwrap();
    config["clusters"][0]["cluster"]["certificate-authority"] = json!(path);
    let wrong = refused(config.to_string());
    assert!(wrong.to_string().contains("another cluster's"), "{wrong}");
    config["clusters"][0]["cluster"] =
        json!({ "server": format!("https://{}", server.address()), "insecure-skip-tls-verify": true });
    std::fs::write(&path, config.to_string()).unwrap();
    let unchecked = connect(path.clone());
    assert!(unchecked.capture(vec![]).remarks[0].contains("not checked"));
    // Nobody there.
    config["clusters"][0]["cluster"]["server"] = json!("https://127.0.0.1:1");
    let wrong = refused(config.to_string());
    assert!(matches!(&wrong, ClusterError::Server { .. }) && wrong.to_string().contains("refused"), "{wrong}");
}
