//! JWTs and refresh tokens (sentc.md section 3).

use keystead_crypto::{encoding, hash, rng};
use keystead_protocol::ErrorCode;
use keystead_protocol::devices::SessionListItem;
use keystead_protocol::jwt::{Claims, JWT_LIFETIME_S};

use super::super::store::{self, DeviceRow, pending, sessions};
use crate::app::App;
use crate::config::PasswordChangeEnds;
use crate::db::Conn;
use crate::error::KeyResult;
use crate::rooms::apps::Tenant;
use crate::rooms::groups::validate::is_id;
use crate::web::call::Page;

/// Bytes of a refresh token and a new device's token; 67 characters of b64url.
const TOKEN_BYTES: usize = 50;
/// Longest token that is looked at.
pub(super) const MAX_TOKEN: usize = 128;
/// A session's last use is written down this often at most: a refresh is no write otherwise.
const LAST_USED_STEP_MS: i64 = 15 * 60_000;

/// The user and device of a JWT.
#[derive(Debug, Clone)]
pub struct Session {
    /// User id.
    pub user_id: String,
    /// Device id.
    pub device_id: String,
    /// Id of the user group.
    pub user_group_id: String,
    /// 3 or 15: which client generation registered the device.
    pub generation: i32,
    /// Hash of the device's identifier.
    pub identifier_hash: String,
    /// JWTs issued before are dead.
    pub valid_from_ms: i64,
    /// The JWT comes from a complete login.
    pub fresh: bool,
    /// The JWT was issued before the user's sessions, or this one, were ended.
    pub revoked: bool,
    /// Id of the session that the JWT belongs to; empty for a JWT that the app's owner signed.
    pub session_id: String,
}

/// What a login hands out.
pub struct SessionTokens {
    /// The JWT.
    pub jwt: String,
    /// The refresh token, in clear: 67 characters.
    pub refresh_token: String,
}

/// A session before it is stored.
pub struct NewTokens {
    /// Id of the session.
    pub id: String,
    /// The refresh token in clear, for the client.
    pub refresh_token: String,
    /// Its hash, for the database.
    pub hash: String,
}

/// A session whose refresh token was right.
pub struct Refreshable {
    /// Id of the session.
    pub session_id: String,
    /// Its last use is to be noted.
    pub to_note: bool,
}

/// The session of checked claims: its device exists, belongs to the app, and is the one the token names.
///
/// # Errors
/// `UserNotFound` when the device is gone or belongs to another app.
pub fn session(conn: &mut Conn, app_id: &str, claims: &Claims) -> KeyResult<Session> {
    // The owner of an app can sign whatever he likes: what can be no id is not shown to the database.
    let device = if is_id(&claims.sub) { store::device(conn, &claims.sub)? } else { None };
    let device = device.filter(|d| d.app_id == app_id && d.user_id == claims.aud).ok_or(ErrorCode::UserNotFound)?;
    let issued_ms = claims.iat.saturating_mul(1000);
    let revoked = issued_ms < device.valid_from_ms
        || (issued_ms < device.sessions_ended_ms && !is_there(conn, &claims.sid, &device.id)?);
    Ok(Session { fresh: claims.fresh, revoked, session_id: claims.sid.clone(), ..Session::of(device) })
}

/// True when the JWT comes from a complete login whose session has not been ended since: what the guard of changes to the
/// account asks.
///
/// # Errors
/// What the database says.
pub fn is_fresh(conn: &mut Conn, session: &Session) -> KeyResult<bool> {
    Ok(session.fresh && is_there(conn, &session.session_id, &session.device_id)?)
}

/// A JWT that the app's owner signed has no session; his word counts.
fn is_there(conn: &mut Conn, session_id: &str, device_id: &str) -> KeyResult<bool> {
    Ok(session_id.is_empty() || (is_id(session_id) && sessions::is_open(conn, session_id, device_id)?))
}

impl Session {
    pub(super) fn of(device: DeviceRow) -> Self {
        Self {
            user_id: device.user_id,
            device_id: device.id,
            user_group_id: device.user_group_id,
            generation: device.generation,
            identifier_hash: device.identifier_hash,
            valid_from_ms: device.valid_from_ms,
            fresh: true,
            revoked: false,
            session_id: String::new(),
        }
    }
}

