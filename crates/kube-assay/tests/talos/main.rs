//! Talos machines, asked by the command through a real gRPC server over mutual TLS, version by version.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../common/mod.rs"]
mod common;
mod made;
mod mission;
mod planned;
mod rendered;
mod saved;
#[path = "../../../collect/tests/talos/server.rs"]
mod server;
#[path = "../kernel/trees.rs"]
#[allow(dead_code, reason = "the tests of the kernel use the rest")]
mod trees;
mod weak;

use std::collections::{BTreeMap, BTreeSet};

use assess::Verdict;
use evidence::Capture;
use made::{Made, Role, VERSIONS};
use report::Report;
use server::{Authority, serve};

/// Asks a made machine as the command does.
fn captured(made: &Made, admin: bool) -> Capture {
    let authority = Authority::new();
    let running = serve(made.machine(admin), &authority, true);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("talosconfig");
    let role = if admin { "os:admin" } else { "os:reader" };
    std::fs::write(&path, authority.talosconfig(std::slice::from_ref(&running.address), role, 30)).unwrap();
    let context = collect::talos::load(&path, None).unwrap();
    collect::talos::capture(
        &context,
        &collect::talos::Target::Node("n1".to_owned()),
        0,
        assess::trails(&common::content()),
    )
    .unwrap()
}

fn judged(made: &Made, admin: bool, profile: &str) -> Report {
    common::judge(captured(made, admin), &common::content(), profile)
}

/// The verdict of every id.
fn verdicts(made: &Made, admin: bool, profile: &str) -> BTreeMap<String, Verdict> {
    common::verdicts(&judged(made, admin, profile))
}

fn with(report: &Report, verdict: Verdict) -> BTreeMap<String, String> {
    let of = report.findings.iter().filter(|finding| finding.verdict == verdict);
    of.map(|finding| (finding.id().to_owned(), finding.reason.clone())).collect()
}

/// Every made machine: version, role, generation of its configuration.
fn machines() -> impl Iterator<Item = Made> {
    VERSIONS.flat_map(|minor| {
        [Role::ControlPlane, Role::Worker].into_iter().flat_map(move |role| {
            let generations: &[bool] = if minor < 14 { &[false] } else { &[false, true] };
            generations.iter().map(move |documents| Made::stock(minor, role, *documents))
        })
    })
}

/// A type that is asked for and may not be read would never be seen; one that may be and is not asked for is a right
/// without a need.
#[test]
fn what_is_asked_of_talos_is_what_may_be_read() {
    let asked = assess::trails(&common::content()).into_iter().filter_map(|trail| match trail.start {
        evidence::Start::Resources(kind) => Some(kind).filter(|kind| kind != evidence::MIRROR_PODS),
        _ => None,
    });
    // What the source looks at of itself, to know the machine and what the role may see.
    let own = ["ResourceDefinitions.meta.cosi.dev", "KernelCmdlines.runtime.talos.dev"];
    let own = own.into_iter().chain(["KernelParamStatuses.runtime.talos.dev", "BootIDs.runtime.talos.dev"]);
    let needed: BTreeSet<String> = asked.chain(own.map(str::to_owned)).collect();
    let readable = collect::talos::KINDS.iter().map(|kind| kind.name.to_owned());
    assert_eq!(readable.collect::<BTreeSet<_>>(), needed);
}

/// What a stock machine fails, with what bounds it to some versions. Everything here is genuine, and explained.
const STOCK: [(&str, std::ops::RangeInclusive<u32>); 15] = [
    ("1.2.3", 9..=15),
    ("1.2.5", 9..=15),
    ("1.2.9", 9..=15),
    ("1.2.11", 9..=15),
    ("1.2.29", 9..=11),
    ("1.2.30", 9..=15),
    ("1.4.1", 9..=15),
    ("4.2.9", 9..=15),
    ("4.2.11", 9..=15),
    ("4.2.13", 9..=15),
    ("2.1", 9..=15),
    ("2.3", 10..=15),
    ("2.6", 9..=15),
    ("2.7", 14..=15),
    ("3.5", 9..=15),
];

/// Of these, what a worker has no part in.
fn is_of_control_plane(id: &str) -> bool {
    id.starts_with("1.")
}

