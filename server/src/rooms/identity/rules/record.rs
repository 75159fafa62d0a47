//! How an account and a refresh token look on the wire (iam.md section 2): these keys, in this order, and no others, because the
//! front end draws an input for each.

use serde::Serialize;

use super::super::model::User;
use super::super::store::refresh_tokens::Listed;
use crate::clock::iso8601;

/// An account.
#[derive(Debug, Serialize)]
pub struct UserRecord {
    id: i64,
    uuid: String,
    email: String,
    password: &'static str,
    avatar: Option<String>,
    permissions: Option<String>,
    first_name: String,
    last_name: String,
    role: String,
    email_verified: bool,
    is_active: bool,
    last_login: Option<String>,
    created_at: String,
    deleted_at: Option<String>,
    updated_at: Option<String>,
    /// Only in `profile`.
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf_token: Option<String>,
}

impl UserRecord {
    /// With a csrf token, as `profile` answers.
    #[must_use]
    pub fn with_csrf(self, csrf_token: String) -> Self {
        Self { csrf_token: Some(csrf_token), ..self }
    }
}

impl From<User> for UserRecord {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            uuid: user.uuid,
            email: user.email,
            // better-than 6: the reference shows the hash.
            password: "[hidden]",
            avatar: user.avatar,
            permissions: user.permissions,
            first_name: user.first_name,
            last_name: user.last_name,
            role: user.role,
            email_verified: user.email_verified,
            is_active: user.is_active,
            last_login: user.last_login_ms.map(to_second),
            created_at: to_second(user.created_ms),
            deleted_at: user.deleted_ms.map(to_second),
            updated_at: user.updated_ms.map(iso8601),
            csrf_token: None,
        }
    }
}

/// A page of accounts.
#[derive(Debug, Serialize)]
pub struct UserList {
    /// At most 100.
    pub users: Vec<UserRecord>,
    /// For what the administrator does next.
    pub csrf_token: String,
}

/// A refresh token in the administrators' list.
#[derive(Debug, Serialize)]
pub struct TokenRecord {
    id: i64,
    token_id: String,
    user_id: i64,
    is_active: bool,
    date_created: String,
    updated_at: Option<String>,
}

impl TokenRecord {
    pub(super) fn new((id, token_id, user_id, is_active, created_ms, updated_ms): Listed) -> Self {
        let (date_created, updated_at) = (to_second(created_ms), updated_ms.map(iso8601));
        Self { id, token_id, user_id, is_active, date_created, updated_at }
    }
}

/// Some times have whole seconds on the wire.
fn to_second(ms: i64) -> String {
    iso8601(ms.div_euclid(1_000) * 1_000)
}
