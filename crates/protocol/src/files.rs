//! Files (sentc.md section 10): metadata, upload sessions, parts. Registered symmetric keys are in [`crate::devices`].

use serde::{Deserialize, Serialize};

/// Plain bytes of a part, the last one apart.
pub const PART_SIZE: usize = 4 << 20;
/// Most bytes of a part on the wire: a plain part with its head and signature, and some room.
pub const MAX_PART_SIZE: usize = 5 << 20;
/// Parts of one page of `part_fetch`; whoever got that many asks for more.
pub const PART_PAGE: usize = 500;

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BelongsToType {
    /// The members of a group.
    Group,
    /// The owner and one other user.
    User,
    /// Everybody in the app.
    None,
}

/// `POST /file`, `POST /group/:g/file`. Today's clients send the first three fields, those of 2022 `key_id` instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRegisterInput {
    /// b64; the file's key, wrapped by the master key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted_key: Option<String>,
    /// Algorithm of the key that wraps the file's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted_key_alg: Option<String>,
    /// Id of the key that wraps the file's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub master_key_id: Option<String>,
    /// 2022: id of the registered key that encrypts all parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// Group or addressee. Absent or empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub belongs_to_id: Option<String>,
    /// Who may read it.
    pub belongs_to_type: BelongsToType,
    /// The name, encrypted by the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted_file_name: Option<String>,
}

/// Answer of a registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRegisterOutput {
    /// New file id.
    pub file_id: String,
    /// Upload session for its parts.
    pub session_id: String,
}

/// Answer of `PATCH /file/part/:session_id/:seq/:end/:user_id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilePartRegisterOutput {
    /// Under this id the customer's storage keeps the part.
    pub part_id: String,
}

/// A part in the list of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartListItem {
    /// Part id. Whoever knows it may read the part (docs/adr/0008).
    pub part_id: String,
    /// Position, from 1.
    pub sequence: i32,
    /// True: the customer's own storage has it.
    pub extern_storage: bool,
}

/// Answer of `GET /file/:file_id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileData {
    /// File id.
    pub file_id: String,
    /// Id of the key that wraps the file's key; empty for a file of 2022.
    #[serde(default)]
    pub master_key_id: String,
    /// User id of the maker; empty when his account is gone.
    #[serde(default)]
    pub owner: String,
    /// Group or addressee.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub belongs_to: Option<String>,
    /// Who may read it.
    pub belongs_to_type: BelongsToType,
    /// b64; the file's key, wrapped; empty for a file of 2022.
    #[serde(default)]
    pub encrypted_key: String,
    /// Algorithm of the key that wraps the file's key.
    #[serde(default)]
    pub encrypted_key_alg: String,
    /// 2022: id of the registered key that encrypts all parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// Time of registration, milliseconds.
    #[serde(default)]
    pub time: i64,
    /// The name, encrypted by the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted_file_name: Option<String>,
    /// The parts, ascending.
    pub part_list: Vec<PartListItem>,
}

/// `PUT /file/:file_id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileNameUpdateInput {
    /// The new name, encrypted by the client; absent removes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted_file_name: Option<String>,
}

/// Answer of `GET /file/session/:session_id` (added by Keystead): where an interrupted upload goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSessionOutput {
    /// The file.
    pub file_id: String,
    /// True: all parts are there.
    pub finished: bool,
    /// Sequence of the part with the end mark, once it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<i32>,
    /// Sequences that are not there, below the greatest that is.
    pub missing: Vec<i32>,
    /// Sequence after the greatest that is there.
    pub next: i32,
    /// When the session expires, milliseconds.
    pub expires: i64,
}
