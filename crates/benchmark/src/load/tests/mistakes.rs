//! What an author gets to see: everything at once, in files that are wrong in many ways.

#![expect(clippy::too_many_lines, reason = "what is shown takes room")]

use super::*;

const VOCABULARY: &[(&str, &str)] = &[
    ("kubelet.anonymous", "bool"),
    ("kubelet.port", "int"),
    ("kubelet.mode", "text"),
    ("kubelet.ciphers", "list"),
    ("kubelet.timeout", "duration"),
    ("file.mode", "mode"),
    ("file.owner", "owner"),
];

pub(super) fn vocabulary() -> Vocabulary {
    Vocabulary {
        facts: VOCABULARY.iter().copied().collect(),
        families: BTreeMap::from([("kernel.sysctl", "scalar")]),
        sets: BTreeMap::from([("kubelet.config-files", "file")]),
        components: BTreeSet::from(["kubelet"]),
        roles: BTreeSet::from(["manifests", "cni"]),
    }
}

fn shown(files: &[(&str, &str)]) -> String {
    let files: Vec<(String, String)> = files.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect();
    let mut sources = Sources::default();
    let (_, found) = load(&files, &vocabulary(), &mut sources);
    // With the advice, which the short form leaves out.
    let mut lines: Vec<String> = Vec::new();
    for mistake in &found {
        let help = mistake.help.as_ref().map_or(String::new(), |help| format!("    help: {help}\n"));
        lines.push(render_short(std::slice::from_ref(mistake), &sources) + &help);
    }
    lines.sort_by_cached_key(|line| {
        let mut parts = line.split(':');
        let file = parts.next().unwrap_or_default().to_owned();
        (file, parts.next().and_then(|line| line.parse::<u32>().ok()))
    });
    lines.concat()
}

