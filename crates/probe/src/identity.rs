//! Which node a root belongs to, and who looks at it.

use std::collections::BTreeMap;

use rustix::thread::CapabilitySet;

use crate::processes;
use crate::root::Root;

/// What names the node: host name, machine id and the like, as far as they can be told.
pub(crate) fn identity(root: &Root, live: bool) -> BTreeMap<String, String> {
    let sources = [
        ("machine-id", "/etc/machine-id"),
        ("boot-id", "/proc/sys/kernel/random/boot_id"),
        ("kernel", "/proc/sys/kernel/osrelease"),
    ];
    let mut identity: BTreeMap<String, String> =
        sources.into_iter().filter_map(|(key, path)| Some((key.to_owned(), first_line(root, path)?))).collect();
    identity.extend(hostname(root, live).map(|name| ("hostname".to_owned(), name)));
    let release = root.read(b"/etc/os-release", 64 << 10).unwrap_or_default();
    for (key, name) in [("os", "PRETTY_NAME"), ("os-id", "ID")] {
        identity.extend(release_value(&String::from_utf8_lossy(&release), name).map(|value| (key.to_owned(), value)));
    }
    if live {
        let arch = rustix::system::uname().machine().to_string_lossy().into_owned();
        identity.insert("arch".to_owned(), arch);
    }
    identity
}

/// The kernel tells its reader's host name, which in a container is not the host's.
fn hostname(root: &Root, live: bool) -> Option<String> {
    let (kernel, file) = ("/proc/sys/kernel/hostname", "/etc/hostname");
    let (first, second) = if live && root.name() != "/" { (file, kernel) } else { (kernel, file) };
    first_line(root, first).or_else(|| first_line(root, second))
}

fn first_line(root: &Root, path: &str) -> Option<String> {
    let bytes = root.read(path.as_bytes(), 4096).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned)
}

/// A value of os-release, without its quotes.
fn release_value(text: &str, name: &str) -> Option<String> {
    let value = text.lines().rev().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='))?;
    let quoted = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
    let value = quoted('"').or_else(|| quoted('\'')).unwrap_or(value);
    (!value.is_empty()).then(|| value.to_owned())
}

/// The rights that this process holds.
pub(crate) fn rights() -> Vec<String> {
    let mut rights = vec![format!("uid {}", rustix::process::geteuid().as_raw())];
    if let Ok(sets) = rustix::thread::capabilities(None) {
        for (capability, name) in [
            (CapabilitySet::DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH"),
            (CapabilitySet::SYS_PTRACE, "CAP_SYS_PTRACE"),
            (CapabilitySet::SYS_ADMIN, "CAP_SYS_ADMIN"),
        ] {
            if sets.effective.contains(capability) {
                rights.push(name.to_owned());
            }
        }
    }
    rights
}

/// What a reader must know about this look at the node.
pub(crate) fn remarks(root: &Root) -> Vec<String> {
    let mut remarks: Vec<String> = processes::concealment(root).into_iter().collect();
    if root.name() == "/" {
        let sign = ["/.dockerenv", "/run/.containerenv"].into_iter().find(|path| root.stat(path.as_bytes()).is_ok());
        let in_pod = std::env::var_os("KUBERNETES_SERVICE_HOST").map(|_| "KUBERNETES_SERVICE_HOST is set");
        let sign = sign.map(|path| format!("{path} is there")).or(in_pod.map(str::to_owned));
        remarks.extend(sign.map(|sign| {
            format!("this looked from inside a container ({sign}), at its files and not at the node's: mount the node's root and name it")
        }));
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_os_release_lose_their_quotes() {
        let text = "NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 13\"\nID='debian'\nVERSION_ID=\nID_LIKE=a\n";
        for (name, expected) in [
            ("PRETTY_NAME", Some("Debian GNU/Linux 13")),
            ("ID", Some("debian")),
            ("NAME", Some("x")),
            ("VERSION_ID", None),
            ("BUILD_ID", None),
        ] {
            assert_eq!(release_value(text, name).as_deref(), expected);
        }
    }
}
