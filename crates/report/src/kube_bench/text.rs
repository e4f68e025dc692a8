//! kube-bench's text, with the output of what failed as under `--include-test-output`.

use std::fmt::Write as _;

use super::MANUAL;
use super::shape::{Check, Numbers, Output, Section};

pub(super) fn render(output: &Output) -> String {
    let mut text = String::new();
    let mut total = Numbers::default();
    for section in &output.sections {
        let _ = writeln!(text, "[INFO] {} {}", section.id, section.text);
        for group in &section.tests {
            let _ = writeln!(text, "[INFO] {} {}", group.section, group.desc);
            for check in &group.results {
                let _ = writeln!(text, "[{}] {} {}", check.status, check.test_number, check.test_desc);
                for row in check.actual_value.lines().filter(|_| check.status == "FAIL") {
                    let _ = writeln!(text, "\t {row}");
                }
            }
        }
        text.push('\n');
        remediations(&mut text, section);
        summary(&mut text, section.node_type, section.numbers);
        total.add(section.numbers);
    }
    summary(&mut text, "total", total);
    text
}

fn remediations(text: &mut String, section: &Section) {
    let open = |check: &&Check| matches!(check.status, "FAIL" | "WARN");
    let checks: Vec<&Check> = section.tests.iter().flat_map(|group| &group.results).filter(open).collect();
    if checks.is_empty() {
        return;
    }
    let _ = writeln!(text, "== Remediations {} ==", section.node_type);
    for check in checks {
        let did_not_run = check.status == "WARN" && check.reason != MANUAL;
        let said = if did_not_run { &check.reason } else { &check.remediation };
        let lead = if did_not_run { "audit test did not run: " } else { "" };
        let _ = writeln!(text, "{} {lead}{}\n", check.test_number, within(said));
    }
    text.push('\n');
}

/// Lines of which none is taken for a state or a heading.
fn within(lines: &str) -> String {
    let line = |line: &str| if line.starts_with(['[', '=']) { format!(" {line}") } else { line.to_owned() };
    lines.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

fn summary(text: &mut String, of: &str, numbers: Numbers) {
    let _ = writeln!(
        text,
        "== Summary {of} ==\n{} checks PASS\n{} checks FAIL\n{} checks WARN\n{} checks INFO\n",
        numbers.pass, numbers.fail, numbers.warn, numbers.info
    );
}
