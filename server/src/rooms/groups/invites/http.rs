//! Routes of invites.

use keystead_protocol::envelope::SUCCESS;
use keystead_protocol::groups::{InviteListItem, InviteOutput, LightInvite, MemberKey, NewMemberKeys};

use super::rules::{self, Entry};
use crate::error::KeyResult;
use crate::rooms::groups::http::actor;
use crate::rooms::groups::validate;
use crate::web::call::Call;

/// `GET /group/invite/:time/:id`
///
/// # Errors
/// 13.
pub async fn list(call: Call) -> KeyResult<Vec<InviteListItem>> {
    let (user_id, page) = (call.session()?.user_id.clone(), call.page()?);
    call.app.db.read(move |c| rules::invites_of(c, &user_id, &page)).await
}

/// `PATCH /group/:g/change_invite`
///
/// # Errors
/// 301.
pub async fn toggle_invites(call: Call) -> KeyResult<&'static str> {
    let actor = actor(&call)?;
    call.app.db.write(move |tx| rules::toggle(tx, &actor)).await?;
    Ok(SUCCESS)
}

/// `PUT /group/:g/invite/:user_id`
///
/// # Errors
/// 100, 301 to 305, 317.
pub async fn invite(call: Call, input: NewMemberKeys) -> KeyResult<InviteOutput> {
    invite_as(call, input, Entry::Invited).await
}

/// `PUT /group/:g/invite/:user_id/light`
///
/// # Errors
/// 100, 301, 302, 317.
pub async fn invite_light(call: Call, input: LightInvite) -> KeyResult<&'static str> {
    invite_light_as(call, input, Entry::Invited).await
}

/// `PUT /group/:g/invite_auto/:user_id`
///
/// # Errors
/// 100, 301 to 305, 317.
pub async fn invite_auto(call: Call, input: NewMemberKeys) -> KeyResult<InviteOutput> {
    invite_as(call, input, Entry::Member).await
}

/// `PUT /group/:g/invite_auto/:user_id/light`
///
/// # Errors
/// 100, 301, 302, 317.
pub async fn invite_auto_light(call: Call, input: LightInvite) -> KeyResult<&'static str> {
    invite_light_as(call, input, Entry::Member).await
}

/// `PUT /group/:g/re_invite/:user_id`
///
/// # Errors
/// 301, 303 to 305, 320.
pub async fn re_invite(call: Call, input: NewMemberKeys) -> KeyResult<InviteOutput> {
    validate::member_keys(&input.keys)?;
    let (app, actor, target) = (call.app.clone(), actor(&call)?, call.param(1)?.to_owned());
    call.app.db.write(move |tx| rules::re_invite(&app, tx, &actor, &target, &input)).await
}

/// `PUT /group/:g/re_invite/:user_id/light`: the member keeps his rank, so the one in the body says nothing.
///
/// # Errors
/// 301, 320.
pub async fn re_invite_light(call: Call, _input: LightInvite) -> KeyResult<&'static str> {
    let (actor, target) = (actor(&call)?, call.param(1)?.to_owned());
    call.app.db.write(move |tx| rules::re_invite_light(tx, &actor, &target)).await?;
    Ok(SUCCESS)
}

/// `PUT /group/:g/invite/session/:session_id` and `PUT /group/:g/join_req/session/:session_id`
///
/// # Errors
/// 301, 303 to 306.
pub async fn upload_keys(call: Call, input: Vec<MemberKey>) -> KeyResult<&'static str> {
    validate::member_keys(&input)?;
    let (app, actor, session_id) = (call.app.clone(), actor(&call)?, call.param(1)?.to_owned());
    call.app.db.write(move |tx| rules::upload_keys(&app, tx, &actor, &session_id, &input)).await?;
    Ok(SUCCESS)
}

/// `PATCH /group/:g/invite`
///
/// # Errors
/// 307.
pub async fn accept(call: Call) -> KeyResult<&'static str> {
    let (app, app_id, group_id) = (call.app.clone(), call.tenant.id.clone(), call.param(0)?.to_owned());
    let user_id = call.session()?.user_id.clone();
    call.app.db.write(move |tx| rules::accept(&app, tx, &app_id, &group_id, &user_id)).await?;
    Ok(SUCCESS)
}

/// `DELETE /group/:g/invite`
///
/// # Errors
/// 307.
pub async fn reject(call: Call) -> KeyResult<&'static str> {
    let (app_id, group_id) = (call.tenant.id.clone(), call.param(0)?.to_owned());
    let user_id = call.session()?.user_id.clone();
    call.app.db.write(move |tx| rules::reject(tx, &app_id, &group_id, &user_id)).await?;
    Ok(SUCCESS)
}

async fn invite_as(call: Call, input: NewMemberKeys, entry: Entry) -> KeyResult<InviteOutput> {
    validate::member_keys(&input.keys)?;
    let (app, actor, target) = (call.app.clone(), actor(&call)?, call.param(1)?.to_owned());
    call.app.db.write(move |tx| rules::invite(&app, tx, &actor, &target, &input, entry)).await
}

async fn invite_light_as(call: Call, input: LightInvite, entry: Entry) -> KeyResult<&'static str> {
    let (app, actor, target) = (call.app.clone(), actor(&call)?, call.param(1)?.to_owned());
    call.app.db.write(move |tx| rules::invite_light(&app, tx, &actor, &target, &input, entry)).await?;
    Ok(SUCCESS)
}
