//! A logged-in user.

use keystead_sdk_core::content;
use keystead_sdk_core::group::{self, CreateGroup, PageCursor, PrivateKeys};
use keystead_sdk_core::user::{self, UserData};
use keystead_sdk_core::{Policy, SdkError, rng, sym_key};
use wasm_bindgen::prelude::*;

use crate::error::{JsResult, js};
use crate::file::NewFile;
use crate::{Group, Key, PublicKey, Trust, VerifyKey};

/// A logged-in user.
#[wasm_bindgen]
pub struct User {
    pub(crate) data: UserData,
}

/// The rest of a path to the next page.
pub(crate) fn path(cursor: Option<PageCursor>) -> Option<String> {
    cursor.map(|at| format!("{}/{}", at.time, at.id))
}

#[wasm_bindgen]
impl User {
    /// The user as text, with all his keys and tokens. Secret.
    pub fn save(&self) -> String {
        user::save_user(&self.data).to_string()
    }

    /// Reads what [`save`](Self::save) gave.
    pub fn restore(text: &str) -> JsResult<User> {
        Ok(Self { data: js(user::restore_user(text, Policy::default()))? })
    }

    /// User id.
    #[wasm_bindgen(getter, js_name = userId)]
    pub fn user_id(&self) -> String {
        self.data.user_id().to_owned()
    }

    /// Device id.
    #[wasm_bindgen(getter, js_name = deviceId)]
    pub fn device_id(&self) -> String {
        self.data.device().device_id().to_owned()
    }

    /// The JWT.
    #[wasm_bindgen(getter)]
    pub fn jwt(&self) -> String {
        self.data.jwt().to_owned()
    }

    /// Puts a refreshed JWT in place.
    #[wasm_bindgen(setter)]
    pub fn set_jwt(&mut self, jwt: String) {
        self.data.set_jwt(jwt);
    }

    /// The refresh token.
    #[wasm_bindgen(getter, js_name = refreshToken)]
    pub fn refresh_token(&self) -> String {
        self.data.refresh_token().to_owned()
    }

    /// The rest of the path to the next page of `GET /user/user_keys/keys/…`.
    #[wasm_bindgen(js_name = nextKeys)]
    pub fn next_keys(&self) -> Option<String> {
        let keys: Vec<_> = self.data.keys().iter().map(|k| k.group_key().clone()).collect();
        path(group::next_page(&keys))
    }

    /// Adds a page of user keys; the rest of the path to the page after it.
    #[wasm_bindgen(js_name = addKeys)]
    pub fn add_keys(&mut self, server_output: &str) -> JsResult<Option<String>> {
        let page = js(user::done_fetch_user_keys(server_output, self.data.device()))?;
        let keys: Vec<_> = page.iter().map(|k| k.group_key().clone()).collect();
        js(self.data.add_keys(page))?;
        Ok(path(group::next_page(&keys)))
    }

    /// True when the private key with this id is at hand.
    #[wasm_bindgen(js_name = hasKey)]
    pub fn has_key(&self, key_id: &str) -> bool {
        self.data.private_key(key_id).is_some()
    }

    /// The newest user key.
    #[wasm_bindgen(js_name = newestKey)]
    pub fn newest_key(&self) -> JsResult<Key> {
        Ok(Key::of(js(self.data.newest_key())?.group_key()))
    }

    /// The user key with this id.
    pub fn key(&self, key_id: &str) -> JsResult<Key> {
        Ok(Key::of(js(self.data.key(key_id))?.group_key()))
    }

    /// The own newest verify key.
    #[wasm_bindgen(js_name = verifyKey)]
    pub fn verify_key(&self) -> JsResult<VerifyKey> {
        Ok(VerifyKey { key: js(self.data.newest_key())?.verify_key().clone() })
    }

    /// Opens text that was encrypted for one of the user's public keys.
    #[wasm_bindgen(js_name = decryptString)]
    pub fn decrypt_string(&self, sealed: &str) -> JsResult<String> {
        let id = js(content::string_head(sealed))?.id;
        let secret = js(self.data.private_key(&id).ok_or(SdkError::KeyNotFound))?;
        js(content::decrypt_string_asymmetric(secret, sealed, None))
    }

    /// As `decryptString`, and demands a signature.
    #[wasm_bindgen(js_name = decryptStringVerified)]
    pub fn decrypt_string_verified(&self, sealed: &str, verify: &VerifyKey) -> JsResult<String> {
        let id = js(content::string_head(sealed))?.id;
        let secret = js(self.data.private_key(&id).ok_or(SdkError::KeyNotFound))?;
        js(content::decrypt_string_asymmetric(secret, sealed, Some(&verify.key)))
    }

    /// Opens bytes that were encrypted for one of the user's public keys.
    pub fn decrypt(&self, sealed: &[u8]) -> JsResult<Vec<u8>> {
        let secret = js(self.data.private_key(&js(content::head(sealed))?.id).ok_or(SdkError::KeyNotFound))?;
        Ok(content::into_vec(js(content::decrypt_asymmetric(secret, sealed, None))?))
    }

