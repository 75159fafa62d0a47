//! Devices as members of their user group. Who may add and remove them, the room `keys` decides.

use keystead_protocol::ErrorCode;
use keystead_protocol::groups::{InviteOutput, MemberKey, NewMemberKeys, RANK_DEFAULT};

use super::invites::rules as invites;
use super::keys::rules::{self as keys, Existing};
use super::members::rules::{self as members, KIND_DEVICE, NewMember};
use super::store;
use crate::app::App;
use crate::db::Conn;
use crate::error::KeyResult;

/// Adds a device to a user group. Devices have no ranks; all but the first one carry the default.
///
/// # Errors
/// `UserNotFound` when the group is gone.
pub fn add(app: &App, tx: &mut Conn, user_group_id: &str, device_id: &str) -> KeyResult<()> {
    let created_ms = store::created_ms(tx, user_group_id)?.ok_or(ErrorCode::UserNotFound)?;
    let device = NewMember { member_id: device_id, kind: KIND_DEVICE, rank: RANK_DEFAULT };
    members::insert(tx, user_group_id, created_ms, &device, app.clock.now_ms())
}

/// Stores user keys wrapped for a new device, and opens a session for further ones when the input asks for it. The wraps
/// are for the device's own key, whatever `user_public_key_id` says.
///
/// # Errors
/// 304 for a key that is none of the group.
pub fn give_keys(
    app: &App,
    tx: &mut Conn,
    user_group_id: &str,
    device_id: &str,
    input: &NewMemberKeys,
) -> KeyResult<InviteOutput> {
    keys::insert_for_device(tx, user_group_id, device_id, &input.keys, Existing::Replace)?;
    invites::output(app, tx, user_group_id, device_id, input.key_session, "Device was registered")
}

/// Stores further user keys of a device by its upload session. Keys that it has already are left as they are.
///
/// # Errors
/// 306 no such session of this user group, too old, or the device is gone; 304 as [`give_keys`].
pub fn give_further_keys(
    app: &App,
    tx: &mut Conn,
    user_group_id: &str,
    session_id: &str,
    new: &[MemberKey],
) -> KeyResult<()> {
    let device_id = invites::open_session(app, tx, user_group_id, session_id)?.ok_or(ErrorCode::GroupKeySession)?;
    members::find(tx, user_group_id, &device_id)?.ok_or(ErrorCode::GroupKeySession)?;
    keys::insert_for_device(tx, user_group_id, &device_id, new, Existing::Keep)
}

/// Removes a device from its user group, with what was kept for it.
///
/// # Errors
/// What the database says.
pub fn remove(tx: &mut Conn, user_group_id: &str, device_id: &str) -> KeyResult<()> {
    members::remove(tx, user_group_id, device_id)
}
