//! Login: salt, secret, challenge (sentc.md section 4.2).

use keystead_crypto::asym::PublicKey;
use keystead_crypto::hash::ct_eq;
use keystead_crypto::password::{self, AuthKey};
use keystead_crypto::{encoding, rng};
use keystead_protocol::ErrorCode;
use keystead_protocol::keys::{DeviceKeys, PrepareLoginOutput};

use super::super::store::{self, DeviceKeysRow};
use super::sessions::{self, Session};
use crate::app::App;
use crate::db::Conn;
use crate::error::{KeyError, KeyResult};

/// A device whose secret was right.
pub struct JudgedDevice {
    /// Its session, not yet issued.
    pub session: Session,
    /// The user has a second factor, which has still to be given.
    pub second_factor: bool,
    /// Challenges of the device made then or before are dead.
    challenges_after_ms: i64,
}

/// Bytes of a challenge: its time in milliseconds (big-endian), random ones, and the server's signature over both, the device
/// and the second factor. 67 characters of b64url.
const TIME: usize = 8;
const NONCE: usize = 10;
const SIGNATURE: usize = 32;

/// The salt of an identifier. One that nobody uses gets a salt too, always the same, so that nobody learns who is
/// registered (better-than.md 6).
///
/// # Errors
/// `SaltCreate` when the stored value is broken.
pub fn salt(app: &App, conn: &mut Conn, app_id: &str, identifier_hash: &str) -> KeyResult<PrepareLoginOutput> {
    let fake = app.root_key.fake_salt(app_id, identifier_hash);
    let (salt, alg) = match store::salt_source(conn, app_id, identifier_hash)? {
        Some((crv, alg)) => {
            let crv = encoding::b64_decode(&crv).ok().and_then(|b| <[u8; 16]>::try_from(b).ok());
            (password::salt(&crv.ok_or(ErrorCode::SaltCreate)?), alg)
        }
        None => (fake, password::ARGON_2_SHA256.to_owned()),
    };
    Ok(PrepareLoginOutput { salt_string: encoding::b64_encode(&salt), derived_encryption_key_alg: alg })
}

/// Checks the authentication key of an identifier. An unknown identifier and a wrong key are the same failure and take
/// the same steps.
///
/// # Errors
/// `LoginFailed`.
pub fn judge_secret(conn: &mut Conn, app_id: &str, identifier_hash: &str, key: &AuthKey) -> KeyResult<JudgedDevice> {
    let found = store::login_check(conn, app_id, identifier_hash)?;
    // The comparison runs for unknown identifiers too.
    let right = is_right(key, found.as_ref().map(|row| row.hashed_authentication_key.as_str()));
    match found {
        Some(row) if right => {
            let second_factor = row.second_factor.is_some();
            let challenges_after_ms = row.device.challenges_after_ms;
            Ok(JudgedDevice { session: Session::of(row.device), second_factor, challenges_after_ms })
        }
        _ => Err(ErrorCode::LoginFailed.into()),
    }
}

/// Reads an authentication key: b64 of 32 bytes.
///
/// # Errors
/// `AuthKeyFormat`.
pub fn auth_key(text: &str) -> KeyResult<AuthKey> {
    AuthKey::from_b64(text).map_err(|e| KeyError::caused(ErrorCode::AuthKeyFormat, e))
}

/// Compares an authentication key with the stored hash (b64 of 16 bytes) in constant time.
pub(super) fn is_right(key: &AuthKey, stored: Option<&str>) -> bool {
    let stored = stored.and_then(|hash| encoding::b64_decode(hash).ok()).unwrap_or_default();
    let known = <[u8; 16]>::try_from(stored);
    key.verify(&known.as_ref().copied().unwrap_or_default()) & known.is_ok()
}

