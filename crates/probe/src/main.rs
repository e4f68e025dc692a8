//! `kube-assay-probe`: looks at a node, and writes what it saw as a run file.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program talks to its terminal")]

mod args;
mod run;

use std::process::ExitCode;

use args::Task;

/// A command line that is not understood.
const USAGE: u8 = 2;
/// The look itself failed.
const FAILURE: u8 = 4;

fn main() -> ExitCode {
    match args::parse(std::env::args_os().skip(1)) {
        Ok(Task::Help) => println!("{}", args::HELP),
        Ok(Task::Version) => println!("kube-assay-probe {}", env!("CARGO_PKG_VERSION")),
        Ok(Task::Look(look)) => {
            if let Err(error) = run::look(&look) {
                eprintln!("kube-assay-probe: {error}");
                return ExitCode::from(FAILURE);
            }
        }
        Err(error) => {
            eprintln!("kube-assay-probe: {error}\nTry --help.");
            return ExitCode::from(USAGE);
        }
    }
    ExitCode::SUCCESS
}
