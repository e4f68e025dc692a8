//! The command `history`, as a person calls it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::path::Path;

use common::call::call;
use history::{Record, Store};
use jiff::Timestamp;

fn called(at: &Path, arguments: &[&str]) -> (i32, String, String) {
    let arguments = [&["history"], arguments].concat();
    let ended = common::call::called(&arguments, &[("KUBE_ASSAY_HISTORY", at.to_str().unwrap())]);
    (ended.code, ended.out, ended.err)
}

const RUN: &str = "fixtures/runs/kubeadm-v1.36.run";

fn report() -> report::Report {
    serde_json::from_str(&call(&["scan", "-o", "json", "--section", "1.2", "--evidence", RUN]).out).unwrap()
}

/// Records a run a day from 2026 on, the first of them good, and gives the head.
fn recorded(path: &Path, runs: &[(&report::Report, &str)]) -> String {
    let mut store = Store::open(path).unwrap();
    for (day, (report, cluster)) in (0..).zip(runs) {
        let at = Timestamp::from_second(1_767_225_600 + 86_400 * day).unwrap();
        let (run, good) = (evidence::Run::default(), day == 0);
        let gate = if good { "passed" } else { "closed" };
        let record = Record { report, run: &run, content: &[], register: None, cluster, at, good, gate };
        store.record(&record).unwrap();
    }
    store.head().unwrap().unwrap().to_string()
}

#[test]
fn a_review_is_kept_with_its_run() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("history.db");
    let report = report();
    let head = recorded(&path, &[(&report, "prod"), (&report, "prod")]);
    assert_eq!(called(&path, &["review", "2"]).0, 2, "somebody has read it");
    assert_eq!(called(&path, &["review", "2", "--by", ""]).0, 2);
    assert_eq!(called(&path, &["review", "7", "--by", "ann"]).0, 2);
    let (code, text, _) = called(&path, &["review", "1", "--by", "Ann \u{1b}[31mLee", "--note", "SEC-12"]);
    assert_eq!((code, text.starts_with("run 1 20260101T000000Z-")), (0, true), "{text}");
    let (_, text, _) = called(&path, &["list"]);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[1].contains(r"  Ann \u{1b}[31mLee  yes   passed"), "{text}");
    assert!(lines[2].contains("  -  ") && lines[2].ends_with("  no    closed"), "{text}");
    assert!(lines[3].ends_with(r"  Ann \u{1b}[31mLee reviewed run 1: SEC-12"), "{text}");
    let (_, text, _) = called(&path, &["list", "--unreviewed", "-o", "json"]);
    let listing: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(listing["entries"].as_array().unwrap().iter().map(|run| &run["number"]).collect::<Vec<_>>(), [2]);
    assert!(jsonschema::is_valid(&history::schema(), &listing));
    assert_eq!(called(&path, &["verify", "--head", &head]).0, 0);
    let archive = directory.path().join("audit.tar.zst");
    let archive = archive.to_str().unwrap();
    assert_eq!(called(&path, &["export", "-o", archive, "1"]).0, 0);
    assert_eq!(called(&path, &["verify", "--archive", archive, "--head", &head]).0, 0);
    assert_eq!(called(&path, &["prune", "--keep-last", "1"]).0, 0);
    assert_eq!(called(&path, &["prune", "--keep-last", "1"]).0, 0);
    assert_eq!(called(&path, &["verify"]).0, 0);
}

