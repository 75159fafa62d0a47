//! Tables `data_files` and `data_used_urls`.

use diesel::QueryResult;
use diesel::prelude::*;

use crate::db::schema::files::{data_files as files, data_used_urls as used_urls};
use crate::db::{Conn, each};

/// Bytes that a `$files` entity names.
#[derive(Debug, Clone, Queryable)]
pub(super) struct FileRow {
    pub(super) location: String,
    pub(super) object: String,
    pub(super) size: i64,
    pub(super) content_type: String,
    pub(super) content_disposition: Option<String>,
    pub(super) created_ms: i64,
}

type Columns =
    (files::location, files::object, files::size, files::content_type, files::content_disposition, files::created_ms);
const COLUMNS: Columns =
    (files::location, files::object, files::size, files::content_type, files::content_disposition, files::created_ms);

pub(super) fn insert(tx: &mut Conn, app_id: &str, row: &FileRow) -> QueryResult<()> {
    diesel::insert_into(files::table)
        .values((
            files::app_id.eq(app_id),
            files::location.eq(&row.location),
            files::object.eq(&row.object),
            files::size.eq(row.size),
            files::content_type.eq(&row.content_type),
            files::content_disposition.eq(&row.content_disposition),
            files::created_ms.eq(row.created_ms),
        ))
        .execute(tx)
        .map(drop)
}

pub(super) fn find(conn: &mut Conn, app_id: &str, location: &str) -> QueryResult<Option<FileRow>> {
    files::table.find((app_id, location)).select(COLUMNS).get_result(conn).optional()
}

/// Notes that an address is used; false when it has been before.
pub(super) fn use_up(tx: &mut Conn, id: &str, expires_ms: i64) -> QueryResult<bool> {
    let row = (used_urls::id.eq(id), used_urls::expires_ms.eq(expires_ms));
    each!(tx, |c| diesel::insert_into(used_urls::table).values(row).on_conflict_do_nothing().execute(c))
        .map(|rows| rows > 0)
}

pub(super) fn is_used(conn: &mut Conn, id: &str) -> QueryResult<bool> {
    let found: Option<String> = used_urls::table.find(id).select(used_urls::id).first(conn).optional()?;
    Ok(found.is_some())
}

pub(super) fn sweep_urls(tx: &mut Conn, before_ms: i64) -> QueryResult<usize> {
    diesel::delete(used_urls::table.filter(used_urls::expires_ms.lt(before_ms))).execute(tx)
}

/// What a trigger then has deleted from the storage.
pub(super) fn delete(tx: &mut Conn, app_id: &str, locations: &[String]) -> QueryResult<usize> {
    let found = files::table.filter(files::app_id.eq(app_id)).filter(files::location.eq_any(locations));
    diesel::delete(found).execute(tx)
}

/// (location, time) of every file of an app.
pub(super) fn times(conn: &mut Conn, app_id: &str) -> QueryResult<Vec<(String, i64)>> {
    files::table.filter(files::app_id.eq(app_id)).select((files::location, files::created_ms)).load(conn)
}

/// (location, object) of every file of an app.
pub(super) fn objects(conn: &mut Conn, app_id: &str) -> QueryResult<Vec<(String, String)>> {
    let all = files::table.filter(files::app_id.eq(app_id)).order((files::created_ms, files::location));
    all.select((files::location, files::object)).load(conn)
}
