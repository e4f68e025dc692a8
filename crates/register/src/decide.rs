//! Deciding: an outcome, what the register says of it, and the day.

use std::collections::{BTreeMap, BTreeSet};

use assess::{Judged, Observed, Outcome, Verdict};
use benchmark::Control;
use jiff::civil::Date;

use crate::decision::{Decision, State};
use crate::load::is_under;
use crate::model::{Answer, At, Class, Classed, Exception, Grant, Owner, Register, Scope, Trigger, Under};

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
}

/// Decides outcomes by a register, on a day.
#[derive(Debug)]
pub struct Decider<'r> {
    register: &'r Register,
    context: Context,
    /// The verdict on each judged control, over all its subjects.
    verdicts: BTreeMap<&'r str, (Verdict, bool)>,
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

/// How an entry's scope fits.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fit {
    Yes,
    No,
    /// It would, if it were known on which node this is.
    Unseen(String),
}

impl<'r> Decider<'r> {
    /// A decider over everything that was judged: an exception rests on the control that compensates for it.
    pub fn new(register: &'r Register, context: Context, judged: &'r [Judged<'r>]) -> Self {
        let mut verdicts: BTreeMap<&str, (Verdict, bool)> = BTreeMap::new();
        for demand in judged {
            for (_, outcome) in &demand.outcomes {
                let new = (outcome.verdict, outcome.outside);
                let worst = verdicts.entry(demand.control.name.as_str()).or_insert(new);
                *worst = (*worst).min(new);
            }
        }
        Self { register, context, verdicts }
    }

    /// The register.
    pub fn register(&self) -> &'r Register {
        self.register
    }

    /// The day.
    pub fn as_of(&self) -> Date {
        self.context.as_of
    }

