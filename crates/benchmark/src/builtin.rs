//! The content that comes with the program.

/// One line for each file, so that one that was forgotten shows in a diff as well as in the test below.
macro_rules! files {
    ($($name:literal)*) => { &[$(($name, include_str!(concat!("../../../", $name)))),*] };
}

static FILES: &[(&str, &str)] = files! {
    "benchmarks/controls/etcd.yaml"
    "benchmarks/controls/files.yaml"
    "benchmarks/controls/kernel-cmdline.yaml"
    "benchmarks/controls/kernel-config-defaults.yaml"
    "benchmarks/controls/kernel-config.yaml"
    "benchmarks/controls/kernel-node.yaml"
    "benchmarks/controls/kernel-sysctl.yaml"
    "benchmarks/controls/kernel-talos.yaml"
    "benchmarks/controls/kube-apiserver.yaml"
    "benchmarks/controls/kube-controller-manager.yaml"
    "benchmarks/controls/kube-proxy.yaml"
    "benchmarks/controls/kube-scheduler.yaml"
    "benchmarks/controls/kubelet.yaml"
    "benchmarks/controls/network.yaml"
    "benchmarks/controls/pods.yaml"
    "benchmarks/controls/policies.yaml"
    "benchmarks/controls/rbac.yaml"
    "benchmarks/controls/secrets.yaml"
    "benchmarks/controls/talos.yaml"
    "benchmarks/defaults/etcd.yaml"
    "benchmarks/defaults/kube-apiserver.yaml"
    "benchmarks/defaults/kube-controller-manager.yaml"
    "benchmarks/defaults/kube-proxy.yaml"
    "benchmarks/defaults/kube-scheduler.yaml"
    "benchmarks/defaults/kubelet.yaml"
    "benchmarks/platforms/ack.yaml"
    "benchmarks/platforms/aks.yaml"
    "benchmarks/platforms/doks.yaml"
    "benchmarks/platforms/eks.yaml"
    "benchmarks/platforms/gke.yaml"
    "benchmarks/platforms/iks.yaml"
    "benchmarks/platforms/kubeadm.yaml"
    "benchmarks/platforms/oke.yaml"
    "benchmarks/platforms/talos.yaml"
    "benchmarks/profiles/cis-1.10.yaml"
    "benchmarks/profiles/cis-1.11.yaml"
    "benchmarks/profiles/cis-1.12.yaml"
    "benchmarks/profiles/cis-1.9.yaml"
    "benchmarks/profiles/cis-2.0.1.yaml"
    "benchmarks/profiles/kspp.yaml"
    "benchmarks/profiles/node-kernel.yaml"
    "benchmarks/profiles/talos-kernel.yaml"
    "benchmarks/profiles/talos.yaml"
};

/// Every file of the content that comes with the program: its name as people are shown it, and its text.
pub fn builtin_files() -> Vec<(String, String)> {
    FILES.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

/// Whether a file of this name comes with the program.
pub(crate) fn is_builtin(name: &str) -> bool {
    FILES.iter().any(|(builtin, _)| *builtin == name)
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    fn below(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                below(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "yaml") {
                found.push(path);
            }
        }
    }

    #[test]
    fn no_file_of_the_folder_is_forgotten() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut found = Vec::new();
        below(&root.join("benchmarks"), &mut found);
        let mut names: Vec<String> =
            found.iter().map(|path| path.strip_prefix(&root).unwrap().display().to_string()).collect();
        names.sort();
        assert_eq!(names, FILES.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    }
}
