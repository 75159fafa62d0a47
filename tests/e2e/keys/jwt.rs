//! JWTs: what they say, who may sign them, when they end.

use e2e::{TestServer, both, tokens};
use keystead_crypto::encoding::b64_decode;
use keystead_protocol::apps::EndpointOptions;
use keystead_protocol::jwt::Claims;
use keystead_sdk_core::Suite;
use keystead_server::operator::{self, JwtKeyChange};
use serde_json::json;

both! {
    a_jwt_has_the_documented_form,
    an_expired_jwt_is_refused_used_before_or_not,
    a_jwt_of_one_app_is_none_of_another,
    a_jwt_needs_a_known_key_and_the_right_algorithm,
    a_jwt_must_name_a_device_of_its_user,
    a_known_signature_covers_no_other_claims,
    an_app_signs_with_its_newest_key,
    a_jwt_works_after_a_restart,
}

async fn a_jwt_has_the_documented_form(server: TestServer) {
    let alice = server.session("alice").await;
    let header = tokens::header(&alice.jwt);
    assert_eq!(header, json!({ "typ": "JWT", "alg": "ES384", "kid": server.lax.kid }));
    let claims = tokens::claims(&alice.jwt);
    assert_eq!(claims.exp - claims.iat, 300);
    assert!((claims.iat - server.now_ms() / 1000).abs() < 30);
    assert_eq!((claims.aud.as_str(), claims.sub.as_str()), (alice.user_id.as_str(), alice.device_id.as_str()));
    assert!(tokens::verifies(&server.lax.verify_key, &alice.jwt), "with the exported key");
    assert!(!alice.jwt.contains("alice"));
    // Many JWT libraries take a PKCS#8 key only with its public half in it.
    let (pkcs8, point) = (b64_decode(&server.lax.sign_key), b64_decode(&server.lax.verify_key));
    let (pkcs8, point) = (pkcs8.expect("b64"), point.expect("b64"));
    assert_eq!((point.len(), point[0]), (97, 4));
    assert!(pkcs8.windows(97).any(|part| part == point), "{} bytes", pkcs8.len());
}

/// better-than 1: once used, the original's JWTs live on after their expiry.
async fn an_expired_jwt_is_refused_used_before_or_not(server: TestServer) {
    let used = server.session("alice").await;
    let unused = server.login(&server.lax, Suite::CLASSIC, "alice").await;
    server.get("/group/all/0/none").jwt(&used.jwt).ok().await;
    server.advance(280);
    server.get("/group/all/0/none").jwt(&used.jwt).ok().await;
    server.advance(21);
    for jwt in [&used.jwt, &unused.jwt] {
        server.get("/group/all/0/none").jwt(jwt).refused(30).await;
        server.get("/group/all/0/none").jwt(jwt).refused(30).await;
    }
}

/// better-than 20a: a token signed with app B's exported sign key passed for app A.
async fn a_jwt_of_one_app_is_none_of_another(server: TestServer) {
    let other = server.create_app("other", EndpointOptions::preset_lax());
    let alice = server.session("alice").await;
    let mallory = server.session_in(&other, Suite::CLASSIC, "mallory").await;
    let claims = tokens::claims(&alice.jwt);

    let with_his_kid = tokens::sign(&other.sign_key, &other.kid, &claims);
    server.delete("/user").jwt(&with_his_kid).refused(35).await;
    let with_our_kid = tokens::sign(&other.sign_key, &server.lax.kid, &claims);
    server.delete("/user").jwt(&with_our_kid).refused(30).await;
    // Verified for his own app first, so that a shared cache would know it.
    server.get("/group/all/0/none").token(&other.public).jwt(&mallory.jwt).ok().await;
    server.get("/group/all/0/none").jwt(&mallory.jwt).refused(35).await;
    server.get("/group/all/0/none").token(&other.public).jwt(&with_his_kid).refused(100).await;
    server.get("/group/all/0/none").jwt(&with_his_kid).refused(35).await;
    server.get("/group/all/0/none").jwt(&alice.jwt).ok().await;
}

