//! What kind of change lies between two answers.

use std::collections::BTreeSet;

use assess::{Observed, Verdict};

use super::model::{Answer, Kind};
use crate::model::Finding;

/// Facts that are another although nobody changed anything: days go by, and of a version that an update brings only the
/// bound counts that it is compared with.
const PASSING: [&str; 4] = ["certificate.days-left", "kernel.talos-version", "kernel.version", "talos.client-days"];

/// What one report says of a demand beside its answer about one subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beside {
    /// It was not judged at all.
    NotDemanded,
    /// There is no node that could be asked: the run knew nobody of its pool.
    NoNode,
    /// It was not judged there.
    NotThere,
    /// It was judged there, and something of it could not be seen.
    Hidden,
    /// All of it was seen there.
    Seen,
}

/// The kind of change from one answer to another. No answer: the report has none for this subject.
pub(super) fn kind(
    before: Option<&Finding>,
    after: Option<&Finding>,
    earlier: Beside,
    later: Beside,
    another_tool: bool,
) -> Kind {
    match (before, after) {
        (Some(old), Some(new)) if old.verdict == new.verdict => {
            // Another tool shows no facts.
            if another_tool || same_evidence(old, new) { Kind::Unchanged } else { Kind::EvidenceChanged }
        }
        (Some(old), Some(new)) if another_tool => between_tools(old.verdict, new.verdict),
        (Some(old), Some(new)) => between(old.verdict, new.verdict),
        (None, Some(new)) => match (new.verdict, earlier) {
            (_, Beside::NotDemanded) => Kind::Demanded,
            // Where something was hidden, what shows up may have been there.
            (Verdict::Fail, Beside::Hidden | Beside::NotThere) => Kind::VisibilityGained,
            (Verdict::Fail, _) => Kind::New,
            (Verdict::Unknown, Beside::Hidden | Beside::Seen) => Kind::VisibilityLost,
            _ => Kind::Appeared,
        },
        (Some(old), None) => match (old.verdict, later) {
            (_, Beside::NotDemanded) => Kind::Dropped,
            (Verdict::Fail, Beside::Hidden | Beside::NotThere) => Kind::VisibilityLost,
            (Verdict::Fail, _) => Kind::Fixed,
            (Verdict::Unknown, Beside::Hidden | Beside::Seen) => Kind::VisibilityGained,
            _ => Kind::Vanished,
        },
        (None, None) => Kind::Unchanged,
    }
}

fn between(old: Verdict, new: Verdict) -> Kind {
    match (old, new) {
        (_, Verdict::Unknown) => Kind::VisibilityLost,
        (Verdict::Unknown, _) => Kind::VisibilityGained,
        (_, Verdict::Fail) => Kind::New,
        // Evidence no longer proves the failure; that it is gone has nobody seen.
        (Verdict::Fail, Verdict::Manual) => Kind::VerdictChanged,
        (Verdict::Fail, _) => Kind::Fixed,
        _ => Kind::VerdictChanged,
    }
}

/// Two tools disagree where both decided. What one of them left to a person, the other may have seen.
fn between_tools(old: Verdict, new: Verdict) -> Kind {
    match (old, new) {
        (_, Verdict::Unknown) => Kind::VisibilityLost,
        (Verdict::Unknown, _) | (Verdict::Manual, Verdict::Fail) => Kind::VisibilityGained,
        (Verdict::Manual, _) | (_, Verdict::Manual) => Kind::VerdictChanged,
        _ => Kind::Disagrees,
    }
}

/// Whether two answers rest on the same values, seen as directly. Where they were seen does not count: processes and
/// files come and go.
pub(super) fn same_evidence(left: &Finding, right: &Finding) -> bool {
    let values = |finding: &Finding| -> BTreeSet<(String, Result<String, bool>)> {
        let value = |seen: &Observed| seen.value.clone().ok_or(seen.how == "absent");
        finding.observed.iter().filter(|seen| seen.decides).map(|seen| (seen.fact.clone(), value(seen))).collect()
    };
    left.basis == right.basis && left.equivalent == right.equivalent && values(left) == values(right)
}

/// Whether what fails now is another failure than the earlier one: another state, by which an exception would have lapsed,
/// unless no more of it offends than before. How directly it was seen does not count, nor do facts that pass by themselves.
pub(super) fn is_another_failure(before: &Answer, after: &Answer) -> bool {
    let state = |answer: &Answer| register::state(answer.verdict, &answer.observed);
    let (then, now) = (state(before), state(after));
    let facts: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    facts.into_iter().any(|fact| {
        then.get(fact) != now.get(fact) && !PASSING.contains(&fact.as_str()) && !offends_no_more(fact, before, after)
    })
}

