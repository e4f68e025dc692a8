//! The drift: `kube-assay.drift/v1`. What differs between two reports, each subject of each demand told once.

use std::collections::BTreeMap;

use assess::{Observed, Verdict};
use benchmark::Priority;
use evidence::Basis;
use register::Decision;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::kinds::is_another_failure;
use crate::model::{CitedBy, Subject, Tool};

/// The schema's name in every drift.
pub const SCHEMA: &str = "kube-assay.drift/v1";

/// What differs between two reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Drift {
    /// `kube-assay.drift/v1`.
    pub schema: String,
    /// The earlier report.
    pub before: Head,
    /// The later report.
    pub after: Head,
    /// What changed at once, so that nobody can tell which of them made a change of cause `unclear`; empty: nothing did.
    pub unseparated: Vec<Cause>,
    /// Things that must not be overlooked.
    pub warnings: Vec<String>,
    /// What became of the nodes.
    pub nodes: Nodes,
    /// Numbers of changes by kind.
    pub counts: BTreeMap<Kind, Count>,
    /// The same by cause: a change of two causes counts under both.
    pub causes: BTreeMap<Cause, BTreeMap<Kind, Count>>,
    /// Every subject of every demand of either side, once; what got worse stands first, then by what it is worth to an
    /// attacker. Subjects of nodes that are gone are told by their node alone.
    pub changes: Vec<Change>,
    /// Where what was decided changed and not only the verdict.
    pub decisions: Vec<DecisionChange>,
}

/// One side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Head {
    /// The run's id in a history; none: it was not taken from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// When the last of its captures was taken (RFC 3339); none if none says.
    pub taken: Option<String>,
    /// The tool that judged.
    pub tool: Tool,
    /// The platform.
    pub platform: String,
    /// The Kubernetes version, if it was seen.
    pub kubernetes: Option<String>,
    /// The profiles, each with its digest.
    pub profiles: BTreeMap<String, String>,
    /// The selection that narrowed the profiles, in words.
    pub selection: Option<String>,
    /// The number of captures.
    pub captures: usize,
    /// Numbers of demands by verdict.
    pub counts: BTreeMap<Verdict, usize>,
}

/// What kind of change it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It fails, had been mended, and failed before that.
    Regressed,
    /// It fails and did not.
    New,
    /// Two tools say different things of the same.
    Disagrees,
    /// The earlier profiles did not demand it.
    Demanded,
    /// It could be seen, and no longer can.
    VisibilityLost,
    /// It could not be seen, and now is. Where it fails, nobody knew of it.
    VisibilityGained,
    /// It failed and no longer does.
    Fixed,
    /// Another verdict; neither a failure appeared nor was one mended.
    VerdictChanged,
    /// The same verdict on other values of the deciding facts.
    EvidenceChanged,
    /// A subject that was not there, and does not fail.
    Appeared,
    /// A subject that did not fail and is no longer there.
    Vanished,
    /// The later profiles do not demand it.
    Dropped,
    /// Nothing that was seen of it differs.
    Unchanged,
}

/// What made a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The cluster, its nodes, or what of them could be seen.
    Cluster,
    /// The profile: what it demands, or by which bounds.
    Profile,
    /// The version of the tool: the earlier evidence, judged again, gives another answer.
    Tool,
    /// Another tool judged. Nothing need have changed.
    AnotherTool,
    /// One of those that changed at once (`unseparated`): the evidence of the earlier run would tell.
    Unclear,
}

/// How much is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Count {
    /// Findings: subjects that share everything are one.
    pub findings: usize,
    /// Subjects, each on each node.
    pub subjects: usize,
}

/// One demand, and what became of its answer, told once for all subjects that share it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// What kind of change it is.
    pub kind: Kind,
    /// What made it; empty if nothing changed.
    pub causes: Vec<Cause>,
    /// The control's stable name.
    pub control: String,
    /// What is true when it passes.
    pub title: String,
    /// What it is about.
    pub component: String,
    /// How much a failure is worth to an attacker.
    pub priority: Priority,
    /// The answer of the earlier report; none: it has none for these subjects.
    pub before: Option<Answer>,
    /// The answer of the later report.
    pub after: Option<Answer>,
    /// For a regression: when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regressed: Option<Regressed>,
    /// For nodes that the earlier run did not know: whose answer stands as the earlier one, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compared_with: Option<String>,
    /// The subjects, each with the captures it was seen in.
    pub subjects: Vec<Subject>,
}

