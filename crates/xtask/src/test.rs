//! `cargo xtask test`: every test, each in its step.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use cargo_metadata::{Metadata, TargetKind};
use clap::{Args, ValueEnum};

use crate::{cli_suite, js, nats, npm, postgres, python, report::Report, setup, shell};

/// Package of the end-to-end tests.
const E2E: &str = "e2e";

#[derive(Args, Default)]
pub(crate) struct TestArgs {
    /// Run this step only (may be repeated)
    #[arg(long, value_enum, value_name = "STEP")]
    only: Vec<Part>,
    /// Start a throw-away PostgreSQL even where a server runs
    #[arg(long)]
    own_postgres: bool,
    /// Install nothing
    #[arg(long)]
    no_setup: bool,
    /// Exit with 0 although something could not run on this machine (not in CI)
    #[arg(long)]
    pub(crate) allow_missing: bool,
    /// Passed to the test binaries, for example a part of a test's name
    #[arg(last = true)]
    rest: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Compile everything, with the binary that the end-to-end tests start
    Build,
    /// Tests inside the crates, stores on both databases
    Unit,
    /// End-to-end tests over real HTTP, with the npm clients
    E2e,
    /// The JavaScript SDK: built, in Node.js and in a headless Chromium
    Js,
    /// The suite that instant-cli ships, alone on the machine: its tests have a time limit
    Cli,
    /// Examples in the documentation
    Doc,
}

/// Runs the tests into `report`.
pub(crate) fn run(args: &TestArgs, report: &mut Report) {
    let wanted = |part| args.only.is_empty() || args.only.contains(&part);
    // The end-to-end tests start the binary.
    let serves = wanted(Part::E2e) || wanted(Part::Js) || wanted(Part::Cli);
    let build = wanted(Part::Build) || serves;
    report.expect_tests();
    if wanted(Part::Unit) || serves {
        report.step("setup", |report| prepare(args, report));
    }
    let workspace = match shell::metadata(false) {
        Ok(workspace) => workspace,
        Err(error) => {
            report.step("metadata", |_| Err(error));
            return;
        }
    };
    // Without a build there is nothing to test.
    if build && !report.step("build", |_| compile(&workspace)) {
        return;
    }
    let server = if wanted(Part::Unit) || wanted(Part::E2e) { postgres_for_tests(args, report) } else { None };
    let nats = if wanted(Part::E2e) { nats_for_tests(report) } else { None };
    let environment = Environment::new(&workspace, (server.as_ref(), nats.as_ref()), args);
    if wanted(Part::Unit) {
        report.step("unit", |report| {
            let mut command = environment.test_command();
            command.args(["--lib", "--bins"]);
            for target in test_targets(&workspace, |package| package != E2E) {
                command.args(["--test", target]);
            }
            tests(command.arg("--").args(&args.rest), report)
        });
    }
    if wanted(Part::E2e) {
        report.step("e2e", |report| {
            let targets = test_targets(&workspace, |package| package == E2E);
            ensure!(!targets.is_empty(), "package {E2E} has no test target");
            let mut command = environment.test_command();
            for target in targets {
                command.args(["--test", target]);
            }
            tests(command.arg("--").args(&args.rest), report)
        });
    }
    let target = Path::new(workspace.target_directory.as_str());
    if wanted(Part::Js) {
        report.step("js", |report| js::run(&binary(&workspace), target, report));
    }
    if wanted(Part::Cli) {
        report.step("cli", |report| cli_suite::run(&binary(&workspace), target, report));
    }
    if wanted(Part::Doc) {
        report.step("doc", |report| tests(environment.test_command().arg("--doc").arg("--").args(&args.rest), report));
    }
}

/// What the tests find in their environment.
struct Environment<'a> {
    binary: PathBuf,
    node: Option<PathBuf>,
    server: Option<&'a postgres::Server>,
    nats: Option<&'a nats::Server>,
    allow_missing: bool,
}

impl<'a> Environment<'a> {
    fn new(
        workspace: &Metadata,
        (server, nats): (Option<&'a postgres::Server>, Option<&'a nats::Server>),
        args: &TestArgs,
    ) -> Self {
        let allow_missing = args.allow_missing && !shell::in_ci();
        Self { binary: binary(workspace), node: shell::find("node"), server, nats, allow_missing }
    }

