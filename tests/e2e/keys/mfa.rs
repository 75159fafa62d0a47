//! The second factor (sentc.md section 6).

use e2e::devices::code_at;
use e2e::users::{NOBODY, Session, Template};
use e2e::{Setup, TestServer, both};
use futures_util::future::join_all;
use keystead_protocol::devices::{OtpRecoveryKeysOutput, OtpRegister};
use keystead_sdk_core::Suite;
use keystead_server::config::Config;
use serde_json::json;

both! {
    a_login_asks_for_the_second_factor,
    no_challenge_without_the_second_factor,
    a_challenge_of_before_is_worth_nothing,
    a_second_factor_is_never_overwritten,
    changes_need_a_fresh_jwt,
    a_code_works_once_and_never_an_older_one,
    of_twenty_parallel_uses_of_a_code_one_succeeds,
    a_recovery_key_works_once,
    of_twenty_parallel_uses_of_a_recovery_key_one_succeeds,
    a_reset_replaces_secret_and_recovery_keys,
    without_it_a_login_is_as_before,
    it_belongs_to_the_user_and_all_his_devices,
    the_password_is_judged_first,
    the_backend_takes_it_away,
    it_rests_sealed,
    a_client_of_2022_is_not_let_past_it,
    light_logins_ask_for_it_too,
    nothing_of_it_stays_with_a_deleted_user,
}
both! {
    thirty_wrong_codes_then_even_the_right_one_waits,
    of_sixty_parallel_codes_thirty_are_judged,
    guessed_codes_do_not_lock_recovery_keys;
    with Setup::limited()
}
both! {
    with_the_confirmation_step_a_secret_counts_after_its_first_code,
    with_the_confirmation_step_the_old_secret_stays_until_then;
    with Setup::default().with(with_confirmation)
}

fn with_confirmation(config: &mut Config) {
    config.keys.otp_confirmation = true;
}

/// A logged-in user with a second factor.
async fn alice(server: &TestServer) -> (Session, OtpRegister) {
    let alice = server.session("alice").await;
    let otp = server.register_otp(&alice).await;
    (alice, otp)
}

async fn done_login(server: &TestServer, identifier: &str) -> serde_json::Value {
    server.done_login(&server.lax, Suite::CLASSIC, identifier).await.result()
}

async fn a_login_asks_for_the_second_factor(server: TestServer) {
    let (alice, otp) = alice(&server).await;
    assert_eq!((otp.alg.as_str(), otp.secret.len(), otp.recover.len()), ("totp_sha256", 52, 6));
    assert_eq!(done_login(&server, "alice").await, json!("Otp"));
    let answer = server.validate("/validate_mfa", "alice", &server.code(&otp)).send().await;
    assert_eq!(answer.result().as_object().expect("no tag around it").len(), 2, "{answer}");
    let again = server.verify_after("alice", &answer).await;
    assert_eq!((&again.user_id, &again.device_id), (&alice.user_id, &alice.device_id));
    server.get("/group/all/0/none").jwt(&again.jwt).ok().await;
    // One step of the clock to either side, and no further.
    for (offset, code) in [(-60, Some(902)), (60, Some(902)), (30, None)] {
        let token = code_at(&otp.secret, server.now_ms() / 1000 + offset);
        assert_eq!(server.validate("/validate_mfa", "alice", &token).code().await, code, "{offset}");
    }
    for wrong in ["", "12345", "1234567", "abcdef", &otp.recover[0]] {
        server.validate("/validate_mfa", "alice", wrong).refused(902).await;
    }
}

async fn no_challenge_without_the_second_factor(server: TestServer) {
    let (_alice, _otp) = alice(&server).await;
    server.done_login(&server.lax, Suite::CLASSIC, "alice").await;
    server.validate("/validate_mfa", "alice", "000000").send().await;
    server.validate("/validate_recovery_otp", "alice", "wrong").refused(901).await;
    let mut body = Template::of(Suite::CLASSIC).done_login("alice");
    body["challenge"] = "A".repeat(67).into();
    server.post("/verify_login").json(&body).refused(112).await;
    server.post("/verify_login_light").json(&body).refused(112).await;
}

