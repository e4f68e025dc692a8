//! Kernels that are made up: options, parameters and settings drawn so that every check is met often, missed often,
//! and met by each of its alternatives.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::reference::{Kernel, Part, Row};

/// A small generator of numbers: the same seed gives the same kernels on every machine.
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 16) % bound as u64).unwrap()
    }

    fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

/// What the rows of the table say of each name: values that some row wants.
pub(crate) struct Words {
    wanted: BTreeMap<(String, String), Vec<String>>,
}

pub(crate) const ARCHITECTURES: [(&str, &str, &str); 5] = [
    ("x86_64", "CONFIG_X86_64", "x86"),
    ("x86_32", "CONFIG_X86_32", "x86"),
    ("arm64", "CONFIG_ARM64", "arm64"),
    ("arm", "CONFIG_ARM", "arm"),
    ("riscv", "CONFIG_RISCV", "riscv"),
];

const VERSIONS: [[u32; 3]; 12] = [
    [4, 19, 0],
    [5, 4, 207],
    [5, 4, 208],
    [5, 8, 18],
    [5, 10, 0],
    [5, 19, 0],
    [6, 1, 119],
    [6, 6, 0],
    [6, 6, 8],
    [6, 9, 1],
    [6, 15, 0],
    [6, 18, 44],
];

impl Words {
    pub(crate) fn of(rows: &[Row]) -> Self {
        let mut wanted: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        for row in rows {
            for leaf in row.whole().split([' ', '(']).filter(|word| word.contains(':')) {
                let (kind, name) = leaf.split_once(':').unwrap();
                wanted.entry((kind.to_owned(), name.to_owned())).or_default();
            }
            let text = row.whole();
            for (at, _) in text.match_indices(':') {
                let kind = text[..at].rsplit([' ', '(']).next().unwrap();
                let rest = &text[at + 1..];
                let Some((name, predicate)) = rest.split_once(' ') else { continue };
                let end = predicate.find([')']).unwrap_or(predicate.len());
                let predicate = predicate[..end].split(" OR ").next().unwrap().split(" AND ").next().unwrap();
                let predicate = predicate.split(" else ").next().unwrap();
                wanted.entry((kind.to_owned(), name.to_owned())).or_default().push(predicate.to_owned());
            }
        }
        Self { wanted }
    }

    /// A kernel of an architecture. The higher `good`, the more of what is wanted it has, in percent.
    pub(crate) fn kernel(&self, numbers: &mut Numbers, good: usize) -> Kernel {
        let (architecture, symbol, _) = numbers.one(&ARCHITECTURES);
        let mut kernel =
            Kernel { architecture: architecture.to_owned(), version: numbers.one(&VERSIONS), ..Kernel::default() };
        for ((kind, name), wanted) in &self.wanted {
            let wish = if wanted.is_empty() { None } else { Some(wanted[numbers.below(wanted.len())].clone()) };
            let fulfilled = numbers.percent(good);
            match kind.as_str() {
                "kconfig" => {
                    if let Some(value) = option(wish.as_deref(), fulfilled, numbers) {
                        kernel.config.insert(name.clone(), value);
                    }
                }
                "cmdline" => {
                    if let Some(value) = parameter(wish.as_deref(), fulfilled, numbers) {
                        kernel.parameters.push((name.clone(), value));
                    }
                }
                _ => {
                    if let Some(value) = setting(wish.as_deref(), fulfilled, numbers) {
                        kernel.settings.insert(name.clone(), value);
                    }
                }
            }
        }
        for (_, other, _) in ARCHITECTURES {
            kernel.config.remove(other);
        }
        kernel.config.insert(symbol.to_owned(), Some("y".to_owned()));
        let maximum = numbers.one(&["16", "24", "32"]).to_string();
        for (bits, most) in [
            ("CONFIG_ARCH_MMAP_RND_BITS", "CONFIG_ARCH_MMAP_RND_BITS_MAX"),
            ("CONFIG_ARCH_MMAP_RND_COMPAT_BITS", "CONFIG_ARCH_MMAP_RND_COMPAT_BITS_MAX"),
        ] {
            kernel.config.remove(most);
            kernel.config.remove(bits);
            if numbers.percent(80) {
                kernel.config.insert(most.to_owned(), Some(maximum.clone()));
                let own = if numbers.percent(50) { maximum.clone() } else { "8".to_owned() };
                kernel.config.insert(bits.to_owned(), Some(own));
            }
        }
        for key in ["vm.mmap_rnd_bits", "vm.mmap_rnd_compat_bits"] {
            let own = if numbers.percent(50) { maximum.clone() } else { "8".to_owned() };
            kernel.settings.insert(key.to_owned(), own);
        }
        kernel.parts = [Part::Configuration, Part::Settings].into_iter().filter(|_| numbers.percent(5)).collect();
        if !kernel.parts.contains(&Part::Configuration) && numbers.percent(95) {
            kernel.config.insert("CONFIG_LOCALVERSION".to_owned(), Some(String::new()));
        } else {
            kernel.config.remove("CONFIG_LOCALVERSION");
        }
        // What the table does not know of: the list given at boot, and what an option is called today.
        if numbers.percent(10) {
            let list = numbers.one(&["landlock,yama", "lockdown,selinux", "bpf"]);
            kernel.parameters.push(("lsm".to_owned(), Some(list.to_owned())));
        }
        if numbers.percent(20) {
            kernel.config.insert("CONFIG_CFI".to_owned(), Some("y".to_owned()));
        }
        // What a whole dump, made by root, has.
        let always = "kernel.printk kernel.ostype vm.swappiness fs.file-max net.core.somaxconn net.ipv4.ip_forward \
                      kernel.cad_pid net.core.bpf_jit_enable net.core.netdev_max_backlog";
        for key in always.split(' ').filter(|key| !key.is_empty()) {
            kernel.settings.insert(key.to_owned(), "1".to_owned());
        }
        let fillers = if kernel.parts.contains(&Part::Settings) { 0 } else { 300 };
        for at in 0..fillers {
            kernel.settings.insert(format!("debug.filler{at}"), "0".to_owned());
        }
        kernel
    }
}

