//! Users as others see them, and what happens to them as a whole.

use std::collections::HashMap;

use keystead_protocol::ErrorCode;
use keystead_protocol::keys::{PublicKeyData, UserPublicDataG03, VerifyKeyDataG03, VerifyKeyOutput};

use super::super::store;
use super::register::claim_identifier;
use super::{Session, identifier_hash};
use crate::app::App;
use crate::db::{Conn, is_unique_violation};
use crate::error::{KeyError, KeyResult};
use crate::rooms::directory::rules as directory;
use crate::rooms::groups::validate::is_id;
use crate::rooms::groups::{forget_user, keys as group_keys, rules as groups};

/// The user group of a user of this app.
///
/// # Errors
/// What the database says.
pub fn user_group_of(conn: &mut Conn, app_id: &str, user_id: &str) -> KeyResult<Option<String>> {
    // What can be no id is not shown to the database, which would refuse some of it (NUL) as a failure of its own.
    if is_id(user_id) { Ok(store::user_group(conn, app_id, user_id)?) } else { Ok(None) }
}

/// The newest public keys of users, by user id. Who has none, or is gone, is not in it.
///
/// # Errors
/// What the database says.
pub fn newest_public_keys(conn: &mut Conn, user_ids: &[&str]) -> KeyResult<HashMap<String, PublicKeyData>> {
    let groups = store::user_groups(conn, user_ids)?;
    let group_ids: Vec<&str> = groups.iter().map(|(_user, group)| group.as_str()).collect();
    let keys = group_keys::newest_public_keys(conn, &group_ids)?;
    Ok(groups.into_iter().filter_map(|(user, group)| Some((user, keys.get(&group)?.clone()))).collect())
}

/// The public keys of devices, by device id, which is the key's id too.
///
/// # Errors
/// What the database says.
pub fn device_public_keys(conn: &mut Conn, device_ids: &[&str]) -> KeyResult<HashMap<String, PublicKeyData>> {
    let key = |(id, public_key_alg, public_key): (String, String, String)| {
        let data = PublicKeyData {
            public_key_id: id.clone(),
            public_key,
            public_key_alg,
            public_key_sig: None,
            public_key_sig_key_id: None,
        };
        (id, data)
    };
    Ok(store::public_keys(conn, device_ids)?.into_iter().map(key).collect())
}

/// The session of a device, found by the login identifier or by the user id: the original's documentation says one, its
/// server the other (better-than.md 19).
///
/// # Errors
/// `UserNotFound`.
pub fn find_user(conn: &mut Conn, app_id: &str, identifier_or_id: &str) -> KeyResult<(String, Option<Session>)> {
    let hash = identifier_hash(identifier_or_id)?;
    if let Some(device) = store::device_by_identifier(conn, app_id, &hash)? {
        return Ok((device.user_id.clone(), Some(Session::of(device))));
    }
    known(conn, app_id, identifier_or_id)?;
    Ok((identifier_or_id.to_owned(), None))
}

/// What is stored of a user's device, by column name.
///
/// # Errors
/// `UserNotFound`.
pub fn stored_of(conn: &mut Conn, app_id: &str, identifier: &str) -> KeyResult<Vec<(&'static str, String)>> {
    let hash = identifier_hash(identifier)?;
    let device = store::device_by_identifier(conn, app_id, &hash)?.ok_or(ErrorCode::UserNotFound)?;
    let keys = store::device_keys(conn, &device.id)?.ok_or(ErrorCode::UserNotFound)?;
    Ok(vec![
        ("user_id", device.user_id),
        ("identifier_hash", device.identifier_hash),
        ("hashed_authentication_key", keys.hashed_authentication_key),
        ("encrypted_master_key", keys.encrypted_master_key),
        ("public_key", keys.public_key),
        ("encrypted_private_key", keys.encrypted_private_key),
        ("encrypted_sign_key", keys.encrypted_sign_key),
    ])
}

