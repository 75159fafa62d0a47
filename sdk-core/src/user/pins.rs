//! Verify keys of users, pinned on first use.
//!
//! The server hands out verify keys, so the first one must be believed (compare safety numbers to be sure). After that a
//! different key under the same id is refused, and a further id for a known user is reported: it is either a key rotation
//! or a server that lies. A user whose public key was signed once is never again taken with an unsigned one.

use std::collections::HashMap;

use keystead_crypto::sign::VerifyKey;
use keystead_protocol::keys::VerifyKeyData;
use serde::{Deserialize, Serialize};

use super::{UncheckedPublicKey, UserPublicKey};
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

/// The verify keys a client has seen, by user and key id. Holds no secret, but whom the client knows.
#[derive(Debug, Clone, Default)]
pub struct VerifyKeys {
    users: HashMap<String, PinnedUser>,
}

#[derive(Debug, Clone, Default)]
struct PinnedUser {
    // In the order they were seen: the first one is the one that was believed.
    keys: Vec<(String, VerifyKey)>,
    signs_public_keys: bool,
}

#[derive(Serialize, Deserialize)]
struct Exported {
    user_id: String,
    signs_public_keys: bool,
    keys: Vec<VerifyKeyData>,
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
        self.users.get(user_id)?.keys.iter().find(|(id, _)| id == key_id).map(|(_, k)| k)
    }

    /// True when this user showed more than one verify key: ask him for his safety number.
    #[must_use]
    pub fn changed(&self, user_id: &str) -> bool {
        self.users.get(user_id).is_some_and(|u| u.keys.len() > 1)
    }

    /// Remembers a verify key for a user.
    ///
    /// # Errors
    /// `PinnedKey` when another key is pinned under the same id; `Algorithm`, `Crypto` for an unusable key.
    pub fn pin(&mut self, user_id: &str, data: &VerifyKeyData) -> Result<Pin> {
        let key = wire::verify_key(&data.verify_key_alg, &data.verify_key)?;
        let known = &mut self.users.entry(user_id.to_owned()).or_default().keys;
        if let Some((_, old)) = known.iter().find(|(id, _)| *id == data.verify_key_id) {
            return if *old == key { Ok(Pin::Known) } else { Err(SdkError::PinnedKey) };
        }
        let pin = if known.is_empty() { Pin::First } else { Pin::Additional };
        known.push((data.verify_key_id.clone(), key));
        Ok(pin)
    }

    /// Turns a fetched public key into a usable one: a signed one is checked with the pinned verify key, an unsigned one
    /// is taken only when this user never showed a signed one.
    ///
    /// # Errors
    /// `KeyNotFound` when the verify key ([`UncheckedPublicKey::sig_key_id`]) is not pinned yet; `PublicKeySignature` for
    /// a wrong signature or one that has gone.
    pub fn check_public_key(&mut self, user_id: &str, key: UncheckedPublicKey) -> Result<UserPublicKey> {
        let Some(sig_key_id) = key.sig_key_id() else {
            let signs = self.users.get(user_id).is_some_and(|u| u.signs_public_keys);
            return if signs { Err(SdkError::PublicKeySignature) } else { key.accept_unsigned() };
        };
        let user = self.users.get_mut(user_id).ok_or(SdkError::KeyNotFound)?;
        let (_, verify) = user.keys.iter().find(|(id, _)| id == sig_key_id).ok_or(SdkError::KeyNotFound)?;
        let checked = key.check(verify)?;
        user.signs_public_keys = true;
        Ok(checked)
    }

    /// All pins as JSON text, for storage on the user's own device.
    #[must_use]
    pub fn export(&self) -> String {
        let mut users: Vec<Exported> = self.users.iter().map(|(id, user)| user.export(id)).collect();
        users.sort_by(|a, b| a.user_id.cmp(&b.user_id));
        wire::to_json(&users)
    }

    /// Reads what [`export`](Self::export) wrote. Errors: `Input`; `PinnedKey`, `Algorithm`, `Crypto` for a bad key.
    pub fn import(json: &str) -> Result<Self> {
        let users: Vec<Exported> = serde_json::from_str(json).or(Err(SdkError::Input))?;
        let mut out = Self::new();
        for user in users {
            for key in &user.keys {
                out.pin(&user.user_id, key)?;
            }
            out.users.entry(user.user_id).or_default().signs_public_keys = user.signs_public_keys;
        }
        Ok(out)
    }
}

impl PinnedUser {
    fn export(&self, user_id: &str) -> Exported {
        let keys = self.keys.iter().map(|(id, key)| VerifyKeyData {
            verify_key_id: id.clone(),
            verify_key: key.to_wire(),
            verify_key_alg: key.alg().to_owned(),
        });
        Exported { user_id: user_id.to_owned(), signs_public_keys: self.signs_public_keys, keys: keys.collect() }
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
        assert!(pins.changed("u") && !pins.changed("v") && !pins.changed("w"));
        let read = VerifyKeys::import(&pins.export()).expect("own output");
        assert_eq!(read.export(), pins.export());
        assert_eq!(read.get("u", "k1"), pins.get("u", "k1"));
        assert_eq!(VerifyKeys::import("[1]").unwrap_err(), SdkError::Input);
        assert!(pins.get("u", "k1").is_some() && pins.get("u", "k3").is_none() && pins.get("w", "k1").is_none());
    }
}
