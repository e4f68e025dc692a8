//! What an auditor would not take: texts that say nothing, decisions without end, one person where it takes two.

use std::collections::{BTreeMap, BTreeSet};

use benchmark::{Content, Control, Judge, Priority};
use diag::Diagnostic;
use jiff::ToSpan;
use jiff::civil::Date;

use crate::load::code;
use crate::model::{Answer, At, Class, Classed, Exception, Recheck, Register, Scope, Trigger, Under};

/// Controls that nobody may accept a failure of: each alone gives the cluster away, and mending it costs a flag or a mode.
pub const NEVER: [&str; 4] = [
    "apiserver-authorization-not-always-allow",
    "etcd-client-certificate-auth",
    "pki-key-mode",
    "talos.api-verifies-clients",
];

/// A strong entry, to be shown beside weak ones ([`code::WEAK_TEXT`]).
pub const STRONG: &str = "\
A strong entry tells what is so, why it stays, what is done instead, and when that ends:
    reason: >-
      The metrics agent 2.4 of the storage pool reads the read-only port; its vendor ships token support with 3.0
      (ticket STOR-812), and the pool is upgraded in the maintenance window of March.
    compensating:
      control: network-policies-in-every-namespace
      says: Port 10255 is open to the address range of the monitoring pool alone (firewall rule k8s-storage-14).
";

/// Everything in a register that an auditor would refuse, on a day.
pub fn lint(register: &Register, content: &Content, as_of: Date) -> Vec<Diagnostic> {
    read(register, content, as_of).into_iter().map(|(_, wrong)| wrong).collect()
}

/// The same, each with the line of its entry.
fn read(register: &Register, content: &Content, as_of: Date) -> Vec<(usize, Diagnostic)> {
    let mut desk = Desk { register, content, as_of, found: Vec::new() };
    desk.owners();
    desk.classes();
    desk.exceptions();
    desk.grants();
    desk.answers();
    desk.found
}

/// Entries that are refused on a day, by their line, with why: they decide nothing. What has expired is not among them: it is
/// told as overdue.
pub fn refused(register: &Register, content: &Content, as_of: Date) -> BTreeMap<usize, String> {
    let wrong = read(register, content, as_of).into_iter().filter(|(_, wrong)| {
        // Too many are too many together, and one that stands twice counts once.
        ![code::EXPIRED, code::TOO_MANY, code::TWICE].contains(&wrong.code)
    });
    wrong.map(|(line, wrong)| (line, wrong.message)).collect()
}

/// Whether a failure of a control is worth so much to an attacker that accepting it takes two people: all that guards who
/// may do what, and everything of priority high or critical.
pub fn takes_two(control: &Control) -> bool {
    control.priority <= Priority::High || control.component == "rbac"
}

/// So many digits of a profile's digest tell it from any other.
const DIGEST: usize = 8;

struct Desk<'a> {
    register: &'a Register,
    content: &'a Content,
    as_of: Date,
    /// What is wrong, with the line of the entry.
    found: Vec<(usize, Diagnostic)>,
}

