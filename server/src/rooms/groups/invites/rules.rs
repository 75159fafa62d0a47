//! How users come into groups, and how their wrapped keys come with them.
//!
//! Each function is one atomic step: it takes the group's lock, looks at the actor's access again, and where another
//! user is concerned takes that user's lock too, so that he cannot be deleted in between.

use keystead_protocol::ErrorCode;
use keystead_protocol::groups::{InviteListItem, InviteOutput, LightInvite, MemberKey, NewMemberKeys};

use super::store::{self, NewInvite};
use crate::app::App;
use crate::db::Conn;
use crate::error::{KeyError, KeyResult};
use crate::rooms::groups::keys::rules::{self as group_keys, Existing};
use crate::rooms::groups::members::rules::{self as members, KIND_USER, NewMember};
use crate::rooms::groups::rank;
use crate::rooms::groups::rules::{Actor, GroupAccess};
use crate::rooms::groups::store as groups;
use crate::rooms::groups::validate::is_id;
use crate::rooms::keys::rules as user_rules;
use crate::web::call::Page;

/// What an invite makes of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// Somebody who may accept or reject.
    Invited,
    /// A member at once.
    Member,
}

impl Entry {
    const fn message(self) -> &'static str {
        match self {
            Self::Invited => "User was invited",
            Self::Member => "User is a member now",
        }
    }
}

/// Invites a user with group keys wrapped for him. The keys have passed [`crate::rooms::groups::validate::member_keys`].
///
/// # Errors
/// 301 below rank 2, or for a rank that cannot be given; 317 invites are stopped; 100 no such user; 302 member already,
/// or invited; 304 a key that is none of the group, or not wrapped by a key of the user.
pub fn invite(
    app: &App,
    tx: &mut Conn,
    actor: &Actor,
    target: &str,
    input: &NewMemberKeys,
    entry: Entry,
) -> KeyResult<InviteOutput> {
    let (access, user_group_id) = add(app, tx, actor, target, input.rank, entry)?;
    let group_id = &access.group_id;
    group_keys::insert_for_member(tx, group_id, target, &user_group_id, &input.keys, Existing::Replace)?;
    output(app, tx, group_id, target, input.key_session, entry.message())
}

/// Invites a user without keys.
///
/// # Errors
/// As [`invite`] without 304.
pub fn invite_light(
    app: &App,
    tx: &mut Conn,
    actor: &Actor,
    target: &str,
    input: &LightInvite,
    entry: Entry,
) -> KeyResult<()> {
    add(app, tx, actor, target, input.rank, entry).map(drop)
}

/// Gives a member new wrapped keys in place of his old ones, in one step: he keeps rank and time of joining.
///
/// # Errors
/// 320 no member; 301 below rank 2, or a higher member whose keys still work; 304 as [`invite`].
pub fn re_invite(
    app: &App,
    tx: &mut Conn,
    actor: &Actor,
    target: &str,
    input: &NewMemberKeys,
) -> KeyResult<InviteOutput> {
    let (access, user_group_id) = renewable(tx, actor, target)?;
    let group_id = &access.group_id;
    group_keys::insert_for_member(tx, group_id, target, &user_group_id, &input.keys, Existing::Replace)?;
    store::delete_sessions(tx, group_id, target)?;
    output(app, tx, group_id, target, input.key_session, "User was invited again")
}

/// A re-invite without keys: nothing of a member is to be renewed but what [`re_invite`] checks.
///
/// # Errors
/// As [`re_invite`] without 304.
pub fn re_invite_light(tx: &mut Conn, actor: &Actor, target: &str) -> KeyResult<()> {
    renewable(tx, actor, target).map(drop)
}

/// Further keys of an invite. Keys that the member has already are left as they are. The keys have passed
/// [`crate::rooms::groups::validate::member_keys`].
///
/// # Errors
/// 301 below rank 2; 306 no such session, too old, or the member is neither in the group nor invited any more; 304 as
/// [`invite`].
pub fn upload_keys(app: &App, tx: &mut Conn, actor: &Actor, session_id: &str, keys: &[MemberKey]) -> KeyResult<()> {
    let access = actor.enter(tx)?;
    rank::may_manage_members(access.rank)?;
    let gone = || KeyError::new(ErrorCode::GroupKeySession);
    let session = if is_id(session_id) { store::session(tx, session_id, &access.group_id)? } else { None };
    let oldest = app.clock.now_ms() - app.config.keys.key_session_ms();
    let member_id = session.filter(|s| s.created_ms >= oldest).ok_or_else(gone)?.member_id;
    tx.lock(&member_id)?;
    let user_group_id = user_rules::user_group_of(tx, &access.app_id, &member_id)?.ok_or_else(gone)?;
    group_keys::insert_for_member(tx, &access.group_id, &member_id, &user_group_id, keys, Existing::Keep)
}

/// The invited user becomes a member with the rank he was promised.
///
/// # Errors
/// 307 without an invite to a group of this app.
pub fn accept(app: &App, tx: &mut Conn, app_id: &str, group_id: &str, user_id: &str) -> KeyResult<()> {
    let (created_ms, rank) = open_invite(tx, app_id, group_id, user_id)?;
    store::delete(tx, group_id, user_id)?;
    let member = NewMember { member_id: user_id, kind: KIND_USER, rank };
    members::insert(tx, group_id, created_ms, &member, app.clock.now_ms())
}

/// The invite goes, and what was kept for it.
///
/// # Errors
/// 307 without an invite to a group of this app.
pub fn reject(tx: &mut Conn, app_id: &str, group_id: &str, user_id: &str) -> KeyResult<()> {
    open_invite(tx, app_id, group_id, user_id)?;
    store::delete_invite(tx, group_id, user_id)?;
    store::delete_sessions(tx, group_id, user_id)?;
    group_keys::delete_of_member(tx, group_id, user_id)
}

