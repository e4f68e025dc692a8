//! The command: what a person asks for, and how it ends. The story starts in [`main`].

mod cli;
mod cluster;
mod collect;
mod compare;
mod content;
mod earlier;
mod exit;
mod explain;
mod gate;
mod history;
mod import;
mod judging;
mod lint;
mod manifests;
mod output;
mod plan;
mod preflight;
mod profiles;
mod register;
mod scan;
mod selector;
mod source;
mod triage;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::exit::Exit;

/// Runs the command that the process was called with, and gives its exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    run(cli.command).unwrap_or_else(|error| exit::tell(&error)).into()
}

fn run(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Scan(arguments) => scan::run(&arguments),
        Command::Collect(arguments) => collect::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Plan(arguments) => plan::run(&arguments),
        Command::Triage(arguments) => triage::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Profiles(arguments) => profiles::run(&arguments),
        Command::Manifests(arguments) => manifests::run(&arguments),
        Command::Register(arguments) => register::run(&arguments),
        Command::History(arguments) => history::run(&arguments),
        Command::Lint(arguments) => lint::run(&arguments),
        Command::Completions { shell } => output::completions(shell),
        Command::Man { directory } => output::man(&directory),
    }
}