/// A login that was begun before the account had a second factor does not end after.
async fn a_challenge_of_before_is_worth_nothing(server: TestServer) {
    let alice = server.session("alice").await;
    let pending = server.done_login(&server.lax, Suite::CLASSIC, "alice").await;
    let body = Template::of(Suite::CLASSIC).verify_login("alice", &pending.text());
    server.register_otp(&alice).await;
    server.post("/verify_login").json(&body).refused(112).await;
    // Nor if it were not dead: it says that the second factor was not given.
    let sql = format!("UPDATE key_devices SET challenges_after_ms = 0 WHERE id = '{}'", alice.device_id);
    server.database().execute(&sql);
    server.post("/verify_login").json(&body).refused(112).await;
}

/// better-than 4: the original overwrites it and needs no fresh JWT.
async fn a_second_factor_is_never_overwritten(server: TestServer) {
    let (alice, otp) = alice(&server).await;
    server.patch("/user/register_otp").jwt(&alice.jwt).refused(903).await;
    let (keys, answer) = (otp.recover.clone(), server.get("/user/otp_recovery_keys").jwt(&alice.jwt));
    let out: OtpRecoveryKeysOutput = answer.ok_as().await;
    assert_eq!(out.keys, keys);
    server.validate("/validate_mfa", "alice", &server.code(&otp)).ok().await;
    // In parallel too.
    let bob = server.session("bob").await;
    let codes = join_all((0..12).map(|_| server.patch("/user/register_otp").jwt(&bob.jwt).code())).await;
    assert_eq!(codes.iter().filter(|c| c.is_none()).count(), 1, "{codes:?}");
    assert!(codes.iter().all(|c| c.is_none() || *c == Some(903)), "{codes:?}");
}

/// better-than 4: with a stolen refresh token alone nothing about it can be changed.
async fn changes_need_a_fresh_jwt(server: TestServer) {
    let (alice, _otp) = alice(&server).await;
    let bob = server.session("bob").await;
    for (session, path) in [(&bob, "register_otp"), (&alice, "reset_otp"), (&alice, "disable_otp")] {
        let out = server.put("/refresh").jwt(&session.jwt).json(&session.refresh_body()).ok().await;
        let stale = out["jwt"].as_str().expect("a JWT");
        server.patch(&format!("/user/{path}")).jwt(stale).refused(113).await;
        server.get("/user/otp_recovery_keys").jwt(stale).refused(113).await;
    }
}

/// better-than 5: replay.
async fn a_code_works_once_and_never_an_older_one(server: TestServer) {
    let (_alice, otp) = alice(&server).await;
    let now = server.now_ms() / 1000;
    let (older, code) = (code_at(&otp.secret, now - 30), code_at(&otp.secret, now));
    server.validate("/validate_mfa", "alice", &code).ok().await;
    server.validate("/validate_mfa", "alice", &code).refused(902).await;
    server.validate("/validate_mfa", "alice", &older).refused(902).await;
    server.advance(30);
    server.validate("/validate_mfa", "alice", &server.code(&otp)).ok().await;
}

/// better-than 5 and 20c.
async fn of_twenty_parallel_uses_of_a_code_one_succeeds(server: TestServer) {
    let (_alice, otp) = alice(&server).await;
    let code = server.code(&otp);
    let codes = join_all((0..20).map(|_| server.validate("/validate_mfa", "alice", &code).code())).await;
    assert_eq!(codes.iter().filter(|c| c.is_none()).count(), 1, "{codes:?}");
    assert!(codes.iter().all(|c| c.is_none() || *c == Some(902)), "{codes:?}");
}

async fn a_recovery_key_works_once(server: TestServer) {
    let (alice, otp) = alice(&server).await;
    let answer = server.validate("/validate_recovery_otp", "alice", &otp.recover[2]).send().await;
    server.verify_after("alice", &answer).await;
    server.validate("/validate_recovery_otp", "alice", &otp.recover[2]).refused(901).await;
    let left: OtpRecoveryKeysOutput = server.get("/user/otp_recovery_keys").jwt(&alice.jwt).ok_as().await;
    let expected: Vec<&String> = otp.recover.iter().filter(|k| **k != otp.recover[2]).collect();
    assert_eq!(left.keys.iter().collect::<Vec<_>>(), expected);
    for wrong in ["", "x", &server.code(&otp), &"A".repeat(52), &"A".repeat(100_000)] {
        server.validate("/validate_recovery_otp", "alice", wrong).refused(901).await;
    }
}

