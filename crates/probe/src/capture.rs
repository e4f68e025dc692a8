//! Everything that one root tells.

use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use evidence::{Capture, Limits, Reach, Source, Start, Trail, Walk, trails_digest};

use crate::root::Root;
use crate::{identity, look, processes};

/// How to look.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Bounds of the walk.
    pub limits: Limits,
}

/// Why nothing could be looked at.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The root cannot be opened.
    #[error("cannot open the root {root}")]
    Root {
        /// The root as it was named.
        root: String,
        /// What the system said.
        source: io::Error,
    },
}

/// Follows the trails inside a root: `/`, a mount of a host's `/`, or a node's file tree. Without a name the capture is
/// called by the node's host name.
pub fn capture(
    root: &Path,
    name: Option<&str>,
    mut trails: Vec<Trail>,
    options: Options,
) -> Result<Capture, ProbeError> {
    let opened = Root::open(root);
    let root = opened.map_err(|source| ProbeError::Root { root: root.display().to_string(), source })?;
    let live = processes::is_live(&root);
    let catalogue = trails_digest(&trails);
    // Out of reach from here, so not even asked for.
    trails.retain(|trail| trail.start.is_on_node());
    let reach = reach(&root, live);
    if !reach.kernel {
        // A disk tells nothing of the kernel that would run from it, and is not asked.
        trails.retain(|trail| !matches!(&trail.start, Start::Path(path) if evidence::is_kernels(path.as_bytes())));
    }
    let mut walk = Walk::new(trails, options.limits);
    while let Some(ask) = walk.next_ask() {
        let seen = look(&root, &ask);
        walk.answer(seen);
    }
    let (items, breaks) = walk.finish();
    let identity = identity::identity(&root, live);
    let name = name.or(identity.get("hostname").map(String::as_str)).unwrap_or(root.name()).to_owned();
    Ok(Capture {
        name,
        source: if live { Source::Node } else { Source::Tree },
        taken: now(),
        root: root.name().to_owned(),
        identity,
        reach,
        rights: identity::rights(),
        remarks: identity::remarks(&root),
        catalogue,
        items,
        breaks,
    })
}

/// What can be seen in principle. A recording shows the processes and sockets that were recorded.
fn reach(root: &Root, live: bool) -> Reach {
    let pids = processes::all_pids(root);
    let there = |path: String| root.stat(path.as_bytes()).is_ok();
    let sockets = || there("/proc/net/tcp".to_owned()) || pids.iter().any(|pid| there(format!("/proc/{pid}/net/tcp")));
    let processes = live || !pids.is_empty();
    let kernel = live || there("/proc/sys/kernel/osrelease".to_owned());
    Reach { processes, sockets: processes && sockets(), files: true, api: false, kernel }
}

/// Unix milliseconds; none if the clock stands before 1970.
fn now() -> Option<i64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok()
}
