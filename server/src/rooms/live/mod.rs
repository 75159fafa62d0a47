//! Live: queries that tell of their changes, the socket of front ends, rooms and presence, streams; one node or many.
//!
//! | part | what it does |
//! |---|---|
//! | `hub` | committed transactions → queries in doubt → one computation each → messages |
//! | `sessions` | connections, what they ask for (`ops`), and how many there may be |
//! | `carriers` | WebSocket and Server-Sent Events |
//! | `presence`, `rooms` | who is in a room, and what is called out there |
//! | `streams` | texts that one writes and many read |
//! | `bus`, `news` | other nodes |
//! | `door` | the way to the data room |

pub mod bus;
pub mod carriers;
pub mod door;
pub mod http;
pub mod hub;
mod missed;
pub mod news;
mod permits;
pub mod presence;
mod rooms;
pub mod sessions;
mod store;
pub mod streams;

use std::sync::{Arc, Mutex, PoisonError};

use bus::{Bus, Heard, News};
use hub::{Carrier, Hub};
use presence::Rooms;
use sessions::Registry;
use streams::Streams;

use crate::config::Config;
use crate::error::StartError;

/// Everything that is live at this node.
pub struct Live {
    /// Live queries.
    pub hub: Hub,
    /// Presence.
    pub rooms: Rooms,
    /// Connections.
    pub sessions: Registry,
    /// Streams that somebody reads.
    pub streams: Streams,
    /// Other nodes.
    pub bus: Bus,
    /// What other nodes say, until the job takes it.
    heard: Mutex<Option<tokio::sync::mpsc::Receiver<Heard>>>,
}

impl Live {
    /// Nothing is live yet. `node`: a name that no other process has.
    ///
    /// # Errors
    /// When the bus cannot be started.
    pub fn open(config: &Config, node: String) -> Result<Self, StartError> {
        let node: Arc<str> = node.into();
        let (bus, heard) = match config.bus_target() {
            crate::config::BusTarget::Alone => (Bus::alone(node), None),
            crate::config::BusTarget::Postgres(url) => {
                let (bus, heard) = Bus::postgres(node, url).map_err(StartError::io("the bus"))?;
                (bus, Some(heard))
            }
            crate::config::BusTarget::Nats { url, subject } => {
                let (bus, heard) =
                    Bus::nats(node, url.expose().to_owned(), subject).map_err(StartError::io("the bus"))?;
                (bus, Some(heard))
            }
        };
        let (hub, rooms, sessions) = (Hub::default(), Rooms::default(), Registry::default());
        Ok(Self { hub, rooms, sessions, streams: Streams::default(), bus, heard: Mutex::new(heard) })
    }

    /// Ends all connections, and tells the other nodes.
    pub fn stop(&self) {
        for session in self.sessions.all() {
            let last = (session.outbox.carrier() == Carrier::WebSocket).then(|| carriers::ws::goodbye("restart"));
            session.outbox.end(last);
        }
        self.bus.tell(|| News::Bye);
    }

    /// What other nodes say; the first time only.
    pub(crate) fn take_heard(&self) -> Option<tokio::sync::mpsc::Receiver<Heard>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
