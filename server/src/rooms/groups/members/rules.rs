//! Who is in a group, and how members go and change.

use keystead_protocol::ErrorCode;
use keystead_protocol::groups::GroupUserListItem;

use super::store::{self, NewRow};
use crate::db::Conn;
use crate::error::KeyResult;
use crate::rooms::groups::rules::Actor;
use crate::rooms::groups::validate::is_id;
use crate::rooms::groups::{invites, keys, rank};
use crate::web::call::Page;

/// `member_type`: a user.
pub(in crate::rooms::groups) const KIND_USER: i32 = 0;
/// `member_type`: a device of a user, in his user group. 1 (parent group) and 2 (group as member) are on the wire.
pub(in crate::rooms::groups) const KIND_DEVICE: i32 = 3;

/// Who enters a group.
#[derive(Debug)]
pub(in crate::rooms::groups) struct NewMember<'a> {
    pub(in crate::rooms::groups) member_id: &'a str,
    pub(in crate::rooms::groups) kind: i32,
    pub(in crate::rooms::groups) rank: i32,
}

/// The members without the caller, ascending by the time they joined.
///
/// # Errors
/// What the database says.
pub fn list(conn: &mut Conn, group_id: &str, caller: &str, page: &Page) -> KeyResult<Vec<GroupUserListItem>> {
    let rows = store::others(conn, group_id, caller, page)?;
    let item = |row: store::ListRow| GroupUserListItem {
        user_id: row.member_id,
        rank: row.rank,
        joined_time: row.joined_ms,
        user_type: row.member_type,
    };
    Ok(rows.into_iter().map(item).collect())
}

/// The caller leaves.
///
/// # Errors
/// 308 for the last administrator.
pub fn leave(tx: &mut Conn, actor: &Actor) -> KeyResult<()> {
    let own_rank = actor.enter(tx)?.rank;
    take_leave(tx, actor, own_rank)
}

/// Removes another member. Kicking oneself is leaving.
///
/// # Errors
/// 301 below rank 2; 300 no such member; 315 the creator; 316 a higher rank; 308 oneself as the last administrator.
pub fn kick(tx: &mut Conn, actor: &Actor, target: &str) -> KeyResult<()> {
    let own_rank = actor.enter(tx)?.rank;
    rank::may_manage_members(own_rank)?;
    if target == actor.user_id {
        return take_leave(tx, actor, own_rank);
    }
    rank::may_kick(own_rank, rank_of(tx, &actor.group_id, target)?)?;
    remove(tx, &actor.group_id, target)
}

/// Gives a member another rank.
///
/// # Errors
/// 301 below rank 1; 314 a rank that cannot be given, the creator, or the last administrator falls; 300 no such member.
pub fn change_rank(tx: &mut Conn, actor: &Actor, target: &str, new_rank: i32) -> KeyResult<()> {
    rank::may_administer(actor.enter(tx)?.rank)?;
    rank::can_be_given(new_rank)?;
    let old_rank = rank_of(tx, &actor.group_id, target)?;
    let others = store::has_other_admin(tx, &actor.group_id, target, KIND_USER)?;
    rank::may_change(old_rank, new_rank, others)?;
    Ok(store::set_rank(tx, &actor.group_id, target, new_rank)?)
}

/// The rank of a direct member.
///
/// # Errors
/// 300 when there is none.
pub(in crate::rooms::groups) fn rank_of(conn: &mut Conn, group_id: &str, member_id: &str) -> KeyResult<i32> {
    Ok(find(conn, group_id, member_id)?.ok_or(ErrorCode::GroupMemberNotFound)?)
}

/// The rank of a direct member, if he is one.
pub(in crate::rooms::groups) fn find(conn: &mut Conn, group_id: &str, member_id: &str) -> KeyResult<Option<i32>> {
    Ok(if is_id(member_id) { store::rank(conn, group_id, member_id)? } else { None })
}

/// Adds a member.
pub(in crate::rooms::groups) fn insert(
    tx: &mut Conn,
    group_id: &str,
    group_created_ms: i64,
    member: &NewMember<'_>,
    now_ms: i64,
) -> KeyResult<()> {
    let row = NewRow {
        group_id,
        member_id: member.member_id,
        member_type: member.kind,
        rank: member.rank,
        joined_ms: now_ms,
        group_created_ms,
    };
    Ok(store::insert(tx, &row)?)
}

/// Ends all memberships of one who is gone for good.
pub(in crate::rooms::groups) fn forget_member(tx: &mut Conn, member_id: &str) -> KeyResult<()> {
    Ok(store::delete_everywhere(tx, member_id)?)
}

fn take_leave(tx: &mut Conn, actor: &Actor, own_rank: i32) -> KeyResult<()> {
    let others = store::has_other_admin(tx, &actor.group_id, &actor.user_id, KIND_USER)?;
    rank::may_leave(own_rank, others)?;
    remove(tx, &actor.group_id, &actor.user_id)
}

/// A member goes, and with him what was kept for him: wrapped keys, upload sessions, invites.
fn remove(tx: &mut Conn, group_id: &str, member_id: &str) -> KeyResult<()> {
    store::delete(tx, group_id, member_id)?;
    keys::rules::delete_of_member(tx, group_id, member_id)?;
    invites::rules::delete_of_member(tx, group_id, member_id)
}
