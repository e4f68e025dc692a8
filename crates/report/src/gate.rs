//! The gate: whether a pipeline may go on, what stands in its way, and what to do next. Pure.

mod bounds;
mod next;

use std::collections::BTreeSet;

use assess::Verdict;
use jiff::{SignedDuration, Timestamp};
use register::State;

use crate::drift::{Answer, Cause, Change, DecisionChange, Drift, Kind, words as said};
use crate::model::{Finding, Report, Subject};
use crate::words;
pub use bounds::{OtherDay, other_day};

/// Why what the baseline's register settled is open again, where none was given.
const UNREGISTERED: &str = "no register was given, and the baseline was decided by one (--register FILE)";

/// So many lines are told of what stands in the way, of what was not seen, and of notes.
const MOST: usize = 10;

/// What closes a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailOn {
    /// Failures that the baseline does not have, or has in another state or on fewer nodes of a pool, and that nobody
    /// accepts.
    New,
    /// Failures whose decision is required.
    Required,
    /// Failures, unknowns within reach and unanswered questions.
    Any,
    /// No failure.
    None,
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// What closes the gate.
    pub fail_on: FailOn,
    /// Evidence that is older tells nothing of today.
    pub max_age: Option<SignedDuration>,
    /// So many percent of what is within reach must have been decided.
    pub min_coverage: Option<u8>,
    /// Now.
    pub now: Timestamp,
    /// The nodes that the cluster's own list shows: any other is no longer there. None: there is no whole list, so nobody
    /// knows what became of a node that was not looked at.
    pub listed: Option<BTreeSet<String>>,
    /// Where this report is kept as JSON, for the commands that read it; none: it is not.
    pub kept: Option<String>,
}

/// How a gate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stand {
    /// Nothing stands in the way.
    Open,
    /// What would decide could not be seen, or is too old.
    Unseen,
    /// Findings stand in the way.
    Closed,
}

/// A gate, and everything that a person has to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    /// How it stands.
    pub stand: Stand,
    /// What stands in the way, a line each, the gravest first.
    pub told: Vec<String>,
    /// What to do next, in one line.
    pub next: String,
}

/// What stands in the way, and what mends it.
#[derive(Debug, Default)]
struct Found {
    closed: Vec<String>,
    unseen: Vec<String>,
    notes: Vec<String>,
    ids: Vec<String>,
    /// Whether failures stand in the way that were known in another state.
    altered: bool,
    /// Whether nodes do that were not looked at.
    left: bool,
}

/// Judges a report by a policy; `drift` is what changed since the baseline.
pub fn gate(report: &Report, drift: Option<&Drift>, policy: &Policy) -> Gate {
    let mut found = Found::default();
    if policy.fail_on != FailOn::None {
        found.overdue(report);
    }
    match (policy.fail_on, drift) {
        // Failures are silenced, and what could not be seen is not.
        (FailOn::None, _) => {
            found.open(report, false);
            (found.closed, found.ids) = (Vec::new(), Vec::new());
        }
        (FailOn::New, Some(drift)) => {
            found.worse(drift, report);
            found.gone(drift, report, policy);
            found.stopped(drift);
            found.besides(drift);
        }
        // Without a baseline everything is new.
        (FailOn::New | FailOn::Required, _) => found.open(report, false),
        (FailOn::Any, _) => found.open(report, true),
    }
    found.coverage(report, policy);
    found.age(report, policy);
    found.day(report, policy);
    found.tailored(report);
    found.told(report, drift, policy)
}

impl Found {
    /// Decisions that have expired, each with who has to decide anew.
    fn overdue(&mut self, report: &Report) {
        for finding in report.findings.iter().filter(|finding| finding.decision.state == State::Overdue) {
            let decision = &finding.decision;
            let owner = decision.owner.as_deref().unwrap_or("nobody");
            let (id, until) = (finding.id(), decision.until.as_deref().unwrap_or("a day that is not told"));
            let entry = decision.entry.as_deref().unwrap_or("the register");
            self.closed.push(format!(
                "expired: {id} {} was decided until {until}: {owner} answers for it ({entry})",
                finding.title
            ));
        }
    }

