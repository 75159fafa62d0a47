//! The real binary, for what an embedded server cannot show: flags, files, signals, sudden death.
//!
//! `KEYSTEAD_BIN` names it; else it is `keystead` beside the test binary's directory, as `cargo build --workspace` puts it.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::postgres::{self, TestDatabase};
use crate::raw::{self, Call};
use crate::server::Backend;

const START_LIMIT: Duration = Duration::from_secs(20);
/// More than the grace that open requests get.
const END_LIMIT: Duration = Duration::from_secs(40);
const SERVES: &str = "Keystead serves ";

/// A directory, and a database when it is PostgreSQL, that survive the processes using them.
pub struct Site {
    backend: Backend,
    // Dropped before the directory.
    database: Option<TestDatabase>,
    dir: tempfile::TempDir,
}

/// A running `keystead serve`; killed with this value.
pub struct Process {
    /// `http://ADDRESS:PORT`.
    pub url: String,
    child: Child,
    http: reqwest::Client,
    output: Arc<Mutex<Vec<u8>>>,
    readers: Vec<JoinHandle<()>>,
}

/// The binary under test.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn binary() -> PathBuf {
    let named = std::env::var_os("KEYSTEAD_BIN").map(PathBuf::from);
    let built = || Some(std::env::current_exe().ok()?.parent()?.parent()?.join("keystead"));
    let path = named.or_else(built).expect("a path");
    assert!(path.is_file(), "{} is missing: cargo build -p keystead-cli", path.display());
    path
}

impl Site {
    /// A new one. `None` when its database is missing and that was allowed (see [`postgres`]).
    ///
    /// # Panics
    /// When the system refuses.
    #[must_use]
    pub fn new(backend: Backend) -> Option<Self> {
        let database = match backend {
            Backend::Sqlite => None,
            Backend::Postgres => Some(postgres::create()?),
        };
        Some(Self { backend, database, dir: tempfile::tempdir().expect("a temporary directory") })
    }

    /// Which database.
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// Working directory of the processes.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The data directory.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.dir().join("data")
    }

    /// Address of its database, when that is PostgreSQL.
    #[must_use]
    pub fn database_url(&self) -> Option<String> {
        self.database.as_ref().map(|d| d.url.clone())
    }

    /// The database, beside the processes.
    #[must_use]
    pub fn database(&self) -> crate::Database {
        let mut config = keystead_server::Config::default();
        config.server.data_dir = self.data_dir();
        config.database.url = self.database_url().map(keystead_server::config::Secret::new);
        crate::Database::open(&config)
    }

    /// `keystead` with this data and nothing of our own environment that could set it up.
    #[must_use]
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("KEYSTEAD_") {
                command.env_remove(name);
            }
        }
        command.current_dir(self.dir()).args(args).arg("--data-dir").arg(self.data_dir());
        if let Some(database) = &self.database {
            command.arg("--database-url").arg(&database.url);
        }
        command
    }

    /// Runs a command to its end.
    ///
    /// # Panics
    /// When it cannot be run.
    #[must_use]
    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the binary runs")
    }

    /// Runs a command that must succeed, and reads the JSON it prints.
    ///
    /// # Panics
    /// When it fails, or prints something else.
    #[must_use]
    pub fn json(&self, args: &[&str]) -> serde_json::Value {
        let out = self.run(args);
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
        serde_json::from_slice(&out.stdout)
            .unwrap_or_else(|e| panic!("{args:?}: {e}: {}", String::from_utf8_lossy(&out.stdout)))
    }

    /// Starts `keystead serve` on a free port.
    ///
    /// # Panics
    /// When it does not serve.
    #[must_use]
    pub fn serve(&self, args: &[&str]) -> Process {
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0"]);
        Process::start(command.args(args))
    }
}

impl Process {
    /// Starts a server and waits until it says where it serves.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let output = Arc::new(Mutex::new(Vec::new()));
        let (found, url) = mpsc::channel();
        let readers = vec![
            collect(child.stdout.take().expect("piped"), Arc::clone(&output), Some(found)),
            collect(child.stderr.take().expect("piped"), Arc::clone(&output), None),
        ];
        let Ok(url) = url.recv_timeout(START_LIMIT) else {
            drop(child.kill());
            drop(child.wait());
            panic!("the server does not start: {}", text(&output));
        };
        Self { url, child, http: raw::http_client(), output, readers }
    }

    /// What it has printed so far, log included.
    #[must_use]
    pub fn output(&self) -> String {
        text(&self.output)
    }

    /// Waits until it has printed something, and gives what it has printed by then.
    ///
    /// # Panics
    /// When it does not come.
    #[must_use]
    pub fn output_with(&self, what: &str) -> String {
        let start = Instant::now();
        loop {
            let output = self.output();
            if output.contains(what) {
                return output;
            }
            assert!(start.elapsed() < START_LIMIT, "no '{what}' in {output}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Asks it to end, waits for that, and gives all that it has printed.
    ///
    /// # Panics
    /// When it does not end, or not well.
    #[must_use]
    pub fn end(mut self) -> String {
        self.signal("TERM");
        let status = self.wait(END_LIMIT);
        self.readers.drain(..).for_each(|reader| reader.join().expect("a reader does not panic"));
        assert!(status.success(), "{status}: {}", self.output());
        self.output()
    }

    /// A call of the key API, without a token.
    pub fn call(&self, method: &str, path: &str) -> Call {
        Call::new(&self.http, method, &format!("{}/api/v1{path}", self.url))
    }

    /// Its HTTP client.
    #[must_use]
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Sends a signal: `TERM` asks it to end, `KILL` leaves it no time for anything.
    ///
    /// # Panics
    /// When the system refuses.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().expect("kill runs");
        assert!(sent.success(), "kill -s {name} {pid}");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end in time.
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("its state") {
                return status;
            }
            assert!(start.elapsed() < limit, "it runs on after {limit:?}: {}", self.output());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn collect(
    from: impl Read + Send + 'static,
    into: Arc<Mutex<Vec<u8>>>,
    found: Option<mpsc::Sender<String>>,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut reader = BufReader::new(from);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
            let words = String::from_utf8_lossy(&line);
            if let (Some(found), Some(rest)) = (&found, words.strip_prefix(SERVES)) {
                let url = rest.split_whitespace().next().unwrap_or_default();
                drop(found.send(url.to_owned()));
            }
            into.lock().unwrap_or_else(PoisonError::into_inner).append(&mut line);
        }
    })
}

fn text(output: &Mutex<Vec<u8>>) -> String {
    String::from_utf8_lossy(&output.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}

/// As [`both!`](crate::both), for tests `fn name(site: &Site)` that start processes.
#[macro_export]
macro_rules! both_sites {
    ($($name:ident),+ $(,)?) => {
        $(mod $name {
            #[test]
            fn sqlite() {
                if let Some(site) = $crate::process::Site::new($crate::Backend::Sqlite) {
                    super::$name(&site);
                }
            }
            #[test]
            fn postgres() {
                if let Some(site) = $crate::process::Site::new($crate::Backend::Postgres) {
                    super::$name(&site);
                }
            }
        })+
    };
}
