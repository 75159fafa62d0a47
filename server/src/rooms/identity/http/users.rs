//! `/api/iam/users` (iam.md section 10).

use std::sync::Arc;

use super::super::error::{IamError, IamResult};
use super::super::model::Role;
use super::super::rules::record::{UserList, UserRecord};
use super::super::rules::users::{self as rules, UserUpdate};
use super::authn::changed_name;
use crate::rooms::data::users::rules as data;
use crate::web::identity::{IdentityCall, Input, Reply};

/// Longest address of a picture and longest list of permissions, characters.
const MAX_AVATAR: usize = 1_000;
const MAX_PERMISSIONS: usize = 4_000;
/// Longest name of a permission that is looked at and echoed.
const MAX_PERMISSION: usize = 255;

/// `GET /users`
pub async fn list(call: IdentityCall) -> IamResult<Reply> {
    let ((skip, take), app_id) = (call.page(), call.app_id.clone());
    let users = call.app.db.read(move |conn| rules::list(conn, &app_id, skip, take)).await?;
    let csrf_token = call.app.identity.secrets.csrf_token(&call.caller()?.session.id);
    Reply::data(&UserList { users: users.into_iter().map(UserRecord::from).collect(), csrf_token })
}

/// `POST /users`: never makes one.
pub async fn create(_call: IdentityCall) -> IamResult<Reply> {
    Err(IamError::new(422, "All users must be created from authn/register endpoint"))
}

/// `GET /users/{uuid}`
pub async fn get(call: IdentityCall) -> IamResult<Reply> {
    let (app_id, uuid, caller) = (call.app_id.clone(), call.param(0), Arc::clone(call.caller()?));
    let user = call.app.db.read(move |conn| rules::get(conn, &app_id, &caller, &uuid)).await?;
    Reply::data(&UserRecord::from(user))
}

/// `GET /users/{uuid}/permission/{name}`: about the caller, whoever stands in the path.
pub async fn permission(call: IdentityCall) -> IamResult<Reply> {
    let name: String = call.param(1).chars().filter(|c| !c.is_control()).take(MAX_PERMISSION).collect();
    let caller = call.caller()?;
    let uuid = &caller.user.uuid;
    if !rules::has_permission(caller, &name) {
        return Err(IamError::new(401, format!("User: {uuid} does NOT have permission: {name}")));
    }
    Reply::data(&format!("User: {uuid} has permission: {name}"))
}

/// `PUT /users/{uuid}`
pub async fn update(call: IdentityCall) -> IamResult<Reply> {
    let (app, app_id, client) = (Arc::clone(&call.app), call.app_id.clone(), call.client.clone());
    let (uuid, caller) = (call.param(0), Arc::clone(call.caller()?));
    let wanted = match update_of(&call.input()?) {
        Ok(wanted) => wanted,
        // Who may not change it, and that there is nothing to change, is told before what is wrong with the change.
        Err(e) => {
            app.db.read(move |conn| rules::changeable(conn, &app_id, &caller, &uuid).map(drop)).await?;
            return Err(e);
        }
    };
    let change = move |tx: &mut crate::db::Conn| rules::update(&app, tx, &app_id, &caller, &uuid, &wanted, &client);
    let (user, ends_sessions) = call.app.db.write(change).await?;
    if ends_sessions {
        data::signed_out(&call.app, &call.app_id, &user.uuid).await;
    }
    Reply::data(&UserRecord::from(user))
}

/// `DELETE /users/{uuid}`
pub async fn delete(call: IdentityCall) -> IamResult<Reply> {
    let (app, app_id, client) = (Arc::clone(&call.app), call.app_id.clone(), call.client.clone());
    let (uuid, caller) = (call.param(0), Arc::clone(call.caller()?));
    call.app.db.write(move |tx| rules::delete(&app, tx, &app_id, &caller, &uuid, &client)).await?.tell(&call.app);
    Ok(Reply::plain())
}

fn update_of(input: &Input) -> IamResult<UserUpdate> {
    const FIELDS: [&str; 8] =
        ["first_name", "last_name", "avatar", "permissions", "role", "is_active", "email_verified", "email"];
    if !FIELDS.iter().any(|field| input.has(field)) {
        return Err(IamError::bad("No updatable properties supplied"));
    }
    let role = match input.text("role")? {
        None => None,
        Some(name) if name.trim().is_empty() => return Err(IamError::bad("role must have data")),
        Some(name) => Some(Role::parse(&name).ok_or_else(|| IamError::bad("Unknown role"))?),
    };
    let bounded = |field: &str, most: usize| match input.nullable(field)? {
        Some(Some(text)) if text.chars().count() > most => {
            Err(IamError::bad(format!("'{field}' must have at most {most} characters")))
        }
        value => Ok(value),
    };
    Ok(UserUpdate {
        first_name: changed_name(input, "first_name", "must have data")?,
        last_name: changed_name(input, "last_name", "must have data")?,
        avatar: bounded("avatar", MAX_AVATAR)?,
        permissions: bounded("permissions", MAX_PERMISSIONS)?,
        role,
        is_active: input.truth("is_active")?,
        email_verified: input.truth("email_verified")?,
        email: input.text("email")?,
    })
}
