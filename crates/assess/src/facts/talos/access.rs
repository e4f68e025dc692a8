//! Who may ask a machine's API, and from where.

use evidence::Basis;
use serde_json::Value as Json;

use super::{known, list};
use crate::document;
use crate::node::Node;
use crate::talos::{API_SERVICE, KUBERNETES_ACCESS};
use crate::value::{How, Resolved, Seen, Unknown, Value};

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

pub(super) fn verifies_clients(node: &Node<'_>, _: &str) -> Resolved {
    node.resources(API_SERVICE).and_then(|all| match all {
        // Its configuration appears with the service, which answers here.
        [] => Seen::Unknown(Unknown::new(
            "the machine shows no configuration of its API",
            "look at `talosctl get apiserviceconfig`",
        )),
        [one, ..] => node.spec(API_SERVICE, &one.id).and_then(|spec| {
            let skips = document::at(&spec.json, "skipVerifyingClientCert") == Some(&Json::Bool(true));
            known(
                Value::Bool(!skips),
                How::Observed,
                format!("skipVerifyingClientCert of {}", spec.place),
                Basis::Running,
            )
        }),
    })
}

pub(super) fn kubernetes_roles(node: &Node<'_>, _: &str) -> Resolved {
    match node.spec(KUBERNETES_ACCESS, "config") {
        Seen::Known(spec) => {
            let enabled = document::at(&spec.json, "enabled") == Some(&Json::Bool(true));
            let roles = document::texts_at(&spec.json, "allowedAPIRoles");
            list(roles.into_iter().filter(|_| enabled), spec.place.clone(), Basis::Declared)
        }
        // Control planes alone have one (`kubeaccess.ConfigController`), and each of them has.
        Seen::Absent(_) if node.asks_talos() && !node.is_worker() => Seen::Unknown(Unknown::new(
            "the machine shows no configuration of who may ask its API from Kubernetes",
            "look at `talosctl get kubernetesaccessconfig`",
        )),
        Seen::Absent(proof) => list([], proof, Basis::Declared),
        Seen::Unknown(unknown) => Seen::Unknown(unknown),
    }
}

/// Without the document every connection is let in (`NetworkDefaultActionConfig`, since 1.6).
pub(super) fn ingress(node: &Node<'_>, _: &str) -> Resolved {
    node.machine_config().and_then(|documents| {
        let action = documents.of_kind("NetworkDefaultActionConfig").find_map(|own| document::text_at(own, "ingress"));
        let (word, how, what) = match action {
            Some(word) => (word, How::Explicit, "NetworkDefaultActionConfig"),
            None => ("accept".to_owned(), How::Default, "no NetworkDefaultActionConfig"),
        };
        known(Value::Text(word), how, format!("{what} in {}", documents.place), Basis::Declared)
    })
}

fn of_client(node: &Node<'_>, name: &str) -> Seen<String> {
    match node.sight.capture.identity.get(name) {
        Some(text) => Seen::Known(text.clone()),
        None => Seen::Unknown(Unknown::outside(
            "this source does not show with which certificate the machine was asked",
            "scan the machine through its API",
        )),
    }
}

pub(super) fn client_roles(node: &Node<'_>, _: &str) -> Resolved {
    of_client(node, "client-roles").and_then(|roles| {
        list(roles.split(", ").map(str::to_owned), "the subject of the client's certificate", Basis::Running)
    })
}

pub(super) fn client_days(node: &Node<'_>, _: &str) -> Resolved {
    let taken = node.sight.capture.taken;
    of_client(node, "client-expires").and_then(|seconds| match (seconds.parse::<i64>(), taken) {
        (Ok(end), Some(taken)) => {
            let days = end.saturating_mul(1000).saturating_sub(taken).div_euclid(DAY);
            known(Value::Int(days), How::Derived, "the end of the client's certificate", Basis::Running)
        }
        _ => {
            Seen::Unknown(Unknown::new("the end of the client's certificate cannot be told", "look at the talosconfig"))
        }
    })
}
