//! The live routes: subscriptions and sessions by events, the WebSocket, messages that are pushed, presence.

use std::sync::Arc;

use actix_web::HttpResponse;
use keystead_crypto::rng;
use keystead_instaql::error::{Error, Kind, Result};
use serde_json::{Map, Value, json};

use super::bus::News;
use super::carriers::{sse, ws};
use super::door;
use super::hub::{Carrier, Form, Outbox};
use super::permits;
use super::presence::typed;
use super::sessions::registry::Most;
use super::sessions::token_hash;
use super::sessions::{Login, Origin, Session, ops};
use crate::app::App;
use crate::rooms::data::error::{DataError, DataResult};
use crate::web::data::DataCall;
use crate::web::envelope::data as envelope;
use crate::web::net;
use crate::web::request::Request;

/// A new connection under its limits.
fn connection(app: &Arc<App>, req: &Request, app_id: &str, carrier: Carrier) -> Result<Arc<Session>> {
    let ip = net::client_ip(req, &app.config.server.trusted_proxies);
    let live = &app.config.live;
    let per_ip = if app.config.limits.rate_limit { live.connections_per_ip } else { u32::MAX };
    let most = Most { per_app: live.connections_per_app, per_ip };
    let seat =
        app.live.sessions.seat(app_id, ip.map(net::limiter_key), most).ok_or_else(|| {
            Error::new(Kind::RateLimited, "Too many live connections", json!({"limit": "connections"}))
        })?;
    let origin = req.headers().get("origin").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let outbox = Arc::new(Outbox::new(carrier));
    let tick = app.live.sessions.tick();
    let session = Arc::new(Session::new(app.new_id(), outbox, Origin { ip, origin }, seat, tick));
    app.live.sessions.add(&session);
    Ok(session)
}

/// GET `/runtime/session?app_id=`: the socket of `@instantdb/core`.
///
/// # Errors
/// When this is no WebSocket handshake, or there are too many connections.
pub async fn socket(mut call: DataCall) -> DataResult<HttpResponse> {
    let app_id = call.query("app_id").ok_or_else(|| Error::missing(&["params", "app_id"]))?;
    let payload = call.payload.take().ok_or_else(|| DataError::internal("a route that streams"))?;
    let session = connection(&call.app, &call.req, &app_id, Carrier::WebSocket)?;
    let opened = ws::open(&call.app, &call.req, payload, &session);
    Ok(opened.ok_or_else(|| {
        call.app.live.sessions.remove(&session.id);
        Error::malformed(&["headers", "upgrade"], Value::Null)
    })?)
}

