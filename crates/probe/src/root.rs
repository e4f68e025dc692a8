//! A directory that is looked at as if it were `/`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use evidence::{Entry, FileKind, Listing, Seen, Stat};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::resolve::{Found, Last, resolve};

/// A directory that paths are resolved inside of: `/`, `/host`, or a node's file tree on disk.
pub struct Root {
    dir: OwnedFd,
    name: String,
}

/// Why something was not seen.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Miss {
    /// It is not there.
    Absent,
    /// The right to look is missing.
    Denied,
    /// It is larger than the limit.
    TooLarge { size: u64, limit: u64 },
    /// Another reason.
    Failed(String),
}

impl From<Errno> for Miss {
    fn from(errno: Errno) -> Self {
        match errno {
            // A process that is gone while its directory is open gives ESRCH.
            Errno::NOENT | Errno::NOTDIR | Errno::SRCH => Self::Absent,
            Errno::ACCESS | Errno::PERM => Self::Denied,
            Errno::LOOP => Self::Failed("too many links".to_owned()),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl From<std::io::Error> for Miss {
    fn from(error: std::io::Error) -> Self {
        Errno::from_io_error(&error).map_or_else(|| Self::Failed(error.to_string()), Self::from)
    }
}

impl Root {
    /// Opens a directory as the root.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = rustix::fs::openat(CWD, path, flags, Mode::empty())?;
        Ok(Self { dir, name: String::from_utf8_lossy(path.as_os_str().as_bytes()).into_owned() })
    }

    /// The root as its user named it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A directory below as a root of its own. The descriptor holds it: of a process, for example, even when the
    /// process ends and its id is used again.
    pub(crate) fn below(&self, path: &str) -> Result<Self, Miss> {
        let found = self.find(path.as_bytes(), Last::Follow)?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = rustix::fs::openat(found.fd(), ".", flags, Mode::empty())?;
        Ok(Self { dir, name: format!("{}{path}", self.name.trim_end_matches('/')) })
    }

    /// Whether the directory belongs to the kernel's own view of processes.
    pub(crate) fn is_procfs(&self) -> bool {
        rustix::fs::fstatfs(&self.dir).is_ok_and(|fs| fs.f_type == rustix::fs::PROC_SUPER_MAGIC)
    }

    /// A miss as an answer.
    pub(crate) fn seen(&self, miss: Miss) -> Seen {
        match miss {
            Miss::Absent => Seen::Absent { proof: format!("no such file below {}", self.name) },
            Miss::Denied => Seen::Denied { right: "root, or CAP_DAC_READ_SEARCH".to_owned() },
            Miss::TooLarge { size, limit } => Seen::TooLarge { size, limit },
            Miss::Failed(why) => Seen::Failed { why },
        }
    }

    /// Metadata of a path.
    pub(crate) fn stat(&self, path: &[u8]) -> Result<Stat, Miss> {
        let found = self.find(path, Last::Follow)?;
        let stat = rustix::fs::fstat(found.fd())?;
        Ok(Stat {
            kind: match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => FileKind::File,
                FileType::Directory => FileKind::Dir,
                FileType::Symlink => FileKind::Symlink,
                _ => FileKind::Other,
            },
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified: milliseconds(stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or(0)),
            target: found.target().map(Into::into),
        })
    }

    /// The bytes of a regular file.
    pub(crate) fn read(&self, path: &[u8], limit: u64) -> Result<Vec<u8>, Miss> {
        Self::read_from(self.open_file(path)?, limit)
    }

    /// The bytes of a regular file of the kernel's. It is no link: those of `/proc` and `/sys` that are asked for are
    /// none, and on a tree that somebody made up a link may lead anywhere.
    pub(crate) fn read_value(&self, path: &[u8], limit: u64) -> Result<Vec<u8>, Miss> {
        let (file, _) = self.opened(path, Last::Keep)?;
        Self::read_from((file, 0), limit)
    }

    fn read_from((file, size): (File, u64), limit: u64) -> Result<Vec<u8>, Miss> {
        if size > limit {
            return Err(Miss::TooLarge { size, limit });
        }
        // The size is not to be trusted: it is 0 for all of /proc, and a log may grow.
        let mut bytes = Vec::new();
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        let read = bytes.len() as u64;
        if read > limit { Err(Miss::TooLarge { size: read, limit }) } else { Ok(bytes) }
    }

    /// A regular file opened for reading, and its size. Nothing else is ever opened: to open a pipe may hang, to open
    /// a device may do something.
    pub(crate) fn open_file(&self, path: &[u8]) -> Result<(File, u64), Miss> {
        self.opened(path, Last::Follow)
    }

    fn opened(&self, path: &[u8], last: Last) -> Result<(File, u64), Miss> {
        let found = self.find(path, last)?;
        let resolved = rustix::fs::fstat(found.fd())?;
        let kind = match FileType::from_raw_mode(resolved.st_mode) {
            FileType::RegularFile => None,
            FileType::Directory => Some("a directory"),
            FileType::Fifo => Some("a named pipe"),
            FileType::Socket => Some("a socket"),
            FileType::Symlink => Some("a link"),
            _ => Some("a device"),
        };
        let (None, Some((parent, name))) = (kind, found.in_parent()) else {
            return Err(Miss::Failed(format!("not a regular file but {}", kind.unwrap_or("the root"))));
        };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = rustix::fs::openat(parent, name, flags, Mode::empty())?;
        let opened = rustix::fs::fstat(&file)?;
        if (opened.st_dev, opened.st_ino) != (resolved.st_dev, resolved.st_ino) {
            return Err(Miss::Failed("it was replaced while it was looked at".to_owned()));
        }
        Ok((file.into(), u64::try_from(opened.st_size).unwrap_or(0)))
    }

    /// The first `limit` entries of a directory by name.
    pub(crate) fn list(&self, path: &[u8], limit: usize) -> Result<Listing, Miss> {
        let found = self.find(path, Last::Follow)?;
        if !FileType::from_raw_mode(rustix::fs::fstat(found.fd())?.st_mode).is_dir() {
            return Err(Miss::Failed("not a directory".to_owned()));
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mut dir = Dir::new(rustix::fs::openat(found.fd(), ".", flags, Mode::empty())?)?;
        let mut names = BTreeMap::new();
        let mut complete = true;
        while let Some(entry) = dir.read() {
            let entry = entry?;
            if matches!(entry.file_name().to_bytes(), b"." | b"..") {
                continue;
            }
            names.insert(entry.file_name().to_bytes().to_vec(), entry.file_type());
            if names.len() > limit {
                names.pop_last();
                complete = false;
            }
        }
        let mut entries = Vec::new();
        for (name, kind) in names {
            let kind = if kind == FileType::Unknown {
                match rustix::fs::statat(found.fd(), name.as_slice(), AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                    Err(Errno::NOENT) => continue,
                    Err(errno) => return Err(errno.into()),
                }
            } else {
                kind
            };
            entries.push(Entry { name: name.into(), dir: kind.is_dir() });
        }
        Ok(Listing { entries, complete })
    }

    /// The text of a link.
    pub(crate) fn link(&self, path: &[u8]) -> Result<Vec<u8>, Miss> {
        let found = self.find(path, Last::Keep)?;
        Ok(rustix::fs::readlinkat(found.fd(), "", Vec::new())?.into_bytes())
    }

    fn find(&self, path: &[u8], last: Last) -> Result<Found<'_>, Miss> {
        if !path.starts_with(b"/") {
            return Err(Miss::Failed("not an absolute path".to_owned()));
        }
        Ok(resolve(self.dir.as_fd(), path, last)?)
    }
}

fn milliseconds(seconds: i64, nanoseconds: i64) -> Option<i64> {
    seconds.checked_mul(1000)?.checked_add(nanoseconds / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_of_the_system_means_one_thing() {
        for (errno, expected) in [
            (Errno::NOENT, Miss::Absent),
            (Errno::NOTDIR, Miss::Absent),
            (Errno::SRCH, Miss::Absent),
            (Errno::ACCESS, Miss::Denied),
            (Errno::PERM, Miss::Denied),
            (Errno::LOOP, Miss::Failed("too many links".to_owned())),
            (Errno::IO, Miss::Failed("Input/output error (os error 5)".to_owned())),
        ] {
            assert_eq!(Miss::from(errno), expected);
            assert_eq!(Miss::from(std::io::Error::from(errno)), expected);
        }
        let root = Root::open(Path::new("/")).unwrap();
        assert_eq!(root.seen(Miss::Absent), Seen::Absent { proof: "no such file below /".to_owned() });
        let right = "root, or CAP_DAC_READ_SEARCH".to_owned();
        assert_eq!(root.seen(Miss::Denied), Seen::Denied { right });
    }

    #[test]
    fn a_directory_that_is_held_is_never_mistaken_for_its_successor() {
        let scratch = tempfile::tempdir().unwrap();
        let process = scratch.path().join("7");
        std::fs::create_dir(&process).unwrap();
        let held = Root::open(scratch.path()).unwrap().below("/7").unwrap();
        std::fs::remove_dir(&process).unwrap();
        std::fs::create_dir(&process).unwrap();
        std::fs::write(process.join("cmdline"), "another").unwrap();
        assert_eq!(held.read(b"/cmdline", 100), Err(Miss::Absent));
        assert_eq!(held.name(), process.to_str().unwrap());
    }
}
