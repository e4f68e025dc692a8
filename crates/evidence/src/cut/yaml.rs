//! A strict reader of plain YAML and JSON: enough to know which key governs a value, and nothing more.
//!
//! It refuses whatever two parsers might read differently (anchors, tags, explicit keys, tabs as indentation, odd line
//! breaks). What it accepts has one meaning, so a cut made by it cannot be undone by another reading.

mod flow;
mod value;

use std::ops::Range;

use super::scrub::is_marker;

/// Deepest nesting that is read. It bounds the work per value.
const DEPTH: usize = 64;

/// A piece of a document, in order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A mapping (`map`) or a list begins.
    Open { map: bool },
    /// The innermost mapping or list ends.
    Close,
    /// A key of the innermost mapping; its value follows, unless it has none.
    Key(String),
    /// A value.
    Scalar(Scalar),
    /// A comment, from its `#` to the end of the line.
    Comment(Range<usize>),
}

/// A scalar value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Scalar {
    /// All of it, with quotes or the header of a block.
    pub(crate) span: Range<usize>,
    /// Its content in the file. A block's lines are verbatim, with their indentation.
    pub(crate) body: Range<usize>,
    /// The value; of a block, the body.
    pub(crate) text: String,
    /// How it is written.
    pub(crate) style: Style,
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Quoted,
    Block,
}

/// Reads all documents of a file. The error says what was not understood, and in which line.
pub(crate) fn events(text: &str) -> Result<Vec<Event>, String> {
    let at = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let mut reader = Reader { text, at, line: at, out: Vec::new(), blocks: Vec::new(), open: true };
    if let Some((at, _)) = text.char_indices().skip_while(|(at, _)| *at < reader.at).find(|(at, c)| odd(text, *at, *c))
    {
        reader.at = at;
        return reader.fail("a control character, or a line break that not every parser knows");
    }
    reader.documents()?;
    Ok(reader.out)
}

fn odd(text: &str, at: usize, c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        '\r' => text.as_bytes().get(at + 1) != Some(&b'\n'),
        '\u{2028}' | '\u{2029}' | '\u{feff}' => true,
        c => c.is_control(),
    }
}

/// A mapping or list in block style, by the column of its entries.
#[derive(Clone, Copy)]
struct Block {
    column: usize,
    map: bool,
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// Where the current line starts, for columns.
    line: usize,
    out: Vec<Event>,
    blocks: Vec<Block>,
    /// The last entry (or the document) still awaits its value.
    open: bool,
}

type Read<T> = Result<T, String>;

