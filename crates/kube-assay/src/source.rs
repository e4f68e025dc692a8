//! From the source that was named to a run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufReader, IsTerminal, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use benchmark::Content;
use collect::recording::{Recording, is_recording};
use collect::saved::Saved;
use collect::talos::{self, TalosError};
use evidence::{Capture, RunFileError, Spooled};
use tempfile::SpooledTempFile;

use crate::cli::{Source, Talos};
use crate::cluster;
use crate::exit::mistake;

/// Captures in memory while they are few, else in a temporary file that nobody else sees and that vanishes with this
/// process.
pub(crate) type Spool = evidence::Spool<SpooledTempFile>;

/// How many bytes of captures stay in memory: those of some thousand nodes.
pub(crate) const IN_MEMORY: usize = 64 << 20;

/// Recorded nodes, directories of saved files, and loose files, which are taken for one host's.
fn imported(paths: &[PathBuf], name: Option<&str>, content: &Content) -> anyhow::Result<Vec<Capture>> {
    let (mut captures, mut loose) = (Vec::new(), Vec::new());
    for path in paths {
        if is_recording(path) {
            let recording = Recording::load(path).map_err(|error| mistake(error.to_string()))?;
            captures.push(recording.capture(assess::trails(content)));
            captures.extend(recording.cluster(assess::trails(content)));
        } else if path.is_dir() {
            let saved = Saved::load_dir(path).map_err(|error| mistake(error.to_string()))?;
            let own = path.canonicalize().ok().and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
            captures.push(saved.capture(name.or(own.as_deref()), assess::trails(content)));
        } else {
            loose.push(path.clone());
        }
    }
    if !loose.is_empty() {
        let saved = Saved::load(&loose).map_err(|error| mistake(error.to_string()))?;
        captures.push(saved.capture(name, assess::trails(content)));
    }
    Ok(captures)
}

/// Talos machines, asked through their own API, with a line for each that is done.
fn talos(given: &Talos, content: &Content) -> anyhow::Result<Vec<Capture>> {
    let named = given.talosconfig.iter().flatten().next().map(PathBuf::as_path);
    let path = talos::find(named, |name| std::env::var(name).ok())
        .ok_or_else(|| mistake("there is no talosconfig: give --talosconfig FILE, or set TALOSCONFIG"))?;
    let cluster = talos::load(&path, given.context.as_deref()).map_err(|error| mistake(error.to_string()))?;
    let targets = cluster.targets(&given.nodes);
    let total = targets.len();
    let done = AtomicUsize::new(0);
    let interactive = std::io::stderr().is_terminal();
    let progress = |node: &str, ended: Result<&Capture, &TalosError>| {
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        let word = match ended {
            Ok(capture) if interactive => format!("{} observations", capture.items.len()),
            Ok(_) => return,
            Err(error) => format!("no evidence: {error}"),
        };
        // A broken pipe on stderr must not end the audit.
        let _ = writeln!(anstream::stderr(), "talos {done}/{total} {node}: {word}");
    };
    let ended = talos::captures(&cluster, &targets, &assess::trails(content), &progress);
    if ended.iter().all(|(_, capture)| capture.is_err()) {
        anyhow::bail!("no machine of the context {} answered", cluster.name);
    }
    let captures = ended.into_iter().map(|(name, capture)| match capture {
        Ok(capture) => capture,
        Err(error) => talos::silent(&name, &error),
    });
    Ok(captures.collect())
}

/// A run file that cannot be read: a mistake of who named it, unless the disk failed.
fn unreadable(path: &Path, error: RunFileError) -> anyhow::Error {
    match error {
        RunFileError::Io(_) => anyhow::Error::new(error).context(path.display().to_string()),
        _ => mistake(format!("{}: {:#}", path.display(), anyhow::Error::new(error))),
    }
}

