//! Registration: who may, with what, and how often.

use e2e::users::Template;
use e2e::{TestServer, both};
use futures_util::future::join_all;
use keystead_protocol::apps::EndpointOptions;
use keystead_protocol::keys::{RegisterOutput, UserExistsOutput};
use keystead_sdk_core::{Suite, rng, user};
use serde_json::{Value, json};

both! {
    an_identifier_is_free_until_it_is_registered,
    apps_do_not_see_each_others_users,
    bad_registrations_are_refused_and_leave_nothing,
    of_twenty_parallel_registrations_one_succeeds,
    every_algorithm_of_the_standard_family_logs_in,
}

async fn an_identifier_is_free_until_it_is_registered(server: TestServer) {
    let exists = || server.post("/exists").json(&json!({ "user_identifier": "älice@example.org" }));
    let free: UserExistsOutput = exists().ok_as().await;
    assert_eq!(free, UserExistsOutput { user_identifier: "älice@example.org".into(), available: true });

    let body = Template::of(Suite::CLASSIC).register("älice@example.org");
    let made: RegisterOutput = server.post("/register").json(&body).ok_as().await;
    assert_eq!(made.device_identifier, "älice@example.org", "in clear, as it was sent");
    assert_ne!(made.user_id, made.device_id);
    for id in [&made.user_id, &made.device_id] {
        let parsed = uuid::Uuid::parse_str(id).expect("a UUID");
        assert_eq!((parsed.get_version_num(), parsed.hyphenated().to_string()), (4, id.clone()));
    }
    assert!(!exists().ok_as::<UserExistsOutput>().await.available);
    server.post("/register").json(&body).refused(101).await;
}

async fn apps_do_not_see_each_others_users(server: TestServer) {
    let other = server.create_app("other", EndpointOptions::preset_lax());
    let here = server.register(&server.lax, Suite::CLASSIC, "alice").await;
    let taken = server.post("/exists").token(&other.public).json(&json!({ "user_identifier": "alice" }));
    assert!(taken.ok_as::<UserExistsOutput>().await.available);
    let there = server.register(&other, Suite::CLASSIC, "alice").await;
    assert_ne!(here.user_id, there.user_id);
    assert_eq!(server.login(&other, Suite::CLASSIC, "alice").await.user_id, there.user_id);
}

async fn bad_registrations_are_refused_and_leave_nothing(server: TestServer) {
    let mut database = server.database();
    let before = database.count();
    let good = serde_json::to_value(Template::of(Suite::CLASSIC).register("alice")).expect("JSON");
    let bad = |pointer: &str, value: Value| {
        let mut body = good.clone();
        *body.pointer_mut(pointer).expect("a field") = value;
        body
    };
    let without = |field: &str| {
        let mut body = good.clone();
        body["group"].as_object_mut().expect("an object").remove(field);
        body
    };
    for field in ["encrypted_sign_key", "verify_key", "keypair_sign_alg"] {
        server.post("/register").json(&without(field)).refused(117).await;
    }
    let wrong = [
        bad("/device/device_identifier", "".into()),
        bad("/device/device_identifier", "x".repeat(1025).into()),
        bad("/device/device_identifier", 7.into()),
        bad("/device/derived/client_random_value", "AAAA".into()),
        bad("/device/derived/hashed_authentication_key", "no b64!".into()),
        bad("/device/derived/derived_alg", "MD5".into()),
        bad("/device/derived/keypair_encrypt_alg", "ROT13".into()),
        bad("/device/derived/public_key", "no pem".into()),
        bad("/device/derived/encrypted_private_key", "AAAA".into()),
        bad("/device/master_key/encrypted_master_key", "".into()),
        bad("/group/encrypted_group_key", "AAAA".into()),
        bad("/group/public_key_sig", "AAAA".into()),
        bad("/group", Value::Null),
        json!([]),
        json!({}),
    ];
    for body in wrong {
        let answer = server.post("/register").json(&body).refused(11).await;
        assert!(answer.text().contains("Wrong input"), "{answer}");
    }
    assert_eq!(database.count(), before);
    server.post("/register").json(&good).ok().await;
}

/// better-than 20c: parallel `/register` of one identifier made 3 to 6 users.
async fn of_twenty_parallel_registrations_one_succeeds(server: TestServer) {
    let body = Template::of(Suite::CLASSIC).register("alice");
    let calls = (0..20).map(|_| server.post("/register").json(&body).code());
    let codes = join_all(calls).await;
    assert_eq!(codes.iter().filter(|c| c.is_none()).count(), 1, "{codes:?}");
    assert!(codes.iter().all(|c| c.is_none() || *c == Some(101)), "{codes:?}");
    let mut database = server.database();
    for table in
        ["directory_users", "key_users", "key_devices", "key_device_keys", "groups", "group_members", "group_keys"]
    {
        let rows = database.number(&format!("SELECT CAST(count(*) AS TEXT) AS line FROM \"{table}\""));
        assert_eq!(rows, 1, "{table}");
    }
}

async fn every_algorithm_of_the_standard_family_logs_in(server: TestServer) {
    for asym in ["ECIES-ed25519_KYBER_768", "ECIES-ed25519", "KYBER_768"] {
        for sign in ["ED25519_DILITHIUM_3", "ED25519", "DILITHIUM_3"] {
            let suite = Suite::of(asym, sign).expect("a suite");
            let identifier = format!("{asym} {sign}");
            let body = user::prepare_register_with(&mut rng::os(), suite, &identifier, "a password").expect("made");
            server.post("/register").text(&body).ok().await;
            let user = server.sdk(&server.lax.public).login(&identifier, "a password").await;
            let user = user.unwrap_or_else(|e| panic!("{identifier}: {e:?}"));
            assert_eq!(user.data().newest_key().expect("a key").group_key().public().alg(), asym);
        }
    }
}
