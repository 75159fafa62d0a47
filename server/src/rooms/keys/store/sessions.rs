//! Table `key_refresh_tokens`: a row is a session.

use diesel::QueryResult;
use diesel::prelude::*;
use keystead_protocol::groups::PAGE_SIZE;

use crate::db::schema::{key_devices as devices, key_refresh_tokens as tokens};
use crate::db::{Conn, each};
use crate::web::call::Page;

/// A session in its user's list.
#[derive(Debug, Queryable)]
pub(in crate::rooms::keys) struct SessionRow {
    pub(in crate::rooms::keys) id: String,
    pub(in crate::rooms::keys) device_id: String,
    pub(in crate::rooms::keys) created_ms: i64,
    pub(in crate::rooms::keys) last_used_ms: i64,
}

pub(in crate::rooms::keys) fn insert(
    conn: &mut Conn,
    id: &str,
    hash: &str,
    device_id: &str,
    now_ms: i64,
) -> QueryResult<()> {
    each!(conn, |c| diesel::insert_into(tokens::table)
        .values((
            tokens::token_hash.eq(hash),
            tokens::device_id.eq(device_id),
            tokens::created_ms.eq(now_ms),
            tokens::id.eq(id),
            tokens::last_used_ms.eq(now_ms),
        ))
        .execute(c)
        .map(drop))
}

/// Id and last use of a device's session by its refresh token, when it was opened after `since_ms`.
pub(in crate::rooms::keys) fn by_token(
    conn: &mut Conn,
    hash: &str,
    device_id: &str,
    since_ms: i64,
) -> QueryResult<Option<(String, i64)>> {
    each!(conn, |c| tokens::table
        .find(hash)
        .filter(tokens::device_id.eq(device_id).and(tokens::created_ms.gt(since_ms)))
        .select((tokens::id, tokens::last_used_ms))
        .get_result(c)
        .optional())
}

/// True when a device has this session.
pub(in crate::rooms::keys) fn is_open(conn: &mut Conn, id: &str, device_id: &str) -> QueryResult<bool> {
    let found: Option<String> = tokens::table
        .filter(tokens::id.eq(id).and(tokens::device_id.eq(device_id)))
        .select(tokens::id)
        .get_result(conn)
        .optional()?;
    Ok(found.is_some())
}

/// Notes a use; false when the session is gone.
pub(in crate::rooms::keys) fn touch(conn: &mut Conn, id: &str, now_ms: i64) -> QueryResult<bool> {
    Ok(diesel::update(tokens::table.filter(tokens::id.eq(id))).set(tokens::last_used_ms.eq(now_ms)).execute(conn)? == 1)
}

/// The sessions of a user that were opened after `since_ms`, ascending by login.
pub(in crate::rooms::keys) fn of_user(
    conn: &mut Conn,
    user_id: &str,
    since_ms: i64,
    page: &Page,
) -> QueryResult<Vec<SessionRow>> {
    let (time, id) = page.ascending();
    tokens::table
        .inner_join(devices::table.on(devices::id.eq(tokens::device_id)))
        .filter(devices::user_id.eq(user_id).and(tokens::created_ms.gt(since_ms)))
        .filter(tokens::created_ms.ge(time))
        .filter(tokens::created_ms.gt(time).or(tokens::id.gt(id)))
        .order((tokens::created_ms.asc(), tokens::id.asc()))
        .limit(PAGE_SIZE)
        .select((tokens::id, tokens::device_id, tokens::created_ms, tokens::last_used_ms))
        .load(conn)
}

/// The device of a user's session.
pub(in crate::rooms::keys) fn device_of(conn: &mut Conn, id: &str, user_id: &str) -> QueryResult<Option<String>> {
    tokens::table
        .inner_join(devices::table.on(devices::id.eq(tokens::device_id)))
        .filter(tokens::id.eq(id).and(devices::user_id.eq(user_id)))
        .select(tokens::device_id)
        .get_result(conn)
        .optional()
}

/// Ends a session; the number says whether it was this call that did.
pub(in crate::rooms::keys) fn delete(conn: &mut Conn, id: &str) -> QueryResult<usize> {
    diesel::delete(tokens::table.filter(tokens::id.eq(id))).execute(conn)
}

/// Ends a device's session by its refresh token.
pub(in crate::rooms::keys) fn delete_by_token(conn: &mut Conn, hash: &str, device_id: &str) -> QueryResult<usize> {
    diesel::delete(tokens::table.find(hash).filter(tokens::device_id.eq(device_id))).execute(conn)
}

pub(in crate::rooms::keys) fn delete_of_user(conn: &mut Conn, user_id: &str) -> QueryResult<usize> {
    let of_user = devices::table.filter(devices::user_id.eq(user_id)).select(devices::id);
    diesel::delete(tokens::table.filter(tokens::device_id.eq_any(of_user))).execute(conn)
}

/// Ends the sessions of a user's other devices.
pub(in crate::rooms::keys) fn delete_of_other_devices(
    conn: &mut Conn,
    user_id: &str,
    device_id: &str,
) -> QueryResult<usize> {
    let others = devices::table.filter(devices::user_id.eq(user_id).and(devices::id.ne(device_id))).select(devices::id);
    diesel::delete(tokens::table.filter(tokens::device_id.eq_any(others))).execute(conn)
}

/// Ends the sessions of a device but those with this id or this refresh token.
pub(in crate::rooms::keys) fn delete_of_device_but(
    conn: &mut Conn,
    device_id: &str,
    id: &str,
    token_hash: &str,
) -> QueryResult<usize> {
    let others = tokens::device_id.eq(device_id).and(tokens::id.ne(id)).and(tokens::token_hash.ne(token_hash));
    diesel::delete(tokens::table.filter(others)).execute(conn)
}

/// From now on, JWTs of a user's device that were issued before `time_ms` are good only while their session is there.
pub(in crate::rooms::keys) fn look_at_device(conn: &mut Conn, device_id: &str, time_ms: i64) -> QueryResult<usize> {
    diesel::update(devices::table.find(device_id)).set(devices::sessions_ended_ms.eq(time_ms)).execute(conn)
}

/// As [`look_at_device`], for all devices of a user but one.
pub(in crate::rooms::keys) fn look_at_others(
    conn: &mut Conn,
    user_id: &str,
    but_device: &str,
    time_ms: i64,
) -> QueryResult<usize> {
    let others = devices::table.filter(devices::user_id.eq(user_id).and(devices::id.ne(but_device)));
    diesel::update(others).set(devices::sessions_ended_ms.eq(time_ms)).execute(conn)
}

/// Removes sessions that are too old to be used.
pub(in crate::rooms::keys) fn delete_before(conn: &mut Conn, time_ms: i64) -> QueryResult<usize> {
    diesel::delete(tokens::table.filter(tokens::created_ms.le(time_ms))).execute(conn)
}