impl Desk<'_> {
    /// Notes a mistake in an entry, or in one of its fields where `field` names one.
    fn error(&mut self, code: &'static str, at: &At, field: &str, message: impl Into<String>, help: impl Into<String>) {
        self.found.push((at.line, Diagnostic::error(code, &at.file, at.of(field), message).help(help)));
    }

    fn owners(&mut self) {
        let mut seen: Vec<(&Scope, &At)> = Vec::new();
        for owner in &self.register.owners {
            if let Some((_, first)) = seen.iter().find(|(of, _)| **of == owner.of) {
                let help = format!("the first stands in line {}, and is the one that counts", first.line);
                self.error(code::TWICE, &owner.at, "of", "another entry speaks of the same", help);
            }
            seen.push((&owner.of, &owner.at));
            self.somebody(&owner.at, "owner", &owner.owner);
        }
    }

    fn classes(&mut self) {
        for entry in &self.register.classes {
            // A platform or a pool alone is everything that is demanded there; only of what is required may that be said.
            let part = Scope { platforms: Vec::new(), nodes: BTreeMap::new(), ..entry.of.clone() };
            let of = if entry.class == Class::Required { &entry.of } else { &part };
            if *of == Scope::default() {
                let help = "name controls, sections, components, namespaces or subjects";
                self.error(code::TOO_WIDE, &entry.at, "of", "this class would be that of everything", help);
            }
            self.words(&entry.at, "reason", &entry.reason);
            if let Some(recheck) = &entry.recheck {
                self.idle(&entry.at, "recheck.on", &recheck.on, &entry.under);
                self.recheck(&entry.at, recheck);
            }
            match entry.class {
                Class::Required => {}
                Class::ProviderOwned => self.provided(entry),
                Class::Informational => self.informational(entry),
            }
        }
    }

    /// A day that lies too far away, or is past.
    fn recheck(&mut self, at: &At, recheck: &Recheck) {
        let Some(day) = recheck.before else { return };
        if day < self.as_of {
            let message = format!("this was to be looked at again by {day}");
            self.error(code::EXPIRED, at, "recheck.before", message, "look at it, and write the next day");
        } else {
            let longest = self.register.review.answers_days;
            self.expiry(at, ("the recheck", "recheck.before"), self.as_of, day, longest);
        }
    }

    /// What is said to be a provider's is shown by something, and looked at again.
    fn provided(&mut self, entry: &Classed) {
        if entry.evidence.is_empty() {
            let help = "add `evidence`: a link to the provider's own document, and the day on which you read it";
            self.error(code::NO_EVIDENCE, &entry.at, "evidence", "nothing shows that this is the provider's", help);
        }
        let as_of = self.as_of;
        for evidence in entry.evidence.iter().filter(|evidence| evidence.dated > as_of) {
            let message = format!("the evidence is dated {}, which lies in the future", evidence.dated);
            let help = "it is the day on which somebody read it";
            self.error(code::WRONG_ORDER, &entry.at, "evidence", message, help);
        }
        if !entry.recheck.as_ref().is_some_and(|recheck| recheck.before.is_some() || !recheck.on.is_empty()) {
            let help = "add `recheck: { before: DATE, on: [provider-upgrade] }`";
            self.error(code::NO_RECHECK, &entry.at, "", "nobody would ever look at this again", help);
        }
    }

    /// What guards who may do what is nobody's mere information.
    fn informational(&mut self, entry: &Classed) {
        let named = |control: &&Control| {
            entry.of.controls.contains(&control.name) || entry.of.in_sections.contains(&control.name)
        };
        let content = self.content;
        let grave = content.controls.iter().filter(named).find(|control| takes_two(control));
        if let Some(control) = grave {
            let message =
                format!("a failure of {} is of priority high or worse, and no mere information", control.name);
            self.error(
                code::NEVER,
                &entry.at,
                "of",
                message,
                "mend it, or write an exception: it has an approver and an end",
            );
        }
    }

    /// Triggers that nothing can ever fire, since what held then is not written down.
    fn idle(&mut self, at: &At, place: &str, triggers: &[Trigger], under: &Under) {
        for trigger in triggers {
            let (given, name, field) = match trigger {
                Trigger::KubernetesUpgrade => (under.kubernetes.is_some(), "kubernetes-upgrade", "kubernetes"),
                Trigger::ProviderUpgrade => (under.provider.is_some(), "provider-upgrade", "provider"),
                Trigger::ClusterRecreated => (under.cluster.is_some(), "cluster-recreated", "cluster"),
                Trigger::ProfileChange => {
                    let digest =
                        under.profile.as_ref().and_then(|profile| profile.split_once('@')).map(|(_, digest)| digest);
                    let given = digest.is_some_and(|digest| digest.len() >= DIGEST);
                    (given, "profile-change", "profile (as NAME@DIGEST, the first 8 digits at least)")
                }
            };
            if !given {
                let message = format!("{name} never fires: it is not written down what held when this was decided");
                self.error(code::IDLE_TRIGGER, at, place, message, format!("give `{field}`, as `register add` does"));
            }
        }
    }

    fn exceptions(&mut self) {
        let register = self.register;
        if let Some(most) = register.review.most
            && let Some(first) = register.exceptions.get(most)
        {
            let message = format!("there are {} exceptions, and at most {most} may be", register.exceptions.len());
            self.error(code::TOO_MANY, &first.at, "", message, "mend one of the others, or raise `review.most`");
        }
        let mut seen: Vec<&Exception> = Vec::new();
        for exception in &register.exceptions {
            // Of one control, several states and several demands may be accepted.
            let same = |other: &&&Exception| {
                let accepted = |one: &Exception| (one.accepted.state.clone(), one.accepted.expected.clone());
                other.control == exception.control
                    && other.scope == exception.scope
                    && accepted(other) == accepted(exception)
            };
            if let Some(first) = seen.iter().find(same) {
                let help = format!("the first stands in line {}", first.at.line);
                self.error(code::TWICE, &exception.at, "", "there is another exception for the same", help);
            }
            seen.push(exception);
            self.members(exception);
            self.may_be(&exception.at, &exception.control);
            self.words(&exception.at, "reason", &exception.reason);
            self.words(&exception.at, "compensating.says", &exception.compensating.says);
            self.two(&exception.at, &exception.control, &exception.owner, &exception.approver);
            self.since(&exception.at, "accepted.since", exception.accepted.since);
            let longest = register.review.longest_days;
            self.expiry(
                &exception.at,
                ("the exception", "expires"),
                exception.accepted.since,
                exception.expires,
                longest,
            );
            if exception.compensating.control.as_deref() == Some(exception.control.as_str()) {
                let help = "name the control that shows what is done instead";
                self.error(
                    code::SELF,
                    &exception.at,
                    "compensating.control",
                    "the control compensates for itself",
                    help,
                );
            }
            self.facts(&exception.at, "accepted.state", &exception.control, exception.accepted.state.keys());
            self.idle(&exception.at, "review", &exception.review, &exception.accepted.under);
        }
    }

    /// Where members of a set are judged one by one, a failure is accepted of those that somebody knew.
    fn members(&mut self, exception: &Exception) {
        let Scope { subjects, namespaces, .. } = &exception.scope;
        let fails = exception.accepted.state.get(crate::decide::VERDICT).is_some_and(|verdict| verdict == "fail");
        let each = self.content.control(&exception.control).is_some_and(|control| control.for_each.is_some());
        if each && fails && subjects.is_empty() && namespaces.is_empty() {
            let message =
                format!("this would accept every subject of {}, also one that comes later", exception.control);
            let help = "name `subjects` or `namespaces` in its scope, or write a grant";
            self.error(code::TOO_WIDE, &exception.at, "scope", message, help);
        }
    }

    fn grants(&mut self) {
        let register = self.register;
        let mut seen = BTreeSet::new();
        for grant in &register.grants {
            for subject in &grant.subjects {
                if is_everybody(subject) {
                    let message = format!("{subject} is anybody at all");
                    self.error(code::NEVER, &grant.at, "subjects", message, "grant it to those who need it, by name");
                }
                if !seen.insert((&grant.control, subject)) {
                    let message = format!("{subject} is granted {} twice", grant.control);
                    self.error(code::TWICE, &grant.at, "subjects", message, "leave it in one entry");
                }
            }
            self.may_be(&grant.at, &grant.control);
            self.words(&grant.at, "reason", &grant.reason);
            self.two(&grant.at, &grant.control, &grant.owner, &grant.approver);
            self.since(&grant.at, "since", grant.since);
            self.expiry(&grant.at, ("the grant", "expires"), grant.since, grant.expires, register.review.longest_days);
            self.facts(&grant.at, "state", &grant.control, grant.state.keys());
            self.idle(&grant.at, "review", &grant.review, &grant.under);
            if self.content.control(&grant.control).is_some_and(|control| control.for_each.is_none()) {
                let message = format!("{} judges no subjects one by one", grant.control);
                self.error(code::NO_SUBJECTS, &grant.at, "control", message, "write an exception instead");
            }
        }
    }

    fn answers(&mut self) {
        let register = self.register;
        let mut seen: Vec<&Answer> = Vec::new();
        for answer in &register.answers {
            let same = |other: &&&Answer| {
                (&other.control, &other.scope, &other.question) == (&answer.control, &answer.scope, &answer.question)
            };
            if let Some(first) = seen.iter().find(same) {
                let help = format!("the first stands in line {}: leave the one that holds today", first.at.line);
                self.error(code::TWICE, &answer.at, "", "there is another answer to the same question", help);
            }
            seen.push(answer);
            self.words(&answer.at, "evidence", &answer.evidence);
            self.somebody(&answer.at, "author", &answer.author);
            self.since(&answer.at, "date", answer.date);
            self.expiry(
                &answer.at,
                ("the answer", "expires"),
                answer.date,
                answer.expires,
                register.review.answers_days,
            );
            let asks = |control: &Control| matches!(control.judge, Judge::Manual { .. });
            if self.content.control(&answer.control).is_some_and(|control| !asks(control)) {
                let message = format!("{} asks nobody: evidence decides it", answer.control);
                self.error(code::NO_QUESTION, &answer.at, "control", message, "a failure that stays is an exception");
            }
        }
    }

    fn may_be(&mut self, at: &At, control: &str) {
        if NEVER.contains(&control) || self.register.review.never.iter().any(|name| name == control) {
            let message = format!("a failure of {control} may never be accepted");
            self.error(code::NEVER, at, "control", message, "mend it: see `kube-assay explain`");
        }
    }

    fn two(&mut self, at: &At, control: &str, owner: &str, approver: &str) {
        self.somebody(at, "owner", owner);
        self.somebody(at, "approver", approver);
        let contact = self.register.owners.iter().find(|entry| letters(&entry.owner) == letters(owner));
        let contact = contact.and_then(|entry| entry.contact.as_deref()).map(letters).unwrap_or_default();
        let same = letters(owner) == letters(approver) || !contact.is_empty() && contact == letters(approver);
        if same && self.content.control(control).is_some_and(takes_two) {
            let message = format!("{owner} both answers for this and approved it");
            let help =
                "who answers for a control of authentication, authorization or secrets cannot approve its failure";
            self.error(code::ONE_PERSON, at, "approver", message, help);
        }
    }

    /// A name that nobody can be asked under.
    fn somebody(&mut self, at: &At, field: &str, name: &str) {
        const NOBODY: [&str; 12] =
            ["", "x", "me", "na", "tbd", "todo", "none", "nobody", "someone", "somebody", "anybody", "unknown"];
        if NOBODY.contains(&letters(name).as_str()) {
            let message = format!("`{field}` names nobody: \"{name}\"");
            self.error(code::WEAK_TEXT, at, field, message, "name a team, or somebody who can be asked");
        }
    }

    fn since(&mut self, at: &At, field: &str, day: Date) {
        if day > self.as_of {
            let message = format!("{day} lies in the future");
            self.error(code::WRONG_ORDER, at, field, message, "it is the day on which it was decided");
        }
    }

    fn expiry(&mut self, at: &At, (what, field): (&str, &str), since: Date, expires: Date, longest: i64) {
        if expires < since {
            let message = format!("{what} expires on {expires}, before it begins on {since}");
            self.error(code::WRONG_ORDER, at, field, message, "turn the dates round");
        } else if expires < self.as_of {
            let message = format!("{what} expired on {expires}");
            self.error(code::EXPIRED, at, field, message, "mend what it speaks of, or decide anew with a new date");
        } else if since.checked_add(longest.days()).is_ok_and(|last| expires > last) {
            let message = format!("{what} holds until {expires}, longer than {longest} days");
            self.error(code::FAR_EXPIRY, at, field, message, "shorten it; `review` in the register sets the bound");
        }
    }

    fn facts<'f>(&mut self, at: &At, field: &str, control: &str, facts: impl Iterator<Item = &'f String>) {
        let Some(control) = self.content.control(control) else { return };
        let known: BTreeSet<&str> = control.facts().collect();
        for fact in facts.filter(|fact| *fact != crate::decide::VERDICT && !known.contains(fact.as_str())) {
            let message = format!("{} does not speak of {fact}", control.name);
            let known = known.iter().copied().collect::<Vec<_>>().join(", ");
            self.error(code::FOREIGN_FACT, at, &format!("{field}.{fact}"), message, format!("it speaks of {known}"));
        }
    }

    /// Notes a text that an auditor would not take.
    fn words(&mut self, at: &At, field: &str, text: &str) {
        if let Some(why) = weakness(text) {
            let message = format!("`{field}` {why}: \"{text}\"");
            let help = "say what is so, why it stays, what is done instead, and when that ends";
            self.error(code::WEAK_TEXT, at, field, message, help);
        }
    }
}

