//! The socket's protocol (instant.md section 17), message by message.

use e2e::socket::Socket;
use e2e::{TestServer, both};
use serde_json::{Value, json};

use super::{admin, backend, id, query, transact};

both! {
    whatever_is_wrong_is_told_and_nothing_closes, a_resent_transaction_is_done_once,
    nothing_is_sent_when_nothing_changed, an_own_write_is_told_even_if_nothing_changed,
    new_attrs_come_before_what_needs_them, rules_hold_for_live_results_and_changed_ones_too,
    whoever_is_signed_out_loses_the_connection, a_room_is_seen_by_those_who_joined, one_computation_serves_all,
    events_carry_what_sockets_carry, whoever_asks_for_a_socket_in_vain_is_answered, large_and_many_messages_go_both_ways
}

async fn whatever_is_wrong_is_told_and_nothing_closes(server: TestServer) {
    let mut socket = Socket::open(&server.url(), &server.lax.id).await;
    let error = socket.ask(json!({"op": "add-query", "q": {"a": {}}})).await;
    assert_eq!((&error["op"], &error["type"]), (&json!("error"), &json!("validation-failed")));
    assert_eq!(error["original-event"]["q"], json!({"a": {}}));
    for wrong in ["[", "7", "null", "\"x\"", "{}", "[7]"] {
        socket.send(wrong).await;
        assert_eq!(socket.op("error").await["status"], 400, "{wrong}");
    }
    let init = |token: &str| json!({"op": "init", "app-id": server.lax.id, "refresh-token": token});
    for token in [id(&server).as_str(), "no token"] {
        let error = socket.ask(init(token)).await;
        assert_eq!((&error["type"], &error["hint"]["record-type"]), (&json!("record-not-found"), &json!("app-user")));
        assert_eq!(error["original-event"]["op"], "init");
        assert!(!error.to_string().contains(token), "tokens are not told again");
    }
    for app in [id(&server).as_str(), "no app"] {
        assert_eq!(socket.ask(json!({"op": "init", "app-id": app})).await["op"], "error");
    }
    let wrong = json!({"op": "init", "app-id": server.lax.id, "__admin-token": id(&server)});
    assert_eq!(socket.ask(wrong).await["hint"]["record-type"], "app-admin-token");
    let guest = json!({"op": "init", "app-id": server.lax.id});
    let ok = socket.ask(guest.clone()).await;
    assert_eq!(
        (&ok["op"], &ok["auth"]["user"], &ok["app-status"]["status"]),
        (&json!("init-ok"), &Value::Null, &json!("active"))
    );
    assert!(ok["attrs"].as_array().is_some_and(|attrs| attrs.len() > 20) && ok["session-id"].is_string());
    assert_eq!(socket.ask(guest).await["type"], "validation-failed");
    let error = socket.ask(json!({"op": "fly"})).await;
    assert_eq!((&error["type"], &error["hint"]["op"]), (&json!("param-malformed"), &json!("fly")));
    for (wrong, kind) in [
        (json!({"op": "add-query"}), "param-missing"),
        (json!({"op": "add-query", "q": {"a": 7}}), "validation-failed"),
        (json!({"op": "add-query", "q": {"a": {}}, "return-type": "tea"}), "param-malformed"),
        (json!({"op": "transact"}), "param-missing"),
        (json!({"op": "transact", "tx-steps": [["fly"]]}), "validation-failed"),
        (json!({"op": "set-presence", "room-id": "r", "data": {}}), "validation-failed"),
        (json!({"op": "client-broadcast", "room-id": "r", "topic": "t"}), "validation-failed"),
    ] {
        let error = socket.ask(wrong.clone()).await;
        assert_eq!((&error["op"], &error["type"]), (&json!("error"), &json!(kind)), "{wrong} {error}");
    }
    let q = json!({"a": {}});
    assert_eq!(socket.ask(json!({"op": "add-query", "q": q})).await["op"], "add-query-ok");
    assert_eq!(
        socket.ask(json!({"op": "add-query", "q": q})).await,
        json!({"op": "add-query-exists", "q": q, "client-event-id": socket_id(&socket)})
    );
    assert_eq!(socket.ask(json!({"op": "remove-query", "q": q})).await["op"], "remove-query-ok");
    assert_eq!(socket.ask(json!({"op": "add-query", "q": q})).await["op"], "add-query-ok");
}