#[test]
fn a_stock_machine_of_every_version_fails_what_is_known_and_explained_and_nothing_else() {
    let content = common::content();
    let platform = content.platform("talos").unwrap();
    for made in machines() {
        let who = format!("1.{} {:?} documents {}", made.minor, made.role, made.documents);
        let capture = captured(&made, true);
        for profile in ["cis-2.0.1", "talos"] {
            let report = common::judge(capture.clone(), &content, profile);
            assert_eq!(report.platform.name, "talos", "{who}");
            let failed: Vec<String> = with(&report, Verdict::Fail).into_keys().collect();
            let of_profile = |id: &&str| (profile == "talos") == matches!(*id, "2.1" | "2.3" | "2.6" | "2.7" | "3.5");
            let mut expected: Vec<&str> =
                STOCK.iter().filter(|(_, versions)| versions.contains(&made.minor)).map(|(id, _)| *id).collect();
            expected.retain(|id| of_profile(id) && (made.role == Role::ControlPlane || !is_of_control_plane(id)));
            expected.sort_unstable();
            assert_eq!(failed, expected, "{who} {profile}");
            for finding in report.findings.iter().filter(|finding| finding.verdict == Verdict::Fail) {
                let explained = profile == "talos" || platform.explanation(&finding.control).is_some();
                assert!(explained, "{who}: {} is not explained", finding.id());
            }
            for finding in report.findings.iter().filter(|finding| finding.verdict == Verdict::NotApplicable) {
                assert!(!finding.reason.is_empty(), "{who}: {} gives no reason", finding.id());
            }
            // What an administrator cannot see lies in another API.
            for (id, why) in with(&report, Verdict::Unknown) {
                assert!(why.contains("outside this source"), "{who}: {id}: {why}");
            }
        }
        let kernel = with(&common::judge(capture, &content, "talos-kernel"), Verdict::Fail);
        // No code of 1.12 and 1.13 writes kernel.ctrl-alt-del, and the kernel's own default is 1.
        let expected: &[&str] = match made.minor {
            12 | 13 => &["talos.ctrl-alt-del", "talos.kexec-signed"],
            _ => &["talos.kexec-signed"],
        };
        assert_eq!(kernel.keys().collect::<Vec<_>>(), expected, "{who}: {kernel:?}");
    }
}

#[test]
fn a_reader_is_told_what_needs_an_administrator_and_judges_the_rest_alike() {
    for minor in [9, 12, 15] {
        let made = Made::stock(minor, Role::ControlPlane, minor == 15);
        for profile in ["cis-2.0.1", "talos", "talos-kernel"] {
            let (all, some) = (judged(&made, true, profile), judged(&made, false, profile));
            for (id, why) in with(&some, Verdict::Unknown) {
                assert!(why.contains("os:admin") || why.contains("outside this source"), "1.{minor} {id}: {why}");
            }
            let (all, some) = (common::verdicts(&all), common::verdicts(&some));
            for (id, verdict) in &some {
                assert!(*verdict == Verdict::Unknown || *verdict == all[id], "1.{minor} {profile} {id}: {verdict:?}");
            }
            let seen = some.values().filter(|verdict| **verdict != Verdict::Unknown).count();
            assert!(seen * 10 > some.len() * 3, "a reader sees {seen} of {} of {profile}", some.len());
        }
    }
}

/// A worker's version is that of its kubelet's image: to everybody up to 1.12 and from 1.14, to os:admin always.
#[test]
fn a_workers_version_is_its_kubelets() {
    for (minor, admin, expected) in [(12, false, "1.35"), (14, false, "1.36"), (13, true, "1.35")] {
        let report = judged(&Made::stock(minor, Role::Worker, false), admin, "cis-2.0.1");
        assert_eq!(report.kubernetes.map(|choice| choice.name).as_deref(), Some(expected), "1.{minor}");
    }
}

