//! An evaluator of `fixtures/facts/kspp.tsv`: what the reference checks decide, by their own rules and by nothing of
//! ours. It knows true and false only; a check whose bound it cannot find it drops.

use std::collections::BTreeMap;

/// One row of the table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) origin: String,
    pub(crate) group: String,
    pub(crate) architectures: String,
    pub(crate) expected: String,
    pub(crate) logic: String,
}

/// A kernel as its three kinds of evidence tell it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kernel {
    pub(crate) architecture: String,
    pub(crate) version: [u32; 3],
    /// Options; none: `is not set`.
    pub(crate) config: BTreeMap<String, Option<String>>,
    pub(crate) parameters: Vec<(String, Option<String>)>,
    pub(crate) settings: BTreeMap<String, String>,
    /// What was saved of it in part.
    pub(crate) parts: Vec<Part>,
}

/// A kind of evidence of which a part may be saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Part {
    Configuration,
    Settings,
}

/// Parameters that the reference takes for booleans, of those that are compared with 0 or 1.
const BOOLEANS: [&str; 12] = [
    "bdev_allow_write_mounted",
    "hardened_usercopy",
    "ia32_emulation",
    "init_on_alloc",
    "init_on_free",
    "iommu.passthrough",
    "iommu.strict",
    "module.sig_enforce",
    "page_alloc.shuffle",
    "page_poison",
    "randomize_kstack_offset",
    "ipv6.disable",
];

pub(crate) fn rows() -> Vec<Row> {
    let text = std::fs::read_to_string(crate::common::root().join("fixtures/facts/kspp.tsv")).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next().unwrap(), "name\tkind\tdecision\treason\tarchitectures\texpected\tshape\tlogic");
    lines
        .map(|line| {
            let columns: Vec<&str> = line.split('\t').collect();
            let [name, kind, origin, group, architectures, expected, _, logic] = columns[..] else {
                panic!("eight columns: {line}")
            };
            Row {
                name: name.to_owned(),
                kind: kind.to_owned(),
                origin: origin.to_owned(),
                group: group.to_owned(),
                architectures: architectures.to_owned(),
                expected: expected.to_owned(),
                logic: logic.to_owned(),
            }
        })
        .collect()
}

impl Row {
    /// The name that a control has for the row, given how often its name and kind occur.
    pub(crate) fn control(&self, occurs: usize) -> String {
        let base = format!("{}.{}", self.kind, self.name.strip_prefix("CONFIG_").unwrap_or(&self.name));
        if occurs == 1 {
            return base;
        }
        if self.name == "CONFIG_LSM" {
            return format!("{base}.{}", self.expected.rsplit(' ').next().unwrap());
        }
        let both = self.architectures.starts_with("x86_64,x86_32");
        let first = self.architectures.split(',').next().unwrap();
        format!("{base}.{}", if both { "x86" } else { first })
    }

    /// The whole predicate as text.
    pub(crate) fn whole(&self) -> String {
        if self.logic == "-" { format!("{}:{} {}", self.kind, self.name, self.expected) } else { self.logic.clone() }
    }

    /// What the reference decides. None: the row is not for this kernel, or is dropped.
    pub(crate) fn judge(&self, kernel: &Kernel) -> Option<bool> {
        let fits = self.architectures == "all" || self.architectures.split(',').any(|a| a == kernel.architecture);
        let bound = self.expected.strip_prefix("is value of kconfig:");
        let there = bound.is_none_or(|name| kernel.config.get(name).is_some_and(Option::is_some));
        (fits && there).then(|| kernel.holds(&self.whole()))
    }
}

impl Kernel {
    fn holds(&self, logic: &str) -> bool {
        if let Some(rest) = logic.strip_prefix("kernel>=") {
            let (version, rest) = rest.split_once(" -> ").unwrap();
            let (newer, older) = rest.rsplit_once(" else ").unwrap();
            let numbers: Vec<u32> = version.split('.').map(|part| part.parse().unwrap()).collect();
            return self.holds(if self.version[..] >= numbers[..] { newer } else { older });
        }
        if logic == "pass" {
            return true;
        }
        let alternatives = split(logic, " OR ");
        if alternatives.len() > 1 {
            return alternatives.iter().any(|part| self.holds(part));
        }
        let conditions = split(logic, " AND ");
        if conditions.len() > 1 {
            return conditions.iter().all(|part| self.holds(part));
        }
        match logic.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
            Some(inner) => self.holds(inner),
            None => self.leaf(logic),
        }
    }

    fn leaf(&self, leaf: &str) -> bool {
        let (kind, rest) = leaf.split_once(':').unwrap();
        let (name, predicate) = rest.split_once(' ').unwrap();
        // Whether it occurs at all, and its value.
        let (there, value) = match kind {
            "kconfig" => (self.config.contains_key(name), self.config.get(name).cloned().flatten()),
            "cmdline" => {
                let last = self.parameters.iter().rfind(|(own, _)| own == name);
                (last.is_some(), last.map(|(_, value)| normal(name, value.as_deref().unwrap_or_default())))
            }
            "sysctl" => (self.settings.contains_key(name), self.settings.get(name).cloned()),
            other => panic!("no kind {other}"),
        };
        let value = value.as_deref();
        if let Some(other) = predicate.strip_prefix("is value of kconfig:") {
            return value.is_some() && value == self.config.get(other).and_then(Option::as_deref);
        }
        if let Some(member) = predicate.strip_prefix("list contains ") {
            return value.is_some_and(|value| value.trim_matches('"').split(',').any(|own| own == member));
        }
        match predicate {
            "is not set" => value.is_none(),
            "present" => there,
            "is set and not off" => {
                value.is_some_and(|value| value != "0" && !value.split(',').any(|member| member == "off"))
            }
            other => value == Some(other.strip_prefix("is ").unwrap()),
        }
    }
}

/// The words of the reference for yes and no.
fn normal(name: &str, value: &str) -> String {
    let lower = value.to_ascii_lowercase();
    let is = |words: [&str; 5]| words.contains(&lower.as_str());
    if BOOLEANS.contains(&name) && is(["on", "y", "yes", "t", "true"]) {
        "1".to_owned()
    } else if BOOLEANS.contains(&name) && is(["off", "n", "no", "f", "false"]) {
        "0".to_owned()
    } else {
        value.to_owned()
    }
}

/// Parts at the outermost level.
fn split<'l>(logic: &'l str, word: &str) -> Vec<&'l str> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0, 0);
    for (at, c) in logic.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 && logic[at..].starts_with(word) => {
                parts.push(&logic[from..at]);
                from = at + word.len();
            }
            _ => {}
        }
    }
    parts.push(&logic[from..]);
    parts
}
