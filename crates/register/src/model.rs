//! What a register says. A person keeps it in git; [`crate::load`] reads it, and everything here is as it stands there.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use jiff::civil::Date;
use schemars::JsonSchema;

/// A register: who answers for what, and what was decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// Its name, for reports.
    #[serde(rename = "register")]
    pub name: String,
    /// The cluster that it speaks of: the uid of its namespace kube-system, or the name given by `--cluster-name`.
    #[serde(default)]
    pub cluster: Option<String>,
    /// How long decisions may hold, and what may never be accepted.
    #[serde(default)]
    pub review: Review,
    /// Who answers for what. Where several fit, the one that speaks most closely of it: a control before a section, that
    /// before a component, that before platforms and nodes.
    #[serde(default)]
    pub owners: Vec<Owner>,
    /// What is the provider's, and what is told for information only.
    #[serde(default)]
    pub classes: Vec<Classed>,
    /// Deviations that were accepted until a date.
    #[serde(default)]
    pub exceptions: Vec<Exception>,
    /// Subjects who may have what a control asks about, e.g. be cluster-admin.
    #[serde(default)]
    pub grants: Vec<Grant>,
    /// Answers to questions that no evidence settles.
    #[serde(default)]
    pub answers: Vec<Answer>,
}

impl Register {
    /// Entries that speak of one control each: what it is, the control, and where it stands.
    pub fn entries(&self) -> impl Iterator<Item = (&'static str, &str, &At)> {
        let exceptions = self.exceptions.iter().map(|entry| ("exception", entry.control.as_str(), &entry.at));
        let grants = self.grants.iter().map(|entry| ("grant", entry.control.as_str(), &entry.at));
        let answers = self.answers.iter().map(|entry| ("answer", entry.control.as_str(), &entry.at));
        exceptions.chain(grants).chain(answers)
    }
}

/// Bounds of decisions.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Review {
    /// An exception or grant expires at most so many days after it was accepted.
    pub longest_days: i64,
    /// An answer expires at most so many days after it was given.
    pub answers_days: i64,
    /// At most so many exceptions at once; none: as many as there are.
    pub most: Option<usize>,
    /// Controls that may never be accepted, beside those that nobody may ([`crate::NEVER`]).
    pub never: Vec<String>,
}

impl Default for Review {
    fn default() -> Self {
        Self { longest_days: 365, answers_days: 400, most: None, never: Vec::new() }
    }
}

/// What an entry speaks of. Everything that is given must fit; a list fits by any of its members.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Scope {
    /// Controls by their own names (an `ID@PROFILE` in the file is read as the control that it cites).
    pub controls: Vec<String>,
    /// Sections of profiles, as `1.2@cis-2.0.1`.
    pub sections: Vec<String>,
    /// The controls of these sections, looked up where the file is read: another numbering loses none.
    #[schemars(skip)]
    pub in_sections: BTreeSet<String>,
    /// Components.
    pub components: Vec<String>,
    /// Platforms.
    pub platforms: Vec<String>,
    /// Nodes by their labels (and `role`: control-plane or worker): a pool, never a single machine.
    pub nodes: BTreeMap<String, String>,
    /// Namespaces.
    pub namespaces: Vec<String>,
    /// Subjects by the names that findings give them: a file, a role, a service account.
    pub subjects: Vec<String>,
}

/// Who answers for something.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
pub struct Owner {
    /// Their name: a team rather than a person.
    pub owner: String,
    /// How to reach them.
    #[serde(default)]
    pub contact: Option<String>,
    /// The durable source that they keep: where a change lasts.
    #[serde(default)]
    pub source: Option<String>,
    /// What they answer for.
    #[serde(default)]
    pub of: Scope,
    /// Where it stands in the file.
    #[serde(skip)]
    pub at: At,
}

/// A class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Has to be dealt with: takes a part out of a wider entry of another class.
    Required,
    /// The provider alone can see and settle it.
    ProviderOwned,
    /// Told, and nobody has to act on it.
    Informational,
}

impl Class {
    /// Its word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::ProviderOwned => "provider-owned",
            Self::Informational => "informational",
        }
    }
}

/// What is of a class, and why.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
pub struct Classed {
    /// The class.
    pub class: Class,
    /// What is of it.
    pub of: Scope,
    /// Why.
    pub reason: String,
    /// What shows it. A provider's share needs at least one.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    /// When it is looked at again. A provider's share needs a date or a trigger.
    #[serde(default)]
    pub recheck: Option<Recheck>,
    /// What held when it was decided, for the triggers.
    #[serde(default)]
    pub under: Under,
    /// Where it stands in the file.
    #[serde(skip)]
    pub at: At,
}

/// Something that shows what an entry says.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
pub struct Evidence {
    /// Where it is: a link or the number of a document.
    pub link: String,
    /// The day on which somebody of ours read it.
    #[schemars(with = "String")]
    pub dated: Date,
}

/// When an entry is looked at again.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Recheck {
    /// On this day at the latest.
    #[schemars(with = "Option<String>")]
    pub before: Option<Date>,
    /// When one of these happens.
    pub on: Vec<Trigger>,
}

