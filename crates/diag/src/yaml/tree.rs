//! From the parser's events to the tree. The nesting is kept on a stack of our own, so depth costs no call stack.

use std::collections::HashMap;
use std::ops::Range;

use granit_parser::{ErrorKind, Event, Options, Parser, ScalarStyle, ScanError, options};

use super::{Key, MAX_DEPTH, MAX_NODES, Node, Value};
use crate::text::{clamp, quoted};
use crate::{Diagnostic, code};

/// Reads a text of bounded size.
pub(super) fn read(file: &str, text: &str) -> (Option<Node>, Vec<Diagnostic>) {
    let mut tree = Tree { file, text, open: Vec::new(), root: None, nodes: 0, found: Vec::new() };
    match tree.read() {
        Ok(()) => (Some(tree.root.unwrap_or(Node { span: 0..0, value: Value::Null })), tree.found),
        Err(last) => {
            tree.found.push(*last);
            (None, tree.found)
        }
    }
}

struct Tree<'t> {
    file: &'t str,
    text: &'t str,
    /// The lists and maps around the current place, outermost first.
    open: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
    found: Vec<Diagnostic>,
}

/// A list or map whose end has not been seen.
struct Open {
    span: Range<usize>,
    items: Items,
}

enum Items {
    Seq(Vec<Node>),
    Map {
        entries: Vec<(Key, Node)>,
        /// The line on which each name was first given.
        seen: HashMap<String, usize>,
        pending: Pending,
    },
}

/// What the next node of a map is.
enum Pending {
    /// A name.
    Name,
    /// The value of this field.
    Value(Key),
    /// The value of a field whose name was reported: dropped.
    Dropped,
}

/// A mistake after which reading cannot go on. Boxed, for it is rare and large.
type Fatal = Box<Diagnostic>;

impl Tree<'_> {
    fn read(&mut self) -> Result<(), Fatal> {
        for event in Parser::new_from_str_with_options(self.text, parser_options()) {
            let (event, at) = event.map_err(|error| self.syntax(&error))?;
            let span = clamp(self.text, at.byte_range().unwrap_or_default());
            if event.tag().is_some() {
                let tag =
                    at.tag_span().and_then(|tag| tag.byte_range()).map_or(span.clone(), |tag| clamp(self.text, tag));
                self.refuse(tag, "tags are not used in these files", "write the value without it");
            }
            match event {
                Event::DocumentStart(..) if self.root.is_some() => {
                    self.refuse(span, "a second document begins here", "put it into a file of its own");
                    return Ok(());
                }
                Event::Scalar(text, style, ..) => {
                    let span = self.trimmed(span);
                    let plain = style == ScalarStyle::Plain;
                    let null = plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                    let value = if null { Value::Null } else { Value::Scalar { text: text.into_owned(), plain } };
                    self.put(Node { span, value }, at.start.line())?;
                }
                Event::Alias(_) | Event::UnresolvedAlias(_) => {
                    let help = "write the value out; in a text, put it into quotes";
                    self.refuse(span.clone(), "aliases are not used in these files", help);
                    self.put(Node { span, value: Value::Refused }, at.start.line())?;
                }
                Event::Anchor(..) => {
                    let help = "remove it; in a text, put the value into quotes";
                    self.refuse(span, "anchors are not used in these files", help);
                }
                Event::SequenceStart(..) => self.open(span, Items::Seq(Vec::new()))?,
                Event::MappingStart(..) => {
                    self.open(span, Items::Map { entries: Vec::new(), seen: HashMap::new(), pending: Pending::Name })?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.close(span, at.start.line())?,
                _ => {}
            }
        }
        Ok(())
    }

    fn open(&mut self, span: Range<usize>, items: Items) -> Result<(), Fatal> {
        if self.open.len() == MAX_DEPTH {
            return Err(self.too_deep(span));
        }
        self.open.push(Open { span, items });
        Ok(())
    }

    fn close(&mut self, end: Range<usize>, line: usize) -> Result<(), Fatal> {
        let Some(Open { span, items }) = self.open.pop() else { return Ok(()) };
        let (value, inner) = match items {
            Items::Seq(nodes) => {
                let inner = nodes.last().map(|node| node.span.end);
                (Value::Seq(nodes), inner)
            }
            Items::Map { entries, .. } => {
                let inner = entries.last().map(|(key, node)| key.span.end.max(node.span.end));
                (Value::Map(entries), inner)
            }
        };
        // A bracket has a place of its own; a block ends where the next thing begins, so its last item tells better.
        let end = if end.is_empty() { inner.unwrap_or(span.end) } else { end.end };
        self.put(Node { span: span.start..end.max(span.end), value }, line)
    }

    /// Puts a finished node where it belongs.
    fn put(&mut self, node: Node, line: usize) -> Result<(), Fatal> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            let message = format!("the file has more than {MAX_NODES} values");
            return Err(Box::new(Diagnostic::error(code::YAML_LIMIT, self.file, node.span, message)));
        }
        match self.open.last_mut().map(|open| &mut open.items) {
            None => self.root = Some(node),
            Some(Items::Seq(nodes)) => nodes.push(node),
            Some(Items::Map { entries, seen, pending }) => match std::mem::replace(pending, Pending::Name) {
                Pending::Name => match name(self.file, node, seen, line) {
                    Ok(key) => *pending = Pending::Value(key),
                    Err(mistake) => {
                        *pending = Pending::Dropped;
                        self.found.extend(mistake.map(|mistake| *mistake));
                    }
                },
                Pending::Value(key) => {
                    let left_empty = node.value == Value::Null && node.span.is_empty();
                    let span = if left_empty { key.span.clone() } else { node.span };
                    entries.push((key, Node { span, ..node }));
                }
                Pending::Dropped => {}
            },
        }
        Ok(())
    }

    fn refuse(&mut self, span: Range<usize>, message: &str, help: &str) {
        self.found.push(Diagnostic::error(code::YAML_UNSUPPORTED, self.file, span, message).help(help));
    }

    fn too_deep(&self, span: Range<usize>) -> Fatal {
        let message = format!("lists and maps are nested deeper than {MAX_DEPTH} levels");
        Box::new(Diagnostic::error(code::YAML_LIMIT, self.file, span, message))
    }

    fn syntax(&self, error: &ScanError) -> Fatal {
        // A mistake noticed at the end of the file is shown at the end of what was written.
        let at = error.marker().byte_offset().unwrap_or(0).min(self.text.trim_end().len());
        let rest = self.text.get(at..).unwrap_or_default();
        let span = at..at + rest.chars().next().filter(|c| !c.is_whitespace()).map_or(0, char::len_utf8);
        let span = clamp(self.text, span);
        if *error.kind() == ErrorKind::RecursionLimitExceeded {
            return self.too_deep(span);
        }
        let diag = Diagnostic::error(code::YAML_SYNTAX, self.file, span, error.info());
        Box::new(match hint(error.kind()) {
            Some(help) => diag.help(help),
            None => diag,
        })
    }

    /// Without the line breaks that end a block of text.
    fn trimmed(&self, span: Range<usize>) -> Range<usize> {
        span.start..span.start + self.text[span].trim_end().len()
    }
}

