//! Secret bytes: wiped on drop, never printed, compared in constant time.

use core::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{CryptoError, Result};

/// A secret of any length, such as a wrapped key's content.
#[derive(Clone)]
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// Takes over `bytes`; they are wiped on drop.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The secret itself.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Zeroizing<Vec<u8>>> for SecretBytes {
    fn from(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }
}

impl PartialEq for SecretBytes {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SecretBytes {}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes(..)")
    }
}

/// A secret of exactly `N` bytes; the inside of the key newtypes.
#[derive(Clone)]
pub struct SecretArray<const N: usize>(Zeroizing<[u8; N]>);

/// A 32 byte key.
pub type SecretKey32 = SecretArray<32>;

impl<const N: usize> SecretArray<N> {
    /// Takes over `bytes`; they are wiped on drop.
    pub fn new(bytes: [u8; N]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Copies `bytes`. Errors: `Length` when they are not exactly `N`.
    pub fn from_slice(bytes: &[u8]) -> Result<Self> {
        let mut out = Self::new([0; N]);
        if bytes.len() != N {
            return Err(CryptoError::Length);
        }
        out.0.copy_from_slice(bytes);
        Ok(out)
    }

    /// The secret itself.
    pub fn as_bytes(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> PartialEq for SecretArray<N> {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(other.0.as_slice()).into()
    }
}

impl<const N: usize> Eq for SecretArray<N> {}

impl<const N: usize> fmt::Debug for SecretArray<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretArray(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        insta::assert_snapshot!(format!("{:?}", SecretBytes::new(vec![65; 40])), @"SecretBytes(..)");
        insta::assert_snapshot!(format!("{:?}", SecretKey32::new([65; 32])), @"SecretArray(..)");
    }

    #[test]
    fn equality_and_length() {
        assert_eq!(SecretBytes::new(vec![1, 2]), SecretBytes::new(vec![1, 2]));
        assert_ne!(SecretBytes::new(vec![1, 2]), SecretBytes::new(vec![1, 2, 3]));
        assert_ne!(SecretKey32::new([1; 32]), SecretKey32::new([2; 32]));
        assert_eq!(SecretKey32::from_slice(&[0; 31]), Err(CryptoError::Length));
        assert_eq!(SecretKey32::from_slice(&[7; 32]), Ok(SecretKey32::new([7; 32])));
    }
}
