//! `compare` and `import` as their user meets them: two runs, their causes, and what kube-bench said.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use assess::Verdict;
use common::call::{call, called};
use report::drift::{Cause, Drift, Kind};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

const STOCK: &str = "fixtures/runs/kubeadm-v1.36.run";
const HARDENED: &str = "fixtures/runs/kubeadm-hardened-v1.36.run";

fn path(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).display().to_string()
}

fn drift(arguments: &[&str]) -> Drift {
    let ended = call(&[&["compare"], arguments, &["-o", "json"]].concat());
    serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{error}: {}{}", ended.err, ended.out))
}

#[test]
fn what_got_worse_is_exit_code_1_and_what_was_mended_is_not() {
    let worse = call(&["compare", HARDENED, STOCK]);
    assert_eq!(worse.code, 1, "{}", worse.err);
    assert!(worse.out.starts_with("WORSE: 24 new failures"), "{}", worse.out);
    let back = drift(&[STOCK, HARDENED]);
    assert_eq!((back.count(Kind::Fixed), back.count(Kind::New), back.is_worse()), (24, 0, false));
    assert_eq!(call(&["compare", STOCK, STOCK]).code, 0);
    // What can no longer be seen here lies outside what such a source shows.
    assert_eq!(call(&["compare", HARDENED, STOCK, "--fail-on", "none"]).code, 0);
    let only = drift(&[STOCK, HARDENED, "--only", "fixed"]);
    assert!(only.changes.iter().all(|change| change.kind == Kind::Fixed) && only.count(Kind::Unchanged) > 0);
}

#[test]
fn what_may_no_longer_be_read_is_exit_code_3_and_never_fixed() {
    let content = common::content();
    let folder = tempfile::tempdir().unwrap();
    let mut node = common::recording("kubeadm-hardened-v1.36");
    node.denied.insert("/etc/kubernetes/scheduler/config.yaml".to_owned());
    let write = |name: &str, capture: evidence::Capture| {
        let file = std::fs::File::create(folder.path().join(name)).unwrap();
        evidence::write_run(&evidence::Run { captures: vec![capture] }, file).unwrap();
    };
    write("whole.run", common::recording("kubeadm-hardened-v1.36").capture(assess::trails(&content)));
    write("denied.run", node.capture(assess::trails(&content)));
    let (whole, denied) = (path(&folder, "whole.run"), path(&folder, "denied.run"));
    let ended = call(&["compare", &whole, &denied]);
    assert_eq!(ended.code, 3, "{}", ended.out);
    assert!(ended.out.contains("Nothing new failed, but less could be seen"), "{}", ended.out);
    let told = drift(&[&denied, &whole]);
    assert!(told.count(Kind::VisibilityGained) > 0 && told.count(Kind::Fixed) == 0, "{:?}", told.counts);
}

/// A node is gone if the cluster says so, and not because its file was left out.
#[test]
fn a_node_whose_evidence_was_left_out_is_missed() {
    let content = common::content();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, captures: Vec<evidence::Capture>| {
        let file = std::fs::File::create(folder.path().join(name)).unwrap();
        evidence::write_run(&evidence::Run { captures }, file).unwrap();
        path(&folder, name)
    };
    let mut node = common::recording("kubeadm-hardened-v1.36");
    let cluster = |node: &collect::recording::Recording| node.cluster(assess::trails(&content)).into_iter().collect();
    let own = write("node.run", vec![node.capture(assess::trails(&content))]);
    let whole = write("cluster.run", cluster(&node));
    let nodes = "/api/v1/nodes".to_owned();
    node.api.insert(nodes.clone(), b"{\"items\":[]}".to_vec());
    let empty = write("empty.run", cluster(&node));
    node.api.remove(&nodes);
    let unlisted = write("unlisted.run", cluster(&node));
    let scan = |evidence: &[&str], more: &[&str]| {
        let report = format!("json={}", path(&folder, "report.json"));
        call(&[&["scan", "--profile", "cis-2.0.1", "-o", &report], more, &["--evidence"], evidence].concat())
    };
    let baseline = format!("json={}", path(&folder, "baseline.json"));
    scan(&[&whole, &own], &["-o", &baseline]);
    let baseline = path(&folder, "baseline.json");
    for (cluster, code, line) in [
        (&whole, 3, "  not looked at, and in the baseline: kb-node"),
        (&empty, 0, "  note: no longer there: kb-node"),
        (&unlisted, 3, "  not looked at, and in the baseline: kb-node"),
    ] {
        let ended = scan(&[cluster], &["--fail-on", "new", "--baseline", &baseline]);
        assert_eq!(ended.code, code, "{cluster}: {}", ended.err);
        assert!(ended.err.lines().any(|told| told == line), "{cluster}: {}", ended.err);
    }
}

