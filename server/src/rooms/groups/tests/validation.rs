//! What real clients send passes; everything else is refused with code 11.

use keystead_protocol::rotation::{DoneKeyRotationData, KeyRotationData};
use serde_json::Value;

use super::rotation::rotation_data;
use super::*;
use crate::rooms::groups::validate;

/// A registration of the unmodified npm client 0.3.1.
const FROZEN: &str = include_str!("../../../../../crates/crypto/tests/vectors/npm_client_0_3_1.json");

const ASYM: [&str; 3] = [asym::ECIES_ED25519, asym::KYBER_768, asym::ECIES_ED25519_KYBER_768];
const SIGN: [&str; 3] = [sign::ED25519, sign::DILITHIUM_3, sign::ED25519_DILITHIUM_3];

#[test]
fn a_registration_of_the_npm_client_passes() {
    let file: Value = serde_json::from_str(FROZEN).expect("vector");
    let input: RegisterData = serde_json::from_value(file["registration"].clone()).expect("registration");
    validate::new_user_group(&input.group).expect("valid");
    validate::new_group(&input.group).expect("valid");
    users::validate_registration(input).expect("valid");
}

#[test]
fn every_suite_passes_with_the_sizes_of_the_crypto_crate() {
    for (outer, inner, sign_alg) in ASYM.iter().flat_map(|o| ASYM.iter().zip(SIGN).map(move |(i, s)| (o, i, s))) {
        let (_, public) = asym::generate(outer, &mut rng::os()).expect("key pair");
        validate::new_user_group(&new_user_group(&public, inner, sign_alg)).expect("valid");
        let user = user_with(public);
        validate::member_keys(&[member_key("k", &user)]).expect("valid");
    }
}

#[test]
fn a_group_of_todays_clients_has_the_size_that_was_captured() {
    let (_, public) = asym::generate(asym::DEFAULT, &mut rng::os()).expect("key pair");
    let data = GroupCreateData { creator_public_key_id: "0".repeat(36), ..new_group(&public, asym::DEFAULT) };
    // JS 0.15 and Rust 0.3 (better-than.md): so search and sort key are wrapped raw, too.
    assert_eq!(serde_json::to_string(&data).expect("json").len(), 7264);
}

#[test]
fn any_field_that_is_spoilt_is_refused() {
    let (_, public) = asym::generate(asym::ECIES_ED25519, &mut rng::os()).expect("key pair");
    let mut good = new_user_group(&public, asym::ECIES_ED25519, sign::ED25519);
    good.signed_by_user_id = Some("u".into());
    good.signed_by_user_sign_key_id = Some("k".into());
    good.group_key_sig = Some(b64_encode(&[0; 64]));
    validate::new_user_group(&good).expect("valid");
    let fields = serde_json::to_value(&good).expect("json");
    let names: Vec<&String> = fields.as_object().expect("object").keys().collect();
    assert_eq!(names.len(), 18);
    let too_long = "A".repeat(validate::MAX_TEXT + 4);
    for name in names {
        for bad in ["", "\0", "no base64!", "QUFB", "-----BEGIN PUBLIC KEY-----", too_long.as_str()] {
            let mut spoilt = fields.clone();
            // `QUFB` could be an id.
            if bad == "QUFB" && (name.ends_with("_id")) {
                continue;
            }
            spoilt[name] = bad.into();
            let data: GroupCreateData = serde_json::from_value(spoilt).expect("shape");
            assert_eq!(code(validate::new_user_group(&data)), Some(ErrorCode::JsonParse), "{name} = {bad:?}");
        }
    }
}

#[test]
fn halves_of_pairs_are_refused() {
    let (_, public) = asym::generate(asym::ECIES_ED25519, &mut rng::os()).expect("key pair");
    let good = new_user_group(&public, asym::ECIES_ED25519, sign::ED25519);
    let refused = |change: fn(&mut GroupCreateData)| {
        let mut data = good.clone();
        change(&mut data);
        code(validate::new_user_group(&data))
    };
    let bad = Some(ErrorCode::JsonParse);
    assert_eq!(refused(|d| d.encrypted_hmac_alg = None), bad);
    assert_eq!(refused(|d| d.encrypted_hmac_key = None), bad);
    assert_eq!(refused(|d| d.encrypted_sortable_alg = None), bad);
    assert_eq!(refused(|d| d.encrypted_sortable_key.clone_from(&d.encrypted_hmac_key)), bad);
    assert_eq!(refused(|d| d.group_key_sig = Some(b64_encode(&[0; 64]))), bad);
    assert_eq!(refused(|d| d.keypair_encrypt_alg = asym::KYBER_768.into()), bad);
    assert_eq!(refused(|d| d.encrypted_group_key_alg = asym::KYBER_768.into()), bad);
    assert_eq!(refused(|d| d.keypair_sign_alg = Some(sign::DILITHIUM_3.into())), bad);
    let missing = Some(ErrorCode::UserGroupKeysMissing);
    assert_eq!(refused(|d| d.verify_key = None), missing);
    assert_eq!(refused(|d| d.encrypted_sign_key = None), missing);
    assert_eq!(refused(|d| d.keypair_sign_alg = None), missing);
    assert_eq!(refused(|d| d.public_key_sig = None), None, "a client of 2022");
    assert_eq!(
        refused(|d| {
            (d.encrypted_hmac_key, d.encrypted_hmac_alg) = (None, None);
            (d.encrypted_sortable_key, d.encrypted_sortable_alg) = (None, None);
        }),
        None
    );
}

