//! Access to groups, and the life of a group: create, read, delete.

use keystead_protocol::ErrorCode;
use keystead_protocol::groups::{
    AccessBy, GroupChildListItem, GroupCreateData, GroupData, GroupLightData, GroupListItem, GroupUpdateCheck,
    RANK_CREATOR,
};
use keystead_protocol::keys::PublicKeyData;

use super::guests::Into;
use super::keys::{self, Order};
use super::members::rules::{self as members, NewMember};
use super::rotation::rules as rotation;
use super::store::{self, NewGroup};
use super::validate::is_id;
use super::{invites, rank};
use crate::app::App;
use crate::db::Conn;
use crate::error::{KeyError, KeyResult};
use crate::rooms::keys::rules as user_rules;
use crate::web::call::Page;

/// How a user enters a group: what the guard of group routes finds out.
#[derive(Debug, Clone)]
pub struct GroupAccess {
    /// The group.
    pub group_id: String,
    /// Its app.
    pub app_id: String,
    /// Its parent group.
    pub parent_group_id: Option<String>,
    /// True for a connected group.
    pub is_connected: bool,
    /// Creation of the group, milliseconds.
    pub created_ms: i64,
    /// The user's rank.
    pub rank: i32,
    /// When he joined, milliseconds.
    pub joined_ms: i64,
    /// By what he enters.
    pub access_by: AccessBy,
    /// The id for which keys are wrapped: his user id; the parent group, when he is in by it; or the group that is a member.
    pub member_id: String,
}

impl GroupAccess {
    /// The group as one that somebody comes into.
    pub(super) fn as_target(&self) -> Into<'_> {
        Into { app_id: &self.app_id, group_id: &self.group_id, is_connected: self.is_connected }
    }

    /// The group that is a member and by which he enters.
    #[must_use]
    pub fn via(&self) -> Option<&str> {
        match &self.access_by {
            AccessBy::User | AccessBy::Parent(_) => None,
            AccessBy::GroupAsUser(id) | AccessBy::GroupAsUserAsParent { group_as_user: id, .. } => Some(id),
        }
    }
}

/// Who acts in which group. Rules look up his access themselves, inside their transaction.
#[derive(Debug, Clone)]
pub struct Actor {
    /// The app.
    pub app_id: String,
    /// The group.
    pub group_id: String,
    /// The user.
    pub user_id: String,
    /// The group by which he enters, see [`GroupAccess::via`].
    pub via: Option<String>,
}

impl Actor {
    /// Takes the group's lock until the end of the transaction and reads the access again, so that what a rule decides
    /// by is still so when it writes.
    ///
    /// # Errors
    /// 310 without access.
    pub fn enter(&self, tx: &mut Conn) -> KeyResult<GroupAccess> {
        tx.lock(&self.group_id)?;
        access(tx, &self.app_id, &self.group_id, &self.user_id, self.via.as_deref())
    }

    /// As [`Actor::enter`], for what concerns the group as a member of others: see `hold_tree`.
    ///
    /// # Errors
    /// 310 without access.
    pub fn enter_with_tree(&self, tx: &mut Conn) -> KeyResult<GroupAccess> {
        hold_tree(tx, &self.group_id)?;
        self.enter(tx)
    }

    /// Acts for the group as a member of others. The lock of the other group comes first.
    ///
    /// # Errors
    /// 310 without access, 301 below rank 1.
    pub fn represent(&self, tx: &mut Conn) -> KeyResult<GroupAccess> {
        let access = self.enter_with_tree(tx)?;
        rank::may_represent(access.rank)?;
        Ok(access)
    }
}

/// The user's access to a group: as its member, as a member of the nearest of its parents, or through the group `via`
/// which he is in and which is a member of the group or of one of its parents. One statement, two with `via`.
///
/// `via` wins where it opens the group: the client holds that group's keys. Otherwise it says nothing.
///
/// # Errors
/// 310 without access: no such group, a group of another app, a user group, or no member.
pub fn access(
    conn: &mut Conn,
    app_id: &str,
    group_id: &str,
    user_id: &str,
    via: Option<&str>,
) -> KeyResult<GroupAccess> {
    if !is_id(group_id) {
        return Err(ErrorCode::GroupAccess.into());
    }
    if let Some(via) = via.filter(|id| is_id(id))
        && let Some(entry) = store::entry(conn, app_id, group_id, via)?
        && let Some(own) = store::entry(conn, app_id, via, user_id)?
    {
        let rank = rank::through(own.rank, entry.rank);
        return Ok(to_access(app_id, group_id, (via, true), store::EntryRow { rank, ..entry }));
    }
    let entry = store::entry(conn, app_id, group_id, user_id)?.ok_or(ErrorCode::GroupAccess)?;
    Ok(to_access(app_id, group_id, (user_id, false), entry))
}

