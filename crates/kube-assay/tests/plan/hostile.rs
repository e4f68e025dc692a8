//! What a node or a forged report says ends up in a plan as text, and does nothing.

use std::sync::OnceLock;

use benchmark::{Content, Judge};
use plan::Plan;
use proptest::prelude::*;
use report::{Report, State};
use serde_json::Value as Json;

use crate::{common, hand, judged};

fn content() -> &'static Content {
    static CONTENT: OnceLock<Content> = OnceLock::new();
    CONTENT.get_or_init(common::content)
}

fn stock() -> &'static Report {
    static REPORT: OnceLock<Report> = OnceLock::new();
    REPORT.get_or_init(|| judged(&common::recording("kubeadm-v1.36"), content()))
}

/// Nothing in a plan steers a terminal, leaves its place in a file, or reads back as something else.
fn is_inert(plan: &Plan) {
    let steers = |text: &str| text.lines().any(|line| report::inert(line) != line);
    for text in [plan::terminal(plan, 80), plan::markdown(plan), plan::json(plan)] {
        assert!(!steers(&text), "{text}");
    }
    for patch in &plan.patches {
        let name = |letter: char| letter.is_ascii_alphanumeric() || "-.".contains(letter);
        assert!(patch.name.chars().all(name) && !patch.name.contains(".."), "{}", patch.name);
        let lines: Vec<&str> = patch.content.lines().filter(|line| !line.starts_with('#')).collect();
        match patch.name.rsplit('.').next().unwrap() {
            "yaml" => drop(hand::yaml(&patch.content)),
            "sh" => {
                // What it does to one file is the same in each; then a line for each file, between single quotes.
                let (own, files) = lines.split_at(lines.iter().position(|line| *line == ")").unwrap() + 1);
                assert_eq!((own[0], files.last()), ("set -u", Some(&"exit \"$status\"")));
                for line in &files[..files.len() - 1] {
                    assert!(line.starts_with("apply '/") && line.ends_with(" || status=1"), "{line}");
                    assert!(line.contains("' chmod ") || line.contains("' chown -h "), "{line}");
                }
            }
            "txt" => assert!(lines.iter().all(|line| line.split(' ').count() == 2), "{lines:?}"),
            _ if patch.name.ends_with("-sysctls.conf") => {
                assert!(lines.iter().all(|line| line.split(' ').count() == 3), "{lines:?}");
            }
            _ => drop(hand::yaml(&patch.content)),
        }
    }
}

/// A file whose name is shell is one word of the script, and the script changes its mode and does nothing else.
#[test]
fn a_file_that_is_named_as_a_command_is_a_file() {
    let mut node = common::recording("kubeadm-v1.36");
    let path = "/etc/kubernetes/pki/a'$(touch marker)`b`;c.key";
    node.write(path, "");
    node.stats.get_mut(path).unwrap().mode = 0o644;
    let plan = Plan::of(&judged(&node, content()), content());
    is_inert(&plan);
    hand::apply(&mut node, &plan, false);
    assert_eq!(node.stats[path].mode, 0o600);
    assert!(!std::path::Path::new("marker").exists());
}

/// Names that no editor shows as they are, and plugins that are YAML, shell and terminal, are left to a person.
#[test]
fn what_is_no_plain_text_gets_into_no_patch() {
    let mut node = common::recording("kubeadm-v1.36");
    for path in ["/etc/kubernetes/pki/line\nbreak.key", "/etc/kubernetes/pki/turn\u{202e}ed.key"] {
        node.write(path, "");
        node.stats.get_mut(path).unwrap().mode = 0o644;
    }
    let plugins = "--enable-admission-plugins=NodeRestriction,\"}\n- x: $(reboot)\u{1b}[2J";
    hand::flags(&mut node, "kube-apiserver", &serde_json::json!({ "set": [plugins], "remove": [] }));
    let plan = Plan::of(&judged(&node, content()), content());
    is_inert(&plan);
    let all: String = plan.patches.iter().map(|patch| patch.content.as_str()).collect();
    assert!(!all.contains("reboot") && !all.contains("turn") && !all.contains("break"), "{all}");
    let because = |why: &str, control: &str| {
        let told = plan.by_hand.iter().filter(|hand| hand.because.contains(why));
        told.flat_map(|hand| &hand.controls).any(|own| own == control)
    };
    assert!(because("no plain list of names", "apiserver-always-pull-images"));
    assert!(because("does not follow from what was seen", "pki-key-mode"));
}

