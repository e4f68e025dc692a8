//! Reports made by hand.

use std::collections::BTreeMap;

use assess::{Choice, Observed, Verdict};
use benchmark::{Assessment, Priority};
use evidence::Basis;
use report::{
    CaptureInfo, CitedBy, Coverage, Decision, Finding, ProfileInfo, RegisterInfo, Report, RunInfo, SCHEMA, State,
    Subject, Tool,
};

const MANIFEST: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}

fn pairs(list: &[(&str, &str)]) -> BTreeMap<String, String> {
    list.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

pub(crate) fn choice(name: &str, reason: &str) -> Choice {
    Choice { name: name.to_owned(), reason: reason.to_owned(), warning: None }
}

pub(crate) fn capture(name: &str, components: &[(&str, &str)]) -> CaptureInfo {
    CaptureInfo {
        name: name.to_owned(),
        source: "node".to_owned(),
        taken: Some("2026-03-01T02:14:07.250Z".to_owned()),
        root: "/".to_owned(),
        identity: pairs(&[("os", "Debian GNU/Linux 13 (trixie)"), ("kernel", "6.12.48"), ("machine-id", "0123")]),
        rights: words(&["uid 0", "CAP_DAC_READ_SEARCH"]),
        sees: words(&["processes", "listening sockets", "files"]),
        components: pairs(components),
        remarks: words(&["of environment variables only names were recorded"]),
        cuts: Vec::new(),
        catalogue: "sha256:77aa".to_owned(),
    }
}

pub(crate) fn profile(name: &str) -> ProfileInfo {
    ProfileInfo {
        name: name.to_owned(),
        title: "CIS Kubernetes Benchmark".to_owned(),
        reason: "it is written for Kubernetes 1.35".to_owned(),
        digest: "sha256:12ab".to_owned(),
        tailoring: Vec::new(),
        not_covered: words(&[
            "The operating system and kernel of the nodes, their packages, accounts, SSH and firewall.",
            "Whether an attack would be noticed; auditing is asked for, detection and response are not.",
        ]),
        notes: words(&["The ids are those of v1.12."]),
    }
}

/// A plain pass of a component on `cp-1`.
pub(crate) fn finding(id: &str, control: &str, component: &str, title: &str) -> Finding {
    Finding {
        control: control.to_owned(),
        title: title.to_owned(),
        component: component.to_owned(),
        priority: Priority::Medium,
        parameters: BTreeMap::new(),
        cited_by: vec![CitedBy {
            profile: "cis-2.0.1".to_owned(),
            id: id.to_owned(),
            section: format!("{} Section", id.rsplit_once('.').map_or(id, |(section, _)| section)),
            level: 1,
            assessment: Assessment::Automated,
        }],
        verdict: Verdict::Pass,
        equivalent: None,
        basis: Some(Basis::Running),
        reason: String::new(),
        help: None,
        outside: false,
        expected: format!("{component}.setting is set"),
        observed: Vec::new(),
        notes: Vec::new(),
        subjects: vec![Subject {
            kind: "component".to_owned(),
            name: component.to_owned(),
            captures: words(&["cp-1"]),
        }],
        why: "An attacker reads every Secret.".to_owned(),
        remediation: "Set it, e.g. by hand. Then restart one member after the other.".to_owned(),
        decision: State::None.into(),
    }
}

pub(crate) fn observed(fact: &str, value: Option<&str>, how: &str, source: &str, decides: bool) -> Observed {
    Observed {
        fact: fact.to_owned(),
        value: value.map(str::to_owned),
        how: how.to_owned(),
        source: source.to_owned(),
        decides,
        offends: None,
    }
}

fn etcd_client_auth() -> Finding {
    Finding {
        priority: Priority::Critical,
        verdict: Verdict::Fail,
        reason: "etcd.client-cert-auth is false by default".to_owned(),
        expected: "etcd.client-cert-auth is true".to_owned(),
        observed: vec![
            observed(
                "etcd.client-cert-auth",
                Some("false"),
                "default",
                "no --client-cert-auth among the flags of pid 812",
                true,
            ),
            observed(
                "etcd.listen-client-urls",
                Some("https://127.0.0.1:2379, https://10.0.0.4:2379"),
                "explicit",
                "the flags of pid 812",
                false,
            ),
        ],
        notes: words(&["/etc/kubernetes/manifests/etcd.yaml says true: the running process is older than the file"]),
        remediation: [
            "kubeadm sets this; here it was overridden.",
            "1. One member at a time, in /etc/kubernetes/manifests/etcd.yaml:",
            "     --client-cert-auth=true",
            "     --trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt",
            "2. Wait for `etcdctl endpoint health`.",
        ]
        .join("\n"),
        decision: State::Required.into(),
        ..finding("2.2", "etcd-client-certificate-auth", "etcd", "etcd demands a client certificate")
    }
}

fn pki_modes() -> [Finding; 2] {
    let title =
        "Certificates of the control plane cannot be changed by others, whoever they are and whatever they want";
    let base = finding("1.1.20", "pki-certificate-modes", "kube-apiserver", title);
    let file = |name: String| Subject { kind: "file".to_owned(), name, captures: words(&["cp-1"]) };
    let failed = Finding {
        verdict: Verdict::Fail,
        reason: "file.mode is 0666".to_owned(),
        expected: "file.mode has no permission outside 644".to_owned(),
        observed: vec![observed("file.mode", Some("0666"), "observed", "the file", true)],
        subjects: (1..=12).map(|at| file(format!("/etc/kubernetes/pki/extra-{at:02}.crt"))).collect(),
        decision: State::Required.into(),
        ..base.clone()
    };
    let passed = Finding {
        subjects: ["/etc/kubernetes/pki/ca.crt", "/etc/kubernetes/pki/apiserver.crt"]
            .map(|name| file(name.to_owned()))
            .to_vec(),
        ..base
    };
    [failed, passed]
}

fn kubelet() -> [Finding; 4] {
    let unknown = |id: &str, control: &str, title: &str, priority| Finding {
        priority,
        verdict: Verdict::Unknown,
        basis: None,
        reason: "/var/lib/kubelet/config.yaml may not be read".to_owned(),
        help: Some("run with CAP_DAC_READ_SEARCH".to_owned()),
        observed: vec![observed(
            "kubelet.anonymous",
            None,
            "unknown",
            "/var/lib/kubelet/config.yaml may not be read",
            true,
        )],
        decision: State::Required.into(),
        ..finding(id, control, "kubelet", title)
    };
    [
        unknown("4.2.1", "kubelet-anonymous", "The kubelet refuses anonymous requests", Priority::High),
        unknown(
            "4.2.6",
            "kubelet-protect-kernel",
            "The kubelet guards kernel settings that it relies on",
            Priority::Low,
        ),
        Finding {
            verdict: Verdict::Manual,
            reason: "Is there a limit on processes in pods that suits this node?".to_owned(),
            expected: "Is there a limit on processes in pods that suits this node?".to_owned(),
            observed: vec![observed(
                "kubelet.podPidsLimit",
                Some("-1"),
                "zero-means-default",
                "the kubelet's defaults",
                false,
            )],
            decision: State::Unanswered.into(),
            remediation: "Choose a limit, such as 4096.".to_owned(),
            ..finding("4.2.13", "kubelet-pod-pids-limit", "kubelet", "Pods cannot take all process ids of a node")
        },
        Finding {
            verdict: Verdict::NotApplicable,
            basis: None,
            reason: "The kubelet gets its certificates from the cluster, so no file is named.".to_owned(),
            ..finding("4.2.9", "kubelet-certificates", "kubelet", "The kubelet serves with a certificate it was given")
        },
    ]
}

fn apiserver() -> [Finding; 2] {
    let anonymous = finding(
        "1.2.1",
        "apiserver-anonymous-access",
        "kube-apiserver",
        "Anonymous requests are refused, or reach health checks only",
    );
    let cited = CitedBy { assessment: Assessment::Manual, ..anonymous.cited_by[0].clone() };
    [
        Finding {
            priority: Priority::Critical,
            equivalent: Some("anonymous requests reach health checks only".to_owned()),
            notes: words(&[&format!("{MANIFEST} differs from what runs: it will fail at the next restart")]),
            cited_by: vec![cited],
            ..anonymous
        },
        finding("1.2.2", "apiserver-token-auth-file", "kube-apiserver", "No static tokens are accepted"),
    ]
}

fn outside(id: &str, control: &str) -> Finding {
    Finding {
        verdict: Verdict::Unknown,
        basis: None,
        reason: "outside this source: it needs the objects of the Kubernetes API".to_owned(),
        help: Some("audit the cluster's API objects".to_owned()),
        outside: true,
        ..finding(id, control, "cluster", "Nobody but administrators may do this")
    }
}

/// A control plane node with something of everything.
pub(crate) fn control_plane() -> Report {
    let mut findings = pki_modes().to_vec();
    findings.extend(apiserver());
    findings.push(etcd_client_auth());
    findings.extend(kubelet());
    findings.extend([
        outside("5.1.1", "rbac-cluster-admin"),
        outside("5.1.2", "rbac-secrets"),
        outside("5.2.2", "pods-privileged"),
    ]);
    let counts = [
        (Verdict::Fail, 2),
        (Verdict::Unknown, 5),
        (Verdict::Manual, 1),
        (Verdict::Pass, 2),
        (Verdict::NotApplicable, 1),
    ];
    Report {
        schema: SCHEMA.to_owned(),
        tool: Tool { name: "kube-assay".to_owned(), version: "0.1.0".to_owned() },
        run: RunInfo {
            captures: vec![capture(
                "cp-1",
                &[
                    ("etcd", "running"),
                    ("kube-apiserver", "running"),
                    ("kubelet", "running"),
                    ("kube-proxy", "declared"),
                ],
            )],
            selection: None,
            recorded: None,
        },
        platform: choice("kubeadm", "/etc/kubernetes/admin.conf is there"),
        kubernetes: Some(choice("1.37", &format!("the image of kube-apiserver in {MANIFEST} says so"))),
        profiles: vec![profile("cis-2.0.1")],
        warnings: words(&["Kubernetes 1.37 is newer than every profile known here: cis-2.0.1 is written for 1.35"]),
        coverage: Coverage { within_reach: 8, decided: 6, outside: 3 },
        counts: counts.into(),
        decisions: [(State::Required, 4), (State::Unanswered, 1)].into(),
        register: None,
        findings,
    }
}

/// A run that shows some namespaces of a cluster whole, and of others nothing.
pub(crate) fn in_part() -> Report {
    let mut report = control_plane();
    let namespaces = |names: &[&str]| {
        names
            .iter()
            .map(|name| Subject { kind: "namespace".to_owned(), name: (*name).to_owned(), captures: words(&["cp-1"]) })
            .collect()
    };
    let title = "No workload runs privileged containers";
    report.findings.retain(|finding| finding.control != "pods-privileged");
    let passed = |id: &str, control: &str| Finding {
        subjects: namespaces(&["kube-system"]),
        ..finding(id, control, "pods", title)
    };
    report.findings.extend([
        Finding {
            component: "pods".to_owned(),
            title: title.to_owned(),
            subjects: namespaces(&["default", "team-a", "team-b"]),
            ..outside("5.2.2", "pods-privileged")
        },
        passed("5.2.2", "pods-privileged"),
        // A failure decides, whatever is not seen beside it.
        Finding {
            verdict: Verdict::Fail,
            reason: "namespace.host-network has a member".to_owned(),
            subjects: namespaces(&["default"]),
            decision: State::Required.into(),
            ..passed("5.2.5", "pods-host-network")
        },
        Finding {
            component: "pods".to_owned(),
            title: title.to_owned(),
            subjects: namespaces(&["team-a"]),
            ..outside("5.2.5", "pods-host-network")
        },
        passed("5.2.5", "pods-host-network"),
    ]);
    report.counts.insert(Verdict::Fail, 3);
    report.coverage = Coverage { within_reach: 9, decided: 7, outside: 3 };
    report
}

/// The same, with a register that decided something of every kind.
pub(crate) fn registered() -> Report {
    let mut report = control_plane();
    decide(&mut report);
    report
}

/// Decides findings one after the other, in every way that there is.
pub(crate) fn decide(report: &mut Report) {
    let states =
        [State::Accepted, State::Overdue, State::Required, State::ProviderOwned, State::Answered, State::Informational];
    let open = report.findings.iter_mut().filter(|finding| finding.verdict < Verdict::Pass);
    for (state, finding) in states.into_iter().cycle().zip(open) {
        finding.decision = decision(state);
    }
    report.decisions.clear();
    for finding in report.findings.iter().filter(|finding| finding.decision.state != State::None) {
        *report.decisions.entry(finding.decision.state).or_default() += 1;
    }
    report.register = Some(RegisterInfo {
        name: "production".to_owned(),
        digest: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
        as_of: "2026-11-26".to_owned(),
        foreign: None,
        accepted: [("etcd-team".to_owned(), 2)].into(),
        overdue: [("etcd-team".to_owned(), 1)].into(),
        unused: words(&["register.yaml:44: the exception for kubelet-event-rate matches nothing"]),
    });
}

/// A decision as a register gives it.
pub(crate) fn decision(state: State) -> Decision {
    let holds = !matches!(state, State::None | State::Required | State::Unanswered);
    Decision {
        state,
        owner: Some("etcd-team".to_owned()),
        source: Some("kubeadm's ClusterConfiguration".to_owned()),
        until: holds.then(|| "2027-03-31".to_owned()),
        reason: holds.then(|| "The backup agent 2.4 speaks no TLS until 3.0 (STOR-812).".to_owned()),
        by: holds.then(|| "security-office".to_owned()),
        entry: holds.then(|| "register.yaml:29".to_owned()),
        evidence: if holds { words(&["etcd listens on the loopback alone"]) } else { Vec::new() },
        due: if holds { words(&["Kubernetes was upgraded: 1.36 then, 1.37 now"]) } else { Vec::new() },
        lapsed: if state == State::Required { words(&["register.yaml:12: the state changed"]) } else { Vec::new() },
    }
}

/// A machine that runs nothing of Kubernetes.
pub(crate) fn empty() -> Report {
    let not_applicable = |section: u32, at: u32| Finding {
        verdict: Verdict::NotApplicable,
        basis: None,
        reason: "kube-apiserver does not run here".to_owned(),
        ..finding(
            &format!("1.{section}.{at}"),
            &format!("control-{section}-{at}"),
            "kube-apiserver",
            "Something is as it should be",
        )
    };
    let mut findings: Vec<Finding> =
        (1..=3).flat_map(|section| (1..=20).map(move |at| not_applicable(section, at))).collect();
    findings.extend([outside("5.1.1", "rbac-cluster-admin"), outside("5.1.2", "rbac-secrets")]);
    let mut report = control_plane();
    report.run.captures = vec![capture("laptop", &[])];
    report.kubernetes = None;
    report.warnings =
        words(&["no Kubernetes component was found on laptop: there is nothing here for these profiles to judge"]);
    report.coverage = Coverage { within_reach: 60, decided: 60, outside: 2 };
    report.counts = [(Verdict::Unknown, 2), (Verdict::NotApplicable, 60)].into();
    report.findings = findings;
    report
}

/// Everything that comes from a node tries to act.
pub(crate) fn hostile() -> Report {
    let mut report = control_plane();
    let bad = "\u{1b}[2J\u{1b}]0;owned\u{7}\r\nPASS     2.2  forged\u{202e}\u{9b}31m";
    let capture = &mut report.run.captures[0];
    capture.name.push_str(bad);
    capture.root.push_str(bad);
    capture.remarks.push(bad.to_owned());
    capture.cuts.push(bad.to_owned());
    capture.taken = Some(bad.to_owned());
    capture.identity.insert("os".to_owned(), bad.to_owned());
    capture.components.insert(bad.to_owned(), bad.to_owned());
    report.warnings.push(bad.to_owned());
    report.findings.retain(|finding| finding.verdict == Verdict::Fail);
    for finding in &mut report.findings {
        finding.reason.push_str(bad);
        finding.notes.push(bad.to_owned());
        finding.component.push_str(bad);
        finding.subjects.iter_mut().for_each(|subject| subject.name.push_str(bad));
        finding.observed.iter_mut().for_each(|seen| seen.value = Some(bad.to_owned()));
    }
    report
}

/// Two nodes under two profiles.
pub(crate) fn two_nodes() -> Report {
    let mut report = control_plane();
    report.run.captures.push(capture("cp-2", &[("kubelet", "running")]));
    let not_covered = words(&["Known flaws of the kernel's version."]);
    report.profiles.push(ProfileInfo { not_covered, ..profile("cis-1.12") });
    // Help alike, for two reasons.
    if let Some(unknown) = report.findings.iter_mut().rfind(|finding| finding.reason.ends_with("may not be read")) {
        "/var/lib/kubelet/drop-in.conf may not be read".clone_into(&mut unknown.reason);
    }
    for finding in &mut report.findings {
        let other = CitedBy { profile: "cis-1.12".to_owned(), ..finding.cited_by[0].clone() };
        finding.cited_by.push(other);
        if finding.verdict == Verdict::Fail {
            finding.subjects[0].captures.push("cp-2".to_owned());
        }
    }
    report
}

/// A failure of very many subjects, one of them on very many nodes.
pub(crate) fn wide() -> Report {
    let mut report = control_plane();
    let nodes: Vec<String> = (1..=300).map(|at| format!("node-{at}")).collect();
    report.run.captures = nodes.iter().map(|name| capture(name, &[("kubelet", "running")])).collect();
    report.findings.truncate(1);
    let subject = |at: usize| Subject {
        kind: "namespace".to_owned(),
        name: format!("team-{at:04}"),
        captures: if at == 0 { nodes.clone() } else { vec![nodes[at % 300].clone()] },
    };
    report.findings[0].subjects = (0..2000).map(subject).collect();
    report
}
