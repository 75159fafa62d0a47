//! Users and devices (sentc.md sections 3, 4, 5, 7): requests and answers of registration, login and public key data.

use serde::{Deserialize, Serialize};

use crate::groups::{GroupCreateData, GroupKey, HmacKey, InviteListItem};

/// A wrapped master key of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MasterKey {
    /// Algorithm of the master key.
    pub master_key_alg: String,
    /// b64; the master key, wrapped by the key derived from the password.
    pub encrypted_master_key: String,
    /// Algorithm of the wrapping key.
    pub encrypted_master_key_alg: String,
}

/// What the password of a device is turned into, and the key pairs it protects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyDerivedData {
    /// Algorithm of the derivation.
    pub derived_alg: String,
    /// b64 of 16 random bytes of the client, from which the salt is made.
    pub client_random_value: String,
    /// b64 of the first 16 bytes of SHA-256 of the authentication key.
    pub hashed_authentication_key: String,
    /// Public key in wire form (PEM, or JSON of two PEMs).
    pub public_key: String,
    /// b64; private key wrapped by the master key.
    pub encrypted_private_key: String,
    /// Algorithm of the encryption key pair.
    pub keypair_encrypt_alg: String,
    /// Verify key in wire form.
    pub verify_key: String,
    /// b64; sign key wrapped by the master key.
    pub encrypted_sign_key: String,
    /// Algorithm of the sign key pair.
    pub keypair_sign_alg: String,
}

/// Everything a device registers with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserDeviceRegisterInput {
    /// The wrapped master key.
    pub master_key: MasterKey,
    /// Derivation data and key pairs.
    pub derived: KeyDerivedData,
    /// The identifier in clear; the server stores its hash only.
    pub device_identifier: String,
}

/// `POST /register`: the first device and the user group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterData {
    /// The first device.
    pub device: UserDeviceRegisterInput,
    /// The user group with the user's key pairs.
    pub group: GroupCreateData,
}

/// Answer of `POST /register`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterOutput {
    /// New user id.
    pub user_id: String,
    /// Id of the first device.
    pub device_id: String,
    /// The identifier as sent.
    pub device_identifier: String,
}

/// A body that names a user by login identifier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserIdentifierInput {
    /// The identifier in clear.
    pub user_identifier: String,
}

/// Answer of `POST /exists`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserExistsOutput {
    /// The identifier as sent.
    pub user_identifier: String,
    /// True when nobody uses it.
    pub available: bool,
}

/// Answer of `POST /prepare_login`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrepareLoginOutput {
    /// b64 of the 32 byte salt.
    pub salt_string: String,
    /// Algorithm of the password derivation.
    pub derived_encryption_key_alg: String,
}

/// `POST /done_login`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoneLoginInput {
    /// b64 of the 32 byte authentication key.
    pub auth_key: String,
    /// The identifier in clear.
    pub device_identifier: String,
}

/// `POST /verify_login`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyLoginInput {
    /// b64 of the 32 byte authentication key.
    pub auth_key: String,
    /// The identifier in clear.
    pub device_identifier: String,
    /// The decrypted challenge, 67 characters.
    pub challenge: String,
}

/// The wrapped keys of a device, for the client that knows the password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceKeys {
    /// b64; wrapped by the password-derived key.
    pub encrypted_master_key: String,
    /// b64; wrapped by the master key.
    pub encrypted_private_key: String,
    /// Public key in wire form.
    pub public_key_string: String,
    /// Algorithm of the encryption key pair.
    pub keypair_encrypt_alg: String,
    /// b64; wrapped by the master key.
    pub encrypted_sign_key: String,
    /// Verify key in wire form.
    pub verify_key_string: String,
    /// Algorithm of the sign key pair.
    pub keypair_sign_alg: String,
    /// Equal to the device id. Absent in a forced login of the original.
    #[serde(default)]
    pub keypair_encrypt_id: String,
    /// Equal to the device id.
    #[serde(default)]
    pub keypair_sign_id: String,
    /// User id.
    pub user_id: String,
    /// Device id.
    pub device_id: String,
    /// Id of the user group.
    pub user_group_id: String,
}

