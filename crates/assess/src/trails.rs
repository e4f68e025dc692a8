//! Where to look: the trails of every fact in the catalogue, over the places of every platform.
//!
//! The whole catalogue is collected, whatever profile will be judged. A trail may lead to more than is meant; what it
//! takes is fixed here.

mod kernel;
mod objects;
mod talos;

use std::collections::BTreeSet;

use benchmark::Content;
use evidence::{Cut, Hop, Start, Take, Trail};

use crate::components::COMPONENTS;
use crate::facts::{DEPTH, PKI_SETTINGS};

/// Whether a trail leads to what a fact of the kernel or of a cluster is seen from.
pub fn leads_to(trail: &Trail, fact: &str) -> bool {
    kernel::leads_to(trail, fact) || objects::leads_to(trail, fact)
}

/// Flags that name files, by component and by what is taken from them.
#[derive(Clone, Copy)]
struct Files {
    component: &'static str,
    take: Taken,
    flags: &'static [&'static str],
}

#[derive(Clone, Copy)]
enum Taken {
    Stat,
    Certs,
    Config,
    Encryption,
    Kubeconfig,
    Etcd,
}

impl Taken {
    fn takes(self) -> Vec<Take> {
        match self {
            Self::Stat => vec![Take::Stat],
            Self::Certs => vec![Take::Stat, Take::Certs],
            Self::Config => vec![Take::Stat, Take::Text(Cut::Config)],
            Self::Encryption => vec![Take::Stat, Take::Text(Cut::Encryption)],
            Self::Kubeconfig => vec![Take::Stat, Take::Text(Cut::Kubeconfig)],
            Self::Etcd => vec![Take::Stat, Take::Text(Cut::Etcd)],
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Stat => "metadata",
            Self::Certs => "certificates",
            Self::Config | Self::Etcd => "configuration",
            Self::Encryption => "encryption",
            Self::Kubeconfig => "kubeconfigs",
        }
    }
}

const FILES: &[Files] = &[
    Files { component: "kube-apiserver", take: Taken::Certs, flags: &["oidc-ca-file"] },
    Files {
        component: "kube-apiserver",
        take: Taken::Stat,
        flags: &["service-account-key-file", "token-auth-file", "audit-webhook-config-file", "audit-log-path"],
    },
    Files {
        component: "kube-apiserver",
        take: Taken::Config,
        flags: &["authentication-config", "authorization-config", "admission-control-config-file", "audit-policy-file"],
    },
    Files { component: "kube-apiserver", take: Taken::Encryption, flags: &["encryption-provider-config"] },
    Files { component: "kube-controller-manager", take: Taken::Kubeconfig, flags: KUBECONFIGS },
    Files { component: "kube-scheduler", take: Taken::Kubeconfig, flags: KUBECONFIGS },
    Files { component: "kube-scheduler", take: Taken::Config, flags: &["config"] },
    Files { component: "etcd", take: Taken::Stat, flags: &["data-dir"] },
    Files { component: "etcd", take: Taken::Etcd, flags: &["config-file"] },
    Files { component: "kubelet", take: Taken::Certs, flags: &["client-ca-file", "tls-cert-file"] },
    Files { component: "kubelet", take: Taken::Stat, flags: &["tls-private-key-file"] },
    Files { component: "kubelet", take: Taken::Kubeconfig, flags: &["kubeconfig", "bootstrap-kubeconfig"] },
    Files { component: "kubelet", take: Taken::Config, flags: &["config"] },
    Files { component: "kube-proxy", take: Taken::Kubeconfig, flags: &["kubeconfig"] },
    Files { component: "kube-proxy", take: Taken::Config, flags: &["config"] },
];

/// Flags of the control plane's clients that name kubeconfigs.
const KUBECONFIGS: &[&str] = &["kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"];

/// Every flag that names a file, certificates and keys included.
fn files() -> impl Iterator<Item = Files> {
    let pki = PKI_SETTINGS.into_iter().flat_map(|of| {
        [
            Files { component: of.component, take: Taken::Certs, flags: of.certificates },
            Files { component: of.component, take: Taken::Stat, flags: of.keys },
        ]
    });
    pki.chain(FILES.iter().copied())
}

