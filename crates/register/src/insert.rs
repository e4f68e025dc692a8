//! Putting drafted entries into a register's file, without touching anything else that stands there.

use std::ops::Range;

use diag::{Diagnostic, Key, Node, Value, yaml};

use crate::load::code;

/// How far drafts are indented.
const DRAFTED: usize = 2;

/// The text of a register with entries ([`crate::draft`]) at the end of one of its lists; the list is added where there is
/// none. Every other byte stays as it is, comments too.
///
/// # Errors
/// What is wrong with the text, if it is no YAML, or if its list is written in a way that takes no more lines.
pub fn insert(file: &str, text: &str, list: &str, entries: &str) -> Result<String, Vec<Diagnostic>> {
    let before = read(file, text)?;
    let refused = |span: Range<usize>, message: &str| {
        let help = "write one entry a line, each after a `- `, or put the draft in by hand";
        vec![Diagnostic::error(code::NO_PLACE, file, span, message).help(help)]
    };
    let fields: &[(Key, Node)] = match &before.value {
        Value::Null => &[],
        Value::Map(fields) if !text[before.span.clone()].starts_with('{') => fields,
        _ => return Err(refused(before.span.clone(), "no list can be added to this")),
    };
    let base = column(text, fields.first().map_or(0, |(key, _)| key.span.start));
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let lines = |indent: usize| indented(entries, indent, end);
    let found = fields.iter().find(|(key, _)| key.text == list);
    let (cut, at, put) = match found {
        None => {
            let gap = if text.is_empty() { "" } else { end };
            (None, text.len(), format!("{gap}{:base$}{list}:{end}{}", "", lines(base + DRAFTED)))
        }
        Some((key, node)) => match &node.value {
            Value::Seq(items) if !items.is_empty() => {
                let Some(indent) = dashes(text, key.span.end) else {
                    return Err(refused(node.span.clone(), "this list stands in brackets"));
                };
                (None, after(text, node.span.end, indent), lines(indent))
            }
            // Nothing, `[]` or `null`.
            Value::Null => {
                let given = (node.span != key.span).then(|| node.span.clone());
                (given, line_end(text, node.span.end), lines(base + DRAFTED))
            }
            Value::Seq(_) => (Some(node.span.clone()), line_end(text, node.span.end), lines(base + DRAFTED)),
            _ => return Err(refused(node.span.clone(), "this is no list")),
        },
    };
    let mut new = String::with_capacity(text.len() + put.len() + 2);
    let kept = cut.clone().map_or(at, |cut| cut.start);
    new.push_str(&text[..kept]);
    if let Some(cut) = cut {
        // No blank is left at the end of a line.
        let rest = &text[cut.end..at];
        if rest.trim().is_empty() {
            new.truncate(new.trim_end_matches(' ').len());
        }
        new.push_str(rest);
    }
    if !new.is_empty() && !new.ends_with('\n') {
        new.push_str(end);
    }
    new.push_str(&put);
    new.push_str(&text[at..]);
    let drafts = read(file, &format!("{list}:\n{entries}"))?;
    if is_added(&before, &drafts, &read(file, &new)?, list) {
        Ok(new)
    } else {
        let span = found.map_or(0..0, |(key, _)| key.span.clone());
        Err(refused(span, "nothing can be put in here without changing what stands around it"))
    }
}

fn read(file: &str, text: &str) -> Result<Node, Vec<Diagnostic>> {
    match yaml::parse(file, text) {
        (Some(tree), found) if found.is_empty() => Ok(tree),
        (_, found) => Err(found),
    }
}

/// Drafts at another depth, with the file's own line ends.
fn indented(entries: &str, indent: usize, end: &str) -> String {
    let line = |line: &str| {
        let rest = line.strip_prefix("  ").unwrap_or(line);
        format!("{:indent$}{rest}{end}", "")
    };
    entries.lines().map(line).collect()
}

/// The bytes before a place in its line.
fn column(text: &str, at: usize) -> usize {
    at - text[..at].rfind('\n').map_or(0, |line| line + 1)
}

/// How far the entries of a list are indented, whose name ends at a place; none: they do not stand in lines.
fn dashes(text: &str, name: usize) -> Option<usize> {
    let lines = text[line_end(text, name)..].lines();
    let mut own = lines.filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    let first = own.next()?;
    first.trim_start().starts_with('-').then(|| first.len() - first.trim_start().len())
}

/// Where the next line begins.
fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |line| at + line + 1)
}

/// Where the line after an item begins, and after the comments that are indented like its fields.
fn after(text: &str, end: usize, indent: usize) -> usize {
    let mut at = line_end(text, end);
    loop {
        let rest = &text[at..];
        let own = rest.trim_start_matches(' ');
        if !own.starts_with('#') || rest.len() - own.len() <= indent {
            return at;
        }
        at = line_end(text, at);
    }
}

/// Whether a register is what it was before, with drafts at the end of a list.
fn is_added(before: &Node, drafts: &Node, after: &Node, list: &str) -> bool {
    let others = |node: &Node| -> Vec<(String, Plain)> {
        let fields = fields(node).iter().filter(|(key, _)| key.text != list);
        fields.map(|(key, node)| (key.text.clone(), plain(node))).collect()
    };
    let items = |node: &Node| -> Vec<Plain> {
        let list = fields(node).iter().find(|(key, _)| key.text == list);
        match list.map(|(_, node)| &node.value) {
            Some(Value::Seq(items)) => items.iter().map(plain).collect(),
            _ => Vec::new(),
        }
    };
    others(before) == others(after) && [items(before), items(drafts)].concat() == items(after)
}

fn fields(node: &Node) -> &[(Key, Node)] {
    match &node.value {
        Value::Map(fields) => fields,
        _ => &[],
    }
}

/// What stands in a tree, wherever it stands.
#[derive(Clone, Debug, PartialEq)]
enum Plain {
    Nothing,
    Scalar(String, bool),
    Seq(Vec<Plain>),
    Map(Vec<(String, Plain)>),
}

fn plain(node: &Node) -> Plain {
    match &node.value {
        Value::Null | Value::Refused => Plain::Nothing,
        Value::Scalar { text, plain: bare } => Plain::Scalar(text.clone(), *bare),
        Value::Seq(items) => Plain::Seq(items.iter().map(plain).collect()),
        Value::Map(fields) => Plain::Map(fields.iter().map(|(key, node)| (key.text.clone(), plain(node))).collect()),
    }
}
