//! `ED25519` (RFC 8032).

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};

use crate::rng::{self, CryptoRng};
use crate::secret::SecretKey32;
use crate::wire::array;
use crate::{CryptoError, Result};

/// Bytes of a verify key.
pub(super) const PUBLIC: usize = 32;
/// Bytes of the seed.
pub(super) const SECRET: usize = 32;
/// Bytes of a signature.
pub(super) const SIGNATURE: usize = 64;

pub(super) fn generate(rng: &mut dyn CryptoRng) -> (SignKey, VerifyKey) {
    let seed = SecretKey32::new(rng::bytes(rng));
    let verify = SigningKey::from_bytes(seed.as_bytes()).verifying_key();
    (SignKey(seed), VerifyKey(verify))
}

#[derive(Clone)]
pub(super) struct SignKey(SecretKey32);

impl SignKey {
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        SecretKey32::from_slice(bytes).map(Self)
    }

    pub(super) fn as_bytes(&self) -> &[u8; SECRET] {
        self.0.as_bytes()
    }

    pub(super) fn sign(&self, data: &[u8]) -> [u8; SIGNATURE] {
        SigningKey::from_bytes(self.0.as_bytes()).sign(data).to_bytes()
    }
}

#[derive(Clone, PartialEq, Eq)]
pub(super) struct VerifyKey(VerifyingKey);

impl VerifyKey {
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let key = VerifyingKey::from_bytes(&array(bytes)?).or(Err(CryptoError::Input))?;
        // Under a key of small order one signature holds for many texts.
        if key.is_weak() { Err(CryptoError::Input) } else { Ok(Self(key)) }
    }

    pub(super) fn as_bytes(&self) -> &[u8; PUBLIC] {
        self.0.as_bytes()
    }

    pub(super) fn verify(&self, data: &[u8], signature: &[u8; SIGNATURE]) -> Result<()> {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        self.0.verify_strict(data, &signature).or(Err(CryptoError::Signature))
    }
}
