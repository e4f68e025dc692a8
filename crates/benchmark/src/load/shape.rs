//! Which comparison fits which type of fact, and what may stand on its right.

use serde_json::Value as Json;

use crate::{Kind, Operator};

/// The place right of an operator, for a fact of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) operator: Operator,
    /// The type's word, as the vocabulary has it.
    pub(super) of: &'static str,
}

/// The form of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Bool,
    Int,
    Text,
    Ints,
    Texts,
    Duration,
    Mode,
    Owner,
    Pattern,
    Gates,
    True,
    Scalar,
    Scalars,
    Version,
}

impl Slot {
    /// The form of what may stand here; none: the operator does not fit the type.
    pub(super) fn shape(self) -> Option<Shape> {
        use Operator as Op;
        Some(match (self.operator, self.of) {
            (Op::Present | Op::Absent, _) => Shape::True,
            (Op::Equals, "bool") => Shape::Bool,
            (Op::Equals | Op::AtLeast | Op::AtMost, "int") | (Op::AtLeast | Op::AtMost, "scalar") => Shape::Int,
            (Op::Equals | Op::AtLeast | Op::AtMost, "duration") => Shape::Duration,
            (Op::Equals, "text") => Shape::Text,
            (Op::Equals | Op::Contains | Op::Excludes | Op::Within | Op::Disjoint, "list")
            | (Op::OneOf, "text")
            | (Op::Contains | Op::Excludes, "scalar") => Shape::Texts,
            (Op::OneOf, "int") => Shape::Ints,
            (Op::Equals, "scalar") => Shape::Scalar,
            (Op::OneOf, "scalar") => Shape::Scalars,
            (Op::Equals | Op::AtLeast | Op::AtMost, "version") => Shape::Version,
            (Op::Matches, "text" | "scalar") => Shape::Pattern,
            // No `equals` for these two: `0600` and `600`, `root:root` and `0:0` are the same and do not look it.
            (Op::ModeWithin, "mode") => Shape::Mode,
            (Op::OwnedBy, "owner") => Shape::Owner,
            _ => return None,
        })
    }

    /// Whether a fact of another type may stand here.
    pub(super) fn takes_fact(self, of: &str) -> bool {
        match self.operator {
            Operator::OneOf => self.of == "text" && of == "list",
            Operator::OwnedBy => of == "text",
            Operator::Matches | Operator::ModeWithin | Operator::Present | Operator::Absent => false,
            _ => self.shape().is_some() && self.of == of,
        }
    }

    /// The words of the operators that fit a type.
    pub(super) fn operators(of: &'static str) -> Vec<&'static str> {
        let fits = |(word, operator): (&'static str, Operator)| Self { operator, of }.shape().map(|_| word);
        Operator::ALL.into_iter().filter_map(fits).collect()
    }
}

impl From<Kind> for Shape {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Bool => Self::Bool,
            Kind::Int => Self::Int,
            Kind::Text => Self::Text,
            Kind::List | Kind::Repeated | Kind::LastList => Self::Texts,
            Kind::Duration => Self::Duration,
            Kind::Gates => Self::Gates,
        }
    }
}

impl Shape {
    /// What is expected, in words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Bool => "`true` or `false`",
            Self::Int => "a whole number",
            Self::Text => "a text (a number or boolean that is meant as text needs quotes)",
            Self::Ints => "a list of whole numbers",
            Self::Texts => "a list of texts (a number or boolean that is meant as text needs quotes)",
            Self::Duration => "a duration such as 5m or 4h0m0s",
            Self::Mode => "an octal mode in quotes, such as \"600\"",
            Self::Owner => "owner and group, such as \"root:root\"",
            Self::Pattern => "a regular expression",
            Self::Gates => "a map of names to `true` or `false`",
            Self::True => "`true`",
            Self::Scalar => "a text or a whole number",
            Self::Scalars => "a list of texts and whole numbers",
            Self::Version => "a version in quotes, such as \"6.6.8\"",
        }
    }

    /// Whether a value has this form.
    pub(super) fn holds(self, value: &Json) -> bool {
        let members = |of: Self| value.as_array().is_some_and(|members| members.iter().all(|member| of.holds(member)));
        let text = |test: fn(&str) -> bool| value.as_str().is_some_and(test);
        match self {
            Self::Bool => value.is_boolean(),
            Self::Int => value.as_i64().is_some(),
            Self::Text => value.is_string(),
            Self::Ints => members(Self::Int),
            Self::Texts => members(Self::Text),
            Self::Duration => text(is_duration),
            Self::Mode => text(is_mode),
            Self::Owner => text(is_owner),
            Self::Pattern => text(|pattern| regex_lite::Regex::new(&format!("^(?:{pattern})$")).is_ok()),
            Self::Gates => value.as_object().is_some_and(|gates| gates.values().all(Json::is_boolean)),
            Self::True => *value == Json::Bool(true),
            Self::Scalar => value.is_string() || value.as_i64().is_some(),
            Self::Scalars => members(Self::Scalar),
            Self::Version => text(is_version),
        }
    }
}

