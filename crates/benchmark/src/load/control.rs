//! Reading controls.

use std::collections::BTreeMap;

use diag::{Diagnostic, Fields, Node, Spanned, quoted};

use super::requirement::{Requirements, Role, asked_of, misfit};
use super::shape::Slot;
use super::{File, Given, Named, code};
use crate::{Control, Equivalent, Fix, Judge, Need, Priority, Requirement};

/// A title longer than this does not fit a line of a report.
const LONGEST_TITLE: usize = 90;

const PRIORITIES: &[(&str, Priority)] = &[
    ("critical", Priority::Critical),
    ("high", Priority::High),
    ("medium", Priority::Medium),
    ("low", Priority::Low),
    ("contextual", Priority::Contextual),
];

/// A control, and the places that its parameters are put in: what a profile sets must fit them.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) control: Control,
    pub(super) places: Vec<(String, Slot)>,
}

impl Draft {
    /// What is expected of a parameter, if a value does not fit.
    pub(super) fn misfit(&self, given: &Given) -> Option<&'static str> {
        let places = self.places.iter().filter(|(name, _)| *name == given.name.value);
        places.map(|(_, slot)| *slot).find_map(|slot| misfit(Some(slot), &given.value.value))
    }
}

/// What every control of a file has that does not say otherwise.
#[derive(Default)]
struct Shared {
    component: Option<Spanned<String>>,
    not_applicable: Option<String>,
    remediation: BTreeMap<String, String>,
}

pub(super) fn read(file: &File<'_>, node: &Node) -> Vec<Named<Option<Draft>>> {
    let Some(mut fields) = file.reader.map(node) else { return Vec::new() };
    let shared = fields.node("shared").and_then(|node| shared(file, node)).unwrap_or_default();
    let nodes = fields.required_list("controls").unwrap_or_default();
    fields.finish();
    nodes.iter().filter_map(|node| control(file, node, &shared)).collect()
}

fn shared(file: &File<'_>, node: &Node) -> Option<Shared> {
    let mut fields = file.reader.map(node)?;
    let shared = Shared {
        component: fields.optional_str("component"),
        not_applicable: fields.optional_str("not_applicable").map(|said| said.value),
        remediation: fields.node("remediation").map(|node| remediation(file, node)).unwrap_or_default(),
    };
    fields.finish();
    Some(shared)
}

fn control(file: &File<'_>, node: &Node, shared: &Shared) -> Option<Named<Option<Draft>>> {
    let mut fields = file.reader.map(node)?;
    let name = fields.required_str("control");
    let title = title(file, &mut fields);
    let component = match (fields.node("component"), &shared.component) {
        (None, Some(shared)) => Some(shared.clone()),
        _ => fields.required_str("component"),
    };
    let priority = fields.required_one_of("priority", PRIORITIES);
    let tags = fields.optional_str_list("tags").map(super::plain_texts).unwrap_or_default();
    let given = file.parameters(fields.node("parameters"));
    let for_each = for_each(file, &mut fields);

    let members = for_each.as_ref().map(|set| file.vocabulary.sets.get(set.as_str()).copied().unwrap_or_default());
    let mut requirements = Requirements { file, members, uses: Vec::new() };
    let (when, not_applicable) = applicability(&mut requirements, &mut fields, shared);
    let (judge, reach) = judge(&mut requirements, &mut fields);
    let equivalent = equivalent(&mut requirements, &mut fields);
    let uses = requirements.uses;

    let set = fields.optional_str("set").map(|set| set.value);
    let instead = fields.optional_str("instead").map(|instead| instead.value);
    let observe = observe(file, &mut fields, for_each.is_some());
    let why = fields.required_str("why");
    let fix = fix(file, &mut fields, judge.as_ref(), &equivalent);
    let remediation = match fields.node("remediation") {
        Some(node) => remediation(file, node),
        None if !shared.remediation.is_empty() => shared.remediation.clone(),
        None => {
            fields.required_node("remediation");
            BTreeMap::new()
        }
    };
    fields.finish();

    // Without files or objects to go through, the instances of the component are asked.
    if let (Some(component), None, None) = (&component, &for_each, reach) {
        file.known_component(component, Some("without `for_each` or `reach`, running instances are asked"));
    }
    check_uses(file, &given, &uses);
    // A requirement that could not be read may well be the one that uses a parameter.
    if judge.is_some() {
        let lines = [&set, &instead].into_iter().flatten().cloned().collect::<Vec<_>>().join(" ");
        check_used(file, &given, &uses, &lines);
    }

    let name = name?;
    let places = uses.into_iter().filter_map(|(name, slot)| Some((name.value, slot?))).collect();
    let draft = || {
        let control = Control {
            name: name.value.clone(),
            title: title?,
            component: component?.value,
            priority: priority?,
            tags,
            parameters: given.into_iter().map(|given| (given.name.value, given.value.value)).collect(),
            when,
            not_applicable,
            for_each,
            judge: judge?,
            equivalent,
            observe,
            reach,
            why: why?.value,
            set,
            instead,
            remediation,
            fix,
        };
        Some(Draft { control, places })
    };
    let draft = draft();
    Some(file.named(name, draft))
}

