//! Text within XML and HTML: whatever it holds, it neither acts nor ends what it stands in.

use crate::words::inert;

/// One line of text, for an attribute in double quotes or between tags.
pub(crate) fn attribute(line: &str) -> String {
    let mut safe = String::with_capacity(line.len() + 8);
    for letter in inert(line).chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            // Ends nothing by itself, but `]]>` may not stand in XML.
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// Text whose lines matter, to stand between tags.
pub(crate) fn text(lines: &str) -> String {
    lines.split('\n').map(attribute).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_shown_as_text() {
        for (foreign, expected) in [
            ("a & b", "a &amp; b"),
            ("</script><script>", "&lt;/script&gt;&lt;script&gt;"),
            ("]]>", "]]&gt;"),
            ("\" onload='x'", "&quot; onload=&#39;x&#39;"),
            ("nul\0 esc\u{1b} turn\u{202e} none\u{ffff}", "nul\\u{0} esc\\u{1b} turn\\u{202e} none\\u{ffff}"),
            ("two\nlines", "two\\nlines"),
        ] {
            assert_eq!(attribute(foreign), expected);
        }
        assert_eq!(text("two\nlines\r"), "two\nlines\\r");
    }
}
