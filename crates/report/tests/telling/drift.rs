//! What differs between two reports: its laws, and how it looks.

use std::collections::{BTreeMap, BTreeSet};

use assess::Verdict;
use insta::assert_snapshot;
use proptest::prelude::*;
use report::drift::{Cause, Change, Dated, Drift, Event, Kind, Place, Regressed, Reports, compare, is_whole};
use report::{Decision, Finding, Options, Report, State, Subject, drift};

use crate::{promises, samples};

fn nobody(_: &Place<'_>) -> Vec<Dated> {
    Vec::new()
}

fn between(before: &Report, after: &Report) -> Drift {
    compare(&Reports { before, replayed: None, reprofiled: None, after }, &nobody)
}

fn counted(mut report: Report) -> Report {
    report.counts.clear();
    for verdict in report.demands().filter_map(|group| report::roll_up(group.iter())).collect::<Vec<_>>() {
        *report.counts.entry(verdict).or_default() += 1;
    }
    report
}

fn finding<'r>(report: &'r mut Report, control: &str) -> &'r mut Finding {
    report.findings.iter_mut().find(|finding| finding.control == control).unwrap()
}

fn change<'d>(drift: &'d Drift, control: &str) -> &'d Change {
    let mut all = drift.changes.iter().filter(|change| change.control == control && change.kind != Kind::Unchanged);
    let one = all.next().unwrap_or_else(|| panic!("{control} did not change: {:#?}", drift.counts));
    assert!(all.next().is_none(), "{control} changed in more than one way");
    one
}

fn fail(finding: &mut Finding) {
    finding.verdict = Verdict::Fail;
    finding.reason = format!("{} is wrong", finding.component);
    finding.decision = State::Required.into();
}

const TOKENS: &str = "apiserver-token-auth-file";

#[test]
fn what_fails_and_did_not_is_new_and_the_other_way_fixed() {
    let before = samples::control_plane();
    let mut after = before.clone();
    fail(finding(&mut after, TOKENS));
    let drift = between(&before, &counted(after.clone()));
    assert_eq!(
        (change(&drift, TOKENS).kind, change(&drift, TOKENS).causes.as_slice()),
        (Kind::New, &[Cause::Cluster][..])
    );
    assert!(drift.is_worse() && drift.changes[0].control == TOKENS);
    let back = between(&counted(after), &before);
    assert_eq!(change(&back, TOKENS).kind, Kind::Fixed);
    assert!(!back.is_worse());
}

#[test]
fn a_failure_that_was_mended_before_has_regressed_with_dates() {
    let before = samples::control_plane();
    let mut after = before.clone();
    fail(finding(&mut after, TOKENS));
    let dated = |time: &str, verdict| Dated { time: time.to_owned(), verdict };
    let (failed, passed) = ("2025-11-01T00:00:00Z", "2025-12-01T00:00:00Z");
    for (past, expected) in [
        (vec![dated(passed, Verdict::Pass)], None),
        (vec![dated(failed, Verdict::Fail), dated(passed, Verdict::Pass)], Some((failed, passed))),
        // The report that is compared with is the first that shows it mended.
        (vec![dated(passed, Verdict::Fail)], Some((passed, "2026-03-01T02:14:07.250Z"))),
    ] {
        let ask = |place: &Place<'_>| {
            assert_eq!((place.control, place.node), (TOKENS, "cp-1"), "only new failures are asked for");
            past.clone()
        };
        let reports = Reports { before: &before, replayed: None, reprofiled: None, after: &after };
        let drift = compare(&reports, &ask);
        let told = change(&drift, TOKENS);
        let when =
            expected.map(|(failed, mended)| Regressed { failed: failed.to_owned(), mended: Some(mended.to_owned()) });
        assert_eq!(told.kind, if when.is_some() { Kind::Regressed } else { Kind::New });
        assert_eq!(told.regressed, when);
    }
}

#[test]
fn what_is_no_longer_seen_is_not_fixed() {
    let before = samples::control_plane();
    let mut after = before.clone();
    let unseen = finding(&mut after, "etcd-client-certificate-auth");
    unseen.verdict = Verdict::Unknown;
    unseen.basis = None;
    let after = counted(after);
    let drift = between(&before, &after);
    assert_eq!(change(&drift, "etcd-client-certificate-auth").kind, Kind::VisibilityLost);
    assert!(!drift.is_worse() && drift.is_blinder());
    let back = between(&after, &before);
    let told = change(&back, "etcd-client-certificate-auth");
    assert_eq!(told.kind, Kind::VisibilityGained);
    assert!(told.is_new_failure() && back.is_worse(), "nobody knew that it fails");
}

