//! Request bodies that the server takes for real: right lengths and encodings, keys that nobody can use.

use std::sync::LazyLock;

use keystead_crypto::encoding::b64_encode;
use keystead_crypto::{asym, rng, sym};
use keystead_protocol::groups::{GroupCreateData, MemberKey, NewMemberKeys};

use crate::users::{Session, TestGroup};

/// A symmetric key encrypted with `ECIES-ed25519`: 32 bytes and 60 of overhead.
const SEALED_KEY: usize = 92;

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
