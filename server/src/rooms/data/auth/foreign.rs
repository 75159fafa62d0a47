//! Tokens of the other APIs: who has one is known here too.

use std::sync::Arc;

use keystead_instaql::Error;
use keystead_instaql::system::USERS;
use serde_json::Map;

use super::rules::{by_email, by_id};
use super::{Auth, User};
use crate::app::App;
use crate::db::Conn;
use crate::error::KeyError;
use crate::rooms::data::error::{DataError, DataResult};
use crate::rooms::data::query::rules as query;
use crate::rooms::data::space::Space;
use crate::rooms::identity::rules::authenticate;
use crate::web::guard::token_user;

/// The user of a JWT of the key API, or of an access token of the identity API, of this app. He may have no `$users` entity.
///
/// # Errors
/// `record-not-found` of `app-user` for a token that is not good.
pub(super) fn by_jwt(app: &App, conn: &mut Conn, space: &Space, token: &str) -> DataResult<Auth> {
    if let Some((id, email)) = authenticate::by_access_token(app, conn, &space.app_id, token)? {
        // Who has shown that the address is his is the user with that address.
        if let Some(email) = &email
            && let Ok(known) = by_email(conn, space, email)
        {
            return Ok(known);
        }
        return known_or_new(conn, space, &id, email.as_deref());
    }
    match token_user(app, conn, &space.app_id, token) {
        Ok(id) => known_or_new(conn, space, &id, None),
        Err(KeyError { cause: Some(cause), .. }) => Err(DataError::internal(cause)),
        Err(_refused) => Err(Error::not_found("app-user").into()),
    }
}

fn known_or_new(conn: &mut Conn, space: &Space, id: &str, email: Option<&str>) -> DataResult<Auth> {
    let id = id.parse().map_err(|_none| Error::not_found("app-user"))?;
    if query::record(conn, space, USERS, id)?.is_some() {
        return by_id(conn, space, id);
    }
    let mut record = Map::new();
    record.insert("id".into(), id.to_string().into());
    if let Some(email) = email {
        record.insert("email".into(), email.to_lowercase().into());
    }
    Ok(Auth::User(Arc::new(User { id, record: Arc::new(record) })))
}
