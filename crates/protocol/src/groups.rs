//! Groups (sentc.md section 8): group keys, group data, members, invites.

use serde::{Deserialize, Serialize};

/// Rank of the creator: exactly one, cannot be changed or kicked.
pub const RANK_CREATOR: i32 = 0;
/// Greatest rank number that administers a group.
pub const RANK_ADMIN: i32 = 1;
/// Greatest rank number that manages members.
pub const RANK_MEMBER_MANAGER: i32 = 2;
/// Rank of a new member when nothing else is said, and the greatest rank number.
pub const RANK_DEFAULT: i32 = 4;

/// Items of one page.
pub const PAGE_SIZE: i64 = 50;
/// Most keys in one invite or session upload.
pub const MAX_KEYS_PER_CALL: usize = 100;

/// Everything a group is created with. The last four fields are for user groups only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupCreateData {
    /// b64; group key, encrypted for the creator's public key.
    pub encrypted_group_key: String,
    /// Algorithm of the group key.
    pub group_key_alg: String,
    /// Algorithm of the key that encrypted the group key.
    pub encrypted_group_key_alg: String,
    /// b64; private key, wrapped by the group key.
    pub encrypted_private_group_key: String,
    /// Public key in wire form.
    pub public_group_key: String,
    /// Algorithm of the key pair.
    pub keypair_encrypt_alg: String,
    /// Id of the creator's public key; `non_registered` in a registration.
    pub creator_public_key_id: String,
    /// b64; search key, wrapped by the group key. G03 clients send none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted_hmac_key: Option<String>,
    /// Algorithm of the search key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted_hmac_alg: Option<String>,
    /// b64; sort key, wrapped by the group key. G03 clients send none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted_sortable_key: Option<String>,
    /// Algorithm of the sort key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted_sortable_alg: Option<String>,
    /// User whose key signed the group key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_by_user_id: Option<String>,
    /// Id of that user's verify key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_by_user_sign_key_id: Option<String>,
    /// Signature of the raw group key, in wire form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_key_sig: Option<String>,
    /// b64; sign key, wrapped by the group key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted_sign_key: Option<String>,
    /// Verify key in wire form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify_key: Option<String>,
    /// Algorithm of the sign key pair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keypair_sign_alg: Option<String>,
    /// Signature of the raw public key, in wire form. Absent = a G03 registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key_sig: Option<String>,
}

/// One generation of a group's keys, as one member sees it. All ids of a generation are one id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupKey {
    /// Id of the generation.
    pub key_pair_id: String,
    /// Id of the generation.
    pub group_key_id: String,
    /// b64; group key, encrypted for the member.
    pub encrypted_group_key: String,
    /// Algorithm of the group key.
    pub group_key_alg: String,
    /// b64; private key, wrapped by the group key.
    pub encrypted_private_group_key: String,
    /// Public key in wire form.
    pub public_group_key: String,
    /// Algorithm of the key pair.
    pub keypair_encrypt_alg: String,
    /// Which of the reader's private keys opens `encrypted_group_key`.
    pub user_public_key_id: String,
    /// Time of creation, milliseconds.
    pub time: i64,
    /// User whose key signed the group key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_by_user_id: Option<String>,
    /// Id of that user's verify key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_by_user_sign_key_id: Option<String>,
    /// Signature of the raw group key, in wire form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_key_sig: Option<String>,
    /// User group: b64; sign key, wrapped by the group key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted_sign_key: Option<String>,
    /// User group: verify key in wire form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify_key: Option<String>,
    /// User group: algorithm of the sign key pair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keypair_sign_alg: Option<String>,
    /// User group: id of the generation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keypair_sign_id: Option<String>,
    /// User group: signature of the raw public key, in wire form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key_sig: Option<String>,
    /// User group: id of the generation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key_sig_key_id: Option<String>,
}

/// The search key of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HmacKey {
    /// Key id.
    pub id: String,
    /// b64; wrapped by a group key.
    pub encrypted_hmac_key: String,
    /// Algorithm of the search key.
    pub encrypted_hmac_alg: String,
    /// Id of the group key that wraps it.
    pub encrypted_hmac_encryption_key_id: String,
    /// Time of creation, milliseconds.
    pub time: i64,
}

/// The sort key of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SortableKey {
    /// Key id.
    pub id: String,
    /// b64; wrapped by a group key.
    pub encrypted_sortable_key: String,
    /// Algorithm of the sort key.
    pub encrypted_sortable_alg: String,
    /// Id of the group key that wraps it.
    pub encrypted_sortable_encryption_key_id: String,
    /// Time of creation, milliseconds.
    pub time: i64,
}

