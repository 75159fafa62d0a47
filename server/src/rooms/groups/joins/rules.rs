//! Asking to join a group, and the answer. Each function is one atomic step, as those of invites.

use keystead_protocol::ErrorCode;
use keystead_protocol::groups::{InviteListItem, InviteOutput, JoinRequestListItem, LightInvite, NewMemberKeys};

use super::store;
use crate::app::App;
use crate::db::Conn;
use crate::error::KeyResult;
use crate::rooms::groups::guests::{Guest, Into};
use crate::rooms::groups::invites::rules as invites;
use crate::rooms::groups::keys::rules::{self as group_keys, Existing};
use crate::rooms::groups::members::rules::{self as members, NewMember};
use crate::rooms::groups::rank;
use crate::rooms::groups::rules::{self as groups, Actor, GroupAccess};
use crate::rooms::groups::validate::is_id;
use crate::web::call::Page;

/// A user asks to join a group. Asking again changes nothing.
///
/// # Errors
/// 310 no such group; 317 invites are stopped; 302 member already, or invited.
pub fn request(app: &App, tx: &mut Conn, app_id: &str, group_id: &str, user_id: &str) -> KeyResult<()> {
    hold_group(tx, group_id)?;
    ask(app, tx, app_id, group_id, &Guest::User(user_id.to_owned()))
}

/// As [`request`], for the group of `actor`.
///
/// # Errors
/// As [`request`]; 301 below rank 1 in that group; 319 only connected groups take groups in, and none that is connected.
pub fn request_as_group(app: &App, tx: &mut Conn, actor: &Actor, group_id: &str) -> KeyResult<()> {
    hold_group(tx, group_id)?;
    actor.represent(tx)?;
    ask(app, tx, &actor.app_id, group_id, &Guest::Group(actor.group_id.clone()))
}

/// Lets somebody in who asked, with group keys wrapped for him. The keys have passed
/// [`crate::rooms::groups::validate::member_keys`].
///
/// # Errors
/// 301 below rank 2, or for a rank that cannot be given; 309 he has not asked; 304 as an invite.
pub fn accept(
    app: &App,
    tx: &mut Conn,
    actor: &Actor,
    member_id: &str,
    input: &NewMemberKeys,
) -> KeyResult<InviteOutput> {
    let (access, wrapped_by) = let_in(app, tx, actor, member_id, input.rank)?;
    let group_id = &access.group_id;
    group_keys::insert_for_member(tx, group_id, member_id, &wrapped_by, &input.keys, Existing::Replace)?;
    invites::output(app, tx, group_id, member_id, input.key_session, "The join request was accepted")
}

/// As [`accept`], without keys.
///
/// # Errors
/// As [`accept`] without 304.
pub fn accept_light(app: &App, tx: &mut Conn, actor: &Actor, member_id: &str, input: &LightInvite) -> KeyResult<()> {
    let_in(app, tx, actor, member_id, input.rank).map(drop)
}

/// Turns somebody down.
///
/// # Errors
/// 301 below rank 2; 309 he has not asked.
pub fn reject(tx: &mut Conn, actor: &Actor, member_id: &str) -> KeyResult<()> {
    rank::may_manage_members(actor.enter(tx)?.rank)?;
    take(tx, &actor.group_id, member_id)
}

/// A user takes his request back.
///
/// # Errors
/// 309 he has not asked.
pub fn withdraw(tx: &mut Conn, group_id: &str, user_id: &str) -> KeyResult<()> {
    hold_group(tx, group_id)?;
    take(tx, group_id, user_id)
}

/// As [`withdraw`], for the group of `actor`.
///
/// # Errors
/// As [`withdraw`]; 301 below rank 1 in that group.
pub fn withdraw_as_group(tx: &mut Conn, actor: &Actor, group_id: &str) -> KeyResult<()> {
    hold_group(tx, group_id)?;
    actor.represent(tx)?;
    take(tx, group_id, &actor.group_id)
}

/// The requests to a group, oldest first; at most 50.
///
/// # Errors
/// 301 below rank 2.
pub fn list(conn: &mut Conn, access: &GroupAccess, page: &Page) -> KeyResult<Vec<JoinRequestListItem>> {
    rank::may_manage_members(access.rank)?;
    let item = |row: store::Row| JoinRequestListItem {
        user_id: row.member_id,
        time: row.created_ms,
        user_type: row.member_type,
    };
    Ok(store::of_group(conn, &access.group_id, page)?.into_iter().map(item).collect())
}

/// The open requests of a user or group, newest first, at one time by ascending group id; at most 50.
///
/// # Errors
/// What the database says.
pub fn sent_by(conn: &mut Conn, member_id: &str, page: &Page) -> KeyResult<Vec<InviteListItem>> {
    let rows = store::of_member(conn, member_id, page)?;
    Ok(rows.into_iter().map(|(group_id, time)| InviteListItem { group_id, time }).collect())
}

/// The caller holds the group's lock.
fn ask(app: &App, tx: &mut Conn, app_id: &str, group_id: &str, guest: &Guest) -> KeyResult<()> {
    let group = groups::find(tx, app_id, group_id)?;
    guest.hold(tx, Into { app_id, group_id, is_connected: group.is_connected })?;
    if !group.invites_open {
        return Err(ErrorCode::GroupInvitesStopped.into());
    }
    let id = guest.id();
    if members::find(tx, group_id, id)?.is_some() || invites::is_invited(tx, group_id, id)? {
        return Err(ErrorCode::GroupAlreadyMember.into());
    }
    if store::member_type(tx, group_id, id)?.is_none() {
        store::insert(tx, group_id, (id, guest.kind()), app.clock.now_ms())?;
    }
    Ok(())
}

/// Makes a member of somebody who asked; gives the group, and whose keys wrap for the new member.
fn let_in(
    app: &App,
    tx: &mut Conn,
    actor: &Actor,
    member_id: &str,
    asked: Option<i32>,
) -> KeyResult<(GroupAccess, String)> {
    let access = actor.enter(tx)?;
    let rank = rank::of_new_member(access.rank, asked)?;
    let group_id = access.group_id.as_str();
    let kind = if is_id(member_id) { store::member_type(tx, group_id, member_id)? } else { None };
    let guest = Guest::of_row(member_id, kind.ok_or(ErrorCode::GroupJoinRequestNotFound)?);
    let wrapped_by = guest.hold(tx, access.as_target())?;
    // With the request goes an invite that came after it.
    invites::delete_of_member(tx, group_id, member_id)?;
    let member = NewMember { member_id, kind: guest.kind(), rank };
    members::insert(tx, group_id, access.created_ms, &member, app.clock.now_ms())?;
    Ok((access, wrapped_by))
}

/// Removes a request that is there. The caller holds the group's lock.
fn take(tx: &mut Conn, group_id: &str, member_id: &str) -> KeyResult<()> {
    let taken = if is_id(group_id) && is_id(member_id) { store::delete(tx, group_id, member_id)? } else { 0 };
    if taken == 0 { Err(ErrorCode::GroupJoinRequestNotFound.into()) } else { Ok(()) }
}

/// What can be no id names no group, and is not shown to the database.
fn hold_group(tx: &mut Conn, group_id: &str) -> KeyResult<()> {
    if is_id(group_id) { Ok(tx.lock(group_id)?) } else { Ok(()) }
}
