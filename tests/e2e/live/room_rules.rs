//! Rules for rooms (`$rooms`): who may join, show something and call out; also when they change.

use e2e::socket::Socket;
use e2e::{TestServer, both};
use serde_json::{Value, json};

use super::{backend, id, transact};

both! {
    wrong_rules_for_rooms_are_refused_when_they_are_pushed,
    rules_say_who_may_join_show_and_call,
    changed_rules_reach_whoever_is_inside,
    presence_over_http_is_for_who_may_join
}

fn join(kind: &str, room: &str, data: Value) -> Value {
    json!({"op": "join-room", "room-type": kind, "room-id": room, "data": data})
}

async fn open(server: &TestServer, token: &str) -> Socket {
    Socket::init(&server.url(), &server.lax.id, json!({"refresh-token": token})).await
}

async fn guest(server: &TestServer) -> Socket {
    Socket::init(&server.url(), &server.lax.id, json!({})).await
}

/// Who a message about a whole room names.
fn peers(message: &Value) -> usize {
    assert_eq!(message["op"], "refresh-presence", "{message}");
    message["data"].as_object().map_or(0, serde_json::Map::len)
}

async fn wrong_rules_for_rooms_are_refused_when_they_are_pushed(server: TestServer) {
    let push = async |rooms: Value| -> Value {
        let call = server.http().post(format!("{}/dash/apps/{}/rules", server.url(), server.lax.id));
        let call = call.bearer_auth(&server.lax.admin).json(&json!({"code": {"$rooms": rooms}}));
        call.send().await.expect("an answer").json().await.expect("JSON")
    };
    for (wrong, at) in [
        (json!(7), json!(["$rooms"])),
        (json!({"chat": 7}), json!(["$rooms", "chat"])),
        (json!({"chat": {"fields": {}}}), json!(["$rooms", "chat", "fields"])),
        (json!({"chat": {"allow": {"view": "true"}}}), json!(["$rooms", "chat", "allow", "view"])),
        (json!({"chat": {"allow": {"join": 7}}}), json!(["$rooms", "chat", "allow", "join"])),
        (json!({"chat": {"allow": {"join": "auth.id =="}}}), json!(["$rooms", "chat", "allow", "join"])),
        (json!({"chat": {"allow": {"$default": "nobody"}}}), json!(["$rooms", "chat", "allow", "$default"])),
        (json!({"chat": {"allow": {"join": "data.ref('a.b') == []"}}}), json!(["$rooms", "chat", "allow", "join"])),
        (json!({"$default": {"bind": ["a"]}}), json!(["$rooms", "$default", "bind"])),
    ] {
        let told = push(wrong.clone()).await;
        assert_eq!(
            (&told["type"], &told["hint"]["errors"][0]["in"]),
            (&json!("validation-failed"), &at),
            "{wrong} {told}"
        );
    }
    let right = json!({"chat": {"bind": ["isUser", "auth.id != null"], "allow": {"join": "isUser", "$default": true}}});
    assert_eq!(push(right.clone()).await["rules"]["code"]["$rooms"], right);
}

