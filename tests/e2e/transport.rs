//! What holds for every request (sentc.md section 1): envelope, CORS, sizes, headers nobody needs.

use std::fs;

use e2e::raw::Call;
use e2e::{Setup, TestServer, both};
use keystead_sdk_core::Suite;
use keystead_server::config::Config;
use serde_json::json;

both! {
    health_answers_when_ready,
    unknown_routes_are_404,
    browsers_of_any_origin_may_call,
    no_content_type_is_needed_and_any_is_taken,
    delete_takes_a_body,
    large_bodies_are_refused,
    the_head_of_a_request_is_bounded,
    unknown_fields_are_ignored,
}

both! { static_files_stand_beside_the_apis; with Setup::default().with(with_pages) }

/// A directory that the tests share; each file is written whole before it has its name.
fn with_pages(config: &mut Config) {
    let dir = config.server.data_dir.join("pages");
    for (name, text) in
        [("index.html", "<h1>hello</h1>"), ("app/index.html", "<h1>app</h1>"), ("app/main.js", "1"), (".env", "secret")]
    {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("makes");
        fs::write(path, text).expect("writes");
    }
    fs::write(dir.join("large.wasm"), vec![7; 1_000_000]).expect("writes");
    config.server.static_dir = Some(dir);
}

async fn static_files_stand_beside_the_apis(server: TestServer) {
    let ask = |method: &str, path: &str| Call::new(server.http(), method, &format!("{}{path}", server.url()));
    let html = "text/html; charset=utf-8";
    let javascript = "text/javascript; charset=utf-8";
    for (path, kind, text) in [
        ("/", html, "<h1>hello</h1>"),
        ("/index.html", html, "<h1>hello</h1>"),
        ("/app/", html, "<h1>app</h1>"),
        ("/app/main.js?v=1", javascript, "1"),
        ("/%61pp/main.js", javascript, "1"),
    ] {
        let answer = ask("GET", path).send_unchecked().await;
        assert_eq!((answer.status, answer.header("content-type"), answer.text().as_str()), (200, Some(kind), text));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
    let large = ask("GET", "/large.wasm").send_unchecked().await;
    assert_eq!((large.header("content-type"), large.body.len()), (Some("application/wasm"), 1_000_000));
    let head = ask("HEAD", "/large.wasm").send_unchecked().await;
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, Some("1000000"), 0));
    // Known already; another one after a change.
    let tag = large.header("etag").expect("a tag").to_owned();
    let again = ask("GET", "/large.wasm").header("if-none-match", &tag).send_unchecked().await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    let page = server.config().server.static_dir.clone().expect("set");
    fs::write(page.join("large.wasm"), "new").expect("writes");
    let changed = ask("GET", "/large.wasm").header("if-none-match", &tag).send_unchecked().await;
    assert_eq!((changed.status, changed.text().as_str()), (200, "new"));

    for path in
        ["/.env", "/%2eenv", "/app/..%2f.env", "/nothing.html", "/app/main.js/", "/app//main.js", "/api/index.html"]
    {
        assert_eq!(ask("GET", path).refused(404).await.status, 404, "{path}");
    }
    for method in ["POST", "PUT", "DELETE"] {
        ask(method, "/index.html").refused(404).await;
    }
    // The APIs are where they were.
    server.get("/nothing").refused(404).await;
    assert_eq!(ask("GET", "/health").send_unchecked().await.envelope(), json!({ "status": "ok" }));
}

async fn health_answers_when_ready(server: TestServer) {
    let answer = Call::new(server.http(), "GET", &format!("{}/health", server.url())).send_unchecked().await;
    assert_eq!((answer.status, answer.envelope()), (200, json!({ "status": "ok" })));
}

