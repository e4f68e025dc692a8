//! A finding in plain words, label by label, for formats that lay out no page of their own. What comes from a node is
//! still as it was: each format makes it harmless in its own way.

use assess::{Observed, Verdict};

use register::{Decision, State};

use crate::fold::roll_up;
use crate::model::{Finding, RegisterInfo, Report, Subject};
use crate::words::{self, number};

/// What is said of a finding beyond its title and verdict: labels, each with a line of text. Nothing is empty.
pub(crate) fn said(finding: &Finding) -> Vec<(&'static str, String)> {
    let question = finding.verdict == Verdict::Manual;
    let mut said = vec![
        (if question { "question" } else { "because" }, finding.reason.clone()),
        ("instead", finding.equivalent.clone().unwrap_or_default()),
    ];
    if finding.expected != finding.reason {
        said.push(("expected", finding.expected.clone()));
    }
    for (decides, label) in [(true, "seen"), (false, "also seen")] {
        let seen = finding.observed.iter().filter(|observed| observed.decides == decides);
        said.extend(seen.map(|observed| (label, fact(observed))));
    }
    said.extend(finding.notes.iter().map(|note| ("note", note.clone())));
    said.push(("to see it", finding.help.clone().unwrap_or_default()));
    said.extend(decided(&finding.decision));
    said.retain(|(_, text)| !text.is_empty());
    said
}

/// What a register says of a finding; nothing where it says nothing.
pub(crate) fn decided(decision: &Decision) -> Vec<(&'static str, String)> {
    let mut said = Vec::new();
    if let Some(entry) = &decision.entry {
        let until = match (decision.term(), decision.state) {
            (Some(term), State::Overdue) => format!(", {term}"),
            (Some(term), _) => format!(" {term}"),
            (None, _) => String::new(),
        };
        let by = decision.by.as_ref().map_or(String::new(), |by| format!(", by {by}"));
        let reason = decision.reason.as_ref().map_or(String::new(), |reason| format!(": {reason}"));
        said.push(("decision", format!("{}{until}{by} ({entry}){reason}", decision.state.word())));
    }
    if let Some(owner) = &decision.owner {
        let source = decision.source.as_ref().map_or(String::new(), |source| format!(", who keeps {source}"));
        said.push(("owner", format!("{owner}{source}")));
    }
    said.extend(decision.evidence.iter().map(|evidence| ("rests on", evidence.clone())));
    said.extend(decision.due.iter().map(|due| ("due", due.clone())));
    said.extend(decision.lapsed.iter().map(|lapsed| ("lapsed", lapsed.clone())));
    said
}

/// Decisions by number, the open ones first; nothing where there is nothing to decide.
pub(crate) fn decisions(report: &Report) -> String {
    let some = State::ALL.iter().filter_map(|state| Some((state, report.decisions.get(state)?)));
    some.map(|(state, count)| format!("{count} {}", state.word())).collect::<Vec<_>>().join(", ")
}

/// What came of a register, label by label.
pub(crate) fn register(register: &RegisterInfo) -> Vec<(&'static str, String)> {
    let owners = |owners: &std::collections::BTreeMap<String, usize>| {
        let each = owners.iter().map(|(owner, count)| {
            let owner = if owner.is_empty() { "nobody" } else { owner };
            format!("{owner} {count}")
        });
        each.collect::<Vec<_>>().join(", ")
    };
    let mut said = vec![
        ("register", format!("{}, asked on {} (sha256 {:.12})", register.name, register.as_of, register.digest)),
        ("risk accepted, by who answers for it", owners(&register.accepted)),
        ("overdue, by who answers for it", owners(&register.overdue)),
    ];
    said.extend(register.unused.iter().map(|unused| ("unused", unused.clone())));
    said.retain(|(_, text)| !text.is_empty());
    said
}

