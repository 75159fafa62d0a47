//! Links in mails: a temporary password for who has forgotten his, and the proof that an address is the user's.
//!
//! Asking for a link tells nothing and changes nothing (better-than 12): the mail is made after the answer, and sessions end only
//! when a link is used. A link works once, and a used one voids its siblings (better-than 17).

use std::sync::Arc;

use zeroize::Zeroizing;

use super::super::error::{IamError, IamResult};
use super::super::mails;
use super::super::model::{Client, User};
use super::super::store::{one_time_tokens as store, users};
use super::tokens::{self, Checked, Claims, ISSUER, Kind};
use super::{emails, passwords, sessions};
use crate::app::App;
use crate::db::Conn;
use crate::rooms::audit::rules::{self as audit, Event};
use crate::rooms::data::users::rules as data;

/// Sends a link to an address, if it is an account's and no such mail has just been sent.
///
/// # Errors
/// What the database or the mailer says; nobody waits for it.
pub async fn send_link(app: &Arc<App>, app_id: &str, email: &str, kind: Kind, client: &Client) -> IamResult<()> {
    let Some(email_key) = emails::key(email) else { return Ok(()) };
    let config = &app.config.identity;
    let lifetime_s = if kind == Kind::Reset { config.reset_link_seconds } else { config.verify_link_seconds };
    let (shared, app_id, client) = (Arc::clone(app), app_id.to_owned(), client.clone());
    let made = app.db.write(move |tx| make_link(&shared, tx, &app_id, &email_key, kind, lifetime_s, &client)).await?;
    let Some((user, token)) = made else { return Ok(()) };
    let front = match config.frontend_url.as_str() {
        "" => &app.config.server.public_url,
        url => url,
    };
    let front = front.trim_end_matches('/');
    let mail = match kind {
        Kind::Reset => mails::reset(&user, front, &token, lifetime_s / 60),
        _ => mails::verify(&user, front, &token, lifetime_s / 3_600),
    };
    app.mailer.send(&mail.map_err(IamError::internal)?).map_err(IamError::internal)
}

/// Exchanges a reset link for a temporary password. The old password and all sessions end.
///
/// # Errors
/// 401 `Link has expired`, 500 `Server error` for anything else that is no good link.
pub async fn use_reset_link(
    app: &Arc<App>,
    app_id: &str,
    token: &str,
    client: &Client,
) -> IamResult<Zeroizing<String>> {
    let claims = checked(app, Kind::Reset, token)?;
    let jti = claims.jti.clone();
    if !app.db.read::<_, IamError, _>(move |conn| Ok(store::is_unused(conn, &jti)?)).await? {
        return Err(not_good());
    }
    let password = passwords::temporary();
    let hash = app.identity.hasher.hash(password.clone()).await?;
    let (shared, id, from) = (Arc::clone(app), app_id.to_owned(), client.clone());
    let user = app.db.write(move |tx| set_temporary(&shared, tx, &id, &claims, &hash, &from)).await?;
    let email_key = emails::key(&user.email).unwrap_or_default();
    let attempt = app.identity.delays.attempt(app_id, &email_key, client.network.as_deref(), false);
    app.identity.delays.trust(&attempt);
    data::signed_out(app, app_id, &user.uuid).await;
    Ok(password)
}

/// Uses a verification link: the address is the user's. Gives the address.
///
/// # Errors
/// 401 `Link has expired`, also for a used one; 500 `Server error` for what is no link of ours.
pub async fn use_verify_link(app: &Arc<App>, app_id: &str, token: &str, client: &Client) -> IamResult<String> {
    let claims = checked(app, Kind::Verify, token)?;
    let (shared, app_id, client) = (Arc::clone(app), app_id.to_owned(), client.clone());
    app.db
        .write(move |tx| {
            let now = shared.clock.now_ms();
            let uuid = store::take(tx, &claims.jti, type_of(Kind::Verify), now)?.ok_or_else(expired)?;
            let user = users::by_uuid(tx, &app_id, &uuid)?.ok_or_else(not_good)?;
            // The link is about the address it was sent to.
            if claims.email.as_deref() != Some(&user.email) {
                return Err(not_good());
            }
            let changes =
                users::Changes { email_verified: Some(true), updated_ms: Some(now), ..users::Changes::default() };
            users::change(tx, &uuid, &changes)?;
            note(&shared, tx, &app_id, "identity.email_verified", &uuid, &client)?;
            Ok(user.email)
        })
        .await
}

