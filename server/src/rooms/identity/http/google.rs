//! `POST /api/iam/authn/login-google` (iam.md sections 7.3 and 9).

use serde::Serialize;

use super::super::error::{IamError, IamResult};
use super::super::rules::google as rules;
use crate::web::identity::{IdentityCall, Reply};

#[derive(Serialize)]
struct Email {
    email: String,
}

/// `POST /authn/login-google`
pub async fn login(call: IdentityCall) -> IamResult<Reply> {
    let refused = |_why| IamError::new(401, "Google Login Error");
    let token = call.input()?.text("token").map_err(refused)?.unwrap_or_default();
    let (issued, email) = rules::login(&call.app, &call.app_id, &token, &call.client).await?;
    Ok(Reply::data(&Email { email })?.with_tokens(issued))
}
