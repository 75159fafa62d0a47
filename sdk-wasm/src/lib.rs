//! The flows of `keystead-sdk-core` for JavaScript: one thin function each, no logic.
//!
//! Errors are JS `Error`s: `name` is the status (`server_310`, `client_110`), `code` the number, `message` a sentence.
//! Objects hold keys inside the module's memory; call their `free()` when they are not needed any more.

mod content;
mod error;
mod file;
mod group;
mod login;
mod record;
mod trust;
mod user;

pub use content::{Key, Opening, Sealing, head, open_content, string_head};
pub use file::{NewFile, done_file_register, file_key, part_sign_key_id};
pub use group::Group;
pub use login::{Login, prepare_login};
pub use record::sealed_key_id;
pub use trust::{
    PublicKey, Trust, VerifyKey, group_key_signers, group_keys_page_signers, public_key_signer, verify_key_before,
};
pub use user::User;

use error::{JsResult, js};
use keystead_sdk_core::{Suite, jwt, rng, user as core};
use wasm_bindgen::prelude::*;

/// The body of `POST /register`: all keys of a new user.
#[wasm_bindgen(js_name = prepareRegister)]
pub fn prepare_register(identifier: &str, password: &str) -> JsResult<String> {
    js(core::prepare_register(&mut rng::os(), identifier, password))
}

/// Reads the answer of `POST /register`: the new user id.
#[wasm_bindgen(js_name = doneRegister)]
pub fn done_register(server_output: &str) -> JsResult<String> {
    js(core::done_register(server_output))
}

/// The body of `POST /exists`.
#[wasm_bindgen(js_name = prepareCheckUserIdentifier)]
pub fn prepare_check_user_identifier(identifier: &str) -> String {
    core::prepare_check_identifier(identifier)
}

/// Reads the answer of `POST /exists`: true when nobody uses the identifier.
#[wasm_bindgen(js_name = doneCheckUserIdentifier)]
pub fn done_check_user_identifier(server_output: &str) -> JsResult<bool> {
    js(core::done_check_identifier(server_output))
}

/// The body of `POST /user/prepare_register_device`.
#[wasm_bindgen(js_name = prepareRegisterDeviceStart)]
pub fn prepare_register_device_start(device_identifier: &str, password: &str) -> JsResult<String> {
    js(core::prepare_register_device_start(&mut rng::os(), Suite::HYBRID, device_identifier, password))
}

/// Checks the answer of `POST /user/prepare_register_device`; the text itself goes to the logged-in device.
#[wasm_bindgen(js_name = doneRegisterDeviceStart)]
pub fn done_register_device_start(server_output: &str) -> JsResult<()> {
    js(core::done_register_device_start(server_output).map(drop))
}

/// An identifier and a password that no person types in.
#[wasm_bindgen(js_name = generateRegisterData)]
pub fn generate_register_data() -> Vec<String> {
    let (identifier, password) = core::generate_user_register_data(&mut rng::os());
    vec![identifier, password]
}

/// The body of `POST /prepare_login`. The answer goes to [`Login`].
#[wasm_bindgen(js_name = prepareLoginStart)]
pub fn prepare_login_start(identifier: &str) -> String {
    core::prepare_login_start(identifier)
}

/// Checks an answer that carries nothing else.
#[wasm_bindgen(js_name = doneSuccess)]
pub fn done_success(server_output: &str) -> JsResult<()> {
    js(core::done_success(server_output))
}

/// The body of `PUT /refresh`.
#[wasm_bindgen(js_name = prepareRefresh)]
pub fn prepare_refresh(refresh_token: &str) -> String {
    core::prepare_refresh(refresh_token)
}

/// Reads the answer of `PUT /refresh`: the new JWT, after the check that it is this user's and this device's.
#[wasm_bindgen(js_name = doneRefresh)]
pub fn done_refresh(server_output: &str, user: &User) -> JsResult<String> {
    let out = js(core::done_refresh(server_output))?;
    if out.user_id != user.data.user_id() || out.device_id != user.data.device().device_id() {
        return Err(error::to_js(&keystead_sdk_core::SdkError::WrongId));
    }
    Ok(out.jwt)
}

/// True when a JWT expires within its margin; `now` in seconds since 1970.
#[wasm_bindgen(js_name = needsRefresh)]
pub fn needs_refresh(jwt: &str, now: f64) -> JsResult<bool> {
    #[expect(clippy::cast_possible_truncation, reason = "a saturating cast of a clock's value")]
    js(jwt::needs_refresh(jwt, now as i64))
}

/// The `otpauth://` address for an authenticator, from the answer of `PATCH /user/register_otp` or `/user/reset_otp`; the recovery
/// keys behind it.
#[wasm_bindgen(js_name = doneRegisterOtp)]
pub fn done_register_otp(server_output: &str, issuer: &str, audience: &str) -> JsResult<Vec<String>> {
    let otp = js(core::done_register_otp(server_output))?;
    let mut out = vec![core::otp_url(&otp, issuer, audience)];
    out.extend(otp.recover);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_functions_are_those_of_the_core() {
        let input = prepare_register("identifier", "password").expect("key generation works");
        assert!(input.starts_with(r#"{"device":{"master_key":"#));
        let out = r#"{"status":true,"result":{"user_id":"u","device_id":"d","device_identifier":"i"}}"#;
        assert_eq!(done_register(out).expect("a good answer"), "u");
        assert_eq!(prepare_login_start("alice"), prepare_check_user_identifier("alice"));
        assert_eq!(generate_register_data().len(), 2);
    }
}
