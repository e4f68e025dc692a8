//! Where a finding is. Only configuration before rollout lies in a file that its reader has; anything else gets a path
//! that says the node and, for a file, where it lies there.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, json};

use super::model::{ArtifactLocation, Location, LogicalLocation, PhysicalLocation};
use super::text;
use crate::model::{CaptureInfo, Finding, Report, Subject};

/// GitHub refuses a file in which a result has more.
pub(super) const MOST: usize = 1000;

/// A location for each subject; one for the run where there is none, since GitHub takes no result without.
pub(super) fn of(finding: &Finding, report: &Report) -> Vec<Location> {
    of_subjects(&finding.subjects, &finding.component, report)
}

/// The same of subjects that no finding has.
pub(super) fn of_subjects(subjects: &[Subject], component: &str, report: &Report) -> Vec<Location> {
    let captures: BTreeMap<&str, &CaptureInfo> =
        report.run.captures.iter().map(|capture| (capture.name.as_str(), capture)).collect();
    let located: Vec<Location> = subjects.iter().take(MOST).map(|subject| location(subject, &captures)).collect();
    if !located.is_empty() {
        return located;
    }
    let nothing = Subject { kind: "component".to_owned(), name: component.to_owned(), captures: Vec::new() };
    vec![location(&nothing, &captures)]
}

fn location(subject: &Subject, captures: &BTreeMap<&str, &CaptureInfo>) -> Location {
    let node = subject.captures.first().map_or("", String::as_str);
    let path = if subject.kind == "file" { subject.name.as_str() } else { "" };
    let uri = match captures.get(node).filter(|capture| capture.source == "rendered") {
        Some(capture) => encoded(&capture.root),
        None => format!("node/{}{}", segment(node), encoded(path)),
    };
    let name = text(&subject.name);
    let nodes: Vec<String> = subject.captures.iter().map(|node| text(node)).collect();
    let full = if let [node] = nodes.as_slice() { format!("{node}: {name}") } else { name.clone() };
    let mut properties = Map::new();
    if nodes.len() > 1 {
        properties.insert("nodes".to_owned(), json!(nodes));
    }
    Location {
        physical: PhysicalLocation { artifact_location: ArtifactLocation { uri } },
        logical: [LogicalLocation { name, fully_qualified_name: full, kind: text(&subject.kind) }],
        properties,
    }
}

/// One part of a path.
fn segment(name: &str) -> String {
    encoded(name).replace('/', "%2F")
}

/// A path as a URI reference (RFC 3986): relative as it stands, with everything but plain letters encoded.
fn encoded(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.strip_prefix("./").unwrap_or(path).bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}
