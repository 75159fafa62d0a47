//! `/api/iam/authn/keys`, added by Keystead: what the key API has of the caller.

use std::sync::Arc;

use super::super::error::IamResult;
use super::super::rules::keys as rules;
use crate::web::identity::{IdentityCall, Reply};

/// `GET /authn/keys`
pub async fn of_caller(call: IdentityCall) -> IamResult<Reply> {
    let (app_id, caller) = (call.app_id.clone(), Arc::clone(call.caller()?));
    Reply::data(&call.app.db.read(move |conn| rules::of(conn, &app_id, &caller)).await?)
}
