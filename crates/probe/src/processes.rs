//! The process table of a root.

use std::collections::BTreeSet;

use evidence::ProcessTable;

use crate::process::{Who, stat_field};
use crate::root::{Miss, Root};

/// Where the kernel shows a root's processes.
const PROC: &str = "/proc";

/// Entries of /proc that are looked at: far more than a node runs.
const MAX_PROCESSES: usize = 1 << 18;

/// The kernel gives this number to the first PID namespace of every machine.
const FIRST_NAMESPACE: &[u8] = b"pid:[4026531836]";

/// `PF_KTHREAD` of `stat`: threads of the kernel live in the first PID namespace only, and nothing can pose as one.
const KERNEL_THREAD: u64 = 0x0020_0000;

/// The processes that go by any of `names`, and whether there may be others.
pub(crate) fn table(root: &Root, names: &BTreeSet<String>, allowed: &BTreeSet<String>) -> ProcessTable {
    let listed = root.below(PROC).and_then(|proc| pids(&proc).map(|(pids, complete)| (proc, pids, complete)));
    let (proc, pids, complete) = match listed {
        Ok(listed) => listed,
        Err(miss) => return ProcessTable { incomplete: Some(no_table(root, miss)), ..ProcessTable::default() },
    };
    let live = proc.is_procfs();
    let boot = boot_time(&proc);
    let mut table = ProcessTable::default();
    let mut hidden = 0_u32;
    for pid in &pids {
        let process = match proc.below(&format!("/{pid}")) {
            Ok(process) => process,
            Err(Miss::Absent) => continue,
            Err(_) => {
                hidden += 1;
                continue;
            }
        };
        let who = Who::read(&process);
        table.examined += 1;
        hidden += u32::from(who.hidden());
        let names = who.matches(names);
        if names.is_empty() {
            continue;
        }
        let seen = who.describe(*pid, names, &process, allowed, boot);
        // A process that ended meanwhile would be told with what of it was still there.
        if !live || process.stat(b"/status").is_ok() {
            table.matched.push(seen);
        }
    }
    let mut gaps = Vec::new();
    if pids.is_empty() {
        gaps.push(format!("no process is recorded below {}", proc.name()));
    }
    if !complete {
        gaps.push(format!("{} has more than {MAX_PROCESSES} entries", proc.name()));
    }
    if hidden > 0 {
        gaps.push(format!("{hidden} processes may not be looked at: run as root, with CAP_SYS_PTRACE"));
    }
    if live {
        gaps.extend(concealed(&proc, &pids));
    }
    table.incomplete = (!gaps.is_empty()).then(|| gaps.join("; "));
    table
}

/// Whether `/proc` of a root is the running kernel's, and not a recording.
pub(crate) fn is_live(root: &Root) -> bool {
    root.below(PROC).is_ok_and(|proc| proc.is_procfs())
}

/// The process ids below a root; none if they cannot be listed.
pub(crate) fn all_pids(root: &Root) -> Vec<u32> {
    root.below(PROC).and_then(|proc| pids(&proc)).map_or_else(|_| Vec::new(), |(pids, _)| pids)
}

/// Why the kernel itself shows less than the whole machine, if it does.
pub(crate) fn concealment(root: &Root) -> Option<String> {
    let proc = root.below(PROC).ok().filter(Root::is_procfs)?;
    let (pids, _) = pids(&proc).ok()?;
    concealed(&proc, &pids)
}

fn concealed(proc: &Root, pids: &[u32]) -> Option<String> {
    if pids.first() != Some(&1) {
        return Some("process 1 is hidden, and others with it (/proc is mounted with hidepid): run as root".to_owned());
    }
    // What counts is the namespace of this /proc, and not ours: a mount of the host's shows all of it to a container.
    // Its process 1 lives in it, but only few may ask that one; a thread of the kernel anyone may.
    let first_namespace = |path: &[u8]| proc.link(path).is_ok_and(|link| link == FIRST_NAMESPACE);
    let kernel_thread = || {
        let stat = proc.read(b"/2/stat", 4096).unwrap_or_default();
        stat_field(&stat, 9).is_some_and(|flags| flags & KERNEL_THREAD != 0)
    };
    let whole = first_namespace(b"/1/ns/pid") || first_namespace(b"/self/ns/pid") || kernel_thread();
    (!whole).then(|| "this is a PID namespace: the machine's other processes are hidden (run with hostPID)".to_owned())
}

fn pids(proc: &Root) -> Result<(Vec<u32>, bool), Miss> {
    let listing = proc.list(b"/", MAX_PROCESSES)?;
    let number = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit()).then(|| name.parse().ok())?;
    let mut pids: Vec<u32> =
        listing.entries.iter().filter(|entry| entry.dir).filter_map(|entry| number(entry.name.as_str()?)).collect();
    pids.sort_unstable();
    Ok((pids, listing.complete))
}

fn no_table(root: &Root, miss: Miss) -> String {
    let root = root.name().trim_end_matches('/');
    match miss {
        Miss::Absent => format!("{root}{PROC} is not there"),
        Miss::Denied => format!("{root}{PROC} may not be listed: run as root"),
        Miss::TooLarge { .. } => format!("{root}{PROC} is too large"),
        Miss::Failed(why) => format!("{root}{PROC} cannot be listed: {why}"),
    }
}

/// When the kernel started, in Unix seconds.
fn boot_time(proc: &Root) -> Option<i64> {
    let stat = proc.read(b"/stat", 16 << 20).ok()?;
    String::from_utf8_lossy(&stat).lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok())
}
