//! `scan --dry-run`: what an audit of a cluster would look at, as whom, and which rights are missing. Nothing is judged.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use assess::Choice;
use benchmark::Content;
use collect::cluster::{Check, rights};
use evidence::{Capture, Run, Source};

use crate::cli::Scan;
use crate::cluster::Reached;
use crate::exit::Exit;
use crate::{cluster, output, scan};

pub(crate) fn run(arguments: &Scan, content: &Content) -> anyhow::Result<Exit> {
    let reached = cluster::reach(&arguments.source.cluster)?;
    let run = Run { captures: reached.captures(content)? };
    let (case, profiles) = scan::chosen(&run, content, arguments)?;
    let mut told = String::new();
    let mut row = |label: &str, text: &str| {
        let _ = writeln!(told, "{label:<11}{text}");
    };
    let whole = run.captures.iter().find(|capture| capture.source == Source::Cluster);
    let name = whole.map_or("", |capture| capture.name.as_str());
    row("cluster", &format!("{} at {}", name.strip_prefix("cluster ").unwrap_or(name), reached.cluster.server()));
    row("as", &reached.cluster.who().unwrap_or_else(|| "a user whom the server does not name".to_owned()));
    let said = |choice: &Choice| format!("{} ({})", choice.name, choice.reason);
    row("version", &case.kubernetes().map_or("not seen".to_owned(), |(_, choice)| said(choice)));
    row("platform", &said(case.platform()));
    for (profile, choice) in &profiles {
        row("profile", &format!("{} ({})", profile.name, choice.reason));
    }
    nodes(&run.captures, &mut row);
    let all = rights();
    missing(&reached, &all, &mut row);
    row("creates", "nothing: what the API shows is read, and what only a node shows is told as unknown");
    output::print(&told)?;
    Ok(Exit::Clean)
}

/// The nodes by role and kubelet.
fn nodes(captures: &[Capture], row: &mut impl FnMut(&str, &str)) {
    let nodes = || captures.iter().filter(|capture| capture.source != Source::Cluster);
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for node in nodes() {
        let of = |key: &str| node.identity.get(key).map_or("?", String::as_str);
        *kinds.entry(format!("{}, kubelet {}, {}", of("role"), of("kubelet"), of("os"))).or_default() += 1;
    }
    row("nodes", &nodes().count().to_string());
    for (kind, count) in kinds {
        row("", &format!("{count} {kind}"));
    }
}

/// The rights that are missing. What needs one of them will be unknown, and say so.
fn missing(reached: &Reached, all: &[Check<'_>], row: &mut impl FnMut(&str, &str)) {
    let answers = reached.cluster.may(all);
    let held = answers.iter().filter(|answer| **answer == Ok(true)).count();
    row("rights", &format!("{held} of the {} that a full audit of the API needs", all.len()));
    for (right, answer) in all.iter().zip(&answers) {
        match answer {
            Ok(true) => {}
            Ok(false) => row("missing", &format!("{right}: what needs it will be unknown")),
            Err(why) => row("not told", &format!("{right}: {why}")),
        }
    }
}
