//! The output of `sysctl -a`: what it shows, what it may not show, and what it would show if it were there.

use std::collections::BTreeMap;

use evidence::{OF_THE_ADMINISTRATOR, Seen};

/// In every whole dump: one of each family.
const ALWAYS: [&str; 6] =
    ["kernel.printk", "kernel.ostype", "vm.swappiness", "fs.file-max", "net.core.somaxconn", "net.ipv4.ip_forward"];

/// A whole dump has a thousand settings, on the smallest machine some hundred.
const FEWEST: usize = 300;

/// Only root can read it (mode 0600, `kernel/pid.c`): a dump with it was made by root.
const ROOTS: &str = "kernel.cad_pid";

/// One of the family of [`OF_THE_ADMINISTRATOR`] that everybody can read.
const JIT: &str = "net.core.bpf_jit_enable";

/// Only the first network namespace has it (`net/core/sysctl_net_core.c`); its neighbour is in all.
const FIRST_ONLY: &str = "net.core.netdev_max_backlog";

/// A dump of settings. A setting without a value was refused.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Dump {
    settings: BTreeMap<String, Option<String>>,
    /// Whether somebody wrote it, and `sysctl` did not: it has comments.
    written: bool,
}

/// Whether a line is one of a dump.
pub(super) fn is_setting(line: &str) -> bool {
    setting(line).is_some()
}

fn setting(line: &str) -> Option<(String, &str)> {
    // A command line may begin with `net.ifnames=0` as well, but goes on.
    let (key, value) = match line.split_once(" =") {
        Some(parts) => parts,
        None => line.split_once('=').filter(|(_, value)| !value.trim().contains(' '))?,
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:@*".contains(&byte);
    let key = key.trim();
    let fits = key.contains(['.', '/']) && key.starts_with(|c: char| c.is_ascii_lowercase()) && key.bytes().all(plain);
    fits.then(|| (key.replace('/', "."), value.trim()))
}

/// The key in a complaint of `sysctl`, in whatever language: it stands in quotes.
fn refused(line: &str) -> Option<&str> {
    let complaint = line.strip_prefix("sysctl:").or_else(|| line.contains("ermission denied").then_some(line))?;
    let quotes = ['\'', '"', '`', '‘', '’', '«', '»', ' ', ','];
    complaint.split(quotes).find(|word| word.contains(['.', '/']) && setting(&format!("{word} = x")).is_some())
}

impl Dump {
    /// Reads a dump. The last line of a key counts.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut dump = Self::default();
        let mut last: Option<String> = None;
        for (line, at) in text.lines().zip(1..) {
            if let Some((key, value)) = setting(line) {
                dump.settings.insert(key.clone(), Some(value.to_owned()));
                last = Some(key);
            } else if let Some(key) = refused(line) {
                dump.settings.entry(key.replace('/', ".")).or_insert(None);
            } else if line.trim_start().starts_with(['#', ';']) {
                dump.written = true;
            } else if line.trim().is_empty() || line.starts_with("sysctl:") {
                // Nothing, or a complaint that names no key.
            } else if line.starts_with(char::is_whitespace) && last.is_some() {
                // Some values go over several lines.
            } else {
                // Its text stays out of the message: a file of another kind may be full of secrets.
                return Err(format!("line {at} is no `key = value` as `sysctl -a` prints it"));
            }
        }
        Ok(dump)
    }

    /// Whether it is all that `sysctl -a` prints.
    fn whole(&self) -> bool {
        !self.written && self.settings.len() >= FEWEST && ALWAYS.iter().all(|key| self.settings.contains_key(*key))
    }

    /// Whether it shows itself to be another network namespace's.
    fn elsewhere(&self) -> bool {
        self.whole() && !self.settings.contains_key(FIRST_ONLY)
    }

    /// What must be said of it.
    pub(super) fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if !self.whole() {
            remarks.push("the settings are no whole output of `sysctl -a`: what they lack is not known".to_owned());
        } else if !self.settings.contains_key(ROOTS) {
            remarks.push("the settings were not saved by root: some are missing for that reason alone".to_owned());
        }
        if self.elsewhere() {
            remarks.push("the settings were saved in another network namespace than the node's own".to_owned());
        }
        remarks.push("settings of net and user are those of the namespaces they were saved in".to_owned());
        remarks
    }

    /// A value as it stands.
    pub(super) fn plain(&self, key: &str) -> Option<&str> {
        self.settings.get(key)?.as_deref()
    }

    /// What it tells of a setting; none if it tells nothing.
    pub(super) fn value(&self, key: &str) -> Option<Seen> {
        let administrators = OF_THE_ADMINISTRATOR.contains(&key);
        let right = if administrators { "root with CAP_SYS_ADMIN" } else { "root" };
        let denied = || Some(Seen::Denied { right: right.to_owned() });
        let elsewhere = || {
            Some(Seen::Namespaced {
                namespace: "network".to_owned(),
                help: "save `sysctl -a` as root in the node's own network".to_owned(),
            })
        };
        let has = |key: &str| self.settings.contains_key(key);
        match self.settings.get(key) {
            Some(None) => denied(),
            _ if key.starts_with("net.") && self.elsewhere() => elsewhere(),
            Some(Some(value)) => Some(evidence::take_value(value.as_bytes())),
            None if !self.whole() => None,
            None if administrators && has(JIT) => denied(),
            None if administrators => elsewhere(),
            // Others than root are not told of what they may not read, and neither is a root of few rights.
            None if !has(ROOTS) || key.starts_with("kernel.apparmor_") && !has(OF_THE_ADMINISTRATOR[0]) => denied(),
            None => Some(Seen::Absent { proof: "the whole of `sysctl -a` does not show it".to_owned() }),
        }
    }
}
