//! Two nodes over one PostgreSQL, one of which is killed with SIGKILL while writers write and subscribers listen. Clients go on at
//! the other node and miss nothing; who was connected to the dead one is gone from rooms after a while.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use e2e::process::Site;
use e2e::socket::Socket;
use e2e::{Backend, block_on};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use super::copies::Copy;

const WRITERS: usize = 3;
const SUBSCRIBERS: usize = 6;
const COPIES: usize = 2;
/// How long everything runs before and after the kill.
const BEFORE: Duration = Duration::from_secs(2);
const AFTER: Duration = Duration::from_secs(2);
/// A node that was silent for 15 s is forgotten, and that is looked at every 5 s.
const FORGOTTEN: Duration = Duration::from_secs(25);

#[test]
fn clients_of_a_killed_node_go_on_at_the_other() {
    let Some(site) = Site::new(Backend::Postgres) else { return };
    let a = site.serve(&["--rate-limit", "off"]);
    let b = site.serve(&["--rate-limit", "off"]);
    let app = site.json(&["app", "create", "killed", "--preset", "lax", "--json"]);
    let text = |key: &str| app[key].as_str().expect("a text").to_owned();
    block_on(async {
        let nodes = [a.url.clone(), b.url.clone()];
        let place = Place { url: balance(&nodes).await, app: text("app_id"), admin: text("admin_token") };
        let survivor = Place { url: b.url.clone(), ..place.clone() };
        run(&place, &survivor, &a.url, || a.signal("KILL")).await;
    });
}

/// Where an app is.
#[derive(Clone)]
struct Place {
    url: String,
    app: String,
    admin: String,
}

impl Place {
    async fn post(&self, http: &reqwest::Client, path: &str, body: &Value) -> reqwest::Result<reqwest::Response> {
        let call = http.post(format!("{}{path}", self.url)).header("app-id", &self.app);
        call.bearer_auth(&self.admin).json(body).timeout(Duration::from_secs(10)).send().await
    }

    async fn query(&self, q: &Value) -> Value {
        let answer = self.post(&reqwest::Client::new(), "/admin/query", &json!({"query": q})).await.expect("an answer");
        answer.json().await.expect("JSON")
    }

