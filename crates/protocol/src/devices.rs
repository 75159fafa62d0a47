//! Further devices, second factor, password change, sessions, light users and registered symmetric keys (sentc.md sections
//! 4.3, 5, 6, 9, 11).

use serde::{Deserialize, Serialize};

use crate::groups::{LightInvite, NewMemberKeys};
use crate::keys::{DeviceKeys, MasterKey};

/// Key id of a symmetric key that only the application keeps.
pub const NON_REGISTERED: &str = "non_registered";

/// Answer of `POST /user/prepare_register_device`. The whole text travels to a logged-in device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterDeviceOutput {
    /// New device id.
    pub device_id: String,
    /// b64url of 50 random bytes.
    pub token: String,
    /// The identifier as sent.
    pub device_identifier: String,
    /// Public key of the new device in wire form.
    pub public_key_string: String,
    /// Its algorithm.
    pub keypair_encrypt_alg: String,
}

/// `PUT /user/done_register_device`, sent by the logged-in device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoneRegisterDeviceInput {
    /// The user keys, wrapped for the new device.
    pub user_keys: NewMemberKeys,
    /// The token of [`RegisterDeviceOutput`].
    pub token: String,
}

/// `PUT /user/done_register_device_light`, sent by the logged-in device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoneRegisterDeviceLightInput {
    /// The rank in the user group. Devices have no ranks: it says nothing.
    pub user_group: LightInvite,
    /// The token of [`RegisterDeviceOutput`].
    pub token: String,
}

/// Answer of `POST /verify_login_light`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyLoginLightOutput {
    /// Fresh JWT.
    pub jwt: String,
    /// Refresh token, 67 characters.
    pub refresh_token: String,
}

/// Answer of `POST /user/forced/login_light`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForcedLoginLightOutput {
    /// The device's wrapped keys.
    pub device_keys: DeviceKeys,
    /// What `verify_login_light` would answer.
    pub verify: VerifyLoginLightOutput,
}

/// A device in the device list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceListItem {
    /// Device id.
    pub device_id: String,
    /// Time of registration, milliseconds.
    pub time: i64,
    /// The stored hash of the identifier.
    pub device_identifier: String,
}

/// A session of the user: item of `GET /user/sessions/:time/:id`. Added by Keystead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionListItem {
    /// Session id, the claim `sid` of its JWTs.
    pub session_id: String,
    /// The device that logged in.
    pub device_id: String,
    /// Time of the login, milliseconds.
    pub time: i64,
    /// When it last got a new JWT, milliseconds; up to 15 minutes old.
    pub last_used: i64,
    /// True for the session that asks.
    pub current: bool,
}

/// `POST /validate_mfa` and `POST /validate_recovery_otp`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidateMfaInput {
    /// Six digits, or a recovery key.
    pub token: String,
    /// b64 of the 32 byte authentication key.
    pub auth_key: String,
    /// The identifier in clear.
    pub device_identifier: String,
}

/// Answer of `PATCH /user/register_otp` and `PATCH /user/reset_otp`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtpRegister {
    /// base32 without padding, 32 bytes.
    pub secret: String,
    /// `totp_sha256`.
    pub alg: String,
    /// Six recovery keys.
    pub recover: Vec<String>,
}

/// `PATCH /user/confirm_otp`. Added by Keystead.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmOtpInput {
    /// Six digits of the new secret.
    pub token: String,
}

/// Answer of `GET /user/otp_recovery_keys`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtpRecoveryKeysOutput {
    /// The unused recovery keys.
    pub keys: Vec<String>,
}

/// `PUT /user/update_pw`: the same master key in a new wrap.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangePasswordInput {
    /// Algorithm of the derivation.
    pub new_derived_alg: String,
    /// b64 of 16 random bytes of the client.
    pub new_client_random_value: String,
    /// b64 of the first 16 bytes of SHA-256 of the new authentication key.
    pub new_hashed_authentication_key: String,
    /// b64; the master key, wrapped by the newly derived key.
    pub new_encrypted_master_key: String,
    /// Algorithm of the wrapping key.
    pub new_encrypted_master_key_alg: String,
    /// b64 of the 32 byte authentication key of the old password.
    pub old_auth_key: String,
    /// The caller's own refresh token: its session stays when others of the device end. Added by Keystead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
}

/// `PUT /user/reset_pw`: a new master key around the same key pairs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetPasswordInput {
    /// b64 of 16 random bytes of the client.
    pub client_random_value: String,
    /// b64 of the first 16 bytes of SHA-256 of the authentication key.
    pub hashed_authentication_key: String,
    /// The new wrapped master key.
    pub master_key: MasterKey,
    /// Algorithm of the derivation.
    pub derived_alg: String,
    /// b64; private key wrapped by the new master key.
    pub encrypted_private_key: String,
    /// b64; sign key wrapped by the new master key.
    pub encrypted_sign_key: String,
    /// As in [`ChangePasswordInput`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
}

/// `POST /keys/sym_key`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SymKeyRegisterInput {
    /// Algorithm of the key.
    pub alg: String,
    /// b64; the key, wrapped by the master key named below.
    pub encrypted_key_string: String,
    /// Id of the key that wraps it.
    pub master_key_id: String,
}

/// Answer of `POST /keys/sym_key`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SymKeyRegisterOutput {
    /// New key id.
    pub key_id: String,
}

/// A wrapped symmetric key: answer of `GET /keys/sym_key/:key_id`, or kept by the application ([`NON_REGISTERED`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SymKeyData {
    /// Key id, or [`NON_REGISTERED`].
    pub key_id: String,
    /// Id of the key that wraps it.
    pub master_key_id: String,
    /// b64; the wrapped key.
    pub encrypted_key_string: String,
    /// Algorithm of the key.
    pub alg: String,
    /// Time of creation, milliseconds; 0 when not registered.
    pub time: i64,
}
