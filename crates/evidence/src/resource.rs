//! Specs of Talos' resources, kept as JSON. What a table lists is kept, and nothing else: everything else may be a key, a
//! token or a person's own.

mod machine;
mod parts;
mod table;
mod types;

use serde_json::{Map, Value};
pub(crate) use types::PROGRAMS;

use crate::{Cut, Spec, Text, cut};

/// A spec of a type as it may be kept: cut, and written as JSON. A spec that is no mapping stands as `value` in one; of a
/// machine configuration the spec is the list of its documents.
pub fn take_spec(how: Cut, of: &str, spec: Value) -> Spec {
    let spec = match spec {
        Value::Object(_) | Value::Array(_) => spec,
        other => Value::Object(Map::from_iter([("value".to_owned(), other)])),
    };
    let (spec, mut notes) = match how {
        Cut::Machine => machine::cut(spec),
        _ => types::cut(of, spec),
    };
    match cut(how, spec.to_string().into_bytes()) {
        Ok((bytes, more)) => {
            notes.extend(more);
            Spec::Text(Text::new(bytes, notes))
        }
        Err(why) => Spec::Withheld { why },
    }
}
