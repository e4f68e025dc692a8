//! The register as its keepers meet it: a first one, drafts from a report, lint, decisions in a scan, what is due.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::path::Path;

use common::call::{Ended, call};
use report::{Report, State};

const STOCK: &str = "fixtures/runs/kubeadm-v1.36.run";
const DAY: &str = "2026-11-26";

fn scan(directory: &Path, register: Option<&Path>, day: &str) -> (Ended, Report) {
    let report = directory.join("report.json");
    let (json, register) = (format!("json={}", report.display()), register.map(|path| path.display().to_string()));
    let mut arguments = vec!["scan", "--evidence", STOCK, "-o", &json, "--as-of", day];
    if let Some(register) = &register {
        arguments.extend(["--register", register]);
    }
    let ended = call(&arguments);
    (ended, serde_json::from_str(&std::fs::read_to_string(&report).unwrap()).unwrap())
}

/// A draft with everything said that a person has to say.
fn filled(draft: &str) -> String {
    let words = "The audit sink of the region is moved in December (SEC-88), and this ends when the new one answers.";
    let instead = "The access proxy in front of every API server records each request with its user and its answer.";
    let line = |line: &str| {
        let key = line.trim_start().split(':').next().unwrap_or_default();
        let indent = &line[..line.len() - line.trim_start().len()];
        match key {
            "reason" => format!("{indent}reason: {words}"),
            "says" => format!("{indent}says: {instead}"),
            "owner" => format!("{indent}owner: platform-team"),
            "approver" => format!("{indent}approver: security-office"),
            "holds" => format!("{indent}holds: true"),
            "evidence" => format!("{indent}evidence: {words}"),
            "author" => format!("{indent}author: ada"),
            _ => line.to_owned(),
        }
    };
    draft.lines().map(line).collect::<Vec<_>>().join("\n") + "\n"
}

#[test]
fn a_finding_becomes_an_exception_that_holds_expires_and_names_its_owner() {
    let directory = tempfile::tempdir().unwrap();
    let (_, before) = scan(directory.path(), None, DAY);
    let report = directory.path().join("report.json");
    let draft = call(&["register", "add", "1.2.16@cis-2.0.1", "--report", report.to_str().unwrap(), "--as-of", DAY]);
    assert_eq!(draft.code, 0, "{}", draft.err);
    assert!(draft.out.contains("takes two people"), "{}", draft.out);
    let path = directory.path().join("register.yaml");
    // As it was drafted it says nothing yet.
    std::fs::write(&path, format!("register: production\n{}", draft.out)).unwrap();
    let lint = |path: &Path| call(&["register", "lint", path.to_str().unwrap(), "--as-of", DAY]);
    let refused = lint(&path);
    assert_eq!(refused.code, 2);
    assert!(refused.out.contains("nothing is written here"), "{}", refused.out);
    std::fs::write(&path, format!("register: production\n{}", filled(&draft.out))).unwrap();
    let taken = lint(&path);
    assert_eq!(taken.code, 0, "{}", taken.out);

    let of = |report: &Report| {
        let finding = report.findings.iter().find(|finding| finding.control == "apiserver-audit-log").unwrap();
        (finding.verdict, finding.decision.clone())
    };
    let (_, after) = scan(directory.path(), Some(&path), DAY);
    assert_eq!(of(&before).0, of(&after).0, "a register moves no verdict");
    assert_eq!((of(&before).1.state, of(&after).1.state), (State::Required, State::Accepted));
    assert_eq!(after.register.as_ref().unwrap().accepted["platform-team"], 1);
    assert_eq!(before.counts, after.counts);
    let (ended, late) = scan(directory.path(), Some(&path), "2027-03-01");
    assert_eq!(of(&late).1.state, State::Overdue);
    assert_eq!(late.register.as_ref().unwrap().overdue["platform-team"], 1);
    assert_eq!(ended.code, 1);

    let due = call(&["register", "due", path.to_str().unwrap(), "--as-of", "2027-02-20", "--within", "30d"]);
    assert_eq!((due.code, due.out.lines().count()), (0, 1));
    assert!(due.out.contains("in 4 days  platform-team  exception for apiserver-audit-log"), "{}", due.out);
    let late = call(&["register", "due", path.to_str().unwrap(), "--as-of", "2027-03-01"]);
    assert_eq!(late.code, 1);
    assert!(late.out.starts_with("2027-02-24  5 days past  platform-team"), "{}", late.out);
    let evidence = ["scan", "--evidence", STOCK, "--as-of", "2027-03-01", "--register", path.to_str().unwrap()];
    let told = call(&evidence).out;
    assert!(told.contains("1.2.16, platform-team: expired after 2027-02-24"), "{told}");
}

