//! `DILITHIUM_3`: Dilithium3 of round 3 in the AES variant, randomised signing.
//!
//! Bytes were checked against PQClean (`tests/vectors/`).

use pqc_dilithium_edit as pqc;
use zeroize::Zeroizing;

use crate::rng::{CryptoRng, Legacy};
use crate::{CryptoError, Result};

/// Bytes of a signature.
pub(super) const SIGNATURE: usize = pqc::SIGNBYTES;
/// A signature, on the heap for its size.
pub(super) type SignatureBytes = Box<[u8; SIGNATURE]>;

const PUBLIC: usize = pqc::PUBLICKEYBYTES;
const SECRET: usize = pqc::SECRETKEYBYTES;

// A changed feature set of the crate would be another algorithm.
const _: () = assert!(PUBLIC == 1952 && SECRET == 4000 && SIGNATURE == 3293 && pqc::RANDOMIZED_SIGNING);

/// rho, key and tr, 32 bytes each, open the secret key; s1 and s2 follow, two numbers to a byte.
const SHORT_VECTORS: core::ops::Range<usize> = 96..96 + (5 + 6) * 128;

pub(super) fn generate(rng: &mut dyn CryptoRng) -> Result<(SignKey, VerifyKey)> {
    let mut pair = pqc::Keypair::generate(&mut Legacy(rng)).or(Err(CryptoError::Input))?;
    let secret = SignKey(Zeroizing::new(pair.secret.to_vec()));
    zeroize::Zeroize::zeroize(&mut pair.secret);
    Ok((secret, VerifyKey(Box::new(pair.public))))
}

/// Checks the length of a signature. Errors: `Length`.
pub(super) fn signature(bytes: &[u8]) -> Result<SignatureBytes> {
    bytes.to_vec().try_into().or(Err(CryptoError::Length))
}

#[derive(Clone)]
pub(super) struct SignKey(Zeroizing<Vec<u8>>);

impl SignKey {
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        if bytes.len() != SECRET {
            return Err(CryptoError::Length);
        }
        // Numbers are stored as 4 - n for n in -4..=4. With larger ones signing might never end.
        let short = bytes.get(SHORT_VECTORS).ok_or(CryptoError::Length)?;
        let too_large = short.iter().fold(0, |bad, two| bad | ((two & 0x0f) + 7) | ((two >> 4) + 7)) & 0x10;
        if too_large != 0 {
            return Err(CryptoError::Input);
        }
        Ok(Self(Zeroizing::new(bytes.to_vec())))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn sign(&self, rng: &mut dyn CryptoRng, data: &[u8]) -> Result<SignatureBytes> {
        pqc::sign(data, &mut Legacy(rng), &self.0).map(Box::new).or(Err(CryptoError::Signature))
    }
}

#[derive(Clone, PartialEq, Eq)]
pub(super) struct VerifyKey(Box<[u8; PUBLIC]>);

impl VerifyKey {
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        bytes.to_vec().try_into().map(Self).or(Err(CryptoError::Length))
    }

    pub(super) fn as_bytes(&self) -> &[u8; PUBLIC] {
        &self.0
    }

    pub(super) fn verify(&self, data: &[u8], signature: &SignatureBytes) -> Result<()> {
        pqc::verify(signature.as_slice(), data, self.0.as_slice()).or(Err(CryptoError::Signature))
    }
}
