//! Keys of others and of oneself, pinned on first use.
//!
//! The server hands out verify keys, so the first one must be believed (compare safety numbers to be sure). After that a
//! different key under the same id is refused, and a further key of a known user too, unless a pinned one vouches for it
//! ([`VerifyKeyProof`]) or the application accepts it. A user whose public key was signed once is never again taken with
//! an unsigned one. The same holds for the user's own keys at a later login, and for the keys of groups
//! ([`VerifyKeys::check_group`]).
//!
//! ```
//! use keystead_sdk_core::{SdkError, crypto::sign, protocol::keys::VerifyKeyData, rng};
//! use keystead_sdk_core::user::{Pin, VerifyKeys};
//!
//! let shown = |id: &str| {
//!     let (_, key) = sign::generate(sign::ED25519, &mut rng::os()).expect("a known algorithm");
//!     VerifyKeyData { verify_key_id: id.into(), verify_key: key.to_wire(), verify_key_alg: key.alg().into() }
//! };
//! let mut pins = VerifyKeys::new();
//! let first = shown("k1");
//! assert_eq!(pins.pin("bob", &first)?, Pin::First);
//! assert_eq!(pins.pin("bob", &first)?, Pin::Known);
//! let other = shown("k2");
//! assert_eq!(pins.pin("bob", &other), Err(SdkError::ChangedKey));
//! pins.accept("bob", &other)?; // Bob said on the phone that he rotated his keys.
//! assert_eq!(pins.pin("bob", &other)?, Pin::Known);
//! let stored = pins.export();
//! assert!(VerifyKeys::import(&stored)?.get("bob", "k2").is_some());
//! # Ok::<(), SdkError>(())
//! ```

use std::collections::HashMap;

use keystead_crypto::sign::VerifyKey;
use keystead_protocol::keys::VerifyKeyData;
use serde::{Deserialize, Serialize};

use super::{UncheckedPublicKey, UserData, UserPublicKey, VerifyKeyProof, check_verify_key_proof};
use crate::group::{PinnedGroup, PinnedPublicKey, check_newest};
use crate::policy::{Changed, Policy, Unsigned};
use crate::{Result, SdkError, wire};

/// What [`VerifyKeys::pin`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pin {
    /// The first verify key of this user.
    First,
    /// The same key as before.
    Known,
    /// Another key than before, and the one before vouches for it.
    Proven,
    /// The user had another verify key before; nothing proves that the new one is his. Only under
    /// [`Changed::Report`].
    Additional,
}

/// The keys a client has seen, by user and key id, and what it believes ([`Policy`]). Holds no secret, but whom the
/// client knows.
///
/// ```
/// # mod world { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/world.rs")); } use world::*;
/// # let alice = alice();
/// # let (own_id, group) = (alice.user_id().to_owned(), group(&alice));
/// use keystead_sdk_core::policy::{Changed, Policy};
/// use keystead_sdk_core::user::{VerifyKeys, done_fetch_public_key, done_fetch_verify_key};
///
/// let mut pins = VerifyKeys::new();
/// pins.pin_own(&alice)?; // after each login
/// assert_eq!(pins.newest(&own_id).expect("her own").0, alice.newest_key()?.id());
/// pins.check_group(&own_id, &group)?; // after each fetch of a group
///
/// // Another user: his verify key, then his public key.
/// let mut pins = VerifyKeys::new();
/// let key = done_fetch_public_key(&frozen("public_key"))?;
/// let shown = done_fetch_verify_key(&frozen("verify_key"))?;
/// assert_eq!(key.sig_key_id(), Some(shown.verify_key_id.as_str()));
/// pins.pin_proven(&own_id, &shown, None)?; // with the proof beside it, if there is one
/// assert!(pins.check_public_key(&own_id, key)?.verified());
/// assert!(!pins.changed(&own_id));
///
/// // What an application may decide.
/// pins.set_policy(Policy { changed_keys: Changed::Report, ..Policy::default() });
/// pins.accept_old(&own_id, &shown)?; // a key under content of long ago
/// pins.accept_own(&alice)?; // keys that changed without proof
/// pins.forget(&own_id); // an account that was reset
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct VerifyKeys {
    policy: Policy,
    users: HashMap<String, PinnedUser>,
    /// By who saw it, and group id.
    pub(crate) groups: HashMap<(String, String), PinnedGroup>,
    /// Newest user key of each own device.
    devices: HashMap<String, String>,
}

