//! Webhooks (instant.md section 12), with a receiver that fails first.

use e2e::data::DataApp;
use e2e::receiver::{Delivery, Receiver};
use e2e::{Setup, TestServer, both};
use keystead_protocol::apps::EndpointOptions;
use keystead_server::config::Config;
use keystead_server::rooms::data::error::DataError;
use serde_json::{Value, json};

both! {
    an_event_is_delivered_until_it_is_received,
    what_has_failed_can_be_resent,
    webhooks_are_told_what_they_want_and_no_more,
    webhooks_belong_to_their_app;
    with Setup::default().with(with_loopback)
}
both! { targets_that_are_not_public_are_refused; with Setup::default() }
both! { a_name_does_not_lead_to_this_machine; with Setup::default().with(with_another_network) }

const A: &str = "00000000-0000-4000-8000-00000000000a";
const B: &str = "00000000-0000-4000-8000-00000000000b";

fn with_loopback(config: &mut Config) {
    config.webhooks.allow_http = true;
    config.webhooks.allow_targets = vec!["127.0.0.0/8".parse().expect("a network")];
    config.webhooks.retry_seconds = vec![10, 60];
    config.webhooks.most_per_app = 3;
}

fn with_another_network(config: &mut Config) {
    config.webhooks.allow_http = true;
    config.webhooks.allow_targets = vec!["192.0.2.0/24".parse().expect("a network")];
}

async fn dash(app: &DataApp, method: &str, path: &str, body: Value) -> Value {
    app.call(method, &format!("/dash/apps/{}/webhooks{path}", app.id)).body(&body).ok().await
}

async fn refused(app: &DataApp, method: &str, path: &str, body: Value, kind: &str) -> Value {
    app.call(method, &format!("/dash/apps/{}/webhooks{path}", app.id)).body(&body).refused(kind).await
}

/// Makes a webhook for everything in `notes`, and gives its id.
async fn create(app: &DataApp, url: &str) -> String {
    app.transact(json!([["update", "notes", B, {"n": 0}]])).await;
    let body = json!({"url": url, "namespaces": ["notes"], "actions": ["create", "update", "delete"]});
    let made = dash(app, "POST", "", body).await;
    assert_eq!((&made["webhook"]["status"], &made["webhook"]["disabled_reason"]), (&json!("active"), &Value::Null));
    made["webhook"]["id"].as_str().expect("an id").to_owned()
}

async fn events(app: &DataApp, id: &str) -> Vec<Value> {
    let page = dash(app, "GET", &format!("/{id}/events"), json!({})).await;
    page["events"].as_array().expect("a list").clone()
}

async fn until_status(app: &DataApp, id: &str, status: &str) -> Value {
    app.server.app().webhooks.wake();
    app.server.until(async || events(app, id).await.first().is_some_and(|event| event["status"] == status)).await;
    events(app, id).await.remove(0)
}

/// What the receiver of a delivery reads with its token.
async fn payload(app: &DataApp, delivery: &Delivery) -> Value {
    let url = delivery.text("payloadUrl");
    let path = url.strip_prefix(app.server.config().server.public_url.as_str()).expect("an address of this server");
    app.anybody("GET", path).header("authorization", &format!("Bearer {}", delivery.text("token"))).ok().await
}

async fn an_event_is_delivered_until_it_is_received(server: TestServer) {
    let (app, receiver) = (server.data(), Receiver::start(&[500, 302]));
    let id = create(&app, &format!("{}/hook", receiver.url)).await;
    app.transact(json!([["update", "notes", A, {"n": 1, "none": null}]])).await;
    let failed = until_status(&app, &id, "error").await;
    let attempt = &failed["attempts"][0];
    assert_eq!((&attempt["status-code"], &attempt["success?"]), (&json!(500), &json!(false)), "{failed}");
    assert_eq!(attempt["response-text"].as_str().map(str::len), Some(256));
    assert!(failed["next_attempt_after"].is_string() && attempt["attempt-at"].is_string(), "{failed}");
    // Not before its time, but after a restart too; a redirect is not followed.
    server.restart();
    let app = server.data();
    assert_eq!(receiver.heard().len(), 1);
    server.advance(11);
    app.server.app().webhooks.wake();
    app.server.until(async || receiver.heard().len() == 2).await;
    let again = until_status(&app, &id, "error").await;
    assert_eq!(again["attempts"][1]["status-code"], 302, "{again}");
    server.advance(61);
    let done = until_status(&app, &id, "success").await;
    assert_eq!((done["attempts"].as_array().map(Vec::len), &done["next_attempt_after"]), (Some(3), &Value::Null));
    let heard = receiver.heard();
    assert_eq!(heard.iter().map(|delivery| delivery.path.as_str()).collect::<Vec<_>>(), ["/hook"; 3]);
    assert!(heard.iter().all(|delivery| delivery.key == heard[0].key && delivery.key.len() == 32), "{heard:?}");
    assert!(heard[0].signature.starts_with("t=") && heard[0].signature.contains(",v1="), "{heard:?}");
    let read = payload(&app, &heard[2]).await;
    assert_eq!(read["idempotencyKey"], heard[0].key);
    let record = &read["data"][0];
    assert_eq!(
        (&record["namespace"], &record["action"], &record["id"]),
        (&json!("notes"), &json!("create"), &json!(A))
    );
    assert_eq!((&record["before"], &record["after"]), (&Value::Null, &json!({"id": A, "n": 1})));
    // A token is good for an hour, for one event; nobody else reads it.
    let path = format!("/webhooks/payload/{}/{id}/{}", app.id, done["isn"].as_str().expect("a text"));
    assert_eq!(app.call("GET", &path).ok().await, read);
    app.anybody("GET", &path).refused("record-not-found").await;
    let token = format!("Bearer {}", heard[2].text("token"));
    let elsewhere = format!("/webhooks/payload/{}/{id}/0/0/1", app.id);
    app.anybody("GET", &elsewhere).header("authorization", &token).refused("record-not-found").await;
    server.advance(3_601);
    app.anybody("GET", &path).header("authorization", &token).refused("record-not-found").await;
}

