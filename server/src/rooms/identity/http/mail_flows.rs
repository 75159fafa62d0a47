//! `/api/iam/authn/{reset,verifyreset,verifyemail,verifyemailtoken}` (iam.md sections 7.10 to 7.13).

use std::sync::Arc;

use serde::Serialize;

use super::super::error::{IamError, IamResult};
use super::super::rules::mail_flows as rules;
use super::super::rules::tokens::Kind;
use crate::web::identity::{IdentityCall, Reply};

#[derive(Serialize)]
struct Pass<'a> {
    pass: &'a str,
}

#[derive(Serialize)]
struct Verified {
    email: String,
}

/// `POST /authn/reset`: the same answer whatever was sent.
pub async fn reset(call: IdentityCall) -> IamResult<Reply> {
    send_later(&call, Kind::Reset);
    Ok(Reply::plain().clearing())
}

/// `POST /authn/verifyemail`: the same answer whatever was sent.
pub async fn verify_email(call: IdentityCall) -> IamResult<Reply> {
    send_later(&call, Kind::Verify);
    Ok(Reply::plain())
}

/// `POST /authn/verifyreset`: the token in the body, or else in the path.
pub async fn verify_reset(call: IdentityCall) -> IamResult<Reply> {
    let done = async {
        let token = token_of(&call)?;
        let password = rules::use_reset_link(&call.app, &call.app_id, &token, &call.client).await?;
        Reply::data(&Pass { pass: &password })
    };
    done.await.map(Reply::clearing).map_err(IamError::clearing)
}

/// `POST /authn/verifyemailtoken`
pub async fn verify_email_token(call: IdentityCall) -> IamResult<Reply> {
    let token = token_of(&call)?;
    let email = rules::use_verify_link(&call.app, &call.app_id, &token, &call.client).await?;
    Reply::data(&Verified { email })
}

/// What is no address, or no JSON, gets no mail and no other answer.
fn send_later(call: &IdentityCall, kind: Kind) {
    let Some(email) = call.input().ok().and_then(|input| input.text("email").ok().flatten()) else { return };
    let (app, app_id, client) = (Arc::clone(&call.app), call.app_id.clone(), call.client.clone());
    call.later(async move { rules::send_link(&app, &app_id, &email, kind, &client).await });
}

fn token_of(call: &IdentityCall) -> IamResult<String> {
    let in_path = call.param(0);
    let in_body = match call.input() {
        Ok(input) => input.text("token")?,
        Err(_none) if !in_path.is_empty() => None,
        Err(e) => return Err(e),
    };
    let token = in_body.filter(|text| !text.is_empty()).unwrap_or(in_path);
    if token.is_empty() { Err(IamError::unauthorized()) } else { Ok(token) }
}
