//! Routes of join requests. Where a group asks, the first path value is that group and the last one whom it asks.

use keystead_protocol::envelope::SUCCESS;
use keystead_protocol::groups::{InviteListItem, InviteOutput, JoinRequestListItem, LightInvite, NewMemberKeys};

use super::rules;
use crate::error::KeyResult;
use crate::rooms::groups::http::{actor, represented};
use crate::rooms::groups::validate;
use crate::web::call::Call;

/// `PATCH /group/:g/join_req`
///
/// # Errors
/// 302, 310, 317.
pub async fn request(call: Call) -> KeyResult<&'static str> {
    let (app, app_id, group_id) = (call.app.clone(), call.tenant.id.clone(), call.param(0)?.to_owned());
    let user_id = call.user_id()?.to_owned();
    call.write(move |tx| rules::request(&app, tx, &app_id, &group_id, &user_id)).await?;
    Ok(SUCCESS)
}

/// `PATCH /group/:g/join_req/:to_join`
///
/// # Errors
/// 301, 302, 310, 317, 319.
pub async fn request_as_group(call: Call) -> KeyResult<&'static str> {
    let (app, actor, group_id) = (call.app.clone(), actor(&call)?, call.last_param()?.to_owned());
    call.write(move |tx| rules::request_as_group(&app, tx, &actor, &group_id)).await?;
    Ok(SUCCESS)
}

/// `GET /group/joins/:time/:id`
///
/// # Errors
/// 13.
pub async fn sent(call: Call) -> KeyResult<Vec<InviteListItem>> {
    let (user_id, page) = (call.user_id()?.to_owned(), call.page()?);
    call.app.db.read(move |c| rules::sent_by(c, &user_id, &page)).await
}

/// `GET /group/:g/joins/:time/:id`
///
/// # Errors
/// 13, 301.
pub async fn sent_by_group(call: Call) -> KeyResult<Vec<InviteListItem>> {
    let (group_id, page) = (represented(&call)?, call.page()?);
    call.app.db.read(move |c| rules::sent_by(c, &group_id, &page)).await
}

/// `DELETE /group/joins/:group_id`
///
/// # Errors
/// 309.
pub async fn withdraw(call: Call) -> KeyResult<&'static str> {
    let (group_id, user_id) = (call.last_param()?.to_owned(), call.user_id()?.to_owned());
    call.write(move |tx| rules::withdraw(tx, &group_id, &user_id)).await?;
    Ok(SUCCESS)
}

/// `DELETE /group/:g/joins/:group_id`
///
/// # Errors
/// 301, 309.
pub async fn withdraw_as_group(call: Call) -> KeyResult<&'static str> {
    let (actor, group_id) = (actor(&call)?, call.last_param()?.to_owned());
    call.write(move |tx| rules::withdraw_as_group(tx, &actor, &group_id)).await?;
    Ok(SUCCESS)
}

/// `GET /group/:g/join_req/:time/:id`
///
/// # Errors
/// 13, 301.
pub async fn list(call: Call) -> KeyResult<Vec<JoinRequestListItem>> {
    let (access, page) = (call.group()?.clone(), call.page()?);
    call.app.db.read(move |c| rules::list(c, &access, &page)).await
}

/// `PUT /group/:g/join_req/:user_id`; also for a group that asked.
///
/// # Errors
/// 301, 303 to 305, 309.
pub async fn accept(call: Call, input: NewMemberKeys) -> KeyResult<InviteOutput> {
    validate::member_keys(&input.keys)?;
    let (app, actor, member_id) = (call.app.clone(), actor(&call)?, call.last_param()?.to_owned());
    call.write(move |tx| rules::accept(&app, tx, &actor, &member_id, &input)).await
}

/// `PUT /group/:g/join_req/:user_id/light`
///
/// # Errors
/// 301, 309.
pub async fn accept_light(call: Call, input: LightInvite) -> KeyResult<&'static str> {
    let (app, actor, member_id) = (call.app.clone(), actor(&call)?, call.last_param()?.to_owned());
    call.write(move |tx| rules::accept_light(&app, tx, &actor, &member_id, &input)).await?;
    Ok(SUCCESS)
}

/// `DELETE /group/:g/join_req/:user_id`
///
/// # Errors
/// 301, 309.
pub async fn reject(call: Call) -> KeyResult<&'static str> {
    let (actor, member_id) = (actor(&call)?, call.last_param()?.to_owned());
    call.write(move |tx| rules::reject(tx, &actor, &member_id)).await?;
    Ok(SUCCESS)
}