async fn what_has_failed_can_be_resent(server: TestServer) {
    let (app, receiver) = (server.data(), Receiver::start(&[500, 404, 503]));
    let id = create(&app, &receiver.url).await;
    app.transact(json!([["update", "notes", B, {"n": 1}]])).await;
    until_status(&app, &id, "error").await;
    for seconds in [11, 61] {
        server.advance(seconds);
        app.server.app().webhooks.wake();
        let before = receiver.heard().len();
        app.server.until(async || receiver.heard().len() > before).await;
    }
    let failed = until_status(&app, &id, "failed").await;
    assert_eq!(failed["attempts"].as_array().map(Vec::len), Some(3));
    let path = format!("/{id}/events/{}", failed["isn"].as_str().expect("a text"));
    let again = dash(&app, "POST", &path, json!({})).await;
    assert_eq!(again["event"]["status"], "pending");
    refused(&app, "POST", &path, json!({}), "validation-failed").await;
    until_status(&app, &id, "success").await;
    assert_eq!(receiver.heard().len(), 4);
    assert_eq!(dash(&app, "GET", &path, json!({})).await["event"]["attempts"].as_array().map(Vec::len), Some(4));
    // What succeeded can be sent once more; events go when they are old.
    server.advance(61);
    dash(&app, "POST", &path, json!({})).await;
    app.server.until(async || receiver.heard().len() == 5).await;
    until_status(&app, &id, "success").await;
    server.advance(61 * 86_400);
    let (here, shared) = (server.app(), server.app());
    let sweep = move |tx: &mut keystead_server::db::Conn| {
        Ok::<_, DataError>(keystead_server::rooms::data::webhooks::rules::sweep(&shared, tx)?)
    };
    let swept = here.db.write(sweep).await.expect("swept");
    assert_eq!((swept, events(&app, &id).await.len()), (1, 0));
}