fn title(file: &File<'_>, fields: &mut Fields<'_, '_>) -> Option<String> {
    let title = fields.required_str("title")?;
    let length = title.value.chars().count();
    if length > LONGEST_TITLE {
        let message = format!("the title has {length} characters, and reports have room for {LONGEST_TITLE}");
        file.report(Diagnostic::warning(code::LONG_TITLE, file.reader.file(), title.span, message));
    }
    Some(title.value)
}

fn for_each(file: &File<'_>, fields: &mut Fields<'_, '_>) -> Option<String> {
    let set = fields.optional_str("for_each")?;
    let sets = &file.vocabulary.sets;
    if !sets.contains_key(set.value.as_str()) {
        let message = format!("there is no set {}", quoted(&set.value));
        file.report(file.error(code::UNKNOWN_SET, &set.span, message).did_you_mean(&set.value, sets.keys()));
    }
    Some(set.value)
}

/// `when` and what is said where it does not hold belong together.
fn applicability(
    requirements: &mut Requirements<'_, '_>,
    fields: &mut Fields<'_, '_>,
    shared: &Shared,
) -> (Option<Requirement>, Option<String>) {
    let file = requirements.file;
    let when = fields.node("when");
    let not_applicable = fields.optional_str("not_applicable");
    match (when, &not_applicable) {
        (Some(when), None) if shared.not_applicable.is_none() => {
            let message = "`when` needs `not_applicable`: what is said where it does not hold";
            file.report(file.error(code::CONFLICT, &when.span, message));
        }
        (None, Some(said)) => {
            let message = "`not_applicable` needs `when`: where the control applies";
            file.report(file.error(code::CONFLICT, &said.span, message));
        }
        _ => {}
    }
    let own = not_applicable.map(|said| said.value);
    let said = own.or_else(|| when.and_then(|_| shared.not_applicable.clone()));
    let when = when.and_then(|when| requirements.read(when, Role::Applies));
    (when, said)
}

/// Either `require` or `manual`; `reach` goes with the latter only.
fn judge(requirements: &mut Requirements<'_, '_>, fields: &mut Fields<'_, '_>) -> (Option<Judge>, Option<Need>) {
    let file = requirements.file;
    let (require, manual) = (fields.node("require"), fields.node("manual"));
    let reach_at = fields.node("reach");
    let reach = reach_at.and_then(|node| file.reader.one_of(node, &[("kubernetes-api", Need::KubernetesApi)]));
    match (require, manual) {
        (Some(_), Some(manual)) => {
            let message = "a control has `require` or `manual`, and not both";
            file.report(file.error(code::CONFLICT, &manual.span, message));
        }
        (None, None) => {
            let message = "a control needs `require` (evidence decides) or `manual` (a person does)";
            file.report(file.error(code::REQUIREMENT, &fields.span(), message));
        }
        _ => {}
    }
    if let (Some(_), Some(at)) = (require, reach_at) {
        let message = "`reach` goes with `manual` only: the facts of `require` say by themselves what must be seen";
        file.report(file.error(code::CONFLICT, &at.span, message));
    }
    let require = require.and_then(|node| requirements.read(node, Role::Decides)).map(Judge::Require);
    let manual = manual.and_then(|node| {
        let mut fields = file.reader.map(node)?;
        let question = fields.required_str("question");
        let unless = fields.node("unless").and_then(|node| requirements.read(node, Role::Decides));
        fields.finish();
        Some(Judge::Manual { question: question?.value, unless })
    });
    (require.or(manual), reach)
}

