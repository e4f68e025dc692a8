//! `kube-assay plan` as its user meets it.

use std::path::Path;

use plan::Plan;

use crate::common;

const STOCK: &str = "fixtures/runs/kubeadm-v1.36.run";

fn call(arguments: &[&str]) -> (i32, String, String) {
    let ended = common::call::call(arguments);
    (ended.code, ended.out, ended.err)
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_plan_of_the_stock_node_reads_so() {
    let (code, out, err) = call(&["plan", "--evidence", STOCK]);
    assert_eq!((code, err.as_str()), (0, ""));
    insta::assert_snapshot!(out);
}

#[test]
fn its_patches_and_its_readme_read_so() {
    let directory = tempfile::tempdir().unwrap();
    let to = directory.path().join("fixes");
    let (code, out, err) = call(&["plan", "--evidence", STOCK, "--section", "1.2,4.1,4.2", "-o", to.to_str().unwrap()]);
    assert_eq!((code, out.as_str(), err.as_str()), (0, "", ""));
    let texts = names(&to).into_iter().filter(|name| name != "plan.json").map(|name| {
        let text = std::fs::read_to_string(to.join(&name)).unwrap();
        format!("==== {name}\n{text}")
    });
    insta::assert_snapshot!(texts.collect::<Vec<_>>().join("\n"));
    let plan: Plan = serde_json::from_str(&std::fs::read_to_string(to.join("plan.json")).unwrap()).unwrap();
    assert_eq!(plan.schema, plan::SCHEMA);
    for patch in &plan.patches {
        assert_eq!(std::fs::read_to_string(to.join(&patch.name)).unwrap(), patch.content);
    }
}

#[test]
fn a_saved_report_gives_the_same_plan_as_its_evidence() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("report.json");
    let (_, report, _) = call(&["scan", "--evidence", STOCK, "-o", "json"]);
    std::fs::write(&file, &report).unwrap();
    for format in ["terminal", "markdown", "json"] {
        let of = |source: &[&str]| call(&[&["plan", "--format", format], source].concat()).1;
        assert_eq!(of(&["--report", file.to_str().unwrap()]), of(&["--evidence", STOCK]), "{format}");
    }
    for (text, why) in [
        ("{}", "it is no report that `scan -o json` wrote"),
        ("not json", "it is no report that `scan -o json` wrote"),
        (&report.replacen("report/v1", "report/v9", 1), "kube-assay.report/v1 is known here"),
    ] {
        std::fs::write(&file, text).unwrap();
        let (code, out, err) = call(&["plan", "--report", file.to_str().unwrap()]);
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(err.contains(why), "{err}");
    }
    assert_eq!(call(&["plan", "--report", "no-such-file"]).0, 2);
    assert_eq!(call(&["plan", "--report", "x", "--evidence", STOCK]).0, 2);
}

#[test]
fn nothing_that_was_there_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let to = directory.path().to_str().unwrap();
    std::fs::write(path("notes.txt"), "mine").unwrap();
    std::fs::write(path("01-mine.yaml"), "a: 1\n").unwrap();
    let plan = |more: &[&str]| call(&[&["plan", "--evidence", STOCK, "-o", to], more].concat());
    let (code, _, err) = plan(&[]);
    assert_eq!(code, 2);
    assert!(err.contains("it holds other files"), "{err}");
    assert_eq!(names(directory.path()), ["01-mine.yaml", "notes.txt"]);

    assert_eq!(plan(&["--force"]).0, 0);
    let first = names(directory.path());
    assert!(first.iter().any(|name| name.starts_with("02-kube-apiserver.")), "{first:?}");
    // A plan of other findings leaves no patch of the first behind, and what is not its own alone.
    assert_eq!(plan(&["--force", "--section", "4.2"]).0, 0);
    let second = names(directory.path());
    assert!(second.iter().all(|name| !name.contains("kube-apiserver")), "{second:?}");
    assert_eq!(std::fs::read_to_string(path("notes.txt")).unwrap(), "mine");
    assert_eq!(std::fs::read_to_string(path("01-mine.yaml")).unwrap(), "a: 1\n");
}

#[test]
fn a_directory_appears_whole_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("no/such/parent");
    assert_eq!(call(&["plan", "--evidence", STOCK, "-o", missing.to_str().unwrap()]).0, 4);
    assert!(names(directory.path()).is_empty());
    let empty = directory.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    assert_eq!(call(&["plan", "--evidence", STOCK, "-o", empty.to_str().unwrap()]).0, 0);
    assert!(names(&empty).contains(&"README.md".to_owned()));
    assert_eq!(names(directory.path()), ["empty"], "nothing is left beside it");
    let file = directory.path().join("file");
    std::fs::write(&file, "mine").unwrap();
    assert_eq!(call(&["plan", "--evidence", STOCK, "-o", file.to_str().unwrap()]).0, 2);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
}

#[test]
fn a_node_without_failures_needs_nothing() {
    let (code, out, _) = call(&["plan", "--evidence", "fixtures/runs/kubeadm-hardened-v1.36.run"]);
    assert_eq!(code, 0);
    assert!(out.contains("Nothing that failed is open: there is nothing to do."), "{out}");
}
