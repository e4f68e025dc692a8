//! The gate of `scan`: what it is compared with, what closes it, and where the run is remembered.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

use clap::{Args, ValueEnum};
use evidence::{Aspect, Captures as _, Place, Seen};
use history::{Entry, Record, Store};
use jiff::{SignedDuration, Timestamp};
use report::drift::Drift;
use report::{Finding, Gate, OtherDay, Policy, Report, Stand, State, Verdict, other_day, shell_word};

use crate::cli::Output;
use crate::content;
use crate::earlier::{self, Finder, is_latest};
use crate::exit::{Exit, mistake};
use crate::history::{self as memory, age, told};
use crate::judging::Judging;
use crate::selector::Selector;
use crate::source::Spool;

/// What closes the gate, and where runs are remembered.
#[derive(Args, Debug, Default)]
pub(crate) struct GateArgs {
    /// What makes the exit code 1
    #[arg(long, value_enum, default_value_t = FailOn::Required)]
    pub fail_on: FailOn,
    /// What is compared with: a report (-o json=FILE), a run file, or a run of the history (`last`, `last-good`, a number,
    /// the start of an id)
    #[arg(long, value_name = "FILE|RUN")]
    pub baseline: Option<String>,
    /// Evidence that is older makes the exit code 3, e.g. 7d or 12h
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub max_age: Option<SignedDuration>,
    /// Less of what is within reach decided makes the exit code 3, e.g. 85
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub min_coverage: Option<u8>,
    /// Remember the run in a history. Without FILE, or where `$KUBE_ASSAY_HISTORY` is set: as for `history`
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    #[expect(clippy::option_option, reason = "clap's way to tell a flag without its value from no flag")]
    pub history: Option<Option<std::path::PathBuf>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// Failures that the baseline does not have, or has in another state or on fewer nodes of a pool, and decisions that
    /// ended
    New,
    /// Failures whose decision is required, and decisions that ended
    #[default]
    Required,
    /// Open failures, unknowns within reach and unanswered questions. What the register settled is not open: without
    /// --register any failure is
    Any,
    /// Nothing; what could not be seen still makes it 3
    None,
}

/// `85` or `85%`.
fn percent(text: &str) -> Result<u8, String> {
    let number = text.strip_suffix('%').unwrap_or(text).parse().ok().filter(|number| *number <= 100);
    number.ok_or_else(|| format!("`{text}` is no percentage: a whole number from 0 to 100 is wanted, as in 85"))
}

impl GateArgs {
    /// The history that the run is remembered in, if it is to be.
    pub(crate) fn open(&self) -> anyhow::Result<Option<Store>> {
        let wanted =
            self.history.is_some() || std::env::var_os("KUBE_ASSAY_HISTORY").is_some_and(|path| !path.is_empty());
        wanted.then(|| memory::Place { file: self.history.clone().flatten() }.open()).transpose()
    }

