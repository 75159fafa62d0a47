//! `KYBER_768`: 1088 byte Kyber ciphertext ‖ AES-GCM output under the 32 byte shared secret.
//!
//! Kyber-768 of round 3 in its 90s variant: AES-256-CTR in place of SHAKE, SHA-2 in place of SHA-3. Its last step
//! hashes the ciphertext into the shared secret, which ML-KEM dropped. Bytes were checked against PQClean
//! (`tests/vectors/`).
//!
//! Two implementations stand behind one interface: one with the processor's AES natively, pqc_kyber_edit in wasm. A test
//! holds both to the same bytes.

use zeroize::Zeroizing;

use crate::rng::CryptoRng;
use crate::sym::SymKey;
use crate::{CryptoError, Result, hash};

#[cfg(not(target_family = "wasm"))]
#[path = "kyber/native/mod.rs"]
mod backend;
#[cfg(target_family = "wasm")]
#[path = "kyber/portable.rs"]
mod backend;
#[cfg(all(test, not(target_family = "wasm")))]
mod portable;

const PUBLIC: usize = 1184;
const SECRET: usize = 2400;
const CIPHERTEXT: usize = 1088;

/// Secret (`SECRET` bytes) and public.
type KeyPair = (Zeroizing<Vec<u8>>, Box<[u8; PUBLIC]>);
/// What both sides know.
type Shared = Zeroizing<[u8; 32]>;

/// 3 polynomials of 256 numbers, 12 bits each; 32 bytes of seed follow in the public key.
const POLYNOMIALS: usize = 3 * 256 * 12 / 8;
const Q: u16 = 3329;

pub(super) fn generate(rng: &mut dyn CryptoRng) -> Result<(SecretKey, PublicKey)> {
    let (secret, public) = backend::keypair(rng)?;
    Ok((SecretKey(secret), PublicKey(public)))
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
        let (kem, shared) = backend::encapsulate(rng, &self.0)?;
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
        let shared = backend::decapsulate(kem, &self.0)?;
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rng::seeded::Seeded;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn both_implementations_are_equal(seed: u64, changed: Option<proptest::sample::Index>) {
            let (secret, public) = backend::keypair(&mut Seeded::new(seed)).unwrap();
            prop_assert_eq!(&portable::keypair(&mut Seeded::new(seed)).unwrap(), &(secret.clone(), public.clone()));
            let (mut kem, shared) = backend::encapsulate(&mut Seeded::new(!seed), &public).unwrap();
            prop_assert_eq!(portable::encapsulate(&mut Seeded::new(!seed), &public).unwrap(), (kem, shared.clone()));
            if let Some(at) = changed {
                kem[at.index(CIPHERTEXT)] ^= 1;
            }
            let opened = backend::decapsulate(&kem, &secret).unwrap();
            prop_assert_eq!(&portable::decapsulate(&kem, &secret).unwrap(), &opened);
            prop_assert_eq!(opened == shared, changed.is_none());
        }

        /// Ciphertexts and keys that nobody made by the rules, with numbers up to the border of the field.
        #[test]
        fn both_agree_on_any_bytes(seed: u64, border: bool) {
            let rng = &mut Seeded::new(seed);
            let (secret, _) = backend::keypair(rng).unwrap();
            let kem = crate::rng::bytes(rng);
            prop_assert_eq!(backend::decapsulate(&kem, &secret).unwrap(), portable::decapsulate(&kem, &secret).unwrap());
            let mut public = crate::rng::bytes::<PUBLIC>(rng);
            for three in public[..POLYNOMIALS].as_chunks_mut::<3>().0 {
                let [low, high] = [0, 1].map(|_| if border { Q - 1 } else { u16::from_le_bytes(crate::rng::bytes(rng)) % Q });
                *three = [low as u8, (low >> 8 | (high & 15) << 4) as u8, (high >> 4) as u8];
            }
            let made = backend::encapsulate(&mut Seeded::new(seed), &public).unwrap();
            prop_assert_eq!(portable::encapsulate(&mut Seeded::new(seed), &public).unwrap(), made);
        }
    }
}
