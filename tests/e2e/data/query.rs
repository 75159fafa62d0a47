//! Queries (instant.md section 3): what a tree is, pages with cursors, what is wrong and how it is told.

use e2e::data::DataApp;
use e2e::{Setup, TestServer, both};
use keystead_server::config::Config;
use serde_json::{Value, json};

both! { pages_and_cursors, null_and_missing, what_is_wrong_is_told, long_and_odd_values, extensions }
both! { a_query_ends_with_its_time; with Setup::default().with(|config: &mut Config| config.data.query_seconds = 1) }

fn id(n: u32) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}

fn attr(n: u32, label: &str, flags: Value) -> Value {
    let mut attr = json!({
        "id": format!("20000000-0000-4000-8000-{n:012}"), "value-type": "blob", "cardinality": "one",
        "forward-identity": [format!("30000000-0000-4000-8000-{n:012}"), "items", label],
    });
    attr.as_object_mut().expect("an object").extend(flags.as_object().cloned().unwrap_or_default());
    json!(["add-attr", attr])
}

/// Ten items, `n` from 0, made in that order; `rank` falls.
async fn items(server: &TestServer) -> DataApp {
    let app = server.data();
    app.transact(json!([
        attr(1, "rank", json!({"index?": true, "checked-data-type": "number"})),
        attr(2, "name", json!({"index?": true, "checked-data-type": "string"})),
    ]))
    .await;
    for n in 0..10 {
        server.advance(1);
        app.transact(json!([["update", "items", id(n), {"n": n, "rank": 9 - n, "name": format!("Item {n}")}]])).await;
    }
    app
}

fn numbers(tree: &Value) -> Vec<i64> {
    tree["items"].as_array().expect("a list").iter().filter_map(|item| item["n"].as_i64()).collect()
}

async fn pages_and_cursors(server: TestServer) {
    let app = items(&server).await;
    let page = async |options: Value| {
        let body = json!({"query": {"items": {"$": options}}});
        let answer = app.call("POST", "/admin/query").header("x-keystead-result-meta", "1").body(&body).ok().await;
        (numbers(&answer["result"]), answer["result-meta"]["page-info"]["items"].clone())
    };
    let (first, info) = page(json!({"first": 3})).await;
    assert_eq!(
        (first, &info["has-next-page?"], &info["has-previous-page?"]),
        (vec![0, 1, 2], &json!(true), &json!(false))
    );
    let (next, info) = page(json!({"first": 3, "after": info["end-cursor"]})).await;
    assert_eq!((next, &info["has-previous-page?"]), (vec![3, 4, 5], &json!(true)));
    let (back, _) = page(json!({"last": 2, "before": info["start-cursor"]})).await;
    assert_eq!(back, [1, 2]);
    assert_eq!(page(json!({"last": 2, "before": info["start-cursor"], "beforeInclusive": true})).await.0, [2, 3]);
    assert_eq!(page(json!({"limit": 2, "offset": 9})).await.0, [9]);
    assert_eq!(page(json!({"order": {"serverCreatedAt": "desc"}, "limit": 2})).await.0, [9, 8]);
    let (ranked, info) = page(json!({"order": {"rank": "asc"}, "first": 4})).await;
    assert_eq!(ranked, [9, 8, 7, 6]);
    let (ranked, info) = page(json!({"order": {"rank": "asc"}, "first": 4, "after": info["end-cursor"]})).await;
    assert_eq!(
        (ranked, &info["has-previous-page?"], &info["has-next-page?"]),
        (vec![5, 4, 3, 2], &json!(true), &json!(true))
    );
    assert_eq!(page(json!({"order": {"rank": "desc"}, "limit": 3, "where": {"rank": {"$lt": 5}}})).await.0, [5, 6, 7]);
    let (none, info) = page(json!({"offset": 50, "limit": 1})).await;
    assert_eq!((none, &info["has-previous-page?"], &info["start-cursor"]), (vec![], &json!(true), &Value::Null));
}

async fn null_and_missing(server: TestServer) {
    let app = items(&server).await;
    app.transact(json!([["update", "items", id(20), {"n": 20}], ["update", "items", id(21), {"n": 21, "rank": null, "extra": 1}]]))
        .await;
    let of = async |filter: Value| numbers(&app.query(json!({"items": {"$": {"where": filter}}})).await);
    assert_eq!(of(json!({"rank": {"$isNull": true}})).await, [20, 21]);
    assert_eq!(of(json!({"extra": {"$isNull": false}})).await, [21]);
    assert_eq!(of(json!({"rank": {"$not": 5}})).await.len(), 11);
    assert_eq!(of(json!({"rank": {"$in": [1, 2, null]}})).await.len(), 4);
    assert_eq!(of(json!({"nothing": 1})).await, [0_i64; 0]);
    assert_eq!(of(json!({"or": [{"n": 1}, {"and": [{"rank": {"$gt": 3}}, {"rank": {"$lte": 5}}]}]})).await, [1, 4, 5]);
    assert_eq!(of(json!({"name": {"$like": "Item _"}})).await.len(), 10);
    assert_eq!(of(json!({"name": {"$ilike": "item%3"}})).await, [3]);
    assert_eq!(of(json!({"name": {"$like": "item%"}})).await, [0_i64; 0]);
    // Nulls come first, and last the other way round.
    let ordered = |direction: &str| json!({"items": {"$": {"order": {"rank": direction}, "limit": 2}}});
    assert_eq!(numbers(&app.query(ordered("asc")).await), [20, 21]);
    let all = json!({"items": {"$": {"order": {"rank": "desc"}}}});
    assert_eq!(numbers(&app.query(all).await).get(10..), Some(&[21, 20][..]));
    // An indexed column without a value shows as null, another one does not show.
    let shown = app.query(json!({"items": {"$": {"where": {"id": id(20)}}}})).await;
    assert_eq!(shown["items"][0], json!({"id": id(20), "n": 20, "rank": null, "name": null}));
}

