//! Sessions are remembered for one state of the database: whatever ends one counts for the next request, on every reader and node.

use e2e::identity::{PASSWORD, Person, Tokens};
use e2e::{TestServer, both};
use futures_util::future::join_all;
use serde_json::json;

both! {
    every_end_counts_for_the_next_request,
    no_request_is_let_in_after_a_logout_was_answered,
    what_is_remembered_is_one_token_of_one_app,
    time_ends_what_is_remembered,
}

/// More than the server has connections to its database, so that each of them gets to know the caller.
const AT_ONCE: usize = 12;

async fn all(server: &TestServer, tokens: &Tokens) -> Vec<bool> {
    let call = || server.iam("GET", "/authn/isauthenticated").tokens(tokens).send();
    join_all((0..AT_ONCE).map(|_| call())).await.iter().map(e2e::identity::IamAnswer::is_ok).collect()
}

async fn let_in(server: &TestServer, tokens: &Tokens) {
    // Twice: the second time from memory.
    for _ in 0..2 {
        assert_eq!(all(server, tokens).await, [true; AT_ONCE]);
    }
}

async fn refused(server: &TestServer, tokens: &Tokens) {
    assert_eq!(all(server, tokens).await, [false; AT_ONCE]);
}

async fn every_end_counts_for_the_next_request(server: TestServer) {
    let again = async |person: &Person| server.person_again(&person.email, PASSWORD).await;
    let jo = server.person("jo@example.com").await;
    // The user's own logout, on another node.
    let_in(&server, &jo.tokens).await;
    let node = server.another_node();
    let logout = server.http().post(format!("{}/api/iam/authn/logout", node.url()));
    let logout = logout.header("client-platform", "app").header("iam-access-token", &jo.tokens.access);
    assert!(logout.send().await.expect("an answer").status().is_success());
    refused(&server, &jo.tokens).await;
    // A login elsewhere.
    let jo = again(&jo).await;
    let_in(&server, &jo.tokens).await;
    let newer = again(&jo).await;
    refused(&server, &jo.tokens).await;
    let_in(&server, &newer.tokens).await;
    // The operator.
    server.set_active(&jo.email, false).await;
    refused(&server, &newer.tokens).await;
    server.set_active(&jo.email, true).await;
    let jo = again(&jo).await;
    let_in(&server, &jo.tokens).await;
    // A connection that this server knows nothing of.
    server.database().execute(&format!("UPDATE iam_users SET first_name = 'Joanna' WHERE uuid = '{}'", jo.uuid));
    let profile = server.iam("GET", "/authn/profile").tokens(&jo.tokens).ok().await;
    assert_eq!(profile["first_name"], "Joanna");
    server.database().execute(&format!("DELETE FROM iam_users WHERE uuid = '{}'", jo.uuid));
    refused(&server, &jo.tokens).await;
}

async fn no_request_is_let_in_after_a_logout_was_answered(server: TestServer) {
    let mut jo = server.person("jo@example.com").await;
    for _ in 0..10 {
        let_in(&server, &jo.tokens).await;
        server.iam("POST", "/authn/logout").tokens(&jo.tokens).ok().await;
        refused(&server, &jo.tokens).await;
        jo = server.person_again(&jo.email, PASSWORD).await;
    }
}

async fn what_is_remembered_is_one_token_of_one_app(server: TestServer) {
    let (jo, jane) = (server.person("jo@example.com").await, server.person("jane@example.com").await);
    let_in(&server, &jo.tokens).await;
    let_in(&server, &jane.tokens).await;
    for person in [&jo, &jane] {
        let profile = server.iam("GET", "/authn/profile").tokens(&person.tokens).ok().await;
        assert_eq!(profile["uuid"], json!(person.uuid));
    }
    // The same token elsewhere, or changed where the memory does not look first.
    let other = server.create_app("other", keystead_protocol::apps::EndpointOptions::preset_default());
    let elsewhere = || server.iam("GET", "/authn/profile").header("x-sentc-app-token", &other.public);
    join_all((0..AT_ONCE).map(|_| elsewhere().tokens(&jo.tokens).fails(401))).await;
    let changed = Tokens { access: jo.tokens.access.replacen("ey", "eY", 1), ..Tokens::default() };
    refused(&server, &changed).await;
    let_in(&server, &jo.tokens).await;
}

async fn time_ends_what_is_remembered(server: TestServer) {
    let jo = server.person("jo@example.com").await;
    let alone = Tokens { access: jo.tokens.access.clone(), ..Tokens::default() };
    let_in(&server, &alone).await;
    server.advance(901);
    refused(&server, &alone).await;
}
