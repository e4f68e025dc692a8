//! HTML: read back as the XML that it is as well.

use report::{Beside, Finding, Report, html, inert};
use roxmltree::{Document, Node};

use crate::every::{self, left_out};
use crate::{beside, samples};

pub(crate) fn parsed(told: &str) -> Document<'_> {
    let told = told.strip_prefix("<!doctype html>").expect("it begins as HTML does");
    Document::parse(told).map_err(|error| format!("{error} in {told}")).unwrap()
}

/// All text of a node, as a reader sees it when everything is unfolded.
pub(crate) fn text(node: Node<'_, '_>) -> String {
    node.descendants().filter(Node::is_text).filter_map(|text| text.text()).collect()
}

/// What is not told of a finding.
pub(crate) fn missing(told: &str, finding: &Finding) -> Option<String> {
    let document = parsed(told);
    let mut why = Some("no article".to_owned());
    for article in document.descendants().filter(|node| node.has_tag_name("article")) {
        let of = |code: Node<'_, '_>| code.has_tag_name("code") && text(code) == inert(&finding.control);
        if article.descendants().any(of) {
            let told = text(article);
            why = left_out(&told, finding, usize::MAX);
            if why.is_none() {
                break;
            }
        }
    }
    why
}

fn reports() -> impl Iterator<Item = Report> {
    [samples::control_plane(), samples::in_part(), samples::two_nodes(), samples::empty(), samples::wide()]
        .into_iter()
        .chain(every::HOSTILE.map(every::hostile))
}

#[test]
fn how_it_looks() {
    // Style and script are looked at where they stand.
    let told = html(&samples::two_nodes(), &Beside::default());
    let (head, rest) = told.split_once("<style>").unwrap();
    let (_, body) = rest.split_once("</style>").unwrap();
    let (body, rest) = body.split_once("<script>").unwrap();
    let (_, foot) = rest.split_once("</script>").unwrap();
    let hashless: Vec<&str> =
        head.split('\'').map(|part| if part.starts_with("sha256-") { "…" } else { part }).collect();
    insta::assert_snapshot!(format!("{}{body}{foot}", hashless.join("'")));
}

#[test]
fn nothing_but_our_own_elements_and_attributes() {
    let elements = [
        "html", "head", "meta", "title", "style", "body", "a", "header", "h1", "h2", "h3", "h4", "p", "nav", "ul",
        "ol", "li", "main", "strong", "section", "dl", "div", "dt", "dd", "span", "table", "thead", "tbody", "tr",
        "th", "td", "svg", "rect", "text", "details", "summary", "br", "code", "form", "label", "input", "fieldset",
        "legend", "select", "option", "button", "article", "pre", "footer", "script",
    ];
    let past = beside::past("</td><script>alert(1)</script>");
    for (report, beside) in reports().flat_map(|report| [(report.clone(), false), (report, true)]) {
        let drift = beside::between(&beside::earlier(&report), &report);
        let beside = if beside { Beside { past: &past, drift: Some(&drift), whole: None } } else { Beside::default() };
        let told = html(&report, &beside);
        let document = parsed(&told);
        let mut ids = std::collections::BTreeSet::new();
        for node in document.descendants().filter(Node::is_element) {
            assert!(elements.contains(&node.tag_name().name()), "{node:?}");
            for attribute in node.attributes() {
                let name = attribute.name();
                assert!(!name.starts_with("on") && !["src", "style", "action"].contains(&name), "{node:?}");
                assert!(name != "href" || attribute.value().starts_with('#'), "{node:?}");
                assert!(name != "id" || ids.insert(attribute.value()), "{} twice", attribute.value());
            }
        }
        for node in document.descendants() {
            if let Some(target) = node.attribute("href") {
                assert!(ids.contains(&target[1..]), "{target} leads nowhere");
            }
            for name in ["for", "aria-labelledby"] {
                assert!(node.attribute(name).is_none_or(|id| ids.contains(id)), "{node:?}");
            }
        }
        let count = |name: &str| document.descendants().filter(|node| node.has_tag_name(name)).count();
        assert_eq!((count("script"), count("style"), count("h1"), count("main")), (1, 1, 1, 1));
        assert_eq!(count("article"), report.findings.len());
        assert!(!told.contains("http:") && !told.contains("<link"), "it asks for nothing");
    }
}

#[test]
fn the_policy_lets_our_script_run_and_nothing_else() {
    use base64::Engine as _;
    use sha2::Digest as _;
    let told = html(&samples::control_plane(), &Beside::default());
    let document = parsed(&told);
    let policy = document.descendants().find_map(|node| {
        node.attribute("http-equiv").filter(|name| *name == "Content-Security-Policy").and(node.attribute("content"))
    });
    let policy = policy.unwrap();
    assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe") && !policy.contains('*'));
    for (element, rule) in [("style", "style-src"), ("script", "script-src")] {
        let source = text(document.descendants().find(|node| node.has_tag_name(element)).unwrap());
        let digest = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(source.as_bytes()));
        assert!(policy.contains(&format!("{rule} 'sha256-{digest}'")), "{policy}");
    }
}

#[test]
fn nodes_that_answer_alike_share_a_column() {
    let mut report = samples::two_nodes();
    let names =
        |range: std::ops::RangeInclusive<usize>| -> Vec<String> { range.map(|at| format!("node-{at}")).collect() };
    report.run.captures = names(1..=40).iter().map(|name| samples::capture(name, &[("kubelet", "running")])).collect();
    let mut failed = samples::finding("4.9.9", "odd", "kubelet", "Something is so");
    failed.subjects[0].captures = names(1..=1);
    let mut passed = failed.clone();
    failed.verdict = assess::Verdict::Fail;
    passed.subjects[0].captures = names(2..=40);
    report.findings = vec![failed, passed];
    let told = html(&report, &Beside::default());
    let document = parsed(&told);
    let grid = document.descendants().find(|node| node.attribute("class") == Some("grid")).unwrap();
    assert!(text(grid).contains("1: PASS, 2: FAIL"), "{}", text(grid));
    let columns = document.descendants().find(|node| node.attribute("class") == Some("columns")).unwrap();
    assert!(text(columns).contains("39 nodes") && text(columns).contains("node-1"));
}
