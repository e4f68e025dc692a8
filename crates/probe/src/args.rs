//! The program's command line.

use std::ffi::OsString;
use std::path::PathBuf;

pub(crate) const HELP: &str = "\
Looks at a Kubernetes node as trails say, and writes what it saw as a run file. It judges nothing.

Usage: kube-assay-probe --trails FILE [--root DIR] [--name NAME] [--framed] [-o FILE]

      --trails FILE  where to look, as JSON; - reads standard input
      --root DIR     the node's root directory, e.g. /host in a container [default: /]
      --name NAME    the node's name [default: its host name]
      --framed       write the run file as lines of text, as a container's log carries it
  -o, --output FILE  the run file; - writes standard output [default: -]
  -h, --help         this text
  -V, --version      the version

Exit codes: 0 written, 2 usage, 4 failure";

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Task {
    Help,
    Version,
    Look(Look),
}

/// A look at a node. A file of none is a standard stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) trails: Option<PathBuf>,
    pub(crate) root: PathBuf,
    pub(crate) name: Option<String>,
    pub(crate) framed: bool,
    pub(crate) output: Option<PathBuf>,
}

pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Task, lexopt::Error> {
    use lexopt::prelude::*;

    let mut parser = lexopt::Parser::from_args(arguments);
    let mut trails = None;
    let mut look = Look { trails: None, root: "/".into(), name: None, framed: false, output: None };
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Task::Help),
            Short('V') | Long("version") => return Ok(Task::Version),
            Long("trails") => trails = Some(parser.value()?),
            Long("root") => look.root = parser.value()?.into(),
            Long("name") => look.name = Some(parser.value()?.string()?),
            Long("framed") => look.framed = true,
            Short('o') | Long("output") => look.output = file(parser.value()?),
            other => return Err(other.unexpected()),
        }
    }
    look.trails = file(trails.ok_or("--trails is missing: say where to look")?);
    Ok(Task::Look(look))
}

fn file(name: OsString) -> Option<PathBuf> {
    (name != "-").then(|| name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Task, String> {
        parse(arguments.iter().map(OsString::from)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_command_line_says_what_to_do() {
        let look = Look { trails: None, root: "/".into(), name: None, framed: false, output: None };
        assert_eq!(parsed(&["--trails", "-"]), Ok(Task::Look(look)));
        let look = Look {
            trails: Some("t.json".into()),
            root: "/host".into(),
            name: Some("n1".to_owned()),
            framed: true,
            output: Some("n1.run".into()),
        };
        assert_eq!(
            parsed(&["--trails=t.json", "--root=/host", "--name", "n1", "--framed", "-on1.run"]),
            Ok(Task::Look(look))
        );
        assert_eq!(parsed(&["--root", "/host", "-h"]), Ok(Task::Help));
        assert_eq!(parsed(&["--version"]), Ok(Task::Version));
    }

    #[test]
    fn mistakes_are_refused() {
        for (arguments, expected) in [
            (&[][..], "--trails is missing"),
            (&["--trails"], "missing argument"),
            (&["--trails=-", "--rot=/host"], "--rot"),
            (&["--trails=-", "more"], "more"),
        ] {
            let error = parsed(arguments).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
