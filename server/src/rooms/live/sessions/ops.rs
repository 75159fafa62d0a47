//! What a client's messages do (instant.md section 17.1). Whatever fails is told as an `error`; nothing closes a connection.

use std::sync::Arc;
use std::time::Duration;

use keystead_instaql::error::{Error, Kind, Result};
use serde_json::{Map, Value, json};

use super::{Login, Session, syncs, token_hash};
use crate::app::App;
use crate::rooms::data::space::Status;
use crate::rooms::data::space::rules::switched_off;
use crate::rooms::live::door;
use crate::rooms::live::hub::{Carrier, Content, Form, Subscription};
use crate::rooms::live::permits;
use crate::rooms::live::rooms;
use crate::rooms::live::streams::ops as streams;

/// A socket operation may take this long.
const OPERATION_TIME: Duration = Duration::from_secs(5);

/// A client's message.
pub struct Message {
    /// Its members.
    pub body: Map<String, Value>,
}

impl Message {
    /// A member.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.body.get(key).filter(|value| !value.is_null())
    }

    /// A member that is a text.
    ///
    /// # Errors
    /// `param-missing` or `param-malformed`.
    pub fn text(&self, key: &str) -> Result<&str> {
        let value = self.get(key).ok_or_else(|| Error::missing(&[key]))?;
        value.as_str().ok_or_else(|| Error::malformed(&[key], value.clone()))
    }

    /// `client-event-id`.
    #[must_use]
    pub fn event_id(&self) -> Option<&Value> {
        self.get("client-event-id")
    }

    /// `op`.
    #[must_use]
    pub fn op(&self) -> &str {
        self.body.get("op").and_then(Value::as_str).unwrap_or_default()
    }

    /// The answer to this message.
    #[must_use]
    pub fn answer(&self, op: &str, members: Value) -> String {
        let mut answer = match members {
            Value::Object(members) => members,
            _ => Map::new(),
        };
        answer.insert("op".into(), op.into());
        if let Some(id) = self.event_id() {
            answer.insert("client-event-id".into(), id.clone());
        }
        Value::Object(answer).to_string()
    }

    /// The answer when this message failed. Secrets are not told again.
    #[must_use]
    pub fn failure(&self, error: &Error) -> String {
        let mut original = self.body.clone();
        for secret in ["refresh-token", "__admin-token", "reconnect-token"] {
            original.remove(secret);
        }
        let members = json!({
            "type": error.kind.name(), "message": error.message, "hint": error.hint,
            "status": socket_status(error), "original-event": original,
        });
        self.answer("error", members)
    }
}

/// Over HTTP some are 429; on a socket they are 400.
fn socket_status(error: &Error) -> u16 {
    match error.kind {
        Kind::RateLimited => 400,
        kind => kind.http_status(),
    }
}

/// Serves the text of a frame: one message, or a list of them.
pub async fn serve_text(app: &Arc<App>, session: &Arc<Session>, text: &str) {
    session.heard(app.live.sessions.tick());
    match serde_json::from_str(text) {
        Ok(Value::Array(messages)) => {
            for message in messages {
                serve(app, session, message).await;
            }
        }
        Ok(message) => serve(app, session, message).await,
        Err(_malformed) => {
            let error = Error::malformed(&["message"], Value::Null);
            session.outbox.answer(&Message { body: Map::new() }.failure(&error));
        }
    }
}

/// Serves one message.
pub async fn serve(app: &Arc<App>, session: &Arc<Session>, message: Value) {
    session.outbox.has_room().await;
    let body = match message {
        Value::Object(body) => body,
        other => {
            let error = Error::malformed(&["message"], other);
            session.outbox.answer(&Message { body: Map::new() }.failure(&error));
            return;
        }
    };
    let message = Message { body };
    let served = tokio::time::timeout(OPERATION_TIME, operation(app, session, &message)).await;
    let result = served.unwrap_or_else(|_late| {
        Err(Error::new(Kind::OperationTimedOut, "The operation took too long", json!({"op": message.op()})))
    });
    if let Err(error) = result {
        let failure = match message.op() {
            "join-room" => message.answer(
                "join-room-error",
                json!({"room-id": message.get("room-id"), "error": error.message, "type": error.kind.name()}),
            ),
            _ => message.failure(&error),
        };
        session.outbox.answer(&failure);
    }
}

