//! Symmetric encryption (sentc.md 12.2).
//!
//! | algorithm name | key | output |
//! |---|---|---|
//! | `AES-GCM-256` | 32 bytes | 12 byte random nonce ‖ ciphertext ‖ 16 byte tag |
//!
//! Two implementations stand behind one interface: aws-lc-rs natively, RustCrypto's aes-gcm in wasm. A test holds both
//! to the same bytes.

use core::fmt;

use zeroize::Zeroizing;

use crate::rng::{self, CryptoRng};
use crate::secret::SecretKey32;
use crate::{CryptoError, Result};

#[cfg(not(target_family = "wasm"))]
#[path = "sym/native.rs"]
mod backend;
#[cfg(target_family = "wasm")]
#[path = "sym/portable.rs"]
mod backend;
#[cfg(all(test, not(target_family = "wasm")))]
mod portable;

/// Name of the only algorithm so far.
pub const AES_GCM_256: &str = "AES-GCM-256";

/// Bytes that encryption adds: nonce and tag.
pub const OVERHEAD: usize = NONCE + TAG;

const NONCE: usize = 12;
const TAG: usize = 16;

/// A symmetric key, 32 bytes. Wiped on drop, compared in constant time.
#[derive(Clone, PartialEq, Eq)]
pub struct SymKey(SecretKey32);

impl SymKey {
    /// A fresh key.
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        Self(SecretKey32::new(rng::bytes(rng)))
    }

    /// A key from its 32 bytes. Errors: `Length`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        SecretKey32::from_slice(bytes).map(Self)
    }

    /// A key from 32 bytes under the algorithm name that came with them. Errors: `UnknownAlgorithm`, `Length`.
    pub fn from_alg(alg: &str, bytes: &[u8]) -> Result<Self> {
        if alg == AES_GCM_256 { Self::from_bytes(bytes) } else { Err(CryptoError::UnknownAlgorithm) }
    }

    /// The 32 secret bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Algorithm name on the wire.
    pub fn alg(&self) -> &'static str {
        AES_GCM_256
    }

    /// Encrypts `plain` and binds `aad` to it (wrapped keys use an empty `aad`).
    /// Output: nonce ‖ ciphertext ‖ tag, 28 bytes longer than `plain`.
    /// Errors: `Encrypt` beyond the 64 GiB limit of GCM.
    pub fn encrypt(&self, rng: &mut dyn CryptoRng, plain: &[u8], aad: &[u8]) -> Result<Vec<u8>> {
        self.encrypt_after(Vec::new(), rng, plain, aad)
    }

    /// As [`encrypt`](Self::encrypt), behind what `out` holds already: large content is not copied to put a head in front.
    pub fn encrypt_after(
        &self,
        mut out: Vec<u8>,
        rng: &mut dyn CryptoRng,
        plain: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>> {
        let nonce: [u8; NONCE] = rng::bytes(rng);
        out.reserve_exact(plain.len() + OVERHEAD);
        out.extend_from_slice(&nonce);
        let begin = out.len();
        out.extend_from_slice(plain);
        let body = out.get_mut(begin..).ok_or(CryptoError::Encrypt)?;
        let tag = backend::seal(self.as_bytes(), &nonce, aad, body)?;
        out.extend_from_slice(&tag);
        Ok(out)
    }

    /// Opens what [`encrypt`](Self::encrypt) made. Errors: `Decrypt` for a wrong key or aad, changed or cut input.
    pub fn decrypt(&self, sealed: &[u8], aad: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE>().ok_or(CryptoError::Decrypt)?;
        let (body, tag) = rest.split_last_chunk::<TAG>().ok_or(CryptoError::Decrypt)?;
        let mut plain = Zeroizing::new(vec![0; body.len()]);
        backend::open(self.as_bytes(), nonce, aad, body, tag, &mut plain)?;
        Ok(plain)
    }
}

impl fmt::Debug for SymKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SymKey(..)")
    }
}

#[cfg(test)]
#[path = "sym/tests.rs"]
mod tests;
