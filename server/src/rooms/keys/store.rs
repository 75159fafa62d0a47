//! Tables `key_users`, `key_devices`, `key_device_keys` here; sessions, second factors and devices that wait
//! in files of their own.
//!
//! What every login and registration runs has a body per backend (`each!`): such a statement is known by its type, prepared
//! once, and found again without building its SQL.

pub(super) mod mfa;
pub(super) mod pending;
pub(super) mod sessions;

use diesel::dsl::case_when;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use keystead_protocol::groups::PAGE_SIZE;

use crate::db::schema::{
    key_device_keys as device_keys, key_devices as devices, key_mfa as mfa_table, key_users as users,
};
use crate::db::{Conn, each};
use crate::web::call::Page;

/// How far ahead another node's clock may be.
const CLOCKS_APART_MS: i64 = 60_000;

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
    /// JWTs issued before are good only while their session is there.
    pub(super) sessions_ended_ms: i64,
    /// Login challenges made then or before are dead.
    pub(super) challenges_after_ms: i64,
}

/// A device in its user's list.
#[derive(Debug, Queryable)]
pub(super) struct ListRow {
    pub(super) id: String,
    pub(super) created_ms: i64,
    pub(super) identifier_hash: String,
}

/// What a login is judged by.
#[derive(Debug, Queryable)]
pub(super) struct LoginRow {
    pub(super) device: DeviceRow,
    /// b64 of the hash that the authentication key must have.
    pub(super) hashed_authentication_key: String,
    /// Set when the user has a second factor in force.
    pub(super) second_factor: Option<String>,
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
            devices::sessions_ended_ms.eq(device.sessions_ended_ms),
            devices::challenges_after_ms.eq(device.challenges_after_ms),
        ))
        .execute(conn)?;
    insert_device_keys(conn, keys)
}

fn insert_device_keys(conn: &mut Conn, keys: &DeviceKeysRow) -> QueryResult<()> {
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

/// A device with the hash that its authentication key must have, and whether its user has a second factor.
pub(super) fn login_check(conn: &mut Conn, app_id: &str, hash: &str) -> QueryResult<Option<LoginRow>> {
    each!(conn, |c| devices::table
        .inner_join(device_keys::table.on(device_keys::device_id.eq(devices::id)))
        .left_join(mfa_table::table.on(mfa_table::user_id.eq(devices::user_id).and(mfa_table::state.eq(mfa::IN_FORCE))))
        .filter(devices::app_id.eq(app_id).and(devices::identifier_hash.eq(hash)))
        .select((devices::all_columns, device_keys::hashed_authentication_key, mfa_table::user_id.nullable()))
        .get_result(c)
        .optional())
}

/// The devices of a user, ascending by the time they came.
pub(super) fn devices_of(conn: &mut Conn, user_id: &str, page: &Page) -> QueryResult<Vec<ListRow>> {
    let (time, id) = page.ascending();
    devices::table
        .filter(devices::user_id.eq(user_id))
        .filter(devices::created_ms.ge(time))
        .filter(devices::created_ms.gt(time).or(devices::id.gt(id)))
        .order((devices::created_ms.asc(), devices::id.asc()))
        .limit(PAGE_SIZE)
        .select((devices::id, devices::created_ms, devices::identifier_hash))
        .load(conn)
}

/// True when the user has a device but this one.
pub(super) fn has_other_device(conn: &mut Conn, user_id: &str, device_id: &str) -> QueryResult<bool> {
    let other: Option<String> = devices::table
        .filter(devices::user_id.eq(user_id).and(devices::id.ne(device_id)))
        .select(devices::id)
        .first(conn)
        .optional()?;
    Ok(other.is_some())
}

/// Removes a device; its keys and sessions go by their foreign keys.
pub(super) fn delete_device(conn: &mut Conn, device_id: &str) -> QueryResult<()> {
    diesel::delete(devices::table.find(device_id)).execute(conn).map(drop)
}

/// Removes all devices of a user.
pub(super) fn delete_devices_of(conn: &mut Conn, user_id: &str) -> QueryResult<()> {
    diesel::delete(devices::table.filter(devices::user_id.eq(user_id))).execute(conn).map(drop)
}

/// Puts another password around the same master key.
pub(super) fn set_password(conn: &mut Conn, device_id: &str, new: &NewPassword<'_>) -> QueryResult<()> {
    diesel::update(device_keys::table.find(device_id))
        .set((
            device_keys::derived_alg.eq(new.derived_alg),
            device_keys::client_random_value.eq(new.client_random_value),
            device_keys::hashed_authentication_key.eq(new.hashed_authentication_key),
            device_keys::encrypted_master_key.eq(new.encrypted_master_key),
            device_keys::encrypted_master_key_alg.eq(new.encrypted_master_key_alg),
        ))
        .execute(conn)
        .map(drop)
}

/// What [`set_password`] writes.
#[derive(Debug)]
pub(super) struct NewPassword<'a> {
    pub(super) derived_alg: &'a str,
    pub(super) client_random_value: &'a str,
    pub(super) hashed_authentication_key: &'a str,
    pub(super) encrypted_master_key: &'a str,
    pub(super) encrypted_master_key_alg: &'a str,
}

