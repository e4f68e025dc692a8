//! A cluster as the source: its objects, and what the API tells of its nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use benchmark::Content;
use collect::cluster::probe::{Options, ProbeError, Target, Told};
use collect::cluster::{Access, Cluster, ClusterError};
use evidence::{CONFIGZ, Capture, Place, Reach, Source, Trail};

use crate::cli;
use crate::exit::mistake;
use crate::selector::Selector;
use crate::source::Spool;

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
    /// Adds the cluster's own capture, and one of each node that is meant, with a line for each.
    pub(crate) fn captures(&self, given: &cli::Cluster, content: &Content, spool: &mut Spool) -> anyhow::Result<()> {
        let trails = assess::trails(content);
        let (whole, known) = self.whole(&trails)?;
        let nodes = self.cluster.nodes(&whole, trails.clone(), &|name| known.contains(name), &|_| ());
        spool.push(&whole)?;
        if let Some(image) = &given.probe_image {
            self.looked_at(given, image, &whole, nodes, &trails, spool)
        } else {
            if !given.no_probe {
                let why =
                    "what only a node shows is not looked at: name an image with --probe-image, or say --no-probe";
                tell(&format!("note: {why}"));
            }
            Ok(nodes.iter().try_for_each(|node| spool.push(node))?)
        }
    }

    /// The cluster's own capture, and the names of the nodes that are meant.
    pub(crate) fn whole(&self, trails: &[Trail]) -> anyhow::Result<(Capture, BTreeSet<String>)> {
        let whole = self.cluster.capture(trails.to_vec());
        let known = self.selector.of(&whole);
        match self.selector.missing(&known) {
            Some(missing) => Err(mistake(missing)),
            None => Ok((whole, known)),
        }
    }

    /// Looks at nodes from within, and adds each as it ends. What the API told of a node stays beside that; a node that could
    /// not be looked at is told as one that gave no evidence.
    fn looked_at(
        &self,
        given: &cli::Cluster,
        image: &str,
        whole: &Capture,
        nodes: Vec<Capture>,
        trails: &[Trail],
        spool: &mut Spool,
    ) -> anyhow::Result<()> {
        let options = options(image, &given.probe_namespace, given.max_parallel);
        for left in self.cluster.sweep(&options.namespace).unwrap_or_default() {
            tell(&format!("an earlier run left something that could not be removed: {}", left.command()));
        }
        let stop = Arc::new(AtomicBool::new(false));
        let on_signal = Arc::clone(&stop);
        // A second handler cannot be set; then the first one stops this run as well.
        let _ = ctrlc::set_handler(move || on_signal.store(true, Ordering::SeqCst));
        let mut of_api: BTreeMap<String, Capture> = nodes.into_iter().map(|node| (node.name.clone(), node)).collect();
        let targets = Target::all(whole, &|name| of_api.contains_key(name));
        let total = targets.len();
        let first = spool.spooled().len();
        let mut done = 0;
        let mut kept = Ok(());
        let mut told = |event: Told<'_>| match event {
            Told::Note(note) => tell(&format!("note: {note}")),
            Told::Stage { node, what } => {
                if std::io::stderr().is_terminal() {
                    tell(&format!("node {node}: {what}"));
                }
            }
            Told::Ended { node, result } => {
                let Some(api) = of_api.remove(node) else { return };
                let word = result.as_ref().map_or_else(
                    |why| format!("no evidence: {why}"),
                    |own| format!("{} observations", own.items.len()),
                );
                if result.is_err() || std::io::stderr().is_terminal() {
                    tell(&format!("node {}/{total} {node}: {word}", done + 1));
                }
                done += 1;
                if kept.is_ok() {
                    kept = spool.push(&both(api, result));
                    // A disk that is full ends the run as Ctrl-C does: what was made is removed.
                    stop.fetch_or(kept.is_err(), Ordering::SeqCst);
                }
            }
        };
        let left = self.cluster.probe(&targets, &options, trails, &mut told, &stop);
        for own in &left {
            tell(&format!("this could not be removed: {} ({})", own.command(), own.why));
        }
        kept.context("a node's capture could not be kept: is there room where TMPDIR points?")?;
        if stop.load(Ordering::SeqCst) {
            anyhow::bail!(
                "stopped; what was made in the cluster was removed{}",
                if left.is_empty() { "" } else { " but for the above" }
            );
        }
        of_api.values().try_for_each(|node| spool.push(node))?;
        spool.spooled_mut()[first..].sort_by(|one, other| one.name.cmp(&other.name));
        Ok(())
    }
}

/// How nodes are looked at from within.
pub(crate) fn options(image: &str, namespace: &str, at_once: u16) -> Options {
    Options { namespace: namespace.to_owned(), max_parallel: usize::from(at_once.max(1)), ..Options::new(image) }
}

/// What a node told from within, with what the API tells of it.
fn both(api: Capture, result: Result<Capture, ProbeError>) -> Capture {
    let of_api = api.items.into_iter().filter(|item| item.place == Place::Api(CONFIGZ.to_owned()));
    match result {
        Ok(mut own) => {
            own.items.extend(of_api);
            for (key, value) in api.identity {
                own.identity.entry(key).or_insert(value);
            }
            Capture { name: api.name, ..own }
        }
        // Everything of it was within reach.
        Err(why) => Capture {
            source: Source::Node,
            reach: Reach { processes: true, sockets: true, files: true, api: false, kernel: true },
            remarks: vec![format!("it gave no evidence from within: {why}")],
            items: of_api.collect(),
            ..api
        },
    }
}

/// A broken pipe on stderr must not end the audit.
fn tell(line: &str) {
    let _ = writeln!(anstream::stderr(), "{line}");
}
