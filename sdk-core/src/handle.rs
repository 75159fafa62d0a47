//! Keys as JSON text, for storage on the user's own device (sentc.md 12.5). Never sent anywhere.
//!
//! The text is an externally tagged object whose tag names the algorithm: `{"Aes":{"key":b64,"key_id":s}}`; of a hybrid
//! pair the halves stand apart: `{"EciesKyberHybrid":{"x":b64,"k":b64,"key_id":s}}`. It holds the key in clear: keep it
//! where the platform keeps secrets.
//!
//! ```
//! use keystead_sdk_core::crypto::sym::SymKey;
//! use keystead_sdk_core::handle::KeyHandle;
//!
//! let text = KeyHandle::from_sym_key(&SymKey::from_bytes(&[0; 32])?, "k1").to_json();
//! assert_eq!(text, r#"{"Aes":{"key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","key_id":"k1"}}"#);
//! let (key, id) = KeyHandle::from_json(&text)?.sym_key()?;
//! assert_eq!((key.as_bytes(), id.as_str()), (&[0; 32], "k1"));
//! # Ok::<(), keystead_sdk_core::SdkError>(())
//! ```

use core::fmt;

use keystead_crypto::asym::{self, SecretKey};
use keystead_crypto::encoding::{b64_decode, b64_encode};
use keystead_crypto::search::SearchKey;
use keystead_crypto::sign::{self, SignKey};
use keystead_crypto::sort::SortKey;
use keystead_crypto::sym::SymKey;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::{Result, SdkError, wire};

const X25519_SECRET: usize = 32;
const ED25519_SECRET: usize = 32;

/// One key in its text form. The tag is the algorithm. Wiped on drop.
///
/// ```
/// # mod world { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/world.rs")); } use world::*;
/// # let alice = alice();
/// # let group = group(&alice);
/// use keystead_sdk_core::handle::KeyHandle;
///
/// let (user_key, group_key) = (alice.newest_key()?, group.newest_key()?);
/// let stored = [
///     KeyHandle::from_sym_key(group_key.key(), group_key.id()).to_json(),
///     KeyHandle::from_secret_key(group_key.secret(), group_key.id()).to_json(),
///     KeyHandle::from_sign_key(user_key.sign_key(), user_key.id()).to_json(),
///     KeyHandle::from_search_key(&group.search_keys()[0].key, &group.search_keys()[0].id).to_json(),
///     KeyHandle::from_sort_key(&group.sort_keys()[0].key, &group.sort_keys()[0].id).to_json(),
/// ];
/// assert!(stored[1].starts_with(r#"{"EciesKyberHybrid":{"x":"#));
/// let read = |at: usize| KeyHandle::from_json(&stored[at]);
/// assert_eq!(read(0)?.sym_key()?.0, *group_key.key());
/// assert_eq!(read(1)?.secret_key()?.0.public_key()?, *group_key.public());
/// assert!(read(2)?.sign_key()?.0.belongs_to(user_key.verify_key()));
/// assert_eq!(read(3)?.search_key()?.1, group.search_keys()[0].id);
/// assert_eq!(read(4)?.sort_key()?.0, group.sort_keys()[0].key);
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum KeyHandle {
    /// `AES-GCM-256` key, 32 bytes.
    Aes(Single),
    /// `ECIES-ed25519` private key.
    Ecies(Single),
    /// `KYBER_768` private key.
    Kyber(Single),
    /// `ECIES-ed25519_KYBER_768` private key.
    EciesKyberHybrid(Pair),
    /// `ED25519` sign key.
    Ed25519(Single),
    /// `DILITHIUM_3` sign key.
    Dilithium(Single),
    /// `ED25519_DILITHIUM_3` sign key.
    Ed25519DilithiumHybrid(Pair),
    /// `HMAC-SHA256` search key.
    HmacSha256(Single),
    /// `OPE-16` sort key.
    Ope16(Single),
}

/// A key of one part.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Single {
    key: String,
    key_id: String,
}

/// A key of two parts: classic and post-quantum.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    x: String,
    k: String,
    key_id: String,
}

impl Single {
    fn new(key: &[u8], key_id: &str) -> Self {
        Self { key: b64_encode(key), key_id: key_id.to_owned() }
    }

    fn bytes(&self) -> Result<(Zeroizing<Vec<u8>>, String)> {
        Ok((Zeroizing::new(b64_decode(&self.key)?), self.key_id.clone()))
    }
}

impl Pair {
    fn new(key: &[u8], classic: usize, key_id: &str) -> Self {
        let (x, k) = key.split_at(classic.min(key.len()));
        Self { x: b64_encode(x), k: b64_encode(k), key_id: key_id.to_owned() }
    }

    fn bytes(&self) -> Result<(Zeroizing<Vec<u8>>, String)> {
        let mut bytes = Zeroizing::new(b64_decode(&self.x)?);
        bytes.extend_from_slice(&Zeroizing::new(b64_decode(&self.k)?));
        Ok((bytes, self.key_id.clone()))
    }
}

impl Drop for Single {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.x.zeroize();
        self.k.zeroize();
    }
}

impl KeyHandle {
    /// The JSON text. Secret.
    #[must_use]
    pub fn to_json(&self) -> String {
        wire::to_json(self)
    }

    /// Reads the JSON text. Errors: `Input`, also for an unknown tag.
    pub fn from_json(text: &str) -> Result<Self> {
        serde_json::from_str(text).or(Err(SdkError::Input))
    }

