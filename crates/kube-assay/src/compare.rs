//! `compare`: what differs between two runs, and what made it differ.

use std::collections::BTreeSet;
use std::io::{IsTerminal, Write as _};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use report::drift::{self, Drift, Kind};

use crate::cli::Output;
use crate::earlier::{Finder, is_latest};
use crate::exit::{Exit, mistake};
use crate::history::Place;
use crate::judging::Judging;
use crate::output;

/// What makes the exit code 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOnDrift {
    /// Failures that nobody knew, at all or in this state, and nobody has accepted, and acceptances that no longer hold
    New,
    /// Nothing
    None,
}

/// How a drift is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DriftFormat {
    Terminal,
    Json,
    Markdown,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Each side is a report (scan -o json=FILE), a run file (collect -o FILE), which is judged now, kube-bench's JSON, or a run of
the history: its number, the start of its id or hash, `last`, or `last-good`.

Examples:
  kube-assay compare monday.json today.json         what a pipeline kept, against what it sees now
  kube-assay compare before-upgrade.run after-upgrade.run   old debt and new drift, judged by the same tool
  kube-assay compare 12 last                        two runs of the history, with the cause of each difference
  kube-assay compare march.json today.run --before-evidence march.run   with the cause of each difference
  kube-assay compare old-kube-bench.json today.json   where kube-bench and kube-assay disagree, with our evidence
  kube-assay compare a.json b.json -o terminal -o markdown=drift.md --only new,regressed")]
pub(crate) struct Compare {
    /// The earlier side
    #[arg(value_name = "BEFORE")]
    before: String,
    /// The later side
    #[arg(value_name = "AFTER")]
    after: String,
    /// The run file that the earlier report was made from: judged again, it tells the tool's and the profile's changes
    /// from the cluster's
    #[arg(long, value_name = "FILE")]
    before_evidence: Option<PathBuf>,
    #[command(flatten)]
    judging: Judging,
    #[command(flatten)]
    history: Place,
    /// Tell only these kinds of changes: regressed, new, disagrees, demanded, visibility-lost, visibility-gained, fixed,
    /// verdict-changed, evidence-changed, appeared, vanished, dropped, unchanged
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = kind)]
    only: Vec<Kind>,
    /// What makes the exit code 1
    #[arg(long, value_enum, default_value_t = FailOnDrift::New)]
    fail_on: FailOnDrift,
    /// How it is told: terminal, json, markdown; FORMAT=FILE writes a file; may be repeated
    #[arg(short, long = "output", value_name = "FORMAT[=FILE]", default_value = "terminal")]
    output: Vec<Output<DriftFormat>>,
    /// Tell everything: all subjects, and what did not change
    #[arg(short, long)]
    verbose: bool,
}

fn kind(text: &str) -> Result<Kind, String> {
    let names = || Kind::ALL.iter().map(|kind| kind.word());
    Kind::ALL.into_iter().find(|kind| kind.word() == text).ok_or_else(|| {
        let hint = diag::suggest(text, names()).map(|near| format!(" (did you mean {near}?)"));
        format!("there are {}{}", names().collect::<Vec<_>>().join(", "), hint.unwrap_or_default())
    })
}

pub(crate) fn run(arguments: &Compare) -> anyhow::Result<Exit> {
    let content = arguments.judging.content()?;
    let history = arguments.history.there()?;
    let cluster = arguments.judging.answerable.cluster_name.as_deref();
    let finder = Finder { content: &content, judging: &arguments.judging, history: history.as_ref(), cluster };
    let mut before = finder.find(&arguments.before)?;
    // The latest of a cluster is meant, where the other side says of which.
    let own = before.cluster().filter(|_| is_latest(&arguments.after)).map(str::to_owned);
    let after = Finder { cluster: cluster.or(own.as_deref()), ..finder }.find(&arguments.after)?;
    if let (Some(one), Some(other)) = (before.cluster(), after.cluster())
        && one != other
    {
        return Err(mistake(format!("{} is a run of {one}, and {} of {other}", arguments.before, arguments.after)));
    }
    if let (Some(one), Some(other)) = (&before.told.run.recorded, &after.told.run.recorded)
        && one == other
    {
        let note = format!("note: both sides are run {} ({})", one.number, one.run);
        let _ = writeln!(anstream::stderr(), "{}", report::inert(&note));
    }
    if let Some(path) = &arguments.before_evidence {
        before = before.with_evidence(path, &content)?;
    }
    let drift = before.compare(&after.told, &finder)?;
    tell(&drift, arguments)?;
    Ok(exit(&drift, arguments.fail_on))
}

fn tell(drift: &Drift, arguments: &Compare) -> anyhow::Result<()> {
    output::only_one_to_stdout(&arguments.output)?;
    let only: BTreeSet<Kind> = arguments.only.iter().copied().collect();
    let narrowed = (!only.is_empty()).then(|| drift::filter(drift, &only));
    let told = narrowed.as_ref().unwrap_or(drift);
    for output in &arguments.output {
        let to_terminal = output.file.is_none() && std::io::stdout().is_terminal();
        let text = match output.format {
            DriftFormat::Terminal => drift::terminal(told, &output::options(to_terminal, arguments.verbose)),
            DriftFormat::Json => drift::json(told),
            DriftFormat::Markdown => drift::markdown(told),
        };
        output::put(output.file.as_deref(), &text)?;
    }
    Ok(())
}

fn exit(drift: &Drift, fail_on: FailOnDrift) -> Exit {
    match fail_on {
        FailOnDrift::New if drift.is_worse() => Exit::Open,
        _ if drift.is_blinder() => Exit::Unseen,
        _ => Exit::Clean,
    }
}
