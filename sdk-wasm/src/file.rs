//! Files: registration, names, parts.

use keystead_sdk_core::crypto::encoding::{b64_decode, b64_encode};
use keystead_sdk_core::crypto::sign::{self, SignKey};
use keystead_sdk_core::crypto::sym::SymKey;
use keystead_sdk_core::file::{self, BelongsTo};
use keystead_sdk_core::group::Signer;
use keystead_sdk_core::sym_key::SymmetricKey;
use keystead_sdk_core::{SdkError, content, rng};
use wasm_bindgen::prelude::*;
use zeroize::Zeroizing;

use crate::content::Sealing;
use crate::error::{JsResult, js};
use crate::{Key, User, VerifyKey};

/// The key of a new file.
#[wasm_bindgen]
pub struct NewFile {
    pub(crate) wrapped: String,
    pub(crate) key: SymmetricKey,
}

#[wasm_bindgen]
impl NewFile {
    /// The key.
    #[wasm_bindgen(getter)]
    pub fn key(&self) -> Key {
        Key { key: self.key.clone() }
    }

    /// The wrapped key as JSON text.
    #[wasm_bindgen(getter)]
    pub fn wrapped(&self) -> String {
        self.wrapped.clone()
    }

    /// The body of `POST /group/:g/file` (with `group_id`) and `POST /file` (with the user who gets it, or with neither). The
    /// name is encrypted; `signer` signs it.
    #[wasm_bindgen(js_name = prepareRegister)]
    pub fn prepare_register(
        &self,
        group_id: Option<String>,
        user_id: Option<String>,
        name: Option<String>,
    ) -> JsResult<String> {
        let belongs_to = match (&group_id, &user_id) {
            (Some(id), _) => BelongsTo::Group(id),
            (None, Some(id)) => BelongsTo::User(id),
            (None, None) => BelongsTo::Nobody,
        };
        js(file::prepare_register_file(&mut rng::os(), &self.wrapped, &self.key, belongs_to, name.as_deref(), None))
    }

    /// As `prepareRegister`, with the name signed.
    #[wasm_bindgen(js_name = prepareRegisterSigned)]
    pub fn prepare_register_signed(
        &self,
        group_id: Option<String>,
        user_id: Option<String>,
        name: Option<String>,
        user: &User,
    ) -> JsResult<String> {
        let belongs_to = match (&group_id, &user_id) {
            (Some(id), _) => BelongsTo::Group(id),
            (None, Some(id)) => BelongsTo::User(id),
            (None, None) => BelongsTo::Nobody,
        };
        let signer = Some(js(user.data.signer())?);
        js(file::prepare_register_file(&mut rng::os(), &self.wrapped, &self.key, belongs_to, name.as_deref(), signer))
    }
}

/// Reads the answer of a registration: file id and session id.
#[wasm_bindgen(js_name = doneFileRegister)]
pub fn done_file_register(server_output: &str) -> JsResult<Vec<String>> {
    let out = js(file::done_register_file(server_output))?;
    Ok(vec![out.file_id, out.session_id])
}

/// Of an answer of `GET …/file/:f`: the wrapped key as JSON text, or the id of a registered one of 2022.
#[wasm_bindgen(js_name = fileKey)]
pub fn file_key(server_output: &str) -> JsResult<Vec<String>> {
    let data = js(file::done_get_file(server_output))?;
    Ok(match js(file::file_key(&data))? {
        file::FileKey::Wrapped(_) => vec![data.encrypted_key],
        file::FileKey::Registered(id) => vec![String::new(), id],
    })
}

/// Id of the verify key that a part's signature needs.
#[wasm_bindgen(js_name = partSignKeyId)]
pub fn part_sign_key_id(part: &[u8]) -> JsResult<Option<String>> {
    js(file::part_sign_key_id(part))
}

#[wasm_bindgen]
impl Key {
    /// The body of `PUT /file/:f`: another name.
    #[wasm_bindgen(js_name = prepareFileNameUpdate)]
    pub fn prepare_file_name_update(&self, name: Option<String>) -> JsResult<String> {
        js(file::prepare_file_name_update(&mut rng::os(), &self.key, name.as_deref()))
    }

