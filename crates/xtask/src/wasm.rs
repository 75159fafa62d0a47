//! `cargo xtask wasm`: builds sdk-wasm for the browser and reports its size.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};

use crate::shell;

const TARGET: &str = "wasm32-unknown-unknown";
const PACKAGE: &str = "keystead-wasm";

/// Builds the package and prints the module's size, raw and gzipped.
///
/// # Errors
/// When no toolchain here can build for wasm (says what to install), or the build fails.
pub(crate) fn run() -> Result<()> {
    shell::run(&mut build_command()?)?;
    let target = PathBuf::from(shell::metadata(false)?.target_directory.as_str());
    let module = target.join(TARGET).join("wasm").join(format!("{}.wasm", PACKAGE.replace('-', "_")));
    ensure!(module.is_file(), "{PACKAGE} made no {}: it is not a cdylib", module.display());
    let zipped = Command::new("gzip").arg("-9c").arg(&module).stdin(Stdio::null()).output().context("gzip")?;
    println!("{}: {} bytes, {} gzipped", module.display(), fs::metadata(&module)?.len(), zipped.stdout.len());
    Ok(())
}

/// The active toolchain when it has the target; else Debian's, which has the standard library's source.
fn build_command() -> Result<Command> {
    let args = ["--package", PACKAGE, "--profile", "wasm", "--target", TARGET];
    if has_target("rustc")? {
        let mut command = shell::cargo("build");
        command.args(args);
        return Ok(command);
    }
    let debian = ["/usr/bin/cargo", "/usr/bin/rustc"].iter().all(|program| Path::new(program).is_file());
    if !debian || shell::find("wasm-ld").is_none() {
        bail!(
            "no Rust toolchain here builds for {TARGET}. Either `rustup target add {TARGET}`, or on Debian \
             `apt-get install cargo-web rustc-web rust-web-src lld`"
        );
    }
    let mut command = Command::new("/usr/bin/cargo");
    command.arg("build").args(args);
    if !has_target("/usr/bin/rustc")? {
        // Debian ships the standard library as source; building it is an unstable option of a stable compiler.
        command.arg("-Zbuild-std=std,panic_abort").env("RUSTC_BOOTSTRAP", "1");
    }
    // What rustup and the outer cargo told this process is about the other toolchain.
    for variable in ["CARGO", "RUSTUP_TOOLCHAIN", "LD_LIBRARY_PATH"] {
        command.env_remove(variable);
    }
    command.env("RUSTC", "/usr/bin/rustc").env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld");
    Ok(command)
}

fn has_target(rustc: &str) -> Result<bool> {
    let sysroot = shell::output(Command::new(rustc).args(["--print", "sysroot"]).env_remove("LD_LIBRARY_PATH"))?;
    Ok(Path::new(&sysroot).join("lib/rustlib").join(TARGET).join("lib").is_dir())
}
