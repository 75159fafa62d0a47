//! Login: salt, secret, challenge, and the two generations of clients.

use e2e::users::{NOBODY, Template};
use e2e::{TestServer, both, generations, tokens};
use futures_util::future::join_all;
use keystead_crypto::encoding::{b64_decode, b64_encode, b64url_decode, b64url_encode};
use keystead_protocol::apps::EndpointOptions;
use keystead_protocol::keys::{DoneLoginG03, DoneLoginServerReturn, PrepareLoginOutput, VerifyLoginOutput};
use keystead_sdk_core::Suite;
use keystead_sdk_core::user::{self, LoginStep};
use serde_json::json;

both! {
    unknown_users_and_wrong_passwords_are_answered_alike,
    a_fake_salt_stays_the_same_and_belongs_to_its_app,
    a_challenge_works_once,
    a_login_ends_the_other_challenges_of_the_device,
    nobody_else_makes_challenges,
    a_challenge_expires,
    a_challenge_belongs_to_its_device_and_needs_the_password,
    of_twenty_parallel_uses_of_a_challenge_one_succeeds,
    each_generation_gets_its_own_answer,
    a_login_of_2022_gives_the_newest_user_key_first,
    malformed_secrets_are_told_apart,
}

/// better-than 6: the original answers 100 for one and 112 for the other.
async fn unknown_users_and_wrong_passwords_are_answered_alike(server: TestServer) {
    server.register(&server.lax, Suite::CLASSIC, "alice").await;
    let attempt = |path: &'static str, identifier: &str| {
        let (auth_key, challenge) = (b64_encode(&[7; 32]), "A".repeat(67));
        let body = json!({ "auth_key": auth_key, "device_identifier": identifier, "challenge": challenge });
        server.post(path).json(&body).refused(112)
    };
    for path in ["/done_login", "/verify_login"] {
        let (known, unknown) = (attempt(path, "alice").await, attempt(path, "nobody").await);
        assert_eq!((known.status, known.envelope()), (unknown.status, unknown.envelope()), "{path}");
        let names = |a: &e2e::raw::Answer| a.headers.keys().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names(&known), names(&unknown));
    }
    let salt = |identifier: &str| server.post("/prepare_login").json(&json!({ "user_identifier": identifier }));
    let (known, unknown) = (salt("alice").send().await, salt("nobody").send().await);
    let shape = |a: &e2e::raw::Answer| {
        (a.status, a.body.len(), a.result().as_object().map(|o| o.keys().cloned().collect::<Vec<_>>()))
    };
    assert_eq!(shape(&known), shape(&unknown));
}

/// better-than 6: the original's fake salts come from a constant in its source.
async fn a_fake_salt_stays_the_same_and_belongs_to_its_app(server: TestServer) {
    let other = server.create_app("other", EndpointOptions::preset_lax());
    let salt = async |token: &str, identifier: &str| -> String {
        let body = json!({ "user_identifier": identifier });
        let out: PrepareLoginOutput = server.post("/prepare_login").token(token).json(&body).ok_as().await;
        assert_eq!(out.derived_encryption_key_alg, "ARGON-2-SHA256");
        assert_eq!(b64_decode(&out.salt_string).expect("b64").len(), 32);
        out.salt_string
    };
    let first = salt(&server.lax.public, "nobody").await;
    assert_eq!(salt(&server.lax.public, "nobody").await, first);
    assert_eq!(salt(&server.lax.secret, "nobody").await, first);
    assert_ne!(salt(&server.lax.public, "somebody").await, first);
    assert_ne!(salt(&other.public, "nobody").await, first);
    server.restart();
    assert_eq!(salt(&server.lax.public, "nobody").await, first, "after a restart");
}

async fn a_challenge_works_once(server: TestServer) {
    server.register(&server.lax, Suite::CLASSIC, "alice").await;
    let answer = server.done_login(&server.lax, Suite::CLASSIC, "alice").await;
    let body = Template::of(Suite::CLASSIC).verify_login("alice", &answer.text());
    assert_eq!(body.challenge.len(), 67);
    let login: VerifyLoginOutput = server.post("/verify_login").json(&body).ok_as().await;
    assert_eq!(login.refresh_token.len(), 67);
    assert!(tokens::claims(&login.jwt).fresh);
    server.post("/verify_login").json(&body).refused(112).await;
}

async fn a_login_ends_the_other_challenges_of_the_device(server: TestServer) {
    server.register(&server.lax, Suite::CLASSIC, "alice").await;
    let template = Template::of(Suite::CLASSIC);
    let older = server.done_login(&server.lax, Suite::CLASSIC, "alice").await;
    let older = template.verify_login("alice", &older.text());
    server.login(&server.lax, Suite::CLASSIC, "alice").await;
    server.post("/verify_login").json(&older).refused(112).await;
    // Those of the very next moment are good, whatever the clock says.
    for _ in 0..3 {
        server.login(&server.lax, Suite::CLASSIC, "alice").await;
    }
}

async fn nobody_else_makes_challenges(server: TestServer) {
    server.register(&server.lax, Suite::CLASSIC, "alice").await;
    let template = Template::of(Suite::CLASSIC);
    let answer = server.done_login(&server.lax, Suite::CLASSIC, "alice").await;
    let good = template.verify_login("alice", &answer.text());
    let token = b64url_decode(&good.challenge).expect("b64url");
    for place in [0, 7, 8, 17, 18, 49] {
        let mut forged = token.clone();
        forged[place] ^= 1;
        let mut body = good.clone();
        body.challenge = b64url_encode(&forged);
        server.post("/verify_login").json(&body).refused(112).await;
    }
    for length in [0, 7, 8, 17, 18, 49] {
        let mut body = good.clone();
        body.challenge = b64url_encode(&token[..length]);
        server.post("/verify_login").json(&body).refused(112).await;
    }
    server.post("/verify_login").json(&good).ok().await;
}

