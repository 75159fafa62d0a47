//! What a client has seen of others: their verify keys, and the challenges it answered.

use keystead_sdk_core::crypto::sign;
use keystead_sdk_core::user::{self, Challenges, UserPublicKey, VerifyKeys};
use keystead_sdk_core::{SdkError, group};
use wasm_bindgen::prelude::*;

use crate::error::{JsResult, js};
use crate::{Group, User};

/// Verify keys pinned on first use. One per app.
#[wasm_bindgen]
#[derive(Default)]
pub struct Trust {
    pub(crate) pins: VerifyKeys,
    pub(crate) challenges: Challenges,
}

#[wasm_bindgen]
impl Trust {
    /// Nothing seen yet.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// What was seen, as JSON text.
    pub fn export(&self) -> String {
        self.pins.export()
    }

    /// Puts stored pins in place.
    pub fn import(&mut self, json: &str) -> JsResult<()> {
        self.pins = js(VerifyKeys::import(json))?;
        Ok(())
    }

    /// True when this verify key is pinned.
    pub fn knows(&self, user_id: &str, key_id: &str) -> bool {
        self.pins.get(user_id, key_id).is_some()
    }

    /// True when no key of the user was seen.
    #[wasm_bindgen(js_name = isStranger)]
    pub fn is_stranger(&self, user_id: &str) -> bool {
        self.pins.newest(user_id).is_none()
    }

    /// Pins answers of `GET /user/:u/verify_key/:k`, each the successor of the one before; all or none.
    #[wasm_bindgen(js_name = pinChain)]
    pub fn pin_chain(&mut self, user_id: &str, server_outputs: Vec<String>) -> JsResult<()> {
        let mut after = self.pins.clone();
        for out in &server_outputs {
            let data = js(user::done_fetch_verify_key(out))?;
            let proof = js(user::done_fetch_verify_key_proof(out))?;
            js(after.pin_proven(user_id, &data, proof.as_ref()))?;
        }
        self.pins = after;
        Ok(())
    }

    /// Believes the verify key of an answer although no known key vouches for it: the people have compared safety numbers.
    pub fn accept(&mut self, user_id: &str, server_output: &str) -> JsResult<()> {
        js(self.pins.accept(user_id, &js(user::done_fetch_verify_key(server_output))?))
    }

    /// Forgets all keys of a user.
    pub fn forget(&mut self, user_id: &str) {
        self.pins.forget(user_id);
    }

    /// The own keys, after login and after each reload.
    #[wasm_bindgen(js_name = pinOwn)]
    pub fn pin_own(&mut self, user: &User) -> JsResult<()> {
        js(self.pins.pin_own(&user.data))
    }

    /// Holds a group's keys, all pages, against those of earlier times.
    #[wasm_bindgen(js_name = checkGroup)]
    pub fn check_group(&mut self, own_user_id: &str, group: &Group) -> JsResult<()> {
        js(self.pins.check_group(own_user_id, &group.data))
    }

    /// Reads the answer of `GET /user/:u/public_key`; the verify key that it names must be pinned.
    #[wasm_bindgen(js_name = checkPublicKey)]
    pub fn check_public_key(&mut self, user_id: &str, server_output: &str) -> JsResult<PublicKey> {
        let key = js(user::done_fetch_public_key(server_output))?;
        Ok(PublicKey { key: js(self.pins.check_public_key(user_id, key))? })
    }

    /// Reads the answer of `GET /group/:g/public_key`.
    #[wasm_bindgen(js_name = checkGroupPublicKey)]
    pub fn check_group_public_key(&self, group_id: &str, server_output: &str) -> JsResult<PublicKey> {
        let key = js(user::done_fetch_public_key(server_output))?;
        Ok(PublicKey { key: js(self.pins.check_group_public_key(group_id, key))? })
    }

    /// A pinned verify key.
    #[wasm_bindgen(js_name = verifyKey)]
    pub fn verify_key(&self, user_id: &str, key_id: &str) -> JsResult<VerifyKey> {
        let key = js(self.pins.get(user_id, key_id).ok_or(SdkError::KeyNotFound))?;
        Ok(VerifyKey { key: key.clone() })
    }
}

/// Id of the verify key that signed the public key in an answer of `GET /user/:u/public_key`.
#[wasm_bindgen(js_name = publicKeySigner)]
pub fn public_key_signer(server_output: &str) -> JsResult<Option<String>> {
    Ok(js(user::done_fetch_public_key(server_output))?.sig_key_id().map(str::to_owned))
}

/// Id of the older key that vouches for the one in an answer of `GET /user/:u/verify_key/:k`, which must be `key_id`.
#[wasm_bindgen(js_name = verifyKeyBefore)]
pub fn verify_key_before(server_output: &str, key_id: &str) -> JsResult<Option<String>> {
    if js(user::done_fetch_verify_key(server_output))?.verify_key_id != key_id {
        return Err(crate::error::to_js(&SdkError::WrongId));
    }
    Ok(js(user::done_fetch_verify_key_proof(server_output))?.map(|proof| proof.signed_by_key_id))
}

/// Who signed the keys in an answer of `GET /group/:g`: user id, key id, user id, key id …
#[wasm_bindgen(js_name = groupKeySigners)]
pub fn group_key_signers(server_output: &str) -> JsResult<Vec<String>> {
    Ok(flat(js(group::group_key_signers(server_output))?))
}

/// As `groupKeySigners`, for a page of keys.
#[wasm_bindgen(js_name = groupKeysPageSigners)]
pub fn group_keys_page_signers(server_output: &str) -> JsResult<Vec<String>> {
    Ok(flat(js(group::group_keys_page_signers(server_output))?))
}

fn flat(pairs: Vec<(String, String)>) -> Vec<String> {
    pairs.into_iter().flat_map(|(user_id, key_id)| [user_id, key_id]).collect()
}

/// A checked public key of a user or group.
#[wasm_bindgen]
pub struct PublicKey {
    pub(crate) key: UserPublicKey,
}

#[wasm_bindgen]
impl PublicKey {
    /// Key id.
    #[wasm_bindgen(getter)]
    pub fn id(&self) -> String {
        self.key.id().to_owned()
    }

    /// True when a signature was checked.
    #[wasm_bindgen(getter)]
    pub fn verified(&self) -> bool {
        self.key.verified()
    }
}

/// A pinned verify key.
#[wasm_bindgen]
pub struct VerifyKey {
    pub(crate) key: sign::VerifyKey,
}

#[wasm_bindgen]
impl VerifyKey {
    /// The safety number that both users see: of this user's key and id, and the other's.
    #[wasm_bindgen(js_name = safetyNumber)]
    pub fn safety_number(&self, user_id: &str, other: &VerifyKey, other_user_id: &str) -> String {
        user::create_safety_number((&self.key, user_id), Some((&other.key, other_user_id)))
    }
}
