//! The words that renderers share, and the one way in which foreign text becomes harmless.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use assess::Verdict;
use benchmark::{Assessment, Priority};
use evidence::Basis;

use crate::model::{Finding, Report};

/// Text from a node, made harmless: whatever could steer a terminal or reorder what is read stands as a visible escape.
pub fn inert(text: &str) -> Cow<'_, str> {
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if steers(letter) {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    Cow::Owned(shown)
}

/// A word of a command as a shell reads it: quoted where it is more than a plain name or path.
pub fn shell_word(word: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/@:,".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
}

/// Whether a character acts instead of standing there: controls, what turns the reading direction, what is invisible, and
/// what is no character and so may stand in no XML.
pub(crate) fn steers(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e007f}')
}

/// A verdict as it is always spelled.
pub fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Fail => "FAIL",
        Verdict::Unknown => "UNKNOWN",
        Verdict::Manual => "MANUAL",
        Verdict::Pass => "PASS",
        Verdict::NotApplicable => "N/A",
    }
}

/// Verdicts by number: `2 FAIL, 5 PASS`.
pub(crate) fn counts(counts: &BTreeMap<Verdict, usize>) -> String {
    let said = counts.iter().map(|(of, count)| format!("{count} {}", verdict(*of)));
    said.collect::<Vec<_>>().join(", ")
}

/// A priority.
pub fn priority(priority: Priority) -> &'static str {
    match priority {
        Priority::Critical => "critical",
        Priority::High => "high",
        Priority::Medium => "medium",
        Priority::Low => "low",
        Priority::Contextual => "contextual",
    }
}

/// How a publisher assesses.
pub(crate) fn assessment(assessment: Assessment) -> &'static str {
    match assessment {
        Assessment::Automated => "automated",
        Assessment::Manual => "manual",
    }
}

/// How directly something was seen.
pub(crate) fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Rendered => "rendered",
        Basis::Declared => "declared",
        Basis::Running => "running",
    }
}

/// Ids that cite more than one demand: profiles that were judged together number differently.
pub(crate) fn ambiguous(report: &Report) -> BTreeSet<String> {
    let (mut once, mut again) = (BTreeSet::new(), BTreeSet::new());
    for demand in report.demands() {
        let ids: BTreeSet<&String> =
            demand.first().into_iter().flat_map(|finding| &finding.cited_by).map(|cited| &cited.id).collect();
        again.extend(ids.into_iter().filter(|id| !once.insert((*id).clone())).cloned());
    }
    again
}

/// The ids that cite a finding: `1.2.6`, with the profile's name where ids differ or mean something else elsewhere.
pub(crate) fn ids(finding: &Finding, ambiguous: &BTreeSet<String>) -> String {
    let own = finding.id();
    if finding.cited_by.iter().all(|cited| cited.id == own) && !ambiguous.contains(own) {
        return own.to_owned();
    }
    finding.cited_by.iter().map(|cited| format!("{}@{}", cited.id, cited.profile)).collect::<Vec<_>>().join(", ")
}

/// Whether a publisher leaves it to a person.
pub(crate) fn left_to_a_person(finding: &Finding) -> bool {
    finding.cited_by.iter().any(|cited| cited.assessment == Assessment::Manual)
}

/// `1 file`, `2 files`.
pub(crate) fn number(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Some names: all of them, or the first three and how many more there are.
pub(crate) fn some(names: &[&str], all: bool) -> String {
    if all || names.len() <= 4 {
        return names.join(", ");
    }
    format!("{}, … and {} more", names[..3].join(", "), names.len() - 3)
}

/// A value; a long list by its first members, unless all is wanted.
pub(crate) fn value(text: &str, all: bool) -> Cow<'_, str> {
    let members: Vec<&str> = text.split(", ").collect();
    if all || members.len() <= 8 {
        return Cow::Borrowed(text);
    }
    Cow::Owned(some(&members, false))
}