/// The keys and the challenge of a login that needs no second factor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoneLoginOutput {
    /// The device's wrapped keys.
    pub device_keys: DeviceKeys,
    /// b64; a token, encrypted for the device's public key.
    pub challenge: String,
}

/// Answer of `POST /done_login` to a G15 device: exactly one tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DoneLoginServerReturn {
    /// No second factor: go on with the challenge.
    Direct(Box<DoneLoginOutput>),
    /// A second factor is needed first.
    Otp,
}

/// Answer of `POST /done_login` to a G03 device (npm 0.3.1): the login is complete at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoneLoginG03 {
    /// The device's wrapped keys.
    pub device_keys: DeviceKeys,
    /// Fresh JWT.
    pub jwt: String,
    /// Refresh token, 67 characters.
    pub refresh_token: String,
    /// First page of the user keys, wrapped for this device, newest first: that client, too, uses the first one of these.
    pub user_keys: Vec<GroupKey>,
}

/// Answer of `POST /verify_login`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyLoginOutput {
    /// First page of the user keys, wrapped for this device.
    pub user_keys: Vec<GroupKey>,
    /// Search keys of the user group.
    pub hmac_keys: Vec<HmacKey>,
    /// Fresh JWT.
    pub jwt: String,
    /// Refresh token, 67 characters.
    pub refresh_token: String,
}

/// Answer of `POST /user/forced/login`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForcedLoginOutput {
    /// The device's wrapped keys.
    pub device_keys: DeviceKeys,
    /// What `verify_login` would answer.
    pub verify: VerifyLoginOutput,
}

/// Body of `PUT /refresh` and `POST /init`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshInput {
    /// The refresh token as the login gave it.
    pub refresh_token: String,
}

/// Answer of `PUT /refresh`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshOutput {
    /// User id.
    pub user_id: String,
    /// New JWT, not fresh.
    pub jwt: String,
    /// Device id.
    pub device_id: String,
}

/// Answer of `POST /init`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitOutput {
    /// New JWT, not fresh.
    pub jwt: String,
    /// First page of the user's invites.
    pub invites: Vec<InviteListItem>,
}

/// Answer of `GET /user/jwt`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserJwtOutput {
    /// User id.
    pub id: String,
    /// Device id.
    pub device_id: String,
}

/// A user's (or group's) public key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKeyData {
    /// Key id.
    pub public_key_id: String,
    /// Public key in wire form.
    pub public_key: String,
    /// Its algorithm.
    pub public_key_alg: String,
    /// Signature of the raw public key, in wire form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key_sig: Option<String>,
    /// Id of the verify key for `public_key_sig`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key_sig_key_id: Option<String>,
}

/// A user's verify key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyKeyData {
    /// Key id.
    pub verify_key_id: String,
    /// Verify key in wire form.
    pub verify_key: String,
    /// Its algorithm.
    pub verify_key_alg: String,
}

/// The word of a user's older sign key for a verify key of his: an addition of Keystead (better-than.md 24).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyKeyProof {
    /// Id of the older key.
    pub signed_by_key_id: String,
    /// Signature in wire form, of the older key's algorithm.
    pub sig: String,
}

/// Answer of `GET /user/:id/verify_key/:key_id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyKeyOutput {
    /// The key.
    #[serde(flatten)]
    pub key: VerifyKeyData,
    /// After a rotation by a client that leaves a proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify_key_proof: Option<VerifyKeyProof>,
}

/// `GET /user/:id` for G03 clients: both public keys at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserPublicDataG03 {
    /// Key id.
    pub public_key_id: String,
    /// Public key in wire form.
    pub public_key: String,
    /// Its algorithm.
    pub public_key_alg: String,
    /// Key id.
    pub verify_key_id: String,
    /// Verify key in wire form.
    pub verify_key: String,
    /// Its algorithm.
    pub verify_alg: String,
}

/// `GET /user/:id/verify_key` for G03 clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyKeyDataG03 {
    /// Key id.
    pub verify_key_id: String,
    /// Verify key in wire form.
    pub verify_key: String,
    /// Its algorithm.
    pub verify_key_alg: String,
    /// Its algorithm, under the older name.
    pub verify_alg: String,
}
