//! The command that looks again, after a change.

use std::borrow::Cow;

use report::{Report, shell_word};

use crate::derive::is_plain;

/// At most so many machines are named.
const MOST: usize = 12;

/// What a person named when they asked, and has to name again: it stands in no report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// What was imported (`--import`).
    pub import: Vec<String>,
    /// The register (`--register`).
    pub register: Option<String>,
}

/// The command that judges some controls again, or all (none is named), of what was looked at. What neither a report nor a
/// person told stands there in capitals, so that nobody scans the machine that they happen to sit at. Names of a report that
/// a shell could take for more are left out; a person's own are quoted.
pub(crate) fn scan(report: &Report, given: &Given, controls: &[String]) -> String {
    let mut words = vec!["kube-assay scan".to_owned()];
    words.extend(source(report, given));
    let profiles = report.profiles.iter().filter(|profile| is_plain(&profile.name));
    words.extend(profiles.map(|profile| format!("--profile {}", profile.name)));
    let controls: Vec<&str> =
        controls.iter().map(String::as_str).filter(|name| is_plain(name) && !name.contains('*')).collect();
    if !controls.is_empty() {
        words.push(format!("--control {}", controls.join(",")));
    }
    if report.register.is_some() {
        words.push(format!("--register {}", given.register.as_deref().map_or("REGISTER".into(), shell_word)));
    }
    words.join(" ")
}

/// Where to look: at what the report was made of, as it is after the change. None: at the node that the command runs on.
fn source(report: &Report, given: &Given) -> Option<String> {
    let captures = &report.run.captures;
    let is = |source: &str| captures.iter().any(|capture| capture.source == source);
    if is("recording") || is("saved") {
        let paths: Vec<Cow<'_, str>> = given.import.iter().map(|path| shell_word(path)).collect();
        return Some(format!("--import {}", if paths.is_empty() { "DIR".to_owned() } else { paths.join(" ") }));
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
