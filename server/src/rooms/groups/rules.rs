//! Access to groups, and the life of a group: create, read, delete.

use keystead_protocol::ErrorCode;
use keystead_protocol::groups::{
    AccessBy, GroupCreateData, GroupData, GroupLightData, GroupListItem, GroupUpdateCheck, RANK_CREATOR,
};
use keystead_protocol::keys::PublicKeyData;

use super::keys::{self, Order};
use super::members::rules::{self as members, NewMember};
use super::store::{self, NewGroup};
use super::validate::is_id;
use super::{invites, rank};
use crate::app::App;
use crate::db::Conn;
use crate::error::KeyResult;
use crate::rooms::keys::rules as user_rules;
use crate::web::call::Page;

/// Group keys cannot be rotated yet, so a new one never waits for a member.
const KEY_UPDATE: bool = false;

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
    /// The id for which keys are wrapped: his user id, as a direct member.
    pub member_id: String,
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
}

impl Actor {
    /// Takes the group's lock until the end of the transaction and reads the access again, so that what a rule decides
    /// by is still so when it writes.
    ///
    /// # Errors
    /// 310 without access.
    pub fn enter(&self, tx: &mut Conn) -> KeyResult<GroupAccess> {
        tx.lock(&self.group_id)?;
        access(tx, &self.app_id, &self.group_id, &self.user_id, None)
    }
}

/// The user's access to a group. One statement: this answers `GET /group/:g/light` and guards every group route.
///
/// `via` is the group that he wants to enter through; direct membership needs none.
///
/// # Errors
/// 310 without access: no such group, a group of another app, a user group, or no member.
pub fn access(
    conn: &mut Conn,
    app_id: &str,
    group_id: &str,
    user_id: &str,
    _via: Option<&str>,
) -> KeyResult<GroupAccess> {
    if !is_id(group_id) {
        return Err(ErrorCode::GroupAccess.into());
    }
    let row = store::access(conn, app_id, group_id, user_id)?.ok_or(ErrorCode::GroupAccess)?;
    Ok(GroupAccess {
        group_id: group_id.to_owned(),
        app_id: app_id.to_owned(),
        parent_group_id: row.parent_id,
        is_connected: row.is_connected,
        created_ms: row.created_ms,
        rank: row.rank,
        joined_ms: row.joined_ms,
        access_by: AccessBy::User,
        member_id: user_id.to_owned(),
    })
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
    let (id, now_ms) = (app.new_id(), app.clock.now_ms());
    let kind = store::KIND_GROUP;
    store::insert(tx, &NewGroup { id: &id, app_id, kind, created_ms: now_ms })?;
    let creator = NewMember { member_id: user_id, kind: members::KIND_USER, rank: RANK_CREATOR };
    members::insert(tx, &id, now_ms, &creator, now_ms)?;
    if let Some(data) = data {
        let wrapped_by = data.creator_public_key_id.as_str();
        keys::rules::known(tx, &user_group_id, std::iter::once(wrapped_by))?;
        let data = without_sign_keys(data);
        keys::rules::insert_first(app, tx, &id, user_id, wrapped_by, &data, now_ms)?;
    }
    Ok(id)
}

/// Makes the user group of a registration: kind 1, the first device is its member and the key wraps are for the device's
/// own key, whatever `creator_public_key_id` says. `data` has passed [`super::validate::new_user_group`].
///
/// # Errors
/// What the database says.
pub fn create_user_group(
    app: &App,
    tx: &mut Conn,
    app_id: &str,
    group_id: &str,
    device_id: &str,
    data: &GroupCreateData,
) -> KeyResult<()> {
    let now_ms = app.clock.now_ms();
    let kind = store::KIND_USER_GROUP;
    store::insert(tx, &NewGroup { id: group_id, app_id, kind, created_ms: now_ms })?;
    let device = NewMember { member_id: device_id, kind: members::KIND_DEVICE, rank: RANK_CREATOR };
    members::insert(tx, group_id, now_ms, &device, now_ms)?;
    keys::rules::insert_first(app, tx, group_id, device_id, device_id, data, now_ms)
}

/// What a member needs to open a group: its data and the first page of keys.
///
/// # Errors
/// What the database says.
pub fn group_data(conn: &mut Conn, access: GroupAccess, order: Order) -> KeyResult<GroupData> {
    let page = keys::page(conn, &access.group_id, &access.member_id, &Page::first(), order)?;
    let (hmac_keys, sortable_keys) = keys::search_keys(conn, &access.group_id)?;
    Ok(GroupData {
        keys: page,
        hmac_keys,
        sortable_keys,
        key_update: KEY_UPDATE,
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
pub fn light_data(access: GroupAccess) -> GroupLightData {
    GroupLightData {
        group_id: access.group_id,
        parent_group_id: access.parent_group_id,
        rank: access.rank,
        created_time: access.created_ms,
        joined_time: access.joined_ms,
        access_by: access.access_by,
        is_connected_group: access.is_connected,
    }
}

/// Rank, and whether new keys wait.
#[must_use]
pub fn update_check(access: &GroupAccess) -> GroupUpdateCheck {
    GroupUpdateCheck { key_update: KEY_UPDATE, rank: access.rank }
}

/// The groups of a user, ascending by creation.
///
/// # Errors
/// What the database says.
pub fn list(conn: &mut Conn, app_id: &str, user_id: &str, page: &Page) -> KeyResult<Vec<GroupListItem>> {
    let rows = store::of_member(conn, app_id, user_id, page)?;
    let item = |row: store::ListRow| GroupListItem {
        group_id: row.group_id,
        time: row.created_ms,
        joined_time: row.joined_ms,
        rank: row.rank,
        parent: row.parent_id,
    };
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
    rank::may_administer(actor.enter(tx)?.rank)?;
    delete_group(tx, &actor.group_id)
}

/// Removes a group of any kind with everything in it and all child groups. Who may do that, the caller has decided.
///
/// # Errors
/// What the database says.
pub fn delete_group(tx: &mut Conn, group_id: &str) -> KeyResult<()> {
    tx.lock(group_id)?;
    Ok(store::delete(tx, group_id)?)
}

/// Removes a member who is gone for good from everywhere: memberships, wrapped keys, invites, upload sessions.
///
/// # Errors
/// What the database says.
pub fn forget_member(tx: &mut Conn, member_id: &str) -> KeyResult<()> {
    // Waits for invites that have just seen him.
    tx.lock(member_id)?;
    invites::rules::forget_member(tx, member_id)?;
    keys::rules::delete_everywhere(tx, member_id)?;
    members::forget_member(tx, member_id)
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