fn make_link(
    app: &App,
    tx: &mut Conn,
    app_id: &str,
    email_key: &str,
    kind: Kind,
    lifetime_s: i64,
    client: &Client,
) -> IamResult<Option<(User, String)>> {
    let Some(user) = users::by_email(tx, app_id, email_key)?.filter(|user| user.is_active) else { return Ok(None) };
    tx.lock(&user.uuid)?;
    let now = app.clock.now_ms();
    let interval_ms = i64::try_from(app.config.mail.interval_seconds).unwrap_or(i64::MAX / 1_000).saturating_mul(1_000);
    let since = now.saturating_sub(interval_ms);
    if app.config.limits.rate_limit && store::made_since(tx, &user.uuid, type_of(kind), since)? {
        return Ok(None);
    }
    let (iat, jti) = (now.div_euclid(1_000), app.new_id());
    let exp = iat + lifetime_s;
    store::insert(tx, &jti, &user.uuid, type_of(kind), exp * 1_000, now)?;
    let (uuid, email) = match kind {
        Kind::Verify => (None, Some(user.email.clone())),
        _ => (Some(user.uuid.clone()), None),
    };
    let claims = Claims { uuid, email, iat, exp, iss: ISSUER.to_owned(), jti, kind, sid: None };
    let name = if kind == Kind::Reset { "identity.reset_requested" } else { "identity.verification_requested" };
    let event = Event { name, subject: Some(&user.uuid), ip: client.ip.as_deref(), ..Event::default() };
    audit::record(app, tx, app_id, &event)?;
    let token = tokens::sign(&app.identity.secrets, &claims);
    Ok(Some((user, token)))
}

fn set_temporary(
    app: &App,
    tx: &mut Conn,
    app_id: &str,
    claims: &Claims,
    hash: &str,
    client: &Client,
) -> IamResult<User> {
    let now = app.clock.now_ms();
    let uuid = store::take(tx, &claims.jti, type_of(Kind::Reset), now)?.ok_or_else(not_good)?;
    tx.lock(&uuid)?;
    let user = users::by_uuid(tx, app_id, &uuid)?.filter(|user| user.is_active).ok_or_else(not_good)?;
    // better-than 13: it went through a URL, so it must be changed soon.
    let expires_ms = now + app.config.identity.temporary_password_seconds * 1_000;
    users::set_password(tx, &uuid, hash, Some(expires_ms), now)?;
    store::void(tx, &uuid, type_of(Kind::Reset), now)?;
    sessions::end_all(app, tx, &uuid, None)?;
    note(app, tx, app_id, "identity.password_reset", &uuid, client)?;
    Ok(user)
}

fn checked(app: &App, kind: Kind, token: &str) -> IamResult<Claims> {
    match tokens::check(&app.identity.secrets, kind, token, app.clock.now_ms()) {
        Checked::Good(claims) => Ok(claims),
        Checked::Expired(_) => Err(expired()),
        Checked::Invalid => Err(not_good()),
    }
}

const fn type_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Reset => "RESET",
        _ => "VERIFY",
    }
}

fn expired() -> IamError {
    IamError::new(401, "Link has expired")
}

fn not_good() -> IamError {
    IamError::new(500, "Server error")
}

fn note(app: &App, tx: &mut Conn, app_id: &str, name: &'static str, uuid: &str, client: &Client) -> IamResult<()> {
    let (subject, ip) = (Some(uuid), client.ip.as_deref());
    Ok(audit::record(app, tx, app_id, &Event { name, subject, ip, ..Event::default() })?)
}