    /// What is open, whatever was before.
    fn open(&mut self, report: &Report, any: bool) {
        let mut findings: Vec<&Finding> = report.findings.iter().collect();
        findings.sort_by_key(|finding| finding.priority);
        for finding in findings {
            match (finding.verdict, finding.decision.state) {
                (Verdict::Fail, State::Required) => self.failure("open", finding),
                (Verdict::Unknown, State::Required) if any => self.failure("unknown", finding),
                (Verdict::Unknown, State::Required) => self.unseen.push(format!("not seen: {}", line(finding))),
                (Verdict::Manual, State::Unanswered | State::Required) if any => self.failure("unanswered", finding),
                (Verdict::Manual, State::Required) if finding.is_answered_no() => {
                    self.failure("answered, it does not hold", finding);
                }
                // A class of the register demands an answer.
                (Verdict::Manual, State::Required) => self.failure("unanswered", finding),
                _ => {}
            }
        }
    }

    fn failure(&mut self, what: &str, finding: &Finding) {
        self.closed.push(format!("{what}: {}", line(finding)));
        self.ids.push(finding.id().to_owned());
    }

    /// What is worse than in the baseline.
    fn worse(&mut self, drift: &Drift, report: &Report) {
        for change in &drift.changes {
            let Some(after) = &change.after else { continue };
            let required = after.decision.state == State::Required;
            let fails = after.verdict == Verdict::Fail && required;
            // What the tool or the profile sees anew was there before: that turns no pipeline red by itself.
            let ours = change.is_ours();
            match change.kind {
                Kind::New | Kind::Regressed | Kind::VisibilityGained if fails && ours => {
                    self.closed.push(told(change));
                    self.ids.push(id(change));
                }
                // Whether it failed before it was demanded, nobody can tell without the evidence of then.
                Kind::Demanded if fails && (ours || !drift.unseparated.is_empty()) => {
                    self.closed.push(told(change));
                    self.ids.push(id(change));
                }
                // A person looked, and found that it does not hold; or a class of the register demands an answer.
                _ if after.verdict == Verdict::Manual && required && !was_required(change) => {
                    let what = if after.decision.by.is_some() { "answered, it does not hold" } else { "unanswered" };
                    self.closed.push(format!("{what}: {}", told(change)));
                    self.ids.push(id(change));
                }
                // Of a node that the baseline does not know.
                Kind::Appeared if after.verdict == Verdict::Unknown && required => self.unseen.push(told(change)),
                // Told below, with the entry that does not hold any more.
                Kind::EvidenceChanged
                    if fails && drift.decisions.iter().any(|own| ended(own) && speaks(own, change)) => {}
                // Nobody knew it in this state.
                Kind::EvidenceChanged if fails && change.is_altered_failure() => {
                    self.closed.push(told_as("known failure in another state", change));
                    self.ids.push(id(change));
                    self.altered = true;
                }
                Kind::EvidenceChanged if fails => self.notes.push(told(change)),
                Kind::Unchanged if fails && change.compared_with.is_some() => {
                    self.notes.push(format!("on nodes that are new, as in their pool before: {}", told(change)));
                }
                Kind::VisibilityLost if required && ours => self.unseen.push(told(change)),
                Kind::New | Kind::Demanded | Kind::VisibilityGained | Kind::VisibilityLost | Kind::Disagrees
                    if required && after.verdict < Verdict::Manual =>
                {
                    self.notes.push(format!("{}: new to {}, not to the cluster", told(change), cause(change)));
                }
                _ => {}
            }
        }
        // A decision that ended leaves an old failure open again.
        for change in &drift.decisions {
            let id = change.cited_by.first().map_or(change.control.as_str(), |cited| cited.id.as_str());
            if ended(change) && !self.ids.iter().any(|known| known == id) {
                let foreign = report.register.as_ref().and_then(|register| register.foreign.clone());
                let why = match (change.after.lapsed.is_empty(), foreign) {
                    (false, _) => lapsed(change, drift),
                    (true, Some(_)) => "the register speaks of another cluster".to_owned(),
                    (true, None) if report.register.is_none() => UNREGISTERED.to_owned(),
                    (true, None) => "no entry speaks of it any more".to_owned(),
                };
                let owner = change.after.owner.as_deref().or(change.before.owner.as_deref()).unwrap_or("nobody");
                let line = format!("no longer accepted: {id} {}: {why}: {owner} answers for it", change.title);
                if change.verdict == Verdict::Unknown {
                    self.unseen.push(line);
                } else {
                    self.closed.push(line);
                    self.ids.push(id.to_owned());
                }
            }
        }
    }

