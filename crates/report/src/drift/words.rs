//! The words that the formats of a drift share. What comes from nodes is still as it was.

use std::collections::BTreeSet;

use assess::{Observed, Verdict};

use super::model::{Added, Answer, Cause, Change, DecisionChange, Drift, Event, Kind, Nodes};
use crate::kube_bench::KUBE_BENCH;
use crate::model::{CaptureInfo, CitedBy, Report, Subject};
use crate::plain;
use crate::words::{self, number, time, verdict};

/// Things that must not be overlooked.
pub(crate) fn warnings(before: &Report, after: &Report, nodes: &Nodes) -> Vec<String> {
    let mut said = Vec::new();
    if before.tool.name != after.tool.name {
        said.push(format!(
            "{} told the earlier report and {} the later one: where they differ, nothing need have changed. One answer \
             for each id and node is compared",
            before.tool.name, after.tool.name
        ));
    }
    if before.run.selection != after.run.selection {
        let selection = |report: &Report| report.run.selection.clone().unwrap_or_else(|| "everything".to_owned());
        said.push(format!(
            "not the same was judged: {} before, {} now. What one side left out is told as not demanded by it",
            selection(before),
            selection(after)
        ));
    }
    if before.platform.name != after.platform.name && before.tool.name == after.tool.name {
        said.push(format!(
            "not read as the same platform: {} before, {} now",
            before.platform.name, after.platform.name
        ));
    }
    let latest = |report: &Report| {
        let time = |capture: &CaptureInfo| capture.taken.as_ref()?.parse::<jiff::Timestamp>().ok();
        report.run.captures.iter().filter_map(time).max()
    };
    if let (Some(old), Some(new)) = (latest(before), latest(after))
        && old > new
    {
        said.push(format!(
            "the first report ({old}) is younger than the second ({new}): were they meant the other way?"
        ));
    }
    let uids = |report: &Report| -> BTreeSet<String> {
        let uid = |capture: &CaptureInfo| capture.identity.get("cluster-uid").cloned();
        report.run.captures.iter().filter_map(uid).collect()
    };
    let (old, new) = (uids(before), uids(after));
    if !old.is_empty() && !new.is_empty() && old.is_disjoint(&new) {
        said.push(
            "these are two clusters, by the uid of kube-system: one of them may have been created anew".to_owned(),
        );
    }
    if !nodes.gone.is_empty() && nodes.gone.len() >= before.run.captures.len() {
        said.push("no node of the earlier run is in the later one".to_owned());
    }
    said
}

/// What got worse, in a line; none: nothing did. It is what makes the exit code of `compare`: what nobody has to act on
/// stands in [`rest`].
pub(crate) fn worse(drift: &Drift) -> Option<String> {
    let mut said = Vec::new();
    let count = |what: &dyn Fn(&Change) -> bool| drift.changes.iter().filter(|change| what(change)).count();
    for (kind, one, many) in [
        (Kind::New, "new failure", "new failures"),
        (Kind::Regressed, "failure is back", "failures are back"),
        (Kind::VisibilityGained, "failure that was hidden before", "failures that were hidden before"),
        (Kind::Demanded, "failure that was not demanded before", "failures that were not demanded before"),
        (Kind::Disagrees, "failure that the other tool does not see", "failures that the other tool does not see"),
    ] {
        let count = count(&|change| change.kind == kind && change.is_new_failure() && change.is_open());
        said.extend((count > 0).then(|| number(count, one, many)));
    }
    let altered = count(&Change::is_worse_than_known);
    said.extend(
        (altered > 0).then(|| number(altered, "known failure in another state", "known failures in another state")),
    );
    for (event, one, many) in [
        (Event::Expired, "acceptance has expired", "acceptances have expired"),
        (Event::Lapsed, "acceptance has lapsed", "acceptances have lapsed"),
        (Event::Withdrawn, "acceptance is withdrawn", "acceptances are withdrawn"),
    ] {
        let count = drift.decisions.iter().filter(|own| own.event == event && own.is_worse()).count();
        said.extend((count > 0).then(|| number(count, one, many)));
    }
    let lost = count(&Change::is_lost);
    said.extend((lost > 0).then(|| number(lost, "finding can no longer be seen", "findings can no longer be seen")));
    (!said.is_empty()).then(|| said.join(", "))
}

