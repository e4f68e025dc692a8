//! Deciding: an outcome, what the register says of it, and the day.

mod fit;
mod lapse;
mod unused;

use std::collections::{BTreeMap, BTreeSet};

use assess::{Judged, Outcome, Verdict};
use jiff::civil::Date;

use crate::decision::{Decision, State};
use crate::lint::takes_two;
use crate::model::{Answer, At, Class, Classed, Exception, Grant, Owner, Register, Under};

use self::fit::Fit;
pub(crate) use self::lapse::VERDICT;
pub use self::lapse::state;
use self::lapse::{changed, not_yet};

/// What an outcome is decided in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// The day.
    pub as_of: Date,
    /// The platform's name.
    pub platform: String,
    /// What holds now, for the triggers. What is not known fires none.
    pub now: Under,
    /// The profiles that are judged, each with its digest.
    pub profiles: BTreeMap<String, String>,
    /// Labels of nodes by capture; a capture whose labels were not seen is not in it.
    pub labels: BTreeMap<String, BTreeMap<String, String>>,
    /// The cluster's uid as the evidence shows it; several where captures of several clusters are judged together.
    pub uids: BTreeSet<String>,
    /// What the cluster's keepers call it, if they said so.
    pub called: Option<String>,
    /// Whether a selection narrowed what was judged: what is missing then says nothing.
    pub narrowed: bool,
    /// Captures of a cluster's own objects. They are no nodes, and tell which there are: without one, an entry may be meant
    /// for a node that was not looked at.
    pub clusters: BTreeSet<String>,
    /// Entries that [`crate::lint`] refuses, by their line, with why: they do not hold.
    pub refused: BTreeMap<usize, String>,
}

/// Decides outcomes by a register, on a day.
#[derive(Debug)]
pub struct Decider<'r> {
    register: &'r Register,
    context: Context,
    /// The verdict on each judged control, over all its subjects.
    verdicts: BTreeMap<&'r str, (Verdict, bool)>,
    /// What each control demands, in words: one control may be demanded with several bounds.
    demanded: BTreeMap<&'r str, BTreeSet<String>>,
}

/// One outcome, with what it belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The demand.
    pub demand: &'a Judged<'a>,
    /// The capture that it was judged in.
    pub capture: &'a str,
    /// The outcome.
    pub outcome: &'a Outcome,
}

