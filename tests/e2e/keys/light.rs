//! Light users (sentc.md section 11): they log in as others do, and have no user keys.

use e2e::devices::light_session;
use e2e::users::Template;
use e2e::{TestServer, bodies, both, tokens};
use keystead_protocol::keys::VerifyLoginOutput;
use keystead_sdk_core::Suite;
use serde_json::json;

both! {
    a_light_user_registers_and_logs_in,
    a_light_login_is_good_for_any_user,
    light_users_are_members_of_light_groups,
    a_light_user_has_devices,
    the_backend_resets_a_light_users_password,
    the_backend_logs_a_light_user_in,
}

async fn a_light_user_registers_and_logs_in(server: TestServer) {
    let made = server.register_light("alice").await;
    assert_eq!(made.device_identifier, "alice");
    let body = Template::of(Suite::CLASSIC).device("alice");
    server.post("/register_light").token(&server.lax.secret).json(&body).refused(101).await;
    let alice = server.light_login(&server.lax, "alice").await;
    assert_eq!((&alice.user_id, &alice.device_id), (&made.user_id, &made.device_id));
    assert!(tokens::claims(&alice.jwt).fresh);
    server.put("/refresh").jwt(&alice.jwt).json(&alice.refresh_body()).ok().await;
    // The complete login works too, with nothing to open.
    let done = server.done_login(&server.lax, Suite::CLASSIC, "alice").await;
    let body = Template::of(Suite::CLASSIC).verify_login("alice", &done.text());
    let login: VerifyLoginOutput = server.post("/verify_login").json(&body).ok_as().await;
    assert!(login.user_keys.is_empty() && login.hmac_keys.is_empty());
    // There is no public key to wrap anything for.
    server.get(&format!("/user/{}/public_key", made.user_id)).refused(100).await;
    server.delete("/user").jwt(&alice.jwt).ok().await;
    assert!(server.database().find(&made.user_id).is_empty());
}

async fn a_light_login_is_good_for_any_user(server: TestServer) {
    let full = server.session("alice").await;
    let light = server.light_login(&server.lax, "alice").await;
    assert_eq!(light.device_id, full.device_id);
    // The challenge is used up by it.
    let done = server.done_login(&server.lax, Suite::CLASSIC, "alice").await;
    let body = Template::of(Suite::CLASSIC).verify_login("alice", &done.text());
    server.post("/verify_login_light").json(&body).ok().await;
    server.post("/verify_login_light").json(&body).refused(112).await;
    server.post("/verify_login").json(&body).refused(112).await;
}

async fn light_users_are_members_of_light_groups(server: TestServer) {
    server.register_light("alice").await;
    server.register_light("bob").await;
    let alice = server.light_login(&server.lax, "alice").await;
    let bob = server.light_login(&server.lax, "bob").await;
    let made = server.post("/group/light").jwt(&alice.jwt).ok().await;
    let id = made["group_id"].as_str().expect("an id");
    let add = format!("/group/{id}/invite_auto/{}/light", bob.user_id);
    server.put(&add).jwt(&alice.jwt).json(&json!({ "rank": 2 })).ok().await;
    let light = server.get(&format!("/group/{id}/light")).jwt(&bob.jwt).ok().await;
    assert_eq!(light["rank"], 2);
    // Keys cannot be wrapped for him, and he makes no group with keys.
    let carol = server.session("carol").await;
    let group = server.group(&carol).await;
    let keys = bodies::new_member(&[&group.key_id], &carol, None);
    server.put_member("invite_auto", &carol, &group, &bob, &keys).refused(304).await;
    server.post("/group").jwt(&bob.jwt).json(&bodies::group(&carol.key_id)).refused(304).await;
}

async fn a_light_user_has_devices(server: TestServer) {
    server.register_light("alice").await;
    let first = server.light_login(&server.lax, "alice").await;
    let new = server.prepare_device(Suite::CLASSIC, "alice's other").await;
    let body = json!({ "user_group": { "rank": null }, "token": new.token });
    server.put("/user/done_register_device_light").jwt(&first.jwt).json(&body).ok().await;
    server.put("/user/done_register_device_light").jwt(&first.jwt).json(&body).refused(100).await;
    let second = server.light_login(&server.lax, "alice's other").await;
    assert_eq!((&second.user_id, &second.device_id), (&first.user_id, &new.device_id));
    // With keys it cannot be: there are none.
    let third = server.prepare_device(Suite::CLASSIC, "a third").await;
    let stranger = server.session("stranger").await;
    let keys = bodies::new_member(&[&stranger.key_id], &stranger, None);
    let body = json!({ "user_keys": keys, "token": third.token });
    server.put("/user/done_register_device").jwt(&first.jwt).json(&body).refused(304).await;
    server.delete(&format!("/user/device/{}", first.device_id)).jwt(&second.jwt).ok().await;
    server.get("/group/all/0/none").jwt(&first.jwt).refused(100).await;
}

async fn the_backend_resets_a_light_users_password(server: TestServer) {
    let made = server.register_light("alice").await;
    let alice = server.light_login(&server.lax, "alice").await;
    let other = Template::of(Suite::HYBRID);
    let reset = |name: &str| server.put("/user/reset_pw_light").json(&other.device(name));
    reset("alice").refused(203).await;
    reset("nobody").token(&server.lax.secret).refused(100).await;
    reset("alice").token(&server.lax.secret).ok().await;
    // The sessions have ended, the user is the same.
    server.get("/group/all/0/none").jwt(&alice.jwt).refused(30).await;
    server.put("/refresh").jwt(&alice.jwt).json(&alice.refresh_body()).refused(114).await;
    assert_eq!(server.done_login(&server.lax, Suite::CLASSIC, "alice").await.code(), Some(112));
    let done = server.done_login(&server.lax, Suite::HYBRID, "alice").await.text();
    let body = other.verify_login("alice", &done);
    let again = light_session("alice", &server.post("/verify_login_light").json(&body).ok().await);
    assert_eq!((again.user_id, again.device_id), (made.user_id, made.device_id));
    // One with user keys would lose them: he is reset as a whole.
    let bob = server.session("bob").await;
    reset("bob").token(&server.lax.secret).refused(117).await;
    server.get("/group/all/0/none").jwt(&bob.jwt).ok().await;
}

async fn the_backend_logs_a_light_user_in(server: TestServer) {
    let made = server.register_light("alice").await;
    let body = json!({ "user_identifier": "alice" });
    let out = server.post("/user/forced/login_light").token(&server.lax.secret).json(&body).ok().await;
    assert_eq!(out["device_keys"]["device_id"], made.device_id);
    let alice = light_session("alice", &out["verify"]);
    server.get("/group/all/0/none").jwt(&alice.jwt).ok().await;
    server.put("/refresh").jwt(&alice.jwt).json(&alice.refresh_body()).ok().await;
    let unknown = server.post("/user/forced/login_light").json(&json!({ "user_identifier": "nobody" }));
    unknown.token(&server.lax.secret).refused(100).await;
}
