//! From the source that was named to a run.

use std::fs::File;
use std::io::{BufReader, IsTerminal, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use benchmark::Content;
use collect::recording::{Recording, is_recording};
use collect::saved::Saved;
use collect::talos::{self, TalosError};
use evidence::{Capture, Run, RunFileError};

use crate::cli::{Source, Talos};
use crate::cluster;
use crate::exit::mistake;

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

/// Looks, or reads what was seen earlier. A live scan is collecting, then judging in memory.
pub(crate) fn run(source: &Source, name: Option<&str>, content: &Content) -> anyhow::Result<Run> {
    let mut captures: Vec<Capture> = Vec::new();
    let local = &source.local;
    for path in &local.evidence {
        let file = File::open(path).map_err(|error| mistake(format!("{}: {error}", path.display())))?;
        let run = evidence::read_run(BufReader::new(file)).map_err(|error| unreadable(path, error))?;
        if run.captures.is_empty() {
            return Err(mistake(format!("{}: it holds no capture of any node", path.display())));
        }
        captures.extend(run.captures);
    }
    for file in &local.rendered {
        let version = source.talos_version.as_deref();
        captures.push(collect::rendered::machine(file, version).map_err(|error| mistake(error.to_string()))?);
    }
    captures.extend(imported(&local.import, name, content)?);
    if source.cluster.is_meant() {
        captures.extend(cluster::reach(&source.cluster)?.captures(content)?);
    }
    if source.talos.is_meant() {
        captures.extend(talos(&source.talos, content)?);
    }
    if captures.is_empty() {
        let root = local.node_root.as_deref().unwrap_or_else(|| Path::new("/"));
        captures.push(probe::capture(root, name, assess::trails(content), probe::Options::default())?);
    }
    if let Some(name) = name {
        let nodes = captures.iter_mut().filter(|capture| capture.source != evidence::Source::Cluster);
        match nodes.collect::<Vec<_>>().as_mut_slice() {
            [one] => name.clone_into(&mut one.name),
            several => return Err(mistake(format!("--name is for one node, and there are {}", several.len()))),
        }
    }
    let names: Vec<String> = captures.iter().map(|capture| capture.name.clone()).collect();
    for (at, capture) in captures.iter_mut().enumerate() {
        // Two nodes may bear one host name: they are told apart all the same.
        if names.iter().filter(|name| **name == capture.name).count() > 1 {
            capture.name = format!("{} ({})", names[at], at + 1);
        }
    }
    Ok(Run { captures })
}
