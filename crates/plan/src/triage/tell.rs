//! Findings with their steps, for a terminal.

use std::fmt::Write as _;

use report::{inert, priority_word, verdict_word, wrap};

use super::{Standing, Triage, Walk};

/// The steps of findings for a terminal of some width; at least 60 and at most 160 are used. `whole`: every step of each,
/// and not only how far it has come.
pub fn terminal(triage: &Triage<'_>, whole: bool, width: usize) -> String {
    let width = width.clamp(60, 160);
    let missing = triage.walks.iter().filter(|walk| walk.missing().is_some()).count();
    let mut text = match (triage.walks.len(), missing) {
        (0, _) => "Nothing is open, and nothing was decided.\n".to_owned(),
        (all, 0) => format!("{}: no step is missing.\n", number(all)),
        (1, _) => "1 finding: a step is missing.\n".to_owned(),
        (all, missing) => format!("{}, {missing} with a step missing; the gravest first.\n", number(all)),
    };
    for walk in &triage.walks {
        text.push('\n');
        let finding = walk.finding;
        let (verdict, priority) = (verdict_word(finding.verdict), priority_word(finding.priority));
        let head = format!("{}  {verdict}  {priority}  {}", finding.id(), finding.title);
        paragraph(&mut text, "", 4, &head, width);
        if whole { each(&mut text, walk, width) } else { brief(&mut text, walk, width) }
    }
    if let Some(next) = triage.next() {
        text.push('\n');
        paragraph(&mut text, "next: ", 6, next, width);
    }
    text
}

fn each(text: &mut String, walk: &Walk<'_>, width: usize) {
    for stand in &walk.steps {
        let word = match stand.standing {
            Standing::Done => "done",
            Standing::Missing => "MISSING",
            Standing::Waits => "waits",
        };
        let lead = format!("    {:<17} {word:<8} ", stand.step.word());
        paragraph(text, &lead, lead.len(), &stand.said, width);
        if let Some(next) = &stand.next {
            paragraph(text, &" ".repeat(lead.len()), lead.len(), next, width);
        }
    }
}

/// What is missing first, or else what settled it.
fn brief(text: &mut String, walk: &Walk<'_>, width: usize) {
    let Some(missing) = walk.missing() else {
        let said: Vec<&str> = walk.steps.iter().skip(2).map(|stand| stand.said.as_str()).collect();
        return paragraph(text, "    done: ", 10, &said.join("; "), width);
    };
    let lead = format!("    {} MISSING: ", missing.step.word());
    paragraph(text, &lead, 8, &missing.said, width);
    let rest = walk.steps.iter().filter(|stand| stand.standing == Standing::Waits);
    let rest: Vec<&str> = rest.map(|stand| stand.step.word()).collect();
    if !rest.is_empty() {
        paragraph(text, "    then: ", 10, &rest.join(", "), width);
    }
}

/// A lead, and text that is made harmless and wrapped behind it.
fn paragraph(text: &mut String, lead: &str, hang: usize, said: &str, width: usize) {
    let first = width.saturating_sub(lead.chars().count());
    let rows = wrap(&inert(said), first, width.saturating_sub(hang));
    let _ = writeln!(text, "{lead}{}", rows.join(&format!("\n{}", " ".repeat(hang))));
}

fn number(count: usize) -> String {
    if count == 1 { "1 finding".to_owned() } else { format!("{count} findings") }
}
