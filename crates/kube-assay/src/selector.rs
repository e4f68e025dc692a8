//! Which nodes of a cluster are meant: by their names, and by labels as kubectl writes them.

use std::collections::BTreeSet;

use evidence::{Aspect, Capture, Place, Seen};
use serde_json::Value;

/// Which nodes are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selector {
    /// Names; empty: all.
    names: Vec<String>,
    labels: Vec<Label>,
}

/// What is demanded of a label.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Label {
    Is(String, String),
    IsNot(String, String),
    There(String),
    Gone(String),
}

impl Selector {
    /// Reads names, and labels with commas between them.
    pub(crate) fn read(names: &[String], labels: Option<&str>) -> Result<Self, String> {
        let parts = labels.iter().flat_map(|labels| labels.split(','));
        let labels = parts.map(|part| Label::read(part.trim())).collect::<Result<_, _>>()?;
        Ok(Self { names: names.to_vec(), labels })
    }

    /// The names of the nodes of a cluster's capture that are meant.
    pub(crate) fn of(&self, cluster: &Capture) -> BTreeSet<String> {
        let place = Place::Api("/api/v1/nodes".to_owned());
        let Some(Seen::Objects(list)) = cluster.seen(&place, Aspect::Objects) else { return BTreeSet::new() };
        let nodes = list.text.bytes.split(|byte| *byte == b'\n');
        let nodes = nodes.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
        nodes
            .filter_map(|node| {
                Some(node.pointer("/metadata/name")?.as_str()?.to_owned()).filter(|name| self.holds(name, &node))
            })
            .collect()
    }

    fn holds(&self, name: &str, node: &Value) -> bool {
        let named = self.names.is_empty() || self.names.iter().any(|own| own == name);
        let labels = node.pointer("/metadata/labels").unwrap_or(&Value::Null);
        named && self.labels.iter().all(|label| label.holds(labels))
    }

    /// What is said where what was selected is not there.
    pub(crate) fn missing(&self, found: &BTreeSet<String>) -> Option<String> {
        let gone: Vec<&str> = self.names.iter().filter(|name| !found.contains(*name)).map(String::as_str).collect();
        if !gone.is_empty() {
            return Some(format!("there is no such node, or its labels do not fit: {}", gone.join(", ")));
        }
        (found.is_empty() && !self.labels.is_empty()).then(|| "no node has these labels".to_owned())
    }
}

impl Label {
    fn read(text: &str) -> Result<Self, String> {
        let plain = |key: &str| {
            let fits = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
            if key.is_empty() || !key.chars().all(fits) {
                return Err(format!("`{text}` selects no label: KEY=VALUE, KEY!=VALUE, KEY or !KEY"));
            }
            Ok(key.to_owned())
        };
        if let Some((key, value)) = text.split_once("!=") {
            return Ok(Self::IsNot(plain(key.trim())?, value.trim().to_owned()));
        }
        if let Some((key, value)) = text.split_once('=') {
            let value = value.strip_prefix('=').unwrap_or(value);
            return Ok(Self::Is(plain(key.trim())?, value.trim().to_owned()));
        }
        Ok(match text.strip_prefix('!') {
            Some(key) => Self::Gone(plain(key.trim())?),
            None => Self::There(plain(text)?),
        })
    }

    fn holds(&self, labels: &Value) -> bool {
        let of = |key: &str| labels.get(key).and_then(Value::as_str);
        match self {
            Self::Is(key, value) => of(key) == Some(value),
            Self::IsNot(key, value) => of(key) != Some(value),
            Self::There(key) => of(key).is_some(),
            Self::Gone(key) => of(key).is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn labels_are_selected_as_kubectl_does() {
        let labels = json!({ "pool": "gpu", "node-role.kubernetes.io/control-plane": "" });
        for (text, expected) in [
            ("pool=gpu", true),
            ("pool==gpu", true),
            ("pool=cpu", false),
            ("pool!=cpu", true),
            ("zone!=a", true),
            ("node-role.kubernetes.io/control-plane", true),
            ("!node-role.kubernetes.io/control-plane", false),
            ("!zone, pool = gpu", true),
            ("pool=gpu,zone=a", false),
        ] {
            let selector = Selector::read(&[], Some(text)).unwrap();
            let node = json!({ "metadata": { "name": "n", "labels": labels } });
            assert_eq!(selector.holds("n", &node), expected, "{text}");
        }
        for wrong in ["", "=x", "a b=c", "pool in (a)", ","] {
            assert!(Selector::read(&[], Some(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_that_are_not_there_are_said_so() {
        let selector = Selector::read(&["a".to_owned(), "b".to_owned()], None).unwrap();
        let found = BTreeSet::from(["a".to_owned()]);
        assert!(selector.missing(&found).unwrap().ends_with(": b"));
        assert_eq!(Selector::default().missing(&BTreeSet::new()), None);
    }
}
