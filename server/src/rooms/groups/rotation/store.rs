//! Tables `group_rotations`, `group_rotation_jobs` and `group_rotation_keys`, and who is served of the members.

use diesel::QueryResult;
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use keystead_protocol::groups::PAGE_SIZE;

use crate::db::schema::{
    group_invites as invites, group_member_keys as wrapped, group_members as members, group_rotation_jobs as jobs,
    group_rotation_keys as waiting, group_rotations as rotations, groups,
};
use crate::db::{Conn, each};

/// `group_invites.kind`: a member invited somebody.
const KIND_INVITE: i32 = 0;

/// A new row of `group_rotations`, with its job.
#[derive(Debug)]
pub(super) struct NewRotation<'a> {
    pub(super) key_id: &'a str,
    pub(super) group_id: &'a str,
    pub(super) created_ms: i64,
    pub(super) previous_group_key_id: &'a str,
    pub(super) ephemeral_alg: &'a str,
    pub(super) encrypted_group_key_by_ephemeral: &'a str,
    pub(super) encrypted_ephemeral_key: &'a str,
    /// The node that makes it.
    pub(super) claimed_by: &'a str,
    pub(super) claimed_ms: i64,
}

/// A rotation whose members have not all been served.
#[derive(Debug, Clone, Queryable)]
pub(super) struct JobRow {
    pub(super) key_id: String,
    pub(super) group_id: String,
    pub(super) created_ms: i64,
    pub(super) encrypted_ephemeral_key: String,
    pub(super) position_ms: i64,
    pub(super) position_id: String,
    pub(super) rounds: i64,
}

/// Where a round ended, and who ran it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Progress<'a> {
    pub(super) position_ms: i64,
    pub(super) position_id: &'a str,
    pub(super) claimed_by: &'a str,
    pub(super) claimed_ms: i64,
}

/// A member in the order in which members are served.
#[derive(Debug, Clone, Queryable)]
pub(super) struct MemberRow {
    pub(super) member_id: String,
    pub(super) member_type: i32,
    pub(super) joined_ms: i64,
}

/// A new key that waits for a member.
#[derive(Debug, Queryable)]
pub(super) struct WaitingRow {
    pub(super) key_id: String,
    pub(super) created_ms: i64,
    pub(super) public_key_id: String,
    pub(super) encrypted_ephemeral_key: String,
    pub(super) error: Option<String>,
    pub(super) encrypted_group_key_by_ephemeral: String,
    pub(super) previous_group_key_id: String,
    pub(super) ephemeral_alg: String,
}

/// A new row of `group_rotation_keys`.
#[derive(Debug, Insertable)]
#[diesel(table_name = waiting)]
pub(super) struct NewWaiting<'a> {
    pub(super) member_id: &'a str,
    pub(super) group_id: &'a str,
    pub(super) key_created_ms: i64,
    pub(super) key_id: &'a str,
    pub(super) public_key_id: &'a str,
    pub(super) encrypted_ephemeral_key: &'a str,
    pub(super) error: Option<&'a str>,
}

pub(super) fn insert(tx: &mut Conn, rotation: &NewRotation<'_>) -> QueryResult<()> {
    each!(tx, |c| diesel::insert_into(rotations::table)
        .values((
            rotations::key_id.eq(rotation.key_id),
            rotations::group_id.eq(rotation.group_id),
            rotations::created_ms.eq(rotation.created_ms),
            rotations::previous_group_key_id.eq(rotation.previous_group_key_id),
            rotations::ephemeral_alg.eq(rotation.ephemeral_alg),
            rotations::encrypted_group_key_by_ephemeral.eq(rotation.encrypted_group_key_by_ephemeral),
        ))
        .execute(c)
        .map(drop))?;
    each!(tx, |c| diesel::insert_into(jobs::table)
        .values((
            jobs::key_id.eq(rotation.key_id),
            jobs::encrypted_ephemeral_key.eq(rotation.encrypted_ephemeral_key),
            jobs::position_ms.eq(i64::MIN),
            jobs::position_id.eq(""),
            jobs::rounds.eq(0_i64),
            jobs::claimed_by.eq(rotation.claimed_by),
            jobs::claimed_ms.eq(rotation.claimed_ms),
        ))
        .execute(c)
        .map(drop))
}

