//! The tests of the JavaScript SDK: a server of their own, Node.js, and a page in a headless Chromium.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result};

use crate::{report::Report, serve::Server, shell, wasm};

const EXAMPLE: &str = "sdk-wasm/examples/vite";

/// Builds module, package and example, and runs the tests against `binary`.
///
/// # Errors
/// What failed.
pub(crate) fn run(binary: &Path, target: &Path, report: &mut Report) -> Result<()> {
    if !wasm::can_build() || !Path::new(wasm::NPM).join("node_modules/esbuild").is_dir() {
        report.not_run("js: no toolchain for wasm, or the npm packages are not installed (cargo xtask setup)");
        return Ok(());
    }
    wasm::run()?;
    let vite = fs::canonicalize(Path::new(wasm::NPM).join("node_modules/vite/bin/vite.js")).context("vite")?;
    shell::run(Command::new("node").arg(vite).arg("build").current_dir(EXAMPLE))?;
    let (_server, environment) = serve(binary, &target.join("js-tests"))?;
    let mut node = Command::new("node");
    node.args(["--test", "--test-concurrency=1", "--test-reporter=spec", "test/"]).envs(environment);
    shell::run(node.current_dir(wasm::NPM))
}

/// Starts a server with an app in a new data directory; what the tests want to know of it.
fn serve(binary: &Path, folder: &Path) -> Result<(Server, Vec<(&'static str, String)>)> {
    let data = Server::empty_data(folder)?;
    let mut create = Command::new(binary);
    create.args(["app", "create", "js", "--preset", "lax", "--json", "--data-dir"]).arg(&data);
    let app = shell::output(&mut create)?;
    let token = |name: &str| {
        let (_, rest) = app.split_once(&format!("\"{name}\":\"")).with_context(|| format!("no {name} of the app"))?;
        Ok::<_, anyhow::Error>(rest.split('"').next().unwrap_or_default().to_owned())
    };
    let (public, secret) = (token("public_token")?, token("secret_token")?);
    let server = Server::start(binary, folder, &[])?;
    let environment = vec![
        ("KEYSTEAD_URL", server.url.clone()),
        ("KEYSTEAD_PUBLIC_TOKEN", public),
        ("KEYSTEAD_SECRET_TOKEN", secret),
    ];
    Ok((server, environment))
}
