//! Runs that are compared: what was told of one, and its evidence judged again, so that each difference has its cause.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use assess::Verdict;
use benchmark::Content;
use diag::Sources;
use evidence::Captures as _;
use history::{Entry, HistoryError, Store};
use report::drift::{self, Dated, Drift, Place, Reports};
use report::{PastRun, RecordedAs, Report};
use serde::Deserialize;
use tempfile::SpooledTempFile;

use crate::cli::{Local, Source};
use crate::exit::mistake;
use crate::judging::{Judging, judge};
use crate::source::Spool;
use crate::{history as memory, import, source};

/// At most so many bytes of a report: 5,000 nodes need a tenth of it.
pub(crate) const MAX_REPORT: u64 = 1 << 30;

/// What a run file begins with: zstd's mark.
const RUN_FILE: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// A run that a person means.
pub(crate) struct Run<'a> {
    /// What was told of it.
    pub told: Report,
    /// What else was kept of it.
    kept: Kept<'a>,
}

/// What was kept of a run beside its report.
enum Kept<'a> {
    Nothing,
    /// What was seen.
    Evidence(Spool),
    /// Everything, in the history. It is read where it is needed.
    Recorded(&'a Store, Box<Entry>),
}

/// Where runs are found, and how those are judged that nobody has judged yet.
pub(crate) struct Finder<'a> {
    pub content: &'a Content,
    pub judging: &'a Judging,
    /// The history, where there is one.
    pub history: Option<&'a Store>,
    /// Only this cluster's runs are meant; none: any.
    pub cluster: Option<&'a str>,
}

impl<'a> Finder<'a> {
    /// Finds what a reference means: `last` or `last-good`, a file, else a run of the history.
    pub(crate) fn find(&self, reference: &str) -> anyhow::Result<Run<'a>> {
        let path = Path::new(reference);
        if !is_latest(reference) && path.exists() {
            // Whoever may put a file where the gate is called must not choose the baseline.
            return match self.history.map(|store| store.find(reference, self.cluster)) {
                Some(Ok(run)) => Err(mistake(format!(
                    "{reference} is a file, and a run of the history: ./{reference} names the file, and {} the run",
                    run.id
                ))),
                _ => self.file(path),
            };
        }
        let meant = || match diag::suggest(reference, LATEST) {
            Some(near) if !is_latest(reference) => format!(" (did you mean {near}?)"),
            _ => String::new(),
        };
        let Some(store) = self.history else {
            let no_file = std::fs::metadata(path).err().filter(|_| !is_latest(reference));
            let no_file = no_file.map_or(String::new(), |error| format!("{reference}: {error}; "));
            let why = "is a run of a history, and there is none: --history FILE names it";
            return Err(mistake(format!("{no_file}{reference} {why}{}", meant())));
        };
        let entry = store.find(reference, self.cluster).map_err(|error| match error {
            HistoryError::NoRun(why) => mistake(format!("{why}{}", meant())),
            other => memory::told(other),
        })?;
        Self::recorded(store, entry)
    }

    /// The `last` or `last-good` run that a later one can be compared with: of the same profiles, or both of those that the
    /// tool chose by itself, which an upgrade changes; and of no narrower selection. None: there is none yet.
    pub(crate) fn latest(&self, reference: &str, later: &Report) -> anyhow::Result<Option<Run<'a>>> {
        let Some(store) = self.history else {
            return Err(mistake(format!(
                "{reference} is a run of a history, and there is none: --history FILE names it"
            )));
        };
        let profiles = |report: &Report| -> BTreeSet<String> {
            report.profiles.iter().map(|profile| profile.name.clone()).collect()
        };
        // Whoever names a profile may name one that demands nothing.
        let by_itself =
            |report: &Report| report.profiles.iter().all(|profile| !profile.reason.starts_with("given by "));
        for entry in store.entries().map_err(memory::told)?.into_iter().rev() {
            let wanted = entry.whole().is_some_and(|run| {
                (run.good || reference == "last") && self.cluster.is_none_or(|cluster| run.cluster == cluster)
            });
            if wanted {
                let run = Self::recorded(store, entry)?;
                let whole = run.told.run.selection.is_none() || run.told.run.selection == later.run.selection;
                if whole && (profiles(&run.told) == profiles(later) || by_itself(&run.told) && by_itself(later)) {
                    return Ok(Some(run));
                }
            }
        }
        Ok(None)
    }

    fn recorded(store: &'a Store, entry: Entry) -> anyhow::Result<Run<'a>> {
        let mut told = store.report(&entry).map_err(memory::told)?;
        told.run.recorded = Some(as_recorded(&entry));
        Ok(Run { told, kept: Kept::Recorded(store, Box::new(entry)) })
    }

    /// A file, told apart by what it holds.
    fn file(&self, path: &Path) -> anyhow::Result<Run<'a>> {
        let bytes = import::read(path, MAX_REPORT)?;
        if bytes.starts_with(&RUN_FILE) {
            let spool = evidence_of(path, self.content)?;
            let told = judge(&spool, self.content, self.judging)?;
            return Ok(Run { told, kept: Kept::Evidence(spool) });
        }
        let told = self.report_of(&bytes, path)?;
        Ok(Run { told, kept: Kept::Nothing })
    }

    fn report_of(&self, bytes: &[u8], path: &Path) -> anyhow::Result<Report> {
        let wrong = |why: String| mistake(format!("{}: {why}", path.display()));
        let Ok(Named { schema }) = serde_json::from_slice(bytes) else {
            let what = "no run file, no report of kube-assay and no output of kube-bench";
            return match report::read_kube_bench(bytes) {
                Ok(said) => {
                    let node = path.file_stem().map_or("node".into(), |name| name.to_string_lossy());
                    let profile = self.judging.profile.first().map(String::as_str);
                    import::report(&[(node.into_owned(), said)], self.content, profile, None, None)
                }
                Err(error) => Err(wrong(format!("{what} ({:#})", anyhow::Error::new(error)))),
            };
        };
        if schema != report::SCHEMA {
            let schema = report::inert(&schema);
            return Err(wrong(format!("it is {schema}, and {} is what can be compared", report::SCHEMA)));
        }
        let report: Report =
            serde_json::from_slice(bytes).map_err(|error| wrong(format!("no whole report: {error}")))?;
        if !drift::is_whole(&report) {
            let why = "it does not tell all that it counts: write the report again, without --only";
            return Err(wrong(why.to_owned()));
        }
        Ok(report)
    }
}

