//! Specs of Talos' resources, kept as JSON without their secrets.

mod machine;

use serde_json::{Map, Value};

use crate::{Cut, Spec, Text, cut};

/// A spec as it may be kept: cut, and written as JSON. A spec that is no mapping stands as `value` in one; of a machine
/// configuration the spec is the list of its documents.
pub fn take_spec(how: Cut, spec: Value) -> Spec {
    let (spec, mut notes) = match how {
        Cut::Machine => machine::cut(spec),
        _ => (spec, Vec::new()),
    };
    let spec = match spec {
        Value::Object(_) | Value::Array(_) => spec,
        other => Value::Object(Map::from_iter([("value".to_owned(), other)])),
    };
    match cut(how, spec.to_string().into_bytes()) {
        Ok((bytes, more)) => {
            notes.extend(more);
            Spec::Text(Text::new(bytes, notes))
        }
        Err(why) => Spec::Withheld { why },
    }
}
