//! Tailorings: what they change, how that is told, and what is wrong with them.

use super::mistakes::vocabulary;
use super::*;
use crate::{Parameters, Tailoring};

const BASE: &str = "\
controls:
  - control: open-port
    title: x
    component: kubelet
    priority: low
    parameters: { port: 1 }
    require: { fact: kubelet.port, at_most: $port }
    why: x
    remediation: { general: x }
  - control: ciphers
    title: x
    component: kubelet
    priority: low
    parameters: { suites: [A, B, C, D] }
    require: { fact: kubelet.ciphers, within: $suites }
    why: x
    remediation: { general: x }
";

const PROFILE: &str = "\
profile: cis-1
title: CIS
kubernetes: '>=1.30'
notes: [as it is]
not_covered: [much]
sections: [{ id: '1', title: One }]
controls:
  - { id: '1.1', control: open-port, level: 1, assessment: manual }
  - { id: '1.2', control: open-port, level: 1, assessment: automated, parameters: { port: 2 } }
  - { id: '1.3', control: ciphers, level: 2, assessment: automated }
  - { id: '1.10', control: ciphers, level: 2, assessment: automated }
";

fn loaded(tailorings: &[(&str, &str)]) -> (Content, String) {
    let files = [("c.yaml", BASE), ("p.yaml", PROFILE)].iter().chain(tailorings);
    let files: Vec<(String, String)> = files.map(|(name, text)| ((*name).into(), (*text).into())).collect();
    let mut sources = Sources::default();
    let (content, found) = load(&files, &vocabulary(), &mut sources);
    (content, render_short(&found, &sources))
}

#[test]
fn every_change_is_told() {
    let ours = "\
tailoring: ours
extends: cis-1
drop: [{ id: '1.10', reason: '  nobody speaks TLS there ' }]
controls:
  - { control: open-port, parameters: { port: 3 } }
  - { id: '1.2', level: 2 }
  - { id: '1.3', parameters: { suites: [D, C, A, E] } }
";
    let theirs = "\
tailoring: theirs
title: Theirs
extends: ours
controls: [{ id: '1.1', parameters: { port: 4 } }]
";
    let (content, found) = loaded(&[("ours.yaml", ours), ("theirs.yaml", theirs)]);
    assert_eq!(found, "");
    let ours = content.profile("ours").unwrap();
    let changes = [
        "1.10 (ciphers) is left out: nobody speaks TLS there",
        "1.1 (open-port): port 3 instead of 1",
        "1.2 (open-port): port 3 instead of 2",
        "1.2 (open-port): level 2 instead of 1",
        "1.3 (ciphers): suites with E, without B",
    ];
    let changes = changes.map(str::to_owned).to_vec();
    assert_eq!(ours.tailored, Some(Tailoring { extends: "cis-1".to_owned(), changes: changes.clone() }));
    assert_eq!(ours.title, "CIS, tailored by ours");
    assert_eq!((ours.kubernetes, ours.extends.as_slice()), (None, &["cis-1".to_owned()][..]));
    assert_eq!(
        (ours.notes.as_slice(), ours.not_covered.as_slice()),
        (&["as it is".to_owned()][..], &["much".to_owned()][..])
    );
    let entry = ours.entry("1.2").unwrap();
    assert_eq!((entry.level, &entry.parameters), (2, &Parameters::from([("port".to_owned(), json!(3))])));
    assert_eq!(ours.entries.len(), 3);

    let theirs = content.profile("theirs").unwrap();
    let mut all = changes;
    all.push("1.1 (open-port): port 4 instead of 3".to_owned());
    assert_eq!(theirs.tailored, Some(Tailoring { extends: "cis-1".to_owned(), changes: all }));
    assert_eq!(theirs.extends, ["ours", "cis-1"]);
    assert_ne!(content.digest_of(ours), content.digest_of(theirs));
    let base = content.profile("cis-1").unwrap();
    assert_ne!(content.digest_of(ours), content.digest_of(base));
    assert_eq!(base.tailored, None);
}

#[test]
fn mistakes() {
    let ours = "\
tailoring: ours
kubernetes: '>=1.30'
extends: cis-1
drop: ['1.1', { id: '1.2' }, { id: '1.2', reason: x }, { id: '7.7', reason: x }]
controls:
  - { id: '1.1', control: open-port, level: 1 }
  - { level: 1 }
  - { id: '1.2', level: 2 }
  - { id: '1.4', level: 2 }
  - { control: open-prot, level: 2 }
  - { id: '1.3', assessment: manual, level: 0 }
  - { id: '1.3', level: 1 }
  - { control: ciphers, parameters: { suites: A, suite: [A] } }
  - { id: '1.1', level: 1, parameters: { port: 1 } }
";
    let orphan = "\
tailoring: orphan
controls: [{ id: '1.1', level: 2 }]
";
    let (_, found) = loaded(&[("orphan.yaml", orphan), ("ours.yaml", ours)]);
    insta::assert_snapshot!(found, @r#"
    orphan.yaml:1:1: error[missing-field]: missing field `extends`
    ours.yaml:2:1: error[unknown-field]: unknown field `kubernetes`
    ours.yaml:4:8: error[wrong-type]: expected a map, found a string `1.1`
    ours.yaml:4:17: error[missing-field]: missing field `reason`
    ours.yaml:4:21: error[conflict]: `1.2` is left out and given at the same time
    ours.yaml:4:36: error[conflict]: `1.2` is left out and given at the same time
    ours.yaml:4:62: error[unknown-id]: there is no id `7.7` to leave out
    ours.yaml:6:7: error[conflict]: this needs either `id` or `control`: what is changed
    ours.yaml:7:7: error[conflict]: this needs either `id` or `control`: what is changed
    ours.yaml:9:11: error[unknown-id]: there is no id `1.4` to change
    ours.yaml:10:16: error[unknown-control]: there is no control `open-prot` to change
    ours.yaml:11:18: error[unknown-field]: unknown field `assessment`
    ours.yaml:11:45: error[wrong-value]: levels are 1 and 2
    ours.yaml:13:47: error[wrong-value]: expected a list of texts (a number or boolean that is meant as text needs quotes)
    ours.yaml:13:50: error[unknown-parameter]: ciphers has no parameter `suite`
    ours.yaml:14:7: warning[no-change]: this alters nothing: `1.1` is so already
    "#);
}