#[test]
fn a_scheduled_run_says_which_runs_nobody_has_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("history.db");
    let path = path.to_str().unwrap();
    let scan = |more: &[&str]| {
        let mut all = vec!["scan", "--evidence", RUN, "--history", path, "--cluster-name", "prod", "-o", "json"];
        all.extend(more);
        call(&all)
    };
    assert_eq!(scan(&["--fail-on", "none"]).code, 0);
    let second = scan(&["--fail-on", "new", "--baseline", "last-good"]);
    assert_eq!((second.code, second.err.contains("reviewed")), (0, false), "{}", second.err);
    assert_eq!(called(Path::new(path), &["review", "1", "--by", "ann"]).0, 0);
    let third = scan(&["--section", "1.2"]);
    let note = "note: nobody has reviewed the last 2 runs of prod, since ";
    assert_eq!((third.code, third.err.contains(note)), (1, true), "{}", third.err);
    let command = format!(": kube-assay history --history {path} review last --cluster prod --by NAME\n");
    assert!(third.err.contains(&command), "{}", third.err);
    assert_eq!(called(Path::new(path), &["review", "last", "--by", "ann"]).0, 0);
    let (_, text, _) = called(Path::new(path), &["list", "-o", "json"]);
    let listing: serde_json::Value = serde_json::from_str(&text).unwrap();
    let runs = listing["entries"].as_array().unwrap().iter().filter(|entry| entry.get("run").is_some());
    assert_eq!(
        runs.map(|run| (run["run"]["gate"].as_str().unwrap(), run["run"]["good"] == true)).collect::<Vec<_>>(),
        [
            ("none: what is there is taken as known", true),
            ("new since last-good: passed", true),
            ("required: failed; a part of an audit", false),
        ]
    );
}

/// What would hold on a day that is yet to come is no baseline for the runs of today.
#[test]
fn a_rehearsal_is_never_good() {
    let directory = tempfile::tempdir().unwrap();
    let [path, register] = ["history.db", "register.yaml"].map(|name| directory.path().join(name));
    std::fs::write(&register, "register: rehearsed\n").unwrap();
    let (path, register) = (path.to_str().unwrap(), register.to_str().unwrap());
    let scan = |more: &[&str]| {
        let mut all = vec!["scan", "--evidence", RUN, "--history", path, "--cluster-name", "prod", "-o", "json"];
        all.extend(["--fail-on", "none", "--register", register]);
        all.extend(more);
        call(&all)
    };
    let today = scan(&[]);
    let rehearsed = scan(&["--as-of", "2999-01-01"]);
    let of_then = scan(&["--as-of", "2025-01-01"]);
    assert_eq!([today.code, rehearsed.code, of_then.code], [0, 0, 0], "{}", rehearsed.err);
    assert!(!rehearsed.err.contains("is the last good run now"), "{}", rehearsed.err);
    let (_, text, _) = called(Path::new(path), &["list", "-o", "json"]);
    let listing: serde_json::Value = serde_json::from_str(&text).unwrap();
    let runs = listing["entries"].as_array().unwrap().iter();
    let known = "none: what is there is taken as known";
    assert_eq!(
        runs.map(|run| (run["run"]["gate"].as_str().unwrap(), run["run"]["good"] == true)).collect::<Vec<_>>(),
        [
            (known, true),
            (&format!("{known}; judged as of 2999-01-01"), false),
            (&format!("{known}; judged as of 2025-01-01"), true),
        ]
    );
}

#[test]
fn a_trend_tells_what_is_open_and_who_accepts_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("history.db");
    let before = report();
    let mut after = before.clone();
    let decide = |report: &mut report::Report, state, count| report.decisions.insert(state, count);
    let open = decide(&mut after, report::State::Required, 1).unwrap();
    decide(&mut after, report::State::Accepted, open - 2);
    decide(&mut after, report::State::Overdue, 1);
    let by = |owner: &str, count| std::collections::BTreeMap::from([(owner.to_owned(), count)]);
    after.register = Some(report::RegisterInfo {
        name: "production".to_owned(),
        digest: String::new(),
        as_of: "2026-01-03".to_owned(),
        accepted: by("plat\u{1b}form", open - 2),
        overdue: by("security", 1),
        unused: Vec::new(),
        foreign: None,
    });
    recorded(&path, &[(&before, "prod"), (&before, "prod"), (&after, "prod"), (&before, "test")]);
    let (code, text, _) = called(&path, &["trend", "--cluster", "prod"]);
    assert_eq!(code, 0);
    insta::assert_snapshot!(text);
    let (_, text, _) = called(&path, &["trend", "--all"]);
    assert_eq!(text.lines().filter(|line| line.contains("2026-01-0")).count(), 5, "{text}");
    let (_, text, _) = called(&path, &["trend", "-o", "json"]);
    let trend: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(jsonschema::is_valid(&history::trend_schema(), &trend));
    assert_eq!(trend["runs"][2]["overdue"]["security"], 1);
}

