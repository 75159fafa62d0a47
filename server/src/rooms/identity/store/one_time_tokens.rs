//! Table `iam_one_time_tokens`: links in mails.

use diesel::QueryResult;
use diesel::prelude::*;

use crate::db::schema::iam_one_time_tokens as tokens;
use crate::db::{Conn, each};

pub(crate) fn insert(
    conn: &mut Conn,
    token_id: &str,
    user_uuid: &str,
    token_type: &str,
    expires_ms: i64,
    now_ms: i64,
) -> QueryResult<()> {
    each!(conn, |c| diesel::insert_into(tokens::table)
        .values((
            tokens::token_id.eq(token_id),
            tokens::user_uuid.eq(user_uuid),
            tokens::token_type.eq(token_type),
            tokens::expires_ms.eq(expires_ms),
            tokens::created_ms.eq(now_ms),
        ))
        .execute(c)
        .map(drop))
}

/// Uses a link up: the user id for exactly one of any number of callers.
pub(crate) fn take(conn: &mut Conn, token_id: &str, token_type: &str, now_ms: i64) -> QueryResult<Option<String>> {
    let unused = tokens::table
        .find(token_id)
        .filter(tokens::token_type.eq(token_type).and(tokens::used_ms.is_null()))
        .filter(tokens::expires_ms.gt(now_ms));
    let taken = each!(conn, |c| diesel::update(unused).set(tokens::used_ms.eq(Some(now_ms))).execute(c))?;
    if taken != 1 {
        return Ok(None);
    }
    tokens::table.find(token_id).select(tokens::user_uuid).get_result(conn).optional()
}

/// True when a link has been made and not been used.
pub(crate) fn is_unused(conn: &mut Conn, token_id: &str) -> QueryResult<bool> {
    let found: Option<String> = tokens::table
        .find(token_id)
        .filter(tokens::used_ms.is_null())
        .select(tokens::token_id)
        .get_result(conn)
        .optional()?;
    Ok(found.is_some())
}

/// Voids a user's other links of a kind.
pub(crate) fn void(conn: &mut Conn, user_uuid: &str, token_type: &str, now_ms: i64) -> QueryResult<usize> {
    let open = tokens::table
        .filter(tokens::user_uuid.eq(user_uuid).and(tokens::token_type.eq(token_type)))
        .filter(tokens::used_ms.is_null());
    diesel::update(open).set(tokens::used_ms.eq(Some(now_ms))).execute(conn)
}

/// True when a link of this kind was made since then.
pub(crate) fn made_since(conn: &mut Conn, user_uuid: &str, token_type: &str, since_ms: i64) -> QueryResult<bool> {
    let found: Option<String> = tokens::table
        .filter(tokens::user_uuid.eq(user_uuid).and(tokens::token_type.eq(token_type)))
        .filter(tokens::created_ms.gt(since_ms))
        .select(tokens::token_id)
        .limit(1)
        .get_result(conn)
        .optional()?;
    Ok(found.is_some())
}

pub(crate) fn delete_before(conn: &mut Conn, expired_before_ms: i64) -> QueryResult<usize> {
    diesel::delete(tokens::table.filter(tokens::expires_ms.lt(expired_before_ms))).execute(conn)
}
