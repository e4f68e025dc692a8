//! Talos' API, asked over mutual TLS from a real server whose messages have Talos' numbers.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod server;

use std::sync::atomic::Ordering;
use std::time::Duration;

use collect::talos::{self, Context, Endpoint, KINDS, TalosError, Target};
use evidence::{Aspect, Basis, Capture, Cut, FileKind, Hop, Seen, Start, Take, Trail};
use server::{Authority, DIRECTORY, Fault, File, LINK, Machine, serve};

fn named(node: &str) -> Target {
    Target::Node(node.to_owned())
}

/// The machine behind the endpoint, by the endpoint's own address.
const NODE: &str = "127.0.0.1";

fn trail(path: &str, hops: Vec<Hop>, take: Vec<Take>) -> Trail {
    Trail { id: "t".to_owned(), start: Start::Path(path.to_owned()), hops, take }
}

fn resources(of: &str) -> Trail {
    let take = vec![Take::Resources(Cut::Resource)];
    Trail { id: of.to_owned(), start: Start::Resources(of.to_owned()), hops: vec![], take }
}

fn trails() -> Vec<Trail> {
    let entries = Hop::Entries { prefix: None, suffix: None, depth: 1 };
    vec![
        Trail {
            id: "p".to_owned(),
            start: Start::Process(vec!["kubelet".to_owned(), "etcd".to_owned()]),
            hops: vec![],
            take: vec![Take::Process { env: vec![] }, Take::Sockets],
        },
        trail("/etc/kubernetes/kubelet.yaml", vec![], vec![Take::Stat, Take::Text(Cut::Config)]),
        trail("/etc/cni/net.d", vec![entries], vec![Take::Stat]),
        trail("/etc/kubernetes/manifests", vec![], vec![Take::List]),
        trail("/system/secrets/etcd/ca.crt", vec![], vec![Take::Certs]),
        trail("/lib", vec![], vec![Take::Stat, Take::List]),
        trail("/proc/cmdline", vec![], vec![Take::Parameters(vec!["pti".to_owned()])]),
        trail("/proc/sys/kernel/kptr_restrict", vec![], vec![Take::Value]),
        trail("/proc/sys/kernel/osrelease", vec![], vec![Take::Value]),
        Trail { id: "api".to_owned(), start: Start::Api("/version".to_owned()), hops: vec![], take: vec![Take::Body] },
    ]
}

fn machine(admin: bool) -> Machine {
    let mut machine = Machine { tag: "v1.13.2".to_owned(), admin, ..Machine::default() };
    machine.file(
        "/etc/kubernetes/kubelet.yaml",
        0o600,
        0,
        "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n",
    );
    machine.file("/etc/cni/net.d/10-flannel.conflist", 0o600, 0, "{}");
    machine.file("/system/secrets/etcd/ca.crt", 0o400, 60, "no certificate");
    machine.file("/usr/lib/x", 0o644, 0, "");
    machine.files.insert("/lib".to_owned(), File { mode: LINK | 0o777, link: "usr/lib".to_owned(), ..File::default() });
    machine.file("/proc/cmdline", 0o444, 0, "talos.platform=metal pti=on\n");
    machine.file("/proc/sys/kernel/kptr_restrict", 0o644, 0, "1\n");
    machine.file("/proc/sys/kernel/osrelease", 0o444, 0, "6.18.5-talos\n");
    machine.file("/proc/2200/status", 0o444, 0, "Name:\tetcd\nUid:\t60\t60\t60\t60\nGid:\t60\t60\t60\t60\n");
    machine.processes = vec![
        (1, "/sbin/init".to_owned(), "/sbin/init".to_owned()),
        (
            2100,
            "/usr/local/bin/kubelet".to_owned(),
            "/usr/local/bin/kubelet --config=/etc/kubernetes/kubelet.yaml".to_owned(),
        ),
        (2200, "/usr/local/bin/etcd".to_owned(), "/usr/local/bin/etcd --client-cert-auth=true".to_owned()),
    ];
    machine.sockets = vec![("::".to_owned(), 10250, 2100), ("127.0.0.1".to_owned(), 10248, 2100)];
    let resources = [
        ("KernelCmdlines.runtime.talos.dev", "cmdline", "cmdline: talos.platform=metal pti=on\n"),
        (
            "KernelParamStatuses.runtime.talos.dev",
            "proc.sys.kernel.kptr_restrict",
            "current: \"2\"\ndefault: \"0\"\nunsupported: false\n",
        ),
    ];
    for (of, id, yaml) in resources {
        machine.resources.insert(of.to_owned(), vec![(id.to_owned(), yaml.to_owned())]);
    }
    machine
}

