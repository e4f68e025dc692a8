//! Text of strangers, made fit for a terminal.

use std::ops::Range;

/// How much of a value a message repeats.
const QUOTED_CHARS: usize = 60;

/// Replaces whatever a terminal would act upon rather than show: control characters become their pictures (`␛`), those
/// that reorder or split lines become `�`. One character stays one character, so columns hold; tabs stay tabs.
pub fn inert(text: &str) -> String {
    text.chars().map(inert_char).collect()
}

fn inert_char(c: char) -> char {
    match c {
        '\t' => c,
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}'
        | '\u{61c}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}' => '\u{fffd}',
        _ => c,
    }
}

/// A value as a message repeats it: between backticks, inert, and cut if it is long.
pub fn quoted(text: &str) -> String {
    let shown: String = text.chars().take(QUOTED_CHARS).map(inert_char).collect();
    let cut = if text.chars().nth(QUOTED_CHARS).is_some() { "…" } else { "" };
    format!("`{shown}{cut}`")
}

/// `span` moved to lie inside `text` and on character boundaries.
pub(crate) fn clamp(text: &str, span: Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(span.start);
    let end = text.floor_char_boundary(span.end);
    start..end.max(start)
}

#[cfg(test)]
mod tests {
    use super::{clamp, inert, quoted};

    #[test]
    fn nothing_a_terminal_acts_upon_is_left() {
        for (text, shown) in [
            ("plain é 漢\tx", "plain é 漢\tx"),
            ("\u{1b}[31mred\u{7}", "␛[31mred␇"),
            ("a\r\nb\u{85}", "a␍␊b\u{fffd}"),
            ("\u{202e}drowssap\u{2066}\u{7f}", "\u{fffd}drowssap\u{fffd}␡"),
        ] {
            assert_eq!(inert(text), shown);
        }
        assert_eq!(quoted("a\nb"), "`a␊b`");
        assert_eq!(quoted(&"x".repeat(61)), format!("`{}…`", "x".repeat(60)));
        assert_eq!(quoted(&"é".repeat(60)), format!("`{}`", "é".repeat(60)));
    }

    #[test]
    #[expect(clippy::reversed_empty_ranges, reason = "a caller may hand in any two numbers")]
    fn a_span_is_moved_into_the_text() {
        for (span, inside) in [(0..2, 0..1), (2..3, 1..3), (2..2, 1..1), (7..9, 4..4), (3..1, 3..3)] {
            assert_eq!(clamp("aéx", span.clone()), inside, "{span:?}");
        }
    }
}
