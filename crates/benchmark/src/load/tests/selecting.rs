//! Controls that share what they have in common, and profiles that select them by their tags.

use super::mistakes::vocabulary;
use super::*;

const CONTROLS: &str = "\
shared:
  component: kubelet
  not_applicable: not here
  remediation: { general: 'Set {set}, or {instead}.', kubeadm: 'Put {set} there.' }
controls:
  - control: b.port
    title: x
    priority: low
    tags: [port, hard]
    parameters: { port: 1 }
    when: { fact: kubelet.anonymous, equals: false }
    require: { fact: kubelet.port, equals: $port }
    why: x
    set: port = $port
    instead: close $port
  - control: a.port
    title: x
    priority: low
    tags: [port]
    require: { fact: kernel.sysctl.net.core.somaxconn, at_least: 1 }
    why: x
    remediation: { general: own }
  - control: c.mode
    title: x
    component: kubelet
    priority: low
    tags: [mode, hard]
    require: { fact: kubelet.mode, equals: x }
    why: x
";

fn loaded(profile: &str) -> (Content, String) {
    let files = [("c.yaml", CONTROLS), ("p.yaml", profile)];
    let files: Vec<(String, String)> = files.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect();
    let mut sources = Sources::default();
    let (content, found) = load(&files, &vocabulary(), &mut sources);
    (content, render_short(&found, &sources))
}

const PROFILE: &str = "\
profile: p
title: P
sections: [{ id: '1', title: One }, { id: '2', title: Two }]
select:
  - { tags: [port], section: '2', level: 1, assessment: automated }
  - { tags: [hard], section: '1', level: 2, assessment: automated }
drop: [{ id: c.mode, reason: because }]
controls:
  - { id: a.port, control: a.port, section: '1', level: 2, assessment: manual }
";

#[test]
fn what_is_shared_is_had_by_all_that_do_not_say_otherwise() {
    let (content, found) = loaded(PROFILE);
    assert_eq!(found, "");
    let (a, b) = (content.control("a.port").unwrap(), content.control("b.port").unwrap());
    assert_eq!((a.component.as_str(), a.not_applicable.as_deref()), ("kubelet", None));
    assert_eq!(b.not_applicable.as_deref(), Some("not here"));
    assert_eq!(a.remedy("kubeadm", &a.parameters), "own");
    assert_eq!(b.remedy("kubeadm", &b.parameters), "Put port = 1 there.");
    let bounds = BTreeMap::from([("port".to_owned(), json!(7))]);
    assert_eq!(b.remedy("talos", &bounds), "Set port = 7, or close 7.");
    assert_eq!(b.facts().collect::<Vec<_>>(), ["kubelet.port", "kubelet.anonymous"]);
}

#[test]
fn a_profile_takes_controls_by_their_tags_and_later_words_win() {
    let (content, _) = loaded(PROFILE);
    let profile = content.profile("p").unwrap();
    let told =
        |entry: &crate::Entry| format!("{} {} L{}", profile.section(&entry.id).unwrap().id, entry.id, entry.level);
    assert_eq!(profile.entries.iter().map(told).collect::<Vec<_>>(), ["1 a.port L2", "1 b.port L2"]);
    assert_eq!(profile.notes, ["c.mode is left out: because"]);
}

#[test]
fn mistakes_in_a_selection_are_shown() {
    let (_, found) = loaded(
        "\
profile: p
title: P
sections: [{ id: '1', title: One }]
select:
  - { tags: [prot], section: '1', level: 1, assessment: automated }
  - { tags: [port], section: '11', level: 1, assessment: automated }
  - { tags: [port], level: 3, assessment: automated }
drop: [x.y]
controls:
  - { id: q, control: a.port, section: '3', level: 1, assessment: automated }
",
    );
    insta::assert_snapshot!(found, @r"
    p.yaml:5:7: error[unknown-tag]: no control has the tags `prot`
    p.yaml:6:30: error[no-section]: there is no section `11`
    p.yaml:7:7: error[missing-field]: missing field `section`
    p.yaml:7:28: error[wrong-value]: levels are 1 and 2
    ");
}
