//! The second factor.

use keystead_sdk_core::user::{self, OtpRegister};
use reqwest::Method;

use super::{Account, SecondFactor};
use crate::Result;

/// A new second factor, to be shown once. Secret.
#[derive(Clone)]
pub struct OtpUrl {
    /// `otpauth://…`, mostly as a QR code for the authenticator.
    pub url: String,
    /// Six keys, each good for one login without the authenticator.
    pub recover: Vec<String>,
}

impl Account {
    /// Switches the second factor on, after a login in the background: secret (base32) and recovery keys. A server with the
    /// confirmation step wants [`confirm_otp`](Self::confirm_otp) before it counts. Errors: `Sdk(Server)` 903 when the
    /// account has one already.
    pub async fn register_raw_otp(&self, password: &str) -> Result<OtpRegister> {
        let out = self.with_fresh(password, None, Method::PATCH, "/user/register_otp", None).await?;
        Ok(user::done_register_otp(&out)?)
    }

    /// As [`register_raw_otp`](Self::register_raw_otp), for an authenticator: it shows `issuer` (the app) and `audience`
    /// (whose account it is).
    pub async fn register_otp(&self, password: &str, issuer: &str, audience: &str) -> Result<OtpUrl> {
        let otp = self.register_raw_otp(password).await?;
        Ok(OtpUrl { url: user::otp_url(&otp, issuer, audience), recover: otp.recover })
    }

    /// Puts a new second factor in force by its first code, where the server asks for that. `second_factor` is the old one,
    /// when there is one. Errors: `Sdk(Server)` 901 when none waits, 902 for a wrong code.
    pub async fn confirm_otp(&self, password: &str, second_factor: Option<SecondFactor<'_>>, code: &str) -> Result<()> {
        let body = Some(user::prepare_confirm_otp(code));
        let out = self.with_fresh(password, second_factor, Method::PATCH, "/user/confirm_otp", body).await?;
        Ok(user::done_success(&out)?)
    }

    /// Replaces secret and recovery keys. Errors: as [`fresh_jwt`](Self::fresh_jwt).
    pub async fn reset_raw_otp(&self, password: &str, second_factor: SecondFactor<'_>) -> Result<OtpRegister> {
        let out = self.with_fresh(password, Some(second_factor), Method::PATCH, "/user/reset_otp", None).await?;
        Ok(user::done_register_otp(&out)?)
    }

    /// As [`reset_raw_otp`](Self::reset_raw_otp), for an authenticator (see [`register_otp`](Self::register_otp)).
    pub async fn reset_otp(
        &self,
        password: &str,
        second_factor: SecondFactor<'_>,
        issuer: &str,
        audience: &str,
    ) -> Result<OtpUrl> {
        let otp = self.reset_raw_otp(password, second_factor).await?;
        Ok(OtpUrl { url: user::otp_url(&otp, issuer, audience), recover: otp.recover })
    }

    /// Switches the second factor off. Errors: as [`fresh_jwt`](Self::fresh_jwt).
    pub async fn disable_otp(&self, password: &str, second_factor: SecondFactor<'_>) -> Result<()> {
        let out = self.with_fresh(password, Some(second_factor), Method::PATCH, "/user/disable_otp", None).await?;
        Ok(user::done_success(&out)?)
    }

    /// The unused recovery keys. Errors: as [`fresh_jwt`](Self::fresh_jwt).
    pub async fn get_otp_recover_keys(&self, password: &str, second_factor: SecondFactor<'_>) -> Result<Vec<String>> {
        let path = "/user/otp_recovery_keys";
        let out = self.with_fresh(password, Some(second_factor), Method::GET, path, None).await?;
        Ok(user::done_otp_recovery_keys(&out)?)
    }
}
