//! Copies of namespaces (`start-sync`), message by message, held by a client that does with them what the real one does. The real
//! client is in `tests/clients_live/copies.test.mjs`.

use std::collections::BTreeMap;

use e2e::socket::Socket;
use e2e::{Setup, TestServer, both};
use keystead_server::config::Config;
use serde_json::{Map, Value, json};

use super::{backend, id, query, transact};

both! {
    whatever_is_wrong_with_a_copy_is_told,
    a_copy_follows_and_catches_up,
    what_the_log_cannot_tell_is_loaded_anew,
    rules_hold_for_copies,
    new_attrs_and_changed_rules_reach_copies
}

both! { copies_count_as_live_queries; with Setup::default().with(few) }

fn few(config: &mut Config) {
    config.live.queries_per_connection = 2;
}

/// A client's copy of the namespace `notes`.
#[derive(Default)]
pub(super) struct Copy {
    id: Value,
    token: Value,
    tx_id: Value,
    /// Values by attr, by entity.
    rows: BTreeMap<String, Map<String, Value>>,
}

impl Copy {
    /// Loads it.
    pub(super) async fn load(socket: &mut Socket, q: &Value) -> Self {
        let ok = socket.ask(json!({"op": "start-sync", "q": q})).await;
        assert_eq!((&ok["op"], &ok["q"]), (&json!("start-sync-ok"), q), "{ok}");
        let mut copy = Self { id: ok["subscription-id"].clone(), token: ok["token"].clone(), ..Self::default() };
        loop {
            let message = socket.find(|message| message["subscription-id"] == copy.id).await;
            if message["op"] == "sync-init-finish" {
                copy.tx_id = message["tx-id"].clone();
                return copy;
            }
            assert_eq!(message["op"], "sync-load-batch");
            for triple in
                message["join-rows"].as_array().expect("entities").iter().flat_map(|e| e.as_array().expect("triples"))
            {
                copy.change("added", triple);
            }
        }
    }

    fn change(&mut self, action: &str, triple: &Value) {
        let (entity, attr) = (triple[0].as_str().expect("an id").to_owned(), triple[1].as_str().expect("an id"));
        let row = self.rows.entry(entity.clone()).or_default();
        match action {
            "added" => drop(row.insert(attr.to_owned(), triple[2].clone())),
            "removed" if row.get(attr) == Some(&triple[2]) => drop(row.remove(attr)),
            "removed" => {}
            other => panic!("{other}"),
        }
        // An entity is there as long as its id is.
        if !row.values().any(|value| *value == *entity) {
            self.rows.remove(&entity);
        }
    }

    pub(super) fn apply(&mut self, message: &Value) {
        assert_eq!(
            (&message["op"], &message["subscription-id"]),
            (&json!("sync-update-triples"), &self.id),
            "{message}"
        );
        for tx in message["txes"].as_array().expect("transactions") {
            assert!(tx["tx-id"].as_i64() > self.tx_id.as_i64(), "{message}");
            self.tx_id = tx["tx-id"].clone();
            for change in tx["changes"].as_array().expect("changes") {
                self.change(change["action"].as_str().expect("a word"), &change["triple"]);
            }
        }
    }

    /// Follows until it holds what `wanted` says.
    async fn until(&mut self, socket: &mut Socket, wanted: impl Fn(&Self) -> bool) {
        while !wanted(self) {
            let message = socket.op("sync-update-triples").await;
            self.apply(&message);
        }
    }

    /// Asks for what was missed.
    pub(super) async fn resync(&mut self, socket: &mut Socket) -> Value {
        let resync = json!({
            "op": "resync-table", "subscription-id": self.id, "tx-id": self.tx_id, "token": self.token,
        });
        let answer = socket.ask(resync).await;
        if answer["op"] == "sync-update-triples" {
            self.apply(&answer);
        }
        answer
    }

    /// The values of all entities by label, as a fresh query gives them.
    pub(super) fn shown(&self, socket: &Socket) -> Value {
        let attrs = socket.attrs();
        let labels: BTreeMap<&str, &str> = attrs
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(name, id)| Some((id.as_str()?, name.split_once('.')?.1)))
            .collect();
        let named = |row: &Map<String, Value>| -> Value {
            row.iter()
                .map(|(attr, value)| (labels[attr.as_str()].to_owned(), value.clone()))
                .collect::<Map<_, _>>()
                .into()
        };
        self.rows.iter().map(|(id, row)| (id.clone(), named(row))).collect::<Map<_, _>>().into()
    }
}

/// What a fresh query gives, by id.
async fn fresh(server: &TestServer) -> Value {
    let notes = query(server, &json!({"notes": {}})).await;
    let notes = notes["notes"].as_array().expect("a list").iter();
    notes.map(|note| (note["id"].as_str().expect("an id").to_owned(), note.clone())).collect::<Map<_, _>>().into()
}

