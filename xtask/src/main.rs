//! Chores: `cargo xtask schemas` writes the JSON Schemas, `cargo xtask dist` builds the static programs.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};

const TARGET: &str = "x86_64-unknown-linux-musl";

#[expect(clippy::print_stderr, reason = "a chore tells what went wrong")]
fn main() -> ExitCode {
    let chore = std::env::args().nth(1).unwrap_or_default();
    let done = match chore.as_str() {
        "schemas" => schemas(),
        "dist" => dist(),
        _ => Err(anyhow::anyhow!("usage: cargo xtask schemas|dist")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

fn schemas() -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(&report::schema())? + "\n";
    let path = root().join("schemas/report.v1.schema.json");
    std::fs::write(&path, text).with_context(|| path.display().to_string())
}

/// Builds both programs static and stripped, and prints their sizes.
#[expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a chore may call cargo")]
#[expect(clippy::print_stdout, reason = "a chore tells what it made")]
fn dist() -> anyhow::Result<()> {
    for program in ["kube-assay", "probe"] {
        let status = std::process::Command::new(env!("CARGO"))
            .args(["build", "--release", "--locked", "--target", TARGET, "-p", program])
            .current_dir(root())
            .status()?;
        if !status.success() {
            bail!("{program} did not build for {TARGET}: is the target installed? (rustup target add {TARGET})");
        }
    }
    for program in ["kube-assay", "kube-assay-probe"] {
        let path = root().join("target").join(TARGET).join("release").join(program);
        let size = std::fs::metadata(&path).with_context(|| path.display().to_string())?.len();
        println!("{program}: {size} bytes, {}", path.display());
    }
    Ok(())
}
