//! Checks of key material that comes over the wire: sizes, encodings, algorithm names. The server cannot open any of
//! it, but what is malformed must not get in: another client would fail on it, or the server when it has to encrypt.

use std::fmt::Display;

use keystead_crypto::asym::{self, PublicKey};
use keystead_crypto::sign::{self, Signature, VerifyKey};
use keystead_crypto::{encoding, sym};

use crate::error::{KeyError, KeyResult};

/// Longest text of one field. The longest that a client sends is a hybrid sign key, 5.4 KiB.
pub const MAX_FIELD: usize = 16 * 1024;

/// # Errors
/// `JsonParse` when the name is none of those known.
pub fn one_of(field: &str, value: &str, known: &[&str]) -> KeyResult<()> {
    if known.contains(&value) { Ok(()) } else { Err(refuse(field, "unknown algorithm")) }
}

/// # Errors
/// `JsonParse` for anything but `AES-GCM-256`.
pub fn sym_alg(field: &str, value: &str) -> KeyResult<()> {
    one_of(field, value, &[sym::AES_GCM_256])
}

/// Base64 of exactly `len` bytes.
///
/// # Errors
/// `JsonParse`.
pub fn b64_len(field: &str, text: &str, len: usize) -> KeyResult<()> {
    match decoded(field, text)?.len() {
        n if n == len => Ok(()),
        n => Err(refuse(field, format_args!("{n} bytes instead of {len}"))),
    }
}

/// A public key in wire form, and its private key wrapped with AES-GCM.
///
/// # Errors
/// `JsonParse`.
pub fn key_pair(alg: &str, public_key: &str, wrapped_private_key: &str) -> KeyResult<()> {
    let secret = match alg {
        asym::ECIES_ED25519 => 32,
        asym::KYBER_768 => 2400,
        asym::ECIES_ED25519_KYBER_768 => 2432,
        _ => return Err(refuse("keypair_encrypt_alg", "unknown algorithm")),
    };
    let short = bounded("public key", public_key)?;
    PublicKey::from_wire(alg, short).map_err(|_source| refuse("public key", "not a key of its algorithm"))?;
    b64_len("wrapped private key", wrapped_private_key, secret + sym::OVERHEAD)
}

/// A verify key in wire form, and its sign key wrapped with AES-GCM.
///
/// # Errors
/// `JsonParse`.
pub fn sign_pair(alg: &str, verify_key: &str, wrapped_sign_key: &str) -> KeyResult<()> {
    let secret = match alg {
        sign::ED25519 => 32,
        sign::DILITHIUM_3 => 4000,
        sign::ED25519_DILITHIUM_3 => 4032,
        _ => return Err(refuse("keypair_sign_alg", "unknown algorithm")),
    };
    let short = bounded("verify key", verify_key)?;
    VerifyKey::from_wire(alg, short).map_err(|_source| refuse("verify key", "not a key of its algorithm"))?;
    b64_len("wrapped sign key", wrapped_sign_key, secret + sym::OVERHEAD)
}

/// A signature in wire form.
///
/// # Errors
/// `JsonParse`.
pub fn signature(field: &str, alg: &str, text: &str) -> KeyResult<()> {
    let text = bounded(field, text)?;
    Signature::from_wire(alg, text).map(drop).map_err(|_source| refuse(field, "not a signature of its algorithm"))
}

/// A signature by some known algorithm, where the wire does not say which.
///
/// # Errors
/// `JsonParse`.
pub fn any_signature(field: &str, text: &str) -> KeyResult<()> {
    let algs = [sign::ED25519_DILITHIUM_3, sign::ED25519, sign::DILITHIUM_3];
    let text = bounded(field, text)?;
    let known = algs.iter().any(|alg| Signature::from_wire(alg, text).is_ok());
    if known { Ok(()) } else { Err(refuse(field, "not a signature")) }
}

/// `len` bytes, encrypted for a public key of `alg`.
///
/// # Errors
/// `JsonParse`.
pub fn encrypted_for(field: &str, alg: &str, text: &str, len: usize) -> KeyResult<()> {
    let overhead = match alg {
        asym::ECIES_ED25519 => 32 + sym::OVERHEAD,
        asym::KYBER_768 => 1088 + sym::OVERHEAD,
        asym::ECIES_ED25519_KYBER_768 => 32 + 1088 + 2 * sym::OVERHEAD,
        _ => return Err(refuse(field, "unknown algorithm")),
    };
    b64_len(field, text, len + overhead)
}

/// An id that a client names: short, and no more is known about it here.
///
/// # Errors
/// `JsonParse`.
pub fn id(field: &str, text: &str) -> KeyResult<()> {
    if (1..=64).contains(&text.len()) { Ok(()) } else { Err(refuse(field, "not an id")) }
}

fn decoded(field: &str, text: &str) -> KeyResult<Vec<u8>> {
    encoding::b64_decode(bounded(field, text)?).map_err(|_source| refuse(field, "not base64"))
}

fn bounded<'a>(field: &str, text: &'a str) -> KeyResult<&'a str> {
    if text.len() <= MAX_FIELD { Ok(text) } else { Err(refuse(field, "too long")) }
}

fn refuse(field: &str, why: impl Display) -> KeyError {
    KeyError::input(format_args!("{field}: {why}"))
}
