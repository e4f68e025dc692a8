//! What an auditor refuses.

use diag::Sources;

use super::{DAY, SAMPLE, content, said};
use crate::load;

#[test]
fn a_strong_register_passes() {
    assert_eq!(said(SAMPLE, content()), "");
}

/// One change of the strong register for each thing that an auditor refuses, with what is said of it.
const REFUSED: &[(&str, &str, &str)] = &[
    ("    expires: 2027-03-31\n    review: [kubernetes-upgrade, profile-change]", "", "missing field `expires`"),
    (
        "expires: 2027-03-31\n    review: [kube",
        "expires: 2029-03-31\n    review: [kube",
        "error[far-expiry]: the exception holds until 2029-03-31, longer than 200 days",
    ),
    (
        "expires: 2027-03-31\n    review: [kube",
        "expires: 2026-11-25\n    review: [kube",
        "error[expired]: the exception expired on 2026-11-25",
    ),
    (
        "expires: 2027-03-31\n    review: [kube",
        "expires: 2026-09-25\n    review: [kube",
        "error[wrong-order]: the exception expires on 2026-09-25, before it begins",
    ),
    (
        "expires: 2027-03-31\n    review: [kube",
        "expires: someday\n    review: [kube",
        "error[wrong-date]: `someday` is no date",
    ),
    (
        "since: 2026-10-01\n      state",
        "since: 2026-12-01\n      state",
        "error[wrong-order]: 2026-12-01 lies in the future",
    ),
    (
        "approver: security-office\n    expires",
        "approver: Storage-Team\n    expires",
        "error[one-person]: storage-team both answers for this and approved it",
    ),
    (
        "The metrics agent 2.4 of the storage pool reads this port until 3.0 ships token support (STOR-812).",
        "we cannot check it",
        "error[weak-text]: `reason` says too little",
    ),
    (
        "The metrics agent 2.4 of the storage pool reads this port until 3.0 ships token support (STOR-812).",
        "This will be fixed someday by the vendor",
        "error[weak-text]: `reason` is vague",
    ),
    (
        "Port 10255 is open to the monitoring pool's address range alone, by firewall rule k8s-storage-14.",
        "firewall",
        "error[weak-text]: `compensating.says` says too little",
    ),
    (
        "control: kubelet-no-read-only-port\n    scope",
        "control: pki-key-mode\n    scope",
        "error[never-accepted]: a failure of pki-key-mode may never be accepted",
    ),
    (
        "control: kubelet-no-read-only-port\n    scope",
        "control: apiserver-anonymous-access\n    scope",
        "error[never-accepted]",
    ),
    (
        "control: kubelet-no-read-only-port\n    scope",
        "control: kubelet-no-readonly-port\n    scope",
        "error[unknown-control]: there is no control `kubelet-no-readonly-port`",
    ),
    (
        "control: kubelet-no-read-only-port\n    scope",
        "control: 4.2.4\n    scope",
        "error[unknown-control]: there is no control `4.2.4`",
    ),
    (
        "control: kubelet-no-read-only-port\n    scope",
        "control: 4.2.99@cis-2.0.1\n    scope",
        "error[unknown-control]: cis-2.0.1 has no id `4.2.99`",
    ),
    ("control: network-policies-in-every-namespace", "control: kubelet-no-read-only-port", "error[compensates-itself]"),
    ("{ verdict: fail, kubelet.readOnlyPort: \"10255\" }", "{}", "error[no-state]"),
    (
        "{ verdict: fail, kubelet.readOnlyPort: \"10255\" }",
        "{ kubelet.podPidsLimit: \"1\" }",
        "error[foreign-fact]: kubelet-no-read-only-port does not speak of kubelet.podPidsLimit",
    ),
    (
        "{ verdict: fail, kubelet.readOnlyPort: \"10255\" }",
        "{ kubelet.readOnlyPrt: \"1\" }",
        "error[unknown-fact]: there is no fact `kubelet.readOnlyPrt`",
    ),
    (
        "      - { link: \"https://provider.example/shared-responsibility\", dated: 2026-03-01 }\n",
        "      []\n",
        "error[no-evidence]",
    ),
    ("dated: 2026-03-01", "dated: 2027-03-01", "error[wrong-order]: the evidence is dated 2027-03-01"),
    ("    recheck: { before: 2027-02-01, on: [provider-upgrade] }\n", "", "error[no-recheck]"),
    ("of: { components: [kube-scheduler] }", "of: {}", "error[too-wide]"),
    ("of: { components: [kube-scheduler] }", "of: { components: [kube-sheduler] }", "error[unknown-component]"),
    ("1.2.16@cis-1.12", "1.2.16", "error[unknown-section]"),
    ("\"Group oidc:platform-admins\"", "", "error[no-subject]"),
    ("\"Group oidc:platform-admins\"", "\"\"", "error[empty-text]: nothing is written here"),
    ("cluster: 5f1c2a1e-0000-4000-8000-000000000001\nreview", "cluster: \"\"\nreview", "error[empty-text]"),
    (
        "{ nodes: { pool: storage } }\n    accepted",
        "{ subjects: [] }\n    accepted",
        "error[empty-text]: `subjects` names nothing",
    ),
    (
        "{ nodes: { pool: storage } }\n    accepted",
        "{ nodes: {} }\n    accepted",
        "error[empty-text]: `nodes` names nothing",
    ),
    ("{ nodes: { pool: storage } }\n    accepted", "{ namespaces: [\"\"] }\n    accepted", "error[empty-text]"),
    ("control: rbac-cluster-admin-only-where-needed", "control: apiserver-no-profiling", "error[judges-no-subjects]"),
    ("control: users-do-not-use-client-certificates", "control: apiserver-no-profiling", "error[no-question]"),
    (
        "answers:\n",
        "answers:\n  - control: users-do-not-use-client-certificates\n    holds: false\n    evidence: Two people of the storage team still use the certificates of kubeadm.\n    author: bob\n    date: 2026-10-01\n    expires: 2027-01-01\n",
        "error[entry-twice]: there is another answer to the same question",
    ),
    ("expires: 2027-10-01", "expires: 2028-10-01", "error[far-expiry]: the answer holds until"),
    (
        "approver: security-office\n    since",
        "aprover: security-office\n    since",
        "error[unknown-field]: unknown field `aprover`",
    ),
    ("answers_days: 400", "answers_days: 400\n  most: 0", "error[too-many-exceptions]"),
    ("longest_days: 200", "longest_days: -1", "error[wrong-value]"),
    ("[kubernetes-upgrade, profile-change]", "[kubernetes-upgrades]", "error[unknown-value]"),
    (
        "review: [cluster-recreated]",
        "review: [cluster-recreated]\n  - control: rbac-cluster-admin-only-where-needed\n    subjects: [\"Group oidc:platform-admins\"]\n    reason: The same people once more, in an entry that somebody forgot to remove.\n    owner: a\n    approver: b\n    since: 2026-10-01\n    expires: 2027-01-01",
        "error[entry-twice]",
    ),
    (
        "of: { controls: [kubelet-event-rate] }",
        "of: { controls: [apiserver-anonymous-access] }",
        "error[never-accepted]: a failure of apiserver-anonymous-access is of priority high or worse",
    ),
    ("    under: { provider: v1.36.1-x1 }\n", "", "error[idle-trigger]: provider-upgrade never fires"),
    ("profile: cis-2.0.1@abcd0123", "profile: cis-2.0.1", "error[idle-trigger]: profile-change never fires"),
    ("profile: cis-2.0.1@abcd0123", "profile: cis-2.0.1@", "error[idle-trigger]: profile-change never fires"),
    ("profile: cis-2.0.1@abcd0123", "profile: cis-2.0.1@abc", "error[idle-trigger]: profile-change never fires"),
    (
        "control: kubelet-no-read-only-port\n    scope",
        "control: rbac-cluster-admin-only-where-needed\n    scope",
        "error[too-wide]: this would accept every subject of rbac-cluster-admin-only-where-needed",
    ),
    (
        "of: { components: [kube-scheduler] }",
        "of: { platforms: [kubeadm] }",
        "error[too-wide]: this class would be that of everything",
    ),
    (
        "of: { controls: [kubelet-event-rate] }",
        "of: { nodes: { pool: web } }",
        "error[too-wide]: this class would be that of everything",
    ),
    ("before: 2027-02-01", "before: 2026-11-25", "error[expired]: this was to be looked at again by 2026-11-25"),
    ("before: 2027-02-01", "before: 2029-02-01", "error[far-expiry]: the recheck holds until 2029-02-01"),
    ("approver: security-office\n    expires", "approver: Storage Team\n    expires", "error[one-person]"),
    (
        "approver: security-office\n    expires",
        "approver: N/A\n    expires",
        "error[weak-text]: `approver` names nobody",
    ),
    ("approver: security-office\n    expires", "approver: storage-team (lead)\n    expires", "error[one-person]"),
    (
        "owner: storage-team\n    approver: security-office",
        "owner: platform-team\n    approver: \"#platform\"",
        "error[one-person]",
    ),
    (
        "subjects: [\"Group oidc:platform-admins\"",
        "subjects: [\"Group system:authenticated\", \"Group oidc:platform-admins\"",
        "error[never-accepted]: Group system:authenticated is anybody at all",
    ),
    (
        "The metrics agent 2.4 of the storage pool reads this port until 3.0 ships token support (STOR-812).",
        "Business need. Will be fixed later, see the ticket.",
        "error[weak-text]: `reason` is vague",
    ),
    ("author: ada", "author: \"-\"", "error[weak-text]: `author` names nobody"),
    ("- owner: audit-team", "- owner: tbd", "error[weak-text]: `owner` names nobody"),
    (
        "The metrics agent 2.4 of the storage pool reads this port until 3.0 ships token support (STOR-812).",
        "because because because because because because",
        "error[weak-text]: `reason` says too little",
    ),
];

