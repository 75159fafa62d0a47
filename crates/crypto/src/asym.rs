//! Public-key encryption (sentc.md 12.3).
//!
//! | algorithm name | how | public | secret | adds |
//! |---|---|---|---|---|
//! | `ECIES-ed25519` | X25519, HKDF-SHA256, AES-256-GCM | 32 | 32 | 60 |
//! | `KYBER_768` | Kyber-768 round 3 in the 90s variant, AES-256-GCM | 1184 | 2400 | 1116 |
//! | `ECIES-ed25519_KYBER_768` (default) | ECIES inside, Kyber around it | 1216 | 2432 | 1176 |
//!
//! Hybrid bytes are always x ‖ k. On the wire a public key is a PEM text, a hybrid one the JSON text
//! `{"x":<pem>,"k":<pem>}`.

mod ecies;
mod kyber;
mod x25519;

use core::fmt;

use zeroize::Zeroizing;

use crate::encoding::{pem_decode, pem_encode};
use crate::rng::CryptoRng;
use crate::wire::{pair_from_json, pair_to_json, split};
use crate::{CryptoError, Result};

/// X25519 with HKDF and AES-GCM ("ed25519" is only the historical name).
pub const ECIES_ED25519: &str = "ECIES-ed25519";
/// Kyber-768, round 3, 90s variant. Not ML-KEM.
pub const KYBER_768: &str = "KYBER_768";
/// Both, one inside the other.
pub const ECIES_ED25519_KYBER_768: &str = "ECIES-ed25519_KYBER_768";
/// What new keys use.
pub const DEFAULT: &str = ECIES_ED25519_KYBER_768;

/// A fresh key pair. Errors: `UnknownAlgorithm`, `Encrypt` when the key generator fails.
pub fn generate(alg: &str, rng: &mut dyn CryptoRng) -> Result<(SecretKey, PublicKey)> {
    let (secret, public) = match Suite::named(alg)? {
        Suite::Ecies => {
            let (s, p) = ecies::generate(rng);
            (Secret::Ecies(s), Public::Ecies(p))
        }
        Suite::Kyber => {
            let (s, p) = kyber::generate(rng)?;
            (Secret::Kyber(s), Public::Kyber(p))
        }
        Suite::Hybrid => {
            let (xs, xp) = ecies::generate(rng);
            let (ks, kp) = kyber::generate(rng)?;
            (Secret::Hybrid(xs, ks), Public::Hybrid(xp, kp))
        }
    };
    Ok((SecretKey(secret), PublicKey(public)))
}

/// Encrypts for the holder of the [`SecretKey`].
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(Public);

impl PublicKey {
    /// Parses the wire text: PEM, or the JSON pair for the hybrid.
    /// Errors: `UnknownAlgorithm`, `Encoding`, `Length`, `Input` (Kyber numbers outside of the field).
    pub fn from_wire(alg: &str, text: &str) -> Result<Self> {
        Ok(Self(match Suite::named(alg)? {
            Suite::Ecies => Public::Ecies(ecies::PublicKey::from_bytes(&pem_decode(text)?)?),
            Suite::Kyber => Public::Kyber(kyber::PublicKey::from_bytes(&pem_decode(text)?)?),
            Suite::Hybrid => {
                let pair = pair_from_json(text)?;
                Public::Hybrid(
                    ecies::PublicKey::from_bytes(&pem_decode(&pair.x)?)?,
                    kyber::PublicKey::from_bytes(&pem_decode(&pair.k)?)?,
                )
            }
        }))
    }

    /// The wire text: PEM, or the JSON pair for the hybrid (1799 characters).
    pub fn to_wire(&self) -> String {
        match &self.0 {
            Public::Ecies(x) => pem_encode(x.as_bytes()),
            Public::Kyber(k) => pem_encode(k.as_bytes()),
            Public::Hybrid(x, k) => pair_to_json(pem_encode(x.as_bytes()), pem_encode(k.as_bytes())),
        }
    }

    /// A key from its raw bytes (hybrid: x ‖ k). Errors as in [`from_wire`](Self::from_wire) but `Encoding`.
    pub fn from_bytes(alg: &str, bytes: &[u8]) -> Result<Self> {
        Ok(Self(match Suite::named(alg)? {
            Suite::Ecies => Public::Ecies(ecies::PublicKey::from_bytes(bytes)?),
            Suite::Kyber => Public::Kyber(kyber::PublicKey::from_bytes(bytes)?),
            Suite::Hybrid => {
                let (x, k) = split::<{ ecies::PUBLIC }>(bytes)?;
                Public::Hybrid(ecies::PublicKey::from_bytes(x)?, kyber::PublicKey::from_bytes(k)?)
            }
        }))
    }

    /// The raw bytes (hybrid: x ‖ k): what `public_key_sig` signs.
    pub fn to_bytes(&self) -> Vec<u8> {
        match &self.0 {
            Public::Ecies(x) => x.as_bytes().to_vec(),
            Public::Kyber(k) => k.as_bytes().to_vec(),
            Public::Hybrid(x, k) => [x.as_bytes().as_slice(), k.as_bytes().as_slice()].concat(),
        }
    }

