//! The output of `sysctl -a`: what it shows, what it may not show, and what it would show if it were there.

use std::collections::BTreeMap;

use evidence::Seen;

/// In every whole dump (kernel/printk/sysctl.c, since 2.6).
const ALWAYS: &str = "kernel.printk";

/// Only root can read it (mode 0600, `kernel/pid.c`): a dump with it was made by root.
const ROOTS: &str = "kernel.cad_pid";

/// Settings that only root can read, at least on some kernels: others' dumps lack them.
const OF_ROOT: [&str; 6] = [
    "vm.mmap_rnd_bits",
    "vm.mmap_rnd_compat_bits",
    "fs.protected_symlinks",
    "fs.protected_hardlinks",
    "fs.protected_fifos",
    "fs.protected_regular",
];

/// Settings that take `CAP_SYS_ADMIN` in the first user namespace, and that only the first network namespace has.
const OF_THE_ADMINISTRATOR: [&str; 3] =
    ["net.core.bpf_jit_harden", "net.core.bpf_jit_kallsyms", "net.core.bpf_jit_limit"];

/// One of the same family that everybody can read.
const JIT: &str = "net.core.bpf_jit_enable";

/// A dump of settings. A setting without a value was refused.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Dump {
    settings: BTreeMap<String, Option<String>>,
}

/// Whether a line is one of a dump.
pub(super) fn is_setting(line: &str) -> bool {
    setting(line).is_some()
}

fn setting(line: &str) -> Option<(String, &str)> {
    let (key, value) = line.split_once(" =").or_else(|| line.split_once('='))?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:@*".contains(&byte);
    let key = key.trim();
    let known = ["kernel", "vm", "fs", "net", "dev", "user", "abi", "debug", "crypto", "sunrpc", "fscache"];
    let first = key.split(['.', '/']).next().unwrap_or_default();
    let fits = key.contains(['.', '/']) && key.bytes().all(plain) && known.contains(&first);
    fits.then(|| (key.replace('/', "."), value.trim()))
}

/// The key in a complaint of `sysctl` that it may not read one.
fn refused(line: &str) -> Option<&str> {
    let rest = line.split_once("ermission denied on key")?.1;
    let key = rest.split_whitespace().next()?;
    Some(key.trim_matches(['\'', '"', '`', ',', '‘', '’']))
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
            } else if line.trim().is_empty() || line.trim_start().starts_with(['#', ';']) || line.starts_with("sysctl:")
            {
                // An empty line, a comment of a sysctl.conf, another complaint.
            } else if line.starts_with(char::is_whitespace) && last.is_some() {
                // Some values go over several lines.
            } else {
                return Err(format!("line {at} is no `key = value` as `sysctl -a` prints it: {}", beginning(line)));
            }
        }
        Ok(dump)
    }

    /// Whether it is all that `sysctl -a` prints.
    fn whole(&self) -> bool {
        self.settings.contains_key(ALWAYS)
    }

    /// What must be said of it.
    pub(super) fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if !self.whole() {
            remarks
                .push(format!("the settings are a part of a dump ({ALWAYS} is missing): what they lack is not known"));
        } else if !self.settings.contains_key(ROOTS) {
            remarks.push("the settings were not saved by root: some are missing for that reason alone".to_owned());
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
        match self.settings.get(key) {
            Some(Some(value)) => Some(evidence::take_value(value.as_bytes())),
            Some(None) => denied(),
            None if !self.whole() => None,
            None if administrators && self.settings.contains_key(JIT) => denied(),
            None if administrators => Some(Seen::Namespaced {
                namespace: "network".to_owned(),
                help: "save `sysctl -a` as root in the node's own network".to_owned(),
            }),
            None if OF_ROOT.contains(&key) && !self.settings.contains_key(ROOTS) => denied(),
            None => Some(Seen::Absent { proof: "the whole of `sysctl -a` does not show it".to_owned() }),
        }
    }
}

fn beginning(line: &str) -> String {
    let short: String = line.chars().take(40).collect();
    if short.len() < line.len() { format!("{short}…") } else { short }
}
