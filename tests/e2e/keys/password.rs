//! New passwords (sentc.md section 4.3), and accounts that the backend begins anew (section 7).

use e2e::devices::auth_key;
use e2e::users::{NOBODY, Session, Template};
use e2e::{Setup, TestServer, bodies, both};
use futures_util::future::join_all;
use keystead_protocol::keys::RegisterData;
use keystead_sdk_core::Suite;
use keystead_server::config::{Config, PasswordChangeEnds};
use serde_json::{Value, json};

both! {
    a_changed_password_logs_in_and_the_old_one_does_not,
    a_change_needs_the_old_password_and_a_fresh_jwt,
    a_change_ends_other_sessions,
    a_login_under_way_ends_with_a_change,
    a_reset_needs_a_fresh_jwt_and_nothing_else,
    a_fresh_jwt_of_an_ended_session_is_not_fresh,
    malformed_passwords_change_nothing,
    of_parallel_changes_one_wins,
    a_reset_user_begins_anew_and_stays_in_his_groups,
    of_parallel_resets_of_a_user_the_last_holds,
}
both! { wrong_old_passwords_are_limited; with Setup::limited() }
both! { a_setting_keeps_the_originals_ways; with Setup::default().with(as_the_original) }
both! { a_setting_keeps_the_sessions_of_the_device; with Setup::default().with(other_devices_only) }

fn as_the_original(config: &mut Config) {
    config.keys.password_change_ends = PasswordChangeEnds::Nothing;
    config.keys.reset_password_needs_fresh_jwt = false;
}

fn other_devices_only(config: &mut Config) {
    config.keys.password_change_ends = PasswordChangeEnds::OtherDevices;
}

fn template() -> &'static Template {
    Template::of(Suite::CLASSIC)
}

fn change(server: &TestServer, by: &Session, body: &Value) -> e2e::raw::Call {
    server.put("/user/update_pw").jwt(&by.jwt).json(body)
}

fn reset(server: &TestServer, jwt: &str, to: &str) -> e2e::raw::Call {
    server.put("/user/reset_pw").jwt(jwt).json(&template().reset_password(to))
}

/// The answer of `done_login` with a password of the tests.
async fn login_code(server: &TestServer, identifier: &str, password: &str) -> Option<u32> {
    let body = json!({ "auth_key": auth_key(password), "device_identifier": identifier });
    server.post("/done_login").json(&body).code().await
}

async fn is_alive(server: &TestServer, session: &Session) -> (Option<u32>, Option<u32>) {
    let jwt = server.get("/group/all/0/none").jwt(&session.jwt).code().await;
    (jwt, server.put("/refresh").jwt(&session.jwt).json(&session.refresh_body()).code().await)
}

const ALIVE: (Option<u32>, Option<u32>) = (None, None);
const ENDED: (Option<u32>, Option<u32>) = (Some(30), Some(114));

async fn a_changed_password_logs_in_and_the_old_one_does_not(server: TestServer) {
    let alice = server.session("alice").await;
    let stored = |server: &TestServer| server.database().find(&alice.device_id).concat();
    let before = stored(&server);
    change(&server, &alice, &template().change_password("new")).ok().await;
    assert_ne!(stored(&server), before);
    assert_eq!(login_code(&server, "alice", "new").await, None);
    assert_eq!(server.done_login(&server.lax, Suite::CLASSIC, "alice").await.code(), Some(112));
    // Only this device.
    let laptop = server.add_device(&alice, "laptop").await;
    assert_eq!(laptop.user_id, alice.user_id);
    assert_eq!(server.done_login(&server.lax, Suite::CLASSIC, "laptop").await.code(), None);
}

