//! Working in what a profile extends, and checking it against the controls.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range as Span;

use diag::{Diagnostic, Spanned, quoted};

use super::profile::{Draft, Row, Select};
use super::{Given, Named, code, control, tailor};
use crate::{Entry, Profile, id_order};

/// Profiles and tailorings with what they extend worked in.
pub(super) fn expand(
    controls: &[Named<Option<control::Draft>>],
    drafts: &[Named<Draft>],
    found: &mut Vec<Diagnostic>,
) -> Vec<Profile> {
    let controls = controls.iter().map(|control| (control.name.value.as_str(), control.body.as_ref())).collect();
    let mut expander = Expander { controls, drafts, done: BTreeMap::new(), open: Vec::new(), found };
    drafts.iter().map(|draft| expander.expand(draft).profile).collect()
}

pub(super) struct Expander<'d> {
    /// Controls by name, also those that could not be read.
    pub(super) controls: BTreeMap<&'d str, Option<&'d control::Draft>>,
    drafts: &'d [Named<Draft>],
    done: BTreeMap<&'d str, Expanded>,
    /// The chain of profiles that are being expanded, for cycles.
    open: Vec<&'d str>,
    found: &'d mut Vec<Diagnostic>,
}

/// A profile with what it extends, and what must not be held against those who refer to it.
#[derive(Clone, Debug)]
pub(super) struct Expanded {
    pub(super) profile: Profile,
    /// Ids that are there but could not be read.
    broken: BTreeSet<String>,
    /// What it extends could not be found: anything may be missing.
    partial: bool,
}

impl Expanded {
    /// Whether an id is there, or may be.
    pub(super) fn may_have(&self, id: &str) -> bool {
        self.partial || self.broken.contains(id) || self.profile.entry(id).is_some()
    }

    /// Whether a control is there, or may be under an id that could not be read.
    pub(super) fn may_use(&self, control: &str) -> bool {
        self.partial || !self.broken.is_empty() || self.profile.entries.iter().any(|entry| entry.control == control)
    }
}

impl<'d> Expander<'d> {
    pub(super) fn report(&mut self, mistake: Diagnostic) {
        self.found.push(mistake);
    }

    pub(super) fn error(&mut self, draft: &Named<Draft>, code: &'static str, span: &Span<usize>, message: String) {
        self.report(Diagnostic::error(code, &draft.file, span.clone(), message));
    }

    fn expand(&mut self, draft: &'d Named<Draft>) -> Expanded {
        let name = draft.name.value.as_str();
        if let Some(done) = self.done.get(name) {
            return done.clone();
        }
        self.open.push(name);
        let base = draft.body.extends.as_ref().and_then(|extends| self.base(draft, extends));
        self.open.pop();

        let orphan = base.is_none() && (draft.body.tailoring || draft.body.extends.is_some());
        let mut expanded = base.unwrap_or_else(|| Expanded {
            profile: Profile {
                name: String::new(),
                title: String::new(),
                kubernetes: None,
                extends: Vec::new(),
                sections: Vec::new(),
                entries: Vec::new(),
                not_covered: Vec::new(),
                notes: Vec::new(),
                tailored: None,
            },
            broken: BTreeSet::new(),
            partial: orphan,
        });
        if draft.body.tailoring {
            self.check_drops(draft, &expanded);
            tailor::tailor(self, draft, &mut expanded);
        } else {
            self.profile(draft, &mut expanded);
        }
        self.done.insert(name, expanded.clone());
        expanded
    }

    /// What a profile extends, expanded.
    fn base(&mut self, draft: &Named<Draft>, extends: &Spanned<String>) -> Option<Expanded> {
        let drafts = self.drafts;
        let Some(base) = drafts.iter().find(|other| other.name.value == extends.value) else {
            let message = format!("there is no profile {}", quoted(&extends.value));
            let names = drafts.iter().map(|other| other.name.value.as_str());
            let mistake = Diagnostic::error(code::UNKNOWN_PROFILE, &draft.file, extends.span.clone(), message);
            self.report(mistake.did_you_mean(&extends.value, names.filter(|name| *name != draft.name.value)));
            return None;
        };
        if let Some(from) = self.open.iter().position(|name| *name == extends.value) {
            let circle = self.open[from..].iter().chain([&self.open[from]]).copied().collect::<Vec<_>>();
            let message = format!("profiles extend each other in a circle: {}", circle.join(" → "));
            self.error(draft, code::CYCLE, &extends.span, message);
            return None;
        }
        if base.body.tailoring && !draft.body.tailoring {
            let message = format!("{} is a tailoring, and a profile extends profiles only", quoted(&extends.value));
            self.error(draft, code::UNKNOWN_PROFILE, &extends.span, message);
            return None;
        }
        Some(self.expand(base))
    }

    /// What is left out must be there, and must not be given at the same time.
    fn check_drops(&mut self, draft: &Named<Draft>, base: &Expanded) {
        for drop in &draft.body.drops {
            let id = &drop.id;
            let given = |row: &Row| row.id.as_ref().is_some_and(|given| given.value == id.value);
            if draft.body.rows.iter().any(given) {
                let message = format!("{} is left out and given at the same time", quoted(&id.value));
                self.error(draft, code::CONFLICT, &id.span, message);
            } else if !base.may_have(&id.value) {
                let message = format!("there is no id {} to leave out", quoted(&id.value));
                self.error(draft, code::UNKNOWN_ID, &id.span, message);
            }
        }
    }

