//! What peers do in rooms (instant.md section 17.5), and who may see it over HTTP (section 9).

use std::sync::Arc;
use std::time::Duration;

use keystead_instaql::error::{Error, Kind, Problem, Result};
use serde_json::{Value, json};

use super::bus::News;
use super::door;
use super::hub::Shared;
use super::permits::{self, Wish};
use super::presence::{Edit, Peer, RoomKey, typed};
use super::sessions::ops::Message;
use super::sessions::{Joined, Login, Session};
use crate::app::App;

/// Bytes of a room's id, and of what a peer shows.
const MAX_ID: usize = 512;
const MAX_DATA: usize = 64 * 1024;

/// How a room is known under the app's rules.
fn place(login: &Login, kind: &str, id: &str) -> Joined {
    let room = if login.live.rules().1.has_rooms() { typed(kind, id) } else { id.into() };
    Joined { kind: kind.into(), room }
}

fn key(login: &Login, joined: &Joined) -> RoomKey {
    (Arc::clone(&login.live.id), Arc::clone(&joined.room))
}

/// A text that names something: the id of a room, or its type.
fn name<'m>(message: &'m Message, member: &str) -> Result<&'m str> {
    let text = message.text(member)?;
    if text.is_empty() || text.len() > MAX_ID || text.contains('\0') {
        return Err(Error::malformed(&[member], text.into()));
    }
    Ok(text)
}

