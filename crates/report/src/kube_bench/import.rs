//! What kube-bench said earlier, as a report: its JSON in all shapes that it had, read into our verdicts.
//!
//! kube-bench has four states for more than four meanings; its reason tells some of them apart. What it printed is told
//! as its word and never as an observation of ours.

use std::collections::{BTreeMap, BTreeSet};

use assess::{Choice, Verdict};
use benchmark::{Content, Entry, Priority, Profile};
use evidence::Cut;
use register::State;
use serde::Deserialize;
use serde_json::Value;

use super::MANUAL;
use crate::build::{counts, coverage, decisions};
use crate::model::{CaptureInfo, CitedBy, Finding, ProfileInfo, Report, RunInfo, SCHEMA, Subject, Tool};

/// The name of the tool in a report of what it said.
pub const KUBE_BENCH: &str = "kube-bench";

/// At most so many characters of what kube-bench printed are told.
const PRINTED: usize = 160;

/// Why a text is no output of kube-bench.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// It is no JSON.
    #[error("it is no JSON")]
    Json(#[from] serde_json::Error),
    /// It is JSON of another shape.
    #[error("it is not kube-bench's JSON: {0}")]
    Shape(String),
    /// A check has a state that kube-bench does not have.
    #[error("check {id} has the state `{status}`: kube-bench says PASS, FAIL, WARN or INFO")]
    State {
        /// The check.
        id: String,
        /// What it says.
        status: String,
    },
    /// It holds no check.
    #[error("it holds no check: kube-bench --json writes `Controls` with `tests` and `results`")]
    Empty,
}

/// What kube-bench said of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubeBench {
    /// The benchmarks that it judged by: `cis-1.10`.
    pub benchmarks: BTreeSet<String>,
    /// The version of Kubernetes that it detected.
    kubernetes: Option<String>,
    checks: Vec<Check>,
}

/// One check, as far as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Check {
    id: String,
    title: String,
    /// `master`, `etcd`, `controlplane`, `node`, `policies`, `managedservices`.
    target: String,
    verdict: Verdict,
    /// It was told not to look.
    skipped: bool,
    says: String,
    expected: String,
}

#[derive(Debug, Deserialize)]
struct Section {
    #[serde(default)]
    version: String,
    #[serde(default)]
    detected_version: String,
    #[serde(default)]
    node_type: String,
    /// A section of which all checks were filtered away has null.
    #[serde(default)]
    tests: Option<Vec<Group>>,
}

#[derive(Debug, Deserialize)]
struct Group {
    #[serde(default)]
    results: Option<Vec<Raw>>,
}

#[derive(Debug, Deserialize)]
struct Raw {
    test_number: String,
    #[serde(default)]
    test_desc: String,
    #[serde(default, rename = "type")]
    kind: String,
    status: String,
    #[serde(default)]
    actual_value: String,
    #[serde(default)]
    expected_result: String,
    #[serde(default)]
    reason: String,
}

/// Reads kube-bench's JSON: `{"Controls": [...], "Totals": ...}`, the bare list (`--nototals`), and what versions before
/// them wrote, one section after the other.
pub fn read_kube_bench(bytes: &[u8]) -> Result<KubeBench, ImportError> {
    let mut read = KubeBench { benchmarks: BTreeSet::new(), kubernetes: None, checks: Vec::new() };
    for value in serde_json::Deserializer::from_slice(bytes).into_iter::<Value>() {
        for section in sections(value?)? {
            let section: Section = serde_json::from_value(section).map_err(|error| shape(&error))?;
            // With a platform it detects, kube-bench gives the benchmark's name, and `none` where it was told.
            let version =
                Some(section.detected_version).filter(|text| text.starts_with(|own: char| own.is_ascii_digit()));
            read.kubernetes = read.kubernetes.or(version);
            read.benchmarks.extend(Some(section.version).filter(|name| !name.is_empty()));
            for raw in section.tests.into_iter().flatten().flat_map(|group| group.results.unwrap_or_default()) {
                read.checks.push(check(raw, &section.node_type)?);
            }
        }
    }
    if read.checks.is_empty() { Err(ImportError::Empty) } else { Ok(read) }
}

