//! `plan`: what to change, in which order. Nothing is ever applied.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};
use plan::Plan;
use report::Report;

use crate::cli::{ContentArgs, Scan, Source};
use crate::exit::{Exit, mistake};
use crate::{content, output, scan};

/// At most so much of a report that was saved.
const MAX_REPORT: u64 = 512 << 20;

#[derive(Args, Debug)]
#[command(after_help = "\
Nothing is ever applied: patches are files for people.

Examples:
  kube-assay plan                                   what to do about this node, in order
  kube-assay plan --evidence cp1.run -o fixes       the plan as fixes/README.md, and a file for each patch
  kube-assay plan --report report.json --format markdown   from a report that `scan -o json=report.json` wrote
  kube-assay plan --context prod --probe-image IMAGE --section 4.2 -o kubelets")]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub source: Source,
    #[command(flatten)]
    pub content: ContentArgs,
    /// Plan from a report that `scan -o json` wrote, instead of looking again
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["local", "cluster", "talos", "profile", "tailoring", "platform", "kubernetes_version", "control", "section"]
    )]
    pub report: Option<PathBuf>,
    /// Profile to judge by; may be repeated. Default: the one written for the Kubernetes version
    #[arg(long, value_name = "NAME")]
    pub profile: Vec<String>,
    /// A tailoring: a profile with bounds of your own
    #[arg(long, value_name = "FILE")]
    pub tailoring: Vec<PathBuf>,
    /// Read the evidence as this platform's
    #[arg(long, value_name = "NAME")]
    pub platform: Option<String>,
    /// The Kubernetes version, where the evidence does not show it
    #[arg(long, value_name = "VERSION")]
    pub kubernetes_version: Option<String>,
    /// Plan only for these controls, by id or name (with --section: those that satisfy both)
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub control: Vec<String>,
    /// Plan only for these sections, by id
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub section: Vec<String>,
    /// How the plan is printed
    #[arg(long, value_enum, default_value_t = PlanFormat::Terminal)]
    pub format: PlanFormat,
    /// Write README.md (the plan), plan.json and a file for each patch into this directory, instead of printing
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Write into a directory that holds other files too; patches of an earlier plan there are replaced
    #[arg(long, requires = "output")]
    pub force: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlanFormat {
    Terminal,
    Markdown,
    Json,
}

pub(crate) fn run(arguments: PlanArgs) -> anyhow::Result<Exit> {
    let extra = [arguments.content.controls.clone(), arguments.tailoring.clone()].concat();
    let content = content::load_valid(&extra)?;
    let (format, output, force) = (arguments.format, arguments.output.clone(), arguments.force);
    let report = match &arguments.report {
        Some(path) => saved(path)?,
        None => scan::report(&as_scan(arguments), &content)?,
    };
    let plan = Plan::of(&report, &content);
    if let Some(directory) = output {
        write(&plan, &directory, force)?;
    } else {
        output::print(&match format {
            PlanFormat::Terminal => plan::terminal(&plan, output::columns()),
            PlanFormat::Markdown => plan::markdown(&plan),
            PlanFormat::Json => plan::json(&plan),
        })?;
    }
    Ok(Exit::Clean)
}

fn as_scan(arguments: PlanArgs) -> Scan {
    let PlanArgs { source, content, profile, tailoring, platform, kubernetes_version, control, section, .. } =
        arguments;
    Scan { source, content, profile, tailoring, platform, kubernetes_version, control, section, ..Scan::default() }
}

fn saved(path: &Path) -> anyhow::Result<Report> {
    let wrong = |why: String| mistake(format!("{}: {why}", path.display()));
    let file = std::fs::File::open(path).map_err(|error| wrong(error.to_string()))?;
    let mut text = Vec::new();
    file.take(MAX_REPORT + 1).read_to_end(&mut text).map_err(|error| wrong(error.to_string()))?;
    if text.len() as u64 > MAX_REPORT {
        return Err(wrong(format!("it is larger than {MAX_REPORT} bytes")));
    }
    let report: Report = serde_json::from_slice(&text)
        .map_err(|error| wrong(format!("it is no report that `scan -o json` wrote: {error}")))?;
    if report.schema != report::SCHEMA {
        return Err(wrong(format!("it is a {}, and {} is known here", report::inert(&report.schema), report::SCHEMA)));
    }
    Ok(report)
}

/// Everything of a plan as files.
fn files(plan: &Plan) -> Vec<(&str, String)> {
    let mut files: Vec<(&str, String)> =
        plan.patches.iter().map(|patch| (patch.name.as_str(), patch.content.clone())).collect();
    files.push(("plan.json", plan::json(plan)));
    files.push(("README.md", plan::markdown(plan)));
    files
}

/// A new directory appears whole or not at all; in one that is there, each file does.
fn write(plan: &Plan, directory: &Path, force: bool) -> anyhow::Result<()> {
    let told = || format!("{} could not be written", directory.display());
    let there: Vec<PathBuf> = match std::fs::read_dir(directory) {
        Ok(entries) => {
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>().with_context(told)?
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(mistake(format!("{}: {error}", directory.display()))),
    };
    if there.is_empty() {
        let parent =
            directory.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        let beside = tempfile::tempdir_in(parent).with_context(told)?;
        let new = beside.path().join("plan");
        std::fs::create_dir(&new).with_context(told)?;
        for (name, text) in files(plan) {
            output::write_whole(&new.join(name), text.as_bytes())?;
        }
        return std::fs::rename(&new, directory).with_context(told);
    }
    if !force {
        let message = "it holds other files: name a new directory, or give --force";
        return Err(mistake(format!("{}: {message}", directory.display())));
    }
    let all = files(plan);
    for (name, text) in &all {
        output::write_whole(&directory.join(name), text.as_bytes())?;
    }
    // A patch of an earlier plan beside those of this one would be taken for one of them.
    for old in there.iter().filter(|path| !all.iter().any(|(name, _)| path.ends_with(name)) && is_ours(path)) {
        std::fs::remove_file(old).with_context(told)?;
    }
    Ok(())
}

/// Whether a file is a patch that an earlier plan wrote: by its name and by how it begins.
fn is_ours(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let numbered =
        name.len() > 3 && name[..2].bytes().all(|digit| digit.is_ascii_digit()) && name.as_bytes()[2] == b'-';
    let mut begins = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(256).read_to_end(&mut begins));
    let begins = String::from_utf8_lossy(&begins);
    numbered && read.is_ok() && begins.lines().take(2).any(|line| line == plan::HEADER)
}
