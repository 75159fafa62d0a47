//! Making, changing and removing one's own account.

use std::sync::Arc;

use keystead_protocol::keys::RegisterData;
use zeroize::Zeroizing;

use super::super::error::{IamError, IamResult};
use super::super::model::{Client, Role, User};
use super::super::store::settings;
use super::super::store::users::{self as store, Changes, NewUser};
use super::authenticate::Caller;
use super::{emails, login, passwords, sessions};
use crate::app::App;
use crate::db::{Conn, is_unique_violation};
use crate::hashing::Verdict;
use crate::rooms::apps::rules as apps;
use crate::rooms::audit::rules::{self as audit, Event};
use crate::rooms::data::users::rules::{self as data, Forgotten};
use crate::rooms::directory::rules as directory;
use crate::rooms::keys::rules as keys;

/// Longest names, characters.
pub const MAX_NAME: usize = 255;

/// What a registration brings.
pub struct Registration {
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Address, as it is echoed.
    pub email: String,
    /// Password in clear.
    pub password: Zeroizing<String>,
    /// Keys for the key API, made by the client (seed 001).
    pub keys: Option<RegisterData>,
}

/// What became of it.
#[derive(Debug)]
pub struct Registered {
    /// User id.
    pub user_id: String,
    /// Id of the first device, when keys came along.
    pub device_id: Option<String>,
}

/// A change of one's own account.
#[derive(Default)]
pub struct Update {
    /// New first name.
    pub first_name: Option<String>,
    /// New last name.
    pub last_name: Option<String>,
    /// The current and the new password.
    pub password: Option<(Zeroizing<String>, Zeroizing<String>)>,
}

/// Makes an account, with its keys if they come along, in one transaction.
///
/// # Errors
/// 400, 409 `Email already exists`, 503.
pub async fn register(app: &Arc<App>, app_id: &str, new: Registration, client: &Client) -> IamResult<Registered> {
    let email_key = emails::key(&new.email).ok_or_else(|| IamError::bad("Bad email format"))?;
    let (id, key) = (app_id.to_owned(), email_key.clone());
    let (taken, keys_demanded) = app
        .db
        .read(move |conn| {
            if !apps::is_enabled(conn, &id)? {
                return Err(IamError::forbidden());
            }
            Ok((store::by_email(conn, &id, &key)?.is_some(), settings::demands_keys(conn, &id)?))
        })
        .await?;
    if taken {
        return Err(taken_error());
    }
    let about = [new.email.as_str(), &new.first_name, &new.last_name];
    if let Some(weakness) = passwords::weakness(&app.config.identity, &new.password, &about) {
        return Err(IamError::bad(format!("Poor password strength. {weakness}")));
    }
    if keys_demanded && new.keys.is_none() {
        return Err(IamError::bad("'key_registration' is required"));
    }
    let key_registration = new.keys.map(keys::validate_registration).transpose()?;
    let hash = app.identity.hasher.hash(new.password).await?;
    let (first_name, last_name, email) = (new.first_name, new.last_name, new.email);
    let (shared, app_id, client) = (Arc::clone(app), app_id.to_owned(), client.clone());
    app.db
        .write(move |tx| {
            let (user_id, device_id) = match &key_registration {
                Some(registration) => {
                    let made = keys::register(&shared, tx, &app_id, registration)?;
                    (made.user_id, Some(made.device_id))
                }
                None => (directory::create_user(&shared, tx, &app_id)?, None),
            };
            let user = NewUser {
                uuid: &user_id,
                app_id: &app_id,
                email: &email,
                email_key: &email_key,
                password_hash: &hash,
                avatar: None,
                permissions: None,
                first_name: &first_name,
                last_name: &last_name,
                role: Role::General.name(),
                email_verified: false,
                is_active: true,
                last_login_ms: None,
                created_ms: shared.clock.now_ms(),
            };
            store::insert(tx, &user).map_err(|e| if is_unique_violation(&e) { taken_error() } else { e.into() })?;
            note(&shared, tx, &app_id, "identity.registered", &user_id, &client)?;
            Ok(Registered { user_id, device_id })
        })
        .await
}

/// Changes names and password of the caller. A changed password ends his other sessions (better-than 14) and his
/// live connections, of which those with good tokens come back.
///
/// # Errors
/// 400, 429, 503.
pub async fn update(app: &Arc<App>, app_id: &str, caller: &Caller, update: Update, client: &Client) -> IamResult<User> {
    let mut changes = Changes { updated_ms: Some(app.clock.now_ms()), ..Changes::default() };
    changes.first_name = update.first_name;
    changes.last_name = update.last_name;
    let new_hash = match update.password {
        Some((current, new)) => Some(new_password(app, app_id, caller, current, new, client).await?),
        None => None,
    };
    let changes_password = new_hash.is_some();
    let (shared, owned_id, client, caller) = (Arc::clone(app), app_id.to_owned(), client.clone(), caller.clone());
    let user = app
        .db
        .write::<_, IamError, _>(move |tx| {
            let (app_id, uuid) = (owned_id.as_str(), caller.user.uuid.as_str());
            tx.lock(uuid)?;
            store::change(tx, uuid, &changes)?;
            if changes.first_name.is_some() || changes.last_name.is_some() {
                note(&shared, tx, app_id, "identity.updated", uuid, &client)?;
            }
            if let Some(hash) = &new_hash {
                let current = store::by_uuid(tx, app_id, uuid)?.ok_or_else(|| IamError::bad("User not found"))?;
                if current.password_hash != caller.user.password_hash {
                    return Err(IamError::bad("Wrong current password"));
                }
                store::set_password(tx, uuid, hash, None, shared.clock.now_ms())?;
                sessions::end_all(&shared, tx, uuid, Some(&caller.session.id))?;
                note(&shared, tx, app_id, "identity.password_changed", uuid, &client)?;
            }
            store::by_uuid(tx, app_id, uuid)?.ok_or_else(|| IamError::bad("User not found"))
        })
        .await?;
    if changes_password {
        data::signed_out(app, app_id, &user.uuid).await;
    }
    Ok(user)
}