/// Stops invites, or allows them again.
///
/// # Errors
/// 301 below rank 1.
pub fn toggle(tx: &mut Conn, actor: &Actor) -> KeyResult<()> {
    let access = actor.enter(tx)?;
    rank::may_administer(access.rank)?;
    let (_created_ms, open) = groups::find(tx, &access.app_id, &access.group_id)?.ok_or(ErrorCode::GroupAccess)?;
    Ok(groups::set_invites_open(tx, &access.group_id, !open)?)
}

/// The open invites of a user, newest first, at one time by ascending group id; at most 50.
///
/// # Errors
/// What the database says.
pub fn invites_of(conn: &mut Conn, user_id: &str, page: &Page) -> KeyResult<Vec<InviteListItem>> {
    let rows = store::of_member(conn, user_id, page)?;
    Ok(rows.into_iter().map(|(group_id, time)| InviteListItem { group_id, time }).collect())
}

/// What was kept for a member who leaves a group.
pub(in crate::rooms::groups) fn delete_of_member(tx: &mut Conn, group_id: &str, member_id: &str) -> KeyResult<()> {
    store::delete(tx, group_id, member_id)?;
    Ok(store::delete_sessions(tx, group_id, member_id)?)
}

/// Invites and sessions of one who is gone for good. Runs before his memberships go.
pub(in crate::rooms::groups) fn forget_member(tx: &mut Conn, member_id: &str) -> KeyResult<()> {
    Ok(store::delete_everywhere(tx, member_id)?)
}

/// Checks an invite and makes the member or the open invite; gives the group and the user group of the new member.
fn add(
    app: &App,
    tx: &mut Conn,
    actor: &Actor,
    target: &str,
    asked: Option<i32>,
    entry: Entry,
) -> KeyResult<(GroupAccess, String)> {
    let access = actor.enter(tx)?;
    let group_id = access.group_id.as_str();
    let rank = rank::of_new_member(access.rank, asked)?;
    let (_created_ms, open) = groups::find(tx, &access.app_id, group_id)?.ok_or(ErrorCode::GroupAccess)?;
    if !open {
        return Err(ErrorCode::GroupInvitesStopped.into());
    }
    let user_group_id = lock_user(tx, &access.app_id, target)?;
    if members::find(tx, group_id, target)?.is_some() {
        return Err(ErrorCode::GroupAlreadyMember.into());
    }
    let now_ms = app.clock.now_ms();
    match entry {
        Entry::Invited => {
            if store::rank(tx, group_id, target)?.is_some() {
                return Err(ErrorCode::GroupAlreadyMember.into());
            }
            let created_ms = now_ms;
            let member_type = KIND_USER;
            store::insert(tx, &NewInvite { group_id, member_id: target, member_type, rank, created_ms })?;
        }
        Entry::Member => {
            store::delete(tx, group_id, target)?;
            let member = NewMember { member_id: target, kind: KIND_USER, rank };
            members::insert(tx, group_id, access.created_ms, &member, now_ms)?;
        }
    }
    Ok((access, user_group_id))
}

/// Checks a re-invite; gives the group and the user group of the member.
fn renewable(tx: &mut Conn, actor: &Actor, target: &str) -> KeyResult<(GroupAccess, String)> {
    let access = actor.enter(tx)?;
    rank::may_manage_members(access.rank)?;
    let target_rank = members::find(tx, &access.group_id, target)?.ok_or(ErrorCode::GroupReInviteNotMember)?;
    let user_group_id = lock_user(tx, &access.app_id, target)?;
    let stale = group_keys::are_stale(tx, &access.group_id, target, &user_group_id)?;
    rank::may_renew_keys(access.rank, target_rank, stale)?;
    Ok((access, user_group_id))
}

/// Holds on to a user of the app until the end of the transaction; gives his user group.
///
/// # Errors
/// 100 when there is no such user.
fn lock_user(tx: &mut Conn, app_id: &str, user_id: &str) -> KeyResult<String> {
    if !is_id(user_id) {
        return Err(ErrorCode::UserNotFound.into());
    }
    tx.lock(user_id)?;
    Ok(user_rules::user_group_of(tx, app_id, user_id)?.ok_or(ErrorCode::UserNotFound)?)
}

/// Takes the locks of a group and of the invited user; gives the group's time of creation and the promised rank.
fn open_invite(tx: &mut Conn, app_id: &str, group_id: &str, user_id: &str) -> KeyResult<(i64, i32)> {
    if !is_id(group_id) {
        return Err(ErrorCode::GroupInviteNotFound.into());
    }
    tx.lock(group_id)?;
    tx.lock(user_id)?;
    let (created_ms, _open) = groups::find(tx, app_id, group_id)?.ok_or(ErrorCode::GroupInviteNotFound)?;
    let rank = store::rank(tx, group_id, user_id)?.ok_or(ErrorCode::GroupInviteNotFound)?;
    Ok((created_ms, rank))
}

/// The answer, with an upload session whenever one is asked for.
fn output(
    app: &App,
    tx: &mut Conn,
    group_id: &str,
    member_id: &str,
    key_session: bool,
    message: &str,
) -> KeyResult<InviteOutput> {
    let message = message.to_owned();
    if !key_session {
        return Ok(InviteOutput { session_id: None, message });
    }
    let (id, now_ms) = (app.new_id(), app.clock.now_ms());
    store::delete_sessions_before(tx, group_id, now_ms - app.config.keys.key_session_ms())?;
    store::insert_session(tx, &id, group_id, member_id, now_ms)?;
    Ok(InviteOutput { session_id: Some(id), message })
}
