//! X25519 (RFC 7748 section 5).
//!
//! Two implementations stand behind one interface: aws-lc-rs natively, where it takes half of dalek's time, and dalek in
//! wasm. A test holds both to the same bytes.

use zeroize::Zeroizing;

#[cfg(not(target_family = "wasm"))]
#[path = "x25519/native.rs"]
mod backend;
#[cfg(target_family = "wasm")]
#[path = "x25519/portable.rs"]
mod backend;
#[cfg(all(test, not(target_family = "wasm")))]
mod portable;

/// Bytes of a secret, of a public key and of what both sides agree on.
pub(super) const KEY: usize = 32;

/// What both sides know.
pub(super) type Shared = Zeroizing<[u8; KEY]>;

/// The public key of a secret.
pub(super) fn public(secret: &[u8; KEY]) -> [u8; KEY] {
    backend::Scalar::new(secret).public()
}

/// What the holder of `secret` agrees on with the holder of `theirs`. None for the all-zero result that every point of
/// small order gives.
pub(super) fn agree(secret: &[u8; KEY], theirs: &[u8; KEY]) -> Option<Shared> {
    backend::Scalar::new(secret).agree(theirs)
}

/// Both at once, for a secret that is used once.
pub(super) fn public_and_agree(secret: &[u8; KEY], theirs: &[u8; KEY]) -> Option<([u8; KEY], Shared)> {
    let scalar = backend::Scalar::new(secret);
    Some((scalar.public(), scalar.agree(theirs)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn array(text: &str) -> [u8; KEY] {
        hex::decode(text).unwrap().try_into().unwrap()
    }

    #[test]
    fn rfc_7748() {
        // Section 5.2, first vector.
        let scalar = array("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4");
        let point = array("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
        let product = array("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
        // Section 6.1: Bob's secret and Alice's public key.
        let bob = array("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
        let bob_public = array("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
        let alice = array("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
        let shared = array("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
        assert_eq!(*agree(&scalar, &point).unwrap(), product);
        assert_eq!(*portable::Scalar::new(&scalar).agree(&point).unwrap(), product);
        assert_eq!(public_and_agree(&bob, &alice).unwrap(), (bob_public, Zeroizing::new(shared)));
        assert_eq!(portable::Scalar::new(&bob).public(), bob_public);
        assert_eq!(*portable::Scalar::new(&bob).agree(&alice).unwrap(), shared);
    }

    /// 0, 1, p - 1, p, p + 1 and the points of order 8.
    #[test]
    fn points_of_small_order_give_nothing() {
        let points = [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        ];
        for point in points.map(array) {
            assert!(agree(&[7; KEY], &point).is_none() && portable::Scalar::new(&[7; KEY]).agree(&point).is_none());
            assert!(public_and_agree(&[7; KEY], &point).is_none());
        }
    }

    proptest! {
        #[test]
        fn both_implementations_are_equal(secret: [u8; KEY], theirs: [u8; KEY]) {
            let (native, portable) = (backend::Scalar::new(&secret), portable::Scalar::new(&secret));
            prop_assert_eq!(native.public(), portable.public());
            prop_assert_eq!(native.agree(&theirs), portable.agree(&theirs));
            let both = public_and_agree(&secret, &theirs);
            prop_assert_eq!(both, portable.agree(&theirs).map(|shared| (portable.public(), shared)));
        }
    }
}