/// Keys are always wrapped for the direct parent, however far above it the membership is; so that is what a client has
/// to open first, and what `access_by` names.
fn to_access(app_id: &str, group_id: &str, (member, is_group): (&str, bool), entry: store::EntryRow) -> GroupAccess {
    let parent = entry.parent_id.clone().filter(|_| entry.levels_up > 0);
    let member_id = parent.clone().unwrap_or_else(|| member.to_owned());
    let access_by = match (parent, is_group) {
        (None, false) => AccessBy::User,
        (Some(parent), false) => AccessBy::Parent(parent),
        (None, true) => AccessBy::GroupAsUser(member.to_owned()),
        (Some(parent), true) => AccessBy::GroupAsUserAsParent { parent, group_as_user: member.to_owned() },
    };
    GroupAccess {
        group_id: group_id.to_owned(),
        app_id: app_id.to_owned(),
        parent_group_id: entry.parent_id,
        is_connected: entry.is_connected,
        created_ms: entry.created_ms,
        rank: entry.rank,
        joined_ms: entry.joined_ms,
        access_by,
        member_id,
    }
}

/// Makes a group; its creator is the first member. `data` has passed [`super::validate::new_group`]; a light group has none.
///
/// # Errors
/// 100 when the user is gone, 304 when `creator_public_key_id` is none of his keys.
pub fn create(
    app: &App,
    tx: &mut Conn,
    app_id: &str,
    user_id: &str,
    data: Option<&GroupCreateData>,
) -> KeyResult<String> {
    // An account that is being deleted must not get a group that nobody can enter.
    tx.lock(user_id)?;
    let user_group_id = user_rules::user_group_of(tx, app_id, user_id)?.ok_or(ErrorCode::UserNotFound)?;
    let (id, now_ms) = (app.row_id(), app.clock.now_ms());
    store::insert(tx, &NewGroup::of_people(&id, app_id, now_ms))?;
    let creator = NewMember { member_id: user_id, kind: members::KIND_USER, rank: RANK_CREATOR };
    members::insert(tx, &id, now_ms, &creator, now_ms)?;
    insert_keys(app, tx, (&id, now_ms), user_id, &user_group_id, data)?;
    Ok(id)
}

/// Makes a child group: who is in the parent, is in it too, with the same rank. It has no members of its own; its key is
/// wrapped for the parent. A child of a connected group is connected. `data` as for [`create`].
///
/// # Errors
/// 301 below rank 1; 304 when `creator_public_key_id` is no key of the parent; 11 too many levels.
pub fn create_child(app: &App, tx: &mut Conn, actor: &Actor, data: Option<&GroupCreateData>) -> KeyResult<String> {
    let parent = actor.enter(tx)?;
    rank::may_administer(parent.rank)?;
    let (_top, levels_up) = store::top(tx, &parent.group_id)?.ok_or(ErrorCode::GroupAccess)?;
    if levels_up + 1 >= store::MAX_LEVELS {
        return Err(KeyError::input(format_args!("child groups go down {} levels", store::MAX_LEVELS)));
    }
    let (id, now_ms) = (app.row_id(), app.clock.now_ms());
    let new = NewGroup::of_people(&id, &parent.app_id, now_ms);
    let parent_id = Some(parent.group_id.as_str());
    store::insert(tx, &NewGroup { parent_id, is_connected: parent.is_connected, ..new })?;
    insert_keys(app, tx, (&id, now_ms), &parent.group_id, &parent.group_id, data)?;
    Ok(id)
}

/// Makes a connected group: the group of the actor is its creator and first member. `data` as for [`create`].
///
/// # Errors
/// 301 below rank 1; 318 the actor's group is connected itself; 304 when `creator_public_key_id` is none of its keys.
pub fn create_connected(app: &App, tx: &mut Conn, actor: &Actor, data: Option<&GroupCreateData>) -> KeyResult<String> {
    let own = actor.enter_with_tree(tx)?;
    rank::may_administer(own.rank)?;
    if own.is_connected {
        return Err(ErrorCode::GroupConnectedFromConnected.into());
    }
    let (id, now_ms) = (app.row_id(), app.clock.now_ms());
    let new = NewGroup::of_people(&id, &own.app_id, now_ms);
    store::insert(tx, &NewGroup { is_connected: true, ..new })?;
    let creator = NewMember { member_id: &own.group_id, kind: members::KIND_GROUP, rank: RANK_CREATOR };
    members::insert(tx, &id, now_ms, &creator, now_ms)?;
    insert_keys(app, tx, (&id, now_ms), &own.group_id, &own.group_id, data)?;
    Ok(id)
}

