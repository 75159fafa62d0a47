//! What was found in one state of a SQLite database, remembered for exactly that state (docs/adr/0007): any commit, by any process,
//! forgets all of it. On PostgreSQL there is no [`AsOf`], and nothing is remembered.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, PoisonError};

use super::AsOf;

/// Findings that are remembered for each reader; a power of two.
const SLOTS: usize = 2048;

/// Findings `V` by what was asked, `K`. One table for each reader: versions of different readers cannot be compared, and a thread
/// comes back to its reader, so that nobody waits.
pub struct Remembered<K, V> {
    /// Keyed, so that nobody can aim at another's slot.
    hasher: RandomState,
    readers: Box<[Mutex<Table<K, V>>]>,
}

/// Slots by hash; who comes last has the slot. Empty until the first finding.
type Table<K, V> = Vec<Option<Box<Finding<K, V>>>>;

struct Finding<K, V> {
    version: i64,
    key: K,
    value: V,
}

impl<K, V: Clone> Remembered<K, V> {
    /// For a database with so many readers.
    #[must_use]
    pub fn new(readers: usize) -> Self {
        Self { hasher: RandomState::new(), readers: (0..readers).map(|_| Mutex::default()).collect() }
    }

    /// What was found in the same state of the database for a key that is `same`. `mark`: a short part of the key that tells most keys apart.
    pub fn find(&self, as_of: AsOf, mark: impl Hash, same: impl FnOnce(&K) -> bool) -> Option<V> {
        let table = self.readers.get(as_of.reader)?.lock().unwrap_or_else(PoisonError::into_inner);
        let finding = table.get(self.slot(mark))?.as_ref()?;
        (finding.version == as_of.version && same(&finding.key)).then(|| finding.value.clone())
    }

    /// Remembers what was found after `as_of` was read.
    pub fn remember(&self, as_of: AsOf, mark: impl Hash, key: K, value: V) {
        let Some(table) = self.readers.get(as_of.reader) else { return };
        let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
        if table.is_empty() {
            table.resize_with(SLOTS, || None);
        }
        if let Some(slot) = table.get_mut(self.slot(mark)) {
            *slot = Some(Box::new(Finding { version: as_of.version, key, value }));
        }
    }

    fn slot(&self, mark: impl Hash) -> usize {
        usize::try_from(self.hasher.hash_one(mark) % SLOTS as u64).unwrap_or(0)
    }
}
