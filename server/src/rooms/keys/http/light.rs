//! Light users (sentc.md section 11): they log in like others and have no user keys.

use keystead_protocol::devices::{DoneRegisterDeviceLightInput, ForcedLoginLightOutput, VerifyLoginLightOutput};
use keystead_protocol::envelope::SUCCESS;
use keystead_protocol::keys::{RegisterOutput, UserDeviceRegisterInput, UserIdentifierInput, VerifyLoginInput};

use super::super::rules::{self, SessionTokens};
use super::{Proof, device_named, finish_login, judge, register_as, verify};
use crate::error::KeyResult;
use crate::web::call::Call;

/// `POST /register_light`
pub async fn register(call: Call, input: UserDeviceRegisterInput) -> KeyResult<RegisterOutput> {
    let device_identifier = input.device_identifier.clone();
    register_as(&call, rules::validate_light(input)?, device_identifier).await
}

/// `POST /verify_login_light`
pub async fn verify_login(call: Call, input: VerifyLoginInput) -> KeyResult<VerifyLoginLightOutput> {
    let judged = judge(&call, &input.auth_key, &input.device_identifier).await?;
    let SessionTokens { jwt, refresh_token } = verify(&call, judged, input).await?;
    Ok(VerifyLoginLightOutput { jwt, refresh_token })
}

/// `PUT /user/done_register_device_light`
pub async fn finish_device(call: Call, input: DoneRegisterDeviceLightInput) -> KeyResult<&'static str> {
    let (app, app_id, session) = (call.app.clone(), call.tenant.id.clone(), call.session()?.clone());
    let write = move |tx: &mut _| rules::devices::finish_light(&app, tx, &app_id, &session, &input.token);
    call.write(write).await?;
    Ok(SUCCESS)
}

/// `PUT /user/reset_pw_light`
pub async fn forced_reset(call: Call, input: UserDeviceRegisterInput) -> KeyResult<&'static str> {
    let device = rules::validate_device(input)?;
    let (app, app_id) = (call.app.clone(), call.tenant.id.clone());
    call.write(move |tx| rules::reset_light(&app, tx, &app_id, &device)).await?;
    Ok(SUCCESS)
}

/// `POST /user/forced/login_light`
pub async fn forced_login(call: Call, input: UserIdentifierInput) -> KeyResult<ForcedLoginLightOutput> {
    let session = device_named(&call, input.user_identifier).await?;
    let of = session.clone();
    let device_keys = call.app.db.read(move |c| rules::device_keys(c, &of)).await?;
    let SessionTokens { jwt, refresh_token } = finish_login(&call, session, Proof::Backend).await?;
    Ok(ForcedLoginLightOutput { device_keys, verify: VerifyLoginLightOutput { jwt, refresh_token } })
}
