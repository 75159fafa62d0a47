//! What every bench stands on: the arguments, the servers under test with their data, the yardstick, and turns between them.
//!
//! A new bench is a module with `run(&BenchArgs) -> Result<Report>`, a subcommand in `main.rs`, and a row in
//! `docs/operations.md` when operators may care. It opens a [`Stage`], puts up a [`Site`] per database ([`Stage::sites`]), makes its
//! people with [`crate::users`], and measures in one of two ways:
//!
//! - many short operations: a [`crate::engine::Client`] per connection, contestants by [`Stage::take_turns`];
//! - few long ones (a rotation, a large file): [`Stage::one_by_one`].

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::clients::Requests;
use crate::engine::{MakeClient, Window};
use crate::http;
use crate::postgres::Database;
use crate::report::Report;
use crate::server::{Keystead, Server, cpu_seconds, file_system};
use crate::stats::{Cell, Slice};
use crate::users::Templates;
use crate::{BenchArgs, Databases, stop};

pub(crate) const WARM_UP: Duration = Duration::from_millis(150);

/// The parts of every bench.
pub(crate) struct Stage<'a> {
    pub(crate) args: &'a BenchArgs,
    /// Keys for the people of the bench.
    pub(crate) templates: Templates,
    /// The bare actix server that others are compared with.
    pub(crate) hello: Server,
    binary: PathBuf,
    /// Where the databases are.
    root: PathBuf,
}

/// A running server with its data and an app in which users register themselves. Gone when dropped.
pub(crate) struct Site {
    /// Its row in the table: `sqlite`, `postgres`, ….
    pub(crate) target: &'static str,
    pub(crate) server: Server,
    /// To start it again.
    pub(crate) keystead: Keystead,
    pub(crate) public_token: String,
    // Dropped after the server.
    _database: Option<Database>,
    _directory: tempfile::TempDir,
}

/// One of those who take turns.
pub(crate) struct Contestant<'a> {
    pub(crate) target: &'static str,
    pub(crate) operation: &'static str,
    pub(crate) server: &'a Server,
    pub(crate) make: Box<MakeClient<'a>>,
}

impl<'a> Stage<'a> {
    /// Finds the binary, makes the keys and starts the yardstick. What the figures depend on is noted in the report.
    ///
    /// # Errors
    /// A binary that is not there, a yardstick that does not start.
    pub(crate) fn open(args: &'a BenchArgs, report: &mut Report) -> Result<Self> {
        let stage = Self {
            args,
            binary: args.keystead.canonicalize().with_context(|| args.keystead.display().to_string())?,
            root: args.dir.clone().unwrap_or_else(std::env::temp_dir),
            templates: Templates::make()?,
            hello: Server::hello()?,
        };
        let file_system = file_system(&stage.root);
        if file_system == "tmpfs" {
            eprintln!("\n!!! {} is in memory (tmpfs): commits cost nothing there; use --dir\n", stage.root.display());
        }
        report.note("file_system", file_system);
        report.fact("binary_mib", mib(std::fs::metadata(&stage.binary)?.len()));
        Ok(stage)
    }

    /// A site on each database that is asked for and there.
    ///
    /// # Errors
    /// A server that does not start; a PostgreSQL that is missing though only it was asked for.
    pub(crate) fn sites(&self, report: &mut Report) -> Result<Vec<Site>> {
        let mut sites = Vec::new();
        if self.args.database != Databases::Postgres {
            sites.push(self.sqlite("sqlite", vec![])?);
        }
        if self.args.database != Databases::Sqlite {
            match self.postgres()? {
                Some(site) => sites.push(site),
                None if self.args.database == Databases::Postgres => bail!("no PostgreSQL"),
                None => report.note("postgres", "absent".to_owned()),
            }
        }
        Ok(sites)
    }

    /// A site on SQLite with settings of its own.
    ///
    /// # Errors
    /// When the server does not start.
    pub(crate) fn sqlite(&self, target: &'static str, settings: Vec<(&'static str, &'static str)>) -> Result<Site> {
        self.site(target, None, settings)
    }

    /// A site on PostgreSQL; `None`, said loudly, when there is none.
    ///
    /// # Errors
    /// When the server does not start.
    pub(crate) fn postgres(&self) -> Result<Option<Site>> {
        match Database::create()? {
            Some(database) => Ok(Some(self.site("postgres", Some(database), vec![])?)),
            None => Ok(None),
        }
    }

