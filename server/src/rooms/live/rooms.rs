//! What peers do in rooms (instant.md section 17.5), and who may see it over HTTP (section 9).

use std::sync::Arc;
use std::time::Duration;

use keystead_instaql::error::{Error, Kind, Problem, Result};
use serde_json::{Value, json};

use super::bus::News;
use super::door;
use super::hub::Shared;
use super::presence::{Edit, Peer, RoomKey};
use super::sessions::ops::Message;
use super::sessions::{Login, Session};
use crate::app::App;

/// Bytes of a room's id, and of what a peer shows.
const MAX_ID: usize = 512;
const MAX_DATA: usize = 64 * 1024;

fn key(login: &Login, room_id: &str) -> RoomKey {
    (Arc::clone(&login.live.id), room_id.into())
}

fn room_id(message: &Message) -> Result<&str> {
    let id = message.text("room-id")?;
    if id.is_empty() || id.len() > MAX_ID {
        return Err(Error::malformed(&["room-id"], id.into()));
    }
    Ok(id)
}

fn checked(data: Value) -> Result<Value> {
    if data.to_string().len() > MAX_DATA {
        let text = format!("Presence and broadcasts have at most {MAX_DATA} bytes");
        return Err(Error::new(Kind::ParameterLimitExceeded, text, json!({"limit": MAX_DATA})));
    }
    Ok(data)
}

fn not_in_room(room: &str) -> Error {
    let problem = Problem::message(Vec::new(), "This connection has not joined the room");
    Error::validation("room", room.into(), &[problem])
}

pub(super) fn join(app: &Arc<App>, session: &Arc<Session>, login: &Login, message: &Message) -> Result<()> {
    let id = room_id(message)?;
    let most = app.config.live.rooms_per_connection;
    if !session.is_in(id) && session.room_count() >= most {
        let text = format!("A connection is in at most {most} rooms");
        return Err(Error::new(Kind::ParameterLimitExceeded, text, json!({"limit": most})));
    }
    let key = key(login, id);
    let shown = app.live.rooms.data(&key, &session.id);
    let given = message.get("data").cloned();
    let data = checked(shown.or(given).unwrap_or_else(|| json!({})))?;
    let peer = Peer { node: app.live.bus.node().to_string(), user: door::user_id(&login.auth), data };
    session.entered(id);
    let edits = app.live.rooms.enter(&key, &session.id, peer.clone(), &session.outbox);
    if session.outbox.is_closed() {
        leave_room(app, &key, &session.id);
        return Ok(());
    }
    session.outbox.answer(&message.answer("join-room-ok", json!({"room-id": id})));
    note(app, &key, edits);
    app.live.rooms.welcome(&key, &session.outbox);
    tell_put(app, &key, &session.id, peer);
    Ok(())
}

pub(super) fn leave(app: &Arc<App>, session: &Session, login: &Login, message: &Message) -> Result<()> {
    let id = room_id(message)?;
    if session.left(id) {
        leave_room(app, &key(login, id), &session.id);
    }
    session.outbox.answer(&message.answer("leave-room-ok", json!({"room-id": id})));
    Ok(())
}

/// A peer of this node is gone.
pub(super) fn leave_room(app: &Arc<App>, key: &RoomKey, session: &Arc<str>) {
    let edits = app.live.rooms.leave(key, session);
    note(app, key, edits);
    app.live.bus.tell(|| News::Left { app: key.0.to_string(), room: key.1.to_string(), session: session.to_string() });
}

pub(super) fn set_presence(app: &Arc<App>, session: &Session, login: &Login, message: &Message) -> Result<()> {
    let id = room_id(message)?;
    if !session.is_in(id) {
        return Err(not_in_room(id));
    }
    let data = checked(message.get("data").cloned().unwrap_or_else(|| json!({})))?;
    let key = key(login, id);
    let peer = Peer { node: app.live.bus.node().to_string(), user: door::user_id(&login.auth), data };
    let edits = app.live.rooms.put(&key, &session.id, peer.clone());
    session.outbox.answer(&message.answer("set-presence-ok", json!({"room-id": id})));
    if !edits.is_empty() {
        note(app, &key, edits);
        tell_put(app, &key, &session.id, peer);
    }
    Ok(())
}

pub(super) fn broadcast(app: &Arc<App>, session: &Session, login: &Login, message: &Message) -> Result<()> {
    let id = room_id(message)?;
    if !session.is_in(id) {
        return Err(not_in_room(id));
    }
    let topic = message.get("topic").cloned().ok_or_else(|| Error::missing(&["topic"]))?;
    let data = checked(message.get("data").cloned().unwrap_or(Value::Null))?;
    let user = door::user_id(&login.auth).map(|id| json!({"id": id}));
    let call = json!({
        "op": "server-broadcast", "room-id": id, "topic": topic,
        "data": {"peer-id": &*session.id, "user": user, "data": data},
    });
    let ok = json!({"room-id": id, "topic": topic, "data": data});
    session.outbox.answer(&message.answer("client-broadcast-ok", ok));
    let key = key(login, id);
    app.live.rooms.broadcast(&key, &session.id, &Shared::new(call.to_string()));
    app.live.bus.tell(|| News::Broadcast {
        app: key.0.to_string(),
        room: key.1.to_string(),
        session: session.id.to_string(),
        message: call,
    });
    Ok(())
}

fn tell_put(app: &App, key: &RoomKey, session: &Arc<str>, peer: Peer) {
    app.live.bus.tell(|| News::Put {
        app: key.0.to_string(),
        room: key.1.to_string(),
        session: session.to_string(),
        peer,
    });
}

/// Notes what changed in a room, and sees to it that it is told: now, or a moment later with what else changes until then.
pub(super) fn note(app: &Arc<App>, key: &RoomKey, edits: Vec<Edit>) {
    match app.live.rooms.note(key, edits) {
        None => {}
        Some(Duration::ZERO) => app.live.rooms.tell(key),
        Some(wait) => {
            let (app, key) = (Arc::clone(app), key.clone());
            actix_web::rt::spawn(async move {
                tokio::time::sleep(wait).await;
                app.live.rooms.tell(&key);
            });
        }
    }
}