fn all() -> Value {
    json!({"notes": {}})
}

async fn whatever_is_wrong_with_a_copy_is_told(server: TestServer) {
    transact(&server, json!([["update", "notes", id(&server), {"text": "a"}]])).await;
    let mut socket = backend(&server).await;
    for (wrong, kind) in [
        (json!({"op": "start-sync"}), "param-missing"),
        (json!({"op": "start-sync", "q": "notes"}), "validation-failed"),
        (json!({"op": "start-sync", "q": {}}), "validation-failed"),
        (json!({"op": "start-sync", "q": {"$$ruleParams": {}}}), "validation-failed"),
        (json!({"op": "start-sync", "q": {"notes": {}, "tags": {}}}), "validation-failed"),
        (json!({"op": "start-sync", "q": {"notes": []}}), "validation-failed"),
        (json!({"op": "start-sync", "q": {"notes": {"tags": {}}}}), "validation-failed"),
        (json!({"op": "start-sync", "q": {"notes": {"$": 7}}}), "validation-failed"),
        (json!({"op": "start-sync", "q": {"notes": {"$": {"limit": 1}}}}), "validation-failed"),
        (json!({"op": "start-sync", "q": {"notes": {"$": {"where": {"text": "a"}}}}}), "validation-failed"),
        (json!({"op": "start-sync", "q": {"notes": {"$": {"order": {"nothing": "asc"}}}}}), "validation-failed"),
        (json!({"op": "resync-table"}), "param-missing"),
        (json!({"op": "resync-table", "subscription-id": "x"}), "param-missing"),
        (json!({"op": "resync-table", "subscription-id": "", "tx-id": 1, "token": "x"}), "param-malformed"),
        (
            json!({"op": "resync-table", "subscription-id": "x".repeat(101), "tx-id": 1, "token": "x"}),
            "param-malformed",
        ),
        (json!({"op": "resync-table", "subscription-id": "x", "tx-id": "1", "token": "x"}), "param-malformed"),
        (json!({"op": "resync-table", "subscription-id": "x", "tx-id": 1, "token": "no token"}), "param-malformed"),
        (json!({"op": "resync-table", "subscription-id": "x", "tx-id": 1, "token": "e30"}), "param-malformed"),
        (json!({"op": "remove-sync"}), "param-missing"),
    ] {
        let error = socket.ask(wrong.clone()).await;
        assert_eq!((&error["op"], &error["type"]), (&json!("error"), &json!(kind)), "{wrong} {error}");
        assert_eq!(error["original-event"]["op"], wrong["op"]);
    }
    let ok = socket.ask(json!({"op": "remove-sync", "subscription-id": "unknown"})).await;
    assert_eq!(ok["op"], "remove-sync-ok");
    // A namespace that is not there is an empty copy.
    let empty = Copy::load(&mut socket, &json!({"nothing": {}})).await;
    assert!(empty.rows.is_empty());
}

