//! Table `data_refresh_tokens`.

use diesel::QueryResult;
use diesel::prelude::*;

use crate::db::schema::data_refresh_tokens as tokens;
use crate::db::{Conn, each};

pub(super) fn user_of(conn: &mut Conn, app_id: &str, token_hash: &str) -> QueryResult<Option<String>> {
    each!(conn, |c| tokens::table
        .find(token_hash)
        .filter(tokens::app_id.eq(app_id))
        .select(tokens::user_id)
        .first(c)
        .optional())
}

pub(super) fn insert(conn: &mut Conn, app_id: &str, user_id: &str, token_hash: &str, now_ms: i64) -> QueryResult<()> {
    each!(conn, |c| diesel::insert_into(tokens::table)
        .values((
            tokens::token_hash.eq(token_hash),
            tokens::app_id.eq(app_id),
            tokens::user_id.eq(user_id),
            tokens::created_ms.eq(now_ms),
        ))
        .execute(c)
        .map(drop))
}

pub(super) fn delete(conn: &mut Conn, app_id: &str, token_hash: &str) -> QueryResult<usize> {
    diesel::delete(tokens::table.find(token_hash).filter(tokens::app_id.eq(app_id))).execute(conn)
}

pub(super) fn delete_of(conn: &mut Conn, app_id: &str, user_id: &str) -> QueryResult<usize> {
    diesel::delete(tokens::table.filter(tokens::app_id.eq(app_id)).filter(tokens::user_id.eq(user_id))).execute(conn)
}