/// Keys of configuration files that name files: component, the flag that names the configuration, key, what is taken.
const KEYS: &[(&str, &str, &str, Taken)] = &[
    ("kubelet", "config", "clientCAFile", Taken::Certs),
    ("kubelet", "config", "tlsCertFile", Taken::Certs),
    ("kubelet", "config", "tlsPrivateKeyFile", Taken::Stat),
    ("kube-scheduler", "config", "kubeconfig", Taken::Kubeconfig),
    ("kube-proxy", "config", "kubeconfig", Taken::Kubeconfig),
    ("kube-apiserver", "admission-control-config-file", "path", Taken::Config),
    ("etcd", "config-file", "cert-file", Taken::Certs),
    ("etcd", "config-file", "trusted-ca-file", Taken::Certs),
    ("etcd", "config-file", "key-file", Taken::Stat),
    ("etcd", "config-file", "data-dir", Taken::Stat),
];

/// Where the kubelet keeps its serving certificate: signed by the cluster (with its key), or by itself.
const SERVING_CERTIFICATES: [&str; 2] = ["kubelet-server-current.pem", "kubelet.crt"];

/// Environment variables of etcd that say something about its security; the rest of its environment is left alone.
const ETCD_ENV: &[&str] = &[
    "ETCD_CONFIG_FILE",
    "ETCD_CERT_FILE",
    "ETCD_KEY_FILE",
    "ETCD_CLIENT_CERT_AUTH",
    "ETCD_TRUSTED_CA_FILE",
    "ETCD_AUTO_TLS",
    "ETCD_PEER_CERT_FILE",
    "ETCD_PEER_KEY_FILE",
    "ETCD_PEER_CLIENT_CERT_AUTH",
    "ETCD_PEER_TRUSTED_CA_FILE",
    "ETCD_PEER_AUTO_TLS",
    "ETCD_DATA_DIR",
    "ETCD_LISTEN_CLIENT_URLS",
    "ETCD_LISTEN_PEER_URLS",
    "ETCD_LISTEN_METRICS_URLS",
    "ETCD_CIPHER_SUITES",
    "ETCD_TLS_MIN_VERSION",
    "ETCD_NAME",
];

/// Of these, those that name a file.
const ETCD_ENV_FILES: &[(&str, Taken)] = &[
    ("ETCD_CONFIG_FILE", Taken::Etcd),
    ("ETCD_CERT_FILE", Taken::Certs),
    ("ETCD_TRUSTED_CA_FILE", Taken::Certs),
    ("ETCD_PEER_CERT_FILE", Taken::Certs),
    ("ETCD_PEER_TRUSTED_CA_FILE", Taken::Certs),
    ("ETCD_KEY_FILE", Taken::Stat),
    ("ETCD_PEER_KEY_FILE", Taken::Stat),
    ("ETCD_DATA_DIR", Taken::Stat),
];

/// Every trail of the catalogue, in a fixed order.
pub fn trails(content: &Content) -> Vec<Trail> {
    let mut all = Compiler { trails: Vec::new() };
    for component in &COMPONENTS {
        let env = if component.name == "etcd" { ETCD_ENV } else { &[] };
        let env = env.iter().map(|name| (*name).to_owned()).collect();
        all.process(component.name, "process", vec![], vec![Take::Process { env }, Take::Sockets]);
    }
    all.manifests(content);
    for files in files() {
        all.process(files.component, files.take.word(), vec![flag(files.flags)], files.take.takes());
    }
    for &(component, config, key, take) in KEYS {
        let cut = if component == "etcd" { Cut::Etcd } else { Cut::Config };
        let hop = Hop::Key { name: key.to_owned(), cut };
        if component == "etcd" {
            let hops = vec![Hop::Env("ETCD_CONFIG_FILE".to_owned()), hop.clone()];
            all.process(component, &format!("env.{config}.{key}"), hops, take.takes());
        }
        all.process(component, &format!("{config}.{key}"), vec![flag(&[config]), hop], take.takes());
    }
    for &(name, take) in ETCD_ENV_FILES {
        all.process("etcd", &format!("env.{name}"), vec![Hop::Env(name.to_owned())], take.takes());
    }
    all.kubelet();
    all.kubeconfig_references();
    all.declared(content);
    all.places(content);
    all.trails.extend(kernel::trails(content));
    all.trails.extend(talos::trails());
    all.trails
}

struct Compiler {
    trails: Vec<Trail>,
}

