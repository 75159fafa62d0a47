//! Passwords (sentc.md section 4.3) and accounts that are begun anew (section 7).

use keystead_protocol::devices::{ChangePasswordInput, ResetPasswordInput};
use keystead_protocol::envelope::SUCCESS;
use keystead_protocol::keys::RegisterData;

use super::super::rules::{self, password};
use crate::error::KeyResult;
use crate::web::call::Call;

/// `PUT /user/update_pw`
pub async fn change(call: Call, input: ChangePasswordInput) -> KeyResult<&'static str> {
    let (app, session) = (call.app.clone(), call.session()?.clone());
    let identifier_hash = session.identifier_hash.clone();
    let change = password::validate_change(input)?;
    call.app.limits.may_judge_secret(&call.tenant.id, &identifier_hash)?;
    call.write(move |tx| password::change(&app, tx, &session, &change)).await?;
    call.app.limits.secret_was_right(&call.tenant.id, &identifier_hash);
    Ok(SUCCESS)
}

/// `PUT /user/reset_pw`
pub async fn reset(call: Call, input: ResetPasswordInput) -> KeyResult<&'static str> {
    let (app, session) = (call.app.clone(), call.session()?.clone());
    password::validate_reset(&input)?;
    call.write(move |tx| password::reset(&app, tx, &session, &input)).await?;
    Ok(SUCCESS)
}

/// `PUT /user/forced/reset_user`
pub async fn forced_reset(call: Call, input: RegisterData) -> KeyResult<&'static str> {
    let registration = rules::validate_registration(input)?;
    let (app, app_id) = (call.app.clone(), call.tenant.id.clone());
    call.write(move |tx| rules::reset(&app, tx, &app_id, &registration)).await?;
    Ok(SUCCESS)
}
