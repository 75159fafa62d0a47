//! One live query: what was found last, and who wants to know.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use keystead_instaql::Error;
use serde_json::{Value, json};

use super::follower::{Follower, Since};
use super::frame::{Carrier, Shared};
use super::key::{Form, QueryKey};
use super::outbox::Outbox;
use super::table::{Deltas, Table};

/// A query that somebody is subscribed to, as one permission context sees it.
pub struct LiveQuery {
    /// Names it in the index of topics.
    pub id: u64,
    /// What is asked, and by whom.
    pub key: QueryKey,
    slot: Mutex<Slot>,
    /// How often the result was put in doubt.
    doubts: AtomicU64,
    /// Waits to be computed.
    queued: AtomicBool,
}

#[derive(Default)]
struct Slot {
    latest: Option<Arc<Latest>>,
    /// The doubts that the latest result has answered.
    answered: u64,
    /// How a table came to be what it is.
    deltas: Option<Box<Deltas>>,
    subscribers: Vec<Arc<Subscription>>,
}

/// What was found last.
pub struct Latest {
    /// The last transaction that it includes.
    pub tx_id: i64,
    /// Grows when the content changes.
    version: u64,
    /// What was found.
    pub content: Arc<Content>,
    /// The message that tells subscribers, kept when there are several.
    refresh: Option<Shared>,
}

/// What a computation gives.
pub struct Found {
    /// [`LiveQuery::doubts`] from before.
    pub doubts: u64,
    /// The last transaction that it includes.
    pub tx_id: i64,
    /// The result, or the error that a client is told.
    pub content: Content,
}

/// The result of a query, as parts of messages.
#[derive(Debug, PartialEq)]
pub enum Content {
    /// JSON texts.
    Result {
        /// `result`
        result: Box<str>,
        /// `result-meta`
        meta: Option<Box<str>>,
    },
    /// Entities with their triples.
    Table(Table),
    /// What is wrong with it now.
    Error(Error),
}

/// One connection's interest in a live query.
pub struct Subscription {
    query: Arc<LiveQuery>,
    outbox: Arc<Outbox>,
    sent_version: AtomicU64,
    sent_tx: AtomicI64,
    queued: AtomicBool,
    forced: AtomicBool,
    /// Of a client that holds a copy.
    follower: Option<Box<Follower>>,
}

impl Latest {
    /// Counts the different contents of the query.
    pub(super) fn version(&self) -> u64 {
        self.version
    }
}

impl LiveQuery {
    /// A query of which nothing is known.
    #[must_use]
    pub fn new(id: u64, key: QueryKey) -> Self {
        Self { id, key, slot: Mutex::default(), doubts: AtomicU64::new(0), queued: AtomicBool::new(false) }
    }

    /// What was found last; none when that may not hold any more.
    #[must_use]
    pub fn fresh(&self) -> Option<Arc<Latest>> {
        let slot = self.slot();
        slot.latest.clone().filter(|_| slot.answered == self.doubts())
    }

    /// What was found last, whatever happened since.
    #[must_use]
    pub fn latest(&self) -> Option<Arc<Latest>> {
        self.slot().latest.clone()
    }

    /// What was found last. If nothing that the hub was told of has put it in doubt, it holds at transaction `tx_id` too.
    fn holds_at(&self, tx_id: i64) -> Option<Arc<Latest>> {
        let mut slot = self.slot();
        let latest = slot.latest.clone()?;
        if latest.tx_id >= tx_id || slot.answered != self.doubts() {
            return Some(latest);
        }
        let latest =
            Arc::new(Latest { tx_id, version: latest.version, content: Arc::clone(&latest.content), refresh: None });
        slot.latest = Some(Arc::clone(&latest));
        Some(latest)
    }

    /// Puts the result in doubt. True when the query must be queued for it.
    pub(super) fn doubt(&self) -> bool {
        self.doubts.fetch_add(1, Ordering::AcqRel);
        !self.queued.swap(true, Ordering::AcqRel)
    }

    /// It is taken from the queue: from now on it must be queued again.
    pub(super) fn dequeued(&self) {
        self.queued.store(false, Ordering::Release);
    }

    /// To be read before a computation looks at the database, and given to `install` afterwards.
    #[must_use]
    pub fn doubts(&self) -> u64 {
        self.doubts.load(Ordering::Acquire)
    }

    /// Takes what was found, and tells the subscribers if that is something new to them. What is older than what is
    /// there is dropped.
    pub(super) fn install(&self, found: Found) -> Arc<Latest> {
        let Found { tx_id, content, doubts } = found;
        let mut slot = self.slot();
        slot.answered = slot.answered.max(doubts);
        let (version, content) = match slot.latest.take() {
            Some(latest) if latest.tx_id > tx_id => {
                slot.latest = Some(Arc::clone(&latest));
                return latest;
            }
            Some(latest) if *latest.content == content => (latest.version, Arc::clone(&latest.content)),
            Some(latest) => {
                let version = latest.version + 1;
                if self.key.form == Form::Rows {
                    let changes = content.since(&latest.content);
                    slot.deltas.get_or_insert_default().push(version, tx_id, changes);
                }
                (version, Arc::new(content))
            }
            None => (1, Arc::new(content)),
        };
        let several = slot.subscribers.len() > 1;
        let refresh = several.then(|| content.refresh(&self.key.query, tx_id)).flatten().map(Shared::new);
        let latest = Arc::new(Latest { tx_id, version, content, refresh });
        slot.latest = Some(Arc::clone(&latest));
        for subscription in &slot.subscribers {
            subscription.notice(&latest);
        }
        latest
    }

