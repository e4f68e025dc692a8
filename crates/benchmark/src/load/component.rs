//! Reading a component's settings and their documented defaults.

use std::collections::BTreeSet;

use diag::{Fields, Node, Spanned, quoted};
use serde_json::Value as Json;

use super::shape::Shape;
use super::{File, Named, code};
use crate::{Component, Condition, DefaultRow, FlagRules, Kind, Range, Setting};

/// Components whose settings bear the names of fields of a configuration file and name their flags. The settings of
/// the others bear the names of flags and name their fields.
const NAMED_BY_FIELD: [&str; 2] = ["kubelet", "kube-proxy"];

const KINDS: &[(&str, Kind)] = &[
    ("bool", Kind::Bool),
    ("int", Kind::Int),
    ("text", Kind::Text),
    ("list", Kind::List),
    ("duration", Kind::Duration),
    ("gates", Kind::Gates),
];

pub(super) fn read(file: &File<'_>, node: &Node) -> Option<Named<Option<Component>>> {
    let mut fields = file.reader.map(node)?;
    let name = fields.required_str("component");
    if let Some(name) = &name {
        file.known_component(name, None);
    }
    let flags = fields.required_one_of("flags", &[("kubernetes", FlagRules::Kubernetes), ("go", FlagRules::Go)]);
    let by_field = name.as_ref().is_some_and(|name| NAMED_BY_FIELD.contains(&name.value.as_str()));
    let nodes = fields.required_list("settings").unwrap_or_default();
    fields.finish();

    let mut seen = BTreeSet::new();
    let settings: Vec<Setting> = nodes.iter().filter_map(|node| setting(file, node, by_field, &mut seen)).collect();
    let name = name?;
    let component = flags.map(|flags| Component { name: name.value.clone(), flags, settings });
    Some(file.named(name, component))
}

fn setting(file: &File<'_>, node: &Node, by_field: bool, seen: &mut BTreeSet<String>) -> Option<Setting> {
    let mut fields = file.reader.map(node)?;
    let name = fields.required_str("name");
    if let Some(name) = &name
        && !seen.insert(name.value.clone())
    {
        let message = format!("there is another setting {}", quoted(&name.value));
        file.report(file.error(code::DUPLICATE_NAME, &name.span, message));
    }
    let kind = kind(file, &mut fields);
    let own = name.as_ref().map(|name| name.value.clone());
    let (flag, field) = if by_field {
        let flag = fields.required_node("flag").and_then(|node| text_or_false(file, node));
        let field = fields.node("field").map_or(own, |node| text_or_false(file, node));
        (flag, field)
    } else {
        let flag = fields.node("flag").map_or(own, |node| text_or_false(file, node));
        (flag, fields.node("field").and_then(|node| text_or_false(file, node)))
    };
    let zero_means_default = fields.optional_one_of("zero", &[("default", true)]).unwrap_or(false);
    let defaults = defaults(file, &mut fields, kind);
    fields.finish();
    Some(Setting { name: name?.value, kind: kind?, flag, field, zero_means_default, defaults })
}

/// `type`, and for lists what a repeated flag does.
fn kind(file: &File<'_>, fields: &mut Fields<'_, '_>) -> Option<Kind> {
    let kind = fields.required_one_of("type", KINDS);
    let Some(at) = fields.node("repeat") else { return kind };
    let repeated = file.reader.one_of(at, &[("separate", Kind::Repeated), ("last", Kind::LastList)]);
    if kind.is_some_and(|kind| kind != Kind::List) {
        file.report(file.error(code::CONFLICT, &at.span, "`repeat` goes with the type `list` only"));
    }
    repeated
}

/// A name, or `false` for there is none.
fn text_or_false(file: &File<'_>, node: &Node) -> Option<String> {
    match node.scalar_json() {
        Some(Json::Bool(false)) => None,
        _ => file.reader.str(node).map(|text| text.value),
    }
}

/// A single `default` with its `source`, or a list of `defaults` that have their own.
fn defaults(file: &File<'_>, fields: &mut Fields<'_, '_>, kind: Option<Kind>) -> Vec<DefaultRow> {
    let single = fields.node("default");
    let Some(rows) = fields.node("defaults") else {
        let source = fields.required_str("source");
        let value = single.and_then(|node| value(file, node, kind));
        let row = |(value, source): (Json, Spanned<String>)| DefaultRow {
            versions: Range::default(),
            own_versions: false,
            when: None,
            value: Some(value),
            source: source.value,
        };
        return value.zip(source).map(row).into_iter().collect();
    };
    if let Some(single) = single {
        file.report(file.error(code::CONFLICT, &single.span, "a setting has `default` or `defaults`, and not both"));
    }
    let rows = file.reader.list(rows).unwrap_or_default();
    rows.iter().filter_map(|node| default_row(file, node, kind)).collect()
}

fn default_row(file: &File<'_>, node: &Node, kind: Option<Kind>) -> Option<DefaultRow> {
    let mut fields = file.reader.map(node)?;
    let kubernetes = fields.optional_str("kubernetes");
    let etcd = fields.optional_str("etcd");
    if let (Some(_), Some(etcd)) = (&kubernetes, &etcd) {
        file.report(file.error(code::CONFLICT, &etcd.span, "a row is bound by `kubernetes` or `etcd`, and not both"));
    }
    let conditions = [("config-file", Condition::ConfigFile), ("no-config-file", Condition::NoConfigFile)];
    let when = fields.optional_one_of("when", &conditions);
    let given = fields.required_node("value");
    // A row without a value says that these versions have no default.
    let value = given.filter(|node| node.value != diag::Value::Null).map(|node| value(file, node, kind));
    let source = fields.required_str("source");
    fields.finish();
    let own_versions = etcd.is_some();
    let versions = match kubernetes.or(etcd) {
        Some(range) => file.range(&range)?,
        None => Range::default(),
    };
    let value = match value {
        Some(read) => Some(read?),
        None => None,
    };
    given?;
    Some(DefaultRow { versions, own_versions, when, value, source: source?.value })
}

fn value(file: &File<'_>, node: &Node, kind: Option<Kind>) -> Option<Json> {
    let value = file.literal(node)?;
    if let Some(shape) = kind.map(Shape::from).filter(|shape| !shape.holds(&value)) {
        file.report(file.error(code::WRONG_VALUE, &node.span, format!("expected {}", shape.words())));
    }
    Some(value)
}
