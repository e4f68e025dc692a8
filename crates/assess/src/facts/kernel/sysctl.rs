//! Settings of the running kernel.

use evidence::{Basis, setting_path};

use super::known;
use crate::node::Node;
use crate::value::{How, Resolved, Seen, Value};

/// What a kubelet expects of the kernel: it sets these itself, or with `protectKernelDefaults` refuses to start where
/// they differ (`setupKernelTunables` of `pkg/kubelet/cm/container_manager_linux.go`, v1.22 to v1.36).
const KUBELET: [(&str, &str); 6] = [
    ("vm.overcommit_memory", "1"),
    ("vm.panic_on_oom", "0"),
    ("kernel.panic", "10"),
    ("kernel.panic_on_oops", "1"),
    ("kernel.keys.root_maxkeys", "1000000"),
    ("kernel.keys.root_maxbytes", "25000000"),
];

/// Settings that facts look at, beside those that controls name.
pub(crate) const SETTINGS: [&str; 7] =
    [KUBELET[0].0, KUBELET[1].0, KUBELET[2].0, KUBELET[3].0, KUBELET[4].0, KUBELET[5].0, "kernel.tainted"];

/// `kernel.sysctl.KEY`.
pub(super) fn setting(node: &Node<'_>, key: &str) -> Resolved {
    node.sight.value(&setting_path(key)).and_then(|value| {
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        let basis = node.sight.value_basis(&setting_path(key));
        let source = match basis {
            Basis::Running => setting_path(key),
            _ => format!("what was last written to {}", setting_path(key)),
        };
        known(Value::Text(value), How::Observed, source, basis)
    })
}

/// Where the kernel differs from what the kubelet expects.
pub(super) fn kubelet_differences(node: &Node<'_>, _: &str) -> Resolved {
    let mut differences = Vec::new();
    for (key, wanted) in KUBELET {
        match node.sight.value(&setting_path(key)) {
            Seen::Known(is) if is.trim() == wanted => {}
            Seen::Known(is) => differences.push(format!("{key} is {} instead of {wanted}", is.trim())),
            Seen::Absent(_) => differences.push(format!("{key} is not there")),
            Seen::Unknown(unknown) => return Seen::Unknown(unknown),
        }
    }
    let basis = KUBELET.iter().map(|(key, _)| node.sight.value_basis(&setting_path(key))).min();
    let basis = basis.unwrap_or(Basis::Running);
    known(Value::List(differences), How::Derived, "six settings below /proc/sys", basis)
}