#[derive(Debug, Clone, Default)]
struct PinnedUser {
    // In the order they were believed: the last one speaks for the user today.
    keys: Vec<(String, VerifyKey)>,
    unproven: bool,
    signs_public_keys: bool,
    public_keys: Vec<PinnedPublicKey>,
}

#[derive(Serialize, Deserialize)]
struct Exported {
    users: Vec<ExportedUser>,
    groups: Vec<PinnedGroup>,
    devices: Vec<ExportedDevice>,
}

#[derive(Serialize, Deserialize)]
struct ExportedDevice {
    device_id: String,
    newest_key_id: String,
}

#[derive(Serialize, Deserialize)]
struct ExportedUser {
    user_id: String,
    signs_public_keys: bool,
    keys: Vec<VerifyKeyData>,
    #[serde(default)]
    unproven: bool,
    #[serde(default)]
    public_keys: Vec<PinnedPublicKey>,
}

/// The list alone is the form of version 1.
#[derive(Deserialize)]
#[serde(untagged)]
enum AnyExport {
    Today(Exported),
    Users(Vec<ExportedUser>),
}

impl VerifyKeys {
    /// An empty store with the default policy.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store with a policy.
    #[must_use]
    pub fn with_policy(policy: Policy) -> Self {
        Self { policy, ..Self::default() }
    }

    /// What is believed.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Believes more or less from now on; what is pinned stays.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// The key with this id, if it was pinned for this user.
    #[must_use]
    pub fn get(&self, user_id: &str, key_id: &str) -> Option<&VerifyKey> {
        self.users.get(user_id)?.keys.iter().find(|(id, _)| id == key_id).map(|(_, k)| k)
    }

    /// Id and verify key that speak for this user today.
    #[must_use]
    pub fn newest(&self, user_id: &str) -> Option<(&str, &VerifyKey)> {
        self.users.get(user_id)?.keys.last().map(|(id, k)| (id.as_str(), k))
    }

    /// True when this user showed a further verify key without a proof (and it was taken all the same): ask him for his
    /// safety number.
    #[must_use]
    pub fn changed(&self, user_id: &str) -> bool {
        self.users.get(user_id).is_some_and(|u| u.unproven)
    }

    /// Remembers a verify key for a user.
    ///
    /// # Errors
    /// `PinnedKey` when another key is pinned under the same id; `ChangedKey` for a further key of a known user, if the
    /// policy says so; `Algorithm`, `WeakAlgorithm`, `Crypto` for an unusable key.
    pub fn pin(&mut self, user_id: &str, data: &VerifyKeyData) -> Result<Pin> {
        self.pin_proven(user_id, data, None)
    }

    /// As [`pin`](Self::pin), with what the server (or the user himself, on another road) shows as proof: a signature of
    /// the newest pinned key under the new one.
    ///
    /// # Errors
    /// As [`pin`](Self::pin); `ChangedKey` also for a proof by a key that is not the newest pinned one, or a wrong one.
    pub fn pin_proven(&mut self, user_id: &str, data: &VerifyKeyData, proof: Option<&VerifyKeyProof>) -> Result<Pin> {
        self.policy.algorithms.sign(&data.verify_key_alg)?;
        let key = wire::verify_key(&data.verify_key_alg, &data.verify_key)?;
        let refuse = self.policy.changed_keys == Changed::Refuse;
        let Some(user) = self.users.get_mut(user_id).filter(|u| !u.keys.is_empty()) else {
            self.users.entry(user_id.to_owned()).or_default().keys.push((data.verify_key_id.clone(), key));
            return Ok(Pin::First);
        };
        if let Some((_, old)) = user.keys.iter().find(|(id, _)| *id == data.verify_key_id) {
            return if *old == key { Ok(Pin::Known) } else { Err(SdkError::PinnedKey) };
        }
        let newest = user.keys.last().filter(|(id, _)| proof.is_some_and(|p| p.signed_by_key_id == *id));
        let proven = newest
            .zip(proof)
            .is_some_and(|((_, old), proof)| check_verify_key_proof(proof, user_id, old, &key).is_ok());
        if !proven && refuse {
            return Err(SdkError::ChangedKey);
        }
        user.unproven |= !proven;
        user.keys.push((data.verify_key_id.clone(), key));
        Ok(if proven { Pin::Proven } else { Pin::Additional })
    }