    /// Nodes that were not looked at any more.
    fn gone(&mut self, drift: &Drift, report: &Report, policy: &Policy) {
        let all = drift.nodes.gone.iter().map(|gone| gone.name.as_str());
        let (left, gone): (Vec<&str>, Vec<&str>) =
            all.partition(|name| policy.listed.as_ref().is_none_or(|listed| listed.contains(*name)));
        if !gone.is_empty() {
            self.notes.push(format!("no longer there: {}", words::some(&gone, false)));
        }
        if !left.is_empty() {
            let line = format!("not looked at, and in the baseline: {}", words::some(&left, false));
            // Whoever narrowed the audit knows.
            self.left = report.run.selection.is_none();
            if self.left { self.unseen.push(line) } else { self.notes.push(line) }
        }
    }

    /// Where components ran that run no more: that their demands do not apply is no good news by itself.
    fn stopped(&mut self, drift: &Drift) {
        for node in &drift.nodes.stopped {
            self.unseen.push(format!(
                "ran on {} and runs there no more: {} (if that is meant, a run with --fail-on none takes it as known)",
                node.name,
                node.components.join(", ")
            ));
        }
    }

    /// What closes no gate, and whoever reads that it is open has to know.
    fn besides(&mut self, drift: &Drift) {
        for (what, holds) in [
            ("lies outside of what this source shows, and did not before", &beyond as &dyn Fn(&Change) -> bool),
            ("is demanded no more", &|change| change.kind == Kind::Dropped),
            ("no longer applies", &|change| turned(change, Verdict::NotApplicable)),
            ("is asked of a person now, and was decided by evidence before", &|change| turned(change, Verdict::Manual)),
        ] {
            let mut ids: Vec<String> = drift.changes.iter().filter(|change| holds(change)).map(id).collect();
            ids.dedup();
            if !ids.is_empty() {
                let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
                self.notes.push(format!("{what}: {}", words::some(&ids, false)));
            }
        }
        let other =
            |(name, digest): &(&String, &String)| drift.before.profiles.get(*name).is_some_and(|was| was != *digest);
        for (name, _) in drift.after.profiles.iter().filter(other) {
            self.notes.push(format!("the profile {name} demands something else than in the baseline"));
        }
        self.notes.extend(drift.warnings.iter().cloned());
    }

    fn told(self, report: &Report, drift: Option<&Drift>, policy: &Policy) -> Gate {
        let stand = match (self.closed.is_empty(), self.unseen.is_empty()) {
            (false, _) => Stand::Closed,
            (true, false) => Stand::Unseen,
            (true, true) => Stand::Open,
        };
        let next = match stand {
            Stand::Open => match drift {
                Some(_) => "nothing fails that the baseline does not have".to_owned(),
                None => "nothing stands in the way".to_owned(),
            },
            Stand::Unseen => {
                let gone = "; a run with --fail-on none forgets nodes that are gone for good";
                let gone = if self.left { gone } else { "" };
                format!("let the audit see what is named above, then run it again{gone}")
            }
            Stand::Closed => {
                let known = if self.altered {
                    "; a run with --fail-on none takes all that is open as known in the state of today"
                } else {
                    ""
                };
                format!("{}{known}", next::next(report, &self.ids, policy.kept.as_deref()))
            }
        };
        let mut told = bounded(self.closed);
        told.extend(bounded(self.unseen));
        told.extend(bounded(self.notes).into_iter().map(|note| format!("note: {note}")));
        Gate { stand, told, next }
    }
}

/// The first lines, and how many there are beyond: whoever wants all of them reads the report.
fn bounded(mut lines: Vec<String>) -> Vec<String> {
    if lines.len() > MOST {
        let more = lines.len() - MOST;
        lines.truncate(MOST);
        lines.push(format!("and {more} more"));
    }
    lines
}

/// Whether it was seen before, and this source can never show it.
fn beyond(change: &Change) -> bool {
    change.kind == Kind::VisibilityLost && change.after.as_ref().is_some_and(|after| after.outside)
}

