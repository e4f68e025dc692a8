//! Speed and size of a long history, 2,000 runs of 3 nodes: `cargo bench -p history`.

#[path = "../tests/material/mod.rs"]
mod material;

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Instant;

use divan::Bencher;
use history::Store;
use material::{Told, told};
use tempfile::TempDir;

const RUNS: i64 = 2_000;

fn main() {
    long();
    divan::main();
}

struct Long {
    told: Told,
    path: PathBuf,
    _directory: TempDir,
}

/// The long history; made once, with what it took told.
#[expect(clippy::print_stdout, reason = "a bench tells what it measured")]
fn long() -> &'static Long {
    static LONG: OnceLock<Long> = OnceLock::new();
    LONG.get_or_init(|| {
        let directory = tempfile::tempdir().expect("there is a temporary directory");
        let path = directory.path().join("history.db");
        let mut store = Store::open(&path).expect("it can be made");
        let told = told(3);
        let size = || path.metadata().expect("it is there").len();
        let recorded = |store: &mut Store, day| told.later(day).record(store, "prod", day).expect("it is recorded");
        recorded(&mut store, 0);
        let (first, begun) = (size(), Instant::now());
        (1..RUNS).for_each(|day| drop(recorded(&mut store, day)));
        let each = (size() - first) / (RUNS.unsigned_abs() - 1);
        let time = begun.elapsed() / u32::try_from(RUNS - 1).unwrap_or(1);
        println!(
            "first run: {first} bytes; each unchanged run after it: {each} bytes, {time:?}; all: {} bytes",
            size()
        );
        Long { told, path, _directory: directory }
    })
}

fn store() -> Store {
    Store::read(&long().path).expect("it is a history")
}

/// One more run, on the disk.
#[divan::bench]
fn record(bencher: Bencher<'_, '_>) {
    let copy = long().path.with_extension("copy");
    std::fs::copy(&long().path, &copy).expect("there is room");
    let mut store = Store::open(&copy).expect("it is a history");
    let mut day = RUNS;
    bencher.bench_local(|| {
        day += 1;
        long().told.record(&mut store, "prod", day).expect("it is recorded")
    });
}

/// Opening, and all entries.
#[divan::bench]
fn list(bencher: Bencher<'_, '_>) {
    bencher.bench(|| store().entries().expect("it is whole").len());
}

/// Opening, and the report that a gate compares with.
#[divan::bench]
fn last_good_report(bencher: Bencher<'_, '_>) {
    bencher.bench(|| {
        let store = store();
        let entry = store.find("last-good", Some("prod")).expect("it is there");
        store.report(&entry).expect("it is whole").findings.len()
    });
}

/// The evidence of one run.
#[divan::bench]
fn evidence(bencher: Bencher<'_, '_>) {
    bencher.bench(|| {
        let store = store();
        let entry = store.find("last", None).expect("it is there");
        store.evidence(&entry).expect("it is whole").captures.len()
    });
}

/// What all runs said of one control.
#[divan::bench]
fn past(bencher: Bencher<'_, '_>) {
    let control = &long().told.report.findings[0].control;
    bencher.bench(|| store().past(control, Some("prod")).expect("it is whole").len());
}

/// Everything, hashed again.
#[divan::bench(sample_count = 5)]
fn verify(bencher: Bencher<'_, '_>) {
    bencher.bench(|| assert!(store().verify(None).expect("it can be read").is_whole()));
}
