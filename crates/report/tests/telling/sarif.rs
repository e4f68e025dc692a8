//! SARIF 2.1.0: what the standard and GitHub demand.

use assess::Verdict;
use report::{Beside, Finding, Report, State, inert};
use serde_json::Value;

use crate::every::{self, left_out};
use crate::{beside, samples};

fn parsed(report: &Report) -> Value {
    serde_json::from_str(&report::sarif(report, &Beside::default())).unwrap()
}

fn list<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// What is not told of a finding.
pub(crate) fn missing(told: &str, finding: &Finding) -> Option<String> {
    let log: Value = serde_json::from_str(told).unwrap();
    let broken = |name: &str| inert(name).replace("](", "] (");
    let mut why = Some(format!("no result of {}", finding.control));
    for result in list(&log, "/runs/0/results").iter().filter(|result| result["ruleId"] == broken(&finding.control)) {
        let places = list(result, "/locations").iter().map(|place| text(place, "/logicalLocations/0/name"));
        // Marks of links are broken, nothing else is changed.
        let mut places: Vec<String> = places.map(|place| place.replace("] (", "](")).collect();
        places.push(text(result, "/properties/verdict").to_owned());
        let more = result.pointer("/properties/subjectsWithoutLocation").and_then(Value::as_u64);
        places.extend(more.map(|more| format!("… and {more} more")));
        let decided = list(result, "/properties/decided").iter().filter_map(Value::as_str);
        places.extend(decided.map(|said| said.replace("] (", "](")));
        why = left_out(&places.join("\n"), finding, 1000);
        if why.is_none() {
            break;
        }
    }
    why
}

#[test]
fn how_it_looks() {
    insta::assert_snapshot!(report::sarif(&samples::control_plane(), &Beside::default()));
}

fn samples_of_all_kinds() -> Vec<Report> {
    let mut reports = vec![samples::control_plane(), samples::two_nodes(), samples::empty(), samples::wide()];
    reports.extend(every::HOSTILE.map(every::hostile));
    let mut owned = samples::control_plane();
    owned.findings[9].decision = State::ProviderOwned.into();
    reports.push(owned);
    reports
}

/// The rules of the standard that a reader trips over, and GitHub's own.
#[test]
fn the_rules_of_the_standard_hold() {
    for report in samples_of_all_kinds() {
        let log = parsed(&report);
        assert_eq!(log["version"], "2.1.0");
        let rules = list(&log, "/runs/0/tool/driver/rules");
        let ids: std::collections::BTreeSet<&str> = rules.iter().map(|rule| text(rule, "/id")).collect();
        assert_eq!(ids.len(), rules.len(), "a rule is described once");
        let results = list(&log, "/runs/0/results");
        assert_eq!(results.len(), report.findings.len());
        let suppresses = results.iter().filter(|result| result.get("suppressions").is_some()).count();
        assert!(suppresses == 0 || suppresses == results.len(), "§3.27.23: all or none");
        let mut prints = std::collections::BTreeSet::new();
        for (result, finding) in results.iter().zip(&report.findings) {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(result["ruleId"], rules[index]["id"], "§3.27.6");
            assert!(!text(result, "/message/text").is_empty(), "§3.11.7");
            let (kind, level) = (text(result, "/kind"), text(result, "/level"));
            assert_eq!(kind == "fail", level != "none", "§3.27.10: {kind} and {level}");
            assert_eq!(kind == "fail", finding.verdict == Verdict::Fail);
            let locations = list(result, "/locations");
            assert!((1..=1000).contains(&locations.len()), "GitHub wants one, and takes no more than 1,000");
            for location in locations {
                let uri = text(location, "/physicalLocation/artifactLocation/uri");
                let plain = |letter: char| letter.is_ascii_alphanumeric() || "/-._~%".contains(letter);
                assert!(!uri.is_empty() && uri.chars().all(plain), "RFC 3986: {uri}");
            }
            assert!(prints.insert(text(result, "/partialFingerprints/primaryLocationLineHash")), "one result each");
            let suppressions = list(result, "/suppressions");
            assert_eq!(suppressions.len(), usize::from(finding.decision.state.is_settled()));
        }
        for rule in rules {
            let severity: f64 = text(rule, "/properties/security-severity").parse().unwrap();
            assert!((0.0..=10.0).contains(&severity) && list(rule, "/properties/tags").len() <= 20);
        }
    }
}

