//! A platform: where things live, and who owns them by its documentation.

use std::collections::BTreeMap;

/// A platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// Paths and unit names by role.
    pub places: BTreeMap<String, Vec<String>>,
    /// Where these facts come from.
    pub sources: Vec<String>,
}

impl Platform {
    /// The places of a role; none where the platform has no such thing.
    pub fn places(&self, role: &str) -> &[String] {
        self.places.get(role).map_or(&[], Vec::as_slice)
    }
}