#[test]
fn a_subject_that_is_gone_is_fixed_only_where_the_others_were_seen() {
    let before = samples::control_plane();
    let files = |report: &mut Report| {
        let failed = report.findings.iter_mut().find(|own| own.control == "pki-certificate-modes").unwrap();
        failed.subjects.pop();
    };
    let mut after = before.clone();
    files(&mut after);
    assert_eq!(change(&between(&before, &after), "pki-certificate-modes").kind, Kind::Fixed);
    let mut hidden = finding(&mut after, "pki-certificate-modes").clone();
    hidden.verdict = Verdict::Unknown;
    hidden.subjects =
        vec![Subject { kind: "set".to_owned(), name: "certificates".to_owned(), captures: vec!["cp-1".to_owned()] }];
    after.findings.insert(0, hidden);
    let drift = between(&before, &after);
    let kinds: BTreeSet<Kind> =
        drift.changes.iter().filter(|own| own.control == "pki-certificate-modes").map(|own| own.kind).collect();
    assert_eq!(kinds, [Kind::VisibilityLost, Kind::Unchanged].into());
}

#[test]
fn a_renumbered_profile_loses_nothing() {
    let before = samples::control_plane();
    let mut after = before.clone();
    for finding in &mut after.findings {
        finding.cited_by[0].id = format!("9.{}", finding.cited_by[0].id);
        finding.cited_by[0].profile = "cis-9.9".to_owned();
    }
    after.profiles[0].digest = "another".to_owned();
    let drift = between(&before, &after);
    assert_eq!(drift.counts.keys().collect::<Vec<_>>(), [&Kind::Unchanged]);
    assert_eq!(drift.unseparated, [Cause::Profile, Cause::Cluster]);
}

#[test]
fn other_bounds_of_a_control_are_the_same_demand() {
    let (mut before, mut after) = (samples::control_plane(), samples::control_plane());
    finding(&mut before, TOKENS).parameters.insert("mode".to_owned(), 644.into());
    finding(&mut after, TOKENS).parameters.insert("mode".to_owned(), 600.into());
    fail(finding(&mut after, TOKENS));
    after.profiles[0].digest = "another".to_owned();
    let told = between(&before, &after);
    assert_eq!(change(&told, TOKENS).kind, Kind::New);
    // What the old evidence gives under the new profile tells which of both it was.
    let reports = Reports { before: &before, replayed: None, reprofiled: Some(&after), after: &after };
    assert_eq!(change(&compare(&reports, &nobody), TOKENS).causes, [Cause::Profile]);
    let reports = Reports { reprofiled: Some(&before), ..reports };
    let mut newer = before.clone();
    newer.profiles[0].digest = "another".to_owned();
    let reports = Reports { reprofiled: Some(&newer), ..reports };
    assert_eq!(change(&compare(&reports, &nobody), TOKENS).causes, [Cause::Cluster]);
}

#[test]
fn each_step_between_four_reports_has_its_cause() {
    let stored = samples::control_plane();
    let mut now = stored.clone();
    now.tool.version = "9.0.0".to_owned();
    now.profiles[0].digest = "another".to_owned();
    fail(finding(&mut now, TOKENS));
    let mut replayed = stored.clone();
    replayed.tool.version.clone_from(&now.tool.version);
    let mut reprofiled = replayed.clone();
    reprofiled.profiles.clone_from(&now.profiles);
    for (fails_in, expected) in [(0, Cause::Tool), (1, Cause::Profile), (2, Cause::Cluster)] {
        let (mut replayed, mut reprofiled) = (replayed.clone(), reprofiled.clone());
        if fails_in == 0 {
            fail(finding(&mut replayed, TOKENS));
        }
        if fails_in <= 1 {
            fail(finding(&mut reprofiled, TOKENS));
        }
        let reports =
            Reports { before: &stored, replayed: Some(&replayed), reprofiled: Some(&reprofiled), after: &now };
        let drift = compare(&reports, &nobody);
        assert_eq!(change(&drift, TOKENS).causes, [expected]);
        assert!(drift.unseparated.is_empty());
        let drift = compare(&Reports { replayed: None, ..reports }, &nobody);
        let cause = if expected == Cause::Cluster { Cause::Cluster } else { Cause::Unclear };
        assert_eq!(change(&drift, TOKENS).causes, [cause]);
        assert_eq!(drift.unseparated, [Cause::Tool, Cause::Profile]);
    }
    let drift = between(&stored, &now);
    assert_eq!(change(&drift, TOKENS).causes, [Cause::Unclear]);
    let told = drift::terminal(&drift, &Options::default());
    assert!(told.contains("unclear: the tool, the profile or the cluster"), "{told}");
}