fn is_mode(text: &str) -> bool {
    (3..=4).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'0'..=b'7'))
}

fn is_version(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    (2..=3).contains(&parts.len()) && parts.iter().all(|part| part.parse::<u32>().is_ok())
}

fn is_owner(text: &str) -> bool {
    let name = |name: &str| !name.is_empty() && !name.contains(|c: char| c == ':' || c.is_whitespace());
    text.split_once(':').is_some_and(|(user, group)| name(user) && name(group))
}

/// Whether Go would read it as a duration.
fn is_duration(text: &str) -> bool {
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return true;
    }
    let mut parts = 0;
    while !rest.is_empty() {
        let unit = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let number = &rest[..rest.len() - unit.len()];
        let after = unit.trim_start_matches(|c: char| !c.is_ascii_digit() && c != '.');
        let unit = &unit[..unit.len() - after.len()];
        // A number has a digit and at most one point.
        if !matches!(unit, "ns" | "us" | "µs" | "μs" | "ms" | "s" | "m" | "h")
            || !number.contains(|c: char| c.is_ascii_digit())
            || number.matches('.').count() > 1
        {
            return false;
        }
        rest = after;
        parts += 1;
    }
    parts > 0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_have_their_forms() {
        for (shape, value, holds) in [
            (Shape::Duration, json!("5m"), true),
            (Shape::Duration, json!("4h0m0s"), true),
            (Shape::Duration, json!("1.5s"), true),
            (Shape::Duration, json!("-1ms"), true),
            (Shape::Duration, json!("0"), true),
            (Shape::Duration, json!("5"), false),
            (Shape::Duration, json!("m"), false),
            (Shape::Duration, json!(""), false),
            (Shape::Duration, json!("1.2.3s"), false),
            (Shape::Duration, json!("5 m"), false),
            (Shape::Duration, json!("1d"), false),
            (Shape::Duration, json!(300), false),
            (Shape::Mode, json!("600"), true),
            (Shape::Mode, json!("0644"), true),
            (Shape::Mode, json!(600), false),
            (Shape::Mode, json!("680"), false),
            (Shape::Mode, json!("rw-"), false),
            (Shape::Owner, json!("root:root"), true),
            (Shape::Owner, json!("0:0"), true),
            (Shape::Owner, json!("root"), false),
            (Shape::Owner, json!("root:"), false),
            (Shape::Owner, json!("a:b:c"), false),
            (Shape::Texts, json!(["a"]), true),
            (Shape::Texts, json!([]), true),
            (Shape::Texts, json!(["a", 1]), false),
            (Shape::Texts, json!("a"), false),
            (Shape::Ints, json!([1, 2]), true),
            (Shape::Int, json!(1.5), false),
            (Shape::Pattern, json!("[a-z]+"), true),
            (Shape::Pattern, json!("[a-z"), false),
            (Shape::Gates, json!({ "A": true }), true),
            (Shape::Gates, json!({ "A": "on" }), false),
            (Shape::True, json!(false), false),
            (Shape::Scalar, json!("y"), true),
            (Shape::Scalar, json!(100), true),
            (Shape::Scalar, json!(true), false),
            (Shape::Version, json!("6.6.8"), true),
            (Shape::Version, json!("1.12"), true),
            (Shape::Version, json!("6"), false),
            (Shape::Version, json!("v6.1"), false),
        ] {
            assert_eq!(shape.holds(&value), holds, "{shape:?} {value}");
        }
    }

    #[test]
    fn every_type_has_its_operators() {
        for (of, operators) in [
            ("bool", "equals present absent"),
            ("int", "equals one_of at_least at_most present absent"),
            ("text", "equals one_of matches present absent"),
            ("list", "equals contains excludes within disjoint present absent"),
            ("duration", "equals at_least at_most present absent"),
            ("mode", "mode_within present absent"),
            ("owner", "owned_by present absent"),
            ("scalar", "equals one_of contains excludes at_least at_most matches present absent"),
            ("version", "equals at_least at_most present absent"),
        ] {
            assert_eq!(Slot::operators(of).join(" "), operators, "{of}");
        }
    }

    #[test]
    fn facts_compare_with_facts_of_their_type() {
        for (operator, of, other, takes) in [
            (Operator::Equals, "text", "text", true),
            (Operator::Equals, "text", "list", false),
            (Operator::OneOf, "text", "list", true),
            (Operator::OneOf, "text", "text", false),
            (Operator::Within, "list", "list", true),
            (Operator::AtMost, "int", "int", true),
            (Operator::AtMost, "int", "duration", false),
            (Operator::AtMost, "text", "text", false),
            (Operator::OwnedBy, "owner", "text", true),
            (Operator::ModeWithin, "mode", "mode", false),
            (Operator::Present, "text", "bool", false),
        ] {
            assert_eq!(Slot { operator, of }.takes_fact(other), takes, "{operator:?} {of} {other}");
        }
    }
}
