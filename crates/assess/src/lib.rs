//! What follows from evidence: the catalogue of facts, resolving them, judging. A pure function.
//!
//! It parses what was taken verbatim, works out what a component really does (flag over file over documented default),
//! and compares that with what a control demands. It deliberately has no way to look: no file, network, clock,
//! environment or process. The same evidence, profile and flags give the same verdicts, today or in ten years.

mod api_node;
mod case;
mod cluster;
mod components;
mod config;
mod detect;
mod document;
mod facts;
mod flags;
mod interned;
mod judge;
mod lever;
mod manifest;
mod node;
mod operators;
mod setting;
mod sight;
mod talos;
mod together;
mod trails;
mod unit;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use benchmark::{Assessment as How, Content, Control, Entry, Parameters, Profile, Section, Vocabulary};

pub use case::{Case, PROVIDERS};
pub use detect::{Choice, misfit};
pub use facts::{Fact, KERNEL, Set, TALOS, catalogue, fact, is_of_cluster, is_of_host};
pub use judge::{Observed, Outcome, SubjectName, Verdict};
pub use lever::{Lever, lever, meets, talos_refuses};
pub use trails::{leads_to, trails};
pub use value::{Type, Value};

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
    /// Outcomes, with the name of the capture each was judged in. Equal ones share their memory.
    pub outcomes: Vec<(String, Arc<Outcome>)>,
}

/// What a node runs, for the head of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// Components that run (or are declared), with a word on each that could not be seen.
    pub components: BTreeMap<String, String>,
}

type Demand<'c> = (&'c Control, Parameters, Vec<Citation>);

/// The demands of the profiles in their order; ids that demand the same are told as one.
fn demands<'c>(content: &'c Content, profiles: &[&Profile], only: &Selection) -> Vec<Demand<'c>> {
    let mut demands: Vec<Demand<'c>> = Vec::new();
    for profile in profiles {
        for entry in &profile.entries {
            let Some(control) = content.control(&entry.control) else { continue };
            let section = profile.section(&entry.id);
            if !only.holds(entry, section) {
                continue;
            }
            let parameters = content.bounds(entry);
            let section = section.map(|section| format!("{} {}", section.id, section.title));
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
    fn holds(&self, entry: &Entry, section: Option<&Section>) -> bool {
        let named = [&entry.id, &entry.control].into_iter().any(|name| self.controls.contains(name));
        let named = named || self.controls.is_empty();
        let under = |id: &str, section: &str| {
            id == section || id.strip_prefix(section).is_some_and(|rest| rest.starts_with('.'))
        };
        let beneath =
            |wanted: &String| under(&entry.id, wanted) || section.is_some_and(|section| under(&section.id, wanted));
        named && (self.sections.is_empty() || self.sections.iter().any(beneath))
    }
}

/// The words that controls may use.
pub fn vocabulary() -> Vocabulary {
    Vocabulary {
        facts: catalogue().filter(|fact| fact.family().is_none()).map(|fact| (fact.name, fact.kind.word())).collect(),
        families: catalogue().filter_map(|fact| Some((fact.family()?, fact.kind.word()))).collect(),
        sets: facts::sets().map(|set| (set.name, set.kind)).collect(),
        components: components::COMPONENTS
            .iter()
            .map(|component| component.name)
            .chain([facts::KERNEL, facts::TALOS])
            .chain(facts::cluster::COMPONENTS)
            .collect(),
        roles: components::ROLES
            .into_iter()
            .chain(components::COMPONENTS.iter().map(|component| component.units))
            .collect(),
    }
}

/// Every set that a control may go through.
pub fn sets() -> impl Iterator<Item = &'static Set> {
    facts::sets()
}