fn shape(error: &serde_json::Error) -> ImportError {
    ImportError::Shape(error.to_string())
}

fn sections(value: Value) -> Result<Vec<Value>, ImportError> {
    match value {
        Value::Array(sections) => Ok(sections),
        Value::Object(mut fields) if fields.contains_key("Controls") => match fields.remove("Controls") {
            Some(Value::Array(sections)) => Ok(sections),
            _ => Err(ImportError::Shape("`Controls` is no list".to_owned())),
        },
        Value::Object(fields) if fields.contains_key("tests") => Ok(vec![Value::Object(fields)]),
        _ => Err(ImportError::Shape("there are neither `Controls` nor `tests`".to_owned())),
    }
}

fn check(raw: Raw, target: &str) -> Result<Check, ImportError> {
    let (verdict, skipped, why) = verdict(&raw)?;
    let says = |status: &str| format!("{KUBE_BENCH} says {status}{why}");
    let printed = match (printed(&raw.actual_value), verdict) {
        (printed, Verdict::Pass | Verdict::Fail) if printed.is_empty() => "; it printed nothing".to_owned(),
        (printed, Verdict::Pass | Verdict::Fail) => format!("; it printed: {printed}"),
        _ => String::new(),
    };
    Ok(Check {
        says: format!("{}{printed}", says(&raw.status)),
        id: raw.test_number,
        title: raw.test_desc,
        target: target.to_owned(),
        verdict,
        skipped,
        expected: printed_whole(&raw.expected_result),
    })
}

/// What a check's state means, whether it was told to skip it, and what is said of it.
fn verdict(raw: &Raw) -> Result<(Verdict, bool, String), ImportError> {
    let manual = raw.kind.eq_ignore_ascii_case("manual") || raw.reason == MANUAL;
    // Its sentences where no test was there to be run.
    let untested = ["There are no tests", "No tests defined"].contains(&raw.reason.trim());
    let told = match raw.status.as_str() {
        "PASS" => (Verdict::Pass, false, String::new()),
        "WARN" if manual => (Verdict::Manual, false, ": it leaves this to a person".to_owned()),
        "FAIL" | "WARN" if untested => (Verdict::Manual, false, ": it has no test for this".to_owned()),
        // Its check did not run to an end: that the demand is not met has nobody seen.
        "FAIL" | "WARN" if !raw.reason.trim().is_empty() => {
            (Verdict::Unknown, false, format!(": its check did not run ({})", printed(&raw.reason)))
        }
        "FAIL" => (Verdict::Fail, false, String::new()),
        "WARN" => (Verdict::Fail, false, ": its check is not met, and is one that it does not score".to_owned()),
        "INFO" => (Verdict::Unknown, true, ": it was told to skip this".to_owned()),
        other => {
            return Err(ImportError::State { id: raw.test_number.clone(), status: other.to_owned() });
        }
    };
    Ok(told)
}

/// What a command printed, without secrets, in one line, and not more than a person reads.
fn printed(text: &str) -> String {
    let whole = printed_whole(text);
    let mut letters = whole.chars();
    let beginning: String = letters.by_ref().take(PRINTED).collect();
    let more = letters.count();
    if more == 0 { beginning } else { format!("{beginning} … ({more} more characters)") }
}

fn printed_whole(text: &str) -> String {
    match evidence::cut(Cut::Env, text.as_bytes().to_vec()) {
        Ok((kept, _)) => String::from_utf8_lossy(&kept).split_whitespace().collect::<Vec<_>>().join(" "),
        Err(why) => format!("withheld, {why}"),
    }
}

