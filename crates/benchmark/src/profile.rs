//! A profile: a published benchmark's ids, each leading to a control with its level, assessment and bounds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Parameters, Range};

/// What the publisher says of how an id is assessed. kube-assay decides what evidence decides, and tells both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Assessment {
    /// By evidence.
    Automated,
    /// By a person.
    Manual,
}

/// A profile, or a tailoring laid over one: what it extends is already worked in.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// The Kubernetes versions it is written for; none for a tailoring, which is only ever chosen by name.
    pub kubernetes: Option<Range>,
    /// What it extends, nearest first.
    pub extends: Vec<String>,
    /// Headings by id.
    pub sections: Vec<Section>,
    /// Its ids, in order.
    pub entries: Vec<Entry>,
    /// What it does not look at.
    pub not_covered: Vec<String>,
    /// Remarks, e.g. on numbering.
    pub notes: Vec<String>,
    /// How it departs from a published profile; none: it is one.
    pub tailored: Option<Tailoring>,
}

/// What a tailoring changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tailoring {
    /// The published profile that it departs from.
    pub extends: String,
    /// Each difference, in words.
    pub changes: Vec<String>,
}

/// A heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its id, e.g. `1.2`.
    pub id: String,
    /// Its title.
    pub title: String,
}

/// One id of a profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The publisher's id.
    pub id: String,
    /// The control it leads to.
    pub control: String,
    /// The publisher's level.
    pub level: u8,
    /// How the publisher assesses it.
    pub assessment: Assessment,
    /// Bounds that differ from the control's own.
    pub parameters: Parameters,
    /// The heading it stands under, where its id does not say so by its beginning.
    pub section: Option<String>,
}

impl Profile {
    /// The heading that an id stands under: its entry's own, else the longest section id that it begins with.
    pub fn section(&self, id: &str) -> Option<&Section> {
        if let Some(own) = self.entry(id).and_then(|entry| entry.section.as_ref()) {
            return self.sections.iter().find(|section| section.id == *own);
        }
        let holds = |section: &&Section| id.strip_prefix(section.id.as_str()).is_some_and(|rest| rest.starts_with('.'));
        self.sections.iter().filter(holds).max_by_key(|section| section.id.len())
    }

    /// The entry of an id.
    pub fn entry(&self, id: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == id)
    }
}

impl Entry {
    /// Entries in reading order: by heading where it is named, then by id.
    pub fn order(&self) -> Vec<(u32, String)> {
        let section = self.section.as_deref().map(id_order).unwrap_or_default();
        [section, id_order(&self.id)].concat()
    }
}

/// Ids in reading order: `1.2.9` before `1.2.10`.
pub fn id_order(id: &str) -> Vec<(u32, String)> {
    id.split('.').map(|part| (part.parse().unwrap_or(u32::MAX), part.to_owned())).collect()
}
