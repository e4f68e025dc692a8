//! As much of SARIF 2.1.0 as a report needs. Section numbers are those of the standard.

use serde::Serialize;
use serde_json::{Map, Value};

/// §3.13
#[derive(Debug, Serialize)]
pub(super) struct Log {
    #[serde(rename = "$schema")]
    pub schema: &'static str,
    pub version: &'static str,
    pub runs: [Run; 1],
}

/// §3.14
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run {
    pub tool: Tool,
    pub automation_details: Automation,
    pub invocations: [Invocation; 1],
    pub results: Vec<Outcome>,
    pub properties: Map<String, Value>,
}

/// §3.18
#[derive(Debug, Serialize)]
pub(super) struct Tool {
    pub driver: Driver,
}

/// §3.19
#[derive(Debug, Serialize)]
pub(super) struct Driver {
    pub name: String,
    pub version: String,
    pub rules: Vec<Rule>,
}

/// §3.17: what tells runs of one kind from runs of another.
#[derive(Debug, Serialize)]
pub(super) struct Automation {
    pub id: String,
}

/// §3.20
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Invocation {
    pub execution_successful: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_execution_notifications: Vec<Notification>,
}

/// §3.58
#[derive(Debug, Serialize)]
pub(super) struct Notification {
    pub level: &'static str,
    pub message: Message,
}

/// §3.49: a control.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule {
    pub id: String,
    pub short_description: Message,
    pub full_description: Message,
    pub help: Help,
    pub default_configuration: Configuration,
    pub properties: Map<String, Value>,
}

/// §3.12 with Markdown, which GitHub shows instead of the text.
#[derive(Debug, Serialize)]
pub(super) struct Help {
    pub text: String,
    pub markdown: String,
}

/// §3.50
#[derive(Debug, Serialize)]
pub(super) struct Configuration {
    pub level: &'static str,
}

/// §3.11 and §3.12
#[derive(Debug, Serialize)]
pub(super) struct Message {
    pub text: String,
}

/// §3.27: a finding.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Outcome {
    pub rule_id: String,
    pub rule_index: usize,
    pub kind: &'static str,
    pub level: &'static str,
    pub message: Message,
    pub locations: Vec<Location>,
    pub partial_fingerprints: Fingerprints,
    /// §3.27.24. Of all results of a run, or of none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline_state: Option<&'static str>,
    /// Of all results of a run, or of none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suppressions: Option<Vec<Suppression>>,
    pub properties: Map<String, Value>,
}

/// §3.27.17: what a finding is recognised by in the next run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Fingerprints {
    /// The only one that GitHub reads.
    pub primary_location_line_hash: String,
    #[serde(rename = "demand/v1")]
    pub demand: String,
}

/// §3.35
#[derive(Debug, Serialize)]
pub(super) struct Suppression {
    pub kind: &'static str,
    pub status: &'static str,
    pub justification: String,
}

/// §3.28
#[derive(Debug, Serialize)]
pub(super) struct Location {
    #[serde(rename = "physicalLocation")]
    pub physical: PhysicalLocation,
    #[serde(rename = "logicalLocations")]
    pub logical: [LogicalLocation; 1],
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub properties: Map<String, Value>,
}

/// §3.29
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PhysicalLocation {
    pub artifact_location: ArtifactLocation,
}

/// §3.4
#[derive(Debug, Serialize)]
pub(super) struct ArtifactLocation {
    pub uri: String,
}

/// §3.33: a subject.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogicalLocation {
    pub name: String,
    pub fully_qualified_name: String,
    pub kind: String,
}
