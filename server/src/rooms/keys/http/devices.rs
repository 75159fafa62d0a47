//! Further devices of a user (sentc.md section 5).

use keystead_protocol::devices::{DeviceListItem, DoneRegisterDeviceInput, RegisterDeviceOutput};
use keystead_protocol::envelope::SUCCESS;
use keystead_protocol::groups::{InviteOutput, MemberKey};
use keystead_protocol::keys::UserDeviceRegisterInput;

use super::super::rules::{self, devices};
use crate::error::KeyResult;
use crate::rooms::groups::validate;
use crate::web::call::Call;

/// `POST /user/prepare_register_device`
pub async fn prepare(call: Call, input: UserDeviceRegisterInput) -> KeyResult<RegisterDeviceOutput> {
    let device = rules::validate_device(input)?;
    let (app, app_id) = (call.app.clone(), call.tenant.id.clone());
    call.write(move |tx| devices::prepare(&app, tx, &app_id, &device)).await
}

/// `PUT /user/done_register_device`
pub async fn finish(call: Call, input: DoneRegisterDeviceInput) -> KeyResult<InviteOutput> {
    validate::member_keys(&input.user_keys.keys)?;
    let (app, app_id, session) = (call.app.clone(), call.tenant.id.clone(), call.session()?.clone());
    let DoneRegisterDeviceInput { user_keys, token } = input;
    call.write(move |tx| devices::finish(&app, tx, &app_id, &session, &token, &user_keys)).await
}

/// `PUT /user/user_keys/session/:session_id`
pub async fn upload_keys(call: Call, input: Vec<MemberKey>) -> KeyResult<&'static str> {
    validate::member_keys(&input)?;
    let (app, session, session_id) = (call.app.clone(), call.session()?.clone(), call.param(0)?.to_owned());
    call.write(move |tx| devices::upload_keys(&app, tx, &session, &session_id, &input)).await?;
    Ok(SUCCESS)
}

/// `GET /user/device/:time/:id`
pub async fn list(call: Call) -> KeyResult<Vec<DeviceListItem>> {
    let (user_id, page) = (call.session()?.user_id.clone(), call.page()?);
    call.app.db.read(move |c| devices::list(c, &user_id, &page)).await
}

/// `DELETE /user/device/:device_id`
pub async fn delete(call: Call) -> KeyResult<&'static str> {
    let (session, device_id) = (call.session()?.clone(), call.param(0)?.to_owned());
    call.write(move |tx| devices::delete(tx, &session, &device_id)).await?;
    Ok(SUCCESS)
}
