//! Machines as Talos sets them up by default, version by version (`field/talos.md`, sections 3 to 5), made here so that
//! each of their parts can be weakened.

#![allow(clippy::too_many_lines, reason = "tables of what a machine has, flag by flag")]

mod machine;

use std::collections::BTreeMap;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};
use serde_json::{Value as Json, json};

use crate::server::{DIRECTORY, File, LINK};
use crate::trees;

/// The minor versions of Talos that are known here.
pub(crate) const VERSIONS: std::ops::RangeInclusive<u32> = 9..=15;

/// What a machine is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    ControlPlane,
    Worker,
}

/// A machine before it answers: its components' settings, and everything that follows from the version.
#[derive(Clone)]
pub(crate) struct Made {
    pub(crate) minor: u32,
    pub(crate) role: Role,
    /// Whether its configuration was generated in the form of 1.14 or newer.
    pub(crate) documents: bool,
    /// Flags by component; the order is that of Talos: by name.
    pub(crate) flags: BTreeMap<&'static str, BTreeMap<String, String>>,
    pub(crate) kubelet: Json,
    /// The mode of the kubelet's configuration file.
    pub(crate) kubelet_mode: u32,
    pub(crate) audit: Json,
    pub(crate) authorizers: Json,
    pub(crate) authentication: Json,
    pub(crate) admission: Json,
    pub(crate) scheduler: Json,
    /// The documents of the machine's configuration.
    pub(crate) config: Vec<Json>,
    pub(crate) security: Json,
    pub(crate) services: Vec<&'static str>,
    pub(crate) extensions: Vec<&'static str>,
    pub(crate) sockets: Vec<(String, u32, u32)>,
    pub(crate) files: BTreeMap<String, File>,
    pub(crate) sysctls: BTreeMap<String, String>,
    pub(crate) own_sysctls: BTreeMap<String, String>,
    pub(crate) encrypted: bool,
    pub(crate) kubernetes_access: Json,
    pub(crate) skip_verifying: bool,
}

/// What Talos renders for the API server, and where it keeps its keys.
const SECRETS: &str = "/system/secrets/kubernetes/kube-apiserver";
const CONFIG: &str = "/system/config/kubernetes/kube-apiserver";

/// The eleven suites of CIS 1.12 that Talos 1.12 and 1.13 set, and the eight before.
const SUITES: &str = "TLS_AES_128_GCM_SHA256,TLS_AES_256_GCM_SHA384,TLS_CHACHA20_POLY1305_SHA256,\
    TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,\
    TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305,TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,\
    TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,\
    TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305,TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256";
const OLD_SUITES: &str = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,\
    TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305,\
    TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,TLS_RSA_WITH_AES_256_GCM_SHA384,TLS_RSA_WITH_AES_128_GCM_SHA256";

fn flags(of: &[(&str, &str)]) -> BTreeMap<String, String> {
    of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The Kubernetes that comes with a version of Talos.
pub(crate) fn kubernetes(minor: u32) -> &'static str {
    match minor {
        9 => "v1.32.0",
        10 => "v1.33.0",
        11 => "v1.34.1",
        12 => "v1.35.0",
        13 => "v1.35.2",
        _ => "v1.36.0",
    }
}