/// What one report says of a demand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// Where it is cited.
    pub cited_by: Vec<CitedBy>,
    /// The effective bounds.
    pub parameters: BTreeMap<String, Value>,
    /// The verdict.
    pub verdict: Verdict,
    /// For a pass by another way than the letter: why it serves as well.
    pub equivalent: Option<String>,
    /// How directly the deciding facts were seen.
    #[schemars(schema_with = "crate::model::basis")]
    pub basis: Option<Basis>,
    /// Why, in a sentence.
    pub reason: String,
    /// Whether an unknown lies outside what the source can see.
    pub outside: bool,
    /// What was demanded, in words.
    pub expected: String,
    /// The deciding facts.
    pub observed: Vec<Observed>,
    /// What a person should do.
    pub remediation: String,
    /// What was decided about it.
    pub decision: Decision,
}

/// The dates of a regression (RFC 3339, or as the reports tell them).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Regressed {
    /// The last earlier run in which it failed.
    pub failed: String,
    /// The first run after that in which it did not; none if no date is known.
    pub mended: Option<String>,
}

/// What became of the nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Nodes {
    /// Nodes that the earlier run did not know.
    pub added: Vec<Added>,
    /// Nodes that the later run does not know. Nothing else is told of what was found on them.
    pub gone: Vec<Gone>,
    /// Nodes that are not as they were.
    pub changed: Vec<Changed>,
    /// Nodes on which a component ran that runs no more: what was judged of it there no longer applies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stopped: Vec<Stopped>,
}

/// A node on which components ran that run no more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Stopped {
    /// Its name.
    pub name: String,
    /// The components: the control plane's and the kubelet.
    pub components: Vec<String>,
}

/// A node that the earlier run did not know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Added {
    /// Its name.
    pub name: String,
    /// Its pool.
    pub pool: String,
    /// How many nodes of its pool there were in the earlier run, which it is compared with.
    pub mates: usize,
    /// The first 20 of them.
    pub compared_with: Vec<String>,
}

/// A node that the later run does not know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Gone {
    /// Its name.
    pub name: String,
    /// Its pool.
    pub pool: String,
    /// How many subjects were told of it.
    pub subjects: usize,
    /// How many of them failed.
    pub failed: usize,
}

/// A node whose identity changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Changed {
    /// Its name.
    pub name: String,
    /// What is different, in words: `kubelet v1.35.1 becomes v1.36.0`.
    pub what: Vec<String>,
}

/// A decision that changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DecisionChange {
    /// What happened to it.
    pub event: Event,
    /// The control's stable name.
    pub control: String,
    /// What is true when it passes.
    pub title: String,
    /// The ids that cite it.
    pub cited_by: Vec<CitedBy>,
    /// The verdict of the later report.
    pub verdict: Verdict,
    /// What was decided.
    pub before: Decision,
    /// What is decided now.
    pub after: Decision,
    /// The subjects.
    pub subjects: Vec<Subject>,
}

/// What happened to a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// It was accepted until a date, and that has passed.
    Expired,
    /// An entry of the register spoke of it, and no longer holds.
    Lapsed,
    /// It had been decided that it may stay, and that is no longer said.
    Withdrawn,
    /// It was decided that it may stay.
    Settled,
    /// It was decided otherwise: another state, owner, date or reason.
    Changed,
}

impl Kind {
    /// Every kind, in the order in which they are told.
    pub const ALL: [Self; 13] = [
        Self::Regressed,
        Self::New,
        Self::Disagrees,
        Self::Demanded,
        Self::VisibilityLost,
        Self::VisibilityGained,
        Self::Fixed,
        Self::VerdictChanged,
        Self::EvidenceChanged,
        Self::Appeared,
        Self::Vanished,
        Self::Dropped,
        Self::Unchanged,
    ];

