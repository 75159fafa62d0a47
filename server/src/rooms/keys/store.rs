//! Tables `key_users`, `key_devices`, `key_device_keys`, `key_refresh_tokens`, `key_challenges`.
//!
//! What every login and registration runs has a body per backend (`each!`): such a statement is known by its type, prepared
//! once, and found again without building its SQL.

use diesel::QueryResult;
use diesel::prelude::*;

use crate::db::schema::{
    key_challenges as challenges, key_device_keys as device_keys, key_devices as devices,
    key_refresh_tokens as refresh_tokens, key_users as users,
};
use crate::db::{Conn, each};

/// What every request with a JWT needs of its device.
#[derive(Debug, Clone, Queryable)]
pub(super) struct DeviceRow {
    pub(super) id: String,
    pub(super) app_id: String,
    pub(super) user_id: String,
    pub(super) user_group_id: String,
    /// 3 or 15: sentc.md section 14.
    pub(super) generation: i32,
    /// JWTs issued before are dead.
    pub(super) valid_from_ms: i64,
    pub(super) identifier_hash: String,
    pub(super) created_ms: i64,
}

/// Everything wrapped that a device gets back at login.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = device_keys)]
pub(super) struct DeviceKeysRow {
    pub(super) device_id: String,
    pub(super) derived_alg: String,
    pub(super) client_random_value: String,
    pub(super) hashed_authentication_key: String,
    pub(super) master_key_alg: String,
    pub(super) encrypted_master_key: String,
    pub(super) encrypted_master_key_alg: String,
    pub(super) keypair_encrypt_alg: String,
    pub(super) keypair_sign_alg: String,
    pub(super) public_key: String,
    pub(super) verify_key: String,
    pub(super) encrypted_private_key: String,
    pub(super) encrypted_sign_key: String,
}

pub(super) fn insert_user(
    conn: &mut Conn,
    app_id: &str,
    user_id: &str,
    user_group_id: &str,
    now_ms: i64,
) -> QueryResult<()> {
    each!(conn, |c| diesel::insert_into(users::table)
        .values((
            users::id.eq(user_id),
            users::app_id.eq(app_id),
            users::user_group_id.eq(user_group_id),
            users::created_ms.eq(now_ms),
        ))
        .execute(c)
        .map(drop))
}

