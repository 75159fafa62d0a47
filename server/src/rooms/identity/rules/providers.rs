//! Logins with an ID token of an OpenID provider: Google (iam.md section 9) and those of the configuration. The provider's subject is who
//! somebody is; his address links him to an account only when both sides have verified it (better-than 21).

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

/// The provider with a route and a section of the configuration of its own.
pub const GOOGLE: &str = "google";
/// No password: fits none.
const NO_PASSWORD: &str = "!";

/// Judges an ID token and starts a session; makes the account at the first time. `provider`: its name in the configuration. Gives
/// the account's address.
///
/// # Errors
/// 401 for a token that is not good, and for an unknown provider; 403 for a deactivated account.
pub async fn login(
    app: &Arc<App>,
    app_id: &str,
    provider: &str,
    id_token: &str,
    client: &Client,
) -> IamResult<(Issued, String)> {
    let Some(known) = app.identity.providers.get(provider) else { return Err(refused(provider)) };
    let checked = known.check(id_token, app.clock.now_ms()).await;
    let good = checked.map(|identity| (emails::key(&identity.email), identity));
    let (email_key, identity) = match good {
        Ok((Some(email_key), identity)) => (email_key, identity),
        bad => {
            if let Err(e) = bad {
                tracing::debug!(error = %e, provider, "an ID token was refused");
            }
            login::note_failure(app, app_id, None, provider, client).await?;
            return Err(refused(provider));
        }
    };
    let (shared, app_id, client, provider) = (Arc::clone(app), app_id.to_owned(), client.clone(), provider.to_owned());
    app.db
        .write(move |tx| {
            tx.lock(&format!("{provider} {app_id} {}", identity.subject))?;
            let person = Person { provider: &provider, identity: &identity, email_key: &email_key };
            let user = find_or_make(&shared, tx, &app_id, &person, &client)?;
            let issued = login::start_session(&shared, tx, &app_id, &user, &client, &provider)?;
            Ok((issued, user.email))
        })
        .await
}

/// What a client is told of a token that is not good.
#[must_use]
pub fn refused(provider: &str) -> IamError {
    IamError::new(401, if provider == GOOGLE { "Google Login Error" } else { "Login Error" })
}

/// Who a token is about.
struct Person<'a> {
    provider: &'a str,
    identity: &'a Identity,
    email_key: &'a str,
}

impl Person<'_> {
    /// The provider's name in the table, as the original writes it.
    fn provider_name(&self) -> String {
        self.provider.to_ascii_uppercase()
    }
}

fn find_or_make(app: &App, tx: &mut Conn, app_id: &str, person: &Person<'_>, client: &Client) -> IamResult<User> {
    let refused = || refused(person.provider);
    let (provider, subject) = (person.provider_name(), person.identity.subject.as_str());
    if let Some(uuid) = links::find(tx, app_id, &provider, subject)? {
        return users::by_uuid(tx, app_id, &uuid)?.ok_or_else(refused);
    }
    let uuid = match users::by_email(tx, app_id, person.email_key)? {
        Some(user) => {
            claim(app, tx, app_id, &user, person, client)?;
            user.uuid
        }
        None => make(app, tx, app_id, person, client)?,
    };
    links::insert(tx, app_id, &provider, subject, &uuid, app.clock.now_ms())
        .map_err(|e| if is_unique_violation(&e) { refused() } else { e.into() })?;
    users::by_uuid(tx, app_id, &uuid)?.ok_or_else(refused)
}

/// An account with the address that nobody has verified may have been made by somebody else: its password and sessions end.
fn claim(app: &App, tx: &mut Conn, app_id: &str, user: &User, person: &Person<'_>, client: &Client) -> IamResult<()> {
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
    note(app, tx, app_id, "identity.provider_linked", &user.uuid, person, client)
}

fn make(app: &App, tx: &mut Conn, app_id: &str, person: &Person<'_>, client: &Client) -> IamResult<String> {
    let Person { identity, email_key, .. } = person;
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
    users::insert(tx, &user).map_err(|e| if is_unique_violation(&e) { refused(person.provider) } else { e.into() })?;
    note(app, tx, app_id, "identity.registered", &uuid, person, client)?;
    Ok(uuid)
}

fn note(
    app: &App,
    tx: &mut Conn,
    app_id: &str,
    name: &'static str,
    uuid: &str,
    person: &Person<'_>,
    client: &Client,
) -> IamResult<()> {
    let (id, ip, detail) = (Some(uuid), client.ip.as_deref(), Some(person.provider));
    Ok(audit::record(app, tx, app_id, &Event { name, actor: id, subject: id, ip, detail })?)
}
