//! What keys on the wire must look like (sentc.md sections 8.1 and 12): known algorithm names, base64 and PEM that can be
//! read, lengths that fit the algorithm. The server cannot open what it stores, but it can refuse what nobody could.
//!
//! Every failure is code 11 and names the field, never its value, unless a function says otherwise.

use std::ops::RangeInclusive;

use keystead_crypto::asym::{self, PublicKey};
use keystead_crypto::encoding::b64_decode;
use keystead_crypto::sign::{self, Signature, VerifyKey};
use keystead_crypto::{search, sort, sym};
use keystead_protocol::ErrorCode;
use keystead_protocol::groups::{GroupCreateData, MAX_KEYS_PER_CALL, MemberKey};
use keystead_protocol::rotation::{DoneKeyRotationData, KeyRotationData};

use crate::error::{KeyError, KeyResult};

/// Longest text of one field; the longest real one (a hybrid sign key, wrapped) has 5,416 characters.
pub const MAX_TEXT: usize = 16 * 1024;
/// Longest id.
pub const MAX_ID: usize = 64;

/// AES-GCM: 12 bytes of nonce and 16 of tag.
const SYM_OVERHEAD: usize = 28;
const SYM_KEY: usize = 32;

/// True for what can be an id: ours are UUIDs, clients also have names such as `non_registered`. Anything else in a path
/// names nothing.
#[must_use]
pub fn is_id(text: &str) -> bool {
    (1..=MAX_ID).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// # Errors
/// Code 11 when it can be no id.
pub fn id_field(name: &str, text: &str) -> KeyResult<()> {
    if is_id(text) { Ok(()) } else { Err(wrong(name, "is not an id")) }
}

/// base64 of a number of bytes in `bytes`.
///
/// # Errors
/// Code 11.
pub fn b64_field(name: &str, text: &str, bytes: RangeInclusive<usize>) -> KeyResult<()> {
    short(name, text)?;
    let raw = b64_decode(text).map_err(|e| wrong(name, e))?;
    if bytes.contains(&raw.len()) { Ok(()) } else { Err(wrong(name, "has the wrong length")) }
}

/// Name of a symmetric algorithm.
///
/// # Errors
/// Code 11.
pub fn sym_alg(name: &str, alg: &str) -> KeyResult<()> {
    if alg == sym::AES_GCM_256 { Ok(()) } else { Err(unknown(name)) }
}

/// A symmetric key of 32 bytes, wrapped by another one.
///
/// # Errors
/// Code 11.
pub fn wrapped_sym_key(name: &str, text: &str) -> KeyResult<()> {
    let length = SYM_KEY + SYM_OVERHEAD;
    b64_field(name, text, length..=length)
}

/// A symmetric key of 32 bytes, encrypted for a public key of the algorithm `alg`.
///
/// # Errors
/// Code 11.
pub fn sealed_sym_key(name: &str, alg: &str, text: &str) -> KeyResult<()> {
    let length = SYM_KEY + asym_sizes(name, alg)?.overhead;
    b64_field(name, text, length..=length)
}

/// A public key in wire form.
///
/// # Errors
/// Code 11.
pub fn public_key(name: &str, alg: &str, text: &str) -> KeyResult<()> {
    short(name, text)?;
    PublicKey::from_wire(alg, text).map(drop).map_err(|e| wrong(name, e))
}

/// The private key of the algorithm `alg`, wrapped by a symmetric key.
///
/// # Errors
/// Code 11.
pub fn wrapped_private_key(name: &str, alg: &str, text: &str) -> KeyResult<()> {
    let length = asym_sizes(name, alg)?.secret + SYM_OVERHEAD;
    b64_field(name, text, length..=length)
}

/// A verify key in wire form.
///
/// # Errors
/// Code 11.
pub fn verify_key(name: &str, alg: &str, text: &str) -> KeyResult<()> {
    short(name, text)?;
    VerifyKey::from_wire(alg, text).map(drop).map_err(|e| wrong(name, e))
}

/// The sign key of the algorithm `alg`, wrapped by a symmetric key.
///
/// # Errors
/// Code 11.
pub fn wrapped_sign_key(name: &str, alg: &str, text: &str) -> KeyResult<()> {
    let secret = match alg {
        sign::ED25519 => 32,
        sign::DILITHIUM_3 => 4000,
        sign::ED25519_DILITHIUM_3 => 4032,
        _ => return Err(unknown(name)),
    };
    let length = secret + SYM_OVERHEAD;
    b64_field(name, text, length..=length)
}

/// A signature in wire form, of the algorithm `alg`.
///
/// # Errors
/// Code 11.
pub fn signature(name: &str, alg: &str, text: &str) -> KeyResult<()> {
    short(name, text)?;
    Signature::from_wire(alg, text).map(drop).map_err(|e| wrong(name, e))
}

/// Everything a group is created with. The four fields of user groups are not looked at.
///
/// # Errors
/// Code 11.
pub fn new_group(data: &GroupCreateData) -> KeyResult<()> {
    sym_alg("group_key_alg", &data.group_key_alg)?;
    sealed_sym_key("encrypted_group_key", &data.encrypted_group_key_alg, &data.encrypted_group_key)?;
    public_key("public_group_key", &data.keypair_encrypt_alg, &data.public_group_key)?;
    wrapped_private_key("encrypted_private_group_key", &data.keypair_encrypt_alg, &data.encrypted_private_group_key)?;
    id_field("creator_public_key_id", &data.creator_public_key_id)?;
    let hmac = (data.encrypted_hmac_key.as_deref(), data.encrypted_hmac_alg.as_deref());
    search_key("encrypted_hmac_key", search::HMAC_SHA256, 32, hmac)?;
    let sortable = (data.encrypted_sortable_key.as_deref(), data.encrypted_sortable_alg.as_deref());
    search_key("encrypted_sortable_key", sort::OPE_16, 16, sortable)?;
    group_key_signature([&data.signed_by_user_id, &data.signed_by_user_sign_key_id, &data.group_key_sig])
}

/// Everything a user group is created with.
///
/// # Errors
/// 117 when the sign key pair is missing, else code 11.
pub fn new_user_group(data: &GroupCreateData) -> KeyResult<()> {
    let (Some(verify), Some(encrypted_sign_key), Some(alg)) =
        (&data.verify_key, &data.encrypted_sign_key, &data.keypair_sign_alg)
    else {
        return Err(ErrorCode::UserGroupKeysMissing.into());
    };
    new_group(data)?;
    verify_key("verify_key", alg, verify)?;
    wrapped_sign_key("encrypted_sign_key", alg, encrypted_sign_key)?;
    data.public_key_sig.as_deref().map_or(Ok(()), |sig| signature("public_key_sig", alg, sig))
}

/// Group keys for a member: 1 to 100, each group key once.
///
/// # Errors
/// 303 for none, 305 for too many, else code 11.
pub fn member_keys(keys: &[MemberKey]) -> KeyResult<()> {
    if keys.is_empty() {
        return Err(ErrorCode::GroupNoKeys.into());
    }
    if keys.len() > MAX_KEYS_PER_CALL {
        return Err(ErrorCode::GroupTooManyKeys.into());
    }
    for key in keys {
        sym_alg("alg", &key.alg)?;
        sealed_sym_key("encrypted_group_key", &key.encrypted_alg, &key.encrypted_group_key)?;
        id_field("key_id", &key.key_id)?;
        id_field("user_public_key_id", &key.user_public_key_id)?;
    }
    let mut ids: Vec<&str> = keys.iter().map(|k| k.key_id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() == keys.len() { Ok(()) } else { Err(wrong("key_id", "appears twice")) }
}

/// Everything that starts a key rotation. The fields of user groups are not looked at.
///
/// # Errors
/// Code 11.
pub fn rotation(data: &KeyRotationData) -> KeyResult<()> {
    sym_alg("group_key_alg", &data.group_key_alg)?;
    sealed_sym_key("encrypted_group_key_by_user", &data.encrypted_group_key_alg, &data.encrypted_group_key_by_user)?;
    public_key("public_group_key", &data.keypair_encrypt_alg, &data.public_group_key)?;
    wrapped_private_key("encrypted_private_group_key", &data.keypair_encrypt_alg, &data.encrypted_private_group_key)?;
    sym_alg("ephemeral_alg", &data.ephemeral_alg)?;
    wrapped_sym_key("encrypted_group_key_by_ephemeral", &data.encrypted_group_key_by_ephemeral)?;
    wrapped_sym_key("encrypted_ephemeral_key", &data.encrypted_ephemeral_key)?;
    id_field("previous_group_key_id", &data.previous_group_key_id)?;
    id_field("invoker_public_key_id", &data.invoker_public_key_id)?;
    group_key_signature([&data.signed_by_user_id, &data.signed_by_user_sign_key_id, &data.group_key_sig])
}

/// Everything that starts a rotation of user keys.
///
/// # Errors
/// 117 when the sign key pair or the signature of the public key is missing, else code 11.
pub fn user_rotation(data: &KeyRotationData) -> KeyResult<()> {
    let (Some(verify), Some(encrypted_sign_key), Some(alg), Some(sig)) =
        (&data.verify_key, &data.encrypted_sign_key, &data.keypair_sign_alg, &data.public_key_sig)
    else {
        return Err(ErrorCode::UserGroupKeysMissing.into());
    };
    rotation(data)?;
    verify_key("verify_key", alg, verify)?;
    wrapped_sign_key("encrypted_sign_key", alg, encrypted_sign_key)?;
    signature("public_key_sig", alg, sig)
}

/// What a member takes a new key with.
///
/// # Errors
/// Code 11.
pub fn done_rotation(data: &DoneKeyRotationData) -> KeyResult<()> {
    sealed_sym_key("encrypted_new_group_key", &data.encrypted_alg, &data.encrypted_new_group_key)?;
    id_field("public_key_id", &data.public_key_id)
}

/// Signer, his key's id, signature.
fn group_key_signature([user_id, key_id, sig]: [&Option<String>; 3]) -> KeyResult<()> {
    for (name, id) in [("signed_by_user_id", user_id), ("signed_by_user_sign_key_id", key_id)] {
        id.as_deref().map_or(Ok(()), |id| id_field(name, id))?;
    }
    let Some(sig) = sig else { return Ok(()) };
    if user_id.is_none() || key_id.is_none() {
        return Err(wrong("group_key_sig", "needs signed_by_user_id and signed_by_user_sign_key_id"));
    }
    signature_of_any("group_key_sig", sig)
}

/// Where the signer's algorithm is not on the wire, the signature has to be one of any algorithm.
fn signature_of_any(name: &str, sig: &str) -> KeyResult<()> {
    short(name, sig)?;
    let of_any = [sign::ED25519, sign::DILITHIUM_3, sign::ED25519_DILITHIUM_3]
        .iter()
        .any(|alg| Signature::from_wire(alg, sig).is_ok());
    if of_any { Ok(()) } else { Err(wrong(name, "is no signature")) }
}

/// A search or sort key of `length` bytes, wrapped, and its algorithm: both or neither.
fn search_key(name: &str, known: &str, length: usize, pair: (Option<&str>, Option<&str>)) -> KeyResult<()> {
    match pair {
        (None, None) => Ok(()),
        (Some(_), Some(alg)) if alg != known => Err(unknown(name)),
        (Some(key), Some(_)) => b64_field(name, key, length + SYM_OVERHEAD..=length + SYM_OVERHEAD),
        _ => Err(wrong(name, "needs its algorithm, and the algorithm needs it")),
    }
}

struct AsymSizes {
    /// What encryption adds.
    overhead: usize,
    secret: usize,
}

fn asym_sizes(name: &str, alg: &str) -> KeyResult<AsymSizes> {
    match alg {
        asym::ECIES_ED25519 => Ok(AsymSizes { overhead: 60, secret: 32 }),
        asym::KYBER_768 => Ok(AsymSizes { overhead: 1116, secret: 2400 }),
        asym::ECIES_ED25519_KYBER_768 => Ok(AsymSizes { overhead: 1176, secret: 2432 }),
        _ => Err(unknown(name)),
    }
}

fn short(name: &str, text: &str) -> KeyResult<()> {
    if text.len() <= MAX_TEXT { Ok(()) } else { Err(wrong(name, "is too long")) }
}

fn unknown(name: &str) -> KeyError {
    wrong(name, "names an unknown algorithm")
}

fn wrong(name: &str, what: impl std::fmt::Display) -> KeyError {
    KeyError::input(format_args!("{name}: {what}"))
}
