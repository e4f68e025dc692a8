//! The settings of a component, with documented defaults by version and condition.

use serde_json::Value;

use crate::{Range, Version};

/// How a component reads its command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagRules {
    /// `_` is `-`; flags and arguments may mix (spf13/pflag with the component-base normaliser).
    Kubernetes,
    /// One dash or two; parsing ends at the first argument that is no flag (Go's own `flag`).
    Go,
}

/// The kind of a setting's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// A text.
    Text,
    /// A list: commas part it, and a repeated flag adds up.
    List,
    /// A list whose flag is repeated and not parted at commas.
    Repeated,
    /// A list: commas part it, and a repeated flag replaces what was given before.
    LastList,
    /// A Go duration.
    Duration,
    /// Feature gates: `Name=bool` pairs that add up.
    Gates,
}

/// A component's settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    /// Its name.
    pub name: String,
    /// How it reads its command line.
    pub flags: FlagRules,
    /// Its settings.
    pub settings: Vec<Setting>,
}

/// One setting.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// Its name: the field of the configuration file where there is one, else the flag.
    pub name: String,
    /// The kind of its value.
    pub kind: Kind,
    /// The flag that sets it.
    pub flag: Option<String>,
    /// The field of the configuration file that sets it.
    pub field: Option<String>,
    /// Whether a zero value in the file means the default.
    pub zero_means_default: bool,
    /// Documented defaults; empty: not set.
    pub defaults: Vec<DefaultRow>,
}

/// One documented default.
#[derive(Clone, Debug, PartialEq)]
pub struct DefaultRow {
    /// For these versions: of Kubernetes, or of the component itself.
    pub versions: Range,
    /// Whether `versions` counts the component's own releases (etcd). Which of them runs is not known, so such a row
    /// never decides.
    pub own_versions: bool,
    /// Under this condition.
    pub when: Option<Condition>,
    /// The value; none: not set.
    pub value: Option<Value>,
    /// Where it is documented.
    pub source: String,
}

/// A condition on a default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The component was given a configuration file.
    ConfigFile,
    /// It was not.
    NoConfigFile,
}

/// The default that applies.
#[derive(Clone, Debug, PartialEq)]
pub enum Default<'a> {
    /// There is none: not set means absent.
    Unset,
    /// This row.
    Row(&'a DefaultRow),
    /// The version (of Kubernetes, or of the component itself) is not known, and these hold for some.
    Differs(Vec<&'a DefaultRow>),
    /// No row covers the version.
    Unknown,
}

impl Component {
    /// A setting by name.
    pub fn setting(&self, name: &str) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.name == name)
    }

    /// A setting by the flag that sets it.
    pub fn by_flag(&self, flag: &str) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.flag.as_deref() == Some(flag))
    }
}

impl Setting {
    /// The documented default for a version (none: not known) and condition.
    pub fn default_for(&self, version: Option<Version>, config_file: bool) -> Default<'_> {
        let condition = if config_file { Condition::ConfigFile } else { Condition::NoConfigFile };
        let rows: Vec<&DefaultRow> = self
            .defaults
            .iter()
            .filter(|row| row.when.is_none_or(|when| when == condition))
            .filter(|row| row.own_versions || version.is_none_or(|version| row.versions.contains(version)))
            .collect();
        let decided = |first: &DefaultRow| rows.iter().all(|row| !row.own_versions && row.value == first.value);
        match rows.as_slice() {
            [] if self.defaults.is_empty() => Default::Unset,
            [] => Default::Unknown,
            [first, ..] if decided(first) => Default::Row(first),
            _ => Default::Differs(rows),
        }
    }
}
