//! Command lines and the kubelet's configuration, as Talos composes them.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::{Machine, NODE};
use crate::document;

const SECRETS: &str = "/system/secrets/kubernetes/kube-apiserver";
const CONFIG: &str = "/system/config/kubernetes/kube-apiserver";

/// Flags that Talos refuses in `extraArgs`: it needs them for itself (`argsbuilder.MergeDenied`).
const DENIED: [(&str, &[&str]); 5] = [
    ("kube-scheduler", &["config", "kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"]),
    (
        "kube-apiserver",
        &[
            "client-ca-file",
            "requestheader-client-ca-file",
            "proxy-client-cert-file",
            "proxy-client-key-file",
            "encryption-provider-config",
            "etcd-cafile",
            "etcd-certfile",
            "etcd-keyfile",
            "etcd-servers",
            "kubelet-client-certificate",
            "kubelet-client-key",
            "service-account-key-file",
            "service-account-signing-key-file",
            "tls-cert-file",
            "tls-private-key-file",
            "authorization-config",
        ],
    ),
    (
        "kube-controller-manager",
        &[
            "cluster-signing-cert-file",
            "cluster-signing-key-file",
            "authentication-kubeconfig",
            "authorization-kubeconfig",
            "root-ca-file",
            "service-account-private-key-file",
        ],
    ),
    (
        "etcd",
        &[
            "name",
            "auto-tls",
            "peer-auto-tls",
            "data-dir",
            "listen-peer-urls",
            "listen-client-urls",
            "client-cert-auth",
            "cert-file",
            "key-file",
            "trusted-ca-file",
            "peer-client-cert-auth",
            "peer-cert-file",
            "peer-key-file",
            "peer-trusted-ca-file",
        ],
    ),
    (
        "kubelet",
        &[
            "bootstrap-kubeconfig",
            "kubeconfig",
            "container-runtime",
            "container-runtime-endpoint",
            "config",
            "cert-dir",
        ],
    ),
];

/// Flags whose values Talos adds to its own (`argsbuilder.MergeAdditive`).
const ADDED: [(&str, &[&str]); 2] = [
    ("kube-apiserver", &["authorization-mode", "enable-admission-plugins", "feature-gates", "tls-cipher-suites"]),
    ("kube-controller-manager", &["controllers", "service-cluster-ip-range"]),
];

/// What Talos refuses for etcd beside these until 1.13.
const OLD_ETCD: [&str; 3] = [
    "experimental-initial-corrupt-check",
    "experimental-watch-progress-notify-interval",
    "experimental-compact-hash-check-enabled",
];

/// What Talos lets nobody set in the kubelet's `extraConfig`.
const PROTECTED: [&str; 13] = [
    "apiVersion",
    "kind",
    "authentication",
    "authorization",
    "cgroupRoot",
    "kubeletCgroups",
    "systemCgroups",
    "port",
    "protectKernelDefaults",
    "resolvConf",
    "rotateCertificates",
    "staticPodPath",
    "seccompDefault",
];

/// The suites that Talos sets from 1.12 on (those of CIS 1.12), and before.
const SUITES: [&str; 11] = [
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
];
const OLD_SUITES: [&str; 8] = [
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
];

/// Where a component's extra arguments stand: document of 1.14 and newer, and key of the old one.
pub(crate) fn arguments_of(component: &str) -> (&'static str, &'static str) {
    match component {
        "kube-apiserver" => ("KubeAPIServerConfig", "cluster.apiServer"),
        "kube-controller-manager" => ("KubeControllerManagerConfig", "cluster.controllerManager"),
        "kube-scheduler" => ("KubeSchedulerConfig", "cluster.scheduler"),
        "kubelet" => ("KubeletConfig", "machine.kubelet"),
        _ => ("", "cluster.etcd"),
    }
}

/// Whether Talos of a version refuses a flag in a component's extra arguments.
pub(crate) fn is_denied(component: &str, flag: &str, minor: u32, modern: bool) -> bool {
    let listed = DENIED.iter().any(|(own, flags)| *own == component && flags.contains(&flag));
    let since = component == "kube-apiserver"
        && (flag == "tls-min-version" && minor >= 14 || flag == "authentication-config" && modern);
    let prefixes = ["anonymous-auth", "oidc-", "authentication-config", "authorization-"];
    let owned = modern && component == "kube-apiserver" && prefixes.iter().any(|prefix| flag.starts_with(prefix));
    let of_etcd = if minor >= 14 { ["tls-min-version", "listen-client-http-urls", "feature-gates"] } else { OLD_ETCD };
    let etcd = component == "etcd" && of_etcd.contains(&flag);
    listed || since || owned || etcd
}

