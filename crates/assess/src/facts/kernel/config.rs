//! The configuration that the kernel was built with.

use std::collections::HashMap;

use evidence::{Basis, Source, Text};

use super::{known, origin};
use crate::node::Node;
use crate::value::{How, Resolved, Seen, Unknown, Value, parse_version};

/// The running kernel's own copy of its configuration (`CONFIG_IKCONFIG_PROC`).
pub(crate) const OWN: &str = "/proc/config.gz";

/// What the running kernel calls itself.
pub(crate) const RELEASE: &str = "/proc/sys/kernel/osrelease";

/// Where distributions keep a kernel's configuration, around its release.
pub(crate) const CONFIG_PLACES: [(&str, &str); 4] = [
    ("/boot/config-", ""),
    ("/usr/lib/modules/", "/config"),
    ("/lib/modules/", "/config"),
    ("/lib/modules/", "/build/.config"),
];

/// Symbols of which a configuration has one, for its architecture.
const ARCHITECTURES: [(&str, &str); 5] = [
    ("CONFIG_X86_64", "x86_64"),
    ("CONFIG_X86_32", "x86_32"),
    ("CONFIG_ARM64", "arm64"),
    ("CONFIG_ARM", "arm"),
    ("CONFIG_RISCV", "riscv"),
];

/// A kernel's configuration.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// Where it was seen.
    pub place: String,
    /// How directly: only the kernel's own copy is what runs.
    pub basis: Basis,
    /// The version in its heading.
    pub version: Option<[u32; 3]>,
    options: HashMap<String, Setting>,
    /// Whether the last menu is closed; none where no menu is, as in kernels before 5.4.
    finished: Option<bool>,
}

/// The end of what every kernel's configuration has last.
const LAST_MENU: &str = "# end of Kernel hacking";

/// An option with the line it stands in; without a value where the line says that it is not set.
#[derive(Clone, Debug)]
struct Setting {
    value: Option<String>,
    line: usize,
}

impl Config {
    fn read(place: &str, basis: Basis, text: &Text) -> Self {
        let mut config =
            Self { place: place.to_owned(), basis, version: None, options: HashMap::new(), finished: None };
        for (text, line) in text.to_lossy().lines().zip(1..) {
            if let Some(name) = text.strip_prefix("# ").and_then(|rest| rest.strip_suffix(" is not set")) {
                config.options.insert(name.to_owned(), Setting { value: None, line });
            } else if let Some((name, value)) = text.split_once('=').filter(|(name, _)| name.starts_with("CONFIG_")) {
                let value = value.trim();
                let bare = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
                // A person may write an option that is off so.
                let value = Some(bare.unwrap_or(value).to_owned()).filter(|value| value != "n");
                config.options.insert(name.to_owned(), Setting { value, line });
            } else if text.starts_with("# end of ") {
                config.finished = Some(config.finished == Some(true) || text.trim_end() == LAST_MENU);
            } else if let Some(rest) = text.strip_prefix("# Linux/")
                && let Some(version) = rest.strip_suffix(" Kernel Configuration").and_then(|rest| rest.split_once(' '))
            {
                config.version = config.version.or(parse_version(version.1));
            }
        }
        config
    }

    /// The value of an option that is on.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.options.get(name)?.value.as_deref()
    }

    /// Whether an option is provably off: a fragment says nothing of what it does not name.
    pub(super) fn is_off(&self, name: &str) -> bool {
        self.value(name).is_none() && (self.options.contains_key(name) || self.is_whole())
    }

    /// Whether it is all of a kernel's configuration: Kconfig gives a heading to those alone (`conf_write`, not
    /// `savedefconfig`), this option is always a part of them, and where menus are closed the last one is too.
    fn is_whole(&self) -> bool {
        let begun = self.version.is_some() || self.options.contains_key("CONFIG_LOCALVERSION");
        begun && self.finished != Some(false)
    }

    /// What it means that a fragment does not name an option.
    fn silent(&self) -> Unknown {
        let sign = match self.finished {
            Some(false) => format!("it ends before `{LAST_MENU}`"),
            _ => "it has no heading".to_owned(),
        };
        Unknown::new(
            format!("{} is a fragment ({sign}), and says nothing of options that it does not name", self.place),
            "give the whole configuration",
        )
    }

    /// The architecture that it is for.
    pub(super) fn architecture(&self) -> Option<&'static str> {
        ARCHITECTURES.iter().find(|(symbol, _)| self.value(symbol) == Some("y")).map(|(_, name)| *name)
    }
}

impl Node<'_> {
    /// The configuration of the kernel that runs; without a running kernel in reach, of the only one there is.
    pub(super) fn kernel_config(&self) -> &Seen<Config> {
        self.kernel.config.get_or_init(|| match find(self) {
            Seen::Known(config) => match stranger(self, &config) {
                Some(unknown) => Seen::Unknown(unknown),
                None => Seen::Known(config),
            },
            other => other,
        })
    }
}

