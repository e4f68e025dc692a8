//! Exit codes: public, documented, frozen.

use std::process::ExitCode;

/// How a command ended. Precedence: 4 > 2 > 1 > 3 > 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Nothing is open.
    Clean,
    /// There are open findings.
    Open,
    /// The command line, or a file that a person wrote, is wrong.
    Usage,
    /// Something within reach could not be seen.
    Unseen,
    /// The run itself failed.
    Failed,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Clean => 0,
            Exit::Open => 1,
            Exit::Usage => 2,
            Exit::Unseen => 3,
            Exit::Failed => 4,
        })
    }
}

/// A mistake of the person who calls: a name that does not exist, a file that is wrong.
#[derive(Debug)]
pub(crate) struct Mistake(pub String);

impl std::fmt::Display for Mistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Mistake {}

/// An error with exit code 2.
pub(crate) fn mistake(text: impl Into<String>) -> anyhow::Error {
    Mistake(text.into()).into()
}

/// Tells an error and gives its exit code.
#[expect(clippy::print_stderr, reason = "errors are told on stderr")]
pub(crate) fn tell(error: &anyhow::Error) -> Exit {
    // A file's name or content may stand in it.
    for (at, line) in format!("{error:#}").lines().enumerate() {
        let lead = if at == 0 { "kube-assay: " } else { "" };
        eprintln!("{lead}{}", report::inert(line));
    }
    if error.is::<Mistake>() { Exit::Usage } else { Exit::Failed }
}
