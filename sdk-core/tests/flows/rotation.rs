//! Key rotation: what the starter sends, what the server makes of it, what a member takes.

use keystead_sdk_core::crypto::asym::PublicKey;
use keystead_sdk_core::crypto::encoding::{b64_decode, b64_encode};
use keystead_sdk_core::crypto::sign::VerifyKey;
use keystead_sdk_core::group::{self, CreateGroup, KeyRotationInput};
use keystead_sdk_core::protocol::rotation::{DoneKeyRotationData, KeyRotationData};
use keystead_sdk_core::suite::{ASYM, SIGN};
use keystead_sdk_core::user::{self, VerifyKeyProof};
use keystead_sdk_core::{SdkError, Suite, rng};

use crate::fake_server::{FakeServer, ok};
use crate::happy::{new_group, new_user};

/// As the server does: E in its wrap by the previous group key, encrypted for the member.
fn served(data: &KeyRotationData, for_member: &PublicKey, key_id: &str) -> KeyRotationInput {
    let wrapped = b64_decode(&data.encrypted_ephemeral_key).unwrap();
    KeyRotationInput {
        new_group_key_id: "new".into(),
        error: None,
        encrypted_ephemeral_key_by_group_key_and_public_key: b64_encode(
            &for_member.encrypt(&mut rng::os(), &wrapped).unwrap(),
        ),
        encrypted_eph_key_key_id: key_id.into(),
        encrypted_group_key_by_ephemeral: data.encrypted_group_key_by_ephemeral.clone(),
        previous_group_key_id: data.previous_group_key_id.clone(),
        ephemeral_alg: data.ephemeral_alg.clone(),
        time: 2,
    }
}

#[test]
fn a_member_takes_the_key_that_the_starter_made() {
    for (asym, sign) in ASYM.iter().zip(SIGN) {
        let suite = Suite::of(asym, sign).unwrap();
        let mut server = FakeServer::new();
        let alice = new_user(&mut server, suite, "alice");
        let of_alice = new_group(&mut server, &alice, CreateGroup { suite, sign: true });
        let own = alice.newest_key().unwrap().group_key();
        let body = group::prepare_key_rotation(&mut rng::os(), of_alice.keys(), own, &alice, true).unwrap();
        let data: KeyRotationData = serde_json::from_str(&body).unwrap();
        assert_eq!(data.keypair_encrypt_alg, *asym, "members of the group know its algorithm");
        assert_eq!((data.invoker_public_key_id.as_str(), data.group_key_sig.is_some()), (own.id(), true));
        assert!(data.verify_key.is_none() && data.public_key_sig.is_none());
        let made = own.secret().decrypt(&b64_decode(&data.encrypted_group_key_by_user).unwrap()).unwrap();

        let item = served(&data, own.public(), own.id());
        let previous = of_alice.newest_key().unwrap();
        let take = |item: &KeyRotationInput| group::done_key_rotation(&mut rng::os(), item, previous, &alice, own);
        let done: DoneKeyRotationData = serde_json::from_str(&take(&item).unwrap()).unwrap();
        let taken = own.secret().decrypt(&b64_decode(&done.encrypted_new_group_key).unwrap()).unwrap();
        assert_eq!((taken, done.public_key_id.as_str()), (made, own.id()));

        // What the server shows must be what the starter made.
        let refused = |change: fn(&mut KeyRotationInput)| {
            let mut item = item.clone();
            change(&mut item);
            take(&item).unwrap_err()
        };
        assert_eq!(refused(|i| i.previous_group_key_id = "x".into()), SdkError::KeyNotFound);
        assert_eq!(refused(|i| i.encrypted_eph_key_key_id = "x".into()), SdkError::KeyNotFound);
        assert_eq!(refused(|i| i.ephemeral_alg = "ROT13".into()), SdkError::Algorithm);
        assert_eq!(refused(|i| i.error = Some("no key".into())).code(), 313);
        let other = |i: &mut KeyRotationInput| i.encrypted_group_key_by_ephemeral = b64_encode(&[0; 60]);
        assert!(matches!(refused(other), SdkError::Crypto(_)));
        let other = |i: &mut KeyRotationInput| {
            i.encrypted_ephemeral_key_by_group_key_and_public_key = b64_encode(&[0; 1300]);
        };
        assert!(matches!(refused(other), SdkError::Crypto(_)));
        let listed = group::get_done_key_rotation_server_input(&ok([
            KeyRotationInput { time: 9, ..item.clone() },
            KeyRotationInput { time: 3, ..item.clone() },
        ]));
        assert_eq!(listed.unwrap().iter().map(|i| i.time).collect::<Vec<_>>(), [3, 9]);
    }
}

#[test]
fn a_device_takes_the_user_key_and_the_old_sign_key_vouches_for_the_new() {
    for suite in [Suite::HYBRID, Suite::CLASSIC] {
        let mut server = FakeServer::new();
        let alice = new_user(&mut server, suite, "alice");
        let body = user::prepare_user_key_rotation(&mut rng::os(), &alice).unwrap();
        let data: KeyRotationData = serde_json::from_str(&body).unwrap();
        let newest = alice.newest_key().unwrap();
        assert_eq!(data.previous_group_key_id, newest.id());
        let (alg, text) = (data.keypair_sign_alg.clone().unwrap(), data.verify_key.clone().unwrap());
        let next = VerifyKey::from_wire(&alg, &text).unwrap();
        let proof = VerifyKeyProof {
            signed_by_key_id: data.signed_by_user_sign_key_id.clone().unwrap(),
            sig: data.group_key_sig.clone().unwrap(),
        };
        assert_eq!(proof.signed_by_key_id, newest.id());
        user::check_verify_key_proof(&proof, alice.user_id(), newest.verify_key(), &next).unwrap();
        assert!(user::check_verify_key_proof(&proof, "mallory", newest.verify_key(), &next).is_err());

        let device = alice.device();
        let made = device.secret().decrypt(&b64_decode(&data.encrypted_group_key_by_user).unwrap()).unwrap();
        let item = served(&data, &device.secret().public_key().unwrap(), device.device_id());
        let done = user::done_user_key_rotation(&mut rng::os(), &item, &alice).unwrap();
        let done: DoneKeyRotationData = serde_json::from_str(&done).unwrap();
        let taken = device.secret().decrypt(&b64_decode(&done.encrypted_new_group_key).unwrap()).unwrap();
        assert_eq!((taken, done.public_key_id.as_str()), (made, device.device_id()));
        let unknown = KeyRotationInput { previous_group_key_id: "x".into(), ..item };
        assert_eq!(user::done_user_key_rotation(&mut rng::os(), &unknown, &alice), Err(SdkError::KeyNotFound));
    }
}
