//! A strong register, and what becomes of it when it weakens.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use assess::{Citation, Judged, Observed, Outcome, SubjectName, Verdict};
use benchmark::{Assessment, Content, Parameters};
use diag::{Sources, render_short};
use jiff::civil::{Date, date};

use crate::{Asked, Context, Decider, Decision, Register, State, Under, lint, load};

const SAMPLE: &str = include_str!("../tests/sample.yaml");
const DAY: Date = date(2026, 11, 26);

fn content() -> &'static Content {
    static CONTENT: OnceLock<Content> = OnceLock::new();
    CONTENT.get_or_init(|| {
        let (content, found) =
            benchmark::load(&benchmark::builtin_files(), &assess::vocabulary(), &mut Sources::default());
        assert!(!diag::has_errors(&found));
        content
    })
}

/// Everything that is said of a text: reading, then linting, in short lines.
fn said(text: &str, content: &Content) -> String {
    let mut sources = Sources::default();
    let (register, mut found) = load("register.yaml", text, content, &mut sources);
    found.extend(lint(&register, content, DAY));
    render_short(&found, &sources)
}

fn sample(content: &Content) -> Register {
    let mut sources = Sources::default();
    let (register, found) = load("register.yaml", SAMPLE, content, &mut sources);
    assert_eq!(render_short(&found, &sources), "");
    register
}

#[test]
fn a_strong_register_passes() {
    assert_eq!(said(SAMPLE, content()), "");
}

#[test]
fn the_schema_takes_what_the_reader_takes() {
    let schema = crate::schema();
    let value: serde_json::Value = serde_saphyr::from_str(SAMPLE).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new());
    for wrong in ["exceptionz: []", "owners: [{ ownr: x }]", "grants: [{ control: x }]"] {
        let wrong: serde_json::Value = serde_saphyr::from_str(&format!("register: x\n{wrong}\n")).unwrap();
        assert!(!validator.is_valid(&wrong), "{wrong}");
    }
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
        "error[weak-text]: `compensating` says too little",
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
    ("control: rbac-cluster-admin-only-where-needed", "control: apiserver-no-profiling", "error[judges-no-subjects]"),
    ("control: users-do-not-use-client-certificates", "control: apiserver-no-profiling", "error[no-question]"),
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
    ("profile: cis-2.0.1@abcd", "profile: cis-2.0.1", "error[idle-trigger]: profile-change never fires"),
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

#[test]
fn what_may_never_be_accepted_exists() {
    let content = content();
    for name in crate::NEVER {
        assert!(content.control(name).is_some(), "{name}");
    }
}

fn observed(fact: &str, value: Option<&str>) -> Observed {
    let how = if value.is_some() { "explicit" } else { "unknown" };
    Observed {
        fact: fact.to_owned(),
        value: value.map(str::to_owned),
        how: how.to_owned(),
        source: "pid 7".to_owned(),
        decides: true,
    }
}

fn outcome(verdict: Verdict, kind: &str, name: &str, seen: Vec<Observed>) -> Outcome {
    Outcome {
        subject: SubjectName { kind: kind.to_owned(), name: name.to_owned() },
        verdict,
        equivalent: None,
        basis: None,
        reason: String::new(),
        help: None,
        provider: None,
        outside: false,
        observed: seen,
        notes: Vec::new(),
    }
}

fn judged<'c>(content: &'c Content, control: &str, outcome: Outcome) -> Judged<'c> {
    let profile = content.profile("cis-2.0.1").unwrap();
    let cited = profile.entries.iter().filter(|entry| entry.control == control).map(|entry| Citation {
        profile: profile.name.clone(),
        id: entry.id.clone(),
        section: String::new(),
        level: 1,
        assessment: Assessment::Automated,
    });
    let control = content.control(control).unwrap();
    let parameters: Parameters = control.parameters.clone();
    Judged { control, parameters, cited_by: cited.collect(), outcomes: vec![("w1".to_owned(), Arc::new(outcome))] }
}

fn context(as_of: Date) -> Context {
    Context {
        as_of,
        platform: "kubeadm".to_owned(),
        now: Under { kubernetes: Some("1.36".to_owned()), ..Under::default() },
        profiles: BTreeMap::from([("cis-2.0.1".to_owned(), "abcd0123".to_owned())]),
        labels: BTreeMap::from([("w1".to_owned(), BTreeMap::from([("pool".to_owned(), "storage".to_owned())]))]),
        names: BTreeSet::from(["5f1c2a1e-0000-4000-8000-000000000001".to_owned()]),
        narrowed: false,
        refused: BTreeMap::new(),
    }
}

