//! X25519 by x25519-dalek: no C, so it builds for wasm.

use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use super::{KEY, Shared};

/// A secret, ready for use. Wiped on drop.
pub(super) struct Scalar(StaticSecret);

impl Scalar {
    pub(super) fn new(secret: &[u8; KEY]) -> Self {
        Self(StaticSecret::from(*secret))
    }

    pub(super) fn public(&self) -> [u8; KEY] {
        PublicKey::from(&self.0).to_bytes()
    }

    pub(super) fn agree(&self, theirs: &[u8; KEY]) -> Option<Shared> {
        let shared = self.0.diffie_hellman(&(*theirs).into());
        shared.was_contributory().then(|| Zeroizing::new(*shared.as_bytes()))
    }
}
