//! The text of YAML's scalars, in and out.

use std::fmt::Write;

/// Joins the lines of a scalar as YAML does: a line break is a blank, an empty line a line break. With escapes, a line
/// break after a backslash is nothing.
pub(super) fn fold(raw: &str, escapes: bool) -> String {
    let mut lines = raw.split('\n').enumerate().peekable();
    let mut out = String::with_capacity(raw.len());
    let mut breaks = 0;
    while let Some((at, line)) = lines.next() {
        let line = if at > 0 { line.trim_start_matches([' ', '\t']) } else { line };
        let line = if lines.peek().is_some() { line.trim_end_matches([' ', '\t', '\r']) } else { line };
        if at > 0 && line.is_empty() && lines.peek().is_some() {
            breaks += 1;
            continue;
        }
        if breaks > 0 {
            out.extend(std::iter::repeat_n('\n', std::mem::take(&mut breaks)));
        } else if escapes && (out.len() - out.trim_end_matches('\\').len()) % 2 == 1 {
            out.pop();
        } else if at > 0 {
            out.push(' ');
        }
        out.push_str(line);
    }
    out
}

/// The value of a double-quoted scalar. None: an escape that YAML does not know.
pub(super) fn unescape(raw: &str) -> Option<String> {
    let mut out = String::with_capacity(raw.len());
    let folded = fold(raw, true);
    let mut chars = folded.chars();
    let mut high = None;
    while let Some(c) = chars.next() {
        if c != '\\' {
            // Half a character stands alone.
            if high.is_some() {
                return None;
            }
            out.push(c);
            continue;
        }
        let digits = match chars.next()? {
            '0' => {
                out.push('\0');
                continue;
            }
            'x' => 2,
            'u' => 4,
            'U' => 8,
            c => {
                let at = r#" abtnvfre"/\N_LP"#.find(c)?;
                let values = " \u{7}\u{8}\t\n\u{b}\u{c}\r\u{1b}\"/\\\u{85}\u{a0}\u{2028}\u{2029}";
                out.push(values.chars().nth(at)?);
                continue;
            }
        };
        let mut code = 0;
        for _ in 0..digits {
            code = code << 4 | chars.next()?.to_digit(16)?;
        }
        // JSON writes what lies beyond U+FFFF as two surrogates.
        match (high.take(), code) {
            (None, 0xd800..0xdc00) => high = Some(code),
            (Some(high), 0xdc00..0xe000) => {
                out.push(char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (code - 0xdc00))?);
            }
            (None, _) => out.push(char::from_u32(code)?),
            _ => return None,
        }
    }
    high.is_none().then_some(out)
}

/// A value in double quotes that YAML and JSON both read.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
