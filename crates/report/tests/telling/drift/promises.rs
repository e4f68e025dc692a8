//! Laws of every drift.

use std::collections::{BTreeMap, BTreeSet};

use assess::Verdict;
use proptest::prelude::*;
use report::drift::{Change, Drift, Kind};
use report::{Options, Report, Subject, drift};

use super::{between, counted};
use crate::promises;

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
    fn the_first_word_is_the_exit_code(one in promises::report(), other in promises::report(), seeds: [u8; 12]) {
        for (before, after) in [(&one, &other), (&one, &altered(&one, &seeds))] {
            let drift = between(before, after);
            let told = drift::terminal(&drift, &Options::default());
            prop_assert_eq!(told.starts_with("WORSE: "), drift.is_worse() || drift.is_blinder(), "{}", told);
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