#[test]
fn what_an_auditor_refuses_is_refused() {
    let content = content();
    for (strong, weak, expected) in REFUSED {
        assert!(SAMPLE.contains(strong), "{strong}");
        let told = said(&SAMPLE.replacen(strong, weak, 1), content);
        assert!(told.contains(expected), "{strong} -> {weak}\nwanted: {expected}\ntold: {told}");
    }
}

/// Several states of one control may be accepted, and of several demands; the same one twice is told.
#[test]
fn what_is_accepted_beside_another_is_no_repetition() {
    let start = SAMPLE.find("  - control: kubelet-no-read-only-port").unwrap();
    let end = SAMPLE.find("grants:").unwrap();
    let (before, own, after) = (&SAMPLE[..start], &SAMPLE[start..end], &SAMPLE[end..]);
    for (other, told) in [
        (own.to_owned(), "another exception for the same"),
        (own.replace("\"10255\"", "\"10250\""), ""),
        (own.replace("readOnlyPort is 0", "readOnlyPort is 1"), ""),
        (own.replace("pool: storage", "pool: web"), ""),
        (own.replace("expires: 2027-03-31", "expires: 2027-03-01"), "another exception for the same"),
    ] {
        let found = said(&format!("{before}{own}{other}{after}"), content());
        assert_eq!(found.contains(told) && !found.is_empty(), !told.is_empty(), "{other}\n{found}");
    }
}

