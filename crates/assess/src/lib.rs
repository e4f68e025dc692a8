//! What follows from evidence: the catalogue of facts, resolving them, judging. A pure function.
//!
//! It parses what was taken verbatim, works out what a component really does (flag over file over documented default),
//! and compares that with what a control demands. It deliberately has no way to look: no file, network, clock,
//! environment or process. The same evidence, profile and flags give the same verdicts, today or in ten years.

mod components;
mod config;
mod detect;
mod document;
mod facts;
mod flags;
mod judge;
mod manifest;
mod node;
mod operators;
mod setting;
mod sight;
mod trails;
mod unit;
mod value;

use std::collections::{BTreeMap, BTreeSet};

use benchmark::{Assessment as How, Content, Control, Parameters, Platform, Profile, Version, Vocabulary};
use evidence::Run;

pub use detect::{Choice, platform, profile, version};
pub use facts::{Fact, Set, catalogue, fact};
pub use judge::{Observed, Outcome, SubjectName, Verdict};
pub use trails::trails;
pub use value::{Type, Value};

/// What is asked: the profiles, and what the evidence is to be read as.
#[derive(Clone, Debug)]
pub struct Question<'c> {
    /// The profiles (or tailorings), each once.
    pub profiles: Vec<&'c Profile>,
    /// The platform.
    pub platform: &'c Platform,
    /// The Kubernetes version, if known.
    pub version: Option<Version>,
    /// Names of controls or ids; empty: all.
    pub only: Selection,
}

/// A selection of a profile's ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Controls by name or id; empty: all.
    pub controls: BTreeSet<String>,
    /// Sections by id; empty: all.
    pub sections: BTreeSet<String>,
}

/// Where a demand is cited.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Citation {
    /// The profile.
    pub profile: String,
    /// The id in it.
    pub id: String,
    /// The heading it stands under, e.g. `1.2 API server`.
    pub section: String,
    /// The publisher's level.
    pub level: u8,
    /// How the publisher assesses it.
    pub assessment: How,
}

/// One demand (a control with its effective bounds) and what follows for every subject of every capture.
#[derive(Clone, Debug)]
pub struct Judged<'c> {
    /// The control.
    pub control: &'c Control,
    /// Its effective bounds.
    pub parameters: Parameters,
    /// The ids that cite it.
    pub cited_by: Vec<Citation>,
    /// Outcomes, with the name of the capture each was judged in.
    pub outcomes: Vec<(String, Outcome)>,
}

/// What a node runs, for the head of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// The capture.
    pub capture: String,
    /// Components that run (or are declared), with a word on each that could not be seen.
    pub components: BTreeMap<String, String>,
}

/// Judges every demand of the question's profiles over every capture of a run.
pub fn assess<'c>(run: &Run, content: &'c Content, question: &Question<'c>) -> Vec<Judged<'c>> {
    let nodes: Vec<_> = run
        .captures
        .iter()
        .map(|capture| (capture.name.clone(), node::Node::new(capture, content, question.platform, question.version)))
        .collect();
    demands(content, question)
        .into_iter()
        .map(|(control, parameters, cited_by)| {
            let outcomes = nodes
                .iter()
                .flat_map(|(name, node)| {
                    judge::judge(node, control, &parameters).into_iter().map(move |outcome| (name.clone(), outcome))
                })
                .collect();
            Judged { control, parameters, cited_by, outcomes }
        })
        .collect()
}

/// What runs where.
pub fn presence(run: &Run, content: &Content, platform: &Platform) -> Vec<Presence> {
    run.captures
        .iter()
        .map(|capture| {
            let node = node::Node::new(capture, content, platform, None);
            let word = |name: &str| match node.instances(name) {
                value::Seen::Known(instances) if instances.iter().any(|instance| instance.process.is_some()) => {
                    Some("running".to_owned())
                }
                value::Seen::Known(_) => Some("declared".to_owned()),
                value::Seen::Unknown(unknown) => Some(unknown.why),
                value::Seen::Absent(_) => None,
            };
            let names = components::COMPONENTS.iter().map(|component| component.name);
            let components = names.filter_map(|name| Some((name.to_owned(), word(name)?))).collect();
            Presence { capture: capture.name.clone(), components }
        })
        .collect()
}

type Demand<'c> = (&'c Control, Parameters, Vec<Citation>);

/// The demands of the profiles in their order; ids that demand the same are told as one.
fn demands<'c>(content: &'c Content, question: &Question<'c>) -> Vec<Demand<'c>> {
    let mut demands: Vec<Demand<'c>> = Vec::new();
    for profile in &question.profiles {
        for entry in &profile.entries {
            let Some(control) = content.control(&entry.control) else { continue };
            if !question.only.holds(&entry.id, &entry.control) {
                continue;
            }
            let parameters = content.bounds(entry);
            let section = profile.section(&entry.id).map(|section| format!("{} {}", section.id, section.title));
            let citation = Citation {
                profile: profile.name.clone(),
                id: entry.id.clone(),
                section: section.unwrap_or_default(),
                level: entry.level,
                assessment: entry.assessment,
            };
            match demands.iter_mut().find(|(other, bounds, _)| other.name == control.name && *bounds == parameters) {
                Some((_, _, cited_by)) => cited_by.push(citation),
                None => demands.push((control, parameters, vec![citation])),
            }
        }
    }
    demands
}

impl Selection {
    fn holds(&self, id: &str, control: &str) -> bool {
        let named = self.controls.is_empty() || self.controls.contains(id) || self.controls.contains(control);
        let beneath = |section: &String| {
            id == section || id.strip_prefix(section.as_str()).is_some_and(|rest| rest.starts_with('.'))
        };
        named && (self.sections.is_empty() || self.sections.iter().any(beneath))
    }
}

/// The words that controls may use.
pub fn vocabulary() -> Vocabulary {
    Vocabulary {
        facts: catalogue().map(|fact| (fact.name, fact.kind.word())).collect(),
        sets: facts::SETS.iter().map(|set| set.name).collect(),
        components: components::COMPONENTS.iter().map(|component| component.name).collect(),
    }
}

/// Every set of files that a control may go through.
pub fn sets() -> impl Iterator<Item = &'static Set> {
    facts::SETS.iter()
}
