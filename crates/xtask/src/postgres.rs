//! The PostgreSQL server of the tests: one that is named, one that runs here, or a throw-away one.

use std::{
    env, fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs},
    path::{Path, PathBuf},
    process::{self, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::shell;

/// The variable that the tests read.
pub(crate) const URL_VARIABLE: &str = "KEYSTEAD_TEST_POSTGRES_URL";

/// Where a local server usually listens.
const LOCAL: &str = "127.0.0.1:5432";

/// Superuser of the local server and of the throw-away one.
const USER: &str = "postgres";

/// Folder names of throw-away clusters begin so; the process id of the xtask that made it follows.
const FOLDER_PREFIX: &str = "keystead-pg-";

/// A server that the tests may use; a throw-away one is stopped and removed on drop.
pub(crate) struct Server {
    /// Address with user and database. The user may create databases.
    pub(crate) url: String,
    cluster: Option<Cluster>,
}

struct Cluster {
    programs: PathBuf,
    folder: PathBuf,
}

impl Server {
    /// The server of `KEYSTEAD_TEST_POSTGRES_URL`, else a local one that lets `postgres` in without a password, else a
    /// throw-away one. `own`: always a throw-away one.
    ///
    /// # Errors
    /// When there is no server and no throw-away one could be started.
    pub(crate) fn find(own: bool) -> Result<Self> {
        if !own {
            if let Some(url) = named() {
                return Ok(Self { url, cluster: None });
            }
            if local_answers() {
                return Ok(Self { url: url_of(LOCAL), cluster: None });
            }
        }
        Cluster::start()
    }
}

impl Cluster {
    fn start() -> Result<Server> {
        let programs = programs().context("no PostgreSQL server programs (initdb, pg_ctl) found")?;
        remove_orphans(&programs);
        let folder = env::temp_dir().join(format!("{FOLDER_PREFIX}{}", process::id()));
        fs::create_dir(&folder).with_context(|| folder.display().to_string())?;
        let cluster = Self { programs, folder };
        let address = cluster.init_and_run().context("throw-away PostgreSQL")?;
        println!("PostgreSQL: a throw-away server on {address}");
        Ok(Server { url: url_of(&address), cluster: Some(cluster) })
    }

    fn init_and_run(&self) -> Result<String> {
        give_to_postgres(&self.folder)?;
        let data = self.folder.join("data");
        let init = ["--auth=trust", "--username", USER, "--encoding=UTF8", "--locale=C", "--no-sync", "--pgdata"];
        quiet(self.program("initdb").args(init).arg(&data))?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        // It holds test data only, so it need not survive a power cut.
        let options = format!(
            "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off -c max_connections=300"
        );
        let log = self.folder.join("log");
        let mut start = self.program("pg_ctl");
        start.args(["start", "--wait", "--timeout=60", "--pgdata"]).arg(&data).arg("--log").arg(&log);
        if let Err(error) = quiet(start.args(["--options", &options])) {
            bail!("{error:#}\n{}", fs::read_to_string(&log).unwrap_or_default());
        }
        Ok(format!("127.0.0.1:{port}"))
    }

    fn stop(&self) {
        let mut stop = self.program("pg_ctl");
        stop.args(["stop", "--mode=immediate", "--wait", "--pgdata"]).arg(self.folder.join("data"));
        if quiet(&mut stop).is_err() {
            println!("PostgreSQL: the throw-away server in {} did not stop", self.folder.display());
        }
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            println!("PostgreSQL: {} is left: {error}", self.folder.display());
        }
    }

    /// One of PostgreSQL's own programs; they refuse to run as root.
    fn program(&self, name: &str) -> Command {
        let path = self.programs.join(name);
        let mut command;
        if shell::is_root() {
            command = Command::new("runuser");
            command.args(["-u", USER, "--"]).arg(path);
        } else {
            command = Command::new(path);
        }
        command.current_dir(&self.folder);
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(cluster) = &self.cluster {
            cluster.stop();
        }
    }
}