/// Puts another master key around the same key pairs.
pub(super) fn set_master_key(
    conn: &mut Conn,
    device_id: &str,
    master_key_alg: &str,
    encrypted_private_key: &str,
    encrypted_sign_key: &str,
) -> QueryResult<()> {
    diesel::update(device_keys::table.find(device_id))
        .set((
            device_keys::master_key_alg.eq(master_key_alg),
            device_keys::encrypted_private_key.eq(encrypted_private_key),
            device_keys::encrypted_sign_key.eq(encrypted_sign_key),
        ))
        .execute(conn)
        .map(drop)
}

/// Gives a device all new keys.
pub(super) fn replace_device_keys(conn: &mut Conn, keys: &DeviceKeysRow) -> QueryResult<()> {
    diesel::delete(device_keys::table.find(&keys.device_id)).execute(conn)?;
    insert_device_keys(conn, keys)
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

/// Gives a user another user group.
pub(super) fn set_user_group(conn: &mut Conn, user_id: &str, user_group_id: &str) -> QueryResult<()> {
    diesel::update(users::table.find(user_id)).set(users::user_group_id.eq(user_group_id)).execute(conn).map(drop)
}

/// The user groups of those of these users who exist, by user id.
pub(super) fn user_groups(conn: &mut Conn, user_ids: &[&str]) -> QueryResult<Vec<(String, String)>> {
    users::table.filter(users::id.eq_any(user_ids)).select((users::id, users::user_group_id)).load(conn)
}

/// Id, algorithm and public key of those of these devices that exist.
pub(super) fn public_keys(conn: &mut Conn, device_ids: &[&str]) -> QueryResult<Vec<(String, String, String)>> {
    device_keys::table
        .filter(device_keys::device_id.eq_any(device_ids))
        .select((device_keys::device_id, device_keys::keypair_encrypt_alg, device_keys::public_key))
        .load(conn)
}

/// Ends the JWTs of all devices of a user that were issued before.
pub(super) fn set_valid_from(conn: &mut Conn, user_id: &str, valid_from_ms: i64) -> QueryResult<usize> {
    diesel::update(devices::table.filter(devices::user_id.eq(user_id)))
        .set(devices::valid_from_ms.eq(valid_from_ms))
        .execute(conn)
}

/// Uses a challenge of a device up, with all others that it has: true for exactly one of any number of callers.
pub(super) fn take_challenge(conn: &mut Conn, device_id: &str, made_ms: i64, now_ms: i64) -> QueryResult<bool> {
    let mine = devices::table.find(device_id).filter(devices::challenges_after_ms.lt(made_ms));
    let taken =
        each!(conn, |c| diesel::update(mine).set(devices::challenges_after_ms.eq(made_ms.max(now_ms))).execute(c))?;
    Ok(taken == 1)
}

/// Ends the challenges that a device has.
pub(super) fn end_challenges(conn: &mut Conn, device_id: &str, now_ms: i64) -> QueryResult<()> {
    diesel::update(devices::table.find(device_id)).set(challenges_end(now_ms)).execute(conn).map(drop)
}

/// Ends the challenges that the devices of a user have.
pub(super) fn end_challenges_of_user(conn: &mut Conn, user_id: &str, now_ms: i64) -> QueryResult<()> {
    let of_user = devices::table.filter(devices::user_id.eq(user_id));
    diesel::update(of_user).set(challenges_end(now_ms)).execute(conn).map(drop)
}

/// Later than any challenge that is about: a new one is made later still, whatever the clock says.
#[diesel::dsl::auto_type(no_type_alias)]
fn challenges_end(now_ms: i64) -> _ {
    let ahead_ms: i64 = now_ms + CLOCKS_APART_MS;
    let is_earlier = devices::challenges_after_ms.lt(ahead_ms);
    let next = devices::challenges_after_ms + 1_i64;
    devices::challenges_after_ms.eq(case_when(is_earlier, ahead_ms.into_sql::<BigInt>()).otherwise(next))
}