async fn a_change_needs_the_old_password_and_a_fresh_jwt(server: TestServer) {
    let alice = server.session("alice").await;
    let mut body = template().change_password("new");
    body["old_auth_key"] = auth_key("wrong").into();
    change(&server, &alice, &body).refused(112).await;
    body["old_auth_key"] = "AAAA".into();
    change(&server, &alice, &body).refused(111).await;
    let out = server.put("/refresh").jwt(&alice.jwt).json(&alice.refresh_body()).ok().await;
    let stale = Session { jwt: out["jwt"].as_str().expect("a JWT").to_owned(), ..alice.clone() };
    change(&server, &stale, &template().change_password("new")).refused(113).await;
    assert_eq!(server.done_login(&server.lax, Suite::CLASSIC, "alice").await.code(), None, "nothing has changed");
}

/// better-than 7: old sessions survive every password change of the original.
async fn a_change_ends_other_sessions(server: TestServer) {
    for by_reset in [false, true] {
        let name = |of: &str| format!("{of} {by_reset}");
        let phone = server.session(&name("phone")).await;
        let laptop = server.add_device(&phone, &name("laptop")).await;
        let stolen = server.login(&server.lax, Suite::CLASSIC, &phone.identifier).await;
        let named = server.login(&server.lax, Suite::CLASSIC, &phone.identifier).await;
        let current = server.login(&server.lax, Suite::CLASSIC, &phone.identifier).await;
        let bob = server.session(&name("bob")).await;
        let body = if by_reset { template().reset_password("new") } else { template().change_password("new") };
        let mut body = body;
        body["refresh_token"] = named.refresh_token.as_str().into();
        let path = if by_reset { "/user/reset_pw" } else { "/user/update_pw" };
        server.put(path).jwt(&current.jwt).json(&body).ok().await;

        assert_eq!(is_alive(&server, &laptop).await, ENDED, "another device, its JWT too");
        assert_eq!(is_alive(&server, &current).await, ALIVE, "the one that asked");
        assert_eq!(is_alive(&server, &named).await, ALIVE, "the one that it named as its own");
        assert_eq!(is_alive(&server, &bob).await, ALIVE);
        // Of this device's other sessions the JWT runs out by itself, but changes nothing any more.
        for old in [&phone, &stolen] {
            server.put("/refresh").jwt(&old.jwt).json(&old.refresh_body()).refused(114).await;
            server.delete("/user").jwt(&old.jwt).refused(113).await;
            reset(&server, &old.jwt, "mine").refused(113).await;
        }
        server.advance(301);
        assert_eq!(is_alive(&server, &stolen).await, ENDED);
        // The other device logs in again as before.
        let again = server.login(&server.lax, Suite::CLASSIC, &laptop.identifier).await;
        assert_eq!(is_alive(&server, &again).await, ALIVE);
    }
}

async fn a_login_under_way_ends_with_a_change(server: TestServer) {
    let alice = server.session("alice").await;
    server.add_device(&alice, "laptop").await;
    let pending = async |name: &str| {
        let answer = server.done_login(&server.lax, Suite::CLASSIC, name).await;
        template().verify_login(name, &answer.text())
    };
    let (own, others) = (pending("alice").await, pending("laptop").await);
    change(&server, &alice, &template().change_password("new")).ok().await;
    server.post("/verify_login").json(&own).refused(112).await;
    server.post("/verify_login").json(&others).refused(112).await;
}

/// better-than 7: for the original a stolen refresh token is enough to take the login over.
async fn a_reset_needs_a_fresh_jwt_and_nothing_else(server: TestServer) {
    let alice = server.session("alice").await;
    let out = server.put("/refresh").jwt(&alice.jwt).json(&alice.refresh_body()).ok().await;
    reset(&server, out["jwt"].as_str().expect("a JWT"), "stolen").refused(113).await;
    assert_eq!(login_code(&server, "alice", "stolen").await, Some(112));
    reset(&server, &alice.jwt, "new").ok().await;
    assert_eq!(login_code(&server, "alice", "new").await, None);
    assert_eq!(server.done_login(&server.lax, Suite::CLASSIC, "alice").await.code(), Some(112));
    assert_eq!(is_alive(&server, &alice).await, ALIVE);
}

