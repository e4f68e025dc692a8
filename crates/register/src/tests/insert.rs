//! Putting drafts into a file: the list grows, and every other byte stays.

use std::collections::BTreeMap;

use assess::Verdict;

use super::{DAY, SAMPLE, content, said};
use crate::{Review, Under, insert};

const DRAFT: &str = "  # A title\n  - control: new\n    holds: # true or false\n    # a note\n";

/// A file, and the same with the draft in its answers.
const PUT: &[(&str, &str, &str)] = &[
    ("nothing", "", "answers:\n  # A title\n  - control: new\n    holds: # true or false\n    # a note\n"),
    (
        "no list",
        "# head\nregister: x\n\n# tail\n",
        "# head\nregister: x\n\n# tail\n\nanswers:\n  # A title\n  - control: new\n    holds: # true or false\n    # a note\n",
    ),
    (
        "no last line end",
        "register: x",
        "register: x\n\nanswers:\n  # A title\n  - control: new\n    holds: # true or false\n    # a note\n",
    ),
    (
        "an empty list",
        "register: x\nanswers: [] # none yet\ngrants: [] \n",
        "register: x\nanswers:  # none yet\n  # A title\n  - control: new\n    holds: # true or false\n    # a note\ngrants: [] \n",
    ),
    (
        "an empty list without a comment",
        "answers: []\nregister: x\n",
        "answers:\n  # A title\n  - control: new\n    holds: # true or false\n    # a note\nregister: x\n",
    ),
    (
        "a field left empty, at the end",
        "register: x\nanswers:",
        "register: x\nanswers:\n  # A title\n  - control: new\n    holds: # true or false\n    # a note\n",
    ),
    (
        "an explicit null",
        "answers: null\nregister: x\n",
        "answers:\n  # A title\n  - control: new\n    holds: # true or false\n    # a note\nregister: x\n",
    ),
    (
        "entries, with comments of theirs and of others",
        "answers: # two\n  - control: a # one\n    says: |\n      # text\n    # of a\n\n  - { control: b } # b\n    # of b\n  # of \
         nobody\ngrants: []\n",
        "answers: # two\n  - control: a # one\n    says: |\n      # text\n    # of a\n\n  - { control: b } # b\n    # of b\n  # A \
         title\n  - control: new\n    holds: # true or false\n    # a note\n  # of nobody\ngrants: []\n",
    ),
    (
        "entries that are not indented",
        "answers:\n- control: a\n# end\n",
        "answers:\n- control: a\n# A title\n- control: new\n  holds: # true or false\n  # a note\n# end\n",
    ),
    (
        "an entry after its dash, and another in brackets",
        "answers:\n  # a - b\n  - # - c\n    control: a\n  - { control: b,\n      says: c }\n",
        "answers:\n  # a - b\n  - # - c\n    control: a\n  - { control: b,\n      says: c }\n  # A title\n  - control: new\n    holds: \
         # true or false\n    # a note\n",
    ),
    (
        "entries that are indented further",
        "answers:\n    -   control: a\n        b: c\nregister: x\n",
        "answers:\n    -   control: a\n        b: c\n    # A title\n    - control: new\n      holds: # true or false\n      # a \
         note\nregister: x\n",
    ),
    (
        "a whole file that is indented",
        " register: x\n",
        " register: x\n\n answers:\n   # A title\n   - control: new\n     holds: # true or false\n     # a note\n",
    ),
    (
        "other line ends",
        "register: x\r\nanswers:\r\n  - a: b\r\n",
        "register: x\r\nanswers:\r\n  - a: b\r\n  # A title\r\n  - control: new\r\n    holds: # true or false\r\n    # a note\r\n",
    ),
];

#[test]
fn a_list_grows_and_nothing_else_changes() {
    for (what, before, after) in PUT {
        assert_eq!(insert("r.yaml", before, "answers", DRAFT).as_deref(), Ok(*after), "{what}");
    }
}

