//! `triage`: what is missing between a finding and its end. Reads, and changes nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use plan::Plan;
use plan::triage::{Asked, Earlier, is_called, meant, terminal};
use report::{Finding, Report, Subject};

use crate::cli::ContentArgs;
use crate::exit::Exit;
use crate::history::{Place, told};
use crate::judging::{AnswerableArgs, Judging, unknown};
use crate::register::read_report;
use crate::{content, gate, output};

#[derive(Args, Debug)]
#[command(after_help = "\
Five steps lead from a finding to its end: somebody owns it; it is known whether it is mandatory;
it is fixed, accepted or answered; it was seen so since; the run is stored. The first one that is
missing is told, and last what to do next. Exit code 1: of something a step is missing.

Examples:
  kube-assay triage --report report.json            how far everything is that is open or decided
  kube-assay triage --report report.json 1.2.16 4.2.9   every step of these
  kube-assay triage --report report.json --history audit.db 1.2.16   since when it is so")]
pub(crate) struct TriageArgs {
    /// Controls, by name, ID or ID@PROFILE. Default: all that are open or decided, in short
    #[arg(value_name = "CONTROL")]
    control: Vec<String>,
    /// The report (-o json)
    #[arg(long, value_name = "FILE")]
    report: PathBuf,
    #[command(flatten)]
    place: Place,
    /// What the cluster is called in the history. Default: as `scan` calls it
    #[arg(long, value_name = "NAME")]
    cluster_name: Option<String>,
    #[command(flatten)]
    content: ContentArgs,
}

pub(crate) fn run(arguments: &TriageArgs) -> anyhow::Result<Exit> {
    let content = content::load_valid(&arguments.content.controls)?;
    let report = read_report(&arguments.report)?;
    for name in &arguments.control {
        if !report.findings.iter().any(|finding| is_called(finding, name)) {
            let known = report.findings.iter().flat_map(|finding| [finding.control.as_str(), finding.id()]);
            return Err(unknown("control or id in this report:", name, known));
        }
    }
    let store = arguments.place.there()?;
    let cluster = cluster(&report, arguments.cluster_name.as_deref());
    let mut runs: BTreeMap<&str, history::Past> = BTreeMap::new();
    for finding in meant(&report, &arguments.control) {
        if let (Some(store), false) = (&store, runs.contains_key(finding.control.as_str())) {
            runs.insert(&finding.control, store.past(&finding.control, Some(&cluster)).map_err(told)?);
        }
    }
    let past =
        |finding: &Finding| runs.get(finding.control.as_str()).map(|runs| earlier(runs, finding)).unwrap_or_default();
    let asked = Asked {
        report: &report,
        plan: &Plan::of(&report, &content),
        file: &arguments.report.to_string_lossy(),
        past: store.is_some().then_some(&past),
        may_be_accepted: &|control| !register::NEVER.contains(&control),
    };
    let triage = asked.triage(&arguments.control);
    output::print(&terminal(&triage, !arguments.control.is_empty(), output::columns()))?;
    Ok(if triage.next().is_some() { Exit::Open } else { Exit::Clean })
}

/// What the history keeps the runs of a report's cluster under.
fn cluster(report: &Report, name: Option<&str>) -> String {
    let answerable = AnswerableArgs { cluster_name: name.map(str::to_owned), ..AnswerableArgs::default() };
    gate::cluster(report, &Judging { answerable, ..Judging::default() })
}

/// What runs said of a finding's subjects; of several answers the gravest.
fn earlier(runs: &history::Past, finding: &Finding) -> Vec<Earlier> {
    let shared = |own: &Subject, other: &Subject| {
        (&own.kind, &own.name) == (&other.kind, &other.name)
            && own.captures.iter().any(|capture| other.captures.contains(capture))
    };
    let mine = |other: &Finding| {
        other.parameters == finding.parameters
            && other.subjects.iter().any(|subject| finding.subjects.iter().any(|own| shared(own, subject)))
    };
    let told = runs.iter().filter_map(|(entry, findings)| {
        let of = findings.iter().filter(|other| mine(other));
        let gravest = of.min_by_key(|other| (other.verdict, !other.decision.state.is_open()))?;
        let (verdict, state) = (gravest.verdict, gravest.decision.state);
        Some(Earlier { run: entry.number, at: entry.at.strftime("%Y-%m-%d %H:%M UTC").to_string(), verdict, state })
    });
    told.collect()
}
