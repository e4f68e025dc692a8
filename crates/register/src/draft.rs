//! Drafting an entry from a finding: everything that evidence tells is filled in, what a person must say is left open.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use assess::Verdict;
use jiff::ToSpan;
use jiff::civil::Date;

use crate::model::Under;
use crate::write::{comment, list, scalar};

/// What a draft is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft<'d> {
    /// The control's name.
    pub control: &'d str,
    /// What is true when it passes, and where it is cited.
    pub title: &'d str,
    /// The verdict.
    pub verdict: Verdict,
    /// What was demanded.
    pub expected: &'d str,
    /// The state ([`crate::state`]).
    pub state: BTreeMap<String, String>,
    /// The kind of the subjects.
    pub kind: &'d str,
    /// The subjects; a draft names them only where the control judges them one by one.
    pub subjects: BTreeSet<&'d str>,
    /// Who answers for it, if the register knows.
    pub owner: Option<&'d str>,
    /// What holds now.
    pub now: &'d Under,
    /// The day.
    pub as_of: Date,
}

/// Days that a draft proposes: long enough to mend something, short enough to remember it.
const DAYS: i64 = 90;

/// The entry's text, with the name of its list above it. It does not pass [`crate::lint`] until somebody has filled in what
/// evidence cannot tell.
pub fn draft(draft: &Draft<'_>) -> String {
    let until = draft.as_of.checked_add(DAYS.days()).unwrap_or(draft.as_of);
    let owner = draft.owner.map_or("\"\" # the team that answers for it".to_owned(), scalar);
    let mut text = format!("# {}\n", comment(draft.title));
    let people = !matches!(draft.kind, "component" | "cluster" | "file" | "set");
    match draft.verdict {
        Verdict::Manual => {
            let _ = write!(
                text,
                "answers:\n  - control: {control}\n    holds: # true or false\n    evidence: \"\" # what you looked at, and what it \
                 showed\n    author: \"\"\n    date: {date}\n    expires: {until}\n    question: {question}\n",
                control = scalar(draft.control),
                date = draft.as_of,
                question = scalar(draft.expected),
            );
        }
        Verdict::Fail if people => {
            let _ = write!(
                text,
                "grants:\n  - control: {control}\n    subjects: {subjects}\n    reason: \"\" # what they do with it, and why \
                 nothing less suffices\n    owner: {owner}\n    approver: \"\" # somebody else\n    since: {date}\n    expires: \
                 {until}\n    review: [kubernetes-upgrade, cluster-recreated]\n",
                control = scalar(draft.control),
                subjects = list(draft.subjects.iter().copied()),
                date = draft.as_of,
            );
            under(&mut text, draft.now);
        }
        _ => exception(&mut text, draft, &owner, until),
    }
    text
}

fn exception(text: &mut String, draft: &Draft<'_>, owner: &str, until: Date) {
    let _ = writeln!(text, "exceptions:\n  - control: {}", scalar(draft.control));
    if draft.kind == "file" {
        let _ = writeln!(text, "    scope: {{ subjects: {} }}", list(draft.subjects.iter().copied()));
    }
    let _ = writeln!(text, "    accepted:\n      since: {}\n      state:", draft.as_of);
    for (fact, value) in &draft.state {
        let _ = writeln!(text, "        {}: {}", scalar(fact), scalar(value));
    }
    let _ = writeln!(text, "      expected: {}", scalar(draft.expected));
    for (name, value) in held(draft.now) {
        let _ = writeln!(text, "      {name}: {}", scalar(value));
    }
    let _ = write!(
        text,
        "    reason: \"\" # why it cannot be mended now, and what ends that\n    compensating:\n      # control: the control \
         that shows it; the exception ends when that stops passing\n      says: \"\" # what is done instead\n    owner: \
         {owner}\n    approver: \"\" # somebody else\n    expires: {until}\n    review: [kubernetes-upgrade, profile-change]\n",
    );
}

fn under(text: &mut String, now: &Under) {
    if !now.is_empty() {
        text.push_str("    under:\n");
        for (name, value) in held(now) {
            let _ = writeln!(text, "      {name}: {}", scalar(value));
        }
    }
}

fn held(now: &Under) -> impl Iterator<Item = (&'static str, &str)> {
    [("kubernetes", &now.kubernetes), ("provider", &now.provider), ("profile", &now.profile), ("cluster", &now.cluster)]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.as_deref()?)))
}
