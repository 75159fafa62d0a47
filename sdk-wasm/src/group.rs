//! A logged-in user and his groups.

use keystead_sdk_core::content::{self, DecryptOptions, EncryptOptions};
use keystead_sdk_core::group::{self, CreateGroup, GroupData};
use keystead_sdk_core::rng;
use keystead_sdk_core::user::{self, UserData, VerifyKeys};
use wasm_bindgen::prelude::*;

use crate::error::{JsResult, js};

/// A logged-in user.
#[wasm_bindgen]
pub struct User {
    pub(crate) data: UserData,
}

#[wasm_bindgen]
impl User {
    /// User id.
    #[wasm_bindgen(getter, js_name = userId)]
    pub fn user_id(&self) -> String {
        self.data.user_id().to_owned()
    }

    /// The JWT.
    #[wasm_bindgen(getter)]
    pub fn jwt(&self) -> String {
        self.data.jwt().to_owned()
    }

    /// The refresh token.
    #[wasm_bindgen(getter, js_name = refreshToken)]
    pub fn refresh_token(&self) -> String {
        self.data.refresh_token().to_owned()
    }

    /// The body of `PUT /refresh`.
    #[wasm_bindgen(js_name = prepareRefresh)]
    pub fn prepare_refresh(&self) -> String {
        user::prepare_refresh(self.data.refresh_token())
    }

    /// Reads the answer of `PUT /refresh` and keeps the new JWT.
    #[wasm_bindgen(js_name = doneRefresh)]
    pub fn done_refresh(&mut self, server_output: &str) -> JsResult<()> {
        self.data.set_jwt(js(user::done_refresh(server_output))?.jwt);
        Ok(())
    }

    /// The body of `POST /group`.
    #[wasm_bindgen(js_name = prepareGroupCreate)]
    pub fn prepare_group_create(&self) -> JsResult<String> {
        js(group::prepare_create_group(&mut rng::os(), &self.data, CreateGroup::default()))
    }

    /// Reads the answer of `POST /group`: the new group's id.
    #[wasm_bindgen(js_name = doneGroupCreate)]
    pub fn done_group_create(&self, server_output: &str) -> JsResult<String> {
        js(group::done_create_group(server_output))
    }

    /// Reads the answer of `GET /group/:g`; the group keys this user signed are checked.
    #[wasm_bindgen(js_name = doneGetGroup)]
    pub fn done_get_group(&self, server_output: &str) -> JsResult<Group> {
        let mut own = VerifyKeys::new();
        js(own.pin_own(&self.data))?;
        Ok(Group { data: js(group::done_get_group(server_output, &self.data, &own))? })
    }
}

/// A group with its keys.
#[wasm_bindgen]
pub struct Group {
    data: GroupData,
}

#[wasm_bindgen]
impl Group {
    /// Group id.
    #[wasm_bindgen(getter, js_name = groupId)]
    pub fn group_id(&self) -> String {
        self.data.group_id.clone()
    }

    /// Encrypts text with the newest group key: b64.
    #[wasm_bindgen(js_name = encryptString)]
    pub fn encrypt_string(&self, text: &str) -> JsResult<String> {
        let key = js(self.data.newest_key())?.into();
        js(content::encrypt_string(&mut rng::os(), key, text, &EncryptOptions::default()))
    }

    /// Opens text that any member encrypted; a signature is not checked.
    #[wasm_bindgen(js_name = decryptString)]
    pub fn decrypt_string(&self, text: &str) -> JsResult<String> {
        let head = js(content::string_head(text))?;
        let key = js(self.data.key(&head.id))?.key();
        js(content::decrypt_string(key, text, &DecryptOptions::default()))
    }
}