fn port(value: &str) -> Outcome {
    outcome(Verdict::Fail, "component", "kubelet", vec![observed("kubelet.readOnlyPort", Some(value))])
}

/// What is decided of the exception's own finding, after something changed.
fn decided(change: impl FnOnce(&mut Register, &mut Context, &mut Vec<Judged<'_>>)) -> Decision {
    let content = content();
    let mut register = sample(content);
    let mut all = vec![
        judged(content, "kubelet-no-read-only-port", port("10255")),
        judged(content, "network-policies-in-every-namespace", outcome(Verdict::Pass, "namespace", "a", Vec::new())),
    ];
    let expected = all[0].control.expected(&all[0].parameters);
    register.exceptions[0].accepted.expected = Some(expected);
    let mut situation = context(DAY);
    change(&mut register, &mut situation, &mut all);
    let decider = Decider::new(&register, situation, &all);
    decider.decide(&Asked { demand: &all[0], capture: "w1", outcome: &all[0].outcomes[0].1 })
}

#[test]
fn an_exception_holds_as_long_as_everything_stays() {
    let decision = decided(|_, _, _| ());
    assert_eq!(decision.state, State::Accepted);
    assert_eq!(decision.owner.as_deref(), Some("storage-team"));
    assert_eq!(decision.source.as_deref(), Some("the storage pool's image"));
    assert_eq!(decision.until.as_deref(), Some("2027-03-31"));
    assert_eq!(decision.by.as_deref(), Some("security-office"));
    assert_eq!(decision.entry.as_deref(), Some("register.yaml:29"));
    assert!(decision.evidence[0].ends_with("(network-policies-in-every-namespace passes)"), "{:?}", decision.evidence);
    assert_eq!((decision.due, decision.lapsed), (Vec::new(), Vec::new()));
}

#[test]
fn an_exception_ends_for_a_reason_that_is_told() {
    let lapsed = |decision: Decision, why: &str| {
        assert_eq!(decision.state, State::Required, "{decision:?}");
        assert!(decision.lapsed.iter().any(|told| told.contains(why)), "{why}: {:?}", decision.lapsed);
        assert_eq!(decision.owner.as_deref(), Some("storage-team"));
    };
    lapsed(
        decided(|_, _, all| all[0].outcomes[0].1 = Arc::new(port("10250"))),
        "kubelet.readOnlyPort was 10255, is 10250",
    );
    let unseen = |all: &mut Vec<Judged<'_>>| {
        all[0].outcomes[0].1 =
            Arc::new(outcome(Verdict::Unknown, "component", "kubelet", vec![observed("kubelet.readOnlyPort", None)]));
    };
    lapsed(decided(|_, _, all| unseen(all)), "kubelet.readOnlyPort was 10255, is (unknown)");
    lapsed(
        decided(|_, _, all| Arc::make_mut(&mut all[1].outcomes[0].1).verdict = Verdict::Fail),
        "which compensates for it, does not pass: it fails",
    );
    lapsed(
        decided(|_, _, all| Arc::make_mut(&mut all[1].outcomes[0].1).verdict = Verdict::Unknown),
        "does not pass: it could not be seen",
    );
    lapsed(
        decided(|register, _, _| register.exceptions[0].accepted.since = date(2026, 12, 1)),
        "accepted from 2026-12-01 on",
    );
    let no_labels = decided(|register, context, _| {
        context.labels.clear();
        register.owners[1].of.nodes.clear();
    });
    lapsed(no_labels, "those of w1 were not seen");
    lapsed(decided(|_, _, all| all.truncate(1)), "was not judged: no profile demands it");
    let refused = |_: &mut Register, context: &mut Context, _: &mut Vec<Judged<'_>>| {
        context.refused.insert(29, "one person".to_owned());
    };
    let told = decided(refused);
    assert_eq!(told.lapsed, ["register.yaml:29: refused by `register lint`: one person"]);
    assert_eq!(told.state, State::Required);
    let foreign = decided(|_, context, _| context.names = BTreeSet::from(["another".to_owned()]));
    assert!(foreign.lapsed[0].contains("this is another: it decides nothing"), "{foreign:?}");
    assert_eq!(foreign.state, State::Required);
    // Another pool is simply not meant.
    let elsewhere = decided(|register, context, _| {
        context.labels.get_mut("w1").unwrap().insert("pool".to_owned(), "web".to_owned());
        register.owners.clear();
    });
    assert_eq!((elsewhere.state, elsewhere.lapsed.len(), elsewhere.owner), (State::Required, 0, None));
}

