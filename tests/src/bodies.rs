//! Request bodies that the server takes for real: right lengths and encodings, keys that nobody can use.

use std::sync::LazyLock;

use keystead_crypto::encoding::b64_encode;
use keystead_crypto::{asym, rng, sign, sym};
use keystead_protocol::groups::{GroupCreateData, MemberKey, NewMemberKeys};
use keystead_protocol::rotation::{DoneKeyRotationData, KeyRotationData};

use crate::users::{Session, TestGroup};

/// A symmetric key encrypted with `ECIES-ed25519`: 32 bytes and 60 of overhead.
const SEALED_KEY: usize = 92;
/// 32 bytes wrapped by a symmetric key: 28 of overhead.
const WRAPPED_KEY: usize = 60;

/// Body of `POST /group` with the classic suite; `key_id` is the creator's user key.
#[must_use]
pub fn group(key_id: &str) -> GroupCreateData {
    static TEMPLATE: LazyLock<GroupCreateData> = LazyLock::new(group_template);
    GroupCreateData { creator_public_key_id: key_id.to_owned(), ..TEMPLATE.clone() }
}

/// Wrapped keys for a member, one for each group key.
#[must_use]
pub fn member_keys(key_ids: &[&str], member: &Session) -> Vec<MemberKey> {
    keys_wrapped_by(key_ids, &member.key_id)
}

/// Group keys wrapped by the public key with this id: of a user, or of a group.
#[must_use]
pub fn keys_wrapped_by(key_ids: &[&str], public_key_id: &str) -> Vec<MemberKey> {
    let key = |id: &&str| MemberKey {
        encrypted_group_key: b64_encode(&rng::bytes::<SEALED_KEY>(&mut rng::os())),
        alg: sym::AES_GCM_256.to_owned(),
        encrypted_alg: asym::ECIES_ED25519.to_owned(),
        key_id: (*id).to_owned(),
        user_public_key_id: public_key_id.to_owned(),
    };
    key_ids.iter().map(key).collect()
}

/// Body of the invites.
#[must_use]
pub fn new_member(key_ids: &[&str], member: &Session, rank: Option<i32>) -> NewMemberKeys {
    NewMemberKeys { keys: member_keys(key_ids, member), rank, key_session: false }
}

/// Body of the invites of a group.
#[must_use]
pub fn new_guest(into: &TestGroup, guest: &TestGroup, rank: Option<i32>) -> NewMemberKeys {
    NewMemberKeys { keys: keys_wrapped_by(&[&into.key_id], &guest.key_id), rank, key_session: false }
}

/// Body of `POST /group/:g/key_rotation`: a new key instead of `previous`, by a user.
#[must_use]
pub fn rotation(by: &Session, previous: &str) -> KeyRotationData {
    let new = group(&by.key_id);
    let wrapped = || b64_encode(&rng::bytes::<WRAPPED_KEY>(&mut rng::os()));
    KeyRotationData {
        encrypted_group_key_by_user: new.encrypted_group_key,
        group_key_alg: new.group_key_alg,
        encrypted_group_key_alg: new.encrypted_group_key_alg,
        encrypted_private_group_key: new.encrypted_private_group_key,
        public_group_key: new.public_group_key,
        keypair_encrypt_alg: new.keypair_encrypt_alg,
        encrypted_group_key_by_ephemeral: wrapped(),
        ephemeral_alg: sym::AES_GCM_256.to_owned(),
        encrypted_ephemeral_key: wrapped(),
        previous_group_key_id: previous.to_owned(),
        invoker_public_key_id: by.key_id.clone(),
        signed_by_user_id: None,
        signed_by_user_sign_key_id: None,
        group_key_sig: None,
        encrypted_sign_key: None,
        verify_key: None,
        keypair_sign_alg: None,
        public_key_sig: None,
    }
}

/// Body of `POST /user/user_keys/rotation`.
///
/// # Panics
/// When a key cannot be made.
#[must_use]
pub fn user_rotation(by: &Session) -> KeyRotationData {
    let rng = &mut rng::os();
    let (key, verify) = sign::generate(sign::ED25519, rng).expect("a key pair");
    KeyRotationData {
        encrypted_sign_key: Some(b64_encode(&rng::bytes::<WRAPPED_KEY>(rng))),
        verify_key: Some(verify.to_wire()),
        keypair_sign_alg: Some(sign::ED25519.to_owned()),
        public_key_sig: Some(key.sign(rng, b"public key").expect("signs").to_wire()),
        ..rotation(by, &by.key_id)
    }
}

/// Body of `PUT /group/:g/key_rotation/:key_id` and `PUT /user/user_keys/rotation/:key_id`.
#[must_use]
pub fn done_rotation(by: &Session) -> DoneKeyRotationData {
    DoneKeyRotationData {
        encrypted_new_group_key: b64_encode(&rng::bytes::<SEALED_KEY>(&mut rng::os())),
        public_key_id: by.key_id.clone(),
        encrypted_alg: asym::ECIES_ED25519.to_owned(),
    }
}

fn group_template() -> GroupCreateData {
    let rng = &mut rng::os();
    let (secret, public) = asym::generate(asym::ECIES_ED25519, rng).expect("a key pair");
    let key = sym::SymKey::generate(rng);
    let sealed = public.encrypt(rng, key.as_bytes()).expect("encrypts");
    let wrapped = key.encrypt(rng, &secret.to_bytes(), b"").expect("encrypts");
    GroupCreateData {
        encrypted_group_key: b64_encode(&sealed),
        group_key_alg: sym::AES_GCM_256.to_owned(),
        encrypted_group_key_alg: asym::ECIES_ED25519.to_owned(),
        encrypted_private_group_key: b64_encode(&wrapped),
        public_group_key: public.to_wire(),
        keypair_encrypt_alg: asym::ECIES_ED25519.to_owned(),
        creator_public_key_id: String::new(),
        encrypted_hmac_key: None,
        encrypted_hmac_alg: None,
        encrypted_sortable_key: None,
        encrypted_sortable_alg: None,
        signed_by_user_id: None,
        signed_by_user_sign_key_id: None,
        group_key_sig: None,
        encrypted_sign_key: None,
        verify_key: None,
        keypair_sign_alg: None,
        public_key_sig: None,
    }
}
