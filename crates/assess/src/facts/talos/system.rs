//! What Talos is made of, and how it was booted.

use std::collections::BTreeSet;

use evidence::{Basis, FileKind};
use serde_json::Value as Json;

use super::{MOUNTINFO, known, list, version};
use crate::document;
use crate::node::Node;
use crate::talos::{EXTENSIONS, MOUNTS, NODE_NAMES, OWN_SETTINGS, SECURITY_STATES, SERVICES};
use crate::value::{How, Resolved, Seen, Unknown, Value};

/// Directories that programs are started from.
pub(crate) const PROGRAMS: [&str; 6] = ["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"];

pub(super) const SHELLS: [&str; 11] =
    ["sh", "bash", "ash", "dash", "zsh", "ksh", "mksh", "csh", "tcsh", "fish", "busybox"];
pub(super) const PACKAGE_MANAGERS: [&str; 13] =
    ["apk", "apt", "apt-get", "aptitude", "dpkg", "rpm", "dnf", "microdnf", "yum", "zypper", "pacman", "nix", "opkg"];
pub(super) const SSH_SERVERS: [&str; 4] = ["sshd", "dropbear", "dropbearmulti", "tinysshd"];

/// Partitions that hold what a machine must not lose to whoever takes its disk.
const STATEFUL: [&str; 2] = ["STATE", "EPHEMERAL"];

/// The settings of Talos' hardening since 1.12 (`kspp.GetKernelParams`).
const HARDENING: [&str; 16] = [
    "dev.tty.ldisc_autoload",
    "dev.tty.legacy_tiocsti",
    "fs.protected_symlinks",
    "fs.protected_hardlinks",
    "fs.protected_fifos",
    "fs.protected_regular",
    "fs.suid_dumpable",
    "kernel.kptr_restrict",
    "kernel.dmesg_restrict",
    "kernel.perf_event_paranoid",
    "kernel.randomize_va_space",
    "kernel.yama.ptrace_scope",
    "user.max_user_namespaces",
    "kernel.unprivileged_bpf_disabled",
    "net.core.bpf_jit_harden",
    "vm.unprivileged_userfaultfd",
];

/// Where Talos is not what is asked, no name of its own stands against the one that the kubelet was given.
pub(super) fn node_name(node: &Node<'_>, _: &str) -> Resolved {
    if !node.asks_talos() {
        return Seen::Absent("this source is not Talos' API, which alone tells the name that Talos gives".to_owned());
    }
    node.spec(NODE_NAMES, "nodename").and_then(|spec| match document::text_at(&spec.json, "nodename") {
        Some(name) => known(Value::Text(name), How::Observed, spec.place.clone(), Basis::Declared),
        None => Seen::Unknown(Unknown::new(format!("{} gives no name", spec.place), "look at `talosctl get nodename`")),
    })
}

pub(super) fn services(node: &Node<'_>, _: &str) -> Resolved {
    node.resources(SERVICES).and_then(|all| {
        if all.is_empty() {
            // The machine's own daemon and its API always run.
            return Seen::Unknown(Unknown::new("the machine shows no service", "look at `talosctl get services`"));
        }
        list(all.iter().map(|service| service.id.clone()), "Services", Basis::Running)
    })
}

pub(super) fn extensions(node: &Node<'_>, _: &str) -> Resolved {
    node.resources(EXTENSIONS).and_then(|all| {
        let mut names = Vec::new();
        for extension in all {
            match node.spec(EXTENSIONS, &extension.id) {
                Seen::Known(spec) => {
                    names.push(document::text_at(&spec.json, "metadata.name").unwrap_or_else(|| extension.id.clone()));
                }
                Seen::Absent(_) => {}
                Seen::Unknown(unknown) => return Seen::Unknown(unknown),
            }
        }
        list(names, "ExtensionStatuses", Basis::Running)
    })
}

/// Those of some programs that lie where the system starts programs from.
pub(super) fn programs(node: &Node<'_>, names: &[&str]) -> Resolved {
    let mut found = Vec::new();
    let mut looked = Vec::new();
    for directory in PROGRAMS {
        match node.sight.list(directory) {
            Seen::Known(listing) if !listing.complete => {
                return Seen::Unknown(Unknown::new(
                    format!("{directory} has more entries than are taken"),
                    "look at it on the machine",
                ));
            }
            Seen::Known(listing) => {
                looked.push(directory);
                let these = listing.entries.iter().filter(|entry| names.contains(&entry.name.to_lossy().as_str()));
                found.extend(these.map(|entry| format!("{directory}/{}", entry.name)));
            }
            // A link to another of them, or not there.
            Seen::Absent(_) => {}
            Seen::Unknown(_) if is_no_directory(node, directory) => {}
            Seen::Unknown(unknown) => return Seen::Unknown(unknown),
        }
    }
    if looked.is_empty() {
        return Seen::Unknown(Unknown::new("no directory of programs was seen", "look at them on the machine"));
    }
    list(found, format!("the names in {}", looked.join(", ")), Basis::Running)
}

