//! Encryption of objects at rest: the first rule that covers secrets, and its first provider, write.

use serde_json::Value as Json;

use super::{Fact, Resolve, apiserver::document_of};
use crate::document;
use crate::node::{Instance, Node};
use crate::value::{Known, Resolved, Seen, Type, Value};

pub(super) static FACTS: &[Fact] = &[Fact {
    name: "kube-apiserver.encryption.secrets.first-provider",
    kind: Type::Text,
    about: "The provider that Secrets are written to etcd with; `identity` is plain text.",
    from: &["encryption-provider-config"],
    resolve: Resolve::Instance(first_provider),
}];

fn first_provider(node: &Node<'_>, apiserver: &Instance) -> Resolved {
    let reloads = matches!(
        node.setting(apiserver, "encryption-provider-config-automatic-reload"),
        Seen::Known(Known { value: Value::Bool(true), .. })
    );
    document_of(node, apiserver, "encryption-provider-config", reloads).and_then(|named| {
        let place = &named.place;
        match document::list_at(&named.json, "resources").iter().find(|rule| covers_secrets(rule)) {
            None => Seen::Absent(format!("no rule of {place} covers secrets")),
            Some(rule) => match document::list_at(rule, "providers")
                .first()
                .and_then(Json::as_object)
                .and_then(|p| p.keys().next())
            {
                Some(provider) => named.says(Value::Text(provider.clone()), "providers"),
                None => Seen::Absent(format!("the rule of {place} that covers secrets has no provider")),
            },
        }
    })
}

/// `secrets`, `*.` (the core group) and `*.*` cover them.
fn covers_secrets(rule: &Json) -> bool {
    document::texts_at(rule, "resources")
        .iter()
        .any(|resource| matches!(resource.as_str(), "secrets" | "secrets." | "*." | "*.*"))
}