fn socket_id(socket: &Socket) -> String {
    socket.last_event()
}

async fn a_resent_transaction_is_done_once(server: TestServer) {
    transact(&server, json!([["update", "notes", id(&server), {"text": "a"}]])).await;
    let mut socket = backend(&server).await;
    let attrs = socket.attrs();
    let note = id(&server);
    let write = json!({"op": "transact", "client-event-id": id(&server), "tx-steps": [
        ["add-triple", note, attrs["notes.id"], note],
        ["add-triple", note, attrs["notes.text"], "b"],
    ]});
    let first = socket.ask(write.clone()).await;
    assert_eq!(first["op"], "transact-ok", "{first}");
    transact(&server, json!([["update", "notes", note, {"text": "c"}]])).await;
    drop(socket);
    let mut again = backend(&server).await;
    assert_eq!(again.ask(write).await["tx-id"], first["tx-id"], "the same answer");
    let now = query(&server, &json!({"notes": {"$": {"where": {"id": note}}}})).await;
    assert_eq!(now["notes"][0]["text"], "c", "and nothing done");
}

async fn nothing_is_sent_when_nothing_changed(server: TestServer) {
    let (mine, other) = (id(&server), id(&server));
    transact(
        &server,
        json!([["update", "notes", mine, {"text": "a", "n": 1}], ["update", "notes", other, {"text": "x"}]]),
    )
    .await;
    let mut socket = backend(&server).await;
    let q = json!({"notes": {"$": {"where": {"id": mine}, "fields": ["text"]}}});
    let first = socket.subscribe(&q).await;
    assert_eq!(first, json!({"notes": [{"id": mine, "text": "a"}]}));
    transact(&server, json!([["update", "notes", other, {"text": "y"}]])).await;
    transact(&server, json!([["update", "notes", mine, {"text": "a"}]])).await;
    transact(&server, json!([["update", "notes", mine, {"n": 2}]])).await;
    transact(&server, json!([["update", "notes", mine, {"text": "b"}]])).await;
    assert_eq!(socket.refreshed(&q).await["notes"][0]["text"], "b", "the first that is told");
    assert!(socket.rest().await.is_empty());
}

async fn an_own_write_is_told_even_if_nothing_changed(server: TestServer) {
    let (mine, other) = (id(&server), id(&server));
    let steps = json!([["update", "notes", mine, {"text": "a"}], ["update", "notes", other, {"text": "x"}]]);
    transact(&server, steps).await;
    let (mut writer, mut watcher) = (backend(&server).await, backend(&server).await);
    let q = json!({"notes": {"$": {"where": {"id": mine}}}});
    writer.subscribe(&q).await;
    watcher.subscribe(&q).await;
    let attrs = writer.attrs();
    // One that no query looks at, and one that gives what is there already.
    for (note, text) in [(&other, "y"), (&mine, "a")] {
        let steps = json!([["add-triple", note, attrs["notes.text"], text]]);
        let done = writer.ask(json!({"op": "transact", "tx-steps": steps})).await;
        assert_eq!(done["op"], "transact-ok", "{done}");
        let wanted = done["tx-id"].as_i64();
        writer.find(|m| m["op"] == "refresh-ok" && m["processed-tx-id"].as_i64() >= wanted).await;
    }
    assert!(watcher.rest().await.is_empty(), "others have nothing to settle");
}

async fn new_attrs_come_before_what_needs_them(server: TestServer) {
    let mut socket = backend(&server).await;
    let q = json!({"birds": {}});
    assert_eq!(socket.subscribe(&q).await, json!({"birds": []}));
    let bird = id(&server);
    transact(&server, json!([["update", "birds", bird, {"name": "wren"}]])).await;
    let attrs = socket.op("refresh-ok").await;
    let names: Vec<_> =
        attrs["attrs"].as_array().expect("attrs first").iter().map(|a| &a["forward-identity"][2]).collect();
    assert!(names.contains(&&json!("name")), "{attrs}");
    assert_eq!(socket.refreshed(&q).await, json!({"birds": [{"id": bird, "name": "wren"}]}));
}

