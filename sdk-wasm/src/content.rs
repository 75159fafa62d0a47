//! Keys and what they encrypt.

use keystead_sdk_core::content::{self, ContentKey, DecryptOptions, EncryptOptions};
use keystead_sdk_core::crypto::sym::SymKey;
use keystead_sdk_core::group::GroupKey;
use keystead_sdk_core::sym_key::SymmetricKey;
use keystead_sdk_core::{bulk, rng};
use wasm_bindgen::prelude::*;

use crate::error::{JsResult, js};
use crate::{PublicKey, User, VerifyKey};

/// A symmetric key with its id: of a group, of a user, of a file, or one beside them.
#[wasm_bindgen]
#[derive(Clone)]
pub struct Key {
    pub(crate) key: SymmetricKey,
}

impl Key {
    pub(crate) fn of(key: &GroupKey) -> Self {
        let id = key.id().to_owned();
        Self { key: SymmetricKey { master_key_id: id.clone(), id, key: key.key().clone() } }
    }

    pub(crate) fn with(&self, key: SymKey) -> Self {
        Self { key: SymmetricKey { key, ..self.key.clone() } }
    }

    fn content_key(&self) -> ContentKey<'_> {
        (&self.key).into()
    }
}

#[wasm_bindgen]
impl Key {
    /// Key id, as it stands in the head of content.
    #[wasm_bindgen(getter)]
    pub fn id(&self) -> String {
        self.key.id.clone()
    }

    /// Id of the key that wraps it.
    #[wasm_bindgen(getter, js_name = masterKeyId)]
    pub fn master_key_id(&self) -> String {
        self.key.master_key_id.clone()
    }

    /// The 32 secret bytes, for `crypto.subtle.importKey`. Wipe them after use.
    pub fn raw(&self) -> Vec<u8> {
        self.key.key.as_bytes().to_vec()
    }

    /// Encrypts bytes, bound to `aad`.
    pub fn encrypt(&self, plain: &[u8], aad: &[u8]) -> JsResult<Vec<u8>> {
        js(content::encrypt(&mut rng::os(), self.content_key(), plain, &EncryptOptions { aad, signer: None }))
    }

    /// Encrypts bytes, signed by the user.
    #[wasm_bindgen(js_name = encryptSigned)]
    pub fn encrypt_signed(&self, plain: &[u8], aad: &[u8], user: &User) -> JsResult<Vec<u8>> {
        let signer = Some(js(user.data.signer())?);
        js(content::encrypt(&mut rng::os(), self.content_key(), plain, &EncryptOptions { aad, signer }))
    }

    /// Encrypts text to b64.
    #[wasm_bindgen(js_name = encryptString)]
    pub fn encrypt_string(&self, plain: &str, aad: &[u8]) -> JsResult<String> {
        js(content::encrypt_string(&mut rng::os(), self.content_key(), plain, &EncryptOptions { aad, signer: None }))
    }

    /// Encrypts text to b64, signed by the user.
    #[wasm_bindgen(js_name = encryptStringSigned)]
    pub fn encrypt_string_signed(&self, plain: &str, aad: &[u8], user: &User) -> JsResult<String> {
        let signer = Some(js(user.data.signer())?);
        js(content::encrypt_string(&mut rng::os(), self.content_key(), plain, &EncryptOptions { aad, signer }))
    }

    /// Opens bytes; a signature is not checked.
    pub fn decrypt(&self, sealed: &[u8], aad: &[u8]) -> JsResult<Vec<u8>> {
        Ok(content::into_vec(js(content::decrypt(&self.key.key, sealed, &DecryptOptions { aad, verify: None }))?))
    }

    /// Opens bytes and demands the signature of this verify key.
    #[wasm_bindgen(js_name = decryptVerified)]
    pub fn decrypt_verified(&self, sealed: &[u8], aad: &[u8], verify: &VerifyKey) -> JsResult<Vec<u8>> {
        let options = DecryptOptions { aad, verify: Some(&verify.key) };
        Ok(content::into_vec(js(content::decrypt(&self.key.key, sealed, &options))?))
    }

    /// Opens text; a signature is not checked.
    #[wasm_bindgen(js_name = decryptString)]
    pub fn decrypt_string(&self, sealed: &str, aad: &[u8]) -> JsResult<String> {
        js(content::decrypt_string(&self.key.key, sealed, &DecryptOptions { aad, verify: None }))
    }

