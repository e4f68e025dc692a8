//! From files to checked content: every file is read on its own, then what they say of each other is checked.

pub mod code;
mod component;
mod control;
mod expand;
mod platform;
mod profile;
mod requirement;
mod shape;
mod tailor;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range as Span;

use diag::{Diagnostic, Node, Reader, Sources, Spanned, quoted, suggest, yaml};
use serde_json::Value as Json;

use crate::{Component, Content, Profile, Range, builtin, id_order};

/// What content may speak of. The caller knows it; this crate does not know how anything is seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vocabulary {
    /// Facts with the word of their type: `bool`, `int`, `text`, `list`, `duration`, `mode` or `owner`.
    pub facts: BTreeMap<&'static str, &'static str>,
    /// Open families of facts by the words before the name in them (`kernel.sysctl`), with the word of their type.
    pub families: BTreeMap<&'static str, &'static str>,
    /// Sets that a control may go through, with the word for one of their members: `file`, `namespace` …
    pub sets: BTreeMap<&'static str, &'static str>,
    /// Components that have instances to ask and settings to document.
    pub components: BTreeSet<&'static str>,
    /// Roles that a platform's places may have.
    pub roles: BTreeSet<&'static str>,
}

/// Reads any number of files, told apart by their first words (`controls`, `profile`, `tailoring`, `platform` or
/// `component`), and says everything that is wrong in them. The content holds what could be read all the same; it is
/// fit for judging only if there is no error.
pub fn load(files: &[(String, String)], vocabulary: &Vocabulary, sources: &mut Sources) -> (Content, Vec<Diagnostic>) {
    let mut found = Vec::new();
    let mut read = Read::default();
    for (name, text) in files {
        let (tree, mut mistakes) = yaml::parse(name, sources.add(name, text));
        if let Some(tree) = tree {
            let file = File { reader: Reader::new(name, &mut mistakes), vocabulary };
            read.file(&file, &tree);
        }
        found.append(&mut mistakes);
    }
    let controls = distinct("control", read.controls, &mut found);
    let drafts = distinct("profile or tailoring", read.profiles, &mut found);
    let platforms = distinct("platform", read.platforms, &mut found);
    let components = distinct("component", read.components, &mut found);

    let mut profiles = expand::expand(&controls, &drafts, &mut found);
    profiles.sort_by_cached_key(|profile| id_order(&profile.name));
    unused_controls(&controls, &drafts, &profiles, &mut found);
    let names: Vec<&str> = controls.iter().map(|control| control.name.value.as_str()).collect();
    for platform in &platforms {
        platform::check(platform, &names, &mut found);
    }
    let content = Content {
        controls: controls.into_iter().filter_map(|control| Some(control.body?.control)).collect(),
        profiles,
        platforms: platforms.into_iter().filter_map(|platform| platform.body.platform).collect(),
        components: components.into_iter().filter_map(|component| component.body).collect(),
    };
    (content, found)
}

/// Something with a name, and where it stands. A body that could not be read leaves the name, so that others who
/// speak of it are not blamed.
#[derive(Debug)]
struct Named<T> {
    file: String,
    name: Spanned<String>,
    body: T,
}

/// What the files say, each for itself.
#[derive(Debug, Default)]
struct Read {
    controls: Vec<Named<Option<control::Draft>>>,
    profiles: Vec<Named<profile::Draft>>,
    platforms: Vec<Named<platform::Draft>>,
    components: Vec<Named<Option<Component>>>,
}

impl Read {
    fn file(&mut self, file: &File<'_>, tree: &Node) {
        let Some(entries) = file.reader.entries(tree) else { return };
        let kinds = ["profile", "tailoring", "platform", "component", "controls"];
        // Profiles and tailorings have `controls` too, so that word is looked for last.
        match kinds.into_iter().find(|kind| entries.iter().any(|(key, _)| key.text == *kind)) {
            Some("profile") => self.profiles.extend(profile::read(file, tree, false)),
            Some("tailoring") => self.profiles.extend(profile::read(file, tree, true)),
            Some("platform") => self.platforms.extend(platform::read(file, tree)),
            Some("component") => self.components.extend(component::read(file, tree)),
            Some(_) => self.controls.extend(control::read(file, tree)),
            None => {
                let span = entries.first().map_or(&tree.span, |(key, _)| &key.span);
                let message = "the file is neither controls nor a profile, tailoring, platform or component";
                let help = "it needs one of the fields `controls`, `profile`, `tailoring`, `platform`, `component`";
                let near = entries.iter().find_map(|(key, _)| suggest(&key.text, kinds));
                let help = near.map_or(help.to_owned(), |near| format!("did you mean `{near}`?"));
                file.report(file.error(code::UNKNOWN_KIND, span, message).help(help));
            }
        }
    }
}

/// A parameter with its value.
#[derive(Debug)]
struct Given {
    name: Spanned<String>,
    value: Spanned<Json>,
}

/// A file that is being read.
struct File<'a> {
    reader: Reader<'a>,
    vocabulary: &'a Vocabulary,
}

