//! Files of `name = value`: environment files, systemd units, TOML.

use std::ops::Range;

/// A logical line. Comments and empty lines are lines without a name.
#[derive(Debug)]
pub(crate) struct Line {
    /// All of it, without its last line break.
    pub(crate) span: Range<usize>,
    /// The name, with neither quotes nor `export`.
    pub(crate) name: Option<Range<usize>>,
    /// What follows the `=`, without blanks around.
    pub(crate) value: Range<usize>,
}

/// Whether this is a file of such lines (and not YAML or JSON), judged by its first line that says something.
pub(crate) fn is_lines(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let Some(line) = lines.find(|line| !line.is_empty() && !line.starts_with(b"#")) else { return false };
    if line.starts_with(b";") || line.starts_with(b"[") {
        let line = line.split(|byte| *byte == b'#').next().unwrap_or(line).trim_ascii();
        return line.starts_with(b";") || line.ends_with(b"]") && !line.contains(&b'{');
    }
    let equals = line.iter().position(|byte| *byte == b'=');
    let colon = line.windows(2).position(|pair| pair[0] == b':' && pair[1].is_ascii_whitespace());
    let colon = colon.or(line.ends_with(b":").then(|| line.len() - 1));
    match (equals, colon) {
        (Some(equals), Some(colon)) => equals < colon,
        (equals, _) => equals.is_some() && !line.starts_with(b"- ") && !line.starts_with(b"{"),
    }
}

/// The logical lines: a value goes on in quotes, in brackets, and after a backslash at the end of a line.
pub(crate) fn lines(text: &[u8]) -> Result<Vec<Line>, String> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let start = at;
        let end = end_of_line(text, at);
        let line = &text[start..end];
        let first = line.trim_ascii_start().first().copied();
        let equals = line.iter().position(|byte| *byte == b'=').filter(|_| !matches!(first, Some(b'#' | b';' | b'[')));
        let Some(equals) = equals.map(|equals| start + equals) else {
            out.push(Line { span: start..end, name: None, value: end..end });
            at = end + 1;
            continue;
        };
        let stop = value_end(text, equals + 1)?;
        out.push(Line {
            span: start..stop,
            name: Some(name(text, start..equals)),
            value: trim(text, equals + 1..stop),
        });
        at = stop + 1;
    }
    Ok(out)
}

fn end_of_line(text: &[u8], from: usize) -> usize {
    text[from..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |len| from + len)
}

fn trim(text: &[u8], range: Range<usize>) -> Range<usize> {
    let start = range.end - text[range.clone()].trim_ascii_start().len();
    start..start + text[start..range.end].trim_ascii().len()
}

fn name(text: &[u8], range: Range<usize>) -> Range<usize> {
    let mut range = trim(text, range);
    if text[range.clone()].starts_with(b"export ") {
        range = trim(text, range.start + 7..range.end);
    }
    if range.len() >= 2 && matches!(text[range.start], b'"' | b'\'') && text[range.end - 1] == text[range.start] {
        range = range.start + 1..range.end - 1;
    }
    range
}

/// Where the value that begins here ends: at a line break outside quotes and brackets.
fn value_end(text: &[u8], from: usize) -> Result<usize, String> {
    let value = from + text[from..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let brackets = matches!(text.get(value), Some(b'[' | b'{'));
    let mut depth = 0_usize;
    let mut at = value;
    while at < text.len() {
        // Quotes open at the start of a word only: `kubelet's` has none.
        let word = at == value || b" \t\n=,[{(".contains(&text[at - 1]);
        match text[at] {
            b'\n' if depth == 0 => return Ok(at),
            b'\\' => at += if text[at + 1..].starts_with(b"\r\n") { 3 } else { 2 },
            b'#' if word && at > value => at = end_of_line(text, at),
            b'"' | b'\'' if word => at = quote_end(text, at)?,
            byte => {
                depth += usize::from(brackets && matches!(byte, b'[' | b'{'));
                depth = depth.saturating_sub(usize::from(matches!(byte, b']' | b'}')));
                at += 1;
            }
        }
    }
    if depth > 0 { Err("a bracket is not closed".into()) } else { Ok(text.len()) }
}

/// After the quotes that open here; three open a text of several lines.
fn quote_end(text: &[u8], start: usize) -> Result<usize, String> {
    let quote = text[start];
    let triple = [quote; 3];
    let len = if text[start..].starts_with(&triple) { 3 } else { 1 };
    let mut at = start + len;
    while at < text.len() {
        if text[at..].starts_with(&triple[..len]) {
            return Ok(at + len);
        }
        at += if text[at] == b'\\' && quote == b'"' { 2 } else { 1 };
    }
    Err("a quote is not closed".into())
}
