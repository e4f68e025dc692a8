//! Which processes a name means: one rule for every driver.

use std::collections::BTreeSet;

use crate::OsText;

/// The names among `names` that a process answers to, in order.
///
/// A name means a process whose executable or first argument has that file name, exactly: `etcd` is not
/// `etcd-backup`, and a shell that runs `/usr/local/bin/kubelet` is a shell. A name with a blank (`hyperkube kubelet`)
/// also demands the argument after the first. The executable counts also if it was replaced since the start.
pub fn process_names(names: &BTreeSet<String>, exe: Option<&OsText>, argv: &[OsText]) -> Vec<String> {
    let own = [exe.map(running_file), argv.first().map(OsText::as_bytes)].map(|path| path.map(file_name));
    let means = |name: &&String| {
        let (program, argument) = name.split_once(' ').map_or((name.as_str(), None), |(a, b)| (a, Some(b)));
        !program.is_empty()
            && own.contains(&Some(program.as_bytes()))
            && argument.is_none_or(|argument| argv.get(1).is_some_and(|given| given == argument))
    };
    names.iter().filter(means).cloned().collect()
}

/// The executable's path without the mark that the kernel adds once the file is gone.
fn running_file(exe: &OsText) -> &[u8] {
    exe.as_bytes().strip_suffix(b" (deleted)").unwrap_or(exe.as_bytes())
}

fn file_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_a_file_name() {
        let names = ["etcd", "kube-apiserver", "kube-controller-manager", "kubelet", "hyperkube kubelet"];
        let names = names.map(String::from).into();
        #[rustfmt::skip]
        let table: &[(Option<&str>, &[&str], &[&str])] = &[
            (Some("/usr/local/bin/kube-apiserver"), &["kube-apiserver", "--v=2"], &["kube-apiserver"]),
            (Some("/usr/bin/kubelet"), &["/usr/bin/kubelet"], &["kubelet"]),
            (Some("/usr/bin/kubelet (deleted)"), &["worker"], &["kubelet"]),
            (Some("/opt/kubelet-1.36"), &["/usr/bin/kubelet"], &["kubelet"]),
            (Some("/usr/bin/kubelet"), &[], &["kubelet"]),
            (None, &["etcd", "--name=a"], &["etcd"]),
            (None, &["kubelet (deleted)"], &[]),
            (None, &[], &[]),
            (None, &[""], &[]),
            (Some("/usr/local/bin/etcd-backup"), &["etcd-backup"], &[]),
            (Some("/usr/bin/etcdctl"), &["etcdctl", "etcd"], &[]),
            (Some("/usr/bin/kube-controllers"), &["kube-controllers"], &[]),
            (Some("/usr/bin/grep"), &["grep", "kube-apiserver"], &[]),
            (Some("/usr/bin/bash"), &["/bin/bash", "/usr/local/bin/kubelet"], &[]),
            (Some("/usr/bin/kubelet/"), &["x"], &[]),
            (Some("/hyperkube"), &["/hyperkube", "kubelet", "--v=2"], &["hyperkube kubelet"]),
            (Some("/hyperkube"), &["kubelet", "kubelet"], &["hyperkube kubelet", "kubelet"]),
            (Some("/hyperkube"), &["/hyperkube", "proxy"], &[]),
            (Some("/hyperkube"), &["/hyperkube"], &[]),
        ];
        for (exe, argv, expected) in table {
            let exe = exe.map(OsText::from);
            let given: Vec<OsText> = argv.iter().map(|text| OsText::from(*text)).collect();
            assert_eq!(process_names(&names, exe.as_ref(), &given), *expected, "{exe:?} {argv:?}");
        }
    }

    #[test]
    fn an_empty_name_means_nothing() {
        let names = [String::new(), " kubelet".to_owned()].into();
        assert!(process_names(&names, Some(&OsText::from("/")), &["".into(), "kubelet".into()]).is_empty());
    }
}
