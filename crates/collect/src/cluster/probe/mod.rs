//! Looks at nodes from within: a short-lived Job on each, whose log brings a run file, and certain clean-up.
//!
//! Everything that is made bears a label with the run it belongs to, ends by itself, and is removed by name.

mod log;
mod manifest;
pub(super) mod request;
mod run;
mod space;
mod state;
mod tidy;

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use evidence::{Capture, Trail};
use serde_json::Value;

use super::client::Refusal;
use super::node::Known;
use super::{Check, Cluster};
pub(super) use manifest::CONTAINER;
pub use manifest::manifests;
pub use request::Made;
pub use space::Space;
pub use tidy::Leftover;

/// The namespace that is used if nobody names another.
pub const NAMESPACE: &str = "kube-assay";

/// Bytes of trails: an object of the API may have one MiB.
const LARGEST_TRAILS: usize = 900 << 10;

/// The verbs used in a namespace that is there already.
const RIGHTS: [(&str, &str, &[&str]); 6] = [
    ("", "namespaces", &["get"]),
    ("batch", "jobs", &["create", "delete", "list"]),
    ("", "configmaps", &["create", "delete", "list"]),
    ("", "pods", &["list"]),
    ("", "pods/log", &["get"]),
    // Only there it stands why a pod was not admitted.
    ("", "events", &["list"]),
];

/// The verbs used besides, if the namespace has to be made.
const MAKING: [(&str, &str, &[&str]); 2] =
    [("", "namespaces", &["create", "delete", "patch"]), ("networking.k8s.io", "networkpolicies", &["create"])];

/// The rights that looking at nodes needs in a namespace, beside those of [`super::rights`]. `making`: if it is not there.
pub fn probe_rights(namespace: &str, making: bool) -> Vec<Check<'_>> {
    let rows = RIGHTS.iter().chain(MAKING.iter().take(if making { MAKING.len() } else { 0 }));
    rows.flat_map(|(group, resource, verbs)| {
        let name = (*resource == "namespaces").then_some(namespace);
        let check = move |verb: &&'static str| Check { verb, group, resource, name, namespace: Some(namespace) };
        verbs.iter().map(check)
    })
    .collect()
}

/// How nodes are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The namespace of the Jobs.
    pub namespace: String,
    /// The image that holds `/kube-assay-probe`.
    pub image: String,
    /// The name of this run: small letters, digits and `-`, at most 20 of them.
    pub run: String,
    /// How long one look may take, the pulling of the image included.
    pub deadline: Duration,
    /// How many Jobs there are at once.
    pub max_parallel: usize,
    /// How long is waited for what was removed to be gone.
    pub patience: Duration,
    /// Whether AppArmor is told by annotation: servers before 1.30 know no field for it.
    pub old_apparmor: bool,
}

impl Options {
    /// The usual way, with an image and a run of its own.
    pub fn new(image: impl Into<String>) -> Self {
        Self {
            namespace: NAMESPACE.to_owned(),
            image: image.into(),
            run: fresh_run(),
            deadline: Duration::from_mins(3),
            max_parallel: 20,
            patience: Duration::from_mins(1),
            old_apparmor: false,
        }
    }

    /// What is wrong with them.
    fn mistake(&self) -> Option<String> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let proper = |name: &str, most: usize| {
            let edges = !name.starts_with('-') && !name.ends_with('-');
            !name.is_empty() && name.len() <= most && edges && name.bytes().all(plain)
        };
        if !proper(&self.run, 20) {
            return Some(format!("{:?} cannot name a run: small letters, digits and -, at most 20", self.run));
        }
        if !proper(&self.namespace, 63) {
            return Some(format!("{:?} cannot name a namespace", self.namespace));
        }
        (self.image.trim().is_empty() || self.image.contains(char::is_whitespace))
            .then(|| format!("{:?} names no image", self.image))
    }
}

/// A name that no other run has: the hasher is seeded by the system.
fn fresh_run() -> String {
    let mut hasher = RandomState::new().build_hasher();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    hasher.write_u128(now.as_nanos());
    hasher.write_u32(std::process::id());
    format!("{:012x}", hasher.finish() & 0xffff_ffff_ffff)
}

/// A taint of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taint {
    /// Its key.
    pub key: String,
    /// Its value, mostly empty.
    pub value: String,
    /// What it does.
    pub effect: String,
}

/// A node that may be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// Its taints: a Job tolerates these and no others.
    pub taints: Vec<Taint>,
    /// Why it cannot be looked at.
    pub unfit: Option<String>,
    /// The number that its kernel took when it started.
    pub boot: Option<String>,
    /// Whether the mount of its root is shared, as systemd makes it. A run tries, and finds out.
    pub shared: bool,
}

impl Target {
    /// Reads a `Node` of the API.
    pub fn of(node: &Value) -> Option<Self> {
        let at = |way: &str| state::text(node, way);
        let name = at("/metadata/name");
        let list = |way: &str| node.pointer(way).and_then(Value::as_array).into_iter().flatten();
        let taints = list("/spec/taints").map(|taint| {
            let of = |way: &str| state::text(taint, way).to_owned();
            Taint { key: of("/key"), value: of("/value"), effect: of("/effect") }
        });
        let ready = list("/status/conditions").find(|one| state::text(one, "/type") == "Ready");
        let unfit = match (at("/status/nodeInfo/operatingSystem"), ready.map(|one| state::text(one, "/status"))) {
            (os, _) if !os.is_empty() && os != "linux" => Some(format!("it runs {os}, and only Linux is looked at")),
            (_, Some("True")) => None,
            _ => Some("it is not ready, so its kubelet starts nothing".to_owned()),
        };
        let boot = Some(at("/status/nodeInfo/bootID").to_owned()).filter(|boot| !boot.is_empty());
        (!name.is_empty()).then(|| Self { name: name.to_owned(), taints: taints.collect(), unfit, boot, shared: true })
    }

