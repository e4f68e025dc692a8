//! The listing of a history as JSON: `kube-assay.history/v1`.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{Digest, Entry};

/// The schema's name in every listing.
pub const SCHEMA: &str = "kube-assay.history/v1";

/// Entries of a history, and what proves them.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Listing {
    /// `kube-assay.history/v1`.
    pub schema: String,
    /// Hash of the last entry of the whole history; none if it is empty.
    pub head: Option<Digest>,
    /// The entries, oldest first.
    pub entries: Vec<Entry>,
}

impl Listing {
    /// A listing of entries.
    pub fn new(head: Option<Digest>, entries: Vec<Entry>) -> Self {
        Self { schema: SCHEMA.to_owned(), head, entries }
    }
}

/// The JSON Schema of a [`Listing`], from the types.
pub fn schema() -> Value {
    schema_of::<Listing>(SCHEMA, "Listing of the history of kube-assay")
}

pub(crate) fn schema_of<T: JsonSchema>(id: &str, title: &str) -> Value {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = json!({ "$id": id, "title": title });
    if let (Value::Object(schema), Value::Object(derived)) =
        (&mut schema, generator.into_root_schema_for::<T>().to_value())
    {
        schema.extend(derived.into_iter().filter(|(key, _)| key != "title"));
    }
    schema
}