/// better-than 8: the original's challenges never expire.
async fn a_challenge_expires(server: TestServer) {
    server.register(&server.lax, Suite::CLASSIC, "alice").await;
    let answer = server.done_login(&server.lax, Suite::CLASSIC, "alice").await;
    let body = Template::of(Suite::CLASSIC).verify_login("alice", &answer.text());
    server.advance(301);
    server.post("/verify_login").json(&body).refused(112).await;
}

async fn a_challenge_belongs_to_its_device_and_needs_the_password(server: TestServer) {
    server.register(&server.lax, Suite::CLASSIC, "alice").await;
    server.register(&server.lax, Suite::CLASSIC, "mallory").await;
    let answer = server.done_login(&server.lax, Suite::CLASSIC, "alice").await;
    let body = Template::of(Suite::CLASSIC).verify_login("alice", &answer.text());
    let as_mallory = json!({
        "auth_key": body.auth_key, "device_identifier": "mallory", "challenge": body.challenge,
    });
    server.post("/verify_login").json(&as_mallory).refused(112).await;
    let wrong_password = json!({
        "auth_key": b64_encode(&[7; 32]), "device_identifier": "alice", "challenge": body.challenge,
    });
    server.post("/verify_login").json(&wrong_password).refused(112).await;
    server.post("/verify_login").json(&body).ok().await;
}

/// better-than 20c: one challenge worked up to 8 times in parallel.
async fn of_twenty_parallel_uses_of_a_challenge_one_succeeds(server: TestServer) {
    server.register(&server.lax, Suite::CLASSIC, "alice").await;
    let answer = server.done_login(&server.lax, Suite::CLASSIC, "alice").await;
    let body = Template::of(Suite::CLASSIC).verify_login("alice", &answer.text());
    let codes = join_all((0..20).map(|_| server.post("/verify_login").json(&body).code())).await;
    assert_eq!(codes.iter().filter(|c| c.is_none()).count(), 1, "{codes:?}");
    assert!(codes.iter().all(|c| c.is_none() || *c == Some(112)), "{codes:?}");
    let tokens = server.database().number("SELECT CAST(count(*) AS TEXT) AS line FROM key_refresh_tokens");
    assert_eq!(tokens, 1);
}

/// better-than 20: the original refuses the older client altogether. How a device was registered decides.
async fn each_generation_gets_its_own_answer(server: TestServer) {
    let old = server.register(&server.lax, Suite::G03, "old").await;
    let answer = server.done_login(&server.lax, Suite::G03, "old").await;
    let out: DoneLoginG03 = serde_json::from_value(answer.result()).expect("the older answer");
    assert_eq!(answer.result().as_object().expect("an object").len(), 4, "{answer}");
    assert_eq!((&out.device_keys.user_id, &out.device_keys.device_id), (&old.user_id, &old.device_id));
    assert_eq!(out.user_keys.len(), 1);
    assert!(out.user_keys[0].keypair_sign_id.is_some());
    let claims = tokens::claims(&out.jwt);
    assert!(claims.fresh);
    assert_eq!((&claims.internal_user_id, &claims.device_id), (&old.user_id, &old.device_id));
    assert_eq!(claims.group_id, out.device_keys.user_group_id);
    assert!(!claims.device_identifier.contains("old"), "never in clear");

    // Classic algorithms with a signature of the public key: today's client.
    for suite in [Suite::CLASSIC, Suite::HYBRID] {
        let identifier = suite.asym;
        server.register(&server.lax, suite, identifier).await;
        let answer = server.done_login(&server.lax, suite, identifier).await;
        let out: DoneLoginServerReturn = serde_json::from_value(answer.result()).expect("today's answer");
        assert!(matches!(out, DoneLoginServerReturn::Direct(_)));
        assert_eq!(answer.result().as_object().expect("an object").len(), 1, "one tag and nothing else");
    }
}

/// Of its user keys that client takes the first, of its group keys the last.
async fn a_login_of_2022_gives_the_newest_user_key_first(server: TestServer) {
    let old = server.session_in(&server.lax, Suite::G03, "old").await;
    let newest = generations::add(&server, &old.key_id, [1, 2]).remove(1);
    let answer = server.done_login(&server.lax, Suite::G03, "old").await;
    let out: DoneLoginG03 = serde_json::from_value(answer.result()).expect("the older answer");
    assert_eq!(out.user_keys[0].group_key_id, newest);
    let step = user::done_login(Template::of(Suite::G03).login_start(), &answer.text()).expect("a login");
    let LoginStep::Done(data) = step else { panic!("{answer}") };
    assert_eq!(data.newest_key().expect("a key").id(), newest, "the SDK reads it so too");
}

async fn malformed_secrets_are_told_apart(server: TestServer) {
    for (auth_key, code) in [("", 111), ("AAAA", 111), ("no b64!", 111), (NOBODY, 111)] {
        let body = json!({ "auth_key": auth_key, "device_identifier": "alice", "challenge": "x" });
        server.post("/done_login").json(&body).refused(code).await;
        server.post("/verify_login").json(&body).refused(code).await;
    }
    server.post("/done_login").json(&json!({ "auth_key": b64_encode(&[7; 32]) })).refused(11).await;
    server.post("/prepare_login").json(&json!({ "user_identifier": "" })).refused(11).await;
}
