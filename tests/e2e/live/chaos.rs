//! Connections are dropped and the server restarts while writers run. In the end every subscriber has what a fresh query gives.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use e2e::socket::Socket;
use e2e::{TestServer, both};
use serde_json::{Value, json};

use super::query;

both! { every_subscriber_ends_with_a_fresh_answer }

/// Notes of a few values, so that writes meet queries.
const NOTES: usize = 12;
const SUBSCRIBERS: usize = 8;
const WRITERS: usize = 3;
const ROUNDS: usize = 4;

fn note(n: usize) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}

fn asked(n: usize) -> Value {
    match n % 4 {
        0 => json!({"notes": {"$": {"where": {"n": n % 3}}}}),
        1 => json!({"notes": {"tags": {}}}),
        2 => json!({"tags": {"$": {"where": {"notes.n": {"$in": [0, 2]}}}, "notes": {"$": {"where": {"n": 2}}}}}),
        _ => json!({"notes": {"$": {"where": {"tags.t": {"$not": "a"}}, "order": {"serverCreatedAt": "desc"}}}}),
    }
}

/// One try to write; the server may be gone.
async fn write(server: &TestServer, step: Value) {
    let Some(url) = address(server) else { return };
    let call = server.http().post(format!("{url}/admin/transact")).header("app-id", &server.lax.id);
    let sent = call.bearer_auth(&server.lax.admin).json(&json!({"steps": [step]})).send().await;
    if let Ok(answer) = sent {
        let status = answer.status();
        assert!(status.is_success() || status.is_server_error(), "{}", answer.text().await.unwrap_or_default());
    }
}

/// Where the server listens; none while it restarts.
fn address(server: &TestServer) -> Option<String> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| server.url())).ok()
}

fn step(n: usize) -> Value {
    // Deterministic and without pattern: a linear congruence.
    let dice = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) >> 33;
    let (id, tag) = (note(dice % NOTES), note(100 + dice / 7 % 4));
    match dice / 31 % 6 {
        0 => json!(["delete", "notes", id, null]),
        1 => json!(["unlink", "notes", id, {"tags": tag}]),
        2 => json!(["link", "notes", id, {"tags": tag}]),
        3 => json!(["update", "tags", tag, {"t": if dice.is_multiple_of(2) { "a" } else { "b" }}]),
        _ => json!(["update", "notes", id, {"n": dice / 3 % 3}]),
    }
}

async fn every_subscriber_ends_with_a_fresh_answer(server: TestServer) {
    for n in 0..NOTES {
        write(&server, json!(["update", "notes", note(n), {"n": n % 3}])).await;
        write(&server, json!(["update", "tags", note(100 + n % 4), {"t": "a"}])).await;
        write(&server, json!(["link", "notes", note(n), {"tags": note(100 + n % 4)}])).await;
    }
    for round in 0..ROUNDS {
        let stop = Arc::new(AtomicBool::new(false));
        let writers = (0..WRITERS).map(|w| {
            let (server, stop) = (server.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut n = round * 100_000 + w * 10_000;
                while !stop.load(Ordering::Relaxed) {
                    write(&server, step(n)).await;
                    n += 1;
                }
            })
        });
        let writers: Vec<_> = writers.collect();
        let readers = (0..SUBSCRIBERS).map(|n| {
            let (server, stop) = (server.clone(), Arc::clone(&stop));
            tokio::spawn(reader(server, asked(n), n, stop))
        });
        let readers: Vec<_> = readers.collect();
        tokio::time::sleep(Duration::from_millis(300)).await;
        if round % 2 == 1 {
            let restarting = server.clone();
            tokio::task::spawn_blocking(move || restarting.restart()).await.expect("it restarts");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        stop.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.await.expect("it writes");
        }
        for reader in readers {
            reader.await.expect("its last result is a fresh one");
        }
    }
}

/// Keeps a subscription through lost connections; in the end its last result must become a fresh one.
async fn reader(server: TestServer, q: Value, number: usize, stop: Arc<AtomicBool>) {
    let mut heard = 0;
    loop {
        let connected = tokio::time::timeout(Duration::from_secs(10), connect(&server, &q)).await;
        let Ok(Some((mut socket, mut last))) = connected else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        loop {
            if stop.load(Ordering::Relaxed) && last == query(&server, &q).await {
                // Nothing more may come that is older.
                assert!(
                    socket
                        .rest()
                        .await
                        .iter()
                        .all(|m| m["op"] != "refresh-ok" || m["computations"][0]["instaql-result"] == last)
                );
                return;
            }
            match tokio::time::timeout(Duration::from_millis(100), socket.next()).await {
                Ok(Some(message)) if message["op"] == "refresh-ok" && message["computations"][0].is_object() => {
                    last = message["computations"][0]["instaql-result"].clone();
                    heard += 1;
                    if heard % 40 == number {
                        break;
                    }
                }
                Ok(Some(message)) => assert_ne!(message["op"], "error", "{message}"),
                Ok(None) => break,
                Err(_quiet) => {}
            }
        }
    }
}

async fn connect(server: &TestServer, q: &Value) -> Option<(Socket, Value)> {
    let address = address(server)?;
    tokio::net::TcpStream::connect(address.strip_prefix("http://")?).await.ok()?;
    let open = Socket::try_init(&address, &server.lax.id, json!({"__admin-token": server.lax.admin})).await;
    let mut socket = open?;
    let mut answer = socket.try_ask(json!({"op": "add-query", "q": q, "return-type": "tree"})).await?;
    assert_eq!(answer["op"], "add-query-ok", "{answer}");
    Some((socket, answer["result"].take()))
}
