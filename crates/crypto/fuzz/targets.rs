//! The bodies of the fuzz targets. `tests/corpus.rs` runs them over the corpus as a normal test.
//!
//! The first byte of the input chooses the algorithm, the rest is what an attacker sends. A target panics when a parser
//! does, or when something that was parsed does not come back the same.
#![allow(dead_code, reason = "each fuzz binary uses one of them")]

use keystead_crypto::asym::{self, PublicKey};
use keystead_crypto::rng::{TryCryptoRng, TryRng};
use keystead_crypto::sign::{self, Signature, VerifyKey};
use keystead_crypto::sym::SymKey;
use keystead_crypto::{CryptoError, Result, encoding};

const ASYM: [&str; 3] = [asym::ECIES_ED25519, asym::KYBER_768, asym::ECIES_ED25519_KYBER_768];
const SIGN: [&str; 3] = [sign::ED25519, sign::DILITHIUM_3, sign::ED25519_DILITHIUM_3];

/// Public key text; a key that parses must encrypt without a panic.
pub(crate) fn public_key_wire(data: &[u8]) -> Result<()> {
    let (alg, text) = alg_and_text(ASYM, data)?;
    let key = PublicKey::from_wire(alg, text)?;
    assert_eq!(PublicKey::from_wire(alg, &key.to_wire()).as_ref(), Ok(&key));
    assert_eq!(PublicKey::from_bytes(alg, &key.to_bytes()).as_ref(), Ok(&key));
    key.encrypt(&mut Counter(0), b"text").map(drop)
}

/// Verify key text; a key that parses must refuse a signature without a panic.
pub(crate) fn verify_key_wire(data: &[u8]) -> Result<()> {
    let (alg, text) = alg_and_text(SIGN, data)?;
    let key = VerifyKey::from_wire(alg, text)?;
    assert_eq!(VerifyKey::from_wire(alg, &key.to_wire()).as_ref(), Ok(&key));
    assert_eq!(key.verify_attached(&[7; 4000]), Err(CryptoError::Signature));
    Ok(())
}

/// Signature text; one that parses is checked against a fixed key.
pub(crate) fn signature_wire(data: &[u8]) -> Result<()> {
    let (alg, text) = alg_and_text(SIGN, data)?;
    let signature = Signature::from_wire(alg, text)?;
    assert_eq!(signature.to_wire().len(), text.len());
    let (_, key) = sign::generate(alg, &mut Counter(0))?;
    key.verify(b"text", &signature)
}

/// PEM text alone.
pub(crate) fn pem(data: &[u8]) -> Result<()> {
    let text = core::str::from_utf8(data).or(Err(CryptoError::Encoding))?;
    let bytes = encoding::pem_decode(text)?;
    let canonical = encoding::pem_encode(&bytes);
    assert_eq!(text.replace("\r\n", "\n").trim_end(), canonical.trim_end());
    Ok(())
}

/// Ciphertext for a fixed key.
pub(crate) fn asym_decrypt(data: &[u8]) -> Result<()> {
    let (choice, sealed) = data.split_first().ok_or(CryptoError::Length)?;
    let (key, _) = asym::generate(named(ASYM, *choice), &mut Counter(0))?;
    key.decrypt(sealed).map(drop)
}

/// Ciphertext for a fixed key; the first byte is the length of the bound data behind it.
pub(crate) fn sym_decrypt(data: &[u8]) -> Result<()> {
    let (len, rest) = data.split_first().ok_or(CryptoError::Length)?;
    let (aad, sealed) = rest.split_at_checked(usize::from(*len)).ok_or(CryptoError::Length)?;
    SymKey::from_bytes(&[1; 32])?.decrypt(sealed, aad).map(drop)
}

/// Counts up: keys of the targets are the same in every run.
pub(crate) struct Counter(pub(crate) u64);

impl TryRng for Counter {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        self.try_next_u64().map(|n| n as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        self.0 += 1;
        Ok(self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        for byte in out {
            *byte = (self.try_next_u64()? >> 56) as u8;
        }
        Ok(())
    }
}

impl TryCryptoRng for Counter {}

fn alg_and_text<'a>(names: [&'static str; 3], data: &'a [u8]) -> Result<(&'static str, &'a str)> {
    let (choice, text) = data.split_first().ok_or(CryptoError::Length)?;
    let text = core::str::from_utf8(text).or(Err(CryptoError::Encoding))?;
    Ok((named(names, *choice), text))
}

fn named(names: [&'static str; 3], choice: u8) -> &'static str {
    names.get(usize::from(choice % 4)).copied().unwrap_or("unknown")
}
