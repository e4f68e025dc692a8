//! What is read of Talos' API, decided here and nowhere else: types of resources, and files that are never opened.

/// A type of resources that may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The namespace that Talos keeps it in, unless a version's own definitions say otherwise.
    pub namespace: &'static str,
    /// Its full name.
    pub name: &'static str,
}

const fn kind(namespace: &'static str, name: &'static str) -> Kind {
    Kind { namespace, name }
}

/// The types there are, and which of them need os:admin: read before anything else.
pub(super) const DEFINITIONS: Kind = kind("meta", "ResourceDefinitions.meta.cosi.dev");
/// The command line of the kernel.
pub(super) const CMDLINE: Kind = kind("runtime", "KernelCmdlines.runtime.talos.dev");
/// What Talos wrote below `/proc/sys`.
pub(super) const SETTINGS: Kind = kind("runtime", "KernelParamStatuses.runtime.talos.dev");
/// What stands before the setting in the id of such a status.
pub(super) const SETTING: &str = "proc.sys.";
/// Which start of the machine this is.
pub(super) const BOOT: Kind = kind("runtime", "BootIDs.runtime.talos.dev");
/// The machine's configuration.
pub(crate) const CONFIGURATION: Kind = kind("config", "MachineConfigs.config.talos.dev");

/// The types that are read. None of them holds a key; the machine's configuration is cut before it is kept.
pub const KINDS: [Kind; 22] = [
    DEFINITIONS,
    CMDLINE,
    SETTINGS,
    BOOT,
    CONFIGURATION,
    kind("runtime", "KernelParamSpecs.runtime.talos.dev"),
    kind("runtime", "SecurityStates.talos.dev"),
    kind("runtime", "Services.v1alpha1.talos.dev"),
    kind("runtime", "ExtensionStatuses.runtime.talos.dev"),
    kind("runtime", "MountStatuses.runtime.talos.dev"),
    kind("runtime", "APIServiceConfigs.runtime.talos.dev"),
    kind("config", "MachineTypes.config.talos.dev"),
    kind("config", "KubernetesAccessConfigs.cluster.talos.dev"),
    kind("k8s", "Nodenames.kubernetes.talos.dev"),
    kind("k8s", "StaticPods.kubernetes.talos.dev"),
    kind("k8s", "KubeletSpecs.kubernetes.talos.dev"),
    kind("k8s", "KubeletStatuses.kubernetes.talos.dev"),
    kind("controlplane", "AdmissionControlConfigs.kubernetes.talos.dev"),
    kind("controlplane", "AuditPolicyConfigs.kubernetes.talos.dev"),
    kind("controlplane", "AuthorizationConfigs.kubernetes.talos.dev"),
    kind("controlplane", "AuthenticationConfigs.kubernetes.talos.dev"),
    kind("controlplane", "SchedulerConfigs.kubernetes.talos.dev"),
];

/// Where Talos keeps its secrets. Nothing is read there, whatever a machine says of a type.
pub(super) const SECRETS: &str = "secrets";

/// The type of a name, if it may be read.
pub(super) fn named(name: &str) -> Option<Kind> {
    KINDS.into_iter().find(|kind| kind.name == name)
}

/// Why a file is never opened: it holds keys and nothing that a judgement needs, or what it holds stands elsewhere.
pub(super) fn never_opened(path: &str) -> Option<&'static str> {
    // The root that a process sees may be the machine's own.
    let path = match path.strip_prefix("/proc/").and_then(|rest| rest.split_once("/root/")) {
        Some((_, rest)) => &format!("/{rest}"),
        None => path,
    };
    let name = path.rsplit('/').next().unwrap_or_default();
    let certificate = name == "service-account.pub" || name.rsplit_once('.').is_some_and(|(_, end)| end == "crt");
    let secret = ["/system/secrets/", "/system/state/", "/system/run/", "/run/machined/"];
    let key = [".key", "-key.pem", "/bootstrap-kubeconfig", "/encryptionconfig.yaml"];
    if secret.iter().any(|directory| path.starts_with(directory)) && !certificate {
        return Some("it lies where Talos keeps keys");
    }
    key.iter().any(|end| path.ends_with(end)).then_some("it holds a key or a token")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Types that hold keys, tokens or what people keep to themselves.
    const SECRET: [&str; 20] = [
        "OSRootSecrets",
        "ApiCertificates",
        "TrustdCertificates",
        "EtcdSecrets",
        "EtcdRootSecrets",
        "KubernetesSecrets",
        "KubernetesRootSecrets",
        "KubernetesDynamicCerts",
        "KubeletSecrets",
        "MaintenanceRootSecrets",
        "EncryptionSalts",
        "EtcdEncryptionConfigs",
        "KubeSpanIdentities",
        "DiscoveryConfigs",
        "SiderolinkConfigs",
        "UniqueMachineTokens",
        "EtcFileSpecs",
        "RegistryConfigs",
        "ExtensionServiceConfigs",
        "MetaKeys",
    ];

    #[test]
    fn nothing_secret_is_read() {
        for kind in KINDS {
            let name = kind.name.split('.').next().unwrap();
            assert!(!SECRET.contains(&name) && kind.namespace != SECRETS, "{name}");
        }
        let secret = [
            "/system/secrets/etcd/peer.key",
            "/system/secrets/kubernetes/kube-apiserver/encryptionconfig.yaml",
            "/system/secrets/kubernetes/kube-scheduler/kubeconfig",
            "/system/state/config.yaml",
            "/etc/kubernetes/bootstrap-kubeconfig",
            "/var/lib/kubelet/pki/kubelet.key",
            "/proc/812/root/system/secrets/kubernetes/kube-scheduler/kubeconfig",
        ];
        for path in secret {
            assert!(never_opened(path).is_some(), "{path}");
        }
        for path in ["/system/secrets/etcd/ca.crt", "/etc/kubernetes/kubelet.yaml", "/proc/config.gz"] {
            assert!(never_opened(path).is_none(), "{path}");
        }
    }
}
