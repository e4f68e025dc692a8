//! What of a fact makes a control fail, so that a later failure can be told from a smaller or an unrelated one.

use benchmark::{Comparison, Judge, Operand, Operator};

use super::{Bench, Truth};
use crate::operators::{self, Right};
use crate::value::{Resolved, Seen, Value};

/// Permission bits, each as chmod writes it.
const BITS: [(u32, &str); 12] = [
    (0o4000, "u+s"),
    (0o2000, "g+s"),
    (0o1000, "+t"),
    (0o400, "u+r"),
    (0o200, "u+w"),
    (0o100, "u+x"),
    (0o040, "g+r"),
    (0o020, "g+w"),
    (0o010, "g+x"),
    (0o004, "o+r"),
    (0o002, "o+w"),
    (0o001, "o+x"),
];

impl Bench<'_> {
    /// What of a fact is not as a failed control wants it, in order; empty: all of it is as it must be. None: it fails, or
    /// may fail, by its whole value, or another fact is compared with it.
    pub(super) fn offends(&self, fact: &str, observed: &mut Vec<(String, Resolved)>) -> Option<Vec<String>> {
        let mut found = Vec::new();
        for (comparison, wanted) in self.comparisons() {
            if matches!(&comparison.operand, Operand::Fact(name) if name == fact) {
                return None;
            }
            if comparison.fact != fact {
                continue;
            }
            match (self.compare(comparison, observed), wanted) {
                (Truth::True, true) | (Truth::False, false) => {}
                (Truth::False, true) => {
                    let right = self.operand(comparison, observed);
                    found.extend(offending(comparison.operator, &self.resolve(fact, observed), right.known()?)?);
                }
                (Truth::True, false) | (Truth::Unknown(_), _) => return None,
            }
        }
        found.sort();
        found.dedup();
        Some(found)
    }

    /// Every comparison that a failure rests on, with what it must come out as.
    fn comparisons(&self) -> impl Iterator<Item = (&Comparison, bool)> {
        let required = match &self.control.judge {
            Judge::Require(requirement) => Some(requirement),
            Judge::Manual { .. } => None,
        };
        let equivalent = self.control.equivalent.iter().map(|other| &other.require);
        self.control.when.iter().chain(required).chain(equivalent).flat_map(|requirement| requirement.comparisons())
    }
}

/// The members by which a comparison does not hold: those that are missing, or too many. None: they do not tell it.
fn offending(operator: Operator, resolved: &Resolved, right: &Right) -> Option<Vec<String>> {
    let value = match resolved {
        Seen::Known(known) => &known.value,
        Seen::Absent(_) if operator == Operator::Contains => &Value::List(Vec::new()),
        Seen::Absent(_) | Seen::Unknown(_) => return None,
    };
    let (own, bounds) = (operators::members(value), right.members());
    let missing = || bounds.iter().filter(|bound| !own.contains(bound)).cloned();
    let beyond = || own.iter().filter(|member| !bounds.iter().any(|bound| operators::same(bound, member))).cloned();
    let found: Vec<String> = match (operator, value) {
        (Operator::Contains, _) => missing().collect(),
        (Operator::Excludes | Operator::Disjoint, _) => {
            own.iter().filter(|member| bounds.contains(member)).cloned().collect()
        }
        (Operator::Within, _) | (Operator::OneOf, Value::List(_)) => beyond().collect(),
        (Operator::Equals, Value::List(_)) => missing().chain(beyond()).collect(),
        (Operator::ModeWithin, _) => {
            let outside = operators::bits_outside(value, right)?;
            BITS.iter().filter(|(bit, _)| outside & bit != 0).map(|(_, name)| (*name).to_owned()).collect()
        }
        _ => return None,
    };
    // Such as the order of a list.
    Some(found).filter(|found| !found.is_empty())
}

#[cfg(test)]
mod tests {
    use evidence::Basis;
    use serde_json::json;

    use super::*;
    use crate::value::{How, Known};

    fn known(value: Value) -> Resolved {
        let (source, notes) = ("a test".to_owned(), Vec::new());
        Seen::Known(Known { value, how: How::Explicit, source, basis: Basis::Running, notes, partial: None })
    }

    #[test]
    fn each_operator_names_what_offends() {
        let list = |members: &[&str]| known(Value::List(members.iter().map(|member| (*member).to_owned()).collect()));
        let text = |text: &str| known(Value::Text(text.to_owned()));
        let absent = || Seen::Absent("not set".to_owned());
        let cases = [
            (Operator::Contains, list(&["a"]), json!(["a", "b", "c"]), Some("b c")),
            (Operator::Contains, text("a, b"), json!(["b", "c"]), Some("c")),
            (Operator::Contains, absent(), json!(["a", "b"]), Some("a b")),
            (Operator::Excludes, list(&["a", "b"]), json!("b"), Some("b")),
            (Operator::Excludes, absent(), json!("b"), None),
            (Operator::Disjoint, list(&["a", "b", "c"]), json!(["c", "a", "x"]), Some("a c")),
            (Operator::Within, list(&["a", "z", "y"]), json!(["a", "b"]), Some("z y")),
            (Operator::Within, list(&["::1", "10.0.0.1"]), json!(["0:0::1"]), Some("10.0.0.1")),
            (Operator::OneOf, list(&["a", "z"]), json!(["a", "b"]), Some("z")),
            // Each of them alone might be.
            (Operator::OneOf, list(&["a", "b"]), json!(["a", "b"]), None),
            (Operator::OneOf, text("z"), json!(["a", "b"]), None),
            (Operator::Equals, list(&["a", "z"]), json!(["a", "b"]), Some("b z")),
            (Operator::Equals, list(&["gap"]), json!([]), Some("gap")),
            (Operator::Equals, list(&["b", "a"]), json!(["a", "b"]), None),
            (Operator::Equals, text("z"), json!("a"), None),
            (Operator::ModeWithin, known(Value::Mode(0o666)), json!("0600"), Some("g+r g+w o+r o+w")),
            (Operator::ModeWithin, known(Value::Mode(0o7711)), json!("600"), Some("u+s g+s +t u+x g+x o+x")),
            (Operator::ModeWithin, known(Value::Mode(0o644)), json!("none"), None),
            (Operator::AtLeast, known(Value::Int(1)), json!(30), None),
            (Operator::AtMost, known(Value::Int(90)), json!(30), None),
            (Operator::Matches, text("z"), json!("a.*"), None),
            (Operator::OwnedBy, text("z"), json!("root:root"), None),
            (Operator::Present, absent(), json!(true), None),
            (Operator::Absent, text("z"), json!(true), None),
        ];
        for (operator, value, right, expected) in cases {
            let found = offending(operator, &value, &Right::Json(right.clone())).map(|found| found.join(" "));
            assert_eq!(found.as_deref(), expected, "{operator:?} {value:?} {right}");
        }
    }
}
