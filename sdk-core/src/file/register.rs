//! Registration of a file, its name and its key.

use keystead_crypto::encoding::b64_decode;
use keystead_crypto::rng::CryptoRng;
use keystead_crypto::sign::VerifyKey;
use keystead_crypto::sym::{self, SymKey};
use keystead_protocol::devices::{NON_REGISTERED, SymKeyData};
use keystead_protocol::files::{
    BelongsToType, FileData, FileNameUpdateInput, FileRegisterInput, FileRegisterOutput, FileSessionOutput,
    PartListItem,
};

use crate::content::{self, DecryptOptions, EncryptOptions};
use crate::group::{GroupKey, Signer};
use crate::sym_key::{self, SymmetricKey};
use crate::{Result, SdkError, wire};

/// A symmetric key wrapped by a symmetric one.
const WRAPPED: usize = 32 + sym::OVERHEAD;

/// Who may read a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BelongsTo<'a> {
    /// Everybody in the app (who cannot open it without its key).
    Nobody,
    /// The owner and this user.
    User(&'a str),
    /// The members of this group.
    Group(&'a str),
}

/// Where a file's key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileKey {
    /// With the file, wrapped: open it with [`open_file_key`].
    Wrapped(SymKeyData),
    /// 2022: registered under this id: fetch it with `GET /keys/sym_key/:key_id`.
    Registered(String),
}

/// The body of `POST /file` and `POST /group/:g/file`. `wrapped_key` is the JSON text that
/// [`make_non_registered_sym_key`](sym_key::make_non_registered_sym_key) gave with `key`. The name is encrypted with the
/// file's key. Errors: `Input` for another `wrapped_key`; `Crypto`.
///
/// ```
/// # mod world { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/world.rs")); } use world::*;
/// # let (alice, r) = (alice(), &mut keystead_sdk_core::rng::os());
/// # let group = group(&alice);
/// use keystead_sdk_core::{file, sym_key};
///
/// let (wrapped, key) = sym_key::make_non_registered_sym_key(r, group.newest_key()?)?;
/// let body = file::prepare_register_file(r, &wrapped, &key, file::BelongsTo::Group("g"), Some("a.txt"), None)?;
/// let session = file::done_register_file(r#"{"status":true,"result":{"file_id":"f","session_id":"s"}}"#)?.session_id;
/// # assert_eq!(session, "s");
///
/// // Somebody who is in the group reads it.
/// # let sent: serde_json::Value = serde_json::from_str(&body).expect("JSON");
/// # let answer = ok(&serde_json::json!({
/// #     "file_id": "f", "master_key_id": sent["master_key_id"], "belongs_to_type": "Group",
/// #     "encrypted_key": sent["encrypted_key"], "encrypted_file_name": sent["encrypted_file_name"],
/// #     "part_list": [{"part_id": "p1", "sequence": 1, "extern_storage": false}],
/// # }).to_string());
/// let found = file::done_get_file(&answer)?;
/// let file::FileKey::Wrapped(wrapped) = file::file_key(&found)? else { panic!("a file of 2022") };
/// let opened = file::open_file_key(&wrapped, group.key(&wrapped.master_key_id)?)?;
/// let name = found.encrypted_file_name.expect("it has one");
/// assert_eq!(file::decrypt_file_name(&opened.key, &name, None)?, "a.txt");
/// // Its owner gives it another name.
/// let name = file::encrypt_file_name(r, &key, "b.txt", Some(alice.signer()?))?;
/// assert!(file::decrypt_file_name(&key.key, &name, Some(alice.newest_key()?.verify_key())).is_ok());
/// assert!(file::prepare_file_name_update(r, &key, Some("b.txt"))?.contains("encrypted_file_name"));
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn prepare_register_file(
    rng: &mut dyn CryptoRng,
    wrapped_key: &str,
    key: &SymmetricKey,
    belongs_to: BelongsTo<'_>,
    file_name: Option<&str>,
    signer: Option<Signer<'_>>,
) -> Result<String> {
    let data = sym_key::read_sym_key(wrapped_key)?;
    let (belongs_to_type, belongs_to_id) = match belongs_to {
        BelongsTo::Nobody => (BelongsToType::None, None),
        BelongsTo::User(id) => (BelongsToType::User, Some(id.to_owned())),
        BelongsTo::Group(id) => (BelongsToType::Group, Some(id.to_owned())),
    };
    let encrypted_file_name = file_name.map(|name| encrypt_file_name(rng, key, name, signer)).transpose()?;
    Ok(wire::to_json(&FileRegisterInput {
        encrypted_key: Some(wrapped_key.to_owned()),
        encrypted_key_alg: Some(data.alg),
        master_key_id: Some(data.master_key_id),
        key_id: None,
        belongs_to_id,
        belongs_to_type,
        encrypted_file_name,
    }))
}

