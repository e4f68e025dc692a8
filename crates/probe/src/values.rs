//! Values that the kernel shows as files: its settings below `/proc/sys`, its state below `/sys`.
//!
//! Some of them are not the machine's but the reader's: the kernel answers by the namespaces of whoever reads, whatever
//! `/proc` is read. Such an answer is never told as the node's.

use std::collections::BTreeSet;

use evidence::{OF_THE_ADMINISTRATOR, Seen};

use crate::processes;
use crate::root::{Miss, Root};

/// A value has a page at most; a command line is longer than one on no architecture.
const MAX_VALUE: u64 = 64 << 10;

/// The numbers that the kernel gives to the first namespaces of every machine (include/uapi/linux/nsfs.h); that of the
/// network only since 6.18.
const FIRST_USER: &[u8] = b"user:[4026531837]";
const FIRST_NETWORK: &[u8] = b"net:[4026531833]";

/// One value of the kernel.
pub(crate) fn value(root: &Root, path: &[u8]) -> Seen {
    let seen = match root.read_value(path, MAX_VALUE) {
        Ok(bytes) => evidence::take_value(&bytes),
        Err(Miss::Denied) => Seen::Denied { right: right(path).to_owned() },
        Err(Miss::Absent) if !shows_settings(root, path) => {
            Seen::Failed { why: "the kernel's settings are not shown here, or not all of them".to_owned() }
        }
        Err(miss) => root.seen(miss),
    };
    // A refusal is one whatever the namespace.
    if matches!(seen, Seen::Denied { .. }) {
        return seen;
    }
    foreign(root, path).unwrap_or(seen)
}

/// Whether a setting that is not there is none: the kernel itself shows its settings here. Files that somebody copied
/// may be some of them, and `/proc/sys` may be hidden (`subset=pid`, masked paths).
fn shows_settings(root: &Root, path: &[u8]) -> bool {
    !path.starts_with(b"/proc/sys/") || processes::is_live(root) && root.stat(b"/proc/sys/kernel/osrelease").is_ok()
}

/// The kernel's command line.
pub(crate) fn parameters(root: &Root, path: &[u8], names: &BTreeSet<String>) -> Seen {
    let taken = root.read_value(path, MAX_VALUE).map(|bytes| evidence::take_parameters(names, &bytes));
    taken.unwrap_or_else(|miss| root.seen(miss))
}

fn right(path: &[u8]) -> &'static str {
    if OF_THE_ADMINISTRATOR.iter().any(|key| evidence::setting_path(key).as_bytes() == path) {
        "root with CAP_SYS_ADMIN in the node's own user namespace"
    } else {
        "root"
    }
}

/// What is answered at a path that shows the reader's namespace, if that is not known to be the node's.
fn foreign(root: &Root, path: &[u8]) -> Option<Seen> {
    let proc = root.below("/proc").ok().filter(Root::is_procfs)?;
    let own = |name: &str| proc.link(format!("/self/ns/{name}").as_bytes()).ok();
    let (namespace, help) = if path.starts_with(b"/proc/sys/user/") {
        let first = own("user").is_some_and(|own| own == FIRST_USER);
        (!first).then_some(("user", "look from the node's own user namespace (a pod without hostUsers: false)"))?
    } else if path.starts_with(b"/proc/sys/net/") {
        let own = own("net");
        let first = own.as_deref() == Some(FIRST_NETWORK);
        // Process 1 of the machine lives in the node's network, unless this shows another one's processes.
        let same = || own.is_some() && proc.link(b"/1/ns/net").ok() == own && processes::concealment(root).is_none();
        let help = "look as root from the node's own network (a pod with hostNetwork and hostPID)";
        (!first && !same()).then_some(("network", help))?
    } else {
        return None;
    };
    Some(Seen::Namespaced { namespace: namespace.to_owned(), help: help.to_owned() })
}
