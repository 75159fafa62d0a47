//! The authorisation matrix of the data API: every route of the table, called without a token, with another app's, with a
//! malformed one and for an app that there is not. A guarded route answers none of them.

use e2e::{TestServer, both};
use keystead_protocol::apps::EndpointOptions;
use keystead_server::routes::{Route, table};
use keystead_server::web::data::DataGuard;
use keystead_server::web::guard::Guard;
use serde_json::json;

both! { guarded_routes_ask_their_caller, errors_are_those_of_the_reference }

fn routes() -> impl Iterator<Item = (&'static Route, DataGuard)> {
    table().iter().filter_map(|route| match route.guard {
        Guard::Data(guard) => Some((route, guard)),
        _ => None,
    })
}

async fn guarded_routes_ask_their_caller(server: TestServer) {
    let (app, other) = (server.data(), server.data_of(&server.create_app("other", EndpointOptions::preset_lax())));
    assert!(routes().count() > 5);
    for (route, guard) in routes() {
        let path = route.pattern.replace("{app}", &app.id).replace('{', "x").replace('}', "");
        let method = route.method.as_str();
        if !matches!(guard, DataGuard::Admin | DataGuard::AdminOrUser | DataGuard::Dash) {
            continue;
        }
        let status = if guard == DataGuard::Dash { 401 } else { 400 };
        for (what, call) in [
            ("no token", app.anybody(method, &path)),
            (
                "another app's token",
                app.anybody(method, &path).header("authorization", &format!("Bearer {}", other.admin)),
            ),
            ("no uuid", app.anybody(method, &path).header("authorization", "Bearer x")),
            ("another scheme", app.anybody(method, &path).header("authorization", "Basic eDp5")),
        ] {
            let answer = call.body(&json!({})).send().await;
            assert_eq!(answer.status, status, "{method} {path} with {what}: {}", answer.body);
        }
    }
}

async fn errors_are_those_of_the_reference(server: TestServer) {
    let app = server.data();
    let query = json!({"query": {}});
    let nameless =
        server.http().post(format!("{}/admin/query", server.url())).json(&query).send().await.expect("an answer");
    assert_eq!(nameless.status().as_u16(), 400);
    let body: serde_json::Value = nameless.json().await.expect("JSON");
    assert_eq!((&body["type"], &body["hint"]["in"]), (&json!("param-missing"), &json!(["headers", "app-id"])));
    let said = app.anybody("POST", "/admin/query").body(&query).refused("param-missing").await;
    assert_eq!(said["hint"]["in"], json!(["headers", "authorization"]));
    let wrong = app.anybody("POST", "/admin/query").header("authorization", &format!("Bearer {}", app.id));
    assert_eq!(wrong.body(&query).refused("record-not-found").await["hint"]["record-type"], "app-admin-token");
    let nobody = app.call("POST", "/admin/query").header("as-email", "nobody@example.com");
    assert_eq!(nobody.body(&query).refused("record-not-found").await["hint"]["record-type"], "app-user");
    app.anybody("POST", "/admin/query").header("as-token", "x").body(&query).refused("param-malformed").await;
    let unknown = app.call("GET", "/admin/nothing").send().await;
    assert_eq!(unknown.status, 404);
    assert_eq!(app.anybody("GET", "/health/system").ok().await, json!({"wal": "ok"}));
}
