//! The flows of `keystead-sdk-core` for JavaScript: one thin function each, no logic.
//!
//! Errors are JS `Error`s: `name` is the status (`server_310`, `client_110`), `code` the number, `message` a sentence.
//! Objects hold keys inside the module's memory; call their `free()` when they are not needed any more.

mod error;
mod group;
mod login;

pub use group::{Group, User};
pub use login::Login;

use error::{JsResult, js};
use keystead_sdk_core::{Suite, rng, user};
use wasm_bindgen::prelude::*;

/// The body of `POST /register`: all keys of a new user.
#[wasm_bindgen(js_name = prepareRegister)]
pub fn prepare_register(identifier: &str, password: &str) -> JsResult<String> {
    js(user::prepare_register(&mut rng::os(), identifier, password))
}

/// Reads the answer of `POST /register`: the new user id.
#[wasm_bindgen(js_name = doneRegister)]
pub fn done_register(server_output: &str) -> JsResult<String> {
    js(user::done_register(server_output))
}

/// The body of `POST /exists`.
#[wasm_bindgen(js_name = prepareCheckUserIdentifier)]
pub fn prepare_check_user_identifier(identifier: &str) -> String {
    user::prepare_check_identifier(identifier)
}

/// Reads the answer of `POST /exists`: true when nobody uses the identifier.
#[wasm_bindgen(js_name = doneCheckUserIdentifier)]
pub fn done_check_user_identifier(server_output: &str) -> JsResult<bool> {
    js(user::done_check_identifier(server_output))
}

/// The body of `POST /user/prepare_register_device`.
#[wasm_bindgen(js_name = prepareRegisterDeviceStart)]
pub fn prepare_register_device_start(device_identifier: &str, password: &str) -> JsResult<String> {
    js(user::prepare_register_device_start(&mut rng::os(), Suite::HYBRID, device_identifier, password))
}

/// Checks the answer of `POST /user/prepare_register_device`; the text itself goes to the logged-in device.
#[wasm_bindgen(js_name = doneRegisterDeviceStart)]
pub fn done_register_device_start(server_output: &str) -> JsResult<()> {
    js(user::done_register_device_start(server_output).map(|_output| ()))
}

/// An identifier and a password that no person types in.
#[wasm_bindgen(js_name = generateRegisterData)]
pub fn generate_register_data() -> Vec<String> {
    let (identifier, password) = user::generate_user_register_data(&mut rng::os());
    vec![identifier, password]
}

/// The body of `POST /prepare_login`. The answer goes to [`Login`].
#[wasm_bindgen(js_name = prepareLoginStart)]
pub fn prepare_login_start(identifier: &str) -> String {
    user::prepare_login_start(identifier)
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
