//! Reading a profile or a tailoring as it is written, before what it extends is worked in.

use std::ops::Range as Span;

use diag::{Node, Spanned};

use super::{File, Given, Named, code, plain_texts};
use crate::{Assessment, Range, Section};

/// A profile or tailoring as it is written.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) tailoring: bool,
    pub(super) title: Option<String>,
    pub(super) kubernetes: Option<Range>,
    pub(super) extends: Option<Spanned<String>>,
    pub(super) sections: Vec<Section>,
    pub(super) not_covered: Option<Vec<String>>,
    pub(super) notes: Vec<String>,
    pub(super) selects: Vec<Select>,
    pub(super) drops: Vec<Drop>,
    pub(super) rows: Vec<Row>,
}

/// Controls that are taken by their tags, each under its own name as id.
#[derive(Debug)]
pub(super) struct Select {
    pub(super) span: Span<usize>,
    /// All of these.
    pub(super) tags: Vec<Spanned<String>>,
    pub(super) section: Option<Spanned<String>>,
    pub(super) level: Option<u8>,
    pub(super) assessment: Option<Assessment>,
}

/// An id that is left out.
#[derive(Debug)]
pub(super) struct Drop {
    pub(super) id: Spanned<String>,
    pub(super) reason: Option<String>,
}

/// One of its `controls`. What is missing has been noted.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) span: Span<usize>,
    pub(super) id: Option<Spanned<String>>,
    pub(super) control: Option<Spanned<String>>,
    pub(super) section: Option<Spanned<String>>,
    pub(super) level: Option<u8>,
    pub(super) assessment: Option<Assessment>,
    pub(super) parameters: Vec<Given>,
}

pub(super) fn read(file: &File<'_>, node: &Node, tailoring: bool) -> Option<Named<Draft>> {
    let mut fields = file.reader.map(node)?;
    let name = fields.required_str(if tailoring { "tailoring" } else { "profile" });
    let draft = if tailoring {
        Draft {
            tailoring,
            title: fields.optional_str("title").map(|title| title.value),
            kubernetes: None,
            extends: fields.required_str("extends"),
            sections: Vec::new(),
            not_covered: None,
            notes: plain_texts(fields.optional_str_list("notes").unwrap_or_default()),
            selects: Vec::new(),
            drops: drops(file, fields.node("drop"), tailoring),
            rows: rows(fields.optional_list("controls"), |node| changed(file, node)),
        }
    } else {
        Draft {
            tailoring,
            title: fields.required_str("title").map(|title| title.value),
            kubernetes: fields.optional_str("kubernetes").and_then(|text| file.range(&text)),
            extends: fields.optional_str("extends"),
            sections: rows(fields.optional_list("sections"), |node| section(file, node)),
            not_covered: fields.optional_str_list("not_covered").map(plain_texts),
            notes: plain_texts(fields.optional_str_list("notes").unwrap_or_default()),
            drops: drops(file, fields.node("drop"), tailoring),
            selects: rows(fields.optional_list("select"), |node| select(file, node)),
            rows: match fields.node("select") {
                Some(_) => rows(fields.optional_list("controls"), |node| row(file, node)),
                None => rows(fields.required_list("controls"), |node| row(file, node)),
            },
        }
    };
    fields.finish();
    Some(file.named(name?, draft))
}

fn rows<T>(nodes: Option<&[Node]>, read: impl Fn(&Node) -> Option<T>) -> Vec<T> {
    nodes.unwrap_or_default().iter().filter_map(read).collect()
}

fn section(file: &File<'_>, node: &Node) -> Option<Section> {
    let mut fields = file.reader.map(node)?;
    let (id, title) = (fields.required_str("id"), fields.required_str("title"));
    fields.finish();
    Some(Section { id: id?.value, title: title?.value })
}

/// An id of a published profile.
fn row(file: &File<'_>, node: &Node) -> Option<Row> {
    let mut fields = file.reader.map(node)?;
    let span = fields.span();
    let id = fields.required_str("id");
    let control = fields.required_str("control");
    let section = fields.optional_str("section");
    let level = fields.required_int("level").and_then(|level| self::level(file, &level));
    let assessment = fields.required_one_of("assessment", ASSESSMENTS);
    let parameters = file.parameters(fields.node("parameters"));
    fields.finish();
    Some(Row { span, id, control, section, level, assessment, parameters })
}

const ASSESSMENTS: &[(&str, Assessment)] = &[("automated", Assessment::Automated), ("manual", Assessment::Manual)];

fn select(file: &File<'_>, node: &Node) -> Option<Select> {
    let mut fields = file.reader.map(node)?;
    let span = fields.span();
    let tags = fields.required_str_list("tags");
    let section = fields.required_str("section");
    let level = fields.required_int("level").and_then(|level| self::level(file, &level));
    let assessment = fields.required_one_of("assessment", ASSESSMENTS);
    fields.finish();
    Some(Select { span, tags: tags?, section, level, assessment })
}

/// What a tailoring changes of an id, or of every id of a control.
fn changed(file: &File<'_>, node: &Node) -> Option<Row> {
    let mut fields = file.reader.map(node)?;
    let span = fields.span();
    let (id, control) = (fields.optional_str("id"), fields.optional_str("control"));
    let level = fields.node("level").map(|node| file.reader.int(node).and_then(|level| self::level(file, &level)));
    let parameters = file.parameters(fields.node("parameters"));
    fields.finish();
    // A level that could not be read must not look like none.
    let level = level.map_or(Some(None), |level| level.map(Some));
    if id.is_some() == control.is_some() {
        let message = "this needs either `id` or `control`: what is changed";
        file.report(file.error(code::CONFLICT, &span, message));
        return None;
    }
    Some(Row { span, id, control, section: None, level: level?, assessment: None, parameters })
}

fn level(file: &File<'_>, level: &Spanned<i64>) -> Option<u8> {
    let known = u8::try_from(level.value).ok().filter(|level| (1..=2).contains(level));
    if known.is_none() {
        file.report(file.error(code::WRONG_VALUE, &level.span, "levels are 1 and 2"));
    }
    known
}

fn drops(file: &File<'_>, node: Option<&Node>, tailoring: bool) -> Vec<Drop> {
    let read = |node: &Node| {
        // A publisher's own edition needs no reason for what it has not; who tailors one answers for it.
        if !tailoring && matches!(node.value, diag::Value::Scalar { .. }) {
            return Some(Drop { id: file.reader.str(node)?, reason: None });
        }
        let mut fields = file.reader.map(node)?;
        let id = fields.required_str("id");
        let reason = if tailoring { fields.required_str("reason") } else { fields.optional_str("reason") };
        fields.finish();
        Some(Drop { id: id?, reason: reason.map(|reason| reason.value) })
    };
    rows(node.and_then(|node| file.reader.list(node)), read)
}
