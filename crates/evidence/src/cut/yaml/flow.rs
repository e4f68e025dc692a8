//! Flow style: braces and brackets.

use super::{DEPTH, Event, Read, Reader, Scalar, Style};

impl Reader<'_> {
    /// A mapping or list in braces or brackets, JSON among them.
    pub(super) fn flow(&mut self) -> Read<()> {
        #[derive(Clone, Copy, PartialEq)]
        enum Next {
            Item,
            Colon,
            Value,
            Comma,
        }
        let mut maps: Vec<bool> = Vec::new();
        let mut next = Next::Value;
        loop {
            self.skip(b" \t\r\n");
            let Some(byte) = self.peek() else { return self.fail("a bracket is not closed") };
            let in_map = maps.last() == Some(&true);
            match byte {
                b'#' if self.blank(self.at - 1) => self.comment(),
                b'{' | b'[' if next == Next::Value || next == Next::Item && !in_map => {
                    if self.blocks.len() + maps.len() >= DEPTH {
                        return self.fail("nested too deeply");
                    }
                    maps.push(byte == b'{');
                    self.out.push(Event::Open { map: byte == b'{' });
                    self.at += 1;
                    next = Next::Item;
                }
                // A key without a value, `{a: , b: }`.
                b',' | b'}' if next == Next::Value => next = Next::Comma,
                b'}' | b']' if (byte == b'}') == in_map && matches!(next, Next::Item | Next::Comma) => {
                    maps.pop();
                    self.out.push(Event::Close);
                    self.at += 1;
                    if maps.is_empty() {
                        return Ok(());
                    }
                    next = Next::Comma;
                }
                b',' if next == Next::Comma => {
                    self.at += 1;
                    next = Next::Item;
                }
                b':' if next == Next::Colon => {
                    self.at += 1;
                    next = Next::Value;
                }
                _ if matches!(next, Next::Item | Next::Value) => {
                    let scalar = if matches!(byte, b'"' | b'\'') { self.quoted()? } else { self.flow_plain()? };
                    if next == Next::Item && in_map {
                        if scalar.text == "<<" || scalar.text.contains('\n') {
                            return self.fail("a merge key, or a key of more than a line");
                        }
                        self.out.push(Event::Key(scalar.text));
                        next = Next::Colon;
                    } else {
                        self.out.push(Event::Scalar(scalar));
                        next = Next::Comma;
                    }
                }
                _ => return self.fail("unexpected inside brackets"),
            }
        }
    }

    fn flow_plain(&mut self) -> Read<Scalar> {
        self.check_plain(true)?;
        let start = self.at;
        self.at = self.plain_end(start, true);
        let end = start + self.text[start..self.at].trim_end().len();
        let text = self.text[start..end].to_owned();
        Ok(Scalar { span: start..end, body: start..end, text, style: Style::Plain })
    }
}
