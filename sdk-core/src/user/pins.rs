//! Verify keys of other users, pinned on first use.
//!
//! The server hands out verify keys, so the first one must be believed (compare safety numbers to be sure). After that a
//! different key under the same id is refused, and a further id for a known user is reported: it is either a key rotation
//! or a server that lies.

use std::collections::HashMap;

use keystead_crypto::sign::VerifyKey;
use keystead_protocol::keys::VerifyKeyData;

use crate::{Result, SdkError, wire};

/// What [`VerifyKeys::pin`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pin {
    /// The first verify key of this user.
    First,
    /// The same key as before.
    Known,
    /// The user had another verify key before; nothing proves that the new one is his.
    Additional,
}

/// The verify keys a client has seen, by user and key id. Holds no secret.
#[derive(Debug, Clone, Default)]
pub struct VerifyKeys {
    keys: HashMap<String, Vec<(String, VerifyKey)>>,
}

impl VerifyKeys {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The key with this id, if it was pinned for this user.
    #[must_use]
    pub fn get(&self, user_id: &str, key_id: &str) -> Option<&VerifyKey> {
        self.keys.get(user_id)?.iter().find(|(id, _)| id == key_id).map(|(_, k)| k)
    }

    /// Remembers a verify key for a user.
    ///
    /// # Errors
    /// `PinnedKey` when another key is pinned under the same id; `Algorithm`, `Crypto` for an unusable key.
    pub fn pin(&mut self, user_id: &str, data: &VerifyKeyData) -> Result<Pin> {
        let key = wire::verify_key(&data.verify_key_alg, &data.verify_key)?;
        let known = self.keys.entry(user_id.to_owned()).or_default();
        if let Some((_, old)) = known.iter().find(|(id, _)| *id == data.verify_key_id) {
            let same = old.alg() == key.alg() && old.to_bytes() == key.to_bytes();
            return if same { Ok(Pin::Known) } else { Err(SdkError::PinnedKey) };
        }
        let pin = if known.is_empty() { Pin::First } else { Pin::Additional };
        known.push((data.verify_key_id.clone(), key));
        Ok(pin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keystead_crypto::{rng, sign};

    fn data(id: &str) -> VerifyKeyData {
        let (_, verify) = sign::generate(sign::ED25519, &mut rng::os()).expect("known algorithm");
        VerifyKeyData {
            verify_key_id: id.into(),
            verify_key: verify.to_wire(),
            verify_key_alg: verify.alg().to_owned(),
        }
    }

    #[test]
    fn first_known_additional_changed() {
        let mut pins = VerifyKeys::new();
        let first = data("k1");
        assert_eq!(pins.pin("u", &first), Ok(Pin::First));
        assert_eq!(pins.pin("u", &first), Ok(Pin::Known));
        assert_eq!(pins.pin("u", &data("k2")), Ok(Pin::Additional));
        assert_eq!(pins.pin("u", &data("k1")), Err(SdkError::PinnedKey));
        assert_eq!(pins.pin("v", &data("k1")), Ok(Pin::First));
        assert!(pins.get("u", "k1").is_some() && pins.get("u", "k3").is_none() && pins.get("w", "k1").is_none());
    }
}
