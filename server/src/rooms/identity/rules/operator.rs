//! What the operator's commands do with accounts.

use serde::Serialize;

use super::super::error::{IamError, IamResult};
use super::super::model::{Role, User};
use super::super::store::settings;
use super::super::store::users::{self as store, Changes};
use super::accounts::keep_an_admin;
use super::{emails, sessions};
use crate::app::App;
use crate::clock::iso8601;
use crate::db::Conn;
use crate::rooms::audit::rules::{self as audit, Event};
use crate::rooms::data::users::rules as data;

/// An account in the operator's list.
#[derive(Debug, Serialize)]
pub struct AccountInfo {
    /// User id.
    pub uuid: String,
    /// Address.
    pub email: String,
    /// Role.
    pub role: String,
    /// The address is the user's.
    pub email_verified: bool,
    /// Not switched off.
    pub is_active: bool,
    /// Time of registration.
    pub created_at: String,
}

/// Gives an account a role, and says that its address is verified if asked to. Its sessions end.
///
/// # Errors
/// 404 when there is no such account; 403 for the last administrator.
pub fn promote(app: &App, tx: &mut Conn, app_id: &str, email: &str, role: Role, verified: bool) -> IamResult<()> {
    let user = find(tx, app_id, email)?;
    if role != Role::SuperAdmin {
        keep_an_admin(tx, app_id, &user)?;
    }
    let changes = Changes {
        role: Some(role.name().to_owned()),
        email_verified: verified.then_some(true),
        updated_ms: Some(app.clock.now_ms()),
        ..Changes::default()
    };
    change(app, tx, app_id, &user, &changes, ("identity.role_changed", Some(role.name())))
}

/// Switches an account off, or on again. Its sessions end.
///
/// # Errors
/// 404 when there is no such account; 403 for the last administrator.
pub fn set_active(app: &App, tx: &mut Conn, app_id: &str, email: &str, active: bool) -> IamResult<()> {
    let user = find(tx, app_id, email)?;
    if !active {
        keep_an_admin(tx, app_id, &user)?;
    }
    let changes = Changes { is_active: Some(active), updated_ms: Some(app.clock.now_ms()), ..Changes::default() };
    let name = if active { "identity.activated" } else { "identity.deactivated" };
    change(app, tx, app_id, &user, &changes, (name, None))
}

/// A page of accounts.
///
/// # Errors
/// What the database says.
pub fn list(conn: &mut Conn, app_id: &str, skip: i64, take: i64) -> IamResult<Vec<AccountInfo>> {
    let info = |user: User| AccountInfo {
        uuid: user.uuid,
        email: user.email,
        role: user.role,
        email_verified: user.email_verified,
        is_active: user.is_active,
        created_at: iso8601(user.created_ms),
    };
    Ok(store::page(conn, app_id, skip, take)?.into_iter().map(info).collect())
}

/// Says whether a registration in this app must bring keys.
///
/// # Errors
/// What the database says.
pub fn demand_keys(app: &App, tx: &mut Conn, app_id: &str, demand: bool) -> IamResult<()> {
    settings::set_demands_keys(tx, app_id, demand)?;
    let detail = Some(if demand { "demanded" } else { "optional" });
    Ok(audit::record(app, tx, app_id, &Event { name: "identity.keys_option", detail, ..Event::default() })?)
}

fn find(conn: &mut Conn, app_id: &str, email: &str) -> IamResult<User> {
    let missing = || IamError::new(404, "there is no account with this address");
    let key = emails::key(email).ok_or_else(missing)?;
    store::by_email(conn, app_id, &key)?.ok_or_else(missing)
}

fn change(
    app: &App,
    tx: &mut Conn,
    app_id: &str,
    user: &User,
    changes: &Changes,
    (name, detail): (&'static str, Option<&str>),
) -> IamResult<()> {
    tx.lock(&user.uuid)?;
    store::change(tx, &user.uuid, changes)?;
    sessions::end_all(app, tx, &user.uuid, None)?;
    data::note_signed_out(app, tx, app_id, &user.uuid)?;
    Ok(audit::record(app, tx, app_id, &Event { name, subject: Some(&user.uuid), detail, ..Event::default() })?)
}
