//! Callers whom [`super::authenticate`] has let in, remembered for exactly one state of the database (docs/adr/0007), so that logout,
//! deletion, deactivation and changed roles count for the next request as before. What depends on the time alone ends by itself.
//! Refusals are not remembered.

use std::sync::Arc;

use super::authenticate::Caller;
use crate::db::AsOf;

/// Callers by app and access token, with when they must be looked at again; about 2 KiB each.
pub struct Remembered(crate::db::Remembered<Asked, (i64, Arc<Caller>)>);

/// App and access token.
type Asked = (Box<str>, Box<str>);

impl Remembered {
    /// For a database with so many readers.
    #[must_use]
    pub fn new(readers: usize) -> Self {
        Self(crate::db::Remembered::new(readers))
    }

    /// The caller of a token in the same state of the database, unless his time is over.
    pub(super) fn find(&self, as_of: AsOf, app_id: &str, token: &str, now_ms: i64) -> Option<Arc<Caller>> {
        let same = |(app, known): &Asked| &**known == token && &**app == app_id;
        let (until_ms, caller) = self.0.find(as_of, mark(token), same)?;
        (now_ms < until_ms).then_some(caller)
    }

    /// Remembers who was found after `as_of` was read, until the time at which he must be looked at again.
    pub(super) fn remember(&self, as_of: AsOf, app_id: &str, token: &str, until_ms: i64, caller: &Arc<Caller>) {
        self.0.remember(as_of, mark(token), (app_id.into(), token.into()), (until_ms, Arc::clone(caller)));
    }
}

/// A token ends with its signature: that tells them apart.
fn mark(token: &str) -> Option<&[u8; 16]> {
    token.as_bytes().last_chunk()
}
