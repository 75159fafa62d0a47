//! What the server remembers of its callers is never stale: whatever has been answered or committed, by whomever, counts for
//! the next request.

use std::cell::Cell;

use e2e::users::Session;
use e2e::{TestServer, both};
use futures_util::future::join_all;
use keystead_sdk_core::Suite;
use serde_json::{Value, json};

both! {
    every_change_counts_for_the_next_request,
    nobody_is_let_in_after_a_kick_was_answered,
    what_is_remembered_is_one_callers_alone,
    an_expired_jwt_is_not_remembered,
}

/// More than the server has connections to its database, so that each of them gets to know the caller.
const AT_ONCE: usize = 12;

async fn codes(server: &TestServer, session: &Session, path: &str) -> Vec<Option<u32>> {
    join_all((0..AT_ONCE).map(|_| server.get(path).jwt(&session.jwt).code())).await
}

async fn all_let_in(server: &TestServer, session: &Session, path: &str) -> Vec<Value> {
    join_all((0..AT_ONCE).map(|_| server.get(path).jwt(&session.jwt).ok())).await
}

async fn all_refused(server: &TestServer, session: &Session, path: &str, code: u32) {
    assert_eq!(codes(server, session, path).await, vec![Some(code); AT_ONCE], "{path}");
}

async fn all_of_rank(server: &TestServer, session: &Session, path: &str, rank: i64) {
    for answer in all_let_in(server, session, path).await {
        assert_eq!(answer["rank"], rank);
    }
}

async fn every_change_counts_for_the_next_request(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let group = server.group_with(&alice, &[(&bob, 4)]).await;
    let path = format!("/group/{}/light", group.id);
    all_of_rank(&server, &bob, &path, 4).await;

    // By a request to this server.
    let body = json!({ "changed_user_id": bob.user_id, "new_rank": 3 });
    server.put(&format!("/group/{}/change_rank", group.id)).jwt(&alice.jwt).json(&body).ok().await;
    all_of_rank(&server, &bob, &path, 3).await;

    // By a connection that this server knows nothing of.
    let sql = format!("UPDATE group_members SET rank = 2 WHERE member_id = '{}'", bob.user_id);
    server.database().execute(&sql);
    all_of_rank(&server, &bob, &path, 2).await;

    // By the operator.
    server.set_options(&server.lax, &[("group_get", "0")]).await;
    all_refused(&server, &bob, &path, 203).await;
    server.set_options(&server.lax, &[("group_get", "1")]).await;
    all_of_rank(&server, &bob, &path, 2).await;

    // By another server on the same data.
    let node = server.another_node();
    let kick = format!("/group/{}/kick/{}", group.id, bob.user_id);
    node.call("DELETE", &kick).token(&server.lax.public).jwt(&alice.jwt).ok().await;
    all_refused(&server, &bob, &path, 310).await;

    // The end of sessions, and of the user.
    let list = "/group/all/0/none";
    all_let_in(&server, &bob, list).await;
    let who = json!({ "user_identifier": "bob" });
    server.delete("/user/forced/sessions").token(&server.lax.secret).json(&who).ok().await;
    all_refused(&server, &bob, list, 30).await;
    server.advance(2);
    let bob = server.login(&server.lax, Suite::CLASSIC, "bob").await;
    all_let_in(&server, &bob, list).await;
    server.put("/user/forced/delete").token(&server.lax.secret).json(&who).ok().await;
    all_refused(&server, &bob, list, 100).await;
}

async fn nobody_is_let_in_after_a_kick_was_answered(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let group = server.group(&alice).await;
    let path = format!("/group/{}/light", group.id);
    for _ in 0..10 {
        server.add_member(&alice, &group, &bob, 4).await;
        let (answered, kicked) = (Cell::new(0), Cell::new(false));
        let reader = async || {
            loop {
                let late = kicked.get();
                let code = server.get(&path).jwt(&bob.jwt).code().await;
                answered.set(answered.get() + 1);
                assert!(code == Some(310) || (code.is_none() && !late), "{code:?} late: {late}");
                if late {
                    return;
                }
            }
        };
        let kicker = async {
            while answered.get() < AT_ONCE {
                tokio::task::yield_now().await;
            }
            let kick = format!("/group/{}/kick/{}", group.id, bob.user_id);
            server.delete(&kick).jwt(&alice.jwt).ok().await;
            kicked.set(true);
        };
        futures_util::future::join(join_all((0..4).map(|_| reader())), kicker).await;
    }
}

async fn what_is_remembered_is_one_callers_alone(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let group = server.group(&alice).await;
    let path = format!("/group/{}/light", group.id);
    all_let_in(&server, &alice, &path).await;
    all_refused(&server, &bob, &path, 310).await;
    // The same JWT with everything else another's: a token of another app, a wrong one, none, a signature cut off.
    let other = server.create_app("other", keystead_protocol::apps::EndpointOptions::preset_lax());
    server.get(&path).token(&other.public).jwt(&alice.jwt).refused(35).await;
    assert!(server.get(&path).token("wrong").jwt(&alice.jwt).code().await.is_some());
    assert!(server.get(&path).without_token().jwt(&alice.jwt).code().await.is_some());
    assert!(server.get(&path).code().await.is_some());
    let (message, signature) = alice.jwt.rsplit_once('.').expect("three parts");
    let body = message.split_once('.').expect("two parts").1;
    for forged in [format!("{message}."), format!("x{body}.{signature}"), format!("{signature}.{signature}")] {
        assert!(server.get(&path).jwt(&forged).code().await.is_some(), "{forged}");
    }
    // Another guard with the same headers.
    server.get("/user/jwt").jwt(&alice.jwt).refused(203).await;
    server.get("/user/jwt").token(&server.lax.secret).jwt(&alice.jwt).ok().await;
    server.get("/user/jwt").jwt(&alice.jwt).refused(203).await;
    all_let_in(&server, &alice, &path).await;
}

async fn an_expired_jwt_is_not_remembered(server: TestServer) {
    let alice = server.session("alice").await;
    let list = "/group/all/0/none";
    all_let_in(&server, &alice, list).await;
    server.advance(301);
    all_refused(&server, &alice, list, 30).await;
    // Its age does not matter for a refresh.
    let refreshes = (0..AT_ONCE).map(|_| server.put("/refresh").jwt(&alice.jwt).json(&alice.refresh_body()).ok());
    assert_eq!(join_all(refreshes).await.len(), AT_ONCE);
}
