//! What holds for accounts: who is logged in, who may do what, what a token is worth.

pub mod accounts;
pub mod authenticate;
pub mod delays;
pub mod emails;
pub mod import;
pub mod keys;
pub mod login;
pub mod mail_flows;
pub mod operator;
pub mod passwords;
pub mod providers;
pub mod record;
pub mod refresh_tokens;
pub mod remembered;
pub mod renewal;
pub mod secrets;
pub mod sessions;
mod table_file;
pub mod tokens;
pub mod users;

use super::error::{IamError, IamResult};
use crate::app::App;
use crate::db::Conn;
use crate::hashing::HashError;
use crate::rooms::apps::rules as apps;

/// The app that is served without an app token: `default`, which the first start made.
///
/// # Errors
/// 500 when there is none.
pub fn default_app(app: &App, conn: &mut Conn) -> IamResult<String> {
    if let Some(id) = app.identity.default_app.get() {
        return Ok(id.clone());
    }
    let id = apps::default_app(conn)?.ok_or_else(|| IamError::internal("there is no app 'default'"))?;
    Ok(app.identity.default_app.get_or_init(|| id).clone())
}

/// Removes what is too old to be used.
///
/// # Errors
/// What the database says.
pub fn sweep(app: &App, tx: &mut Conn) -> diesel::QueryResult<usize> {
    let (now, config) = (app.clock.now_ms(), &app.config.identity);
    let tokens = super::store::refresh_tokens::delete_before(tx, now - config.refresh_token_ms())?;
    // Kept a while longer than they can be used: they say from which networks somebody usually logs in.
    let sessions = super::store::sessions::delete_before(tx, now - config.session_idle_ms() - login::KNOWN_FOR_MS)?;
    let links = super::store::one_time_tokens::delete_before(tx, now - 24 * 3_600_000)?;
    Ok(tokens + sessions + links)
}

impl From<HashError> for IamError {
    fn from(e: HashError) -> Self {
        match e {
            HashError::Busy => Self::busy(),
            HashError::Failed => Self { cause: Some(Box::new(e)), ..Self::new(500, "Password error") },
        }
    }
}