    /// A handle of a symmetric key.
    #[must_use]
    pub fn from_sym_key(key: &SymKey, key_id: &str) -> Self {
        Self::Aes(Single::new(key.as_bytes(), key_id))
    }

    /// A handle of a private key.
    #[must_use]
    pub fn from_secret_key(key: &SecretKey, key_id: &str) -> Self {
        let bytes = key.to_bytes();
        match key.alg() {
            asym::ECIES_ED25519 => Self::Ecies(Single::new(&bytes, key_id)),
            asym::KYBER_768 => Self::Kyber(Single::new(&bytes, key_id)),
            _ => Self::EciesKyberHybrid(Pair::new(&bytes, X25519_SECRET, key_id)),
        }
    }

    /// A handle of a sign key.
    #[must_use]
    pub fn from_sign_key(key: &SignKey, key_id: &str) -> Self {
        let bytes = key.to_bytes();
        match key.alg() {
            sign::ED25519 => Self::Ed25519(Single::new(&bytes, key_id)),
            sign::DILITHIUM_3 => Self::Dilithium(Single::new(&bytes, key_id)),
            _ => Self::Ed25519DilithiumHybrid(Pair::new(&bytes, ED25519_SECRET, key_id)),
        }
    }

    /// A handle of a search key.
    #[must_use]
    pub fn from_search_key(key: &SearchKey, key_id: &str) -> Self {
        Self::HmacSha256(Single::new(key.as_bytes(), key_id))
    }

    /// A handle of a sort key.
    #[must_use]
    pub fn from_sort_key(key: &SortKey, key_id: &str) -> Self {
        Self::Ope16(Single::new(key.as_bytes(), key_id))
    }

    /// The symmetric key and its id. Errors: `Input` for a handle of another kind; `Crypto`.
    pub fn sym_key(&self) -> Result<(SymKey, String)> {
        let Self::Aes(h) = self else { return Err(SdkError::Input) };
        let (bytes, id) = h.bytes()?;
        Ok((SymKey::from_bytes(&bytes)?, id))
    }

    /// The private key and its id. Errors: as [`sym_key`](Self::sym_key).
    pub fn secret_key(&self) -> Result<(SecretKey, String)> {
        let (alg, (bytes, id)) = match self {
            Self::Ecies(h) => (asym::ECIES_ED25519, h.bytes()?),
            Self::Kyber(h) => (asym::KYBER_768, h.bytes()?),
            Self::EciesKyberHybrid(h) => (asym::ECIES_ED25519_KYBER_768, h.bytes()?),
            _ => return Err(SdkError::Input),
        };
        Ok((SecretKey::from_bytes(alg, &bytes)?, id))
    }

    /// The sign key and its id. Errors: as [`sym_key`](Self::sym_key).
    pub fn sign_key(&self) -> Result<(SignKey, String)> {
        let (alg, (bytes, id)) = match self {
            Self::Ed25519(h) => (sign::ED25519, h.bytes()?),
            Self::Dilithium(h) => (sign::DILITHIUM_3, h.bytes()?),
            Self::Ed25519DilithiumHybrid(h) => (sign::ED25519_DILITHIUM_3, h.bytes()?),
            _ => return Err(SdkError::Input),
        };
        Ok((SignKey::from_bytes(alg, &bytes)?, id))
    }

    /// The search key and its id. Errors: as [`sym_key`](Self::sym_key).
    pub fn search_key(&self) -> Result<(SearchKey, String)> {
        let Self::HmacSha256(h) = self else { return Err(SdkError::Input) };
        let (bytes, id) = h.bytes()?;
        Ok((SearchKey::from_bytes(&bytes)?, id))
    }

    /// The sort key and its id. Errors: as [`sym_key`](Self::sym_key).
    pub fn sort_key(&self) -> Result<(SortKey, String)> {
        let Self::Ope16(h) = self else { return Err(SdkError::Input) };
        let (bytes, id) = h.bytes()?;
        Ok((SortKey::from_bytes(&bytes)?, id))
    }
}

impl fmt::Debug for KeyHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHandle(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{rng, suite};

    #[test]
    fn every_kind_survives_the_text() {
        let r = &mut rng::os();
        for alg in suite::ASYM {
            let (key, _) = asym::generate(alg, r).expect("allowed algorithm");
            let text = KeyHandle::from_secret_key(&key, "i").to_json();
            let (back, id) = KeyHandle::from_json(&text).expect("reads").secret_key().expect("opens");
            assert_eq!((back.to_bytes(), back.alg(), id.as_str()), (key.to_bytes(), *alg, "i"));
        }
        for alg in suite::SIGN {
            let (key, _) = sign::generate(alg, r).expect("allowed algorithm");
            let text = KeyHandle::from_sign_key(&key, "i").to_json();
            let (back, _) = KeyHandle::from_json(&text).expect("reads").sign_key().expect("opens");
            assert_eq!((back.to_bytes(), back.alg()), (key.to_bytes(), *alg));
        }
        let (search, sort) = (SearchKey::generate(r), SortKey::generate(r));
        assert_eq!(KeyHandle::from_search_key(&search, "i").search_key().expect("opens").0, search);
        assert_eq!(KeyHandle::from_sort_key(&sort, "i").sort_key().expect("opens").0, sort);
        assert_eq!(KeyHandle::from_sort_key(&sort, "i").sym_key().unwrap_err(), SdkError::Input);
        assert_eq!(KeyHandle::from_json(r#"{"Rot13":{"key":"","key_id":""}}"#), Err(SdkError::Input));
        assert_eq!(format!("{:?}", KeyHandle::from_sort_key(&sort, "i")), "KeyHandle(..)");
    }
}
