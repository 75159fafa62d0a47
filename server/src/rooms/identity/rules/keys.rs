//! What the key API has of a user: whether he has keys, and which devices.

use serde::Serialize;

use super::super::error::IamResult;
use super::authenticate::Caller;
use crate::clock::iso8601;
use crate::db::Conn;
use crate::rooms::keys::rules as keys;
use crate::web::call::Page;

/// The caller's keys.
#[derive(Debug, Serialize)]
pub struct KeysRecord {
    has_keys: bool,
    /// The first fifty.
    devices: Vec<DeviceRecord>,
}

#[derive(Debug, Serialize)]
struct DeviceRecord {
    device_id: String,
    created_at: String,
}

/// The caller's keys.
///
/// # Errors
/// What the database says.
pub fn of(conn: &mut Conn, app_id: &str, caller: &Caller) -> IamResult<KeysRecord> {
    let uuid = &caller.user.uuid;
    let has_keys = keys::user_group_of(conn, app_id, uuid)?.is_some();
    let devices = keys::devices::list(conn, uuid, &Page::first())?;
    let device = |d: keystead_protocol::devices::DeviceListItem| DeviceRecord {
        device_id: d.device_id,
        created_at: iso8601(d.time),
    };
    Ok(KeysRecord { has_keys, devices: devices.into_iter().map(device).collect() })
}
