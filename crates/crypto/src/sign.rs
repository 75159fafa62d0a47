//! Signatures (sentc.md 12.4).
//!
//! | algorithm name | how | verify key | secret | signature |
//! |---|---|---|---|---|
//! | `ED25519` | RFC 8032 | 32 | 32 (seed) | 64 |
//! | `DILITHIUM_3` | Dilithium3 round 3 in the AES variant, randomised | 1952 | 4000 | 3293 |
//! | `ED25519_DILITHIUM_3` (default) | x = Ed25519(data), k = Dilithium(data ‖ x); both must hold | 1984 | 4032 | 3357 |
//!
//! Hybrid bytes are always x ‖ k. On the wire a verify key is a PEM text and a signature base64; of the hybrid both are
//! the JSON text `{"x":..,"k":..}`.

mod dilithium;
mod ed25519;

use core::fmt;

use zeroize::Zeroizing;

use crate::encoding::{b64_decode, b64_encode, pem_decode, pem_encode};
use crate::rng::{self, CryptoRng};
use crate::wire::{array, pair_from_json, pair_to_json, split};
use crate::{CryptoError, Result};

/// Ed25519.
pub const ED25519: &str = "ED25519";
/// Dilithium3, round 3, AES variant. Not ML-DSA.
pub const DILITHIUM_3: &str = "DILITHIUM_3";
/// Both; forging needs to break both.
pub const ED25519_DILITHIUM_3: &str = "ED25519_DILITHIUM_3";
/// What new keys use.
pub const DEFAULT: &str = ED25519_DILITHIUM_3;

/// A fresh key pair. Errors: `UnknownAlgorithm`, `Input` when the key generator fails.
pub fn generate(alg: &str, rng: &mut dyn CryptoRng) -> Result<(SignKey, VerifyKey)> {
    let (secret, public) = match Suite::named(alg)? {
        Suite::Ed25519 => {
            let (s, v) = ed25519::generate(rng);
            (Secret::Ed25519(s), Public::Ed25519(v))
        }
        Suite::Dilithium => {
            let (s, v) = dilithium::generate(rng)?;
            (Secret::Dilithium(s), Public::Dilithium(v))
        }
        Suite::Hybrid => {
            let (xs, xv) = ed25519::generate(rng);
            let (ks, kv) = dilithium::generate(rng)?;
            (Secret::Hybrid(xs, ks), Public::Hybrid(xv, kv))
        }
    };
    Ok((SignKey(secret), VerifyKey(public)))
}

/// Makes signatures. Wiped on drop.
#[derive(Clone)]
pub struct SignKey(Secret);

impl SignKey {
    /// A key from its raw bytes (hybrid: x ‖ k).
    /// Errors: `UnknownAlgorithm`, `Length`, `Input` (Dilithium numbers outside of their range).
    pub fn from_bytes(alg: &str, bytes: &[u8]) -> Result<Self> {
        Ok(Self(match Suite::named(alg)? {
            Suite::Ed25519 => Secret::Ed25519(ed25519::SignKey::from_bytes(bytes)?),
            Suite::Dilithium => Secret::Dilithium(dilithium::SignKey::from_bytes(bytes)?),
            Suite::Hybrid => {
                let (x, k) = split::<{ ed25519::SECRET }>(bytes)?;
                Secret::Hybrid(ed25519::SignKey::from_bytes(x)?, dilithium::SignKey::from_bytes(k)?)
            }
        }))
    }

    /// The raw secret bytes (hybrid: x ‖ k).
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match &self.0 {
            Secret::Ed25519(x) => x.as_bytes().to_vec(),
            Secret::Dilithium(k) => k.as_bytes().to_vec(),
            Secret::Hybrid(x, k) => [x.as_bytes().as_slice(), k.as_bytes()].concat(),
        })
    }

    /// Algorithm name on the wire.
    pub fn alg(&self) -> &'static str {
        match self.0 {
            Secret::Ed25519(_) => ED25519,
            Secret::Dilithium(_) => DILITHIUM_3,
            Secret::Hybrid(..) => ED25519_DILITHIUM_3,
        }
    }

    /// Signs `data`. Ed25519 needs no randomness; Dilithium takes 64 bytes of it.
    /// Errors: `Signature` when the generator of randomness fails.
    pub fn sign(&self, rng: &mut dyn CryptoRng, data: &[u8]) -> Result<Signature> {
        Ok(Signature(match &self.0 {
            Secret::Ed25519(x) => Bytes::Ed25519(x.sign(data)),
            Secret::Dilithium(k) => Bytes::Dilithium(k.sign(rng, data)?),
            Secret::Hybrid(x, k) => {
                let sig_x = x.sign(data);
                let sig_k = k.sign(rng, &[data, &sig_x].concat())?;
                Bytes::Hybrid(sig_x, sig_k)
            }
        }))
    }

    /// Whether `verify` is the other half of this key: a probe is signed and checked. Its randomness follows from the
    /// key, so that the answer needs no generator. Some milliseconds with Dilithium.
    ///
    /// ```
    /// use keystead_crypto::{rng, sign};
    /// let (key, verify) = sign::generate(sign::DEFAULT, &mut rng::os())?;
    /// let (_, foreign) = sign::generate(sign::DEFAULT, &mut rng::os())?;
    /// assert!(key.belongs_to(&verify) && !key.belongs_to(&foreign));
    /// # Ok::<(), keystead_crypto::CryptoError>(())
    /// ```
    pub fn belongs_to(&self, verify: &VerifyKey) -> bool {
        const PROBE: &[u8] = b"keystead: do these halves belong together?";
        if self.alg() != verify.alg() {
            return false;
        }
        let rng = &mut rng::FromSecret::new(&self.to_bytes());
        self.sign(rng, PROBE).is_ok_and(|signature| verify.verify(PROBE, &signature).is_ok())
    }

    /// Signs `data` and puts the raw signature in front of it. Errors as [`sign`](Self::sign).
    pub fn sign_attached(&self, rng: &mut dyn CryptoRng, data: &[u8]) -> Result<Vec<u8>> {
        let mut out = self.sign(rng, data)?.to_bytes();
        out.extend_from_slice(data);
        Ok(out)
    }
}

