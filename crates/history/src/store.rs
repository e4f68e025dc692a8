//! The store: runs go in whole or not at all, and come out as they were.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use evidence::{Captures, Run};
use jiff::Timestamp;
use report::Report;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::entry::{Body, Event, Recorded, Review, find, linked, told};
use crate::part::{Putter, Stored};
use crate::seal::{self, Sealed};
use crate::tree::{Packed, Parts, Unpacker, to_bytes};
use crate::{Digest, Entry, HistoryError, database};

/// A history on disk.
#[derive(Debug)]
pub struct Store {
    pub(crate) connection: Connection,
}

/// What is recorded of one run.
#[derive(Clone, Copy, Debug)]
pub struct Record<'r, C> {
    /// The report as it was told.
    pub report: &'r Report,
    /// The evidence that was judged. It is read a capture at a time, and each part of it is held once.
    pub run: &'r C,
    /// The resolved content that it was judged by: names and texts, in order.
    pub content: &'r [(String, String)],
    /// The register's text, where there was one.
    pub register: Option<&'r str>,
    /// Identity of the cluster, by which its runs are found again.
    pub cluster: &'r str,
    /// Now, by the caller's clock.
    pub at: Timestamp,
    /// Whether the gate was passed.
    pub good: bool,
    /// What was asked of the gate, and how it stood, in words.
    pub gate: &'r str,
}

impl Store {
    /// Opens a history to record in. Where there is none it is made, readable by its owner alone.
    pub fn open(path: &Path) -> Result<Self, HistoryError> {
        database::open(path).map(|connection| Self { connection })
    }

    /// Opens a history to read. It may lie where nothing can be written.
    pub fn read(path: &Path) -> Result<Self, HistoryError> {
        database::read(path).map(|connection| Self { connection })
    }