    /// `cargo test` over the whole workspace, so that every step has the features, and so the artifacts, of the build.
    fn test_command(&self) -> std::process::Command {
        let mut command = shell::cargo("test");
        command.args(["--workspace", "--no-fail-fast"]).env("KEYSTEAD_BIN", &self.binary);
        if let Some(node) = &self.node {
            command.env("KEYSTEAD_NODE", node);
        }
        match self.server {
            Some(server) => command.env(postgres::URL_VARIABLE, &server.url),
            None => command.env_remove(postgres::URL_VARIABLE),
        };
        if let Some(nats) = self.nats {
            command.env(nats::URL_VARIABLE, &nats.url);
        }
        // Without a server, tests on PostgreSQL or NATS fail, unless they are told to say that they did not run.
        if self.allow_missing && (self.server.is_none() || self.nats.is_none()) {
            command.env("KEYSTEAD_TEST_ALLOW_MISSING", "1");
        }
        command
    }
}

fn prepare(args: &TestArgs, report: &mut Report) -> Result<()> {
    let missing = if args.no_setup { setup::missing() } else { setup::install_missing() };
    for need in &missing {
        report.not_run(format!("{}: {} is missing", need.used_by, need.what));
    }
    if shell::answers("npm") {
        npm::install_all()?;
    }
    if python::can_make_environments() {
        python::install(Path::new(shell::metadata(false)?.target_directory.as_str()))?;
    }
    Ok(())
}

fn compile(workspace: &Metadata) -> Result<()> {
    shell::run(shell::cargo("build").args(["--workspace", "--lib", "--bins", "--tests"]))?;
    let binary = binary(workspace);
    ensure!(binary.is_file(), "the build made no {}", binary.display());
    Ok(())
}

fn postgres_for_tests(args: &TestArgs, report: &mut Report) -> Option<postgres::Server> {
    match postgres::Server::find(args.own_postgres) {
        Ok(server) => {
            println!("PostgreSQL of the tests: {}", without_password(&server.url));
            Some(server)
        }
        Err(error) => {
            report.not_run(format!("unit and e2e on PostgreSQL: {error:#}"));
            None
        }
    }
}

fn nats_for_tests(report: &mut Report) -> Option<nats::Server> {
    match nats::Server::find() {
        Ok(server) => Some(server),
        Err(error) => {
            report.not_run(format!("e2e with NATS: {error:#}"));
            None
        }
    }
}

/// The debug binary that tests start, kill and start again.
fn binary(workspace: &Metadata) -> PathBuf {
    let name = format!("keystead{}", env::consts::EXE_SUFFIX);
    Path::new(workspace.target_directory.as_str()).join("debug").join(name)
}

/// Names of the integration test targets of the packages that `wanted` takes.
fn test_targets(workspace: &Metadata, wanted: impl Fn(&str) -> bool) -> Vec<&str> {
    let packages = workspace.workspace_packages().into_iter().filter(|package| wanted(&package.name));
    let targets = packages.flat_map(|package| &package.targets);
    targets.filter(|target| target.kind.contains(&TargetKind::Test)).map(|target| target.name.as_str()).collect()
}

fn tests(command: &mut std::process::Command, report: &mut Report) -> Result<()> {
    shell::run_seeing(command, |line| report.see_test_line(line)).context("tests")
}

/// `scheme://user:password@host` without its password.
fn without_password(url: &str) -> String {
    let Some((head, tail)) = url.rsplit_once('@') else { return url.to_owned() };
    match head.rsplit_once(':') {
        Some((user, password)) if !password.starts_with("//") => format!("{user}:…@{tail}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_do_not_print() {
        assert_eq!(without_password("postgres://u:secret@h:1/d"), "postgres://u:…@h:1/d");
        assert_eq!(without_password("postgres://u@h:1/d"), "postgres://u@h:1/d");
        assert_eq!(without_password("postgres://h:1/d"), "postgres://h:1/d");
    }
}
