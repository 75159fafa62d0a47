//! `bench keys`: the key API under load.
//!
//! Contestants take turns in short rounds, so that the machine's noise hits all of them; a ratio is the median of its
//! rounds' ratios.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::clients::Requests;
use crate::engine::{MakeClient, Window};
use crate::http;
use crate::postgres::Database;
use crate::report::{Goal, Report};
use crate::server::{Keystead, Server, file_system};
use crate::stats::{Cell, median};
use crate::users::{Population, Templates};
use crate::{BenchArgs, Databases, sqlite_commits, stop};

const WARM_UP: Duration = Duration::from_millis(150);
/// After a start: work of the first moments is done, nobody has called yet.
const IDLE: Duration = Duration::from_millis(500);
const STARTS: usize = 5;
/// Our server with `synchronous=NORMAL`, the yardstick of the group commit.
const NORMAL: (&str, &str) = ("KEYSTEAD__DATABASE__SYNCHRONOUS", "normal");

/// Runs the bench.
///
/// # Errors
/// A server that does not start, a wrong answer, a database that fails; a missing PostgreSQL only when asked for.
pub(crate) fn run(args: &BenchArgs) -> Result<Report> {
    let bench = Bench {
        args,
        binary: args.keystead.canonicalize().with_context(|| args.keystead.display().to_string())?,
        root: args.dir.clone().unwrap_or_else(std::env::temp_dir),
        templates: Templates::make()?,
        hello: Server::hello()?,
    };
    let mut report = Report::new("keys");
    let file_system = file_system(&bench.root);
    if file_system == "tmpfs" {
        eprintln!("\n!!! {} is in memory (tmpfs): commits cost nothing there; use --dir\n", bench.root.display());
    }
    report.note("file_system", file_system);
    report.fact("binary_mib", mib(std::fs::metadata(&bench.binary)?.len()));
    if args.database != Databases::Postgres {
        if args.wants("commits") {
            bench.commits(&mut report)?;
        }
        bench.sqlite(&mut report)?;
    }
    if args.database != Databases::Sqlite {
        match Database::create()? {
            Some(database) => bench.postgres(&database, &mut report)?,
            None if args.database == Databases::Postgres => anyhow::bail!("no PostgreSQL"),
            None => report.note("postgres", "absent".to_owned()),
        }
    }
    report.fact("hello_rss_mib", bench.hello.rss_mib()?);
    Ok(report)
}

struct Bench<'a> {
    args: &'a BenchArgs,
    binary: PathBuf,
    /// Where the databases are.
    root: PathBuf,
    templates: Templates,
    hello: Server,
}

/// One of those who take turns.
struct Contestant<'a> {
    target: &'static str,
    operation: &'static str,
    server: &'a Server,
    make: Box<MakeClient<'a>>,
}