#[test]
fn what_a_profile_no_longer_demands_is_not_fixed() {
    let before = samples::control_plane();
    let mut after = before.clone();
    after.findings.retain(|finding| finding.control != "etcd-client-certificate-auth");
    let after = counted(after);
    let told = between(&before, &after);
    assert_eq!((change(&told, "etcd-client-certificate-auth").kind, told.is_worse()), (Kind::Dropped, false));
    let back = between(&after, &before);
    assert_eq!((change(&back, "etcd-client-certificate-auth").kind, back.is_worse()), (Kind::Demanded, true));
    assert_eq!(change(&back, "etcd-client-certificate-auth").causes, [Cause::Profile]);
}

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

#[test]
fn an_acceptance_that_no_longer_holds_is_worse() {
    let accepted = |state: State| {
        let mut report = samples::control_plane();
        finding(&mut report, "etcd-client-certificate-auth").decision =
            Decision { owner: Some("platform".to_owned()), until: Some("2026-02-28".to_owned()), ..state.into() };
        report
    };
    let drift = between(&accepted(State::Accepted), &accepted(State::Overdue));
    assert_eq!((drift.decisions[0].event, drift.is_worse()), (Event::Expired, true));
    let told = drift::terminal(&drift, &Options::default());
    assert!(told.starts_with("WORSE: 1 acceptance has expired.") && told.contains("Ask platform about 2.2."), "{told}");
    let settled = between(&samples::control_plane(), &accepted(State::Accepted));
    assert_eq!((settled.decisions[0].event, settled.is_worse()), (Event::Settled, false));
    // What is new and accepted at once is told, and no reason to be red.
    let mut before = accepted(State::Accepted);
    finding(&mut before, "etcd-client-certificate-auth").verdict = Verdict::Pass;
    let known = between(&counted(before), &accepted(State::Accepted));
    assert_eq!((known.count(Kind::New), known.is_worse()), (1, false));
}

#[test]
fn a_filtered_report_is_not_whole() {
    let report = counted(samples::control_plane());
    assert!(is_whole(&report));
    assert!(!is_whole(&report::filter(&report, &[Verdict::Fail].into())));
}

/// A drift with something of everything.
pub(crate) fn sample() -> Drift {
    let mut before = samples::two_nodes();
    let mut after = before.clone();
    after.run.captures[0].taken = Some("2026-04-01T02:00:00Z".to_owned());
    after.run.captures[0].identity.insert("kernel".to_owned(), "6.12.61".to_owned());
    fail(finding(&mut after, TOKENS));
    fail(finding(&mut after, "apiserver-anonymous-access"));
    let fixed = finding(&mut after, "etcd-client-certificate-auth");
    fixed.verdict = Verdict::Pass;
    fixed.decision = State::None.into();
    fixed.observed[0].value = Some("true".to_owned());
    let seen = finding(&mut after, "kubelet-anonymous");
    fail(seen);
    seen.basis = Some(evidence::Basis::Running);
    let answered = finding(&mut after, "kubelet-pod-pids-limit");
    answered.decision =
        Decision { by: Some("kim".to_owned()), owner: Some("platform".to_owned()), ..State::Answered.into() };
    before.findings.retain(|own| own.control != "kubelet-protect-kernel");
    before.run.captures.push(samples::capture("cp-3", &[("kubelet", "running")]));
    after.run.captures.push(samples::capture("cp-4", &[("kubelet", "running")]));
    let (before, after) = (counted(before), counted(after));
    let dated = |place: &Place<'_>| {
        let failed = Dated { time: "2025-11-01T00:00:00Z".to_owned(), verdict: Verdict::Fail };
        if place.control == TOKENS { vec![failed] } else { Vec::new() }
    };
    compare(&Reports { before: &before, replayed: None, reprofiled: None, after: &after }, &dated)
}

