//! What waits to be sent over one connection.
//!
//! Answers wait in order. Results of live queries do not wait at all: what waits is the *subscription*, and the result is
//! taken when the socket can take bytes. So a slow client always gets the newest result, skips those between, and holds
//! no more memory than its subscriptions. Presence works likewise: a client that is behind gets the room anew.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::task::AtomicWaker;

use super::frame::{Carrier, Shared};
use super::query::Subscription;

/// Above this many waiting bytes or messages, what can be made up later is not queued.
const MAX_BYTES: usize = 256 * 1024;
const MAX_MESSAGES: usize = 256;
/// Above this many waiting bytes of answers alone, nothing more is read from the client.
const MAX_ANSWERS: usize = 4 * 1024 * 1024;

/// One connection's queue. Filled from anywhere, emptied by the connection.
pub struct Outbox {
    carrier: Carrier,
    queue: Mutex<Queue>,
    waker: AtomicWaker,
    drained: tokio::sync::Notify,
    closed: AtomicBool,
    /// The newest transaction of this connection itself.
    own_tx: AtomicI64,
}

#[derive(Default)]
struct Queue {
    direct: VecDeque<Bytes>,
    bytes: usize,
    /// Something has been sent.
    begun: bool,
    /// The attrs have changed: they go before everything that may need them, but not before the first message, which
    /// is the answer to `init`.
    attrs: Option<Arc<Shared>>,
    live: VecDeque<Arc<Subscription>>,
    rooms: BTreeSet<Arc<str>>,
    end: Option<Bytes>,
}

/// What comes next.
#[derive(Debug)]
pub enum Next {
    /// These bytes.
    Bytes(Bytes),
    /// The presence of a room, whole.
    Room(Arc<str>),
    /// Nothing any more.
    End,
}

impl Outbox {
    /// An empty one.
    #[must_use]
    pub fn new(carrier: Carrier) -> Self {
        Self {
            carrier,
            queue: Mutex::default(),
            waker: AtomicWaker::new(),
            drained: tokio::sync::Notify::new(),
            closed: AtomicBool::new(false),
            own_tx: AtomicI64::new(0),
        }
    }

    /// How the connection carries messages.
    #[must_use]
    pub fn carrier(&self) -> Carrier {
        self.carrier
    }

    /// Queues a message that the client waits for.
    pub fn answer(&self, message: &str) {
        self.push(self.carrier.frame(message));
    }

    /// Queues ready bytes.
    pub fn push(&self, bytes: Bytes) {
        let mut queue = self.queue();
        queue.bytes += bytes.len();
        queue.direct.push_back(bytes);
        drop(queue);
        self.waker.wake();
    }

    /// Queues a message that may be lost on a client who is behind: false when it was.
    pub fn offer(&self, message: &Shared) -> bool {
        let bytes = message.bytes(self.carrier);
        let mut queue = self.queue();
        if queue.is_behind() {
            return false;
        }
        queue.bytes += bytes.len();
        queue.direct.push_back(bytes);
        drop(queue);
        self.waker.wake();
        true
    }

    /// Queues a change of a room's presence, or for a client who is behind, the room.
    pub fn offer_room(&self, room: &Arc<str>, message: &Shared) {
        let mut queue = self.queue();
        if queue.is_behind() || queue.rooms.contains(room) {
            queue.rooms.insert(Arc::clone(room));
        } else {
            let bytes = message.bytes(self.carrier);
            queue.bytes += bytes.len();
            queue.direct.push_back(bytes);
        }
        drop(queue);
        self.waker.wake();
    }

    /// Queues new attrs.
    pub fn attrs(&self, message: Arc<Shared>) {
        self.queue().attrs = Some(message);
        self.waker.wake();
    }

    /// Says that a subscription has something new. It must not be queued already.
    pub(super) fn live(&self, subscription: Arc<Subscription>) {
        self.queue().live.push_back(subscription);
        self.waker.wake();
    }

