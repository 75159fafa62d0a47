//! NATS for the tests of several nodes: the one that is named or runs here, else one of our own while they run.

use std::{
    env,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::shell;

/// Names the server; the tests read it too.
pub(crate) const URL_VARIABLE: &str = "KEYSTEAD_TEST_NATS_URL";
const USUAL: &str = "127.0.0.1:4222";

/// A server; ended with this value if it is ours.
pub(crate) struct Server {
    pub(crate) url: String,
    own: Option<Child>,
}

impl Server {
    /// The named one, the one of this machine, or a new one.
    ///
    /// # Errors
    /// When there is none and none can be started.
    pub(crate) fn find() -> Result<Self> {
        if let Ok(url) = env::var(URL_VARIABLE) {
            return Ok(Self { url, own: None });
        }
        if TcpStream::connect(USUAL).is_ok() {
            return Ok(Self { url: format!("nats://{USUAL}"), own: None });
        }
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let program = program().context("nats-server is not installed")?;
        let mut start = Command::new(program);
        start.args(["--addr", "127.0.0.1", "--port", &address.port().to_string()]);
        let child = start.stdout(Stdio::null()).stderr(Stdio::null()).spawn().context("nats-server")?;
        let server = Self { url: format!("nats://{address}"), own: Some(child) };
        let since = Instant::now();
        while TcpStream::connect(address).is_err() {
            if since.elapsed() > Duration::from_secs(20) {
                bail!("nats-server does not answer at {address}");
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.own {
            // It may have ended by itself; then its tests have failed.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// True when there is a server or one can be started.
pub(crate) fn available() -> bool {
    env::var_os(URL_VARIABLE).is_some() || TcpStream::connect(USUAL).is_ok() || program().is_some()
}

/// Debian keeps it where only root's PATH looks.
fn program() -> Option<PathBuf> {
    let debian = || Some(PathBuf::from("/usr/sbin/nats-server")).filter(|path| Path::is_file(path));
    shell::find("nats-server").or_else(debian)
}
