//! Symmetric keys beside the group keys (sentc.md section 9): one per document, say, wrapped by a group key.
//!
//! A *registered* key is kept by the server. A *non registered* one is kept by the application as JSON text and has the
//! id `non_registered`.
//!
//! ```
//! # mod world { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/world.rs")); } use world::*;
//! # let (alice, r) = (alice(), &mut keystead_sdk_core::rng::os());
//! # let group = group(&alice);
//! use keystead_sdk_core::{content, sym_key};
//!
//! // Kept by the application: the text may lie anywhere, only the group opens it.
//! let master = group.newest_key()?;
//! let (text, key) = sym_key::make_non_registered_sym_key(r, master)?;
//! let read = sym_key::read_sym_key(&text)?;
//! assert_eq!(sym_key::open_sym_key(&read, group.key(&read.master_key_id)?)?.key, key.key);
//!
//! // Kept by the server: send the body to `POST /keys/sym_key`, read the answer, later `GET /keys/sym_key/:key_id`.
//! let (body, key) = sym_key::prepare_register_sym_key(r, master)?;
//! let kept = sym_key::done_register_sym_key(&ok(r#"{"key_id":"k9"}"#), key, master)?;
//! let wrapped: serde_json::Value = serde_json::from_str(&body).expect("JSON");
//! let answer = serde_json::json!({
//!     "key_id": "k9", "master_key_id": master.id(), "encrypted_key_string": wrapped["encrypted_key_string"],
//!     "alg": "AES-GCM-256", "time": 1,
//! });
//! let fetched = sym_key::done_fetch_sym_key(&ok(&answer.to_string()))?;
//! assert_eq!(sym_key::open_sym_key(&fetched, master)?.key, kept.key);
//! let text = content::encrypt_string(r, (&kept).into(), "doc", &Default::default())?;
//! assert_eq!(content::string_head(&text)?.id, "k9");
//!
//! // For one user.
//! let to = keystead_sdk_core::user::done_fetch_public_key(&frozen("public_key"))?.check(alice.newest_key()?.verify_key())?;
//! let (text, key) = sym_key::make_non_registered_sym_key_by_public_key(r, &to)?;
//! assert_eq!(sym_key::open_sym_key_by_private_key(&sym_key::read_sym_key(&text)?, &alice)?.key, key.key);
//! # Ok::<(), keystead_sdk_core::SdkError>(())
//! ```

use keystead_crypto::encoding::{b64_decode, b64_encode};
use keystead_crypto::rng::CryptoRng;
use keystead_crypto::sym::SymKey;
use keystead_protocol::devices::{NON_REGISTERED, SymKeyData, SymKeyRegisterInput, SymKeyRegisterOutput};

use crate::content::ContentKey;
use crate::group::{GroupKey, PrivateKeys};
use crate::user::UserPublicKey;
use crate::{Result, SdkError, wire};

/// A symmetric key with its ids. Secret: `key`.
#[derive(Debug, Clone)]
pub struct SymmetricKey {
    /// Key id, or `non_registered`.
    pub id: String,
    /// Id of the group key (or public key) that wraps it.
    pub master_key_id: String,
    /// The key.
    pub key: SymKey,
}

impl<'a> From<&'a SymmetricKey> for ContentKey<'a> {
    fn from(k: &'a SymmetricKey) -> Self {
        Self { id: &k.id, key: &k.key }
    }
}

/// The body of `POST /keys/sym_key` and the new key. The answer goes to [`done_register_sym_key`]. Errors: `Crypto`.
pub fn prepare_register_sym_key(rng: &mut dyn CryptoRng, master: &GroupKey) -> Result<(String, SymKey)> {
    let key = SymKey::generate(rng);
    let input = SymKeyRegisterInput {
        alg: key.alg().to_owned(),
        encrypted_key_string: wire::wrap(rng, master.key(), key.as_bytes(), b"")?,
        master_key_id: master.id().to_owned(),
    };
    Ok((wire::to_json(&input), key))
}