async fn rules_hold_for_live_results_and_changed_ones_too(server: TestServer) {
    let (alice, bob) = (server.data_user("alice@example.org").await, server.data_user("bob@example.org").await);
    server.data_rules(&json!({"notes": {"allow": {"view": "auth.id == data.owner"}}})).await;
    let note = |owner: &str, text: &str| json!(["update", "notes", id(&server), {"owner": owner, "text": text}]);
    transact(&server, json!([note(&alice.id, "hers"), note(&bob.id, "his")])).await;
    let open = async |token: &str| Socket::init(&server.url(), &server.lax.id, json!({"refresh-token": token})).await;
    let (mut hers, mut his) = (open(&alice.token).await, open(&bob.token).await);
    let mut guest = Socket::init(&server.url(), &server.lax.id, json!({})).await;
    let q = json!({"notes": {"$": {"fields": ["text"]}}});
    let texts = |result: &Value| -> Vec<String> {
        let list = result["notes"].as_array().expect("a list");
        let mut texts: Vec<_> = list.iter().map(|n| n["text"].as_str().unwrap_or_default().to_owned()).collect();
        texts.sort();
        texts
    };
    assert_eq!(texts(&hers.subscribe(&q).await), ["hers"]);
    assert_eq!(texts(&his.subscribe(&q).await), ["his"]);
    assert_eq!(texts(&guest.subscribe(&q).await), [""; 0]);
    transact(&server, json!([note(&bob.id, "his second")])).await;
    assert_eq!(texts(&his.refreshed(&q).await), ["his", "his second"]);
    assert!(hers.rest().await.is_empty());
    // Triples hold no more than trees.
    let rows = hers.ask(json!({"op": "add-query", "q": q})).await;
    assert!(rows.to_string().contains("hers") && !rows.to_string().contains("his"), "{rows}");
    server.data_rules(&json!({"notes": {"allow": {"view": "true"}}})).await;
    assert_eq!(texts(&guest.refreshed(&q).await), ["hers", "his", "his second"]);
    server.data_rules(&json!({"notes": {"allow": {"view": "false", "create": "false"}}})).await;
    assert_eq!(texts(&guest.refreshed(&q).await), [""; 0]);
    let attrs = guest.attrs();
    let note = id(&server);
    let denied =
        guest.ask(json!({"op": "transact", "tx-steps": [["add-triple", note, attrs["notes.id"], note]]})).await;
    assert_eq!((&denied["op"], &denied["type"]), (&json!("error"), &json!("permission-denied")));
}

async fn whoever_is_signed_out_loses_the_connection(server: TestServer) {
    let alice = server.data_user("alice@example.org").await;
    let other = server.data_token(&alice.id).await;
    let open = async |token: &str| Socket::init(&server.url(), &server.lax.id, json!({"refresh-token": token})).await;
    let (mut first, mut second) = (open(&alice.token).await, open(&other).await);
    server.data_sign_out(&alice.token).await;
    while first.next().await.is_some() {}
    assert_eq!(second.ask(json!({"op": "remove-query", "q": {}})).await["op"], "remove-query-ok");
    let mut again = Socket::open(&server.url(), &server.lax.id).await;
    let init = json!({"op": "init", "app-id": server.lax.id, "refresh-token": alice.token});
    assert_eq!(again.ask(init).await["hint"]["record-type"], "app-user");
    // The backend ends one token, or all of a person; how its digits are written does not matter.
    let third = server.data_token(&alice.id).await;
    let mut third_open = open(&third.to_uppercase()).await;
    admin(&server, &server.url(), "/admin/sign_out", &json!({"refresh_token": third})).await;
    while third_open.next().await.is_some() {}
    assert_eq!(second.ask(json!({"op": "remove-query", "q": {}})).await["op"], "remove-query-ok");
    admin(&server, &server.url(), "/admin/sign_out", &json!({"email": "alice@example.org"})).await;
    while second.next().await.is_some() {}
}

