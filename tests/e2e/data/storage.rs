//! Files: upload, addresses, downloads, rules, the calls of older clients, and what becomes of the bytes.

use e2e::data::DataApp;
use e2e::{TestServer, both};
use keystead_admin::{As, Config, Upload, init, tx};
use keystead_server::jobs::delete_files;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

both! {
    files_come_change_and_go,
    downloads_take_ranges_and_run_nothing,
    rules_decide_over_files,
    older_calls_work,
    bad_input_is_refused,
    the_rust_client_works,
}

const DENIED: &str = "has-storage-permission?";

async fn upload(app: &DataApp, path: &str, kind: &str, content: &str) -> Value {
    let call = app.call("PUT", "/admin/storage/upload").header("path", path).header("content-type", kind);
    call.raw(content.to_owned()).ok().await["data"].clone()
}

async fn file(app: &DataApp, path: &str) -> Value {
    let found = app.query(json!({"$files": {"$": {"where": {"path": path}}}})).await;
    found["$files"][0].clone()
}

/// Follows an address of the server, wherever that believes to be.
async fn fetch(server: &TestServer, url: &str, headers: &[(&str, &str)]) -> (u16, HeaderMap, Vec<u8>) {
    let (_, path) = url.split_once("/storage/").expect("an address of the storage");
    let mut request = server.http().get(format!("{}/storage/{path}", server.url()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.headers().clone(), answer.bytes().await.expect("a body").to_vec())
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().expect("text")
}

async fn files_come_change_and_go(server: TestServer) {
    let app = server.data();
    let first = upload(&app, "photos/me.txt", "text/plain", "hello").await;
    let row = file(&app, "photos/me.txt").await;
    assert_eq!((&row["id"], &row["size"], &row["content-type"]), (&first["id"], &json!(5), &json!("text/plain")));
    let url = text(&row, "url").to_owned();
    assert_eq!(fetch(&server, &url, &[]).await.2, b"hello");
    assert_eq!(file(&app, "photos/me.txt").await["url"], row["url"], "the same all day");

    // The same path keeps its entity and gets other bytes; the old ones go.
    let second = upload(&app, "photos/me.txt", "text/plain", "hello again").await;
    assert_eq!(second["id"], first["id"]);
    assert_ne!(second["location-id"], first["location-id"]);
    assert_eq!(fetch(&server, &url, &[]).await.0, 400, "the old address leads nowhere");
    delete_files::delete_due(&server.app()).await.expect("deletes");
    assert_eq!(server.app().blobs.local_names().expect("lists"), [text(&second, "location-id")]);

    // Renamed by a transaction, linked, then deleted by one.
    let id = text(&first, "id").to_owned();
    app.transact(json!([["update", "$files", id, {"path": "me.txt"}]])).await;
    assert_eq!(fetch(&server, text(&file(&app, "me.txt").await, "url"), &[]).await.2, b"hello again");
    upload(&app, "other", "text/plain", "x").await;
    app.transact(json!([["delete", "$files", id, null]])).await;
    let gone = app.call("DELETE", "/admin/storage/files?filename=me.txt").ok().await;
    assert_eq!(gone, json!({"data": {"id": null}}));
    let many = app.call("POST", "/admin/storage/files/delete").body(&json!({"filenames": ["other", "nothing"]}));
    assert_eq!(many.ok().await["data"]["ids"].as_array().map(Vec::len), Some(1));
    delete_files::delete_due(&server.app()).await.expect("deletes");
    assert!(server.app().blobs.local_names().expect("lists").is_empty());
    assert_eq!(app.query(json!({"$files": {}})).await, json!({"$files": []}));
}

async fn downloads_take_ranges_and_run_nothing(server: TestServer) {
    let app = server.data();
    upload(&app, "page.html", "text/html", "0123456789").await;
    let url = text(&file(&app, "page.html").await, "url").to_owned();
    let (status, headers, body) = fetch(&server, &url, &[]).await;
    assert_eq!((status, body.as_slice()), (200, b"0123456789".as_slice()));
    for (name, value) in [
        ("content-type", "text/html"),
        ("content-disposition", "attachment"),
        ("x-content-type-options", "nosniff"),
        ("accept-ranges", "bytes"),
        ("access-control-allow-origin", "*"),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
    assert!(headers["content-security-policy"].to_str().expect("text").starts_with("sandbox"));
    let etag = headers["etag"].to_str().expect("text");
    for (range, status, part, shown) in [
        ("bytes=2-4", 206, "234", Some("bytes 2-4/10")),
        ("bytes=7-", 206, "789", Some("bytes 7-9/10")),
        ("bytes=-2", 206, "89", Some("bytes 8-9/10")),
        ("bytes=10-", 416, "", Some("bytes */10")),
        ("bytes=0-1,4-5", 200, "0123456789", None),
    ] {
        let (found, headers, body) = fetch(&server, &url, &[("range", range)]).await;
        assert_eq!((found, body.as_slice()), (status, part.as_bytes()), "{range}");
        assert_eq!(headers.get("content-range").map(|value| value.to_str().expect("text")), shown, "{range}");
    }
    assert_eq!(fetch(&server, &url, &[("range", "bytes=0-1"), ("if-range", "\"x\"")]).await.0, 200);
    assert_eq!(fetch(&server, &url, &[("if-none-match", etag)]).await.0, 304);
    upload(&app, "empty", "text/plain", "").await;
    let (status, _, body) = fetch(&server, text(&file(&app, "empty").await, "url"), &[]).await;
    assert_eq!((status, body.len()), (200, 0));

    let forged = format!("{}0", url.get(..url.len() - 1).expect("long"));
    let forged = if forged == url { format!("{}1", url.get(..url.len() - 1).expect("long")) } else { forged };
    let longer = url.replace("until=", "until=9");
    for bad in [forged.as_str(), longer.as_str(), url.split_once('?').expect("a query").0] {
        assert_eq!(fetch(&server, bad, &[]).await.0, 400, "{bad}");
    }
    server.advance(8 * 86_400);
    let (status, _, body) = fetch(&server, &url, &[]).await;
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!((status, &body["type"]), (400, &json!("record-expired")));
}

async fn rules_decide_over_files(server: TestServer) {
    let app = server.data();
    upload(&app, "admin.txt", "text/plain", "mine").await;
    let guest = |method: &str, path: &str| app.anybody(method, path).header("as-guest", "true");
    let put =
        |path: &str, content: &str| guest("PUT", "/admin/storage/upload").header("path", path).raw(content.to_owned());
    let denied = put("open/a", "x").refused("permission-denied").await;
    assert_eq!(denied["hint"], json!({"input": ["$files", "create"], "expected": DENIED}));
    let denied = guest("DELETE", "/admin/storage/files?filename=admin.txt").refused("permission-denied").await;
    assert_eq!(denied["hint"]["expected"], DENIED);
    let browser = app.anybody("PUT", "/storage/upload").header("authorization", "Bearer undefined");
    browser.header("path", "open/a").raw("x").refused("permission-denied").await;

    app.set_rules(json!({"$files": {"allow": {
        "view": "data.path.startsWith('open/')",
        "create": "data.path.startsWith('open/') && data.size < 10",
        "update": "data.path.startsWith('open/') && newData.size < 10",
        "delete": "data.path.startsWith('open/')",
    }}}))
    .await;
    let id = put("open/a", "small").ok().await["data"]["id"].clone();
    assert_eq!(put("open/a", "changed").ok().await["data"]["id"], id);
    put("open/a", "much too large").refused("permission-denied").await;
    put("admin.txt", "x").refused("permission-denied").await;
    let seen = guest("POST", "/admin/query").body(&json!({"query": {"$files": {}}})).ok().await;
    assert_eq!(seen["$files"].as_array().map(Vec::len), Some(1), "{seen}");
    guest("DELETE", "/admin/storage/files?filename=admin.txt").refused("permission-denied").await;
    // A size that is not announced is known at the end.
    let chunks = futures_util::stream::iter(["12345", "67890"].map(Ok::<_, std::io::Error>));
    let streamed = guest("PUT", "/admin/storage/upload").header("path", "open/b");
    streamed.raw(reqwest::Body::wrap_stream(chunks)).refused("permission-denied").await;
    let gone = app.anybody("DELETE", "/storage/files?filename=open%2Fa").ok().await;
    assert_eq!(gone["data"]["id"], id);
}

async fn older_calls_work(server: TestServer) {
    let app = server.data();
    let body = json!({"app_id": app.id, "filename": "old/ä b.txt"});
    let url = app.call("POST", "/admin/storage/signed-upload-url").body(&body).ok().await;
    let (_, path) = text(&url, "data").split_once("/storage/").expect("an address");
    let put = |path: &str| server.http().put(format!("{}/storage/{path}", server.url())).body("old").send();
    assert_eq!(put(path).await.expect("an answer").status(), 200);
    // It is good once, and for nothing else.
    let used: Value = put(path).await.expect("an answer").json().await.expect("JSON");
    assert_eq!((&used["type"], &used["hint"]["record-type"]), (&json!("record-expired"), &json!("app-upload-url")));
    let fresh = app.call("POST", "/admin/storage/signed-upload-url").body(&body).ok().await;
    let (_, fresh) = text(&fresh, "data").split_once("/storage/").expect("an address");
    let (id, _) = fresh.split_once('/').expect("an id");
    let other_id = fresh.replace(id, &server.app().new_id());
    for other in [fresh.replace("old%2F", "new%2F"), fresh.replace("by=admin", "by=nobody"), other_id] {
        assert_ne!(other, fresh);
        assert_eq!(put(&other).await.expect("an answer").status(), 400);
    }
    let (one, two) = tokio::join!(put(fresh), put(fresh));
    let mut statuses = [one.expect("an answer").status().as_u16(), two.expect("an answer").status().as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400], "one of two at the same time");
    assert_eq!(server.database().number("SELECT CAST(COUNT(*) AS TEXT) AS line FROM data_used_urls"), 2);
    let listed = app.call("GET", "/admin/storage/files").ok().await;
    let line = &listed["data"][0];
    assert_eq!((&line["key"], &line["size"]), (&json!("old/ä b.txt"), &json!(3)));
    assert!(line["last_modified"].is_i64() && line["etag"].is_string(), "{line}");
    let download = "/admin/storage/signed-download-url?filename=old%2F%C3%A4%20b.txt";
    let url = app.call("GET", download).ok().await;
    assert_eq!(fetch(&server, text(&url, "data"), &[]).await.2, b"old");
    let hidden = app.anybody("GET", "/storage/signed-download-url?filename=old%2F%C3%A4%20b.txt").ok().await;
    assert_eq!(hidden, json!({"data": null}));
    // Who asks for an address without rights gets nowhere with it.
    let url = app.anybody("POST", "/storage/signed-upload-url").body(&body).ok().await;
    let (_, guests) = text(&url, "data").split_once("/storage/").expect("an address");
    assert_eq!(put(guests).await.expect("an answer").status(), 400);
    let late = app.call("POST", "/admin/storage/signed-upload-url").body(&body).ok().await;
    let (_, late) = text(&late, "data").split_once("/storage/").expect("an address");
    server.advance(3_601);
    assert_eq!(put(late).await.expect("an answer").status(), 400);
    assert_eq!(put(path).await.expect("an answer").status(), 400);
}

async fn bad_input_is_refused(server: TestServer) {
    let app = server.data();
    let put = |path: &str| app.call("PUT", "/admin/storage/upload").header("path", path).raw("x");
    app.call("PUT", "/admin/storage/upload").raw("x").refused("param-missing").await;
    put(" ").refused("param-malformed").await;
    put(&"a".repeat(1_025)).refused("param-malformed").await;
    let many = app.call("POST", "/admin/storage/files/delete");
    many.body(&json!({"filenames": [1]})).refused("param-malformed").await;
    app.call("POST", "/admin/storage/files/delete").body(&json!({})).refused("param-missing").await;
    app.call("DELETE", "/admin/storage/files").refused("param-missing").await;
    app.call("POST", "/admin/storage/signed-upload-url").body(&json!({"filename": 7})).refused("param-malformed").await;
    app.anybody("PUT", "/storage/x/consume-upload-url").raw("x").refused("param-missing").await;
    assert!(server.app().blobs.local_names().expect("lists").is_empty(), "nothing is left behind");
}

async fn the_rust_client_works(server: TestServer) {
    let app = server.data();
    let db = init(Config::new(server.url(), &app.id).admin_token(&app.admin)).expect("a client");
    let goal = keystead_admin::id();
    let done = db.transact([tx("goals", goal).create(json!({"title": "Get fit"}))]).await.expect("transacts");
    assert!(done.tx_id > 0);
    let query = json!({"goals": {}});
    let tree: Value = db.query(&query).await.expect("answers");
    assert_eq!(tree["goals"][0]["title"], "Get fit");
    let mut live = db.subscribe_query(&query).expect("subscribes");
    assert_eq!(live.next().await.expect("open").expect("answers").data, tree);
    db.transact([tx("goals", goal).update([("title", "Sleep")])]).await.expect("transacts");
    assert_eq!(live.next().await.expect("open").expect("answers").data["goals"][0]["title"], "Sleep");
    assert!(db.rooms().get_presence("chat", "r").await.expect("answers").is_empty());

    let about = Upload { content_type: Some("text/plain".into()), ..Upload::default() };
    let id = db.storage().upload_file("a/b.txt", "hello", &about).await.expect("uploads");
    let guest = db.as_user(As::Guest).expect("a client");
    let denied = guest.storage().delete("a/b.txt").await.expect_err("not a guest's");
    assert!(denied.is_permission_denied());
    assert_eq!(db.storage().delete("a/b.txt").await.expect("deletes"), Some(id));
    assert!(db.storage().delete_many(&["a/b.txt"]).await.expect("deletes").is_empty());
}
