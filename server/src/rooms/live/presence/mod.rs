//! Rooms: who is there, what they show, and what they call out to each other. Nothing of it is stored.
//!
//! A room is named by app and room id, and by its type where the app has rules for rooms. A peer is a connection; its id is the session id. Every node knows every peer of
//! every room: what happens at one node is told to all, and a node that falls silent takes its peers along
//! (`rooms/live/bus`).

mod edits;
mod room;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

pub use edits::Edit;
pub use room::{Peer, Room, typed};

use super::hub::{Outbox, Shared};

/// Changes of a room that come within this time are told together.
const GATHER: Duration = Duration::from_millis(8);

/// Name of a room: app, room id (or [`typed`]).
pub type RoomKey = (Arc<str>, Arc<str>);

/// All rooms that this node knows of.
#[derive(Default)]
pub struct Rooms(Mutex<HashMap<RoomKey, Room>>);

impl Rooms {
    /// A peer of this node comes, or shows something else. Gives what changed.
    pub fn enter(&self, key: &RoomKey, session: &Arc<str>, peer: Peer, outbox: &Arc<Outbox>) -> Vec<Edit> {
        let mut rooms = self.lock();
        let room = rooms.entry(key.clone()).or_default();
        room.here.insert(Arc::clone(session), Arc::clone(outbox));
        room.put(session, peer)
    }

    /// A peer of any node comes, or shows something else. Gives what changed.
    pub fn put(&self, key: &RoomKey, session: &Arc<str>, peer: Peer) -> Vec<Edit> {
        self.lock().entry(key.clone()).or_default().put(session, peer)
    }

    /// A peer goes. Gives what changed.
    pub fn leave(&self, key: &RoomKey, session: &str) -> Vec<Edit> {
        let mut rooms = self.lock();
        let Some(room) = rooms.get_mut(key) else { return Vec::new() };
        room.here.remove(session);
        let edits = room.remove(session);
        if room.is_empty() {
            rooms.remove(key);
        }
        edits
    }

    /// What a peer shows; none when it is not there.
    #[must_use]
    pub fn data(&self, key: &RoomKey, session: &str) -> Option<Value> {
        self.lock().get(key)?.peers.get(session).map(|peer| peer.data.clone())
    }

    /// A peer.
    #[must_use]
    pub fn peer(&self, key: &RoomKey, session: &str) -> Option<Peer> {
        self.lock().get(key)?.peers.get(session).cloned()
    }

    /// Everybody in a room: `{session: {"peer-id", user, data}}`.
    #[must_use]
    pub fn sessions(&self, key: &RoomKey) -> Value {
        self.lock().get(key).map_or_else(|| json!({}), Room::sessions)
    }

    /// Everybody in a room with the ids of their users.
    #[must_use]
    pub fn peers(&self, key: &RoomKey) -> Vec<(Arc<str>, Peer)> {
        let rooms = self.lock();
        let Some(room) = rooms.get(key) else { return Vec::new() };
        room.peers.iter().map(|(session, peer)| (Arc::clone(session), peer.clone())).collect()
    }

    /// Notes edits to be told to this node's peers. Gives how long to wait with [`Rooms::tell`]; none when somebody is
    /// waiting already.
    #[must_use]
    pub fn note(&self, key: &RoomKey, edits: Vec<Edit>) -> Option<Duration> {
        let mut rooms = self.lock();
        let room = rooms.get_mut(key)?;
        let first = room.pending.is_empty() && !edits.is_empty();
        room.pending.extend(edits);
        first.then(|| GATHER.saturating_sub(room.told.map_or(GATHER, |told| told.elapsed())))
    }

    /// Tells this node's peers what has been noted.
    pub fn tell(&self, key: &RoomKey) {
        if let Some(room) = self.lock().get_mut(key) {
            room.tell(&key.1, None);
        }
    }

    /// Queues the whole room for a connection, which gets the changes from then on.
    pub fn welcome(&self, key: &RoomKey, outbox: &Arc<Outbox>) {
        let mut rooms = self.lock();
        if let Some(room) = rooms.get_mut(key) {
            room.tell(&key.1, Some(outbox));
            outbox.answer(&room.whole(&key.1));
        }
    }