    /// Opens text and demands the signature of this verify key.
    #[wasm_bindgen(js_name = decryptStringVerified)]
    pub fn decrypt_string_verified(&self, sealed: &str, aad: &[u8], verify: &VerifyKey) -> JsResult<String> {
        js(content::decrypt_string(&self.key.key, sealed, &DecryptOptions { aad, verify: Some(&verify.key) }))
    }

    /// For WebCrypto: what stands before the ciphertext of a content; the last twelve bytes are the nonce.
    #[wasm_bindgen(js_name = sealContent)]
    pub fn seal_content(&self) -> Vec<u8> {
        bulk::seal_content(&mut rng::os(), &self.key.id)
    }

    /// For WebCrypto: what stands before the ciphertext of the next part of a file, and its key.
    #[wasm_bindgen(js_name = sealFilePart)]
    pub fn seal_file_part(&self) -> JsResult<Sealing> {
        let (prefix, key) = js(bulk::seal_file_part(&mut rng::os(), &self.key.key))?;
        Ok(Sealing { prefix, key: self.with(key) })
    }

    /// For WebCrypto: the key of a part of a file, and where its nonce begins. The beginning of the part is enough.
    #[wasm_bindgen(js_name = openFilePart)]
    pub fn open_file_part(&self, part: &[u8]) -> JsResult<Opening> {
        let (key, nonce) = js(bulk::open_file_part(&self.key.key, part))?;
        Ok(Opening { nonce, key: self.with(key) })
    }
}

/// A part of a file that others encrypt.
#[wasm_bindgen]
pub struct Sealing {
    pub(crate) prefix: Vec<u8>,
    pub(crate) key: Key,
}

#[wasm_bindgen]
impl Sealing {
    /// What stands before the ciphertext (or, from `encryptFilePart`, the whole part).
    #[wasm_bindgen(js_name = takePrefix)]
    pub fn take_prefix(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.prefix)
    }

    /// The key of this part, which stands before the next one.
    #[wasm_bindgen(getter)]
    pub fn key(&self) -> Key {
        self.key.clone()
    }
}

/// A part of a file that others open.
#[wasm_bindgen]
pub struct Opening {
    nonce: usize,
    key: Key,
}

#[wasm_bindgen]
impl Opening {
    /// Offset of the nonce.
    #[wasm_bindgen(getter)]
    pub fn nonce(&self) -> usize {
        self.nonce
    }

    /// The key of this part.
    #[wasm_bindgen(getter)]
    pub fn key(&self) -> Key {
        self.key.clone()
    }
}

/// For WebCrypto: offset of the nonce in a content; ciphertext and tag follow it.
#[wasm_bindgen(js_name = openContent)]
pub fn open_content(sealed: &[u8]) -> JsResult<usize> {
    Ok(js(bulk::open_content(sealed))?.nonce)
}

/// Which keys a content needs: key id, and the signer's verify key id when it is signed.
#[wasm_bindgen]
pub fn head(sealed: &[u8]) -> JsResult<Vec<String>> {
    Ok(ids(js(content::head(sealed))?))
}

/// As `head`, of the string form.
#[wasm_bindgen(js_name = stringHead)]
pub fn string_head(sealed: &str) -> JsResult<Vec<String>> {
    Ok(ids(js(content::string_head(sealed))?))
}

fn ids(head: content::Head) -> Vec<String> {
    let mut ids = vec![head.id];
    ids.extend(head.sign.map(|sign| sign.id));
    ids
}

#[wasm_bindgen]
impl PublicKey {
    /// Encrypts bytes for the holder of this key.
    pub fn encrypt(&self, plain: &[u8]) -> JsResult<Vec<u8>> {
        js(content::encrypt_asymmetric(&mut rng::os(), &self.key, plain, None))
    }

    /// As `encrypt`, signed by the user.
    #[wasm_bindgen(js_name = encryptSigned)]
    pub fn encrypt_signed(&self, plain: &[u8], user: &User) -> JsResult<Vec<u8>> {
        js(content::encrypt_asymmetric(&mut rng::os(), &self.key, plain, Some(js(user.data.signer())?)))
    }

    /// Encrypts text for the holder of this key: b64.
    #[wasm_bindgen(js_name = encryptString)]
    pub fn encrypt_string(&self, plain: &str) -> JsResult<String> {
        js(content::encrypt_string_asymmetric(&mut rng::os(), &self.key, plain, None))
    }

    /// As `encryptString`, signed by the user.
    #[wasm_bindgen(js_name = encryptStringSigned)]
    pub fn encrypt_string_signed(&self, plain: &str, user: &User) -> JsResult<String> {
        js(content::encrypt_string_asymmetric(&mut rng::os(), &self.key, plain, Some(js(user.data.signer())?)))
    }
}