async fn webhooks_are_told_what_they_want_and_no_more(server: TestServer) {
    let (app, receiver) = (server.data(), Receiver::start(&[]));
    let id = create(&app, &format!("{}/all", receiver.url)).await;
    let body = json!({"sink": {"url": format!("{}/deleted", receiver.url)}, "namespaces": ["notes", "$users"], "actions": ["delete"]});
    let deletes = dash(&app, "POST", "", body).await["webhook"]["id"].as_str().expect("an id").to_owned();
    let quiet = json!([["update", "tags", A, {"t": 1}], ["update", "notes", B, {"n": 0}]]);
    app.transact(quiet).await;
    app.transact(json!([["update", "notes", A, {"n": 1}], ["update", "notes", B, {"n": 2}]])).await;
    app.transact(json!([["delete", "notes", A]])).await;
    app.server.until(async || receiver.heard().len() == 3).await;
    until_status(&app, &deletes, "success").await;
    let mut reads = Vec::new();
    for delivery in receiver.heard() {
        for record in payload(&app, &delivery).await["data"].as_array().expect("a list") {
            let text = |key: &str| record[key].to_string();
            reads.push(format!("{} {} {} {}", delivery.path, text("action"), text("before"), text("after")));
        }
    }
    reads.sort();
    let (a, b) = (format!(r#"{{"id":"{A}","n":1}}"#), |n: u8| format!(r#"{{"id":"{B}","n":{n}}}"#));
    let wanted = [
        format!(r#"/all "create" null {a}"#),
        format!(r#"/all "delete" {a} null"#),
        format!(r#"/all "update" {} {}"#, b(0), b(2)),
        format!(r#"/deleted "delete" {a} null"#),
    ];
    assert_eq!(reads, wanted);
    // Disabled, nothing is queued; changed, it says so; deleted, it is gone.
    let off = dash(&app, "POST", &format!("/{id}/disable"), json!({"reason": "holidays"})).await;
    assert_eq!(
        (&off["webhook"]["status"], &off["webhook"]["disabled_reason"]),
        (&json!("disabled"), &json!("holidays"))
    );
    app.transact(json!([["update", "notes", B, {"n": 3}]])).await;
    let on = dash(&app, "POST", &format!("/{id}/enable"), json!({})).await;
    assert_eq!((&on["webhook"]["status"], &on["webhook"]["disabled_reason"]), (&json!("active"), &Value::Null));
    let changed = dash(&app, "POST", &format!("/{id}"), json!({"actions": ["create"]})).await;
    assert_eq!(
        (&changed["webhook"]["actions"], &changed["webhook"]["namespaces"]),
        (&json!(["create"]), &json!(["notes"]))
    );
    app.transact(json!([["update", "notes", B, {"n": 4}]])).await;
    assert_eq!(events(&app, &id).await.len(), 2);
    let listed = dash(&app, "GET", "", json!({})).await;
    assert_eq!(listed["webhooks"].as_array().map(Vec::len), Some(2));
    dash(&app, "DELETE", &format!("/{id}"), json!({})).await;
    refused(&app, "GET", &format!("/{id}/events"), json!({}), "record-not-found").await;
}

async fn webhooks_belong_to_their_app(server: TestServer) {
    let (app, receiver) = (server.data(), Receiver::start(&[]));
    let id = create(&app, &receiver.url).await;
    app.transact(json!([["update", "notes", A, {"n": 1}]])).await;
    let event = until_status(&app, &id, "success").await;
    let other = server.data_of(&server.create_app("other", EndpointOptions::preset_lax()));
    let isn = event["isn"].as_str().expect("a text");
    for (method, path) in [
        ("POST", format!("/{id}")),
        ("DELETE", format!("/{id}")),
        ("POST", format!("/{id}/enable")),
        ("POST", format!("/{id}/disable")),
        ("GET", format!("/{id}/events")),
        ("GET", format!("/{id}/events/{isn}")),
        ("POST", format!("/{id}/events/{isn}")),
    ] {
        refused(&other, method, &path, json!({}), "record-not-found").await;
    }
    for app_id in [&app.id, &other.id] {
        other.call("GET", &format!("/webhooks/payload/{app_id}/{id}/{isn}")).refused("record-not-found").await;
    }
    let keys = app.anybody("GET", "/.well-known/webhooks/jwks.json").ok().await;
    assert_eq!((&keys["keys"][0]["kty"], &keys["keys"][0]["crv"]), (&json!("OKP"), &json!("Ed25519")));
    // What cannot be, is refused with every mistake; and there are not too many.
    let body = json!({"url": "ftp://x", "namespaces": ["none"], "actions": ["fly"]});
    let said = refused(&app, "POST", "", body, "validation-failed").await;
    assert_eq!(said["hint"]["errors"].as_array().map(Vec::len), Some(3), "{said}");
    refused(&app, "POST", "", json!({"url": receiver.url}), "param-missing").await;
    refused(&app, "POST", "", json!({"url": 7}), "param-malformed").await;
    refused(&app, "POST", &format!("/{id}/disable"), json!({"reason": "x".repeat(501)}), "parameter-limit-exceeded")
        .await;
    refused(&app, "GET", &format!("/{id}/events?after=x"), json!({}), "param-malformed").await;
    for _ in 0..2 {
        create(&app, &receiver.url).await;
    }
    let body = json!({"url": receiver.url, "namespaces": ["notes"], "actions": ["create"]});
    refused(&app, "POST", "", body, "parameter-limit-exceeded").await;
}

async fn targets_that_are_not_public_are_refused(server: TestServer) {
    let app = server.data();
    app.transact(json!([["update", "notes", B, {"n": 0}]])).await;
    for url in [
        "https://127.0.0.1/",
        "https://localhost/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "http://example.com/",
    ] {
        let body = json!({"url": url, "namespaces": ["notes"], "actions": ["create"]});
        let said = refused(&app, "POST", "", body, "validation-failed").await;
        assert_eq!(said["hint"]["errors"][0]["in"], json!(["url"]), "{url}: {said}");
    }
}

async fn a_name_does_not_lead_to_this_machine(server: TestServer) {
    let (app, receiver) = (server.data(), Receiver::start(&[]));
    let port = receiver.url.rsplit(':').next().expect("a port");
    let id = create(&app, &format!("http://localhost:{port}/")).await;
    app.transact(json!([["update", "notes", A, {"n": 1}]])).await;
    let failed = until_status(&app, &id, "error").await;
    assert_eq!(failed["attempts"][0]["error-type"], "refused-target", "{failed}");
    assert!(receiver.heard().is_empty());
}
