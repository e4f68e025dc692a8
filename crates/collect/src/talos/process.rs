//! A process of the machine, as far as its API tells, and what the kernel's own files add to it.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{CutNote, OsText, Process, Stat};

use super::wire::ProcessInfo;

/// Ticks of the kernel's clock in a second, for programs: the same on every architecture that Talos runs on.
const TICKS: i64 = 100;

/// A process as a walk sees it, if it answers to any of the names. The API tells no user, no environment and no start,
/// and joins the arguments by blanks.
pub(super) fn described(process: &ProcessInfo, names: &BTreeSet<String>) -> Option<Process> {
    let exe = Some(process.executable.as_str()).filter(|exe| !exe.is_empty()).map(OsText::from);
    let argv: Vec<OsText> = process.args.split(' ').filter(|word| !word.is_empty()).map(OsText::from).collect();
    let names = evidence::process_names(names, exe.as_ref(), &argv);
    if names.is_empty() {
        return None;
    }
    // Arguments that may go on are none: a flag that is not among them may be set all the same.
    let argv = if process.args.len() + 1 < MOST { argv } else { Vec::new() };
    let (argv, cuts) = scrubbed(argv);
    Some(Process {
        pid: u32::try_from(process.pid).ok()?,
        ppid: u32::try_from(process.ppid).unwrap_or(0),
        names,
        comm: process.command.as_str().into(),
        exe,
        argv,
        uid: Stat::UNRECORDED,
        gid: Stat::UNRECORDED,
        cuts,
        ..Process::default()
    })
}

/// Words of a command line without secrets. A word after a value that was cut, and no flag itself, is the rest of that
/// value, which had blanks.
fn scrubbed(words: Vec<OsText>) -> (Vec<OsText>, Vec<CutNote>) {
    let (scrubbed, cuts) = evidence::scrub_argv(words.clone());
    let mut within = false;
    let argv = words.into_iter().zip(scrubbed).filter_map(|(word, kept)| {
        if within && evidence::split_flag(&word).is_none() {
            return None;
        }
        within = word != kept;
        Some(kept)
    });
    (argv.collect(), cuts)
}

/// The API reads so much of a process's arguments (`miniprocfs`): what is longer may be cut.
const MOST: usize = 16 << 10;

/// Takes the arguments of a process from its `/proc/PID/cmdline`.
pub(super) fn arguments(process: &mut Process, cmdline: &[u8]) {
    let argv: Vec<OsText> =
        cmdline.strip_suffix(b"\0").unwrap_or(cmdline).split(|byte| *byte == 0).map(OsText::from).collect();
    if cmdline.is_empty() {
        return;
    }
    (process.argv, process.cuts) = evidence::scrub_argv(argv);
}

/// The second of the four ids of a line of `/proc/PID/status`: real, effective, saved, file system.
pub(super) fn effective(status: &str, name: &str) -> Option<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// When the kernel started, in Unix seconds, by `/proc/stat`.
pub(super) fn boot(stat: &[u8]) -> Option<i64> {
    String::from_utf8_lossy(stat).lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok())
}

/// When a process started, in Unix milliseconds, by the twenty-second field of `/proc/PID/stat`.
pub(super) fn started(stat: &[u8], boot: i64) -> Option<i64> {
    let text = String::from_utf8_lossy(stat);
    // The second field is a name in brackets, which may hold anything.
    let after = &text[text.rfind(')')? + 1..];
    let ticks: i64 = after.split_whitespace().nth(19)?.parse().ok()?;
    boot.checked_mul(1000)?.checked_add(ticks.checked_mul(1000 / TICKS)?)
}

/// The variables of an environment that may be taken.
pub(super) fn environment(
    bytes: &[u8],
    allowed: &BTreeSet<String>,
) -> (BTreeMap<String, Option<OsText>>, Vec<CutNote>) {
    let (mut kept, mut cuts) = (BTreeMap::new(), Vec::new());
    for entry in bytes.split(|byte| *byte == 0) {
        let Some(at) = entry.iter().position(|byte| *byte == b'=') else { continue };
        let Ok(name) = std::str::from_utf8(&entry[..at]) else { continue };
        if allowed.contains(name) {
            let (value, cut) = evidence::scrub_env(name, OsText::from(&entry[at + 1..]));
            kept.insert(name.to_owned(), Some(value));
            cuts.extend(cut);
        }
    }
    (kept, cuts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_own_file_tells_arguments_apart() {
        let mut process = Process { argv: vec!["etcd".into(), "--a=x".into(), "--b=y".into()], ..Process::default() };
        arguments(&mut process, b"etcd\0--a=x --b=y\0--flag\0\0--token\0hunter2hunter2 more\0");
        let told: Vec<String> = process.argv.iter().map(OsText::to_lossy).collect();
        assert_eq!(told[..4], ["etcd", "--a=x --b=y", "--flag", ""]);
        assert!(!told.concat().contains("hunter2") && !told.concat().contains("more"), "{told:?}");
        let long = ProcessInfo {
            pid: 7,
            args: format!("/usr/local/bin/etcd {}", "x".repeat(MOST)),
            executable: "/usr/local/bin/etcd".to_owned(),
            ..ProcessInfo::default()
        };
        let cut = described(&long, &BTreeSet::from(["etcd".to_owned()])).unwrap();
        assert!(cut.argv.is_empty(), "a flag may stand in what was cut");
    }

    #[test]
    fn a_secret_with_blanks_leaves_no_tail() {
        let told = |args: &str| -> Vec<String> {
            let process = ProcessInfo {
                pid: 7,
                args: format!("/bin/etcd {args}"),
                executable: "/bin/etcd".to_owned(),
                ..ProcessInfo::default()
            };
            let process = described(&process, &BTreeSet::from(["etcd".to_owned()])).unwrap();
            process.argv.iter().map(OsText::to_lossy).collect()
        };
        for args in ["--client-secret=hunter2 or more of it --name=a", "--client-secret hunter2 or more of it --name=a"]
        {
            let told = told(args);
            assert!(!told.iter().any(|word| ["hunter2", "or", "more", "it"].contains(&word.as_str())), "{told:?}");
            assert_eq!(told.last().unwrap(), "--name=a", "a flag behind it is kept");
        }
        assert_eq!(told("--name=a b --v 2"), ["/bin/etcd", "--name=a", "b", "--v", "2"]);
    }

    #[test]
    fn the_kernels_own_files_are_read() {
        let stat = b"2200 (a )b) S 1 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 9 0 2350 100 50";
        assert_eq!(started(stat, 1_700_000_000), Some(1_700_000_023_500));
        assert_eq!(started(b"2200 (cut off", 1), None);
        assert_eq!(boot(b"cpu 1 2\nbtime 1700000000\nprocesses 5\n"), Some(1_700_000_000));
        assert_eq!(effective("Name:\tetcd\nUid:\t0\t60\t0\t0\n", "Uid:"), Some(60));
        let allowed = BTreeSet::from(["ETCD_NAME".to_owned()]);
        let (kept, _) = environment(b"ETCD_NAME=a\0TOKEN=x\0\0", &allowed);
        assert_eq!(kept, BTreeMap::from([("ETCD_NAME".to_owned(), Some(OsText::from("a")))]));
    }
}
