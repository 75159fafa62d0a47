//! Table `group_invites`, the rows that are join requests.

use diesel::QueryResult;
use diesel::prelude::*;
use keystead_protocol::groups::{PAGE_SIZE, RANK_DEFAULT};

use crate::db::Conn;
use crate::db::schema::group_invites as requests;
use crate::rooms::groups::store::{ascending, descending};
use crate::web::call::Page;

/// `group_invites.kind`: somebody asks to join.
const KIND_JOIN: i32 = 1;

/// A join request in a group's list.
#[derive(Debug, Queryable)]
pub(super) struct Row {
    pub(super) member_id: String,
    pub(super) created_ms: i64,
    pub(super) member_type: i32,
}

pub(super) fn insert(
    tx: &mut Conn,
    group_id: &str,
    (member_id, member_type): (&str, i32),
    now_ms: i64,
) -> QueryResult<()> {
    diesel::insert_into(requests::table)
        .values((
            requests::group_id.eq(group_id),
            requests::member_id.eq(member_id),
            requests::kind.eq(KIND_JOIN),
            requests::member_type.eq(member_type),
            // The rank comes with the answer.
            requests::rank.eq(RANK_DEFAULT),
            requests::created_ms.eq(now_ms),
        ))
        .execute(tx)
        .map(drop)
}

pub(super) fn member_type(conn: &mut Conn, group_id: &str, member_id: &str) -> QueryResult<Option<i32>> {
    requests::table.find((group_id, member_id, KIND_JOIN)).select(requests::member_type).get_result(conn).optional()
}

/// The requests to a group, oldest first.
pub(super) fn of_group(conn: &mut Conn, group_id: &str, page: &Page) -> QueryResult<Vec<Row>> {
    let (time, id) = ascending(page);
    requests::table
        .filter(requests::group_id.eq(group_id).and(requests::kind.eq(KIND_JOIN)))
        .filter(requests::created_ms.ge(time))
        .filter(requests::created_ms.gt(time).or(requests::member_id.gt(id)))
        .order((requests::created_ms.asc(), requests::member_id.asc()))
        .limit(PAGE_SIZE)
        .select((requests::member_id, requests::created_ms, requests::member_type))
        .load(conn)
}

/// The requests that somebody has sent, newest first.
pub(super) fn of_member(conn: &mut Conn, member_id: &str, page: &Page) -> QueryResult<Vec<(String, i64)>> {
    let (time, id) = descending(page);
    requests::table
        .filter(requests::member_id.eq(member_id).and(requests::kind.eq(KIND_JOIN)))
        .filter(requests::created_ms.le(time))
        .filter(requests::created_ms.lt(time).or(requests::group_id.gt(id)))
        .order((requests::created_ms.desc(), requests::group_id.asc()))
        .limit(PAGE_SIZE)
        .select((requests::group_id, requests::created_ms))
        .load(conn)
}

/// Removes a request; gives how many there were, 0 or 1.
pub(super) fn delete(tx: &mut Conn, group_id: &str, member_id: &str) -> QueryResult<usize> {
    diesel::delete(requests::table.find((group_id, member_id, KIND_JOIN))).execute(tx)
}
