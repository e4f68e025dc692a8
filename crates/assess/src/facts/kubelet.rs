//! Facts of the kubelet (and its feature gates elsewhere) that more than one setting makes.

use super::{Fact, Resolve, derived, explicit};
use crate::node::{Instance, Node};
use crate::value::{How, Known, Resolved, Seen, Type, Value};

pub(super) static FACTS: &[Fact] = &[
    Fact {
        name: "kubelet.seccompDefault",
        kind: Type::Bool,
        about: "Whether pods that ask for no seccomp profile get the runtime's own.",
        from: &["seccompDefault"],
        resolve: Resolve::Instance(seccomp_default),
    },
    Fact {
        name: "kubelet.rotate-kubelet-server-certificate",
        kind: Type::Bool,
        about: "Whether the kubelet's gate for renewing its serving certificate is open.",
        from: &["featureGates"],
        resolve: Resolve::Instance(|node, kubelet| gate(node, kubelet, "featureGates")),
    },
    Fact {
        name: "kube-controller-manager.rotate-kubelet-server-certificate",
        kind: Type::Bool,
        about: "Whether the controller manager was told to close the gate for kubelet serving certificates.",
        from: &["feature-gates"],
        resolve: Resolve::Instance(|node, manager| gate(node, manager, "feature-gates")),
    },
    Fact {
        name: "kubelet.unit.IPAddressDeny",
        kind: Type::List,
        about: "The addresses that systemd keeps the kubelet's unit from talking to.",
        from: &[],
        resolve: Resolve::Instance(ip_address_deny),
    },
];

const GATE: &str = "RotateKubeletServerCertificate=";

/// `--seccomp-default` lives outside KubeletConfiguration: either of the two switches it on (checked on v1.36.2).
fn seccomp_default(node: &Node<'_>, kubelet: &Instance) -> Resolved {
    if kubelet
        .flags
        .last("seccomp-default")
        .is_some_and(|value| matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True"))
    {
        let source = format!("--seccomp-default in {}", kubelet.source);
        return explicit(Value::Bool(true), source, kubelet);
    }
    node.setting(kubelet, "seccompDefault")
}

/// `RotateKubeletServerCertificate` is on by default in every supported version (beta since 1.12).
fn gate(node: &Node<'_>, instance: &Instance, setting: &str) -> Resolved {
    // A flag's gates are laid over the file's, gate by gate.
    let from_flag =
        instance.flags.all("feature-gates").flat_map(|value| value.split(',')).filter_map(gate_value).last();
    if let Some(value) = from_flag {
        let on = !matches!(value, "0" | "f" | "F" | "false" | "FALSE" | "False");
        let source = format!("--feature-gates in {}", instance.source);
        return explicit(Value::Bool(on), source, instance);
    }
    let field = match node.config(instance) {
        Seen::Known(Some(config)) => config.get("featureGates").and_then(|(gates, place)| {
            gates.get(GATE.trim_end_matches('=')).map(|on| (on != &serde_json::Value::Bool(false), place.to_owned()))
        }),
        Seen::Unknown(unknown) => return Seen::Unknown(unknown),
        _ => None,
    };
    if let Some((on, place)) = field {
        let source = format!("featureGates in {place}");
        return explicit(Value::Bool(on), source, instance);
    }
    let source = format!("{setting} of {} does not name the gate, which is on by default", instance.name);
    Seen::Known(Known {
        value: Value::Bool(true),
        how: How::Default,
        source,
        basis: instance.basis,
        notes: Vec::new(),
        partial: None,
    })
}

/// The value that `Name=value` gives to the gate; since 1.31 `kube:Name=value` is legal too.
fn gate_value(pair: &str) -> Option<&str> {
    let (name, value) = pair.split_once('=')?;
    let name = name.trim();
    let name = name.strip_prefix("kube:").unwrap_or(name);
    (name == GATE.trim_end_matches('=')).then(|| value.trim())
}

fn ip_address_deny(node: &Node<'_>, kubelet: &Instance) -> Resolved {
    for name in node.platform.places("kubelet-units") {
        match node.unit(name) {
            Seen::Known((unit, files)) => {
                let mut denied: Vec<String> =
                    unit.all("IPAddressDeny").flat_map(str::split_whitespace).map(str::to_owned).collect();
                // Both families whole is what `any` means (systemd.resource-control(5)).
                if ["0.0.0.0/0", "::/0"].iter().all(|all| denied.iter().any(|part| part == all)) {
                    denied.push("any".to_owned());
                }
                return derived(Value::List(denied), files.join(", "), kubelet);
            }
            Seen::Absent(_) => {}
            Seen::Unknown(unknown) => return Seen::Unknown(unknown),
        }
    }
    Seen::Absent("the kubelet has no systemd unit on this node".to_owned())
}
