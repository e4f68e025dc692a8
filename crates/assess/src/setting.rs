//! Effective settings: what a component does, and who has the last word on it.

use benchmark::{Default, Kind, Setting};
use evidence::Basis;
use serde_json::Value as Json;

use crate::components::Rules;
use crate::node::{Instance, Node};
use crate::value::{How, Known, Resolved, Seen, Unknown, Value, parse_duration};

impl Node<'_> {
    /// The effective value of a setting, with a note if the next restart would change it.
    pub(crate) fn setting(&self, instance: &Instance, name: &str) -> Resolved {
        let Some(setting) = self.content.component(instance.component.name).setting(name) else {
            return Seen::Unknown(Unknown::new(
                format!("{} has no setting {name} in benchmarks/defaults", instance.component.name),
                "this is a mistake in kube-assay: report it",
            ));
        };
        let mut resolved = self.effective(instance, setting);
        if let (Seen::Known(known), Some((next, place))) = (&mut resolved, &instance.next)
            && let Some(text) = next.of(setting)
            && instance.flags.of(setting).as_ref() != Some(&text)
            && let Ok(Some(value)) = read(setting.kind, &text)
            && value != known.value
        {
            known.notes.push(format!("{place} sets {name} to {value}: that will hold after the next restart"));
        }
        resolved
    }

    fn effective(&self, instance: &Instance, setting: &Setting) -> Resolved {
        let config = self.config(instance);
        let config_basis = match &config {
            Seen::Known(Some(config)) => config.basis,
            _ => instance.basis,
        };
        let file_rules = instance.component.rules == Rules::File
            && !matches!(config, Seen::Known(None))
            && (setting.field.is_some() || instance.component.name == "etcd");
        if !file_rules {
            if let Some(text) = instance.flags.of(setting) {
                let flag = setting.flag.as_deref().unwrap_or(&setting.name);
                match read(setting.kind, &text) {
                    Ok(Some(value)) => {
                        return explicit(value, format!("--{flag} in {}", instance.source), instance.basis);
                    }
                    Ok(None) => {}
                    Err(why) => return misread(&format!("--{flag}={text} in {}", instance.source), why),
                }
            }
            if let Some(variable) = instance.variable(setting) {
                match instance.environment(&variable) {
                    Seen::Known(text) => match read(setting.kind, &text) {
                        Ok(Some(value)) => {
                            return explicit(
                                value,
                                format!("{variable} in the environment of {}", instance.name),
                                instance.basis,
                            );
                        }
                        Ok(None) => {}
                        Err(why) => return misread(&variable, why),
                    },
                    Seen::Absent(_) => {}
                    Seen::Unknown(unknown) => return Seen::Unknown(unknown),
                }
            }
        }
        let mut zero = None;
        let mut looked = vec![instance.source.clone()];
        if let Some(field) = &setting.field {
            match config {
                Seen::Known(Some(config)) => {
                    looked.push(config.places());
                    if let Some((json, place)) = config.get(field) {
                        let source = format!("{field} in {place}");
                        match from_json(setting.kind, json) {
                            Ok(Some(value)) if setting.zero_means_default && is_zero(&value) => zero = Some(source),
                            Ok(Some(value)) => return explicit(value, source, config_basis),
                            Ok(None) => {}
                            Err(why) => return misread(&source, why),
                        }
                    } else if config.in_force
                        && let Some(value) = zero_of(setting.kind)
                    {
                        return explicit(
                            value,
                            format!("{field} is left out of {}: it is zero", config.places()),
                            config_basis,
                        );
                    }
                }
                Seen::Known(None) => {}
                Seen::Absent(proof) => looked.push(proof),
                Seen::Unknown(unknown) => return Seen::Unknown(unknown),
            }
        }
        if let Some(hidden) = self.hidden(instance, setting.field.is_some()).filter(|_| zero.is_none()) {
            return Seen::Unknown(hidden);
        }
        match self.default_of(instance, setting, zero, &looked.join(", ")) {
            // That nothing sets it is known as directly as the file was seen.
            Seen::Known(known) if setting.field.is_some() => {
                Seen::Known(Known { basis: known.basis.min(config_basis), ..known })
            }
            other => other,
        }
    }

    fn default_of(&self, instance: &Instance, setting: &Setting, zero: Option<String>, looked: &str) -> Resolved {
        let name = &setting.name;
        match setting.default_for(self.version, instance.has_config()) {
            Default::Unset => Seen::Absent(format!("not set in {looked}; no default")),
            Default::Row(row) => {
                let Some(json) = &row.value else {
                    return Seen::Absent(format!("not set in {looked}; no default"));
                };
                match from_json(setting.kind, json) {
                    Ok(Some(value)) => Seen::Known(Known {
                        value,
                        how: if zero.is_some() { How::ZeroMeansDefault } else { How::Default },
                        source: zero.unwrap_or_else(|| row.source.clone()),
                        basis: instance.basis,
                        notes: Vec::new(),
                        partial: None,
                    }),
                    Ok(None) => Seen::Absent(format!("not set in {looked}; its default is empty")),
                    Err(why) => misread(&format!("the default of {name}"), why),
                }
            }
            Default::Differs(rows) => {
                let known = self.version.is_some();
                let rows: Vec<String> = rows
                    .iter()
                    .map(|row| {
                        format!(
                            "{} in {}",
                            row.value.as_ref().map_or_else(|| "not set".to_owned(), benchmark::plain),
                            row.versions
                        )
                    })
                    .collect();
                Seen::Unknown(Unknown::new(
                    format!("{name} is not set, and its default depends on the version: {}", rows.join("; ")),
                    if known { "look at the version of the component" } else { "give --kubernetes-version" },
                ))
            }
            Default::Unknown => Seen::Unknown(Unknown::new(
                format!("{name} is not set, and its default in this version is not documented here"),
                "set it, or give --kubernetes-version",
            )),
        }
    }
}

