//! Machines that run Talos Linux, asked through their own API: no pod, no shell, a client certificate.
//!
//! The API answers the questions of a walk as a node's own files and processes would. A certificate of os:reader sees
//! processes, sockets and the metadata of files; contents of files need os:admin. What a role cannot see is said so.

mod client;
mod config;
mod look;
pub mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use evidence::{Aspect, Basis, Capture, Limits, Place, Reach, Source, Start, Trail, Walk, trails_digest};

pub use client::{KINDS, Kind, Method};
pub use config::{Context, Endpoint, find, load};
use look::Node;

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

/// Asks one machine along the trails. None as the node: the endpoint itself. `turn` says with which endpoint to begin.
pub fn capture(context: &Context, node: Option<&str>, turn: usize, trails: Vec<Trail>) -> Result<Capture, TalosError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(TalosError::Runtime)?;
    runtime.block_on(asked(context, node, turn, trails))
}

async fn asked(
    context: &Context,
    node: Option<&str>,
    turn: usize,
    mut trails: Vec<Trail>,
) -> Result<Capture, TalosError> {
    let (client, version) = client::through(context, node, turn).await?;
    let catalogue = trails_digest(&trails);
    trails.retain(|trail| !matches!(trail.start, Start::Api(_)));
    let mut machine = Node::new(client);
    let mut unasked = BTreeSet::new();
    let mut walk = Walk::new(trails, Limits::default());
    while let Some(ask) = walk.next_ask() {
        let seen = machine.look(&ask).await.unwrap_or_else(|| {
            unasked.insert(ask.subject());
            evidence::Seen::Failed { why: "this source does not show it".to_owned() }
        });
        walk.answer(seen);
    }
    let (mut items, breaks) = walk.finish();
    items.retain(|item| !unasked.contains(&(item.place.clone(), item.aspect)));
    // What Talos wrote last is no look at what is set.
    for item in &mut items {
        if item.aspect == Aspect::Value && matches!(&item.place, Place::Path(path) if machine.is_declared(path)) {
            item.basis = Basis::Declared;
        }
    }
    let version_info = version.version.unwrap_or_default();
    let platform = version.platform.unwrap_or_default();
    let machine_arch = match version_info.arch.as_str() {
        "amd64" => "x86_64",
        other => other,
    };
    let name = node.map_or_else(|| context.endpoints[turn % context.endpoints.len()].host.clone(), str::to_owned);
    let identity: BTreeMap<String, String> = [
        ("talos", version_info.tag.as_str()),
        ("arch", machine_arch),
        ("os", &format!("Talos {}", version_info.tag)),
        ("talos-platform", platform.name.as_str()),
        ("talos-mode", platform.mode.as_str()),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect();
    let may_read = machine.may_read();
    let taken = SystemTime::now().duration_since(UNIX_EPOCH).ok();
    Ok(Capture {
        name,
        source: Source::Talos,
        taken: taken.and_then(|since| i64::try_from(since.as_millis()).ok()),
        root: "the Talos API".to_owned(),
        identity,
        reach: Reach { processes: true, sockets: true, files: true, api: false, kernel: may_read },
        rights: vec![
            format!("context {}", context.name),
            if may_read { "os:admin".to_owned() } else { "no os:admin: files cannot be read".to_owned() },
        ],
        remarks: Vec::new(),
        catalogue,
        items,
        breaks,
    })
}
