//! The comparisons. `benchmarks/README.md` says when each is true; the left side is a value that is there.

use benchmark::Operator;
use serde_json::Value as Json;

use crate::facts::id_of;
use crate::node::Node;
use crate::value::{Seen, Unknown, Value, parse_duration, parse_number, parse_version};

/// The right side of a comparison.
#[derive(Clone, Debug)]
pub(crate) enum Right {
    /// A literal or a bound.
    Json(Json),
    /// Another fact's value.
    Value(Value),
}

impl Right {
    /// Its members; of a single value that alone.
    pub(crate) fn members(&self) -> Vec<String> {
        match self {
            Self::Json(Json::Array(members)) => members.iter().map(benchmark::plain).collect(),
            Self::Json(other) => vec![benchmark::plain(other)],
            Self::Value(Value::List(members)) => members.clone(),
            Self::Value(other) => vec![other.to_string()],
        }
    }

    fn number(&self) -> Option<i64> {
        match self {
            Self::Json(Json::Number(number)) => number.as_i64(),
            Self::Json(Json::String(text)) => parse_duration(text),
            Self::Value(Value::Int(number) | Value::Duration(number)) => Some(*number),
            Self::Value(Value::Text(text)) => parse_number(text),
            Self::Value(_) | Self::Json(_) => None,
        }
    }

    fn version(&self) -> Option<[u32; 3]> {
        match self {
            Self::Json(Json::String(text)) => parse_version(text),
            Self::Value(Value::Version(version)) => Some(*version),
            _ => None,
        }
    }
}

/// Whether a comparison holds; unknown where a name cannot be translated. What cannot be compared does not hold; `lint`
/// keeps such controls out.
pub(crate) fn holds(node: &Node<'_>, operator: Operator, value: &Value, right: &Right) -> Result<bool, Unknown> {
    if operator == Operator::OwnedBy {
        return owned_by(node, value, right);
    }
    Ok(compare(operator, value, right))
}

/// The comparisons that need no node to translate names.
pub(crate) fn compare(operator: Operator, value: &Value, right: &Right) -> bool {
    let own = || members(value);
    let ordered = |test: fn(std::cmp::Ordering) -> bool| {
        let ordering = match value {
            Value::Int(number) | Value::Duration(number) => right.number().map(|right| number.cmp(&right)),
            Value::Text(text) => parse_number(text).zip(right.number()).map(|(left, right)| left.cmp(&right)),
            Value::Version(version) => right.version().map(|right| version.cmp(&right)),
            _ => None,
        };
        ordering.is_some_and(test)
    };
    match operator {
        Operator::Equals => equals(value, right),
        Operator::OneOf => right.members().iter().any(|member| same(member, &value.to_string())),
        Operator::Contains => right.members().iter().all(|member| own().contains(member)),
        Operator::Excludes | Operator::Disjoint => !right.members().iter().any(|member| own().contains(member)),
        Operator::Within => own().iter().all(|member| right.members().iter().any(|allowed| same(allowed, member))),
        Operator::AtLeast => ordered(std::cmp::Ordering::is_ge),
        Operator::AtMost => ordered(std::cmp::Ordering::is_le),
        Operator::Matches => match right {
            Right::Json(Json::String(pattern)) => regex_lite::Regex::new(&format!("^(?:{pattern})$"))
                .is_ok_and(|regex| regex.is_match(&value.to_string())),
            _ => false,
        },
        Operator::ModeWithin => bits_outside(value, right) == Some(0),
        Operator::Present => true,
        Operator::Absent | Operator::OwnedBy => false,
    }
}

/// The members of a value. The kernel writes its lists with commas.
pub(crate) fn members(value: &Value) -> Vec<String> {
    match value {
        Value::List(members) => members.clone(),
        Value::Text(text) => text.split(',').map(|member| member.trim().to_owned()).collect(),
        other => vec![other.to_string()],
    }
}

/// Owner and group both; either of them being another is enough to know that it does not hold.
fn owned_by(node: &Node<'_>, value: &Value, right: &Right) -> Result<bool, Unknown> {
    let bound = right.members().concat();
    let (Value::Owner(owner), Some((user, group))) = (value, bound.split_once(':')) else { return Ok(false) };
    let by_user = is_id(node, "/etc/passwd", user, owner.uid);
    let by_group = is_id(node, "/etc/group", group, owner.gid);
    match (by_user, by_group) {
        (Ok(false), _) | (_, Ok(false)) => Ok(false),
        (Err(unknown), _) | (_, Err(unknown)) => Err(unknown),
        (Ok(true), Ok(true)) => Ok(true),
    }
}

/// The permission bits of a mode that its bound does not have; none: one of them cannot be read.
pub(crate) fn bits_outside(value: &Value, right: &Right) -> Option<u32> {
    let Value::Mode(mode) = value else { return None };
    let bound = u32::from_str_radix(&right.members().concat(), 8).ok()?;
    Some(mode & 0o7777 & !bound)
}

/// Whether two texts are the same; addresses are, however they are written.
pub(crate) fn same(left: &str, right: &str) -> bool {
    let address = |text: &str| text.parse::<std::net::IpAddr>().ok().map(|address| address.to_canonical());
    left == right || address(left).is_some_and(|left| address(right) == Some(left))
}

fn equals(value: &Value, right: &Right) -> bool {
    match (value, right) {
        (value, Right::Value(other)) => value == other,
        (Value::List(members), Right::Json(_)) => *members == right.members(),
        (Value::Duration(_), Right::Json(_)) => right.number().is_some_and(|number| *value == Value::Duration(number)),
        (value, Right::Json(json)) => value.to_string() == benchmark::plain(json),
    }
}

/// Whether a name or number is this id, by the node's own accounts. Ids decide, names only translate.
fn is_id(node: &Node<'_>, file: &str, wanted: &str, id: u32) -> Result<bool, Unknown> {
    if let Ok(number) = wanted.parse::<u32>() {
        return Ok(number == id);
    }
    match id_of(node, file, wanted) {
        Seen::Known(known) => Ok(known == id),
        Seen::Absent(_) => Ok(false),
        Seen::Unknown(unknown) => Err(unknown),
    }
}