#[test]
fn the_evidence_of_the_earlier_run_tells_the_profile_from_the_cluster() {
    let folder = tempfile::tempdir().unwrap();
    let stored = path(&folder, "stored.json");
    call(&["scan", "--evidence", HARDENED, "--profile", "node-kernel", "-o", &format!("json={stored}")]);
    let after = ["--profile", "cis-2.0.1"];
    // Two profiles that have nothing in common: nothing is fixed by asking for something else.
    let told = drift(&[&[stored.as_str(), STOCK], &after[..]].concat());
    assert!(told.changes.iter().all(|change| [Kind::Dropped, Kind::Demanded].contains(&change.kind)));
    assert_eq!(told.causes.keys().collect::<Vec<_>>(), [&Cause::Profile]);
    call(&["scan", "--evidence", HARDENED, "--profile", "cis-1.12", "-o", &format!("json={stored}")]);
    let blind = drift(&[&[stored.as_str(), STOCK], &after[..]].concat());
    assert_eq!(blind.unseparated, [Cause::Profile, Cause::Cluster]);
    assert!(blind.causes[&Cause::Unclear][&Kind::New].findings >= 20);
    let seeing = drift(&[&[stored.as_str(), STOCK, "--before-evidence", HARDENED], &after[..]].concat());
    assert!(seeing.unseparated.is_empty() && seeing.causes[&Cause::Cluster][&Kind::New].findings >= 20);
    assert!(!seeing.causes.contains_key(&Cause::Unclear), "{:?}", seeing.causes);
    // A report of a tool of another version.
    let mut older: Value = serde_json::from_slice(&std::fs::read(&stored).unwrap()).unwrap();
    older["tool"]["version"] = "0.0.1".into();
    std::fs::write(&stored, older.to_string()).unwrap();
    let blind = drift(&[&[stored.as_str(), STOCK], &after[..]].concat());
    assert_eq!(blind.unseparated, [Cause::Tool, Cause::Profile, Cause::Cluster]);
    let seeing = drift(&[&[stored.as_str(), STOCK, "--before-evidence", HARDENED], &after[..]].concat());
    assert!(seeing.unseparated.is_empty() && seeing.causes[&Cause::Cluster][&Kind::New].findings >= 20);
}

#[test]
fn what_cannot_be_compared_is_refused_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, part, drift, other, renamed] =
        ["whole.json", "part.json", "drift.json", "other.json", "renamed.run"].map(|name| path(&folder, name));
    call(&["collect", "--evidence", STOCK, "--name", "cp-9", "-o", &renamed]);
    let into = |file: &str| format!("json={file}");
    call(&["scan", "--evidence", STOCK, "-o", &into(&whole)]);
    call(&["scan", "--evidence", STOCK, "--only", "fail", "-o", &into(&part)]);
    call(&["compare", STOCK, STOCK, "-o", &into(&drift)]);
    std::fs::write(&other, "{\"schema\":\"kube-assay.report/v1\",\"tool\":7}").unwrap();
    let history = path(&folder, "history.db");
    let by_name = ["--history", &history, "--cluster-name", "prod"];
    call(&[&["scan", "--evidence", HARDENED], &by_name[..]].concat());
    let cases: [(&[&str], &str); 14] = [
        (&["no-such-file", STOCK], "no-such-file: No such file"),
        (&["1", "2"], "1 is a run of a history, and there is none: --history FILE names it"),
        (&["lastgood", STOCK], "there is none: --history FILE names it (did you mean last-good?)"),
        (&["lastgood", STOCK, "--history", &history], "(did you mean last-good?)"),
        (&["7", STOCK, "--history", &history], "the history holds no run 7"),
        (&["README.md", STOCK], "no run file, no report of kube-assay and no output of kube-bench"),
        (&[&part, &whole], "it does not tell all that it counts"),
        (&[&drift, &whole], "it is kube-assay.drift/v1"),
        (&[&other, &whole], "no whole report"),
        (&[&whole, &whole, "--before-evidence", &renamed], "it is not what the earlier report was made of"),
        (&[STOCK, &whole, "--before-evidence", STOCK], "BEFORE is a run with evidence of its own"),
        (&[STOCK, STOCK, "--only", "fixd"], "did you mean fixed?"),
        (&[STOCK, STOCK, "-o", "pdf"], "there are terminal, json, markdown"),
        (&[STOCK, STOCK, "-o", "json", "-o", "markdown"], "only one format can go to stdout"),
    ];
    for (arguments, why) in cases {
        let nothing = path(&folder, "nothing");
        let ended = called(&[&["compare"], arguments].concat(), &[("XDG_STATE_HOME", &nothing)]);
        assert!(ended.code == 2 && ended.err.contains(why), "{arguments:?}: {} {}", ended.code, ended.err);
    }
}