/// A report of what kube-bench said, and where it came from.
#[derive(Debug)]
pub struct Imported<'i> {
    /// What it said of each node.
    pub nodes: &'i [(String, KubeBench)],
    /// Our profile with the same ids.
    pub profile: &'i Profile,
    /// Why this profile.
    pub choice: Choice,
    /// The content that the profile is part of.
    pub content: &'i Content,
    /// Its version, if a person told it: its output does not.
    pub version: Option<&'i str>,
    /// When it ran (RFC 3339), if a person told it.
    pub taken: Option<&'i str>,
}

/// A demand with the checks that kube-bench has for it.
struct Demand<'i> {
    cited_by: Vec<CitedBy>,
    entry: Option<&'i Entry>,
    nodes: BTreeMap<&'i str, Vec<&'i Check>>,
}

/// Makes the report: `kube-assay.report/v1`, with kube-bench as the tool that judged. Ids that the profile lacks are kept,
/// as controls of their own.
pub fn imported(imported: &Imported<'_>) -> Report {
    let Imported { nodes, profile, content, .. } = imported;
    let mut demands: Vec<Demand<'_>> = Vec::new();
    let mut warnings = Vec::new();
    for entry in &profile.entries {
        let own = checks(nodes, &entry.id);
        if own.is_empty() {
            continue;
        }
        let same = |demand: &Demand<'_>| {
            demand
                .entry
                .is_some_and(|other| other.control == entry.control && content.bounds(other) == content.bounds(entry))
        };
        let at = demands.iter().position(same).unwrap_or_else(|| {
            demands.push(Demand { cited_by: Vec::new(), entry: Some(entry), nodes: BTreeMap::new() });
            demands.len() - 1
        });
        let demand = &mut demands[at];
        demand.cited_by.push(cited(profile, &entry.id, Some(entry)));
        for (node, checks) in own {
            demand.nodes.entry(node).or_default().extend(checks);
        }
    }
    let all = nodes.iter().flat_map(|(_, said)| &said.checks).map(|check| check.id.as_str());
    let unknown: BTreeSet<&str> = all.filter(|id| profile.entry(id).is_none()).collect();
    for id in &unknown {
        let cited_by = vec![cited(profile, id, None)];
        demands.push(Demand { cited_by, entry: None, nodes: checks(nodes, id) });
    }
    if !unknown.is_empty() {
        let ids: Vec<&str> = unknown.into_iter().collect();
        warnings.push(format!("{} has no id {}: told as kube-bench told it", profile.name, ids.join(", ")));
    }
    let findings: Vec<Finding> = demands.iter().flat_map(|demand| findings(demand, content)).collect();
    let kubernetes = nodes.iter().find_map(|(_, said)| said.kubernetes.clone());
    let choice = |name: String, reason: &str| Choice { name, reason: reason.to_owned(), warning: None };
    Report {
        schema: SCHEMA.to_owned(),
        tool: Tool {
            name: KUBE_BENCH.to_owned(),
            version: imported.version.unwrap_or("of unknown version").to_owned(),
        },
        run: RunInfo {
            captures: nodes.iter().map(|(name, said)| capture(name, said, imported.taken)).collect(),
            selection: None,
            recorded: None,
        },
        platform: choice("unknown".to_owned(), "kube-bench's output does not tell"),
        kubernetes: kubernetes.map(|version| choice(version, "kube-bench detected it")),
        profiles: vec![ProfileInfo {
            name: profile.name.clone(),
            title: profile.title.clone(),
            reason: imported.choice.reason.clone(),
            digest: content.digest_of(profile),
            tailoring: Vec::new(),
            not_covered: profile.not_covered.clone(),
            notes: profile.notes.clone(),
        }],
        warnings,
        coverage: coverage(&findings),
        counts: counts(&findings),
        decisions: decisions(&findings),
        register: None,
        findings,
    }
}