/// What is past is told as overdue, and not as refused.
#[test]
fn what_has_expired_is_not_refused() {
    for (strong, weak) in [
        ("expires: 2027-03-31\n    review: [kube", "expires: 2026-11-25\n    review: [kube"),
        ("before: 2027-02-01", "before: 2026-11-25"),
        ("expires: 2027-10-01", "expires: 2026-11-25"),
    ] {
        let text = SAMPLE.replacen(strong, weak, 1);
        assert!(said(&text, content()).contains("error[expired]"), "{weak}");
        let (register, _) = load("register.yaml", &text, content(), &mut Sources::default());
        assert_eq!(crate::refused(&register, content(), DAY), [].into(), "{weak}");
    }
}

/// What is refused is pointed at: the text, the day or the name itself.
#[test]
fn a_mistake_is_shown_where_it_is_written() {
    let reason = "The metrics agent 2.4 of the storage pool reads this port until 3.0 ships token support (STOR-812).";
    let says = "Port 10255 is open to the monitoring pool's address range alone, by firewall rule k8s-storage-14.";
    let until = "expires: 2027-03-31\n    review: [kube";
    for (strong, weak, code, pointed) in [
        (reason, "we cannot check it", "weak-text", "we cannot check it"),
        (reason, "\"fix: someday\"", "weak-text", "\"fix: someday\""),
        (reason, ">- # why\n\n      as discussed\n      with them", "weak-text", "as discussed\n      with them"),
        (reason, "|\n      tbd", "weak-text", "tbd"),
        (says, "firewall", "weak-text", "firewall"),
        (until, "expires: 2029-03-31\n    review: [kube", "far-expiry", "2029-03-31"),
        (until, "expires: 2026-11-25\n    review: [kube", "expired", "2026-11-25"),
        ("since: 2026-10-01\n      state", "since: 2026-12-01\n      state", "wrong-order", "2026-12-01"),
        ("approver: security-office\n    expires", "approver: storage-team\n    expires", "one-person", "storage-team"),
        (
            "control: kubelet-no-read-only-port\n    scope",
            "control: pki-key-mode\n    scope",
            "never-accepted",
            "pki-key-mode",
        ),
        (
            "control: network-policies-in-every-namespace",
            "control: kubelet-no-read-only-port",
            "compensates-itself",
            "kubelet-no-read-only-port",
        ),
        ("before: 2027-02-01", "before: 2028-02-01", "far-expiry", "2028-02-01"),
        (
            "kubelet.readOnlyPort: \"10255\" }",
            "kubelet.podPidsLimit: \"1\" }",
            "foreign-fact",
            "{ verdict: fail, kubelet.podPidsLimit: \"1\" }",
        ),
        ("profile: cis-2.0.1@abcd0123", "profile: cis-2.0.1", "idle-trigger", "[kubernetes-upgrade, profile-change]"),
    ] {
        assert!(SAMPLE.contains(strong), "{strong}");
        let text = SAMPLE.replacen(strong, weak, 1);
        let (register, found) = load("register.yaml", &text, content(), &mut Sources::default());
        assert!(found.is_empty(), "{weak}: {found:?}");
        let told = crate::lint(&register, content(), DAY);
        let own = told.iter().find(|one| one.code == code).unwrap();
        assert_eq!(&text[own.span.clone()], pointed, "{weak}");
        // The entry that is refused is found all the same.
        let refused = crate::refused(&register, content(), DAY);
        assert_eq!(refused.contains_key(&29), code != "expired" && !weak.starts_with("before"), "{weak}: {refused:?}");
    }
}

#[test]
fn what_may_never_be_accepted_exists() {
    let content = content();
    for name in crate::NEVER {
        assert!(content.control(name).is_some(), "{name}");
    }
}
