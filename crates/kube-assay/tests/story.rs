//! The audit programme as a team lives it: audit, register, gate; weaken, except, expire, fix, weaken again.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::path::{Path, PathBuf};

use common::call::{Ended, call, called_in};

/// A recorded node that somebody changes, its history and its register.
struct Cluster {
    directory: tempfile::TempDir,
}

impl Cluster {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        copy(&common::root().join("fixtures/nodes/kubeadm-hardened-v1.36"), &directory.path().join("node"));
        std::fs::write(directory.path().join("register.yaml"), "register: story\n").unwrap();
        Self { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Starts the API server anew with another argument: in its manifest, and in the process that runs.
    fn api_server(&self, from: &str, to: &str) {
        for file in ["node/tree/etc/kubernetes/manifests/kube-apiserver.yaml", "node/processes.json"] {
            let text = std::fs::read_to_string(self.path(file)).unwrap();
            let (before, after) = text.split_once("--etcd-servers").unwrap();
            let (own, rest) = (after, "");
            assert!(own.contains(from), "{file}");
            std::fs::write(self.path(file), format!("{before}--etcd-servers{}{rest}", own.replacen(from, to, 1)))
                .unwrap();
        }
    }

    fn weaken(&self) {
        self.api_server("--profiling=false", "--profiling=true");
    }

    fn mend(&self) {
        self.api_server("--profiling=true", "--profiling=false");
    }

    /// Gives the API server's manifest another mode.
    fn mode(&self, from: &str, to: &str) {
        let file = self.path("node/stat.tsv");
        let text = std::fs::read_to_string(&file).unwrap();
        let line = |mode: &str| format!("/etc/kubernetes/manifests/kube-apiserver.yaml\tfile\t{mode}\t");
        assert!(text.contains(&line(from)));
        std::fs::write(file, text.replace(&line(from), &line(to))).unwrap();
    }

    /// A gate for new failures against another baseline.
    fn against(&self, baseline: &str) -> Ended {
        let [node, history] = ["node", "history.db"].map(|name| self.text(name));
        let report = format!("json={}", self.text("elsewhere.json"));
        let history = ["--history", &history, "--baseline", baseline, "--fail-on", "new"];
        let scan = ["scan", "--import", &node, "--cluster-name", "story", "--profile", "cis-2.0.1", "-o", &report];
        call(&[&scan[..], &history].concat())
    }

    /// The nightly gate, on a day.
    fn gate(&self, day: &str, more: &[&str]) -> Ended {
        let [node, history, register, report] =
            ["node", "history.db", "register.yaml", "report.json"].map(|name| self.text(name));
        let report = format!("json={report}");
        let mut arguments = vec![
            "scan",
            "--import",
            &node,
            "--cluster-name",
            "story",
            "--history",
            &history,
            "--register",
            &register,
            "--as-of",
            day,
            "--baseline",
            "last-good",
            "-o",
            &report,
        ];
        if !more.contains(&"--fail-on") {
            arguments.extend(["--fail-on", "new"]);
        }
        if !more.contains(&"--profile") {
            arguments.extend(["--profile", "cis-2.0.1"]);
        }
        arguments.extend(more);
        call(&arguments)
    }

    /// A draft of the register for an id, with everything said.
    fn except(&self, id: &str, day: &str, until: &str) {
        let draft = call(&["register", "add", id, "--report", &self.text("report.json"), "--as-of", day]);
        assert_eq!(draft.code, 0, "{}", draft.err);
        let words = "The load test of week 48 profiles the API server, and ends when its report is signed (PERF-7).";
        let line = |line: &str| match line.trim_start().split(':').next().unwrap_or_default() {
            "reason" => format!("    reason: {words}"),
            "says" => "      says: The port is open to the address of the load test alone, by firewall rule k8s-prof."
                .to_owned(),
            "owner" => "    owner: platform-team".to_owned(),
            "approver" => "    approver: security-office".to_owned(),
            "expires" => format!("    expires: {until}"),
            _ => line.to_owned(),
        };
        let entry: Vec<String> = draft.out.lines().map(line).collect();
        std::fs::write(self.path("register.yaml"), format!("register: story\n{}\n", entry.join("\n"))).unwrap();
        let checked = call(&["register", "lint", &self.text("register.yaml"), "--as-of", day]);
        assert_eq!(checked.code, 0, "{}", checked.out);
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// The lines that the gate told, without those of the report.
fn told(ended: &Ended) -> Vec<&str> {
    ended.err.lines().skip_while(|line| !line.starts_with("gate: ")).collect()
}

#[track_caller]
fn green(ended: &Ended) {
    assert_eq!(ended.code, 0, "{}\n{}", ended.err, ended.out);
    assert_eq!(told(ended)[0], "gate: passed", "{}", ended.err);
}

#[track_caller]
fn red<'e>(ended: &'e Ended, with: &str) -> Vec<&'e str> {
    assert_eq!(ended.code, 1, "{}", ended.err);
    let lines = told(ended);
    assert_eq!(lines[0], "gate: failed");
    let closing: Vec<&str> =
        lines[1..].iter().copied().filter(|line| !line.contains("note: ") && !line.starts_with("next: ")).collect();
    assert_eq!(closing.len(), 1, "exactly that: {}", ended.err);
    assert!(closing[0].contains(with), "{with}: {}", ended.err);
    assert!(lines.last().unwrap().starts_with("next: "), "{}", ended.err);
    closing
}

#[test]
fn the_gate_follows_the_cluster_and_its_register() {
    let story = Cluster::new();
    // The first audit takes what is there as known.
    let first = story.gate("2025-11-01", &["--fail-on", "none"]);
    green(&first);
    green(&story.gate("2025-11-02", &[]));

    story.weaken();
    let weak = story.gate("2025-11-03", &[]);
    let line = red(&weak, "new: 1.2.15 ")[0];
    assert!(line.contains("kube-apiserver.profiling is true"), "{line}");
    let accept = format!("kube-assay register add --report {} 1.2.15", story.text("report.json"));
    assert!(told(&weak).last().unwrap().contains(&accept), "{}", weak.err);

    story.except("1.2.15@cis-2.0.1", "2025-11-04", "2025-12-01");
    green(&story.gate("2025-11-04", &[]));
    green(&story.gate("2025-12-01", &[]));

    let expired = story.gate("2025-12-02", &[]);
    let line = red(&expired, "expired: 1.2.15 ")[0];
    assert!(line.contains("platform-team answers for it"), "{line}");
    assert!(
        told(&expired)
            .last()
            .unwrap()
            .contains("platform-team decides anew about 1.2.15: edit `expires` of the entry ("),
        "{}",
        expired.err
    );

    story.mend();
    green(&story.gate("2025-12-03", &[]));
    let history = story.text("history.db");
    let fixed = call(&["compare", "--history", &history, "6", "7"]);
    assert_eq!(fixed.code, 0, "{}", fixed.out);
    assert!(fixed.out.contains("1 fixed") || fixed.out.contains("Fixed"), "{}", fixed.out);
    assert!(fixed.out.contains("1.2.15"), "{}", fixed.out);

    story.weaken();
    let again = story.gate("2025-12-04", &[]);
    // The register's entry has expired, and what it was for is back: both are told.
    assert_eq!(again.code, 1);
    let lines = told(&again).join("\n");
    assert!(lines.contains("expired: 1.2.15"), "{lines}");
    std::fs::write(story.path("register.yaml"), "register: story\n").unwrap();
    let again = story.gate("2025-12-05", &[]);
    let line = red(&again, "regressed: 1.2.15 ")[0];
    assert!(line.contains("(failed before, on 20") && line.contains(", mended by 20"), "{line}");

    // Everything is still there, and nothing was changed.
    let verified = call(&["history", "--history", &history, "verify"]);
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
    let list = call(&["history", "--history", &history, "list", "-o", "json"]);
    let list: serde_json::Value = serde_json::from_str(&list.out).unwrap();
    let entries = list["entries"].as_array().unwrap();
    let good: Vec<bool> = entries.iter().map(|entry| entry["run"]["good"].as_bool().unwrap()).collect();
    assert_eq!(good, [true, true, false, true, true, false, true, false, false]);
}

/// What a run without a gate takes as known is said loudly, and holds for the state in which it was.
#[test]
fn a_known_failure_is_known_in_its_state() {
    let story = Cluster::new();
    let none = ["--fail-on", "none"];
    let fine = story.gate("2025-11-01", &none);
    assert!(!fine.err.contains("WARNING"), "nothing was open: {}", fine.err);
    story.mode("0600", "0640");
    let known = story.gate("2025-11-02", &none);
    green(&known);
    for part in
        ["WARNING: --fail-on none takes 1 open finding as known (1 failed): run 2 is", "to undo it: name an earlier"]
    {
        assert!(known.err.lines().any(|line| line.starts_with(part)), "{part}: {}", known.err);
    }
    green(&story.gate("2025-11-03", &[]));
    // Named, the run before it still closes the gate.
    let story_of_before = story.against("1");
    assert_eq!(story_of_before.code, 1, "{}", story_of_before.err);
    story.mode("0640", "0666");
    let worse = story.gate("2025-11-04", &[]);
    let line = red(&worse, "known failure in another state: 1.1.1 ")[0];
    assert!(line.contains("(before: file.mode = 640; now: file.mode = 666)"), "{line}");
    assert!(told(&worse).last().unwrap().contains("--fail-on none takes all that is open as known"), "{}", worse.err);
    let (history, report) = (story.text("history.db"), story.text("report.json"));
    let compared = call(&["compare", "--history", &history, "3", &report]);
    assert_eq!(compared.code, 1, "{}", compared.err);
    assert!(compared.out.starts_with("WORSE: 1 known failure in another state."), "{}", compared.out);
    assert!(compared.out.contains("-- Known failures in another state: more is wrong than before"), "{}", compared.out);
    assert!(!compared.out.contains("with other values"), "it is told once: {}", compared.out);
    let none = story.gate("2025-11-05", &none);
    green(&none);
    green(&story.gate("2025-11-06", &[]));
}

/// What gets better, or has nothing to do with it, is no other failure; what was accepted is accepted in its state.
#[test]
fn an_improvement_closes_no_gate() {
    let story = Cluster::new();
    let none = ["--fail-on", "none"];
    let few = "NodeRestriction,EventRateLimit";
    story.api_server("NodeRestriction,AlwaysPullImages,EventRateLimit,DenyServiceExternalIPs", few);
    story.mode("0600", "0666");
    green(&story.gate("2025-11-01", &none));
    // 1.2.11 is fixed, and 1.2.3 fails as before, although its list is another.
    let more = format!("{few},AlwaysPullImages");
    story.api_server(few, &more);
    story.mode("0666", "0640");
    let better = story.gate("2025-11-02", &[]);
    green(&better);
    for line in [
        "  note: evidence-changed: 1.2.3 New Services cannot claim external IP addresses on kb-node (medium): \
         kube-apiserver.admission-plugins lacks DenyServiceExternalIPs (now: kube-apiserver.admission-plugins: + \
         AlwaysPullImages)",
        "  note: evidence-changed: 1.1.1 ",
    ] {
        assert!(told(&better).iter().any(|told| told.starts_with(line)), "{line}: {}", better.err);
    }
    // Worse than in the last good run, and no worse than in the one before it.
    story.mode("0640", "0644");
    let line = red(&story.gate("2025-11-03", &[]), "known failure in another state: 1.1.1 ")[0].to_owned();
    assert!(line.ends_with("(before: file.mode = 640; now: file.mode = 644)"), "{line}");
    story.mode("0644", "0640");
    // An exception is for the state that somebody accepted, and the gate names it when that is another.
    story.except("1.2.3", "2025-11-03", "2025-12-01");
    green(&story.gate("2025-11-04", &[]));
    story.api_server(&more, "NodeRestriction,AlwaysPullImages,EventRateLimit,ImagePolicyWebhook");
    let lapsed = story.gate("2025-11-05", &[]);
    let line = red(&lapsed, "no longer accepted: 1.2.3 ")[0].to_owned();
    assert!(
        line.contains("register.yaml:")
            && line.ends_with(
                " lapsed: the state changed (now: kube-apiserver.admission-plugins: + ImagePolicyWebhook): platform-team \
                 answers for it"
            ),
        "{line}"
    );
}

/// A recording tells which cluster it is of, and the history and the register keep by that.
#[test]
fn a_recorded_cluster_is_known_by_its_uid() {
    let story = Cluster::new();
    let namespaces = std::fs::read(story.path("node/api/namespaces.json")).unwrap();
    let namespaces: serde_json::Value = serde_json::from_slice(&namespaces).unwrap();
    let all = namespaces["items"].as_array().unwrap();
    let own = all.iter().find(|own| own["metadata"]["name"] == "kube-system").unwrap();
    let uid = own["metadata"]["uid"].as_str().unwrap();
    let [node, history, register] = ["node", "history.db", "register.yaml"].map(|name| story.text(name));
    for (cluster, refused) in [(uid, false), ("another", true)] {
        std::fs::write(&register, format!("register: story\ncluster: {cluster}\n")).unwrap();
        let scan =
            ["scan", "--import", &node, "--profile", "cis-2.0.1", "--register", &register, "--history", &history];
        let ended = call(&scan);
        let why = format!("speaks of the cluster another, and this is {uid}");
        assert_eq!(ended.out.split_whitespace().collect::<Vec<_>>().join(" ").contains(&why), refused, "{}", ended.out);
        assert!(!ended.err.contains("the run is kept as one of"), "{}", ended.err);
    }
    let list = call(&["history", "--history", &history, "list", "--cluster", uid, "-o", "json"]);
    let list: serde_json::Value = serde_json::from_str(&list.out).unwrap();
    assert_eq!(list["entries"].as_array().unwrap().len(), 2);
}

/// An exception goes with the control, whatever its number is.
#[test]
fn a_profile_that_is_numbered_anew_loses_nothing() {
    let story = Cluster::new();
    story.weaken();
    std::fs::create_dir(story.path("ours")).unwrap();
    for (name, ids) in [("ours-1", ["1.1", "1.2", "1.3"]), ("ours-2", ["7.3", "7.1", "7.2"])] {
        let controls = ["apiserver-no-profiling", "apiserver-audit-log", "scheduler-no-profiling"];
        let rows = ids.iter().zip(controls);
        let rows: Vec<String> = rows
            .map(|(id, control)| {
                format!("  - {{ id: \"{id}\", control: {control}, level: 1, assessment: automated }}\n")
            })
            .collect();
        let rows = rows.concat();
        let section = ids[0].split('.').next().unwrap();
        let text = format!(
            "profile: {name}\ntitle: Ours\nsections:\n  - {{ id: \"{section}\", title: Ours }}\nnot_covered: []\ncontrols:\n{rows}"
        );
        std::fs::write(story.path("ours").join(format!("{name}.yaml")), text).unwrap();
    }
    let ours = story.text("ours");
    let gate = |profile: &str, day: &str, more: &[&str]| {
        let mut arguments = vec!["--profile", profile, "--controls", &ours];
        arguments.extend(more);
        story.gate(day, &arguments)
    };
    green(&gate("ours-1", "2025-11-01", &["--fail-on", "none"]));
    let draft = call(&["register", "add", "1.1@ours-1", "--report", &story.text("report.json"), "--controls", &ours]);
    assert!(draft.out.contains("control: apiserver-no-profiling"), "{}{}", draft.out, draft.err);
    let entry = "register: story\nexceptions:\n  - control: 1.1@ours-1\n    accepted: { since: 2025-11-01, state: { verdict: fail, \
         kube-apiserver.profiling: \"true\" } }\n    reason: The load test of week 48 profiles the API server, and ends with \
         its report.\n    compensating: { says: The port is open to the address of the load test alone. }\n    owner: \
         platform-team\n    approver: security-office\n    expires: 2025-12-31\n";
    std::fs::write(story.path("register.yaml"), entry).unwrap();
    let required = ["--fail-on", "required"];
    let before = gate("ours-1", "2025-11-02", &required);
    green(&before);
    let after = gate("ours-2", "2025-11-03", &required);
    green(&after);
    green(&gate("ours-2", "2025-11-04", &[]));
    let report = std::fs::read_to_string(story.path("report.json")).unwrap();
    let report: report::Report = serde_json::from_str(&report).unwrap();
    let finding = report.findings.iter().find(|finding| finding.control == "apiserver-no-profiling").unwrap();
    assert_eq!((finding.id(), finding.decision.state), ("7.3", report::State::Accepted));
    // Of the cluster nothing is new: the drift says that the profile is another.
    let told = call(&["compare", "--history", &story.text("history.db"), "--controls", &ours, "2", "3", "-o", "json"]);
    assert_eq!(told.code, 0, "{}", told.err);
    let compared: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    let kinds: Vec<&str> =
        compared["changes"].as_array().unwrap().iter().map(|change| change["kind"].as_str().unwrap()).collect();
    assert!(!kinds.is_empty() && kinds.iter().all(|kind| *kind == "unchanged"), "{kinds:?}");
}

/// What a part of an audit, another profile or another cluster's register says opens no gate.
#[test]
fn the_gate_is_not_talked_round() {
    let story = Cluster::new();
    green(&story.gate("2025-11-01", &["--fail-on", "none"]));
    story.weaken();
    red(&story.gate("2025-11-02", &[]), "new: 1.2.15 ");
    // The scan that verifies something else is no baseline, nor is one by another profile.
    let narrow = story.gate("2025-11-03", &["--control", "kubelet-no-read-only-port"]);
    assert_eq!(narrow.code, 0, "{}", narrow.err);
    // Its settings are another namespace's, so not everything was seen; a person takes that as known.
    let kernel = story.gate("2025-11-03", &["--profile", "node-kernel", "--fail-on", "none"]);
    assert_eq!(kernel.code, 3, "{}", kernel.err);
    red(&story.gate("2025-11-04", &[]), "new: 1.2.15 ");

    // No worse than a run that was not good is green for once, which is told, and not good.
    let by_last = story.against("last");
    green(&by_last);
    assert!(by_last.err.contains("  note: the baseline passed no gate of its own: "), "{}", by_last.err);
    red(&story.gate("2025-11-04", &[]), "new: 1.2.15 ");
    let last = call(&[
        "scan",
        "--import",
        &story.text("node"),
        "--cluster-name",
        "story",
        "--history",
        &story.text("history.db"),
        "--profile",
        "cis-2.0.1",
        "--baseline",
        "last",
        "--fail-on",
        "new",
        "-o",
        "json=-/nowhere",
    ]);
    assert_eq!(last.code, 4, "{}", last.err);
    red(&story.gate("2025-11-04", &[]), "new: 1.2.15 ");
    // A part of an audit that somebody kept is no baseline.
    let part = format!("json={}", story.text("part.json"));
    let narrow = ["scan", "--import", &story.text("node"), "--profile", "cis-2.0.1", "--section", "1.1", "-o", &part];
    assert_eq!(call(&narrow).code, 0);
    let by_part = call(&[
        "scan",
        "--import",
        &story.text("node"),
        "--profile",
        "cis-2.0.1",
        "--fail-on",
        "new",
        "--baseline",
        &story.text("part.json"),
    ]);
    assert_eq!(by_part.code, 2, "{}", by_part.err);
    assert!(by_part.err.contains("is no baseline: it was narrowed to only sections 1.1"), "{}", by_part.err);

    // What this run writes itself holds whatever it finds, and that is told.
    let own = story.text("own.json");
    let write = format!("json={own}");
    let scan = ["scan", "--import", &story.text("node"), "--profile", "cis-2.0.1", "-o", &write];
    let by_itself = ["--fail-on", "new", "--baseline", &own];
    assert_eq!(call(&scan).code, 1);
    let by_itself = call(&[&scan[..], &by_itself[..]].concat());
    let note = format!("  note: this run writes over its baseline {own}: keep it only if the gate passed");
    assert!(by_itself.err.lines().any(|line| line.starts_with(&note)), "{}", by_itself.err);
    // A file whose name is that of a run is not taken for either.
    std::fs::write(story.path("1"), "{}").unwrap();
    let ended = called_in(story.directory.path(), &["compare", "--history", "history.db", "1", "2"], &[]);
    assert!(ended.code == 2 && ended.err.contains("1 is a file, and a run of the history: ./1 names"), "{}", ended.err);

    // An exception that its lint refuses decides nothing, nor does another cluster's.
    story.except("1.2.15@cis-2.0.1", "2025-11-04", "2025-12-01");
    let good = std::fs::read_to_string(story.path("register.yaml")).unwrap();
    green(&story.gate("2025-11-04", &["--fail-on", "required"]));
    for (from, to, why) in [
        ("register: story", "register: story\ncluster: another", "speaks of the cluster another"),
        (
            "expires: 2025-12-01",
            "expires: 2999-12-01",
            "refused by `register lint`: the exception holds until 2999-12-01",
        ),
    ] {
        std::fs::write(story.path("register.yaml"), good.replacen(from, to, 1)).unwrap();
        let ended = story.gate("2025-11-05", &["--fail-on", "required"]);
        assert_eq!(ended.code, 1, "{to}");
        let report = std::fs::read_to_string(story.path("report.json")).unwrap();
        assert!(report.contains(why), "{why}");
    }
    // A history that somebody changed is no empty one.
    std::fs::write(story.path("register.yaml"), good).unwrap();
    let mut bytes = std::fs::read(story.path("history.db")).unwrap();
    let at = bytes.windows(8).position(|window| window == b"\"number\"").unwrap();
    bytes[at + 1] = b'N';
    std::fs::write(story.path("history.db"), bytes).unwrap();
    let ended = story.gate("2025-11-06", &[]);
    assert_eq!(ended.code, 4, "{}", ended.err);
}

/// Where the run cannot be remembered, what was found is told all the same.
#[test]
fn a_run_that_cannot_be_remembered_is_told() {
    let story = Cluster::new();
    green(&story.gate("2025-11-01", &["--fail-on", "none"]));
    std::fs::remove_file(story.path("report.json")).unwrap();
    let mut bytes = std::fs::read(story.path("history.db")).unwrap();
    let at = bytes.windows(8).position(|window| window == b"\"number\"").unwrap();
    bytes[at + 1] = b'N';
    std::fs::write(story.path("history.db"), bytes).unwrap();
    let (node, history, report) =
        (story.text("node"), story.text("history.db"), format!("json={}", story.text("report.json")));
    let ended = call(&["scan", "--import", &node, "--cluster-name", "story", "--history", &history, "-o", &report]);
    assert_eq!(ended.code, 4, "{}", ended.err);
    assert!(story.path("report.json").exists());
}

/// A history that was cut is told as damaged, with the command that looks into it, by whatever meets it.
#[test]
fn a_history_that_was_cut_is_told_as_damaged() {
    let story = Cluster::new();
    green(&story.gate("2025-11-01", &["--fail-on", "none"]));
    let whole = std::fs::read(story.path("history.db")).unwrap();
    for length in [100, 5_000, whole.len() / 2, whole.len() - 4_096] {
        std::fs::write(story.path("history.db"), &whole[..length]).unwrap();
        let compared = call(&["compare", "--history", &story.text("history.db"), "1", "last"]);
        for ended in [story.gate("2025-11-02", &[]), compared] {
            assert_eq!(ended.code, 4, "{length}: {}", ended.err);
            for part in ["the history is damaged: ", "`kube-assay history verify`"] {
                assert!(ended.err.contains(part), "{length}: {}", ended.err);
            }
        }
        assert!(std::fs::read(story.path("history.db")).unwrap() == whole[..length], "{length}: it was written to");
    }
}

/// An upgrade changes the profile that is chosen, and `last-good` is still the good run before it.
#[test]
fn the_last_good_run_outlives_the_profile_that_was_chosen_for_it() {
    let story = Cluster::new();
    let [node, history] = ["node", "history.db"].map(|name| story.text(name));
    let gate = |version: &str, more: &[&str]| {
        let mut all = vec!["scan", "--import", &node, "--history", &history, "--cluster-name", "story", "-o", "wide"];
        all.extend(["--kubernetes-version", version]);
        all.extend(more);
        call(&all)
    };
    let new = ["--baseline", "last-good", "--fail-on", "new"];
    assert_eq!(gate("1.33", &["--fail-on", "none"]).code, 0);
    green(&gate("1.34", &new));
    story.weaken();
    let weak = gate("1.34", &new);
    assert_eq!(weak.code, 1, "{}", weak.err);
    assert!(told(&weak)[1].contains("new: 1.2.15 "), "{}", weak.err);
    // A profile that somebody names is compared with itself alone.
    let named = gate("1.34", &[&["--profile", "cis-1.10"], &new[..]].concat());
    assert!(named.err.contains("there is no good run of this cluster by these profiles yet"), "{}", named.err);
}