#[test]
fn what_cannot_be_put_in_is_refused_where_it_stands() {
    for (before, told) in [
        ("register: x\n answers: []\n", "yaml-syntax"),
        ("answers: []\nanswers: []\n", "duplicate-field"),
        ("answers: [{ control: a }]\n", "this list stands in brackets"),
        ("answers:\n  [{ control: a }]\n", "this list stands in brackets"),
        ("answers: yes\n", "this is no list"),
        ("{ register: x }\n", "no list can be added to this"),
        ("- a\n", "no list can be added to this"),
        ("register: x\n...\n", "a second document"),
        ("register: x\n---\nanswers: []\n", "a second document"),
        // The blank lines belong to the text of the entry above.
        ("answers:\n  - says: |+\n      text\n\n\n", "without changing what stands around it"),
    ] {
        let refused = insert("r.yaml", before, "answers", DRAFT).unwrap_err();
        let mut sources = diag::Sources::default();
        sources.add("r.yaml", before);
        let drawn = diag::render_short(&refused, &sources);
        assert!(drawn.contains(told), "{before:?}: {drawn}");
    }
}

/// Drafts of every kind, into a register to begin with and into the sample: what is missing is words alone.
#[test]
fn drafts_go_where_they_belong() {
    let content = content();
    let now = Under::default();
    let first = crate::init("ours", content.platform("kubeadm").unwrap(), content, DAY);
    for before in [first.as_str(), SAMPLE] {
        let mut text = before.to_owned();
        for (verdict, of, control) in [
            (Verdict::Fail, "component", "kubelet-event-rate"),
            (Verdict::Fail, "subject", "rbac-cluster-admin-only-where-needed"),
            (Verdict::Manual, "component", "users-do-not-use-client-certificates"),
            (Verdict::Fail, "file", "pki-certificate-mode"),
        ] {
            let draft = crate::Draft {
                control,
                title: "A title",
                verdict,
                expected: "x is 1",
                state: BTreeMap::from([("verdict".to_owned(), "fail".to_owned())]),
                kind: of,
                subjects: ["somebody"].into(),
                owner: Some("a-team"),
                now: &now,
                review: &Review::default(),
                as_of: DAY,
            };
            text = insert("register.yaml", &text, crate::kind(&draft), &crate::draft(&draft)).unwrap();
        }
        let mut sources = diag::Sources::default();
        let (_, found) = crate::load("register.yaml", &text, content, &mut sources);
        let blank = |one: &&diag::Diagnostic| one.code != "empty-text" && one.code != "wrong-type";
        assert_eq!(found.iter().filter(blank).count(), 0, "{}", said(&text, content));
        assert_eq!(text.matches("\nexceptions:\n").count(), 1, "{text}");
        for line in before.lines() {
            assert!(text.contains(line), "{line}");
        }
    }
}

proptest::proptest! {
    /// Whatever the file is: it is refused, or every line of it is still there in its order.
    #[test]
    fn no_line_is_ever_lost(at in 0..SAMPLE.len(), put in "[ -~\n\t]{0,12}", cut in 0usize..40, list in 0usize..3) {
        let mut text = SAMPLE.as_bytes().to_vec();
        let end = (at + cut).min(text.len());
        text.splice(at..end, put.bytes());
        let text = String::from_utf8(text).unwrap();
        let list = ["exceptions", "grants", "answers"][list];
        if let Ok(new) = insert("r.yaml", &text, list, DRAFT) {
            let mut lines = new.lines();
            // Of a list that was `[]` or `null`, that is taken away.
            let kept = |line: &str| !line.trim_start().starts_with(list);
            for line in text.lines().filter(|line| kept(line)) {
                proptest::prop_assert!(lines.any(|new| new == line), "{line}\n---\n{new}");
            }
            proptest::prop_assert_eq!(new.len() > text.len(), true);
        }
    }
}