#[test]
fn member_keys_are_one_to_a_hundred_and_no_key_twice() {
    let (_, public) = asym::generate(asym::ECIES_ED25519, &mut rng::os()).expect("key pair");
    let user = user_with(public);
    let keys: Vec<MemberKey> = (0..101).map(|i| member_key(&format!("k{i}"), &user)).collect();
    assert_eq!(code(validate::member_keys(&[])), Some(ErrorCode::GroupNoKeys));
    assert_eq!(code(validate::member_keys(&keys[..100])), None);
    assert_eq!(code(validate::member_keys(&keys)), Some(ErrorCode::GroupTooManyKeys));
    let twice = [keys[0].clone(), keys[1].clone(), keys[0].clone()];
    assert_eq!(code(validate::member_keys(&twice)), Some(ErrorCode::JsonParse));
    let fields = serde_json::to_value(&keys[0]).expect("json");
    for name in fields.as_object().expect("object").keys() {
        for bad in ["", "\0", "no base64!"] {
            let mut spoilt = fields.clone();
            spoilt[name] = bad.into();
            let key: MemberKey = serde_json::from_value(spoilt).expect("shape");
            assert_eq!(code(validate::member_keys(&[key])), Some(ErrorCode::JsonParse), "{name} = {bad:?}");
        }
    }
}

#[test]
fn ids() {
    for good in ["non_registered", "00000000-0000-4000-8000-000000000000", "A", "9", &"x".repeat(64)] {
        assert!(validate::is_id(good), "{good}");
    }
    for bad in ["", " ", "a b", "a/b", "ä", "\0", "a\n", "%00", &"x".repeat(65)] {
        assert!(!validate::is_id(bad), "{bad}");
    }
}

#[test]
fn failures_do_not_repeat_the_input() {
    let (_, public) = asym::generate(asym::ECIES_ED25519, &mut rng::os()).expect("key pair");
    let mut data = new_group(&public, asym::ECIES_ED25519);
    data.encrypted_group_key = "canary!".into();
    let e = validate::new_group(&data).expect_err("refused");
    let message = e.message.expect("message");
    assert!(message.starts_with("Wrong input: encrypted_group_key") && !message.contains("canary"), "{message}");
}

fn user_with(public: PublicKey) -> User {
    User { id: "u".into(), device_id: "d".into(), group_id: "g".into(), key_id: "p".into(), public }
}

#[test]
fn rotations_of_wrong_shape_are_refused() {
    let (_, public) = asym::generate(asym::ECIES_ED25519, &mut rng::os()).expect("key pair");
    let good = rotation_data(&public, "invoker", "previous");
    validate::rotation(&good).expect("good");
    validate::user_rotation(&good).expect("good");
    let short = b64_encode(&[0; 31]);
    let bad = [
        KeyRotationData { group_key_alg: "x".into(), ..good.clone() },
        KeyRotationData { ephemeral_alg: "x".into(), ..good.clone() },
        KeyRotationData { encrypted_group_key_by_user: short.clone(), ..good.clone() },
        KeyRotationData { encrypted_group_key_by_ephemeral: short.clone(), ..good.clone() },
        KeyRotationData { encrypted_ephemeral_key: short.clone(), ..good.clone() },
        KeyRotationData { encrypted_private_group_key: short.clone(), ..good.clone() },
        KeyRotationData { public_group_key: "x".into(), ..good.clone() },
        KeyRotationData { previous_group_key_id: "\0".into(), ..good.clone() },
        KeyRotationData { invoker_public_key_id: String::new(), ..good.clone() },
        KeyRotationData { group_key_sig: Some(b64_encode(&[0; 64])), ..good.clone() },
    ];
    for bad in bad {
        assert_eq!(code(validate::rotation(&bad)), Some(ErrorCode::JsonParse), "{bad:?}");
    }
    let missing = [
        KeyRotationData { verify_key: None, ..good.clone() },
        KeyRotationData { encrypted_sign_key: None, ..good.clone() },
        KeyRotationData { keypair_sign_alg: None, ..good.clone() },
        KeyRotationData { public_key_sig: None, ..good.clone() },
    ];
    for missing in missing {
        assert_eq!(code(validate::user_rotation(&missing)), Some(ErrorCode::UserGroupKeysMissing));
        validate::rotation(&missing).expect("a group has none");
    }
    let done = DoneKeyRotationData {
        encrypted_new_group_key: short,
        public_key_id: "k".into(),
        encrypted_alg: asym::ECIES_ED25519.into(),
    };
    assert_eq!(code(validate::done_rotation(&done)), Some(ErrorCode::JsonParse));
}
