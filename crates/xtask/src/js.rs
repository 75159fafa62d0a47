//! The tests of the JavaScript SDK: a server of their own, Node.js, and a page in a headless Chromium.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{report::Report, shell, wasm};

const EXAMPLE: &str = "sdk-wasm/examples/vite";

/// A server that ends with this value.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then its test has failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

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
    let data: PathBuf = folder.join("data");
    if data.exists() {
        fs::remove_dir_all(&data)?;
    }
    fs::create_dir_all(&data)?;
    let mut create = Command::new(binary);
    create.args(["app", "create", "js", "--preset", "lax", "--json", "--data-dir"]).arg(&data);
    let app = shell::output(&mut create)?;
    let token = |name: &str| {
        let (_, rest) = app.split_once(&format!("\"{name}\":\"")).with_context(|| format!("no {name} of the app"))?;
        Ok::<_, anyhow::Error>(rest.split('"').next().unwrap_or_default().to_owned())
    };
    let (public, secret) = (token("public_token")?, token("secret_token")?);
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let log = fs::File::create(folder.join("server.log"))?;
    let mut serve = Command::new(binary);
    serve.args(["serve", "--rate-limit", "off", "--listen", &address.to_string(), "--data-dir"]).arg(&data);
    let server = Server(serve.stdout(Stdio::null()).stderr(log).spawn().context("keystead serve")?);
    let since = Instant::now();
    while TcpStream::connect(address).is_err() {
        if since.elapsed() > Duration::from_secs(60) {
            bail!("the server does not answer: see {}", folder.join("server.log").display());
        }
        thread::sleep(Duration::from_millis(20));
    }
    let environment = vec![
        ("KEYSTEAD_URL", format!("http://{address}")),
        ("KEYSTEAD_PUBLIC_TOKEN", public),
        ("KEYSTEAD_SECRET_TOKEN", secret),
    ];
    Ok((server, environment))
}
