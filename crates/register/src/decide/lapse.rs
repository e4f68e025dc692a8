//! Why a decision no longer holds, or is due: what was accepted beside what is seen now.

use std::collections::{BTreeMap, BTreeSet};

use assess::{Observed, Verdict};
use jiff::civil::Date;

use super::{Asked, Decider};
use crate::model::{Exception, Trigger, Under};

impl Decider<'_> {
    /// Why an exception does not hold, apart from its expiry.
    pub(super) fn broken(&self, exception: &Exception, asked: &Asked<'_>) -> Vec<String> {
        let mut why = Vec::new();
        if exception.accepted.since > self.context.as_of {
            why.push(not_yet(exception.accepted.since));
        }
        why.extend(changed(&exception.accepted.state, &state(asked.outcome.verdict, &asked.outcome.observed)));
        if let Some(name) = &exception.compensating.control {
            match self.verdicts.get(name.as_str()) {
                // What lies outside is neither shown to hold nor to fail: that is told as due.
                Some((Verdict::Pass, _) | (Verdict::Unknown, true)) => {}
                None if self.context.narrowed => {}
                None => why.push(format!("{name}, which compensates for it, was not judged: no profile demands it")),
                Some((verdict, _)) => {
                    why.push(format!("{name}, which compensates for it, does not pass: {}", word_of(*verdict)));
                }
            }
        }
        why
    }

    /// What has happened since that makes an entry due.
    pub(super) fn fired(&self, triggers: &[Trigger], then: &Under) -> Vec<String> {
        let now = &self.context.now;
        let changed = |then: &Option<String>, now: &Option<String>, what: &str| match (then, now) {
            (Some(then), Some(now)) if then != now => Some(format!("{what}: {then} then, {now} now")),
            _ => None,
        };
        let mut fired: Vec<String> = triggers
            .iter()
            .filter_map(|trigger| match trigger {
                Trigger::KubernetesUpgrade => changed(&then.kubernetes, &now.kubernetes, "Kubernetes was upgraded"),
                Trigger::ProviderUpgrade => changed(&then.provider, &now.provider, "the provider's version changed"),
                Trigger::ClusterRecreated => changed(&then.cluster, &now.cluster, "this is another cluster"),
                Trigger::ProfileChange => self.profile_changed(then.profile.as_deref()?),
            })
            .collect();
        fired.sort();
        fired.dedup();
        fired
    }

    fn profile_changed(&self, then: &str) -> Option<String> {
        let (name, digest) = then.split_once('@').unwrap_or((then, ""));
        match self.context.profiles.get(name) {
            Some(now) if now.starts_with(digest) => None,
            Some(_) => Some(format!("the profile {name} demands something else than then")),
            None => Some(format!(
                "the profile was {name}, now it is {}",
                self.context.profiles.keys().cloned().collect::<Vec<_>>().join(", ")
            )),
        }
    }
}

/// What stands for the verdict in a state: where no fact decides, it alone does.
pub(crate) const VERDICT: &str = "verdict";

/// The state that a verdict rests on: the verdict itself, and the deciding facts with their values.
pub fn state(verdict: Verdict, observed: &[Observed]) -> BTreeMap<String, String> {
    let value = |seen: &Observed| match (&seen.value, seen.how.as_str()) {
        (Some(value), _) => value.clone(),
        (None, "unknown") => "(unknown)".to_owned(),
        (None, _) => "(absent)".to_owned(),
    };
    let facts = observed.iter().filter(|seen| seen.decides).map(|seen| (seen.fact.clone(), value(seen)));
    let word = match verdict {
        Verdict::Fail => "fail",
        Verdict::Unknown => "unknown",
        Verdict::Manual => "manual",
        Verdict::Pass => "pass",
        Verdict::NotApplicable => "not-applicable",
    };
    facts.chain([(VERDICT.to_owned(), word.to_owned())]).collect()
}

/// Why a decision of a later day does not hold.
pub(super) fn not_yet(day: Date) -> String {
    format!("it holds from {day} on, which is later than this day")
}

/// How two states differ, in words.
pub(super) fn changed(then: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<String> {
    let facts: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let word = |value: Option<&String>| value.map_or("not decisive", String::as_str).to_owned();
    let differ = facts.into_iter().filter(|fact| then.get(*fact) != now.get(*fact));
    differ
        .map(|fact| format!("the state changed: {fact} was {}, is {}", word(then.get(fact)), word(now.get(fact))))
        .collect()
}

fn word_of(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Fail => "it fails",
        Verdict::Unknown => "it could not be seen",
        Verdict::Manual => "it is a question for a person",
        Verdict::Pass => "it passes",
        Verdict::NotApplicable => "it does not apply",
    }
}