async fn a_room_is_seen_by_those_who_joined(server: TestServer) {
    let alice = server.data_user("alice@example.org").await;
    let mut a = Socket::init(&server.url(), &server.lax.id, json!({"refresh-token": alice.token})).await;
    let mut b = Socket::init(&server.url(), &server.lax.id, json!({})).await;
    let join = |data: Value| json!({"op": "join-room", "room-type": "chat", "room-id": "r", "data": data});
    assert_eq!(a.ask(join(json!({"name": "a"}))).await["op"], "join-room-ok");
    let whole = a.op("refresh-presence").await;
    let (session, shown) = whole["data"].as_object().and_then(|peers| peers.iter().next()).expect("a alone");
    assert_eq!(
        (&shown["user"]["id"], &shown["data"], &shown["peer-id"]),
        (&json!(alice.id), &json!({"name": "a"}), &json!(session))
    );
    b.ask(join(json!({}))).await;
    assert_eq!(b.op("refresh-presence").await["data"].as_object().map(serde_json::Map::len), Some(2));
    // The own entry comes too; clients leave it out.
    let came = a.find(|m| m["op"] == "patch-presence" && m["edits"][0][0][0] != **session).await;
    assert_eq!((&came["edits"][0][1], &came["edits"][0][2]["user"]), (&json!("+"), &Value::Null));
    b.ask(json!({"op": "set-presence", "room-id": "r", "data": {"x": 1}})).await;
    b.ask(json!({"op": "set-presence", "room-id": "r", "data": {"x": 1, "y": 2}})).await;
    let mut edits = Vec::new();
    while edits.len() < 2 {
        let told = a.op("patch-presence").await["edits"].as_array().expect("edits").clone();
        edits.extend(told.into_iter().filter(|edit| edit[0][0] != **session));
    }
    assert_eq!((&edits[0][1], &edits[1][0][2], &edits[1][2]), (&json!("+"), &json!("y"), &json!(2)));
    let ok = a
        .ask(json!({"op": "client-broadcast", "room-id": "r", "roomType": "chat", "topic": "t", "data": {"z": 3}}))
        .await;
    assert_eq!((&ok["op"], &ok["data"]), (&json!("client-broadcast-ok"), &json!({"z": 3})));
    let heard = b.op("server-broadcast").await;
    assert_eq!(
        (&heard["topic"], &heard["data"]["data"], &heard["data"]["user"]["id"]),
        (&json!("t"), &json!({"z": 3}), &json!(alice.id))
    );
    assert_eq!(
        a.rest().await.iter().filter(|message| message["op"] == "server-broadcast").count(),
        0,
        "not to the caller"
    );
    let there = server.data_presence("chat", "r").await;
    assert_eq!(there["sessions"].as_object().map(serde_json::Map::len), Some(2));
    assert_eq!(there["sessions"][session]["user"]["email"], "alice@example.org");
    drop(a);
    let gone = b.find(|m| m["op"] == "patch-presence" && m["edits"][0][1] == "-").await;
    assert_eq!(gone["edits"], json!([[[session], "-"]]));
    // Too much of anything is an error, and no end.
    let big = json!({"op": "set-presence", "room-id": "r", "data": "x".repeat(100_000)});
    assert_eq!(b.ask(big).await["type"], "parameter-limit-exceeded");
}

async fn one_computation_serves_all(server: TestServer) {
    let note = id(&server);
    transact(&server, json!([["update", "notes", note, {"text": "a"}]])).await;
    let q = json!({"notes": {}});
    let mut sockets = Vec::new();
    for _ in 0..20 {
        let mut socket = backend(&server).await;
        socket.subscribe(&q).await;
        sockets.push(socket);
    }
    let live = server.app().live.hub.find(&server.lax.id).expect("live");
    assert_eq!(live.queries(), 1);
    transact(&server, json!([["update", "notes", note, {"text": "b"}]])).await;
    for socket in &mut sockets {
        assert_eq!(socket.refreshed(&q).await["notes"][0]["text"], "b");
    }
    drop(sockets);
    server.until(async || live.queries() == 0).await;
}