/// `fact = value (how: source)`.
pub(crate) fn fact(observed: &Observed) -> String {
    let Observed { fact, value, how, source, .. } = observed;
    let value = value.as_ref().map_or(String::new(), |value| format!(" = {value}"));
    let source = if source.is_empty() { String::new() } else { format!(": {source}") };
    format!("{fact}{value} ({how}{source})")
}

/// Why, in one sentence: the reason, and for a plain pass what was demanded.
pub(crate) fn because(finding: &Finding) -> &str {
    match &finding.equivalent {
        _ if !finding.reason.is_empty() => &finding.reason,
        Some(instead) => instead,
        None => &finding.expected,
    }
}

/// The subjects, each with its nodes where there are several, and how many more there are than `most`.
pub(crate) fn subjects(finding: &Finding, several_nodes: bool, most: usize) -> Vec<String> {
    let told = |subject: &Subject| {
        let nodes: Vec<&str> = subject.captures.iter().map(String::as_str).collect();
        let nodes = if several_nodes { format!(" ({})", words::some(&nodes, false)) } else { String::new() };
        format!("{}{nodes}", subject.name)
    };
    let mut names: Vec<String> = finding.subjects.iter().take(most).map(told).collect();
    if finding.subjects.len() > most {
        names.push(format!("… and {} more", finding.subjects.len() - most));
    }
    names
}

/// What this report is about, label by label: what was looked at, as what, and by which profiles.
pub(crate) fn scope(report: &Report) -> Vec<(&'static str, String)> {
    let names: Vec<&str> = report.run.captures.iter().map(|capture| capture.name.as_str()).collect();
    let choice = |choice: &assess::Choice| format!("{} ({})", choice.name, choice.reason);
    let kubernetes = report.kubernetes.as_ref().map_or("version not seen".to_owned(), choice);
    let mut scope = vec![
        ("looked at", words::some(&names, false)),
        ("platform", choice(&report.platform)),
        ("kubernetes", kubernetes),
    ];
    scope.extend(report.profiles.iter().map(|profile| ("profile", format!("{} ({})", profile.name, profile.reason))));
    scope.extend(report.run.selection.iter().map(|selection| ("selection", selection.clone())));
    scope.push(("coverage", coverage(report)));
    scope.extend(report.run.recorded.iter().map(|recorded| {
        ("recorded", format!("run {} (entry {}, head {})", recorded.run, recorded.number, recorded.head))
    }));
    scope.extend(report.register.iter().flat_map(register));
    if report.register.is_some() {
        scope.push(("decisions", decisions(report)));
    }
    scope.extend(warnings(report).into_iter().map(|warning| ("warning", warning)));
    scope
}

/// Things that must not be overlooked, each once.
pub(crate) fn warnings(report: &Report) -> Vec<String> {
    let mut said: Vec<String> = Vec::new();
    let chosen = std::iter::once(&report.platform).chain(&report.kubernetes);
    for warning in report.warnings.iter().chain(chosen.filter_map(|choice| choice.warning.as_ref())) {
        if !said.contains(warning) {
            said.push(warning.clone());
        }
    }
    said
}

/// How much of what was within reach was seen. A question counts as decided there, answered or not.
pub(crate) fn coverage(report: &Report) -> String {
    let coverage = &report.coverage;
    let within = number(coverage.within_reach, "demand", "demands");
    let outside = number(coverage.outside, "lies", "lie");
    let asks = |demand: &&[Finding]| {
        let open = |finding: &Finding| finding.verdict == Verdict::Manual && finding.decision.state.is_open();
        roll_up(demand.iter()) == Some(Verdict::Manual) && demand.iter().any(open)
    };
    let waiting = match report.demands().filter(asks).count() {
        0 => String::new(),
        some => format!(", {some} of them {} for an answer", if some == 1 { "waits" } else { "wait" }),
    };
    let decided = coverage.decided;
    format!("{decided} of {within} within reach were decided{waiting}; {outside} outside what this source can see")
}
