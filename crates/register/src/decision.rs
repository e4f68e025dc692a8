//! What was decided about an outcome. Never alters the verdict.

use assess::Verdict;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What was decided, by whom, and until when.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Decision {
    /// What follows for whoever answers for it.
    pub state: State,
    /// Who answers for it; none: the register names nobody, or there is no register.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The durable source that the owner keeps: where a change lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The last day on which it holds (`YYYY-MM-DD`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Why it was decided so, in the words of the register.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who approved or answered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The register's entry, by file and line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// What it rests on: dated evidence, the control that compensates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// Why it is due to be looked at again, although it still holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub due: Vec<String>,
    /// Why an entry of the register that speaks of this does not hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lapsed: Vec<String>,
}

/// What follows from a verdict and the register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nothing needs deciding.
    #[default]
    None,
    /// It has to be dealt with.
    Required,
    /// It was accepted, or is to be answered again, and that has expired.
    Overdue,
    /// A question that nobody has answered.
    Unanswered,
    /// It was accepted by somebody who may, until a date.
    Accepted,
    /// A person has answered the question.
    Answered,
    /// The provider alone can see and settle it.
    ProviderOwned,
    /// It is told, and nobody has to act on it.
    Informational,
}

impl State {
    /// Every state, those first that somebody has to act on.
    pub const ALL: [Self; 8] = [
        Self::Required,
        Self::Overdue,
        Self::Unanswered,
        Self::Accepted,
        Self::Answered,
        Self::ProviderOwned,
        Self::Informational,
        Self::None,
    ];

    /// The state where no register says otherwise.
    pub fn default_for(verdict: Verdict, outside: bool) -> Self {
        match verdict {
            Verdict::Fail => Self::Required,
            Verdict::Unknown if !outside => Self::Required,
            Verdict::Manual => Self::Unanswered,
            _ => Self::None,
        }
    }

    /// Its word in every format.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Required => "required",
            Self::Overdue => "overdue",
            Self::Unanswered => "unanswered",
            Self::Accepted => "accepted",
            Self::Answered => "answered",
            Self::ProviderOwned => "provider-owned",
            Self::Informational => "informational",
        }
    }

    /// Whether somebody still has to act.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Required | Self::Overdue | Self::Unanswered)
    }

    /// Whether somebody decided that it may stay as it is.
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Accepted | Self::Answered | Self::ProviderOwned | Self::Informational)
    }
}

impl Decision {
    /// Until which day it holds, or after which it expired, in words; none: it has no end.
    pub fn term(&self) -> Option<String> {
        let day = self.until.as_ref()?;
        Some(if self.state == State::Overdue { format!("expired after {day}") } else { format!("until {day}") })
    }
}

impl From<State> for Decision {
    fn from(state: State) -> Self {
        Self { state, ..Self::default() }
    }
}
