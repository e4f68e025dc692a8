//! What a person saved from a host that nobody may look at: its kernel's configuration, command line and settings.
//!
//! Each file is told by its content. What was not saved was never asked: it lies outside of what this source can see,
//! and is never taken for absent.

mod kind;
mod sysctl;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use evidence::{Ask, Aspect, Capture, Item, OsText, Place, Reach, Seen, Source, Stat, Trail};

use crate::talos::saved::Machine;
use kind::Kind;
use sysctl::Dump;

/// Larger files are none of these.
const MAX_FILE: u64 = 16 << 20;

/// Most files of one host.
const MAX_FILES: usize = 64;

/// Where the kernel shows its configuration.
const OWN_CONFIG: &str = "/proc/config.gz";

/// What the running kernel calls itself.
const RELEASE: &str = "/proc/sys/kernel/osrelease";

/// Where the kernel shows its settings.
const SETTINGS: &str = "/proc/sys/";

/// What was saved of one host.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Saved {
    files: BTreeMap<&'static str, Vec<u8>>,
    settings: Option<Dump>,
    machine: Machine,
    /// Which file each kind came from.
    from: BTreeMap<Kind, String>,
    /// What the machine's files turned out to be.
    told: Vec<String>,
}

/// Why a file cannot be imported.
#[derive(Debug, thiserror::Error)]
pub enum SavedError {
    /// It cannot be read.
    #[error("{}: {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is nothing that is known here, or not what it seems to be.
    #[error("{file}: {why}")]
    File {
        /// The file.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// Two files tell the same.
    #[error(
        "{first} and {second} are both {what}: import one host at a time, or give each host a directory of its own"
    )]
    Twice {
        /// The one.
        first: String,
        /// The other.
        second: String,
        /// What both are.
        what: &'static str,
    },
}

impl Saved {
    /// Reads files of one host.
    pub fn load(files: &[PathBuf]) -> Result<Self, SavedError> {
        let mut saved = Self::default();
        for file in files {
            saved.add(&file.display().to_string(), read(file)?)?;
        }
        Ok(saved)
    }

    /// Reads a directory that holds the files of one host.
    pub fn load_dir(directory: &Path) -> Result<Self, SavedError> {
        let failed = |source| SavedError::Read { file: directory.to_owned(), source };
        let mut files: Vec<PathBuf> = Vec::new();
        for entry in fs::read_dir(directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_type().map_err(failed)?.is_file() {
                files.push(entry.path());
            }
        }
        files.sort();
        if files.is_empty() || files.len() > MAX_FILES {
            let why = format!("1 to {MAX_FILES} saved files are expected in it, and it has {}", files.len());
            return Err(SavedError::File { file: directory.display().to_string(), why });
        }
        Self::load(&files)
    }

