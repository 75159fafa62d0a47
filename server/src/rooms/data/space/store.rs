//! Tables `data_apps` and `data_attrs`.

use diesel::QueryResult;
use diesel::prelude::*;

use crate::db::schema::{apps, data_apps, data_attrs, data_triples};
use crate::db::{Conn, each};

/// `deleted_ms` of an attr that cannot be restored any more.
pub(super) const ENDED: i64 = 0;
/// Attrs that end together at most.
const MOST_ENDED: i64 = 1_000;

/// A row of `data_apps`, without the rules.
#[derive(Debug, Queryable)]
pub(super) struct Head {
    pub(super) tx_id: i64,
    pub(super) version: i64,
    pub(super) status: String,
}

/// A row of `data_attrs`.
#[derive(Debug, Queryable)]
pub(super) struct AttrRow {
    pub(super) number: i64,
    pub(super) attr: String,
    pub(super) deleted_ms: Option<i64>,
}

/// A new row of `data_attrs`.
#[derive(Insertable)]
#[diesel(table_name = data_attrs)]
pub(super) struct NewAttr<'a> {
    pub(super) app_id: &'a str,
    pub(super) id: &'a str,
    pub(super) etype: &'a str,
    pub(super) label: &'a str,
    pub(super) reverse_etype: Option<&'a str>,
    pub(super) reverse_label: Option<&'a str>,
    pub(super) attr: &'a str,
}

pub(super) fn head(conn: &mut Conn, app_id: &str) -> QueryResult<Option<Head>> {
    let columns = (data_apps::tx_id, data_apps::version, data_apps::status);
    each!(conn, |c| data_apps::table.find(app_id).select(columns).first(c).optional())
}

/// The app's row with what its row of `apps` says: when it was switched off, and the hash of its admin token.
pub(super) fn seen(conn: &mut Conn, app_id: &str) -> QueryResult<Option<(Head, Option<i64>, String)>> {
    each!(conn, |c| data_apps::table
        .inner_join(apps::table.on(apps::id.eq(data_apps::app_id)))
        .filter(data_apps::app_id.eq(app_id))
        .select(((data_apps::tx_id, data_apps::version, data_apps::status), apps::disabled_ms, apps::admin_token_hash,))
        .get_result(c)
        .optional())
}

pub(super) fn rules(conn: &mut Conn, app_id: &str) -> QueryResult<String> {
    data_apps::table.find(app_id).select(data_apps::rules).first(conn)
}

/// Makes the row; false when it is there already.
pub(super) fn insert(conn: &mut Conn, app_id: &str, now_ms: i64) -> QueryResult<bool> {
    let row = (
        data_apps::app_id.eq(app_id),
        data_apps::tx_id.eq(0_i64),
        data_apps::version.eq(1_i64),
        data_apps::status.eq("active"),
        data_apps::rules.eq("{}"),
        data_apps::created_ms.eq(now_ms),
    );
    each!(conn, |c| diesel::insert_into(data_apps::table).values(row).on_conflict_do_nothing().execute(c))
        .map(|rows| rows > 0)
}

/// Counts the app's transactions up, which also holds other writers of the app off until this transaction ends.
pub(super) fn next_tx(conn: &mut Conn, app_id: &str) -> QueryResult<Option<Head>> {
    let set = data_apps::tx_id.eq(data_apps::tx_id + 1);
    let columns = (data_apps::tx_id, data_apps::version, data_apps::status);
    each!(conn, |c| diesel::update(data_apps::table.find(app_id)).set(set).returning(columns).get_result(c).optional())
}

pub(super) fn set_tx(conn: &mut Conn, app_id: &str, tx_id: i64) -> QueryResult<()> {
    let row = data_apps::table.find(app_id);
    each!(conn, |c| diesel::update(row).set(data_apps::tx_id.eq(tx_id)).execute(c)).map(drop)
}

pub(super) fn touch(conn: &mut Conn, app_id: &str) -> QueryResult<usize> {
    diesel::update(data_apps::table.find(app_id)).set(data_apps::version.eq(data_apps::version + 1)).execute(conn)
}

pub(super) fn set_rules(conn: &mut Conn, app_id: &str, rules: &str) -> QueryResult<usize> {
    diesel::update(data_apps::table.find(app_id)).set(data_apps::rules.eq(rules)).execute(conn)
}

pub(super) fn set_status(conn: &mut Conn, app_id: &str, status: &str) -> QueryResult<usize> {
    diesel::update(data_apps::table.find(app_id)).set(data_apps::status.eq(status)).execute(conn)
}

pub(super) fn attrs(conn: &mut Conn, app_id: &str) -> QueryResult<Vec<AttrRow>> {
    data_attrs::table
        .filter(data_attrs::app_id.eq(app_id))
        .order(data_attrs::number)
        .select((data_attrs::number, data_attrs::attr, data_attrs::deleted_ms))
        .load(conn)
}

pub(super) fn insert_attr(conn: &mut Conn, row: &NewAttr<'_>) -> QueryResult<i64> {
    each!(conn, |c| diesel::insert_into(data_attrs::table).values(row).returning(data_attrs::number).get_result(c))
}

pub(super) fn update_attr(conn: &mut Conn, number: i64, row: &NewAttr<'_>) -> QueryResult<usize> {
    diesel::update(data_attrs::table.find(number))
        .set((
            data_attrs::etype.eq(row.etype),
            data_attrs::label.eq(row.label),
            data_attrs::reverse_etype.eq(row.reverse_etype),
            data_attrs::reverse_label.eq(row.reverse_label),
            data_attrs::attr.eq(row.attr),
        ))
        .execute(conn)
}

pub(super) fn set_deleted(conn: &mut Conn, number: i64, deleted_ms: Option<i64>) -> QueryResult<usize> {
    diesel::update(data_attrs::table.find(number)).set(data_attrs::deleted_ms.eq(deleted_ms)).execute(conn)
}

/// Ends what was deleted before, and gives the numbers of what has ended.
pub(super) fn end_attrs(conn: &mut Conn, before_ms: i64) -> QueryResult<Vec<i64>> {
    let due = data_attrs::table.filter(data_attrs::deleted_ms.lt(before_ms)).filter(data_attrs::deleted_ms.ne(ENDED));
    diesel::update(due).set(data_attrs::deleted_ms.eq(Some(ENDED))).execute(conn)?;
    let ended = data_attrs::table.filter(data_attrs::deleted_ms.eq(ENDED)).order(data_attrs::number);
    ended.select(data_attrs::number).limit(MOST_ENDED).load(conn)
}

pub(super) fn forget_attrs(conn: &mut Conn, numbers: &[i64]) -> QueryResult<usize> {
    let ended = data_attrs::table.filter(data_attrs::number.eq_any(numbers)).filter(data_attrs::deleted_ms.eq(ENDED));
    diesel::delete(ended).execute(conn)
}

pub(super) fn delete_triples(conn: &mut Conn, app_id: &str) -> QueryResult<()> {
    let numbers: Vec<i64> =
        data_attrs::table.filter(data_attrs::app_id.eq(app_id)).select(data_attrs::number).load(conn)?;
    for number in numbers {
        diesel::delete(data_triples::table.filter(data_triples::attr.eq(number))).execute(conn)?;
    }
    Ok(())
}

pub(super) fn delete(conn: &mut Conn, app_id: &str) -> QueryResult<()> {
    diesel::delete(data_apps::table.find(app_id)).execute(conn).map(drop)
}
