//! `bench identity`: accounts and sessions under load.
//!
//! Sessions take turns with the bare hello server; logins take turns with raw Argon2 hashes of the same cost on as many threads
//! as there are cores; then sessions are measured again while a storm of logins goes on.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use keystead_crypto::password_hash::{self, Cost, Memory};
use keystead_crypto::rng;
use serde_json::{Value, json};

use crate::clients::Requests;
use crate::engine::{Client, MakeClient, Window};
use crate::http::{self, Answer, Blocking};
use crate::report::{Goal, Report};
use crate::stage::{Contestant, Site, Stage, WARM_UP};
use crate::stats::{Cell, Slice};
use crate::{BenchArgs, stop};

const CONNECTIONS: usize = 16;
/// Those who log in are others than those who read, because a login ends the older session.
const READERS: usize = 64;
const LOGGERS: usize = 32;
const PASSWORD: &str = "MyExamplePassword123*";
/// What a password costs by default, as the seed says.
const SEED: Cost = Cost { memory_kib: 65_536, passes: 3, lanes: 4 };
/// So little that the rest of a login is seen.
const NOMINAL: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
const NOMINAL_SETTINGS: [(&str, &str); 3] = [
    ("KEYSTEAD__IDENTITY__HASH_MEMORY_KIB", "64"),
    ("KEYSTEAD__IDENTITY__HASH_PASSES", "1"),
    ("KEYSTEAD__IDENTITY__HASH_LANES", "1"),
];
/// Seconds of a round of logins at the seed's cost: some sixteen end in one.
const ROUND: f64 = 3.0;

/// Runs the bench.
///
/// # Errors
/// A server that does not start, a wrong answer.
pub(crate) fn run(args: &BenchArgs) -> Result<Report> {
    let mut report = Report::new("identity");
    let stage = Stage::open(args, &mut report)?;
    for site in stage.sites(&mut report)? {
        let people = People::settle(site.server.addr)?;
        let cells = sessions(&stage, &site, &people)?;
        if site.target == "sqlite" && args.only.is_empty() {
            judge_sessions(&cells, &mut report)?;
        }
        report.add(cells);
        logins(&stage, &site, &people, "login", SEED, &mut report)?;
        if args.wants("storm") {
            storm(&stage, &site, &people, &mut report)?;
        }
        report.fact(&format!("{}_peak_rss_mib", site.target), site.server.peak_mib()?);
    }
    if args.wants("nominal") {
        let site = stage.sqlite("sqlite", NOMINAL_SETTINGS.to_vec())?;
        let people = People::settle(site.server.addr)?;
        logins(&stage, &site, &people, "nominal", NOMINAL, &mut report)?;
    }
    Ok(report)
}

/// hello, isauthenticated, profile, refresh.
fn sessions(stage: &Stage<'_>, site: &Site, people: &People) -> Result<Vec<Cell>> {
    let (target, server) = (site.target, &site.server);
    let of = |operation: &'static str, path: &str| {
        let requests = people.reading(path);
        let make: Box<MakeClient<'_>> = Box::new(move |n, of| Ok(requests.client(n, of, true)));
        Contestant { target, operation, server, make }
    };
    let refresh: Box<MakeClient<'_>> = Box::new(|n, _of| {
        let chain = people.chains.get(n).context("more connections than chains")?;
        Ok(Box::new(Refresh { chain: Arc::clone(chain), request: Vec::new() }))
    });
    let contestants = [
        stage.hello(target),
        of("isauth", "/authn/isauthenticated"),
        of("profile", "/authn/profile"),
        Contestant { target, operation: "refresh", server, make: refresh },
    ];
    stage.take_turns(&contestants, CONNECTIONS)
}

/// Logins and raw hashes of the same cost in turns.
fn logins(
    stage: &Stage<'_>,
    site: &Site,
    people: &People,
    operation: &'static str,
    cost: Cost,
    report: &mut Report,
) -> Result<()> {
    if !stage.args.wants(operation) {
        return Ok(());
    }
    let window = login_window(stage, cost);
    let raw_name = if cost == SEED { "argon2" } else { "argon2min" };
    let (mut login, mut raw) =
        (Cell::new(site.target, operation, CONNECTIONS), Cell::new(site.target, raw_name, CONNECTIONS));
    for _ in 0..stage.args.rounds {
        stop::check()?;
        raw.slices.push(raw_hashes(cost, window.measure)?);
        login.slices.push(window.run(site.server.addr, site.server.pid(), &|n, of| Ok(people.logging_in(n, of)))?);
        eprint!("\r{operation}   ");
    }
    eprintln!();
    if cost == SEED && site.target == "sqlite" {
        report.goal(Goal::at_least("login / raw Argon2", login.ratio_to(&raw), 0.9));
    } else {
        report.fact(&format!("{}_{operation}/raw", site.target), login.ratio_to(&raw));
    }
    report.add(vec![raw, login]);
    Ok(())
}

