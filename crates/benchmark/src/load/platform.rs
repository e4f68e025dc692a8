//! Reading a platform.

use std::collections::BTreeMap;

use diag::{Diagnostic, Fields, Node, Spanned, quoted};

use super::{File, Named, code, plain_texts};
use crate::{Explanation, Marks, Platform};

/// A platform, and the names of controls that it speaks of.
#[derive(Debug)]
pub(super) struct Draft {
    /// None: it could not be read.
    pub(super) platform: Option<Platform>,
    named: Vec<Spanned<String>>,
}

pub(super) fn read(file: &File<'_>, node: &Node) -> Option<Named<Draft>> {
    let mut fields = file.reader.map(node)?;
    let name = fields.required_str("platform");
    let title = fields.required_str("title");
    let provider = fields.optional_str("provider").map(|text| text.value);
    let attests = fields.optional_str_list("attests").map(plain_texts).unwrap_or_default();
    let nodes = marks(file, &mut fields);
    let roles = fields.required_node("places").and_then(|node| file.reader.entries(node)).unwrap_or_default();
    for (role, _) in roles {
        let known = &file.vocabulary.roles;
        if !known.contains(role.text.as_str()) {
            let mistake =
                file.error(code::UNKNOWN_ROLE, &role.span, format!("there is no role {}", quoted(&role.text)));
            file.report(mistake.did_you_mean(&role.text, known));
        }
    }
    let places =
        roles.iter().filter_map(|(role, places)| Some((role.text.clone(), plain_texts(file.reader.str_list(places)?))));
    let places = places.collect();
    let owners = owners(file, &mut fields, "owners");
    let accounts = owners_of_components(file, &mut fields);
    let checked = fields.optional_str("checked").map(|text| text.value);
    let (explains, named) = explains(file, &mut fields);
    let sources = fields.required_str_list("sources");
    fields.finish();
    let name = name?;
    let platform = title.zip(sources).map(|(title, sources)| Platform {
        name: name.value.clone(),
        title: title.value,
        provider,
        attests,
        nodes,
        places,
        owners,
        accounts,
        checked,
        explains,
        sources: plain_texts(sources),
    });
    Some(file.named(name, Draft { platform, named }))
}

fn marks(file: &File<'_>, fields: &mut Fields<'_, '_>) -> Marks {
    let Some(mut fields) = fields.node("nodes").and_then(|node| file.reader.map(node)) else { return Marks::default() };
    let mut list = |name| fields.optional_str_list(name).map(plain_texts).unwrap_or_default();
    let marks = Marks { kubelet: list("kubelet"), labels: list("labels"), os: list("os") };
    fields.finish();
    marks
}

/// A map to owners, each `uid:gid` by number: names would be those of some machine's accounts.
fn owners(file: &File<'_>, fields: &mut Fields<'_, '_>, field: &'static str) -> BTreeMap<String, String> {
    let entries = fields.node(field).and_then(|node| file.reader.entries(node)).unwrap_or_default();
    let owner = |(key, node): &(diag::Key, Node)| {
        let text = file.reader.str(node)?;
        let number = |part: &str| part.parse::<u32>().is_ok();
        if !text.value.split_once(':').is_some_and(|(user, group)| number(user) && number(group)) {
            let message = format!("{} is no owner by number, as in \"60:60\"", quoted(&text.value));
            file.report(file.error(code::WRONG_VALUE, &text.span, message));
            return None;
        }
        Some((key.text.clone(), text.value))
    };
    entries.iter().filter_map(owner).collect()
}

fn owners_of_components(file: &File<'_>, fields: &mut Fields<'_, '_>) -> BTreeMap<String, String> {
    let entries = fields.node("accounts").and_then(|node| file.reader.entries(node)).unwrap_or_default();
    for (key, _) in entries {
        file.known_component(&Spanned { value: key.text.clone(), span: key.span.clone() }, None);
    }
    owners(file, fields, "accounts")
}

fn explains(file: &File<'_>, fields: &mut Fields<'_, '_>) -> (Vec<Explanation>, Vec<Spanned<String>>) {
    let mut named = Vec::new();
    let mut explained = Vec::new();
    for node in fields.optional_list("explains").unwrap_or_default() {
        let Some(mut entry) = file.reader.map(node) else { continue };
        let controls = entry.required_str_list("controls");
        let text = entry.required_str("text");
        entry.finish();
        if let (Some(controls), Some(text)) = (controls, text) {
            named.extend(controls.iter().cloned());
            explained.push(Explanation { controls: plain_texts(controls), text: text.value });
        }
    }
    (explained, named)
}

/// Checks that a platform speaks only of controls that there are, and of each once.
pub(super) fn check(draft: &Named<Draft>, known: &[&str], found: &mut Vec<Diagnostic>) {
    let mut before: Vec<&str> = Vec::new();
    for name in &draft.body.named {
        if !known.contains(&name.value.as_str()) {
            let message = format!("there is no control {}", quoted(&name.value));
            let mistake = Diagnostic::error(code::UNKNOWN_CONTROL, &draft.file, name.span.clone(), message);
            found.push(mistake.did_you_mean(&name.value, known));
        } else if before.contains(&name.value.as_str()) {
            let message = format!("{} is explained twice", quoted(&name.value));
            found.push(Diagnostic::error(code::DUPLICATE_NAME, &draft.file, name.span.clone(), message));
        }
        before.push(&name.value);
    }
}