async fn unknown_routes_are_404(server: TestServer) {
    let root = server.url();
    for path in [
        "/",
        "/api",
        "/api/v1",
        "/api/v1/",
        "/api/v1/nothing",
        "/api/v2/register",
        "/api/v1/register/",
        "/api/v1//register",
    ] {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let answer = Call::new(server.http(), method, &format!("{root}{path}")).refused(404).await;
            assert_eq!(answer.status, 404);
        }
    }
    // A known path with another method is unknown too.
    server.get("/register").refused(404).await;
    server.post("/user/jwt").refused(404).await;
    server.call("TRACE", "/register").refused(404).await;
}

async fn browsers_of_any_origin_may_call(server: TestServer) {
    for path in ["/register", "/group/x/light", "/nothing"] {
        let call = server.call("OPTIONS", path).without_token().header("origin", "https://app.example");
        let call = call.header("access-control-request-method", "PUT");
        let call = call.header("access-control-request-headers", "content-type, x-sentc-app-token, authorization");
        let answer = call.send_unchecked().await;
        assert_eq!(answer.status, 200, "{answer}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.header("access-control-allow-methods"), Some("GET, POST, PUT, PATCH, DELETE, OPTIONS"));
        assert_eq!(answer.header("access-control-allow-headers"), Some("*, Authorization"));
    }
    // Failures too: `refused` looks at the header.
    server.get("/nothing").header("origin", "https://app.example").refused(404).await;
    server.post("/exists").without_token().header("origin", "https://app.example").refused(200).await;
    server.post("/exists").header("origin", "https://app.example").text("{").refused(11).await;
}

async fn no_content_type_is_needed_and_any_is_taken(server: TestServer) {
    let body = json!({ "user_identifier": "alice" });
    server.post("/exists").json(&body).ok().await;
    for kind in ["application/json", "application/json; charset=utf-8", "text/plain", "application/octet-stream", "x"] {
        server.post("/exists").header("content-type", kind).json(&body).ok().await;
    }
}

async fn delete_takes_a_body(server: TestServer) {
    let alice = server.session("alice").await;
    // Where none is expected, one does no harm.
    server.get("/group/all/0/none").jwt(&alice.jwt).text("nonsense").ok().await;
    server.delete("/refresh").jwt(&alice.jwt).json(&alice.refresh_body()).ok().await;
    server.put("/refresh").jwt(&alice.jwt).json(&alice.refresh_body()).refused(114).await;
}

async fn large_bodies_are_refused(server: TestServer) {
    let padded = |bytes: usize| {
        let empty = json!({ "user_identifier": "alice", "padding": "" }).to_string();
        json!({ "user_identifier": "alice", "padding": "x".repeat(bytes - empty.len()) }).to_string()
    };
    const LIMIT: usize = 256 * 1024;
    server.post("/exists").text(&padded(LIMIT)).ok().await;
    let answer = server.post("/exists").text(&padded(LIMIT + 1)).refused(12).await;
    assert_eq!(answer.status, 413);
    // A real registration of today fits many times.
    let body = e2e::users::Template::of(Suite::HYBRID).register("alice");
    assert!(serde_json::to_string(&body).expect("JSON").len() < 40_000);
    server.post("/register").json(&body).ok().await;
}

async fn the_head_of_a_request_is_bounded(server: TestServer) {
    let long = "a".repeat(10_000);
    server.get(&format!("/user/{long}/public_key")).refused(100).await;
    server.post("/exists").token(&long).refused(201).await;
    server.get("/user/jwt").token(&server.lax.secret).jwt(&long).refused(32).await;
    // The SDKs concatenate: what stands behind a `?` is nobody's business.
    server.post("/exists?x=1").json(&json!({ "user_identifier": "alice" })).ok().await;
}

async fn unknown_fields_are_ignored(server: TestServer) {
    let mut body = json!(e2e::users::Template::of(Suite::CLASSIC).register("alice"));
    body["new"] = json!({ "a": [1, 2] });
    body["device"]["new"] = json!(1);
    body["group"]["new"] = json!(null);
    server.post("/register").json(&body).ok().await;
}
