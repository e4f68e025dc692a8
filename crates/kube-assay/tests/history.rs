//! The command `history`, as a person calls it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;

use history::{Record, Store};
use jiff::Timestamp;

#[expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "the test calls the program")]
fn called(at: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_kube-assay"))
        .arg("history")
        .args(arguments)
        .env_clear()
        .env("KUBE_ASSAY_HISTORY", at)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "the test calls the program")]
fn report() -> report::Report {
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/runs/kubeadm-v1.36.run");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_kube-assay"))
        .args(["scan", "-o", "json", "--section", "1.2", "--evidence"])
        .arg(run)
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
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
    let mut store = Store::open(&path).unwrap();
    for (day, cluster) in (0..).zip(["prod", "prod", "te\u{1b}[31mst"]) {
        let at = Timestamp::from_second(1_767_225_600 + 86_400 * day).unwrap();
        let run = evidence::Run::default();
        let record = Record { report: &report, run: &run, content: &[], register: None, cluster, at, good: day == 0 };
        store.record(&record).unwrap();
    }
    let head = store.head().unwrap().unwrap().to_string();
    drop(store);

    let (code, text, _) = called(&path, &["list"]);
    assert_eq!(code, 0);
    assert!(text.contains("20260101T000000Z-") && text.ends_with(&format!("head  {head}\n")), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
    let (_, text, _) = called(&path, &["list", "--cluster", "prod", "-o", "json"]);
    let listing: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(listing["entries"].as_array().map(Vec::len), Some(2));
    assert_eq!(listing["head"], head.as_str());
    assert!(jsonschema::is_valid(&history::schema(), &listing));

    let (code, text, _) = called(&path, &["show", "last-good", "-o", "json"]);
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
