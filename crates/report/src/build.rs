//! From what was judged to the report.

use std::collections::{BTreeMap, BTreeSet};

use assess::{Choice, Judged, Presence, Verdict};
use benchmark::{Content, Profile};
use evidence::{Capture, Place, Run, Seen};

use crate::apart;
use crate::fold::{fold, roll_up};
use crate::model::{CaptureInfo, Coverage, Finding, ProfileInfo, Report, RunInfo, SCHEMA, Tool};

/// What a report is made of.
#[derive(Debug)]
pub struct Material<'m> {
    /// The run that was judged.
    pub run: &'m Run,
    /// The content that it was judged by.
    pub content: &'m Content,
    /// What was judged.
    pub judged: &'m [Judged<'m>],
    /// What runs where.
    pub presence: &'m [Presence],
    /// The profiles, each with the reason for it.
    pub profiles: Vec<(&'m Profile, Choice)>,
    /// The platform, with the reason.
    pub platform: Choice,
    /// The Kubernetes version, with the reason.
    pub kubernetes: Option<Choice>,
    /// The selection that narrowed the profiles, in words.
    pub selection: Option<String>,
    /// The tool's version.
    pub version: &'m str,
}

/// Makes the report. The same material gives the same report.
pub fn build(material: &Material<'_>) -> Report {
    let mut findings = fold(material.judged, &material.platform.name);
    let same = |left: &Finding, right: &Finding| left.control == right.control && left.parameters == right.parameters;
    for demand in findings.chunk_by_mut(same) {
        apart::explain(demand, &material.run.captures);
    }
    let mut warnings: Vec<String> = material.profiles.iter().filter_map(|(_, choice)| choice.warning.clone()).collect();
    if let Some(nothing) = nothing_runs(material) {
        // What would be judged, and how, is then of no interest.
        warnings = vec![nothing];
    }
    let live = material.run.captures.iter().filter(|capture| capture.source == evidence::Source::Node);
    warnings.extend(live.flat_map(|capture| capture.remarks.iter().cloned()));
    Report {
        schema: SCHEMA.to_owned(),
        tool: Tool { name: "kube-assay".to_owned(), version: material.version.to_owned() },
        run: RunInfo {
            captures: material.run.captures.iter().map(|capture| capture_info(capture, material.presence)).collect(),
            selection: material.selection.clone(),
        },
        platform: material.platform.clone(),
        kubernetes: material.kubernetes.clone(),
        profiles: material
            .profiles
            .iter()
            .map(|(profile, choice)| profile_info(profile, choice, material.content))
            .collect(),
        warnings,
        coverage: coverage(&findings),
        counts: counts(&findings),
        findings,
    }
}

/// A node without any component is said so plainly: everything that is not applicable there has that one reason. A
/// kernel is there all the same.
fn nothing_runs(material: &Material<'_>) -> Option<String> {
    // What was saved of a host may tell of its kernel alone.
    let told = material.run.captures.iter().all(|capture| capture.reach.files);
    let nobody = !material.presence.is_empty() && material.presence.iter().all(|node| node.components.is_empty());
    let kernel = |demand: &Judged<'_>| assess::is_of_host(&demand.control.component);
    if !told || !nobody || material.judged.iter().all(kernel) {
        return None;
    }
    let names: Vec<&str> = material.presence.iter().map(|node| node.capture.as_str()).collect();
    let what = if material.judged.iter().any(kernel) { "nothing but the kernel" } else { "nothing" };
    Some(format!("no Kubernetes component was found on {}: there is {what} here to judge", names.join(", ")))
}

fn profile_info(profile: &Profile, choice: &Choice, content: &Content) -> ProfileInfo {
    ProfileInfo {
        name: profile.name.clone(),
        title: profile.title.clone(),
        reason: choice.reason.clone(),
        digest: content.digest_of(profile),
        tailoring: profile.tailored.as_ref().map(|tailoring| tailoring.changes.clone()).unwrap_or_default(),
        not_covered: profile.not_covered.clone(),
        notes: profile.notes.clone(),
    }
}

