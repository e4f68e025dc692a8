//! The fields of one map, asked for one by one.

use std::ops::Range;

use crate::reader::enumerated;
use crate::text::quoted;
use crate::{Diagnostic, Key, Node, Reader, Spanned, code};

/// A map that is being read. A `required_…` field that is absent is a mistake, an `optional_…` one is simply `None`;
/// both note a value of the wrong kind, also a field that was left empty. [`Fields::finish`] ends the reading.
#[must_use = "`finish` reports the fields that nobody asked for"]
pub struct Fields<'r, 'a> {
    reader: &'r Reader<'a>,
    node: &'r Node,
    entries: &'r [(Key, Node)],
    asked: Vec<&'static str>,
}

impl<'r, 'a> Fields<'r, 'a> {
    pub(crate) fn new(reader: &'r Reader<'a>, node: &'r Node, entries: &'r [(Key, Node)]) -> Fields<'r, 'a> {
        Fields { reader, node, entries, asked: Vec::new() }
    }

    /// Where to point at when the map as a whole is meant: its first field, or its braces if it has none.
    pub fn span(&self) -> Range<usize> {
        self.entries.first().map_or(&self.node.span, |(key, _)| &key.span).clone()
    }

    /// A field of any kind, if it is there.
    pub fn node(&mut self, name: &'static str) -> Option<&'r Node> {
        self.asked.push(name);
        self.entries.iter().find(|(key, _)| key.text == name).map(|(_, node)| node)
    }

    /// A field of any kind.
    pub fn required_node(&mut self, name: &'static str) -> Option<&'r Node> {
        let node = self.node(name);
        if node.is_none() {
            let message = format!("missing field `{name}`");
            self.reader.report(Diagnostic::error(code::MISSING_FIELD, self.reader.file(), self.span(), message));
        }
        node
    }

    /// Text.
    pub fn required_str(&mut self, name: &'static str) -> Option<Spanned<String>> {
        self.reader.str(self.required_node(name)?)
    }

    /// Text, if it is there.
    pub fn optional_str(&mut self, name: &'static str) -> Option<Spanned<String>> {
        self.reader.str(self.node(name)?)
    }

    /// A boolean.
    pub fn required_bool(&mut self, name: &'static str) -> Option<bool> {
        self.reader.bool(self.required_node(name)?)
    }

    /// A boolean, if it is there.
    pub fn optional_bool(&mut self, name: &'static str) -> Option<bool> {
        self.reader.bool(self.node(name)?)
    }

    /// An integer.
    pub fn required_int(&mut self, name: &'static str) -> Option<Spanned<i64>> {
        self.reader.int(self.required_node(name)?)
    }

    /// An integer, if it is there.
    pub fn optional_int(&mut self, name: &'static str) -> Option<Spanned<i64>> {
        self.reader.int(self.node(name)?)
    }

    /// A list.
    pub fn required_list(&mut self, name: &'static str) -> Option<&'r [Node]> {
        self.reader.list(self.required_node(name)?)
    }

    /// A list, if it is there.
    pub fn optional_list(&mut self, name: &'static str) -> Option<&'r [Node]> {
        self.reader.list(self.node(name)?)
    }

    /// A map of known fields.
    pub fn required_map(&mut self, name: &'static str) -> Option<Fields<'r, 'a>> {
        self.reader.map(self.required_node(name)?)
    }

    /// A map of known fields, if it is there.
    pub fn optional_map(&mut self, name: &'static str) -> Option<Fields<'r, 'a>> {
        self.reader.map(self.node(name)?)
    }

    /// A list of strings.
    pub fn required_str_list(&mut self, name: &'static str) -> Option<Vec<Spanned<String>>> {
        self.reader.str_list(self.required_node(name)?)
    }

    /// A list of strings, if it is there.
    pub fn optional_str_list(&mut self, name: &'static str) -> Option<Vec<Spanned<String>>> {
        self.reader.str_list(self.node(name)?)
    }

    /// One of several words, as what it stands for.
    pub fn required_one_of<T: Clone>(&mut self, name: &'static str, choices: &[(&str, T)]) -> Option<T> {
        self.reader.one_of(self.required_node(name)?, choices)
    }

    /// One of several words, if it is there, as what it stands for.
    pub fn optional_one_of<T: Clone>(&mut self, name: &'static str, choices: &[(&str, T)]) -> Option<T> {
        self.reader.one_of(self.node(name)?, choices)
    }

    /// Reports every field that was not asked for. Call it after the last question and before any `?`.
    pub fn finish(self) {
        let known = || match self.asked.as_slice() {
            [] => "there are no fields here".to_owned(),
            names => format!("fields here are {}", enumerated(names.iter().copied(), "and")),
        };
        for (key, _) in self.entries.iter().filter(|(key, _)| !self.asked.contains(&key.text.as_str())) {
            let message = format!("unknown field {}", quoted(&key.text));
            let diag = Diagnostic::error(code::UNKNOWN_FIELD, self.reader.file(), key.span.clone(), message);
            self.reader.report(diag.help(known()).did_you_mean(&key.text, &self.asked));
        }
    }
}
