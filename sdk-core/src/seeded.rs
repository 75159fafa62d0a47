//! The generator of the cross vectors (`tests/vectors/README.md`): the same seed gives the same bytes, to whoever knows it.
//!
//! Behind the feature `vectors`, which only tests turn on. Keys made with it are no secrets.

use std::convert::Infallible;

use keystead_crypto::hash::sha256;
use keystead_crypto::rng::{TryCryptoRng, TryRng};

/// SHA-256(seed ‖ counter), both as 64-bit little-endian numbers: a new block for each read and each 32 bytes of it.
#[derive(Debug, Clone)]
pub struct Seeded {
    seed: u64,
    counter: u64,
}

impl Seeded {
    /// A generator at its beginning.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, counter: 0 }
    }
}

impl TryRng for Seeded {
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
            let block = sha256(&[self.seed.to_le_bytes(), self.counter.to_le_bytes()].concat());
            self.counter += 1;
            chunk.iter_mut().zip(block).for_each(|(out, byte)| *out = byte);
        }
        Ok(())
    }
}

impl TryCryptoRng for Seeded {}
