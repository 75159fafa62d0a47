//! Routes of the group itself and of its keys.

use keystead_protocol::envelope::SUCCESS;
use keystead_protocol::groups::{
    GroupChildListItem, GroupCreateData, GroupCreateOutput, GroupData, GroupKey, GroupLightData, GroupListItem,
    GroupUpdateCheck, GroupUpdateCheckLight,
};
use keystead_protocol::keys::PublicKeyData;

use super::keys::{self as group_keys, Order};
use super::rules::{self, Actor, GroupAccess};
use super::validate;
use crate::app::App;
use crate::db::Conn;
use crate::error::KeyResult;
use crate::rooms::keys::rules as user_rules;
use crate::web::call::Call;

/// `POST /group`
///
/// # Errors
/// 11, 304.
pub async fn create(call: Call, input: GroupCreateData) -> KeyResult<GroupCreateOutput> {
    validate::new_group(&input)?;
    create_with(call, Some(input)).await
}

/// `POST /group/light`
///
/// # Errors
/// None of its own.
pub async fn create_light(call: Call) -> KeyResult<GroupCreateOutput> {
    create_with(call, None).await
}

/// `POST /group/:g/child`
///
/// # Errors
/// 11, 301, 304.
pub async fn create_child(call: Call, input: GroupCreateData) -> KeyResult<GroupCreateOutput> {
    validate::new_group(&input)?;
    create_from(call, Some(input), rules::create_child).await
}

/// `POST /group/:g/child/light`
///
/// # Errors
/// 11, 301.
pub async fn create_child_light(call: Call) -> KeyResult<GroupCreateOutput> {
    create_from(call, None, rules::create_child).await
}

/// `POST /group/:g/connected`
///
/// # Errors
/// 11, 301, 304, 318.
pub async fn create_connected(call: Call, input: GroupCreateData) -> KeyResult<GroupCreateOutput> {
    validate::new_group(&input)?;
    create_from(call, Some(input), rules::create_connected).await
}

/// `POST /group/:g/connected/light`
///
/// # Errors
/// 301, 318.
pub async fn create_connected_light(call: Call) -> KeyResult<GroupCreateOutput> {
    create_from(call, None, rules::create_connected).await
}

/// `GET /group/all/:time/:id`
///
/// # Errors
/// 13.
pub async fn list(call: Call) -> KeyResult<Vec<GroupListItem>> {
    let (app_id, user_id, page) = (call.tenant.id.clone(), call.user_id()?.to_owned(), call.page()?);
    call.app.db.read(move |c| rules::list(c, &app_id, &user_id, &page)).await
}

/// `GET /group/:g/all/:time/:id`: the groups that this group is a member of.
///
/// # Errors
/// 13.
pub async fn list_of_group(call: Call) -> KeyResult<Vec<GroupListItem>> {
    let (access, page) = (call.group()?.clone(), call.page()?);
    call.app.db.read(move |c| rules::list(c, &access.app_id, &access.group_id, &page)).await
}

/// `GET /group/:g/children/:time/:id`
///
/// # Errors
/// 13.
pub async fn children(call: Call) -> KeyResult<Vec<GroupChildListItem>> {
    let (group_id, page) = (call.group()?.group_id.clone(), call.page()?);
    call.app.db.read(move |c| rules::children(c, &group_id, &page)).await
}

/// `GET /group/:g`
///
/// # Errors
/// None of its own.
pub async fn get(call: Call) -> KeyResult<GroupData> {
    let (access, order) = (call.group()?.clone(), key_order(&call)?);
    call.app.db.read_snapshot(move |c| rules::group_data(c, access, order)).await
}

/// `DELETE /group/:g`
///
/// # Errors
/// 301.
pub async fn delete(call: Call) -> KeyResult<&'static str> {
    let actor = actor(&call)?;
    call.write(move |tx| rules::delete(tx, &actor)).await?;
    Ok(SUCCESS)
}

