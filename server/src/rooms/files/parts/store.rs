//! Tables `file_parts` and `file_sessions`.

use diesel::QueryResult;
use diesel::prelude::*;

use crate::db::Conn;
use crate::db::schema::files::{file_parts as parts, file_sessions as sessions, files};

/// An upload session with what its file says about it.
#[derive(Debug, Queryable)]
pub(super) struct SessionRow {
    pub(super) file_id: String,
    pub(super) via_group_id: Option<String>,
    pub(super) end_sequence: Option<i32>,
    pub(super) finished: bool,
    pub(super) created_ms: i64,
    pub(super) owner_id: Option<String>,
    pub(super) group_id: Option<String>,
}

/// A part and where it is.
#[derive(Debug, Queryable)]
pub(super) struct PartRow {
    pub(super) file_id: String,
    pub(super) own_storage: bool,
    pub(super) object: String,
}

/// A new row of `file_parts`.
#[derive(Debug)]
pub(super) struct NewPart<'a> {
    pub(super) id: &'a str,
    pub(super) object: &'a str,
    pub(super) size: i64,
    pub(super) own_storage: bool,
}

pub(super) fn session(conn: &mut Conn, app_id: &str, session_id: &str) -> QueryResult<Option<SessionRow>> {
    sessions::table
        .inner_join(files::table.on(files::id.eq(sessions::file_id)))
        .filter(sessions::id.eq(session_id).and(files::app_id.eq(app_id)))
        .select((
            sessions::file_id,
            sessions::via_group_id,
            sessions::end_sequence,
            sessions::finished,
            sessions::created_ms,
            files::owner_id,
            files::group_id,
        ))
        .get_result(conn)
        .optional()
}

pub(super) fn set_end(tx: &mut Conn, session_id: &str, sequence: i32) -> QueryResult<()> {
    diesel::update(sessions::table.find(session_id)).set(sessions::end_sequence.eq(sequence)).execute(tx).map(drop)
}

/// Marks an upload as complete or not.
pub(super) fn set_finished(
    tx: &mut Conn,
    file_id: &str,
    finished: bool,
    unfinished_since_ms: Option<i64>,
) -> QueryResult<()> {
    diesel::update(sessions::table.filter(sessions::file_id.eq(file_id)))
        .set(sessions::finished.eq(finished))
        .execute(tx)?;
    diesel::update(files::table.find(file_id))
        .set(files::unfinished_since_ms.eq(unfinished_since_ms))
        .execute(tx)
        .map(drop)
}

pub(super) fn insert(
    tx: &mut Conn,
    app_id: &str,
    file_id: &str,
    sequence: i32,
    part: &NewPart<'_>,
    now_ms: i64,
) -> QueryResult<()> {
    diesel::insert_into(parts::table)
        .values((
            parts::id.eq(part.id),
            parts::file_id.eq(file_id),
            parts::app_id.eq(app_id),
            parts::sequence.eq(sequence),
            parts::own_storage.eq(part.own_storage),
            parts::object.eq(part.object),
            parts::size.eq(part.size),
            parts::created_ms.eq(now_ms),
        ))
        .execute(tx)
        .map(drop)
}

pub(super) fn find(conn: &mut Conn, app_id: &str, part_id: &str) -> QueryResult<Option<PartRow>> {
    parts::table
        .find(part_id)
        .filter(parts::app_id.eq(app_id))
        .select((parts::file_id, parts::own_storage, parts::object))
        .get_result(conn)
        .optional()
}

pub(super) fn list(conn: &mut Conn, file_id: &str, after: i32, most: i64) -> QueryResult<Vec<(String, i32, bool)>> {
    parts::table
        .filter(parts::file_id.eq(file_id).and(parts::sequence.gt(after)))
        .order(parts::sequence.asc())
        .limit(most)
        .select((parts::id, parts::sequence, parts::own_storage))
        .load(conn)
}

pub(super) fn sequences(conn: &mut Conn, file_id: &str) -> QueryResult<Vec<i32>> {
    parts::table.filter(parts::file_id.eq(file_id)).order(parts::sequence.asc()).select(parts::sequence).load(conn)
}

pub(super) fn has_after(conn: &mut Conn, file_id: &str, sequence: i32) -> QueryResult<bool> {
    let found: Option<i32> = parts::table
        .filter(parts::file_id.eq(file_id).and(parts::sequence.gt(sequence)))
        .order(parts::sequence.asc())
        .select(parts::sequence)
        .first(conn)
        .optional()?;
    Ok(found.is_some())
}

pub(super) fn count(conn: &mut Conn, file_id: &str) -> QueryResult<i64> {
    parts::table.filter(parts::file_id.eq(file_id)).count().get_result(conn)
}

/// Removes a part; what is stored of it is entered for deletion.
pub(super) fn delete(tx: &mut Conn, part_id: &str) -> QueryResult<usize> {
    diesel::delete(parts::table.find(part_id)).execute(tx)
}

/// As [`delete`], by its place.
pub(super) fn delete_at(tx: &mut Conn, file_id: &str, sequence: i32) -> QueryResult<()> {
    let at = parts::table.filter(parts::file_id.eq(file_id).and(parts::sequence.eq(sequence)));
    diesel::delete(at).execute(tx).map(drop)
}
