//! Reading answers that another transport fetched.
//!
//! ```
//! let output = r#"{"status":true,"result":{"user_id":"u1","device_id":"d1","device_identifier":"alice"}}"#;
//! assert_eq!(keystead::user::done_register(output)?, "u1");
//! # Ok::<(), keystead::Error>(())
//! ```

pub use keystead_sdk_core::user::{
    DeviceListItem, NewDevicePages, OtpRegister, RegisterDeviceOutput, SessionListItem, UserPublicKey, VerifyKeyData,
    create_safety_number, prove_verify_key, read_verify_key,
};

use crate::Result;

/// Reads the answer of `POST /register`: the new user id. Errors: `Sdk(Server)` (101: identifier taken).
pub fn done_register(server_output: &str) -> Result<String> {
    Ok(keystead_sdk_core::user::done_register(server_output)?)
}

/// Checks the answer of `POST /user/prepare_register_device`. The text itself goes to the logged-in device
/// (`StdUser::register_device`). Errors: `Sdk(Server)` (101: identifier taken).
pub fn done_register_device_start(server_output: &str) -> Result<RegisterDeviceOutput> {
    Ok(keystead_sdk_core::user::done_register_device_start(server_output)?)
}

/// Reads the answer of `POST /exists`: true when nobody uses the identifier.
pub fn done_check_identifier(server_output: &str) -> Result<bool> {
    Ok(keystead_sdk_core::user::done_check_identifier(server_output)?)
}
