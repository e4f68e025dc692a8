//! Which node is compared with which.

use std::collections::BTreeMap;

use assess::Verdict;
use report::drift::Kind;
use report::{Finding, Options, Report, Subject, drift};

use super::{between, counted, fail};
use crate::samples;

/// Workers, each with its pool and whether it fails.
pub(crate) fn fleet(nodes: &[(&str, &str, bool)]) -> Report {
    let mut report = samples::control_plane();
    report.run.captures.clear();
    for (name, pool, _) in nodes {
        let mut capture = samples::capture(name, &[("kubelet", "running")]);
        capture.identity.insert("role".to_owned(), "worker".to_owned());
        capture.identity.insert("label karpenter.sh/nodepool".to_owned(), (*pool).to_owned());
        report.run.captures.push(capture);
    }
    let mut fine = samples::finding("4.2.1", "kubelet-anonymous", "kubelet", "The kubelet refuses anonymous requests");
    let on =
        |fails: bool| nodes.iter().filter(|node| node.2 == fails).map(|node| node.0.to_owned()).collect::<Vec<_>>();
    fine.subjects[0].captures = on(false);
    let mut bad =
        Finding { subjects: vec![Subject { captures: on(true), ..fine.subjects[0].clone() }], ..fine.clone() };
    fail(&mut bad);
    report.findings = [bad, fine].into_iter().filter(|finding| !finding.subjects[0].captures.is_empty()).collect();
    counted(report)
}

#[test]
fn a_replaced_node_is_compared_with_its_pool() {
    let before = fleet(&[("a", "cpu", true), ("b", "cpu", false), ("c", "gpu", false)]);
    let after = fleet(&[("b", "cpu", false), ("d", "cpu", true), ("e", "gpu", true), ("f", "gpu", false)]);
    let drift = between(&before, &after);
    let told: BTreeMap<&str, (Kind, Option<&str>)> = drift
        .changes
        .iter()
        .flat_map(|change| {
            let nodes = change.subjects.iter().flat_map(|subject| &subject.captures);
            nodes.map(|node| (node.as_str(), (change.kind, change.compared_with.as_deref())))
        })
        .collect();
    assert_eq!(told["b"], (Kind::Unchanged, None));
    assert_eq!(told["d"], (Kind::Unchanged, Some("pool cpu (worker)")), "one of its pool failed before");
    assert_eq!(told["e"], (Kind::New, Some("pool gpu (worker)")));
    assert_eq!(told["f"], (Kind::Unchanged, Some("pool gpu (worker)")));
    assert_eq!(told.len(), 4);
    let gone: Vec<(&str, usize)> = drift.nodes.gone.iter().map(|gone| (gone.name.as_str(), gone.failed)).collect();
    assert_eq!(gone, [("a", 1), ("c", 0)]);
    assert_eq!(drift.count(Kind::Fixed), 0, "a node that is gone mends nothing");
    let strange = between(&before, &fleet(&[("a", "cpu", true), ("x", "arm", true)]));
    assert_eq!(strange.count(Kind::New), 1, "nobody of its pool is known");
}

/// Nodes of one pool: a small letter passes, a capital fails.
pub(crate) fn pool(nodes: &str) -> Report {
    let names: Vec<String> = nodes.chars().map(|name| name.to_lowercase().to_string()).collect();
    let nodes = names.iter().zip(nodes.chars()).map(|(name, own)| (name.as_str(), "cpu", own.is_uppercase()));
    fleet(&nodes.collect::<Vec<_>>())
}

/// Pools before and now, and whether what fails on a new node was known.
pub(crate) const SPREAD: [(&str, &str, bool); 9] = [
    // One takes the place of another.
    ("Ab", "bD", true),
    ("ABc", "cDE", true),
    // It is mended on one, and fails on one that is new.
    ("Ab", "abD", true),
    // All failed.
    ("AB", "ABD", true),
    ("A", "DEF", true),
    // Some failed, and more do.
    ("Ab", "AbD", false),
    ("Ab", "DE", false),
    ("Ab", "BD", false),
    // None failed.
    ("ab", "bD", false),
];

#[test]
fn what_fails_on_more_nodes_of_a_pool_than_before_is_new() {
    for (before, after, known) in SPREAD {
        let drift = between(&pool(before), &pool(after));
        let of_new: Vec<_> = drift
            .changes
            .iter()
            .filter(|change| change.compared_with.is_some())
            .filter(|change| change.after.as_ref().is_some_and(|answer| answer.verdict == Verdict::Fail))
            .map(|change| (change.kind, change.compared_with.as_deref().unwrap()))
            .collect();
        let kind = if known { Kind::Unchanged } else { Kind::New };
        assert!(of_new.len() == 1 && of_new[0].0 == kind, "{before} {after}: {of_new:?}");
        assert_eq!(drift.is_worse(), !known, "{before} {after}");
    }
    let drift = between(&pool("Ab"), &pool("AbD"));
    let told = drift.changes[0].compared_with.as_deref();
    assert_eq!(told, Some("pool cpu (worker), of which it failed on 1 of 2, and fails on 2 of 3"));
}

#[test]
fn of_a_large_pool_only_the_first_nodes_are_named() {
    let names =
        |prefix: &str, count: usize| -> Vec<String> { (0..count).map(|at| format!("{prefix}{at:02}")).collect() };
    for (count, named, short, all) in [
        (3, 3, "a00, a01, a02", "a00, a01, a02"),
        (5, 5, "a00, a01, a02, … and 2 more", "a00, a01, a02, a03, a04"),
        (50, 20, "a00, a01, a02, … and 47 more", "a18, a19, … and 30 more"),
    ] {
        let fleet =
            |names: &[String]| fleet(&names.iter().map(|name| (name.as_str(), "cpu", false)).collect::<Vec<_>>());
        let drift = between(&fleet(&names("a", count)), &fleet(&names("b", 1)));
        let added = &drift.nodes.added[0];
        assert_eq!((added.mates, added.compared_with.len()), (count, named));
        for (verbose, expected) in [(false, short), (true, all)] {
            let options = Options { width: 10_000, verbose, ..Options::default() };
            let told = drift::terminal(&drift, &options);
            assert!(told.contains(&format!("{expected}\n")), "{expected}: {told}");
        }
    }
}

#[test]
fn the_cluster_is_the_same_under_another_context() {
    let cluster = |name: &str| {
        let mut report = samples::control_plane();
        report.run.captures = vec![samples::capture(name, &[])];
        report.run.captures[0].source = "cluster".to_owned();
        report
            .findings
            .iter_mut()
            .flat_map(|own| &mut own.subjects)
            .for_each(|own| own.captures = vec![name.to_owned()]);
        report
    };
    let drift = between(&cluster("cluster prod"), &cluster("cluster admin@prod"));
    assert_eq!(drift.counts.keys().collect::<Vec<_>>(), [&Kind::Unchanged]);
    assert!(drift.nodes.added.is_empty() && drift.nodes.gone.is_empty());
}
