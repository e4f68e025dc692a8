//! What each kind of entry decides, and that nothing else is decided.

use std::collections::BTreeMap;

use assess::{Judged, Verdict};
use jiff::civil::date;

use super::{DAY, content, context, judged, outcome, port, sample};
use crate::{Asked, Context, Decider, Decision, Register, State};

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

/// An entry of a later day decides nothing yet, whatever it is, and is refused as well.
#[test]
fn what_is_of_a_later_day_does_not_hold_yet() {
    let content = content();
    let later = date(2026, 12, 1);
    let mut register = sample(content);
    register.exceptions[0].accepted.since = later;
    register.grants[0].since = later;
    register.answers[0].date = later;
    let refused = crate::refused(&register, content, DAY);
    assert_eq!(refused.len(), 3, "{refused:?}");
    assert!(refused.values().all(|why| why == "2026-12-01 lies in the future"), "{refused:?}");
    let group = "Group oidc:platform-admins";
    let all = [
        judged(content, "kubelet-no-read-only-port", port("10255")),
        judged(content, "rbac-cluster-admin-only-where-needed", outcome(Verdict::Fail, "subject", group, Vec::new())),
        judged(
            content,
            "users-do-not-use-client-certificates",
            outcome(Verdict::Manual, "component", "kube-apiserver", Vec::new()),
        ),
    ];
    register.exceptions[0].compensating.control = None;
    for (day, open) in [(DAY, true), (date(2026, 11, 30), true), (later, false)] {
        let decider = Decider::new(&register, context(day), &all);
        for demand in &all {
            let decision = decider.decide(&Asked { demand, capture: "w1", outcome: &demand.outcomes[0].1 });
            assert_eq!(decision.state.is_open(), open, "{day} {}: {decision:?}", demand.control.name);
            let why = "it holds from 2026-12-01 on, which is later than this day";
            assert_eq!(decision.lapsed.iter().any(|told| told.ends_with(why)), open, "{decision:?}");
        }
    }
}

/// What lies in a namespace, and what only bears its name.
#[test]
fn a_namespace_holds_what_lies_in_it() {
    let content = content();
    let mut register = sample(content);
    register.owners.truncate(1);
    register.owners[0].of = crate::Scope { namespaces: vec!["kube-system".to_owned()], ..crate::Scope::default() };
    for (kind, name, lies) in [
        ("namespace", "kube-system", true),
        ("namespace", "kube-system-2", false),
        ("service account", "kube-system/default", true),
        ("service account", "kube-systems/default", false),
        ("subject", "ServiceAccount kube-system/operator", true),
        ("subject", "ServiceAccount other/kube-system", false),
        ("subject", "User kube-system/x", false),
        ("subject", "Group kube-system", false),
        ("role", "Role kube-system/reader", true),
        ("role", "ClusterRole kube-system", false),
        ("file", "kube-system/x", false),
        ("component", "kube-system", false),
    ] {
        let all = [judged(content, "kubelet-event-rate", outcome(Verdict::Fail, kind, name, Vec::new()))];
        let decider = Decider::new(&register, context(DAY), &all);
        let decision = decider.decide(&Asked { demand: &all[0], capture: "w1", outcome: &all[0].outcomes[0].1 });
        assert_eq!(decision.owner.is_some(), lies, "{kind} {name}");
    }
}

/// Of two answers the later one counts; of one day, the one that finds something wanting.
#[test]
fn no_answer_covers_up_another() {
    let content = content();
    let all = [judged(
        content,
        "users-do-not-use-client-certificates",
        outcome(Verdict::Manual, "component", "kube-apiserver", Vec::new()),
    )];
    let (day, next) = (date(2026, 10, 2), date(2026, 10, 3));
    for (answers, expected) in [
        ([(day, true), (day, false)], State::Required),
        ([(day, false), (day, true)], State::Required),
        ([(day, false), (next, true)], State::Answered),
        ([(next, true), (day, false)], State::Answered),
        ([(day, true), (next, false)], State::Required),
    ] {
        let mut register = sample(content);
        register.answers.push(register.answers[0].clone());
        for (answer, (date, holds)) in register.answers.iter_mut().zip(answers) {
            (answer.date, answer.holds) = (date, holds);
        }
        let decider = Decider::new(&register, context(DAY), &all);
        let decision = decider.decide(&Asked { demand: &all[0], capture: "w1", outcome: &all[0].outcomes[0].1 });
        assert_eq!(decision.state, expected, "{answers:?}");
    }
}