fn context(authority: &Authority, endpoints: &[String], days: i64) -> Context {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("talosconfig");
    std::fs::write(&path, authority.talosconfig(endpoints, "os:reader", days)).unwrap();
    talos::load(&path, None).unwrap()
}

fn asked(machine: Machine, node: &str) -> Result<Capture, TalosError> {
    let authority = Authority::new();
    let running = serve(machine, &authority, true);
    talos::capture(&context(&authority, std::slice::from_ref(&running.address), 2), &named(node), 0, trails())
}

fn text(seen: Option<&Seen>) -> String {
    match seen {
        Some(Seen::Text(text)) => text.to_lossy().into_owned(),
        other => format!("{other:?}"),
    }
}

#[test]
fn an_administrator_sees_the_machine_as_it_is() {
    let machine = machine(true);
    let nodes = machine.asked.clone();
    let capture = asked(machine, "cp-1").unwrap();
    assert_eq!((capture.name.as_str(), capture.identity["talos"].as_str()), ("cp-1", "v1.13.2"));
    assert!(capture.reach.kernel);
    let Some(Seen::Stat(stat)) = capture.path("/etc/kubernetes/kubelet.yaml", Aspect::Stat) else { panic!("a stat") };
    assert_eq!((stat.mode, stat.uid, stat.kind), (0o600, 0, FileKind::File));
    assert!(text(capture.path("/etc/kubernetes/kubelet.yaml", Aspect::Text)).contains("KubeletConfiguration"));
    let Some(Seen::Stat(etcd)) = capture.path("/system/secrets/etcd/ca.crt", Aspect::Stat) else { panic!("a stat") };
    assert_eq!((etcd.mode, etcd.uid, etcd.gid), (0o400, 60, 60));
    assert!(
        matches!(capture.path("/system/secrets/etcd/ca.crt", Aspect::Certs), Some(Seen::Certs(none)) if none.is_empty())
    );
    let Some(Seen::List(listing)) = capture.path("/lib", Aspect::List) else { panic!("a list") };
    assert_eq!(listing.entries.iter().map(|entry| entry.name.to_string()).collect::<Vec<_>>(), ["x"]);
    let Some(Seen::Stat(link)) = capture.path("/lib", Aspect::Stat) else { panic!("a stat") };
    assert_eq!(
        (link.kind, link.target.as_ref().map(ToString::to_string).as_deref()),
        (FileKind::Dir, Some("/usr/lib"))
    );
    assert!(matches!(capture.path("/etc/kubernetes/manifests", Aspect::Stat), Some(Seen::Absent { .. })));
    assert!(capture.path("/etc/cni/net.d/10-flannel.conflist", Aspect::Stat).is_some());
    assert_eq!(text(capture.path("/proc/cmdline", Aspect::Value)), "talos.platform=\"<not taken>\" pti=on");
    assert_eq!(
        text(capture.path("/proc/sys/kernel/kptr_restrict", Aspect::Value)),
        "1",
        "what is, and not what was set"
    );
    let Some(Seen::Processes(table)) = capture.seen(&evidence::Place::Processes, Aspect::Processes) else {
        panic!("processes")
    };
    let told: Vec<(u32, u32)> = table.matched.iter().map(|process| (process.pid, process.uid)).collect();
    assert_eq!((told, table.examined), (vec![(2100, u32::MAX), (2200, 60)], 3));
    let Some(Seen::Sockets(sockets)) = capture.seen(&evidence::Place::Process(2100), Aspect::Sockets) else {
        panic!("sockets")
    };
    assert!(
        sockets.owners_known && sockets.listening.len() == 2 && sockets.listening.iter().all(|s| s.own == Some(true))
    );
    assert!(
        !capture.items.iter().any(|item| matches!(item.place, evidence::Place::Api(_))),
        "another API was not asked"
    );
    let nodes = nodes.lock().unwrap();
    assert!(!nodes.is_empty() && nodes.iter().all(|node| node == "cp-1"), "each call names its node");
}