impl Made {
    /// A machine with the defaults of its version; `documents` only from 1.14 on.
    pub(crate) fn stock(minor: u32, role: Role, documents: bool) -> Self {
        let mut made = Self {
            minor,
            role,
            documents,
            flags: BTreeMap::new(),
            kubelet: kubelet(),
            kubelet_mode: 0o600,
            audit: json!({ "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{ "level": "Metadata" }] }),
            authorizers: json!([{ "type": "Node", "name": "node" }, { "type": "RBAC", "name": "rbac" }]),
            authentication: json!({
                "apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthenticationConfiguration",
                "anonymous": { "enabled": true,
                    "conditions": [{ "path": "/livez" }, { "path": "/readyz" }, { "path": "/healthz" }] },
            }),
            admission: json!([{ "name": "PodSecurity", "configuration": {
                "apiVersion": "pod-security.admission.config.k8s.io/v1alpha1", "kind": "PodSecurityConfiguration",
                "defaults": { "enforce": "baseline", "audit": "restricted", "warn": "restricted" },
                "exemptions": { "namespaces": ["kube-system"], "usernames": [], "runtimeClasses": [] },
            } }]),
            scheduler: json!({}),
            config: Vec::new(),
            security: json!({ "secureBoot": false }),
            services: vec!["apid", "containerd", "cri", "dashboard", "kubelet", "machined", "syslogd", "udevd"],
            extensions: vec![],
            sockets: vec![
                ("::".to_owned(), 50_000, 900),
                ("::".to_owned(), 10_250, 2100),
                ("127.0.0.1".to_owned(), 10_248, 2100),
                // Talos answers names there for its own pods.
                ("169.254.116.108".to_owned(), 53, 900),
                ("127.0.0.1".to_owned(), 10_249, 2600),
                ("::".to_owned(), 10_256, 2600),
            ],
            files: BTreeMap::new(),
            sysctls: BTreeMap::new(),
            own_sysctls: BTreeMap::new(),
            encrypted: false,
            kubernetes_access: json!({ "enabled": false, "allowedAPIRoles": [], "allowedKubernetesNamespaces": [] }),
            skip_verifying: false,
        };
        made.security = match minor {
            9 => json!({ "secureBoot": false }),
            10 => json!({ "secureBoot": false, "selinuxState": "enabled, permissive", "bootedWithUKI": true }),
            11 => {
                json!({ "secureBoot": false, "selinuxState": "enabled, permissive", "bootedWithUKI": true, "fipsState": "disabled" })
            }
            _ => json!({ "secureBoot": false, "selinuxState": "enabled, permissive", "bootedWithUKI": true,
                "fipsState": "disabled", "moduleSignatureEnforced": true }),
        };
        made.kernel();
        made.kubelet_files();
        made.config = made.configuration();
        if role == Role::ControlPlane {
            made.services.extend(["etcd", "trustd"]);
            made.control_plane();
        }
        made
    }

    fn put(&mut self, path: &str, mode: u32, uid: u32, content: &str) {
        let file = File { mode, uid, gid: uid, content: content.as_bytes().to_vec(), link: String::new() };
        self.files.insert(path.to_owned(), file);
    }

    fn kernel(&mut self) {
        for (path, content) in trees::talos(self.minor) {
            if let Some(key) = path.strip_prefix("/proc/sys/") {
                self.sysctls.insert(key.replace('/', "."), String::from_utf8_lossy(&content).trim().to_owned());
            }
            let file = File { mode: 0o444, content, ..File::default() };
            self.files.insert(path, file);
        }
        // Without Secure Boot, as most are installed.
        self.put("/sys/kernel/security/lockdown", 0o444, 0, "[none] integrity confidentiality\n");
        let line =
            String::from_utf8_lossy(&self.files["/proc/cmdline"].content).replace(" lockdown=confidentiality", "");
        self.put("/proc/cmdline", 0o444, 0, &line);
        let variable = self.files.keys().find(|path| path.contains("efivars/SecureBoot")).unwrap().clone();
        self.files.get_mut(&variable).unwrap().content[4] = 0;
        let root =
            "21 1 7:0 / / ro,relatime - squashfs /dev/loop0 ro\n30 21 8:6 / /var rw,nosuid,nodev - xfs /dev/sda6 rw\n";
        self.put("/proc/1/mountinfo", 0o444, 0, root);
        self.put("/proc/stat", 0o444, 0, "cpu 1 2 3\nbtime 1790000100\n");
        for name in ["init", "poweroff", "modprobe"] {
            self.put(&format!("/usr/bin/{name}"), 0o755, 0, "");
        }
        for (link, to) in [("/bin", "usr/bin"), ("/sbin", "usr/bin"), ("/usr/sbin", "bin")] {
            self.files.insert(link.to_owned(), File { mode: LINK | 0o777, link: to.to_owned(), ..File::default() });
        }
    }

    fn kubelet_files(&mut self) {
        self.flags.insert(
            "kubelet",
            flags(&[
                ("bootstrap-kubeconfig", "/etc/kubernetes/bootstrap-kubeconfig"),
                ("cert-dir", "/var/lib/kubelet/pki"),
                ("config", "/etc/kubernetes/kubelet.yaml"),
                ("hostname-override", "n1"),
                ("kubeconfig", "/etc/kubernetes/kubeconfig-kubelet"),
                ("node-ip", "10.0.0.2"),
            ]),
        );
        self.flags.insert(
            "kube-proxy",
            flags(&[
                ("cluster-cidr", "10.244.0.0/16"),
                ("conntrack-max-per-core", "0"),
                ("hostname-override", "n1"),
                ("kubeconfig", "/etc/kubernetes/kubeconfig"),
                ("proxy-mode", "nftables"),
            ]),
        );
        self.put("/etc/kubernetes/kubeconfig-kubelet", 0o600, 0, "apiVersion: v1\nkind: Config\n");
        self.put("/etc/kubernetes/bootstrap-kubeconfig", 0o600, 0, "token: S3CRET\n");
        self.put("/etc/kubernetes/pki/ca.crt", 0o400, 0, &authority("kubernetes"));
        self.put("/var/lib/kubelet/pki/kubelet.crt", 0o644, 0, &authority("n1"));
        self.put("/var/lib/kubelet/pki/kubelet.key", 0o600, 0, "S3CRET");
        self.put("/var/lib/kubelet/pki/kubelet-client-2026-01-01.pem", 0o600, 0, &authority("system:nodes"));
        let link = File { mode: LINK | 0o777, link: "kubelet-client-2026-01-01.pem".to_owned(), ..File::default() };
        self.files.insert("/var/lib/kubelet/pki/kubelet-client-current.pem".to_owned(), link);
        self.put("/etc/cni/net.d/10-flannel.conflist", 0o600, 0, "{}");
    }

    fn control_plane(&mut self) {
        let s = |name: &str| format!("{SECRETS}/{name}");
        let c = |name: &str| format!("{CONFIG}/{name}");
        let files = [
            ("client-ca-file", s("ca.crt")),
            ("requestheader-client-ca-file", s("aggregator-ca.crt")),
            ("proxy-client-cert-file", s("front-proxy-client.crt")),
            ("proxy-client-key-file", s("front-proxy-client.key")),
            ("encryption-provider-config", s("encryptionconfig.yaml")),
            ("etcd-cafile", s("etcd-client-ca.crt")),
            ("etcd-certfile", s("etcd-client.crt")),
            ("etcd-keyfile", s("etcd-client.key")),
            ("kubelet-client-certificate", s("apiserver-kubelet-client.crt")),
            ("kubelet-client-key", s("apiserver-kubelet-client.key")),
            ("service-account-key-file", s("service-account.pub")),
            ("service-account-signing-key-file", s("service-account.key")),
            ("tls-cert-file", s("apiserver.crt")),
            ("tls-private-key-file", s("apiserver.key")),
            ("admission-control-config-file", c("admission-control-config.yaml")),
            ("audit-policy-file", c("auditpolicy.yaml")),
            ("authorization-config", c("authorization-config.yaml")),
        ];
        let mut apiserver = flags(&[
            ("allow-privileged", "true"),
            ("api-audiences", "https://10.0.0.1:6443"),
            ("advertise-address", "$(POD_IP)"),
            ("bind-address", "0.0.0.0"),
            ("enable-admission-plugins", "NodeRestriction"),
            ("requestheader-allowed-names", "front-proxy-client"),
            ("requestheader-extra-headers-prefix", "X-Remote-Extra-"),
            ("requestheader-group-headers", "X-Remote-Group"),
            ("requestheader-username-headers", "X-Remote-User"),
            ("enable-bootstrap-token-auth", "true"),
            ("audit-log-path", "/var/log/audit/kube/kube-apiserver.log"),
            ("audit-log-maxage", "30"),
            ("audit-log-maxbackup", "10"),
            ("audit-log-maxsize", "100"),
            ("profiling", "false"),
            ("etcd-servers", "https://127.0.0.1:2379"),
            ("kubelet-preferred-address-types", "InternalIP,ExternalIP,Hostname"),
            ("secure-port", "6443"),
            ("service-account-issuer", "https://10.0.0.1:6443"),
            ("service-cluster-ip-range", "10.96.0.0/12"),
            ("tls-min-version", if self.minor < 14 { "VersionTLS12" } else { "VersionTLS13" }),
        ]);
        apiserver.extend(files.into_iter().map(|(name, path)| (name.to_owned(), path)));
        if self.minor < 14 {
            let suites = if self.minor < 12 { OLD_SUITES } else { SUITES };
            apiserver.insert("tls-cipher-suites".to_owned(), suites.replace([' ', '\n'], ""));
        }
        if self.documents {
            apiserver.insert("authentication-config".to_owned(), c("authentication-config.yaml"));
        } else {
            apiserver.insert("anonymous-auth".to_owned(), "false".to_owned());
        }
        self.flags.insert("kube-apiserver", apiserver);
        let m = |name: &str| format!("/system/secrets/kubernetes/kube-controller-manager/{name}");
        let mut manager = flags(&[
            ("use-service-account-credentials", if self.minor < 14 { "" } else { "true" }),
            ("allocate-node-cidrs", "true"),
            ("bind-address", "127.0.0.1"),
            ("cluster-cidr", "10.244.0.0/16"),
            ("controllers", if self.minor < 14 { "*,tokencleaner" } else { "*" }),
            ("configure-cloud-routes", "false"),
            ("leader-elect", "true"),
            ("profiling", "false"),
            ("tls-min-version", "VersionTLS13"),
        ]);
        for (name, file) in [
            ("cluster-signing-cert-file", "ca.crt"),
            ("cluster-signing-key-file", "ca.key"),
            ("kubeconfig", "kubeconfig"),
            ("authentication-kubeconfig", "kubeconfig"),
            ("authorization-kubeconfig", "kubeconfig"),
            ("root-ca-file", "ca.crt"),
            ("service-account-private-key-file", "service-account.key"),
        ] {
            manager.insert(name.to_owned(), m(file));
        }
        if self.minor >= 14 {
            manager.insert("terminated-pod-gc-threshold".to_owned(), "100".to_owned());
        }
        self.flags.insert("kube-controller-manager", manager);
        let kubeconfig = "/system/secrets/kubernetes/kube-scheduler/kubeconfig";
        self.flags.insert(
            "kube-scheduler",
            flags(&[
                ("config", "/system/config/kubernetes/kube-scheduler/scheduler-config.yaml"),
                ("authentication-tolerate-lookup-failure", "false"),
                ("authentication-kubeconfig", kubeconfig),
                ("authorization-kubeconfig", kubeconfig),
                ("bind-address", "127.0.0.1"),
                ("leader-elect", "true"),
                ("profiling", "false"),
                ("tls-min-version", "VersionTLS13"),
            ]),
        );
        self.flags.insert("etcd", etcd(self.minor));
        self.sockets.extend([
            ("::".to_owned(), 6443, 2300),
            ("127.0.0.1".to_owned(), 10_257, 2400),
            ("127.0.0.1".to_owned(), 10_259, 2500),
            ("::".to_owned(), 2379, 2200),
            ("::".to_owned(), 2380, 2200),
            ("::".to_owned(), 50_001, 901),
        ]);
        let cluster = authority("kubernetes");
        self.put("/etc/kubernetes/pki/ca.crt", 0o400, 0, &cluster);
        for name in [
            "aggregator-ca.crt",
            "front-proxy-client.crt",
            "etcd-client.crt",
            "apiserver-kubelet-client.crt",
            "apiserver.crt",
            "service-account.pub",
        ] {
            self.put(&s(name), 0o400, 65_534, &authority(name));
        }
        self.put(&s("ca.crt"), 0o400, 65_534, &cluster);
        for name in [
            "front-proxy-client.key",
            "etcd-client.key",
            "apiserver-kubelet-client.key",
            "service-account.key",
            "apiserver.key",
            "encryptionconfig.yaml",
        ] {
            self.put(&s(name), 0o400, 65_534, "S3CRET");
        }
        let own = authority("etcd");
        self.put(&s("etcd-client-ca.crt"), 0o400, 65_534, &own);
        self.put(&m("ca.crt"), 0o400, 65_535, &cluster);
        for name in ["ca.key", "service-account.key", "kubeconfig"] {
            self.put(&m(name), 0o400, 65_535, "S3CRET");
        }
        self.put(kubeconfig, 0o400, 65_536, "S3CRET");
        self.files.insert(
            "/system/secrets/etcd".to_owned(),
            File { mode: DIRECTORY | 0o700, uid: 60, gid: 60, ..File::default() },
        );
        for name in ["server", "peer", "admin"] {
            self.put(&format!("/system/secrets/etcd/{name}.crt"), 0o400, 60, &authority(name));
            self.put(&format!("/system/secrets/etcd/{name}.key"), 0o400, 60, "S3CRET");
        }
        self.put("/system/secrets/etcd/ca.crt", 0o400, 60, &own);
        self.put("/system/secrets/etcd/ca.key", 0o400, 60, "S3CRET");
        self.files
            .insert("/var/lib/etcd".to_owned(), File { mode: DIRECTORY | 0o700, uid: 60, gid: 60, ..File::default() });
        self.put("/var/lib/etcd/member/snap/db", 0o600, 60, "");
        self.put("/var/log/audit/kube/kube-apiserver.log", 0o600, 65_534, "");
    }

    /// The configuration that `talosctl gen config` of this version would have written.
    fn configuration(&self) -> Vec<Json> {
        let kind = if self.role == Role::ControlPlane { "controlplane" } else { "worker" };
        let mut legacy = json!({
            "version": "v1alpha1", "debug": false, "persist": true,
            "machine": {
                "type": kind, "token": "S3CRET",
                "ca": { "crt": "x", "key": "S3CRET" },
                "kubelet": { "image": format!("ghcr.io/siderolabs/kubelet:{}", kubernetes(self.minor)),
                    "defaultRuntimeSeccompProfileEnabled": true, "disableManifestsDirectory": true },
                "install": { "disk": "/dev/sda", "image": "ghcr.io/siderolabs/installer:latest" },
                "features": { "rbac": true, "apidCheckExtKeyUsage": true },
            },
            "cluster": { "id": "S3CRET", "secret": "S3CRET", "controlPlane": { "endpoint": "https://10.0.0.1:6443" } },
        });
        let control_plane = self.role == Role::ControlPlane;
        if control_plane && !self.documents {
            legacy["cluster"]["secretboxEncryptionSecret"] = json!("S3CRET");
            legacy["cluster"]["apiServer"] = json!({
                "image": format!("registry.k8s.io/kube-apiserver:{}", kubernetes(self.minor)),
                "disablePodSecurityPolicy": true,
                "admissionControl": self.admission, "auditPolicy": self.audit,
            });
        }
        let mut all = vec![legacy];
        if control_plane && self.documents {
            let document = |kind: &str, mut own: Json| {
                own["apiVersion"] = json!("v1alpha1");
                own["kind"] = json!(kind);
                own
            };
            all.extend([
                document("KubeAPIServerConfig", json!({ "image": format!("registry.k8s.io/kube-apiserver:{}", kubernetes(self.minor)) })),
                document("KubeAuthenticationConfig", json!({ "configuration": self.authentication })),
                document("KubeAuthorizerConfig", json!({ "name": "node", "type": "Node" })),
                document("KubeAuthorizerConfig", json!({ "name": "rbac", "type": "RBAC" })),
                document("KubeAdmissionControlConfig", self.admission[0].clone()),
                document("KubeAuditPolicyConfig", json!({ "configuration": self.audit })),
                document("KubeEtcdEncryptionConfig", json!({ "config": { "resources": [{ "resources": ["secrets"],
                    "providers": [{ "secretbox": { "keys": [{ "name": "key2", "secret": "S3CRET" }] } }, { "identity": {} }] }] } })),
                document("KubeControllerManagerConfig", json!({})),
                document("KubeSchedulerConfig", json!({})),
            ]);
        }
        all
    }
}

fn etcd(minor: u32) -> BTreeMap<String, String> {
    let s = |name: &str| format!("/system/secrets/etcd/{name}");
    let mut etcd = flags(&[
        ("name", "n1"),
        ("auto-tls", "false"),
        ("peer-auto-tls", "false"),
        ("data-dir", "/var/lib/etcd"),
        ("listen-peer-urls", "https://[::]:2380"),
        ("listen-client-urls", "https://[::]:2379"),
        ("client-cert-auth", "true"),
        ("peer-client-cert-auth", "true"),
        ("initial-cluster", "n1=https://10.0.0.2:2380"),
        ("initial-cluster-state", "new"),
        ("initial-advertise-peer-urls", "https://10.0.0.2:2380"),
        ("advertise-client-urls", "https://10.0.0.2:2379"),
    ]);
    for (name, file) in [
        ("cert-file", "server.crt"),
        ("key-file", "server.key"),
        ("trusted-ca-file", "ca.crt"),
        ("peer-cert-file", "peer.crt"),
        ("peer-key-file", "peer.key"),
        ("peer-trusted-ca-file", "ca.crt"),
    ] {
        etcd.insert(name.to_owned(), s(file));
    }
    if minor >= 14 {
        etcd.insert("listen-client-http-urls".to_owned(), "https://[::]:2383".to_owned());
        etcd.insert("tls-min-version".to_owned(), "TLS1.3".to_owned());
    }
    etcd
}

fn kubelet() -> Json {
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
        "address": "0.0.0.0", "port": 10_250,
        "authentication": {
            "anonymous": { "enabled": false },
            "webhook": { "enabled": true, "cacheTTL": "0s" },
            "x509": { "clientCAFile": "/etc/kubernetes/pki/ca.crt" },
        },
        "authorization": { "mode": "Webhook", "webhook": { "cacheAuthorizedTTL": "0s", "cacheUnauthorizedTTL": "0s" } },
        "rotateCertificates": true, "protectKernelDefaults": true, "seccompDefault": true,
        "staticPodURL": "http://127.0.0.1:41023/static-pods",
        "streamingConnectionIdleTimeout": "5m0s", "tlsMinVersion": "VersionTLS13",
        "oomScoreAdj": -450, "serializeImagePulls": false, "failSwapOn": false,
        "cgroupRoot": "/", "resolvConf": "/system/resolved/resolv.conf",
    })
}

/// An authority's certificate in PEM, of nobody else's key.
fn authority(name: &str) -> String {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
}