    async fn socket(&self) -> Socket {
        loop {
            let tokens = json!({"__admin-token": self.admin});
            if let Some(socket) = Socket::try_init(&self.url, &self.app, tokens).await {
                return socket;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// An address behind which connections go to one node after the other, and to the next where one is not there.
async fn balance(nodes: &[String]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let nodes: Vec<String> = nodes.iter().filter_map(|url| Some(url.strip_prefix("http://")?.to_owned())).collect();
    tokio::spawn(async move {
        let mut turn = 0;
        while let Ok((mut client, _)) = listener.accept().await {
            turn += 1;
            let order: Vec<String> = (0..nodes.len()).map(|n| nodes[(turn + n) % nodes.len()].clone()).collect();
            tokio::spawn(async move {
                for node in order {
                    if let Ok(mut upstream) = TcpStream::connect(node).await {
                        drop(tokio::io::copy_bidirectional(&mut client, &mut upstream).await);
                        return;
                    }
                }
            });
        }
    });
    url
}

fn notes(n: usize) -> Value {
    match n % 3 {
        0 => json!({"notes": {}}),
        1 => json!({"notes": {"$": {"where": {"n": {"$in": [1, 2]}}}}}),
        _ => json!({"notes": {"$": {"where": {"n": 0}, "order": {"serverCreatedAt": "desc"}}}}),
    }
}

async fn run(place: &Place, survivor: &Place, victim: &str, kill: impl FnOnce()) {
    let http = reqwest::Client::new();
    // The attrs are there before anybody holds a copy.
    let first = json!({"steps": [["update", "notes", note(0, 0), {"n": 0, "w": 0}], ["update", "marks", note(0, 1), {"n": 0}]]});
    assert!(place.post(&http, "/admin/transact", &first).await.expect("an answer").status().is_success());

    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let reconnected = Arc::new(AtomicUsize::new(0));
    let mut subscribers = Vec::new();
    for n in 0..SUBSCRIBERS {
        let task = subscriber(place.clone(), survivor.clone(), notes(n), Arc::clone(&stop), Arc::clone(&reconnected));
        subscribers.push(tokio::spawn(task));
    }
    for _ in 0..COPIES {
        let task = copier(place.clone(), survivor.clone(), Arc::clone(&stop));
        subscribers.push(tokio::spawn(task));
    }
    let real = real_client(place);

    // In a room: one at the node that survives, two at the other.
    let join = |name: &str| json!({"op": "join-room", "room-type": "chat", "room-id": "r", "data": {"name": name}});
    let mut stays = survivor.socket().await;
    stays.ask(join("stays")).await;
    let doomed_place = Place { url: victim.to_owned(), ..place.clone() };
    let (mut one, mut two) = (doomed_place.socket().await, doomed_place.socket().await);
    for (socket, name) in [(&mut one, "one"), (&mut two, "two")] {
        socket.ask(join(name)).await;
        stays.find(|m| m["op"] == "patch-presence" && m.to_string().contains(&format!(r#""name":"{name}""#))).await;
    }

    let writers: Vec<_> = (1..=WRITERS)
        .map(|w| tokio::spawn(writer(place.clone(), w, Arc::clone(&stop), Arc::clone(&answered))))
        .collect();
    tokio::time::sleep(BEFORE).await;
    let before = answered.load(Ordering::Relaxed);
    kill();
    let killed = Instant::now();
    tokio::time::sleep(AFTER).await;
    assert!(before > 0 && answered.load(Ordering::Relaxed) > before, "writers go on");
    stop.store(true, Ordering::Relaxed);
    let mut written = vec![note(0, 0)];
    for writer in writers {
        written.extend(writer.await.expect("it writes"));
    }
    let all = survivor.query(&json!({"notes": {}})).await;
    let there: Vec<&str> = all["notes"].as_array().expect("a list").iter().filter_map(|n| n["id"].as_str()).collect();
    assert!(written.iter().all(|id| there.contains(&id.as_str())), "an answered write is there");
    for subscriber in subscribers {
        subscriber.await.expect("it has what a fresh query gives");
    }
    assert!(reconnected.load(Ordering::Relaxed) > 0, "somebody was at the dead node");
    let real = tokio::task::spawn_blocking(move || real.wait_with_output()).await.expect("it runs").expect("Node.js");
    assert!(real.status.success(), "{}", String::from_utf8_lossy(&real.stderr));

    // The dead node could not say that its peers leave.
    let mut gone = 0;
    while gone < 2 {
        let told = tokio::time::timeout(FORGOTTEN.saturating_sub(killed.elapsed()), stays.op("patch-presence")).await;
        let told = told.expect("peers of a dead node are forgotten in time");
        gone += told["edits"].as_array().into_iter().flatten().filter(|edit| edit[1] == "-").count();
    }
    let url = format!("{}/admin/rooms/presence?room-type=chat&room-id=r", survivor.url);
    let call = http.get(url).header("app-id", &survivor.app).bearer_auth(&survivor.admin);
    let seen: Value = call.send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!(seen["sessions"].as_object().map(serde_json::Map::len), Some(1), "{seen}");
}

fn note(writer: usize, n: usize) -> String {
    format!("00000000-0000-4000-8000-{writer:04}{n:08}")
}

/// Writes one note after the other; what is not answered is written again. Gives what was answered.
async fn writer(place: Place, writer: usize, stop: Arc<AtomicBool>, answered: Arc<AtomicUsize>) -> Vec<String> {
    // No connection is kept: each write may go to either node.
    let http = reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("a client");
    let mut written = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let id = note(writer, written.len() + 1);
        let steps = json!({"steps": [
            ["update", "notes", id, {"n": written.len() % 3, "w": writer}],
            ["update", "notes", note(0, 0), {"w": written.len()}],
        ]});
        loop {
            match place.post(&http, "/admin/transact", &steps).await {
                Ok(answer) if answer.status().is_success() => break,
                Ok(answer) => assert!(answer.status().is_server_error(), "{}", answer.text().await.unwrap_or_default()),
                Err(_lost) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
        written.push(id);
        answered.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    written
}

/// Listens through the loss of its connection; in the end it must have what a fresh query gives.
async fn subscriber(place: Place, survivor: Place, q: Value, stop: Arc<AtomicBool>, reconnected: Arc<AtomicUsize>) {
    loop {
        let mut socket = place.socket().await;
        let Some(mut answer) = socket.try_ask(json!({"op": "add-query", "q": q, "return-type": "tree"})).await else {
            continue;
        };
        assert_eq!(answer["op"], "add-query-ok", "{answer}");
        let mut last = answer["result"].take();
        loop {
            if stop.load(Ordering::Relaxed) && last == survivor.query(&q).await {
                return;
            }
            match tokio::time::timeout(Duration::from_millis(100), socket.next()).await {
                Ok(Some(message)) if message["op"] == "refresh-ok" && message["computations"][0].is_object() => {
                    last = message["computations"][0]["instaql-result"].clone();
                }
                Ok(Some(message)) => assert_ne!(message["op"], "error", "{message}"),
                Ok(None) => break,
                Err(_quiet) => {}
            }
        }
        reconnected.fetch_add(1, Ordering::Relaxed);
    }
}

/// Holds a copy of a namespace, which is brought up to date after the loss of its connection.
async fn copier(place: Place, survivor: Place, stop: Arc<AtomicBool>) {
    let mut socket = place.socket().await;
    let mut copy = Copy::load(&mut socket, &json!({"notes": {}})).await;
    loop {
        if stop.load(Ordering::Relaxed) {
            let fresh = survivor.query(&json!({"notes": {}})).await;
            let fresh = fresh["notes"].as_array().expect("a list").iter();
            let fresh: serde_json::Map<_, _> =
                fresh.map(|note| (note["id"].as_str().expect("an id").to_owned(), note.clone())).collect();
            if copy.shown(&socket) == Value::Object(fresh) {
                return;
            }
        }
        match tokio::time::timeout(Duration::from_millis(100), socket.next()).await {
            Ok(Some(message)) if message["op"] == "sync-update-triples" => copy.apply(&message),
            Ok(Some(message)) => assert_ne!(message["op"], "error", "{message}"),
            Ok(None) => {
                socket = place.socket().await;
                // From the log: nothing has to be loaded anew.
                assert_eq!(copy.resync(&mut socket).await["op"], "sync-update-triples");
            }
            Err(_quiet) => {}
        }
    }
}

/// `@instantdb/core`, which writes until the kill is over and then compares with the server.
fn real_client(place: &Place) -> std::process::Child {
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients_live");
    let node = std::env::var_os("KEYSTEAD_NODE").unwrap_or_else(|| "node".into());
    let mut command = Command::new(node);
    let command = command.arg("failover.mjs").current_dir(clients).stdin(Stdio::null());
    let command = command.stdout(Stdio::null()).stderr(Stdio::piped());
    let command = command.env("KEYSTEAD_URL", &place.url).env("KEYSTEAD_APP_ID", &place.app);
    command.env("KEYSTEAD_ADMIN_TOKEN", &place.admin).spawn().expect("Node.js 20 or newer: run `cargo xtask setup`")
}
