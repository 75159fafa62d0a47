//! Rows that store and rules share.

use diesel::prelude::*;

use crate::db::schema::{iam_refresh_tokens, iam_sessions, iam_users};

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Administers users and refresh tokens, once the e-mail address is verified.
    SuperAdmin,
    /// No rights of its own: for the application's use.
    Admin,
    /// Everybody else.
    General,
}

impl Role {
    /// Its name on the wire and in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SuperAdmin => "SUPER_ADMIN",
            Self::Admin => "ADMIN",
            Self::General => "GENERAL",
        }
    }

    /// The role of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::SuperAdmin, Self::Admin, Self::General].into_iter().find(|role| role.name() == name)
    }
}

/// An account.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = iam_users)]
pub struct User {
    /// Number in lists.
    pub id: i64,
    /// The directory's user id.
    pub uuid: String,
    /// As it was sent.
    pub email: String,
    pub(super) password_hash: String,
    /// End of a temporary password.
    pub(super) password_expires_ms: Option<i64>,
    pub(super) avatar: Option<String>,
    pub(super) permissions: Option<String>,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Name of a [`Role`].
    pub role: String,
    /// The address is the user's.
    pub email_verified: bool,
    /// Not switched off.
    pub is_active: bool,
    pub(super) last_login_ms: Option<i64>,
    /// Milliseconds since 1970.
    pub created_ms: i64,
    pub(super) deleted_ms: Option<i64>,
    pub(super) updated_ms: Option<i64>,
}

impl User {
    /// True for who administers: role, and a verified address.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.role == Role::SuperAdmin.name() && self.email_verified
    }
}

/// A login and all that it has been renewed to.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = iam_sessions)]
pub struct Session {
    /// Stands in access tokens.
    pub id: String,
    pub(super) user_uuid: String,
    pub(super) sid_hash: String,
    pub(super) csrf_hash: String,
    pub(super) is_active: bool,
    pub(super) start_ms: i64,
    /// Last login or renewal of tokens.
    pub(super) renewed_ms: i64,
    pub(super) end_ms: Option<i64>,
    pub(super) ip: Option<String>,
    /// What limits and known networks count: see `web::net::limiter_key`.
    pub(super) network: Option<String>,
    pub(super) user_agent: Option<String>,
}

/// A refresh token's row; the token itself is nowhere.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = iam_refresh_tokens)]
pub(super) struct RefreshToken {
    pub(super) token_id: String,
    pub(super) user_uuid: String,
    pub(super) session_id: String,
    pub(super) is_active: bool,
    pub(super) replaced_ms: Option<i64>,
    pub(super) successor: Option<String>,
}

/// Where a request comes from.
#[derive(Debug, Clone, Default)]
pub struct Client {
    /// Address.
    pub ip: Option<String>,
    /// The address, or the network of an IPv6 customer, as hex.
    pub network: Option<String>,
    /// Header `User-Agent`, cut.
    pub user_agent: Option<String>,
}
