//! The built-in content against the catalogue: every fact, set and setting that is named exists.

use std::collections::BTreeSet;

use assess::Type;
use benchmark::Kind;

#[test]
fn the_built_in_content_has_no_mistake() {
    let mut sources = diag::Sources::default();
    let (_, diagnostics) = benchmark::load(&benchmark::builtin_files(), &assess::vocabulary(), &mut sources);
    assert!(diagnostics.is_empty(), "{}", diag::render(&diagnostics, &sources, false));
}

#[test]
fn facts_are_named_once() {
    let mut names = BTreeSet::new();
    for fact in assess::catalogue() {
        assert!(names.insert(fact.name), "{} stands twice", fact.name);
    }
}

#[test]
fn every_setting_behind_a_fact_is_documented() {
    let (content, _) =
        benchmark::load(&benchmark::builtin_files(), &assess::vocabulary(), &mut diag::Sources::default());
    for fact in assess::catalogue() {
        for setting in fact.settings() {
            let component = content.component(fact.component().unwrap_or_default());
            assert!(
                component.setting(setting).is_some(),
                "benchmarks/defaults does not have {setting}, which {} needs",
                fact.name
            );
        }
    }
}

#[test]
fn trails_have_a_fixed_order() {
    let (content, _) =
        benchmark::load(&benchmark::builtin_files(), &assess::vocabulary(), &mut diag::Sources::default());
    assert_eq!(assess::trails(&content), assess::trails(&content));
    assert!(assess::trails(&content).len() > 60);
}

#[test]
fn a_plain_fact_has_the_type_of_its_setting() {
    let (content, _) =
        benchmark::load(&benchmark::builtin_files(), &assess::vocabulary(), &mut diag::Sources::default());
    for fact in assess::catalogue() {
        let Some(setting) = fact.plain_setting().and_then(|name| content.component(fact.component()?).setting(name))
        else {
            continue;
        };
        let fits = match setting.kind {
            Kind::Bool => fact.kind == Type::Bool,
            Kind::Int => fact.kind == Type::Int,
            Kind::Duration => fact.kind == Type::Duration,
            Kind::Text => fact.kind == Type::Text,
            Kind::List | Kind::LastList | Kind::Repeated | Kind::Gates => fact.kind == Type::List,
        };
        assert!(fits, "{} is {:?}, its setting is {:?}", fact.name, fact.kind, setting.kind);
    }
}
