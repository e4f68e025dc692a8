//! What is written for people: what is due, drafts, and a first register.

use std::collections::BTreeMap;

use assess::Verdict;
use jiff::civil::date;

use super::{DAY, content, said, sample};
use crate::{Review, Under};

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

/// A draft never holds longer than its register lets it: filled in, it passes.
#[test]
fn drafts_expire_within_the_bounds_of_their_register() {
    let bounds = |longest_days, answers_days| Review { longest_days, answers_days, ..Review::default() };
    for (review, exception, answer) in [
        (Review::default(), date(2027, 2, 24), date(2027, 11, 26)),
        (bounds(3660, 3660), date(2027, 2, 24), date(2027, 11, 26)),
        (bounds(30, 60), date(2026, 12, 26), date(2027, 1, 25)),
        (bounds(1, 1), date(2026, 11, 27), date(2026, 11, 27)),
    ] {
        for (verdict, of, control, expires) in [
            (Verdict::Fail, "component", "kubelet-no-read-only-port", exception),
            (Verdict::Unknown, "component", "kubelet-no-read-only-port", exception),
            (Verdict::Fail, "subject", "rbac-cluster-admin-only-where-needed", exception),
            (Verdict::Manual, "component", "users-do-not-use-client-certificates", answer),
        ] {
            let draft = crate::Draft {
                control,
                title: "A title",
                verdict,
                expected: "x is 1",
                state: BTreeMap::from([("verdict".to_owned(), "fail".to_owned())]),
                kind: of,
                subjects: ["somebody"].into(),
                owner: Some("a-team"),
                now: &Under::default(),
                review: &review,
                as_of: DAY,
            };
            let text = crate::draft(&draft);
            assert!(text.contains(&format!("    expires: {expires}\n")), "{review:?}\n{text}");
            let words = "\"The vendor ships what mends it in March (SEC-88), and the pool is upgraded then.\"";
            let written = text.replace("\"\"", words).replace("holds:", "holds: true");
            let head = format!(
                "register: x\nreview: {{ longest_days: {}, answers_days: {} }}\n",
                review.longest_days, review.answers_days
            );
            assert_eq!(said(&format!("{head}{}:\n{written}", crate::kind(&draft)), content()), "");
        }
    }
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
            review: &Review::default(),
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
