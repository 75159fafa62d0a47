//! A server that lies: every change gives a typed error.

use keystead_sdk_core::crypto::encoding::b64_encode;
use keystead_sdk_core::crypto::{CryptoError, asym, sign};
use keystead_sdk_core::group::{self, CreateGroup};
use keystead_sdk_core::user::{self, LoginStep, VerifyKeys};
use keystead_sdk_core::{SdkError, Suite, rng};
use serde_json::{Value, json};

use crate::fake_server::{FakeServer, ok, refused};
use crate::happy::{new_group, new_user};

/// Replaces a value in an answer; `path` is a JSON pointer below `result`.
pub(crate) fn with(answer: &str, path: &str, value: impl Into<Value>) -> String {
    let mut json: Value = serde_json::from_str(answer).unwrap();
    *json.pointer_mut(&format!("/result{path}")).unwrap() = value.into();
    json.to_string()
}

fn foreign_public_key() -> String {
    asym::generate(asym::DEFAULT, &mut rng::os()).unwrap().1.to_wire()
}

#[test]
fn wrong_password_and_refusals() {
    let mut server = FakeServer::new();
    new_user(&mut server, Suite::CLASSIC, "alice");
    let salt = server.prepare_login(&user::prepare_login_start("alice"));
    let (body, start) = user::prepare_login("alice", "wrong", &salt).unwrap();
    let refused_112 = user::done_login(&start, &server.done_login(&body)).unwrap_err();
    assert_eq!(refused_112.status(), "server_112");
    // A server that lets anybody in gains nothing: the keys stay closed.
    let (right, _start) = user::prepare_login("alice", "password", &salt).unwrap();
    let answer = server.done_login(&right);
    assert_eq!(user::done_login(&start, &answer).unwrap_err(), CryptoError::Decrypt.into());
    assert_eq!(user::done_register(&refused(101)).unwrap_err().status(), "server_101");
    assert!(matches!(user::done_login(&start, &ok("Otp")), Ok(LoginStep::Otp)));
    assert_eq!(user::done_login(&start, &ok("Other")).unwrap_err(), SdkError::ServerOutput);
}

#[test]
fn salt() {
    let good = ok(json!({"salt_string": b64_encode(&[1; 32]), "derived_encryption_key_alg": "ARGON-2-SHA256"}));
    let login = |answer: &str| user::prepare_login("a", "b", answer).map(|_| ()).unwrap_err();
    assert_eq!(login(&good), SdkError::Salt, "one byte 32 times");
    assert_eq!(login(&with(&good, "/derived_encryption_key_alg", "MD5")), SdkError::Algorithm);
    assert_eq!(login(&with(&good, "/salt_string", b64_encode(&[1; 31]))), SdkError::Salt);
    assert_eq!(login(&with(&good, "/salt_string", "AA")), SdkError::Salt);
    assert_eq!(login(&with(&good, "/salt_string", 7)), SdkError::ServerOutput);
    assert_eq!(login(&" ".repeat(17 << 20)), SdkError::TooLarge);
}

#[test]
fn login_answers() {
    let mut server = FakeServer::new();
    new_user(&mut server, Suite::HYBRID, "alice");
    let salt = server.prepare_login(&user::prepare_login_start("alice"));
    let (body, start) = user::prepare_login("alice", "password", &salt).unwrap();
    let good = server.done_login(&body);
    let done = |answer: &str| user::done_login(&start, answer).map(|_| ()).unwrap_err();

    let r = &mut rng::os();
    let foreign = asym::generate(asym::DEFAULT, r).unwrap().1;
    let not_ours = b64_encode(&foreign.encrypt(r, b"token").unwrap());
    assert_eq!(done(&with(&good, "/Direct/challenge", not_ours)), SdkError::Challenge);
    assert_eq!(done(&with(&good, "/Direct/challenge", "AAAA")), SdkError::Challenge);
    assert_eq!(done(&with(&good, "/Direct/challenge", "AAA")), SdkError::Challenge);
    assert_eq!(done(&with(&good, "/Direct/device_keys/keypair_encrypt_alg", "RSA")), SdkError::Algorithm);
    assert_eq!(done(&with(&good, "/Direct/device_keys/keypair_sign_alg", "RSA")), SdkError::Algorithm);
    assert_eq!(done(&with(&good, "/Direct/device_keys/keypair_encrypt_alg", "ECIES-ed25519")), SdkError::SwappedWrap);
    assert_eq!(done(&with(&good, "/Direct/device_keys/encrypted_master_key", "AAAA")), CryptoError::Decrypt.into());
    assert_eq!(done(&with(&good, "/Direct/device_keys/verify_key_string", "-")), CryptoError::Encoding.into());

    // The login must not become a way to have other texts decrypted.
    let json: Value = serde_json::from_str(&good).unwrap();
    let own = json["result"]["Direct"]["device_keys"]["public_key_string"].as_str().unwrap().to_owned();
    let own = asym::PublicKey::from_wire(asym::DEFAULT, &own).unwrap();
    for secret in [b"\x00\x01\xff".as_slice(), b"two words", &[b'a'; 2000]] {
        let challenge = b64_encode(&own.encrypt(r, secret).unwrap());
        assert_eq!(done(&with(&good, "/Direct/challenge", challenge)), SdkError::Challenge);
    }

    // A wrong challenge is refused by the server.
    let LoginStep::Direct(login) = user::done_login(&start, &good).unwrap() else { panic!("direct login expected") };
    let body = user::prepare_verify_login(&start, &login);
    let verified = server.verify_login(&body);
    server.done_login(&user::prepare_login("alice", "password", &salt).unwrap().0);
    assert_eq!(user::done_verify_login(*login, &server.verify_login(&body)).unwrap_err().status(), "server_112");

    // User keys.
    let done = |answer: &str| {
        let LoginStep::Direct(login) = user::done_login(&start, &good).unwrap() else { panic!("direct") };
        user::done_verify_login(*login, answer).map(|_| ()).unwrap_err()
    };
    assert_eq!(done(&with(&verified, "/user_keys", json!([]))), SdkError::NoKeys);
    assert_eq!(done(&with(&verified, "/user_keys/0/user_public_key_id", "other")), SdkError::KeyNotFound);
    assert_eq!(done(&with(&verified, "/user_keys/0/public_group_key", foreign_public_key())), SdkError::ForeignKey);
    assert_eq!(done(&with(&verified, "/user_keys/0/public_key_sig", "x")), SdkError::PublicKeySignature);
    let (_, verify) = sign::generate(sign::DEFAULT, r).unwrap();
    assert_eq!(done(&with(&verified, "/user_keys/0/verify_key", verify.to_wire())), SdkError::PublicKeySignature);
    assert_eq!(done(&with(&verified, "/user_keys/0/verify_key", Value::Null)), SdkError::KeyNotFound);
    assert_eq!(done(&with(&verified, "/user_keys/0/group_key_alg", "DES")), SdkError::Algorithm);
    assert_eq!(done(&with(&verified, "/hmac_keys/0/encrypted_hmac_alg", "CRC")), SdkError::Algorithm);
}

