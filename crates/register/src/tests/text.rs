//! What is written for people: what is due, drafts, and a first register.

use std::collections::BTreeMap;

use assess::Verdict;
use jiff::civil::date;

use super::{DAY, content, said, sample};
use crate::Under;

#[test]
fn what_is_due_is_told_by_its_day() {
    let content = content();
    let register = sample(content);
    let days = |as_of, within| {
        let due = crate::due(&register, as_of, within);
        due.iter().map(|due| (due.left, due.what.clone())).collect::<Vec<_>>()
    };
    assert!(days(DAY, 30).is_empty());
    let all = days(DAY, 400);
    assert_eq!(all.len(), 4);
    assert_eq!(all[0], (67, "the provider's share: kube-scheduler".to_owned()));
    assert_eq!(days(date(2027, 4, 2), 0)[1].0, -2);
}

/// A draft and a first register are read without a mistake but for what a person has to say.
#[test]
fn drafts_want_nothing_but_words() {
    let content = content();
    let under = Under { kubernetes: Some("1.36".to_owned()), ..Under::default() };
    for (verdict, of, control) in [
        (Verdict::Fail, "component", "kubelet-no-read-only-port"),
        (Verdict::Fail, "file", "pki-certificate-mode"),
        (Verdict::Fail, "subject", "rbac-cluster-admin-only-where-needed"),
        (Verdict::Manual, "component", "users-do-not-use-client-certificates"),
    ] {
        let own = crate::Draft {
            control,
            title: "A title: with # everything\nin it",
            verdict,
            expected: "x is \"1\"",
            state: BTreeMap::from([("verdict".to_owned(), "fail".to_owned())]),
            kind: of,
            subjects: ["/a b\u{1b}[31m", "Group oidc:x"].into(),
            owner: None,
            now: &under,
            as_of: DAY,
        };
        let draft = crate::draft(&own);
        let kind = crate::kind(&own);
        let told = said(&format!("register: x\n{kind}:\n{draft}"), content);
        let strange: Vec<&str> = told
            .lines()
            .filter(|line| !line.contains("[empty-text]") && !line.contains("[wrong-type]: expected `true` or `false`"))
            .collect();
        assert!(!told.is_empty() && strange.is_empty(), "{draft}\n{told}");
        insta::assert_snapshot!(format!("draft-{of}-{}", control.split('-').next().unwrap()), draft);
    }
    for platform in &content.platforms {
        let text = crate::init("ours", platform, content, DAY);
        let told = said(&text, content);
        let strange: Vec<&str> = told
            .lines()
            .filter(|line| !line.contains("[wrong-date]: `` is no date") && !line.contains("[no-evidence]"))
            .collect();
        assert!(strange.is_empty(), "{text}\n{told}");
        if ["eks", "gke", "aks"].contains(&platform.name.as_str()) {
            assert!(told.contains("[wrong-date]"), "{} has no documents to read", platform.name);
        }
    }
    insta::assert_snapshot!("init-eks", crate::init("ours", content.platform("eks").unwrap(), content, DAY));
}
