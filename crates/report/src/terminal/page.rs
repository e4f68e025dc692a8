//! A page of text: wraps at its width with hanging indents, colours if asked to, and lets no foreign text act.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use assess::Verdict;

use super::Options;
use crate::words::{self, inert};

/// Where the text of a row begins: after the longest verdict word.
pub(crate) const ROW: usize = 9;
/// How far the lines beneath a row are indented.
pub(crate) const INDENT: usize = 4;
/// Where the text after a label begins.
const LABEL: usize = INDENT + 11;

/// Lines, none longer than the page is wide but for words that cannot be broken.
#[derive(Debug)]
pub(crate) struct Page {
    text: String,
    width: usize,
    color: bool,
}

/// One entry: a lead, and text that hangs beside it.
struct Entry<'e> {
    indent: usize,
    lead: &'e str,
    style: Style,
    /// Where the text begins beside the lead.
    column: usize,
    /// Where its further lines begin.
    hang: usize,
    body: Style,
}

impl Page {
    pub(crate) fn new(options: &Options) -> Self {
        Self { text: String::new(), width: options.width.clamp(60, 160), color: options.color }
    }

    pub(crate) fn finish(self) -> String {
        self.text
    }

    /// An empty line, never two.
    pub(crate) fn blank(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// A heading, drawn over the whole width.
    pub(crate) fn heading(&mut self, text: &str) {
        self.blank();
        let head = format!("---- {} ", inert(text));
        let rule = self.width.saturating_sub(head.chars().count());
        self.strong(&format!("{head}{}", "-".repeat(rule)));
    }

    /// A verdict, then text whose further lines begin at `hang`.
    pub(crate) fn row(&mut self, verdict: Verdict, hang: usize, text: &str) {
        let open = matches!(verdict, Verdict::Fail | Verdict::Unknown | Verdict::Manual);
        let body = if open { Style::new().bold() } else { Style::new() };
        let lead = words::verdict(verdict);
        self.entry(&Entry { indent: 0, lead, style: style(verdict), column: ROW, hang, body }, text);
    }

    /// The same for what is no longer there.
    pub(crate) fn gone(&mut self, hang: usize, text: &str) {
        let style = Style::new().dimmed();
        self.entry(&Entry { indent: 0, lead: "GONE", style, column: ROW, hang, body: Style::new() }, text);
    }

    /// Something that must not be overlooked.
    pub(crate) fn warning(&mut self, text: &str) {
        let style = AnsiColor::Yellow.on_default().bold();
        self.entry(&Entry { indent: 0, lead: "WARNING", style, column: ROW, hang: ROW, body: style }, text);
    }

    /// A label beneath a row, then one line of text.
    pub(crate) fn labelled(&mut self, label: &str, text: &str) {
        let style = Style::new().dimmed();
        self.entry(&Entry { indent: INDENT, lead: label, style, column: LABEL, hang: LABEL, body: Style::new() }, text);
    }

    /// A label, then text whose lines and their indents matter.
    pub(crate) fn listing(&mut self, label: &str, text: &str) {
        let mut lead = label;
        for line in text.trim_end().lines() {
            if lead.is_empty() && is_code(line) {
                self.spaces(LABEL);
                self.text.push_str(&inert(line));
                self.text.push('\n');
                continue;
            }
            let inner = line.len() - line.trim_start_matches(' ').len();
            let step = match line.chars().next() {
                Some('0'..='9') => 3,
                Some(' ') => 2,
                _ => 0,
            };
            let column = LABEL + inner.min(self.width / 4);
            let style = Style::new().dimmed();
            self.entry(
                &Entry { indent: INDENT, lead, style, column, hang: column + step, body: Style::new() },
                &line[inner..],
            );
            lead = "";
        }
    }

    /// A paragraph at an indent; further lines hang at another.
    pub(crate) fn paragraph(&mut self, indent: usize, hang: usize, text: &str) {
        self.entry(&Entry { indent, lead: "", style: Style::new(), column: indent, hang, body: Style::new() }, text);
    }

    /// A paragraph over the whole width.
    pub(crate) fn prose(&mut self, text: &str) {
        self.paragraph(0, 0, text);
    }

    /// A paragraph that stands out.
    pub(crate) fn strong(&mut self, text: &str) {
        let body = Style::new().bold();
        self.entry(&Entry { indent: 0, lead: "", style: body, column: 0, hang: 2, body }, text);
    }

    fn entry(&mut self, entry: &Entry<'_>, text: &str) {
        let room = |column: usize| self.width.saturating_sub(column).max(20);
        let lines = wrap(&inert(text), room(entry.column), room(entry.hang));
        let pad = entry.column.saturating_sub(entry.indent + entry.lead.chars().count());
        let mut lines = lines.iter();
        self.spaces(if entry.lead.is_empty() { 0 } else { entry.indent });
        self.styled(entry.style, entry.lead);
        if let Some(first) = lines.next() {
            self.spaces(if entry.lead.is_empty() { entry.column } else { pad });
            self.styled(entry.body, first);
        }
        for line in lines {
            self.text.push('\n');
            self.spaces(entry.hang);
            self.styled(entry.body, line);
        }
        self.text.push('\n');
    }

    fn spaces(&mut self, count: usize) {
        self.text.extend(std::iter::repeat_n(' ', count));
    }

    fn styled(&mut self, style: Style, text: &str) {
        if self.color && !text.is_empty() {
            let _ = write!(self.text, "{style}{text}{style:#}");
        } else {
            self.text.push_str(text);
        }
    }
}

/// Whether an indented line is something to copy, which wrapping would break, and no prose.
fn is_code(line: &str) -> bool {
    let text = line.trim();
    let key = text.ends_with(':') || text.contains(": ") && !text.ends_with(['.', ';', ',']);
    line.starts_with(' ') && (text.starts_with(['-', '{', '[', '#']) || key)
}

fn style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Fail => AnsiColor::Red.on_default().bold(),
        Verdict::Unknown => AnsiColor::Yellow.on_default().bold(),
        Verdict::Manual => AnsiColor::Cyan.on_default().bold(),
        Verdict::Pass => AnsiColor::Green.on_default(),
        Verdict::NotApplicable => Style::new().dimmed(),
    }
}

/// Breaks text at spaces: the first line has its own room. A longer word stands on a line of its own.
pub fn wrap(text: &str, first: usize, further: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split(' ') {
        let room = if lines.is_empty() { first } else { further };
        let long = word.chars().count();
        if used > 0 && used + 1 + long > room {
            lines.push(line.trim_end().to_owned());
            (line, used) = (String::new(), 0);
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += long;
    }
    lines.push(line.trim_end().to_owned());
    lines.retain(|line| !line.is_empty());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_breaks_at_spaces_and_never_within_a_word() {
        for (text, expected) in [
            ("one two three", vec!["one two", "three"]),
            ("/a/very/long/path is whole", vec!["/a/very/long/path", "is whole"]),
            ("2.1   x", vec!["2.1   x"]),
            ("", vec![]),
            ("   ", vec![]),
        ] {
            assert_eq!(wrap(text, 8, 8), expected, "{text:?}");
        }
        assert_eq!(wrap("a b c d e f", 3, 5), ["a b", "c d e", "f"], "the first line has its own room");
    }
}
