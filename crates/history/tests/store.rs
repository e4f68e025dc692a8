//! What was recorded comes back; what was pruned is gone; what was changed is found.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod material;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use assess::Verdict;
use history::{Entry, HistoryError, Rule, Store, verify_archive};
use jiff::Timestamp;
use material::{Told, told};
use tempfile::TempDir;

fn new() -> (TempDir, PathBuf, Store) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("history.db");
    let store = Store::open(&path).unwrap();
    (directory, path, store)
}

fn whole(store: &Store) {
    assert_eq!(store.verify(None).unwrap().damage, Vec::<String>::new());
}

fn numbers(entries: &[Entry]) -> Vec<u64> {
    entries.iter().map(|entry| entry.number).collect()
}

#[test]
fn what_was_recorded_comes_back() {
    let (_directory, path, mut store) = new();
    assert_eq!(store.head().unwrap(), None);
    assert_eq!(store.entries().unwrap(), []);
    whole(&store);
    let first = told(2);
    let mut second = first.later(1);
    second.register = Some("exceptions: []\n".to_owned());
    let mut third = first.later(2);
    third.report.findings[3].reason = "Another reason".to_owned();
    third.run.captures.pop();
    third.content.truncate(3);
    let all = [first, second, third];
    let entries: Vec<Entry> =
        (0..).zip(&all).map(|(day, told)| told.record(&mut store, "prod", day).unwrap()).collect();
    assert_eq!(store.entries().unwrap(), entries);
    assert_eq!(store.head().unwrap(), Some(entries[2].hash));
    assert_eq!(entries[0].id, format!("20260101T000000Z-{}", &entries[0].hash.to_string()[..8]));
    drop(store);
    let store = Store::read(&path).unwrap();
    for (told, entry) in all.iter().zip(&entries) {
        told.is_in(&store, entry);
    }
    let verified = store.verify(Some(entries[1].hash)).unwrap();
    assert!(verified.is_whole(), "{:?}", verified.damage);
    assert_eq!((verified.entries, verified.runs, verified.held), (3, 3, Some(2)));
    assert!(verified.unproven()[0].contains("after 2"), "{:?}", verified.unproven());
    let last = store.verify(Some(entries[2].hash)).unwrap();
    assert_eq!(last.unproven().len(), 1, "{:?}", last.unproven());
}

#[test]
fn the_past_of_a_control_tells_each_change() {
    let (_directory, _path, mut store) = new();
    let now = told(1);
    let control = now.report.findings[10].control.clone();
    let mut expected = Vec::new();
    for day in 0..6 {
        let mut told = now.later(day);
        if matches!(day, 2 | 3) {
            told.report.findings[10].verdict = Verdict::Fail;
        }
        if day == 5 {
            told.report.findings.retain(|finding| finding.control != control);
        }
        let findings = told.report.findings.iter().filter(|finding| finding.control == control).cloned();
        expected.push(findings.collect::<Vec<_>>());
        told.record(&mut store, "prod", day).unwrap();
        now.record(&mut store, "other", day).unwrap();
    }
    let past = store.past(&control, Some("prod")).unwrap();
    let found: Vec<Vec<_>> =
        past.iter().map(|(_, findings)| findings.iter().map(|finding| (**finding).clone()).collect()).collect();
    assert_eq!(found, expected);
    assert_eq!(store.past(&control, None).unwrap().len(), 12);
    assert!(store.past("no-such-control", None).unwrap().iter().all(|(_, findings)| findings.is_empty()));
}

