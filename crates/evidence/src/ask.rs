//! Questions of a walk to a driver.

use std::collections::BTreeSet;

use crate::{Aspect, Cut, OsText, Place};

/// A question to a driver. The answer is a [`crate::Seen`] of the kind named here, or one of the kinds that say why not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ask {
    /// The processes that match any of `names` (see [`crate::Start::Process`]), with the allowed environment: `Seen::Processes`.
    Processes {
        /// Names of processes.
        names: BTreeSet<String>,
        /// Environment variables that may be taken.
        env: BTreeSet<String>,
    },
    /// Listening TCP sockets in the network namespace of a process: `Seen::Sockets`.
    Sockets {
        /// The process.
        pid: u32,
    },
    /// Metadata, links followed inside the root: `Seen::Stat`.
    Stat {
        /// Absolute path inside the root.
        path: OsText,
    },
    /// Entries of a directory, sorted by name: `Seen::List`.
    List {
        /// Absolute path inside the root.
        path: OsText,
        /// At most so many entries.
        limit: usize,
    },
    /// Text of a regular file through a cutter (see [`crate::cut`]): `Seen::Text`.
    Text {
        /// Absolute path inside the root.
        path: OsText,
        /// How it is cut.
        cut: Cut,
        /// At most so many bytes.
        limit: u64,
    },
    /// One value of the kernel, links not followed (see [`crate::take_value`]): `Seen::Text`.
    Value {
        /// Absolute path inside the root.
        path: OsText,
    },
    /// A kernel command line (see [`crate::take_parameters`]): `Seen::Text`.
    Parameters {
        /// Absolute path inside the root.
        path: OsText,
        /// Parameters whose values may be taken.
        names: BTreeSet<String>,
    },
    /// CERTIFICATE blocks of a PEM file as DER (see [`crate::pem_certificates`]): `Seen::Certs`.
    Certs {
        /// Absolute path inside the root.
        path: OsText,
        /// At most so many bytes.
        limit: u64,
    },
    /// Every resource of a type of Talos' API (see [`crate::take_spec`]): `Seen::Resources`.
    Resources {
        /// The full name of the type.
        kind: String,
        /// How each spec is cut.
        cut: Cut,
    },
    /// Every object of a list of the Kubernetes API (see [`crate::OBJECTS`]): `Seen::Objects`.
    Objects {
        /// The API path of the list.
        api: String,
    },
    /// The body of an API answer: `Seen::Text`.
    Body {
        /// The API path.
        api: String,
        /// At most so many bytes.
        limit: u64,
    },
}

impl Ask {
    /// The place and the aspect that the answer is about.
    pub fn subject(&self) -> (Place, Aspect) {
        match self {
            Self::Processes { .. } => (Place::Processes, Aspect::Processes),
            Self::Sockets { pid } => (Place::Process(*pid), Aspect::Sockets),
            Self::Stat { path } => (Place::Path(path.clone()), Aspect::Stat),
            Self::List { path, .. } => (Place::Path(path.clone()), Aspect::List),
            Self::Text { path, .. } => (Place::Path(path.clone()), Aspect::Text),
            Self::Value { path } | Self::Parameters { path, .. } => (Place::Path(path.clone()), Aspect::Value),
            Self::Certs { path, .. } => (Place::Path(path.clone()), Aspect::Certs),
            Self::Resources { kind, .. } => (Place::Resources(kind.clone()), Aspect::Resources),
            Self::Objects { api } => (Place::Api(api.clone()), Aspect::Objects),
            Self::Body { api, .. } => (Place::Api(api.clone()), Aspect::Text),
        }
    }
}
