//! Refresh tokens: each is good for one renewal, and one that comes a second time has been stolen (iam.md section 4.3).

use std::sync::Arc;

use super::super::error::{IamError, IamResult};
use super::super::model::{Client, Session, User};
use super::super::store::{refresh_tokens as store, sessions, users};
use super::authenticate::{Caller, Issued, is_live, password_has_expired};
use super::tokens::{self, Claims, ISSUER, Kind};
use crate::app::App;
use crate::db::Conn;
use crate::rooms::audit::rules::{self as audit, Event};

/// Why the tokens are renewed.
#[derive(Debug, Clone)]
pub enum Manner {
    /// The client asked for it.
    Asked,
    /// On the way, because the access token with these claims has expired.
    Silent(Claims),
}

/// What became of it.
#[derive(Debug)]
pub enum Renewal {
    /// New tokens.
    New(Box<Caller>, Issued),
    /// Another request of the same session has just got them.
    Same(Box<Caller>),
    /// The account has been switched off.
    Deactivated,
    /// Not a token to renew with.
    Refused,
}

/// Exchanges a checked refresh token for new tokens. Of any number of parallel calls with one token, one gets them.
///
/// # Errors
/// What the database says.
pub async fn renew(
    app: &Arc<App>,
    app_id: &str,
    refresh: Claims,
    manner: Manner,
    client: &Client,
) -> IamResult<Renewal> {
    let (shared, app_id, client) = (Arc::clone(app), app_id.to_owned(), client.clone());
    app.db.write(move |tx| in_transaction(&shared, tx, &app_id, &refresh, &manner, &client)).await
}

/// The claims of a new refresh token and, signed, both tokens of a session.
pub(super) fn issue(app: &App, user: &User, session_id: &str, token_id: &str) -> Issued {
    let (config, secrets) = (&app.config.identity, &app.identity.secrets);
    let iat = app.clock.now_ms().div_euclid(1_000);
    let claims = |kind, lifetime, jti: String| Claims {
        uuid: Some(user.uuid.clone()),
        email: Some(user.email.clone()),
        iat,
        exp: iat + lifetime,
        iss: ISSUER.to_owned(),
        jti,
        kind,
        sid: Some(session_id.to_owned()),
    };
    let access = claims(Kind::Access, config.access_token_seconds, app.new_id());
    let refresh = claims(Kind::Refresh, config.refresh_token_days * 86_400, token_id.to_owned());
    Issued {
        access: tokens::sign(secrets, &access),
        refresh: tokens::sign(secrets, &refresh),
        sid: secrets.sid(session_id),
    }
}

fn in_transaction(
    app: &App,
    tx: &mut Conn,
    app_id: &str,
    refresh: &Claims,
    manner: &Manner,
    client: &Client,
) -> IamResult<Renewal> {
    let Some(uuid) = refresh.uuid.as_deref() else { return Ok(Renewal::Refused) };
    tx.lock(uuid)?;
    let now = app.clock.now_ms();
    let Some(user) = users::by_uuid(tx, app_id, uuid)? else { return Ok(Renewal::Refused) };
    if !user.is_active {
        return Ok(Renewal::Deactivated);
    }
    let row = store::find(tx, &refresh.jti)?.filter(|row| row.user_uuid == user.uuid);
    let session = match &row {
        Some(row) => sessions::by_id(tx, &row.session_id)?.filter(|s| is_live(app, s, now)),
        None => None,
    };
    match (row, session) {
        (Some(row), session) if row.is_active => match session {
            Some(session) if !password_has_expired(&user, now) => rotate(app, tx, app_id, user, session, &row.token_id),
            _ => Ok(Renewal::Refused),
        },
        (Some(row), Some(session)) if is_same_moment(app, tx, &row, manner, now)? => {
            Ok(Renewal::Same(Box::new(Caller { user, session })))
        }
        _ => {
            // better-than 7, and the seed's stolen token alert.
            store::deactivate_all_but(tx, uuid, None, now)?;
            let name = "identity.stolen_token";
            audit::record(
                app,
                tx,
                app_id,
                &Event { name, subject: Some(uuid), ip: client.ip.as_deref(), ..Event::default() },
            )?;
            Ok(Renewal::Refused)
        }
    }
}

fn rotate(app: &App, tx: &mut Conn, app_id: &str, user: User, session: Session, token_id: &str) -> IamResult<Renewal> {
    let (now, successor) = (app.clock.now_ms(), app.new_id());
    if !store::replace(tx, token_id, &successor, now)? {
        return Err(IamError::internal("a refresh token changed under its lock"));
    }
    if app.config.identity.single_session {
        store::deactivate_all_but(tx, &user.uuid, None, now)?;
    }
    store::insert(tx, app_id, &user.uuid, &session.id, &successor, now)?;
    sessions::renew(tx, &session.id, now)?;
    let issued = issue(app, &user, &session.id, &successor);
    Ok(Renewal::New(Box::new(Caller { user, session }), issued))
}

/// Two requests of one page carry the same expired access token: the second comes with the token that the first has just replaced
/// (better-than 8). Only silently, only within seconds, only in the same session, and only while the successor is unused.
fn is_same_moment(
    app: &App,
    tx: &mut Conn,
    row: &super::super::model::RefreshToken,
    manner: &Manner,
    now_ms: i64,
) -> IamResult<bool> {
    let Manner::Silent(access) = manner else { return Ok(false) };
    let (Some(replaced_ms), Some(successor)) = (row.replaced_ms, &row.successor) else { return Ok(false) };
    let recent = now_ms - replaced_ms <= app.config.identity.renewal_grace_seconds * 1_000;
    if !recent || access.sid.as_deref() != Some(&row.session_id) {
        return Ok(false);
    }
    Ok(store::find(tx, successor)?.is_some_and(|next| next.is_active))
}
