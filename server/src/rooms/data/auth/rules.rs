//! Tokens, and the users they stand for (instant.md sections 1.6 and 8).

use std::sync::Arc;

use keystead_crypto::encoding::hex_encode;
use keystead_crypto::hash;
use keystead_instaql::schema::EntityId;
use keystead_instaql::system::{USERS, USERS_EMAIL};
use keystead_instaql::{Error, key};
use serde_json::Value;
use uuid::Uuid;

use super::{Auth, User, foreign, store};
use crate::app::App;
use crate::db::Conn;
use crate::rooms::apps::rules as apps;
use crate::rooms::data::error::DataResult;
use crate::rooms::data::query::rules as query;
use crate::rooms::data::space::Space;
use crate::rooms::data::space::rules::known;

/// True when the app has this admin token.
///
/// # Errors
/// What the database says.
pub fn is_admin_token(conn: &mut Conn, app_id: &str, token: &str) -> DataResult<bool> {
    Ok(apps::is_admin_token(conn, app_id, token)?)
}

/// App and user of a refresh token, in one visit to the database. Only ever says yes: whatever is not plainly right is left to
/// [`by_token`], which knows the errors.
///
/// # Errors
/// What the database says.
pub fn plain(app: &App, conn: &mut Conn, app_id: &str, token: &str) -> DataResult<Option<(Arc<Space>, Auth)>> {
    let Ok(token) = token.parse() else { return Ok(None) };
    let Some((version, user, values)) = store::visit(conn, app_id, &token_hash(token))? else { return Ok(None) };
    let (Some(space), Ok(id)) = (known(app, app_id, version), user.parse()) else { return Ok(None) };
    let record = query::record_from(&space, USERS, &values)?;
    Ok(record.map(|record| (space, Auth::User(Arc::new(User { id, record: Arc::new(record) })))))
}

/// The user of a refresh token, or of a token of the key API or identity API.
///
/// # Errors
/// `param-malformed` for what is no token, `record-not-found` of `app-user`.
pub fn by_token(app: &App, conn: &mut Conn, space: &Space, token: &str) -> DataResult<Auth> {
    let Ok(token) = token.parse() else {
        return match token.split('.').count() {
            3 => foreign::by_jwt(app, conn, space, token),
            _ => Err(Error::malformed(&["asUser", "token"], Value::Null).into()),
        };
    };
    let id = holder(conn, space, token)?.ok_or_else(|| Error::not_found("app-user"))?;
    by_id(conn, space, id)
}

/// Whose refresh token this is.
///
/// # Errors
/// What the database says.
pub fn holder(conn: &mut Conn, space: &Space, token: Uuid) -> DataResult<Option<EntityId>> {
    Ok(store::user_of(conn, &space.app_id, &token_hash(token))?.and_then(|id| id.parse().ok()))
}

/// The user with this address.
///
/// # Errors
/// `record-not-found` of `app-user`.
pub fn by_email(conn: &mut Conn, space: &Space, email: &str) -> DataResult<Auth> {
    let email = email.trim().to_lowercase();
    let wanted = (USERS_EMAIL, key::of(&email.into(), None, 0));
    let holder = query::holder(conn, space, &wanted)?.ok_or_else(|| Error::not_found("app-user"))?;
    by_id(conn, space, holder)
}

/// The user with this id.
///
/// # Errors
/// `record-not-found` of `app-user`.
pub fn by_id(conn: &mut Conn, space: &Space, id: EntityId) -> DataResult<Auth> {
    let record = query::record(conn, space, USERS, id)?.ok_or_else(|| Error::not_found("app-user"))?;
    Ok(Auth::User(Arc::new(User { id, record: Arc::new(record) })))
}

/// Gives a user a new refresh token. Older ones stay good.
///
/// # Errors
/// What the database says.
pub fn mint(app: &App, tx: &mut Conn, space: &Space, user: EntityId) -> DataResult<Uuid> {
    let token = Uuid::parse_str(&app.new_id()).unwrap_or_default();
    store::insert(tx, &space.app_id, &user.to_string(), &token_hash(token), app.clock.now_ms())?;
    Ok(token)
}

/// Ends a refresh token; false when there is none.
///
/// # Errors
/// What the database says.
pub fn end(tx: &mut Conn, app_id: &str, token: Uuid) -> DataResult<bool> {
    Ok(store::delete(tx, app_id, &token_hash(token))? > 0)
}

/// Ends all refresh tokens of a user.
///
/// # Errors
/// What the database says.
pub fn end_all(tx: &mut Conn, app_id: &str, user: EntityId) -> DataResult<usize> {
    Ok(store::delete_of(tx, app_id, &user.to_string())?)
}

/// How a token rests: hex of the SHA-256 of its text.
fn token_hash(token: Uuid) -> String {
    hex_encode(&hash::sha256(token.to_string().as_bytes()))
}
