//! Machines that run Talos Linux, asked through their own API: no pod, no shell, a client certificate.
//!
//! The API answers the questions of a walk as a node's own files and processes would. A certificate of os:reader sees
//! processes, sockets and the metadata of files; contents of files need os:admin. What a role cannot see is said so.

mod client;
mod config;
mod kinds;
mod look;
mod process;
mod resource;
pub(crate) mod saved;
mod table;
pub mod wire;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use evidence::{Capture, Limits, MIRROR_PODS, Reach, Source, Start, Trail, Walk, trails_digest};

pub use client::Method;
pub use config::{Context, Endpoint, Target, find, load};
pub(crate) use kinds::CONFIGURATION;
pub use kinds::{KINDS, Kind};
use look::Node;
pub(crate) use resource::documents;

/// Names of what an identity tells of the certificate that was used: its roles, and its end in Unix seconds.
const CLIENT_ROLES: &str = "client-roles";
const CLIENT_EXPIRES: &str = "client-expires";

/// Why machines could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum TalosError {
    /// A talosconfig cannot be used.
    #[error("{file}: {why}")]
    Config {
        /// The file.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// A node does not answer, or refuses.
    #[error("{node}: {why}")]
    Node {
        /// The node.
        node: String,
        /// What it, or the way to it, said.
        why: String,
    },
    /// The runtime could not be started.
    #[error("no calls can be made here")]
    Runtime(#[source] std::io::Error),
}

/// A machine is asked for so many deadlines of one call at most.
const PATIENCE: u32 = 20;

/// How many machines are asked at once.
const AT_ONCE: usize = 8;

/// Asks machines along the trails, several at once. Each is told to `progress` when it is done. The order is that of the
/// names.
pub fn captures(
    context: &Context,
    targets: &[Target],
    trails: &[Trail],
    progress: &(dyn Fn(&str, Result<&Capture, &TalosError>) + Sync),
) -> Vec<(String, Result<Capture, TalosError>)> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(targets.len()) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(target) = targets.get(at) else { break };
                    let capture = capture(context, target, at, trails.to_vec());
                    progress(target.name(), capture.as_ref());
                    let ended = (target.name().to_owned(), capture);
                    done.lock().unwrap_or_else(PoisonError::into_inner).insert(at, ended);
                }
            });
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}

/// Asks one machine along the trails. `turn` says with which endpoint to begin.
pub fn capture(context: &Context, target: &Target, turn: usize, trails: Vec<Trail>) -> Result<Capture, TalosError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(TalosError::Runtime)?;
    runtime.block_on(asked(context, target, turn, trails))
}

async fn asked(context: &Context, target: &Target, turn: usize, mut trails: Vec<Trail>) -> Result<Capture, TalosError> {
    let (client, version) = client::through(context, target, turn).await?;
    let catalogue = trails_digest(&trails);
    // Of resources only its own are asked for: others are of the Kubernetes API.
    trails.retain(|trail| match &trail.start {
        Start::Resources(kind) => kind != MIRROR_PODS,
        start => start.is_on_node(),
    });
    let told = version.version.unwrap_or_default();
    let platform = version.platform.unwrap_or_default();
    let mut machine = Node::new(client, told.tag.clone());
    let end = tokio::time::Instant::now() + context.deadline * PATIENCE;
    machine.definitions().await;
    let boot = machine.boot_id().await.unwrap_or_default();
    let mut walk = Walk::new(trails, Limits::default());
    while let Some(ask) = walk.next_ask() {
        match tokio::time::timeout_at(end, machine.look(&ask)).await {
            Ok(Some(seen)) => walk.answer(seen),
            Ok(None) => walk.pass(),
            Err(_) => walk.answer(evidence::Seen::Failed {
                why: "the machine took too long over this, or over what was asked before".to_owned(),
            }),
        }
    }
    let (mut items, breaks) = walk.finish();
    crate::declare(&mut items, |path| machine.is_declared(path));
    let arch = match told.arch.as_str() {
        "amd64" => "x86_64",
        other => other,
    };
    let certificate = context.certificate();
    let identity: BTreeMap<String, String> = [
        ("talos", told.tag.clone()),
        ("arch", arch.to_owned()),
        ("os", format!("Talos {}", told.tag)),
        ("talos-platform", platform.name),
        ("talos-mode", platform.mode),
        ("boot-id", boot),
        (CLIENT_ROLES, certificate.roles.join(", ")),
        (CLIENT_EXPIRES, certificate.expires.map_or_else(String::new, |seconds| seconds.to_string())),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(key, value)| (key.to_owned(), value))
    .collect();
    let may_read = machine.may_read();
    let taken = SystemTime::now().duration_since(UNIX_EPOCH).ok();
    Ok(Capture {
        name: target.name().to_owned(),
        source: Source::Talos,
        taken: taken.and_then(|since| i64::try_from(since.as_millis()).ok()),
        root: "the Talos API".to_owned(),
        identity,
        reach: Reach { processes: true, sockets: true, files: true, api: false, kernel: may_read },
        rights: vec![
            format!("a certificate of {}", certificate.roles.join(", ")),
            if may_read { "files may be read".to_owned() } else { "files may not be read (os:admin)".to_owned() },
        ],
        remarks: Vec::new(),
        catalogue,
        items,
        breaks,
    })
}

/// A capture of a machine that gave no evidence: everything of it is unknown.
pub fn silent(name: &str, why: &TalosError) -> Capture {
    Capture {
        name: name.to_owned(),
        source: Source::Talos,
        taken: None,
        root: "the Talos API".to_owned(),
        identity: BTreeMap::new(),
        reach: Reach { processes: true, sockets: true, files: true, api: false, kernel: true },
        rights: Vec::new(),
        remarks: vec![format!("it gave no evidence: {why}")],
        catalogue: String::new(),
        items: Vec::new(),
        breaks: Vec::new(),
    }
}
