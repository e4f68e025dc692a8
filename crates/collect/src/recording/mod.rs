//! A node that a person recorded: `stat.tsv`, `processes.json`, `tree/` and what else they saved.
//!
//! A recording is taken at its word: a path that its listing does not name was not on the node. Whatever it shows
//! without telling all of it (a file without its content, a link that leads where nothing was listed) is answered with
//! the reason, never with absence.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use evidence::{Ask, Capture, FileKind, Objects, OsText, Reach, Seen, Source, Trail};

use crate::cluster::cluster_uid;
use crate::saved::{Saved, is_kernels};

mod listen;
mod load;
mod look;
mod resolve;

pub use load::{RecordingError, is_recording};

/// A recorded node in memory. The fields are open, so that one thing of a node can be changed and judged again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recording {
    /// Name of the recording's directory.
    pub name: String,
    /// What is known of paths, links not followed. A path's parents exist although they are not listed.
    pub stats: BTreeMap<String, Listed>,
    /// Contents of files by path.
    pub texts: BTreeMap<String, Vec<u8>>,
    /// The process table.
    pub processes: Vec<RecordedProcess>,
    /// Listening TCP sockets of the host's network namespace.
    pub listeners: Vec<RecordedListener>,
    /// Whether sockets were recorded.
    pub sockets: bool,
    /// Bodies of API answers by API path, e.g. `/version`.
    pub api: BTreeMap<String, Vec<u8>>,
    /// What was saved of its kernel.
    pub kernel: Saved,
    /// Version of Kubernetes as its recorder noted it; a label, not evidence.
    pub kubernetes: Option<String>,
    /// Paths that may not be looked at, nor anything below them. No recording has any: they are for experiments.
    pub denied: BTreeSet<String>,
    /// If set, no process is shown, and this is why. No recording has it: it is for experiments.
    pub hide_processes: Option<String>,
    /// What a reader must know of this recording besides what is true of all.
    pub remarks: Vec<String>,
}

/// What the listing says of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Kind; links are kept as links.
    pub kind: FileKind,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Size in bytes on the node. The recorded content may be shorter, where secrets were cut out.
    pub size: u64,
    /// Where a link leads.
    pub link_target: Option<String>,
}

/// A recorded process.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
pub struct RecordedProcess {
    /// Process id.
    pub pid: u32,
    /// Parent's id.
    pub ppid: u32,
    /// The kernel's short name.
    pub comm: OsText,
    /// Executable, with the kernel's ` (deleted)` if it was replaced; none if it could not be read.
    #[serde(deserialize_with = "load::nullable")]
    pub exe: Option<OsText>,
    /// Arguments as passed.
    pub argv: Vec<OsText>,
    /// Effective user id.
    #[serde(deserialize_with = "load::effective_id")]
    pub uid: u32,
    /// Effective group id.
    #[serde(deserialize_with = "load::effective_id")]
    pub gid: u32,
    /// Working directory; none if it could not be read.
    #[serde(deserialize_with = "load::nullable")]
    pub cwd: Option<OsText>,
    /// Names of environment variables; none if they could not be read.
    #[serde(deserialize_with = "load::nullable")]
    pub environ_keys: Option<Vec<String>>,
}

/// A recorded listening TCP socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedListener {
    /// Address.
    pub address: IpAddr,
    /// Port.
    pub port: u16,
    /// Processes that hold the socket; none if the recording does not tell.
    pub owners: Option<Vec<u32>>,
}

impl Recording {
    /// Follows the trails through the lists of objects that were recorded of the node's cluster; none: there are none.
    pub fn cluster(&self, trails: Vec<Trail>) -> Option<Capture> {
        let lists = self.api.keys().filter(|api| evidence::object_kind(api).is_some()).count();
        if lists == 0 {
            return None;
        }
        let catalogue = evidence::trails_digest(&trails);
        let (items, breaks) = crate::follow(trails, |ask| match ask {
            Ask::Objects { api } => self.objects(api),
            Ask::Body { api, .. } if api == "/version" => Some(self.look(ask)),
            _ => None,
        });
        Some(Capture {
            name: format!("cluster of {}", self.hostname().unwrap_or_else(|| self.name.clone())),
            source: Source::Cluster,
            taken: None,
            root: self.name.clone(),
            identity: cluster_uid(&items).map(|uid| ("cluster-uid".to_owned(), uid)).into_iter().collect(),
            reach: Reach { api: true, ..Reach::default() },
            rights: vec!["recorded by a person".to_owned()],
            remarks: vec![format!("{lists} lists of objects were recorded; others are not known")],
            catalogue,
            items,
            breaks,
        })
    }

