//! The data API: bodies that server and clients share (instant.md sections 1.4, 8 and 10).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Body of a failed answer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ErrorBody {
    /// What kind of failure; clients branch on it.
    #[serde(rename = "type")]
    pub kind: String,
    /// For people.
    pub message: String,
    /// Facts about it, by kind.
    pub hint: Value,
    /// Id of the request in the server's log.
    #[serde(rename = "trace-id", skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
}

/// A user. `refresh_token` is only in answers that mint or verify one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// His id in the one directory.
    pub id: String,
    /// Address, lower-case; guests have none.
    #[serde(default)]
    pub email: Option<String>,
    /// A refresh token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// `user` or `guest`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// True for a guest.
    #[serde(default, rename = "isGuest")]
    pub is_guest: bool,
    /// ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// The app's own attrs of `$users`, and whatever else came.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// Answer of calls that sign somebody in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SignedIn {
    /// Who, with a token.
    pub user: User,
    /// True when the call made the user.
    #[serde(default)]
    pub created: bool,
}
