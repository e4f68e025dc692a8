//! Resources of Talos' API, live or saved: the same YAML, read by one parser.

use evidence::{Cut, Resource, Seen, Spec};
use serde_json::Value;
use serde_saphyr::{Budget, Options};

/// A resource before its spec is cut.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Raw {
    /// Its id.
    pub id: String,
    /// The controller that made it.
    pub owner: String,
    /// What it says; or why that cannot be read.
    pub spec: Result<Value, String>,
}

impl Raw {
    /// A resource whose spec is the text that the API gave.
    pub(super) fn read(id: String, owner: String, yaml: &str) -> Self {
        Self { id, owner, spec: documents(yaml).map(single) }
    }

    /// A field at the top of its spec, as text.
    pub(super) fn field(&self, name: &str) -> Option<String> {
        match self.spec.as_ref().ok()?.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            other => Some(other.to_string()),
        }
    }

    /// The value that a kernel setting was given, if it is the status of one; none: it does not tell.
    pub(super) fn setting(&self) -> Option<Seen> {
        if self.field("unsupported").as_deref() == Some("true") {
            return Some(Seen::Absent { proof: "Talos says that this kernel does not know it".to_owned() });
        }
        Some(evidence::take_value(self.field("current")?.as_bytes()))
    }

    /// The resource of a type as evidence.
    pub(super) fn taken(&self, of: &str, how: Cut) -> Resource {
        let spec = match (&self.spec, how) {
            (Err(why), _) => Spec::Withheld { why: why.clone() },
            // A machine's configuration stands in its resource as a text of several documents.
            (Ok(Value::String(text)), Cut::Machine) => match documents(text) {
                Ok(all) => evidence::take_spec(how, of, Value::Array(all)),
                Err(why) => Spec::Withheld { why },
            },
            (Ok(spec), _) => evidence::take_spec(how, of, spec.clone()),
        };
        Resource { id: self.id.clone(), owner: self.owner.clone(), spec }
    }
}

/// The documents of a stream. The error names no text of it.
pub(crate) fn documents(text: &str) -> Result<Vec<Value>, String> {
    let mut options = Options::default();
    let mut budget = Budget::default();
    (budget.max_nodes, budget.max_depth, budget.max_aliases) = (200_000, 64, 100);
    (options.budget, options.legacy_octal_numbers) = (Some(budget), true);
    serde_saphyr::from_multiple_with_options(text, options).map_err(|error| {
        let line = error.location().map_or_else(String::new, |at| format!(" (line {})", at.line()));
        format!("it is no YAML that is read here{line}")
    })
}

/// One document alone, or all of them as a list.
fn single(mut documents: Vec<Value>) -> Value {
    if documents.len() == 1 { documents.swap_remove(0) } else { Value::Array(documents) }
}