/// References to the latest run of a kind.
const LATEST: [&str; 2] = ["last", "last-good"];

/// Whether a reference means the latest run of its kind, whichever it is.
pub(crate) fn is_latest(reference: &str) -> bool {
    LATEST.contains(&reference)
}

/// What of any of our JSON is read first.
#[derive(Deserialize)]
struct Named {
    schema: String,
}

impl Run<'_> {
    /// Why nothing can be gated by it: a part of an audit leaves failures out, and so may another tool.
    pub(crate) fn serves(&self, later: &Report) -> Result<(), String> {
        if self.told.tool.name != later.tool.name {
            return Err(format!("{} told it; `kube-assay compare` tells where the two differ", self.told.tool.name));
        }
        match &self.told.run.selection {
            Some(narrow) if self.told.run.selection != later.run.selection => {
                Err(format!("it was narrowed to {narrow}"))
            }
            _ => Ok(()),
        }
    }

    /// Whether it passed its own gate; of a file, whoever names it answers for that.
    pub(crate) fn is_sound(&self) -> bool {
        match &self.kept {
            Kept::Recorded(_, entry) => entry.run().is_some_and(|run| run.good),
            _ => true,
        }
    }

    /// The cluster that the history keeps it under.
    pub(crate) fn cluster(&self) -> Option<&str> {
        match &self.kept {
            Kept::Recorded(_, entry) => entry.run().map(|run| run.cluster.as_str()),
            _ => None,
        }
    }

    /// Gives a report the evidence that it was made from, from a run file.
    pub(crate) fn with_evidence(mut self, path: &Path, content: &Content) -> anyhow::Result<Self> {
        if !matches!(self.kept, Kept::Nothing) {
            return Err(mistake("--before-evidence goes with a report: BEFORE is a run with evidence of its own"));
        }
        let spool = evidence_of(path, content)?;
        belongs(&spool, &self.told).map_err(|why| mistake(format!("{}: {why}", path.display())))?;
        self.kept = Kept::Evidence(spool);
        Ok(self)
    }

    /// What differs from this run to a later one, and what made it differ.
    pub(crate) fn compare(&self, after: &Report, finder: &Finder<'_>) -> anyhow::Result<Drift> {
        let (replayed, reprofiled) = self.judged_again(after, finder)?;
        let reports =
            Reports { before: &self.told, replayed: replayed.as_ref(), reprofiled: reprofiled.as_ref(), after };
        let past = Past { run: self, known: RefCell::default() };
        Ok(drift::compare(&reports, &|place| past.of(place)))
    }

    /// The evidence, judged by this tool: by the profiles of then, and by those of the later run.
    fn judged_again(&self, after: &Report, finder: &Finder<'_>) -> anyhow::Result<(Option<Report>, Option<Report>)> {
        // Only what this tool judges can stand beside what this tool judged.
        if after.tool.version != env!("CARGO_PKG_VERSION") {
            return Ok((None, None));
        }
        let same_tool = self.told.tool == after.tool;
        let digests = |report: &Report| -> BTreeSet<(String, String)> {
            report.profiles.iter().map(|profile| (profile.name.clone(), profile.digest.clone())).collect()
        };
        if same_tool && digests(&self.told) == digests(after) {
            return Ok((None, None));
        }
        let (read, then);
        let evidence = match &self.kept {
            Kept::Nothing => return Ok((None, None)),
            Kept::Evidence(spool) => {
                then = None;
                spool
            }
            Kept::Recorded(store, entry) => {
                read = spooled(store, entry)?;
                let files = store.content(entry).map_err(memory::told)?;
                let (content, found) = benchmark::load(&files, &assess::vocabulary(), &mut Sources::default());
                then = (!diag::has_errors(&found)).then_some(content);
                &read
            }
        };
        let mut replayed = None;
        if !same_tool {
            replayed = self.again(evidence, then.as_ref().unwrap_or(finder.content), &self.told)?;
        }
        Ok((replayed, self.again(evidence, finder.content, after)?))
    }

    /// Judges the evidence by the profiles of a report, if all of them demand in this content what they demanded there,
    /// with the platform and version that a person gave for this run.
    fn again(&self, evidence: &Spool, content: &Content, by: &Report) -> anyhow::Result<Option<Report>> {
        let same = |own: &report::ProfileInfo| {
            let profile = content.profile(&own.name)?;
            (content.digest_of(profile) == own.digest).then(|| own.name.clone())
        };
        let Some(profile) = by.profiles.iter().map(same).collect::<Option<Vec<_>>>() else { return Ok(None) };
        let given = |choice: &assess::Choice| choice.reason.starts_with("given by ").then(|| choice.name.clone());
        let judging = Judging {
            profile,
            platform: given(&self.told.platform),
            kubernetes_version: self.told.kubernetes.as_ref().and_then(given),
            ..Judging::default()
        };
        judge(evidence, content, &judging).map(Some)
    }
}

