//! What a logged-in device holds.

use core::fmt;

use keystead_crypto::asym::{PublicKey, SecretKey};
use keystead_crypto::encoding::b64_decode;
use keystead_crypto::hash;
use keystead_crypto::sign::{SignKey, Signature, VerifyKey};
use keystead_crypto::sym::SymKey;
use keystead_protocol::groups as w;
use keystead_protocol::keys::{DeviceKeys as WireDeviceKeys, VerifyKeyData};

use super::{VerifyKeyProof, VerifyKeys, check_verify_key_proof};
use crate::group::{GroupKey, PrivateKeys, SearchKeyEntry, Signer, open_group_key, open_search_keys};
use crate::policy::{Policy, Unsigned};
use crate::{Result, SdkError, wire};

/// The opened keys of one device. Secret: the private key and the sign key.
///
/// ```
/// # mod world { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/world.rs")); } use world::*;
/// # let (_, login) = begun_login();
/// let device = login.device();
/// assert!(device.sign_key().belongs_to(device.verify_key()));
/// assert_eq!(device.secret().alg(), "ECIES-ed25519_KYBER_768");
/// assert_eq!((device.device_id(), device.policy()), ("device-2", &keystead_sdk_core::Policy::default()));
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
#[derive(Debug, Clone)]
pub struct DeviceKeys {
    pub(crate) user_id: String,
    pub(crate) device_id: String,
    pub(crate) user_group_id: String,
    pub(crate) secret: SecretKey,
    pub(crate) sign: SignKey,
    pub(crate) verify: VerifyKey,
    pub(crate) policy: Policy,
}

impl DeviceKeys {
    /// Opens the keys of a login answer with the key derived from the password. Each public half must belong to its
    /// secret half: those are authentic, for only the password opens them.
    ///
    /// # Errors
    /// `ForeignKey`, `SwappedWrap`; `Algorithm`, `WeakAlgorithm`; `Crypto(Decrypt)` for another password.
    pub(crate) fn open(keys: &WireDeviceKeys, enc: &SymKey, policy: Policy) -> Result<Self> {
        policy.algorithms.asym(&keys.keypair_encrypt_alg)?;
        policy.algorithms.sign(&keys.keypair_sign_alg)?;
        let master = SymKey::from_bytes(&wire::unwrap(enc, &keys.encrypted_master_key, b"")?)?;
        let secret = wire::secret_key(&keys.keypair_encrypt_alg, &keys.encrypted_private_key, &master)?;
        let public = wire::public_key(&keys.keypair_encrypt_alg, &keys.public_key_string)?;
        let sign = wire::sign_key(&keys.keypair_sign_alg, &keys.encrypted_sign_key, &master)?;
        let verify = wire::verify_key(&keys.keypair_sign_alg, &keys.verify_key_string)?;
        check_pairs(&secret, &public, &sign, &verify)?;
        Ok(Self {
            user_id: keys.user_id.clone(),
            device_id: keys.device_id.clone(),
            user_group_id: keys.user_group_id.clone(),
            secret,
            sign,
            verify,
            policy,
        })
    }

    /// Device id.
    #[must_use]
    pub fn device_id(&self) -> &str {
        &self.device_id
    }

    /// What this login believes of the server.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The device's sign key.
    #[must_use]
    pub fn sign_key(&self) -> &SignKey {
        &self.sign
    }

    /// The device's verify key; it belongs to the sign key.
    #[must_use]
    pub fn verify_key(&self) -> &VerifyKey {
        &self.verify
    }

    /// The device's private key, which opens user keys and the login challenge.
    #[must_use]
    pub fn secret(&self) -> &SecretKey {
        &self.secret
    }
}

impl PrivateKeys for DeviceKeys {
    fn private_key(&self, key_id: &str) -> Option<&SecretKey> {
        (key_id == self.device_id).then_some(&self.secret)
    }
}

/// One generation of a user's keys, opened. Secret: the group key inside and the sign key.
///
/// ```
/// # mod world { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/world.rs")); } use world::*;
/// # let alice = alice();
/// let key = alice.newest_key()?;
/// assert!(key.public_key_signed(), "not an account of a client of 2022");
/// assert_eq!(key.id(), key.group_key().id());
/// assert_eq!(key.exported_verify_key().verify_key, key.verify_key().to_wire());
/// assert!(key.sign_key().belongs_to(key.verify_key()));
/// assert!(key.proof().is_none(), "the first generation");
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
#[derive(Debug, Clone)]
pub struct UserKey {
    pub(crate) group_key: GroupKey,
    pub(crate) sign: SignKey,
    pub(crate) verify: VerifyKey,
    pub(crate) public_key_signed: bool,
    pub(super) proof: Option<VerifyKeyProof>,
}