async fn a_copy_follows_and_catches_up(server: TestServer) {
    let notes: Vec<String> = (0..40).map(|_| id(&server)).collect();
    let tag = id(&server);
    let steps = |notes: &[String], text: &str| -> Vec<Value> {
        notes.iter().map(|note| json!(["update", "notes", note, {"text": text, "n": {"deep": [1]}}])).collect()
    };
    transact(&server, json!([["update", "tags", tag, {"t": 0}]])).await;
    // More than one batch.
    transact(&server, json!(steps(&notes, &"x".repeat(8_000)))).await;
    let mut socket = backend(&server).await;
    let mut copy = Copy::load(&mut socket, &all()).await;
    assert_eq!(copy.shown(&socket), fresh(&server).await);

    transact(&server, json!(steps(&notes[..2], "changed"))).await;
    transact(&server, json!([["delete", "notes", notes[2], null], ["update", "notes", tag, {"text": "new"}]])).await;
    copy.until(&mut socket, |copy| copy.rows.len() == 40 && copy.rows.contains_key(&tag)).await;
    assert_eq!(copy.shown(&socket), fresh(&server).await);
    // What does not concern it is not told, nor what changes nothing.
    transact(&server, json!([["update", "tags", tag, {"t": 1}]])).await;
    transact(&server, json!(steps(&notes[..2], "changed"))).await;
    assert!(socket.rest().await.iter().all(|message| message["op"] != "sync-update-triples"));
    // Asking again on the same connection is harmless.
    assert_eq!(copy.resync(&mut socket).await["txes"], json!([]));

    // The line drops. Meanwhile: changed, deleted, new, new and deleted.
    drop(socket);
    transact(&server, json!(steps(&notes[3..6], "meanwhile"))).await;
    let (came, went) = (id(&server), id(&server));
    transact(&server, json!([["delete", "notes", notes[6], null], ["update", "notes", came, {"text": "came"}]])).await;
    transact(&server, json!([["update", "notes", went, {"text": "went"}]])).await;
    transact(&server, json!([["delete", "notes", went, null]])).await;
    let mut socket = backend(&server).await;
    let answer = copy.resync(&mut socket).await;
    assert_eq!(answer["txes"].as_array().map(Vec::len), Some(1), "{answer}");
    assert!(!answer.to_string().contains(&went), "{answer}");
    assert!(!answer.to_string().contains(&notes[0]), "only what changed: {answer}");
    assert_eq!(copy.shown(&socket), fresh(&server).await);
    // And it goes on.
    transact(&server, json!(steps(&notes[3..4], "after"))).await;
    copy.until(&mut socket, |copy| copy.rows[&notes[3]].values().any(|v| v == "after")).await;
    assert_eq!(copy.shown(&socket), fresh(&server).await);

    // Nothing happened: nothing is told. Later nothing is told of what is not held any more.
    drop(socket);
    let mut socket = backend(&server).await;
    assert_eq!(copy.resync(&mut socket).await["txes"], json!([]));
    let removed = socket.ask(json!({"op": "remove-sync", "subscription-id": copy.id, "keep-subscription": true})).await;
    assert_eq!(removed["op"], "remove-sync-ok");
    transact(&server, json!(steps(&notes[7..8], "unheard"))).await;
    assert!(socket.rest().await.iter().all(|message| message["op"] != "sync-update-triples"));
    assert_eq!(copy.resync(&mut socket).await["txes"].as_array().map(Vec::len), Some(1));
    assert_eq!(copy.shown(&socket), fresh(&server).await);
    let live = server.app().live.hub.find(&server.lax.id).expect("live");
    drop(socket);
    server.until(async || live.queries() == 0).await;
}

async fn what_the_log_cannot_tell_is_loaded_anew(server: TestServer) {
    let (note, other) = (id(&server), id(&server));
    let steps = json!([["update", "notes", note, {"text": "a"}], ["update", "notes", other, {"text": "b"}]]);
    transact(&server, steps).await;
    let mut socket = backend(&server).await;
    let attrs = socket.attrs();
    let mut copy = Copy::load(&mut socket, &all()).await;
    // Another's copy, and one from the future.
    let mut guest = Socket::init(&server.url(), &server.lax.id, json!({})).await;
    assert_eq!(copy.resync(&mut guest).await["type"], "record-expired");
    let now = copy.tx_id.clone();
    copy.tx_id = json!(now.as_i64().expect("a number") + 10);
    drop(socket);
    let mut socket = backend(&server).await;
    let error = copy.resync(&mut socket).await;
    assert_eq!((&error["type"], &error["original-event"]["subscription-id"]), (&json!("record-expired"), &copy.id));
    copy.tx_id = now;
    // A value that goes without another one: the log does not know what it was.
    let retract = json!([["retract-triple", other, attrs["notes.text"], "b"]]);
    assert_eq!(socket.ask(json!({"op": "transact", "tx-steps": retract})).await["op"], "transact-ok");
    assert_eq!(copy.resync(&mut socket).await["type"], "record-expired");
    // Whoever follows is told.
    let mut copy = Copy::load(&mut socket, &all()).await;
    let retract = json!([["retract-triple", note, attrs["notes.text"], "a"]]);
    assert_eq!(socket.ask(json!({"op": "transact", "tx-steps": retract})).await["op"], "transact-ok");
    copy.until(&mut socket, |copy| copy.rows[&note].len() == 1).await;
    // Attrs that are new to the client.
    drop(socket);
    transact(&server, json!([["update", "notes", note, {"colour": "red"}]])).await;
    let mut socket = backend(&server).await;
    assert_eq!(copy.resync(&mut socket).await["type"], "record-expired");
    // What has been swept from the log.
    let mut copy = Copy::load(&mut socket, &all()).await;
    drop(socket);
    for text in ["c", "d"] {
        transact(&server, json!([["update", "notes", note, {"text": text}]])).await;
    }
    let swept = copy.tx_id.as_i64().expect("a number") + 1;
    server.database().execute(&format!("DELETE FROM data_transactions WHERE tx_id = {swept}"));
    let mut socket = backend(&server).await;
    assert_eq!(copy.resync(&mut socket).await["type"], "record-expired");
}

