//! `cargo xtask lint`: what a reviewer should not have to look for.

use std::fs;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};

use crate::{report::Report, shell};

mod arrows;
mod files;
mod layers;
mod licences;
mod paths;
mod snippets;

#[derive(Args, Default)]
pub(crate) struct LintArgs {
    /// Run this check only (may be repeated)
    #[arg(long, value_enum, value_name = "CHECK")]
    only: Vec<Check>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Check {
    /// cargo fmt
    Fmt,
    /// File length, unfinished code, machine paths
    Files,
    /// Code in the documentation is code of files that the tests run
    Snippets,
    /// Which crate may know which
    Arrows,
    /// http → rules → store inside the server
    Layers,
    /// Licences, sources and bans of all dependencies, by deny.toml
    Licences,
    /// cargo clippy, warnings are errors
    Clippy,
    /// The whole of cargo-deny, where it is installed
    Deny,
}

/// Runs the checks into `report`, the quick ones first.
pub(crate) fn run(args: &LintArgs, report: &mut Report) {
    let wanted = |check| args.only.is_empty() || args.only.contains(&check);
    if wanted(Check::Fmt) {
        report.step("fmt", |_| shell::run(shell::cargo("fmt").args(["--all", "--check"])));
    }
    if wanted(Check::Files) {
        report.step("files", |_| told(files::check()?));
    }
    if wanted(Check::Snippets) {
        report.step("snippets", |_| told(snippets::check()?));
    }
    if wanted(Check::Layers) {
        report.step("layers", |_| told(layers::check()?));
    }
    if wanted(Check::Arrows) {
        report.step("arrows", |_| told(arrows::check(&shell::metadata(true)?)));
    }
    if wanted(Check::Licences) {
        report.step("licences", |_| {
            let policy = fs::read_to_string("deny.toml").context("deny.toml")?;
            told(licences::check(&shell::metadata(true)?, &policy)?)
        });
    }
    if wanted(Check::Deny) {
        deny(args, report);
    }
    if wanted(Check::Clippy) {
        let args = ["--workspace", "--all-targets", "--", "-D", "warnings"];
        report.step("clippy", |_| shell::run(shell::cargo("clippy").args(args)));
    }
}

/// cargo-deny takes minutes to build, so CI does without: `licences` holds the same lists of deny.toml against the same
/// packages.
fn deny(args: &LintArgs, report: &mut Report) {
    if shell::find("cargo-deny").is_some() {
        report.step("deny", |_| {
            // `advisories` fetches its database, so it is no part of a lint that must work without a network.
            shell::run(std::process::Command::new("cargo-deny").args(["check", "bans", "licenses", "sources"]))
        });
    } else if args.only.contains(&Check::Deny) {
        report.not_run("cargo deny: install it with `cargo install cargo-deny --locked`");
    } else {
        println!("\n== deny\nnote: cargo-deny is not installed; `licences` has checked licences, sources and bans");
    }
}

fn told(findings: Vec<String>) -> Result<()> {
    for finding in &findings {
        println!("{finding}");
    }
    ensure!(findings.is_empty(), "{} finding(s)", findings.len());
    Ok(())
}
