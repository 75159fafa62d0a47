//! What customers may do with their groups. Membership and ranks are those of the key API's groups.

use keystead_protocol::ErrorCode;
use keystead_protocol::customers::{CustomerGroupInput, CustomerGroupListItem, CustomerGroupMembers};
use keystead_protocol::groups::{LightInvite, RANK_ADMIN};

use super::store::{self, GroupText};
use crate::app::App;
use crate::db::Conn;
use crate::error::{KeyError, KeyResult};
use crate::rooms::customers::accounts::rules as accounts;
use crate::rooms::customers::apps::rules as apps;
use crate::rooms::groups::guests::Guest;
use crate::rooms::groups::invites::rules::{self as invites, Entry};
use crate::rooms::groups::members::rules as members;
use crate::rooms::groups::rules::{self as groups, Actor, GroupAccess};
use crate::web::call::Page;

const MAX_NAME: usize = 200;
const MAX_DESCRIPTION: usize = 2_000;

/// Makes a group; its maker is the creator.
///
/// # Errors
/// 11 for a text that is too long.
pub fn create(
    app: &App,
    tx: &mut Conn,
    home: &str,
    customer_id: &str,
    input: &CustomerGroupInput,
) -> KeyResult<String> {
    check(input)?;
    let group_id = groups::create(app, tx, home, customer_id, None)?;
    store::insert(tx, &group_id, input.name.as_deref(), input.des.as_deref())?;
    Ok(group_id)
}

/// Renames a group.
///
/// # Errors
/// 301 below rank 1 (better-than.md 16: the original lets any member do it); 11.
pub fn update(tx: &mut Conn, actor: &Actor, input: &CustomerGroupInput) -> KeyResult<()> {
    check(input)?;
    if actor.enter(tx)?.rank > RANK_ADMIN {
        return Err(ErrorCode::GroupRank.into());
    }
    Ok(store::update(tx, &actor.group_id, input.name.as_deref(), input.des.as_deref())?)
}

/// The groups of a customer.
///
/// # Errors
/// What the database says.
pub fn list(conn: &mut Conn, home: &str, customer_id: &str, page: &Page) -> KeyResult<Vec<CustomerGroupListItem>> {
    let rows = groups::list(conn, home, customer_id, page)?;
    let ids: Vec<String> = rows.iter().map(|r| r.group_id.clone()).collect();
    let mut texts: std::collections::HashMap<_, _> = store::of(conn, &ids)?.into_iter().collect();
    let item = |row: keystead_protocol::groups::GroupListItem| {
        let text = texts.remove(&row.group_id).unwrap_or_default();
        CustomerGroupListItem {
            id: row.group_id,
            time: row.time,
            rank: row.rank,
            group_name: text.name,
            des: text.description,
        }
    };
    Ok(rows.into_iter().map(item).collect())
}

/// One group as its member sees it.
///
/// # Errors
/// What the database says.
pub fn view(conn: &mut Conn, access: &GroupAccess) -> KeyResult<CustomerGroupListItem> {
    let text: GroupText = store::find(conn, &access.group_id)?.unwrap_or_default();
    Ok(CustomerGroupListItem {
        id: access.group_id.clone(),
        time: access.created_ms,
        rank: access.rank,
        group_name: text.name,
        des: text.description,
    })
}

/// The members without the caller, and who they are.
///
/// # Errors
/// What the database says.
pub fn list_members(
    conn: &mut Conn,
    access: &GroupAccess,
    caller: &str,
    page: &Page,
) -> KeyResult<CustomerGroupMembers> {
    let group_member = members::list(conn, access, caller, page)?;
    let ids: Vec<String> = group_member.iter().map(|m| m.user_id.clone()).collect();
    Ok(CustomerGroupMembers { customer_data: accounts::of(conn, &ids)?, group_member })
}

/// Makes another customer a member at once.
///
/// # Errors
/// 100 no such customer; 301, 302, 317 as the key API's groups.
pub fn invite(app: &App, tx: &mut Conn, actor: &Actor, target: &str, input: &LightInvite) -> KeyResult<()> {
    invites::invite_light(app, tx, actor, &Guest::User(target.to_owned()), input, Entry::Member)
}

/// Deletes a group.
///
/// # Errors
/// 301 below rank 1; 203 while it owns apps.
pub fn delete(tx: &mut Conn, actor: &Actor) -> KeyResult<()> {
    let access = actor.enter(tx)?;
    if access.rank > RANK_ADMIN {
        return Err(ErrorCode::GroupRank.into());
    }
    if apps::group_has_apps(tx, &actor.group_id)? {
        return Err(KeyError::with(ErrorCode::AppAction, "the group still owns apps: delete them first"));
    }
    groups::delete(tx, actor)
}

fn check(input: &CustomerGroupInput) -> KeyResult<()> {
    let long = |text: &Option<String>, most: usize| text.as_ref().is_some_and(|t| t.len() > most);
    if long(&input.name, MAX_NAME) {
        return Err(KeyError::input(format_args!("name has at most {MAX_NAME} bytes")));
    }
    if long(&input.des, MAX_DESCRIPTION) {
        return Err(KeyError::input(format_args!("des has at most {MAX_DESCRIPTION} bytes")));
    }
    Ok(())
}