async fn events_carry_what_sockets_carry(server: TestServer) {
    let mut events = server.data_events("GET", "/runtime/sse").await;
    let init = events.next().await;
    assert_eq!(init["op"], "sse-init");
    let push = async |messages: Value, token: &Value| {
        let body = json!({"machine_id": init["machine-id"], "session_id": init["session-id"], "sse_token": token, "messages": messages});
        server
            .http()
            .post(format!("{}/runtime/sse", server.url()))
            .json(&body)
            .send()
            .await
            .expect("an answer")
            .status()
            .as_u16()
    };
    let message = json!([{"op": "init", "app-id": server.lax.id, "client-event-id": "1"}]);
    assert_eq!(push(message.clone(), &json!("wrong")).await, 400);
    assert_eq!(push(message, &init["sse-token"]).await, 200);
    assert_eq!(events.next().await["op"], "init-ok");
    assert_eq!(
        push(json!([{"op": "add-query", "q": {"a": {}}, "client-event-id": "2"}]), &init["sse-token"]).await,
        200
    );
    assert_eq!(events.next().await["op"], "add-query-ok");
    drop(events);
    let body = json!({"query": {"notes": {"$": {"where": {"id": 7}}}}});
    let refused = server
        .http()
        .post(format!("{}/admin/subscribe-query", server.url()))
        .header("app-id", &server.lax.id)
        .json(&body);
    assert_eq!(refused.send().await.expect("an answer").status().as_u16(), 400, "without a token");
    admin(&server, &server.url(), "/admin/query", &json!({"query": {}})).await;
}

async fn whoever_asks_for_a_socket_in_vain_is_answered(server: TestServer) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let ask = async |method: &str, path: &str, more: &str| -> String {
        let address = server.url().strip_prefix("http://").expect("http").to_owned();
        let mut stream = tokio::net::TcpStream::connect(&address).await.expect("connected");
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n{more}\r\n"
        );
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        // The server closes: nobody reads further requests on such a connection.
        stream.read_to_string(&mut answer).await.expect("read");
        answer
    };
    let version = "sec-websocket-version: 13\r\n";
    let session = format!("/runtime/session?app_id={}", server.lax.id);
    for (method, path, more, status) in [
        ("GET", "/runtime/session", version, "400"),
        ("GET", session.as_str(), "", "400"),
        ("GET", session.as_str(), version, "400"),
        ("GET", "/nowhere", version, "404"),
        ("GET", "/api/v1/nowhere", version, "404"),
        ("GET", "/health", version, "200"),
        ("HEAD", "/health", version, "200"),
    ] {
        let answer = ask(method, path, more).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{method} {path} {answer}");
        assert!(answer.contains("connection: close\r\n"), "{answer}");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
        let wanted = if method == "HEAD" { 0 } else { length.parse().expect("a number") };
        assert_eq!(body.len(), wanted, "{answer}");
    }
    assert_eq!(server.app().live.sessions.len(), 0, "nobody is left behind");
}

async fn large_and_many_messages_go_both_ways(server: TestServer) {
    let mut socket = backend(&server).await;
    let note = id(&server);
    // A message of many reads, and an answer of many writes.
    let text = "Zeichen".repeat(400_000);
    transact(&server, json!([["update", "notes", note, {"text": ""}]])).await;
    let mut late = backend(&server).await;
    let q = json!({"notes": {}});
    late.subscribe(&q).await;
    let attrs = late.attrs();
    let write = json!({"op": "transact", "tx-steps": [["add-triple", note, attrs["notes.text"], text]]});
    assert_eq!(socket.ask(write).await["op"], "transact-ok");
    assert_eq!(late.refreshed(&q).await["notes"][0]["text"], *text);
    // More answers than are written at once, asked for at once.
    for n in 0..200 {
        socket.send(&json!({"op": "remove-query", "q": {"n": n}}).to_string()).await;
    }
    for n in 0..200 {
        assert_eq!(socket.op("remove-query-ok").await["q"], json!({"n": n}), "in order");
    }
}
