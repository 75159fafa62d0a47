//! Routes of customer groups. Kick and change of rank are the key API's own handlers.

use keystead_protocol::customers::{
    CustomerGroupInput, CustomerGroupListItem, CustomerGroupMembers, CustomerGroupView,
};
use keystead_protocol::envelope::SUCCESS;
use keystead_protocol::groups::{GroupCreateOutput, LightInvite};

use super::rules;
use crate::db::Conn;
use crate::error::{KeyError, KeyResult};
use crate::rooms::customers::apps::rules as apps;
use crate::rooms::groups::http::actor;
use crate::web::call::{Call, Page};

/// `POST /customer/group`
///
/// # Errors
/// 11.
pub async fn create(call: Call, input: CustomerGroupInput) -> KeyResult<GroupCreateOutput> {
    let (app, home, customer) = (call.app.clone(), call.tenant.id.clone(), call.session()?.user_id.clone());
    let group_id = call.write(move |tx| rules::create(&app, tx, &home, &customer, &input)).await?;
    Ok(GroupCreateOutput { group_id })
}

/// `GET /customer/group/all/:time/:id`
///
/// # Errors
/// 13.
pub async fn list(call: Call) -> KeyResult<Vec<CustomerGroupListItem>> {
    let (home, customer, page) = (call.tenant.id.clone(), call.session()?.user_id.clone(), call.page()?);
    call.app.db.read(move |c| rules::list(c, &home, &customer, &page)).await
}

/// `GET /customer/group/:g`
///
/// # Errors
/// 310.
pub async fn get(call: Call) -> KeyResult<CustomerGroupView> {
    let access = call.group()?.clone();
    let read = move |c: &mut Conn| {
        let data = rules::view(c, &access)?;
        Ok::<_, KeyError>(CustomerGroupView { data, apps: apps::of_group(c, &access.group_id, &Page::first())? })
    };
    call.app.db.read_snapshot(read).await
}

/// `GET /customer/group/:g/member/:time/:id`
///
/// # Errors
/// 13, 310.
pub async fn members(call: Call) -> KeyResult<CustomerGroupMembers> {
    let (access, customer, page) = (call.group()?.clone(), call.session()?.user_id.clone(), call.page()?);
    call.app.db.read_snapshot(move |c| rules::list_members(c, &access, &customer, &page)).await
}

/// `PUT /customer/group/:g/update`
///
/// # Errors
/// 11, 301, 310.
pub async fn update(call: Call, input: CustomerGroupInput) -> KeyResult<&'static str> {
    let actor = actor(&call)?;
    call.write(move |tx| rules::update(tx, &actor, &input)).await?;
    Ok(SUCCESS)
}

/// `PUT /customer/group/:g/invite/:user`
///
/// # Errors
/// 100, 301, 302, 310, 317.
pub async fn invite(call: Call, input: LightInvite) -> KeyResult<&'static str> {
    let (app, actor, target) = (call.app.clone(), actor(&call)?, call.param(1)?.to_owned());
    call.write(move |tx| rules::invite(&app, tx, &actor, &target, &input)).await?;
    Ok(SUCCESS)
}

/// `DELETE /customer/group/:g`
///
/// # Errors
/// 203, 301, 310.
pub async fn delete(call: Call) -> KeyResult<&'static str> {
    let actor = actor(&call)?;
    call.write(move |tx| rules::delete(tx, &actor)).await?;
    Ok(SUCCESS)
}