    /// What is decided about an outcome.
    pub fn decide(&self, asked: &Asked<'_>) -> Decision {
        let outcome = asked.outcome;
        let base = match &outcome.provider {
            Some(_) => State::ProviderOwned,
            None => State::default_for(outcome.verdict, outcome.outside),
        };
        let mut decision = Decision::from(base);
        if let Some(owner) = self.owner(asked) {
            decision.owner = Some(owner.owner.clone());
            decision.source.clone_from(&owner.source);
        }
        let found = match outcome.verdict {
            Verdict::Pass | Verdict::NotApplicable => return decision,
            Verdict::Manual => self.answered(asked, &mut decision) || self.excepted(asked, &mut decision),
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
            if self.fits(&entry.of, asked) == Fit::Yes
                && best.is_none_or(|best| entry.of.closeness() > best.of.closeness())
            {
                best = Some(entry);
            }
        }
        let Some(entry) = best else { return };
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
        let Some(grant) = latest(self.register.grants.iter().filter(of), |grant| grant.expires) else {
            return false;
        };
        if grant.since > self.context.as_of {
            decision.lapsed.push(format!("{}: granted from {} on", grant.at, grant.since));
            return false;
        }
        decision.owner = Some(grant.owner.clone());
        decision.until = Some(grant.expires.to_string());
        decision.reason = Some(grant.reason.clone());
        decision.by = Some(grant.approver.clone());
        decision.entry = Some(grant.at.to_string());
        decision.due = self.fired(&grant.review, &grant.under);
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
        decision.owner = Some(exception.owner.clone());
        decision.until = Some(exception.expires.to_string());
        decision.reason = Some(exception.reason.clone());
        decision.by = Some(exception.approver.clone());
        decision.entry = Some(exception.at.to_string());
        decision.evidence = vec![match &exception.compensating.control {
            Some(control) => format!("{} ({control} passes)", exception.compensating.says),
            None => exception.compensating.says.clone(),
        }];
        decision.due = self.fired(&exception.review, &exception.accepted.under);
        if let Some(then) = &exception.accepted.expected {
            let now = asked.demand.control.expected(&asked.demand.parameters);
            if *then != now {
                decision.due.push(format!("the demand changed: it was \"{then}\", now it is \"{now}\""));
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

    /// Why an exception does not hold, apart from its expiry.
    fn broken(&self, exception: &Exception, asked: &Asked<'_>) -> Vec<String> {
        let mut why = Vec::new();
        if exception.accepted.since > self.context.as_of {
            why.push(format!("accepted from {} on", exception.accepted.since));
        }
        let now = state(asked.outcome.verdict, &asked.outcome.observed);
        let then = &exception.accepted.state;
        for fact in then.keys().chain(now.keys()).collect::<BTreeSet<_>>() {
            let (was, is) = (then.get(fact), now.get(fact));
            if was != is {
                let word = |value: Option<&String>| value.map_or("not decisive", String::as_str).to_owned();
                why.push(format!("the state changed: {fact} was {}, is {}", word(was), word(is)));
            }
        }
        if let Some(name) = &exception.compensating.control {
            match self.verdicts.get(name.as_str()) {
                // What lies outside is neither shown to hold nor to fail: that is told as due.
                None | Some((Verdict::Pass, _) | (Verdict::Unknown, true)) => {}
                Some((verdict, _)) => {
                    why.push(format!("{name}, which compensates for it, does not pass: {}", word_of(*verdict)));
                }
            }
        }
        why
    }

    fn answered(&self, asked: &Asked<'_>, decision: &mut Decision) -> bool {
        let question = asked.demand.control.expected(&asked.demand.parameters);
        let mut fitting = Vec::new();
        for answer in self.register.answers.iter().filter(|one| one.control == asked.demand.control.name) {
            match self.fits(&answer.scope, asked) {
                Fit::Yes if answer.date > self.context.as_of => {
                    decision.lapsed.push(format!("{}: answered on {}, later than this day", answer.at, answer.date));
                }
                Fit::Yes if answer.question.as_ref().is_some_and(|asked| *asked != question) => {
                    decision.lapsed.push(format!("{}: another question was answered", answer.at));
                }
                Fit::Yes => fitting.push(answer),
                Fit::No => {}
                Fit::Unseen(why) => decision.lapsed.push(format!("{}: {why}", answer.at)),
            }
        }
        let Some(answer): Option<&Answer> = latest(fitting.into_iter(), |answer| answer.date) else {
            return false;
        };
        decision.until = Some(answer.expires.to_string());
        decision.reason = Some(answer.evidence.clone());
        decision.by = Some(format!("{} on {}", answer.author, answer.date));
        decision.entry = Some(answer.at.to_string());
        if !answer.holds {
            // What a person found wanting may be accepted like any failure.
            decision.reason = Some(format!("answered: it does not hold. {}", answer.evidence));
            decision.state = State::Required;
            return false;
        }
        decision.state = self.until(answer.expires, State::Answered);
        true
    }

    fn until(&self, expires: Date, state: State) -> State {
        if expires < self.context.as_of { State::Overdue } else { state }
    }

    /// What has happened since that makes an entry due.
    fn fired(&self, triggers: &[Trigger], then: &Under) -> Vec<String> {
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

    fn fits(&self, scope: &Scope, asked: &Asked<'_>) -> Fit {
        let control: &Control = asked.demand.control;
        let any = |list: &[String], test: &dyn Fn(&str) -> bool| list.is_empty() || list.iter().any(|one| test(one));
        let cited = |section: &str| {
            let (section, profile) = section.split_once('@').unwrap_or((section, ""));
            asked.demand.cited_by.iter().any(|cited| cited.profile == profile && is_under(&cited.id, section))
        };
        let subject = asked.outcome.subject.name.as_str();
        let within = |namespace: &str| {
            subject == namespace || subject.strip_prefix(namespace).is_some_and(|rest| rest.starts_with('/'))
        };
        let fits = any(&scope.controls, &|name| control.name == name)
            && any(&scope.sections, &cited)
            && any(&scope.components, &|name| control.component == name)
            && any(&scope.platforms, &|name| self.context.platform == name)
            && any(&scope.namespaces, &within)
            && any(&scope.subjects, &|name| subject == name);
        if !fits {
            return Fit::No;
        }
        if scope.nodes.is_empty() {
            return Fit::Yes;
        }
        let Some(labels) = self.context.labels.get(asked.capture) else {
            return Fit::Unseen(format!(
                "it speaks of nodes by their labels, and those of {} were not seen",
                asked.capture
            ));
        };
        let all = scope.nodes.iter().all(|(key, value)| labels.get(key) == Some(value));
        if all { Fit::Yes } else { Fit::No }
    }

    /// Entries that speak of nothing that was judged and is open: each with its place, and what it is.
    pub fn unused(&self, judged: &[Judged<'_>]) -> Vec<(&'r At, String)> {
        let open = |demand: &Judged<'_>, verdicts: &[Verdict], test: &dyn Fn(&Asked<'_>) -> bool| {
            let asked = |(capture, outcome)| Asked { demand, capture, outcome };
            let each = demand.outcomes.iter().filter(|(_, outcome)| verdicts.contains(&outcome.verdict));
            each.map(|(capture, outcome)| asked((capture.as_str(), outcome))).any(|asked| test(&asked))
        };
        let of = |control: &str, verdicts: &[Verdict], test: &dyn Fn(&Asked<'_>) -> bool| {
            let mut demands = judged.iter().filter(|demand| demand.control.name == control).peekable();
            // What was not judged in this run says nothing of the entry.
            demands.peek().is_none() || demands.any(|demand| open(demand, verdicts, test))
        };
        let mut unused = Vec::new();
        for exception in &self.register.exceptions {
            if !of(&exception.control, &EXCEPTED, &|asked| self.fits(&exception.scope, asked) != Fit::No) {
                unused.push((&exception.at, format!("the exception for {}", exception.control)));
            }
        }
        for grant in &self.register.grants {
            for subject in &grant.subjects {
                if !of(&grant.control, &[Verdict::Fail], &|asked| asked.outcome.subject.name == *subject) {
                    unused.push((&grant.at, format!("the grant of {} to {subject}", grant.control)));
                }
            }
        }
        for answer in &self.register.answers {
            if !of(&answer.control, &[Verdict::Manual], &|asked| self.fits(&answer.scope, asked) != Fit::No) {
                unused.push((&answer.at, format!("the answer for {}", answer.control)));
            }
        }
        unused
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

/// What an exception may be for.
const EXCEPTED: [Verdict; 3] = [Verdict::Fail, Verdict::Unknown, Verdict::Manual];

/// The entry with the latest day; of two with the same, the first.
fn latest<'r, T>(entries: impl Iterator<Item = &'r T>, day: impl Fn(&T) -> Date) -> Option<&'r T> {
    entries.fold(None, |best: Option<&T>, one| match best {
        Some(best) if day(best) >= day(one) => Some(best),
        _ => Some(one),
    })
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

impl Scope {
    /// How closely it speaks of something.
    fn closeness(&self) -> u32 {
        let weigh = |given: bool, weight: u32| if given { weight } else { 0 };
        weigh(!self.subjects.is_empty(), 64)
            + weigh(!self.controls.is_empty(), 32)
            + weigh(!self.sections.is_empty(), 16)
            + weigh(!self.namespaces.is_empty(), 8)
            + weigh(!self.components.is_empty(), 4)
            + weigh(!self.nodes.is_empty(), 2)
            + weigh(!self.platforms.is_empty(), 1)
    }
}
