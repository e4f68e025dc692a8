//! `scan --history`, killed with SIGKILL at any moment: what was acknowledged is there, and nothing else is.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "the test calls the command and kills it")]

mod common;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::call::call;
use history::Store;

/// So often a scan is killed.
const KILLS: u32 = 300;

fn scan(history: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kube-assay"));
    command
        .args(["scan", "--evidence", "fixtures/runs/kubeadm-hardened-v1.36.run", "--section", "1.2", "-o", "json"])
        .arg("--history")
        .arg(history)
        .current_dir(common::root())
        .stderr(Stdio::null());
    command
}

/// The run that a report acknowledges. What was cut short acknowledges nothing.
fn acknowledged(report: &[u8]) -> Option<String> {
    let report: report::Report = serde_json::from_slice(report).ok()?;
    Some(report.run.recorded?.run)
}

#[test]
fn a_scan_that_is_killed_at_any_moment_leaves_no_half_run() {
    let directory = tempfile::tempdir().unwrap();
    let history = directory.path().join("history.db");
    let began = Instant::now();
    let first = scan(&history).output().unwrap();
    let whole = began.elapsed();
    let mut told: BTreeSet<String> = acknowledged(&first.stdout).into_iter().collect();
    let first: report::Report = serde_json::from_slice(&first.stdout).unwrap();
    assert_eq!(told.len(), 1);
    // Moments from a sequence that no run of the test changes, over a little more than a scan takes.
    let mut seed = 0x9e37_79b9_u32;
    let (mut killed, mut ended) = (0, 0);
    for _ in 0..KILLS {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let moment = whole.mul_f64(f64::from(seed >> 8) / f64::from(1_u32 << 24) * 1.2);
        let mut child = scan(&history).stdout(Stdio::piped()).spawn().unwrap();
        let reader = {
            let mut out = child.stdout.take().unwrap();
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                std::io::Read::read_to_end(&mut out, &mut bytes).map(|_| bytes)
            })
        };
        std::thread::sleep(moment.min(Duration::from_secs(30)));
        let _ = child.kill();
        let status = child.wait().unwrap();
        if status.code().is_some() {
            ended += 1;
        } else {
            killed += 1;
        }
        told.extend(acknowledged(&reader.join().unwrap().unwrap()));
        let store = Store::read(&history).unwrap();
        let held: BTreeSet<String> = store.entries().unwrap().into_iter().map(|entry| entry.id).collect();
        assert!(told.is_subset(&held), "{told:?} is not in {held:?}");
    }
    assert!(killed > KILLS / 10 && ended > 0, "{killed} were killed, {ended} ended by themselves: that shows nothing");
    let store = Store::read(&history).unwrap();
    let verified = store.verify(None).unwrap();
    assert!(verified.is_whole(), "{:?}", verified.damage);
    for entry in store.entries().unwrap() {
        assert!(!store.report(&entry).unwrap().findings.is_empty());
        assert_eq!(store.evidence(&entry).unwrap().captures.len(), first.run.captures.len());
    }
    assert_eq!(call(&["history", "--history", history.to_str().unwrap(), "verify"]).code, 0);
}

#[test]
fn two_scans_at_once_are_both_remembered() {
    let directory = tempfile::tempdir().unwrap();
    let history = directory.path().join("history.db");
    let all: Vec<_> = (0..6).map(|_| scan(&history).stdout(Stdio::piped()).spawn().unwrap()).collect();
    let told: BTreeSet<String> =
        all.into_iter().filter_map(|child| acknowledged(&child.wait_with_output().unwrap().stdout)).collect();
    assert_eq!(told.len(), 6);
    let store = Store::read(&history).unwrap();
    let held: BTreeSet<String> = store.entries().unwrap().into_iter().map(|entry| entry.id).collect();
    assert_eq!(told, held);
    assert!(store.verify(None).unwrap().is_whole());
}
