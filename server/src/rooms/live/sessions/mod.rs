//! Connections of clients: what they ask for, and what is known of them. The carrier (WebSocket or events) does not matter here.

pub mod ops;
pub mod registry;
mod syncs;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use keystead_crypto::encoding::hex_encode;
use keystead_crypto::hash::sha256;

use super::door;
use super::hub::{Form, LiveApp, Next, Outbox, QueryKey, Subscription};
use super::streams::Held;
use crate::rooms::data::auth::Auth;

pub use registry::{Registry, Seat};
use syncs::Copies;

/// What a connection has asked for, by the text and form of the query.
type Queries = HashMap<(Arc<str>, Form), Arc<Subscription>>;

/// A connection of a client.
pub struct Session {
    /// Its id, which is its peer id in rooms.
    pub id: Arc<str>,
    /// What waits to be sent.
    pub outbox: Arc<Outbox>,
    /// Who it is, after `init`.
    login: OnceLock<Login>,
    /// Where it comes from.
    pub origin: Origin,
    queries: Mutex<Queries>,
    /// Most connections have none.
    copies: Mutex<Option<Box<Copies>>>,
    rooms: Mutex<HashMap<Arc<str>, Joined>>,
    /// Most connections have none.
    streams: Mutex<Option<Box<Held>>>,
    /// The tick at which something was heard of it.
    heard: AtomicU64,
    /// The tick at which it came.
    pub since: u64,
    /// Hash of the token that must come with messages that are pushed.
    push_token: OnceLock<String>,
    seat: Seat,
}

/// A room that a connection is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// Its type, as the client says.
    pub kind: Arc<str>,
    /// How it is known: see [`RoomKey`](super::presence::RoomKey).
    pub room: Arc<str>,
}

/// Who a connection is.
pub struct Login {
    /// The app, kept live by this.
    pub live: Arc<LiveApp>,
    /// As whom it acts.
    pub auth: Auth,
    /// The hash of the refresh token that it came with.
    pub token: Option<String>,
    /// True when the app's rules look at address and origin: then callers from elsewhere may see something else.
    pub asks_request: bool,
    /// `inference?` of connections that get trees.
    pub singular: bool,
}

/// Where a connection comes from, for rules and limits.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The address.
    pub ip: Option<IpAddr>,
    /// The header `origin`.
    pub origin: Option<String>,
}

impl Session {
    /// A connection that has not said who it is.
    #[must_use]
    pub fn new(id: String, outbox: Arc<Outbox>, origin: Origin, seat: Seat, tick: u64) -> Self {
        Self {
            id: id.into(),
            outbox,
            login: OnceLock::new(),
            origin,
            queries: Mutex::default(),
            copies: Mutex::default(),
            rooms: Mutex::default(),
            streams: Mutex::default(),
            heard: AtomicU64::new(tick),
            since: tick,
            push_token: OnceLock::new(),
            seat,
        }
    }

    /// Who it is; none before `init`.
    #[must_use]
    pub fn login(&self) -> Option<&Login> {
        self.login.get()
    }

    /// Says who it is. False when that was said before.
    pub fn log_in(&self, login: Login) -> bool {
        self.login.set(login).is_ok()
    }

    /// Messages come by other requests, with the token of this hash.
    pub fn is_pushed_by(&self, token_hash: String) {
        drop(self.push_token.set(token_hash));
    }

    /// True when a token of this hash may push messages.
    #[must_use]
    pub fn is_pushed_with(&self, token_hash: &str) -> bool {
        self.push_token.get().is_some_and(|mine| mine == token_hash)
    }

    /// Something was heard of the client.
    pub fn heard(&self, tick: u64) {
        self.heard.store(tick, Ordering::Relaxed);
    }

    /// When something was heard last.
    #[must_use]
    pub fn last_heard(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }

    /// True when `user`'s tokens (or the one token) are this connection's.
    #[must_use]
    pub fn is_signed_in_as(&self, app_id: &str, user: Option<&str>, token: Option<&str>) -> bool {
        self.login().is_some_and(|login| {
            &*login.live.id == app_id && {
                let is_user = user.is_some() && door::user_id(&login.auth).as_deref() == user;
                is_user || (token.is_some() && login.token.as_deref() == token)
            }
        })
    }

