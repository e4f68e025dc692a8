//! What a person changes so that a fact becomes another: the way back from a fact to a setting.

use benchmark::Operator;
use serde_json::Value as Json;

use crate::facts::{Resolve, fact};
use crate::operators::{Right, compare};
use crate::talos::render::{is_denied, is_protected};
use crate::value::{Type, Value, parse_duration};

/// What moves a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lever {
    /// A setting of a component, as `benchmarks/defaults` names it.
    Setting {
        /// The component.
        component: &'static str,
        /// The setting.
        name: &'static str,
    },
    /// What is enabled and disabled beside the version's own admission plugins.
    AdmissionPlugins,
    /// A setting of the kernel below `/proc/sys`, by its name with dots.
    Sysctl(String),
    /// A parameter of the kernel's command line.
    KernelArgument(String),
    /// A file's permission bits.
    Mode,
    /// A file's owner and group.
    Owner,
    /// Nothing of its own: it follows when another fact of the same control is put right and the component restarts.
    Follows,
    /// Nothing that can be written down without knowing more.
    Person,
}

/// Facts that are no setting, and what moves them.
const DERIVED: [(&str, Option<(&str, &str)>); 9] = [
    ("kube-apiserver.authorization-modes", Some(("kube-apiserver", "authorization-mode"))),
    ("kubelet.seccompDefault", Some(("kubelet", "seccompDefault"))),
    ("kube-controller-manager.listen-addresses", None),
    ("kube-scheduler.listen-addresses", None),
    ("kubelet.read-only-listeners", None),
    ("kube-proxy.metrics-listen-addresses", None),
    // Gates that are on by default: whoever turned them off knows where.
    ("kubelet.rotate-kubelet-server-certificate", None),
    ("kube-controller-manager.rotate-kubelet-server-certificate", None),
    ("file.owner-id", None),
];

/// Settings whose change is more than a change of a setting: a node's name is its identity.
const IDENTITY: [&str; 2] = ["kubelet.hostname-override", "etcd.data-dir"];

/// What moves a fact, by its name.
pub fn lever(name: &str) -> Lever {
    let component = name.split('.').next().and_then(|own| crate::components::Component::named(own));
    if let Some((_, moved)) = DERIVED.iter().find(|(own, _)| *own == name) {
        return moved.map_or(Lever::Follows, |(component, name)| Lever::Setting { component, name });
    }
    match name {
        "kube-apiserver.admission-plugins" => return Lever::AdmissionPlugins,
        "file.mode" => return Lever::Mode,
        "file.owner" => return Lever::Owner,
        own if IDENTITY.contains(&own) => return Lever::Person,
        _ => {}
    }
    if let Some(key) = name.strip_prefix("kernel.sysctl.") {
        return Lever::Sysctl(key.to_owned());
    }
    if let Some(key) = name.strip_prefix("kernel.cmdline.") {
        return Lever::KernelArgument(key.to_owned());
    }
    match (fact(name).map(|fact| &fact.resolve), component) {
        (Some(Resolve::Setting(name)), Some(component)) => Lever::Setting { component: component.name, name },
        _ => Lever::Person,
    }
}

/// Whether a value, as a report shows it, meets a comparison with a literal. An absent one meets `absent` alone. None:
/// that cannot be told from the text.
pub fn meets(fact_name: &str, value: Option<&str>, operator: Operator, operand: &Json) -> Option<bool> {
    let Some(text) = value else { return Some(operator == Operator::Absent) };
    match operator {
        Operator::Present => return Some(true),
        Operator::Absent => return Some(false),
        Operator::OwnedBy => return None,
        _ => {}
    }
    let value = match fact(fact_name)?.kind {
        Type::Bool => Value::Bool(text.parse().ok()?),
        Type::Int => Value::Int(text.parse().ok()?),
        Type::Duration => Value::Duration(parse_duration(text)?),
        Type::Mode => Value::Mode(u32::from_str_radix(text, 8).ok()?),
        Type::List if text == "nothing" => Value::List(Vec::new()),
        Type::List => Value::List(text.split(", ").map(str::to_owned).collect()),
        Type::Text | Type::Scalar => Value::Text(text.to_owned()),
        Type::Owner | Type::Version => return None,
    };
    Some(compare(operator, &value, &Right::Json(operand.clone())))
}

/// Whether Talos lets nobody set a flag of a component, or, for the kubelet, a key of its configuration. `minor` is that
/// of Talos 1; `documents` says whether the API server is configured by documents of its own.
pub fn talos_refuses(component: &str, name: &str, minor: u32, documents: bool) -> bool {
    let key = name.split('.').next().unwrap_or(name);
    is_denied(component, name, minor, documents) || component == "kubelet" && is_protected(key)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_fact_is_moved_by_its_setting() {
        let setting = |component, name| Lever::Setting { component, name };
        for (fact, expected) in [
            ("kube-apiserver.profiling", setting("kube-apiserver", "profiling")),
            ("kubelet.podPidsLimit", setting("kubelet", "podPidsLimit")),
            ("kubelet.seccompDefault", setting("kubelet", "seccompDefault")),
            ("kube-apiserver.authorization-modes", setting("kube-apiserver", "authorization-mode")),
            ("kube-apiserver.admission-plugins", Lever::AdmissionPlugins),
            ("kubelet.read-only-listeners", Lever::Follows),
            ("kernel.sysctl.kernel.kptr_restrict", Lever::Sysctl("kernel.kptr_restrict".to_owned())),
            ("kernel.cmdline.slab_nomerge", Lever::KernelArgument("slab_nomerge".to_owned())),
            ("kubelet.hostname-override", Lever::Person),
            ("kube-apiserver.anonymous-paths", Lever::Person),
            ("kernel.config.CONFIG_KFENCE", Lever::Person),
            ("no.such-fact", Lever::Person),
        ] {
            assert_eq!(lever(fact), expected, "{fact}");
        }
    }

    #[test]
    fn facts_of_the_table_exist() {
        for (name, _) in DERIVED {
            assert!(fact(name).is_some(), "{name}");
        }
        assert!(IDENTITY.iter().all(|name| fact(name).is_some()));
    }

    #[test]
    fn a_value_is_compared_as_it_was_judged() {
        for (fact, value, operator, operand, expected) in [
            ("kubelet.podPidsLimit", Some("-1"), Operator::AtLeast, json!(1), Some(false)),
            ("kubelet.podPidsLimit", Some("4096"), Operator::AtLeast, json!(1), Some(true)),
            ("kubelet.podPidsLimit", Some("many"), Operator::AtLeast, json!(1), None),
            ("kubelet.streamingConnectionIdleTimeout", Some("4h0m0s"), Operator::AtLeast, json!("1s"), Some(true)),
            ("kube-apiserver.admission-plugins", Some("A, B"), Operator::Contains, json!(["B"]), Some(true)),
            ("kube-apiserver.admission-plugins", Some("nothing"), Operator::Contains, json!(["B"]), Some(false)),
            ("kube-apiserver.token-auth-file", None, Operator::Absent, json!(true), Some(true)),
            ("kube-apiserver.token-auth-file", None, Operator::Present, json!(true), Some(false)),
            ("file.mode", Some("644"), Operator::ModeWithin, json!("600"), Some(false)),
            ("file.mode", Some("400"), Operator::ModeWithin, json!("600"), Some(true)),
        ] {
            assert_eq!(meets(fact, value, operator, &operand), expected, "{fact} {value:?} {operator:?}");
        }
    }
}