/// Signs a JWT for a session.
///
/// # Errors
/// `JwtKeyNotFound` or `JwtCreate`.
pub fn issue(app: &App, tenant: &Tenant, session: &Session, fresh: bool) -> KeyResult<String> {
    // Never before the end of older sessions, which is counted in whole seconds (see `end_sessions`).
    let iat = app.clock.now_ms().max(session.valid_from_ms).div_euclid(1000);
    Ok(tenant.jwt.sign(&Claims {
        aud: session.user_id.clone(),
        sub: session.device_id.clone(),
        exp: iat + JWT_LIFETIME_S,
        iat,
        fresh,
        internal_user_id: session.user_id.clone(),
        group_id: session.user_group_id.clone(),
        device_id: session.device_id.clone(),
        device_identifier: session.identifier_hash.clone(),
        sid: session.session_id.clone(),
    })?)
}

/// Makes a session with its refresh token.
#[must_use]
pub fn new_tokens(app: &App) -> NewTokens {
    let refresh_token = new_token();
    NewTokens { id: app.row_id(), hash: token_hash(&refresh_token), refresh_token }
}

/// Stores a session; its refresh token hashed.
///
/// # Errors
/// What the database says.
pub fn remember(app: &App, tx: &mut Conn, device_id: &str, id: &str, hash: &str) -> KeyResult<()> {
    Ok(sessions::insert(tx, id, hash, device_id, app.clock.now_ms())?)
}

/// The session of a refresh token of this device.
///
/// # Errors
/// `RefreshTokenNotFound` when it is unknown, another device's, or too old.
pub fn refreshable(app: &App, conn: &mut Conn, device_id: &str, refresh_token: &str) -> KeyResult<Refreshable> {
    let (now, refused) = (app.clock.now_ms(), ErrorCode::RefreshTokenNotFound);
    if refresh_token.len() > MAX_TOKEN {
        return Err(refused.into());
    }
    let since = now - app.config.keys.refresh_token_ms();
    let found = sessions::by_token(conn, &token_hash(refresh_token), device_id, since)?;
    let (session_id, last_used_ms) = found.ok_or(refused)?;
    Ok(Refreshable { session_id, to_note: now - last_used_ms >= LAST_USED_STEP_MS })
}

/// Notes that a session is in use.
///
/// # Errors
/// `RefreshTokenNotFound` when it has ended meanwhile.
pub fn note_use(app: &App, tx: &mut Conn, session_id: &str) -> KeyResult<()> {
    let there = sessions::touch(tx, session_id, app.clock.now_ms())?;
    if there { Ok(()) } else { Err(ErrorCode::RefreshTokenNotFound.into()) }
}

/// The open sessions of a user, ascending by login; at most 50.
///
/// # Errors
/// What the database says.
pub fn list(app: &App, conn: &mut Conn, asking: &Session, page: &Page) -> KeyResult<Vec<SessionListItem>> {
    let since = app.clock.now_ms() - app.config.keys.refresh_token_ms();
    let rows = sessions::of_user(conn, &asking.user_id, since, page)?;
    let item = |row: sessions::SessionRow| SessionListItem {
        current: row.id == asking.session_id,
        session_id: row.id,
        device_id: row.device_id,
        time: row.created_ms,
        last_used: row.last_used_ms,
    };
    Ok(rows.into_iter().map(item).collect())
}

/// Ends the session of a refresh token, with its JWTs.
///
/// # Errors
/// `RefreshTokenNotFound`.
pub fn logout(app: &App, tx: &mut Conn, session: &Session, refresh_token: &str) -> KeyResult<()> {
    match sessions::delete_by_token(tx, &token_hash(refresh_token), &session.device_id)? {
        0 => Err(ErrorCode::RefreshTokenNotFound.into()),
        _ => look_closer(app, tx, &session.device_id),
    }
}

