//! Reading the server's answers to a user's calls; the second factor.

use keystead_protocol::devices::{ConfirmOtpInput, OtpRecoveryKeysOutput, OtpRegister, SessionListItem};
use keystead_protocol::groups as w;
use keystead_protocol::keys::{InitOutput, RefreshOutput, RegisterOutput, UserExistsOutput};

use super::{DeviceKeys, UserKey};
use crate::{Result, wire};

/// Reads the answer of `POST /register`: the new user id. Errors: `Server` (101: identifier taken), `ServerOutput`.
pub fn done_register(server_output: &str) -> Result<String> {
    Ok(wire::answer::<RegisterOutput>(server_output)?.user_id)
}

/// Reads the answer of `POST /exists`: true when nobody uses the identifier. Errors: `Server`, `ServerOutput`.
///
/// ```
/// # use keystead_sdk_core::user::done_check_identifier;
/// let answer = r#"{"status":true,"result":{"user_identifier":"alice","available":true}}"#;
/// assert!(done_check_identifier(answer)?);
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn done_check_identifier(server_output: &str) -> Result<bool> {
    Ok(wire::answer::<UserExistsOutput>(server_output)?.available)
}

/// Reads the answer of `PUT /refresh`: a new JWT, not fresh. Errors: `Server` (114: unknown token), `ServerOutput`.
///
/// ```
/// # use keystead_sdk_core::user::done_refresh;
/// let answer = r#"{"status":true,"result":{"user_id":"u","jwt":"a.b.c","device_id":"d"}}"#;
/// assert_eq!(done_refresh(answer)?.jwt, "a.b.c");
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn done_refresh(server_output: &str) -> Result<RefreshOutput> {
    wire::answer(server_output)
}

/// Reads the answer of `POST /init`: a new JWT and the first page of invites. Errors: as [`done_refresh`].
///
/// ```
/// # use keystead_sdk_core::user::done_init;
/// let answer = r#"{"status":true,"result":{"jwt":"a.b.c","invites":[{"group_id":"g","time":1}]}}"#;
/// assert_eq!(done_init(answer)?.invites.len(), 1);
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn done_init(server_output: &str) -> Result<InitOutput> {
    wire::answer(server_output)
}

/// Reads a page of `GET /user/user_keys/keys/…`; for one key (`GET /user/user_keys/key/:id`) the list has one entry.
/// Errors: `Server`, `ServerOutput`, and those of opening a key (see [`done_verify_login`](super::done_verify_login)).
///
/// ```
/// # mod world { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/world.rs")); } use world::*;
/// # let alice = alice();
/// # let answer = serde_json::from_str::<serde_json::Value>(&frozen("verify_login")).expect("JSON");
/// # let answer = ok(&answer["result"]["user_keys"].to_string());
/// let page = keystead_sdk_core::user::done_fetch_user_keys(&answer, alice.device())?;
/// assert_eq!(page[0].id(), alice.newest_key()?.id());
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn done_fetch_user_keys(server_output: &str, device: &DeviceKeys) -> Result<Vec<UserKey>> {
    let keys: Vec<w::GroupKey> = wire::answer_list(server_output)?;
    keys.iter().map(|k| UserKey::open(k, device)).collect()
}

/// Reads the answer of `PATCH /user/register_otp` and `/user/reset_otp`. Errors: `Server`, `ServerOutput`.
///
/// ```
/// # use keystead_sdk_core::user::done_register_otp;
/// let answer = r#"{"status":true,"result":{"secret":"GEZDGNBV","alg":"totp_sha256","recover":["K1","K2"]}}"#;
/// assert_eq!(done_register_otp(answer)?.recover.len(), 2);
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn done_register_otp(server_output: &str) -> Result<OtpRegister> {
    wire::answer(server_output)
}

/// The body of `PATCH /user/confirm_otp`: six digits of a new secret. The answer goes to [`done_success`].
///
/// ```
/// assert_eq!(keystead_sdk_core::user::prepare_confirm_otp("123456"), r#"{"token":"123456"}"#);
/// ```
#[must_use]
pub fn prepare_confirm_otp(code: &str) -> String {
    wire::to_json(&ConfirmOtpInput { token: code.to_owned() })
}

/// The address of a new secret for authenticators, mostly shown as a QR code. Secret.
///
/// ```
/// # use keystead_sdk_core::{protocol::devices::OtpRegister, user::otp_url};
/// let otp = OtpRegister { secret: "GEZDGNBV".into(), alg: "totp_sha256".into(), recover: Vec::new() };
/// let url = otp_url(&otp, "My app", "alice@example.org");
/// assert_eq!(url, "otpauth://totp/My%20app:alice%40example.org?secret=GEZDGNBV&algorithm=SHA256&issuer=My%20app");
/// ```
#[must_use]
pub fn otp_url(otp: &OtpRegister, issuer: &str, audience: &str) -> String {
    let (issuer, audience) = (percent_encode(issuer), percent_encode(audience));
    format!("otpauth://totp/{issuer}:{audience}?secret={}&algorithm=SHA256&issuer={issuer}", otp.secret)
}

/// All but the unreserved characters of RFC 3986.
fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Reads the answer of `GET /user/otp_recovery_keys`. Errors: `Server` (113: JWT not fresh), `ServerOutput`.
///
/// ```
/// # use keystead_sdk_core::user::done_otp_recovery_keys;
/// let answer = r#"{"status":true,"result":{"keys":["K1"]}}"#;
/// assert_eq!(done_otp_recovery_keys(answer)?, ["K1"]);
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn done_otp_recovery_keys(server_output: &str) -> Result<Vec<String>> {
    Ok(wire::answer::<OtpRecoveryKeysOutput>(server_output)?.keys)
}

/// Reads a page of `GET /user/sessions/…` (Keystead's own). Errors: `Server`, `ServerOutput`.
///
/// ```
/// # use keystead_sdk_core::user::done_session_list;
/// let answer = r#"{"status":true,"result":[{"session_id":"s","device_id":"d","time":1,"last_used":2,"current":true}]}"#;
/// assert!(done_session_list(answer)?[0].current);
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn done_session_list(server_output: &str) -> Result<Vec<SessionListItem>> {
    wire::answer(server_output)
}

/// Reads an answer that says only whether it worked. Errors: `Server`, `ServerOutput`.
///
/// ```
/// # use keystead_sdk_core::{SdkError, user::done_success};
/// assert_eq!(done_success(r#"{"status":true,"result":"Success"}"#), Ok(()));
/// let refused = r#"{"status":false,"err_msg":"No access to this group","err_code":310}"#;
/// assert_eq!(done_success(refused).unwrap_err().status(), "server_310");
/// ```
pub fn done_success(server_output: &str) -> Result<()> {
    wire::answer::<serde::de::IgnoredAny>(server_output).map(|_| ())
}
