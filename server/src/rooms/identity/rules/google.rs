//! Google login (iam.md section 9). The provider's subject is who somebody is; his address links him to an account only when both
//! sides have verified it (better-than 21).

use std::sync::Arc;

use super::super::error::{IamError, IamResult};
use super::super::model::{Client, Role, User};
use super::super::store::provider_users as links;
use super::super::store::users::{self, Changes, NewUser};
use super::authenticate::Issued;
use super::{accounts, emails, login, sessions};
use crate::app::App;
use crate::db::{Conn, is_unique_violation};
use crate::id_token::Identity;
use crate::rooms::audit::rules::{self as audit, Event};
use crate::rooms::directory::rules as directory;

const PROVIDER: &str = "GOOGLE";
/// No password: fits none.
const NO_PASSWORD: &str = "!";

/// Judges an ID token and starts a session; makes the account at the first time. Gives the account's address.
///
/// # Errors
/// 401 `Google Login Error`, 403 for a deactivated account.
pub async fn login(app: &Arc<App>, app_id: &str, id_token: &str, client: &Client) -> IamResult<(Issued, String)> {
    let checked = app.identity.google.check(id_token, app.clock.now_ms()).await;
    let identity = checked.map_err(|e| {
        tracing::debug!(error = %e, "an ID token was refused");
        refused()
    })?;
    let email_key = emails::key(&identity.email).ok_or_else(refused)?;
    let (shared, app_id, client) = (Arc::clone(app), app_id.to_owned(), client.clone());
    app.db
        .write(move |tx| {
            tx.lock(&format!("google {app_id} {}", identity.subject))?;
            let user = find_or_make(&shared, tx, &app_id, &identity, &email_key, &client)?;
            let issued = login::start_session(&shared, tx, &app_id, &user, &client, "google")?;
            Ok((issued, user.email))
        })
        .await
}

fn find_or_make(
    app: &App,
    tx: &mut Conn,
    app_id: &str,
    identity: &Identity,
    email_key: &str,
    client: &Client,
) -> IamResult<User> {
    if let Some(uuid) = links::find(tx, app_id, PROVIDER, &identity.subject)? {
        return users::by_uuid(tx, app_id, &uuid)?.ok_or_else(refused);
    }
    let uuid = match users::by_email(tx, app_id, email_key)? {
        Some(user) => {
            claim(app, tx, app_id, &user, client)?;
            user.uuid
        }
        None => make(app, tx, app_id, identity, email_key, client)?,
    };
    links::insert(tx, app_id, PROVIDER, &identity.subject, &uuid, app.clock.now_ms())
        .map_err(|e| if is_unique_violation(&e) { refused() } else { e.into() })?;
    users::by_uuid(tx, app_id, &uuid)?.ok_or_else(refused)
}

/// An account with the address that nobody has verified may have been made by somebody else: its password and sessions end.
fn claim(app: &App, tx: &mut Conn, app_id: &str, user: &User, client: &Client) -> IamResult<()> {
    if !user.is_active {
        return Err(IamError::deactivated());
    }
    tx.lock(&user.uuid)?;
    if !user.email_verified {
        let now = app.clock.now_ms();
        users::set_password(tx, &user.uuid, NO_PASSWORD, None, now)?;
        let changes = Changes { email_verified: Some(true), updated_ms: Some(now), ..Changes::default() };
        users::change(tx, &user.uuid, &changes)?;
        sessions::end_all(app, tx, &user.uuid, None)?;
    }
    note(app, tx, app_id, "identity.provider_linked", &user.uuid, client)
}

fn make(
    app: &App,
    tx: &mut Conn,
    app_id: &str,
    identity: &Identity,
    email_key: &str,
    client: &Client,
) -> IamResult<String> {
    let name = |text: &Option<String>| {
        let text: String =
            text.iter().flat_map(|t| t.chars()).filter(|c| !c.is_control()).take(accounts::MAX_NAME).collect();
        text.trim().to_owned()
    };
    let picture =
        identity.picture.as_deref().filter(|p| p.len() <= 1_000 && p.starts_with("https://") && !p.contains('\0'));
    let uuid = directory::create_user(app, tx, app_id)?;
    let user = NewUser {
        uuid: &uuid,
        app_id,
        email: &identity.email,
        email_key,
        password_hash: NO_PASSWORD,
        avatar: picture,
        permissions: None,
        first_name: &name(&identity.given_name),
        last_name: &name(&identity.family_name),
        role: Role::General.name(),
        email_verified: true,
        is_active: true,
        last_login_ms: None,
        created_ms: app.clock.now_ms(),
    };
    users::insert(tx, &user).map_err(|e| if is_unique_violation(&e) { refused() } else { e.into() })?;
    note(app, tx, app_id, "identity.registered", &uuid, client)?;
    Ok(uuid)
}

fn refused() -> IamError {
    IamError::new(401, "Google Login Error")
}

fn note(app: &App, tx: &mut Conn, app_id: &str, name: &'static str, uuid: &str, client: &Client) -> IamResult<()> {
    let (id, ip) = (Some(uuid), client.ip.as_deref());
    Ok(audit::record(app, tx, app_id, &Event { name, actor: id, subject: id, ip, detail: Some(PROVIDER) })?)
}
