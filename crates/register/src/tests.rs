//! A strong register, what is said of it, and what is decided by it.

mod decide;
mod insert;
mod lapse;
mod lint;
mod read;
mod text;
mod unused;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use assess::{Citation, Judged, Observed, Outcome, SubjectName, Verdict};
use benchmark::{Assessment, Content, Parameters};
use diag::{Sources, render_short};
use jiff::civil::{Date, date};

use crate::{Asked, Context, Decider, Decision, Register, Under, load};

const SAMPLE: &str = include_str!("../tests/sample.yaml");
const DAY: Date = date(2026, 11, 26);

fn content() -> &'static Content {
    static CONTENT: OnceLock<Content> = OnceLock::new();
    CONTENT.get_or_init(|| {
        let (content, found) =
            benchmark::load(&benchmark::builtin_files(), &assess::vocabulary(), &mut Sources::default());
        assert!(!diag::has_errors(&found));
        content
    })
}

/// Everything that is said of a text: reading, then linting, in short lines.
fn said(text: &str, content: &Content) -> String {
    let mut sources = Sources::default();
    let (register, mut found) = load("register.yaml", text, content, &mut sources);
    found.extend(crate::lint(&register, content, DAY));
    render_short(&found, &sources)
}

fn sample(content: &Content) -> Register {
    let mut sources = Sources::default();
    let (register, found) = load("register.yaml", SAMPLE, content, &mut sources);
    assert_eq!(render_short(&found, &sources), "");
    register
}

fn observed(fact: &str, value: Option<&str>) -> Observed {
    let how = if value.is_some() { "explicit" } else { "unknown" };
    Observed {
        fact: fact.to_owned(),
        value: value.map(str::to_owned),
        how: how.to_owned(),
        source: "pid 7".to_owned(),
        decides: true,
        offends: None,
    }
}

fn outcome(verdict: Verdict, kind: &str, name: &str, seen: Vec<Observed>) -> Outcome {
    Outcome {
        subject: SubjectName { kind: kind.to_owned(), name: name.to_owned() },
        verdict,
        equivalent: None,
        basis: None,
        reason: String::new(),
        help: None,
        provider: None,
        outside: false,
        observed: seen,
        notes: Vec::new(),
    }
}

fn judged<'c>(content: &'c Content, control: &str, outcome: Outcome) -> Judged<'c> {
    let profile = content.profile("cis-2.0.1").unwrap();
    let cited = profile.entries.iter().filter(|entry| entry.control == control).map(|entry| Citation {
        profile: profile.name.clone(),
        id: entry.id.clone(),
        section: String::new(),
        level: 1,
        assessment: Assessment::Automated,
    });
    let control = content.control(control).unwrap();
    let parameters: Parameters = control.parameters.clone();
    Judged { control, parameters, cited_by: cited.collect(), outcomes: vec![("w1".to_owned(), Arc::new(outcome))] }
}

fn context(as_of: Date) -> Context {
    Context {
        as_of,
        platform: "kubeadm".to_owned(),
        now: Under { kubernetes: Some("1.36".to_owned()), ..Under::default() },
        profiles: BTreeMap::from([("cis-2.0.1".to_owned(), "abcd0123".to_owned())]),
        labels: BTreeMap::from([("w1".to_owned(), BTreeMap::from([("pool".to_owned(), "storage".to_owned())]))]),
        uids: BTreeSet::from(["5f1c2a1e-0000-4000-8000-000000000001".to_owned()]),
        called: None,
        narrowed: false,
        clusters: BTreeSet::from(["cluster".to_owned()]),
        refused: BTreeMap::new(),
    }
}

fn port(value: &str) -> Outcome {
    outcome(Verdict::Fail, "component", "kubelet", vec![observed("kubelet.readOnlyPort", Some(value))])
}

/// What is decided of the exception's own finding, after something changed.
fn decided(change: impl FnOnce(&mut Register, &mut Context, &mut Vec<Judged<'_>>)) -> Decision {
    let content = content();
    let mut register = sample(content);
    let mut all = vec![
        judged(content, "kubelet-no-read-only-port", port("10255")),
        judged(content, "network-policies-in-every-namespace", outcome(Verdict::Pass, "namespace", "a", Vec::new())),
    ];
    let expected = all[0].control.expected(&all[0].parameters);
    register.exceptions[0].accepted.expected = Some(expected);
    let mut situation = context(DAY);
    change(&mut register, &mut situation, &mut all);
    let decider = Decider::new(&register, situation, &all);
    decider.decide(&Asked { demand: &all[0], capture: "w1", outcome: &all[0].outcomes[0].1 })
}