/// Looks, or reads what was seen earlier, a capture at a time. A live scan is collecting, then judging.
pub(crate) fn run(source: &Source, name: Option<&str>, content: &Content) -> anyhow::Result<Spool> {
    let mut spool = Spool::new(SpooledTempFile::new(IN_MEMORY));
    let local = &source.local;
    for path in &local.evidence {
        let file = File::open(path).map_err(|error| mistake(format!("{}: {error}", path.display())))?;
        let before = spool.spooled().len();
        spool.read(BufReader::new(file), evidence::MAX_TOTAL).map_err(|error| unreadable(path, error))?;
        if spool.spooled().len() == before {
            return Err(mistake(format!("{}: it holds no capture of any node", path.display())));
        }
    }
    for file in &local.rendered {
        let version = source.talos_version.as_deref();
        let capture = collect::rendered::machine(file, version).map_err(|error| mistake(error.to_string()))?;
        spool.push(&capture)?;
    }
    imported(&local.import, name, content)?.iter().try_for_each(|capture| spool.push(capture))?;
    if source.cluster.is_meant() {
        cluster::reach(&source.cluster)?.captures(&source.cluster, content, &mut spool)?;
    }
    if source.talos.is_meant() {
        talos(&source.talos, content)?.iter().try_for_each(|capture| spool.push(capture))?;
    }
    if spool.spooled().is_empty() {
        let root = local.node_root.as_deref().unwrap_or_else(|| Path::new("/"));
        spool.push(&probe::capture(root, name, assess::trails(content), probe::Options::default())?)?;
    }
    named(spool.spooled_mut(), name)?;
    Ok(spool)
}

/// Gives the only node the name that a person gave, tells captures apart that bear one name, and puts all in an order that
/// does not rest on that of the files: the cluster's own, then by name.
fn named(all: &mut [Spooled], name: Option<&str>) -> anyhow::Result<()> {
    if let Some(name) = name {
        let nodes = all.iter_mut().filter(|capture| capture.source != evidence::Source::Cluster);
        match nodes.collect::<Vec<_>>().as_mut_slice() {
            [one] => name.clone_into(&mut one.name),
            several => return Err(mistake(format!("--name is for one node, and there are {}", several.len()))),
        }
    }
    let mut same: BTreeMap<String, Vec<&mut Spooled>> = BTreeMap::new();
    for capture in all.iter_mut() {
        same.entry(capture.name.clone()).or_default().push(capture);
    }
    for (name, captures) in same.iter_mut().filter(|(_, captures)| captures.len() > 1) {
        let marks = machines(captures).unwrap_or_else(|| {
            let line = format!(
                "WARNING: {} captures are of the name {name}, and no machine id tells them apart: they are numbered in the \
                 order of the files; collect --name gives a node a name of its own",
                captures.len()
            );
            let _ = writeln!(anstream::stderr(), "{}", report::inert(&line));
            (1..=captures.len()).map(|at| at.to_string()).collect()
        });
        for (capture, mark) in captures.iter_mut().zip(marks) {
            capture.name = format!("{name} ({mark})");
        }
    }
    let rank = |capture: &Spooled| (capture.source != evidence::Source::Cluster, capture.name.clone());
    all.sort_by_cached_key(rank);
    match all.windows(2).find(|pair| pair[0].name == pair[1].name) {
        Some(pair) => {
            Err(mistake(format!("two captures are of the name {}: collect --name tells them apart", pair[0].name)))
        }
        None => Ok(()),
    }
}

/// The beginnings of the machines' ids, if these tell them apart: so long that no two are alike.
fn machines(captures: &[&mut Spooled]) -> Option<Vec<String>> {
    let ids: Vec<&str> = captures.iter().map(|capture| capture.machine.as_deref()).collect::<Option<_>>()?;
    let most = ids.iter().map(|id| id.chars().count()).max()?;
    (8..=most.max(8)).find_map(|length| {
        let marks: Vec<String> = ids.iter().map(|id| id.chars().take(length).collect()).collect();
        (marks.iter().collect::<BTreeSet<_>>().len() == marks.len()).then_some(marks)
    })
}
