//! One control over all runs: when it failed, when it was fixed, when it was back.

use std::collections::HashMap;
use std::sync::Arc;

use report::Finding;
use serde_json::Value;

use crate::part::Stored;
use crate::tree::{Leads, Unpacker, parse, referred};
use crate::{Digest, Entry, HistoryError, Store};

/// What the runs said of one control, oldest first. What did not change from run to run is the same value.
pub type Past = Vec<(Entry, Vec<Arc<Finding>>)>;

impl Store {
    /// The findings of a control in every run of a cluster (none: of all) that was not pruned. A run that did not judge
    /// the control has none.
    pub fn past(&self, control: &str, cluster: Option<&str>) -> Result<Past, HistoryError> {
        let mut reader =
            Reader { unpacker: Unpacker::new(Stored::new(&self.connection)?), control, known: HashMap::new() };
        let mut past = Past::new();
        for entry in self.entries()? {
            let Some(run) = entry.whole().filter(|_| entry.is_of(cluster)) else { continue };
            // The bound on what is read is for one run.
            reader.unpacker = Unpacker::new(reader.unpacker.parts);
            let root = parse(&reader.unpacker.bytes(run.report)?)?;
            let findings = root.get("findings").map(|findings| reader.below(findings)).transpose()?;
            past.push((entry, findings.unwrap_or_default()));
        }
        Ok(past)
    }
}

struct Reader<'c> {
    unpacker: Unpacker<Stored<'c>>,
    control: &'c str,
    /// What was found below a part: each is read once, however many runs have it.
    known: HashMap<Digest, Vec<Arc<Finding>>>,
}

impl Reader<'_> {
    fn below(&mut self, value: &Value) -> Result<Vec<Arc<Finding>>, HistoryError> {
        if let Some((Leads::Tree, digest)) = referred(value)? {
            if let Some(known) = self.known.get(&digest) {
                return Ok(known.clone());
            }
            let part = parse(&self.unpacker.bytes(digest)?)?;
            let found = self.below(&part)?;
            self.known.insert(digest, found.clone());
            return Ok(found);
        }
        match value {
            Value::Array(members) => {
                let mut found = Vec::new();
                for member in members {
                    found.extend(self.below(member)?);
                }
                Ok(found)
            }
            Value::Object(fields) if fields.get("control").and_then(Value::as_str) == Some(self.control) => {
                let finding = self.unpacker.resolve(value.clone(), 0)?;
                let finding = serde_json::from_value(finding).map_err(HistoryError::json("a finding"))?;
                Ok(vec![Arc::new(finding)])
            }
            _ => Ok(Vec::new()),
        }
    }
}
