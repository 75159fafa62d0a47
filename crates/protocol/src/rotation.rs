//! Key rotation of groups and of users (sentc.md sections 5 and 8.4): a new group key for all members, of which the server
//! sees none.
//!
//! The starter makes a new group key K' and an ephemeral key E. Members get E in two wraps, by the previous group key and
//! by their own public key (the server adds the second), and with E the new key.

use serde::{Deserialize, Serialize};

/// Body of `POST /group/:g/key_rotation` and `POST /user/user_keys/rotation`. The last four fields are for user groups only.
///
/// In a rotation of user keys, `group_key_sig` may be the word of the user's old sign key (`signed_by_user_sign_key_id`) for
/// the new verify key: an addition of Keystead, see `VerifyKeyProof`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRotationData {
    /// b64; K', encrypted for the starter's public key.
    pub encrypted_group_key_by_user: String,
    /// Algorithm of K'.
    pub group_key_alg: String,
    /// Algorithm of the public key that encrypted K' for the starter.
    pub encrypted_group_key_alg: String,
    /// b64; new private key, wrapped by K'.
    pub encrypted_private_group_key: String,
    /// New public key in wire form.
    pub public_group_key: String,
    /// Algorithm of the new key pair.
    pub keypair_encrypt_alg: String,
    /// b64; K', wrapped by E.
    pub encrypted_group_key_by_ephemeral: String,
    /// Algorithm of E.
    pub ephemeral_alg: String,
    /// b64; E, wrapped by the previous group key.
    pub encrypted_ephemeral_key: String,
    /// Id of the group key that wraps E.
    pub previous_group_key_id: String,
    /// Id of the starter's public key.
    pub invoker_public_key_id: String,
    /// User whose key signed K'.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_by_user_id: Option<String>,
    /// Id of that user's verify key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_by_user_sign_key_id: Option<String>,
    /// Signature of the raw K', in wire form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_key_sig: Option<String>,
    /// b64; new sign key, wrapped by K'.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted_sign_key: Option<String>,
    /// New verify key in wire form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify_key: Option<String>,
    /// Algorithm of the new sign key pair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keypair_sign_alg: Option<String>,
    /// Signature of the raw new public key by the new sign key, in wire form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key_sig: Option<String>,
}

/// Answer of the start of a rotation. The other members are served afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRotationOutput {
    /// The group, or the user group.
    pub group_id: String,
    /// Id of the new generation.
    pub key_id: String,
}

/// A new group key that waits for a member: `GET /group/:g/key_rotation` and `GET /user/user_keys/rotation` list them,
/// oldest first, at most 50.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRotationInput {
    /// Id of the new generation.
    pub new_group_key_id: String,
    /// Why the server could not encrypt for this member; then the next two fields are empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// b64; E, wrapped by the previous group key, and that encrypted for the member.
    pub encrypted_ephemeral_key_by_group_key_and_public_key: String,
    /// Which of the member's private keys opens it.
    pub encrypted_eph_key_key_id: String,
    /// b64; K', wrapped by E.
    pub encrypted_group_key_by_ephemeral: String,
    /// Id of the group key that wraps E.
    pub previous_group_key_id: String,
    /// Algorithm of E.
    pub ephemeral_alg: String,
    /// Creation of the new generation, milliseconds.
    pub time: i64,
}

/// Body of `PUT /group/:g/key_rotation/:key_id` and `PUT /user/user_keys/rotation/:key_id`: the member takes the new key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoneKeyRotationData {
    /// b64; K', encrypted for the member's public key.
    pub encrypted_new_group_key: String,
    /// Id of that public key; for a user key the device's id, whatever is sent.
    pub public_key_id: String,
    /// Its algorithm.
    pub encrypted_alg: String,
}
