//! Entries that speak of nothing.

use assess::Verdict;

use super::{DAY, content, context, judged, outcome, sample};
use crate::Decider;

#[test]
fn entries_that_match_nothing_are_named() {
    let content = content();
    let register = sample(content);
    let all = [
        judged(content, "kubelet-no-read-only-port", outcome(Verdict::Pass, "component", "kubelet", Vec::new())),
        judged(content, "rbac-cluster-admin-only-where-needed", outcome(Verdict::Fail, "subject", "x", Vec::new())),
    ];
    let decider = Decider::new(&register, context(DAY), &all);
    let unused: Vec<String> = decider.unused(&all).into_iter().map(|(at, what)| format!("{at} {what}")).collect();
    assert_eq!(
        unused,
        [
            "register.yaml:29 the exception for kubelet-no-read-only-port",
            "register.yaml:46 the grant of rbac-cluster-admin-only-where-needed to Group oidc:platform-admins",
        ]
    );
}
