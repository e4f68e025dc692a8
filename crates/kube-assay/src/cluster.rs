//! A cluster as the source: its objects, and what the API tells of its nodes.

use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};

use benchmark::Content;
use collect::cluster::{Access, Cluster, ClusterError};
use evidence::Capture;

use crate::cli;
use crate::exit::mistake;
use crate::selector::Selector;

/// A cluster that answers, and which of its nodes are meant.
pub(crate) struct Reached {
    pub cluster: Cluster,
    selector: Selector,
}

/// Finds the way to the cluster that is meant.
pub(crate) fn reach(given: &cli::Cluster) -> anyhow::Result<Reached> {
    let selector = Selector::read(&given.nodes, given.selector.as_deref()).map_err(mistake)?;
    let access =
        Access { kubeconfig: given.kubeconfig.iter().flatten().next().cloned(), context: given.context.clone() };
    let cluster = Cluster::connect(&access).map_err(|error| match error {
        ClusterError::NoKubeconfig
        | ClusterError::Kubeconfig { .. }
        | ClusterError::NoContext { .. }
        | ClusterError::UnknownContext { .. } => mistake(error.to_string()),
        error => error.into(),
    })?;
    Ok(Reached { cluster, selector })
}

impl Reached {
    /// The cluster's own capture, and one of each node that is meant, with a line for each.
    pub(crate) fn captures(&self, content: &Content) -> anyhow::Result<Vec<Capture>> {
        let trails = assess::trails(content);
        let whole = self.cluster.capture(trails.clone());
        let known = self.selector.of(&whole);
        if let Some(missing) = self.selector.missing(&known) {
            return Err(mistake(missing));
        }
        let total = known.len();
        let done = AtomicUsize::new(0);
        let interactive = std::io::stderr().is_terminal();
        let progress = |capture: &Capture| {
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if interactive {
                // A broken pipe on stderr must not end the audit.
                let _ = writeln!(anstream::stderr(), "node {done}/{total} {}: asked through the API", capture.name);
            }
        };
        let meant = |name: &str| known.contains(name);
        let nodes = self.cluster.nodes(&whole, trails, &meant, &progress);
        Ok(std::iter::once(whole).chain(nodes).collect())
    }
}
