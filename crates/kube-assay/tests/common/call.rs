//! Calling the command, as its user does.

#![allow(dead_code, reason = "each test file uses its part")]

/// How the command ended, and what it said.
pub(crate) struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Calls the command from the repository's root, with variables of the environment.
pub(crate) fn called(arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    called_in(&super::root(), arguments, variables)
}

/// The same from another directory.
#[expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "the test is the one who calls the command")]
pub(crate) fn called_in(directory: &std::path::Path, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_kube-assay"))
        .args(arguments)
        .current_dir(directory)
        // What is set where the tests run must not steer them.
        .env_remove("COLUMNS")
        .env_remove("KUBECONFIG")
        .env_remove("KUBE_ASSAY_HISTORY")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    Ended {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Calls the command.
pub(crate) fn call(arguments: &[&str]) -> Ended {
    called(arguments, &[])
}