/// What did not get worse, in a line.
pub(crate) fn rest(drift: &Drift) -> String {
    let debt = debt(drift).len();
    let mut said = vec![match debt {
        0 => "no failure is left from before".to_owned(),
        _ => number(debt, "failure is", "failures are") + " left from before",
    }];
    let count = |what: &dyn Fn(&Change) -> bool| drift.changes.iter().filter(|change| what(change)).count();
    let settled = count(&|change| change.is_new_failure() && !change.is_open());
    let beyond = count(&|change| change.kind == Kind::VisibilityLost && !change.is_lost());
    // What is known in another state is told as worse, and once.
    let values = drift.count(Kind::EvidenceChanged).saturating_sub(count(&Change::is_worse_than_known));
    for (count, word) in [
        (settled, "new and settled"),
        (beyond, "no longer seen, which nobody has to act on"),
        (drift.count(Kind::Fixed), "fixed"),
        (values, "with other values and the same verdict"),
        (drift.count(Kind::Dropped), "dropped"),
    ] {
        said.extend((count > 0).then(|| format!("{count} {word}")));
    }
    said.join(", ")
}

/// Failures that were there before.
pub(crate) fn debt(drift: &Drift) -> Vec<&Change> {
    drift.changes.iter().filter(|change| change.is_old_debt()).collect()
}

/// What a kind means, for a heading.
pub(crate) fn heading(kind: Kind) -> &'static str {
    match kind {
        Kind::Regressed => "Regressed: failed, was mended, and fails again",
        Kind::New => "New failures",
        Kind::Disagrees => "The two tools disagree",
        Kind::Demanded => "Demanded now, and not before",
        Kind::VisibilityLost => "Can no longer be seen",
        Kind::VisibilityGained => "Can be seen now",
        Kind::Fixed => "Fixed",
        Kind::VerdictChanged => "Another verdict, no failure",
        Kind::EvidenceChanged => "The same verdict, other values",
        Kind::Appeared => "Subjects that were not there before",
        Kind::Vanished => "Subjects that are no longer there",
        Kind::Dropped => "No longer demanded",
        Kind::Unchanged => "Unchanged",
    }
}

/// The heading over failures that are known in another state; what it means stands nowhere else.
pub(crate) const ALTERED: &str = "Known failures in another state: more is wrong than before, or the value is another";

/// What made it.
pub(crate) fn causes(change: &Change, drift: &Drift) -> String {
    let word = |cause: &Cause| match cause {
        Cause::Cluster => "the cluster".to_owned(),
        Cause::Profile => "the profile".to_owned(),
        Cause::Tool => "the tool's version".to_owned(),
        Cause::AnotherTool => "another tool judged".to_owned(),
        Cause::Unclear => format!("unclear: {}", several(&drift.unseparated, "or")),
    };
    change.causes.iter().map(word).collect::<Vec<_>>().join(", then ")
}