async fn operation(app: &Arc<App>, session: &Arc<Session>, message: &Message) -> Result<()> {
    if message.op() == "init" {
        return init(app, session, message).await;
    }
    let login = session.login().ok_or_else(|| not_in_order("This connection has not sent init yet"))?;
    let lets_go = ["remove-query", "remove-sync", "leave-room", "unsubscribe-stream"].contains(&message.op());
    if login.live.is_disabled() && !lets_go {
        return Err(switched_off());
    }
    match message.op() {
        "add-query" => add_query(app, session, login, message).await,
        "remove-query" => {
            let query = message.get("q").ok_or_else(|| Error::missing(&["q"]))?;
            remove_query(session, login, &query.to_string());
            session.outbox.answer(&message.answer("remove-query-ok", json!({"q": query})));
            Ok(())
        }
        "start-sync" => syncs::start(app, session, login, message).await,
        "resync-table" => syncs::resync(app, session, login, message).await,
        "remove-sync" => syncs::remove(session, login, message),
        "transact" => transact(app, session, login, message).await,
        "join-room" => rooms::join(app, session, login, message).await,
        "leave-room" => rooms::leave(app, session, login, message),
        "set-presence" => rooms::set_presence(app, session, login, message).await,
        "client-broadcast" => rooms::broadcast(app, session, login, message).await,
        "start-stream" => streams::start(app, session, login, message).await,
        "append-stream" => streams::append(app, session, login, message).await,
        "subscribe-stream" => streams::subscribe(app, session, login, message).await,
        "unsubscribe-stream" => streams::unsubscribe(session, message),
        op => Err(Error::new(Kind::ParamMalformed, format!("Unknown operation: {op}"), json!({"op": op}))),
    }
}

fn not_in_order(text: &str) -> Error {
    use keystead_instaql::error::Problem;
    Error::validation("init", Value::Null, &[Problem::message(Vec::new(), text)])
}