impl UserKey {
    /// Opens a user key with the device's private key. All halves must belong together; a public key signature is checked
    /// when there is one.
    ///
    /// # Errors
    /// `ForeignKey`, `SwappedWrap`, `PublicKeySignature`; `KeyNotFound` for another device's key or one without sign
    /// key; `Algorithm`, `WeakAlgorithm`, `Crypto`.
    pub(crate) fn open(key: &w::GroupKey, device: &DeviceKeys) -> Result<Self> {
        let group_key = open_group_key(key, device, &VerifyKeys::with_policy(device.policy))?;
        let (Some(alg), Some(sign), Some(verify)) = (&key.keypair_sign_alg, &key.encrypted_sign_key, &key.verify_key)
        else {
            return Err(SdkError::KeyNotFound);
        };
        device.policy.algorithms.sign(alg)?;
        let verify = wire::verify_key(alg, verify)?;
        if let Some(sig) = &key.public_key_sig {
            let sig = Signature::from_wire(alg, sig).or(Err(SdkError::PublicKeySignature))?;
            verify.verify(&group_key.public.to_bytes(), &sig).or(Err(SdkError::PublicKeySignature))?;
        }
        let sign = wire::sign_key(alg, sign, &group_key.key)?;
        check_pairs(&group_key.secret, &group_key.public, &sign, &verify)?;
        let by = key.signed_by_user_id.as_ref().filter(|id| **id == device.user_id);
        let proof = match (by, &key.signed_by_user_sign_key_id, &key.group_key_sig) {
            (Some(_), Some(id), Some(sig)) => Some(VerifyKeyProof { signed_by_key_id: id.clone(), sig: sig.clone() }),
            _ => None,
        };
        Ok(Self { sign, verify, public_key_signed: key.public_key_sig.is_some(), proof, group_key })
    }

    /// The word of an older key of this user for this one, as the server showed it.
    #[must_use]
    pub fn proof(&self) -> Option<&VerifyKeyProof> {
        self.proof.as_ref()
    }

    /// Id of the generation: of its symmetric key, its key pair and its sign key pair.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.group_key.id
    }

    /// The user group's key: symmetric key and encryption key pair.
    #[must_use]
    pub fn group_key(&self) -> &GroupKey {
        &self.group_key
    }

    /// True when the public key carries a signature of this generation's sign key (it was checked). False for accounts
    /// made by a client of 2022.
    #[must_use]
    pub fn public_key_signed(&self) -> bool {
        self.public_key_signed
    }

    /// The user's sign key of this generation.
    #[must_use]
    pub fn sign_key(&self) -> &SignKey {
        &self.sign
    }

    /// The user's verify key of this generation; it belongs to the sign key.
    #[must_use]
    pub fn verify_key(&self) -> &VerifyKey {
        &self.verify
    }

    /// The verify key as others get it.
    #[must_use]
    pub fn exported_verify_key(&self) -> VerifyKeyData {
        VerifyKeyData {
            verify_key_id: self.id().to_owned(),
            verify_key: self.verify.to_wire(),
            verify_key_alg: self.verify.alg().to_owned(),
        }
    }
}

/// A logged-in light user: a device without user keys. Secret: its keys, the refresh token and the JWT.
///
/// ```
/// # mod world { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/world.rs")); } use world::*;
/// # let (_, login) = begun_login();
/// let answer = ok(r#"{"jwt":"a.b.c","refresh_token":"r"}"#);
/// let user = keystead_sdk_core::user::done_verify_login_light(login, &answer)?;
/// assert_eq!((user.user_id(), user.device().device_id()), ("user-1", "device-2"));
/// assert_eq!((user.jwt(), user.refresh_token(), user.user_group_id()), ("a.b.c", "r", "group-3"));
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub struct LightUserData {
    pub(crate) device: DeviceKeys,
    pub(crate) jwt: String,
    pub(crate) refresh_token: String,
}

