//! Durable text streams (instant.md section 11): one writes, many read, from any offset, while it is written and afterwards.
//!
//! The text is stored before its writer hears so. Readers are told that a stream has moved, and read what is new from the
//! database, each at the pace of its connection; offsets are bytes of UTF-8.

pub mod ops;
pub mod rules;
mod store;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keystead_instaql::tx::outcome::Outcome;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::bus::News;
use crate::app::App;

/// App and stream.
pub type StreamKey = (Arc<str>, Arc<str>);

/// The streams that somebody at this node reads.
#[derive(Default)]
pub struct Streams(Mutex<HashMap<StreamKey, watch::Sender<()>>>);

/// Somebody reads a stream, until this is dropped.
pub struct Watch<'a> {
    streams: &'a Streams,
    key: StreamKey,
    receiver: Option<watch::Receiver<()>>,
}

/// What a connection writes and reads.
#[derive(Default)]
pub struct Held {
    writes: HashSet<String>,
    /// By the id of the message that began it.
    reads: HashMap<String, AbortHandle>,
}

/// Tells readers, here and at other nodes, of the streams that a transaction has deleted.
pub fn committed(app: &App, app_id: &str, outcome: &Outcome) {
    for stream in rules::gone(outcome) {
        moved(app, app_id, stream);
    }
}

fn moved(app: &App, app_id: &str, stream: String) {
    app.live.streams.moved(&(app_id.into(), stream.as_str().into()));
    app.live.bus.tell(|| News::StreamMoved { app: app_id.to_owned(), stream });
}

impl Streams {
    /// Hears from now on when the stream moves.
    #[must_use]
    pub fn watch(&self, key: StreamKey) -> Watch<'_> {
        let receiver = self.lock().entry(key.clone()).or_insert_with(|| watch::channel(()).0).subscribe();
        Watch { streams: self, key, receiver: Some(receiver) }
    }

    /// The stream has moved: more text, or its end.
    pub fn moved(&self, key: &StreamKey) {
        if let Some(sender) = self.lock().get(key) {
            sender.send_replace(());
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<StreamKey, watch::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch<'_> {
    /// What has been told until now is known.
    pub fn seen(&mut self) {
        if let Some(receiver) = &mut self.receiver {
            receiver.mark_unchanged();
        }
    }

    /// Comes back when the stream has moved since [`Watch::seen`].
    pub async fn moved(&mut self) {
        if let Some(receiver) = &mut self.receiver {
            // The sender lives as long as this does.
            drop(receiver.changed().await);
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let mut streams = self.streams.lock();
        self.receiver = None;
        if streams.get(&self.key).is_some_and(|sender| sender.receiver_count() == 0) {
            streams.remove(&self.key);
        }
    }
}

impl Held {
    /// The connection is gone.
    pub fn end(self) {
        for read in self.reads.into_values() {
            read.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn readers_hear_of_moves_and_leave_nothing_behind() {
        let streams = Streams::default();
        let key: StreamKey = ("app".into(), "stream".into());
        let (mut a, b) = (streams.watch(key.clone()), streams.watch(key.clone()));
        streams.moved(&key);
        a.moved().await;
        streams.moved(&key);
        a.seen();
        let waited = tokio::time::timeout(std::time::Duration::from_millis(10), a.moved()).await;
        assert!(waited.is_err(), "what was seen is not told again");
        drop((a, b));
        assert!(streams.lock().is_empty());
        streams.moved(&key);
    }
}