pub(super) fn insert_device(conn: &mut Conn, device: &DeviceRow, keys: &DeviceKeysRow) -> QueryResult<()> {
    diesel::insert_into(devices::table)
        .values((
            devices::id.eq(&device.id),
            devices::app_id.eq(&device.app_id),
            devices::user_id.eq(&device.user_id),
            devices::user_group_id.eq(&device.user_group_id),
            devices::generation.eq(device.generation),
            devices::valid_from_ms.eq(device.valid_from_ms),
            devices::identifier_hash.eq(&device.identifier_hash),
            devices::created_ms.eq(device.created_ms),
        ))
        .execute(conn)?;
    diesel::insert_into(device_keys::table)
        .values((
            device_keys::device_id.eq(&keys.device_id),
            device_keys::derived_alg.eq(&keys.derived_alg),
            device_keys::client_random_value.eq(&keys.client_random_value),
            device_keys::hashed_authentication_key.eq(&keys.hashed_authentication_key),
            device_keys::master_key_alg.eq(&keys.master_key_alg),
            device_keys::encrypted_master_key.eq(&keys.encrypted_master_key),
            device_keys::encrypted_master_key_alg.eq(&keys.encrypted_master_key_alg),
            device_keys::keypair_encrypt_alg.eq(&keys.keypair_encrypt_alg),
            device_keys::keypair_sign_alg.eq(&keys.keypair_sign_alg),
            device_keys::public_key.eq(&keys.public_key),
            device_keys::verify_key.eq(&keys.verify_key),
            device_keys::encrypted_private_key.eq(&keys.encrypted_private_key),
            device_keys::encrypted_sign_key.eq(&keys.encrypted_sign_key),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn device(conn: &mut Conn, id: &str) -> QueryResult<Option<DeviceRow>> {
    each!(conn, |c| devices::table.find(id).get_result(c).optional())
}

pub(super) fn device_by_identifier(conn: &mut Conn, app_id: &str, hash: &str) -> QueryResult<Option<DeviceRow>> {
    each!(conn, |c| devices::table
        .filter(devices::app_id.eq(app_id).and(devices::identifier_hash.eq(hash)))
        .get_result(c)
        .optional())
}

pub(super) fn device_keys(conn: &mut Conn, device_id: &str) -> QueryResult<Option<DeviceKeysRow>> {
    each!(conn, |c| device_keys::table.find(device_id).get_result(c).optional())
}

/// `client_random_value` and `derived_alg` of a device.
pub(super) fn salt_source(conn: &mut Conn, app_id: &str, hash: &str) -> QueryResult<Option<(String, String)>> {
    each!(conn, |c| devices::table
        .inner_join(device_keys::table.on(device_keys::device_id.eq(devices::id)))
        .filter(devices::app_id.eq(app_id).and(devices::identifier_hash.eq(hash)))
        .select((device_keys::client_random_value, device_keys::derived_alg))
        .get_result(c)
        .optional())
}

/// A device with the hash that its authentication key must have.
pub(super) fn login_check(conn: &mut Conn, app_id: &str, hash: &str) -> QueryResult<Option<(DeviceRow, String)>> {
    each!(conn, |c| devices::table
        .inner_join(device_keys::table.on(device_keys::device_id.eq(devices::id)))
        .filter(devices::app_id.eq(app_id).and(devices::identifier_hash.eq(hash)))
        .select((devices::all_columns, device_keys::hashed_authentication_key))
        .get_result(c)
        .optional())
}

pub(super) fn set_identifier(conn: &mut Conn, device_id: &str, hash: &str) -> QueryResult<usize> {
    diesel::update(devices::table.find(device_id)).set(devices::identifier_hash.eq(hash)).execute(conn)
}

pub(super) fn user_group(conn: &mut Conn, app_id: &str, user_id: &str) -> QueryResult<Option<String>> {
    each!(conn, |c| users::table
        .find(user_id)
        .filter(users::app_id.eq(app_id))
        .select(users::user_group_id)
        .get_result(c)
        .optional())
}

/// Ends the JWTs of all devices of a user that were issued before.
pub(super) fn set_valid_from(conn: &mut Conn, user_id: &str, valid_from_ms: i64) -> QueryResult<usize> {
    diesel::update(devices::table.filter(devices::user_id.eq(user_id)))
        .set(devices::valid_from_ms.eq(valid_from_ms))
        .execute(conn)
}

pub(super) fn insert_refresh_token(conn: &mut Conn, hash: &str, device_id: &str, now_ms: i64) -> QueryResult<()> {
    each!(conn, |c| diesel::insert_into(refresh_tokens::table)
        .values((
            refresh_tokens::token_hash.eq(hash),
            refresh_tokens::device_id.eq(device_id),
            refresh_tokens::created_ms.eq(now_ms),
        ))
        .execute(c)
        .map(drop))
}

/// True when the device has this refresh token and it is not older than `since_ms`.
pub(super) fn has_refresh_token(conn: &mut Conn, hash: &str, device_id: &str, since_ms: i64) -> QueryResult<bool> {
    let found: Option<i64> = each!(conn, |c| refresh_tokens::table
        .find(hash)
        .filter(refresh_tokens::device_id.eq(device_id).and(refresh_tokens::created_ms.gt(since_ms)))
        .select(refresh_tokens::created_ms)
        .get_result(c)
        .optional())?;
    Ok(found.is_some())
}

pub(super) fn delete_refresh_token(conn: &mut Conn, hash: &str, device_id: &str) -> QueryResult<usize> {
    diesel::delete(refresh_tokens::table.find(hash).filter(refresh_tokens::device_id.eq(device_id))).execute(conn)
}

pub(super) fn delete_refresh_tokens_of_user(conn: &mut Conn, user_id: &str) -> QueryResult<usize> {
    let of_user = devices::table.filter(devices::user_id.eq(user_id)).select(devices::id);
    diesel::delete(refresh_tokens::table.filter(refresh_tokens::device_id.eq_any(of_user))).execute(conn)
}

pub(super) fn insert_challenge(conn: &mut Conn, hash: &str, device_id: &str, now_ms: i64) -> QueryResult<()> {
    each!(conn, |c| diesel::insert_into(challenges::table)
        .values((
            challenges::token_hash.eq(hash),
            challenges::device_id.eq(device_id),
            challenges::created_ms.eq(now_ms),
        ))
        .execute(c)
        .map(drop))
}

/// Uses a challenge up: true for exactly one of any number of callers.
pub(super) fn take_challenge(conn: &mut Conn, hash: &str, device_id: &str, since_ms: i64) -> QueryResult<bool> {
    let mine = challenges::table
        .find(hash)
        .filter(challenges::device_id.eq(device_id).and(challenges::created_ms.gt(since_ms)));
    Ok(each!(conn, |c| diesel::delete(mine).execute(c))? == 1)
}

pub(super) fn delete_challenges(conn: &mut Conn, device_id: &str) -> QueryResult<usize> {
    each!(conn, |c| diesel::delete(challenges::table.filter(challenges::device_id.eq(device_id))).execute(c))
}

pub(super) fn delete_challenges_of_user(conn: &mut Conn, user_id: &str) -> QueryResult<usize> {
    let of_user = devices::table.filter(devices::user_id.eq(user_id)).select(devices::id);
    diesel::delete(challenges::table.filter(challenges::device_id.eq_any(of_user))).execute(conn)
}

/// Removes what is too old to be used.
pub(super) fn delete_expired(conn: &mut Conn, challenges_before: i64, tokens_before: i64) -> QueryResult<usize> {
    let challenges =
        diesel::delete(challenges::table.filter(challenges::created_ms.le(challenges_before))).execute(conn)?;
    let tokens =
        diesel::delete(refresh_tokens::table.filter(refresh_tokens::created_ms.le(tokens_before))).execute(conn)?;
    Ok(challenges + tokens)
}
