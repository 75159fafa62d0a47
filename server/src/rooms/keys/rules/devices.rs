//! Further devices of a user (sentc.md section 5): a new one waits until one of the user's devices lets it in.

use keystead_crypto::{asym, sign};
use keystead_protocol::ErrorCode;
use keystead_protocol::devices::{DeviceListItem, RegisterDeviceOutput};
use keystead_protocol::groups::{InviteOutput, MemberKey, NewMemberKeys};

use super::super::store::pending::{self, PendingRow};
use super::super::store::{self, DeviceKeysRow};
use super::register::{self, NewDevice, Owner};
use super::sessions::{MAX_TOKEN, new_token, token_hash};
use super::{G15, Session};
use crate::app::App;
use crate::db::{Conn, is_unique_violation};
use crate::error::{KeyError, KeyResult};
use crate::rooms::groups::devices;
use crate::rooms::groups::validate::is_id;
use crate::web::call::Page;

/// Keeps a new device until it is let in. Its identifier is used from now on; after the setting's hours it is free again.
///
/// # Errors
/// `UserExists`.
pub fn prepare(app: &App, tx: &mut Conn, app_id: &str, device: &NewDevice) -> KeyResult<RegisterDeviceOutput> {
    let hash = &device.identifier_hash;
    register::claim_identifier(app, tx, app_id, hash)?;
    pending::delete_expired(tx, app_id, hash, register::oldest_pending_ms(app))?;
    let (id, token) = (app.new_id(), new_token());
    let row = PendingRow {
        app_id: app_id.to_owned(),
        token_hash: token_hash(&token),
        identifier_hash: hash.clone(),
        created_ms: app.clock.now_ms(),
        keys: register::keys_row(&id, &device.input),
    };
    pending::insert(tx, &row)
        .map_err(|e| if is_unique_violation(&e) { ErrorCode::UserExists.into() } else { KeyError::from(e) })?;
    Ok(RegisterDeviceOutput {
        device_id: id,
        token,
        device_identifier: device.input.device_identifier.clone(),
        public_key_string: row.keys.public_key,
        keypair_encrypt_alg: row.keys.keypair_encrypt_alg,
    })
}

/// Lets a new device in, with the user keys wrapped for it. The keys have passed
/// [`crate::rooms::groups::validate::member_keys`].
///
/// # Errors
/// `UserNotFound` for a token that is wrong, used or too old; 304 for a key that is none of the user's.
pub fn finish(
    app: &App,
    tx: &mut Conn,
    app_id: &str,
    session: &Session,
    token: &str,
    keys: &NewMemberKeys,
) -> KeyResult<InviteOutput> {
    let device_id = let_in(app, tx, app_id, session, token)?;
    devices::give_keys(app, tx, &session.user_group_id, &device_id, keys)
}

/// Lets a new device in without keys: a device of a light user, or one that only logs in.
///
/// # Errors
/// `UserNotFound` for a token that is wrong, used or too old.
pub fn finish_light(app: &App, tx: &mut Conn, app_id: &str, session: &Session, token: &str) -> KeyResult<()> {
    let_in(app, tx, app_id, session, token).map(drop)
}

/// Further user keys of a device that was let in. The keys have passed
/// [`crate::rooms::groups::validate::member_keys`].
///
/// # Errors
/// 306 no such session of the user, or too old; 304 for a key that is none of the user's.
pub fn upload_keys(app: &App, tx: &mut Conn, session: &Session, session_id: &str, keys: &[MemberKey]) -> KeyResult<()> {
    tx.lock(&session.user_group_id)?;
    devices::give_further_keys(app, tx, &session.user_group_id, session_id, keys)
}

/// The devices of a user, ascending by the time they came; at most 50.
///
/// # Errors
/// What the database says.
pub fn list(conn: &mut Conn, user_id: &str, page: &Page) -> KeyResult<Vec<DeviceListItem>> {
    let rows = store::devices_of(conn, user_id, page)?;
    let item = |row: store::ListRow| DeviceListItem {
        device_id: row.id,
        time: row.created_ms,
        device_identifier: row.identifier_hash,
    };
    Ok(rows.into_iter().map(item).collect())
}

/// Removes a device with everything that is its own: keys, wrapped user keys, sessions (better-than.md 15).
///
/// # Errors
/// `DeviceNotFound` when it is none of the user's, `LastDevice`.
pub fn delete(tx: &mut Conn, session: &Session, device_id: &str) -> KeyResult<()> {
    tx.lock(&session.user_group_id)?;
    let device = if is_id(device_id) { store::device(tx, device_id)? } else { None };
    device.filter(|d| d.user_id == session.user_id).ok_or(ErrorCode::DeviceNotFound)?;
    if !store::has_other_device(tx, &session.user_id, device_id)? {
        return Err(ErrorCode::LastDevice.into());
    }
    devices::remove(tx, &session.user_group_id, device_id)?;
    Ok(store::delete_device(tx, device_id)?)
}

/// Makes the waiting device one of the user's; gives its id.
fn let_in(app: &App, tx: &mut Conn, app_id: &str, session: &Session, token: &str) -> KeyResult<String> {
    let refused = || KeyError::new(ErrorCode::UserNotFound);
    tx.lock(&session.user_group_id)?;
    // The user may have been deleted, or begun anew, while we waited.
    store::user_group(tx, app_id, &session.user_id)?.filter(|g| *g == session.user_group_id).ok_or_else(refused)?;
    if token.len() > MAX_TOKEN {
        return Err(refused());
    }
    let found = pending::by_token(tx, app_id, &token_hash(token), register::oldest_pending_ms(app))?;
    let (identifier_hash, keys) = found.ok_or_else(refused)?;
    if !pending::take(tx, &keys.device_id)? {
        return Err(refused());
    }
    let of = Owner { app_id, user_id: &session.user_id, user_group_id: &session.user_group_id };
    register::insert_device(app, tx, &of, generation(session, &keys), &identifier_hash, &keys)?;
    devices::add(app, tx, &session.user_group_id, &keys.device_id)?;
    Ok(keys.device_id)
}

/// A device has no user group of its own to tell its client by: it follows the device that lets it in. Keys that npm 0.3.1
/// cannot make are of a client of today in any case.
fn generation(session: &Session, keys: &DeviceKeysRow) -> i32 {
    let classic = keys.keypair_encrypt_alg == asym::ECIES_ED25519 && keys.keypair_sign_alg == sign::ED25519;
    if classic { session.generation } else { G15 }
}
