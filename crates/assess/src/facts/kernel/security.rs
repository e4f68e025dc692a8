//! How the running kernel guards itself: lockdown, security modules, module signatures, Secure Boot, taint.
//!
//! Each has a file in which the kernel tells it. A source that shows no running kernel leaves what was configured; a
//! file that is in reach and cannot be seen leaves nothing.

use evidence::{Basis, same_parameter};

use super::config::Config;
use super::known;
use crate::facts::talos;
use crate::node::Node;
use crate::value::{How, Known, Resolved, Seen, Unknown, Value};

const SECURITYFS: &str = "/sys/kernel/security";
const LOCKDOWN: &str = "/sys/kernel/security/lockdown";
const MODULES: &str = "/sys/kernel/security/lsm";
const SIGNATURES: &str = "/sys/module/module/parameters/sig_enforce";
const FIRMWARE: &str = "/sys/firmware";
const EFI: &str = "/sys/firmware/efi";
const EFI_VARIABLES: &str = "/sys/firmware/efi/efivars";
/// Named by the UEFI specification, section 3.3, with the id of its global variables.
const SECURE_BOOT: &str = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
const SETUP_MODE: &str = "/sys/firmware/efi/efivars/SetupMode-8be4df61-93ca-11d2-aa0d-00e098032b8c";

/// Values that facts of this file look at.
pub(crate) const STATES: [&str; 5] = [LOCKDOWN, MODULES, SIGNATURES, SECURE_BOOT, SETUP_MODE];

/// Directories whose entries tell a missing file from a hidden one.
pub(crate) const DIRECTORIES: [&str; 4] = [SECURITYFS, FIRMWARE, EFI, EFI_VARIABLES];

/// Parameters that facts of this file look at, beside those that controls name.
pub(crate) const PARAMETERS: [&str; 6] = ["apparmor", "lockdown", "lsm", "module.sig_enforce", "security", "selinux"];

/// The option by which lockdown is active whatever list of modules there is.
const EARLY: &str = "CONFIG_SECURITY_LOCKDOWN_LSM_EARLY";

/// The option by which Secure Boot brings integrity: a patch that Debian, Ubuntu and Fedora carry.
const BY_FIRMWARE: &str = "CONFIG_LOCK_DOWN_IN_EFI_SECURE_BOOT";

/// Levels of lockdown, weakest first (security/lockdown/lockdown.c).
const LEVELS: [&str; 3] = ["none", "integrity", "confidentiality"];

/// Bits of `kernel.tainted` (Documentation/admin-guide/tainted-kernels.rst, v6.18).
const TAINTS: [&str; 20] = [
    "proprietary module",
    "module was force-loaded",
    "out-of-spec system",
    "module was force-unloaded",
    "machine check",
    "bad page",
    "tainted by user space",
    "kernel died",
    "ACPI table overridden",
    "kernel warning",
    "staging driver",
    "firmware workaround",
    "out-of-tree module",
    "unsigned module",
    "soft lockup",
    "live-patched",
    "auxiliary taint",
    "randstruct build",
    "in-kernel test",
    "fwctl mutating debug",
];

fn text(value: &str, how: How, source: impl Into<String>, basis: Basis) -> Resolved {
    known(Value::Text(value.to_owned()), how, source, basis)
}

/// Whether a file of securityfs is missing because what makes it is not active. Unknown: nothing of it is shown here.
fn inactive(node: &Node<'_>, option: &str, what: &str) -> Seen<String> {
    match node.sight.list(SECURITYFS) {
        Seen::Known(listing) if !listing.entries.is_empty() => {
            return Seen::Known(format!("{SECURITYFS} shows no {what}: it is not active"));
        }
        Seen::Unknown(unknown) => return Seen::Unknown(unknown),
        _ => {}
    }
    if let Seen::Known(config) = node.kernel_config()
        && config.is_off(option)
    {
        return Seen::Known(format!("{} does not set {option}", config.place));
    }
    Seen::Unknown(Unknown::new(
        format!(
            "whether {what} is active is not shown: {SECURITYFS} is empty or not there (securityfs is not mounted)"
        ),
        "look with the node's securityfs in sight (mount -t securityfs none /sys/kernel/security)",
    ))
}

pub(super) fn lockdown(node: &Node<'_>, _: &str) -> Resolved {
    lockdown_but_for_firmware(node).and_then(|known| by_firmware(node, known))
}