/// `DELETE /group/forced/:group_id`
///
/// # Errors
/// 310.
pub async fn forced_delete(call: Call) -> KeyResult<&'static str> {
    let (app_id, group_id) = (call.tenant.id.clone(), call.last_param()?.to_owned());
    call.write(move |tx| rules::forced_delete(tx, &app_id, &group_id)).await?;
    Ok(SUCCESS)
}

/// `GET /group/:g/light`: the guard has done all the work.
///
/// # Errors
/// None of its own.
pub async fn get_light(call: Call) -> KeyResult<GroupLightData> {
    Ok(rules::light_data(call.group()?))
}

/// `GET /group/:g/public_key`
///
/// # Errors
/// 304.
pub async fn public_key(call: Call) -> KeyResult<PublicKeyData> {
    let (app_id, group_id) = (call.tenant.id.clone(), call.param(0)?.to_owned());
    call.app.db.read(move |c| rules::public_key(c, &app_id, &group_id)).await
}

/// `GET /group/:g/update_check`
///
/// # Errors
/// None of its own.
pub async fn update_check(call: Call) -> KeyResult<GroupUpdateCheck> {
    let access = call.group()?.clone();
    call.app.db.read(move |c| rules::update_check(c, &access)).await
}

/// `GET /group/:g/update_check_light`
///
/// # Errors
/// None of its own.
pub async fn update_check_light(call: Call) -> KeyResult<GroupUpdateCheckLight> {
    Ok(GroupUpdateCheckLight { rank: call.group()?.rank })
}

/// `GET /group/:g/keys/:time/:id`
///
/// # Errors
/// 13.
pub async fn keys(call: Call) -> KeyResult<Vec<GroupKey>> {
    let (order, page) = (key_order(&call)?, call.page()?);
    let GroupAccess { group_id, member_id, .. } = call.group()?.clone();
    call.app.db.read(move |c| group_keys::page(c, &group_id, &member_id, &page, order)).await
}

/// `GET /group/:g/key/:key_id`
///
/// # Errors
/// 304.
pub async fn key(call: Call) -> KeyResult<GroupKey> {
    let key_id = call.param(1)?.to_owned();
    let GroupAccess { group_id, member_id, .. } = call.group()?.clone();
    call.app.db.read(move |c| group_keys::one(c, &group_id, &member_id, &key_id)).await
}

/// The caller in the group of the path.
///
/// # Errors
/// 310 where the guard does not ask for a group: a mistake in the table.
pub fn actor(call: &Call) -> KeyResult<Actor> {
    let access = call.group()?;
    Ok(Actor {
        app_id: access.app_id.clone(),
        group_id: access.group_id.clone(),
        user_id: call.user_id()?.to_owned(),
        via: access.via().map(str::to_owned),
    })
}

/// The group of the path, when the caller may see what is open between it and other groups.
///
/// # Errors
/// 301.
pub(super) fn represented(call: &Call) -> KeyResult<String> {
    let access = call.group()?;
    rules::may_represent(access)?;
    Ok(access.group_id.clone())
}

async fn create_with(call: Call, data: Option<GroupCreateData>) -> KeyResult<GroupCreateOutput> {
    let (app, app_id) = (call.app.clone(), call.tenant.id.clone());
    let user_id = call.user_id()?.to_owned();
    let create = move |tx: &mut _| rules::create(&app, tx, &app_id, &user_id, data.as_ref());
    Ok(GroupCreateOutput { group_id: call.write(create).await? })
}

/// Makes a group from the one in the path.
async fn create_from(
    call: Call,
    data: Option<GroupCreateData>,
    make: fn(&App, &mut Conn, &Actor, Option<&GroupCreateData>) -> KeyResult<String>,
) -> KeyResult<GroupCreateOutput> {
    let (app, actor) = (call.app.clone(), actor(&call)?);
    Ok(GroupCreateOutput { group_id: call.write(move |tx| make(&app, tx, &actor, data.as_ref())).await? })
}

/// Clients of 2022 encrypt with the last key of the list, those of today with the first.
fn key_order(call: &Call) -> KeyResult<Order> {
    Ok(if call.session()?.generation == user_rules::G03 { Order::OldestFirst } else { Order::NewestFirst })
}
