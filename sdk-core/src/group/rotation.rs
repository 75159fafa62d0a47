//! Key rotation of groups: the starter's half and the others' half.
//!
//! The starter makes a new group key K' and an ephemeral key E, and gives K' to himself and, wrapped by E, to all. E goes
//! to the others wrapped by the previous group key and then, by the server, by each member's public key. So neither the
//! server nor somebody who is no member any more comes to K'.
//!
//! 1. starter: [`prepare_key_rotation`] → `POST /group/:g/key_rotation` → [`done_key_rotation_start`] → `GET /group/:g/key/:id`
//! 2. others: `GET /group/:g/key_rotation` → [`get_done_key_rotation_server_input`], then for each item, oldest first,
//!    [`done_key_rotation`] → `PUT /group/:g/key_rotation/:id` → `GET /group/:g/key/:id`
//!
//! User keys are rotated the same way over the user's devices, see [`crate::user`].

use keystead_crypto::asym::{self, PublicKey};
use keystead_crypto::encoding::b64_decode;
use keystead_crypto::rng::CryptoRng;
use keystead_crypto::sym::SymKey;
use keystead_protocol::ErrorCode;
use keystead_protocol::rotation::{DoneKeyRotationData, KeyRotationData, KeyRotationInput, KeyRotationOutput};

use super::keys::{GroupKey, PrivateKeys, wrap_for_self};
use crate::user::UserData;
use crate::{Result, SdkError, wire};

/// The body of `POST /group/:g/key_rotation`: a new group key and key pair of the algorithm that the group has, so that
/// every member can use them.
///
/// `group_keys` newest first, the first one is replaced. `own` is the newest key of the one for whom the group's keys are
/// wrapped: of `user`, of the parent group or of the group that is a member. `sign`: `user` vouches for the new key.
/// Output: JSON text of `KeyRotationData`, about 7 KiB with the hybrid suite (12 KiB signed).
///
/// # Errors
/// `NoKeys` for an empty `group_keys`; `ForeignKey` when `own` is not whole; `Crypto`.
pub fn prepare_key_rotation(
    rng: &mut dyn CryptoRng,
    group_keys: &[GroupKey],
    own: &GroupKey,
    user: &UserData,
    sign: bool,
) -> Result<String> {
    let previous = group_keys.first().ok_or(SdkError::NoKeys)?;
    let (mut data, key, _public) = rotate(rng, previous, |rng, key| wrap_for_self(rng, key, &own.public, &own.secret))?;
    data.encrypted_group_key_alg = own.public.alg().to_owned();
    data.invoker_public_key_id.clone_from(&own.id);
    if sign {
        let signer = user.signer()?;
        data.group_key_sig = Some(signer.key.sign(rng, key.as_bytes())?.to_wire());
        data.signed_by_user_id = Some(signer.user_id.to_owned());
        data.signed_by_user_sign_key_id = Some(signer.key_id.to_owned());
    }
    Ok(wire::to_json(&data))
}

/// Reads the answer to the start of a rotation, of a group's or of a user's keys: the new key's id. Errors: `Server` (301, 304, 321), `ServerOutput`.
///
/// ```
/// let answer = r#"{"status":true,"result":{"group_id":"g1","key_id":"k2"}}"#;
/// assert_eq!(keystead_sdk_core::group::done_key_rotation_start(answer)?, "k2");
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn done_key_rotation_start(server_output: &str) -> Result<String> {
    Ok(wire::answer::<KeyRotationOutput>(server_output)?.key_id)
}

/// Reads the answer of `GET /group/:g/key_rotation` and `GET /user/user_keys/rotation`: what waits, oldest first.
/// Errors: `Server`, `ServerOutput`.
pub fn get_done_key_rotation_server_input(server_output: &str) -> Result<Vec<KeyRotationInput>> {
    let mut items: Vec<KeyRotationInput> = wire::answer_list(server_output)?;
    items.sort_by_key(|item| item.time);
    Ok(items)
}

