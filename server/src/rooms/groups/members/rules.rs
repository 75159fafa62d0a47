//! Who is in a group, and how members go and change.

use keystead_protocol::ErrorCode;
use keystead_protocol::groups::{AccessBy, GroupUserListItem, PAGE_SIZE, RANK_CREATOR};

use super::store::{self, NewRow};
use crate::db::Conn;
use crate::error::KeyResult;
use crate::rooms::groups::rules::{self as groups, Actor, GroupAccess};
use crate::rooms::groups::store::ascending;
use crate::rooms::groups::validate::is_id;
use crate::rooms::groups::{invites, keys, rank};
use crate::web::call::Page;

/// `member_type`: a user.
pub(in crate::rooms::groups) const KIND_USER: i32 = 0;
/// `user_type` of a parent group on the wire. It has no row: `groups.parent_id` says it all.
pub(in crate::rooms::groups) const KIND_PARENT: i32 = 1;
/// `member_type`: a group that is a member of a connected group.
pub(in crate::rooms::groups) const KIND_GROUP: i32 = 2;
/// `member_type`: a device of a user, in his user group.
pub(in crate::rooms::groups) const KIND_DEVICE: i32 = 3;

/// Who enters a group.
#[derive(Debug)]
pub(in crate::rooms::groups) struct NewMember<'a> {
    pub(in crate::rooms::groups) member_id: &'a str,
    pub(in crate::rooms::groups) kind: i32,
    pub(in crate::rooms::groups) rank: i32,
}

/// The members without the caller (himself, or the group by which he enters), ascending by the time they joined. The
/// parent of a child group is listed like a member who made it.
///
/// # Errors
/// What the database says.
pub fn list(conn: &mut Conn, access: &GroupAccess, user_id: &str, page: &Page) -> KeyResult<Vec<GroupUserListItem>> {
    let callers = [user_id, access.member_id.as_str()];
    let rows = store::others(conn, &access.group_id, &callers, page)?;
    let mut items: Vec<GroupUserListItem> = rows.into_iter().map(item).collect();
    if let Some(parent) = access.parent_group_id.as_deref().filter(|id| *id != access.member_id) {
        let (time, after) = (access.created_ms, ascending(page));
        if (time, parent) > after {
            let at = items.partition_point(|i| (i.joined_time, i.user_id.as_str()) < (time, parent));
            let parent = GroupUserListItem {
                user_id: parent.to_owned(),
                rank: RANK_CREATOR,
                joined_time: time,
                user_type: KIND_PARENT,
            };
            items.insert(at, parent);
            items.truncate(PAGE_SIZE as usize);
        }
    }
    Ok(items)
}

/// A direct member, as the app's backend asks for him.
///
/// # Errors
/// 310 when the app has no such group, 300 when it has no such member.
pub fn one(conn: &mut Conn, app_id: &str, group_id: &str, member_id: &str) -> KeyResult<GroupUserListItem> {
    groups::find(conn, app_id, group_id)?;
    let row = if is_id(member_id) { store::one(conn, group_id, member_id)? } else { None };
    Ok(row.map(item).ok_or(ErrorCode::GroupMemberNotFound)?)
}

/// The caller leaves, or the group by which he entered, when he may act for it. Who is in by a parent group cannot leave.
///
/// # Errors
/// 300 he is no direct member; 301 he may not act for the group; 308 the last administrator.
pub fn leave(tx: &mut Conn, actor: &Actor) -> KeyResult<()> {
    let access = actor.enter(tx)?;
    take_leave(tx, actor, &access)
}

/// Removes another member. Kicking oneself is leaving.
///
/// # Errors
/// 301 below rank 2; 300 no such member; 315 the creator; 316 a higher rank; 308 oneself as the last administrator.
pub fn kick(tx: &mut Conn, actor: &Actor, target: &str) -> KeyResult<()> {
    let access = actor.enter(tx)?;
    rank::may_manage_members(access.rank)?;
    if target == access.member_id {
        return take_leave(tx, actor, &access);
    }
    rank::may_kick(access.rank, rank_of(tx, &actor.group_id, target)?)?;
    remove(tx, &actor.group_id, target)
}

/// Gives a member another rank.
///
/// # Errors
/// 301 below rank 1; 314 a rank that cannot be given, the creator, or the last administrator falls; 300 no such member.
pub fn change_rank(tx: &mut Conn, actor: &Actor, target: &str, new_rank: i32) -> KeyResult<()> {
    let access = actor.enter(tx)?;
    rank::may_administer(access.rank)?;
    rank::can_be_given(new_rank)?;
    let old_rank = rank_of(tx, &actor.group_id, target)?;
    let others = has_other_admin(tx, &access, target)?;
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
    Ok(if is_id(member_id) { store::one(conn, group_id, member_id)?.map(|row| row.rank) } else { None })
}

/// As [`find`], of one kind.
pub(in crate::rooms::groups) fn find_kind(
    conn: &mut Conn,
    group_id: &str,
    member_id: &str,
    kind: i32,
) -> KeyResult<Option<i32>> {
    let row = if is_id(member_id) { store::one(conn, group_id, member_id)? } else { None };
    Ok(row.filter(|row| row.member_type == kind).map(|row| row.rank))
}

/// True when a direct member other than this one has rank 0 or 1.
pub(in crate::rooms::groups) fn another_administers(conn: &mut Conn, group_id: &str, user_id: &str) -> KeyResult<bool> {
    Ok(store::has_other_admin(conn, group_id, user_id)?)
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

/// Ends all memberships of those who are gone for good.
pub(in crate::rooms::groups) fn forget_members(tx: &mut Conn, member_ids: &[String]) -> KeyResult<()> {
    Ok(store::delete_everywhere(tx, member_ids)?)
}

/// The member by whom the caller is in goes. That member's rank counts, not the caller's, which may be worse.
fn take_leave(tx: &mut Conn, actor: &Actor, access: &GroupAccess) -> KeyResult<()> {
    let (group_id, member_id) = (&access.group_id, &access.member_id);
    if matches!(access.access_by, AccessBy::GroupAsUser(_)) {
        tx.lock(member_id)?;
        rank::may_represent(groups::access(tx, &actor.app_id, member_id, &actor.user_id, None)?.rank)?;
    }
    let own_rank = rank_of(tx, group_id, member_id)?;
    rank::may_leave(own_rank, has_other_admin(tx, access, member_id)?)?;
    remove(tx, group_id, member_id)
}

/// True when somebody but this member administers the group. A parent always has an administrator.
fn has_other_admin(conn: &mut Conn, access: &GroupAccess, member_id: &str) -> KeyResult<bool> {
    Ok(access.parent_group_id.is_some() || store::has_other_admin(conn, &access.group_id, member_id)?)
}

fn item(row: store::ListRow) -> GroupUserListItem {
    GroupUserListItem { user_id: row.member_id, rank: row.rank, joined_time: row.joined_ms, user_type: row.member_type }
}

/// A member goes, and with him what was kept for him: wrapped keys, upload sessions, invites.
pub(in crate::rooms::groups) fn remove(tx: &mut Conn, group_id: &str, member_id: &str) -> KeyResult<()> {
    store::delete(tx, group_id, member_id)?;
    keys::rules::delete_of_member(tx, group_id, member_id)?;
    invites::rules::delete_of_member(tx, group_id, member_id)
}
