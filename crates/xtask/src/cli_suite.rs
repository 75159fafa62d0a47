//! The end-to-end suite that the npm package `instant-cli` ships, unmodified, against a server of the built binary.
//!
//! It wants to lie where its authors have it: outside `node_modules`, two folders below a `tsconfig.base.json`, with
//! `@instantdb/core` in reach of the temporary projects that it makes. Every test starts the program up to five times, 2 to 4 s
//! each, within 30 s: so it runs alone, two tests at a time (`vitest.config.mjs`).

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{files, report::Report, serve::Server, shell};

const PROJECT: &str = "tests/clients_cli";
/// What the suite of the locked version has; fewer would say that a part of it was not found.
const TESTS: u64 = 36;

/// Runs the suite in a folder below `target`.
///
/// # Errors
/// When it cannot run, and when a test fails or is left out.
pub(crate) fn run(binary: &Path, target: &Path, report: &mut Report) -> Result<()> {
    if shell::find("node").is_none() {
        report.not_run("instant-cli's own suite: Node.js is missing");
        return Ok(());
    }
    let project = fs::canonicalize(PROJECT).context(PROJECT)?;
    let packages = project.join("node_modules");
    ensure!(packages.is_dir(), "{PROJECT} is not installed: run `cargo xtask setup`");
    let folder = target.join("cli-suite");
    let suite = lay_out(&packages, &folder)?;
    Server::empty_data(&folder)?;
    let server = Server::start(binary, &folder, &["--ephemeral-apps", "on"], &[])?;

    let results = folder.join("results.json");
    let mut vitest = Command::new("node");
    vitest.arg(packages.join("vitest/vitest.mjs")).args(["run", "--config"]).arg(project.join("vitest.config.mjs"));
    vitest
        .args(["--reporter", "verbose", "--reporter", "json"])
        .arg(format!("--outputFile.json={}", results.display()));
    vitest.current_dir(suite).env("TMPDIR", folder.join("tmp")).env("INSTANT_CLI_API_URI", &server.url);
    let ran = shell::run(vitest.env("CI", "true").env_remove("INSTANT_APP_ID").env_remove("INSTANT_APP_ADMIN_TOKEN"));

    let counted = fs::read(&results).map_err(anyhow::Error::from).and_then(|text| counts(&text));
    // What vitest itself says comes first: without results there is nothing to count.
    let (passed, failed, total) = match counted {
        Ok(counted) => counted,
        Err(error) => return ran.and_then(|()| Err(error.context("results of the suite"))),
    };
    report.add_tests(passed, failed);
    println!("instant-cli's own suite: {passed} of {total} tests passed");
    ran?;
    ensure!(passed == total && total >= TESTS, "{passed} of {total} tests passed, {TESTS} were expected");
    Ok(())
}

/// Copies the package to where its suite can run, with an empty folder for its projects; returns the package's folder.
fn lay_out(packages: &Path, folder: &Path) -> Result<PathBuf> {
    files::remove(folder)?;
    let suite = folder.join("client/packages/cli");
    fs::create_dir_all(folder.join("tmp"))?;
    files::copy_all(&packages.join("instant-cli"), &suite)?;
    fs::write(folder.join("client/tsconfig.base.json"), "{}\n")?;
    symlink(packages, folder.join("node_modules"))?;
    Ok(suite)
}

/// (passed, failed, all) of vitest's JSON report.
fn counts(report: &[u8]) -> Result<(u64, u64, u64)> {
    let report: Value = serde_json::from_slice(report)?;
    let number = |name: &str| report.get(name).and_then(Value::as_u64).with_context(|| format!("no {name}"));
    Ok((number("numPassedTests")?, number("numFailedTests")?, number("numTotalTests")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_report_of_vitest() {
        let text = br#"{"numTotalTests": 36, "numPassedTests": 34, "numFailedTests": 1, "numPendingTests": 1}"#;
        assert_eq!(counts(text).expect("read"), (34, 1, 36));
        assert!(counts(b"{}").is_err());
    }
}
