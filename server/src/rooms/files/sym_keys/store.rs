//! Table `sym_keys`.

use diesel::QueryResult;
use diesel::prelude::*;
use keystead_protocol::groups::PAGE_SIZE;

use crate::db::Conn;
use crate::db::schema::files::sym_keys as keys;
use crate::web::call::Page;

/// A registered key.
#[derive(Debug, Queryable)]
pub(super) struct SymKeyRow {
    pub(super) id: String,
    pub(super) master_key_id: String,
    pub(super) encrypted_key: String,
    pub(super) alg: String,
    pub(super) created_ms: i64,
}

pub(super) fn insert(tx: &mut Conn, app_id: &str, creator_id: &str, row: &SymKeyRow) -> QueryResult<()> {
    diesel::insert_into(keys::table)
        .values((
            keys::id.eq(&row.id),
            keys::app_id.eq(app_id),
            keys::creator_id.eq(creator_id),
            keys::master_key_id.eq(&row.master_key_id),
            keys::alg.eq(&row.alg),
            keys::encrypted_key.eq(&row.encrypted_key),
            keys::created_ms.eq(row.created_ms),
        ))
        .execute(tx)
        .map(drop)
}

pub(super) fn delete(tx: &mut Conn, app_id: &str, creator_id: &str, key_id: &str) -> QueryResult<usize> {
    diesel::delete(keys::table.find(key_id))
        .filter(keys::app_id.eq(app_id).and(keys::creator_id.eq(creator_id)))
        .execute(tx)
}

pub(super) fn get(conn: &mut Conn, app_id: &str, key_id: &str) -> QueryResult<Option<SymKeyRow>> {
    keys::table
        .find(key_id)
        .filter(keys::app_id.eq(app_id))
        .select((keys::id, keys::master_key_id, keys::encrypted_key, keys::alg, keys::created_ms))
        .get_result(conn)
        .optional()
}

/// The keys under a master key, newest first.
pub(super) fn of_master_key(
    conn: &mut Conn,
    app_id: &str,
    master_key_id: &str,
    page: &Page,
) -> QueryResult<Vec<SymKeyRow>> {
    let (time, id) = page.descending();
    keys::table
        .filter(keys::master_key_id.eq(master_key_id).and(keys::app_id.eq(app_id)))
        .filter(keys::created_ms.le(time))
        .filter(keys::created_ms.lt(time).or(keys::id.gt(id)))
        .order((keys::created_ms.desc(), keys::id.asc()))
        .limit(PAGE_SIZE)
        .select((keys::id, keys::master_key_id, keys::encrypted_key, keys::alg, keys::created_ms))
        .load(conn)
}