#[test]
fn it_looks_like_this() {
    assert_snapshot!("drift_terminal", drift::terminal(&sample(), &Options::default()));
    assert_snapshot!(
        "drift_verbose",
        drift::terminal(&sample(), &Options { verbose: true, width: 100, ..Options::default() })
    );
    assert_snapshot!("drift_markdown", drift::markdown(&sample()));
    let same = between(&counted(samples::two_nodes()), &counted(samples::two_nodes()));
    assert_snapshot!("drift_of_nothing", drift::terminal(&same, &Options::default()));
}

#[test]
fn the_record_satisfies_its_schema() {
    let validator = jsonschema::validator_for(&drift::schema()).unwrap();
    let told = drift::json(&sample());
    let value = serde_json::from_str(&told).unwrap();
    assert!(
        validator.is_valid(&value),
        "{:?}",
        validator.iter_errors(&value).map(|error| error.to_string()).collect::<Vec<_>>()
    );
    assert_eq!(serde_json::from_str::<Drift>(&told).unwrap(), sample());
}

/// Where a subject of a demand is judged.
type Told = BTreeMap<(String, String, String, String), usize>;

fn rows<'s>(control: &str, subjects: impl Iterator<Item = &'s Subject>, told: &mut Told) {
    for subject in subjects {
        for node in &subject.captures {
            let key = (control.to_owned(), subject.kind.clone(), subject.name.clone(), node.clone());
            *told.entry(key).or_default() += 1;
        }
    }
}

