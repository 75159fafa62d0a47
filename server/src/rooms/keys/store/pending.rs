//! Table `key_pending_devices`: devices that wait to be let in.

use diesel::QueryResult;
use diesel::prelude::*;

use super::DeviceKeysRow;
use crate::db::schema::{key_devices as devices, key_pending_devices as pending};
use crate::db::{Conn, each};

/// A device that waits.
#[derive(Debug)]
pub(in crate::rooms::keys) struct PendingRow {
    pub(in crate::rooms::keys) app_id: String,
    pub(in crate::rooms::keys) token_hash: String,
    pub(in crate::rooms::keys) identifier_hash: String,
    pub(in crate::rooms::keys) created_ms: i64,
    /// With the id of the device.
    pub(in crate::rooms::keys) keys: DeviceKeysRow,
}

pub(in crate::rooms::keys) fn insert(conn: &mut Conn, row: &PendingRow) -> QueryResult<()> {
    let keys = &row.keys;
    diesel::insert_into(pending::table)
        .values((
            pending::id.eq(&keys.device_id),
            pending::app_id.eq(&row.app_id),
            pending::token_hash.eq(&row.token_hash),
            pending::identifier_hash.eq(&row.identifier_hash),
            pending::created_ms.eq(row.created_ms),
            pending::derived_alg.eq(&keys.derived_alg),
            pending::client_random_value.eq(&keys.client_random_value),
            pending::hashed_authentication_key.eq(&keys.hashed_authentication_key),
            pending::master_key_alg.eq(&keys.master_key_alg),
            pending::encrypted_master_key.eq(&keys.encrypted_master_key),
            pending::encrypted_master_key_alg.eq(&keys.encrypted_master_key_alg),
            pending::keypair_encrypt_alg.eq(&keys.keypair_encrypt_alg),
            pending::keypair_sign_alg.eq(&keys.keypair_sign_alg),
            pending::public_key.eq(&keys.public_key),
            pending::verify_key.eq(&keys.verify_key),
            pending::encrypted_private_key.eq(&keys.encrypted_private_key),
            pending::encrypted_sign_key.eq(&keys.encrypted_sign_key),
        ))
        .execute(conn)
        .map(drop)
}

/// The device that waits with this token, its identifier and its keys.
pub(in crate::rooms::keys) fn by_token(
    conn: &mut Conn,
    app_id: &str,
    token_hash: &str,
    since_ms: i64,
) -> QueryResult<Option<(String, DeviceKeysRow)>> {
    pending::table
        .filter(pending::token_hash.eq(token_hash).and(pending::app_id.eq(app_id)))
        .filter(pending::created_ms.gt(since_ms))
        .select((
            pending::identifier_hash,
            (
                pending::id,
                pending::derived_alg,
                pending::client_random_value,
                pending::hashed_authentication_key,
                pending::master_key_alg,
                pending::encrypted_master_key,
                pending::encrypted_master_key_alg,
                pending::keypair_encrypt_alg,
                pending::keypair_sign_alg,
                pending::public_key,
                pending::verify_key,
                pending::encrypted_private_key,
                pending::encrypted_sign_key,
            ),
        ))
        .get_result(conn)
        .optional()
}

/// Uses a device's token up: true for exactly one of any number of callers.
pub(in crate::rooms::keys) fn take(conn: &mut Conn, id: &str) -> QueryResult<bool> {
    Ok(diesel::delete(pending::table.find(id)).execute(conn)? == 1)
}

/// True when a device has this identifier, or waits for it since `since_ms`.
pub(in crate::rooms::keys) fn is_taken(conn: &mut Conn, app_id: &str, hash: &str, since_ms: i64) -> QueryResult<bool> {
    let device = devices::table.filter(devices::app_id.eq(app_id).and(devices::identifier_hash.eq(hash)));
    let waits = pending::table
        .filter(pending::app_id.eq(app_id).and(pending::identifier_hash.eq(hash)))
        .filter(pending::created_ms.gt(since_ms));
    each!(conn, |c| diesel::select(diesel::dsl::exists(device).or(diesel::dsl::exists(waits))).get_result(c))
}

/// Frees an identifier that waited in vain.
pub(in crate::rooms::keys) fn delete_expired(
    conn: &mut Conn,
    app_id: &str,
    hash: &str,
    before_ms: i64,
) -> QueryResult<usize> {
    let old = pending::app_id.eq(app_id).and(pending::identifier_hash.eq(hash)).and(pending::created_ms.le(before_ms));
    diesel::delete(pending::table.filter(old)).execute(conn)
}

/// Removes devices that waited in vain.
pub(in crate::rooms::keys) fn delete_before(conn: &mut Conn, time_ms: i64) -> QueryResult<usize> {
    diesel::delete(pending::table.filter(pending::created_ms.le(time_ms))).execute(conn)
}
