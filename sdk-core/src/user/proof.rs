//! The word of an old sign key for the verify key that follows it.
//!
//! After a rotation a user has a new verify key. Others pinned the old one; a signature of the old sign key under the new
//! verify key tells them that the change is his own and not the server's.
//!
//! It travels in two ways: in the user group's key itself, as `group_key_sig` with `signed_by_user_id` (the user) and
//! `signed_by_user_sign_key_id` (the old key): the originals leave these fields of a user key empty; and as an addition
//! to the answer of `GET /user/:id/verify_key/:key_id`, `"verify_key_proof":{"signed_by_key_id":s,"sig":s}`.

use keystead_crypto::rng::CryptoRng;
use keystead_crypto::sign::{Signature, VerifyKey};
use keystead_protocol::keys::VerifyKeyProof;
use serde::Deserialize;

use crate::group::Signer;
use crate::{Result, SdkError, wire};

const LABEL: &[u8] = b"keystead verify key 1";

/// Vouches with the old sign key (`signer`) for the next verify key of the same user.
///
/// What is signed: the label `keystead verify key 1`, then user id, algorithm name and raw verify key, each with its
/// length as 8 bytes, big endian, in front. Errors: `Crypto`.
///
/// ```
/// use keystead_sdk_core::{crypto::sign, group::Signer, rng};
/// use keystead_sdk_core::user::{check_verify_key_proof, prove_verify_key};
///
/// let r = &mut rng::os();
/// let (old, old_verify) = sign::generate(sign::DEFAULT, r)?;
/// let (_, next) = sign::generate(sign::DEFAULT, r)?;
/// let proof = prove_verify_key(r, Signer { user_id: "alice", key_id: "k1", key: &old }, &next)?;
/// assert!(check_verify_key_proof(&proof, "alice", &old_verify, &next).is_ok());
/// assert!(check_verify_key_proof(&proof, "bob", &old_verify, &next).is_err());
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn prove_verify_key(rng: &mut dyn CryptoRng, signer: Signer<'_>, next: &VerifyKey) -> Result<VerifyKeyProof> {
    let sig = signer.key.sign(rng, &message(signer.user_id, next))?.to_wire();
    Ok(VerifyKeyProof { signed_by_key_id: signer.key_id.to_owned(), sig })
}

/// Checks that the holder of `old` vouched for `next` as a key of this user. Errors: `ChangedKey`.
pub fn check_verify_key_proof(proof: &VerifyKeyProof, user_id: &str, old: &VerifyKey, next: &VerifyKey) -> Result<()> {
    let sig = Signature::from_wire(old.alg(), &proof.sig).or(Err(SdkError::ChangedKey))?;
    old.verify(&message(user_id, next), &sig).or(Err(SdkError::ChangedKey))
}

/// Reads the proof beside a verify key, if the server sends one: same text as
/// [`done_fetch_verify_key`](super::done_fetch_verify_key). Errors: `Server`, `ServerOutput`.
///
/// ```
/// # use keystead_sdk_core::user::done_fetch_verify_key_proof;
/// let answer = r#"{"status":true,"result":{"verify_key_proof":{"signed_by_key_id":"k1","sig":"c2ln"}}}"#;
/// assert_eq!(done_fetch_verify_key_proof(answer)?.expect("a proof").signed_by_key_id, "k1");
/// let original = r#"{"status":true,"result":{"verify_key_id":"k2"}}"#;
/// assert_eq!(done_fetch_verify_key_proof(original)?, None);
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn done_fetch_verify_key_proof(server_output: &str) -> Result<Option<VerifyKeyProof>> {
    #[derive(Deserialize)]
    struct Beside {
        verify_key_proof: Option<VerifyKeyProof>,
    }
    Ok(wire::answer::<Beside>(server_output)?.verify_key_proof)
}

fn message(user_id: &str, next: &VerifyKey) -> Vec<u8> {
    let mut out = LABEL.to_vec();
    for part in [user_id.as_bytes(), next.alg().as_bytes(), &next.to_bytes()] {
        out.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}
