//! The command that looks again, after a change.

use report::Report;

use crate::derive::is_plain;

/// At most so many machines are named.
const MOST: usize = 12;

/// The command that judges some controls again, or all (none is named), of what was looked at. What a report does not tell stands there in
/// capitals, so that nobody scans the machine that they happen to sit at. Names that a shell could take for more are left
/// out.
pub(crate) fn scan(report: &Report, controls: &[String]) -> String {
    let mut words = vec!["kube-assay scan".to_owned()];
    words.extend(source(report));
    let profiles = report.profiles.iter().filter(|profile| is_plain(&profile.name));
    words.extend(profiles.map(|profile| format!("--profile {}", profile.name)));
    let controls: Vec<&str> =
        controls.iter().map(String::as_str).filter(|name| is_plain(name) && !name.contains('*')).collect();
    if !controls.is_empty() {
        words.push(format!("--control {}", controls.join(",")));
    }
    if report.register.is_some() {
        words.push("--register REGISTER".to_owned());
    }
    words.join(" ")
}

/// Where to look: at what the report was made of, as it is after the change. None: at the node that the command runs on.
fn source(report: &Report) -> Option<String> {
    let captures = &report.run.captures;
    let is = |source: &str| captures.iter().any(|capture| capture.source == source);
    if is("recording") || is("saved") {
        return Some("--import DIR".to_owned());
    }
    if is("cluster") || is("cluster-node") {
        // A node in it was looked at from within.
        let within = if is("node") { " --probe-image IMAGE" } else { "" };
        return Some(format!("--context CONTEXT{within}"));
    }
    if is("talos") || is("rendered") {
        let names: Vec<&str> = captures.iter().map(|capture| capture.name.as_str()).collect();
        let plain = names.len() <= MOST && names.iter().all(|name| is_plain(name) && !name.contains('*'));
        let nodes = if plain && is("talos") { names.join(",") } else { "MACHINES".to_owned() };
        return Some(format!("--talosconfig --talos-nodes {nodes}"));
    }
    is("tree").then(|| "--node-root ROOT".to_owned())
}
