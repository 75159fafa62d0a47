//! Login: salt, secret, challenge (sentc.md section 4.2).

use keystead_crypto::asym::PublicKey;
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
}

/// A challenge: its text for the client, and the hash of its answer for the database.
pub struct Challenge {
    /// b64 of the token, encrypted for the device.
    pub text: String,
    /// Hash of the token.
    pub hash: String,
}

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
            Ok(JudgedDevice { session: Session::of(row.device), second_factor })
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

/// Makes a challenge that only the device's private key opens.
///
/// # Errors
/// `UserNotFound` when the stored public key cannot be used.
pub fn challenge(keys: &DeviceKeys) -> KeyResult<Challenge> {
    let refused = |e| KeyError::caused(ErrorCode::UserNotFound, e);
    let token = sessions::new_token();
    let key = PublicKey::from_wire(&keys.keypair_encrypt_alg, &keys.public_key_string).map_err(refused)?;
    let sealed = key.encrypt(&mut rng::os(), token.as_bytes()).map_err(refused)?;
    Ok(Challenge { text: encoding::b64_encode(&sealed), hash: sessions::token_hash(&token) })
}

/// Stores a challenge; `second_factor`: it has been given.
///
/// # Errors
/// What the database says.
pub fn remember_challenge(app: &App, tx: &mut Conn, device_id: &str, hash: &str, second_factor: bool) -> KeyResult<()> {
    Ok(store::insert_challenge(tx, hash, device_id, second_factor, app.clock.now_ms())?)
}

/// Uses up a challenge; all others of the device end with it. `second_factor`: only one that came after it will do.
///
/// # Errors
/// `LoginFailed` when it is unknown, another device's, used or expired.
pub fn take_challenge(app: &App, tx: &mut Conn, device_id: &str, token: &str, second_factor: bool) -> KeyResult<()> {
    let since = app.clock.now_ms() - app.config.keys.challenge_ms();
    if !store::take_challenge(tx, &sessions::token_hash(token), device_id, second_factor, since)? {
        return Err(ErrorCode::LoginFailed.into());
    }
    store::delete_challenges(tx, device_id)?;
    Ok(())
}