/// The schema is not ours to ship: `SARIF_SCHEMA` names a copy of sarif-schema-2.1.0.json.
#[test]
fn it_keeps_to_the_official_schema_where_that_is_at_hand() {
    let Some(path) = std::env::var_os("SARIF_SCHEMA") else { return };
    let mut schema: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    // Its pattern for languages has a bracket too many, and is no regular expression.
    for of in ["run", "toolComponent"] {
        schema["definitions"][of]["properties"]["language"].as_object_mut().unwrap().remove("pattern");
    }
    let validator = jsonschema::validator_for(&schema).unwrap();
    for report in samples_of_all_kinds() {
        let drift = beside::between(&beside::earlier(&report), &report);
        for beside in [Beside::default(), Beside { drift: Some(&drift), ..Beside::default() }] {
            let log = serde_json::from_str(&report::sarif(&report, &beside)).unwrap();
            let errors: Vec<String> = validator.iter_errors(&log).map(|error| error.to_string()).collect();
            assert_eq!(errors, Vec::<String>::new());
        }
    }
}

#[test]
fn a_fingerprint_outlives_nodes_and_changes_with_the_bounds() {
    let prints = |report: &Report| -> Vec<String> {
        let log = parsed(report);
        list(&log, "/runs/0/results")
            .iter()
            .map(|result| text(result, "/partialFingerprints/primaryLocationLineHash").to_owned())
            .collect()
    };
    let before = samples::control_plane();
    let mut after = before.clone();
    after.findings[0].subjects.truncate(2);
    after.findings[0].reason.push_str(" and more");
    after.findings[0].subjects[0].captures = vec!["cp-9".to_owned()];
    assert_eq!(prints(&before), prints(&after));
    after.findings[0].parameters.insert("mode".to_owned(), "600".into());
    assert_ne!(prints(&before)[0], prints(&after)[0]);
    assert_eq!(prints(&before)[2..], prints(&after)[2..]);
}

#[test]
fn configuration_before_rollout_is_found_in_its_file() {
    let mut report = samples::control_plane();
    report.run.captures[0].source = "rendered".to_owned();
    report.run.captures[0].root = "./machines/control plane.yaml".to_owned();
    let uris = |report: &Report| -> Vec<String> {
        let uri = |result: &Value| text(result, "/locations/0/physicalLocation/artifactLocation/uri").to_owned();
        list(&parsed(report), "/runs/0/results").iter().map(uri).collect()
    };
    assert!(uris(&report).iter().all(|uri| uri == "machines/control%20plane.yaml"));
    report.run.captures[0].source = "node".to_owned();
    assert_eq!(uris(&report)[0], "node/cp-1/etc/kubernetes/pki/extra-01.crt");
    assert_eq!(uris(&report)[4], "node/cp-1");
}

/// Each state of a decision that settles something suppresses, with the reason; none other does.
#[test]
fn what_a_register_settles_is_suppressed_with_its_reason() {
    for state in State::ALL {
        let mut report = samples::control_plane();
        let finding = report.findings.iter_mut().find(|finding| finding.verdict == Verdict::Fail).unwrap();
        finding.decision = samples::decision(state);
        let control = finding.control.clone();
        let log = parsed(&report);
        let result = list(&log, "/runs/0/results").iter().find(|result| result["ruleId"] == control.as_str()).unwrap();
        let settles = matches!(state, State::Accepted | State::Answered | State::Informational | State::ProviderOwned);
        let suppressions = list(result, "/suppressions");
        assert_eq!(suppressions.len(), usize::from(settles), "{state:?}");
        assert_eq!(text(result, "/properties/decision"), state.word());
        if let [suppression] = suppressions {
            assert_eq!((text(suppression, "/kind"), text(suppression, "/status")), ("external", "accepted"));
            let why = text(suppression, "/justification");
            for said in ["2027-03-31", "security-office", "STOR-812", "register.yaml:29"] {
                assert!(why.contains(said), "{state:?}: {said} is not in {why}");
            }
        }
    }
}

#[test]
fn a_rule_says_in_markdown_what_to_do() {
    for report in samples_of_all_kinds() {
        let log = parsed(&report);
        for rule in list(&log, "/runs/0/tool/driver/rules") {
            let help = text(rule, "/help/markdown");
            assert!(help.contains("kube-assay explain"), "{help}");
            // Outside of a fence nothing is a link or an element.
            let outside: String = help.split("```").step_by(2).collect();
            let outside = outside.replace("\\]", "");
            assert!(!outside.contains('<') && !outside.contains("]("), "{outside}");
        }
    }
}