async fn what_is_wrong_is_told(server: TestServer) {
    let app = items(&server).await;
    for (query, expected) in [
        (json!({"items": 3}), "map?"),
        (json!({"items": {"$": {"limit": -1}}}), "supported-options?"),
        (json!({"items": {"$": {"limit": 1, "first": 1}}}), "supported-options?"),
        (json!({"items": {"$": {"jump": 1}}}), "supported-options?"),
        (json!({"items": {"$": {"order": {"n": "asc"}}}}), "supported-order?"),
        (json!({"items": {"$": {"where": {"or": []}}}}), "non-empty-list?"),
        (json!({"items": {"$": {"where": {"n": {"$gt": 1}}}}}), "indexed?"),
        (json!({"items": {"$": {"where": {"rank": "a"}}}}), "number?"),
        (json!({"items": {"$": {"fields": "n"}}}), "array?"),
    ] {
        let said = app.call("POST", "/admin/query").body(&json!({"query": query})).refused("validation-failed").await;
        let error = &said["hint"]["errors"][0];
        assert!(error["expected"] == expected || error["expected?"] == expected, "{query}: {said}");
    }
    app.call("POST", "/admin/query").body(&json!({})).refused("param-missing").await;
    app.call("POST", "/admin/query").body(&json!({"query": "x"})).refused("param-malformed").await;
    app.call("POST", "/admin/query").raw("[1").refused("param-malformed").await;
    assert_eq!(app.query(json!({"nowhere": {"nothing": {}}})).await, json!({"nowhere": []}));
}

async fn long_and_odd_values(server: TestServer) {
    let app = items(&server).await;
    let long = "ä".repeat(3_000);
    app.transact(
        json!([["update", "items", id(30), {"n": 30, "name": long, "odd": {"quote\"s": "\\ \u{1f600} ' %_"}}]]),
    )
    .await;
    let found = app.query(json!({"items": {"$": {"where": {"name": long}}}})).await;
    assert_eq!(found["items"][0]["odd"], json!({"quote\"s": "\\ \u{1f600} ' %_"}));
    let odd = app.query(json!({"items": {"$": {"where": {"odd": {"quote\"s": "\\ \u{1f600} ' %_"}}}}})).await;
    assert_eq!(numbers(&odd), [30], "an object without operators is a value");
    assert_eq!(numbers(&app.query(json!({"items": {"$": {"where": {"name": {"$like": "%ä"}}}}})).await), [30]);
}

async fn extensions(server: TestServer) {
    let app = items(&server).await;
    let body = json!({"query": {"items": {"$": {"aggregate": "count", "where": {"rank": {"$gt": 3}}}}}});
    let answer = app.call("POST", "/admin/query").header("x-keystead-result-meta", "1").body(&body).ok().await;
    assert_eq!(answer["result-meta"]["aggregate"], json!({"items": {"count": 6}}));
    assert_eq!(answer["result"], json!({"items": []}));
}

/// Everybody knows everybody: paths of a filter lead through 40^6 ways, more than a minute would be enough for.
async fn a_query_ends_with_its_time(server: TestServer) {
    const PEOPLE: u32 = 40;
    let app = server.data();
    let all: Vec<String> = (0..PEOPLE).map(id).collect();
    let know = |n: u32| json!(["link", "people", id(n), {"knows": all}]);
    let link = json!(["add-attr", {
        "id": "20000000-0000-4000-8000-000000000001", "value-type": "ref", "cardinality": "many",
        "forward-identity": ["30000000-0000-4000-8000-000000000001", "people", "knows"],
        "reverse-identity": ["30000000-0000-4000-8000-000000000002", "people", "known"],
    }]);
    let mut steps = vec![link];
    steps.extend((0..PEOPLE).map(|n| json!(["update", "people", id(n), {"name": format!("Person {n}")}])));
    steps.extend((0..PEOPLE).map(know));
    app.transact(Value::Array(steps)).await;
    let path = "knows.knows.knows.knows.knows.knows.name";
    let begun = std::time::Instant::now();
    let query = json!({"query": {"people": {"$": {"where": {path: "nobody"}}}}});
    let answer = app.call("POST", "/admin/query").body(&query).send().await;
    let took = begun.elapsed().as_secs();
    assert!(took < 10, "{took} s: {}", answer.body);
    // PostgreSQL may join the ways instead of walking them.
    if server.app().db.is_sqlite() || answer.status != 200 {
        assert_eq!((answer.status, &answer.body["type"]), (429, &json!("timeout")), "{}", answer.body);
    } else {
        assert_eq!(answer.body, json!({"people": []}));
    }
    // The connection is as good as before.
    let found = app.query(json!({"people": {"$": {"where": {"knows.name": "Person 3"}, "limit": 2}}})).await;
    assert_eq!(found["people"].as_array().map(Vec::len), Some(2));
}
