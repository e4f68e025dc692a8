//! What holds of every report.

use std::collections::{BTreeMap, BTreeSet};

use assess::Verdict;
use benchmark::Priority;
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use report::{
    Beside, CitedBy, Coverage, Decision, Finding, Options, Report, State, Subject, expand, json, refold, roll_up,
    terminal, wide, yaml,
};
use serde_json::Value;

use crate::{every, samples};

/// Words as nodes have them, and worse.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{0,30}", "\\PC{0,12}", any::<String>(), "(/[a-z]{1,9}){1,20}", "([a-z]{1,12} ){0,20}"]
}

fn verdict() -> impl Strategy<Value = Verdict> {
    use Verdict::{Fail, Manual, NotApplicable, Pass, Unknown};
    prop_oneof![Just(Fail), Just(Unknown), Just(Manual), Just(Pass), Just(NotApplicable)]
}

fn priority() -> impl Strategy<Value = Priority> {
    use Priority::{Contextual, Critical, High, Low, Medium};
    prop_oneof![Just(Critical), Just(High), Just(Medium), Just(Low), Just(Contextual)]
}

fn subjects() -> impl Strategy<Value = Vec<Subject>> {
    let kind = prop_oneof![Just("file"), Just("component")];
    let names = btree_set(text(), 1..8);
    let captures = btree_set(prop_oneof!["cp-1", "cp-2", text()], 1..6);
    (kind, vec(captures, 8), names).prop_map(|(kind, captures, names)| {
        let subject = |(name, captures): (String, BTreeSet<String>)| Subject {
            kind: kind.to_owned(),
            name,
            captures: captures.into_iter().collect(),
        };
        names.into_iter().zip(captures).map(subject).collect()
    })
}

/// Decisions as registers give them, in any words.
fn decision() -> impl Strategy<Value = Decision> {
    let state = (0..State::ALL.len()).prop_map(|at| State::ALL[at]);
    (state, proptest::option::of(text()), proptest::option::of(text()), vec(text(), 0..2)).prop_map(
        |(state, owner, reason, lapsed)| {
            let decision = samples::decision(state);
            // Nothing has a reason without an entry that gives it.
            let reason = reason.filter(|_| decision.entry.is_some());
            Decision { owner, reason, lapsed, ..decision }
        },
    )
}

fn finding() -> impl Strategy<Value = Finding> {
    let component = prop_oneof![Just("etcd".to_owned()), Just("kubelet".to_owned()), text()];
    let said = (text(), text(), vec(text(), 0..3), proptest::option::of(text()), text());
    (verdict(), priority(), component, any::<bool>(), subjects(), said, decision()).prop_map(
        |(verdict, priority, component, outside, subjects, said, decision)| {
            let (title, reason, notes, help, remediation) = said;
            let seen = samples::observed(&title, help.as_deref(), "explicit", &reason, true);
            Finding {
                verdict,
                priority,
                outside: outside && verdict == Verdict::Unknown,
                reason,
                observed: vec![seen],
                notes,
                help,
                remediation,
                subjects,
                decision: if verdict < Verdict::Pass { decision } else { State::None.into() },
                ..samples::finding("0", "0", &component, &title)
            }
        },
    )
}

/// Reports whose every finding has a control and ids of its own.
pub(crate) fn report() -> impl Strategy<Value = Report> {
    let nodes = vec((text(), any::<bool>()), 1..7);
    (vec(finding(), 0..12), any::<bool>(), proptest::bool::weighted(0.2), nodes, text()).prop_map(
        |(mut findings, two_profiles, quiet, nodes, warning)| {
            let mut report = samples::control_plane();
            report.counts.clear();
            for (at, finding) in findings.iter_mut().enumerate() {
                if quiet {
                    finding.verdict = if finding.outside { Verdict::Unknown } else { Verdict::NotApplicable };
                }
                *report.counts.entry(finding.verdict).or_default() += 1;
                finding.control = format!("control-{at}");
                finding.cited_by[0].id = format!("1.{at}.7");
                if two_profiles {
                    let other = CitedBy {
                        profile: "cis-1.12".to_owned(),
                        id: format!("2.{at}.9"),
                        ..finding.cited_by[0].clone()
                    };
                    finding.cited_by.push(other);
                }
            }
            if two_profiles {
                report.profiles.push(samples::profile("cis-1.12"));
            }
            report.findings = findings;
            report.warnings.push(warning);
            report.run.captures = nodes
                .iter()
                .map(|(name, runs)| samples::capture(name, if *runs && !quiet { &[("etcd", "running")] } else { &[] }))
                .collect();
            report
        },
    )
}

/// Reports whose demands have several findings each, counted as [`report::build`] counts.
fn in_parts() -> impl Strategy<Value = Report> {
    (report(), vec(0_usize..4, 12), proptest::sample::select(vec!["pods", "etcd"])).prop_map(
        |(mut report, demands, name)| {
            let mut at = 0;
            for (finding, step) in report.findings.iter_mut().zip(demands) {
                at += usize::from(step == 0);
                let component = ["kubelet", name][at % 2];
                (finding.control, finding.component) = (format!("control-{at}"), component.to_owned());
                finding.cited_by.iter_mut().for_each(|cited| cited.id = format!("1.{at}.7"));
            }
            recount(&mut report);
            report
        },
    )
}