    /// The history's file, where a person named one.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.history.as_ref()?.as_deref()
    }

    /// A note where this run writes over its own baseline, whatever it finds: if that is kept, each failure closes the gate
    /// once and is known from then on.
    pub(crate) fn overwrites(&self, outputs: &[Output]) -> Option<String> {
        let baseline = self.baseline.as_deref().filter(|name| self.fail_on == FailOn::New && !is_latest(name))?;
        let there = std::fs::canonicalize(baseline).ok()?;
        let mut files = outputs.iter().filter_map(|output| std::fs::canonicalize(output.file.as_deref()?).ok());
        files.any(|file| file == there).then(|| {
            format!("this run writes over its baseline {baseline}: keep it only if the gate passed (--history does so)")
        })
    }

    /// What differs from the baseline, a note where there is none yet, and whether a run that is no worse than it is good.
    pub(crate) fn drift(
        &self,
        report: &Report,
        finder: &Finder<'_>,
    ) -> anyhow::Result<(Option<Drift>, Option<String>, bool)> {
        let Some(reference) = &self.baseline else { return Ok((None, None, true)) };
        let run = if is_latest(reference) { finder.latest(reference, report)? } else { Some(finder.find(reference)?) };
        if let Some(run) = run {
            run.serves(report).map_err(|why| mistake(format!("{reference} is no baseline: {why}")))?;
            let sound = run.is_sound();
            let why = (!sound && self.fail_on == FailOn::New).then(|| {
                "the baseline passed no gate of its own: what it found counts as known here, and this run is not good".to_owned()
            });
            return Ok((Some(run.compare(report, finder)?), why, sound));
        }
        let what = if reference == "last" { "run" } else { "good run" };
        let why = format!(
            "there is no {what} of this cluster by these profiles yet, so everything is new; a run with --fail-on none takes \
             what is there as known"
        );
        Ok((None, Some(why), true))
    }

    /// How the gate stands; `kept`: where the report is kept as JSON.
    pub(crate) fn stand(
        &self,
        report: &Report,
        kept: Option<&str>,
        drift: Option<&Drift>,
        run: &Spool,
        now: Timestamp,
    ) -> anyhow::Result<Gate> {
        let fail_on = match self.fail_on {
            FailOn::New => report::FailOn::New,
            FailOn::Required => report::FailOn::Required,
            FailOn::Any => report::FailOn::Any,
            FailOn::None => report::FailOn::None,
        };
        // Nobody reads all captures again unless a node is missing.
        let missing = drift.is_some_and(|drift| !drift.nodes.gone.is_empty());
        let listed = if missing { listed(run)? } else { None };
        let kept = kept.map(str::to_owned);
        let policy = Policy { fail_on, max_age: self.max_age, min_coverage: self.min_coverage, now, listed, kept };
        Ok(report::gate(report, drift, &policy))
    }

    /// Whether a later gate may compare with this run: it was passed, or a person takes what is there as known.
    /// A part of an audit is none.
    /// No worse than a run that was not good is not good. What would hold on a day that is yet to come is a rehearsal.
    pub(crate) fn is_good(&self, gate: &Gate, report: &Report, sound: bool, now: Timestamp) -> bool {
        let passed = gate.stand == Stand::Open && (sound || self.fail_on != FailOn::New);
        let rehearsed = matches!(other_day(report, now), Some(OtherDay::Future(_)));
        report.run.selection.is_none() && !rehearsed && (passed || self.fail_on == FailOn::None)
    }

    /// What was asked, and how it stands, as a history keeps it.
    pub(crate) fn words(&self, gate: &Gate, report: &Report, sound: bool, now: Timestamp) -> String {
        let asked = self.fail_on.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        let since = self.baseline.as_ref().map(|baseline| format!(" since {baseline}")).unwrap_or_default();
        let taken = self.fail_on == FailOn::None;
        let stands = if taken { "what is there is taken as known" } else { word(gate.stand) };
        let narrow = if report.run.selection.is_some() { "; a part of an audit" } else { "" };
        let unsound = if sound { "" } else { "; its baseline had failed" };
        let judged = match other_day(report, now) {
            Some(OtherDay::Past(day) | OtherDay::Future(day)) => format!("; judged as of {day}"),
            None => String::new(),
        };
        format!("{asked}{since}: {stands}{narrow}{unsound}{judged}")
    }

    /// Whether the answer is told beside the report: more was asked than whether anything is open, or whoever reads the exit
    /// code has to know what it is about.
    pub(crate) fn is_told(&self, gate: &Gate) -> bool {
        gate.stand != Stand::Open
            || self.baseline.is_some()
            || self.max_age.is_some()
            || self.min_coverage.is_some()
            || matches!(self.fail_on, FailOn::New)
    }
}

/// The nodes that the cluster's own list shows; none: no whole list was read.
fn listed(run: &Spool) -> anyhow::Result<Option<BTreeSet<String>>> {
    let place = Place::Api("/api/v1/nodes".to_owned());
    let mut all: Option<BTreeSet<String>> = None;
    for capture in run.each() {
        let capture = capture?;
        if capture.source != evidence::Source::Cluster {
            continue;
        }
        match capture.seen(&place, Aspect::Objects) {
            Some(Seen::Objects(list)) if list.incomplete.is_none() && list.left_out.is_empty() => {
                all.get_or_insert_default().extend(Selector::default().of(&capture));
            }
            _ => return Ok(None),
        }
    }
    Ok(all)
}

/// By what runs of one cluster are found again: what its keepers call it, the uid of its namespace kube-system, or else
/// the names of the nodes.
pub(crate) fn cluster(report: &Report, judging: &Judging) -> String {
    let uids: BTreeSet<&str> = report
        .run
        .captures
        .iter()
        .filter_map(|capture| capture.identity.get("cluster-uid"))
        .map(String::as_str)
        .collect();
    let uid = (!uids.is_empty()).then(|| uids.into_iter().collect::<Vec<_>>().join(", "));
    judging.answerable.cluster_name.clone().or(uid).unwrap_or_else(|| {
        let mut names: Vec<&str> = report.run.captures.iter().map(|capture| capture.name.as_str()).collect();
        names.sort_unstable();
        let all = names.join(", ");
        match names.as_slice() {
            [one] => format!("node {one}"),
            [first, .., last] if all.len() > 100 => {
                format!("{} nodes {first} to {last} ({:.12})", names.len(), evidence::digest(all.as_bytes()))
            }
            _ => format!("nodes {all}"),
        }
    })
}

