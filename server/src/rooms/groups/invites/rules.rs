//! How users and groups come into groups, and how their wrapped keys come with them.
//!
//! Each function is one atomic step: it takes the group's lock, looks at the actor's access again, and where another
//! user or group is concerned takes its lock too, so that it cannot be deleted in between.

use keystead_protocol::ErrorCode;
use keystead_protocol::groups::{InviteListItem, InviteOutput, LightInvite, MemberKey, NewMemberKeys};

use super::store::{self, NewInvite};
use crate::app::App;
use crate::db::Conn;
use crate::error::{KeyError, KeyResult};
use crate::rooms::groups::guests::{self, Guest};
use crate::rooms::groups::keys::rules::{self as group_keys, Existing};
use crate::rooms::groups::members::rules::{self as members, NewMember};
use crate::rooms::groups::rank;
use crate::rooms::groups::rules::{self as groups, Actor, GroupAccess};
use crate::rooms::groups::store::{self as group_store, GroupRow};
use crate::rooms::groups::validate::is_id;
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
    const fn message(self, guest: &Guest) -> &'static str {
        match (self, guest) {
            (Self::Invited, Guest::User(_)) => "User was invited",
            (Self::Invited, _) => "Group was invited",
            (Self::Member, Guest::User(_)) => "User is a member now",
            (Self::Member, _) => "Group is a member now",
        }
    }
}

/// Invites somebody with group keys wrapped for him. The keys have passed [`crate::rooms::groups::validate::member_keys`].
///
/// # Errors
/// 301 below rank 2, or for a rank that cannot be given; 317 invites are stopped; 100 no such user; 310 no such group; 319
/// a group that may not come in; 302 member already, or invited; 304 a key that is none of the group, or not wrapped by a
/// key of the guest.
pub fn invite(
    app: &App,
    tx: &mut Conn,
    actor: &Actor,
    guest: &Guest,
    input: &NewMemberKeys,
    entry: Entry,
) -> KeyResult<InviteOutput> {
    let (access, wrapped_by) = add(app, tx, actor, guest, input.rank, entry)?;
    let (group_id, id) = (&access.group_id, guest.id());
    group_keys::insert_for_member(tx, group_id, id, &wrapped_by, &input.keys, Existing::Replace)?;
    output(app, tx, group_id, id, input.key_session, entry.message(guest))
}

/// Invites somebody without keys.
///
/// # Errors
/// As [`invite`] without 304.
pub fn invite_light(
    app: &App,
    tx: &mut Conn,
    actor: &Actor,
    guest: &Guest,
    input: &LightInvite,
    entry: Entry,
) -> KeyResult<()> {
    add(app, tx, actor, guest, input.rank, entry).map(drop)
}

/// Gives a member new wrapped keys in place of his old ones, in one step: he keeps rank and time of joining.
///
/// # Errors
/// 320 no member; 301 below rank 2, or a higher member whose keys still work; 319 a group in a group that is not connected
/// (unless forced); 304 as [`invite`].
pub fn re_invite(
    app: &App,
    tx: &mut Conn,
    actor: &Actor,
    guest: &Guest,
    input: &NewMemberKeys,
) -> KeyResult<InviteOutput> {
    let (access, wrapped_by) = renewable(tx, actor, guest)?;
    let (group_id, id) = (&access.group_id, guest.id());
    group_keys::insert_for_member(tx, group_id, id, &wrapped_by, &input.keys, Existing::Replace)?;
    store::delete_sessions(tx, group_id, id)?;
    output(app, tx, group_id, id, input.key_session, "Invited again")
}

/// A re-invite without keys: nothing of a member is to be renewed but what [`re_invite`] checks.
///
/// # Errors
/// As [`re_invite`] without 304.
pub fn re_invite_light(tx: &mut Conn, actor: &Actor, guest: &Guest) -> KeyResult<()> {
    renewable(tx, actor, guest).map(drop)
}

