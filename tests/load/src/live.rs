//! `bench live`: how long an answered write takes to reach everybody, what live queries cost writers and memory, and rooms;
//! beside a bare WebSocket broadcast in the same run.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::clients::Requests;
use crate::engine::Window;
use crate::http::{self, Blocking};
use crate::report::{Goal, Report};
use crate::server::{Keystead, Server, file_system};
use crate::sockets::{Crowd, Socket};
use crate::stats::median;
use crate::{BenchArgs, stop};

/// Subscribers of the same query; the goal is judged at 1,000.
const AUDIENCES: [usize; 4] = [1, 100, 1_000, 5_000];
/// Different live queries beside the writers.
const QUERIES: usize = 1_000;
/// Connections whose memory is measured.
const MANY: usize = 10_000;
/// Peers of the room.
const PEERS: usize = 100;
/// Deliveries per audience.
const DELIVERIES: usize = 20;
/// Lists with ten items each: one live query shows one list.
const LISTS: usize = MANY;
const ITEMS: usize = 10;
/// Connections that write.
const WRITERS: usize = 64;

/// Runs the bench.
///
/// # Errors
/// A server that does not start, a wrong answer, a message that does not come.
pub(crate) fn run(args: &BenchArgs) -> Result<Report> {
    let mut report = Report::new("live");
    let root = args.dir.clone().unwrap_or_else(std::env::temp_dir);
    report.note("file_system", file_system(&root));
    let directory = tempfile::Builder::new().prefix("keystead-load-").tempdir_in(&root)?;
    let binary = args.keystead.canonicalize().with_context(|| args.keystead.display().to_string())?;
    let keystead = Keystead { binary, data: directory.path().to_owned(), database_url: None, settings: Vec::new() };
    let server = keystead.start()?;
    let app = keystead.create_app()?;
    let site = Site { addr: server.addr, app: app.app_id, token: app.admin_token, server };
    site.seed()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if args.wants("delivery") {
        runtime.block_on(deliveries(&site, &mut report))?;
    }
    if args.wants("presence") {
        runtime.block_on(presence(&site, &mut report))?;
    }
    if args.wants("writers") {
        writers(&site, args, &runtime, &mut report)?;
    }
    if args.wants("memory") {
        runtime.block_on(memory(&site, &mut report))?;
    }
    Ok(report)
}

struct Site {
    addr: SocketAddr,
    app: String,
    token: String,
    server: Server,
}

impl Site {
    fn headers(&self) -> Vec<String> {
        vec![format!("app-id: {}", self.app), format!("authorization: Bearer {}", self.token)]
    }

    fn request(&self, steps: &Value) -> Vec<u8> {
        http::render("POST", "/admin/transact", &self.headers(), &json!({"steps": steps}).to_string())
    }

    fn transact(&self, steps: &Value) -> Result<()> {
        Blocking::connect(self.addr)?.send(&self.request(steps))?.text().map(drop)
    }

    fn seed(&self) -> Result<()> {
        for from in (0..LISTS).step_by(100) {
            stop::check()?;
            let mut steps = Vec::new();
            for list in from..from + 100 {
                steps.push(json!(["update", "lists", list_id(list), {"name": format!("list {list}")}]));
                for item in 0..ITEMS {
                    let id = item_id(list, item);
                    steps.push(
                        json!(["update", "items", id, {"title": format!("item {item} of {list}"), "done": false}]),
                    );
                    steps.push(json!(["link", "lists", list_id(list), {"items": id}]));
                }
            }
            self.transact(&Value::Array(steps))?;
        }
        Ok(())
    }

    async fn socket(&self) -> Result<Socket> {
        let mut socket = Socket::open(self.addr, &format!("/runtime/session?app_id={}", self.app)).await?;
        let init = json!({"op": "init", "app-id": self.app, "__admin-token": self.token, "client-event-id": "i"});
        socket.ask(&init.to_string(), "init-ok").await?;
        Ok(socket)
    }

    /// A socket with the live query of one list.
    async fn subscriber(&self, list: usize) -> Result<Socket> {
        let mut socket = self.socket().await?;
        let query = json!({"lists": {"$": {"where": {"id": list_id(list)}}, "items": {}}});
        socket.ask(&json!({"op": "add-query", "q": query}).to_string(), "add-query-ok").await?;
        Ok(socket)
    }

    fn writes(&self, lists: usize) -> Requests {
        let requests = (0..20_000_usize).map(|n| {
            let (list, item) = (n.wrapping_mul(7_919) % lists, n % ITEMS);
            self.request(&json!([["update", "items", item_id(list, item), {"title": format!("written {n}")}]])).into()
        });
        Requests::new(requests.collect())
    }
}

