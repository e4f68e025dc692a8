//! `history`: what was recorded of earlier runs.

mod tell;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::File;
use std::io::BufReader;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use history::{Digest, Entry, HistoryError, Listing, Rule, Store, Verification};
use jiff::{SignedDuration, Timestamp};
use report::Beside;

use crate::cli::Output;
use crate::earlier::{as_recorded, runs_before};
use crate::exit::{Exit, mistake};
use crate::output;

#[derive(Args, Debug)]
#[command(after_help = "\
A RUN is its number, the start of its id or hash, `last`, or `last-good`.

Examples:
  kube-assay history list --cluster-name prod
  kube-assay history show last -o html=report.html
  kube-assay history review last --by 'Ann Lee'    somebody has read it
  kube-assay history trend --cluster-name prod  what is open and what is accepted, over time
  kube-assay history verify --head HASH             whether anything changed since that hash was noted
  kube-assay history export -o audit.tar.zst 12 13  two runs and the whole chain, for somebody else
  kube-assay history verify --archive audit.tar.zst
  kube-assay history prune --older-than 400d --dry-run")]
pub(crate) struct History {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: HistoryCommand,
}

/// Where the history lies.
#[derive(Args, Debug, Default)]
pub(crate) struct Place {
    /// The history. Default: `$KUBE_ASSAY_HISTORY`, else kube-assay/history.db in `$XDG_STATE_HOME` or ~/.local/state
    #[arg(long = "history", value_name = "FILE", global = true)]
    pub file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum HistoryCommand {
    /// List what was recorded and pruned
    List {
        /// Only runs of this cluster
        #[arg(long = "cluster-name", visible_alias = "cluster", value_name = "NAME")]
        cluster: Option<String>,
        /// Only runs that nobody has reviewed
        #[arg(long)]
        unreviewed: bool,
        /// How it is told
        #[arg(short, long, value_enum, default_value_t = Form::Terminal)]
        output: Form,
    },
    /// Show the report of a run, as it was told
    Show {
        /// The run
        run: String,
        /// Only runs of this cluster are meant
        #[arg(long = "cluster-name", visible_alias = "cluster", value_name = "NAME")]
        cluster: Option<String>,
        /// How it is told, as for `scan`; may be repeated
        #[arg(short, long = "output", value_name = "FORMAT[=FILE]", default_value = "terminal")]
        output: Vec<Output>,
        /// Tell everything: all subjects, whole remediation
        #[arg(short, long)]
        verbose: bool,
    },
    /// Record that somebody has read what a run told
    Review {
        /// The run
        run: String,
        /// Who has read it
        #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
        by: String,
        /// What is to be said of it: a ticket, a decision
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
        /// Only runs of this cluster are meant
        #[arg(long = "cluster-name", visible_alias = "cluster", value_name = "NAME")]
        cluster: Option<String>,
    },
    /// Tell what is open, accepted and overdue from run to run, and who accepts it
    Trend {
        /// Only runs of this cluster
        #[arg(long = "cluster-name", visible_alias = "cluster", value_name = "NAME")]
        cluster: Option<String>,
        /// Also runs that counted the same as the one before
        #[arg(short, long)]
        all: bool,
        /// How it is told
        #[arg(short, long, value_enum, default_value_t = Form::Terminal)]
        output: Form,
    },
    /// Hash everything again and check the chain; exit code 1 where anything is not as it was written
    Verify {
        /// Verify an archive that was exported, without any history
        #[arg(long, value_name = "FILE")]
        archive: Option<PathBuf>,
        /// The hash of an entry that was kept elsewhere: everything up to it is then proven unchanged
        #[arg(long, value_name = "HASH")]
        head: Option<Digest>,
    },
    /// Write runs as one archive, with the entries of all others so that the chain can be verified
    Export {
        /// The archive
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// The runs. Default: all that were not pruned
        #[arg(value_name = "RUN")]
        runs: Vec<String>,
    },
    /// Remove old runs for good. Their entries stay; so does the last good run of each cluster
    Prune(Prune),
}

#[derive(Args, Debug)]
struct Prune {
    #[command(flatten)]
    old: Old,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
}

/// Which runs are old.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Old {
    /// Keep so many runs of each cluster
    #[arg(long, value_name = "NUMBER", value_parser = some, required_unless_present = "older_than")]
    #[arg(conflicts_with = "older_than")]
    keep_last: Option<NonZeroUsize>,
    /// Remove what was recorded longer ago: 400d, 8w, 12h
    #[arg(long, value_name = "AGE", value_parser = age)]
    older_than: Option<SignedDuration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    Terminal,
    Json,
}

fn some(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "write how many runs stay, at least 1".to_owned())
}