fn login_window(stage: &Stage<'_>, cost: Cost) -> Window {
    let measure = if cost == SEED { Duration::from_secs_f64(ROUND) } else { stage.seconds(stage.args.rounds) };
    let warm_up = if cost == SEED { Duration::from_secs(1) } else { WARM_UP };
    Window { connections: CONNECTIONS, threads: stage.args.threads, warm_up, measure }
}

/// Sessions alone, and beside as many connections that do nothing but log in.
fn storm(stage: &Stage<'_>, site: &Site, people: &People, report: &mut Report) -> Result<()> {
    let addr = site.server.addr;
    let quiet_window = Window {
        connections: CONNECTIONS,
        threads: stage.args.threads,
        warm_up: WARM_UP,
        measure: Duration::from_secs(2),
    };
    let isauth = people.reading("/authn/isauthenticated");
    let (mut quiet, mut stormy) =
        (Cell::new(site.target, "quiet", CONNECTIONS), Cell::new(site.target, "storm", CONNECTIONS));
    let run = || quiet_window.run(addr, site.server.pid(), &|n, of| Ok(isauth.client(n, of, true)));
    for _ in 0..stage.args.rounds {
        stop::check()?;
        quiet.slices.push(run()?);
        let over = AtomicBool::new(false);
        let slice = std::thread::scope(|scope| {
            let logins: Vec<_> = (0..CONNECTIONS)
                .map(|n| {
                    let over = &over;
                    scope.spawn(move || people.log_in_until(addr, n, over))
                })
                .collect();
            // Until each has a login in the queue.
            std::thread::sleep(Duration::from_millis(500));
            let slice = run();
            over.store(true, Ordering::Relaxed);
            for login in logins {
                login.join().ok().context("a login thread panicked")??;
            }
            slice
        })?;
        stormy.slices.push(slice);
    }
    let p99 = |cell: &Cell| {
        let [p99] = cell.latencies_ms([99.0]);
        p99
    };
    let ratio = p99(&stormy) / p99(&quiet);
    if site.target == "sqlite" {
        report.goal(Goal::at_most("isauth p99, storm / quiet", ratio, 3.0));
    } else {
        report.fact(&format!("{}_isauth_p99_storm/quiet", site.target), ratio);
    }
    report.add(vec![quiet, stormy]);
    Ok(())
}

fn judge_sessions(cells: &[Cell], report: &mut Report) -> Result<()> {
    let find = |operation: &str| cells.iter().find(|c| c.operation == operation).context("no cell");
    let hello = find("hello")?;
    report.goal(Goal::at_least("isauthenticated/hello", find("isauth")?.ratio_to(hello), 0.5));
    report.fact("isauthenticated/hello by CPU", find("isauth")?.cpu_ratio_to(hello));
    Ok(())
}

/// Hashes on as many threads as there are cores, for a while.
fn raw_hashes(cost: Cost, measure: Duration) -> Result<Slice> {
    let threads = std::thread::available_parallelism()?.get();
    let end = Instant::now() + measure;
    let work = || -> Result<Vec<u64>> {
        let mut memory = Memory::default();
        let phc = password_hash::make(&mut rng::os(), PASSWORD, cost, &mut memory)?;
        let mut nanos = Vec::new();
        loop {
            let begun = Instant::now();
            ensure!(password_hash::verify(PASSWORD, &phc, &mut memory), "a hash that does not verify");
            if Instant::now() >= end {
                return Ok(nanos);
            }
            nanos.push(u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX));
        }
    };
    let began = Instant::now();
    let all = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let joined = workers.into_iter().map(|w| w.join().ok().context("a thread panicked")?);
        joined.collect::<Result<Vec<_>>>()
    })?;
    // Until the last hash that counts: a whole number of them, without the one that was cut off.
    let nanos: Vec<u64> = all.into_iter().flatten().collect();
    let busy: u64 = nanos.iter().sum();
    let seconds = Duration::from_nanos(busy).as_secs_f64() / threads_of(threads);
    ensure!(!nanos.is_empty() && seconds > 0.0, "no hash ended within {measure:?}");
    Ok(Slice { seconds, nanos, server_cpu: 0.0, client_cpu: began.elapsed().as_secs_f64() * threads_of(threads) })
}