fn list_id(list: usize) -> String {
    format!("10000000-0000-4000-8000-{list:012x}")
}

fn item_id(list: usize, item: usize) -> String {
    format!("20000000-0000-4000-8000-{:012x}", list * ITEMS + item)
}

/// From the answer to a write to the last (and median) subscriber, beside a broadcast of as many bytes.
async fn deliveries(site: &Site, report: &mut Report) -> Result<()> {
    let bare = Server::broadcast()?;
    let mut probe = site.subscriber(0).await?;
    site.transact(&write(0))?;
    let payload = loop {
        let text = probe.next().await?;
        if text.starts_with(br#"{"op":"refresh-ok""#) {
            break String::from_utf8(text.to_vec())?;
        }
    };
    drop(probe);
    report.fact("message_bytes", f64::from(u32::try_from(payload.len())?));
    for audience in AUDIENCES {
        stop::check()?;
        let (ours, bares) = (Arc::new(Crowd::default()), Arc::new(Crowd::default()));
        for _ in 0..audience {
            drop(ours.join(site.subscriber(0).await?, "refresh-ok"));
            drop(bares.join(Socket::open(bare.addr, "/open").await?, "refresh-ok"));
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        let (mut live, mut plain) = (Deliveries::default(), Deliveries::default());
        let broadcast = http::render("POST", "/broadcast", &[], &payload);
        for n in 0..DELIVERIES {
            let request = site.request(&write(n + 1));
            live.round(&ours, audience, site.addr, request).await?;
            tokio::time::sleep(Duration::from_millis(20)).await;
            plain.round(&bares, audience, bare.addr, broadcast.clone()).await?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        live.report(report, &format!("delivery_{audience}"));
        plain.report(report, &format!("broadcast_{audience}"));
        if audience == 1_000 {
            report.goal(Goal::at_most("last of 1,000 / bare broadcast", live.last() / plain.last(), 1.3));
        }
    }
    Ok(())
}

fn write(n: usize) -> Value {
    json!([["update", "items", item_id(0, 0), {"title": format!("delivery {n} {:?}", Instant::now())}]])
}

#[derive(Default)]
struct Deliveries {
    /// Milliseconds after the answer: of every message, and of the last of each round.
    all: Vec<f64>,
    last: Vec<f64>,
    /// From the request to the last message.
    from_request: Vec<f64>,
}

impl Deliveries {
    async fn round(&mut self, crowd: &Arc<Crowd>, wanted: usize, addr: SocketAddr, request: Vec<u8>) -> Result<()> {
        crowd.begin(wanted);
        let began = Instant::now();
        let answered = tokio::task::spawn_blocking(move || {
            Blocking::connect(addr)?.send(&request)?.text()?;
            anyhow::Ok(began.elapsed())
        });
        let times = crowd.end().await?;
        let answered = answered.await??;
        let after = |nanos: &u64| (Duration::from_nanos(*nanos).saturating_sub(answered)).as_secs_f64() * 1_000.0;
        self.all.extend(times.iter().map(after));
        self.last.extend(times.last().map(after));
        self.from_request.extend(times.last().map(|nanos| Duration::from_nanos(*nanos).as_secs_f64() * 1_000.0));
        Ok(())
    }

    fn last(&self) -> f64 {
        median(self.last.clone())
    }

    fn report(&self, report: &mut Report, name: &str) {
        report.fact(&format!("{name}_p50_ms"), percentile(&self.all, 50.0));
        report.fact(&format!("{name}_p99_ms"), percentile(&self.all, 99.0));
        report.fact(&format!("{name}_last_ms"), self.last());
        report.fact(&format!("{name}_last_from_request_ms"), median(self.from_request.clone()));
    }
}

fn percentile(values: &[f64], percent: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index"
    )]
    let at = ((sorted.len() as f64 - 1.0).max(0.0) * percent / 100.0).round() as usize;
    sorted.get(at).copied().unwrap_or_default()
}