impl File<'_> {
    fn error(&self, code: &'static str, span: &Span<usize>, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(code, self.reader.file(), span.clone(), message)
    }

    fn report(&self, mistake: Diagnostic) {
        self.reader.report(mistake);
    }

    fn named<T>(&self, name: Spanned<String>, body: T) -> Named<T> {
        Named { file: self.reader.file().to_owned(), name, body }
    }

    /// The type of a fact, if there is such a fact.
    fn fact(&self, name: &Spanned<String>) -> Option<&'static str> {
        let facts = &self.vocabulary.facts;
        let member = self.vocabulary.families.iter().find(|(family, _)| {
            let rest = name.value.strip_prefix(**family).and_then(|rest| rest.strip_prefix('.'));
            rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
        });
        if let Some((_, of)) = member {
            return Some(of);
        }
        if !facts.contains_key(name.value.as_str()) {
            let message = format!("there is no fact {}", quoted(&name.value));
            self.report(self.error(code::UNKNOWN_FACT, &name.span, message).did_you_mean(&name.value, facts.keys()));
        }
        facts.get(name.value.as_str()).copied()
    }

    /// Notes a component that has no instances.
    fn known_component(&self, name: &Spanned<String>, help: Option<&str>) {
        let components = &self.vocabulary.components;
        if !components.contains(name.value.as_str()) {
            let message = format!("there is no component {}", quoted(&name.value));
            let mistake = self.error(code::UNKNOWN_COMPONENT, &name.span, message);
            let mistake = Diagnostic { help: help.map(str::to_owned), ..mistake };
            self.report(mistake.did_you_mean(&name.value, components));
        }
    }

    /// A value as JSON: a scalar, a list or a map of them.
    fn literal(&self, node: &Node) -> Option<Json> {
        match &node.value {
            diag::Value::Scalar { .. } => node.scalar_json(),
            diag::Value::Seq(members) => {
                members.iter().map(|member| self.literal(member)).collect::<Option<Vec<_>>>().map(Json::Array)
            }
            diag::Value::Map(entries) => {
                let entry = |(key, node): &(diag::Key, Node)| Some((key.text.clone(), self.literal(node)?));
                entries.iter().map(entry).collect::<Option<_>>().map(Json::Object)
            }
            // Says that something is missing here, or nothing where that has been said.
            diag::Value::Null | diag::Value::Refused => self.reader.str(node).map(|text| Json::String(text.value)),
        }
    }

    fn parameters(&self, node: Option<&Node>) -> Vec<Given> {
        let entries = node.and_then(|node| self.reader.entries(node)).unwrap_or_default();
        let given = |(key, node): &(diag::Key, Node)| {
            let name = Spanned { value: key.text.clone(), span: key.span.clone() };
            Some(Given { name, value: Spanned { value: self.literal(node)?, span: node.span.clone() } })
        };
        entries.iter().filter_map(given).collect()
    }

    fn range(&self, text: &Spanned<String>) -> Option<Range> {
        let empty = |range: &Range| matches!((range.from, range.to), (Some(from), Some(to)) if from > to);
        let read = match text.value.parse::<Range>() {
            Ok(range) if empty(&range) => Err("no version lies in this range".to_owned()),
            read => read,
        };
        read.map_err(|why| self.report(self.error(code::WRONG_RANGE, &text.span, why))).ok()
    }
}

/// Texts without their places.
fn plain_texts(texts: Vec<Spanned<String>>) -> Vec<String> {
    texts.into_iter().map(|text| text.value).collect()
}

/// Keeps the first of each name, and notes the others.
fn distinct<T>(what: &str, all: Vec<Named<T>>, found: &mut Vec<Diagnostic>) -> Vec<Named<T>> {
    let mut kept: Vec<Named<T>> = Vec::new();
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for named in all {
        let name = &named.name;
        if let Some(file) = names.get(&name.value) {
            let message = format!("there is another {what} {}", quoted(&name.value));
            let mistake = Diagnostic::error(code::DUPLICATE_NAME, &named.file, name.span.clone(), message);
            found.push(mistake.help(format!("the first stands in {file}")));
        } else {
            names.insert(name.value.clone(), named.file.clone());
            kept.push(named);
        }
    }
    kept
}

/// Our own controls are there to be used; people may keep spare ones.
fn unused_controls(
    controls: &[Named<Option<control::Draft>>],
    drafts: &[Named<profile::Draft>],
    profiles: &[Profile],
    found: &mut Vec<Diagnostic>,
) {
    // Those of a row that could not be read whole are used as well.
    let rows = drafts.iter().flat_map(|profile| &profile.body.rows);
    let named = rows.filter_map(|row| Some(row.control.as_ref()?.value.as_str()));
    let cited = profiles.iter().flat_map(|profile| &profile.entries).map(|entry| entry.control.as_str());
    let used: BTreeSet<&str> = named.chain(cited).collect();
    let unused =
        |control: &&Named<_>| !used.contains(control.name.value.as_str()) && builtin::is_builtin(&control.file);
    for control in controls.iter().filter(unused) {
        let message = format!("no profile uses the control {}", quoted(&control.name.value));
        found.push(Diagnostic::warning(code::UNUSED_CONTROL, &control.file, control.name.span.clone(), message));
    }
}
