//! The checked content, and the digest of what a profile demands.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::{
    Component, Control, Entry, FlagRules, Judge, Need, Operand, Operator, Parameters, Platform, Profile, Requirement,
};

/// Everything that was loaded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Content {
    /// Controls, in the order of the files.
    pub controls: Vec<Control>,
    /// Profiles and tailorings with what they extend worked in, in the order of their names.
    pub profiles: Vec<Profile>,
    /// Platforms.
    pub platforms: Vec<Platform>,
    /// Components with their settings.
    pub components: Vec<Component>,
}

/// What a component without documented settings has.
static NO_SETTINGS: Component = Component { name: String::new(), flags: FlagRules::Kubernetes, settings: Vec::new() };

impl Content {
    /// A control by name.
    pub fn control(&self, name: &str) -> Option<&Control> {
        self.controls.iter().find(|control| control.name == name)
    }

    /// A profile or tailoring by name.
    pub fn profile(&self, name: &str) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.name == name)
    }

    /// A platform by name.
    pub fn platform(&self, name: &str) -> Option<&Platform> {
        self.platforms.iter().find(|platform| platform.name == name)
    }

    /// A component by name; one without settings if nothing is documented of it.
    pub fn component(&self, name: &str) -> &Component {
        self.components.iter().find(|component| component.name == name).unwrap_or(&NO_SETTINGS)
    }

    /// SHA-256, in hexadecimal, of what a profile demands: its ids with level, assessment and bounds, and how their
    /// controls are judged. Titles and explanations do not count, and neither does the profile's name.
    pub fn digest_of(&self, profile: &Profile) -> String {
        let demands: Vec<Value> = profile.entries.iter().map(|entry| self.demanded(entry)).collect();
        let digest = Sha256::digest(Value::Array(demands).to_string());
        digest.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
    }

    /// The effective bounds of an id: the control's own, with the profile's laid over them.
    pub fn bounds(&self, entry: &Entry) -> Parameters {
        let mut bounds = self.control(&entry.control).map(|control| control.parameters.clone()).unwrap_or_default();
        bounds.extend(entry.parameters.clone());
        bounds
    }

    fn demanded(&self, entry: &Entry) -> Value {
        let Entry { id, control, level, assessment, .. } = entry;
        let mut told = json!({ "id": id, "control": control, "level": level, "assessment": assessment });
        if let Some(control) = self.control(control) {
            let bounds = self.bounds(entry);
            let equivalent: Vec<Value> = control.equivalent.iter().map(|way| as_json(&way.require)).collect();
            told["component"] = json!(control.component);
            told["parameters"] = json!(bounds);
            told["when"] = control.when.as_ref().map_or(Value::Null, as_json);
            told["for_each"] = json!(control.for_each);
            told["reach"] = json!(control.reach.map(|Need::KubernetesApi| "kubernetes-api"));
            told["equivalent"] = json!(equivalent);
            let (word, judge) = match &control.judge {
                Judge::Require(requirement) => ("require", as_json(requirement)),
                Judge::Manual { unless, .. } => ("manual", unless.as_ref().map_or(Value::Null, as_json)),
            };
            told[word] = judge;
        }
        told
    }
}

/// A requirement as it is written in a file, its fields in one order.
fn as_json(requirement: &Requirement) -> Value {
    let all = |parts: &[Requirement]| parts.iter().map(as_json).collect::<Vec<_>>();
    match requirement {
        Requirement::All(parts) => json!({ "all": all(parts) }),
        Requirement::Any(parts) => json!({ "any": all(parts) }),
        Requirement::Not(part) => json!({ "not": as_json(part) }),
        Requirement::Compare(comparison) => {
            let operand = match &comparison.operand {
                Operand::Literal(value) => json!({ "literal": value }),
                Operand::Parameter(name) => json!({ "parameter": name }),
                Operand::Fact(name) => json!({ "fact": name }),
            };
            let word = Operator::ALL.iter().find(|(_, operator)| *operator == comparison.operator);
            let mut told = Map::from_iter([("fact".to_owned(), json!(comparison.fact))]);
            told.extend(word.map(|(word, _)| ((*word).to_owned(), operand)));
            Value::Object(told)
        }
    }
}
