//! Opened group keys.

use keystead_crypto::asym::{PublicKey, SecretKey};
use keystead_crypto::encoding::{b64_decode, b64_encode};
use keystead_crypto::rng::CryptoRng;
use keystead_crypto::search::SearchKey;
use keystead_crypto::sign::Signature;
use keystead_crypto::sort::SortKey;
use keystead_crypto::sym::SymKey;
use keystead_crypto::{fingerprint, hash};
use keystead_protocol::groups as w;

use crate::suite::Algorithms;
use crate::user::VerifyKeys;
use crate::{Result, SdkError, wire};

/// One generation of a group's keys, opened. Secret: `key` and `secret`.
///
/// ```
/// # mod world { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/world.rs")); } use world::*;
/// # let alice = alice();
/// # let group = group(&alice);
/// use keystead_sdk_core::group::KeySignature;
///
/// let key = group.newest_key()?;
/// assert!(key.is_signed() && matches!(key.signature(), KeySignature::Valid { user_id, .. } if user_id == alice.user_id()));
/// assert_eq!((key.secret().public_key()?, key.time()), (key.public().clone(), 1));
/// assert_eq!((key.fingerprint().len(), key.key().alg()), (43, "AES-GCM-256"));
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
#[derive(Debug, Clone)]
pub struct GroupKey {
    pub(crate) id: String,
    pub(crate) time: i64,
    pub(crate) key: SymKey,
    pub(crate) secret: SecretKey,
    pub(crate) public: PublicKey,
    pub(crate) signature: KeySignature,
}

impl GroupKey {
    /// Id of the generation; it stands in the head of content encrypted with it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Time of creation, milliseconds since 1970, as the server says.
    #[must_use]
    pub fn time(&self) -> i64 {
        self.time
    }

    /// The symmetric key: encrypts content and wraps what belongs to the group.
    #[must_use]
    pub fn key(&self) -> &SymKey {
        &self.key
    }

    /// The private key: opens what was encrypted for the group, and the keys of child groups.
    #[must_use]
    pub fn secret(&self) -> &SecretKey {
        &self.secret
    }

    /// The public key, as the server sent it.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Who vouches for this key.
    #[must_use]
    pub fn signature(&self) -> &KeySignature {
        &self.signature
    }

    /// True when a signature was checked.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        matches!(self.signature, KeySignature::Valid { .. })
    }

    /// b64url of SHA-256 of the raw public key, 43 characters: names the key wherever the server shows it. The private
    /// half belongs to it (checked when the key was opened), so a server without the key cannot make a second one.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        fingerprint::public_key(&self.public)
    }

    /// True when `secret` is one of the secrets of this key: it stands where another key should.
    pub(crate) fn holds(&self, secret: &[u8]) -> bool {
        hash::ct_eq(self.key.as_bytes(), secret) || hash::ct_eq(&self.secret.to_bytes(), secret)
    }
}

/// State of a group key's signature. A wrong signature is never kept: the key is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySignature {
    /// The creator did not sign.
    None,
    /// Signed, but the signer's verify key was not at hand.
    Unchecked {
        /// The signer's user id.
        user_id: String,
        /// Id of his verify key.
        key_id: String,
    },
    /// Signed by this user, and checked.
    Valid {
        /// The signer's user id.
        user_id: String,
        /// Id of his verify key.
        key_id: String,
    },
}

/// The search key of a group, opened.
#[derive(Debug, Clone)]
pub struct SearchKeyEntry {
    /// Key id.
    pub id: String,
    /// The key.
    pub key: SearchKey,
}

/// The sort key of a group, opened.
#[derive(Debug, Clone)]
pub struct SortKeyEntry {
    /// Key id.
    pub id: String,
    /// The key.
    pub key: SortKey,
}

/// Private keys by id: what opens wrapped group keys. A user, a device and a list of group keys (for child groups) are
/// such sources.
pub trait PrivateKeys {
    /// The private key with this id.
    fn private_key(&self, key_id: &str) -> Option<&SecretKey>;
}

impl PrivateKeys for [GroupKey] {
    fn private_key(&self, key_id: &str) -> Option<&SecretKey> {
        self.iter().find(|k| k.id == key_id).map(|k| &k.secret)
    }
}

impl PrivateKeys for Vec<GroupKey> {
    fn private_key(&self, key_id: &str) -> Option<&SecretKey> {
        self.as_slice().private_key(key_id)
    }
}