#[test]
fn a_cut_history_is_damaged_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("history.db");
    recorded(&path, &[(&report(), "prod")]);
    let whole = std::fs::read(&path).unwrap();
    for cut in [100, 1000, 5000, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let (code, text, error) = called(&path, &["verify"]);
        assert_eq!((code, text.starts_with("DAMAGED  "), error.as_str()), (1, true, ""), "{cut}: {text}");
        assert!(!text.contains("history verify"), "{text}");
    }
}

#[test]
fn runs_are_listed_shown_verified_exported_and_pruned() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("history.db");
    let archive = directory.path().join("audit.tar.zst");
    let archive = archive.to_str().unwrap();
    let (code, _, error) = called(&path, &["list"]);
    assert_eq!((code, error.contains("there is no history at")), (2, true), "{error}");
    assert!(!path.exists());

    let report = report();
    let head = recorded(&path, &[(&report, "prod"), (&report, "prod"), (&report, "te\u{1b}[31mst")]);

    let (code, text, _) = called(&path, &["list"]);
    assert_eq!(code, 0);
    assert!(text.contains("20260101T000000Z-") && text.ends_with(&format!("head  {head}\n")), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
    let (_, text, _) = called(&path, &["list", "--cluster", "prod", "-o", "json"]);
    let listing: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(listing["entries"].as_array().map(Vec::len), Some(2));
    assert_eq!(listing["head"], head.as_str());
    assert!(jsonschema::is_valid(&history::schema(), &listing));

    let (code, _, error) = called(&path, &["show", "last-good"]);
    assert_eq!((code, error.contains("may be a run of prod, te")), (2, true), "{error}");
    let (code, text, _) = called(&path, &["show", "last-good", "--cluster", "prod", "-o", "json"]);
    assert_eq!(code, 0);
    let mut shown: report::Report = serde_json::from_str(&text).unwrap();
    let recorded = shown.run.recorded.take().unwrap();
    assert_eq!((recorded.number, shown), (1, report));
    let (code, _, error) = called(&path, &["show", "9"]);
    assert_eq!((code, error.as_str()), (2, "kube-assay: the history holds no run 9\n"));

    let (code, text, _) = called(&path, &["verify", "--head", &head]);
    assert_eq!((code, text.contains("This does not prove")), (0, true), "{text}");
    let (code, text, _) = called(&path, &["verify", "--head", &head.replace(&head[..8], "00000000")]);
    assert_eq!((code, text.contains("DAMAGED")), (1, true), "{text}");
    assert_eq!(called(&path, &["verify", "--head", "12ab"]).0, 2);

    assert_eq!(called(&path, &["export", "-o", archive, "2"]).0, 0);
    let (code, text, _) = called(Path::new("/nowhere"), &["verify", "--archive", archive, "--head", &head]);
    assert_eq!((code, text.contains("1 run whole")), (0, true), "{text}");
    let mut bytes = std::fs::read(archive).unwrap();
    bytes[100] ^= 1;
    std::fs::write(archive, bytes).unwrap();
    assert_eq!(called(Path::new("/nowhere"), &["verify", "--archive", archive]).0, 1);

    let before = std::fs::read(&path).unwrap();
    let (code, text, _) = called(&path, &["prune", "--older-than", "1d", "--dry-run"]);
    assert_eq!((code, text.matches("would remove").count()), (0, 2), "{text}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let (code, text, _) = called(&path, &["prune", "--older-than", "1d"]);
    assert_eq!((code, text.matches("removed").count(), text.matches("kept 1").count()), (0, 2, 1), "{text}");
    assert_eq!(called(&path, &["verify", "--head", &head]).0, 0);
    let (code, _, error) = called(&path, &["show", "2"]);
    assert_eq!((code, error.contains("pruned by entry 4")), (2, true), "{error}");
    assert_eq!(called(&path, &["prune"]).0, 2);
}
