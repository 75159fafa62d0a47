//! Routes of key rotation: of a group's key and of the user's own keys.

use keystead_protocol::envelope::SUCCESS;
use keystead_protocol::rotation::{DoneKeyRotationData, KeyRotationData, KeyRotationInput, KeyRotationOutput};

use super::rules;
use crate::error::KeyResult;
use crate::rooms::groups::http::actor;
use crate::rooms::groups::rules::GroupAccess;
use crate::rooms::groups::validate;
use crate::rooms::keys::rules as user_rules;
use crate::web::call::Call;

/// `POST /group/:g/key_rotation`: answers when the new key is stored; the members are served afterwards.
///
/// # Errors
/// 11, 301, 304, 321.
pub async fn start(call: Call, input: KeyRotationData) -> KeyResult<KeyRotationOutput> {
    validate::rotation(&input)?;
    let (app, actor, tenant) = (call.app.clone(), actor(&call)?, call.tenant.clone());
    let started = call.write(move |tx| rules::start(&app, tx, &actor, &tenant.group_options, &input)).await?;
    call.app.rotations.wake();
    Ok(started)
}

/// `GET /group/:g/key_rotation`
///
/// # Errors
/// None of its own.
pub async fn waiting(call: Call) -> KeyResult<Vec<KeyRotationInput>> {
    let with_errors = knows_errors(&call)?;
    let GroupAccess { group_id, member_id, .. } = call.group()?.clone();
    call.app.db.read(move |c| rules::waiting(c, &group_id, &member_id, with_errors)).await
}

/// `PUT /group/:g/key_rotation/:key_id`
///
/// # Errors
/// 11, 304, 311.
pub async fn finish(call: Call, input: DoneKeyRotationData) -> KeyResult<&'static str> {
    validate::done_rotation(&input)?;
    let (actor, key_id) = (actor(&call)?, call.param(1)?.to_owned());
    call.write(move |tx| rules::finish(tx, &actor, &key_id, &input)).await?;
    Ok(SUCCESS)
}

/// `POST /user/user_keys/rotation`
///
/// # Errors
/// 11, 117, 304, 321.
pub async fn start_user(call: Call, input: KeyRotationData) -> KeyResult<KeyRotationOutput> {
    validate::user_rotation(&input)?;
    let (app, session, tenant) = (call.app.clone(), call.session()?.clone(), call.tenant.clone());
    let started = call.write(move |tx| rules::start_user(&app, tx, &session, &tenant.group_options, &input)).await?;
    call.app.rotations.wake();
    Ok(started)
}

/// `GET /user/user_keys/rotation`
///
/// # Errors
/// None of its own.
pub async fn waiting_user(call: Call) -> KeyResult<Vec<KeyRotationInput>> {
    let (session, with_errors) = (call.session()?.clone(), knows_errors(&call)?);
    call.app.db.read(move |c| rules::waiting(c, &session.user_group_id, &session.device_id, with_errors)).await
}

/// `PUT /user/user_keys/rotation/:key_id`
///
/// # Errors
/// 11, 100, 311.
pub async fn finish_user(call: Call, input: DoneKeyRotationData) -> KeyResult<&'static str> {
    validate::done_rotation(&input)?;
    let (session, key_id) = (call.session()?.clone(), call.param(0)?.to_owned());
    call.write(move |tx| rules::finish_user(tx, &session, &key_id, &input)).await?;
    Ok(SUCCESS)
}

/// Clients of 2022 take an empty key for a key.
fn knows_errors(call: &Call) -> KeyResult<bool> {
    Ok(call.session()?.generation != user_rules::G03)
}
