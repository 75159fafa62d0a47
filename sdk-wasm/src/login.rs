//! A login, step by step.

use keystead_sdk_core::SdkError;
use keystead_sdk_core::user::{self, DirectLogin, LoginStart, LoginStep};
use wasm_bindgen::prelude::*;

use crate::User;
use crate::error::{JsResult, js, to_js};

/// A begun login. `new Login(identifier, password, answerOfPrepareLogin)` derives the keys of the password.
#[wasm_bindgen]
pub struct Login {
    input: String,
    start: LoginStart,
    direct: Option<DirectLogin>,
}

#[wasm_bindgen]
impl Login {
    /// Takes the answer of `POST /prepare_login`.
    #[wasm_bindgen(constructor)]
    pub fn new(identifier: &str, password: &str, server_output: &str) -> JsResult<Login> {
        let (input, start) = js(user::prepare_login(identifier, password, server_output))?;
        Ok(Self { input, start, direct: None })
    }

    /// The body of `POST /done_login`.
    #[wasm_bindgen(getter)]
    pub fn input(&self) -> String {
        self.input.clone()
    }

    /// Reads the answer of `POST /done_login`. True: go on with [`prepare_verify`](Self::prepare_verify). False: a second
    /// factor is wanted ([`prepare_validate_mfa`](Self::prepare_validate_mfa)).
    #[wasm_bindgen(js_name = doneLogin)]
    pub fn done_login(&mut self, server_output: &str) -> JsResult<bool> {
        match js(user::done_login(&self.start, server_output))? {
            LoginStep::Direct(direct) => self.direct = Some(*direct),
            LoginStep::Otp => return Ok(false),
            // The protocol of 2022 is not for this shell.
            LoginStep::Done(_) => return Err(to_js(&SdkError::ServerOutput)),
        }
        Ok(true)
    }

    /// The body of `POST /validate_mfa` (six digits) and `POST /validate_recovery_otp` (a recovery key).
    #[wasm_bindgen(js_name = prepareValidateMfa)]
    pub fn prepare_validate_mfa(&self, token: &str) -> String {
        user::prepare_validate_mfa(&self.start, token)
    }

    /// Reads the answer of the second factor.
    #[wasm_bindgen(js_name = doneValidateMfa)]
    pub fn done_validate_mfa(&mut self, server_output: &str) -> JsResult<()> {
        self.direct = Some(js(user::done_validate_mfa(&self.start, server_output))?);
        Ok(())
    }

    /// The body of `POST /verify_login`.
    #[wasm_bindgen(js_name = prepareVerify)]
    pub fn prepare_verify(&self) -> JsResult<String> {
        let direct = js(self.direct.as_ref().ok_or(SdkError::Input))?;
        Ok(user::prepare_verify_login(&self.start, direct))
    }

    /// Reads the answer of `POST /verify_login`. The login is used up.
    #[wasm_bindgen(js_name = doneVerify)]
    pub fn done_verify(mut self, server_output: &str) -> JsResult<User> {
        let direct = js(self.direct.take().ok_or(SdkError::Input))?;
        Ok(User { data: js(user::done_verify_login(direct, server_output))? })
    }
}
