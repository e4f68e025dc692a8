//! What became of decisions. The register and its dates stand apart from verdicts.

use assess::Verdict;
use register::{Decision, State};

use super::model::{DecisionChange, Event};
use crate::model::{Finding, Subject};

/// What is told of a decision that changed; none: it follows from the verdict alone, or nothing changed.
pub(super) fn change(before: &Finding, after: &Finding, subjects: Vec<Subject>) -> Option<DecisionChange> {
    let event = event((before.verdict, &before.decision), (after.verdict, &after.decision))?;
    Some(DecisionChange {
        event,
        control: after.control.clone(),
        title: after.title.clone(),
        cited_by: after.cited_by.clone(),
        verdict: after.verdict,
        before: before.decision.clone(),
        after: after.decision.clone(),
        subjects,
    })
}

fn event((was, before): (Verdict, &Decision), (is, after): (Verdict, &Decision)) -> Option<Event> {
    let newly = |state| after.state == state && before.state != state;
    if newly(State::Overdue) {
        Some(Event::Expired)
    } else if after.lapsed.iter().any(|why| !before.lapsed.contains(why)) {
        Some(Event::Lapsed)
    } else if before.state.is_settled() && after.state.is_open() && was == is {
        Some(Event::Withdrawn)
    } else if after.state.is_settled() && !before.state.is_settled() {
        Some(Event::Settled)
    } else {
        let differs = (before.state, &before.until) != (after.state, &after.until);
        (after.state.is_settled() && differs).then_some(Event::Changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_that_follow_from_the_verdict_are_not_told() {
        use State::{Accepted, Informational, None as Nothing, Overdue, Required};
        let (fail, pass) = (Verdict::Fail, Verdict::Pass);
        for (before, after, expected) in [
            ((fail, Required), (pass, Nothing), None),
            ((pass, Nothing), (fail, Required), None),
            ((fail, Required), (fail, Accepted), Some(Event::Settled)),
            ((fail, Accepted), (fail, Overdue), Some(Event::Expired)),
            ((fail, Accepted), (fail, Required), Some(Event::Withdrawn)),
            ((fail, Accepted), (pass, Nothing), None),
            ((fail, Accepted), (fail, Informational), Some(Event::Changed)),
            ((fail, Accepted), (fail, Accepted), None),
        ] {
            let of = |state: State| Decision::from(state);
            assert_eq!(event((before.0, &of(before.1)), (after.0, &of(after.1))), expected, "{before:?} {after:?}");
        }
        let lapsed = Decision { lapsed: vec!["its state changed".to_owned()], ..State::Required.into() };
        assert_eq!(event((fail, &State::Accepted.into()), (fail, &lapsed)), Some(Event::Lapsed));
        assert_eq!(event((fail, &lapsed), (fail, &lapsed)), None);
    }
}
