//! What was seen at one place.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{CutNote, OsText};

/// How directly a thing was seen. The order is the strength: running beats declared beats rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// Before rollout: what a machine would be given.
    Rendered,
    /// Written down for a component: a file, a manifest, a unit.
    Declared,
    /// What is: a process, a socket, the mode of a file.
    Running,
}

/// Where something was looked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// The process table.
    Processes,
    /// One process.
    Process(u32),
    /// A path inside the root.
    Path(OsText),
    /// An API answer by its path.
    Api(String),
    /// The resources of a type of Talos' API, by its full name.
    Resources(String),
}

/// What of a place was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aspect {
    /// The matching processes.
    Processes,
    /// Listening sockets of a process.
    Sockets,
    /// Metadata of a path, links followed inside the root.
    Stat,
    /// Entries of a directory.
    List,
    /// Text of a file or API answer.
    Text,
    /// Certificates in a file.
    Certs,
    /// A value that the kernel shows as a file.
    Value,
    /// Resources of a type.
    Resources,
    /// Objects of a list of the Kubernetes API.
    Objects,
}

/// One observation. Never asked = no item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// The first trail that asked.
    pub trail: String,
    /// Where.
    pub place: Place,
    /// What of it.
    pub aspect: Aspect,
    /// How directly.
    pub basis: Basis,
    /// The answer.
    pub seen: Seen,
}

/// An answer. The variants are never merged: each means something else to a verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen {
    /// The matching processes, and how much of the table was visible.
    Processes(ProcessTable),
    /// Listening sockets.
    Sockets(Sockets),
    /// Metadata.
    Stat(Stat),
    /// Directory entries.
    List(Listing),
    /// Text after the cuts.
    Text(Text),
    /// DER certificates in file order; empty if the file holds none.
    Certs(Vec<Text>),
    /// Every resource of a type, by id.
    Resources(Vec<Resource>),
    /// Objects of the Kubernetes API.
    Objects(Box<ObjectList>),
    /// It is not there, and this source would know.
    Absent {
        /// What makes the absence known, e.g. `no such file below /host`.
        proof: String,
    },
    /// It may not be looked at.
    Denied {
        /// The right that is missing, e.g. `root, or CAP_DAC_READ_SEARCH`.
        right: String,
    },
    /// It was seen and not kept, because secrets could not be cut out safely.
    Withheld {
        /// Why the cut failed.
        why: String,
    },
    /// What answers at this place is the looking process's own namespace, and not the node's.
    Namespaced {
        /// Which: `network` or `user`.
        namespace: String,
        /// What would show the node's.
        help: String,
    },
    /// Larger than the limit.
    TooLarge {
        /// Size in bytes, where known.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// This version of the system cannot tell.
    Unsupported {
        /// By which version.
        by: String,
    },
    /// Looking failed for another reason.
    Failed {
        /// The reason.
        why: String,
    },
}

