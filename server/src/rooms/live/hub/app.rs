//! The live queries of one app, and what is known of its transactions.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use keystead_instaql::rules::Rules;
use keystead_instaql::topics::{Index, Topic};

use super::follower::Follower;
use super::frame::Shared;
use super::key::QueryKey;
use super::outbox::Outbox;
use super::query::{Found, Latest, LiveQuery, Subscription};
use crate::rooms::data::space::Status;

/// Transactions whose topics are remembered for queries that are being computed.
const RECENT: usize = 1_024;

/// An app with live queries or connections.
pub struct LiveApp {
    /// The app.
    pub id: Arc<str>,
    state: Mutex<State>,
    attrs_changed: AtomicBool,
    /// Of attrs and rules, as computations saw it last.
    version: AtomicI64,
    /// As it was seen last.
    status: Mutex<Option<Status>>,
    /// The rules that hold for rooms, with the version that they are from.
    rules: RwLock<(i64, Arc<Rules>)>,
}

#[derive(Default)]
struct State {
    by_key: HashMap<QueryKey, Arc<LiveQuery>>,
    by_id: HashMap<u64, Arc<LiveQuery>>,
    index: Index<u64>,
    next_id: u64,
    stale: VecDeque<Arc<LiveQuery>>,
    recent: VecDeque<(i64, Changed)>,
    seen: Seen,
    /// Connections that are told of new attrs: those that query by themselves.
    listeners: Vec<Arc<Outbox>>,
}

/// What a transaction changed, for live queries.
#[derive(Debug, Clone)]
pub enum Changed {
    /// These topics.
    Topics(Arc<HashSet<Topic>>),
    /// The schema, or more than can be told: every query.
    Everything,
}

/// Which transactions have been seen. They are numbered without gaps.
#[derive(Debug, Default)]
struct Seen {
    /// All up to this one.
    up_to: Option<i64>,
    /// And these.
    beyond: BTreeSet<i64>,
}

impl Seen {
    /// From here on: what is earlier is in every result.
    fn start(&mut self, at: i64) {
        if self.up_to.is_none() {
            self.up_to = Some(at);
            self.advance();
        }
    }

    /// False when it was seen before.
    fn add(&mut self, tx_id: i64) -> bool {
        if self.up_to.is_some_and(|up_to| tx_id <= up_to) || !self.beyond.insert(tx_id) {
            return false;
        }
        self.advance();
        true
    }

    fn advance(&mut self) {
        let Some(mut up_to) = self.up_to else { return };
        self.beyond.retain(|tx_id| *tx_id > up_to);
        while self.beyond.remove(&(up_to + 1)) {
            up_to += 1;
        }
        self.up_to = Some(up_to);
    }

    fn skip_to(&mut self, at: i64) {
        if self.up_to.is_none_or(|up_to| up_to < at) {
            self.up_to = Some(at);
            self.advance();
        }
    }
}

impl LiveApp {
    pub(super) fn new(id: Arc<str>) -> Self {
        Self {
            id,
            state: Mutex::default(),
            attrs_changed: AtomicBool::new(false),
            version: AtomicI64::new(0),
            status: Mutex::default(),
            rules: RwLock::default(),
        }
    }

    /// The query of this key, new if need be. It stays as long as somebody holds it or is subscribed.
    #[must_use]
    pub fn query(&self, key: &QueryKey) -> Arc<LiveQuery> {
        let mut state = self.state();
        if let Some(query) = state.by_key.get(key) {
            return Arc::clone(query);
        }
        state.next_id += 1;
        let query = Arc::new(LiveQuery::new(state.next_id, key.clone()));
        state.by_id.insert(query.id, Arc::clone(&query));
        state.by_key.insert(key.clone(), Arc::clone(&query));
        query
    }

    /// Takes in what was found for a query, with the topics it depends on.
    pub fn install(&self, query: &Arc<LiveQuery>, found: Found, topics: HashSet<Topic>) -> Arc<Latest> {
        let tx_id = found.tx_id;
        let mut state = self.state();
        state.seen.start(tx_id);
        if state.by_id.contains_key(&query.id) {
            // What has been committed after the look at the database and told before this moment.
            let missed = state.recent.iter().filter(|(at, _)| *at > tx_id).any(|(_, changed)| match changed {
                Changed::Everything => true,
                Changed::Topics(changed) => !changed.is_disjoint(&topics),
            });
            let forgotten = state.recent.len() >= RECENT && state.recent.front().is_some_and(|(at, _)| *at > tx_id + 1);
            state.index.set(query.id, topics);
            if (missed || forgotten) && query.doubt() {
                state.stale.push_back(Arc::clone(query));
            }
        }
        drop(state);
        query.install(found)
    }

    /// Subscribes a connection that is about to be told `known`, or that holds a copy.
    pub fn subscribe(
        &self,
        query: &Arc<LiveQuery>,
        outbox: &Arc<Outbox>,
        known: &Latest,
        follower: Option<Follower>,
    ) -> Arc<Subscription> {
        let mut state = self.state();
        let subscription = query.subscribe(outbox, known, follower);
        if state.by_id.insert(query.id, Arc::clone(query)).is_none() {
            // Its last subscriber left after this one had found it. Its topics are gone: they come with a new look.
            state.by_key.insert(query.key.clone(), Arc::clone(query));
            if query.doubt() {
                state.stale.push_back(Arc::clone(query));
            }
        }
        subscription
    }

    /// True when one of the changes may concern the query, or when it is not known what does.
    #[must_use]
    pub fn concerns(&self, changed: &HashSet<Topic>, query: &LiveQuery) -> bool {
        let state = self.state();
        state.index.topics(&query.id).is_none_or(|topics| !topics.is_disjoint(changed))
    }

