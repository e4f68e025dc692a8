//! SARIF 2.1.0: a control is a rule, a finding a result, folded as it is, so that many nodes stay within what readers take.

mod locations;
mod model;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use assess::Verdict;
use benchmark::Priority;
use evidence::digest;
use serde_json::{Map, Value, json};

use self::model::{
    Automation, Configuration, Driver, Fingerprints, Help, Invocation, Log, Message, Notification, Outcome, Rule, Run,
    Suppression, Tool,
};
use crate::beside::{Beside, Since};
use crate::drift::{Answer, Change, Kind};
use crate::formats::written;
use crate::model::{CitedBy, Finding, Report};
use crate::{markdown, plain, words};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// A message names at most so many subjects; the locations have them all.
const SUBJECTS: usize = 5;

/// Renders the report as SARIF 2.1.0. Where it is compared with a run that the same tool judged, each result says whether
/// it is new, and what is no longer there is told as absent.
pub fn sarif(report: &Report, beside: &Beside<'_>) -> String {
    let mut rules: Vec<Rule> = Vec::new();
    let mut at: BTreeMap<&str, usize> = BTreeMap::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let since = Since::new(beside);
    let compared = since.drift.filter(|drift| drift.before.tool.name == drift.after.tool.name);
    let suppresses = report.findings.iter().any(|finding| finding.decision.state.is_settled());
    let mut results = Vec::with_capacity(report.findings.len());
    for finding in &report.findings {
        let rule_index = *at.entry(&finding.control).or_insert_with(|| {
            rules.push(rule(finding));
            rules.len() - 1
        });
        let kind_of_subject = finding.subjects.first().map_or("", |subject| subject.kind.as_str());
        let demand = fingerprint(&finding.control, &finding.parameters, kind_of_subject);
        results.push(Outcome {
            rule_id: text(&finding.control),
            rule_index,
            kind: kind(finding.verdict),
            level: if finding.verdict == Verdict::Fail { level(finding.priority) } else { "none" },
            message: Message { text: text(&message(finding, report.run.captures.len() > 1)) },
            locations: locations::of(finding, report),
            partial_fingerprints: numbered(demand, &mut seen),
            baseline_state: compared.map(|_| baseline(&since, finding)),
            suppressions: suppresses.then(|| suppressions(finding)),
            properties: properties(finding, &since),
        });
    }
    for change in compared.into_iter().flat_map(|drift| &drift.changes) {
        let Some(before) = change.before.as_ref().filter(|_| change.after.is_none()) else { continue };
        let rule_index = *at.entry(&change.control).or_insert_with(|| {
            rules.push(rule_of(&Described::of_change(change, before)));
            rules.len() - 1
        });
        results.push(absent(change, before, (rule_index, suppresses), report, &mut seen));
    }
    let warnings = plain::warnings(report).into_iter();
    let log = Log {
        schema: SCHEMA,
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: Driver { name: report.tool.name.clone(), version: report.tool.version.clone(), rules },
            },
            automation_details: Automation { id: category(report) },
            invocations: [Invocation {
                execution_successful: true,
                tool_execution_notifications: warnings
                    .map(|warning| Notification { level: "warning", message: Message { text: text(&warning) } })
                    .collect(),
            }],
            results,
            properties: scope(report),
        }],
    };
    written(&log)
}

/// Text from a node: it steers nothing, and makes no link (§3.11.6).
fn text(foreign: &str) -> String {
    words::inert(foreign).replace("](", "] (")
}

/// Runs of one cluster or set of nodes under the same profiles: what a run replaces.
fn category(report: &Report) -> String {
    let profiles: Vec<&str> = report.profiles.iter().map(|profile| profile.name.as_str()).collect();
    let clusters = report.run.captures.iter().filter(|capture| capture.source == "cluster");
    let names: Vec<&str> = clusters.map(|capture| capture.name.as_str()).collect();
    let part = |names: &[&str]| text(&names.join("+")).replace('/', "-");
    let place = if names.is_empty() { String::new() } else { format!("{}/", part(&names)) };
    format!("kube-assay/{place}{}/", part(&profiles))
}

fn kind(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Fail => "fail",
        Verdict::Unknown => "open",
        Verdict::Manual => "review",
        Verdict::Pass => "pass",
        Verdict::NotApplicable => "notApplicable",
    }
}

fn level(priority: Priority) -> &'static str {
    match priority {
        Priority::Critical | Priority::High => "error",
        Priority::Medium => "warning",
        Priority::Low | Priority::Contextual => "note",
    }
}

/// A number in each of the ranges that GitHub makes its words of.
fn severity(priority: Priority) -> &'static str {
    match priority {
        Priority::Critical => "9.5",
        Priority::High => "8.0",
        Priority::Medium => "5.5",
        Priority::Low => "3.0",
        Priority::Contextual => "1.0",
    }
}

