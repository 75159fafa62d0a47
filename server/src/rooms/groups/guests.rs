//! Who can come into a group: a user of the app, or, into a connected group, another group.

use keystead_protocol::ErrorCode;

use super::members::rules::{KIND_GROUP, KIND_USER};
use super::validate::is_id;
use super::{rules, store};
use crate::db::Conn;
use crate::error::KeyResult;
use crate::rooms::keys::rules as users;

/// Somebody who is invited, asks to join, or is a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guest {
    /// A user.
    User(String),
    /// A group: only into connected groups, and none that is connected itself.
    Group(String),
    /// A group that the app's backend puts in, whatever is connected.
    ForcedGroup(String),
}

/// The group that somebody comes into.
#[derive(Debug, Clone, Copy)]
pub(super) struct Into<'a> {
    pub(super) app_id: &'a str,
    pub(super) group_id: &'a str,
    pub(super) is_connected: bool,
}

impl Guest {
    /// User or group id.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::User(id) | Self::Group(id) | Self::ForcedGroup(id) => id,
        }
    }

    /// `member_type` of his rows.
    pub(super) const fn kind(&self) -> i32 {
        match self {
            Self::User(_) => KIND_USER,
            Self::Group(_) | Self::ForcedGroup(_) => KIND_GROUP,
        }
    }

    /// The guest of a row with this `member_type`.
    pub(super) fn of_row(id: &str, kind: i32) -> Self {
        let id = id.to_owned();
        if kind == KIND_GROUP { Self::Group(id) } else { Self::User(id) }
    }

    /// Holds on to the guest until the end of the transaction, so that he cannot be deleted in between. Gives the group
    /// whose public keys wrap keys for him: a user's user group, or the group itself.
    ///
    /// # Errors
    /// 100 no such user; 310 no such group; 319 the group may not come in.
    pub(super) fn hold(&self, tx: &mut Conn, into: Into<'_>) -> KeyResult<String> {
        let id = self.id();
        if let Self::User(_) = self {
            return Ok(hold_user(tx, into.app_id, id)?.ok_or(ErrorCode::UserNotFound)?);
        }
        if is_id(id) {
            rules::hold_tree(tx, id)?;
        }
        let found = rules::find(tx, into.app_id, id)?;
        let rule = into.is_connected && !found.is_connected;
        if id == into.group_id || !(rule || matches!(self, Self::ForcedGroup(_))) {
            return Err(ErrorCode::GroupConnectedRule.into());
        }
        Ok(id.to_owned())
    }
}

/// As [`Guest::hold`] for somebody who is in already, or was invited. `None` when he is gone.
pub(super) fn hold_member(tx: &mut Conn, app_id: &str, member_id: &str) -> KeyResult<Option<String>> {
    if let Some(user_group_id) = hold_user(tx, app_id, member_id)? {
        return Ok(Some(user_group_id));
    }
    rules::hold_tree(tx, member_id)?;
    Ok(store::find(tx, app_id, member_id)?.map(|_group| member_id.to_owned()))
}

fn hold_user(tx: &mut Conn, app_id: &str, user_id: &str) -> KeyResult<Option<String>> {
    if !is_id(user_id) {
        return Ok(None);
    }
    tx.lock(user_id)?;
    users::user_group_of(tx, app_id, user_id)
}
