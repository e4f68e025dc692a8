//! `compare`: what differs between two runs, and what made it differ.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use benchmark::Content;
use clap::{Args, ValueEnum};
use evidence::Run;
use report::Report;
use report::drift::{self, Drift, Kind, Reports};
use serde::Deserialize;

use crate::cli::{ContentArgs, FailOn, Local, Output, Scan, Source};
use crate::exit::{Exit, mistake};
use crate::{content, import, output, scan, source};

/// At most so many bytes of a report: 5,000 nodes need a tenth of it.
const MAX_REPORT: u64 = 1 << 30;

/// What a run file begins with: zstd's mark.
const RUN_FILE: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// What makes the exit code 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOnDrift {
    /// Failures that nobody knew and nobody has accepted, and acceptances that no longer hold
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
Each side is a report (scan -o json=FILE), a run file (collect -o FILE), which is judged now, or kube-bench's JSON.

Examples:
  kube-assay compare monday.json today.json         what a pipeline kept, against what it sees now
  kube-assay compare before-upgrade.run after-upgrade.run   old debt and new drift, judged by the same tool
  kube-assay compare march.json today.run --before-evidence march.run   with the cause of each difference
  kube-assay compare old-kube-bench.json today.json   where kube-bench and kube-assay disagree, with our evidence
  kube-assay compare a.json b.json -o terminal -o markdown=drift.md --only new,regressed")]
pub(crate) struct Compare {
    /// The earlier side
    #[arg(value_name = "BEFORE")]
    before: PathBuf,
    /// The later side
    #[arg(value_name = "AFTER")]
    after: PathBuf,
    /// The run file that the earlier report was made from: judged again, it tells the tool's and the profile's changes
    /// from the cluster's
    #[arg(long, value_name = "FILE")]
    before_evidence: Option<PathBuf>,
    #[command(flatten)]
    content: ContentArgs,
    /// Profile to judge run files by; may be repeated. Default: the one written for the Kubernetes version
    #[arg(long, value_name = "NAME")]
    profile: Vec<String>,
    /// A tailoring: a profile with bounds of your own
    #[arg(long, value_name = "FILE")]
    tailoring: Vec<PathBuf>,
    /// Read the evidence of run files as this platform's
    #[arg(long, value_name = "NAME")]
    platform: Option<String>,
    /// The Kubernetes version, where the evidence does not show it
    #[arg(long, value_name = "VERSION")]
    kubernetes_version: Option<String>,
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
    let extra = [arguments.content.controls.clone(), arguments.tailoring.clone()].concat();
    let content = content::load_valid(&extra)?;
    let judging = Judging { content: &content, arguments };
    let after = match side(&arguments.after, &judging)? {
        Side::Report(report) => *report,
        Side::Run(run) => judging.judge(&run, &arguments.profile)?,
    };
    let earlier = judging.earlier(side(&arguments.before, &judging)?, &after)?;
    let reports = Reports {
        before: &earlier.told,
        replayed: earlier.replayed.as_ref(),
        reprofiled: earlier.reprofiled.as_ref(),
        after: &after,
    };
    let drift = drift::compare(&reports, &|_| Vec::new());
    tell(&drift, arguments)?;
    Ok(exit(&drift, arguments.fail_on))
}

/// One side of the comparison.
enum Side {
    /// What was told.
    Report(Box<Report>),
    /// What was seen.
    Run(Run),
}

/// Finds what a side is: a file, told apart by what it holds.
fn side(path: &Path, judging: &Judging<'_>) -> anyhow::Result<Side> {
    let bytes = import::read(path, MAX_REPORT)?;
    if bytes.starts_with(&RUN_FILE) {
        return evidence_of(path, judging.content).map(Side::Run);
    }
    let report = report_of(&bytes, path, judging)?;
    Ok(Side::Report(Box::new(report)))
}

/// What of any of our JSON is read first.
#[derive(Deserialize)]
struct Named {
    schema: String,
}

fn report_of(bytes: &[u8], path: &Path, judging: &Judging<'_>) -> anyhow::Result<Report> {
    let wrong = |why: String| mistake(format!("{}: {why}", path.display()));
    let Ok(Named { schema }) = serde_json::from_slice(bytes) else {
        let arguments = judging.arguments;
        let what = "no run file, no report of kube-assay and no output of kube-bench";
        return match report::read_kube_bench(bytes) {
            Ok(said) => {
                let node = path.file_stem().map_or("node".into(), |name| name.to_string_lossy());
                let profile = arguments.profile.first().map(String::as_str);
                import::report(&[(node.into_owned(), said)], judging.content, profile, None, None)
            }
            Err(error) => Err(wrong(format!("{what} ({:#})", anyhow::Error::new(error)))),
        };
    };
    if schema != report::SCHEMA {
        return Err(wrong(format!("it is {schema}, and {} is what can be compared", report::SCHEMA)));
    }
    let report: Report = serde_json::from_slice(bytes).map_err(|error| wrong(format!("no whole report: {error}")))?;
    if !drift::is_whole(&report) {
        return Err(wrong("it does not tell all that it counts: write the report again, without --only".to_owned()));
    }
    Ok(report)
}

