//! What the customer's backend does to users (sentc.md section 7).

use e2e::users::{NOBODY, Session, TestGroup};
use e2e::{TestServer, both, tokens};
use keystead_protocol::apps::EndpointOptions;
use keystead_protocol::keys::ForcedLoginOutput;
use keystead_sdk_core::Suite;
use serde_json::json;

both! { forced_login_needs_no_password, forced_delete_by_identifier_and_by_id, forced_calls_stay_in_their_app }

async fn forced_login_needs_no_password(server: TestServer) {
    let made = server.register(&server.lax, Suite::HYBRID, "alice").await;
    let login = |who: &str| {
        server.post("/user/forced/login").token(&server.lax.secret).json(&json!({ "user_identifier": who }))
    };
    let out: ForcedLoginOutput = login("alice").ok_as().await;
    assert_eq!((&out.device_keys.user_id, &out.device_keys.device_id), (&made.user_id, &made.device_id));
    assert!(tokens::claims(&out.verify.jwt).fresh);
    assert_eq!(out.verify.user_keys[0].user_public_key_id, made.device_id, "wrapped for the device");
    let alice = Session::from_login("alice", out.verify);
    server.put("/refresh").jwt(&alice.jwt).json(&alice.refresh_body()).ok().await;
    login("nobody").refused(100).await;
    // A login is a device's: the user id does not name one.
    login(&made.user_id).refused(100).await;
}

async fn forced_delete_by_identifier_and_by_id(server: TestServer) {
    let secret = &server.lax.secret;
    let (one, two) = (server.session("one").await, server.session("two").await);
    server.put("/user/forced/delete").token(secret).json(&json!({ "user_identifier": "one" })).ok().await;
    server.delete(&format!("/user/forced/delete/{}", two.user_id)).token(secret).ok().await;
    for gone in [&one, &two] {
        server.get("/group/all/0/none").jwt(&gone.jwt).refused(100).await;
        assert!(server.database().find(&gone.user_id).is_empty());
        server
            .put("/user/forced/delete")
            .token(secret)
            .json(&json!({ "user_identifier": gone.identifier }))
            .refused(100)
            .await;
        server.delete(&format!("/user/forced/delete/{}", gone.user_id)).token(secret).refused(100).await;
    }
    server.delete(&format!("/user/forced/delete/{NOBODY}")).token(secret).refused(100).await;
    server.delete("/user/forced/delete/one").token(secret).refused(100).await;
}

async fn forced_calls_stay_in_their_app(server: TestServer) {
    let other = server.create_app("other", EndpointOptions::preset_lax());
    let alice = server.session("alice").await;
    let group: TestGroup = server.group(&alice).await;
    for who in ["alice", &alice.user_id] {
        let body = json!({ "user_identifier": who });
        server.put("/user/forced/delete").token(&other.secret).json(&body).refused(100).await;
        server.delete("/user/forced/sessions").token(&other.secret).json(&body).refused(100).await;
        server.post("/user/forced/login").token(&other.secret).json(&body).refused(100).await;
    }
    server.delete(&format!("/user/forced/delete/{}", alice.user_id)).token(&other.secret).refused(100).await;
    assert_eq!(server.rank_of(&group, &alice).await, Some(0));
}