/// Something that makes a decision due to be looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// Another minor version of Kubernetes.
    KubernetesUpgrade,
    /// Another version of the provider's or distribution's own.
    ProviderUpgrade,
    /// Another profile, or other demands in it.
    ProfileChange,
    /// The cluster was made anew.
    ClusterRecreated,
}

/// Every trigger with its word.
pub const TRIGGERS: [(&str, Trigger); 4] = [
    ("kubernetes-upgrade", Trigger::KubernetesUpgrade),
    ("provider-upgrade", Trigger::ProviderUpgrade),
    ("profile-change", Trigger::ProfileChange),
    ("cluster-recreated", Trigger::ClusterRecreated),
];

/// What held when something was decided. What is not given fires no trigger.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Under {
    /// Kubernetes' minor version, e.g. `1.36`.
    pub kubernetes: Option<String>,
    /// The provider's or distribution's own version, e.g. `v1.36.1-eks-3`.
    pub provider: Option<String>,
    /// The profile and the start of its digest, e.g. `cis-2.0.1@9f2a…`.
    pub profile: Option<String>,
    /// The cluster.
    pub cluster: Option<String>,
}

impl Under {
    /// Whether nothing is given.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What was accepted: the state that evidence showed on that day.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
pub struct Accepted {
    /// The day.
    #[schemars(with = "String")]
    pub since: Date,
    /// The deciding facts with their values, `(absent)` or `(unknown)`. Another value: it no longer holds.
    pub state: BTreeMap<String, String>,
    /// What was demanded then, in the finding's words.
    #[serde(default)]
    pub expected: Option<String>,
    /// What held then, for the triggers.
    #[serde(flatten)]
    pub under: Under,
}

/// What is done instead.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compensating {
    /// The control that shows that it is done: where it stops passing, the exception no longer holds.
    #[serde(default)]
    pub control: Option<String>,
    /// What is done, in words.
    pub says: String,
}

/// A deviation that was accepted until a date.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
pub struct Exception {
    /// The control.
    pub control: String,
    /// Where; nothing given: wherever it is judged.
    #[serde(default)]
    pub scope: Scope,
    /// What was accepted.
    pub accepted: Accepted,
    /// Why it cannot be mended now.
    pub reason: String,
    /// What is done instead.
    pub compensating: Compensating,
    /// Who answers for it.
    pub owner: String,
    /// Who approved it.
    pub approver: String,
    /// The last day on which it holds.
    #[schemars(with = "String")]
    pub expires: Date,
    /// What makes it due before that.
    #[serde(default)]
    pub review: Vec<Trigger>,
    /// Where it stands in the file.
    #[serde(skip)]
    pub at: At,
}

/// Subjects who may have what a control asks about.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
pub struct Grant {
    /// The control.
    pub control: String,
    /// The subjects, by the names that findings give them.
    pub subjects: Vec<String>,
    /// What they were granted: the verdict and the deciding facts with their values. Another value: it no longer holds.
    #[serde(default)]
    pub state: BTreeMap<String, String>,
    /// Why they need it.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// Who approved it.
    pub approver: String,
    /// The day on which it was granted.
    #[schemars(with = "String")]
    pub since: Date,
    /// The last day on which it holds.
    #[schemars(with = "String")]
    pub expires: Date,
    /// What makes it due before that.
    #[serde(default)]
    pub review: Vec<Trigger>,
    /// What held then, for the triggers.
    #[serde(default)]
    pub under: Under,
    /// Where it stands in the file.
    #[serde(skip)]
    pub at: At,
}

/// An answer to a question that no evidence settles.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
pub struct Answer {
    /// The control.
    pub control: String,
    /// Where; nothing given: wherever it is asked.
    #[serde(default)]
    pub scope: Scope,
    /// Whether what is asked for holds.
    pub holds: bool,
    /// What was found, and how.
    pub evidence: String,
    /// Who looked.
    pub author: String,
    /// The day.
    #[schemars(with = "String")]
    pub date: Date,
    /// The last day on which it holds.
    #[schemars(with = "String")]
    pub expires: Date,
    /// The question that was answered, as it was asked. Another question is a new one.
    #[serde(default)]
    pub question: Option<String>,
    /// Where it stands in the file.
    #[serde(skip)]
    pub at: At,
}

/// A place in a register's file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct At {
    /// The file.
    pub file: String,
    /// Its line, from 1.
    pub line: usize,
    /// Where the entry begins, in bytes.
    pub(crate) span: Range<usize>,
    /// Where the values of its fields stand, by name; one of a map by both, as `accepted.since`.
    pub(crate) fields: BTreeMap<String, Range<usize>>,
}

impl At {
    /// Where a field's value stands; what it is part of, if it has no place of its own.
    pub(crate) fn of(&self, field: &str) -> Range<usize> {
        match (self.fields.get(field), field.rsplit_once('.')) {
            (Some(own), _) => own.clone(),
            (None, Some((whole, _))) => self.of(whole),
            (None, None) => self.span.clone(),
        }
    }
}

impl std::fmt::Display for At {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}
