//! Routes of the group itself and of its keys.

use keystead_protocol::envelope::SUCCESS;
use keystead_protocol::groups::{
    GroupCreateData, GroupCreateOutput, GroupData, GroupKey, GroupLightData, GroupListItem, GroupUpdateCheck,
    GroupUpdateCheckLight,
};
use keystead_protocol::keys::PublicKeyData;

use super::keys::{self as group_keys, Order};
use super::rules::{self, Actor, GroupAccess};
use super::validate;
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

/// `GET /group/all/:time/:id`
///
/// # Errors
/// 13.
pub async fn list(call: Call) -> KeyResult<Vec<GroupListItem>> {
    let (app_id, user_id, page) = (call.tenant.id.clone(), call.session()?.user_id.clone(), call.page()?);
    call.app.db.read(move |c| rules::list(c, &app_id, &user_id, &page)).await
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
    call.app.db.write(move |tx| rules::delete(tx, &actor)).await?;
    Ok(SUCCESS)
}

/// `GET /group/:g/light`: the guard has done all the work.
///
/// # Errors
/// None of its own.
pub async fn get_light(call: Call) -> KeyResult<GroupLightData> {
    Ok(rules::light_data(call.group()?.clone()))
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
    Ok(rules::update_check(call.group()?))
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
pub(super) fn actor(call: &Call) -> KeyResult<Actor> {
    let access = call.group()?;
    Ok(Actor {
        app_id: access.app_id.clone(),
        group_id: access.group_id.clone(),
        user_id: call.session()?.user_id.clone(),
    })
}

async fn create_with(call: Call, data: Option<GroupCreateData>) -> KeyResult<GroupCreateOutput> {
    let (app, app_id) = (call.app.clone(), call.tenant.id.clone());
    let user_id = call.session()?.user_id.clone();
    let create = move |tx: &mut _| rules::create(&app, tx, &app_id, &user_id, data.as_ref());
    Ok(GroupCreateOutput { group_id: call.app.db.write(create).await? })
}

/// Clients of 2022 encrypt with the last key of the list, those of today with the first.
fn key_order(call: &Call) -> KeyResult<Order> {
    Ok(if call.session()?.generation == user_rules::G03 { Order::OldestFirst } else { Order::NewestFirst })
}