#[test]
fn pruning_leaves_tombstones_and_nothing_else() {
    let (_directory, path, mut store) = new();
    let mut one = told(1);
    for day in 0..5 {
        one = one.later(day);
        one.register = Some(format!("the register of day {day}: {}", "secret ".repeat(40)));
        one.record(&mut store, "prod", day).unwrap();
    }
    one.record(&mut store, "test", 1).unwrap();
    let before = store.entries().unwrap();
    let keep = |number| Rule::KeepLast(NonZeroUsize::new(number).unwrap());
    let noon = |day: i64| Timestamp::from_second(1_767_225_600 + 86_400 * day + 43_200).unwrap();
    for (rule, removed, kept) in [
        (keep(9), vec![], vec![]),
        (keep(2), vec![1, 2, 3], vec![]),
        // The last good run of prod is 5, and test has none.
        (Rule::Before(noon(9)), vec![1, 2, 3, 4, 6], vec![5]),
        (Rule::Before(noon(1)), vec![1, 2, 6], vec![]),
    ] {
        let plan = store.would_prune(rule).unwrap();
        assert_eq!((numbers(&plan.removed), numbers(&plan.kept)), (removed, kept), "{rule}");
    }
    assert_eq!(store.prune(keep(9), noon(9)).unwrap().1, None);
    assert_eq!(store.entries().unwrap(), before, "nothing had to go");
    let (plan, entry) = store.prune(keep(2), noon(9)).unwrap();
    let entry = entry.unwrap();
    assert_eq!((numbers(&plan.removed), entry.number), (vec![1, 2, 3], 7));
    whole(&store);
    let after = store.entries().unwrap();
    for (was, is) in before.iter().zip(&after) {
        assert_eq!((was.hash, &was.event), (is.hash, &is.event), "an entry stays what it is");
        assert_eq!(is.pruned_by, (is.number <= 3).then_some(7));
        assert_eq!(matches!(store.report(is), Err(HistoryError::Pruned { by: 7, .. })), is.number <= 3);
        assert_eq!(store.evidence(is).is_ok(), is.number > 3);
    }
    one.is_in(&store, &after[4]);
    assert_eq!(store.find("last-good", Some("prod")).unwrap().number, 5);
    assert_eq!(store.find("1", None).unwrap().pruned_by, Some(7));
    let verified = store.verify(Some(before[0].hash)).unwrap();
    assert_eq!((verified.entries, verified.runs, verified.pruned, verified.held), (7, 3, 3, Some(1)));
    let bytes = std::fs::read(&path).unwrap();
    let holds = |day: i64| {
        let wanted = format!("the register of day {day}");
        bytes.windows(wanted.len()).any(|window| window == wanted.as_bytes())
    };
    assert_eq!(
        (0..5).map(holds).collect::<Vec<_>>(),
        [false, false, false, true, true],
        "what was pruned is overwritten"
    );
    assert!(matches!(store.report(&after[6]), Err(HistoryError::NoRun(_))));
    one.record(&mut store, "prod", 6).unwrap();
    whole(&store);
}

#[test]
fn two_writers_at_once_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("history.db");
    let one = told(1);
    let recorded: Vec<Entry> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let (path, one) = (&path, &one);
                scope.spawn(move || {
                    // Each makes the file, if no other was faster.
                    let mut store = Store::open(path).unwrap();
                    let record = |day| one.later(day).record(&mut store, &format!("c{writer}"), day).unwrap();
                    (0..8).map(record).collect::<Vec<_>>()
                })
            })
            .collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    let store = Store::read(&path).unwrap();
    whole(&store);
    let entries = store.entries().unwrap();
    assert_eq!(entries.len(), 32);
    let hashes: BTreeSet<_> = entries.iter().map(|entry| entry.hash).collect();
    assert!(recorded.iter().all(|entry| hashes.contains(&entry.hash)));
    assert_eq!(hashes.len(), 32);
}

#[test]
fn what_a_reader_may_not_write_can_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let (directory, path, mut store) = new();
    let one = told(1);
    let entry = one.record(&mut store, "prod", 0).unwrap();
    drop(store);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o500)).unwrap();
    let mut store = Store::read(&path).unwrap();
    one.is_in(&store, &entry);
    whole(&store);
    assert!(one.record(&mut store, "prod", 1).is_err(), "a store that was opened to read records nothing");
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
}

fn exported(store: &Store, runs: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    store.export(runs, &mut bytes).unwrap();
    bytes
}