    /// Takes one file in.
    pub fn add(&mut self, file: &str, bytes: Vec<u8>) -> Result<(), SavedError> {
        let bad = |why: String| SavedError::File { file: file.to_owned(), why };
        // Some editors put a mark before UTF-8.
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).map(<[u8]>::to_vec).unwrap_or(bytes);
        if let Some(taken) = self.machine.add(&bytes) {
            self.told.push(format!("{} from {file}", taken.map_err(bad)?));
            return Ok(());
        }
        let kind = Kind::of(&bytes).map_err(|why| bad(why.to_owned()))?;
        if let Some(first) = self.from.insert(kind, file.to_owned()) {
            return Err(SavedError::Twice { first, second: file.to_owned(), what: kind.words() });
        }
        if kind == Kind::Settings {
            self.settings = Some(Dump::read(&String::from_utf8_lossy(&bytes)).map_err(bad)?);
        } else {
            self.files.insert(kind.path(), bytes);
        }
        Ok(())
    }

    /// Whether nothing was saved.
    pub fn is_empty(&self) -> bool {
        self.from.is_empty() && self.machine.is_empty()
    }

    /// Follows the trails through what was saved.
    pub fn capture(&self, name: Option<&str>, trails: Vec<Trail>) -> Capture {
        let catalogue = evidence::trails_digest(&trails);
        let (mut items, breaks) = crate::follow(trails, |ask| self.look(ask));
        // What the kernel itself showed comes before what Talos wrote.
        crate::declare(&mut items, |path| {
            self.machine.is_declared(path) && path.as_str().is_some_and(|path| self.value(path).is_none())
        });
        let hostname = self.settings.as_ref().and_then(|settings| settings.plain("kernel.hostname"));
        let release = self.release();
        let identity = [("hostname", hostname), ("kernel", release.as_deref())];
        let mut identity: BTreeMap<String, String> =
            identity.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned()))).collect();
        identity.extend(self.machine.identity().into_iter().map(|(key, value)| (key.to_owned(), value)));
        let mut remarks =
            vec!["taken at its word: that these files are of one host, and of its running kernel".to_owned()];
        remarks.extend(self.from.iter().map(|(kind, file)| format!("{} from {file}", kind.words())));
        remarks.extend(self.told.iter().cloned());
        remarks.extend(self.machine.remarks());
        if let Some(settings) = &self.settings {
            remarks.extend(settings.remarks());
        }
        remarks.extend(release.and_then(|release| stranger(&items, &release)));
        Capture {
            name: name.or(hostname).or(self.machine.name()).unwrap_or("imported").to_owned(),
            source: Source::Saved,
            taken: None,
            root: String::new(),
            identity,
            reach: Reach { processes: self.machine.shows_processes(), ..Reach::default() },
            rights: vec!["saved by a person".to_owned()],
            remarks,
            catalogue,
            items,
            breaks,
        }
    }

    /// The answer to a question; none if nothing that was saved tells.
    pub(crate) fn look(&self, ask: &Ask) -> Option<Seen> {
        let place = |path: &OsText| Some(self.files.get_key_value(path.as_str()?)?.1);
        match ask {
            Ask::Value { path } => self.value(path.as_str()?).or_else(|| self.machine.look(ask)),
            Ask::Parameters { path, names } => {
                place(path).map(|bytes| evidence::take_parameters(names, bytes)).or_else(|| self.machine.look(ask))
            }
            Ask::Text { path, cut, .. } => {
                place(path).map(|bytes| evidence::take_text(*cut, bytes.clone())).or_else(|| self.machine.look(ask))
            }
            Ask::Stat { path } if place(path).is_none() => self.machine.look(ask),
            Ask::Stat { path } => place(path).map(|bytes| Seen::Stat(Stat::of_content(bytes.len() as u64))),
            _ => self.machine.look(ask),
        }
    }

    fn value(&self, path: &str) -> Option<Seen> {
        if let Some(bytes) = self.files.get(path) {
            return Some(evidence::take_value(bytes));
        }
        let setting = |settings: &Dump| settings.value(&path.strip_prefix(SETTINGS)?.replace('/', "."));
        let release = self.release().filter(|_| path == RELEASE);
        let release = release.map(|release| evidence::take_value(release.as_bytes()));
        release.or_else(|| self.settings.as_ref().and_then(setting))
    }

    /// The release among the settings, in `Linux version 6.12.9 (…` of /proc/version, or in `Linux host 6.12.9 …` of
    /// `uname -a`.
    fn release(&self) -> Option<String> {
        if let Some(release) = self.settings.as_ref().and_then(|settings| settings.plain("kernel.osrelease")) {
            return Some(release.to_owned());
        }
        let line = String::from_utf8_lossy(self.files.get(Kind::Release.path())?).into_owned();
        line.split_whitespace().nth(2).map(str::to_owned)
    }
}

/// What is said where the configuration is of another kernel than the settings.
fn stranger(items: &[Item], release: &str) -> Option<String> {
    let text = items.iter().find_map(|item| match &item.seen {
        Seen::Text(text) if item.aspect == Aspect::Text && item.place == Place::Path(OWN_CONFIG.into()) => Some(text),
        _ => None,
    })?;
    let text = text.to_lossy();
    let heading = text.lines().find_map(|line| line.strip_prefix("# Linux/")?.strip_suffix(" Kernel Configuration"))?;
    let version = heading.split(' ').next_back()?;
    let first_two = |version: &str| version.split(['.', '-']).take(2).map(str::to_owned).collect::<Vec<_>>();
    (first_two(version) != first_two(release)).then(|| {
        format!("they do not fit together: the configuration is of Linux {version}, and the settings of {release}")
    })
}

/// The whole of a regular file.
fn read(file: &Path) -> Result<Vec<u8>, SavedError> {
    let failed = |source| SavedError::Read { file: file.to_owned(), source };
    let opened = File::open(file).map_err(failed)?;
    let bad = |why: String| SavedError::File { file: file.display().to_string(), why };
    if !opened.metadata().map_err(failed)?.is_file() {
        return Err(bad("not a regular file".to_owned()));
    }
    let mut bytes = Vec::new();
    opened.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE { Err(bad(format!("larger than {MAX_FILE} bytes"))) } else { Ok(bytes) }
}

/// Whether a question is about what only a running kernel shows.
pub(crate) fn is_kernels(ask: &Ask) -> bool {
    let (place, aspect) = ask.subject();
    aspect == Aspect::Value || matches!(&place, Place::Path(path) if evidence::is_kernels(path.as_bytes()))
}

#[cfg(test)]
mod tests;
