//! The record in its forms.

use assess::Verdict;
use report::{filter, json, schema, yaml};
use serde_json::Value;

use crate::samples;

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("the record is JSON")
}

#[test]
fn the_record_keeps_to_its_schema() {
    let schema = schema();
    assert_eq!(schema["$id"], "kube-assay.report/v1");
    let validator = jsonschema::validator_for(&schema).expect("the schema is one");
    for report in [samples::control_plane(), samples::empty(), samples::hostile(), samples::two_nodes()] {
        let record = parsed(&json(&report));
        assert!(
            validator.is_valid(&record),
            "{:?}",
            validator.iter_errors(&record).map(|error| error.to_string()).collect::<Vec<_>>()
        );
    }
    let mut wrong = parsed(&json(&samples::control_plane()));
    wrong["findings"][0]["verdict"] = "perhaps".into();
    assert!(!validator.is_valid(&wrong), "a verdict that there is not");
}

#[test]
fn the_record_reads_back_to_the_report() {
    for report in [samples::control_plane(), samples::empty(), samples::hostile()] {
        let text = json(&report);
        assert!(text.ends_with("}\n"));
        assert_eq!(serde_json::from_str::<report::Report>(&text).expect("a report"), report);
    }
}

#[test]
fn yaml_says_the_same_as_json() {
    let tricky = [
        "yes",
        "no",
        "on",
        "null",
        "~",
        "",
        " ",
        "0644",
        "0o644",
        "1e3",
        "1_000",
        "1.2",
        "0x1f",
        ".inf",
        "12:30:45",
        "2026-03-01",
        "two\nlines",
        "ends\n\n",
        "\n",
        " leading",
        "trailing ",
        "tab\there",
        "- item",
        "key: value",
        "a #b",
        "#",
        "'",
        "\"",
        "\\u{1b}",
        "{",
        "[x",
        "*a",
        "&a",
        "!t",
        "%d",
        "@x",
        "`x`",
        "|",
        ">",
        "?",
        "---",
        "...",
        "\u{1b}[31m",
        "\u{202e}",
        "\u{9b}",
        "\u{7f}",
        "\u{feff}",
        "\u{2028}",
        "日本",
    ];
    for text in tricky {
        let mut report = samples::control_plane();
        report.warnings = vec![text.to_owned(), "x".to_owned()];
        report.run.captures[0].identity.insert(format!("key{text}"), text.to_owned());
        report.run.captures[0].identity.insert(text.to_owned(), text.to_owned());
        report.findings[0]
            .parameters
            .insert("mode".to_owned(), serde_json::json!([text, 600, 0.5, true, null, {"a": text}]));
        let told = yaml(&report);
        let back: Value = serde_saphyr::from_str(&told).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!(back, parsed(&json(&report)), "{text:?}");
    }
}

#[test]
fn a_narrowed_report_says_so_and_keeps_its_counts() {
    let whole = samples::control_plane();
    let narrowed = filter(&whole, &[Verdict::Fail, Verdict::Manual].into());
    assert_eq!(narrowed.findings.len(), 3);
    assert_eq!(narrowed.counts, whole.counts);
    assert_eq!(
        narrowed.run.selection.as_deref(),
        Some("only FAIL, MANUAL told; the counts are of all that was judged")
    );
}