async fn a_fresh_jwt_of_an_ended_session_is_not_fresh(server: TestServer) {
    let alice = server.session("alice").await;
    let other = server.login(&server.lax, Suite::CLASSIC, "alice").await;
    change(&server, &alice, &template().change_password("new")).ok().await;
    for (method, path) in [("PATCH", "/user/register_otp"), ("DELETE", "/user"), ("GET", "/user/otp_recovery_keys")] {
        server.call(method, path).jwt(&other.jwt).refused(113).await;
    }
    server.get("/group/all/0/none").jwt(&other.jwt).ok().await;
    server.patch("/user/register_otp").jwt(&alice.jwt).ok().await;
}

async fn malformed_passwords_change_nothing(server: TestServer) {
    let alice = server.session("alice").await;
    let wrong = [
        ("derived_alg", json!("ROT13")),
        ("client_random_value", json!("AAAA")),
        ("hashed_authentication_key", json!("no b64")),
        ("encrypted_master_key", json!("AAAA")),
        ("encrypted_master_key_alg", json!("")),
    ];
    for (field, value) in wrong {
        let mut body = template().change_password("new");
        body[format!("new_{field}")] = value.clone();
        change(&server, &alice, &body).refused(11).await;
        let mut body = template().reset_password("new");
        match body.get(field) {
            Some(_) => body[field] = value,
            None => body["master_key"][field] = value,
        }
        server.put("/user/reset_pw").jwt(&alice.jwt).json(&body).refused(11).await;
    }
    for field in ["encrypted_private_key", "encrypted_sign_key"] {
        let mut body = template().reset_password("new");
        body[field] = Template::of(Suite::HYBRID).reset_password("new")[field].clone();
        server.put("/user/reset_pw").jwt(&alice.jwt).json(&body).refused(11).await;
    }
    server.login(&server.lax, Suite::CLASSIC, "alice").await;
}

async fn of_parallel_changes_one_wins(server: TestServer) {
    let alice = server.session("alice").await;
    let bodies: Vec<Value> = (0..10).map(|i| template().change_password(&format!("new {i}"))).collect();
    let codes = join_all(bodies.iter().map(|body| change(&server, &alice, body).code())).await;
    assert_eq!(codes.iter().filter(|c| c.is_none()).count(), 1, "{codes:?}");
    assert!(codes.iter().all(|c| c.is_none() || *c == Some(112)), "{codes:?}");
    let winner = codes.iter().position(Option::is_none).expect("one");
    assert_eq!(login_code(&server, "alice", &format!("new {winner}")).await, None);
}