#[test]
fn an_entry_by_which_nothing_was_decided_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("register.yaml");
    let answer = "register: production
owners:
  - owner: talos-team
    of: { components: [talos] }
  - owner: gone-team
    of: { controls: [kubelet-event-rate], subjects: [kubelet-2] }
classes:
  - class: informational
    of: { controls: [kubelet-event-rate] }
    reason: Event rates are told for information, since the node agent limits them itself.
answers:
  - control: users-do-not-use-client-certificates
    scope: { subjects: [nobody] }
    holds: true
    evidence: Every person signs in through OIDC; the audit log shows no other name.
    author: ada
    date: 2026-11-01
    expires: 2027-10-01
";
    std::fs::write(&path, answer).unwrap();
    scan(directory.path(), Some(&path), DAY);
    let report = directory.path().join("report.json");
    let lint =
        || call(&["register", "lint", path.to_str().unwrap(), "--report", report.to_str().unwrap(), "--as-of", DAY]);
    let ended = lint();
    assert_eq!(ended.code, 2, "{}", ended.out);
    for said in [
        "register.yaml:3: the owner talos-team is idle: no control that it speaks of is demanded by cis-",
        "register.yaml:5: the owner gone-team matches nothing: take it out",
        "register.yaml:8: the class informational is mended: the control passes now: take it out",
        "register.yaml:12: the answer for users-do-not-use-client-certificates matches nothing: take it out",
    ] {
        assert!(ended.out.contains(said), "{said}: {}", ended.out);
    }
    // Of a run that a selection narrowed, what it left out is not called idle.
    let arguments = ["scan", "--evidence", STOCK, "--control", "kubelet-event-rate", "--as-of", DAY, "--register"];
    let json = format!("json={}", report.display());
    call(&[&arguments[..], &[path.to_str().unwrap(), "-o", &json]].concat());
    assert_eq!(lint().code, 0);
    // A report of another register says nothing of this one.
    std::fs::write(&path, format!("{answer}\n# changed\n")).unwrap();
    let ended = lint();
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("made with another register"), "{}", ended.err);
}

/// The way that `init` shows: a first register, drafts put into it, words written, and an auditor takes it.
#[test]
fn drafts_go_into_a_first_register() {
    let directory = tempfile::tempdir().unwrap();
    scan(directory.path(), None, DAY);
    let report = directory.path().join("report.json");
    let path = directory.path().join("register.yaml");
    let (report, register) = (report.to_str().unwrap(), path.to_str().unwrap());
    let first = call(&["register", "init", "--platform", "kubeadm", "--as-of", DAY]).out + "# kept by ada\n";
    std::fs::write(&path, &first).unwrap();
    let add = |controls: &[&str]| {
        call(&[&["register", "add", "--report", report, "--into", register, "--as-of", DAY], controls].concat())
    };
    // An exception, an answer and a grant; then another exception, behind the first.
    let ended =
        add(&["1.2.16@cis-2.0.1", "users-do-not-use-client-certificates", "network-policies-in-every-namespace"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.out.contains("at the end of answers, exceptions, grants"), "{}", ended.out);
    assert_eq!(add(&["1.2.15@cis-2.0.1"]).code, 0);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with(&first), "{text}");
    for list in ["\nexceptions:\n", "\nanswers:\n", "\ngrants:\n"] {
        assert_eq!(text.matches(list).count(), 1, "{text}");
    }
    std::fs::write(&path, filled(&text)).unwrap();
    let lint = call(&["register", "lint", register, "--as-of", DAY]);
    assert_eq!(lint.code, 0, "{}", lint.out);
    assert!(lint.out.contains("4 owner(s), 0 class(es), 2 exception(s), 1 grant(s) and 1 answer(s)"), "{}", lint.out);
    // Drafts that were written behind it are told where they belong; nothing is put into what cannot be read.
    let printed = call(&["register", "add", "--report", report, "1.2.16", "--as-of", DAY]).out;
    let twice = filled(&text) + &filled(&printed);
    std::fs::write(&path, &twice).unwrap();
    let lint = call(&["register", "lint", register, "--as-of", DAY]);
    assert!(lint.out.contains("field `exceptions` is given twice") && lint.out.contains("--into FILE"), "{}", lint.out);
    let refused = add(&["1.2.16"]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("was left as it is"), "{}", refused.err);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), twice);
    assert_eq!(call(&["register", "add", "--report", report, "1.2.16", "--into", "/nowhere/r.yaml"]).code, 2);
}

