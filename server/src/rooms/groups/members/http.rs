//! Routes of a group's members.

use keystead_protocol::envelope::SUCCESS;
use keystead_protocol::groups::{ChangeRankInput, GroupUserListItem};

use super::rules;
use crate::error::KeyResult;
use crate::rooms::groups::http::actor;
use crate::web::call::Call;

/// `GET /group/:g/member/:time/:id`
///
/// # Errors
/// 13.
pub async fn list(call: Call) -> KeyResult<Vec<GroupUserListItem>> {
    let (access, page) = (call.group()?.clone(), call.page()?);
    let user_id = call.user_id()?.to_owned();
    call.app.db.read(move |c| rules::list(c, &access, &user_id, &page)).await
}

/// `GET /group/forced/:group_id/user/:user_id`
///
/// # Errors
/// 300, 310.
pub async fn forced_get(call: Call) -> KeyResult<GroupUserListItem> {
    let (app_id, group_id) = (call.tenant.id.clone(), call.param(0)?.to_owned());
    let member_id = call.last_param()?.to_owned();
    call.app.db.read(move |c| rules::one(c, &app_id, &group_id, &member_id)).await
}

/// `DELETE /group/:g/leave`
///
/// # Errors
/// 308.
pub async fn leave(call: Call) -> KeyResult<&'static str> {
    let actor = actor(&call)?;
    call.write(move |tx| rules::leave(tx, &actor)).await?;
    Ok(SUCCESS)
}

/// `DELETE /group/:g/kick/:user_id`, `DELETE /group/forced/:user_id/:group_id/kick/:user_to_kick`
///
/// # Errors
/// 300, 301, 308, 315, 316.
pub async fn kick(call: Call) -> KeyResult<&'static str> {
    let (actor, target) = (actor(&call)?, call.last_param()?.to_owned());
    call.write(move |tx| rules::kick(tx, &actor, &target)).await?;
    Ok(SUCCESS)
}

/// `PUT /group/:g/change_rank`
///
/// # Errors
/// 300, 301, 314.
pub async fn change_rank(call: Call, input: ChangeRankInput) -> KeyResult<&'static str> {
    let actor = actor(&call)?;
    let target = input.changed_user_id.clone();
    call.write_about(&target, move |tx| rules::change_rank(tx, &actor, &input.changed_user_id, input.new_rank)).await?;
    Ok(SUCCESS)
}
