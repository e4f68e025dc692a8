//! `import`: what another tool told, as a report of ours.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use assess::Choice;
use benchmark::{Content, Profile};
use clap::{Args, Subcommand};
use history::Record;
use jiff::{SignedDuration, Timestamp};
use report::{Imported, KubeBench, Report};

use crate::cli::ContentArgs;
use crate::earlier::as_recorded;
use crate::exit::{Exit, mistake};
use crate::history::{Place, told};
use crate::judging::unknown;
use crate::{content, output};

/// At most so many bytes of kube-bench's output. A real one has some hundred thousand.
const MAX_FILE: u64 = 64 << 20;

#[derive(Args, Debug)]
pub(crate) struct Import {
    #[command(subcommand)]
    command: ImportCommand,
    #[command(flatten)]
    content: ContentArgs,
}

#[derive(Debug, Subcommand)]
enum ImportCommand {
    /// kube-bench's JSON (kube-bench --json), of one node in each file
    KubeBench(FromKubeBench),
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  kube-assay import kube-bench old.json --node cp-1 --taken 2025-11-03 -o old.report.json
  kube-assay import kube-bench cp-1.json worker-1.json -o old.report.json     nodes named after their files
  kube-assay compare old.report.json today.json
  kube-assay import kube-bench old.json --node cp-1 --history history.db --cluster-name prod
  kube-assay compare 1 last --history history.db --cluster-name prod          after a scan of ours is in it")]
struct FromKubeBench {
    /// The files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The nodes' names, in the order of the files: kube-bench does not tell them. Default: the files' names
    #[arg(long = "node", value_name = "NAME", value_delimiter = ',')]
    nodes: Vec<String>,
    /// When it ran (a date or RFC 3339), which its output does not tell
    #[arg(long, value_name = "TIME", value_parser = time)]
    taken: Option<Timestamp>,
    /// kube-bench's version, which its output does not tell
    #[arg(long, value_name = "VERSION")]
    kube_bench_version: Option<String>,
    /// The profile whose ids are meant. Default: the one of the benchmark's name
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// The report, as JSON. Default: stdout, unless it goes into a history
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Begin this history with it, or continue it, as a run of the cluster that --cluster-name names
    #[arg(long, value_name = "FILE", requires = "cluster_name")]
    history: Option<PathBuf>,
    /// What its keepers call the cluster
    #[arg(long, value_name = "NAME", requires = "history")]
    cluster_name: Option<String>,
}

/// How far two machines' clocks may be apart.
const CLOCKS: SignedDuration = SignedDuration::from_mins(10);

/// A time, or a day at its beginning (UTC).
fn time(text: &str) -> Result<Timestamp, String> {
    let day = || Some(text.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp());
    let time = text.parse().ok().or_else(day);
    time.ok_or_else(|| format!("`{text}` is no time: a day (2026-03-01) or a time (2026-03-01T02:00:00Z) is wanted"))
}

pub(crate) fn run(arguments: &Import) -> anyhow::Result<Exit> {
    let content = content::load_valid(&arguments.content.controls)?;
    let ImportCommand::KubeBench(from) = &arguments.command;
    let mut nodes: Vec<(String, KubeBench)> = Vec::new();
    if !from.nodes.is_empty() && from.nodes.len() != from.files.len() {
        return Err(mistake(format!(
            "{} files and {} --node: each file is of one node",
            from.files.len(),
            from.nodes.len()
        )));
    }
    for (at, path) in from.files.iter().enumerate() {
        let said = report::read_kube_bench(&read(path, MAX_FILE)?)
            .map_err(|error| mistake(format!("{}: {:#}", path.display(), anyhow::Error::new(error))))?;
        let own = || path.file_stem().map_or("node".into(), |name| name.to_string_lossy().into_owned());
        let name = from.nodes.get(at).cloned().unwrap_or_else(own);
        if nodes.iter().any(|(other, _)| *other == name) {
            return Err(mistake(format!("two files are of the node {name}: give each its own name by --node")));
        }
        nodes.push((name, said));
    }
    if let Some(taken) = from.taken.filter(|taken| taken.duration_since(Timestamp::now()) > CLOCKS) {
        return Err(mistake(format!("--taken {taken} is in the future: say when kube-bench ran")));
    }
    let version = from.kube_bench_version.as_deref();
    let taken = from.taken.map(|taken| taken.to_string());
    let mut report = report(&nodes, &content, from.profile.as_deref(), version, taken.as_deref())?;
    if let (Some(path), Some(cluster)) = (&from.history, &from.cluster_name) {
        let mut store = Place { file: Some(path.clone()) }.open()?;
        let record = Record {
            report: &report,
            // What kube-bench saw, it did not keep.
            run: &evidence::Run::default(),
            content: &[],
            register: None,
            cluster,
            at: Timestamp::now(),
            // Nothing that we judge may be compared with it as if it had passed a gate of ours.
            good: false,
            gate: "none: imported",
        };
        let entry = store.record(&record).map_err(told)?;
        report.run.recorded = Some(as_recorded(&entry));
    }
    if from.output.is_some() || from.history.is_none() {
        output::put(from.output.as_deref(), &report::json(&report))?;
    }
    Ok(Exit::Clean)
}

/// The report of what kube-bench said, by the profile of its benchmark's name, or the one that a person names.
pub(crate) fn report(
    nodes: &[(String, KubeBench)],
    content: &Content,
    profile: Option<&str>,
    version: Option<&str>,
    taken: Option<&str>,
) -> anyhow::Result<Report> {
    let (profile, choice) = match profile {
        Some(name) => {
            let known = content.profiles.iter().map(|profile| profile.name.as_str());
            let profile = content.profile(name).ok_or_else(|| unknown("profile", name, known))?;
            (profile, Choice::given(name, "--profile"))
        }
        None => of_its_benchmark(nodes, content)?,
    };
    Ok(report::imported(&Imported { nodes, profile, choice, content, version, taken }))
}

fn of_its_benchmark<'c>(nodes: &[(String, KubeBench)], content: &'c Content) -> anyhow::Result<(&'c Profile, Choice)> {
    let mut benchmarks: Vec<&str> = nodes.iter().flat_map(|(_, said)| &said.benchmarks).map(String::as_str).collect();
    benchmarks.sort_unstable();
    benchmarks.dedup();
    let [name] = benchmarks.as_slice() else {
        let several = if benchmarks.is_empty() { "none".to_owned() } else { benchmarks.join(", ") };
        return Err(mistake(format!(
            "one benchmark is wanted, and kube-bench names {several}: --profile says what its ids mean"
        )));
    };
    let cis = content.profiles.iter().filter(|profile| profile.name.starts_with("cis-"));
    let there: Vec<&str> = cis.map(|profile| profile.name.as_str()).collect();
    let profile = content.profile(name).ok_or_else(|| {
        mistake(format!(
            "kube-bench judged by {name}, and there is no profile of that name: there are {}; --profile NAME takes one whose \
             ids mean the same",
            there.join(", ")
        ))
    })?;
    Ok((profile, Choice { name: profile.name.clone(), reason: format!("kube-bench judged by {name}"), warning: None }))
}

/// A file's bytes, if they are not too many.
pub(crate) fn read(path: &Path, most: u64) -> anyhow::Result<Vec<u8>> {
    let told = |error: std::io::Error| mistake(format!("{}: {error}", path.display()));
    let mut bytes = Vec::new();
    File::open(path).map_err(told)?.take(most + 1).read_to_end(&mut bytes).map_err(told)?;
    if bytes.len() as u64 > most {
        return Err(mistake(format!("{}: it has more than {most} bytes", path.display())));
    }
    Ok(bytes)
}
