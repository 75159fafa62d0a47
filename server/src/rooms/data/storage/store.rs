//! Table `data_files`.

use diesel::QueryResult;
use diesel::prelude::*;

use crate::db::Conn;
use crate::db::schema::files::data_files as files;

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
