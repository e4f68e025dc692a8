//! The law of judging: at equal reach, removing observations moves a verdict only to itself or to unknown. And what
//! must make no difference at all: the order of observations, and judging twice.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::BTreeMap;

use assess::Verdict;
use evidence::Capture;
use proptest::prelude::*;

const NODES: [&str; 2] = ["kubeadm-v1.36", "kubeadm-hardened-v1.36"];

fn capture(node: &str, content: &benchmark::Content) -> Capture {
    common::recording(node).capture(assess::trails(content))
}

/// Ids whose verdict moved to something else than unknown. The version is part of the question, not of the evidence
/// that is removed: without it a default may be unknown, which the law allows.
fn broken(before: &BTreeMap<String, Verdict>, after: &BTreeMap<String, Verdict>) -> Vec<String> {
    before
        .iter()
        .filter_map(|(id, was)| {
            let is = after.get(id)?;
            (is != was && *is != Verdict::Unknown).then(|| format!("{id}: {was:?} became {is:?}"))
        })
        .collect()
}

#[test]
fn removing_any_one_observation_moves_a_verdict_only_to_unknown() {
    let content = common::content();
    let mut wrong = Vec::new();
    for node in NODES {
        let whole = capture(node, &content);
        let before = common::verdicts(&common::judge(whole.clone(), &content, "cis-2.0.1"));
        for at in 0..whole.items.len() {
            let mut less = whole.clone();
            let item = less.items.remove(at);
            let after = common::verdicts(&common::judge(less, &content, "cis-2.0.1"));
            let moved = broken(&before, &after);
            if !moved.is_empty() {
                wrong.push(format!("{node} without {:?} {:?}: {}", item.aspect, item.place, moved.join(", ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn removing_any_set_of_observations_moves_a_verdict_only_to_unknown(
        node in 0..NODES.len(), profile in any::<prop::sample::Index>(),
        keep in prop::collection::vec(prop::bool::weighted(0.8), 400)
    ) {
        let content = common::content();
        let profile = content.profiles[profile.index(content.profiles.len())].name.clone();
        let whole = capture(NODES[node], &content);
        let before = common::verdicts(&common::judge(whole.clone(), &content, &profile));
        let mut less = whole;
        let mut at = 0;
        less.items.retain(|_| { at += 1; keep[at % keep.len()] });
        let after = common::verdicts(&common::judge(less, &content, &profile));
        prop_assert_eq!(broken(&before, &after), Vec::<String>::new());
    }

    #[test]
    fn the_order_of_observations_makes_no_difference(node in 0..NODES.len(), seed in any::<u64>()) {
        let content = common::content();
        let whole = capture(NODES[node], &content);
        let before = common::judge(whole.clone(), &content, "cis-2.0.1");
        let mut shuffled = whole;
        let mut state = seed | 1;
        for at in (1..shuffled.items.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            shuffled.items.swap(at, usize::try_from(state >> 33).unwrap() % (at + 1));
        }
        let after = common::judge(shuffled, &content, "cis-2.0.1");
        prop_assert_eq!(report::json(&before), report::json(&after));
    }
}

#[test]
fn folding_and_expanding_are_inverse_and_judging_twice_gives_the_same_bytes() {
    let content = common::content();
    for node in NODES {
        let report = common::judge(capture(node, &content), &content, "cis-2.0.1");
        assert_eq!(report::refold(&report::expand(&report.findings)), report.findings);
        let again = common::judge(capture(node, &content), &content, "cis-2.0.1");
        assert_eq!(report::json(&report), report::json(&again));
    }
}

#[test]
fn a_run_file_judges_as_the_node_it_was_collected_from() {
    let content = common::content();
    for node in NODES {
        let capture = capture(node, &content);
        let mut file = Vec::new();
        evidence::write_run(&evidence::Run { captures: vec![capture.clone()] }, &mut file).unwrap();
        let read = evidence::read_run(file.as_slice()).unwrap();
        assert_eq!(read.captures, vec![capture.clone()]);
        let replayed = common::judge(read.captures.into_iter().next().unwrap(), &content, "cis-2.0.1");
        assert_eq!(report::json(&replayed), report::json(&common::judge(capture, &content, "cis-2.0.1")));
    }
}

#[test]
fn captures_one_by_one_give_the_same_report_as_a_run_in_memory() {
    let content = common::content();
    // Every shipped run file: a cluster with its nodes among them; and all recorded nodes together.
    let mut runs: Vec<evidence::Run> = NODES
        .iter()
        .map(|node| {
            let file = common::root().join("fixtures/runs").join(format!("{node}.run"));
            evidence::read_run(std::fs::File::open(file).unwrap()).unwrap()
        })
        .collect();
    let mut together = evidence::Run { captures: NODES.map(|node| capture(node, &content)).to_vec() };
    together.captures.extend(runs[0].captures.iter().filter(|own| own.source == evidence::Source::Cluster).cloned());
    runs.push(together);
    for run in runs {
        let mut spool = evidence::Spool::new(tempfile::SpooledTempFile::new(1 << 10));
        run.captures.iter().for_each(|capture| spool.push(capture).unwrap());
        for profile in ["cis-2.0.1", "kspp"] {
            let whole = common::judge_run(&run, &content, profile, &assess::Selection::default());
            let streamed = common::judge_run(&spool, &content, profile, &assess::Selection::default());
            assert!(report::json(&whole) == report::json(&streamed), "{profile}");
        }
        let (mut whole, mut streamed) = (Vec::new(), Vec::new());
        evidence::write_run(&run, &mut whole).unwrap();
        spool.write(&mut streamed).unwrap();
        assert!(whole == streamed, "the run file");
    }
}
