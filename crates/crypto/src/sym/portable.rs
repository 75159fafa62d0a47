//! AES-256-GCM by RustCrypto's aes-gcm: no C, so it builds for wasm.

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit};

use super::{NONCE, TAG};
use crate::{CryptoError, Result};

/// Encrypts `body` in place and returns the tag.
pub(super) fn seal(key: &[u8; 32], nonce: &[u8; NONCE], aad: &[u8], body: &mut [u8]) -> Result<[u8; TAG]> {
    let tag = Aes256Gcm::new(key.into())
        .encrypt_inout_detached(nonce.into(), aad, body.into())
        .or(Err(CryptoError::Encrypt))?;
    Ok(tag.into())
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
    plain.copy_from_slice(body);
    Aes256Gcm::new(key.into())
        .decrypt_inout_detached(nonce.into(), aad, plain.into(), tag.into())
        .or(Err(CryptoError::Decrypt))
}
