//! How it looks, kept as snapshots.

use assess::Verdict;
use insta::assert_snapshot;
use report::{Beside, Options, State, terminal, wide};

use crate::samples;

#[test]
fn a_control_plane_node() {
    assert_snapshot!(terminal(&samples::control_plane(), &Beside::default(), &Options::default()));
}

#[test]
fn a_narrow_terminal() {
    assert_snapshot!(terminal(
        &samples::control_plane(),
        &Beside::default(),
        &Options { width: 60, ..Options::default() }
    ));
}

#[test]
fn everything_in_full() {
    assert_snapshot!(terminal(
        &samples::control_plane(),
        &Beside::default(),
        &Options { verbose: true, width: 100, ..Options::default() }
    ));
}

#[test]
fn some_verdicts_only() {
    let only = Some([Verdict::Unknown, Verdict::Manual].into());
    assert_snapshot!(terminal(&samples::control_plane(), &Beside::default(), &Options { only, ..Options::default() }));
}

#[test]
fn what_is_decided_in_part_only() {
    assert_snapshot!(terminal(&samples::in_part(), &Beside::default(), &Options::default()));
}

#[test]
fn passes_only_where_some_are_parts() {
    let only = Some([Verdict::Pass].into());
    assert_snapshot!(terminal(
        &samples::in_part(),
        &Beside::default(),
        &Options { only, verbose: true, ..Options::default() }
    ));
}

/// What somebody settled is nothing to begin with, and the headline says how much of it there is.
#[test]
fn what_is_accepted_is_not_told_first() {
    let mut report = samples::control_plane();
    let etcd = report.findings.iter_mut().find(|finding| finding.id() == "2.2").unwrap();
    etcd.decision = samples::decision(State::Accepted);
    let told = terminal(&report, &Beside::default(), &Options::default());
    assert!(told.contains("2 FAIL (1 critical, 1 medium; 1 accepted), "), "{told}");
    assert!(told.contains("    first      1.1.20  file.mode is 0666\n\n"), "{told}");
    // Where one part of a demand is open, the demand is.
    report.findings[0].decision = samples::decision(State::Accepted);
    report.findings[1].verdict = Verdict::Fail;
    report.findings[1].decision = State::Required.into();
    let told = terminal(&report, &Beside::default(), &Options::default());
    assert!(told.contains("2 FAIL (1 critical, 1 medium; 1 accepted), "), "{told}");
    assert!(told.contains("    first      1.1.20\n\n"), "{told}");
}

#[test]
fn several_nodes_and_profiles() {
    assert_snapshot!(terminal(&samples::two_nodes(), &Beside::default(), &Options::default()));
}

#[test]
fn a_node_without_kubernetes() {
    assert_snapshot!(terminal(&samples::empty(), &Beside::default(), &Options::default()));
}

#[test]
fn foreign_text_cannot_act() {
    assert_snapshot!(terminal(&samples::hostile(), &Beside::default(), &Options::default()));
}

#[test]
fn rows_for_grep() {
    assert_snapshot!(wide(&samples::two_nodes(), &Options::default()));
}

/// The standard library pads to no more than 65,535 letters.
#[test]
fn rows_are_as_wide_as_their_widest_cell() {
    let mut report = samples::control_plane();
    let long = "é".repeat(70_000);
    report.findings[0].subjects[0].name.clone_from(&long);
    report.findings[2].observed.push(samples::observed("f", Some(&long), "observed", "somewhere", true));
    report.findings[3].subjects.clear();
    report.findings[4].subjects[0].captures.clear();
    let told = wide(&report, &Options::default());
    let rows: usize = report.findings.iter().flat_map(|own| &own.subjects).map(|own| own.captures.len()).sum();
    // Two findings are told although they name no node.
    assert_eq!(told.lines().count(), 1 + rows + 2);
    let at = |line: &str, column: &str| {
        let byte = line.find(column).unwrap();
        line[..byte].chars().count()
    };
    let header = told.lines().next().unwrap();
    let first = told.lines().nth(1).unwrap();
    assert_eq!(at(header, "BASIS") - at(header, "SUBJECT"), 70_002);
    assert_eq!((at(first, &long), at(first, "running")), (at(header, "SUBJECT"), at(header, "BASIS")));
    assert!(told.lines().all(|line| line.trim_end() == line));
}

#[test]
fn colours_add_nothing_but_colour() {
    let report = samples::control_plane();
    let colored = terminal(&report, &Beside::default(), &Options { color: true, ..Options::default() });
    let mut plain = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').expect("an escape sequence for a colour ends").1;
    }
    plain.push_str(rest);
    assert!(colored.contains("\u{1b}[1m\u{1b}[31mFAIL\u{1b}[0m"), "{colored:?}");
    assert_eq!(plain, terminal(&report, &Beside::default(), &Options::default()));
}