#[test]
fn swapped_public_keys() {
    let mut server = FakeServer::new();
    let alice = new_user(&mut server, Suite::HYBRID, "alice");
    let fetch = |answer: &str| user::done_fetch_public_key(answer);
    let good = server.public_key(alice.user_id());
    let verify = alice.keys()[0].verify_key();
    assert!(fetch(&good).unwrap().check(verify).is_ok());
    let swapped = fetch(&with(&good, "/public_key", foreign_public_key())).unwrap();
    assert_eq!(swapped.clone().check(verify).unwrap_err(), SdkError::PublicKeySignature);
    assert_eq!(swapped.accept_unsigned().unwrap_err(), SdkError::PublicKeySignature);
    let unsigned = fetch(&with(&good, "/public_key_sig", Value::Null)).unwrap();
    assert_eq!(unsigned.clone().check(verify).unwrap_err(), SdkError::PublicKeySignature);
    assert!(!unsigned.accept_unsigned().unwrap().verified());
    assert_eq!(fetch(&with(&good, "/public_key_sig_key_id", Value::Null)).unwrap_err(), SdkError::PublicKeySignature);
    assert_eq!(fetch(&with(&good, "/public_key_alg", "ML-KEM-1")).unwrap_err(), SdkError::Algorithm);
    assert_eq!(fetch(&refused(100)).unwrap_err().status(), "server_100");
}

#[test]
fn group_answers() {
    let mut server = FakeServer::new();
    let alice = new_user(&mut server, Suite::HYBRID, "alice");
    let group = new_group(&mut server, &alice, CreateGroup::default());
    let good = server.get_group(&group.group_id, alice.user_id());
    let mut pins = VerifyKeys::new();
    pins.pin(alice.user_id(), &alice.keys()[0].exported_verify_key()).unwrap();
    let done = |answer: &str| group::done_get_group(answer, &alice, &pins).map(|_| ());
    assert_eq!(done(&good), Ok(()));
    assert_eq!(done(&with(&good, "/keys", json!([]))), Err(SdkError::NoKeys));

    // A group key of the server's own, with the real signature or with half a signature.
    let r = &mut rng::os();
    let forged = alice.keys()[0].group_key().public().encrypt(r, &[7; 32]).unwrap();
    let forged = with(&good, "/keys/0/encrypted_group_key", b64_encode(&forged));
    assert_eq!(done(&forged), Err(SdkError::GroupKeySignature));
    for field in ["/keys/0/signed_by_user_id", "/keys/0/signed_by_user_sign_key_id"] {
        assert_eq!(done(&with(&forged, field, Value::Null)), Err(SdkError::GroupKeySignature));
    }
    // Taking the signature away leaves an unsigned key, which a caller may refuse.
    let bare = with(&good, "/keys/0/group_key_sig", Value::Null);
    let bare = group::done_get_group(&bare, &alice, &pins).unwrap();
    assert_eq!(bare.require_signed_keys(), Err(SdkError::UnsignedGroupKey));

    let sealed = alice.keys()[0].group_key().public().encrypt(r, &[7; 31]).unwrap();
    let short = with(&good, "/keys/0/encrypted_group_key", b64_encode(&sealed));
    assert_eq!(done(&short), Err(CryptoError::Length.into()));
    assert_eq!(done(&with(&good, "/keys/0/encrypted_private_group_key", "AAAA")), Err(CryptoError::Decrypt.into()));
    assert_eq!(done(&with(&good, "/keys/0/time", "now")), Err(SdkError::ServerOutput));
    assert_eq!(done(&with(&good, "/sortable_keys/0/encrypted_sortable_alg", "X")), Err(SdkError::Algorithm));
    // A search key of an unknown group key is left aside until its page comes.
    let later = with(&good, "/hmac_keys/0/encrypted_hmac_encryption_key_id", "later");
    assert!(group::done_get_group(&later, &alice, &pins).unwrap().search_keys().is_empty());
}