#[test]
fn a_reader_sees_metadata_and_what_was_set_and_is_told_what_needs_more() {
    let capture = asked(machine(false), NODE).unwrap();
    assert!(!capture.reach.kernel);
    assert!(matches!(capture.path("/etc/kubernetes/kubelet.yaml", Aspect::Stat), Some(Seen::Stat(_))));
    let denied =
        |path: &str, aspect| matches!(capture.path(path, aspect), Some(Seen::Denied { right }) if right == "os:admin");
    assert!(denied("/etc/kubernetes/kubelet.yaml", Aspect::Text));
    assert!(denied("/system/secrets/etcd/ca.crt", Aspect::Certs));
    assert_eq!(text(capture.path("/proc/cmdline", Aspect::Value)), "talos.platform=\"<not taken>\" pti=on");
    assert_eq!(text(capture.path("/proc/sys/kernel/kptr_restrict", Aspect::Value)), "2");
    let basis = |path: &str| {
        capture
            .items
            .iter()
            .find(|item| item.place == evidence::Place::Path(path.into()) && item.aspect == Aspect::Value)
            .map(|item| item.basis)
    };
    assert_eq!(basis("/proc/sys/kernel/kptr_restrict"), Some(Basis::Declared));
    assert!(denied("/proc/sys/kernel/osrelease", Aspect::Value), "nothing tells it to a reader");
}

#[test]
fn a_type_that_this_version_does_not_know_is_no_failure() {
    let mut old = machine(false);
    old.resources.clear();
    let capture = asked(old, NODE).unwrap();
    assert!(matches!(capture.path("/proc/cmdline", Aspect::Value), Some(Seen::Denied { .. })));
    assert!(matches!(capture.path("/proc/sys/kernel/kptr_restrict", Aspect::Value), Some(Seen::Denied { .. })));
}

#[test]
fn a_stream_that_is_cut_is_no_short_answer() {
    let capture = asked(Machine { fault: Fault::Truncated, ..machine(true) }, NODE).unwrap();
    for (path, aspect) in [
        ("/etc/kubernetes/kubelet.yaml", Aspect::Stat),
        ("/lib", Aspect::Stat),
        ("/proc/sys/kernel/kptr_restrict", Aspect::Value),
    ] {
        assert!(matches!(capture.path(path, aspect), Some(Seen::Failed { .. })), "{path}");
    }
}

#[test]
fn a_file_that_came_in_part_is_none() {
    let capture = asked(Machine { fault: Fault::Short, ..machine(true) }, NODE).unwrap();
    let seen = capture.path("/etc/kubernetes/kubelet.yaml", Aspect::Text);
    assert!(matches!(seen, Some(Seen::Failed { why }) if why.contains("of them came")), "{seen:?}");
}

#[test]
fn a_call_that_found_nobody_is_tried_again() {
    let whole = asked(machine(true), NODE).unwrap();
    let flaky = asked(Machine { fault: Fault::Flaky, ..machine(true) }, NODE).unwrap();
    assert_eq!(flaky.items, whole.items);
}

