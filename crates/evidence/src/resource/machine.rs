//! The tables of Talos' machine configuration: everything else in it may be a key, a token or a person's own.

use serde_json::Value;

use super::parts::{AUTHENTICATION, AUTHORIZER, PLUGIN, POLICY, SCHEDULER};
use super::table::{Table, keep, removed};
use crate::CutNote;

/// What is kept of the document of `version: v1alpha1`.
const LEGACY: Table = &[
    ("", &["version", "debug"]),
    (
        "machine",
        &[
            "type",
            "kubelet.image",
            "kubelet.extraArgs.**",
            "kubelet.extraConfig.**",
            "kubelet.defaultRuntimeSeccompProfileEnabled",
            "kubelet.disableManifestsDirectory",
            "kubelet.skipNodeRegistration",
            "install.image",
            "install.extraKernelArgs",
            "install.grubUseUKICmdline",
            "sysctls.*",
            "sysfs.*",
            "kernel.modules.name",
            "controlPlane.controllerManager.disabled",
            "controlPlane.scheduler.disabled",
            "features.rbac",
            "features.stableHostname",
            "features.apidCheckExtKeyUsage",
            "features.kubernetesTalosAPIAccess.**",
            "systemDiskEncryption.*.provider",
            "systemDiskEncryption.*.keys.slot",
            "pods.metadata.name",
            "pods.metadata.namespace",
        ],
    ),
    (
        "cluster",
        &[
            "allowSchedulingOnControlPlanes",
            "apiServer.image",
            "apiServer.extraArgs.**",
            "controllerManager.image",
            "controllerManager.extraArgs.**",
            "scheduler.image",
            "scheduler.extraArgs.**",
            "proxy.disabled",
            "proxy.image",
            "proxy.extraArgs.**",
            "etcd.image",
            "etcd.extraArgs.**",
            "inlineManifests.name",
        ],
    ),
    ("cluster.apiServer.admissionControl", PLUGIN),
    ("cluster.apiServer.auditPolicy", POLICY),
    ("cluster.apiServer.authorizationConfig", AUTHORIZER),
    ("cluster.scheduler.config", SCHEDULER),
];

/// What every other document may show.
const COMMON: (&str, &[&str]) = ("", &["apiVersion", "kind", "name"]);

/// What is kept of the other documents, by kind.
const DOCUMENTS: &[(&str, Table)] = &[
    ("KubeAPIServerConfig", &[COMMON, ("", &["image", "extraArgs.**", "startupProbes"])]),
    ("KubeAuthenticationConfig", &[COMMON, ("configuration", AUTHENTICATION)]),
    ("KubeAuthorizerConfig", &[COMMON, ("", AUTHORIZER)]),
    ("KubeAdmissionControlConfig", &[COMMON, ("", PLUGIN)]),
    ("KubeAuditPolicyConfig", &[COMMON, ("configuration", POLICY)]),
    (
        "KubeEtcdEncryptionConfig",
        &[
            COMMON,
            (
                "config.resources",
                &["resources", "providers.*.keys.name", "providers.kms.apiVersion", "providers.kms.name"],
            ),
        ],
    ),
    ("KubeControllerManagerConfig", &[COMMON, ("", &["image", "extraArgs.**"])]),
    ("KubeSchedulerConfig", &[COMMON, ("", &["image", "extraArgs.**"]), ("config", SCHEDULER)]),
    ("KubeletConfig", &[COMMON, ("", &["image", "config.**", "extraArgs.**", "defaultRuntimeSeccompProfileEnabled"])]),
    ("KubeNodeConfig", &[COMMON, ("", &["skipNodeRegistration"])]),
    (
        "KubeStaticPodConfig",
        &[COMMON, ("", &["pod.metadata.name", "pod.metadata.namespace", "disableManifestsDirectory"])],
    ),
    ("KubeTalosAPIAccessConfig", &[COMMON, ("", &["allowedRoles", "allowedKubernetesNamespaces"])]),
    ("SysctlConfig", &[COMMON, ("", &["params.*"])]),
    ("SysfsConfig", &[COMMON, ("", &["params.*"])]),
    ("VolumeConfig", &[COMMON, ("", &["encryption.provider", "encryption.keys.slot", "mount.secure"])]),
    ("NetworkDefaultActionConfig", &[COMMON, ("", &["ingress"])]),
    ("SecurityProfileConfig", &[COMMON, ("", &["workloadIsolation"])]),
];

