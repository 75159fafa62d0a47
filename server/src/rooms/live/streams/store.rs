//! Tables `data_streams` and `data_stream_chunks`.

use diesel::QueryResult;
use diesel::prelude::*;

use crate::db::schema::{data_stream_chunks as chunks, data_streams as streams};
use crate::db::{Conn, each};

/// A row of `data_streams`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = streams)]
pub(super) struct StreamRow {
    pub(super) app_id: String,
    pub(super) stream_id: String,
    pub(super) client_id: String,
    pub(super) token_hash: String,
    pub(super) size: i64,
    pub(super) done: bool,
    pub(super) abort_reason: Option<String>,
    pub(super) created_ms: i64,
}

pub(super) fn by_client(conn: &mut Conn, app_id: &str, client_id: &str) -> QueryResult<Option<StreamRow>> {
    streams::table
        .filter(streams::app_id.eq(app_id))
        .filter(streams::client_id.eq(client_id))
        .select(StreamRow::as_select())
        .first(conn)
        .optional()
}

pub(super) fn find(conn: &mut Conn, app_id: &str, id: &str) -> QueryResult<Option<StreamRow>> {
    streams::table.find((app_id, id)).select(StreamRow::as_select()).first(conn).optional()
}

pub(super) fn insert(tx: &mut Conn, row: &StreamRow) -> QueryResult<()> {
    diesel::insert_into(streams::table).values(row).execute(tx).map(drop)
}

/// The row as it is; other writers of the stream wait until this transaction ends.
pub(super) fn hold(tx: &mut Conn, app_id: &str, id: &str) -> QueryResult<Option<StreamRow>> {
    diesel::update(streams::table.find((app_id, id))).set(streams::size.eq(streams::size)).execute(tx)?;
    find(tx, app_id, id)
}

/// Writes how far a stream is.
pub(super) fn update(tx: &mut Conn, row: &StreamRow) -> QueryResult<()> {
    diesel::update(streams::table.find((&row.app_id, &row.stream_id)))
        .set((streams::size.eq(row.size), streams::done.eq(row.done), streams::abort_reason.eq(&row.abort_reason)))
        .execute(tx)
        .map(drop)
}

pub(super) fn add(tx: &mut Conn, app_id: &str, id: &str, end_offset: i64, content: &str) -> QueryResult<()> {
    let row = (
        chunks::app_id.eq(app_id),
        chunks::stream_id.eq(id),
        chunks::end_offset.eq(end_offset),
        chunks::content.eq(content),
    );
    each!(tx, |c| diesel::insert_into(chunks::table).values(row).execute(c)).map(drop)
}

/// Pieces that end after an offset, in order: (end, text).
pub(super) fn pieces(conn: &mut Conn, app_id: &str, id: &str, from: i64, most: i64) -> QueryResult<Vec<(i64, String)>> {
    each!(conn, |c| chunks::table
        .filter(chunks::app_id.eq(app_id))
        .filter(chunks::stream_id.eq(id))
        .filter(chunks::end_offset.gt(from))
        .order(chunks::end_offset)
        .limit(most)
        .select((chunks::end_offset, chunks::content))
        .load(c))
}

pub(super) fn delete(tx: &mut Conn, app_id: &str, ids: &[String]) -> QueryResult<usize> {
    diesel::delete(streams::table.filter(streams::app_id.eq(app_id)).filter(streams::stream_id.eq_any(ids))).execute(tx)
}
