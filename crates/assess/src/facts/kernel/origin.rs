//! Which kernel it is: version, architecture, and whose.

use evidence::Basis;

use super::config::RELEASE;
use super::known;
use crate::node::Node;
use crate::value::{How, Resolved, Seen, Unknown, Value, parse_version};

/// The architecture that the running kernel was built for; since 6.1 (`kernel/utsname_sysctl.c`).
pub(crate) const ARCHITECTURE: &str = "/proc/sys/kernel/arch";

/// What the operating system calls itself.
pub(crate) const OS_RELEASE: &str = "/etc/os-release";

/// The version of the kernel. The heading of its configuration is exact, where a distribution's release is not.
pub(super) fn version(node: &Node<'_>, _: &str) -> Resolved {
    if let Seen::Known(config) = node.kernel_config()
        && let Some(version) = config.version
    {
        return known(Value::Version(version), How::Observed, format!("the heading of {}", config.place), config.basis);
    }
    match node.sight.value(RELEASE) {
        Seen::Known(release) => match parse_version(&release) {
            Some(version) => {
                known(Value::Version(version), How::Observed, format!("{RELEASE}: {release}"), Basis::Running)
            }
            None => Seen::Unknown(Unknown::new(format!("{release} is no version of a kernel"), "look at uname -r")),
        },
        // Every kernel has one.
        Seen::Absent(proof) => Seen::Unknown(Unknown::new(proof, "give /proc/version, or the kernel's configuration")),
        Seen::Unknown(unknown) => Seen::Unknown(unknown),
    }
}

/// The architecture, from the configuration or from the running kernel.
pub(super) fn architecture(node: &Node<'_>, _: &str) -> Resolved {
    if let Seen::Known(config) = node.kernel_config()
        && let Some(name) = config.architecture()
    {
        return known(Value::Text(name.to_owned()), How::Observed, config.place.clone(), config.basis);
    }
    match running_architecture(node) {
        Seen::Known(name) => {
            known(Value::Text(name), How::Observed, "what the running kernel calls its machine", Basis::Running)
        }
        // Kernels before 6.1 do not say.
        Seen::Absent(proof) => {
            Seen::Unknown(Unknown::new(proof, "give the kernel's configuration too, which says what it is for"))
        }
        Seen::Unknown(unknown) => Seen::Unknown(unknown),
    }
}

/// The architecture as the running kernel tells it.
pub(super) fn running_architecture(node: &Node<'_>) -> Seen<String> {
    match node.sight.value(ARCHITECTURE) {
        Seen::Known(name) => Seen::Known(plain(&name)),
        other => match node.sight.capture.identity.get("arch") {
            Some(name) => Seen::Known(plain(name)),
            None => other,
        },
    }
}

/// The architecture by the word of the checks: what `uname -m` says of 32-bit machines names their model.
fn plain(machine: &str) -> String {
    match machine {
        "aarch64" | "arm64" => "arm64",
        "riscv64" | "riscv32" | "riscv" => "riscv",
        "i386" | "i486" | "i586" | "i686" => "x86_32",
        other if other.starts_with("arm") => "arm",
        other => other,
    }
    .to_owned()
}

/// The version of Talos Linux; provably none where the operating system calls itself otherwise.
pub(super) fn talos(node: &Node<'_>, _: &str) -> Resolved {
    let of = |version: &str, source: String| match parse_version(version) {
        Some(parsed) => known(Value::Version(parsed), How::Observed, source, Basis::Running),
        None => Seen::Unknown(Unknown::new(format!("{version} is no version of Talos"), "look at `talosctl version`")),
    };
    // The API itself tells it.
    if let Some(version) = node.sight.capture.identity.get("talos") {
        return of(version, "what the machine's API calls its version".to_owned());
    }
    match node.sight.text(OS_RELEASE) {
        Seen::Known((text, _)) => {
            let text = text.to_lossy().into_owned();
            let value = |name: &str| {
                let line = text.lines().rev().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='))?;
                Some(line.trim_matches(['"', '\'']).to_owned())
            };
            // A container has an os-release of its own, and the kernel of its host.
            let kernel = node.sight.value(RELEASE).known().is_some_and(|release| release.contains("talos"));
            match value("ID") {
                Some(id) if id == "talos" => {
                    let version = value("VERSION_ID").unwrap_or_default();
                    of(&version, format!("VERSION_ID={version} in {OS_RELEASE}"))
                }
                Some(id) if !kernel => Seen::Absent(format!("{OS_RELEASE} says ID={id}")),
                Some(id) => Seen::Unknown(Unknown::new(
                    format!("{OS_RELEASE} says ID={id} beside a kernel of Talos"),
                    "look with the machine's own root in sight",
                )),
                None => Seen::Unknown(Unknown::new(
                    format!("{OS_RELEASE} names no ID"),
                    "look at which operating system it is",
                )),
            }
        }
        Seen::Absent(proof) => Seen::Unknown(Unknown::new(proof, "look with the machine's own root in sight")),
        Seen::Unknown(unknown) => Seen::Unknown(unknown),
    }
}
