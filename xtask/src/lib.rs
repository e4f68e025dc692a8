//! What the chores and the tests of the house share.

use serde_json::Value;

/// The JSON Schemas of what is written and read, from their types: what `schemas/NAME.v1.schema.json` holds.
pub fn schemas() -> [(&'static str, Value); 6] {
    [
        ("report", report::schema()),
        ("drift", report::drift::schema()),
        ("history", history::schema()),
        ("trend", history::trend_schema()),
        ("plan", plan::schema()),
        ("register", register::schema()),
    ]
}
