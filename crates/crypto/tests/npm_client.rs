//! Data made by the unmodified client @sentclose/sentc 0.3.1 is opened here, and data made here is what that client was
//! seen to open (`vectors/make_from_npm_client.mjs`).
#![expect(clippy::unwrap_used, reason = "a test may stop where it fails")]

#[path = "common/seeded.rs"]
mod seeded;

use keystead_crypto::asym::{self, PublicKey, SecretKey};
use keystead_crypto::encoding::{b64_decode, b64_encode};
use keystead_crypto::password::{self, AuthKey};
use keystead_crypto::sign::{self, SignKey, VerifyKey};
use keystead_crypto::sym::SymKey;
use seeded::Seeded;
use serde_json::{Value, json};

const CLIENT: &str = include_str!("vectors/npm_client_0_3_1.json");
const OURS: &str = "tests/vectors/ours_for_npm_client.json";

#[test]
fn the_clients_registration_opens() {
    let vector: Value = serde_json::from_str(CLIENT).unwrap();
    let device = &vector["registration"]["device"];
    let derived = &device["derived"];

    // The password leads to the salt, the auth key and the stored hash that the client sent.
    let salt = password::salt(&bytes(&derived["client_random_value"]).try_into().unwrap());
    assert_eq!(b64_encode(&salt), vector["salt"]);
    let keys = password::derive_g03(text(&vector["password"]), &salt).unwrap();
    assert_eq!(derived["derived_alg"], password::ARGON_2_SHA256);
    assert_eq!(keys.auth.to_b64(), vector["login"]["auth_key"]);
    let sent = AuthKey::from_b64(text(&vector["login"]["auth_key"])).unwrap();
    assert!(sent.verify(&bytes(&derived["hashed_authentication_key"]).try_into().unwrap()));

    // The password key opens the master key, which opens the device keys.
    assert_eq!(device["master_key"]["encrypted_master_key_alg"], keys.enc.alg());
    let opened = keys.enc.decrypt(&bytes(&device["master_key"]["encrypted_master_key"]), b"").unwrap();
    let master = SymKey::from_alg(text(&device["master_key"]["master_key_alg"]), &opened).unwrap();
    let device_key = unwrap_asym(&master, &derived["encrypted_private_key"], &derived["keypair_encrypt_alg"]);
    let device_public = public(&derived["public_key"], &derived["keypair_encrypt_alg"]);
    assert_pair(&device_key, &device_public);
    let sign_key = unwrap_sign(&master, &derived["encrypted_sign_key"], &derived["keypair_sign_alg"]);
    let verify_key = verify(&derived["verify_key"], &derived["keypair_sign_alg"]);
    assert_sign_pair(&sign_key, &verify_key);

    // The device key opens the group key, which opens the group's keys.
    let group = &vector["registration"]["group"];
    assert_eq!(group["encrypted_group_key_alg"], device_key.alg());
    let opened = device_key.decrypt(&bytes(&group["encrypted_group_key"])).unwrap();
    let group_key = SymKey::from_alg(text(&group["group_key_alg"]), &opened).unwrap();
    let group_private = unwrap_asym(&group_key, &group["encrypted_private_group_key"], &group["keypair_encrypt_alg"]);
    assert_pair(&group_private, &public(&group["public_group_key"], &group["keypair_encrypt_alg"]));
    let group_sign = unwrap_sign(&group_key, &group["encrypted_sign_key"], &group["keypair_sign_alg"]);
    assert_sign_pair(&group_sign, &verify(&group["verify_key"], &group["keypair_sign_alg"]));

    // Content: the signature stands in front of the ciphertext and covers it.
    let plain = text(&vector["plain"]).as_bytes();
    assert_eq!(group_key.decrypt(&bytes(&vector["sym"]), b"").unwrap().as_slice(), plain);
    assert_eq!(group_private.decrypt(&bytes(&vector["asym"])).unwrap().as_slice(), plain);
    let signed = bytes(&vector["signed"]);
    let sealed = verify_key.verify_attached(&signed).unwrap();
    assert_eq!(group_key.decrypt(sealed, b"").unwrap().as_slice(), plain);
}

#[test]
fn our_pem_is_the_clients_byte_for_byte() {
    let vector: Value = serde_json::from_str(CLIENT).unwrap();
    let derived = &vector["registration"]["device"]["derived"];
    let (pem, verify_pem) = (&derived["public_key"], &derived["verify_key"]);
    assert_eq!(public(pem, &derived["keypair_encrypt_alg"]).to_wire(), text(pem));
    assert_eq!(verify(verify_pem, &derived["keypair_sign_alg"]).to_wire(), text(verify_pem));
}

