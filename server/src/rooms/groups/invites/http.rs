//! Routes of invites.

use keystead_protocol::envelope::SUCCESS;
use keystead_protocol::groups::{InviteListItem, InviteOutput, LightInvite, MemberKey, NewMemberKeys};

use super::rules::{self, Entry};
use crate::error::KeyResult;
use crate::rooms::groups::Guest;
use crate::rooms::groups::http::{actor, represented};
use crate::rooms::groups::validate;
use crate::web::call::Call;

/// `GET /group/invite/:time/:id`
///
/// # Errors
/// 13.
pub async fn list(call: Call) -> KeyResult<Vec<InviteListItem>> {
    let (user_id, page) = (call.user_id()?.to_owned(), call.page()?);
    call.app.db.read(move |c| rules::invites_of(c, &user_id, &page)).await
}

/// `GET /group/:g/invite/:time/:id`: invites of the group, for those who may act for it.
///
/// # Errors
/// 13, 301.
pub async fn list_of_group(call: Call) -> KeyResult<Vec<InviteListItem>> {
    let (group_id, page) = (represented(&call)?, call.page()?);
    call.app.db.read(move |c| rules::invites_of(c, &group_id, &page)).await
}

/// `PATCH /group/:g/change_invite`
///
/// # Errors
/// 301.
pub async fn toggle_invites(call: Call) -> KeyResult<&'static str> {
    let actor = actor(&call)?;
    call.write(move |tx| rules::toggle(tx, &actor)).await?;
    Ok(SUCCESS)
}

/// `PUT /group/:g/invite/:user_id`
///
/// # Errors
/// 100, 301 to 305, 317.
pub async fn invite(call: Call, input: NewMemberKeys) -> KeyResult<InviteOutput> {
    invite_as(call, input, Guest::User, Entry::Invited).await
}

/// `PUT /group/:g/invite/:user_id/light`
///
/// # Errors
/// 100, 301, 302, 317.
pub async fn invite_light(call: Call, input: LightInvite) -> KeyResult<&'static str> {
    invite_light_as(call, input, Guest::User, Entry::Invited).await
}

/// `PUT /group/:g/invite_auto/:user_id`
///
/// # Errors
/// 100, 301 to 305, 317.
pub async fn invite_auto(call: Call, input: NewMemberKeys) -> KeyResult<InviteOutput> {
    invite_as(call, input, Guest::User, Entry::Member).await
}

/// `PUT /group/:g/invite_auto/:user_id/light`
///
/// # Errors
/// 100, 301, 302, 317.
pub async fn invite_auto_light(call: Call, input: LightInvite) -> KeyResult<&'static str> {
    invite_light_as(call, input, Guest::User, Entry::Member).await
}

/// `PUT /group/:g/invite_group/:group_id`
///
/// # Errors
/// 301 to 305, 310, 317, 319.
pub async fn invite_group(call: Call, input: NewMemberKeys) -> KeyResult<InviteOutput> {
    invite_as(call, input, Guest::Group, Entry::Invited).await
}

/// `PUT /group/:g/invite_group/:group_id/light`
///
/// # Errors
/// 301, 302, 310, 317, 319.
pub async fn invite_group_light(call: Call, input: LightInvite) -> KeyResult<&'static str> {
    invite_light_as(call, input, Guest::Group, Entry::Invited).await
}

/// `PUT /group/:g/invite_group_auto/:group_id`
///
/// # Errors
/// 301 to 305, 310, 317, 319.
pub async fn invite_group_auto(call: Call, input: NewMemberKeys) -> KeyResult<InviteOutput> {
    invite_as(call, input, Guest::Group, Entry::Member).await
}

/// `PUT /group/:g/invite_group_auto/:group_id/light`
///
/// # Errors
/// 301, 302, 310, 317, 319.
pub async fn invite_group_auto_light(call: Call, input: LightInvite) -> KeyResult<&'static str> {
    invite_light_as(call, input, Guest::Group, Entry::Member).await
}

/// `PUT /group/:g/invite_group_auto_force/:group_id`: neither has to be connected
///
/// # Errors
/// 301 to 305, 310, 317, 319.
pub async fn invite_group_force(call: Call, input: NewMemberKeys) -> KeyResult<InviteOutput> {
    invite_as(call, input, Guest::ForcedGroup, Entry::Member).await
}

/// `PUT /group/:g/invite_group_auto_force/:group_id/light`
///
/// # Errors
/// 301, 302, 310, 317, 319.
pub async fn invite_group_force_light(call: Call, input: LightInvite) -> KeyResult<&'static str> {
    invite_light_as(call, input, Guest::ForcedGroup, Entry::Member).await
}

/// `PUT /group/:g/re_invite/:user_id`
///
/// # Errors
/// 301, 303 to 305, 320.
pub async fn re_invite(call: Call, input: NewMemberKeys) -> KeyResult<InviteOutput> {
    re_invite_as(call, input, Guest::User).await
}

/// `PUT /group/:g/re_invite/:user_id/light`
///
/// # Errors
/// 301, 320.
pub async fn re_invite_light(call: Call, _rank: LightInvite) -> KeyResult<&'static str> {
    re_invite_light_as(call, Guest::User).await
}

