//! `scan --dry-run`: what an audit of a cluster would look at, as whom, and which rights are missing. Nothing is judged.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use assess::Choice;
use benchmark::Content;
use collect::cluster::probe::probe_rights;
use collect::cluster::{Check, rights};
use evidence::{Capture, Run, Source};

use crate::cli::Scan;
use crate::cluster::Reached;
use crate::exit::Exit;
use crate::{cluster, judging, output};

pub(crate) fn run(arguments: &Scan, content: &Content) -> anyhow::Result<Exit> {
    let reached = cluster::reach(&arguments.source.cluster)?;
    let trails = assess::trails(content);
    let (whole, known) = reached.whole(&trails)?;
    let nodes = reached.cluster.nodes(&whole, trails, &|name| known.contains(name), &|_| ());
    let run = Run { captures: std::iter::once(whole).chain(nodes).collect() };
    let (case, profiles) = judging::chosen(&run, content, &arguments.judging)?;
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
    kinds(&run.captures, &mut row);
    missing(&reached, "a full audit of the API", &rights(), &mut row);
    let given = &arguments.source.cluster;
    match &given.probe_image {
        None => row("creates", "nothing: what the API shows is read, and what only a node shows is told as unknown"),
        Some(image) => creates(&reached, &given.probe_namespace, image, known.len(), &mut row),
    }
    output::print(&told)?;
    Ok(Exit::Clean)
}

/// The nodes by role and kubelet.
fn kinds(captures: &[Capture], row: &mut impl FnMut(&str, &str)) {
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
fn missing(reached: &Reached, what: &str, all: &[Check<'_>], row: &mut impl FnMut(&str, &str)) {
    let answers = reached.cluster.may(all);
    let held = answers.iter().filter(|answer| **answer == Ok(true)).count();
    row("rights", &format!("{held} of the {} that {what} needs", all.len()));
    for (right, answer) in all.iter().zip(&answers) {
        match answer {
            Ok(true) => {}
            Ok(false) => row("missing", &format!("{right}: what needs it will be unknown")),
            Err(why) => row("not told", &format!("{right}: {why}")),
        }
    }
}

/// What looking at nodes from within makes, and whether it may.
fn creates(reached: &Reached, namespace: &str, image: &str, nodes: usize, row: &mut impl FnMut(&str, &str)) {
    let mut making = true;
    match reached.cluster.probe_space(namespace) {
        Ok(space) => {
            making = !space.exists;
            match space.refusal() {
                Some(why) => row("refused", &format!("the namespace {namespace} is not used: {why}")),
                None if making => {
                    row(
                        "creates",
                        &format!("the namespace {namespace} with its network policy, for the time of the run"),
                    );
                }
                None => row("creates", &format!("objects in the namespace {namespace}, which is there")),
            }
        }
        Err(why) => row("not told", &format!("the namespace {namespace}: {why}")),
    }
    row("", &format!("a ConfigMap with where to look, and {nodes} short-lived Jobs of {image}, one on each node"));
    row("", "all of it is removed at the end, also after Ctrl-C; a Job removes itself if nobody else does");
    missing(reached, "looking at nodes", &probe_rights(namespace, making), row);
}
