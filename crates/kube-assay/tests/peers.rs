//! kube-bench's recorded answers for the same nodes: every disagreement is listed with its evidence, and nothing else
//! disagrees (`fixtures/peers/differences.yaml`).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::BTreeMap;

use assess::Verdict;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    node: String,
    id: String,
    profiles: Vec<String>,
    theirs: String,
    ours: Verdict,
    right: String,
    evidence: String,
}

#[derive(Debug, Deserialize)]
struct Check {
    id: String,
    status: String,
    #[serde(rename = "type")]
    kind: String,
}

/// What our verdict would be if kube-bench's answer were right.
fn same_as(check: &Check) -> Verdict {
    match (check.status.as_str(), check.kind.as_str()) {
        ("PASS", _) => Verdict::Pass,
        ("WARN", "manual") => Verdict::Manual,
        ("FAIL" | "WARN", _) => Verdict::Fail,
        (other, _) => panic!("kube-bench says {other}"),
    }
}

#[test]
fn every_disagreement_with_kube_bench_is_listed_and_nothing_else() {
    let content = common::content();
    let folder = common::root().join("fixtures");
    let listed: Vec<Difference> =
        serde_saphyr::from_str(&std::fs::read_to_string(folder.join("peers/differences.yaml")).unwrap()).unwrap();
    let mut expect: BTreeMap<(String, String, String), (String, Verdict)> = BTreeMap::new();
    for difference in &listed {
        assert!(!difference.evidence.is_empty() && ["ours", "theirs", "both"].contains(&difference.right.as_str()));
        for profile in &difference.profiles {
            let key = (difference.node.clone(), profile.clone(), difference.id.clone());
            let twice = expect.insert(key, (difference.theirs.clone(), difference.ours));
            assert!(twice.is_none(), "{} {} stands twice", difference.node, difference.id);
        }
    }
    let mut found = BTreeMap::new();
    for node in ["kubeadm-v1.36", "kubeadm-hardened-v1.36"] {
        let capture = common::recording(node).capture(assess::trails(&content));
        for profile in ["cis-1.10", "cis-1.11", "cis-1.12"] {
            let ours = common::verdicts(&common::judge(capture.clone(), &content, profile));
            let path = folder.join("nodes").join(node).join("kube-bench").join(format!("{profile}.json"));
            let theirs: Vec<Check> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
            let theirs: Vec<&Check> = theirs.iter().filter(|check| !check.id.starts_with('5')).collect();
            // cis-1.11's 4.2.15 stands in both; an id of theirs that we lack would be a hole.
            for check in &theirs {
                let verdict = *ours.get(&check.id).unwrap_or_else(|| panic!("{profile} lacks {}", check.id));
                if verdict != same_as(check) {
                    found.insert(
                        (node.to_owned(), profile.to_owned(), check.id.clone()),
                        (check.status.clone(), verdict),
                    );
                }
            }
            let extra: Vec<&String> =
                ours.keys().filter(|id| !id.starts_with('5') && !theirs.iter().any(|check| check.id == **id)).collect();
            assert!(extra.is_empty(), "{profile} has {extra:?}, which kube-bench lacks");
        }
    }
    let stale: Vec<_> = expect.iter().filter(|(key, _)| !found.contains_key(*key)).collect();
    let new: Vec<_> = found.iter().filter(|(key, value)| expect.get(*key) != Some(value)).collect();
    assert!(stale.is_empty() && new.is_empty(), "stale: {stale:#?}\nnew: {new:#?}");
}