#[test]
fn controls() {
    insta::assert_snapshot!(shown(&[("c.yaml", "\
controls:
  - control: unknown-names
    title: A title that goes on for so long that it will not fit on the line of any report that a person reads
    component: kubelt
    priority: hihg
    require:
      all:
        - { fact: kubelet.anonymos, equals: false }
        - { fact: kubelet.port, equals: $prot }
        - { fact: kubelet.port, at_lest: 1 }
    parameters: { port: many, spare: 1 }
    observe: [kubelet.prot]
    why: x
    remediation: { kubeadm: x }
  - control: operators
    title: Operators and operands
    component: kubelet
    priority: low
    require:
      any:
        - { fact: kubelet.anonymous, at_least: true }
        - { fact: kubelet.ciphers, one_of: [a] }
        - { fact: kubelet.ciphers, within: a }
        - { fact: kubelet.timeout, at_most: 300 }
        - { fact: kubelet.mode, equals: 600 }
        - { fact: kubelet.mode, matches: '[a-z' }
        - { fact: kubelet.mode, absent: false }
        - { fact: kubelet.mode, equals: { fact: kubelet.port } }
        - { fact: kubelet.port, at_least: 1, at_most: 2 }
        - { fact: kubelet.port }
        - { equals: 1 }
        - { not: { fact: kubelet.port, equals: 1 }, all: [] }
        - all: []
        - {}
    why: x
    remediation: { general: x }
  - control: files
    title: Files
    component: node
    priority: low
    for_each: kubelet.config-file
    parameters: { mode: 600 }
    when: { fact: kubelet.port, present: true }
    require:
      all:
        - { fact: file.mode, mode_within: $mode }
        - { fact: file.owner, owned_by: root }
        - { fact: file.owner, equals: 'root:root' }
        - { fact: kubelet.anonymous, equals: true }
    equivalent:
      - require: { fact: file.mode, mode_within: 0644 }
    why: x
    remediation: { general: x }
  - control: no-file
    title: No file
    component: kubelet
    priority: low
    not_applicable: x
    require: { fact: file.mode, mode_within: '600' }
    reach: kubernetes-api
    observe: [file.owner]
    why: x
    remediation: {}
  - control: neither
    title: Neither
    component: pods
    priority: low
    reach: kubernetes
    why:
    remediation: { general: x }
  - control: no-file
    title: Both, and a name that is there already
    component: kubelet
    priority: low
    require: { fact: kubelet.anonymous, equals: false }
    manual: { question: x, unless: { fact: kubelet.port, equals: '1' } }
    why: x
    remediation: { general: x }
  - control: wrong-subject
    title: No fact of a file
    component: kubelet
    priority: low
    for_each: kubelet.config-files
    require: { fact: kubelet.anonymous, equals: false }
    why: x
    remediation: { general: x }
"), ("d.yaml", "profil: x\n")]), @r#"
    c.yaml:3:12: warning[long-title]: the title has 99 characters, and reports have room for 90
    c.yaml:4:16: error[unknown-component]: there is no component `kubelt`
        help: did you mean `kubelet`?
    c.yaml:5:15: error[unknown-value]: unknown value `hihg`
        help: did you mean `high`?
    c.yaml:8:19: error[unknown-fact]: there is no fact `kubelet.anonymos`
        help: did you mean `kubelet.anonymous`?
    c.yaml:9:41: error[unknown-parameter]: there is no parameter `prot`
        help: did you mean `port`?
    c.yaml:10:33: error[unknown-field]: unknown field `at_lest`
        help: did you mean `at_least`?
    c.yaml:10:13: error[requirement]: the fact is compared with nothing
        help: it is a comparison `{ fact: NAME, OPERATOR: OPERAND }`, or one of `all`, `any` and `not`
    c.yaml:12:15: error[unknown-fact]: there is no fact `kubelet.prot`
        help: did you mean `kubelet.port`?
    c.yaml:14:20: error[missing-field]: missing field `general`: advice that holds on every platform
    c.yaml:21:48: error[wrong-operator]: `at_least` does not fit `kubelet.anonymous`, whose type is bool
        help: operators for this type are equals, present, absent
    c.yaml:22:44: error[wrong-operator]: `one_of` does not fit `kubelet.ciphers`, whose type is list
        help: operators for this type are equals, contains, excludes, within, disjoint, present, absent
    c.yaml:23:44: error[wrong-value]: expected a list of texts (a number or boolean that is meant as text needs quotes)
    c.yaml:24:45: error[wrong-value]: expected a duration such as 5m or 4h0m0s
    c.yaml:25:41: error[wrong-value]: expected a text (a number or boolean that is meant as text needs quotes)
    c.yaml:26:42: error[wrong-value]: expected a regular expression
    c.yaml:27:41: error[wrong-value]: expected `true`
    c.yaml:28:49: error[wrong-value]: `kubelet.port` is of type int, which does not fit here
    c.yaml:29:13: error[requirement]: one fact is compared twice
        help: it is a comparison `{ fact: NAME, OPERATOR: OPERAND }`, or one of `all`, `any` and `not`
    c.yaml:30:13: error[requirement]: the fact is compared with nothing
        help: it is a comparison `{ fact: NAME, OPERATOR: OPERAND }`, or one of `all`, `any` and `not`
    c.yaml:31:13: error[requirement]: the comparison names no fact
        help: it is a comparison `{ fact: NAME, OPERATOR: OPERAND }`, or one of `all`, `any` and `not`
    c.yaml:32:13: error[requirement]: these are several requirements in one
        help: it is a comparison `{ fact: NAME, OPERATOR: OPERAND }`, or one of `all`, `any` and `not`
    c.yaml:33:16: error[requirement]: an empty list demands nothing
    c.yaml:34:11: error[requirement]: there is no requirement here
        help: it is a comparison `{ fact: NAME, OPERATOR: OPERAND }`, or one of `all`, `any` and `not`
    c.yaml:41:15: error[unknown-set]: there is no set `kubelet.config-file`
        help: did you mean `kubelet.config-files`?
    c.yaml:42:25: error[wrong-value]: expected an octal mode in quotes, such as "600"
    c.yaml:43:11: error[conflict]: `when` needs `not_applicable`: what is said where it does not hold
    c.yaml:47:41: error[wrong-value]: expected owner and group, such as "root:root"
    c.yaml:48:39: error[wrong-operator]: `equals` does not fit `file.owner`, whose type is owner
        help: operators for this type are owned_by, present, absent
    c.yaml:51:9: error[missing-field]: missing field `because`
    c.yaml:58:21: error[conflict]: `not_applicable` needs `when`: where the control applies
    c.yaml:59:22: error[wrong-subject]: `file.mode` is asked of a file, and there is none here
        help: name the files with `for_each`
    c.yaml:60:12: error[conflict]: `reach` goes with `manual` only: the facts of `require` say by themselves what must be seen
    c.yaml:61:15: error[wrong-subject]: `file.owner` is asked of a file, and there is none here
    c.yaml:63:18: error[missing-field]: missing field `general`: advice that holds on every platform
    c.yaml:64:5: error[requirement]: a control needs `require` (evidence decides) or `manual` (a person does)
    c.yaml:66:16: error[unknown-component]: there is no component `pods`
        help: without `for_each` or `reach`, running instances are asked
    c.yaml:68:12: error[unknown-value]: unknown value `kubernetes`
    c.yaml:69:5: error[wrong-type]: expected a string, found nothing
    c.yaml:71:14: error[duplicate-name]: there is another control `no-file`
        help: the first stands in c.yaml
    c.yaml:76:13: error[conflict]: a control has `require` or `manual`, and not both
    c.yaml:76:66: error[wrong-value]: expected a whole number
    c.yaml:84:22: error[wrong-subject]: `kubelet.anonymous` is not asked of a file, and `for_each` goes through files
        help: only facts that begin with `file.` or `certificate.` decide here; compare them with this one
    d.yaml:1:1: error[unknown-kind]: the file is neither controls nor a profile, tailoring, platform or component
        help: did you mean `profile`?
    "#);
}

#[test]
fn profiles() {
    let controls = "\
controls:
  - control: open-port
    title: x
    component: kubelet
    priority: low
    parameters: { port: 1 }
    require: { fact: kubelet.port, at_most: $port }
    why: x
    remediation: { general: x }
  - control: cannot-be-read
    title: x
";
    insta::assert_snapshot!(shown(&[("c.yaml", controls), ("p.yaml", "\
profile: p
title: P
kubernetes: '>=1.30 <1.32'
extends: q
sections:
  - { id: '1' }
  - { id: '2', title: Two }
drop: ['2.1', { id: '2.9' }, '2.2', [x]]
controls:
  - { id: '2.1', control: open-prot, level: 3, assessment: automatic }
  - { id: '3.1', control: open-port, level: 1, assessment: manual, parameters: { prot: 1, port: '1' } }
  - { id: '2.3', control: cannot-be-read, level: 1, assessment: manual, parameters: { any: 1 } }
  - { id: '2.3', control: open-port, level: one }
"), ("q.yaml", "\
profile: q
title: Q
kubernetes: '>=1.32 <=1.30'
extends: r
sections: [{ id: '2', title: Two }]
controls:
  - { id: '2.2', control: open-port, level: 1 }
"), ("r.yaml", "\
profile: r
extends: q
controls: []
"), ("s.yaml", "\
profile: s
title: S
extends: cis-1
drop: ['9.9']
controls: [{ id: '1.1', control: open-port, level: 1, assessment: manual }]
"), ("t.yaml", "\
profile: t
title: T
extends: u
controls: []
"), ("u.yaml", "tailoring: u\nextends: p\n"), ("v.yaml", "\
profile: v
title: V
extends: w
drop: ['1.2', '1.3']
controls: [{ id: '2.1', control: open-port, level: 1, assessment: manual }]
"), ("w.yaml", "\
profile: w
title: W
sections: [{ id: '1', title: One }]
controls:
  - { id: '1.1', control: open-port, level: 1, assessment: manual }
  - { id: '1.2', control: open-port }
")]), @r#"
    c.yaml:10:5: error[missing-field]: missing field `component`
    c.yaml:10:5: error[missing-field]: missing field `priority`
    c.yaml:10:5: error[requirement]: a control needs `require` (evidence decides) or `manual` (a person does)
    c.yaml:10:5: error[missing-field]: missing field `why`
    c.yaml:10:5: error[missing-field]: missing field `remediation`
    p.yaml:3:13: error[wrong-range]: `<1.32` is no bound such as >=1.30 or <=1.32
    p.yaml:6:7: error[missing-field]: missing field `title`
    p.yaml:8:37: error[wrong-type]: expected a map, found a list
    p.yaml:8:8: error[conflict]: `2.1` is left out and given at the same time
    p.yaml:10:45: error[wrong-value]: levels are 1 and 2
    p.yaml:10:60: error[unknown-value]: unknown value `automatic`
        help: did you mean `automated`?
    p.yaml:10:27: error[unknown-control]: there is no control `open-prot`
        help: did you mean `open-port`?
    p.yaml:11:82: error[unknown-parameter]: open-port has no parameter `prot`
        help: did you mean `port`?
    p.yaml:11:97: error[wrong-value]: expected a whole number
    p.yaml:13:45: error[wrong-type]: expected an integer, found a string `one`
    p.yaml:13:7: error[missing-field]: missing field `assessment`
    p.yaml:13:11: error[duplicate-name]: the id `2.3` is given twice
    q.yaml:3:13: error[wrong-range]: no version lies in this range
    q.yaml:7:7: error[missing-field]: missing field `assessment`
    r.yaml:1:1: error[missing-field]: missing field `title`
    r.yaml:2:10: error[cycle]: profiles extend each other in a circle: q → r → q
    s.yaml:3:10: error[unknown-profile]: there is no profile `cis-1`
    t.yaml:3:10: error[unknown-profile]: `u` is a tailoring, and a profile extends profiles only
    v.yaml:4:15: error[unknown-id]: there is no id `1.3` to leave out
    v.yaml:5:18: error[no-section]: the id `2.1` stands under no section
    w.yaml:6:7: error[missing-field]: missing field `level`
    w.yaml:6:7: error[missing-field]: missing field `assessment`
    "#);
}

#[test]
fn platforms_and_components() {
    insta::assert_snapshot!(shown(&[("k.yaml", "\
component: kubelet
flags: pflag
settings:
  - { name: a, type: bool, flag: a, default: 'true', source: x }
  - { name: b, type: int, default: 1 }
  - { name: a, type: text, flag: true, repeat: last, source: x }
  - { name: c, type: list, flag: c, zero: unset, repeat: first, source: x }
  - name: d
    type: duration
    flag: d
    default: 5
    defaults:
      - { kubernetes: '1.30', value: 5m, source: x }
      - { kubernetes: '<=1.30', etcd: '>=3.5', when: config, value: 5x }
      - { source: x }
  - { name: e, type: gates, flag: e, field: false, default: { A: on }, source: x }
"), ("l.yaml", "component: kubelt\nflags: go\nsettings: []\n"), ("p.yaml", "\
platform: p
places: { manifests: /etc, cni: [/x], manifest: [/y] }
owners: { /x: root, /y: '0:0' }
accounts: { etdc: '60:60' }
explains:
  - { controls: [nowhere], text: x }
  - { controls: nowhere, txt: x }
")]), @r#"
    k.yaml:2:8: error[unknown-value]: unknown value `pflag`
    k.yaml:4:46: error[wrong-value]: expected `true` or `false`
    k.yaml:5:7: error[missing-field]: missing field `flag`
    k.yaml:5:7: error[missing-field]: missing field `source`
    k.yaml:6:13: error[duplicate-name]: there is another setting `a`
    k.yaml:6:48: error[conflict]: `repeat` goes with the type `list` only
    k.yaml:7:58: error[unknown-value]: unknown value `first`
    k.yaml:7:43: error[unknown-value]: unknown value `unset`
    k.yaml:11:14: error[conflict]: a setting has `default` or `defaults`, and not both
    k.yaml:13:23: error[wrong-range]: `1.30` is no bound such as >=1.30 or <=1.32
    k.yaml:14:39: error[conflict]: a row is bound by `kubernetes` or `etcd`, and not both
    k.yaml:14:54: error[unknown-value]: unknown value `config`
    k.yaml:14:69: error[wrong-value]: expected a duration such as 5m or 4h0m0s
    k.yaml:14:11: error[missing-field]: missing field `source`
    k.yaml:15:11: error[missing-field]: missing field `value`
    k.yaml:16:61: error[wrong-value]: expected a map of names to `true` or `false`
    l.yaml:1:12: error[unknown-component]: there is no component `kubelt`
        help: did you mean `kubelet`?
    p.yaml:1:1: error[missing-field]: missing field `title`
    p.yaml:1:1: error[missing-field]: missing field `sources`
    p.yaml:2:39: error[unknown-role]: there is no role `manifest`
        help: did you mean `manifests`?
    p.yaml:2:22: error[wrong-type]: expected a list, found a string `/etc`
    p.yaml:3:15: error[wrong-value]: `root` is no owner by number, as in "60:60"
    p.yaml:4:13: error[unknown-component]: there is no component `etdc`
    p.yaml:6:18: error[unknown-control]: there is no control `nowhere`
    p.yaml:7:17: error[wrong-type]: expected a list, found a string `nowhere`
    p.yaml:7:7: error[missing-field]: missing field `text`
    p.yaml:7:26: error[unknown-field]: unknown field `txt`
        help: did you mean `text`?
    "#);
}

#[test]
fn fixes() {
    insta::assert_snapshot!(shown(&[("c.yaml", "\
controls:
  - control: a
    title: What nobody demands
    component: kubelet
    priority: low
    require: { fact: kubelet.port, at_least: 1 }
    fix: { set: { kubelet.prt: 10, kubelet.port: 10 }, beware: Look first. }
    why: x
    remediation: { general: x }
  - control: b
    title: By hand, and yet set
    component: kubelet
    priority: low
    require: { fact: kubelet.port, at_least: 1 }
    fix: { by_hand: true, set: { kubelet.port: 10 }, bewar: x }
    why: x
    remediation: { general: x }
")]), @r"
    c.yaml:7:19: error[unknown-fact]: the control demands nothing of `kubelet.prt`
        help: did you mean `kubelet.port`?
    c.yaml:15:54: error[unknown-field]: unknown field `bewar`
        help: did you mean `beware`?
    c.yaml:15:12: error[conflict]: what is settled by hand has nothing to `set`
    ");
}
