//! Kyber-768 90s by pqc_kyber_edit: no tables, no hardware AES; what wasm runs.

use pqc_kyber_edit as pqc;
use zeroize::{Zeroize, Zeroizing};

use super::{CIPHERTEXT, KeyPair, PUBLIC, SECRET, Shared};
use crate::rng::{CryptoRng, Legacy};
use crate::{CryptoError, Result};

// A changed feature set of the crate would be another algorithm.
const _: () = assert!(
    PUBLIC == pqc::KYBER_PUBLICKEYBYTES
        && SECRET == pqc::KYBER_SECRETKEYBYTES
        && CIPHERTEXT == pqc::KYBER_CIPHERTEXTBYTES
        && pqc::KYBER_90S
);

/// A fresh key pair: secret, public. Errors: `Encrypt` when the generator fails.
pub(super) fn keypair(rng: &mut dyn CryptoRng) -> Result<KeyPair> {
    let mut pair = pqc::keypair(&mut Legacy(rng)).or(Err(CryptoError::Encrypt))?;
    let secret = Zeroizing::new(pair.secret.to_vec());
    pair.secret.zeroize();
    Ok((secret, Box::new(pair.public)))
}

/// A fresh shared secret, and what only the holder of the secret key opens it from.
pub(super) fn encapsulate(rng: &mut dyn CryptoRng, public: &[u8; PUBLIC]) -> Result<([u8; CIPHERTEXT], Shared)> {
    let (kem, shared) = pqc::encapsulate(public, &mut Legacy(rng)).or(Err(CryptoError::Encrypt))?;
    Ok((kem, Zeroizing::new(shared)))
}

/// The shared secret; a random one for a ciphertext that `encapsulate` did not make (implicit rejection).
/// `secret` has `SECRET` bytes.
pub(super) fn decapsulate(kem: &[u8; CIPHERTEXT], secret: &[u8]) -> Result<Shared> {
    Ok(Zeroizing::new(pqc::decapsulate(kem, secret).or(Err(CryptoError::Decrypt))?))
}
