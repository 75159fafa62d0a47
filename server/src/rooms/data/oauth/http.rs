//! Routes of sign-in with providers.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header;
use keystead_instaql::Error;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::rules::{self, Refused, Wanted};
use crate::rooms::data::error::DataResult;
use crate::rooms::data::space;
use crate::rooms::data::users::http::{extra, space_of, text, token_of};
use crate::rooms::data::users::rules as users;
use crate::rooms::data::users::rules::sign_in::{Arrival, Signed};
use crate::web::data::DataCall;
use crate::web::envelope::data as envelope;

const COOKIE: &str = "__session";
const COOKIE_VALUE: &str = "instantdb_";
const COOKIE_SECONDS: u32 = 600;

/// `GET /runtime/oauth/start`
pub async fn start(call: DataCall) -> DataResult<HttpResponse> {
    let space = space_of(&call, &Map::new(), "app_id").await?;
    let needed = |name: &'static str| call.query(name).ok_or_else(|| Error::missing(&["params", name]));
    let method = call.query("code_challenge_method").unwrap_or_else(|| "plain".into());
    let wanted = Wanted {
        provider: needed("client_name")?,
        redirect_uri: needed("redirect_uri")?,
        state: call.query("state"),
        challenge: call.query("code_challenge").map(|challenge| (challenge, method)),
    };
    match rules::begin(&call.app, &space.app_id, &wanted).await? {
        Ok(begun) => {
            // From a provider that answers by a form the browser comes by a request of another site.
            let site = match call.app.config.server.public_url.starts_with("https://") {
                true => "; SameSite=None; Secure",
                false => "; SameSite=Lax",
            };
            let cookie = format!(
                "{COOKIE}={COOKIE_VALUE}{}; Path=/runtime/oauth; Max-Age={COOKIE_SECONDS}; HttpOnly{site}",
                begun.cookie
            );
            Ok(HttpResponse::Found()
                .insert_header((header::LOCATION, begun.url))
                .insert_header((header::SET_COOKIE, cookie))
                .finish())
        }
        Err(refused) => Ok(failed(&refused)),
    }
}

/// `GET` and `POST /runtime/oauth/callback`
pub async fn callback(call: DataCall) -> DataResult<HttpResponse> {
    let given = |name: &str| call.query(name).or_else(|| call.form(name));
    let state = given("state").ok_or_else(|| Error::missing(&["params", "state"]))?;
    let cookie = call.cookie(COOKIE).and_then(|value| value.strip_prefix(COOKIE_VALUE).map(str::to_owned));
    let code = given("code").filter(|_| given("error").is_none());
    match rules::come_back(&call.app, &state, cookie.as_deref(), code.as_deref()).await? {
        Ok(returned) => Ok(HttpResponse::Found()
            .insert_header((header::LOCATION, returned.url))
            .insert_header((header::SET_COOKIE, format!("{COOKIE}=; Path=/runtime/oauth; Max-Age=0")))
            .finish()),
        Err(refused) => Ok(failed(&refused)),
    }
}

/// `POST /runtime/oauth/token`
pub async fn token(call: DataCall) -> DataResult<HttpResponse> {
    let body = call.object()?;
    let space = space_of(&call, &body, "app_id").await?;
    let code = text(&body, "body", "code")?.ok_or_else(|| Error::missing(&["body", "code"]))?;
    let verifier = text(&body, "body", "code_verifier")?;
    let arrival = arrival(&call, &body)?;
    let (app, app_id) = (Arc::clone(&call.app), space.app_id.clone());
    let write =
        move |tx: &mut crate::db::Conn| rules::by_code(&app, tx, &app_id, (&code, verifier.as_deref()), &arrival);
    let signed = call.app.db.write(write).await?;
    Ok(answer(&call, signed))
}

/// `POST /runtime/oauth/id_token`
pub async fn id_token(call: DataCall) -> DataResult<HttpResponse> {
    let body = call.object()?;
    let space = space_of(&call, &body, "app_id").await?;
    let needed = |name: &'static str| -> DataResult<String> {
        Ok(text(&body, "body", name)?.ok_or_else(|| Error::missing(&["body", name]))?)
    };
    let (token, provider, nonce) = (needed("id_token")?, needed("client_name")?, text(&body, "body", "nonce")?);
    let identity = match rules::judge(&call.app, &provider, &token, nonce.as_deref()).await? {
        Ok(identity) => identity,
        Err(refused) => return Ok(failed(&refused)),
    };
    let arrival = arrival(&call, &body)?;
    let (app, app_id) = (Arc::clone(&call.app), space.app_id.clone());
    let write = move |tx: &mut crate::db::Conn| rules::enter(&app, tx, &app_id, (&provider, &identity), &arrival);
    let signed = call.app.db.write(write).await?;
    Ok(answer(&call, signed))
}

/// `GET /runtime/{app}/.well-known/openid-configuration`: where logins begin.
pub async fn openid_configuration(call: DataCall) -> DataResult<HttpResponse> {
    let base = call.app.config.server.public_url.trim_end_matches('/').to_owned();
    let named = call.param(0);
    let id: Uuid = named.parse().map_err(|_none| Error::malformed(&["params", "app_id"], named.into()))?;
    let app_id = space::rules::open(&call.app, &id.to_string()).await?.app_id.clone();
    Ok(envelope::value(&json!({
        "issuer": format!("{base}/runtime/{app_id}"),
        "authorization_endpoint": format!("{base}/runtime/oauth/start?app_id={app_id}"),
        "token_endpoint": format!("{base}/runtime/oauth/token"),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code"],
        "code_challenge_methods_supported": ["S256", "plain"],
    })))
}

fn arrival(call: &DataCall, body: &Map<String, Value>) -> DataResult<Arrival> {
    let guest = text(body, "body", "refresh_token")?;
    Ok(Arrival {
        extra: extra(body, "extra_fields")?,
        guest_token: guest.map(|token| token_of(&token, "body", "refresh_token")).transpose()?,
        request: Some(call.request()),
        ..Arrival::default()
    })
}

fn answer(call: &DataCall, signed: Result<Signed, Refused>) -> HttpResponse {
    match signed {
        Ok(signed) => {
            users::tell(&call.app, &signed.done);
            let token = signed.user.get("refresh_token").cloned().unwrap_or_default();
            envelope::value(&json!({"user": signed.user, "created": signed.created, "refresh_token": token}))
        }
        Err(refused) => failed(&refused),
    }
}

/// What is wrong with a login (instant.md section 1.4).
fn failed(refused: &Refused) -> HttpResponse {
    let body = json!({"type": "oauth-error", "error": refused.0, "message": refused.0});
    HttpResponse::BadRequest().content_type("application/json").body(body.to_string())
}
