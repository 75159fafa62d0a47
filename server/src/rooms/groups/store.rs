//! Table `groups`, alone and joined with `group_members`.

use diesel::QueryResult;
use diesel::prelude::*;

use keystead_protocol::groups::PAGE_SIZE;

use super::validate::is_id;
use crate::db::schema::{group_members as members, groups};
use crate::db::{Conn, each};
use crate::web::call::Page;

/// `groups.kind`: what people make.
pub(super) const KIND_GROUP: i32 = 0;
/// `groups.kind`: the keys of one user, its members are his devices.
pub(super) const KIND_USER_GROUP: i32 = 1;

/// A group as one member enters it.
#[derive(Debug, Queryable)]
pub(super) struct AccessRow {
    pub(super) parent_id: Option<String>,
    pub(super) is_connected: bool,
    pub(super) created_ms: i64,
    pub(super) rank: i32,
    pub(super) joined_ms: i64,
}

/// A group in a member's list.
#[derive(Debug, Queryable)]
pub(super) struct ListRow {
    pub(super) group_id: String,
    pub(super) created_ms: i64,
    pub(super) joined_ms: i64,
    pub(super) rank: i32,
    pub(super) parent_id: Option<String>,
}

/// A new row of `groups`.
#[derive(Debug)]
pub(super) struct NewGroup<'a> {
    pub(super) id: &'a str,
    pub(super) app_id: &'a str,
    pub(super) kind: i32,
    pub(super) created_ms: i64,
}

pub(super) fn insert(tx: &mut Conn, group: &NewGroup<'_>) -> QueryResult<()> {
    each!(tx, |c| diesel::insert_into(groups::table)
        .values((
            groups::id.eq(group.id),
            groups::app_id.eq(group.app_id),
            groups::kind.eq(group.kind),
            groups::is_connected.eq(false),
            groups::invites_open.eq(true),
            groups::created_ms.eq(group.created_ms),
        ))
        .execute(c)
        .map(drop))
}

/// The members and the group in one statement: the guard of every group route runs it.
pub(super) fn access(conn: &mut Conn, app_id: &str, group_id: &str, member_id: &str) -> QueryResult<Option<AccessRow>> {
    members::table
        .inner_join(groups::table.on(groups::id.eq(members::group_id)))
        .filter(members::group_id.eq(group_id).and(members::member_id.eq(member_id)))
        .filter(groups::app_id.eq(app_id).and(groups::kind.eq(KIND_GROUP)))
        .select((groups::parent_id, groups::is_connected, groups::created_ms, members::rank, members::joined_ms))
        .get_result(conn)
        .optional()
}

/// The groups of a member, ascending by creation.
pub(super) fn of_member(conn: &mut Conn, app_id: &str, member_id: &str, page: &Page) -> QueryResult<Vec<ListRow>> {
    let (time, id) = ascending(page);
    members::table
        .inner_join(groups::table.on(groups::id.eq(members::group_id)))
        .filter(members::member_id.eq(member_id))
        .filter(members::group_created_ms.ge(time))
        .filter(members::group_created_ms.gt(time).or(members::group_id.gt(id)))
        .filter(groups::app_id.eq(app_id).and(groups::kind.eq(KIND_GROUP)))
        .order((members::group_created_ms.asc(), members::group_id.asc()))
        .limit(PAGE_SIZE)
        .select((members::group_id, members::group_created_ms, members::joined_ms, members::rank, groups::parent_id))
        .load(conn)
}

/// Creation and "invites are open" of a group that people made.
pub(super) fn find(conn: &mut Conn, app_id: &str, group_id: &str) -> QueryResult<Option<(i64, bool)>> {
    groups::table
        .find(group_id)
        .filter(groups::app_id.eq(app_id).and(groups::kind.eq(KIND_GROUP)))
        .select((groups::created_ms, groups::invites_open))
        .get_result(conn)
        .optional()
}

pub(super) fn set_invites_open(tx: &mut Conn, group_id: &str, open: bool) -> QueryResult<()> {
    diesel::update(groups::table.find(group_id)).set(groups::invites_open.eq(open)).execute(tx).map(drop)
}

/// Removes a group; members, keys, invites, sessions and child groups go by their foreign keys.
pub(super) fn delete(tx: &mut Conn, group_id: &str) -> QueryResult<()> {
    diesel::delete(groups::table.find(group_id)).execute(tx).map(drop)
}

/// Where an ascending page begins: after this time, or at it after this id.
pub(super) fn ascending(page: &Page) -> (i64, &str) {
    if page.time == 0 { (i64::MIN, "") } else { (page.time, last_id(page)) }
}

/// Where a page begins that is descending in time and, at one time, ascending in id.
pub(super) fn descending(page: &Page) -> (i64, &str) {
    if page.time == 0 { (i64::MAX, "") } else { (page.time, last_id(page)) }
}

/// What can be no id comes before all ids.
fn last_id(page: &Page) -> &str {
    if is_id(&page.id) { &page.id } else { "" }
}