/// `400d`, `8w`, `12h`.
pub(crate) fn age(text: &str) -> Result<SignedDuration, String> {
    let wrong = || format!("`{text}` is no age: a number and w (weeks), d (days) or h (hours), as in 400d");
    let units = [('w', 7 * 24), ('d', 24), ('h', 1)];
    let (number, hours) =
        units.iter().find_map(|(unit, hours)| Some((text.strip_suffix(*unit)?, *hours))).ok_or_else(wrong)?;
    let number: u32 = number.parse().map_err(|_| wrong())?;
    Ok(SignedDuration::from_hours(i64::from(number) * hours))
}

impl Place {
    /// The file that is meant.
    pub(crate) fn path(&self) -> anyhow::Result<PathBuf> {
        path(self.file.as_deref(), |name| std::env::var_os(name).map(PathBuf::from))
    }

    /// The history, to read.
    fn read(&self) -> anyhow::Result<Store> {
        Store::read(&self.path()?).map_err(told)
    }

    /// The history, to read, if there is one.
    pub(crate) fn there(&self) -> anyhow::Result<Option<Store>> {
        let path = self.path()?;
        if self.file.is_none() && !path.exists() { Ok(None) } else { Store::read(&path).map(Some).map_err(told) }
    }

    /// The history, to record in. It is made where there is none.
    pub(crate) fn open(&self) -> anyhow::Result<Store> {
        Store::open(&self.path()?).map_err(told)
    }
}

/// Where the history lies: as given, as the environment says, or in the state directory.
fn path(given: Option<&Path>, env: impl Fn(&str) -> Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let set = |name: &str| env(name).filter(|path| !path.as_os_str().is_empty());
    if let Some(path) = given.map(Path::to_path_buf).or_else(|| set("KUBE_ASSAY_HISTORY")) {
        return Ok(path);
    }
    // The XDG base directory specification has relative paths ignored.
    let state = set("XDG_STATE_HOME").filter(|path| path.is_absolute());
    let state = state.or_else(|| set("HOME").map(|home| home.join(".local/state")));
    state.map(|state| state.join("kube-assay/history.db")).ok_or_else(|| {
        mistake("there is no place for the history: give --history FILE, or set KUBE_ASSAY_HISTORY or HOME")
    })
}

/// What a person can mend is a mistake.
pub(crate) fn told(error: HistoryError) -> anyhow::Error {
    match error {
        HistoryError::NoHistory(_)
        | HistoryError::NotHistory(_)
        | HistoryError::NoRun(_)
        | HistoryError::Pruned { .. } => mistake(error.to_string()),
        other => other.into(),
    }
}

pub(crate) fn run(arguments: &History) -> anyhow::Result<Exit> {
    let place = &arguments.place;
    match &arguments.command {
        HistoryCommand::List { cluster, unreviewed, output } => {
            list(&place.read()?, cluster.as_deref(), *unreviewed, *output)
        }
        HistoryCommand::Show { run, cluster, output, verbose } => {
            let store = place.read()?;
            let entry = store.find(run, cluster.as_deref()).map_err(told)?;
            let mut report = store.report(&entry).map_err(told)?;
            report.run.recorded = Some(as_recorded(&entry));
            let cluster = entry.run().map(|run| run.cluster.as_str()).unwrap_or_default();
            let past = runs_before(&store, cluster, entry.number)?;
            let beside = Beside { past: &past, ..Beside::default() };
            output::tell(&report, &beside, output, &BTreeSet::new(), *verbose)?;
            Ok(Exit::Clean)
        }
        HistoryCommand::Verify { archive, head } => {
            let found = match archive {
                None => Store::read(&place.path()?).and_then(|store| store.verify(*head)),
                Some(path) => {
                    let file = File::open(path).map_err(|error| mistake(format!("{}: {error}", path.display())))?;
                    history::verify_archive(BufReader::new(file), *head)
                }
            };
            // That it cannot be read as what it is, is what was asked.
            let found = match found {
                Err(HistoryError::BadArchive(text) | HistoryError::Damaged(text)) => Verification::of_damage(text),
                other => other.map_err(told)?,
            };
            output::print(&tell::verified(&found))?;
            Ok(if found.is_whole() { Exit::Clean } else { Exit::Open })
        }
        HistoryCommand::Export { output, runs } => {
            let store = place.read()?;
            let entries: Vec<Entry> =
                runs.iter().map(|run| store.find(run, None)).collect::<Result<_, _>>().map_err(told)?;
            let mut bytes = Vec::new();
            let exported = store.export(&entries, &mut bytes).map_err(told)?;
            output::write_whole(output, &bytes)?;
            let head = exported.head.map_or_else(|| "none".to_owned(), |head| head.to_string());
            output::print(&format!("runs  {}\nhead  {head}\n", exported.runs.len()))?;
            Ok(Exit::Clean)
        }
        HistoryCommand::Review { run, by, note, cluster } => {
            let entry = place.read()?.find(run, cluster.as_deref()).map_err(told)?;
            let review = place.open()?.review(&entry, by, note.as_deref(), Timestamp::now()).map_err(told)?;
            output::print(&format!("run {} {} is reviewed\n\nhead  {}\n", entry.number, entry.id, review.hash))?;
            Ok(Exit::Clean)
        }
        HistoryCommand::Trend { cluster, all, output } => {
            let trend = place.read()?.trend(cluster.as_deref()).map_err(told)?;
            match output {
                Form::Json => output::print(&report::written(&trend))?,
                Form::Terminal => output::print(&tell::trend(&trend, *all))?,
            }
            Ok(Exit::Clean)
        }
        HistoryCommand::Prune(prune) => pruned(place, prune),
    }
}

