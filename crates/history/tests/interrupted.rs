//! What was acknowledged survives: a kill at any moment, a disk that is full. Of what was not, nothing is left.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod material;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use evidence::Run;
use history::{Digest, HistoryError, Store};
use material::{Told, told};

/// Where the recorder records, and what.
const PLACE: &str = "KUBE_ASSAY_TEST_HISTORY";
const ROUNDS: u32 = 200;

/// Records run after run, and says on stdout which are acknowledged.
#[test]
#[expect(clippy::print_stdout, reason = "an acknowledgement")]
#[ignore = "started by the other tests here, to be killed"]
fn recorder() {
    let Some(directory) = std::env::var_os(PLACE).map(PathBuf::from) else { return };
    let one = read(&directory);
    let mut store = Store::open(&directory.join("history.db")).unwrap();
    let begun = i64::try_from(store.entries().unwrap().len()).unwrap();
    for day in begun.. {
        match number(&one, day).record(&mut store, "prod", day) {
            Ok(entry) => println!("\nrecorded {}", entry.hash),
            Err(HistoryError::Full) => {
                println!("\nfull");
                return;
            }
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// A run that no other is: an entry's number tells which was recorded.
fn number(one: &Told, day: i64) -> Told {
    let mut told = one.later(day);
    told.register = Some(format!("run {day}: {}", "x".repeat(usize::try_from(day * 7919 % 30_000).unwrap())));
    told.report.findings[0].reason = format!("reason {day}");
    told
}

/// Judging takes a while: the recorder is given what was judged.
fn write(directory: &Path) -> Told {
    let mut one = told(1);
    one.run.captures[0].items.truncate(60);
    std::fs::write(directory.join("report.json"), serde_json::to_vec(&one.report).unwrap()).unwrap();
    let mut file = Vec::new();
    evidence::write_run(&one.run, &mut file).unwrap();
    std::fs::write(directory.join("one.run"), file).unwrap();
    one.content = vec![("controls.yaml".to_owned(), "controls: []\n".to_owned())];
    one
}

fn read(directory: &Path) -> Told {
    let report = serde_json::from_slice(&std::fs::read(directory.join("report.json")).unwrap()).unwrap();
    let run: Run = evidence::read_run(std::fs::File::open(directory.join("one.run")).unwrap()).unwrap();
    Told { run, report, content: vec![("controls.yaml".to_owned(), "controls: []\n".to_owned())], register: None }
}

#[expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "only another process can be killed")]
fn start(directory: &Path) -> std::process::Child {
    std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "recorder", "--nocapture"])
        .env(PLACE, directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Every run that was acknowledged is there, as it was; nothing else is wrong; and all that is there is whole.
fn holds(directory: &Path, one: &Told, acknowledged: &[Digest]) {
    let path = directory.join("history.db");
    let store = match Store::read(&path) {
        Err(HistoryError::NoHistory(_)) if acknowledged.is_empty() => return,
        other => other.unwrap(),
    };
    let verified = store.verify(acknowledged.last().copied()).unwrap();
    assert!(verified.is_whole(), "{:?}", verified.damage);
    let entries = store.entries().unwrap();
    let hashes: Vec<Digest> = entries.iter().map(|entry| entry.hash).collect();
    assert!(acknowledged.iter().all(|hash| hashes.contains(hash)), "an acknowledged run is lost");
    // One more may have become durable before it could be said so, in each round.
    let last = entries.last().filter(|_| entries.len() > 1);
    for entry in last.into_iter().chain(entries.iter().find(|entry| Some(&entry.hash) == acknowledged.last())) {
        number(one, i64::try_from(entry.number).unwrap() - 1).is_in(&store, entry);
    }
}

#[test]
fn a_kill_at_any_moment_loses_nothing_that_was_acknowledged() {
    let mut random: u32 = 0x2545_f491;
    let mut below = |limit: u32| {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        u64::from(random % limit)
    };
    let mut directory = tempfile::tempdir().unwrap();
    let mut one = write(directory.path());
    let mut acknowledged = Vec::new();
    let (mut all, mut interrupted) = (0, 0);
    for round in 0..ROUNDS {
        if round % 20 == 0 {
            directory = tempfile::tempdir().unwrap();
            one = write(directory.path());
            acknowledged.clear();
        }
        let mut child = start(directory.path());
        let output = BufReader::new(child.stdout.take().unwrap());
        let (saying, heard) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let lines = output.lines().map_while(Result::ok);
            let hashes = lines.filter_map(|line| line.strip_prefix("recorded ")?.parse().ok());
            hashes.into_iter().all(|hash: Digest| saying.send(hash).is_ok())
        });
        // Half of them from before the file is made; half among runs, however slow this machine is.
        let first = (round % 2 == 1).then(|| heard.recv_timeout(Duration::from_mins(1)).unwrap());
        std::thread::sleep(Duration::from_micros(below(if first.is_some() { 60_000 } else { 120_000 })));
        child.kill().unwrap();
        child.wait().unwrap();
        // Ends with the process' output.
        let said: Vec<Digest> = first.into_iter().chain(heard).collect();
        all += said.len();
        interrupted += u32::from(directory.path().join("history.db-journal").exists());
        acknowledged.extend(said);
        holds(directory.path(), &one, &acknowledged);
    }
    assert!(
        all > 100 && interrupted > 5,
        "{all} acknowledged, {interrupted} kills within a transaction: too few to prove"
    );
}

/// A small file system of its own, where the test may mount one.
struct Disk(PathBuf);

#[expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "only mount(8) makes a small disk")]
fn call(program: &str, arguments: &[&std::ffi::OsStr]) -> bool {
    let status = std::process::Command::new(program).args(arguments).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

impl Disk {
    fn mount(at: &Path) -> Option<Self> {
        let arguments = ["-t", "tmpfs", "-o", "size=600k", "tmpfs"].map(std::ffi::OsStr::new);
        call("mount", &[arguments.as_slice(), &[at.as_os_str()]].concat()).then(|| Self(at.to_path_buf()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        call("umount", &[self.0.as_os_str()]);
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "whoever reads the tests must know what was not tested")]
fn a_full_disk_loses_nothing_that_was_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let small = directory.path().join("small");
    std::fs::create_dir(&small).unwrap();
    let Some(disk) = Disk::mount(&small) else {
        eprintln!("skipped: no small file system can be mounted here");
        return;
    };
    let one = write(directory.path());
    for name in ["report.json", "one.run"] {
        std::os::unix::fs::symlink(directory.path().join(name), disk.0.join(name)).unwrap();
    }
    let begun = Instant::now();
    let mut child = start(&disk.0);
    let lines: Vec<String> = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok).collect();
    child.wait().unwrap();
    assert!(begun.elapsed() < Duration::from_mins(1));
    assert!(lines.iter().any(|line| line == "full"), "{lines:?}");
    let acknowledged: Vec<Digest> =
        lines.iter().filter_map(|line| line.strip_prefix("recorded ")?.parse().ok()).collect();
    assert!(!acknowledged.is_empty());
    assert!(!disk.0.join("history.db-journal").exists(), "the run that did not fit was taken back");
    holds(&disk.0, &one, &acknowledged);
}