/// Whether the cluster turned what was decided by evidence into such a verdict.
fn turned(change: &Change, verdict: Verdict) -> bool {
    let decided = |answer: &Answer| matches!(answer.verdict, Verdict::Pass | Verdict::Fail);
    let is = change.after.as_ref().is_some_and(|after| after.verdict == verdict);
    is && change.is_ours() && change.before.as_ref().is_some_and(decided)
}

/// Whether something had been settled, and is to be dealt with again.
fn ended(decision: &DecisionChange) -> bool {
    decision.before.state.is_settled() && decision.after.state == State::Required
}

/// Whether a decision and a change are about the same.
fn speaks(decision: &DecisionChange, change: &Change) -> bool {
    let same = |one: &Subject, other: &Subject| {
        (&one.kind, &one.name) == (&other.kind, &other.name)
            && one.captures.iter().any(|own| other.captures.contains(own))
    };
    decision.control == change.control
        && decision.subjects.iter().any(|one| change.subjects.iter().any(|other| same(one, other)))
}

/// Why a decision lapsed. What was accepted held before, so how the state changed is what changed since.
fn lapsed(decision: &DecisionChange, drift: &Drift) -> String {
    let changed = drift.changes.iter().find(|change| speaks(decision, change));
    let since = changed.map_or(String::new(), values);
    let mut told: Vec<String> = Vec::new();
    for why in &decision.after.lapsed {
        let line = match why.split_once(": the state changed: ") {
            Some((entry, _)) if !since.is_empty() => format!("{entry} lapsed: the state changed{since}"),
            _ => why.clone(),
        };
        // One line for all facts.
        if !told.contains(&line) {
            told.push(line);
        }
    }
    told.join("; ")
}

/// Whether it had to be dealt with before.
fn was_required(change: &Change) -> bool {
    change.before.as_ref().is_some_and(|before| before.decision.state == State::Required)
}

/// What of the deciding values differs, in parentheses; empty: nothing does, or there was no answer before.
fn values(change: &Change) -> String {
    let Some((old, new)) = said::differing(change).filter(|_| change.kind == Kind::EvidenceChanged) else {
        return String::new();
    };
    let sides = [("before", old), ("now", new)].into_iter().filter(|(_, values)| !values.is_empty());
    let sides: Vec<String> = sides.map(|(side, values)| format!("{side}: {values}")).collect();
    format!(" ({})", sides.join("; "))
}

fn line(finding: &Finding) -> String {
    let owner = finding.decision.owner.as_ref().map_or(String::new(), |owner| format!(", {owner}"));
    format!("{} {} ({}{owner}): {}", finding.id(), finding.title, words::priority(finding.priority), finding.reason)
}

fn told(change: &Change) -> String {
    told_as(change.kind.word(), change)
}

fn told_as(what: &str, change: &Change) -> String {
    let after = change.after.as_ref();
    let owner =
        after.and_then(|after| after.decision.owner.as_ref()).map_or(String::new(), |owner| format!(", {owner}"));
    let mut nodes: Vec<&str> =
        change.subjects.iter().flat_map(|subject| &subject.captures).map(String::as_str).collect();
    nodes.sort_unstable();
    nodes.dedup();
    let dates = change.regressed.as_ref().map_or(String::new(), |dates| {
        let mended =
            dates.mended.as_ref().map_or(String::new(), |mended| format!(", mended by {}", words::time(mended)));
        format!(" (failed before, on {}{mended})", words::time(&dates.failed))
    });
    let pool = change.compared_with.as_ref().map_or(String::new(), |pool| format!(" (compared with {pool})"));
    format!(
        "{what}: {} {} on {} ({}{owner}): {}{dates}{pool}{}",
        id(change),
        change.title,
        words::some(&nodes, false),
        words::priority(change.priority),
        after.map_or("", |after| after.reason.as_str()),
        values(change),
    )
}

fn id(change: &Change) -> String {
    let cited = change.after.as_ref().and_then(|after| after.cited_by.first());
    cited.map_or_else(|| change.control.clone(), |cited| cited.id.clone())
}

fn cause(change: &Change) -> &'static str {
    match change.causes.first() {
        Some(Cause::Profile) => "the profile",
        Some(Cause::Tool) => "this version of kube-assay",
        _ => "this tool",
    }
}
