//! Tables `group_invites` and `group_key_sessions`.

use diesel::QueryResult;
use diesel::prelude::*;
use keystead_protocol::groups::PAGE_SIZE;

use crate::db::Conn;
use crate::db::schema::{group_invites as invites, group_key_sessions as sessions, group_members as members};
use crate::rooms::groups::store::descending;
use crate::web::call::Page;

/// `group_invites.kind`: a member invited somebody. Join requests are the other kind.
const KIND_INVITE: i32 = 0;

/// A new invite.
#[derive(Debug)]
pub(super) struct NewInvite<'a> {
    pub(super) group_id: &'a str,
    pub(super) member_id: &'a str,
    pub(super) member_type: i32,
    pub(super) rank: i32,
    pub(super) created_ms: i64,
}

/// An upload session for further keys of one member.
#[derive(Debug, Queryable)]
pub(super) struct SessionRow {
    pub(super) member_id: String,
    pub(super) created_ms: i64,
}

pub(super) fn insert(tx: &mut Conn, invite: &NewInvite<'_>) -> QueryResult<()> {
    diesel::insert_into(invites::table)
        .values((
            invites::group_id.eq(invite.group_id),
            invites::member_id.eq(invite.member_id),
            invites::kind.eq(KIND_INVITE),
            invites::member_type.eq(invite.member_type),
            invites::rank.eq(invite.rank),
            invites::created_ms.eq(invite.created_ms),
        ))
        .execute(tx)
        .map(drop)
}

/// The rank that an open invite promises.
pub(super) fn rank(conn: &mut Conn, group_id: &str, member_id: &str) -> QueryResult<Option<i32>> {
    invites::table.find((group_id, member_id, KIND_INVITE)).select(invites::rank).get_result(conn).optional()
}

/// The open invites of a member, newest first.
pub(super) fn of_member(conn: &mut Conn, member_id: &str, page: &Page) -> QueryResult<Vec<(String, i64)>> {
    let (time, id) = descending(page);
    invites::table
        .filter(invites::member_id.eq(member_id).and(invites::kind.eq(KIND_INVITE)))
        .filter(invites::created_ms.le(time))
        .filter(invites::created_ms.lt(time).or(invites::group_id.gt(id)))
        .order((invites::created_ms.desc(), invites::group_id.asc()))
        .limit(PAGE_SIZE)
        .select((invites::group_id, invites::created_ms))
        .load(conn)
}

/// Removes the open invite of a member and leaves a join request alone; gives the number of invites.
pub(super) fn delete_invite(tx: &mut Conn, group_id: &str, member_id: &str) -> QueryResult<usize> {
    diesel::delete(invites::table.find((group_id, member_id, KIND_INVITE))).execute(tx)
}

/// Removes invite and join request of a member.
pub(super) fn delete(tx: &mut Conn, group_id: &str, member_id: &str) -> QueryResult<()> {
    diesel::delete(invites::table)
        .filter(invites::group_id.eq(group_id).and(invites::member_id.eq(member_id)))
        .execute(tx)
        .map(drop)
}

pub(super) fn delete_everywhere(tx: &mut Conn, member_ids: &[String]) -> QueryResult<()> {
    // Sessions have no index by member: they are found through the groups he is in or invited to.
    let member_of = members::table.filter(members::member_id.eq_any(member_ids)).select(members::group_id);
    diesel::delete(sessions::table)
        .filter(sessions::member_id.eq_any(member_ids).and(sessions::group_id.eq_any(member_of)))
        .execute(tx)?;
    let invited_to = invites::table.filter(invites::member_id.eq_any(member_ids)).select(invites::group_id);
    diesel::delete(sessions::table)
        .filter(sessions::member_id.eq_any(member_ids).and(sessions::group_id.eq_any(invited_to)))
        .execute(tx)?;
    diesel::delete(invites::table).filter(invites::member_id.eq_any(member_ids)).execute(tx).map(drop)
}

pub(super) fn insert_session(tx: &mut Conn, id: &str, group_id: &str, member_id: &str, now_ms: i64) -> QueryResult<()> {
    diesel::insert_into(sessions::table)
        .values((
            sessions::id.eq(id),
            sessions::group_id.eq(group_id),
            sessions::member_id.eq(member_id),
            sessions::created_ms.eq(now_ms),
        ))
        .execute(tx)
        .map(drop)
}

pub(super) fn session(conn: &mut Conn, id: &str, group_id: &str) -> QueryResult<Option<SessionRow>> {
    sessions::table
        .find(id)
        .filter(sessions::group_id.eq(group_id))
        .select((sessions::member_id, sessions::created_ms))
        .get_result(conn)
        .optional()
}

pub(super) fn delete_sessions(tx: &mut Conn, group_id: &str, member_id: &str) -> QueryResult<()> {
    diesel::delete(sessions::table)
        .filter(sessions::group_id.eq(group_id).and(sessions::member_id.eq(member_id)))
        .execute(tx)
        .map(drop)
}

/// Removes the sessions of a group that are older than this.
pub(super) fn delete_sessions_before(tx: &mut Conn, group_id: &str, time_ms: i64) -> QueryResult<()> {
    diesel::delete(sessions::table)
        .filter(sessions::group_id.eq(group_id).and(sessions::created_ms.lt(time_ms)))
        .execute(tx)
        .map(drop)
}
