//! `explain`: one control as a reader sees it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;

use benchmark::{Content, Control, Judge, Parameters};
use evidence::{Hop, Start, Trail};

use crate::cli::Explain;
use crate::content;
use crate::exit::Exit;
use crate::judging::unknown;

pub(crate) fn run(arguments: &Explain) -> anyhow::Result<Exit> {
    let content = content::load_valid(&arguments.content.controls)?;
    if let Some(name) = &arguments.platform
        && content.platform(name).is_none()
    {
        return Err(unknown("platform", name, content.platforms.iter().map(|platform| platform.name.as_str())));
    }
    let (control, parameters) = find(&content, arguments)?;
    let text = explain(&content, control, &parameters, arguments.platform.as_deref());
    anstream::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Clean)
}

/// By name, or by an id of the named profile, else of the newest profile that has it.
fn find<'c>(content: &'c Content, arguments: &Explain) -> anyhow::Result<(&'c Control, Parameters)> {
    if let Some(control) = content.control(&arguments.control) {
        return Ok((control, control.parameters.clone()));
    }
    let mut profiles: Vec<_> = content.profiles.iter().collect();
    profiles.sort_by_key(|profile| std::cmp::Reverse(profile.kubernetes.and_then(|range| range.to)));
    if let Some(name) = &arguments.profile {
        let known = content.profiles.iter().map(|profile| profile.name.as_str());
        let profile = content.profile(name).ok_or_else(|| unknown("profile", name, known))?;
        profiles = vec![profile];
    }
    let entry = profiles.iter().find_map(|profile| profile.entry(&arguments.control));
    let known = content.controls.iter().map(|control| control.name.as_str());
    let missing = || unknown("control or id", &arguments.control, known);
    let entry = entry.ok_or_else(missing)?;
    let control =
        content.control(&entry.control).ok_or_else(|| unknown("control", &entry.control, std::iter::empty()))?;
    Ok((control, content.bounds(entry)))
}

fn explain(content: &Content, control: &Control, parameters: &Parameters, platform: Option<&str>) -> String {
    let mut text = format!("{}\n{}\n\n", control.title, "=".repeat(control.title.chars().count()));
    let priority = format!("{:?}", control.priority).to_lowercase();
    let _ = writeln!(text, "control    {}\ncomponent  {}\npriority   {priority}", control.name, control.component);
    for profile in &content.profiles {
        for entry in profile.entries.iter().filter(|entry| entry.control == control.name) {
            let assessed = format!("{:?}", entry.assessment).to_lowercase();
            let _ = writeln!(
                text,
                "cited by   {} {}, level {}, {assessed} by its publisher",
                profile.name, entry.id, entry.level
            );
        }
    }
    let demanded = match &control.judge {
        Judge::Require(requirement) => requirement.phrase(parameters),
        Judge::Manual { question, .. } => question.clone(),
    };
    let _ = writeln!(text, "\nWhat is demanded\n{}", indent(&demanded));
    if let (Some(when), Some(otherwise)) = (&control.when, &control.not_applicable) {
        let _ = writeln!(
            text,
            "{}\n{}",
            indent(&format!("It applies where {}.", when.phrase(parameters))),
            indent(&format!("Otherwise: {otherwise}"))
        );
    }
    for other in &control.equivalent {
        let way = format!("A pass as well where {}: {}.", other.require.phrase(parameters), other.because);
        let _ = writeln!(text, "{}", indent(&way));
    }
    if let Some(set) = control.for_each.as_deref().and_then(|name| assess::sets().find(|set| set.name == name)) {
        let _ = writeln!(text, "{}", indent(&format!("Judged for each of {}: {}", set.name, set.about)));
    }
    let _ = writeln!(text, "\nWhy\n{}", indent(&control.why));
    facts(&mut text, content, control);
    for platform in content.platforms.iter().filter(|own| platform.is_none_or(|name| name == own.name)) {
        let Some(says) = platform.explanation(&control.name) else { continue };
        let _ = writeln!(text, "\nOn {}\n{}", platform.title, indent(says));
        if let Some(checked) = &platform.checked {
            let _ = writeln!(text, "{}", indent(checked));
        }
    }
    for (source, steps) in &control.remediation {
        if platform.is_none_or(|platform| platform == source || source == "general") {
            let steps = control.filled(steps, parameters);
            let _ = writeln!(text, "\nWhat to do ({source})\n{}", indent(&steps));
        }
    }
    text
}

