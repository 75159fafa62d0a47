//! What the server remembers of callers of the data API is never stale: whatever has been answered or committed, by whomever, counts
//! for the next request.

use e2e::data::{DataAnswer, DataApp};
use e2e::{TestServer, both};
use futures_util::future::join_all;
use serde_json::json;

both! {
    every_change_counts_for_the_next_request,
    what_is_remembered_is_one_callers_alone,
    a_jwt_is_not_remembered_beyond_its_time,
}

/// More than the server has connections to its database, so that each of them gets to know the caller.
const AT_ONCE: usize = 12;

async fn asked(app: &DataApp, token: &str) -> Vec<DataAnswer> {
    let query = json!({"query": {"notes": {}}});
    join_all((0..AT_ONCE).map(|_| app.anybody("POST", "/admin/query").header("as-token", token).body(&query).send()))
        .await
}

/// Every answer has so many notes.
async fn all_see(app: &DataApp, token: &str, notes: usize) {
    for answer in asked(app, token).await {
        assert_eq!(answer.body["notes"].as_array().map(Vec::len), Some(notes), "{}", answer.body);
    }
}

async fn all_refused(app: &DataApp, token: &str, kind: &str) {
    for answer in asked(app, token).await {
        assert_eq!((answer.status, &answer.body["type"]), (400, &json!(kind)), "{}", answer.body);
    }
}

async fn token_of(app: &DataApp, email: &str) -> (String, String) {
    let made = app.call("POST", "/admin/refresh_tokens").body(&json!({ "email": email })).ok().await;
    let text = |of: &str| made["user"][of].as_str().expect(of).to_owned();
    (text("id"), text("refresh_token"))
}

/// Notes for who has a role of that name.
async fn world(server: &TestServer) -> DataApp {
    let app = server.data();
    let note =
        |n: u32, role: &str| json!(["update", "notes", format!("00000000-0000-4000-8000-{n:012}"), {"role": role}]);
    app.transact(json!([note(1, "cook"), note(2, "cook"), note(3, "guard")])).await;
    app.set_rules(json!({"notes": {"allow": {"view": "auth.role == data.role"}}})).await;
    app
}

async fn every_change_counts_for_the_next_request(server: TestServer) {
    let app = world(&server).await;
    let (id, token) = token_of(&app, "jo@example.com").await;
    all_see(&app, &token, 0).await;
    // What rules know of him.
    app.transact(json!([["update", "$users", id, {"role": "cook"}]])).await;
    all_see(&app, &token, 2).await;
    // By another server on the same data.
    let node = server.another_node();
    let steps = json!({"steps": [["update", "$users", id, {"role": "guard"}]]});
    let call = server.http().post(format!("{}/admin/transact", node.url())).json(&steps);
    let done = call.header("app-id", &app.id).header("authorization", format!("Bearer {}", app.admin)).send().await;
    assert_eq!(done.expect("an answer").status(), 200);
    all_see(&app, &token, 1).await;
    // The rules themselves.
    app.set_rules(json!({"notes": {"allow": {"view": "true"}}})).await;
    all_see(&app, &token, 3).await;
    // The app, by a connection that this server knows nothing of.
    let switch =
        |to: &str| format!("UPDATE apps SET disabled_ms = {to}, version = version + 1 WHERE id = '{}'", app.id);
    server.database().execute(&switch("1"));
    all_refused(&app, &token, "app-disabled").await;
    server.database().execute(&switch("NULL"));
    all_see(&app, &token, 3).await;
    // The end of his token, and of him.
    app.call("POST", "/admin/sign_out").body(&json!({"refresh_token": token})).ok().await;
    all_refused(&app, &token, "record-not-found").await;
    let (_, token) = token_of(&app, "jo@example.com").await;
    all_see(&app, &token, 3).await;
    app.transact(json!([["delete", "$users", id, null]])).await;
    all_refused(&app, &token, "record-not-found").await;
    // The backend's own token.
    let as_backend = || {
        join_all((0..AT_ONCE).map(|_| app.call("POST", "/admin/query").body(&json!({"query": {"notes": {}}})).send()))
    };
    assert!(as_backend().await.iter().all(|answer| answer.status == 200));
    server
        .database()
        .execute(&format!("UPDATE apps SET admin_token_hash = 'x', version = version + 1 WHERE id = '{}'", app.id));
    assert!(as_backend().await.iter().all(|answer| answer.body["hint"]["record-type"] == "app-admin-token"));
}

async fn what_is_remembered_is_one_callers_alone(server: TestServer) {
    let app = world(&server).await;
    let ((cook, cooks), (guard, guards)) =
        (token_of(&app, "c@example.com").await, token_of(&app, "g@example.com").await);
    app.transact(json!([["update", "$users", cook, {"role": "cook"}], ["update", "$users", guard, {"role": "guard"}]]))
        .await;
    let query = json!({"query": {"notes": {}}});
    let seen = async |header: (&str, &str)| {
        let answer = app.anybody("POST", "/admin/query").header(header.0, header.1).body(&query).send().await;
        answer.body["notes"].as_array().map(Vec::len)
    };
    for _ in 0..AT_ONCE {
        assert_eq!(seen(("as-token", &cooks)).await, Some(2));
        assert_eq!(seen(("as-token", &guards)).await, Some(1));
        assert_eq!(seen(("as-guest", "true")).await, Some(0));
        assert_eq!(seen(("authorization", &format!("Bearer {}", app.admin))).await, Some(3));
        // A user's token is none of a backend, and an address needs one.
        assert_eq!(seen(("authorization", &format!("Bearer {cooks}"))).await, None);
        assert_eq!(seen(("as-email", "c@example.com")).await, None);
        // Nor is it one of another app.
        let other = DataApp { id: server.default_app_id(), ..app.clone() };
        let answer = other.anybody("POST", "/admin/query").header("as-token", &cooks).body(&query).send().await;
        assert_eq!(answer.body["type"], "record-not-found");
    }
}

async fn a_jwt_is_not_remembered_beyond_its_time(server: TestServer) {
    let app = server.data();
    let kim = server.session("kim").await;
    app.transact(json!([["update", "$users", kim.user_id, {"email": "kim@example.com"}]])).await;
    app.set_rules(json!({"$users": {"allow": {"view": "auth.id == data.id"}}})).await;
    let asked = || async {
        let query = json!({"query": {"$users": {}}});
        let calls =
            (0..AT_ONCE).map(|_| app.anybody("POST", "/admin/query").header("as-token", &kim.jwt).body(&query).send());
        join_all(calls)
            .await
            .into_iter()
            .map(|answer| answer.body["$users"].as_array().map(Vec::len))
            .collect::<Vec<_>>()
    };
    assert_eq!(asked().await, vec![Some(1); AT_ONCE]);
    server.advance(301);
    assert_eq!(asked().await, vec![None::<usize>; AT_ONCE]);
}