/// better-than 20c: a recovery key worked up to 8 times in parallel.
async fn of_twenty_parallel_uses_of_a_recovery_key_one_succeeds(server: TestServer) {
    let (_alice, otp) = alice(&server).await;
    let call = |_| server.validate("/validate_recovery_otp", "alice", &otp.recover[0]).code();
    let codes = join_all((0..20).map(call)).await;
    assert_eq!(codes.iter().filter(|c| c.is_none()).count(), 1, "{codes:?}");
    assert!(codes.iter().all(|c| c.is_none() || *c == Some(901)), "{codes:?}");
}

async fn a_reset_replaces_secret_and_recovery_keys(server: TestServer) {
    let bob = server.session("bob").await;
    server.patch("/user/reset_otp").jwt(&bob.jwt).refused(901).await;
    let (alice, old) = alice(&server).await;
    let new: OtpRegister = server.patch("/user/reset_otp").jwt(&alice.jwt).ok_as().await;
    assert!(new.secret != old.secret && new.recover.iter().all(|k| !old.recover.contains(k)));
    server.validate("/validate_mfa", "alice", &server.code(&old)).refused(902).await;
    server.validate("/validate_recovery_otp", "alice", &old.recover[0]).refused(901).await;
    server.validate("/validate_mfa", "alice", &server.code(&new)).ok().await;
    server.validate("/validate_recovery_otp", "alice", &new.recover[0]).ok().await;
}

async fn without_it_a_login_is_as_before(server: TestServer) {
    let (alice, otp) = alice(&server).await;
    server.patch("/user/disable_otp").jwt(&alice.jwt).ok().await;
    server.patch("/user/disable_otp").jwt(&alice.jwt).refused(901).await;
    server.get("/user/otp_recovery_keys").jwt(&alice.jwt).refused(901).await;
    server.login(&server.lax, Suite::CLASSIC, "alice").await;
    server.validate("/validate_mfa", "alice", &server.code(&otp)).refused(901).await;
    server.validate("/validate_recovery_otp", "alice", &otp.recover[0]).refused(901).await;
    // It can be switched on again.
    let new = server.register_otp(&alice).await;
    assert_ne!(new.secret, otp.secret);
}

async fn it_belongs_to_the_user_and_all_his_devices(server: TestServer) {
    let phone = server.session("phone").await;
    server.add_device(&phone, "laptop").await;
    let otp = server.register_otp(&phone).await;
    assert_eq!(done_login(&server, "laptop").await, json!("Otp"));
    let code = server.code(&otp);
    let answer = server.validate("/validate_mfa", "laptop", &code).send().await;
    server.verify_after("laptop", &answer).await;
    server.validate("/validate_mfa", "phone", &code).refused(902).await;
}

async fn the_password_is_judged_first(server: TestServer) {
    let (_alice, otp) = alice(&server).await;
    let body = |identifier: &str| {
        let key = keystead_crypto::encoding::b64_encode(&[7; 32]);
        json!({ "auth_key": key, "device_identifier": identifier, "token": server.code(&otp) })
    };
    for path in ["/validate_mfa", "/validate_recovery_otp"] {
        server.post(path).json(&body("alice")).refused(112).await;
        server.post(path).json(&body("nobody")).refused(112).await;
    }
    server.validate("/validate_mfa", "alice", &server.code(&otp)).ok().await;
}

/// better-than 19: PUT on the original's server, DELETE in its documentation.
async fn the_backend_takes_it_away(server: TestServer) {
    for (method, by_id) in [("PUT", false), ("DELETE", true)] {
        let user = server.session(method).await;
        server.register_otp(&user).await;
        let who = if by_id { &user.user_id } else { method };
        let call = |who: &str| {
            let body = json!({ "user_identifier": who });
            server.call(method, "/user/forced/disable_otp").token(&server.lax.secret).json(&body)
        };
        call(who).ok().await;
        server.login(&server.lax, Suite::CLASSIC, method).await;
        call(who).ok().await;
        call(NOBODY).refused(100).await;
        call(who).token(&server.lax.public).refused(203).await;
    }
}