async fn a_jwt_needs_a_known_key_and_the_right_algorithm(server: TestServer) {
    let alice = server.session("alice").await;
    let claims = tokens::claims(&alice.jwt);
    let call = |jwt: &str| server.get("/group/all/0/none").jwt(jwt);
    call(&tokens::sign(&server.lax.sign_key, &server.lax.kid, &claims)).ok().await;
    call(&tokens::sign(&server.lax.sign_key, "unknown", &claims)).refused(35).await;
    call(&tokens::with_broken_signature(&alice.jwt)).refused(30).await;

    let kid = &server.lax.kid;
    for alg in ["none", "HS256", "HS384", "ES256", "RS256", "es384"] {
        let header = json!({ "typ": "JWT", "alg": alg, "kid": kid });
        let signed = tokens::sign_with_header(&server.lax.sign_key, &header, &claims);
        call(&signed).refused(30).await;
        let unsigned = format!("{}.", signed.rsplit_once('.').expect("a JWT").0);
        call(&unsigned).refused(30).await;
    }
    let no_kid = tokens::sign_with_header(&server.lax.sign_key, &json!({ "alg": "ES384" }), &claims);
    call(&no_kid).refused(32).await;
    for garbage in ["x", "a.b.c", "..", "e30.e30.e30", &"a".repeat(5000)] {
        call(garbage).refused(32).await;
    }
    server.get("/group/all/0/none").header("authorization", &alice.jwt).refused(31).await;
    server.get("/group/all/0/none").header("authorization", "Basic YTpi").refused(31).await;
}

async fn a_jwt_must_name_a_device_of_its_user(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let own = tokens::claims(&alice.jwt);
    let signed = |claims: Claims| tokens::sign(&server.lax.sign_key, &server.lax.kid, &claims);
    let call = |jwt: String| server.get("/group/all/0/none").jwt(&jwt);
    call(signed(Claims { aud: bob.user_id.clone(), ..own.clone() })).refused(100).await;
    call(signed(Claims { sub: bob.device_id.clone(), ..own.clone() })).refused(100).await;
    call(signed(Claims { sub: "nothing".into(), ..own.clone() })).refused(100).await;
    // The owner of an app may sign with its key: such a token of five claims is one of today's clients.
    let five = json!({ "aud": own.aud, "sub": own.sub, "exp": own.exp, "iat": own.iat, "fresh": false });
    call(tokens::sign(&server.lax.sign_key, &server.lax.kid, &five)).ok().await;
}

async fn a_known_signature_covers_no_other_claims(server: TestServer) {
    let (alice, mallory) = (server.session("alice").await, server.session("mallory").await);
    server.get("/group/all/0/none").jwt(&mallory.jwt).ok().await;
    let part = |jwt: &str, at: usize| jwt.split('.').nth(at).expect("three parts").to_owned();
    let (header, payload, signature) = (part(&mallory.jwt, 0), part(&alice.jwt, 1), part(&mallory.jwt, 2));
    server.delete("/user").jwt(&format!("{header}.{payload}.{signature}")).refused(30).await;
    server.get("/group/all/0/none").jwt(&format!("{}A", mallory.jwt)).refused(32).await;
    server.get("/group/all/0/none").jwt(&format!("A{}", mallory.jwt)).refused(32).await;
}

async fn an_app_signs_with_its_newest_key(server: TestServer) {
    let before = server.session("alice").await;
    let change = async |change| operator::jwt_keys(&server.app(), &server.lax.id, Some(change)).await.expect("changed");
    let (new, keys) = change(JwtKeyChange::Add).await;
    let new = new.expect("a new key");
    assert_eq!(keys.len(), 2);
    let after = server.login(&server.lax, Suite::CLASSIC, "alice").await;
    assert_eq!(tokens::header(&after.jwt)["kid"], new.kid);
    assert!(tokens::verifies(&new.verify_key, &after.jwt) && !tokens::verifies(&server.lax.verify_key, &after.jwt));
    for jwt in [&before.jwt, &after.jwt] {
        server.get("/group/all/0/none").jwt(jwt).ok().await;
    }
    // A deleted key ends its tokens at once, known to a cache or not.
    let (_none, keys) = change(JwtKeyChange::Delete(server.lax.kid.clone())).await;
    assert_eq!(keys.len(), 1);
    server.get("/group/all/0/none").jwt(&before.jwt).refused(35).await;
    server.get("/group/all/0/none").jwt(&after.jwt).ok().await;
}

async fn a_jwt_works_after_a_restart(server: TestServer) {
    let alice = server.session("alice").await;
    server.restart();
    server.get("/group/all/0/none").jwt(&alice.jwt).ok().await;
    server.put("/refresh").jwt(&alice.jwt).json(&alice.refresh_body()).ok().await;
    assert_eq!(server.login(&server.lax, Suite::CLASSIC, "alice").await.user_id, alice.user_id);
}
