//! JWTs and refresh tokens (sentc.md section 3).

use keystead_crypto::{encoding, hash, rng};
use keystead_protocol::ErrorCode;
use keystead_protocol::jwt::{Claims, JWT_LIFETIME_S};

use super::super::store::{self, DeviceRow};
use crate::app::App;
use crate::db::Conn;
use crate::error::KeyResult;
use crate::rooms::apps::Tenant;
use crate::rooms::groups::validate::is_id;

/// Bytes of a refresh token and of a challenge; 67 characters of b64url.
pub(super) const TOKEN_BYTES: usize = 50;
/// Longest token that is looked at.
const MAX_TOKEN: usize = 128;

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
    /// The JWT was issued before the user's sessions were ended.
    pub revoked: bool,
}

/// What a login hands out.
pub struct SessionTokens {
    /// The JWT.
    pub jwt: String,
    /// The refresh token, in clear: 67 characters.
    pub refresh_token: String,
}

/// A refresh token before it is stored.
pub struct NewTokens {
    /// In clear, for the client.
    pub refresh_token: String,
    /// Its hash, for the database.
    pub hash: String,
}

/// The session of checked claims: its device exists, belongs to the app, and is the one the token names.
///
/// # Errors
/// `UserNotFound` when the device is gone or belongs to another app.
pub fn session(conn: &mut Conn, app_id: &str, claims: &Claims) -> KeyResult<Session> {
    // The owner of an app can sign whatever he likes: what can be no id is not shown to the database.
    let device = if is_id(&claims.sub) { store::device(conn, &claims.sub)? } else { None };
    let device = device.filter(|d| d.app_id == app_id && d.user_id == claims.aud).ok_or(ErrorCode::UserNotFound)?;
    let revoked = claims.iat.saturating_mul(1000) < device.valid_from_ms;
    Ok(Session { fresh: claims.fresh, revoked, ..Session::of(device) })
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
    })?)
}

/// Makes a refresh token.
#[must_use]
pub fn new_tokens() -> NewTokens {
    let raw = rng::bytes::<TOKEN_BYTES>(&mut rng::os());
    let refresh_token = encoding::b64url_encode(&raw);
    NewTokens { hash: token_hash(&refresh_token), refresh_token }
}

/// Stores a refresh token, hashed.
///
/// # Errors
/// What the database says.
pub fn remember_refresh_token(app: &App, tx: &mut Conn, device_id: &str, hash: &str) -> KeyResult<()> {
    Ok(store::insert_refresh_token(tx, hash, device_id, app.clock.now_ms())?)
}

/// Checks a refresh token of the session's device.
///
/// # Errors
/// `RefreshTokenNotFound` when it is unknown, another device's, or too old.
pub fn is_refreshable(app: &App, conn: &mut Conn, session: &Session, refresh_token: &str) -> KeyResult<()> {
    let since = app.clock.now_ms() - app.config.keys.refresh_token_ms();
    let good = refresh_token.len() <= MAX_TOKEN
        && store::has_refresh_token(conn, &token_hash(refresh_token), &session.device_id, since)?;
    if good { Ok(()) } else { Err(ErrorCode::RefreshTokenNotFound.into()) }
}

/// Ends one refresh token.
///
/// # Errors
/// `RefreshTokenNotFound`.
pub fn logout(tx: &mut Conn, session: &Session, refresh_token: &str) -> KeyResult<()> {
    match store::delete_refresh_token(tx, &token_hash(refresh_token), &session.device_id)? {
        0 => Err(ErrorCode::RefreshTokenNotFound.into()),
        _ => Ok(()),
    }
}

/// Ends all sessions of a user: refresh tokens, open challenges, and every JWT that was issued before.
///
/// # Errors
/// What the database says.
pub fn end_sessions(app: &App, tx: &mut Conn, user_id: &str) -> KeyResult<()> {
    store::delete_refresh_tokens_of_user(tx, user_id)?;
    store::delete_challenges_of_user(tx, user_id)?;
    // `iat` counts whole seconds: the next one is the first that no older token can carry.
    let valid_from_ms = (app.clock.now_ms().div_euclid(1000) + 1) * 1000;
    store::set_valid_from(tx, user_id, valid_from_ms)?;
    Ok(())
}

/// Removes expired challenges and refresh tokens.
///
/// # Errors
/// What the database says.
pub fn sweep(app: &App, tx: &mut Conn) -> KeyResult<usize> {
    let now = app.clock.now_ms();
    Ok(store::delete_expired(tx, now - app.config.keys.challenge_ms(), now - app.config.keys.refresh_token_ms())?)
}

/// Random tokens of 50 bytes need no salt.
pub(super) fn token_hash(token: &str) -> String {
    encoding::b64_encode(&hash::sha256(token.as_bytes()))
}
