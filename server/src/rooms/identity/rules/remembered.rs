//! Callers whom [`super::authenticate`] has let in, remembered for exactly one state of the database (docs/adr/0007): any commit, by
//! any process, forgets all of it, so that logout, deletion, deactivation and changed roles count for the next request as before. What
//! depends on the time alone ends by itself. Refusals are not remembered, and on PostgreSQL nothing is.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use super::authenticate::Caller;
use crate::db::AsOf;

/// Callers that are remembered for each reader; a power of two. About 2 KiB each.
const SLOTS: usize = 2048;

/// Callers by app and access token. One table for each reader: versions of different readers cannot be compared.
pub struct Remembered {
    /// Keyed, so that nobody can aim at another's slot.
    hasher: RandomState,
    readers: Box<[Mutex<Table>]>,
}

/// Slots by hash; who comes last has the slot. Empty until the first caller.
type Table = Vec<Option<Box<Known>>>;

struct Known {
    version: i64,
    app_id: Box<str>,
    token: Box<str>,
    until_ms: i64,
    caller: Arc<Caller>,
}

impl Remembered {
    /// For a database with so many readers.
    #[must_use]
    pub fn new(readers: usize) -> Self {
        Self { hasher: RandomState::new(), readers: (0..readers).map(|_| Mutex::default()).collect() }
    }

    /// The caller of a token in the same state of the database, unless his time is over.
    pub(super) fn find(&self, as_of: AsOf, app_id: &str, token: &str, now_ms: i64) -> Option<Arc<Caller>> {
        let table = self.readers.get(as_of.reader)?.lock().unwrap_or_else(PoisonError::into_inner);
        let known = table.get(self.slot(token))?.as_ref()?;
        let same = known.version == as_of.version && &*known.token == token && &*known.app_id == app_id;
        (same && now_ms < known.until_ms).then(|| Arc::clone(&known.caller))
    }

    /// Remembers who was found after `as_of` was read, until the time at which he must be looked at again.
    pub(super) fn remember(&self, as_of: AsOf, app_id: &str, token: &str, until_ms: i64, caller: &Arc<Caller>) {
        let Some(table) = self.readers.get(as_of.reader) else { return };
        let (version, caller) = (as_of.version, Arc::clone(caller));
        let known = Known { version, app_id: app_id.into(), token: token.into(), until_ms, caller };
        let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
        if table.is_empty() {
            table.resize_with(SLOTS, || None);
        }
        if let Some(slot) = table.get_mut(self.slot(token)) {
            *slot = Some(Box::new(known));
        }
    }

    /// A token ends with its signature: that tells them apart.
    fn slot(&self, token: &str) -> usize {
        let hash = self.hasher.hash_one(token.as_bytes().last_chunk::<16>());
        usize::try_from(hash % SLOTS as u64).unwrap_or(0)
    }
}