/// The checks of an id, by node. One that was told twice of a node stands twice.
fn checks<'i>(nodes: &'i [(String, KubeBench)], id: &str) -> BTreeMap<&'i str, Vec<&'i Check>> {
    let mut found: BTreeMap<&str, Vec<&Check>> = BTreeMap::new();
    for (node, said) in nodes {
        for check in said.checks.iter().filter(|check| check.id == id) {
            found.entry(node).or_default().push(check);
        }
    }
    found
}

fn cited(profile: &Profile, id: &str, entry: Option<&Entry>) -> CitedBy {
    CitedBy {
        profile: profile.name.clone(),
        id: id.to_owned(),
        section: profile.section(id).map_or_else(String::new, |section| format!("{} {}", section.id, section.title)),
        level: entry.map_or(1, |entry| entry.level),
        assessment: entry.map_or(benchmark::Assessment::Automated, |entry| entry.assessment),
    }
}

fn capture(name: &str, said: &KubeBench, taken: Option<&str>) -> CaptureInfo {
    let benchmarks: Vec<&str> = said.benchmarks.iter().map(String::as_str).collect();
    let of = if benchmarks.is_empty() { String::new() } else { format!(" of the benchmark {}", benchmarks.join(", ")) };
    CaptureInfo {
        name: name.to_owned(),
        source: KUBE_BENCH.to_owned(),
        taken: taken.map(str::to_owned),
        root: String::new(),
        identity: BTreeMap::new(),
        rights: Vec::new(),
        sees: Vec::new(),
        components: BTreeMap::new(),
        remarks: vec![format!("imported from kube-bench's JSON{of}: its verdicts, not its evidence, are what is told")],
        cuts: Vec::new(),
        catalogue: String::new(),
    }
}

/// A demand's findings: nodes of which the same was said are told together.
fn findings(demand: &Demand<'_>, content: &Content) -> Vec<Finding> {
    let mut told: BTreeMap<(Verdict, bool, String), Vec<String>> = BTreeMap::new();
    for (node, checks) in &demand.nodes {
        let Some(verdict) = checks.iter().map(|check| check.verdict).min() else { continue };
        let gravest = || checks.iter().filter(|check| check.verdict == verdict);
        let mut says: Vec<String> = gravest().map(|check| check.says.clone()).collect();
        says.dedup();
        let key = (verdict, gravest().all(|check| check.skipped), says.join("; "));
        told.entry(key).or_default().push((*node).to_owned());
    }
    let of = |((verdict, outside, reason), captures)| finding(demand, content, verdict, outside, reason, captures);
    told.into_iter().map(of).collect()
}

