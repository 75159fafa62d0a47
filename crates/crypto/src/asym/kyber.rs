//! `KYBER_768`: 1088 byte Kyber ciphertext ‖ AES-GCM output under the 32 byte shared secret.
//!
//! Kyber-768 of round 3 in its 90s variant: AES-256-CTR in place of SHAKE, SHA-2 in place of SHA-3. Its last step
//! hashes the ciphertext into the shared secret, which ML-KEM dropped. Bytes were checked against PQClean
//! (`tests/vectors/`).

use pqc_kyber_edit as pqc;
use zeroize::Zeroizing;

use crate::rng::{CryptoRng, Legacy};
use crate::sym::SymKey;
use crate::{CryptoError, Result, hash};

const PUBLIC: usize = pqc::KYBER_PUBLICKEYBYTES;
const SECRET: usize = pqc::KYBER_SECRETKEYBYTES;
const CIPHERTEXT: usize = pqc::KYBER_CIPHERTEXTBYTES;

// A changed feature set of the crate would be another algorithm.
const _: () = assert!(PUBLIC == 1184 && SECRET == 2400 && CIPHERTEXT == 1088 && pqc::KYBER_90S);

/// 3 polynomials of 256 numbers, 12 bits each; 32 bytes of seed follow in the public key.
const POLYNOMIALS: usize = 3 * 256 * 12 / 8;
const Q: u16 = 3329;

pub(super) fn generate(rng: &mut dyn CryptoRng) -> Result<(SecretKey, PublicKey)> {
    let mut pair = pqc::keypair(&mut Legacy(rng)).or(Err(CryptoError::Encrypt))?;
    let secret = SecretKey(Zeroizing::new(pair.secret.to_vec()));
    zeroize::Zeroize::zeroize(&mut pair.secret);
    Ok((secret, PublicKey(Box::new(pair.public))))
}

#[derive(Clone, PartialEq, Eq)]
pub(super) struct PublicKey(Box<[u8; PUBLIC]>);

impl PublicKey {
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let bytes: Box<[u8; PUBLIC]> = bytes.to_vec().try_into().or(Err(CryptoError::Length))?;
        // Round 3 does not ask for this check, but no key generator makes such numbers.
        if !numbers_in_field(bytes.as_slice()) {
            return Err(CryptoError::Input);
        }
        Ok(Self(bytes))
    }

    pub(super) fn as_bytes(&self) -> &[u8; PUBLIC] {
        &self.0
    }

    pub(super) fn encrypt(&self, rng: &mut dyn CryptoRng, data: &[u8]) -> Result<Vec<u8>> {
        let (kem, shared) = pqc::encapsulate(self.0.as_slice(), &mut Legacy(rng)).or(Err(CryptoError::Encrypt))?;
        let shared = Zeroizing::new(shared);
        let sealed = SymKey::from_bytes(shared.as_slice())?.encrypt(rng, data, b"")?;
        let mut out = Vec::with_capacity(CIPHERTEXT + sealed.len());
        out.extend_from_slice(&kem);
        out.extend_from_slice(&sealed);
        Ok(out)
    }
}

#[derive(Clone)]
pub(super) struct SecretKey(Zeroizing<Vec<u8>>);

impl SecretKey {
    /// s (1152) ‖ public key (1184) ‖ SHA-256 of the public key (32) ‖ z (32).
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        if bytes.len() != SECRET {
            return Err(CryptoError::Length);
        }
        let (s, rest) = bytes.split_at_checked(POLYNOMIALS).ok_or(CryptoError::Length)?;
        let (public, rest) = rest.split_at_checked(PUBLIC).ok_or(CryptoError::Length)?;
        let (public_hash, _z) = rest.split_at_checked(32).ok_or(CryptoError::Length)?;
        let in_field = numbers_in_field(s) & numbers_in_field(public);
        if !in_field || !hash::ct_eq(&hash::sha256(public), public_hash) {
            return Err(CryptoError::Input);
        }
        Ok(Self(Zeroizing::new(bytes.to_vec())))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The public half is part of the secret bytes, its hash too; decryption uses both.
    pub(super) fn public_key(&self) -> Result<PublicKey> {
        PublicKey::from_bytes(self.0.get(POLYNOMIALS..POLYNOMIALS + PUBLIC).ok_or(CryptoError::Length)?)
    }

    pub(super) fn decrypt(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let (kem, body) = sealed.split_first_chunk::<CIPHERTEXT>().ok_or(CryptoError::Decrypt)?;
        // A wrong ciphertext gives a random secret here (implicit rejection), so that only AES-GCM can fail.
        let shared = Zeroizing::new(pqc::decapsulate(kem, &self.0).or(Err(CryptoError::Decrypt))?);
        SymKey::from_bytes(shared.as_slice())?.decrypt(body, b"")
    }
}

/// Whether all packed numbers at the front are below q. Looks at every one, so that time tells nothing of a secret.
fn numbers_in_field(packed: &[u8]) -> bool {
    let mut too_large = 0;
    for three in packed.as_chunks::<3>().0.iter().take(POLYNOMIALS / 3) {
        let [a, b, c] = three.map(u16::from);
        let (low, high) = (a | (b & 0x0f) << 8, b >> 4 | c << 4);
        // Bit 15 is set when a number exceeds q - 1.
        too_large |= (Q - 1).wrapping_sub(low) | (Q - 1).wrapping_sub(high);
    }
    too_large >> 15 == 0
}
