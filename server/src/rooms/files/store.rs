//! Table `files`.

use diesel::QueryResult;
use diesel::prelude::*;

use crate::db::Conn;
use crate::db::schema::files::{file_sessions as sessions, files};

/// `files.belongs_to_type`: everybody in the app.
pub(super) const OF_NOBODY: i32 = 0;
/// `files.belongs_to_type`: owner and addressee.
pub(super) const OF_USER: i32 = 1;
/// `files.belongs_to_type`: a group.
pub(super) const OF_GROUP: i32 = 2;

/// A file.
#[derive(Debug, Queryable)]
pub(super) struct FileRow {
    pub(super) id: String,
    pub(super) owner_id: Option<String>,
    pub(super) belongs_to_type: i32,
    pub(super) addressee_id: Option<String>,
    pub(super) group_id: Option<String>,
    pub(super) key_id: Option<String>,
    pub(super) master_key_id: String,
    pub(super) encrypted_key: String,
    pub(super) encrypted_key_alg: String,
    pub(super) encrypted_file_name: Option<String>,
    pub(super) created_ms: i64,
}

/// A new row of `files`.
#[derive(Debug, Insertable)]
#[diesel(table_name = files)]
pub(super) struct NewFile<'a> {
    pub(super) id: &'a str,
    pub(super) app_id: &'a str,
    pub(super) owner_id: Option<&'a str>,
    pub(super) holder_id: Option<&'a str>,
    pub(super) belongs_to_type: i32,
    pub(super) addressee_id: Option<&'a str>,
    pub(super) group_id: Option<&'a str>,
    pub(super) key_id: Option<&'a str>,
    pub(super) master_key_id: &'a str,
    pub(super) encrypted_key: &'a str,
    pub(super) encrypted_key_alg: &'a str,
    pub(super) encrypted_file_name: Option<&'a str>,
    pub(super) created_ms: i64,
    pub(super) unfinished_since_ms: Option<i64>,
}

pub(super) fn insert(tx: &mut Conn, file: &NewFile<'_>) -> QueryResult<()> {
    crate::db::each!(tx, |c| diesel::insert_into(files::table).values(file).execute(c).map(drop))
}

/// Opens the upload session of a new file.
pub(super) fn insert_session(
    tx: &mut Conn,
    id: &str,
    file_id: &str,
    via_group_id: Option<&str>,
    now_ms: i64,
) -> QueryResult<()> {
    diesel::insert_into(sessions::table)
        .values((
            sessions::id.eq(id),
            sessions::file_id.eq(file_id),
            sessions::via_group_id.eq(via_group_id),
            sessions::finished.eq(false),
            sessions::created_ms.eq(now_ms),
        ))
        .execute(tx)
        .map(drop)
}

pub(super) fn find(conn: &mut Conn, app_id: &str, file_id: &str) -> QueryResult<Option<FileRow>> {
    files::table
        .find(file_id)
        .filter(files::app_id.eq(app_id))
        .select((
            files::id,
            files::owner_id,
            files::belongs_to_type,
            files::addressee_id,
            files::group_id,
            files::key_id,
            files::master_key_id,
            files::encrypted_key,
            files::encrypted_key_alg,
            files::encrypted_file_name,
            files::created_ms,
        ))
        .get_result(conn)
        .optional()
}

pub(super) fn set_name(tx: &mut Conn, file_id: &str, name: Option<&str>) -> QueryResult<()> {
    diesel::update(files::table.find(file_id)).set(files::encrypted_file_name.eq(name)).execute(tx).map(drop)
}

/// Removes a file; its sessions and parts go by their foreign keys, and what is stored of the parts is entered for deletion.
pub(super) fn delete(tx: &mut Conn, file_id: &str) -> QueryResult<()> {
    diesel::delete(files::table.find(file_id)).execute(tx).map(drop)
}

/// Upload sessions and half-uploaded files that are too old. Files without any part stay: an empty file is uploaded so.
pub(super) fn sweep(tx: &mut Conn, sessions_before_ms: i64, files_before_ms: i64) -> QueryResult<usize> {
    use crate::db::schema::files::file_parts as parts;
    let has_parts = diesel::dsl::exists(parts::table.filter(parts::file_id.eq(files::id)));
    let unfinished =
        diesel::delete(files::table.filter(files::unfinished_since_ms.lt(files_before_ms)).filter(has_parts))
            .execute(tx)?;
    let expired = diesel::delete(sessions::table.filter(sessions::created_ms.lt(sessions_before_ms))).execute(tx)?;
    Ok(unfinished + expired)
}
