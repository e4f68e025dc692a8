//! The report: `kube-assay.report/v1`. Its JSON is the record; everything that tells reads it and nothing else.

use std::collections::BTreeMap;

use assess::{Choice, Observed, SubjectName, Verdict};
use benchmark::{Assessment, Priority};
use evidence::Basis;
use register::{Decision, State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The schema's name in every report.
pub const SCHEMA: &str = "kube-assay.report/v1";

/// A report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// `kube-assay.report/v1`.
    pub schema: String,
    /// The tool that judged.
    pub tool: Tool,
    /// The run that was judged.
    pub run: RunInfo,
    /// The platform that the evidence was read as, and why.
    pub platform: Choice,
    /// The Kubernetes version, and how it was told; none if it was not seen.
    pub kubernetes: Option<Choice>,
    /// The profiles that were judged.
    pub profiles: Vec<ProfileInfo>,
    /// Things that must not be overlooked.
    pub warnings: Vec<String>,
    /// What this run could not see at all, and what it did not ask.
    pub coverage: Coverage,
    /// Numbers of demands by verdict, rolled up over subjects.
    pub counts: BTreeMap<Verdict, usize>,
    /// Numbers of findings by the state of their decision, where there is something to decide.
    #[serde(default)]
    pub decisions: BTreeMap<State, usize>,
    /// The register that decided; none: nobody has decided anything.
    #[serde(default)]
    pub register: Option<RegisterInfo>,
    /// The findings, in the order of the profiles' ids.
    pub findings: Vec<Finding>,
}

/// A register, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RegisterInfo {
    /// Its name.
    pub name: String,
    /// SHA-256 of its file.
    pub digest: String,
    /// The day on which it was asked (`YYYY-MM-DD`).
    pub as_of: String,
    /// Why it decides nothing: it speaks of another cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign: Option<String>,
    /// Findings that somebody accepts, by who answers for them.
    pub accepted: BTreeMap<String, usize>,
    /// Findings whose decision has expired, by who answers for them.
    pub overdue: BTreeMap<String, usize>,
    /// Entries by which nothing was decided: each with its place, and whether it matches nothing, is mended, or is about
    /// a control that is not demanded.
    pub unused: Vec<String>,
}

/// The tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// The run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunInfo {
    /// The captures that were judged.
    pub captures: Vec<CaptureInfo>,
    /// The selection that narrowed the profiles, in words; none: everything was judged.
    pub selection: Option<String>,
    /// Where the history keeps this run; none: it was not recorded. Not part of what is recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<RecordedAs>,
}

/// A run in a history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordedAs {
    /// The run's id.
    pub run: String,
    /// The number of its entry.
    pub number: u64,
    /// The hash of its entry. Whoever keeps it can prove later that nothing before it was changed
    /// (`kube-assay history verify --head HASH`).
    pub head: String,
}

/// One capture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaptureInfo {
    /// Name of the node.
    pub name: String,
    /// What kind of source: node, tree, recording.
    pub source: String,
    /// When it was taken (RFC 3339); none if a recording does not say.
    pub taken: Option<String>,
    /// The root that was looked at.
    pub root: String,
    /// Machine id, boot id, operating system and the like.
    pub identity: BTreeMap<String, String>,
    /// Rights that the looking process held.
    pub rights: Vec<String>,
    /// What the source shows in principle.
    pub sees: Vec<String>,
    /// Components that were found, with how.
    pub components: BTreeMap<String, String>,
    /// Remarks on the source.
    pub remarks: Vec<String>,
    /// Secrets that were cut out where they were read: place, and what.
    pub cuts: Vec<String>,
    /// Digest of the trails that were followed.
    pub catalogue: String,
}

/// A profile that was judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileInfo {
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// Why it was taken.
    pub reason: String,
    /// Digest of everything that it demands.
    pub digest: String,
    /// What a tailoring changed, in words.
    pub tailoring: Vec<String>,
    /// What it does not look at.
    pub not_covered: Vec<String>,
    /// Remarks.
    pub notes: Vec<String>,
}

/// How much of what was within reach was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Coverage {
    /// Demands within this source's reach.
    pub within_reach: usize,
    /// Of these, those with a verdict other than unknown.
    pub decided: usize,
    /// Demands outside this source's reach.
    pub outside: usize,
}

/// One demand (a control with its effective bounds) and one outcome, told once for all subjects that share it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The control's stable name.
    pub control: String,
    /// What is true when it passes.
    pub title: String,
    /// What it is about.
    pub component: String,
    /// How much a failure is worth to an attacker.
    pub priority: Priority,
    /// The effective bounds.
    pub parameters: BTreeMap<String, Value>,
    /// Where it is cited.
    pub cited_by: Vec<CitedBy>,
    /// What follows from the evidence.
    pub verdict: Verdict,
    /// For a pass by another way than the letter: why it serves as well.
    pub equivalent: Option<String>,
    /// How directly the deciding facts were seen.
    #[schemars(schema_with = "basis")]
    pub basis: Option<Basis>,
    /// Why, in a sentence.
    pub reason: String,
    /// What would let us see, for an unknown.
    pub help: Option<String>,
    /// Whether an unknown lies outside what the source can see.
    pub outside: bool,
    /// What was demanded, in words.
    pub expected: String,
    /// The facts.
    pub observed: Vec<Observed>,
    /// What else a reader should know.
    pub notes: Vec<String>,
    /// The subjects, each with the captures it was seen in.
    pub subjects: Vec<Subject>,
    /// What an attacker gains.
    pub why: String,
    /// What a person should do.
    pub remediation: String,
    /// What was decided about it. Never alters the verdict.
    pub decision: Decision,
}

/// `evidence` stays free of schema code: the privileged probe links it.
pub(crate) fn basis(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "enum": ["rendered", "declared", "running", null] })
}

/// An id that cites a demand.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct CitedBy {
    /// The profile.
    pub profile: String,
    /// The id in it.
    pub id: String,
    /// The heading it stands under.
    pub section: String,
    /// The publisher's level.
    pub level: u8,
    /// How the publisher assesses it. Where evidence decides, kube-assay decides all the same.
    pub assessment: Assessment,
}

/// A subject.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Subject {
    /// `component`, `file`, `set` or `cluster`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The captures it was judged in.
    pub captures: Vec<String>,
}

impl Finding {
    /// The first id that cites it, for headings: `1.2.1`, or the control's name.
    pub fn id(&self) -> &str {
        self.cited_by.first().map_or(&self.control, |cited| &cited.id)
    }

    /// Whether a person answered the question, and found that it does not hold. A class alone that demands an answer is
    /// nobody's answer.
    pub fn is_answered_no(&self) -> bool {
        self.verdict == Verdict::Manual && self.decision.state == State::Required && self.decision.by.is_some()
    }

    /// What to edit in the register, so that a decision that expired or an answer that does not hold is made anew; none:
    /// there is nothing of the kind.
    pub fn edit(&self) -> Option<String> {
        let decision = &self.decision;
        let entry = decision.entry.as_deref().unwrap_or("the register");
        match decision.state {
            _ if self.is_answered_no() => Some(format!("edit the answer ({entry})")),
            // Exceptions, grants and answers have somebody who approved or gave them; a class has none.
            State::Overdue if decision.by.is_some() => Some(format!("edit `expires` of the entry ({entry})")),
            State::Overdue => Some(format!("edit `recheck` of the entry ({entry})")),
            _ => None,
        }
    }
}

impl From<&SubjectName> for Subject {
    fn from(name: &SubjectName) -> Self {
        Self { kind: name.kind.clone(), name: name.name.clone(), captures: Vec::new() }
    }
}
