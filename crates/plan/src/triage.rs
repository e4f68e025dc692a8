//! From a finding to its end: whose it is, whether it has to be dealt with, fix or exception, whether it was seen so since,
//! and whether that is remembered. The first stage that is missing is what to do next. Nothing is decided here: a report
//! and its plan are read, and earlier runs where there is a history.

mod tell;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests;

use assess::Verdict;
use report::{Finding, Report, State, shell_word, verdict_word};

use crate::derive::is_plain;
use crate::model::Plan;
use crate::rerun::{self, Given};

pub use tell::terminal;

/// Findings, and how far each has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Triage<'r> {
    /// The findings, the gravest first.
    pub all: Vec<Progress<'r>>,
}

/// How far one finding has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress<'r> {
    /// The finding.
    pub finding: &'r Finding,
    /// The stages, in their order.
    pub stages: Vec<Told>,
}

/// How one stage stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Which.
    pub stage: Stage,
    /// Whether it is done.
    pub mark: Mark,
    /// By whom or what, or what there is to do.
    pub said: String,
    /// If it is not done: the command that does it, or where to write what.
    pub next: Option<String>,
}

/// The stages from a finding to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Somebody answers for it.
    Own,
    /// It is known whether it has to be dealt with.
    Mandatory,
    /// It is mended, accepted or answered.
    Settle,
    /// It was seen so afterwards.
    Rerun,
    /// That is remembered.
    Store,
}

/// Whether a stage is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It is.
    Done,
    /// It is not, and it is the first.
    Missing,
    /// It is not, and neither is one before it.
    Waits,
}

/// What an earlier run said of a finding's subjects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// The number of the run in the history.
    pub run: u64,
    /// When it was recorded, for a reader.
    pub at: String,
    /// The verdict.
    pub verdict: Verdict,
    /// What was decided.
    pub state: State,
}

/// What earlier runs said of a finding, the oldest first.
pub type Past<'a> = dyn Fn(&Finding) -> Vec<Earlier> + 'a;

/// What findings are asked about.
pub struct Asked<'a, 'r> {
    /// The report.
    pub report: &'r Report,
    /// The plan for it.
    pub plan: &'a Plan,
    /// The report's file, for the commands.
    pub file: &'a str,
    /// What earlier runs said; none: there is no history.
    pub past: Option<&'a Past<'a>>,
    /// Whether a failure of a control may be accepted at all.
    pub may_be_accepted: &'a dyn Fn(&str) -> bool,
}

/// The findings that a person names, whatever came of them; of no name all that are open or decided. The gravest first.
pub fn meant<'r>(report: &'r Report, names: &[String]) -> Vec<&'r Finding> {
    let is_meant = |finding: &&Finding| match names {
        [] => finding.decision.state != State::None,
        names => names.iter().any(|name| is_called(finding, name)),
    };
    let mut findings: Vec<&Finding> = report.findings.iter().filter(is_meant).collect();
    findings.sort_by_key(|finding| (finding.priority, !finding.decision.state.is_open()));
    findings
}

/// Whether a name is that of a finding: its control's, an id, or `ID@PROFILE`.
pub fn is_called(finding: &Finding, name: &str) -> bool {
    let cited = |own: &report::CitedBy| own.id == name || format!("{}@{}", own.id, own.profile) == name;
    finding.control == name || finding.cited_by.iter().any(cited)
}

impl Stage {
    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Mandatory => "mandatory",
            Self::Settle => "fix or exception",
            Self::Rerun => "rerun",
            Self::Store => "store",
        }
    }
}

impl Progress<'_> {
    /// The first stage that is missing.
    pub fn missing(&self) -> Option<&Told> {
        self.stages.iter().find(|told| told.mark == Mark::Missing)
    }
}

impl Triage<'_> {
    /// The one thing to do next: that of the gravest finding with a stage missing.
    pub fn next(&self) -> Option<&str> {
        self.all.iter().find_map(|progress| progress.missing()?.next.as_deref())
    }
}

