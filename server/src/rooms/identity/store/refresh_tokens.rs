//! Table `iam_refresh_tokens`.

use diesel::QueryResult;
use diesel::prelude::*;

use super::super::model::RefreshToken;
use crate::db::schema::{iam_refresh_tokens as tokens, iam_users as users};
use crate::db::{Conn, each};

/// A line of the administrators' list: id, token id, user's number, active, made, changed.
pub(crate) type Listed = (i64, String, i64, bool, i64, Option<i64>);

pub(crate) fn insert(
    conn: &mut Conn,
    app_id: &str,
    user_uuid: &str,
    session_id: &str,
    token_id: &str,
    now_ms: i64,
) -> QueryResult<()> {
    each!(conn, |c| diesel::insert_into(tokens::table)
        .values((
            tokens::token_id.eq(token_id),
            tokens::app_id.eq(app_id),
            tokens::user_uuid.eq(user_uuid),
            tokens::session_id.eq(session_id),
            tokens::is_active.eq(true),
            tokens::created_ms.eq(now_ms),
        ))
        .execute(c)
        .map(drop))
}

pub(crate) fn find(conn: &mut Conn, token_id: &str) -> QueryResult<Option<RefreshToken>> {
    each!(conn, |c| tokens::table
        .filter(tokens::token_id.eq(token_id))
        .select(RefreshToken::as_select())
        .get_result(c)
        .optional())
}

/// Uses a token up: true for exactly one of any number of callers.
pub(crate) fn replace(conn: &mut Conn, token_id: &str, successor: &str, now_ms: i64) -> QueryResult<bool> {
    let active = tokens::table.filter(tokens::token_id.eq(token_id).and(tokens::is_active.eq(true)));
    let replaced = each!(conn, |c| diesel::update(active)
        .set((
            tokens::is_active.eq(false),
            tokens::updated_ms.eq(Some(now_ms)),
            tokens::replaced_ms.eq(Some(now_ms)),
            tokens::successor.eq(Some(successor)),
        ))
        .execute(c))?;
    Ok(replaced == 1)
}

/// Ends a user's tokens but those of one session.
pub(crate) fn deactivate_all_but(
    conn: &mut Conn,
    user_uuid: &str,
    but_session: Option<&str>,
    now_ms: i64,
) -> QueryResult<usize> {
    let theirs = tokens::table
        .filter(tokens::user_uuid.eq(user_uuid).and(tokens::is_active.eq(true)))
        .filter(tokens::session_id.ne(but_session.unwrap_or_default()));
    each!(conn, |c| diesel::update(theirs)
        .set((tokens::is_active.eq(false), tokens::updated_ms.eq(Some(now_ms))))
        .execute(c))
}

/// Ends the tokens of one session.
pub(crate) fn deactivate_of_session(
    conn: &mut Conn,
    user_uuid: &str,
    session_id: &str,
    now_ms: i64,
) -> QueryResult<usize> {
    let its = tokens::table
        .filter(tokens::user_uuid.eq(user_uuid).and(tokens::is_active.eq(true)))
        .filter(tokens::session_id.eq(session_id));
    each!(conn, |c| diesel::update(its)
        .set((tokens::is_active.eq(false), tokens::updated_ms.eq(Some(now_ms))))
        .execute(c))
}

pub(crate) fn page(conn: &mut Conn, app_id: &str, skip: i64, take: i64) -> QueryResult<Vec<Listed>> {
    tokens::table
        .inner_join(users::table.on(users::uuid.eq(tokens::user_uuid)))
        .filter(tokens::app_id.eq(app_id))
        .order(tokens::id.asc())
        .offset(skip)
        .limit(take)
        .select((tokens::id, tokens::token_id, users::id, tokens::is_active, tokens::created_ms, tokens::updated_ms))
        .load(conn)
}

/// User id of a row's owner.
pub(crate) fn owner(conn: &mut Conn, app_id: &str, id: i64) -> QueryResult<Option<String>> {
    tokens::table.find(id).filter(tokens::app_id.eq(app_id)).select(tokens::user_uuid).get_result(conn).optional()
}

pub(crate) fn delete(conn: &mut Conn, app_id: &str, id: i64) -> QueryResult<usize> {
    diesel::delete(tokens::table.find(id).filter(tokens::app_id.eq(app_id))).execute(conn)
}

pub(crate) fn delete_all(conn: &mut Conn, app_id: &str) -> QueryResult<usize> {
    diesel::delete(tokens::table.filter(tokens::app_id.eq(app_id))).execute(conn)
}

pub(crate) fn delete_before(conn: &mut Conn, created_before_ms: i64) -> QueryResult<usize> {
    diesel::delete(tokens::table.filter(tokens::created_ms.lt(created_before_ms))).execute(conn)
}