/// A recorded answer of kube-bench, in the shape in which kube-bench writes it.
fn kube_bench(node: &str, benchmark: &str) -> Value {
    let file = common::root().join("fixtures/nodes").join(node).join(format!("kube-bench/{benchmark}.json"));
    let recorded: Vec<Value> = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let mut sections: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for check in recorded {
        sections.entry(check["target"].as_str().unwrap().to_owned()).or_default().push(json!({
            "test_number": check["id"], "test_desc": "", "audit": "", "AuditEnv": "", "AuditConfig": "",
            "type": check["type"], "remediation": "", "test_info": [""], "status": check["status"],
            "actual_value": check["actual"], "scored": check["scored"], "IsMultiple": false, "expected_result": "",
            "reason": check["reason"],
        }));
    }
    let section = |(target, results): (String, Vec<Value>)| {
        json!({ "id": "1", "version": benchmark, "detected_version": "none", "text": "", "node_type": target,
            "tests": [{ "section": "1.1", "type": "", "pass": 0, "fail": 0, "warn": 0, "info": 0, "desc": "", "results": results }],
            "total_pass": 0, "total_fail": 0, "total_warn": 0, "total_info": 0 })
    };
    json!({ "Controls": sections.into_iter().map(section).collect::<Vec<_>>(), "Totals": {} })
}

#[derive(Debug, Deserialize)]
struct Difference {
    node: String,
    id: String,
    profiles: Vec<String>,
    ours: Verdict,
}

#[test]
fn every_disagreement_with_kube_bench_is_told_with_our_evidence() {
    let listed: Vec<Difference> = serde_saphyr::from_str(
        &std::fs::read_to_string(common::root().join("fixtures/peers/differences.yaml")).unwrap(),
    )
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let theirs = path(&folder, "cp-1.json");
    for (node, run, benchmark) in
        [("kubeadm-v1.36", STOCK, "cis-1.12"), ("kubeadm-hardened-v1.36", HARDENED, "cis-1.10")]
    {
        std::fs::write(&theirs, kube_bench(node, benchmark).to_string()).unwrap();
        let told = drift(&[&theirs, run, "--profile", benchmark]);
        let expect: BTreeMap<&str, Verdict> = listed
            .iter()
            .filter(|own| own.node == node && own.profiles.iter().any(|profile| profile == benchmark))
            .map(|own| (own.id.as_str(), own.ours))
            .collect();
        let mut found = BTreeMap::new();
        for change in told.changes.iter().filter(|change| !change.id().starts_with('5') && change.before.is_some()) {
            let (before, after) = (change.before.as_ref().unwrap(), change.after.as_ref().unwrap());
            assert!(before.reason.starts_with("kube-bench says ") && before.observed.is_empty(), "{before:?}");
            if before.verdict != after.verdict {
                assert_eq!(change.causes, [Cause::AnotherTool]);
                let evidence = !after.observed.is_empty() || !after.reason.is_empty();
                assert!(evidence && !matches!(change.kind, Kind::New | Kind::Fixed | Kind::Unchanged), "{change:?}");
                found.insert(change.id(), after.verdict);
            }
        }
        assert_eq!(found, expect, "{node} {benchmark}");
        assert!(told.nodes.added.is_empty() && told.nodes.gone.is_empty(), "the only node of each is the same");
    }
    let ended = call(&["compare", &theirs, HARDENED, "--profile", "cis-1.10"]);
    for part in ["The two tools disagree", "kube-bench FAIL: kube-bench says FAIL; it printed: ", "another tool judged"]
    {
        assert!(ended.out.contains(part), "{part} in\n{}", ended.out);
    }
}

