//! Table `customer_apps`, and what a list shows of `apps`.

use diesel::QueryResult;
use diesel::prelude::*;

use crate::db::Conn;
use crate::db::schema::{apps, customer_apps as owned, customer_groups as groups};
use crate::web::call::Page;

/// Apps of a page (sentc.md section 8.3).
const PAGE: i64 = 20;

/// An app in a list.
#[derive(Debug, Queryable)]
pub(super) struct ListRow {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) created_ms: i64,
    pub(super) disabled_ms: Option<i64>,
    pub(super) group_name: Option<String>,
}

pub(super) fn insert(tx: &mut Conn, app_id: &str, owner_id: &str, owner_kind: i32, now_ms: i64) -> QueryResult<()> {
    diesel::insert_into(owned::table)
        .values((
            owned::app_id.eq(app_id),
            owned::owner_id.eq(owner_id),
            owned::owner_kind.eq(owner_kind),
            owned::created_ms.eq(now_ms),
        ))
        .execute(tx)
        .map(drop)
}

/// Id and kind of an app's owner.
pub(super) fn owner(conn: &mut Conn, app_id: &str) -> QueryResult<Option<(String, i32)>> {
    owned::table.find(app_id).select((owned::owner_id, owned::owner_kind)).get_result(conn).optional()
}

/// Ascending by creation, then id.
pub(super) fn of_owner(conn: &mut Conn, owner_id: &str, page: &Page) -> QueryResult<Vec<ListRow>> {
    let (time, id) = if page.time == 0 { (i64::MIN, "") } else { (page.time, page.id.as_str()) };
    let after = owned::created_ms.gt(time).or(owned::created_ms.eq(time).and(owned::app_id.gt(id)));
    owned::table
        .inner_join(apps::table.on(apps::id.eq(owned::app_id)))
        .left_join(groups::table.on(groups::group_id.eq(owned::owner_id)))
        .filter(owned::owner_id.eq(owner_id).and(after))
        .order((owned::created_ms, owned::app_id))
        .limit(PAGE)
        .select((owned::app_id, apps::name, owned::created_ms, apps::disabled_ms, groups::name.nullable()))
        .load(conn)
}

pub(super) fn one(conn: &mut Conn, app_id: &str) -> QueryResult<Option<ListRow>> {
    owned::table
        .inner_join(apps::table.on(apps::id.eq(owned::app_id)))
        .left_join(groups::table.on(groups::group_id.eq(owned::owner_id)))
        .filter(owned::app_id.eq(app_id))
        .select((owned::app_id, apps::name, owned::created_ms, apps::disabled_ms, groups::name.nullable()))
        .get_result(conn)
        .optional()
}

pub(super) fn has_apps(conn: &mut Conn, owner_id: &str) -> QueryResult<bool> {
    diesel::select(diesel::dsl::exists(owned::table.filter(owned::owner_id.eq(owner_id)))).get_result(conn)
}