/// Gives the session's device another identifier.
///
/// # Errors
/// `UserExists` when it is taken.
pub fn rename(app: &App, tx: &mut Conn, app_id: &str, session: &Session, identifier: &str) -> KeyResult<()> {
    let hash = identifier_hash(identifier)?;
    if hash == session.identifier_hash {
        return Ok(());
    }
    claim_identifier(app, tx, app_id, &hash)?;
    match store::set_identifier(tx, &session.device_id, &hash) {
        Ok(_) => Ok(()),
        Err(e) if is_unique_violation(&e) => Err(ErrorCode::UserExists.into()),
        Err(e) => Err(KeyError::from(e)),
    }
}

/// Removes a user with everything that is his: devices, tokens, keys, memberships, invites (better-than.md 15), and the groups in
/// which nobody else is.
///
/// # Errors
/// `UserNotFound`.
pub fn delete_user(tx: &mut Conn, app_id: &str, user_id: &str) -> KeyResult<()> {
    let user_group_id = known(tx, app_id, user_id)?;
    // First, because it takes the locks of groups, and those come before a user's.
    forget_user(tx, user_id)?;
    directory::delete_user(tx, user_id)?;
    groups::delete_group(tx, &user_group_id)
}

/// The newest public key of a user.
///
/// # Errors
/// `UserNotFound`.
pub fn public_key(conn: &mut Conn, app_id: &str, user_id: &str) -> KeyResult<PublicKeyData> {
    let group = known(conn, app_id, user_id)?;
    group_keys::newest_public_key(conn, &group)?.ok_or_else(|| ErrorCode::UserNotFound.into())
}

/// A public key of a user by id.
///
/// # Errors
/// `UserNotFound`.
pub fn public_key_by_id(conn: &mut Conn, app_id: &str, user_id: &str, key_id: &str) -> KeyResult<PublicKeyData> {
    let group = known(conn, app_id, user_id)?;
    group_keys::public_key(conn, &group, key_id)?.ok_or_else(|| ErrorCode::UserNotFound.into())
}

/// A verify key of a user by id, with the word of an older one for it where there is one.
///
/// # Errors
/// `UserNotFound`.
pub fn verify_key_by_id(conn: &mut Conn, app_id: &str, user_id: &str, key_id: &str) -> KeyResult<VerifyKeyOutput> {
    let group = known(conn, app_id, user_id)?;
    let (key, verify_key_proof) = group_keys::verify_key(conn, &group, key_id)?.ok_or(ErrorCode::UserNotFound)?;
    Ok(VerifyKeyOutput { key, verify_key_proof })
}

/// The newest verify key of a user, as G03 clients ask for it.
///
/// # Errors
/// `UserNotFound`.
pub fn verify_key_g03(conn: &mut Conn, app_id: &str, user_id: &str) -> KeyResult<VerifyKeyDataG03> {
    let group = known(conn, app_id, user_id)?;
    let key = group_keys::newest_verify_key(conn, &group)?.ok_or(ErrorCode::UserNotFound)?;
    Ok(VerifyKeyDataG03 {
        verify_key_id: key.verify_key_id,
        verify_key: key.verify_key,
        verify_alg: key.verify_key_alg.clone(),
        verify_key_alg: key.verify_key_alg,
    })
}

/// Both newest public keys of a user, as G03 clients ask for them.
///
/// # Errors
/// `UserNotFound`.
pub fn public_data_g03(conn: &mut Conn, app_id: &str, user_id: &str) -> KeyResult<UserPublicDataG03> {
    let (public, verify) = (public_key(conn, app_id, user_id)?, verify_key_g03(conn, app_id, user_id)?);
    Ok(UserPublicDataG03 {
        public_key_id: public.public_key_id,
        public_key: public.public_key,
        public_key_alg: public.public_key_alg,
        verify_key_id: verify.verify_key_id,
        verify_key: verify.verify_key,
        verify_alg: verify.verify_alg,
    })
}

fn known(conn: &mut Conn, app_id: &str, user_id: &str) -> KeyResult<String> {
    user_group_of(conn, app_id, user_id)?.ok_or_else(|| ErrorCode::UserNotFound.into())
}