#[test]
fn what_kube_bench_said_becomes_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two, report] = ["one.json", "two.json", "report.json"].map(|name| path(&folder, name));
    let whole = kube_bench("kubeadm-v1.36", "cis-1.12");
    std::fs::write(&one, whole.to_string()).unwrap();
    // Without totals it is a list.
    std::fs::write(&two, whole["Controls"].to_string()).unwrap();
    let named = ["--node", "cp-1,cp-2", "--taken", "2025-11-03", "--kube-bench-version", "0.15.6"];
    let ended = call(&[&["import", "kube-bench", &one, &two, "-o", &report], &named[..]].concat());
    assert!(ended.code == 0 && ended.out.is_empty(), "{}", ended.err);
    let told: report::Report = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    assert_eq!((told.tool.name.as_str(), told.tool.version.as_str()), ("kube-bench", "0.15.6"));
    assert!(told.warnings.is_empty() && report::drift::is_whole(&told), "{:?}", told.warnings);
    assert_eq!(told.run.captures[0].taken.as_deref(), Some("2025-11-03T00:00:00Z"));
    let first = told.findings.iter().find(|finding| finding.id() == "1.1.1").unwrap();
    assert_eq!(
        (first.verdict, first.reason.as_str()),
        (Verdict::Pass, "kube-bench says PASS; it printed: permissions=600")
    );
    assert_eq!(first.subjects[0].captures, ["cp-1", "cp-2"]);
    assert!(told.findings.iter().all(|finding| finding.observed.is_empty() && finding.basis.is_none()));
    assert_eq!(call(&["compare", &report, &report]).code, 0);
    let node = call(&["import", "kube-bench", &two]);
    let node: report::Report = serde_json::from_str(&node.out).unwrap();
    assert_eq!(node.run.captures[0].name, "two", "a node is named after its file where nobody names it");
}

#[test]
fn what_is_not_kube_benchs_is_refused_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let [fine, foreign, broken] = ["fine.json", "foreign.json", "broken.json"].map(|name| path(&folder, name));
    let whole = kube_bench("kubeadm-v1.36", "cis-1.12");
    std::fs::write(&fine, whole.to_string()).unwrap();
    std::fs::write(&foreign, whole.to_string().replace("cis-1.12", "eks-1.8.0")).unwrap();
    std::fs::write(&broken, &whole.to_string()[..2000]).unwrap();
    let cases: [(&[&str], &str); 9] = [
        (&[&fine, "--taken", "2999-01-01"], "--taken 2999-01-01T00:00:00Z is in the future"),
        (&[&fine, "--taken", "yesterday"], "a day (2026-03-01) or a time (2026-03-01T02:00:00Z) is wanted"),
        (&[&foreign], "kube-bench judged by eks-1.8.0, and there is no profile of that name: there are cis-1.9"),
        (&[&fine, &foreign], "kube-bench names cis-1.12, eks-1.8.0"),
        (&[&fine, "--profile", "cis-1.13"], "did you mean cis-1.1"),
        (&[&broken], "it is no JSON"),
        (&["README.md"], "README.md: it is no JSON"),
        (&[&fine, &fine], "two files are of the node fine"),
        (&[&fine, "--node", "a,b"], "1 files and 2 --node"),
    ];
    for (arguments, why) in cases {
        let ended = call(&[&["import", "kube-bench"], arguments].concat());
        assert!(ended.code == 2 && ended.err.contains(why) && ended.out.is_empty(), "{arguments:?}: {}", ended.err);
    }
    let meant = call(&["import", "kube-bench", &foreign, "--profile", "cis-1.12"]);
    assert!(meant.code == 0 && meant.out.contains("given by --profile"), "{}", meant.err);
    assert!(Path::new(&fine).exists());
}