impl<'r> Decider<'r> {
    /// A decider over everything that was judged: an exception rests on the control that compensates for it.
    pub fn new(register: &'r Register, context: Context, judged: &'r [Judged<'r>]) -> Self {
        let mut verdicts: BTreeMap<&str, (Verdict, bool)> = BTreeMap::new();
        let mut demanded: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for demand in judged {
            demanded.entry(&demand.control.name).or_default().insert(demand.control.expected(&demand.parameters));
            for (_, outcome) in &demand.outcomes {
                let new = (outcome.verdict, outcome.outside);
                let worst = verdicts.entry(demand.control.name.as_str()).or_insert(new);
                *worst = (*worst).min(new);
            }
        }
        Self { register, context, verdicts, demanded }
    }

    /// Why the register does not speak of this cluster; none: it does, or nothing says otherwise.
    pub fn foreign(&self) -> Option<String> {
        let own = self.register.cluster.as_ref()?;
        let Context { uids, called, .. } = &self.context;
        // A register of one cluster does not decide for two.
        if uids.len() < 2 && uids.iter().chain(called).any(|name| name == own) {
            return None;
        }
        let names = uids.iter().chain(called).cloned().collect::<Vec<_>>().join(", ");
        let here = match (names.is_empty(), uids.len()) {
            (true, _) => "one whose name was not seen (give --cluster-name)".to_owned(),
            (false, 0 | 1) => names,
            (false, _) => format!("evidence of several, {names}"),
        };
        Some(format!(
            "the register {} speaks of the cluster {own}, and this is {here}: it decides nothing",
            self.register.name
        ))
    }

    /// What is decided about an outcome.
    pub fn decide(&self, asked: &Asked<'_>) -> Decision {
        let outcome = asked.outcome;
        let base = match &outcome.provider {
            Some(_) => State::ProviderOwned,
            None => State::default_for(outcome.verdict, outcome.outside),
        };
        let mut decision = Decision::from(base);
        // Another cluster's register says nothing here, not even who answers for it. That is told once, of the whole.
        if self.foreign().is_some() {
            return decision;
        }
        if let Some(owner) = self.owner(asked) {
            decision.owner = Some(owner.owner.clone());
            decision.source.clone_from(&owner.source);
        }
        if matches!(outcome.verdict, Verdict::Pass | Verdict::NotApplicable) {
            return decision;
        }
        let found = match outcome.verdict {
            Verdict::Pass | Verdict::NotApplicable => true,
            // What a person found wanting may be accepted like any failure, and is nobody else's.
            Verdict::Manual => {
                let answered = self.answered(asked, &mut decision);
                answered == Answered::Holds || self.excepted(asked, &mut decision) || answered == Answered::DoesNotHold
            }
            Verdict::Fail => self.granted(asked, &mut decision) || self.excepted(asked, &mut decision),
            Verdict::Unknown => self.excepted(asked, &mut decision),
        };
        if !found {
            self.classed(asked, &mut decision);
        }
        decision
    }

    /// The owner whose entry speaks most closely of it; of two that do equally, the first.
    fn owner(&self, asked: &Asked<'_>) -> Option<&'r Owner> {
        let fits = |owner: &&Owner| self.fits(&owner.of, asked) == Fit::Yes;
        let mut best: Option<&Owner> = None;
        for owner in self.register.owners.iter().filter(fits) {
            if best.is_none_or(|best| owner.of.closeness() > best.of.closeness()) {
                best = Some(owner);
            }
        }
        best
    }

    fn classed(&self, asked: &Asked<'_>, decision: &mut Decision) {
        let mut best: Option<&Classed> = None;
        for entry in &self.register.classes {
            let fits = match self.fits(&entry.of, asked) {
                Fit::Yes => true,
                // What may have to be dealt with has to be.
                Fit::Unseen(_) => entry.class == Class::Required,
                Fit::No => false,
            };
            if fits && best.is_none_or(|best| entry.of.closeness() > best.of.closeness()) {
                best = Some(entry);
            }
        }
        let Some(entry) = best else { return };
        if self.is_refused(&entry.at, decision) {
            return;
        }
        if entry.class == Class::Informational && takes_two(asked.demand.control) {
            decision.lapsed.push(format!(
                "{}: a failure of this weight is nobody's mere information: it takes an exception with an end",
                entry.at
            ));
            return;
        }
        let state = match (entry.class, asked.outcome.verdict) {
            (Class::Required, _) => State::Required,
            (Class::Informational, Verdict::Fail) => State::Informational,
            (Class::ProviderOwned, Verdict::Unknown | Verdict::Manual) => State::ProviderOwned,
            (Class::ProviderOwned, _) => {
                decision
                    .lapsed
                    .push(format!("{}: declared the provider's, but the evidence shows a failure here", entry.at));
                return;
            }
            (Class::Informational, _) => return,
        };
        let before = entry.recheck.as_ref().and_then(|recheck| recheck.before);
        let overdue = before.is_some_and(|day| day < self.context.as_of);
        decision.state = if overdue { State::Overdue } else { state };
        decision.until = before.map(|day| day.to_string());
        decision.reason = Some(entry.reason.clone());
        decision.entry = Some(entry.at.to_string());
        decision.evidence =
            entry.evidence.iter().map(|evidence| format!("{} (read on {})", evidence.link, evidence.dated)).collect();
        let on = entry.recheck.as_ref().map(|recheck| recheck.on.as_slice()).unwrap_or_default();
        decision.due = self.fired(on, &entry.under);
        if overdue && let Some(day) = before {
            decision.due.push(format!("it was to be looked at again by {day}"));
        }
    }

    fn granted(&self, asked: &Asked<'_>, decision: &mut Decision) -> bool {
        let of = |grant: &&Grant| {
            grant.control == asked.demand.control.name && grant.subjects.contains(&asked.outcome.subject.name)
        };
        let mut holds = Vec::new();
        for grant in self.register.grants.iter().filter(of) {
            if self.is_refused(&grant.at, decision) {
                continue;
            }
            let mut broken = Vec::new();
            if grant.since > self.context.as_of {
                broken.push(not_yet(grant.since));
            }
            if !grant.state.is_empty() {
                broken.extend(changed(&grant.state, &state(asked.outcome.verdict, &asked.outcome.observed)));
            }
            if broken.is_empty() {
                holds.push(grant);
            }
            decision.lapsed.extend(broken.into_iter().map(|why| format!("{}: {why}", grant.at)));
        }
        let Some(grant) = latest(holds.into_iter(), |grant| grant.expires) else { return false };
        decision.lapsed.clear();
        self.answers_for(&grant.owner, decision);
        decision.until = Some(grant.expires.to_string());
        decision.reason = Some(grant.reason.clone());
        decision.by = Some(grant.approver.clone());
        decision.entry = Some(grant.at.to_string());
        decision.due = self.fired(&grant.review, &grant.under);
        if grant.state.is_empty() && asked.outcome.observed.iter().any(|seen| seen.decides) {
            decision.due.push("it does not say what was granted: write its `state`, as `register add` does".to_owned());
        }
        decision.state = self.until(grant.expires, State::Accepted);
        true
    }

    fn excepted(&self, asked: &Asked<'_>, decision: &mut Decision) -> bool {
        let mut holds: Option<&Exception> = None;
        for exception in self.register.exceptions.iter().filter(|one| one.control == asked.demand.control.name) {
            match self.fits(&exception.scope, asked) {
                Fit::No => continue,
                Fit::Unseen(why) => {
                    decision.lapsed.push(format!("{}: {why}", exception.at));
                    continue;
                }
                Fit::Yes => {}
            }
            if !self.is_meant(exception, asked.demand) {
                continue;
            }
            if self.is_refused(&exception.at, decision) {
                continue;
            }
            let broken = self.broken(exception, asked);
            if !broken.is_empty() {
                decision.lapsed.extend(broken.into_iter().map(|why| format!("{}: {why}", exception.at)));
                decision.owner.get_or_insert_with(|| exception.owner.clone());
                continue;
            }
            if holds.is_none_or(|other| other.expires < exception.expires) {
                holds = Some(exception);
            }
        }
        let Some(exception) = holds else { return false };
        decision.lapsed.clear();
        self.answers_for(&exception.owner, decision);
        decision.until = Some(exception.expires.to_string());
        decision.reason = Some(exception.reason.clone());
        decision.by = Some(exception.approver.clone());
        decision.entry = Some(exception.at.to_string());
        decision.evidence = vec![match &exception.compensating.control {
            Some(control) => format!("{} ({control} passes)", exception.compensating.says),
            None => exception.compensating.says.clone(),
        }];
        decision.due = self.fired(&exception.review, &exception.accepted.under);
        let now = asked.demand.control.expected(&asked.demand.parameters);
        match &exception.accepted.expected {
            Some(then) if *then == now => {}
            Some(then) => decision.due.push(format!("the demand changed: it was \"{then}\", now it is \"{now}\"")),
            None => {
                let why = "it does not say what was demanded: write what is `expected`, as `register add` does";
                decision.due.push(why.to_owned());
            }
        }
        if let Some(name) = &exception.compensating.control
            && !matches!(self.verdicts.get(name.as_str()), Some((Verdict::Pass, _)))
        {
            decision.due.push(format!("{name}, which compensates, lies outside what was looked at"));
            decision.evidence = vec![exception.compensating.says.clone()];
        }
        decision.state = self.until(exception.expires, State::Accepted);
        true
    }

    /// Whether an exception speaks of this demand, and was not accepted for another of the same control, which is judged
    /// beside this one.
    fn is_meant(&self, exception: &Exception, demand: &Judged<'_>) -> bool {
        let own = demand.control.expected(&demand.parameters);
        let other = exception.accepted.expected.as_ref().filter(|then| **then != own);
        !other.is_some_and(|then| self.demanded.get(exception.control.as_str()).is_some_and(|all| all.contains(then)))
    }

    fn answered(&self, asked: &Asked<'_>, decision: &mut Decision) -> Answered {
        let question = asked.demand.control.expected(&asked.demand.parameters);
        let mut fitting = Vec::new();
        for answer in self.register.answers.iter().filter(|one| one.control == asked.demand.control.name) {
            match self.fits(&answer.scope, asked) {
                Fit::Yes if self.is_refused(&answer.at, decision) => {}
                Fit::Yes if answer.date > self.context.as_of => {
                    decision.lapsed.push(format!("{}: {}", answer.at, not_yet(answer.date)));
                }
                Fit::Yes if answer.question.as_ref().is_some_and(|asked| *asked != question) => {
                    decision.lapsed.push(format!("{}: another question was answered", answer.at));
                }
                Fit::Yes => fitting.push(answer),
                Fit::No => {}
                Fit::Unseen(why) => decision.lapsed.push(format!("{}: {why}", answer.at)),
            }
        }
        // Of one day, the answer that finds something wanting.
        let Some(answer): Option<&Answer> = latest(fitting.into_iter(), |answer| (answer.date, !answer.holds)) else {
            return Answered::Not;
        };
        decision.until = Some(answer.expires.to_string());
        decision.reason = Some(answer.evidence.clone());
        decision.by = Some(format!("{} on {}", answer.author, answer.date));
        decision.entry = Some(answer.at.to_string());
        if !answer.holds {
            decision.reason = Some(format!("answered: it does not hold. {}", answer.evidence));
            decision.state = State::Required;
            return Answered::DoesNotHold;
        }
        decision.lapsed.clear();
        if answer.question.is_none() {
            decision
                .due
                .push("it does not say what was asked: write its `question`, as `register add` does".to_owned());
        }
        decision.state = self.until(answer.expires, State::Answered);
        Answered::Holds
    }

    /// Whether an entry is refused, and is told so.
    fn is_refused(&self, at: &At, decision: &mut Decision) -> bool {
        let refused = self.context.refused.get(&at.line);
        decision.lapsed.extend(refused.map(|why| format!("{at}: refused by `register lint`: {why}")));
        refused.is_some()
    }

    /// Names who answers for it. Another team's durable source is not theirs.
    fn answers_for(&self, owner: &str, decision: &mut Decision) {
        if decision.owner.as_deref() != Some(owner) {
            let own = self.register.owners.iter().find(|entry| entry.owner == owner);
            decision.source = own.and_then(|entry| entry.source.clone());
            decision.owner = Some(owner.to_owned());
        }
    }

    fn until(&self, expires: Date, state: State) -> State {
        if expires < self.context.as_of { State::Overdue } else { state }
    }
}

/// What a person answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answered {
    Not,
    Holds,
    DoesNotHold,
}

/// The entry with the latest day; of two with the same, the first.
fn latest<'r, T, K: PartialOrd>(entries: impl Iterator<Item = &'r T>, day: impl Fn(&T) -> K) -> Option<&'r T> {
    entries.fold(None, |best: Option<&T>, one| match best {
        Some(best) if day(best) >= day(one) => Some(best),
        _ => Some(one),
    })
}
