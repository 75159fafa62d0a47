//! One room.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::edits::Edit;
use crate::rooms::live::hub::{Outbox, Shared};

/// Who is in a room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Peer {
    /// The node whose connection it is.
    pub node: String,
    /// The id of the user; none for guests.
    pub user: Option<String>,
    /// What it shows.
    pub data: Value,
}

impl Peer {
    /// As others see it.
    #[must_use]
    pub fn shown(&self, session: &str) -> Value {
        json!({"peer-id": session, "user": self.user.as_ref().map(|id| json!({"id": id})), "data": self.data})
    }
}

/// How a room of a type is known here, so that it is another one than that of the same id and another type. Neither has a NUL.
#[must_use]
pub fn typed(kind: &str, id: &str) -> Arc<str> {
    format!("{kind}\0{id}").into()
}

/// The id of a room that may be known by its type, too.
#[must_use]
pub(super) fn wire_id(room: &str) -> &str {
    room.split_once('\0').map_or(room, |(_, id)| id)
}

/// A room.
#[derive(Default)]
pub struct Room {
    pub(super) peers: BTreeMap<Arc<str>, Peer>,
    /// The connections of this node.
    pub(super) here: HashMap<Arc<str>, Arc<Outbox>>,
    /// What has not been told yet.
    pub(super) pending: Vec<Edit>,
    /// When something was told last.
    pub(super) told: Option<Instant>,
}

impl Room {
    pub(super) fn put(&mut self, session: &Arc<str>, peer: Peer) -> Vec<Edit> {
        let edits = match self.peers.get(session) {
            Some(before) if before.user == peer.user => Edit::between(session, &before.data, &peer.data),
            Some(_) => vec![Edit::replace(&[session], peer.shown(session))],
            None => vec![Edit::add(&[session], peer.shown(session))],
        };
        self.peers.insert(Arc::clone(session), peer);
        edits
    }

    pub(super) fn remove(&mut self, session: &str) -> Vec<Edit> {
        if self.peers.remove(session).is_none() {
            return Vec::new();
        }
        vec![Edit::remove(&[session])]
    }

    /// Tells the connections of this node what is pending, but `except`. `room`: as the room is known here.
    pub(super) fn tell(&mut self, room: &Arc<str>, except: Option<&Arc<Outbox>>) {
        let pending = std::mem::take(&mut self.pending);
        if pending.is_empty() || self.here.is_empty() {
            return;
        }
        self.told = Some(Instant::now());
        let message = json!({"op": "patch-presence", "room-id": wire_id(room), "edits": pending});
        let message = Shared::new(message.to_string());
        for outbox in self.here.values().filter(|outbox| except.is_none_or(|except| !Arc::ptr_eq(outbox, except))) {
            outbox.offer_room(room, &message);
        }
    }

    pub(super) fn whole(&self, room: &str) -> String {
        json!({"op": "refresh-presence", "room-id": wire_id(room), "data": self.sessions()}).to_string()
    }

    pub(super) fn sessions(&self) -> Value {
        let shown = self.peers.iter().map(|(session, peer)| (session.to_string(), peer.shown(session)));
        Value::Object(shown.collect::<Map<_, _>>())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.peers.is_empty() && self.here.is_empty()
    }
}
