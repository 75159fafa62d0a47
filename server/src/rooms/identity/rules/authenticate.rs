//! Who is calling: from what a request presents to a user and his session.
//!
//! The session is looked at every time, in one statement, so that logout, deletion, deactivation and a changed password act at once, on
//! every node (better-than 14, 15). On SQLite the answer is remembered until anybody commits anything ([`super::remembered`]).

use std::sync::Arc;

use keystead_crypto::hash::ct_eq;

use super::super::error::{IamError, IamResult};
use super::super::model::{Client, Session, User};
use super::super::store::sessions as store;
use super::renewal::{self, Renewal};
use super::secrets::at_rest;
use super::sessions::session_of;
use super::tokens::{self, Checked, Claims, Kind};
use crate::app::App;
use crate::config::IdentityConfig;
use crate::db::Conn;

/// What a request presents, as it stands in headers or cookies.
#[derive(Debug, Clone, Default)]
pub struct Presented {
    /// `iam-access-token`
    pub access: Option<String>,
    /// `iam-refresh-token`
    pub refresh: Option<String>,
    /// `iam-sid`
    pub sid: Option<String>,
}

/// Who is calling.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The account.
    pub user: User,
    /// The session of the access token.
    pub session: Session,
}

/// Tokens for the client.
#[derive(Debug, Clone)]
pub struct Issued {
    /// Access token.
    pub access: String,
    /// Refresh token.
    pub refresh: String,
    /// `iam-sid`
    pub sid: String,
}

impl Presented {
    /// The access token: the second of two words, whatever the first is.
    ///
    /// # Errors
    /// 400 when there is none, 401 when it is one word.
    pub fn access_token(&self) -> IamResult<&str> {
        let header = self.access.as_deref().ok_or_else(|| IamError::bad("No access token provided"))?;
        header.split_once(' ').map(|(_scheme, token)| token.trim()).ok_or_else(IamError::unauthorized)
    }

    /// The refresh token: behind `Bearer`.
    ///
    /// # Errors
    /// 400 when there is none, 401 when it has another form.
    pub fn refresh_token(&self) -> IamResult<&str> {
        let header = self.refresh.as_deref().ok_or_else(|| IamError::bad("No refresh token provided"))?;
        header.strip_prefix("Bearer ").map(str::trim).filter(|t| !t.is_empty()).ok_or_else(IamError::unauthorized)
    }
}

/// Finds out who is calling. An access token whose only fault is its age is renewed silently with the refresh token; the new tokens
/// come beside.
///
/// # Errors
/// 400 without a token, 401, 403 for a deactivated account, 500 `Reauthentication failed…`.
pub async fn authenticate(
    app: &Arc<App>,
    app_id: &str,
    presented: &Presented,
    client: &Client,
) -> IamResult<(Arc<Caller>, Option<Issued>)> {
    let token = presented.access_token()?;
    let now = app.clock.now_ms();
    let remembered = &app.identity.remembered;
    // On SQLite; who is remembered costs neither signature nor session.
    let looked = app.db.read_here(|conn, as_of| {
        if let Some(caller) = remembered.find(as_of, app_id, token, now) {
            return Ok(Looked::Good(caller));
        }
        let claims = match check(app, token, now)? {
            Looked::Claims(claims) => claims,
            other => return Ok(other),
        };
        let caller = Arc::new(of_claims(app, conn, app_id, &claims)?);
        let ends = claims.exp.saturating_mul(1_000).min(ends_ms(app, &caller));
        remembered.remember(as_of, app_id, token, ends, &caller);
        Ok(Looked::Good(caller))
    });
    match looked.unwrap_or_else(|| check(app, token, now))? {
        Looked::Good(caller) => Ok((caller, None)),
        Looked::Claims(claims) => {
            let (shared, app_id) = (Arc::clone(app), app_id.to_owned());
            let caller = app.db.read(move |conn| of_claims(&shared, conn, &app_id, &claims)).await?;
            Ok((Arc::new(caller), None))
        }
        Looked::Expired(claims) => renew_silently(app, app_id, presented, claims, client).await,
    }
}

/// What an access token has been found to be.
enum Looked {
    /// Its user may come in.
    Good(Arc<Caller>),
    /// Good by itself; the database has not been asked yet.
    Claims(Claims),
    /// Ours, but its time is over.
    Expired(Claims),
}

fn check(app: &App, token: &str, now_ms: i64) -> IamResult<Looked> {
    match tokens::check(&app.identity.secrets, Kind::Access, token, now_ms) {
        Checked::Invalid => Err(IamError::unauthorized()),
        Checked::Good(claims) => Ok(Looked::Claims(claims)),
        Checked::Expired(claims) => Ok(Looked::Expired(claims)),
    }
}

/// When time alone ends what [`of_claims`] has found.
fn ends_ms(app: &App, caller: &Caller) -> i64 {
    let (config, session) = (&app.config.identity, &caller.session);
    let ends = session_ends_ms(config, session);
    caller.user.password_expires_ms.map_or(ends, |password| password.min(ends))
}

fn session_ends_ms(config: &IdentityConfig, session: &Session) -> i64 {
    (session.start_ms + config.session_absolute_ms()).min(session.renewed_ms + config.session_idle_ms())
}