#[test]
fn an_exception_expires_and_then_names_its_owner() {
    for (day, state) in [
        (date(2027, 3, 30), State::Accepted),
        (date(2027, 3, 31), State::Accepted),
        (date(2027, 4, 1), State::Overdue),
        (date(2030, 1, 1), State::Overdue),
    ] {
        let decision = decided(|_, context, _| context.as_of = day);
        assert_eq!((decision.state, decision.owner.as_deref()), (state, Some("storage-team")), "{day}");
    }
}

#[test]
fn what_has_changed_since_makes_an_exception_due() {
    let due = |decision: Decision, why: &str| {
        assert_eq!(decision.state, State::Accepted, "{decision:?}");
        assert!(decision.due.iter().any(|told| told.contains(why)), "{why}: {:?}", decision.due);
    };
    due(decided(|_, context, _| context.now.kubernetes = Some("1.37".to_owned())), "1.36 then, 1.37 now");
    due(
        decided(|_, context, _| context.profiles = BTreeMap::from([("cis-2.0.1".to_owned(), "ffff".to_owned())])),
        "demands something else",
    );
    due(
        decided(|_, context, _| context.profiles = BTreeMap::from([("cis-3".to_owned(), "ffff".to_owned())])),
        "now it is cis-3",
    );
    due(
        decided(|register, _, _| register.exceptions[0].accepted.expected = Some("x is 1".to_owned())),
        "it was \"x is 1\"",
    );
    let narrowed = decided(|_, context, all| {
        context.narrowed = true;
        all.truncate(1);
    });
    due(narrowed, "lies outside what was looked at");
}

