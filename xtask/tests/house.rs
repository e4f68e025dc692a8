//! The walls of the house (ARCHITECTURE.md), held by what cargo itself says of the crates.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Which of our crates each may import. Nothing else of ours.
const ARROWS: [(&str, &[&str]); 11] = [
    ("diag", &[]),
    ("evidence", &[]),
    ("benchmark", &["diag"]),
    ("assess", &["benchmark", "evidence"]),
    ("register", &["assess", "benchmark", "diag"]),
    ("report", &["assess", "benchmark", "evidence", "register"]),
    ("history", &["evidence", "report"]),
    ("plan", &["assess", "benchmark", "report"]),
    ("probe", &["evidence"]),
    ("collect", &["evidence"]),
    (
        "kube-assay",
        &["assess", "benchmark", "collect", "diag", "evidence", "history", "plan", "probe", "register", "report"],
    ),
];

/// Crates that do no network, clock, environment or process.
const PURE: [&str; 7] = ["diag", "evidence", "benchmark", "assess", "register", "report", "plan"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

#[expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a test of the house asks cargo")]
fn metadata() -> Value {
    let output = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn normal_dependencies(package: &Value) -> BTreeSet<String> {
    let all = package["dependencies"].as_array().unwrap();
    all.iter()
        .filter(|dependency| dependency["kind"].is_null())
        .map(|d| d["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn arrows_run_one_way() {
    let metadata = metadata();
    let packages: BTreeMap<&str, &Value> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| (package["name"].as_str().unwrap(), package))
        .collect();
    let ours: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    let found: BTreeSet<&str> = packages.keys().copied().filter(|name| *name != "xtask").collect();
    assert_eq!(found, ours, "a crate without its arrows in this test and in ARCHITECTURE.md");
    for (name, allowed) in ARROWS {
        let dependencies = normal_dependencies(packages[name]);
        let imports: BTreeSet<&str> =
            dependencies.iter().map(String::as_str).filter(|name| ours.contains(name)).collect();
        assert_eq!(imports, allowed.iter().copied().collect(), "{name}");
    }
}

#[test]
fn the_probe_stays_small() {
    let metadata = metadata();
    let probe = metadata["packages"].as_array().unwrap().iter().find(|package| package["name"] == "probe").unwrap();
    let expect: BTreeSet<String> =
        ["evidence", "lexopt", "rustix", "serde_json", "thiserror"].map(str::to_owned).into();
    assert_eq!(normal_dependencies(probe), expect, "a new dependency of the privileged program wants a reason here");
}

#[test]
fn every_dependency_says_why_it_is_there() {
    let check = |path: &Path| {
        let text = std::fs::read_to_string(path).unwrap();
        let mut section = "";
        let mut said = false;
        for line in text.lines() {
            match line.trim() {
                heading if heading.starts_with('[') => section = line.trim(),
                comment if comment.starts_with('#') => said = true,
                "" => said = false,
                _ if section == "[workspace.dependencies]" => {
                    assert!(said || line.contains('#') || line.contains("path ="), "{}: {line}", path.display());
                }
                _ => {}
            }
        }
    };
    check(&root().join("Cargo.toml"));
}

/// Rust sources of a crate, tests left out.
fn sources(of: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(of).unwrap() {
        let path = entry.unwrap().path();
        let test = path.file_stem().is_some_and(|name| name == "tests");
        if test {
            continue;
        }
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn pure_crates_touch_nothing_outside() {
    let banned = [
        "std::fs",
        "std::net::Tcp",
        "std::net::Udp",
        "std::env::",
        "std::process",
        "SystemTime",
        "Instant::now",
        "Timestamp::now",
        "Zoned::now",
    ];
    for name in PURE {
        for path in sources(&root().join("crates").join(name).join("src")) {
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            for word in banned {
                assert!(!code.contains(word), "{} uses {word}", path.display());
            }
        }
    }
}

#[test]
fn rooms_are_small_enough_to_know() {
    let crates = std::fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap().path());
    for path in crates.flat_map(|of| sources(&of)) {
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 600, "{} has {lines} lines", path.display());
        if path.ends_with("src/main.rs") {
            assert!(lines <= 50, "{} has {lines} lines", path.display());
        }
    }
}

#[test]
fn schemas_are_those_of_the_types() {
    for (name, schema) in xtask::schemas() {
        let path = root().join(format!("schemas/{name}.v1.schema.json"));
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        let now = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        assert!(committed == now, "{} is stale: run `cargo xtask schemas`", path.display());
    }
}
