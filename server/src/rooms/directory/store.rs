//! Table `directory_users`.

use diesel::QueryResult;
use diesel::prelude::*;

use crate::db::schema::directory_users as users;
use crate::db::{Conn, each};

pub(super) fn insert(conn: &mut Conn, app_id: &str, user_id: &str, now_ms: i64) -> QueryResult<()> {
    each!(conn, |c| diesel::insert_into(users::table)
        .values((users::id.eq(user_id), users::app_id.eq(app_id), users::created_ms.eq(now_ms)))
        .execute(c)
        .map(drop))
}

pub(super) fn exists(conn: &mut Conn, app_id: &str, user_id: &str) -> QueryResult<bool> {
    let found: Option<String> =
        users::table.find(user_id).filter(users::app_id.eq(app_id)).select(users::id).get_result(conn).optional()?;
    Ok(found.is_some())
}

pub(super) fn is_taken(conn: &mut Conn, user_id: &str) -> QueryResult<bool> {
    let found: Option<String> = users::table.find(user_id).select(users::id).get_result(conn).optional()?;
    Ok(found.is_some())
}

pub(super) fn delete(conn: &mut Conn, user_id: &str) -> QueryResult<bool> {
    Ok(diesel::delete(users::table.find(user_id)).execute(conn)? > 0)
}

pub(super) fn delete_all(conn: &mut Conn, app_id: &str) -> QueryResult<usize> {
    diesel::delete(users::table.filter(users::app_id.eq(app_id))).execute(conn)
}