/// Whether Talos refuses a key in the kubelet's `extraConfig`.
pub(crate) fn is_protected(key: &str) -> bool {
    PROTECTED.contains(&key)
}

type Flags = BTreeMap<String, Vec<String>>;

/// A value as Talos writes it behind `=`: nothing for null.
fn text(value: &Json) -> String {
    if value.is_null() { String::new() } else { benchmark::plain(value) }
}

fn set(flags: &mut Flags, name: &str, value: impl Into<String>) {
    flags.insert(name.to_owned(), vec![value.into()]);
}

impl Machine<'_> {
    /// A component's extra arguments, each with its values.
    pub(crate) fn extra(&self, component: &str) -> Flags {
        let (kind, legacy) = arguments_of(component);
        let own = self.either(kind, "extraArgs", &format!("{legacy}.extraArgs"));
        let values = |value: &Json| match value {
            Json::Array(all) => all.iter().map(text).collect(),
            one => vec![text(one)],
        };
        let own = own.as_ref().and_then(Json::as_object).into_iter().flatten();
        own.map(|(name, value)| (name.clone(), values(value))).collect()
    }

    fn image(&self, component: &str) -> String {
        let (kind, legacy) = arguments_of(component);
        let own = self.either(kind, "image", &format!("{legacy}.image"));
        let kubelet = || self.either("KubeletConfig", "image", "machine.kubelet.image");
        let image = own.or_else(kubelet).and_then(|image| image.as_str().map(str::to_owned));
        // All components of a machine are of one version; the kubelet's image tells it where another's is left out.
        let tag = image.as_deref().and_then(evidence::image_tag).unwrap_or_default();
        format!("registry.k8s.io/{component}:{tag}")
    }

    /// The command line that a component would be started with.
    pub(super) fn command(&self, component: &str) -> Vec<String> {
        let mut flags = match component {
            "kube-apiserver" => self.apiserver(),
            "kube-controller-manager" => self.manager(),
            "kube-scheduler" => scheduler(),
            "etcd" => self.etcd(),
            _ => kubelet_flags(self.is_alone()),
        };
        for (name, values) in self.extra(component) {
            if is_denied(component, &name, self.minor, self.modern) {
                continue;
            }
            if ADDED.iter().any(|(own, flags)| *own == component && flags.contains(&name.as_str())) {
                let own = flags.entry(name).or_default();
                let mut all: Vec<String> = Vec::new();
                for value in own.iter().chain(&values).flat_map(|values| values.split(',')) {
                    if !value.is_empty() && !all.iter().any(|known| known == value) {
                        all.push(value.to_owned());
                    }
                }
                *own = vec![all.join(",")];
            } else {
                // An empty list takes the default away.
                flags.insert(name, values);
            }
        }
        let line = |(name, values): (&String, &Vec<String>)| {
            values.iter().map(|value| format!("--{name}={value}")).collect::<Vec<_>>()
        };
        flags.iter().flat_map(line).collect()
    }

    fn apiserver(&self) -> Flags {
        let mut flags = Flags::new();
        for (name, value) in [
            ("allow-privileged", "true"),
            ("advertise-address", "$(POD_IP)"),
            ("bind-address", "0.0.0.0"),
            ("enable-admission-plugins", "NodeRestriction"),
            ("requestheader-allowed-names", "front-proxy-client"),
            ("requestheader-extra-headers-prefix", "X-Remote-Extra-"),
            ("requestheader-group-headers", "X-Remote-Group"),
            ("requestheader-username-headers", "X-Remote-User"),
            ("enable-bootstrap-token-auth", "true"),
            ("tls-min-version", if self.minor < 14 { "VersionTLS12" } else { "VersionTLS13" }),
            ("audit-log-path", "/var/log/audit/kube/kube-apiserver.log"),
            ("audit-log-maxage", "30"),
            ("audit-log-maxbackup", "10"),
            ("audit-log-maxsize", "100"),
            ("profiling", "false"),
            ("etcd-servers", if self.minor < 13 { "https://localhost:2379" } else { "https://127.0.0.1:2379" }),
            ("kubelet-preferred-address-types", "InternalIP,ExternalIP,Hostname"),
            ("secure-port", "6443"),
        ] {
            set(&mut flags, name, value);
        }
        for (name, file) in [
            ("client-ca-file", "ca.crt"),
            ("requestheader-client-ca-file", "aggregator-ca.crt"),
            ("proxy-client-cert-file", "front-proxy-client.crt"),
            ("proxy-client-key-file", "front-proxy-client.key"),
            ("encryption-provider-config", "encryptionconfig.yaml"),
            ("etcd-cafile", "etcd-client-ca.crt"),
            ("etcd-certfile", "etcd-client.crt"),
            ("etcd-keyfile", "etcd-client.key"),
            ("kubelet-client-certificate", "apiserver-kubelet-client.crt"),
            ("kubelet-client-key", "apiserver-kubelet-client.key"),
            ("service-account-key-file", "service-account.pub"),
            ("service-account-signing-key-file", "service-account.key"),
            ("tls-cert-file", "apiserver.crt"),
            ("tls-private-key-file", "apiserver.key"),
        ] {
            set(&mut flags, name, format!("{SECRETS}/{file}"));
        }
        set(&mut flags, "admission-control-config-file", format!("{CONFIG}/admission-control-config.yaml"));
        set(&mut flags, "audit-policy-file", format!("{CONFIG}/auditpolicy.yaml"));
        let extra = self.extra("kube-apiserver");
        let by_flag =
            extra.keys().any(|name| name == "authorization-mode" || name.starts_with("authorization-webhook-"));
        if by_flag && !self.modern {
            set(&mut flags, "authorization-mode", "Node,RBAC");
        } else {
            set(&mut flags, "authorization-config", format!("{CONFIG}/authorization-config.yaml"));
        }
        if self.modern {
            set(&mut flags, "authentication-config", format!("{CONFIG}/authentication-config.yaml"));
        } else {
            set(&mut flags, "anonymous-auth", "false");
        }
        match self.minor {
            ..12 => set(&mut flags, "tls-cipher-suites", OLD_SUITES.join(",")),
            12..14 => set(&mut flags, "tls-cipher-suites", SUITES.join(",")),
            _ => {}
        }
        flags
    }

    fn manager(&self) -> Flags {
        let secret = |file: &str| format!("/system/secrets/kubernetes/kube-controller-manager/{file}");
        let mut flags = Flags::new();
        for (name, value) in [
            ("use-service-account-credentials", "true"),
            ("allocate-node-cidrs", "true"),
            ("bind-address", "127.0.0.1"),
            ("controllers", if self.minor < 14 { "*,tokencleaner" } else { "*" }),
            ("configure-cloud-routes", "false"),
            ("leader-elect", "true"),
            ("profiling", "false"),
            ("tls-min-version", "VersionTLS13"),
        ] {
            set(&mut flags, name, value);
        }
        for (name, file) in [
            ("cluster-signing-cert-file", "ca.crt"),
            ("cluster-signing-key-file", "ca.key"),
            ("kubeconfig", "kubeconfig"),
            ("authentication-kubeconfig", "kubeconfig"),
            ("authorization-kubeconfig", "kubeconfig"),
            ("root-ca-file", "ca.crt"),
            ("service-account-private-key-file", "service-account.key"),
        ] {
            set(&mut flags, name, secret(file));
        }
        if self.minor >= 14 {
            set(&mut flags, "terminated-pod-gc-threshold", "100");
        }
        flags
    }

    fn etcd(&self) -> Flags {
        let mut flags = Flags::new();
        for (name, value) in [
            ("name", NODE),
            ("auto-tls", "false"),
            ("peer-auto-tls", "false"),
            ("data-dir", "/var/lib/etcd"),
            ("listen-peer-urls", "https://[::]:2380"),
            ("listen-client-urls", "https://[::]:2379"),
            ("client-cert-auth", "true"),
            ("cert-file", "/system/secrets/etcd/server.crt"),
            ("key-file", "/system/secrets/etcd/server.key"),
            ("trusted-ca-file", "/system/secrets/etcd/ca.crt"),
            ("peer-client-cert-auth", "true"),
            ("peer-cert-file", "/system/secrets/etcd/peer.crt"),
            ("peer-key-file", "/system/secrets/etcd/peer.key"),
            ("peer-trusted-ca-file", "/system/secrets/etcd/ca.crt"),
        ] {
            set(&mut flags, name, value);
        }
        if self.minor >= 14 {
            set(&mut flags, "tls-min-version", "TLS1.3");
        }
        flags
    }

    /// The pod that Talos would serve to the kubelet; its directories are the host's own.
    pub(super) fn pod(&self, name: &str) -> Json {
        let directories = [format!("/system/secrets/kubernetes/{name}"), format!("/system/config/kubernetes/{name}")];
        let mut command = vec![format!("/usr/local/bin/{name}")];
        command.extend(self.command(name));
        let named = |at: usize| format!("v{at}");
        let mounts = directories.iter().enumerate().map(|(at, path)| json!({ "name": named(at), "mountPath": path }));
        let volumes =
            directories.iter().enumerate().map(|(at, path)| json!({ "name": named(at), "hostPath": { "path": path } }));
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": "kube-system" },
            "spec": {
                "containers": [{ "name": name, "image": self.image(name), "command": command,
                    "volumeMounts": mounts.collect::<Vec<_>>() }],
                "volumes": volumes.collect::<Vec<_>>(),
            },
        })
    }

    /// Whether the kubelet is to join no cluster.
    fn is_alone(&self) -> bool {
        let alone = self.either("KubeNodeConfig", "skipNodeRegistration", "machine.kubelet.skipNodeRegistration");
        alone == Some(json!(true))
    }

    /// The kubelet's arguments and configuration.
    pub(super) fn kubelet(&self) -> Json {
        let on = |kind: &str, path: &str, legacy: &str| self.either(kind, path, legacy) == Some(json!(true));
        let alone = self.is_alone();
        let seccomp = on(
            "KubeletConfig",
            "defaultRuntimeSeccompProfileEnabled",
            "machine.kubelet.defaultRuntimeSeccompProfileEnabled",
        );
        let no_directory = self.documents.of_kind("KubeletConfig").next().is_some()
            || self.documents.legacy("machine.kubelet.disableManifestsDirectory") == Some(&json!(true));
        let mut config = json!({
            "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
            "address": "0.0.0.0", "port": 10_250,
            "authentication": {
                "x509": { "clientCAFile": "/etc/kubernetes/pki/ca.crt" },
                "webhook": { "enabled": !alone },
                "anonymous": { "enabled": false },
            },
            "authorization": { "mode": if alone { "AlwaysAllow" } else { "Webhook" } },
            "rotateCertificates": true, "protectKernelDefaults": true,
            "oomScoreAdj": -450, "serializeImagePulls": false, "failSwapOn": false,
            "streamingConnectionIdleTimeout": "5m", "tlsMinVersion": "VersionTLS13",
            "staticPodURL": "http://127.0.0.1",
        });
        if !no_directory {
            config["staticPodPath"] = json!("/etc/kubernetes/manifests");
        }
        if seccomp {
            config["seccompDefault"] = json!(true);
        }
        if let Some(Json::Object(own)) = self.either("KubeletConfig", "config", "machine.kubelet.extraConfig") {
            // For what is empty or zero here Talos puts its own in.
            let nothing = |key: &str, value: &Json| {
                ["address", "streamingConnectionIdleTimeout", "tlsMinVersion"].contains(&key)
                    && ["", "0", "0s", "0h", "0m"].contains(&value.as_str().unwrap_or("?"))
            };
            let own: serde_json::Map<String, Json> =
                own.into_iter().filter(|(key, value)| !is_protected(key) && !nothing(key, value)).collect();
            document::merge(&mut config, &Json::Object(own));
        }
        json!({ "image": self.image("kubelet"), "args": self.command("kubelet"), "config": config })
    }
}

