//! A component's command line, read by the component's own rules.
//!
//! Kubernetes components use pflag with a normaliser (`_` is `-`), etcd uses Go's `flag`. In both, the last of a repeated
//! scalar wins and a bare boolean is true; list flags add up (checked on running components, v1.36).

use benchmark::{Component, FlagRules, Kind, Setting};
use evidence::{OsText, split_flag};

/// The flags of one command line, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags {
    given: Vec<(String, String)>,
}

impl Flags {
    /// Reads arguments (the program's name left out) by the rules of a component.
    pub(crate) fn read(arguments: &[OsText], component: &Component) -> Self {
        let mut given = Vec::new();
        let mut at = 0;
        while let Some(argument) = arguments.get(at) {
            at += 1;
            if argument.as_bytes() == b"--" {
                break;
            }
            let Some((name, value)) = split_flag(argument) else {
                match component.flags {
                    FlagRules::Kubernetes => continue,
                    FlagRules::Go => break,
                }
            };
            let boolean = component.by_flag(&name).is_some_and(|setting| setting.kind == Kind::Bool);
            let value = match value {
                Some(value) => value.to_lossy(),
                None if boolean => "true".to_owned(),
                // A valued flag takes the next argument, whatever it is; for a flag that we do not know, one that
                // looks like a flag is left alone.
                None => match arguments.get(at) {
                    Some(next) if component.by_flag(&name).is_some() || split_flag(next).is_none() => {
                        at += 1;
                        next.to_lossy()
                    }
                    _ => "true".to_owned(),
                },
            };
            given.push((name, value));
        }
        Self { given }
    }

    /// The value that wins for a scalar flag.
    pub(crate) fn last(&self, flag: &str) -> Option<&str> {
        self.given.iter().rev().find(|(name, _)| name == flag).map(|(_, value)| value.as_str())
    }

    /// Every value of a flag, in order.
    pub(crate) fn all<'a>(&'a self, flag: &'a str) -> impl Iterator<Item = &'a str> {
        self.given.iter().filter(move |(name, _)| name == flag).map(|(_, value)| value.as_str())
    }

    /// Whether a flag is given.
    pub(crate) fn has(&self, flag: &str) -> bool {
        self.last(flag).is_some()
    }

    /// The text that a setting's flag amounts to: the last value, or all of a list's values,
    /// joined by commas (by line breaks where a value may hold commas).
    pub(crate) fn of(&self, setting: &Setting) -> Option<String> {
        let flag = setting.flag.as_deref()?;
        match setting.kind {
            Kind::List | Kind::Repeated | Kind::Gates if self.has(flag) => {
                let values: Vec<&str> = self.all(flag).filter(|value| !value.is_empty()).collect();
                Some(values.join(if setting.kind == Kind::Repeated { "\n" } else { "," }))
            }
            _ => self.last(flag).map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(rules: FlagRules) -> Component {
        let setting = |name: &str, kind| Setting {
            name: name.to_owned(),
            kind,
            flag: Some(name.to_owned()),
            field: None,
            zero_means_default: false,
            defaults: Vec::new(),
        };
        Component {
            name: "kube-apiserver".to_owned(),
            flags: rules,
            settings: vec![
                setting("profiling", Kind::Bool),
                setting("bind-address", Kind::Text),
                setting("authorization-mode", Kind::List),
            ],
        }
    }

    #[test]
    fn command_lines_are_read_as_the_components_read_them() {
        let check = |rules, argv: &[&str], flag: &str, expect: Option<&str>| {
            let argv: Vec<OsText> = argv.iter().map(|text| OsText::from(*text)).collect();
            let component = component(rules);
            let flags = Flags::read(&argv, &component);
            let got = match component.by_flag(flag) {
                Some(setting) => flags.of(setting),
                None => flags.last(flag).map(str::to_owned),
            };
            assert_eq!(got.as_deref(), expect, "{argv:?} {flag}");
        };
        let k8s = FlagRules::Kubernetes;
        check(k8s, &["--profiling=false"], "profiling", Some("false"));
        check(k8s, &["--profiling"], "profiling", Some("true"));
        check(k8s, &["--profiling", "false"], "profiling", Some("true"));
        check(k8s, &["--profiling=true", "--profiling=false"], "profiling", Some("false"));
        check(k8s, &["--bind-address", "::1"], "bind-address", Some("::1"));
        check(k8s, &["--bind_address=127.0.0.1"], "bind-address", Some("127.0.0.1"));
        check(
            k8s,
            &["--authorization-mode=Node", "--authorization-mode", "RBAC"],
            "authorization-mode",
            Some("Node,RBAC"),
        );
        check(k8s, &["--authorization-mode=Node,RBAC"], "authorization-mode", Some("Node,RBAC"));
        check(k8s, &["--authorization-modes=AlwaysAllow"], "authorization-mode", None);
        check(k8s, &["server", "--profiling=false"], "profiling", Some("false"));
        check(k8s, &["--", "--profiling=false"], "profiling", None);
        check(k8s, &["--unknown", "x", "--profiling"], "unknown", Some("x"));
        check(k8s, &["--unknown", "--profiling=false"], "profiling", Some("false"));
        check(FlagRules::Go, &["-bind-address", "v", "-profiling"], "profiling", Some("true"));
        check(FlagRules::Go, &["stray", "-profiling"], "profiling", None);
    }
}
