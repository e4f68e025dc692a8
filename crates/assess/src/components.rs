//! The components that are looked for: how their processes are called and how a node starts them.

/// A component.
#[derive(Debug)]
pub(crate) struct Component {
    /// Its name.
    pub name: &'static str,
    /// Names of its process (see `evidence::Start::Process`).
    pub processes: &'static [&'static str],
    /// The platform's role under which its systemd units stand.
    pub units: &'static str,
    /// Whether it is usually started by the cluster (a `DaemonSet`), so that files of a node do not tell.
    pub in_cluster: bool,
    /// The flag that names its configuration file.
    pub config: Option<&'static str>,
    /// What rules where both a flag and the configuration file could set something.
    pub rules: Rules,
}

/// What rules where both a flag and the configuration file could set something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rules {
    /// The flag (kubelet).
    Flag,
    /// The file, once there is one: flags that it covers are ignored (kube-scheduler, kube-proxy; etcd, which then
    /// ignores its environment too).
    File,
}

/// The kubelet stands first: it says where static pods are declared.
pub(crate) static COMPONENTS: [Component; 6] = [
    Component {
        name: "kubelet",
        processes: &["kubelet", "hyperkube kubelet"],
        units: "kubelet-units",
        in_cluster: false,
        config: Some("config"),
        rules: Rules::Flag,
    },
    Component {
        name: "kube-apiserver",
        processes: &["kube-apiserver", "hyperkube kube-apiserver", "hyperkube apiserver"],
        units: "kube-apiserver-units",
        in_cluster: false,
        config: None,
        rules: Rules::Flag,
    },
    Component {
        name: "kube-controller-manager",
        processes: &["kube-controller-manager", "hyperkube kube-controller-manager", "hyperkube controller-manager"],
        units: "kube-controller-manager-units",
        in_cluster: false,
        config: None,
        rules: Rules::Flag,
    },
    Component {
        name: "kube-scheduler",
        processes: &["kube-scheduler", "hyperkube kube-scheduler", "hyperkube scheduler"],
        units: "kube-scheduler-units",
        in_cluster: false,
        config: Some("config"),
        rules: Rules::File,
    },
    Component {
        name: "etcd",
        processes: &["etcd"],
        units: "etcd-units",
        in_cluster: false,
        config: Some("config-file"),
        rules: Rules::File,
    },
    Component {
        name: "kube-proxy",
        processes: &["kube-proxy", "hyperkube kube-proxy", "hyperkube proxy"],
        units: "kube-proxy-units",
        in_cluster: true,
        config: Some("config"),
        rules: Rules::File,
    },
];

/// Roles of a platform's places that facts and trails speak of, beside the units of each component.
pub(crate) const ROLES: [&str; 8] =
    ["marks", "os-release", "manifests", "admin-kubeconfigs", "pki", "kubelet-config", "kubelet-certificates", "cni"];

impl Component {
    /// A component by name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        COMPONENTS.iter().find(|component| component.name == name)
    }
}