/// A register keeps who may read it, and a link to it stays one.
#[cfg(unix)]
#[test]
fn a_register_keeps_its_mode_and_its_link() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    scan(directory.path(), None, DAY);
    let (path, link) = (directory.path().join("register.yaml"), directory.path().join("link.yaml"));
    std::fs::write(&path, "register: x\n").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let report = directory.path().join("report.json");
    let (report, into) = (report.to_str().unwrap(), link.to_str().unwrap());
    assert_eq!(call(&["register", "add", "1.2.16", "--report", report, "--into", into]).code, 0);
    assert!(std::fs::read_to_string(&path).unwrap().contains("apiserver-audit-log"));
    assert!(link.is_symlink());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
}

/// Another cluster's register is said to be that once, and everything stays open.
#[test]
fn a_register_of_another_cluster_decides_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (_, bare) = scan(directory.path(), None, DAY);
    let report = directory.path().join("report.json");
    let draft = call(&["register", "add", "1.2.16@cis-2.0.1", "--report", report.to_str().unwrap(), "--as-of", DAY]);
    let path = directory.path().join("register.yaml");
    let owner = "owners:\n  - owner: platform-team\n";
    std::fs::write(&path, format!("register: production\ncluster: prod-1\n{owner}{}", filled(&draft.out))).unwrap();
    let json = format!("json={}", report.display());
    let told = |cluster: &str| {
        let path = path.to_str().unwrap();
        let out = ["-o", "terminal", "-o", &json, "--as-of", DAY, "--cluster-name", cluster];
        let ended = call(&[&["scan", "--evidence", STOCK, "--register", path], &out[..]].concat());
        let report: Report = serde_json::from_str(&std::fs::read_to_string(&report).unwrap()).unwrap();
        (ended, report)
    };
    // The uid is that of the recorded cluster.
    let says = "the register production speaks of the cluster prod-1, and this is 58d79e8e-cc72-4d93-8645-f1edc3c653de, \
                prod-2: it decides nothing";
    let (ended, foreign) = told("prod-2");
    assert_eq!(ended.code, 1, "{}", ended.out);
    let lines = ended.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(lines.matches(says).count(), 1, "{}", ended.out);
    assert_eq!(foreign.register.as_ref().unwrap().foreign.as_deref(), Some(says));
    assert_eq!(foreign.findings, bare.findings);
    let lint =
        call(&["register", "lint", path.to_str().unwrap(), "--report", report.to_str().unwrap(), "--as-of", DAY]);
    assert_eq!(lint.code, 2);
    assert!(lint.err.contains(says), "{}", lint.err);
    // Its own cluster is decided by it.
    let (ended, own) = told("prod-1");
    assert!(!ended.out.contains("decides nothing"), "{}", ended.out);
    let decided = own.findings.iter().find(|finding| finding.control == "apiserver-audit-log").unwrap();
    assert_eq!(decided.decision.state, State::Accepted);
}

#[test]
fn mistakes_are_told_where_they_stand_and_end_the_scan() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("register.yaml");
    std::fs::write(&path, "register: x\nexceptions:\n  - control: apiserver-audit-lg\n    expires: soon\n").unwrap();
    let ended = call(&["scan", "--evidence", STOCK, "--register", path.to_str().unwrap()]);
    assert_eq!(ended.code, 2);
    for said in
        ["register.yaml:3:14", "did you mean `apiserver-audit-log`?", "`soon` is no date", "missing field `owner`"]
    {
        assert!(ended.err.contains(said), "{said}: {}", ended.err);
    }
    let weak = "register: x\nclasses:\n  - class: informational\n    of: { controls: [apiserver-no-profiling] }\n    reason: false positive\n";
    std::fs::write(&path, weak).unwrap();
    let ended = call(&["register", "lint", path.to_str().unwrap()]);
    assert_eq!(ended.code, 2);
    assert!(ended.out.contains("says too little") && ended.out.contains("A strong entry tells"), "{}", ended.out);
}

