//! A plan for a person: the same lines for a terminal and as Markdown.

use std::fmt::Write as _;

use report::{inert, markdown_code, markdown_fence, markdown_text, wrap};

use crate::model::{Change, Hand, Plan, Step};
use crate::words::some;

/// So many things to settle by hand are named under one remedy; the rest is counted.
const MOST: usize = 60;

/// Of more controls than these no command is told: whoever settles so much scans everything again.
const SHORT: usize = 12;

/// One line of a plan, before it has a form.
enum Line {
    Title(String),
    Heading(String),
    Text(String),
    /// An id and what it is about.
    Entry(String),
    /// A label, and its text.
    Said(&'static str, String),
    /// A label, and a command that is pasted as it stands.
    Command(&'static str, String),
    Item(String),
    /// Lines that stay as they are.
    Code(String),
    /// An empty line.
    Break,
}

/// The plan for a terminal of some width; at least 60 and at most 160 are used.
pub fn terminal(plan: &Plan, width: usize) -> String {
    let width = width.clamp(60, 160);
    let mut text = String::new();
    for line in lines(plan) {
        let entry = matches!(line, Line::Entry(_));
        let (lead, body) = match line {
            Line::Title(own) | Line::Text(own) | Line::Entry(own) => (String::new(), own),
            Line::Heading(own) => {
                let rule = width.saturating_sub(inert(&own).chars().count() + 6);
                ("\n".to_owned(), format!("---- {own} {}", "-".repeat(rule)))
            }
            Line::Said(label, own) | Line::Command(label, own) => (format!("    {label:<10} "), own),
            Line::Item(own) => ("    - ".to_owned(), own),
            Line::Code(own) => {
                code(&mut text, &own, width);
                continue;
            }
            Line::Break => (String::new(), String::new()),
        };
        let hang = if entry { 4 } else { lead.trim_start_matches('\n').chars().count() };
        let room = width.saturating_sub(hang);
        let rows = wrap(&inert(&body), room, room);
        let _ = writeln!(text, "{lead}{}", rows.join(&format!("\n{}", " ".repeat(hang))));
    }
    text
}

/// Prose is wrapped; a listing stays as it is.
fn code(text: &mut String, lines: &str, width: usize) {
    let listing = lines.trim_end().contains('\n');
    for line in lines.trim_end().lines() {
        let line = inert(line);
        let room = width.saturating_sub(6);
        let rows = if listing { vec![line.into_owned()] } else { wrap(&line, room, room) };
        for row in rows {
            let _ = writeln!(text, "      {row}");
        }
    }
}

/// The plan as Markdown, for a repository or a ticket.
pub fn markdown(plan: &Plan) -> String {
    let mut text = String::new();
    let mut listed = false;
    for line in lines(plan) {
        let item = matches!(line, Line::Item(_) | Line::Said(..) | Line::Command(..) | Line::Entry(_));
        if listed && !item {
            text.push('\n');
        }
        listed = item;
        let _ = match line {
            Line::Title(own) => writeln!(text, "# {}\n", markdown_text(&own)),
            Line::Heading(own) => writeln!(text, "## {}\n", markdown_text(&own)),
            Line::Text(own) => writeln!(text, "{}\n", marked(&own)),
            Line::Entry(own) => writeln!(text, "- **{}**", markdown_text(&own)),
            Line::Said(label, own) => writeln!(text, "- **{label}** {}", marked(&own)),
            Line::Command(label, own) => writeln!(text, "- **{label}** {}", markdown_code(&own)),
            Line::Item(own) => writeln!(text, "  - {}", marked(&own)),
            Line::Code(own) => writeln!(text, "{}", markdown_fence(&own)),
            Line::Break => Ok(()),
        };
    }
    text
}

/// Text as Markdown: what stands between backticks is a command, and is pasted as it stands. Whatever a foreign backtick
/// does to the pairs, each part is harmless as it is told.
fn marked(own: &str) -> String {
    let parts: Vec<&str> = own.split('`').collect();
    let last = parts.len() - 1;
    let told = parts.iter().enumerate().map(|(at, part)| match at % 2 {
        1 if at < last && !part.trim().is_empty() => markdown_code(part),
        1 => markdown_text(&format!("`{part}{}", if at < last { "`" } else { "" })),
        _ => markdown_text(part),
    });
    told.collect()
}

fn lines(plan: &Plan) -> Vec<Line> {
    let version = plan.kubernetes.as_ref().map_or(String::new(), |version| format!(", Kubernetes {version}"));
    let mut lines = vec![
        Line::Title(format!("Plan of kube-assay {}", plan.tool)),
        Line::Text(format!("{}{version}; {}", plan.platform, some(&plan.nodes))),
        Line::Text(
            "Nothing of this was applied, and kube-assay applies nothing. Go step by step: patch, verify, next."
                .to_owned(),
        ),
    ];
    let settled: usize = plan.owners.iter().map(|owner| owner.settled).sum();
    let hands: usize = plan.owners.iter().map(|owner| owner.by_hand).sum();
    if plan.steps.is_empty() && plan.by_hand.is_empty() {
        lines.push(Line::Text("Nothing that failed is open: there is nothing to do.".to_owned()));
    } else {
        let steps = count(plan.steps.len(), "step", "steps");
        lines.push(Line::Text(format!(
            "{} by patches, in {steps}; {} by hand.",
            count(settled, "control", "controls"),
            count(hands, "control", "controls")
        )));
    }
    if plan.owners.iter().any(|owner| owner.owner.is_some() || owner.source.is_some()) {
        lines.push(Line::Heading("who".to_owned()));
        for owner in &plan.owners {
            let steps: Vec<String> = owner.steps.iter().map(|step| format!("step {step}")).collect();
            let steps = if steps.is_empty() { "no step".to_owned() } else { steps.join(", ") };
            lines.push(Line::Item(format!(
                "{}: {steps}; {} by hand",
                whose(owner.owner.as_deref(), owner.source.as_deref()),
                owner.by_hand
            )));
        }
    }
    plan.steps.iter().for_each(|own| step(own, plan, &mut lines));
    if !plan.by_hand.is_empty() {
        lines.push(Line::Heading("by hand, the gravest first".to_owned()));
        plan.by_hand.iter().for_each(|own| hand(own, &mut lines));
    }
    if !plan.left.is_empty() {
        lines.push(Line::Heading("not in this plan".to_owned()));
        lines.extend(plan.left.iter().map(|left| Line::Item(left.clone())));
    }
    lines
}

fn step(step: &Step, plan: &Plan, lines: &mut Vec<Line>) {
    lines.push(Line::Heading(format!("step {} of {}: {}", step.number, plan.steps.len(), step.title)));
    if step.owner.is_some() || step.source.is_some() {
        lines.push(Line::Said("owner", whose(step.owner.as_deref(), step.source.as_deref())));
    }
    if let Some(cause) = &step.cause {
        lines.push(Line::Said("cause", cause.clone()));
    }
    if plan.nodes.len() > 1 {
        lines.push(Line::Said("on", some(&step.nodes)));
    }
    lines.push(Line::Said("restart", step.restart.clone()));
    lines.extend(step.beware.iter().map(|own| Line::Said("BEWARE", own.clone())));
    if let Some(trial) = &step.trial {
        lines.push(Line::Said("trial", trial.clone()));
    }
    lines.extend(step.changes.iter().map(|own| Line::Said("change", change(own))));
    lines.extend(step.patches.iter().map(|own| Line::Said("patch", format!("{} goes to {}", own.patch, own.goes))));
    lines.extend(step.todo.iter().enumerate().map(|(at, own)| Line::Said("do", format!("{}. {own}", at + 1))));
    lines.push(Line::Command("verify", step.verify.clone()));
    lines.push(Line::Said("rollback", step.rollback.clone()));
}

/// What is changed, from what to what, and who asks for it.
fn change(change: &Change) -> String {
    let Change { what, from, to, ids, otherwise } = change;
    let from = from.as_deref().unwrap_or("not set");
    let to = to.as_deref().unwrap_or("not set");
    let or = if otherwise.is_empty() { String::new() } else { format!("; or instead: {}", otherwise.join("; or ")) };
    format!("{what}: {} -> {} ({}{or})", short(from), short(to), ids.join(", "))
}

/// A long list by its number; the patch has it whole.
fn short(value: &str) -> String {
    let members = value.split(", ").count();
    if members > 4 { format!("[{members} members]") } else { value.to_owned() }
}

fn hand(hand: &Hand, lines: &mut Vec<Line>) {
    let titles = hand.items.iter().take(MOST).map(|item| format!("{}  {}", item.id, item.title));
    lines.push(Line::Break);
    lines.extend(titles.map(Line::Entry));
    if hand.items.len() > MOST {
        lines.push(Line::Entry(format!("… and {} more", hand.items.len() - MOST)));
    }
    if hand.owner.is_some() || hand.source.is_some() {
        lines.push(Line::Said("owner", whose(hand.owner.as_deref(), hand.source.as_deref())));
    }
    if hand.subjects.iter().any(|subject| *subject != hand.component) {
        lines.push(Line::Said("about", some(&hand.subjects)));
    }
    lines.push(Line::Said("because", hand.because.clone()));
    lines.push(Line::Code(hand.remediation.clone()));
    if hand.controls.len() <= SHORT {
        lines.push(Line::Command("verify", hand.verify.clone()));
    }
}

fn whose(owner: Option<&str>, source: Option<&str>) -> String {
    let owner = owner.unwrap_or("nobody named");
    source.map_or(owner.to_owned(), |source| format!("{owner}, in {source}"))
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_pasted_as_they_stand() {
        for (said, expected) in [
            (
                "On a node: `find / -exec x {} \\; | tee > a_b`, then <b>.",
                "On a node: `find / -exec x {} \\; | tee > a_b`, then &lt;b&gt;.",
            ),
            ("a_b", "a\\_b"),
            // A foreign backtick opens nothing.
            ("it is ` <img>", "it is \\` &lt;img&gt;"),
            ("``", "\\`\\`"),
            ("`a` and ` <img>", "`a` and \\` &lt;img&gt;"),
        ] {
            assert_eq!(marked(said), expected, "{said}");
        }
    }
}