/// Opens a wire key with the reader's private key and checks the signature when the signer's verify key is at hand.
pub(crate) fn open_group_key(
    wire_key: &w::GroupKey,
    own: &(impl PrivateKeys + ?Sized),
    verify_keys: &VerifyKeys,
) -> Result<GroupKey> {
    let algorithms = verify_keys.policy().algorithms;
    let alg = &wire_key.keypair_encrypt_alg;
    algorithms.sym(&wire_key.group_key_alg)?;
    algorithms.asym(alg)?;
    let own_secret = own.private_key(&wire_key.user_public_key_id).ok_or(SdkError::KeyNotFound)?;
    let raw = own_secret.decrypt(&b64_decode(&wire_key.encrypted_group_key)?)?;
    let key = wire::sym_key(&wire_key.group_key_alg, &raw)?;
    let signature = check_signature(wire_key, &key, verify_keys)?;
    let secret = wire::secret_key(alg, &wire_key.encrypted_private_group_key, &key)?;
    let public = wire::public_key(alg, &wire_key.public_group_key)?;
    // Of a user group also the sign key is wrapped by this key.
    let beside = wire_key.encrypted_sign_key.as_deref().and_then(|w| wire::unwrap(&key, w, b"").ok());
    wire::check_halves(&secret, &public, &beside.as_ref().map(|b| b.as_slice()).into_iter().collect::<Vec<_>>())?;
    Ok(GroupKey { id: wire_key.group_key_id.clone(), time: wire_key.time, secret, public, key, signature })
}

fn check_signature(wire_key: &w::GroupKey, key: &SymKey, verify_keys: &VerifyKeys) -> Result<KeySignature> {
    let Some(text) = &wire_key.group_key_sig else { return Ok(KeySignature::None) };
    let (Some(user_id), Some(key_id)) = (&wire_key.signed_by_user_id, &wire_key.signed_by_user_sign_key_id) else {
        return Err(SdkError::GroupKeySignature);
    };
    let (user_id, key_id) = (user_id.clone(), key_id.clone());
    let Some(verify) = verify_keys.get(&user_id, &key_id) else {
        return Ok(KeySignature::Unchecked { user_id, key_id });
    };
    let sig = Signature::from_wire(verify.alg(), text).or(Err(SdkError::GroupKeySignature))?;
    verify.verify(key.as_bytes(), &sig).or(Err(SdkError::GroupKeySignature))?;
    Ok(KeySignature::Valid { user_id, key_id })
}

/// Opens those search keys whose wrapping group key is at hand; the others wait for a later page of keys.
/// Errors: `Algorithm`, `WeakAlgorithm`, `Crypto`; `SwappedWrap` for a wrap of something else.
pub(crate) fn open_search_keys<'k>(
    wire_keys: &[w::HmacKey],
    algorithms: &Algorithms,
    find: impl Fn(&str) -> Option<&'k GroupKey>,
) -> Result<Vec<SearchKeyEntry>> {
    let mut out = Vec::with_capacity(wire_keys.len());
    for k in wire_keys {
        let Some(by) = find(&k.encrypted_hmac_encryption_key_id) else { continue };
        algorithms.search(&k.encrypted_hmac_alg)?;
        let bytes = wire::unwrap(&by.key, &k.encrypted_hmac_key, b"")?;
        let key = SearchKey::from_bytes(&bytes).or(Err(SdkError::SwappedWrap))?;
        if by.holds(&bytes) {
            return Err(SdkError::SwappedWrap);
        }
        out.push(SearchKeyEntry { id: k.id.clone(), key });
    }
    Ok(out)
}

/// As [`open_search_keys`], for sort keys.
pub(crate) fn open_sort_keys<'k>(
    wire_keys: &[w::SortableKey],
    algorithms: &Algorithms,
    find: impl Fn(&str) -> Option<&'k GroupKey>,
) -> Result<Vec<SortKeyEntry>> {
    let mut out = Vec::with_capacity(wire_keys.len());
    for k in wire_keys {
        let Some(by) = find(&k.encrypted_sortable_encryption_key_id) else { continue };
        algorithms.sort(&k.encrypted_sortable_alg)?;
        let bytes = wire::unwrap(&by.key, &k.encrypted_sortable_key, b"")?;
        let key = SortKey::from_bytes(&bytes).or(Err(SdkError::SwappedWrap))?;
        out.push(SortKeyEntry { id: k.id.clone(), key });
    }
    Ok(out)
}

/// Encrypts a group key for the maker's own public key and opens it again: the public key came from the server, and a
/// foreign one in its place would give the new group away. Errors: `ForeignKey`.
pub(crate) fn wrap_for_self(
    rng: &mut dyn CryptoRng,
    key: &SymKey,
    public: &PublicKey,
    secret: &SecretKey,
) -> Result<String> {
    let sealed = public.encrypt(rng, key.as_bytes())?;
    let opened = secret.decrypt(&sealed).or(Err(SdkError::ForeignKey))?;
    if !hash::ct_eq(&opened, key.as_bytes()) {
        return Err(SdkError::ForeignKey);
    }
    Ok(b64_encode(&sealed))
}