impl LightUserData {
    /// User id.
    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.device.user_id
    }

    /// Id of the user group (the group of the user's devices).
    #[must_use]
    pub fn user_group_id(&self) -> &str {
        &self.device.user_group_id
    }

    /// This device.
    #[must_use]
    pub fn device(&self) -> &DeviceKeys {
        &self.device
    }

    /// The JWT of the login.
    #[must_use]
    pub fn jwt(&self) -> &str {
        &self.jwt
    }

    /// The refresh token of this login, 67 characters.
    #[must_use]
    pub fn refresh_token(&self) -> &str {
        &self.refresh_token
    }
}

impl fmt::Debug for LightUserData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LightUserData").field("user_id", &self.user_id()).finish_non_exhaustive()
    }
}

/// A logged-in user on one device. Secret: all keys, the refresh token and (for its lifetime) the JWT.
///
/// ```
/// # mod world { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/world.rs")); } use world::*;
/// # let mut alice = alice();
/// assert_eq!((alice.user_id(), alice.user_group_id()), ("user-1", "group-3"));
/// assert_eq!(alice.signer()?.key_id, alice.newest_key()?.id());
/// assert_eq!(alice.key("unknown").unwrap_err(), keystead_sdk_core::SdkError::KeyNotFound);
/// assert_eq!((alice.keys().len(), alice.search_keys().len()), (1, 1));
/// alice.set_jwt("d.e.f".into()); // after a refresh with `alice.refresh_token()`
/// assert_eq!((alice.jwt(), alice.refresh_token()), ("d.e.f", "r"));
/// alice.add_keys(alice.keys().to_vec())?; // a page of `GET /user/user_keys/keys/…`; known ones are skipped
///
/// // Something encrypted for her public key.
/// let newest = alice.newest_key()?;
/// let sealed = newest.group_key().public().encrypt(&mut keystead_sdk_core::rng::os(), b"for alice")?;
/// let sealed = keystead_sdk_core::crypto::encoding::b64_encode(&sealed);
/// assert_eq!(alice.open_sealed(newest.id(), &sealed)?.as_bytes(), b"for alice");
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
#[derive(Clone)]
pub struct UserData {
    pub(crate) device: DeviceKeys,
    pub(crate) keys: Vec<UserKey>,
    pub(crate) search_keys: Vec<SearchKeyEntry>,
    pub(crate) wire_search_keys: Vec<w::HmacKey>,
    pub(crate) jwt: String,
    pub(crate) refresh_token: String,
}

impl UserData {
    pub(crate) fn open(
        device: DeviceKeys,
        wire_keys: &[w::GroupKey],
        wire_search_keys: Vec<w::HmacKey>,
        jwt: String,
        refresh_token: String,
    ) -> Result<Self> {
        let mut user = Self { device, keys: Vec::new(), search_keys: Vec::new(), wire_search_keys, jwt, refresh_token };
        let page = wire_keys.iter().map(|k| UserKey::open(k, &user.device)).collect::<Result<Vec<_>>>()?;
        user.add_keys(page)?;
        if user.keys.is_empty() { Err(SdkError::NoKeys) } else { Ok(user) }
    }

