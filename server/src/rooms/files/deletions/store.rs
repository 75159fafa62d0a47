//! Table `file_deletions`.

use diesel::QueryResult;
use diesel::prelude::*;

use crate::db::Conn;
use crate::db::schema::files::file_deletions as deletions;

/// Something to be deleted.
#[derive(Debug, Queryable)]
pub(super) struct DeletionRow {
    pub(super) object: String,
    pub(super) app_id: String,
    pub(super) own_storage: bool,
    pub(super) attempts: i32,
}

/// An object of the server's storage. What was a part's is entered by the trigger `file_parts_deleted`.
pub(super) fn insert(tx: &mut Conn, app_id: &str, object: &str, due_ms: i64) -> QueryResult<()> {
    diesel::insert_into(deletions::table)
        .values((
            deletions::object.eq(object),
            deletions::app_id.eq(app_id),
            deletions::own_storage.eq(false),
            deletions::attempts.eq(0),
            deletions::due_ms.eq(due_ms),
        ))
        .execute(tx)
        .map(drop)
}

/// Removes a row that nobody has taken on.
pub(super) fn delete_untouched(tx: &mut Conn, object: &str) -> QueryResult<usize> {
    diesel::delete(deletions::table.find(object)).filter(deletions::attempts.eq(0)).execute(tx)
}

pub(super) fn delete(tx: &mut Conn, objects: &[String]) -> QueryResult<()> {
    diesel::delete(deletions::table.filter(deletions::object.eq_any(objects))).execute(tx).map(drop)
}

pub(super) fn due(conn: &mut Conn, now_ms: i64, most: i64) -> QueryResult<Vec<DeletionRow>> {
    deletions::table
        .filter(deletions::due_ms.le(now_ms))
        .order((deletions::due_ms.asc(), deletions::object.asc()))
        .limit(most)
        .select((deletions::object, deletions::app_id, deletions::own_storage, deletions::attempts))
        .load(conn)
}

/// Counts an attempt; 0 when somebody else has taken the row on meanwhile.
pub(super) fn postpone(tx: &mut Conn, object: &str, now_ms: i64, due_ms: i64) -> QueryResult<usize> {
    diesel::update(deletions::table.find(object))
        .filter(deletions::due_ms.le(now_ms))
        .set((deletions::attempts.eq(deletions::attempts + 1), deletions::due_ms.eq(due_ms)))
        .execute(tx)
}