    /// As `decrypt`, and demands a signature.
    #[wasm_bindgen(js_name = decryptVerified)]
    pub fn decrypt_verified(&self, sealed: &[u8], verify: &VerifyKey) -> JsResult<Vec<u8>> {
        let secret = js(self.data.private_key(&js(content::head(sealed))?.id).ok_or(SdkError::KeyNotFound))?;
        Ok(content::into_vec(js(content::decrypt_asymmetric(secret, sealed, Some(&verify.key)))?))
    }

    /// The body of `POST /group`.
    #[wasm_bindgen(js_name = prepareGroupCreate)]
    pub fn prepare_group_create(&self) -> JsResult<String> {
        js(group::prepare_create_group(&mut rng::os(), &self.data, CreateGroup::default()))
    }

    /// Reads the answer of `POST /group`: the new group's id.
    #[wasm_bindgen(js_name = doneGroupCreate)]
    pub fn done_group_create(server_output: &str) -> JsResult<String> {
        js(group::done_create_group(server_output))
    }

    /// Reads the answer of `GET /group/:g`; the signers must be pinned.
    #[wasm_bindgen(js_name = doneGetGroup)]
    pub fn done_get_group(&self, server_output: &str, group_id: &str, trust: &Trust) -> JsResult<Group> {
        let data = js(group::done_get_group(server_output, &self.data, &trust.pins))?;
        Ok(Group { data: js(data.expect_id(group_id))? })
    }

    /// On the logged-in device: the bodies that let a new device in. The first goes to `PUT /user/done_register_device`, the
    /// others into its session.
    #[wasm_bindgen(js_name = prepareRegisterDevice)]
    pub fn prepare_register_device(&self, server_output: &str) -> JsResult<Vec<String>> {
        let pages = js(user::prepare_register_device(&mut rng::os(), server_output, &self.data))?;
        let mut out = vec![pages.first];
        out.extend(pages.further);
        Ok(out)
    }

    /// The body of `PUT /user/reset_pw`.
    #[wasm_bindgen(js_name = prepareResetPassword)]
    pub fn prepare_reset_password(&self, new_password: &str) -> JsResult<String> {
        let token = Some(self.data.refresh_token());
        js(user::prepare_reset_password(&mut rng::os(), new_password, self.data.device(), token))
    }

    /// The body of `PUT /user`.
    #[wasm_bindgen(js_name = prepareUserIdentifierUpdate)]
    pub fn prepare_user_identifier_update(identifier: &str) -> String {
        user::prepare_user_identifier_update(identifier)
    }

    /// The body of `POST /user/user_keys/rotation`.
    #[wasm_bindgen(js_name = prepareKeyRotation)]
    pub fn prepare_key_rotation(&self) -> JsResult<String> {
        js(user::prepare_user_key_rotation(&mut rng::os(), &self.data))
    }

    /// Of the answer of `GET /user/user_keys/rotation`: new key id and body, key id and body …; what needs a key that is not
    /// there is left out.
    #[wasm_bindgen(js_name = doneKeyRotation)]
    pub fn done_key_rotation(&self, server_output: &str) -> JsResult<Vec<String>> {
        let mut out = Vec::new();
        for item in js(group::get_done_key_rotation_server_input(server_output))?.iter().filter(|i| i.error.is_none()) {
            match user::done_user_key_rotation(&mut rng::os(), item, &self.data) {
                Err(SdkError::KeyNotFound) => {}
                body => out.extend([item.new_group_key_id.clone(), js(body)?]),
            }
        }
        Ok(out)
    }

    /// A new file of this user's own.
    #[wasm_bindgen(js_name = newFile)]
    pub fn new_file(&self) -> JsResult<NewFile> {
        let (wrapped, key) =
            js(sym_key::make_non_registered_sym_key(&mut rng::os(), js(self.data.newest_key())?.group_key()))?;
        Ok(NewFile { wrapped, key })
    }

    /// A new file for another user, who alone can open it.
    #[wasm_bindgen(js_name = newFileFor)]
    pub fn new_file_for(&self, to: &PublicKey) -> JsResult<NewFile> {
        let (wrapped, key) = js(sym_key::make_non_registered_sym_key_by_public_key(&mut rng::os(), &to.key))?;
        Ok(NewFile { wrapped, key })
    }

    /// Opens the JSON text of a wrapped key with one of the user's keys.
    #[wasm_bindgen(js_name = openKey)]
    pub fn open_key(&self, json: &str) -> JsResult<Key> {
        let data = js(sym_key::read_sym_key(json))?;
        let own = js(self.data.key(&data.master_key_id))?.group_key();
        // What was wrapped for the public key is longer; the master key id is the same.
        let key =
            sym_key::open_sym_key(&data, own).or_else(|_| sym_key::open_sym_key_by_private_key(&data, &self.data));
        Ok(Key { key: js(key)? })
    }
}