#[test]
fn a_huge_file_is_not_taken() {
    let capture = asked(Machine { fault: Fault::Huge, ..machine(true) }, NODE).unwrap();
    assert!(matches!(capture.path("/etc/kubernetes/kubelet.yaml", Aspect::Text), Some(Seen::TooLarge { .. })));
}

#[test]
fn a_node_that_cannot_be_reached_is_an_error_that_names_it() {
    for (fault, expected) in [
        (Fault::NodeDown, "connection refused"),
        (Fault::NodeDownInside, "node is down"),
        (Fault::NoForwarding, "no request forwarding"),
    ] {
        let error = asked(Machine { fault, ..machine(true) }, "n9").unwrap_err().to_string();
        assert!(error.starts_with("n9: ") && error.contains(expected), "{error}");
    }
}

#[test]
fn certificates_that_do_not_fit_are_refused_and_said_so() {
    let (authority, other) = (Authority::new(), Authority::new());
    let running = serve(machine(true), &authority, true);
    let endpoints = [running.address.clone()];
    let expired =
        talos::capture(&context(&authority, &endpoints, -3), &named(NODE), 0, trails()).unwrap_err().to_string();
    assert!(expired.contains("ended 3 days ago"), "{expired}");
    let stranger = talos::capture(&context(&other, &endpoints, 2), &named(NODE), 0, trails()).unwrap_err().to_string();
    assert!(stranger.to_lowercase().contains("certificate"), "{stranger}");
    assert!(stranger.contains("maintenance mode"), "{stranger}");
}

#[test]
fn a_machine_that_does_not_answer_in_time_is_given_up() {
    let authority = Authority::new();
    let running = serve(Machine { fault: Fault::Hangs, ..machine(true) }, &authority, true);
    let context =
        context(&authority, std::slice::from_ref(&running.address), 2).with_deadline(Duration::from_millis(300));
    let error = talos::capture(&context, &named("slow"), 0, trails()).unwrap_err().to_string();
    assert!(error.starts_with("slow: "), "{error}");
}

#[test]
fn a_machine_that_is_slow_over_everything_ends() {
    let authority = Authority::new();
    let running = serve(Machine { fault: Fault::Slow, ..machine(true) }, &authority, true);
    let context =
        context(&authority, std::slice::from_ref(&running.address), 2).with_deadline(Duration::from_millis(300));
    let many = (0..200).map(|at| trail(&format!("/file-{at}"), vec![], vec![Take::Stat])).collect();
    let capture = talos::capture(&context, &named("slow"), 0, many).unwrap();
    let failed = |seen: &Seen| matches!(seen, Seen::Failed { why } if why.contains("took too long"));
    assert!(capture.items.len() == 200 && capture.items.iter().any(|item| failed(&item.seen)));
}

