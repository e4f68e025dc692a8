//! `profiles`: what is demanded by whom, and what changed between two.

use std::fmt::Write as _;
use std::io::Write as _;

use benchmark::{Content, Entry, Profile};

use crate::cli::{Profiles, ProfilesCommand};
use crate::exit::Exit;
use crate::judging::unknown;
use crate::{content, register};

pub(crate) fn run(arguments: &Profiles) -> anyhow::Result<Exit> {
    let content = content::load_valid(&arguments.content.controls)?;
    let named = |name: &str| {
        content
            .profile(name)
            .ok_or_else(|| unknown("profile", name, content.profiles.iter().map(|profile| profile.name.as_str())))
    };
    let text = match &arguments.command {
        ProfilesCommand::List => list(&content),
        ProfilesCommand::Show { name } => show(named(name)?, &content),
        ProfilesCommand::Diff { from, to, register: None } => diff(named(from)?, named(to)?, &content),
        ProfilesCommand::Diff { from, to, register: Some(path) } => {
            let (from, to) = (named(from)?, named(to)?);
            let (register, _) = register::load_valid(path, &content)?;
            format!("{}\n{}", diff(from, to, &content), touched(&register, from, to, &content))
        }
    };
    anstream::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Clean)
}

fn list(content: &Content) -> String {
    let mut text = String::new();
    for profile in &content.profiles {
        let versions = profile.kubernetes.map_or_else(String::new, |range| format!("Kubernetes {range}"));
        let _ =
            writeln!(text, "{:<12} {:>4} ids  {:<24} {}", profile.name, profile.entries.len(), versions, profile.title);
    }
    text
}

fn show(profile: &Profile, content: &Content) -> String {
    let mut text = format!("{}: {}\ndigest {}\n", profile.name, profile.title, content.digest_of(profile));
    for note in &profile.notes {
        let _ = writeln!(text, "note: {note}");
    }
    let mut section = None;
    for entry in &profile.entries {
        let under = profile.section(&entry.id);
        if under != section {
            section = under;
            let heading = section.map_or_else(String::new, |section| format!("{} {}", section.id, section.title));
            let _ = writeln!(text, "\n{heading}");
        }
        let title = content.control(&entry.control).map_or("", |control| control.title.as_str());
        let _ = writeln!(
            text,
            "  {:<7} L{} {:<9} {}\n          {}",
            entry.id,
            entry.level,
            assessment(entry),
            entry.control,
            title
        );
        for (name, value) in &entry.parameters {
            let _ = writeln!(text, "          {name} = {}", benchmark::plain(value));
        }
    }
    text
}

fn assessment(entry: &Entry) -> &'static str {
    match entry.assessment {
        benchmark::Assessment::Automated => "automated",
        benchmark::Assessment::Manual => "manual",
    }
}

/// Entries of a register that speak of controls which are gone, or demand something else.
fn touched(register: &::register::Register, from: &Profile, to: &Profile, content: &Content) -> String {
    let mut text = String::new();
    for (what, control, at) in register.entries() {
        let Some(old) = entry(from, control) else { continue };
        let why = match entry(to, control) {
            None => format!("{} does not demand it", to.name),
            Some(new) => changes(old, new, content).join("; "),
        };
        if !why.is_empty() {
            let _ = writeln!(text, "! {at}: {what} for {control}: {why}");
        }
    }
    if text.is_empty() {
        text.push_str("no entry of the register is touched\n");
    }
    text
}

/// By control, which survives renumbering: gone, new, and what changed of the rest.
fn diff(from: &Profile, to: &Profile, content: &Content) -> String {
    let mut text = String::new();
    for old in &from.entries {
        let Some(new) = entry(to, &old.control) else {
            let _ = writeln!(text, "- {:<7} {}", old.id, old.control);
            continue;
        };
        let changes = changes(old, new, content);
        if !changes.is_empty() {
            let _ = writeln!(text, "~ {:<7} {}", old.id, old.control);
            for change in changes {
                let _ = writeln!(text, "          {change}");
            }
        }
    }
    for new in to.entries.iter().filter(|new| entry(from, &new.control).is_none()) {
        let _ = writeln!(text, "+ {:<7} {}", new.id, new.control);
    }
    if text.is_empty() {
        text.push_str("no difference\n");
    }
    text
}

fn entry<'p>(profile: &'p Profile, control: &str) -> Option<&'p Entry> {
    profile.entries.iter().find(|entry| entry.control == control)
}

fn changes(old: &Entry, new: &Entry, content: &Content) -> Vec<String> {
    let mut changes = Vec::new();
    if old.id != new.id {
        changes.push(format!("is {} there", new.id));
    }
    if old.level != new.level {
        changes.push(format!("level {} becomes {}", old.level, new.level));
    }
    if old.assessment != new.assessment {
        changes.push(format!("{} becomes {}", assessment(old), assessment(new)));
    }
    let (before, after) = (content.bounds(old), content.bounds(new));
    for (name, was) in &before {
        let Some(is) = after.get(name).filter(|is| *is != was) else { continue };
        match (was.as_array(), is.as_array()) {
            (Some(was), Some(is)) => {
                let only = |these: &[serde_json::Value], those: &[serde_json::Value]| {
                    these
                        .iter()
                        .filter(|member| !those.contains(member))
                        .map(benchmark::plain)
                        .collect::<Vec<_>>()
                        .join(" ")
                };
                let (gone, new) = (only(was, is), only(is, was));
                changes.extend((!gone.is_empty()).then(|| format!("{name}: no longer {gone}")));
                changes.extend((!new.is_empty()).then(|| format!("{name}: now also {new}")));
            }
            _ => changes.push(format!("{name}: {} becomes {}", benchmark::plain(was), benchmark::plain(is))),
        }
    }
    changes
}