    /// Records a run. When this returns, the run is on the disk whole; if it fails, nothing of it is there.
    pub fn record<C>(&mut self, record: &Record<'_, C>) -> Result<Entry, HistoryError>
    where
        C: Captures<Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
    {
        let mut packed = Packed::default();
        let (counts, tool) = told(record.report);
        let recorded = Recorded {
            cluster: record.cluster.to_owned(),
            tool,
            good: record.good,
            gate: Some(record.gate.to_owned()),
            counts,
            report: packed.value(&serde_json::to_value(record.report).map_err(HistoryError::json("the report"))?),
            evidence: pack_run(&mut packed, record.run)?,
            content: pack_content(&mut packed, record.content),
            register: record.register.map(|register| packed.bytes(register.as_bytes())),
        };
        self.append(record.at, |connection| {
            let mut putter = Putter::new(connection)?;
            packed.parts.iter().try_for_each(|(digest, bytes)| putter.put(*digest, bytes))?;
            Ok(Some(Event::Run(recorded)))
        })?
        .ok_or_else(|| HistoryError::Damaged("a run has no entry".to_owned()))
    }

    /// Records that somebody has read what a run told.
    pub fn review(&mut self, run: &Entry, by: &str, note: Option<&str>, at: Timestamp) -> Result<Entry, HistoryError> {
        there(run)?;
        let review = Review { run: run.number, by: by.to_owned(), note: note.map(str::to_owned) };
        self.append(at, |connection| {
            // Somebody else may have pruned it since it was found.
            let entries = chained(connection)?;
            let now = entries.iter().find(|entry| entry.hash == run.hash);
            there(now.ok_or_else(|| HistoryError::NoRun(format!("the history holds no run {}", run.id)))?)?;
            Ok(Some(Event::Review(review)))
        })?
        .ok_or_else(|| HistoryError::Damaged("a review has no entry".to_owned()))
    }

    /// Adds an entry, with what is done for it, in one transaction. Without an event nothing is done.
    pub(crate) fn append(
        &mut self,
        at: Timestamp,
        work: impl FnOnce(&Connection) -> Result<Option<Event>, HistoryError>,
    ) -> Result<Option<Entry>, HistoryError> {
        // Nobody else can add an entry between reading the last one and writing the next.
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Nothing is added to what is damaged: the new seal would hide it.
        if let Sealed::Broken(why) = seal::check(&transaction)? {
            return Err(HistoryError::Damaged(why.to_owned()));
        }
        let last = last(&transaction)?;
        let Some(event) = work(&transaction)? else { return Ok(None) };
        let (number, previous) = last.map_or((1, None), |(number, hash)| (number + 1, Some(hash)));
        let body = Body { number, at, event, previous };
        let text = body.text()?;
        let hash = Digest::of(text.as_bytes());
        let row = params![i64::try_from(number).unwrap_or(i64::MAX), hash.0, text];
        transaction.execute("insert into entry (number, hash, body) values (?, ?, ?)", row)?;
        seal::renew(&transaction)?;
        transaction.commit()?;
        Ok(Some(Entry::new(body, hash)))
    }

    /// All entries, in order. A chain that is broken anywhere is an error.
    pub fn entries(&self) -> Result<Vec<Entry>, HistoryError> {
        chained(&self.connection)
    }

    /// The run that a reference means: `last`, `last-good` (these skip what was pruned), a number, or the start of an id
    /// or of a hash. With a cluster, only its runs are meant.
    pub fn find(&self, reference: &str, cluster: Option<&str>) -> Result<Entry, HistoryError> {
        find(&self.entries()?, reference, cluster).cloned()
    }

    /// Hash of the last entry. Who holds it can prove later that everything up to it is unchanged.
    pub fn head(&self) -> Result<Option<Digest>, HistoryError> {
        Ok(last(&self.connection)?.map(|(_, hash)| hash))
    }

    /// The report of a run.
    pub fn report(&self, entry: &Entry) -> Result<Report, HistoryError> {
        let value = self.unpacker()?.value(there(entry)?.report)?;
        from_value(value, || format!("the report of run {}", entry.number))
    }

    /// The evidence of a run.
    pub fn evidence(&self, entry: &Entry) -> Result<Run, HistoryError> {
        let mut unpacker = self.unpacker()?;
        let mut value = unpacker.value(there(entry)?.evidence)?;
        let captures = value.get_mut("captures").map(Value::take).unwrap_or_default();
        let captures: Vec<evidence::Capture> =
            from_value(captures, || format!("the evidence of run {}", entry.number))?;
        let mut run = Run { captures };
        let mut texts: BTreeMap<Digest, Arc<[u8]>> = BTreeMap::new();
        for text in
            run.captures.iter_mut().flat_map(|capture| &mut capture.items).flat_map(|item| item.seen.texts_mut())
        {
            let digest = text.digest.parse().map_err(HistoryError::Damaged)?;
            let bytes = match texts.get(&digest) {
                Some(bytes) => Arc::clone(bytes),
                None => Arc::from(unpacker.bytes(digest)?),
            };
            text.bytes = Arc::clone(texts.entry(digest).or_insert(bytes));
        }
        Ok(run)
    }

    /// The content that a run was judged by: names and texts.
    pub fn content(&self, entry: &Entry) -> Result<Vec<(String, String)>, HistoryError> {
        let mut unpacker = self.unpacker()?;
        let what = || format!("the content of run {}", entry.number);
        let files: Vec<(String, Value)> = from_value(unpacker.value(there(entry)?.content)?, what)?;
        let mut content = Vec::with_capacity(files.len());
        for (name, text) in files {
            let (_, digest) = crate::tree::referred(&text)?
                .ok_or_else(|| HistoryError::Damaged(format!("{} has no text for {name}", what())))?;
            content.push((name, utf8(unpacker.bytes(digest)?)?));
        }
        Ok(content)
    }

    /// The register's text of a run, where there was one.
    pub fn register(&self, entry: &Entry) -> Result<Option<String>, HistoryError> {
        let register = there(entry)?.register;
        register.map(|digest| utf8(Stored::new(&self.connection)?.needed(digest)?)).transpose()
    }

    pub(crate) fn unpacker(&self) -> Result<Unpacker<Stored<'_>>, HistoryError> {
        Ok(Unpacker::new(Stored::new(&self.connection)?))
    }
}