/// Values that control authors want to see set hold what their own control demands.
#[test]
fn every_fix_meets_its_own_control() {
    let mut seen = 0;
    for control in &content().controls {
        let Judge::Require(requirement) = &control.judge else { continue };
        for (fact, value) in &control.fix.values {
            let text = match value {
                Json::Array(all) => all.iter().map(benchmark::plain).collect::<Vec<_>>().join(", "),
                other => benchmark::plain(other),
            };
            for (comparison, wanted) in requirement.comparisons().into_iter().filter(|(own, _)| own.fact == *fact) {
                let operand = match &comparison.operand {
                    benchmark::Operand::Literal(value) => value,
                    benchmark::Operand::Parameter(name) => &control.parameters[name],
                    benchmark::Operand::Fact(name) => panic!("{name}"),
                };
                assert_eq!(
                    assess::meets(fact, Some(&text), comparison.operator, operand),
                    Some(wanted),
                    "{}",
                    control.name
                );
                seen += 1;
            }
        }
    }
    assert!(seen >= 8, "{seen}");
}

/// Owners part a plan, and each gets what is theirs.
#[test]
fn a_plan_is_parted_by_owner_and_durable_source() {
    let mut report = stock().clone();
    for finding in &mut report.findings {
        finding.decision.owner = Some(if finding.component == "kernel" { "node-team" } else { "platform" }.to_owned());
        finding.decision.source = (finding.component == "kubelet").then(|| "git: images/kubelet".to_owned());
        if finding.component == "kube-scheduler" {
            finding.decision.state = State::Accepted;
        }
    }
    let plan = Plan::of(&report, content());
    is_inert(&plan);
    let whose: Vec<_> = plan.owners.iter().map(|own| (own.owner.as_deref().unwrap(), own.source.as_deref())).collect();
    assert_eq!(whose, [("node-team", None), ("platform", None), ("platform", Some("git: images/kubelet"))]);
    assert!(plan.steps.iter().all(|step| step.target != plan::Target::KubeScheduler), "accepted is not planned");
    assert!(plan.left.iter().any(|left| left.ends_with("accepted by the register")));
    let numbers: Vec<usize> = plan.owners.iter().flat_map(|owner| owner.steps.clone()).collect();
    assert_eq!(numbers.len(), plan.steps.len());
}

/// Texts that mean something to YAML, shells, Markdown and terminals.
fn foreign() -> impl Strategy<Value = String> {
    let chosen = prop::sample::select(vec![
        "",
        "true",
        "~",
        "- a",
        "a: b",
        "'",
        "\"",
        "$(reboot)",
        "`id`",
        "a\nb",
        "\u{1b}[31m",
        "\u{202e}x",
        "| > &x *x !!str",
        "\u{0}",
        "../../etc/passwd",
        "--- \n...",
        "644",
        "nothing",
        "A, B",
        "# x",
        "{{",
        "\u{fffd}",
        "0x10",
        "日本",
    ]);
    prop_oneof![chosen.prop_map(str::to_owned), any::<String>()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// A report of another hand gives a plan that is inert all the same.
    #[test]
    fn a_forged_report_gives_a_plan_that_does_nothing(
        texts in prop::collection::vec(foreign(), 8),
        from in 0usize..200,
        platform in prop::sample::select(vec!["kubeadm", "talos", "eks"]),
    ) {
        let mut report = stock().clone();
        report.platform.name = platform.to_owned();
        let open = report.findings.iter_mut().filter(|finding| finding.decision.state.is_open());
        for (at, finding) in open.skip(from % 40).take(30).enumerate() {
            let text = |salt: usize| texts[(at + salt) % texts.len()].clone();
            for seen in &mut finding.observed {
                seen.value = Some(text(0));
                seen.source = text(1);
            }
            for subject in &mut finding.subjects {
                subject.name = text(2);
                subject.captures = vec![text(3)];
            }
            for value in finding.parameters.values_mut() {
                *value = Json::from(text(4));
            }
            finding.remediation = text(5);
            finding.decision.owner = Some(text(6));
            for cited in &mut finding.cited_by {
                cited.id = text(7);
            }
            if at % 7 == 0 {
                finding.control = text(0);
            }
        }
        report.kubernetes.as_mut().unwrap().name = texts[0].clone();
        report.profiles[0].name = texts[1].clone();
        let plan = Plan::of(&report, content());
        is_inert(&plan);
        // What reads the plan reads what was written.
        let json: Plan = serde_json::from_str(&plan::json(&plan)).unwrap();
        prop_assert_eq!(json, plan);
    }
}