/// Remembers a run: when this returns, it is on the disk whole. `file`: the history that a person named.
pub(crate) fn record(
    store: &mut Store,
    report: &mut Report,
    run: &Spool,
    judging: &Judging,
    file: Option<&Path>,
    (cluster, good, gate, now): (&str, bool, &str, Timestamp),
) -> anyhow::Result<()> {
    let register = judging.answerable.register.as_deref().map(content::text).transpose()?;
    let files = judging.files()?;
    let entry = store
        .record(&Record { report, run, content: &files, register: register.as_deref(), cluster, at: now, good, gate })
        .map_err(told)?;
    report.run.recorded = Some(earlier::as_recorded(&entry));
    if let Some(note) = unreviewed(&store.entries().map_err(told)?, cluster, file) {
        let _ = writeln!(anstream::stderr(), "{}", report::inert(&note));
    }
    let named = judging.answerable.cluster_name.is_some()
        || report.run.captures.iter().any(|capture| capture.identity.contains_key("cluster-uid"));
    if !named {
        let note = format!(
            "note: the run is kept as one of \"{cluster}\": --cluster-name gives it a name that outlasts its nodes"
        );
        let _ = writeln!(anstream::stderr(), "{}", report::inert(&note));
    }
    Ok(())
}

/// Which runs of a cluster wait for somebody to read them, where its runs are read at all.
fn unreviewed(entries: &[Entry], cluster: &str, file: Option<&Path>) -> Option<String> {
    let mine = entries.iter().filter(|entry| entry.run().is_some_and(|run| run.cluster == cluster));
    let (mut waiting, mut since, mut ever) = (0, None, false);
    for entry in mine {
        if entry.reviewed_by.is_empty() {
            waiting += 1;
            since.get_or_insert(entry);
        } else {
            (waiting, since, ever) = (0, None, true);
        }
    }
    let since = since.filter(|_| ever)?;
    let runs = if waiting == 1 { "run".to_owned() } else { format!("{waiting} runs") };
    let day = since.at.strftime("%Y-%m-%d");
    let file = file.map_or(String::new(), |file| format!(" --history {}", shell_word(&file.to_string_lossy())));
    Some(format!(
        "note: nobody has reviewed the last {runs} of {cluster}, since {day}: kube-assay history{file} review last --cluster {} \
         --by NAME",
        shell_word(cluster)
    ))
}

/// Says what a run without a gate takes as known, once it is remembered: what later gates let pass must be no surprise.
pub(crate) fn tell_known(report: &Report) {
    let open: Vec<&Finding> =
        report.findings.iter().filter(|finding| finding.decision.state == State::Required).collect();
    let Some(recorded) = report.run.recorded.as_ref().filter(|_| !open.is_empty()) else { return };
    let count = if open.len() == 1 { "1 open finding".to_owned() } else { format!("{} open findings", open.len()) };
    let failures = open.iter().filter(|finding| finding.verdict == Verdict::Fail).count();
    let lines = [
        format!(
            "WARNING: --fail-on none takes {count} as known ({failures} failed): run {} is the last good run now, and gates \
             for new failures (--baseline last-good --fail-on new) let all of that pass",
            recorded.number
        ),
        "to undo it: name an earlier run as --baseline (kube-assay history list), until a run without --fail-on none is good"
            .to_owned(),
    ];
    for line in lines {
        let _ = writeln!(anstream::stderr(), "{}", report::inert(&line));
    }
}

/// How a gate stands, as it is told and kept.
fn word(stand: Stand) -> &'static str {
    match stand {
        Stand::Open => "passed",
        Stand::Unseen => "failed, not everything could be seen",
        Stand::Closed => "failed",
    }
}

/// Tells how the gate stands, and last what to do next.
pub(crate) fn tell(gate: &Gate, notes: &[String]) {
    let mut lines = vec![format!("gate: {}", word(gate.stand))];
    lines.extend(notes.iter().map(|note| format!("  note: {note}")));
    lines.extend(gate.told.iter().map(|line| format!("  {line}")));
    lines.push(format!("next: {}", gate.next));
    for line in lines {
        // A broken pipe on stderr must not end the audit.
        let _ = writeln!(anstream::stderr(), "{}", report::inert(&line));
    }
}

impl From<Stand> for Exit {
    fn from(stand: Stand) -> Self {
        match stand {
            Stand::Open => Self::Clean,
            Stand::Unseen => Self::Unseen,
            Stand::Closed => Self::Open,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_a_whole_number() {
        for (text, expected) in [("85", Some(85)), ("85%", Some(85)), ("0", Some(0)), ("100%", Some(100))] {
            assert_eq!(percent(text).ok(), expected, "{text}");
        }
        for wrong in ["", "%", "101", "-1", "85.5", "85%%", "0.85", "all", "300"] {
            assert!(percent(wrong).unwrap_err().contains("from 0 to 100 is wanted, as in 85"), "{wrong}");
        }
    }
}
