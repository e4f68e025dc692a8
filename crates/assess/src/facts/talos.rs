//! Talos Linux itself: what its API tells of the system, of how it was booted, and of who may ask it.

mod access;
mod system;
mod traps;

use super::{Fact, Resolve};
use crate::node::Node;
use crate::value::{How, Known, Resolved, Seen, Type, Unknown, Value};
use evidence::Basis;

pub(crate) use system::{PROGRAMS, state_flag};

/// The component that Talos is among others.
pub const TALOS: &str = "talos";

/// The mounts of the machine's first process.
pub(crate) const MOUNTINFO: &str = "/proc/1/mountinfo";

const fn fact(name: &'static str, kind: Type, about: &'static str, of: fn(&Node<'_>, &str) -> Resolved) -> Fact {
    Fact { name, kind, about, from: &[], resolve: Resolve::Host(of) }
}

pub(super) static FACTS: &[Fact] = &[
    fact("talos.node-name", Type::Text, "The name that Talos gives the node in the cluster.", system::node_name),
    fact("talos.services", Type::List, "The services that Talos runs.", system::services),
    fact("talos.extensions", Type::List, "The extensions in the machine's image.", system::extensions),
    fact("talos.shells", Type::List, "Shells among the programs of the system.", |node, _| {
        system::programs(node, &system::SHELLS)
    }),
    fact("talos.package-managers", Type::List, "Package managers among the programs of the system.", |node, _| {
        system::programs(node, &system::PACKAGE_MANAGERS)
    }),
    fact(
        "talos.ssh-servers",
        Type::List,
        "Servers for remote shells among the programs, services and extensions of the system.",
        |node, _| system::ssh_servers(node),
    ),
    fact(
        "talos.open-ports",
        Type::List,
        "TCP ports of the host's network that others can reach: those that listen beyond loopback.",
        system::open_ports,
    ),
    fact(
        "talos.root-is-immutable",
        Type::Bool,
        "Whether the root is mounted read-only, from an image or from layers of images.",
        system::immutable_root,
    ),
    fact(
        "talos.unencrypted-volumes",
        Type::List,
        "Of the partitions that hold state (STATE, EPHEMERAL), those that are not encrypted.",
        system::unencrypted,
    ),
    fact("talos.secure-boot", Type::Bool, "Whether the firmware started only signed code.", |node, _| {
        system::state_flag(node, "secureBoot", [1, 9, 0])
    }),
    fact("talos.booted-with-uki", Type::Bool, "Whether it was started from a unified kernel image.", |node, _| {
        system::state_flag(node, "bootedWithUKI", [1, 10, 0])
    }),
    fact(
        "talos.module-signature-enforced",
        Type::Bool,
        "What Talos says of whether its command line demands signed modules; since 1.12.",
        |node, _| system::state_flag(node, "moduleSignatureEnforced", [1, 12, 0]),
    ),
    fact(
        "talos.selinux",
        Type::Text,
        "The state of SELinux: disabled, permissive or enforcing; since 1.10.",
        |node, _| system::state_word(node, "selinuxState", [1, 10, 0]),
    ),
    fact("talos.fips", Type::Text, "FIPS 140-3 mode: disabled, enabled or strict; since 1.11.", |node, _| {
        system::state_word(node, "fipsState", [1, 11, 0])
    }),
    fact(
        "talos.workload-isolation",
        Type::Bool,
        "Whether pods are kept in a sandbox of their own; since 1.14.",
        system::workload_isolation,
    ),
    fact(
        "talos.own-hardening-settings",
        Type::List,
        "Settings of Talos' hardening that the machine's configuration sets to something of its own.",
        system::own_settings,
    ),
    fact(
        "talos.ineffective-kernel-arguments",
        Type::List,
        "Kernel arguments of the machine's configuration that a unified kernel image ignores.",
        system::ineffective_arguments,
    ),
    fact(
        "talos.configuration-traps",
        Type::List,
        "What in the machine's configuration has no effect, is refused, or keeps a component from starting.",
        traps::traps,
    ),
    fact(
        "talos.configured-pods",
        Type::List,
        "Pods and manifests that the machine's configuration brings along.",
        system::configured_pods,
    ),
    fact(
        "talos.verifies-clients",
        Type::Bool,
        "Whether the machine's API demands a client certificate; in maintenance mode it does not.",
        access::verifies_clients,
    ),
    fact(
        "talos.kubernetes-access-roles",
        Type::List,
        "Roles of the machine's API that pods of the cluster may obtain.",
        access::kubernetes_roles,
    ),
    fact(
        "talos.ingress",
        Type::Text,
        "What the machine's firewall does with connections that no rule allows: block or accept.",
        access::ingress,
    ),
    fact(
        "talos.client-roles",
        Type::List,
        "Roles of the certificate that this audit was made with.",
        access::client_roles,
    ),
    fact(
        "talos.client-days",
        Type::Int,
        "Days for which the certificate that this audit was made with is still good.",
        access::client_days,
    ),
];

fn known(value: Value, how: How, source: impl Into<String>, basis: Basis) -> Resolved {
    Seen::Known(Known { value, how, source: source.into(), basis, notes: Vec::new(), partial: None })
}

/// A list that follows from a source.
fn list(members: impl IntoIterator<Item = String>, source: impl Into<String>, basis: Basis) -> Resolved {
    let mut members: Vec<String> = members.into_iter().collect();
    members.sort();
    members.dedup();
    known(Value::List(members), How::Observed, source, basis)
}

/// The version of Talos.
pub(crate) fn version(node: &Node<'_>) -> Seen<[u32; 3]> {
    super::fact("kernel.talos-version").map_or_else(
        || Seen::Unknown(Unknown::new("Talos' version is no fact", "report this")),
        |fact| {
            fact.resolve(node, super::Subject::Host, fact.name).and_then(|known| match known.value {
                Value::Version(version) => Seen::Known(version),
                other => Seen::Unknown(Unknown::new(format!("{other} is no version"), "look at `talosctl version`")),
            })
        },
    )
}
