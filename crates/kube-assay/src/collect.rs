//! `collect`: evidence into a run file.

use std::io::{BufWriter, Write};

use anyhow::Context;
use evidence::Captures as _;

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
    output::write_by(path, |file| Ok(run.write(BufWriter::new(file))?))?;
    for capture in run.each() {
        let capture = capture?;
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
