//! Streams by hand: what is wrong is told, and what readers hear when a stream goes or its rules change. The real clients are in
//! `tests/clients_live/streams.test.mjs`.

use e2e::socket::Socket;
use e2e::{Setup, TestServer, both};
use keystead_server::config::Config;
use serde_json::{Value, json};

use super::{backend, query, transact};

both! {
    a_stream_is_its_writers_and_is_written_once,
    a_deleted_stream_ends_its_readers_and_leaves_nothing,
    changed_rules_reach_readers,
    a_long_text_is_read_whole_and_from_anywhere,
}

both! { whatever_is_wrong_with_a_stream_is_told; with Setup::default().with(small) }

fn small(config: &mut Config) {
    config.live.stream_bytes = 64;
}

async fn start(socket: &mut Socket, name: &str, token: &str) -> Value {
    socket.ask(json!({"op": "start-stream", "client-id": name, "reconnect-token": token})).await
}

/// Starts a stream of one's own and gives its id.
async fn started(socket: &mut Socket, name: &str) -> String {
    let ok = start(socket, name, "secret").await;
    assert_eq!((&ok["op"], &ok["client-id"], &ok["offset"]), (&json!("start-stream-ok"), &json!(name), &json!(0)));
    ok["stream-id"].as_str().expect("an id").to_owned()
}

async fn append(socket: &mut Socket, id: &str, offset: i64, text: &str, done: bool) -> Value {
    socket.ask(json!({"op": "append-stream", "stream-id": id, "offset": offset, "chunks": [text], "done": done})).await
}

fn kind(answer: &Value) -> &str {
    assert_eq!(answer["op"], "error", "{answer}");
    answer["type"].as_str().expect("a type")
}

async fn whatever_is_wrong_with_a_stream_is_told(server: TestServer) {
    let mut writer = backend(&server).await;
    let id = started(&mut writer, "story").await;
    for (wrong, wanted) in [
        (json!({"op": "start-stream", "reconnect-token": "x"}), "param-missing"),
        (json!({"op": "start-stream", "client-id": "other"}), "param-missing"),
        (json!({"op": "start-stream", "client-id": "", "reconnect-token": "x"}), "param-malformed"),
        (json!({"op": "start-stream", "client-id": "x".repeat(513), "reconnect-token": "x"}), "param-malformed"),
        (json!({"op": "start-stream", "client-id": "x", "reconnect-token": "x", "rule-params": []}), "param-malformed"),
        (json!({"op": "append-stream", "chunks": ["x"]}), "param-missing"),
        (json!({"op": "append-stream", "stream-id": id, "offset": -1, "chunks": []}), "param-malformed"),
        (json!({"op": "append-stream", "stream-id": id, "offset": "0", "chunks": []}), "param-malformed"),
        (json!({"op": "append-stream", "stream-id": id, "chunks": [1]}), "param-malformed"),
        (json!({"op": "append-stream", "stream-id": id, "chunks": "x"}), "param-malformed"),
        (json!({"op": "append-stream", "stream-id": server.app().new_id(), "chunks": ["x"]}), "validation-failed"),
        (json!({"op": "append-stream", "stream-id": id, "chunks": ["x".repeat(65)]}), "parameter-limit-exceeded"),
        (json!({"op": "subscribe-stream"}), "param-missing"),
        (json!({"op": "subscribe-stream", "stream-id": "nonsense"}), "record-not-found"),
        (json!({"op": "subscribe-stream", "client-id": "nobody's"}), "record-not-found"),
        (json!({"op": "subscribe-stream", "client-id": "story", "offset": -1}), "param-malformed"),
        (json!({"op": "unsubscribe-stream"}), "param-missing"),
    ] {
        let answer = writer.ask(wrong.clone()).await;
        assert_eq!(kind(&answer), wanted, "{wrong}");
    }
    // What was refused has left nothing, and the token is not told again.
    let flushed = append(&mut writer, &id, 0, "é", false).await;
    assert_eq!((&flushed["op"], &flushed["offset"]), (&json!("stream-flushed"), &json!(2)));
    assert_eq!(kind(&append(&mut writer, &id, 1, "€", false).await), "validation-failed");
    let refused = start(&mut writer, "story", "another secret").await;
    assert_eq!(kind(&refused), "validation-failed");
    assert!(!refused.to_string().contains("another secret"), "{refused}");
    // A connection writes so many streams.
    for n in 1..100 {
        started(&mut writer, &format!("story {n}")).await;
    }
    assert_eq!(kind(&start(&mut writer, "one more", "secret").await), "parameter-limit-exceeded");
}