/// `the tool, the profile or the cluster`.
fn several(causes: &[Cause], join: &str) -> String {
    let word = |cause: &Cause| match cause {
        Cause::Cluster => "the cluster",
        Cause::Profile => "the profile",
        Cause::Tool | Cause::AnotherTool => "the tool",
        Cause::Unclear => "something else",
    };
    let names: Vec<&str> = causes.iter().map(word).collect();
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} {join} {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

/// Why some causes are not told; none: all are.
pub(crate) fn unseparated(drift: &Drift) -> Option<String> {
    if drift.unseparated.is_empty() {
        return None;
    }
    Some(format!(
        "{} changed between the reports; without the evidence of the earlier run it cannot be told apart which of them \
         made a difference",
        several(&drift.unseparated, "and")
    ))
}

/// One side in a line.
pub(crate) fn head(head: &super::Head) -> String {
    let mut said = Vec::new();
    said.push(head.taken.as_deref().map_or_else(|| "at an unknown time".to_owned(), time));
    said.extend(head.run.iter().map(|run| format!("run {run}")));
    said.push(number(head.captures, "capture", "captures"));
    said.extend(head.kubernetes.iter().map(|version| format!("Kubernetes {version}")));
    said.push(head.platform.clone());
    said.push(head.profiles.keys().cloned().collect::<Vec<_>>().join(" and "));
    said.push(format!("{} {}", head.tool.name, head.tool.version));
    let counts: Vec<String> =
        head.counts.iter().map(|(verdict, count)| format!("{count} {}", words::verdict(*verdict))).collect();
    said.push(counts.join(" "));
    said.retain(|part| !part.is_empty());
    said.join(", ")
}

/// What became of nodes, a line each.
pub(crate) fn nodes(nodes: &Nodes, all: bool) -> Vec<String> {
    let mut said = Vec::new();
    for node in &nodes.added {
        said.push(if node.mates == 0 {
            format!("{} is new, and the earlier run knew nobody of its pool ({})", node.name, node.pool)
        } else {
            format!("{} is new, and compared with its pool ({}): {}", node.name, node.pool, mates(node, all))
        });
    }
    for node in &nodes.gone {
        let left = if node.failed == 0 {
            "nothing failed on it".to_owned()
        } else {
            number(node.failed, "subject failed on it, and is not", "subjects failed on it, and are not")
                + " told as fixed"
        };
        said.push(format!("{} ({}) is gone: {left}", node.name, node.pool));
    }
    for node in &nodes.stopped {
        said.push(format!("{}: {} ran there, and no more", node.name, node.components.join(", ")));
    }
    for node in &nodes.changed {
        let what: Vec<&str> = node.what.iter().map(String::as_str).collect();
        said.push(format!("{}: {}", node.name, words::some(&what, all)));
    }
    said
}

/// The nodes that a new one is compared with: the first of them, and how many more there were.
fn mates(node: &Added, all: bool) -> String {
    let shown = if all || node.mates <= 4 { node.compared_with.len() } else { 3 };
    let shown: Vec<&str> = node.compared_with.iter().take(shown).map(String::as_str).collect();
    match node.mates.saturating_sub(shown.len()) {
        0 => shown.join(", "),
        more => format!("{}, … and {more} more", shown.join(", ")),
    }
}

/// An answer: its verdict, and the facts or the reason.
pub(crate) fn answer(answer: &Answer) -> String {
    let facts: Vec<String> = answer.observed.iter().map(plain::fact).collect();
    // What decides a pass or a failure are its facts; anything else is told by its reason.
    let decided = matches!(answer.verdict, Verdict::Pass | Verdict::Fail);
    let why = match &answer.equivalent {
        Some(instead) => instead.clone(),
        None if decided && !facts.is_empty() => facts.join("; "),
        None if answer.reason.is_empty() => answer.expected.clone(),
        None => answer.reason.clone(),
    };
    let why = if why.is_empty() { String::new() } else { format!(": {why}") };
    format!("{}{why}", verdict(answer.verdict))
}

/// The facts of which the values differ, as `fact = value`; a list that kept members is told on the later side alone, by
/// what came and went: `fact: + member, - member`.
pub(crate) fn differing(change: &Change) -> Option<(String, String)> {
    let (before, after) = (change.before.as_ref()?, change.after.as_ref()?);
    let value = |seen: &Observed| match &seen.value {
        Some(value) => format!("{} = {}", seen.fact, words::value(value, false)),
        None => format!("{}: {}", seen.fact, seen.how),
    };
    let same = |left: &Observed, right: &Observed| {
        left.fact == right.fact && left.value == right.value && (left.value.is_some() || left.how == right.how)
    };
    let only = |these: &'_ [Observed], those: &[Observed]| -> Vec<Observed> {
        these.iter().filter(|own| !those.iter().any(|other| same(own, other))).cloned().collect()
    };
    let old = only(&before.observed, &after.observed);
    let new = only(&after.observed, &before.observed);
    let kept = |these: &[Observed], seen: &Observed| {
        let of = these.iter().find(|other| other.fact == seen.fact)?;
        members(of.value.as_ref()?, seen.value.as_ref()?)
    };
    let was: Vec<String> = old.iter().filter(|seen| kept(&new, seen).is_none()).map(value).collect();
    let is: Vec<String> = new
        .iter()
        .map(|seen| kept(&old, seen).map_or_else(|| value(seen), |told| format!("{}: {told}", seen.fact)))
        .collect();
    Some((was.join("; "), is.join("; "))).filter(|(old, new)| !old.is_empty() || !new.is_empty())
}

/// What came into a list and what went; none: these are no lists, share nothing, or differ in order alone.
fn members(old: &str, new: &str) -> Option<String> {
    let [old, new]: [Vec<&str>; 2] = [old, new].map(|text| text.split(", ").collect());
    let only = |sign: &str, these: &[&str], those: &[&str]| {
        let only: Vec<&str> = these.iter().filter(|own| !those.contains(own)).copied().collect();
        (!only.is_empty()).then(|| format!("{sign} {}", words::some(&only, false)))
    };
    let told: Vec<String> = only("+", &new, &old).into_iter().chain(only("-", &old, &new)).collect();
    let shared = new.iter().any(|own| old.contains(own));
    (shared && !told.is_empty()).then(|| told.join(", "))
}

