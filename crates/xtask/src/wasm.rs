//! `cargo xtask wasm`: builds sdk-wasm and the npm package around it, and reports the sizes.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};

use crate::shell;

const TARGET: &str = "wasm32-unknown-unknown";
const PACKAGE: &str = "keystead-wasm";
/// The npm package.
pub(crate) const NPM: &str = "sdk-wasm/npm";
/// Where bindgen writes, and where the package's build reads.
const GLUE: &str = "sdk-wasm/npm/src/wasm";
/// What a visitor of a page loads, gzipped. The client of 2022 has 389 KB.
const LIMIT: usize = 250_000;

/// What every browser since 2021 has, and no more.
const FEATURES: &str = "-Ctarget-cpu=mvp -Ctarget-feature=+bulk-memory,+sign-ext,+nontrapping-fptoint,+mutable-globals";
/// A panic ends the instance without a text: the texts and what prints them are a third of the module.
const SMALL: &str = "-Zunstable-options -Cpanic=immediate-abort -Zlocation-detail=none -Zfmt-debug=none";

/// Builds the module and prints its size; then the package, when its tools are installed.
///
/// # Errors
/// When no toolchain here can build for wasm (says what to install), the build fails, or the module is too large.
pub(crate) fn run() -> Result<()> {
    shell::run(&mut build_command()?)?;
    let target = PathBuf::from(shell::metadata(false)?.target_directory.as_str());
    let module = target.join(TARGET).join("wasm").join(format!("{}.wasm", PACKAGE.replace('-', "_")));
    ensure!(module.is_file(), "{PACKAGE} made no {}: it is not a cdylib", module.display());
    let raw = target.join("wasm-glue");
    shell::run(shell::cargo("run").args(["--quiet", "--package", "bindgen", "--"]).arg(&module).arg(&raw))?;
    fs::create_dir_all(GLUE)?;
    for file in ["keystead.js", "keystead.d.ts", "keystead_bg.wasm.d.ts", "keystead_bg.wasm"] {
        fs::copy(raw.join(file), Path::new(GLUE).join(file)).with_context(|| file.to_owned())?;
    }
    let small = Path::new(GLUE).join("keystead_bg.wasm");
    // No wasm-opt: its -Oz makes the code a tenth shorter, and then it is a tenth longer when gzipped.
    println!("\n| file | bytes | gzipped |\n|---|---|---|");
    let zipped = report(&small)?;
    if !Path::new(NPM).join("node_modules/esbuild").is_dir() {
        println!("the npm package is not built: its tools are not installed (cargo xtask setup)");
    } else {
        let mut build = Command::new("node");
        shell::run(build.arg("build.mjs").current_dir(NPM))?;
        for file in ["index.js", "keystead.global.js", "worker.js"] {
            report(&Path::new(NPM).join("dist").join(file))?;
        }
    }
    ensure!(zipped <= LIMIT, "the module has {zipped} bytes gzipped; {LIMIT} are allowed");
    Ok(())
}

/// Prints a line of the table; the gzipped size.
fn report(file: &Path) -> Result<usize> {
    let zipped = Command::new("gzip").arg("-9c").arg(file).stdin(Stdio::null()).output().context("gzip")?.stdout.len();
    println!("| {} | {} | {zipped} |", file.display(), fs::metadata(file)?.len());
    Ok(zipped)
}

/// True when something here can build for wasm.
pub(crate) fn can_build() -> bool {
    has_target("rustc").unwrap_or(false) || has_debian()
}

fn has_debian() -> bool {
    ["/usr/bin/cargo", "/usr/bin/rustc"].iter().all(|program| Path::new(program).is_file())
        && shell::find("wasm-ld").is_some()
}

/// The active toolchain when it has the target; else Debian's, which has the standard library's source.
fn build_command() -> Result<Command> {
    let args = ["--package", PACKAGE, "--profile", "wasm", "--target", TARGET];
    let flags = "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS";
    if has_target("rustc")? {
        let mut command = shell::cargo("build");
        command.args(args).env(flags, FEATURES);
        return Ok(command);
    }
    if !has_debian() {
        bail!(
            "no Rust toolchain here builds for {TARGET}. Either `rustup target add {TARGET}`, or on Debian \
             `apt-get install cargo-web rustc-web rust-web-src lld`"
        );
    }
    let mut command = Command::new("/usr/bin/cargo");
    command.arg("build").args(args).env(flags, FEATURES);
    if !has_target("/usr/bin/rustc")? {
        // Debian ships the standard library as source; building it is an unstable option of a stable compiler. Then it is
        // built as small as it goes.
        command
            .arg("-Zbuild-std=std,panic_abort")
            .env("RUSTC_BOOTSTRAP", "1")
            .env(flags, format!("{SMALL} {FEATURES}"));
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
