//! What this node does when another one tells it something, and what happens at this node that all must hear.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::bus::{Letter, News};
use super::carriers::ws;
use super::door;
use super::hub::{Carrier, Shared};
use super::rooms;
use super::sessions::{ops, token_hash};
use super::store;
use crate::app::App;
use crate::db::{Conn, DbError};

/// A node that has been silent for so long is gone.
const SILENT: Duration = Duration::from_secs(15);

/// When the other nodes were heard last.
#[derive(Default)]
pub struct Nodes(Mutex<HashMap<String, Instant>>);

impl Nodes {
    fn heard(&self, node: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(node.to_owned(), Instant::now());
    }

    fn forget(&self, node: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(node);
    }

    fn take_silent(&self) -> Vec<String> {
        let mut nodes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let silent: Vec<_> =
            nodes.iter().filter(|(_, at)| at.elapsed() > SILENT).map(|(node, _)| node.clone()).collect();
        nodes.retain(|node, _| !silent.contains(node));
        silent
    }
}

/// Somebody's tokens are no good any more: his connections end, here and at other nodes. The clients come back and are
/// told so. Input: a user's id for all of his tokens, or one token as he has it; nodes tell each other its hash only.
pub fn signed_out(app: &App, app_id: &str, user: Option<&str>, token: Option<&str>) {
    let token = token.map(token_hash);
    end_sessions(app, app_id, user, token.as_deref());
    app.live.bus.tell(|| News::SignedOut { app: app_id.into(), user: user.map(str::to_owned), token });
}

/// As [`signed_out`] of a user, from a process that serves nobody, such as the operator's command: it stands in the database
/// with what made it true, and every server looks for it (`hear_sign_outs`).
///
/// # Errors
/// What the database says.
pub fn note_signed_out(app: &App, tx: &mut Conn, app_id: &str, user: &str) -> diesel::QueryResult<()> {
    store::note_sign_out(tx, &app.new_id(), app_id, user, app.clock.now_ms())
}

/// Ends the connections of users whom other processes have signed out since the last call; the first one only looks what is there.
/// `known`: what has been seen.
///
/// # Errors
/// What the database says.
pub(crate) async fn hear_sign_outs(app: &App, known: &mut Option<HashSet<String>>) -> Result<(), DbError> {
    let noted = app.db.read::<_, DbError, _>(|conn| Ok(store::sign_outs(conn)?)).await?;
    if let Some(known) = known {
        for (_, app_id, user) in noted.iter().filter(|(id, ..)| !known.contains(id)) {
            end_sessions(app, app_id, Some(user), None);
        }
    }
    *known = Some(noted.into_iter().map(|(id, ..)| id).collect());
    Ok(())
}

/// An app's rules or schema have changed by other means than a transaction.
pub fn changed(app: &App, app_id: &str) {
    doubt_all(app, app_id);
    app.live.bus.tell(|| News::Changed { app: app_id.into() });
}

fn doubt_all(app: &App, app_id: &str) {
    if let Some(live) = app.live.hub.find(app_id) {
        live.attrs_changed();
        live.all_changed();
        app.live.hub.wake();
    }
}

fn end_sessions(app: &App, app_id: &str, user: Option<&str>, token: Option<&str>) {
    for session in app.live.sessions.all().iter().filter(|session| session.is_signed_in_as(app_id, user, token)) {
        let last = (session.outbox.carrier() == Carrier::WebSocket).then(|| ws::goodbye("signed out"));
        session.outbox.end(last);
    }
}

/// Takes in a letter of another node.
pub(crate) async fn take_in(app: &Arc<App>, nodes: &Nodes, letter: Letter) {
    let Letter { node, news } = letter;
    nodes.heard(&node);
    match news {
        News::Committed { app: id, tx } => {
            if let Some(live) = app.live.hub.find(&id) {
                door::catch_up(app, &live, Some(tx)).await;
            }
        }
        News::Changed { app: id } => doubt_all(app, &id),
        News::SignedOut { app: id, user, token } => end_sessions(app, &id, user.as_deref(), token.as_deref()),
        News::Put { app: id, room, session, peer } => {
            let key = (id.into(), room.into());
            let edits = app.live.rooms.put(&key, &session.into(), peer);
            rooms::note(app, &key, edits);
        }
        News::Left { app: id, room, session } => {
            let key = (id.into(), room.into());
            let edits = app.live.rooms.leave(&key, &session);
            rooms::note(app, &key, edits);
        }
        News::Broadcast { app: id, room, session, message } => {
            app.live.rooms.broadcast(&(id.into(), room.into()), &session, &Shared::new(message.to_string()));
        }
        News::StreamMoved { app: id, stream } => app.live.streams.moved(&(id.into(), stream.into())),
        News::Pushed { session, token, messages } => {
            if let Some(session) = app.live.sessions.find(&session)
                && session.is_pushed_with(&token)
            {
                for message in messages {
                    ops::serve(app, &session, message).await;
                }
            }
        }
        News::Hello => tell_peers(app),
        News::Alive => {}
        News::Bye => {
            nodes.forget(&node);
            lose(app, &node);
        }
    }
}

/// Tells the others who is here.
pub(crate) fn tell_peers(app: &App) {
    for ((id, room), session, peer) in app.live.rooms.of_node(app.live.bus.node()) {
        app.live.bus.tell(|| News::Put {
            app: id.to_string(),
            room: room.to_string(),
            session: session.to_string(),
            peer,
        });
    }
}

/// Forgets the peers of nodes that have been silent for too long.
pub(crate) fn lose_silent(app: &Arc<App>, nodes: &Nodes) {
    for node in nodes.take_silent() {
        tracing::warn!(node, "a node has fallen silent");
        lose(app, &node);
    }
}

fn lose(app: &Arc<App>, node: &str) {
    for key in app.live.rooms.lose_node(node) {
        app.live.rooms.tell(&key);
    }
}
