//! The tables of Talos' other resources, by type (their specs as of Talos 1.9 to 1.13, `pkg/machinery/resources`).

use serde_json::Value;

use super::parts::{AUTHENTICATION, AUTHORIZER, PLUGIN, POLICY, SCHEDULER};
use super::table::{Table, keep, removed};
use crate::CutNote;

/// What is kept of a spec, by the first part of its type's name. A type that is not here keeps nothing.
const TYPES: &[(&str, Table)] = &[
    (
        "StaticPods",
        &[(
            "",
            &[
                "apiVersion",
                "kind",
                "metadata.name",
                "metadata.namespace",
                "metadata.labels.*",
                "spec.hostNetwork",
                "spec.securityContext.**",
                "spec.containers.name",
                "spec.containers.image",
                "spec.containers.command",
                "spec.containers.args",
                "spec.containers.securityContext.**",
                "spec.containers.volumeMounts.*",
                "spec.volumes.name",
                "spec.volumes.hostPath.*",
            ],
        )],
    ),
    ("KubeletSpecs", &[("", &["image", "args", "expectedNodename", "config.**"])]),
    ("KubeletStatuses", &[("", &["image"])]),
    // Its spec is a bare word.
    ("MachineTypes", &[("", &["value"])]),
    ("Nodenames", &[("", &["nodename", "hostnameVersion", "skipNodeRegistration"])]),
    (
        "SecurityStates",
        &[(
            "",
            &[
                "secureBoot",
                "ukiSigningKeyFingerprint",
                "pcrSigningKeyFingerprint",
                "selinuxState",
                "fipsState",
                "bootedWithUKI",
                "moduleSignatureEnforced",
            ],
        )],
    ),
    ("Services", &[("", &["running", "healthy", "unknown"])]),
    ("ExtensionStatuses", &[("", &["image", "metadata.name", "metadata.version"])]),
    ("MountStatuses", &[("", &["source", "target", "filesystemType", "encrypted", "encryptionProviders"])]),
    (
        "APIServiceConfigs",
        &[("", &["listenAddress", "nodeRoutingDisabled", "readonlyRoleMode", "skipVerifyingClientCert"])],
    ),
    ("KernelParamSpecs", &[("", &["value", "ignoreErrors"])]),
    ("KubernetesAccessConfigs", &[("", &["enabled", "allowedAPIRoles", "allowedKubernetesNamespaces"])]),
    ("AdmissionControlConfigs", &[("config", PLUGIN)]),
    ("AuditPolicyConfigs", &[("config", POLICY)]),
    ("AuthorizationConfigs", &[("", &["image"]), ("config", AUTHORIZER)]),
    ("AuthenticationConfigs", &[("config", AUTHENTICATION)]),
    ("SchedulerConfigs", &[("", &["enabled", "image"]), ("config", SCHEDULER)]),
    // What a kubelet answers of its own configuration.
    ("configz", &[("kubeletconfig", &["**"])]),
];

/// Programs whose arguments are taken: those that a judgement is about. A person's own pod may be given secrets by
/// arguments that no name betrays.
pub(crate) const PROGRAMS: [&str; 5] =
    ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "etcd"];

/// A spec of a type without what its table does not list.
pub(super) fn cut(of: &str, spec: Value) -> (Value, Vec<CutNote>) {
    let name = of.split('.').next().unwrap_or(of);
    let table = TYPES.iter().find(|(own, _)| *own == name).map_or(&[][..], |(_, table)| table);
    let mut notes = Vec::new();
    let mut kept = keep(spec, table, &mut notes);
    for list in ["containers", "initContainers"] {
        let containers = kept.pointer_mut(&format!("/spec/{list}")).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            arguments(container, &mut notes);
        }
    }
    (kept, notes)
}