    /// Takes a further key of a known user because the application knows better: the safety number was compared, say.
    /// It speaks for the user from now on. Errors: `PinnedKey` when another key is pinned under the same id;
    /// `Algorithm`, `WeakAlgorithm`, `Crypto`.
    pub fn accept(&mut self, user_id: &str, data: &VerifyKeyData) -> Result<()> {
        self.policy.algorithms.sign(&data.verify_key_alg)?;
        let key = wire::verify_key(&data.verify_key_alg, &data.verify_key)?;
        let user = self.users.entry(user_id.to_owned()).or_default();
        match user.keys.iter().position(|(id, _)| *id == data.verify_key_id) {
            Some(at) if user.keys.get(at).is_some_and(|(_, old)| *old != key) => return Err(SdkError::PinnedKey),
            Some(at) => {
                let known = user.keys.remove(at);
                user.keys.push(known);
            }
            None => user.keys.push((data.verify_key_id.clone(), key)),
        }
        user.unproven = false;
        Ok(())
    }

    /// Takes an older key of a known user, as it stands under content of long ago. It does not speak for him today, so
    /// public keys are not believed by its word alone. Errors: as [`accept`](Self::accept).
    pub fn accept_old(&mut self, user_id: &str, data: &VerifyKeyData) -> Result<()> {
        match self.get(user_id, &data.verify_key_id) {
            None if self.newest(user_id).is_none() => self.accept(user_id, data),
            None => self.insert_history(user_id, data),
            Some(known) if known.to_wire() == data.verify_key => Ok(()),
            Some(_) => Err(SdkError::PinnedKey),
        }
    }

    /// Forgets all keys of a user: the next ones are believed as those of a stranger. For accounts that were reset.
    pub fn forget(&mut self, user_id: &str) {
        self.users.remove(user_id);
    }

    /// Remembers the keys of the user himself after a login, and holds them against those of earlier ones. Call it when
    /// all pages of user keys are there.
    ///
    /// # Errors
    /// `ForeignUserKeys` for a key that no known one vouches for, if the policy refuses changes; `MissingKeys` when the
    /// newest key of this device's last login has gone; `PinnedKey` for another key under a known id. Nothing is
    /// remembered then.
    pub fn pin_own(&mut self, user: &UserData) -> Result<()> {
        let user_id = user.user_id();
        let mut pins = self.clone();
        let first = pins.newest(user_id).is_none();
        let device_id = user.device().device_id();
        let newest = pins.devices.get(device_id).filter(|_| pins.policy.changed_keys == Changed::Refuse);
        if newest.is_some_and(|id| user.key(id).is_err()) {
            return Err(SdkError::MissingKeys);
        }
        // On the first login the whole history is believed, later on what is older than a known key. Wrong proofs inside it
        // were refused when the keys were opened.
        let known = user.keys().iter().position(|k| pins.get(user_id, k.id()).is_some());
        for (at, key) in user.keys().iter().enumerate().rev() {
            let data = key.exported_verify_key();
            match pins.pin_proven(user_id, &data, key.proof()) {
                Err(SdkError::ChangedKey) if first => pins.accept(user_id, &data)?,
                Err(SdkError::ChangedKey) if known.is_some_and(|known| at > known) => {
                    pins.insert_history(user_id, &data)?;
                }
                Err(SdkError::ChangedKey) => return Err(SdkError::ForeignUserKeys),
                other => drop(other?),
            }
            if key.public_key_signed() {
                pins.users.entry(user_id.to_owned()).or_default().signs_public_keys = true;
            }
        }
        pins.devices.insert(device_id.to_owned(), user.newest_key()?.id().to_owned());
        *self = pins;
        Ok(())
    }

    /// Remembers an older key: it does not speak for the user today.
    fn insert_history(&mut self, user_id: &str, data: &VerifyKeyData) -> Result<()> {
        self.policy.algorithms.sign(&data.verify_key_alg)?;
        let key = wire::verify_key(&data.verify_key_alg, &data.verify_key)?;
        self.users.entry(user_id.to_owned()).or_default().keys.insert(0, (data.verify_key_id.clone(), key));
        Ok(())
    }

    /// Takes the user's own keys as they are now, because the application knows why they changed (the user rotated them
    /// with a client that leaves no proof). Errors: `PinnedKey`, `NoKeys`.
    pub fn accept_own(&mut self, user: &UserData) -> Result<()> {
        for key in user.keys().iter().rev() {
            self.accept(user.user_id(), &key.exported_verify_key())?;
        }
        self.devices.insert(user.device().device_id().to_owned(), user.newest_key()?.id().to_owned());
        Ok(())
    }

