//! Opened group keys.

use keystead_crypto::asym::{PublicKey, SecretKey};
use keystead_crypto::encoding::{b64_decode, b64_encode};
use keystead_crypto::rng::CryptoRng;
use keystead_crypto::search::SearchKey;
use keystead_crypto::sign::Signature;
use keystead_crypto::sort::SortKey;
use keystead_crypto::sym::SymKey;
use keystead_protocol::groups as w;

use crate::user::VerifyKeys;
use crate::{Result, SdkError, suite, wire};

/// One generation of a group's keys, opened. Secret: `key` and `secret`.
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
    let own_secret = own.private_key(&wire_key.user_public_key_id).ok_or(SdkError::KeyNotFound)?;
    let raw = own_secret.decrypt(&b64_decode(&wire_key.encrypted_group_key)?)?;
    let key = wire::sym_key(&wire_key.group_key_alg, &raw)?;
    let signature = check_signature(wire_key, &key, verify_keys)?;
    let alg = &wire_key.keypair_encrypt_alg;
    Ok(GroupKey {
        id: wire_key.group_key_id.clone(),
        time: wire_key.time,
        secret: wire::secret_key(alg, &wire_key.encrypted_private_group_key, &key)?,
        public: wire::public_key(alg, &wire_key.public_group_key)?,
        key,
        signature,
    })
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
pub(crate) fn open_search_keys<'k>(
    wire_keys: &[w::HmacKey],
    find: impl Fn(&str) -> Option<&'k SymKey>,
) -> Result<Vec<SearchKeyEntry>> {
    let mut out = Vec::with_capacity(wire_keys.len());
    for k in wire_keys {
        let Some(by) = find(&k.encrypted_hmac_encryption_key_id) else { continue };
        suite::check(suite::SEARCH, &k.encrypted_hmac_alg)?;
        let key = SearchKey::from_bytes(&wire::unwrap(by, &k.encrypted_hmac_key, b"")?)?;
        out.push(SearchKeyEntry { id: k.id.clone(), key });
    }
    Ok(out)
}

/// As [`open_search_keys`], for sort keys.
pub(crate) fn open_sort_keys<'k>(
    wire_keys: &[w::SortableKey],
    find: impl Fn(&str) -> Option<&'k SymKey>,
) -> Result<Vec<SortKeyEntry>> {
    let mut out = Vec::with_capacity(wire_keys.len());
    for k in wire_keys {
        let Some(by) = find(&k.encrypted_sortable_encryption_key_id) else { continue };
        suite::check(suite::SORT, &k.encrypted_sortable_alg)?;
        let key = SortKey::from_bytes(&wire::unwrap(by, &k.encrypted_sortable_key, b"")?)?;
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
    if !keystead_crypto::hash::ct_eq(&opened, key.as_bytes()) {
        return Err(SdkError::ForeignKey);
    }
    Ok(b64_encode(&sealed))
}
