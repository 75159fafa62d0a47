//! What a client's messages about streams do.

use std::sync::Arc;
use std::time::Duration;

use keystead_instaql::error::{Error, Kind, Problem, Result};
use keystead_instaql::rules::Request;
use serde_json::{Map, Value, json};

use super::Held;
use super::rules::{self, Append, Appended, Start, Viewer, Visible, Wanted};
use crate::app::App;
use crate::db::Conn;
use crate::rooms::data::error::DataError;
use crate::rooms::data::query::Limit;
use crate::rooms::data::transact::rules as transacting;
use crate::rooms::live::door::told;
use crate::rooms::live::sessions::ops::Message;
use crate::rooms::live::sessions::{Login, Session, token_hash};

/// Streams that a connection writes, and that it reads.
const MOST: usize = 100;
/// Pieces of a message.
const MOST_CHUNKS: usize = 10_000;
/// With other nodes, readers look by themselves so often, should news have been lost.
const LOOK: Duration = Duration::from_secs(2);

/// `start-stream`
///
/// # Errors
/// Those of [`rules::start`], and too many streams.
pub async fn start(app: &Arc<App>, session: &Arc<Session>, login: &Login, message: &Message) -> Result<()> {
    if session.held(|held| held.writes.len()) >= MOST {
        return Err(too_many());
    }
    let start = Start {
        client_id: message.text("client-id")?.to_owned(),
        token_hash: token_hash(message.text("reconnect-token")?),
        rule_params: rule_params(message)?,
        request: request(app, session),
    };
    let (shared, app_id, auth, wanted) =
        (Arc::clone(app), Arc::clone(&login.live.id), login.auth.clone(), start.clone());
    let write = move |tx: &mut Conn| rules::start(&shared, tx, &app_id, &auth, &wanted);
    let started = app.db.write(write).await.map_err(told)?;
    if let Some(committed) = &started.committed {
        transacting::tell(app, committed);
    }
    session.held(|held| held.writes.insert(started.id.clone()));
    let ok = json!({"client-id": start.client_id, "stream-id": started.id, "offset": started.size});
    session.outbox.answer(&message.answer("start-stream-ok", ok));
    Ok(())
}

