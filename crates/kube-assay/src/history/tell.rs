//! How a history is told to a person.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use history::{Digest, Entry, Event, Point, Trend, Verification};
use report::{State, Verdict, inert};

/// Who reviewed last, by the number of the run.
pub(super) fn reviewers(entries: &[Entry]) -> BTreeMap<u64, String> {
    let reviews = entries.iter().filter_map(|entry| match &entry.event {
        Event::Review(review) => Some((review.run, inert(&review.by).into_owned())),
        _ => None,
    });
    reviews.collect()
}

/// A table of entries, and the head of the whole history.
pub(super) fn list(entries: &[Entry], reviewers: &BTreeMap<u64, String>, head: Option<Digest>) -> String {
    let runs = || entries.iter().filter_map(|entry| Some((entry, entry.run()?)));
    let cluster = width("CLUSTER", runs().map(|(_, run)| inert(&run.cluster).chars().count()));
    let reviewer = |entry: &Entry| reviewers.get(&entry.number).map_or("-", String::as_str);
    let by = width("REVIEWED", runs().map(|(entry, _)| reviewer(entry).chars().count()));
    let mut text = format!(
        "{:>6}  {:<25}  {:<cluster$}  {:>5} {:>7} {:>6} {:>5}  {:<by$}  {:<4}  GATE\n",
        "RUN", "ID", "CLUSTER", "FAIL", "UNKNOWN", "MANUAL", "PASS", "REVIEWED", "GOOD"
    );
    for entry in entries {
        let _ = write!(text, "{:>6}  {:<25}  ", entry.number, entry.id);
        match &entry.event {
            Event::Run(run) => {
                let count = |verdict| run.counts.get(&verdict).copied().unwrap_or(0);
                let gate = match (entry.pruned_by, run.gate.as_deref()) {
                    (Some(by), _) => format!("pruned by {by}"),
                    (None, gate) => inert(gate.unwrap_or("-")).into_owned(),
                };
                let _ = writeln!(
                    text,
                    "{:<cluster$}  {:>5} {:>7} {:>6} {:>5}  {:<by$}  {:<4}  {gate}",
                    inert(&run.cluster),
                    count(Verdict::Fail),
                    count(Verdict::Unknown),
                    count(Verdict::Manual),
                    count(Verdict::Pass),
                    reviewer(entry),
                    if run.good { "yes" } else { "no" },
                );
            }
            Event::Prune(prune) => {
                let _ = writeln!(text, "pruned {}: {}", number(prune.removed.len()), inert(&prune.rule));
            }
            Event::Review(review) => {
                let note = review.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
                let _ = writeln!(text, "{}", inert(&format!("{} reviewed run {}{note}", review.by, review.run)));
            }
        }
    }
    let head = head.map_or_else(|| "none: nothing was recorded".to_owned(), |head| head.to_string());
    let _ = writeln!(text, "\nhead  {head}");
    text
}

/// What runs counted; those alone that counted otherwise than the one before, unless all are wanted.
pub(super) fn trend(trend: &Trend, all: bool) -> String {
    let cluster = width("CLUSTER", trend.runs.iter().map(|run| inert(&run.cluster).chars().count()));
    let mut text = format!(
        "{:>6}  {:<16}  {:<cluster$}  {:>5} {:>5} {:>8} {:>8}  ACCEPTED, BY OWNER\n",
        "RUN", "RECORDED", "CLUSTER", "FAIL", "OPEN", "OVERDUE", "ACCEPTED"
    );
    let mut last: BTreeMap<&str, &Point> = BTreeMap::new();
    let mut same = 0;
    for run in &trend.runs {
        let before = last.insert(&run.cluster, run);
        if !all && before.is_some_and(|before| before.counts_as(run)) {
            same += 1;
            continue;
        }
        let decided = |state| run.decisions.get(&state).copied().unwrap_or(0);
        let _ = writeln!(
            text,
            "{:>6}  {:<16}  {:<cluster$}  {:>5} {:>5} {:>8} {:>8}  {}",
            run.number,
            run.at.strftime("%Y-%m-%d %H:%M").to_string(),
            inert(&run.cluster),
            run.counts.get(&Verdict::Fail).copied().unwrap_or(0),
            open(run),
            decided(State::Overdue),
            decided(State::Accepted),
            owners(&run.accepted),
        );
    }
    text.push_str("FAIL counts demands, OPEN findings that wait for somebody: failures, unknowns and questions.\n");
    if same > 0 {
        let _ = writeln!(text, "{} that counted the same as the one before: not shown (--all)", number(same));
    }
    for (name, now) in last {
        let first = trend.runs.iter().find(|run| run.cluster == name).unwrap_or(now);
        if first.number == now.number {
            continue;
        }
        let moved = |count: &dyn Fn(&Point) -> usize| format!("{} to {}", count(first), count(now));
        let of = |state| move |run: &Point| run.decisions.get(&state).copied().unwrap_or(0);
        let _ = writeln!(
            text,
            "\n{}, {} to {}: open {}, overdue {}, accepted {}",
            inert(name),
            first.at.strftime("%Y-%m-%d"),
            now.at.strftime("%Y-%m-%d"),
            moved(&open),
            moved(&of(State::Overdue)),
            moved(&of(State::Accepted)),
        );
    }
    text
}

/// Findings that somebody has to act on.
fn open(run: &Point) -> usize {
    run.decisions.iter().filter(|(state, _)| state.is_open()).map(|(_, count)| count).sum()
}

fn owners(counts: &BTreeMap<String, usize>) -> String {
    let each = counts.iter().map(|(owner, count)| format!("{} {count}", inert(owner)));
    let text = each.collect::<Vec<_>>().join(", ");
    if text.is_empty() { "-".to_owned() } else { text }
}

/// What a verification found, and what it does not prove.
pub(super) fn verified(found: &Verification) -> String {
    let mut text = String::new();
    for damage in &found.damage {
        let _ = writeln!(text, "DAMAGED  {}", inert(damage));
    }
    if found.more_damage > 0 {
        let _ = writeln!(text, "DAMAGED  and {} more", found.more_damage);
    }
    if found.is_whole() {
        let _ = writeln!(
            text,
            "No part of it was changed: {} entries, {} whole, {} parts of {} bytes.",
            found.entries,
            number(found.runs),
            found.parts,
            found.bytes
        );
    }
    if let Some(held) = found.held {
        let _ = writeln!(text, "The hash that was given is that of entry {held}.");
    }
    text.push_str("\nThis does not prove:\n");
    for said in found.unproven() {
        let _ = writeln!(text, "- {said}");
    }
    if let Some(head) = found.head {
        let _ = writeln!(text, "\nhead  {head}");
    }
    text
}

fn width(title: &str, cells: impl Iterator<Item = usize>) -> usize {
    cells.max().unwrap_or(0).max(title.len())
}

fn number(count: usize) -> String {
    format!("{count} {}", if count == 1 { "run" } else { "runs" })
}