/// All entries, in order, if the chain is whole.
fn chained(connection: &Connection) -> Result<Vec<Entry>, HistoryError> {
    let mut first = None;
    let entries = linked(&database::entries(connection)?, &mut |wrong| {
        first.get_or_insert(wrong);
    });
    first.map_or(Ok(entries), |wrong| Err(HistoryError::Damaged(wrong)))
}

/// Number and hash of the last entry, if it is what it says.
fn last(connection: &Connection) -> Result<Option<(u64, Digest)>, HistoryError> {
    let sql = "select hash, body from entry order by number desc limit 1";
    let row = connection.query_row(sql, [], |row| Ok((Digest(row.get(0)?), row.get::<_, String>(1)?))).optional()?;
    let Some((hash, text)) = row else { return Ok(None) };
    let body = serde_json::from_str::<Body>(&text).ok().filter(|_| Digest::of(text.as_bytes()) == hash);
    let body = body.ok_or_else(|| HistoryError::Damaged("the last entry is not what its hash says".to_owned()))?;
    Ok(Some((body.number, hash)))
}

/// What an entry says of its run, unless it is none or was pruned.
pub(crate) fn there(entry: &Entry) -> Result<&Recorded, HistoryError> {
    let number = entry.number;
    let run = entry.run().ok_or_else(|| HistoryError::NoRun(format!("entry {number} is no run")))?;
    entry.pruned_by.map_or(Ok(run), |by| Err(HistoryError::Pruned { number, by }))
}

/// Captures as JSON, and beside them the texts that they name by digest.
fn pack_run<C>(packed: &mut Packed<'_>, run: &C) -> Result<Digest, HistoryError>
where
    C: Captures<Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let mut captures = Vec::new();
    let mut texts = BTreeSet::new();
    for capture in run.each() {
        let capture = capture.map_err(|error| HistoryError::Evidence(error.into()))?;
        let value = serde_json::to_value(&*capture).map_err(HistoryError::json("the evidence"))?;
        captures.push(packed.child(&value));
        for text in capture.items.iter().flat_map(|item| item.seen.texts()) {
            let digest = packed.owned(&text.bytes);
            if digest.to_string() != text.digest {
                return Err(HistoryError::Damaged(format!(
                    "a text of the evidence is not what its digest {} says",
                    text.digest
                )));
            }
            texts.insert(digest);
        }
    }
    let captures = packed.list(captures);
    let texts = packed.list(texts.into_iter().map(to_bytes).collect());
    Ok(packed.object(vec![("captures", captures), ("texts", texts)]))
}

/// Pairs of a name and a reference to a text.
fn pack_content<'b>(packed: &mut Packed<'b>, content: &'b [(String, String)]) -> Digest {
    let files = content.iter().map(|(name, text)| {
        let text = to_bytes(packed.bytes(text.as_bytes()));
        format!("[{},{text}]", Value::from(name.as_str()))
    });
    let files = files.collect();
    packed.root(files)
}

fn from_value<T: DeserializeOwned>(value: Value, what: impl FnOnce() -> String) -> Result<T, HistoryError> {
    serde_json::from_value(value).map_err(|source| HistoryError::Json { what: what(), source })
}

