//! Callers whom the guard has let in, remembered for as long as nobody commits anything.
//!
//! What the guard finds depends on the request's headers and path, on the database and on the time. An entry keeps the first two,
//! holds good for exactly one state of the database ([`AsOf`]), and is looked at with the time; so nothing is ever answered
//! that the database would not answer now: a kick, a changed rank, an ended session count for the next request, whichever process
//! committed them. Refusals are not remembered. On PostgreSQL there is no [`AsOf`], and nothing is remembered.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

use super::guard::{Caller, Guard};
use crate::clock::Clock;
use crate::db::AsOf;

/// Callers that are remembered for each reader; a power of two. About 1.5 KiB each.
const SLOTS: usize = 2048;

/// What a caller asked: all that the answer depends on besides the database and the time. What is absent or does not
/// matter for the guard is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked<'a> {
    pub(super) guard: Guard,
    pub(super) app_token: &'a str,
    pub(super) jwt: &'a str,
    pub(super) path_user: &'a str,
    pub(super) group_id: &'a str,
    /// The group that he wants to enter through.
    pub(super) via: &'a str,
}

/// Callers by what they asked. One table for each reader: versions of different readers cannot be compared, and a thread comes
/// back to its reader, so that nobody waits.
pub struct Callers {
    /// Keyed, so that nobody can aim at another's slot.
    hasher: RandomState,
    readers: Box<[Mutex<Table>]>,
}

/// Slots by hash; who comes last has the slot. Empty until the first caller.
type Table = Vec<Option<Box<Known>>>;

struct Known {
    version: i64,
    guard: Guard,
    app_token: Box<str>,
    jwt: Box<str>,
    path_user: Box<str>,
    group_id: Box<str>,
    via: Box<str>,
    caller: Caller,
}

impl Callers {
    /// For a database with so many readers.
    #[must_use]
    pub fn new(readers: usize) -> Self {
        Self { hasher: RandomState::new(), readers: (0..readers).map(|_| Mutex::default()).collect() }
    }

    /// The caller who asked the same in the same state of the database, unless his JWT has expired since.
    pub(super) fn find(&self, as_of: AsOf, asked: &Asked<'_>, clock: &Clock) -> Option<Caller> {
        let table = self.readers.get(as_of.reader)?.lock().unwrap_or_else(PoisonError::into_inner);
        let known = table.get(self.slot(asked))?.as_ref()?;
        let same = known.version == as_of.version && known.asked() == *asked;
        let expired = |at: i64| at <= clock.now_ms().div_euclid(1000);
        let expired = asked.guard.needs_unexpired() && known.caller.expires_s.is_none_or(expired);
        (same && !expired).then(|| known.caller.clone())
    }

    /// Remembers whom [`super::guard::Credentials::check`] has let in when it was run after `as_of` was read.
    pub(super) fn remember(&self, as_of: AsOf, asked: &Asked<'_>, caller: &Caller) {
        let Some(table) = self.readers.get(as_of.reader) else { return };
        let known = Known {
            version: as_of.version,
            guard: asked.guard,
            app_token: asked.app_token.into(),
            jwt: asked.jwt.into(),
            path_user: asked.path_user.into(),
            group_id: asked.group_id.into(),
            via: asked.via.into(),
            caller: caller.clone(),
        };
        let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
        if table.is_empty() {
            table.resize_with(SLOTS, || None);
        }
        if let Some(slot) = table.get_mut(self.slot(asked)) {
            *slot = Some(Box::new(known));
        }
    }

    /// A JWT ends with its signature, and a token with random characters: their ends tell them apart.
    fn slot(&self, asked: &Asked<'_>) -> usize {
        let jwt = asked.jwt.as_bytes().last_chunk::<16>();
        let token = asked.app_token.as_bytes().last_chunk::<8>();
        let hash = self.hasher.hash_one((jwt, token, asked.path_user, asked.group_id));
        usize::try_from(hash % SLOTS as u64).unwrap_or(0)
    }
}

impl Known {
    fn asked(&self) -> Asked<'_> {
        Asked {
            guard: self.guard,
            app_token: &self.app_token,
            jwt: &self.jwt,
            path_user: &self.path_user,
            group_id: &self.group_id,
            via: &self.via,
        }
    }
}
