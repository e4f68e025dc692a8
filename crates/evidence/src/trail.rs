//! Where to look, as data.
//!
//! Trails are compiled by `assess` from its fact catalogue and the platforms; the looking crates follow them without
//! knowing why. What may be taken is fixed by the trail and never by the file that names the next place: a hostile
//! configuration that names `/etc/shadow` yields what the trail takes (a stat, say), not its text.

use serde::{Deserialize, Serialize};

use crate::Cut;

/// One way to evidence: a start, hops from place to place, and what is taken at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trail {
    /// Stable name, e.g. `kubelet.client-ca`; every item tells which trail led to it.
    pub id: String,
    /// Where the trail starts.
    pub start: Start,
    /// The way on. Each hop may give several places, and may give more than is meant: only `assess` decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hops: Vec<Hop>,
    /// What is taken from each place that the last hop gives.
    pub take: Vec<Take>,
}

/// The start of a trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// Processes whose executable or first argument has one of these file names. A name with a blank (`hyperkube
    /// kubelet`) also demands the next argument.
    Process(Vec<String>),
    /// An absolute path.
    Path(String),
    /// A systemd unit by name: its unit files and the drop-ins (`*.conf`) of its `.d` directories.
    Unit(String),
    /// An answer of the Kubernetes API by its path, e.g. `/version`.
    Api(String),
    /// Resources of Talos' API by the full name of their type, e.g. `SecurityStates.talos.dev`.
    Resources(String),
    /// Objects of the Kubernetes API by the path of their list, e.g. `/api/v1/pods`.
    Objects(String),
}

impl Start {
    /// Whether it leads to what a node itself holds, and not to what an API answers.
    pub fn is_on_node(&self) -> bool {
        !matches!(self, Self::Api(_) | Self::Resources(_) | Self::Objects(_))
    }
}

/// One hop of a trail. A relative path that a hop finds is taken against the directory of the file that names it, or
/// the working directory of the process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hop {
    /// From a process to the paths given by any of these flags (names without dashes).
    Flag(Vec<String>),
    /// From a text file (a manifest, a unit) to the paths given by any of these flags in it.
    FlagIn {
        /// Names of flags, without dashes.
        names: Vec<String>,
        /// How the text is cut when it is taken on the way.
        cut: Cut,
    },
    /// From a process to the path in an environment variable.
    Env(String),
    /// From a text file to the paths in the values of a key, found by a lexical scan (YAML, JSON, TOML, `KEY=value`).
    Key {
        /// The key's last name.
        name: String,
        /// How the text is cut when it is taken on the way.
        cut: Cut,
    },
    /// From a directory to its entries.
    Entries {
        /// Only entries whose names begin so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        prefix: Option<String>,
        /// Only entries whose names end so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        suffix: Option<String>,
        /// How many levels: 1 = the directory's own entries.
        depth: u8,
    },
    /// From a path to its directory.
    Parent,
    /// From a directory to a fixed name in it.
    Join(String),
    /// From a file of the kernel's that holds one value to the path that the value completes, e.g. `/boot/config-` and
    /// the running release. The value must be a plain name.
    Complete {
        /// What stands before the value.
        before: String,
        /// What stands after it.
        after: String,
    },
}

/// What is taken at the end of a trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Take {
    /// Kind, mode, owner, size, time of change. Never content.
    Stat,
    /// The names in a directory.
    List,
    /// Text, cut where it is read.
    Text(Cut),
    /// The CERTIFICATE blocks of a PEM file; nothing else of it.
    Certs,
    /// One value that the kernel shows as a file, below `/proc` or `/sys` only.
    Value,
    /// A kernel command line: the names of its parameters, and the values of these only.
    Parameters(Vec<String>),
    /// Of processes: pid, start, executable, arguments, ids, and these environment variables.
    Process {
        /// Names of environment variables that may be taken.
        env: Vec<String>,
    },
    /// Of processes: the sockets they listen on.
    Sockets,
    /// An API answer's body.
    Body,
    /// The specs of Talos' resources, cut where they are read.
    Resources(Cut),
    /// Objects, of which a table says what is kept (see [`crate::OBJECTS`]).
    Objects,
}