async fn a_stream_is_its_writers_and_is_written_once(server: TestServer) {
    let (mut writer, mut other) = (backend(&server).await, backend(&server).await);
    let id = started(&mut writer, "story").await;
    assert_eq!(append(&mut writer, &id, 0, "once ", false).await["offset"], 5);
    // The id alone is no right to write.
    assert_eq!(kind(&append(&mut other, &id, 5, "x", false).await), "validation-failed");
    assert_eq!(append(&mut writer, &id, 9, "gap", false).await["op"], "append-failed");
    // Sent again, with more: only what is new is stored.
    assert_eq!(append(&mut writer, &id, 0, "once upon", false).await["offset"], 9);
    // The writer comes back at another connection.
    assert_eq!(start(&mut other, "story", "secret").await["offset"], 9);
    let done = append(&mut other, &id, 9, " a time", true).await;
    assert_eq!((&done["op"], &done["offset"], &done["done"]), (&json!("stream-flushed"), &json!(16), &json!(true)));
    // The first connection says the end again, as one that has not heard the answer; more it cannot say.
    assert_eq!(append(&mut writer, &id, 9, " a time", true).await["op"], "stream-flushed");
    assert_eq!(kind(&start(&mut other, "story", "secret").await), "validation-failed");
    let read = other.ask(json!({"op": "subscribe-stream", "client-id": "story"})).await;
    assert_eq!(
        (&read["content"], &read["done"], &read["stream-id"]),
        (&json!("once upon a time"), &json!(true), &json!(id))
    );
    let entity = query(&server, &json!({"$streams": {}})).await["$streams"][0].take();
    assert_eq!((&entity["done"], &entity["size"]), (&json!(true), &json!(16)));
    assert!(entity.get("hashedReconnectToken").is_none() && entity.get("machineId").is_none(), "{entity}");
}

async fn a_deleted_stream_ends_its_readers_and_leaves_nothing(server: TestServer) {
    let (mut writer, mut reader) = (backend(&server).await, backend(&server).await);
    let id = started(&mut writer, "story").await;
    append(&mut writer, &id, 0, "text", false).await;
    let read = reader.ask(json!({"op": "subscribe-stream", "stream-id": id})).await;
    assert_eq!((&read["content"], &read["done"]), (&json!("text"), &json!(false)));
    transact(&server, json!([["delete", "$streams", id, {}]])).await;
    let end = reader.op("stream-append").await;
    assert_eq!((end["error"].is_string(), &end["retry"]), (true, &json!(false)), "{end}");
    assert_eq!(kind(&append(&mut writer, &id, 4, "more", false).await), "record-not-found");
    for table in ["data_streams", "data_stream_chunks"] {
        let sql = format!("SELECT CAST(COUNT(*) AS TEXT) AS line FROM {table}");
        assert_eq!(server.database().lines(&sql), ["0"], "{table}");
    }
    // The name is free.
    started(&mut backend(&server).await, "story").await;
}

async fn changed_rules_reach_readers(server: TestServer) {
    let alice = server.data_user("alice@example.org").await;
    server.data_rules(&json!({"$streams": {"allow": {"view": "auth.id != null"}}})).await;
    let mut writer = backend(&server).await;
    let id = started(&mut writer, "story").await;
    append(&mut writer, &id, 0, "for all ", false).await;
    let mut guest = Socket::init(&server.url(), &server.lax.id, json!({})).await;
    assert_eq!(kind(&guest.ask(json!({"op": "subscribe-stream", "stream-id": id})).await), "record-not-found");
    assert_eq!(kind(&start(&mut guest, "mine", "secret").await), "permission-denied");
    let mut hers = Socket::init(&server.url(), &server.lax.id, json!({"refresh-token": alice.token})).await;
    let read = hers.ask(json!({"op": "subscribe-stream", "stream-id": id})).await;
    assert_eq!(read["content"], "for all ");
    // Other rules that let her read end nothing.
    server.data_rules(&json!({"$streams": {"allow": {"view": "true"}}})).await;
    append(&mut writer, &id, 8, "and more ", false).await;
    assert_eq!(hers.op("stream-append").await["content"], "and more ");
    server.data_rules(&json!({"$streams": {"allow": {"view": "false"}}})).await;
    append(&mut writer, &id, 17, "for few", false).await;
    let end = hers.op("stream-append").await;
    assert!(end["error"].is_string() && end.get("content").is_none(), "{end}");
}

async fn a_long_text_is_read_whole_and_from_anywhere(server: TestServer) {
    let (mut writer, mut reader) = (backend(&server).await, backend(&server).await);
    let id = started(&mut writer, "story").await;
    let text = "Zeichen für Zeichen €\n".repeat(40_000);
    let length = i64::try_from(text.len()).expect("fits");
    assert_eq!(append(&mut writer, &id, 0, &text, true).await["offset"], length);
    for from in [0, 65_536, 500_001, length] {
        let mut page = reader.ask(json!({"op": "subscribe-stream", "stream-id": id, "offset": from})).await;
        let mut read = String::new();
        let mut at = from;
        loop {
            let content = page["content"].as_str().expect("text");
            let begins = page["offset"].as_i64().expect("a number");
            assert!(begins <= at, "{begins} after {at}");
            // A page may begin before what was asked for, where a piece begins.
            let skipped = usize::try_from(at - begins).expect("fits").min(content.len());
            let bytes = content.as_bytes().split_at(skipped).1;
            read.push_str(&String::from_utf8_lossy(bytes));
            at += i64::try_from(bytes.len()).expect("fits");
            if page["done"] == true {
                break;
            }
            page = reader.op("stream-append").await;
        }
        let wanted = text.as_bytes().split_at(usize::try_from(from).expect("fits")).1;
        assert!(at == length && read == String::from_utf8_lossy(wanted), "from {from}");
    }
}
