//! An app that is switched off or takes no writes: open connections hear of it, and of its end.

use e2e::socket::Socket;
use e2e::{TestServer, both};
use serde_json::{Value, json};

use super::{backend, id, transact};

both! { connections_hear_that_their_app_is_switched_off_and_on, connections_hear_that_their_app_takes_no_writes }

async fn connections_hear_that_their_app_is_switched_off_and_on(server: TestServer) {
    let note = id(&server);
    transact(&server, json!([["update", "notes", note, {"text": "a"}]])).await;
    let alice = server.data_user("alice@example.org").await;
    let (mut admin, q) = (backend(&server).await, json!({"notes": {}}));
    let mut guest = Socket::init(&server.url(), &server.lax.id, json!({})).await;
    admin.subscribe(&q).await;
    let attrs = admin.attrs();
    guest.ask(json!({"op": "join-room", "room-type": "chat", "room-id": "r"})).await;

    server.set_options(&server.lax, &[("disabled", "true")]).await;
    let write = json!({"op": "transact", "tx-steps": [["add-triple", note, attrs["notes.text"], "b"]]});
    assert_eq!(admin.ask(write.clone()).await["type"], "app-disabled", "at once");
    for socket in [&mut admin, &mut guest] {
        assert_eq!(socket.op("app-status-changed").await["status"], "disabled");
    }
    let error = admin.op("error").await;
    assert_eq!((&error["type"], &error["original-event"]["q"]), (&json!("app-disabled"), &q), "{error}");
    let refused = [
        json!({"op": "add-query", "q": {"a": {}}}),
        json!({"op": "start-sync", "q": {"notes": {}}}),
        json!({"op": "set-presence", "room-id": "r", "data": {}}),
        json!({"op": "start-stream", "client-id": "x", "reconnect-token": "x"}),
    ];
    for message in refused {
        assert_eq!(guest.ask(message.clone()).await["type"], "app-disabled", "{message}");
    }
    assert_eq!(guest.ask(json!({"op": "leave-room", "room-id": "r"})).await["op"], "leave-room-ok");
    // Whoever comes now is told, and nothing else.
    let mut late = Socket::open(&server.url(), &server.lax.id).await;
    let init = json!({"op": "init", "app-id": server.lax.id, "refresh-token": alice.token});
    let ok = late.ask(init).await;
    assert_eq!((&ok["app-status"]["status"], &ok["attrs"]), (&json!("disabled"), &json!([])), "{ok}");
    assert_eq!(ok["auth"]["user"], Value::Null);
    assert_eq!(late.ask(json!({"op": "add-query", "q": q})).await["type"], "app-disabled");

    server.set_options(&server.lax, &[("disabled", "false")]).await;
    for socket in [&mut admin, &mut guest, &mut late] {
        assert_eq!(socket.op("app-status-changed").await["status"], "active");
        assert!(socket.op("refresh-ok").await["attrs"].as_array().is_some_and(|attrs| attrs.len() > 20));
    }
    assert_eq!(admin.refreshed(&q).await["notes"][0]["text"], "a");
    assert_eq!(admin.ask(write).await["op"], "transact-ok");
    late.subscribe(&q).await;
}

async fn connections_hear_that_their_app_takes_no_writes(server: TestServer) {
    let mut socket = backend(&server).await;
    let set = |status: &str| {
        let sql = format!(
            "UPDATE data_apps SET status = '{status}', version = version + 1 WHERE app_id = '{}'",
            server.lax.id
        );
        server.database().execute(&sql);
    };
    set("read-only");
    assert_eq!(socket.op("app-status-changed").await["status"], "read-only");
    let write = json!({"op": "transact", "tx-steps": [["add-triple", id(&server), id(&server), "b"]]});
    assert_eq!(socket.ask(write).await["type"], "app-read-only");
    let mut late = Socket::open(&server.url(), &server.lax.id).await;
    let ok = late.ask(json!({"op": "init", "app-id": server.lax.id})).await;
    assert_eq!(ok["app-status"]["status"], "read-only");
    set("active");
    for socket in [&mut socket, &mut late] {
        assert_eq!(socket.op("app-status-changed").await["status"], "active");
    }
}
