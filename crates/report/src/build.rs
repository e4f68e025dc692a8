//! From what was judged to the report.

use std::collections::{BTreeMap, BTreeSet};

use assess::{Choice, Judged, Presence, Verdict};
use benchmark::{Content, Profile};
use evidence::{Capture, Place, Seen};
use jiff::civil::Date;
use register::{Context, Decider, Register, State, Under};

use crate::apart;
use crate::demand::{lies_outside, tally};
use crate::fold::{fold, roll_up};
use crate::model::{CaptureInfo, Coverage, Finding, ProfileInfo, RegisterInfo, Report, RunInfo, SCHEMA, Tool};

/// What a report is made of.
#[derive(Debug)]
pub struct Material<'m> {
    /// The captures that were judged.
    pub captures: Vec<CaptureInfo>,
    /// The content that it was judged by.
    pub content: &'m Content,
    /// What was judged.
    pub judged: &'m [Judged<'m>],
    /// The profiles, each with the reason for it.
    pub profiles: Vec<(&'m Profile, Choice)>,
    /// The platform, with the reason.
    pub platform: Choice,
    /// The Kubernetes version, with the reason.
    pub kubernetes: Option<Choice>,
    /// The selection that narrowed the profiles, in words.
    pub selection: Option<String>,
    /// Who answers for it, and what was decided.
    pub register: Option<Answerable<'m>>,
    /// The tool's version.
    pub version: &'m str,
}

/// A register, and the day on which it is asked.
#[derive(Clone, Copy, Debug)]
pub struct Answerable<'m> {
    /// The register.
    pub register: &'m Register,
    /// SHA-256 of its file.
    pub digest: &'m str,
    /// The day.
    pub as_of: Date,
    /// The cluster, by the name that its keepers give it; none: by what the run shows.
    pub cluster: Option<&'m str>,
}

/// Makes the report. The same material gives the same report.
pub fn build(material: Material<'_>) -> Report {
    let nobody = Register::default();
    let register = material.register.map_or(&nobody, |answerable| answerable.register);
    let decider = Decider::new(register, context(&material), material.judged);
    let mut findings = fold(material.judged, &material.platform.name, &decider);
    let same = |left: &Finding, right: &Finding| left.control == right.control && left.parameters == right.parameters;
    for demand in findings.chunk_by_mut(same) {
        apart::explain(demand, &material.captures);
    }
    let mut warnings: Vec<String> = material.profiles.iter().filter_map(|(_, choice)| choice.warning.clone()).collect();
    if let Some(nothing) = nothing_runs(&material) {
        // What would be judged, and how, is then of no interest.
        warnings = vec![nothing];
    }
    warnings.extend(decider.foreign());
    let live = material.captures.iter().filter(|capture| capture.source == word(evidence::Source::Node));
    warnings.extend(live.flat_map(|capture| capture.remarks.iter().cloned()));
    let info = |answerable| register_info(&answerable, &decider, material.judged, &findings);
    let register = material.register.map(info);
    Report {
        schema: SCHEMA.to_owned(),
        tool: Tool { name: "kube-assay".to_owned(), version: material.version.to_owned() },
        run: RunInfo { captures: material.captures, selection: material.selection, recorded: None },
        platform: material.platform,
        kubernetes: material.kubernetes,
        profiles: material
            .profiles
            .iter()
            .map(|(profile, choice)| profile_info(profile, choice, material.content))
            .collect(),
        warnings,
        coverage: coverage(&findings),
        counts: counts(&findings),
        decisions: decisions(&findings),
        register,
        findings,
    }
}

/// What outcomes are decided in.
fn context(material: &Material<'_>) -> Context {
    let captures = &material.captures;
    let told = |key: &str| captures.iter().find_map(|capture| capture.identity.get(key)).cloned();
    let given = material.register.and_then(|answerable| answerable.cluster).map(str::to_owned);
    let minor =
        material.kubernetes.as_ref().map(|version| version.name.split('.').take(2).collect::<Vec<_>>().join("."));
    let labels = captures.iter().filter_map(|capture| {
        let label = |(key, value): (&String, &String)| Some((key.strip_prefix("label ")?.to_owned(), value.clone()));
        let mut labels: BTreeMap<String, String> = capture.identity.iter().filter_map(label).collect();
        labels.extend(capture.identity.get("role").map(|role| ("role".to_owned(), role.clone())));
        (!labels.is_empty()).then(|| (capture.name.clone(), labels))
    });
    Context {
        as_of: material.register.map_or(Date::ZERO, |answerable| answerable.as_of),
        platform: material.platform.name.clone(),
        uids: captures.iter().filter_map(|capture| capture.identity.get("cluster-uid")).cloned().collect(),
        called: given.clone(),
        narrowed: material.selection.is_some(),
        clusters: captures
            .iter()
            .filter(|capture| capture.source == word(evidence::Source::Cluster))
            .map(|capture| capture.name.clone())
            .collect(),
        refused: material
            .register
            .map(|answerable| register::refused(answerable.register, material.content, answerable.as_of))
            .unwrap_or_default(),
        now: Under {
            kubernetes: minor,
            provider: told("kubernetes"),
            profile: None,
            cluster: told("cluster-uid").or(given),
        },
        profiles: material
            .profiles
            .iter()
            .map(|(profile, _)| (profile.name.clone(), material.content.digest_of(profile)))
            .collect(),
        labels: labels.collect(),
    }
}

