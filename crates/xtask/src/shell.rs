//! Running other programs: a non-zero exit is an error that names the command line.

use std::{
    env,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};
use cargo_metadata::{CargoOpt, Metadata, MetadataCommand};

/// Root of the workspace.
///
/// # Errors
/// When xtask was moved away from `crates/xtask`.
pub(crate) fn root() -> Result<PathBuf> {
    // `cargo run` sets it to this checkout's crates/xtask, also when the binary was built in a shared target directory.
    let manifest =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest.ancestors().nth(2).map(Path::to_path_buf).context("crates/xtask has no workspace above it")
}

/// True on a CI machine (`CI=true`).
pub(crate) fn in_ci() -> bool {
    env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false" && value != "0")
}

/// `cargo SUBCOMMAND`, the cargo that runs xtask; in CI with `--locked`.
pub(crate) fn cargo(subcommand: &str) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.arg(subcommand);
    if in_ci() && subcommand != "fmt" {
        command.arg("--locked");
    }
    command
}

/// Metadata of the workspace, with dependencies when `deps`.
///
/// # Errors
/// What cargo says, for example a lock file that does not fit in CI.
pub(crate) fn metadata(deps: bool) -> Result<Metadata> {
    let mut command = MetadataCommand::new();
    if deps {
        command.features(CargoOpt::AllFeatures);
    } else {
        command.no_deps();
    }
    if in_ci() {
        command.other_options(["--locked".to_owned()]);
    }
    command.exec().context("cargo metadata")
}

/// Runs `command` to its end, its output on ours.
///
/// # Errors
/// When it cannot start or does not exit with 0.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = announce(command);
    let status = command.stdin(Stdio::null()).status().with_context(|| line.clone())?;
    ensure!(status.success(), "`{line}` ended with {status}");
    Ok(())
}

/// As [`run`], and hands every line of its stdout to `see` as well.
///
/// # Errors
/// As [`run`].
pub(crate) fn run_seeing(command: &mut Command, mut see: impl FnMut(&str)) -> Result<()> {
    let line = announce(command);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().with_context(|| line.clone())?;
    let mut output = BufReader::new(child.stdout.take().context("stdout is piped")?);
    let mut bytes = Vec::new();
    while output.read_until(b'\n', &mut bytes)? > 0 {
        let text = String::from_utf8_lossy(&bytes);
        print!("{text}");
        see(text.trim_end());
        bytes.clear();
    }
    let status = child.wait()?;
    ensure!(status.success(), "`{line}` ended with {status}");
    Ok(())
}

/// Stdout of `command`, trimmed; its stderr goes nowhere.
///
/// # Errors
/// When it cannot start or does not exit with 0.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let out = command.stdin(Stdio::null()).stderr(Stdio::null()).output().with_context(|| line_of(command))?;
    if !out.status.success() {
        bail!("`{}` ended with {}", line_of(command), out.status);
    }
    Ok(String::from_utf8_lossy(&out.stdout).trim().to_owned())
}

/// The program's own path, when it stands in one of the folders of `PATH`.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// True when `program --version` works.
pub(crate) fn answers(program: &str) -> bool {
    output(Command::new(program).arg("--version")).is_ok()
}

/// True when the effective user is root.
pub(crate) fn is_root() -> bool {
    output(Command::new("id").arg("-u")).is_ok_and(|id| id == "0")
}

fn announce(command: &Command) -> String {
    let line = line_of(command);
    println!("$ {line}");
    line
}

fn line_of(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