/// Makes the user group of a registration: kind 1, the first device is its member and the key wraps are for the device's
/// own key, whatever `creator_public_key_id` says. `data` has passed [`super::validate::new_user_group`]; a light user has
/// none.
///
/// # Errors
/// What the database says.
pub fn create_user_group(
    app: &App,
    tx: &mut Conn,
    app_id: &str,
    group_id: &str,
    device_id: &str,
    data: Option<&GroupCreateData>,
) -> KeyResult<()> {
    let now_ms = app.clock.now_ms();
    let new = NewGroup::of_people(group_id, app_id, now_ms);
    store::insert(tx, &NewGroup { kind: store::KIND_USER_GROUP, ..new })?;
    let device = NewMember { member_id: device_id, kind: members::KIND_DEVICE, rank: RANK_CREATOR };
    members::insert(tx, group_id, now_ms, &device, now_ms)?;
    match data {
        Some(data) => keys::rules::insert_first(app, tx, group_id, device_id, device_id, data, now_ms),
        None => Ok(()),
    }
}

/// What a member needs to open a group: its data and the first page of keys.
///
/// # Errors
/// What the database says.
pub fn group_data(conn: &mut Conn, access: GroupAccess, order: Order) -> KeyResult<GroupData> {
    let page = keys::page(conn, &access.group_id, &access.member_id, &Page::first(), order)?;
    let (hmac_keys, sortable_keys) = keys::search_keys(conn, &access.group_id)?;
    let key_update = rotation::is_waiting(conn, &access.group_id, &access.member_id)?;
    Ok(GroupData {
        keys: page,
        hmac_keys,
        sortable_keys,
        key_update,
        group_id: access.group_id,
        parent_group_id: access.parent_group_id,
        rank: access.rank,
        created_time: access.created_ms,
        joined_time: access.joined_ms,
        access_by: access.access_by,
        is_connected_group: access.is_connected,
    })
}

/// The access itself, as customer backends ask for it.
#[must_use]
pub fn light_data(access: &GroupAccess) -> GroupLightData {
    GroupLightData {
        group_id: access.group_id.clone(),
        parent_group_id: access.parent_group_id.clone(),
        rank: access.rank,
        created_time: access.created_ms,
        joined_time: access.joined_ms,
        access_by: access.access_by.clone(),
        is_connected_group: access.is_connected,
    }
}

/// Says whether the caller may act for the group, as far as can be said without holding on to it.
///
/// # Errors
/// 301.
pub fn may_represent(access: &GroupAccess) -> KeyResult<()> {
    Ok(rank::may_represent(access.rank)?)
}

/// Rank, and whether new keys wait.
///
/// # Errors
/// What the database says.
pub fn update_check(conn: &mut Conn, access: &GroupAccess) -> KeyResult<GroupUpdateCheck> {
    let key_update = rotation::is_waiting(conn, &access.group_id, &access.member_id)?;
    Ok(GroupUpdateCheck { key_update, rank: access.rank })
}

/// The groups of a user, or those that a group is a member of, ascending by creation.
///
/// # Errors
/// What the database says.
pub fn list(conn: &mut Conn, app_id: &str, member_id: &str, page: &Page) -> KeyResult<Vec<GroupListItem>> {
    let rows = store::of_member(conn, app_id, member_id, page)?;
    let item = |row: store::ListRow| GroupListItem {
        group_id: row.group_id,
        time: row.created_ms,
        joined_time: row.joined_ms,
        rank: row.rank,
        parent: row.parent_id,
    };
    Ok(rows.into_iter().map(item).collect())
}

/// The child groups of a group, ascending by creation.
///
/// # Errors
/// What the database says.
pub fn children(conn: &mut Conn, group_id: &str, page: &Page) -> KeyResult<Vec<GroupChildListItem>> {
    let rows = store::children(conn, group_id, page)?;
    let item = |(id, time)| GroupChildListItem { group_id: id, time, parent: Some(group_id.to_owned()) };
    Ok(rows.into_iter().map(item).collect())
}

/// The newest public key of a group, for everybody in the app. User groups are read as users.
///
/// # Errors
/// 304 when there is no such group, or it has no keys.
pub fn public_key(conn: &mut Conn, app_id: &str, group_id: &str) -> KeyResult<PublicKeyData> {
    let found = is_id(group_id) && store::find(conn, app_id, group_id)?.is_some();
    let key = if found { keys::newest_public_key(conn, group_id)? } else { None };
    Ok(key.ok_or(ErrorCode::GroupKeyNotFound)?)
}

