//! The built-in content, and what is promised of any.

mod mistakes;
mod selecting;
mod tailoring;

use std::path::Path;
use std::sync::LazyLock;

use diag::render_short;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::json;

use super::*;
use crate::{Assessment, Component, Condition, Default, DefaultRow, Kind, Operator, Setting, Version, builtin_files};

/// The facts, sets and components that files speak of, with a type that suits how each fact is compared. Whether they
/// are the facts that there are is checked where the facts are.
fn spoken_of(files: &[(String, String)]) -> Vocabulary {
    let mut vocabulary = Vocabulary::default();
    let mut guesses: BTreeMap<&'static str, &'static str> = BTreeMap::new();
    for (name, text) in files {
        if let (Some(tree), _) = yaml::parse(name, text) {
            gather(&tree, &mut vocabulary, &mut guesses);
        }
    }
    guesses.extend(std::mem::take(&mut vocabulary.facts));
    vocabulary.facts = guesses;
    // The kernel's names are without number, and its versions are compared in a way of their own.
    let families = ["config", "cmdline", "sysctl"].map(|family| (&*format!("kernel.{family}").leak(), "scalar"));
    vocabulary.families = families.into();
    vocabulary.facts.extend([("kernel.version", "version"), ("kernel.talos-version", "version")]);
    vocabulary
}

/// What the members of a set are, as far as its name tells.
fn members(set: &str) -> &'static str {
    match set {
        "cluster.namespaces" => "namespace",
        "rbac.wildcard-roles" => "role",
        "rbac.default-accounts" => "service account",
        set if set.starts_with("rbac.") => "subject",
        _ => "file",
    }
}

fn gather(node: &Node, vocabulary: &mut Vocabulary, guesses: &mut BTreeMap<&'static str, &'static str>) {
    let text = |node: &Node| match &node.value {
        diag::Value::Scalar { text, .. } => Some(&*text.clone().leak()),
        _ => None,
    };
    match &node.value {
        diag::Value::Seq(nodes) => nodes.iter().for_each(|node| gather(node, vocabulary, guesses)),
        diag::Value::Map(entries) => {
            let get = |name: &str| entries.iter().find(|(key, _)| key.text == name).map(|(_, node)| node);
            vocabulary.sets.extend(get("for_each").and_then(text).map(|set| (set, members(set))));
            vocabulary.components.extend(get("component").and_then(text));
            if let Some(diag::Value::Map(places)) = get("places").map(|node| &node.value) {
                vocabulary.roles.extend(places.iter().map(|(role, _)| &*role.text.clone().leak()));
            }
            if let Some(diag::Value::Seq(facts)) = get("observe").map(|node| &node.value) {
                guesses.extend(facts.iter().filter_map(text).map(|fact| (fact, "text")));
            }
            if let Some(fact) = get("fact").and_then(text) {
                let compared = Operator::ALL.iter().find_map(|(word, operator)| Some((*operator, get(word)?)));
                match compared.and_then(|(operator, operand)| type_of(operator, operand)) {
                    Some(of) => _ = vocabulary.facts.insert(fact, of),
                    None => _ = guesses.insert(fact, "text"),
                }
            }
            for (_, node) in entries {
                gather(node, vocabulary, guesses);
            }
        }
        _ => {}
    }
}

fn type_of(operator: Operator, operand: &Node) -> Option<&'static str> {
    match (operator, operand.scalar_json()) {
        (Operator::Equals, None) if matches!(operand.value, diag::Value::Seq(_)) => Some("list"),
        (Operator::Equals, Some(Json::Bool(_))) => Some("bool"),
        (Operator::Equals | Operator::AtLeast, Some(Json::Number(_))) => Some("int"),
        (Operator::AtLeast, Some(Json::String(text))) => Some(if text.starts_with('$') { "int" } else { "duration" }),
        (Operator::Contains | Operator::Excludes | Operator::Within | Operator::Disjoint, _) => Some("list"),
        (Operator::ModeWithin, _) => Some("mode"),
        (Operator::OwnedBy, _) => Some("owner"),
        _ => None,
    }
}

fn builtin() -> Content {
    let files = builtin_files();
    let mut sources = Sources::default();
    let (content, found) = load(&files, &spoken_of(&files), &mut sources);
    assert_eq!(render_short(&found, &sources), "");
    content
}

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