    /// What the newest content has that one of a version has not.
    pub(super) fn since(&self, version: u64) -> Since {
        let slot = self.slot();
        match &slot.latest {
            None => Since::Nothing,
            Some(latest) if latest.version == version => Since::Nothing,
            Some(latest) => match &*latest.content {
                Content::Error(error) => Since::Failed(error.clone()),
                _ => match slot.deltas.as_ref().and_then(|deltas| deltas.after(version)) {
                    Some(txes) => Since::Changes(txes, latest.version),
                    None => Since::TooMuch,
                },
            },
        }
    }

    /// Adds a subscriber who is about to be told `known`, or who holds a copy.
    pub fn subscribe(
        self: &Arc<Self>,
        outbox: &Arc<Outbox>,
        known: &Latest,
        follower: Option<Follower>,
    ) -> Arc<Subscription> {
        let subscription = Arc::new(Subscription {
            query: Arc::clone(self),
            outbox: Arc::clone(outbox),
            sent_version: AtomicU64::new(known.version),
            sent_tx: AtomicI64::new(known.tx_id),
            queued: AtomicBool::new(false),
            forced: AtomicBool::new(false),
            follower: follower.map(Box::new),
        });
        let mut slot = self.slot();
        slot.subscribers.push(Arc::clone(&subscription));
        // Between the look at `known` and here something may have come.
        if let Some(latest) = slot.latest.clone() {
            subscription.notice(&latest);
        }
        subscription
    }

    /// Takes a subscriber away; true when nobody is left.
    pub fn unsubscribe(&self, subscription: &Arc<Subscription>) -> bool {
        let mut slot = self.slot();
        slot.subscribers.retain(|other| !Arc::ptr_eq(other, subscription));
        slot.subscribers.is_empty()
    }

    /// True when nobody is subscribed.
    #[must_use]
    pub fn is_deserted(&self) -> bool {
        self.slot().subscribers.is_empty()
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Content {
    /// The answer to an `add-query` of these members (`client-event-id`, `q`), comma at the end; an error has its own
    /// members instead.
    #[must_use]
    pub fn answer(&self, tx_id: i64, members: &str) -> Option<String> {
        match self {
            Self::Result { result, meta } => {
                let meta = meta.as_ref().map(|meta| format!(r#","result-meta":{meta}"#)).unwrap_or_default();
                Some(format!(r#"{{"op":"add-query-ok",{members}"result":{result}{meta},"processed-tx-id":{tx_id}}}"#))
            }
            Self::Table(_) | Self::Error(_) => None,
        }
    }

    /// The changes that lead here from another content; none where there is no such way.
    fn since(&self, old: &Self) -> Option<String> {
        match (self, old) {
            (Self::Table(new), Self::Table(old)) => new.since(old),
            _ => None,
        }
    }

    /// None for a table, of which each follower is told what he lacks.
    fn refresh(&self, query: &str, tx_id: i64) -> Option<String> {
        match self {
            Self::Result { result, meta } => {
                let meta = meta.as_ref().map(|meta| format!(r#","result-meta":{meta}"#)).unwrap_or_default();
                Some(format!(
                    r#"{{"op":"refresh-ok","processed-tx-id":{tx_id},"computations":[{{"instaql-query":{query},"instaql-result":{result}{meta}}}]}}"#
                ))
            }
            Self::Table(_) => None,
            Self::Error(error) => {
                let query: Value = serde_json::from_str(query).unwrap_or_default();
                let message = json!({
                    "op": "error", "status": error.kind.http_status(), "type": error.kind.name(),
                    "message": error.message, "hint": error.hint, "original-event": {"op": "add-query", "q": query},
                });
                Some(message.to_string())
            }
        }
    }
}

impl Subscription {
    /// The query.
    #[must_use]
    pub fn query(&self) -> &Arc<LiveQuery> {
        &self.query
    }

    /// Queues itself if `latest` is news to the client: other content, or content that includes the client's own write,
    /// which it shows as pending until it is told so.
    fn notice(self: &Arc<Self>, latest: &Latest) {
        if self.follower.is_some() {
            return self.enqueue();
        }
        let own = self.outbox.own_tx();
        let sent = self.sent_tx.load(Ordering::Acquire);
        let settles = own > sent && latest.tx_id >= own;
        if settles {
            self.forced.store(true, Ordering::Release);
        }
        if settles || latest.version != self.sent_version.load(Ordering::Acquire) {
            self.enqueue();
        }
    }

    /// After a write of this connection, of which the hub has been told: the result that includes it may be there already,
    /// or be the one from before, if the write does not concern the query.
    pub fn settle(self: &Arc<Self>) {
        if let Some(latest) = self.query.holds_at(self.outbox.own_tx()) {
            self.notice(&latest);
        }
    }

    fn enqueue(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::AcqRel) {
            self.outbox.live(Arc::clone(self));
        }
    }

    /// The newest result as bytes, unless the client has it.
    pub(super) fn take(self: &Arc<Self>, carrier: Carrier) -> Option<Bytes> {
        self.queued.store(false, Ordering::Release);
        if let Some(follower) = &self.follower {
            let (message, more) = follower.next(&self.query)?;
            if more {
                self.enqueue();
            }
            return Some(carrier.frame(&message));
        }
        let latest = self.query.latest()?;
        let forced = self.forced.swap(false, Ordering::AcqRel);
        let sent = self.sent_version.swap(latest.version, Ordering::AcqRel);
        self.sent_tx.fetch_max(latest.tx_id, Ordering::AcqRel);
        if !forced && sent == latest.version {
            return None;
        }
        match &latest.refresh {
            Some(shared) => Some(shared.bytes(carrier)),
            None => latest.content.refresh(&self.query.key.query, latest.tx_id).map(|text| carrier.frame(&text)),
        }
    }
}
