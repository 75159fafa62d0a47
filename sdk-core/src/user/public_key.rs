//! Public keys of other users: fetched from the server, therefore checked before use.

use keystead_crypto::asym::PublicKey;
use keystead_crypto::fingerprint;
use keystead_crypto::sign::{Signature, VerifyKey};
use keystead_protocol::keys::{PublicKeyData, VerifyKeyData};

use crate::group::PinnedPublicKey;
use crate::{Result, SdkError, wire};

/// A public key as the server sent it. It cannot be used before [`check`](Self::check) or
/// [`accept_unsigned`](Self::accept_unsigned).
///
/// ```
/// # mod world { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/world.rs")); } use world::*;
/// # let alice = alice();
/// use keystead_sdk_core::user::{UserPublicKey, done_fetch_public_key, done_fetch_verify_key, read_verify_key};
///
/// let key = done_fetch_public_key(&frozen("public_key"))?;
/// assert_eq!((key.alg(), key.sig_key_id()), ("ECIES-ed25519_KYBER_768", Some(key.id())));
/// let shown = done_fetch_verify_key(&frozen("verify_key"))?; // pin it: `VerifyKeys`
/// let checked = key.clone().check(&read_verify_key(&shown)?)?;
/// assert!(checked.verified());
/// assert_eq!((checked.id(), checked.fingerprint()), (key.id(), key.fingerprint()));
/// assert!(key.accept_unsigned().is_err(), "there is a signature, so it must be checked");
///
/// // From the user's other device, by a QR code: no server in between.
/// let own = alice.newest_key()?;
/// let scanned = UserPublicKey::trusted(own.id().to_owned(), own.group_key().public().clone());
/// assert_eq!(scanned.key(), checked.key());
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
#[derive(Debug, Clone)]
pub struct UncheckedPublicKey {
    id: String,
    key: PublicKey,
    sig: Option<(String, String)>,
}

impl UncheckedPublicKey {
    /// Key id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Id of the verify key that is needed for [`check`](Self::check); `None` for an unsigned key.
    #[must_use]
    pub fn sig_key_id(&self) -> Option<&str> {
        self.sig.as_ref().map(|(_, id)| id.as_str())
    }

    /// Algorithm name.
    #[must_use]
    pub fn alg(&self) -> &'static str {
        self.key.alg()
    }

    /// b64url of SHA-256 of the raw public key, 43 characters.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        fingerprint::public_key(&self.key)
    }

    pub(crate) fn pinned(&self) -> PinnedPublicKey {
        PinnedPublicKey { id: self.id.clone(), hash: self.fingerprint() }
    }

    /// Checks the signature with the owner's verify key. Errors: `PublicKeySignature` when it is wrong or missing.
    pub fn check(self, verify_key: &VerifyKey) -> Result<UserPublicKey> {
        let (sig, _) = self.sig.ok_or(SdkError::PublicKeySignature)?;
        let sig = Signature::from_wire(verify_key.alg(), &sig).or(Err(SdkError::PublicKeySignature))?;
        verify_key.verify(&self.key.to_bytes(), &sig).or(Err(SdkError::PublicKeySignature))?;
        Ok(UserPublicKey { id: self.id, key: self.key, verified: true })
    }

    /// Takes the key of an account that never signed (one made by a client of 2022, or a group's key).
    /// Errors: `PublicKeySignature` when there is a signature: then it must be checked.
    pub fn accept_unsigned(self) -> Result<UserPublicKey> {
        match self.sig {
            None => Ok(UserPublicKey { id: self.id, key: self.key, verified: false }),
            Some(_) => Err(SdkError::PublicKeySignature),
        }
    }
}

/// A public key of another user, a device or a group, ready to encrypt for.
#[derive(Debug, Clone)]
pub struct UserPublicKey {
    id: String,
    key: PublicKey,
    verified: bool,
}

impl UserPublicKey {
    /// A key from a source that is trusted by itself, such as a QR code on the user's other device.
    #[must_use]
    pub fn trusted(id: String, key: PublicKey) -> Self {
        Self { id, key, verified: true }
    }

    /// Key id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// b64url of SHA-256 of the raw public key, 43 characters: names the key, not its owner. Compare safety numbers
    /// ([`create_safety_number`]) to know that a user's keys are his.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        fingerprint::public_key(&self.key)
    }

    /// True when a signature was checked; false for an account that never signed.
    #[must_use]
    pub fn verified(&self) -> bool {
        self.verified
    }
}

/// Reads the answer of `GET /user/:id/public_key` and `GET /group/:id/public_key`.
///
/// # Errors
/// `Server` (100: no such user), `ServerOutput`; `PublicKeySignature` when a signature comes without the id of its key;
/// `Algorithm`, `Crypto`.
pub fn done_fetch_public_key(server_output: &str) -> Result<UncheckedPublicKey> {
    let data: PublicKeyData = wire::answer(server_output)?;
    let key = wire::public_key(&data.public_key_alg, &data.public_key)?;
    let sig = match (data.public_key_sig, data.public_key_sig_key_id) {
        (Some(sig), Some(id)) => Some((sig, id)),
        (None, _) => None,
        (Some(_), None) => return Err(SdkError::PublicKeySignature),
    };
    Ok(UncheckedPublicKey { id: data.public_key_id, key, sig })
}

/// Reads the answer of `GET /user/:id/verify_key/:key_id`. Pin it: [`VerifyKeys::pin`](super::VerifyKeys::pin).
/// Errors: `Server` (100), `ServerOutput`; `Algorithm`, `Crypto` for an unusable key.
pub fn done_fetch_verify_key(server_output: &str) -> Result<VerifyKeyData> {
    let data: VerifyKeyData = wire::answer(server_output)?;
    wire::verify_key(&data.verify_key_alg, &data.verify_key)?;
    Ok(data)
}

/// The verify key inside what the server (or an export) shows. Errors: `Algorithm`, `Crypto` for an unusable key.
pub fn read_verify_key(data: &VerifyKeyData) -> Result<VerifyKey> {
    wire::verify_key(&data.verify_key_alg, &data.verify_key)
}

/// The safety number of one user, or of two for comparison over another channel: b64url of 32 bytes. The order of the
/// two does not matter. Input: verify key and user id of each.
///
/// ```
/// use keystead_sdk_core::{crypto::sign, rng, user::create_safety_number};
///
/// let (_, alice) = sign::generate(sign::DEFAULT, &mut rng::os())?;
/// let (_, bob) = sign::generate(sign::DEFAULT, &mut rng::os())?;
/// let seen_by_alice = create_safety_number((&alice, "alice-id"), Some((&bob, "bob-id")));
/// let seen_by_bob = create_safety_number((&bob, "bob-id"), Some((&alice, "alice-id")));
/// assert_eq!((seen_by_alice.len(), &seen_by_alice), (43, &seen_by_bob));
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
#[must_use]
pub fn create_safety_number(a: (&VerifyKey, &str), b: Option<(&VerifyKey, &str)>) -> String {
    fingerprint::safety_number(a, b)
}
