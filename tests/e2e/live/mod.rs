//! Live queries, the socket, rooms, other nodes; with the real clients.

mod chaos;
mod clients;
mod copies;
mod killed;
mod nodes;
mod room_rules;
mod socket;
mod status;
mod streams;

use e2e::TestServer;
use e2e::socket::Socket;
use serde_json::{Value, json};

/// A call of the admin API, which must succeed.
async fn admin(server: &TestServer, url: &str, path: &str, body: &Value) -> Value {
    let answer = server
        .http()
        .post(format!("{url}{path}"))
        .header("app-id", &server.lax.id)
        .bearer_auth(&server.lax.admin)
        .json(body)
        .send()
        .await
        .expect("an answer");
    let status = answer.status();
    let body: Value = answer.json().await.expect("JSON");
    assert!(status.is_success(), "{status} {body}");
    body
}

/// Runs steps as the app's backend and gives the number of the transaction.
async fn transact(server: &TestServer, steps: Value) -> i64 {
    let done = admin(server, &server.url(), "/admin/transact", &json!({"steps": steps})).await;
    done["tx-id"].as_i64().expect("a number")
}

/// A fresh answer.
async fn query(server: &TestServer, query: &Value) -> Value {
    admin(server, &server.url(), "/admin/query", &json!({"query": query})).await
}

/// A socket of the app's backend.
async fn backend(server: &TestServer) -> Socket {
    Socket::init(&server.url(), &server.lax.id, json!({"__admin-token": server.lax.admin})).await
}

/// A new id.
fn id(server: &TestServer) -> String {
    server.app().new_id()
}