/// Whether nothing of a fact offends that did not before. What is told by its whole value, or was by an older report, may.
fn offends_no_more(fact: &str, before: &Answer, after: &Answer) -> bool {
    let offends = |answer: &Answer| -> Vec<Option<BTreeSet<String>>> {
        let seen = answer.observed.iter().filter(|seen| seen.decides && seen.fact == fact);
        seen.map(|seen| Some(seen.offends.as_ref()?.iter().cloned().collect())).collect()
    };
    match (offends(before).as_slice(), offends(after).as_slice()) {
        ([Some(then)], [Some(now)]) => now.is_subset(then),
        ([None], [Some(now)]) => now.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_are_facts_of_the_catalogue() {
        let facts = assess::vocabulary().facts;
        for name in PASSING {
            assert!(facts.contains_key(name), "{name}");
        }
    }

    /// What offends of a fact; none: it is told by its whole value.
    type Offends<'o> = Option<&'o [&'o str]>;

    #[test]
    fn a_failure_is_another_one_where_more_offends() {
        let none: Offends = None;
        let cases: [(&str, Offends, &str, Offends, bool); 12] = [
            ("a", Some(&["x"]), "a", Some(&["x"]), false),
            // Something else came in.
            ("a", Some(&["x"]), "a, b", Some(&["x"]), false),
            ("a", Some(&["x", "y"]), "a, y", Some(&["x"]), false),
            ("a", Some(&["x"]), "a", Some(&["x", "y"]), false),
            ("a", Some(&["x"]), "b", Some(&["x", "y"]), true),
            ("a", Some(&["x"]), "b", Some(&["y"]), true),
            // It is as it must be now, and something else fails still.
            ("a", Some(&["x"]), "b", Some(&[]), false),
            ("a", none, "b", Some(&[]), false),
            ("a", Some(&[]), "b", Some(&["x"]), true),
            // Told by the whole value.
            ("a", none, "b", none, true),
            ("a", none, "b", Some(&["x"]), true),
            ("a", Some(&["x"]), "b", none, true),
        ];
        for (was, then, is, now, another) in cases {
            let [before, after] = [(was, then), (is, now)].map(|(value, offends)| failure(value, offends));
            assert_eq!(is_another_failure(&before, &after), another, "{was} {then:?} {is} {now:?}");
        }
        // It decides on one side only.
        let mut bare = failure("a", Some(&["x"]));
        bare.observed.clear();
        for (before, after) in [(failure("a", Some(&["x"])), bare.clone()), (bare, failure("a", Some(&[])))] {
            assert!(is_another_failure(&before, &after));
        }
    }

    fn failure(value: &str, offends: Offends) -> Answer {
        Answer {
            cited_by: Vec::new(),
            parameters: std::collections::BTreeMap::new(),
            verdict: Verdict::Fail,
            equivalent: None,
            basis: None,
            reason: String::new(),
            outside: false,
            expected: String::new(),
            observed: vec![Observed {
                fact: "kube-apiserver.enable-admission-plugins".to_owned(),
                value: Some(value.to_owned()),
                how: "explicit".to_owned(),
                source: String::new(),
                decides: true,
                offends: offends.map(|members| members.iter().map(|member| (*member).to_owned()).collect()),
            }],
            remediation: String::new(),
            decision: crate::State::Required.into(),
        }
    }

    const ALL: [Verdict; 5] = [Verdict::Fail, Verdict::Unknown, Verdict::Manual, Verdict::Pass, Verdict::NotApplicable];

    #[test]
    fn what_can_no_longer_be_seen_is_never_fixed() {
        for old in ALL {
            assert!(matches!(between(old, Verdict::Unknown), Kind::VisibilityLost), "{old:?}");
            assert!(matches!(between_tools(old, Verdict::Unknown), Kind::VisibilityLost), "{old:?}");
        }
        assert_eq!(between(Verdict::Fail, Verdict::Manual), Kind::VerdictChanged);
    }

    #[test]
    fn what_is_fixed_one_way_is_new_the_other_way() {
        for (old, new) in ALL.iter().flat_map(|old| ALL.map(|new| (*old, new))).filter(|(old, new)| old != new) {
            if between(old, new) == Kind::Fixed {
                assert_eq!(between(new, old), Kind::New, "{old:?} {new:?}");
            }
            let lost = between(old, new) == Kind::VisibilityLost;
            assert_eq!(lost, between(new, old) == Kind::VisibilityGained, "{old:?} {new:?}");
        }
    }
}