#[test]
fn grants_answers_and_classes_decide_their_own() {
    let content = content();
    let mut register = sample(content);
    let admin = |name: &str| {
        judged(content, "rbac-cluster-admin-only-where-needed", outcome(Verdict::Fail, "subject", name, Vec::new()))
    };
    let question = || {
        judged(
            content,
            "users-do-not-use-client-certificates",
            outcome(Verdict::Manual, "component", "kube-apiserver", Vec::new()),
        )
    };
    let scheduler = |verdict| {
        judged(content, "scheduler-no-profiling", outcome(verdict, "component", "kube-scheduler", Vec::new()))
    };
    let rate = || judged(content, "kubelet-event-rate", outcome(Verdict::Fail, "component", "kubelet", Vec::new()));
    let decide = |register: &Register, demand: Judged<'_>, context: Context| {
        let all = [demand];
        let decider = Decider::new(register, context, &all);
        decider.decide(&Asked { demand: &all[0], capture: "w1", outcome: &all[0].outcomes[0].1 })
    };
    let today = || context(DAY);
    let later = || context(date(2028, 1, 1));
    let state = |register: &Register, demand, context| decide(register, demand, context).state;
    assert_eq!(state(&register, admin("Group oidc:platform-admins"), today()), State::Accepted);
    assert_eq!(state(&register, admin("Group oidc:platform-admins"), later()), State::Overdue);
    assert_eq!(state(&register, admin("Group oidc:everybody"), today()), State::Required);
    let mut elsewhere = today();
    elsewhere.now.cluster = Some("another".to_owned());
    let due = decide(&register, admin("Group oidc:platform-admins"), elsewhere).due;
    assert!(due[0].starts_with("this is another cluster"), "{due:?}");

    assert_eq!(state(&register, question(), today()), State::Answered);
    assert_eq!(decide(&register, question(), today()).by.as_deref(), Some("ada on 2026-10-02"));
    assert_eq!(state(&register, question(), later()), State::Overdue);
    register.answers[0].question = Some("Something else?".to_owned());
    assert_eq!(state(&register, question(), today()), State::Unanswered);
    register.answers[0].question = None;
    register.answers[0].holds = false;
    assert_eq!(state(&register, question(), today()), State::Required);

    // What a person found wanting is nobody else's, whatever class speaks of it.
    let mut classed = register.clone();
    classed.classes[0].of.components = vec!["kube-apiserver".to_owned()];
    assert_eq!(state(&classed, question(), today()), State::Required);
    // A grant ends with what was granted.
    let mut granted = register.clone();
    granted.grants[0].state = BTreeMap::from([("verdict".to_owned(), "fail".to_owned())]);
    assert_eq!(state(&granted, admin("Group oidc:platform-admins"), today()), State::Accepted);
    granted.grants[0].state.insert("account.bindings".to_owned(), "(absent)".to_owned());
    let more = decide(&granted, admin("Group oidc:platform-admins"), today());
    assert_eq!(more.state, State::Required);
    assert!(more.lapsed[0].contains("the state changed: account.bindings"), "{more:?}");

    let hidden = decide(&register, scheduler(Verdict::Unknown), today());
    assert_eq!(hidden.state, State::ProviderOwned);
    assert_eq!(hidden.evidence, ["https://provider.example/shared-responsibility (read on 2026-03-01)"]);
    assert_eq!(state(&register, scheduler(Verdict::Unknown), later()), State::Overdue);
    let shown = decide(&register, scheduler(Verdict::Fail), today());
    assert_eq!(shown.state, State::Required);
    assert!(shown.lapsed[0].contains("the evidence shows a failure here"), "{:?}", shown.lapsed);
    assert_eq!(state(&register, scheduler(Verdict::Pass), today()), State::None);
    assert_eq!(state(&register, rate(), today()), State::Informational);
    // Nothing grave is mere information, however wide the entry.
    let mut wide = register.clone();
    wide.classes[1].of = crate::Scope { components: vec!["etcd".to_owned()], ..crate::Scope::default() };
    let etcd = || judged(content, "etcd-no-auto-tls", outcome(Verdict::Fail, "component", "etcd", Vec::new()));
    let grave = decide(&wide, etcd(), today());
    assert_eq!(grave.state, State::Required);
    assert!(grave.lapsed[0].contains("nobody's mere information"), "{grave:?}");
    // A section is that of its profile, whichever is judged.
    let mut sections = register.clone();
    let owner = decide(&sections, judged(content, "apiserver-audit-log", port("1")), today()).owner;
    assert_eq!(owner.as_deref(), Some("audit-team"));
    sections.owners[2].of.in_sections.clear();
    let owner = decide(&sections, judged(content, "apiserver-audit-log", port("1")), today()).owner;
    assert_eq!(owner.as_deref(), Some("platform-team"));
}

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

proptest::proptest! {
    /// Any text is read, and any mistake has a place in it.
    #[test]
    fn any_text_can_be_read(at in 0..SAMPLE.len(), put in "[ -~\n]{0,12}", cut in 0usize..40) {
        let content = &Content::default();
        let mut text = SAMPLE.as_bytes().to_vec();
        let end = (at + cut).min(text.len());
        text.splice(at..end, put.bytes());
        let text = String::from_utf8(text).unwrap();
        let mut sources = Sources::default();
        let (register, found) = load("register.yaml", &text, content, &mut sources);
        lint(&register, content, DAY);
        for one in found {
            proptest::prop_assert!(one.span.end <= text.len());
        }
    }

    /// A register never moves a verdict's own question: what passes needs no decision, and an outcome without an entry is
    /// decided as without a register.
    #[test]
    fn what_no_entry_speaks_of_is_decided_as_without_a_register(verdict in 0usize..5, outside: bool, provider: bool) {
        let content = content();
        let verdict = [Verdict::Fail, Verdict::Unknown, Verdict::Manual, Verdict::Pass, Verdict::NotApplicable][verdict];
        let mut own = outcome(verdict, "component", "etcd", Vec::new());
        own.outside = outside;
        own.provider = provider.then(|| "somebody".to_owned());
        let all = [judged(content, "etcd-no-auto-tls", own)];
        let empty = Register::default();
        let decision = Decider::new(&empty, context(DAY), &all)
            .decide(&Asked { demand: &all[0], capture: "w1", outcome: &all[0].outcomes[0].1 });
        let plain = if provider { State::ProviderOwned } else { State::default_for(verdict, outside) };
        proptest::prop_assert_eq!(decision, Decision::from(plain));
    }
}
