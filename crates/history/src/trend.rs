//! What every run counted: how the open and the accepted go up and down.

use std::collections::BTreeMap;

use jiff::Timestamp;
use report::{RegisterInfo, State, Verdict};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::tree::{Unpacker, parse};
use crate::{HistoryError, Store, listing};

/// The schema's name in every trend.
pub const TREND: &str = "kube-assay.trend/v1";

/// What every run counted.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Trend {
    /// `kube-assay.trend/v1`.
    pub schema: String,
    /// The runs that were not pruned, the oldest first.
    pub runs: Vec<Point>,
}

/// What one run counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Point {
    /// Its number.
    pub number: u64,
    /// Its id.
    pub id: String,
    /// When it was recorded (RFC 3339).
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Its cluster.
    pub cluster: String,
    /// Demands by verdict.
    pub counts: BTreeMap<Verdict, usize>,
    /// Findings by decision.
    pub decisions: BTreeMap<State, usize>,
    /// Findings that somebody accepts, by who answers for them.
    pub accepted: BTreeMap<String, usize>,
    /// Findings whose decision has expired, by who answers for them.
    pub overdue: BTreeMap<String, usize>,
}

impl Point {
    /// Whether both counted the same.
    pub fn counts_as(&self, other: &Self) -> bool {
        (&self.counts, &self.decisions, &self.accepted, &self.overdue)
            == (&other.counts, &other.decisions, &other.accepted, &other.overdue)
    }
}

impl Store {
    /// What the runs of a cluster (none: of all) counted. Of each report no more is read than that.
    pub fn trend(&self, cluster: Option<&str>) -> Result<Trend, HistoryError> {
        let mut parts = self.unpacker()?.parts;
        let mut runs = Vec::new();
        for entry in self.entries()? {
            let Some(run) = entry.whole().filter(|_| entry.is_of(cluster)) else { continue };
            // The bound on what is read is for one run.
            let mut unpacker = Unpacker::new(parts);
            let root = parse(&unpacker.bytes(run.report)?)?;
            let mut field = |name: &str| match root.get(name) {
                Some(value) => unpacker.resolve(value.clone(), 0),
                None => Ok(Value::Null),
            };
            let decisions = told::<BTreeMap<State, usize>>(field("decisions")?)?.unwrap_or_default();
            let register: Option<RegisterInfo> = told(field("register")?)?;
            let (accepted, overdue) =
                register.map(|register| (register.accepted, register.overdue)).unwrap_or_default();
            runs.push(Point {
                number: entry.number,
                id: entry.id.clone(),
                at: entry.at,
                cluster: run.cluster.clone(),
                counts: run.counts.clone(),
                decisions,
                accepted,
                overdue,
            });
            parts = unpacker.parts;
        }
        Ok(Trend { schema: TREND.to_owned(), runs })
    }
}

fn told<T: DeserializeOwned>(value: Value) -> Result<Option<T>, HistoryError> {
    serde_json::from_value(value).map_err(HistoryError::json("the numbers of a report"))
}

/// The JSON Schema of a [`Trend`], from the types.
pub fn trend_schema() -> Value {
    listing::schema_of::<Trend>(TREND, "What the runs of a history of kube-assay counted")
}
