//! `lint`: every mistake in the content, in one run.

use std::io::{IsTerminal, Write};

use crate::cli::Lint;
use crate::content;
use crate::exit::{Exit, mistake};

pub(crate) fn run(arguments: &Lint) -> anyhow::Result<Exit> {
    let (content, diagnostics, sources) = content::load(&arguments.paths)?;
    if !diagnostics.is_empty() {
        let drawn = diag::render(&diagnostics, &sources, std::io::stdout().is_terminal());
        write!(anstream::stdout(), "{drawn}")?;
    }
    if diag::has_errors(&diagnostics) {
        return Ok(Exit::Usage);
    }
    let waived = content::waived(&content);
    if !waived.is_empty() {
        return Err(mistake(waived.join("\n")));
    }
    writeln!(
        anstream::stdout(),
        "no mistake in {} control(s), {} profile(s), {} platform(s) and the settings of {} component(s)",
        content.controls.len(),
        content.profiles.len(),
        content.platforms.len(),
        content.components.len(),
    )?;
    Ok(Exit::Clean)
}