    /// Algorithm name on the wire.
    pub fn alg(&self) -> &'static str {
        match self.0 {
            Public::Ecies(_) => ECIES_ED25519,
            Public::Kyber(_) => KYBER_768,
            Public::Hybrid(..) => ECIES_ED25519_KYBER_768,
        }
    }

    /// Encrypts `data` for the key's holder. Output lengths: see the table of this module.
    /// Errors: `Encrypt` for a key of small order.
    pub fn encrypt(&self, rng: &mut dyn CryptoRng, data: &[u8]) -> Result<Vec<u8>> {
        match &self.0 {
            Public::Ecies(x) => x.encrypt(rng, data),
            Public::Kyber(k) => k.encrypt(rng, data),
            Public::Hybrid(x, k) => {
                let inner = x.encrypt(rng, data)?;
                k.encrypt(rng, &inner)
            }
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({}, ..)", self.alg())
    }
}

/// Opens what was encrypted for its [`PublicKey`]. Wiped on drop.
#[derive(Clone)]
pub struct SecretKey(Secret);

impl SecretKey {
    /// A key from its raw bytes (hybrid: x ‖ k).
    /// Errors: `UnknownAlgorithm`, `Length`, `Input` (a Kyber key whose own checksum is wrong).
    pub fn from_bytes(alg: &str, bytes: &[u8]) -> Result<Self> {
        Ok(Self(match Suite::named(alg)? {
            Suite::Ecies => Secret::Ecies(ecies::SecretKey::from_bytes(bytes)?),
            Suite::Kyber => Secret::Kyber(kyber::SecretKey::from_bytes(bytes)?),
            Suite::Hybrid => {
                let (x, k) = split::<{ ecies::SECRET }>(bytes)?;
                Secret::Hybrid(ecies::SecretKey::from_bytes(x)?, kyber::SecretKey::from_bytes(k)?)
            }
        }))
    }

    /// The raw secret bytes (hybrid: x ‖ k).
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match &self.0 {
            Secret::Ecies(x) => x.as_bytes().to_vec(),
            Secret::Kyber(k) => k.as_bytes().to_vec(),
            Secret::Hybrid(x, k) => [x.as_bytes().as_slice(), k.as_bytes()].concat(),
        })
    }

    /// Algorithm name on the wire.
    pub fn alg(&self) -> &'static str {
        match self.0 {
            Secret::Ecies(_) => ECIES_ED25519,
            Secret::Kyber(_) => KYBER_768,
            Secret::Hybrid(..) => ECIES_ED25519_KYBER_768,
        }
    }

    /// The public half, made from the secret one: what a server shows as this key's public half must be equal to it.
    /// Errors: none for a key that this crate made or read.
    ///
    /// ```
    /// use keystead_crypto::{asym, rng};
    /// let (secret, public) = asym::generate(asym::DEFAULT, &mut rng::os())?;
    /// assert_eq!(secret.public_key()?, public);
    /// # Ok::<(), keystead_crypto::CryptoError>(())
    /// ```
    pub fn public_key(&self) -> Result<PublicKey> {
        Ok(PublicKey(match &self.0 {
            Secret::Ecies(x) => Public::Ecies(x.public_key()),
            Secret::Kyber(k) => Public::Kyber(k.public_key()?),
            Secret::Hybrid(x, k) => Public::Hybrid(x.public_key(), k.public_key()?),
        }))
    }

    /// Opens what [`PublicKey::encrypt`] made. Errors: `Decrypt` for a wrong key, changed or cut input.
    pub fn decrypt(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        match &self.0 {
            Secret::Ecies(x) => x.decrypt(sealed),
            Secret::Kyber(k) => k.decrypt(sealed),
            Secret::Hybrid(x, k) => {
                let inner = k.decrypt(sealed)?;
                x.decrypt(&inner)
            }
        }
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({}, ..)", self.alg())
    }
}

/// The table of names.
#[derive(Clone, Copy)]
enum Suite {
    Ecies,
    Kyber,
    Hybrid,
}

impl Suite {
    fn named(alg: &str) -> Result<Self> {
        match alg {
            ECIES_ED25519 => Ok(Self::Ecies),
            KYBER_768 => Ok(Self::Kyber),
            ECIES_ED25519_KYBER_768 => Ok(Self::Hybrid),
            _ => Err(CryptoError::UnknownAlgorithm),
        }
    }
}

#[derive(Clone, PartialEq, Eq)]
enum Public {
    Ecies(ecies::PublicKey),
    Kyber(kyber::PublicKey),
    Hybrid(ecies::PublicKey, kyber::PublicKey),
}

#[derive(Clone)]
enum Secret {
    Ecies(ecies::SecretKey),
    Kyber(kyber::SecretKey),
    Hybrid(ecies::SecretKey, kyber::SecretKey),
}

#[cfg(test)]
mod tests;
