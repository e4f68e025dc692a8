//! kube-bench's shapes: what its readers rely on.

use assess::Verdict;
use report::{Decision, Finding, inert, kube_bench, kube_bench_json};
use serde_json::Value;

use crate::every::{self, left_out};
use crate::samples;

fn state(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Fail => "FAIL",
        Verdict::Unknown | Verdict::Manual => "WARN",
        Verdict::Pass => "PASS",
        Verdict::NotApplicable => "INFO",
    }
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn checks(log: &Value) -> impl Iterator<Item = &Value> {
    list(log, "Controls").iter().flat_map(|section| list(section, "tests")).flat_map(|group| list(group, "results"))
}

/// What the JSON does not tell of a finding.
pub(crate) fn missing(told: &str, finding: &Finding) -> Option<String> {
    // Its shape has no place for what was decided.
    let finding = &Finding { decision: Decision::default(), ..finding.clone() };
    let log: Value = serde_json::from_str(told).unwrap();
    let mut why = Some("no check".to_owned());
    for check in checks(&log).filter(|check| check["test_number"] == inert(finding.id()).as_ref()) {
        why = left_out(check["actual_value"].as_str().unwrap(), finding, 20);
        if why.is_none() {
            break;
        }
    }
    why
}

/// What the text does not tell of a finding: an id has its state, and what failed its subjects too.
pub(crate) fn missing_text(told: &str, finding: &Finding) -> Option<String> {
    let finding = &Finding { decision: Decision::default(), ..finding.clone() };
    let states = ["FAIL", "WARN", "PASS", "INFO"];
    let head = |state: &str| format!("[{state}] {} {} (", inert(finding.id()), inert(&finding.title));
    let heads = states.map(head);
    let is_head = |line: &str| heads.iter().any(|head| line.starts_with(head));
    let lines: Vec<&str> = told.lines().collect();
    let Some(at) = lines.iter().position(|line| is_head(line)) else { return Some("no check".to_owned()) };
    let rolled = lines[at][1..5].to_owned();
    if finding.verdict != Verdict::Fail {
        // What is graver of another subject is what the id is then told by.
        let grave = |state: &str| states.iter().position(|other| *other == state);
        return (grave(&rolled) > grave(state(finding.verdict))).then(|| lines[at].to_owned());
    }
    let rows: Vec<&str> = lines[at + 1..].iter().take_while(|line| line.starts_with("\t ")).copied().collect();
    left_out(&format!("{}\n{}", lines[at], rows.join("\n")), finding, 20)
}

#[test]
fn how_it_looks() {
    insta::assert_snapshot!("kube_bench", kube_bench(&samples::control_plane()));
    let log: Value = serde_json::from_str(&kube_bench_json(&samples::two_nodes())).unwrap();
    insta::assert_snapshot!("kube_bench_json", serde_json::to_string_pretty(&log).unwrap());
}

#[test]
fn the_keys_are_kube_benchs_in_its_order() {
    let log: Value = serde_json::from_str(&kube_bench_json(&samples::control_plane())).unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    let section = &log["Controls"][0];
    assert_eq!(keys(&log), "Controls Totals");
    assert_eq!(
        keys(section),
        "id version detected_version text node_type tests total_pass total_fail total_warn total_info"
    );
    assert_eq!(keys(&section["tests"][0]), "section type pass fail warn info desc results");
    assert_eq!(
        keys(&section["tests"][0]["results"][0]),
        "test_number test_desc audit AuditEnv AuditConfig type remediation test_info status actual_value scored \
         IsMultiple expected_result reason"
    );
    assert_eq!(keys(&log["Totals"]), "total_pass total_fail total_warn total_info");
}

#[test]
fn the_numbers_add_up() {
    for report in
        [samples::control_plane(), samples::in_part(), samples::two_nodes(), samples::empty(), samples::wide()]
    {
        let told = kube_bench_json(&report);
        assert_eq!(told.lines().count(), 1);
        let log: Value = serde_json::from_str(&told).unwrap();
        for (key, of) in [("pass", "PASS"), ("fail", "FAIL"), ("warn", "WARN"), ("info", "INFO")] {
            let total = format!("total_{key}");
            let count = checks(&log).filter(|check| check["status"] == of).count();
            let sections: u64 = list(&log, "Controls").iter().map(|section| section[&total].as_u64().unwrap()).sum();
            assert_eq!((log["Totals"][&total].as_u64(), sections), (Some(count as u64), count as u64), "{key}");
            assert!(kube_bench(&report).ends_with("checks INFO\n\n"));
        }
        let ids: usize = report.demands().map(|demand| demand[0].cited_by.len()).sum();
        assert_eq!(checks(&log).count(), ids);
    }
}

/// DefectDojo takes FAIL and, but for the sentence of a manual test, WARN; it joins these texts.
#[test]
fn an_importer_finds_what_it_reads() {
    let log: Value = serde_json::from_str(&kube_bench_json(&samples::control_plane())).unwrap();
    let check = |id: &str| checks(&log).find(|check| check["test_number"] == id).unwrap().clone();
    for check in checks(&log) {
        for key in ["test_number", "test_desc", "audit", "expected_result", "actual_value", "remediation", "status"] {
            assert!(check[key].is_string(), "{key}");
        }
    }
    assert_eq!(check("4.2.13")["reason"], "Test marked as a manual test");
    assert_eq!(check("4.2.13")["status"], "WARN");
    let unseen = "/var/lib/kubelet/config.yaml may not be read (to see it: run with CAP_DAC_READ_SEARCH)";
    assert_eq!(check("4.2.1")["reason"], unseen);
    assert_eq!(check("2.2")["actual_value"].as_str().unwrap().lines().count(), 1);
    assert_eq!(check("1.1.20")["actual_value"].as_str().unwrap().lines().count(), 2);
}

#[test]
fn no_state_is_forged() {
    for report in every::HOSTILE.map(every::hostile) {
        let told = kube_bench(&report);
        let ids: usize = report.demands().map(|demand| demand[0].cited_by.len()).sum();
        let states = ["[FAIL] ", "[WARN] ", "[PASS] "];
        let told = told.lines().filter(|line| states.iter().any(|state| line.starts_with(state))).count();
        let not_applicable = report.demands().filter(|demand| demand[0].verdict == Verdict::NotApplicable).count();
        assert_eq!(told, ids - 2 * not_applicable);
        let json = kube_bench_json(&report);
        assert!(!json.contains(['<', '>', '&']));
    }
}
