//! Talos' machine configuration keeps what a table lists: everything else in it may be a key, a token or a person's own.

use serde_json::{Map, Value};

use crate::CutNote;
use crate::cut::marker;

/// What is kept of the document of `version: v1alpha1`, by the keys above it. Lists add nothing to the way; `*` is any
/// one key, `**` everything below (from which names that betray a secret are cut all the same).
const LEGACY: &[&str] = &[
    "version",
    "debug",
    "machine.type",
    "machine.kubelet.image",
    "machine.kubelet.extraArgs.**",
    "machine.kubelet.extraConfig.**",
    "machine.kubelet.defaultRuntimeSeccompProfileEnabled",
    "machine.kubelet.disableManifestsDirectory",
    "machine.kubelet.skipNodeRegistration",
    "machine.install.image",
    "machine.install.extraKernelArgs",
    "machine.install.grubUseUKICmdline",
    "machine.sysctls.*",
    "machine.sysfs.*",
    "machine.kernel.modules.name",
    "machine.kernel.modules.parameters",
    "machine.features.rbac",
    "machine.features.stableHostname",
    "machine.features.apidCheckExtKeyUsage",
    "machine.features.kubernetesTalosAPIAccess.**",
    "machine.systemDiskEncryption.*.provider",
    "machine.systemDiskEncryption.*.keys.slot",
    "machine.pods.metadata.name",
    "machine.pods.metadata.namespace",
    "cluster.allowSchedulingOnControlPlanes",
    "cluster.apiServer.image",
    "cluster.apiServer.extraArgs.**",
    "cluster.apiServer.admissionControl.**",
    "cluster.apiServer.auditPolicy.**",
    "cluster.apiServer.authorizationConfig.name",
    "cluster.apiServer.authorizationConfig.type",
    "cluster.apiServer.authorizationConfig.webhook.failurePolicy",
    "cluster.controllerManager.image",
    "cluster.controllerManager.extraArgs.**",
    "cluster.scheduler.image",
    "cluster.scheduler.extraArgs.**",
    "cluster.scheduler.config.**",
    "cluster.proxy.disabled",
    "cluster.proxy.image",
    "cluster.proxy.extraArgs.**",
    "cluster.etcd.image",
    "cluster.etcd.extraArgs.**",
    "cluster.inlineManifests.name",
];

/// What is kept of the other documents, by kind.
const DOCUMENTS: &[(&str, &[&str])] = &[
    ("KubeAPIServerConfig", &["image", "extraArgs.**", "startupProbes"]),
    ("KubeAuthenticationConfig", &["configuration.**"]),
    ("KubeAuthorizerConfig", &["type", "webhook.failurePolicy"]),
    ("KubeAdmissionControlConfig", &["configuration.**"]),
    ("KubeAuditPolicyConfig", &["configuration.**"]),
    (
        "KubeEtcdEncryptionConfig",
        &[
            "config.resources.resources",
            "config.resources.providers.*.keys.name",
            "config.resources.providers.kms.apiVersion",
            "config.resources.providers.kms.name",
        ],
    ),
    ("KubeControllerManagerConfig", &["image", "extraArgs.**"]),
    ("KubeSchedulerConfig", &["image", "extraArgs.**", "config.**"]),
    ("KubeletConfig", &["image", "config.**", "extraArgs.**", "defaultRuntimeSeccompProfileEnabled"]),
    ("KubeNodeConfig", &["skipNodeRegistration"]),
    ("KubeStaticPodConfig", &["pod.metadata.name", "pod.metadata.namespace", "disableManifestsDirectory"]),
    ("KubeTalosAPIAccessConfig", &["allowedRoles", "allowedKubernetesNamespaces"]),
    ("SysctlConfig", &["params.*"]),
    ("SysfsConfig", &["params.*"]),
    ("KernelModuleConfig", &["parameters"]),
    ("VolumeConfig", &["encryption.provider", "encryption.keys.slot", "mount.secure"]),
    ("NetworkDefaultActionConfig", &["ingress"]),
    ("SecurityProfileConfig", &["workloadIsolation"]),
];

/// What every document may show.
const COMMON: [&str; 3] = ["apiVersion", "kind", "name"];

/// The documents of a configuration without what no table lists.
pub(super) fn cut(spec: Value) -> (Value, Vec<CutNote>) {
    let documents = match spec {
        Value::Array(documents) => documents,
        one => vec![one],
    };
    let mut notes = Vec::new();
    let kept = documents.into_iter().map(|document| {
        let kind = document.get("kind").and_then(Value::as_str).unwrap_or_default();
        let table = match DOCUMENTS.iter().find(|(name, _)| *name == kind) {
            Some((_, table)) => table,
            None if kind.is_empty() => LEGACY,
            None => &[][..],
        };
        let tables = [table, if kind.is_empty() { &[] } else { &COMMON[..] }];
        kept(document, &tables, &mut Vec::new(), &mut notes)
    });
    (Value::Array(kept.collect()), notes)
}

