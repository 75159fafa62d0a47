//! Test files of `tests/clients`, run by Node.js: unmodified npm clients, and pages in a headless browser.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the test files and the installed packages are.
#[must_use]
pub fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

/// Runs `node --test` with these arguments (none: every test file) and environment. Gives how many tests have passed; none may fail or
/// be skipped.
///
/// # Panics
/// When one does, when Node.js is missing, or when `package` is not installed.
pub fn run(package: &str, args: &[&str], environment: &[(&str, &OsStr)]) -> u32 {
    let clients = clients();
    assert!(
        clients.join("node_modules").join(package).join("package.json").is_file(),
        "{package} is not installed: run `cargo xtask setup` (or `npm ci` in tests/clients)"
    );
    let node = std::env::var_os("KEYSTEAD_NODE").unwrap_or_else(|| "node".into());
    let run = Command::new(node)
        .arg("--test")
        .args(args)
        .current_dir(clients)
        .envs(environment.iter().copied())
        .output()
        .expect("Node.js 20 or newer: run `cargo xtask setup`");
    let text = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{text}\n{}", String::from_utf8_lossy(&run.stderr));
    let count = |what: &str| {
        let line = text.lines().rev().find_map(|l| l.trim_start_matches(['#', 'ℹ', ' ']).strip_prefix(what));
        line.and_then(|n| n.trim().parse::<u32>().ok()).unwrap_or_else(|| panic!("no '{what}' in {text}"))
    };
    assert_eq!(count("skipped "), 0, "{text}");
    count("pass ")
}
