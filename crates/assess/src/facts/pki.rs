//! The control plane's certificates and keys, wherever they are named or lie.

use evidence::FileKind;
use serde_json::Value as Json;

use super::files::{DEPTH, Members, files_beneath, found, has_suffix, located, placed, there};
use crate::document;
use crate::node::Node;
use crate::value::{Seen, Unknown};

/// Which of them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pki {
    Everything,
    Certificates,
    Keys,
}

/// Settings of the control plane that name certificates and private keys. Trails lead to them by the same table.
pub(crate) struct PkiSettings {
    /// Whose settings.
    pub component: &'static str,
    /// Those that name certificates.
    pub certificates: &'static [&'static str],
    /// Those that name private keys.
    pub keys: &'static [&'static str],
}

/// The control plane's.
pub(crate) const PKI_SETTINGS: [PkiSettings; 3] = [
    PkiSettings {
        component: "kube-apiserver",
        certificates: &[
            "client-ca-file",
            "etcd-cafile",
            "etcd-certfile",
            "tls-cert-file",
            "kubelet-client-certificate",
            "kubelet-certificate-authority",
            "requestheader-client-ca-file",
            "proxy-client-cert-file",
        ],
        keys: &[
            "etcd-keyfile",
            "tls-private-key-file",
            "kubelet-client-key",
            "proxy-client-key-file",
            "service-account-signing-key-file",
        ],
    },
    PkiSettings {
        component: "kube-controller-manager",
        certificates: &[
            "client-ca-file",
            "root-ca-file",
            "cluster-signing-cert-file",
            "requestheader-client-ca-file",
            "tls-cert-file",
        ],
        keys: &["cluster-signing-key-file", "service-account-private-key-file", "tls-private-key-file"],
    },
    PkiSettings {
        component: "etcd",
        certificates: &["cert-file", "peer-cert-file", "trusted-ca-file", "peer-trusted-ca-file"],
        keys: &["key-file", "peer-key-file"],
    },
];

/// The control plane's certificates and keys: what its components name, what kubeconfigs name, and what lies in the
/// platform's directories. Where no component of the control plane is on the node there is nothing to judge.
pub(super) fn pki(node: &Node<'_>, which: Pki) -> Seen<Members> {
    let mut members = Members::default();
    let mut absent = Vec::new();
    for PkiSettings { component, certificates, keys } in PKI_SETTINGS {
        match node.instances(component) {
            Seen::Known(instances) => {
                for instance in instances {
                    let settings = match which {
                        Pki::Everything => [certificates, keys].concat(),
                        Pki::Certificates => certificates.to_vec(),
                        Pki::Keys => keys.to_vec(),
                    };
                    let (paths, unseen) = located(node, instance, &settings);
                    members.paths.extend(paths);
                    members.unseen = members.unseen.or(unseen);
                }
            }
            Seen::Absent(proof) => absent.push(proof),
            Seen::Unknown(unknown) => members.unseen = members.unseen.or(Some(unknown)),
        }
    }
    if absent.len() == PKI_SETTINGS.len() {
        return Seen::Absent(absent.swap_remove(0));
    }
    kubeconfig_files(node, which, &mut members);
    for directory in node.platform.places("pki") {
        let wanted = |path: &str| match which {
            Pki::Everything => true,
            Pki::Certificates => has_suffix(path, &[".crt", ".cert", ".pem"]) && !path.ends_with("-key.pem"),
            Pki::Keys => has_suffix(path, &[".key", "-key.pem"]),
        };
        files_beneath(node, directory, DEPTH, &mut members, &wanted);
        if which == Pki::Everything {
            directories_beneath(node, directory, DEPTH, &mut members);
        }
    }
    there(node, &mut members);
    found(members, || "the control plane's components name no certificate that is on this node".to_owned())
}

fn directories_beneath(node: &Node<'_>, directory: &str, depth: u8, members: &mut Members) {
    if matches!(node.sight.stat(directory), Seen::Known(stat) if stat.kind == FileKind::Dir) {
        members.paths.insert(directory.to_owned());
    }
    if let (Seen::Known(listing), true) = (node.sight.list(directory), depth > 1) {
        for entry in listing.entries.iter().filter(|entry| entry.dir) {
            directories_beneath(node, &format!("{directory}/{}", entry.name), depth - 1, members);
        }
    }
}

/// Certificates and keys that the kubeconfigs of the node's components name as files. A file that holds certificate
/// and key together (`kubelet-client-current.pem`) counts as a key.
fn kubeconfig_files(node: &Node<'_>, which: Pki, members: &mut Members) {
    let settings = ["kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"];
    for component in ["kube-controller-manager", "kube-scheduler", "kubelet"] {
        let instances = match node.instances(component) {
            Seen::Known(instances) => instances,
            Seen::Absent(_) => continue,
            Seen::Unknown(unknown) => {
                members.unseen.get_or_insert(unknown);
                continue;
            }
        };
        for instance in instances {
            let settings: Vec<&str> =
                settings.into_iter().filter(|name| node.content.component(component).setting(name).is_some()).collect();
            let (places, mut unseen) = located(node, instance, &settings);
            for place in places {
                let kubeconfig = node.sight.text(&place).and_then(|(text, _)| document::read(&place, &text.bytes));
                let (paths, missed) = match kubeconfig {
                    Seen::Known(kubeconfig) => placed(node, instance, referenced(&kubeconfig, which)),
                    Seen::Absent(proof) => {
                        let why = format!("{} uses a kubeconfig that is not there ({proof})", instance.name);
                        (Vec::new(), Some(Unknown::new(why, "look at it inside the component's container")))
                    }
                    // Talos renders them with the credentials inside, and keeps all others below its own directories.
                    Seen::Unknown(_) if node.asks_talos() && is_talos_own(&place) => continue,
                    Seen::Unknown(unknown) => (Vec::new(), Some(unknown)),
                };
                members.paths.extend(paths);
                unseen = unseen.or(missed);
            }
            members.unseen = members.unseen.take().or(unseen);
        }
    }
}

/// Whether a kubeconfig is one that Talos, or the kubelet by its order, writes.
fn is_talos_own(path: &str) -> bool {
    path.starts_with("/system/secrets/kubernetes/") || path == "/etc/kubernetes/kubeconfig-kubelet"
}

/// The paths of certificates and keys in a kubeconfig.
fn referenced(kubeconfig: &Json, which: Pki) -> Vec<String> {
    let of = |list: &str, path: &str| -> Vec<String> {
        document::list_at(kubeconfig, list).iter().filter_map(|entry| document::text_at(entry, path)).collect()
    };
    let keys = of("users", "user.client-key");
    let mut certificates =
        [of("users", "user.client-certificate"), of("clusters", "cluster.certificate-authority")].concat();
    certificates.retain(|path| !keys.contains(path));
    match which {
        Pki::Everything => [certificates, keys].concat(),
        Pki::Certificates => certificates,
        Pki::Keys => keys,
    }
}
