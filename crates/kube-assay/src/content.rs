//! Content: what is built in, and what its user adds.

use std::path::{Path, PathBuf};

use anyhow::Context;
use benchmark::Content;
use diag::{Diagnostic, Sources};

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
    Ok(content)
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