/// What a rule is made of: a finding, or the demand of a result that is absent.
struct Described<'d> {
    control: &'d str,
    title: &'d str,
    component: &'d str,
    priority: Priority,
    cited_by: &'d [CitedBy],
    why: &'d str,
    remediation: &'d str,
}

impl<'d> Described<'d> {
    fn of_change(change: &'d Change, before: &'d Answer) -> Self {
        Self {
            control: &change.control,
            title: &change.title,
            component: &change.component,
            priority: change.priority,
            cited_by: &before.cited_by,
            why: "",
            remediation: &before.remediation,
        }
    }
}

fn rule(finding: &Finding) -> Rule {
    rule_of(&Described {
        control: &finding.control,
        title: &finding.title,
        component: &finding.component,
        priority: finding.priority,
        cited_by: &finding.cited_by,
        why: &finding.why,
        remediation: &finding.remediation,
    })
}

fn rule_of(of: &Described<'_>) -> Rule {
    let mut tags = vec![json!("security"), json!(text(of.component))];
    tags.extend(of.cited_by.iter().map(|cited| json!(text(&format!("{}/{}", cited.profile, cited.id)))).take(18));
    let properties = [
        ("security-severity", json!(severity(of.priority))),
        ("priority", json!(words::priority(of.priority))),
        ("tags", json!(tags)),
        ("citedBy", cited_by(of.cited_by)),
    ];
    let lines = |long: &str| long.trim_end().lines().map(text).collect::<Vec<_>>().join("\n");
    Rule {
        id: text(of.control),
        short_description: Message { text: text(of.title) },
        full_description: Message { text: lines(if of.why.is_empty() { of.title } else { of.why }) },
        help: Help { text: lines(of.remediation), markdown: help(of) },
        default_configuration: Configuration { level: level(of.priority) },
        properties: bag(properties),
    }
}

/// What GitHub shows beside a result: what an attacker gains, what to do, and who demands it.
fn help(of: &Described<'_>) -> String {
    let safe = |foreign: &str| markdown::text(foreign);
    let mut help = String::new();
    if !of.why.is_empty() {
        let _ = write!(help, "**Risk:** {}\n\n", safe(of.why));
    }
    if !of.remediation.trim().is_empty() {
        let _ = write!(help, "**What to do:**\n\n{}\n", markdown::fenced(of.remediation));
    }
    let cited = of.cited_by.iter().map(|cited| {
        let (level, assessment) = (cited.level, words::assessment(cited.assessment));
        format!(
            "- {} {}, level {level}, {assessment}: {}\n",
            safe(&cited.profile),
            safe(&cited.id),
            safe(&cited.section)
        )
    });
    let cited: String = cited.collect();
    if !cited.is_empty() {
        let _ = write!(help, "**Demanded by:**\n\n{cited}\n");
    }
    let _ = writeln!(help, "More: run `kube-assay explain` with {}.", safe(of.control));
    help
}

fn cited_by(cited: &[CitedBy]) -> Value {
    let ids = cited.iter().map(|cited| {
        json!({
            "profile": text(&cited.profile), "id": text(&cited.id), "section": text(&cited.section),
            "level": cited.level, "assessment": cited.assessment,
        })
    });
    Value::Array(ids.collect())
}

