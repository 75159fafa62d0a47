//! Further devices, other passwords and second factors of the wire's users.

use keystead_crypto::encoding::b64_encode;
use keystead_crypto::hash;
use keystead_protocol::devices::{OtpRegister, RegisterDeviceOutput};
use keystead_protocol::keys::{DoneLoginOutput, RegisterOutput, UserDeviceRegisterInput};
use keystead_sdk_core::Suite;
use serde_json::{Value, json};
use totp_rs::{Algorithm, Builder, Secret};

use crate::raw::{Answer, Call};
use crate::server::{TestApp, TestServer};
use crate::users::{Session, Template};
use crate::{bodies, tokens};

impl Template {
    /// A device under an identifier of the caller's choice, with the template's keys and password.
    #[must_use]
    pub fn device(&self, identifier: &str) -> UserDeviceRegisterInput {
        self.register(identifier).device
    }

    /// Body of `update_pw` from the template's password to another one (see [`auth_key`]).
    #[must_use]
    pub fn change_password(&self, to: &str) -> Value {
        let device = self.device("");
        json!({
            "new_derived_alg": device.derived.derived_alg,
            "new_client_random_value": device.derived.client_random_value,
            "new_hashed_authentication_key": hashed_auth_key(to),
            "new_encrypted_master_key": device.master_key.encrypted_master_key,
            "new_encrypted_master_key_alg": device.master_key.encrypted_master_key_alg,
            "old_auth_key": self.login_start().auth_key().to_b64(),
        })
    }

    /// Body of `reset_pw` to another password (see [`auth_key`]).
    #[must_use]
    pub fn reset_password(&self, to: &str) -> Value {
        let device = self.device("");
        json!({
            "client_random_value": device.derived.client_random_value,
            "hashed_authentication_key": hashed_auth_key(to),
            "master_key": device.master_key,
            "derived_alg": device.derived.derived_alg,
            "encrypted_private_key": device.derived.encrypted_private_key,
            "encrypted_sign_key": device.derived.encrypted_sign_key,
        })
    }
}

/// The authentication key (b64) of a password that nobody derives: what the tests change passwords to.
#[must_use]
pub fn auth_key(password: &str) -> String {
    b64_encode(&hash::sha256(password.as_bytes()))
}

fn hashed_auth_key(password: &str) -> String {
    let hash = hash::sha256(&hash::sha256(password.as_bytes()));
    b64_encode(hash.first_chunk::<16>().expect("32 bytes"))
}

/// The six digits of a secret at a time, seconds since 1970.
///
/// # Panics
/// When it is no secret.
#[must_use]
pub fn code_at(secret: &str, time_s: i64) -> String {
    let secret = Secret::try_from_base32(secret).expect("base32");
    let builder = Builder::new().with_algorithm(Algorithm::SHA256).with_secret(secret);
    builder.build().expect("long enough").generate(u64::try_from(time_s).expect("after 1970")).to_string()
}

impl TestServer {
    /// A light user of the app `lax`.
    pub async fn register_light(&self, identifier: &str) -> RegisterOutput {
        let body = Template::of(Suite::CLASSIC).device(identifier);
        self.post("/register_light").token(&self.lax.secret).json(&body).ok_as().await
    }

    /// A light user's session, or any user's by the light login: `key_id` is empty.
    pub async fn light_login(&self, app: &TestApp, identifier: &str) -> Session {
        let done = self.done_login(app, Suite::CLASSIC, identifier).await.text();
        let body = Template::of(Suite::CLASSIC).verify_login(identifier, &done);
        light_session(identifier, &self.post("/verify_login_light").token(&app.public).json(&body).ok().await)
    }

    /// The first half of a new device.
    pub async fn prepare_device(&self, suite: Suite, identifier: &str) -> RegisterDeviceOutput {
        let body = Template::of(suite).device(identifier);
        self.post("/user/prepare_register_device").json(&body).ok_as().await
    }

    /// The second half, by a logged-in device.
    pub fn let_in(&self, by: &Session, new: &RegisterDeviceOutput) -> Call {
        let keys = bodies::new_member(&[&by.key_id], by, None);
        let body = json!({ "user_keys": keys, "token": new.token });
        self.put("/user/done_register_device").jwt(&by.jwt).json(&body)
    }

    /// One more device of a user of the app `lax`, logged in.
    pub async fn add_device(&self, of: &Session, identifier: &str) -> Session {
        let new = self.prepare_device(Suite::CLASSIC, identifier).await;
        self.let_in(of, &new).ok().await;
        self.forced_login(&self.lax, identifier).await
    }

    /// Switches the second factor on.
    pub async fn register_otp(&self, of: &Session) -> OtpRegister {
        self.patch("/user/register_otp").jwt(&of.jwt).ok_as().await
    }

    /// The code of this moment on the server's clock.
    #[must_use]
    pub fn code(&self, otp: &OtpRegister) -> String {
        code_at(&otp.secret, self.now_ms() / 1000)
    }

    /// `POST /validate_mfa` or `/validate_recovery_otp` with the right password.
    pub fn validate(&self, path: &str, identifier: &str, token: &str) -> Call {
        let auth_key = Template::of(Suite::CLASSIC).login_start().auth_key().to_b64();
        self.post(path).json(&json!({ "auth_key": auth_key, "device_identifier": identifier, "token": token }))
    }

    /// Goes on after the second factor.
    ///
    /// # Panics
    /// When the answer holds no challenge.
    pub async fn verify_after(&self, identifier: &str, answer: &Answer) -> Session {
        let output: DoneLoginOutput = serde_json::from_value(answer.result()).expect("a challenge");
        let direct = json!({ "status": true, "result": { "Direct": output } }).to_string();
        let body = Template::of(Suite::CLASSIC).verify_login(identifier, &direct);
        let login = self.post("/verify_login").json(&body).ok_as().await;
        Session::from_login(identifier, login)
    }
}

/// A session from the answer of a light login.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn light_session(identifier: &str, verify: &Value) -> Session {
    let text = |name: &str| verify.get(name).and_then(Value::as_str).expect("a token").to_owned();
    let claims = tokens::claims(&text("jwt"));
    Session {
        identifier: identifier.to_owned(),
        user_id: claims.aud,
        device_id: claims.sub,
        user_group_id: claims.group_id,
        key_id: String::new(),
        jwt: text("jwt"),
        refresh_token: text("refresh_token"),
    }
}