    /// The whole room as a message, for a connection that sends it before anything else.
    #[must_use]
    pub fn whole(&self, key: &RoomKey, outbox: &Arc<Outbox>) -> Option<String> {
        let mut rooms = self.lock();
        let room = rooms.get_mut(key)?;
        room.tell(&key.1, Some(outbox));
        Some(room.whole(&key.1))
    }

    /// Sends a message to this node's peers of a room but one.
    pub fn broadcast(&self, key: &RoomKey, from: &str, message: &Shared) {
        let rooms = self.lock();
        let Some(room) = rooms.get(key) else { return };
        for (_, outbox) in room.here.iter().filter(|(session, _)| &***session != from) {
            if !outbox.offer(message) {
                tracing::debug!("a broadcast was not sent to a client that is behind");
            }
        }
    }

    /// All peers of a node with their rooms.
    #[must_use]
    pub fn of_node(&self, node: &str) -> Vec<(RoomKey, Arc<str>, Peer)> {
        let rooms = self.lock();
        let of_room = |(key, room): (&RoomKey, &Room)| {
            let key = key.clone();
            let peers = room.peers.iter().filter(|(_, peer)| peer.node == node);
            peers.map(|(session, peer)| (key.clone(), Arc::clone(session), peer.clone())).collect::<Vec<_>>()
        };
        rooms.iter().flat_map(of_room).collect()
    }

    /// A node is gone with all its peers. Gives the rooms that changed; what changed is noted in them.
    pub fn lose_node(&self, node: &str) -> Vec<RoomKey> {
        let mut changed = Vec::new();
        self.lock().retain(|key, room| {
            let gone = room.peers.iter().filter(|(_, peer)| peer.node == node).map(|(session, _)| Arc::clone(session));
            let gone: Vec<Arc<str>> = gone.collect();
            if !gone.is_empty() {
                let edits: Vec<Edit> = gone.iter().flat_map(|session| room.remove(session)).collect();
                room.pending.extend(edits);
                changed.push(key.clone());
            }
            !room.is_empty()
        });
        changed
    }

    /// How many rooms there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// True when nobody is anywhere.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RoomKey, Room>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll};

    use futures_util::task::noop_waker;

    use super::*;
    use crate::rooms::live::hub::{Carrier, Next};

    fn peer(data: Value) -> Peer {
        Peer { node: "n".into(), user: None, data }
    }

    #[test]
    fn peers_come_change_and_go() {
        let rooms = Rooms::default();
        let key: RoomKey = ("app".into(), "room".into());
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let outbox = Arc::new(Outbox::new(Carrier::Sse));
        assert_eq!(rooms.enter(&key, &a, peer(json!({"x": 1})), &outbox).len(), 1);
        let edits = rooms.put(&key, &b, peer(json!({})));
        assert_eq!(rooms.note(&key, edits), Some(Duration::ZERO));
        let edits = rooms.put(&key, &b, peer(json!({"y": [1]})));
        assert_eq!(rooms.note(&key, edits), None);
        rooms.tell(&key);
        rooms.tell(&key);
        let Poll::Ready(Next::Bytes(told)) = outbox.poll_next(&mut Context::from_waker(&noop_waker())) else {
            panic!()
        };
        let told = String::from_utf8(told.to_vec()).unwrap();
        assert!(
            told.contains(r#"[["b"],"+",{"data":{},"peer-id":"b","user":null}],[["b","data","y"],"+",[1]]"#),
            "{told}"
        );
        assert!(outbox.poll_next(&mut Context::from_waker(&noop_waker())).is_pending(), "told once");
        assert_eq!(rooms.sessions(&key)["b"]["data"], json!({"y": [1]}));
        assert_eq!(rooms.of_node("n").len(), 2);
        rooms.leave(&key, "a");
        assert_eq!(serde_json::to_value(rooms.leave(&key, "b")).unwrap(), json!([[["b"], "-"]]));
        assert!(rooms.is_empty());
    }
}
