//! Markdown and GitHub's annotations: read back as GitHub reads them.

use report::{Beside, Finding, Report, github, inert, markdown};

use crate::every::{self, left_out};
use crate::samples;

/// A cell as it is shown: escapes undone.
fn shown(cell: &str) -> String {
    let mut plain = String::new();
    let mut letters = cell.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => plain.extend(letters.next()),
            other => plain.push(other),
        }
    }
    let entities =
        [("&lt;", "<"), ("&gt;", ">"), ("&#64;", "@"), ("&#35;", "#"), ("&#36;", "$"), ("&#58;", ":"), ("&#46;", ".")];
    let plain = entities.iter().fold(plain, |text, (entity, letter)| text.replace(entity, letter));
    plain.replace("&amp;", "&")
}

/// The cells of a row: a bar behind a backslash parts none.
fn cells(row: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut letters = row.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '|' => cells.push(String::new()),
            '\\' => cells.last_mut().unwrap().extend(['\\'].into_iter().chain(letters.next())),
            other => cells.last_mut().unwrap().push(other),
        }
    }
    cells
}

/// What is not told of a finding.
pub(crate) fn missing(told: &str, finding: &Finding) -> Option<String> {
    let mut why = Some("no row".to_owned());
    for row in told.lines().filter(|line| line.starts_with("| ")).map(cells) {
        if row.len() == 10 && shown(&row[2]).contains(inert(finding.id()).as_ref()) {
            let lines = row[7].split("<br>").chain(row[8].split("<br>"));
            let lines: Vec<String> =
                lines.chain(told.lines().filter(|line| line.starts_with("- "))).map(shown).collect();
            why = left_out(&format!("{}\n{}", row[1], lines.join("\n")), finding, 10);
            if why.is_none() {
                break;
            }
        }
    }
    why
}

/// What annotations and lines of the log do not tell of a finding.
pub(crate) fn missing_annotation(told: &str, finding: &Finding) -> Option<String> {
    let of = format!("[{}, ", inert(&finding.control));
    let mut why = Some("no line".to_owned());
    for line in told.lines() {
        let first = match line.strip_prefix("::").and_then(|rest| rest.split_once("::")) {
            Some((_, message)) => message.replace("%0A", "\n").replace("%25", "%"),
            None => line.to_owned(),
        };
        let first = first.replace("## [", "##[");
        if first.contains(&of) {
            why = left_out(&first, finding, 10);
            if why.is_none() {
                break;
            }
        }
    }
    why
}

#[test]
fn how_it_looks() {
    insta::assert_snapshot!("markdown", markdown(&samples::control_plane(), &Beside::default()));
    insta::assert_snapshot!("github", github(&samples::control_plane(), &Beside::default()));
}

#[test]
fn several_nodes_and_profiles() {
    insta::assert_snapshot!("markdown_of_several", markdown(&samples::two_nodes(), &Beside::default()));
}

fn reports() -> impl Iterator<Item = Report> {
    [samples::control_plane(), samples::in_part(), samples::two_nodes(), samples::empty(), samples::wide()]
        .into_iter()
        .chain(every::HOSTILE.map(every::hostile))
}

#[test]
fn markup_in_a_summary_is_ours() {
    for report in reports() {
        let told = markdown(&report, &Beside::default());
        let mut fence: Option<String> = None;
        let mut depth = 0;
        for line in told.lines() {
            if let Some(open) = &fence {
                if line == open {
                    fence = None;
                }
                continue;
            }
            if line.starts_with("```") {
                fence = Some(line.trim_end_matches("text").to_owned());
                continue;
            }
            if line.starts_with("| ") {
                let columns = cells(line).len();
                assert!(columns == 10 || columns == 4, "{line}");
            }
            depth += line.matches("<details>").count();
            depth -= line.matches("</details>").count();
            let rest = ["<details>", "</details>", "<summary>", "</summary>", "<br>"]
                .iter()
                .fold(line.to_owned(), |rest, tag| rest.replace(tag, ""));
            assert!(!rest.contains('<'), "{line}");
            for address in ["https://", "www.", "@some"] {
                // Within a summary nothing is Markdown.
                assert!(line.starts_with("<details>") || !line.contains(address), "{line}");
            }
        }
        assert_eq!((depth, fence), (0, None));
    }
}

#[test]
fn every_line_of_the_log_is_a_command_of_ours_or_none() {
    for report in reports() {
        let told = github(&report, &Beside::default());
        for line in told.lines() {
            let known = ["::error ", "::warning ", "::notice ", "::group::", "::endgroup::"];
            assert!(!line.starts_with("::") || known.iter().any(|start| line.starts_with(start)), "{line}");
            assert!(!line.contains("##["), "{line}");
            if let Some((properties, _)) = line.strip_prefix("::").and_then(|rest| rest.split_once("::")) {
                let names = properties.split_once(' ').map_or("", |(_, properties)| properties);
                for property in names.split(',').filter(|property| !property.is_empty()) {
                    let (name, value) = property.split_once('=').unwrap();
                    assert!(["title", "file"].contains(&name) && !value.contains(':'), "{line}");
                }
            }
        }
        let open = told.lines().filter(|line| line.starts_with("::error")).count();
        let failed = |finding: &&report::Finding| {
            finding.verdict == assess::Verdict::Fail && !finding.decision.state.is_settled()
        };
        let failed = report.findings.iter().filter(failed).count();
        assert_eq!(open, failed);
    }
}
