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

type ListColumns = (members::member_id, members::rank, members::joined_ms, members::member_type);

const LIST_COLUMNS: ListColumns = (members::member_id, members::rank, members::joined_ms, members::member_type);

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

/// A direct member.
pub(super) fn one(conn: &mut Conn, group_id: &str, member_id: &str) -> QueryResult<Option<ListRow>> {
    members::table.find((group_id, member_id)).select(LIST_COLUMNS).get_result(conn).optional()
}

/// True when a direct member other than this one has rank 0 or 1.
pub(super) fn has_other_admin(conn: &mut Conn, group_id: &str, member_id: &str) -> QueryResult<bool> {
    let other: Option<String> = members::table
        .filter(members::group_id.eq(group_id).and(members::rank.le(RANK_ADMIN)))
        .filter(members::member_id.ne(member_id))
        .select(members::member_id)
        .first(conn)
        .optional()?;
    Ok(other.is_some())
}

/// The members but some, ascending by the time they joined.
pub(super) fn others(conn: &mut Conn, group_id: &str, without: &[&str], page: &Page) -> QueryResult<Vec<ListRow>> {
    let (time, id) = ascending(page);
    members::table
        .filter(members::group_id.eq(group_id).and(members::member_id.ne_all(without)))
        .filter(members::joined_ms.ge(time))
        .filter(members::joined_ms.gt(time).or(members::member_id.gt(id)))
        .order((members::joined_ms.asc(), members::member_id.asc()))
        .limit(PAGE_SIZE)
        .select(LIST_COLUMNS)
        .load(conn)
}

pub(super) fn set_rank(tx: &mut Conn, group_id: &str, member_id: &str, rank: i32) -> QueryResult<()> {
    diesel::update(members::table.find((group_id, member_id))).set(members::rank.eq(rank)).execute(tx).map(drop)
}

pub(super) fn delete(tx: &mut Conn, group_id: &str, member_id: &str) -> QueryResult<()> {
    diesel::delete(members::table.find((group_id, member_id))).execute(tx).map(drop)
}

pub(super) fn delete_everywhere(tx: &mut Conn, member_ids: &[String]) -> QueryResult<()> {
    diesel::delete(members::table.filter(members::member_id.eq_any(member_ids))).execute(tx).map(drop)
}
