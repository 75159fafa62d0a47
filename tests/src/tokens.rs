//! JWTs outside the server: as a customer's backend verifies them with the exported key, and as somebody forges them.
//! Written against RFC 7515 and RFC 7518 section 3.4 only, on purpose without the server's own code.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, UnparsedPublicKey};
use keystead_crypto::encoding::{b64_decode, b64url_decode, b64url_encode};
use keystead_protocol::jwt::Claims;
use serde::Serialize;
use serde_json::{Value, json};

/// The claims, unverified.
///
/// # Panics
/// When it is no JWT.
#[must_use]
pub fn claims(jwt: &str) -> Claims {
    keystead_sdk_core::jwt::claims(jwt).expect("a JWT")
}

/// The header, unverified.
///
/// # Panics
/// When it is no JWT.
#[must_use]
pub fn header(jwt: &str) -> Value {
    let head = jwt.split('.').next().expect("a header");
    serde_json::from_slice(&b64url_decode(head).expect("b64url")).expect("JSON")
}

/// Signs claims with an exported sign key under a key id.
#[must_use]
pub fn sign(sign_key: &str, kid: &str, claims: &impl Serialize) -> String {
    sign_with_header(sign_key, &json!({ "typ": "JWT", "alg": "ES384", "kid": kid }), claims)
}

/// As [`sign`], with any header.
///
/// # Panics
/// When the key is none.
#[must_use]
pub fn sign_with_header(sign_key: &str, header: &Value, claims: &impl Serialize) -> String {
    let der = b64_decode(sign_key).expect("b64");
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &der).expect("a P-384 key");
    let payload = serde_json::to_vec(claims).expect("serialises");
    let message = format!("{}.{}", b64url_encode(header.to_string().as_bytes()), b64url_encode(&payload));
    let signature = key.sign(&SystemRandom::new(), message.as_bytes()).expect("signs");
    format!("{message}.{}", b64url_encode(signature.as_ref()))
}

/// True when the exported verify key (b64 of the uncompressed point) verifies the JWT.
///
/// # Panics
/// When the key is no b64.
#[must_use]
pub fn verifies(verify_key: &str, jwt: &str) -> bool {
    let point = b64_decode(verify_key).expect("b64");
    let Some((message, signature)) = jwt.rsplit_once('.') else { return false };
    let Ok(signature) = b64url_decode(signature) else { return false };
    UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).verify(message.as_bytes(), &signature).is_ok()
}

/// The same JWT with another signature.
///
/// # Panics
/// When it is no JWT.
#[must_use]
pub fn with_broken_signature(jwt: &str) -> String {
    let (message, signature) = jwt.rsplit_once('.').expect("a JWT");
    let mut signature = b64url_decode(signature).expect("b64url");
    signature.iter_mut().rev().take(1).for_each(|byte| *byte ^= 1);
    format!("{message}.{}", b64url_encode(&signature))
}
