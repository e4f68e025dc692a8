//! The record: JSON, the same as YAML, and its schema; and a report narrowed to some verdicts.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use assess::Verdict;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::{Value, json};

use crate::demand::Demands;
use crate::model::{Finding, Report, SCHEMA};
use crate::words;

/// The record: indented JSON. Characters that could steer a terminal are escaped, so that it can be looked at as well.
pub fn json(report: &Report) -> String {
    written(report)
}

/// Indented JSON in which nothing steers a terminal. The value has string keys only.
#[expect(clippy::missing_panics_doc, reason = "what is told has string keys only")]
pub fn written(value: &impl Serialize) -> String {
    let plain = serde_json::to_string_pretty(value).expect("it has string keys only");
    let mut text = String::with_capacity(plain.len() + 1);
    for letter in plain.chars() {
        // Outside strings the only such character is the line break.
        if letter == '\n' || !words::steers(letter) {
            text.push(letter);
        } else {
            let mut units = [0; 2];
            for unit in letter.encode_utf16(&mut units) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
    text.push('\n');
    text
}

/// The record as YAML: reads back to the same value as [`json`].
#[expect(clippy::missing_panics_doc, reason = "every key of a report is a string, so it always serializes")]
pub fn yaml(report: &Report) -> String {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    serde_saphyr::to_string_with_options(report, options).expect("a report has string keys only")
}

/// The JSON Schema of [`json`], from the types.
pub fn schema() -> Value {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = json!({ "$id": SCHEMA, "title": "Report of kube-assay" });
    if let (Value::Object(schema), Value::Object(derived)) =
        (&mut schema, generator.into_root_schema_for::<Report>().to_value())
    {
        schema.extend(derived.into_iter().filter(|(key, _)| key != "title"));
    }
    schema
}

/// The report narrowed to findings with some verdicts. Its counts stay those of all that was judged, and it says so.
pub fn filter(report: &Report, only: &BTreeSet<Verdict>) -> Report {
    narrowed(report, only, |finding| only.contains(&finding.verdict))
}

/// The report narrowed to demands that are rolled up to some verdicts, each with all its findings, for formats that have
/// one word for a demand. Its counts stay those of all that was judged, and it says so.
pub fn filter_demands(report: &Report, only: &BTreeSet<Verdict>) -> Report {
    let demands = Demands::new(report);
    narrowed(report, only, |finding| only.contains(&demands.whole(finding)))
}

fn narrowed(report: &Report, only: &BTreeSet<Verdict>, told: impl Fn(&Finding) -> bool) -> Report {
    let verdicts = only.iter().map(|verdict| words::verdict(*verdict)).collect::<Vec<_>>().join(", ");
    let selection = format!("only {verdicts} told; the counts are of all that was judged");
    let selection = report.run.selection.iter().cloned().chain([selection]).collect::<Vec<_>>().join("; ");
    let mut narrowed = report.clone();
    narrowed.run.selection = Some(selection);
    narrowed.findings.retain(told);
    narrowed
}