fn kept(value: Value, tables: &[&[&str]], way: &mut Vec<String>, notes: &mut Vec<CutNote>) -> Value {
    match value {
        Value::Object(map) => {
            let fields = map.into_iter().map(|(key, value)| {
                way.push(key.clone());
                let value =
                    if leads_on(tables, way) { kept(value, tables, way, notes) } else { removed(value, way, notes) };
                way.pop();
                (key, value)
            });
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Value::Array(members) => {
            Value::Array(members.into_iter().map(|member| kept(member, tables, way, notes)).collect())
        }
        scalar if listed(tables, way) => scalar,
        scalar => removed(scalar, way, notes),
    }
}

/// What stands for a value that no table lists. Emptiness is no secret, and says that there is none.
fn removed(value: Value, way: &[String], notes: &mut Vec<CutNote>) -> Value {
    let bytes = match &value {
        Value::Null => return value,
        Value::String(text) if text.is_empty() => return value,
        Value::Object(map) if map.is_empty() => return value,
        Value::Array(members) if members.is_empty() => return value,
        Value::String(text) => text.len(),
        other => other.to_string().len(),
    };
    notes.push(CutNote { what: way.last().cloned().unwrap_or_default(), bytes: bytes as u64 });
    Value::String(marker(bytes))
}

/// Whether a table lists a value below this way, or the way itself.
fn leads_on(tables: &[&[&str]], way: &[String]) -> bool {
    tables.iter().copied().flatten().any(|entry| {
        let mut parts = entry.split('.');
        way.iter().all(|key| match parts.next() {
            Some("**") => {
                parts = "**".split('.');
                true
            }
            Some("*") => true,
            Some(part) => part == key,
            None => false,
        })
    })
}

/// Whether a table lists exactly this way.
fn listed(tables: &[&[&str]], way: &[String]) -> bool {
    tables.iter().copied().flatten().any(|entry| {
        let mut parts = entry.split('.');
        for key in way {
            match parts.next() {
                Some("**") => return true,
                Some("*") => {}
                Some(part) if part == key => {}
                _ => return false,
            }
        }
        parts.next().is_none()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{Cut, Spec, take_spec};

    #[test]
    fn a_machine_configuration_keeps_what_decides_and_no_secret() {
        let spec = json!([
            {
                "version": "v1alpha1",
                "machine": {
                    "type": "controlplane",
                    "token": "S3CRETa", "ca": { "crt": "S3CRETb", "key": "S3CRETc" },
                    "sysctls": { "net.core.bpf_jit_harden": "1" },
                    "files": [{ "content": "S3CRETd", "path": "/etc/x" }],
                    "env": { "http_proxy": "http://u:S3CRETe@proxy" },
                    "registries": { "config": { "*": { "auth": { "password": "S3CRETf" } } } },
                    "kubelet": { "extraArgs": { "anonymous-auth": "true", "token": "S3CRETg" } },
                    "systemDiskEncryption": { "state": { "provider": "luks2", "keys": [{ "slot": 0, "static": { "passphrase": "S3CRETh" } }] } },
                },
                "cluster": {
                    "secretboxEncryptionSecret": "S3CRETi", "aescbcEncryptionSecret": "",
                    "apiServer": { "extraArgs": { "profiling": "true" } },
                    "inlineManifests": [{ "name": "x", "contents": "S3CRETj" }],
                },
            },
            { "apiVersion": "v1alpha1", "kind": "KubeEtcdEncryptionConfig", "config": { "resources": [
                { "resources": ["secrets"], "providers": [{ "secretbox": { "keys": [{ "name": "key1", "secret": "S3CRETk" }] } }, { "identity": {} }] },
            ] } },
            { "apiVersion": "v1alpha1", "kind": "SomethingNewer", "name": "n", "value": "S3CRETl" },
        ]);
        let Spec::Text(text) = take_spec(Cut::Machine, spec) else { panic!("kept") };
        let kept: serde_json::Value = serde_json::from_slice(&text.bytes).unwrap();
        assert!(!text.to_lossy().contains("S3CRET"), "{}", text.to_lossy());
        let at = |way: &str| kept.pointer(way).cloned().unwrap_or_default();
        assert_eq!(at("/0/machine/type"), "controlplane");
        assert_eq!(at("/0/machine/sysctls/net.core.bpf_jit_harden"), "1");
        assert_eq!(at("/0/machine/kubelet/extraArgs/anonymous-auth"), "true");
        assert_eq!(at("/0/machine/systemDiskEncryption/state/provider"), "luks2");
        assert_eq!(at("/0/cluster/apiServer/extraArgs/profiling"), "true");
        assert_eq!(at("/0/cluster/aescbcEncryptionSecret"), "");
        assert_eq!(at("/0/cluster/secretboxEncryptionSecret"), "<removed: 7 bytes>");
        assert_eq!(at("/1/config/resources/0/providers/0/secretbox/keys/0/name"), "key1");
        assert_eq!(at("/1/config/resources/0/providers/1/identity"), json!({}));
        assert_eq!(at("/2/name"), "n");
        assert!(text.cuts.iter().any(|note| note.what == "passphrase" || note.what == "static"));
    }

    #[test]
    fn a_spec_that_is_no_mapping_is_kept() {
        let Spec::Text(text) = take_spec(Cut::Resource, json!("controlplane")) else { panic!("kept") };
        assert_eq!(&*text.bytes, br#"{"value":"controlplane"}"#);
    }

    proptest::proptest! {
        #[test]
        fn any_secret_outside_of_the_tables_is_gone(key in "[a-zA-Z]{1,12}", deep in 0..6usize) {
            // The tables keep these.
            proptest::prop_assume!(!["version", "debug", "type", "kind", "apiVersion", "name"].contains(&key.as_str()));
            let mut value = json!({ (key): "XCANARYX" });
            for at in 0..deep {
                value = if at % 2 == 0 { json!({ "machine": value }) } else { json!({ "files": [value] }) };
            }
            if let Spec::Text(text) = take_spec(Cut::Machine, value) {
                let text = text.to_lossy().into_owned();
                proptest::prop_assert!(!text.contains("XCANARYX"));
            }
        }
    }
}
