//! The plan: `kube-assay.plan/v1`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The schema's name in every plan.
pub const SCHEMA: &str = "kube-assay.plan/v1";

/// A plan. Nothing of it is ever applied by kube-assay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// `kube-assay.plan/v1`.
    pub schema: String,
    /// The version of the tool.
    pub tool: String,
    /// The platform whose durable sources are patched.
    pub platform: String,
    /// The Kubernetes version; none if it was not seen.
    pub kubernetes: Option<String>,
    /// The nodes that the report is about.
    pub nodes: Vec<String>,
    /// Who has what to do.
    pub owners: Vec<Owner>,
    /// What patches settle, in the order in which it should be done.
    pub steps: Vec<Step>,
    /// What a person has to settle, the gravest first.
    pub by_hand: Vec<Hand>,
    /// What no plan settles here: provider-owned findings, unknowns, questions. A sentence for each.
    pub left: Vec<String>,
    /// The patches, by name.
    pub patches: Vec<Patch>,
}

/// Somebody who answers for findings, and for the source where their change lasts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Owner {
    /// The register's name for them; none: the register names nobody.
    pub owner: Option<String>,
    /// The durable source that they keep, as the register says.
    pub source: Option<String>,
    /// Numbers of the steps that are theirs.
    pub steps: Vec<usize>,
    /// How many findings these steps settle.
    pub settled: usize,
    /// How many findings are left to their hands.
    pub by_hand: usize,
}

/// What is changed together, and checked before the next step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Counted from 1.
    pub number: usize,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The durable source that the register names.
    pub source: Option<String>,
    /// What is changed.
    pub target: Target,
    /// What it is, for a heading.
    pub title: String,
    /// The one cause that the findings share; none: there is one finding.
    pub cause: Option<String>,
    /// The nodes that the findings were seen on.
    pub nodes: Vec<String>,
    /// What is changed, from what to what.
    pub changes: Vec<Change>,
    /// What to know before.
    pub beware: Vec<String>,
    /// The patches, by name, each with where it goes.
    pub patches: Vec<Use>,
    /// What to do, in order.
    pub todo: Vec<String>,
    /// What restarts, and what that costs.
    pub restart: String,
    /// Where to try it first; none: there is nothing to try.
    pub trial: Option<String>,
    /// How to go back.
    pub rollback: String,
    /// The controls that are judged again.
    pub controls: Vec<String>,
    /// The command that judges exactly these.
    pub verify: String,
}

/// What a step changes, in the order of steps: first what needs no restart, then one component at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// Modes and owners of files.
    Files,
    /// Settings of the running kernel.
    Sysctls,
    /// etcd's arguments.
    Etcd,
    /// The API server's arguments.
    KubeApiserver,
    /// The controller manager's arguments.
    KubeControllerManager,
    /// The scheduler's arguments.
    KubeScheduler,
    /// The kubelet's configuration.
    Kubelet,
    /// The kernel's command line.
    KernelArguments,
}

/// One thing that is changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// The flag, field, setting or file.
    pub what: String,
    /// What it is now, with how that came about; none: it is not there.
    pub from: Option<String>,
    /// What it is to be; none: it goes.
    pub to: Option<String>,
    /// The ids that ask for it.
    pub ids: Vec<String>,
    /// Other ways that would do, in words.
    pub otherwise: Vec<String>,
}

/// A patch and where it goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Use {
    /// The patch's name.
    pub patch: String,
    /// Where it goes, and what it is good for.
    pub goes: String,
}

/// A file to be applied by a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Patch {
    /// Its name: a plain file name.
    pub name: String,
    /// Its content.
    pub content: String,
}

/// Findings that a person has to settle, told together because one remedy serves them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hand {
    /// Who answers for it.
    pub owner: Option<String>,
    /// The durable source that the register names.
    pub source: Option<String>,
    /// What it is about.
    pub component: String,
    /// How much the gravest is worth to an attacker.
    pub priority: benchmark::Priority,
    /// Why no patch is written.
    pub because: String,
    /// What fails: id, and title or the line that settles it.
    pub items: Vec<Item>,
    /// What to do, as the control says for this platform.
    pub remediation: String,
    /// The nodes or objects it was seen on.
    pub subjects: Vec<String>,
    /// The controls that are judged again.
    pub controls: Vec<String>,
    /// The command that judges exactly these.
    pub verify: String,
}

/// One failing demand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Item {
    /// Its id.
    pub id: String,
    /// Its title, or where many share a remedy the line that settles it.
    pub title: String,
}