    /// Forgets a query that nobody is subscribed to.
    pub fn leave(&self, subscription: &Arc<Subscription>) {
        let query = Arc::clone(subscription.query());
        if query.unsubscribe(subscription) {
            self.forget_deserted(&query);
        }
    }

    /// Forgets the query if nobody is subscribed.
    pub fn forget_deserted(&self, query: &Arc<LiveQuery>) {
        let mut state = self.state();
        if query.is_deserted() && state.by_id.remove(&query.id).is_some() {
            state.index.remove(&query.id);
            state.by_key.remove(&query.key);
        }
    }

    /// A committed transaction. True when there is something to compute.
    pub fn committed(&self, tx_id: i64, changed: Changed) -> bool {
        let mut state = self.state();
        if !state.seen.add(tx_id) {
            return false;
        }
        let before = state.stale.len();
        match &changed {
            Changed::Everything => state.doubt_all(),
            Changed::Topics(topics) => {
                let ids: Vec<u64> = state.index.matching(topics.iter()).into_iter().copied().collect();
                state.doubt(&ids);
            }
        }
        if state.recent.len() >= RECENT {
            state.recent.pop_front();
        }
        state.recent.push_back((tx_id, changed));
        state.stale.len() > before
    }

    /// Connections must be told of the attrs before they get further results.
    pub fn attrs_changed(&self) {
        self.attrs_changed.store(true, Ordering::Release);
    }

    /// True once after [`LiveApp::attrs_changed`].
    pub fn take_attrs_changed(&self) -> bool {
        self.attrs_changed.swap(false, Ordering::AcqRel)
    }

    /// True when attrs or rules are newer than what was seen before.
    pub fn saw_version(&self, version: i64) -> bool {
        let before = self.version.fetch_max(version, Ordering::AcqRel);
        before != 0 && before < version
    }

    /// True when the app has another status than it had before.
    pub fn saw_status(&self, status: Status) -> bool {
        let before = self.status.lock().unwrap_or_else(PoisonError::into_inner).replace(status);
        before.is_some_and(|before| before != status)
    }

    /// Takes in rules, unless newer ones are known. True when rooms may have to be looked at again.
    pub fn saw_rules(&self, version: i64, rules: &Arc<Rules>) -> bool {
        let mut known = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        if known.0 >= version {
            return false;
        }
        let concerns = known.1.has_rooms() || rules.has_rooms();
        let is_first = known.0 == 0;
        *known = (version, Arc::clone(rules));
        concerns && !is_first
    }

    /// The rules as they were seen last, with their version.
    #[must_use]
    pub fn rules(&self) -> (i64, Arc<Rules>) {
        self.rules.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// True when the app was switched off when it was looked at last.
    #[must_use]
    pub fn is_disabled(&self) -> bool {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) == Some(Status::Disabled)
    }

    /// The transactions that other nodes (or programs) have committed and that were not told here: those after this one;
    /// none before anything has been computed.
    #[must_use]
    pub fn seen_up_to(&self) -> Option<i64> {
        self.state().seen.up_to
    }

    /// The change log does not reach back far enough: everything may have changed up to here.
    pub fn skip_to(&self, tx_id: i64) {
        let mut state = self.state();
        state.seen.skip_to(tx_id);
        state.doubt_all();
    }

    /// Everything may have changed.
    pub fn all_changed(&self) {
        self.state().doubt_all();
    }

    /// The next query to compute.
    pub(crate) fn next_stale(&self) -> Option<Arc<LiveQuery>> {
        let mut state = self.state();
        while let Some(query) = state.stale.pop_front() {
            query.dequeued();
            if state.by_id.contains_key(&query.id) && !query.is_deserted() {
                return Some(query);
            }
        }
        None
    }

    /// How many wait to be computed.
    #[must_use]
    pub fn stale(&self) -> usize {
        self.state().stale.len()
    }

    /// The query is to be computed again, as the last attempt failed.
    pub(crate) fn retry(&self, query: &Arc<LiveQuery>) {
        let mut state = self.state();
        if query.doubt() {
            state.stale.push_back(Arc::clone(query));
        }
    }

    /// A connection that wants to hear of new attrs.
    pub fn listen(&self, outbox: &Arc<Outbox>) {
        self.state().listeners.push(Arc::clone(outbox));
    }

    /// A connection that is gone.
    pub fn forget(&self, outbox: &Arc<Outbox>) {
        self.state().listeners.retain(|other| !Arc::ptr_eq(other, outbox));
    }

    /// Tells the connections something that none may miss.
    pub fn tell(&self, message: &Shared) {
        for outbox in &self.state().listeners {
            outbox.push(message.bytes(outbox.carrier()));
        }
    }

    /// Tells the connections of new attrs.
    pub fn tell_attrs(&self, message: &Arc<Shared>) {
        for outbox in &self.state().listeners {
            outbox.attrs(Arc::clone(message));
        }
    }

    /// True when nothing is live.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let state = self.state();
        state.by_id.is_empty() && state.listeners.is_empty()
    }

    /// How many different queries there are.
    #[must_use]
    pub fn queries(&self) -> usize {
        self.state().by_id.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn doubt(&mut self, ids: &[u64]) {
        for query in ids.iter().filter_map(|id| self.by_id.get(id)) {
            if query.doubt() {
                self.stale.push_back(Arc::clone(query));
            }
        }
    }

    fn doubt_all(&mut self) {
        let ids: Vec<u64> = self.by_id.keys().copied().collect();
        self.doubt(&ids);
    }
}