/// True when [`Server::find`] has something to work with.
pub(crate) fn available() -> bool {
    named().is_some() || local_answers() || programs().is_some()
}

fn named() -> Option<String> {
    env::var(URL_VARIABLE).ok().filter(|url| !url.is_empty())
}

fn url_of(address: &str) -> String {
    format!("postgres://{USER}@{address}/postgres")
}

fn local_answers() -> bool {
    let address = LOCAL.to_socket_addrs().ok().and_then(|mut found| found.next());
    address.is_some_and(|address| lets_in(address).unwrap_or(false))
}

/// Speaks the first two messages of PostgreSQL's protocol: true when `postgres` is let in without a password.
fn lets_in(address: SocketAddr) -> Result<bool> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2))?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.write_all(&startup_message()?)?;
    // AuthenticationOk: 'R', length 8, code 0.
    let mut answer = [0; 9];
    stream.read_exact(&mut answer)?;
    let let_in = answer == [b'R', 0, 0, 0, 8, 0, 0, 0, 0];
    stream.write_all(&[b'X', 0, 0, 0, 4]).context("Terminate")?;
    Ok(let_in)
}

fn startup_message() -> Result<Vec<u8>> {
    let body = format!("user\0{USER}\0database\0postgres\0\0");
    let mut message = u32::try_from(body.len() + 8)?.to_be_bytes().to_vec();
    message.extend(196_608_u32.to_be_bytes());
    message.extend(body.bytes());
    Ok(message)
}

/// Folder of initdb and pg_ctl: in PATH, or where packagers put them.
fn programs() -> Option<PathBuf> {
    let told = shell::output(Command::new("pg_config").arg("--bindir")).ok().map(PathBuf::from);
    let in_path = shell::find("initdb").and_then(|path| path.canonicalize().ok()?.parent().map(Path::to_path_buf));
    let mut packaged: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.flatten().map(|version| version.path().join("bin")).collect())
        .unwrap_or_default();
    packaged.sort();
    let candidates = told.into_iter().chain(in_path).chain(packaged.into_iter().rev());
    candidates.into_iter().find(|folder| ["initdb", "pg_ctl"].iter().all(|name| folder.join(name).is_file()))
}

/// Stops and removes clusters whose xtask was killed.
fn remove_orphans(programs: &Path) {
    let Ok(entries) = fs::read_dir(env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(owner) = name.to_str().and_then(|name| name.strip_prefix(FOLDER_PREFIX)) else { continue };
        let is_process_id = !owner.is_empty() && owner.bytes().all(|byte| byte.is_ascii_digit());
        if is_process_id && shell::output(Command::new("ps").args(["-p", owner])).is_err() {
            Cluster { programs: programs.to_path_buf(), folder: entry.path() }.stop();
        }
    }
}

/// Makes `folder` private, and PostgreSQL's own when we are root.
fn give_to_postgres(folder: &Path) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{PermissionsExt, chown};
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        if shell::is_root() {
            let user = shell::output(Command::new("id").args(["-u", USER])).context("no user postgres")?;
            chown(folder, Some(user.parse()?), None)?;
        }
    }
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// Runs `command`; what it printed is told only when it fails. No pipe: a server started by it would hold that open.
fn quiet(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    if !status.success() {
        bail!("`{:?}` ended with {status}", command.get_program());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn startup_message_counts_itself() {
        let message = startup_message().unwrap();
        assert_eq!(u32::from_be_bytes(message[..4].try_into().unwrap()) as usize, message.len());
        assert!(message.ends_with(b"\0\0"));
    }

    #[test]
    fn a_silent_listener_is_no_server() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let peer = std::thread::spawn(move || drop(listener.accept()));
        assert!(!lets_in(address).unwrap_or(false));
        peer.join().unwrap();
    }
}
