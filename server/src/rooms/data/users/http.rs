//! Routes of users: those of the app's backend (`/admin`) and those of its front ends (`/runtime`).

use std::sync::Arc;

use actix_web::HttpResponse;
use keystead_instaql::Error;
use keystead_instaql::error::Problem;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::rules::codes::{self, Code};
use super::rules::sign_in::{self, Arrival, Signed};
use super::rules::{self, Which, address};
use crate::db::Conn;
use crate::rooms::apps::rules as apps;
use crate::rooms::data::auth;
use crate::rooms::data::error::{DataError, DataResult};
use crate::rooms::data::space::{self, Space};
use crate::rooms::live::news;
use crate::rooms::live::sessions::token_hash;
use crate::web::data::DataCall;
use crate::web::envelope::data as envelope;

/// Longest code that is looked at.
const MAX_CODE: usize = 64;

/// `POST /admin/refresh_tokens`: a token for anybody, who is made when he is not there.
pub async fn create_token(call: DataCall) -> DataResult<HttpResponse> {
    let body = call.object()?;
    let (email, id) = (email_in(&body, "body")?, id_in(text(&body, "body", "id")?, "body")?);
    if email.is_none() && id.is_none() {
        return Err(nothing_named("body", &body));
    }
    let arrival = Arrival { email, id, extra: extra(&body, "extra-fields")?, ..Arrival::default() };
    let signed = enter(&call, call.space()?, arrival).await?;
    Ok(envelope::value(&json!({"user": signed.user, "created": signed.created})))
}

/// `POST /admin/sign_in_guest`
pub async fn admin_guest(call: DataCall) -> DataResult<HttpResponse> {
    let arrival = Arrival { extra: extra(&call.object()?, "extra-fields")?, ..Arrival::default() };
    let signed = enter(&call, call.space()?, arrival).await?;
    Ok(envelope::value(&json!({"user": signed.user})))
}

/// `GET /admin/users`
pub async fn get(call: DataCall) -> DataResult<HttpResponse> {
    let (which, space) = (which_in_query(&call)?, Arc::clone(call.space()?));
    let look = move |conn: &mut Conn| match rules::find(conn, &space, &which)? {
        Some(id) => rules::json_of(conn, &space, id),
        None => Ok(None),
    };
    let user: Option<Map<String, Value>> = call.app.db.read(look).await?;
    Ok(envelope::value(&json!({"user": user})))
}

/// `DELETE /admin/users`
pub async fn delete(call: DataCall) -> DataResult<HttpResponse> {
    let (which, app_id, app) = (which_in_query(&call)?, call.space()?.app_id.clone(), Arc::clone(&call.app));
    let write = move |tx: &mut Conn| {
        let space = space::rules::in_tx(&app, tx, &app_id)?.ok_or_else(|| Error::not_found("app"))?;
        rules::delete(&app, tx, &space, &which)
    };
    let deleted = match call.app.db.write(write).await? {
        Some((user, done)) => {
            rules::tell(&call.app, &[done]);
            news::signed_out(&call.app, &call.space()?.app_id, user.get("id").and_then(Value::as_str), None);
            Some(user)
        }
        None => None,
    };
    Ok(envelope::value(&json!({"deleted": deleted})))
}