/// Counts as the report's documentation says.
fn recount(report: &mut Report) {
    report.counts.clear();
    report.coverage = Coverage { within_reach: 0, decided: 0, outside: 0 };
    let findings = std::mem::take(&mut report.findings);
    for demand in findings.chunk_by(|left, right| left.control == right.control) {
        let verdict = roll_up(demand.iter()).unwrap();
        *report.counts.entry(verdict).or_default() += 1;
        let mut unknown = demand.iter().filter(|finding| finding.verdict == Verdict::Unknown);
        if verdict == Verdict::Unknown && unknown.all(|finding| finding.outside) {
            report.coverage.outside += 1;
        } else {
            report.coverage.within_reach += 1;
            report.coverage.decided += usize::from(verdict != Verdict::Unknown);
        }
    }
    report.findings = findings;
}

/// What the headings of a terminal's report count: demands by verdict, and those that lie outside.
fn headings(told: &str) -> BTreeMap<String, usize> {
    let mut sums = BTreeMap::new();
    let joined = told.replace("\n  ", " ");
    for line in joined.lines().filter_map(|line| line.strip_prefix("---- ")) {
        let Some((name, numbers)) = line.trim_end_matches('-').trim_end().rsplit_once(": ") else { continue };
        for number in numbers.split(", ") {
            let (count, word) = number.split_once(' ').unwrap();
            let word = if name.starts_with("UNKNOWN") { "UNKNOWN" } else { word };
            *sums.entry(word.to_owned()).or_default() += count.parse::<usize>().unwrap();
        }
    }
    sums
}

/// The headings add up to the report's own counts, and no id is told by more than its roll-up.
fn adds_up(report: &Report, verbose: bool) -> Result<(), String> {
    let told = terminal(report, &Beside::default(), &Options { width: 160, verbose, ..Options::default() });
    if told.contains("NOTHING WAS JUDGED") {
        return Ok(());
    }
    let counts: BTreeMap<String, usize> =
        report.counts.iter().map(|(verdict, count)| (every::word(*verdict).to_owned(), *count)).collect();
    if headings(&told) != counts {
        return Err(format!("{:?} is not {counts:?}:\n{told}", headings(&told)));
    }
    for demand in report.demands() {
        let (whole, id) = (roll_up(demand.iter()).unwrap(), demand[0].id());
        for verdict in [Verdict::Unknown, Verdict::Manual, Verdict::Pass, Verdict::NotApplicable] {
            let bare = format!("{:<9}{id} ", every::word(verdict));
            if verdict != whole && told.lines().any(|line| line.starts_with(&bare)) {
                return Err(format!("{id} is {whole:?}, and told as {verdict:?}:\n{told}"));
            }
        }
    }
    Ok(())
}

#[test]
fn the_headings_of_the_samples_add_up() {
    for report in
        [samples::control_plane(), samples::in_part(), samples::registered(), samples::two_nodes(), samples::empty()]
    {
        for verbose in [false, true] {
            assert_eq!(adds_up(&report, verbose), Ok(()));
        }
    }
}

/// Whether a text holds an id as a word of its own, so that `1.1.7` is not found in `1.1.70`.
fn tells(text: &str, id: &str) -> bool {
    text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '.' || letter == '-'))
        .any(|word| word.trim_end_matches('.') == id)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_renderer_tells_every_finding(report in report(), verbose: bool, width in 0_usize..200) {
        let options = Options { width, verbose, ..Options::default() };
        let (terminal, wide) = (terminal(&report, &Beside::default(), &options), wide(&report, &options));
        let (json, yaml) = (json(&report), yaml(&report));
        for finding in &report.findings {
            for cited in &finding.cited_by {
                prop_assert!(tells(&terminal, &cited.id), "{} is not in\n{terminal}", cited.id);
                prop_assert!(tells(&wide, &cited.id), "{} is not in\n{wide}", cited.id);
            }
            prop_assert!(tells(&json, &finding.control) && tells(&yaml, &finding.control));
        }
        let subjects = report.findings.iter().flat_map(|finding| &finding.subjects);
        let rows: usize = subjects.map(|subject| subject.captures.len()).sum();
        prop_assert_eq!(wide.lines().count(), rows + 1);
    }

    #[test]
    fn the_headings_add_up_to_the_counts(report in in_parts(), verbose: bool) {
        prop_assert_eq!(adds_up(&report, verbose), Ok(()));
    }

    #[test]
    fn nothing_told_can_act(report in report(), verbose: bool, width in 0_usize..200) {
        let options = Options { width, verbose, ..Options::default() };
        prop_assert!(!yaml(&report).contains(|letter: char| letter.is_control() && letter != '\n'));
        for told in [terminal(&report, &Beside::default(), &options), wide(&report, &options), json(&report)] {
            for line in told.lines() {
                prop_assert_eq!(report::inert(line), line);
            }
        }
    }

    #[test]
    fn a_line_is_longer_than_the_page_only_for_one_word(report in report(), width in 60_usize..=160) {
        for line in terminal(&report, &Beside::default(), &Options { width, ..Options::default() }).lines() {
            let words = line.split("  ").last().unwrap_or_default().trim_start().split(' ').count();
            prop_assert!(line.chars().count() <= width || words == 1, "{line:?} is wider than {width}");
        }
    }

    #[test]
    fn yaml_and_json_are_the_same_value(report in report()) {
        let from_json: Value = serde_json::from_str(&json(&report)).unwrap();
        let from_yaml: Value = serde_saphyr::from_str(&yaml(&report)).unwrap();
        prop_assert_eq!(&from_json, &from_yaml);
        prop_assert_eq!(serde_json::from_value::<Report>(from_json).unwrap(), report);
    }

    #[test]
    fn folding_undoes_expanding(report in report()) {
        let rows = expand(&report.findings);
        prop_assert!(rows.iter().all(|row| row.subjects.len() == 1 && row.subjects[0].captures.len() == 1));
        prop_assert_eq!(refold(&rows), report.findings);
    }
}
