//! The head: what was judged, as what, and what must not be overlooked.

use std::collections::BTreeMap;

use assess::Choice;

use super::Telling;
use crate::model::CaptureInfo;
use crate::words::{self, number};

impl Telling<'_> {
    pub(super) fn head(&mut self) {
        let report = self.report;
        self.page.strong(&format!("{} {}", report.tool.name, report.tool.version));
        self.page.blank();
        match report.run.captures.as_slice() {
            [capture] => self.capture(capture),
            captures => self.captures(captures),
        }
        self.choices();
        self.runs();
        if let Some(selection) = &report.run.selection {
            self.page.labelled("selection", selection);
        }
        if let Some(recorded) = &report.run.recorded {
            self.page.labelled("recorded", &format!("run {}, head {}", recorded.run, recorded.head));
        }
        self.cuts();
        self.remarks();
        self.warnings();
    }

    fn capture(&mut self, capture: &CaptureInfo) {
        self.page.labelled("node", &described(capture));
        self.page.labelled("source", &source(capture));
        self.page.labelled("sees", &sight(capture));
        if self.verbose {
            for (name, value) in &capture.identity {
                self.page.labelled("", &format!("{name} {value}"));
            }
            self.page.labelled("", &format!("trails {}", capture.catalogue));
        }
    }

    /// Several nodes take a line each, as long as they are few.
    fn captures(&mut self, captures: &[CaptureInfo]) {
        let (clusters, nodes): (Vec<&CaptureInfo>, Vec<&CaptureInfo>) =
            captures.iter().partition(|capture| capture.source == "cluster");
        for cluster in clusters {
            let server = cluster.identity.get("server").map(|server| format!(" at {server}")).unwrap_or_default();
            let name = cluster.name.strip_prefix("cluster ").unwrap_or(&cluster.name);
            self.page.labelled("cluster", &format!("{name}{server}; {}; {}", source(cluster), sight(cluster)));
        }
        let names: Vec<&str> = nodes.iter().map(|capture| capture.name.as_str()).collect();
        self.page
            .labelled("nodes", &format!("{}{}: {}", nodes.len(), roles(&nodes), words::some(&names, self.verbose)));
        if nodes.len() <= 4 || self.verbose {
            for capture in nodes {
                self.page.labelled("", &format!("{}; {}; {}", described(capture), source(capture), sight(capture)));
            }
        }
    }

    fn choices(&mut self) {
        let report = self.report;
        let said = |choice: &Choice| format!("{} ({})", choice.name, choice.reason);
        self.page.labelled("platform", &said(&report.platform));
        self.page.labelled(
            "version",
            &report
                .kubernetes
                .as_ref()
                .map_or("Kubernetes version not seen".to_owned(), |choice| format!("Kubernetes {}", said(choice))),
        );
        for profile in &report.profiles {
            self.page.labelled("profile", &format!("{} ({})", profile.name, profile.reason));
            for change in &profile.tailoring {
                self.page.labelled("", &format!("tailored: {change}"));
            }
            if self.verbose {
                self.page.labelled("", &format!("{}, digest {}", profile.title, profile.digest));
                for note in &profile.notes {
                    self.page.labelled("", note);
                }
            }
        }
    }

    /// What runs there; nodes that run the same are told together.
    fn runs(&mut self) {
        let mut alike: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for capture in &self.report.run.captures {
            alike.entry(components(capture)).or_default().push(&capture.name);
        }
        let mut label = "runs";
        for (what, nodes) in alike.into_iter().filter(|(what, _)| !what.is_empty()) {
            let on =
                if self.several_nodes { format!(" on {}", words::some(&nodes, self.verbose)) } else { String::new() };
            self.page.labelled(label, &format!("{what}{on}"));
            label = "";
        }
    }

    fn cuts(&mut self) {
        let cuts: Vec<&String> = self.report.run.captures.iter().flat_map(|capture| &capture.cuts).collect();
        if !cuts.is_empty() {
            self.page.labelled("cuts", &format!("{} cut out while reading", number(cuts.len(), "secret", "secrets")));
        }
        if self.verbose {
            for cut in cuts {
                self.page.labelled("", cut);
            }
        }
    }

    /// What limits the source; what nodes share is told once.
    fn remarks(&mut self) {
        let mut alike: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for capture in &self.report.run.captures {
            for remark in &capture.remarks {
                alike.entry(remark).or_default().push(&capture.name);
            }
        }
        let mut label = "remarks";
        for (remark, nodes) in alike {
            let on =
                if self.several_nodes { format!(" ({})", words::some(&nodes, self.verbose)) } else { String::new() };
            self.page.labelled(label, &format!("- {remark}{on}"));
            label = "";
        }
    }

    fn warnings(&mut self) {
        let report = self.report;
        let mut said: Vec<String> = report.warnings.clone();
        for choice in std::iter::once(&report.platform).chain(&report.kubernetes) {
            said.extend(choice.warning.clone());
        }
        for (at, warning) in said.iter().enumerate() {
            if !said[..at].contains(warning) {
                self.page.blank();
                self.page.warning(warning);
            }
        }
    }
}

/// ` (3 control-plane, 40 worker)`, where the API told.
fn roles(nodes: &[&CaptureInfo]) -> String {
    let mut roles: BTreeMap<&str, usize> = BTreeMap::new();
    for role in nodes.iter().filter_map(|capture| capture.identity.get("role")) {
        *roles.entry(role).or_default() += 1;
    }
    let said: Vec<String> = roles.into_iter().map(|(role, count)| format!("{count} {role}")).collect();
    if said.is_empty() { String::new() } else { format!(" ({})", said.join(", ")) }
}

/// The node, with its operating system and kernel if they are known.
fn described(capture: &CaptureInfo) -> String {
    let known = |key: &str, before: &str| {
        capture.identity.get(key).map(|value| format!(", {before}{value}")).unwrap_or_default()
    };
    format!("{}{}{}", capture.name, known("os", ""), known("kernel", "kernel "))
}

fn source(capture: &CaptureInfo) -> String {
    if capture.source == "saved" {
        return "saved by a person, at a time that is not told".to_owned();
    }
    let taken = capture.taken.as_ref().map_or("at a time it does not say".to_owned(), |time| words::time(time));
    if ["cluster", "cluster-node"].contains(&capture.source.as_str()) {
        return format!("taken {taken}");
    }
    format!("{}, root {}, taken {taken}", capture.source, capture.root)
}

fn sight(capture: &CaptureInfo) -> String {
    match capture.source.as_str() {
        "saved" => return "what was saved, and nothing else".to_owned(),
        "cluster-node" => return "what the Kubernetes API tells of it".to_owned(),
        _ => {}
    }
    let list = |words: &[String]| if words.is_empty() { "nothing".to_owned() } else { words.join(", ") };
    let rights = if capture.rights.is_empty() { String::new() } else { format!(" (as {})", list(&capture.rights)) };
    format!("{}{rights}", list(&capture.sees))
}

/// `etcd, kubelet running; kube-proxy declared`.
fn components(capture: &CaptureInfo) -> String {
    if ["saved", "cluster"].contains(&capture.source.as_str()) {
        return String::new();
    }
    let mut by_state: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, state) in &capture.components {
        by_state.entry(state).or_default().push(name);
    }
    let states = by_state.iter().rev().map(|(state, names)| match *state {
        "running" | "declared" => format!("{} {state}", names.join(", ")),
        unsure => format!("{}: {unsure}", names.join(", ")),
    });
    let said: Vec<String> = states.collect();
    if said.is_empty() { "no Kubernetes component".to_owned() } else { said.join("; ") }
}
