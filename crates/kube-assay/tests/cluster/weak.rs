//! Changes that weaken a cluster, each with the id that it fails and what must be named.

use assess::Verdict;
use serde_json::{Value as Json, json};

use crate::{ACCOUNTS, HARDENED, Lists, NAMESPACES, PODS, RBAC, STOCK, cluster, judged, recorded};

/// A pod that is restricted, in a namespace of its own that enforces so.
fn pod(name: &str, change: impl Fn(&mut Json)) -> Json {
    let mut spec = json!({
        "serviceAccountName": "app", "automountServiceAccountToken": false,
        "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } },
        "containers": [{ "name": "c", "image": "i", "securityContext": {
            "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } } }],
    });
    change(&mut spec);
    json!({ "metadata": { "name": name, "namespace": "kube-system" }, "spec": spec, "status": { "phase": "Running" } })
}

fn binding(role: &str, subject: &Json) -> Json {
    json!({ "metadata": { "name": "mine" }, "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
        "subjects": [subject] })
}

fn role(groups: &[&str], resources: &[&str], verbs: &[&str]) -> Json {
    json!({ "metadata": { "name": "mine" }, "rules": [{ "apiGroups": groups, "resources": resources, "verbs": verbs }] })
}

/// A change, the id that must fail by it, and what must be named.
type Weakening = (&'static str, Box<dyn Fn(&mut Lists)>, &'static str);

/// A change of a pod's spec.
type Change = fn(&mut Json);

/// An id, and the right by which somebody fails it: API groups, resources, verbs.
type Grant = (&'static str, &'static [&'static str], &'static [&'static str], &'static [&'static str]);

fn of_rights() -> Vec<Weakening> {
    let mut all: Vec<Weakening> = Vec::new();
    let user = || json!({ "kind": "User", "name": "eve" });
    all.push((
        "5.1.1",
        Box::new(move |lists| {
            lists.get_mut(&*format!("{RBAC}/clusterrolebindings")).unwrap().push(binding("cluster-admin", &user()));
        }),
        "User eve",
    ));
    // A right by a role of one's own, bound in a namespace or in the cluster, by name or by group.
    let rights: [Grant; 12] = [
        ("5.1.2", &[""], &["secrets"], &["watch"]),
        ("5.1.2", &["*"], &["*"], &["get"]),
        ("5.1.4", &["batch"], &["cronjobs"], &["create"]),
        ("5.1.4", &[""], &["pods"], &["*"]),
        ("5.1.8", &["rbac.authorization.k8s.io"], &["roles"], &["escalate"]),
        ("5.1.8", &[""], &["users"], &["impersonate"]),
        ("5.1.9", &[""], &["persistentvolumes"], &["create"]),
        ("5.1.10", &[""], &["nodes/proxy"], &["get"]),
        ("5.1.11", &["certificates.k8s.io"], &["certificatesigningrequests/approval"], &["update"]),
        ("5.1.12", &["admissionregistration.k8s.io"], &["mutatingwebhookconfigurations"], &["patch"]),
        ("5.1.13", &[""], &["serviceaccounts/token"], &["create"]),
        ("5.1.2", &[""], &["secrets"], &["list"]),
    ];
    for (id, groups, resources, verbs) in rights {
        all.push((
            id,
            Box::new(move |lists| {
                lists.get_mut(&*format!("{RBAC}/clusterroles")).unwrap().push(role(groups, resources, verbs));
                let mut binding =
                    binding("mine", &json!({ "kind": "ServiceAccount", "name": "app", "namespace": "d" }));
                binding["metadata"]["namespace"] = json!("d");
                lists.get_mut(&*format!("{RBAC}/rolebindings")).unwrap().push(binding);
            }),
            "ServiceAccount d/app",
        ));
    }
    for group in ["system:authenticated", "system:unauthenticated", "system:serviceaccounts"] {
        all.push((
            "5.1.2",
            Box::new(move |lists| {
                let subject = json!({ "kind": "Group", "name": group });
                lists.get_mut(&*format!("{RBAC}/clusterrolebindings")).unwrap().push(binding("edit", &subject));
            }),
            group,
        ));
    }
    all
}

fn of_objects() -> Vec<Weakening> {
    let mut all: Vec<Weakening> = Vec::new();
    let user = || json!({ "kind": "User", "name": "eve" });
    all.push((
        "5.1.3",
        Box::new(move |lists| {
            lists.get_mut(&*format!("{RBAC}/clusterroles")).unwrap().push(role(&["apps"], &["*"], &["get"]));
            lists.get_mut(&*format!("{RBAC}/clusterrolebindings")).unwrap().push(binding("mine", &user()));
        }),
        "ClusterRole mine",
    ));
    all.push((
        "5.1.5",
        Box::new(|lists| {
            let all = lists.get_mut(ACCOUNTS).unwrap();
            let account = all.iter_mut().find(|own| own["metadata"]["name"] == "default").unwrap();
            account["automountServiceAccountToken"] = json!(true);
        }),
        "/default",
    ));
    all.push((
        "5.1.6",
        Box::new(|lists| {
            lists.get_mut(PODS).unwrap().push(pod("idle", |spec| spec["automountServiceAccountToken"] = json!(true)));
        }),
        "Pod kube-system/idle",
    ));
    all.push((
        "5.1.7",
        Box::new(|lists| {
            let masters = json!({ "kind": "Group", "name": "system:masters" });
            lists.get_mut(&*format!("{RBAC}/clusterrolebindings")).unwrap().push(binding("edit", &masters));
        }),
        "ClusterRoleBinding mine to ClusterRole edit",
    ));
    for id in ["5.2.1", "5.3.2"] {
        all.push((
            id,
            Box::new(|lists| {
                lists.get_mut(NAMESPACES).unwrap().push(json!({ "metadata": { "name": "new",
                    "labels": { "pod-security.kubernetes.io/enforce": "privileged" } } }));
            }),
            "new",
        ));
    }
    all.push((
        "5.2.10",
        Box::new(|lists| {
            lists.get_mut("/api/v1/nodes").unwrap().push(json!({ "metadata": { "name": "w1" },
                "status": { "nodeInfo": { "operatingSystem": "windows" } } }));
            lists.get_mut(PODS).unwrap().push(pod("bad", |spec| {
                spec["securityContext"]["windowsOptions"] = json!({ "hostProcess": true });
            }));
        }),
        "Pod kube-system/bad",
    ));
    all.push((
        "5.6.4",
        Box::new(|lists| {
            lists
                .get_mut("/api/v1/services")
                .unwrap()
                .push(json!({ "metadata": { "name": "shop", "namespace": "default" } }));
        }),
        "Service shop",
    ));
    all
}

fn of_pods() -> Vec<Weakening> {
    let mut all: Vec<Weakening> = Vec::new();
    let pods: [(&str, Change); 16] = [
        ("5.2.2", |spec| spec["containers"][0]["securityContext"]["privileged"] = json!(true)),
        ("5.2.2", |spec| {
            spec["ephemeralContainers"] = json!([{ "name": "d", "securityContext": { "privileged": true } }]);
        }),
        ("5.2.3", |spec| spec["hostPID"] = json!(true)),
        ("5.2.4", |spec| spec["hostIPC"] = json!(true)),
        ("5.2.5", |spec| spec["hostNetwork"] = json!(true)),
        ("5.2.6", |spec| spec["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = Json::Null),
        ("5.2.7", |spec| spec["securityContext"]["runAsNonRoot"] = json!(false)),
        ("5.2.7", |spec| spec["initContainers"] = json!([{ "name": "i", "securityContext": { "runAsUser": 0 } }])),
        ("5.2.8", |spec| spec["containers"][0]["securityContext"]["capabilities"] = json!({ "drop": ["CHOWN"] })),
        ("5.2.9", |spec| spec["containers"][0]["securityContext"]["capabilities"] = json!({ "drop": ["NET_RAW"] })),
        ("5.2.11", |spec| spec["volumes"] = json!([{ "name": "v", "hostPath": { "path": "/" } }])),
        ("5.2.12", |spec| spec["containers"][0]["ports"] = json!([{ "containerPort": 1, "hostPort": 80 }])),
        ("5.4.1", |spec| spec["containers"][0]["envFrom"] = json!([{ "secretRef": { "name": "s" } }])),
        ("5.6.2", |spec| spec["securityContext"]["seccompProfile"] = Json::Null),
        ("5.6.3", |spec| spec["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = json!(true)),
        ("5.6.3", |spec| spec["hostNetwork"] = json!(true)),
    ];
    for (id, change) in pods {
        all.push((
            id,
            Box::new(move |lists| lists.get_mut(PODS).unwrap().push(pod("bad", change))),
            "Pod kube-system/bad",
        ));
        // The same as a template that nothing runs of yet.
        all.push((
            id,
            Box::new(move |lists| {
                let template = json!({ "metadata": { "name": "bad", "namespace": "kube-system" },
                    "spec": { "jobTemplate": { "spec": { "template": { "spec": pod("bad", change)["spec"] } } } } });
                lists.get_mut("/apis/batch/v1/cronjobs").unwrap().push(template);
            }),
            "CronJob kube-system/bad",
        ));
    }
    all
}

#[test]
fn each_weakening_is_found_and_named() {
    let whole = recorded(HARDENED);
    // The hardened node's kubelet gives every pod a profile: a cluster without that is judged for it.
    let node = |id: &str| if id == "5.6.2" { STOCK } else { HARDENED };
    for (at, (id, change, named)) in [of_rights(), of_objects(), of_pods()].into_iter().flatten().enumerate() {
        let mut lists = whole.clone();
        change(&mut lists);
        let report = judged(Some(node(id)), cluster(&lists), "cis-2.0.1");
        let failed = report.findings.iter().filter(|finding| finding.id() == id && finding.verdict == Verdict::Fail);
        let told: Vec<String> = failed
            .map(|finding| {
                let subjects: Vec<&str> = finding.subjects.iter().map(|subject| subject.name.as_str()).collect();
                format!("{} {}", subjects.join(", "), finding.reason)
            })
            .collect();
        assert!(told.concat().contains(named), "{at} {id}: {told:?}");
    }
}
