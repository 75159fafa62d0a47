//! `cargo xtask bench`: builds server and load generator in release mode and lets the latter drive the former.

use std::{
    path::Path,
    process::{Command, ExitCode},
};

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::{shell, wasm};

/// Package of the load generator.
const LOAD: &str = "keystead-load";

/// The scenario that measures the npm package too.
const SDK: &str = "sdk";

#[derive(Args)]
pub(crate) struct BenchArgs {
    /// Scenario of the load generator
    name: String,
    /// Passed on to it
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// Runs one benchmark; its exit code is ours.
///
/// # Errors
/// When the build fails or the load generator cannot start.
pub(crate) fn run(args: &BenchArgs) -> Result<ExitCode> {
    let workspace = shell::metadata(false)?;
    let has_load = workspace.workspace_packages().iter().any(|package| package.name.as_str() == LOAD);
    ensure!(has_load, "package {LOAD} (tests/load) is not a member of the workspace");
    shell::run(shell::cargo("build").args(["--release", "--package", "keystead-cli", "--package", LOAD]))?;
    if args.name == SDK {
        wasm::run()?;
    }
    let release = Path::new(workspace.target_directory.as_str()).join("release");
    let status = Command::new(release.join(LOAD))
        .arg(&args.name)
        .arg("--keystead")
        .arg(release.join("keystead"))
        .args(&args.rest)
        .status()
        .context(LOAD)?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
