//! X25519 by aws-lc-rs: s2n-bignum's assembly.

use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey, X25519};
use zeroize::Zeroizing;

use super::{KEY, Shared};

/// A secret, ready for use. aws-lc wipes what it frees.
pub(super) struct Scalar(PrivateKey);

impl Scalar {
    pub(super) fn new(secret: &[u8; KEY]) -> Self {
        Self(PrivateKey::from_private_key(&X25519, secret).expect("the key has 32 bytes"))
    }

    pub(super) fn public(&self) -> [u8; KEY] {
        let public = self.0.compute_public_key().expect("every scalar has a public key");
        public.as_ref().try_into().expect("a public key has 32 bytes")
    }

    pub(super) fn agree(&self, theirs: &[u8; KEY]) -> Option<Shared> {
        let copy = |shared: &[u8]| Ok(Zeroizing::new(shared.try_into().or(Err(()))?));
        // Refuses the all-zero result itself.
        agreement::agree(&self.0, UnparsedPublicKey::new(&X25519, theirs), (), copy).ok()
    }
}
