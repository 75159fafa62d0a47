//! Searchable hashes (sentc.md 12.6): a server that knows no key can still match equal texts and prefixes.
//!
//! | algorithm name | how | output |
//! |---|---|---|
//! | `HMAC-SHA256` | HMAC of the text or of each byte prefix | b64url, 43 characters |
//!
//! Equal texts give equal hashes within a group; that is the purpose and the leak.

use core::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::encoding::b64url_encode;
use crate::hash::hmac_sha256;
use crate::rng::{self, CryptoRng};
use crate::secret::SecretKey32;
use crate::{CryptoError, Result};

/// Name of the only algorithm so far.
pub const HMAC_SHA256: &str = "HMAC-SHA256";

/// No more than this many prefixes are made of a text.
pub const MAX_PREFIXES: usize = 200;

/// Hash key of a group, 32 bytes. Wiped on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct SearchKey(SecretKey32);

impl SearchKey {
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
        if alg == HMAC_SHA256 { Self::from_bytes(bytes) } else { Err(CryptoError::UnknownAlgorithm) }
    }

    /// The 32 secret bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Algorithm name on the wire.
    pub fn alg(&self) -> &'static str {
        HMAC_SHA256
    }

    /// Hash of the whole text: b64url of 32 bytes.
    pub fn search_full(&self, text: &str) -> String {
        b64url_encode(&hmac_sha256(self.as_bytes(), text.as_bytes()))
    }

    /// Hashes of the first 1, 2, 3 .. bytes, at most `limit` and at most 200 of them.
    /// The hash of the whole text is the last one when the text is no longer than that.
    pub fn search_prefixes(&self, text: &str, limit: usize) -> Vec<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.as_bytes()).expect("HMAC takes keys of any length");
        let taken = text.as_bytes().iter().take(limit.min(MAX_PREFIXES));
        taken
            .map(|byte| {
                mac.update(core::slice::from_ref(byte));
                b64url_encode(&mac.clone().finalize().into_bytes())
            })
            .collect()
    }
}

impl fmt::Debug for SearchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SearchKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_hashes_of_byte_prefixes() {
        let key = SearchKey::from_bytes(&[3; 32]).unwrap();
        let made = key.search_prefixes("hällo", 200);
        let want: Vec<_> =
            (1..="hällo".len()).map(|n| b64url_encode(&hmac_sha256(&[3; 32], &"hällo".as_bytes()[..n]))).collect();
        assert_eq!(made, want);
        assert_eq!(made.last(), Some(&key.search_full("hällo")));
        assert_eq!(key.search_prefixes("hällo", 2), want[..2]);
        assert_eq!(key.search_prefixes("", 200), Vec::<String>::new());
        assert_eq!(key.search_prefixes(&"a".repeat(500), 500).len(), 200);
        assert_eq!(made[0].len(), 43);
    }

    #[test]
    fn keys() {
        assert_eq!(SearchKey::from_bytes(&[0; 16]), Err(CryptoError::Length));
        assert_eq!(SearchKey::from_alg("HMAC-SHA1", &[0; 32]), Err(CryptoError::UnknownAlgorithm));
        let key = SearchKey::generate(&mut rng::os());
        assert_eq!(SearchKey::from_alg(key.alg(), key.as_bytes()), Ok(key));
    }

    #[test]
    fn debug_shows_nothing() {
        insta::assert_snapshot!(format!("{:?}", SearchKey::from_bytes(&[65; 32]).unwrap()), @"SearchKey(..)");
    }
}
