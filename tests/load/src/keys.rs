//! `bench keys`: the key API under load.
//!
//! Contestants take turns in short rounds, so that the machine's noise hits all of them; a ratio is the median of its
//! rounds' ratios.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::clients::Requests;
use crate::report::{Goal, Report};
use crate::server::Server;
use crate::stage::{Contestant, Site, Stage};
use crate::stats::{Cell, median};
use crate::users::Population;
use crate::{BenchArgs, Databases, sqlite_commits, stop};

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
    let mut report = Report::new("keys");
    let stage = Stage::open(args, &mut report)?;
    if args.database != Databases::Postgres {
        if args.wants("commits") {
            commits(&stage, &mut report)?;
        }
        sqlite(&stage, &mut report)?;
    }
    if args.database != Databases::Sqlite {
        match stage.postgres()? {
            Some(site) => postgres(&stage, site, &mut report)?,
            None if args.database == Databases::Postgres => bail!("no PostgreSQL"),
            None => report.note("postgres", "absent".to_owned()),
        }
    }
    report.fact("hello_rss_mib", stage.hello.rss_mib()?);
    Ok(report)
}

fn commits(stage: &Stage<'_>, report: &mut Report) -> Result<()> {
    let directory = stage.directory()?;
    let (mut full, mut normal) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        for (mode, rates) in [("FULL", &mut full), ("NORMAL", &mut normal)] {
            rates.push(sqlite_commits::per_second(directory.path(), mode, stage.seconds(6))?);
        }
    }
    report.fact("sqlite_commits_full", median(full));
    report.fact("sqlite_commits_normal", median(normal));
    Ok(())
}

fn sqlite(stage: &Stage<'_>, report: &mut Report) -> Result<()> {
    if stage.args.wants("start") {
        empty_starts(stage, report)?;
    }
    let (site, normal) = (stage.sqlite("sqlite", vec![])?, stage.sqlite("normal", vec![NORMAL])?);
    let population = settle(stage, &site)?;
    let normal_population = settle(stage, &normal)?;
    let judged = *stage.args.connections.last().context("no connections")?;
    for &connections in &stage.args.connections {
        let (light, get) = (population.light(site.server.addr)?, population.get(site.server.addr)?);
        let mut contestants = contestants(stage, &site, &population, &light, &get);
        if connections == judged {
            contestants.extend(writers(&normal, &normal_population));
        }
        let cells = stage.take_turns(&contestants, connections)?;
        if connections == judged && stage.args.only.is_empty() {
            judge(&cells, report)?;
        }
        report.add(cells);
    }
    report.fact("sqlite_rss_after_load_mib", site.server.rss_mib()?);
    drop(normal);
    if stage.args.wants("start") {
        starts_with_data(site, report)?;
    }
    Ok(())
}

fn postgres(stage: &Stage<'_>, mut site: Site, report: &mut Report) -> Result<()> {
    report.fact("postgres_start_empty_ms", ms(site.server.start));
    std::thread::sleep(IDLE);
    report.fact("postgres_idle_rss_mib", site.server.rss_mib()?);
    let population = settle(stage, &site)?;
    for &connections in &stage.args.connections {
        let (light, get) = (population.light(site.server.addr)?, population.get(site.server.addr)?);
        report.add(stage.take_turns(&contestants(stage, &site, &population, &light, &get), connections)?);
    }
    report.fact("postgres_rss_after_load_mib", site.server.rss_mib()?);
    site.server.terminate()?;
    if stage.args.wants("start") {
        let (start, _) = starts(STARTS, |_| Ok((site.keystead.start()?, ())))?;
        report.fact("postgres_start_with_data_ms", start);
    }
    Ok(())
}

fn empty_starts(stage: &Stage<'_>, report: &mut Report) -> Result<()> {
    let (start, idle) = starts(STARTS, |_| {
        let directory = stage.directory()?;
        Ok((stage.keystead(directory.path(), None, vec![]).start()?, directory))
    })?;
    report.fact("start_empty_ms", start);
    report.fact("idle_rss_empty_mib", idle);
    Ok(())
}

fn starts_with_data(mut site: Site, report: &mut Report) -> Result<()> {
    site.server.terminate()?;
    let (start, idle) = starts(STARTS, |_| Ok((site.keystead.start()?, ())))?;
    report.fact("start_with_data_ms", start);
    report.fact("idle_rss_with_data_mib", idle);
    let worse = |a, b| report.get(a).into_iter().chain(report.get(b)).fold(0.0, f64::max);
    let start = worse("start_empty_ms", "start_with_data_ms");
    let idle = worse("idle_rss_empty_mib", "idle_rss_with_data_mib");
    report.goal(Goal::at_most("idle RSS MiB", idle, 20.0));
    report.goal(Goal::at_most("start ms", start, 50.0));
    Ok(())
}

fn settle(stage: &Stage<'_>, site: &Site) -> Result<Population> {
    Population::settle(&stage.templates, site.server.addr, &site.public_token)
}

fn contestants<'a>(
    stage: &'a Stage<'_>,
    site: &'a Site,
    population: &'a Population,
    light: &'a Requests,
    get: &'a Requests,
) -> Vec<Contestant<'a>> {
    let (target, server) = (site.target, &site.server);
    let mut all = vec![
        stage.hello(target),
        Contestant { target, operation: "light", server, make: Box::new(|n, of| Ok(light.client(n, of, true))) },
        Contestant { target, operation: "get", server, make: Box::new(|n, of| Ok(get.client(n, of, true))) },
    ];
    all.extend(writers(site, population));
    all
}

fn writers<'a>(site: &'a Site, population: &'a Population) -> [Contestant<'a>; 2] {
    let (target, server) = (site.target, &site.server);
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
        let (mut server, keep) = start(number)?;
        times_ms.push(ms(server.start));
        std::thread::sleep(IDLE);
        // An idle server that answers now and then: what the start has used it has given back by now.
        ensure!(server.answers(), "no answer at {}", server.addr);
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
