//! What changed since the baseline, in short: `compare` tells each change in full.

use std::collections::BTreeMap;

use super::Telling;
use crate::beside::{Beside, Since};
use crate::drift::{Change, Kind, words as said};
use crate::words;

impl Telling<'_> {
    /// The baseline, what became worse, and the ids of each kind of change.
    pub(super) fn since(&mut self, beside: &Beside<'_>) {
        let Some(drift) = beside.drift else { return };
        self.page.heading("since the baseline");
        for (label, line) in Since::new(beside).summary() {
            self.page.paragraph(0, 2, &format!("{label}: {line}"));
        }
        let mut kinds: BTreeMap<Kind, Vec<&Change>> = BTreeMap::new();
        for change in drift.changes.iter().filter(|change| change.kind != Kind::Unchanged) {
            kinds.entry(change.kind).or_default().push(change);
        }
        for (kind, changes) in kinds {
            let mut ids: Vec<String> = changes.iter().map(|change| said::change_ids(change)).collect();
            ids.dedup();
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let ids = words::some(&ids, self.verbose);
            self.page.paragraph(4, 6, &format!("{} {}: {ids}", changes.len(), kind.word()));
        }
    }
}