async fn it_rests_sealed(server: TestServer) {
    let (_alice, otp) = alice(&server).await;
    let mut database = server.database();
    assert!(database.find(&otp.secret).is_empty());
    for key in &otp.recover {
        assert!(database.find(key).is_empty());
    }
    // And outlives a restart.
    server.restart();
    server.validate("/validate_mfa", "alice", &server.code(&otp)).ok().await;
}

/// npm 0.3.1 knows no second factor. Its login stops here; a client of today logs the same device in.
async fn a_client_of_2022_is_not_let_past_it(server: TestServer) {
    let old = server.session_in(&server.lax, Suite::G03, "old").await;
    let otp = server.register_otp(&old).await;
    let answer = server.done_login(&server.lax, Suite::G03, "old").await;
    assert_eq!(answer.result(), json!("Otp"));
    let mut body = Template::of(Suite::G03).done_login("old");
    body["token"] = server.code(&otp).into();
    let out = server.post("/validate_mfa").json(&body).ok().await;
    assert!(out.get("challenge").is_some() && out.get("jwt").is_none());
    let direct = json!({ "status": true, "result": { "Direct": out } }).to_string();
    let body = Template::of(Suite::G03).verify_login("old", &direct);
    server.post("/verify_login").json(&body).ok().await;
}

async fn light_logins_ask_for_it_too(server: TestServer) {
    server.register_light("alice").await;
    let alice = server.light_login(&server.lax, "alice").await;
    let otp = server.register_otp(&alice).await;
    assert_eq!(done_login(&server, "alice").await, json!("Otp"));
    let out = server.validate("/validate_mfa", "alice", &server.code(&otp)).ok().await;
    let direct = json!({ "status": true, "result": { "Direct": out } }).to_string();
    let body = Template::of(Suite::CLASSIC).verify_login("alice", &direct);
    server.post("/verify_login_light").json(&body).ok().await;
}

async fn nothing_of_it_stays_with_a_deleted_user(server: TestServer) {
    let (alice, _otp) = alice(&server).await;
    assert_eq!(server.database().find(&alice.user_id).iter().filter(|r| r.starts_with("key_mfa")).count(), 7);
    server.delete("/user").jwt(&alice.jwt).ok().await;
    assert!(server.database().find(&alice.user_id).is_empty());
}

/// better-than 5: the original answers any number of guesses. Whoever guesses here knows the password.
async fn thirty_wrong_codes_then_even_the_right_one_waits(server: TestServer) {
    let phone = server.session("phone").await;
    server.add_device(&phone, "laptop").await;
    let otp = server.register_otp(&phone).await;
    let right = server.code(&otp);
    let wrong = if right == "000000" { "000001" } else { "000000" };
    // Another device is no way around.
    for i in 0..30 {
        server.validate("/validate_mfa", if i % 2 == 0 { "phone" } else { "laptop" }, wrong).refused(902).await;
    }
    let answer = server.validate("/validate_mfa", "phone", &right).refused(429).await;
    assert!(answer.header("retry-after").is_some());
    for header in ["x-forwarded-for", "forwarded"] {
        server.validate("/validate_mfa", "laptop", &right).header(header, "203.0.113.9").refused(429).await;
    }
    server.advance(61);
    server.validate("/validate_mfa", "phone", &server.code(&otp)).ok().await;
    // The right one has ended the row.
    server.advance(30);
    server.validate("/validate_mfa", "phone", wrong).refused(902).await;
    server.validate("/validate_mfa", "phone", &server.code(&otp)).ok().await;
}

