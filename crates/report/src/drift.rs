//! What differs between two reports, and what made it differ. Pure.
//!
//! Subjects of demands are compared, never ids or lines of text: a demand is a control by its stable name, so that a
//! profile may number anew, and other bounds of the same control are a change of the profile. Where the evidence of the
//! earlier run was kept, it is judged again by the tool and the profile of today, and each difference then lies between
//! two neighbours of four reports: the tool's, the profile's, or the cluster's.

mod decisions;
mod kinds;
mod lanes;
mod markdown;
mod model;
mod nodes;
mod pool;
mod roll;
mod steps;
mod terminal;
pub(crate) mod words;

use std::collections::{BTreeMap, BTreeSet};

use assess::Verdict;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json as value};

pub use self::markdown::markdown;
pub use self::model::{
    Added, Answer, Cause, Change, Changed, Count, DecisionChange, Drift, Event, Gone, Head, Kind, Nodes, Regressed,
    SCHEMA,
};
pub use self::terminal::terminal;

use self::kinds::{Beside, kind};
use self::lanes::{Key, Lanes, Rows};
use self::nodes::{Counterpart, Matching};
use self::pool::Said;
use self::steps::Steps;
use crate::formats::written;
use crate::model::{Finding, Report, Subject};

/// The reports that are compared.
#[derive(Clone, Copy, Debug)]
pub struct Reports<'r> {
    /// What was told of the earlier run at its time.
    pub before: &'r Report,
    /// The earlier evidence, judged by the earlier profiles and today's tool; none: the evidence or the profiles are not
    /// there.
    pub replayed: Option<&'r Report>,
    /// The earlier evidence, judged by the later profiles and today's tool.
    pub reprofiled: Option<&'r Report>,
    /// What is told of the later run.
    pub after: &'r Report,
}

/// A subject of a demand on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place<'p> {
    /// The control's stable name.
    pub control: &'p str,
    /// The subject's kind.
    pub kind: &'p str,
    /// The subject's name.
    pub name: &'p str,
    /// The node, by its name in the later run.
    pub node: &'p str,
}

/// What a run earlier than the compared ones said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dated {
    /// When (RFC 3339).
    pub time: String,
    /// What.
    pub verdict: Verdict,
}

/// Compares two reports. `past` tells what runs up to the earlier one said of a place, the oldest first; it is asked
/// of new failures alone, and nothing in its answer is a fine answer.
///
/// Both reports must be whole ([`is_whole`]): what is left out of one of them seems not to be demanded by it.
pub fn compare(reports: &Reports<'_>, past: &dyn Fn(&Place<'_>) -> Vec<Dated>) -> Drift {
    if reports.before.tool.name == reports.after.tool.name {
        return Comparison::new(reports, false).told(past);
    }
    // Another tool tells one answer for each id and node, so ours is rolled up to the same.
    let [before, after] = roll::both(reports.before, reports.after);
    let rolled = Reports { before: &before, replayed: None, reprofiled: None, after: &after };
    let drift = Comparison::new(&rolled, true).told(past);
    Drift { before: head(reports.before), after: head(reports.after), ..drift }
}

/// Whether a report tells all that it counts: nothing was filtered away when it was written.
pub fn is_whole(report: &Report) -> bool {
    let mut counts: BTreeMap<Verdict, usize> = BTreeMap::new();
    for verdict in report.demands().filter_map(|group| crate::fold::roll_up(group.iter())) {
        *counts.entry(verdict).or_default() += 1;
    }
    counts == report.counts
}

struct Comparison<'r> {
    before: Rows<'r>,
    after: Rows<'r>,
    steps: Steps<'r>,
    nodes: Matching<'r>,
    another_tool: bool,
}

/// What the subjects of one change share: both findings by their place in the report, and all that follows.
type Shared = (Option<usize>, Option<usize>, Kind, Vec<Cause>, Option<Regressed>, Option<String>);

/// The two answers about a subject. Its key's node is that of the later run.
struct Pair<'p, 'r> {
    key: Key<'r>,
    before: Option<Key<'r>>,
    /// Nodes of the earlier run that were asked for it.
    asked: &'p [&'r str],
    in_after: bool,
    pool: Option<String>,
}

impl<'r> Comparison<'r> {
    fn new(reports: &Reports<'r>, another_tool: bool) -> Self {
        let mut lanes = Lanes::default();
        let before = Rows::new(reports.before, &mut lanes);
        let after = Rows::new(reports.after, &mut lanes);
        let steps = Steps::new(reports, another_tool, &mut lanes);
        let nodes = Matching::new(&before, &after, another_tool);
        Self { before, after, steps, nodes, another_tool }
    }