/// Reads the answer of `POST /keys/sym_key`. Errors: `Server`, `ServerOutput`.
pub fn done_register_sym_key(server_output: &str, key: SymKey, master: &GroupKey) -> Result<SymmetricKey> {
    let out: SymKeyRegisterOutput = wire::answer(server_output)?;
    Ok(SymmetricKey { id: out.key_id, master_key_id: master.id().to_owned(), key })
}

/// Reads the answer of `GET /keys/sym_key/:key_id`; open it with [`open_sym_key`]. Errors: `Server` (400), `ServerOutput`.
pub fn done_fetch_sym_key(server_output: &str) -> Result<SymKeyData> {
    wire::answer(server_output)
}

/// Reads the answer of `GET /keys/sym_key/master_key/:master_key_id/:time/:id`, newest first. Errors: `Server`, `ServerOutput`.
///
/// ```
/// # use keystead_sdk_core::sym_key::done_fetch_sym_keys;
/// let answer = r#"{"status":true,"result":[{"key_id":"k","master_key_id":"m","encrypted_key_string":"AA==","alg":"AES-GCM-256","time":1}]}"#;
/// assert_eq!(done_fetch_sym_keys(answer)?[0].key_id, "k");
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn done_fetch_sym_keys(server_output: &str) -> Result<Vec<SymKeyData>> {
    wire::answer(server_output)
}

/// Makes a key that only the application keeps: its JSON text (`SymKeyData`), and the key. Errors: `Crypto`.
pub fn make_non_registered_sym_key(rng: &mut dyn CryptoRng, master: &GroupKey) -> Result<(String, SymmetricKey)> {
    let key = SymKey::generate(rng);
    let wrapped = wire::wrap(rng, master.key(), key.as_bytes(), b"")?;
    Ok(non_registered(key, wrapped, master.id()))
}

/// As [`make_non_registered_sym_key`], for the holder of a public key. Errors: `Crypto`.
pub fn make_non_registered_sym_key_by_public_key(
    rng: &mut dyn CryptoRng,
    to: &UserPublicKey,
) -> Result<(String, SymmetricKey)> {
    let key = SymKey::generate(rng);
    let wrapped = b64_encode(&to.key().encrypt(rng, key.as_bytes())?);
    Ok(non_registered(key, wrapped, to.id()))
}

/// Reads the JSON text of a non registered key. Errors: `Input`.
pub fn read_sym_key(json: &str) -> Result<SymKeyData> {
    serde_json::from_str(json).or(Err(SdkError::Input))
}

/// Opens a wrapped key with the group key that its `master_key_id` names.
/// Errors: `KeyNotFound` for another group key; `Algorithm`, `Crypto`.
pub fn open_sym_key(data: &SymKeyData, master: &GroupKey) -> Result<SymmetricKey> {
    if master.id() != data.master_key_id {
        return Err(SdkError::KeyNotFound);
    }
    let key = wire::sym_key(&data.alg, &wire::unwrap(master.key(), &data.encrypted_key_string, b"")?)?;
    Ok(SymmetricKey { id: data.key_id.clone(), master_key_id: data.master_key_id.clone(), key })
}

/// Opens a key that was wrapped for a public key. Errors: `KeyNotFound`, `Algorithm`, `Crypto`.
pub fn open_sym_key_by_private_key(data: &SymKeyData, own: &(impl PrivateKeys + ?Sized)) -> Result<SymmetricKey> {
    let secret = own.private_key(&data.master_key_id).ok_or(SdkError::KeyNotFound)?;
    let key = wire::sym_key(&data.alg, &secret.decrypt(&b64_decode(&data.encrypted_key_string)?)?)?;
    Ok(SymmetricKey { id: data.key_id.clone(), master_key_id: data.master_key_id.clone(), key })
}

fn non_registered(key: SymKey, encrypted_key_string: String, master_key_id: &str) -> (String, SymmetricKey) {
    let data = SymKeyData {
        key_id: NON_REGISTERED.to_owned(),
        master_key_id: master_key_id.to_owned(),
        encrypted_key_string,
        alg: key.alg().to_owned(),
        time: 0,
    };
    (wire::to_json(&data), SymmetricKey { id: data.key_id, master_key_id: data.master_key_id, key })
}
