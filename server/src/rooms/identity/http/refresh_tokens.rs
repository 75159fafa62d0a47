//! `/api/iam/refresh-tokens` (iam.md section 10).

use std::sync::Arc;

use super::super::error::{IamError, IamResult};
use super::super::rules::refresh_tokens as rules;
use crate::web::identity::{IdentityCall, Reply};

/// `GET /refresh-tokens`
pub async fn list(call: IdentityCall) -> IamResult<Reply> {
    let ((skip, take), app_id) = (call.page(), call.app_id.clone());
    Reply::data(&call.app.db.read(move |conn| rules::list(conn, &app_id, skip, take)).await?)
}

/// `DELETE /refresh-tokens/{id}`
pub async fn delete(call: IdentityCall) -> IamResult<Reply> {
    let id: i64 = call.param(0).parse().map_err(|_source| IamError::bad("The refresh token id must be a number"))?;
    let (app, app_id, client) = (Arc::clone(&call.app), call.app_id.clone(), call.client.clone());
    let caller = Arc::clone(call.caller()?);
    call.app.db.write(move |tx| rules::delete(&app, tx, &app_id, &caller, id, &client)).await?;
    Ok(Reply::plain())
}

/// `DELETE /refresh-tokens`
pub async fn delete_all(call: IdentityCall) -> IamResult<Reply> {
    let (app, app_id, client) = (Arc::clone(&call.app), call.app_id.clone(), call.client.clone());
    let caller = Arc::clone(call.caller()?);
    call.app.db.write(move |tx| rules::delete_all(&app, tx, &app_id, &caller, &client)).await?;
    Ok(Reply::plain())
}
