//! `kube-assay triage`: from a finding to what is missing until its end.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::path::{Path, PathBuf};

use common::call::{Ended, call};

const STOCK: &str = "fixtures/runs/kubeadm-v1.36.run";
const DAY: &str = "2026-11-26";

/// A place with a register, a history and a report.
struct Desk {
    directory: tempfile::TempDir,
}

impl Desk {
    /// Its name is as long everywhere, since a long one breaks lines elsewhere.
    fn new() -> Self {
        let target = common::root().join("target");
        std::fs::create_dir_all(&target).unwrap();
        Self { directory: tempfile::Builder::new().prefix("desk").tempdir_in(target).unwrap() }
    }

    /// As it is called from the repository's root, where the command runs.
    fn name(&self) -> PathBuf {
        Path::new("target").join(self.directory.path().file_name().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.name().join(name)
    }

    fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.directory.path().join(name), text).unwrap();
        text_of(&self.path(name))
    }

    /// Scans the stock node into report.json.
    fn scan(&self, more: &[&str]) {
        let report = format!("json={}", text_of(&self.path("report.json")));
        let ended = call(
            &[&["scan", "--evidence", STOCK, "--as-of", DAY, "--cluster-name", "prod", "-o", &report], more].concat(),
        );
        assert!(ended.code < 2, "{}", ended.err);
    }

    fn triage(&self, more: &[&str]) -> Ended {
        let report = text_of(&self.path("report.json"));
        let ended = call(&[&["triage", "--report", &report], more].concat());
        Ended { out: ended.out.replace(&text_of(&self.name()), "desk"), ..ended }
    }
}

fn text_of(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

const REGISTER: &str = "\
register: production
owners:
  - owner: control-plane-team
    source: kubeadm's ClusterConfiguration
    of: { components: [kube-apiserver] }
exceptions:
";

/// What `register add` drafts of a finding, with what a person has to say.
fn filled(draft: &str) -> String {
    let line = |line: &str| {
        let key = line.trim_start().split(':').next().unwrap_or_default();
        let words = match key {
            "reason" => {
                "The audit sink of the region is moved in December (SEC-88), and this ends when the new one answers."
            }
            "says" => {
                "The access proxy in front of every API server records each request with its user and its answer."
            }
            "owner" => "control-plane-team",
            "approver" => "security-office",
            _ => return line.to_owned(),
        };
        format!("{}{key}: {words}", &line[..line.len() - line.trim_start().len()])
    };
    draft.lines().filter(|own| !own.starts_with("exceptions:")).map(line).collect::<Vec<_>>().join("\n") + "\n"
}

/// Owner, then exception, then the history: each step that is done makes the next one the first that is missing.
#[test]
fn a_finding_is_led_from_step_to_step_until_none_is_missing() {
    let desk = Desk::new();
    let mut told = Vec::new();
    let mut stage = |name: &str, ended: &Ended, code: i32| {
        assert_eq!(ended.code, code, "{name}: {}{}", ended.out, ended.err);
        told.push(format!("==== {name}\n{}", ended.out));
    };
    desk.scan(&[]);
    stage("no register", &desk.triage(&["1.2.16"]), 1);

    let register = desk.write("register.yaml", &REGISTER.replace("exceptions:\n", ""));
    desk.scan(&["--register", &register]);
    stage("an owner", &desk.triage(&["1.2.16@cis-2.0.1"]), 1);

    let report = text_of(&desk.path("report.json"));
    let draft = call(&["register", "add", "apiserver-audit-log", "--report", &report, "--as-of", DAY]);
    assert_eq!(draft.code, 0, "{}", draft.err);
    desk.write("register.yaml", &(REGISTER.to_owned() + &filled(&draft.out)));
    desk.scan(&["--register", &register]);
    stage("an exception", &desk.triage(&["apiserver-audit-log"]), 1);

    let history = text_of(&desk.path("history.db"));
    desk.scan(&["--register", &register, "--history", &history]);
    let ended = desk.triage(&["apiserver-audit-log", "--history", &history, "--cluster-name", "prod"]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    // A day, an hour and a hash are not the same in every run.
    let words: Vec<&str> = ended.out.split_whitespace().collect();
    let said = words.join(" ");
    for part in
        ["1 finding: no step is missing.", "rerun done accepted in run 1 of ", "store done run 1 of the history"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("next:"), "{said}");
    insta::assert_snapshot!(told.concat());
}

#[test]
fn all_that_is_open_or_decided_is_told_in_short_the_gravest_first() {
    let desk = Desk::new();
    let register = desk.write("register.yaml", &REGISTER.replace("exceptions:\n", ""));
    desk.scan(&["--register", &register, "--section", "1.2,4.2"]);
    let ended = desk.triage(&[]);
    assert_eq!(ended.code, 1, "{}", ended.err);
    insta::assert_snapshot!(ended.out);
}

/// A later run that says otherwise makes the report an old one.
#[test]
fn a_report_that_a_later_run_contradicts_is_not_the_last_word() {
    let desk = Desk::new();
    let history = text_of(&desk.path("history.db"));
    let register = desk.write("register.yaml", &REGISTER.replace("exceptions:\n", ""));
    desk.scan(&["--register", &register, "--history", &history]);
    let old = std::fs::read_to_string(desk.directory.path().join("report.json")).unwrap();
    let report = text_of(&desk.path("report.json"));
    let draft = call(&["register", "add", "apiserver-audit-log", "--report", &report, "--as-of", DAY]);
    desk.write("register.yaml", &(REGISTER.to_owned() + &filled(&draft.out)));
    desk.scan(&["--register", &register, "--history", &history]);
    let accepted = std::fs::read_to_string(desk.directory.path().join("report.json")).unwrap();
    desk.write("register.yaml", &REGISTER.replace("exceptions:\n", ""));
    desk.scan(&["--register", &register, "--history", &history]);
    let triage = || desk.triage(&["apiserver-audit-log", "--history", &history, "--cluster-name", "prod"]);
    assert!(triage().out.contains("fix or exception  MISSING"));
    desk.write("report.json", &accepted);
    let ended = triage();
    assert_eq!(ended.code, 1);
    let said = ended.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("rerun MISSING this report says accepted, and the last run, 3 of "), "{said}");
    assert!(said.contains("next: kube-assay history show 3 -o json=LAST"), "{said}");
    desk.write("report.json", &old);
    assert!(triage().out.contains("fix or exception  MISSING"));
}

#[test]
fn what_is_wrong_is_told() {
    let desk = Desk::new();
    desk.scan(&["--section", "1.2"]);
    let ended = desk.triage(&["apiserver-audit-lg"]);
    assert_eq!((ended.code, ended.out.as_str()), (2, ""));
    assert!(ended.err.contains("did you mean apiserver-audit-log?"), "{}", ended.err);
    assert_eq!(desk.triage(&["--history", "no-such.db"]).code, 2);
    desk.write("report.json", "{}");
    let ended = desk.triage(&[]);
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("it is no report"), "{}", ended.err);
}