/// Further keys of an invite, or of a join request that was accepted. Keys that the member has already are left as they are.
/// The keys have passed [`crate::rooms::groups::validate::member_keys`].
///
/// # Errors
/// 301 below rank 2; 306 no such session, too old, or the member is neither in the group nor invited any more; 304 as
/// [`invite`].
pub fn upload_keys(app: &App, tx: &mut Conn, actor: &Actor, session_id: &str, keys: &[MemberKey]) -> KeyResult<()> {
    let access = actor.enter(tx)?;
    rank::may_manage_members(access.rank)?;
    let gone = || KeyError::new(ErrorCode::GroupKeySession);
    let member_id = open_session(app, tx, &access.group_id, session_id)?.ok_or_else(gone)?;
    let wrapped_by = guests::hold_member(tx, &access.app_id, &member_id)?.ok_or_else(gone)?;
    group_keys::insert_for_member(tx, &access.group_id, &member_id, &wrapped_by, keys, Existing::Keep)
}

/// The invited user becomes a member with the rank he was promised.
///
/// # Errors
/// 307 without an invite to a group of this app.
pub fn accept(app: &App, tx: &mut Conn, app_id: &str, group_id: &str, user_id: &str) -> KeyResult<()> {
    let group = hold_inviting(tx, app_id, group_id)?;
    tx.lock(user_id)?;
    enter_by_invite(app, tx, group_id, &group, &Guest::User(user_id.to_owned()))
}

/// As [`accept`], for the group of `actor`.
///
/// # Errors
/// As [`accept`]; 301 below rank 1 in that group.
pub fn accept_as_group(app: &App, tx: &mut Conn, actor: &Actor, group_id: &str) -> KeyResult<()> {
    let group = hold_inviting(tx, &actor.app_id, group_id)?;
    actor.represent(tx)?;
    enter_by_invite(app, tx, group_id, &group, &Guest::Group(actor.group_id.clone()))
}

/// The invite goes, and what was kept for it.
///
/// # Errors
/// 307 without an invite to a group of this app.
pub fn reject(tx: &mut Conn, app_id: &str, group_id: &str, user_id: &str) -> KeyResult<()> {
    hold_inviting(tx, app_id, group_id)?;
    tx.lock(user_id)?;
    drop_invite(tx, group_id, user_id)
}

/// As [`reject`], for the group of `actor`.
///
/// # Errors
/// As [`reject`]; 301 below rank 1 in that group.
pub fn reject_as_group(tx: &mut Conn, actor: &Actor, group_id: &str) -> KeyResult<()> {
    hold_inviting(tx, &actor.app_id, group_id)?;
    actor.represent(tx)?;
    drop_invite(tx, group_id, &actor.group_id)
}

/// Stops invites, or allows them again.
///
/// # Errors
/// 301 below rank 1.
pub fn toggle(tx: &mut Conn, actor: &Actor) -> KeyResult<()> {
    let access = actor.enter(tx)?;
    rank::may_administer(access.rank)?;
    let open = groups::find(tx, &access.app_id, &access.group_id)?.invites_open;
    Ok(group_store::set_invites_open(tx, &access.group_id, !open)?)
}

/// The open invites of a user or group, newest first, at one time by ascending group id; at most 50.
///
/// # Errors
/// What the database says.
pub fn invites_of(conn: &mut Conn, member_id: &str, page: &Page) -> KeyResult<Vec<InviteListItem>> {
    let rows = store::of_member(conn, member_id, page)?;
    Ok(rows.into_iter().map(|(group_id, time)| InviteListItem { group_id, time }).collect())
}

/// True when somebody has an open invite.
pub(in crate::rooms::groups) fn is_invited(conn: &mut Conn, group_id: &str, member_id: &str) -> KeyResult<bool> {
    Ok(store::rank(conn, group_id, member_id)?.is_some())
}

/// What was kept for a member who leaves a group.
pub(in crate::rooms::groups) fn delete_of_member(tx: &mut Conn, group_id: &str, member_id: &str) -> KeyResult<()> {
    store::delete(tx, group_id, member_id)?;
    Ok(store::delete_sessions(tx, group_id, member_id)?)
}

/// Invites, join requests and sessions of those who are gone for good. Runs before their memberships go.
pub(in crate::rooms::groups) fn forget_members(tx: &mut Conn, member_ids: &[String]) -> KeyResult<()> {
    Ok(store::delete_everywhere(tx, member_ids)?)
}