#[test]
fn what_the_client_opened_is_still_what_we_make() {
    let made = format!("{:#}\n", registration_for_the_client());
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(OURS);
    if std::env::var_os("KEYSTEAD_WRITE_VECTORS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    assert_eq!(made, std::fs::read_to_string(path).unwrap(), "the output changed: the real client must open it again");
}

/// A registration and some content, all randomness from a fixed seed.
fn registration_for_the_client() -> Value {
    let rng = &mut Seeded::new(31);
    let crv = password::client_random_value(rng);
    let derived = password::derive_g03("correct horse battery staple", &password::salt(&crv)).unwrap();
    let master = SymKey::generate(rng);
    let (device_key, device_public) = asym::generate(asym::ECIES_ED25519, rng).unwrap();
    let (sign_key, verify_key) = sign::generate(sign::ED25519, rng).unwrap();
    let group_key = SymKey::generate(rng);
    let (group_private, group_public) = asym::generate(asym::ECIES_ED25519, rng).unwrap();
    let (group_sign, group_verify) = sign::generate(sign::ED25519, rng).unwrap();
    let plain = "what we wrote";
    let sealed = group_key.encrypt(rng, plain.as_bytes(), b"").unwrap();

    let mut wrap = |key: &SymKey, secret: &[u8]| b64_encode(&key.encrypt(rng, secret, b"").unwrap());
    let registration = json!({
        "device": {
            "device_identifier": "alice",
            "master_key": {
                "master_key_alg": master.alg(),
                "encrypted_master_key": wrap(&derived.enc, master.as_bytes()),
                "encrypted_master_key_alg": derived.enc.alg(),
            },
            "derived": {
                "derived_alg": password::ARGON_2_SHA256,
                "client_random_value": b64_encode(&crv),
                "hashed_authentication_key": b64_encode(&derived.auth.hash()),
                "public_key": device_public.to_wire(),
                "encrypted_private_key": wrap(&master, &device_key.to_bytes()),
                "keypair_encrypt_alg": device_key.alg(),
                "verify_key": verify_key.to_wire(),
                "encrypted_sign_key": wrap(&master, &sign_key.to_bytes()),
                "keypair_sign_alg": sign_key.alg(),
            },
        },
        "group": {
            "group_key_alg": group_key.alg(),
            "encrypted_private_group_key": wrap(&group_key, &group_private.to_bytes()),
            "public_group_key": group_public.to_wire(),
            "keypair_encrypt_alg": group_private.alg(),
            "encrypted_sign_key": wrap(&group_key, &group_sign.to_bytes()),
            "verify_key": group_verify.to_wire(),
            "keypair_sign_alg": group_sign.alg(),
            "encrypted_group_key": b64_encode(&device_public.encrypt(&mut Seeded::new(32), group_key.as_bytes()).unwrap()),
            "encrypted_group_key_alg": device_public.alg(),
        },
    });
    json!({
        "registration": registration,
        "plain": plain,
        "sym": b64_encode(&sealed),
        "sym_head": r#"{"id":"key-1","sign":null}"#,
        "asym": b64_encode(&group_public.encrypt(&mut Seeded::new(33), plain.as_bytes()).unwrap()),
        "asym_head": r#"{"id":"key-1","sign":null}"#,
        "signed": b64_encode(&sign_key.sign_attached(&mut Seeded::new(34), &sealed).unwrap()),
        "signed_head": r#"{"id":"key-1","sign":{"id":"device-1","alg":"ED25519"}}"#,
    })
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    b64_decode(text(value)).unwrap()
}

fn unwrap_asym(key: &SymKey, wrapped: &Value, alg: &Value) -> SecretKey {
    SecretKey::from_bytes(text(alg), &key.decrypt(&bytes(wrapped), b"").unwrap()).unwrap()
}

fn unwrap_sign(key: &SymKey, wrapped: &Value, alg: &Value) -> SignKey {
    SignKey::from_bytes(text(alg), &key.decrypt(&bytes(wrapped), b"").unwrap()).unwrap()
}

fn public(pem: &Value, alg: &Value) -> PublicKey {
    PublicKey::from_wire(text(alg), text(pem)).unwrap()
}

fn verify(pem: &Value, alg: &Value) -> VerifyKey {
    VerifyKey::from_wire(text(alg), text(pem)).unwrap()
}

fn assert_pair(secret: &SecretKey, public: &PublicKey) {
    let sealed = public.encrypt(&mut Seeded::new(1), b"text").unwrap();
    assert_eq!(secret.decrypt(&sealed).unwrap().as_slice(), b"text");
}

fn assert_sign_pair(sign: &SignKey, verify: &VerifyKey) {
    let signature = sign.sign(&mut Seeded::new(1), b"text").unwrap();
    assert_eq!(verify.verify(b"text", &signature), Ok(()));
}