fn equivalent(requirements: &mut Requirements<'_, '_>, fields: &mut Fields<'_, '_>) -> Vec<Equivalent> {
    let nodes = fields.optional_list("equivalent").unwrap_or_default();
    let read = |node| {
        let mut fields = requirements.file.reader.map(node)?;
        let require = fields.required_node("require").and_then(|node| requirements.read(node, Role::Decides));
        let because = fields.required_str("because");
        fields.finish();
        Some(Equivalent { require: require?, because: because?.value })
    };
    nodes.iter().filter_map(read).collect()
}

/// A fix speaks of facts that the control demands something of, or leaves everything to a person.
fn fix(file: &File<'_>, fields: &mut Fields<'_, '_>, judge: Option<&Judge>, ways: &[Equivalent]) -> Fix {
    let Some(mut fields) = fields.optional_map("fix") else { return Fix::default() };
    let (at, by_hand) = (fields.span(), fields.optional_bool("by_hand").unwrap_or_default());
    let given = file.parameters(fields.node("set"));
    let beware = fields.optional_str("beware").map(|beware| beware.value);
    fields.finish();
    if by_hand && !given.is_empty() {
        file.report(file.error(code::CONFLICT, &at, "what is settled by hand has nothing to `set`"));
    }
    let Some(judge) = judge else { return Fix::default() };
    let required = match judge {
        Judge::Require(requirement) => Some(requirement),
        Judge::Manual { unless, .. } => unless.as_ref(),
    };
    let parts = required.into_iter().chain(ways.iter().map(|way| &way.require));
    let facts: Vec<&str> =
        parts.flat_map(Requirement::comparisons).map(|(comparison, _)| comparison.fact.as_str()).collect();
    for Given { name, .. } in given.iter().filter(|given| !facts.contains(&given.name.value.as_str())) {
        let message = format!("the control demands nothing of {}", quoted(&name.value));
        let known = facts.iter().copied();
        file.report(file.error(code::UNKNOWN_FACT, &name.span, message).did_you_mean(&name.value, known));
    }
    let values = given.into_iter().map(|given| (given.name.value, given.value.value)).collect();
    Fix { by_hand, values, beware }
}

fn observe(file: &File<'_>, fields: &mut Fields<'_, '_>, has_members: bool) -> Vec<String> {
    let facts = fields.optional_str_list("observe").unwrap_or_default();
    for fact in &facts {
        if let (Some(_), Some(member), false) = (file.fact(fact), asked_of(&fact.value), has_members) {
            let message = format!("{} is asked of a {member}, and there is none here", quoted(&fact.value));
            file.report(file.error(code::WRONG_SUBJECT, &fact.span, message));
        }
    }
    super::plain_texts(facts)
}

fn remediation(file: &File<'_>, node: &Node) -> BTreeMap<String, String> {
    let entries = file.reader.entries(node).unwrap_or_default();
    if matches!(node.value, diag::Value::Map(_)) && !entries.iter().any(|(key, _)| key.text == "general") {
        let message = "missing field `general`: advice that holds on every platform";
        let span = entries.first().map_or(&node.span, |(key, _)| &key.span);
        file.report(file.error(diag::code::MISSING_FIELD, span, message));
    }
    entries.iter().filter_map(|(key, text)| Some((key.text.clone(), file.reader.str(text)?.value))).collect()
}

/// Parameters that are referred to are declared, and fit.
fn check_uses(file: &File<'_>, given: &[Given], uses: &[(Spanned<String>, Option<Slot>)]) {
    for (name, slot) in uses {
        let Some(parameter) = given.iter().find(|given| given.name.value == name.value) else {
            let message = format!("there is no parameter {}", quoted(&name.value));
            let names = given.iter().map(|given| given.name.value.as_str());
            file.report(file.error(code::UNKNOWN_PARAMETER, &name.span, message).did_you_mean(&name.value, names));
            continue;
        };
        if let Some(expected) = misfit(*slot, &parameter.value.value) {
            file.report(file.error(code::WRONG_VALUE, &parameter.value.span, format!("expected {expected}")));
        }
    }
}

/// Parameters that are declared are referred to.
fn check_used(file: &File<'_>, given: &[Given], uses: &[(Spanned<String>, Option<Slot>)], lines: &str) {
    for Given { name, .. } in given {
        let told = lines.contains(&format!("${}", name.value));
        if !told && !uses.iter().any(|(used, _)| used.value == name.value) {
            let message = format!("nothing refers to the parameter {}", quoted(&name.value));
            let help = format!("refer to it as `${}`, or remove it", name.value);
            file.report(file.error(code::UNUSED_PARAMETER, &name.span, message).help(help));
        }
    }
}
