//! Table `data_ephemeral`.

use diesel::QueryResult;
use diesel::prelude::*;

use crate::db::Conn;
use crate::db::schema::data_ephemeral as apps;

pub(super) fn count(conn: &mut Conn) -> QueryResult<i64> {
    apps::table.count().get_result(conn)
}

pub(super) fn insert(conn: &mut Conn, app_id: &str, expires_ms: i64) -> QueryResult<()> {
    diesel::insert_into(apps::table)
        .values((apps::app_id.eq(app_id), apps::expires_ms.eq(expires_ms)))
        .execute(conn)
        .map(drop)
}

pub(super) fn delete(conn: &mut Conn, app_id: &str) -> QueryResult<usize> {
    diesel::delete(apps::table.find(app_id)).execute(conn)
}

pub(super) fn expired(conn: &mut Conn, now_ms: i64, most: i64) -> QueryResult<Vec<String>> {
    apps::table.filter(apps::expires_ms.le(now_ms)).order(apps::expires_ms).limit(most).select(apps::app_id).load(conn)
}