async fn of_sixty_parallel_codes_thirty_are_judged(server: TestServer) {
    let (_alice, otp) = alice(&server).await;
    let wrong = if server.code(&otp) == "000000" { "000001" } else { "000000" };
    let codes = join_all((0..60).map(|_| server.validate("/validate_mfa", "alice", wrong).code())).await;
    let count = |code: u32| codes.iter().filter(|c| **c == Some(code)).count();
    assert_eq!((count(902), count(429)), (30, 30), "{codes:?}");
}

/// Whoever knows the password must not lock the owner out for good.
async fn guessed_codes_do_not_lock_recovery_keys(server: TestServer) {
    let (_alice, otp) = alice(&server).await;
    for _ in 0..30 {
        server.validate("/validate_mfa", "alice", "no code").refused(902).await;
    }
    server.validate("/validate_recovery_otp", "alice", &otp.recover[0]).ok().await;
    server.advance(60);
    for _ in 0..30 {
        server.validate("/validate_recovery_otp", "alice", "no key").refused(901).await;
    }
    server.advance(60);
    server.validate("/validate_recovery_otp", "alice", "no key").refused(901).await;
    server.validate("/validate_recovery_otp", "alice", &otp.recover[1]).refused(429).await;
}

/// better-than 4: in the original a new second factor is in force without one right code.
async fn with_the_confirmation_step_a_secret_counts_after_its_first_code(server: TestServer) {
    let (alice, first) = alice(&server).await;
    server.login(&server.lax, Suite::CLASSIC, "alice").await;
    server.validate("/validate_mfa", "alice", &server.code(&first)).refused(901).await;
    server.get("/user/otp_recovery_keys").jwt(&alice.jwt).refused(901).await;
    // Not in force yet, so it may be made anew.
    let otp = server.register_otp(&alice).await;
    let confirm = |token: &str| server.patch("/user/confirm_otp").jwt(&alice.jwt).json(&json!({ "token": token }));
    confirm(&server.code(&first)).refused(902).await;
    confirm("").refused(902).await;
    let pending = server.done_login(&server.lax, Suite::CLASSIC, "alice").await;
    let pending = Template::of(Suite::CLASSIC).verify_login("alice", &pending.text());
    let code = server.code(&otp);
    confirm(&code).ok().await;
    confirm(&code).refused(901).await;
    server.post("/verify_login").json(&pending).refused(112).await;
    assert_eq!(done_login(&server, "alice").await, json!("Otp"));
    // The code that confirmed is used up.
    server.validate("/validate_mfa", "alice", &code).refused(902).await;
    server.advance(30);
    server.validate("/validate_mfa", "alice", &server.code(&otp)).ok().await;
    server.validate("/validate_recovery_otp", "alice", &otp.recover[5]).ok().await;
    server.patch("/user/register_otp").jwt(&alice.jwt).refused(903).await;
}

async fn with_the_confirmation_step_the_old_secret_stays_until_then(server: TestServer) {
    let (alice, old) = alice(&server).await;
    let confirm = |token: &str| server.patch("/user/confirm_otp").jwt(&alice.jwt).json(&json!({ "token": token }));
    confirm(&server.code(&old)).ok().await;
    let new: OtpRegister = server.patch("/user/reset_otp").jwt(&alice.jwt).ok_as().await;
    server.advance(30);
    server.validate("/validate_mfa", "alice", &server.code(&old)).ok().await;
    server.validate("/validate_mfa", "alice", &server.code(&new)).refused(902).await;
    server.validate("/validate_recovery_otp", "alice", &new.recover[0]).refused(901).await;
    confirm(&server.code(&new)).ok().await;
    server.advance(30);
    server.validate("/validate_mfa", "alice", &server.code(&old)).refused(902).await;
    server.validate("/validate_recovery_otp", "alice", &old.recover[0]).refused(901).await;
    server.validate("/validate_mfa", "alice", &server.code(&new)).ok().await;
    server.validate("/validate_recovery_otp", "alice", &new.recover[0]).ok().await;
    // What waits goes with it.
    let jwt = &alice.jwt;
    server.patch("/user/reset_otp").jwt(jwt).ok().await;
    server.patch("/user/disable_otp").jwt(jwt).ok().await;
    assert_eq!(server.database().number("SELECT CAST(count(*) AS TEXT) AS line FROM key_mfa"), 0);
}
