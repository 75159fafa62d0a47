//! How nodes hear of each other: in one process not at all, else over PostgreSQL's LISTEN/NOTIFY or NATS.
//!
//! News may get lost: every node catches up with commits by the change log, tells its peers' presence anew when asked,
//! and forgets the peers of a node that has been silent.

mod nats;
mod parts;
mod postgres;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::presence::Peer;

/// What waits to be told at most; beyond that news is lost, and others catch up.
const MAX_WAITING: usize = 10_000;

/// Something that other nodes should hear.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is")]
pub enum News {
    /// A transaction of an app.
    Committed {
        /// App id.
        app: String,
        /// Its number.
        tx: i64,
    },
    /// An app's rules, status or schema were changed by other means than a transaction.
    Changed {
        /// App id.
        app: String,
    },
    /// Refresh tokens that are no good any more, by their hashes; none: all of the user.
    SignedOut {
        /// App id.
        app: String,
        /// The user's id, if it is about all his tokens.
        user: Option<String>,
        /// Hash of the one token.
        token: Option<String>,
    },
    /// A peer is in a room and shows this.
    Put {
        /// App id.
        app: String,
        /// Room id.
        room: String,
        /// Session id.
        session: String,
        /// The peer.
        peer: Peer,
    },
    /// A peer has left a room.
    Left {
        /// App id.
        app: String,
        /// Room id.
        room: String,
        /// Session id.
        session: String,
    },
    /// A call to everybody in a room but the caller.
    Broadcast {
        /// App id.
        app: String,
        /// Room id.
        room: String,
        /// The caller's session id.
        session: String,
        /// The message as clients get it.
        message: Value,
    },
    /// A stream has more text, or has ended.
    StreamMoved {
        /// App id.
        app: String,
        /// The stream.
        stream: String,
    },
    /// Messages of a client whose session is at another node.
    Pushed {
        /// Session id.
        session: String,
        /// The token that came with them, hashed.
        token: String,
        /// The messages.
        messages: Vec<Value>,
    },
    /// A node has come, or has lost news: all tell it their peers.
    Hello,
    /// A node is there.
    Alive,
    /// A node goes.
    Bye,
}

/// News with its sender.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Letter {
    /// The node that sent it.
    pub node: String,
    /// What it says.
    pub news: News,
}

/// What a bus tells its node.
#[derive(Debug)]
pub enum Heard {
    /// A letter of another node.
    Letter(Letter),
    /// The connection was lost and is there again: catch up.
    Reconnected,
}

/// Where letters wait.
enum Out {
    Nowhere,
    Thread(mpsc::SyncSender<String>),
    Task(tokio::sync::mpsc::Sender<String>),
}

/// This node's end of the bus.
pub struct Bus {
    node: Arc<str>,
    out: Out,
    lost: AtomicU64,
}

impl Bus {
    /// No other node.
    #[must_use]
    pub fn alone(node: Arc<str>) -> Self {
        Self { node, out: Out::Nowhere, lost: AtomicU64::new(0) }
    }

    /// Over PostgreSQL. What is heard comes out of the receiver. Ends when the bus is dropped.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn postgres(node: Arc<str>, url: String) -> std::io::Result<(Self, tokio::sync::mpsc::Receiver<Heard>)> {
        let (out, waiting) = mpsc::sync_channel(MAX_WAITING);
        let (tell, heard) = tokio::sync::mpsc::channel(MAX_WAITING);
        postgres::start(Arc::clone(&node), url, waiting, tell)?;
        Ok((Self { node, out: Out::Thread(out), lost: AtomicU64::new(0) }, heard))
    }

    /// Over NATS. What is heard comes out of the receiver. Ends when the bus is dropped.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn nats(
        node: Arc<str>,
        url: String,
        subject: String,
    ) -> std::io::Result<(Self, tokio::sync::mpsc::Receiver<Heard>)> {
        let (out, waiting) = tokio::sync::mpsc::channel(MAX_WAITING);
        let (tell, heard) = tokio::sync::mpsc::channel(MAX_WAITING);
        nats::start(Arc::clone(&node), url, subject, waiting, tell)?;
        Ok((Self { node, out: Out::Task(out), lost: AtomicU64::new(0) }, heard))
    }

    /// The name of this node.
    #[must_use]
    pub fn node(&self) -> &Arc<str> {
        &self.node
    }

    /// True when nobody else can hear.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        matches!(self.out, Out::Nowhere)
    }

    /// Tells the others. `news` is made only if there can be others.
    pub fn tell(&self, news: impl FnOnce() -> News) {
        if self.is_alone() {
            return;
        }
        let letter = Letter { node: self.node.to_string(), news: news() };
        let sent = serde_json::to_string(&letter).is_ok_and(|text| match &self.out {
            Out::Nowhere => true,
            Out::Thread(out) => out.try_send(text).is_ok(),
            Out::Task(out) => out.try_send(text).is_ok(),
        });
        if !sent {
            let lost = self.lost.fetch_add(1, Ordering::Relaxed);
            if lost.is_power_of_two() || lost == 0 {
                tracing::warn!(lost = lost + 1, "the bus cannot keep up: news for other nodes is lost");
            }
        }
    }
}
