//! `plan`: what to change, in which order. Nothing is ever applied.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};
use plan::{Given, Plan};

use crate::cli::Source;
use crate::exit::{Exit, mistake};
use crate::judging::{Judging, judge};
use crate::register::read_report;
use crate::{output, source};

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
    /// Plan from a report that `scan -o json` wrote, instead of looking again
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["local", "cluster", "talos", "profile", "tailoring", "platform", "kubernetes_version", "control", "section", "register"]
    )]
    pub report: Option<PathBuf>,
    #[command(flatten)]
    pub judging: Judging,
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

pub(crate) fn run(arguments: &PlanArgs) -> anyhow::Result<Exit> {
    let content = arguments.judging.content()?;
    let report = match &arguments.report {
        Some(path) => read_report(path)?,
        None => judge(&source::run(&arguments.source, None, &content)?, &content, &arguments.judging)?,
    };
    let text = |path: &PathBuf| path.to_string_lossy().into_owned();
    let given = Given {
        import: arguments.source.local.import.iter().map(text).collect(),
        register: arguments.judging.answerable.register.as_ref().map(text),
    };
    let plan = Plan::again(&report, &content, &given);
    if let Some(directory) = &arguments.output {
        write(&plan, directory, arguments.force)?;
    } else {
        output::print(&match arguments.format {
            PlanFormat::Terminal => plan::terminal(&plan, output::columns()),
            PlanFormat::Markdown => plan::markdown(&plan),
            PlanFormat::Json => plan::json(&plan),
        })?;
    }
    Ok(Exit::Clean)
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