/// The documents of a configuration without what no table lists.
pub(super) fn cut(spec: Value) -> (Value, Vec<CutNote>) {
    let documents = match spec {
        Value::Array(documents) => documents,
        one => vec![one],
    };
    let mut notes = Vec::new();
    let mut kept = Vec::new();
    for document in documents {
        let kind = document.get("kind").and_then(Value::as_str).unwrap_or_default();
        let table = match DOCUMENTS.iter().find(|(name, _)| *name == kind) {
            Some((_, table)) => table,
            None if kind.is_empty() => LEGACY,
            None => &[COMMON],
        };
        let mut document = keep(document, table, &mut notes);
        if let Some(Value::Array(arguments)) = document.pointer_mut("/machine/install/extraKernelArgs") {
            for argument in arguments {
                named(argument, &mut notes);
            }
        }
        kept.push(document);
    }
    (Value::Array(kept), notes)
}

/// Of a kernel argument the name: whole configurations travel in values, `talos.config.inline` for one.
fn named(argument: &mut Value, notes: &mut Vec<CutNote>) {
    let text = argument.as_str().unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    *argument = match text.split_once('=') {
        Some((name, value)) if name.bytes().all(plain) => {
            let value = removed(Value::String(value.to_owned()), &[name.to_owned()], notes);
            Value::String(format!("{name}={}", value.as_str().unwrap_or_default()))
        }
        None if text.bytes().all(plain) => return,
        _ => removed(argument.take(), &["extraKernelArgs".to_owned()], notes),
    };
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
                    "install": { "extraKernelArgs": ["talos.config.inline=S3CRETm", "mitigations=auto", "quiet", "a b=S3CRETn"] },
                    "kernel": { "modules": [{ "name": "m", "parameters": ["key=S3CRETo"] }] },
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
        let Spec::Text(text) = take_spec(Cut::Machine, "", spec) else { panic!("kept") };
        let kept: serde_json::Value = serde_json::from_slice(&text.bytes).unwrap();
        assert!(!text.to_lossy().contains("S3CRET"), "{}", text.to_lossy());
        let at = |way: &str| kept.pointer(way).cloned().unwrap_or_default();
        assert_eq!(at("/0/machine/type"), "controlplane");
        assert_eq!(at("/0/machine/sysctls/net.core.bpf_jit_harden"), "1");
        assert_eq!(at("/0/machine/kubelet/extraArgs/anonymous-auth"), "true");
        assert_eq!(at("/0/machine/systemDiskEncryption/state/provider"), "luks2");
        assert_eq!(
            at("/0/machine/install/extraKernelArgs"),
            json!([
                "talos.config.inline=<removed: 7 bytes>",
                "mitigations=<removed: 4 bytes>",
                "quiet",
                "<removed: 11 bytes>"
            ])
        );
        assert_eq!(at("/0/machine/kernel/modules/0/name"), "m");
        assert_eq!(at("/0/cluster/apiServer/extraArgs/profiling"), "true");
        assert_eq!(at("/0/cluster/aescbcEncryptionSecret"), "");
        assert_eq!(at("/0/cluster/secretboxEncryptionSecret"), "<removed: 7 bytes>");
        assert_eq!(at("/1/config/resources/0/providers/0/secretbox/keys/0/name"), "key1");
        assert_eq!(at("/1/config/resources/0/providers/1/identity"), json!({}));
        assert_eq!(at("/2/name"), "n");
        assert!(text.cuts.iter().any(|note| note.what == "passphrase" || note.what == "static"));
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
            if let Spec::Text(text) = take_spec(Cut::Machine, "", value) {
                let text = text.to_lossy().into_owned();
                proptest::prop_assert!(!text.contains("XCANARYX"));
            }
        }
    }
}
