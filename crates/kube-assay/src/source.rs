//! From the source that was named to a run.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::Context;
use benchmark::Content;
use evidence::Run;

use crate::cli::Source;
use crate::exit::mistake;

/// Looks, or reads what was seen earlier. A live scan is collecting, then judging in memory.
pub(crate) fn run(source: &Source, name: Option<&str>, content: &Content) -> anyhow::Result<Run> {
    let mut captures: Vec<evidence::Capture> = Vec::new();
    for path in &source.evidence {
        let file = File::open(path).map_err(|error| mistake(format!("{}: {error}", path.display())))?;
        let run = evidence::read_run(BufReader::new(file)).with_context(|| path.display().to_string())?;
        captures.extend(run.captures);
    }
    for path in &source.import {
        if !collect::recording::is_recording(path) {
            return Err(mistake(format!(
                "{} is no recorded node: a directory with stat.tsv and processes.json is expected",
                path.display()
            )));
        }
        let recording = collect::recording::Recording::load(path).map_err(|error| mistake(error.to_string()))?;
        captures.push(recording.capture(assess::trails(content)));
    }
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
