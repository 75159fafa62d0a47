//! Transactions (instant.md section 4).

use e2e::{TestServer, both};
use serde_json::{Value, json};

both! {
    steps_of_the_seed,
    attrs_come_by_themselves_unless_they_must_not,
    modes_say_what_must_be_there,
    lookups_find_and_make,
    merges_are_deep,
    links_go_both_ways_and_cascade,
    unique_values_are_unique,
    a_failed_transaction_leaves_nothing,
    parallel_writers_get_numbers_in_order,
    bad_steps_are_told,
}

const A: &str = "00000000-0000-4000-8000-00000000000a";
const B: &str = "00000000-0000-4000-8000-00000000000b";
const C: &str = "00000000-0000-4000-8000-00000000000c";

async fn steps_of_the_seed(server: TestServer) {
    let app = server.data();
    let first = app
        .transact(json!([
            ["update", "todos", A, {"title": "Get fit", "done": false, "meta": {"n": [1, 2.5, "x", null]}}],
            ["update", "goals", B, {"title": "Health"}],
            ["link", "goals", B, {"todos": A}],
        ]))
        .await;
    assert_eq!(
        app.query(json!({"goals": {"todos": {}}})).await,
        json!({"goals": [{"id": B, "title": "Health",
            "todos": [{"id": A, "title": "Get fit", "done": false, "meta": {"n": [1, 2.5, "x", null]}}]}]})
    );
    let second =
        app.transact(json!([["update", "todos", A, {"done": true}], ["unlink", "goals", B, {"todos": [A]}]])).await;
    assert!(second > first);
    let found = app.query(json!({"goals": {"todos": {}}, "todos": {"$": {"where": {"done": true}}}})).await;
    assert_eq!(found["goals"][0]["todos"], json!([]));
    assert_eq!(found["todos"][0]["title"], "Get fit");
    app.transact(json!([["delete", "todos", A, null]])).await;
    assert_eq!(
        app.query(json!({"todos": {}, "goals": {}})).await,
        json!({"todos": [], "goals": [{"id": B, "title": "Health"}]})
    );
}

async fn attrs_come_by_themselves_unless_they_must_not(server: TestServer) {
    let app = server.data();
    let steps = json!({"steps": [["update", "todos", A, {"title": "x"}]], "throw-on-missing-attrs?": true});
    let said = app.call("POST", "/admin/transact").body(&steps).refused("validation-failed").await;
    assert_eq!(said["hint"]["errors"][0]["hint"]["attributes"], json!(["todos.id", "todos.title"]));
    app.transact(json!([["update", "todos", A, {"title": "x"}]])).await;
    app.call("POST", "/admin/transact").body(&steps).ok().await;
    let schema = app.call("GET", "/admin/schema").ok().await;
    assert_eq!(schema["schema"]["blobs"]["todos"]["title"]["value-type"], "blob");
    assert!(schema["schema"]["blobs"]["$users"]["email"]["unique?"].as_bool().expect("a flag"));
    let reserved = app.refused(json!([["update", "$mine", A, {"x": 1}]])).await;
    assert_eq!(reserved["hint"]["data-type"], "attributes", "{reserved}");
}

async fn modes_say_what_must_be_there(server: TestServer) {
    let app = server.data();
    app.transact(json!([["create", "todos", A, {"n": 1}]])).await;
    let said = app.refused(json!([["create", "todos", A, {"n": 2}]])).await;
    assert_eq!((&said["type"], &said["hint"]["data-type"]), (&json!("validation-failed"), &json!("tx-step")));
    app.refused(json!([["update", "todos", B, {"n": 2}, {"upsert": false}]])).await;
    app.transact(json!([["update", "todos", B, {"n": 2}, {"upsert": true}]])).await;
    assert_eq!(app.query(json!({"todos": {}})).await, json!({"todos": [{"id": A, "n": 1}, {"id": B, "n": 2}]}));
}

async fn lookups_find_and_make(server: TestServer) {
    let app = server.data();
    app.transact(json!([["update", "people", ["email", "a@b.co"], {"name": "Ann"}]])).await;
    app.transact(json!([
        ["update", "people", ["email", "a@b.co"], {"age": 5}],
        ["update", "todos", A, {"title": "t"}],
        ["link", "todos", A, {"people": "lookup__email__\"a@b.co\""}],
    ]))
    .await;
    let found = app.query(json!({"people": {}, "todos": {"people": {}}})).await;
    assert_eq!(found["people"].as_array().map(Vec::len), Some(1));
    assert_eq!((&found["people"][0]["name"], &found["people"][0]["age"]), (&json!("Ann"), &json!(5)));
    assert_eq!(found["todos"][0]["people"][0]["name"], "Ann");
    app.refused(json!([["link", "todos", A, {"people": "lookup__email__\"nobody\""}]])).await;
    // Nobody to delete: nothing happens.
    app.transact(json!([["delete", "people", ["email", "x@y.z"], null]])).await;
}

