//! The chain: one entry for each run and each prune, each with the hash of the one before it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use report::{Report, Verdict};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Digest, HistoryError};

/// What is written of an entry. Its text is the canonical form: an entry's hash is the SHA-256 of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Body {
    /// From 1, without gaps.
    pub number: u64,
    /// When it was recorded, as the caller's clock said.
    pub at: Timestamp,
    #[serde(flatten)]
    pub event: Event,
    /// Hash of the entry before; none for the first.
    pub previous: Option<Digest>,
}

/// What an entry is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// A run was recorded.
    Run(Recorded),
    /// Runs were removed, on purpose and by a rule.
    Prune(Prune),
    /// Somebody has read what a run told.
    Review(Review),
}

/// A run that was recorded: who and what, and the digests of all that was stored of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Recorded {
    /// Identity of the cluster, as the caller tells clusters apart.
    pub cluster: String,
    /// The tool that judged, with its version.
    pub tool: String,
    /// Whether the gate was passed: a later gate may compare with it.
    pub good: bool,
    /// What was asked of it, and how it stood, in words; none: an earlier version recorded it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<String>,
    /// Numbers of demands by verdict, as the report has them.
    pub counts: BTreeMap<Verdict, usize>,
    /// Root of the report.
    pub report: Digest,
    /// Root of the evidence.
    pub evidence: Digest,
    /// Root of the resolved content: the names and texts that the run was judged by.
    pub content: Digest,
    /// The register's text, where there was one.
    pub register: Option<Digest>,
}

/// Runs that were removed. Their entries stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Prune {
    /// The rule, in words.
    pub rule: String,
    /// Numbers of the runs, in order.
    pub removed: Vec<u64>,
}

/// That somebody has read what a run told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Review {
    /// Number of the run.
    pub run: u64,
    /// Who, as the one who records it says.
    pub by: String,
    /// What is to be said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// An entry of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Entry {
    /// Its number: from 1, without gaps.
    pub number: u64,
    /// Its name: the time to the second and the start of the hash, `20260301T021407Z-ba7816bf`.
    pub id: String,
    /// SHA-256 of its canonical form. Whoever holds it can prove everything up to this entry.
    pub hash: Digest,
    /// Hash of the entry before; none for the first.
    pub previous: Option<Digest>,
    /// When it was recorded (RFC 3339), as the recording machine's clock said.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// What it is about.
    #[serde(flatten)]
    pub event: Event,
    /// Number of the entry that pruned this run.
    pub pruned_by: Option<u64>,
    /// Numbers of the entries that say who reviewed this run.
    pub reviewed_by: Vec<u64>,
}

impl Body {
    /// The canonical form.
    pub(crate) fn text(&self) -> Result<String, HistoryError> {
        serde_json::to_string(self).map_err(HistoryError::json("an entry"))
    }
}

impl Entry {
    pub(crate) fn new(body: Body, hash: Digest) -> Self {
        let id = format!("{}-{}", body.at.strftime("%Y%m%dT%H%M%SZ"), hash.short());
        let Body { number, at, event, previous } = body;
        Self { number, id, hash, previous, at, event, pruned_by: None, reviewed_by: Vec::new() }
    }

    /// The run, if it is one's entry.
    pub fn run(&self) -> Option<&Recorded> {
        if let Event::Run(run) = &self.event { Some(run) } else { None }
    }

    /// The run, if all of it is still there.
    pub fn whole(&self) -> Option<&Recorded> {
        self.run().filter(|_| self.pruned_by.is_none())
    }

    /// Whether it is a run of this cluster; none: of any.
    pub(crate) fn is_of(&self, cluster: Option<&str>) -> bool {
        self.run().is_some_and(|run| cluster.is_none_or(|cluster| run.cluster == cluster))
    }
}

/// The counts of a report, and the tool that made it.
pub(crate) fn told(report: &Report) -> (BTreeMap<Verdict, usize>, String) {
    (report.counts.clone(), format!("{} {}", report.tool.name, report.tool.version))
}

/// Links entries to a chain: pairs of the hash that was stored and the text. What is wrong is handed to `wrong`, and
/// that entry is left out, so that one that is damaged does not hide the others.
pub(crate) fn linked(stored: &[(Digest, String)], wrong: &mut dyn FnMut(String)) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::with_capacity(stored.len());
    let mut previous = None;
    for (number, (hash, text)) in (1..).zip(stored) {
        let own = Digest::of(text.as_bytes());
        if own != *hash {
            wrong(format!("entry {number} is not what its hash says"));
        }
        let body = serde_json::from_str::<Body>(text).ok().filter(|body| body.text().is_ok_and(|again| again == *text));
        match body {
            Some(body) => {
                if body.number != number {
                    wrong(format!("entry {number} calls itself entry {}", body.number));
                } else if body.previous != previous {
                    wrong(format!("entry {number} does not follow the one before it"));
                }
                entries.push(Entry::new(Body { number, ..body }, *hash));
            }
            None => wrong(format!("entry {number} is of a form that is not known here")),
        }
        previous = Some(*hash);
    }
    mark(&mut entries, wrong);
    entries
}