async fn rules_say_who_may_join_show_and_call(server: TestServer) {
    let (alice, bob) = (server.data_user("alice@example.org").await, server.data_user("bob@example.org").await);
    let team = id(&server);
    let link = |action: &str, user: &str| json!([[action, "teams", team, {"members": user}]]);
    transact(&server, json!([["update", "teams", team, {"name": "reds"}]])).await;
    let attr = json!([["add-attr", {
        "id": id(&server), "forward-identity": [id(&server), "teams", "members"], "reverse-identity": [id(&server), "$users", "teams"],
        "value-type": "ref", "cardinality": "many", "unique?": false, "index?": false,
    }]]);
    transact(&server, attr).await;
    transact(&server, link("link", &alice.id)).await;
    server
        .data_rules(&json!({"$rooms": {
            "team": {"allow": {
                "join": "data.id in auth.ref('$user.teams.id')",
                "presence": "newData.name == auth.email",
                "broadcast": "data.topic == 'wave' && newData.to != 'nobody'",
            }},
            "open": {"allow": {"broadcast": "false"}},
            "$default": {"allow": {"$default": "false"}},
        }}))
        .await;
    let (mut hers, mut his, mut guest) =
        (open(&server, &alice.token).await, open(&server, &bob.token).await, guest(&server).await);
    let named = json!({"name": "alice@example.org"});
    assert_eq!(hers.ask(join("team", &team, named.clone())).await["op"], "join-room-ok");
    assert_eq!(peers(&hers.op("refresh-presence").await), 1);
    for socket in [&mut his, &mut guest] {
        for kind in ["team", "other", ""] {
            let mut wish = join(kind, &team, json!({}));
            if kind.is_empty() {
                wish = json!({"op": "join-room", "room-id": team});
            }
            let error = socket.ask(wish).await;
            assert_eq!(
                (&error["op"], &error["type"]),
                (&json!("join-room-error"), &json!("permission-denied")),
                "{kind} {error}"
            );
        }
        // A room of the same id and another type is another room.
        assert_eq!(socket.ask(join("open", &team, json!({"x": 1}))).await["op"], "join-room-ok");
        assert!(!socket.op("refresh-presence").await.to_string().contains("alice"));
        let call = json!({"op": "client-broadcast", "room-id": team, "topic": "wave", "data": {}});
        assert_eq!(socket.ask(call).await["type"], "permission-denied");
    }
    // What she shows and calls out.
    let show = |data: Value| json!({"op": "set-presence", "room-id": team, "data": data});
    assert_eq!(hers.ask(show(json!({"name": "bob@example.org"}))).await["type"], "permission-denied");
    assert_eq!(hers.ask(show(json!({}))).await["op"], "set-presence-ok");
    assert_eq!(hers.ask(show(named.clone())).await["op"], "set-presence-ok");
    let call =
        |topic: &str, data: Value| json!({"op": "client-broadcast", "room-id": team, "topic": topic, "data": data});
    for (topic, data, wanted) in [
        ("shout", json!({}), "error"),
        ("wave", json!({"to": "nobody"}), "error"),
        ("wave", json!({"to": "all"}), "client-broadcast-ok"),
        ("wave", json!("text"), "client-broadcast-ok"),
    ] {
        assert_eq!(hers.ask(call(topic, data.clone())).await["op"], wanted, "{topic} {data}");
    }
    // Backends are not asked. The link that the rule looks at is looked at as it is now.
    let mut admin = backend(&server).await;
    assert_eq!(admin.ask(join("other", "r", json!({"any": 1}))).await["op"], "join-room-ok");
    transact(&server, link("link", &bob.id)).await;
    his.ask(json!({"op": "leave-room", "room-id": team})).await;
    assert_eq!(
        his.ask(join("team", &team, json!({"name": "alice@example.org"}))).await["op"],
        "join-room-error",
        "not his name"
    );
    assert_eq!(his.ask(join("team", &team, json!({}))).await["op"], "join-room-ok");
    transact(&server, link("unlink", &alice.id)).await;
    assert_eq!(hers.ask(show(named)).await["type"], "permission-denied");
    let told = hers.find(|m| m["op"] == "refresh-presence" && m["data"] == json!({})).await;
    assert_eq!(told["room-id"], *team);
    assert_eq!(hers.op("join-room-error").await["room-id"], *team);
    his.find(|m| m["op"] == "patch-presence" && m["edits"][0][1] == "-").await;
    assert_eq!(hers.ask(call("wave", json!({}))).await["type"], "validation-failed", "she is not inside");
}