/// How a user enters a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccessBy {
    /// As a direct member.
    User,
    /// Through a parent group.
    Parent(String),
    /// Through a group that is a member.
    GroupAsUser(String),
    /// Through a group that is a member of a parent.
    GroupAsUserAsParent {
        /// The parent group.
        parent: String,
        /// The group that is its member.
        group_as_user: String,
    },
}

/// Answer of `POST /group` and its relatives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupCreateOutput {
    /// New group id.
    pub group_id: String,
}

/// Answer of `GET /group/:g`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupData {
    /// Group id.
    pub group_id: String,
    /// Parent group, `null` when there is none.
    pub parent_group_id: Option<String>,
    /// First page of the keys.
    pub keys: Vec<GroupKey>,
    /// Search keys.
    pub hmac_keys: Vec<HmacKey>,
    /// Sort keys.
    pub sortable_keys: Vec<SortableKey>,
    /// True when a key rotation waits for this member.
    pub key_update: bool,
    /// Rank of the caller.
    pub rank: i32,
    /// Creation of the group, milliseconds.
    pub created_time: i64,
    /// When the caller joined, milliseconds.
    pub joined_time: i64,
    /// How the caller enters.
    pub access_by: AccessBy,
    /// True for a connected group.
    pub is_connected_group: bool,
}

/// Answer of `GET /group/:g/light`: the group access check of customer backends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupLightData {
    /// Group id.
    pub group_id: String,
    /// Parent group, `null` when there is none.
    pub parent_group_id: Option<String>,
    /// Rank of the caller.
    pub rank: i32,
    /// Creation of the group, milliseconds.
    pub created_time: i64,
    /// When the caller joined, milliseconds.
    pub joined_time: i64,
    /// How the caller enters.
    pub access_by: AccessBy,
    /// True for a connected group.
    pub is_connected_group: bool,
}

/// Answer of `GET /group/:g/update_check`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupUpdateCheck {
    /// True when a key rotation waits for this member.
    pub key_update: bool,
    /// Rank of the caller.
    pub rank: i32,
}

/// Answer of `GET /group/:g/update_check_light`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupUpdateCheckLight {
    /// Rank of the caller.
    pub rank: i32,
}

/// One group key, encrypted for a new member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberKey {
    /// b64; group key, encrypted for the member.
    pub encrypted_group_key: String,
    /// Algorithm of the group key.
    pub alg: String,
    /// Algorithm of the key that encrypted it.
    pub encrypted_alg: String,
    /// Id of the group key.
    pub key_id: String,
    /// Id of the member's public key.
    pub user_public_key_id: String,
}

/// Body of an invite, an auto invite, a re-invite or an accepted join request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewMemberKeys {
    /// At most 100 keys.
    pub keys: Vec<MemberKey>,
    /// Rank of the new member, 4 when absent.
    #[serde(default)]
    pub rank: Option<i32>,
    /// True when more keys follow in an upload session.
    pub key_session: bool,
}

/// Body of a light invite.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LightInvite {
    /// Rank of the new member, 4 when absent.
    #[serde(default)]
    pub rank: Option<i32>,
}

/// Answer of an invite with keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteOutput {
    /// Where further keys go, when asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// What was done.
    pub message: String,
}

/// Body of `PUT /group/:g/change_rank`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeRankInput {
    /// The member.
    pub changed_user_id: String,
    /// New rank, 1 to 4.
    pub new_rank: i32,
}

/// A member in the member list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupUserListItem {
    /// User id, or the id of the group that is a member.
    pub user_id: String,
    /// Rank.
    pub rank: i32,
    /// When he joined, milliseconds.
    pub joined_time: i64,
    /// 0 user, 1 parent group, 2 group as member.
    pub user_type: i32,
}

/// An invite, or a sent join request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteListItem {
    /// Group id.
    pub group_id: String,
    /// Time of the invite, milliseconds.
    pub time: i64,
}

/// A join request in a group's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinRequestListItem {
    /// User id, or the id of the group that asks.
    pub user_id: String,
    /// Time of the request, milliseconds.
    pub time: i64,
    /// 0 user, 2 group.
    pub user_type: i32,
}

/// A child group in a group's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupChildListItem {
    /// Group id.
    pub group_id: String,
    /// Creation of the group, milliseconds.
    pub time: i64,
    /// Parent group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
}

/// A group in a user's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupListItem {
    /// Group id.
    pub group_id: String,
    /// Creation of the group, milliseconds.
    pub time: i64,
    /// When the caller joined, milliseconds.
    pub joined_time: i64,
    /// Rank of the caller.
    pub rank: i32,
    /// Parent group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
}