impl<'r> Asked<'_, 'r> {
    /// How far the findings have come that are [`meant`].
    pub fn triage(&self, names: &[String]) -> Triage<'r> {
        Triage { all: meant(self.report, names).into_iter().map(|finding| self.progress(finding)).collect() }
    }

    fn progress(&self, finding: &'r Finding) -> Progress<'r> {
        let past = self.past.map(|past| past(finding));
        let all = [
            (Stage::Own, self.own(finding)),
            (Stage::Mandatory, (mandatory(self.report, finding), None)),
            (Stage::Settle, self.settle(finding)),
            (Stage::Rerun, self.rerun(finding, past.as_deref())),
            (Stage::Store, self.store()),
        ];
        let mut missed = false;
        let told = |(stage, (said, next)): (Stage, Said)| {
            let mark = match (&next, missed) {
                (None, _) => Mark::Done,
                (Some(_), false) => Mark::Missing,
                (Some(_), true) => Mark::Waits,
            };
            missed |= next.is_some();
            Told { stage, mark, said, next }
        };
        Progress { finding, stages: all.into_iter().map(told).collect() }
    }

    fn own(&self, finding: &Finding) -> Said {
        let decision = &finding.decision;
        if let Some(owner) = &decision.owner {
            let source = decision.source.as_ref().map_or(String::new(), |source| format!(", who keeps {source}"));
            return (format!("{owner}{source}"), None);
        }
        if decision.state == State::ProviderOwned {
            return ("the provider".to_owned(), None);
        }
        if decision.state == State::None {
            return ("nobody has to: nothing is open".to_owned(), None);
        }
        let entry = format!("{{ owner: NAME, of: {{ components: [{}] }} }}", word(&finding.component, "COMPONENT"));
        match &self.report.register {
            Some(register) => (
                format!("no entry of the register {} names who answers for {}", register.name, finding.component),
                Some(format!(
                    "add to its owners `{entry}`, then `{}`",
                    rerun::scan(self.report, &Given::default(), &[])
                )),
            ),
            None => (
                "there is no register, so nobody answers for it".to_owned(),
                Some(format!(
                    "kube-assay register init --platform {} > REGISTER, then scan with --register REGISTER",
                    word(&self.report.platform.name, "PLATFORM")
                )),
            ),
        }
    }

    /// What is open wants a fix, an exception or an answer.
    fn settle(&self, finding: &Finding) -> Said {
        let decision = &finding.decision;
        let until = decision.until.as_ref().map_or(String::new(), |day| format!(" until {day}"));
        let by = decision.by.as_ref().map_or(String::new(), |by| format!(" by {by}"));
        let said = match decision.state {
            State::None if finding.verdict == Verdict::Unknown => "it lies outside what this source can see".to_owned(),
            State::None => "nothing has to be mended".to_owned(),
            State::Accepted => format!("accepted{until}{by}{}", entry(finding)),
            State::Answered => format!("answered{by}, and it holds{until}{}", entry(finding)),
            State::ProviderOwned => format!("the provider settles it{until}{}", entry(finding)),
            State::Informational => format!("nobody has to mend it{}", entry(finding)),
            State::Overdue => format!("what was decided ended{}{}", until.replace("until", "on"), entry(finding)),
            State::Required if finding.verdict == Verdict::Unknown => format!("it was not seen: {}", finding.reason),
            State::Required => self.way(finding),
            State::Unanswered => "nobody has answered the question".to_owned(),
        };
        let remarks = [("no longer holds", &decision.lapsed), ("to be looked at again", &decision.due)];
        let remarks = remarks.iter().filter(|(_, all)| !all.is_empty());
        let said = remarks.fold(said, |said, (what, all)| format!("{said}; {what}: {}", all.join("; ")));
        (said, decision.state.is_open().then(|| self.settles(finding)))
    }

    /// What the plan has for a failure.
    fn way(&self, finding: &Finding) -> String {
        if let Some(step) = self.plan.steps.iter().find(|step| step.controls.contains(&finding.control)) {
            return format!("step {} of the plan ({})", step.number, step.title);
        }
        let hand = self.plan.by_hand.iter().find(|hand| hand.controls.contains(&finding.control));
        hand.map_or_else(|| "it is neither mended nor accepted".to_owned(), |hand| format!("by hand: {}", hand.because))
    }

    /// The command that settles what is open.
    fn settles(&self, finding: &Finding) -> String {
        let file = shell_word(self.file);
        let plan = format!("kube-assay plan --report {file}");
        let control = word(&finding.control, "CONTROL");
        let draft = format!("kube-assay register add {control} --report {file}");
        let again = rerun::scan(self.report, &Given::default(), std::slice::from_ref(&finding.control));
        // What has an entry is decided in that one: a second beside it helps nobody.
        if let Some(edit) = finding.edit() {
            return match finding.verdict {
                _ if finding.is_answered_no() => format!("{plan}, then answer anew: {edit}"),
                Verdict::Fail => format!("{plan}, or decide anew: {edit}"),
                _ => format!("decide anew: {edit}"),
            };
        }
        match finding.verdict {
            Verdict::Manual => draft,
            Verdict::Unknown => finding.help.as_ref().map_or(again.clone(), |help| format!("{help}, then `{again}`")),
            _ if !(self.may_be_accepted)(&finding.control) => {
                format!("{plan} (a failure of {control} may never be accepted)")
            }
            _ => format!("{plan}, or to accept it: `{draft}`"),
        }
    }

    /// What is settled is so by this report; a history tells since when, and whether a later run says otherwise.
    fn rerun(&self, finding: &Finding, past: Option<&[Earlier]>) -> Said {
        let again = rerun::scan(self.report, &Given::default(), std::slice::from_ref(&finding.control));
        let state = finding.decision.state;
        if state.is_open() {
            return ("after the change".to_owned(), Some(again));
        }
        let now = match state {
            State::None => verdict_word(finding.verdict).to_owned(),
            state => state.word().to_owned(),
        };
        let Some(past) = past else {
            return (format!("this report says {now}; a history would tell since when; again: `{again}`"), None);
        };
        let own = self.report.run.recorded.as_ref().map(|recorded| recorded.number);
        let same = |earlier: &&Earlier| earlier.verdict == finding.verdict && earlier.state == state;
        match past.last() {
            Some(last) if !same(&last) && own.is_none_or(|own| own < last.run) => (
                format!("this report says {now}, and the last run, {} of {}, does not", last.run, last.at),
                Some(format!("kube-assay history show {} -o json=LAST, then triage that", last.run)),
            ),
            Some(last) if same(&last) => {
                let since = past.iter().rev().take_while(same).last().unwrap_or(last);
                let until = format!("run {} of {}", last.run, last.at);
                let since = if since == last {
                    "for the first time".to_owned()
                } else {
                    format!("since run {} of {}", since.run, since.at)
                };
                (format!("{now} in {until}, {since}"), None)
            }
            _ => (format!("this report says {now}, and no run of the history did"), None),
        }
    }

    fn store(&self) -> Said {
        match &self.report.run.recorded {
            Some(recorded) => (format!("run {} of the history ({:.12})", recorded.number, recorded.head), None),
            None => (
                "this run is in no history".to_owned(),
                Some(format!("{} --history", rerun::scan(self.report, &Given::default(), &[]))),
            ),
        }
    }
}