/// Reads the answer of a registration. Errors: `Server`, `ServerOutput`.
pub fn done_register_file(server_output: &str) -> Result<FileRegisterOutput> {
    wire::answer(server_output)
}

/// The body of `PUT /file/:file_id`. Errors: `Crypto`.
pub fn prepare_file_name_update(
    rng: &mut dyn CryptoRng,
    key: &SymmetricKey,
    file_name: Option<&str>,
) -> Result<String> {
    let encrypted_file_name = file_name.map(|name| encrypt_file_name(rng, key, name, None)).transpose()?;
    Ok(wire::to_json(&FileNameUpdateInput { encrypted_file_name }))
}

/// Reads the answer of `GET /file/:file_id`. Errors: `Server` (512, 521), `ServerOutput`.
pub fn done_get_file(server_output: &str) -> Result<FileData> {
    wire::answer(server_output)
}

/// Reads the answer of `GET /file/:file_id/part_fetch/:last_sequence`. A server of sentc says 512 where the list ends: no
/// more parts then. Errors: `Server`, `ServerOutput`.
///
/// ```
/// # use keystead_sdk_core::file::done_part_list;
/// let answer = r#"{"status":true,"result":[{"part_id":"p","sequence":501,"extern_storage":false}]}"#;
/// assert_eq!(done_part_list(answer)?[0].sequence, 501);
/// let end = r#"{"status":false,"err_code":512,"err_msg":"not found"}"#;
/// assert!(done_part_list(end)?.is_empty());
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn done_part_list(server_output: &str) -> Result<Vec<PartListItem>> {
    match wire::answer(server_output) {
        Err(SdkError::Server { code: 512, .. }) => Ok(Vec::new()),
        other => other,
    }
}

/// Reads the answer of `GET /file/session/:session_id`. Errors: `Server` (510), `ServerOutput`.
///
/// ```
/// # use keystead_sdk_core::file::done_file_session;
/// let answer = r#"{"status":true,"result":{"file_id":"f","finished":false,"missing":[2],"next":4,"expires":9}}"#;
/// assert_eq!(done_file_session(answer)?.missing, [2], "send this one again");
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn done_file_session(server_output: &str) -> Result<FileSessionOutput> {
    wire::answer(server_output)
}

/// Where the key of a file is. Errors: `KeyNotFound` for a file without one.
pub fn file_key(file: &FileData) -> Result<FileKey> {
    match (file.encrypted_key.as_str(), &file.key_id) {
        ("", Some(key_id)) if !key_id.is_empty() => Ok(FileKey::Registered(key_id.clone())),
        ("", _) => Err(SdkError::KeyNotFound),
        (text, _) => Ok(FileKey::Wrapped(sym_key::read_sym_key(text).unwrap_or_else(|_no_json| SymKeyData {
            key_id: NON_REGISTERED.to_owned(),
            master_key_id: file.master_key_id.clone(),
            encrypted_key_string: text.to_owned(),
            alg: sym::AES_GCM_256.to_owned(),
            time: 0,
        }))),
    }
}

/// Opens a file's key, whether the group key `master` itself wraps it or its public key.
/// Errors: `KeyNotFound` for another key than its `master_key_id` names; `Algorithm`, `Crypto`.
pub fn open_file_key(data: &SymKeyData, master: &GroupKey) -> Result<SymmetricKey> {
    if b64_decode(&data.encrypted_key_string)?.len() == WRAPPED {
        return sym_key::open_sym_key(data, master);
    }
    sym_key::open_sym_key_by_private_key(data, std::slice::from_ref(master))
}

/// Encrypts a file's name with its key: b64. Errors: `Crypto`.
pub fn encrypt_file_name(
    rng: &mut dyn CryptoRng,
    key: &SymmetricKey,
    name: &str,
    signer: Option<Signer<'_>>,
) -> Result<String> {
    content::encrypt_string(rng, key.into(), name, &EncryptOptions { aad: b"", signer })
}

/// Opens a file's name. Errors: as [`content::decrypt_string`].
pub fn decrypt_file_name(key: &SymKey, encrypted: &str, verify: Option<&VerifyKey>) -> Result<String> {
    content::decrypt_string(key, encrypted, &DecryptOptions { aad: b"", verify })
}