pub(crate) fn decisions(findings: &[Finding]) -> BTreeMap<State, usize> {
    let mut decisions = BTreeMap::new();
    for state in findings.iter().map(|finding| finding.decision.state).filter(|state| *state != State::None) {
        *decisions.entry(state).or_default() += 1;
    }
    decisions
}

fn register_info(
    answerable: &Answerable<'_>,
    decider: &Decider<'_>,
    judged: &[Judged<'_>],
    findings: &[Finding],
) -> RegisterInfo {
    let by_owner = |state: State| {
        let mut owners = BTreeMap::new();
        for finding in findings.iter().filter(|finding| finding.decision.state == state) {
            *owners.entry(finding.decision.owner.clone().unwrap_or_default()).or_default() += 1;
        }
        owners
    };
    let unused = decider.unused(judged).into_iter();
    RegisterInfo {
        name: answerable.register.name.clone(),
        digest: answerable.digest.to_owned(),
        as_of: answerable.as_of.to_string(),
        foreign: decider.foreign(),
        accepted: by_owner(State::Accepted),
        overdue: by_owner(State::Overdue),
        unused: unused.map(|(at, what)| format!("{at}: {what}")).collect(),
    }
}

/// A node without any component is said so plainly: everything that is not applicable there has that one reason. A
/// kernel is there all the same.
fn nothing_runs(material: &Material<'_>) -> Option<String> {
    // What was saved of a host may tell of its kernel alone.
    let told = material.captures.iter().all(|capture| capture.sees.iter().any(|part| part == FILES));
    let nobody = !material.captures.is_empty() && material.captures.iter().all(|node| node.components.is_empty());
    let kernel = |demand: &Judged<'_>| assess::is_of_host(&demand.control.component);
    if !told || !nobody || material.judged.iter().all(kernel) {
        return None;
    }
    let names: Vec<&str> = material.captures.iter().map(|node| node.name.as_str()).collect();
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

/// How a reach to files is told.
const FILES: &str = "files";

fn word(source: evidence::Source) -> &'static str {
    match source {
        evidence::Source::Node => "node",
        evidence::Source::Tree => "tree",
        evidence::Source::Recording => "recording",
        evidence::Source::Saved => "saved",
        evidence::Source::Talos => "talos",
        evidence::Source::Rendered => "rendered",
        evidence::Source::Cluster => "cluster",
        evidence::Source::ClusterNode => "cluster-node",
    }
}

impl CaptureInfo {
    /// What a report tells of a capture, and of what runs there.
    pub fn of(capture: &Capture, presence: Presence) -> Self {
        let reach = [
            (capture.reach.processes, "processes"),
            (capture.reach.sockets, "listening sockets"),
            (capture.reach.files, FILES),
            (capture.reach.api, "the Kubernetes API"),
            (capture.reach.kernel, "the running kernel"),
        ];
        let taken = capture.taken.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
        Self {
            name: capture.name.clone(),
            source: word(capture.source).to_owned(),
            taken: taken.map(|time| time.to_string()),
            root: capture.root.clone(),
            identity: capture.identity.clone(),
            rights: capture.rights.clone(),
            sees: reach.into_iter().filter(|(sees, _)| *sees).map(|(_, word)| word.to_owned()).collect(),
            components: presence.components,
            remarks: capture.remarks.clone(),
            cuts: cuts(capture),
            catalogue: capture.catalogue.clone(),
        }
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

pub(crate) fn counts(findings: &[Finding]) -> BTreeMap<Verdict, usize> {
    tally(demands(findings))
}

pub(crate) fn coverage(findings: &[Finding]) -> Coverage {
    let mut coverage = Coverage { within_reach: 0, decided: 0, outside: 0 };
    for group in demands(findings) {
        // Undecided for nothing but what lies outside: where another subject fails, that decides.
        if lies_outside(group) {
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
        run: RunInfo { captures: Vec::new(), selection: None, recorded: None },
        platform: choice,
        kubernetes: None,
        profiles: Vec::new(),
        warnings: Vec::new(),
        coverage: Coverage { within_reach: 0, decided: 0, outside: 0 },
        counts: BTreeMap::new(),
        decisions: BTreeMap::new(),
        register: None,
        findings: Vec::new(),
    }
}