/// Subjects that no control of access takes for somebody: all who can reach the API server, or all who can log in.
fn is_everybody(subject: &str) -> bool {
    let name = subject.rsplit(' ').next().unwrap_or(subject);
    ["*", "system:anonymous", "system:unauthenticated", "system:authenticated", "system:serviceaccounts"]
        .contains(&name)
}

/// A name without what people write differently: case, blanks and hyphens, and what stands in parentheses.
fn letters(name: &str) -> String {
    let name = name.split_once('(').map_or(name, |(name, _)| name);
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Why a text says too little.
fn weakness(text: &str) -> Option<&'static str> {
    const VAGUE: [&str; 23] = [
        "someday",
        "some day",
        "at some point",
        "tbd",
        "todo",
        "to be defined",
        "cannot check",
        "can't check",
        "cannot be checked",
        "false positive",
        "not a problem",
        "won't fix",
        "as discussed",
        "known issue",
        "historical reasons",
        "accepted risk",
        "accept this risk",
        "accept the risk",
        "business need",
        "fixed later",
        "all is fine",
        "it is ok",
        "see the ticket",
    ];
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).collect();
    // The same word once more says nothing more.
    if words.iter().collect::<BTreeSet<_>>().len() < 5 {
        return Some("says too little");
    }
    match words.len() {
        ..=14 if VAGUE.iter().any(|vague| lower.contains(vague)) => Some("is vague"),
        _ => None,
    }
}