/// A backend that resets a user ends everything but his id and his memberships; his groups let him in again.
async fn a_reset_user_begins_anew_and_stays_in_his_groups(server: TestServer) {
    let (bob, carol) = (server.session("bob").await, server.session("carol").await);
    let alice = server.session("alice").await;
    let laptop = server.add_device(&alice, "alice's laptop").await;
    let group = server.group_with(&bob, &[(&alice, 1), (&carol, 2)]).await;
    let reset = |data: RegisterData| server.put("/user/forced/reset_user").token(&server.lax.secret).json(&data);
    reset(template().register("nobody")).refused(100).await;
    reset(template().register("alice")).token(&server.lax.public).refused(203).await;
    reset(template().register("alice")).ok().await;

    for old in [&alice, &laptop] {
        server.get("/group/all/0/none").jwt(&old.jwt).refused(100).await;
        server.put("/refresh").jwt(&old.jwt).json(&old.refresh_body()).refused(100).await;
        assert!(server.database().find(&old.device_id).is_empty());
    }
    assert!(
        server.database().find(&alice.user_group_id).is_empty() && server.database().find(&alice.key_id).len() <= 1
    );
    assert_eq!(server.done_login(&server.lax, Suite::CLASSIC, "alice's laptop").await.code(), Some(112));
    server.register(&server.lax, Suite::CLASSIC, "alice's laptop").await;

    let again = server.login(&server.lax, Suite::CLASSIC, "alice").await;
    assert_eq!(again.user_id, alice.user_id);
    assert!(again.device_id != alice.device_id && again.key_id != alice.key_id);
    assert_eq!(server.rank_of(&group, &again).await, Some(1), "still a member");
    // Her old wraps open nothing, so one of a lower rank may renew them; of others' he may not.
    let for_alice = bodies::new_member(&[&group.key_id], &again, None);
    let for_bob = bodies::new_member(&[&group.key_id], &bob, None);
    server.put_member("re_invite", &carol, &group, &bob, &for_bob).refused(301).await;
    server.put_member("re_invite", &carol, &group, &again, &for_alice).ok().await;
    server.put_member("re_invite", &carol, &group, &again, &for_alice).refused(301).await;
    let data = server.get(&format!("/group/{}", group.id)).jwt(&again.jwt).ok().await;
    assert_eq!(data["keys"][0]["user_public_key_id"], again.key_id);
    assert_eq!(server.rank_of(&group, &again).await, Some(1));

    // A second factor is not the password's business: it stays.
    server.register_otp(&again).await;
    reset(template().register("alice")).ok().await;
    assert_eq!(server.done_login(&server.lax, Suite::CLASSIC, "alice").await.result(), json!("Otp"));
    let other = json!({ "user_identifier": NOBODY });
    server.put("/user/forced/disable_otp").token(&server.lax.secret).json(&other).refused(100).await;
}

async fn of_parallel_resets_of_a_user_the_last_holds(server: TestServer) {
    let alice = server.session("alice").await;
    let body = template().register("alice");
    let call = |_| server.put("/user/forced/reset_user").token(&server.lax.secret).json(&body).code();
    let codes = join_all((0..8).map(call)).await;
    // One that waited for another finds what it looked for gone.
    assert!(codes.iter().any(Option::is_none), "{codes:?}");
    assert!(codes.iter().all(|c| c.is_none() || *c == Some(100)), "{codes:?}");
    let number = |sql: &str| server.database().number(&format!("SELECT CAST(count(*) AS TEXT) AS line FROM {sql}"));
    assert_eq!((number("key_devices"), number("groups"), number("group_keys")), (1, 1, 1));
    assert_eq!(server.login(&server.lax, Suite::CLASSIC, "alice").await.user_id, alice.user_id);
}

/// better-than 5.
async fn wrong_old_passwords_are_limited(server: TestServer) {
    let alice = server.session("alice").await;
    let mut body = template().change_password("new");
    body["old_auth_key"] = auth_key("wrong").into();
    for _ in 0..30 {
        change(&server, &alice, &body).refused(112).await;
    }
    change(&server, &alice, &template().change_password("new")).refused(429).await;
    // Guesses at the login are of the same row.
    assert_eq!(login_code(&server, "alice", "wrong").await, Some(429));
}

async fn a_setting_keeps_the_originals_ways(server: TestServer) {
    let phone = server.session("phone").await;
    let laptop = server.add_device(&phone, "laptop").await;
    let other = server.login(&server.lax, Suite::CLASSIC, "phone").await;
    let out = server.put("/refresh").jwt(&phone.jwt).json(&phone.refresh_body()).ok().await;
    reset(&server, out["jwt"].as_str().expect("a JWT"), "new").ok().await;
    for session in [&phone, &laptop, &other] {
        assert_eq!(is_alive(&server, session).await, ALIVE);
    }
}

async fn a_setting_keeps_the_sessions_of_the_device(server: TestServer) {
    let phone = server.session("phone").await;
    let laptop = server.add_device(&phone, "laptop").await;
    let other = server.login(&server.lax, Suite::CLASSIC, "phone").await;
    change(&server, &phone, &template().change_password("new")).ok().await;
    assert_eq!(is_alive(&server, &other).await, ALIVE);
    assert_eq!(is_alive(&server, &laptop).await, ENDED);
}