fn is_no_directory(node: &Node<'_>, path: &str) -> bool {
    matches!(node.sight.stat(path), Seen::Known(stat) if stat.kind != FileKind::Dir)
}

/// Servers for remote shells among the programs, the services and the extensions: an extension's service brings its own
/// root, in which its program lies.
pub(super) fn ssh_servers(node: &Node<'_>) -> Resolved {
    let brought =
        |names: Vec<String>| names.into_iter().filter(|name| name.contains("ssh") || name.contains("dropbear"));
    programs(node, &SSH_SERVERS).and_then(|known| {
        services(node, "").and_then(|services| {
            extensions(node, "").and_then(|extensions| {
                let source = format!("{}, the services and the extensions", known.source);
                let mut all = super::super::members(known.clone());
                all.extend(brought(super::super::members(services.clone())));
                all.extend(brought(super::super::members(extensions.clone())));
                list(all, source, Basis::Running)
            })
        })
    })
}

/// The kubelet is in the host's network, so that its view is the host's.
pub(super) fn open_ports(node: &Node<'_>, _: &str) -> Resolved {
    if !node.sight.capture.reach.sockets {
        return Seen::Unknown(Unknown::outside(
            "this source does not show listening sockets",
            "scan the machine through its API",
        ));
    }
    let kubelet = node.only("kubelet");
    let Some(process) = kubelet.known().and_then(|kubelet| kubelet.process.as_ref()) else {
        return Seen::Unknown(Unknown::new(
            "no kubelet runs whose network could be looked at",
            "look at `talosctl netstat --listening`",
        ));
    };
    node.sight.sockets(process.pid).and_then(|sockets| {
        // Talos answers names for its own pods at an address of the loopback interface (`constants.HostDNSAddress`).
        let own = std::net::Ipv4Addr::new(169, 254, 116, 108);
        let beyond = |address: std::net::IpAddr| !address.is_loopback() && address != own;
        let open = sockets.listening.iter().filter(|listener| beyond(listener.address));
        let ports: BTreeSet<u16> = open.map(|listener| listener.port).collect();
        known(
            Value::List(ports.into_iter().map(|port| port.to_string()).collect()),
            How::Observed,
            "listening sockets of the host's network",
            Basis::Running,
        )
    })
}

/// The root is an image (squashfs, since 1.14 perhaps erofs), or an overlay of such where extensions are installed; both
/// are read-only.
pub(super) fn immutable_root(node: &Node<'_>, _: &str) -> Resolved {
    node.sight.text(MOUNTINFO).and_then(|(text, _)| {
        let text = text.to_lossy().into_owned();
        let mut mounts = text.lines().rev().filter_map(|line| {
            let mut fields = line.split(' ');
            Some((fields.next()?, fields.next()?, line.rsplit(' ').next()?))
        });
        // What is mounted last lies on top.
        let Some((_, options, kind)) = mounts.find(|(point, ..)| *point == "/") else {
            return Seen::Unknown(Unknown::new(format!("{MOUNTINFO} names no root"), "look at it on the machine"));
        };
        let read_only = options.split(',').any(|option| option == "ro");
        let image = ["squashfs", "overlay", "erofs"].contains(&kind);
        let source = format!("/ in {MOUNTINFO}: {kind}, {options}");
        known(Value::Bool(read_only && image), How::Observed, source, Basis::Running)
    })
}

pub(super) fn unencrypted(node: &Node<'_>, _: &str) -> Resolved {
    node.resources(MOUNTS).and_then(|all| {
        let (mut plain, mut unseen) = (Vec::new(), Vec::new());
        for name in STATEFUL {
            // A volume that is not mounted now is not shown.
            if !all.iter().any(|mount| mount.id == name) {
                unseen.push(name);
                continue;
            }
            match node.spec(MOUNTS, name) {
                Seen::Known(spec) if document::at(&spec.json, "encrypted") == Some(&Json::Bool(true)) => {}
                Seen::Known(_) | Seen::Absent(_) => plain.push(name.to_owned()),
                Seen::Unknown(unknown) => return Seen::Unknown(unknown),
            }
        }
        if plain.is_empty() && !unseen.is_empty() {
            return Seen::Unknown(Unknown::new(
                format!("the machine does not show {} among its mounts", unseen.join(", ")),
                "look at `talosctl get volumestatus`",
            ));
        }
        list(plain, "MountStatuses", Basis::Running)
    })
}

/// Whether a machine is a container, which has the kernel and the firmware of its host.
fn is_container(node: &Node<'_>) -> bool {
    node.sight.capture.identity.get("talos-mode").is_some_and(|mode| mode == "container")
}