impl Bench<'_> {
    fn commits(&self, report: &mut Report) -> Result<()> {
        let directory = self.directory()?;
        let (mut full, mut normal) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            for (mode, rates) in [("FULL", &mut full), ("NORMAL", &mut normal)] {
                rates.push(sqlite_commits::per_second(directory.path(), mode, self.seconds(6))?);
            }
        }
        report.fact("sqlite_commits_full", median(full));
        report.fact("sqlite_commits_normal", median(normal));
        Ok(())
    }

    fn sqlite(&self, report: &mut Report) -> Result<()> {
        if self.args.wants("start") {
            self.empty_starts(report)?;
        }
        let (directory, normal_directory) = (self.directory()?, self.directory()?);
        let keystead = self.keystead(directory.path(), None, vec![]);
        let server = keystead.start()?;
        let normal = self.keystead(normal_directory.path(), None, vec![NORMAL]);
        let normal_server = normal.start()?;
        let population = self.settle(&keystead, &server)?;
        let normal_population = self.settle(&normal, &normal_server)?;
        let judged = *self.args.connections.last().context("no connections")?;
        for &connections in &self.args.connections {
            let (light, get) = (population.light(server.addr)?, population.get(server.addr)?);
            let mut contestants = self.contestants("sqlite", &server, &population, &light, &get);
            if connections == judged {
                contestants.extend(writers("normal", &normal_server, &normal_population));
            }
            let cells = self.take_turns(&contestants, connections)?;
            if connections == judged && self.args.only.is_empty() {
                judge(&cells, report)?;
            }
            report.add(cells);
        }
        report.fact("sqlite_rss_after_load_mib", server.rss_mib()?);
        server.terminate()?;
        drop(normal_server);
        if self.args.wants("start") {
            self.starts_with_data(&keystead, report)?;
        }
        Ok(())
    }

    fn postgres(&self, database: &Database, report: &mut Report) -> Result<()> {
        let directory = self.directory()?;
        let keystead = self.keystead(directory.path(), Some(database.url.clone()), vec![]);
        let server = keystead.start()?;
        report.fact("postgres_start_empty_ms", ms(server.start));
        std::thread::sleep(IDLE);
        report.fact("postgres_idle_rss_mib", server.rss_mib()?);
        let population = self.settle(&keystead, &server)?;
        for &connections in &self.args.connections {
            let (light, get) = (population.light(server.addr)?, population.get(server.addr)?);
            let contestants = self.contestants("postgres", &server, &population, &light, &get);
            report.add(self.take_turns(&contestants, connections)?);
        }
        report.fact("postgres_rss_after_load_mib", server.rss_mib()?);
        server.terminate()?;
        if self.args.wants("start") {
            let (start, _) = starts(STARTS, |_| Ok((keystead.start()?, ())))?;
            report.fact("postgres_start_with_data_ms", start);
        }
        Ok(())
    }

    fn empty_starts(&self, report: &mut Report) -> Result<()> {
        let (start, idle) = starts(STARTS, |_| {
            let directory = self.directory()?;
            Ok((self.keystead(directory.path(), None, vec![]).start()?, directory))
        })?;
        report.fact("start_empty_ms", start);
        report.fact("idle_rss_empty_mib", idle);
        Ok(())
    }

    fn starts_with_data(&self, keystead: &Keystead, report: &mut Report) -> Result<()> {
        let (start, idle) = starts(STARTS, |_| Ok((keystead.start()?, ())))?;
        report.fact("start_with_data_ms", start);
        report.fact("idle_rss_with_data_mib", idle);
        let worse = |a, b| report.get(a).into_iter().chain(report.get(b)).fold(0.0, f64::max);
        let start = worse("start_empty_ms", "start_with_data_ms");
        let idle = worse("idle_rss_empty_mib", "idle_rss_with_data_mib");
        report.goal(Goal::at_most("idle RSS MiB", idle, 20.0));
        report.goal(Goal::at_most("start ms", start, 50.0));
        Ok(())
    }

    fn settle(&self, keystead: &Keystead, server: &Server) -> Result<Population> {
        Population::settle(&self.templates, server.addr, &keystead.create_app()?.public_token)
    }

    fn contestants<'a>(
        &'a self,
        target: &'static str,
        server: &'a Server,
        population: &'a Population,
        light: &'a Requests,
        get: &'a Requests,
    ) -> Vec<Contestant<'a>> {
        let hello: Box<MakeClient<'a>> =
            Box::new(|n, of| Ok(Requests::of(http::render("GET", "/", &[], "")).client(n, of, false)));
        let mut all = vec![
            Contestant { target, operation: "hello", server: &self.hello, make: hello },
            Contestant { target, operation: "light", server, make: Box::new(|n, of| Ok(light.client(n, of, true))) },
            Contestant { target, operation: "get", server, make: Box::new(|n, of| Ok(get.client(n, of, true))) },
        ];
        all.extend(writers(target, server, population));
        all
    }

    /// All contestants in every round, every second round in the opposite order.
    fn take_turns(&self, contestants: &[Contestant<'_>], connections: usize) -> Result<Vec<Cell>> {
        let window = Window {
            connections,
            threads: self.args.threads,
            warm_up: WARM_UP,
            measure: self.seconds(self.args.rounds),
        };
        let cell = |c: &Contestant<'_>| Cell {
            target: c.target.to_owned(),
            operation: c.operation.to_owned(),
            connections,
            slices: Vec::new(),
        };
        let contestants: Vec<_> = contestants.iter().filter(|c| self.args.wants(c.operation)).collect();
        let mut cells: Vec<Cell> = contestants.iter().map(|c| cell(c)).collect();
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

    /// The seconds of a figure, divided.
    fn seconds(&self, parts: usize) -> Duration {
        Duration::from_secs_f64(self.args.seconds).div_f64(u32::try_from(parts).map_or(1.0, f64::from))
    }

    fn keystead(
        &self,
        data: &Path,
        database_url: Option<String>,
        settings: Vec<(&'static str, &'static str)>,
    ) -> Keystead {
        Keystead { binary: self.binary.clone(), data: data.to_owned(), database_url, settings }
    }

    fn directory(&self) -> Result<tempfile::TempDir> {
        Ok(tempfile::Builder::new().prefix("keystead-load-").tempdir_in(&self.root)?)
    }
}

fn writers<'a>(target: &'static str, server: &'a Server, population: &'a Population) -> [Contestant<'a>; 2] {
    let login = Box::new(|n, of| population.logging_in(n, of));
    let register = Box::new(|n, _of| population.registering(n));
    [
        Contestant { target, operation: "login", server, make: login },
        Contestant { target, operation: "register", server, make: register },
    ]
}

/// Median start time (ms) and idle memory (MiB) of several starts. `start` may keep something alive with its server.
fn starts<T>(times: usize, start: impl Fn(usize) -> Result<(Server, T)>) -> Result<(f64, f64)> {
    let (mut times_ms, mut idle) = (Vec::new(), Vec::new());
    for number in 0..times {
        stop::check()?;
        let (server, keep) = start(number)?;
        times_ms.push(ms(server.start));
        std::thread::sleep(IDLE);
        idle.push(server.rss_mib()?);
        server.terminate()?;
        drop(keep);
    }
    Ok((median(times_ms), median(idle)))
}

/// The ratios of shared/design/performance.md.
fn judge(cells: &[Cell], report: &mut Report) -> Result<()> {
    let find = |target: &str, operation: &str| {
        let found = cells.iter().find(|c| c.target == target && c.operation == operation);
        found.with_context(|| format!("no cell {target} {operation}"))
    };
    let hello = find("sqlite", "hello")?;
    report.goal(Goal::at_least("light/hello", find("sqlite", "light")?.ratio_to(hello), 0.5));
    report.fact("get/hello", find("sqlite", "get")?.ratio_to(hello));
    for operation in ["light", "get", "login", "register"] {
        report.fact(&format!("{operation}/hello by CPU"), find("sqlite", operation)?.cpu_ratio_to(hello));
    }
    report.goal(Goal::at_least("login/hello", find("sqlite", "login")?.ratio_to(hello), 0.02));
    report.goal(Goal::at_least("register/hello", find("sqlite", "register")?.ratio_to(hello), 0.01));
    for (name, operation) in [("FULL/NORMAL login", "login"), ("FULL/NORMAL register", "register")] {
        let ratio = find("sqlite", operation)?.ratio_to(find("normal", operation)?);
        report.goal(Goal::at_least(name, ratio, 0.8));
    }
    Ok(())
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[expect(clippy::cast_precision_loss, reason = "file sizes stay far below 2^52")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
