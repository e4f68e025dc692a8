//! Scalar values: plain, in quotes, and blocks of text.

use super::{Event, Read, Reader, Scalar, Style};
use crate::cut::scalar::{fold, unescape};

impl Reader<'_> {
    /// Refuses what a plain scalar cannot begin with.
    pub(super) fn check_plain(&self, flow: bool) -> Read<()> {
        let after = self.at + 1;
        let alone = self.blank(after) || flow && matches!(self.byte(after), Some(b',' | b'[' | b']' | b'{' | b'}'));
        match self.peek() {
            Some(b'&' | b'*' | b'!') => self.fail("an anchor, an alias or a tag"),
            Some(b'?') if alone => self.fail("an explicit key"),
            Some(b'%' | b'@' | b'`' | b',' | b'[' | b']' | b'{' | b'}' | b'|' | b'>' | b'#') => {
                self.fail("not a value")
            }
            Some(b'-' | b':') if alone => self.fail("not a value"),
            _ => Ok(()),
        }
    }

    /// Where a plain scalar stops in this line: at the end, before a comment, or at the colon after a key.
    pub(super) fn plain_end(&self, start: usize, flow: bool) -> usize {
        let bracket = |at: usize| flow && matches!(self.byte(at), Some(b',' | b'[' | b']' | b'{' | b'}'));
        let mut at = start;
        while !self.ends_line(at) && !bracket(at) {
            match self.byte(at) {
                Some(b':') if self.blank(at + 1) || bracket(at + 1) => break,
                Some(b'#') if at > start && self.blank(at - 1) => break,
                _ => at += 1,
            }
        }
        at
    }

    /// A plain scalar in a block, with the lines that continue it.
    pub(super) fn plain(&mut self, parent: usize) -> Read<()> {
        self.check_plain(false)?;
        let start = self.at;
        let mut from = start;
        let mut end;
        loop {
            let stop = self.trace().unwrap_or_else(|| self.plain_end(from, false));
            end = from + self.text[from..stop].trim_end().len();
            self.at = stop;
            match self.peek() {
                Some(b':') => return self.fail("a key inside a value"),
                Some(b'#') => break,
                _ => {}
            }
            let mut column = 0;
            while self.at < self.text.len() && self.ends_line(self.at) {
                self.next_line();
                self.line = self.at;
                self.skip(b" ");
                column = self.at - self.line;
                let content = self.at;
                self.skip(b" \t");
                if !self.ends_line(self.at) {
                    self.at = content;
                }
            }
            if self.at == self.text.len() || column <= parent || matches!(self.peek(), Some(b'#' | b'\t')) {
                break;
            }
            from = self.at;
        }
        self.at = end;
        let text = fold(&self.text[start..end], false);
        self.out.push(Event::Scalar(Scalar { span: start..end, body: start..end, text, style: Style::Plain }));
        Ok(())
    }

    pub(super) fn block_scalar(&mut self, parent: usize) -> Read<()> {
        let start = self.at;
        self.at += 1;
        self.skip(b"+-");
        let header = self.at;
        self.skip(b" \t");
        if !self.ends_line(self.at) || header - start > 2 {
            return self.fail("a block of text with more than a simple header");
        }
        self.next_line();
        let body = self.at;
        let (mut end, mut next) = (header, body);
        let mut indent = None;
        while self.at < self.text.len() {
            let line = self.at;
            self.skip(b" ");
            let column = self.at - line;
            self.skip(b"\t ");
            if self.ends_line(self.at) {
                self.next_line();
                continue;
            }
            if column <= parent || indent.is_some_and(|indent| column < indent) {
                break;
            }
            indent.get_or_insert(column);
            while !self.ends_line(self.at) {
                self.at += 1;
            }
            end = self.at;
            self.next_line();
            next = self.at;
        }
        self.at = next;
        let body = body.min(end)..end;
        let text = self.text[body.clone()].to_owned();
        self.out.push(Event::Scalar(Scalar { span: start..end, body, text, style: Style::Block }));
        Ok(())
    }

    pub(super) fn quoted(&mut self) -> Read<Scalar> {
        let start = self.at;
        let quote = self.text.as_bytes()[start];
        self.at += 1;
        loop {
            match self.peek() {
                None => return self.fail("a quote is not closed"),
                Some(b'\'') if quote == b'\'' && self.byte(self.at + 1) == Some(b'\'') => self.at += 2,
                Some(b'\\') if quote == b'"' => self.at += 2,
                Some(byte) if byte == quote => break,
                Some(_) => self.at += 1,
            }
            let after = self.at.min(self.text.len());
            if self.byte(after - 1) == Some(b'\n') && self.marker(after) {
                return self.fail("a document ends inside quotes");
            }
        }
        let body = start + 1..self.at;
        let raw = &self.text[body.clone()];
        let text = if quote == b'"' { unescape(raw) } else { Some(fold(raw, false).replace("''", "'")) };
        let Some(text) = text else { return self.fail("an unknown escape") };
        self.at += 1;
        Ok(Scalar { span: start..self.at, body, text, style: Style::Quoted })
    }
}
