//! Claims of the key API's JWTs (sentc.md section 3): a superset that both client generations read.

use serde::{Deserialize, Serialize};

/// The signature algorithm of every key API JWT.
pub const JWT_ALG: &str = "ES384";

/// Lifetime of a JWT in seconds (`exp = iat + 300`).
pub const JWT_LIFETIME_S: i64 = 300;

/// The claims. G15 clients read the first five; G03 clients (npm 0.3.1) need the other four as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// User id.
    pub aud: String,
    /// Device id.
    pub sub: String,
    /// Expiry, seconds since 1970.
    pub exp: i64,
    /// Time of issue, seconds since 1970.
    pub iat: i64,
    /// True only right after a complete login, false after a refresh.
    pub fresh: bool,
    /// User id again (G03).
    #[serde(default)]
    pub internal_user_id: String,
    /// Id of the user group (G03).
    #[serde(default)]
    pub group_id: String,
    /// Device id again (G03).
    #[serde(default)]
    pub device_id: String,
    /// Hashed identifier of the device (G03).
    #[serde(default)]
    pub device_identifier: String,
    /// Id of the session: its refresh token's, added by Keystead. Absent in tokens that the app's owner signs himself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sid: String,
}