/// Removing any one observation moves a verdict only to itself or to unknown.
#[test]
fn the_law_holds_for_machines_too() {
    let content = common::content();
    for (minor, documents, admin) in [(12, false, true), (15, true, true), (13, false, false)] {
        let whole = captured(&Made::stock(minor, Role::ControlPlane, documents), admin);
        for profile in ["cis-2.0.1", "talos"] {
            let before = common::verdicts(&common::judge(whole.clone(), &content, profile));
            for at in (0..whole.items.len()).filter(|at| is_worth_removing(&whole.items[*at], *at)) {
                let mut less = whole.clone();
                let gone = less.items.remove(at);
                for (id, verdict) in common::verdicts(&common::judge(less, &content, profile)) {
                    assert!(
                        verdict == before[&id] || verdict == Verdict::Unknown,
                        "1.{minor} without {:?} {:?}: {id} went from {:?} to {verdict:?}",
                        gone.place,
                        gone.aspect,
                        before[&id]
                    );
                }
            }
        }
    }
}

/// Every resource, process table and text, and of the many files a part.
fn is_worth_removing(item: &evidence::Item, at: usize) -> bool {
    use evidence::Aspect;
    matches!(item.aspect, Aspect::Resources | Aspect::Processes | Aspect::Text | Aspect::Sockets)
        || at.is_multiple_of(5)
}

/// The command itself: progress and mistakes on stderr, the report on stdout, and nothing secret in either.
#[test]
fn the_command_asks_machines_and_shows_no_secret() {
    let authority = Authority::new();
    let made = Made::stock(13, Role::ControlPlane, false);
    let running = serve(made.machine(true), &authority, true);
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).display().to_string();
    std::fs::write(at("talosconfig"), authority.talosconfig(std::slice::from_ref(&running.address), "os:admin", 30))
        .unwrap();
    let run = at("machines.run");
    let ended = call(&["collect", "--talosconfig", &at("talosconfig"), "--talos-nodes", "n1,n2", "-o", &run]);
    assert_eq!(ended.0, 0, "{}", ended.2);
    let live = call(&[
        "scan",
        "--talosconfig",
        &at("talosconfig"),
        "--talos-nodes",
        "n1,n2",
        "--profile",
        "cis-1.12",
        "--profile",
        "talos",
        "-o",
        "json",
    ]);
    assert_eq!(live.0, 1, "{}", live.2);
    let again = call(&["scan", "--evidence", &run, "--profile", "cis-1.12", "--profile", "talos", "-o", "json", "-v"]);
    assert_eq!(again.0, 1, "{}", again.2);
    let wide = call(&["scan", "--evidence", &run, "-o", "wide"]);
    let read = evidence::read_run(std::fs::File::open(&run).unwrap()).unwrap();
    let mut kept = serde_json::to_string(&read.captures).unwrap();
    for item in read.captures.iter().flat_map(|capture| &capture.items) {
        match &item.seen {
            evidence::Seen::Text(text) => kept += &text.to_lossy(),
            evidence::Seen::Resources(all) => {
                for resource in all {
                    if let evidence::Spec::Text(text) = &resource.spec {
                        kept += &text.to_lossy();
                    }
                }
            }
            _ => {}
        }
    }
    for text in [&kept, &live.1, &live.2, &again.1, &wide.1] {
        assert!(!text.contains("S3CRET") && !text.contains("PRIVATE KEY"), "a secret came out");
    }
    assert!(kept.contains("defaultRuntimeSeccompProfileEnabled"), "the configuration itself is there");
    for (arguments, expected) in [
        (vec!["--talosconfig", "/nowhere"], "/nowhere"),
        (vec!["--talosconfig", &at("talosconfig"), "--talos-context", "other"], "no context other"),
        (vec!["--talosconfig", &at("talosconfig"), "--node-root", "/"], "cannot be used with"),
    ] {
        let ended = call(&[&["scan"][..], &arguments[..]].concat());
        assert!(ended.0 == 2 && ended.2.contains(expected), "{} {}", ended.0, ended.2);
    }
    drop(running);
    let gone = call(&["scan", "--talosconfig", &at("talosconfig"), "--talos-nodes", "n1"]);
    assert!(gone.0 == 4 && gone.2.contains("n1: no evidence"), "{} {}", gone.0, gone.2);
}

fn call(arguments: &[&str]) -> (i32, String, String) {
    let ended = command(arguments);
    (ended.status.code().unwrap(), String::from_utf8(ended.stdout).unwrap(), String::from_utf8(ended.stderr).unwrap())
}

#[expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "the command is tested as its users call it")]
fn command(arguments: &[&str]) -> std::process::Output {
    std::process::Command::new(env!("CARGO_BIN_EXE_kube-assay")).args(arguments).output().unwrap()
}