fn list(store: &Store, cluster: Option<&str>, unreviewed: bool, form: Form) -> anyhow::Result<Exit> {
    let mut entries = store.entries().map_err(told)?;
    let head = entries.last().map(|entry| entry.hash);
    let names = tell::reviewers(&entries);
    if let Some(cluster) = cluster {
        entries.retain(|entry| entry.run().is_some_and(|run| run.cluster == cluster));
    }
    if unreviewed {
        entries.retain(|entry| entry.whole().is_some() && entry.reviewed_by.is_empty());
    }
    match form {
        Form::Json => output::print(&report::written(&Listing::new(head, entries)))?,
        Form::Terminal => output::print(&tell::list(&entries, &names, head))?,
    }
    Ok(Exit::Clean)
}

fn pruned(place: &Place, prune: &Prune) -> anyhow::Result<Exit> {
    let now = Timestamp::now();
    let rule = match (prune.old.keep_last, prune.old.older_than) {
        (Some(number), _) => Rule::KeepLast(number),
        (None, Some(age)) => Rule::Before(now.checked_sub(age).context("so long ago there was no time")?),
        (None, None) => return Err(mistake("say which runs go: --keep-last NUMBER or --older-than AGE")),
    };
    // What is not there is not made in order to be pruned.
    let would = place.read()?.would_prune(rule).map_err(told)?;
    let (plan, entry) = if prune.dry_run { (would, None) } else { place.open()?.prune(rule, now).map_err(told)? };
    let mut text = String::new();
    for entry in &plan.removed {
        let _ =
            writeln!(text, "{} {} {}", if prune.dry_run { "would remove" } else { "removed" }, entry.number, entry.id);
    }
    for entry in &plan.kept {
        let _ = writeln!(text, "kept {} {}: the last good run of its cluster", entry.number, entry.id);
    }
    if plan.removed.is_empty() {
        text.push_str("nothing has to go\n");
    }
    if let Some(entry) = entry {
        let _ = writeln!(text, "\nhead  {}", entry.hash);
    }
    output::print(&text)?;
    Ok(Exit::Clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_history_lies_where_it_is_said_to() {
        let all = [("KUBE_ASSAY_HISTORY", "/e.db"), ("XDG_STATE_HOME", "/x"), ("HOME", "/h")];
        for (given, set, expected) in [
            (Some("f.db"), &all[..], "f.db"),
            (None, &all[..], "/e.db"),
            (None, &all[1..], "/x/kube-assay/history.db"),
            (None, &all[2..], "/h/.local/state/kube-assay/history.db"),
            (None, &[("XDG_STATE_HOME", "relative"), ("HOME", "/h")], "/h/.local/state/kube-assay/history.db"),
            (None, &[("KUBE_ASSAY_HISTORY", ""), ("XDG_STATE_HOME", "/x")], "/x/kube-assay/history.db"),
        ] {
            let env = |name: &str| set.iter().find(|(own, _)| *own == name).map(|(_, value)| PathBuf::from(value));
            assert_eq!(path(given.map(Path::new), env).unwrap(), Path::new(expected));
        }
        assert!(path(None, |_| None).is_err());
    }

    #[test]
    fn an_age_is_weeks_days_or_hours() {
        assert_eq!(age("400d"), Ok(SignedDuration::from_hours(9600)));
        assert_eq!(age("12h"), Ok(SignedDuration::from_hours(12)));
        assert_eq!(age("2w"), Ok(SignedDuration::from_hours(336)));
        for wrong in ["", "d", "-1d", "1.5d", "1m", "1", "99999999999d", "é"] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
    }
}