fn lockdown_but_for_firmware(node: &Node<'_>) -> Resolved {
    match node.sight.value(LOCKDOWN) {
        Seen::Known(line) => {
            let active = line.split_whitespace().find_map(|word| word.strip_prefix('[')?.strip_suffix(']'));
            match active {
                Some("none") => text("none", How::Observed, format!("{LOCKDOWN}: {line}"), Basis::Running),
                // The file tells the level that was asked for; only an active module acts on it.
                Some(level) => modules(node, "").and_then(|active| match active.value {
                    Value::List(names) if !names.iter().any(|name| name == "lockdown") => {
                        let why = format!("{LOCKDOWN} says {level}, but lockdown is not among {}", names.join(","));
                        text("none", How::Derived, why, Basis::Running)
                    }
                    _ => text(level, How::Observed, format!("{LOCKDOWN}: {line}"), Basis::Running),
                }),
                None => Seen::Unknown(Unknown::new(
                    format!("{LOCKDOWN} says {line}, which names no level"),
                    "look at it on the node itself",
                )),
            }
        }
        Seen::Absent(_) => inactive(node, "CONFIG_SECURITY_LOCKDOWN_LSM", "lockdown")
            .and_then(|why| text("none", How::Derived, why, Basis::Running)),
        Seen::Unknown(unknown) if unknown.outside => declared_lockdown(node, unknown),
        Seen::Unknown(unknown) => Seen::Unknown(unknown),
    }
}

/// Where the kernel does not tell, and nothing else asks for it, Secure Boot may.
fn by_firmware(node: &Node<'_>, asked: Known) -> Resolved {
    let Seen::Known(config) = node.kernel_config() else { return Seen::Known(asked) };
    let open = asked.basis == Basis::Declared && asked.value == Value::Text(LEVELS[0].to_owned());
    let tied = config.value(BY_FIRMWARE).is_some() && !config.is_off("CONFIG_SECURITY_LOCKDOWN_LSM");
    if !(open && tied) {
        return Seen::Known(asked);
    }
    secure_boot(node, "").and_then(|on| match on.value {
        Value::Bool(true) => text("integrity", How::Derived, format!("{BY_FIRMWARE}, and {}", on.source), on.basis),
        _ => Seen::Known(asked),
    })
}

/// `kernel.lockdown-confidential`. Secure Boot never brings that much.
pub(super) fn confidential(node: &Node<'_>, _: &str) -> Resolved {
    lockdown_but_for_firmware(node)
        .map(|known| Known { value: Value::Bool(known.value == Value::Text(LEVELS[2].to_owned())), ..known })
}

/// What command line and configuration ask for, where the configuration has what acts on it. The level can only be
/// raised, so the highest counts.
fn declared_lockdown(node: &Node<'_>, outside: Unknown) -> Resolved {
    let Seen::Known(config) = node.kernel_config() else { return Seen::Unknown(outside) };
    let why = |what: &str| format!("{} {what}", config.place);
    if config.is_off("CONFIG_SECURITY_LOCKDOWN_LSM") {
        return text("none", How::Derived, why("does not set CONFIG_SECURITY_LOCKDOWN_LSM"), Basis::Declared);
    }
    if config.value(EARLY).is_none() {
        match modules(node, "") {
            Seen::Known(active) => match active.value {
                Value::List(names) if names.iter().any(|name| name == "lockdown") => {}
                _ => return text("none", How::Derived, "lockdown is not among the security modules", Basis::Declared),
            },
            Seen::Absent(proof) => return text("none", How::Derived, proof, Basis::Declared),
            Seen::Unknown(unknown) => return Seen::Unknown(unknown),
        }
    }
    let on = |name: &str| usize::from(config.value(name) == Some("y"));
    let built =
        (2 * on("CONFIG_LOCK_DOWN_KERNEL_FORCE_CONFIDENTIALITY")).max(on("CONFIG_LOCK_DOWN_KERNEL_FORCE_INTEGRITY"));
    let asked = match node.kernel_parameters() {
        Seen::Known(all) => {
            let levels = all.iter().filter(|parameter| same_parameter(&parameter.name, "lockdown"));
            levels.filter_map(|parameter| level(parameter.value.as_deref()?)).max().unwrap_or(0)
        }
        // Nothing goes above the highest.
        _ if built == 2 => 0,
        _ => return Seen::Unknown(outside),
    };
    text(LEVELS[built.max(asked)], How::Derived, "the command line and the kernel's configuration", Basis::Declared)
}

fn level(word: &str) -> Option<usize> {
    LEVELS.iter().position(|level| *level == word)
}

pub(super) fn modules(node: &Node<'_>, _: &str) -> Resolved {
    let list = |line: &str| Value::List(line.split(',').map(|name| name.trim().to_owned()).collect());
    match node.sight.value(MODULES) {
        Seen::Known(line) => known(list(&line), How::Observed, MODULES, Basis::Running),
        Seen::Absent(_) => inactive(node, "CONFIG_SECURITY", "a list of security modules")
            .and_then(|why| known(Value::List(Vec::new()), How::Derived, why, Basis::Running)),
        Seen::Unknown(unknown) if unknown.outside => declared_modules(node, unknown),
        Seen::Unknown(unknown) => Seen::Unknown(unknown),
    }
}

