//! A control: one demand, written once, in terms of facts.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How much a failure is worth to an attacker (design section 4, "Priority").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Priority {
    /// Takes the cluster.
    Critical,
    /// Takes a node, or opens the way to the cluster.
    High,
    /// Weakens a layer.
    Medium,
    /// Robustness and hygiene.
    Low,
    /// Depends on the environment.
    Contextual,
}

/// One demand.
#[derive(Clone, Debug, PartialEq)]
pub struct Control {
    /// Stable name.
    pub name: String,
    /// What is true when it passes.
    pub title: String,
    /// The component it is about.
    pub component: String,
    /// How much a failure is worth to an attacker.
    pub priority: Priority,
    /// Words that profiles select it by: who asks for it, and to what end.
    pub tags: Vec<String>,
    /// Bounds that a profile may set, with the control's own.
    pub parameters: Parameters,
    /// Where it applies.
    pub when: Option<Requirement>,
    /// What is said where it does not.
    pub not_applicable: Option<String>,
    /// The set whose members are judged one by one; none: the instances of the component.
    pub for_each: Option<String>,
    /// How it is judged.
    pub judge: Judge,
    /// Other ways to the same end.
    pub equivalent: Vec<Equivalent>,
    /// Facts shown beside the verdict that do not decide it.
    pub observe: Vec<String>,
    /// What a source must be able to see, where no fact says it.
    pub reach: Option<Need>,
    /// What an attacker gains.
    pub why: String,
    /// The line that settles it where it is set, e.g. `kernel.kptr_restrict = 2`; `$parameter` stands for a bound.
    pub set: Option<String>,
    /// What gives the same without it, e.g. a boot parameter where the line is one of the kernel's build.
    pub instead: Option<String>,
    /// What a person should do, by durable source; `general` is always there. `{set}` and `{instead}` stand for these.
    pub remediation: BTreeMap<String, String>,
    /// How a plan may settle it, where that does not follow from the requirement alone.
    pub fix: Fix,
}

/// How a plan settles a control.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fix {
    /// Whether a person has to settle it: the setting alone would break something, or does not do.
    pub by_hand: bool,
    /// Values by fact, where the bound itself is none that anybody should set.
    pub values: BTreeMap<String, Value>,
    /// What to know before it is changed, in a sentence.
    pub beware: Option<String>,
}

/// Bounds by name.
pub type Parameters = BTreeMap<String, Value>;

/// How a control is judged.
#[derive(Clone, Debug, PartialEq)]
pub enum Judge {
    /// By evidence.
    Require(Requirement),
    /// By a person.
    Manual {
        /// The question.
        question: String,
        /// Evidence that answers it without a person: the control then passes.
        unless: Option<Requirement>,
    },
}

/// Something that must hold.
#[derive(Clone, Debug, PartialEq)]
pub enum Requirement {
    /// Each of them.
    All(Vec<Requirement>),
    /// At least one of them.
    Any(Vec<Requirement>),
    /// Not this.
    Not(Box<Requirement>),
    /// A fact compared.
    Compare(Comparison),
}

/// A fact compared with an operand.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Name of the fact.
    pub fact: String,
    /// The comparison.
    pub operator: Operator,
    /// What it is compared with.
    pub operand: Operand,
}

/// What a fact is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// Written in the control.
    Literal(Value),
    /// A bound by name.
    Parameter(String),
    /// Another fact.
    Fact(String),
}

/// Another way to the same end.
#[derive(Clone, Debug, PartialEq)]
pub struct Equivalent {
    /// What must hold.
    pub require: Requirement,
    /// Why it serves as well.
    pub because: String,
}

/// What a source must be able to see for a control that names no fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Objects of the Kubernetes API.
    KubernetesApi,
}

/// The closed set of comparisons. `benchmarks/README.md` says when each is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the words of the format; their meaning stands once, in benchmarks/README.md")]
pub enum Operator {
    Equals,
    OneOf,
    Contains,
    Excludes,
    Within,
    Disjoint,
    AtLeast,
    AtMost,
    Matches,
    ModeWithin,
    OwnedBy,
    Present,
    Absent,
}

