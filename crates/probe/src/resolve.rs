//! Walking a path inside a root, one component at a time.
//!
//! The kernel's own resolution would let an absolute link leave the root. So every component is opened by itself,
//! without following links and from the descriptor of its parent, and links are read and walked here: absolute ones
//! restart at the root, and `..` stops at it. Descriptors make this free of races: what was resolved is what is held.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::{Errno, Result};

/// As many links as the kernel itself follows.
const MAX_LINKS: usize = 40;

/// Each level holds a descriptor open while a path is resolved.
const MAX_DEPTH: usize = 128;

/// What to do with a link in last place; links on the way are always followed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Last {
    Follow,
    Keep,
}

/// A resolved path: the descriptors (`O_PATH`, which opens nothing) from below the root down to its end.
pub(crate) struct Found<'root> {
    root: BorrowedFd<'root>,
    steps: Vec<Step>,
    links: usize,
}

struct Step {
    name: Vec<u8>,
    fd: OwnedFd,
    dir: bool,
}

/// Resolves a path below `root`.
pub(crate) fn resolve<'root>(root: BorrowedFd<'root>, path: &[u8], last: Last) -> Result<Found<'root>> {
    let mut found = Found { root, steps: Vec::new(), links: 0 };
    let mut ahead = Vec::new();
    push_components(&mut ahead, path);
    while let Some(name) = ahead.pop() {
        if !found.steps.last().is_none_or(|step| step.dir) {
            return Err(Errno::NOTDIR);
        }
        match name.as_slice() {
            b"." => continue,
            b".." => {
                found.steps.pop();
                continue;
            }
            _ if found.steps.len() == MAX_DEPTH => return Err(Errno::NAMETOOLONG),
            _ => {}
        }
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(found.fd(), name.as_slice(), flags, Mode::empty())?;
        let kind = FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode);
        if kind.is_symlink() && (last == Last::Follow || !ahead.is_empty()) {
            found.links += 1;
            if found.links > MAX_LINKS {
                return Err(Errno::LOOP);
            }
            let target = rustix::fs::readlinkat(&fd, "", Vec::new())?.into_bytes();
            if target.starts_with(b"/") {
                found.steps.clear();
            }
            push_components(&mut ahead, &target);
        } else {
            found.steps.push(Step { name, fd, dir: kind.is_dir() });
        }
    }
    Ok(found)
}

/// Puts a path's components before those ahead. A slash at the end demands a directory, as a last `.` does.
fn push_components(ahead: &mut Vec<Vec<u8>>, path: &[u8]) {
    if path.ends_with(b"/") {
        ahead.push(b".".to_vec());
    }
    ahead.extend(path.split(|byte| *byte == b'/').rev().filter(|name| !name.is_empty()).map(<[u8]>::to_vec));
}

impl Found<'_> {
    /// What the path leads to.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.steps.last().map_or(self.root, |step| step.fd.as_fd())
    }

    /// The directory and the name in it; none for the root itself.
    pub(crate) fn in_parent(&self) -> Option<(BorrowedFd<'_>, &[u8])> {
        let (last, before) = self.steps.split_last()?;
        Some((before.last().map_or(self.root, |step| step.fd.as_fd()), &last.name))
    }

    /// The path that links led to, if any link was followed.
    pub(crate) fn target(&self) -> Option<Vec<u8>> {
        if self.links == 0 {
            return None;
        }
        let path: Vec<u8> = self.steps.iter().flat_map(|step| [b"/", step.name.as_slice()].concat()).collect();
        Some(if path.is_empty() { b"/".to_vec() } else { path })
    }
}
