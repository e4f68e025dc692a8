//! What the kernel tells about one process.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{CutNote, OsText, Process, Stat, process_names, scrub_argv, scrub_env};

use crate::root::{Miss, Root};

/// Arguments and environment together are at most 6 MiB, unless a process forges where they stand.
const MAX_ARGUMENTS: u64 = 8 << 20;

/// `status`, `stat`, `comm` and `cgroup` are a few kilobytes.
const MAX_FACTS: u64 = 1 << 20;

/// Who a process is: enough to tell whether it is asked for.
pub(crate) struct Who {
    /// As the kernel tells it: with a mark if the file was replaced.
    exe: Result<OsText, Miss>,
    argv: Result<Vec<OsText>, Miss>,
}

impl Who {
    /// Reads the executable and the arguments of the process whose directory this is.
    pub(crate) fn read(process: &Root) -> Self {
        Self {
            exe: process.link(b"/exe").map(OsText::from),
            argv: process.read(b"/cmdline", MAX_ARGUMENTS).map(|bytes| split(&bytes)),
        }
    }

    /// Whether neither the executable nor the arguments could be told: it may be any process.
    pub(crate) fn hidden(&self) -> bool {
        let unreadable = |miss: Option<&Miss>| miss.is_some_and(|miss| *miss != Miss::Absent);
        unreadable(self.exe.as_ref().err()) && unreadable(self.argv.as_ref().err())
    }

    /// Those of `names` that the process answers to.
    pub(crate) fn matches(&self, names: &BTreeSet<String>) -> Vec<String> {
        process_names(names, self.exe.as_ref().ok(), self.argv.as_deref().unwrap_or_default())
    }

    /// All that is recorded of the process. Only the variables in `allowed` are taken from its environment. `boot` is
    /// when the kernel started, in Unix seconds.
    pub(crate) fn describe(
        self,
        pid: u32,
        names: Vec<String>,
        process: &Root,
        allowed: &BTreeSet<String>,
        boot: Option<i64>,
    ) -> Process {
        let facts = |name: &[u8]| process.read(name, MAX_FACTS).unwrap_or_default();
        let (status, stat) = (facts(b"/status"), facts(b"/stat"));
        let (argv, mut cuts) = scrub_argv(self.argv.unwrap_or_default());
        let environ = if allowed.is_empty() { None } else { process.read(b"/environ", MAX_ARGUMENTS).ok() };
        let env = environ.map(|bytes| environment(&bytes, allowed, &mut cuts));
        let (exe, exe_deleted) = self.exe.as_ref().map_or((None, false), |exe| {
            let kept = exe.as_bytes().strip_suffix(b" (deleted)");
            (Some(kept.unwrap_or(exe.as_bytes())), kept.is_some())
        });
        Process {
            pid,
            ppid: status_field(&status, "PPid", 0).unwrap_or(0),
            names,
            comm: facts(b"/comm").trim_ascii_end().into(),
            exe: exe.map(OsText::from),
            exe_deleted,
            argv,
            // An id that cannot be told must not read as root's: the kernel's "no id" is the one that nobody has.
            uid: status_field(&status, "Uid", 1).unwrap_or(Stat::UNRECORDED),
            gid: status_field(&status, "Gid", 1).unwrap_or(Stat::UNRECORDED),
            cwd: process.link(b"/cwd").ok().map(OsText::from),
            started: boot.and_then(|boot| started(&stat, boot)),
            env,
            pod: pod(&facts(b"/cgroup")),
            cuts,
        }
    }
}

/// The arguments of a `cmdline`: each ends with a NUL, save the last of a process that rewrote its title.
fn split(cmdline: &[u8]) -> Vec<OsText> {
    if cmdline.is_empty() {
        return Vec::new();
    }
    cmdline.strip_suffix(b"\0").unwrap_or(cmdline).split(|byte| *byte == 0).map(OsText::from).collect()
}

/// The allowed variables of an environment. Of a name that stands twice the first counts, as for `getenv`.
fn environment(bytes: &[u8], allowed: &BTreeSet<String>, cuts: &mut Vec<CutNote>) -> BTreeMap<String, Option<OsText>> {
    let mut taken = BTreeMap::new();
    for variable in bytes.split(|byte| *byte == 0) {
        let Some(equals) = variable.iter().position(|byte| *byte == b'=') else { continue };
        let Some(name) = allowed.iter().find(|name| name.as_bytes() == &variable[..equals]) else { continue };
        if !taken.contains_key(name) {
            let (value, cut) = scrub_env(name, variable[equals + 1..].into());
            taken.insert(name.clone(), Some(value));
            cuts.extend(cut);
        }
    }
    taken
}

/// A number of a line of `status`, e.g. the second of `Uid:` (real, effective, saved, file system).
fn status_field(status: &[u8], name: &str, at: usize) -> Option<u32> {
    let text = String::from_utf8_lossy(status);
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().nth(at)?.parse().ok()
}

/// A field of `stat`, counted from 1 as in proc(5). The name before them may hold blanks and brackets.
pub(crate) fn stat_field(stat: &[u8], number: usize) -> Option<u64> {
    let after_name = stat.iter().rposition(|byte| *byte == b')')? + 1;
    std::str::from_utf8(&stat[after_name..]).ok()?.split_whitespace().nth(number - 3)?.parse().ok()
}

