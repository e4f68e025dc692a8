//! Reading a tree as what it should be, and noting what it is not.

use std::cell::RefCell;

use serde_json::Value as Json;

use crate::text::quoted;
use crate::{Diagnostic, Fields, Key, Node, Spanned, Value, code};

/// Reads the nodes of one file and gathers what is wrong with them.
///
/// Each method returns the value, or notes a mistake and returns `None`; about [`Value::Refused`] it is silent, since
/// that has been reported. Strings and numbers come with their place, as their content is checked later; a boolean or
/// one of several words has been checked when it is read and comes bare.
pub struct Reader<'a> {
    file: &'a str,
    /// Shared, so that a map can be read while the map around it is still open.
    found: RefCell<&'a mut Vec<Diagnostic>>,
}

impl<'a> Reader<'a> {
    /// Mistakes in `file` will be added to `found`.
    pub fn new(file: &'a str, found: &'a mut Vec<Diagnostic>) -> Reader<'a> {
        Reader { file, found: RefCell::new(found) }
    }

    /// The file's name, for diagnostics of one's own.
    pub fn file(&self) -> &'a str {
        self.file
    }

    /// Notes a mistake that only the loader could see.
    pub fn report(&self, diag: Diagnostic) {
        self.found.borrow_mut().push(diag);
    }

    /// Any scalar as text: `600` and `"600"` alike.
    pub fn str(&self, node: &Node) -> Option<Spanned<String>> {
        match &node.value {
            Value::Scalar { text, .. } => Some(Spanned { value: text.clone(), span: node.span.clone() }),
            _ => self.wrong(node, "a string"),
        }
    }

    /// A plain `true` or `false`.
    pub fn bool(&self, node: &Node) -> Option<bool> {
        match node.scalar_json() {
            Some(Json::Bool(value)) => Some(value),
            _ => self.wrong(node, "`true` or `false`"),
        }
    }

    /// A plain integer.
    pub fn int(&self, node: &Node) -> Option<Spanned<i64>> {
        match node.scalar_json().as_ref().and_then(Json::as_i64) {
            Some(value) => Some(Spanned { value, span: node.span.clone() }),
            None => self.wrong(node, "an integer"),
        }
    }

    /// A list.
    pub fn list<'n>(&self, node: &'n Node) -> Option<&'n [Node]> {
        match &node.value {
            Value::Seq(nodes) => Some(nodes),
            _ => self.wrong(node, "a list"),
        }
    }

    /// A map whose fields are known beforehand; [`Fields::finish`] reports the others.
    pub fn map<'r>(&'r self, node: &'r Node) -> Option<Fields<'r, 'a>> {
        self.entries(node).map(|entries| Fields::new(self, node, entries))
    }

    /// A map from names of the author's own choosing.
    pub fn entries<'n>(&self, node: &'n Node) -> Option<&'n [(Key, Node)]> {
        match &node.value {
            Value::Map(entries) => Some(entries),
            _ => self.wrong(node, "a map"),
        }
    }

    /// A list of strings. Items that are none are noted and left out.
    pub fn str_list(&self, node: &Node) -> Option<Vec<Spanned<String>>> {
        Some(self.list(node)?.iter().filter_map(|item| self.str(item)).collect())
    }

    /// One of several words, as what it stands for.
    pub fn one_of<T: Clone>(&self, node: &Node, choices: &[(&str, T)]) -> Option<T> {
        let given = self.str(node)?;
        if let Some((_, meaning)) = choices.iter().find(|(word, _)| *word == given.value) {
            return Some(meaning.clone());
        }
        let words = || choices.iter().map(|(word, _)| *word);
        let message = format!("unknown value {}", quoted(&given.value));
        let diag = Diagnostic::error(code::UNKNOWN_VALUE, self.file, given.span, message);
        self.report(diag.label(format!("expected {}", enumerated(words(), "or"))).did_you_mean(&given.value, words()));
        None
    }

    fn wrong<T>(&self, node: &Node, expected: &str) -> Option<T> {
        // What was written tells more than its kind alone.
        let found = match &node.value {
            Value::Refused => return None,
            Value::Scalar { text, .. } => format!("{} {}", node.kind(), quoted(text)),
            _ => node.kind().to_owned(),
        };
        let message = format!("expected {expected}, found {found}");
        self.report(Diagnostic::error(code::WRONG_TYPE, self.file, node.span.clone(), message));
        None
    }
}

/// `` `a`, `b` or `c` ``
pub(crate) fn enumerated<'a>(words: impl Iterator<Item = &'a str>, last: &str) -> String {
    let words: Vec<String> = words.map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((end, rest)) if !rest.is_empty() => format!("{} {last} {end}", rest.join(", ")),
        _ => words.concat(),
    }
}
