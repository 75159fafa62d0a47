//! Logins with an ID token: `POST /api/iam/authn/login-google` (iam.md sections 7.3 and 9), and the same for the other OpenID
//! providers of the configuration.

use serde::Serialize;

use super::super::error::{IamError, IamResult};
use super::super::rules::providers as rules;
use crate::web::identity::{IdentityCall, Reply};

#[derive(Serialize)]
struct Email {
    email: String,
}

/// `POST /authn/login-google`
pub async fn google(call: IdentityCall) -> IamResult<Reply> {
    login(call, rules::GOOGLE).await
}

/// `POST /authn/login-oidc/{provider}`
pub async fn other(call: IdentityCall) -> IamResult<Reply> {
    let name = call.param(0);
    login(call, &name).await
}

async fn login(call: IdentityCall, provider: &str) -> IamResult<Reply> {
    let token = call.input()?.text("token").map_err(|_wrong_type| rules::refused(provider))?.unwrap_or_default();
    let done = rules::login(&call.app, &call.app_id, provider, &token, &call.client).await;
    let (issued, email) = done.map_err(|e: IamError| if e.code == 500 { e.clearing() } else { e })?;
    Ok(Reply::data(&Email { email })?.with_tokens(issued))
}