impl fmt::Debug for SignKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignKey({}, ..)", self.alg())
    }
}

/// Checks signatures of its [`SignKey`].
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyKey(Public);

impl VerifyKey {
    /// Parses the wire text: PEM, or the JSON pair for the hybrid.
    /// Errors: `UnknownAlgorithm`, `Encoding`, `Length`, `Input` (no point of the curve).
    pub fn from_wire(alg: &str, text: &str) -> Result<Self> {
        Ok(Self(match Suite::named(alg)? {
            Suite::Ed25519 => Public::Ed25519(ed25519::VerifyKey::from_bytes(&pem_decode(text)?)?),
            Suite::Dilithium => Public::Dilithium(dilithium::VerifyKey::from_bytes(&pem_decode(text)?)?),
            Suite::Hybrid => {
                let pair = pair_from_json(text)?;
                Public::Hybrid(
                    ed25519::VerifyKey::from_bytes(&pem_decode(&pair.x)?)?,
                    dilithium::VerifyKey::from_bytes(&pem_decode(&pair.k)?)?,
                )
            }
        }))
    }

    /// The wire text: PEM, or the JSON pair for the hybrid (2855 characters).
    pub fn to_wire(&self) -> String {
        match &self.0 {
            Public::Ed25519(x) => pem_encode(x.as_bytes()),
            Public::Dilithium(k) => pem_encode(k.as_bytes()),
            Public::Hybrid(x, k) => pair_to_json(pem_encode(x.as_bytes()), pem_encode(k.as_bytes())),
        }
    }

    /// A key from its raw bytes (hybrid: x ‖ k). Errors as in [`from_wire`](Self::from_wire) but `Encoding`.
    pub fn from_bytes(alg: &str, bytes: &[u8]) -> Result<Self> {
        Ok(Self(match Suite::named(alg)? {
            Suite::Ed25519 => Public::Ed25519(ed25519::VerifyKey::from_bytes(bytes)?),
            Suite::Dilithium => Public::Dilithium(dilithium::VerifyKey::from_bytes(bytes)?),
            Suite::Hybrid => {
                let (x, k) = split::<{ ed25519::PUBLIC }>(bytes)?;
                Public::Hybrid(ed25519::VerifyKey::from_bytes(x)?, dilithium::VerifyKey::from_bytes(k)?)
            }
        }))
    }

    /// The raw bytes (hybrid: x ‖ k).
    pub fn to_bytes(&self) -> Vec<u8> {
        match &self.0 {
            Public::Ed25519(x) => x.as_bytes().to_vec(),
            Public::Dilithium(k) => k.as_bytes().to_vec(),
            Public::Hybrid(x, k) => [x.as_bytes().as_slice(), k.as_bytes().as_slice()].concat(),
        }
    }

    /// Algorithm name on the wire.
    pub fn alg(&self) -> &'static str {
        match self.0 {
            Public::Ed25519(_) => ED25519,
            Public::Dilithium(_) => DILITHIUM_3,
            Public::Hybrid(..) => ED25519_DILITHIUM_3,
        }
    }

    /// Checks `signature` over `data`. Errors: `Signature`, also when the signature is of another algorithm.
    pub fn verify(&self, data: &[u8], signature: &Signature) -> Result<()> {
        match (&self.0, &signature.0) {
            (Public::Ed25519(x), Bytes::Ed25519(sig)) => x.verify(data, sig),
            (Public::Dilithium(k), Bytes::Dilithium(sig)) => k.verify(data, sig),
            (Public::Hybrid(x, k), Bytes::Hybrid(sig_x, sig_k)) => {
                x.verify(data, sig_x)?;
                k.verify(&[data, sig_x].concat(), sig_k)
            }
            _ => Err(CryptoError::Signature),
        }
    }

    /// Checks what [`SignKey::sign_attached`] made and returns the data behind the signature. Errors: `Signature`.
    pub fn verify_attached<'a>(&self, signed: &'a [u8]) -> Result<&'a [u8]> {
        let (signature, data) = signed.split_at_checked(self.signature_len()).ok_or(CryptoError::Signature)?;
        self.verify(data, &Signature::from_bytes(self.alg(), signature).or(Err(CryptoError::Signature))?)?;
        Ok(data)
    }

    fn signature_len(&self) -> usize {
        match self.0 {
            Public::Ed25519(_) => ed25519::SIGNATURE,
            Public::Dilithium(_) => dilithium::SIGNATURE,
            Public::Hybrid(..) => ed25519::SIGNATURE + dilithium::SIGNATURE,
        }
    }
}