#[test]
fn an_archive_is_verified_without_the_history() {
    let (_directory, _path, mut store) = new();
    let one = told(1);
    for day in 0..4 {
        one.later(day).record(&mut store, "prod", day).unwrap();
    }
    store.prune(Rule::KeepLast(NonZeroUsize::new(3).unwrap()), Timestamp::from_second(1_800_000_000).unwrap()).unwrap();
    let entries = store.entries().unwrap();
    let head = store.head().unwrap();
    let all = exported(&store, &[]);
    assert_eq!(all, exported(&store, &[]), "the same runs give the same bytes");
    let verified = verify_archive(all.as_slice(), head).unwrap();
    assert!(verified.is_whole(), "{:?}", verified.damage);
    assert_eq!((verified.entries, verified.runs, verified.pruned, verified.left_out), (5, 3, 1, 0));
    assert_eq!(verified.held, Some(5));
    let some = exported(&store, &entries[2..3]);
    assert!(some.len() < all.len());
    let verified = verify_archive(some.as_slice(), None).unwrap();
    assert!(verified.is_whole(), "{:?}", verified.damage);
    assert_eq!((verified.entries, verified.runs, verified.pruned, verified.left_out), (5, 1, 1, 2));
    assert!(verified.unproven().iter().any(|said| said.contains("not in this archive")));
    assert!(matches!(store.export(&entries[..1], Vec::new()), Err(HistoryError::Pruned { number: 1, by: 5 })));
    let other = verify_archive(all.as_slice(), Some(history::Digest::of(b"other"))).unwrap();
    assert!(other.damage[0].contains("made anew"), "{:?}", other.damage);
}

/// A small store: a made-up run, so that every byte of the file can be flipped in reasonable time.
fn small() -> Told {
    let mut told = told(1);
    told.report.findings.truncate(4);
    told.run.captures[0].items.truncate(12);
    told.content.truncate(2);
    told
}

#[test]
fn a_flipped_byte_of_an_archive_is_found() {
    let (_directory, _path, mut store) = new();
    let one = small();
    for day in 0..3 {
        one.later(day).record(&mut store, "prod", day).unwrap();
    }
    let good = exported(&store, &[]);
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        assert!(!verify_archive(bad.as_slice(), None).is_ok_and(|found| found.is_whole()), "byte {at}");
    }
    for cut in (0..good.len()).step_by(101) {
        assert!(verify_archive(&good[..cut], None).is_err(), "cut at {cut}");
    }
    let longer = [good.as_slice(), b"\0"].concat();
    assert!(verify_archive(longer.as_slice(), None).is_err());
}

/// Why a file is not what was written; none: it is.
fn damage(path: &Path) -> Option<String> {
    let found = match Store::read(path).and_then(|store| store.verify(None)) {
        Ok(found) => found,
        Err(error) => return Some(error.to_string()),
    };
    assert_eq!(found.is_whole(), found.damage.is_empty());
    found.damage.into_iter().next()
}

#[test]
fn a_flipped_byte_anywhere_in_the_file_is_found() {
    let (directory, path, mut store) = new();
    let one = small();
    for day in 0..3 {
        let mut told = one.later(day);
        told.register = Some(format!("day {day}"));
        told.record(&mut store, "prod", day).unwrap();
    }
    store.prune(Rule::KeepLast(NonZeroUsize::new(2).unwrap()), Timestamp::from_second(1_800_000_000).unwrap()).unwrap();
    drop(store);
    let good = std::fs::read(&path).unwrap();
    let bad_path = directory.path().join("bad.db");
    // The file's header and the beginning of every page, and as many bytes anywhere.
    let mut positions: Vec<usize> = (0..100).collect();
    for page in (0..good.len()).step_by(4096) {
        positions.extend(page..page + 16);
    }
    let mut random: u64 = 0x9e37_79b9_7f4a_7c15;
    for _ in 0..600 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        positions.push(usize::try_from(random % good.len() as u64).unwrap());
    }
    let looked_at = |bad: &[u8]| {
        std::fs::write(&bad_path, bad).unwrap();
        let found = damage(&bad_path);
        for end in ["-journal", "-wal", "-shm"] {
            let _ = std::fs::remove_file(directory.path().join(format!("bad.db{end}")));
        }
        found
    };
    assert_eq!(looked_at(&good), None);
    for at in positions {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        assert!(looked_at(&bad).is_some(), "byte {at} of {} was not found", good.len());
    }
    assert!(looked_at(&[good.as_slice(), b"\0"].concat()).is_some(), "a byte more");
    assert!(looked_at(&good[..good.len() - 1]).is_some(), "a byte less");
    assert!(looked_at(&good[..good.len() - 4096]).is_some(), "a page less");
}