fn threads_of(threads: usize) -> f64 {
    u32::try_from(threads).map_or(1.0, f64::from)
}

/// Accounts of one server.
struct People {
    /// Tokens of those who read.
    readers: Vec<Tokens>,
    logins: Vec<Arc<[u8]>>,
    /// Tokens that go on with each refresh, over all rounds.
    chains: Vec<Arc<Mutex<Tokens>>>,
}

#[derive(Clone)]
struct Tokens {
    access: String,
    refresh: String,
}

impl People {
    fn settle(addr: SocketAddr) -> Result<Self> {
        let mut all: Vec<(Arc<[u8]>, Tokens)> = Vec::new();
        for batch in 0..(READERS + LOGGERS + CONNECTIONS).div_ceil(CONNECTIONS) {
            stop::check()?;
            let made = std::thread::scope(|scope| {
                let first = batch * CONNECTIONS;
                let threads: Vec<_> =
                    (first..first + CONNECTIONS).map(|n| scope.spawn(move || account(addr, n))).collect();
                let joined = threads.into_iter().map(|t| t.join().ok().context("a thread panicked")?);
                joined.collect::<Result<Vec<_>>>()
            })?;
            all.extend(made);
        }
        let mut all = all.into_iter();
        let readers = all.by_ref().take(READERS).map(|(_, tokens)| tokens).collect();
        let logins = all.by_ref().take(LOGGERS).map(|(login, _)| login).collect();
        let chains = all.map(|(_, tokens)| Arc::new(Mutex::new(tokens))).collect();
        Ok(Self { readers, logins, chains })
    }

    fn reading(&self, path: &str) -> Requests {
        let of = |t: &Tokens| http::render("GET", &format!("/api/iam{path}"), &t.headers(), "").into();
        Requests::new(self.readers.iter().map(of).collect())
    }

    fn logging_in(&self, number: usize, of: usize) -> Box<dyn Client> {
        Requests::new(self.logins.clone()).client(number, of, true)
    }

    fn log_in_until(&self, addr: SocketAddr, number: usize, over: &AtomicBool) -> Result<()> {
        let mut connection = Blocking::connect(addr)?;
        let mine: Vec<_> = self.logins.iter().skip(number).step_by(CONNECTIONS).collect();
        for login in mine.into_iter().cycle() {
            connection.send(login)?.expect_success()?;
            if over.load(Ordering::Relaxed) {
                break;
            }
        }
        Ok(())
    }
}

impl Tokens {
    fn of(answer: &Answer<'_>) -> Result<Self> {
        let get = |name: &str| answer.header(name).map(str::to_owned).with_context(|| format!("no {name}"));
        Ok(Self { access: get("iam-access-token")?, refresh: get("iam-refresh-token")? })
    }

    fn headers(&self) -> [String; 3] {
        [
            "client-platform: app".to_owned(),
            format!("iam-access-token: {}", self.access),
            format!("iam-refresh-token: {}", self.refresh),
        ]
    }
}

/// Registers an account and logs in: its login request and its tokens.
fn account(addr: SocketAddr, number: usize) -> Result<(Arc<[u8]>, Tokens)> {
    let mut connection = Blocking::connect(addr)?;
    let email = format!("user{number}@example.com");
    let post = |path: &str, body: &Value| {
        let headers = ["client-platform: app".to_owned()];
        http::render("POST", &format!("/api/iam/authn/{path}"), &headers, &body.to_string())
    };
    let new = json!({ "first_name": "Jo", "last_name": "Doe", "email": email, "password": PASSWORD });
    connection.send(&post("register", &new))?.expect_success()?;
    let login = post("login", &json!({ "email": email, "password": PASSWORD }));
    let answer = connection.send(&login)?;
    answer.expect_success()?;
    let tokens = Tokens::of(&answer)?;
    Ok((login.into(), tokens))
}

/// Renews its tokens again and again.
struct Refresh {
    chain: Arc<Mutex<Tokens>>,
    request: Vec<u8>,
}

impl Client for Refresh {
    fn next(&mut self) -> Result<()> {
        let tokens = self.chain.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.request = http::render("POST", "/api/iam/authn/refresh", &tokens.headers(), "");
        Ok(())
    }

    fn bytes(&self) -> &[u8] {
        &self.request
    }

    fn answer(&mut self, answer: &Answer<'_>) -> Result<bool> {
        answer.expect_success()?;
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = Tokens::of(answer)?;
        Ok(true)
    }
}