fn capture_info(capture: &Capture, presence: &[Presence]) -> CaptureInfo {
    let reach = [
        (capture.reach.processes, "processes"),
        (capture.reach.sockets, "listening sockets"),
        (capture.reach.files, "files"),
        (capture.reach.api, "the Kubernetes API"),
        (capture.reach.kernel, "the running kernel"),
    ];
    let components = presence.iter().find(|node| node.capture == capture.name).map(|node| node.components.clone());
    CaptureInfo {
        name: capture.name.clone(),
        source: match capture.source {
            evidence::Source::Node => "node",
            evidence::Source::Tree => "tree",
            evidence::Source::Recording => "recording",
            evidence::Source::Saved => "saved",
            evidence::Source::Talos => "talos",
            evidence::Source::Rendered => "rendered",
            evidence::Source::Cluster => "cluster",
            evidence::Source::ClusterNode => "cluster-node",
        }
        .to_owned(),
        taken: capture.taken.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()).map(|time| time.to_string()),
        root: capture.root.clone(),
        identity: capture.identity.clone(),
        rights: capture.rights.clone(),
        sees: reach.into_iter().filter(|(sees, _)| *sees).map(|(_, word)| word.to_owned()).collect(),
        components: components.unwrap_or_default(),
        remarks: capture.remarks.clone(),
        cuts: cuts(capture),
        catalogue: capture.catalogue.clone(),
    }
}

/// Every secret that was cut out, by place.
fn cuts(capture: &Capture) -> Vec<String> {
    let mut said = BTreeSet::new();
    for item in &capture.items {
        let notes: Vec<(String, &str)> = match (&item.seen, &item.place) {
            (Seen::Text(text), Place::Path(path)) => {
                text.cuts.iter().map(|cut| (path.to_lossy(), cut.what.as_str())).collect()
            }
            (Seen::Processes(table), _) => table
                .matched
                .iter()
                .flat_map(|process| {
                    process.cuts.iter().map(move |cut| (format!("pid {}", process.pid), cut.what.as_str()))
                })
                .collect(),
            _ => Vec::new(),
        };
        for (place, what) in notes {
            said.insert(format!("{place}: {what}"));
        }
    }
    said.into_iter().collect()
}

/// Findings by demand, in order: a demand's findings stand together.
fn demands(findings: &[Finding]) -> impl Iterator<Item = &[Finding]> {
    findings.chunk_by(|left, right| left.control == right.control && left.parameters == right.parameters)
}

fn counts(findings: &[Finding]) -> BTreeMap<Verdict, usize> {
    let mut counts = BTreeMap::new();
    for verdict in demands(findings).filter_map(|group| roll_up(group.iter())) {
        *counts.entry(verdict).or_default() += 1;
    }
    counts
}

fn coverage(findings: &[Finding]) -> Coverage {
    let mut coverage = Coverage { within_reach: 0, decided: 0, outside: 0 };
    for group in demands(findings) {
        // Undecided for nothing but what lies outside: where another subject fails, that decides.
        let undecided = roll_up(group.iter()) == Some(Verdict::Unknown);
        let within = |finding: &Finding| finding.verdict == Verdict::Unknown && !finding.outside;
        if undecided && !group.iter().any(within) {
            coverage.outside += 1;
        } else {
            coverage.within_reach += 1;
            coverage.decided += usize::from(roll_up(group.iter()) != Some(Verdict::Unknown));
        }
    }
    coverage
}

impl Report {
    /// Findings by demand, in order.
    pub fn demands(&self) -> impl Iterator<Item = &[Finding]> {
        demands(&self.findings)
    }
}

/// A report of nothing, for tests that put findings into it.
#[cfg(test)]
pub(crate) fn empty() -> Report {
    let choice = Choice { name: "kubeadm".to_owned(), reason: String::new(), warning: None };
    Report {
        schema: SCHEMA.to_owned(),
        tool: Tool { name: "kube-assay".to_owned(), version: "test".to_owned() },
        run: RunInfo { captures: Vec::new(), selection: None },
        platform: choice,
        kubernetes: None,
        profiles: Vec::new(),
        warnings: Vec::new(),
        coverage: Coverage { within_reach: 0, decided: 0, outside: 0 },
        counts: BTreeMap::new(),
        findings: Vec::new(),
    }
}