/// Checks an invite and makes the member or the open invite; gives the group, and whose keys wrap for the new member.
fn add(
    app: &App,
    tx: &mut Conn,
    actor: &Actor,
    guest: &Guest,
    asked: Option<i32>,
    entry: Entry,
) -> KeyResult<(GroupAccess, String)> {
    let access = actor.enter(tx)?;
    let (group_id, member_id) = (access.group_id.as_str(), guest.id());
    let rank = rank::of_new_member(access.rank, asked)?;
    if !groups::find(tx, &access.app_id, group_id)?.invites_open {
        return Err(ErrorCode::GroupInvitesStopped.into());
    }
    let wrapped_by = guest.hold(tx, access.as_target())?;
    if members::find(tx, group_id, member_id)?.is_some() {
        return Err(ErrorCode::GroupAlreadyMember.into());
    }
    let now_ms = app.clock.now_ms();
    match entry {
        Entry::Invited => {
            if store::rank(tx, group_id, member_id)?.is_some() {
                return Err(ErrorCode::GroupAlreadyMember.into());
            }
            let (member_type, created_ms) = (guest.kind(), now_ms);
            store::insert(tx, &NewInvite { group_id, member_id, member_type, rank, created_ms })?;
        }
        Entry::Member => {
            store::delete(tx, group_id, member_id)?;
            let member = NewMember { member_id, kind: guest.kind(), rank };
            members::insert(tx, group_id, access.created_ms, &member, now_ms)?;
        }
    }
    Ok((access, wrapped_by))
}

/// Checks a re-invite; gives the group, and whose keys wrap for the member.
fn renewable(tx: &mut Conn, actor: &Actor, guest: &Guest) -> KeyResult<(GroupAccess, String)> {
    let access = actor.enter(tx)?;
    rank::may_manage_members(access.rank)?;
    let (group_id, id) = (access.group_id.as_str(), guest.id());
    let target_rank = members::find_kind(tx, group_id, id, guest.kind())?.ok_or(ErrorCode::GroupReInviteNotMember)?;
    let wrapped_by = guest.hold(tx, access.as_target())?;
    let stale = group_keys::are_stale(tx, group_id, id, &wrapped_by)?;
    rank::may_renew_keys(access.rank, target_rank, stale)?;
    Ok((access, wrapped_by))
}

/// Takes the lock of a group that may have invited somebody.
fn hold_inviting(tx: &mut Conn, app_id: &str, group_id: &str) -> KeyResult<GroupRow> {
    if is_id(group_id) {
        tx.lock(group_id)?;
    }
    groups::find(tx, app_id, group_id).map_err(|e| match e.code {
        ErrorCode::GroupAccess => ErrorCode::GroupInviteNotFound.into(),
        _ => e,
    })
}

fn enter_by_invite(app: &App, tx: &mut Conn, group_id: &str, group: &GroupRow, guest: &Guest) -> KeyResult<()> {
    let (member_id, kind) = (guest.id(), guest.kind());
    let rank = store::rank(tx, group_id, member_id)?.ok_or(ErrorCode::GroupInviteNotFound)?;
    store::delete(tx, group_id, member_id)?;
    members::insert(tx, group_id, group.created_ms, &NewMember { member_id, kind, rank }, app.clock.now_ms())
}

fn drop_invite(tx: &mut Conn, group_id: &str, member_id: &str) -> KeyResult<()> {
    if store::delete_invite(tx, group_id, member_id)? == 0 {
        return Err(ErrorCode::GroupInviteNotFound.into());
    }
    store::delete_sessions(tx, group_id, member_id)?;
    group_keys::delete_of_member(tx, group_id, member_id)
}

/// For whom an upload session of this group is open.
pub(in crate::rooms::groups) fn open_session(
    app: &App,
    conn: &mut Conn,
    group_id: &str,
    session_id: &str,
) -> KeyResult<Option<String>> {
    let session = if is_id(session_id) { store::session(conn, session_id, group_id)? } else { None };
    let oldest = app.clock.now_ms() - app.config.keys.key_session_ms();
    Ok(session.filter(|s| s.created_ms >= oldest).map(|s| s.member_id))
}

/// The answer, with an upload session whenever one is asked for.
pub(in crate::rooms::groups) fn output(
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