fn scheduler() -> Flags {
    let kubeconfig = "/system/secrets/kubernetes/kube-scheduler/kubeconfig";
    let mut flags = Flags::new();
    for (name, value) in [
        ("config", "/system/config/kubernetes/kube-scheduler/scheduler-config.yaml"),
        ("authentication-tolerate-lookup-failure", "false"),
        ("authentication-kubeconfig", kubeconfig),
        ("authorization-kubeconfig", kubeconfig),
        ("bind-address", "127.0.0.1"),
        ("leader-elect", "true"),
        ("profiling", "false"),
        ("tls-min-version", "VersionTLS13"),
    ] {
        set(&mut flags, name, value);
    }
    flags
}

fn kubelet_flags(alone: bool) -> Flags {
    let mut flags = Flags::new();
    for (name, value) in [
        ("bootstrap-kubeconfig", "/etc/kubernetes/bootstrap-kubeconfig"),
        ("cert-dir", "/var/lib/kubelet/pki"),
        ("config", "/etc/kubernetes/kubelet.yaml"),
        ("hostname-override", NODE),
        ("kubeconfig", "/etc/kubernetes/kubeconfig-kubelet"),
    ] {
        if !(alone && name.ends_with("kubeconfig")) {
            set(&mut flags, name, value);
        }
    }
    flags
}
