//! From the source that was named to a run.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::Context;
use benchmark::Content;
use collect::recording::{Recording, is_recording};
use collect::saved::Saved;
use evidence::{Capture, Run};

use crate::cli::Source;
use crate::exit::mistake;

/// Recorded nodes, directories of saved files, and loose files, which are taken for one host's.
fn imported(paths: &[PathBuf], name: Option<&str>, content: &Content) -> anyhow::Result<Vec<Capture>> {
    let (mut captures, mut loose) = (Vec::new(), Vec::new());
    for path in paths {
        if is_recording(path) {
            let recording = Recording::load(path).map_err(|error| mistake(error.to_string()))?;
            captures.push(recording.capture(assess::trails(content)));
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

/// Looks, or reads what was seen earlier. A live scan is collecting, then judging in memory.
pub(crate) fn run(source: &Source, name: Option<&str>, content: &Content) -> anyhow::Result<Run> {
    let mut captures: Vec<Capture> = Vec::new();
    for path in &source.evidence {
        let file = File::open(path).map_err(|error| mistake(format!("{}: {error}", path.display())))?;
        let run = evidence::read_run(BufReader::new(file)).with_context(|| path.display().to_string())?;
        captures.extend(run.captures);
    }
    captures.extend(imported(&source.import, name, content)?);
    if captures.is_empty() {
        let root = source.node_root.as_deref().unwrap_or_else(|| Path::new("/"));
        captures.push(probe::capture(root, name, assess::trails(content), probe::Options::default())?);
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