async fn changed_rules_reach_whoever_is_inside(server: TestServer) {
    let alice = server.data_user("alice@example.org").await;
    let (mut hers, mut his) = (open(&server, &alice.token).await, guest(&server).await);
    hers.ask(join("chat", "r", json!({"name": "a"}))).await;
    hers.op("refresh-presence").await;
    // Without rules the type is no part of the name.
    his.ask(join("talk", "r", json!({"name": "b"}))).await;
    assert_eq!(peers(&his.op("refresh-presence").await), 2);
    server.data_rules(&json!({"$rooms": {"chat": {"allow": {"join": "auth.id != null"}}}})).await;
    // Each has a room of his own now.
    hers.find(|m| m["op"] == "refresh-presence" && m["data"].as_object().map(serde_json::Map::len) == Some(1)).await;
    his.find(|m| m["op"] == "refresh-presence" && m["data"].as_object().map(serde_json::Map::len) == Some(1)).await;
    let error = his.ask(join("chat", "r", json!({}))).await;
    assert_eq!((&error["op"], &error["type"]), (&json!("join-room-error"), &json!("permission-denied")));
    let show = json!({"op": "set-presence", "room-id": "r", "data": {"name": "c"}});
    assert_eq!(his.ask(show.clone()).await["op"], "set-presence-ok", "he is still in the other");
    assert_eq!(hers.ask(show.clone()).await["op"], "set-presence-ok");
    server.data_rules(&json!({"$rooms": {"$default": {"allow": {"join": "auth.id != null"}}}})).await;
    his.find(|m| m["op"] == "refresh-presence" && m["data"] == json!({})).await;
    assert_eq!(his.op("join-room-error").await["type"], "permission-denied");
    assert_eq!(his.ask(show.clone()).await["type"], "validation-failed");
    assert_eq!(hers.ask(show).await["op"], "set-presence-ok");
    // And back.
    server.data_rules(&json!({})).await;
    hers.find(|m| m["op"] == "refresh-presence").await;
    assert_eq!(his.ask(join("talk", "r", json!({}))).await["op"], "join-room-ok");
    assert_eq!(peers(&his.op("refresh-presence").await), 2);
    drop(hers);
    his.find(|m| m["op"] == "patch-presence" && m["edits"][0][1] == "-").await;
}

async fn presence_over_http_is_for_who_may_join(server: TestServer) {
    let alice = server.data_user("alice@example.org").await;
    let mut hers = open(&server, &alice.token).await;
    hers.ask(join("chat", "r", json!({"name": "a"}))).await;
    let look = async |kind: &str, header: (&str, &str)| -> Value {
        let url = format!("{}/admin/rooms/presence?room-type={kind}&room-id=r", server.url());
        let call = server.http().get(url).header("app-id", &server.lax.id).header(header.0, header.1);
        call.send().await.expect("an answer").json().await.expect("JSON")
    };
    let (token, as_guest) = (("as-token", alice.token.as_str()), ("as-guest", "true"));
    // Without rules it is for backends.
    for who in [token, as_guest] {
        assert_eq!(look("chat", who).await["type"], "permission-denied");
    }
    server.data_rules(&json!({"$rooms": {"chat": {"allow": {"join": "auth.id != null"}}}})).await;
    server
        .until(async || !server.data_presence("chat", "r").await["sessions"].as_object().expect("peers").is_empty())
        .await;
    assert!(server.data_presence("chat", "r").await.to_string().contains("alice@example.org"));
    assert_eq!(server.data_presence("talk", "r").await["sessions"], json!({}), "another room");
    let seen = look("chat", token).await;
    let peer = seen["sessions"].as_object().and_then(|peers| peers.values().next()).expect("a peer");
    assert_eq!(
        (&peer["user"], &peer["data"]),
        (&json!({"id": alice.id}), &json!({"name": "a"})),
        "as in the room itself"
    );
    assert_eq!(look("chat", as_guest).await["type"], "permission-denied");
    assert_eq!(look("chat", ("x", "y")).await["type"], "param-missing");
}