fn room_id(message: &Message) -> Result<&str> {
    name(message, "room-id")
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

pub(super) async fn join(app: &Arc<App>, session: &Arc<Session>, login: &Login, message: &Message) -> Result<()> {
    let id = room_id(message)?;
    let kind = message.get("room-type").map_or(Ok(""), |_| name(message, "room-type"))?;
    let most = app.config.live.rooms_per_connection;
    let before = session.joined(id);
    if before.is_none() && session.room_count() >= most {
        let text = format!("A connection is in at most {most} rooms");
        return Err(Error::new(Kind::ParameterLimitExceeded, text, json!({"limit": most})));
    }
    let (version, _) = login.live.rules();
    let joined = place(login, kind, id);
    let room = key(login, &joined);
    let shown = app.live.rooms.data(&room, &session.id);
    let mut wishes = vec![Wish::JOIN];
    let data = match (shown, message.get("data")) {
        (Some(shown), _) => shown,
        (None, None) => json!({}),
        (None, Some(given)) => {
            let given = checked(given.clone())?;
            // Whoever has nothing to show needs no leave to show it.
            if given != json!({}) {
                wishes.push(Wish { action: "presence", topic: None, data: Some(given.clone()) });
            }
            given
        }
    };
    permits::may(app, session, login, (kind, id), wishes).await.map_err(|refusal| refusal.error)?;
    if let Some(before) = before.filter(|before| before.room != joined.room) {
        leave_room(app, &key(login, &before), &session.id);
    }
    let peer = Peer { node: app.live.bus.node().to_string(), user: door::user_id(&login.auth), data };
    session.entered(id, joined);
    let edits = app.live.rooms.enter(&room, &session.id, peer.clone(), &session.outbox);
    if session.outbox.is_closed() {
        leave_room(app, &room, &session.id);
        return Ok(());
    }
    session.outbox.answer(&message.answer("join-room-ok", json!({"room-id": id})));
    note(app, &room, edits);
    app.live.rooms.welcome(&room, &session.outbox);
    tell_put(app, &room, &session.id, peer);
    if login.live.rules().0 != version {
        // They have changed meanwhile, and whoever asks all members again may have missed this one.
        permits::look_again(app, session).await;
    }
    Ok(())
}

/// After a change of rules: a room may be known under another name.
pub(super) fn rename(app: &Arc<App>, session: &Session, login: &Login, id: &str) {
    let Some(before) = session.joined(id) else { return };
    let now = place(login, &before.kind, id);
    if now == before {
        return;
    }
    let (from, to) = (key(login, &before), key(login, &now));
    let Some(peer) = app.live.rooms.peer(&from, &session.id) else { return };
    leave_room(app, &from, &session.id);
    session.entered(id, now);
    let edits = app.live.rooms.enter(&to, &session.id, peer.clone(), &session.outbox);
    if session.outbox.is_closed() {
        leave_room(app, &to, &session.id);
        return;
    }
    note(app, &to, edits);
    app.live.rooms.welcome(&to, &session.outbox);
    tell_put(app, &to, &session.id, peer);
}

pub(super) fn leave(app: &Arc<App>, session: &Session, login: &Login, message: &Message) -> Result<()> {
    let id = room_id(message)?;
    if let Some(joined) = session.left(id) {
        leave_room(app, &key(login, &joined), &session.id);
    }
    session.outbox.answer(&message.answer("leave-room-ok", json!({"room-id": id})));
    Ok(())
}

/// The room of this id, if the connection is in it and may do what it wishes there. Whoever may not be there any more is
/// taken out.
async fn inside(app: &Arc<App>, session: &Session, login: &Login, id: &str, wish: Option<Wish>) -> Result<RoomKey> {
    let joined = session.joined(id).ok_or_else(|| not_in_room(id))?;
    let wishes = [Wish::JOIN].into_iter().chain(wish).collect();
    if let Err(refusal) = permits::may(app, session, login, (&joined.kind, id), wishes).await {
        if refusal.action == Wish::JOIN.action {
            permits::evict(app, session, login, id, &refusal.error);
        }
        return Err(refusal.error);
    }
    // It may have left meanwhile, or the room has another name.
    let joined = session.joined(id).ok_or_else(|| not_in_room(id))?;
    Ok(key(login, &joined))
}

/// A peer of this node is gone.
pub(super) fn leave_room(app: &Arc<App>, key: &RoomKey, session: &Arc<str>) {
    let edits = app.live.rooms.leave(key, session);
    note(app, key, edits);
    app.live.bus.tell(|| News::Left { app: key.0.to_string(), room: key.1.to_string(), session: session.to_string() });
}

pub(super) async fn set_presence(app: &Arc<App>, session: &Session, login: &Login, message: &Message) -> Result<()> {
    let id = room_id(message)?;
    let data = checked(message.get("data").cloned().unwrap_or_else(|| json!({})))?;
    // Whoever shows nothing any more needs no leave for it.
    let wish = (data != json!({})).then(|| Wish { action: "presence", topic: None, data: Some(data.clone()) });
    let key = inside(app, session, login, id, wish).await?;
    let peer = Peer { node: app.live.bus.node().to_string(), user: door::user_id(&login.auth), data };
    let edits = app.live.rooms.put(&key, &session.id, peer.clone());
    session.outbox.answer(&message.answer("set-presence-ok", json!({"room-id": id})));
    if !edits.is_empty() {
        note(app, &key, edits);
        tell_put(app, &key, &session.id, peer);
    }
    Ok(())
}

pub(super) async fn broadcast(app: &Arc<App>, session: &Session, login: &Login, message: &Message) -> Result<()> {
    let id = room_id(message)?;
    session.joined(id).ok_or_else(|| not_in_room(id))?;
    let topic = message.get("topic").cloned().ok_or_else(|| Error::missing(&["topic"]))?;
    let data = checked(message.get("data").cloned().unwrap_or(Value::Null))?;
    let wish = Wish { action: "broadcast", topic: Some(topic.clone()), data: Some(data.clone()) };
    let key = inside(app, session, login, id, Some(wish)).await?;
    let user = door::user_id(&login.auth).map(|id| json!({"id": id}));
    let call = json!({
        "op": "server-broadcast", "room-id": id, "topic": topic,
        "data": {"peer-id": &*session.id, "user": user, "data": data},
    });
    let ok = json!({"room-id": id, "topic": topic, "data": data});
    session.outbox.answer(&message.answer("client-broadcast-ok", ok));
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