/// Security modules by their name in a list, with the option that builds them and whether only one of these can be.
const BUILT: [(&str, &str, bool); 12] = [
    ("lockdown", "CONFIG_SECURITY_LOCKDOWN_LSM", false),
    ("landlock", "CONFIG_SECURITY_LANDLOCK", false),
    ("yama", "CONFIG_SECURITY_YAMA", false),
    ("loadpin", "CONFIG_SECURITY_LOADPIN", false),
    ("safesetid", "CONFIG_SECURITY_SAFESETID", false),
    ("selinux", "CONFIG_SECURITY_SELINUX", true),
    ("smack", "CONFIG_SECURITY_SMACK", true),
    ("tomoyo", "CONFIG_SECURITY_TOMOYO", true),
    ("apparmor", "CONFIG_SECURITY_APPARMOR", true),
    ("ipe", "CONFIG_SECURITY_IPE", false),
    ("integrity", "CONFIG_INTEGRITY", false),
    ("bpf", "CONFIG_BPF_LSM", false),
];

/// The list that the kernel would start with: `lsm=`, else its configuration's, of what it is built with and what the
/// command line does not switch off (security/security.c, `ordered_lsm_init`).
fn declared_modules(node: &Node<'_>, outside: Unknown) -> Resolved {
    let (Seen::Known(config), Seen::Known(all)) = (node.kernel_config(), node.kernel_parameters()) else {
        return Seen::Unknown(outside);
    };
    let last = |name: &str| all.iter().rfind(|parameter| same_parameter(&parameter.name, name));
    let told = |name: &str| last(name).and_then(|parameter| parameter.value.as_deref());
    if ["lsm", "security", "selinux", "apparmor"].iter().any(|name| last(name).is_some_and(|given| !given.taken())) {
        return Seen::Unknown(outside);
    }
    let (line, source) = match (told("lsm"), config.value("CONFIG_LSM")) {
        (Some(line), _) => (line, format!("lsm={line} of the command line")),
        (None, Some(line)) => (line, format!("CONFIG_LSM=\"{line}\" of {}", config.place)),
        (None, None) if config.is_off("CONFIG_LSM") => {
            return Seen::Absent(format!("{} does not have CONFIG_LSM", config.place));
        }
        (None, None) => return Seen::Unknown(outside),
    };
    let chosen = told("security").filter(|_| told("lsm").is_none());
    let active = |name: &&str| {
        let Some((_, option, exclusive)) = BUILT.iter().find(|(known, ..)| known == name) else { return true };
        let off = told(name) == Some("0") || *exclusive && chosen.is_some_and(|chosen| chosen != *name);
        !off && !config.is_off(option)
    };
    let mut names: Vec<String> = line.split(',').map(str::trim).filter(active).map(str::to_owned).collect();
    // An early module starts before any list is read.
    if config.value(EARLY).is_some() && !names.iter().any(|name| name == "lockdown") {
        names.insert(0, "lockdown".to_owned());
    }
    known(Value::List(names), How::Explicit, source, Basis::Declared)
}

pub(super) fn signatures(node: &Node<'_>, _: &str) -> Resolved {
    match node.sight.value(SIGNATURES) {
        Seen::Known(word) if word.trim() == "Y" => {
            text("enforced", How::Observed, format!("{SIGNATURES}: Y"), Basis::Running)
        }
        // The kernel's own switch is off, but under lockdown it asks for signatures all the same.
        Seen::Known(word) => lockdown(node, "").and_then(|locked| {
            let source = format!("{SIGNATURES}: {}; lockdown is {}", word.trim(), locked.value);
            let enforced = locked.value != Value::Text("none".to_owned());
            text(if enforced { "enforced" } else { "optional" }, How::Observed, source, Basis::Running)
        }),
        Seen::Absent(proof) => match node.kernel_config() {
            Seen::Known(config) => built_without(config)
                .unwrap_or_else(|| Seen::Unknown(Unknown::new(proof, "look with the node's /sys in sight"))),
            _ => Seen::Unknown(Unknown::new(
                format!("{proof}: the kernel has no modules, takes them unsigned, or /sys is not in sight"),
                "give the kernel's configuration too, or look with the node's /sys in sight",
            )),
        },
        Seen::Unknown(unknown) if unknown.outside => declared_signatures(node, unknown),
        Seen::Unknown(unknown) => Seen::Unknown(unknown),
    }
}

/// What a kernel does that cannot load modules, or cannot check them.
fn built_without(config: &Config) -> Option<Resolved> {
    let say = |value: &str, option: &str| {
        text(value, How::Derived, format!("{} does not set {option}", config.place), config.basis)
    };
    if config.is_off("CONFIG_MODULES") {
        return Some(say("no-modules", "CONFIG_MODULES"));
    }
    config.is_off("CONFIG_MODULE_SIG").then(|| say("optional", "CONFIG_MODULE_SIG"))
}

