//! Chores: `cargo xtask schemas` writes the JSON Schemas, `cargo xtask dist` builds the static programs, `cargo xtask image`
//! the probe's image and what it is made of, `cargo xtask image kube-assay` that of the command.

mod image;

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
        "image" => make_image(std::env::args().nth(2).as_deref().unwrap_or("probe")),
        _ => Err(anyhow::anyhow!("usage: cargo xtask schemas|dist|image [kube-assay]")),
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
    for (name, schema) in xtask::schemas() {
        let path = root().join(format!("schemas/{name}.v1.schema.json"));
        let text = serde_json::to_string_pretty(&schema)? + "\n";
        std::fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    Ok(())
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

/// Builds a program for both architectures of nodes, lays it out for `Containerfile`, and writes an OCI archive. The second
/// architecture is left out where its target is not installed, or has no C compiler for what needs one.
#[expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a chore may call cargo")]
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a chore tells what it made")]
fn make_image(package: &str) -> anyhow::Result<()> {
    let program = if package == "probe" { "kube-assay-probe" } else { package };
    let to = root().join("target/image");
    let mut programs = Vec::new();
    for (arch, target) in [("amd64", TARGET), ("arm64", "aarch64-unknown-linux-musl")] {
        let status = std::process::Command::new(env!("CARGO"))
            .args(["build", "--release", "--locked", "--target", target, "-p", package])
            // The probe is all Rust, so the linker that comes with it does for the foreign architecture.
            .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER", "rust-lld")
            .current_dir(root())
            .status()?;
        if !status.success() {
            if arch == "amd64" {
                bail!("{program} did not build for {target}: is the target installed? (rustup target add {target})");
            }
            eprintln!("xtask: left out {arch}: {program} did not build for {target} (rustup target add {target})");
            continue;
        }
        let built = root().join("target").join(target).join("release").join(program);
        let bytes = std::fs::read(&built).with_context(|| built.display().to_string())?;
        std::fs::create_dir_all(to.join(arch))?;
        std::fs::copy(&built, to.join(arch).join(program))?;
        programs.push((arch, bytes));
    }
    let archive = to.join(format!("{program}.tar"));
    image::write(program, &programs, &archive)?;
    println!("{}: {}", image::name(program), archive.display());
    Ok(())
}