    fn queries(&self) -> MutexGuard<'_, Queries> {
        self.queries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<Arc<str>, Joined>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The subscriptions.
    #[must_use]
    pub fn subscriptions(&self) -> Vec<Arc<Subscription>> {
        self.queries().values().cloned().collect()
    }

    fn copies<T>(&self, look: impl FnOnce(&mut Copies) -> T) -> T {
        let mut copies = self.copies.lock().unwrap_or_else(PoisonError::into_inner);
        let result = look(copies.get_or_insert_default());
        if copies.as_ref().is_some_and(|copies| copies.is_empty()) {
            *copies = None;
        }
        result
    }

    /// The room of this id, if it has joined it.
    #[must_use]
    pub fn joined(&self, id: &str) -> Option<Joined> {
        self.rooms().get(id).cloned()
    }

    /// The rooms that it is in, by id.
    #[must_use]
    pub fn all_joined(&self) -> Vec<(Arc<str>, Joined)> {
        self.rooms().iter().map(|(id, joined)| (Arc::clone(id), joined.clone())).collect()
    }

    /// How many rooms it is in.
    #[must_use]
    pub fn room_count(&self) -> usize {
        self.rooms().len()
    }

    /// It joins a room.
    pub fn entered(&self, id: &str, joined: Joined) {
        self.rooms().insert(id.into(), joined);
    }

    /// It leaves the room of this id; none when it was not there.
    pub fn left(&self, id: &str) -> Option<Joined> {
        self.rooms().remove(id)
    }

    pub(super) fn streams(&self) -> MutexGuard<'_, Option<Box<Held>>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It reads no streams any more.
    pub(super) fn let_go(&self) {
        let held = self.streams().take();
        if let Some(held) = held {
            held.end();
        }
    }

    /// Ends what the connection had: called once, when it is gone. Gives the rooms that it was in, as they are known.
    pub fn ended(&self) -> Vec<Arc<str>> {
        self.outbox.close();
        self.let_go();
        let queries = std::mem::take(&mut *self.queries());
        if let Some(login) = self.login() {
            for subscription in queries.into_values().chain(self.copies(std::mem::take).into_values()) {
                login.live.leave(&subscription);
            }
            login.live.forget(&self.outbox);
        }
        self.seat.leave();
        std::mem::take(&mut *self.rooms()).into_values().map(|joined| joined.room).collect()
    }

    fn key(&self, query: &str, form: Form, login: &Login) -> QueryKey {
        let request = login.asks_request.then(|| {
            let ip = self.origin.ip.map(|ip| ip.to_string());
            Arc::new((ip, self.origin.origin.clone()))
        });
        QueryKey { query: query.into(), form, context: door::context(&login.auth), request }
    }
}

/// How tokens are compared, whatever way their digits are written: by the hex of their SHA-256.
#[must_use]
pub fn token_hash(token: &str) -> String {
    let token = token.parse::<uuid::Uuid>().map_or_else(|_| token.to_owned(), |uuid| uuid.to_string());
    hex_encode(&sha256(token.as_bytes()))
}

/// The next bytes for the carrier of a session.
pub fn next_bytes(
    rooms: &super::presence::Rooms,
    session: &Session,
    context: &mut std::task::Context<'_>,
) -> std::task::Poll<Option<bytes::Bytes>> {
    use std::task::Poll;
    loop {
        match session.outbox.poll_next(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Next::End) => return Poll::Ready(None),
            Poll::Ready(Next::Bytes(bytes)) => return Poll::Ready(Some(bytes)),
            Poll::Ready(Next::Room(room)) => {
                let Some(login) = session.login() else { continue };
                let key = (Arc::clone(&login.live.id), room);
                if let Some(message) = rooms.whole(&key, &session.outbox) {
                    return Poll::Ready(Some(session.outbox.carrier().frame(&message)));
                }
            }
        }
    }
}
