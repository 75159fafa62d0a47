//! The npm projects of this repository: exact installs from their committed lock files.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result};

use crate::shell;

/// Folders with a `package.json` whose packages the tests use.
const PROJECTS: [&str; 4] = ["tests/clients", "tests/clients_live", "tests/clients_cli", "sdk-wasm/npm"];

/// Copy of the lock file that `node_modules` was installed from.
const STAMP: &str = "node_modules/.keystead-installed-from";

/// `npm ci` in every project whose installed packages are not those of its lock file.
///
/// # Errors
/// What npm says; a project without a lock file.
pub(crate) fn install_all() -> Result<()> {
    for project in PROJECTS {
        let folder = Path::new(project);
        if folder.join("package.json").exists() {
            install(folder).with_context(|| format!("npm ci in {project}"))?;
        }
    }
    Ok(())
}

fn install(folder: &Path) -> Result<()> {
    let lock = fs::read(folder.join("package-lock.json")).context("package-lock.json")?;
    let stamp = folder.join(STAMP);
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    // Nothing that a package brings runs at installation.
    let args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    shell::run(Command::new("npm").args(args).current_dir(folder))?;
    if folder.join("node_modules").is_dir() {
        fs::write(stamp, lock)?;
    }
    Ok(())
}