/// `PUT /group/:g/re_invite_group/:group_id`
///
/// # Errors
/// 301, 303 to 305, 319, 320.
pub async fn re_invite_group(call: Call, input: NewMemberKeys) -> KeyResult<InviteOutput> {
    re_invite_as(call, input, Guest::Group).await
}

/// `PUT /group/:g/re_invite_group/:group_id/light`
///
/// # Errors
/// 301, 319, 320.
pub async fn re_invite_group_light(call: Call, _rank: LightInvite) -> KeyResult<&'static str> {
    re_invite_light_as(call, Guest::Group).await
}

/// `PUT /group/:g/re_invite_group_force/:group_id`
///
/// # Errors
/// 301, 303 to 305, 320.
pub async fn re_invite_group_force(call: Call, input: NewMemberKeys) -> KeyResult<InviteOutput> {
    re_invite_as(call, input, Guest::ForcedGroup).await
}

/// `PUT /group/:g/re_invite_group_force/:group_id/light`
///
/// # Errors
/// 301, 320.
pub async fn re_invite_group_force_light(call: Call, _rank: LightInvite) -> KeyResult<&'static str> {
    re_invite_light_as(call, Guest::ForcedGroup).await
}

/// `PUT /group/:g/invite/session/:session_id` and `PUT /group/:g/join_req/session/:session_id`
///
/// # Errors
/// 301, 303 to 306.
pub async fn upload_keys(call: Call, input: Vec<MemberKey>) -> KeyResult<&'static str> {
    validate::member_keys(&input)?;
    let (app, actor, session_id) = (call.app.clone(), actor(&call)?, call.last_param()?.to_owned());
    call.write(move |tx| rules::upload_keys(&app, tx, &actor, &session_id, &input)).await?;
    Ok(SUCCESS)
}

/// `PATCH /group/:g/invite`
///
/// # Errors
/// 307.
pub async fn accept(call: Call) -> KeyResult<&'static str> {
    let (app, app_id, group_id) = (call.app.clone(), call.tenant.id.clone(), call.param(0)?.to_owned());
    let user_id = call.user_id()?.to_owned();
    call.write(move |tx| rules::accept(&app, tx, &app_id, &group_id, &user_id)).await?;
    Ok(SUCCESS)
}

/// `DELETE /group/:g/invite`
///
/// # Errors
/// 307.
pub async fn reject(call: Call) -> KeyResult<&'static str> {
    let (app_id, group_id) = (call.tenant.id.clone(), call.param(0)?.to_owned());
    let user_id = call.user_id()?.to_owned();
    call.write(move |tx| rules::reject(tx, &app_id, &group_id, &user_id)).await?;
    Ok(SUCCESS)
}

/// `PATCH /group/:own/invite/:to_join` and `PATCH /group/:own/:to_join/invite`, which is what clients call
/// (better-than.md 12).
///
/// # Errors
/// 301, 307.
pub async fn accept_as_group(call: Call) -> KeyResult<&'static str> {
    let (app, actor, group_id) = (call.app.clone(), actor(&call)?, call.last_param()?.to_owned());
    call.write(move |tx| rules::accept_as_group(&app, tx, &actor, &group_id)).await?;
    Ok(SUCCESS)
}

/// `DELETE /group/:own/invite/:to_join` and `DELETE /group/:own/:to_join/invite`
///
/// # Errors
/// 301, 307.
pub async fn reject_as_group(call: Call) -> KeyResult<&'static str> {
    let (actor, group_id) = (actor(&call)?, call.last_param()?.to_owned());
    call.write(move |tx| rules::reject_as_group(tx, &actor, &group_id)).await?;
    Ok(SUCCESS)
}

/// Makes a guest of the id in the path.
type Kind = fn(String) -> Guest;

async fn invite_as(call: Call, input: NewMemberKeys, kind: Kind, entry: Entry) -> KeyResult<InviteOutput> {
    validate::member_keys(&input.keys)?;
    let (app, actor, guest) = (call.app.clone(), actor(&call)?, kind(call.last_param()?.to_owned()));
    call.write(move |tx| rules::invite(&app, tx, &actor, &guest, &input, entry)).await
}

async fn invite_light_as(call: Call, input: LightInvite, kind: Kind, entry: Entry) -> KeyResult<&'static str> {
    let (app, actor, guest) = (call.app.clone(), actor(&call)?, kind(call.last_param()?.to_owned()));
    call.write(move |tx| rules::invite_light(&app, tx, &actor, &guest, &input, entry)).await?;
    Ok(SUCCESS)
}

async fn re_invite_as(call: Call, input: NewMemberKeys, kind: Kind) -> KeyResult<InviteOutput> {
    validate::member_keys(&input.keys)?;
    let (app, actor, guest) = (call.app.clone(), actor(&call)?, kind(call.last_param()?.to_owned()));
    call.write(move |tx| rules::re_invite(&app, tx, &actor, &guest, &input)).await
}

/// The member keeps his rank, so the one in the body says nothing.
async fn re_invite_light_as(call: Call, kind: Kind) -> KeyResult<&'static str> {
    let (actor, guest) = (actor(&call)?, kind(call.last_param()?.to_owned()));
    call.write(move |tx| rules::re_invite_light(tx, &actor, &guest)).await?;
    Ok(SUCCESS)
}
