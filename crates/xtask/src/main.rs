//! Keystead's build, check and bench steps: people and CI run the same lines.
//!
//! `cargo xtask ci` is what `.ci/run` runs: `setup`, `lint`, `test`, docs. Every step runs even when an earlier one
//! failed, and nothing is left out silently: what could not run is listed at the end as `NOT RUN` and fails the command.
#![expect(clippy::print_stdout, reason = "a command-line tool speaks on stdout")]

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::{lint::LintArgs, report::Report, test::TestArgs};

mod bench;
mod cli_suite;
mod files;
mod js;
mod lint;
mod nats;
mod npm;
mod postgres;
mod python;
mod report;
mod serve;
mod setup;
mod shell;
mod test;
mod wasm;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Keystead's build, check and bench steps")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// All that CI runs: setup, lint, test, docs without warnings
    Ci,
    /// Install what the tests need (Debian as root), or say what to install
    Setup,
    /// Formatting, clippy, architecture, files, licences
    Lint(LintArgs),
    /// Every test: unit, end-to-end on SQLite and PostgreSQL, npm clients, doc tests
    Test(TestArgs),
    /// Build in release mode and run one benchmark: `cargo xtask bench NAME [ARGS]`
    Bench(bench::BenchArgs),
    /// Build sdk-wasm and its npm package, and report the sizes
    Wasm,
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    std::env::set_current_dir(shell::root()?)?;
    let mut report = Report::new();
    match command {
        Command::Ci => {
            lint::run(&LintArgs::default(), &mut report);
            test::run(&TestArgs::default(), &mut report);
            report.step("docs", |_| {
                shell::run(
                    shell::cargo("doc").args(["--workspace", "--no-deps", "--lib"]).env("RUSTDOCFLAGS", "-D warnings"),
                )
            });
            Ok(report.finish(false))
        }
        Command::Setup => setup::run().map(|()| ExitCode::SUCCESS),
        Command::Lint(args) => {
            lint::run(&args, &mut report);
            Ok(report.finish(false))
        }
        Command::Test(args) => {
            test::run(&args, &mut report);
            Ok(report.finish(args.allow_missing))
        }
        Command::Bench(args) => bench::run(&args),
        Command::Wasm => wasm::run().map(|()| ExitCode::SUCCESS),
    }
}