/// The user of an access token that is good now, with his address if it is verified; none for any other token.
///
/// # Errors
/// What the database says.
pub fn by_access_token(
    app: &App,
    conn: &mut Conn,
    app_id: &str,
    token: &str,
) -> diesel::QueryResult<Option<(String, Option<String>)>> {
    let Checked::Good(claims) = tokens::check(&app.identity.secrets, Kind::Access, token, app.clock.now_ms()) else {
        return Ok(None);
    };
    match of_claims(app, conn, app_id, &claims) {
        Ok(Caller { user, .. }) => Ok(Some((user.uuid, user.email_verified.then_some(user.email)))),
        Err(IamError { cause: Some(cause), .. }) => match cause.downcast() {
            Ok(e) => Err(*e),
            Err(e) => Err(diesel::result::Error::QueryBuilderError(e)),
        },
        Err(_refused) => Ok(None),
    }
}

/// The caller of a token that is good by itself.
///
/// # Errors
/// 401 when the session has ended, 403 for a deactivated account.
pub fn of_claims(app: &App, conn: &mut Conn, app_id: &str, claims: &Claims) -> IamResult<Caller> {
    let session_id = claims.sid.as_deref().ok_or_else(IamError::unauthorized)?;
    let (session, user, disabled_ms) =
        store::with_user(conn, app_id, session_id)?.ok_or_else(IamError::unauthorized)?;
    if claims.uuid.as_deref() != Some(&user.uuid) {
        return Err(IamError::unauthorized());
    }
    if disabled_ms.is_some() {
        return Err(IamError::forbidden());
    }
    if !user.is_active {
        return Err(IamError::deactivated());
    }
    let now = app.clock.now_ms();
    if !is_live(app, &session, now) || password_has_expired(&user, now) {
        return Err(IamError::unauthorized());
    }
    Ok(Caller { user, session })
}

/// Checks a csrf token: it must be that of the session that `iam-sid` names, or else of the access token's session, and the
/// session must be the caller's (better-than 4, 5).
///
/// # Errors
/// 403 `Missing or invalid csrf token`.
pub async fn check_csrf(app: &Arc<App>, caller: &Caller, presented: &Presented, sent: &str) -> IamResult<()> {
    let fits = |session: &Session| csrf_fits(session, sent);
    let hash = presented.sid.as_deref().map(at_rest);
    let good = match hash {
        None => fits(&caller.session),
        Some(hash) if ct_eq(hash.as_bytes(), caller.session.sid_hash.as_bytes()) => fits(&caller.session),
        Some(hash) => {
            let other = app.db.read::<_, IamError, _>(move |conn| Ok(store::by_sid(conn, &hash)?)).await?;
            let now = app.clock.now_ms();
            other.is_some_and(|s| s.user_uuid == caller.user.uuid && is_live(app, &s, now) && fits(&s))
        }
    };
    if good { Ok(()) } else { Err(IamError::csrf()) }
}

/// Checks the csrf token of a request whose access token is no good, against the live session that `iam-sid` names, or else the
/// access token.
///
/// # Errors
/// 403 `Missing or invalid csrf token`.
pub async fn check_csrf_of_session(app: &Arc<App>, presented: &Presented, sent: &str) -> IamResult<()> {
    let sid_hash = presented.sid.as_deref().map(at_rest);
    let named = presented.access_token().ok().and_then(|token| session_of(app, Kind::Access, token));
    let find = move |conn: &mut Conn| match (&sid_hash, &named) {
        (Some(hash), _) => store::by_sid(conn, hash),
        (None, Some(id)) => store::by_id(conn, id),
        (None, None) => Ok(None),
    };
    let session = app.db.read::<_, IamError, _>(move |conn| Ok(find(conn)?)).await?;
    let good = session.is_some_and(|s| is_live(app, &s, app.clock.now_ms()) && csrf_fits(&s, sent));
    if good { Ok(()) } else { Err(IamError::csrf()) }
}

fn csrf_fits(session: &Session, sent: &str) -> bool {
    ct_eq(session.csrf_hash.as_bytes(), at_rest(sent).as_bytes())
}

/// True while a session has neither been ended nor grown too old.
pub(super) fn is_live(app: &App, session: &Session, now_ms: i64) -> bool {
    session.is_active && now_ms < session_ends_ms(&app.config.identity, session)
}

/// True when the password was a temporary one and was not changed in time.
pub(super) fn password_has_expired(user: &User, now_ms: i64) -> bool {
    user.password_expires_ms.is_some_and(|end| now_ms >= end)
}

async fn renew_silently(
    app: &Arc<App>,
    app_id: &str,
    presented: &Presented,
    access: Claims,
    client: &Client,
) -> IamResult<(Arc<Caller>, Option<Issued>)> {
    let failed = || IamError::new(500, "Reauthentication failed. Login required.");
    let token = presented.refresh_token().map_err(|_missing| failed())?;
    let Checked::Good(refresh) = tokens::check(&app.identity.secrets, Kind::Refresh, token, app.clock.now_ms()) else {
        return Err(failed());
    };
    // Tokens of two users are no pair (better-than 1).
    if refresh.uuid != access.uuid {
        return Err(failed());
    }
    match renewal::renew(app, app_id, refresh, renewal::Manner::Silent(access), client).await? {
        Renewal::New(caller, issued) => Ok((caller.into(), Some(issued))),
        Renewal::Same(caller) => Ok((caller.into(), None)),
        Renewal::Deactivated => Err(IamError::deactivated()),
        Renewal::Refused => Err(failed()),
    }
}