    /// Ends the connection after what is queued; `last` is sent at the end.
    pub fn end(&self, last: Option<Bytes>) {
        let mut queue = self.queue();
        if queue.end.is_none() {
            queue.end = Some(last.unwrap_or_default());
        }
        drop(queue);
        self.waker.wake();
    }

    /// The connection is gone: nothing will be sent any more.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        *self.queue() = Queue { end: Some(Bytes::new()), ..Queue::default() };
        self.waker.wake();
        self.drained.notify_waiters();
    }

    /// True after [`Outbox::close`].
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// The newest transaction that came over this connection.
    #[must_use]
    pub fn own_tx(&self) -> i64 {
        self.own_tx.load(Ordering::Acquire)
    }

    /// Notes a transaction that came over this connection.
    pub fn wrote(&self, tx_id: i64) {
        self.own_tx.fetch_max(tx_id, Ordering::AcqRel);
    }

    /// Comes back when the client has taken enough of what waits for it.
    pub async fn has_room(&self) {
        loop {
            let drained = self.drained.notified();
            if self.is_closed() || self.queue().bytes <= MAX_ANSWERS {
                return;
            }
            drained.await;
        }
    }

    /// What comes next. Only the connection calls it.
    pub fn poll_next(&self, context: &mut Context<'_>) -> Poll<Next> {
        self.waker.register(context.waker());
        let mut queue = self.queue();
        loop {
            if queue.begun
                && let Some(attrs) = queue.attrs.take()
            {
                return Poll::Ready(Next::Bytes(attrs.bytes(self.carrier)));
            }
            if let Some(bytes) = queue.direct.pop_front() {
                queue.begun = true;
                let before = queue.bytes;
                queue.bytes -= bytes.len();
                if before > MAX_ANSWERS && queue.bytes <= MAX_ANSWERS {
                    self.drained.notify_waiters();
                }
                return Poll::Ready(Next::Bytes(bytes));
            }
            if let Some(subscription) = queue.live.pop_front() {
                drop(queue);
                if let Some(bytes) = subscription.take(self.carrier) {
                    return Poll::Ready(Next::Bytes(bytes));
                }
                queue = self.queue();
                continue;
            }
            if let Some(room) = queue.rooms.pop_first() {
                return Poll::Ready(Next::Room(room));
            }
            return match &mut queue.end {
                Some(last) if last.is_empty() => Poll::Ready(Next::End),
                Some(last) => Poll::Ready(Next::Bytes(std::mem::take(last))),
                None => Poll::Pending,
            };
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn is_behind(&self) -> bool {
        self.bytes > MAX_BYTES || self.direct.len() > MAX_MESSAGES || self.end.is_some()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::task::noop_waker;

    use super::*;

    fn next(outbox: &Outbox) -> Poll<Next> {
        outbox.poll_next(&mut Context::from_waker(&noop_waker()))
    }

    #[test]
    fn a_client_who_is_behind_gets_the_room_anew_and_no_broadcasts() {
        let outbox = Outbox::new(Carrier::Sse);
        let (room, patch) = (Arc::<str>::from("r"), Shared::new("{}".into()));
        for _ in 0..=MAX_MESSAGES {
            outbox.offer_room(&room, &patch);
        }
        assert!(!outbox.offer(&patch));
        outbox.offer_room(&room, &patch);
        outbox.answer("1");
        for _ in 0..=MAX_MESSAGES + 1 {
            assert!(matches!(next(&outbox), Poll::Ready(Next::Bytes(_))));
        }
        assert!(matches!(next(&outbox), Poll::Ready(Next::Room(r)) if r == room));
        assert!(next(&outbox).is_pending());
        outbox.end(Some(Bytes::from_static(b"bye")));
        assert!(matches!(next(&outbox), Poll::Ready(Next::Bytes(b)) if &b[..] == b"bye"));
        assert!(matches!(next(&outbox), Poll::Ready(Next::End)));
    }
}