/// POST `/admin/subscribe-query`: one live query as nested objects. Whatever is wrong with the query is an event.
///
/// # Errors
/// A body without a query.
pub async fn subscribe_query(call: DataCall) -> DataResult<HttpResponse> {
    let (body, app, app_id) = (call.object()?, &call.app, call.space()?.app_id.clone());
    let query = body.get("query").filter(|query| !query.is_null()).ok_or_else(|| Error::missing(&["body", "query"]))?;
    let query = with_rule_params(query, body.get("ruleParams"));
    let singular = body.get("inference?").and_then(Value::as_bool).unwrap_or(false);
    // A refusal would end the client's subscription for good; a stream that ends at once makes it come back.
    let Ok(session) = connection(app, &call.req, &app_id, Carrier::Sse) else { return Ok(sse::come_back()) };
    log_in(&call, &session, singular)?;
    let init = sse_init(app, &session);
    let text = query.to_string();
    if let Some(login) = session.login() {
        let members = format!(r#""q":{text},"#);
        let subscribed = ops::subscribe(app, &session, login, &text, Form::Tree(singular), &members).await;
        if let Err(error) = subscribed {
            let original = Map::from_iter([("op".into(), "add-query".into()), ("q".into(), query)]);
            session.outbox.answer(&ops::Message { body: original }.failure(&error));
        }
    }
    Ok(sse::open(app, &session, &init))
}

/// POST `/admin/sse`: a session whose messages come by [`push`].
///
/// # Errors
/// Too many connections.
pub async fn admin_session(call: DataCall) -> DataResult<HttpResponse> {
    let singular = call.object()?.get("inference?").and_then(Value::as_bool).unwrap_or(false);
    let session = connection(&call.app, &call.req, &call.space()?.app_id, Carrier::Sse)?;
    log_in(&call, &session, singular)?;
    let init = sse_init(&call.app, &session);
    Ok(sse::open(&call.app, &session, &init))
}

/// GET `/runtime/sse?app_id=`: the socket of `@instantdb/core` where WebSockets are not let through.
///
/// # Errors
/// Too many connections.
pub async fn runtime_session(call: DataCall) -> DataResult<HttpResponse> {
    let app_id = call.query("app_id").ok_or_else(|| Error::missing(&["params", "app_id"]))?;
    let session = connection(&call.app, &call.req, &app_id, Carrier::Sse)?;
    let init = sse_init(&call.app, &session);
    Ok(sse::open(&call.app, &session, &init))
}

/// POST `/admin/sse/push` and `/runtime/sse`: messages for a session, here or at another node.
///
/// # Errors
/// `session-missing`, or what is missing in the body.
pub async fn push(call: DataCall) -> DataResult<HttpResponse> {
    let (app, body) = (&call.app, call.object()?);
    let text = |key: &str| {
        let value = body.get(key).ok_or_else(|| Error::missing(&["body", key]))?;
        value.as_str().ok_or_else(|| Error::malformed(&["body", key], value.clone()))
    };
    let (machine, id, token) = (text("machine_id")?, text("session_id")?, text("sse_token")?);
    let messages = body.get("messages").ok_or_else(|| Error::missing(&["body", "messages"]))?;
    let Value::Array(messages) = messages else {
        return Err(Error::malformed(&["body", "messages"], messages.clone()).into());
    };
    let hash = token_hash(token);
    if machine == &**app.live.bus.node() {
        let session = app.live.sessions.find(id).filter(|session| session.is_pushed_with(&hash));
        let session = session.ok_or_else(missing_session)?;
        session.heard(app.live.sessions.tick());
        for message in messages {
            ops::serve(app, &session, message.clone()).await;
        }
    } else if app.live.bus.is_alone() {
        return Err(missing_session().into());
    } else {
        app.live.bus.tell(|| News::Pushed { session: id.to_owned(), token: hash, messages: messages.clone() });
    }
    Ok(envelope::json("{}"))
}

/// GET `/admin/rooms/presence`: who is in a room, with what is known of the users. Whoever impersonates a user must be
/// allowed to join, and sees what he would see there.
///
/// # Errors
/// A parameter that is missing, `permission-denied`, or what the database says.
pub async fn presence(call: DataCall) -> DataResult<HttpResponse> {
    let (app, space) = (&call.app, call.space()?);
    let room_type = call.query("room-type").filter(|text| !text.trim().is_empty());
    let kind = room_type.ok_or_else(|| Error::missing(&["params", "room-type"]))?;
    let id = call.query("room-id").ok_or_else(|| Error::missing(&["params", "room-id"]))?;
    permits::may_look(&call, &kind, &id).await?;
    let room = if space.rules.has_rooms() { typed(&kind, &id) } else { id.into() };
    let peers = app.live.rooms.peers(&(space.app_id.as_str().into(), room));
    let seen = if call.auth.is_admin() { &peers[..] } else { &[] };
    let users =
        door::users(app, &space.app_id, seen.iter().filter_map(|(_, peer)| peer.user.clone()).collect()).await?;
    let mut sessions = Map::new();
    for (session, peer) in peers {
        let mut shown = peer.shown(&session);
        if let (Value::Object(shown), Some(user)) = (&mut shown, peer.user.as_ref().and_then(|id| users.get(id))) {
            shown.insert("user".into(), user.clone());
        }
        sessions.insert(session.to_string(), shown);
    }
    Ok(envelope::value(&json!({"sessions": sessions})))
}

fn log_in(call: &DataCall, session: &Session, singular: bool) -> DataResult<()> {
    let space = call.space()?;
    let live = call.app.live.hub.app(&space.app_id);
    permits::saw_rules(&call.app, &live, space);
    session.log_in(Login {
        live,
        auth: call.auth.clone(),
        token: call.header("as-token").map(token_hash),
        asks_request: space.rules_text.contains("request."),
        singular,
    });
    Ok(())
}

fn sse_init(app: &App, session: &Session) -> String {
    let token = uuid::Builder::from_random_bytes(rng::bytes(&mut rng::os())).into_uuid().to_string();
    session.is_pushed_by(token_hash(&token));
    let init = json!({
        "op": "sse-init", "machine-id": &**app.live.bus.node(), "session-id": &*session.id, "sse-token": token,
    });
    init.to_string()
}

fn missing_session() -> Error {
    Error::new(Kind::SessionMissing, "There is no such session", Value::Null)
}

/// The HTTP docs show rule params beside the query; the SDK puts them inside.
fn with_rule_params(query: &Value, params: Option<&Value>) -> Value {
    let mut query = query.clone();
    if let (Value::Object(query), Some(params)) = (&mut query, params)
        && !params.is_null()
    {
        query.entry("$$ruleParams").or_insert_with(|| params.clone());
    }
    query
}
