//! Keeping what a table lists, and nothing else.

use serde_json::{Map, Value};

use crate::CutNote;
use crate::cut::marker;

/// What is kept, by the keys above it: a way, and what is kept below it. Lists add nothing to the way; `*` is any one
/// key, `**` everything below (from which names that betray a secret are cut all the same).
pub(super) type Table = &'static [(&'static str, &'static [&'static str])];

/// A value without what no table lists.
pub(super) fn keep(value: Value, table: Table, notes: &mut Vec<CutNote>) -> Value {
    kept(value, table, &mut Vec::new(), notes)
}

fn kept(value: Value, table: Table, way: &mut Vec<String>, notes: &mut Vec<CutNote>) -> Value {
    match value {
        Value::Object(map) => {
            let fields = map.into_iter().map(|(key, value)| {
                way.push(key.clone());
                let value =
                    if leads_on(table, way) { kept(value, table, way, notes) } else { removed(value, way, notes) };
                way.pop();
                (key, value)
            });
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Value::Array(members) => {
            Value::Array(members.into_iter().map(|member| kept(member, table, way, notes)).collect())
        }
        scalar if listed(table, way) => scalar,
        scalar => removed(scalar, way, notes),
    }
}

/// What stands for a value that no table lists. Emptiness is no secret, and says that there is none.
pub(super) fn removed(value: Value, way: &[String], notes: &mut Vec<CutNote>) -> Value {
    let bytes = match &value {
        Value::Null => return value,
        Value::String(text) if text.is_empty() => return value,
        Value::Object(map) if map.is_empty() => return value,
        Value::Array(members) if members.is_empty() => return value,
        Value::String(text) => text.len(),
        other => other.to_string().len(),
    };
    notes.push(CutNote { what: way.last().cloned().unwrap_or_default(), bytes: bytes as u64 });
    Value::String(marker(bytes))
}

/// The ways that a table lists, key by key.
fn entries(table: Table) -> impl Iterator<Item = impl Iterator<Item = &'static str>> {
    let of = |(above, below): &(&'static str, &'static [&'static str])| {
        let above = *above;
        below.iter().map(move |way| above.split('.').filter(|key| !key.is_empty()).chain(way.split('.')))
    };
    table.iter().flat_map(of)
}

/// Whether an entry goes along this way, and then whether it ends there (or takes all that is below).
fn along(mut entry: impl Iterator<Item = &'static str>, way: &[String]) -> Option<bool> {
    for key in way {
        match entry.next() {
            Some("**") => return Some(true),
            Some("*") => {}
            Some(part) if part == key => {}
            _ => return None,
        }
    }
    Some(entry.next().is_none())
}

/// Whether a table lists a value below this way, or the way itself.
fn leads_on(table: Table, way: &[String]) -> bool {
    entries(table).any(|entry| along(entry, way).is_some())
}

/// Whether a table lists exactly this way.
fn listed(table: Table, way: &[String]) -> bool {
    entries(table).any(|entry| along(entry, way) == Some(true))
}
