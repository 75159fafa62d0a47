//! Refresh tokens and what ends them.

use e2e::users::{NOBODY, Session};
use e2e::{TestServer, both, tokens};
use keystead_protocol::keys::{InitOutput, RefreshOutput};
use keystead_sdk_core::Suite;
use serde_json::json;

const DAY: i64 = 24 * 3600;

both! {
    a_refresh_gives_a_jwt_that_is_not_fresh,
    a_refresh_token_belongs_to_its_device,
    a_refresh_token_ends_with_its_age,
    logout_ends_one_refresh_token,
    refresh_tokens_rest_hashed,
    an_expired_jwt_is_still_good_for_a_refresh,
    init_gives_a_jwt_and_the_invites,
    a_renamed_identifier_logs_in,
    forced_end_of_sessions_ends_jwts_too,
}

async fn refresh(server: &TestServer, session: &Session) -> RefreshOutput {
    server.put("/refresh").jwt(&session.jwt).json(&session.refresh_body()).ok_as().await
}

async fn a_refresh_gives_a_jwt_that_is_not_fresh(server: TestServer) {
    let alice = server.session("alice").await;
    let out = refresh(&server, &alice).await;
    assert_eq!((&out.user_id, &out.device_id), (&alice.user_id, &alice.device_id));
    let (old, new) = (tokens::claims(&alice.jwt), tokens::claims(&out.jwt));
    assert!(old.fresh && !new.fresh);
    assert_eq!((new.aud, new.sub, new.exp - new.iat), (old.aud, old.sub, 300));
    server.get("/group/all/0/none").jwt(&out.jwt).ok().await;
    // Not rotated by a refresh: the same token works again.
    refresh(&server, &alice).await;
}

async fn a_refresh_token_belongs_to_its_device(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    server.put("/refresh").jwt(&alice.jwt).json(&bob.refresh_body()).refused(114).await;
    server.post("/init").jwt(&alice.jwt).json(&bob.refresh_body()).refused(114).await;
    server.delete("/refresh").jwt(&alice.jwt).json(&bob.refresh_body()).refused(114).await;
    for token in ["", "x", &"A".repeat(67), &"A".repeat(10_000)] {
        server.put("/refresh").jwt(&alice.jwt).json(&json!({ "refresh_token": token })).refused(114).await;
    }
    server.put("/refresh").jwt(&alice.jwt).refused(11).await;
    refresh(&server, &bob).await;
}

/// better-than 8: the original's refresh tokens never expire.
async fn a_refresh_token_ends_with_its_age(server: TestServer) {
    let alice = server.session("alice").await;
    server.advance(89 * DAY);
    refresh(&server, &alice).await;
    server.advance(2 * DAY);
    server.put("/refresh").jwt(&alice.jwt).json(&alice.refresh_body()).refused(114).await;
    server.post("/init").jwt(&alice.jwt).json(&alice.refresh_body()).refused(114).await;
    let again = server.login(&server.lax, Suite::CLASSIC, "alice").await;
    refresh(&server, &again).await;
}

/// better-than 8: the original has no logout.
async fn logout_ends_one_refresh_token(server: TestServer) {
    let one = server.session("alice").await;
    let two = server.login(&server.lax, Suite::CLASSIC, "alice").await;
    server.delete("/refresh").jwt(&one.jwt).json(&one.refresh_body()).ok().await;
    server.put("/refresh").jwt(&one.jwt).json(&one.refresh_body()).refused(114).await;
    server.delete("/refresh").jwt(&one.jwt).json(&one.refresh_body()).refused(114).await;
    refresh(&server, &two).await;
}

/// better-than 8: the original stores them in clear.
async fn refresh_tokens_rest_hashed(server: TestServer) {
    let alice = server.session("alice").await;
    assert!(server.database().find(&alice.refresh_token).is_empty());
    let raw = keystead_crypto::encoding::b64url_decode(&alice.refresh_token).expect("b64url");
    assert_eq!(raw.len(), 50);
    assert!(server.database().find(&keystead_crypto::encoding::b64_encode(&raw)).is_empty());
}

