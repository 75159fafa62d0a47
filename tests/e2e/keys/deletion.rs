//! The end of an account.

use e2e::users::{Session, Template};
use e2e::{TestServer, both, tokens};
use keystead_protocol::apps::EndpointOptions;
use keystead_protocol::keys::RefreshOutput;
use keystead_sdk_core::Suite;
use serde_json::json;

both! {
    deletion_needs_a_fresh_jwt,
    by_default_only_the_backend_deletes,
    nothing_of_a_deleted_user_stays,
    a_group_goes_with_the_last_who_can_enter_it,
    the_last_two_may_go_at_once,
}

async fn deletion_needs_a_fresh_jwt(server: TestServer) {
    let alice = server.session("alice").await;
    let out: RefreshOutput = server.put("/refresh").jwt(&alice.jwt).json(&alice.refresh_body()).ok_as().await;
    server.delete("/user").jwt(&out.jwt).refused(113).await;
    // The SDK logs in again in the background for this.
    let fresh = server.login(&server.lax, Suite::CLASSIC, "alice").await;
    server.delete("/user").jwt(&fresh.jwt).ok().await;
    server.delete("/user").jwt(&fresh.jwt).refused(100).await;
}

async fn by_default_only_the_backend_deletes(server: TestServer) {
    let app = server.create_app("strict", EndpointOptions::preset_default());
    let alice = server.session_in(&app, Suite::CLASSIC, "alice").await;
    server.delete("/user").token(&app.public).jwt(&alice.jwt).refused(203).await;
    server.delete("/user").token(&app.secret).jwt(&alice.jwt).ok().await;
}

/// better-than 15: key blobs of further devices and older generations stayed behind.
async fn nothing_of_a_deleted_user_stays(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    e2e::generations::add(&server, &alice.key_id, [1, 2]);
    // In a group of bob's, invited to another one with an open upload session, and creator of one.
    let joined = server.group_with(&bob, &[(&alice, 2)]).await;
    let invited = server.group(&bob).await;
    let mut body = e2e::bodies::new_member(&[&invited.key_id], &alice, None);
    body.key_session = true;
    server.put_member("invite", &bob, &invited, &alice, &body).ok().await;
    let own = server.group_with(&alice, &[(&bob, 1)]).await;
    // With sessions and an open challenge.
    server.login(&server.lax, Suite::CLASSIC, "alice").await;
    let pending = server.done_login(&server.lax, Suite::CLASSIC, "alice").await;
    let pending = Template::of(Suite::CLASSIC).verify_login("alice", &pending.text());

    let identifier_hash = tokens::claims(&alice.jwt).device_identifier;
    let ids = [&alice.user_id, &alice.device_id, &alice.user_group_id, &alice.key_id, &identifier_hash];
    let mut database = server.database();
    for id in ids {
        assert!(!database.find(id).is_empty(), "{id} is there before");
    }
    server.delete("/user").jwt(&alice.jwt).ok().await;
    for id in ids {
        assert_eq!(database.find(id), Vec::<String>::new(), "{id}");
    }
    let number = |sql: &str| server.database().number(sql);
    server.post("/verify_login").json(&pending).refused(112).await;
    assert_eq!(number("SELECT CAST(count(*) AS TEXT) AS line FROM key_refresh_tokens"), 1, "bob's");

    // Others go on.
    let members = server.get(&format!("/group/{}/member/0/none", joined.id)).jwt(&bob.jwt).ok().await;
    assert_eq!(members, json!([]));
    assert_eq!(server.rank_of(&own, &bob).await, Some(1));
    server.get(&format!("/user/{}/public_key", alice.user_id)).refused(100).await;
    assert_refused_everywhere(&server, &alice).await;
    // The name is free, and its new owner gets nothing of the old.
    let again = server.session("alice").await;
    assert_ne!(again.user_id, alice.user_id);
    assert_eq!(server.rank_of(&joined, &again).await, None);
    assert_eq!(server.get("/group/all/0/none").jwt(&again.jwt).ok().await, json!([]));
}

async fn a_group_goes_with_the_last_who_can_enter_it(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let own = server.group(&alice).await;
    let connected = server.connected(&alice, &own).await;
    let shared = server.group_with(&alice, &[(&bob, 4)]).await;
    // Bob is in the child only; it opens with keys of the parent.
    let parent = server.group(&alice).await;
    let child = server.child(&alice, &parent).await;
    server.add_member(&alice, &child, &bob, 4).await;
    let all = [&own, &connected, &shared, &parent, &child];
    let left = || {
        let mut database = server.database();
        all.map(|group| !database.find(&group.id).is_empty())
    };
    assert_eq!(left(), [true; 5]);
    server.delete("/user").jwt(&alice.jwt).ok().await;
    assert_eq!(left(), [false, false, true, true, true], "with the group goes what it alone was a member of");
    assert_eq!(server.rank_of(&shared, &bob).await, Some(4));
    assert_eq!(server.rank_of(&child, &bob).await, Some(4));
    server.delete("/user").jwt(&bob.jwt).ok().await;
    assert_eq!(left(), [false; 5]);
    assert_eq!(server.database().number("SELECT CAST(count(*) AS TEXT) AS line FROM groups"), 0);
}

async fn the_last_two_may_go_at_once(server: TestServer) {
    for round in 0..6 {
        let alice = server.session(&format!("alice {round}")).await;
        let bob = server.session(&format!("bob {round}")).await;
        for _ in 0..3 {
            server.group_with(&alice, &[(&bob, 1)]).await;
        }
        let delete = |who: &Session| server.delete("/user").jwt(&who.jwt).ok();
        futures_util::future::join(delete(&alice), delete(&bob)).await;
        assert_eq!(server.database().number("SELECT CAST(count(*) AS TEXT) AS line FROM groups"), 0);
    }
}

async fn assert_refused_everywhere(server: &TestServer, gone: &Session) {
    server.get("/group/all/0/none").jwt(&gone.jwt).refused(100).await;
    server.put("/refresh").jwt(&gone.jwt).json(&gone.refresh_body()).refused(100).await;
    server.post("/init").jwt(&gone.jwt).json(&gone.refresh_body()).refused(100).await;
    assert_eq!(server.done_login(&server.lax, Suite::CLASSIC, &gone.identifier).await.code(), Some(112));
}
