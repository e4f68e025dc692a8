//! The command line that the kernel was started with.

use evidence::{Basis, Parameter, same_parameter};

use super::known;
use crate::node::Node;
use crate::value::{How, Resolved, Seen, Unknown, Value};

/// Where the kernel shows it.
pub(crate) const COMMAND_LINE: &str = "/proc/cmdline";

/// Parameters that the kernel reads with `kstrtobool`, in v6.18; the rest have words of their own.
const BOOLEANS: [&str; 11] = [
    "bdev_allow_write_mounted", // block/bdev.c
    "hardened_usercopy",        // mm/usercopy.c
    "ia32_emulation",           // arch/x86/entry/common.c
    "init_on_alloc",            // mm/mm_init.c
    "init_on_free",             // mm/mm_init.c
    "iommu.passthrough",        // drivers/iommu/iommu.c
    "iommu.strict",             // drivers/iommu/iommu.c
    "kpti",                     // arch/arm64/kernel/cpufeature.c
    "page_poison",              // mm/mm_init.c
    "randomize_kstack_offset",  // init/main.c
    "page_alloc.shuffle",       // mm/shuffle.c, a module parameter
];

/// Module parameters of type `bool`: the bare name is a yes too (`param_set_bool` of kernel/params.c).
const SWITCHES: [&str; 2] = ["module.sig_enforce", "slab_common.usercopy_fallback"];

/// The switch that cannot be switched off again.
const ENABLE_ONLY: &str = "module.sig_enforce";

/// Parameters whose handler is called for each time they are given and adds to what it did before
/// (arch/x86/kernel/pci-dma.c, drivers/iommu/amd/init.c, drivers/iommu/intel/iommu.c, drivers/firmware/efi/efi.c,
/// arch/x86/kernel/cpu/common.c).
const CUMULATIVE: [&str; 6] = ["amd_iommu", "clearcpuid", "efi", "intel_iommu", "iommu", "setcpuid"];

impl Node<'_> {
    /// The parameters, in order.
    pub(super) fn kernel_parameters(&self) -> &Seen<Vec<Parameter>> {
        self.kernel.parameters.get_or_init(|| match self.sight.value(COMMAND_LINE) {
            Seen::Known(line) => Seen::Known(evidence::parameters(&line)),
            // Every kernel has one.
            Seen::Absent(proof) => Seen::Unknown(Unknown::new(proof, "look with the node's /proc in sight")),
            Seen::Unknown(unknown) => Seen::Unknown(unknown),
        })
    }
}

/// `kernel.cmdline.NAME`.
pub(super) fn parameter(node: &Node<'_>, name: &str) -> Resolved {
    node.kernel_parameters().as_ref().and_then(|all| read(all, name))
}

fn read(all: &[Parameter], name: &str) -> Resolved {
    let given: Vec<&Parameter> = all.iter().filter(|parameter| same_parameter(&parameter.name, name)).collect();
    let Some(last) = given.last() else {
        return Seen::Absent(format!("{COMMAND_LINE} does not have {name}"));
    };
    if given.iter().any(|parameter| !parameter.taken()) {
        return Seen::Unknown(Unknown::new(
            format!("the value of {name} was not taken from {COMMAND_LINE}"),
            "collect the evidence again with this version of kube-assay",
        ));
    }
    let written = last.value.as_ref().map_or(last.name.clone(), |value| format!("{}={value}", last.name));
    let means = |parameter: &Parameter| meant(name, parameter.value.as_deref());
    // Signatures can be asked for and not waived again (`param_set_bool_enable_only`).
    let enforced = same_parameter(name, ENABLE_ONLY) && given.iter().any(|parameter| means(parameter) == "1");
    let adds = CUMULATIVE.iter().any(|other| same_parameter(other, name));
    let value = if enforced {
        "1".to_owned()
    } else if adds {
        let values: Vec<&str> = given.iter().filter_map(|parameter| parameter.value.as_deref()).collect();
        values.join(",")
    } else {
        means(last)
    };
    let gloss = if last.value.as_deref().unwrap_or_default() == value {
        String::new()
    } else {
        format!(", which means {value}")
    };
    let mut resolved =
        known(Value::Text(value), How::Observed, format!("{written} in {COMMAND_LINE}{gloss}"), Basis::Running);
    if let Seen::Known(known) = &mut resolved
        && given.iter().any(|other| other.value != last.value)
    {
        let counts = if adds { "all of them count" } else { "the last one counts" };
        known.notes.push(format!("{name} is given {} times in {COMMAND_LINE}; {counts}", given.len()));
    }
    resolved
}

/// The value as the kernel reads it: a boolean is 1 or 0 however it is written; what is none stays as it is.
fn meant(name: &str, value: Option<&str>) -> String {
    let is = |names: &[&str]| names.iter().any(|other| same_parameter(other, name));
    let switch = is(&SWITCHES);
    match value {
        None if switch => "1".to_owned(),
        None => String::new(),
        Some(text) if switch || is(&BOOLEANS) => boolean(text).map_or(text, |on| if on { "1" } else { "0" }).to_owned(),
        Some(text) => text.to_owned(),
    }
}

/// `kstrtobool` of lib/kstrtox.c: the first letters decide.
fn boolean(text: &str) -> Option<bool> {
    let mut letters = text.bytes().map(|byte| byte.to_ascii_lowercase());
    match (letters.next()?, letters.next()) {
        (b'y' | b't' | b'1', _) | (b'o', Some(b'n')) => Some(true),
        (b'n' | b'f' | b'0', _) | (b'o', Some(b'f')) => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_are_read_as_the_kernel_reads_them() {
        for (name, value, expected) in [
            ("init_on_alloc", Some("1"), "1"),
            ("init-on-alloc", Some("Yes"), "1"),
            ("init_on_alloc", Some("on"), "1"),
            ("init_on_alloc", Some("off"), "0"),
            ("init_on_alloc", Some("o"), "o"),
            ("init_on_alloc", Some("maybe"), "maybe"),
            ("init_on_alloc", None, ""),
            ("module.sig_enforce", None, "1"),
            ("module.sig_enforce", Some("n"), "0"),
            ("spectre_v2", Some("on"), "on"),
            ("vdso32", Some("on"), "on"),
        ] {
            assert_eq!(meant(name, value), expected, "{name} {value:?}");
        }
    }
}