/// What a result is compared with the baseline (§3.27.24). Viewers of a pipeline show new results alone, so one of which
/// any subject fails anew is new, also where the demand had a result before.
fn baseline(since: &Since<'_>, finding: &Finding) -> &'static str {
    let (mut any, mut all_new, mut same) = (false, true, true);
    for change in since.of(finding) {
        any = true;
        all_new &= change.before.is_none();
        same &= change.kind == Kind::Unchanged;
    }
    match () {
        () if !any || all_new || since.is_new_failure(finding) => "new",
        () if same => "unchanged",
        () => "updated",
    }
}

/// A result of the baseline whose subjects are gone, or are no longer asked for. It fails nobody: readers that know no
/// baseline must not take it for a finding.
fn absent(
    change: &Change,
    before: &Answer,
    (rule_index, suppresses): (usize, bool),
    report: &Report,
    seen: &mut BTreeMap<String, usize>,
) -> Outcome {
    let kind = change.subjects.first().map_or("", |subject| subject.kind.as_str());
    let names: Vec<&str> = change.subjects.iter().map(|subject| subject.name.as_str()).collect();
    let said = format!(
        "{}: {} before, and no longer told. Where: {}.",
        change.kind.word(),
        words::verdict(before.verdict),
        words::some(&names, false)
    );
    Outcome {
        rule_id: text(&change.control),
        rule_index,
        kind: "notApplicable",
        level: "none",
        message: Message { text: text(&said) },
        locations: locations::of_subjects(&change.subjects, &change.component, report),
        partial_fingerprints: numbered(fingerprint(&change.control, &before.parameters, kind), seen),
        baseline_state: Some("absent"),
        suppressions: suppresses.then(Vec::new),
        properties: bag([
            ("sinceBaseline", json!([change.kind])),
            ("verdictBefore", json!(words::verdict(before.verdict))),
            ("component", json!(text(&change.component))),
        ]),
    }
}

fn message(finding: &Finding, several_nodes: bool) -> String {
    let mut said = format!("{}: {}.", words::verdict(finding.verdict), plain::because(finding).trim_end_matches('.'));
    if !finding.reason.is_empty() && finding.expected != finding.reason {
        let _ = write!(said, " Expected: {}.", finding.expected);
    }
    if let Some(help) = &finding.help {
        let _ = write!(said, " To see it: {help}.");
    }
    let subjects = plain::subjects(finding, several_nodes, SUBJECTS).join(", ");
    if !subjects.is_empty() {
        let _ = write!(said, " Where: {subjects}.");
    }
    said
}

/// The same as long as control, bounds and kind of subject are the same: not names of nodes, which come and go.
fn fingerprint(control: &str, parameters: &BTreeMap<String, Value>, kind: &str) -> String {
    let demand = json!([control, parameters, kind]);
    digest(demand.to_string().as_bytes()).chars().take(32).collect()
}

/// A demand has several results where its subjects differ.
fn numbered(demand: String, seen: &mut BTreeMap<String, usize>) -> Fingerprints {
    let nth = seen.entry(demand.clone()).and_modify(|nth| *nth += 1).or_insert(1);
    Fingerprints { primary_location_line_hash: format!("{demand}:{nth}"), demand }
}

/// What a register or a provider's share settles is told, and suppressed with the reason.
fn suppressions(finding: &Finding) -> Vec<Suppression> {
    let decision = &finding.decision;
    let settled = decision.state.is_settled();
    let why = || match plain::decided(decision).into_iter().next() {
        Some((_, said)) if decision.entry.is_some() => text(&said),
        _ => text(finding.help.as_ref().unwrap_or(&finding.reason)),
    };
    let suppression = || Suppression { kind: "external", status: "accepted", justification: why() };
    settled.then(suppression).into_iter().collect()
}

fn properties(finding: &Finding, since: &Since<'_>) -> Map<String, Value> {
    let all = |texts: &[String]| json!(texts.iter().map(|said| text(said)).collect::<Vec<_>>());
    let parameters: Map<String, Value> =
        finding.parameters.iter().map(|(name, value)| (text(name), inert(value))).collect();
    let observed = finding.observed.iter().map(|seen| {
        json!({
            "fact": text(&seen.fact), "value": seen.value.as_deref().map(text), "how": text(&seen.how),
            "source": text(&seen.source), "decides": seen.decides,
        })
    });
    let decided = plain::decided(&finding.decision).into_iter().map(|(label, said)| format!("{label}: {said}"));
    let decided: Vec<String> = decided.collect();
    let mut bag = bag([
        ("verdict", json!(words::verdict(finding.verdict))),
        ("basis", json!(finding.basis.map(words::basis))),
        ("decision", json!(finding.decision.state)),
        ("owner", json!(finding.decision.owner.as_deref().map(text))),
        ("until", json!(finding.decision.until.as_deref().map(text))),
        ("decided", all(&decided)),
        ("component", json!(text(&finding.component))),
        ("citedBy", cited_by(&finding.cited_by)),
        ("parameters", Value::Object(parameters)),
        ("expected", json!(text(&finding.expected))),
        ("equivalent", json!(finding.equivalent.as_deref().map(text))),
        ("observed", Value::Array(observed.collect())),
        ("notes", all(&finding.notes)),
        ("sinceBaseline", json!(since.words(finding))),
        ("changes", all(&since.told(finding))),
    ]);
    let more = finding.subjects.len().saturating_sub(locations::MOST);
    if more > 0 {
        bag.insert("subjectsWithoutLocation".to_owned(), json!(more));
    }
    bag.retain(|_, value| !value.is_null() && *value != json!([]) && *value != json!({}));
    bag
}

/// What was judged, and how much of it was seen.
fn scope(report: &Report) -> Map<String, Value> {
    let profiles = report.profiles.iter().map(|profile| {
        json!({ "name": text(&profile.name), "reason": text(&profile.reason), "digest": text(&profile.digest) })
    });
    bag([
        ("platform", json!(text(&report.platform.name))),
        ("kubernetes", json!(report.kubernetes.as_ref().map(|choice| text(&choice.name)))),
        ("profiles", Value::Array(profiles.collect())),
        ("coverage", json!(report.coverage)),
        ("counts", json!(report.counts)),
        ("selection", json!(report.run.selection.as_deref().map(text))),
    ])
}

fn bag<const N: usize>(entries: [(&str, Value); N]) -> Map<String, Value> {
    entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A parameter with its texts made harmless.
fn inert(value: &Value) -> Value {
    match value {
        Value::String(foreign) => Value::String(text(foreign)),
        Value::Array(members) => Value::Array(members.iter().map(inert).collect()),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, member)| (text(name), inert(member))).collect())
        }
        other => other.clone(),
    }
}
