//! `GET /customer/captcha`, and the check in front of what needs one.

use keystead_protocol::ErrorCode;
use keystead_protocol::customers::{CaptchaCreateOutput, CaptchaInput};

use super::rules;
use crate::error::KeyResult;
use crate::rooms::groups::validate::is_id;
use crate::web::call::Call;

/// `GET /customer/captcha`
///
/// # Errors
/// 600.
pub async fn create(call: Call) -> KeyResult<CaptchaCreateOutput> {
    let drawn = tokio::task::spawn_blocking(rules::draw).await.map_err(|_panicked| ErrorCode::CaptchaCreate)??;
    let (app, id) = (call.app.clone(), call.app.new_id());
    let (captcha_id, solution) = (id.clone(), drawn.solution);
    call.app.db.write(move |tx| rules::remember(&app, tx, &id, &solution)).await?;
    Ok(CaptchaCreateOutput { captcha_id, png: drawn.png })
}

/// Uses a captcha up.
///
/// # Errors
/// 601, 602, 603.
pub(in crate::rooms::customers) async fn check(call: &Call, input: CaptchaInput) -> KeyResult<()> {
    if !is_id(&input.captcha_id) {
        return Err(ErrorCode::CaptchaNotFound.into());
    }
    let app = call.app.clone();
    call.app.db.write(move |tx| rules::take(&app, tx, &input)).await?.passed()
}
