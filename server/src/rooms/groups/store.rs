//! Table `groups`, alone and joined with `group_members`.

mod deserted;
mod line;

use diesel::QueryResult;
use diesel::prelude::*;

use keystead_protocol::groups::{PAGE_SIZE, RANK_ADMIN};

pub(super) use self::deserted::{entered_by, has_members};
pub(super) use self::line::{EntryRow, MAX_LEVELS, entry, top, tree};
use crate::db::schema::{group_members as members, groups};
use crate::db::{Conn, each};
use crate::web::call::Page;

/// `groups.kind`: what people make.
pub(super) const KIND_GROUP: i32 = 0;
/// `groups.kind`: the keys of one user, its members are his devices.
pub(super) const KIND_USER_GROUP: i32 = 1;

/// A group in a member's list.
#[derive(Debug, Queryable)]
pub(super) struct ListRow {
    pub(super) group_id: String,
    pub(super) created_ms: i64,
    pub(super) joined_ms: i64,
    pub(super) rank: i32,
    pub(super) parent_id: Option<String>,
}

/// A group that people made.
#[derive(Debug, Queryable)]
pub(super) struct GroupRow {
    pub(super) created_ms: i64,
    pub(super) invites_open: bool,
    pub(super) is_connected: bool,
}

/// A new row of `groups`.
#[derive(Debug)]
pub(super) struct NewGroup<'a> {
    pub(super) id: &'a str,
    pub(super) app_id: &'a str,
    pub(super) kind: i32,
    pub(super) parent_id: Option<&'a str>,
    pub(super) is_connected: bool,
    pub(super) created_ms: i64,
}

impl<'a> NewGroup<'a> {
    /// A group as people make it, on its own.
    pub(super) const fn of_people(id: &'a str, app_id: &'a str, created_ms: i64) -> Self {
        Self { id, app_id, kind: KIND_GROUP, parent_id: None, is_connected: false, created_ms }
    }
}

pub(super) fn insert(tx: &mut Conn, group: &NewGroup<'_>) -> QueryResult<()> {
    each!(tx, |c| diesel::insert_into(groups::table)
        .values((
            groups::id.eq(group.id),
            groups::app_id.eq(group.app_id),
            groups::kind.eq(group.kind),
            groups::parent_id.eq(group.parent_id),
            groups::is_connected.eq(group.is_connected),
            groups::invites_open.eq(true),
            groups::created_ms.eq(group.created_ms),
        ))
        .execute(c)
        .map(drop))
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

/// A group that people made.
pub(super) fn find(conn: &mut Conn, app_id: &str, group_id: &str) -> QueryResult<Option<GroupRow>> {
    groups::table
        .find(group_id)
        .filter(groups::app_id.eq(app_id).and(groups::kind.eq(KIND_GROUP)))
        .select((groups::created_ms, groups::invites_open, groups::is_connected))
        .get_result(conn)
        .optional()
}

/// The child groups of a group, ascending by creation.
pub(super) fn children(conn: &mut Conn, group_id: &str, page: &Page) -> QueryResult<Vec<(String, i64)>> {
    let (time, id) = ascending(page);
    groups::table
        .filter(groups::parent_id.eq(group_id))
        .filter(groups::created_ms.ge(time))
        .filter(groups::created_ms.gt(time).or(groups::id.gt(id)))
        .order((groups::created_ms.asc(), groups::id.asc()))
        .limit(PAGE_SIZE)
        .select((groups::id, groups::created_ms))
        .load(conn)
}

/// Creation of a group of any kind.
pub(super) fn created_ms(conn: &mut Conn, group_id: &str) -> QueryResult<Option<i64>> {
    groups::table.find(group_id).select(groups::created_ms).get_result(conn).optional()
}

pub(super) fn set_invites_open(tx: &mut Conn, group_id: &str, open: bool) -> QueryResult<()> {
    diesel::update(groups::table.find(group_id)).set(groups::invites_open.eq(open)).execute(tx).map(drop)
}

/// Removes a group; members, keys, invites, sessions and child groups go by their foreign keys.
pub(super) fn delete(tx: &mut Conn, group_id: &str) -> QueryResult<()> {
    diesel::delete(groups::table.find(group_id)).execute(tx).map(drop)
}

/// The groups where this member has rank 0 or 1.
pub(super) fn administered(conn: &mut Conn, app_id: &str, member_id: &str) -> QueryResult<Vec<String>> {
    members::table
        .inner_join(groups::table.on(groups::id.eq(members::group_id)))
        .filter(members::member_id.eq(member_id).and(members::rank.le(RANK_ADMIN)))
        .filter(groups::app_id.eq(app_id).and(groups::kind.eq(KIND_GROUP)))
        .select(members::group_id)
        .load(conn)
}

/// Removes all groups of an app, of every kind.
pub(super) fn delete_all(tx: &mut Conn, app_id: &str) -> QueryResult<()> {
    diesel::delete(groups::table.filter(groups::app_id.eq(app_id))).execute(tx).map(drop)
}

/// Where an ascending page begins: after this time, or at it after this id.
pub(super) fn ascending(page: &Page) -> (i64, &str) {
    page.ascending()
}

/// Where a page begins that is descending in time and, at one time, ascending in id.
pub(super) fn descending(page: &Page) -> (i64, &str) {
    page.descending()
}