/// better-than 20b: the original remembers a refused JWT and then refuses it for a refresh too.
async fn an_expired_jwt_is_still_good_for_a_refresh(server: TestServer) {
    let alice = server.session("alice").await;
    server.advance(301);
    server.get("/group/all/0/none").jwt(&alice.jwt).refused(30).await;
    server.get("/group/all/0/none").jwt(&alice.jwt).refused(30).await;
    let out = refresh(&server, &alice).await;
    server.get("/group/all/0/none").jwt(&out.jwt).ok().await;
    server.post("/init").jwt(&alice.jwt).json(&alice.refresh_body()).ok().await;
    // Its signature must hold all the same.
    let forged = tokens::with_broken_signature(&alice.jwt);
    server.put("/refresh").jwt(&forged).json(&alice.refresh_body()).refused(30).await;
}

async fn init_gives_a_jwt_and_the_invites(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let none: InitOutput = server.post("/init").jwt(&bob.jwt).json(&bob.refresh_body()).ok_as().await;
    assert!(none.invites.is_empty());
    let mut expected = Vec::new();
    for _ in 0..2 {
        let group = server.group(&alice).await;
        let body = e2e::bodies::new_member(&[&group.key_id], &bob, None);
        server.put_member("invite", &alice, &group, &bob, &body).ok().await;
        expected.insert(0, group.id);
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    let out: InitOutput = server.post("/init").jwt(&bob.jwt).json(&bob.refresh_body()).ok_as().await;
    assert_eq!(out.invites.iter().map(|i| i.group_id.clone()).collect::<Vec<_>>(), expected, "newest first");
    assert!(!tokens::claims(&out.jwt).fresh);
}

async fn a_renamed_identifier_logs_in(server: TestServer) {
    let (alice, _bob) = (server.session("alice").await, server.session("bob").await);
    let rename = |name: &str| server.put("/user").jwt(&alice.jwt).json(&json!({ "user_identifier": name }));
    rename("bob").refused(101).await;
    rename("").refused(11).await;
    rename("alice").ok().await;
    rename("alice the second").ok().await;
    assert_eq!(server.login(&server.lax, Suite::CLASSIC, "alice the second").await.user_id, alice.user_id);
    assert_eq!(server.done_login(&server.lax, Suite::CLASSIC, "alice").await.code(), Some(112));
    // The old name is free for somebody else.
    let other = server.register(&server.lax, Suite::CLASSIC, "alice").await;
    assert_ne!(other.user_id, alice.user_id);
}

/// better-than 9 and 19: the original's JWTs survive, and it takes the identifier only.
async fn forced_end_of_sessions_ends_jwts_too(server: TestServer) {
    let bob = server.session("bob").await;
    for by_id in [false, true] {
        let name = format!("alice {by_id}");
        let alice = server.session(&name).await;
        let newer = server.login(&server.lax, Suite::CLASSIC, &name).await;
        let pending = server.done_login(&server.lax, Suite::CLASSIC, &name).await;
        let pending = e2e::users::Template::of(Suite::CLASSIC).verify_login(&name, &pending.text());
        // Used before, so that a cache would know it.
        server.get("/group/all/0/none").jwt(&alice.jwt).ok().await;

        let who = if by_id { alice.user_id.clone() } else { name.clone() };
        let end = server.delete("/user/forced/sessions").json(&json!({ "user_identifier": who }));
        end.token(&server.lax.secret).ok().await;
        for session in [&alice, &newer] {
            server.get("/group/all/0/none").jwt(&session.jwt).refused(30).await;
            server.put("/refresh").jwt(&session.jwt).json(&session.refresh_body()).refused(114).await;
        }
        server.post("/verify_login").json(&pending).refused(112).await;
        let again = server.login(&server.lax, Suite::CLASSIC, &name).await;
        server.get("/group/all/0/none").jwt(&again.jwt).ok().await;
        refresh(&server, &again).await;
    }
    server.get("/group/all/0/none").jwt(&bob.jwt).ok().await;
    refresh(&server, &bob).await;
    let unknown = server.delete("/user/forced/sessions").json(&json!({ "user_identifier": NOBODY }));
    unknown.token(&server.lax.secret).refused(100).await;
}
