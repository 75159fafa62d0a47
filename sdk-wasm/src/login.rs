//! A login, step by step.

use keystead_sdk_core::user::{self, DirectLogin, LoginStart, LoginStep};
use keystead_sdk_core::{Policy, SdkError, rng};
use wasm_bindgen::prelude::*;

use crate::error::{JsResult, js, to_js};
use crate::{Trust, User};

/// Derives the keys of a password (one Argon2id) with the answer of `POST /prepare_login`: the body of `POST /done_login`, and
/// the begun login for [`Login`]. Two texts, so that a worker may do it.
#[wasm_bindgen(js_name = prepareLogin)]
pub fn prepare_login(identifier: &str, password: &str, server_output: &str) -> JsResult<Vec<String>> {
    let (body, start) = js(user::prepare_login(identifier, password, server_output))?;
    Ok(vec![body, user::save_login_start(&start).to_string()])
}

/// A begun login.
#[wasm_bindgen]
pub struct Login {
    start: LoginStart,
    direct: Option<DirectLogin>,
}

#[wasm_bindgen]
impl Login {
    /// Takes the second text of `prepareLogin`.
    #[wasm_bindgen(constructor)]
    pub fn new(start: &str) -> JsResult<Login> {
        Ok(Self { start: js(user::restore_login_start(start, Policy::default()))?, direct: None })
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

    /// The body of `POST /verify_login`. No challenge is answered twice.
    #[wasm_bindgen(js_name = prepareVerify)]
    pub fn prepare_verify(&self, trust: &mut Trust) -> JsResult<String> {
        let direct = self.direct()?;
        js(trust.challenges.answer(direct))?;
        Ok(user::prepare_verify_login(&self.start, direct))
    }

    /// The body of `PUT /user/update_pw`, from a login with the old password.
    #[wasm_bindgen(js_name = prepareChangePassword)]
    pub fn prepare_change_password(&self, new_password: &str, refresh_token: &str) -> JsResult<String> {
        js(user::prepare_change_password(
            &mut rng::os(),
            &self.start,
            self.direct()?,
            new_password,
            Some(refresh_token),
        ))
    }

    /// Reads the answer of `POST /verify_login`. The login is used up.
    #[wasm_bindgen(js_name = doneVerify)]
    pub fn done_verify(mut self, server_output: &str) -> JsResult<User> {
        let direct = js(self.direct.take().ok_or(SdkError::Input))?;
        Ok(User { data: js(user::done_verify_login(direct, server_output))? })
    }

    fn direct(&self) -> JsResult<&DirectLogin> {
        js(self.direct.as_ref().ok_or(SdkError::Input))
    }
}