    /// Opens a file's name; a signature is not checked.
    #[wasm_bindgen(js_name = decryptFileName)]
    pub fn decrypt_file_name(&self, encrypted: &str) -> JsResult<String> {
        js(file::decrypt_file_name(&self.key.key, encrypted, None))
    }

    /// Encrypts the next part of a file here; the whole part stands in the prefix.
    #[wasm_bindgen(js_name = encryptFilePart)]
    pub fn encrypt_file_part(&self, plain: &[u8]) -> JsResult<Sealing> {
        let (prefix, key) = js(file::encrypt_file_part(&mut rng::os(), &self.key.key, plain, None))?;
        Ok(Sealing { prefix, key: self.with(key) })
    }

    /// As `encryptFilePart`, signed by a user: `signer` is what [`User::signer`] gives.
    #[wasm_bindgen(js_name = encryptFilePartSigned)]
    pub fn encrypt_file_part_signed(&self, plain: &[u8], signer: Vec<String>) -> JsResult<Sealing> {
        let [user_id, key_id, alg, key] = fields(&signer)?;
        let key = js(sign_key(alg, key))?;
        let signer = Some(Signer { user_id, key_id, key: &key });
        let (prefix, key) = js(file::encrypt_file_part(&mut rng::os(), &self.key.key, plain, signer))?;
        Ok(Sealing { prefix, key: self.with(key) })
    }

    /// Opens a part of a file here; the plain bytes stand in the prefix. A signature is not checked.
    #[wasm_bindgen(js_name = decryptFilePart)]
    pub fn decrypt_file_part(&self, part: &[u8]) -> JsResult<Sealing> {
        let (plain, key) = js(file::decrypt_file_part(&self.key.key, part, None))?;
        Ok(Sealing { prefix: content::into_vec(plain), key: self.with(key) })
    }

    /// As `decryptFilePart`, and demands the signature of this key: `verify` is what [`VerifyKey::save`] gives.
    #[wasm_bindgen(js_name = decryptFilePartVerified)]
    pub fn decrypt_file_part_verified(&self, part: &[u8], verify: Vec<String>) -> JsResult<Sealing> {
        let [alg, key] = fields(&verify)?;
        let verify = js(sign::VerifyKey::from_wire(alg, key).map_err(SdkError::from))?;
        let (plain, key) = js(file::decrypt_file_part(&self.key.key, part, Some(&verify)))?;
        Ok(Sealing { prefix: content::into_vec(plain), key: self.with(key) })
    }

    /// The key before a part of a file, from its 32 bytes.
    #[wasm_bindgen(js_name = ofPart)]
    pub fn of_part(raw: &[u8]) -> JsResult<Key> {
        let key = js(SymKey::from_bytes(raw).map_err(SdkError::from))?;
        Ok(Key { key: SymmetricKey { id: String::new(), master_key_id: String::new(), key } })
    }
}

// A worker gets what signs and verifies as texts: objects of this module stay where they were made.

#[wasm_bindgen]
impl User {
    /// The newest sign key: user id, key id, algorithm, key (b64). Secret.
    pub fn signer(&self) -> JsResult<Vec<String>> {
        let Signer { user_id, key_id, key } = js(self.data.signer())?;
        Ok(vec![user_id.to_owned(), key_id.to_owned(), key.alg().to_owned(), b64_encode(&key.to_bytes())])
    }
}

#[wasm_bindgen]
impl VerifyKey {
    /// Algorithm and key in its wire text.
    pub fn save(&self) -> Vec<String> {
        vec![self.key.alg().to_owned(), self.key.to_wire()]
    }
}

fn fields<const N: usize>(saved: &[String]) -> JsResult<[&str; N]> {
    let fields: Vec<&str> = saved.iter().map(String::as_str).collect();
    js(fields.try_into().map_err(|_wrong_number| SdkError::Content))
}

fn sign_key(alg: &str, b64: &str) -> Result<SignKey, SdkError> {
    Ok(SignKey::from_bytes(alg, &Zeroizing::new(b64_decode(b64)?))?)
}