async fn rules_hold_for_copies(server: TestServer) {
    let (alice, bob) = (server.data_user("alice@example.org").await, server.data_user("bob@example.org").await);
    let rules = json!({"notes": {"allow": {"view": "auth.id == data.owner"}, "fields": {"secret": "false"}}});
    server.data_rules(&rules).await;
    let (one, two) = (id(&server), id(&server));
    let owned =
        |note: &str, owner: &str| json!(["update", "notes", note, {"owner": owner, "secret": "canary", "text": ""}]);
    transact(&server, json!([owned(&one, &alice.id), owned(&two, &bob.id)])).await;
    let open = async |token: &str| Socket::init(&server.url(), &server.lax.id, json!({"refresh-token": token})).await;
    let (mut hers, mut his) = (open(&alice.token).await, open(&bob.token).await);
    let (mut copy_a, mut copy_b) = (Copy::load(&mut hers, &all()).await, Copy::load(&mut his, &all()).await);
    assert_eq!(copy_a.rows.keys().collect::<Vec<_>>(), [&one]);
    assert!(!copy_a.shown(&hers).to_string().contains("canary"));
    // It changes hands.
    transact(&server, json!([owned(&one, &bob.id)])).await;
    copy_a.until(&mut hers, |copy| copy.rows.is_empty()).await;
    copy_b.until(&mut his, |copy| copy.rows.len() == 2).await;
    // She comes back: nothing that concerns her has happened, then something has.
    drop(hers);
    transact(&server, json!([["update", "notes", two, {"text": "his"}]])).await;
    let mut hers = open(&alice.token).await;
    let answer = copy_a.resync(&mut hers).await;
    assert_eq!(answer["txes"], json!([]), "{answer}");
    drop(hers);
    transact(&server, json!([owned(&two, &alice.id)])).await;
    let mut hers = open(&alice.token).await;
    assert_eq!(copy_a.resync(&mut hers).await["type"], "record-expired");
    assert_eq!(Copy::load(&mut hers, &all()).await.rows.keys().collect::<Vec<_>>(), [&two]);
    // Signed out, the connection ends; the copy is nobody's.
    server.data_sign_out(&alice.token).await;
    while hers.next().await.is_some() {}
    let mut guest = Socket::init(&server.url(), &server.lax.id, json!({})).await;
    assert_eq!(copy_a.resync(&mut guest).await["type"], "record-expired");
    assert!(Copy::load(&mut guest, &all()).await.rows.is_empty());
}

async fn new_attrs_and_changed_rules_reach_copies(server: TestServer) {
    let note = id(&server);
    transact(&server, json!([["update", "notes", note, {"text": "a"}]])).await;
    let mut guest = Socket::init(&server.url(), &server.lax.id, json!({})).await;
    let mut copy = Copy::load(&mut guest, &all()).await;
    assert_eq!(copy.rows.len(), 1);
    server.data_rules(&json!({"notes": {"allow": {"view": "false"}}})).await;
    copy.until(&mut guest, |copy| copy.rows.is_empty()).await;
    server.data_rules(&json!({})).await;
    copy.until(&mut guest, |copy| copy.rows.len() == 1).await;
    // A rule that cannot be evaluated, and its repair.
    server.data_rules(&json!({"notes": {"allow": {"view": "data.text.nothing.more == 1"}}})).await;
    let error = guest.op("error").await;
    assert_eq!(
        (&error["original-event"]["op"], &error["original-event"]["q"]),
        (&json!("start-sync"), &all()),
        "{error}"
    );
    server.data_rules(&json!({})).await;
    let again = guest.op("error").await;
    assert_eq!(again["original-event"], json!({"op": "resync-table", "subscription-id": copy.id}));
    // The client loaded with the attrs of that time: with others it must load again.
    let copy = Copy::load(&mut guest, &all()).await;
    transact(&server, json!([["update", "notes", note, {"colour": "red"}]])).await;
    let again = guest.op("error").await;
    assert_eq!(again["original-event"], json!({"op": "resync-table", "subscription-id": copy.id}));
    let copy = Copy::load(&mut guest, &all()).await;
    assert_eq!(copy.shown(&guest), fresh(&server).await);
}

async fn copies_count_as_live_queries(server: TestServer) {
    let mut socket = backend(&server).await;
    let copy = Copy::load(&mut socket, &json!({"a": {}})).await;
    socket.subscribe(&json!({"b": {}})).await;
    let start = json!({"op": "start-sync", "q": {"c": {}}});
    assert_eq!(socket.ask(start.clone()).await["type"], "parameter-limit-exceeded");
    let query = json!({"op": "add-query", "q": {"c": {}}});
    assert_eq!(socket.ask(query.clone()).await["type"], "parameter-limit-exceeded");
    socket.ask(json!({"op": "remove-sync", "subscription-id": copy.id})).await;
    assert_eq!(socket.ask(start).await["op"], "start-sync-ok");
    assert_eq!(socket.ask(query).await["type"], "parameter-limit-exceeded");
}