fn finding(
    demand: &Demand<'_>,
    content: &Content,
    verdict: Verdict,
    outside: bool,
    reason: String,
    captures: Vec<String>,
) -> Finding {
    let check = demand.nodes.values().flatten().next();
    let control = demand.entry.and_then(|entry| content.control(&entry.control));
    let parameters = demand.entry.map(|entry| content.bounds(entry)).unwrap_or_default();
    let text = |of: fn(&Check) -> &str| check.map_or("", |check| of(check)).to_owned();
    let component = control.map_or_else(|| text(|check| &check.target), |control| control.component.clone());
    let id = demand.cited_by.first().map_or("", |cited| &cited.id);
    let expected = text(|check| &check.expected);
    Finding {
        control: control.map_or_else(|| format!("{KUBE_BENCH} {id}"), |control| control.name.clone()),
        title: control.map_or_else(|| text(|check| &check.title), |control| control.title.clone()),
        priority: control.map_or(Priority::Contextual, |control| control.priority),
        cited_by: demand.cited_by.clone(),
        verdict,
        equivalent: None,
        basis: None,
        reason,
        help: (verdict == Verdict::Unknown).then(|| "judge the node by kube-assay scan".to_owned()),
        outside,
        expected: match control {
            Some(control) if expected.is_empty() => control.expected(&parameters),
            _ => expected,
        },
        observed: Vec::new(),
        notes: Vec::new(),
        subjects: vec![Subject { kind: "component".to_owned(), name: component.clone(), captures }],
        why: control.map(|control| control.why.clone()).unwrap_or_default(),
        remediation: control.map(|control| control.remedy("general", &parameters)).unwrap_or_default(),
        decision: State::default_for(verdict, outside).into(),
        component,
        parameters,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn raw(status: &str, kind: &str, reason: &str) -> Raw {
        serde_json::from_value(json!({ "test_number": "9.1", "status": status, "type": kind, "reason": reason }))
            .unwrap()
    }

    #[test]
    fn four_states_mean_more_than_four_things() {
        use Verdict::{Fail, Manual, Pass, Unknown};
        let broken = "failed to run: \"stat\", output: \"\", error: exit status 1";
        for (status, kind, reason, expected) in [
            ("PASS", "", "", Pass),
            ("FAIL", "", "", Fail),
            ("FAIL", "", broken, Unknown),
            ("FAIL", "", "No tests defined", Manual),
            ("WARN", "manual", "Test marked as a manual test", Manual),
            ("WARN", "manual", "", Manual),
            ("WARN", "", "There are no tests", Manual),
            ("WARN", "", broken, Unknown),
            ("WARN", "", "", Fail),
            ("INFO", "skip", "Test marked as skip", Unknown),
        ] {
            let (verdict, skipped, _) = verdict(&raw(status, kind, reason)).unwrap();
            assert_eq!((verdict, skipped), (expected, status == "INFO"), "{status} {kind} {reason}");
        }
        assert!(matches!(verdict(&raw("ERRO", "", "")), Err(ImportError::State { .. })));
    }

    #[test]
    fn what_it_printed_is_shortened_and_without_secrets() {
        assert_eq!(printed("permissions=600\n"), "permissions=600");
        assert_eq!(printed("a\n\tb  c"), "a b c");
        let long = printed(&"x ".repeat(400));
        assert!(long.ends_with("… (639 more characters)"), "{long}");
        let secret =
            printed("root 1 etcd --initial-cluster-token=hunter2hunter2 --name=a\nETCD_PASSWORD=hunter2hunter2");
        assert!(!secret.contains("hunter2"), "{secret}");
    }

    #[test]
    fn every_shape_that_it_had_is_read_and_nothing_else() {
        let check = json!({ "test_number": "9.1.1", "test_desc": "demo", "status": "PASS" });
        let section = json!({ "id": "9", "version": "demo-1", "detected_version": "1.31", "node_type": "node",
            "tests": [{ "section": "9.1", "results": [check] }, { "section": "9.2", "results": null }] });
        let skipped = json!({ "id": "8", "version": "demo-1", "tests": null });
        let whole = json!({ "Controls": [section, skipped], "Totals": { "total_pass": 1 } }).to_string();
        let shapes = [whole, json!([section, skipped]).to_string(), format!("{section}\n{skipped}\n")];
        let read: Vec<KubeBench> = shapes.iter().map(|text| read_kube_bench(text.as_bytes()).unwrap()).collect();
        assert!(
            read.iter()
                .all(|one| *one == read[0] && one.checks.len() == 1 && one.kubernetes.as_deref() == Some("1.31"))
        );
        for (text, why) in [
            ("", "it holds no check"),
            ("[]", "it holds no check"),
            ("{\"Controls\":[", "it is no JSON"),
            ("== Summary ==", "it is no JSON"),
            ("{\"Controls\":7}", "`Controls` is no list"),
            ("{\"Results\":[]}", "neither `Controls` nor `tests`"),
            ("[7]", "it is not kube-bench's JSON"),
            ("[{\"tests\":[{\"results\":[{\"status\":\"PASS\"}]}]}]", "test_number"),
            ("[{\"tests\":[{\"results\":[{\"test_number\":\"1\",\"status\":\"OK\"}]}]}]", "check 1 has the state `OK`"),
        ] {
            let error = read_kube_bench(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
