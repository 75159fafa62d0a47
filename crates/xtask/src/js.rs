//! The tests of the JavaScript SDK: a server of their own, Node.js, and a page in a headless Chromium.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{files, report::Report, serve::Server, shell, wasm};

const EXAMPLES: &str = "sdk-wasm/examples";

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
    let examples = Path::new(EXAMPLES);
    let npm = fs::canonicalize(wasm::NPM)?;
    let vite = npm.join("node_modules/vite/bin/vite.js");
    shell::run(Command::new("node").arg(vite).arg("build").current_dir(examples.join("vite")))?;
    shell::run(Command::new("node").arg(npm.join("webpack.mjs")).current_dir(examples.join("webpack")))?;
    let folder = target.join("js-tests");
    let pages = pages(examples, &folder.join("pages"))?;
    let (_server, environment) = serve(binary, &folder, &pages)?;
    let mut node = Command::new("node");
    node.args(["--test", "--test-concurrency=1", "--test-reporter=spec", "test/"]).envs(environment);
    shell::run(node.current_dir(wasm::NPM))
}

/// The site that the server serves beside its APIs: the page without modules, and the built examples in folders of their own.
fn pages(examples: &Path, site: &Path) -> Result<PathBuf> {
    files::remove(site)?;
    files::copy_all(&Path::new(wasm::NPM).join("dist"), site)?;
    files::copy_all(&examples.join("browser"), site)?;
    files::copy_all(&examples.join("vite/dist"), &site.join("vite"))?;
    files::copy_all(&examples.join("webpack/dist"), &site.join("webpack/dist"))?;
    fs::copy(examples.join("webpack/index.html"), site.join("webpack/index.html"))?;
    Ok(site.to_owned())
}

/// Starts a server with an app in a new data directory; what the tests want to know of it.
fn serve(binary: &Path, folder: &Path, pages: &Path) -> Result<(Server, Vec<(&'static str, String)>)> {
    let data = Server::empty_data(folder)?;
    let mut create = Command::new(binary);
    create.args(["app", "create", "js", "--preset", "lax", "--json", "--data-dir"]).arg(&data);
    let app = shell::output(&mut create)?;
    let token = |name: &str| {
        let (_, rest) = app.split_once(&format!("\"{name}\":\"")).with_context(|| format!("no {name} of the app"))?;
        Ok::<_, anyhow::Error>(rest.split('"').next().unwrap_or_default().to_owned())
    };
    let (public, secret) = (token("public_token")?, token("secret_token")?);
    let (app_id, admin) = (token("app_id")?, token("admin_token")?);
    let server = Server::start(binary, folder, &[], &[("KEYSTEAD__SERVER__STATIC_DIR", pages)])?;
    let environment = vec![
        ("KEYSTEAD_URL", server.url.clone()),
        ("KEYSTEAD_PUBLIC_TOKEN", public),
        ("KEYSTEAD_SECRET_TOKEN", secret),
        ("KEYSTEAD_DATA_APP", app_id),
        ("KEYSTEAD_DATA_ADMIN_TOKEN", admin),
        ("KEYSTEAD_DATA_DIR", data.canonicalize()?.display().to_string()),
    ];
    Ok((server, environment))
}