/// What there is to say of a stage, and what does it if it is not done.
type Said = (String, Option<String>);

/// Whether it has to be dealt with, and who says so.
fn mandatory(report: &Report, finding: &Finding) -> String {
    let decision = &finding.decision;
    let reason = decision.reason.as_ref().map_or(String::new(), |reason| format!(": {reason}"));
    match decision.state {
        State::None => format!("no: {}", verdict_word(finding.verdict)),
        State::Informational => format!("no, for information{}{reason}", entry(finding)),
        State::ProviderOwned if decision.entry.is_some() => format!("no, the provider's{}{reason}", entry(finding)),
        State::ProviderOwned => format!("no: {} runs it out of sight", report.platform.name),
        State::Required if decision.entry.is_some() => format!("yes{}{reason}", entry(finding)),
        _ => {
            let by: Vec<String> =
                finding.cited_by.iter().map(|own| format!("{} (level {})", own.profile, own.level)).collect();
            let by = if by.is_empty() { "its profile".to_owned() } else { by.join(", ") };
            format!("yes, by {by}; no class says otherwise")
        }
    }
}

/// A word of a command, if it is one whatever shell reads it; else what stands in its place.
fn word<'t>(text: &'t str, instead: &'t str) -> &'t str {
    let plain = is_plain(text) && !text.contains('*') && !text.starts_with('-') && !text.is_empty();
    if plain { text } else { instead }
}

/// The register's entry.
fn entry(finding: &Finding) -> String {
    finding.decision.entry.as_ref().map_or(String::new(), |entry| format!(" ({entry})"))
}