    /// How a server is started on a data directory.
    pub(crate) fn keystead(
        &self,
        data: &Path,
        database_url: Option<String>,
        settings: Vec<(&'static str, &'static str)>,
    ) -> Keystead {
        Keystead { binary: self.binary.clone(), data: data.to_owned(), database_url, settings }
    }

    /// A directory on the file system that is measured.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn directory(&self) -> Result<tempfile::TempDir> {
        Ok(tempfile::Builder::new().prefix("keystead-load-").tempdir_in(&self.root)?)
    }

    /// The yardstick among the contestants of `target`.
    pub(crate) fn hello(&self, target: &'static str) -> Contestant<'_> {
        let make: Box<MakeClient<'_>> =
            Box::new(|n, of| Ok(Requests::of(http::render("GET", "/", &[], "")).client(n, of, false)));
        Contestant { target, operation: "hello", server: &self.hello, make }
    }

    /// All contestants in every round, every second round in the opposite order, so that the machine's noise hits all of
    /// them.
    ///
    /// # Errors
    /// The first wrong answer.
    pub(crate) fn take_turns(&self, contestants: &[Contestant<'_>], connections: usize) -> Result<Vec<Cell>> {
        let window = Window {
            connections,
            threads: self.args.threads,
            warm_up: WARM_UP,
            measure: self.seconds(self.args.rounds),
        };
        let contestants: Vec<_> = contestants.iter().filter(|c| self.args.wants(c.operation)).collect();
        let mut cells: Vec<Cell> = contestants.iter().map(|c| Cell::new(c.target, c.operation, connections)).collect();
        for round in 0..self.args.rounds {
            let mut turns: Vec<_> = contestants.iter().copied().zip(&mut cells).collect();
            if round % 2 == 1 {
                turns.reverse();
            }
            for (contestant, cell) in turns {
                stop::check()?;
                let Contestant { target, operation, server, make } = contestant;
                let slice = window
                    .run(server.addr, server.pid(), make)
                    .with_context(|| format!("{target} {operation} with {connections} connections"))?;
                cell.slices.push(slice);
            }
            eprint!("\r{connections} connections, round {} of {}   ", round + 1, self.args.rounds);
        }
        eprintln!();
        Ok(cells)
    }

    /// One operation after the other, as often as there are rounds: for what takes so long that one is a figure.
    ///
    /// # Errors
    /// The first failed operation.
    pub(crate) fn one_by_one(
        &self,
        site: &Site,
        operation: &'static str,
        mut run: impl FnMut(usize) -> Result<()>,
    ) -> Result<Cell> {
        let mut cell = Cell::new(site.target, operation, 1);
        for round in 0..self.args.rounds {
            stop::check()?;
            let used = || anyhow::Ok((cpu_seconds(site.server.pid())?, cpu_seconds(std::process::id())?));
            let (before, began) = (used()?, Instant::now());
            run(round).with_context(|| format!("{} {operation}", site.target))?;
            let (took, after) = (began.elapsed(), used()?);
            cell.slices.push(Slice {
                seconds: took.as_secs_f64(),
                nanos: vec![u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)],
                server_cpu: after.0 - before.0,
                client_cpu: after.1 - before.1,
            });
        }
        Ok(cell)
    }

    /// The seconds of a figure, divided.
    pub(crate) fn seconds(&self, parts: usize) -> Duration {
        Duration::from_secs_f64(self.args.seconds).div_f64(u32::try_from(parts).map_or(1.0, f64::from))
    }

    fn site(
        &self,
        target: &'static str,
        database: Option<Database>,
        settings: Vec<(&'static str, &'static str)>,
    ) -> Result<Site> {
        let directory = self.directory()?;
        let keystead = self.keystead(directory.path(), database.as_ref().map(|d| d.url.clone()), settings);
        let server = keystead.start()?;
        let public_token = keystead.create_app()?.public_token;
        Ok(Site { target, server, keystead, public_token, _database: database, _directory: directory })
    }
}

/// Bytes as MiB.
#[expect(clippy::cast_precision_loss, reason = "sizes stay far below 2^52")]
pub(crate) fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