fn find(node: &Node<'_>) -> Seen<Config> {
    match node.sight.text(OWN) {
        Seen::Known((text, _)) => return Seen::Known(Config::read(OWN, Basis::Running, text)),
        Seen::Unknown(unknown) => return Seen::Unknown(unknown),
        Seen::Absent(_) => {}
    }
    let candidates = match node.sight.value(RELEASE) {
        Seen::Known(release) => CONFIG_PLACES.map(|(before, after)| format!("{before}{release}{after}")).to_vec(),
        Seen::Unknown(unknown) if !unknown.outside => return Seen::Unknown(unknown),
        _ => match installed(node) {
            Seen::Known(places) => places,
            Seen::Absent(proof) => return Seen::Absent(proof),
            Seen::Unknown(unknown) => return Seen::Unknown(unknown),
        },
    };
    for place in &candidates {
        match node.sight.text(place) {
            Seen::Known((text, _)) => return Seen::Known(Config::read(place, Basis::Declared, text)),
            Seen::Absent(_) => {}
            Seen::Unknown(unknown) => return Seen::Unknown(unknown),
        }
    }
    let help = "load the module `configs`, if the kernel has it, or install its configuration below /boot";
    if node.sight.capture.reach.kernel {
        let places = candidates.first().map_or("/boot", String::as_str);
        return Seen::Unknown(Unknown::new(
            format!("the kernel's build configuration is not there: neither {OWN} nor {places} nor its like"),
            help,
        ));
    }
    Seen::Unknown(Unknown::outside("this source holds no kernel's build configuration", help))
}

/// Where nothing runs, the configuration of the only kernel that is installed.
fn installed(node: &Node<'_>) -> Seen<Vec<String>> {
    let mut found = Vec::new();
    for (directory, prefix, after) in [("/boot", "config-", ""), ("/usr/lib/modules", "", "/config")] {
        match node.sight.list(directory) {
            Seen::Known(listing) => {
                let named = listing.entries.iter().filter_map(|entry| entry.name.as_str());
                let places = named.filter(|name| name.starts_with(prefix));
                found.extend(places.map(|name| format!("{directory}/{name}{after}")));
            }
            Seen::Absent(_) => {}
            Seen::Unknown(unknown) => return Seen::Unknown(unknown),
        }
    }
    let mut seen = Vec::new();
    for place in found {
        match node.sight.stat(&place) {
            Seen::Known(_) => seen.push(place),
            Seen::Absent(_) => {}
            Seen::Unknown(unknown) => return Seen::Unknown(unknown),
        }
    }
    let release = |place: &String| place.split('/').find_map(|part| part.strip_prefix("config-").map(str::to_owned));
    seen.dedup_by_key(|place| release(place).unwrap_or_else(|| place.clone()));
    if seen.len() > 1 {
        return Seen::Unknown(Unknown::new(
            format!("several kernels are installed ({}), and none runs in this source", seen.join(", ")),
            "scan the running node",
        ));
    }
    Seen::Known(seen)
}

/// Why a configuration is another kernel's than the one that runs, if it is. Its heading is no release of a
/// distribution, but the first two numbers agree. What a person put together is taken at its word.
fn stranger(node: &Node<'_>, config: &Config) -> Option<Unknown> {
    let capture = node.sight.capture;
    let taken_at_its_word = matches!(capture.source, Source::Saved | Source::Recording);
    if config.place == OWN && (capture.reach.kernel || taken_at_its_word) {
        return None;
    }
    let other = |what: String| {
        Some(Unknown::new(
            format!("{} is another kernel's: {what}", config.place),
            "give the configuration of the kernel that runs",
        ))
    };
    if let Seen::Known(release) = node.sight.value(RELEASE)
        && let (Some(own), Some(runs)) = (config.version, parse_version(&release))
        && own[..2] != runs[..2]
    {
        return other(format!("it is of {}.{}.{}, and {release} runs", own[0], own[1], own[2]));
    }
    let own = config.architecture()?;
    match origin::running_architecture(node) {
        Seen::Known(runs) if runs != own => other(format!("it is for {own}, and the kernel that runs is for {runs}")),
        Seen::Unknown(unknown) if !unknown.outside => Some(unknown),
        _ => None,
    }
}

/// `kernel.config.CONFIG_X`.
pub(super) fn option(node: &Node<'_>, name: &str) -> Resolved {
    node.kernel_config().as_ref().and_then(|config| {
        let place = &config.place;
        match config.options.get(name) {
            Some(Setting { value: Some(value), line }) => {
                let source = format!("{name}={value}, line {line} of {place}");
                known(Value::Text(value.clone()), How::Observed, source, config.basis)
            }
            Some(Setting { value: None, line }) => {
                Seen::Absent(format!("`# {name} is not set`, line {line} of {place}"))
            }
            None if config.is_whole() => Seen::Absent(format!("{place} does not have {name}")),
            None => Seen::Unknown(config.silent()),
        }
    })
}

/// `kernel.has-option.CONFIG_X`.
pub(super) fn knows(node: &Node<'_>, name: &str) -> Resolved {
    node.kernel_config().as_ref().and_then(|config| {
        let knows = config.options.contains_key(name);
        if !knows && !config.is_whole() {
            return Seen::Unknown(config.silent());
        }
        let word = if knows { "names" } else { "does not name" };
        known(Value::Bool(knows), How::Observed, format!("{} {word} {name}", config.place), config.basis)
    })
}

/// `kernel.whole-config`.
pub(super) fn whole(node: &Node<'_>, _: &str) -> Resolved {
    node.kernel_config().as_ref().and_then(|config| {
        if config.is_whole() { knows(node, "CONFIG_LOCALVERSION") } else { Seen::Unknown(config.silent()) }
    })
}