    /// Those nodes of a cluster's capture that are meant.
    pub fn all(cluster: &Capture, meant: &dyn Fn(&str) -> bool) -> Vec<Self> {
        Known::of(cluster, meant).nodes.iter().filter_map(Self::of).collect()
    }
}

/// Why a node was not looked at, or what it told is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// What was asked for cannot be done.
    #[error("{0}")]
    Mistake(String),
    /// A right is missing.
    #[error("you may not {right}")]
    MayNot {
        /// The right, as `kubectl auth can-i` takes it.
        right: String,
    },
    /// The namespace is not one to look from.
    #[error("the namespace {namespace} is not used: {why}")]
    Namespace {
        /// Its name.
        namespace: String,
        /// Why.
        why: String,
    },
    /// The node cannot be looked at.
    #[error("{0}")]
    Unfit(String),
    /// The cluster admits no such pod.
    #[error("the cluster does not admit the pod: {why}")]
    Rejected {
        /// What it says.
        why: String,
    },
    /// The image is not to be had.
    #[error("the node cannot get the image: {why}")]
    Image {
        /// What its kubelet says.
        why: String,
    },
    /// The probe ended badly, or was never started.
    #[error("the probe failed{}: {why}", .code.map(|code| format!(" with code {code}")).unwrap_or_default())]
    Failed {
        /// Its exit code.
        code: Option<i64>,
        /// What it, or the kubelet, says.
        why: String,
    },
    /// It did not end in time.
    #[error("not done within {seconds} s{}", if .last.is_empty() { String::new() } else { format!("; it waited for: {last}") })]
    Deadline {
        /// The deadline.
        seconds: u64,
        /// What it waited for.
        last: String,
    },
    /// Somebody else removed what was made for it.
    #[error("somebody removed {what}")]
    Removed {
        /// What.
        what: String,
    },
    /// The log cannot be read.
    #[error("the probe ended, but its log cannot be read: {why}")]
    Log {
        /// Why.
        why: String,
    },
    /// The log holds something else than was asked for.
    #[error("what the node told is not taken: {why}")]
    Foreign {
        /// Why.
        why: String,
    },
    /// The server does not do it.
    #[error("{0}")]
    Server(String),
    /// The run was stopped before.
    #[error("stopped before it was looked at")]
    Stopped,
}

impl ProbeError {
    /// A refusal of something that was asked.
    fn of(refusal: &Refusal, right: impl FnOnce() -> String) -> Self {
        // Webhooks and quotas refuse with the same number.
        if refusal.is_denial() && refusal.to_string().contains(" cannot ") {
            Self::MayNot { right: right() }
        } else {
            Self::Server(state::told(&refusal.to_string()))
        }
    }
}

/// What happens in a run.
#[derive(Debug)]
pub enum Told<'a> {
    /// Something that a person should know.
    Note(&'a str),
    /// What a node waits for now.
    Stage {
        /// The node.
        node: &'a str,
        /// What for.
        what: &'a str,
    },
    /// A node is done: told exactly once of each, as soon as it is known. Nothing of it is held afterwards.
    Ended {
        /// The node.
        node: &'a str,
        /// What it told.
        result: Result<Capture, ProbeError>,
    },
}

impl Cluster {
    /// Looks at nodes from within, and removes all that was made for it, however it ends: also when `stop` is set, upon
    /// which no more is begun. Gives back what could not be removed.
    pub fn probe(
        &self,
        nodes: &[Target],
        options: &Options,
        trails: &[Trail],
        told: &mut dyn FnMut(Told<'_>),
        stop: &AtomicBool,
    ) -> Vec<Leftover> {
        let mut options = options.clone();
        options.old_apparmor |= self.version.as_deref().is_some_and(is_before_1_30);
        self.runtime.block_on(run::all(&self.client, self.context.as_deref(), nodes, &options, trails, told, stop))
    }

    /// What can be said of a namespace before it is used. An error: it cannot be asked for.
    pub fn probe_space(&self, namespace: &str) -> Result<Space, ProbeError> {
        self.runtime.block_on(space::look(&self.client, namespace))
    }

    /// What earlier runs left in a namespace, and that no run needs any more.
    pub fn leftovers(&self, namespace: &str) -> Result<Vec<Leftover>, ProbeError> {
        self.runtime.block_on(tidy::leftovers(&self.client, self.context.as_deref(), namespace, None))
    }

    /// Removes what earlier runs left, and gives back what could not be removed.
    pub fn sweep(&self, namespace: &str) -> Result<Vec<Leftover>, ProbeError> {
        self.runtime.block_on(tidy::sweep(&self.client, self.context.as_deref(), namespace, None))
    }
}

fn is_before_1_30(version: &str) -> bool {
    let mut numbers = version.trim_start_matches('v').split('.').map(|part| {
        part.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<u32>().unwrap_or(u32::MAX)
    });
    (numbers.next(), numbers.next()) < (Some(1), Some(30))
}

#[cfg(test)]
mod tests;
