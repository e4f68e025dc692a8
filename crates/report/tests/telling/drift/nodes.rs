//! Which node is compared with which.

use std::collections::BTreeMap;

use report::drift::Kind;
use report::{Finding, Report, Subject};

use super::{between, counted, fail};
use crate::samples;

/// Workers of one pool, of which some fail.
fn fleet(nodes: &[(&str, &str, bool)]) -> Report {
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
