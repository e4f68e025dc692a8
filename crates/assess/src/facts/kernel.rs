//! The node's kernel: how it was built, how it was started, how it is set, and what it says of itself.
//!
//! Three families are as open as the kernel's own names: `kernel.config.CONFIG_X`, `kernel.cmdline.NAME` and
//! `kernel.sysctl.KEY`. What the kernel shows of its state beats what it was built or started with.

mod cmdline;
mod config;
mod cpu;
mod origin;
mod security;
mod sysctl;

use std::cell::OnceCell;

use evidence::{Basis, Parameter};

use super::{Fact, Resolve};
use crate::node::Node;
use crate::value::{How, Known, Resolved, Seen, Type, Value};

pub(crate) use cmdline::COMMAND_LINE;
use config::Config;
pub(crate) use config::{CONFIG_PLACES, OWN as OWN_CONFIG, RELEASE};
pub(crate) use cpu::VULNERABILITIES;
pub(crate) use origin::{ARCHITECTURE, OS_RELEASE};
pub(crate) use security::{DIRECTORIES, PARAMETERS, STATES};
pub(crate) use sysctl::SETTINGS;

/// The component that the kernel is among others.
pub const KERNEL: &str = "kernel";

/// What was read of a node's kernel, once.
#[derive(Debug, Default)]
pub(crate) struct Kernel {
    config: OnceCell<Seen<Config>>,
    parameters: OnceCell<Seen<Vec<Parameter>>>,
}

const fn fact(name: &'static str, kind: Type, about: &'static str, of: fn(&Node<'_>, &str) -> Resolved) -> Fact {
    Fact { name, kind, about, from: &[], resolve: Resolve::Host(of) }
}

pub(super) static FACTS: &[Fact] = &[
    fact(
        "kernel.is-shown",
        Type::Bool,
        "Whether this source shows a running kernel at all; without one, what was configured is all there is.",
        |node, _| {
            let shown = node.sight.capture.reach.kernel;
            known(Value::Bool(shown), How::Derived, "the kind of the source", Basis::Running)
        },
    ),
    fact("kernel.version", Type::Version, "The version of the kernel.", origin::version),
    fact(
        "kernel.architecture",
        Type::Text,
        "The processor architecture: x86_64, x86_32, arm64, arm, riscv, or as the kernel calls it.",
        origin::architecture,
    ),
    fact("kernel.talos-version", Type::Version, "The version of Talos Linux, where the node runs it.", origin::talos),
    fact(
        "kernel.config.*",
        Type::Scalar,
        "An option of the kernel's build configuration: `y`, `m`, a number or a text; absent where it is off.",
        config::option,
    ),
    fact(
        "kernel.has-option.*",
        Type::Bool,
        "Whether the kernel's build configuration knows an option at all, be it on or off.",
        config::knows,
    ),
    fact(
        "kernel.whole-config",
        Type::Bool,
        "Whether the kernel's build configuration names CONFIG_LOCALVERSION, as all do: what it lacks is not built then.",
        config::whole,
    ),
    fact(
        "kernel.cmdline.*",
        Type::Scalar,
        "A parameter of the command line: the last one given, all where they add up; empty where only its name is given.",
        cmdline::parameter,
    ),
    fact("kernel.sysctl.*", Type::Scalar, "A setting of the running kernel, as /proc/sys shows it.", sysctl::setting),
    fact(
        "kernel.lockdown",
        Type::Text,
        "How far the kernel defends itself against root: none, integrity or confidentiality.",
        security::lockdown,
    ),
    fact(
        "kernel.lockdown-confidential",
        Type::Bool,
        "Whether the kernel's lockdown is at confidentiality, which Secure Boot alone never brings.",
        security::confidential,
    ),
    fact("kernel.security-modules", Type::List, "The security modules that are active.", security::modules),
    fact(
        "kernel.module-signatures",
        Type::Text,
        "Whether modules without a good signature are refused: enforced, optional, or no-modules where none can be loaded.",
        security::signatures,
    ),
    fact("kernel.secure-boot", Type::Bool, "Whether the firmware started only signed code.", security::secure_boot),
    fact("kernel.taints", Type::List, "What has made the kernel's state doubtful since it started.", security::taints),
    fact(
        "kernel.vulnerability.*",
        Type::Text,
        "What the kernel says of a flaw of the processor: not-affected, mitigated, partly-mitigated, vulnerable; not-shown where this source or kernel does not tell.",
        cpu::vulnerability,
    ),
    fact(
        "kernel.unmitigated",
        Type::List,
        "Flaws of the processor that the kernel says are not, or not wholly, mitigated.",
        cpu::unmitigated,
    ),
    fact(
        "kernel.kubelet-differences",
        Type::List,
        "Settings that a kubelet with protectKernelDefaults would refuse to start over.",
        sysctl::kubelet_differences,
    ),
];

/// A value that follows from a source.
fn known(value: Value, how: How, source: impl Into<String>, basis: Basis) -> Resolved {
    Seen::Known(Known { value, how, source: source.into(), basis, notes: Vec::new(), partial: None })
}
