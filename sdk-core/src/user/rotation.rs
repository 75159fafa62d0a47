//! Rotation of user keys over the user's devices: as that of a group's keys ([`crate::group`]), with a new sign key pair.
//!
//! The old sign key vouches for the new one ([`VerifyKeyProof`](super::VerifyKeyProof)), so that others see that the change
//! is the user's own and not the server's.

use keystead_crypto::encoding::b64_encode;
use keystead_crypto::rng::CryptoRng;
use keystead_crypto::sign;
use keystead_protocol::rotation::{DoneKeyRotationData, KeyRotationInput};

use super::{UserData, prove_verify_key};
use crate::group::{open_waiting, rotate, wrap_for_self};
use crate::{Result, wire};

/// The body of `POST /user/user_keys/rotation`: new user keys of the algorithms of the newest ones. The answer goes to
/// [`done_key_rotation_start`](crate::group::done_key_rotation_start). Output: JSON text of `KeyRotationData`, about 30 KiB
/// with the hybrid suite. Errors: `NoKeys`, `Crypto`.
pub fn prepare_user_key_rotation(rng: &mut dyn CryptoRng, user: &UserData) -> Result<String> {
    let newest = user.newest_key()?;
    let device = user.device();
    let public = device.secret().public_key()?;
    let wrap = |rng: &mut dyn CryptoRng, key: &_| wrap_for_self(rng, key, &public, device.secret());
    let (mut data, key, new_public) = rotate(rng, newest.group_key(), wrap)?;
    data.encrypted_group_key_alg = public.alg().to_owned();
    data.invoker_public_key_id = device.device_id().to_owned();
    let alg = newest.verify_key().alg();
    let (sign_key, verify_key) = sign::generate(alg, rng)?;
    data.encrypted_sign_key = Some(b64_encode(&key.encrypt(rng, &sign_key.to_bytes(), b"")?));
    data.verify_key = Some(verify_key.to_wire());
    data.keypair_sign_alg = Some(alg.to_owned());
    data.public_key_sig = Some(sign_key.sign(rng, &new_public.to_bytes())?.to_wire());
    let proof = prove_verify_key(rng, user.signer()?, &verify_key)?;
    data.signed_by_user_id = Some(user.user_id().to_owned());
    data.signed_by_user_sign_key_id = Some(proof.signed_by_key_id);
    data.group_key_sig = Some(proof.sig);
    Ok(wire::to_json(&data))
}

/// The body of `PUT /user/user_keys/rotation/:id`: this device takes a waiting user key
/// ([`get_done_key_rotation_server_input`](crate::group::get_done_key_rotation_server_input)).
///
/// # Errors
/// `Server` 313 when the server could not encrypt for this device; `KeyNotFound` when this device has not the previous
/// user key; `Algorithm`; `Crypto`.
pub fn done_user_key_rotation(rng: &mut dyn CryptoRng, item: &KeyRotationInput, user: &UserData) -> Result<String> {
    let previous = user.key(&item.previous_group_key_id)?.group_key();
    let device = user.device();
    let key = open_waiting(item, previous, device)?;
    let public = device.secret().public_key()?;
    Ok(wire::to_json(&DoneKeyRotationData {
        encrypted_new_group_key: wrap_for_self(rng, &key, &public, device.secret())?,
        public_key_id: device.device_id().to_owned(),
        encrypted_alg: public.alg().to_owned(),
    }))
}
