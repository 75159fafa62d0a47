//! Two nodes over one PostgreSQL, which hear of each other by its notices or by NATS.

use e2e::socket::Socket;
use e2e::{Backend, Setup, TestServer, nats, run};
use serde_json::json;

use super::{admin, id, query};

#[test]
fn nodes_hear_of_each_other() {
    run(Backend::Postgres, Setup::default(), nodes);
}

#[test]
fn nodes_hear_of_each_other_by_nats() {
    if nats::is_there() {
        run(Backend::Postgres, Setup::default().with(nats::take_as_bus), nodes);
    }
}

async fn nodes(server: TestServer) {
    let other = server.another_node();
    let app = &server.lax.id;
    let token = json!({"__admin-token": server.lax.admin});
    let write = async |url: &str, text: &str| {
        let steps = json!({"steps": [["update", "notes", id(&server), {"text": text}]]});
        admin(&server, url, "/admin/transact", &steps).await
    };
    let here = server.url();
    write(&here, "first").await;
    let (mut a, mut b) =
        (Socket::init(&here, app, token.clone()).await, Socket::init(&other.url(), app, token.clone()).await);
    let q = json!({"notes": {}});
    a.subscribe(&q).await;
    b.subscribe(&q).await;
    // A write at either node reaches both; and whoever asks after the answer sees it, wherever he asks.
    for (n, url) in [(2, &here), (3, &other.url()), (4, &here)] {
        let done = write(url, "next").await;
        let elsewhere = if n == 3 { here.clone() } else { other.url() };
        let mut asking = Socket::init(&elsewhere, app, token.clone()).await;
        let fresh = asking.ask(json!({"op": "add-query", "q": q, "return-type": "tree"})).await;
        assert!(fresh["processed-tx-id"].as_i64() >= done["tx-id"].as_i64(), "{fresh} {done}");
        assert_eq!(fresh["result"]["notes"].as_array().map(Vec::len), Some(n));
        for socket in [&mut a, &mut b] {
            assert_eq!(socket.refreshed(&q).await["notes"].as_array().map(Vec::len), Some(n));
        }
    }
    // New attrs too.
    let steps = json!({"steps": [["update", "notes", id(&server), {"text": "x", "colour": "red"}]]});
    admin(&server, &here, "/admin/transact", &steps).await;
    b.find(|message| message["attrs"].is_array()).await;
    assert_eq!(b.refreshed(&q).await["notes"].as_array().map(Vec::len), Some(5));

    // Whoever is signed out at one node loses his connection to the other, and rules act there.
    let alice = server.data_user("alice@example.org").await;
    let hers = json!({"refresh-token": alice.token});
    let (mut hers, mut guest) =
        (Socket::init(&other.url(), app, hers).await, Socket::init(&other.url(), app, json!({})).await);
    server.data_sign_out(&alice.token).await;
    while hers.next().await.is_some() {}
    let visible = guest.subscribe(&q).await["notes"].as_array().map(Vec::len);
    server.data_rules(&json!({"notes": {"allow": {"view": "false"}}})).await;
    assert_eq!((visible, guest.refreshed(&q).await), (Some(5), json!({"notes": []})));

    // Rooms span nodes.
    let join = |name: &str| json!({"op": "join-room", "room-type": "chat", "room-id": "r", "data": {"name": name}});
    a.ask(join("a")).await;
    b.ask(join("b")).await;
    a.find(|message| message["op"] == "patch-presence" && message.to_string().contains(r#""name":"b""#)).await;
    b.ask(
        json!({"op": "client-broadcast", "room-id": "r", "roomType": "chat", "topic": "t", "data": "x".repeat(20_000)}),
    )
    .await;
    assert_eq!(a.op("server-broadcast").await["data"]["data"].as_str().map(str::len), Some(20_000));
    server
        .until(async || {
            server.data_presence("chat", "r").await["sessions"].as_object().map(serde_json::Map::len) == Some(2)
        })
        .await;

    // One node goes: its peers leave, its clients go on elsewhere and have missed nothing.
    let gone = server.another_node();
    let mut c = Socket::init(&gone.url(), app, token.clone()).await;
    c.ask(join("c")).await;
    a.find(|message| message["op"] == "patch-presence" && message.to_string().contains(r#""name":"c""#)).await;
    drop(other);
    while b.next().await.is_some() {}
    a.find(|message| message["op"] == "patch-presence" && message["edits"][0][1] == "-").await;
    write(&here, "meanwhile").await;
    let mut again = Socket::init(&gone.url(), app, token).await;
    assert_eq!(again.subscribe(&q).await, query(&server, &q).await);
    write(&gone.url(), "afterwards").await;
    assert_eq!(again.refreshed(&q).await["notes"].as_array().map(Vec::len), Some(7));
}