/// `POST /admin/sign_out`: ends a token, or all tokens of a user.
pub async fn admin_sign_out(call: DataCall) -> DataResult<HttpResponse> {
    let body = call.object()?;
    let which = match (id_in(text(&body, "body", "id")?, "body")?, email_in(&body, "body")?) {
        (Some(id), _) => Which::Id(id),
        (None, Some(email)) => Which::Email(email),
        (None, None) => match text(&body, "body", "refresh_token")? {
            Some(token) => Which::Token(token_of(&token, "body", "refresh_token")?),
            None => return Err(nothing_named("body", &body)),
        },
    };
    let space = Arc::clone(call.space()?);
    let token = match &which {
        Which::Token(token) => Some(token_hash(&token.to_string())),
        Which::Id(_) | Which::Email(_) => None,
    };
    let write = move |tx: &mut Conn| -> DataResult<Option<String>> {
        let id = match &which {
            Which::Token(token) => {
                auth::rules::end(tx, &space.app_id, *token)?;
                return Ok(None);
            }
            Which::Id(id) => *id,
            Which::Email(_) => rules::find(tx, &space, &which)?.ok_or_else(|| Error::not_found("app-user"))?,
        };
        auth::rules::end_all(tx, &space.app_id, id)?;
        Ok(Some(id.to_string()))
    };
    let user = call.app.db.write(write).await?;
    news::signed_out(&call.app, &call.space()?.app_id, user.as_deref(), token.as_deref());
    Ok(envelope::json(r#"{"ok":true}"#))
}

/// `POST /admin/magic_code`: a code, which the backend sends itself.
pub async fn magic_code(call: DataCall) -> DataResult<HttpResponse> {
    let email = needed_email(&call.object()?)?;
    let made = make(&call, call.space()?, &email).await?;
    Ok(envelope::value(&json!({"code": *made.code})))
}

/// `POST /admin/send_magic_code`
pub async fn admin_send(call: DataCall) -> DataResult<HttpResponse> {
    let email = needed_email(&call.object()?)?;
    let made = send(&call, call.space()?, &email).await?;
    Ok(envelope::value(&json!({"code": *made.code})))
}

/// `POST /admin/verify_magic_code`
pub async fn admin_verify(call: DataCall) -> DataResult<HttpResponse> {
    let body = call.object()?;
    verify(&call, call.space()?, &body, false).await
}

/// `POST /runtime/auth/send_magic_code`
pub async fn runtime_send(call: DataCall) -> DataResult<HttpResponse> {
    let body = call.object()?;
    let space = space_of(&call, &body, "app-id").await?;
    send(&call, &space, &needed_email(&body)?).await?;
    Ok(envelope::json(r#"{"sent":true}"#))
}

/// `POST /runtime/auth/verify_magic_code`
pub async fn runtime_verify(call: DataCall) -> DataResult<HttpResponse> {
    let body = call.object()?;
    let space = space_of(&call, &body, "app-id").await?;
    verify(&call, &space, &body, true).await
}

/// `POST /runtime/auth/verify_refresh_token`
pub async fn verify_token(call: DataCall) -> DataResult<HttpResponse> {
    let body = call.object()?;
    let space = space_of(&call, &body, "app-id").await?;
    let token = text(&body, "body", "refresh-token")?.ok_or_else(|| Error::missing(&["body", "refresh-token"]))?;
    let token = token_of(&token, "body", "refresh-token")?;
    let look = move |conn: &mut Conn| {
        let id = rules::find(conn, &space, &Which::Token(token))?.ok_or_else(|| Error::not_found("app-user"))?;
        rules::json_with(conn, &space, id, token)
    };
    let user = call.app.db.read(look).await?;
    Ok(envelope::value(&json!({"user": user})))
}

/// `POST /runtime/auth/sign_in_guest`
pub async fn runtime_guest(call: DataCall) -> DataResult<HttpResponse> {
    let body = call.object()?;
    let space = space_of(&call, &body, "app-id").await?;
    let extra = extra(&body, "extra-fields")?;
    let arrival = Arrival { extra, request: Some(call.request()), ..Arrival::default() };
    let signed = enter(&call, &space, arrival).await?;
    Ok(envelope::value(&json!({"user": signed.user})))
}

/// `POST /runtime/signout`
pub async fn sign_out(call: DataCall) -> DataResult<HttpResponse> {
    let body = call.object()?;
    let space = space_of(&call, &body, "app_id").await?;
    let token = text(&body, "body", "refresh_token")?.ok_or_else(|| Error::missing(&["body", "refresh_token"]))?;
    let token = token_of(&token, "body", "refresh_token")?;
    let app_id = space.app_id.clone();
    call.app.db.write::<_, DataError, _>(move |tx| auth::rules::end(tx, &app_id, token).map(drop)).await?;
    news::signed_out(&call.app, &space.app_id, None, Some(&token_hash(&token.to_string())));
    Ok(envelope::json("{}"))
}

/// `GET /dash/apps/{app}/test_users`
pub async fn test_users(call: DataCall) -> DataResult<HttpResponse> {
    let app_id = call.space()?.app_id.clone();
    let users = call.app.db.read(move |conn| codes::test_users(conn, &app_id)).await?;
    let users: Vec<Value> = users.into_iter().map(|(email, code)| json!({"email": email, "code": code})).collect();
    Ok(envelope::value(&json!({"test-users": users})))
}

/// `POST /dash/apps/{app}/test_users`
pub async fn put_test_user(call: DataCall) -> DataResult<HttpResponse> {
    let body = call.object()?;
    let (email, code) = (needed_email(&body)?, code_in(&body)?);
    let (app, app_id) = (Arc::clone(&call.app), call.space()?.app_id.clone());
    let told = json!({"test-user": {"email": email, "code": code}});
    call.app.db.write(move |tx| codes::put_test_user(&app, tx, &app_id, &email, &code)).await?;
    Ok(envelope::value(&told))
}

/// `DELETE /dash/apps/{app}/test_users?email=`
pub async fn delete_test_user(call: DataCall) -> DataResult<HttpResponse> {
    let email = call.query("email").ok_or_else(|| Error::missing(&["params", "email"]))?;
    let email = address(&email).ok_or_else(|| Error::malformed(&["params", "email"], email.into()))?;
    let app_id = call.space()?.app_id.clone();
    let deleted = call.app.db.write(move |tx| codes::delete_test_user(tx, &app_id, &email)).await?;
    Ok(envelope::value(&json!({"deleted": deleted})))
}

// What the routes share.

async fn enter(call: &DataCall, space: &Space, arrival: Arrival) -> DataResult<Signed> {
    let (app, app_id) = (Arc::clone(&call.app), space.app_id.clone());
    let signed = call.app.db.write(move |tx| sign_in::sign_in(&app, tx, &app_id, &arrival)).await?;
    rules::tell(&call.app, &signed.done);
    Ok(signed)
}

async fn verify(
    call: &DataCall,
    space: &Space,
    body: &Map<String, Value>,
    asks_rules: bool,
) -> DataResult<HttpResponse> {
    let guest = text(body, "body", "refresh-token")?.or(text(body, "body", "refresh_token")?);
    let arrival = Arrival {
        email: Some(needed_email(body)?),
        extra: extra(body, "extra-fields")?,
        guest_token: guest.map(|token| token_of(&token, "body", "refresh-token")).transpose()?,
        request: asks_rules.then(|| call.request()),
        ..Arrival::default()
    };
    let (code, app, app_id) = (code_in(body)?, Arc::clone(&call.app), space.app_id.clone());
    let signed = call.app.db.write(move |tx| sign_in::by_code(&app, tx, &app_id, &arrival, &code)).await??;
    rules::tell(&call.app, &signed.done);
    Ok(envelope::value(&json!({"user": signed.user, "created": signed.created})))
}

async fn make(call: &DataCall, space: &Space, email: &str) -> DataResult<Code> {
    let (app, app_id, email) = (Arc::clone(&call.app), space.app_id.clone(), email.to_owned());
    call.app.db.write(move |tx| codes::make(&app, tx, &app_id, &email)).await
}

async fn send(call: &DataCall, space: &Space, email: &str) -> DataResult<Code> {
    let made = make(call, space, email).await?;
    if !made.is_fixed {
        let app_id = space.app_id.clone();
        let name = call.app.db.read::<_, DataError, _>(move |conn| Ok(apps::find(conn, &app_id)?.name)).await?;
        let letter = codes::letter(&call.app, &name, email, &made.code)?;
        call.app.mailer.send(&letter).map_err(codes::unsent)?;
    }
    Ok(made)
}

/// The app of a route whose body names it; its data begins with its first call.
pub(in super::super) async fn space_of(
    call: &DataCall,
    body: &Map<String, Value>,
    name: &'static str,
) -> DataResult<Arc<Space>> {
    let named = text(body, "body", name)?.or_else(|| call.header("app-id").map(str::to_owned));
    let named = named.or_else(|| call.query("app_id")).ok_or_else(|| Error::missing(&["body", name]))?;
    let id: Uuid = named.parse().map_err(|_none| Error::malformed(&["body", name], named.into()))?;
    space::rules::open(&call.app, &id.to_string()).await
}

fn which_in_query(call: &DataCall) -> DataResult<Which> {
    let given = |name: &str| call.query(name).filter(|text| !text.is_empty());
    if let Some(email) = given("email") {
        let known = address(&email).ok_or_else(|| Error::malformed(&["params", "email"], email.into()))?;
        return Ok(Which::Email(known));
    }
    if let Some(token) = given("refresh_token") {
        return Ok(Which::Token(token_of(&token, "params", "refresh_token")?));
    }
    match id_in(given("id"), "params")? {
        Some(id) => Ok(Which::Id(id)),
        None => Err(nothing_named("params", &Map::new())),
    }
}

fn nothing_named(place: &'static str, given: &Map<String, Value>) -> DataError {
    let problem = Problem::message(Vec::new(), "name a user by email, id or refresh_token");
    Error::validation(place, Value::Object(given.clone()), &[problem]).into()
}

fn needed_email(body: &Map<String, Value>) -> DataResult<String> {
    Ok(email_in(body, "body")?.ok_or_else(|| Error::missing(&["body", "email"]))?)
}

fn email_in(map: &Map<String, Value>, place: &'static str) -> DataResult<Option<String>> {
    let Some(given) = text(map, place, "email")? else { return Ok(None) };
    Ok(Some(address(&given).ok_or_else(|| Error::malformed(&[place, "email"], given.into()))?))
}

fn id_in(given: Option<String>, place: &'static str) -> DataResult<Option<Uuid>> {
    let Some(given) = given else { return Ok(None) };
    Ok(Some(given.parse().map_err(|_none| Error::malformed(&[place, "id"], given.into()))?))
}

/// Tokens are not repeated to the sender.
fn token_of(given: &str, place: &'static str, name: &'static str) -> DataResult<Uuid> {
    Ok(given.trim().parse().map_err(|_none| Error::malformed(&[place, name], Value::Null))?)
}

fn code_in(body: &Map<String, Value>) -> DataResult<String> {
    let code = match body.get("code") {
        None | Some(Value::Null) => return Err(Error::missing(&["body", "code"]).into()),
        Some(Value::String(code)) => code.trim().to_owned(),
        Some(Value::Number(code)) => code.to_string(),
        Some(_) => String::new(),
    };
    if code.is_empty() || code.len() > MAX_CODE {
        return Err(Error::malformed(&["body", "code"], Value::Null).into());
    }
    Ok(code)
}

fn extra(body: &Map<String, Value>, name: &'static str) -> DataResult<Map<String, Value>> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(extra)) => Ok(extra.clone()),
        Some(other) => Err(Error::malformed(&["body", name], other.clone()).into()),
    }
}

fn text(map: &Map<String, Value>, place: &'static str, name: &'static str) -> DataResult<Option<String>> {
    match map.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => Err(Error::malformed(&[place, name], other.clone()).into()),
    }
}