/// Deletes the group for everybody, with its child groups.
///
/// # Errors
/// 301 below rank 1.
pub fn delete(tx: &mut Conn, actor: &Actor) -> KeyResult<()> {
    rank::may_administer(actor.enter_with_tree(tx)?.rank)?;
    delete_group(tx, &actor.group_id)
}

/// Deletes a group as the app's backend.
///
/// # Errors
/// 310 when the app has no such group.
pub fn forced_delete(tx: &mut Conn, app_id: &str, group_id: &str) -> KeyResult<()> {
    find(tx, app_id, group_id)?;
    delete_group(tx, group_id)
}

/// Removes a group of any kind with everything in it and all child groups, their memberships in other groups and what was
/// to become one. Who may do that, the caller has decided.
///
/// # Errors
/// What the database says.
pub fn delete_group(tx: &mut Conn, group_id: &str) -> KeyResult<()> {
    hold_tree(tx, group_id)?;
    tx.lock(group_id)?;
    let tree = store::tree(tx, group_id)?;
    store::delete(tx, group_id)?;
    forget(tx, &tree)
}

/// The groups of a user where nobody else has rank 0 or 1.
///
/// # Errors
/// What the database says.
pub fn administered_alone(conn: &mut Conn, app_id: &str, user_id: &str) -> KeyResult<Vec<String>> {
    let mut alone = Vec::new();
    for group_id in store::administered(conn, app_id, user_id)? {
        if !members::another_administers(conn, &group_id, user_id)? {
            alone.push(group_id);
        }
    }
    Ok(alone)
}

/// Removes all groups of an app, those of its users too.
///
/// # Errors
/// What the database says.
pub fn delete_all(tx: &mut Conn, app_id: &str) -> KeyResult<()> {
    Ok(store::delete_all(tx, app_id)?)
}

/// Removes a member who is gone for good from everywhere: memberships, wrapped keys, invites, upload sessions. What that leaves
/// deserted, [`super::forget_user`] takes away.
///
/// # Errors
/// What the database says.
pub(super) fn forget_member(tx: &mut Conn, member_id: &str) -> KeyResult<()> {
    // Waits for invites that have just seen him.
    tx.lock(member_id)?;
    forget(tx, &[member_id.to_owned()])
}

/// Holds on to a group with its parents and children until the end of the transaction. A group becomes a member of another
/// one, or is deleted, only under this lock; so no membership of a deleted child stays behind. Taken before the group's own.
///
/// # Errors
/// What the database says.
pub(in crate::rooms::groups) fn hold_tree(tx: &mut Conn, group_id: &str) -> KeyResult<()> {
    match store::top(tx, group_id)? {
        Some((top, _level)) => Ok(tx.lock(&top)?),
        None => Ok(()),
    }
}

/// A group of the app that people made.
///
/// # Errors
/// 310 when there is none.
pub(in crate::rooms::groups) fn find(conn: &mut Conn, app_id: &str, group_id: &str) -> KeyResult<store::GroupRow> {
    let found = if is_id(group_id) { store::find(conn, app_id, group_id)? } else { None };
    Ok(found.ok_or(ErrorCode::GroupAccess)?)
}

fn forget(tx: &mut Conn, member_ids: &[String]) -> KeyResult<()> {
    /// Parameters of one statement.
    const AT_ONCE: usize = 500;
    for ids in member_ids.chunks(AT_ONCE) {
        invites::rules::forget_members(tx, ids)?;
        keys::rules::delete_everywhere(tx, ids)?;
        members::forget_members(tx, ids)?;
    }
    Ok(())
}

/// The keys of a new group, wrapped for its first member by a key of the group `wrapped_by`; none for a light group.
fn insert_keys(
    app: &App,
    tx: &mut Conn,
    (group_id, now_ms): (&str, i64),
    member_id: &str,
    wrapped_by: &str,
    data: Option<&GroupCreateData>,
) -> KeyResult<()> {
    let Some(data) = data else { return Ok(()) };
    let key_id = data.creator_public_key_id.as_str();
    keys::rules::known(tx, wrapped_by, std::iter::once(key_id))?;
    keys::rules::insert_first(app, tx, group_id, member_id, key_id, &without_sign_keys(data), now_ms)
}

/// Only user groups have a sign key pair.
fn without_sign_keys(data: &GroupCreateData) -> GroupCreateData {
    GroupCreateData {
        encrypted_sign_key: None,
        verify_key: None,
        keypair_sign_alg: None,
        public_key_sig: None,
        ..data.clone()
    }
}
