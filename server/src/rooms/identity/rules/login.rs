//! Logging in with address and password.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::super::error::{IamError, IamResult};
use super::super::model::{Client, Session, User};
use super::super::store::{refresh_tokens, sessions, users};
use super::authenticate::{Issued, password_has_expired};
use super::secrets::at_rest;
use super::{emails, passwords, renewal};
use crate::app::App;
use crate::db::Conn;
use crate::hashing::Verdict;
use crate::rooms::apps::rules as apps;
use crate::rooms::audit::rules::{self as audit, Event};

/// For so long a network counts as one that the account logs in from.
pub const KNOWN_FOR_MS: i64 = 90 * 24 * 3_600_000;

/// Judges address and password and starts a session.
///
/// # Errors
/// 400 for what is no address, 401 `Invalid login`, 403 for a deactivated account, 429, 503.
pub async fn login(
    app: &Arc<App>,
    app_id: &str,
    email: &str,
    password: Zeroizing<String>,
    client: &Client,
) -> IamResult<Issued> {
    let email_key = emails::key(email).ok_or_else(|| IamError::bad("Bad email format"))?;
    let (user, known) = {
        let (app_id, email_key, network) = (app_id.to_owned(), email_key.clone(), client.network.clone());
        let since = app.clock.now_ms() - KNOWN_FOR_MS;
        app.db.read(move |conn| find(conn, &app_id, &email_key, network.as_deref(), since)).await?
    };
    let attempt = app.identity.delays.attempt(app_id, &email_key, client.network.as_deref(), known);
    app.identity.delays.begin(&attempt)?;
    // An account that does not exist costs the same (better-than 11), and a password that cannot be one costs nothing.
    let hash = user.as_ref().map(|u| u.password_hash.clone());
    let verdict = if password.len() > passwords::MAX_BYTES {
        Verdict::Wrong
    } else {
        app.identity.hasher.verify(password, hash).await?
    };
    let now = app.clock.now_ms();
    let user = match user {
        Some(user) if verdict != Verdict::Wrong && !password_has_expired(&user, now) => user,
        user => {
            note_failure(app, app_id, user.as_ref().map(|u| u.uuid.as_str()), "password", client).await?;
            return Err(IamError::new(401, "Invalid login"));
        }
    };
    let rehashed = match verdict {
        Verdict::Rehashed(hash) => Some(hash),
        Verdict::Right | Verdict::Wrong => None,
    };
    let (shared, app_id, client) = (Arc::clone(app), app_id.to_owned(), client.clone());
    let issued = app
        .db
        .write(move |tx| {
            tx.lock(&user.uuid)?;
            // What was judged must still be so: a change or reset of the password in between wins.
            let current = users::by_uuid(tx, &app_id, &user.uuid)?.filter(|u| u.password_hash == user.password_hash);
            let current = current.ok_or_else(|| IamError::new(401, "Invalid login"))?;
            if let Some(hash) = &rehashed {
                users::rehash(tx, &current.uuid, hash)?;
            }
            start_session(&shared, tx, &app_id, &current, &client, "password")
        })
        .await?;
    app.identity.delays.was_right(&attempt);
    Ok(issued)
}

/// Starts a session for a user who has shown who he is; ends his other ones unless several are allowed.
///
/// # Errors
/// 403 for a deactivated account or app.
pub(super) fn start_session(
    app: &App,
    tx: &mut Conn,
    app_id: &str,
    user: &User,
    client: &Client,
    means: &str,
) -> IamResult<Issued> {
    let (now, ip) = (app.clock.now_ms(), client.ip.as_deref());
    if !apps::is_enabled(tx, app_id)? {
        return Err(IamError::forbidden());
    }
    if !user.is_active {
        return Err(IamError::deactivated());
    }
    if app.config.identity.single_session {
        sessions::end_all_but(tx, &user.uuid, None, now)?;
        refresh_tokens::deactivate_all_but(tx, &user.uuid, None, now)?;
    }
    let (session_id, token_id) = (app.new_id(), app.new_id());
    let secrets = &app.identity.secrets;
    let session = Session {
        user_uuid: user.uuid.clone(),
        sid_hash: at_rest(&secrets.sid(&session_id)),
        csrf_hash: at_rest(&secrets.csrf_token(&session_id)),
        is_active: true,
        start_ms: now,
        renewed_ms: now,
        end_ms: None,
        ip: client.ip.clone(),
        network: client.network.clone(),
        user_agent: client.user_agent.clone(),
        id: session_id,
    };
    sessions::insert(tx, &session)?;
    refresh_tokens::insert(tx, app_id, &user.uuid, &session.id, &token_id, now)?;
    users::set_last_login(tx, &user.uuid, now)?;
    let id = Some(user.uuid.as_str());
    let event = Event { name: "identity.login", actor: id, subject: id, ip, detail: Some(means) };
    audit::record(app, tx, app_id, &event)?;
    Ok(renewal::issue(app, user, &session.id, &token_id))
}

/// The account of an address, and whether it has lately logged in from this network.
fn find(
    conn: &mut Conn,
    app_id: &str,
    email_key: &str,
    network: Option<&str>,
    since_ms: i64,
) -> IamResult<(Option<User>, bool)> {
    let user = users::by_email(conn, app_id, email_key)?;
    let known = match (&user, network) {
        (Some(user), Some(network)) => sessions::knows_network(conn, &user.uuid, network, since_ms)?,
        _ => false,
    };
    Ok((user, known))
}

/// Writes down that somebody could not show that he is who he says: with which means.
///
/// # Errors
/// What the database says.
pub(super) async fn note_failure(
    app: &Arc<App>,
    app_id: &str,
    user_uuid: Option<&str>,
    means: &str,
    client: &Client,
) -> IamResult<()> {
    let (shared, app_id, ip) = (Arc::clone(app), app_id.to_owned(), client.ip.clone());
    let means = means.to_owned();
    let subject = user_uuid.map(str::to_owned);
    app.db
        .write(move |tx| {
            let (name, subject) = ("identity.login_failed", subject.as_deref());
            let event = Event { name, actor: None, subject, ip: ip.as_deref(), detail: Some(&means) };
            Ok(audit::record(&shared, tx, &app_id, &event)?)
        })
        .await
}
