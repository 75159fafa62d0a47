//! Sortable numbers (sentc.md 12.6): a server that knows no key can still order values.
//!
//! | algorithm name | how | input | output |
//! |---|---|---|---|
//! | `OPE-16` | order-preserving encryption (Boldyreva) with a 16 byte key | 0..=65532 | u64 below 2^32 |
//!
//! The order itself, and by it much of the value, is public. Use it for nothing that must stay secret.

use core::fmt;

use crate::rng::{self, CryptoRng};
use crate::secret::SecretArray;
use crate::{CryptoError, Result};

/// Name of the only algorithm so far.
pub const OPE_16: &str = "OPE-16";

/// Largest number that can be encrypted.
pub const MAX_NUMBER: u64 = 65_532;

/// Scales the first four bytes of a text down to the range of numbers.
const TEXT_DIVISOR: u32 = 65_534;
const TEXT_PAD: u8 = b'*';

/// Sort key of a group, 16 bytes. Wiped on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct SortKey(SecretArray<16>);

impl SortKey {
    /// A fresh key.
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        Self(SecretArray::new(rng::bytes(rng)))
    }

    /// A key from its 16 bytes. Errors: `Length`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        SecretArray::from_slice(bytes).map(Self)
    }

    /// A key from 16 bytes under the algorithm name that came with them. Errors: `UnknownAlgorithm`, `Length`.
    pub fn from_alg(alg: &str, bytes: &[u8]) -> Result<Self> {
        if alg == OPE_16 { Self::from_bytes(bytes) } else { Err(CryptoError::UnknownAlgorithm) }
    }

    /// The 16 secret bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// Algorithm name on the wire.
    pub fn alg(&self) -> &'static str {
        OPE_16
    }

    /// Encrypts a number of 0..=65532: a < b gives a smaller result. Errors: `Input` above that.
    pub fn encrypt_number(&self, number: u64) -> Result<u64> {
        if number > MAX_NUMBER {
            return Err(CryptoError::Input);
        }
        ope::get_ope(self.as_bytes()).encrypt(number).or(Err(CryptoError::Encrypt))
    }

    /// Encrypts the first four bytes of a text, short ones padded with `*`. Texts that differ behind them, or hardly
    /// within them, get the same result. Errors: as [`encrypt_number`](Self::encrypt_number), not for valid UTF-8.
    pub fn encrypt_str(&self, text: &str) -> Result<u64> {
        let mut head = [TEXT_PAD; 4];
        for (to, from) in head.iter_mut().zip(text.bytes()) {
            *to = from;
        }
        self.encrypt_number(u64::from(u32::from_be_bytes(head) / TEXT_DIVISOR))
    }
}

impl fmt::Debug for SortKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SortKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept_and_results_repeat() {
        let key = SortKey::from_bytes(b"0123456789abcdef").unwrap();
        let mut last = None;
        for number in (0..=MAX_NUMBER).step_by(97).chain([MAX_NUMBER]) {
            let made = key.encrypt_number(number).unwrap();
            assert_eq!(key.encrypt_number(number), Ok(made));
            assert!(last < Some(made), "{number}");
            assert!(made < 1 << 32);
            last = Some(made);
        }
        assert_eq!(key.encrypt_number(MAX_NUMBER + 1), Err(CryptoError::Input));
        assert_eq!(key.encrypt_number(u64::MAX), Err(CryptoError::Input));
    }

    #[test]
    fn neighbours_keep_their_order_under_any_key() {
        for seed in 0..20_u8 {
            let key = SortKey::from_bytes(&[seed; 16]).unwrap();
            for from in [0, 1000, 32_000, 65_500] {
                let made: Vec<_> = (from..from + 33).map(|n| key.encrypt_number(n).unwrap()).collect();
                assert!(made.is_sorted_by(|a, b| a < b), "key {seed} from {from}");
            }
        }
    }

    #[test]
    fn results_are_frozen() {
        let key = SortKey::from_bytes(b"this is a key 10").unwrap();
        let made: Vec<_> = [0, 1, 262, 263, 65_531, MAX_NUMBER].map(|n| key.encrypt_number(n).unwrap()).into();
        insta::assert_debug_snapshot!(made);
        let texts: Vec<_> = ["", "a", "abc", "hello", "\u{10ffff}"].map(|t| key.encrypt_str(t).unwrap()).into();
        insta::assert_debug_snapshot!(texts);
    }

    #[test]
    fn text_is_its_first_four_bytes() {
        let key = SortKey::from_bytes(&[9; 16]).unwrap();
        assert_eq!(key.encrypt_str("hello"), key.encrypt_str("hell"));
        assert_eq!(key.encrypt_str("he"), key.encrypt_str("he**"));
        let number = u64::from(u32::from_be_bytes(*b"hell") / 65_534);
        assert_eq!(key.encrypt_str("hell"), key.encrypt_number(number));
        assert!(key.encrypt_str("abc").unwrap() < key.encrypt_str("dbc").unwrap());
    }

    #[test]
    fn debug_shows_nothing() {
        insta::assert_snapshot!(format!("{:?}", SortKey::from_bytes(&[65; 16]).unwrap()), @"SortKey(..)");
    }
}