/// Ends a session of the user, with its JWTs.
///
/// # Errors
/// `RefreshTokenNotFound` when he has no such session.
pub fn end_one(app: &App, tx: &mut Conn, user_id: &str, session_id: &str) -> KeyResult<()> {
    let device_id = if is_id(session_id) { sessions::device_of(tx, session_id, user_id)? } else { None };
    let device_id = device_id.ok_or(ErrorCode::RefreshTokenNotFound)?;
    match sessions::delete(tx, session_id)? {
        0 => Err(ErrorCode::RefreshTokenNotFound.into()),
        _ => look_closer(app, tx, &device_id),
    }
}

/// Ends all sessions of the user but the asking one, with their JWTs and the logins that are under way.
///
/// # Errors
/// What the database says.
pub fn end_others(app: &App, tx: &mut Conn, asking: &Session) -> KeyResult<()> {
    end_of_other_devices(app, tx, asking)?;
    sessions::delete_of_device_but(tx, &asking.device_id, &asking.session_id, "")?;
    look_closer(app, tx, &asking.device_id)
}

/// What a new password ends, as the setting `keys.password_change_ends` says. On the device itself the session that asks
/// stays, and the one whose refresh token it names. JWTs of the device's other sessions are no longer fresh at once and run
/// out by themselves: a client of the original changes the password over a login of its own, and goes on with its older JWT.
///
/// # Errors
/// What the database says.
pub(super) fn end_by_password(app: &App, tx: &mut Conn, asking: &Session, own_token: Option<&str>) -> KeyResult<()> {
    match app.config.keys.password_change_ends {
        PasswordChangeEnds::Nothing => return Ok(()),
        PasswordChangeEnds::OtherDevices => {}
        PasswordChangeEnds::OtherSessions => {
            let own_token = own_token.filter(|t| t.len() <= MAX_TOKEN).map(token_hash).unwrap_or_default();
            sessions::delete_of_device_but(tx, &asking.device_id, &asking.session_id, &own_token)?;
        }
    }
    end_of_other_devices(app, tx, asking)
}

/// Ends all sessions of a user: refresh tokens, open challenges, and every JWT that was issued before.
///
/// # Errors
/// What the database says.
pub fn end_sessions(app: &App, tx: &mut Conn, user_id: &str) -> KeyResult<()> {
    sessions::delete_of_user(tx, user_id)?;
    store::end_challenges_of_user(tx, user_id, app.clock.now_ms())?;
    // `iat` counts whole seconds: the next one is the first that no older token can carry.
    let valid_from_ms = (app.clock.now_ms().div_euclid(1000) + 1) * 1000;
    store::set_valid_from(tx, user_id, valid_from_ms)?;
    Ok(())
}

/// Removes expired sessions and devices that waited in vain.
///
/// # Errors
/// What the database says.
pub fn sweep(app: &App, tx: &mut Conn) -> KeyResult<usize> {
    let (now, config) = (app.clock.now_ms(), &app.config.keys);
    let sessions = sessions::delete_before(tx, now - config.refresh_token_ms())?;
    let devices = pending::delete_before(tx, now - config.device_registration_ms())?;
    Ok(sessions + devices)
}

/// 50 random bytes, b64url.
pub(super) fn new_token() -> String {
    encoding::b64url_encode(&rng::bytes::<TOKEN_BYTES>(&mut rng::os()))
}

/// Random tokens of 50 bytes need no salt.
pub(super) fn token_hash(token: &str) -> String {
    encoding::b64_encode(&hash::sha256(token.as_bytes()))
}

fn end_of_other_devices(app: &App, tx: &mut Conn, asking: &Session) -> KeyResult<()> {
    sessions::delete_of_other_devices(tx, &asking.user_id, &asking.device_id)?;
    store::end_challenges_of_user(tx, &asking.user_id, app.clock.now_ms())?;
    sessions::look_at_others(tx, &asking.user_id, &asking.device_id, look_until(app))?;
    Ok(())
}

/// From now on guards look whether the session of a JWT of this device is still there.
fn look_closer(app: &App, tx: &mut Conn, device_id: &str) -> KeyResult<()> {
    sessions::look_at_device(tx, device_id, look_until(app))?;
    Ok(())
}

/// A little more than now: another node's clock may be ahead, and looking costs next to nothing.
fn look_until(app: &App) -> i64 {
    app.clock.now_ms() + 60_000
}