/// A class is due by its triggers, and an answer that does not say what was asked is due to say it.
#[test]
fn classes_and_answers_are_due_too() {
    let content = content();
    let mut register = sample(content);
    let all = [
        judged(content, "scheduler-no-profiling", outcome(Verdict::Unknown, "component", "kube-scheduler", Vec::new())),
        judged(
            content,
            "users-do-not-use-client-certificates",
            outcome(Verdict::Manual, "component", "kube-apiserver", Vec::new()),
        ),
    ];
    let due = |register: &Register, provider: &str, at: usize| {
        let mut now = context(DAY);
        now.now.provider = Some(provider.to_owned());
        let decider = Decider::new(register, now, &all);
        decider.decide(&Asked { demand: &all[at], capture: "w1", outcome: &all[at].outcomes[0].1 }).due
    };
    assert_eq!(due(&register, "v1.36.1-x1", 0), Vec::<String>::new());
    assert_eq!(due(&register, "v1.36.1-x2", 0), ["the provider's version changed: v1.36.1-x1 then, v1.36.1-x2 now"]);
    assert!(due(&register, "v1.36.1-x1", 1)[0].starts_with("it does not say what was asked"));
    register.answers[0].question = Some(all[1].control.expected(&all[1].parameters));
    assert_eq!(due(&register, "v1.36.1-x1", 1), Vec::<String>::new());
}

/// A register that was written for another cluster decides nothing, and is told as such once.
#[test]
fn a_foreign_register_decides_nothing() {
    let content = content();
    let register = sample(content);
    let all = [
        judged(content, "kubelet-no-read-only-port", port("10255")),
        judged(content, "kubelet-event-rate", outcome(Verdict::Fail, "component", "kubelet", Vec::new())),
        judged(content, "scheduler-no-profiling", outcome(Verdict::Unknown, "component", "kube-scheduler", Vec::new())),
        judged(
            content,
            "users-do-not-use-client-certificates",
            outcome(Verdict::Manual, "component", "kube-apiserver", Vec::new()),
        ),
        judged(content, "apiserver-no-profiling", outcome(Verdict::Pass, "component", "kube-apiserver", Vec::new())),
    ];
    let own = register.cluster.clone().unwrap();
    for (uids, called, foreign) in [
        (vec![own.as_str()], None, None),
        (vec![own.as_str()], Some("another"), None),
        (vec!["another"], Some(own.as_str()), None),
        (vec![], Some(own.as_str()), None),
        (vec!["another"], None, Some("this is another: it decides nothing")),
        (vec!["another"], Some("prod-2"), Some("this is another, prod-2: it decides nothing")),
        (vec![], Some("prod-2"), Some("this is prod-2: it decides nothing")),
        (vec![], None, Some("this is one whose name was not seen (give --cluster-name): it decides nothing")),
        (vec!["a", own.as_str()], Some(own.as_str()), Some(": it decides nothing")),
    ] {
        let uids: std::collections::BTreeSet<String> = uids.into_iter().map(str::to_owned).collect();
        let situation = Context { uids: uids.clone(), called: called.map(str::to_owned), ..context(DAY) };
        let decider = Decider::new(&register, situation, &all);
        let told = decider.foreign();
        assert_eq!(told.is_some(), foreign.is_some(), "{uids:?} {called:?}");
        assert!(told.iter().zip(foreign).all(|(told, why)| told.ends_with(why)), "{told:?}");
        let several = told.iter().any(|told| told.contains("this is evidence of several, "));
        assert_eq!(several, uids.len() > 1, "{told:?}");
        for demand in &all {
            let outcome = &demand.outcomes[0].1;
            let decision = decider.decide(&Asked { demand, capture: "w1", outcome });
            let plain = Decision::from(State::default_for(outcome.verdict, outcome.outside));
            assert_eq!(decision == plain, foreign.is_some(), "{uids:?} {}: {decision:?}", demand.control.name);
        }
    }
    // One that names no cluster is taken for every one.
    let shared = Register { cluster: None, ..register.clone() };
    let decider = Decider::new(&shared, Context { uids: [].into(), ..context(DAY) }, &all);
    assert_eq!(decider.foreign(), None);
}

proptest::proptest! {
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
