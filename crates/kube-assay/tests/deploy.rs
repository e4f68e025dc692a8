//! What runs the gate in pipelines and clusters: it is well-formed, and speaks the options that there are.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::path::Path;

use common::call::call;
use serde_json::Value;

fn text(name: &str) -> String {
    std::fs::read_to_string(common::root().join(name)).unwrap()
}

fn yaml(name: &str) -> Value {
    serde_saphyr::from_str(&text(name)).unwrap()
}

/// Runs `deploy/gate` with the program of this build on its path.
#[expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "the test is the pipeline")]
fn gate(out: &Path, variables: &[(&str, &str)]) -> i32 {
    let program = Path::new(env!("CARGO_BIN_EXE_kube-assay")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let status = std::process::Command::new("sh")
        .arg("deploy/gate")
        .current_dir(common::root())
        .env("PATH", path)
        .env("KUBE_ASSAY_OUT", out)
        .envs(variables.iter().copied())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
    status.code().unwrap()
}

#[test]
fn the_gate_of_pipelines_ends_as_the_command_does_and_leaves_the_reports() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("a directory/reports");
    let history = directory.path().join("history.db");
    let history = history.to_str().unwrap();
    let stock = ("KUBE_ASSAY_ARGUMENTS", "--evidence fixtures/runs/kubeadm-v1.36.run --cluster-name ci");
    assert_eq!(gate(&out, &[stock]), 1);
    for name in ["report.json", "report.sarif", "report.xml", "report.md", "report.html"] {
        assert!(std::fs::metadata(out.join(name)).unwrap().len() > 1000, "{name}");
    }
    let none = ("KUBE_ASSAY_FAIL_ON", "none");
    assert_eq!(gate(&out, &[stock, ("KUBE_ASSAY_HISTORY", history), none]), 0);
    let new =
        [stock, ("KUBE_ASSAY_HISTORY", history), ("KUBE_ASSAY_BASELINE", "last-good"), ("KUBE_ASSAY_FAIL_ON", "new")];
    assert_eq!(gate(&out, &new), 0);
    let baseline = directory.path().join("baseline.json");
    std::fs::copy(out.join("report.json"), &baseline).unwrap();
    let fixed = [stock, ("KUBE_ASSAY_BASELINE", baseline.to_str().unwrap()), ("KUBE_ASSAY_FAIL_ON", "new")];
    assert_eq!(gate(&out, &fixed), 0);
    // A pipeline that keeps the last report compares with it, and is told what that means.
    let own = out.join("report.json");
    let fixed = [stock, ("KUBE_ASSAY_BASELINE", own.to_str().unwrap()), ("KUBE_ASSAY_FAIL_ON", "new")];
    assert_eq!(gate(&out, &fixed), 0);
    assert_eq!(gate(&out, &[stock, none, ("KUBE_ASSAY_MIN_COVERAGE", "100"), ("KUBE_ASSAY_MAX_AGE", "1h")]), 3);
    assert_eq!(gate(&out, &[stock, ("KUBE_ASSAY_REGISTER", "no such file.yaml")]), 2);
}

#[test]
fn the_action_and_the_job_speak_of_what_the_gate_reads() {
    let gate = text("deploy/gate");
    let read = |name: &str| gate.contains(name) || text("crates/kube-assay/src/gate.rs").contains(name);
    let action = yaml("action.yml");
    let inputs = action["inputs"].as_object().unwrap();
    let steps = action["runs"]["steps"].as_array().unwrap();
    let given: Vec<(&String, &Value)> = steps.iter().filter_map(|step| step["env"].as_object()).flatten().collect();
    for (variable, value) in &given {
        assert!(read(variable), "{variable}");
        let value = value.as_str().unwrap();
        let input = value.strip_prefix("${{ inputs.").and_then(|rest| rest.strip_suffix(" }}"));
        assert!(input.is_none_or(|input| inputs.contains_key(input)), "{value}");
    }
    for input in inputs.keys() {
        assert!(
            given.iter().any(|(_, value)| value.as_str().unwrap().contains(&format!("inputs.{input} "))),
            "{input}"
        );
    }
    // Nothing from outside is run: no other action, and no input within a script.
    for step in steps {
        assert!(step.get("uses").is_none());
        assert!(!step["run"].as_str().unwrap().contains("${{"), "{step}");
    }
    let job = yaml("deploy/gitlab-ci.yml");
    for variable in job["kube-assay"]["variables"].as_object().unwrap().keys() {
        let own = ["KUBE_ASSAY_REVISION", "KUBE_ASSAY_REPOSITORY"].contains(&variable.as_str());
        assert!(own || read(variable), "{variable}");
    }
}

#[test]
fn the_nightly_job_is_called_with_options_that_there_are() {
    let objects: Vec<Value> = serde_saphyr::from_multiple(&text("deploy/cronjob.yaml")).unwrap();
    let kinds: Vec<&str> = objects.iter().map(|object| object["kind"].as_str().unwrap()).collect();
    let expected =
        ["Namespace", "ServiceAccount", "ClusterRoleBinding", "ConfigMap", "PersistentVolumeClaim", "CronJob"];
    assert_eq!(kinds, expected);
    let pod = &objects[5]["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    let arguments: Vec<&str> =
        container["args"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    let role = call(&["manifests"]).out;
    let bound = objects[2]["roleRef"]["name"].as_str().unwrap();
    assert!(role.contains(&format!("  name: {bound}\n")), "{role}");
    // Outside a cluster it gets as far as to look for one: what it was called with is understood.
    let directory = tempfile::tempdir().unwrap();
    let nowhere = directory.path().join("history.db");
    let history = format!("--history={}", nowhere.display());
    let arguments = arguments.iter().map(|word| if word.starts_with("--history") { &history } else { *word });
    let register = directory.path().join("register.yaml");
    std::fs::write(&register, objects[3]["data"]["register.yaml"].as_str().unwrap()).unwrap();
    let register = format!("--register={}", register.display());
    let arguments: Vec<&str> =
        arguments.map(|word| if word.starts_with("--register") { register.as_str() } else { word }).collect();
    let ended = common::call::called(&arguments, &[("KUBECONFIG", "/nonexistent"), ("HOME", "/nonexistent")]);
    assert!(!ended.err.contains("Usage:"), "{}", ended.err);
    assert_eq!(ended.code, 2, "{}", ended.err);
    assert!(ended.err.contains("kubeconfig"), "{}", ended.err);
}