impl Seen {
    /// The texts in it. Where it is written down, they stand apart, by digest.
    pub fn texts(&self) -> Vec<&Text> {
        match self {
            Self::Text(text) => vec![text],
            Self::Objects(list) => vec![&list.text],
            Self::Certs(certs) => certs.iter().collect(),
            Self::Resources(all) => {
                let specs = all.iter().map(|resource| &resource.spec);
                specs.filter_map(|spec| if let Spec::Text(text) = spec { Some(text) } else { None }).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The same, to be filled by a reader.
    pub fn texts_mut(&mut self) -> Vec<&mut Text> {
        match self {
            Self::Text(text) => vec![text],
            Self::Objects(list) => vec![&mut list.text],
            Self::Certs(certs) => certs.iter_mut().collect(),
            Self::Resources(all) => {
                let specs = all.iter_mut().map(|resource| &mut resource.spec);
                specs.filter_map(|spec| if let Spec::Text(text) = spec { Some(text) } else { None }).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// The processes that matched, and what is known of the rest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProcessTable {
    /// Matching processes, by pid.
    pub matched: Vec<Process>,
    /// How many processes were looked at.
    pub examined: u32,
    /// Why absence cannot be concluded from this table, e.g. `a PID namespace hides the host's processes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<String>,
}

/// A process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Process {
    /// Process id.
    pub pid: u32,
    /// Parent's id.
    pub ppid: u32,
    /// The names of the trails' starts that it matched.
    pub names: Vec<String>,
    /// The kernel's 15-character name.
    pub comm: OsText,
    /// Path of the executable in the process's own view; none if it may not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exe: Option<OsText>,
    /// Whether the executable was replaced since the start.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exe_deleted: bool,
    /// Arguments, secrets cut.
    pub argv: Vec<OsText>,
    /// Effective user id; [`Stat::UNRECORDED`] where nobody recorded it, and so is the group's.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
    /// Working directory; none if it may not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<OsText>,
    /// Start in Unix milliseconds; none if not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<i64>,
    /// Allowed environment variables. None = the environment could not be read; a value of none = the name is there
    /// and its value was not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<BTreeMap<String, Option<OsText>>>,
    /// UID of the pod that the process runs in, from its control group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// What was cut from the arguments and the environment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cuts: Vec<CutNote>,
}

/// Listening TCP sockets in the network namespace of a process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sockets {
    /// The sockets.
    pub listening: Vec<Listener>,
    /// Whether each socket's owner could be told. If not, sockets of other processes are among them.
    pub owners_known: bool,
}

/// One listening TCP socket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Listener {
    /// The address; `0.0.0.0` and `::` mean every interface.
    pub address: std::net::IpAddr,
    /// The port.
    pub port: u16,
    /// Whether the process holds the socket; none if owners could not be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<bool>,
}

/// What kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// Regular file.
    File,
    /// Directory.
    Dir,
    /// Symbolic link (only in listings: stats follow links).
    Symlink,
    /// Socket, pipe or device.
    Other,
}

/// Metadata of a path, links followed inside the root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stat {
    /// Kind.
    pub kind: FileKind,
    /// Permission bits, `0o7777` at most; [`Stat::UNRECORDED`] where only the content was saved, and so are the ids.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Size in bytes.
    pub size: u64,
    /// Time of the content's last change in Unix milliseconds; none if not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<i64>,
    /// The path that links led to, if any link was followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<OsText>,
}

impl Stat {
    /// What stands for a mode or an id that nobody recorded.
    pub const UNRECORDED: u32 = u32::MAX;

    /// A regular file of which only the content is known.
    pub fn of_content(size: u64) -> Self {
        let none = Self::UNRECORDED;
        Self { kind: FileKind::File, mode: none, uid: none, gid: none, size, modified: None, target: None }
    }
}

/// Entries of a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// Entries by name.
    pub entries: Vec<Entry>,
    /// Whether these are all.
    pub complete: bool,
}

/// A directory entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Entry {
    /// Name, without the directory.
    pub name: OsText,
    /// Whether it is a directory.
    pub dir: bool,
}

/// Bytes that were taken. In a run file they stand once, by digest; the index holds the rest.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// SHA-256 of the bytes, in hex.
    pub digest: String,
    /// Number of bytes kept.
    pub size: u64,
    /// The bytes.
    #[serde(skip)]
    pub bytes: Arc<[u8]>,
    /// What was cut.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cuts: Vec<CutNote>,
}

/// A resource of Talos' API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resource {
    /// Its id.
    pub id: String,
    /// The controller that made it; empty: a person.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub owner: String,
    /// What it says.
    pub spec: Spec,
}

/// Objects of one list of the Kubernetes API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObjectList {
    /// What is kept of each (see [`crate::OBJECTS`]), as JSON, a line each.
    pub text: Text,
    /// How many.
    pub count: u32,
    /// Why there may be more of them; none: these are all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<String>,
    /// Objects that could not be taken, with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

/// What a resource says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spec {
    /// As JSON, secrets cut.
    Text(Text),
    /// It was seen and not kept, because secrets could not be cut out safely.
    Withheld {
        /// Why the cut failed.
        why: String,
    },
}

impl Text {
    /// Bytes with their digest.
    pub fn new(bytes: Vec<u8>, cuts: Vec<CutNote>) -> Self {
        Self { digest: crate::runfile::digest(&bytes), size: bytes.len() as u64, bytes: bytes.into(), cuts }
    }

    /// The text with what is not UTF-8 replaced.
    pub fn to_lossy(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Text").field("digest", &self.digest).field("size", &self.size).finish_non_exhaustive()
    }
}

impl Aspect {
    /// The basis that a source of running state gives to this aspect.
    pub fn basis(self) -> Basis {
        match self {
            Self::Processes | Self::Sockets | Self::Stat | Self::List | Self::Value | Self::Objects => Basis::Running,
            Self::Text | Self::Certs | Self::Resources => Basis::Declared,
        }
    }
}