impl fmt::Debug for VerifyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyKey({}, ..)", self.alg())
    }
}

/// A detached signature; valid or not is known after [`VerifyKey::verify`] only.
#[derive(Clone, PartialEq, Eq)]
pub struct Signature(Bytes);

impl Signature {
    /// Parses the wire text: base64, or the JSON pair for the hybrid. Errors: `UnknownAlgorithm`, `Encoding`, `Length`.
    pub fn from_wire(alg: &str, text: &str) -> Result<Self> {
        Ok(Self(match Suite::named(alg)? {
            Suite::Ed25519 => Bytes::Ed25519(array(&b64_decode(text)?)?),
            Suite::Dilithium => Bytes::Dilithium(dilithium::signature(&b64_decode(text)?)?),
            Suite::Hybrid => {
                let pair = pair_from_json(text)?;
                Bytes::Hybrid(array(&b64_decode(&pair.x)?)?, dilithium::signature(&b64_decode(&pair.k)?)?)
            }
        }))
    }

    /// The wire text: base64, or the JSON pair for the hybrid (4495 characters).
    pub fn to_wire(&self) -> String {
        match &self.0 {
            Bytes::Ed25519(x) => b64_encode(x),
            Bytes::Dilithium(k) => b64_encode(k.as_slice()),
            Bytes::Hybrid(x, k) => pair_to_json(b64_encode(x), b64_encode(k.as_slice())),
        }
    }

    /// A signature from its raw bytes (hybrid: x ‖ k). Errors: `UnknownAlgorithm`, `Length`.
    pub fn from_bytes(alg: &str, bytes: &[u8]) -> Result<Self> {
        Ok(Self(match Suite::named(alg)? {
            Suite::Ed25519 => Bytes::Ed25519(array(bytes)?),
            Suite::Dilithium => Bytes::Dilithium(dilithium::signature(bytes)?),
            Suite::Hybrid => {
                let (x, k) = split::<{ ed25519::SIGNATURE }>(bytes)?;
                Bytes::Hybrid(*x, dilithium::signature(k)?)
            }
        }))
    }

    /// The raw bytes (hybrid: x ‖ k).
    pub fn to_bytes(&self) -> Vec<u8> {
        match &self.0 {
            Bytes::Ed25519(x) => x.to_vec(),
            Bytes::Dilithium(k) => k.to_vec(),
            Bytes::Hybrid(x, k) => [x.as_slice(), k.as_slice()].concat(),
        }
    }

    /// Algorithm name on the wire.
    pub fn alg(&self) -> &'static str {
        match self.0 {
            Bytes::Ed25519(_) => ED25519,
            Bytes::Dilithium(_) => DILITHIUM_3,
            Bytes::Hybrid(..) => ED25519_DILITHIUM_3,
        }
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({}, ..)", self.alg())
    }
}

/// The table of names.
#[derive(Clone, Copy)]
enum Suite {
    Ed25519,
    Dilithium,
    Hybrid,
}

impl Suite {
    fn named(alg: &str) -> Result<Self> {
        match alg {
            ED25519 => Ok(Self::Ed25519),
            DILITHIUM_3 => Ok(Self::Dilithium),
            ED25519_DILITHIUM_3 => Ok(Self::Hybrid),
            _ => Err(CryptoError::UnknownAlgorithm),
        }
    }
}

#[derive(Clone)]
enum Secret {
    Ed25519(ed25519::SignKey),
    Dilithium(dilithium::SignKey),
    Hybrid(ed25519::SignKey, dilithium::SignKey),
}

#[derive(Clone, PartialEq, Eq)]
enum Public {
    Ed25519(ed25519::VerifyKey),
    Dilithium(dilithium::VerifyKey),
    Hybrid(ed25519::VerifyKey, dilithium::VerifyKey),
}

#[derive(Clone, PartialEq, Eq)]
enum Bytes {
    Ed25519([u8; ed25519::SIGNATURE]),
    Dilithium(dilithium::SignatureBytes),
    Hybrid([u8; ed25519::SIGNATURE], dilithium::SignatureBytes),
}

#[cfg(test)]
mod tests;
