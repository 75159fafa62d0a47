//! Safety numbers (sentc.md 12.6): two users compare them by voice to know that no one stands between. And short names
//! of single public keys.

use sha2::{Digest, Sha256};

use crate::asym::PublicKey;
use crate::encoding::b64url_encode;
use crate::hash::sha256;
use crate::sign::VerifyKey;

/// b64url( SHA-256( raw public key ) ), 43 characters. Not a safety number: it names the key, not its owner.
///
/// ```
/// use keystead_crypto::{asym, fingerprint, rng};
/// let (_, key) = asym::generate(asym::DEFAULT, &mut rng::os())?;
/// assert_eq!(fingerprint::public_key(&key).len(), 43);
/// # Ok::<(), keystead_crypto::CryptoError>(())
/// ```
pub fn public_key(key: &PublicKey) -> String {
    b64url_encode(&sha256(&key.to_bytes()))
}

/// b64url( SHA-256( key_a ‖ id_a \[‖ key_b ‖ id_b\] ) ), 43 characters, the smaller user id first: the argument order does
/// not matter. With one user it is the fingerprint of his key.
pub fn safety_number(a: (&VerifyKey, &str), b: Option<(&VerifyKey, &str)>) -> String {
    let mut users = [Some(a), b];
    if b.is_some_and(|b| b.1 < a.1) {
        users.reverse();
    }
    let mut hasher = Sha256::new();
    for (key, id) in users.into_iter().flatten() {
        hasher.update(key.to_bytes());
        hasher.update(id);
    }
    b64url_encode(&hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{rng, sign};

    #[test]
    fn both_sides_see_the_same_number() {
        for alg in [sign::ED25519, sign::ED25519_DILITHIUM_3] {
            let (_, a) = sign::generate(alg, &mut rng::os()).unwrap();
            let (_, b) = sign::generate(alg, &mut rng::os()).unwrap();
            let seen = safety_number((&a, "alice"), Some((&b, "bob")));
            assert_eq!(seen, safety_number((&b, "bob"), Some((&a, "alice"))));
            let input = [&a.to_bytes(), b"alice".as_slice(), &b.to_bytes(), b"bob"].concat();
            assert_eq!(seen, b64url_encode(&sha256(&input)));
            assert_ne!(seen, safety_number((&a, "bob"), Some((&b, "alice"))));

            let alone = safety_number((&a, "alice"), None);
            assert_eq!(alone, b64url_encode(&sha256(&[&a.to_bytes(), b"alice".as_slice()].concat())));
        }
    }
}