/// What the runs up to one said, by control.
struct Past<'a> {
    run: &'a Run<'a>,
    known: RefCell<HashMap<String, history::Past>>,
}

impl Past<'_> {
    fn of(&self, place: &Place<'_>) -> Vec<Dated> {
        // Of a run that the history does not hold nobody knows what was before it.
        let Kept::Recorded(store, own) = &self.run.kept else { return Vec::new() };
        let mut known = self.known.borrow_mut();
        let past = known.entry(place.control.to_owned()).or_insert_with(|| {
            // A history that cannot be read tells no dates, and what is new is new all the same.
            store.past(place.control, self.run.cluster()).unwrap_or_default()
        });
        // The run itself among them: its entry has a date where its evidence may have none.
        let before = |entry: &Entry| entry.number <= own.number;
        let verdict = |findings: &[std::sync::Arc<report::Finding>]| -> Option<Verdict> {
            let mine = findings.iter().filter(|finding| {
                finding.subjects.iter().any(|subject| {
                    subject.kind == place.kind
                        && subject.name == place.name
                        && subject.captures.iter().any(|capture| capture == place.node)
                })
            });
            mine.map(|finding| finding.verdict).min()
        };
        let dated = past
            .iter()
            .filter(|(entry, _)| before(entry))
            .filter_map(|(entry, findings)| Some(Dated { time: entry.at.to_string(), verdict: verdict(findings)? }));
        dated.collect()
    }
}

/// The evidence of a run of the history.
fn spooled(store: &Store, entry: &Entry) -> anyhow::Result<Spool> {
    let mut spool = Spool::new(SpooledTempFile::new(source::IN_MEMORY));
    for capture in store.evidence(entry).map_err(memory::told)?.captures {
        spool.push(&capture)?;
    }
    Ok(spool)
}

/// How a report names its run.
pub(crate) fn as_recorded(entry: &Entry) -> RecordedAs {
    RecordedAs { run: entry.id.clone(), number: entry.number, head: entry.hash.to_string() }
}

/// Runs of a cluster before an entry, by their numbers. Those of which no more than that was kept are among them.
pub(crate) fn runs_before(store: &Store, cluster: &str, before: u64) -> anyhow::Result<Vec<PastRun>> {
    let entries = store.entries().map_err(memory::told)?;
    let past = entries.iter().take_while(|entry| entry.number < before).filter_map(|entry| {
        let run = entry.run().filter(|run| run.cluster == cluster)?;
        Some(PastRun { run: entry.id.clone(), time: entry.at.to_string(), counts: run.counts.clone() })
    });
    Ok(past.collect())
}

/// What a run file holds.
fn evidence_of(path: &Path, content: &Content) -> anyhow::Result<Spool> {
    let local = Local { evidence: vec![path.to_path_buf()], ..Local::default() };
    source::run(&Source { local, ..Source::default() }, None, content)
}

/// Why evidence is not that which a report was made of.
fn belongs(evidence: &Spool, report: &Report) -> Result<(), String> {
    let seen: BTreeSet<(String, Option<i64>)> = evidence
        .each()
        .map(|capture| capture.map(|capture| (capture.name.clone(), capture.taken)))
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    let time = |text: &String| text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond);
    let told: BTreeSet<(String, Option<i64>)> = report
        .run
        .captures
        .iter()
        .map(|capture| (capture.name.clone(), capture.taken.as_ref().and_then(time)))
        .collect();
    if seen == told {
        return Ok(());
    }
    let names =
        |of: &BTreeSet<(String, Option<i64>)>| of.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
    Err(format!(
        "it is not what the earlier report was made of: it holds {}, the report tells of {}, or they were taken at \
         another time",
        names(&seen),
        names(&told)
    ))
}
