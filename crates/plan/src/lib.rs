//! What to change, where it lasts, and in which order. Pure: a report and the content go in, a [`Plan`] comes out.
//!
//! A requirement is read backwards: what would make it hold ([`assess::lever`] says what moves a fact, and a control's `fix`
//! what does not follow from it). What cannot be derived stands in the plan as a person's work, with the control's own
//! remediation, and never as a made-up patch. Patches are files for people to apply; nothing is applied here.

mod across;
mod advice;
mod build;
mod derive;
mod edits;
mod kubeadm;
mod model;
mod rerun;
mod script;
mod talos;
mod tell;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests;
pub mod triage;
mod words;
mod yaml;

pub use model::{Change, Hand, Item, Owner, Patch, Plan, SCHEMA, Step, Target, Use};
pub use rerun::Given;
pub use tell::{markdown, terminal};
pub use yaml::HEADER;

/// The JSON Schema of a plan, from the types.
pub fn schema() -> serde_json::Value {
    let generator = schemars::generate::SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = serde_json::json!({ "$id": SCHEMA, "title": "Plan of kube-assay" });
    if let (serde_json::Value::Object(schema), serde_json::Value::Object(derived)) =
        (&mut schema, generator.into_root_schema_for::<Plan>().to_value())
    {
        schema.extend(derived.into_iter().filter(|(key, _)| key != "title"));
    }
    schema
}

/// A plan as indented JSON in which nothing steers a terminal.
pub fn json(plan: &Plan) -> String {
    report::written(plan)
}