    /// The objects of a recorded list.
    fn objects(&self, api: &str) -> Option<Seen> {
        #[derive(serde::Deserialize)]
        struct List {
            items: Vec<serde_json::Value>,
        }
        let kind = evidence::object_kind(api)?;
        Some(match serde_json::from_slice::<List>(self.api.get(api)?) {
            Ok(list) => {
                let mut all = Objects::of(kind);
                for object in list.items {
                    all.take(object);
                }
                all.finish(None)
            }
            Err(error) => Seen::Failed { why: format!("what was recorded is no list of objects: {error}") },
        })
    }

    /// Follows the trails through the recording.
    pub fn capture(&self, trails: Vec<Trail>) -> Capture {
        let catalogue = evidence::trails_digest(&trails);
        let (items, breaks) = crate::follow(trails, |ask| match ask {
            // No node has such things among its files.
            Ask::Resources { .. } | Ask::Objects { .. } => None,
            ask if is_kernels(ask) => self.kernel.look(ask),
            ask => Some(self.look(ask)),
        });
        Capture {
            name: self.hostname().unwrap_or_else(|| self.name.clone()),
            source: Source::Recording,
            taken: None,
            root: self.name.clone(),
            identity: self.identity(),
            reach: Reach { processes: true, sockets: self.sockets, files: true, ..Reach::default() },
            rights: vec!["recorded by a person".to_owned()],
            remarks: self.all_remarks(),
            catalogue,
            items,
            breaks,
        }
    }

    /// Puts a content at a path. A path that was not listed becomes a file of root's with mode 0600.
    pub fn write(&mut self, path: &str, content: impl Into<Vec<u8>>) {
        let content = content.into();
        let root_only = Listed { kind: FileKind::File, mode: 0o600, uid: 0, gid: 0, size: 0, link_target: None };
        self.stats.entry(path.to_owned()).or_insert(root_only).size = content.len() as u64;
        self.texts.insert(path.to_owned(), content);
    }

    /// Takes a path and everything below it away.
    pub fn remove(&mut self, path: &str) {
        let gone = |other: &str| other.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.stats.retain(|other, _| !gone(other));
        self.texts.retain(|other, _| !gone(other));
    }

    fn identity(&self) -> BTreeMap<String, String> {
        let machine = self.line_of("/etc/machine-id", |line| Some(line.trim()).filter(|id| !id.is_empty()));
        let told = [
            ("hostname", self.hostname()),
            ("machine-id", machine),
            ("os", self.os()),
            ("kubernetes", self.kubernetes.clone()),
        ];
        told.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }

    fn hostname(&self) -> Option<String> {
        let name = self.line_of("/etc/hostname", |line| Some(line.trim()))?;
        (!name.is_empty()).then_some(name)
    }

    fn os(&self) -> Option<String> {
        let name = self.line_of("/etc/os-release", |line| line.strip_prefix("PRETTY_NAME="))?;
        Some(name.trim_matches(['"', '\'']).to_owned())
    }

    /// What `pick` makes of the first line that it takes.
    fn line_of(&self, path: &str, pick: impl Fn(&str) -> Option<&str>) -> Option<String> {
        let found = self.resolve(&OsText::from(path)).ok()?;
        let text = std::str::from_utf8(self.texts.get(&found.path)?).ok()?;
        text.lines().find_map(pick).map(str::to_owned)
    }

    fn all_remarks(&self) -> Vec<String> {
        let mut remarks = vec![
            "taken at its word: a path that the recording does not list counts as absent".to_owned(),
            "when processes started and when files changed was not recorded".to_owned(),
            "of environment variables only names were recorded".to_owned(),
        ];
        if self.sockets {
            remarks.push("listening sockets are those of the host's network namespace".to_owned());
        }
        remarks.extend(self.remarks.iter().cloned());
        remarks
    }
}

#[cfg(test)]
mod tests;