/// The start in Unix milliseconds: the kernel counts ticks since it started.
fn started(stat: &[u8], boot: i64) -> Option<i64> {
    let ticks = stat_field(stat, 22)?;
    let since_boot = ticks.checked_mul(1000)? / rustix::param::clock_ticks_per_second().max(1);
    boot.checked_mul(1000)?.checked_add(i64::try_from(since_boot).ok()?)
}

/// The pod's UID from the control group: `…/pod<uid>/…` by the cgroupfs driver, `…-pod<uid>.slice` with `_` for `-` by
/// systemd's. A static pod's UID is 32 hex digits. The innermost counts: a node may itself run in a pod.
fn pod(cgroup: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(cgroup);
    text.split(['/', '\n']).rev().find_map(|group| {
        let group = group.strip_suffix(".slice").unwrap_or(group);
        let at = group.rfind("pod").filter(|at| *at == 0 || group[..*at].ends_with('-'))?;
        let uid = group[at + 3..].replace('_', "-");
        is_uid(&uid).then_some(uid)
    })
}

fn is_uid(text: &str) -> bool {
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    matches!(groups.as_slice(), [32] | [8, 4, 4, 4, 12]) && text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_hidden_only_if_nothing_of_it_may_be_read() {
        let hidden = |exe, argv| Who { exe, argv }.hidden();
        assert!(hidden(Err(Miss::Denied), Err(Miss::Denied)));
        assert!(hidden(Err(Miss::Denied), Err(Miss::TooLarge { size: 9, limit: 8 })));
        assert!(!hidden(Err(Miss::Denied), Ok(vec![])), "a kernel thread, seen by a user");
        assert!(!hidden(Err(Miss::Absent), Err(Miss::Absent)), "gone");
    }

    #[test]
    fn arguments_are_bytes_between_nuls() {
        for (cmdline, expected) in [
            (&b""[..], &[][..]),
            (b"a\0", &[&b"a"[..]]),
            (b"a\0\0b\0", &[b"a", b"", b"b"]),
            (b"rewritten title", &[b"rewritten title"]),
            (b"a\0\xff\xfe\0", &[b"a", b"\xff\xfe"]),
        ] {
            assert_eq!(split(cmdline).iter().map(OsText::as_bytes).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn effective_ids_and_the_start_are_read_despite_odd_names() {
        let status = b"Name:\tx\nPPid:\t7\nUid:\t1000\t0\t0\t0\nGid:\t1\t2\t3\t4\n";
        assert_eq!(status_field(status, "Uid", 1), Some(0));
        assert_eq!(status_field(status, "Gid", 1), Some(2));
        assert_eq!(status_field(status, "PPid", 0), Some(7));
        assert_eq!(status_field(b"", "Uid", 1), None);
        let stat = b"42 (a) S (b) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 2350 0 0";
        assert_eq!(stat_field(stat, 9), Some(4_194_560));
        assert_eq!(started(stat, 1_700_000_000), Some(1_700_000_023_500));
        assert_eq!(started(b"42 (cut off", 1_700_000_000), None);
        assert_eq!(started(stat, i64::MAX), None);
    }

    #[test]
    fn pods_are_found_by_both_cgroup_drivers() {
        let uid = "7d0b5f4e-32c1-4a67-9a10-0c9d2c5f8a11";
        let systemd = uid.replace('-', "_");
        let hash = "0123456789abcdef0123456789abcdef";
        for (cgroup, expected) in [
            (format!("0::/kubepods/burstable/pod{uid}/c0ffee\n"), Some(uid)),
            (format!("12:cpu:/kubepods/pod{hash}/c0ffee\n0::/\n"), Some(hash)),
            (
                format!(
                    "0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{systemd}.slice/x.scope\n"
                ),
                Some(uid),
            ),
            (format!("0::/kubepods.slice/kubepods-pod{hash}.slice/cri-containerd-ab.scope"), Some(hash)),
            (format!("0::/../../kubepods-burstable-pod{systemd}.slice/x"), Some(uid)),
            (format!("0::/kubepods/pod{hash}/c/kubelet.slice/kubelet-kubepods-pod{systemd}.slice/x"), Some(uid)),
            (format!("0::/machine.slice/libpod-{hash}{hash}.scope"), None),
            ("0::/system.slice/kubelet.service\n".to_owned(), None),
            ("0::/kubepods/podshort/x".to_owned(), None),
        ] {
            assert_eq!(pod(cgroup.as_bytes()).as_deref(), expected, "{cgroup}");
        }
    }

    #[test]
    fn only_allowed_variables_are_taken_and_the_first_of_two_counts() {
        let allowed = ["HTTPS_PROXY".to_owned(), "GOGC".to_owned()].into();
        let env = environment(b"GOGC=1\0TOKEN=secret\0GOGC=2\0HTTPS_PROXY\0=x\0", &allowed, &mut Vec::new());
        assert_eq!(env, BTreeMap::from([("GOGC".to_owned(), Some(OsText::from("1")))]));
    }
}
