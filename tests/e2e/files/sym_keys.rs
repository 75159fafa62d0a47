//! Registered symmetric keys.

use e2e::users::NOBODY;
use e2e::{TestServer, both};
use keystead_crypto::encoding::b64_encode;
use keystead_protocol::apps::EndpointOptions;
use keystead_protocol::devices::{SymKeyData, SymKeyRegisterOutput};
use keystead_sdk_core::Suite;
use serde_json::{Value, json};

both! { keys_are_registered_read_and_deleted, pages_skip_and_repeat_nothing, wrong_keys_are_refused }

fn body(master_key_id: &str) -> Value {
    json!({ "alg": "AES-GCM-256", "encrypted_key_string": b64_encode(&[9; 60]), "master_key_id": master_key_id })
}

async fn keys_are_registered_read_and_deleted(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let made: SymKeyRegisterOutput = server.post("/keys/sym_key").jwt(&alice.jwt).json(&body("m")).ok_as().await;
    let path = format!("/keys/sym_key/{}", made.key_id);
    // As the clients of 2022 read it: without a JWT.
    let key: SymKeyData = server.get(&path).ok_as().await;
    assert_eq!((key.key_id, key.master_key_id, key.alg), (made.key_id, "m".to_owned(), "AES-GCM-256".to_owned()));
    assert_eq!(key.encrypted_key_string, b64_encode(&[9; 60]));
    assert!((key.time - server.now_ms()).abs() < 60_000);
    server.post("/keys/sym_key").json(&body("m")).refused(31).await;
    server.delete(&path).jwt(&bob.jwt).refused(400).await;
    let other = server.create_app("other", EndpointOptions::preset_lax());
    let carol = server.session_in(&other, Suite::CLASSIC, "carol").await;
    server.get(&path).token(&other.public).refused(400).await;
    server.delete(&path).token(&other.public).jwt(&carol.jwt).refused(400).await;
    server.delete(&path).jwt(&alice.jwt).ok().await;
    server.delete(&path).jwt(&alice.jwt).refused(400).await;
    for id in [NOBODY, "x", "%00"] {
        server.get(&format!("/keys/sym_key/{id}")).refused(400).await;
    }
}

/// Also with equal times, of which SQLite's millisecond clock makes many.
async fn pages_skip_and_repeat_nothing(server: TestServer) {
    let alice = server.session("alice").await;
    let mut made = Vec::new();
    for _ in 0..120 {
        let key: SymKeyRegisterOutput = server.post("/keys/sym_key").jwt(&alice.jwt).json(&body("m")).ok_as().await;
        made.push(key.key_id);
    }
    server.post("/keys/sym_key").jwt(&alice.jwt).json(&body("another")).ok().await;
    server.database().execute("UPDATE sym_keys SET created_ms = created_ms - created_ms % 100");
    let (mut seen, mut at): (Vec<SymKeyData>, _) = (Vec::new(), ("0".to_owned(), "none".to_owned()));
    loop {
        let path = format!("/keys/sym_key/master_key/m/{}/{}", at.0, at.1);
        let page: Vec<SymKeyData> = server.get(&path).ok_as().await;
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 50);
        at = (last.time.to_string(), last.key_id.clone());
        seen.extend(page);
    }
    assert!(seen.windows(2).all(|w| w[0].time >= w[1].time), "newest first");
    let mut ids: Vec<String> = seen.into_iter().map(|k| k.key_id).collect();
    ids.sort();
    made.sort();
    assert_eq!(ids, made);
    for (page, code) in [("x/none", 13), ("-1/none", 13)] {
        server.get(&format!("/keys/sym_key/master_key/m/{page}")).refused(code).await;
    }
    assert_eq!(server.get("/keys/sym_key/master_key/%00/0/none").ok().await, json!([]));
}

async fn wrong_keys_are_refused(server: TestServer) {
    let alice = server.session("alice").await;
    for (name, value) in [
        ("alg", json!("ROT13")),
        ("encrypted_key_string", json!("no base64!")),
        ("encrypted_key_string", json!(b64_encode(&[1; 61]))),
        ("encrypted_key_string", json!("")),
        ("master_key_id", json!("")),
        ("master_key_id", json!("no id!")),
        ("master_key_id", json!("x".repeat(65))),
    ] {
        let mut body = body("m");
        body[name] = value;
        server.post("/keys/sym_key").jwt(&alice.jwt).json(&body).refused(11).await;
    }
    // Encrypted for a public key of any suite.
    for length in [92, 1148, 1208] {
        let mut body = body("m");
        body["encrypted_key_string"] = b64_encode(&vec![1; length]).into();
        server.post("/keys/sym_key").jwt(&alice.jwt).json(&body).ok().await;
    }
}