/// The body of `PUT /group/:g/key_rotation/:id`: opens a waiting key and wraps it for oneself.
///
/// `previous` is the group key with the id `item.previous_group_key_id`; `opener` holds the private key with the id
/// `item.encrypted_eph_key_key_id` (the user, or the group by which he is in); `own` is the newest key of the same one.
///
/// # Errors
/// `Server` 313 when the server could not encrypt for this member; `KeyNotFound` for another `previous`, or when `opener`
/// has not the key; `Algorithm`; `ForeignKey`; `Crypto`.
pub fn done_key_rotation(
    rng: &mut dyn CryptoRng,
    item: &KeyRotationInput,
    previous: &GroupKey,
    opener: &(impl PrivateKeys + ?Sized),
    own: &GroupKey,
) -> Result<String> {
    let key = open_waiting(item, previous, opener)?;
    Ok(wire::to_json(&DoneKeyRotationData {
        encrypted_new_group_key: wrap_for_self(rng, &key, &own.public, &own.secret)?,
        public_key_id: own.id.clone(),
        encrypted_alg: own.public.alg().to_owned(),
    }))
}

/// A new generation in place of `previous`, its key and its public key. `for_starter` wraps the new key for the starter; his algorithm and key id the
/// caller fills in, and what signs.
pub(crate) fn rotate(
    rng: &mut dyn CryptoRng,
    previous: &GroupKey,
    for_starter: impl FnOnce(&mut dyn CryptoRng, &SymKey) -> Result<String>,
) -> Result<(KeyRotationData, SymKey, PublicKey)> {
    let (key, ephemeral) = (SymKey::generate(rng), SymKey::generate(rng));
    let alg = previous.public.alg();
    let (secret, public) = asym::generate(alg, rng)?;
    let data = KeyRotationData {
        encrypted_group_key_by_user: for_starter(rng, &key)?,
        group_key_alg: key.alg().to_owned(),
        encrypted_group_key_alg: String::new(),
        encrypted_private_group_key: wire::wrap(rng, &key, &secret.to_bytes(), b"")?,
        public_group_key: public.to_wire(),
        keypair_encrypt_alg: alg.to_owned(),
        encrypted_group_key_by_ephemeral: wire::wrap(rng, &ephemeral, key.as_bytes(), b"")?,
        ephemeral_alg: ephemeral.alg().to_owned(),
        encrypted_ephemeral_key: wire::wrap(rng, &previous.key, ephemeral.as_bytes(), b"")?,
        previous_group_key_id: previous.id.clone(),
        invoker_public_key_id: String::new(),
        signed_by_user_id: None,
        signed_by_user_sign_key_id: None,
        group_key_sig: None,
        encrypted_sign_key: None,
        verify_key: None,
        keypair_sign_alg: None,
        public_key_sig: None,
    };
    Ok((data, key, public))
}

/// K' of a waiting item: private key, previous group key, ephemeral key.
pub(crate) fn open_waiting(
    item: &KeyRotationInput,
    previous: &GroupKey,
    opener: &(impl PrivateKeys + ?Sized),
) -> Result<SymKey> {
    if let Some(message) = &item.error {
        let code = ErrorCode::GroupRotationEncrypt.code();
        return Err(SdkError::Server { code, message: message.clone() });
    }
    if previous.id != item.previous_group_key_id {
        return Err(SdkError::KeyNotFound);
    }
    let secret = opener.private_key(&item.encrypted_eph_key_key_id).ok_or(SdkError::KeyNotFound)?;
    let inner = secret.decrypt(&b64_decode(&item.encrypted_ephemeral_key_by_group_key_and_public_key)?)?;
    let ephemeral = wire::sym_key(&item.ephemeral_alg, &previous.key.decrypt(&inner, b"")?)?;
    let raw = wire::unwrap(&ephemeral, &item.encrypted_group_key_by_ephemeral, b"")?;
    Ok(SymKey::from_bytes(&raw)?)
}
