//! Server processes under test: start, first answer, memory, CPU, end.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::http::{self, Blocking};
use crate::stop;

/// The kernel counts CPU time for user space in this unit on every architecture (USER_HZ).
const TICKS_PER_SECOND: f64 = 100.0;
const START: Duration = Duration::from_secs(30);
const STOP: Duration = Duration::from_secs(10);

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) addr: SocketAddr,
    /// From spawn to the first 200 of `/health`; for the hello server to its address.
    pub(crate) start: Duration,
}

/// How a `keystead` server is started.
pub(crate) struct Keystead {
    pub(crate) binary: PathBuf,
    /// Data directory, existing.
    pub(crate) data: PathBuf,
    pub(crate) database_url: Option<String>,
    /// Settings as environment variables.
    pub(crate) settings: Vec<(&'static str, &'static str)>,
}

/// What `app create --json` prints, as far as it is needed.
#[derive(Deserialize)]
pub(crate) struct AppTokens {
    pub(crate) public_token: String,
    pub(crate) app_id: String,
    pub(crate) admin_token: String,
}

impl Keystead {
    /// Starts it on a free port, rate limits off, and waits until `/health` answers.
    ///
    /// # Errors
    /// When it ends or stays silent; its log is shown.
    pub(crate) fn start(&self) -> Result<Server> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let addr = SocketAddr::from(([127, 0, 0, 1], port));
        let log_path = self.data.join("server.log");
        let log = std::fs::File::create(&log_path)?;
        let mut command = self.command(["serve", "--quiet", "--rate-limit", "off", "--listen", &addr.to_string()]);
        let began = Instant::now();
        let child = command.stdout(Stdio::null()).stderr(log).spawn().context("starting keystead")?;
        let mut server = Server { child, addr, start: Duration::ZERO };
        while !answers(addr) {
            stop::check()?;
            let ended = server.child.try_wait()?;
            if ended.is_some() || began.elapsed() > START {
                let log = std::fs::read_to_string(&log_path).unwrap_or_default();
                bail!("keystead does not answer at {addr} ({ended:?}); its log:\n{log}");
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        server.start = began.elapsed();
        Ok(server)
    }

    /// Makes an app in which users register themselves.
    ///
    /// # Errors
    /// When the command fails.
    pub(crate) fn create_app(&self) -> Result<AppTokens> {
        let output = self.command(["app", "create", "load", "--preset", "lax", "--json"]).output()?;
        ensure!(output.status.success(), "app create: {}", String::from_utf8_lossy(&output.stderr));
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Brings a backup of the data API in; gives what the command prints.
    ///
    /// # Errors
    /// When the command fails.
    pub(crate) fn import(&self, backup: &Path) -> Result<serde_json::Value> {
        let path = backup.to_str().context("path")?;
        let output = self.command(["import", "instant", path, "--json"]).output()?;
        ensure!(output.status.success(), "import: {}", String::from_utf8_lossy(&output.stderr));
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// The binary with its data directory, and with no settings but ours.
    fn command<const N: usize>(&self, args: [&str; N]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(args).arg("--data-dir").arg(&self.data).current_dir(&self.data).stdin(Stdio::null());
        if let Some(url) = &self.database_url {
            command.args(["--database-url", url]);
        }
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_setting(name)) {
            command.env_remove(name);
        }
        command.envs(self.settings.iter().copied());
        command
    }
}

impl Server {
    /// Starts this program's hello server.
    ///
    /// # Errors
    /// When it prints no address.
    pub(crate) fn hello() -> Result<Self> {
        Self::own("hello-server")
    }

    /// Starts this program's broadcast server.
    ///
    /// # Errors
    /// When it prints no address.
    pub(crate) fn broadcast() -> Result<Self> {
        Self::own("broadcast-server")
    }

    fn own(name: &str) -> Result<Self> {
        let began = Instant::now();
        let mut child = Command::new(std::env::current_exe()?)
            .arg(name)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting the {name}"))?;
        let mut line = String::new();
        let stdout = child.stdout.take().context("stdout")?;
        // Guarded before anything can fail.
        let mut server = Self { child, addr: SocketAddr::from(([127, 0, 0, 1], 0)), start: Duration::ZERO };
        BufReader::new(stdout).read_line(&mut line)?;
        server.addr = line.trim().parse().with_context(|| format!("address of the {name}: {line:?}"))?;
        server.start = began.elapsed();
        Ok(server)
    }

    /// Process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it answers.
    pub(crate) fn answers(&self) -> bool {
        answers(self.addr)
    }

    /// Resident memory, MiB.
    ///
    /// # Errors
    /// When the process has ended.
    pub(crate) fn rss_mib(&self) -> Result<f64> {
        memory_mib(self.pid(), "VmRSS:")
    }

    /// The most resident memory so far, MiB.
    ///
    /// # Errors
    /// When the process has ended.
    pub(crate) fn peak_mib(&self) -> Result<f64> {
        memory_mib(self.pid(), "VmHWM:")
    }

    /// Ends it as an operator would (SIGTERM), and waits.
    ///
    /// # Errors
    /// When it does not end, or not well.
    pub(crate) fn terminate(&mut self) -> Result<()> {
        let sent = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status()?;
        ensure!(sent.success(), "kill -TERM");
        let began = Instant::now();
        while began.elapsed() < STOP {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "the server ended with {status}");
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        bail!("the server does not stop within {STOP:?} of SIGTERM")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already ended is fine.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Memory of a process by a name in its `status`, such as `VmRSS:`, MiB.
///
/// # Errors
/// When there is no such process or name.
pub(crate) fn memory_mib(pid: u32, name: &str) -> Result<f64> {
    let path = format!("/proc/{pid}/status");
    let text = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    kib_of(&text, name).map(|kib| kib / 1024.0).with_context(|| format!("no {name} in {path}"))
}

/// CPU seconds that a process has used, all threads, user and system.
///
/// # Errors
/// When there is no such process.
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/stat");
    let text = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    ticks_of(&text).map(|ticks| ticks / TICKS_PER_SECOND).with_context(|| format!("cannot read {path}"))
}

/// Kind of the file system that holds a path; commits on tmpfs say nothing.
pub(crate) fn file_system(path: &Path) -> String {
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let holds = |line: &str| {
        let mut fields = line.split(' ').skip(1);
        let (point, kind) = (fields.next()?.to_owned(), fields.next()?.to_owned());
        path.starts_with(&point).then_some((point.len(), kind))
    };
    mounts.lines().filter_map(holds).max_by_key(|(depth, _)| *depth).map_or("unknown".to_owned(), |(_, kind)| kind)
}

fn answers(addr: SocketAddr) -> bool {
    let request = http::render("GET", "/health", &[], "");
    let answer = Blocking::connect(addr).map(|mut c| c.send(&request).is_ok_and(|a| a.status == 200));
    answer.unwrap_or(false)
}

fn is_setting(name: &OsStr) -> bool {
    name.to_str().is_some_and(|n| n.starts_with("KEYSTEAD"))
}

fn kib_of(status: &str, name: &str) -> Option<f64> {
    status.lines().find_map(|l| l.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

/// Fields 14 and 15; the second field, the name in parentheses, may hold anything.
fn ticks_of(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_proc() {
        let stat = "42 (a ) (b) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20";
        assert_eq!(ticks_of(stat), Some(200.0));
        assert_eq!(kib_of("VmPeak:\t 9 kB\nVmRSS:\t  2048 kB\n", "VmRSS:"), Some(2048.0));
        assert_eq!(kib_of("", "VmRSS:"), None);
        assert!(cpu_seconds(std::process::id()).unwrap() >= 0.0);
    }

    #[test]
    fn knows_the_file_system() {
        assert_ne!(file_system(Path::new("/")), "unknown");
    }
}