    /// User id.
    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.device.user_id
    }

    /// Id of the user group (the group of the user's devices).
    #[must_use]
    pub fn user_group_id(&self) -> &str {
        &self.device.user_group_id
    }

    /// This device.
    #[must_use]
    pub fn device(&self) -> &DeviceKeys {
        &self.device
    }

    /// The user keys, newest first.
    #[must_use]
    pub fn keys(&self) -> &[UserKey] {
        &self.keys
    }

    /// The newest user key: it encrypts, signs and is wrapped for. Errors: `NoKeys`.
    pub fn newest_key(&self) -> Result<&UserKey> {
        self.keys.first().ok_or(SdkError::NoKeys)
    }

    /// The user key with this id. Errors: `KeyNotFound`; then fetch it ([`done_fetch_user_keys`](super::done_fetch_user_keys)).
    pub fn key(&self, id: &str) -> Result<&UserKey> {
        self.keys.iter().find(|k| k.id() == id).ok_or(SdkError::KeyNotFound)
    }

    /// The user's newest sign key, ready to sign. Errors: `NoKeys`.
    pub fn signer(&self) -> Result<Signer<'_>> {
        let newest = self.newest_key()?;
        Ok(Signer { user_id: self.user_id(), key_id: newest.id(), key: &newest.sign })
    }

    /// The search keys of the user group, newest first.
    #[must_use]
    pub fn search_keys(&self) -> &[SearchKeyEntry] {
        &self.search_keys
    }

    /// The JWT of the last login or refresh.
    #[must_use]
    pub fn jwt(&self) -> &str {
        &self.jwt
    }

    /// Puts a refreshed JWT in place.
    pub fn set_jwt(&mut self, jwt: String) {
        self.jwt = jwt;
    }

    /// The refresh token of this login, 67 characters.
    #[must_use]
    pub fn refresh_token(&self) -> &str {
        &self.refresh_token
    }

    /// Adds a further page of user keys; ids that are already there are skipped, and nothing is added on an error.
    /// Compare them with what was seen before when all pages are there ([`VerifyKeys::pin_own`]).
    ///
    /// # Errors
    /// `PinnedKey` when an id that is there comes with another key; `ForeignUserKeys` for a wrong proof of an older key;
    /// `UnsignedPublicKey` when the newest public key is not signed and an older one is; `Crypto`, `SwappedWrap` for a
    /// bad search key.
    pub fn add_keys(&mut self, page: Vec<UserKey>) -> Result<()> {
        let mut keys = self.keys.clone();
        for key in page {
            match keys.iter().find(|k| k.id() == key.id()) {
                None => keys.push(key),
                Some(k) if k.verify == key.verify && k.group_key.public == key.group_key.public => {}
                Some(_) => return Err(SdkError::PinnedKey),
            }
        }
        keys.sort_by_key(|k| std::cmp::Reverse(k.group_key.time));
        check_history(self.user_id(), &keys, self.device.policy)?;
        let find = |id: &str| keys.iter().find(|k| k.id() == id).map(|k| &k.group_key);
        let search_keys = open_search_keys(&self.wire_search_keys, &self.device.policy.algorithms, find)?;
        let sign_key = |secret: &[u8]| keys.iter().any(|k| hash::ct_eq(&k.sign.to_bytes(), secret));
        if search_keys.iter().any(|k| sign_key(k.key.as_bytes())) {
            return Err(SdkError::SwappedWrap);
        }
        (self.keys, self.search_keys) = (keys, search_keys);
        Ok(())
    }

    /// Opens something encrypted for one of the user's public keys: b64 in, bytes out. Errors: `KeyNotFound`, `Crypto`.
    pub fn open_sealed(&self, key_id: &str, sealed: &str) -> Result<keystead_crypto::secret::SecretBytes> {
        let secret = self.private_key(key_id).ok_or(SdkError::KeyNotFound)?;
        Ok(secret.decrypt(&b64_decode(sealed)?)?.into())
    }
}

/// What several generations must tell about each other. `keys` newest first. Errors: `ForeignUserKeys`,
/// `UnsignedPublicKey`.
fn check_history(user_id: &str, keys: &[UserKey], policy: Policy) -> Result<()> {
    for key in keys {
        let Some(proof) = &key.proof else { continue };
        let Some(old) = keys.iter().find(|k| k.id() == proof.signed_by_key_id) else { continue };
        check_verify_key_proof(proof, user_id, &old.verify, &key.verify).or(Err(SdkError::ForeignUserKeys))?;
    }
    let newest_signed = keys.first().is_none_or(UserKey::public_key_signed);
    let any_signed = keys.iter().any(UserKey::public_key_signed) || policy.public_keys == Unsigned::Require;
    if any_signed && !newest_signed { Err(SdkError::UnsignedPublicKey) } else { Ok(()) }
}

/// Refuses public halves that do not belong to their secret ones. Errors: `ForeignKey`, `SwappedWrap`.
pub(super) fn check_pairs(secret: &SecretKey, public: &PublicKey, sign: &SignKey, verify: &VerifyKey) -> Result<()> {
    let (secret_bytes, sign_bytes) = (secret.to_bytes(), sign.to_bytes());
    wire::check_halves(secret, public, &[&sign_bytes])?;
    if sign.belongs_to(verify) {
        return Ok(());
    }
    let swapped = SignKey::from_bytes(verify.alg(), &secret_bytes).is_ok_and(|k| k.belongs_to(verify));
    Err(if swapped { SdkError::SwappedWrap } else { SdkError::ForeignKey })
}

impl PrivateKeys for UserData {
    fn private_key(&self, key_id: &str) -> Option<&SecretKey> {
        self.keys.iter().find(|k| k.id() == key_id).map(|k| k.group_key.secret())
    }
}

impl fmt::Debug for UserData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserData")
            .field("user_id", &self.user_id())
            .field("device_id", &self.device.device_id)
            .field("keys", &self.keys.len())
            .finish_non_exhaustive()
    }
}
