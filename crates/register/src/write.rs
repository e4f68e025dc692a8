//! Writing YAML for people: what is drafted is read and changed by them.

use std::fmt::Write as _;

/// A text as a YAML scalar on one line: plain where that is safe, quoted as JSON otherwise.
pub(crate) fn scalar(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '@');
    let word = text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(safe);
    let other = matches!(text.to_ascii_lowercase().as_str(), "true" | "false" | "null" | "yes" | "no" | "on" | "off");
    if word && !other { text.to_owned() } else { quoted(text) }
}

/// A list on one line.
pub(crate) fn list<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    format!("[{}]", texts.into_iter().map(scalar).collect::<Vec<_>>().join(", "))
}

/// YAML's double quotes are JSON's, and more: every character that could steer anything is written as its number.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || diag::inert(&c.to_string()) != c.to_string() => {
                let _ = write!(out, "\\U{:08X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A text as a comment: on one line, inert.
pub(crate) fn comment(text: &str) -> String {
    diag::inert(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn a_scalar_is_read_as_it_was_written(text in "\\PC*|.*") {
            let yaml = format!("a: {}\nb: {}\n", scalar(&text), list([text.as_str()]));
            let (tree, found) = diag::yaml::parse("draft", &yaml);
            proptest::prop_assert!(found.is_empty(), "{yaml}: {found:?}");
            let mut mistakes = Vec::new();
            let reader = diag::Reader::new("draft", &mut mistakes);
            let tree = tree.unwrap();
            let mut fields = reader.map(&tree).unwrap();
            proptest::prop_assert_eq!(fields.required_str("a").unwrap().value, text.clone());
            let list = fields.required_str_list("b").unwrap();
            proptest::prop_assert_eq!(&list[0].value, &text);
        }
    }
}
