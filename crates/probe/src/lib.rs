//! Going to look on a node.
//!
//! This is the only code that runs with rights, so it is small and can do little: it reads files, links and directories
//! inside a [`Root`], and nothing else. It opens no connection, starts no process, follows no link out of the root,
//! opens nothing but regular files and directories, and writes nothing. What to look at comes from outside, as
//! [`evidence::Trail`]s; what it means is told elsewhere. Secrets are cut where they are read.

mod capture;
mod identity;
mod process;
mod processes;
mod resolve;
mod root;
mod sockets;
mod values;

use evidence::{Ask, Seen, Text};

pub use capture::{Options, ProbeError, capture};
pub use root::Root;

/// Answers a question about a node.
pub fn look(root: &Root, ask: &Ask) -> Seen {
    let seen = match ask {
        Ask::Processes { names, env } => Ok(Seen::Processes(processes::table(root, names, env))),
        Ask::Sockets { pid } => Ok(sockets::look(root, *pid)),
        Ask::Stat { path } => root.stat(path.as_bytes()).map(Seen::Stat),
        Ask::List { path, limit } => root.list(path.as_bytes(), *limit).map(Seen::List),
        Ask::Text { path, cut, limit } => {
            root.read(path.as_bytes(), *limit).map(|bytes| evidence::take_text(*cut, bytes))
        }
        Ask::Value { path } => Ok(values::value(root, path.as_bytes())),
        Ask::Parameters { path, names } => Ok(values::parameters(root, path.as_bytes(), names)),
        Ask::Certs { path, limit } => root.read(path.as_bytes(), *limit).map(|bytes| certs(&bytes)),
        Ask::Body { .. } | Ask::Resources { .. } | Ask::Objects { .. } => {
            Ok(Seen::Unsupported { by: "files of a node, which hold no answers of the API".to_owned() })
        }
    };
    seen.unwrap_or_else(|miss| root.seen(miss))
}

/// The certificates of a file. A private key beside them is dropped here.
fn certs(bytes: &[u8]) -> Seen {
    Seen::Certs(evidence::pem_certificates(bytes).into_iter().map(|der| Text::new(der, Vec::new())).collect())
}
