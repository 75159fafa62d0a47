//! Table `group_members`.

use diesel::QueryResult;
use diesel::prelude::*;
use keystead_protocol::groups::{PAGE_SIZE, RANK_ADMIN};

use crate::db::schema::group_members as members;
use crate::db::{Conn, each};
use crate::rooms::groups::store::ascending;
use crate::web::call::Page;

/// A new row of `group_members`.
#[derive(Debug)]
pub(super) struct NewRow<'a> {
    pub(super) group_id: &'a str,
    pub(super) member_id: &'a str,
    pub(super) member_type: i32,
    pub(super) rank: i32,
    pub(super) joined_ms: i64,
    /// A copy from the group: a member's groups are listed by it.
    pub(super) group_created_ms: i64,
}

/// A member in the list.
#[derive(Debug, Queryable)]
pub(super) struct ListRow {
    pub(super) member_id: String,
    pub(super) rank: i32,
    pub(super) joined_ms: i64,
    pub(super) member_type: i32,
}

pub(super) fn insert(tx: &mut Conn, row: &NewRow<'_>) -> QueryResult<()> {
    each!(tx, |c| diesel::insert_into(members::table)
        .values((
            members::group_id.eq(row.group_id),
            members::member_id.eq(row.member_id),
            members::member_type.eq(row.member_type),
            members::rank.eq(row.rank),
            members::joined_ms.eq(row.joined_ms),
            members::group_created_ms.eq(row.group_created_ms),
        ))
        .execute(c)
        .map(drop))
}

pub(super) fn rank(conn: &mut Conn, group_id: &str, member_id: &str) -> QueryResult<Option<i32>> {
    members::table.find((group_id, member_id)).select(members::rank).get_result(conn).optional()
}

/// True when a direct member other than this one has rank 0 or 1.
pub(super) fn has_other_admin(conn: &mut Conn, group_id: &str, member_id: &str, kind: i32) -> QueryResult<bool> {
    let other: Option<String> = members::table
        .filter(members::group_id.eq(group_id).and(members::member_type.eq(kind)))
        .filter(members::rank.le(RANK_ADMIN).and(members::member_id.ne(member_id)))
        .select(members::member_id)
        .first(conn)
        .optional()?;
    Ok(other.is_some())
}

/// The members but one, ascending by the time they joined.
pub(super) fn others(conn: &mut Conn, group_id: &str, without: &str, page: &Page) -> QueryResult<Vec<ListRow>> {
    let (time, id) = ascending(page);
    members::table
        .filter(members::group_id.eq(group_id).and(members::member_id.ne(without)))
        .filter(members::joined_ms.ge(time))
        .filter(members::joined_ms.gt(time).or(members::member_id.gt(id)))
        .order((members::joined_ms.asc(), members::member_id.asc()))
        .limit(PAGE_SIZE)
        .select((members::member_id, members::rank, members::joined_ms, members::member_type))
        .load(conn)
}

pub(super) fn set_rank(tx: &mut Conn, group_id: &str, member_id: &str, rank: i32) -> QueryResult<()> {
    diesel::update(members::table.find((group_id, member_id))).set(members::rank.eq(rank)).execute(tx).map(drop)
}

pub(super) fn delete(tx: &mut Conn, group_id: &str, member_id: &str) -> QueryResult<()> {
    diesel::delete(members::table.find((group_id, member_id))).execute(tx).map(drop)
}

pub(super) fn delete_everywhere(tx: &mut Conn, member_id: &str) -> QueryResult<()> {
    diesel::delete(members::table.filter(members::member_id.eq(member_id))).execute(tx).map(drop)
}