async fn merges_are_deep(server: TestServer) {
    let app = server.data();
    app.transact(json!([["update", "t", A, {"m": {"a": {"b": 1, "c": 2}, "l": [1]}}]])).await;
    app.transact(json!([["merge", "t", A, {"m": {"a": {"b": null, "d": 3}, "l": [2]}}]])).await;
    assert_eq!(app.query(json!({"t": {}})).await["t"][0]["m"], json!({"a": {"c": 2, "d": 3}, "l": [2]}));
}

async fn links_go_both_ways_and_cascade(server: TestServer) {
    let app = server.data();
    let attr = json!(["add-attr", {
        "id": "10000000-0000-4000-8000-000000000001", "value-type": "ref", "cardinality": "one", "unique?": false,
        "forward-identity": ["10000000-0000-4000-8000-000000000002", "comments", "post"],
        "reverse-identity": ["10000000-0000-4000-8000-000000000003", "posts", "comments"],
        "on-delete": "cascade",
    }]);
    app.transact(json!([attr])).await;
    app.transact(json!([
        ["update", "posts", A, {"t": 1}],
        ["update", "comments", B, {"t": 2}],
        ["update", "comments", C, {"t": 3}],
        ["link", "posts", A, {"comments": [B, C]}],
    ]))
    .await;
    let found = app.query(json!({"comments": {"post": {}}, "posts": {"comments": {}}})).await;
    assert_eq!(found["comments"][0]["post"], json!([{"id": A, "t": 1}]));
    assert_eq!(found["posts"][0]["comments"].as_array().map(Vec::len), Some(2));
    let one = json!({"query": {"comments": {"post": {}}}, "inference?": true});
    assert_eq!(app.call("POST", "/admin/query").body(&one).ok().await["comments"][0]["post"], json!({"id": A, "t": 1}));
    app.transact(json!([["delete", "posts", A, null]])).await;
    assert_eq!(app.query(json!({"comments": {}, "posts": {}})).await, json!({"comments": [], "posts": []}));
}

async fn unique_values_are_unique(server: TestServer) {
    let app = server.data();
    app.transact(json!([["update", "people", ["email", "a@b.co"], {"n": 1}]])).await;
    let said = app.refused(json!([["update", "people", A, {"email": "a@b.co"}]])).await;
    assert_eq!(said["type"], "record-not-unique");
    assert_eq!((&said["hint"]["label"], &said["hint"]["value"]), (&json!("email"), &json!("a@b.co")));
}

async fn a_failed_transaction_leaves_nothing(server: TestServer) {
    let app = server.data();
    app.transact(json!([["create", "t", A, {"n": 1}]])).await;
    app.refused(json!([["update", "t", B, {"fresh": 1}], ["create", "t", A, {"n": 2}]])).await;
    assert_eq!(app.query(json!({"t": {}})).await, json!({"t": [{"id": A, "n": 1}]}));
    let schema = app.call("GET", "/admin/schema").ok().await;
    assert_eq!(schema["schema"]["blobs"]["t"]["fresh"], Value::Null);
}

async fn parallel_writers_get_numbers_in_order(server: TestServer) {
    let app = server.data();
    app.transact(json!([["update", "counters", A, {"n": 0}]])).await;
    let writes = (0..20).map(|n| {
        let app = app.clone();
        async move { app.transact(json!([["update", "counters", A, {"n": n}]])).await }
    });
    let mut numbers = futures_util::future::join_all(writes).await;
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 20);
}

async fn bad_steps_are_told(server: TestServer) {
    let app = server.data();
    for (body, kind) in [
        (json!({}), "param-missing"),
        (json!({"steps": 3}), "param-malformed"),
        (json!({"steps": [["jump", "t", A, {}]]}), "validation-failed"),
        (json!({"steps": [["update", "t", "no id", {}]]}), "validation-failed"),
        (json!({"steps": [["update", "t", A, 3]]}), "validation-failed"),
        (json!({"steps": [[]]}), "validation-failed"),
        (json!({"steps": [["update", "t", A, {"a": "\u{0}"}]]}), "validation-failed"),
        (json!([]), "param-malformed"),
    ] {
        app.call("POST", "/admin/transact").body(&body).refused(kind).await;
    }
    app.call("POST", "/admin/transact").raw("{").refused("param-malformed").await;
    app.call("POST", "/admin/transact").raw("x".repeat(40 << 20)).refused("parameter-limit-exceeded").await;
    assert_eq!(app.query(json!({"t": {}})).await, json!({"t": []}));
}
