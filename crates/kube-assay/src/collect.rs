//! `collect`: evidence into a run file.

use std::io::Write;

use anyhow::Context;

use crate::cli::Collect;
use crate::exit::Exit;
use crate::{content, output, source};

pub(crate) fn run(arguments: &Collect) -> anyhow::Result<Exit> {
    let content = content::load_valid(&[])?;
    if arguments.print_trails {
        let trails = assess::trails(&content);
        let json = serde_json::to_string_pretty(&trails).context("trails could not be written")?;
        writeln!(anstream::stdout(), "{json}")?;
        return Ok(Exit::Clean);
    }
    let run = source::run(&arguments.source, arguments.name.as_deref(), &content)?;
    let Some(path) = &arguments.output else { return Ok(Exit::Usage) };
    let mut bytes = Vec::new();
    evidence::write_run(&run, &mut bytes)?;
    output::write_whole(path, &bytes)?;
    for capture in &run.captures {
        let mut told = anstream::stderr();
        writeln!(
            told,
            "{}: {} observations from {} in {}",
            capture.name,
            capture.items.len(),
            capture.root,
            path.display()
        )?;
        for remark in &capture.remarks {
            writeln!(told, "note: {remark}")?;
        }
    }
    Ok(Exit::Clean)
}