#[test]
fn a_first_register_is_there_for_every_platform() {
    for (platform, code) in [("kubeadm", 0), ("talos", 0), ("eks", 2), ("gke", 2), ("aks", 2)] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("register.yaml");
        let ended = call(&["register", "init", "--platform", platform]);
        assert_eq!(ended.code, 0, "{}", ended.err);
        std::fs::write(&path, &ended.out).unwrap();
        let lint = call(&["register", "lint", path.to_str().unwrap()]);
        assert_eq!(lint.code, code, "{platform}: {}", lint.out);
        // Of a provider's share nothing is missing but the day on which somebody read its documents.
        let read = ended.out.replace("dated: \"\"", "dated: 2026-11-01");
        std::fs::write(&path, read).unwrap();
        assert_eq!(call(&["register", "lint", path.to_str().unwrap(), "--as-of", DAY]).code, 0, "{platform}");
    }
    assert_eq!(call(&["register", "init", "--platform", "kubadm"]).code, 2);
}

#[test]
fn the_update_of_a_profile_names_the_entries_that_it_touches() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("register.yaml");
    let entry = |control: &str| {
        format!(
            "  - control: {control}\n    holds: true\n    evidence: The list was read line by line by two people.\n    author: ada\n    \
             date: 2026-11-01\n    expires: 2027-10-01\n"
        )
    };
    // The level of 5.2.9 is another; 5.1.3 stays as it is.
    let text = format!("register: x\nanswers:\n{}{}", entry("pods-drop-all-capabilities"), entry("rbac-no-wildcards"));
    std::fs::write(&path, text).unwrap();
    let diff = |to: &str| call(&["profiles", "diff", "cis-1.12", to, "--register", path.to_str().unwrap()]);
    let touched = diff("cis-2.0.1");
    assert_eq!(touched.code, 0, "{}", touched.err);
    assert!(
        touched.out.contains("register.yaml:3: answer for pods-drop-all-capabilities: level 1 becomes 2"),
        "{}",
        touched.out
    );
    assert!(!touched.out.contains("answer for rbac-no-wildcards"), "{}", touched.out);
    assert!(diff("cis-1.12").out.contains("no entry of the register is touched"));
    assert!(diff("talos").out.contains("answer for rbac-no-wildcards: talos does not demand it"));
}

/// What a person found wanting fails the run, and whoever reads its end learns why, and where to go on.
#[test]
fn an_answer_that_does_not_hold_is_told_to_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let register = path("register.yaml");
    let answer = "register: demo\nanswers:\n  - control: users-do-not-use-client-certificates\n    holds: false\n    evidence: >-\n      \
                  We looked at the kubeconfigs of the platform team, and three hold client certificates of people.\n    \
                  author: ann.lee@example.org\n    date: 2026-03-01\n    expires: 2026-12-31\n";
    std::fs::write(&register, answer).unwrap();
    let json = format!("json={}", path("report.json"));
    let hardened = ["--evidence", "fixtures/runs/kubeadm-hardened-v1.36.run", "--profile", "cis-2.0.1"];
    let decided = ["--register", &register, "--as-of", "2026-03-04"];
    let ended = call(&[&["scan"], &hardened[..], &decided, &["-o", "terminal", "-o", &json]].concat());
    assert_eq!(ended.code, 1, "{}", ended.err);
    assert!(ended.out.ends_with("Nothing failed by evidence, but 1 question was answered: it does not hold.\n"));
    let lines: Vec<&str> = ended.err.lines().collect();
    assert!(lines[0] == "gate: failed" && lines[1].starts_with("  answered, it does not hold: 3.1.1 "), "{lines:?}");
    let next = format!("next: mend what 3.1.1 asks for, then answer anew: edit the answer ({register}:3)");
    assert_eq!(lines.last(), Some(&next.as_str()));
    let plan = call(&[&["plan"], &hardened[..], &decided].concat());
    let plan = plan.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(plan.contains("a person answered that it does not hold") && !plan.contains("nothing to do"), "{plan}");
    assert!(plan.contains(&format!("--register {register}")), "{plan}");
    let triage = call(&["triage", "--report", &path("report.json"), "3.1.1"]);
    let triage = triage.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(triage.contains("then answer anew: edit the answer (") && !triage.contains("register add"), "{triage}");
}