    fn told(self, past: &dyn Fn(&Place<'_>) -> Vec<Dated>) -> Drift {
        let (before, after) = (head(self.before.report), head(self.after.report));
        let mut groups: BTreeMap<Shared, Vec<Key<'r>>> = BTreeMap::new();
        let mut both: BTreeMap<(usize, usize), Vec<Key<'r>>> = BTreeMap::new();
        for pair in self.pairs() {
            let old = pair.before.as_ref().and_then(|key| self.before.all.get(key).copied());
            let new = if pair.in_after { self.after.all.get(&pair.key).copied() } else { None };
            let mut kind = self.kind(&pair, old, new);
            let causes = if kind == Kind::Unchanged { Vec::new() } else { self.causes(&pair, kind) };
            let mut dates = None;
            if kind == Kind::New {
                let Key { demand: (control, _), kind: of, name, node, .. } = pair.key;
                dates = regressed(&past(&Place { control, kind: of, name, node }), before.taken.as_deref());
                kind = if dates.is_some() { Kind::Regressed } else { Kind::New };
            }
            if let (Some(old), Some(new)) = (old, new) {
                both.entry((old, new)).or_default().push(pair.key);
            }
            groups.entry((old, new, kind, causes, dates, pair.pool)).or_default().push(pair.key);
        }
        let mut changes: Vec<Change> = groups.into_iter().map(|(shared, keys)| self.change(shared, &keys)).collect();
        changes.sort_by_cached_key(order);
        let (counts, causes) = count(&changes);
        let warnings = words::warnings(self.before.report, self.after.report, &self.nodes.told);
        let told = both.into_iter().filter_map(|((old, new), keys)| {
            decisions::change(self.before.finding(old), self.after.finding(new), subjects(&keys))
        });
        let mut decisions: Vec<DecisionChange> = told.collect();
        decisions.sort_by(|left, right| {
            (left.event, &left.control, &left.subjects).cmp(&(right.event, &right.control, &right.subjects))
        });
        Drift {
            schema: SCHEMA.to_owned(),
            before,
            after,
            unseparated: self.steps.unseparated.clone(),
            warnings,
            nodes: self.nodes.told,
            counts,
            causes,
            changes,
            decisions,
        }
    }

    /// Every subject of either side once: those of the later run, each with its earlier answer, then those that only the
    /// earlier one has, on nodes that are still there.
    fn pairs(&self) -> Vec<Pair<'_, 'r>> {
        let mut used: BTreeSet<Key<'r>> = BTreeSet::new();
        let mut said: BTreeMap<(Key<'r>, &str), Said<'r>> = BTreeMap::new();
        let mut pairs = Vec::new();
        for (key, at) in &self.after.all {
            let counterpart = self.nodes.counterpart(key.node);
            let (before, pool) = match counterpart {
                None => (None, None),
                Some(Counterpart::Itself(node)) => {
                    let before = Some(Key { node, ..*key }).filter(|key| self.before.all.contains_key(key));
                    used.extend(before);
                    (before, None)
                }
                Some(Counterpart::Pool(pool)) => {
                    let anywhere = (Key { node: "", ..*key }, pool.name.as_str());
                    let said = said.entry(anywhere).or_insert_with(|| Said::of(pool, key, &self.before, &self.after));
                    let (before, spread) = said.nearest(self.after.finding(*at));
                    // Whose answer it is compared with is of interest only where there is one.
                    (before, before.map(|_| spread.unwrap_or(&pool.name).to_owned()))
                }
            };
            let asked = counterpart.map_or(&[][..], Counterpart::nodes);
            pairs.push(Pair { key: *key, before, asked, in_after: true, pool });
        }
        for key in self.before.all.keys().filter(|key| !used.contains(*key)) {
            if let Some(node) = self.nodes.later(key.node) {
                let own = Key { node, ..*key };
                let asked = std::slice::from_ref(&key.node);
                pairs.push(Pair { key: own, before: Some(*key), asked, in_after: false, pool: None });
            }
        }
        pairs
    }

    fn kind(&self, pair: &Pair<'_, 'r>, old: Option<usize>, new: Option<usize>) -> Kind {
        let demand = pair.key.demand;
        // What else was said counts only where one side has no answer.
        let beside = |rows: &Rows<'r>, nodes: &[&str]| match (old, new) {
            (Some(_), Some(_)) => Beside::Seen,
            _ => rows.beside(demand, nodes),
        };
        let (before, after) = (beside(&self.before, pair.asked), beside(&self.after, &[pair.key.node]));
        let (old, new) = (old.map(|at| self.before.finding(at)), new.map(|at| self.after.finding(at)));
        kind(old, new, before, after, self.another_tool)
    }

    /// Which steps between the reports changed the answer.
    fn causes(&self, pair: &Pair<'_, 'r>, kind: Kind) -> Vec<Cause> {
        if self.another_tool {
            return vec![Cause::AnotherTool];
        }
        let old = pair.before.or_else(|| Some(Key { node: pair.asked.first()?, ..pair.key }));
        let new = pair.in_after.then_some(pair.key);
        self.steps.causes(old.as_ref(), new.as_ref(), pair.before.is_some(), kind, (&self.before, &self.after))
    }

    fn change(&self, (old, new, kind, causes, regressed, compared_with): Shared, keys: &[Key<'r>]) -> Change {
        let old = old.map(|at| self.before.finding(at));
        let new = new.map(|at| self.after.finding(at));
        let finding = new.or(old);
        let text = |of: fn(&Finding) -> &String| finding.map(of).cloned().unwrap_or_default();
        Change {
            kind,
            causes,
            control: text(|finding| &finding.control),
            title: text(|finding| &finding.title),
            component: text(|finding| &finding.component),
            priority: finding.map_or(benchmark::Priority::Contextual, |finding| finding.priority),
            before: old.map(answer),
            after: new.map(answer),
            regressed,
            compared_with,
            subjects: subjects(keys),
        }
    }
}

/// Subjects in order, each with its nodes.
fn subjects(keys: &[Key<'_>]) -> Vec<Subject> {
    let mut all: BTreeMap<(&str, &str, usize), BTreeSet<&str>> = BTreeMap::new();
    for key in keys {
        all.entry((key.kind, key.name, key.again)).or_default().insert(key.node);
    }
    let subject = |((kind, name, _), nodes): ((&str, &str, usize), BTreeSet<&str>)| Subject {
        kind: kind.to_owned(),
        name: name.to_owned(),
        captures: nodes.into_iter().map(str::to_owned).collect(),
    };
    all.into_iter().map(subject).collect()
}

fn answer(finding: &Finding) -> Answer {
    Answer {
        cited_by: finding.cited_by.clone(),
        parameters: finding.parameters.clone(),
        verdict: finding.verdict,
        equivalent: finding.equivalent.clone(),
        basis: finding.basis,
        reason: finding.reason.clone(),
        outside: finding.outside,
        expected: finding.expected.clone(),
        observed: finding.observed.iter().filter(|seen| seen.decides).cloned().collect(),
        remediation: finding.remediation.clone(),
        decision: finding.decision.clone(),
    }
}

/// What got worse stands first, then by kind and what it is worth to an attacker.
fn order(change: &Change) -> impl Ord + use<> {
    let verdict = change.after.as_ref().or(change.before.as_ref()).map(|answer| answer.verdict);
    (
        (!change.is_new_failure(), change.kind, verdict, change.priority),
        benchmark::id_order(change.id()),
        (change.control.clone(), change.subjects.clone(), change.causes.clone(), change.compared_with.clone()),
    )
}

type Counts = BTreeMap<Kind, Count>;

fn count(changes: &[Change]) -> (Counts, BTreeMap<Cause, Counts>) {
    let (mut counts, mut causes) = (Counts::new(), BTreeMap::<Cause, Counts>::new());
    for change in changes {
        let subjects = change.subjects.iter().map(|subject| subject.captures.len()).sum::<usize>();
        let add = |counts: &mut Counts| {
            let count = counts.entry(change.kind).or_default();
            count.findings += 1;
            count.subjects += subjects;
        };
        add(&mut counts);
        change.causes.iter().for_each(|cause| add(causes.entry(*cause).or_default()));
    }
    (counts, causes)
}

/// When it failed before that, and when it was mended.
fn regressed(past: &[Dated], mended: Option<&str>) -> Option<Regressed> {
    let last = past.iter().rposition(|dated| dated.verdict == Verdict::Fail)?;
    let next = past.get(last + 1).map(|dated| dated.time.as_str()).or(mended);
    Some(Regressed { failed: past[last].time.clone(), mended: next.map(str::to_owned) })
}

fn head(report: &Report) -> Head {
    let taken = report.run.captures.iter().filter_map(|capture| capture.taken.as_ref());
    Head {
        run: report.run.recorded.as_ref().map(|recorded| recorded.run.clone()),
        taken: taken.max_by_key(|time| (time.parse::<jiff::Timestamp>().ok(), time.as_str())).cloned(),
        tool: report.tool.clone(),
        platform: report.platform.name.clone(),
        kubernetes: report.kubernetes.as_ref().map(|choice| choice.name.clone()),
        profiles: report.profiles.iter().map(|own| (own.name.clone(), own.digest.clone())).collect(),
        selection: report.run.selection.clone(),
        captures: report.run.captures.len(),
        counts: report.counts.clone(),
    }
}

/// The drift narrowed to some kinds. Its counts stay those of everything.
pub fn filter(drift: &Drift, only: &BTreeSet<Kind>) -> Drift {
    let kinds = only.iter().map(|kind| kind.word()).collect::<Vec<_>>().join(", ");
    let mut narrowed = drift.clone();
    narrowed.warnings.push(format!("only {kinds} told; the counts are of everything"));
    narrowed.changes.retain(|change| only.contains(&change.kind));
    narrowed
}

/// The drift as indented JSON. Characters that could steer a terminal are escaped.
pub fn json(drift: &Drift) -> String {
    written(drift)
}

/// The JSON Schema of [`json`], from the types.
pub fn schema() -> Value {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = value!({ "$id": SCHEMA, "title": "Drift between two reports of kube-assay" });
    if let (Value::Object(schema), Value::Object(derived)) =
        (&mut schema, generator.into_root_schema_for::<Drift>().to_value())
    {
        schema.extend(derived.into_iter().filter(|(key, _)| key != "title"));
    }
    schema
}
