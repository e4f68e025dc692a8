//! What the tests of the command share: the content, recorded nodes, and judging one of them.

#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod call;
pub(crate) mod tree;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use assess::{Case, Selection, Verdict};
use benchmark::Content;
use collect::recording::Recording;
use evidence::{Capture, Captures, Run};
use report::{CaptureInfo, Material, Report};

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

/// The built-in content.
pub(crate) fn content() -> Content {
    let (content, diagnostics) =
        benchmark::load(&benchmark::builtin_files(), &assess::vocabulary(), &mut diag::Sources::default());
    assert!(!diag::has_errors(&diagnostics), "{diagnostics:?}");
    content
}

/// A recorded node of the fixtures.
pub(crate) fn recording(name: &str) -> Recording {
    Recording::load(&root().join("fixtures/nodes").join(name)).unwrap()
}

/// Judges a capture by a profile, as `scan` does.
pub(crate) fn judge(capture: Capture, content: &Content, profile: &str) -> Report {
    judge_run(&Run { captures: vec![capture] }, content, profile, &Selection::default())
}

/// Judges what was seen of several targets together.
pub(crate) fn judge_run<C: Captures<Error: std::fmt::Debug>>(
    run: &C,
    content: &Content,
    profile: &str,
    selection: &Selection,
) -> Report {
    judge_by(run, content, &[profile], selection)
}

/// The same by several profiles at once.
pub(crate) fn judge_by<C: Captures<Error: std::fmt::Debug>>(
    run: &C,
    content: &Content,
    profiles: &[&str],
    selection: &Selection,
) -> Report {
    let case = Case::new(run, content, None, None).unwrap().unwrap();
    let profiles: Vec<_> = profiles.iter().map(|name| content.profile(name).unwrap()).collect();
    let mut captures = Vec::new();
    let done = |capture: &Capture, presence| captures.push(CaptureInfo::of(capture, presence));
    let judged = case.judge(&profiles, selection, done).unwrap();
    report::build(Material {
        captures,
        content,
        judged: &judged,
        profiles: profiles.iter().map(|own| (*own, assess::Choice::given(&own.name, "--profile"))).collect(),
        platform: case.platform().clone(),
        kubernetes: case.kubernetes().map(|(_, choice)| choice.clone()),
        selection: None,
        register: None,
        version: "test",
    })
}

/// The verdict of every id, rolled up over subjects.
pub(crate) fn verdicts(report: &Report) -> BTreeMap<String, Verdict> {
    report
        .demands()
        .filter_map(|findings| Some((findings.first()?.id().to_owned(), report::roll_up(findings.iter())?)))
        .collect()
}

/// Says that a part of a test could not be run here, and why.
#[expect(clippy::print_stderr, reason = "what is skipped is said")]
pub(crate) fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}