#[test]
fn nothing_is_added_to_a_file_with_a_flipped_byte() {
    let (_directory, path, mut store) = new();
    let one = small();
    let entry = one.record(&mut store, "prod", 0).unwrap();
    drop(store);
    let mut bytes = std::fs::read(&path).unwrap();
    // Reserved in the header of the file: it says nothing to anybody.
    bytes[80] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let mut store = Store::open(&path).unwrap();
    assert!(matches!(one.record(&mut store, "prod", 1), Err(HistoryError::Damaged(_))));
    one.is_in(&store, &entry);
    assert!(verify_archive(exported(&store, &[]).as_slice(), Some(entry.hash)).unwrap().is_whole());
    drop(store);
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

#[test]
fn a_history_of_the_first_version_goes_on() {
    let (_directory, path, mut store) = new();
    let one = small();
    let first = one.record(&mut store, "prod", 0).unwrap();
    drop(store);
    {
        // What the first version wrote: the tables of today without the seal.
        let old = rusqlite::Connection::open(&path).unwrap();
        old.execute_batch("drop table seal; pragma user_version = 1; vacuum").unwrap();
    }
    let store = Store::read(&path).unwrap();
    let verified = store.verify(None).unwrap();
    assert!(verified.is_whole() && verified.unsealed, "{verified:?}");
    assert!(verified.unproven().iter().any(|said| said.contains("has no seal")));
    drop(store);
    let mut store = Store::open(&path).unwrap();
    let second = one.later(1).record(&mut store, "prod", 1).unwrap();
    let verified = store.verify(Some(first.hash)).unwrap();
    assert!(verified.is_whole() && !verified.unsealed, "{verified:?}");
    assert_eq!(store.entries().unwrap(), [first, second]);
}

#[test]
fn parts_that_are_exchanged_or_gone_are_found() {
    let (_directory, path, mut store) = new();
    let one = small();
    for day in 0..3 {
        one.later(day).record(&mut store, "prod", day).unwrap();
    }
    drop(store);
    for (change, expected) in [
        ("delete from part where rowid = 5", "is missing"),
        ("insert into part values (zeroblob(32), 1, 0, x'00')", "is not what its digest says"),
        ("update part set bytes = x'00', size = 1, packed = 0 where rowid = 3", "is not what its digest says"),
        ("update part set size = size + 1 where rowid = 3", "is not what its digest says"),
        (
            "insert into part values (x'6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d', 1, 0, x'00')",
            "belongs to no run",
        ),
        ("delete from entry where number = 2", "numbers of the entries have gaps"),
        ("delete from entry where number = 3", "belongs to no run"),
        ("update entry set number = 7 where number = 3", "have gaps"),
        ("update entry set body = replace(body, 'prod', 'qrod') where number = 2", "not what its hash says"),
        ("create table more (a)", "other tables"),
        ("drop table part", "other tables"),
    ] {
        let changed = path.with_extension("changed");
        std::fs::copy(&path, &changed).unwrap();
        rusqlite::Connection::open(&changed).unwrap().execute_batch(change).unwrap();
        let damage = Store::read(&changed).unwrap().verify(None).unwrap().damage;
        assert!(damage.iter().any(|text| text.contains(expected)), "{change}: {damage:?}");
    }
    // What no check of the file alone can find, a hash that somebody else holds does.
    let cut = path.with_extension("cut");
    std::fs::copy(&path, &cut).unwrap();
    let head = Store::read(&path).unwrap().head().unwrap();
    assert!(Store::read(&path).unwrap().verify(head).unwrap().is_whole());
    let mut short = Store::open(&path.with_extension("short")).unwrap();
    for day in 0..2 {
        one.later(day).record(&mut short, "prod", day).unwrap();
    }
    assert!(short.verify(None).unwrap().is_whole());
    assert!(!short.verify(head).unwrap().is_whole());
}