fn facts(text: &mut String, content: &Content, control: &Control) {
    let facts: Vec<(&str, &assess::Fact)> =
        control.facts().filter_map(|name| Some((name, assess::fact(name)?))).collect();
    if facts.is_empty() {
        return;
    }
    let _ = writeln!(text, "\nHow it is known");
    let (mut flags, mut keys) = (BTreeSet::new(), Vec::new());
    for (name, fact) in &facts {
        let _ = writeln!(text, "{}", indent(&format!("{name} ({}): {}", fact.kind.word(), fact.about)));
        let component = fact.component().map(|name| content.component(name));
        for setting in fact.settings().into_iter().filter_map(|name| component?.setting(name)) {
            keys.extend(setting.field.clone());
            flags.extend(setting.flag.iter().map(|flag| (fact.component().unwrap_or_default(), flag.as_str())));
            let flag = setting.flag.as_ref().map(|flag| format!("--{flag}"));
            let field = setting.field.as_ref().map(|field| format!("{field} in its configuration file"));
            let places: Vec<String> = flag.into_iter().chain(field).collect();
            let origin = if places.is_empty() { setting.name.clone() } else { places.join(", or ") };
            let _ = writeln!(text, "      from {origin}");
            for row in &setting.defaults {
                let value = row.value.as_ref().map_or_else(|| "not set".to_owned(), benchmark::plain);
                let when = match row.when {
                    Some(benchmark::Condition::ConfigFile) => ", with a configuration file",
                    Some(benchmark::Condition::NoConfigFile) => ", without a configuration file",
                    None => "",
                };
                let line = format!("default in {}{when}: {value} ({})", row.versions, row.source);
                let _ = writeln!(text, "{}", wrap(&line, 8));
            }
        }
    }
    let components: BTreeSet<&str> = facts.iter().filter_map(|(_, fact)| fact.component()).collect();
    let wanted = |trail: &Trail| {
        let component = trail.id.split('.').next().unwrap_or_default();
        let first = trail.hops.first();
        let taken = |these: &Vec<String>| {
            these
                .iter()
                .any(|name| flags.contains(&(component, name.as_str())) || name == "config" || name == "config-dir")
        };
        // A trail that goes on through a key leads to the file which that key names.
        let through = |hop: &Hop| match hop {
            Hop::Key { name, .. } => keys.iter().any(|key| key.ends_with(name.as_str())),
            _ => true,
        };
        components.contains(component)
            && trail.hops.iter().all(through)
            && match first {
                None => true,
                Some(Hop::Flag(these)) => taken(these),
                Some(_) => false,
            }
    };
    let kernels = |trail: &Trail| facts.iter().any(|(name, _)| assess::leads_to(trail, name));
    let trails: Vec<Trail> =
        assess::trails(content).into_iter().filter(|trail| wanted(trail) || kernels(trail)).collect();
    if !trails.is_empty() {
        let _ = writeln!(text, "\nWhere it is looked for");
    }
    for trail in &trails {
        let _ = writeln!(text, "{}", wrap(&trail_in_words(trail), 2));
    }
}

/// A trail as a line: `process kubelet > --config > clientCAFile`.
fn trail_in_words(trail: &Trail) -> String {
    let start = match &trail.start {
        Start::Process(names) => format!("process {}", names.first().map_or("", String::as_str)),
        Start::Path(path) => path.clone(),
        Start::Unit(name) => format!("unit {name}"),
        Start::Api(path) | Start::Objects(path) => format!("API {path}"),
        Start::Resources(kind) => format!("Talos API {kind}"),
    };
    let hops = trail.hops.iter().map(|hop| match hop {
        Hop::Flag(names) => names.iter().map(|name| format!("--{name}")).collect::<Vec<_>>().join(" or "),
        Hop::FlagIn { names, .. } => names.iter().map(|name| format!("--{name}")).collect::<Vec<_>>().join(" or "),
        Hop::Env(name) => format!("${name}"),
        Hop::Key { name, .. } => format!("its {name}"),
        Hop::Entries { prefix, suffix, .. } => {
            let named = format!("{}…{}", prefix.as_deref().unwrap_or(""), suffix.as_deref().unwrap_or(""));
            format!("its entries {}", if named == "…" { "" } else { &named }).trim_end().to_owned()
        }
        Hop::Complete { before, after } => format!("{before}VALUE{after}"),
        Hop::Parent => "its directory".to_owned(),
        Hop::Join(name) => name.clone(),
    });
    std::iter::once(start).chain(hops).collect::<Vec<_>>().join(" > ")
}

/// Prose wrapped and indented; steps (text of several lines) keep their lines.
fn indent(text: &str) -> String {
    let text = text.trim_end();
    if text.contains('\n') {
        return text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n");
    }
    wrap(text, 2)
}

/// Wraps at 80 columns, each line indented.
fn wrap(text: &str, indent: usize) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().expect("there is a line");
        if !last.is_empty() && indent + last.chars().count() + 1 + word.chars().count() > 80 {
            lines.push(word.to_owned());
        } else {
            last.push_str(if last.is_empty() { "" } else { " " });
            last.push_str(word);
        }
    }
    lines.iter().map(|line| format!("{}{line}", " ".repeat(indent))).collect::<Vec<_>>().join("\n")
}
