//! Further devices, second factor, password change and registered symmetric keys (sentc.md sections 4.3, 5, 6, 9).

use serde::{Deserialize, Serialize};

use crate::groups::NewMemberKeys;
use crate::keys::MasterKey;

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
}

/// `PUT /user/reset_pw`: a new master key around the same key pairs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