/// Removes the arguments of a container that runs none of the programs.
fn arguments(container: &mut Value, notes: &mut Vec<CutNote>) {
    let program = container.pointer("/command/0").or_else(|| container.get("name")).and_then(Value::as_str);
    let name = program.and_then(|path| path.rsplit('/').next());
    if name.is_some_and(|name| PROGRAMS.contains(&name)) {
        return;
    }
    for (key, kept) in [("command", 1), ("args", 0)] {
        let all = container.get_mut(key).and_then(Value::as_array_mut);
        for argument in all.into_iter().flatten().skip(kept) {
            *argument = removed(argument.take(), &[key.to_owned()], notes);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{Cut, Spec, take_spec};

    fn kept(how: Cut, of: &str, spec: serde_json::Value) -> serde_json::Value {
        let Spec::Text(text) = take_spec(how, of, spec) else { panic!("kept") };
        serde_json::from_slice(&text.bytes).unwrap()
    }

    #[test]
    fn a_resource_keeps_what_decides_and_no_secret() {
        let cases = [
            (
                Cut::Resource,
                "KubeletSpecs.kubernetes.talos.dev",
                json!({
                    "args": ["--config=/etc/kubernetes/kubelet.yaml"],
                    "config": { "port": 10250 },
                    "extraMounts": [{ "source": "S3CRETa" }],
                    "credentialProviderConfig": { "providers": [{ "name": "p", "env": [{ "name": "X", "value": "S3CRETb" }] }] },
                }),
                vec![("/args/0", json!("--config=/etc/kubernetes/kubelet.yaml")), ("/config/port", json!(10250))],
            ),
            (
                Cut::Resource,
                "ExtensionStatuses.runtime.talos.dev",
                json!({ "image": "000", "metadata": { "name": "gvisor", "version": "1", "extraInfo": "S3CRETc" } }),
                vec![("/metadata/name", json!("gvisor"))],
            ),
            (
                Cut::Resource,
                "AdmissionControlConfigs.kubernetes.talos.dev",
                json!({ "config": [
                    { "name": "Own", "configuration": { "headers": { "X-Api": "S3CRETd" } } },
                    { "name": "PodSecurity", "configuration": { "defaults": { "enforce": "baseline" } } },
                ] }),
                vec![("/config/0/name", json!("Own")), ("/config/1/configuration/defaults/enforce", json!("baseline"))],
            ),
            (
                Cut::Resource,
                "AuthorizationConfigs.kubernetes.talos.dev",
                json!({ "image": "i", "config": [{ "type": "Webhook", "name": "w",
                    "webhook": { "failurePolicy": "Deny", "connectionInfo": { "type": "S3CRETe" } } }] }),
                vec![("/config/0/webhook/failurePolicy", json!("Deny"))],
            ),
            (
                Cut::Manifest,
                "StaticPods.kubernetes.talos.dev",
                json!({
                    "metadata": { "name": "x", "annotations": { "a": "S3CRETf" } },
                    "spec": { "containers": [
                        { "name": "own", "command": ["/bin/own", "-p", "S3CRETg"], "args": ["S3CRETh"], "env": [{ "name": "A", "value": "S3CRETi" }] },
                        { "name": "kube-apiserver", "command": ["/usr/local/bin/kube-apiserver", "--profiling=false"] },
                    ] },
                }),
                vec![
                    ("/spec/containers/0/command/0", json!("/bin/own")),
                    ("/spec/containers/1/command/1", json!("--profiling=false")),
                ],
            ),
            (Cut::Resource, "SomethingNewer.talos.dev", json!({ "value": "S3CRETj" }), vec![]),
        ];
        for (how, of, spec, expected) in cases {
            let kept = kept(how, of, spec);
            assert!(!kept.to_string().contains("S3CRET"), "{of}: {kept}");
            for (way, value) in expected {
                assert_eq!(kept.pointer(way), Some(&value), "{of}{way}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn a_secret_outside_of_a_table_is_gone(at in 0..super::TYPES.len(), key in "[a-z]{1,12}X", deep in 0..4usize) {
            let (of, table) = super::TYPES[at];
            let open = table.iter().flat_map(|(_, below)| *below).any(|way| way.ends_with('*'));
            let mut value = json!({ (key): "XCANARYX" });
            for _ in 0..deep {
                value = json!({ "other": [value] });
            }
            let kept = kept(Cut::Resource, of, value).to_string();
            proptest::prop_assert!(open || !kept.contains("XCANARYX"));
        }
    }
}