/// What a profile does otherwise: ids and bounds, where both sides demand it.
pub(crate) fn profile(change: &Change) -> Vec<String> {
    let (Some(before), Some(after)) = (&change.before, &change.after) else { return Vec::new() };
    let ids = |cited: &[CitedBy]| cited.iter().map(|cited| cited.id.clone()).collect::<BTreeSet<_>>();
    let (old, new) = (ids(&before.cited_by), ids(&after.cited_by));
    let mut said = Vec::new();
    if old != new && !old.is_empty() && !new.is_empty() {
        let joined = |ids: BTreeSet<String>| ids.into_iter().collect::<Vec<_>>().join(", ");
        said.push(format!("{} is now {}", joined(old), joined(new)));
    }
    let names: BTreeSet<&String> = before.parameters.keys().chain(after.parameters.keys()).collect();
    for name in names {
        let (was, is) = (before.parameters.get(name), after.parameters.get(name));
        if was != is {
            let said_of = |value: Option<&serde_json::Value>| value.map_or("unset".to_owned(), benchmark::plain);
            said.push(format!("{name}: {} becomes {}", said_of(was), said_of(is)));
        }
    }
    said
}

/// When it failed before.
pub(crate) fn regressed(change: &Change) -> Option<String> {
    let dates = change.regressed.as_ref()?;
    let mended = dates.mended.as_deref().map_or(String::new(), |mended| format!(", was mended by {}", time(mended)));
    Some(format!("it failed until {}{mended}, and fails again: find what undoes the fix", time(&dates.failed)))
}

/// Subjects, each with its nodes.
pub(crate) fn subjects(subjects: &[Subject], all: bool) -> String {
    let together =
        subjects.iter().all(|subject| Some(&subject.captures) == subjects.first().map(|first| &first.captures));
    let nodes = |subject: &Subject| {
        let names: Vec<&str> = subject.captures.iter().map(String::as_str).collect();
        words::some(&names, all)
    };
    let name = |subject: &Subject| {
        if together { subject.name.clone() } else { format!("{} ({})", subject.name, nodes(subject)) }
    };
    let names: Vec<String> = subjects.iter().map(name).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let on = subjects.first().filter(|_| together).map(nodes).filter(|nodes| !nodes.is_empty());
    format!("{}{}", words::some(&names, all), on.map_or(String::new(), |nodes| format!(" on {nodes}")))
}

/// A decision's change in a line.
pub(crate) fn decision(change: &DecisionChange) -> String {
    let decision = &change.after;
    let mut said = vec![format!("{} becomes {}", change.before.state.word(), decision.state.word())];
    let owner = decision.owner.as_ref().or(change.before.owner.as_ref());
    said.extend(owner.map(|owner| format!("owner {owner}")));
    said.extend(decision.term().or_else(|| change.before.term()));
    said.extend(decision.lapsed.iter().filter(|why| !change.before.lapsed.contains(why)).cloned());
    said.extend(decision.reason.iter().cloned());
    said.extend(decision.entry.iter().map(|entry| format!("see {entry}")));
    said.join("; ")
}

/// Ids that cite it, or the control's name.
pub(crate) fn ids(cited: &[CitedBy], control: &str) -> String {
    let ids: BTreeSet<Vec<(u32, String)>> = cited.iter().map(|cited| benchmark::id_order(&cited.id)).collect();
    let id = |parts: Vec<(u32, String)>| parts.into_iter().map(|(_, part)| part).collect::<Vec<_>>().join(".");
    if ids.is_empty() { control.to_owned() } else { ids.into_iter().map(id).collect::<Vec<_>>().join(", ") }
}

/// The ids of a change: those of the later side.
pub(crate) fn change_ids(change: &Change) -> String {
    let cited = change.after.as_ref().or(change.before.as_ref()).map(|answer| answer.cited_by.as_slice());
    ids(cited.unwrap_or_default(), &change.control)
}

/// The word for one side's answer: the name of the other tool, or when it was.
pub(crate) fn sides(drift: &Drift) -> (&'static str, &'static str) {
    let word = |name: &str, other: &'static str| match name {
        KUBE_BENCH => KUBE_BENCH,
        "kube-assay" => "kube-assay",
        _ => other,
    };
    if drift.before.tool.name == drift.after.tool.name {
        return ("was", "is");
    }
    (word(&drift.before.tool.name, "before"), word(&drift.after.tool.name, "now"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_told_by_what_came_and_went() {
        for (old, new, expected) in [
            ("a, b", "a, b, c", Some("+ c")),
            ("a, b", "b", Some("- a")),
            ("a, b", "b, c", Some("+ c, - a")),
            ("a", "a, b, c, d, e, f", Some("+ b, c, d, … and 2 more")),
            // Nothing is shared, or only the order is another.
            ("640", "666", None),
            ("nothing", "a, b", None),
            ("a, b", "b, a", None),
        ] {
            assert_eq!(members(old, new).as_deref(), expected, "{old} -> {new}");
        }
    }
}
