//! Refresh tokens as administrators see and remove them (iam.md section 10). Sessions stay until their access tokens end.

use super::super::error::{IamError, IamResult};
use super::super::model::Client;
use super::super::store::refresh_tokens as store;
use super::authenticate::Caller;
use super::record::TokenRecord;
use crate::app::App;
use crate::db::Conn;
use crate::rooms::audit::rules::{self as audit, Event};

/// A page of all users' tokens by ascending number, the ended ones too.
///
/// # Errors
/// What the database says.
pub fn list(conn: &mut Conn, app_id: &str, skip: i64, take: i64) -> IamResult<Vec<TokenRecord>> {
    Ok(store::page(conn, app_id, skip, take)?.into_iter().map(TokenRecord::new).collect())
}

/// Removes one token.
///
/// # Errors
/// 404 when there is none.
pub fn delete(app: &App, tx: &mut Conn, app_id: &str, caller: &Caller, id: i64, client: &Client) -> IamResult<()> {
    let missing = || IamError::new(404, "Refresh token not found");
    let owner = store::owner(tx, app_id, id)?.ok_or_else(missing)?;
    if store::delete(tx, app_id, id)? == 0 {
        return Err(missing());
    }
    let (name, actor, ip) = ("identity.refresh_token_deleted", Some(caller.user.uuid.as_str()), client.ip.as_deref());
    Ok(audit::record(app, tx, app_id, &Event { name, actor, subject: Some(&owner), ip, detail: None })?)
}

/// Removes all tokens of all users.
///
/// # Errors
/// What the database says.
pub fn delete_all(app: &App, tx: &mut Conn, app_id: &str, caller: &Caller, client: &Client) -> IamResult<()> {
    store::delete_all(tx, app_id)?;
    let (name, actor, ip) = ("identity.refresh_tokens_deleted", Some(caller.user.uuid.as_str()), client.ip.as_deref());
    Ok(audit::record(app, tx, app_id, &Event { name, actor, ip, ..Event::default() })?)
}