fn declared_signatures(node: &Node<'_>, outside: Unknown) -> Resolved {
    let parameter = super::cmdline::parameter(node, "module.sig_enforce");
    let asked = parameter.known().is_some_and(|known| known.value == Value::Text("1".to_owned()));
    // A kernel that cannot check them ignores the parameter.
    let Seen::Known(config) = node.kernel_config() else {
        // Every kernel of Talos can check signatures, and Talos says whether it is told to.
        return match talos::state_flag(node, "moduleSignatureEnforced", [1, 12, 0]) {
            Seen::Known(Known { value: Value::Bool(true), source, .. }) => {
                text("enforced", How::Derived, source, Basis::Declared)
            }
            _ => Seen::Unknown(outside),
        };
    };
    if let Some(resolved) = built_without(config) {
        return resolved;
    }
    if config.value("CONFIG_MODULE_SIG_FORCE").is_some() {
        return text("enforced", How::Derived, format!("CONFIG_MODULE_SIG_FORCE of {}", config.place), Basis::Declared);
    }
    if asked {
        return text("enforced", How::Explicit, "module.sig_enforce of the command line", Basis::Declared);
    }
    match (parameter, lockdown_but_for_firmware(node)) {
        (_, Seen::Known(locked)) if locked.value != Value::Text("none".to_owned()) => {
            text("enforced", How::Derived, format!("lockdown is {}", locked.value), Basis::Declared)
        }
        (Seen::Unknown(unknown), _) | (_, Seen::Unknown(unknown)) => Seen::Unknown(unknown),
        _ => text("optional", How::Derived, "the command line and the kernel's configuration", Basis::Declared),
    }
}

pub(super) fn secure_boot(node: &Node<'_>, _: &str) -> Resolved {
    let hidden = |place: &str| {
        Seen::Unknown(Unknown::new(
            format!("{place} shows nothing here: it is hidden or not mounted"),
            "look with the node's /sys in sight, efivarfs included",
        ))
    };
    let absent = |why: String| known(Value::Bool(false), How::Derived, why, Basis::Running);
    match node.sight.raw(SECURE_BOOT) {
        Seen::Known(bytes) => node.sight.raw(SETUP_MODE).and_then(|setup| {
            // Four bytes of attributes stand before the value.
            let on = |bytes: &[u8]| bytes.get(4) == Some(&1);
            let source = format!("SecureBoot is {}, SetupMode is {}", u8::from(on(bytes)), u8::from(on(setup)));
            known(Value::Bool(on(bytes) && !on(setup)), How::Observed, source, Basis::Running)
        }),
        // Talos tells what it saw of it when it started.
        Seen::Unknown(unknown) if unknown.outside => match talos::state_flag(node, "secureBoot", [1, 9, 0]) {
            Seen::Known(known) => Seen::Known(known),
            _ => Seen::Unknown(unknown),
        },
        Seen::Unknown(unknown) => Seen::Unknown(unknown),
        Seen::Absent(_) => match (node.sight.list(FIRMWARE), node.sight.list(EFI_VARIABLES)) {
            (Seen::Unknown(unknown), _) => Seen::Unknown(unknown),
            (Seen::Known(firmware), _) if firmware.entries.is_empty() => hidden(FIRMWARE),
            (Seen::Known(firmware), _) if !firmware.entries.iter().any(|entry| entry.name == *"efi") => {
                absent(format!("{FIRMWARE} has no efi: the machine was not started by UEFI"))
            }
            (_, Seen::Known(variables)) if !variables.entries.is_empty() => {
                absent("the firmware has no variable SecureBoot".to_owned())
            }
            (_, Seen::Unknown(unknown)) => Seen::Unknown(unknown),
            _ => hidden(EFI_VARIABLES),
        },
    }
}

pub(super) fn taints(node: &Node<'_>, _: &str) -> Resolved {
    let path = evidence::setting_path("kernel.tainted");
    let value = match node.sight.value(&path) {
        // Every kernel has it.
        Seen::Absent(proof) => Seen::Unknown(Unknown::new(proof, "look with the node's /proc in sight")),
        other => other,
    };
    value.and_then(|line| match line.trim().parse::<u64>() {
        Ok(bits) => {
            let names = (0..64).filter(|bit| bits >> bit & 1 == 1);
            let name = |bit: usize| TAINTS.get(bit).map_or_else(|| format!("bit {bit}"), |name| (*name).to_owned());
            known(Value::List(names.map(name).collect()), How::Observed, format!("{path}: {bits}"), Basis::Running)
        }
        Err(_) => Seen::Unknown(Unknown::new(format!("{path} says {line}, which is no number"), "look at the node")),
    })
}