/// What a room of 100 hears of one peer's presence and of its calls.
async fn presence(site: &Site, report: &mut Report) -> Result<()> {
    let crowd = Arc::new(Crowd::default());
    let join = json!({"op": "join-room", "room-type": "bench", "room-id": "bench", "data": {}}).to_string();
    for _ in 1..PEERS {
        let mut socket = site.socket().await?;
        socket.ask(&join, "join-room-ok").await?;
        drop(crowd.join(socket, "measured"));
    }
    let mut speaker = site.socket().await?;
    speaker.ask(&join, "join-room-ok").await?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (mut shown, mut called) = (Vec::new(), Vec::new());
    for n in 0..DELIVERIES {
        crowd.begin(PEERS - 1);
        speaker.send(&json!({"op": "set-presence", "room-id": "bench", "data": {"measured": n}}).to_string()).await?;
        shown.extend(crowd.end().await?.iter().map(|nanos| Duration::from_nanos(*nanos).as_secs_f64() * 1_000.0));
        tokio::time::sleep(Duration::from_millis(20)).await;
        crowd.begin(PEERS - 1);
        let call =
            json!({"op": "client-broadcast", "room-id": "bench", "roomType": "bench", "topic": "measured", "data": n});
        speaker.send(&call.to_string()).await?;
        called.extend(crowd.end().await?.iter().map(|nanos| Duration::from_nanos(*nanos).as_secs_f64() * 1_000.0));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for (name, times) in [("presence_100", shown), ("room_call_100", called)] {
        report.fact(&format!("{name}_p50_ms"), percentile(&times, 50.0));
        report.fact(&format!("{name}_p99_ms"), percentile(&times, 99.0));
    }
    Ok(())
}

/// Writes per second: with no live query, with those of what is written, with those of other things; in turns.
fn writers(site: &Site, args: &BenchArgs, runtime: &tokio::runtime::Runtime, report: &mut Report) -> Result<()> {
    let writes = site.writes(QUERIES);
    let window = Window {
        connections: WRITERS,
        threads: 1,
        warm_up: Duration::from_millis(300),
        measure: Duration::from_secs_f64(args.seconds),
    };
    let measure = || -> Result<f64> {
        let slice = window.run(site.addr, site.server.pid(), &|n, of| Ok(writes.client(n, of, false)))?;
        #[expect(clippy::cast_precision_loss, reason = "a count")]
        Ok(slice.nanos.len() as f64 / slice.seconds)
    };
    let (mut none, mut live, mut unrelated, mut heard) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..args.rounds {
        stop::check()?;
        none.push(measure()?);
        for (lists, rates) in [(0, &mut live), (QUERIES, &mut unrelated)] {
            let crowd = Arc::new(Crowd::default());
            let tasks = runtime.block_on(async {
                let mut tasks = Vec::new();
                for list in lists..lists + QUERIES {
                    tasks.push(crowd.join(site.subscriber(list).await?, "refresh-ok"));
                }
                crowd.begin(usize::MAX);
                anyhow::Ok(tasks)
            })?;
            let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
            // The sockets are read while the writers run.
            let rate = std::thread::scope(|scope| {
                let writing = scope.spawn(|| {
                    let rate = measure();
                    stop.send(()).ok();
                    rate
                });
                drop(runtime.block_on(stopped));
                writing.join().ok().context("the writers panicked")?
            })?;
            if lists == 0 {
                #[expect(clippy::cast_precision_loss, reason = "a count")]
                heard.push(crowd.received() as f64 / (args.seconds + 0.3));
            } else {
                ensure!(crowd.received() == 0, "a query heard of what does not concern it");
            }
            rates.push(rate);
            tasks.iter().for_each(tokio::task::JoinHandle::abort);
            runtime.block_on(async { tokio::time::sleep(Duration::from_millis(200)).await });
        }
    }
    let (none, live, unrelated) = (median(none), median(live), median(unrelated));
    report.fact("writes_no_queries_per_s", none);
    report.fact("writes_1000_queries_per_s", live);
    report.fact("writes_1000_unrelated_per_s", unrelated);
    report.fact("refreshes_heard_per_s", median(heard));
    report.fact("unrelated_kept", unrelated / none);
    report.goal(Goal::at_least("writes kept, 1,000 live queries", live / none, 0.85));
    Ok(())
}

/// Memory of a connection with a query of its own.
async fn memory(site: &Site, report: &mut Report) -> Result<()> {
    let before = site.server.rss_mib()?;
    let mut sockets = Vec::new();
    for list in 0..MANY {
        if list % 500 == 0 {
            stop::check()?;
        }
        sockets.push(site.subscriber(list).await?);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let each = (site.server.rss_mib()? - before) * 1_024.0 / f64::from(u32::try_from(MANY)?);
    report.fact("rss_before_mib", before);
    report.goal(Goal::at_most("KiB per live subscriber at 10,000", each, 20.0));
    drop(sockets);
    Ok(())
}
