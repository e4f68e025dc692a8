//! Where results go: stdout, or files that appear whole or not at all. Everything else goes to stderr.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use assess::Verdict;
use clap::CommandFactory;
use report::{Beside, Report};

use crate::cli::{Cli, Format, Output};
use crate::exit::{Exit, mistake};

/// Tells a report in every wanted format.
pub(crate) fn tell(
    report: &Report,
    beside: &Beside<'_>,
    outputs: &[Output],
    only: &BTreeSet<Verdict>,
    verbose: bool,
) -> anyhow::Result<()> {
    only_one_to_stdout(outputs)?;
    for output in outputs {
        let to_terminal = output.file.is_none() && std::io::stdout().is_terminal();
        let only = (!only.is_empty()).then(|| only.clone());
        let options = report::Options { only, ..options(to_terminal, verbose) };
        let text = render(report, beside, output.format, &options);
        put(output.file.as_deref(), &text)?;
    }
    Ok(())
}

/// Two formats on stdout would be one that nobody reads.
pub(crate) fn only_one_to_stdout<F>(outputs: &[Output<F>]) -> anyhow::Result<()> {
    if outputs.iter().filter(|output| output.file.is_none()).count() > 1 {
        return Err(mistake("only one format can go to stdout: give the others a file, as in -o json=report.json"));
    }
    Ok(())
}

/// Writes a file, or to stdout where none is named.
pub(crate) fn put(file: Option<&Path>, text: &str) -> anyhow::Result<()> {
    match file {
        Some(path) => write_whole(path, text.as_bytes()),
        None => print(text),
    }
}

/// How a terminal is written to.
pub(crate) fn options(to_terminal: bool, verbose: bool) -> report::Options {
    report::Options { width: width(to_terminal), color: to_terminal, only: None, verbose }
}

/// The width of stdout.
pub(crate) fn columns() -> usize {
    width(std::io::stdout().is_terminal())
}

fn render(report: &Report, beside: &Beside<'_>, format: Format, options: &report::Options) -> String {
    // A case of JUnit or a check of kube-bench is a whole demand; the others tell findings.
    let of_demands = matches!(format, Format::Junit | Format::KubeBench | Format::KubeBenchJson);
    let filter = if of_demands { report::filter_demands } else { report::filter };
    let filtered = options.only.as_ref().map(|only| filter(report, only));
    let told = filtered.as_ref().unwrap_or(report);
    let beside = &Beside { whole: Some(report), ..*beside };
    match format {
        Format::Terminal => report::terminal(report, beside, options),
        Format::Wide => report::wide(report, options),
        Format::Json => report::json(told),
        Format::Yaml => report::yaml(told),
        Format::Junit => report::junit(told, beside),
        Format::Sarif => report::sarif(told, beside),
        Format::Markdown => report::markdown(told, beside),
        Format::Github => report::github(told, beside),
        Format::Csv => report::csv(told),
        Format::KubeBench => report::kube_bench(told),
        Format::KubeBenchJson => report::kube_bench_json(told),
        Format::Html => report::html(told, beside),
    }
}

/// The terminal's width where COLUMNS tells it; 80 otherwise, so that a report reads the same when it is piped.
fn width(to_terminal: bool) -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    if to_terminal { columns.unwrap_or(80) } else { 80 }
}

/// Writes to stdout.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    // anstream drops colours that the terminal or NO_COLOR does not want. A closed pipe is its reader's choice.
    match anstream::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("the report could not be written to stdout"),
    }
}

/// How many links are followed, as the kernel does.
const LINKS: usize = 40;

/// Where what is written to a path has to go: links are followed, also one whose target is not there yet.
fn followed(path: &Path) -> std::io::Result<PathBuf> {
    if let Ok(there) = std::fs::canonicalize(path) {
        return Ok(there);
    }
    let mut path = path.to_path_buf();
    for _ in 0..LINKS {
        let Ok(target) = std::fs::read_link(&path) else { return Ok(path) };
        // A relative one starts where the link lies; an absolute one takes its place.
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    Err(std::io::Error::other("too many links"))
}

/// Writes a file beside its place and moves it there: an older file stays whole if anything fails. A link is followed, and
/// a device or pipe is written to as it is: nothing may take its place.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write_by(path, |file| Ok(file.write_all(bytes)?))
}

/// The same, by whoever knows how to write it.
pub(crate) fn write_by(path: &Path, write: impl FnOnce(&mut File) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let told = || format!("{} could not be written", path.display());
    let there = std::fs::metadata(path).ok();
    if there.as_ref().is_some_and(|there| !there.is_file() && !there.is_dir()) {
        let mut file = File::options().write(true).open(path).with_context(told)?;
        return write(&mut file).with_context(told);
    }
    let path = &*followed(path).with_context(told)?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    if !directory.is_dir() {
        return Err(anyhow::anyhow!("there is no directory {}", directory.display()).context(told()));
    }
    let mut file = tempfile::NamedTempFile::new_in(directory).with_context(told)?;
    write(file.as_file_mut()).with_context(told)?;
    file.as_file().sync_all().with_context(told)?;
    file.persist(path).with_context(told)?;
    Ok(())
}

pub(crate) fn completions(shell: clap_complete::Shell) -> anyhow::Result<Exit> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "kube-assay", &mut text);
    print(&String::from_utf8_lossy(&text))?;
    Ok(Exit::Clean)
}

pub(crate) fn man(directory: &Path) -> anyhow::Result<Exit> {
    std::fs::create_dir_all(directory).with_context(|| format!("{} could not be made", directory.display()))?;
    clap_mangen::generate_to(Cli::command(), directory).context("man pages could not be written")?;
    Ok(Exit::Clean)
}
