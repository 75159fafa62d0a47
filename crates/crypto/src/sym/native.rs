//! AES-256-GCM by aws-lc-rs: AES-NI / ARMv8 assembly.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::{NONCE, TAG};
use crate::{CryptoError, Result};

/// Encrypts `body` in place and returns the tag.
pub(super) fn seal(key: &[u8; 32], nonce: &[u8; NONCE], aad: &[u8], body: &mut [u8]) -> Result<[u8; TAG]> {
    let tag = cipher(key)
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(*nonce), Aad::from(aad), body)
        .or(Err(CryptoError::Encrypt))?;
    tag.as_ref().try_into().or(Err(CryptoError::Encrypt))
}

/// Checks the tag and decrypts `body` into `plain`, which has the same length.
pub(super) fn open(
    key: &[u8; 32],
    nonce: &[u8; NONCE],
    aad: &[u8],
    body: &[u8],
    tag: &[u8; TAG],
    plain: &mut [u8],
) -> Result<()> {
    cipher(key)
        .open_separate_gather(Nonce::assume_unique_for_key(*nonce), Aad::from(aad), body, tag, plain)
        .or(Err(CryptoError::Decrypt))
}

fn cipher(key: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("the key has 32 bytes"))
}
