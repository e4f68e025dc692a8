//! How far findings have come, for a terminal.

use std::fmt::Write as _;

use report::{inert, priority_word, verdict_word, wrap};

use super::{Mark, Progress, Triage};

/// How far findings have come, for a terminal of some width; at least 60 and at most 160 are used. `whole`: every stage of
/// each, and not only the first that is missing.
pub fn terminal(triage: &Triage<'_>, whole: bool, width: usize) -> String {
    let width = width.clamp(60, 160);
    let missing = triage.all.iter().filter(|progress| progress.missing().is_some()).count();
    let mut text = match (triage.all.len(), missing) {
        (0, _) => "Nothing is open, and nothing was decided.\n".to_owned(),
        (all, 0) => format!("{}: no step is missing.\n", number(all)),
        (1, _) => "1 finding: a step is missing.\n".to_owned(),
        (all, missing) => format!("{}, {missing} with a step missing; the gravest first.\n", number(all)),
    };
    for progress in &triage.all {
        text.push('\n');
        let finding = progress.finding;
        let (verdict, priority) = (verdict_word(finding.verdict), priority_word(finding.priority));
        let head = format!("{}  {verdict}  {priority}  {}", finding.id(), finding.title);
        paragraph(&mut text, "", 4, &head, width);
        if whole { each(&mut text, progress, width) } else { brief(&mut text, progress, width) }
    }
    if let Some(next) = triage.next() {
        text.push('\n');
        paragraph(&mut text, "next: ", 6, next, width);
    }
    text
}

fn each(text: &mut String, progress: &Progress<'_>, width: usize) {
    for told in &progress.stages {
        let word = match told.mark {
            Mark::Done => "done",
            Mark::Missing => "MISSING",
            Mark::Waits => "waits",
        };
        let lead = format!("    {:<17} {word:<8} ", told.stage.word());
        paragraph(text, &lead, lead.len(), &told.said, width);
        if let Some(next) = &told.next {
            paragraph(text, &" ".repeat(lead.len()), lead.len(), next, width);
        }
    }
}

/// What is missing first, or else what settled it.
fn brief(text: &mut String, progress: &Progress<'_>, width: usize) {
    let Some(missing) = progress.missing() else {
        let said: Vec<&str> = progress.stages.iter().skip(2).map(|told| told.said.as_str()).collect();
        return paragraph(text, "    done: ", 10, &said.join("; "), width);
    };
    let lead = format!("    {} MISSING: ", missing.stage.word());
    paragraph(text, &lead, 8, &missing.said, width);
    let rest = progress.stages.iter().filter(|told| told.mark == Mark::Waits);
    let rest: Vec<&str> = rest.map(|told| told.stage.word()).collect();
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