/// Rotations of a group that were started since then.
pub(super) fn count_since(conn: &mut Conn, group_id: &str, since_ms: i64) -> QueryResult<i64> {
    rotations::table
        .filter(rotations::group_id.eq(group_id).and(rotations::created_ms.ge(since_ms)))
        .count()
        .get_result(conn)
}

/// The jobs of a node and those that nobody has touched since then, oldest touch first. Without a time, all jobs.
pub(super) fn open_jobs(conn: &mut Conn, node: &str, untouched_since: Option<i64>) -> QueryResult<Vec<String>> {
    const AT_ONCE: i64 = 1000;
    let before = untouched_since.unwrap_or(i64::MAX);
    jobs::table
        .filter(jobs::claimed_by.eq(node).or(jobs::claimed_ms.lt(before)))
        .order((jobs::claimed_ms, jobs::key_id))
        .limit(AT_ONCE)
        .select(jobs::key_id)
        .load(conn)
}

pub(super) fn job(conn: &mut Conn, key_id: &str) -> QueryResult<Option<JobRow>> {
    jobs::table
        .inner_join(rotations::table.on(rotations::key_id.eq(jobs::key_id)))
        .filter(jobs::key_id.eq(key_id))
        .select((
            jobs::key_id,
            rotations::group_id,
            rotations::created_ms,
            jobs::encrypted_ephemeral_key,
            jobs::position_ms,
            jobs::position_id,
            jobs::rounds,
        ))
        .get_result(conn)
        .optional()
}

/// Ends a round: true for exactly one of any number of nodes that ran it.
pub(super) fn advance(tx: &mut Conn, job: &JobRow, to: &Progress<'_>) -> QueryResult<bool> {
    let mine = jobs::table.find(&job.key_id).filter(jobs::rounds.eq(job.rounds));
    let changed = diesel::update(mine)
        .set((
            jobs::rounds.eq(job.rounds + 1),
            jobs::position_ms.eq(to.position_ms),
            jobs::position_id.eq(to.position_id),
            jobs::claimed_by.eq(to.claimed_by),
            jobs::claimed_ms.eq(to.claimed_ms),
        ))
        .execute(tx)?;
    Ok(changed == 1)
}

/// Ends the job, and the ephemeral key with it.
pub(super) fn delete_job(tx: &mut Conn, job: &JobRow) -> QueryResult<bool> {
    let mine = jobs::table.find(&job.key_id).filter(jobs::rounds.eq(job.rounds));
    Ok(diesel::delete(mine).execute(tx)? == 1)
}

/// The members after a position, in the order of joining.
pub(super) fn members_after(
    conn: &mut Conn,
    group_id: &str,
    (time, id): (i64, &str),
    limit: i64,
) -> QueryResult<Vec<MemberRow>> {
    each!(conn, |c| members::table
        .filter(members::group_id.eq(group_id))
        .filter(members::joined_ms.ge(time))
        .filter(members::joined_ms.gt(time).or(members::member_id.gt(id)))
        .order((members::joined_ms.asc(), members::member_id.asc()))
        .limit(limit)
        .select((members::member_id, members::member_type, members::joined_ms))
        .load(c))
}

/// Members whom nobody has served, wherever they stand.
pub(super) fn unserved_members(conn: &mut Conn, job: &JobRow, limit: i64) -> QueryResult<Vec<MemberRow>> {
    let waits = waiting::table.filter(waiting::member_id.eq(members::member_id)).filter(
        waiting::group_id
            .eq(&job.group_id)
            .and(waiting::key_created_ms.eq(job.created_ms))
            .and(waiting::key_id.eq(&job.key_id)),
    );
    let holds = wrapped::table.filter(wrapped::member_id.eq(members::member_id)).filter(
        wrapped::group_id
            .eq(&job.group_id)
            .and(wrapped::key_created_ms.eq(job.created_ms))
            .and(wrapped::key_id.eq(&job.key_id)),
    );
    members::table
        .filter(members::group_id.eq(&job.group_id))
        .filter(not(exists(waits)))
        .filter(not(exists(holds)))
        .order((members::joined_ms.asc(), members::member_id.asc()))
        .limit(limit)
        .select((members::member_id, members::member_type, members::joined_ms))
        .load(conn)
}

