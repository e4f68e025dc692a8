//! Where to look for Talos: resources of its API, the directories of its programs, and how its root is mounted.

use evidence::{Cut, Start, Take, Trail};

use crate::facts::talos::{MOUNTINFO, PROGRAMS};
use crate::talos::{TYPES, place};

pub(super) fn trails() -> Vec<Trail> {
    let resources = TYPES.into_iter().map(|(kind, cut)| Trail {
        id: format!("talos.{}", place(kind, "").trim_end_matches('/')),
        start: Start::Resources(kind.to_owned()),
        hops: Vec::new(),
        take: vec![Take::Resources(cut)],
    });
    let path = |id: &str, path: &str, take: Vec<Take>| Trail {
        id: format!("talos.{id}"),
        start: Start::Path(path.to_owned()),
        hops: Vec::new(),
        take,
    };
    let programs = PROGRAMS.into_iter().map(|directory| path("programs", directory, vec![Take::List]));
    let mounts = path("mounts", MOUNTINFO, vec![Take::Stat, Take::Text(Cut::Mounts)]);
    resources.chain(programs).chain([mounts]).collect()
}
