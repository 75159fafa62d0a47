use keystead_crypto::rng;
use keystead_crypto::sign::{self, SignKey};

use super::*;
use crate::group::Signer;
use crate::user::prove_verify_key;

fn made(id: &str) -> (SignKey, VerifyKey, VerifyKeyData) {
    let (key, verify) = sign::generate(sign::ED25519, &mut rng::os()).expect("known algorithm");
    let data = VerifyKeyData {
        verify_key_id: id.into(),
        verify_key: verify.to_wire(),
        verify_key_alg: verify.alg().to_owned(),
    };
    (key, verify, data)
}

fn data(id: &str) -> VerifyKeyData {
    made(id).2
}

#[test]
fn first_known_changed_accepted() {
    let mut pins = VerifyKeys::new();
    let first = data("k1");
    assert_eq!(pins.pin("u", &first), Ok(Pin::First));
    assert_eq!(pins.pin("u", &first), Ok(Pin::Known));
    let second = data("k2");
    assert_eq!(pins.pin("u", &second), Err(SdkError::ChangedKey));
    assert_eq!(pins.pin("u", &data("k1")), Err(SdkError::PinnedKey));
    assert_eq!(pins.accept("u", &data("k1")), Err(SdkError::PinnedKey));
    assert_eq!(pins.pin("v", &data("k1")), Ok(Pin::First));
    assert!(!pins.changed("u") && pins.get("u", "k2").is_none() && pins.get("w", "k1").is_none());
    pins.accept("u", &second).expect("the application knows");
    assert_eq!(pins.pin("u", &second), Ok(Pin::Known));
    assert_eq!(pins.newest("u").map(|(id, _)| id), Some("k2"));
    pins.forget("u");
    assert_eq!(pins.pin("u", &data("k3")), Ok(Pin::First));
}

#[test]
fn changes_can_be_reported_only() {
    let mut pins = VerifyKeys::with_policy(Policy { changed_keys: Changed::Report, ..Policy::default() });
    pins.pin("u", &data("k1")).expect("the first one");
    assert_eq!(pins.pin("u", &data("k2")), Ok(Pin::Additional));
    assert!(pins.changed("u"));
    let read = VerifyKeys::import(&pins.export()).expect("own output");
    assert!(read.changed("u"));
    assert_eq!((read.export(), read.get("u", "k1")), (pins.export(), pins.get("u", "k1")));
    assert_eq!(VerifyKeys::import("[1]").unwrap_err(), SdkError::Input);
}

#[test]
fn the_newest_pinned_key_vouches_for_the_next_one() {
    let ((k1, _, d1), (k2, v2, d2), (_, v3, d3)) = (made("k1"), made("k2"), made("k3"));
    let r = &mut rng::os();
    let by = |user_id, key_id, key| Signer { user_id, key_id, key };
    let to_2 = prove_verify_key(r, by("u", "k1", &k1), &v2).expect("signs");
    let to_3 = prove_verify_key(r, by("u", "k2", &k2), &v3).expect("signs");
    let old_to_3 = prove_verify_key(r, by("u", "k1", &k1), &v3).expect("signs");
    let foreign = prove_verify_key(r, by("v", "k1", &k1), &v2).expect("signs");
    let mut pins = VerifyKeys::new();
    pins.pin("u", &d1).expect("the first one");
    for bad in [None, Some(&to_3), Some(&old_to_3), Some(&foreign)] {
        assert_eq!(pins.pin_proven("u", &d2, bad), Err(SdkError::ChangedKey));
    }
    assert_eq!(pins.pin_proven("u", &d2, Some(&to_2)), Ok(Pin::Proven));
    assert_eq!(pins.pin_proven("u", &d3, Some(&old_to_3)), Err(SdkError::ChangedKey), "a key that was replaced");
    assert_eq!(pins.pin_proven("u", &d3, Some(&to_3)), Ok(Pin::Proven));
    assert!(!pins.changed("u"));
}

#[test]
fn the_list_of_version_1_is_read() {
    let json = r#"[{"user_id":"u","signs_public_keys":true,"keys":[]}]"#;
    let pins = VerifyKeys::import(json).expect("the older form");
    assert!(pins.users["u"].signs_public_keys);
}
