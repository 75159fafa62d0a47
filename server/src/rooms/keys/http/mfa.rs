//! The second factor (sentc.md section 6).

use keystead_protocol::devices::{ConfirmOtpInput, OtpRecoveryKeysOutput, OtpRegister, ValidateMfaInput};
use keystead_protocol::envelope::SUCCESS;
use keystead_protocol::keys::{DoneLoginOutput, UserIdentifierInput};

use super::super::rules;
use super::super::rules::mfa::{self, Factor};
use super::{challenge, judge, secret_was_right};
use crate::db::Conn;
use crate::error::KeyResult;
use crate::web::call::Call;

/// `PATCH /user/register_otp`
pub async fn register(call: Call) -> KeyResult<OtpRegister> {
    let (app, user_id) = (call.app.clone(), call.session()?.user_id.clone());
    let new = mfa::make(&call.app, &user_id)?;
    let shown = new.shown.clone();
    call.write(move |tx| mfa::register(&app, tx, &user_id, &new)).await?;
    Ok(shown)
}

/// `PATCH /user/reset_otp`
pub async fn reset(call: Call) -> KeyResult<OtpRegister> {
    let (app, user_id) = (call.app.clone(), call.session()?.user_id.clone());
    let new = mfa::make(&call.app, &user_id)?;
    let shown = new.shown.clone();
    call.write(move |tx| mfa::reset(&app, tx, &user_id, &new)).await?;
    Ok(shown)
}

/// `PATCH /user/confirm_otp` (added by Keystead)
pub async fn confirm(call: Call, input: ConfirmOtpInput) -> KeyResult<&'static str> {
    let (app, user_id) = (call.app.clone(), call.session()?.user_id.clone());
    let counted = counted(Factor::Code, &user_id);
    call.app.limits.may_judge_secret(&call.tenant.id, &counted)?;
    call.write(move |tx| mfa::confirm(&app, tx, &user_id, &input.token)).await?;
    call.app.limits.secret_was_right(&call.tenant.id, &counted);
    Ok(SUCCESS)
}

/// `PATCH /user/disable_otp`
pub async fn disable(call: Call) -> KeyResult<&'static str> {
    let user_id = call.session()?.user_id.clone();
    call.write(move |tx| mfa::disable(tx, &user_id)).await?;
    Ok(SUCCESS)
}

/// `GET /user/otp_recovery_keys`
pub async fn recovery_keys(call: Call) -> KeyResult<OtpRecoveryKeysOutput> {
    let (app, user_id) = (call.app.clone(), call.session()?.user_id.clone());
    let keys = call.app.db.read_snapshot(move |c| mfa::recovery_keys(&app, c, &user_id)).await?;
    Ok(OtpRecoveryKeysOutput { keys })
}

/// `PUT` and `DELETE /user/forced/disable_otp`
pub async fn forced_disable(call: Call, input: UserIdentifierInput) -> KeyResult<&'static str> {
    let app_id = call.tenant.id.clone();
    let write = move |tx: &mut Conn| {
        let (user_id, _device) = rules::find_user(tx, &app_id, &input.user_identifier)?;
        Ok((mfa::force_off(tx, &user_id)?, Some(user_id)))
    };
    call.write_naming(write).await?;
    Ok(SUCCESS)
}

/// `POST /validate_mfa`
pub async fn validate_code(call: Call, input: ValidateMfaInput) -> KeyResult<DoneLoginOutput> {
    validate(call, input, Factor::Code).await
}

/// `POST /validate_recovery_otp`
pub async fn validate_recovery_key(call: Call, input: ValidateMfaInput) -> KeyResult<DoneLoginOutput> {
    validate(call, input, Factor::RecoveryKey).await
}

/// The password is judged first: who does not know it learns nothing about the second factor, and uses up none of its
/// attempts.
async fn validate(call: Call, input: ValidateMfaInput, factor: Factor) -> KeyResult<DoneLoginOutput> {
    let judged = judge(&call, &input.auth_key, &input.device_identifier).await?;
    secret_was_right(&call, &input.device_identifier)?;
    let user_id = judged.session.user_id.clone();
    let counted = counted(factor, &user_id);
    call.app.limits.may_judge_secret(&call.tenant.id, &counted)?;
    let output = challenge(&call, &judged, true).await?;
    let (app, of) = (call.app.clone(), user_id.clone());
    call.write_about(&user_id, move |tx| mfa::answer(&app, tx, &of, factor, &input.token)).await?;
    call.app.limits.secret_was_right(&call.tenant.id, &counted);
    Ok(output)
}

/// What wrong attempts are counted by: the user, whatever his device or address. Recovery keys are counted apart, so that
/// whoever guesses codes does not lock the owner out of them.
fn counted(factor: Factor, user_id: &str) -> String {
    match factor {
        Factor::Code => format!("code {user_id}"),
        Factor::RecoveryKey => format!("recovery key {user_id}"),
    }
}
