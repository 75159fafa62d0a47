//! `/api/iam/authn/sessions`, added by Keystead: one's own sessions.

use std::sync::Arc;

use super::super::error::IamResult;
use super::super::rules::sessions as rules;
use crate::rooms::data::users::rules as data;
use crate::web::identity::{IdentityCall, Reply};

/// `GET /authn/sessions`
pub async fn list(call: IdentityCall) -> IamResult<Reply> {
    let (app, caller) = (Arc::clone(&call.app), Arc::clone(call.caller()?));
    Reply::data(&call.app.db.read(move |conn| rules::list(&app, conn, &caller)).await?)
}

/// `DELETE /authn/sessions/{id}`
pub async fn revoke(call: IdentityCall) -> IamResult<Reply> {
    let id = call.param(0);
    end(call, Some(id)).await
}

/// `DELETE /authn/sessions`: all but the one that asks.
pub async fn revoke_others(call: IdentityCall) -> IamResult<Reply> {
    end(call, None).await
}

async fn end(call: IdentityCall, which: Option<String>) -> IamResult<Reply> {
    let (app, caller) = (Arc::clone(&call.app), Arc::clone(call.caller()?));
    let (app_id, client) = (call.app_id.clone(), call.client.clone());
    call.app.db.write(move |tx| rules::revoke(&app, tx, &app_id, &caller, which.as_deref(), &client)).await?;
    data::signed_out(&call.app, &call.app_id, &call.caller()?.user.uuid).await;
    Ok(Reply::plain())
}
