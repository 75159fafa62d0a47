//! A new password for a device (sentc.md section 4.3): changed with the old one, or reset by a device that holds its keys.

use keystead_crypto::password::AuthKey;
use keystead_protocol::ErrorCode;
use keystead_protocol::devices::{ChangePasswordInput, ResetPasswordInput};

use super::super::store::{self, NewPassword};
use super::register::{label, password_fields};
use super::{Session, login, sessions};
use crate::app::App;
use crate::db::Conn;
use crate::error::KeyResult;
use crate::rooms::groups::validate;

/// A password change whose input has been checked.
pub struct PasswordChange {
    input: ChangePasswordInput,
    old: AuthKey,
}

/// Checks everything of a password change that needs no database.
///
/// # Errors
/// `JsonParse` naming the field, `AuthKeyFormat`.
pub fn validate_change(input: ChangePasswordInput) -> KeyResult<PasswordChange> {
    password_fields(&input.new_derived_alg, &input.new_client_random_value, &input.new_hashed_authentication_key)?;
    label("new_encrypted_master_key_alg", &input.new_encrypted_master_key_alg)?;
    validate::wrapped_sym_key("new_encrypted_master_key", &input.new_encrypted_master_key)?;
    Ok(PasswordChange { old: login::auth_key(&input.old_auth_key)?, input })
}

/// Puts a new password around the device's master key and ends what the setting says.
///
/// # Errors
/// `LoginFailed` for a wrong old password; `UserNotFound` when the device has gone meanwhile.
pub fn change(app: &App, tx: &mut Conn, session: &Session, change: &PasswordChange) -> KeyResult<()> {
    tx.lock(&session.user_id)?;
    let PasswordChange { input, old } = change;
    let keys = store::device_keys(tx, &session.device_id)?.ok_or(ErrorCode::UserNotFound)?;
    if !login::is_right(old, Some(&keys.hashed_authentication_key)) {
        return Err(ErrorCode::LoginFailed.into());
    }
    let new = NewPassword {
        derived_alg: &input.new_derived_alg,
        client_random_value: &input.new_client_random_value,
        hashed_authentication_key: &input.new_hashed_authentication_key,
        encrypted_master_key: &input.new_encrypted_master_key,
        encrypted_master_key_alg: &input.new_encrypted_master_key_alg,
    };
    finish(app, tx, session, &new, input.refresh_token.as_deref())
}

/// Checks everything of a password reset that needs no database.
///
/// # Errors
/// `JsonParse` naming the field.
pub fn validate_reset(input: &ResetPasswordInput) -> KeyResult<()> {
    password_fields(&input.derived_alg, &input.client_random_value, &input.hashed_authentication_key)?;
    label("master_key_alg", &input.master_key.master_key_alg)?;
    label("encrypted_master_key_alg", &input.master_key.encrypted_master_key_alg)?;
    validate::wrapped_sym_key("encrypted_master_key", &input.master_key.encrypted_master_key)
}

/// Puts a new password and master key around the device's key pairs and ends what the setting says.
///
/// # Errors
/// `WrongJwtAction` for a JWT that is not fresh, unless the setting allows it (better-than.md 7); `JsonParse` for keys of
/// another algorithm than the device's; `UserNotFound` when the device has gone meanwhile.
pub fn reset(app: &App, tx: &mut Conn, session: &Session, input: &ResetPasswordInput) -> KeyResult<()> {
    tx.lock(&session.user_id)?;
    if app.config.keys.reset_password_needs_fresh_jwt && !sessions::is_fresh(tx, session)? {
        return Err(ErrorCode::WrongJwtAction.into());
    }
    let keys = store::device_keys(tx, &session.device_id)?.ok_or(ErrorCode::UserNotFound)?;
    validate::wrapped_private_key("encrypted_private_key", &keys.keypair_encrypt_alg, &input.encrypted_private_key)?;
    validate::wrapped_sign_key("encrypted_sign_key", &keys.keypair_sign_alg, &input.encrypted_sign_key)?;
    let master = &input.master_key;
    let (private_key, sign_key) = (&input.encrypted_private_key, &input.encrypted_sign_key);
    store::set_master_key(tx, &session.device_id, &master.master_key_alg, private_key, sign_key)?;
    let new = NewPassword {
        derived_alg: &input.derived_alg,
        client_random_value: &input.client_random_value,
        hashed_authentication_key: &input.hashed_authentication_key,
        encrypted_master_key: &master.encrypted_master_key,
        encrypted_master_key_alg: &master.encrypted_master_key_alg,
    };
    finish(app, tx, session, &new, input.refresh_token.as_deref())
}

fn finish(
    app: &App,
    tx: &mut Conn,
    session: &Session,
    new: &NewPassword<'_>,
    own_token: Option<&str>,
) -> KeyResult<()> {
    store::set_password(tx, &session.device_id, new)?;
    // A login that was begun with the old password does not end well any more.
    store::end_challenges(tx, &session.device_id, app.clock.now_ms())?;
    sessions::end_by_password(app, tx, session, own_token)
}