#[test]
fn a_machine_in_maintenance_mode_says_so() {
    let mut machine = machine(false);
    machine.resources.insert(
        "APIServiceConfigs.runtime.talos.dev".to_owned(),
        vec![("api-service".to_owned(), "skipVerifyingClientCert: true\n".to_owned())],
    );
    let authority = Authority::new();
    let running = serve(machine, &authority, false);
    let context = context(&authority, std::slice::from_ref(&running.address), 2);
    let trail = resources("APIServiceConfigs.runtime.talos.dev");
    let capture = talos::capture(&context, &named(NODE), 0, vec![trail]).unwrap();
    let place = evidence::Place::Resources("APIServiceConfigs.runtime.talos.dev".to_owned());
    let Some(Seen::Resources(all)) = capture.seen(&place, Aspect::Resources) else { panic!("resources") };
    let evidence::Spec::Text(spec) = &all[0].spec else { panic!("a spec") };
    assert_eq!(&*spec.bytes, br#"{"skipVerifyingClientCert":true}"#);
}

#[test]
fn several_machines_are_asked_at_once_and_one_that_fails_fails_alone() {
    let authority = Authority::new();
    let (good, bad) = (
        serve(machine(true), &authority, true),
        serve(Machine { fault: Fault::NodeDown, ..machine(true) }, &authority, true),
    );
    let told = std::sync::Mutex::new(Vec::new());
    let progress =
        |node: &str, ended: Result<&Capture, &TalosError>| told.lock().unwrap().push((node.to_owned(), ended.is_ok()));
    let names: Vec<Target> = (0..20).map(|at| named(&format!("n{at}"))).collect();
    let all =
        talos::captures(&context(&authority, std::slice::from_ref(&good.address), 2), &names, &trails(), &progress);
    assert_eq!(all.iter().map(|(name, _)| named(name)).collect::<Vec<_>>(), names);
    assert!(all.iter().all(|(_, capture)| capture.is_ok()));
    assert_eq!(told.lock().unwrap().len(), 20);
    let all = talos::captures(
        &context(&authority, std::slice::from_ref(&bad.address), 2),
        &names[..2],
        &trails(),
        &|_, _| (),
    );
    assert!(all.iter().all(|(_, capture)| capture.is_err()));
    let (name, why) = &all[0];
    let silent = talos::silent(name, why.as_ref().unwrap_err());
    assert!(silent.items.is_empty() && silent.remarks[0].contains("connection refused"));
}

#[test]
fn the_next_endpoint_is_tried_and_turns_are_taken() {
    let authority = Authority::new();
    let (first, second) = (machine(true), machine(true));
    let (one, two) = (first.calls.clone(), second.calls.clone());
    let (first, second) = (serve(first, &authority, true), serve(second, &authority, true));
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let context = context(&authority, &[first.address.clone(), second.address.clone(), gone], 2);
    talos::capture(&context, &named("a"), 0, vec![]).unwrap();
    talos::capture(&context, &named("b"), 1, vec![]).unwrap();
    assert_eq!((one.load(Ordering::SeqCst), two.load(Ordering::SeqCst)), (3, 3));
    talos::capture(&context, &named("c"), 2, vec![]).unwrap();
    assert_eq!(one.load(Ordering::SeqCst), 6, "where one does not answer the next does");
}

#[test]
fn a_directory_is_listed_with_what_is_in_it() {
    let mut machine = machine(true);
    machine.files.insert("/etc/kubernetes/manifests".to_owned(), File { mode: DIRECTORY | 0o700, ..File::default() });
    machine.file("/etc/kubernetes/manifests/a.yaml", 0o600, 0, "");
    let capture = asked(machine, NODE).unwrap();
    let Some(Seen::List(listing)) = capture.path("/etc/kubernetes/manifests", Aspect::List) else { panic!("a list") };
    assert_eq!(listing.entries.iter().map(|entry| entry.name.to_string()).collect::<Vec<_>>(), ["a.yaml"]);
}

#[test]
fn each_type_is_asked_where_talos_keeps_it() {
    let ask = |change: &dyn Fn(&mut Machine)| {
        let mut machine = machine(true);
        for kind in KINDS.iter().filter(|kind| kind.namespace != "meta") {
            machine.resources.insert(kind.name.to_owned(), vec![("x".to_owned(), "enabled: true\n".to_owned())]);
        }
        change(&mut machine);
        let authority = Authority::new();
        let running = serve(machine, &authority, true);
        let context = context(&authority, std::slice::from_ref(&running.address), 2);
        let trails = KINDS.iter().map(|kind| resources(kind.name)).collect();
        let capture = talos::capture(&context, &named(NODE), 0, trails).unwrap();
        let told = |name: &str| match capture.seen(&evidence::Place::Resources(name.to_owned()), Aspect::Resources) {
            Some(Seen::Resources(all)) => format!("{}", all.len()),
            other => format!("{other:?}"),
        };
        KINDS
            .iter()
            .filter(|kind| kind.namespace != "meta")
            .map(|kind| (kind.name, told(kind.name)))
            .collect::<Vec<_>>()
    };
    for (name, told) in ask(&|_| ()) {
        assert_eq!(told, "1", "{name}");
    }
    // A version that tells of no type is asked where older ones keep them.
    for (name, told) in ask(&|machine| machine.untold = true) {
        assert_eq!(told, "1", "{name}");
    }
    // One that keeps a type elsewhere is followed, but not to where keys lie.
    let moved = "KubernetesAccessConfigs.cluster.talos.dev";
    for (to, expected) in [("access", "1"), ("secrets", "Withheld")] {
        let all = ask(&|machine| drop(machine.moved.insert(moved.to_owned(), to.to_owned())));
        let (_, told) = all.iter().find(|(name, _)| *name == moved).unwrap();
        assert!(told.contains(expected), "{to}: {told}");
    }
}

#[test]
fn a_machine_that_is_starting_proves_nothing_absent() {
    let capture = asked(Machine { fault: Fault::Starting, ..machine(true) }, NODE).unwrap();
    assert!(!capture.items.is_empty());
    for item in &capture.items {
        assert!(matches!(item.seen, Seen::Failed { .. }), "{item:?}");
    }
}

#[test]
fn a_file_that_the_machine_cannot_open_says_nothing_of_the_role() {
    let mut machine = machine(true);
    machine.shut.insert("/etc/kubernetes/kubelet.yaml".to_owned());
    let capture = asked(machine, NODE).unwrap();
    assert!(
        matches!(capture.path("/etc/kubernetes/kubelet.yaml", Aspect::Text), Some(Seen::Denied { right }) if right != "os:admin")
    );
    assert_eq!(text(capture.path("/proc/sys/kernel/kptr_restrict", Aspect::Value)), "1", "an administrator still");
    assert!(capture.reach.kernel);
}

#[test]
fn a_link_to_a_key_is_not_opened() {
    let mut machine = machine(true);
    machine.file("/system/secrets/kubernetes/kube-scheduler/kubeconfig", 0o600, 0, "apiVersion: v1\nkind: Config\n");
    let link = "/system/secrets/kubernetes/kube-scheduler/kubeconfig".to_owned();
    machine
        .files
        .insert("/etc/kubernetes/kubelet.yaml".to_owned(), File { mode: LINK | 0o777, link, ..File::default() });
    let capture = asked(machine, NODE).unwrap();
    assert!(matches!(capture.path("/etc/kubernetes/kubelet.yaml", Aspect::Text), Some(Seen::Withheld { .. })));
}

#[test]
fn an_endpoint_that_forwards_nothing_gives_way_to_the_next() {
    let authority = Authority::new();
    let (lone, whole) = (
        serve(Machine { fault: Fault::NoForwarding, ..machine(true) }, &authority, true),
        serve(machine(true), &authority, true),
    );
    let context = context(&authority, &[lone.address.clone(), whole.address.clone()], 2);
    assert!(talos::capture(&context, &named("worker"), 0, vec![]).is_ok());
}

#[test]
fn an_endpoint_itself_is_given_no_name() {
    let authority = Authority::new();
    let machine = machine(true);
    let nodes = machine.asked.clone();
    let running = serve(machine, &authority, true);
    let context = context(&authority, std::slice::from_ref(&running.address), 2);
    let (host, port) = running.address.rsplit_once(':').unwrap();
    let own = Target::Endpoint(Endpoint { host: host.to_owned(), port: port.parse().unwrap() });
    assert_eq!(context.targets(&[]), std::slice::from_ref(&own));
    assert_eq!(context.targets(&["a".to_owned(), "a".to_owned()]), [named("a")]);
    assert_eq!(talos::capture(&context, &own, 0, vec![]).unwrap().name, host);
    assert!(nodes.lock().unwrap().is_empty());
}
