//! Content: what is built in, and what its user adds.

use std::path::{Path, PathBuf};

use anyhow::Context;
use benchmark::{Content, Entry, Parameters};
use diag::{Diagnostic, Sources};
use serde_json::Value;

use crate::exit::{Mistake, mistake};

/// At most so much of a file that a person wrote.
const MAX_FILE: u64 = 1 << 20;

/// Loads the built-in content with files and directories laid beside it.
pub(crate) fn load(extra: &[PathBuf]) -> anyhow::Result<(Content, Vec<Diagnostic>, Sources)> {
    let files = files(extra)?;
    let mut sources = Sources::default();
    let (content, diagnostics) = benchmark::load(&files, &assess::vocabulary(), &mut sources);
    Ok((content, diagnostics, sources))
}

/// The files that content is read from: names and texts.
pub(crate) fn files(extra: &[PathBuf]) -> anyhow::Result<Vec<(String, String)>> {
    let mut files = benchmark::builtin_files();
    for path in extra {
        read(path, &mut files)?;
    }
    Ok(files)
}

/// The same, where a mistake ends the command.
pub(crate) fn load_valid(extra: &[PathBuf]) -> anyhow::Result<Content> {
    let (content, diagnostics, sources) = load(extra)?;
    if diag::has_errors(&diagnostics) {
        return Err(
            Mistake(format!("the content has mistakes\n{}", diag::render(&diagnostics, &sources, false))).into()
        );
    }
    match waived(&content).as_slice() {
        [] => Ok(content),
        waived => Err(mistake(waived.join("\n"))),
    }
}

/// What a tailoring takes away that no register may: a demand left out is a failure accepted without an end.
pub(crate) fn waived(content: &Content) -> Vec<String> {
    let mut waived = Vec::new();
    for profile in &content.profiles {
        let Some(base) = profile.tailored.as_ref().and_then(|tailored| content.profile(&tailored.extends)) else {
            continue;
        };
        for entry in base.entries.iter().filter(|entry| register::NEVER.contains(&entry.control.as_str())) {
            let bounds = content.control(&entry.control).map(|control| &control.parameters);
            let how = match profile.entries.iter().find(|own| own.id == entry.id) {
                None => "leaves out",
                Some(own) if !own.parameters.iter().all(|bound| is_as_strict(bound, entry, bounds)) => "loosens",
                Some(_) => continue,
            };
            waived.push(format!(
                "the tailoring {} {how} {} ({}), of which nobody may accept a failure: take that out of it",
                profile.name, entry.id, entry.control
            ));
        }
    }
    waived
}

/// Whether a bound is what it was, or a mode of fewer bits.
fn is_as_strict((name, value): (&String, &Value), base: &Entry, bounds: Option<&Parameters>) -> bool {
    let mode = |value: &Value| u32::from_str_radix(value.as_str()?, 8).ok();
    let was = base.parameters.get(name).or_else(|| bounds?.get(name));
    was == Some(value) || was.and_then(mode).zip(mode(value)).is_some_and(|(was, is)| is & !was == 0)
}

fn read(path: &Path, files: &mut Vec<(String, String)>) -> anyhow::Result<()> {
    let meta = std::fs::metadata(path).map_err(|error| mistake(format!("{}: {error}", path.display())))?;
    if meta.is_dir() {
        let mut entries: Vec<PathBuf> = std::fs::read_dir(path)
            .with_context(|| format!("{} could not be read", path.display()))?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()?;
        entries.sort();
        for entry in entries {
            let yaml = entry.extension().is_some_and(|end| end == "yaml" || end == "yml");
            if yaml || entry.is_dir() {
                read(&entry, files)?;
            }
        }
        return Ok(());
    }
    files.push((path.display().to_string(), text(path)?));
    Ok(())
}

/// The text of a file that a person wrote.
pub(crate) fn text(path: &Path) -> anyhow::Result<String> {
    let meta = std::fs::metadata(path).map_err(|error| mistake(format!("{}: {error}", path.display())))?;
    if !meta.is_file() || meta.len() > MAX_FILE {
        return Err(mistake(format!("{} is no regular file of at most {MAX_FILE} bytes", path.display())));
    }
    std::fs::read_to_string(path).map_err(|error| mistake(format!("{}: {error}", path.display())))
}
