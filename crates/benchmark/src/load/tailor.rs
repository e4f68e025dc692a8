//! Laying a tailoring over a profile, and telling every difference in words.

use std::collections::BTreeSet;

use diag::{Diagnostic, Spanned, quoted};
use serde_json::Value as Json;

use super::expand::{Expanded, Expander};
use super::profile::{Draft, Row};
use super::{Named, code};
use crate::{Entry, Tailoring, plain};

/// Lays a tailoring over what it extends. The ids stay, and with them sections, title and remarks.
pub(super) fn tailor(expander: &mut Expander<'_>, draft: &Named<Draft>, whole: &mut Expanded) {
    let body = &draft.body;
    let profile = &mut whole.profile;
    let base = std::mem::replace(&mut profile.name, draft.name.value.clone());
    // A tailoring of a tailoring tells all that departs from what was published.
    let mut tailored = profile.tailored.take().unwrap_or(Tailoring { extends: base.clone(), changes: Vec::new() });
    profile.title =
        body.title.clone().unwrap_or_else(|| format!("{}, tailored by {}", profile.title, draft.name.value));
    profile.extends.insert(0, base);
    profile.kubernetes = None;
    profile.notes.extend(body.notes.iter().cloned());

    let changes = &mut tailored.changes;
    for drop in &body.drops {
        if let Some(at) = profile.entries.iter().position(|entry| entry.id == drop.id.value) {
            let reason = drop.reason.as_deref().unwrap_or_default().trim();
            changes.push(format!("{} is left out: {reason}", told(&profile.entries.remove(at))));
        }
    }
    let mut seen = BTreeSet::new();
    for row in &body.rows {
        let Some(key) = row.id.as_ref().or(row.control.as_ref()) else { continue };
        if !seen.insert(&key.value) {
            let message = format!("{} is changed twice", quoted(&key.value));
            expander.error(draft, code::DUPLICATE_NAME, &key.span, message);
            continue;
        }
        if !meant(expander, draft, row, key, whole) {
            continue;
        }
        let before = changes.len();
        let is_meant = |entry: &Entry| match &row.id {
            Some(id) => entry.id == id.value,
            None => entry.control == key.value,
        };
        let mut controls: Vec<String> = Vec::new();
        for entry in whole.profile.entries.iter_mut().filter(|entry| is_meant(entry)) {
            change(expander, entry, row, changes);
            controls.push(entry.control.clone());
        }
        controls.dedup();
        for control in &controls {
            expander.check_parameters(draft, control, &row.parameters);
        }
        if changes.len() == before && !controls.is_empty() {
            let message = format!("this alters nothing: {} is so already", quoted(&key.value));
            expander.report(Diagnostic::warning(code::NO_CHANGE, &draft.file, row.span.clone(), message));
        }
    }
    whole.profile.tailored = Some(tailored);
}

/// Whether what a row changes is there; it is noted if it is not.
fn meant(
    expander: &mut Expander<'_>,
    draft: &Named<Draft>,
    row: &Row,
    key: &Spanned<String>,
    whole: &Expanded,
) -> bool {
    let entries = &whole.profile.entries;
    let (there, code, what, near): (_, _, _, Vec<&str>) = if row.id.is_some() {
        // Ids that look alike have nothing to do with each other: no suggestion.
        (whole.may_have(&key.value), code::UNKNOWN_ID, "id", Vec::new())
    } else {
        let names = entries.iter().map(|entry| entry.control.as_str()).collect();
        (whole.may_use(&key.value), code::UNKNOWN_CONTROL, "control", names)
    };
    let dropped = draft.body.drops.iter().any(|drop| drop.id.value == key.value);
    if !there && !dropped {
        let message = format!("there is no {what} {} to change", quoted(&key.value));
        let mistake = Diagnostic::error(code, &draft.file, key.span.clone(), message);
        expander.report(mistake.did_you_mean(&key.value, near));
    }
    there
}

/// Changes one entry, and tells what became different.
fn change(expander: &Expander<'_>, entry: &mut Entry, row: &Row, changes: &mut Vec<String>) {
    let who = told(entry);
    if let Some(level) = row.level.filter(|level| *level != entry.level) {
        changes.push(format!("{who}: level {level} instead of {}", entry.level));
        entry.level = level;
    }
    let control = expander.controls.get(entry.control.as_str()).copied().flatten();
    for given in &row.parameters {
        let (name, value) = (&given.name.value, &given.value.value);
        let own = control.and_then(|control| control.control.parameters.get(name));
        let Some(before) = entry.parameters.get(name).or(own) else { continue };
        if before != value {
            changes.push(format!("{who}: {name} {}", difference(before, value)));
            entry.parameters.insert(name.clone(), value.clone());
        }
    }
}

/// Two values as a reader compares them. Of long lists only what came and went.
fn difference(before: &Json, after: &Json) -> String {
    match (before, after) {
        (Json::Array(old), Json::Array(new)) if old.len() > 3 || new.len() > 3 => {
            let only = |some: &[Json], others: &[Json]| {
                let only = some.iter().filter(|member| !others.contains(member)).cloned().collect();
                Some(plain(&Json::Array(only))).filter(|text| text != "nothing")
            };
            let parts = [("with", only(new, old)), ("without", only(old, new))];
            let parts = parts.into_iter().filter_map(|(word, members)| Some(format!("{word} {}", members?)));
            let parts: Vec<String> = parts.collect();
            if parts.is_empty() { "in another order".to_owned() } else { parts.join(", ") }
        }
        _ => format!("{} instead of {}", plain(after), plain(before)),
    }
}

fn told(entry: &Entry) -> String {
    format!("{} ({})", entry.id, entry.control)
}