/// The invited who have keys of the group already, and whom nobody has served.
pub(super) fn unserved_invited(conn: &mut Conn, job: &JobRow, limit: i64) -> QueryResult<Vec<MemberRow>> {
    let waits = waiting::table.filter(waiting::member_id.eq(invites::member_id)).filter(
        waiting::group_id
            .eq(&job.group_id)
            .and(waiting::key_created_ms.eq(job.created_ms))
            .and(waiting::key_id.eq(&job.key_id)),
    );
    let in_group = wrapped::member_id.eq(invites::member_id).and(wrapped::group_id.eq(&job.group_id));
    let holds_this = wrapped::key_created_ms.eq(job.created_ms).and(wrapped::key_id.eq(&job.key_id));
    invites::table
        .filter(invites::group_id.eq(&job.group_id).and(invites::kind.eq(KIND_INVITE)))
        .filter(not(exists(waits)))
        .filter(exists(wrapped::table.filter(in_group)))
        .filter(not(exists(wrapped::table.filter(in_group).filter(holds_this))))
        .order(invites::member_id)
        .limit(limit)
        .select((invites::member_id, invites::member_type, invites::created_ms))
        .load(conn)
}

pub(super) fn parent(conn: &mut Conn, group_id: &str) -> QueryResult<Option<String>> {
    let parent: Option<Option<String>> =
        groups::table.find(group_id).select(groups::parent_id).get_result(conn).optional()?;
    Ok(parent.flatten())
}

/// Those of these who are members of the group, or invited into it.
pub(super) fn present(conn: &mut Conn, group_id: &str, ids: &[&str]) -> QueryResult<Vec<String>> {
    let mut found: Vec<String> = members::table
        .filter(members::group_id.eq(group_id).and(members::member_id.eq_any(ids)))
        .select(members::member_id)
        .load(conn)?;
    let invited: Vec<String> = invites::table
        .filter(invites::group_id.eq(group_id).and(invites::member_id.eq_any(ids)))
        .filter(invites::kind.eq(KIND_INVITE))
        .select(invites::member_id)
        .load(conn)?;
    found.extend(invited);
    Ok(found)
}

/// Those of these who have the new key, or for whom it waits.
pub(super) fn served(conn: &mut Conn, job: &JobRow, ids: &[&str]) -> QueryResult<Vec<String>> {
    let mut found: Vec<String> = wrapped::table
        .filter(wrapped::member_id.eq_any(ids).and(wrapped::group_id.eq(&job.group_id)))
        .filter(wrapped::key_created_ms.eq(job.created_ms).and(wrapped::key_id.eq(&job.key_id)))
        .select(wrapped::member_id)
        .load(conn)?;
    let waits: Vec<String> = waiting::table
        .filter(waiting::member_id.eq_any(ids).and(waiting::group_id.eq(&job.group_id)))
        .filter(waiting::key_created_ms.eq(job.created_ms).and(waiting::key_id.eq(&job.key_id)))
        .select(waiting::member_id)
        .load(conn)?;
    found.extend(waits);
    Ok(found)
}

