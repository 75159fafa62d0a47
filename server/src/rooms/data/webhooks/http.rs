//! Routes of webhooks.

use std::sync::Arc;

use actix_web::HttpResponse;
use keystead_instaql::Error;
use serde_json::{Value, json};

use super::rules;
use crate::app::App;
use crate::db::Conn;
use crate::rooms::data::auth;
use crate::rooms::data::error::DataResult;
use crate::web::data::DataCall;
use crate::web::envelope::data as envelope;

/// `GET /dash/apps/{app}/webhooks`
pub async fn list(call: DataCall) -> DataResult<HttpResponse> {
    let app_id = call.space()?.app_id.clone();
    let found = call.app.db.read_snapshot(move |conn: &mut Conn| rules::list(conn, &app_id)).await?;
    Ok(envelope::value(&found))
}

/// `POST /dash/apps/{app}/webhooks`
pub async fn create(call: DataCall) -> DataResult<HttpResponse> {
    let wanted = rules::wanted(&call.object()?)?;
    write(&call, "webhook", move |app, tx, app_id, _| rules::create(app, tx, app_id, &wanted)).await
}

/// `POST /dash/apps/{app}/webhooks/{webhook_id}`
pub async fn update(call: DataCall) -> DataResult<HttpResponse> {
    let wanted = rules::wanted(&call.object()?)?;
    write(&call, "webhook", move |app, tx, app_id, id| rules::update(app, tx, app_id, id, &wanted)).await
}

/// `DELETE /dash/apps/{app}/webhooks/{webhook_id}`
pub async fn delete(call: DataCall) -> DataResult<HttpResponse> {
    write(&call, "webhook", |_, tx, app_id, id| rules::delete(tx, app_id, id)).await
}

/// `POST /dash/apps/{app}/webhooks/{webhook_id}/enable`
pub async fn enable(call: DataCall) -> DataResult<HttpResponse> {
    let answer = write(&call, "webhook", rules::enable).await?;
    call.app.webhooks.wake();
    Ok(answer)
}

/// `POST /dash/apps/{app}/webhooks/{webhook_id}/disable`
pub async fn disable(call: DataCall) -> DataResult<HttpResponse> {
    let reason = match call.object()?.remove("reason") {
        None | Some(Value::Null) => None,
        Some(Value::String(reason)) => Some(reason),
        Some(other) => return Err(Error::malformed(&["body", "reason"], other).into()),
    };
    write(&call, "webhook", move |app, tx, app_id, id| rules::disable(app, tx, app_id, id, reason.as_deref())).await
}

/// `GET /dash/apps/{app}/webhooks/{webhook_id}/events`
pub async fn events(call: DataCall) -> DataResult<HttpResponse> {
    let (app_id, id, after) = (call.space()?.app_id.clone(), call.param(1), call.query("after"));
    let read = move |conn: &mut Conn| rules::events(conn, &app_id, &id, after.as_deref());
    Ok(envelope::value(&call.app.db.read_snapshot(read).await?))
}

/// `GET /dash/apps/{app}/webhooks/{webhook_id}/events/{isn}`
pub async fn event(call: DataCall) -> DataResult<HttpResponse> {
    let (app_id, id, isn) = (call.space()?.app_id.clone(), call.param(1), call.param(2));
    let found = call.app.db.read_snapshot(move |conn: &mut Conn| rules::event(conn, &app_id, &id, &isn)).await?;
    Ok(envelope::value(&json!({"event": found})))
}

/// `POST /dash/apps/{app}/webhooks/{webhook_id}/events/{isn}`
pub async fn resend(call: DataCall) -> DataResult<HttpResponse> {
    let isn = call.param(2);
    let answer = write(&call, "event", move |app, tx, app_id, id| rules::resend(app, tx, app_id, id, &isn)).await?;
    call.app.webhooks.wake();
    Ok(answer)
}

/// `GET /webhooks/payload/{app}/{webhook_id}/{isn}`: for the receiver by his token, and for the app's backend. Whoever may not see
/// it hears what everybody hears of one that there is not.
pub async fn payload(call: DataCall) -> DataResult<HttpResponse> {
    let place = (call.param(0).to_ascii_lowercase(), call.param(1), call.param(2));
    let token = call.header("authorization").and_then(|value| value.strip_prefix("Bearer ")).map(str::to_owned);
    let Some(token) = token else { return Err(rules::no_event()) };
    let opened = call.app.webhooks.opens(&token, &place, call.app.clock.now_ms());
    let read = move |conn: &mut Conn| {
        let (app_id, id, isn) = &place;
        match opened || auth::is_admin_token(conn, app_id, &token)? {
            true => rules::payload(conn, app_id, id, isn),
            false => Err(rules::no_event()),
        }
    };
    Ok(envelope::json(call.app.db.read_snapshot(read).await?))
}

/// `GET /.well-known/webhooks/jwks.json`
pub async fn jwks(call: DataCall) -> DataResult<HttpResponse> {
    Ok(envelope::value(&json!({"keys": [call.app.webhooks.jwk()]})))
}

async fn write<F>(call: &DataCall, name: &str, change: F) -> DataResult<HttpResponse>
where
    F: Fn(&App, &mut Conn, &str, &str) -> DataResult<Value> + Send + 'static,
{
    let (app, app_id, id) = (Arc::clone(&call.app), call.space()?.app_id.clone(), call.param(1));
    let done = call.app.db.write(move |tx: &mut Conn| change(&app, tx, &app_id, &id)).await?;
    Ok(envelope::value(&json!({name: done})))
}