#[test]
fn the_builtin_content_is_sound() {
    let content = builtin();
    let names = |profile: &crate::Profile| profile.name.clone();
    let profiles: Vec<String> = content.profiles.iter().map(names).collect();
    assert_eq!(
        profiles,
        ["cis-1.9", "cis-1.10", "cis-1.11", "cis-1.12", "cis-2.0.1", "kspp", "node-kernel", "talos", "talos-kernel"]
    );
    for profile in &content.profiles {
        for entry in &profile.entries {
            assert!(content.control(&entry.control).is_some(), "{} {}", profile.name, entry.id);
        }
    }
    assert_eq!(content.platform("kubeadm").unwrap().places("manifests"), ["/etc/kubernetes/manifests"]);
    assert!(content.control("no-such").is_none() && content.profile("no-such").is_none());
    assert_eq!(content.component("no-such").settings, []);
}

#[test]
fn profiles_have_the_ids_levels_and_assessments_that_were_published() {
    let content = builtin();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/facts/levels.tsv");
    let table = std::fs::read_to_string(path).unwrap();
    for name in ["cis-1.10", "cis-1.11", "cis-1.12", "cis-2.0.1"] {
        let published = table.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('\t'));
        let loaded = content.profile(name).unwrap().entries.iter().map(|entry| {
            let assessment = if entry.assessment == Assessment::Manual { "manual" } else { "automated" };
            format!("{}\t{}\t{assessment}", entry.id, entry.level)
        });
        let (mut published, loaded): (Vec<&str>, Vec<String>) = (published.collect(), loaded.collect());
        published.sort_by_cached_key(|line| id_order(line.split('\t').next().unwrap()));
        assert!(published.len() > 100, "{name}");
        assert_eq!(loaded, published, "{name}");
    }
    let ids =
        |name: &str| content.profile(name).unwrap().entries.iter().map(|entry| entry.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids("cis-1.9"), ids("cis-1.10"));
}

#[test]
fn what_is_extended_is_worked_in() {
    let content = builtin();
    let (newest, oldest) = (content.profile("cis-2.0.1").unwrap(), content.profile("cis-1.9").unwrap());
    assert_eq!(oldest.extends, ["cis-1.10", "cis-1.11", "cis-1.12", "cis-2.0.1"]);
    assert_eq!((&oldest.not_covered, oldest.tailored.as_ref()), (&newest.not_covered, None));
    assert!(!oldest.notes.iter().any(|note| newest.notes[..1].contains(note)), "remarks are not inherited");
    assert_eq!(oldest.entry("1.1.20").unwrap().parameters["mode"], json!("600"));
    assert_eq!(newest.entry("1.1.20").unwrap().parameters.get("mode"), None);
    assert_eq!(oldest.entry("5.6.1"), None);
    assert_eq!(oldest.section("5.7.1").unwrap().id, "5.7");
    let sections: Vec<&str> = oldest.sections.iter().map(|section| section.id.as_str()).collect();
    assert_eq!(sections[sections.len() - 3..], ["5.5", "5.6", "5.7"]);
}

#[test]
fn a_digest_tells_demands_apart_and_nothing_else() {
    let content = builtin();
    let profile = content.profile("cis-1.12").unwrap();
    let digest = content.digest_of(profile);
    assert_eq!(digest.len(), 64);
    assert_ne!(digest, content.digest_of(content.profile("cis-2.0.1").unwrap()), "one level differs");

    let mut renamed = profile.clone();
    renamed.name = "other".to_owned();
    renamed.notes.clear();
    let mut reworded = content.clone();
    for control in &mut reworded.controls {
        control.title.clear();
        control.why.clear();
        control.remediation.clear();
    }
    assert_eq!(reworded.digest_of(&renamed), digest);

    let mut stricter = profile.clone();
    stricter.entries[0].parameters.insert("mode".to_owned(), json!("400"));
    assert_ne!(content.digest_of(&stricter), digest);
    let mut spelled_out = profile.clone();
    spelled_out.entries[0].parameters.insert("mode".to_owned(), json!("600"));
    assert_eq!(content.digest_of(&spelled_out), digest, "the control's own bound, written out");
    let mut looser = content.clone();
    for control in &mut looser.controls {
        control.when = None;
    }
    assert_ne!(looser.digest_of(profile), digest);
}

/// The value of a default, `unset`, `differs` or `unknown`.
fn told(content: &Content, component: &str, setting: &str, kubernetes: Option<&str>, config_file: bool) -> String {
    let setting = content.component(component).setting(setting).unwrap();
    match setting.default_for(kubernetes.map(version), config_file) {
        Default::Unset => "unset".to_owned(),
        Default::Row(row) => row.value.as_ref().map_or("none".to_owned(), crate::plain),
        Default::Differs(_) => "differs".to_owned(),
        Default::Unknown => "unknown".to_owned(),
    }
}

