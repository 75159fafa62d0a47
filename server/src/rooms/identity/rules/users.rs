//! Accounts as administrators and their owners see and change them (iam.md section 10).

use super::super::error::{IamError, IamResult};
use super::super::model::{Client, Role, User};
use super::super::store::users::{self as store, Changes};
use super::accounts::{is_id, keep_an_admin};
use super::authenticate::Caller;
use super::{emails, sessions};
use crate::app::App;
use crate::db::Conn;
use crate::rooms::audit::rules::{self as audit, Event};
use crate::rooms::data::users::rules::Forgotten;

/// Names under which the one permission that is computed goes.
const ADMIN_PERMISSION: [&str; 2] = ["can-access-admin", "canAccessAdmin"];

/// What a request would change; `None` leaves a value as it is. The outer `Option` of a nullable value says whether it came.
#[derive(Debug, Clone, Default)]
pub struct UserUpdate {
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// Address of a picture.
    pub avatar: Option<Option<String>>,
    /// Free text, comma separated.
    pub permissions: Option<Option<String>>,
    /// Role.
    pub role: Option<Role>,
    /// Switched on or off.
    pub is_active: Option<bool>,
    /// What nobody can change here, and an owner must not even try to (iam.md D12).
    pub email_verified: Option<bool>,
    /// The same.
    pub email: Option<String>,
}

/// A page of accounts by ascending number.
///
/// # Errors
/// What the database says.
pub fn list(conn: &mut Conn, app_id: &str, skip: i64, take: i64) -> IamResult<Vec<User>> {
    Ok(store::page(conn, app_id, skip, take)?)
}

/// An account, for an administrator or its owner.
///
/// # Errors
/// 403 for anybody else, 404 when there is none.
pub fn get(conn: &mut Conn, app_id: &str, caller: &Caller, uuid: &str) -> IamResult<User> {
    admin_or_owner(caller, uuid)?;
    find(conn, app_id, uuid)?.ok_or_else(|| IamError::new(404, "User not found"))
}

/// True when the caller has a permission: the computed one, or one that stands in his column.
#[must_use]
pub fn has_permission(caller: &Caller, name: &str) -> bool {
    let held = caller.user.permissions.as_deref().unwrap_or_default();
    (caller.user.is_admin() && ADMIN_PERMISSION.contains(&name)) || held.split(',').any(|held| held.trim() == name)
}

/// True when an account has this id.
///
/// # Errors
/// What the database says.
pub fn exists(conn: &mut Conn, app_id: &str, uuid: &str) -> diesel::QueryResult<bool> {
    Ok(is_id(uuid) && store::by_uuid(conn, app_id, uuid)?.is_some())
}

/// The id of the active account whose verified address this is.
///
/// # Errors
/// What the database says.
pub fn verified(conn: &mut Conn, app_id: &str, email: &str) -> diesel::QueryResult<Option<String>> {
    let Some(key) = emails::key(email) else { return Ok(None) };
    let user = store::by_email(conn, app_id, &key)?;
    Ok(user.filter(|user| user.email_verified && user.is_active).map(|user| user.uuid))
}

/// The address of an account, once its owner has shown that it is his.
///
/// # Errors
/// What the database says.
pub fn verified_email_of(conn: &mut Conn, app_id: &str, uuid: &str) -> diesel::QueryResult<Option<String>> {
    if !is_id(uuid) {
        return Ok(None);
    }
    Ok(store::by_uuid(conn, app_id, uuid)?.filter(|user| user.email_verified).map(|user| user.email))
}

/// Changes an account: an administrator its names, picture, permissions, role and state; an owner his names and picture. A
/// changed role or a deactivation ends the user's sessions (better-than 2, 14, 25); whether it did is told beside.
///
/// # Errors
/// 400 when there is no such user, 403.
pub fn update(
    app: &App,
    tx: &mut Conn,
    app_id: &str,
    caller: &Caller,
    uuid: &str,
    wanted: &UserUpdate,
    client: &Client,
) -> IamResult<(User, bool)> {
    tx.lock(uuid)?;
    let user = changeable(tx, app_id, caller, uuid)?;
    let role = wanted.role.map(Role::name).filter(|role| *role != user.role);
    let is_active = wanted.is_active.filter(|on| *on != user.is_active);
    let permissions = wanted.permissions.clone().filter(|p| *p != user.permissions);
    if !caller.user.is_admin() {
        let others = wanted.email_verified.is_some_and(|v| v != user.email_verified)
            || wanted.email.as_ref().is_some_and(|e| *e != user.email);
        if role.is_some() || is_active.is_some() || permissions.is_some() || others {
            return Err(IamError::forbidden());
        }
    }
    if role.is_some() || is_active == Some(false) {
        keep_an_admin(tx, app_id, &user)?;
    }
    let changes = Changes {
        first_name: wanted.first_name.clone(),
        last_name: wanted.last_name.clone(),
        avatar: wanted.avatar.clone(),
        permissions,
        role: role.map(str::to_owned),
        is_active,
        email_verified: None,
        updated_ms: Some(app.clock.now_ms()),
    };
    store::change(tx, uuid, &changes)?;
    let mut note = |name, detail| {
        let (actor, ip) = (Some(caller.user.uuid.as_str()), client.ip.as_deref());
        audit::record(app, tx, app_id, &Event { name, actor, subject: Some(uuid), ip, detail })
    };
    let ends_sessions = role.is_some() || is_active.is_some();
    match (role, is_active) {
        (None, None) => note("identity.updated", None)?,
        _ => {
            if let Some(role) = role {
                note("identity.role_changed", Some(role))?;
            }
            if let Some(on) = is_active {
                note(if on { "identity.activated" } else { "identity.deactivated" }, None)?;
            }
            sessions::end_all(app, tx, uuid, None)?;
        }
    }
    Ok((find(tx, app_id, uuid)?.ok_or_else(missing)?, ends_sessions))
}

/// The account that the caller wants to change or remove.
///
/// # Errors
/// 403 when he may not, 400 when there is none.
pub fn changeable(conn: &mut Conn, app_id: &str, caller: &Caller, uuid: &str) -> IamResult<User> {
    admin_or_owner(caller, uuid)?;
    find(conn, app_id, uuid)?.ok_or_else(missing)
}

/// Removes an account, for an administrator or its owner.
///
/// # Errors
/// 400 when there is no such user, 403.
pub fn delete(
    app: &App,
    tx: &mut Conn,
    app_id: &str,
    caller: &Caller,
    uuid: &str,
    client: &Client,
) -> IamResult<Forgotten> {
    let user = changeable(tx, app_id, caller, uuid)?;
    super::accounts::delete(app, tx, app_id, &user, Some(&caller.user.uuid), client)
}

fn find(conn: &mut Conn, app_id: &str, uuid: &str) -> IamResult<Option<User>> {
    if is_id(uuid) { Ok(store::by_uuid(conn, app_id, uuid)?) } else { Ok(None) }
}

fn missing() -> IamError {
    IamError::bad("User not found")
}

fn admin_or_owner(caller: &Caller, uuid: &str) -> IamResult<()> {
    if caller.user.is_admin() || caller.user.uuid == uuid { Ok(()) } else { Err(IamError::forbidden()) }
}