async fn init(app: &Arc<App>, session: &Arc<Session>, message: &Message) -> Result<()> {
    if session.login().is_some() {
        return Err(not_in_order("This connection has sent init already"));
    }
    let app_id = message.text("app-id")?;
    let token = |key| message.get(key).map(|_| message.text(key)).transpose();
    let (refresh, admin) = (token("refresh-token")?, token("__admin-token")?);
    let entry = door::enter(app, app_id, refresh, admin).await?;
    let token = refresh.map(token_hash);
    let live = app.live.hub.app(app_id);
    live.listen(&session.outbox);
    // Status and attrs are looked at after the connection listens, so that it misses no change of them.
    door::saw_status(app, &live, entry.status);
    permits::saw_rules(app, &live, &entry.space);
    let attrs = match entry.status {
        Status::Disabled => "[]".to_owned(),
        _ => door::attrs(app, app_id).await?.0,
    };
    if !session.log_in(Login { live, token, auth: entry.auth, asks_request: entry.asks_request, singular: false }) {
        return Err(not_in_order("This connection has sent init already"));
    }
    let id = message.event_id().map(|id| format!(r#""client-event-id":{id},"#)).unwrap_or_default();
    session.outbox.answer(&format!(
        r#"{{"op":"init-ok",{id}"session-id":"{}","auth":{},"attrs":{attrs},"app-status":{{"status":"{}"}}}}"#,
        session.id,
        entry.shown,
        entry.status.name()
    ));
    Ok(())
}

async fn add_query(app: &Arc<App>, session: &Arc<Session>, login: &Login, message: &Message) -> Result<()> {
    let query = message.get("q").ok_or_else(|| Error::missing(&["q"]))?;
    let form = match message.get("return-type").and_then(Value::as_str) {
        Some("tree") => Form::Tree(login.singular),
        Some("join-rows") | None => Form::JoinRows,
        Some(other) => return Err(Error::malformed(&["return-type"], other.into())),
    };
    let text = query.to_string();
    if session.has_query(&text, form) {
        session.outbox.answer(&message.answer("add-query-exists", json!({"q": query})));
        return Ok(());
    }
    let id = message.event_id().map(|id| format!(r#""client-event-id":{id},"#)).unwrap_or_default();
    subscribe(app, session, login, &text, form, &format!(r#"{id}"q":{text},"#)).await
}

/// Subscribes a connection, and tells it what there is. `members` go into the answer.
///
/// # Errors
/// What is wrong with the query, or too many.
pub async fn subscribe(
    app: &Arc<App>,
    session: &Arc<Session>,
    login: &Login,
    query: &str,
    form: Form,
    members: &str,
) -> Result<()> {
    session.check_room_for_one_more(app)?;
    let live_query = login.live.query(&session.key(query, form, login));
    let latest = match door::fresh(app, &login.live, &live_query).await {
        Ok(latest) => latest,
        Err(error) => {
            login.live.forget_deserted(&live_query);
            return Err(error);
        }
    };
    let Some(answer) = latest.content.answer(latest.tx_id, members) else {
        login.live.forget_deserted(&live_query);
        let Content::Error(error) = &*latest.content else { return Ok(()) };
        return Err(error.clone());
    };
    session.outbox.answer(&answer);
    let subscription = login.live.subscribe(&live_query, &session.outbox, &latest, None);
    let before = session.queries().insert((query.into(), form), Arc::clone(&subscription));
    session.holds(app, login, &subscription, before);
    Ok(())
}

fn remove_query(session: &Session, login: &Login, query: &str) {
    for form in [Form::JoinRows, Form::Tree(login.singular)] {
        let removed = session.queries().remove(&(query.into(), form));
        if let Some(subscription) = removed {
            login.live.leave(&subscription);
        }
    }
}

async fn transact(app: &Arc<App>, session: &Arc<Session>, login: &Login, message: &Message) -> Result<()> {
    let tx_id = door::transact(app, session, login, message).await?;
    session.outbox.wrote(tx_id);
    session.outbox.answer(&message.answer("transact-ok", json!({"tx-id": tx_id})));
    // A write that is sent again may have been done at another node, of which this one has not heard yet.
    door::catch_up(app, &login.live, Some(tx_id)).await;
    // The client shows its write as pending until a result includes it.
    for subscription in session.subscriptions() {
        subscription.settle();
    }
    Ok(())
}

impl Session {
    /// Live queries and copies of one connection are limited together.
    ///
    /// # Errors
    /// `parameter-limit-exceeded`
    pub(super) fn check_room_for_one_more(&self, app: &App) -> Result<()> {
        let most = app.config.live.queries_per_connection;
        if self.queries().len() + self.copies(|copies| copies.len()) >= most {
            let text = format!("A connection has at most {most} live queries");
            return Err(Error::new(Kind::ParameterLimitExceeded, text, json!({"limit": most})));
        }
        Ok(())
    }

    /// It holds a subscription now, in place of another one.
    pub(super) fn holds(
        &self,
        app: &App,
        login: &Login,
        subscription: &Arc<Subscription>,
        before: Option<Arc<Subscription>>,
    ) {
        if let Some(before) = before {
            login.live.leave(&before);
        }
        // The connection may have ended meanwhile.
        if self.outbox.is_closed() {
            login.live.leave(subscription);
        }
        if login.live.stale() > 0 {
            app.live.hub.wake();
        }
    }

    fn has_query(&self, query: &str, form: Form) -> bool {
        self.queries().contains_key(&(Arc::<str>::from(query), form))
    }

    /// True when an answer of this session is carried as events.
    #[must_use]
    pub fn is_sse(&self) -> bool {
        self.outbox.carrier() == Carrier::Sse
    }
}