fn explicit(value: Value, source: String, basis: Basis) -> Resolved {
    Seen::Known(Known { value, how: How::Explicit, source, basis, notes: Vec::new(), partial: None })
}

fn misread(what: &str, why: &str) -> Resolved {
    Seen::Unknown(Unknown::new(
        format!("{what} is {why}"),
        "the component would not take it either: look at what really runs",
    ))
}

/// Reads a flag's text. None: it is empty, which is as good as not set.
fn read(kind: Kind, text: &str) -> Result<Option<Value>, &'static str> {
    Ok(Some(match kind {
        // strconv.ParseBool
        Kind::Bool => match text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Value::Bool(true),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Value::Bool(false),
            _ => return Err("neither true nor false"),
        },
        Kind::Int => Value::Int(integer(text).ok_or("no whole number")?),
        Kind::Duration => Value::Duration(parse_duration(text).ok_or("no duration")?),
        Kind::Text if text.is_empty() => return Ok(None),
        Kind::Text => Value::Text(text.to_owned()),
        Kind::List | Kind::LastList | Kind::Repeated | Kind::Gates => {
            let parts: Vec<String> = match kind {
                Kind::Repeated => text.split('\n').map(str::to_owned).collect(),
                Kind::List => csv(text),
                _ => text.split(',').map(|part| part.trim().to_owned()).collect(),
            };
            let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            // An empty list leaves the component's default in place.
            if parts.is_empty() {
                return Ok(None);
            }
            Value::List(parts)
        }
    }))
}

/// Parts a list at its commas as a CSV reader does (pflag's slices): a quoted part loses its quotes.
fn csv(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        let part = parts.last_mut().expect("there is a part");
        match c {
            '"' if quoted || part.is_empty() => quoted = !quoted,
            ',' if !quoted => parts.push(String::new()),
            c => part.push(c),
        }
    }
    parts
}

/// A number as Go's flags read it (`strconv.ParseInt` with base 0): `0x10`, `0b1`, `0o7`, and `010` is eight.
fn integer(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text.strip_prefix('+').unwrap_or(text)), |rest| (-1, rest));
    let digits = digits.replace('_', "").to_ascii_lowercase();
    let parsed = match (digits.get(..2), digits.len()) {
        (Some("0x"), _) => i64::from_str_radix(&digits[2..], 16),
        (Some("0o"), _) => i64::from_str_radix(&digits[2..], 8),
        (Some("0b"), _) => i64::from_str_radix(&digits[2..], 2),
        (_, 2..) if digits.starts_with('0') => i64::from_str_radix(&digits[1..], 8),
        _ => digits.parse(),
    };
    parsed.ok().and_then(|number| number.checked_mul(sign))
}

/// Reads a field of a configuration file.
fn from_json(kind: Kind, json: &Json) -> Result<Option<Value>, &'static str> {
    Ok(Some(match (kind, json) {
        (_, Json::Null) => return Ok(None),
        (Kind::Bool, Json::Bool(value)) => Value::Bool(*value),
        (Kind::Int, Json::Number(number)) => Value::Int(number.as_i64().ok_or("no whole number")?),
        (Kind::Duration, Json::Number(number)) => {
            // A bare number is nanoseconds (metav1.Duration refuses it, etcd takes it).
            Value::Duration(parse_duration(&format!("{number}ns")).ok_or("no duration")?)
        }
        (Kind::List | Kind::LastList | Kind::Repeated, Json::Array(members)) => Value::List(
            members.iter().map(|member| member.as_str().map_or_else(|| member.to_string(), str::to_owned)).collect(),
        ),
        (Kind::Gates, Json::Object(gates)) => {
            Value::List(gates.iter().map(|(name, on)| format!("{name}={on}")).collect())
        }
        (_, Json::String(text)) => return read(kind, text),
        (Kind::Text, other @ (Json::Number(_) | Json::Bool(_))) => Value::Text(other.to_string()),
        _ => return Err("of another kind than expected"),
    }))
}

/// The value that a field has that is left out because it is zero; none: a text or list that is empty is not set.
fn zero_of(kind: Kind) -> Option<Value> {
    match kind {
        Kind::Bool => Some(Value::Bool(false)),
        Kind::Int => Some(Value::Int(0)),
        Kind::Duration => Some(Value::Duration(0)),
        _ => None,
    }
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Bool(value) => !value,
        Value::Int(value) | Value::Duration(value) => *value == 0,
        Value::Text(text) => text.is_empty(),
        Value::List(members) => members.is_empty(),
        Value::Mode(_) | Value::Owner(_) | Value::Version(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read_as_go_reads_them() {
        let numbers = [
            ("30", Some(30)),
            ("030", Some(24)),
            ("0x1e", Some(30)),
            ("1_000", Some(1000)),
            ("0", Some(0)),
            ("-1", Some(-1)),
            ("08", None),
            ("", None),
        ];
        for (text, number) in numbers {
            assert_eq!(integer(text), number, "{text}");
        }
        let list = |text: &str| read(Kind::List, text).unwrap();
        let of = |parts: &[&str]| Some(Value::List(parts.iter().map(|part| (*part).to_owned()).collect()));
        assert_eq!(list("\"Node\",RBAC"), of(&["Node", "RBAC"]));
        assert_eq!(list("\"a,b\",c"), of(&["a,b", "c"]));
        assert_eq!(list(""), None, "an empty list is not set");
    }
}