    /// Lays a profile over what it extends.
    fn profile(&mut self, draft: &Named<Draft>, expanded: &mut Expanded) {
        let body = &draft.body;
        let profile = &mut expanded.profile;
        let base = std::mem::replace(&mut profile.name, draft.name.value.clone());
        if !base.is_empty() {
            profile.extends.insert(0, base);
        }
        profile.title = body.title.clone().unwrap_or_default();
        profile.kubernetes = body.kubernetes;
        profile.notes.clone_from(&body.notes);
        if let Some(not_covered) = &body.not_covered {
            profile.not_covered.clone_from(not_covered);
        }
        for section in &body.sections {
            profile.sections.retain(|other| other.id != section.id);
            profile.sections.push(section.clone());
        }
        profile.sections.sort_by_cached_key(|section| id_order(&section.id));
        for select in &body.selects {
            self.select(draft, select, expanded);
        }
        self.check_drops(draft, expanded);
        let profile = &mut expanded.profile;
        let reasons = body.drops.iter().filter_map(|drop| Some((&drop.id.value, drop.reason.as_ref()?)));
        profile.notes.extend(reasons.map(|(id, reason)| format!("{id} is left out: {reason}")));
        profile.entries.retain(|entry| !body.drops.iter().any(|drop| drop.id.value == entry.id));

        let mut seen = BTreeSet::new();
        for row in &body.rows {
            if let Some(control) = &row.control {
                self.check_control(draft, control);
                self.check_parameters(draft, &control.value, &row.parameters);
            }
            let Some(id) = &row.id else { continue };
            if !seen.insert(&id.value) {
                let message = format!("the id {} is given twice", quoted(&id.value));
                self.error(draft, code::DUPLICATE_NAME, &id.span, message);
                continue;
            }
            if let Some(section) = &row.section {
                self.check_section(draft, section, expanded);
            } else if expanded.profile.section(&id.value).is_none() && !expanded.partial {
                let message = format!("the id {} stands under no section", quoted(&id.value));
                self.error(draft, code::NO_SECTION, &id.span, message);
            }
            expanded.profile.entries.retain(|entry| entry.id != id.value);
            match entry(id, row) {
                Some(entry) => expanded.profile.entries.push(entry),
                None => _ = expanded.broken.insert(id.value.clone()),
            }
        }
        expanded.profile.entries.sort_by_cached_key(Entry::order);
    }

    /// Takes every control that has all the tags, under its own name.
    fn select(&mut self, draft: &Named<Draft>, select: &Select, expanded: &mut Expanded) {
        if let Some(section) = &select.section {
            self.check_section(draft, section, expanded);
        }
        let (Some(section), Some(level), Some(assessment)) = (&select.section, select.level, select.assessment) else {
            expanded.partial = true;
            return;
        };
        let meant = |control: &&control::Draft| select.tags.iter().all(|tag| control.control.tags.contains(&tag.value));
        let names: Vec<String> =
            self.controls.values().flatten().copied().filter(meant).map(|draft| draft.control.name.clone()).collect();
        if names.is_empty() && self.controls.values().all(Option::is_some) {
            let tags = select.tags.iter().map(|tag| tag.value.as_str()).collect::<Vec<_>>().join(", ");
            let message = format!("no control has the tags {}", quoted(&tags));
            self.error(draft, code::UNKNOWN_TAG, &select.span, message);
        }
        for name in names {
            expanded.profile.entries.retain(|entry| entry.id != name);
            expanded.profile.entries.push(Entry {
                id: name.clone(),
                control: name,
                level,
                assessment,
                parameters: BTreeMap::new(),
                section: Some(section.value.clone()),
            });
        }
    }

    /// A section that is named must be there.
    fn check_section(&mut self, draft: &Named<Draft>, section: &Spanned<String>, expanded: &Expanded) {
        let sections = &expanded.profile.sections;
        if !expanded.partial && !sections.iter().any(|known| known.id == section.value) {
            let message = format!("there is no section {}", quoted(&section.value));
            let mistake = Diagnostic::error(code::NO_SECTION, &draft.file, section.span.clone(), message);
            let mistake = mistake.did_you_mean(&section.value, sections.iter().map(|section| section.id.as_str()));
            self.report(mistake);
        }
    }

    fn check_control(&mut self, draft: &Named<Draft>, control: &Spanned<String>) {
        if !self.controls.contains_key(control.value.as_str()) {
            let message = format!("there is no control {}", quoted(&control.value));
            let mistake = Diagnostic::error(code::UNKNOWN_CONTROL, &draft.file, control.span.clone(), message);
            let mistake = mistake.did_you_mean(&control.value, self.controls.keys());
            self.report(mistake);
        }
    }

    /// What a profile sets must be a parameter of the control, and must fit it.
    pub(super) fn check_parameters(&mut self, draft: &Named<Draft>, control: &str, given: &[Given]) {
        let Some(Some(control)) = self.controls.get(control).copied() else { return };
        let known = &control.control.parameters;
        for given in given {
            let (name, value) = (&given.name, &given.value);
            if !known.contains_key(&name.value) {
                let message = format!("{} has no parameter {}", control.control.name, quoted(&name.value));
                let mistake = Diagnostic::error(code::UNKNOWN_PARAMETER, &draft.file, name.span.clone(), message);
                self.report(mistake.did_you_mean(&name.value, known.keys()));
            } else if let Some(expected) = control.misfit(given) {
                self.error(draft, code::WRONG_VALUE, &value.span, format!("expected {expected}"));
            }
        }
    }
}

/// The entry that a complete row makes.
fn entry(id: &Spanned<String>, row: &Row) -> Option<Entry> {
    let parameters = row.parameters.iter().map(|given| (given.name.value.clone(), given.value.value.clone())).collect();
    Some(Entry {
        id: id.value.clone(),
        control: row.control.as_ref()?.value.clone(),
        level: row.level?,
        assessment: row.assessment?,
        parameters,
        section: row.section.as_ref().map(|section| section.value.clone()),
    })
}
