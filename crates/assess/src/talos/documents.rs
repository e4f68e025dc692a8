//! Talos' machine configuration in its two generations: the document of `version: v1alpha1`, and since 1.14 documents of
//! their own kinds beside or instead of it.

use std::rc::Rc;

use serde_json::{Value as Json, json};

use super::{MACHINE_CONFIGS, Spec};
use crate::document;
use crate::node::Node;
use crate::value::{Seen, Unknown};

/// The machine's configuration as it is in force.
const ACTIVE: &str = "v1alpha1";

/// The documents of a configuration, their secrets cut.
#[derive(Clone, Debug)]
pub(crate) struct Documents {
    all: Vec<Json>,
    /// Its name for a reader.
    pub place: String,
}

impl Node<'_> {
    /// The machine's configuration.
    pub(crate) fn machine_config(&self) -> Seen<Documents> {
        self.spec(MACHINE_CONFIGS, ACTIVE).map(|spec| Documents::of(Rc::unwrap_or_clone(spec)))
    }
}

impl Documents {
    /// The documents that a machine's configuration holds.
    pub(crate) fn of(spec: Spec) -> Self {
        let all = match spec.json {
            Json::Array(all) => all,
            one => vec![one],
        };
        Self { all, place: spec.place }
    }

    /// A value of the document of `version: v1alpha1`.
    pub(crate) fn legacy(&self, path: &str) -> Option<&Json> {
        let own = self.all.iter().find(|document| document.get("kind").is_none());
        own.and_then(|document| document::at(document, path))
    }

    /// The documents of a kind.
    pub(crate) fn of_kind<'d>(&'d self, kind: &'d str) -> impl Iterator<Item = &'d Json> {
        self.all.iter().filter(move |document| document.get("kind").and_then(Json::as_str) == Some(kind))
    }

    /// Every kind that stands in it.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = &str> {
        self.all.iter().filter_map(|document| document.get("kind").and_then(Json::as_str))
    }

    /// The encryption of the API server's objects as Talos renders it: the configured one, else the provider of each
    /// secret that is set, then none (`k8s.SecretsController` and `EncryptionConfig`, 1.9 to 1.13; 1.14 has a document).
    pub(crate) fn encryption(&self) -> Seen<(Json, String)> {
        if let Some(document) = self.of_kind("KubeEtcdEncryptionConfig").next() {
            let config = document::at(document, "config").cloned().unwrap_or(Json::Null);
            return Seen::Known((config, format!("KubeEtcdEncryptionConfig in {}", self.place)));
        }
        if self.legacy("cluster").is_none() {
            return Seen::Unknown(Unknown::new(
                format!("{} says nothing of the cluster's encryption", self.place),
                "look at the configuration of a control plane machine",
            ));
        }
        let set = |path: &str| self.legacy(path).and_then(Json::as_str).is_some_and(|secret| !secret.is_empty());
        let mut providers = Vec::new();
        for (path, provider) in
            [("cluster.secretboxEncryptionSecret", "secretbox"), ("cluster.aescbcEncryptionSecret", "aescbc")]
        {
            if set(path) {
                providers.push(json!({ (provider): {} }));
            }
        }
        providers.push(json!({ "identity": {} }));
        let config = json!({ "resources": [{ "resources": ["secrets"], "providers": providers }] });
        Seen::Known((config, format!("the encryption secrets of {}", self.place)))
    }
}
