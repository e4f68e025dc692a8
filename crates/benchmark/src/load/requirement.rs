//! Reading a requirement: which facts it speaks of, and whether what they are compared with fits them.

use std::ops::Range as Span;

use diag::{Node, Spanned, quoted};
use serde_json::Value as Json;

use super::shape::Slot;
use super::{File, code};
use crate::{Comparison, Operand, Operator, Requirement};

/// Reads the requirements of one control.
pub(super) struct Requirements<'f, 'a> {
    pub(super) file: &'f File<'a>,
    /// What the members of the set are that the control goes through; empty: nobody knows the set.
    pub(super) members: Option<&'static str>,
    /// The parameters it refers to, each with the place it is put in, if that is known.
    pub(super) uses: Vec<(Spanned<String>, Option<Slot>)>,
}

/// What a requirement is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It decides: where there are files, it speaks of them.
    Decides,
    /// It says where the control applies, and may speak of components besides.
    Applies,
}

impl Requirements<'_, '_> {
    /// Reads one requirement.
    pub(super) fn read(&mut self, node: &Node, role: Role) -> Option<Requirement> {
        let file = self.file;
        let mut fields = file.reader.map(node)?;
        let span = fields.span();
        let (all, any, not) = (fields.node("all"), fields.node("any"), fields.node("not"));
        let fact = fields.node("fact");
        let given = Operator::ALL.map(|(word, operator)| Some((operator, fields.node(word)?)));
        fields.finish();

        let operators: Vec<(Operator, &Node)> = given.into_iter().flatten().collect();
        let wrong = |message: &str| {
            let help = "it is a comparison `{ fact: NAME, OPERATOR: OPERAND }`, or one of `all`, `any` and `not`";
            file.report(file.error(code::REQUIREMENT, &span, message).help(help));
            None
        };
        match (all, any, not, fact, operators.as_slice()) {
            (Some(parts), None, None, None, []) => self.parts(parts, role).map(Requirement::All),
            (None, Some(parts), None, None, []) => self.parts(parts, role).map(Requirement::Any),
            (None, None, Some(part), None, []) => self.read(part, role).map(|part| Requirement::Not(Box::new(part))),
            (None, None, None, Some(fact), [(operator, operand)]) => {
                let fact = file.reader.str(fact);
                // An operand may hold mistakes of its own, whether or not the fact could be read.
                let slot = fact.as_ref().and_then(|fact| self.slot(fact, *operator, &operand.span, role));
                let operand = self.operand(operand, slot)?;
                Some(Requirement::Compare(Comparison { fact: fact?.value, operator: *operator, operand }))
            }
            (None, None, None, Some(_), []) => wrong("the fact is compared with nothing"),
            (None, None, None, Some(_), _) => wrong("one fact is compared twice"),
            (None, None, None, None, []) => wrong("there is no requirement here"),
            (None, None, None, None, _) => wrong("the comparison names no fact"),
            _ => wrong("these are several requirements in one"),
        }
    }

    fn parts(&mut self, node: &Node, role: Role) -> Option<Vec<Requirement>> {
        let nodes = self.file.reader.list(node)?;
        if nodes.is_empty() {
            self.file.report(self.file.error(code::REQUIREMENT, &node.span, "an empty list demands nothing"));
        }
        // Every part is read, also after one that could not be.
        let parts: Vec<Option<Requirement>> = nodes.iter().map(|node| self.read(node, role)).collect();
        parts.into_iter().collect()
    }

    /// The place right of an operator, if fact and operator are known and fit.
    fn slot(&self, fact: &Spanned<String>, operator: Operator, at: &Span<usize>, role: Role) -> Option<Slot> {
        let file = self.file;
        let of = file.fact(fact)?;
        match (asked_of(&fact.value), self.members) {
            (Some(member), None) => {
                let message = format!("{} is asked of a {member}, and there is none here", quoted(&fact.value));
                let help = format!("name the {member}s with `for_each`");
                file.report(file.error(code::WRONG_SUBJECT, &fact.span, message).help(help));
            }
            (_, None | Some("")) => {}
            (of, Some(members)) => {
                let of_all = members != "file" && fact.value.starts_with(OF_CLUSTER);
                let fits = of.map_or(of_all || role != Role::Decides, |of| of == members);
                if !fits {
                    let name = quoted(&fact.value);
                    let message = format!("{name} is not asked of a {members}, and `for_each` goes through {members}s");
                    let begin = beginnings(members).map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ");
                    let help = format!("only facts that begin with {begin} decide here; compare them with this one");
                    file.report(file.error(code::WRONG_SUBJECT, &fact.span, message).help(help));
                }
            }
        }
        let slot = Slot { operator, of };
        if slot.shape().is_none() {
            let word = Operator::ALL.iter().find(|(_, other)| *other == operator).map_or("", |(word, _)| *word);
            let message = format!("`{word}` does not fit {}, whose type is {of}", quoted(&fact.value));
            let help = format!("operators for this type are {}", Slot::operators(of).join(", "));
            file.report(file.error(code::WRONG_OPERATOR, at, message).help(help));
            return None;
        }
        Some(slot)
    }

    fn operand(&mut self, node: &Node, slot: Option<Slot>) -> Option<Operand> {
        let file = self.file;
        if matches!(node.value, diag::Value::Map(_)) {
            let mut fields = file.reader.map(node)?;
            let name = fields.required_str("fact");
            fields.finish();
            let name = name?;
            if let (Some(of), Some(slot)) = (file.fact(&name), slot)
                && !slot.takes_fact(of)
            {
                let message = format!("{} is of type {of}, which does not fit here", quoted(&name.value));
                file.report(file.error(code::WRONG_VALUE, &name.span, message));
            }
            return Some(Operand::Fact(name.value));
        }
        let literal = file.literal(node)?;
        if let Some(name) = literal.as_str().and_then(|text| text.strip_prefix('$')) {
            self.uses.push((Spanned { value: name.to_owned(), span: node.span.clone() }, slot));
            return Some(Operand::Parameter(name.to_owned()));
        }
        fits(file, slot, &literal, &node.span);
        Some(Operand::Literal(literal))
    }
}

/// What facts of a set's members begin with, and what such members are.
const MEMBERS: [(&str, &str); 6] = [
    ("file.", "file"),
    ("certificate.", "file"),
    ("subject.", "subject"),
    ("role.", "role"),
    ("account.", "service account"),
    ("namespace.", "namespace"),
];

/// What facts of a whole cluster begin with, which decide beside those of its members.
const OF_CLUSTER: &str = "cluster.";

fn beginnings(members: &str) -> impl Iterator<Item = &'static str> {
    MEMBERS.into_iter().filter(move |(_, own)| *own == members).map(|(word, _)| word)
}

/// What a fact is asked of, if it is a set's member.
pub(super) fn asked_of(fact: &str) -> Option<&'static str> {
    MEMBERS.into_iter().find(|(word, _)| fact.starts_with(word)).map(|(_, members)| members)
}

/// Notes a value that does not fit its place.
fn fits(file: &File<'_>, slot: Option<Slot>, value: &Json, span: &Span<usize>) {
    if let Some(expected) = misfit(slot, value) {
        file.report(file.error(code::WRONG_VALUE, span, format!("expected {expected}")));
    }
}

/// What is expected in a place, if a value does not fit there.
pub(super) fn misfit(slot: Option<Slot>, value: &Json) -> Option<&'static str> {
    let shape = slot?.shape()?;
    (!shape.holds(value)).then(|| shape.words())
}