fn state(node: &Node<'_>, field: &str, since: [u32; 3]) -> Seen<(Option<String>, String)> {
    if is_container(node) {
        return Seen::Absent("the machine is a container: its host's kernel and firmware are not its own".to_owned());
    }
    node.spec(SECURITY_STATES, "securitystate").and_then(|spec| match document::text_at(&spec.json, field) {
        Some(text) => Seen::Known((Some(text), spec.place.clone())),
        // What is false or zero is left out, and so is what an older version does not know.
        None => version(node).and_then(|version| {
            if version < since {
                Seen::Absent(format!("Talos tells {field} since {}.{}", since[0], since[1]))
            } else {
                Seen::Known((None, spec.place.clone()))
            }
        }),
    })
}

/// A field of the security state that is true or false.
pub(crate) fn state_flag(node: &Node<'_>, field: &str, since: [u32; 3]) -> Resolved {
    state(node, field, since).and_then(|(word, place)| {
        let on = word.as_deref() == Some("true");
        known(Value::Bool(on), How::Observed, format!("{field} of {place}"), Basis::Running)
    })
}

/// A field of the security state that is a word: `enabled, permissive` is told as `permissive`.
pub(super) fn state_word(node: &Node<'_>, field: &str, since: [u32; 3]) -> Resolved {
    state(node, field, since).and_then(|(word, place)| {
        let word = word.unwrap_or_else(|| "disabled".to_owned());
        let word = word.rsplit(", ").next().unwrap_or_default().to_owned();
        known(Value::Text(word), How::Observed, format!("{field} of {place}"), Basis::Running)
    })
}

pub(super) fn workload_isolation(node: &Node<'_>, _: &str) -> Resolved {
    version(node).and_then(|version| {
        if version < [1, 14, 0] {
            return Seen::Absent("Talos can do so since 1.14".to_owned());
        }
        node.machine_config().and_then(|documents| {
            let on = documents
                .of_kind("SecurityProfileConfig")
                .any(|own| document::at(own, "workloadIsolation") == Some(&Json::Bool(true)));
            known(
                Value::Bool(on),
                How::Observed,
                format!("SecurityProfileConfig in {}", documents.place),
                Basis::Declared,
            )
        })
    })
}

/// Talos lets a person's own value win and only logs it.
pub(super) fn own_settings(node: &Node<'_>, _: &str) -> Resolved {
    node.resources(OWN_SETTINGS).and_then(|all| {
        let mut own = Vec::new();
        for setting in all {
            let Some(key) = setting.id.strip_prefix("proc.sys.").filter(|key| HARDENING.contains(key)) else {
                continue;
            };
            match node.spec(OWN_SETTINGS, &setting.id) {
                Seen::Known(spec) => {
                    own.push(format!("{key} = {}", document::text_at(&spec.json, "value").unwrap_or_default()));
                }
                Seen::Absent(_) => {}
                Seen::Unknown(unknown) => return Seen::Unknown(unknown),
            }
        }
        list(own, "KernelParamSpecs", Basis::Declared)
    })
}

/// Under a unified kernel image the command line is part of the signed image.
pub(super) fn ineffective_arguments(node: &Node<'_>, _: &str) -> Resolved {
    state_flag(node, "bootedWithUKI", [1, 10, 0]).and_then(|uki| {
        node.machine_config().and_then(|documents| {
            let given = documents.legacy("machine.install.extraKernelArgs").and_then(Json::as_array);
            let name = |argument: &str| argument.split('=').next().unwrap_or_default().to_owned();
            let arguments = given.into_iter().flatten().filter_map(Json::as_str).map(name);
            let ignored = arguments.filter(|_| uki.value == Value::Bool(true));
            list(ignored, format!("machine.install.extraKernelArgs of {}", documents.place), Basis::Declared)
        })
    })
}

pub(super) fn configured_pods(node: &Node<'_>, _: &str) -> Resolved {
    node.machine_config().and_then(|documents| {
        let names = |path: &str, name: &str| -> Vec<String> {
            let all = documents.legacy(path).and_then(Json::as_array).into_iter().flatten();
            all.enumerate()
                .map(|(at, own)| document::text_at(own, name).unwrap_or_else(|| format!("#{}", at + 1)))
                .collect()
        };
        let mut found: Vec<String> =
            names("machine.pods", "metadata.name").into_iter().map(|name| format!("pod {name}")).collect();
        found.extend(names("cluster.inlineManifests", "name").into_iter().map(|name| format!("manifest {name}")));
        let external = documents.legacy("cluster.extraManifests").and_then(Json::as_array).map_or(0, Vec::len);
        found.extend((1..=external).map(|at| format!("manifest from elsewhere #{at}")));
        for kind in ["KubeStaticPodConfig", "KubeInlineManifestConfig", "KubeExternalManifestConfig"] {
            let of = |(at, own): (usize, &Json)| {
                format!("{kind} {}", document::text_at(own, "name").unwrap_or_else(|| format!("#{}", at + 1)))
            };
            found.extend(documents.of_kind(kind).enumerate().map(of));
        }
        list(found, documents.place.clone(), Basis::Declared)
    })
}