/// A node as the name of a field, or the mistake that it is, if that is not known already.
fn name(
    file: &str,
    node: Node,
    seen: &mut HashMap<String, usize>,
    line: usize,
) -> Result<Key, Option<Box<Diagnostic>>> {
    let unsupported = |message| Box::new(Diagnostic::error(code::YAML_UNSUPPORTED, file, node.span.clone(), message));
    match node.value {
        Value::Scalar { text, plain: true } if text == "<<" => {
            Err(Some(unsupported("merge keys are not used in these files; write the fields out")))
        }
        Value::Scalar { text, .. } => {
            if let Some(first) = seen.get(&text) {
                let message = format!("field {} is given twice", quoted(&text));
                let diag = Diagnostic::error(code::DUPLICATE_FIELD, file, node.span, message);
                return Err(Some(Box::new(diag.help(format!("it was first given in line {first}")))));
            }
            seen.insert(text.clone(), line);
            Ok(Key { text, span: node.span })
        }
        Value::Null => Err(Some(unsupported("a field has no name"))),
        Value::Seq(_) | Value::Map(_) => Err(Some(unsupported("the name of a field must be text"))),
        Value::Refused => Err(None),
    }
}

fn parser_options() -> Options {
    options! {
        emit_anchor_events: true,
        emit_unresolved_aliases: true,
        emit_comments: false,
        disallow_directives: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    }
}

/// Advice for the mistakes that people make most.
fn hint(kind: &ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => {
            Some("a text that contains `: ` needs quotes; a field must stand under its neighbours")
        }
        ErrorKind::UnclosedQuotedScalar | ErrorKind::InvalidQuotedScalarIndent => Some("is a closing quote missing?"),
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabInPlainScalar
        | ErrorKind::TabAtBlockScalarStart => Some("indent with spaces"),
        ErrorKind::InvalidIndentation | ErrorKind::ExpectedBlockMappingKey | ErrorKind::ExpectedBlockSequenceEntry => {
            Some("does this line stand under its neighbours?")
        }
        ErrorKind::SimpleKeyExpected => Some("is a `:` missing after the name of a field?"),
        _ => None,
    }
}