#[test]
fn defaults_depend_on_version_and_condition() {
    let content = builtin();
    for (component, setting, kubernetes, config_file, expected) in [
        ("kube-apiserver", "anonymous-auth", None, false, "true"),
        ("kube-apiserver", "token-auth-file", Some("1.36"), false, "unset"),
        ("kube-apiserver", "audit-log-maxage", Some("1.35"), false, "0"),
        ("kube-apiserver", "audit-log-maxage", Some("1.36"), false, "366"),
        ("kube-apiserver", "audit-log-maxage", None, false, "differs"),
        ("kube-apiserver", "default-admission-plugins", Some("1.26"), false, "unknown"),
        ("kubelet", "authentication.anonymous.enabled", None, true, "false"),
        ("kubelet", "authentication.anonymous.enabled", None, false, "true"),
        ("kubelet", "readOnlyPort", Some("1.30"), false, "10255"),
        ("kubelet", "featureGates", None, true, r#"{"RotateKubeletServerCertificate":true}"#),
        ("etcd", "client-cert-auth", Some("1.30"), false, "false"),
        ("etcd", "cipher-suites", Some("1.36"), false, "differs"),
    ] {
        assert_eq!(told(&content, component, setting, kubernetes, config_file), expected, "{component} {setting}");
    }
}

#[test]
fn settings_have_their_flags_and_fields() {
    let content = builtin();
    for (component, setting, kind, flag, field) in [
        ("kube-apiserver", "anonymous-auth", Kind::Bool, Some("anonymous-auth"), None),
        ("kube-apiserver", "default-admission-plugins", Kind::List, None, None),
        ("kube-apiserver", "service-account-key-file", Kind::Repeated, Some("service-account-key-file"), None),
        ("kube-scheduler", "profiling", Kind::Bool, Some("profiling"), Some("enableProfiling")),
        ("kubelet", "config", Kind::Text, Some("config"), None),
        ("kubelet", "seccompDefault", Kind::Bool, None, Some("seccompDefault")),
        ("kubelet", "podPidsLimit", Kind::Int, Some("pod-max-pids"), Some("podPidsLimit")),
        ("kube-proxy", "metricsBindAddress", Kind::Text, Some("metrics-bind-address"), Some("metricsBindAddress")),
        ("kube-proxy", "metrics-port", Kind::Int, Some("metrics-port"), None),
        ("etcd", "listen-client-urls", Kind::LastList, Some("listen-client-urls"), Some("listen-client-urls")),
        ("etcd", "config-file", Kind::Text, Some("config-file"), None),
    ] {
        let found = content.component(component).setting(setting).unwrap();
        let found = (found.kind, found.flag.as_deref(), found.field.as_deref());
        assert_eq!(found, (kind, flag, field), "{component} {setting}");
    }
    let component: &Component = content.component("kubelet");
    assert_eq!(component.by_flag("pod-max-pids").map(|setting| setting.name.as_str()), Some("podPidsLimit"));
}

#[test]
fn rows_of_a_components_own_versions_never_decide() {
    let row = |own_versions, when| DefaultRow {
        versions: ">=3.6".parse().unwrap(),
        own_versions,
        when,
        value: Some(json!("a")),
        source: String::new(),
    };
    let setting = |defaults| Setting {
        name: "x".to_owned(),
        kind: Kind::Text,
        flag: None,
        field: None,
        zero_means_default: false,
        defaults,
    };
    let own = setting(vec![row(true, None)]);
    assert!(matches!(own.default_for(Some(version("1.36")), false), Default::Differs(rows) if rows.len() == 1));
    assert!(matches!(own.default_for(None, false), Default::Differs(_)));
    let conditional = setting(vec![row(true, Some(Condition::ConfigFile))]);
    assert_eq!(conditional.default_for(None, false), Default::Unknown);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is done to a file, there is an answer; and if it is that nothing is wrong, every id leads to a control.
    #[test]
    fn broken_files_are_answered(
        file in any::<Index>(), from in any::<Index>(), length in 0..400_usize, word in "[a-z:$\\[{ \n-]{0,9}",
    ) {
        static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(|| spoken_of(&builtin_files()));
        let mut files = builtin_files();
        let text = &mut file.get_mut(&mut files).1;
        let start = text.floor_char_boundary(from.index(text.len()));
        let end = text.ceil_char_boundary((start + length).min(text.len()));
        text.replace_range(start..end, &word);
        let (content, found) = load(&files, &VOCABULARY, &mut Sources::default());
        for profile in content.profiles.iter().filter(|_| !diag::has_errors(&found)) {
            for entry in &profile.entries {
                prop_assert!(content.control(&entry.control).is_some());
            }
        }
    }
}