/// The wrapped keys of a device, with its public key for a challenge.
///
/// # Errors
/// `UserNotFound` when the device has gone meanwhile.
pub fn device_keys(conn: &mut Conn, session: &Session) -> KeyResult<DeviceKeys> {
    let row: DeviceKeysRow = store::device_keys(conn, &session.device_id)?.ok_or(ErrorCode::UserNotFound)?;
    Ok(DeviceKeys {
        encrypted_master_key: row.encrypted_master_key,
        encrypted_private_key: row.encrypted_private_key,
        public_key_string: row.public_key,
        keypair_encrypt_alg: row.keypair_encrypt_alg,
        encrypted_sign_key: row.encrypted_sign_key,
        verify_key_string: row.verify_key,
        keypair_sign_alg: row.keypair_sign_alg,
        keypair_encrypt_id: session.device_id.clone(),
        keypair_sign_id: session.device_id.clone(),
        user_id: session.user_id.clone(),
        device_id: session.device_id.clone(),
        user_group_id: session.user_group_id.clone(),
    })
}

/// Makes a challenge that only the device's private key opens: b64. Nothing of it is stored (docs/adr/0017). `second_factor`:
/// it has been given.
///
/// # Errors
/// `UserNotFound` when the stored public key cannot be used.
pub fn challenge(app: &App, judged: &JudgedDevice, keys: &DeviceKeys, second_factor: bool) -> KeyResult<String> {
    let refused = |e| KeyError::caused(ErrorCode::UserNotFound, e);
    let made_ms = app.clock.now_ms().max(judged.challenges_after_ms + 1);
    let token = challenge_token(app, &keys.device_id, made_ms, second_factor);
    let key = PublicKey::from_wire(&keys.keypair_encrypt_alg, &keys.public_key_string).map_err(refused)?;
    let sealed = key.encrypt(&mut rng::os(), token.as_bytes()).map_err(refused)?;
    Ok(encoding::b64_encode(&sealed))
}

/// Uses up a challenge; all others of the device end with it. `second_factor`: only one that came after it will do.
///
/// # Errors
/// `LoginFailed` when it is not one of ours, another device's, used or expired.
pub fn take_challenge(app: &App, tx: &mut Conn, device_id: &str, token: &str, second_factor: bool) -> KeyResult<()> {
    let now_ms = app.clock.now_ms();
    let made_ms = challenge_time(app, device_id, token, second_factor).ok_or(ErrorCode::LoginFailed)?;
    let expired = made_ms <= now_ms - app.config.keys.challenge_ms();
    if expired || !store::take_challenge(tx, device_id, made_ms, now_ms)? {
        return Err(ErrorCode::LoginFailed.into());
    }
    Ok(())
}

fn challenge_token(app: &App, device_id: &str, made_ms: i64, second_factor: bool) -> String {
    let mut token = Vec::with_capacity(TIME + NONCE + SIGNATURE);
    token.extend_from_slice(&made_ms.to_be_bytes());
    token.extend_from_slice(&rng::bytes::<NONCE>(&mut rng::os()));
    token.extend_from_slice(&challenge_signature(app, device_id, &token, second_factor));
    encoding::b64url_encode(&token)
}

/// When a challenge of this device was made; None for what this server has not made for it. One from after the second factor
/// will also do where none is asked for: it may have been switched off meanwhile.
fn challenge_time(app: &App, device_id: &str, token: &str, second_factor: bool) -> Option<i64> {
    if token.len() > sessions::MAX_TOKEN {
        return None;
    }
    let token = encoding::b64url_decode(token).ok()?;
    let (signed, signature) = token.split_at_checked(TIME + NONCE)?;
    let fits = |second_factor| ct_eq(&challenge_signature(app, device_id, signed, second_factor), signature);
    let made_ms = i64::from_be_bytes(*signed.first_chunk()?);
    (fits(true) || (!second_factor && fits(false))).then_some(made_ms)
}

fn challenge_signature(app: &App, device_id: &str, signed: &[u8], second_factor: bool) -> [u8; SIGNATURE] {
    let mut message = Vec::with_capacity(signed.len() + 1 + device_id.len());
    message.extend_from_slice(signed);
    message.push(u8::from(second_factor));
    message.extend_from_slice(device_id.as_bytes());
    app.root_key.challenge_signature(&message)
}