/// A value of a name that is there; none in it: the name alone, or one that is off.
type There = Option<String>;

fn option(wish: Option<&str>, fulfilled: bool, numbers: &mut Numbers) -> Option<There> {
    let some = |text: &str| Some(Some(text.to_owned()));
    match wish {
        Some("is not set") if fulfilled => numbers.percent(50).then_some(None),
        Some(wish) if fulfilled => match wish.strip_prefix("list contains ") {
            Some(member) => some(&format!("landlock,{member}")),
            None => wish.strip_prefix("is ").map_or_else(|| some("y"), some),
        },
        Some(wish) if wish.starts_with("list contains") => some(numbers.one(&["", "landlock,bpf", "yama"])),
        _ => match numbers.below(6) {
            0 => None,
            1 => Some(None),
            2 => some("m"),
            3 => some(numbers.one(&["0", "1", "50", "500", "131072", "0x1"])),
            _ => some("y"),
        },
    }
}

fn parameter(wish: Option<&str>, fulfilled: bool, numbers: &mut Numbers) -> Option<There> {
    let some = |text: &str| Some(Some(text.to_owned()));
    match wish {
        Some("is not set") if fulfilled => None,
        Some("present") if fulfilled => Some(None),
        Some("is set and not off") if fulfilled => some(numbers.one(&["on", "auto", "full,nosmt", "1"])),
        Some(wish) if fulfilled => {
            wish.strip_prefix("is ").or_else(|| wish.strip_prefix("list contains ")).and_then(some)
        }
        _ => match numbers.below(7) {
            0..=2 => None,
            3 => Some(None),
            4 => some("off"),
            5 => some(numbers.one(&["0", "1", "on", "y", "no", "500", "5", "integrity", "full,off", "auto", "none"])),
            _ => some(""),
        },
    }
}

fn setting(wish: Option<&str>, fulfilled: bool, numbers: &mut Numbers) -> Option<String> {
    match wish {
        Some("is not set") if fulfilled => None,
        Some(wish) if fulfilled => wish.strip_prefix("is ").map(str::to_owned),
        _ => match numbers.below(4) {
            0 => None,
            _ => Some((numbers.one(&["0", "1", "2", "3", "4", "50", "100", "1000", "65536", "131072"])).to_owned()),
        },
    }
}

/// The kinds of evidence as a person would save them.
pub(crate) fn written(kernel: &Kernel) -> [(&'static str, String); 4] {
    let folder = ARCHITECTURES.iter().find(|(name, ..)| *name == kernel.architecture).unwrap().2;
    let [major, minor, patch] = kernel.version;
    let release = format!("Linux version {major}.{minor}.{patch} (made@test) #1 SMP");
    let mut config = format!("#\n# Linux/{folder} {major}.{minor}.{patch} Kernel Configuration\n#\n");
    if kernel.parts.contains(&Part::Configuration) {
        config.clear();
    }
    for (name, value) in &kernel.config {
        let _ = match value {
            None => writeln!(config, "# {name} is not set"),
            Some(value) if value.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !value.is_empty() => {
                writeln!(config, "{name}={value}")
            }
            Some(value) => writeln!(config, "{name}=\"{value}\""),
        };
    }
    let parameters = kernel.parameters.iter().map(|(name, value)| match value {
        Some(value) => format!("{name}={value}"),
        None => name.clone(),
    });
    let line = std::iter::once("root=/dev/vda1 ro".to_owned()).chain(parameters).collect::<Vec<_>>().join(" ");
    let settings: Vec<String> = kernel.settings.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    let settings = settings.join("\n");
    [("config", config), ("cmdline", line), ("sysctl.txt", settings), ("version", release)]
}

/// Names that a check speaks of, for reading a real kernel's files back.
pub(crate) fn read(files: &BTreeMap<&str, String>) -> Option<Kernel> {
    let config = files.get("config")?;
    let mut kernel = Kernel::default();
    for line in config.lines() {
        if let Some(name) = line.strip_prefix("# ").and_then(|rest| rest.strip_suffix(" is not set")) {
            kernel.config.insert(name.to_owned(), None);
        } else if let Some((name, value)) = line.split_once('=').filter(|_| line.starts_with("CONFIG_")) {
            kernel.config.insert(name.to_owned(), Some(value.to_owned()));
        } else if let Some(version) =
            line.strip_prefix("# Linux/").and_then(|rest| rest.strip_suffix(" Kernel Configuration"))
        {
            let numbers: Vec<u32> =
                version.split(' ').next_back()?.split(['.', '-']).filter_map(|part| part.parse().ok()).collect();
            kernel.version = [numbers[0], numbers[1], numbers.get(2).copied().unwrap_or(0)];
        }
    }
    let on = |symbol: &str| kernel.config.get(symbol).is_some_and(|value| value.as_deref() == Some("y"));
    kernel.architecture = ARCHITECTURES.iter().find(|(_, symbol, _)| on(symbol))?.0.to_owned();
    for word in files.get("cmdline")?.split_whitespace() {
        let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value.to_owned())));
        kernel.parameters.push((name.to_owned(), value));
    }
    for line in files.get("sysctl.txt")?.lines() {
        let (key, value) = line.split_once(" = ").or_else(|| Some((line.strip_suffix(" =")?, "")))?;
        kernel.settings.insert(key.to_owned(), value.to_owned());
    }
    Some(kernel)
}