impl Operator {
    /// Every operator with its word in a file.
    pub const ALL: [(&'static str, Self); 13] = [
        ("equals", Self::Equals),
        ("one_of", Self::OneOf),
        ("contains", Self::Contains),
        ("excludes", Self::Excludes),
        ("within", Self::Within),
        ("disjoint", Self::Disjoint),
        ("at_least", Self::AtLeast),
        ("at_most", Self::AtMost),
        ("matches", Self::Matches),
        ("mode_within", Self::ModeWithin),
        ("owned_by", Self::OwnedBy),
        ("present", Self::Present),
        ("absent", Self::Absent),
    ];

    /// The word for a reader.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Equals => "is",
            Self::OneOf => "is one of",
            Self::Contains => "has",
            Self::Excludes => "lacks",
            Self::Within => "has only members of",
            Self::Disjoint => "has no member of",
            Self::AtLeast => "is at least",
            Self::AtMost => "is at most",
            Self::Matches => "matches",
            Self::ModeWithin => "has no permission outside",
            Self::OwnedBy => "is owned by",
            Self::Present => "is set",
            Self::Absent => "is not set",
        }
    }
}

impl Requirement {
    /// Every comparison in it, in order, with what it must come out as: false under a `not`.
    pub fn comparisons(&self) -> Vec<(&Comparison, bool)> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::comparisons).collect(),
            Self::Not(part) => part.comparisons().into_iter().map(|(inner, wanted)| (inner, !wanted)).collect(),
            Self::Compare(comparison) => vec![(comparison, true)],
        }
    }

    /// The requirement in words, with parameters put in.
    pub fn phrase(&self, parameters: &Parameters) -> String {
        self.words(parameters, false)
    }

    fn words(&self, parameters: &Parameters, nested: bool) -> String {
        let joined = |parts: &[Self], word: &str| {
            let text = parts.iter().map(|part| part.words(parameters, true)).collect::<Vec<_>>().join(word);
            if nested && parts.len() > 1 { format!("({text})") } else { text }
        };
        match self {
            Self::All(parts) => joined(parts, " and "),
            Self::Any(parts) => joined(parts, " or "),
            Self::Not(part) => format!("not: {}", part.words(parameters, true)),
            Self::Compare(Comparison { fact, operator, operand }) => {
                let operand = match operand {
                    Operand::Literal(value) => plain(value),
                    Operand::Parameter(name) => parameters.get(name).map_or_else(|| format!("${name}"), plain),
                    Operand::Fact(name) => name.clone(),
                };
                let phrase = operator.phrase();
                match operator {
                    Operator::Present | Operator::Absent => format!("{fact} {phrase}"),
                    _ => format!("{fact} {phrase} {operand}"),
                }
            }
        }
    }
}

/// A literal as a person writes it.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(members) if members.is_empty() => "nothing".to_owned(),
        Value::Array(members) => members.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

impl Control {
    /// The facts that it speaks of, those first that decide, each once, in reading order.
    pub fn facts(&self) -> impl Iterator<Item = &str> {
        let required = match &self.judge {
            Judge::Require(requirement) => Some(requirement),
            Judge::Manual { unless, .. } => unless.as_ref(),
        };
        let ways = self.equivalent.iter().map(|other| &other.require);
        let parts = required.into_iter().chain(&self.when).chain(ways);
        let compared = parts.flat_map(Requirement::comparisons).flat_map(|(comparison, _)| {
            let right = match &comparison.operand {
                Operand::Fact(name) => Some(name.as_str()),
                _ => None,
            };
            std::iter::once(comparison.fact.as_str()).chain(right)
        });
        let mut seen = BTreeSet::new();
        compared.chain(self.observe.iter().map(String::as_str)).filter(move |name| seen.insert(*name))
    }

    /// What to do, for a platform or else in general, with the line that settles it put in.
    pub fn remedy(&self, platform: &str, parameters: &Parameters) -> String {
        let text = [platform, "general"].iter().find_map(|source| self.remediation.get(*source));
        self.filled(text.map_or("", String::as_str), parameters)
    }

    /// A text of the remediation with `{set}` and `{instead}` put in.
    pub fn filled(&self, text: &str, parameters: &Parameters) -> String {
        let lines = [("{set}", &self.set), ("{instead}", &self.instead)];
        lines.into_iter().fold(text.to_owned(), |text, (place, line)| {
            let mut line = line.clone().unwrap_or_default();
            for (name, value) in parameters {
                line = line.replace(&format!("${name}"), &plain(value));
            }
            text.replace(place, &line)
        })
    }

    /// What is demanded, in words, with the effective bounds.
    pub fn expected(&self, parameters: &Parameters) -> String {
        match &self.judge {
            Judge::Require(requirement) => {
                let mut ways = vec![requirement.phrase(parameters)];
                ways.extend(self.equivalent.iter().map(|other| other.require.phrase(parameters)));
                ways.join("; or ")
            }
            Judge::Manual { question, .. } => question.clone(),
        }
    }
}