/// `append-stream`
///
/// # Errors
/// Those of [`rules::append`], and a stream that this connection has not started.
pub async fn append(app: &Arc<App>, session: &Arc<Session>, login: &Login, message: &Message) -> Result<()> {
    let id = message.text("stream-id")?.to_owned();
    if !session.held(|held| held.writes.contains(&id)) {
        let problem = Problem::message(Vec::new(), "This connection has not started the stream");
        return Err(Error::validation("stream", id.into(), &[problem]));
    }
    let done = message.get("done").and_then(Value::as_bool).unwrap_or(false);
    let abort_reason = message.get("abort-reason").map(|reason| match reason {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    let append =
        Append { id: id.clone(), offset: offset(message)?.unwrap_or(0), text: text(message)?, done, abort_reason };
    let (shared, app_id) = (Arc::clone(app), Arc::clone(&login.live.id));
    let write = move |tx: &mut Conn| rules::append(&shared, tx, &app_id, &append);
    match app.db.write(write).await.map_err(told)? {
        Appended::Gap => session.outbox.answer(&message.answer("append-failed", json!({"stream-id": id}))),
        Appended::Flushed { size, committed } => {
            if done {
                session.held(|held| held.writes.remove(&id));
            }
            let flushed = json!({"stream-id": id, "offset": size, "done": done});
            session.outbox.answer(&message.answer("stream-flushed", flushed));
            if let Some(committed) = committed {
                transacting::tell(app, &committed);
            }
            super::moved(app, &login.live.id, id);
        }
    }
    Ok(())
}

/// `subscribe-stream`: what there is, and what comes, until the end.
///
/// # Errors
/// `record-not-found` for a stream that the caller may not see.
pub async fn subscribe(app: &Arc<App>, session: &Arc<Session>, login: &Login, message: &Message) -> Result<()> {
    if session.held(|held| held.reads.len()) >= MOST {
        return Err(too_many());
    }
    let event_id = message.text("client-event-id")?.to_owned();
    let wanted = match message.get("stream-id") {
        Some(_) => Wanted::Id(message.text("stream-id")?.to_owned()),
        None => Wanted::ClientId(message.text("client-id")?.to_owned()),
    };
    if matches!(&wanted, Wanted::Id(id) if id.parse::<uuid::Uuid>().is_err()) {
        return Err(Error::not_found("stream"));
    }
    let from = offset(message)?.unwrap_or(0);
    let viewer =
        Viewer { auth: login.auth.clone(), request: request(app, session), rule_params: rule_params(message)? };
    let (shared, app_id, asking, limit) =
        (Arc::clone(app), Arc::clone(&login.live.id), viewer.clone(), Limit::start(app));
    let read = move |conn: &mut Conn| rules::visible(&shared, conn, &app_id, &asking, &wanted);
    let seen = app.db.read_snapshot_within(limit.time(), read).await.map_err(|e| told(limit.told(e)))?;
    let reader = Reader { app_id: Arc::clone(&login.live.id), seen, viewer, event_id: event_id.clone() };
    let task = actix_web::rt::spawn(follow(Arc::clone(app), Arc::clone(session), reader, from)).abort_handle();
    if let Some(before) = session.held(|held| held.reads.insert(event_id, task)) {
        before.abort();
    }
    if session.outbox.is_closed() {
        session.let_go();
    }
    Ok(())
}

/// `unsubscribe-stream`
///
/// # Errors
/// A message that does not say what is to end.
pub fn unsubscribe(session: &Session, message: &Message) -> Result<()> {
    let id = message.text("subscribe-event-id")?;
    if let Some(task) = session.held(|held| held.reads.remove(id)) {
        task.abort();
    }
    Ok(())
}

#[derive(Clone)]
struct Reader {
    app_id: Arc<str>,
    seen: Visible,
    viewer: Viewer,
    event_id: String,
}

/// Reads a stream for a connection, as fast as that takes it.
async fn follow(app: Arc<App>, session: Arc<Session>, mut reader: Reader, mut from: i64) {
    let mut watch = app.live.streams.watch((Arc::clone(&reader.app_id), reader.seen.id.as_str().into()));
    let mut is_first = true;
    loop {
        watch.seen();
        let (shared, limit, mut asking) = (Arc::clone(&app), Limit::start(&app), reader.clone());
        let read = move |conn: &mut Conn| {
            let Reader { app_id, viewer, seen, .. } = &mut asking;
            let page = rules::read(&shared, conn, app_id, viewer, seen, from)?;
            Ok::<_, DataError>((page, asking))
        };
        let page = match app.db.read_snapshot_within(limit.time(), read).await.map_err(|e| limit.told(e)) {
            Ok((page, asked)) => {
                reader = asked;
                page
            }
            Err(e) => {
                // What is gone or hidden stays so; from everything else the client comes back by itself.
                let retry = e.told.kind != Kind::RecordNotFound;
                reader.tell(&session, json!({"offset": from, "error": told(e).message, "retry": retry}));
                break;
            }
        };
        let is_empty = page.text.is_empty();
        if is_first || !is_empty || page.done {
            session.outbox.has_room().await;
            let mut members = json!({"offset": page.start, "content": page.text, "done": page.done});
            if let (Value::Object(members), true, Some(reason)) = (&mut members, page.done, page.abort_reason) {
                members.insert("abort-reason".into(), reason.into());
            }
            reader.tell(&session, members);
        }
        is_first = false;
        from = page.end;
        if page.done {
            break;
        }
        match (is_empty, app.live.bus.is_alone()) {
            (false, _) => {}
            (true, true) => watch.moved().await,
            (true, false) => drop(tokio::time::timeout(LOOK, watch.moved()).await),
        }
    }
    session.held(|held| held.reads.remove(&reader.event_id));
}

impl Reader {
    fn tell(&self, session: &Session, members: Value) {
        let mut message = match members {
            Value::Object(members) => members,
            _ => Map::new(),
        };
        message.insert("op".into(), "stream-append".into());
        message.insert("client-event-id".into(), self.event_id.as_str().into());
        message.insert("stream-id".into(), self.seen.id.as_str().into());
        message.insert("client-id".into(), self.seen.client_id.as_str().into());
        session.outbox.answer(&Value::Object(message).to_string());
    }
}

impl Session {
    /// What it writes and reads.
    fn held<T>(&self, f: impl FnOnce(&mut Held) -> T) -> T {
        let mut streams = self.streams();
        f(streams.get_or_insert_default())
    }
}

fn too_many() -> Error {
    let text = format!("A connection writes at most {MOST} streams and reads as many");
    Error::new(Kind::ParameterLimitExceeded, text, json!({"limit": MOST}))
}

fn offset(message: &Message) -> Result<Option<i64>> {
    let Some(value) = message.get("offset") else { return Ok(None) };
    let offset = value.as_i64().filter(|offset| *offset >= 0);
    offset.map(Some).ok_or_else(|| Error::malformed(&["offset"], value.clone()))
}

fn text(message: &Message) -> Result<String> {
    let malformed = || Error::malformed(&["chunks"], Value::Null);
    match message.get("chunks") {
        None => Ok(String::new()),
        Some(Value::Array(chunks)) if chunks.len() <= MOST_CHUNKS => {
            chunks.iter().map(|chunk| chunk.as_str().ok_or_else(malformed)).collect()
        }
        Some(_) => Err(malformed()),
    }
}

fn rule_params(message: &Message) -> Result<Map<String, Value>> {
    match message.get("rule-params") {
        None => Ok(Map::new()),
        Some(Value::Object(params)) => Ok(params.clone()),
        Some(other) => Err(Error::malformed(&["rule-params"], other.clone())),
    }
}

fn request(app: &App, session: &Session) -> Request {
    Request {
        time_ms: app.clock.now_ms(),
        ip: session.origin.ip.map(|ip| ip.to_canonical().to_string()),
        origin: session.origin.origin.clone(),
        modified_fields: Vec::new(),
    }
}
