//! Drafting an entry from a finding: everything that evidence tells is filled in, what a person must say is left open.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use assess::Verdict;
use jiff::ToSpan;
use jiff::civil::Date;

use crate::model::{Review, Under};
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
    /// How long decisions may hold in the register that it is for.
    pub review: &'d Review,
    /// The day.
    pub as_of: Date,
}

/// Days that a draft of an exception or grant proposes: long enough to mend something, short enough to remember it.
const DAYS: i64 = 90;
/// Days that a draft of an answer proposes: what was found is looked at once a year.
const ANSWER_DAYS: i64 = 365;

/// The name of the list that a draft goes into.
pub fn kind(draft: &Draft<'_>) -> &'static str {
    match draft.verdict {
        Verdict::Manual => "answers",
        Verdict::Fail if are_people(draft.kind) => "grants",
        _ => "exceptions",
    }
}

fn are_people(kind: &str) -> bool {
    !matches!(kind, "component" | "cluster" | "file" | "set")
}

/// The entry's text, to stand under the name of its list. It does not pass [`crate::lint`] until somebody has filled in what
/// evidence cannot tell.
pub fn draft(draft: &Draft<'_>) -> String {
    let days = match draft.verdict {
        Verdict::Manual => ANSWER_DAYS.min(draft.review.answers_days),
        _ => DAYS.min(draft.review.longest_days),
    };
    let until = draft.as_of.checked_add(days.days()).unwrap_or(draft.as_of);
    let owner = draft.owner.map_or("\"\" # the team that answers for it".to_owned(), scalar);
    let mut text = format!("  # {}\n", comment(draft.title));
    match draft.verdict {
        Verdict::Manual => {
            let _ = write!(
                text,
                "  - control: {control}\n    holds: # true or false\n    evidence: \"\" # what you looked at, and what it \
                 showed\n    author: \"\"\n    date: {date}\n    expires: {until}\n    question: {question}\n",
                control = scalar(draft.control),
                date = draft.as_of,
                question = scalar(draft.expected),
            );
        }
        Verdict::Fail if are_people(draft.kind) => {
            let _ = write!(
                text,
                "  - control: {control}\n    subjects: {subjects}\n    state:\n{state}    reason: \"\" # what they do with it, and \
                 why nothing less suffices\n    owner: {owner}\n    approver: \"\" # somebody else\n    since: {date}\n    expires: \
                 {until}\n    review: {review}\n",
                control = scalar(draft.control),
                subjects = list(draft.subjects.iter().copied()),
                state = state(draft, 6),
                date = draft.as_of,
                review = review(draft.now, &["kubernetes-upgrade", "cluster-recreated"]),
            );
            under(&mut text, draft.now);
        }
        _ => exception(&mut text, draft, &owner, until),
    }
    text
}

fn exception(text: &mut String, draft: &Draft<'_>, owner: &str, until: Date) {
    let _ = writeln!(text, "  - control: {}", scalar(draft.control));
    if draft.kind == "file" {
        let _ = writeln!(text, "    scope: {{ subjects: {} }}", list(draft.subjects.iter().copied()));
    } else {
        text.push_str("    # scope: { nodes: { LABEL: VALUE } } narrows it to a pool; without it, it holds wherever this state is\n");
    }
    let _ = write!(text, "    accepted:\n      since: {}\n      state:\n{}", draft.as_of, state(draft, 8));
    let _ = writeln!(text, "      expected: {}", scalar(draft.expected));
    for (name, value) in held(draft.now) {
        let _ = writeln!(text, "      {name}: {}", scalar(value));
    }
    let _ = write!(
        text,
        "    reason: \"\" # why it cannot be mended now, and what ends that\n    compensating:\n      # control: the control \
         that shows it; the exception ends when that stops passing\n      says: \"\" # what is done instead\n    owner: \
         {owner}\n    approver: \"\" # somebody else\n    expires: {until}\n    review: {review}\n",
        review = review(draft.now, &["kubernetes-upgrade", "provider-upgrade", "profile-change", "cluster-recreated"]),
    );
}

fn state(draft: &Draft<'_>, indent: usize) -> String {
    let line = |(fact, value): (&String, &String)| format!("{:indent$}{}: {}\n", "", scalar(fact), scalar(value));
    draft.state.iter().map(line).collect()
}

/// Triggers of which it is known what holds now: others would never fire.
fn review(now: &Under, wanted: &[&str]) -> String {
    let known = |trigger: &&&str| match **trigger {
        "kubernetes-upgrade" => now.kubernetes.is_some(),
        "provider-upgrade" => now.provider.is_some(),
        "profile-change" => now.profile.is_some(),
        _ => now.cluster.is_some(),
    };
    list(wanted.iter().filter(known).copied())
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