fn flag(names: &[&str]) -> Hop {
    Hop::Flag(names.iter().map(|name| (*name).to_owned()).collect())
}

fn config_key(name: &str) -> Hop {
    Hop::Key { name: name.to_owned(), cut: Cut::Config }
}

fn entries(suffix: Option<&str>, depth: u8) -> Hop {
    Hop::Entries { prefix: None, suffix: suffix.map(str::to_owned), depth }
}

impl Compiler {
    fn process(&mut self, component: &str, id: &str, hops: Vec<Hop>, take: Vec<Take>) {
        let names = COMPONENTS.iter().find(|known| known.name == component).map_or(&[][..], |known| known.processes);
        let start = Start::Process(names.iter().map(|name| (*name).to_owned()).collect());
        self.push(format!("{component}.{id}"), start, hops, take);
    }

    fn path(&mut self, id: &str, path: &str, hops: Vec<Hop>, take: Vec<Take>) {
        self.push(id.to_owned(), Start::Path(path.to_owned()), hops, take);
    }

    fn push(&mut self, id: String, start: Start, hops: Vec<Hop>, take: Vec<Take>) {
        self.trails.push(Trail { id, start, hops, take });
    }

    /// Static pods: the directories that the kubelet was given, and the platforms' own.
    fn manifests(&mut self, content: &Content) {
        let take = || vec![Take::Stat, Take::Text(Cut::Manifest)];
        let listed = || entries(None, 1);
        self.process("kubelet", "static-pods.flag", vec![flag(&["pod-manifest-path"]), listed()], take());
        self.process(
            "kubelet",
            "static-pods.config",
            vec![flag(&["config"]), config_key("staticPodPath"), listed()],
            take(),
        );
        let drop_in = vec![flag(&["config-dir"]), entries(Some(".conf"), DEPTH), config_key("staticPodPath"), listed()];
        self.process("kubelet", "static-pods.drop-in", drop_in, take());
        for path in places(content, "manifests") {
            self.path("static-pods", &path, vec![listed()], take());
        }
    }

    fn kubelet(&mut self) {
        let drop_ins = || vec![flag(&["config-dir"]), entries(Some(".conf"), DEPTH)];
        self.process("kubelet", "drop-ins", drop_ins(), Taken::Config.takes());
        for (key, take) in
            [("clientCAFile", Taken::Certs), ("tlsCertFile", Taken::Certs), ("tlsPrivateKeyFile", Taken::Stat)]
        {
            let mut hops = drop_ins();
            hops.push(config_key(key));
            self.process("kubelet", &format!("drop-ins.{key}"), hops, take.takes());
        }
        for name in SERVING_CERTIFICATES {
            let hops = vec![flag(&["cert-dir"]), Hop::Join(name.to_owned())];
            self.process("kubelet", "cert-dir", hops, Taken::Certs.takes());
        }
    }

    /// The same files where no process tells: as manifests and units declare them.
    fn declared(&mut self, content: &Content) {
        for files in files().filter(|files| files.component != "kubelet") {
            for path in places(content, "manifests") {
                let names = files.flags.iter().map(|name| (*name).to_owned()).collect();
                let id = format!("{}.declared.{}", files.component, files.take.word());
                self.path(
                    &id,
                    &path,
                    vec![entries(None, 1), Hop::FlagIn { names, cut: Cut::Manifest }],
                    files.take.takes(),
                );
            }
        }
        for unit in places(content, "kubelet-units") {
            for files in files().filter(|files| files.component == "kubelet") {
                for way in ways(files.flags) {
                    let id = format!("kubelet.declared.{}", files.take.word());
                    self.push(id, Start::Unit(unit.clone()), way, files.take.takes());
                }
            }
            for (names, key) in [("pod-manifest-path", None), ("config", Some("staticPodPath"))] {
                for mut way in ways(&[names]) {
                    way.extend(key.map(config_key));
                    way.push(entries(None, 1));
                    let take = vec![Take::Stat, Take::Text(Cut::Manifest)];
                    self.push("static-pods.declared".to_owned(), Start::Unit(unit.clone()), way, take);
                }
            }
            for mut way in ways(&["config-dir"]) {
                way.push(entries(Some(".conf"), DEPTH));
                self.push(
                    "kubelet.declared.drop-ins".to_owned(),
                    Start::Unit(unit.clone()),
                    way,
                    Taken::Config.takes(),
                );
            }
        }
    }

