//! Configuration documents, read as the components read them (go-yaml's scalars), within bounds.

use serde_json::Value;
use serde_saphyr::{Budget, DuplicateKeyPolicy, Options};

use crate::value::{Seen, Unknown};

/// Reads one YAML or JSON document. An error is a sentence without the file's name.
pub(crate) fn parse(text: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(text).map_err(|error| format!("it is not UTF-8: {error}"))?;
    let mut budget = Budget::default();
    (budget.max_nodes, budget.max_depth, budget.max_aliases) = (50_000, 64, 100);
    let mut options = Options::default();
    (options.budget, options.legacy_octal_numbers) = (Some(budget), true);
    // Go's decoders, where they are not strict, let the last of two equal keys win; and what runs has read its file.
    options.duplicate_keys = DuplicateKeyPolicy::LastWins;
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let line = error.to_string();
        let line = line.lines().next().unwrap_or_default();
        line.to_owned()
    })
}

/// Reads the first document of a stream, which must be a mapping: that is what every component reads.
pub(crate) fn parse_first(text: &[u8]) -> Result<Value, String> {
    let whole = String::from_utf8_lossy(text);
    let whole = whole.strip_prefix('\u{feff}').unwrap_or(&whole);
    let mark =
        |line: &str| line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']));
    let mut first = String::new();
    let mut content = false;
    for line in whole.lines() {
        // Before the document: comments, blank lines, directives and its own mark.
        let ahead = line.trim().is_empty()
            || line.starts_with(['#', '%'])
            || (mark(line) && line[3..].trim_start().is_empty())
            || (mark(line) && line[3..].trim_start().starts_with('#'));
        if !content && ahead {
            continue;
        }
        if content && (mark(line) || line == "...") {
            break;
        }
        content = true;
        first.push_str(line);
        first.push('\n');
    }
    match parse(first.as_bytes())? {
        value @ Value::Object(_) => Ok(value),
        _ => Err("it is no mapping".to_owned()),
    }
}

/// The first document of a node's file. Unknown: it does not parse.
pub(crate) fn read(place: &str, text: &[u8]) -> Seen<Value> {
    parse_first(text).map_or_else(
        |error| {
            Seen::Unknown(Unknown::new(
                format!("{place} does not parse: {error}"),
                "mend the file: the component cannot read it either",
            ))
        },
        Seen::Known,
    )
}

/// The value at a dotted path of object keys.
pub(crate) fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    let found = path.split('.').try_fold(value, |value, key| value.get(key))?;
    (!found.is_null()).then_some(found)
}

/// The text at a dotted path; numbers and booleans as they would be written.
pub(crate) fn text_at(value: &Value, path: &str) -> Option<String> {
    match at(value, path)? {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => at(value, path).map(Value::to_string),
        _ => None,
    }
}

/// The members of a list at a dotted path; none if it is absent or no list.
pub(crate) fn list_at<'v>(value: &'v Value, path: &str) -> &'v [Value] {
    at(value, path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The texts of a list at a dotted path.
pub(crate) fn texts_at(value: &Value, path: &str) -> Vec<String> {
    list_at(value, path).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Lays one document over another: objects merge by key, everything else is replaced, null removes
/// (JSON merge, as the kubelet does with its drop-ins).
pub(crate) fn merge(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                if value.is_null() {
                    base.remove(key);
                } else {
                    merge(base.entry(key.clone()).or_insert(Value::Null), value);
                }
            }
        }
        (base, over) => *base = over.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_document_is_found_whatever_stands_before_it() {
        for text in [
            "a: 1\n",
            "---\na: 1\n",
            "# text\n---\na: 1\n---\na: 2\n",
            "\n---\na: 1\n",
            "--- # text\r\na: 1\r\n...\nb: 2\n",
            "%YAML 1.1\n---\na: 1\n",
            "\u{feff}a: 1\n",
            "a: 0\na: 1\n",
            "{\"a\": 1}",
        ] {
            assert_eq!(parse_first(text.as_bytes()), Ok(serde_json::json!({ "a": 1 })), "{text:?}");
        }
        for text in ["", "# only text\n", "- a\n", "a: [", "42"] {
            assert!(parse_first(text.as_bytes()).is_err(), "{text:?}");
        }
    }
}
