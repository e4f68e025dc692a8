//! A plan's patches, applied by hand as a person would, make the findings pass, and change nothing else for the worse.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../common/mod.rs"]
mod common;
mod hand;

use std::collections::{BTreeMap, BTreeSet};

use assess::{Selection, Verdict};
use benchmark::Content;
use collect::recording::Recording;
use evidence::Run;
use plan::Plan;
use report::Report;

const PROFILES: [&str; 2] = ["cis-2.0.1", "node-kernel"];

fn judged(node: &Recording, content: &Content) -> Report {
    let trails = assess::trails(content);
    let mut run = Run { captures: vec![node.capture(trails.clone())] };
    run.captures.extend(node.cluster(trails));
    common::judge_by(&run, content, &PROFILES, &Selection::default())
}

/// The verdict of every control with its bounds, rolled up over subjects.
fn by_control(report: &Report) -> BTreeMap<String, Verdict> {
    let named = |findings: &[report::Finding]| {
        let first = findings.first()?;
        Some((first.control.clone(), report::roll_up(findings.iter())?))
    };
    report.demands().filter_map(named).collect()
}

fn planned(plan: &Plan) -> BTreeSet<String> {
    plan.steps.iter().flat_map(|step| step.controls.iter().cloned()).collect()
}

/// How it went: what was planned and does not pass, and what else moved.
fn compare(before: &Report, after: &Report, plan: &Plan) {
    let (before, after) = (by_control(before), by_control(after));
    let planned = planned(plan);
    assert!(!planned.is_empty());
    let failing: Vec<&String> = planned.iter().filter(|control| after[*control] != Verdict::Pass).collect();
    assert!(failing.is_empty(), "planned, and does not pass: {failing:?}");
    let moved: Vec<_> =
        after.iter().filter(|(control, verdict)| !planned.contains(*control) && before[*control] != **verdict).collect();
    assert!(moved.is_empty(), "not planned, and moved: {moved:?}");
    assert!(planned.iter().all(|control| before[control] == Verdict::Fail));
}

#[test]
fn patches_applied_to_the_stock_node_make_what_was_planned_pass_and_nothing_worse() {
    let content = common::content();
    for drop_in in [false, true] {
        let mut node = common::recording("kubeadm-v1.36");
        let before = judged(&node, &content);
        let plan = Plan::of(&before, &content);
        hand::apply(&mut node, &plan, drop_in);
        let after = judged(&node, &content);
        compare(&before, &after, &plan);
        // What is left is told as left, and a second plan has no patch.
        let rest = Plan::of(&after, &content);
        assert!(rest.steps.is_empty() && rest.patches.is_empty(), "{:?}", rest.steps);
        assert_eq!(rest.by_hand, plan.by_hand);
    }
}