    /// Certificates and keys that kubeconfigs name as files.
    fn kubeconfig_references(&mut self) {
        let keys = [
            ("client-certificate", Taken::Certs),
            ("certificate-authority", Taken::Certs),
            ("client-key", Taken::Stat),
        ];
        for component in ["kube-controller-manager", "kube-scheduler", "kubelet"] {
            for (key, take) in keys {
                let names = flag(KUBECONFIGS);
                let hop = Hop::Key { name: key.to_owned(), cut: Cut::Kubeconfig };
                self.process(component, &format!("kubeconfigs.{key}"), vec![names, hop], take.takes());
            }
        }
    }

    /// Places that a platform knows, whatever runs.
    fn places(&mut self, content: &Content) {
        for path in places(content, "admin-kubeconfigs") {
            self.path("admin-kubeconfigs", &path, vec![], Taken::Kubeconfig.takes());
        }
        for path in places(content, "pki") {
            self.path("pki", &path, vec![], vec![Take::Stat]);
            self.path("pki.entries", &path, vec![entries(None, DEPTH)], vec![Take::Stat]);
            self.path("pki.directories", &path, vec![entries(None, DEPTH), Hop::Parent], vec![Take::Stat]);
            self.path("pki.certificates", &path, vec![entries(Some(".crt"), DEPTH)], Taken::Certs.takes());
        }
        for path in places(content, "kubelet-certificates") {
            self.path("kubelet.certificates", &path, vec![entries(None, 1)], vec![Take::Stat]);
            for name in SERVING_CERTIFICATES {
                self.path("kubelet.serving-certificate", &path, vec![Hop::Join(name.to_owned())], Taken::Certs.takes());
            }
        }
        for path in places(content, "kubelet-config") {
            // Without processes in reach (a file tree), the configuration is found at the platform's place.
            self.path("kubelet.config", &path, vec![], Taken::Config.takes());
            self.path("kubelet.config.client-ca", &path, vec![config_key("clientCAFile")], Taken::Certs.takes());
        }
        for path in places(content, "marks") {
            self.path("platform", &path, vec![], vec![Take::Stat]);
        }
        for path in places(content, "cni") {
            self.path("cni", &path, vec![entries(None, DEPTH)], vec![Take::Stat]);
        }
        self.path("containerd", "/etc/containerd/config.toml", vec![], vec![Take::Stat, Take::Text(Cut::Toml)]);
        for key in ["conf_dir", "conf_dirs"] {
            let hops = vec![Hop::Key { name: key.to_owned(), cut: Cut::Toml }, entries(None, DEPTH)];
            self.path("containerd.cni", "/etc/containerd/config.toml", hops, vec![Take::Stat]);
        }
        for role in COMPONENTS.iter().map(|component| component.units) {
            for name in places(content, role) {
                self.push(
                    format!("unit.{name}"),
                    Start::Unit(name.clone()),
                    vec![],
                    vec![Take::Stat, Take::Text(Cut::Unit)],
                );
                let hops = vec![Hop::Key { name: "EnvironmentFile".to_owned(), cut: Cut::Unit }];
                let take = vec![Take::Stat, Take::Text(Cut::Env)];
                self.push(format!("unit.{name}.environment"), Start::Unit(name), hops, take);
            }
        }
        for path in ["/etc/passwd", "/etc/group"] {
            self.path("accounts", path, vec![], vec![Take::Stat, Take::Text(Cut::Accounts)]);
        }
        self.trails.extend(objects::trails());
    }
}

/// A kubelet's flags stand in its unit, or in the files that the unit takes its environment from.
fn ways(flags: &[&str]) -> [Vec<Hop>; 2] {
    let names = || flags.iter().map(|name| (*name).to_owned()).collect();
    let file = Hop::Key { name: "EnvironmentFile".to_owned(), cut: Cut::Unit };
    [vec![Hop::FlagIn { names: names(), cut: Cut::Unit }], vec![file, Hop::FlagIn { names: names(), cut: Cut::Env }]]
}

/// The places of a role on every platform, each once, in order.
fn places(content: &Content, role: &str) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let all = content.platforms.iter().flat_map(|platform| platform.places(role));
    all.filter(|place| seen.insert((*place).clone())).cloned().collect()
}