/// The run in a run file.
fn evidence_of(path: &Path, content: &Content) -> anyhow::Result<Run> {
    let local = Local { evidence: vec![path.to_path_buf()], ..Local::default() };
    let run = source::run(&Source { local, ..Source::default() }, None, content)?;
    Ok(Run { captures: run.captures.into_iter().map(assess::rendered).collect() })
}

/// The earlier side: what is told of it, and its evidence judged again.
struct Earlier {
    told: Report,
    replayed: Option<Report>,
    reprofiled: Option<Report>,
}

/// What runs are judged by.
struct Judging<'a> {
    content: &'a Content,
    arguments: &'a Compare,
}

impl Judging<'_> {
    fn earlier(&self, side: Side, after: &Report) -> anyhow::Result<Earlier> {
        let (told, evidence) = match (side, &self.arguments.before_evidence) {
            (Side::Run(_), Some(_)) => {
                return Err(mistake("--before-evidence goes with a report: BEFORE is a run file itself"));
            }
            (Side::Run(run), None) => (self.judge(&run, &self.arguments.profile)?, Some(run)),
            (Side::Report(report), None) => (*report, None),
            (Side::Report(report), Some(path)) => {
                let run = evidence_of(path, self.content)?;
                belongs(&run, &report).map_err(|why| mistake(format!("{}: {why}", path.display())))?;
                (*report, Some(run))
            }
        };
        let mut earlier = Earlier { told, replayed: None, reprofiled: None };
        // Only what this tool judges can stand beside what this tool judged.
        let Some(run) = evidence.filter(|_| after.tool.version == env!("CARGO_PKG_VERSION")) else {
            return Ok(earlier);
        };
        if earlier.told.tool != after.tool {
            earlier.replayed =
                self.known(&earlier.told).map(|names| self.again(&run, &names, &earlier.told)).transpose()?;
        }
        earlier.reprofiled = self.known(after).map(|names| self.again(&run, &names, &earlier.told)).transpose()?;
        Ok(earlier)
    }

    /// The names of a report's profiles, if all of them demand now what they demanded then.
    fn known(&self, report: &Report) -> Option<Vec<String>> {
        let same = |own: &report::ProfileInfo| {
            let profile = self.content.profile(&own.name)?;
            (self.content.digest_of(profile) == own.digest).then(|| own.name.clone())
        };
        report.profiles.iter().map(same).collect()
    }

    fn judge(&self, run: &Run, profiles: &[String]) -> anyhow::Result<Report> {
        scan::judge(run, self.content, &self.as_scan(profiles))
    }

    /// Judges evidence again, with the platform and version that a person gave when a report was made of it.
    fn again(&self, run: &Run, profiles: &[String], told: &Report) -> anyhow::Result<Report> {
        let given = |choice: &assess::Choice| choice.reason.starts_with("given by ").then(|| choice.name.clone());
        // A tailoring among them is named as they are.
        let mut scan = Scan { tailoring: Vec::new(), ..self.as_scan(profiles) };
        scan.platform = scan.platform.or_else(|| given(&told.platform));
        scan.kubernetes_version = scan.kubernetes_version.or_else(|| told.kubernetes.as_ref().and_then(given));
        scan::judge(run, self.content, &scan)
    }

    /// The same arguments as `scan` has them.
    fn as_scan(&self, profiles: &[String]) -> Scan {
        let Compare { tailoring, platform, kubernetes_version, .. } = self.arguments;
        Scan {
            source: Source::default(),
            content: ContentArgs::default(),
            profile: profiles.to_vec(),
            tailoring: tailoring.clone(),
            platform: platform.clone(),
            kubernetes_version: kubernetes_version.clone(),
            control: Vec::new(),
            section: Vec::new(),
            only: Vec::new(),
            fail_on: FailOn::None,
            output: Vec::new(),
            dry_run: false,
            verbose: false,
        }
    }
}

/// Why a run is not the one that a report was made of.
fn belongs(run: &Run, report: &Report) -> Result<(), String> {
    let time = |text: &String| text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond);
    let seen = run.captures.iter().map(|own| (own.name.as_str(), own.taken, &own.identity));
    let told =
        report.run.captures.iter().map(|own| (own.name.as_str(), own.taken.as_ref().and_then(time), &own.identity));
    let (seen, told): (BTreeSet<_>, BTreeSet<_>) = (seen.collect(), told.collect());
    if seen == told {
        return Ok(());
    }
    let names = |of: BTreeSet<(&str, _, _)>| of.into_iter().map(|(name, _, _)| name).collect::<Vec<_>>().join(", ");
    Err(format!(
        "it is not what the earlier report was made of: it holds {}, the report tells of {}, or they are of another time",
        names(seen),
        names(told)
    ))
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