pub(super) fn insert_waiting(tx: &mut Conn, rows: &[NewWaiting<'_>]) -> QueryResult<()> {
    each!(tx, |c| diesel::insert_into(waiting::table).values(rows).execute(c).map(drop))
}

/// True when a key waits that the member can take.
pub(super) fn is_waiting(conn: &mut Conn, group_id: &str, member_id: &str) -> QueryResult<bool> {
    let found: Option<String> = each!(conn, |c| waiting::table
        .filter(waiting::member_id.eq(member_id).and(waiting::group_id.eq(group_id)))
        .filter(waiting::error.is_null())
        .select(waiting::key_id)
        .limit(1)
        .get_result(c)
        .optional())?;
    Ok(found.is_some())
}

/// What waits for a member, oldest first.
pub(super) fn waiting(
    conn: &mut Conn,
    group_id: &str,
    member_id: &str,
    with_errors: bool,
) -> QueryResult<Vec<WaitingRow>> {
    waiting::table
        .inner_join(rotations::table.on(rotations::key_id.eq(waiting::key_id)))
        .filter(waiting::member_id.eq(member_id).and(waiting::group_id.eq(group_id)))
        .filter(waiting::error.is_null().or(with_errors.into_sql::<diesel::sql_types::Bool>()))
        .order((waiting::key_created_ms, waiting::key_id))
        .limit(PAGE_SIZE)
        .select((
            waiting::key_id,
            waiting::key_created_ms,
            waiting::public_key_id,
            waiting::encrypted_ephemeral_key,
            waiting::error,
            rotations::encrypted_group_key_by_ephemeral,
            rotations::previous_group_key_id,
            rotations::ephemeral_alg,
        ))
        .load(conn)
}

/// When a key was made that waits for a member and that he can take.
pub(super) fn waits_since(conn: &mut Conn, group_id: &str, member_id: &str, key_id: &str) -> QueryResult<Option<i64>> {
    waiting::table
        .filter(waiting::member_id.eq(member_id).and(waiting::group_id.eq(group_id)))
        .filter(waiting::key_id.eq(key_id).and(waiting::error.is_null()))
        .select(waiting::key_created_ms)
        .get_result(conn)
        .optional()
}

/// Takes a key out of the waiting ones: true for exactly one of any number of callers.
pub(super) fn take(tx: &mut Conn, group_id: &str, member_id: &str, key_id: &str, created_ms: i64) -> QueryResult<bool> {
    let one = waiting::table.find((member_id, group_id, created_ms, key_id));
    Ok(diesel::delete(one).execute(tx)? == 1)
}

/// What waits for a member though he has it.
pub(super) fn delete_held(tx: &mut Conn, group_id: &str, member_id: &str) -> QueryResult<()> {
    let held = wrapped::table
        .filter(wrapped::member_id.eq(member_id).and(wrapped::group_id.eq(group_id)))
        .select(wrapped::key_id);
    diesel::delete(waiting::table)
        .filter(waiting::member_id.eq(member_id).and(waiting::group_id.eq(group_id)))
        .filter(waiting::key_id.eq_any(held))
        .execute(tx)
        .map(drop)
}

/// The ids of the public keys for which something waits.
pub(super) fn public_key_ids(conn: &mut Conn, group_id: &str, member_id: &str) -> QueryResult<Vec<String>> {
    waiting::table
        .filter(waiting::member_id.eq(member_id).and(waiting::group_id.eq(group_id)))
        .select(waiting::public_key_id)
        .distinct()
        .load(conn)
}

/// What waits for these public keys of a member.
pub(super) fn delete_for_keys(tx: &mut Conn, group_id: &str, member_id: &str, key_ids: &[&str]) -> QueryResult<()> {
    diesel::delete(waiting::table)
        .filter(waiting::member_id.eq(member_id).and(waiting::group_id.eq(group_id)))
        .filter(waiting::public_key_id.eq_any(key_ids))
        .execute(tx)
        .map(drop)
}

pub(super) fn delete_of_member(tx: &mut Conn, group_id: &str, member_id: &str) -> QueryResult<()> {
    diesel::delete(waiting::table)
        .filter(waiting::member_id.eq(member_id).and(waiting::group_id.eq(group_id)))
        .execute(tx)
        .map(drop)
}

pub(super) fn delete_everywhere(tx: &mut Conn, member_ids: &[String]) -> QueryResult<()> {
    diesel::delete(waiting::table).filter(waiting::member_id.eq_any(member_ids)).execute(tx).map(drop)
}