/// Marks the runs that were pruned and reviewed.
fn mark(entries: &mut [Entry], wrong: &mut dyn FnMut(String)) {
    let mut pruned: BTreeMap<u64, u64> = BTreeMap::new();
    let mut reviewed: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    let mut runs = BTreeSet::new();
    for entry in &*entries {
        match &entry.event {
            Event::Run(_) => drop(runs.insert(entry.number)),
            Event::Prune(prune) => {
                for number in &prune.removed {
                    if !runs.remove(number) {
                        wrong(format!("entry {} prunes {number}, which is no run that was there", entry.number));
                    }
                    pruned.insert(*number, entry.number);
                }
            }
            Event::Review(review) => {
                if !runs.contains(&review.run) {
                    wrong(format!("entry {} reviews {}, which is no run that was there", entry.number, review.run));
                }
                reviewed.entry(review.run).or_default().push(entry.number);
            }
        }
    }
    for entry in entries.iter_mut().filter(|entry| entry.run().is_some()) {
        entry.pruned_by = pruned.get(&entry.number).copied();
        entry.reviewed_by = reviewed.remove(&entry.number).unwrap_or_default();
    }
}

/// The run that a reference means: `last`, `last-good`, a number, or the start of an id or a hash (four characters).
/// A number is taken for a number wherever such a run exists.
///
/// `last` and `last-good` are of this cluster, and skip what was pruned. Of no cluster, they mean one only where all runs
/// are of one.
pub(crate) fn find<'e>(
    entries: &'e [Entry],
    reference: &str,
    cluster: Option<&str>,
) -> Result<&'e Entry, HistoryError> {
    let of = || cluster.map(|cluster| format!(" of {cluster}")).unwrap_or_default();
    let none = |text: String| Err(HistoryError::NoRun(text));
    let mut runs = entries.iter().filter(|entry| entry.is_of(cluster));
    if reference == "last" || reference == "last-good" {
        let wanted = |entry: &&Entry| entry.whole().is_some_and(|run| run.good || reference == "last");
        let word = if reference == "last" { "run" } else { "good run" };
        let clusters: BTreeSet<&str> = runs.clone().filter_map(Entry::whole).map(|run| run.cluster.as_str()).collect();
        if clusters.len() > 1 {
            let clusters = clusters.into_iter().collect::<Vec<_>>().join(", ");
            return none(format!("{reference} may be a run of {clusters}: --cluster-name NAME says which"));
        }
        return match runs.rfind(wanted) {
            Some(entry) => Ok(entry),
            None => none(format!("the history holds no {word}{}", of())),
        };
    }
    if let Some(entry) =
        reference.parse::<u64>().ok().and_then(|number| runs.clone().find(|entry| entry.number == number))
    {
        return Ok(entry);
    }
    if reference.len() < 4 {
        return none(format!("the history holds no run {reference}{}", of()));
    }
    let found: Vec<&Entry> =
        runs.filter(|entry| entry.id.starts_with(reference) || entry.hash.to_string().starts_with(reference)).collect();
    match found.as_slice() {
        [one] => Ok(one),
        [] => none(format!("the history holds no run {reference}{}", of())),
        [first, second, ..] => none(format!(
            "{reference} may mean {} runs, {} and {} among them: give more of it",
            found.len(),
            first.id,
            second.id
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(cluster: &str, good: bool) -> Event {
        let digest = Digest::of(b"");
        Event::Run(Recorded {
            cluster: cluster.to_owned(),
            tool: "kube-assay 0.1.0".to_owned(),
            good,
            gate: None,
            counts: BTreeMap::from([(Verdict::Pass, 2), (Verdict::NotApplicable, 1)]),
            report: digest,
            evidence: digest,
            content: digest,
            register: None,
        })
    }

    fn prune(removed: &[u64]) -> Event {
        Event::Prune(Prune { rule: "all but the last run".to_owned(), removed: removed.to_vec() })
    }

    fn review(run: u64) -> Event {
        Event::Review(Review { run, by: "ann".to_owned(), note: None })
    }

    fn chain(events: Vec<Event>) -> Vec<(Digest, String)> {
        let mut previous = None;
        let mut stored = Vec::new();
        for (number, event) in (1..).zip(events) {
            let at = Timestamp::from_second(1_772_330_400 + i64::try_from(number).unwrap()).unwrap();
            let text = Body { number, at, event, previous }.text().unwrap();
            let hash = Digest::of(text.as_bytes());
            stored.push((hash, text));
            previous = Some(hash);
        }
        stored
    }

    fn told(stored: &[(Digest, String)]) -> Vec<String> {
        let mut all = Vec::new();
        linked(stored, &mut |wrong| all.push(wrong));
        all
    }

    #[test]
    fn the_canonical_form_stays_what_it_is() {
        let stored = chain(vec![run("prod", true), prune(&[1]), review(7)]);
        let shown = |at: usize| stored[at].1.replace(&Digest::of(b"").to_string(), "E");
        let run = r#"{"cluster":"prod","tool":"kube-assay 0.1.0","good":true,"counts":{"pass":2,"not-applicable":1},"report":"E","evidence":"E","content":"E","register":null}"#;
        assert_eq!(shown(0), format!(r#"{{"number":1,"at":"2026-03-01T02:00:01Z","run":{run},"previous":null}}"#));
        let prune = r#"{"rule":"all but the last run","removed":[1]}"#;
        let previous = "0cc10f7101b8580830249bd5aea3b051af8271f2cb8588ff5259e8c2cd1ba2eb";
        assert_eq!(
            shown(1),
            format!(r#"{{"number":2,"at":"2026-03-01T02:00:02Z","prune":{prune},"previous":"{previous}"}}"#)
        );
        let previous = stored[1].0;
        let review = r#"{"run":7,"by":"ann"}"#;
        assert_eq!(
            shown(2),
            format!(r#"{{"number":3,"at":"2026-03-01T02:00:03Z","review":{review},"previous":"{previous}"}}"#)
        );
    }

    type Change<'c> = &'c dyn Fn(&mut Vec<(Digest, String)>);

    #[test]
    fn whatever_is_changed_in_a_chain_is_found() {
        let events = vec![run("prod", true), run("prod", false), run("test", true), prune(&[1]), review(2)];
        let good = chain(events);
        assert_eq!(told(&good), Vec::<String>::new());
        let rehashed = |stored: &mut Vec<(Digest, String)>, at: usize, from: &str, to: &str| {
            assert!(stored[at].1.contains(from));
            stored[at].1 = stored[at].1.replacen(from, to, 1);
            stored[at].0 = Digest::of(stored[at].1.as_bytes());
        };
        let changes: [(&str, Change<'_>, &str); 12] = [
            ("text", &|all| all[1].1 = all[1].1.replace("prod", "qrod"), "entry 2 is not what its hash says"),
            ("hash", &|all| all[3].0 = Digest::of(b"other"), "entry 4 is not what its hash says"),
            ("both", &|all| rehashed(all, 1, "prod", "qrod"), "entry 3 does not follow"),
            ("one gone", &|all| drop(all.remove(1)), "entry 2 calls itself entry 3"),
            ("the first gone", &|all| drop(all.remove(0)), "entry 1 calls itself entry 2"),
            ("order", &|all| all.swap(0, 1), "entry 1 calls itself entry 2"),
            ("spelling", &|all| rehashed(all, 3, ":", ": "), "entry 4 is of a form"),
            ("unknown key", &|all| rehashed(all, 3, "{", "{\"x\":1,"), "entry 4 is of a form"),
            ("no JSON", &|all| rehashed(all, 0, "{", "["), "entry 1 is of a form"),
            ("a review of none", &|all| rehashed(all, 4, ":2,", ":4,"), "entry 5 reviews 4, which is no run"),
            ("a review of what is pruned", &|all| rehashed(all, 4, ":2,", ":1,"), "entry 5 reviews 1, which is no run"),
            ("prune", &|all| rehashed(all, 3, "[1]", "[1,1]"), "entry 4 prunes 1, which is no run that was there"),
        ];
        for (what, change, expected) in changes {
            let mut bad = good.clone();
            change(&mut bad);
            let wrong = told(&bad);
            assert!(wrong.iter().any(|wrong| wrong.starts_with(expected)), "{what}: {wrong:?}");
        }
    }

    #[test]
    fn a_reference_means_one_run() {
        let events = vec![
            run("prod", true),
            run("test", true),
            run("prod", true),
            run("prod", false),
            prune(&[3]),
            run("a", false),
        ];
        let entries = linked(&chain(events), &mut |wrong| panic!("{wrong}"));
        let found = |reference: &str, cluster: Option<&str>| {
            find(&entries, reference, cluster).map(|entry| entry.number).map_err(|error| error.to_string())
        };
        let id = entries[1].id.clone();
        for (reference, cluster, expected) in [
            ("last", Some("a"), 6),
            ("last", Some("prod"), 4),
            ("last-good", Some("prod"), 1),
            ("last-good", Some("test"), 2),
            ("3", None, 3),
            ("2", Some("test"), 2),
            (id.as_str(), None, 2),
            (&id[..id.len() - 1], None, 2),
            (&entries[3].hash.to_string()[..12], None, 4),
        ] {
            assert_eq!(found(reference, cluster), Ok(expected), "{reference} {cluster:?}");
        }
        for (reference, cluster, expected) in [
            ("last", Some("other"), "the history holds no run of other"),
            ("last", None, "last may be a run of a, prod, test: --cluster-name NAME says which"),
            ("last-good", None, "last-good may be a run of a, prod, test: "),
            ("last-good", Some("a"), "the history holds no good run of a"),
            ("5", None, "the history holds no run 5"),
            ("2", Some("prod"), "the history holds no run 2 of prod"),
            ("0", None, "the history holds no run 0"),
            ("", None, "the history holds no run "),
            ("2026", None, "2026 may mean 5 runs"),
            ("zzzzz", None, "the history holds no run zzzzz"),
        ] {
            let error = found(reference, cluster).unwrap_err();
            assert!(error.starts_with(expected), "{reference}: {error}");
        }
    }
}