    /// Turns a public key that was fetched as the user's newest one into a usable one: a signed one is checked with the
    /// pinned verify key, an unsigned one is taken only when this user never showed a signed one, and only once.
    ///
    /// # Errors
    /// `KeyNotFound` when the verify key ([`UncheckedPublicKey::sig_key_id`]) is not pinned yet; `PublicKeySignature` for
    /// a wrong signature; `UnsignedPublicKey` for one that has gone or is wanted by the policy; `PinnedKey` for another
    /// key under a known id; `OldKey` for one that was replaced; `ChangedKey` for another unsigned one; `Algorithm`,
    /// `WeakAlgorithm`.
    pub fn check_public_key(&mut self, user_id: &str, key: UncheckedPublicKey) -> Result<UserPublicKey> {
        self.policy.algorithms.asym(key.alg())?;
        let pinned = key.pinned();
        let checked = match key.sig_key_id() {
            Some(sig_key_id) => {
                let verify = self.get(user_id, sig_key_id).ok_or(SdkError::KeyNotFound)?;
                key.check(verify)?
            }
            None => {
                let signs = self.users.get(user_id).is_some_and(|u| u.signs_public_keys);
                if signs || self.policy.public_keys == Unsigned::Require {
                    return Err(SdkError::UnsignedPublicKey);
                }
                key.accept_unsigned()?
            }
        };
        let refuse = self.policy.changed_keys == Changed::Refuse;
        let user = self.users.entry(user_id.to_owned()).or_default();
        check_newest(user.public_keys.last(), &user.public_keys, &pinned)?;
        if !user.public_keys.contains(&pinned) {
            if !checked.verified() && !user.public_keys.is_empty() && refuse {
                return Err(SdkError::ChangedKey);
            }
            user.public_keys.push(pinned);
        }
        user.signs_public_keys |= checked.verified();
        Ok(checked)
    }

    /// All pins as JSON text, for storage on the user's own device. The policy is not part of it.
    #[must_use]
    pub fn export(&self) -> String {
        let mut users: Vec<ExportedUser> = self.users.iter().map(|(id, user)| user.export(id)).collect();
        users.sort_by(|a, b| a.user_id.cmp(&b.user_id));
        let mut groups: Vec<PinnedGroup> = self.groups.values().cloned().collect();
        groups.sort_by(|a, b| (&a.seen_by, &a.group_id).cmp(&(&b.seen_by, &b.group_id)));
        let device =
            |(id, key): (&String, &String)| ExportedDevice { device_id: id.clone(), newest_key_id: key.clone() };
        let mut devices: Vec<ExportedDevice> = self.devices.iter().map(device).collect();
        devices.sort_by(|a, b| a.device_id.cmp(&b.device_id));
        wire::to_json(&Exported { users, groups, devices })
    }

    /// Reads what [`export`](Self::export) wrote, of this version or an older one; the policy is the default one.
    /// Errors: `Input`; `PinnedKey`, `Algorithm`, `Crypto` for a bad key.
    pub fn import(json: &str) -> Result<Self> {
        let Exported { users, groups, devices } = match serde_json::from_str(json).or(Err(SdkError::Input))? {
            AnyExport::Today(all) => all,
            AnyExport::Users(users) => Exported { users, groups: Vec::new(), devices: Vec::new() },
        };
        let mut out = Self::new();
        for user in users {
            for key in &user.keys {
                out.accept(&user.user_id, key)?;
            }
            let pinned = out.users.entry(user.user_id).or_default();
            pinned.signs_public_keys = user.signs_public_keys;
            pinned.unproven = user.unproven;
            pinned.public_keys = user.public_keys;
        }
        out.groups = groups.into_iter().map(|g| ((g.seen_by.clone(), g.group_id.clone()), g)).collect();
        out.devices = devices.into_iter().map(|d| (d.device_id, d.newest_key_id)).collect();
        Ok(out)
    }
}

impl PinnedUser {
    fn export(&self, user_id: &str) -> ExportedUser {
        let keys = self.keys.iter().map(|(id, key)| VerifyKeyData {
            verify_key_id: id.clone(),
            verify_key: key.to_wire(),
            verify_key_alg: key.alg().to_owned(),
        });
        ExportedUser {
            user_id: user_id.to_owned(),
            signs_public_keys: self.signs_public_keys,
            keys: keys.collect(),
            unproven: self.unproven,
            public_keys: self.public_keys.clone(),
        }
    }
}

#[cfg(test)]
#[path = "pins/tests.rs"]
mod tests;
