//! Table `directory_users`.

use diesel::prelude::*;
use diesel::QueryResult;

use crate::db::{Conn, schema::directory_users as users};

pub(super) fn insert(conn: &mut Conn, app_id: &str, user_id: &str, now_ms: i64) -> QueryResult<()> {
    diesel::insert_into(users::table)
        .values((users::id.eq(user_id), users::app_id.eq(app_id), users::created_ms.eq(now_ms)))
        .execute(conn)
        .map(drop)
}

pub(super) fn exists(conn: &mut Conn, app_id: &str, user_id: &str) -> QueryResult<bool> {
    let found: Option<String> = users::table
        .find(user_id)
        .filter(users::app_id.eq(app_id))
        .select(users::id)
        .first(conn)
        .optional()?;
    Ok(found.is_some())
}

pub(super) fn delete(conn: &mut Conn, user_id: &str) -> QueryResult<bool> {
    Ok(diesel::delete(users::table.find(user_id)).execute(conn)? > 0)
}