    /// Its word in every format.
    pub fn word(self) -> &'static str {
        match self {
            Self::Regressed => "regressed",
            Self::New => "new",
            Self::Disagrees => "disagrees",
            Self::Demanded => "demanded",
            Self::VisibilityLost => "visibility-lost",
            Self::VisibilityGained => "visibility-gained",
            Self::Fixed => "fixed",
            Self::VerdictChanged => "verdict-changed",
            Self::EvidenceChanged => "evidence-changed",
            Self::Appeared => "appeared",
            Self::Vanished => "vanished",
            Self::Dropped => "dropped",
            Self::Unchanged => "unchanged",
        }
    }
}

impl Change {
    /// The first id that cites it on the later side, else on the earlier one; else the control's name.
    pub fn id(&self) -> &str {
        let sides = self.after.iter().chain(&self.before);
        sides.flat_map(|answer| &answer.cited_by).next().map_or(&self.control, |cited| &cited.id)
    }

    /// Whether it fails now and nobody knew: it passed, was not seen, was not demanded, or another tool said otherwise.
    pub fn is_new_failure(&self) -> bool {
        let fails = |answer: &Option<Answer>| answer.as_ref().is_some_and(|answer| answer.verdict == Verdict::Fail);
        fails(&self.after) && !fails(&self.before)
    }

    /// Whether it failed before, and the cluster (or what nobody can tell from it) made it fail in another state, by more
    /// than offended before: nobody knew this failure, and an exception for the old one would have lapsed.
    pub fn is_altered_failure(&self) -> bool {
        let (Some(before), Some(after)) = (&self.before, &self.after) else { return false };
        self.kind == Kind::EvidenceChanged && self.is_old_debt() && self.is_ours() && is_another_failure(before, after)
    }

    /// Whether somebody has to act on a failure that nobody knew, at all or in this state.
    pub fn is_worse(&self) -> bool {
        self.is_new_failure() && self.is_open() || self.is_worse_than_known()
    }

    /// Whether somebody has to act on a failure that was known in another state.
    pub(crate) fn is_worse_than_known(&self) -> bool {
        self.is_altered_failure() && self.is_open()
    }

    /// Whether the cluster made it, or whatever else may have been the cluster.
    pub(crate) fn is_ours(&self) -> bool {
        self.causes.iter().any(|cause| matches!(cause, Cause::Cluster | Cause::Unclear))
    }

    /// Whether something within reach can no longer be seen, and nobody has settled that.
    pub(crate) fn is_lost(&self) -> bool {
        let open = |answer: &Answer| !answer.outside && answer.decision.state.is_open();
        self.kind == Kind::VisibilityLost && self.after.as_ref().is_none_or(open)
    }

    /// Whether somebody has to act on the later answer.
    pub(crate) fn is_open(&self) -> bool {
        self.after.as_ref().is_some_and(|answer| answer.decision.state.is_open())
    }

    /// Whether it failed before and fails now.
    pub fn is_old_debt(&self) -> bool {
        let fails = |answer: &Option<Answer>| answer.as_ref().is_some_and(|answer| answer.verdict == Verdict::Fail);
        fails(&self.after) && fails(&self.before)
    }
}

impl Event {
    /// Its word in every format.
    pub fn word(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Lapsed => "lapsed",
            Self::Withdrawn => "withdrawn",
            Self::Settled => "settled",
            Self::Changed => "changed",
        }
    }
}

impl DecisionChange {
    /// Whether somebody has to act on what had been settled.
    pub fn is_worse(&self) -> bool {
        matches!(self.event, Event::Expired | Event::Lapsed | Event::Withdrawn) && self.after.state.is_open()
    }
}

impl Drift {
    /// Whether something got worse: a failure that nobody knew, at all or in this state, and nobody has accepted, or an
    /// acceptance that no longer holds.
    pub fn is_worse(&self) -> bool {
        self.changes.iter().any(Change::is_worse) || self.decisions.iter().any(DecisionChange::is_worse)
    }

    /// Whether something within reach can no longer be seen, and nobody has settled that.
    pub fn is_blinder(&self) -> bool {
        self.changes.iter().any(Change::is_lost)
    }

    /// How many findings are of a kind.
    pub fn count(&self, kind: Kind) -> usize {
        self.counts.get(&kind).map_or(0, |count| count.findings)
    }
}
