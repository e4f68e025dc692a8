//! A capture: everything that one source told about one node or cluster at one time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Aspect, Item, OsText, Place, Seen};

/// The API path under which a kubelet's configuration in force is kept in the capture of its node. Whose it is stands
/// outside of it.
pub const CONFIGZ: &str = "configz";

/// The type of resources under which the mirror pods of a node stand in its capture: static pods as the API shows them.
pub const MIRROR_PODS: &str = "mirror-pods";

/// What kind of source a capture came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A running node.
    Node,
    /// A node's file tree on disk.
    Tree,
    /// A recording that a person made of a node.
    Recording,
    /// Files and outputs that a person saved from a host.
    Saved,
    /// A machine that runs Talos Linux, through its API.
    Talos,
    /// Configuration before rollout: of a machine that need not exist yet.
    Rendered,
    /// A cluster's own objects, through the Kubernetes API.
    Cluster,
    /// What the Kubernetes API tells of a node: its kubelet's configuration in force, its mirror pods.
    ClusterNode,
}

/// What a source can see in principle, fixed from its kind and role before anything is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "independent yes/no properties of a source, written to a file")]
pub struct Reach {
    /// Running processes.
    pub processes: bool,
    /// Listening sockets.
    pub sockets: bool,
    /// Files of the node.
    pub files: bool,
    /// Objects of the Kubernetes API. A recorded `/version` alone is no reach.
    #[serde(default)]
    pub api: bool,
    /// What the running kernel shows of itself in `/proc` and `/sys`. Without it, single values that somebody saved
    /// are all there is.
    #[serde(default)]
    pub kernel: bool,
}

/// Where a trail ended before its end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Break {
    /// The trail.
    pub trail: String,
    /// Why, e.g. `kubelet (pid 167) has none of the flags config-dir`.
    pub why: String,
}

/// Everything seen of one subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Capture {
    /// Name of the node or cluster.
    pub name: String,
    /// The kind of source.
    pub source: Source,
    /// When looking ended, in Unix milliseconds. Certificates are judged at this time. None if a recording does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken: Option<i64>,
    /// The root that paths are relative to, as its user named it.
    pub root: String,
    /// Machine id, boot id, operating system and the like, by name.
    pub identity: BTreeMap<String, String>,
    /// What this source can see in principle.
    pub reach: Reach,
    /// Rights that the looking process held, e.g. `uid 0`.
    pub rights: Vec<String>,
    /// Things about the source that a reader must know, e.g. that it looked from inside a container.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
    /// Digest of the trails that were followed.
    pub catalogue: String,
    /// The observations.
    pub items: Vec<Item>,
    /// Where trails broke.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breaks: Vec<Break>,
}

/// One or more captures that are judged together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The captures.
    pub captures: Vec<Capture>,
}

impl Capture {
    /// The answer about one aspect of a place. None: never asked.
    pub fn seen(&self, place: &Place, aspect: Aspect) -> Option<&Seen> {
        self.items.iter().find(|item| item.aspect == aspect && item.place == *place).map(|item| &item.seen)
    }

    /// The same for a path.
    pub fn path(&self, path: &str, aspect: Aspect) -> Option<&Seen> {
        self.seen(&Place::Path(OsText::from(path)), aspect)
    }
}
