//! A server of the built binary, for tests that run in other programs.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use crate::files;

const START_LIMIT: Duration = Duration::from_secs(60);

/// A server on a free port, without rate limits; ends with this value.
pub(crate) struct Server {
    child: Child,
    /// `http://ADDRESS:PORT`.
    pub(crate) url: String,
}

impl Server {
    /// An empty data directory in `folder`.
    ///
    /// # Errors
    /// What the file system says.
    pub(crate) fn empty_data(folder: &Path) -> Result<PathBuf> {
        let data = folder.join("data");
        files::remove(&data)?;
        fs::create_dir_all(&data)?;
        Ok(data)
    }

    /// `keystead serve` with the data directory in `folder`, more `args` and settings from `environment`, once it answers. It
    /// logs to `server.log` there.
    ///
    /// # Errors
    /// When it does not start, or does not answer within a minute.
    pub(crate) fn start(binary: &Path, folder: &Path, args: &[&str], environment: &[(&str, &Path)]) -> Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let log = folder.join("server.log");
        let mut command = Command::new(binary);
        command.args(["serve", "--rate-limit", "off", "--listen", &address.to_string(), "--data-dir"]);
        command
            .arg(folder.join("data"))
            .args(args)
            .envs(environment.iter().copied())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log)?);
        let child = command.spawn().context("keystead serve")?;
        let server = Self { child, url: format!("http://{address}") };
        let since = Instant::now();
        while TcpStream::connect(address).is_err() {
            ensure!(since.elapsed() < START_LIMIT, "the server does not answer: see {}", log.display());
            thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then its test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
