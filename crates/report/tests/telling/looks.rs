//! How it looks, kept as snapshots.

use assess::Verdict;
use insta::assert_snapshot;
use report::{Options, terminal, wide};

use crate::samples;

#[test]
fn a_control_plane_node() {
    assert_snapshot!(terminal(&samples::control_plane(), &Options::default()));
}

#[test]
fn a_narrow_terminal() {
    assert_snapshot!(terminal(&samples::control_plane(), &Options { width: 60, ..Options::default() }));
}

#[test]
fn everything_in_full() {
    assert_snapshot!(terminal(&samples::control_plane(), &Options { verbose: true, width: 100, ..Options::default() }));
}

#[test]
fn some_verdicts_only() {
    let only = Some([Verdict::Unknown, Verdict::Manual].into());
    assert_snapshot!(terminal(&samples::control_plane(), &Options { only, ..Options::default() }));
}

#[test]
fn several_nodes_and_profiles() {
    assert_snapshot!(terminal(&samples::two_nodes(), &Options::default()));
}

#[test]
fn a_node_without_kubernetes() {
    assert_snapshot!(terminal(&samples::empty(), &Options::default()));
}

#[test]
fn foreign_text_cannot_act() {
    assert_snapshot!(terminal(&samples::hostile(), &Options::default()));
}

#[test]
fn rows_for_grep() {
    assert_snapshot!(wide(&samples::two_nodes(), &Options::default()));
}

#[test]
fn colours_add_nothing_but_colour() {
    let report = samples::control_plane();
    let colored = terminal(&report, &Options { color: true, ..Options::default() });
    let mut plain = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').expect("an escape sequence for a colour ends").1;
    }
    plain.push_str(rest);
    assert!(colored.contains("\u{1b}[1m\u{1b}[31mFAIL\u{1b}[0m"), "{colored:?}");
    assert_eq!(plain, terminal(&report, &Options::default()));
}