fn utf8(bytes: Vec<u8>) -> Result<String, HistoryError> {
    String::from_utf8(bytes).map_err(|_| HistoryError::Damaged("a text is no UTF-8".to_owned()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use report::{Coverage, RunInfo, Tool};

    fn report(warning: &str) -> Report {
        let tool = Tool { name: "kube-assay".to_owned(), version: "test".to_owned() };
        let platform = serde_json::json!({ "name": "kubeadm", "reason": "given", "warning": null });
        Report {
            schema: report::SCHEMA.to_owned(),
            tool,
            run: RunInfo { captures: Vec::new(), selection: None, recorded: None },
            platform: serde_json::from_value(platform).unwrap(),
            kubernetes: None,
            profiles: Vec::new(),
            warnings: vec![warning.to_owned()],
            coverage: Coverage { within_reach: 0, decided: 0, outside: 0 },
            counts: BTreeMap::new(),
            decisions: BTreeMap::new(),
            register: None,
            findings: Vec::new(),
        }
    }

    fn record(store: &mut Store, warning: &str, register: &str) -> Result<Entry, HistoryError> {
        let (report, run) = (report(warning), Run::default());
        let (register, at) = (Some(register), Timestamp::UNIX_EPOCH);
        store.record(&Record {
            report: &report,
            run: &run,
            content: &[],
            register,
            cluster: "c",
            at,
            good: true,
            gate: "passed",
        })
    }

    #[test]
    fn a_run_that_does_not_fit_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::open(&directory.path().join("history.db")).unwrap();
        // Nothing that compresses.
        let text: String = (0_u64..20_000).map(|at| Digest::of(&at.to_le_bytes()).short()).collect();
        let first = record(&mut store, "first", "").unwrap();
        let pages: i64 = store.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        store.connection.pragma_update(None, "max_page_count", pages + 8).unwrap();
        assert!(matches!(record(&mut store, "second", &text), Err(HistoryError::Full)));
        assert_eq!(store.entries().unwrap(), std::slice::from_ref(&first));
        assert_eq!(store.verify(None).unwrap().damage, Vec::<String>::new());
        let third = record(&mut store, "third", "fits").unwrap();
        assert_eq!((third.number, third.previous), (2, Some(first.hash)));
        store.connection.pragma_update(None, "max_page_count", pages + 1000).unwrap();
        let fourth = record(&mut store, "second", &text).unwrap();
        assert_eq!(store.register(&fourth).unwrap(), Some(text));
        assert_eq!(store.verify(None).unwrap().damage, Vec::<String>::new());
    }

    #[test]
    fn nothing_is_recorded_on_top_of_damage() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::open(&directory.path().join("history.db")).unwrap();
        record(&mut store, "first", "register").unwrap();
        let damage = |sql: &str| store.connection.execute_batch(sql).unwrap();
        damage("update part set bytes = x'00' where digest = (select digest from part order by rowid limit 1)");
        assert!(matches!(record(&mut store, "first", "register"), Err(HistoryError::Damaged(_))));
        assert!(matches!(
            store.prune(crate::Rule::Before(Timestamp::MAX), Timestamp::UNIX_EPOCH),
            Err(HistoryError::Damaged(_))
        ));
        store.connection.execute_batch("update entry set body = replace(body, 'true', 'null')").unwrap();
        assert!(matches!(record(&mut store, "other", "other"), Err(HistoryError::Damaged(_))));
        assert!(matches!(store.entries(), Err(HistoryError::Damaged(_))));
        assert!(store.verify(None).unwrap().damage.len() >= 2);
    }

    #[test]
    fn evidence_that_is_not_what_it_says_is_not_recorded() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::open(&directory.path().join("history.db")).unwrap();
        let mut text = evidence::Text::new(b"kind: Pod".to_vec(), Vec::new());
        text.bytes = Arc::from(b"kind: Pot".as_slice());
        let item = serde_json::json!({ "trail": "t", "place": { "path": "/a" }, "aspect": "text", "basis": "declared",
            "seen": { "denied": { "right": "root" } } });
        let mut item: evidence::Item = serde_json::from_value(item).unwrap();
        item.seen = evidence::Seen::Text(text);
        let capture = serde_json::json!({ "name": "n", "source": "tree", "root": "/", "identity": {}, "rights": [],
            "reach": { "processes": false, "sockets": false, "files": true }, "catalogue": "c", "items": [] });
        let mut capture: evidence::Capture = serde_json::from_value(capture).unwrap();
        capture.items.push(item);
        let (report, run) = (report(""), Run { captures: vec![capture] });
        let at = Timestamp::UNIX_EPOCH;
        let record = Record {
            report: &report,
            run: &run,
            content: &[],
            register: None,
            cluster: "c",
            at,
            good: true,
            gate: "passed",
        };
        assert!(matches!(store.record(&record), Err(HistoryError::Damaged(_))));
        assert_eq!(store.entries().unwrap(), []);
    }
}