impl Reader<'_> {
    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    fn peek(&self) -> Option<u8> {
        self.byte(self.at)
    }

    fn fail<T>(&self, why: &str) -> Read<T> {
        let read = &self.text.as_bytes()[..self.at.min(self.text.len())];
        let line = read.split(|byte| *byte == b'\n').count();
        Err(format!("line {line}: {why}"))
    }

    /// A carriage return always belongs to a line feed here: lone ones were refused.
    fn ends_line(&self, at: usize) -> bool {
        matches!(self.byte(at), None | Some(b'\n' | b'\r'))
    }

    fn blank(&self, at: usize) -> bool {
        self.ends_line(at) || matches!(self.byte(at), Some(b' ' | b'\t'))
    }

    fn skip(&mut self, bytes: &[u8]) {
        while self.peek().is_some_and(|byte| bytes.contains(&byte)) {
            self.at += 1;
        }
    }

    fn next_line(&mut self) {
        while self.peek().is_some_and(|byte| byte != b'\n') {
            self.at += 1;
        }
        self.at = (self.at + 1).min(self.text.len());
    }

    fn comment(&mut self) {
        let start = self.at;
        while !self.ends_line(self.at) {
            self.at += 1;
        }
        self.out.push(Event::Comment(start..self.at));
    }

    /// Passes blanks and a comment. Whether the line ended there; if so, the next one begins.
    fn line_ends(&mut self) -> bool {
        let start = self.at;
        self.skip(b" \t");
        if self.peek() == Some(b'#') && self.at > start {
            self.comment();
        }
        let ends = self.ends_line(self.at);
        if ends {
            self.next_line();
        }
        ends
    }

    fn end_of_line(&mut self) -> Read<()> {
        if self.line_ends() { Ok(()) } else { self.fail("text after the end of a value") }
    }

    fn dash(&self) -> bool {
        self.peek() == Some(b'-') && self.blank(self.at + 1)
    }

    /// Whether a document begins or ends here, which is at the start of a line.
    fn marker(&self, at: usize) -> bool {
        let rest = &self.text.as_bytes()[at..];
        (rest.starts_with(b"---") || rest.starts_with(b"...")) && self.blank(at + 3)
    }

    fn enter(&mut self, column: usize, map: bool) -> Read<()> {
        if self.blocks.len() >= DEPTH {
            return self.fail("nested too deeply");
        }
        self.blocks.push(Block { column, map });
        self.out.push(Event::Open { map });
        Ok(())
    }

    fn leave(&mut self) {
        self.blocks.pop();
        self.out.push(Event::Close);
        self.open = false;
    }

    fn documents(&mut self) -> Read<()> {
        while self.at < self.text.len() {
            self.line = self.at;
            self.skip(b" ");
            let column = self.at - self.line;
            match self.peek() {
                _ if self.ends_line(self.at) => self.next_line(),
                Some(b'#') => {
                    self.comment();
                    self.next_line();
                }
                Some(b'\t') => {
                    self.skip(b" \t");
                    if !self.ends_line(self.at) {
                        return self.fail("a tab as indentation");
                    }
                }
                Some(b'%') if column == 0 => return self.fail("a directive"),
                _ if column == 0 && self.marker(self.at) => {
                    while !self.blocks.is_empty() {
                        self.leave();
                    }
                    self.open = true;
                    self.at += 3;
                    self.end_of_line()?;
                }
                _ => self.entry(column)?,
            }
        }
        while !self.blocks.is_empty() {
            self.leave();
        }
        Ok(())
    }

    /// A line of block style that begins at this column: the next entry of a block, or a value that was awaited.
    fn entry(&mut self, column: usize) -> Read<()> {
        let dash = self.dash();
        while let Some(block) = self.blocks.last() {
            // A list may stand at the column of its own key; it ends with the first line that has no dash.
            let list_ends = block.column == column
                && !block.map
                && !dash
                && self.blocks.iter().rev().nth(1).is_some_and(|outer| outer.column == column);
            if block.column <= column && !list_ends {
                break;
            }
            self.leave();
        }
        let fresh = match self.blocks.last() {
            None if !self.open => return self.fail("more than one value in a document"),
            Some(block) if column > block.column && !self.open => return self.fail("unexpected indentation"),
            None => true,
            Some(block) if column > block.column => true,
            Some(block) if block.map == dash && !self.open => return self.fail("a list and keys in one place"),
            Some(block) if !block.map && !dash => return self.fail("a list and keys in one place"),
            Some(block) => block.map && dash,
        };
        self.open = false;
        self.node(column, fresh)
    }

    /// What begins here; `fresh` if it may open a block of its own.
    fn node(&mut self, mut column: usize, mut fresh: bool) -> Read<()> {
        while self.dash() {
            if fresh {
                self.enter(column, false)?;
            }
            self.at += 1;
            if self.line_ends() {
                self.open = true;
                return Ok(());
            }
            column = self.at - self.line;
            if self.text.as_bytes()[self.line..self.at].contains(&b'\t') {
                return self.fail("a tab as indentation");
            }
            fresh = true;
        }
        let Some(key) = self.key()? else {
            return if fresh { self.value() } else { self.fail("a key was expected") };
        };
        if fresh {
            self.enter(column, true)?;
        }
        self.out.push(Event::Key(key));
        if self.line_ends() {
            self.open = true;
            return Ok(());
        }
        self.value()
    }

    /// Where the trace of an earlier cut ends, if one stands here without quotes. It is no YAML, but people write it.
    fn trace(&self) -> Option<usize> {
        let rest = &self.text.as_bytes()[self.at..];
        let len = rest.iter().take(48).position(|byte| *byte == b'>')? + 1;
        (is_marker(&rest[..len]) && self.blank(self.at + len)).then_some(self.at + len)
    }

    /// Passes `key:` if that is what stands here.
    fn key(&mut self) -> Read<Option<String>> {
        let start = self.at;
        let (text, end) = match self.peek() {
            Some(b'"' | b'\'') => {
                let scalar = self.quoted()?;
                self.skip(b" ");
                let end = std::mem::replace(&mut self.at, start);
                (scalar.text, end)
            }
            Some(b'[' | b'{' | b'|' | b'>') => return Ok(None),
            _ if self.trace().is_some() => return Ok(None),
            _ => {
                self.check_plain(false)?;
                let end = self.plain_end(start, false);
                (self.text[start..end].trim_end().to_owned(), end)
            }
        };
        if self.byte(end) != Some(b':') || !self.blank(end + 1) {
            return Ok(None);
        }
        if text == "<<" || end - start > 1024 || self.text[start..end].contains('\n') {
            return self.fail("a merge key, or a key of more than a line");
        }
        self.at = end + 1;
        Ok(Some(text))
    }

    /// A value on the line of its key or dash, or alone on its own lines.
    fn value(&mut self) -> Read<()> {
        let parent = self.blocks.last().map(|block| block.column);
        match (self.peek(), parent) {
            (Some(b'{' | b'['), _) => self.flow()?,
            (_, None) => return self.fail("neither a mapping nor a list"),
            (Some(b'|' | b'>'), Some(parent)) => return self.block_scalar(parent),
            (Some(b'"' | b'\''), _) => {
                let scalar = self.quoted()?;
                self.out.push(Event::Scalar(scalar));
            }
            (_, Some(parent)) => self.plain(parent)?,
        }
        self.end_of_line()
    }
}