/// A time as people write it: `2026-03-01 02:14:07 UTC`; anything that is no time as it stands.
pub(crate) fn time(text: &str) -> String {
    text.parse::<jiff::Timestamp>()
        .map_or_else(|_| text.to_owned(), |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// Enough of a remediation to begin: its first step with what is indented beneath, or its first sentence.
pub(crate) fn beginning(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let start = lines.iter().position(|line| line.starts_with("1. ")).unwrap_or(0);
    let Some(first) = lines.get(start) else { return String::new() };
    let sentence = first_sentence(first);
    if sentence != *first && !first.starts_with("1. ") {
        return sentence.to_owned();
    }
    let more = lines[start + 1..].iter().take_while(|line| line.starts_with(' ')).count();
    lines[start..=start + more].join("\n")
}

/// How many numbered steps a remediation has.
pub(crate) fn steps(text: &str) -> usize {
    let numbered = |line: &&str| line.split_once(". ").is_some_and(|(number, _)| number.parse::<u8>().is_ok());
    text.lines().filter(numbered).count()
}

fn first_sentence(text: &str) -> &str {
    let mut ends = text.match_indices(". ").map(|(at, _)| at);
    let sentence = |at: &usize| !["e.g", "i.e", "etc", "vs"].iter().any(|short| text[..*at].ends_with(short));
    ends.find(sentence).map_or(text, |at| &text[..=at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_steer_a_terminal_is_shown_as_text() {
        for (text, expected) in [
            ("/etc/kubernetes/pki", "/etc/kubernetes/pki"),
            ("häßlich – 日本", "häßlich – 日本"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("a\nb\tc\r", "a\\nb\\tc\\r"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("admin\u{202e}txt.exe", "admin\\u{202e}txt.exe"),
            ("zero\u{200b}width", "zero\\u{200b}width"),
        ] {
            assert_eq!(inert(text), expected);
        }
    }

    #[test]
    fn a_word_for_a_shell_stays_one_word() {
        for (word, expected) in [
            ("audit/report-1.json", "audit/report-1.json"),
            ("", "''"),
            ("node cp-1", "'node cp-1'"),
            ("it's", r"'it'\''s'"),
            ("$(reboot)", "'$(reboot)'"),
            ("~", "'~'"),
        ] {
            assert_eq!(shell_word(word), expected);
        }
    }

    #[test]
    fn a_remediation_begins_with_a_sentence_or_a_whole_step() {
        for (text, expected) in [
            ("Give clients certificates, e.g. backup. Then set it.", "Give clients certificates, e.g. backup."),
            ("Only one sentence", "Only one sentence"),
            ("Set here.\n1. Edit:\n     --a=b\n2. Restart.", "1. Edit:\n     --a=b"),
            ("Set\n  a: b\nThen restart.", "Set\n  a: b"),
            ("1. Write:\n a\n b\n c\n d\n e\n f\n2. Restart.", "1. Write:\n a\n b\n c\n d\n e\n f"),
            ("", ""),
        ] {
            assert_eq!(beginning(text), expected);
        }
        assert_eq!(steps("Set here.\n1. Edit:\n     2. --a=b\n2. Restart."), 2);
        assert_eq!(steps("Version 1. Then restart."), 0);
    }

    #[test]
    fn many_names_are_folded() {
        let names = ["a", "b", "c", "d", "e"];
        for (names, all, expected) in [
            (&names[..4], false, "a, b, c, d"),
            (&names[..], false, "a, b, c, … and 2 more"),
            (&names[..], true, "a, b, c, d, e"),
        ] {
            assert_eq!(some(names, all), expected);
        }
        let list = "a, b, c, d, e, f, g, h, i";
        assert_eq!(value(list, false), "a, b, c, … and 6 more");
        assert_eq!(value(list, true), list);
        assert_eq!(value(&list[..22], false), &list[..22], "eight members are few");
    }
}