/// The account of an id in the same app, or what the caller may be told instead.
///
/// # Errors
/// The given one when there is none; 403 when it is somebody else's (better-than 3).
pub async fn must_be_own(
    app: &Arc<App>,
    app_id: &str,
    caller: &Caller,
    uuid: &str,
    missing: IamError,
) -> IamResult<()> {
    if caller.user.uuid == uuid {
        return Ok(());
    }
    if !is_id(uuid) {
        return Err(missing);
    }
    let (app_id, uuid) = (app_id.to_owned(), uuid.to_owned());
    let other = app.db.read::<_, IamError, _>(move |conn| Ok(store::by_uuid(conn, &app_id, &uuid)?)).await?;
    Err(if other.is_some() { IamError::forbidden() } else { missing })
}

/// Removes a user with everything that is his, his keys and his data included. The last administrator stays (better-than 25).
///
/// # Errors
/// 403 for the last administrator.
pub fn delete(
    app: &App,
    tx: &mut Conn,
    app_id: &str,
    user: &User,
    actor: Option<&str>,
    client: &Client,
) -> IamResult<Forgotten> {
    keep_an_admin(tx, app_id, user)?;
    let forgotten = data::forget(app, tx, app_id, &user.uuid)?;
    if keys::user_group_of(tx, app_id, &user.uuid)?.is_some() {
        keys::delete_user(tx, app_id, &user.uuid)?;
    } else {
        tx.lock(&user.uuid)?;
        directory::delete_user(tx, &user.uuid)?;
    }
    let (subject, ip) = (Some(user.uuid.as_str()), client.ip.as_deref());
    audit::record(app, tx, app_id, &Event { name: "identity.deleted", actor, subject, ip, detail: None })?;
    Ok(forgotten)
}

/// Refuses what would leave the app without an active administrator whose address is verified.
///
/// # Errors
/// 403
pub(super) fn keep_an_admin(tx: &mut Conn, app_id: &str, user: &User) -> IamResult<()> {
    if !user.is_admin() || !user.is_active {
        return Ok(());
    }
    // Two administrators must not remove each other at the same time.
    tx.lock(&format!("identity admins {app_id}"))?;
    match store::count_other_admins(tx, app_id, &user.uuid)? {
        0 => Err(IamError::new(403, "Forbidden. The last administrator cannot be removed.")),
        _ => Ok(()),
    }
}

/// True for what can be a user id: nothing else is shown to the database.
pub(super) fn is_id(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

/// Judges the current password and hashes the new one.
async fn new_password(
    app: &Arc<App>,
    app_id: &str,
    caller: &Caller,
    current: Zeroizing<String>,
    new: Zeroizing<String>,
    client: &Client,
) -> IamResult<String> {
    let user = &caller.user;
    // Guessing on a stolen session is guessing too; but it must not count against the owner's logins.
    let attempt = app.identity.delays.attempt(app_id, &user.uuid, client.network.as_deref(), true);
    app.identity.delays.begin(&attempt)?;
    let fits = current.len() <= passwords::MAX_BYTES;
    let same = current == new;
    let verdict = match fits {
        true => app.identity.hasher.verify(current, Some(user.password_hash.clone())).await?,
        false => Verdict::Wrong,
    };
    if verdict == Verdict::Wrong {
        login::note_failure(app, app_id, Some(&user.uuid), "current password", client).await?;
        return Err(IamError::bad("Wrong current password"));
    }
    // A temporary password went through a URL: it must not become the permanent one (better-than 13).
    if user.password_expires_ms.is_some() && same {
        return Err(IamError::bad(
            "Poor new password strength. The temporary password must be replaced by another one.",
        ));
    }
    app.identity.delays.was_right(&attempt);
    let about = [user.email.as_str(), &user.first_name, &user.last_name];
    if let Some(weakness) = passwords::weakness(&app.config.identity, &new, &about) {
        return Err(IamError::bad(format!("Poor new password strength. {weakness}")));
    }
    Ok(app.identity.hasher.hash(new).await?)
}

fn taken_error() -> IamError {
    IamError::new(409, "Email already exists")
}

fn note(app: &App, tx: &mut Conn, app_id: &str, name: &'static str, uuid: &str, client: &Client) -> IamResult<()> {
    let (id, ip) = (Some(uuid), client.ip.as_deref());
    Ok(audit::record(app, tx, app_id, &Event { name, actor: id, subject: id, ip, detail: None })?)
}
