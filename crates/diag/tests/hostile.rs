//! Whatever is handed in, reading ends soon and says why.

use std::fmt::Write;
use std::time::{Duration, Instant};

use diag::{Diagnostic, Node, Reader, Sources, Value, code, render, render_short, yaml};
use proptest::prelude::*;

/// Everything a file can be put through.
fn everything(text: &str) -> (Option<Node>, Vec<Diagnostic>) {
    let (tree, mut found) = yaml::parse("f", text);
    if let Some(tree) = &tree {
        let reader = Reader::new("f", &mut found);
        let items = reader.list(tree).unwrap_or_default();
        for node in items.iter().chain([tree]) {
            let Some(mut fields) = reader.map(node) else { continue };
            fields.required_str("a");
            fields.optional_int("b");
            fields.required_one_of("c", &[("x", 1)]);
            fields.optional_str_list("d");
            fields.finish();
        }
    }
    (tree, found)
}

#[test]
fn bombs_end_quickly_with_a_diagnostic() {
    let (mut aliases, mut blocks) = ("a0: &a0 [x]\n".to_owned(), String::new());
    for n in 1..1000 {
        writeln!(aliases, "a{n}: &a{n} [*a{before}, *a{before}]", before = n - 1).unwrap();
        writeln!(blocks, "{}a:", " ".repeat(n)).unwrap();
    }
    let mixed = "[{a: ".repeat(20);
    let bombs = [
        ("flow lists", "[".repeat(100_000), code::YAML_LIMIT),
        ("flow maps", "{a: ".repeat(100_000), code::YAML_LIMIT),
        ("flow mixed", mixed, code::YAML_LIMIT),
        ("blocks", blocks, code::YAML_LIMIT),
        ("dashes", "- ".repeat(100_000), code::YAML_LIMIT),
        ("questions", "? ".repeat(100_000), code::YAML_LIMIT),
        ("aliases", aliases, code::YAML_UNSUPPORTED),
        ("anchors", "&a ".repeat(100_000), code::YAML_SYNTAX),
        ("scalar", "x".repeat(yaml::MAX_BYTES + 1), code::YAML_LIMIT),
        ("nodes", format!("[{}]", "x,".repeat(yaml::MAX_NODES + 1)), code::YAML_LIMIT),
        ("empty nodes", "-\n".repeat(yaml::MAX_NODES + 1), code::YAML_LIMIT),
        ("duplicates", "a: 1\n".repeat(20_000), code::DUPLICATE_FIELD),
        ("quotes", "\"".repeat(100_001), code::YAML_SYNTAX),
        ("colons", "a:".repeat(100_000), code::YAML_SYNTAX),
        ("percent", "%".repeat(yaml::MAX_BYTES), code::YAML_SYNTAX),
        ("tags", "!".repeat(yaml::MAX_BYTES), code::YAML_SYNTAX),
        ("long key", format!("? {}\n: x", "x".repeat(yaml::MAX_BYTES - 10)), code::UNKNOWN_FIELD),
        ("documents", "--- a\n".repeat(100_000), code::YAML_UNSUPPORTED),
    ];
    for (name, text, code) in bombs {
        let start = Instant::now();
        let (_, found) = everything(&text);
        let mut sources = Sources::default();
        sources.add("f", text);
        let shown = render_short(&found, &sources);
        assert!(found.iter().any(|diag| diag.code == code), "{name}: {}", &shown[..shown.len().min(300)]);
        assert!(start.elapsed() < Duration::from_secs(5), "{name} took {:?}", start.elapsed());
    }
}

#[test]
fn the_bounds_themselves_are_allowed() {
    let deep = format!("{}x{}", "[".repeat(yaml::MAX_DEPTH), "]".repeat(yaml::MAX_DEPTH));
    let wide = format!("[{}]", "x,".repeat(yaml::MAX_NODES - 1));
    let large = "x".repeat(yaml::MAX_BYTES);
    for text in [deep, wide, large] {
        let (tree, found) = yaml::parse("f", &text);
        assert!(tree.is_some() && found.is_empty(), "{found:?}");
    }
}

#[test]
fn a_long_line_is_named_and_not_drawn() {
    let text = format!("a: {{ {}: 1, {}: 2 }}", "x".repeat(900), "y: 1, ".repeat(1000));
    let (_, found) = yaml::parse("f", &text);
    let mut sources = Sources::default();
    sources.add("f", text);
    assert!(render(&found, &sources, false).len() < 1000 * found.len());
    insta::assert_snapshot!(render(&found[..1], &sources, false), @r#"
    error[duplicate-field]: field `y` is given twice
    --> f:1:917
     = help: it was first given in line 1

    1 error
    "#);
}

fn spans(node: &Node, out: &mut Vec<std::ops::Range<usize>>) {
    out.push(node.span.clone());
    match &node.value {
        Value::Seq(nodes) => nodes.iter().for_each(|node| spans(node, out)),
        Value::Map(entries) => {
            for (key, node) in entries {
                out.push(key.span.clone());
                spans(node, out);
            }
        }
        _ => {}
    }
}

/// Text that is often nearly YAML.
fn yamlish() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        Just("a: ".to_owned()),
        Just("- ".to_owned()),
        Just("\n".to_owned()),
        Just("\n  ".to_owned()),
        Just("\r\n".to_owned()),
        prop::sample::select("[]{},:?&*!|>'\"%@`#~<\t -.\u{feff}\u{85}\u{2028}é漢😀\\\0".chars().collect::<Vec<_>>())
            .prop_map(String::from),
        "[abcd]{1,2}",
        Just("--- ".to_owned()),
        Just("<<: ".to_owned()),
        Just("&a ".to_owned()),
        Just("*a ".to_owned()),
        Just("!!str ".to_owned()),
    ];
    prop::collection::vec(token, 0..60).prop_map(|tokens| tokens.concat())
}

fn holds(text: &str) -> Result<(), TestCaseError> {
    let (tree, found) = everything(text);
    let mut all: Vec<_> = found.iter().map(|diag| diag.span.clone()).collect();
    if let Some(tree) = &tree {
        spans(tree, &mut all);
    }
    for span in all {
        prop_assert!(text.get(span.clone()).is_some(), "{span:?} is not inside");
    }
    prop_assert!(tree.is_some() || diag::has_errors(&found));
    let mut sources = Sources::default();
    sources.add("f", text);
    prop_assert_eq!(render_short(&found, &sources).lines().count(), found.len());
    render(&found, &sources, true);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics_and_every_span_lies_inside(text in any::<String>()) {
        holds(&text)?;
    }

    #[test]
    fn nearly_yaml_neither(text in yamlish()) {
        holds(&text)?;
    }

    #[test]
    fn any_diagnostic_can_be_drawn(text in yamlish(), start in 0_usize..80, end in 0_usize..80, message in any::<String>()) {
        let diag = Diagnostic::warning("x", "f", start..end, message.as_str()).label(message.as_str()).help(message);
        let mut sources = Sources::default();
        sources.add("f", text);
        let shown = render(std::slice::from_ref(&diag), &sources, false);
        prop_assert!(!shown.chars().any(|c| c.is_control() && c != '\n'));
        prop_assert_eq!(render_short(&[diag], &sources).lines().count(), 1);
    }
}