/// One of the report's own findings changed in some way.
fn altered(report: &Report, seeds: &[u8]) -> Report {
    const VERDICTS: [Verdict; 5] =
        [Verdict::Fail, Verdict::Unknown, Verdict::Manual, Verdict::Pass, Verdict::NotApplicable];
    let mut after = report.clone();
    let mut kept = Vec::new();
    for (at, mut finding) in after.findings.drain(..).enumerate() {
        let seed = seeds.get(at).copied().unwrap_or(0);
        match seed % 6 {
            0 => {}
            1 => finding.verdict = VERDICTS[usize::from(seed / 6) % 5],
            2 => drop(finding.subjects.pop()),
            3 => finding.observed[0].value = Some(seed.to_string()),
            4 => continue,
            _ => finding.subjects.push(Subject {
                kind: "file".to_owned(),
                name: format!("/new-{seed}"),
                captures: finding.subjects[0].captures.clone(),
            }),
        }
        finding.outside &= finding.verdict == Verdict::Unknown;
        if !finding.subjects.is_empty() {
            kept.push(finding);
        }
    }
    after.findings = kept;
    counted(after)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_report_does_not_differ_from_itself(report in promises::report()) {
        let drift = between(&report, &report);
        prop_assert!(drift.changes.iter().all(|change| change.kind == Kind::Unchanged && change.causes.is_empty()));
        prop_assert!(drift.decisions.is_empty() && !drift.is_worse() && !drift.is_blinder());
        prop_assert!(drift.nodes.added.is_empty() && drift.nodes.gone.is_empty() && drift.nodes.changed.is_empty());
    }

    #[test]
    fn every_subject_of_either_side_is_told_once(one in promises::report(), other in promises::report(), seeds: [u8; 12]) {
        for (before, after) in [(&one, &other), (&one, &altered(&one, &seeds))] {
            let drift = between(before, after);
            let gone: BTreeSet<&str> = drift.nodes.gone.iter().map(|gone| gone.name.as_str()).collect();
            let mut expect = Told::new();
            for report in [before, after] {
                let mut own = Told::new();
                report.findings.iter().for_each(|finding| rows(&finding.control, finding.subjects.iter(), &mut own));
                own.retain(|key, _| std::ptr::eq(report, after) || !gone.contains(key.3.as_str()));
                for (key, count) in own {
                    let most = expect.entry(key).or_default();
                    *most = count.max(*most);
                }
            }
            let mut told = Told::new();
            drift.changes.iter().for_each(|change| rows(&change.control, change.subjects.iter(), &mut told));
            prop_assert_eq!(told, expect);
            let counted: usize = drift.counts.values().map(|count| count.subjects).sum();
            let all: usize = drift.changes.iter().flat_map(|own| &own.subjects).map(|own| own.captures.len()).sum();
            prop_assert_eq!(counted, all);
            prop_assert!(drift.changes.iter().all(|change| change.causes.is_empty() == (change.kind == Kind::Unchanged)));
        }
    }

    #[test]
    fn what_is_new_one_way_is_fixed_the_other_way(report in promises::report(), seeds: [u8; 12]) {
        let other = altered(&report, &seeds);
        let kinds = |drift: &Drift, kind: Kind| {
            let mut told = Told::new();
            let of = |change: &&Change| {
                let question = |answer: &Option<report::drift::Answer>| answer.as_ref().is_some_and(|own| own.verdict == Verdict::Manual);
                change.kind == kind && !question(&change.before) && !question(&change.after)
            };
            drift.changes.iter().filter(of).for_each(|change| rows(&change.control, change.subjects.iter(), &mut told));
            // Nodes that are gone are told as such, and as new ones the other way.
            let added: BTreeSet<&str> = drift.nodes.added.iter().map(|added| added.name.as_str()).collect();
            told.retain(|key, _| !added.contains(key.3.as_str()));
            told
        };
        let (there, back) = (between(&report, &other), between(&other, &report));
        for (one, other) in [
            (Kind::New, Kind::Fixed),
            (Kind::VisibilityLost, Kind::VisibilityGained),
            (Kind::Demanded, Kind::Dropped),
            (Kind::Appeared, Kind::Vanished),
            (Kind::EvidenceChanged, Kind::EvidenceChanged),
            (Kind::Unchanged, Kind::Unchanged),
        ] {
            prop_assert_eq!(kinds(&there, one), kinds(&back, other), "{:?}", one);
            prop_assert_eq!(kinds(&back, one), kinds(&there, other), "{:?}", one);
        }
    }

    #[test]
    fn the_order_of_nodes_and_findings_does_not_matter(report in promises::report(), seeds: [u8; 12]) {
        let other = altered(&report, &seeds);
        let turned = |report: &Report| {
            let mut turned = report.clone();
            turned.run.captures.reverse();
            turned.findings.reverse();
            for finding in &mut turned.findings {
                finding.subjects.reverse();
                finding.subjects.iter_mut().for_each(|subject| subject.captures.reverse());
            }
            turned
        };
        prop_assert_eq!(between(&report, &other), between(&turned(&report), &turned(&other)));
    }

    #[test]
    fn every_format_tells_every_change_and_nothing_acts(report in promises::report(), seeds: [u8; 12], width in 0_usize..200) {
        let drift = between(&report, &altered(&report, &seeds));
        let terminal = drift::terminal(&drift, &Options { width, verbose: true, ..Options::default() });
        let (markdown, json) = (drift::markdown(&drift), drift::json(&drift));
        for told in [&terminal, &markdown, &json] {
            for line in told.split('\n') {
                prop_assert_eq!(report::inert(line), line);
            }
            for change in &drift.changes {
                prop_assert!(told.contains(change.id()), "{} is not in {told}", change.id());
            }
        }
    }
}

#[test]
fn nothing_from_a_node_acts_in_a_drift() {
    for bad in crate::every::HOSTILE {
        let after = counted(crate::every::hostile(bad));
        let mut before = after.clone();
        before.findings.truncate(3);
        before.findings.iter_mut().for_each(|finding| finding.verdict = Verdict::Pass);
        before.run.captures.pop();
        let drift = between(&counted(before), &after);
        let terminal = drift::terminal(&drift, &Options { verbose: true, ..Options::default() });
        let markdown = drift::markdown(&drift);
        for told in [&terminal, &markdown, &drift::json(&drift)] {
            for line in told.split('\n') {
                assert_eq!(report::inert(line), line, "{bad:?}");
            }
        }
        let markdown = markdown.replace("\\]", "");
        for markup in ["<script", "<img", "<svg", "](http", "://", "www."] {
            assert!(!markdown.contains(markup), "{markup} in {markdown}");
        }
    }
}
