//! Entries by which nothing was decided.

use assess::{Judged, Verdict};

use super::{DAY, content, context, judged, outcome, sample};
use crate::{Class, Context, Decider, Register, Scope};

const PORT: &str = "kubelet-no-read-only-port";
const ADMIN: &str = "rbac-cluster-admin-only-where-needed";
const QUESTION: &str = "users-do-not-use-client-certificates";
const GROUP: &str = "Group oidc:platform-admins";

/// The entries that are named, without the rest of the sample's lines.
fn unused(register: &Register, context: Context, all: &[Judged<'_>]) -> Vec<String> {
    let decider = Decider::new(register, context, all);
    decider.unused(all).into_iter().map(|(at, what)| format!("{at} {what}")).collect()
}

/// A register with one entry of each kind, and nothing else.
fn only(keep: &str) -> Register {
    let mut register = sample(content());
    for (kind, clear) in [
        ("owners", (|register| register.owners.clear()) as fn(&mut Register)),
        ("classes", |register| register.classes.clear()),
        ("exceptions", |register| register.exceptions.clear()),
        ("grants", |register| register.grants.clear()),
        ("answers", |register| register.answers.clear()),
    ] {
        if kind != keep {
            clear(&mut register);
        }
    }
    register
}

#[test]
fn each_kind_of_entry_is_named_with_why() {
    let content = content();
    let all = [
        judged(content, PORT, outcome(Verdict::Pass, "component", "kubelet", Vec::new())),
        judged(content, ADMIN, outcome(Verdict::Fail, "subject", "x", Vec::new())),
    ];
    assert_eq!(
        unused(&sample(content), context(DAY), &all),
        [
            "register.yaml:8 the owner platform-team is idle: no control that it speaks of is demanded by cis-2.0.1",
            "register.yaml:15 the owner audit-team is idle: no control that it speaks of is demanded by cis-2.0.1",
            "register.yaml:18 the class provider-owned is idle: no control that it speaks of is demanded by cis-2.0.1",
            "register.yaml:25 the class informational is idle: no control that it speaks of is demanded by cis-2.0.1",
            "register.yaml:29 the exception for kubelet-no-read-only-port is mended: the control passes now",
            "register.yaml:46 the grant of rbac-cluster-admin-only-where-needed to Group oidc:platform-admins matches \
             nothing",
            "register.yaml:56 the answer for users-do-not-use-client-certificates is idle: its control is not demanded by \
             cis-2.0.1",
        ]
    );
    // Another cluster's register says nothing of this one, nor is anything said of it.
    let mut elsewhere = context(DAY);
    elsewhere.uids.clear();
    assert!(unused(&sample(content), elsewhere, &all).is_empty());
}

/// What each verdict says of an entry that speaks of it: nothing, or why it is of no use.
#[test]
fn a_verdict_uses_what_it_could_be_decided_by() {
    use Verdict::{Fail, Manual, NotApplicable, Pass, Unknown};
    let (passes, not_here) = ("is mended: the control passes now", "is mended: the control does not apply now");
    let asks = "decides nothing: what it speaks of is a question for a person";
    let fails = "decides nothing: what it speaks of was seen, and fails";
    // Of the scheduler nothing grave is demanded, so that a class may speak of it.
    let scheduler = ("scheduler-no-profiling", "component", "kube-scheduler");
    for (kind, (control, of, name), expected) in [
        ("owners", scheduler, [(Fail, ""), (Unknown, ""), (Manual, ""), (Pass, ""), (NotApplicable, "")]),
        ("required", scheduler, [(Fail, ""), (Unknown, ""), (Manual, ""), (Pass, passes), (NotApplicable, not_here)]),
        (
            "provider",
            scheduler,
            [(Fail, fails), (Unknown, ""), (Manual, ""), (Pass, passes), (NotApplicable, not_here)],
        ),
        ("informs", scheduler, [(Fail, ""), (Unknown, ""), (Manual, asks), (Pass, passes), (NotApplicable, not_here)]),
        (
            "exceptions",
            (PORT, "component", "kubelet"),
            [(Fail, ""), (Unknown, ""), (Manual, ""), (Pass, passes), (NotApplicable, not_here)],
        ),
        (
            "grants",
            (ADMIN, "subject", GROUP),
            [(Fail, ""), (Unknown, ""), (Manual, asks), (Pass, passes), (NotApplicable, not_here)],
        ),
        (
            "answers",
            (QUESTION, "component", "kube-apiserver"),
            [(Fail, fails), (Unknown, ""), (Manual, ""), (Pass, passes), (NotApplicable, not_here)],
        ),
    ] {
        let mut register = only(if ["required", "provider", "informs"].contains(&kind) { "classes" } else { kind });
        register.owners.truncate(1);
        for owner in &mut register.owners {
            owner.of = Scope { components: vec!["kube-scheduler".to_owned()], ..Scope::default() };
        }
        register.classes.truncate(1);
        for class in &mut register.classes {
            class.class = match kind {
                "required" => Class::Required,
                "provider" => Class::ProviderOwned,
                _ => Class::Informational,
            };
        }
        for (verdict, why) in expected {
            let all = [judged(content(), control, outcome(verdict, of, name, Vec::new()))];
            let told = unused(&register, context(DAY), &all);
            let expected: Vec<&str> = Some(why).filter(|why| !why.is_empty()).into_iter().collect();
            assert_eq!(told.len(), expected.len(), "{kind} {verdict:?}: {told:?}");
            assert!(told.iter().zip(&expected).all(|(told, why)| told.ends_with(why)), "{kind} {verdict:?}: {told:?}");
        }
    }
}

#[test]
fn what_is_grave_is_no_use_of_a_mere_information() {
    let mut register = only("classes");
    register.classes.remove(0);
    register.classes[0].of = Scope { components: vec!["etcd".to_owned()], ..Scope::default() };
    let all = [judged(content(), "etcd-no-auto-tls", outcome(Verdict::Fail, "component", "etcd", Vec::new()))];
    let told = unused(&register, context(DAY), &all);
    assert_eq!(
        told,
        ["register.yaml:25 the class informational decides nothing: what it speaks of was seen, and fails"]
    );
}

/// What could not be seen, was not looked at or is meant for elsewhere is not called unused.
#[test]
fn what_may_be_there_is_not_called_unused() {
    let content = content();
    let fail = |control: &str, kind: &str, name: &str| {
        [judged(content, control, outcome(Verdict::Fail, kind, name, Vec::new()))]
    };
    let kubelet = || fail(PORT, "component", "kubelet");
    let web = |mut context: Context| {
        context.labels.get_mut("w1").unwrap().insert("pool".to_owned(), "web".to_owned());
        context
    };
    let nothing = "matches nothing";
    let is = |told: Vec<String>, why: &str| {
        assert_eq!(told.len(), usize::from(!why.is_empty()), "{why}: {told:?}");
        assert!(told.iter().all(|told| told.ends_with(why)), "{why}: {told:?}");
    };
    let exceptions = only("exceptions");
    is(unused(&exceptions, context(DAY), &kubelet()), "");
    is(unused(&exceptions, web(context(DAY)), &kubelet()), nothing);
    // Where nobody told all nodes, the pool may be among the others.
    is(unused(&exceptions, Context { clusters: [].into(), ..web(context(DAY)) }, &kubelet()), "");
    // Labels that were not seen.
    is(unused(&exceptions, Context { labels: [].into(), ..context(DAY) }, &kubelet()), "");
    // A node that does not run it says nothing of others.
    let absent = [judged(content, PORT, outcome(Verdict::NotApplicable, "component", "kubelet", Vec::new()))];
    is(unused(&exceptions, context(DAY), &absent), "the control does not apply now");
    is(unused(&exceptions, Context { clusters: [].into(), ..context(DAY) }, &absent), "");
    // A selection leaves out what an entry may speak of.
    let other = fail(ADMIN, "subject", "x");
    let narrowed = || Context { narrowed: true, ..context(DAY) };
    is(unused(&exceptions, context(DAY), &other), "its control is not demanded by cis-2.0.1");
    is(unused(&exceptions, narrowed(), &other), "");
    is(unused(&only("owners"), narrowed(), &other), "");
    is(unused(&only("classes"), narrowed(), &other), "");
    let passes = [judged(content, PORT, outcome(Verdict::Pass, "component", "kubelet", Vec::new()))];
    is(unused(&exceptions, narrowed(), &passes), "passes now");
    // Who is named may be among those that could not be listed.
    let grants = only("grants");
    is(unused(&grants, context(DAY), &other), nothing);
    let partly = |kind| {
        let [mut one] = fail(ADMIN, "subject", "x");
        let unknown = outcome(Verdict::Unknown, kind, "rbac.cluster-admins", Vec::new());
        one.outcomes.push(("w1".to_owned(), std::sync::Arc::new(unknown)));
        [one]
    };
    is(unused(&grants, context(DAY), &partly("set")), "");
    is(unused(&grants, context(DAY), &partly("subject")), nothing);
    let mut several = grants.clone();
    several.grants[0].subjects = vec!["x".to_owned(), "y".to_owned(), "z".to_owned()];
    assert_eq!(unused(&several, context(DAY), &other).len(), 2);
    // A register that names no cluster may serve one of another platform.
    let mut shared = only("exceptions");
    shared.exceptions[0].scope.platforms = vec!["talos".to_owned()];
    is(unused(&shared, context(DAY), &kubelet()), nothing);
    shared.cluster = None;
    is(unused(&shared, context(DAY), &kubelet()), "");
}

/// Of two demands of one control, an exception speaks of the one that it was accepted for.
#[test]
fn an_exception_is_used_by_its_own_demand() {
    let content = content();
    let (one, mut other) = (
        judged(
            content,
            "apiserver-audit-log-max-age",
            outcome(Verdict::Pass, "component", "kube-apiserver", Vec::new()),
        ),
        judged(
            content,
            "apiserver-audit-log-max-age",
            outcome(Verdict::Fail, "component", "kube-apiserver", Vec::new()),
        ),
    );
    let bound = other.parameters.keys().next().unwrap().clone();
    other.parameters.insert(bound, 7.into());
    let (mended, open) = (one.control.expected(&one.parameters), other.control.expected(&other.parameters));
    assert_ne!(mended, open);
    let mut register = only("exceptions");
    register.exceptions[0].control = "apiserver-audit-log-max-age".to_owned();
    register.exceptions[0].scope = Scope::default();
    let all = [one, other];
    for (expected, count) in [(Some(mended), 1), (Some(open), 0), (None, 0), (Some("x is 1".to_owned()), 0)] {
        register.exceptions[0].accepted.expected.clone_from(&expected);
        assert_eq!(unused(&register, context(DAY), &all).len(), count, "{expected:?}");
    }
}
