//! Entries by which nothing was decided: what they speak of is not there, is mended, or is not demanded.

use assess::{Judged, Outcome, Verdict};
use benchmark::Control;

use super::fit::Fit;
use super::{Asked, Decider, takes_two};
use crate::model::{At, Class, Exception, Scope};

/// What an entry speaks of.
struct Speech<'e> {
    /// The one control that it names, if it is of that kind.
    control: Option<&'e str>,
    scope: &'e Scope,
    /// The exception that it is.
    exception: Option<&'e Exception>,
}

impl<'r> Decider<'r> {
    /// Entries by which nothing was decided: each with its place, and why in words. Of what this run could not see, what a
    /// selection left out, and what may be meant for another cluster or node, nothing is said.
    pub fn unused(&self, judged: &[Judged<'_>]) -> Vec<(&'r At, String)> {
        if self.foreign().is_some() {
            return Vec::new();
        }
        let register = self.register;
        let mut unused = Vec::new();
        let mut told = |at: &'r At, what: String, why: Option<String>| {
            unused.extend(why.map(|why| (at, format!("{what} {why}"))));
        };
        for owner in &register.owners {
            let of = Speech::of(&owner.of);
            told(&owner.at, format!("the owner {}", owner.owner), self.idle(judged, &of, &|_| true));
        }
        for entry in &register.classes {
            let of = Speech::of(&entry.of);
            let decides = |asked: &Asked<'_>| match entry.class {
                Class::Required => OPEN.contains(&asked.outcome.verdict),
                Class::ProviderOwned => [Verdict::Unknown, Verdict::Manual].contains(&asked.outcome.verdict),
                Class::Informational => asked.outcome.verdict == Verdict::Fail && !takes_two(asked.demand.control),
            };
            told(&entry.at, format!("the class {}", entry.class.word()), self.idle(judged, &of, &decides));
        }
        for exception in &register.exceptions {
            let of = Speech { exception: Some(exception), ..Speech::on(&exception.control, &exception.scope) };
            let decides =
                |asked: &Asked<'_>| OPEN.contains(&asked.outcome.verdict) && self.is_meant(exception, asked.demand);
            told(&exception.at, format!("the exception for {}", exception.control), self.idle(judged, &of, &decides));
        }
        for grant in &register.grants {
            for subject in &grant.subjects {
                let scope = Scope { subjects: vec![subject.clone()], ..Scope::default() };
                let of = Speech::on(&grant.control, &scope);
                let decides = |asked: &Asked<'_>| asked.outcome.verdict == Verdict::Fail;
                let what = format!("the grant of {} to {subject}", grant.control);
                told(&grant.at, what, self.idle(judged, &of, &decides));
            }
        }
        for answer in &register.answers {
            let of = Speech::on(&answer.control, &answer.scope);
            let decides = |asked: &Asked<'_>| asked.outcome.verdict == Verdict::Manual;
            told(&answer.at, format!("the answer for {}", answer.control), self.idle(judged, &of, &decides));
        }
        unused
    }

    /// Why nothing was decided by an entry; none: something was, or might have been.
    fn idle(&self, judged: &[Judged<'_>], of: &Speech<'_>, decides: &dyn Fn(&Asked<'_>) -> bool) -> Option<String> {
        let platforms = &of.scope.platforms;
        // One register may serve clusters of several platforms, unless it says which cluster is its own.
        if self.register.cluster.is_none() && !platforms.is_empty() && !platforms.contains(&self.context.platform) {
            return None;
        }
        let about = |demand: &&Judged<'_>| {
            of.is_about(demand.control) && of.exception.is_none_or(|exception| self.is_meant(exception, demand))
        };
        let demands: Vec<&Judged<'_>> = judged.iter().filter(about).collect();
        // Outside a selection may stand what it speaks of.
        if self.context.narrowed && (demands.is_empty() || of.control.is_none()) {
            return None;
        }
        if demands.is_empty() {
            return Some(self.undemanded(of));
        }
        let wide = Scope { subjects: Vec::new(), namespaces: Vec::new(), ..of.scope.clone() };
        let mut fitting: Vec<Verdict> = Vec::new();
        for demand in demands {
            for (capture, outcome) in &demand.outcomes {
                let asked = Asked { demand, capture, outcome };
                let unknown = outcome.verdict == Verdict::Unknown;
                match self.fits(of.scope, &asked) {
                    // What it names may be among those that could not be listed.
                    Fit::No if unknown && is_whole(outcome) && self.fits(&wide, &asked) != Fit::No => return None,
                    Fit::No => {}
                    _ if unknown || decides(&asked) => return None,
                    _ => fitting.push(outcome.verdict),
                }
            }
        }
        // Another node may be meant, where nobody told all that there are.
        let elsewhere = self.context.clusters.is_empty();
        let why = match fitting.iter().min() {
            None if elsewhere && !of.scope.nodes.is_empty() => return None,
            None => "matches nothing",
            Some(Verdict::NotApplicable) if elsewhere => return None,
            Some(Verdict::NotApplicable) => "is mended: the control does not apply now",
            Some(Verdict::Pass) => "is mended: the control passes now",
            Some(Verdict::Manual) => "decides nothing: what it speaks of is a question for a person",
            Some(_) => "decides nothing: what it speaks of was seen, and fails",
        };
        Some(why.to_owned())
    }

    fn undemanded(&self, of: &Speech<'_>) -> String {
        let profiles = self.context.profiles.keys().cloned().collect::<Vec<_>>().join(", ");
        match of.control {
            Some(_) => format!("is idle: its control is not demanded by {profiles}"),
            None => format!("is idle: no control that it speaks of is demanded by {profiles}"),
        }
    }
}

/// What may need a decision.
const OPEN: [Verdict; 3] = [Verdict::Fail, Verdict::Unknown, Verdict::Manual];

impl<'e> Speech<'e> {
    fn of(scope: &'e Scope) -> Self {
        Self { control: None, scope, exception: None }
    }

    fn on(control: &'e str, scope: &'e Scope) -> Self {
        Self { control: Some(control), scope, exception: None }
    }

    fn is_about(&self, control: &Control) -> bool {
        self.control.is_none_or(|name| name == control.name) && self.scope.is_about(control)
    }
}

/// Whether an outcome is about all that a control would go through, and not about one member.
fn is_whole(outcome: &Outcome) -> bool {
    ["set", "cluster", "component"].contains(&outcome.subject.kind.as_str())
}
