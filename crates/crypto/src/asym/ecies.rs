//! `ECIES-ed25519`: 32 byte ephemeral X25519 public key ‖ AES-GCM output.
//!
//! AES key = HKDF-SHA256(no salt, shared secret, info `ecies-ed25519`).

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::x25519::{self, Shared};
use crate::rng::{self, CryptoRng};
use crate::secret::SecretKey32;
use crate::sym::SymKey;
use crate::wire::array;
use crate::{CryptoError, Result};

/// Bytes of a public key.
pub(super) const PUBLIC: usize = x25519::KEY;
/// Bytes of a secret key.
pub(super) const SECRET: usize = x25519::KEY;

const INFO: &[u8] = b"ecies-ed25519";

pub(super) fn generate(rng: &mut dyn CryptoRng) -> (SecretKey, PublicKey) {
    let secret = SecretKey(SecretKey32::new(rng::bytes(rng)));
    let public = secret.public_key();
    (secret, public)
}

#[derive(Clone, PartialEq, Eq)]
pub(super) struct PublicKey([u8; PUBLIC]);

impl PublicKey {
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        array(bytes).map(Self)
    }

    pub(super) fn as_bytes(&self) -> &[u8; PUBLIC] {
        &self.0
    }

    pub(super) fn encrypt(&self, rng: &mut dyn CryptoRng, data: &[u8]) -> Result<Vec<u8>> {
        let ephemeral = SecretKey32::new(rng::bytes(rng));
        let agreed = x25519::public_and_agree(ephemeral.as_bytes(), &self.0);
        let (ephemeral_public, shared) = agreed.ok_or(CryptoError::Encrypt)?;
        let sealed = aes_key(&shared).ok_or(CryptoError::Encrypt)?.encrypt(rng, data, b"")?;
        let mut out = Vec::with_capacity(PUBLIC + sealed.len());
        out.extend_from_slice(&ephemeral_public);
        out.extend_from_slice(&sealed);
        Ok(out)
    }
}

#[derive(Clone)]
pub(super) struct SecretKey(SecretKey32);

impl SecretKey {
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        SecretKey32::from_slice(bytes).map(Self)
    }

    pub(super) fn as_bytes(&self) -> &[u8; SECRET] {
        self.0.as_bytes()
    }

    pub(super) fn public_key(&self) -> PublicKey {
        PublicKey(x25519::public(self.as_bytes()))
    }

    pub(super) fn decrypt(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let (ephemeral, body) = sealed.split_first_chunk::<PUBLIC>().ok_or(CryptoError::Decrypt)?;
        let shared = x25519::agree(self.as_bytes(), ephemeral).ok_or(CryptoError::Decrypt)?;
        aes_key(&shared).ok_or(CryptoError::Decrypt)?.decrypt(body, b"")
    }
}

fn aes_key(shared: &Shared) -> Option<SymKey> {
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(None, shared.as_slice()).expand(INFO, key.as_mut_slice()).ok()?;
    SymKey::from_bytes(key.as_slice()).ok()
}
