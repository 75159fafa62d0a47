//! The one door to randomness.
//!
//! Every function that needs random bytes takes `&mut dyn CryptoRng`. Programs pass [`os`], tests a seeded generator.

use core::convert::Infallible;

pub use rand_core::{CryptoRng, Rng, TryCryptoRng, TryRng};
use zeroize::Zeroizing;

use crate::hash::sha256;

/// The operating system's generator (in browsers `crypto.getRandomValues`).
#[derive(Debug, Clone, Copy, Default)]
pub struct OsCsprng;

/// The operating system's generator, ready to be passed as `&mut os()`.
pub fn os() -> OsCsprng {
    OsCsprng
}

/// Fills `out` with random bytes.
pub fn fill(rng: &mut dyn CryptoRng, out: &mut [u8]) {
    rng.fill_bytes(out);
}

/// `N` random bytes.
pub fn bytes<const N: usize>(rng: &mut dyn CryptoRng) -> [u8; N] {
    let mut out = [0; N];
    rng.fill_bytes(&mut out);
    out
}

impl TryRng for OsCsprng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut out = [0; 4];
        self.try_fill_bytes(&mut out)?;
        Ok(u32::from_le_bytes(out))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut out = [0; 8];
        self.try_fill_bytes(&mut out)?;
        Ok(u64::from_le_bytes(out))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        // Going on without randomness would make guessable keys.
        getrandom::fill(out).expect("the operating system gives random bytes");
        Ok(())
    }
}

impl TryCryptoRng for OsCsprng {}

/// A generator whose bytes follow from a secret: SHA-256(secret hash ‖ counter). For signatures that need no fresh
/// randomness, as deterministic signing does it.
pub(crate) struct FromSecret {
    seed: Zeroizing<[u8; 32]>,
    counter: u64,
}

impl FromSecret {
    pub(crate) fn new(secret: &[u8]) -> Self {
        Self { seed: Zeroizing::new(sha256(secret)), counter: 0 }
    }
}

impl TryRng for FromSecret {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut out = [0; 4];
        self.try_fill_bytes(&mut out)?;
        Ok(u32::from_le_bytes(out))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut out = [0; 8];
        self.try_fill_bytes(&mut out)?;
        Ok(u64::from_le_bytes(out))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for chunk in out.chunks_mut(32) {
            let block = Zeroizing::new(sha256(&[self.seed.as_slice(), &self.counter.to_le_bytes()].concat()));
            self.counter = self.counter.wrapping_add(1);
            for (to, from) in chunk.iter_mut().zip(block.iter()) {
                *to = *from;
            }
        }
        Ok(())
    }
}

impl TryCryptoRng for FromSecret {}

/// Shows a generator of today to crates that know `rand_core` 0.6.
pub(crate) struct Legacy<'a>(pub(crate) &'a mut dyn CryptoRng);

impl rand_core_06::RngCore for Legacy<'_> {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, out: &mut [u8]) {
        self.0.fill_bytes(out);
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), rand_core_06::Error> {
        self.0.fill_bytes(out);
        Ok(())
    }
}

impl rand_core_06::CryptoRng for Legacy<'_> {}

#[cfg(test)]
#[path = "../tests/common/seeded.rs"]
pub(crate) mod seeded;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_reads_differ() {
        let (a, b): ([u8; 32], [u8; 32]) = (bytes(&mut os()), bytes(&mut os()));
        assert_ne!(a, b);
        assert_ne!(os().next_u64(), os().next_u64());
        assert_ne!(a, [0; 32]);
    }
}
