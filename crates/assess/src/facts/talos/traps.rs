//! What in a machine's configuration has no effect, is refused, or keeps a component from starting.

use evidence::{Basis, Source};
use serde_json::Value as Json;

use super::{list, state_flag, version};
use crate::document;
use crate::node::Node;
use crate::talos::documents::Documents;
use crate::talos::{arguments_of, is_denied, is_protected};
use crate::value::{Resolved, Seen, Value};

/// Components that a configuration gives arguments.
const COMPONENTS: [&str; 5] = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "etcd"];

pub(super) fn traps(node: &Node<'_>, _: &str) -> Resolved {
    node.machine_config().and_then(|documents| {
        version(node).and_then(|[_, minor, _]| {
            let ignored = match state_flag(node, "bootedWithUKI", [1, 10, 0]) {
                Seen::Known(known) => known.value == Value::Bool(true),
                Seen::Absent(_) => false,
                // Before rollout: what is installed anew by 1.10 or later on UEFI has such an image.
                Seen::Unknown(_) if node.sight.capture.source == Source::Rendered => minor >= 10,
                Seen::Unknown(unknown) => return Seen::Unknown(unknown),
            };
            list(found(&documents, minor, ignored), documents.place.clone(), Basis::Declared)
        })
    })
}

fn found(documents: &Documents, minor: u32, ignored: bool) -> Vec<String> {
    let has = |kind: &str| documents.of_kind(kind).next().is_some();
    let mut found = Vec::new();
    if has("KubeAPIServerConfig") && !has("KubeAuthenticationConfig") {
        // joryirving/home-ops#9866
        found.push(
            "KubeAPIServerConfig without KubeAuthenticationConfig: its authentication is rendered empty, and the API server does not start"
                .to_owned(),
        );
    }
    if has("KubeAPIServerConfig") && !has("KubeAuthorizerConfig") {
        found
            .push("KubeAPIServerConfig without KubeAuthorizerConfig: Node and RBAC are not put in by Talos".to_owned());
    }
    let modern = has("KubeAPIServerConfig");
    if has("KubeAuthenticationConfig") && !modern {
        found.push("KubeAuthenticationConfig without KubeAPIServerConfig: the API server is configured in the old form and does not use it".to_owned());
    }
    for component in COMPONENTS {
        let (kind, legacy) = arguments_of(component);
        let own = |path: &str| documents.legacy(&format!("{legacy}.{path}"));
        if has(kind) && documents.legacy(legacy).is_some_and(|old| old.as_object().is_some_and(|old| !old.is_empty())) {
            found.push(format!("{legacy} beside {kind}: Talos refuses a component that is configured in both forms"));
        }
        if has(kind) && minor < 14 {
            found.push(format!("{kind}: Talos knows it since 1.14 only"));
        }
        let modern_arguments = documents.of_kind(kind).filter_map(|own| document::at(own, "extraArgs"));
        for name in
            own("extraArgs").into_iter().chain(modern_arguments).filter_map(Json::as_object).flat_map(|map| map.keys())
        {
            if is_denied(component, name, minor, modern) {
                found.push(format!("{name} in the extraArgs of {component}: Talos sets it itself and refuses it"));
            }
        }
    }
    let modern_config = documents.of_kind("KubeletConfig").filter_map(|own| document::at(own, "config"));
    let configs = documents.legacy("machine.kubelet.extraConfig").into_iter().chain(modern_config);
    for key in configs.filter_map(Json::as_object).flat_map(|map| map.keys()) {
        if is_protected(key) {
            found.push(format!("{key} in the kubelet's extraConfig: Talos sets it itself and refuses it"));
        }
    }
    let by_flag = |name: &String| name == "authorization-mode" || name.starts_with("authorization-webhook-");
    let flags = documents.legacy("cluster.apiServer.extraArgs").and_then(Json::as_object);
    let authorizers = documents.legacy("cluster.apiServer.authorizationConfig").and_then(Json::as_array);
    if authorizers.is_some_and(|all| !all.is_empty()) && flags.is_some_and(|flags| flags.keys().any(by_flag)) {
        found.push("authorizationConfig beside flags of authorization in extraArgs: Talos refuses both".to_owned());
    }
    let of_image = documents.legacy("machine.install.grubUseUKICmdline") == Some(&Json::Bool(true));
    let arguments = documents.legacy("machine.install.extraKernelArgs").and_then(Json::as_array);
    if of_image && arguments.is_some_and(|all| !all.is_empty()) {
        found.push("extraKernelArgs beside grubUseUKICmdline: Talos refuses both".to_owned());
    }
    for argument in arguments.into_iter().flatten().filter_map(Json::as_str).filter(|_| ignored) {
        let name = argument.split('=').next().unwrap_or_default();
        found.push(format!("{name} in machine.install.extraKernelArgs: a unified kernel image ignores it"));
    }
    for kind in documents.kinds().filter(|kind| kind.starts_with("Kube") && minor < 14) {
        let known = COMPONENTS.iter().any(|own| arguments_of(own).0 == kind);
        if !known && kind != "KubeSpanConfig" && kind != "KubeSpanEndpointsConfig" {
            found.push(format!("{kind}: Talos knows it since 1.14 only"));
        }
    }
    found
}
