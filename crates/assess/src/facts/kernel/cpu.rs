//! What the kernel says of its processor's flaws.

use evidence::{Basis, Listing};

use super::known;
use crate::node::Node;
use crate::value::{How, Resolved, Seen, Unknown, Value};

/// A file for each flaw that the kernel knows of (Documentation/ABI/testing/sysfs-devices-system-cpu).
pub(crate) const VULNERABILITIES: &str = "/sys/devices/system/cpu/vulnerabilities";

/// `kernel.vulnerability.NAME`. Where nobody tells, a demand goes by what was configured.
pub(super) fn vulnerability(node: &Node<'_>, name: &str) -> Resolved {
    let silent = |why: String| known(Value::Text("not-shown".to_owned()), How::Derived, why, Basis::Running);
    let listing = match flaws(node) {
        Seen::Known(listing) => listing,
        Seen::Absent(proof) => return Seen::Absent(proof),
        Seen::Unknown(unknown) if unknown.outside => return silent(unknown.why),
        Seen::Unknown(unknown) => return Seen::Unknown(unknown),
    };
    if !listing.entries.iter().any(|entry| entry.name == *name) {
        return silent(format!("this kernel does not know of {name}"));
    }
    let text = match node.sight.value(&format!("{VULNERABILITIES}/{name}")) {
        Seen::Unknown(unknown) if unknown.outside => return silent(unknown.why),
        text => text,
    };
    text.and_then(|text| match state(&text) {
        Some(state) => {
            let source = format!("{VULNERABILITIES}/{name}: {text}");
            known(Value::Text(state.to_owned()), How::Observed, source, Basis::Running)
        }
        None => Seen::Unknown(unsure(name, &text)),
    })
}

/// The kernel does not know either.
fn unsure(name: &str, text: &str) -> Unknown {
    Unknown::new(format!("the kernel says of {name}: {text}"), "ask whoever runs the hypervisor: a guest cannot tell")
}

/// The flaws that the kernel knows of. A kernel without any is too old to tell, or its /sys is not in sight.
fn flaws<'n>(node: &Node<'n>) -> Seen<&'n Listing> {
    match node.sight.list(VULNERABILITIES) {
        Seen::Absent(proof) => Seen::Unknown(Unknown::new(proof, "look with the node's /sys in sight")),
        Seen::Known(listing) if listing.entries.is_empty() || !listing.complete => Seen::Unknown(Unknown::new(
            format!("{VULNERABILITIES} shows nothing here: it is hidden"),
            "look with the node's /sys in sight (container runtimes mask it)",
        )),
        other => other,
    }
}

/// Flaws that are not, or not wholly, mitigated.
pub(super) fn unmitigated(node: &Node<'_>, _: &str) -> Resolved {
    flaws(node).and_then(|listing| {
        let mut open = Vec::new();
        for entry in &listing.entries {
            let name = entry.name.to_lossy();
            let text = match node.sight.value(&format!("{VULNERABILITIES}/{name}")) {
                Seen::Known(text) => text,
                Seen::Absent(_) => continue,
                Seen::Unknown(unknown) => return Seen::Unknown(unknown),
            };
            match state(&text) {
                Some("vulnerable" | "partly-mitigated") => open.push(format!("{name} ({text})")),
                Some(_) => {}
                None => return Seen::Unknown(unsure(&name, &text)),
            }
        }
        known(Value::List(open), How::Observed, VULNERABILITIES, Basis::Running)
    })
}

/// What a line of the kernel's says; none where it does not know.
fn state(text: &str) -> Option<&'static str> {
    let text = text.trim().strip_prefix("KVM: ").unwrap_or(text.trim()).to_ascii_lowercase();
    if text.starts_with("not affected") {
        Some("not-affected")
    } else if text.starts_with("mitigation") {
        Some(if text.contains("vulnerable") { "partly-mitigated" } else { "mitigated" })
    } else if text.starts_with("vulnerable") || text.starts_with("processor vulnerable") {
        Some("vulnerable")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn lines_of_the_kernel_are_understood() {
        for (line, expected) in [
            ("Not affected", Some("not-affected")),
            ("Mitigation: PTI", Some("mitigated")),
            ("Mitigation: Clear CPU buffers; SMT vulnerable", Some("partly-mitigated")),
            ("Mitigation: PTE Inversion; VMX: conditional cache flushes, SMT disabled", Some("mitigated")),
            ("Vulnerable", Some("vulnerable")),
            ("Vulnerable: Clear CPU buffers attempted, no microcode; SMT Host state unknown", Some("vulnerable")),
            ("KVM: Mitigation: VMX disabled", Some("mitigated")),
            ("Processor vulnerable", Some("vulnerable")),
            ("Unknown: Dependent on hypervisor status", None),
            ("Unknown (XEN PV detected, hypervisor mitigation required)", None),
        ] {
            assert_eq!(super::state(line), expected, "{line}");
        }
    }
}
